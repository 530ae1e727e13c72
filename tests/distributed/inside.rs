//! With a scheduler and executors inside the test's own process.

use super::nodes::{Inside, executors, files, node, worker};
use super::split::{ROLES, compared, placed, split};
use crate::mcp::eventually;
use crate::support::ask::request;
use crate::support::{block_on, lab, policy};
use crate::tpch::queries;
use celosia::error::Code;
use celosia::query::{Spread, execute, schedule};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[test]
fn tpch_over_two_sources_gives_the_local_answers() {
    let (failures, stayed, left) = block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let inside = Inside::start(async || split.sources(), &rules, 2).await;
        let local = split.engine(&rules, None).await;
        let there = split.engine(&rules, Some(executors(inside.port))).await;
        let (failures, stayed) = compared(&local, &there, &queries()).await;
        (failures, stayed, inside)
    });
    assert!(failures.is_empty(), "{} of 22:\n{}", failures.len(), failures.join("\n\n"));
    assert!(stayed.len() <= 2, "these ran here: {stayed:?}");
    eventually("no file between stages is left", || {
        files(left.work.path()).is_empty().then_some(())
    });
}

/// Statements whose answer would follow the order in which rows arrive.
#[test]
fn what_depends_on_the_order_of_arrival_stays_here() {
    const STAY: &[&str] = &[
        "SELECT o_orderkey, p_name FROM orders JOIN part ON o_custkey = p_partkey LIMIT 5",
        "SELECT string_agg(p_name, ',') AS s FROM part JOIN orders ON o_custkey = p_partkey",
        "SELECT n FROM (SELECT o_orderkey AS n FROM orders JOIN part ON o_custkey = p_partkey LIMIT 3) t ORDER BY n",
        "SELECT row_number() OVER (ORDER BY p_size) AS n FROM part JOIN orders ON o_custkey = p_partkey WHERE p_size < 3",
        "SELECT count(*) AS n FROM part JOIN orders ON o_custkey = p_partkey WHERE random() < 2",
    ];
    const GO: &[&str] = &[
        "SELECT o_orderkey, p_name FROM orders JOIN part ON o_custkey = p_partkey ORDER BY o_orderpriority LIMIT 5",
        "SELECT o_orderkey, p_name FROM orders JOIN part ON o_custkey = p_partkey WHERE p_size = 7",
        "SELECT p_size, rank() OVER (ORDER BY p_size) AS n FROM part JOIN orders ON o_custkey = p_partkey WHERE p_size < 3",
        "SELECT DISTINCT p_type, o_orderstatus FROM part JOIN orders ON o_custkey = p_partkey",
        "SELECT p_name FROM part WHERE p_partkey NOT IN (SELECT o_custkey FROM orders WHERE o_orderstatus = 'F') AND p_size = 3",
        "SELECT n_name, count(o_orderkey) AS n FROM nation LEFT JOIN customer ON n_nationkey = c_nationkey \
         LEFT JOIN orders ON o_custkey = c_custkey GROUP BY n_name",
        "SELECT p_name AS x FROM part WHERE p_size = 1 UNION ALL SELECT c_name FROM customer WHERE c_nationkey = 1",
        "SELECT (SELECT max(o_totalprice) FROM orders) AS most, avg(p_retailprice) AS price FROM part",
    ];
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let inside = Inside::start(async || split.sources(), &rules, 1).await;
        let local = split.engine(&rules, None).await;
        let there = split.engine(&rules, Some(executors(inside.port))).await;
        for sql in STAY {
            let (said, place) = placed(&there, sql).await;
            assert_eq!((said.error(), place.is_null()), (None, true), "{sql}: {place}");
        }
        let questions: Vec<_> = GO.iter().map(|sql| (*sql, (*sql).to_string())).collect();
        let (failures, stayed) = compared(&local, &there, &questions).await;
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
        assert_eq!(stayed, [""; 0]);
        // The order of rows does not follow their arrival.
        let sql = GO[1];
        let first = placed(&there, sql).await.0.ordered();
        for _ in 0..5 {
            assert_eq!(placed(&there, sql).await.0.ordered(), first);
        }
    });
}

#[test]
fn what_this_process_cannot_hold_goes_there() {
    let sql = "SELECT l_orderkey, l_comment, count(*) AS n FROM lineitem JOIN part ON l_partkey = p_partkey \
               GROUP BY l_orderkey, l_comment ORDER BY n DESC, l_orderkey LIMIT 3";
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let inside = Inside::start(async || split.sources(), &rules, 1).await;
        let memory = 2 << 20;
        let small = |parts: &mut celosia::query::Parts| {
            (parts.limits.memory, parts.limits.spill) = (memory, 0);
        };
        let alone = split.engine_with(&rules, None, small).await;
        assert_eq!(placed(&alone, sql).await.0.error(), Some("resource_limit"));
        let mut with = executors(inside.port);
        (with.spread, with.above) = (Spread::Auto, u64::MAX);
        let there = split.engine_with(&rules, Some(with.clone()), small).await;
        let (said, place) = placed(&there, sql).await;
        assert_eq!((said.error(), said.rows.len()), (None, 3), "{}", said.everything());
        assert_eq!(place["engine"], "ballista");
        // What is expected to be too large is not begun here; what is not stays.
        with.above = 1 << 20;
        let there = split.engine(&rules, Some(with)).await;
        assert_eq!(placed(&there, sql).await.1["engine"], "ballista");
        let few =
            "SELECT n_name, r_name FROM nation JOIN region ON n_regionkey = r_regionkey ORDER BY 1";
        assert!(placed(&there, few).await.1.is_null());
    });
}

/// Executors are asked before anything is written to the server's own disk, which does it as well.
#[test]
fn a_join_that_is_too_large_goes_there_before_it_goes_to_files() {
    let sql = "SELECT count(*) AS n, max(a.l_comment || b.l_comment) AS c FROM lineitem a JOIN lineitem b \
               ON a.l_orderkey = b.l_orderkey AND a.l_linenumber = b.l_linenumber";
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let inside = Inside::start(async || split.sources(), &rules, 1).await;
        let with = |spill, executors| {
            let small = move |parts: &mut celosia::query::Parts| {
                (parts.limits.memory, parts.limits.spill, parts.pushdown) = (3 << 20, spill, false);
            };
            split.engine_with(&rules, executors, small)
        };
        let without_files = with(0, None).await;
        assert_eq!(placed(&without_files, sql).await.0.error(), Some("resource_limit"));
        let disk = 1 << 30;
        let (said, place) = placed(&with(disk, None).await, sql).await;
        assert_eq!((said.error(), place.is_null()), (None, true), "{}", said.everything());
        let mut executors = executors(inside.port);
        (executors.spread, executors.above) = (Spread::Auto, u64::MAX);
        let (again, place) = placed(&with(disk, Some(executors)).await, sql).await;
        assert_eq!((place["engine"].as_str(), &again.rows), (Some("ballista"), &said.rows));
    });
}

/// A window over all rows is put together in one piece, for which an executor's memory has to do.
#[test]
fn a_window_over_all_rows_answers_for_its_memory_there() {
    const WINDOW: &str = "SELECT count(longest) AS n, max(longest) AS longest FROM (SELECT max(l_comment || p_name) OVER () \
        AS longest FROM lineitem JOIN part ON l_partkey = p_partkey) AS t";
    const PLAIN: &str = "SELECT count(*) AS n, max(l_comment || p_name) AS longest \
        FROM lineitem JOIN part ON l_partkey = p_partkey";
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let local = split.engine(&rules, None).await;
        let right = placed(&local, PLAIN).await.0;
        assert_eq!(right.error(), None, "{}", right.everything());
        // An executor's tasks share its memory. The window's rows are some 7 MB, and are counted twice; what is below
        // it can do with less.
        for (memory, sql, error) in [
            (256 << 20, WINDOW, None),
            (12 << 20, PLAIN, None),
            (12 << 20, WINDOW, Some("resource_limit")),
        ] {
            let inside = Inside::of(async || split.sources(), &rules, 1, memory).await;
            let there = split.engine(&rules, Some(executors(inside.port))).await;
            let (said, place) = placed(&there, sql).await;
            assert_eq!(said.error(), error, "{memory} {sql}: {}", said.everything());
            if error.is_none() {
                let engine = &place["engine"];
                assert_eq!((said.rows, engine), (right.rows.clone(), &"ballista".into()));
            }
        }
    });
}

/// An error of the statement is that of the server's own process.
#[test]
fn an_error_is_told_as_it_would_be_here() {
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let inside = Inside::start(async || split.sources(), &rules, 2).await;
        let local = split.engine(&rules, None).await;
        let there = split.engine(&rules, Some(executors(inside.port))).await;
        for sql in [
            "SELECT sum(p_size / (o_shippriority * 1)) AS n FROM orders JOIN part ON o_custkey = p_partkey",
            "SELECT count(CAST(o_comment || p_name AS int)) AS n FROM orders JOIN part ON o_custkey = p_partkey",
        ] {
            let (expected, found) = (placed(&local, sql).await.0, placed(&there, sql).await.0);
            assert_eq!(expected.error(), Some("evaluation"), "{}", expected.everything());
            assert_eq!(expected.everything(), found.everything());
        }
    });
}

/// The places of a statement that failed are for those who wait.
#[test]
fn statements_go_on_beside_others_that_fail() {
    const ROUNDS: usize = 10;
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let inside = Inside::start(async || split.sources(), &rules, 1).await;
        let there = split.engine(&rules, Some(executors(inside.port))).await;
        let right = "SELECT count(*) AS n FROM supplier JOIN nation ON s_nationkey = n_nationkey";
        let wrong = "SELECT sum(p_size / (o_shippriority * 1)) AS n FROM orders JOIN part ON o_custkey = p_partkey";
        for round in 0..ROUNDS {
            let begun = std::time::Instant::now();
            let ask = |sql: &'static str| Box::pin(placed(&there, sql));
            let (a, b, c, d) = tokio::join!(ask(right), ask(wrong), ask(right), ask(wrong));
            for (said, error) in
                [(a, None), (b, Some("evaluation")), (c, None), (d, Some("evaluation"))]
            {
                assert_eq!(said.0.error(), error, "round {round}: {}", said.0.everything());
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "round {round}: {:?}",
                begun.elapsed()
            );
        }
    });
}

#[test]
fn an_executor_runs_nothing_that_it_does_not_know() {
    let sql = "SELECT count(*) AS n FROM orders JOIN part ON o_custkey = p_partkey";
    let said = |version: &'static str, key: &'static str| {
        block_on(async {
            let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let port = listener.local_addr().expect("an address").port();
            tokio::spawn(async move {
                schedule(listener, "127.0.0.1", None).await.expect("it serves");
            });
            let work = tempfile::tempdir().expect("a directory");
            let version = if version.is_empty() { rules.version() } else { version };
            let worker = Arc::new(worker(split.sources(), version, key));
            let node = node(port, work.path());
            tokio::spawn(async move { execute(worker, node).await.expect("it serves") });
            let there = split.engine(&rules, Some(executors(port))).await;
            let (said, _) = placed(&there, sql).await;
            assert_eq!(said.error(), Some("executors"), "{}", said.everything());
            assert_eq!(said.sources, serde_json::Value::Null);
            said.text
        })
    };
    assert!(said("000000000000", super::nodes::KEY).contains("does not know the policy"));
    assert!(said("", "another key, of somebody else's server").contains("did not seal"));
}

#[test]
fn a_statement_that_is_given_up_stops_at_its_source() {
    let Some(cluster) = lab::cluster() else { return };
    block_on(async {
        use crate::support::load::{self, Store};
        use crate::support::world::{World, shop};
        let url = load::postgres(cluster, &load::script(Store::Postgres, &shop(World::A)));
        let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next());
        let database = database.expect("a name").to_string();
        let desk = lab::desk_file(World::A).await;
        let sources =
            || vec![("shop".into(), lab::postgres(&url)), ("desk".into(), lab::sqlite(&desk))];
        let rules = policy::rules();
        let inside = Inside::start(async || sources(), &rules, 2).await;
        let mut parts = lab::parts(sources()).await;
        parts.executors = Some(executors(inside.port));
        parts.limits.time = Duration::from_secs(20);
        let engine = celosia::query::Engine::new(parts).expect("an engine");
        let sql = "SELECT count(*) AS n FROM slow JOIN tickets ON slow.id = tickets.id";
        let running = || {
            let sql = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active' \
                 AND usename = 'celosia_reader'"
            );
            cluster.execute("postgres", &sql).expect("the server's session view")
        };
        let until = async |count: &str| {
            let begun = std::time::Instant::now();
            let mut tick = tokio::time::interval(Duration::from_millis(50));
            while running() != count {
                assert!(begun.elapsed() < Duration::from_secs(15), "{} run", running());
                tick.tick().await;
            }
        };
        let cancel = CancellationToken::new();
        let who = policy::analyst();
        let seen = async {
            until("1").await;
            cancel.cancel();
        };
        let (answer, ()) = tokio::join!(engine.query(&who, request(sql), cancel.clone()), seen);
        assert_eq!(answer.expect_err("cancelled").code, Code::Cancelled);
        until("0").await;
        // So does the deadline, which the executors know as well.
        let mut parts = lab::parts(sources()).await;
        parts.executors = Some(executors(inside.port));
        parts.limits.time = Duration::from_secs(2);
        let hurried = celosia::query::Engine::new(parts).expect("an engine");
        let answer = hurried.query(&who, request(sql), CancellationToken::new()).await;
        assert_eq!(answer.expect_err("it runs for days").code, Code::DeadlineExceeded);
        until("0").await;
    });
}
