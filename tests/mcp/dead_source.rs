//! A source that is down, when the server starts or later: its tables say so, the rest works.

use super::client::{Client, MODERN};
use super::eventually;
use super::http::Request;
use super::server::{Demo, Server, celosia};
use serde_json::json;
use std::sync::Arc;

const CONFIG: &str = r#"
version: 1
identity: { api_keys: { file: keys.yaml } }
sources:
  shop: { kind: sqlite, url: "sqlite:absent.db" }
  support: { kind: sqlite, url: "sqlite:support.db" }
roles:
  analyst:
    open:
      - { tables: shop.main.products }
      - { tables: support.main.agents, columns: [id] }
  support: { open: [{ tables: support.main.tickets }] }
  compliance: { open: [{ tables: "support.main.*" }] }
catalog: { refresh: 1s }
"#;

const PRODUCTS: &str = "SELECT COUNT(*) FROM shop.main.products";

/// A server one of whose sources is not there yet.
fn half() -> Arc<Server> {
    let demo = Arc::new(Demo::new());
    Arc::new(Server::serve(&demo, &demo.write("half.yaml", CONFIG)))
}

#[test]
fn the_rest_works_and_the_source_is_picked_up_when_it_comes() {
    let server = half();
    let client = Client::new(&server, "analyst", MODERN);
    assert_eq!(Request::get("/readyz").send(server.address).status, 200);
    client.still_answers();
    let error = client.error("query", json!({"sql": PRODUCTS}));
    assert!(error["hint"].is_string(), "{error}");
    client.still_answers();
    std::fs::copy(server.demo.path().join("shop.db"), server.demo.path().join("absent.db"))
        .unwrap();
    eventually("the source is picked up", || {
        let answer = client.call("query", json!({"sql": PRODUCTS}));
        (answer["isError"] == false).then_some(())
    });
}

/// Who may see a table learns that its source is down; who may not learns nothing.
#[test]
fn a_table_of_a_source_that_is_down_says_so() {
    let server = half();
    let hidden = Client::new(&server, "support", MODERN).error("query", json!({"sql": PRODUCTS}));
    let absent = Client::new(&server, "support", MODERN)
        .error("query", json!({"sql": PRODUCTS.replace("products", "produkte")}));
    assert_eq!(hidden["code"], "unknown_name");
    assert_eq!(hidden.to_string(), absent.to_string().replace("produkte", "products"));
    let error = Client::new(&server, "analyst", MODERN).error("query", json!({"sql": PRODUCTS}));
    assert_eq!((&error["code"], &error["retry"]), (&json!("source"), &json!("later")), "{error}");
    assert!(error["message"].as_str().unwrap().contains("\"shop\""), "{error}");
}

/// Rules by wildcard may match what the absent source holds.
#[test]
fn rules_of_an_absent_source_do_not_stop_the_server() {
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[("sqlite:shop.db", "sqlite:absent.db")]);
    let path = demo.write("absent.yaml", &config);
    let server = Arc::new(Server::serve(&demo, &path));
    Client::new(&server, "analyst", MODERN).still_answers();
    let checked = celosia(&["check", "--config", path.to_str().unwrap()]);
    let said = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(said.contains("cannot be reached") && said.contains("shop"), "{said}");
    assert!(!said.contains("matches no column"), "{said}");
}

#[test]
fn a_source_that_goes_while_the_server_runs_is_named() {
    let server = Arc::new(Server::demo());
    let client = Client::new(&server, "compliance", MODERN);
    let before = client.rows(PRODUCTS);
    let [path, away] = ["shop.db", "away.db"].map(|name| server.demo.path().join(name));
    std::fs::rename(&path, &away).unwrap();
    for sql in [PRODUCTS, "SELECT MAX(o.total) FROM orders o JOIN tickets t USING (customer_id)"] {
        let error = client.error("query", json!({"sql": sql}));
        assert_eq!(
            (&error["code"], &error["retry"]),
            (&json!("source"), &json!("later")),
            "{error}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("source \"shop\": ") && message.contains("try again"),
            "{error}"
        );
        assert!(!message.contains("shop.db"), "nothing of the driver's: {error}");
        client.still_answers();
    }
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(client.rows(PRODUCTS), before);
}
