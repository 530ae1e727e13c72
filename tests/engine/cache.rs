//! What is kept between requests (plans, views, templates) is kept apart: by caller, by policy, by value.

use crate::support::ask::{Said, ask, ask_with, request};
use crate::support::lab::{self, benches};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::identity::establish_local;
use celosia::model::{Attribute, Principal};
use celosia::query::{Engine, Parameters, QueryRequest};
use futures::StreamExt;
use serde_json::json;
use std::collections::BTreeMap;

/// Statements that mean something else to each caller.
const STATEMENTS: &[&str] = &[
    "SELECT count(*) AS n FROM people",
    "SELECT * FROM people ORDER BY id",
    "SELECT id, region FROM people WHERE region = 'EU' ORDER BY id",
    "SELECT id, region FROM people WHERE region = 'X' ORDER BY id",
    "SELECT id FROM people WHERE score = 55",
    "SELECT id FROM people WHERE score = 58",
    "SELECT name FROM people WHERE id = 5",
    "SELECT nickname FROM people WHERE id = 19",
    "SELECT count(*) AS n FROM orders",
    "SELECT p.id, o.id AS o FROM people p JOIN orders o ON o.person_id = p.id ORDER BY 1, 2",
    "SELECT * FROM secrets",
];

/// Callers who see different things.
fn callers() -> Vec<Principal> {
    let in_regions = |user: &str, regions: &[&str]| {
        let regions = regions.iter().map(|region| Attribute::Text((*region).into())).collect();
        let attributes = BTreeMap::from([("regions".to_string(), Attribute::List(regions))]);
        establish_local(user, ["analyst".to_string()], attributes)
    };
    vec![
        policy::analyst(),
        policy::both(),
        policy::regional(),
        policy::nobody(),
        in_regions("ana", &["EU"]),
        in_regions("ana", &["NA", "APAC"]),
        in_regions("ana", &[]),
        in_regions("eva", &["EU", "NA", "APAC"]),
        establish_local("ana", ["analyst".to_string()], BTreeMap::new()),
    ]
}

fn fresh(store: Store) -> Option<Engine> {
    block_on(lab::engine_with(store, |_| {}))
}

#[test]
fn a_plan_is_its_callers_own() {
    for bench in benches() {
        let callers = callers();
        let warm = fresh(bench.store).expect("it was there");
        // Every caller alone, on an engine that knows nothing yet.
        let alone: Vec<Vec<String>> = callers
            .iter()
            .map(|caller| {
                let cold = fresh(bench.store).expect("it was there");
                let asked = |sql: &&str| block_on(ask(&cold, caller, sql)).everything();
                STATEMENTS.iter().map(asked).collect()
            })
            .collect();
        for round in 0..3 {
            for (at, sql) in STATEMENTS.iter().enumerate() {
                for (caller, alone) in callers.iter().zip(&alone) {
                    let said = block_on(ask(&warm, caller, sql)).everything();
                    let who = caller.user();
                    assert_eq!(said, alone[at], "[{:?}] round {round}, {who}: {sql}", bench.store);
                }
            }
        }
    }
}

#[test]
fn a_kept_plan_takes_each_value_for_itself() {
    let values = [
        (
            "id",
            vec!["1", "5", "3", "'5'", "'x'", "5.0", "5.5", "NULL", "9223372036854775807", "-5"],
        ),
        ("region", vec!["'EU'", "'NA'", "'eu'", "''", "NULL", "5", "'X'", "'EU'''"]),
        ("name", vec!["'Ada 06'", "'ada 06'", "'O''Neil 02'", "'%'", "'Ada 06 '"]),
        ("email", vec!["'***@mail.example'", "'SECRETxA1@mail.example'", "'***'"]),
        ("born", vec!["'1951-01-01'", "'1951-07-13'", "DATE '1951-01-01'", "'soon'", "'1951'"]),
        ("active", vec!["true", "false", "'t'", "1", "NULL"]),
        ("salary", vec!["10000", "17731", "'10000'", "10000.0"]),
    ];
    for bench in benches() {
        let warm = fresh(bench.store).expect("it was there");
        for (column, values) in &values {
            for operator in ["=", "<>", "<", ">="] {
                for value in values {
                    let sql = format!(
                        "SELECT id FROM people WHERE {column} {operator} {value} ORDER BY id"
                    );
                    let kept = block_on(ask(&warm, &policy::analyst(), &sql));
                    // A comment makes it another text, so that it is planned for itself.
                    let own = format!("{sql} -- {}", sql.len());
                    let plain = format!(
                        "SELECT id FROM people WHERE ({column}) {operator} ({value}) ORDER BY id"
                    );
                    let other = block_on(ask(&warm, &policy::analyst(), &own));
                    let third = block_on(ask(&warm, &policy::analyst(), &plain));
                    for (how, said) in [("with a comment", &other), ("in parentheses", &third)] {
                        assert_eq!(kept.rows, said.rows, "[{:?}] {sql}, {how}", bench.store);
                        assert_eq!(
                            kept.error(),
                            said.error(),
                            "[{:?}] {sql}, {how}: {} and {}",
                            bench.store,
                            kept.text,
                            said.text
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_kept_plan_takes_each_parameter_for_itself() {
    let engine = fresh(Store::Sqlite).expect("SQLite is always here");
    let asked = |value: serde_json::Value| -> Said {
        let parameters = Parameters::Positional(vec![value]);
        let request = QueryRequest { parameters, ..request("SELECT id FROM people WHERE id = $1") };
        block_on(ask_with(&engine, &policy::analyst(), request))
    };
    for _ in 0..3 {
        for (value, rows) in [
            (json!(1), json!([[1]])),
            (json!(5), json!([[5]])),
            (json!(3), json!([])),
            (json!("5"), json!([[5]])),
            (json!(null), json!([])),
            (json!(5.0), json!([[5]])),
            (json!(5.5), json!([])),
        ] {
            let said = asked(value.clone());
            assert_eq!(
                serde_json::Value::from(said.rows.clone()),
                rows,
                "{value}: {}",
                said.everything()
            );
        }
        assert!(asked(json!("five")).error().is_some());
    }
}

#[test]
fn a_kept_plan_ends_with_its_catalog() {
    block_on(async {
        let file = lab::scratch().join("drift.db");
        let script =
            "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT);\nINSERT INTO t VALUES (1, 'a');\n";
        crate::support::load::sqlite(&file, script.into()).await;
        let mut parts = lab::parts(vec![("shop".into(), lab::sqlite(&file))]).await;
        parts.rules = policy::rules_of("roles: {analyst: {open: [{tables: \"shop.main.t\"}]}}", "");
        let catalog = parts.catalog.clone();
        let engine = Engine::new(parts).expect("an engine");
        let sql = "SELECT * FROM t WHERE id = 1";
        let before = ask(&engine, &policy::analyst(), sql).await;
        assert_eq!(before.rows, [json!([1, "a"])], "{}", before.everything());
        let script = "ALTER TABLE t ADD COLUMN b BIGINT;\nUPDATE t SET b = 7;\n";
        crate::support::load::sqlite(&file, script.into()).await;
        catalog.refresh().await;
        let after = ask(&engine, &policy::analyst(), sql).await;
        assert_eq!(after.rows, [json!([1, "a", 7])], "{}", after.everything());
    });
}

/// Callers at the same time get what each gets alone.
#[test]
fn many_callers_at_once_do_not_meet() {
    const ROUNDS: usize = 6;
    const AT_ONCE: usize = 24;
    for bench in benches() {
        let engine = bench.engine(World::A, true);
        let callers = callers();
        let one = |caller: usize, sql: &'static str| {
            let (engine, caller) = (engine.clone(), callers[caller].clone());
            Box::pin(async move { ask(&engine, &caller, sql).await.everything() })
        };
        let every: Vec<(usize, &'static str)> = (0..callers.len())
            .flat_map(|caller| STATEMENTS.iter().map(move |sql| (caller, *sql)))
            .collect();
        let alone: Vec<String> =
            every.iter().map(|(caller, sql)| block_on(one(*caller, sql))).collect();
        let all = (0..ROUNDS).flat_map(|round| {
            // Another order in every round.
            (0..every.len()).map(move |at| (at * (2 * round + 1) * 7 + round) % 99)
        });
        let all: Vec<usize> = all.filter(|at| *at < every.len()).collect();
        let asked = futures::stream::iter(all).map(|at| {
            let (caller, sql) = every[at];
            let reply = one(caller, sql);
            async move { (at, reply.await) }
        });
        let replies: Vec<(usize, String)> = block_on(asked.buffer_unordered(AT_ONCE).collect());
        assert!(replies.len() > 300, "{}", replies.len());
        for (at, reply) in replies {
            let (caller, sql) = every[at];
            assert_eq!(reply, alone[at], "[{:?}] {}: {sql}", bench.store, callers[caller].user());
        }
    }
}
