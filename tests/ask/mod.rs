//! `ask` and the model of embeddings, over an endpoint on loopback that does its work, lies, stalls, talks, and worse.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used)]

mod embeddings;
mod governed;

use crate::support::endpoint::{Does, Endpoint};
use crate::support::lab;
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Table, columns, text};
use crate::support::{block_on, policy};
use celosia::audit::{self, Format, Location, Selection};
use celosia::endpoint::{ChatModel, Embedder, Place};
use celosia::error::{Code, Error};
use celosia::model::Principal;
use celosia::query::{AskRequest, Asked, Engine};
use celosia::results::render;
use celosia::semantics::Semantics;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const ROLES: &str = "
roles:
  all: {open: [{tables: 'shop.*.*'}]}
  few:
    open:
      - {tables: 'shop.*.sales', columns: [id, region, person_id, amount], rows: \"region = 'Quebrix'\"}
      - {tables: 'shop.*.people'}
";
const MASKS: &str = "
version: 1
masks:
  - {name: towns, columns: ['*.*.people.town'], mask: redact, except: [all]}
  - {name: names, columns: ['*.*.people.surname'], mask: {first: 1}, except: [all]}
";
const SEMANTICS: &str = "
version: 1
tables:
  shop.main.sales: { description: One row per sale. }
verified:
  per_region:
    question: How much was sold in each region?
    sql: SELECT region, sum(amount) AS wombat FROM shop.main.sales GROUP BY region
";

fn tables() -> [Table; 3] {
    let sale = |id: i64, region: &'static str, person: i64, amount: i64| {
        vec![
            Cell::Int(id),
            text(region),
            Cell::Int(person),
            Cell::Int(amount),
            Cell::Int(77_031 + id),
        ]
    };
    let sales = Table {
        name: "sales",
        columns: columns(&[
            ("id", "BIGINT"),
            ("region", "TEXT"),
            ("person_id", "BIGINT"),
            ("amount", "BIGINT"),
            ("kickback", "BIGINT"),
        ]),
        rows: vec![sale(1, "Quebrix", 1, 5), sale(2, "Quebrix", 2, 50), sale(3, "Zanthe", 1, 70)],
    };
    let people = Table {
        name: "people",
        columns: columns(&[("id", "BIGINT"), ("surname", "TEXT"), ("town", "TEXT")]),
        rows: vec![
            vec![Cell::Int(1), text("Ferrandiz"), text("Turin")],
            vec![Cell::Int(2), text("Osterholm"), text("Lyon")],
        ],
    };
    let vault = Table {
        name: "vault",
        columns: columns(&[("id", "BIGINT"), ("combination", "TEXT")]),
        rows: vec![vec![Cell::Int(1), text("Xylograph")]],
    };
    [sales, people, vault]
}

/// An engine with its endpoints, and where its audit is.
struct Lab {
    engine: Engine,
    audit: PathBuf,
}

/// What of a model is not as usual.
struct Model<'a> {
    endpoint: &'a Endpoint,
    timeout: Duration,
    max_tokens: usize,
    rows: bool,
}

impl<'a> Model<'a> {
    fn at(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, timeout: Duration::from_secs(60), max_tokens: 16_000, rows: false }
    }
}

fn place(endpoint: &Endpoint, timeout: Duration) -> Place {
    Place {
        url: endpoint.url(),
        model: "scripted-1".into(),
        key: Some("k3y-of-ours".into()),
        ca: None,
        timeout,
        concurrency: 4,
    }
}

async fn lab(model: Option<Model<'_>>, embeddings: Option<(&Endpoint, Duration)>) -> Lab {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let file = lab::scratch().join(format!("ask-{number}.db"));
    load::sqlite(&file, load::script(Store::Sqlite, &tables())).await;
    let mut parts = lab::parts(vec![("shop".into(), lab::sqlite(&file))]).await;
    let audit = lab::scratch().join(format!("ask-audit-{number}.db"));
    let store = format!("sqlite:{}", audit.display());
    parts.audit =
        audit::AuditLog::connect(&store, audit::Durability::Process, None).await.expect("an audit");
    parts.rules = policy::rules_of(ROLES, MASKS);
    parts.semantics = Arc::new(Semantics::parse("a.yaml", SEMANTICS).expect("loaded"));
    parts.model = model.map(|model| {
        let Model { endpoint, timeout, max_tokens, rows } = model;
        Arc::new(ChatModel::new(place(endpoint, timeout), max_tokens, rows).expect("a model"))
    });
    parts.embedder = embeddings
        .map(|(endpoint, timeout)| Arc::new(Embedder::new(place(endpoint, timeout)).expect("one")));
    let engine = Engine::new(parts).expect("an engine");
    engine.read_values(100).await;
    Lab { engine, audit }
}

fn who(role: &str) -> Principal {
    celosia::identity::establish_local("ana", [role.to_string()], BTreeMap::new())
}

async fn asked(engine: &Engine, role: &str, question: &str) -> Result<Asked, Error> {
    let request =
        AskRequest { question: question.into(), client: "test 1".into(), ..Default::default() };
    Box::pin(engine.ask(&who(role), request, CancellationToken::new())).await
}

fn rows(asked: &Asked) -> Json {
    render(&asked.answer.page).expect("rendered").structured["rows"].take()
}

/// The audit's records, one after the other.
async fn records(lab: &Lab) -> Vec<Json> {
    lab.engine.flush().await;
    let store = Location::parse(&format!("sqlite:{}", lab.audit.display())).expect("a store");
    let mut records = Vec::new();
    let take = |line: String| {
        records.push(serde_json::from_str(&line).expect("JSON"));
        Ok(())
    };
    audit::export(&store, Format::Records, &Selection::default(), take).await.expect("read");
    records
}

const QUESTION: &str = "What are the sales of each region?";
const RIGHT: &str = r#"{"sql": "SELECT region, sum(amount) AS sold FROM shop.main.sales GROUP BY region ORDER BY region", "assumptions": ["Every sale counts."]}"#;

#[test]
fn a_question_is_answered_with_its_sql_and_what_was_assumed() {
    block_on(async {
        let endpoint = Endpoint::saying(&[RIGHT]);
        let lab = lab(Some(Model::at(&endpoint)), None).await;
        let asked = asked(&lab.engine, "all", QUESTION).await.expect("answered");
        assert_eq!(rows(&asked), json!([["Quebrix", 55], ["Zanthe", 70]]));
        assert!(asked.sql.starts_with("SELECT region, sum(amount)"), "{}", asked.sql);
        assert_eq!(asked.assumptions, ["Every sale counts."]);
        assert_eq!((asked.model.as_str(), asked.repairs), ("scripted-1", 0));
        let [heard] = &endpoint.heard()[..] else { panic!("one request") };
        assert_eq!(heard.path, "/v1/chat/completions");
        assert!(heard.head.to_lowercase().contains("authorization: bearer k3y-of-ours"));
        assert_eq!((&heard.body["temperature"], &heard.body["stream"]), (&json!(0), &json!(false)));
        assert!(heard.body["max_tokens"].as_u64().is_some_and(|most| most <= 2_000));
        let user = heard.body["messages"][1]["content"].as_str().unwrap();
        for told in
            [QUESTION, "table shop.main.sales - One row per sale.", "verified \"How much was sold"]
        {
            assert!(user.contains(told), "{user}");
        }
        // The question and the statement, each before and after.
        let records = records(&lab).await;
        let of = |record: &Json| {
            (
                record["kind"].clone(),
                record["body"]["tool"].clone(),
                record["body"]["statement"].clone(),
            )
        };
        let said: Vec<String> = records.iter().map(|r| format!("{:?}", of(r))).collect();
        let tools = records.iter().filter(|r| r.to_string().contains("\"tool\":\"ask\"")).count();
        assert_eq!((records.len(), tools), (4, 2), "{said:?}");
        let receipt = serde_json::to_value(&asked.answer.receipt).unwrap();
        let id = receipt["id"].as_str().unwrap();
        assert!(records.iter().any(|r| r.to_string().contains(id)), "the receipt is in the audit");
    });
}

#[test]
fn a_model_that_invents_tables_is_told_and_repairs() {
    block_on(async {
        let invented = r#"{"sql": "SELECT sum(amount) FROM shop.main.salles"}"#;
        let endpoint = Endpoint::saying(&[invented, "It is 125 in all, I believe.", RIGHT]);
        let lab = lab(Some(Model::at(&endpoint)), None).await;
        let asked = asked(&lab.engine, "all", QUESTION).await.expect("answered");
        assert_eq!(asked.repairs, 2);
        assert_eq!(rows(&asked), json!([["Quebrix", 55], ["Zanthe", 70]]));
        let heard = endpoint.heard();
        let last =
            |at: usize| heard[at].body["messages"].as_array().unwrap().last().unwrap().clone();
        let told = last(1)["content"].as_str().unwrap().to_string();
        assert!(
            told.contains("table \"shop.main.salles\" does not exist or is not open to you")
                && told.contains("did you mean shop.main.sales?"),
            "{told}"
        );
        assert!(
            last(2)["content"].as_str().unwrap().contains("There is no statement in your reply")
        );
        assert_eq!(heard[2].body["messages"].as_array().unwrap().len(), 6);
    });
}

#[test]
fn after_two_repairs_it_is_over() {
    block_on(async {
        let endpoint = Endpoint::saying(&[r#"{"sql": "SELECT amnt FROM shop.main.sales"}"#]);
        let lab = lab(Some(Model::at(&endpoint)), None).await;
        let error = asked(&lab.engine, "all", QUESTION).await.expect_err("in vain");
        assert_eq!((error.code, endpoint.heard().len()), (Code::Model, 3));
        assert!(error.message.contains("amnt"), "{error}");
        assert!(error.hint.as_deref().unwrap().contains("amount"), "{error}");
        endpoint.does([Does::Says(r#"{"sql": null}"#.into())]);
        let error = asked(&lab.engine, "all", QUESTION).await.expect_err("declined");
        assert_eq!((error.code, endpoint.heard().len()), (Code::Model, 1), "{error}");
    });
}

#[test]
fn a_question_without_a_table_is_not_put_to_the_model() {
    block_on(async {
        let endpoint = Endpoint::saying(&[RIGHT]);
        let lab = lab(Some(Model::at(&endpoint)), None).await;
        for (role, question, code) in [
            ("all", "zzz", Code::UnknownName),
            ("nobody", QUESTION, Code::UnknownName),
            ("all", &"sales ".repeat(1_000), Code::InvalidArgument),
        ] {
            let error = asked(&lab.engine, role, question).await.expect_err("no question");
            assert_eq!(error.code, code, "{error}");
        }
        assert!(endpoint.heard().is_empty());
    });
}

/// Nothing of it is repeated, and it is not asked again.
#[test]
fn a_failing_endpoint_is_an_error_in_our_words() {
    block_on(async {
        let endpoint = Endpoint::saying(&[RIGHT]);
        let lab = lab(Some(Model::at(&endpoint)), None).await;
        let poison = || json!({"error": {"message": "POISON"}}).to_string();
        let elsewhere = Endpoint::saying(&[RIGHT]);
        let location: &'static str = Box::leak(
            format!("Location: {}/chat/completions\r\n", elsewhere.url()).into_boxed_str(),
        );
        for (does, told) in [
            (Does::Answers(500, "", poison()), "status 500"),
            (Does::Answers(429, "Retry-After: 999999\r\n", poison()), "status 429"),
            (Does::Answers(302, location, poison()), "status 302"),
            (Does::Answers(200, "", "POISON".into()), "does not have the form"),
            (Does::Answers(200, "", json!({"choices": []}).to_string()), "does not have the form"),
            (Does::Says("POISON ".repeat(20_000)), "does not have the form"),
            (Does::Answers(200, "", "x".repeat(3 << 20)), "too large"),
            (Does::HangsUp, "broke off"),
        ] {
            endpoint.does([does.clone()]);
            let error = asked(&lab.engine, "all", QUESTION).await.expect_err("no answer");
            assert_eq!((error.code, endpoint.heard().len()), (Code::Model, 1), "{told}");
            let said = format!("{error} {:?}", error.source);
            assert!(error.message.contains(told) && !said.contains("POISON"), "{told}: {said}");
        }
        assert!(elsewhere.heard().is_empty(), "a redirect is not followed");
        let failed = records(&lab).await;
        let failed =
            failed.iter().filter(|record| record.to_string().contains("\"error\":\"model\""));
        assert_eq!(failed.count(), 8);
    });
}

#[test]
fn a_silent_endpoint_ends_with_its_time_or_with_its_caller() {
    block_on(async {
        let endpoint = Endpoint::new([Does::Stalls]);
        let quick = Model { timeout: Duration::from_millis(150), ..Model::at(&endpoint) };
        let lab = lab(Some(quick), None).await;
        let started = Instant::now();
        let error = asked(&lab.engine, "all", QUESTION).await.expect_err("late");
        assert!(error.code == Code::Model && error.message.contains("in time"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
        endpoint.wait_for_hung_up(1);
        endpoint.heard();
        let lab = super::ask::lab(Some(Model::at(&endpoint)), None).await;
        let cancel = CancellationToken::new();
        let request = AskRequest { question: QUESTION.into(), ..Default::default() };
        let given_up = cancel.clone();
        let waiting = endpoint.clone();
        let hand = tokio::task::spawn_blocking(move || {
            waiting.wait_for_a_request();
            given_up.cancel();
        });
        let caller = who("all");
        let error = Box::pin(lab.engine.ask(&caller, request, cancel)).await.expect_err("given up");
        assert_eq!(error.code, Code::Cancelled);
        hand.await.unwrap();
        endpoint.wait_for_hung_up(2);
    });
}

#[test]
fn tokens_are_a_budget() {
    block_on(async {
        let mut wordy = crate::support::endpoint::said("Let me think about it.");
        wordy["usage"]["total_tokens"] = json!(15_950);
        let endpoint = Endpoint::new([Does::Answers(200, "", wordy.to_string())]);
        let lab = lab(Some(Model::at(&endpoint)), None).await;
        let error = asked(&lab.engine, "all", QUESTION).await.expect_err("too dear");
        assert!(error.code == Code::Model && error.message.contains("llm.max_tokens"), "{error}");
        assert_eq!(endpoint.heard().len(), 1);
    });
}
