//! T-SQL to PostgreSQL: tokens, statements, queries, expressions, functions.

pub(crate) mod arithmetic;
pub(crate) mod collation;
pub(crate) mod command;
pub(crate) mod expression;
pub(crate) mod function;
pub(crate) mod infer;
pub(crate) mod join;
pub(crate) mod query;
pub(crate) mod table;
pub(crate) mod tokens;
pub(crate) mod value;

use super::native::Native;
use super::registry::Registry;
use crate::double::engine::{Bind, EngineError};
use sqlparser::ast::{Expr, Ident};

/// What a statement is translated with.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The declared types.
    pub(crate) registry: &'a Registry,
    /// The parameters and the batch's variables.
    pub(crate) binds: &'a [Bind],
    /// How deep transactions are nested.
    pub(crate) transactions: u32,
}

/// A statement for PostgreSQL.
#[derive(Debug, Clone, Default)]
pub(crate) struct Translated {
    /// Its text.
    pub(crate) sql: String,
    /// Types of the result's columns that the text alone tells; empty where nothing is known.
    pub(crate) types: Vec<Option<infer::Typed>>,
    /// Names of the result's columns that the text alone tells, likewise.
    pub(crate) names: Vec<Option<String>>,
    /// Whether an outer join may fill columns with NULL that have none where they are stored.
    pub(crate) fills: bool,
}

/// An expression that is already PostgreSQL's.
pub(crate) fn raw(text: impl Into<String>) -> Expr {
    Expr::Identifier(Ident::new(text))
}

/// A text constant.
pub(crate) fn constant(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name in double quotes.
pub(crate) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A bound value as a constant of its type.
pub(crate) fn bound(bind: &Bind) -> Result<String, EngineError> {
    let native = Native::parse(&bind.native, false)
        .ok_or_else(|| EngineError::new(2715, format!("Cannot find data type {}.", bind.native)))?;
    let Some(value) = &bind.value else { return Ok(format!("CAST(NULL AS {})", native.carrier())) };
    if value.contains('\0') {
        return Err(super::errors::unsupported("text with U+0000"));
    }
    // The type says enough of text that fits; without a length nothing has to be cut.
    let fits =
        i32::try_from(value.encode_utf16().count()).is_ok_and(|units| units <= native.length);
    let value = constant(value);
    Ok(match native.name {
        "nvarchar" if fits => format!("{value}::tsql.nv"),
        "varchar" if fits => format!("{value}::tsql.vc"),
        "binary" | "varbinary" | "image" | "timestamp" => format!("{value}::bytea"),
        "datetime" => format!("tsql.to_datetime({value}::timestamp)"),
        _ => format!("{value}::{}", native.carrier()),
    })
}
