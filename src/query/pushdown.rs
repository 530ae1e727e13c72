//! From the engine's expressions to leak-proof predicates.
//!
//! Only what cannot raise an error is translated; the rest stays above the governed leaf. A translated
//! predicate is still checked again above the leaf (the leaf answers `Inexact`), so a source may
//! return more rows than asked for, never fewer.

use arrow_schema::{DataType, Schema, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Operator};

use crate::model::{Comparison, Predicate, Value};

/// The predicate that `expr` is over the columns of `schema` (by index), if it is leak-proof.
pub(super) fn predicate(expr: &Expr, schema: &Schema) -> Option<Predicate> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Some(predicate(left, schema)?.and(predicate(right, schema)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(Predicate::Or(vec![predicate(left, schema)?, predicate(right, schema)?]))
        }
        Expr::BinaryExpr(binary) => comparison(binary, schema),
        Expr::Not(inner) => Some(Predicate::Not(Box::new(predicate(inner, schema)?))),
        Expr::IsNull(inner) => {
            Some(Predicate::IsNull { column: column(inner, schema)?, negated: false })
        }
        Expr::IsNotNull(inner) => {
            Some(Predicate::IsNull { column: column(inner, schema)?, negated: true })
        }
        Expr::InList(list) => in_list(list, schema),
        Expr::Between(between) => range(between, schema),
        Expr::Like(like) => pattern(like, schema),
        Expr::Column(_) => {
            let column = column(expr, schema)?;
            (*schema.field(column).data_type() == DataType::Boolean)
                .then_some(Predicate::IsTrue { column })
        }
        Expr::Literal(ScalarValue::Boolean(Some(value)), _) => Some(Predicate::Constant(*value)),
        _ => None,
    }
}

/// The index of the column that `expr` names, also through a cast that loses and gains nothing.
pub(super) fn column(expr: &Expr, schema: &Schema) -> Option<usize> {
    match expr {
        Expr::Column(column) => schema.index_of(&column.name).ok(),
        Expr::Cast(Cast { expr, field, .. }) => {
            let index = column(expr, schema)?;
            is_widening(schema.field(index).data_type(), field.data_type()).then_some(index)
        }
        _ => None,
    }
}

fn comparison(binary: &BinaryExpr, schema: &Schema) -> Option<Predicate> {
    let operator = match binary.op {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    };
    match (column(&binary.left, schema), column(&binary.right, schema)) {
        (Some(left), Some(right)) => Some(Predicate::CompareColumns { left, operator, right }),
        (Some(column), None) => {
            Some(Predicate::Compare { column, operator, value: literal(&binary.right)? })
        }
        (None, Some(column)) => Some(Predicate::Compare {
            column,
            operator: operator.swapped(),
            value: literal(&binary.left)?,
        }),
        (None, None) => None,
    }
}

fn in_list(list: &InList, schema: &Schema) -> Option<Predicate> {
    Some(Predicate::InList {
        column: column(&list.expr, schema)?,
        values: list.list.iter().map(literal).collect::<Option<_>>()?,
        negated: list.negated,
    })
}

fn range(between: &Between, schema: &Schema) -> Option<Predicate> {
    let column = column(&between.expr, schema)?;
    let (low, high) = (literal(&between.low)?, literal(&between.high)?);
    let within = Predicate::Compare { column, operator: Comparison::GreaterOrEqual, value: low }
        .and(Predicate::Compare { column, operator: Comparison::LessOrEqual, value: high });
    Some(if between.negated { Predicate::Not(Box::new(within)) } else { within })
}

fn pattern(like: &Like, schema: &Schema) -> Option<Predicate> {
    if like.case_insensitive || !matches!(like.escape_char, None | Some('\\')) {
        return None;
    }
    let Value::Text(pattern) = literal(&like.pattern)? else { return None };
    Some(Predicate::Like { column: column(&like.expr, schema)?, pattern, negated: like.negated })
}

/// A literal, also under a cast. A parameter of a template stands for some literal of its type: it
/// becomes a real one before a scan is planned.
fn literal(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Literal(scalar, _) => value(scalar),
        Expr::Placeholder(parameter) => stand_in(parameter.field.as_ref()?.data_type()),
        Expr::Cast(Cast { expr, field, .. }) => match expr.as_ref() {
            Expr::Literal(scalar, _) => value(&scalar.cast_to(field.data_type()).ok()?),
            Expr::Placeholder(_) => stand_in(field.data_type()),
            _ => None,
        },
        _ => None,
    }
}

fn stand_in(data_type: &DataType) -> Option<Value> {
    Some(match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Value::Integer(1),
        DataType::Float32 | DataType::Float64 => Value::Float(1.0),
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => {
            Value::Decimal { unscaled: 1, scale: 0 }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Value::Text("x".into()),
        DataType::Date32 => Value::Date(0),
        DataType::Timestamp(_, zone) => instant(0, zone.is_some()),
        _ => return None,
    })
}

/// The bound value of a scalar; NULL and types without a bound form have none.
pub(super) fn value(scalar: &ScalarValue) -> Option<Value> {
    Some(match scalar {
        ScalarValue::Boolean(Some(v)) => Value::Boolean(*v),
        ScalarValue::Int8(Some(v)) => Value::Integer(i64::from(*v)),
        ScalarValue::Int16(Some(v)) => Value::Integer(i64::from(*v)),
        ScalarValue::Int32(Some(v)) => Value::Integer(i64::from(*v)),
        ScalarValue::Int64(Some(v)) => Value::Integer(*v),
        ScalarValue::UInt8(Some(v)) => Value::Integer(i64::from(*v)),
        ScalarValue::UInt16(Some(v)) => Value::Integer(i64::from(*v)),
        ScalarValue::UInt32(Some(v)) => Value::Integer(i64::from(*v)),
        ScalarValue::UInt64(Some(v)) => Value::Integer(i64::try_from(*v).ok()?),
        ScalarValue::Float32(Some(v)) => Value::Float(f64::from(*v)),
        ScalarValue::Float64(Some(v)) => Value::Float(*v),
        ScalarValue::Decimal128(Some(v), _, scale) => {
            Value::Decimal { unscaled: *v, scale: u8::try_from(*scale).ok()? }
        }
        ScalarValue::Decimal256(Some(v), _, scale) => {
            Value::Decimal { unscaled: v.to_i128()?, scale: u8::try_from(*scale).ok()? }
        }
        ScalarValue::Utf8(Some(v))
        | ScalarValue::LargeUtf8(Some(v))
        | ScalarValue::Utf8View(Some(v)) => Value::Text(v.clone()),
        ScalarValue::Binary(Some(v))
        | ScalarValue::LargeBinary(Some(v))
        | ScalarValue::BinaryView(Some(v)) => Value::Bytes(v.clone()),
        ScalarValue::Date32(Some(v)) => Value::Date(*v),
        ScalarValue::TimestampSecond(Some(v), zone) => {
            instant(v.checked_mul(1_000_000)?, zone.is_some())
        }
        ScalarValue::TimestampMillisecond(Some(v), zone) => {
            instant(v.checked_mul(1_000)?, zone.is_some())
        }
        ScalarValue::TimestampMicrosecond(Some(v), zone) => instant(*v, zone.is_some()),
        ScalarValue::TimestampNanosecond(Some(v), zone) if v % 1_000 == 0 => {
            instant(v / 1_000, zone.is_some())
        }
        _ => return None,
    })
}

fn instant(micros: i64, utc: bool) -> Value {
    if utc { Value::TimestampUtc(micros) } else { Value::Timestamp(micros) }
}

/// Whether a cast keeps every value, its equality and its order.
pub(super) fn is_widening(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Decimal128, Decimal256, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Timestamp,
        Utf8, Utf8View,
    };
    match (from, to) {
        _ if from == to => true,
        (Int8, Int16 | Int32 | Int64) | (Int16, Int32 | Int64) | (Int32, Int64) => true,
        (Float32, Float64) | (Utf8, Utf8View | LargeUtf8) => true,
        (Int8 | Int16 | Int32 | Int64, Decimal128(precision, scale)) => {
            let digits = match from {
                Int8 => 3,
                Int16 => 5,
                Int32 => 10,
                _ => 19,
            };
            *scale >= 0 && i16::from(*precision) - i16::from(*scale) >= digits
        }
        (Decimal128(p, s), Decimal128(q, t) | Decimal256(q, t))
        | (Decimal256(p, s), Decimal256(q, t)) => {
            t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s)
        }
        // Time stamps within four-digit years fit nanoseconds only in part: not widening.
        (Timestamp(TimeUnit::Microsecond, Some(_)), Timestamp(TimeUnit::Microsecond, Some(_))) => {
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::Field;
    use datafusion::logical_expr::{col, lit};

    fn schema() -> Schema {
        Schema::new(vec![
            Field::new("id", DataType::Int32, true),
            Field::new("name", DataType::Utf8, true),
        ])
    }

    #[test]
    fn comparisons_are_translated_either_way_round() {
        let expected =
            Predicate::Compare { column: 0, operator: Comparison::Less, value: Value::Integer(5) };
        assert_eq!(predicate(&col("id").lt(lit(5_i32)), &schema()), Some(expected.clone()));
        assert_eq!(predicate(&lit(5_i32).gt(col("id")), &schema()), Some(expected));
    }

    #[test]
    fn a_parameter_of_a_template_stands_for_a_literal() {
        for (column, data_type) in [("id", DataType::Int64), ("name", DataType::Utf8)] {
            let field = std::sync::Arc::new(Field::new("p", data_type, true));
            let parameter = datafusion::logical_expr::expr::Placeholder::new_with_field(
                "$1".into(),
                Some(field),
            );
            let condition = col(column).eq(Expr::Placeholder(parameter));
            assert!(predicate(&condition, &schema()).is_some(), "{column}");
        }
    }

    #[test]
    fn what_can_raise_an_error_stays_local() {
        let division = (lit(1) / (col("id") - lit(3))).lt(lit(5));
        assert_eq!(predicate(&division, &schema()), None);
        let guarded = col("id").eq(lit(1)).and(division);
        assert_eq!(predicate(&guarded, &schema()), None);
        let narrowing = datafusion::logical_expr::cast(col("name"), DataType::Int32).eq(lit(1));
        assert_eq!(predicate(&narrowing, &schema()), None);
        assert_eq!(predicate(&col("name").ilike(lit("a%")), &schema()), None);
        assert_eq!(predicate(&col("id").eq(lit(ScalarValue::Int32(None))), &schema()), None);
    }
}
