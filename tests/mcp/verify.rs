//! `celosia verify-pushdown`: the demo's databases answer as the engine does.

use super::server::{Demo, celosia};

#[test]
fn the_demos_sources_answer_as_the_engine_does() {
    let demo = Demo::new();
    let config = demo.path().join("celosia.yaml");
    let config = config.to_str().expect("a path");
    let done = celosia(&["verify-pushdown", "--config", config]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&done.stderr));
    for source in ["shop", "support"] {
        let line = said.lines().find(|line| line.starts_with(&format!("source {source}: ")));
        let line = line.unwrap_or_else(|| panic!("{source} is not in {said}"));
        let same: usize = line.split(' ').nth(2).and_then(|n| n.parse().ok()).expect("a number");
        assert!(same > 100 && line.contains(" 0 differ"), "{line}");
    }
    // No value of any row.
    assert!(!said.contains('@'), "{said}");
}

#[test]
fn large_tables_and_other_sources_are_left_out() {
    let demo = Demo::new();
    let config = demo.path().join("celosia.yaml");
    let config = config.to_str().expect("a path");
    let done =
        celosia(&["verify-pushdown", "--config", config, "--source", "shop", "--most-rows", "1"]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("left out: shop.main.") && !said.contains("source support"), "{said}");
}

#[test]
fn a_source_that_is_not_there_is_no_success() {
    let demo = Demo::new();
    let config = demo.path().join("celosia.yaml");
    let config = config.to_str().expect("a path");
    let done = celosia(&["verify-pushdown", "--config", config, "--source", "shoop"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_ne!(done.status.code(), Some(0), "{said}");
    assert!(said.contains("there is no source \"shoop\""), "{said}");
}
