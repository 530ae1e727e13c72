//! The documents of OTLP in its JSON encoding: numbers of 64 bits are texts, identifiers are hexadecimal.

use super::layer::{Line, Span};
use serde_json::{Value as Json, json};
use tracing::Level;

const SCOPE: &str = "celosia";

/// Spans as a request to `/v1/traces`.
pub(super) fn traces(resource: &[(String, String)], spans: &[Span]) -> Json {
    let spans: Vec<Json> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": described(resource),
        "scopeSpans": [{"scope": scope(), "spans": spans}],
    }]})
}

/// Lines of the log as a request to `/v1/logs`.
pub(super) fn logs(resource: &[(String, String)], lines: &[Line]) -> Json {
    let lines: Vec<Json> = lines.iter().map(line).collect();
    json!({"resourceLogs": [{
        "resource": described(resource),
        "scopeLogs": [{"scope": scope(), "logRecords": lines}],
    }]})
}

fn scope() -> Json {
    json!({"name": SCOPE, "version": env!("CARGO_PKG_VERSION")})
}

fn described(resource: &[(String, String)]) -> Json {
    let attributes = resource.iter();
    let attributes: Vec<Json> =
        attributes.map(|(name, text)| attribute(name, &text.as_str().into())).collect();
    json!({"attributes": attributes})
}

fn span(span: &Span) -> Json {
    let failed = span.attributes.iter().any(|(name, _)| *name == "error.type");
    let mut document = json!({
        "traceId": format!("{:032x}", span.context.trace),
        "spanId": format!("{:016x}", span.context.span),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.begun.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": attributes(&span.attributes),
        "flags": 1,
        "status": if failed { json!({"code": 2}) } else { json!({}) },
    });
    if let Some(parent) = span.parent {
        document["parentSpanId"] = format!("{parent:016x}").into();
    }
    document
}

fn line(line: &Line) -> Json {
    let (number, text) = match line.level {
        Level::ERROR => (17, "ERROR"),
        Level::WARN => (13, "WARN"),
        Level::INFO => (9, "INFO"),
        Level::DEBUG => (5, "DEBUG"),
        Level::TRACE => (1, "TRACE"),
    };
    let mut attributes = attributes(&line.attributes);
    attributes.push(attribute("code.namespace", &line.target.as_str().into()));
    let mut document = json!({
        "timeUnixNano": line.at.to_string(),
        "observedTimeUnixNano": line.at.to_string(),
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": line.message},
        "attributes": attributes,
    });
    if let Some(context) = line.context {
        document["traceId"] = format!("{:032x}", context.trace).into();
        document["spanId"] = format!("{:016x}", context.span).into();
        document["flags"] = u8::from(context.sampled).into();
    }
    document
}

fn attributes(attributes: &[(&'static str, Json)]) -> Vec<Json> {
    attributes.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: &str, value: &Json) -> Json {
    let value = match value {
        Json::Bool(value) => json!({"boolValue": value}),
        Json::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Json::Number(number) => json!({"intValue": number.to_string()}),
        Json::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": name, "value": value})
}
