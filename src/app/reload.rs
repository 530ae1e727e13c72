//! A changed policy is put in force without a restart: on SIGHUP, and when its files change.
//!
//! Roles, masking rules, restrictions, tags, the semantic layer, the catalog lock, the limits of one statement, plans, API keys, certificates of TLS, what
//! groups of tokens mean, who administers the console, and the endpoints of models, are read anew and checked as at the start. What does not hold changes nothing:
//! the policy in force stays, the log says what to correct, and `/readyz` says that a change was refused.
//! Sources, addresses, the local user and the key of pseudonyms are those of the start.

use super::doors::Callers;
use super::endpoints::{Changed, Endpoints};
use super::{
    Assembly, Failure, console, doors, limits, misfits, plans, pseudonym_key, rules_with, semantics,
};
use crate::catalog::{Catalog, Lock};
use crate::config::Config;
use crate::console::Administrators;
use crate::identity::Authenticator;
use crate::limits::Plans;
use crate::mcp::http::Tls;
use crate::policy::Rules;
use crate::query::{Engine, Limits};
use crate::semantics::Semantics;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the files are looked at.
const PACE: Duration = Duration::from_secs(2);

/// What a reload starts from.
#[derive(Debug)]
pub(super) struct Reload {
    config: PathBuf,
    catalog: Arc<Catalog>,
    semantics: Arc<Semantics>,
    /// Whether the process has a key for pseudonyms.
    has_pseudonym_key: bool,
    /// Who calls over HTTP, if anybody does.
    pub(super) callers: Option<Arc<Callers>>,
    /// Who administers the console.
    pub(super) administrators: Arc<Administrators>,
    /// What TLS is served with, if it is.
    pub(super) tls: Option<Tls>,
    lock: Option<Lock>,
    started: Limits,
    plans: Plans,
    endpoints: Endpoints,
    refused: Arc<AtomicBool>,
}

/// What was read and holds.
struct Checked {
    rules: Arc<Rules>,
    limits: Limits,
    plans: Plans,
    semantics: Arc<Semantics>,
    lock: Option<Lock>,
    authenticator: Option<Authenticator>,
    administrators: BTreeSet<String>,
    tls: Option<Tls>,
    endpoints: Endpoints,
    changed: Changed,
}

/// Name, time and length of a file.
pub(super) type Stamp = (PathBuf, Option<SystemTime>, u64);

impl Reload {
    /// Reloads of this configuration.
    ///
    /// # Errors
    /// Its key or its lock cannot be read.
    pub(super) fn of(config: &Config, assembly: &Assembly) -> Result<Self, Failure> {
        Ok(Self {
            config: config.path().to_path_buf(),
            catalog: assembly.catalog.clone(),
            semantics: assembly.semantics.clone(),
            has_pseudonym_key: pseudonym_key(config)?.is_some(),
            callers: None,
            administrators: Arc::default(),
            tls: None,
            lock: config.catalog.lock.as_deref().map(Lock::load).transpose()?,
            started: limits(config),
            plans: plans(config, &assembly.rules),
            endpoints: Endpoints::of(config),
            refused: Arc::default(),
        })
    }

    /// Whether the last change was refused.
    pub(super) fn refused(&self) -> Arc<AtomicBool> {
        self.refused.clone()
    }

    /// Reloads until the process ends. The first look comes after the first pause, whatever the files'
    /// times: they may have changed while the server started.
    pub(super) async fn watch(mut self, engine: Arc<Engine>) {
        let mut asked = match signal(SignalKind::hangup()) {
            Ok(asked) => Some(asked),
            Err(error) => {
                tracing::warn!(%error, "SIGHUP cannot be watched");
                None
            }
        };
        let mut seen = None;
        loop {
            let by_signal = pause(asked.as_mut()).await;
            let now = stamps(&self.config);
            if by_signal || seen.as_ref() != Some(&now) {
                seen = Some(now);
                self.reload(&engine, by_signal).await;
            }
        }
    }

    async fn reload(&mut self, engine: &Engine, by_signal: bool) {
        match self.read() {
            Ok(checked) => {
                let before = engine.rules().version().to_string();
                let meant = checked.semantics.version() != self.semantics.version();
                let moved = checked.rules.version() != before
                    || checked.limits != self.started
                    || checked.plans != self.plans
                    || checked.lock != self.lock;
                self.refused.store(false, Ordering::Relaxed);
                let lock = (checked.lock != self.lock).then(|| checked.lock.clone());
                (self.lock, self.started) = (checked.lock, checked.limits);
                self.plans.clone_from(&checked.plans);
                if let (Some(served), Some(tls)) = (&self.tls, &checked.tls) {
                    served.replace(tls);
                }
                // A key that is taken away is taken away whether or not the policy has changed.
                if let (Some(callers), Some(known)) = (&self.callers, checked.authenticator) {
                    callers.replace(known);
                }
                self.administrators.replace(checked.administrators);
                let others = checked.changed.is_some();
                if others {
                    self.endpoints = checked.endpoints;
                    engine.replace_endpoints(checked.changed.model, checked.changed.embedder);
                    tracing::info!("the changed endpoints of models are in force");
                }
                if meant {
                    self.semantics = checked.semantics;
                    engine.replace_semantics(self.semantics.clone());
                    let semantics = self.semantics.version();
                    tracing::info!(semantics, "the changed semantic layer is in force");
                }
                if moved {
                    let policy = checked.rules.version().to_string();
                    engine.replace(checked.rules, checked.limits, checked.plans);
                    // Rules first: what is taken in now is masked by those that came with it.
                    if let Some(lock) = lock {
                        self.catalog.lock(lock).await;
                    }
                    tracing::info!(policy, before, "the changed policy is in force");
                } else if by_signal && !meant && !others {
                    tracing::info!(policy = before, "nothing has changed");
                }
            }
            Err(problem) => {
                self.refused.store(true, Ordering::Relaxed);
                let policy = engine.rules().version().to_string();
                for problem in problem.to_string().lines() {
                    tracing::error!(
                        policy,
                        problem,
                        "the changed configuration is refused; the policy before stays in force. \
                         Correct it; `celosia check` says whether it holds"
                    );
                }
            }
        }
    }

    /// Reads everything and checks it as at the start; changes nothing.
    fn read(&self) -> Result<Checked, Failure> {
        let config = Config::load(&self.config)?;
        let rules = rules_with(&config, self.has_pseudonym_key)?;
        let semantics = semantics(&config)?;
        let problems = misfits(&self.catalog.snapshot(), &rules, &semantics);
        if !problems.is_empty() {
            return Err(problems.join("\n").into());
        }
        let authenticator = match self.callers {
            Some(_) => Some(doors::authenticator(&config, &rules)?),
            None => doors::local(&config, &rules, None).map(|_| None)?,
        };
        let administrators = console::administrators(&config, &rules)?;
        let lock = config.catalog.lock.as_deref().map(Lock::load).transpose()?;
        // Memory, disk and places were shared out when the process began.
        let limits = Limits {
            memory: self.started.memory,
            spill: self.started.spill,
            concurrency: self.started.concurrency,
            ceiling: self.started.ceiling,
            ..limits(&config)
        };
        // Whether TLS is served at all is settled when the process begins.
        let tls = doors::tls(&config)?;
        if tls.is_some() != self.tls.is_some() && self.callers.is_some() {
            return Err("server.tls comes and goes with a restart only".into());
        }
        let plans = plans(&config, &rules);
        let rules = Arc::new(rules);
        let endpoints = Endpoints::of(&config);
        let changed = self.endpoints.changed(&endpoints, &config)?;
        Ok(Checked {
            rules,
            limits,
            plans,
            semantics,
            lock,
            authenticator,
            administrators,
            tls,
            endpoints,
            changed,
        })
    }
}

/// Waits for the next look; says whether somebody asked for it.
async fn pause(asked: Option<&mut Signal>) -> bool {
    let Some(asked) = asked else {
        tokio::time::sleep(PACE).await;
        return false;
    };
    tokio::select! {
        asked = asked.recv() => asked.is_some(),
        () = tokio::time::sleep(PACE) => false,
    }
}

/// The files that the policy is read from. One that is named in a configuration that cannot be read is
/// looked for again when that one changes.
pub(super) fn stamps(config: &Path) -> Vec<Stamp> {
    let mut found = vec![stamp(config)];
    let Ok(known) = Config::load(config) else { return found };
    found.extend(known.catalog.lock.as_deref().map(stamp));
    found.extend(known.identity.api_keys.as_deref().map(stamp));
    if let Some(tls) = &known.server.tls {
        found.push(stamp(&tls.certificate));
        found.extend(tls.key_file.iter().chain(&tls.client_ca).map(|path| stamp(path)));
    }
    let models = known.llm.as_ref().map(|llm| &llm.endpoint).into_iter().chain(&known.embeddings);
    found.extend(models.filter_map(|endpoint| endpoint.ca.as_deref()).map(stamp));
    for directory in [known.masking_rules, known.semantics].into_iter().flatten() {
        found.push(stamp(&directory));
        let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut files: Vec<Stamp> = files.map(|file| stamp(&file.path())).collect();
        files.sort();
        found.extend(files);
    }
    found
}

fn stamp(path: &Path) -> Stamp {
    let known = std::fs::metadata(path).ok();
    let modified = known.as_ref().and_then(|known| known.modified().ok());
    (path.to_path_buf(), modified, known.map_or(0, |known| known.len()))
}
