//! With a scheduler and two executors as processes of their own.

use super::nodes::{Outside, files};
use super::split::{Split, compared, placed, split};
use crate::mcp::eventually;
use crate::support::block_on;
use crate::tpch::queries;
use celosia::app::Assembly;
use celosia::config::Config;
use celosia::query::Engine;
use std::path::Path;
use std::sync::Arc;

/// A deployment over the two sources of TPC-H, with two executors.
pub async fn deployment() -> (Split, Outside) {
    let split = split().await;
    let (text, more) = split.config();
    let more: Vec<(&str, &str)> = more.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let outside = Outside::start(&text, &more, 2);
    (split, outside)
}

/// The server of a configuration.
pub async fn server(config: &Path) -> Arc<Engine> {
    let config = Config::load(config).expect("a configuration");
    let assembly = Assembly::of(&config).await.expect("it fits");
    assert_eq!(assembly.problems, [""; 0]);
    assembly.engine(&config).await.expect("an engine")
}

#[test]
fn tpch_over_processes_gives_the_local_answers() {
    let (mut outside, failures, stayed) = block_on(async {
        let (_, outside) = deployment().await;
        let there = server(&outside.write("server.yaml", "always", "")).await;
        let local = server(&outside.write("local.yaml", "never", "")).await;
        let (failures, stayed) = compared(&local, &there, &queries()).await;
        (outside, failures, stayed)
    });
    assert!(failures.is_empty(), "{} of 22:\n{}", failures.len(), failures.join("\n\n"));
    assert!(stayed.len() <= 2, "these ran here: {stayed:?}");
    eventually("no file between stages is left", || {
        (0..2).all(|number| files(&outside.work(number)).is_empty()).then_some(())
    });
    // Told to stop, an executor takes its directory with it; without power, it begins with an empty one.
    outside.stop_executor(0);
    assert_eq!(std::fs::read_dir(outside.work(0)).expect("its parent").count(), 0);
    outside.kill_executor(1);
    let left = std::fs::read_dir(outside.work(1)).expect("its parent").next();
    let left = left.expect("its directory").expect("an entry").path().join("job/1/data");
    std::fs::create_dir_all(left.parent().expect("a directory")).expect("made");
    std::fs::write(&left, "rows").expect("written");
    outside.start_executor(1);
    eventually("what was left is gone", || (!left.exists()).then_some(()));
}

pub const SQL: &str = "SELECT p_type, count(*) AS n, sum(l_quantity) AS q FROM lineitem \
                   JOIN part ON l_partkey = p_partkey GROUP BY p_type ORDER BY n DESC, p_type";

#[test]
fn without_its_scheduler_a_server_goes_on_alone() {
    block_on(async {
        let (_, mut outside) = deployment().await;
        let there = server(&outside.write("server.yaml", "always", "")).await;
        let (before, place) = placed(&there, SQL).await;
        assert_eq!(place["engine"], "ballista", "{}", before.everything());
        outside.kill_scheduler();
        let (alone, place) = placed(&there, SQL).await;
        assert!(place.is_null());
        assert_eq!(alone.rows, before.rows);
        let warnings = alone.head["warnings"].to_string();
        assert!(warnings.contains("scheduler of the executors cannot be reached"), "{warnings}");
        outside.start_scheduler();
        // Executors find a new scheduler by themselves.
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(200));
        let begun = std::time::Instant::now();
        loop {
            let (said, place) = placed(&there, SQL).await;
            if place["engine"] == "ballista" {
                assert_eq!(said.rows, before.rows);
                break;
            }
            assert!(matches!(said.error(), None | Some("executors")), "{}", said.everything());
            assert!(begun.elapsed().as_secs() < 60, "{}", said.everything());
            tick.tick().await;
        }
    });
}

#[test]
fn a_changed_policy_reaches_the_executors() {
    block_on(async {
        let (_, mut outside) = deployment().await;
        let before = server(&outside.write("server.yaml", "always", "")).await;
        assert_eq!(placed(&before, SQL).await.1["engine"], "ballista");
        outside.change("roles: {all:", "roles: {more: {open: [{tables: \"desk.*.region\"}]}, all:");
        let after = server(&outside.write("server.yaml", "always", "")).await;
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(200));
        let begun = std::time::Instant::now();
        while placed(&after, SQL).await.1.is_null() {
            assert!(begun.elapsed().as_secs() < 30, "they do not know it");
            tick.tick().await;
        }
        // What was decided under the old one is refused from now on.
        let (said, _) = placed(&before, SQL).await;
        assert_eq!(said.error(), Some("executors"), "{}", said.everything());
    });
}
