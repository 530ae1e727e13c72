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
    /// Where the scheduler is, such as `http://127.0.0.1:50050`, or `https://` where there is a `transport_key`.
    #[schemars(with = "String")]
    scheduler: Spanned<String>,
    /// The key that seals what executors are asked (32 characters or more), by reference; the same for the server
    /// and every executor. The scheduler needs none.
    #[schemars(with = "Option<String>")]
    key: Option<Spanned<String>>,
    /// The key by which server, scheduler and executors know each other (32 characters or more), by reference, and
    /// another than `key`: with it their ports speak TLS to each other and to nobody else. Without it they speak to
    /// whoever comes, so every address has to be of this machine alone.
    #[schemars(with = "Option<String>")]
    transport_key: Option<Spanned<String>>,
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
    #[schemars(with = "Option<IpAddr>")]
    listen: Option<Spanned<IpAddr>>,
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
    /// The address it listens on (127.0.0.1). With `transport_key` and an address that stands for all (0.0.0.0) it
    /// takes work at the one by which it reaches the scheduler.
    #[schemars(with = "Option<IpAddr>")]
    bind: Option<Spanned<IpAddr>>,
    /// The name under which the scheduler, the server and other executors reach it (the address); `{hostname}` in it
    /// is the machine's.
    #[schemars(with = "Option<String>")]
    name: Option<Spanned<String>>,
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
    /// By what its processes know each other; without it every address is of this machine.
    pub transport_key: Option<Secret>,
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

/// How a key is made.
const MAKE_ONE: &str = "make one with `openssl rand -hex 32`";

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
        let transport_key = self.transport_key(&raw, key.as_ref(), &scheduler.0);
        let bind = raw.executor.bind.map_or(LOCAL, |bind| bind.value);
        let cores = || std::thread::available_parallelism().map_or(1, Into::into);
        let directory = self.directory.clone();
        Some(Engine {
            scheduler,
            listen: raw.listen.map_or(LOCAL, |listen| listen.value),
            key,
            transport_key,
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
                name: (raw.executor.name)
                    .map_or_else(|| bind.to_string(), |name| named(&name.value)),
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

    /// The key by which the processes know each other; without one, they are all on this machine.
    fn transport_key(
        &mut self,
        raw: &RawEngine,
        key: Option<&Secret>,
        scheduler: &str,
    ) -> Option<Secret> {
        const LEAST: usize = 32;
        let place = "engine.transport_key";
        if let Some(reference) = &raw.transport_key {
            let found = self.secret(reference, place)?;
            if found.expose().len() < LEAST {
                self.error(reference, place, format!("the key is too short; {MAKE_ONE}"));
            }
            if key.is_some_and(|key| key.expose() == found.expose()) {
                let message =
                    format!("it is `engine.key` again, which no scheduler may have; {MAKE_ONE}");
                self.error(reference, place, message);
            }
            return Some(found);
        }
        let message = |what: &str| {
            format!(
                "without `engine.transport_key` whoever reaches the engine's ports can use them, and rows pass them in \
                 clear, so {what}; write `transport_key: env:CELOSIA_TRANSPORT_KEY`, the same for server, scheduler \
                 and executors ({MAKE_ONE})"
            )
        };
        let elsewhere = message("it has to be an address of this machine such as 127.0.0.1");
        if raw.scheduler.value.starts_with("https:") {
            self.error(&raw.scheduler, "engine.scheduler", message("there is no https"));
        } else if !is_here(scheduler) {
            self.error(&raw.scheduler, "engine.scheduler", elsewhere.as_str());
        }
        let executor = &raw.executor;
        for (address, place) in
            [(&raw.listen, "engine.listen"), (&executor.bind, "engine.executor.bind")]
        {
            if let Some(address) = address.as_ref().filter(|address| !is_local(address.value)) {
                self.error(address, place, elsewhere.as_str());
            }
        }
        if let Some(name) = executor.name.as_ref().filter(|name| !is_here(&name.value)) {
            self.error(name, "engine.executor.name", elsewhere.as_str());
        }
        None
    }
}

/// Whether a scheduler may listen there without a key of transport.
pub fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a name is this machine's own, whatever a resolver says.
fn is_here(name: &str) -> bool {
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(is_local)
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
    let place = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let place = place.trim_end_matches('/');
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
        let environment = |name: &str| match name {
            "KEY" => Some("k".repeat(40)),
            "TRANSPORT" => Some("t".repeat(40)),
            "SHORT" => Some("t".repeat(31)),
            _ => None,
        };
        Config::parse(Path::new("celosia.yaml"), text, &environment).map_err(|e| e.to_string())
    }

    #[test]
    fn an_engine_is_read_or_this_build_says_that_it_has_none() {
        let text =
            "{ kind: ballista, scheduler: 'http://localhost:7000', key: 'env:KEY', mode: always }";
        let parsed = parsed(text);
        if !HAS_EXECUTORS {
            let told = parsed.unwrap_err();
            assert!(told.contains("celosia.yaml:3") && told.contains("built without"), "{told}");
            return;
        }
        let engine = parsed.unwrap().engine.unwrap();
        assert_eq!((engine.scheduler, engine.listen), (("localhost".to_string(), 7_000), LOCAL));
        assert_eq!((engine.mode, engine.partitions), (EngineMode::Always, 16));
        assert_eq!((engine.executor.name.as_str(), engine.transport_key), ("127.0.0.1", None));
    }

    #[cfg(feature = "ballista")]
    #[test]
    fn beyond_this_machine_there_is_a_key_of_transport() {
        const HERE: &str = "http://127.0.0.1:7000";
        for (place, scheduler, more) in [
            ("engine.scheduler", "http://head:7000", ""),
            ("engine.scheduler", "http://127.0.0.1.example.org:7000", ""),
            ("engine.scheduler", "https://127.0.0.1:7000", ""),
            ("engine.listen", HERE, ", listen: 0.0.0.0"),
            ("engine.listen", HERE, ", listen: '::ffff:10.0.0.7'"),
            ("engine.executor.bind", HERE, ", executor: { bind: 10.0.0.7, name: 127.0.0.1 }"),
            ("engine.executor.name", HERE, ", executor: { name: '{hostname}' }"),
        ] {
            let engine = format!("kind: ballista, scheduler: '{scheduler}'{more}");
            let told = parsed(&format!("{{ {engine} }}")).unwrap_err();
            assert_eq!(told.matches("openssl rand -hex 32").count(), 1, "{told}");
            assert!(told.contains(place) && told.contains("`engine.transport_key`"), "{told}");
            let with = parsed(&format!("{{ {engine}, transport_key: 'env:TRANSPORT' }}"));
            let with = with.unwrap().engine.unwrap();
            assert_eq!(with.transport_key.unwrap().expose(), "t".repeat(40));
        }
        for here in ["http://[::1]:7000', listen: '::1', executor: { bind: 127.0.0.9 ", HERE] {
            let end = if here == HERE { "'" } else { "}" };
            let engine = format!("{{ kind: ballista, scheduler: '{here}{end} }}");
            assert_eq!(parsed(&engine).map(|_| ()), Ok(()));
        }
    }

    #[cfg(feature = "ballista")]
    #[test]
    fn a_key_of_transport_is_long_and_its_own() {
        let told = |key: &str| {
            let engine = "kind: ballista, scheduler: 'http://head:7000', key: 'env:KEY'";
            parsed(&format!("{{ {engine}, transport_key: '{key}' }}")).unwrap_err()
        };
        assert!(told("env:SHORT").contains("too short"));
        assert!(told("env:KEY").contains("it is `engine.key` again"));
        assert!(told("env:NONE").contains("engine.transport_key"));
        assert!(told("written down").contains("refer to the key"));
        assert!(!told("env:SHORT").contains("ttt"));
    }

    #[test]
    fn a_scheduler_is_a_host_and_a_port() {
        assert_eq!(host_and_port("http://10.0.0.7:50050/"), Some(("10.0.0.7".into(), 50_050)));
        assert_eq!(host_and_port("https://head:1"), Some(("head".into(), 1)));
        let own = named("{hostname}.executors");
        assert!(own.ends_with(".executors") && !own.contains('{'), "{own}");
        for wrong in ["10.0.0.7:50050", "ftp://a:1", "http://a", "http://u@a:1", "http://a/b:1"] {
            assert_eq!(host_and_port(wrong), None, "{wrong}");
        }
    }
}
