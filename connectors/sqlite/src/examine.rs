//! What stands between the process and the file: the file's own rights, and whether writes are refused.

use crate::error::classify;
use crate::sessions::{Sessions, within};
use celosia_connector_api::{ConnectorError, Examination, Finding, Severity};
use sqlx::{AssertSqlSafe, Connection, Executor};
use std::sync::Arc;
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(10);
/// Statements that a session must refuse, and what that shows. None of them leaves anything behind.
const PROBES: &[(&str, &str, &str)] = &[
    (
        "CREATE TABLE celosia_doctor_probe (x)",
        "a write in a session is refused (tried: CREATE TABLE)",
        "a write in a session was accepted (and rolled back)",
    ),
    (
        "SELECT load_extension('celosia_doctor_probe')",
        "no library can be loaded by a statement (tried: load_extension)",
        "a statement may load libraries",
    ),
];

/// Examines the file and a session.
pub(crate) async fn examine(
    sessions: &Arc<Sessions>,
    probe: bool,
) -> Result<Examination, ConnectorError> {
    let mut findings = vec![file(sessions)];
    if probe {
        let deadline = Instant::now() + TIME;
        let mut lease = sessions.lease(deadline).await?;
        let connection = lease.connection()?;
        for (sql, refused, accepted) in PROBES {
            let tried = async {
                let mut transaction = connection.begin().await?;
                let tried = transaction.execute(sqlx::raw_sql(AssertSqlSafe(*sql))).await;
                transaction.rollback().await?;
                Ok::<_, sqlx::Error>(tried.is_ok())
            };
            let done = within(deadline, "examining a session", tried).await?;
            let done = done.map_err(|error| classify(error, "examining a session"))?;
            findings.push(match done {
                false => Finding::fine(*refused),
                true => Finding::new(Severity::Danger, *accepted, "ask for help: this is a defect"),
            });
        }
        lease.end();
    }
    Ok(Examination { login: "the process's own user".into(), findings })
}

/// Whether others can change the file.
fn file(sessions: &Sessions) -> Finding {
    let fine = Finding::fine("the file is opened read-only");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        const OTHERS_WRITE: u32 = 0o002;
        let mode = std::fs::metadata(sessions.path()).map(|file| file.permissions().mode());
        if mode.is_ok_and(|mode| mode & OTHERS_WRITE != 0) {
            let text = "every user of this machine may write to the file";
            return Finding::new(Severity::Warning, text, "chmod o-w the file");
        }
    }
    let _ = sessions;
    fine
}
