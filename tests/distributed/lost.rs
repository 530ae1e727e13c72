//! Executors that die in the middle of a statement.

use super::nodes::files;
use super::outside::{deployment, server};
use super::split::{Split, placed};
use crate::mcp::eventually;
use crate::support::block_on;
use crate::support::lab::{Place, cluster};
use crate::support::rng::Rng;
use std::time::Duration;

/// How often an executor is killed; `CELOSIA_TEST_KILLS` says otherwise.
const KILLS: usize = 4;

const SQL: &str = "SELECT p_type, o_orderpriority, count(*) AS n, sum(l_quantity) AS q FROM lineitem \
                   JOIN orders ON l_orderkey = o_orderkey JOIN part ON l_partkey = p_partkey \
                   JOIN partsupp ON ps_partkey = l_partkey AND ps_suppkey = l_suppkey \
                   GROUP BY p_type, o_orderpriority ORDER BY n DESC, p_type, o_orderpriority";

#[test]
fn a_killed_executor_costs_no_right_answer() {
    let kills = std::env::var("CELOSIA_TEST_KILLS").ok().and_then(|kills| kills.parse().ok());
    let kills = kills.unwrap_or(KILLS);
    let mut rng = Rng::new(8);
    let (split, mut outside) = block_on(deployment());
    let path = outside.write("server.yaml", "always", "");
    let there = block_on(server(&path));
    let began = std::time::Instant::now();
    let (expected, place) = block_on(placed(&there, SQL));
    assert_eq!(place["engine"], "ballista", "{}", expected.everything());
    let usual = began.elapsed();
    let (mut right, mut clean) = (0, 0);
    for round in 0..kills {
        let wait = usual.mul_f64(rng.next() as f64 / u64::MAX as f64);
        let victim = round % 2;
        let answer = block_on(async {
            let asked = placed(&there, SQL);
            tokio::pin!(asked);
            tokio::select! {
                answer = &mut asked => return answer,
                () = tokio::time::sleep(wait) => {}
            }
            outside.kill_executor(victim);
            outside.start_executor(victim);
            asked.await
        });
        match answer.0.error() {
            None => {
                assert_eq!(answer.0.rows, expected.rows, "round {round}, after {wait:?}");
                right += 1;
            }
            Some("executors") => clean += 1,
            Some(_) => panic!("round {round}, after {wait:?}: {}", answer.0.everything()),
        }
        nothing_runs(&split);
        outside.kill_executor(victim);
        outside.start_executor(victim);
        // The next round begins with both.
        eventually("both executors work", || {
            let (said, _) = block_on(placed(&there, SQL));
            (said.rows == expected.rows).then_some(())
        });
    }
    println!("{kills} kills within {usual:?}: {right} right answers, {clean} clean errors");
    eventually("no file between stages is left", || {
        (0..2).all(|number| files(&outside.work(number)).is_empty()).then_some(())
    });
}

/// No statement is left at the source.
fn nothing_runs(split: &Split) {
    let Place::Url(url) = &split.shop else { return };
    let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active' \
         AND usename = 'celosia_reader'"
    );
    let cluster = cluster().expect("it is where the source is");
    let begun = std::time::Instant::now();
    eventually("no statement is left at the source", || {
        assert!(begun.elapsed() < Duration::from_secs(30), "a statement is left");
        (cluster.execute("postgres", &sql).expect("the session view") == "0").then_some(())
    });
}
