//! `ask`: a question in words, answered by a statement that the configured language model writes.
//!
//! The model is nobody: it is told what the caller may know of the tables, and what it writes is the caller's own statement,
//! through the same gate, policy, limits and audit. A statement that is refused is told to it with the error that the
//! caller would read, twice at most. The question has a record of its own in the audit, and so has each statement.

mod context;
mod reply;

use super::describe;
use super::engine::Engine;
use super::find;
use super::request::{AskRequest, Asked, DescribeRequest, QueryRequest};
use super::run::Trail;
use super::session::View;
use super::supervise::cancelled;
use crate::endpoint::{ChatModel, EndpointError, Message, Speaker, tokens};
use crate::error::{Code, Error, Result};
use crate::model::{Outcome, Principal};
use reply::Reply;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often the model may correct its statement.
const REPAIRS: usize = 2;
/// Characters of a question.
const LONGEST: usize = 4_000;
/// Tokens of one reply: the most, and the fewest that are worth asking for.
const REPLY: usize = 2_000;
const LEAST: usize = 100;
/// Bytes of what the model said that it is told again.
const REPEATED: usize = 4_000;

impl Engine {
    /// Whether questions in words are answered: a language model is configured.
    pub fn has_model(&self) -> bool {
        self.core.model.load().is_some()
    }

    /// Answers a question in words.
    ///
    /// # Errors
    /// `Model` where the model gives nothing that can be run; those of [`Engine::query`].
    pub async fn ask(
        &self,
        principal: &Principal,
        request: AskRequest,
        cancel: CancellationToken,
    ) -> Result<Asked> {
        let started = Instant::now();
        let view = self.core.view(principal);
        let trail = Trail::new(self.core.intent(&view, &request.client, "ask"));
        let intent = trail.intent.lock().clone();
        match self.core.audit.open(intent).await {
            Ok(open) => *trail.open.lock() = Some(open),
            Err(error) => return Err(Error::audit_unavailable(error.to_string())),
        }
        match Box::pin(self.conversation(&view, &request, &cancel)).await {
            Ok(asked) => {
                let _receipt = self.core.close(&trail, started, &mut Outcome::default()).await?;
                Ok(asked)
            }
            Err(error) => Err(self.core.failed(&trail, started, error).await),
        }
    }

    async fn conversation(
        &self,
        view: &Arc<View>,
        request: &AskRequest,
        cancel: &CancellationToken,
    ) -> Result<Asked> {
        let model = self.core.model.load_full();
        let model = model.as_deref();
        let model =
            model.ok_or_else(|| Error::new(Code::Model, "no language model is configured"))?;
        if request.question.chars().count() > LONGEST {
            let text = format!("the question has more than {LONGEST} characters");
            return Err(Error::new(Code::InvalidArgument, text));
        }
        request.stage.is("looking for the tables of the question");
        let tables = self.pack(view, request, model).await?;
        let mut talk = Talk::begin(model, &tables, &request.question);
        let mut last = None;
        for repairs in 0..=REPAIRS {
            request.stage.is(match repairs {
                0 => "the model writes a statement",
                _ => "the model corrects its statement",
            });
            match reply::read(&talk.next(cancel).await?) {
                Reply::Declined => {
                    return Err(nothing("says that the tables cannot answer this", None));
                }
                Reply::Prose => {
                    talk.tell(context::NONE.to_string());
                    last = None;
                }
                Reply::Statement { sql, assumptions } => {
                    request.stage.is("the statement is checked and run");
                    let query = QueryRequest {
                        sql: sql.clone(),
                        limit: request.limit,
                        client: request.client.clone(),
                        ..QueryRequest::default()
                    };
                    match Box::pin(self.run(view.clone(), query, cancel.clone(), "ask")).await {
                        Ok(answer) => {
                            let model = model.name().to_string();
                            return Ok(Asked { answer, sql, assumptions, model, repairs });
                        }
                        Err(error) if can_be_repaired(error.code) => {
                            talk.tell(context::refused(&error));
                            last = Some(error);
                        }
                        Err(error) => return Err(unasked(error)),
                    }
                }
            }
        }
        Err(nothing("wrote no statement that can be run", last))
    }

    /// What the model may know of the tables: no value, unless the configuration says that it may see rows.
    async fn pack(
        &self,
        view: &Arc<View>,
        request: &AskRequest,
        model: &ChatModel,
    ) -> Result<String> {
        let values = &self.core.values;
        values.first().await;
        let mut describer = self.describer(view);
        describer.withheld = request.withheld.as_deref();
        let question = request.question.clone();
        let wanted = DescribeRequest { question: Some(question), ..DescribeRequest::default() };
        let named = describe::named(&describer, values, &wanted);
        if named.is_empty() {
            return Err(Error::new(
                Code::UnknownName,
                "no table that is open to you fits the question",
            )
            .with_hint("use words of the tables; search and describe show what there is"));
        }
        if model.is_shown_rows() {
            describer.values = Some(values);
            describer.seen = Box::pin(self.seen(view, &named)).await;
        }
        let mut text = describe::answer(&describer, values, &wanted)?.text;
        if model.is_shown_rows() {
            for line in find::value_lines(&describer, values, &request.question) {
                let _ = write!(text, "\n{line}");
            }
        }
        Ok(text)
    }
}

/// What has been said, and what is left of the budgets.
struct Talk<'a> {
    model: &'a ChatModel,
    messages: Vec<Message>,
    tokens: usize,
    time: Duration,
}

impl<'a> Talk<'a> {
    fn begin(model: &'a ChatModel, tables: &str, question: &str) -> Self {
        let messages = context::opening(tables, question, model.max_tokens());
        Self { model, messages, tokens: model.max_tokens(), time: model.timeout() }
    }

    /// What the model says next. Given up, the exchange ends with its connection.
    async fn next(&mut self, cancel: &CancellationToken) -> Result<String> {
        let sent: usize = self.messages.iter().map(|message| tokens(&message.text)).sum();
        let most = self.tokens.saturating_sub(sent).min(REPLY);
        if most < LEAST {
            return Err(nothing("has used up its budget of tokens (llm.max_tokens)", None));
        }
        let started = Instant::now();
        let say = self.model.say(&self.messages, most, started + self.time);
        let said = tokio::select! {
            () = cancel.cancelled() => return Err(cancelled()),
            said = say => said.map_err(failed)?,
        };
        self.time = self.time.saturating_sub(started.elapsed());
        self.tokens = self.tokens.saturating_sub(said.tokens);
        let mut end = said.text.len().min(REPEATED);
        while !said.text.is_char_boundary(end) {
            end -= 1;
        }
        let text = said.text[..end].to_string();
        self.messages.push(Message { speaker: Speaker::Model, text });
        Ok(said.text)
    }

    fn tell(&mut self, text: String) {
        self.messages.push(Message { speaker: Speaker::User, text });
    }
}

/// Whether another statement may do better.
fn can_be_repaired(code: Code) -> bool {
    matches!(
        code,
        Code::Syntax
            | Code::NotAllowed
            | Code::TooComplex
            | Code::UnknownName
            | Code::InvalidStatement
            | Code::InvalidParameter
            | Code::Evaluation
    )
}

/// Nobody is asked whether a costly statement may run: it would be for another one, since the model may write another
/// the next time.
fn unasked(error: Error) -> Error {
    match error.code {
        Code::CostlyUnlessAccepted => Error::new(Code::TooCostly, error.message)
            .with_hint("ask for a shorter period or fewer groups, or write the statement yourself"),
        _ => error,
    }
}

const INSTEAD: &str =
    "put the question another way, or write the statement yourself: search, describe, query";

/// The model did its work in vain. `last` is why its last statement was refused.
fn nothing(why: &str, last: Option<Error>) -> Error {
    match last {
        Some(last) => {
            let text = format!("the language model {why}; of its last one: {}", last.message);
            let hint =
                last.hint.map_or(INSTEAD.to_string(), |hint| format!("{hint}; or {INSTEAD}"));
            Error::new(Code::Model, text).with_hint(hint)
        }
        None => Error::new(Code::Model, format!("the language model {why}")).with_hint(INSTEAD),
    }
}

/// The endpoint failed.
fn failed(error: EndpointError) -> Error {
    tracing::warn!(%error, "the language model is of no use now");
    Error::new(Code::Model, format!("the language model is of no use now: {error}"))
        .with_hint(
            "try again in a minute, or write the statement yourself: search, describe, query",
        )
        .with_source(error)
}
