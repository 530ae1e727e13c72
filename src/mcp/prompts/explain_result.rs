//! `explain_result`: how an answer came about.

use super::{DIALECT, Given, MASKING, REPAIR, REPORT, argument, invalid};
use rmcp::ErrorData;
use rmcp::model::Prompt;

pub(super) const NAME: &str = "explain_result";

pub(super) fn definition() -> Prompt {
    Prompt::new(
        NAME,
        Some(
            "Explain a result to a reader who does not write SQL: what was asked, read and masked",
        ),
        Some(vec![
            argument("sql", "The statement behind the result", false),
            argument("receipt", "The receipt id of the result", false),
        ]),
    )
    .with_title("Explain a result")
}

pub(super) fn text(given: &Given) -> Result<String, ErrorData> {
    let (sql, receipt) = (given.optional("sql")?, given.optional("receipt")?);
    let subject = match (sql, receipt) {
        (Some(sql), Some(receipt)) => {
            format!("the result with receipt {receipt}, of this statement:\n\n{sql}")
        }
        (Some(sql), None) => format!("the result of this statement:\n\n{sql}"),
        (None, Some(receipt)) => {
            format!("the result with receipt {receipt} (its statement is in our conversation)")
        }
        (None, None) => return Err(invalid("give \"sql\", \"receipt\" or both".to_owned())),
    };
    Ok(format!(
        "Explain to a reader who does not write SQL {subject}\n\n\
         1. Call explain with the statement: it shows what each source is sent, the masks and the row \
         filters. 2. Call describe for the tables whose columns need explaining. 3. Say in order: what \
         was asked, which tables were read and how they join, what was left out (filters, cuts, rows \
         that are not visible), which columns are masked and how, and what the numbers do and do not \
         mean. Run the statement again only if the reader asks for fresh rows.\n\n\
         {DIALECT}\n\n{MASKING}\n\n{REPAIR} {REPORT}"
    ))
}
