//! An engine over four sources with keys, collations and time stamps of every kind.

use crate::support::ask::Said;
use crate::support::lab::{cluster, parts, remote, scratch};
use crate::support::load::{self, Store};
use crate::support::policy;
use celosia::model::Principal;
use celosia::query::{Engine, Parts};
use tokio::sync::OnceCell;

const ROLES: &str = "
roles:
  all: { open: [{ tables: \"*.*.*\" }] }
  masked: { open: [{ tables: \"*.*.*\" }] }
";

const MASKS: &str = "
version: 1
masks:
  - { name: mail, columns: [\"shop.*.customers.email\"], mask: { pseudonym: { domain: person } }, except: [all] }
  - { name: age, columns: [\"shop.*.customers.born\"], mask: year, except: [all] }
  - { name: phone, columns: [\"shop.*.customers.phone\"], mask: redact, except: [all] }
";

/// The engine, made once.
pub(super) async fn engine(pushdown: bool) -> &'static Engine {
    static ENGINES: [OnceCell<Engine>; 2] = [OnceCell::const_new(), OnceCell::const_new()];
    ENGINES[usize::from(pushdown)].get_or_init(|| make(pushdown)).await
}

async fn make(pushdown: bool) -> Engine {
    let mut sources = vec![("shop".to_string(), sqlite("shop", include_str!("shop.sql")).await)];
    if let Some(cluster) = cluster() {
        let desk = load::postgres(cluster, include_str!("desk.sql"));
        let erp = load::sqlserver(cluster, include_str!("erp.sql")).await;
        let crm = load::oracle(cluster, include_str!("crm.sql")).await;
        sources.push(("desk".into(), remote(Store::Postgres, &desk)));
        sources.push(("erp".into(), remote(Store::SqlServer, &erp)));
        sources.push(("crm".into(), remote(Store::Oracle, &crm)));
    }
    let mut parts = parts(sources).await;
    parts.rules = policy::rules_of(ROLES, MASKS);
    Engine::new(Parts { pushdown, ..parts }).expect("an engine")
}

/// A SQLite file that holds what a script makes.
pub(super) async fn sqlite(
    name: &str,
    script: &str,
) -> std::sync::Arc<dyn celosia_connector_api::Connector> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let file = scratch().join(format!("caution-{name}-{number}.db"));
    load::sqlite(&file, script.to_string()).await;
    remote(Store::Sqlite, &file.display().to_string())
}

/// `ana`, who sees everything, or somebody who sees masks.
pub(super) fn everybody(name: &str) -> Principal {
    match name {
        "mia" => policy::named("mia", &["masked"]),
        _ => policy::named("ana", &["all"]),
    }
}

/// The codes of a reply's warnings.
pub(super) fn codes(said: &Said) -> Vec<String> {
    let warnings = said.head["warnings"].as_array().cloned().unwrap_or_default();
    let texts = warnings.iter().filter_map(|warning| warning.as_str());
    texts.filter_map(|text| Some(text.split_once(": ")?.0.to_string())).collect()
}
