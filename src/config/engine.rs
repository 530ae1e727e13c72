//! Where statements run that one machine cannot hold.

use super::secret::Secret;
use super::units::Size;
use super::validate::Checker;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;

/// `engine`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEngine {
    /// `ballista`: Apache DataFusion Ballista. Needs a build with the feature `ballista`.
    #[schemars(with = "RawKind")]
    kind: Spanned<RawKind>,
    /// Where the scheduler is, such as `http://127.0.0.1:50050`.
    #[schemars(with = "String")]
    scheduler: Spanned<String>,
    /// The key that seals what executors are asked (32 characters or more), by reference; the same for the server
    /// and every executor. The scheduler needs none.
    #[schemars(with = "Option<String>")]
    key: Option<Spanned<String>>,
    /// When a statement runs on the executors.
    #[serde(default)]
    mode: RawMode,
    /// What a statement may read into joins and groupings, by the sources' own estimates, before it goes to the
    /// executors (`limits.memory` unless given), such as `512MiB`.
    #[schemars(with = "Option<String>")]
    above: Option<Size>,
    /// Into how many parts joins and groupings are divided (16).
    partitions: Option<NonZeroUsize>,
    /// Whether rows between stages are compressed (true).
    compress: Option<bool>,
    /// The address that `celosia scheduler` listens on (127.0.0.1); the port is that of `scheduler`.
    listen: Option<IpAddr>,
    /// What `celosia executor` is.
    #[serde(default)]
    executor: RawExecutor,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Ballista,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawMode {
    /// Where it is expected to be too large for this process, or turns out to be.
    #[default]
    Auto,
    /// Wherever it can.
    Always,
    /// Not at all.
    Never,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawExecutor {
    /// The address it listens on (127.0.0.1).
    bind: Option<IpAddr>,
    /// The name under which the scheduler, the server and other executors reach it (the address); `{hostname}` in it
    /// is the machine's.
    name: Option<String>,
    /// Where rows between stages are fetched (50051).
    port: Option<NonZeroU16>,
    /// Where the scheduler hands out work (50052).
    control_port: Option<NonZeroU16>,
    /// Tasks at a time (the processors of the machine).
    cores: Option<NonZeroUsize>,
    /// Memory of its sorts, joins and aggregates, such as `2GiB` (`limits.memory` unless given); each task has its
    /// share and puts the rest into files.
    #[schemars(with = "Option<String>")]
    memory: Option<Size>,
    /// The directory in which it makes its own private one (the system's for temporary files).
    work: Option<PathBuf>,
}

/// Where statements run that one machine cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// The scheduler's host and port.
    pub scheduler: (String, u16),
    /// The address a scheduler listens on.
    pub listen: IpAddr,
    /// What seals the reads of executors; a scheduler has none.
    pub key: Option<Secret>,
    /// When a statement goes there.
    pub mode: EngineMode,
    /// Above how many bytes it does by itself.
    pub above: usize,
    /// Parts of joins and groupings.
    pub partitions: usize,
    /// Whether rows between stages are compressed.
    pub compress: bool,
    /// An executor of this file.
    pub executor: Executor,
}

/// When a statement runs on executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineMode {
    /// Where it is too large for one process.
    Auto,
    /// Wherever it can.
    Always,
    /// Not at all.
    Never,
}

/// An executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// The address it listens on.
    pub bind: IpAddr,
    /// The name under which it is reached.
    pub name: String,
    /// Where rows are fetched.
    pub port: u16,
    /// Where work is handed out.
    pub control_port: u16,
    /// Tasks at a time.
    pub cores: usize,
    /// Bytes of its sorts, joins and aggregates.
    pub memory: usize,
    /// The directory in which it makes its own.
    pub work: PathBuf,
}

/// Whether this build has an engine for more than one machine.
pub const HAS_EXECUTORS: bool = cfg!(feature = "ballista");

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Checker<'_> {
    pub(super) fn engine(&mut self, raw: RawEngine, memory: usize) -> Option<Engine> {
        let RawKind::Ballista = raw.kind.value;
        if !HAS_EXECUTORS {
            let message = "this celosia was built without `ballista`; build it with `cargo build --features \
                           ballista`, or leave `engine` out";
            self.error(&raw.kind, "engine.kind", message);
            return None;
        }
        let Some(scheduler) = host_and_port(&raw.scheduler.value) else {
            let message = "write a URL with a port, such as http://127.0.0.1:50050";
            self.error(&raw.scheduler, "engine.scheduler", message);
            return None;
        };
        let key = raw.key.as_ref().and_then(|key| self.secret(key, "engine.key"));
        let bind = raw.executor.bind.unwrap_or(LOCAL);
        let cores = || std::thread::available_parallelism().map_or(1, Into::into);
        let directory = self.directory.clone();
        Some(Engine {
            scheduler,
            listen: raw.listen.unwrap_or(LOCAL),
            key,
            mode: match raw.mode {
                RawMode::Auto => EngineMode::Auto,
                RawMode::Always => EngineMode::Always,
                RawMode::Never => EngineMode::Never,
            },
            above: raw.above.map_or(memory, |size| size.0),
            partitions: raw.partitions.map_or(16, Into::into),
            compress: raw.compress.unwrap_or(true),
            executor: Executor {
                bind,
                name: raw.executor.name.map_or_else(|| bind.to_string(), |name| named(&name)),
                port: raw.executor.port.map_or(50_051, Into::into),
                control_port: raw.executor.control_port.map_or(50_052, Into::into),
                cores: raw.executor.cores.map_or_else(cores, Into::into),
                memory: raw.executor.memory.map_or(memory, |size| size.0),
                work: raw
                    .executor
                    .work
                    .map_or_else(std::env::temp_dir, |work| directory.join(work)),
            },
        })
    }
}

/// The name with the machine's own in its place.
fn named(name: &str) -> String {
    const PLACE: &str = "{hostname}";
    if !name.contains(PLACE) {
        return name.to_string();
    }
    let known = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.replace(PLACE, known.trim())
}

fn host_and_port(url: &str) -> Option<(String, u16)> {
    let place = url.strip_prefix("http://")?.trim_end_matches('/');
    let (host, port) = place.rsplit_once(':')?;
    let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#']);
    plain.then(|| Some((host.to_string(), port.parse().ok()?))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn parsed(engine: &str) -> Result<Config, String> {
        let text = format!("version: 1\nsources: {{}}\nengine: {engine}\n");
        let environment = |name: &str| (name == "KEY").then(|| "k".repeat(40));
        Config::parse(Path::new("celosia.yaml"), text, &environment).map_err(|e| e.to_string())
    }

    #[test]
    fn an_engine_is_read_or_this_build_says_that_it_has_none() {
        let text =
            "{ kind: ballista, scheduler: 'http://head:7000', key: 'env:KEY', mode: always }";
        let parsed = parsed(text);
        if !HAS_EXECUTORS {
            let told = parsed.unwrap_err();
            assert!(told.contains("celosia.yaml:3") && told.contains("built without"), "{told}");
            return;
        }
        let engine = parsed.unwrap().engine.unwrap();
        assert_eq!((engine.scheduler, engine.listen), (("head".to_string(), 7_000), LOCAL));
        assert_eq!((engine.mode, engine.partitions), (EngineMode::Always, 16));
        assert_eq!(engine.executor.name, "127.0.0.1");
    }

    #[test]
    fn a_scheduler_is_a_host_and_a_port() {
        assert_eq!(host_and_port("http://10.0.0.7:50050/"), Some(("10.0.0.7".into(), 50_050)));
        let own = named("{hostname}.executors");
        assert!(own.ends_with(".executors") && !own.contains('{'), "{own}");
        for wrong in ["10.0.0.7:50050", "https://a:1", "http://a", "http://u@a:1", "http://a/b:1"] {
            assert_eq!(host_and_port(wrong), None, "{wrong}");
        }
    }
}
