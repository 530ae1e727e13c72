//! Alerts and dashboards ask for numbers that a real server gives, by labels that these have; and what is exported is documented.

use super::scrape::{Numbers, Observed};
use super::{text, yaml};
use regex::Regex;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const ALERTS: &str = "docker/observability/prometheus/alerts.yml";
const DASHBOARD: &str = "docker/observability/grafana/dashboards/celosia.json";
const GUIDE: &str = "docs/operations.md";

/// A server on which everything that is counted has happened once, and its numbers.
fn numbers() -> &'static Numbers {
    static NUMBERS: LazyLock<Numbers> = LazyLock::new(|| {
        let sinks = "audit: { store: \"sqlite:audit.db\", sinks: { lake: { kind: jsonl, file: lake.jsonl } } }";
        let observed = Observed::with(&[("audit: { store: \"sqlite:audit.db\" }", sinks)]);
        let analyst = observed.client("analyst");
        let masked = "SELECT name, email FROM shop.main.customers LIMIT 3";
        analyst.answer("query", json!({"sql": masked}));
        analyst.error("query", json!({"sql": "SELECT 1 FROM nowhere"}));
        observed.numbers()
    });
    &NUMBERS
}

/// Names of metrics, without labels.
fn names() -> BTreeSet<String> {
    numbers().keys().map(|series| series.split('{').next().unwrap().to_string()).collect()
}

/// Labels of all series, and those that Prometheus adds.
fn labels() -> BTreeSet<String> {
    let label = Regex::new(r#"([a-z_]+)=""#).unwrap();
    let found = numbers().keys().flat_map(|series| {
        label.captures_iter(series).map(|found| found[1].to_string()).collect::<Vec<_>>()
    });
    found.chain(["instance", "job"].map(String::from)).collect()
}

/// What is wrong with an expression.
fn defects(expression: &str) -> Vec<String> {
    let name = Regex::new(r"\b(celosia|process)_[a-z_]+\b").unwrap();
    let matcher = Regex::new(r#"([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)""#).unwrap();
    let grouping = Regex::new(r"\bby \(([^)]*)\)").unwrap();
    let (names, labels) = (names(), labels());
    let mut defects = Vec::new();
    for found in name.find_iter(expression) {
        if !names.contains(found.as_str()) {
            defects.push(format!("no number is named {}", found.as_str()));
        }
    }
    let used = matcher.captures_iter(expression).map(|found| found[1].to_string());
    let grouped = grouping.captures_iter(expression);
    let grouped = grouped.flat_map(|found| {
        found[1].split(',').map(|label| label.trim().to_string()).collect::<Vec<_>>()
    });
    for label in used.chain(grouped).filter(|label| !labels.contains(label)) {
        defects.push(format!("no number has a label {label}"));
    }
    for found in matcher.captures_iter(expression).filter(|found| &found[1] == "reason") {
        let written = format!("reason=\"{}\"", &found[2]);
        if !numbers().keys().any(|series| series.contains(&written)) {
            defects.push(format!("no number has {written} from the start"));
        }
    }
    let depth = expression.chars().fold(0, |depth, c| match c {
        '(' => depth + 1,
        ')' => depth - 1,
        _ => depth,
    });
    if depth != 0 {
        defects.push("parentheses do not match".into());
    }
    defects
}

fn rules() -> Vec<Json> {
    let alerts = yaml(ALERTS);
    let groups = alerts["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Every expression of the dashboard's panels.
fn panels() -> Vec<(String, String)> {
    let dashboard: Json = serde_json::from_str(&text(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets
            .filter(|target| target["datasource"]["type"] == "prometheus")
            .map(move |target| (title.to_string(), target["expr"].as_str().unwrap().to_string()))
    });
    targets.collect()
}

#[test]
fn alerts_ask_for_numbers_that_there_are() {
    let rules = rules();
    assert!(rules.len() >= 12, "{}", rules.len());
    for rule in rules {
        let found = defects(rule["expr"].as_str().unwrap());
        assert!(found.is_empty(), "{}: {found:?}", rule["alert"]);
    }
}

#[test]
fn the_dashboard_asks_for_numbers_that_there_are() {
    let panels = panels();
    assert!(panels.len() >= 30, "{}", panels.len());
    for (title, expression) in panels {
        let found = defects(&expression);
        assert!(found.is_empty(), "{title}: {found:?} in {expression}");
    }
}

#[test]
fn a_number_that_is_not_there_is_found() {
    for wrong in [
        "sum(celosia_tool_call_total)",
        "sum by (principal) (celosia_tool_calls_total)",
        "celosia_tool_calls_total{user=\"ana\"}",
        "celosia_denials_total{reason=\"because\"}",
        "sum(celosia_tool_calls_total",
    ] {
        assert_eq!(defects(wrong).len(), 1, "{wrong}");
    }
    assert_eq!(defects("sum by (tool) (rate(celosia_tool_calls_total[5m]))"), [""; 0]);
}

/// Every alert says what it means and where the guide says what to do about it.
#[test]
fn every_alert_has_its_place_in_the_guide() {
    let guide = text(GUIDE);
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        assert!(rule["annotations"]["summary"].is_string(), "{name}");
        assert!(rule["labels"]["severity"].is_string(), "{name}");
        let anchor = format!("{GUIDE}#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], anchor);
        assert!(guide.contains(&format!("### {name}\n")), "{GUIDE} says nothing of {name}");
    }
}

#[test]
fn every_number_is_in_the_guide() {
    let guide = text(GUIDE);
    let part = Regex::new("_(bucket|sum|count)$").unwrap();
    for name in names() {
        let whole = part.replace(&name, "");
        assert!(guide.contains(&format!("`{whole}`")), "{GUIDE} says nothing of {whole}");
    }
}

/// The files of the observability profile say what the compose file gives them.
#[test]
fn what_is_scraped_is_what_is_served() {
    let prometheus = yaml("docker/observability/prometheus/prometheus.yml");
    let target = &prometheus["scrape_configs"][0]["static_configs"][0]["targets"][0];
    for config in ["docker/celosia.yaml", "docker/full/celosia.yaml"] {
        let served = yaml(config)["server"]["metrics_listen"].as_str().unwrap().to_string();
        let port = served.rsplit(':').next().unwrap();
        assert_eq!(target, &json!(format!("celosia:{port}")), "{config}");
    }
    let sources = yaml("docker/observability/grafana/provisioning/datasources/celosia.yml");
    let known: Vec<&Json> =
        sources["datasources"].as_array().unwrap().iter().map(|source| &source["uid"]).collect();
    let dashboard: Json = serde_json::from_str(&text(DASHBOARD)).unwrap();
    for panel in dashboard["panels"].as_array().unwrap() {
        let uid = &panel["datasource"]["uid"];
        assert!(uid.is_null() || known.contains(&uid), "{}: {uid}", panel["title"]);
    }
    let providers = yaml("docker/observability/grafana/provisioning/dashboards/celosia.yml");
    let path = &providers["providers"][0]["options"]["path"];
    assert!(text("docker-compose.yml").contains(&format!(":{}:ro", path.as_str().unwrap())));
}
