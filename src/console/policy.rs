//! What the policy makes of a table, and what another policy would open.

use super::Desk;
use super::reply::{Refused, Reply, answer, question};
use crate::catalog::{Snapshot, is_personal_name};
use crate::model::{Principal, TableEntry};
use crate::policy::{self, Change, Direction, Rules, Side, TableAccess, rule_files};
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Changes that are shown.
const MOST_CHANGES: usize = 2_000;

/// Where the policy is read from.
#[derive(Debug, Clone)]
pub struct PolicyFiles {
    /// The configuration, with the roles.
    pub config: PathBuf,
    /// The masking rules, if there are any.
    pub masking_rules: Option<PathBuf>,
    /// Whether there is a key for pseudonyms.
    pub has_pseudonym_key: bool,
}

/// Texts that may become the policy. Whoever sends them may be anybody: nothing that they name is read.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Candidate {
    /// `celosia.yaml`, or its `roles` alone; absent: as it is.
    config: Option<String>,
    /// Masking rules; each stands for the file of its name, or beside the others.
    #[serde(default)]
    masking_rules: Vec<RuleFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    name: String,
    text: String,
}

/// What the caller has of a table, and why; what is quarantined is hidden, whatever the roles say.
pub fn access(
    rules: &Rules,
    snapshot: &Snapshot,
    principal: &Principal,
    table: &TableEntry,
) -> TableAccess {
    let admitted = snapshot.get(&table.reference);
    let shown = admitted.map_or(table, Arc::as_ref);
    let mut access = policy::explain(rules, principal, shown);
    if admitted.is_none() {
        access.visible = false;
        access.rows = None;
    }
    for held in snapshot.quarantined().iter().filter(|held| held.table == table.reference) {
        for (column, type_name) in &held.columns {
            access.quarantine(column, type_name, format!("quarantined: {}", held.why));
        }
    }
    access
}

/// What the candidate opens and closes, against the policy in force and the tables as they are.
pub(super) async fn diff(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
    body: Bytes,
) -> Reply {
    desk.administrator(&caller)?;
    let candidate: Candidate = question(&body)?;
    let place = Desk::turn(&desk.work).await?;
    let files = desk.console.policy.clone();
    let (before, snapshot) = (desk.console.engine.rules(), desk.console.catalog.snapshot());
    // The place is kept until the work has ended, also where whoever asked has gone away.
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        compared(&files, candidate, &before, &snapshot)
    });
    let failed = |_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be compared");
    work.await.map_err(failed)?
}

fn compared(
    files: &PolicyFiles,
    candidate: Candidate,
    before: &Rules,
    snapshot: &Snapshot,
) -> Reply {
    let after = match files.with(candidate)? {
        Ok(after) => after,
        Err(errors) => return answer(&json!({ "errors": errors })),
    };
    let tables = snapshot.discovered().to_vec();
    let absent: Vec<String> = snapshot.absent_sources().iter().map(ToString::to_string).collect();
    let problems: Vec<String> =
        after.check(&tables, &absent).into_iter().map(|error| error.to_string()).collect();
    let sides = (Side { rules: before, tables: tables.clone() }, Side { rules: &after, tables });
    let changes = policy::diff(&sides.0, &sides.1, &is_personal_name);
    let opens = changes.iter().filter(|change| change.direction != Direction::Closes).count();
    let shown: Vec<&Change> = changes.iter().take(MOST_CHANGES).collect();
    answer(&json!({
        "before": before.version(),
        "after": after.version(),
        "problems": problems,
        // What opens at a source that never said what it holds is not known.
        "unknown_sources": absent,
        "opens": opens,
        "count": changes.len(),
        "changes": shown,
    }))
}

impl PolicyFiles {
    /// The names of the masking rule files.
    pub(super) fn names(&self) -> Vec<String> {
        let Some(path) = &self.masking_rules else { return Vec::new() };
        let files = rule_files(path).unwrap_or_default();
        files.iter().map(|(name, _)| file_name(name).to_string()).collect()
    }

    /// The rules with the candidate's texts in the place of those that are there, or what is wrong with them.
    fn with(&self, candidate: Candidate) -> Result<Result<Rules, Vec<String>>, Refused> {
        let unreadable = |why: &dyn std::fmt::Display| Refused::unavailable("the policy", why);
        let (name, text) = match candidate.config {
            Some(text) => ("candidate".to_string(), text),
            None => {
                let text = std::fs::read_to_string(&self.config);
                (self.config.display().to_string(), text.map_err(|why| unreadable(&why))?)
            }
        };
        let mut files = match &self.masking_rules {
            Some(path) => rule_files(path).map_err(|why| unreadable(&why))?,
            None => Vec::new(),
        };
        for RuleFile { name, text } in candidate.masking_rules {
            let label: Arc<str> = format!("candidate {}", name.escape_debug()).into();
            match files.iter_mut().find(|(known, _)| file_name(known) == name) {
                Some(file) => *file = (label, text),
                None => files.push((label, text)),
            }
        }
        let rules = Rules::of_texts(&name.into(), &text, files, self.has_pseudonym_key);
        Ok(rules.map_err(|errors| errors.0.iter().map(ToString::to_string).collect()))
    }
}

fn file_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}
