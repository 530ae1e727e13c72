//! The compliance page names features, settings and evidence: the evidence exists.

use super::page::{page, root};
use std::path::Path;

/// Every test that a page names is there; every file, too.
#[test]
fn evidence_exists() {
    let page = page("docs/compliance.md");
    let mut tests = 0;
    let mut lost = Vec::new();
    for code in page.inline() {
        if let Some((module, name)) = code.rsplit_once("::") {
            if !module.contains(' ') && name.contains('_') {
                tests += 1;
                if !defined(&format!("fn {name}(")) {
                    lost.push(code);
                }
            }
        } else if (code.starts_with("docs/") || code.starts_with("tests/"))
            && !root().join(&code).exists()
        {
            lost.push(code);
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
    assert!(tests >= 15, "{tests} tests are named");
}

/// Every setting that is named is a key of the configuration's schemas.
#[test]
fn settings_exist() {
    let page = page("docs/compliance.md");
    let schemas: String = ["celosia", "masking-rules", "keys", "policy-tests"]
        .map(|name| {
            std::fs::read_to_string(root().join(format!("schemas/{name}.schema.json"))).unwrap()
        })
        .concat();
    let mut settings = 0;
    for code in page.inline() {
        let Some(setting) = code.strip_suffix(':').filter(|s| !s.ends_with(':')) else { continue };
        for key in setting.split('.') {
            settings += 1;
            assert!(schemas.contains(&format!("\"{key}\"")), "{code}: {key}");
        }
    }
    assert!(settings >= 15, "{settings} settings are named");
}

fn defined(signature: &str) -> bool {
    ["src", "tests", "connectors"].iter().any(|directory| holds(&root().join(directory), signature))
}

fn holds(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        is_source && std::fs::read_to_string(&path).unwrap().contains(text)
    })
}
