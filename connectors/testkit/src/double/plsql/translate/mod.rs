//! Oracle's SQL as PostgreSQL's: the parsed statement is written anew, piece by piece. What is not
//! known here is refused, never passed on.

mod expression;
mod function;
mod query;
mod rowid;
pub(super) mod tokens;

use super::Release;
use super::errors;
use super::registry::{Catalog, Name, Object, literal, quoted};
use crate::double::engine::{Bind, EngineError};
use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, Statement};
use sqlparser::dialect::OracleDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::TokenWithSpan;

pub(super) type Translation<T> = Result<T, EngineError>;

/// Who asks, and what there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) user: &'a str,
    /// The schema of names without one.
    pub(super) schema: &'a str,
    pub(super) release: Release,
}

/// A query in PostgreSQL's SQL.
pub(super) struct Translated {
    pub(super) sql: String,
    /// The names of the result's columns, where they are all known.
    pub(super) names: Option<Vec<String>>,
    /// The types of result columns that are literals.
    pub(super) literals: Vec<Option<String>>,
}

/// Writes the pieces of one statement.
pub(super) struct Translator<'a> {
    pub(super) scope: Scope<'a>,
    /// The bound values as typed literals.
    binds: Vec<String>,
    /// Names of WITH that are in scope.
    with: Vec<String>,
    /// LEVEL means the number of a row of the surrounding CONNECT BY.
    levels: bool,
    derived: usize,
}

impl<'a> Translator<'a> {
    pub(super) fn new(scope: Scope<'a>, binds: &[Bind]) -> Self {
        let binds = binds.iter().map(bound).collect();
        Self { scope, binds, with: Vec::new(), levels: false, derived: 0 }
    }

    /// A whole SELECT.
    pub(super) fn select(&mut self, query: &Query) -> Translation<Translated> {
        let (names, literals) = query::outermost(query);
        Ok(Translated { sql: self.query(query)?, names, literals })
    }

    /// The table or view of a name.
    pub(super) fn resolve(&self, name: &ObjectName) -> Translation<(Name, &'a Object)> {
        let parts = parts(name)?;
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table),
            [schema, table] => (Some(schema.as_str()), table),
            _ => return Err(errors::no_table()),
        };
        self.scope.catalog.resolve(self.scope.user, self.scope.schema, schema, table)
    }
}

/// Parses one statement.
pub(super) fn parse(tokens: &[TokenWithSpan], binds: &[Bind], sql: &str) -> Translation<Statement> {
    let tokens = tokens::prepared(tokens, binds)?;
    let dialect = OracleDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let told = |error: sqlparser::parser::ParserError| errors::syntax(&error.to_string(), sql);
    let statement = parser.parse_statement().map_err(told)?;
    let next = parser.peek_token();
    if next.token != sqlparser::tokenizer::Token::EOF {
        let message = format!("Expected: end of statement, found: {} at {}", next, next.span.start);
        return Err(errors::syntax(&message.replace(" at  at ", " at "), sql));
    }
    Ok(statement)
}

/// A name as Oracle keeps it.
pub(super) fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_uppercase() }
}

/// The parts of a qualified name.
pub(super) fn parts(name: &ObjectName) -> Translation<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(name) => Ok(folded(name)),
            ObjectNamePart::Function(_) => Err(errors::no_table()),
        })
        .collect()
}

/// Schema and name as PostgreSQL quotes them.
pub(super) fn qualified((schema, name): &Name) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

/// A bound value as a literal of its type.
fn bound(bind: &Bind) -> String {
    let native = bind.native.to_ascii_uppercase();
    let starts = |names: &[&str]| names.iter().any(|name| native.starts_with(name));
    let target = if starts(&["NUMBER", "INTEGER", "FLOAT", "BINARY_INTEGER"]) {
        "numeric"
    } else if starts(&["BINARY_DOUBLE"]) {
        "float8"
    } else if starts(&["BINARY_FLOAT"]) {
        "float4"
    } else if starts(&["DATE"]) {
        "ora.odate"
    } else if native.contains("TIME ZONE") {
        "timestamptz"
    } else if starts(&["TIMESTAMP"]) {
        "timestamp"
    } else if starts(&["RAW", "LONG RAW"]) {
        "bytea"
    } else if starts(&["BLOB"]) {
        "ora.oblob"
    } else if starts(&["CLOB", "NCLOB"]) {
        "ora.oclob"
    } else if starts(&["CHAR", "NCHAR"]) {
        "ora.ochar"
    } else if starts(&["BOOLEAN"]) {
        "boolean"
    } else if starts(&["INTERVAL"]) {
        "interval"
    } else {
        "text"
    };
    match bind.value.as_deref() {
        None | Some("") => format!("CAST(NULL AS {target})"),
        Some("\\x") if target == "bytea" => "CAST(NULL AS bytea)".to_string(),
        Some(value) => format!("CAST({} AS {target})", literal(value)),
    }
}
