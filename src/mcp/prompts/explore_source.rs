//! `explore_source`: what a source holds and what can be asked of it.

use super::{DIALECT, Given, MASKING, REPAIR, REPORT, argument, invalid};
use crate::mcp::Backend;
use crate::mcp::arguments::quoted;
use crate::model::Principal;
use crate::results::legible;
use rmcp::ErrorData;
use rmcp::model::Prompt;

pub(crate) const NAME: &str = "explore_source";
/// Tables that are named in the text; the rest is a search away.
const SHOWN: usize = 40;

pub(super) fn definition() -> Prompt {
    Prompt::new(
        NAME,
        Some("Get to know a source: its tables, how they join, and questions it can answer"),
        Some(vec![
            argument("source", "The source's name", true),
            argument("table", "A table to start from (source.schema.table)", false),
        ]),
    )
    .with_title("Explore a source")
}

pub(super) fn text(
    backend: &dyn Backend,
    principal: &Principal,
    given: &Given,
) -> Result<String, ErrorData> {
    let source = given.required("source")?;
    let visible = backend.visible_tables(principal);
    let tables: Vec<String> = visible
        .iter()
        .filter(|table| *table.source == *source)
        .map(|table| format!("{}.{}.{}", table.source, table.schema, table.table))
        .map(|name| legible(&name).into_owned())
        .collect();
    if tables.is_empty() {
        let mut known: Vec<&str> = visible.iter().map(|table| &*table.source).collect();
        known.dedup();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(invalid(format!("no source {}; your sources: {known}", quoted(source))));
    }
    let start = match given.optional("table")? {
        Some(table) => format!("Start from the table {}. ", quoted(table)),
        None => String::new(),
    };
    let mut listed = tables.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if tables.len() > SHOWN {
        listed.push_str(&format!(" and {} more (use search)", tables.len() - SHOWN));
    }
    Ok(format!(
        "Help me get to know the source \"{source}\". Its tables that I may see: {listed}.\n\n\
         {start}1. Call describe for \"{source}\", then for the three to five tables that matter most. \
         2. Work out how they join (keys first). 3. Run two or three small aggregate queries that show \
         sizes, date ranges and the main categories. 4. Suggest five questions this source can answer, \
         one of them joining another source if search finds a matching key.\n\n\
         {DIALECT}\n\n{MASKING}\n\n{REPAIR} {REPORT}"
    ))
}
