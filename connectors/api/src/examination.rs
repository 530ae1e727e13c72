//! What a login may do at its source beyond reading, and the gate that keeps a source with such a login out.

use crate::{
    Connector, ConnectorError, Dialect, ErrorCode, ExecutionContext, Load, Parts, Places,
    RemoteStream, RenderedQuery, SourceDescription,
};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// Good to know.
    Note,
    /// Should be mended.
    Warning,
    /// The login can do harm: the source is not served unless the configuration says so.
    Danger,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Danger => "DANGER",
        })
    }
}

/// One thing that was looked at. For the administrator: it may name what the login sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found.
    pub text: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: &'static str,
}

impl Finding {
    /// Something that is as it should be.
    pub fn fine(text: impl Into<String>) -> Self {
        Self { severity: Severity::Fine, text: text.into(), advice: "" }
    }

    /// Something else.
    pub fn new(severity: Severity, text: impl Into<String>, advice: &'static str) -> Self {
        Self { severity, text: text.into(), advice }
    }
}

/// A right beyond reading, as a source's catalog tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Right {
    /// The word by which the connector's own question names it.
    pub check: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it means. The names that the source gives follow it.
    pub text: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// What was found about a login.
#[derive(Debug, Clone, Default)]
pub struct Examination {
    /// The login's name at the source.
    pub login: String,
    /// What was looked at, in the order in which it was.
    pub findings: Vec<Finding>,
}

/// Names of one right that are spelled out.
const MOST_NAMES: usize = 5;

impl Examination {
    /// Findings from the rights that a source's catalog told of, as pairs of a check and a name.
    pub fn of_rights(login: String, rights: &[Right], told: &[(String, String)]) -> Self {
        let mut findings = Vec::new();
        for right in rights {
            let of_right = told.iter().filter(|(check, _)| check == right.check);
            let names: Vec<&str> = of_right.map(|(_, name)| name.as_str()).collect();
            if names.is_empty() {
                continue;
            }
            let named: Vec<&str> =
                names.iter().copied().filter(|n| !n.is_empty()).take(MOST_NAMES).collect();
            let mut text = right.text.to_string();
            if !named.is_empty() {
                text.push_str(&format!(": {}", named.join(", ")));
            }
            if names.len() > MOST_NAMES {
                text.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
            }
            findings.push(Finding { severity: right.severity, text, advice: right.advice });
        }
        if findings.iter().all(|finding| finding.severity < Severity::Danger) {
            findings.insert(
                0,
                Finding::fine(
                    "the login has no right to write, to administer or to leave the database",
                ),
            );
        }
        Self { login, findings }
    }

    /// The findings that keep a source from being served.
    pub fn dangers(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Danger)
    }
}

/// A connector that is described and read only while its login can do no harm.
#[derive(Debug)]
pub struct LeastPrivilege {
    inner: Arc<dyn Connector>,
    /// What the last examination found. A source that is not described again keeps its tables, so reading
    /// has to be refused too.
    refused: AtomicBool,
}

impl LeastPrivilege {
    /// Keeps `inner` out while its login has a right that is a danger.
    pub fn new(inner: Arc<dyn Connector>) -> Self {
        Self { inner, refused: AtomicBool::new(false) }
    }
}

impl LeastPrivilege {
    fn allowed(&self) -> Result<(), ConnectorError> {
        if self.refused.load(Ordering::Acquire) {
            let context = "the login had rights beyond reading when it was last looked at";
            return Err(ConnectorError::new(ErrorCode::OverPrivileged, context));
        }
        Ok(())
    }
}

#[async_trait]
impl Connector for LeastPrivilege {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        self.inner.ping().await
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        self.inner.reach().await
    }

    fn load(&self) -> Load {
        self.inner.load()
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        let examination = self.inner.examine(false).await?;
        let dangers: Vec<&str> = examination.dangers().map(|d| d.text.as_str()).collect();
        self.refused.store(!dangers.is_empty(), Ordering::Release);
        if !dangers.is_empty() {
            let context = format!(
                "the login {} has rights beyond reading ({}); run `celosia doctor`, give the source a login of \
                 its own, or write `over_privileged: accepted` at the source",
                examination.login,
                dangers.join("; ")
            );
            return Err(ConnectorError::new(ErrorCode::OverPrivileged, context));
        }
        self.inner.describe().await
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        self.inner.examine(probe).await
    }

    fn readers(&self) -> usize {
        self.inner.readers()
    }

    async fn reserve(
        &self,
        statements: usize,
        deadline: Instant,
    ) -> Result<Option<Places>, ConnectorError> {
        self.inner.reserve(statements, deadline).await
    }

    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        self.allowed()?;
        self.inner.divide(query, context).await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        self.allowed()?;
        self.inner.open(query, context).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHTS: &[Right] = &[
        Right { check: "super", severity: Severity::Danger, text: "a superuser", advice: "do not" },
        Right { check: "write", severity: Severity::Danger, text: "may write", advice: "revoke" },
        Right { check: "role", severity: Severity::Note, text: "member of", advice: "" },
    ];

    #[test]
    fn names_follow_and_are_not_all_spelled_out() {
        let told = |check: &str, name: &str| (check.to_string(), name.to_string());
        let many: Vec<_> = (0..7).map(|i| told("write", &format!("t{i}"))).collect();
        let found = Examination::of_rights("reader".into(), RIGHTS, &many);
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.findings[0].text, "may write: t0, t1, t2, t3, t4 and 2 more");
        let found = Examination::of_rights("reader".into(), RIGHTS, &[told("role", "staff")]);
        assert_eq!(found.dangers().count(), 0);
        assert_eq!(found.findings[0].severity, Severity::Fine);
        assert_eq!(found.findings[1].text, "member of: staff");
    }
}
