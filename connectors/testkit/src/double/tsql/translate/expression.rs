//! Expressions. `before` sees them with their operands still in T-SQL, `after` with them translated.

use super::infer::Scopes;
use super::{Context, collation, constant, function, name, raw, value};
use crate::double::engine::EngineError;
use crate::double::tsql::errors::{syntax, unsupported};
use crate::double::tsql::native::{DEFAULT_COLLATION, Native};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, UnaryOperator, Value,
    ValueWithSpan,
};

/// Rewrites what depends on how operands are spelled, and refuses what T-SQL does not have.
pub(crate) fn before(
    expr: &mut Expr,
    context: Context<'_>,
    scopes: &Scopes,
) -> Result<(), EngineError> {
    match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            if orders(op) && collation::compares_units(left, right, context, scopes) {
                for side in [left, right] {
                    **side = call("ordinal", vec![side.as_ref().clone()]);
                }
            } else if is_text(left, context) && is_text(right, context) {
                **left = in_default_collation(left);
            } else {
                untyped(left);
                untyped(right);
            }
        }
        Expr::Between { low, high, .. } => {
            untyped(low);
            untyped(high);
        }
        Expr::InList { expr: sought, list, .. } => {
            list.iter_mut().for_each(untyped);
            if is_text(sought, context) {
                **sought = in_default_collation(sought);
            }
        }
        Expr::Function(called) => function::before(called, context, scopes),
        Expr::Cast { kind: CastKind::DoubleColon, .. } => return Err(syntax("::")),
        Expr::Cast { expr: inner, data_type, .. } => {
            text_of_moment(inner, data_type, context, scopes);
        }
        Expr::Convert { expr: inner, data_type: Some(data_type), styles, .. }
            if styles.is_empty() =>
        {
            text_of_moment(inner, data_type, context, scopes);
        }
        Expr::IsTrue(_) | Expr::IsNotTrue(_) | Expr::IsFalse(_) | Expr::IsNotFalse(_) => {
            return Err(syntax("IS"));
        }
        Expr::IsUnknown(_) | Expr::IsNotUnknown(_) => return Err(syntax("UNKNOWN")),
        Expr::ILike { .. } => return Err(syntax("ILIKE")),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => return Err(syntax("SIMILAR")),
        Expr::TypedString(_) | Expr::Interval(_) | Expr::Extract { .. } | Expr::Position { .. } => {
            return Err(syntax("a literal"));
        }
        Expr::Tuple(_)
        | Expr::Array(_)
        | Expr::CompoundFieldAccess { .. }
        | Expr::Overlay { .. } => {
            return Err(syntax(","));
        }
        Expr::Substring { special: false, .. } => return Err(syntax("FROM")),
        Expr::Collate { collation, .. } => *collation = collation::collation_name(collation)?,
        _ => {}
    }
    Ok(())
}

/// Translates a node whose operands are translated.
pub(crate) fn after(expr: &mut Expr, context: Context<'_>) -> Result<(), EngineError> {
    let made = match expr {
        Expr::Value(value) => raw(value::literal(&value.value)?),
        Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.starts_with('@') => {
            raw(value::variable(&ident.value, context)?)
        }
        Expr::BinaryOp { left, op, right } => match operator(op)? {
            Some(spelled) => raw(format!("({left} {spelled} {right})")),
            None => return Ok(()),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not,
            ..
        } => {
            return Ok(());
        }
        Expr::UnaryOp { op: UnaryOperator::BitwiseNot, .. } => return Ok(()),
        Expr::UnaryOp { .. } => return Err(syntax("an operator")),
        Expr::Like { negated, any: false, expr, pattern, escape_char } => {
            let not = if *negated { "NOT " } else { "" };
            let escape = match escape_char.as_ref().map(|value| &value.value) {
                None => String::new(),
                Some(Value::SingleQuotedString(sign) | Value::NationalStringLiteral(sign))
                    if sign.chars().count() == 1 =>
                {
                    format!(", {}", constant(sign))
                }
                Some(_) => {
                    return Err(EngineError::new(
                        506,
                        "The invalid escape character was specified.",
                    ));
                }
            };
            raw(format!("({not}tsql.\"like\"({expr}, {pattern}{escape}))"))
        }
        Expr::Cast { kind, expr, data_type, .. } => {
            raw(value::cast(&expr.to_string(), data_type, None, *kind == CastKind::TryCast)?)
        }
        Expr::Convert { is_try, expr, data_type: Some(data_type), styles, .. } => {
            let style = styles.first().map(ToString::to_string);
            raw(value::cast(&expr.to_string(), data_type, style.as_deref(), *is_try)?)
        }
        Expr::Convert { .. } => return Err(syntax("USING")),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let (Some(from), Some(count)) = (substring_from, substring_for) else {
                return Err(EngineError::new(
                    174,
                    "The substring function requires 3 argument(s).",
                ));
            };
            raw(format!("tsql.substring({expr}, {from}, {count})"))
        }
        Expr::Trim { expr, trim_where: None, trim_what: None, .. } => {
            raw(format!("tsql.trim({expr})"))
        }
        Expr::Trim { .. } => return Err(unsupported("TRIM of other characters")),
        Expr::AtTimeZone { timestamp, time_zone } => {
            raw(format!("tsql.at_time_zone({timestamp}, {time_zone})"))
        }
        Expr::Floor { expr, .. } => raw(format!("tsql.floor({expr})")),
        Expr::Ceil { .. } => return Err(function::unknown("CEIL")),
        Expr::Function(called) => function::after(called)?,
        _ => return Ok(()),
    };
    *expr = made;
    Ok(())
}

/// Whether an expression is a condition, which has no value in T-SQL.
pub(crate) fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => {
            is_comparison(op) || matches!(op, BinaryOperator::And | BinaryOperator::Or)
        }
        Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::Exists { .. } => true,
        Expr::Nested(inner) => is_condition(inner),
        _ => false,
    }
}

/// A moment's text has as many digits as its type.
fn text_of_moment(inner: &mut Box<Expr>, target: &DataType, context: Context<'_>, scopes: &Scopes) {
    let target = Native::parse(&target.to_string(), true);
    let Some(moment) = scopes.of(inner, context).filter(|_| target.is_some_and(|t| t.is_text()))
    else {
        return;
    };
    let value = inner.as_ref().clone();
    match moment.native.name {
        "datetime2" | "datetimeoffset" | "time" => {
            let digits = raw(moment.native.length.to_string());
            **inner = call("stamp_text", vec![value, digits]);
        }
        "datetime" | "smalldatetime" => **inner = call("datetime_text", vec![value]),
        _ => {}
    }
}

/// A call of a function of ours.
pub(crate) fn call(function: &str, arguments: Vec<Expr>) -> Expr {
    let unnamed = |argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("tsql"), Ident::new(function)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(unnamed).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Leaves the type of a text constant to what it meets.
pub(crate) fn untyped(expr: &mut Expr) {
    if let Some(text) = text_of(expr) {
        *expr = raw(constant(text));
    }
}

/// The text of a text constant.
pub(crate) fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan {
            value: Value::SingleQuotedString(text) | Value::NationalStringLiteral(text),
            ..
        }) => Some(text),
        Expr::Nested(inner) => text_of(inner),
        _ => None,
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq) || orders(op)
}

fn orders(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq
    )
}

/// A spelling of PostgreSQL's, where it is another one.
fn operator(op: &BinaryOperator) -> Result<Option<&'static str>, EngineError> {
    Ok(match op {
        BinaryOperator::BitwiseXor => Some("#"),
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::BitwiseAnd
        | BinaryOperator::BitwiseOr
        | BinaryOperator::And
        | BinaryOperator::Or => None,
        op if is_comparison(op) => None,
        op => return Err(syntax(&op.to_string())),
    })
}

fn in_default_collation(text: &Expr) -> Expr {
    Expr::Collate {
        expr: Box::new(text.clone()),
        collation: ObjectName::from(vec![Ident::new(DEFAULT_COLLATION)]),
    }
}

/// Whether an expression is text without a column in it, which has the database's collation.
fn is_text(expr: &Expr, context: Context<'_>) -> bool {
    let native = match expr {
        Expr::Identifier(ident) if ident.value.starts_with('@') => value::declared(expr, context),
        Expr::Value(_) => value::declared(expr, context),
        Expr::Nested(inner) => return is_text(inner, context),
        Expr::Cast { expr: inner, .. } if is_text(inner, context) => value::declared(expr, context),
        _ => None,
    };
    native.is_some_and(|native| native.is_text())
}

/// Names in double quotes, joined by periods.
pub(crate) fn quoted_name(parts: &ObjectName) -> String {
    let parts = parts.0.iter().filter_map(|part| part.as_ident());
    parts.map(|ident| name(&ident.value)).collect::<Vec<_>>().join(".")
}
