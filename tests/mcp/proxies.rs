//! Callers whom a proxy names by headers: believed from where the configuration says, refused from elsewhere,
//! and never passed over.

use super::client::{Client, MODERN};
use super::http::Request;
use super::server::{Demo, Server};
use std::path::PathBuf;
use std::sync::Arc;

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

fn configured(demo: &Demo, networks: &str) -> PathBuf {
    let proxies = format!(
        "  api_keys: {{ file: keys.yaml }}\n  proxies:\n    - {{ networks: [{networks}], user_header: x-user, \
         groups_header: x-groups, attributes: {{ region: x-region }} }}"
    );
    let text = demo.config(&[
        ("  api_keys: { file: keys.yaml }", &proxies),
        ("  analyst:\n", "  analyst:\n    groups: [data-analysts]\n"),
    ]);
    demo.write("proxies.yaml", &text)
}

/// Headers as they are sent, and whether the request is let in.
const CASES: &[(&str, &str, u16)] = &[
    ("a user", "x-user: ana\r\n", 200),
    ("names in capitals are the same names", "X-USER: ana\r\nX-Groups: data-analysts\r\n", 200),
    ("several groups", "x-user: ana\r\nx-groups: data-analysts, other\r\n", 200),
    ("twice", "x-user: ana\r\nx-user: ana\r\n", 400),
    ("twice in another case", "x-user: ana\r\nX-User: bo\r\n", 400),
    ("with an underscore", "x_user: ana\r\n", 400),
    ("with an underscore beside the right one", "x-user: ana\r\nx_user: bo\r\n", 400),
    ("groups with an underscore", "x-user: ana\r\nX_Groups: data-analysts\r\n", 400),
    ("groups twice", "x-user: ana\r\nx-groups: data-analysts\r\nx-groups: other\r\n", 400),
    ("nobody", "x-user:\r\n", 400),
    ("blanks", "x-user:   \r\n", 400),
    ("groups without a user", "x-groups: data-analysts\r\n", 400),
    ("an attribute without a user", "x-region: EU\r\n", 400),
    ("an empty group", "x-user: ana\r\nx-groups: data-analysts,\r\n", 400),
    ("no groups", "x-user: ana\r\nx-groups:\r\n", 400),
    ("letters beyond ASCII", "x-user: \u{e1}na\r\n", 400),
    ("a tab inside", "x-user: a\tb\r\n", 400),
    ("folded over two lines", "x-user: ana\r\n bo\r\n", 400),
    ("a blank before the colon", "x-user : ana\r\n", 400),
    ("beside a credential", "x-user: ana\r\nAuthorization: Bearer KEY\r\n", 400),
    ("beside a credential that is none", "x-user: ana\r\nAuthorization: Bearer x\r\n", 400),
    ("nothing at all", "", 401),
    ("a credential alone", "Authorization: Bearer KEY\r\n", 200),
];

fn status(server: &Server, headers: &str) -> u16 {
    use std::io::{Read, Write};
    let headers = headers.replace("KEY", &server.demo.key("analyst"));
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Accept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n\r\n{BODY}",
        server.address,
        BODY.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let reply = String::from_utf8_lossy(&reply);
    reply.split(' ').nth(1).unwrap_or_else(|| panic!("{headers:?}: {reply}")).parse().unwrap()
}

#[test]
fn headers_are_believed_word_for_word_or_refused() {
    let demo = Arc::new(Demo::new());
    let server = Server::serve(&demo, &configured(&demo, "127.0.0.1"));
    for (name, headers, wanted) in CASES {
        assert_eq!(status(&server, headers), *wanted, "{name}");
    }
}

#[test]
fn headers_from_elsewhere_are_refused_and_never_passed_over() {
    let demo = Arc::new(Demo::new());
    let server = Server::serve(&demo, &configured(&demo, "127.0.0.2, 10.0.0.0/8"));
    for (name, headers, wanted) in CASES {
        let names_somebody = headers.to_lowercase().contains("x-") || headers.contains("x_");
        let wanted = if names_somebody { 400 } else { *wanted };
        assert_eq!(status(&server, headers), wanted, "{name}");
    }
    // The usual headers of proxies move nobody to another address.
    for forged in ["X-Forwarded-For: 10.0.0.1", "X-Real-IP: 127.0.0.2", "Forwarded: for=10.0.0.1"] {
        assert_eq!(status(&server, &format!("{forged}\r\nx-user: ana\r\n")), 400, "{forged}");
    }
}

#[test]
fn without_proxies_the_headers_mean_nothing_and_a_key_is_needed() {
    let server = Server::shared();
    let reply = Request::post(BODY).header("x-user", "ana").send(server.address);
    assert_eq!(reply.status, 401);
    Client::holding(&server, &server.demo.key("analyst"), MODERN).still_answers();
}
