//! CREATE TABLE and constraints.

use super::{Context, collation, expression, name, query};
use crate::double::engine::EngineError;
use crate::double::tsql::errors::unsupported;
use crate::double::tsql::native::{DEFAULT_COLLATION, Native};
use crate::double::tsql::registry::Facts;
use sqlparser::ast::{
    ColumnDef, ColumnOption, CreateTable, Expr, ForeignKeyConstraint, Ident, IndexColumn,
    ObjectName, TableConstraint,
};

/// A table to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewTable {
    /// The statement.
    pub(crate) sql: String,
    /// Schema and name.
    pub(crate) schema: String,
    /// The name in the schema.
    pub(crate) table: String,
    /// Its columns.
    pub(crate) columns: Vec<Facts>,
    /// The column that numbers itself.
    pub(crate) identity: Option<String>,
}

/// Translates CREATE TABLE.
pub(crate) fn create(table: &CreateTable, context: Context<'_>) -> Result<NewTable, EngineError> {
    let mut relation = table.name.clone();
    query::qualify(&mut relation, &[]);
    let (schema, name_of) = schema_and_name(&relation);
    let (mut columns, mut parts, mut identity) = (Vec::new(), Vec::new(), None);
    for column in &table.columns {
        let (facts, text) = new_column(column, context, &mut identity)?;
        columns.push(facts);
        parts.push(text);
    }
    for constraint in &table.constraints {
        parts.push(constraint_text(constraint, context)?);
        if let TableConstraint::PrimaryKey(key) = constraint {
            let keys: Vec<String> = key.columns.iter().map(index_column_name).collect();
            for facts in columns.iter_mut().filter(|facts| keys.contains(&facts.name)) {
                facts.nullable = false;
            }
        }
    }
    let sql = format!("CREATE TABLE {} ({})", expression::quoted_name(&relation), parts.join(", "));
    Ok(NewTable { sql, schema, table: name_of, columns, identity })
}

/// The text of a constraint.
pub(crate) fn constraint_text(
    constraint: &TableConstraint,
    context: Context<'_>,
) -> Result<String, EngineError> {
    let named = |constraint: &Option<Ident>| {
        let text = constraint.as_ref().map(|ident| format!("CONSTRAINT {} ", name(&ident.value)));
        text.unwrap_or_default()
    };
    let list = |columns: &[IndexColumn]| {
        columns.iter().map(|c| name(&index_column_name(c))).collect::<Vec<_>>().join(", ")
    };
    Ok(match constraint {
        TableConstraint::PrimaryKey(key) => {
            format!("{}PRIMARY KEY ({})", named(&key.name), list(&key.columns))
        }
        TableConstraint::Unique(key) => {
            format!("{}UNIQUE ({})", named(&key.name), list(&key.columns))
        }
        TableConstraint::ForeignKey(key) => {
            let own: Vec<String> = key.columns.iter().map(|ident| name(&ident.value)).collect();
            format!("{}FOREIGN KEY ({}) {}", named(&key.name), own.join(", "), references(key))
        }
        TableConstraint::Check(check) => {
            let mut condition = check.expr.as_ref().clone();
            query::single(&mut condition, context)?;
            format!("{}CHECK ({condition})", named(&check.name))
        }
        other => return Err(unsupported(&other.to_string())),
    })
}

/// The schema and the name of a qualified name.
pub(crate) fn schema_and_name(relation: &ObjectName) -> (String, String) {
    let value = |at: usize| {
        let part = relation.0.get(at).and_then(|part| part.as_ident());
        part.map(|ident| ident.value.clone()).unwrap_or_default()
    };
    (value(0), value(1))
}

fn new_column(
    column: &ColumnDef,
    context: Context<'_>,
    identity: &mut Option<String>,
) -> Result<(Facts, String), EngineError> {
    let spelled = column.data_type.to_string();
    let native = Native::parse(&spelled, false)
        .ok_or_else(|| EngineError::new(2715, format!("Cannot find data type {spelled}.")))?;
    let mut facts =
        Facts { name: column.name.value.clone(), native, collation: None, nullable: true };
    let mut text = format!("{} {}", name(&facts.name), facts.native.carrier());
    if facts.native.is_collated() {
        let declared = column.options.iter().find_map(|option| match &option.option {
            ColumnOption::Collation(collation) => {
                collation.0.last().and_then(|part| part.as_ident())
            }
            _ => None,
        });
        let spelled = declared.map_or(DEFAULT_COLLATION, |ident| &ident.value);
        let known = collation::known_collation(spelled)
            .ok_or_else(|| EngineError::new(448, format!("Invalid collation '{spelled}'.")))?;
        text.push_str(&format!(" COLLATE tsql.{}", name(known)));
        facts.collation = Some(known.to_string());
    }
    if facts.native.name == "timestamp" {
        text.push_str(" DEFAULT int8send(nextval('tsql.versions'))");
        facts.nullable = false;
    }
    for option in &column.options {
        match &option.option {
            ColumnOption::Null | ColumnOption::Collation(_) => {}
            ColumnOption::NotNull => {
                facts.nullable = false;
                text.push_str(" NOT NULL");
            }
            ColumnOption::PrimaryKey(_) => {
                facts.nullable = false;
                text.push_str(" PRIMARY KEY");
            }
            ColumnOption::Unique(_) => text.push_str(" UNIQUE"),
            ColumnOption::Default(value) => {
                let mut value: Expr = value.clone();
                expression::untyped(&mut value);
                query::single(&mut value, context)?;
                text.push_str(&format!(" DEFAULT {value}"));
            }
            ColumnOption::ForeignKey(key) => text.push_str(&format!(" {}", references(key))),
            ColumnOption::Identity(_) => {
                *identity = Some(facts.name.clone());
                text.push_str(" GENERATED BY DEFAULT AS IDENTITY");
            }
            ColumnOption::Check(check) => {
                let mut condition = check.expr.as_ref().clone();
                query::single(&mut condition, context)?;
                text.push_str(&format!(" CHECK ({condition})"));
            }
            other => return Err(unsupported(&other.to_string())),
        }
    }
    Ok((facts, text))
}

fn references(key: &ForeignKeyConstraint) -> String {
    let mut target = key.foreign_table.clone();
    query::qualify(&mut target, &[]);
    let columns: Vec<String> =
        key.referred_columns.iter().map(|ident| name(&ident.value)).collect();
    let columns =
        if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    format!("REFERENCES {}{columns}", expression::quoted_name(&target))
}

fn index_column_name(column: &IndexColumn) -> String {
    match &column.column.expr {
        Expr::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    }
}
