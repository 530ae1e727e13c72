//! Clients that people use, against the real server. One that is not installed is skipped, unless
//! `CELOSIA_REQUIRE_CLIENTS=1`; `./test tools` installs them all.

use super::server::{BINARY, Demo, Server};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A tool of the tests, by the variable that `./test` exports.
pub fn tool(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    let required = std::env::var("CELOSIA_REQUIRE_CLIENTS").is_ok_and(|value| value == "1");
    assert!(path.is_some() || !required, "{variable} names no program, and clients are required");
    if path.is_none() {
        println!("skipped: {variable} is not set (./test sets it)");
    }
    path
}

/// A file of `scripts/mcp/`.
pub fn script(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "scripts", "mcp", name].iter().collect()
}

/// Runs a client to its end.
pub fn run(command: &mut Command) -> Output {
    // Celosia answers on loopback; a proxy of the machine has no part in it.
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command.env("NO_PROXY", "127.0.0.1").stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}: {}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// `client_mcp.py` with one version of the official client.
fn official_client(python: &str, era: &str) {
    let Some(python) = tool(python) else { return };
    let server = Server::shared();
    let (url, key) = (server.url(), server.demo.key("analyst"));
    let own = Demo::new();
    for arguments in [["http", &*url, &*key], ["stdio", BINARY, own.text()]] {
        let mut command = Command::new(&python);
        command.arg(script("client_mcp.py")).args(arguments).args(["--era", era]);
        let output = run(&mut command);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains(": ok"), "{}", said(&output));
    }
}

#[test]
fn the_official_python_client_works() {
    official_client("CELOSIA_TEST_PYTHON_MCP", "auto");
}

#[test]
fn the_official_python_client_works_in_the_older_era() {
    official_client("CELOSIA_TEST_PYTHON_MCP", "legacy");
}

/// LangChain's environment holds the client's version 1.
#[test]
fn the_first_version_of_the_official_python_client_works() {
    official_client("CELOSIA_TEST_PYTHON_LANGCHAIN", "legacy");
}

#[test]
fn langchain_loads_the_tools_and_runs_a_query() {
    let Some(python) = tool("CELOSIA_TEST_PYTHON_LANGCHAIN") else { return };
    let server = Server::shared();
    let own = Demo::new();
    let mut command = Command::new(python);
    command.arg(script("client_langchain.py"));
    command.args([&*server.url(), &*server.demo.key("analyst"), BINARY, own.text()]);
    let output = run(&mut command);
    assert!(output.status.success(), "{}", said(&output));
}

/// The Inspector's command line: where the server is, what is asked.
struct Inspector {
    node: PathBuf,
    script: PathBuf,
    home: tempfile::TempDir,
}

impl Inspector {
    fn new() -> Option<Self> {
        let (node, script) = (tool("CELOSIA_TEST_NODE")?, tool("CELOSIA_TEST_INSPECTOR")?);
        Some(Self { node, script, home: tempfile::tempdir().unwrap() })
    }

    fn ask(&self, target: &[&str], asked: &[&str]) -> (i32, Json, String) {
        let mut command = Command::new(&self.node);
        command.arg(&self.script).args(["--cli", "--format", "json"]).args(asked).args(target);
        command.env("HOME", self.home.path());
        command.env("MCP_CATALOG_PATH", self.home.path().join("mcp.json"));
        let output = run(&mut command);
        let result = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code().unwrap(), result, said(&output))
    }
}

const SQL: &str = r#"{"sql": "SELECT name, email FROM shop.main.customers ORDER BY id LIMIT 2"}"#;
const WRONG: &str = r#"{"sql": "SELECT emial FROM shop.main.customers"}"#;
const LIST: [&str; 3] = ["--method", "tools/list", "--strict"];

fn query(arguments: &str) -> [&str; 6] {
    ["--method", "tools/call", "--tool-name", "query", "--tool-args-json", arguments]
}

/// Exit code 0 is an answer, 5 an error of the tool, 6 would be a schema that is not portable.
fn inspect(inspector: &Inspector, target: &[&str]) {
    let (code, list, said) = inspector.ask(target, &LIST);
    assert_eq!(code, 0, "{said}");
    assert_eq!(list["result"]["tools"].as_array().map(Vec::len), Some(8), "{said}");
    let (code, answer, said) = inspector.ask(target, &query(SQL));
    assert_eq!(code, 0, "{said}");
    let rows = &answer["result"]["structuredContent"]["rows"];
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "{said}");
    assert!(rows[0][1].as_str().unwrap().starts_with("***@"), "{rows}");
    let (code, answer, said) = inspector.ask(target, &query(WRONG));
    assert_eq!(code, 5, "{said}");
    let hint = &answer["result"]["structuredContent"]["error"]["hint"];
    assert_eq!(*hint, json!("did you mean email? (line 1, column 8)"), "{said}");
}

#[test]
fn the_inspector_works_over_http() {
    let Some(inspector) = Inspector::new() else { return };
    let server = Server::shared();
    let url = server.url();
    let key = format!("Authorization: Bearer {}", server.demo.key("analyst"));
    for era in ["modern", "legacy"] {
        let target = [&*url, "--transport", "http", "--protocol-era", era, "--header", &*key];
        inspect(&inspector, &target);
        for stranger in [&["--header", "Authorization: Bearer cel_0"][..], &[]] {
            let target = [&target[..5], stranger].concat();
            let (code, _, said) = inspector.ask(&target, &LIST);
            assert_eq!(code, 3, "nobody is let in without a key: {said}");
        }
    }
}

#[test]
fn the_inspector_works_over_stdio() {
    let Some(inspector) = Inspector::new() else { return };
    let demo = Demo::new();
    inspect(&inspector, &["--", BINARY, "demo", "--stdio", "--data", demo.text()]);
}
