//! Long answers: cut with notice, kept under a handle, paged for their owner alone.

use super::engine;
use crate::support::ask::{request, tool};
use crate::support::lab;
use crate::support::load::Store;
use crate::support::{block_on, policy};
use celosia::error::{Code, Error};
use celosia::model::Principal;
use celosia::query::{Answer, Engine, FetchRequest, Fetched, QueryRequest};
use celosia::results::render;
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

fn answer(engine: &Engine, who: &Principal, sql: &str, limit: Option<usize>) -> Answer {
    let request = QueryRequest { limit, ..request(sql) };
    let answered = block_on(engine.query(who, request, CancellationToken::new()));
    answered.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn fetch(
    engine: &Engine,
    who: &Principal,
    handle: &str,
    offset: usize,
    limit: usize,
) -> Result<Fetched, Error> {
    let request = FetchRequest {
        handle: handle.into(),
        offset: Some(offset),
        limit: Some(limit),
        ..Default::default()
    };
    block_on(engine.fetch(who, request))
}

/// The first column.
fn first(page: &celosia::model::Page) -> Vec<i64> {
    let rendered = render(page).expect("rendered");
    let rows = rendered.structured["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| row[0].as_i64().expect("a number")).collect()
}

const IDS: &str = "SELECT id FROM people ORDER BY id";

#[test]
fn a_limit_leaves_a_handle_and_the_pages_cover_everything_once() {
    let who = policy::analyst();
    let answer = answer(engine(), &who, IDS, Some(25));
    assert_eq!((answer.page.row_count, answer.page.truncated), (25, true));
    let rendered = render(&answer.page).expect("rendered");
    assert!(rendered.text.starts_with("CUT: first 25 rows shown"), "{}", rendered.text);
    let handle = answer.page.handle.clone().expect("a handle");
    let mut seen = first(&answer.page);
    while seen.len() < 60 {
        let fetched = fetch(engine(), &who, &handle, seen.len(), 20).expect("a page");
        assert_eq!(fetched.page.offset, seen.len());
        assert!(fetched.page.row_count > 0, "the pages end after {} rows", seen.len());
        assert_eq!(
            fetched.page.truncated,
            seen.len() + fetched.page.row_count < 60,
            "at {}",
            seen.len()
        );
        seen.extend(first(&fetched.page));
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!((sorted.len(), sorted), (60, seen));
    let past = fetch(engine(), &who, &handle, 60, 20).expect("an empty page");
    assert_eq!((past.page.row_count, past.page.truncated), (0, false));
}

#[test]
fn an_answer_that_fits_has_no_handle() {
    let answer = answer(engine(), &policy::analyst(), IDS, Some(60));
    assert_eq!((answer.page.handle, answer.page.truncated), (None, false));
}

#[test]
fn the_servers_limit_of_rows_is_said() {
    let long = answer(engine(), &policy::analyst(), "SELECT id FROM events ORDER BY id", None);
    assert_eq!((long.page.row_count, long.page.truncated), (1_000, true));
    assert!(long.warnings.iter().any(|w| w.contains("1000 rows")), "{:?}", long.warnings);
    let more = answer(engine(), &policy::analyst(), IDS, Some(5_000));
    assert!(more.warnings.iter().any(|w| w.contains("lowered")), "{:?}", more.warnings);
    let nothing = answer(engine(), &policy::analyst(), IDS, Some(0));
    assert_eq!((nothing.page.row_count, nothing.page.truncated), (0, true));
}

#[test]
fn a_handle_is_of_use_to_its_owner_alone() {
    let handle = answer(engine(), &policy::analyst(), IDS, Some(5)).page.handle.expect("a handle");
    let garbage =
        fetch(engine(), &policy::analyst(), "h_AAAAAAAAAAAAAAAAAAAAAA", 0, 5).expect_err("unknown");
    assert_eq!(garbage.code, Code::UnknownHandle);
    for who in [
        policy::both(),
        policy::nobody(),
        policy::named("eve", &["analyst"]),
        policy::named("ana", &[]),
    ] {
        let stolen = fetch(engine(), &who, &handle, 0, 5).expect_err("another's");
        assert_eq!(stolen.to_string(), garbage.to_string(), "{}", who.user());
        let export = FetchRequest {
            handle: handle.clone(),
            format: Some("csv".into()),
            ..Default::default()
        };
        let stolen = block_on(engine().fetch(&who, export)).expect_err("another's");
        assert_eq!(stolen.to_string(), garbage.to_string(), "{}", who.user());
    }
    for text in ["", "h_", "x", "../../etc/passwd", &format!("{handle} "), &handle[..10]] {
        let said = block_on(tool(engine(), &policy::analyst(), "fetch", text));
        assert_eq!(said.error(), Some("unknown_handle"), "{text:?}");
    }
    assert!(fetch(engine(), &policy::analyst(), &handle, 0, 5).is_ok());
}

#[test]
fn a_handle_is_bound_to_its_engine_and_policy() {
    let handle = answer(engine(), &policy::analyst(), IDS, Some(5)).page.handle.expect("a handle");
    let other = block_on(lab::engine_with(Store::Sqlite, |parts| {
        parts.rules = policy::rules_of(
            "roles: {analyst: {open: [{tables: \"shop.*.people\", columns: [id]}]}}",
            "",
        );
    }))
    .expect("SQLite is always here");
    let error = fetch(&other, &policy::analyst(), &handle, 0, 5).expect_err("another policy");
    assert_eq!(error.code, Code::UnknownHandle);
}

#[test]
fn a_result_is_exported_whole() {
    let who = policy::analyst();
    let sql = "SELECT id, name, email FROM people ORDER BY id";
    let handle = answer(engine(), &who, sql, Some(5)).page.handle.expect("a handle");
    let request =
        FetchRequest { handle: handle.clone(), format: Some("csv".into()), ..Default::default() };
    let export =
        block_on(engine().fetch(&who, request)).expect("an export").export.expect("a text");
    assert_eq!(export.lines().count(), 61, "{export}");
    assert!(export.contains("***@") && !export.contains("SECRET"), "{export}");
    let request = FetchRequest { handle, format: Some("xlsx".into()), ..Default::default() };
    let error = block_on(engine().fetch(&who, request)).expect_err("an unknown format");
    assert_eq!(error.code, Code::InvalidArgument);
    assert!(error.to_string().contains("csv"), "{error}");
}

#[test]
fn bytes_are_capped_with_notice() {
    let small = block_on(lab::engine_with(Store::Sqlite, |parts| parts.limits.bytes = 4_096));
    let small = small.expect("SQLite is always here");
    let wide = answer(
        &small,
        &policy::analyst(),
        "SELECT id, repeat(name, 20) AS n FROM people ORDER BY id",
        None,
    );
    assert!(wide.page.truncated && wide.page.row_count < 60, "{} rows", wide.page.row_count);
    assert!(wide.page.row_count > 0);
    assert!(wide.warnings.iter().any(|w| w.contains("4096 bytes")), "{:?}", wide.warnings);
    let text = render(&wide.page).expect("rendered").text;
    assert!(text.starts_with("CUT:"), "{text}");
    let one = answer(&small, &policy::analyst(), "SELECT repeat('x', 9000) AS x FROM people", None);
    assert_eq!((one.page.row_count, one.page.truncated), (1, true), "one row is always shown");
}

#[test]
fn a_receipt_counts_what_was_returned() {
    let answer = answer(engine(), &policy::analyst(), IDS, Some(7));
    let receipt: Json = serde_json::to_value(&answer.receipt).expect("json");
    assert_eq!(
        (&receipt["rows_returned"], &receipt["truncated"]),
        (&Json::from(7), &Json::from(true))
    );
    assert_eq!(receipt["filters"].as_array().map(Vec::len), Some(2), "{receipt}");
}
