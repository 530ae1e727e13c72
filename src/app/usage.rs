//! `celosia usage`: what each caller and each source used, day by day.

use super::Failure;
use crate::config::Config;
use crate::limits::{Ledger, LedgerRow};
use clap::Args;
use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;

/// What is asked for.
#[derive(Debug, Args)]
pub(super) struct Usage {
    /// The configuration file
    #[arg(long)]
    config: PathBuf,
    /// The first day, such as 2026-11-01 (UTC); everything that is kept unless given
    #[arg(long)]
    since: Option<String>,
    /// Comma-separated values with a header, instead of a table
    #[arg(long)]
    csv: bool,
    /// One JSON object a line
    #[arg(long, conflicts_with = "csv")]
    json: bool,
}

const NAMES: [&str; 11] = [
    "day",
    "kind",
    "issuer",
    "name",
    "plan",
    "requests",
    "statements",
    "refusals",
    "rows_returned",
    "bytes",
    "remote_rows",
];

/// Runs the command.
pub(super) async fn run(asked: Usage) -> Result<(), Failure> {
    let config = Config::load(&asked.config)?;
    let Some(file) = &config.usage else {
        let file = config.path().display();
        return Err(format!(
            "{file}: usage is not written down: set `usage: {{ file: usage.db }}`"
        )
        .into());
    };
    if !file.exists() {
        return Err(
            format!("{} is not there: no server has written to it yet", file.display()).into()
        );
    }
    if let Some(day) = &asked.since
        && chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_err()
    {
        return Err(format!("--since {day}: write a day such as 2026-11-01").into());
    }
    let rows = Ledger::open(file).await?.since(asked.since.as_deref().unwrap_or_default()).await?;
    let mut out = std::io::stdout().lock();
    if asked.json {
        for row in &rows {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        }
    } else if asked.csv {
        writeln!(out, "{}", NAMES.join(","))?;
        for row in &rows {
            let cells = cells(row);
            let cells: Vec<Cow<'_, str>> = cells.iter().map(|cell| quoted(cell)).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
    } else {
        table(&mut out, &rows)?;
    }
    Ok(())
}

fn table(out: &mut impl Write, rows: &[LedgerRow]) -> Result<(), Failure> {
    let header = NAMES.map(String::from);
    let lines: Vec<[String; 11]> = std::iter::once(header)
        .chain(rows.iter().map(|row| cells(row).map(|cell| cell.escape_debug().to_string())))
        .collect();
    for line in &lines {
        let mut text = String::new();
        for (index, cell) in line.iter().enumerate() {
            let width = lines.iter().map(|line| line[index].chars().count()).max().unwrap_or(0);
            // Names to the left, numbers to the right.
            let shown =
                if index < 5 { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
            text.push_str(&shown);
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

fn cells(row: &LedgerRow) -> [String; 11] {
    [
        row.day.clone(),
        row.kind.clone(),
        row.issuer.clone(),
        row.name.clone(),
        row.plan.clone(),
        row.requests.to_string(),
        row.statements.to_string(),
        row.refusals.to_string(),
        row.rows_returned.to_string(),
        row.bytes.to_string(),
        row.remote_rows.to_string(),
    ]
}

/// A cell that a spreadsheet reads as a text and as one cell: names are words of others.
fn quoted(cell: &str) -> Cow<'_, str> {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !cell.contains([',', '"', '\n', '\r']) {
        return Cow::Borrowed(cell);
    }
    let mark = if formula { "'" } else { "" };
    Cow::Owned(format!("\"{mark}{}\"", cell.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_formula_or_another_cell() {
        for (cell, shown) in [
            ("ana", "ana"),
            ("a,b", "\"a,b\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(quoted(cell), shown);
        }
    }
}
