//! SQLite stores anything in any column. What is no value of its column's type is an error wherever an
//! answer depends on it, at the source as here, and nothing where it is hidden.

use crate::support::ask::ask;
use crate::support::lab::{parts, remote, scratch};
use crate::support::load::{self, Store};
use crate::support::{block_on, policy};
use celosia::query::{Engine, Parts};

const SCRIPT: &str = "
CREATE TABLE odd (id INTEGER PRIMARY KEY, k TEXT, n BIGINT, d DECIMAL(12,2), z TIMESTAMP, y DATE, b BOOLEAN, t TEXT);
INSERT INTO odd VALUES
  (1, 'fit', 7, 1.25, '2024-01-31', '2024-01-31', 1, ' a '),
  (2, 'fit', -9223372036854775808, 9999999999.99, '2024-01-31T00:00Z', '2024-02-29', 0, 'bb'),
  (3, 'fit', 9223372036854775807, -0.01, '2024-01-31 00:00:00.000000000', NULL, NULL, NULL),
  (4, 'fit', 9223372036854775807, '2.5', '2024-01-31 23:59:59.999999', '0001-01-01', 1, ''),
  (5, 'odd', 'seven', 0.005, '2024-01-31 10:00:00+02:00', '2024-02-30', 7, x'61'),
  (6, 'odd', 1.5, 'much', 1706700000, 20240131, 'yes', x'00'),
  (7, 'odd', x'07', 1e30, 'soon', '31.1.2024', x'01', x'ff');
";

/// Each is asked of the rows that fit, with the same answer at the source and here, and of the others,
/// one by one, with an error in both places.
const QUESTIONS: &[&str] = &[
    "SELECT n % 10 AS v FROM odd",
    "SELECT n / 10 AS v FROM odd",
    "SELECT CAST(n AS text) AS v FROM odd",
    "SELECT CAST(n AS double precision) AS v FROM odd",
    "SELECT avg(n) AS v FROM odd",
    "SELECT k, sum(d) AS v FROM odd GROUP BY k",
    "SELECT d, n % 2 AS v FROM odd",
    "SELECT z, count(*) AS v FROM odd GROUP BY z",
    "SELECT date_trunc('month', z) AS v, count(*) AS n FROM odd GROUP BY 1",
    "SELECT extract(hour FROM z) AS v, count(*) AS n FROM odd GROUP BY 1",
    "SELECT extract(month FROM y) AS v, extract(dow FROM y) AS w FROM odd",
    "SELECT y, max(y) OVER (PARTITION BY k) AS v FROM odd",
    "SELECT b, count(*) AS v FROM odd GROUP BY b",
    "SELECT t, count(*) AS v FROM odd GROUP BY t",
    "SELECT octet_length(t) AS v, strpos(t, 'a') AS w FROM odd",
    "SELECT trim(t) AS v, ltrim(t) AS w, rtrim(t) AS x FROM odd",
    "SELECT a.n, b.n AS v FROM odd a JOIN odd b ON a.id = b.id",
];

#[test]
fn what_is_of_another_type_is_an_error_at_sqlite_as_here() {
    block_on(async {
        let file = scratch().join("pushdown-odd.db");
        load::sqlite(&file, SCRIPT.into()).await;
        let engine = async |pushdown, rows: &str| {
            let url = file.display().to_string();
            let mut parts = parts(vec![("shop".into(), remote(Store::Sqlite, &url))]).await;
            let open =
                format!("roles: {{all: {{open: [{{tables: \"shop.*.*\", rows: \"{rows}\"}}]}}}}");
            parts.rules = policy::rules_of(&open, "");
            Engine::new(Parts { pushdown, ..parts }).expect("an engine")
        };
        let who = policy::named("ana", &["all"]);
        let (pushed, local) = (engine(true, "k = 'fit'").await, engine(false, "k = 'fit'").await);
        for sql in QUESTIONS {
            let (there, here) = (ask(&pushed, &who, sql).await, ask(&local, &who, sql).await);
            assert_eq!(here.error(), None, "{sql}: {}", here.everything());
            assert_eq!(there.unordered(), here.unordered(), "{sql}");
        }
        // No row filter opens a row for what is no date.
        for rows in [
            "y < DATE '9000-01-01'",
            "NOT y < DATE '2024-02-01'",
            "y <> DATE '2024-01-31'",
            "y NOT IN (DATE '2024-01-31')",
            "NOT (y IN (DATE '2024-01-31', DATE '0001-01-01'))",
        ] {
            let (pushed, local) = (engine(true, rows).await, engine(false, rows).await);
            let sql = "SELECT id FROM odd ORDER BY id";
            let (there, here) = (ask(&pushed, &who, sql).await, ask(&local, &who, sql).await);
            assert_eq!(there.ordered(), here.ordered(), "{rows}: {}", there.everything());
            assert!(!here.rows.is_empty(), "{rows}: {}", here.everything());
            let closed = here.rows.iter().all(|row| row[0].as_i64().is_some_and(|id| id < 5));
            assert!(closed, "{rows}: {}", here.everything());
        }
        for id in 5..=7 {
            let rows = format!("id = {id}");
            let (pushed, local) = (engine(true, &rows).await, engine(false, &rows).await);
            for sql in QUESTIONS {
                let (there, here) = (ask(&pushed, &who, sql).await, ask(&local, &who, sql).await);
                assert!(here.error().is_some(), "{sql} of {id}: {}", here.everything());
                assert_eq!(there.error(), here.error(), "{sql} of {id}: {}", there.everything());
            }
        }
    });
}
