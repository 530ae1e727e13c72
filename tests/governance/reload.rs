//! A policy is changed while a server runs.

use crate::mcp::client::{Client, Era};
use crate::mcp::eventually;
use crate::mcp::http::Request;
use crate::mcp::server::{Demo, Server, celosia};
use crate::support::endpoint::{Does, Endpoint};
use serde_json::{Value as Json, json};
use std::sync::Arc;

fn served() -> Arc<Server> {
    let demo = Arc::new(Demo::new());
    let config = demo.write("served.yaml", &demo.config(&[]));
    Arc::new(Server::serve(&demo, &config))
}

fn change(server: &Server, changes: &[(&str, &str)]) {
    // Whole or not at all, as an administrator's tools write it.
    let new = server.demo.write("served.yaml.new", &server.demo.config(changes));
    std::fs::rename(new, server.demo.path().join("served.yaml")).unwrap();
}

/// Waits until a line of the log has these words.
fn said(server: &Server, words: &str, times: usize) {
    eventually(words, || (server.log().matches(words).count() >= times).then_some(()));
}

fn readiness(server: &Server) -> Json {
    Request::get("/readyz").send(server.address).json()
}

const IN_FORCE: &str = "the changed policy is in force";
const REFUSED: &str = "the changed configuration is refused";

#[test]
fn a_tightened_policy_takes_results_and_columns_away() {
    let server = served();
    let client = Client::new(&server, "analyst", Era::Stateless);
    let sql = "SELECT id, name, city FROM shop.main.customers ORDER BY id";
    let first = client.answer("query", json!({ "sql": sql, "limit": 2 }));
    let handle = first["handle"].as_str().unwrap();
    let version = first["receipt"]["policy_version"].as_str().unwrap();
    client.answer("fetch", json!({ "handle": handle, "offset": 2 }));
    change(
        &server,
        &[(
            "rows: \"region = user.region\" }",
            "rows: \"region = user.region\", columns: [id, name, region] }",
        )],
    );
    said(&server, IN_FORCE, 1);
    let gone = client.error("fetch", json!({ "handle": handle, "offset": 2 }));
    let unknown = client.error("fetch", json!({ "handle": "r_0000000000000000", "offset": 2 }));
    assert_eq!(gone["code"], unknown["code"]);
    assert_eq!(client.error("query", json!({ "sql": sql }))["code"], "unknown_name");
    let second = client.answer("query", json!({ "sql": "SELECT id, name FROM customers" }));
    assert_ne!(second["receipt"]["policy_version"], version);
}

#[test]
fn an_invalid_change_is_refused_and_visible_until_it_is_corrected() {
    let server = served();
    let client = Client::new(&server, "analyst", Era::Stateless);
    let sql = "SELECT count(*) FROM shop.main.products";
    let before = client.answer("query", json!({ "sql": sql }))["receipt"]["policy_version"].take();
    assert_eq!(readiness(&server), json!({ "status": "ready" }));
    change(&server, &[("shop.main.products,", "shop.main.produce,")]);
    said(&server, REFUSED, 1);
    assert!(server.log().contains("matches no table; did you mean"), "{}", server.log());
    let told = readiness(&server);
    assert!(told["reload"].as_str().unwrap().contains("was refused"), "{told}");
    assert_eq!(told["status"], "ready");
    let after = client.answer("query", json!({ "sql": sql }))["receipt"]["policy_version"].take();
    assert_eq!(before, after, "the policy before stays");
    change(
        &server,
        &[
            ("shop.main.products,", "shop.main.products, shop.main.nothing,"),
            ("shop.main.nothing,", ""),
        ],
    );
    eventually("the refusal is taken back", || {
        (readiness(&server) == json!({ "status": "ready" })).then_some(())
    });
}

#[test]
fn a_signal_reloads_at_once() {
    let server = served();
    let process = server.process.id().to_string();
    let hang_up = || {
        let sent = std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap();
        assert!(sent.success());
    };
    // The first look at the files comes with it, so that both tell the same.
    eventually("the signal is heard", || {
        hang_up();
        server.log().contains("nothing has changed").then_some(())
    });
    Client::new(&server, "analyst", Era::Stateless).still_answers();
}

#[test]
fn a_key_that_is_taken_out_is_refused_and_a_new_one_is_known() {
    let server = served();
    let client = Client::new(&server, "support", Era::Stateless);
    client.answer("query", json!({ "sql": "SELECT count(*) FROM support.main.tickets" }));
    let path = server.demo.path().join("keys.yaml");
    let keys = std::fs::read_to_string(&path).unwrap();
    let without = keys.replacen("roles: [support]", "roles: [support]\n    expires: 2001-01-01", 1);
    assert_ne!(keys, without, "{keys}");
    let write = |text: &str| {
        let new = server.demo.write("keys.yaml.new", text);
        std::fs::rename(new, &path).unwrap();
    };
    write(&without);
    let status = || {
        let header = ("Authorization", format!("Bearer {}", server.demo.key("support")));
        Request::post("{}").header(header.0, &header.1).send(server.address).status
    };
    eventually("the key is refused", || (status() == 401).then_some(()));
    write(&keys);
    eventually("the key is known", || (status() != 401).then_some(()));
    client.answer("query", json!({ "sql": "SELECT count(*) FROM support.main.tickets" }));
}

/// Models are others while the server runs; one that does not hold is refused, and the one before stays.
#[test]
fn another_model_is_asked_after_a_change() {
    const WHOLE: &str = r#"{"sql": "SELECT count(*) AS n FROM shop.main.products"}"#;
    let server = served();
    let client = Client::new(&server, "analyst", Era::Stateless);
    let tools = || client.result("tools/list", json!({}))["tools"].to_string();
    assert!(!tools().contains("\"ask\""));
    let models: Vec<Endpoint> = (0..2).map(|_| Endpoint::saying(&[WHOLE])).collect();
    let near = Endpoint::new([Does::Embeds(|_| vec![1.0, 0.5])]);
    let configured = |llm: &str, embeddings: &str| {
        change(&server, &[("semantics:", &format!("{llm}{embeddings}semantics:"))]);
    };
    let llm = |endpoint: &Endpoint| format!("llm: {{ url: \"{}\", model: m }}\n", endpoint.url());
    let ask = || client.answer("ask", json!({ "question": "how many products are there?" }));
    const NEW: &str = "the changed endpoints of models are in force";
    configured(&llm(&models[0]), "");
    said(&server, NEW, 1);
    assert!(tools().contains("\"ask\""));
    assert_eq!(ask()["model"], "m");
    assert_eq!((models[0].heard().len(), models[1].heard().len()), (1, 0));

    let embeddings = format!("embeddings: {{ url: \"{}\", model: e }}\n", near.url());
    configured(&llm(&models[1]), &embeddings);
    said(&server, NEW, 2);
    ask();
    assert_eq!((models[0].heard().len(), models[1].heard().len()), (0, 1));
    client.answer("search", json!({ "question": "orders of customers" }));
    assert_eq!(near.heard()[0].path, "/v1/embeddings");

    // No certificate is in it.
    server.demo.write("none.pem", "nothing");
    let wrong = llm(&models[0]).replace("model: m", "model: m, ca: none.pem");
    configured(&wrong, &embeddings);
    said(&server, REFUSED, 1);
    assert!(server.log().contains("llm: "), "{}", server.log());
    assert!(readiness(&server)["reload"].is_string());
    ask();
    assert_eq!((models[0].heard().len(), models[1].heard().len()), (0, 1));

    configured("", "");
    said(&server, NEW, 3);
    assert!(!tools().contains("\"ask\""));
}

/// An answer leads to the definitions that it may have used: in its receipt and in the audit.
#[test]
fn the_version_of_the_definitions_is_in_receipt_and_audit() {
    let server = served();
    let client = Client::new(&server, "analyst", Era::Stateless);
    let sql = "SELECT count(*) FROM shop.main.products";
    let ask = || client.answer("query", json!({ "sql": sql }))["receipt"].take();
    let before = ask();
    let config = server.demo.path().join("served.yaml");
    let checked = celosia(&["check", "--config", config.to_str().unwrap()]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    let version = |receipt: &Json| receipt["semantics_version"].as_str().unwrap().to_string();
    assert!(checked.contains(&format!("definitions {}", version(&before))), "{checked}");
    let file = server.demo.path().join("schemas/demo.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "\n# Another word.\n").unwrap();
    said(&server, "the changed semantic layer is in force", 1);
    let after = ask();
    assert_ne!(version(&before), version(&after));
    assert_eq!(before["policy_version"], after["policy_version"]);

    let export = |format: &str| -> Vec<Json> {
        let config = config.to_str().unwrap();
        let done = celosia(&["audit", "export", "--config", config, "--format", format]);
        let text = String::from_utf8(done.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for (receipt, format) in [(&before, "jsonl"), (&after, "ocsf")] {
        let records = export(format);
        let of = |r: &&Json| {
            r["id"] == receipt["id"] && r["kind"] == "open"
                || r["query_info"]["uid"] == receipt["id"] && r["status_detail"] == "answered"
        };
        let record = records.iter().find(of).unwrap();
        let said = if format == "jsonl" { &record["body"] } else { &record["unmapped"] };
        assert_eq!(said["semantics_version"], receipt["semantics_version"], "{record}");
    }
}
