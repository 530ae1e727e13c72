//! `/metrics` of a real server says what has happened to it, and nothing about anybody.

use super::scrape::{Numbers, Observed, of};
use crate::mcp::http::Request;
use serde_json::json;

const MASKED: &str =
    "SELECT name, email FROM shop.main.customers WHERE city <> 'Xyzzy-4711' LIMIT 3";

/// How much a series grew.
fn grown(before: &Numbers, after: &Numbers, series: &str) -> f64 {
    of(after, series) - of(before, series)
}

#[test]
fn numbers_say_what_happened() {
    let observed = Observed::with(&[]);
    let analyst = observed.client("analyst");
    let before = observed.numbers();
    let answer = analyst.answer("query", json!({"sql": MASKED}));
    let masks = answer["receipt"]["masks"].as_array().unwrap().clone();
    assert_eq!((answer["row_count"].as_u64(), masks.is_empty()), (Some(3), false), "{answer}");
    analyst.answer("query", json!({"sql": MASKED}));
    analyst.answer("search", json!({"question": "orders per customer"}));
    analyst.error("query", json!({"sql": "SELECT * FROM shop.main.no_such_table"}));
    analyst.error("query", json!({"sql": "DELETE FROM shop.main.orders"}));
    analyst.error("fetch", json!({"handle": "h_0123456789012345678901"}));
    analyst.error("describe", json!({"name": "shop.main.nowhere"}));
    analyst.ask("tools/call", json!({"name": "drop_everything", "arguments": {}}));
    let address = observed.server.address;
    assert_eq!(Request::post("{}").send(address).status, 401);
    assert_eq!(Request::post("{}").bearer("cel_wrong").send(address).status, 401);
    let after = observed.numbers();

    let expected = [
        ("celosia_tool_calls_total{tool=\"query\",outcome=\"ok\"}", 2.0),
        ("celosia_tool_calls_total{tool=\"search\",outcome=\"ok\"}", 1.0),
        ("celosia_tool_calls_total{tool=\"query\",outcome=\"unknown_name\"}", 1.0),
        ("celosia_tool_calls_total{tool=\"query\",outcome=\"not_allowed\"}", 1.0),
        ("celosia_tool_calls_total{tool=\"fetch\",outcome=\"unknown_handle\"}", 1.0),
        ("celosia_tool_calls_total{tool=\"describe\",outcome=\"unknown_name\"}", 1.0),
        ("celosia_tool_call_seconds_count{tool=\"query\"}", 4.0),
        ("celosia_denials_total{reason=\"unknown_name\"}", 2.0),
        ("celosia_denials_total{reason=\"not_allowed\"}", 1.0),
        ("celosia_denials_total{reason=\"unknown_handle\"}", 1.0),
        ("celosia_denials_total{reason=\"unknown_tool\"}", 1.0),
        ("celosia_denied_by_one_caller", 5.0),
        ("celosia_guessed_by_one_caller", 4.0),
        ("celosia_authentication_failures_total{reason=\"missing\"}", 1.0),
        ("celosia_authentication_failures_total{reason=\"invalid\"}", 1.0),
        ("celosia_http_responses_total{status=\"401\"}", 2.0),
        ("celosia_rows_returned_total", 6.0),
        ("celosia_row_filters_applied_total", 2.0),
        // The second statement is planned already.
        ("celosia_plan_lookups_total{plan=\"template\",result=\"hit\"}", 1.0),
        ("celosia_tool_calls_running", 0.0),
        ("celosia_audit_failures_total", 0.0),
        ("celosia_audit_waiting", 0.0),
    ];
    for (series, growth) in expected {
        assert_eq!(grown(&before, &after, series), growth, "{series}");
    }
    let masked: f64 = after
        .iter()
        .filter(|(series, _)| series.starts_with("celosia_masks_applied_total"))
        .map(|(_, number)| number)
        .sum();
    assert_eq!(masked, 2.0 * masks.len() as f64);
    let statements = "celosia_source_statements_total{source=\"shop\",outcome=\"ok\"}";
    assert!(grown(&before, &after, statements) >= 2.0, "{after:?}");
    assert!(grown(&before, &after, "celosia_source_rows_total{source=\"shop\"}") >= 6.0);
    assert!(grown(&before, &after, "celosia_source_bytes_total{source=\"shop\"}") > 0.0);
    assert!(grown(&before, &after, "celosia_result_bytes_total") > 0.0);
    // Two records for each question that ran, one for each that was refused before.
    assert!(grown(&before, &after, "celosia_audit_records_total") >= 8.0);
    assert!(grown(&before, &after, "celosia_audit_append_seconds_count") > 0.0);
}

#[test]
fn states_are_looked_at_when_somebody_asks() {
    let observed = Observed::with(&[]);
    let numbers = observed.numbers();
    for source in ["shop", "support"] {
        assert_eq!(of(&numbers, &format!("celosia_source_up{{source=\"{source}\"}}")), 1.0);
        assert!(of(&numbers, &format!("celosia_source_places{{source=\"{source}\"}}")) >= 1.0);
        assert_eq!(of(&numbers, &format!("celosia_source_waiting{{source=\"{source}\"}}")), 0.0);
    }
    assert_eq!(of(&numbers, "celosia_reload_refused"), 0.0);
    assert!(of(&numbers, "process_resident_memory_bytes") > 1e6);
    assert!(of(&numbers, "process_open_fds") > 3.0);
    assert!(of(&numbers, "process_cpu_seconds_total") > 0.0);
    assert_eq!(
        of(&numbers, &format!("celosia_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))),
        1.0
    );
    // The rest of a result waits for its owner.
    observed
        .client("compliance")
        .answer("query", json!({"sql": "SELECT * FROM shop.main.customers", "limit": 5}));
    let numbers = observed.numbers();
    // By its handle, and by its receipt.
    assert_eq!(of(&numbers, "celosia_results_kept"), 2.0);
    assert!(of(&numbers, "celosia_results_kept_bytes") > 1_000.0);
}

/// Labels are names of the configuration and of the program: what callers send and see is not in there.
#[test]
fn nobody_and_nothing_asked_is_in_the_numbers() {
    let observed = Observed::with(&[]);
    let analyst = observed.client("analyst");
    let answer = analyst.answer("query", json!({"sql": MASKED}));
    let shown = answer["rows"][0][1].as_str().unwrap();
    analyst.ask("tools/call", json!({"name": "steal_4711", "arguments": {}}));
    analyst.error("describe", json!({"name": "shop.main.guess_4711"}));
    let text = observed.text();
    for word in ["4711", "Xyzzy", "customers", "steal", shown, "analyst"] {
        assert!(!text.contains(word), "{word:?} in\n{text}");
    }
}

#[test]
fn the_number_of_series_does_not_grow_with_what_callers_make_up() {
    let observed = Observed::with(&[]);
    let analyst = observed.client("analyst");
    let call = |number: u32| {
        analyst.ask("tools/call", json!({"name": format!("tool_{number}"), "arguments": {}}));
        analyst.error("query", json!({"sql": format!("SELECT * FROM t{number}")}));
        analyst.call("query", json!({"sql": format!("SELECT {number} AS c{number}")}));
    };
    call(0);
    let before = observed.numbers().len();
    (1..20).for_each(call);
    assert_eq!(observed.numbers().len(), before);
}

#[test]
fn callers_are_not_told_what_operators_are() {
    let observed = Observed::with(&[]);
    let address = observed.server.address;
    assert_eq!(Request::get("/metrics").send(address).status, 404);
    assert_eq!(Request::get("/readyz/shop").send(address).status, 404);
    assert_eq!(Request::get("/readyz").send(address).json(), json!({"status": "ready"}));
    let told = observed.get("/readyz").json();
    assert_eq!(told, json!({"status": "ready", "sources": {"shop": "up", "support": "up"}}));
    assert_eq!(observed.get("/readyz/shop").status, 200);
    assert_eq!(observed.get("/readyz/nobody").status, 404);
    assert_eq!(observed.get("/healthz").status, 200);
    // And the protocol is not served where nobody is asked who they are.
    assert_eq!(Request::post("{}").send(observed.operators).status, 404);
}

#[test]
fn a_source_that_is_down_shows() {
    let from = r#"kind: sqlite, url: "sqlite:support.db""#;
    let to = r#"kind: postgres, url: "postgres://reader@127.0.0.1:1/nowhere?sslmode=disable""#;
    let observed = Observed::with(&[(from, to)]);
    let numbers = observed.numbers();
    assert_eq!(of(&numbers, "celosia_source_up{source=\"support\"}"), 0.0, "{numbers:?}");
    assert_eq!(of(&numbers, "celosia_source_up{source=\"shop\"}"), 1.0);
    let failed = "celosia_source_descriptions_total{source=\"support\",outcome=\"unreachable\"}";
    assert!(of(&numbers, failed) >= 1.0, "{numbers:?}");
    let reply = observed.get("/readyz/support");
    assert_eq!((reply.status, reply.json()), (503, json!({"status": "unreachable"})));
    assert_eq!(observed.get("/readyz").json()["status"], "ready", "the other one answers");
}

#[test]
fn one_caller_who_is_refused_again_and_again_is_named_in_the_log_once() {
    let observed = Observed::with(&[]);
    let support = observed.client("support");
    for number in 0..60 {
        support.error("describe", json!({"name": format!("shop.main.t{number}")}));
    }
    assert_eq!(of(&observed.numbers(), "celosia_guessed_by_one_caller"), 60.0);
    let log = observed.server.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("again and again")).collect();
    assert_eq!(told.len(), 2, "once as denied, once as guessing: {told:?}");
    assert!(told.iter().all(|line| !line.contains("shop.main")), "{told:?}");
}
