//! What stands behind a wire double: statements in the dialect's own text in, typed rows out.
//!
//! Values cross this boundary as text, spelled as PostgreSQL prints them: `t` and `f`, plain digits,
//! `2024-01-02`, `2024-01-02 03:04:05.678901`, instants in UTC with a `+00` behind, `12:34:56.5`,
//! `\x00ff`, canonical UUIDs. A wire server turns them into the bytes of the column's native type.

use async_trait::async_trait;
use std::fmt;

/// Opens sessions.
#[async_trait]
pub trait Engine: Send + Sync + fmt::Debug + 'static {
    /// A session for a login that the wire server has let in.
    ///
    /// # Errors
    /// The database is not there, or nothing stands behind.
    async fn session(&self, login: &Login) -> Result<Box<dyn EngineSession>, EngineError>;
}

/// Who a session is for.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// The login's name.
    pub user: String,
    /// The database (SQL Server) or service (Oracle) asked for; may be empty.
    pub database: String,
}

/// One session. Statements run one after the other.
#[async_trait]
pub trait EngineSession: Send {
    /// Starts a statement. The future may be dropped before it is done; [`EngineSession::cancel`] must
    /// follow then.
    ///
    /// # Errors
    /// What the database says, with its own number.
    async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError>;

    /// The next rows of the statement started last, at most `most`; empty at the end. The future may be
    /// dropped like that of `execute`.
    ///
    /// # Errors
    /// An error in the middle of the rows.
    async fn rows(&mut self, most: usize) -> Result<Vec<Row>, EngineError>;

    /// Stops what runs, throws away the rows that were not read, and waits until the session can be used
    /// again. Does nothing where nothing runs.
    async fn cancel(&mut self);
}

/// A row as text; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// What a statement gives first.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Rows follow.
    Rows(Vec<ResultColumn>),
    /// No rows: DDL, SET, or a change of so many rows.
    Done {
        /// Rows changed.
        affected: u64,
    },
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its name; may be empty.
    pub name: String,
    /// The native type in the dialect's own spelling, such as `nvarchar(50)` or `NUMBER(10,2)`.
    pub native: String,
    /// Whether NULL may occur.
    pub nullable: bool,
    /// The collation of text, where the dialect names one.
    pub collation: Option<String>,
}

/// A bound value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The parameter's name as it stands in the text, such as `@P1`; `None` where binds go by position.
    pub name: Option<String>,
    /// The native type the client declared, such as `nvarchar(4000)` or `NUMBER`.
    pub native: String,
    /// The value as text.
    pub value: Option<String>,
}

/// An error in the dialect's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineError {
    /// SQL Server's message number or Oracle's ORA number.
    pub number: u32,
    /// The message; Oracle's begins with `ORA-`.
    pub message: String,
    /// Where in the text, in characters from 0, if that is known.
    pub position: Option<usize>,
}

impl EngineError {
    /// An error without a place.
    pub fn new(number: u32, message: impl Into<String>) -> Self {
        Self { number, message: message.into(), position: None }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.number)
    }
}

impl std::error::Error for EngineError {}
