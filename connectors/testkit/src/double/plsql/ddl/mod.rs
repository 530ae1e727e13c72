//! Declarations: what they make in PostgreSQL, and what they leave in the registry.

mod parts;
mod table;

use super::errors;
use super::registry::{Name, literal, quoted};
use super::session::Session;
use super::translate::tokens::keyword;
use super::translate::{Translator, folded, parse, qualified};
use super::types::OracleType;
use crate::double::engine::EngineError;
use crate::double::postgres::Answer;
use parts::{Reader, named};
use sqlparser::ast::{CreateIndex, CreateView, Statement};
use sqlparser::tokenizer::TokenWithSpan;

/// A declaration, ready to be run.
pub(super) enum Change {
    /// Texts of PostgreSQL's SQL, in this order.
    Steps(Vec<String>),
    /// A view, or a table with the rows of a query.
    Query { name: Name, kind: &'static str, columns: Vec<String>, sql: String, replace: bool },
}

/// What a declaration does.
///
/// # Errors
/// It cannot be read, or names what is not there.
pub(super) fn plan(
    session: &Session,
    tokens: &[TokenWithSpan],
    sql: &str,
) -> Result<Change, EngineError> {
    let word = |at: usize| keyword(tokens.get(at)).unwrap_or_default();
    let (first, second) = (word(0), word(1));
    match (first.as_str(), second.as_str()) {
        ("COMMENT", _) => comment(session, tokens),
        ("CREATE", "USER") => {
            let name = Reader::at(tokens, 2).name().ok_or_else(invalid)?;
            Ok(Change::Steps(vec![format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(&name))]))
        }
        ("GRANT" | "REVOKE" | "ANALYZE" | "PURGE", _)
        | ("CREATE" | "DROP" | "ALTER", "ROLE" | "PROFILE")
        | ("ALTER", "USER" | "SYSTEM" | "DATABASE") => Ok(Change::Steps(Vec::new())),
        ("CREATE", _)
            if tokens.iter().take(5).any(|t| keyword(Some(t)).as_deref() == Some("SYNONYM")) =>
        {
            create_synonym(session, tokens)
        }
        ("DROP", "SYNONYM" | "PUBLIC" | "MATERIALIZED" | "TABLE" | "VIEW" | "INDEX") => {
            drop_object(session, tokens)
        }
        ("CREATE", _) => create(session, &parts::without_options(tokens), sql),
        ("TRUNCATE", "TABLE") => {
            let name = Reader::at(tokens, 2).qualified().ok_or_else(invalid)?;
            let table = existing(session, &name, &["TABLE"])?;
            Ok(Change::Steps(vec![format!("TRUNCATE {}", qualified(&table))]))
        }
        ("ALTER", "TABLE") => match movement(tokens) {
            Some(movement) => row_movement(session, tokens, movement),
            None => table::alter(session, tokens, sql),
        },
        _ => Err(errors::unsupported("this declaration")),
    }
}

/// Runs a declaration within a transaction.
///
/// # Errors
/// What the cluster said.
pub(super) async fn run(session: &mut Session, change: Change) -> Result<(), EngineError> {
    match change {
        Change::Steps(steps) => {
            for step in steps {
                session.internal(&step).await?;
            }
            Ok(())
        }
        Change::Query { name, kind, columns, sql, replace } => {
            from_query(session, &name, kind, &columns, &sql, replace).await
        }
    }
}

fn create(session: &Session, tokens: &[TokenWithSpan], sql: &str) -> Result<Change, EngineError> {
    match parse(tokens, &[], sql)? {
        Statement::CreateTable(create) => table::create(session, &create),
        Statement::CreateView(create) => create_view(session, &create),
        Statement::CreateIndex(create) => create_index(session, &create),
        _ => Err(errors::unsupported("this declaration")),
    }
}

/// What `ALTER TABLE name ENABLE ROW MOVEMENT` makes of a table.
fn movement(tokens: &[TokenWithSpan]) -> Option<&'static str> {
    let words = tokens.get(tokens.len().checked_sub(3)?..)?.iter();
    let words: Vec<String> = words.map(|t| keyword(Some(t)).unwrap_or_default()).collect();
    match [words[0].as_str(), &words[1], &words[2]] {
        ["ENABLE", "ROW", "MOVEMENT"] => Some("ENABLED"),
        ["DISABLE", "ROW", "MOVEMENT"] => Some("DISABLED"),
        _ => None,
    }
}

fn row_movement(
    session: &Session,
    tokens: &[TokenWithSpan],
    movement: &str,
) -> Result<Change, EngineError> {
    let name = Reader::at(tokens, 2).qualified().ok_or_else(invalid)?;
    let table = existing(session, &name, &["TABLE"])?;
    Ok(Change::Steps(vec![format!(
        "UPDATE registry.objects SET row_movement = {} WHERE {}",
        literal(movement),
        is_named(&table, "owner", "name")
    )]))
}

fn create_view(session: &Session, create: &CreateView) -> Result<Change, EngineError> {
    let name = named(session, &create.name)?;
    let catalog = session.catalog();
    let sql = Translator::new(session.scope(&catalog), &[]).query(&create.query)?;
    let columns = create.columns.iter().map(|column| folded(&column.name)).collect();
    let kind = if create.materialized { "MATERIALIZED VIEW" } else { "VIEW" };
    Ok(Change::Query { name, kind, columns, sql, replace: create.or_replace })
}

async fn from_query(
    session: &mut Session,
    name: &Name,
    kind: &str,
    columns: &[String],
    sql: &str,
    replace: bool,
) -> Result<(), EngineError> {
    let text = qualified(name);
    if replace {
        session.internal(&format!("DROP {kind} IF EXISTS {text} CASCADE")).await?;
        for step in forget(name) {
            session.internal(&step).await?;
        }
    }
    let described = session.client.start(&format!("SELECT * FROM ({sql}) AS q LIMIT 0")).await;
    let found = match described.map_err(|failure| errors::translated(failure, ""))? {
        Answer::Columns(found) => found,
        Answer::Tag(_) => Vec::new(),
    };
    let catalog = session.catalog();
    let types: Vec<(String, OracleType, bool)> = (found.iter().enumerate())
        .map(|(at, column)| {
            let name = columns.get(at).unwrap_or(&column.name).clone();
            (name, catalog.type_of(column), catalog.native(column).1)
        })
        .collect();
    let list: Vec<String> = types.iter().map(|(name, ..)| quoted(name)).collect();
    let list = list.join(", ");
    session.internal(&format!("CREATE {kind} {text} ({list}) AS {sql}")).await?;
    session.internal(&table::register_object(name, kind)).await?;
    for (at, (column, data_type, nullable)) in types.iter().enumerate() {
        let step = table::register_column(name, at + 1, column, data_type, *nullable, None);
        session.internal(&step).await?;
    }
    Ok(())
}

fn create_index(session: &Session, create: &CreateIndex) -> Result<Change, EngineError> {
    let catalog = session.catalog();
    let mut translator = Translator::new(session.scope(&catalog), &[]);
    let (table, _) = translator.resolve(&create.table_name)?;
    let name = match &create.name {
        Some(name) => named(session, name)?,
        None => return Err(invalid()),
    };
    let keys: Result<Vec<String>, EngineError> = create
        .columns
        .iter()
        .map(|column| Ok(format!("({})", translator.scalar(&column.column.expr)?)))
        .collect();
    let keys = keys?;
    let columns = keys.iter().map(|key| key.trim_matches(['(', ')', '"']).replace("\"\"", "\""));
    let columns: Vec<String> = columns.map(|column| literal(&column)).collect();
    let unique = if create.unique { "UNIQUE " } else { "" };
    Ok(Change::Steps(vec![
        format!(
            "CREATE {unique}INDEX {} ON {} ({})",
            quoted(&name.1),
            qualified(&table),
            keys.join(", ")
        ),
        format!(
            "INSERT INTO registry.indexes VALUES ({}, {}, {}, {}, '{}UNIQUE', ARRAY[{}])",
            literal(&name.0),
            literal(&name.1),
            literal(&table.0),
            literal(&table.1),
            if create.unique { "" } else { "NON" },
            columns.join(", ")
        ),
    ]))
}

fn comment(session: &Session, tokens: &[TokenWithSpan]) -> Result<Change, EngineError> {
    let mut reader = Reader::at(tokens, 2);
    let kind = reader.word().ok_or_else(invalid)?;
    if kind == "MATERIALIZED" {
        reader.word();
    }
    let mut name = reader.names();
    let column = if kind == "COLUMN" { name.pop() } else { None };
    let table = existing(session, &parts::split(name).ok_or_else(invalid)?, &[])?;
    if reader.word().as_deref() != Some("IS") {
        return Err(errors::ora(963, "missing IS keyword"));
    }
    let text = reader.text().ok_or_else(|| errors::ora(1780, "string literal required"))?;
    let text = if text.is_empty() { "NULL".to_string() } else { literal(&text) };
    let (owner, name) = (literal(&table.0), literal(&table.1));
    Ok(Change::Steps(vec![match column {
        None => format!(
            "UPDATE registry.objects SET comments = {text} WHERE owner = {owner} AND name = {name}"
        ),
        Some(column) => format!(
            "UPDATE registry.columns SET comments = {text} WHERE owner = {owner} \
             AND table_name = {name} AND column_name = {}",
            literal(&column)
        ),
    }]))
}

/// `CREATE [OR REPLACE] [PUBLIC] SYNONYM name FOR name[@link]`.
fn create_synonym(session: &Session, tokens: &[TokenWithSpan]) -> Result<Change, EngineError> {
    let is = |t: &TokenWithSpan, word: &str| keyword(Some(t)).as_deref() == Some(word);
    let at = tokens.iter().position(|t| is(t, "SYNONYM")).ok_or_else(invalid)?;
    let public = tokens[..at].iter().any(|t| is(t, "PUBLIC"));
    let mut reader = Reader::at(tokens, at + 1);
    let own = |name: (Option<String>, String)| {
        let schema = if public { "PUBLIC".to_string() } else { session.schema.clone() };
        (name.0.unwrap_or(schema), name.1)
    };
    let name = own(reader.qualified().ok_or_else(invalid)?);
    if reader.word().as_deref() != Some("FOR") {
        return Err(errors::ora(905, "missing keyword"));
    }
    let (schema, table) = reader.qualified().ok_or_else(invalid)?;
    let schema = schema.unwrap_or_else(|| session.schema.clone());
    let row = [&name.0, &name.1, &schema, &table].map(|text| literal(text)).join(", ");
    Ok(Change::Steps(vec![
        format!("DELETE FROM registry.synonyms WHERE {}", is_named(&name, "owner", "name")),
        format!("INSERT INTO registry.synonyms VALUES ({row})"),
    ]))
}

fn drop_object(session: &Session, tokens: &[TokenWithSpan]) -> Result<Change, EngineError> {
    let mut reader = Reader::at(tokens, 1);
    let mut kind = reader.word().ok_or_else(invalid)?;
    let public = kind == "PUBLIC";
    if public || kind == "MATERIALIZED" {
        kind = format!("{kind} {}", reader.word().unwrap_or_default());
    }
    let name = reader.qualified().ok_or_else(invalid)?;
    let schema = if public { "PUBLIC".to_string() } else { session.schema.clone() };
    let full = (name.0.clone().unwrap_or(schema), name.1.clone());
    Ok(Change::Steps(match kind.as_str() {
        "TABLE" | "VIEW" | "MATERIALIZED VIEW" => {
            let found = existing(session, &name, &[&kind])?;
            let mut steps = vec![format!("DROP {kind} {} CASCADE", qualified(&found))];
            steps.extend(forget(&found));
            steps
        }
        "INDEX" => vec![
            format!("DROP INDEX {}", qualified(&full)),
            format!("DELETE FROM registry.indexes WHERE {}", is_named(&full, "owner", "name")),
        ],
        "SYNONYM" | "PUBLIC SYNONYM" => {
            vec![format!(
                "DELETE FROM registry.synonyms WHERE {}",
                is_named(&full, "owner", "name")
            )]
        }
        _ => return Err(errors::ora(950, "invalid DROP option")),
    }))
}

/// What is known of a table or view goes.
fn forget(name: &Name) -> Vec<String> {
    let mut steps = vec![
        format!("DELETE FROM registry.objects WHERE {}", is_named(name, "owner", "name")),
        format!(
            "DELETE FROM registry.indexes WHERE {}",
            is_named(name, "table_owner", "table_name")
        ),
    ];
    for table in ["columns", "constraints", "constraint_columns"] {
        let of = is_named(name, "owner", "table_name");
        steps.push(format!("DELETE FROM registry.{table} WHERE {of}"));
    }
    steps
}

fn is_named((owner, name): &Name, owner_column: &str, name_column: &str) -> String {
    format!("{owner_column} = {} AND {name_column} = {}", literal(owner), literal(name))
}

/// A table or view that is there; of one of these kinds, where some are named.
fn existing(
    session: &Session,
    (schema, name): &(Option<String>, String),
    kinds: &[&str],
) -> Result<Name, EngineError> {
    let catalog = session.catalog();
    let (found, object) =
        catalog.resolve(&session.user, &session.schema, schema.as_deref(), name)?;
    if !kinds.is_empty() && !kinds.contains(&object.kind.as_str()) {
        return Err(errors::no_table());
    }
    Ok(found)
}

fn invalid() -> EngineError {
    errors::ora(903, "invalid table name")
}
