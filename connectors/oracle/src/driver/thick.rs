//! Oracle's client libraries through ODPI-C. They are loaded when the first connection is made; a machine
//! without them gets an error that says what to install.

use super::line::Line;
use super::{Connection, Failure, Kind, Stop, TextRow};
use crate::config::{Address, OracleConfig};
use crate::decode::{Batches, Cells, Mismatch, Moment};
use crate::numeric::Digits;
use arrow_array::RecordBatch;
use celosia_connector_api::Value;
use oracle::sql_type::{OracleType, Timestamp, ToSql};
use oracle::{ErrorKind, Row, StatementType};
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Rows of one fetch from the dictionary.
const DICTIONARY_ROWS: u32 = 1_000;
/// Statements kept open for each session.
const CACHED_STATEMENTS: u32 = 50;
/// The error of ODPI-C that no client library is found, and the one that it is too old.
const NO_CLIENT: i32 = 1047;
const OLD_CLIENT: i32 = 1050;

/// What to do where there is no client.
pub(crate) const INSTALL: &str = "driver: thick needs Oracle's client libraries: install Oracle Instant \
    Client Basic or Basic Light 12.2 or later for this machine's architecture \
    (https://www.oracle.com/database/technologies/instant-client.html) and libaio, and make its directory \
    known with LD_LIBRARY_PATH or ldconfig before the server starts; or use driver: thin, which needs \
    nothing";

/// One connection.
pub(crate) struct Thick {
    connection: Arc<oracle::Connection>,
    line: Arc<Line>,
}

impl Thick {
    /// Connects.
    ///
    /// # Errors
    /// There is no client, or the database is not reached.
    pub(crate) fn open(config: &OracleConfig, line: &Arc<Line>) -> Result<Self, Failure> {
        line.enter()?;
        let connected = catch_unwind(AssertUnwindSafe(|| {
            let address = address(config);
            oracle::Connector::new(config.user.as_str(), config.password.as_str(), address)
                .stmt_cache_size(CACHED_STATEMENTS)
                .driver_name("celosia")
                .connect()
        }));
        line.leave();
        let connected = connected.map_err(|panic| Failure::panicked(&*panic))?;
        let connection = connected.map_err(|error| failure(&error))?;
        Ok(Self { connection: Arc::new(connection), line: line.clone() })
    }

    /// Stops the call that is on its way; from any thread.
    pub(crate) fn breaker(&self) -> Arc<dyn Fn() + Send + Sync> {
        let (connection, line) = (self.connection.clone(), self.line.clone());
        Arc::new(move || {
            if line.is_in_call() {
                // What it answers is what the call itself will answer.
                let _ = connection.break_execution();
            }
        })
    }

    fn call<T>(
        &self,
        call: impl FnOnce(&oracle::Connection) -> Result<T, oracle::Error>,
    ) -> Result<T, Failure> {
        self.line.enter()?;
        let remaining = self.line.remaining();
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.connection
                .set_call_timeout(Some(remaining.max(std::time::Duration::from_millis(1))))?;
            call(&self.connection)
        }));
        self.line.leave();
        match result {
            Ok(result) => result.map_err(|error| failure(&error)),
            Err(panic) => Err(Failure::panicked(&*panic)),
        }
    }
}

impl Connection for Thick {
    fn version(&self) -> (u32, String) {
        match self.connection.server_version() {
            Ok((version, _)) => {
                let major = u32::try_from(version.major()).unwrap_or(0);
                let old = major == 12 && version.minor() < 2;
                (if old { 11 } else { major }, version.to_string())
            }
            Err(_) => (0, String::new()),
        }
    }

    fn set_up(&mut self, sql: &str) -> Result<(), Failure> {
        self.call(|connection| connection.execute(sql, &[]).map(drop))
    }

    fn begin(&mut self, action: &str, client: &str) -> Result<(), Failure> {
        self.call(|connection| {
            connection.set_module("celosia")?;
            connection.set_action(action)?;
            connection.set_client_identifier(client)?;
            connection.execute("SET TRANSACTION READ ONLY", &[]).map(drop)
        })
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
        let values: Vec<&dyn ToSql> = values.iter().map(|value| &**value).collect();
        let mut results = self.call(|connection| {
            let mut builder = connection.statement(sql);
            let statement = builder.fetch_array_size(rows).prefetch_rows(rows + 1).build()?;
            if statement.statement_type() != StatementType::Select {
                return Ok(None);
            }
            statement.into_result_set::<Row>(&values).map(Some)
        })?;
        let results = results
            .as_mut()
            .ok_or_else(|| Failure::new(Kind::Statement, "only a SELECT is ever sent"))?;
        while let Some(row) = self.call(|_| results.next().transpose())? {
            if batches.push(&row)?
                && let Some(batch) = batches.take()?
            {
                hand_on(batch)?;
            }
        }
        Ok(())
    }

    fn rows(&mut self, sql: &str, values: &[String]) -> Result<Vec<TextRow>, Failure> {
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        self.call(|connection| {
            let mut rows = Vec::new();
            let mut builder = connection.statement(sql);
            let mut statement = builder.fetch_array_size(DICTIONARY_ROWS).build()?;
            for row in statement.query(&values)? {
                let row = row?;
                let cells = row.sql_values().iter().map(|cell| cell.get::<Option<String>>());
                rows.push(cells.collect::<Result<TextRow, _>>()?);
            }
            Ok(rows)
        })
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.call(oracle::Connection::rollback)
    }
}

impl Drop for Thick {
    fn drop(&mut self) {
        self.line.close("closed");
    }
}

impl Cells for Row {
    fn len(&self) -> usize {
        self.sql_values().len()
    }

    fn number(&self, at: usize, digits: &mut Digits) -> Result<bool, Mismatch> {
        match self.get::<_, Option<String>>(at) {
            Ok(Some(number)) => digits.write_str(&number).map(|()| true).map_err(|_| Mismatch),
            Ok(None) => Ok(false),
            Err(_) => Err(Mismatch),
        }
    }

    fn text<R>(&self, at: usize, read: impl FnOnce(Option<&str>) -> R) -> Result<R, Mismatch> {
        let text: Option<String> = self.get(at).map_err(|_| Mismatch)?;
        Ok(read(text.as_deref()))
    }

    fn bytes<R>(&self, at: usize, read: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, Mismatch> {
        let bytes: Option<Vec<u8>> = self.get(at).map_err(|_| Mismatch)?;
        Ok(read(bytes.as_deref()))
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

    /// The client gives a zone's wall clock with its offset; what is wanted is UTC.
    fn moment(&self, at: usize) -> Result<Option<Moment>, Mismatch> {
        let stamp: Option<Timestamp> = self.get(at).map_err(|_| Mismatch)?;
        stamp.map(|stamp| utc(&stamp).ok_or(Mismatch)).transpose()
    }
}

fn utc(stamp: &Timestamp) -> Option<Moment> {
    let small = |value: u32| u8::try_from(value).ok();
    let moment = Moment {
        year: stamp.year(),
        month: small(stamp.month())?,
        day: small(stamp.day())?,
        hour: small(stamp.hour())?,
        minute: small(stamp.minute())?,
        second: small(stamp.second())?,
        nanosecond: stamp.nanosecond(),
    };
    if stamp.tz_offset() == 0 { Some(moment) } else { moment.earlier(stamp.tz_offset()) }
}

/// What the client is told to connect to.
fn address(config: &OracleConfig) -> String {
    match &config.address {
        Address::Text(text) => text.clone(),
        Address::Direct(endpoint) => {
            let protocol = if endpoint.tls { "tcps" } else { "tcp" };
            let wallet = config.tls.wallet.as_ref().map(|directory| {
                format!("(SECURITY=(MY_WALLET_DIRECTORY={}))", directory.display())
            });
            format!(
                "(DESCRIPTION=(TRANSPORT_CONNECT_TIMEOUT=8)(ADDRESS=(PROTOCOL={protocol})(HOST={})\
                 (PORT={}))(CONNECT_DATA={}){})",
                endpoint.host,
                endpoint.port,
                endpoint.connect_data,
                wallet.unwrap_or_default()
            )
        }
    }
}

fn bound(value: &Value) -> Result<Box<dyn ToSql>, Failure> {
    let spelled = |text: Option<String>| {
        let refused = || Failure::new(Kind::Statement, "a bound date outside the years 1 to 9999");
        text.ok_or_else(refused)
    };
    Ok(match value {
        Value::Boolean(value) => Box::new(*value),
        Value::Integer(value) => Box::new(*value),
        Value::Float(value) => Box::new(Double(*value)),
        Value::Text(text) => Box::new(text.clone()),
        Value::Bytes(bytes) => Box::new(bytes.clone()),
        Value::Decimal { unscaled, scale } => {
            Box::new(Number(Value::decimal_text(*unscaled, *scale)))
        }
        Value::Date(days) => Box::new(spelled(Value::date_text(*days))?),
        Value::Timestamp(micros) => Box::new(spelled(Value::timestamp_text(*micros))?),
        Value::TimestampUtc(micros) => {
            Box::new(spelled(Value::timestamp_text(*micros))? + " +00:00")
        }
    })
}

/// A NUMBER that is bound by its digits.
struct Number(String);

impl ToSql for Number {
    fn oratype(&self, _: &oracle::Connection) -> oracle::Result<OracleType> {
        Ok(OracleType::Number(0, 0))
    }

    fn to_sql(&self, value: &mut oracle::SqlValue) -> oracle::Result<()> {
        value.set(&self.0)
    }
}

/// A BINARY_DOUBLE, which the client would take for a NUMBER.
struct Double(f64);

impl ToSql for Double {
    fn oratype(&self, _: &oracle::Connection) -> oracle::Result<OracleType> {
        Ok(OracleType::BinaryDouble)
    }

    fn to_sql(&self, value: &mut oracle::SqlValue) -> oracle::Result<()> {
        value.set(&self.0)
    }
}

fn failure(error: &oracle::Error) -> Failure {
    if matches!(error.dpi_code(), Some(NO_CLIENT | OLD_CLIENT)) {
        return Failure::new(Kind::Configuration, format!("{INSTALL} ({error})"));
    }
    // ODPI-C's own: a call timed out (the session is kept), and the connection is closed.
    let kind = match (error.oci_code(), error.dpi_code(), error.kind()) {
        (Some(number), ..) => Kind::Server(u32::try_from(number).unwrap_or(0)),
        (_, Some(1067), _) => Kind::Server(1013),
        (_, Some(1010 | 1080), _) => Kind::Connection,
        (_, _, ErrorKind::InternalError) => Kind::Driver,
        _ => Kind::Statement,
    };
    Failure::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_utc() {
        let stamp = Timestamp::new(2024, 3, 1, 0, 30, 0, 5).expect("a stamp");
        let stamp = stamp.and_tz_offset(3_600).expect("an offset");
        let moment = utc(&stamp).expect("in range");
        assert_eq!((moment.month, moment.day, moment.hour, moment.minute), (2, 29, 23, 30));
        assert_eq!(moment.nanosecond, 5);
    }

    #[test]
    fn the_address_is_a_descriptor() {
        let config = OracleConfig::parse("oracles://a:b@db/X?wallet=/w").expect("a URL");
        assert_eq!(
            address(&config),
            "(DESCRIPTION=(TRANSPORT_CONNECT_TIMEOUT=8)(ADDRESS=(PROTOCOL=tcps)(HOST=db)(PORT=2484))\
             (CONNECT_DATA=(SERVICE_NAME=X))(SECURITY=(MY_WALLET_DIRECTORY=/w)))"
        );
    }
}
