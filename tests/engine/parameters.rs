//! Values that do not stand in the statement.

use super::engine;
use crate::support::ask::{Said, ask_with, request};
use crate::support::lab::benches;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::query::{Parameters, QueryRequest};
use serde_json::{Value as Json, json};

fn asked(sql: &str, parameters: Json) -> Said {
    let parameters = match parameters {
        Json::Array(values) => Parameters::Positional(values),
        Json::Object(values) => Parameters::Named(values),
        _ => Parameters::None,
    };
    let request = QueryRequest { parameters, ..request(sql) };
    block_on(ask_with(engine(), &policy::analyst(), request))
}

#[test]
fn values_by_position_and_by_name() {
    for (sql, parameters, rows) in [
        ("SELECT id FROM people WHERE id = $1", json!([5]), json!([[5]])),
        ("SELECT id FROM people WHERE id = $id", json!({"id": 5}), json!([[5]])),
        (
            "SELECT id FROM people WHERE id = $1 OR id = $2 OR id = $1 ORDER BY id",
            json!([5, 6]),
            json!([[5], [6]]),
        ),
        ("SELECT count(*) AS n FROM people WHERE region = $1", json!(["EU"]), json!([[19]])),
        (
            "SELECT count(*) AS n FROM people WHERE region = $r AND score > $s",
            json!({"r": "EU", "s": 88}),
            json!([[0]]),
        ),
        (
            "SELECT count(*) AS n FROM people WHERE region = ANY($1)",
            json!([["EU", "NA"]]),
            json!([[39]]),
        ),
        (
            "SELECT count(*) AS n FROM people WHERE id = ANY($ids)",
            json!({"ids": [1, 2, 3]}),
            json!([[2]]),
        ),
        (
            "SELECT count(*) AS n FROM people WHERE region IN ($1, $2)",
            json!(["EU", "X"]),
            json!([[19]]),
        ),
        (
            "SELECT count(*) AS n FROM people WHERE region = coalesce($1, 'NA')",
            json!([null]),
            json!([[20]]),
        ),
        ("SELECT count(*) AS n FROM people WHERE $1 IS NULL", json!([null]), json!([[60]])),
        ("SELECT count(*) AS n FROM people WHERE region = $1", json!([null]), json!([[0]])),
        ("SELECT count(*) AS n FROM orders WHERE amount = $1", json!([42.1]), json!([[0]])),
        ("SELECT count(*) AS n FROM people WHERE active = $1", json!([true]), json!([[45]])),
        ("SELECT id FROM people ORDER BY id LIMIT $1 OFFSET $2", json!([2, 1]), json!([[2], [5]])),
        (
            "SELECT $1 AS a, $2 AS b",
            json!(["x", 9007199254740993_i64]),
            json!([["x", "9007199254740993"]]),
        ),
    ] {
        let said = asked(sql, parameters);
        assert_eq!(Json::from(said.rows.clone()), rows, "{sql}: {}", said.everything());
    }
}

#[test]
fn a_value_is_never_sql() {
    for text in
        ["' OR 1=1 --", "EU' OR '1'='1", "$1", "\\' OR 1=1", "EU\"; DROP TABLE people; --", "'"]
    {
        let said = asked("SELECT count(*) AS n FROM people WHERE region = $1", json!([text]));
        assert_eq!(Json::from(said.rows.clone()), json!([[0]]), "{text}: {}", said.everything());
    }
}

#[test]
fn a_wrong_parameter_is_named() {
    let sql = "SELECT id FROM people WHERE id = $1";
    for (sql, parameters, words) in [
        (sql, json!(null), "$1"),
        (sql, json!([]), "$1"),
        (sql, json!([1, 2]), "2 parameters"),
        (sql, json!([{"a": 1}]), "object"),
        (sql, json!({"id": 1}), "$1"),
        ("SELECT id FROM people WHERE id = $id", json!({"idd": 1}), "$id"),
        ("SELECT $2", json!([1]), "$2"),
        ("SELECT $1", json!(["a\u{0}b"]), "NUL"),
    ] {
        let said = asked(sql, parameters.clone());
        assert_eq!(
            said.error(),
            Some("invalid_parameter"),
            "{sql} {parameters}: {}",
            said.everything()
        );
        assert!(said.text.contains(words), "{sql} {parameters}: {}", said.text);
    }
}

#[test]
fn a_value_of_the_wrong_type_is_an_error_and_not_a_guess() {
    for (sql, parameters) in [
        ("SELECT id FROM people WHERE id = $1", json!(["five"])),
        ("SELECT id FROM people WHERE born > $1", json!(["yesterday"])),
        ("SELECT id FROM people ORDER BY id LIMIT $1", json!(["x"])),
        ("SELECT id FROM people WHERE active = $1", json!(["perhaps"])),
    ] {
        let said = asked(sql, parameters);
        assert!(said.error().is_some(), "{sql}: {}", said.everything());
        assert_ne!(said.error(), Some("internal"), "{sql}: {}", said.everything());
    }
}

#[test]
fn a_value_reaches_the_source_bound_and_the_receipt_without_it() {
    for bench in benches() {
        let sql = "SELECT id FROM people WHERE region = $1 AND name = $2";
        let values = vec![json!("EU"), json!("Ada 06")];
        let request = QueryRequest { parameters: Parameters::Positional(values), ..request(sql) };
        let said = block_on(ask_with(bench.engine(World::A, true), &policy::analyst(), request));
        assert_eq!(Json::from(said.rows.clone()), json!([[6]]), "{:?}", bench.store);
        let sources = said.sources.to_string();
        assert!(
            sources.contains("region") && !sources.contains("Ada"),
            "{:?}: {sources}",
            bench.store
        );
        assert_eq!(
            said.sources[0]["rows"], 1,
            "{:?}: the source was asked for both: {sources}",
            bench.store
        );
    }
}
