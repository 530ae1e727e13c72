//! What an organisation defines over its tables: metrics, terms, verified questions and views.

use super::file;
use super::place::{Place, SemanticsError};
use super::{Grain, meaning::reference};
use crate::model::TableRef;

/// Names and place of something that is defined. Its SQL is checked where SQL is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    /// Its name.
    pub name: String,
    /// The roles it is for; empty: whoever may see what it needs.
    pub roles: Vec<String>,
    /// What and where it is, for errors.
    key: String,
    place: Place,
}

/// A figure that is computed in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Name, roles and place.
    pub defined: Defined,
    /// What it says.
    pub description: Option<String>,
    /// Other names.
    pub synonyms: Vec<String>,
    /// The table it is computed over.
    pub table: TableRef,
    /// An aggregate over the table's columns.
    pub expression: String,
    /// Conditions on the rows that count.
    pub filters: Vec<String>,
    /// The column that says when.
    pub time: Option<String>,
    /// The shortest period for which it means something.
    pub grain: Option<Grain>,
    /// What it may be told by.
    pub dimensions: Vec<ColumnRef>,
    /// The unit of the figure.
    pub unit: Option<String>,
}

/// A word of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Name, roles and place.
    pub defined: Defined,
    /// What it means.
    pub description: String,
    /// Other words for it.
    pub synonyms: Vec<String>,
    /// The tables it is about.
    pub tables: Vec<TableRef>,
    /// The columns it is about.
    pub columns: Vec<ColumnRef>,
}

/// A question with the statement that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Name, roles and place.
    pub defined: Defined,
    /// The question, and other ways to ask it.
    pub questions: Vec<String>,
    /// The statement.
    pub sql: String,
}

/// A statement that is used as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CuratedView {
    /// Name, roles and place.
    pub defined: Defined,
    /// What a row is.
    pub description: Option<String>,
    /// Other names.
    pub synonyms: Vec<String>,
    /// The statement.
    pub sql: String,
}

/// A column by its full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnRef {
    /// The table.
    pub table: TableRef,
    /// The column as the source stores it.
    pub column: String,
}

impl Defined {
    pub(super) fn new(
        kind: &str,
        name: String,
        roles: Vec<String>,
        place: Place,
    ) -> Result<Self, SemanticsError> {
        let key = format!("{kind}.{name}");
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(place.error(format!("{key}: a name is a text on one line")));
        }
        Ok(Self { name, roles, key, place })
    }

    /// What is wrong with it.
    pub fn error(&self, message: impl std::fmt::Display) -> SemanticsError {
        self.place.error(format!("{}: {message}", self.key))
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The name must be one that SQL and the protocol know as one word.
    pub(super) fn identifier(self) -> Result<Self, SemanticsError> {
        const LONGEST: usize = 60;
        let fits = self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self.name.len() <= LONGEST
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            return Ok(self);
        }
        Err(self.error("a name here is of lower-case letters, digits and _, such as net_revenue"))
    }
}

impl Metric {
    pub(super) fn of(raw: file::Metric, defined: Defined) -> Result<Self, SemanticsError> {
        let Some(table) = reference(&raw.table) else {
            return Err(defined.error(format!("table: {:?} is not source.schema.table", raw.table)));
        };
        let dimensions = raw.dimensions.iter().map(|name| match name.contains('.') {
            false => Ok(ColumnRef { table: table.clone(), column: name.clone() }),
            true => column_reference(name).ok_or_else(|| {
                defined.error(format!(
                    "dimensions: {name:?} is neither a column of {table} nor source.schema.table.column"
                ))
            }),
        });
        let dimensions = dimensions.collect::<Result<_, _>>()?;
        Ok(Self {
            description: raw.description,
            synonyms: raw.synonyms,
            expression: raw.expression,
            filters: raw.filters,
            time: raw.time,
            grain: raw.grain,
            unit: raw.unit,
            dimensions,
            table,
            defined,
        })
    }
}

impl Term {
    pub(super) fn of(raw: file::Term, defined: Defined) -> Result<Self, SemanticsError> {
        let (mut tables, mut columns) = (Vec::new(), Vec::new());
        for name in &raw.about {
            match (reference(name), column_reference(name)) {
                (Some(table), _) => tables.push(table),
                (_, Some(column)) => columns.push(column),
                _ => {
                    return Err(defined.error(format!(
                        "about: {name:?} is neither source.schema.table nor source.schema.table.column"
                    )));
                }
            }
        }
        let (description, synonyms) = (raw.description, raw.synonyms);
        Ok(Self { defined, description, synonyms, tables, columns })
    }
}

impl Verified {
    pub(super) fn of(raw: file::Verified, defined: Defined) -> Self {
        let questions = std::iter::once(raw.question).chain(raw.asked).collect();
        Self { defined, questions, sql: raw.sql }
    }
}

impl CuratedView {
    pub(super) fn of(raw: file::View, defined: Defined) -> Self {
        let file::View { description, synonyms, sql, .. } = raw;
        Self { defined, description, synonyms, sql }
    }
}

impl Grain {
    /// The period as SQL names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Grain::Hour => "hour",
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
            Grain::Quarter => "quarter",
            Grain::Year => "year",
        }
    }
}

fn column_reference(name: &str) -> Option<ColumnRef> {
    let (table, column) = name.rsplit_once('.')?;
    let table = reference(table)?;
    (!column.is_empty()).then(|| ColumnRef { table, column: column.to_string() })
}
