//! TPC-H over two sources, so that no question goes down whole.

use crate::support::ask::{Said, ask};
use crate::support::lab::{self, Place, cluster, scratch};
use crate::support::load::{self, Store};
use crate::support::policy;
use crate::tpch::data::tables;
use celosia::policy::Rules;
use celosia::query::{Engine, Executors, Parts};
use celosia_connector_api::Connector;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Everything is open to everybody.
pub const ROLES: &str = "roles: {all: {open: [{tables: [\"shop.*.*\", \"desk.*.*\"]}]}}";
const SCALE: f64 = 0.01;
/// What the source `shop` holds; the rest is in `desk`.
const SHOP: [&str; 3] = ["customer", "orders", "lineitem"];

/// Where the two sources are.
#[derive(Debug, Clone)]
pub struct Split {
    pub shop: Place,
    pub desk: PathBuf,
}

/// The sources, loaded when they are first asked for; without PostgreSQL both are files.
pub async fn split() -> Split {
    static LOADED: Mutex<Option<Split>> = Mutex::const_new(None);
    let mut loaded = LOADED.lock().await;
    if let Some(split) = &*loaded {
        return split.clone();
    }
    let (shop, desk): (Vec<_>, Vec<_>) =
        tables(SCALE).into_iter().partition(|table| SHOP.contains(&table.name));
    let desk_file = scratch().join("tpch-desk.db");
    load::sqlite(&desk_file, load::script(Store::Sqlite, &desk)).await;
    let shop = match cluster() {
        Some(cluster) => Place::Url(load::postgres(cluster, &load::script(Store::Postgres, &shop))),
        None => {
            let file = scratch().join("tpch-shop.db");
            load::sqlite(&file, load::script(Store::Sqlite, &shop)).await;
            Place::File(file)
        }
    };
    loaded.insert(Split { shop, desk: desk_file }).clone()
}

impl Split {
    /// Connectors of one process.
    pub fn sources(&self) -> Vec<(String, Arc<dyn Connector>)> {
        let shop = match &self.shop {
            Place::File(file) => lab::sqlite(file),
            Place::Url(url) => lab::postgres(url),
        };
        vec![("shop".into(), shop), ("desk".into(), lab::sqlite(&self.desk))]
    }

    /// The sources as a configuration and the files beside it.
    pub fn config(&self) -> (String, Vec<(&'static str, String)>) {
        let desk = self.desk.display();
        let (shop, files) = match &self.shop {
            Place::File(file) => {
                (format!("{{ kind: sqlite, url: 'sqlite:{}' }}", file.display()), Vec::new())
            }
            Place::Url(url) => (
                "{ kind: postgres, url: 'file:shop.url' }".to_string(),
                vec![("shop.url", url.clone())],
            ),
        };
        let text = format!(
            "version: 1\nsources:\n  shop: {shop}\n  desk: {{ kind: sqlite, url: 'sqlite:{desk}' }}\n\
             audit: {{ store: 'sqlite:audit.db' }}\nlimits: {{ time: 120s }}\n{ROLES}"
        );
        (text, files)
    }

    /// A server over the sources, with or without executors.
    pub async fn engine(&self, rules: &Arc<Rules>, executors: Option<Executors>) -> Engine {
        self.engine_with(rules, executors, |_| {}).await
    }

    /// The same with changed parts.
    pub async fn engine_with(
        &self,
        rules: &Arc<Rules>,
        executors: Option<Executors>,
        change: impl FnOnce(&mut Parts),
    ) -> Engine {
        let mut parts = lab::parts(self.sources()).await;
        (parts.rules, parts.executors) = (rules.clone(), executors);
        change(&mut parts);
        Engine::new(parts).expect("an engine")
    }
}

/// The reply, and where it was made if not in the server's process.
pub async fn placed(engine: &Engine, sql: &str) -> (Said, Json) {
    let said = ask(engine, &policy::named("ana", &["all"]), sql).await;
    let place = said.place();
    (said, place)
}

/// The questions whose answers differ, and how many were answered elsewhere.
pub async fn compared(
    local: &Engine,
    there: &Engine,
    questions: &[(&str, String)],
) -> (Vec<String>, Vec<String>) {
    let (mut failures, mut stayed) = (Vec::new(), Vec::new());
    for (name, sql) in questions {
        let (expected, _) = placed(local, sql).await;
        let (found, place) = placed(there, sql).await;
        if expected.unordered() != found.unordered() || expected.error().is_some() {
            let difference =
                crate::support::ask::differing(&expected.unordered(), &found.unordered());
            failures.push(format!("{name}: {place}\n{difference}"));
        }
        if place.is_null() {
            stayed.push((*name).to_string());
        }
    }
    (failures, stayed)
}
