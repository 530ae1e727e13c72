//! Values: constants, variables, conversions, and the digits of what is computed.

use super::{Context, arithmetic, bound, constant};
use crate::double::engine::{Bind, EngineError};
use crate::double::tsql::errors::syntax;
use crate::double::tsql::native::{MAX, Native};
use sqlparser::ast::{BinaryOperator, DataType, Expr, Value};

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

fn sized(name: &'static str, text: &str) -> Native {
    let units = i32::try_from(text.encode_utf16().count()).unwrap_or(MAX);
    Native::sized(name, if units > 4_000 { MAX } else { units.max(1) }, 0)
}

/// A constant as PostgreSQL writes it.
pub(crate) fn literal(value: &Value) -> Result<String, EngineError> {
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

fn bind<'a>(variable: &str, context: Context<'a>) -> Option<&'a Bind> {
    let named =
        |bind: &&Bind| bind.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(variable));
    context.binds.iter().rev().find(named)
}

/// The value of a variable, of the batch or of the server.
pub(crate) fn variable(variable: &str, context: Context<'_>) -> Result<String, EngineError> {
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
