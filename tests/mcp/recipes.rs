//! `celosia connect`: what each client is to be told, taken as it is written and used by the client, or by its
//! library, where it installs; the configuration files of clients that have no command line are read as those do.

use super::clients::{run, tool};
use super::server::{Demo, Server, celosia};
use super::stdio::Lines;
use crate::mcp::http::Request;
use serde_json::{Value as Json, json};
use std::process::Command;
use std::sync::Arc;

/// A demo that serves, and its configuration with the address it serves at.
fn served() -> (Arc<Server>, String) {
    let server = Server::shared();
    let public = format!("server: {{ public_url: 'http://{}', ", server.address);
    let config = server.demo.config(&[("server: { ", &public)]);
    let path = server.demo.write("recipes.yaml", &config);
    (server, path.to_str().unwrap().to_string())
}

fn recipe(client: &str, config: &str) -> String {
    let told = celosia(&["connect", client, "--config", config]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

/// The tools that a request with these headers is given.
fn tools_at(url: &str, headers: &Json, key: &str) -> Vec<String> {
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    let mut request = Request::post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    for (name, value) in headers.as_object().unwrap() {
        let value = value.as_str().unwrap();
        // What the client puts in the place of a reference to the key.
        let (start, end) = (value.find("${").unwrap(), value.rfind('}').unwrap());
        request = request.header(name, &format!("{}{key}{}", &value[..start], &value[end + 1..]));
    }
    names(&request.send(address.parse().unwrap()).json())
}

fn names(reply: &Json) -> Vec<String> {
    let tools = reply["result"]["tools"].as_array().unwrap_or_else(|| panic!("{reply}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_string()).collect()
}

#[test]
fn files_for_http_open_the_server() {
    let (server, config) = served();
    let key = server.demo.key("analyst");
    for (client, servers, kind) in [
        ("claude-code", "mcpServers", Some("http")),
        ("cursor", "mcpServers", None),
        ("vscode", "servers", Some("http")),
    ] {
        let file: Json = serde_json::from_str(&recipe(client, &config)).unwrap();
        let entry = &file[servers]["celosia"];
        assert_eq!(entry["type"].as_str(), kind, "{client}");
        let tools = tools_at(entry["url"].as_str().unwrap(), &entry["headers"], &key);
        assert!(tools.contains(&"query".to_string()), "{client}: {tools:?}");
    }
}

#[test]
fn files_for_programs_start_one() {
    let demo = Demo::new();
    let config = demo.path().join("celosia.yaml");
    for client in ["claude-desktop", "claude-code-stdio"] {
        let file: Json = serde_json::from_str(&recipe(client, config.to_str().unwrap())).unwrap();
        let entry = &file["mcpServers"]["celosia"];
        let arguments = entry["args"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
        let mut command = Command::new(entry["command"].as_str().unwrap());
        command.args(arguments);
        let mut lines = Lines::spawn(command).initialized("2025-11-25");
        let tools = names(&lines.ask("tools/list", json!({})));
        assert!(tools.contains(&"query".to_string()), "{client}: {tools:?}");
    }
}

#[test]
fn mcp_remote_bridges_to_the_server() {
    let Some(node) = tool("CELOSIA_TEST_NODE") else { return };
    let Some(script) = tool("CELOSIA_TEST_MCP_REMOTE") else { return };
    let (server, config) = served();
    let file: Json = serde_json::from_str(&recipe("mcp-remote", &config)).unwrap();
    let entry = &file["mcpServers"]["celosia"];
    let arguments: Vec<&str> =
        entry["args"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!((&entry["command"], &arguments[..2]), (&json!("npx"), &["-y", "mcp-remote"][..]));
    let value = entry["env"]["AUTHORIZATION"].as_str().unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(node);
    command.arg(script).args(&arguments[2..]).env("HOME", home.path());
    command.env("MCP_REMOTE_CONFIG_DIR", home.path());
    command.env("AUTHORIZATION", value.replace("<key>", &server.demo.key("analyst")));
    let mut lines = Lines::spawn(command).initialized("2025-11-25");
    let tools = names(&lines.ask("tools/list", json!({})));
    assert!(tools.contains(&"query".to_string()), "{tools:?}");
}

#[test]
fn scripts_for_libraries_run_as_they_are() {
    let (server, config) = served();
    let written = tempfile::tempdir().unwrap();
    for (client, python) in [
        ("langchain", "CELOSIA_TEST_PYTHON_LANGCHAIN"),
        ("llamaindex", "CELOSIA_TEST_PYTHON_AGENTS"),
        ("openai-agents", "CELOSIA_TEST_PYTHON_AGENTS"),
    ] {
        let Some(python) = tool(python) else { continue };
        let script = written.path().join(format!("{client}.py"));
        std::fs::write(&script, recipe(client, &config)).unwrap();
        let mut command = Command::new(python);
        command.arg(script).env("CELOSIA_KEY", server.demo.key("analyst"));
        let output = run(&mut command);
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{client}: {said}{wrong}");
        assert!(said.lines().any(|line| line == "query"), "{client}: {said}{wrong}");
    }
}
