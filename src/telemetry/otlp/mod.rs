//! Traces and logs for a collector of OpenTelemetry: OTLP over HTTP, in its JSON encoding, set up by the standard variables.
//!
//! The documents are small and fixed, so they are written here, as those of the audit are; the protocol's libraries would bring a
//! second HTTP client, Protocol Buffers and a thread of their own. Nothing waits for a collector: what does not fit into the queue, or cannot
//! be delivered, is dropped and counted.

mod context;
mod document;
mod layer;
mod outbox;
mod settings;

pub use outbox::{Outbox, exported};
pub(super) use settings::Settings;

/// The target of spans: the log does not show them.
const TARGET: &str = "celosia::trace";

/// A stage of a request as a span, where traces are exported; nothing where they are not.
macro_rules! stage {
    ($name:literal $(, $($fields:tt)*)?) => {
        tracing::info_span!(target: "celosia::trace", $name $(, $($fields)*)?)
    };
}
pub(crate) use stage;
