//! `celosia verify-pushdown`: whether the live sources answer as the engine does over their rows.
//!
//! Statements are made from what the local user may see and asked twice: once with everything that goes
//! down to the sources, once without. A table that changes in between is asked again before a difference
//! is told. Only statements and row numbers are printed, never a value.

use super::{Assembly, Failure, doors};
use crate::config::Config;
use crate::model::{OperandClass, Principal, TableEntry};
use crate::query::{Engine, Parameters, QueryRequest};
use crate::results::render;
use serde_json::Value as Json;
use std::io::Write;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Columns of a table that are looked at.
const COLUMNS: usize = 12;

/// What came of one source.
#[derive(Debug, Default)]
struct Tally {
    same: usize,
    refused: usize,
    differing: Vec<String>,
    large: Vec<String>,
}

/// Compares both ways over every source, or over one.
pub(super) async fn verify_pushdown(
    config: &Path,
    only: Option<&str>,
    most_rows: u64,
) -> Result<(), Failure> {
    let mut config = Config::load(config)?;
    config.pushdown = true;
    let assembly = Assembly::of(&config).await?;
    let principal = doors::local(&config, &assembly.rules, None)?;
    let snapshot = assembly.catalog.snapshot();
    let (pushed, local) = assembly.both_ways(&config).await?;
    let known = |only: &str| snapshot.sources().iter().any(|source| only == &*source.name);
    if let Some(only) = only.filter(|only| !known(only)) {
        return Err(format!("there is no source \"{only}\"").into());
    }
    let mut differing = 0;
    let mut unseen = Vec::new();
    let mut out = std::io::stdout();
    for source in snapshot.sources() {
        if only.is_some_and(|only| only != &*source.name) {
            continue;
        }
        let mut tally = Tally::default();
        for table in snapshot.tables().iter().filter(|t| t.reference.source == source.name) {
            let pair = Pair { pushed: &pushed, local: &local, principal: &principal };
            Box::pin(pair.table(table, most_rows, &mut tally)).await;
        }
        writeln!(
            out,
            "source {}: {} statements give the same, {} differ, {} were refused both ways",
            source.name,
            tally.same,
            tally.differing.len(),
            tally.refused
        )?;
        for name in &tally.large {
            writeln!(out, "  left out: {name} has more than {most_rows} rows (--most-rows)")?;
        }
        for sql in &tally.differing {
            writeln!(out, "  differs: {sql}")?;
        }
        differing += tally.differing.len();
        if tally.same == 0 && tally.large.is_empty() {
            unseen.push(source.name.to_string());
        }
    }
    if !unseen.is_empty() {
        return Err(format!("nothing could be compared at: {}", unseen.join(", ")).into());
    }
    match differing {
        0 => Ok(()),
        count => Err(format!(
            "{count} statements differ; set `pushdown: false` until this is understood"
        )
        .into()),
    }
}

struct Pair<'a> {
    pushed: &'a Engine,
    local: &'a Engine,
    principal: &'a Principal,
}

impl Pair<'_> {
    async fn table(&self, table: &TableEntry, most_rows: u64, tally: &mut Tally) {
        let name = qualified(table);
        let count = format!("SELECT count(*) AS n FROM {name}");
        let large = table.description.row_estimate.is_some_and(|rows| rows > most_rows);
        if large {
            tally.large.push(table.reference.to_string());
            return;
        }
        self.compare(&count, &[], tally).await;
        for column in table.description.columns.iter().take(COLUMNS) {
            let column_name = quoted(&column.name);
            for sql in of_column(&name, &column_name, column.class) {
                self.compare(&sql, &[], tally).await;
            }
            let sample = format!(
                "SELECT {column_name} AS v FROM {name} WHERE {column_name} IS NOT NULL LIMIT 1"
            );
            let Some(value) = self.value(&sample).await else { continue };
            for operator in ["=", "<>", ">="] {
                let sql =
                    format!("SELECT count(*) AS n FROM {name} WHERE {column_name} {operator} $1");
                self.compare(&sql, std::slice::from_ref(&value), tally).await;
            }
        }
        for sql in joins(table) {
            self.compare(&sql, &[], tally).await;
        }
    }

    async fn compare(&self, sql: &str, values: &[Json], tally: &mut Tally) {
        const TRIES: usize = 2;
        for _ in 0..TRIES {
            let pushed = self.rows(self.pushed, sql, values).await;
            let local = self.rows(self.local, sql, values).await;
            match (pushed, local) {
                (Ok(pushed), Ok(local)) if pushed == local => {
                    tally.same += 1;
                    return;
                }
                (Err(pushed), Err(local)) if pushed == local => {
                    tally.refused += 1;
                    return;
                }
                _ => {}
            }
        }
        tally.differing.push(sql.to_string());
    }

    /// The rows in an order of their own, or the error's code.
    async fn rows(
        &self,
        engine: &Engine,
        sql: &str,
        values: &[Json],
    ) -> Result<Vec<String>, &'static str> {
        let request = QueryRequest {
            sql: sql.to_string(),
            parameters: Parameters::Positional(values.to_vec()),
            // Whoever administers the source asks.
            accepts_cost: true,
            client: "verify-pushdown".into(),
            ..QueryRequest::default()
        };
        let asked = Box::pin(engine.query(self.principal, request, CancellationToken::new())).await;
        let answer = asked.map_err(|error| error.code.as_str())?;
        let shown = render(&answer.page).map_err(|_| "internal")?;
        let rows = shown.structured.get("rows").and_then(Json::as_array);
        let mut rows: Vec<String> = rows.into_iter().flatten().map(Json::to_string).collect();
        rows.sort();
        Ok(rows)
    }

    async fn value(&self, sql: &str) -> Option<Json> {
        let rows = self.rows(self.local, sql, &[]).await.ok()?;
        let row: Vec<Json> = serde_json::from_str(rows.first()?).ok()?;
        row.into_iter().next()
    }
}

fn qualified(table: &TableEntry) -> String {
    let parts = [&*table.reference.source, &table.description.schema, &table.description.name];
    parts.map(quoted).join(".")
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What one column is asked for.
fn of_column(table: &str, column: &str, class: OperandClass) -> Vec<String> {
    let mut statements = vec![
        format!("SELECT count({column}) AS n, count(DISTINCT {column}) AS d FROM {table}"),
        format!(
            "SELECT {column} AS v, count(*) AS n FROM {table} GROUP BY {column} ORDER BY n DESC, v LIMIT 20"
        ),
        format!("SELECT {column} AS v FROM {table} ORDER BY v LIMIT 20"),
        format!("SELECT {column} AS v FROM {table} ORDER BY v DESC NULLS LAST LIMIT 20"),
        format!("SELECT min({column}) AS a, max({column}) AS z FROM {table}"),
    ];
    match class {
        OperandClass::Integer | OperandClass::Decimal => {
            statements.push(format!("SELECT sum({column}) AS s, avg({column}) AS a FROM {table}"));
        }
        OperandClass::Text => {
            statements.push(format!("SELECT count(*) AS n FROM {table} WHERE {column} LIKE '%a%'"));
        }
        _ => {}
    }
    statements
}

/// Counts along the foreign keys of one column.
fn joins(table: &TableEntry) -> Vec<String> {
    let source = &table.reference.source;
    let single = table.description.foreign_keys.iter().filter(|key| key.columns.len() == 1);
    single
        .filter_map(|key| {
            let (from, to) =
                (quoted(key.columns.first()?), quoted(key.referenced_columns.first()?));
            let source = quoted(source);
            Some(format!(
                "SELECT count(*) AS n FROM {} a JOIN {source}.{}.{} b ON a.{from} = b.{to}",
                qualified(table),
                quoted(&key.referenced_schema),
                quoted(&key.referenced_table)
            ))
        })
        .collect()
}
