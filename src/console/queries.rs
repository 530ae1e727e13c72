//! What was asked, with its receipts: one's own, or everybody's for administrators.

use super::Desk;
use super::reply::{Refused, Reply, answer, question};
use crate::audit::{Look, Reader, history};
use crate::model::Principal;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Statements of one answer.
const MOST: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Everybody's; for administrators.
    #[serde(default)]
    everybody: bool,
    /// This user's alone; for administrators.
    user: Option<String>,
    /// Where an earlier answer ended.
    #[serde(default)]
    before: BTreeMap<String, u64>,
}

/// Statements that run, and those that have ended, the last one first.
pub(super) async fn queries(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
    body: Bytes,
) -> Reply {
    let asked: Asked = question(&body)?;
    let reader = if asked.everybody || asked.user.is_some() {
        desk.administrator(&caller)?;
        Reader::Administrator
    } else {
        Reader::Caller(&caller)
    };
    // A statement is recorded a little before its time begins, and its outcome a little after it ends.
    let patience = desk.console.engine.usual_limits().time + Duration::from_secs(15);
    let look = Look { user: asked.user, before: asked.before, most: MOST, patience };
    let _place = Desk::turn(&desk.looks).await?;
    let seen = history(&desk.console.store, reader, &look).await;
    answer(&seen.map_err(|why| Refused::unavailable("the audit", &why))?)
}
