//! A double with known answers, and the driver in front of it.

use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::echo::Echo;
use celosia_connector_testkit::double::engine::{EngineError, ResultColumn, Row};
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use oracledb::{Config, Connection, DbError, Error, ErrorKind};
use std::sync::Arc;

pub(crate) const VERSIONS: [ServerVersion; 2] = [ServerVersion::V19, ServerVersion::V23];

pub(crate) fn column(name: &str, native: &str) -> ResultColumn {
    ResultColumn { name: name.into(), native: native.into(), nullable: true, collation: None }
}

pub(crate) fn text(value: &str) -> Option<String> {
    Some(value.to_string())
}

/// Numbered rows: `n`, a text, a decimal; `count` of them, or an error in the place of the next one.
pub(crate) fn numbered(count: u64, then: Option<EngineError>) -> Answer {
    let columns =
        vec![column("N", "NUMBER(9)"), column("S", "VARCHAR2(20)"), column("D", "NUMBER(10,2)")];
    let row = move |at: u64| -> Result<Option<Row>, EngineError> {
        match (&then, at < count) {
            (_, true) => Ok(Some(vec![text(&at.to_string()), text("abcdefgh"), text("1.25")])),
            (Some(error), false) => Err(error.clone()),
            (None, false) => Ok(None),
        }
    };
    Answer { columns, row: Arc::new(row) }
}

pub(crate) fn canned() -> Canned {
    let canned = Canned::before(Arc::new(Echo));
    let one = Answer::rows(vec![column("1", "NUMBER")], vec![vec![text("1")]]);
    canned.answer("select 1 from dual", one);
    canned
}

/// Starts a double of a release.
pub(crate) async fn double(version: ServerVersion, canned: Canned) -> TnsDouble {
    let options = TnsOptions { version, ..TnsOptions::default() };
    TnsDouble::start(Arc::new(canned), options).await.unwrap()
}

pub(crate) fn connect(port: u16) -> Connection {
    connect_as(port, "reader", "Reader-1-secret").unwrap()
}

pub(crate) fn connect_as(port: u16, user: &str, password: &str) -> Result<Connection, Error> {
    connect_to(&format!("127.0.0.1:{port}/celosia"), user, password)
}

pub(crate) fn connect_to(string: &str, user: &str, password: &str) -> Result<Connection, Error> {
    let config = Config::default().set_credentials(user, password);
    oracledb::connect(config.set_connect_string(string)?)
}

/// Runs the blocking driver beside the double.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// What the database said, if it was the database.
pub(crate) fn said(error: &Error) -> Option<&DbError> {
    match error.kind() {
        ErrorKind::DbError(said) => Some(said),
        _ => None,
    }
}

/// The number of an error the database gave, 0 for any other.
pub(crate) fn code(error: &Error) -> usize {
    said(error).map_or(0, DbError::code)
}

/// Waits for something that happens soon.
pub(crate) async fn until(what: impl Fn() -> bool) {
    for _ in 0..2000 {
        if what() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it has not happened");
}
