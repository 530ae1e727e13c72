//! What the console is made of.

use super::{Failure, audit, connect, pseudonym_key};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::console::{self, Administrators, Console, PolicyFiles, SourceBudget};
use crate::limits::Ledger;
use crate::mcp::http::Beside;
use crate::policy::Rules;
use crate::query::Engine;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

/// The roles that administer, each a role of the rules.
pub(super) fn administrators(config: &Config, rules: &Rules) -> Result<BTreeSet<String>, Failure> {
    let is_role = |role: &str| rules.roles().any(|known| known.name() == role);
    let wrong = config.console.administrators.iter().filter(|(role, _)| !is_role(role));
    let wrong: Vec<String> = wrong
        .map(|(role, line)| {
            let file = config.path().display();
            format!("{file}:{line}: console.administrators: there is no role named {role:?}")
        })
        .collect();
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    Ok(config.console.administrators.iter().map(|(role, _)| role.clone()).collect())
}

/// The routes of the console of a server that listens on `address`; none where it has none.
pub(super) async fn routes(
    config: &Config,
    engine: &Arc<Engine>,
    catalog: &Arc<Catalog>,
    administrators: Arc<Administrators>,
    address: SocketAddr,
) -> Result<Beside, Failure> {
    if !config.serves_console(address) {
        return Ok(Beside::default());
    }
    let path = std::path::absolute(config.path())?;
    let proofs = audit::proof_reader(config)?;
    let ledger = match &config.usage {
        Some(file) => Some(Ledger::open(file).await?),
        None => None,
    };
    let console = Console {
        engine: engine.clone(),
        catalog: catalog.clone(),
        administrators,
        policy: PolicyFiles {
            config: path.clone(),
            masking_rules: config.masking_rules.clone(),
            has_pseudonym_key: pseudonym_key(config)?.is_some(),
        },
        budgets: budgets(config),
        ledger,
        store: audit::location(config)?,
        proofs: Box::new(proofs),
        setups: connect::setups(config, address),
    };
    tracing::info!(path = "/console", "serving the console");
    Ok(Beside { open: console::page(), closed: console::interface(console) })
}

fn budgets(config: &Config) -> Vec<SourceBudget> {
    let of = |source: &crate::config::Source| SourceBudget {
        source: source.name.clone(),
        kind: source.kind.as_str(),
        concurrency: source.budget.concurrency,
        queue: source.budget.queue,
        timeout_ms: u64::try_from(source.budget.statement_timeout.as_millis()).unwrap_or(u64::MAX),
        bytes: source.budget.bytes,
        statements_per_second: source.limits.statements.map(|rate| rate.per_second),
        rows_per_day: source.limits.rows_per_day,
    };
    config.sources.iter().map(of).collect()
}
