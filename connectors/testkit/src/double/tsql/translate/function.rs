//! Calls of functions: only those that T-SQL has.

use super::infer::{self, Scopes};
use super::{Context, expression, raw};
use crate::double::engine::EngineError;
use crate::double::tsql::errors::syntax;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, WindowType,
    visit_expressions,
};
use std::ops::ControlFlow;

/// Functions that the set-up scripts define in the schema `tsql`, under T-SQL's name.
const OURS: &[&str] = &[
    "app_name",
    "ascii",
    "ceiling",
    "char",
    "charindex",
    "col_name",
    "columnproperty",
    "context_info",
    "databasepropertyex",
    "datalength",
    "dateadd",
    "datediff",
    "datediff_big",
    "datefromparts",
    "datename",
    "datepart",
    "datetime2fromparts",
    "datetimefromparts",
    "datetimeoffsetfromparts",
    "datetrunc",
    "day",
    "db_id",
    "db_name",
    "eomonth",
    "floor",
    "getdate",
    "getutcdate",
    "has_perms_by_name",
    "hashbytes",
    "host_name",
    "is_member",
    "is_rolemember",
    "is_srvrolemember",
    "left",
    "len",
    "log",
    "log10",
    "lower",
    "ltrim",
    "month",
    "nchar",
    "newid",
    "object_id",
    "object_name",
    "object_schema_name",
    "objectproperty",
    "original_login",
    "parsename",
    "patindex",
    "quotename",
    "replace",
    "replicate",
    "reverse",
    "right",
    "round",
    "rtrim",
    "schema_id",
    "schema_name",
    "serverproperty",
    "space",
    "square",
    "stuff",
    "sum",
    "avg",
    "suser_name",
    "suser_sname",
    "switchoffset",
    "sysdatetime",
    "sysdatetimeoffset",
    "sysutcdatetime",
    "timefromparts",
    "todatetimeoffset",
    "type_id",
    "type_name",
    "unicode",
    "upper",
    "user_name",
    "year",
];
/// Functions that both know, with the same meaning.
const SHARED: &[&str] = &[
    "abs",
    "acos",
    "asin",
    "atan",
    "coalesce",
    "cos",
    "cume_dist",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "greatest",
    "grouping",
    "lag",
    "last_value",
    "lead",
    "least",
    "max",
    "min",
    "ntile",
    "nullif",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "pi",
    "power",
    "radians",
    "rank",
    "row_number",
    "sign",
    "sin",
    "sqrt",
    "tan",
];
/// Functions whose first argument is a part of a date.
const DATED: &[&str] =
    &["dateadd", "datediff", "datediff_big", "datename", "datepart", "datetrunc"];
/// Functions whose arguments are moments.
const MOMENTS: &[&str] = &["year", "month", "day", "eomonth"];

/// Functions that are nothing without a window.
const WINDOWED: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];
const AGGREGATES: &[&str] =
    &["avg", "count", "count_big", "max", "min", "stdev", "stdevp", "sum", "var", "varp"];

/// Refuses a window function without an order, a frame without one, and an aggregate of a subquery.
pub(crate) fn placed(function: &Function) -> Result<(), EngineError> {
    let name = plain_name(function);
    let window = match &function.over {
        Some(WindowType::WindowSpec(window)) => Some(window),
        _ => None,
    };
    let ordered = window.is_some_and(|window| !window.order_by.is_empty());
    if WINDOWED.contains(&name.as_str()) && !ordered {
        let text = format!("The function '{name}' must have an OVER clause with ORDER BY.");
        return Err(EngineError::new(4112, text));
    }
    if !ordered && window.is_some_and(|window| window.window_frame.is_some()) {
        let text = "Window frame with ROWS or RANGE must have an ORDER BY clause.";
        return Err(EngineError::new(10756, text));
    }
    let subquery = |expr: &Expr| {
        matches!(expr, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. })
    };
    let asks = AGGREGATES.contains(&name.as_str())
        && visit_expressions(&function.args, |expr| match subquery(expr) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
        .is_break();
    if asks {
        let text = "Cannot perform an aggregate function on an expression containing an aggregate or a \
                    subquery.";
        return Err(EngineError::new(130, text));
    }
    Ok(())
}

/// Whether a name is a built-in function's.
pub(crate) fn unknown(name: &str) -> EngineError {
    EngineError::new(195, format!("'{name}' is not a recognized built-in function name."))
}

/// Turns parts of dates and constants that stand for moments into what PostgreSQL can take.
pub(crate) fn before(function: &mut Function, context: Context<'_>, scopes: &Scopes) {
    let name = plain_name(function);
    if name == "isnull" {
        replaced_bit(function, context, scopes);
    }
    let dated = DATED.contains(&name.as_str());
    if !dated && !MOMENTS.contains(&name.as_str()) {
        return;
    }
    let FunctionArguments::List(list) = &mut function.args else { return };
    for (at, argument) in list.args.iter_mut().enumerate() {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else { continue };
        match expr {
            Expr::Identifier(part) if dated && at == 0 => {
                *expr = raw(super::constant(full_part(&part.value.to_lowercase())));
            }
            _ => {
                if let Some(text) = expression::text_of(expr) {
                    *expr = raw(format!("timestamp {}", super::constant(text)));
                }
            }
        }
    }
}

/// What stands for a NULL takes the type of the value, which may be a bit.
fn replaced_bit(function: &mut Function, context: Context<'_>, scopes: &Scopes) {
    let arguments = infer::arguments(function);
    let FunctionArguments::List(list) = &mut function.args else { return };
    let first = arguments.first().and_then(|first| scopes.of(first, context));
    if let (Some(typed), [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(other))]) =
        (first, list.args.as_mut_slice())
        && typed.native.name == "bit"
    {
        *other = expression::call("to_bit", vec![other.clone()]);
    }
}

/// Translates a call whose arguments are translated.
pub(crate) fn after(function: &mut Function) -> Result<Expr, EngineError> {
    if function.filter.is_some() || function.null_treatment.is_some() {
        return Err(syntax("("));
    }
    let name = plain_name(function);
    if function.name.0.len() > 1 {
        let schema = function.name.0.first().and_then(|part| part.as_ident());
        let ours = schema.is_some_and(|ident| ident.value == "tsql");
        if ours {
            return Ok(Expr::Function(function.clone()));
        }
        return Err(EngineError::new(
            4121,
            format!("Cannot find the column or user-defined function \"{}\".", function.name),
        ));
    }
    let arguments = arguments(function);
    if let Some(made) = special(&name, &arguments, function)? {
        return Ok(made);
    }
    if OURS.contains(&name.as_str()) {
        function.name =
            ObjectName::from(vec![Ident::new("tsql"), Ident::with_quote('"', name.as_str())]);
    } else if !SHARED.contains(&name.as_str()) {
        return Err(unknown(&function.name.to_string().replace('"', "")));
    }
    Ok(Expr::Function(function.clone()))
}

/// Functions that are something else in PostgreSQL.
fn special(
    name: &str,
    arguments: &[String],
    function: &mut Function,
) -> Result<Option<Expr>, EngineError> {
    let made = match (name, arguments) {
        ("count", _) => format!("({function})::int4"),
        ("count_big", _) => {
            function.name = ObjectName::from(vec![Ident::new("count")]);
            function.to_string()
        }
        ("stdev" | "stdevp" | "var" | "varp", [_]) => {
            let known = match name {
                "stdev" => "stddev_samp",
                "stdevp" => "stddev_pop",
                "var" => "var_samp",
                _ => "var_pop",
            };
            function.name = ObjectName::from(vec![Ident::new(known)]);
            format!("({function})::float8")
        }
        ("string_agg", [value, separator]) => {
            let FunctionArguments::List(list) = &mut function.args else { return Ok(None) };
            let texts =
                [value, separator].map(|text| raw(format!("CAST({text} AS tsql.nv)::text")));
            list.args =
                texts.map(|text| FunctionArg::Unnamed(FunctionArgExpr::Expr(text))).to_vec();
            format!("({function})::tsql.nv")
        }
        ("isnull", [value, other]) => format!("COALESCE({value}, {other})"),
        ("iif", [condition, yes, no]) => format!("CASE WHEN {condition} THEN {yes} ELSE {no} END"),
        ("choose", [at, values @ ..]) => {
            let cases: Vec<String> = (1..)
                .zip(values)
                .map(|(number, value)| format!(" WHEN {number} THEN {value}"))
                .collect();
            format!("CASE {at}{} END", cases.concat())
        }
        ("concat", [_, _, ..]) => {
            let texts = arguments.iter().map(|text| shown(text)).collect::<Vec<_>>();
            format!("({})", texts.join(" OPERATOR(tsql.+) "))
        }
        ("concat_ws", [separator, values @ ..]) => {
            let values: Vec<String> =
                values.iter().map(|value| format!("CAST({value} AS tsql.nv)::text")).collect();
            format!("concat_ws({separator}::text, {})::tsql.nv", values.join(", "))
        }
        ("current_timestamp", []) => "tsql.getdate()".into(),
        ("current_user" | "session_user" | "system_user", []) => "tsql.user_name()".into(),
        _ => return Ok(None),
    };
    Ok(Some(raw(made)))
}

/// NULL shows as nothing.
fn shown(text: &str) -> String {
    format!("COALESCE(CAST({text} AS tsql.nv), ''::tsql.nv)")
}

fn arguments(function: &Function) -> Vec<String> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    list.args.iter().map(ToString::to_string).collect()
}

fn plain_name(function: &Function) -> String {
    let last = function.name.0.last().and_then(|part| part.as_ident());
    last.map(|ident| ident.value.to_lowercase()).unwrap_or_default()
}

/// The full name of a part of a date.
fn full_part(part: &str) -> &str {
    match part {
        "yy" | "yyyy" => "year",
        "qq" | "q" => "quarter",
        "mm" | "m" => "month",
        "dy" | "y" => "dayofyear",
        "dd" | "d" => "day",
        "wk" | "ww" => "week",
        "dw" => "weekday",
        "hh" => "hour",
        "mi" | "n" => "minute",
        "ss" | "s" => "second",
        "ms" => "millisecond",
        "mcs" => "microsecond",
        "ns" => "nanosecond",
        "isowk" | "isoww" => "iso_week",
        part => part,
    }
}
