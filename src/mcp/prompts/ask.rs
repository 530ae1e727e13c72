//! `ask`: from a question to an answer with its receipt.

use super::{DIALECT, Given, MASKING, REPAIR, REPORT, argument};
use rmcp::ErrorData;
use rmcp::model::Prompt;

pub(super) const NAME: &str = "ask";

pub(super) fn definition() -> Prompt {
    Prompt::new(
        NAME,
        Some("Answer a question from the data, with its assumptions and its receipt"),
        Some(vec![argument("question", "The question, in your own words", true)]),
    )
    .with_title("Ask the data")
}

pub(super) fn text(given: &Given) -> Result<String, ErrorData> {
    let question = given.required("question")?;
    Ok(format!(
        "Answer this question from the connected data:\n\n{question}\n\n\
         1. Call search with the question. 2. Call describe for each table you will use; take joins \
         from the keys it shows, and stored values (codes, statuses) from what it shows, never from \
         memory. 3. For a join or a large table, call explain first. 4. Call query once with the whole \
         statement; use fetch for more rows only if the question needs them.\n\n\
         {DIALECT}\n\n{MASKING}\n\n{REPAIR} {REPORT}"
    ))
}
