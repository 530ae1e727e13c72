//! What SQL means here: sqllogictest files on the engine, over the world's SQLite source.

use crate::support::ask::ask;
use crate::support::lab::benches;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::query::Engine;
use serde_json::Value as Json;
use sqllogictest::{DBOutput, DefaultColumnType, Runner, strict_column_validator};
use std::path::{Path, PathBuf};

/// The engine as sqllogictest knows a database.
struct Database(&'static Engine);

/// An error as the client reads it.
#[derive(Debug)]
struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl sqllogictest::DB for Database {
    type Error = Failed;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failed> {
        let said = block_on(ask(self.0, &policy::analyst(), sql));
        if let Some(code) = said.error() {
            return Err(Failed(format!("{code}: {}", said.text)));
        }
        let columns = said.head["columns"].as_array().cloned().unwrap_or_default();
        let types = columns.iter().map(|column| kind(column["type"].as_str().unwrap_or_default()));
        let cells = |row: &Json| row.as_array().into_iter().flatten().map(cell).collect();
        Ok(DBOutput::Rows { types: types.collect(), rows: said.rows.iter().map(cells).collect() })
    }
}

/// The letter of a type, by its SQL name.
fn kind(name: &str) -> DefaultColumnType {
    match name.split('(').next().unwrap_or_default() {
        "smallint" | "integer" | "bigint" => DefaultColumnType::Integer,
        "real" | "double precision" | "numeric" => DefaultColumnType::FloatingPoint,
        "text" => DefaultColumnType::Text,
        _ => DefaultColumnType::Any,
    }
}

fn cell(value: &Json) -> String {
    match value {
        Json::Null => "NULL".into(),
        Json::String(text) if text.is_empty() => "(empty)".into(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let entries = std::fs::read_dir(directory).expect("the files");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|p| p.extension().is_some_and(|e| e == "slt")).collect();
    files.sort();
    files
}

#[test]
fn sql_means_what_postgresql_means() {
    let engine = benches()[0].engine(World::A, true);
    let mut failures = Vec::new();
    let mut records = 0;
    for file in files() {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let parsed = sqllogictest::parse_file::<DefaultColumnType>(&file);
        for record in parsed.unwrap_or_else(|error| panic!("{name}: {error}")) {
            let is_query = matches!(record, sqllogictest::Record::Query { .. });
            records += usize::from(is_query);
            let mut runner = Runner::new(|| async { Ok(Database(engine)) });
            runner.with_column_validator(strict_column_validator);
            let outcome = futures::executor::block_on(runner.run_async(record));
            if let (Err(error), true) = (outcome, is_query) {
                failures.push(format!("{name}: {error}"));
            }
        }
    }
    println!("{records} records");
    assert!(failures.is_empty(), "{} of {records}:\n\n{}", failures.len(), failures.join("\n\n"));
    assert!(records >= 60, "only {records} records");
}

#[test]
fn columns_have_the_type_that_all_their_places_have() {
    let engine = benches()[0].engine(World::A, true);
    let mut failures = Vec::new();
    let lines = include_str!("labels.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expression, label) = line.split_once(" | ").expect("expression | type");
        let sql = format!("SELECT {expression} AS v FROM people ORDER BY id LIMIT 1");
        let said = block_on(ask(engine, &policy::analyst(), &sql));
        if said.head["columns"][0]["type"] != label {
            failures.push(format!("{line}: {}; {}", said.head["columns"], said.text));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}
