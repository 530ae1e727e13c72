//! The house of DESIGN.md, section 2, held by reading the sources.

mod rules;
mod source;

use rules::broken;
use source::{Source, read};

#[test]
fn the_house_stands() {
    let sources = read(&["src", "connectors", "tests", "benches"]);
    assert!(sources.len() > 100, "only {} files were found", sources.len());
    let found = broken(&sources);
    assert!(found.is_empty(), "{} rules are broken:\n{}", found.len(), found.join("\n"));
}

/// Every promise of SECURITY.md names a test, and the test is there.
#[test]
fn each_promise_has_its_test() {
    let promises = include_str!("../../SECURITY.md");
    let table =
        promises.split("## What we promise").nth(1).and_then(|rest| rest.split("## ").next());
    let names: Vec<&str> = table
        .expect("the promises")
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .flat_map(|line| line.rsplit('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2))
        .collect();
    assert!(names.len() > 25, "{names:?}");
    let sources = read(&["src", "connectors", "tests"]);
    for name in names {
        let test = name.rsplit("::").next().unwrap_or(name);
        let written = format!("fn {test}(");
        let found = sources.iter().any(|source| source.code.contains(&written));
        assert!(found, "SECURITY.md names a test that is not there: {name}");
    }
}

/// What `broken` says about one file.
fn said(path: &str, text: &str) -> Vec<String> {
    broken(&[Source::new(path, text, false)])
}

#[test]
fn a_broken_arrow_is_seen_in_every_spelling() {
    for text in [
        "use crate::policy::Rules;",
        "use crate::{error::Error, policy::Rules};",
        "use crate::{\n    model::{Page, Principal},\n    policy,\n};",
        "fn a() -> crate::policy::Rules {}",
        "pub(in crate::policy) fn a() {}",
        "use super::super::policy::Rules;",
    ] {
        assert_eq!(said("src/audit/log.rs", text).len(), 1, "{text}");
    }
    assert_eq!(said("src/audit/mod.rs", "use super::policy::Rules;").len(), 1);
    assert_eq!(said("src/mcp/reply.rs", "use crate::catalog::Catalog;").len(), 1);
    assert_eq!(said("src/config/mod.rs", "use crate::policy::Rules;").len(), 1);
    assert_eq!(said("src/attic/mod.rs", "").len(), 1, "a room that is not in the plan");
}

#[test]
fn an_allowed_arrow_is_not() {
    for (path, text) in [
        ("src/query/run.rs", "use crate::{audit::Intent, policy::Rules, model::Page};"),
        ("src/mcp/reply.rs", "use crate::audit::Receipt;"),
        ("src/app/mod.rs", "use crate::policy::Rules; use celosia_connector_sqlite::SqliteConfig;"),
        ("src/audit/log.rs", "use super::record::Draft; // crate::policy"),
        ("src/audit/log.rs", "const A: &str = \"crate::policy::Rules\";"),
        ("src/audit/log.rs", "#[cfg(test)]\nmod tests {\n use super::super::store::Store;\n}"),
    ] {
        assert_eq!(said(path, text), [""; 0], "{path}: {text}");
    }
}

#[test]
fn a_crate_in_the_wrong_room_is_seen() {
    for (path, text) in [
        ("src/results/store.rs", "use datafusion::arrow::array::ArrayRef;"),
        ("src/query/run.rs", "use axum::Router;"),
        ("src/identity/mod.rs", "fn a() { rmcp::model::x(); }"),
        ("src/query/run.rs", "use sqlx::Row;"),
        ("src/query/run.rs", "use celosia_connector_sqlite::SqliteConfig;"),
        ("connectors/api/src/error.rs", "use sqlx::Error;"),
        ("connectors/testkit/src/lib.rs", "use celosia_connector_postgres::PostgresConfig;"),
        ("src/demo/mod.rs", "use celosia_connector_testkit::cluster;"),
    ] {
        assert_eq!(said(path, text).len(), 1, "{path}: {text}");
    }
    assert_eq!(said("src/audit/store.rs", "use sqlx::Row;"), [""; 0]);
}

#[test]
fn proofs_holes_and_long_files_are_seen() {
    let establish = "fn a() { Principal::establish(x) }";
    assert_eq!(said("src/mcp/http/auth.rs", establish).len(), 1);
    assert_eq!(said("src/identity/local.rs", establish), [""; 0]);
    let test = format!("#[cfg(test)]\nmod tests {{\n{establish}\n}}");
    assert_eq!(said("src/mcp/http/auth.rs", &test), [""; 0]);
    assert_eq!(said("src/query/leaf.rs", "fn a() { let g = Grant { table }; }").len(), 1);
    assert_eq!(said("src/query/leaf.rs", "fn a() -> Grant {\n b() }"), [""; 0]);
    assert_eq!(said("src/model/table.rs", "fn a() { todo!() }").len(), 1);
    assert_eq!(said("src/model/table.rs", "fn a() { my_todo!() } // todo!"), [""; 0]);
    assert_eq!(said("src/model/table.rs", &"\n".repeat(501)).len(), 1);
    assert_eq!(said("connectors/tape/src/lib.rs", "").len(), 6, "files of a connector");
}
