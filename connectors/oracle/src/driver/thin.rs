//! Oracle's driver in Rust, behind a relay of ours.
//!
//! The driver panics on some answers. A panic while it holds its lock poisons that lock, and a statement
//! that is dropped on the way out would then panic a second time, which ends the process. So every call
//! runs so that its locks are not poisoned ([`unpoisoned`]), and what it leaves is dropped apart.

use super::line::Line;
use super::relay::Relays;
use super::{Connection, Failure, Kind, Stop, TextRow};
use crate::config::{Address, OracleConfig};
use crate::decode::{Batches, Cells, Mismatch, Moment};
use crate::descriptor::{self, Endpoint};
use crate::numeric::Digits;
use arrow_array::RecordBatch;
use celosia_connector_api::Value;
use oracledb::{Cursor, ErrorKind, OracleNumber, OracleTimestamp, Row, ToDbValue};
use std::any::Any;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the server may take to answer that a connection is closed.
const GOODBYE: Duration = Duration::from_secs(1);
/// Bytes of a packet that the driver asks for; the largest of a 16-bit length.
const PACKET: u32 = 65_535;
/// Statements kept open for each session.
const CACHED_STATEMENTS: usize = 50;
/// Rows of one fetch from the dictionary.
const DICTIONARY_ROWS: u32 = 1_000;

/// One connection.
pub(crate) struct Thin {
    connection: Option<oracledb::Connection>,
    line: Arc<Line>,
}

impl Thin {
    /// Connects to the first place that takes us.
    ///
    /// # Errors
    /// None does; what the last one said.
    pub(crate) fn open(
        config: &OracleConfig,
        relays: &Relays,
        line: &Arc<Line>,
    ) -> Result<Self, Failure> {
        let mut last = Failure::new(Kind::Configuration, "no address");
        for endpoint in places(config)? {
            let port = match relays.open(&endpoint, &config.tls, line) {
                Ok(port) => port,
                Err(failure) => {
                    last = failure;
                    continue;
                }
            };
            line.enter()?;
            let settings = settings(config, &endpoint, port)?;
            let connected = unpoisoned(|| oracledb::connect(settings));
            line.leave();
            // A connection that was given up has a cause that tells more than the driver knows.
            return match (
                connected.and_then(|made| made.map_err(|error| failure(&error))),
                line.closed(),
            ) {
                (Ok(connection), _) => {
                    Ok(Self { connection: Some(connection), line: line.clone() })
                }
                (Err(failure), Some(cause)) if failure.kind == Kind::Connection => {
                    Err(Failure::new(Kind::Connection, format!("{failure}: {cause}")))
                }
                (Err(failure), _) => Err(failure),
            };
        }
        Err(last)
    }

    /// Makes a call that may go to the server and back.
    fn call<T>(
        &self,
        call: impl FnOnce(&oracledb::Connection) -> Result<T, oracledb::Error>,
    ) -> Result<T, Failure> {
        let connection = self.connection.as_ref().ok_or_else(gone)?;
        self.line.enter()?;
        let result = unpoisoned(|| call(connection));
        self.settled(result)
    }

    /// The call has come back. One that was broken ends with ORA-01013, or the two sides may not agree any
    /// more on whose turn it is.
    fn settled<T>(
        &self,
        result: Result<Result<T, oracledb::Error>, Failure>,
    ) -> Result<T, Failure> {
        let broke = self.line.leave();
        let failure = match result {
            Ok(Ok(value)) if !broke => return Ok(value),
            Ok(Ok(_)) => {
                return Err(Failure::new(Kind::Connection, "broken after it was answered"));
            }
            Ok(Err(error)) => failure(&error),
            Err(panicked) => panicked,
        };
        match (broke, failure.kind) {
            (false, _) | (true, Kind::Server(1013)) => Err(failure),
            _ => Err(Failure::new(Kind::Connection, format!("{failure} (after a break)"))),
        }
    }

    fn cursor(
        &self,
        sql: &str,
        values: &[Box<dyn ToDbValue>],
        rows: u32,
    ) -> Result<Cursor, Failure> {
        let values: Vec<&dyn ToDbValue> = values.iter().map(|value| &**value).collect();
        let connection = self.connection.as_ref().ok_or_else(gone)?;
        let built = connection
            .statement(sql)
            .and_then(|builder| builder.prefetch_rows(rows).fetch_array_size(rows).build());
        let statement = built.map_err(|error| failure(&error))?;
        // The driver takes an empty text for the query of a cursor.
        if sql.trim().is_empty() || !statement.is_query() {
            return Err(Failure::new(Kind::Statement, "only a SELECT is ever sent"));
        }
        self.line.enter()?;
        let cursor = unpoisoned(|| statement.query(&values));
        self.settled(cursor)
    }

    fn next(&self, cursor: &mut Cursor) -> Result<Option<Row>, Failure> {
        self.line.enter()?;
        // The cursor is not dropped on the way out, so the lock may be poisoned here.
        let next = catch_unwind(AssertUnwindSafe(|| cursor.next()));
        let next = next.map_err(|panic| Failure::panicked(&*panic));
        self.settled(next.map(Option::transpose))
    }
}

impl Connection for Thin {
    fn version(&self) -> (u32, String) {
        match self.connection.as_ref().map(oracledb::Connection::version) {
            Some(Ok(version)) => {
                // 12.1 counts as 12, 12.2 and later have what is needed.
                let major = u32::try_from(version.0).unwrap_or(0);
                let old = major == 12 && version.1 < 2;
                (if old { 11 } else { major }, version.to_string())
            }
            _ => (0, String::new()),
        }
    }

    fn set_up(&mut self, sql: &str) -> Result<(), Failure> {
        self.call(|connection| connection.execute(sql, &[])).map(drop)
    }

    fn begin(&mut self, action: &str, client: &str) -> Result<(), Failure> {
        self.call(|connection| {
            connection.set_module("celosia")?;
            connection.set_action(action)?;
            connection.set_client_identifier(client)?;
            connection.execute("SET TRANSACTION READ ONLY", &[])
        })?;
        Ok(())
    }

    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        rows: u32,
        batches: &mut Batches,
        hand_on: &mut dyn FnMut(RecordBatch) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let values = values.iter().map(bound).collect::<Result<Vec<_>, _>>()?;
        let mut cursor = self.cursor(sql, &values, rows)?;
        let read = loop {
            let row = match self.next(&mut cursor) {
                Ok(Some(row)) => row,
                Ok(None) => break Ok(()),
                Err(failure) => break Err(Stop::Failed(failure)),
            };
            let handed = match batches.push(&row) {
                Ok(false) => continue,
                Ok(true) => batches.take(),
                Err(error) => Err(error),
            };
            let handed =
                handed.map_err(Stop::from).and_then(|batch| batch.map_or(Ok(()), &mut *hand_on));
            if let Err(stop) = handed {
                break Err(stop);
            }
        };
        discard(cursor);
        read
    }

    fn rows(&mut self, sql: &str, values: &[String]) -> Result<Vec<TextRow>, Failure> {
        let values: Vec<Box<dyn ToDbValue>> =
            values.iter().map(|value| Box::new(value.clone()) as Box<dyn ToDbValue>).collect();
        let mut cursor = self.cursor(sql, &values, DICTIONARY_ROWS)?;
        let mut rows = Vec::new();
        let read = loop {
            match self.next(&mut cursor) {
                Ok(None) => break Ok(()),
                Err(failure) => break Err(failure),
                Ok(Some(row)) => {
                    let cells = 0..row.columns().len();
                    match cells.map(|at| row.get::<Option<String>>(at)).collect() {
                        Ok(row) => rows.push(row),
                        Err(error) => break Err(failure(&error)),
                    }
                }
            }
        };
        discard(cursor);
        read.map(|()| rows)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.call(oracledb::Connection::rollback)
    }
}

impl Drop for Thin {
    fn drop(&mut self) {
        // Says goodbye to the server, which has a moment to answer.
        self.line.turn(Instant::now() + GOODBYE);
        let _ = self.line.enter();
        discard(self.connection.take());
        self.line.leave();
        self.line.close("closed");
    }
}

impl Cells for Row {
    fn len(&self) -> usize {
        self.columns().len()
    }

    fn number(&self, at: usize, digits: &mut Digits) -> Result<bool, Mismatch> {
        match self.get::<Option<OracleNumber>>(at) {
            Ok(Some(number)) => write!(digits, "{number}").map(|()| true).map_err(|_| Mismatch),
            Ok(None) => Ok(false),
            Err(_) => Err(Mismatch),
        }
    }

    fn text<R>(&self, at: usize, read: impl FnOnce(Option<&str>) -> R) -> Result<R, Mismatch> {
        self.get::<Option<&str>>(at).map(read).map_err(|_| Mismatch)
    }

    fn bytes<R>(&self, at: usize, read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, Mismatch> {
        self.get::<Option<&[u8]>>(at).map(read).map_err(|_| Mismatch)
    }

    fn float(&self, at: usize) -> Result<Option<f32>, Mismatch> {
        self.get(at).map_err(|_| Mismatch)
    }

    fn double(&self, at: usize) -> Result<Option<f64>, Mismatch> {
        self.get(at).map_err(|_| Mismatch)
    }

    fn boolean(&self, at: usize) -> Result<Option<bool>, Mismatch> {
        self.get(at).map_err(|_| Mismatch)
    }

    fn moment(&self, at: usize) -> Result<Option<Moment>, Mismatch> {
        let moment: Option<OracleTimestamp> = self.get(at).map_err(|_| Mismatch)?;
        Ok(moment.map(|moment| Moment {
            year: moment.year().into(),
            month: moment.month(),
            day: moment.day(),
            hour: moment.hour(),
            minute: moment.minute(),
            second: moment.second(),
            nanosecond: moment.nanoseconds(),
        }))
    }
}

fn places(config: &OracleConfig) -> Result<Vec<Endpoint>, Failure> {
    let text = match &config.address {
        Address::Direct(endpoint) => return Ok(vec![endpoint.clone()]),
        Address::Text(text) => text,
    };
    let mut settings = oracledb::Config::default();
    if let Some(directory) = &config.tns_admin {
        settings = settings.set_config_dir(&directory.to_string_lossy());
    }
    let read =
        unpoisoned(|| settings.set_connect_string(text).map(|read| read.get_connect_descriptor()))?;
    let descriptor = read.map_err(|error| match error.kind() {
        ErrorKind::TnsAliasNotFound(..) | ErrorKind::NoConfigDir => {
            Failure::new(Kind::Server(12154), error.to_string())
        }
        _ => Failure::new(Kind::Configuration, error.to_string()),
    })?;
    descriptor::endpoints(&descriptor).map_err(|reason| Failure::new(Kind::Configuration, reason))
}

/// What the driver is told: the login, and the relay in the place of the server.
fn settings(
    config: &OracleConfig,
    endpoint: &Endpoint,
    port: u16,
) -> Result<oracledb::Config, Failure> {
    let descriptor = format!(
        "(DESCRIPTION=(SDU={PACKET})(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT={port}))\
         (CONNECT_DATA={}))",
        endpoint.connect_data
    );
    let read = unpoisoned(|| {
        oracledb::Config::default()
            .set_credentials(&config.user, &config.password)
            .set_stmtcachesize(CACHED_STATEMENTS)
            .set_driver_name("celosia")
            .set_program("celosia")?
            .set_connect_string(&descriptor)
    })?;
    read.map_err(|error| Failure::new(Kind::Configuration, error.to_string()))
}

fn bound(value: &Value) -> Result<Box<dyn ToDbValue>, Failure> {
    let spelled = |text: Option<String>| {
        let refused = || Failure::new(Kind::Statement, "a bound date outside the years 1 to 9999");
        text.ok_or_else(refused)
    };
    Ok(match value {
        Value::Boolean(value) => Box::new(*value),
        Value::Integer(value) => Box::new(*value),
        Value::Float(value) => Box::new(*value),
        Value::Text(text) => Box::new(text.clone()),
        Value::Bytes(bytes) => Box::new(bytes.clone()),
        Value::Decimal { unscaled, scale } => {
            let text = Value::decimal_text(*unscaled, *scale);
            let number: Result<OracleNumber, _> = text.parse();
            Box::new(number.map_err(|error| Failure::new(Kind::Statement, error.to_string()))?)
        }
        Value::Date(days) => Box::new(spelled(Value::date_text(*days))?),
        Value::Timestamp(micros) => Box::new(spelled(Value::timestamp_text(*micros))?),
        Value::TimestampUtc(micros) => {
            Box::new(spelled(Value::timestamp_text(*micros))? + " +00:00")
        }
    })
}

fn failure(error: &oracledb::Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::DbError(server) => Kind::Server(u32::try_from(server.code()).unwrap_or(0)),
        ErrorKind::InvalidServiceName(..) => Kind::Server(12514),
        ErrorKind::InvalidSid(..) => Kind::Server(12505),
        ErrorKind::ListenerRefusedConnection(_, _, _, number) => {
            Kind::Server(u32::try_from(*number).unwrap_or(0))
        }
        ErrorKind::UnexpectedRefuse(_) => Kind::Connection,
        ErrorKind::CallTimeoutExceeded
        | ErrorKind::DeadConnection
        | ErrorKind::NotConnected
        | ErrorKind::StreamOperation
        | ErrorKind::UnableToRecover => Kind::Connection,
        ErrorKind::TlsOperation => Kind::Tls,
        ErrorKind::ServerVersionNotSupported => Kind::Configuration,
        ErrorKind::ParseError(..) | ErrorKind::WrongNumPositionalBinds(..) => Kind::Statement,
        _ => Kind::Driver,
    };
    Failure::new(kind, error.to_string())
}

fn gone() -> Failure {
    Failure::new(Kind::Connection, "the connection is gone")
}

/// Drops what a panic may have left in a state in which dropping panics again.
fn discard<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(value))) {
        std::mem::forget(panic);
    }
}

/// Makes a call whose panic is caught, and leaves no lock poisoned that it held: a lock that is taken
/// while its thread unwinds already is not, so the call is made while this function unwinds.
fn unpoisoned<T>(call: impl FnOnce() -> T) -> Result<T, Failure> {
    struct Made<'a, F: FnOnce() -> T, T> {
        call: Option<F>,
        result: &'a mut Option<Result<T, Box<dyn Any + Send>>>,
    }

    impl<F: FnOnce() -> T, T> Drop for Made<'_, F, T> {
        fn drop(&mut self) {
            if let Some(call) = self.call.take() {
                *self.result = Some(catch_unwind(AssertUnwindSafe(call)));
            }
        }
    }

    let mut result = None;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _made = Made { call: Some(call), result: &mut result };
        resume_unwind(Box::new(()));
    }));
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(panic)) => Err(Failure::panicked(&*panic)),
        None => Err(Failure::new(Kind::Driver, "the call was not made")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex as StdMutex;

    /// Does what the driver's statement does when it is dropped.
    struct Statement(Arc<StdMutex<u32>>);

    impl Statement {
        fn query(self, fails: bool) -> u32 {
            let held = self.0.lock().unwrap();
            assert!(!fails, "an answer that the driver does not know");
            *held
        }
    }

    impl Drop for Statement {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }

    #[test]
    fn a_panic_under_a_lock_is_an_error_and_not_the_end() {
        let lock = Arc::new(StdMutex::new(0));
        let statement = Statement(lock.clone());
        let failed = unpoisoned(|| statement.query(true)).expect_err("a panic");
        assert_eq!(failed.kind, Kind::Driver);
        let statement = Statement(lock.clone());
        assert_eq!(unpoisoned(|| statement.query(false)).expect("no panic"), 1);
        assert_eq!(*lock.lock().unwrap(), 2);
    }

    #[test]
    fn values_are_bound_exactly() {
        let most = Value::Decimal { unscaled: 10_i128.pow(38) - 1, scale: 0 };
        for value in [most, Value::Decimal { unscaled: -1, scale: 38 }, Value::Integer(i64::MIN)] {
            assert!(bound(&value).is_ok(), "{value:?}");
        }
        assert!(bound(&Value::Date(i32::MAX)).is_err());
        let number: OracleNumber =
            "-0.00000000000000000000000000000000000001".parse().expect("a number");
        assert_eq!(number.to_string(), "-0.00000000000000000000000000000000000001");
    }
}
