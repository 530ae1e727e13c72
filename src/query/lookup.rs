//! What there is, as a caller may see it: tables, sources, and what a question needs.

use super::describe::{self, Describer};
use super::engine::Engine;
use super::request::{DescribeRequest, Reply, VisibleName};
use super::run::Trail;
use super::session::View;
use crate::error::{Error, Result};
use crate::model::{Outcome, Principal};
use std::sync::Arc;
use std::time::Instant;

impl Engine {
    /// One table or source, as the caller may see it, without any value of it.
    ///
    /// # Errors
    /// `UnknownName` in the same words for what is hidden and what is absent.
    pub fn describe(&self, principal: &Principal, name: &str) -> Result<Reply> {
        let view = self.core.view(principal);
        describe::describe(&self.describer(&view), name)
    }

    /// Tables, a source, or what a question needs, with some values; so it is recorded before and after, as
    /// a query is.
    ///
    /// # Errors
    /// `UnknownName` in the same words for what is hidden and what is absent; the audit cannot be written.
    pub async fn describe_with_values(
        &self,
        principal: &Principal,
        request: DescribeRequest,
    ) -> Result<Reply> {
        let started = Instant::now();
        let view = self.core.view(principal);
        let trail = Trail::new(self.core.intent(&view, &request.client, "describe"));
        let intent = trail.intent.lock().clone();
        match self.core.audit.open(intent).await {
            Ok(open) => *trail.open.lock() = Some(open),
            Err(error) => return Err(Error::audit_unavailable(error.to_string())),
        }
        let values = &self.core.values;
        values.first().await;
        let describer = Describer { values: Some(values), ..self.describer(&view) };
        match describe::answer(&describer, values, &request) {
            Ok(reply) => {
                let _receipt = self.core.close(&trail, started, &mut Outcome::default()).await?;
                Ok(reply)
            }
            Err(error) => Err(self.core.failed(&trail, started, error).await),
        }
    }

    /// Every table the caller may see.
    pub fn visible_tables(&self, principal: &Principal) -> Vec<VisibleName> {
        describe::names(&self.describer(&self.core.view(principal)))
    }

    pub(super) fn describer<'a>(&'a self, view: &'a Arc<View>) -> Describer<'a> {
        let redactor = self.core.results.redactor();
        Describer {
            view: view.clone(),
            semantics: &view.meanings().semantics,
            redactor: redactor.applies_to(view.principal()).then_some(redactor),
            values: None,
        }
    }
}
