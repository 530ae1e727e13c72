//! The protocol's own conformance suite, in both eras. What fails must be in the baseline with its
//! reason; what is in the baseline must fail.

use super::clients::{run, script, tool};
use super::relay::Relay;
use super::server::Server;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// A baseline: checks as `scenario:check`.
#[derive(Debug, Deserialize)]
struct Baseline {
    server: Vec<String>,
}

/// How each check of a run ended, as `scenario:check`.
fn outcomes(directory: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut outcomes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().strip_prefix("server-").unwrap();
        // The name ends in the time of the run: -2026-11-20T15-00-41-133Z.
        let scenario = &name[..name.len() - 25];
        let checks = std::fs::read_to_string(path.join("checks.json")).unwrap();
        let checks: Vec<Json> = serde_json::from_str(&checks).unwrap();
        assert!(!checks.is_empty(), "{scenario} checked nothing");
        for check in checks {
            let id = format!("{scenario}:{}", check["id"].as_str().unwrap());
            let status = check["status"].as_str().unwrap().to_string();
            outcomes.entry(id).or_default().insert(status);
        }
    }
    outcomes
}

/// Runs what a revision requires, and `also` scenarios that it does not score. At least so many checks must
/// pass: a run that reached nothing is not green.
fn conforms(revision: &str, also: &[&str], least: usize) {
    let (Some(node), Some(suite)) = (tool("CELOSIA_TEST_NODE"), tool("CELOSIA_TEST_CONFORMANCE"))
    else {
        return;
    };
    let server = Server::shared();
    let relay = Relay::start(server.address, &server.demo.key("analyst"));
    let results = tempfile::tempdir().unwrap();
    let baseline = script(&format!("conformance-{revision}.yaml"));
    let mut command = Command::new(node);
    command.arg(suite).args(["server", "--requirements", revision]);
    command.args(["--url", &format!("http://{}/mcp", relay.address)]);
    command.arg("--expected-failures").arg(&baseline).arg("--output-dir").arg(results.path());
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    let summary = said.split("=== SUMMARY ===").nth(1).unwrap_or(&said);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{summary}\n{errors}");

    // The runner tolerates an entry whose check was skipped or has gone; such an entry is stale too.
    let outcomes = outcomes(results.path());
    let text = std::fs::read_to_string(baseline).unwrap();
    let listed: Baseline = serde_saphyr::from_str(&text).unwrap();
    for entry in &listed.server {
        assert!(entry.contains(':'), "{entry}: name a check, not a whole scenario");
        let failed =
            |found: &BTreeSet<String>| found.contains("FAILURE") || found.contains("WARNING");
        assert!(
            outcomes.get(entry).is_some_and(failed),
            "{entry} is stale: {:?}",
            outcomes.get(entry)
        );
    }
    let held = |found: &BTreeSet<String>| found.iter().all(|status| status == "SUCCESS");
    for scenario in also {
        let mut checks =
            outcomes.iter().filter(|(check, _)| check.starts_with(&format!("{scenario}:")));
        assert!(checks.clone().count() > 1 && checks.all(|(_, found)| held(found)), "{outcomes:?}");
    }
    let passed = outcomes.values().filter(|found| held(found)).count();
    assert!(passed >= least, "only {passed} checks passed");
}

#[test]
fn the_newest_era_conforms() {
    conforms("2026-07-28", &["http-header-validation"], 80);
}

#[test]
fn the_older_era_conforms() {
    conforms("2025-11-25", &[], 30);
}
