//! Aggregates and window functions.

use super::Reason;
use super::expressions::Translator;
use super::nodes::{Piece, order};
use super::types::remote_type;
use arrow_schema::DataType;
use celosia_connector_api::{
    AggregateCall, Expression, FunctionKind, OperandClass, RemoteQuery, WindowCall,
};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, GroupingSet, Window, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowFunctionDefinition,
};

/// A grouping.
pub(super) fn aggregate(
    aggregate: &Aggregate,
    piece: &Piece,
    input: Box<RemoteQuery>,
) -> Result<RemoteQuery, Reason> {
    let translator = piece.translator(aggregate.input.schema());
    let (groups, sets) = match aggregate.group_expr.as_slice() {
        [Expr::GroupingSet(grouping)] => grouping_sets(grouping)?,
        groups => (groups.iter().collect(), Vec::new()),
    };
    let groups = groups.into_iter().map(|group| translator.expression(group));
    let groups = groups.collect::<Result<Vec<_>, _>>()?;
    let calls = aggregate.aggr_expr.iter().map(|expr| match unaliased(expr) {
        Expr::AggregateFunction(function) => call(function, expr, &translator),
        _ => Err("an aggregate is not one function".into()),
    });
    let aggregates = calls.collect::<Result<Vec<_>, _>>()?;
    Ok(RemoteQuery::Aggregate { input, groups, sets, aggregates })
}

/// The keys of several groupings, and which of them each has.
fn grouping_sets(grouping: &GroupingSet) -> Result<(Vec<&Expr>, Vec<Vec<usize>>), Reason> {
    const MOST_CUBED: usize = 6;
    let keys = grouping.distinct_expr();
    let all = keys.len();
    let sets: Vec<Vec<usize>> = match grouping {
        GroupingSet::Rollup(listed) if listed.len() == all => {
            (0..=all).rev().map(|length| (0..length).collect()).collect()
        }
        GroupingSet::Cube(listed) if listed.len() == all && all <= MOST_CUBED => (0..1_usize
            << all)
            .map(|without| (0..all).filter(|key| without >> (all - 1 - key) & 1 == 0).collect())
            .collect(),
        GroupingSet::GroupingSets(sets) => {
            let place = |expr: &Expr| keys.iter().position(|key| *key == expr);
            let sets = sets.iter().map(|set| set.iter().map(place).collect::<Option<Vec<_>>>());
            sets.collect::<Option<_>>().ok_or("a grouping by something else")?
        }
        _ => return Err("ROLLUP or CUBE of a key that is named twice, or of many".into()),
    };
    let mut known: Vec<Vec<usize>> = Vec::with_capacity(sets.len());
    for set in &sets {
        let mut set = set.clone();
        set.sort_unstable();
        set.dedup();
        if known.contains(&set) {
            return Err("a grouping that is asked for twice".into());
        }
        known.push(set);
    }
    Ok((keys, sets))
}

fn call(
    function: &AggregateFunction,
    expr: &Expr,
    translator: &Translator<'_>,
) -> Result<AggregateCall, Reason> {
    let params = &function.params;
    let name = function.func.name();
    if let Some(middle) = median(name, &params.args) {
        let mut median = function.clone();
        (median.params.args, median.params.order_by) = (vec![middle.clone()], Vec::new());
        return call_plain("median", &median, expr, translator);
    }
    call_plain(name, function, expr, translator)
}

/// Whose median is asked for, whole numbers before they become doubles: `median(x)`, or the percentile in the
/// middle, which is the same in both orders.
fn median<'e>(name: &str, args: &'e [Expr]) -> Option<&'e Expr> {
    let argument = match (name, args) {
        ("median", [argument]) => argument,
        ("percentile_cont", [argument, Expr::Literal(share, _)]) => {
            let half = share.cast_to(&DataType::Float64).ok()?;
            (half == ScalarValue::Float64(Some(0.5))).then_some(argument)?
        }
        _ => return None,
    };
    match argument {
        Expr::Cast(cast) if *cast.field.data_type() == DataType::Float64 => Some(&cast.expr),
        other => Some(other),
    }
}

fn call_plain(
    name: &str,
    function: &AggregateFunction,
    expr: &Expr,
    translator: &Translator<'_>,
) -> Result<AggregateCall, Reason> {
    let params = &function.params;
    if !params.order_by.is_empty() || params.null_treatment.is_some() {
        return Err(format!("{name} over ordered rows"));
    }
    let arguments = arguments(name, &params.args, translator)?;
    let name = match (params.distinct, name) {
        // The smallest of distinct values is the smallest.
        (false, name) | (true, name @ ("min" | "max")) => name.to_string(),
        (true, name) => format!("{name} distinct"),
    };
    let (rule, arguments) = translator.rule(&name, FunctionKind::Aggregate, arguments)?;
    bounded_sum(&name, &arguments, translator)?;
    bounded_median(&name, &arguments)?;
    let filter = params.filter.as_ref().map(|filter| translator.expression(filter)).transpose()?;
    let data_type =
        expr.get_type(translator.schema).map_err(|_| "a type is not known".to_string())?;
    Ok(AggregateCall { rule, arguments, filter, data_type: remote_type(&data_type) })
}

/// What is counted does not matter where it is a constant.
fn arguments(
    name: &str,
    args: &[Expr],
    translator: &Translator<'_>,
) -> Result<Vec<Expression>, Reason> {
    match (name, args) {
        ("count", [Expr::Literal(value, _)]) if !value.is_null() => Ok(Vec::new()),
        _ => args.iter().map(|arg| translator.expression(arg)).collect(),
    }
}

/// A sum goes down only where no number of rows that a table can have makes it overflow: an overflow is
/// an error of the engine.
fn bounded_sum(
    name: &str,
    arguments: &[Expression],
    translator: &Translator<'_>,
) -> Result<(), Reason> {
    const ROWS: i128 = 1 << 31;
    const DIGITS_OF_ROWS: u16 = 10;
    let [argument] = arguments else { return Ok(()) };
    if !name.starts_with("sum") {
        return Ok(());
    }
    match argument.class {
        OperandClass::Integer => {
            let (least, most) = argument.range();
            if least.abs().max(most.abs()) > i128::from(i64::MAX) / ROWS {
                return Err("a sum of 64-bit numbers may overflow".into());
            }
        }
        OperandClass::Decimal => {
            let (whole, fraction) = argument.digits();
            if whole + fraction + DIGITS_OF_ROWS > translator.dialect.sum_digits() {
                return Err("a sum with more digits than the source computes with".into());
            }
        }
        _ => {}
    }
    Ok(())
}

/// The middle between two whole numbers is exact where they are small.
fn bounded_median(name: &str, arguments: &[Expression]) -> Result<(), Reason> {
    const MOST: i128 = 1 << 31;
    match arguments {
        [argument] if name == "median" => match argument.range() {
            (least, most) if least >= -MOST && most < MOST => Ok(()),
            _ => Err("a median of 64-bit numbers".into()),
        },
        _ => Ok(()),
    }
}

/// Window functions.
pub(super) fn window(
    window: &Window,
    piece: &Piece,
    input: Box<RemoteQuery>,
) -> Result<RemoteQuery, Reason> {
    let translator = piece.translator(window.input.schema());
    let calls = window.window_expr.iter().map(|expr| match unaliased(expr) {
        Expr::WindowFunction(function) => over(function, expr, &translator),
        _ => Err("a window is not one function".into()),
    });
    let functions = calls.collect::<Result<Vec<_>, _>>()?;
    Ok(RemoteQuery::Window { input, functions })
}

fn over(
    function: &WindowFunction,
    expr: &Expr,
    translator: &Translator<'_>,
) -> Result<WindowCall, Reason> {
    let params = &function.params;
    let (name, kind) = match &function.fun {
        WindowFunctionDefinition::AggregateUDF(f) => (f.name(), FunctionKind::Aggregate),
        WindowFunctionDefinition::WindowUDF(f) => (f.name(), FunctionKind::Window),
    };
    if params.distinct || params.null_treatment.is_some() || params.filter.is_some() {
        return Err(format!("{name} over a window with DISTINCT, FILTER or IGNORE NULLS"));
    }
    let arguments = arguments(name, &params.args, translator)?;
    let (rule, arguments) = translator.rule(name, kind, arguments)?;
    bounded_sum(name, &arguments, translator)?;
    let partition = params.partition_by.iter().map(|key| translator.expression(key));
    let partition = partition.collect::<Result<Vec<_>, _>>()?;
    let order = order(&params.order_by, translator)?;
    let framed = kind == FunctionKind::Aggregate || matches!(name, "first_value" | "last_value");
    let frame = match framed && !order.is_empty() {
        true => Some(frame(&params.window_frame)?),
        // Without an order every row is in the frame, unless it counts rows.
        false if framed && !is_everything(&params.window_frame) => {
            return Err("a frame of rows without an order".into());
        }
        false => None,
    };
    let data_type =
        expr.get_type(translator.schema).map_err(|_| "a type is not known".to_string())?;
    Ok(WindowCall { rule, arguments, partition, order, frame, data_type: remote_type(&data_type) })
}

fn is_everything(frame: &WindowFrame) -> bool {
    use WindowFrameBound::{CurrentRow, Following, Preceding};
    let all = |value: &ScalarValue| value.is_null();
    match (&frame.start_bound, &frame.end_bound) {
        (Preceding(from), Following(to)) => all(from) && all(to),
        // Without an order every row is the current row's peer.
        (Preceding(from), CurrentRow) => all(from) && frame.units == WindowFrameUnits::Range,
        _ => false,
    }
}

/// The frame's text.
fn frame(frame: &WindowFrame) -> Result<String, Reason> {
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => return Err("a frame of groups".into()),
    };
    let bound = |bound: &WindowFrameBound| {
        let (value, word) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".to_string()),
            WindowFrameBound::Preceding(value) => (value, "PRECEDING"),
            WindowFrameBound::Following(value) => (value, "FOLLOWING"),
        };
        match value {
            value if value.is_null() => Ok(format!("UNBOUNDED {word}")),
            ScalarValue::UInt64(Some(rows)) if units == "ROWS" => Ok(format!("{rows} {word}")),
            _ => Err("a frame by distance".to_string()),
        }
    };
    Ok(format!("{units} BETWEEN {} AND {}", bound(&frame.start_bound)?, bound(&frame.end_bound)?))
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}
