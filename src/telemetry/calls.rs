//! One call of a tool: how long it took and how it ended.

use super::metrics::{Name, metrics};
use super::stage;
use crate::error::{Code, Error};
use crate::model::Principal;
use std::time::Instant;
use tracing::Span;
use tracing::field::Empty;

/// Reasons for which a call is refused rather than failed.
pub(super) const DENIALS: [&str; 9] = [
    "not_allowed",
    "unknown_name",
    "unknown_handle",
    UNKNOWN_TOOL,
    "too_complex",
    "overloaded",
    "limit_reached",
    "too_costly",
    "audit_unavailable",
];

/// A tool that there is not.
const UNKNOWN_TOOL: &str = "unknown_tool";

/// A call that runs. Dropped before its end, it counts as given up.
#[must_use]
#[derive(Debug)]
pub struct ToolCall {
    tool: Name,
    started: Instant,
    ended: bool,
    span: Span,
}

impl ToolCall {
    /// A call that begins now. Where there is no such tool, it has to end with [`Self::unknown`] at once: a name
    /// that a caller made up is no label.
    pub fn begin(tool: impl Into<Name>) -> Self {
        metrics().tool_calls_running.inc();
        Self { tool: tool.into(), started: Instant::now(), ended: false, span: Span::current() }
    }

    /// The name under which the call is counted, now that it is known to be a tool's.
    pub fn named(&mut self, tool: impl Into<Name>) {
        self.tool = tool.into();
    }

    /// The span of a call, in the trace of `traceparent` where that is one (W3C trace context).
    pub fn span(traceparent: Option<&str>) -> Span {
        stage!(
            "tools/call",
            otel.kind = "server",
            mcp.method.name = "tools/call",
            gen_ai.tool.name = Empty,
            error.type = Empty,
            traceparent,
        )
    }

    /// The call has ended; `error` is how it failed, if it did.
    pub fn end(mut self, caller: &Principal, error: Option<&Error>) {
        self.count(error.map_or("ok", |error| error.code.as_str()));
        if let Some(error) = error {
            denied(caller, error.code);
        }
    }

    /// There is no such tool.
    pub fn unknown(mut self, caller: &Principal) {
        self.ended = true;
        metrics().tool_calls_running.dec();
        deny(caller, UNKNOWN_TOOL, true);
    }

    fn count(&mut self, outcome: &'static str) {
        self.ended = true;
        let metrics = metrics();
        metrics.tool_calls_running.dec();
        self.span.record("gen_ai.tool.name", &*self.tool);
        if outcome != "ok" {
            self.span.record("error.type", outcome);
        }
        let tool = ("tool", std::mem::take(&mut self.tool));
        metrics
            .tool_call_seconds
            .get_or_create(std::array::from_ref(&tool))
            .observe(self.started.elapsed().as_secs_f64());
        metrics.tool_calls.get_or_create(&[tool, ("outcome", outcome.into())]).inc();
    }
}

impl Drop for ToolCall {
    fn drop(&mut self) {
        if !self.ended {
            self.count("given_up");
        }
    }
}

fn denied(caller: &Principal, code: Code) {
    match code {
        Code::NotAllowed => deny(caller, code.as_str(), false),
        Code::UnknownName | Code::UnknownHandle => deny(caller, code.as_str(), true),
        Code::TooComplex
        | Code::Overloaded
        | Code::LimitReached
        | Code::TooCostly
        | Code::CostlyUnlessAccepted
        | Code::AuditUnavailable => count(code.as_str()),
        _ => {}
    }
}

/// Counts a denial that is the caller's doing; `guess`: of a name that is not there, or not for them.
fn deny(caller: &Principal, reason: &'static str, guess: bool) {
    count(reason);
    let metrics = metrics();
    metrics.denied.add(caller);
    if guess {
        metrics.guesses.add(caller);
    }
}

fn count(reason: &'static str) {
    metrics().denials.get_or_create(&[("reason", reason.into())]).inc();
}
