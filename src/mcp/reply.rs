//! Replies of tools: what a person or model reads, and the same as structured content.

use crate::error::{Code, Error};
use crate::results::legible;
use celosia_connector_api::Retry;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// A reply: a text and its structured twin.
pub(super) fn success(text: String, structured: Json) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(structured);
    result
}

/// An error that the model reads, with what to do next.
pub(super) fn failure(error: &Error) -> CallToolResult {
    log(error);
    let retry = match error.retry() {
        Retry::Later => "later",
        Retry::Never => "never",
    };
    // Names of the catalog are in there, and they are words of others.
    let mut text = legible(&error.message).into_owned();
    if let Some(hint) = &error.hint {
        text.push_str(&format!("\nHint: {}", legible(hint)));
    }
    text.push_str(&format!("\nError code: {}", error.code.as_str()));
    if let Some(seconds) = error.retry_seconds() {
        text.push_str(&format!("\nRetry after: {seconds} s"));
    }
    let mut structured = json!({
        "code": error.code.as_str(),
        "message": error.message,
        "retry": retry,
    });
    if let Some(hint) = &error.hint {
        structured["hint"] = Json::String(hint.clone());
    }
    if let Some(seconds) = error.retry_seconds() {
        structured["retry_after_seconds"] = seconds.into();
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(text)]);
    result.structured_content = Some(json!({ "error": structured }));
    result
}

/// Adds the receipt and the warnings to a rendered answer, in both its forms.
pub(super) fn attest(
    text: &mut String,
    structured: &mut Json,
    receipt: Json,
    warnings: Vec<String>,
) {
    text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    text.push_str(&receipt_line(&receipt));
    lead_with_warnings(text, &warnings);
    if let Json::Object(fields) = structured {
        fields.insert("receipt".into(), receipt);
        fields.insert("warnings".into(), warnings.into());
    }
}

/// Warnings as lines of their own, below the first line: that one says whether rows are missing.
pub(super) fn lead_with_warnings(text: &mut String, warnings: &[String]) {
    let lines = warning_lines(warnings);
    match text.find('\n') {
        Some(end) => text.insert_str(end + 1, &lines),
        None if lines.is_empty() => {}
        None => {
            text.push('\n');
            text.push_str(lines.trim_end());
        }
    }
}

/// A line for each warning.
pub(super) fn warning_lines(warnings: &[String]) -> String {
    warnings.iter().map(|warning| format!("Warning: {}\n", legible(warning))).collect()
}

/// The receipt in a sentence: id, sources, masks by rule, filters. The SQL stays in the structured form.
fn receipt_line(receipt: &Json) -> String {
    let mut line = format!("Receipt {}", text(receipt, "id"));
    let sources = each(receipt, "sources", |source| {
        let (rows, ms) = (&source["rows"], source["ms"].as_f64().unwrap_or_default());
        format!("{} {rows} rows in {ms:.1} ms", text(source, "name"))
    });
    let masks = each(receipt, "masks", |mask| {
        let column = legible(text(mask, "column"));
        format!("{column} ({}, rule {})", text(mask, "mask"), text(mask, "rule"))
    });
    let filters = each(receipt, "filters", |filter| {
        format!("{} (rule {})", legible(text(filter, "table")), text(filter, "rule"))
    });
    let redacted = each(receipt, "redacted", |redacted| {
        let (values, column) = (&redacted["values"], legible(text(redacted, "column")));
        format!("{values} in {column} (rule {})", text(redacted, "rule"))
    });
    for (title, items) in
        [("read", sources), ("masked", masks), ("rows filtered", filters), ("redacted", redacted)]
    {
        if !items.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(line, "; {title}: {}", items.join(", "));
        }
    }
    line.push('.');
    line
}

fn each(receipt: &Json, field: &str, show: impl Fn(&Json) -> String) -> Vec<String> {
    receipt[field].as_array().map(|items| items.iter().map(show).collect()).unwrap_or_default()
}

fn text<'a>(value: &'a Json, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("?")
}

/// The causes go to the log, and only there.
fn log(error: &Error) {
    let code = error.code.as_str();
    let cause = &error.source;
    match error.code {
        Code::Internal | Code::AuditUnavailable => tracing::error!(code, ?cause, "a call failed"),
        Code::Source | Code::ResourceLimit => tracing::warn!(code, ?cause, "a call failed"),
        _ => tracing::debug!(code, "a call was answered with an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_the_same_twice() {
        let error = Error::new(Code::UnknownName, "there is no table \"x\"").with_hint("search");
        let result = failure(&error);
        assert_eq!(result.is_error, Some(true));
        let shown = &result.content[0].as_text().unwrap().text;
        assert_eq!(shown, "there is no table \"x\"\nHint: search\nError code: unknown_name");
        let expected = json!({"error": {
            "code": "unknown_name", "message": "there is no table \"x\"", "retry": "never",
            "hint": "search",
        }});
        assert_eq!(result.structured_content, Some(expected));
    }

    #[test]
    fn a_cause_is_never_shown() {
        let result = failure(&Error::internal("password=hunter2"));
        let wire = serde_json::to_string(&result).unwrap();
        assert!(!wire.contains("hunter2") && wire.contains("internal"), "{wire}");
    }

    #[test]
    fn the_receipt_is_in_both_forms() {
        let receipt = json!({
            "id": "00ab",
            "sources": [{"name": "shop", "sql": "SELECT secret", "rows": 120, "ms": 4.123}],
            "masks": [{"column": "shop.main.customers.email", "mask": "email", "rule": "emails"}],
            "filters": [{"table": "shop.main.customers", "rule": "role analyst"}],
        });
        let (mut text, mut structured) = (String::from("a\nb"), json!({"rows": []}));
        attest(&mut text, &mut structured, receipt, vec!["cut at 10 rows".into()]);
        assert_eq!(
            text,
            "a\nWarning: cut at 10 rows\nb\n\nReceipt 00ab; read: shop 120 rows in 4.1 ms; masked: \
             shop.main.customers.email (email, rule emails); rows filtered: \
             shop.main.customers (rule role analyst)."
        );
        assert_eq!(structured["receipt"]["id"], "00ab");
        assert_eq!(structured["warnings"][0], "cut at 10 rows");
    }

    #[test]
    fn warnings_come_right_after_the_first_line() {
        let warnings = ["fan_out: check".to_string(), "cut".to_string()];
        for (text, expected) in [
            ("CUT: 2 rows\nid\n1\n", "CUT: 2 rows\nWarning: fan_out: check\nWarning: cut\nid\n1\n"),
            ("one line", "one line\nWarning: fan_out: check\nWarning: cut"),
        ] {
            let mut led = text.to_string();
            lead_with_warnings(&mut led, &warnings);
            assert_eq!(led, expected);
            let mut plain = text.to_string();
            lead_with_warnings(&mut plain, &[]);
            assert_eq!(plain, text);
        }
    }

    #[test]
    fn a_bare_receipt_is_just_its_id() {
        assert_eq!(receipt_line(&json!({"id": "1", "masks": []})), "Receipt 1.");
    }
}
