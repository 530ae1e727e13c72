//! A case as it is written, and the files of cases.

use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One attack, or one ordinary question.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is, for failures.
    pub name: String,
    /// The statement, or the argument of another tool. `{schema}` is the schema of the source `shop`.
    pub sql: String,
    /// The principal; the analyst where it is empty.
    #[serde(default, rename = "as")]
    pub who: String,
    /// The tool.
    #[serde(default = "query")]
    pub tool: String,
    /// The rows, in order where the statement orders them.
    pub rows: Option<Vec<Json>>,
    /// The error's code.
    pub error: Option<String>,
    /// The statement must be answered, whatever the rows.
    #[serde(default)]
    pub ok: bool,
    /// Words that the reply must not hold, beside every secret.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The statement spells a secret and selects it.
    #[serde(default)]
    pub raw: bool,
    /// `same`: pushdown changes nothing. `free`: SQL itself leaves open what the reply is (an order, or
    /// whether a value that is not needed is computed); the worlds must still agree.
    #[serde(default)]
    pub pushdown: Pushdown,
    /// One of many of a matrix.
    #[serde(skip)]
    pub expanded: bool,
}

/// How replies with and without pushdown are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pushdown {
    /// They are the same.
    #[default]
    Same,
    /// They may differ.
    Free,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    cases: Vec<Case>,
    #[serde(default)]
    matrix: Vec<Matrix>,
}

/// Every fragment in every clause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    name: String,
    fragments: BTreeMap<String, String>,
    clauses: BTreeMap<String, String>,
}

/// The names of all files.
pub fn files() -> Vec<String> {
    let entries = std::fs::read_dir(directory()).expect("the cases");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut names: Vec<String> = paths.map(stem).collect();
    names.sort();
    names
}

/// The cases of one file.
pub fn load(name: &str) -> Vec<Case> {
    let path = directory().join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file: File =
        serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let expanded = file.matrix.into_iter().flat_map(expand);
    expanded.chain(file.cases).collect()
}

fn expand(matrix: Matrix) -> Vec<Case> {
    let Matrix { name, fragments, clauses } = matrix;
    let mut cases = Vec::with_capacity(fragments.len() * clauses.len());
    for (fragment, x) in &fragments {
        for (clause, sql) in &clauses {
            cases.push(Case {
                name: format!("{name}: {fragment}, {clause}"),
                sql: sql.replace("{x}", x),
                who: String::new(),
                tool: query(),
                rows: None,
                error: None,
                ok: true,
                absent: Vec::new(),
                raw: false,
                pushdown: Pushdown::Same,
                expanded: true,
            });
        }
    }
    cases
}

fn query() -> String {
    "query".into()
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/leaks/cases")
}
