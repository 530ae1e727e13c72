//! What is done with a kept result: its pages, files and charts, and statements over it. No source is asked
//! again, unless a statement joins it with tables.

use super::caution;
use super::engine::{Engine, Share};
use super::request::{
    Answer, Chart, ChartRequest, Export, ExportRequest, FetchRequest, Fetched, QueryRequest,
};
use super::run::Trail;
use super::session::View;
use crate::error::{Code, Error, Result};
use crate::model::{Outcome, Principal, Warning};
use crate::results::{self, StoredResult};
use crate::telemetry;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// What was made of a kept result, and what the audit is told of it.
struct Made<T> {
    value: T,
    rows: usize,
    truncated: bool,
}

impl Engine {
    /// A page of a kept result, or all of it as text. No source is asked.
    ///
    /// # Errors
    /// `UnknownHandle` for a handle that is unknown, expired or another caller's, in the same words.
    pub async fn fetch(&self, principal: &Principal, request: FetchRequest) -> Result<Fetched> {
        let most = self.limits(principal).rows;
        self.of_kept(principal, "fetch", &request.client, &request.handle, |kept, handle| {
            let limit = request.limit.unwrap_or(most).min(most);
            let page = kept.page(request.offset.unwrap_or(0), limit, Some(handle));
            let export = match request.format.as_deref() {
                None => None,
                Some("csv") => Some(results::csv(kept)?),
                Some(_) => {
                    return Err(Error::new(
                        Code::InvalidArgument,
                        "this export format is not known",
                    )
                    .with_hint("use format \"csv\", or leave it out to page through the rows"));
                }
            };
            let (rows, truncated) = (page.row_count, page.truncated);
            let warnings = cut(kept).iter().map(Warning::to_string).collect();
            Ok(Made { value: Fetched { page, warnings, export }, rows, truncated })
        })
        .await
    }

    /// A whole kept result as a file.
    ///
    /// # Errors
    /// As for [`Engine::fetch`], and what the file cannot hold.
    pub async fn export(&self, principal: &Principal, request: ExportRequest) -> Result<Export> {
        self.of_kept(principal, "export", &request.client, &request.handle, |kept, _| {
            let bytes = results::file(kept, request.format)?;
            let (rows, truncated) = (kept.total_rows(), kept.truncated);
            let warnings = cut(kept).iter().map(Warning::to_string).collect();
            Ok(Made { value: Export { bytes, rows, truncated, warnings }, rows, truncated })
        })
        .await
    }

    /// A kept result as a picture.
    ///
    /// # Errors
    /// As for [`Engine::fetch`], and columns that cannot be drawn so.
    pub async fn chart(&self, principal: &Principal, request: ChartRequest) -> Result<Chart> {
        self.of_kept(principal, "chart", &request.client, &request.handle, |kept, _| {
            let drawing = results::draw(kept, &request.chart)?;
            let warnings = cut(kept).iter().map(Warning::to_string).collect();
            let (rows, truncated) = (drawing.rows, kept.truncated || drawing.left_out > 0);
            Ok(Made { value: Chart { drawing, warnings }, rows, truncated })
        })
        .await
    }

    /// Answers a statement over a kept result, which it calls `result`; it may join tables, too.
    ///
    /// # Errors
    /// Those of [`Engine::query`], and `UnknownHandle`.
    pub async fn requery(
        &self,
        principal: &Principal,
        handle: &str,
        request: QueryRequest,
        cancel: CancellationToken,
    ) -> Result<Answer> {
        let started = Instant::now();
        let view = self.core.view(principal);
        let (trail, mut run) = self.begin(&view, &request, "fetch", started).await?;
        let kept = match self.kept(&view, handle).await {
            Ok(kept) => kept,
            Err(error) => return Err(self.core.failed(&trail, started, error).await),
        };
        run.kept = Some(kept.clone());
        let share = Share::of(request.limit, &run);
        let mut done = self.done(&trail, started, cancel, run).await?;
        if let Some(warning) = cut(&kept) {
            done.warnings.insert(0, warning.to_string());
            done.outcome.warnings.push(warning);
        }
        self.finish(&view, &trail, started, share, done).await
    }

    /// Makes something of a kept result, and records it before and after.
    async fn of_kept<T>(
        &self,
        principal: &Principal,
        tool: &str,
        client: &str,
        handle: &str,
        make: impl FnOnce(&StoredResult, &str) -> Result<Made<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        let view = self.core.view(principal);
        let trail = Trail::new(self.core.intent(&view, client, tool));
        let intent = trail.intent.lock().clone();
        match self.core.audit.open(intent).await {
            Ok(open) => *trail.open.lock() = Some(open),
            Err(error) => return Err(Error::audit_unavailable(error.to_string())),
        }
        let made = match self.kept(&view, handle).await.and_then(|kept| make(&kept, handle)) {
            Ok(made) => made,
            Err(error) => return Err(self.core.failed(&trail, started, error).await),
        };
        let mut outcome = Outcome {
            rows_returned: made.rows as u64,
            truncated: made.truncated,
            ..Outcome::default()
        };
        let _receipt = self.core.close(&trail, started, &mut outcome).await?;
        if let Ok(account) = self.core.meter.account(principal).await {
            account.answered(outcome.rows_returned, 0);
        }
        telemetry::answered(&outcome);
        Ok(made.value)
    }

    async fn kept(&self, view: &View, handle: &str) -> Result<Arc<StoredResult>> {
        self.core.results.find(handle, view.principal(), view.rules().version()).await
    }
}

fn cut(kept: &StoredResult) -> Option<Warning> {
    kept.truncated.then(|| caution::of_kept(kept.total_rows()))
}
