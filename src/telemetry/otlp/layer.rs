//! From spans and log lines to what is exported.

use super::TARGET;
use super::context::{Context, Sampler};
use serde_json::Value as Json;
use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context as Surroundings;
use tracing_subscriber::registry::LookupSpan;

/// Records that wait for the collector.
pub(super) const QUEUE: usize = 4096;

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) context: Context,
    pub(super) parent: Option<u64>,
    pub(super) name: String,
    /// As OTLP numbers it: 1 within, 2 served, 3 asked of somebody else.
    pub(super) kind: u8,
    pub(super) begun: u64,
    pub(super) ended: u64,
    pub(super) attributes: Vec<(&'static str, Json)>,
}

/// A line of the log.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: u64,
    pub(super) level: Level,
    pub(super) target: String,
    pub(super) message: String,
    pub(super) attributes: Vec<(&'static str, Json)>,
    pub(super) context: Option<Context>,
}

/// What goes to the collector.
#[derive(Debug)]
pub(super) enum Sent {
    Span(Span),
    Line(Line),
}

/// Turns spans and events into records, and drops what does not fit into the queue.
pub(in crate::telemetry) struct Recorder {
    pub(super) queue: mpsc::Sender<Sent>,
    pub(super) sampler: Sampler,
    pub(super) traces: bool,
    pub(super) logs: bool,
}

impl Recorder {
    fn send(&self, record: Sent) {
        let signal = if matches!(record, Sent::Span(_)) { "traces" } else { "logs" };
        if self.queue.try_send(record).is_err() {
            super::outbox::dropped(signal, 1);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, around: Surroundings<'_, S>) {
        if !self.traces || attributes.metadata().target() != TARGET {
            return;
        }
        let Some(span) = around.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = span
            .parent()
            .and_then(|parent| parent.extensions().get::<Span>().map(|parent| parent.context));
        let caller = parent.or_else(|| Context::parse(fields.caller.as_deref()?));
        let trace = caller.map_or_else(rand::random, |caller| caller.trace);
        let sampled = match parent {
            Some(parent) => parent.sampled,
            None => self.sampler.takes(caller, trace),
        };
        let context = Context { trace, span: rand::random::<u64>().max(1), sampled };
        span.extensions_mut().insert(Span {
            context,
            parent: caller.map(|caller| caller.span),
            name: fields.name.unwrap_or_else(|| attributes.metadata().name().to_string()),
            kind: fields.kind,
            begun: now(),
            ended: 0,
            attributes: fields.attributes,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, around: Surroundings<'_, S>) {
        let Some(span) = around.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(span) = extensions.get_mut::<Span>() {
            let mut fields = Fields::default();
            values.record(&mut fields);
            span.attributes.append(&mut fields.attributes);
        }
    }

    fn on_event(&self, event: &Event<'_>, around: Surroundings<'_, S>) {
        if !self.logs {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = around.event_span(event);
        let context = span.and_then(|span| {
            span.scope().find_map(|span| span.extensions().get::<Span>().map(|span| span.context))
        });
        self.send(Sent::Line(Line {
            at: now(),
            level: *event.metadata().level(),
            target: event.metadata().target().to_string(),
            message: fields.message,
            attributes: fields.attributes,
            context,
        }));
    }

    fn on_close(&self, id: Id, around: Surroundings<'_, S>) {
        let Some(span) = around.span(&id) else { return };
        let ended = span.extensions_mut().remove::<Span>();
        if let Some(mut ended) = ended.filter(|span| span.context.sampled) {
            ended.ended = now();
            self.send(Sent::Span(ended));
        }
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Fields of a span or an event.
struct Fields {
    attributes: Vec<(&'static str, Json)>,
    message: String,
    name: Option<String>,
    kind: u8,
    caller: Option<String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { attributes: Vec::new(), message: String::new(), name: None, kind: 1, caller: None }
    }
}

impl Fields {
    fn text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.message = text,
            "otel.name" => self.name = Some(text),
            "otel.kind" => {
                self.kind = match &*text {
                    "server" => 2,
                    "client" => 3,
                    _ => 1,
                }
            }
            "traceparent" => self.caller = Some(text),
            // A driver's or the engine's own words can hold a value: they stay on stderr.
            "cause" | "context" | "error" => {}
            name => self.attributes.push((name, text.into())),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.attributes.push((field.name(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attributes.push((field.name(), value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.attributes.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attributes.push((field.name(), value.into()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }
}
