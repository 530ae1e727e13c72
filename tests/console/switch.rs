//! Whether there is a console, and who administers, is what the configuration says.

use super::{answer, asking, reply};
use crate::mcp::client::{Client, MODERN};
use crate::mcp::eventually;
use crate::mcp::server::{Demo, Server, celosia};
use serde_json::Value as Json;
use std::process::Command;
use std::sync::Arc;

const ADMINISTRATORS: &str = "console: { administrators: [compliance] }";

#[test]
fn a_console_that_is_switched_off_is_not_there() {
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[(ADMINISTRATORS, "console: { enabled: false }")]);
    let server = Arc::new(Server::serve(&demo, &demo.write("off.yaml", &config)));
    let key = server.demo.key("compliance");
    let nothing = asking("/nothing", None).send(server.address).text();
    for path in ["/console", "/console/console.js", "/console/api/me", "/console/api/sources"] {
        let reply = asking(path, None).bearer(&key).send(server.address);
        assert_eq!((reply.status, reply.text()), (404, nothing.clone()), "{path}");
    }
    Client::new(&server, "analyst", MODERN).still_answers();
    // A server that says it is elsewhere has none unless it is asked for.
    let public = "server: { listen: \"127.0.0.1:0\", public_url: \"https://data.example.org\" }";
    let config = demo.config(&[("server: { listen: \"127.0.0.1:8017\" }", public)]);
    let server = Server::serve(&demo, &demo.write("public.yaml", &config));
    assert_eq!(asking("/console", None).send(server.address).status, 404);
}

#[test]
fn who_administers_changes_with_the_configuration() {
    let demo = Arc::new(Demo::new());
    let path = demo.write("changing.yaml", &demo.config(&[]));
    let server = Server::serve(&demo, &path);
    let administers =
        |role: &str| answer(&server, role, "/console/api/me", Json::Null)["administrator"] == true;
    assert!(administers("compliance") && !administers("support"));
    let now = "console: { administrators: [support] }";
    demo.write("changing.yaml", &demo.config(&[(ADMINISTRATORS, now)]));
    let process = server.process.id().to_string();
    let signalled = Command::new("kill").args(["-HUP", &process]).status().unwrap();
    assert!(signalled.success());
    eventually("another administrator", || administers("support").then_some(()));
    assert!(!administers("compliance"));
    assert_eq!(reply(&server, "compliance", "/console/api/sources", None).status, 403);
}

#[test]
fn a_role_that_is_none_administers_nothing() {
    let demo = Demo::new();
    let config = demo.config(&[(ADMINISTRATORS, "console: { administrators: [root] }")]);
    let path = demo.write("wrong.yaml", &config);
    let checked = celosia(&["check", "--config", path.to_str().unwrap()]);
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(!checked.status.success() && said.contains("console.administrators"), "{said}");
}
