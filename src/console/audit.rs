//! The audit's chains: how long they are, whether they hold, how far its sinks are.

use super::Desk;
use super::reply::{Refused, Reply, answer};
use crate::audit::{VerifyFailure, VerifyReport, chain_ends, verify_all};
use crate::model::Principal;
use axum::extract::{Extension, State};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Instant;

/// The ends of the chains, and what waits.
pub(super) async fn chains(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Reply {
    desk.administrator(&caller)?;
    let _place = Desk::turn(&desk.looks).await?;
    let ends = chain_ends(&desk.console.store).await;
    let ends = ends.map_err(|why| Refused::unavailable("the audit", &why))?;
    let lag = desk.console.engine.load().audit;
    let sinks: Vec<Json> =
        lag.sinks.iter().map(|(name, behind)| json!({ "name": name, "behind": behind })).collect();
    answer(&json!({ "chains": ends, "waiting": lag.waiting, "sinks": sinks }))
}

/// Reads every record and says whether the chains hold, as `celosia audit verify` does.
pub(super) async fn verify(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Reply {
    desk.administrator(&caller)?;
    let _place = Desk::turn(&desk.work).await?;
    let proofs = (desk.console.proofs)();
    let proofs = proofs.map_err(|why| Refused::unavailable("the audit's proofs", &why))?;
    let started = Instant::now();
    let verified = verify_all(&desk.console.store, &proofs).await;
    let seconds = started.elapsed().as_secs_f64();
    let signed = proofs.public_key.is_some();
    answer(&match verified {
        Ok(reports) => {
            let reports: Vec<Json> = reports.iter().map(report).collect();
            json!({
                "holds": true,
                "seconds": seconds,
                "signed": signed,
                "anchored": proofs.anchor.is_some(),
                "chains": reports,
            })
        }
        Err(VerifyFailure::Unreadable(why)) => {
            return Err(Refused::unavailable("the audit", &why));
        }
        Err(failure) => {
            json!({ "holds": false, "seconds": seconds, "why": failure.to_string() })
        }
    })
}

fn report(report: &VerifyReport) -> Json {
    json!({
        "chain": report.chain,
        "records": report.records,
        "refused": report.refused,
        "abandoned": report.abandoned,
        "unclosed": report.unclosed,
        "retired": report.retired,
        "unkeyed": report.unkeyed,
        "checkpoints": report.checkpoints,
        "unsigned": report.unsigned,
        "anchors": report.anchors,
        "head": report.head,
    })
}
