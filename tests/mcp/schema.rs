//! The JSON Schemas in `schemas/` are those of the types.

use super::server::{Demo, celosia};
use serde_json::Value as Json;
use std::path::Path;

const NAMES: [&str; 6] =
    ["celosia", "masking-rules", "keys", "policy-tests", "semantics", "catalog-lock"];

#[test]
fn the_committed_schemas_are_fresh() {
    let fresh = tempfile::tempdir().unwrap();
    let done = celosia(&["schema", "--out", fresh.path().to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for name in NAMES {
        let file = format!("{name}.schema.json");
        let wanted = std::fs::read_to_string(fresh.path().join(&file)).unwrap();
        let found = std::fs::read_to_string(committed.join(&file)).unwrap_or_default();
        assert!(found == wanted, "schemas/{file} is stale: run `celosia schema --out schemas`");
        let shown = celosia(&["schema", name]);
        assert_eq!(String::from_utf8(shown.stdout).unwrap(), wanted, "{name} on stdout");
    }
}

/// The demo's files fit the schemas that editors check them by.
#[test]
fn the_demo_fits_the_schemas() {
    let demo = Demo::new();
    let files = [
        "celosia.yaml",
        "masking-rules/people.yaml",
        "keys.yaml",
        "policy-tests/demo.yaml",
        "schemas/demo.yaml",
    ];
    for (name, file) in NAMES.iter().zip(files) {
        let schema = celosia(&["schema", name]).stdout;
        let schema: Json = serde_json::from_slice(&schema).unwrap();
        let text = std::fs::read_to_string(demo.path().join(file)).unwrap();
        let instance: Json = serde_saphyr::from_str(&text).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let defects: Vec<String> =
            validator.iter_errors(&instance).map(|defect| defect.to_string()).collect();
        assert!(defects.is_empty(), "{file}: {defects:?}");
    }
}
