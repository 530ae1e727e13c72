//! A question to the person behind a client, where a statement may run only if a person says so.
//!
//! Nothing is kept meanwhile: the client repeats its call, and with it a state of ours that is sealed for just this caller
//! and just these arguments. A state of somebody else, of another statement or of an hour ago is none, and the question is
//! asked again. Clients of the eras with `initialize` cannot be asked: they get the refusal.

use crate::model::Principal;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ElicitRequest, ElicitRequestParams,
    ElicitationSchema, InputRequest, InputRequests, InputRequiredResult, RequestStateCodec,
    SealOptions,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a person may think about it.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The name of the one question.
const QUESTION: &str = "run_it";

/// Asks, and knows the answers again.
#[derive(Debug, Clone)]
pub(super) struct Consents {
    codec: Option<RequestStateCodec>,
}

/// What a person has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// Nobody was asked.
    Nothing,
    /// It may run.
    Yes,
    /// It may not.
    No,
}

impl Consents {
    /// Under a new random key: states end with the process.
    pub(super) fn new() -> Self {
        let key: [u8; 32] = rand::random();
        Self { codec: RequestStateCodec::try_new(key).ok() }
    }

    /// Whether the client can show a question to a person.
    pub(super) fn can_be_asked(capabilities: Option<&ClientCapabilities>) -> bool {
        let elicitation = capabilities.and_then(|known| known.elicitation.as_ref());
        // Without a mode, forms are meant.
        elicitation.is_some_and(|modes| modes.form.is_some() || modes.url.is_none())
    }

    /// The question, with the seal of what it is about.
    pub(super) fn ask(&self, about: &[u8], message: String) -> Option<InputRequiredResult> {
        let options = SealOptions::new().associated_data(about).ttl(PATIENCE);
        let state = self.codec.as_ref()?.seal_with(QUESTION.as_bytes(), &options);
        let question = ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
            meta: None,
            message,
            requested_schema: ElicitationSchema::new(BTreeMap::new()),
        });
        let questions =
            InputRequests::from([(QUESTION.to_string(), InputRequest::Elicitation(question))]);
        Some(InputRequiredResult::new(Some(questions), Some(state)))
    }

    /// What was said to the question about this.
    pub(super) fn given(&self, about: &[u8], request: &CallToolRequestParams) -> Given {
        let sealed = request.request_state.as_deref();
        let opened =
            sealed.zip(self.codec.as_ref()).map(|(state, codec)| codec.open_with(state, about));
        let ours = matches!(opened, Some(Ok(payload)) if payload == QUESTION.as_bytes());
        let said = request.input_responses.as_ref().and_then(|said| said.get(QUESTION));
        match said.filter(|_| ours).and_then(|said| said["action"].as_str()) {
            None => Given::Nothing,
            Some("accept") => Given::Yes,
            Some(_) => Given::No,
        }
    }
}

/// What a consent is bound to: the caller, the tool and its arguments.
pub(super) fn about(principal: &Principal, request: &CallToolRequestParams) -> Vec<u8> {
    let who = json!([
        principal.kind().as_str(),
        principal.issuer(),
        principal.user(),
        principal.roles(),
        principal.plan(),
    ]);
    json!([who, request.name, request.arguments]).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::testing::principal;

    fn call(sql: &str) -> CallToolRequestParams {
        let arguments = json!({ "sql": sql });
        CallToolRequestParams::new("query")
            .with_arguments(arguments.as_object().cloned().unwrap_or_default())
    }

    fn answered(
        mut call: CallToolRequestParams,
        state: &str,
        action: &str,
    ) -> CallToolRequestParams {
        call.request_state = Some(state.to_string());
        call.input_responses = Some([(QUESTION.to_string(), json!({"action": action}))].into());
        call
    }

    #[test]
    fn an_answer_counts_for_its_caller_and_its_statement_only() {
        let (consents, ana) = (Consents::new(), principal("ana"));
        let about_it = about(&ana, &call("SELECT 1"));
        let asked = consents.ask(&about_it, "run it?".into()).unwrap();
        let state = asked.request_state.unwrap();
        let given = |consents: &Consents, who: &str, call: CallToolRequestParams| {
            consents.given(&about(&principal(who), &call), &call)
        };
        let said = |sql: &str, action: &str| answered(call(sql), &state, action);
        assert_eq!(given(&consents, "ana", call("SELECT 1")), Given::Nothing);
        assert_eq!(given(&consents, "ana", said("SELECT 1", "accept")), Given::Yes);
        assert_eq!(given(&consents, "ana", said("SELECT 1", "decline")), Given::No);
        assert_eq!(given(&consents, "ben", said("SELECT 1", "accept")), Given::Nothing);
        assert_eq!(given(&consents, "ana", said("SELECT 2", "accept")), Given::Nothing);
        assert_eq!(given(&Consents::new(), "ana", said("SELECT 1", "accept")), Given::Nothing);
        let forged = answered(call("SELECT 1"), "rs1.eyJ9.AAAA", "accept");
        assert_eq!(given(&consents, "ana", forged), Given::Nothing);
    }
}
