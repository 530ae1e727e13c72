//! The page for people at `/console`: what a caller may see of the catalog, what they asked, how clients are set up; and for
//! administrators the whole policy, the sources' state, everybody's statements and the audit's chain.
//!
//! It is one page without values: nothing here reads a row. Whoever has not proven who they are gets the empty page; every
//! part of the interface below `/console/api` says who may ask ([`viewer`]). How a request gets here, and that
//! somebody is behind it, is settled by the HTTP surface (`mcp::http::Beside`).

mod audit;
mod catalog;
mod page;
mod policy;
mod queries;
mod reply;
mod sources;
mod viewer;

pub use page::page;
pub use policy::{PolicyFiles, access};
pub use sources::SourceBudget;
pub use viewer::Administrators;

use crate::audit::{Location, Proofs};
use crate::catalog::Catalog;
use crate::limits::Ledger;
use crate::query::Engine;
use axum::Router;
use axum::routing::{get, post};
use reply::Refused;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the console shows.
pub struct Console {
    /// The policy in force, and the tables as a caller sees them.
    pub engine: Arc<Engine>,
    /// What the sources hold.
    pub catalog: Arc<Catalog>,
    /// Who administers.
    pub administrators: Arc<Administrators>,
    /// Where the policy is read from, for what it would be with other texts.
    pub policy: PolicyFiles,
    /// What each source may be asked to carry.
    pub budgets: Vec<SourceBudget>,
    /// What was used, where it is written down.
    pub ledger: Option<Ledger>,
    /// Where statements are recorded.
    pub store: Location,
    /// What the audit's chain is held against.
    pub proofs: Box<dyn Fn() -> Result<Proofs, String> + Send + Sync>,
    /// What clients are to be told.
    pub setups: Vec<Setup>,
}

/// How one client is set up.
#[derive(Debug, Clone, Serialize)]
pub struct Setup {
    /// The client, as `celosia connect` names it.
    pub client: String,
    /// Where the text goes.
    pub advice: String,
    /// What is pasted.
    pub text: String,
}

/// What handlers share.
struct Desk {
    console: Console,
    /// Looks into the audit at a time: each is a connection to its store.
    looks: Arc<Semaphore>,
    /// Work that takes a processor for a while: one at a time.
    work: Arc<Semaphore>,
}

impl Desk {
    /// A turn at work that only so many do at a time: others are waited for, though not for long.
    async fn turn(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refused> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let turn = tokio::time::timeout(PATIENCE, places.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(Refused::busy)
    }
}

/// The interface that the page asks. Each handler finds a proven caller among the request's extensions.
pub fn interface(console: Console) -> Router {
    const LOOKS: usize = 4;
    let work = Arc::new(Semaphore::new(1));
    let looks = Arc::new(Semaphore::new(LOOKS));
    let desk = Arc::new(Desk { console, looks, work });
    Router::new()
        .route("/console/api/me", get(viewer::me))
        .route("/console/api/connect", get(viewer::connect))
        .route("/console/api/catalog", post(catalog::tables))
        .route("/console/api/table", post(catalog::table))
        .route("/console/api/policy/diff", post(policy::diff))
        .route("/console/api/sources", get(sources::sources))
        .route("/console/api/queries", post(queries::queries))
        .route("/console/api/audit", get(audit::chains))
        .route("/console/api/audit/verify", post(audit::verify))
        .with_state(desk)
}
