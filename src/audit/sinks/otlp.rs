//! OpenTelemetry logs by HTTP, in the JSON encoding of OTLP. The document is small and fixed, so it is written here.

use super::{Event, Header};
use crate::post::Poster;
use serde_json::{Value as Json, json};
use std::path::Path;

/// A collector.
pub(super) struct Otlp {
    poster: Poster,
}

impl Otlp {
    pub(super) fn new(
        url: &str,
        headers: Vec<(String, Header)>,
        ca: Option<&Path>,
    ) -> Result<Self, String> {
        let headers = headers.into_iter().map(|(name, value)| (name, value.0)).collect();
        Ok(Self { poster: Poster::new(url, headers, ca)? })
    }

    pub(super) async fn deliver(&mut self, events: &[Event]) -> Result<(), String> {
        let (status, body) = self.poster.post(document(events).to_string()).await?;
        if !status.is_success() {
            return Err(format!("the collector answered {status}"));
        }
        let said: Json = serde_json::from_slice(&body).unwrap_or_default();
        let rejected = &said["partialSuccess"]["rejectedLogRecords"];
        let rejected = rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0);
        // The protocol forbids to send them again as they are.
        if rejected > 0 {
            tracing::error!(rejected, "the collector took the audit's records and rejected some");
        }
        Ok(())
    }
}

fn document(events: &[Event]) -> Json {
    let records: Vec<Json> = events.iter().map(record).collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": [
            attribute("service.name", "celosia"),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
        ]},
        "scopeLogs": [{"scope": {"name": "celosia.audit"}, "logRecords": records}],
    }]})
}

fn record(event: &Event) -> Json {
    // 64-bit numbers are texts in this encoding.
    let nanos = (i128::from(event.at) * 1_000_000).to_string();
    let (number, text) = if event.is_failure { (13, "WARN") } else { (9, "INFO") };
    json!({
        "timeUnixNano": nanos,
        "observedTimeUnixNano": nanos,
        "severityNumber": number,
        "severityText": text,
        "eventName": format!("celosia.audit.{}", event.kind),
        "body": {"stringValue": event.line},
        "attributes": [attribute("celosia.audit.id", &event.id)],
    })
}

fn attribute(key: &str, value: &str) -> Json {
    json!({"key": key, "value": {"stringValue": value}})
}
