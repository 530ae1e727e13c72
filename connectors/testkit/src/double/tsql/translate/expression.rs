//! Expressions. `before` sees them with their operands still in T-SQL, `after` with them translated.

use super::infer::Scopes;
use super::{Context, arithmetic, bound, constant, function, name, raw};
use crate::double::engine::EngineError;
use crate::double::tsql::errors::{syntax, unsupported};
use crate::double::tsql::native::{DEFAULT_COLLATION, MAX, Native};
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
            if orders(op) && compares_units(left, right, context, scopes) {
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
        Expr::Collate { collation, .. } => *collation = collation_name(collation)?,
        _ => {}
    }
    Ok(())
}

/// Translates a node whose operands are translated.
pub(crate) fn after(expr: &mut Expr, context: Context<'_>) -> Result<(), EngineError> {
    let made = match expr {
        Expr::Value(value) => raw(literal(&value.value)?),
        Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.starts_with('@') => {
            raw(variable(&ident.value, context)?)
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
            raw(cast(&expr.to_string(), data_type, None, *kind == CastKind::TryCast)?)
        }
        Expr::Convert { is_try, expr, data_type: Some(data_type), styles, .. } => {
            let style = styles.first().map(ToString::to_string);
            raw(cast(&expr.to_string(), data_type, style.as_deref(), *is_try)?)
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

/// The type that the text of an expression gives it.
pub(crate) fn declared(expr: &Expr, context: Context<'_>) -> Option<Native> {
    match expr {
        Expr::Cast { data_type, .. } | Expr::Convert { data_type: Some(data_type), .. } => {
            Native::parse(&data_type.to_string(), true)
        }
        Expr::Identifier(ident) => {
            let bind = bind(&ident.value, context)?;
            Native::parse(&bind.native, false)
        }
        Expr::Nested(inner) => declared(inner, context),
        Expr::Value(value) => match &value.value {
            Value::NationalStringLiteral(text) => Some(sized("nvarchar", text)),
            Value::SingleQuotedString(text) => Some(sized("varchar", text)),
            Value::HexStringLiteral(digits) => {
                let bytes = i32::try_from(digits.len().div_ceil(2)).unwrap_or(MAX);
                Some(Native::sized("varbinary", bytes.max(1), 0))
            }
            Value::Null => Some(Native::plain("int")),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an expression divides decimals, as an average does: what does not fit is cut off.
pub(crate) fn is_quotient(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => *op == BinaryOperator::Divide,
        Expr::Function(called) => called.name.to_string().eq_ignore_ascii_case("avg"),
        _ => false,
    }
}

/// A translated expression with the digits of its type.
pub(crate) fn exact(expr: &Expr, native: &Native, quotient: bool) -> String {
    let scale = if native.name.ends_with("money") { 4 } else { native.scale };
    let carrier = native.carrier();
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => {
            // PostgreSQL gives a quotient as many digits as its dividend has at least.
            let digits = scale + 4;
            format!(
                "CAST(pg_catalog.trunc(pg_catalog.round(({left})::numeric, {digits}) / {right}, {scale}) AS {carrier})"
            )
        }
        expr if native.name == "datetime" => format!("tsql.to_datetime({expr})"),
        expr if quotient => format!("CAST(pg_catalog.trunc({expr}, {scale}) AS {carrier})"),
        expr => format!("CAST({expr} AS {carrier})"),
    }
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

/// Text under a binary collation is ordered by its UTF-16 units.
pub(crate) fn order_by_units(expr: &mut Expr, context: Context<'_>, scopes: &Scopes) {
    let collation = scopes.of(expr, context).and_then(|typed| typed.collation);
    if collation.is_some_and(|collation| is_by_units(&collation)) {
        *expr = call("ordinal", vec![expr.clone()]);
    }
}

/// Whether an order between two texts is that of UTF-16 units: by a COLLATE, or else by a column.
fn compares_units(left: &Expr, right: &Expr, context: Context<'_>, scopes: &Scopes) -> bool {
    let sides = [left, right];
    let explicit = sides.iter().find(|side| is_collated(side));
    let collation = |side: &Expr| scopes.of(side, context).and_then(|typed| typed.collation);
    let found = match explicit {
        Some(side) => collation(side),
        None => sides.iter().find_map(|side| collation(side)),
    };
    found.is_some_and(|collation| is_by_units(&collation))
}

fn is_collated(expr: &Expr) -> bool {
    match expr {
        Expr::Collate { .. } => true,
        Expr::Nested(inner) => is_collated(inner),
        _ => false,
    }
}

fn is_by_units(collation: &str) -> bool {
    let collation = collation.to_uppercase();
    collation.contains("_BIN") && !collation.contains("UTF8")
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
        Expr::Identifier(ident) if ident.value.starts_with('@') => declared(expr, context),
        Expr::Value(_) => declared(expr, context),
        Expr::Nested(inner) => return is_text(inner, context),
        Expr::Cast { expr: inner, .. } if is_text(inner, context) => declared(expr, context),
        _ => None,
    };
    native.is_some_and(|native| native.is_text())
}

fn collation_name(collation: &ObjectName) -> Result<ObjectName, EngineError> {
    let spelled = collation.0.last().and_then(|part| part.as_ident()).map(|ident| &ident.value);
    let known = spelled.and_then(|spelled| known_collation(spelled));
    let known = known.ok_or_else(|| {
        EngineError::new(
            448,
            format!("Invalid collation '{}'.", spelled.cloned().unwrap_or_default()),
        )
    })?;
    let quoted = Ident::with_quote('"', known);
    Ok(ObjectName::from(vec![Ident::new("tsql"), quoted]))
}

/// The collations that the set-up script makes.
pub(crate) fn known_collation(spelled: &str) -> Option<&'static str> {
    const KNOWN: &[&str] = &[
        DEFAULT_COLLATION,
        "SQL_Latin1_General_CP1_CS_AS",
        "Latin1_General_CI_AS",
        "Latin1_General_CS_AS",
        "Latin1_General_CI_AI",
        "Latin1_General_100_CI_AS",
        "Latin1_General_100_CS_AS",
        "Latin1_General_100_CI_AI",
        "Latin1_General_100_CI_AS_SC",
        "Latin1_General_100_CS_AS_SC",
        "Latin1_General_100_CI_AS_SC_UTF8",
        "Latin1_General_BIN",
        "Latin1_General_BIN2",
        "Latin1_General_100_BIN2",
        "Latin1_General_100_BIN2_UTF8",
    ];
    let default =
        if spelled.eq_ignore_ascii_case("database_default") { DEFAULT_COLLATION } else { spelled };
    KNOWN.iter().copied().find(|known| known.eq_ignore_ascii_case(default))
}

fn sized(name: &'static str, text: &str) -> Native {
    let units = i32::try_from(text.encode_utf16().count()).unwrap_or(MAX);
    Native::sized(name, if units > 4_000 { MAX } else { units.max(1) }, 0)
}

fn literal(value: &Value) -> Result<String, EngineError> {
    Ok(match value {
        Value::SingleQuotedString(text) => format!("{}::tsql.vc", constant(text)),
        Value::NationalStringLiteral(text) => format!("{}::tsql.nv", constant(text)),
        Value::HexStringLiteral(digits) if digits.len().is_multiple_of(2) => {
            format!("'\\x{digits}'::bytea")
        }
        Value::HexStringLiteral(digits) => format!("'\\x0{digits}'::bytea"),
        Value::Number(digits, _) => number(digits),
        Value::Null => "NULL".into(),
        other => return Err(syntax(&other.to_string())),
    })
}

fn number(digits: &str) -> String {
    let native = arithmetic::number(digits);
    match native.name {
        "int" => digits.to_string(),
        _ => format!("{digits}::{}", native.carrier()),
    }
}

fn bind<'a>(variable: &str, context: Context<'a>) -> Option<&'a crate::double::engine::Bind> {
    let named = |bind: &&crate::double::engine::Bind| {
        bind.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(variable))
    };
    context.binds.iter().rev().find(named)
}

fn variable(variable: &str, context: Context<'_>) -> Result<String, EngineError> {
    let Some(global) = variable.strip_prefix("@@") else {
        let missing =
            || EngineError::new(137, format!("Must declare the scalar variable \"{variable}\"."));
        return bound(bind(variable, context).ok_or_else(missing)?);
    };
    Ok(match global.to_uppercase().as_str() {
        "VERSION" => "tsql.product()".into(),
        "SERVERNAME" => "tsql.named('DOUBLE')".into(),
        "LANGUAGE" => "tsql.named('us_english')".into(),
        "TRANCOUNT" => context.transactions.to_string(),
        "SPID" => "(pg_backend_pid() % 32768)::int2".into(),
        "ROWCOUNT" | "ERROR" => "0".into(),
        "DATEFIRST" => "7::tsql.tinyint".into(),
        "LOCK_TIMEOUT" => "(-1)".into(),
        "MAX_PRECISION" => "38::tsql.tinyint".into(),
        "MICROSOFTVERSION" => "268436456".into(),
        "OPTIONS" => "5432".into(),
        _ => {
            return Err(EngineError::new(
                137,
                format!("Must declare the scalar variable \"{variable}\"."),
            ));
        }
    })
}

/// A conversion of a translated expression.
pub(crate) fn cast(
    expr: &str,
    data_type: &DataType,
    style: Option<&str>,
    attempt: bool,
) -> Result<String, EngineError> {
    let spelled = data_type.to_string();
    let native = Native::parse(&spelled, true).ok_or_else(|| {
        EngineError::new(243, format!("Type {spelled} is not a defined system type."))
    })?;
    if attempt {
        let inner = constant(&converted("$1", &native, style));
        let carrier = native.carrier();
        return Ok(format!("CAST(tsql.attempted(CAST({expr} AS tsql.nv), {inner}) AS {carrier})"));
    }
    Ok(converted(expr, &native, style))
}

fn converted(expr: &str, native: &Native, style: Option<&str>) -> String {
    let carrier = native.carrier();
    if expr == "NULL" {
        return format!("CAST(NULL AS {carrier})");
    }
    match native.name {
        whole @ ("bit" | "tinyint" | "smallint" | "int" | "bigint" | "datetime"
        | "smalldatetime") => {
            format!("tsql.to_{whole}({expr})")
        }
        "binary" | "varbinary" | "image" | "timestamp" => {
            let bytes = match style {
                Some("1" | "2") => format!("tsql.from_hex({expr})"),
                _ => format!("tsql.to_binary({expr})"),
            };
            let size = if native.name == "image" { MAX } else { native.length };
            format!("tsql.sized({bytes}, {size}, {})", native.name == "binary")
        }
        _ if native.is_text() => match style {
            Some(style) => format!("CAST(tsql.styled({expr}, {style}) AS {carrier})"),
            None => format!("CAST({expr} AS {carrier})"),
        },
        _ => format!("CAST({expr} AS {carrier})"),
    }
}

/// Names in double quotes, joined by periods.
pub(crate) fn quoted_name(parts: &ObjectName) -> String {
    let parts = parts.0.iter().filter_map(|part| part.as_ident());
    parts.map(|ident| name(&ident.value)).collect::<Vec<_>>().join(".")
}
