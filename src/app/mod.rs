//! The composition root: configuration in, a running engine out. The only place that names connectors.

mod audit;
mod callers;
mod catalog;
mod cli;
mod commands;
mod connect;
mod console;
mod doctor;
mod doors;
mod endpoints;
mod eval;
mod executors;
mod init;
mod man;
mod operations;
mod policy;
mod promote;
mod reload;
mod score;
mod token;
mod usage;
mod verify;

pub use cli::{command, run};

use crate::audit::AuditLog;
use crate::catalog::{Catalog, Lock, Snapshot};
use crate::config::{Config, Kind, OracleDriver, Shared, Source};
use crate::limits::{Ledger, Meter, Plans};
use crate::mcp::check_tools;
use crate::model::TableEntry;
use crate::policy::{PolicyErrors, PseudonymKey, Rules};
use crate::query::{Engine, Limits, Parts, check_semantics};
use crate::results::{Redactor, ResultStore, SecretRule, SharedResults};
use crate::semantics::{Semantics, SemanticsError};
use crate::telemetry::Observed;
use celosia_connector_api::{
    Budgeted, Connector, ConnectorError, Contained, Estimated, Identified, LeastPrivilege,
};
use celosia_connector_oracle::{Driver, OracleConfig, OracleConnector};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use celosia_connector_sqlite::{SqliteConfig, SqliteConnector};
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

/// Why a command cannot go on: text for the administrator.
pub type Failure = Box<dyn StdError + Send + Sync>;

/// A server's parts, checked against each other and against the sources.
#[derive(Debug)]
pub struct Assembly {
    /// Tables and connectors.
    pub catalog: Arc<Catalog>,
    /// Who sees what.
    pub rules: Arc<Rules>,
    /// What tables and columns mean.
    pub semantics: Arc<Semantics>,
    /// Everything that does not fit the sources as they are now.
    pub problems: Vec<String>,
}

impl Assembly {
    /// Loads the rules, asks every source what it holds, and checks one against the other.
    ///
    /// # Errors
    /// Files that cannot be read or are wrong in themselves; what does not fit the sources is left in
    /// `problems`. A source that is down is no error.
    pub async fn of(config: &Config) -> Result<Self, Failure> {
        let rules = rules(config)?;
        let lock = config.catalog.lock.as_deref().map(Lock::load).transpose()?;
        let semantics = semantics(config)?;
        let catalog = discovered(config, lock).await?;
        let mut assembly =
            Self { catalog, rules: Arc::new(rules), semantics, problems: Vec::new() };
        assembly.problems = assembly.check();
        assembly.problems.extend(redactor(config, &assembly.rules).err().map(|e| e.to_string()));
        Ok(assembly)
    }

    /// The engine of these parts.
    ///
    /// # Errors
    /// The audit store cannot be opened, or something does not fit: nothing is served then.
    pub async fn engine(self, config: &Config) -> Result<Arc<Engine>, Failure> {
        let audit = self.audit(config).await?;
        let ledger = match &config.usage {
            Some(file) => Some(Ledger::open(file).await?),
            None => None,
        };
        let meter = Meter::new(plans(config, &self.rules), ledger);
        meter.spawn_flush();
        self.catalog.spawn_refresh();
        let mut parts = self.parts(config, audit, meter)?;
        if let Some(shared) = shared_results(config).await? {
            parts.results = parts.results.with_shared(shared);
        }
        let engine = Engine::new(parts)?;
        if config.catalog.values > 0 {
            engine.spawn_values(config.catalog.values.into());
        }
        Ok(Arc::new(engine))
    }

    /// The engine, and one that leaves all work to itself.
    ///
    /// # Errors
    /// Those of [`Self::engine`].
    pub async fn both_ways(self, config: &Config) -> Result<(Engine, Engine), Failure> {
        let audit = self.audit(config).await?;
        // Whoever administers the server asks here, not one of its callers.
        let meter = Meter::new(Plans::default(), None);
        let pushed = self.parts(config, audit.clone(), meter.clone())?;
        let local = Parts { pushdown: false, ..self.parts(config, audit, meter)? };
        Ok((Engine::new(pushed)?, Engine::new(local)?))
    }

    async fn audit(&self, config: &Config) -> Result<Arc<AuditLog>, Failure> {
        if !self.problems.is_empty() {
            return Err(self.problems.join("\n").into());
        }
        audit::start(config).await
    }

    fn parts(
        &self,
        config: &Config,
        audit: Arc<AuditLog>,
        meter: Arc<Meter>,
    ) -> Result<Parts, Failure> {
        Ok(Parts {
            catalog: self.catalog.clone(),
            rules: self.rules.clone(),
            audit,
            results: ResultStore::new(config.results.ttl, config.results.memory)
                .with_redactor(redactor(config, &self.rules)?),
            semantics: self.semantics.clone(),
            pseudonym_key: pseudonym_key(config)?,
            limits: limits(config),
            meter,
            model: endpoints::model(config)?,
            embedder: endpoints::embedder(config)?,
            executors: executors::of(config)?,
            pushdown: config.pushdown,
        })
    }

    fn check(&self) -> Vec<String> {
        misfits(&self.catalog.snapshot(), &self.rules, &self.semantics)
    }
}

/// Where replicas share results, if they do. The database has to be there at the start; one that goes away later takes
/// no answer away.
async fn shared_results(config: &Config) -> Result<Option<Arc<SharedResults>>, Failure> {
    let Some(Shared { store, key }) = &config.results.shared else { return Ok(None) };
    let told = |error: String| format!("{}: results.shared: {error}", config.path().display());
    let (ttl, most) = (config.results.ttl, config.results.memory.saturating_mul(SHARED));
    let shared = SharedResults::new(store.expose(), key.expose(), ttl, most).map_err(told)?;
    shared.prepare().await.map_err(told)?;
    Ok(Some(Arc::new(shared)))
}

/// How many times the results of one replica all of them share.
const SHARED: usize = 8;

/// What takes secrets out of answers.
fn redactor(config: &Config, rules: &Rules) -> Result<Redactor, Failure> {
    let redact = &config.results.redact;
    let mut problems = Vec::new();
    let mut problem = |line: u64, key: &str, message: String| {
        problems.push(format!("{}:{line}: results.{key}: {message}", config.path().display()));
    };
    let mut written = Vec::new();
    for rule in &redact.rules {
        match SecretRule::new(&rule.name, &rule.pattern) {
            Ok(rule) => written.push(rule),
            Err(defect) => problem(rule.line, "redact_rules", defect.to_string()),
        }
    }
    for (role, line) in &redact.except {
        if !rules.roles().any(|known| known.name() == role) {
            problem(*line, "redact_except", format!("there is no role named {role:?}"));
        }
    }
    if !problems.is_empty() {
        return Err(problems.join("\n").into());
    }
    let except = redact.except.iter().map(|(role, _)| role.clone()).collect();
    Ok(if redact.on { Redactor::new(written, except) } else { Redactor::off() })
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        rows: limits.rows,
        bytes: limits.bytes,
        time: limits.time,
        memory: limits.memory,
        spill: limits.spill,
        concurrency: limits.concurrency,
        ceiling: limits.process_memory,
    }
}

/// What callers and sources may be asked for.
fn plans(config: &Config, rules: &Rules) -> Plans {
    let roles = rules.roles().filter_map(|role| Some((role.name().into(), role.plan()?.into())));
    let sources = config.sources.iter().map(|source| (source.name.clone(), source.limits));
    Plans::new(config.plans.clone(), roles.collect(), sources.collect())
}

/// What does not fit the sources as they are now.
fn misfits(snapshot: &Snapshot, rules: &Rules, semantics: &Arc<Semantics>) -> Vec<String> {
    // Rules may be written for what is not accepted yet.
    let tables: Vec<Arc<TableEntry>> = snapshot.discovered().to_vec();
    let absent = snapshot.absent_sources();
    let names: Vec<String> = absent.iter().map(ToString::to_string).collect();
    let is_role = |role: &str| rules.roles().any(|known| known.name() == role);
    let mut problems: Vec<String> =
        rules.check(&tables, &names).into_iter().map(|e| e.to_string()).collect();
    let mut meanings = semantics.check(&tables, &absent, is_role);
    match check_semantics(semantics, &tables, &absent) {
        Ok(errors) => meanings.extend(errors),
        Err(error) => problems.push(error.to_string()),
    }
    SemanticsError::sort(&mut meanings);
    problems.extend(meanings.iter().map(ToString::to_string));
    problems.extend(check_tools(semantics));
    problems
}

/// The semantic layer of a configuration.
fn semantics(config: &Config) -> Result<Arc<Semantics>, Failure> {
    let loaded = config.semantics.as_deref().map(Semantics::load).transpose()?;
    Ok(Arc::new(loaded.unwrap_or_default()))
}

/// The rules of a configuration.
fn rules(config: &Config) -> Result<Rules, Failure> {
    rules_with(config, pseudonym_key(config)?.is_some())
}

fn rules_with(config: &Config, has_key: bool) -> Result<Rules, Failure> {
    let files = config.masking_rules.as_deref();
    let rules = Rules::load(config.path(), config.text(), files, has_key)?;
    let unknown = rules.check_plans(|plan| config.plans.contains_key(plan));
    if unknown.is_empty() { Ok(rules) } else { Err(PolicyErrors(unknown).into()) }
}

/// The catalog of a configuration, each source asked once.
async fn discovered(config: &Config, lock: Option<Lock>) -> Result<Arc<Catalog>, Failure> {
    let catalog = Catalog::new(connectors(config)?, config.catalog.refresh);
    catalog.lock(lock).await;
    let _ = catalog.refresh().await;
    Ok(catalog)
}

fn pseudonym_key(config: &Config) -> Result<Option<PseudonymKey>, Failure> {
    let Some(secret) = &config.pseudonym_key else { return Ok(None) };
    match PseudonymKey::parse(secret.expose()) {
        Some(key) => Ok(Some(key)),
        None => Err(format!(
            "{}: keys.pseudonym: the key is too short; make one with `openssl rand -hex 32`",
            config.path().display()
        )
        .into()),
    }
}

type Sources = Vec<(String, Arc<dyn Connector>)>;

fn connectors(config: &Config) -> Result<Sources, Failure> {
    let base = config.path().parent().unwrap_or(Path::new("."));
    config
        .sources
        .iter()
        .map(|source| {
            let connector = connector(source, base).map_err(|error| {
                format!(
                    "{}: sources.{}: {} ({})",
                    config.path().display(),
                    source.name,
                    error,
                    error.context
                )
            })?;
            let contained: Arc<dyn Connector> = Arc::new(Contained::new(connector));
            let connector: Arc<dyn Connector> = match source.refuse_above {
                Some(most) => Arc::new(Estimated::new(contained, most)),
                None => contained,
            };
            let budgeted: Arc<dyn Connector> = Arc::new(Budgeted::new(connector, source.budget));
            let connector: Arc<dyn Connector> = match source.over_privileged {
                true => budgeted,
                false => Arc::new(LeastPrivilege::new(budgeted)),
            };
            let connector: Arc<dyn Connector> = match &source.identity {
                Some(map) => Arc::new(Identified::new(connector, map.clone())),
                None => connector,
            };
            let connector = Arc::new(Observed::new(&source.name, connector));
            Ok((source.name.clone(), connector as Arc<dyn Connector>))
        })
        .collect()
}

fn connector(source: &Source, base: &Path) -> Result<Arc<dyn Connector>, ConnectorError> {
    Ok(match source.kind {
        Kind::Sqlite => {
            let parsed = SqliteConfig::parse(source.url.expose(), base, source.budget.concurrency)?;
            Arc::new(SqliteConnector::new(parsed)?)
        }
        Kind::Postgres => {
            let mut parsed = PostgresConfig::parse(source.url.expose())?;
            parsed.schemas.clone_from(&source.schemas);
            parsed.concurrency = source.budget.concurrency;
            parsed.statement_timeout = source.budget.statement_timeout;
            Arc::new(PostgresConnector::new(parsed)?)
        }
        Kind::SqlServer => {
            let mut parsed = SqlServerConfig::parse(source.url.expose())?;
            parsed.schemas.clone_from(&source.schemas);
            parsed.concurrency = source.budget.concurrency;
            parsed.statement_timeout = source.budget.statement_timeout;
            Arc::new(SqlServerConnector::new(parsed)?)
        }
        Kind::Oracle => {
            let mut parsed = OracleConfig::parse(source.url.expose())?;
            parsed.schemas.clone_from(&source.schemas);
            parsed.concurrency = source.budget.concurrency;
            parsed.statement_timeout = source.budget.statement_timeout;
            parsed.driver = match source.driver {
                OracleDriver::Thin => Driver::Thin,
                OracleDriver::Thick => Driver::Thick,
            };
            Arc::new(OracleConnector::new(parsed)?)
        }
    })
}
