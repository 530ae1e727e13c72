//! The leak suite: attacks as data (`cases/*.yaml`), held against two worlds that differ only in what is
//! hidden or masked, with and without pushdown, on every kind of source.

mod case;
mod odd;
mod run;
mod trace;
mod wire;

use crate::support::lab::benches;
use crate::support::load::Store;
use case::Case;

/// Runs the cases of one file; every failure is shown, under its case's name.
fn hold(file: &str) {
    let cases = case::load(file);
    let mut failures = Vec::new();
    let mut runs = 0;
    for bench in benches() {
        let outcome = run::all(bench, &cases);
        runs += outcome.runs;
        failures.extend(outcome.failures);
    }
    println!("{file}: {} cases, {runs} replies", cases.len());
    let count = failures.len();
    assert!(failures.is_empty(), "{count} leaks or wrong replies:\n\n{}", failures.join("\n\n"));
}

/// What is wrong with the cases of one file on a bench of somebody else's.
#[cfg(feature = "ballista")]
pub(crate) fn wrong(bench: &crate::support::lab::Bench, file: &str) -> Vec<String> {
    // All of a matrix take an hour there; `CELOSIA_TEST_EVERY_LEAK` asks for them.
    let every = std::env::var_os("CELOSIA_TEST_EVERY_LEAK").is_some();
    let cases: Vec<Case> = case::load(file)
        .into_iter()
        .enumerate()
        .filter(|(at, case)| every || !case.expanded || at % 11 == 0)
        .map(|(_, case)| case)
        .collect();
    run::all(bench, &cases).failures
}

#[test]
fn masked_columns_in_conditions() {
    hold("masked_predicates");
}

#[test]
fn masked_columns_in_every_clause() {
    hold("masked_clauses");
}

#[test]
fn errors_are_no_oracles() {
    hold("oracles");
}

#[test]
fn hidden_names_are_names_that_do_not_exist() {
    hold("hidden_names");
}

#[test]
fn catalogs_and_statements_that_are_no_questions() {
    hold("catalogs");
}

#[test]
fn statistics_count_open_rows() {
    hold("statistics");
}

#[test]
fn roles_open_rows_and_cells() {
    hold("roles");
}

#[test]
fn ordinary_questions_are_answered_right() {
    hold("benign");
}

/// All written cases and one clause of each matrix, over the protocol.
#[test]
fn the_surface_adds_nothing() {
    let all: Vec<Case> = case::files().iter().flat_map(|file| case::load(file)).collect();
    let over_mcp = |case: &&Case| {
        let one_clause = !case.expanded || case.name.ends_with(", where");
        case.tool != "tables" && !case.sql.is_empty() && one_clause
    };
    let mut complaints = Vec::new();
    let mut frames = 0;
    for bench in benches() {
        // Without pushdown the surface is the same, whatever the source.
        let settings: &[bool] = if bench.store == Store::Sqlite { &[true, false] } else { &[true] };
        for &pushdown in settings {
            for who in ["", "both", "regional", "nobody"] {
                let cases: Vec<&Case> =
                    all.iter().filter(|c| c.who == who).filter(over_mcp).collect();
                frames += 2 * cases.len();
                complaints.extend(wire::all(bench, pushdown, who, &cases));
            }
        }
    }
    println!("{frames} frames");
    assert!(complaints.is_empty(), "{} leaks:\n\n{}", complaints.len(), complaints.join("\n\n"));
}

#[test]
fn there_are_enough_cases_and_no_name_twice() {
    let files = case::files();
    let all: Vec<Case> = files.iter().flat_map(|file| case::load(file)).collect();
    let mut names: Vec<&str> = all.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "a name names one case");
    let benign = case::load("benign");
    let written = |text: &str| -> Vec<serde_json::Value> {
        serde_saphyr::from_str(text).expect("a list of cases")
    };
    let tokens = written(include_str!("../mcp/tokens/cases.yaml"));
    let tokens = tokens.iter().filter(|case| case["status"] != 200).count();
    let configurations = written(include_str!("../mcp/configs.yaml")).len();
    let hostile = all.iter().filter(|case| !case.expanded).count() - benign.len();
    let others = crate::mcp::hostile::count();
    println!(
        "{hostile} statements, {tokens} tokens, {configurations} configurations, {others} others"
    );
    assert!(hostile + tokens + configurations >= 500, "{hostile} + {tokens} + {configurations}");
    assert!(others >= 250, "{others} frames, requests, arguments and values");
    let questions = include_str!("../tpch/queries.sql").matches("-- Q").count();
    assert!(benign.len() + questions >= 60, "{} + {questions}", benign.len());
    assert!(benign.iter().all(|case| case.rows.is_some()), "every ordinary question has its rows");
}
