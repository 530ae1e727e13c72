//! TPC-H: the 22 questions over every store give the answer of the engine, and PostgreSQL is sent one
//! statement for each.

pub(crate) mod data;

use crate::pushdown::fixture::{Pair, difference, engines};
use crate::support::block_on;
use crate::support::load::Store;

const QUERIES: &str = include_str!("queries.sql");

/// Questions whose last step is a quotient of sums: a division by zero is an error of the engine, so the
/// division is the engine's, over the rows of one statement.
const DIVIDED: [&str; 3] = ["8", "14", "17"];
const DIVISION: &str = "projection runs here: / is not on the list of postgres";

/// Name and text of each question.
pub(crate) fn queries() -> Vec<(&'static str, String)> {
    let blocks = QUERIES.split("\n-- Q").skip(1).filter_map(|block| block.split_once('\n'));
    let queries: Vec<_> = blocks.map(|(name, sql)| (name, sql.trim().replace('\n', " "))).collect();
    assert_eq!(queries.len(), 22);
    queries
}

/// What a database of such questions has indexes by.
const INDEXES: &str = "CREATE INDEX ON lineitem (l_partkey, l_suppkey);
CREATE INDEX ON partsupp (ps_partkey);
";

/// Questions about each row of a table, and what their statement has where an index serves them.
const PER_ROW: [(&str, &str); 5] = [
    (
        "SELECT p_partkey, (SELECT max(l_quantity) FROM lineitem WHERE l_partkey = p_partkey) AS most FROM part \
         WHERE p_size < 5 ORDER BY p_partkey",
        "LEFT JOIN LATERAL (SELECT MAX(t2.\"l_quantity\") AS \"c1\", t2.\"l_partkey\" AS \"l_partkey\" \
         FROM \"public\".\"lineitem\" AS t2 WHERE t1.\"p_partkey\" = t2.\"l_partkey\" GROUP BY",
    ),
    (
        "SELECT p_partkey, (SELECT count(*) FROM lineitem WHERE l_partkey = p_partkey AND l_quantity > 49) AS n \
         FROM part WHERE p_size < 5 ORDER BY p_partkey",
        "LEFT JOIN LATERAL",
    ),
    (
        "SELECT ps_suppkey, ps_partkey FROM partsupp WHERE ps_supplycost > (SELECT 1.5 * min(i.ps_supplycost) FROM \
         partsupp i WHERE i.ps_partkey = partsupp.ps_partkey) AND ps_availqty < 500 ORDER BY 1, 2",
        "EXISTS (SELECT 1 FROM (SELECT",
    ),
    (
        "SELECT p_size, p_retailprice FROM part WHERE p_partkey < 50 AND (p_size > 40 OR 20 < (SELECT avg(l_quantity) \
         FROM lineitem WHERE l_partkey = p_partkey)) ORDER BY 1, 2",
        "LATERAL",
    ),
    // No index serves it: the groups are made once and joined.
    (
        "SELECT c_custkey, (SELECT sum(o_totalprice) FROM orders WHERE o_custkey = c_custkey) AS s FROM customer \
         WHERE c_acctbal > 9000 ORDER BY c_custkey",
        "LEFT JOIN (SELECT SUM(",
    ),
];

fn pair(store: Store, scale: f64) -> Option<Pair> {
    let more = if store == Store::Postgres { INDEXES } else { "" };
    block_on(engines(store, "tpch", &data::tables(scale), more))
}

/// The questions whose answer differs with pushdown, and how.
fn failures(store: Store, scale: f64) -> Vec<String> {
    let Some(pair) = pair(store, scale) else { return Vec::new() };
    let (mut failures, mut answered) = (Vec::new(), 0);
    for (name, sql) in queries() {
        let (pushed, local) = block_on(pair.ask(&sql));
        answered += usize::from(!local.rows.is_empty());
        if pushed.ordered() != local.ordered() || local.error().is_some() {
            let difference = difference(&pushed.ordered(), &local.ordered());
            failures.push(format!("{store:?} Q{name}: {}\n{difference}", pushed.sources));
        }
    }
    assert!(answered >= 18, "only {answered} of 22 have rows");
    failures
}

#[test]
fn postgres_gives_the_local_answers_in_one_statement_each() {
    let failures = failures(Store::Postgres, 0.01);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let Some(pair) = pair(Store::Postgres, 0.01) else { return };
    let mut parts = Vec::new();
    for (name, sql) in queries() {
        let plan = block_on(pair.plan(&sql));
        let statements = plan.iter().filter(|line| line.starts_with("GovernedScan")).count();
        let divides = plan.iter().any(|line| line.ends_with(DIVISION));
        let whole = plan[0].starts_with("GovernedScan");
        if statements != 1 || divides != DIVIDED.contains(&name) || whole == divides {
            parts.push(format!("Q{name}:\n{}", plan.join("\n")));
        }
    }
    assert!(parts.is_empty(), "{} of 22:\n{}", parts.len(), parts.join("\n\n"));
}

#[test]
fn postgres_is_asked_row_by_row_where_an_index_serves() {
    let Some(pair) = pair(Store::Postgres, 0.01) else { return };
    for (sql, part) in PER_ROW {
        let (pushed, local) = block_on(pair.ask(sql));
        assert_eq!(pushed.ordered(), local.ordered(), "{sql}");
        assert!(!local.rows.is_empty() && local.error().is_none(), "{sql}");
        let sent = block_on(pair.sent(sql)).replace("\\\"", "\"");
        assert!(sent.contains(part), "{sql}\n{sent}");
    }
    let (_, shared) = queries().swap_remove(14);
    let sent = block_on(pair.sent(&shared));
    assert!(sent.contains("WITH s1 AS (SELECT") && sent.matches("FROM s1").count() == 1, "{sent}");
}

/// What follows for each nation from the pairs of nations is left to the server.
#[test]
fn postgres_is_told_a_condition_once() {
    let Some(pair) = pair(Store::Postgres, 0.01) else { return };
    let (_, pairs) = queries().swap_remove(6);
    let sent = block_on(pair.sent(&pairs)).replace("\\\"", "\"");
    assert_eq!(sent.matches("\"n_name\" = ").count(), 4, "{sent}");
}

#[test]
fn sqlite_gives_the_local_answers() {
    let failures = failures(Store::Sqlite, 0.01);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn sql_server_gives_the_local_answers() {
    let failures = failures(Store::SqlServer, 0.002);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn oracle_gives_the_local_answers() {
    let failures = failures(Store::Oracle, 0.002);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
