//! Read-only connections to the file: opened when needed, reused only when idle for certain.

use crate::SqliteConfig;
use crate::error::{classify, is_write_protected};
use celosia_connector_api::{ConnectorError, ErrorCode};
use parking_lot::Mutex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a reader waits for a writer's lock.
const BUSY_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Virtual machine instructions between two looks at the stop flag: well under a millisecond.
const INSTRUCTIONS: i32 = 4_000;
/// Rows the worker reads ahead of its reader.
const ROWS_AHEAD: usize = 256;
/// The start of a worker thread's name, as an operator sees it.
const THREAD: &str = "celosia-sqlite";

/// The connections to one file.
#[derive(Debug)]
pub(crate) struct Sessions {
    path: PathBuf,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
}

impl Sessions {
    /// Sessions that are open and wait for a statement.
    pub(crate) fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    /// No connection yet.
    pub(crate) fn new(config: SqliteConfig) -> Result<Self, ConnectorError> {
        if !(1..=Semaphore::MAX_PERMITS).contains(&config.concurrency) {
            return Err(ConnectorError::new(ErrorCode::InvalidConfiguration, "concurrency"));
        }
        let places = Arc::new(Semaphore::new(config.concurrency));
        Ok(Self { path: config.path, places, idle: Mutex::new(Vec::new()) })
    }

    /// A connection to the file that is there now, for a statement that ends by `deadline`.
    pub(crate) async fn lease(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<Lease, ConnectorError> {
        let place = self.place(deadline).await?;
        let file = FileState::read(&self.path)?;
        let reused = {
            let mut idle = self.idle.lock();
            std::iter::from_fn(|| idle.pop()).find(|session| session.reads(&file, &self.path))
        };
        let session = match reused {
            Some(session) => session,
            None => within(deadline, "opening the file", Session::open(&self.path, file)).await??,
        };
        session.stop.arm(deadline);
        Ok(Lease {
            sessions: self.clone(),
            session: Some(session),
            place: Some(place),
            ended: false,
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, ConnectorError> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        let place = self.places.clone().acquire_owned();
        within(deadline, "waiting for a connection", place).await?.map_err(|error| {
            ConnectorError::new(ErrorCode::Cancelled, "the source is closing").with_source(error)
        })
    }
}

/// `future`, given up at the deadline.
pub(crate) async fn within<T>(
    deadline: Instant,
    doing: &str,
    future: impl Future<Output = T>,
) -> Result<T, ConnectorError> {
    tokio::time::timeout_at(deadline.into(), future)
        .await
        .map_err(|_| ConnectorError::new(ErrorCode::DeadlineExceeded, doing))
}

/// A connection on loan. Dropped before its statement has ended, it stops the statement and gives
/// the connection (and its place) back only when the worker has confirmed the end.
#[derive(Debug)]
pub(crate) struct Lease {
    sessions: Arc<Sessions>,
    session: Option<Session>,
    place: Option<OwnedSemaphorePermit>,
    ended: bool,
}

impl Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, ConnectorError> {
        self.session
            .as_mut()
            .map(|session| &mut session.connection)
            .ok_or_else(|| ConnectorError::new(ErrorCode::QueryFailed, "a lease without session"))
    }

    /// The statement has ended by itself: the connection is idle.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(mut session), place) = (self.session.take(), self.place.take()) else { return };
        if self.ended {
            session.stop.disarm();
            self.sessions.idle.lock().push(session);
            return;
        }
        session.stop.now();
        let sessions = self.sessions.clone();
        // Outside a runtime the connection is dropped; its worker closes it after the statement.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // The worker answers in order, so after whatever it still runs.
            if session.connection.ping().await.is_ok() {
                session.stop.disarm();
                sessions.idle.lock().push(session);
            }
            drop(place);
        });
    }
}

#[derive(Debug)]
struct Session {
    connection: SqliteConnection,
    stop: Arc<Stop>,
    file: FileState,
    /// Opened without locks, since the directory cannot hold the WAL's shared memory.
    immutable: bool,
}

impl Session {
    async fn open(path: &Path, file: FileState) -> Result<Self, ConnectorError> {
        let (mut connection, immutable) = match connect(path, false).await {
            Ok(connection) => (connection, false),
            // A WAL database in a directory we cannot write to, without a writer: nothing can
            // change it under us without a sign in the file, which is looked for before every use.
            Err(error) if is_write_protected(&error) && !has_log(path) => {
                let connection = connect(path, true).await;
                (connection.map_err(not_opened)?, true)
            }
            Err(error) => return Err(not_opened(error)),
        };
        let stop = Arc::new(Stop::new());
        let seen = stop.clone();
        connection
            .lock_handle()
            .await
            .map_err(not_opened)?
            .set_progress_handler(INSTRUCTIONS, move || !seen.is_due());
        Ok(Self { connection, stop, file, immutable })
    }

    /// Whether this connection reads the file that is there now.
    fn reads(&self, file: &FileState, path: &Path) -> bool {
        if self.immutable { self.file == *file && !has_log(path) } else { self.file.is_same(file) }
    }
}

/// No statement was lost: what cannot be opened or first read is not reached.
fn not_opened(error: sqlx::Error) -> ConnectorError {
    let error = classify(error, "opening the file");
    let lost = error.code == ErrorCode::ConnectionLost;
    ConnectorError { code: if lost { ErrorCode::Unreachable } else { error.code }, ..error }
}

async fn connect(path: &Path, immutable: bool) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .immutable(immutable)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
        .thread_name(|id| format!("{THREAD}-{id}"))
        .pragma("query_only", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    // The file itself is first read here.
    sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut connection).await?;
    Ok(connection)
}

/// Whether a log with content lies beside the file, without which the file is not whole.
fn has_log(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut log = path.as_os_str().to_owned();
        log.push(suffix);
        std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
    })
}

/// Which file it is, and when it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    identity: (u64, u64),
    length: u64,
    modified: Option<SystemTime>,
}

impl FileState {
    fn read(path: &Path) -> Result<Self, ConnectorError> {
        let file = std::fs::metadata(path).map_err(|error| {
            ConnectorError::new(ErrorCode::Unreachable, format!("{}: {error}", path.display()))
                .with_source(error)
        })?;
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            (file.dev(), file.ino())
        };
        #[cfg(not(unix))]
        let identity = (0, 0);
        Ok(Self { identity, length: file.len(), modified: file.modified().ok() })
    }

    fn is_same(&self, other: &FileState) -> bool {
        self.identity == other.identity
    }
}

/// What the progress handler of a connection looks at while a statement runs.
#[derive(Debug)]
struct Stop {
    now: AtomicBool,
    started: Instant,
    /// Nanoseconds after `started`.
    deadline: AtomicU64,
}

impl Stop {
    fn new() -> Self {
        Self {
            now: AtomicBool::new(false),
            started: Instant::now(),
            deadline: AtomicU64::new(u64::MAX),
        }
    }

    fn arm(&self, deadline: Instant) {
        let nanos = deadline.saturating_duration_since(self.started).as_nanos();
        self.deadline.store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Release);
    }

    fn now(&self) {
        self.now.store(true, Ordering::Release);
    }

    fn disarm(&self) {
        self.deadline.store(u64::MAX, Ordering::Release);
        self.now.store(false, Ordering::Release);
    }

    fn is_due(&self) -> bool {
        self.now.load(Ordering::Acquire)
            || self.started.elapsed().as_nanos()
                >= u128::from(self.deadline.load(Ordering::Acquire))
    }
}
