//! One connection: how it is made, what it starts with, and how its statement is stopped.

use crate::config::{Isolation, SqlServerConfig, invalid};
use crate::error;
use celosia_connector_api::{ConnectorError, ErrorCode, SessionIdentity};
use std::time::{Duration, Instant};
use tiberius::error::Error;
use tiberius::{Client, ColumnData, SqlBrowser};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// How long a new session may take to accept its settings.
const SETUP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server may take to confirm that a statement was stopped, or that its transaction ended.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// Gateways that may send us on to another address before we give up.
const REDIRECTIONS: usize = 2;
/// SQL Server 2016: what discovery asks for is not there before.
const OLDEST_MAJOR: u32 = 13;
/// Engine editions of Azure, which count their versions by themselves.
const AZURE: [i64; 4] = [5, 8, 9, 12];

/// Everything that changes what a name, a literal or a comparison means, and what an error leaves behind.
const SETTINGS: &str = "SET XACT_ABORT ON; SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; \
    SET ARITHABORT ON; SET CONCAT_NULL_YIELDS_NULL ON; SET NUMERIC_ROUNDABORT OFF; \
    SET QUOTED_IDENTIFIER ON; SET LANGUAGE us_english; SET DATEFORMAT ymd; SET DATEFIRST 7; \
    SET TEXTSIZE 2147483647; SET ROWCOUNT 0; SET DEADLOCK_PRIORITY LOW; ";

/// One session and its age.
pub(crate) struct Session {
    pub(crate) client: Client<Compat<TcpStream>>,
    pub(crate) opened: Instant,
    /// Whose it is, if it is one caller's.
    pub(crate) identity: Option<SessionIdentity>,
}

impl Session {
    /// Connects, logs in and sets the session up.
    pub(crate) async fn open(
        config: &SqlServerConfig,
        identity: Option<&SessionIdentity>,
    ) -> Result<Self, ConnectorError> {
        let connected = timeout(config.connect_timeout, Box::pin(connect(config))).await;
        let mut client = connected.map_err(|_| error::silent(config))??;
        match timeout(SETUP_TIMEOUT, Box::pin(set_up(&mut client, config))).await {
            Ok(done) => done?,
            Err(_) => return Err(error::silent(config)),
        }
        let mut session = Self { client, opened: Instant::now(), identity: identity.cloned() };
        if let Some(identity) = identity {
            // A session of which this is not known to have worked is never used.
            let told = timeout(SETUP_TIMEOUT, Box::pin(session.batch(assumed(identity)))).await;
            let told = told.map_err(|_| error::silent(config))?;
            told.map_err(|error| error::running(error, "taking on an identity"))?;
        }
        Ok(session)
    }

    /// Runs session statements without parameters and reads their answer to its end.
    pub(crate) async fn batch(&mut self, sql: String) -> Result<(), Error> {
        self.client.simple_query(sql).await?.into_results().await.map(drop)
    }

    /// Ends the transaction that every statement runs in. Whether the session is fit for another one.
    pub(crate) async fn roll_back(&mut self) -> bool {
        let sql = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION".to_string();
        match timeout(CANCEL_TIMEOUT, Box::pin(self.batch(sql))).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a transaction was left to the server");
                false
            }
            Err(_) => false,
        }
    }

    /// Asks the server by an attention to stop, waits for its word, and closes the connection: whatever
    /// the answer was, the driver may have lost its place in the stream.
    pub(crate) async fn stop(mut self) {
        match timeout(CANCEL_TIMEOUT, self.client.cancel_query()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "a statement's connection was closed instead")
            }
            Err(_) => tracing::warn!("a statement was left to the server: it does not answer"),
        }
    }
}

/// Takes on an identity until the session is closed: what is told cannot be told anew, and there is no way
/// back from the user.
fn assumed(identity: &SessionIdentity) -> String {
    let SessionIdentity { user, issuer, role } = identity;
    let literal = |text: &str| format!("N'{}'", text.replace('\'', "''"));
    let told = |key: &str, value: &str| {
        let value = literal(value);
        format!("EXEC sp_set_session_context @key = N'{key}', @value = {value}, @read_only = 1; ")
    };
    let mut sql = told("celosia.user", user) + &told("celosia.issuer", issuer);
    if let Some(role) = role {
        sql.push_str(&format!("EXECUTE AS USER = {} WITH NO REVERT", literal(role)));
    }
    sql
}

async fn connect(config: &SqlServerConfig) -> Result<Client<Compat<TcpStream>>, ConnectorError> {
    let mut place: Option<(String, u16)> = None;
    for _ in 0..=REDIRECTIONS {
        let driver = config.driver(place.as_ref().map(|(host, port)| (host.as_str(), *port)));
        let socket = match TcpStream::connect_named(&driver).await {
            Ok(socket) => socket,
            Err(Error::Io { kind, message }) => {
                return Err(error::reaching(config, &std::io::Error::new(kind, message)));
            }
            Err(error) => return Err(error::connecting(config, error)),
        };
        let _ = socket.set_nodelay(true);
        match Box::pin(Client::connect(driver, socket.compat_write())).await {
            Ok(client) => return Ok(client),
            Err(Error::Routing { host, port }) => place = Some((host, port)),
            Err(error) => return Err(error::connecting(config, error)),
        }
    }
    let context = format!("connecting to {}: sent from one gateway to the next", config.place());
    Err(ConnectorError::new(ErrorCode::Unreachable, context))
}

/// Sends the settings and looks at the version in one round trip.
async fn set_up(
    client: &mut Client<Compat<TcpStream>>,
    config: &SqlServerConfig,
) -> Result<(), ConnectorError> {
    let isolation = match config.isolation {
        Isolation::ReadCommitted => "READ COMMITTED",
        Isolation::Snapshot => "SNAPSHOT",
    };
    let sql = format!(
        "{SETTINGS}SET TRANSACTION ISOLATION LEVEL {isolation}; \
         SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version, \
         CAST(SERVERPROPERTY('EngineEdition') AS int) AS edition"
    );
    let failed = |error| error::connecting(config, error);
    let row = client.simple_query(sql).await.map_err(failed)?.into_row().await.map_err(failed)?;
    let cells: Vec<ColumnData<'static>> = row.into_iter().flatten().collect();
    supported(&cells)
}

fn supported(cells: &[ColumnData<'static>]) -> Result<(), ConnectorError> {
    let (version, edition) = match cells {
        [ColumnData::String(Some(version)), edition] => (version.as_ref(), edition),
        _ => {
            return Err(invalid(
                "the server does not tell its version: SQL Server 2016 or later is needed",
            ));
        }
    };
    let edition = match edition {
        ColumnData::I32(Some(edition)) => i64::from(*edition),
        ColumnData::I64(Some(edition)) => *edition,
        _ => 0,
    };
    let major: u32 = version.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    if major < OLDEST_MAJOR && !AZURE.contains(&edition) {
        let shown: String = version.chars().take(40).collect();
        return Err(invalid(format!("SQL Server 2016 (13.0) or later is needed, this is {shown}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        let told = |version: &'static str, edition| {
            supported(&[ColumnData::String(Some(version.into())), ColumnData::I32(Some(edition))])
        };
        assert!(told("16.0.1000.6", 3).is_ok() && told("13.0.0", 2).is_ok());
        assert!(told("12.0.2000.8", 5).is_ok());
        let error = told("12.0.5000.0", 3).unwrap_err();
        assert!(
            error.code == ErrorCode::InvalidConfiguration && error.context.contains("12.0.5000.0")
        );
        assert!(told("", 3).is_err() && supported(&[]).is_err());
    }
}
