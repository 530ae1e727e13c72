//! The way of somebody new: from the names of databases to a first masked answer.

use crate::mcp::client::{Client, MODERN};
use crate::mcp::server::{BINARY, Demo, Server, celosia, drain};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// `celosia init` over the demo's databases, into a new directory below the demo's.
fn init(demo: &Demo, directory: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let path = |name: &str| demo.path().join(name).display().to_string();
    let target = path(directory);
    let sources = [
        format!("shop=sqlite:{}", path("shop.db")),
        format!("support=sqlite:{}", path("support.db")),
    ];
    let mut arguments = vec!["init", "--directory", &*target, "--user", "ana"];
    for source in &sources {
        arguments.extend(["--source", source]);
    }
    arguments.extend(more);
    let done = celosia(&arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn a_new_configuration_serves_masked_answers() {
    let demo = Arc::new(Demo::new());
    let (code, said, errors) = init(&demo, "new", &[]);
    assert_eq!(code, Some(0), "{errors}");
    let config = demo.path().join("new/celosia.yaml");
    let checked = celosia(&["check", "--config", config.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let key =
        said.split_whitespace().find(|word| word.starts_with("cel_")).expect("a key is shown once");
    for file in ["celosia.yaml", "keys.yaml", "masking-rules/proposed.yaml", "catalog.lock.yaml"] {
        let text = std::fs::read_to_string(demo.path().join("new").join(file)).unwrap();
        assert!(!text.contains(key), "the key is in {file}");
    }
    let server = Arc::new(Server::serve(&demo, &config));
    let client = Client::holding(&server, key, MODERN);
    let answer = client.answer(
        "query",
        json!({"sql": "SELECT id, email FROM shop.main.customers ORDER BY id LIMIT 2"}),
    );
    assert_eq!(answer["columns"][1]["masked"], "email", "{answer}");
    let email = answer["rows"][0][1].as_str().unwrap();
    assert!(email.starts_with("***@"), "{email}");
    // What a source grows later is not shown.
    let grown = "ALTER TABLE products ADD COLUMN margin INTEGER;\n";
    crate::support::block_on(crate::support::load::sqlite(
        &demo.path().join("shop.db"),
        grown.into(),
    ));
    let again = Arc::new(Server::serve(&demo, &config));
    let error = Client::holding(&again, key, MODERN)
        .error("query", json!({"sql": "SELECT margin FROM products"}));
    assert_eq!(error["code"], "unknown_name", "{error}");
}

#[cfg(unix)]
#[test]
fn secrets_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let demo = Demo::new();
    assert_eq!(init(&demo, "new", &[]).0, Some(0));
    let mode = |name: &str| {
        demo.path().join("new").join(name).metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("secrets"), mode("secrets/pseudonym.key")), (0o700, 0o600));
}

#[test]
fn all_is_written_or_nothing() {
    let demo = Demo::new();
    assert_eq!(init(&demo, "new", &[]).0, Some(0));
    let before = std::fs::read_to_string(demo.path().join("new/celosia.yaml")).unwrap();
    let (code, _, errors) = init(&demo, "new", &[]);
    assert!(code == Some(1) && errors.contains("celosia.yaml already"), "{errors}");
    assert_eq!(std::fs::read_to_string(demo.path().join("new/celosia.yaml")).unwrap(), before);
    for (more, reason) in [
        (["--source", "far=postgres://reader:hush@127.0.0.1:1/x"], "cannot be reached"),
        (["--source", "gone=sqlite:/nowhere/at/all.db"], "cannot be reached"),
        (["--source", "odd=http://example.org"], "begins with none of"),
        (["--source", "no url"], "NAME=URL"),
        (["--source", "a b=sqlite:x.db"], "a name is"),
        (["--role", "x: y"], "a name is"),
    ] {
        let (code, said, errors) = init(&demo, "other", &more);
        assert!(code == Some(1) && errors.contains(reason), "{more:?}: {errors}");
        assert!(!errors.contains("hush") && !said.contains("hush"), "{errors}");
        assert!(!demo.path().join("other").exists(), "{more:?} left something");
    }
}

/// The file for Claude Desktop, taken at its word.
#[test]
fn what_a_client_is_told_works() {
    let demo = Demo::new();
    assert_eq!(init(&demo, "new", &[]).0, Some(0));
    let config = demo.path().join("new/celosia.yaml");
    let told = celosia(&["connect", "claude-desktop", "--config", config.to_str().unwrap()]);
    let file: Json = serde_json::from_slice(&told.stdout).unwrap();
    let server = &file["mcpServers"]["celosia"];
    assert_eq!(server["command"], Path::new(BINARY).canonicalize().unwrap().to_str().unwrap());
    let arguments = server["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let mut command = Command::new(server["command"].as_str().unwrap());
    command
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let log = drain(process.stderr.take().unwrap());
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}});
    writeln!(process.stdin.as_mut().unwrap(), "{hello}").unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let answer: Json =
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}{}", log.lock().unwrap()));
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18", "{answer}");
    drop(process.stdin.take());
    process.wait().unwrap();
}

#[test]
fn completions_are_for_every_command() {
    let done = celosia(&["completions", "bash"]);
    let text = String::from_utf8(done.stdout).unwrap();
    for command in ["serve", "init", "connect", "doctor"] {
        assert!(text.contains(command), "{command}");
    }
}
