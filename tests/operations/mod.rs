//! What operators get: numbers that are right, alerts and dashboards over numbers that there are, and the files that put the
//! server into containers and clusters.
// Helpers of tests may panic and print as tests do.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod changes;
mod compose;
mod kubernetes;
mod load;
mod memory;
mod metrics;
mod observability;
mod otlp;
mod replicas;
mod scrape;
mod story;

use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A YAML file, with its anchors and merges in place.
fn yaml(path: &str) -> Json {
    let text = text(path);
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
