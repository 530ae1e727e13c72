//! `celosia scheduler` and `celosia executor`: the other processes of a deployment on several machines.

use super::Failure;
use crate::config::{Config, Engine, is_local};
use std::net::IpAddr;
use std::path::Path;

/// The engine of a configuration, which these commands are nothing without.
fn engine(config: &Config) -> Result<&Engine, Failure> {
    config.engine.as_ref().ok_or_else(|| {
        let path = config.path().display();
        format!("{path}: engine: it is missing: write where the scheduler is").into()
    })
}

/// Runs the scheduler.
pub(super) async fn scheduler(config: &Path, listen: Option<IpAddr>) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let engine = engine(&config)?;
    let listen = listen.unwrap_or(engine.listen);
    if engine.transport_key.is_none() && !is_local(listen) {
        let path = config.path().display();
        return Err(format!(
            "{path}: engine.transport_key: it is missing, so a scheduler listens on this machine alone; make a key with \
             `openssl rand -hex 32`"
        )
        .into());
    }
    running::scheduler(engine, listen).await
}

/// Runs an executor.
pub(super) async fn executor(config: &Path) -> Result<(), Failure> {
    let config = Config::load(config)?;
    running::executor(&config, engine(&config)?).await
}

/// What the server knows of its executors.
///
/// # Errors
/// There is no key.
pub(super) fn of(config: &Config) -> Result<Option<crate::query::Executors>, Failure> {
    use crate::config::EngineMode;
    use crate::query::{Executors, Spread};
    let Some(engine) = &config.engine else { return Ok(None) };
    let spread = match engine.mode {
        EngineMode::Auto => Spread::Auto,
        EngineMode::Always => Spread::Always,
        EngineMode::Never => return Ok(None),
    };
    let (host, port) = &engine.scheduler;
    Ok(Some(Executors {
        scheduler: format!("http://{host}:{port}"),
        key: key(config, engine)?.to_string(),
        transport_key: engine.transport_key.as_ref().map(|key| key.expose().to_string()),
        spread,
        above: engine.above as u64,
        partitions: engine.partitions,
        compress: engine.compress,
    }))
}

fn key<'c>(config: &Config, engine: &'c Engine) -> Result<&'c str, Failure> {
    const LEAST: usize = 32;
    let told = |what: &str| -> Failure {
        format!(
            "{}: engine.key: {what}; make one with `openssl rand -hex 32`",
            config.path().display()
        )
        .into()
    };
    let key = engine.key.as_ref().ok_or_else(|| told("it is missing"))?.expose();
    if key.len() < LEAST { Err(told("the key is too short")) } else { Ok(key) }
}

#[cfg(feature = "ballista")]
mod running {
    use super::super::reload::stamps;
    use super::super::{connectors, plans, pseudonym_key, rules};
    use super::{Failure, key};
    use crate::config::{Config, Engine};
    use crate::limits::Meter;
    use crate::query::{ExecutorNode, Transport, Worker, execute, schedule};
    use std::net::IpAddr;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Weak};
    use std::time::Duration;
    use tokio::signal::unix::{SignalKind, signal};

    pub(super) async fn scheduler(engine: &Engine, listen: IpAddr) -> Result<(), Failure> {
        let ((name, port), transport) = (&engine.scheduler, transport(engine)?);
        let listener = tokio::net::TcpListener::bind((listen, *port)).await?;
        tracing::info!(address = %listener.local_addr()?, "the scheduler listens");
        let mut ended = signal(SignalKind::terminate())?;
        tokio::select! {
            served = schedule(listener, name, transport) => served,
            _ = ended.recv() => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }

    pub(super) async fn executor(config: &Config, engine: &Engine) -> Result<(), Failure> {
        let rules = rules(config)?;
        let meter = Meter::new(plans(config, &rules), None);
        let policy = rules.version();
        let (sources, pseudonyms) = (connectors(config)?, pseudonym_key(config)?);
        let worker = Worker::new(sources, policy, pseudonyms, meter, key(config, engine)?)?;
        let worker = Arc::new(worker);
        tokio::spawn(followed(config.path().to_path_buf(), Arc::downgrade(&worker)));
        let node = ExecutorNode {
            bind: engine.executor.bind,
            name: engine.executor.name.clone(),
            port: engine.executor.port,
            control_port: engine.executor.control_port,
            scheduler: engine.scheduler.clone(),
            cores: engine.executor.cores,
            memory: engine.executor.memory,
            work: engine.executor.work.clone(),
            transport: transport(engine)?,
        };
        tracing::info!(policy, port = node.port, "the executor starts");
        execute(worker, node).await
    }

    fn transport(engine: &Engine) -> Result<Option<Arc<Transport>>, Failure> {
        let Some(key) = &engine.transport_key else {
            tracing::warn!(
                "without engine.transport_key whoever is on this machine can use the engine's ports"
            );
            return Ok(None);
        };
        Ok(Some(Arc::new(Transport::new(key.expose())?)))
    }

    /// Learns the policy anew when its files change, as the server does.
    async fn followed(path: PathBuf, worker: Weak<Worker>) {
        const PACE: Duration = Duration::from_secs(2);
        let mut known = stamps(&path);
        while let Some(worker) = worker.upgrade() {
            let now = stamps(&path);
            if now != known {
                known = now;
                match changed(&path) {
                    Ok(policy) => {
                        tracing::info!(policy, "the policy changed");
                        worker.know(&policy);
                    }
                    Err(error) => tracing::warn!(%error, "a changed policy is not taken"),
                }
            }
            drop(worker);
            tokio::time::sleep(PACE).await;
        }
    }

    fn changed(path: &Path) -> Result<String, Failure> {
        Ok(rules(&Config::load(path)?)?.version().to_string())
    }
}

#[cfg(not(feature = "ballista"))]
mod running {
    use super::Failure;
    use crate::config::{Config, Engine};
    use std::net::IpAddr;

    const NONE: &str = "this celosia was built without `ballista`";

    pub(super) async fn scheduler(_: &Engine, _: IpAddr) -> Result<(), Failure> {
        Err(NONE.into())
    }

    pub(super) async fn executor(_: &Config, _: &Engine) -> Result<(), Failure> {
        Err(NONE.into())
    }
}
