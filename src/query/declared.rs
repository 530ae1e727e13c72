//! Tools that an organisation declared: found by their names among those the caller may use, and run as
//! any statement of the caller is.

use super::engine::Engine;
use super::meanings::attribute;
use super::request::{
    Answer, DeclaredTool, Parameters, QueryRequest, ToolRequest, VerifiedQuestion,
};
use crate::error::Result;
use crate::model::Principal;
use crate::semantics::Verified;
use tokio_util::sync::CancellationToken;

impl Engine {
    /// The declared tools that the caller may use: those of their roles that need nothing hidden from them.
    pub fn tools(&self, principal: &Principal) -> Vec<DeclaredTool> {
        let view = self.core.view(principal);
        let meanings = view.meanings();
        let tools = view.offered().tools.iter().map(|at| {
            let tool = &meanings.semantics.tools()[*at];
            DeclaredTool {
                name: tool.defined.name.clone(),
                description: tool.description.clone(),
                input: tool.input_schema(),
                columns: meanings.tool_columns(*at).to_vec(),
            }
        });
        tools.collect()
    }

    /// The verified questions that the caller may see.
    pub fn verified(&self, principal: &Principal) -> Vec<VerifiedQuestion> {
        let view = self.core.view(principal);
        let verified = view.offered().verified.iter();
        let verified = verified.map(|at| &view.meanings().semantics.verified()[*at]);
        let question = |verified: &Verified| VerifiedQuestion {
            name: verified.defined.name.clone(),
            question: verified.questions.first().cloned().unwrap_or_default(),
            sql: verified.sql.clone(),
        };
        verified.map(question).collect()
    }

    /// The answer of a declared tool; `None` where the caller has none of this name, for whatever reason.
    pub async fn call_tool(
        &self,
        principal: &Principal,
        request: ToolRequest,
        cancel: CancellationToken,
    ) -> Option<Result<Answer>> {
        let view = self.core.view(principal);
        let semantics = view.meanings().semantics.clone();
        let mut offered = view.offered().tools.iter().map(|at| &semantics.tools()[*at]);
        let tool = offered.find(|tool| tool.defined.name == request.name)?;
        let values = match tool.bind(request.arguments, |name| attribute(principal, name)) {
            Ok(values) => values,
            Err(error) => return Some(Err(error)),
        };
        let parameters = match values.is_empty() {
            true => Parameters::None,
            false => Parameters::Named(values),
        };
        let sql = tool.sql.clone();
        let statement = QueryRequest {
            sql,
            parameters,
            accepts_cost: request.accepts_cost,
            client: request.client,
            ..QueryRequest::default()
        };
        Some(self.run(view.clone(), statement, cancel, &tool.defined.name).await)
    }
}
