//! Every difference that was ever found, by name: its tables in both worlds, its policy, its statements
//! (`found.yaml`). Each is asked in both worlds and both ways, as the generated ones are.

use crate::support::ask::{Said, ask, differing};
use crate::support::lab::{cluster, parts, remote, scratch};
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Column, Table};
use crate::support::{block_on, policy};
use celosia::query::{Engine, Parts};
use celosia_connector_api::Connector;
use serde::Deserialize;
use serde_json::Value as Json;
use std::path::Path;
use std::sync::Arc;

const STORES: [Store; 4] = [Store::Sqlite, Store::Postgres, Store::SqlServer, Store::Oracle];
const OPEN: &str = "roles: {all: {open: [{tables: \"shop.*.*\"}]}}";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What was found.
    name: String,
    /// Where it can be; everywhere if nothing is said.
    #[serde(default)]
    stores: Vec<String>,
    #[serde(default)]
    tables: Vec<RawTable>,
    /// The value of `celosia.yaml`; everything is open if nothing is said.
    #[serde(default)]
    roles: String,
    /// A file of masking rules.
    #[serde(default)]
    masks: String,
    statements: Vec<String>,
    /// The code of the error that each of them is.
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    name: String,
    /// A column with an index.
    index: Option<String>,
    /// Names and types.
    columns: Vec<(String, String)>,
    rows: Vec<Vec<Json>>,
    /// The rows of world B, where they are others.
    other: Option<Vec<Vec<Json>>>,
}

impl Case {
    fn is_of(&self, store: Store) -> bool {
        let name = format!("{store:?}").to_lowercase();
        self.stores.is_empty() || self.stores.contains(&name)
    }

    /// Engines over world A and world B, with and without pushdown.
    async fn engines(&self, sources: &[Arc<dyn Connector>; 2]) -> [[Engine; 2]; 2] {
        let roles = if self.roles.is_empty() { OPEN } else { &self.roles };
        let rules = policy::rules_of(roles, &self.masks);
        let engine = async |source: &Arc<dyn Connector>, pushdown| {
            let parts = parts(vec![("shop".into(), source.clone())]).await;
            let parts = Parts { pushdown, rules: rules.clone(), ..parts };
            Engine::new(parts).expect("an engine")
        };
        let [a, b] = sources;
        [
            [engine(a, true).await, engine(a, false).await],
            [engine(b, true).await, engine(b, false).await],
        ]
    }

    async fn complaints(&self, store: Store, sources: &[Arc<dyn Connector>; 2]) -> Vec<String> {
        let engines = self.engines(sources).await;
        let who = policy::named("ana", &["all"]);
        let mut complaints = Vec::new();
        for sql in &self.statements {
            let mut replies = Vec::new();
            for engine in engines.iter().flatten() {
                replies.push(ask(engine, &who, sql).await);
            }
            let [a, a_local, b, b_local] = replies.as_slice() else { unreachable!("four") };
            let mut same = |what: &str, one: String, other: String| {
                if one != other {
                    let lines = differing(&one, &other);
                    complaints.push(format!("{store:?}, {}: {what}\n  {sql}\n{lines}", self.name));
                }
            };
            same("the worlds differ", a.everything(), b.everything());
            same("the worlds differ without pushdown", a_local.everything(), b_local.everything());
            let ordered = sql.rfind("ORDER BY") > sql.rfind(')').or(Some(0));
            let rows = |said: &Said| if ordered { said.ordered() } else { said.unordered() };
            same("pushdown changes the answer", rows(a), rows(a_local));
            same("the error", format!("{:?}", a.error()), format!("{:?}", self.error.as_deref()));
        }
        complaints
    }
}

fn table(raw: &RawTable, rows: &[Vec<Json>]) -> Table {
    let text = |text: &String| -> &'static str { Box::leak(text.clone().into_boxed_str()) };
    let column = |(name, declared): &(String, String)| Column {
        name: text(name),
        declared: text(declared),
        open: true,
    };
    let row =
        |row: &Vec<Json>| row.iter().zip(&raw.columns).map(|(c, (_, ty))| cell(c, ty)).collect();
    Table {
        name: text(&raw.name),
        columns: raw.columns.iter().map(column).collect(),
        rows: rows.iter().map(row).collect(),
    }
}

fn cell(json: &Json, declared: &str) -> Cell {
    match json {
        Json::Null => Cell::Null,
        Json::Bool(value) => Cell::Bool(*value),
        Json::Number(number) if declared.starts_with("DOUBLE") => {
            Cell::Float(number.as_f64().expect("a double"))
        }
        Json::Number(number) => Cell::Int(number.as_i64().expect("a whole number")),
        Json::String(text) if declared.starts_with("DEC") => Cell::Dec(text.clone()),
        Json::String(text) if declared.starts_with("DATE") || declared.starts_with("TIME") => {
            Cell::Time(text.clone())
        }
        Json::String(text) => Cell::Text(text.clone()),
        other => panic!("no cell is {other}"),
    }
}

/// One database for each world holds the tables of all cases.
async fn source(store: Store, cases: &[Case], world: usize) -> Option<Arc<dyn Connector>> {
    let raw = cases.iter().filter(|case| case.is_of(store)).flat_map(|case| &case.tables);
    let rows = |raw: &RawTable| match (&raw.other, world) {
        (Some(other), 1) => table(raw, other),
        _ => table(raw, &raw.rows),
    };
    let raw: Vec<&RawTable> = raw.collect();
    let indexes = raw.iter().filter_map(|raw| {
        let column = raw.index.as_ref()?;
        Some(format!("CREATE INDEX ix_{0} ON {0} ({column}){1}", raw.name, store.separator()))
    });
    let indexes: String = indexes.collect();
    let tables: Vec<Table> = raw.iter().copied().map(rows).collect();
    let script = load::script(store, &tables) + &indexes;
    let url = match store {
        Store::Sqlite => {
            let file = scratch().join(format!("found-{world}.db"));
            load::sqlite(&file, script).await;
            file.display().to_string()
        }
        Store::Postgres => load::postgres(cluster()?, &script),
        Store::SqlServer => load::sqlserver(cluster()?, &script).await,
        Store::Oracle => load::oracle(cluster()?, &script).await,
    };
    Some(remote(store, &url))
}

#[test]
fn what_was_found_before_is_not_found_again() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/two_worlds/found.yaml");
    let text = std::fs::read_to_string(file).expect("the cases");
    let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
    let mut complaints = Vec::new();
    for store in STORES {
        let sources = block_on(async {
            Some([source(store, &cases, 0).await?, source(store, &cases, 1).await?])
        });
        let Some(sources) = sources else { continue };
        for case in cases.iter().filter(|case| case.is_of(store)) {
            complaints.extend(block_on(case.complaints(store, &sources)));
        }
    }
    println!("{} cases", cases.len());
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}
