//! Values that `search` knows: whole columns that are open to the caller as they are stored, and no others.

use crate::support::lab;
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Table, columns, text};
use crate::support::{block_on, policy};
use celosia::query::{Engine, Reply, SearchRequest};

const ROLES: &str = "
roles:
  open: {open: [{tables: 'shop.*.*'}]}
  some_rows: {open: [{tables: 'shop.*.places', rows: \"region = 'EU'\"}]}
  two_a: {open: [{tables: 'shop.*.places', columns: [id, region]}]}
  two_b: {open: [{tables: 'shop.*.places', columns: [id, town], rows: \"region = 'EU'\"}]}
  few_columns: {open: [{tables: 'shop.*.places', columns: [id, region]}]}
  counted: {open: [{tables: 'shop.*.places'}]}
";
const MASKS: &str = "
version: 1
masks:
  - {name: mails, columns: ['*.*.*.mail'], mask: redact}
  - {name: numbers, columns: ['*.*.*.plate'], mask: {aggregate_only: {min_group: 2}}}
";

fn places() -> Table {
    let rows = [
        ("EU", "Zaragoza", "quokka@example.org", 70_001),
        ("EU", "Áncash", "b@example.org", 70_002),
        ("US", "Wichita", "c@example.org", 70_003),
    ];
    let cells = |(id, (region, town, mail, plate)): (
        usize,
        (&'static str, &'static str, &'static str, i64),
    )| {
        let id = i64::try_from(id).expect("small") + 1;
        vec![Cell::Int(id), text(region), text(town), text(mail), Cell::Int(plate)]
    };
    let declared = [
        ("id", "BIGINT"),
        ("region", "TEXT"),
        ("town", "TEXT"),
        ("mail", "TEXT"),
        ("plate", "BIGINT"),
    ];
    Table {
        name: "places",
        columns: columns(&declared),
        rows: rows.into_iter().enumerate().map(cells).collect(),
    }
}

async fn engine(name: &str) -> Engine {
    let file = lab::scratch().join(format!("values-{name}.db"));
    load::sqlite(&file, load::script(Store::Sqlite, &[places()])).await;
    let mut parts = lab::parts(vec![("shop".into(), lab::sqlite(&file))]).await;
    parts.rules = policy::rules_of(ROLES, MASKS);
    let engine = Engine::new(parts).expect("an engine");
    engine.read_values(100).await;
    engine
}

async fn search(engine: &Engine, roles: &[&str], question: &str, tokens: Option<usize>) -> Reply {
    let request = SearchRequest {
        question: question.into(),
        limit: Some(10),
        max_tokens: tokens,
        ..Default::default()
    };
    engine.search(&policy::named("ana", roles), request).await.expect("recorded")
}

#[test]
fn a_phrase_finds_the_stored_value() {
    block_on(async {
        let engine = engine("phrase").await;
        // In another case, without its accent, with a slip of the pen.
        for (said, stored) in [
            ("customers in ZARAGOZA", "Zaragoza"),
            ("how much in ancash?", "Áncash"),
            ("Zaragosa", "Zaragoza"),
        ] {
            let reply = search(&engine, &["open"], said, None).await;
            assert!(reply.text.contains(&format!("[value: town = '{stored}']")), "{}", reply.text);
            let value = &reply.structured["tables"][0]["values"][0];
            assert_eq!((&value["column"], &value["value"]), (&"town".into(), &stored.into()));
        }
    });
}

/// The question alone may not tell whether a value is there.
#[test]
fn values_that_are_not_wholly_open_are_not_found() {
    block_on(async {
        let engine = engine("closed").await;
        for (roles, closed) in [
            (&["open"][..], &["quokka", "70001"][..]),
            (&["some_rows"], &["Wichita", "Zaragoza", "quokka"]),
            (&["two_a", "two_b"], &["Wichita", "Zaragoza"]),
            (&["few_columns"], &["Wichita", "Zaragoza", "70002"]),
            (&[], &["Wichita", "places"]),
        ] {
            for question in closed {
                let reply = search(&engine, roles, question, None).await;
                let absent = search(&engine, roles, "xylophagous", None).await;
                assert_eq!(reply.text, absent.text, "{question} for {roles:?}");
                assert_eq!(reply.structured, absent.structured, "{question} for {roles:?}");
            }
        }
    });
}

#[test]
fn a_reply_stays_within_its_budget() {
    block_on(async {
        let engine = engine("budget").await;
        let whole = search(&engine, &["open"], "places town region", None).await;
        let short = search(&engine, &["open"], "places town region", Some(100)).await;
        assert_eq!(whole.structured["truncated"], false);
        assert!(
            short.text.len() <= 300 && !short.structured["tables"].as_array().unwrap().is_empty()
        );
    });
}
