//! Aggregates of texts: `GROUP_CONCAT`, `LISTAGG` and SQL Server's `STRING_AGG` as PostgreSQL's `string_agg`.

use super::calls::{argument, name, refused, rename, text, text_of};
use super::notes::Notes;
use crate::error::Result;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments,
};

/// Aggregates that PostgreSQL has by another name.
const RENAMED: &[(&str, &str)] =
    &[("count_big", "count"), ("stdev", "stddev"), ("stdevp", "stddev_pop"), ("varp", "var_pop")];

/// Translates an aggregate in place.
pub(super) fn translate(function: &mut Function, notes: &mut Notes) -> Result<()> {
    let Some(name) = name(function) else { return Ok(()) };
    if let Some((_, known)) = RENAMED.iter().find(|(other, _)| *other == name) {
        notes.add(format!("{} as {known}", name.to_uppercase()));
        rename(function, known);
        return Ok(());
    }
    if let "sum" | "avg" = name.as_str() {
        counted_condition(function, notes);
        return Ok(());
    }
    let separator = match name.as_str() {
        "group_concat" => ",",
        "listagg" => "",
        "string_agg" if !function.within_group.is_empty() => "",
        _ => return Ok(()),
    };
    let order = std::mem::take(&mut function.within_group);
    let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
    for argument in &mut list.args {
        if !matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_))) {
            return Err(joined());
        }
    }
    match list.args.as_slice() {
        [_] => list.args.push(argument(text(separator))),
        [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(separator))]
            if text_of(separator).is_some() => {}
        _ => return Err(joined()),
    }
    if !order.is_empty() {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(value))) = list.args.first_mut() {
        let written = value.clone();
        *value = as_text(written.clone());
        for clause in &mut list.clauses {
            let FunctionArgumentClause::OrderBy(keys) = clause else { return Err(joined()) };
            // With DISTINCT the order must be by what is joined.
            if list.duplicate_treatment.is_some() {
                for key in keys.iter_mut().filter(|key| key.expr == written) {
                    key.expr = as_text(written.clone());
                }
            }
        }
    }
    notes.add(format!("{} as string_agg(x, separator ORDER BY ...)", name.to_uppercase()));
    rename(function, "string_agg");
    Ok(())
}

/// `SUM(x = 'a')` of SQLite and MySQL, where what is true counts 1. PostgreSQL adds no truth values.
fn counted_condition(function: &mut Function, notes: &mut Notes) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] = list.args.as_mut_slice() else {
        return;
    };
    if is_condition(value) {
        notes.add("SUM(condition) as SUM(CAST(condition AS int))");
        *value = cast(value.clone(), DataType::Int(None));
    }
}

/// Whether this adds truth values, which only SQLite and MySQL do.
pub(super) fn counts_condition(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    matches!(name(function).as_deref(), Some("sum" | "avg"))
        && matches!(list.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] if is_condition(value))
}

fn is_condition(expr: &Expr) -> bool {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
    match expr {
        Expr::Nested(inner) => is_condition(inner),
        Expr::BinaryOp { op, .. } => matches!(op, And | Eq | Gt | GtEq | Lt | LtEq | NotEq | Or),
        Expr::Like { .. } | Expr::ILike { .. } | Expr::InList { .. } | Expr::Between { .. } => true,
        Expr::IsNull(_) | Expr::IsNotNull(_) => true,
        _ => false,
    }
}

fn as_text(expr: Expr) -> Expr {
    cast(expr, DataType::Text)
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    let kind = CastKind::Cast;
    Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }
}

fn joined() -> crate::error::Error {
    refused(
        "this form of a text aggregate is not accepted",
        "write string_agg(CAST(x AS text), ', ' ORDER BY x), and join several texts with ||",
    )
}
