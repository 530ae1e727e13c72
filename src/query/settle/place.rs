//! The places that one value comes from, and the type that they have together.

use arrow_schema::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast};

/// One of the places that a value comes from.
pub(super) struct Place {
    data_type: DataType,
    /// The value, where it is written there.
    pub(super) written: Option<ScalarValue>,
}

impl Place {
    pub(super) fn of_expression(expr: &Expr, schema: &DFSchema) -> Result<Self> {
        Ok(Self { data_type: expr.get_type(schema)?, written: literal(expr) })
    }

    /// A column of a branch; what is written in its SELECT is seen there.
    pub(super) fn of_column(input: &LogicalPlan, at: usize) -> Self {
        let written = match input {
            LogicalPlan::Projection(projection) => projection.expr.get(at).and_then(literal),
            _ => None,
        };
        Self { data_type: input.schema().field(at).data_type().clone(), written }
    }

    /// A text in quotes: it has the type of the others.
    fn is_text_in_quotes(&self) -> bool {
        self.data_type.is_string() && self.written.is_some()
    }

    pub(super) fn is_cast_to(&self, common: &DataType) -> bool {
        self.data_type != *common
    }

    pub(super) fn cast(&self, expr: Expr, to: &DataType) -> Expr {
        match self.written.as_ref().and_then(|value| value.cast_to(to).ok()) {
            Some(value) => Expr::Literal(value, None),
            None => cast(expr, to.clone()),
        }
    }
}

fn literal(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

/// The type of all places, if any of them has one; or two that do not go together.
pub(super) fn common(
    places: &[Place],
) -> std::result::Result<Option<DataType>, (DataType, DataType)> {
    let mut typed =
        places.iter().filter(|place| !place.data_type.is_null() && !place.is_text_in_quotes());
    let Some(first) = typed.next() else { return Ok(None) };
    let mut common = first.data_type.clone();
    for place in typed {
        let other = &place.data_type;
        match together(&common, other) {
            Some(both) => common = both,
            None => return Err((common, other.clone())),
        }
    }
    if are_integers(places) {
        common = DataType::Int32;
    }
    for place in places.iter().filter(|place| place.is_text_in_quotes()) {
        let reads = place.written.as_ref().is_some_and(|text| text.cast_to(&common).is_ok());
        if !reads {
            return Err((common, DataType::Utf8));
        }
    }
    Ok(Some(common))
}

/// The type that values of two types have together, where PostgreSQL brings them together by itself.
fn together(one: &DataType, other: &DataType) -> Option<DataType> {
    let alike = Kind::of(one) == Kind::of(other);
    alike.then(|| type_union_coercion(one, other)).flatten()
}

/// Whether there is such a type; a NULL goes with everything.
pub(super) fn go_together(one: &DataType, other: &DataType) -> bool {
    one.is_null() || other.is_null() || together(one, other).is_some()
}

/// Whether there is a column of integers, and beside it only such and whole numbers that are written and fit.
pub(super) fn are_integers(places: &[Place]) -> bool {
    let is_narrow = |t: &DataType| matches!(t, DataType::Int16 | DataType::Int32);
    let fits = |place: &Place| match &place.written {
        Some(ScalarValue::Int64(Some(number))) => i32::try_from(*number).is_ok(),
        _ => is_narrow(&place.data_type) || place.data_type.is_null(),
    };
    let is_written = |place: &Place| matches!(place.written, Some(ScalarValue::Int64(Some(_))));
    places.iter().all(fits)
        && places.iter().any(|place| is_narrow(&place.data_type))
        && places.iter().any(is_written)
}

/// Types that PostgreSQL brings together by itself.
#[derive(PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Moment,
    Boolean,
    Interval,
    Other,
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Self::Moment,
            DataType::Boolean => Self::Boolean,
            DataType::Interval(_) | DataType::Duration(_) => Self::Interval,
            text if text.is_string() => Self::Text,
            number if number.is_numeric() => Self::Number,
            _ => Self::Other,
        }
    }
}
