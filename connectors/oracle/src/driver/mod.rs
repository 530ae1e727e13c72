//! What the connector asks of a driver, and what both drivers say when they fail.

pub(crate) mod line;
pub(crate) mod relay;
pub(crate) mod thick;
pub(crate) mod thin;
pub(crate) mod tls;

use crate::decode::Batches;
use arrow_array::RecordBatch;
use celosia_connector_api::{ConnectorError, Value};
use std::any::Any;
use std::fmt;

/// A connection of either driver. Every call blocks, and happens on the session's own thread.
pub(crate) trait Connection {
    /// The server's version: major, and whole for the administrator.
    fn version(&self) -> (u32, String);

    /// Runs a statement that sets up the session.
    fn set_up(&mut self, sql: &str) -> Result<(), Failure>;

    /// Names the query, and for whom it runs, in the server's session view and begins a read-only transaction.
    fn begin(&mut self, action: &str, client: &str) -> Result<(), Failure>;

    /// Runs a SELECT, so many rows with each fetch, and hands on full batches; the last one is left in
    /// `batches`.
    fn query(
        &mut self,
        sql: &str,
        values: &[Value],
        rows: u32,
        batches: &mut Batches,
        hand_on: &mut dyn FnMut(RecordBatch) -> Result<(), Stop>,
    ) -> Result<(), Stop>;

    /// Runs a dictionary query and gives its rows as text.
    fn rows(&mut self, sql: &str, values: &[String]) -> Result<Vec<TextRow>, Failure>;

    /// Ends the transaction.
    fn end(&mut self) -> Result<(), Failure>;
}

/// A row of the dictionary; `None` is NULL.
pub(crate) type TextRow = Vec<Option<String>>;

/// Why a statement ended before its last row.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The driver or the server.
    Failed(Failure),
    /// A value that does not fit, or a result that is not as the catalog said.
    Refused(ConnectorError),
    /// Nobody reads any more.
    Unread,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<ConnectorError> for Stop {
    fn from(error: ConnectorError) -> Self {
        Self::Refused(error)
    }
}

/// What a driver said.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The server's or the listener's error number.
    Server(u32),
    /// The connection is gone, or was never there.
    Connection,
    /// The call was stopped before it was made.
    Stopped,
    /// TLS could not be agreed on, or a certificate is not trusted.
    Tls,
    /// A driver or an address that cannot work here.
    Configuration,
    /// A statement that is no SELECT, or a value that cannot be bound.
    Statement,
    /// The driver lost its way: a panic, or bytes that it does not understand.
    Driver,
}

impl Failure {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// What a panic of a driver becomes; its words may hold data and are not kept.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        // Dropping the payload could panic again, so it is only looked at.
        let _ = panic;
        Self::new(Kind::Driver, "the driver panicked; its connection was thrown away")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}
