//! What of a model's text is a statement. Everything else of it is prose, and prose is not run.

use serde_json::Value as Json;

/// Assumptions of a reply, and characters of each.
const MOST: usize = 8;
const LONGEST: usize = 240;

/// What a model wrote.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A text that says it is a statement. Whether it is one is for the gate to say.
    Statement { sql: String, assumptions: Vec<String> },
    /// It says that it has none.
    Declined,
    /// Neither.
    Prose,
}

/// Reads an untrusted text: an object with `sql`, alone or within other words, or one block of SQL, or a bare statement.
pub(super) fn read(text: &str) -> Reply {
    const THOUGHT: &str = "</think>";
    let text = text.rfind(THOUGHT).map_or(text, |at| &text[at + THOUGHT.len()..]).trim();
    let braced = text.find('{').zip(text.rfind('}')).filter(|(from, to)| from < to);
    let objects = [Some(text), block(text), braced.map(|(from, to)| &text[from..=to])];
    let objects = objects.into_iter().flatten();
    for value in objects.filter_map(|text| serde_json::from_str::<Json>(text).ok()) {
        match value.get("sql") {
            Some(Json::String(sql)) if !sql.trim().is_empty() => {
                let assumptions = assumptions(&value["assumptions"]);
                return Reply::Statement { sql: sql.trim().to_string(), assumptions };
            }
            Some(Json::Null | Json::String(_)) => return Reply::Declined,
            _ => {}
        }
    }
    let bare = Some(text).filter(|text| begins_a_statement(text));
    match block(text).filter(|block| begins_a_statement(block)).or(bare) {
        Some(sql) => Reply::Statement { sql: sql.trim().to_string(), assumptions: Vec::new() },
        None => Reply::Prose,
    }
}

/// What is in the only block between fences.
fn block(text: &str) -> Option<&str> {
    const FENCE: &str = "```";
    let mut parts = text.split(FENCE);
    let (inner, rest) = (parts.nth(1)?, parts.count());
    let (language, body) = inner.split_once('\n')?;
    let named = language.trim().chars().all(|c| c.is_ascii_alphanumeric());
    (rest == 1 && named).then(|| body.trim())
}

fn begins_a_statement(text: &str) -> bool {
    let word: String = text.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    ["select", "with", "values"].contains(&word.to_ascii_lowercase().as_str())
}

fn assumptions(value: &Json) -> Vec<String> {
    let texts = match value {
        Json::String(text) => vec![text.as_str()],
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let line = |text: &str| -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
    };
    texts.into_iter().map(line).filter(|line| !line.is_empty()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> Option<String> {
        match read(text) {
            Reply::Statement { sql, .. } => Some(sql),
            _ => None,
        }
    }

    #[test]
    fn a_statement_is_found_in_every_usual_form() {
        for text in [
            r#"{"sql": "SELECT 1", "assumptions": []}"#,
            "```json\n{\"sql\": \"SELECT 1\"}\n```",
            "Here you are: {\"sql\": \"SELECT 1\"} Have fun.",
            "```sql\nSELECT 1\n```",
            "I took this:\n```\nSELECT 1\n```\nas it is best.",
            "SELECT 1",
            "<think>maybe {\"sql\": \"SELECT 2\"}</think>{\"sql\": \"SELECT 1\"}",
        ] {
            assert_eq!(sql(text).as_deref(), Some("SELECT 1"), "{text}");
        }
    }

    #[test]
    fn prose_is_no_statement() {
        for text in [
            "",
            "The answer is 42.",
            "I would use SELECT 1.",
            "```sql\nSELECT 1\n```\nor\n```sql\nSELECT 2\n```",
            "{\"query\": \"SELECT 1\"}",
            "[1]",
            "```\nls -l\n```",
        ] {
            assert_eq!(read(text), Reply::Prose, "{text}");
        }
        assert_eq!(read(r#"{"sql": null}"#), Reply::Declined);
        assert_eq!(read(r#"{"sql": " "}"#), Reply::Declined);
    }

    #[test]
    fn assumptions_are_short_lines() {
        let long = "x".repeat(1_000);
        let text = serde_json::json!({
            "sql": "SELECT 1",
            "assumptions": ["a\n  b", 7, "", long, "c", "d", "e", "f", "g", "h", "i"],
        });
        let Reply::Statement { assumptions, .. } = read(&text.to_string()) else { panic!() };
        assert_eq!(assumptions.len(), MOST);
        assert_eq!(assumptions[0], "a b");
        assert_eq!(assumptions[1].len(), LONGEST);
    }
}
