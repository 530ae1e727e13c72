//! INSERT, UPDATE and DELETE.

use super::errors;
use super::registry::quoted;
use super::translate::{Translator, folded, parts, qualified};
use crate::double::engine::EngineError;
use sqlparser::ast::{
    AssignmentTarget, Delete, FromTable, Insert, ObjectName, SetExpr, TableFactor, TableObject,
    Update,
};

/// INSERT of one row, or of a query's.
pub(super) fn insert(
    translator: &mut Translator<'_>,
    insert: &Insert,
    reader: bool,
) -> Result<String, EngineError> {
    let TableObject::TableName(name) = &insert.table else {
        return Err(errors::unsupported("INSERT into a query"));
    };
    let (table, width) = target(translator, name, reader)?;
    let mut columns = Vec::new();
    for column in &insert.columns {
        columns.extend(parts(column)?.last().map(|name| quoted(name)));
    }
    let columns =
        if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    let source =
        insert.source.as_ref().ok_or_else(|| errors::ora(926, "missing VALUES keyword"))?;
    let source = match &*source.body {
        SetExpr::Values(values) => {
            // Before version 23 there is one row.
            if values.rows.len() > 1 && !translator.scope.release.is_23() {
                return Err(errors::ora(933, "SQL command not properly ended"));
            }
            let mut rows = Vec::with_capacity(values.rows.len());
            for row in &values.rows {
                // PostgreSQL would fill up with defaults.
                if columns.is_empty() && row.content.len() < width {
                    return Err(errors::ora(947, "not enough values"));
                }
                rows.push(format!("({})", translator.scalars(&row.content)?.join(", ")));
            }
            format!("VALUES {}", rows.join(", "))
        }
        _ => translator.query(source)?,
    };
    Ok(format!("INSERT INTO {table}{columns} {source}"))
}

/// UPDATE of one table.
pub(super) fn update(
    translator: &mut Translator<'_>,
    update: &Update,
    reader: bool,
) -> Result<String, EngineError> {
    let TableFactor::Table { name, alias, .. } = &update.table.relation else {
        return Err(errors::ora(903, "invalid table name"));
    };
    let (table, _) = target(translator, name, reader)?;
    let written = parts(name)?.last().cloned().unwrap_or_default();
    let alias = alias.as_ref().map_or(written, |alias| folded(&alias.name));
    let mut changes = Vec::new();
    for assignment in &update.assignments {
        let AssignmentTarget::ColumnName(column) = &assignment.target else {
            return Err(errors::unsupported("UPDATE of a list of columns"));
        };
        let column = parts(column)?.last().map(|name| quoted(name)).unwrap_or_default();
        changes.push(format!("{column} = {}", translator.scalar(&assignment.value)?));
    }
    let filter = match &update.selection {
        Some(condition) => format!(" WHERE {}", translator.condition(condition)?),
        None => String::new(),
    };
    Ok(format!("UPDATE {table} AS {} SET {}{filter}", quoted(&alias), changes.join(", ")))
}

/// DELETE from one table.
pub(super) fn delete(
    translator: &mut Translator<'_>,
    delete: &Delete,
    reader: bool,
) -> Result<String, EngineError> {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
    let [table] = tables.as_slice() else { return Err(errors::ora(903, "invalid table name")) };
    let TableFactor::Table { name, alias, .. } = &table.relation else {
        return Err(errors::ora(903, "invalid table name"));
    };
    let (text, _) = target(translator, name, reader)?;
    let written = parts(name)?.last().cloned().unwrap_or_default();
    let alias = alias.as_ref().map_or(written, |alias| folded(&alias.name));
    let filter = match &delete.selection {
        Some(condition) => format!(" WHERE {}", translator.condition(condition)?),
        None => String::new(),
    };
    Ok(format!("DELETE FROM {text} AS {}{filter}", quoted(&alias)))
}

/// The table to be changed, if the user may, and how many columns it has.
fn target(
    translator: &Translator<'_>,
    name: &ObjectName,
    reader: bool,
) -> Result<(String, usize), EngineError> {
    let (found, object) = translator.resolve(name)?;
    if reader || found.0 == "SYS" {
        return Err(errors::insufficient_privileges());
    }
    if object.kind != "TABLE" {
        return Err(errors::ora(1732, "data manipulation operation not legal on this view"));
    }
    Ok((qualified(&found), translator.scope.catalog.width(object)))
}
