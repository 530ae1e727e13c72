//! Engines over the worlds, made once for all tests of the process.

use super::block_on;
use super::load::{self, Store};
use super::policy;
use super::world::{World, desk, shop};
use celosia::audit::{AuditLog, Durability};
use celosia::catalog::Catalog;
use celosia::limits::{Meter, Plans};
use celosia::query::{Engine, Limits, Parts};
use celosia::results::ResultStore;
use celosia::semantics::Semantics;
use celosia_connector_api::{Budget, Budgeted, Connector};
use celosia_connector_oracle::{OracleConfig, OracleConnector};
use celosia_connector_postgres::{PostgresConfig, PostgresConnector};
use celosia_connector_sqlite::{SqliteConfig, SqliteConnector};
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// The engines over one kind of store.
#[derive(Debug)]
pub struct Bench {
    /// The kind of the source `shop`; `desk` is always a SQLite file.
    pub store: Store,
    engines: Vec<((World, bool), Arc<Engine>)>,
}

impl Bench {
    /// A bench of these engines.
    #[cfg(feature = "ballista")]
    pub fn of(store: Store, engines: Vec<((World, bool), Arc<Engine>)>) -> Self {
        Self { store, engines }
    }

    /// The engine over a world, with or without pushdown.
    pub fn engine(&self, world: World, pushdown: bool) -> &Arc<Engine> {
        let found = self.engines.iter().find(|(key, _)| *key == (world, pushdown));
        &found.expect("every world has both engines").1
    }
}

/// Every kind of store that is here: SQLite always, the others where PostgreSQL is installed, which
/// also stands behind the servers that speak SQL Server's and Oracle's protocol.
pub fn benches() -> Vec<&'static Bench> {
    type Lazy = LazyLock<Option<Bench>>;
    fn here(store: Store) -> Option<Bench> {
        cluster().map(|_| block_on(bench(store)))
    }
    static SQLITE: LazyLock<Bench> = LazyLock::new(|| block_on(bench(Store::Sqlite)));
    static POSTGRES: Lazy = LazyLock::new(|| here(Store::Postgres));
    static SQLSERVER: Lazy = LazyLock::new(|| here(Store::SqlServer));
    static ORACLE: Lazy = LazyLock::new(|| here(Store::Oracle));
    [Some(&*SQLITE), POSTGRES.as_ref(), SQLSERVER.as_ref(), ORACLE.as_ref()]
        .into_iter()
        .flatten()
        .collect()
}

/// The PostgreSQL server of this process; where there is none the tests go on without, and say so,
/// unless `CELOSIA_REQUIRE_SOURCES` names it.
pub fn cluster() -> Option<&'static PostgresCluster> {
    match PostgresCluster::shared() {
        Ok(cluster) => Some(cluster),
        Err(error) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES").unwrap_or_default();
            let named = |source| required.contains(source);
            let needed = ["postgres", "sqlserver", "oracle"].into_iter().any(named);
            assert!(!needed, "PostgreSQL is required: {error}");
            println!("SKIPPED on PostgreSQL and on what it stands behind: {error}");
            None
        }
    }
}

/// A directory of this process. What dead processes left is removed.
pub fn scratch() -> &'static Path {
    static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(process) = name.strip_prefix("worlds-") else { continue };
            if !Path::new("/proc").join(process).exists() {
                // Another process may be removing it too.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let directory = parent.join(format!("worlds-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory below target/tmp");
        directory
    });
    &SCRATCH
}

async fn bench(store: Store) -> Bench {
    let mut engines = Vec::new();
    for world in [World::A, World::B, World::C] {
        let Some(sources) = sources(store, world).await else { continue };
        for pushdown in [true, false] {
            let semantics = policy::semantics(store.schema());
            let parts = Parts { pushdown, semantics, ..parts(sources.clone()).await };
            check(&parts, world);
            let engine = Engine::new(parts).expect("an engine");
            engine.read_values(100).await;
            engines.push(((world, pushdown), Arc::new(engine)));
        }
    }
    Bench { store, engines }
}

/// Where a world's source `shop` is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// The URL of a reader.
    Url(String),
}

/// Where a world is stored; it is loaded when it is first asked for. `None` without PostgreSQL.
pub async fn place(store: Store, world: World) -> Option<Place> {
    static LOADED: Mutex<BTreeMap<String, Place>> = Mutex::const_new(BTreeMap::new());
    let name = format!("{store:?}-{world:?}");
    let mut loaded = LOADED.lock().await;
    if let Some(place) = loaded.get(&name) {
        return Some(place.clone());
    }
    let script = load::script(store, &shop(world));
    let place = match store {
        Store::Sqlite => {
            let file = scratch().join(format!("{name}.db"));
            load::sqlite(&file, script).await;
            Place::File(file)
        }
        Store::Postgres => Place::Url(load::postgres(cluster()?, &script)),
        Store::SqlServer => Place::Url(load::sqlserver(cluster()?, &script).await),
        Store::Oracle => Place::Url(load::oracle(cluster()?, &script).await),
    };
    loaded.insert(name, place.clone());
    Some(place)
}

/// The file of a world's source `desk`.
pub async fn desk_file(world: World) -> PathBuf {
    static LOADED: Mutex<()> = Mutex::const_new(());
    let _one = LOADED.lock().await;
    let file = scratch().join(format!("desk-{world:?}.db"));
    if !file.exists() {
        load::sqlite(&file, load::script(Store::Sqlite, &desk(world))).await;
    }
    file
}

/// Connectors to the sources of a world.
pub async fn sources(store: Store, world: World) -> Option<Vec<(String, Arc<dyn Connector>)>> {
    let shop = match place(store, world).await? {
        Place::File(file) => sqlite(&file),
        Place::Url(url) => remote(store, &url),
    };
    Some(vec![("shop".into(), shop), ("desk".into(), sqlite(&desk_file(world).await))])
}

/// An engine over world A with changed parts. `None` without PostgreSQL.
pub async fn engine_with(store: Store, change: impl FnOnce(&mut Parts)) -> Option<Engine> {
    let mut parts = parts(sources(store, World::A).await?).await;
    change(&mut parts);
    Some(Engine::new(parts).expect("an engine"))
}

/// A source's budget, with as much time as a statement has.
fn budget() -> Budget {
    Budget { statement_timeout: limits().time, ..Budget::default() }
}

/// A SQLite file as a source within its budget.
pub fn sqlite(file: &Path) -> Arc<dyn Connector> {
    let config = SqliteConfig { path: file.to_path_buf(), concurrency: 8 };
    Arc::new(Budgeted::new(Arc::new(SqliteConnector::new(config).expect("a connector")), budget()))
}

/// A server's database as a source within its budget.
pub fn remote(store: Store, url: &str) -> Arc<dyn Connector> {
    read_by(store, url, 1)
}

/// The same, of which several sessions may read one table.
pub fn read_by(store: Store, url: &str, readers: usize) -> Arc<dyn Connector> {
    let connector: Arc<dyn Connector> = match store {
        Store::Sqlite => return sqlite(Path::new(url)),
        Store::Postgres => {
            let config = PostgresConfig::parse(url).expect("a URL");
            Arc::new(PostgresConnector::new(config).expect("a connector"))
        }
        Store::SqlServer => {
            let config = SqlServerConfig::parse(url).expect("a URL");
            Arc::new(SqlServerConnector::new(config).expect("a connector"))
        }
        Store::Oracle => {
            let config = OracleConfig::parse(url).expect("a URL");
            Arc::new(OracleConnector::new(config).expect("a connector"))
        }
    };
    Arc::new(Budgeted::new(connector, Budget { readers, ..budget() }))
}

/// A PostgreSQL database as a source within its budget.
pub fn postgres(url: &str) -> Arc<dyn Connector> {
    remote(Store::Postgres, url)
}

/// An engine's parts over these sources: the policy of the worlds, an audit of its own.
pub async fn parts(sources: Vec<(String, Arc<dyn Connector>)>) -> Parts {
    let catalog = Catalog::new(sources, Duration::from_secs(3_600));
    let refreshed = catalog.refresh().await;
    if !refreshed.down.is_empty() {
        println!("down: {:?}", refreshed.down);
    }
    Parts {
        catalog,
        rules: policy::rules(),
        audit: audit().await,
        results: ResultStore::new(Duration::from_secs(60), 64 << 20),
        semantics: Arc::new(Semantics::default()),
        pseudonym_key: policy::key(),
        limits: limits(),
        meter: Meter::new(Plans::default(), None),
        model: None,
        embedder: None,
        executors: None,
        pushdown: true,
    }
}

/// Limits that no ordinary statement of a test reaches.
pub fn limits() -> Limits {
    Limits {
        rows: 1_000,
        bytes: 1 << 20,
        time: Duration::from_secs(120),
        memory: 256 << 20,
        spill: 1 << 30,
        concurrency: 64,
        ceiling: None,
    }
}

/// A new audit store below the scratch directory.
pub async fn audit() -> Arc<AuditLog> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let store = format!("sqlite:{}/audit-{number}.db", scratch().display());
    AuditLog::connect(&store, Durability::Process, None).await.expect("an audit")
}

/// The policy must hold for the catalog, as it must at a start. World C lacks what rules name.
fn check(parts: &Parts, world: World) {
    let snapshot = parts.catalog.snapshot();
    let errors = parts.rules.check(snapshot.tables(), &[]);
    assert!(world == World::C || errors.is_empty(), "{world:?}: {errors:?}");
}
