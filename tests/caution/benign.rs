//! Ordinary statements: nothing is said of them but where it is true.

use super::lab::{codes, everybody, sqlite};
use crate::pushdown::fixture::pair;
use crate::support::ask::tool;
use crate::support::lab::{benches, parts};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::query::Engine;

/// The questions with a LIKE, which SQLite's own would answer without minding case.
const LIKES: &[&str] = &["2", "9", "13", "14", "16", "20"];

/// With the keys of its specification TPC-H has no join that repeats rows, and nothing else to say.
#[test]
fn nothing_is_said_of_tpch() {
    block_on(async {
        let shop = sqlite("tpch", include_str!("tpch.sql")).await;
        let mut parts = parts(vec![("shop".into(), shop)]).await;
        parts.rules = policy::rules_of("roles: {all: {open: [{tables: \"shop.*.*\"}]}}", "");
        let engine = Engine::new(parts).expect("an engine");
        for (name, sql) in crate::tpch::queries() {
            let said = tool(&engine, &everybody(""), "explain", &sql).await;
            assert_eq!(said.error(), None, "Q{name}: {}", said.everything());
            let expected: &[&str] = if LIKES.contains(&name) { &["like_case"] } else { &[] };
            assert_eq!(codes(&said), expected, "Q{name}: {}", said.head["warnings"]);
        }
        // Without the order of its lines a question of the kind would be warned of.
        let sql = "SELECT sum(ps_supplycost) FROM lineitem, partsupp WHERE l_partkey = ps_partkey";
        let said = tool(&engine, &everybody(""), "explain", sql).await;
        assert_eq!(codes(&said), ["fan_out"], "{}", said.head);
    });
}

/// The statements of pushdown that are said something of, on every store.
const SAID: &[(&str, &str)] = &[
    ("fan_out", "SELECT count(*) AS n FROM facts a CROSS JOIN dimensions d"),
    (
        "truncated_input",
        "SELECT x.colour, count(*) AS n FROM (SELECT colour FROM facts ORDER BY id LIMIT 100) x GROUP BY x.colour",
    ),
    ("fan_out", "SELECT count(*) AS n FROM cases c JOIN facts f ON c.y = f.sold"),
];

/// Those where a store's own order has NULLs elsewhere, or its own LIKE does not mind case.
fn of_habits(store: Store) -> Vec<(&'static str, &'static str)> {
    let order = (
        "null_order",
        "SELECT * FROM (SELECT id, colour, row_number() OVER (PARTITION BY colour ORDER BY price DESC, id) AS r FROM facts) x WHERE r <= 2",
    );
    match store {
        Store::Sqlite => vec![
            order,
            ("like_case", "SELECT id FROM cases WHERE length(t) > 3 AND t LIKE '%b%'"),
            ("like_case", "SELECT id FROM cases WHERE t LIKE 'a!%%' ESCAPE '!'"),
        ],
        Store::SqlServer => vec![order],
        Store::Postgres | Store::Oracle => Vec::new(),
    }
}

#[test]
fn little_is_said_of_the_statements_of_pushdown() {
    let statements = include_str!("../pushdown/statements.sql").lines();
    let statements: Vec<&str> =
        statements.filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
    let mut told = Vec::new();
    for store in [Store::Sqlite, Store::Postgres, Store::SqlServer, Store::Oracle] {
        let Some(pair) = block_on(pair(store)) else { continue };
        let mut here = Vec::new();
        for sql in &statements {
            let said = block_on(tool(&pair.pushed, &everybody(""), "explain", sql));
            assert_eq!(said.error(), None, "{sql}");
            here.extend(codes(&said).into_iter().map(|code| (code, *sql)));
        }
        let here: Vec<(&str, &str)> =
            here.iter().map(|(code, sql)| (code.as_str(), *sql)).collect();
        let mut expected: Vec<(&str, &str)> = [SAID, &of_habits(store)].concat();
        expected.sort_by_key(|(_, said)| statements.iter().position(|sql| sql == said));
        if here != expected {
            told.push(format!("{store:?}: {here:#?}"));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[derive(Debug, serde::Deserialize)]
struct Questions {
    cases: Vec<Question>,
}

#[derive(Debug, serde::Deserialize)]
struct Question {
    name: String,
    sql: String,
    #[serde(default, rename = "as")]
    who: String,
}

const BOTH: &str = "q34 the same customer in both sources by pseudonym";

/// The ordinary questions of an analyst that are said something of. One of them joins with a SQLite file.
fn asked(store: Store) -> Vec<(&'static str, &'static str)> {
    // Of neither source is it known that a pseudonym has one row.
    let mut asked = vec![("fan_out", BOTH)];
    match store {
        Store::SqlServer => asked.push(("text_collation", BOTH)),
        Store::Oracle => asked.insert(0, ("empty_text", BOTH)),
        Store::Sqlite => asked.insert(0, ("like_case", "q19 like")),
        Store::Postgres => {}
    }
    asked
        .extend([("masked_compared", "q37 salary bands"), ("masked_compared", "q39 entry months")]);
    asked
}

#[test]
fn little_is_said_of_an_analysts_questions() {
    let questions: Questions =
        serde_saphyr::from_str(include_str!("../leaks/cases/benign.yaml")).expect("questions");
    for bench in benches() {
        let engine = bench.engine(World::A, true);
        let mut told = Vec::new();
        for question in &questions.cases {
            let sql = question.sql.replace("{schema}", bench.store.schema());
            let who = policy::principal(&question.who);
            let said = block_on(tool(engine, &who, "explain", &sql));
            assert_eq!(said.error(), None, "{sql}: {}", said.everything());
            told.extend(codes(&said).into_iter().map(|code| (code, question.name.as_str())));
        }
        let told: Vec<(&str, &str)> =
            told.iter().map(|(code, sql)| (code.as_str(), *sql)).collect();
        assert_eq!(told, asked(bench.store), "{:?}", bench.store);
    }
}
