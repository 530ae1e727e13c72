//! Wrong-number guards: what is said of which statement (`cases.yaml`), what is not said of ordinary ones, and
//! that nothing hidden is in it.

mod benign;
mod hidden;
mod lab;

use crate::support::ask::{Said, ask, tool};
use crate::support::{block_on, policy};
use celosia::query::FetchRequest;
use lab::{codes, engine, everybody};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    sql: String,
    #[serde(default, rename = "as")]
    who: String,
    /// What is said.
    #[serde(default)]
    codes: Vec<String>,
    /// The columns of the first of them.
    #[serde(default)]
    columns: Vec<String>,
    /// What is nearly said.
    near: Option<String>,
}

fn cases() -> Vec<Case> {
    serde_saphyr::from_str(include_str!("cases.yaml")).expect("cases")
}

impl Case {
    /// What is wrong with the two replies.
    fn complaint(&self, answered: &Said, explained: &Said) -> Option<String> {
        let (told, foretold) = (codes(answered), codes(explained));
        if answered.error().is_some() || told != self.codes || foretold != self.codes {
            return Some(format!("{told:?}, explained {foretold:?}: {}", answered.head));
        }
        let warnings = answered.receipt["warnings"].as_array().cloned().unwrap_or_default();
        let in_receipt: Vec<&str> = warnings.iter().filter_map(|w| w["code"].as_str()).collect();
        let said = answered.head["warnings"].as_array().cloned().unwrap_or_default();
        let same = warnings.iter().zip(&said).all(|(warning, said)| {
            let (code, text) = (warning["code"].as_str(), warning["text"].as_str());
            said.as_str() == Some(&format!("{}: {}", code.unwrap_or(""), text.unwrap_or("")))
        });
        if in_receipt != self.codes || !same {
            return Some(format!("the receipt says {warnings:?}"));
        }
        let columns = warnings.first().map(|warning| warning["columns"].clone());
        let wrong = !self.columns.is_empty() && columns != Some(self.columns.clone().into());
        wrong.then(|| format!("it names {columns:?}"))
    }
}

#[test]
fn what_is_said_of_each_statement() {
    let mut failures = Vec::new();
    block_on(async {
        for pushdown in [true, false] {
            let engine = engine(pushdown).await;
            let remote = crate::support::lab::cluster().is_some();
            for case in cases() {
                if !remote && ["desk.", "erp.", "crm."].iter().any(|s| case.sql.contains(s)) {
                    continue;
                }
                let who = everybody(&case.who);
                let answered = ask(engine, &who, &case.sql).await;
                let explained = tool(engine, &who, "explain", &case.sql).await;
                if let Some(complaint) = case.complaint(&answered, &explained) {
                    failures.push(format!("{} (pushdown {pushdown}): {complaint}", case.name));
                }
                // The kept plan says the same.
                let again = ask(engine, &who, &case.sql).await;
                if codes(&again) != codes(&answered) {
                    failures.push(format!("{}: another answer the second time", case.name));
                }
            }
        }
    });
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn each_guard_has_cases_on_both_sides() {
    let mut sides: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for case in cases() {
        assert_eq!(case.codes.is_empty(), case.near.is_some(), "{}", case.name);
        for code in &case.codes {
            sides.entry(code.clone()).or_default().0 += 1;
        }
        if let Some(code) = case.near {
            sides.entry(code).or_default().1 += 1;
        }
    }
    assert_eq!(sides.len(), 10, "{sides:?}");
    assert!(sides.values().all(|(said, near)| *said >= 3 && *near >= 4), "{sides:?}");
}

/// A key that is shown is looked at in the answer, also where the plan was kept.
#[test]
fn a_shown_key_is_told_of_where_it_is_null() {
    block_on(async {
        let engine = engine(true).await;
        let top =
            |table: &str| format!("SELECT id, amount FROM {table} ORDER BY amount DESC LIMIT 2");
        for _ in 0..2 {
            let none = ask(engine, &everybody(""), &top("payments")).await;
            assert!(codes(&none).is_empty(), "{}", none.head);
            let some = ask(engine, &everybody(""), &top("gifts")).await;
            assert_eq!(codes(&some), ["null_order"], "{}", some.head);
            let said = some.head["warnings"].to_string();
            assert!(said.contains("DESC NULLS LAST"), "{said}");
            let grouped = "SELECT holder, sum(amount) AS s FROM gifts GROUP BY holder ORDER BY s DESC LIMIT 1";
            let grouped = ask(engine, &everybody(""), grouped).await;
            assert_eq!(codes(&grouped), ["null_order"], "{}", grouped.head);
        }
    });
}

/// A text that is no number is left out, not an error.
#[test]
fn texts_are_compared_with_numbers_as_numbers() {
    block_on(async {
        let engine = engine(true).await;
        for (condition, ids) in [
            ("worth = 7", vec![1]),
            ("worth IN (7, 8)", vec![1, 4]),
            ("worth BETWEEN 7 AND 9", vec![1, 4]),
            ("worth > 6.5", vec![1, 4]),
            ("7 >= worth", vec![1, 2]),
            ("worth = '007'", vec![1]),
        ] {
            let sql = format!("SELECT id FROM gifts WHERE {condition} ORDER BY id");
            let said = ask(engine, &everybody(""), &sql).await;
            let found: Vec<i64> = said.rows.iter().filter_map(|row| row[0].as_i64()).collect();
            assert_eq!(found, ids, "{sql}: {}", said.everything());
        }
        let unequal = "SELECT id FROM gifts WHERE worth <> 7";
        let said = ask(engine, &everybody(""), unequal).await;
        assert_eq!(said.error(), Some("evaluation"), "{}", said.text);
    });
}

/// Statements that differ in a constant share a plan, but not what is said of the constant.
#[test]
fn a_shared_plan_does_not_share_what_a_constant_means() {
    if crate::support::lab::cluster().is_none() {
        return;
    }
    block_on(async {
        let engine = engine(true).await;
        let who = everybody("");
        for (code, expected) in [("x", 0), ("", 1), ("y", 0), ("", 1)] {
            let sql = format!("SELECT id FROM crm.partners WHERE code = '{code}' AND id > 0");
            let said = ask(engine, &who, &sql).await;
            assert_eq!(codes(&said).len(), expected, "{sql}: {}", said.head);
        }
    });
}

#[test]
fn a_warning_is_one_line_below_the_first() {
    let said = block_on(async {
        let sql = "SELECT sum(p.amount) AS \"a\nb\" FROM lines l JOIN payments p ON p.order_id = l.order_id";
        let engine = engine(true).await;
        ask(engine, &everybody(""), sql).await
    });
    let warnings = said.head["warnings"].as_array().cloned().unwrap_or_default();
    assert_eq!(warnings.len(), 1, "{}", said.head);
    insta::assert_snapshot!(warnings[0].as_str().unwrap_or_default(), @"fan_out: rows of shop.main.lines and of shop.main.payments repeat each other, since what they are joined by (shop.main.lines.order_id and shop.main.payments.order_id) is unique on neither side, so one row may count many times in what is added up or counted; aggregate one side before the join");
}

/// Totals are made of what is fetched, too.
#[test]
fn a_stored_result_that_was_cut_says_so() {
    block_on(async {
        let store = crate::support::load::Store::Sqlite;
        let engine = crate::support::lab::engine_with(store, |parts| parts.limits.rows = 10).await;
        let engine = engine.expect("SQLite");
        let who = policy::analyst();
        let fetch = async |sql: &str| {
            let request = celosia::query::QueryRequest {
                limit: Some(3),
                ..crate::support::ask::request(sql)
            };
            let cancel = tokio_util::sync::CancellationToken::new();
            let answer = Box::pin(engine.query(&who, request, cancel)).await.expect("an answer");
            let handle = answer.page.handle.expect("a handle");
            let request = FetchRequest { handle, format: Some("csv".into()), ..Default::default() };
            Box::pin(engine.fetch(&who, request)).await.expect("a page").warnings
        };
        let cut = fetch("SELECT id FROM people ORDER BY id").await;
        assert_eq!(cut.len(), 1, "{cut:?}");
        assert!(cut[0].starts_with("truncated_input: the stored result holds the first 10 rows"));
        assert!(fetch("SELECT id FROM people ORDER BY id LIMIT 9").await.is_empty());
    });
}
