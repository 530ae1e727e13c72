//! A person says where a statement runs.

use super::nodes::{Inside, executors};
use super::outside::deployment;
use super::split::{ROLES, split};
use crate::mcp::client::{Client, MODERN};
use crate::mcp::server::{Demo, Server};
use crate::support::ask::{Said, ask_with, request};
use crate::support::{block_on, policy};
use celosia::query::{Engine, QueryRequest, RunOn, Spread};
use serde_json::json;
use std::sync::Arc;

const SQL: &str = "SELECT p_type, count(*) AS n FROM lineitem JOIN part ON l_partkey = p_partkey \
                   GROUP BY p_type ORDER BY n DESC, p_type";
const ARRIVAL: &str =
    "SELECT o_orderkey, p_name FROM orders JOIN part ON o_custkey = p_partkey LIMIT 5";

async fn on(engine: &Engine, run_on: RunOn, sql: &str) -> Said {
    let request = QueryRequest { run_on, ..request(sql) };
    ask_with(engine, &policy::named("ana", &["all"]), request).await
}

/// Whether the reply says that it could not be made elsewhere.
fn own(said: &Said) -> bool {
    said.head["warnings"].to_string().contains("own process")
}

#[test]
fn a_statement_runs_where_a_person_wants_it() {
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let inside = Inside::start(async || split.sources(), &rules, 1).await;
        let mut with = executors(inside.port);
        (with.spread, with.above) = (Spread::Auto, u64::MAX);
        let auto = split.engine(&rules, Some(with.clone())).await;
        with.spread = Spread::Always;
        let always = split.engine(&rules, Some(with)).await;
        let here = on(&auto, RunOn::Either, SQL).await;
        assert!(here.error().is_none() && here.place().is_null(), "{}", here.everything());
        for (engine, run_on, there) in [
            (&auto, RunOn::Executors, true),
            (&auto, RunOn::Server, false),
            (&always, RunOn::Either, true),
            (&always, RunOn::Server, false),
        ] {
            let said = on(engine, run_on, SQL).await;
            assert_eq!(said.rows, here.rows);
            assert_eq!(said.place()["engine"] == "ballista", there, "{run_on:?}");
            assert!(!own(&said), "{}", said.everything());
        }
        // What cannot run there says why, if it was wanted.
        let said = on(&auto, RunOn::Executors, ARRIVAL).await;
        assert!(said.error().is_none() && said.place().is_null(), "{}", said.everything());
        let told =
            "in the server's own process: its answer depends on the order in which rows arrive";
        assert!(said.head["warnings"].to_string().contains(told), "{}", said.head);
        assert!(!own(&on(&always, RunOn::Either, ARRIVAL).await));
    });
}

/// The argument is there where the choice is.
#[test]
fn a_client_is_offered_the_choice_where_there_is_one() {
    let arguments = |client: &Client| {
        let list = client.result("tools/list", json!({}))["tools"].take();
        let query = list.as_array().unwrap().iter().find(|tool| tool["name"] == "query").unwrap();
        query["inputSchema"]["properties"]["run_on"].clone()
    };
    let without = Client::new(&Server::shared(), "analyst", MODERN);
    assert!(arguments(&without).is_null());
    let sql = "SELECT count(*) AS n FROM shop.main.orders";
    assert!(without.answer("query", json!({"sql": sql, "run_on": "server"}))["rows"].is_array());
    let refused = without.error("query", json!({"sql": sql, "run_on": "executors"}));
    assert!(refused.to_string().contains("this server has no executors"), "{refused}");
    let (_, outside) = block_on(deployment());
    let demo = Arc::new(Demo::new());
    let engine = outside.engine("auto");
    let config = demo.write("with-executors.yaml", &format!("{}\n{engine}\n", demo.config(&[])));
    let server = Arc::new(Server::serve(&demo, &config));
    let client = Client::new(&server, "analyst", MODERN);
    assert_eq!(arguments(&client)["enum"], json!(["server", "executors"]));
    let wrong = client.error("query", json!({"sql": sql, "run_on": "elsewhere"}));
    assert!(wrong.to_string().contains("\\\"server\\\" or \\\"executors\\\""), "{wrong}");
    assert!(client.answer("query", json!({"sql": sql, "run_on": "server"}))["rows"].is_array());
}
