//! `explain`: what a statement would do.

use super::query::{self, columns_schema, params_schema, warnings_schema};
use super::{Call, ToolResult, reading, schema};
use crate::error::Error;
use crate::mcp::arguments::Arguments;
use crate::mcp::{progress, reply};
use crate::query::Explanation;
use crate::results::{legible, name, seen};
use rmcp::model::Tool;
use serde_json::json;
use std::fmt::Write as _;

pub(super) const NAME: &str = "explain";

pub(super) fn definition() -> Tool {
    reading(
        NAME,
        "Check a query",
        "Check a statement without running it: its columns, the plan, the SQL that each source would \
         get, masks and row filters.",
        json!({
            "type": "object",
            "properties": {
                "sql": { "type": "string", "description": "One SELECT, WITH or VALUES statement" },
                "params": params_schema()
            },
            "required": ["sql"],
            "additionalProperties": false
        }),
    )
    .with_raw_output_schema(schema(json!({
        "type": "object",
        "properties": {
            "columns": columns_schema(),
            "plan": { "type": "string" },
            "sources": { "type": "array", "items": { "type": "object" } },
            "masks": { "type": "array", "items": { "type": "object" } },
            "filters": { "type": "array", "items": { "type": "object" } },
            "warnings": warnings_schema(),
            "error": { "type": "object" }
        }
    })))
}

pub(super) async fn call(call: Call<'_>, given: Arguments) -> ToolResult {
    let request = query::request(given, false, call.client)?;
    let work = call.backend.explain(call.principal, request);
    let explanation = progress::reporting(call.peer, call.progress, work).await?;
    let structured = serde_json::to_value(&explanation)
        .map_err(|error| Error::internal(format!("an explanation cannot be written: {error}")))?;
    Ok(reply::success(text(&explanation), structured))
}

fn text(explanation: &Explanation) -> String {
    let mut text = String::from("The statement is valid; it was not run.\nColumns: ");
    let columns: Vec<String> = explanation.columns.iter().map(column).collect();
    text.push_str(&columns.join(", "));
    for source in &explanation.sources {
        // Writing to a String cannot fail, here and below.
        let _ = write!(text, "\nSource {}: {}", source.name, seen(&source.sql));
    }
    for mask in &explanation.masks {
        let _ =
            write!(text, "\nMasked: {} ({}, rule {})", legible(&mask.column), mask.mask, mask.rule);
    }
    for filter in &explanation.filters {
        let _ = write!(text, "\nRows filtered: {} (rule {})", legible(&filter.table), filter.rule);
    }
    text.push_str("\nPlan:");
    // A line of the plan is never one of ours, whatever the names in it.
    for line in explanation.plan.lines() {
        let _ = write!(text, "\n  {}", seen(line));
    }
    reply::lead_with_warnings(&mut text, &explanation.warnings);
    text
}

fn column(column: &crate::model::ColumnInfo) -> String {
    match &column.masked {
        Some(mask) => format!("{} {} (masked: {mask})", name(&column.name), column.type_name),
        None => format!("{} {}", name(&column.name), column.type_name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AppliedFilter, AppliedMask, ColumnInfo};
    use crate::query::SourceStatement;

    #[test]
    fn the_text_names_everything() {
        let explanation = Explanation {
            columns: vec![
                ColumnInfo { name: "id".into(), type_name: "bigint".into(), masked: None },
                ColumnInfo {
                    name: "email".into(),
                    type_name: "text".into(),
                    masked: Some("email".into()),
                },
            ],
            plan: "Scan".into(),
            sources: vec![SourceStatement { name: "shop".into(), sql: "SELECT $1".into() }],
            masks: vec![AppliedMask {
                column: "shop.main.c.email".into(),
                mask: "email".into(),
                rule: "emails".into(),
            }],
            filters: vec![AppliedFilter {
                table: "shop.main.c".into(),
                rule: "role analyst".into(),
            }],
            warnings: vec!["cut".into()],
        };
        assert_eq!(
            text(&explanation),
            "The statement is valid; it was not run.\nWarning: cut\nColumns: id bigint, email text (masked: email)\n\
             Source shop: SELECT $1\nMasked: shop.main.c.email (email, rule emails)\n\
             Rows filtered: shop.main.c (rule role analyst)\nPlan:\n  Scan"
        );
    }
}
