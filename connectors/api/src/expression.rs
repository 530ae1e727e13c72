//! Typed expressions of a pushed statement, over the columns of the level below by index.

use crate::{Comparison, FunctionRule, OperandClass, Value};
use arrow_schema::{DataType, TimeUnit};

/// An expression with the type and class of its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// What it is.
    pub node: Node,
    /// The Arrow type of its values.
    pub data_type: DataType,
    /// How they compare at the source.
    pub class: OperandClass,
}

/// The kinds of expression. None of them raises an error at the source.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A column of the level below.
    Column(usize),
    /// A bound value.
    Literal(Value),
    /// NULL of the expression's type.
    Null,
    /// `left <op> right`.
    Compare {
        /// The operator.
        operator: Comparison,
        /// The left side.
        left: Box<Expression>,
        /// The right side, of the same class or a literal.
        right: Box<Expression>,
    },
    /// `operand [NOT] IN (values)`; the list holds no NULL.
    InList {
        /// What is looked for.
        operand: Box<Expression>,
        /// The bound values.
        values: Vec<Value>,
        /// NOT IN.
        negated: bool,
    },
    /// `operand IS [NOT] NULL`.
    IsNull {
        /// What is tested.
        operand: Box<Expression>,
        /// IS NOT NULL.
        negated: bool,
    },
    /// `operand [NOT] LIKE pattern`, case-sensitive, `\` as the escape.
    Like {
        /// What is matched.
        operand: Box<Expression>,
        /// The pattern.
        pattern: String,
        /// NOT LIKE.
        negated: bool,
    },
    /// Every part holds; never empty.
    And(Vec<Expression>),
    /// Some part holds; never empty.
    Or(Vec<Expression>),
    /// The part does not hold.
    Not(Box<Expression>),
    /// The first branch whose condition holds.
    Case {
        /// Conditions and their values; never empty.
        branches: Vec<(Expression, Expression)>,
        /// The value where none holds; NULL where there is none.
        otherwise: Option<Box<Expression>>,
    },
    /// A function or operator of the dialect's list.
    Call {
        /// The rule that allows it.
        rule: &'static FunctionRule,
        /// Its arguments; constant words are left out.
        arguments: Vec<Expression>,
    },
    /// The same value in a type that holds every value of the inner one.
    Widen(Box<Expression>),
    /// `sum / count` cut to the scale of the expression's type.
    DecimalAverage {
        /// The sum.
        sum: Box<Expression>,
        /// The number of values.
        count: Box<Expression>,
    },
}

impl Expression {
    /// An expression of a type whose class follows from the type.
    pub fn new(node: Node, data_type: DataType) -> Self {
        let class = class_of(&data_type);
        Self { node, data_type, class }
    }

    /// A bound value.
    pub fn literal(value: Value, data_type: DataType) -> Self {
        Self::new(Node::Literal(value), data_type)
    }

    /// A truth value.
    pub fn condition(node: Node) -> Self {
        Self::new(node, DataType::Boolean)
    }

    /// Whether it is a column of the level below, also in a wider type.
    pub fn column(&self) -> Option<usize> {
        match &self.node {
            Node::Column(index) => Some(*index),
            Node::Widen(inner) => inner.column(),
            _ => None,
        }
    }

    /// The expression without casts that change nothing but the type.
    pub fn narrow(&self) -> &Expression {
        match &self.node {
            Node::Widen(inner) => inner.narrow(),
            _ => self,
        }
    }

    /// Calls `visit` for every column that is read.
    pub fn columns(&self, visit: &mut impl FnMut(usize)) {
        match &self.node {
            Node::Column(index) => visit(*index),
            Node::Literal(_) | Node::Null => {}
            Node::Compare { left, right, .. } => {
                left.columns(visit);
                right.columns(visit);
            }
            Node::InList { operand, .. }
            | Node::IsNull { operand, .. }
            | Node::Like { operand, .. } => operand.columns(visit),
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|p| p.columns(visit)),
            Node::Not(inner) | Node::Widen(inner) => inner.columns(visit),
            Node::Case { branches, otherwise } => {
                for (condition, value) in branches {
                    condition.columns(visit);
                    value.columns(visit);
                }
                if let Some(otherwise) = otherwise {
                    otherwise.columns(visit);
                }
            }
            Node::Call { arguments, .. } => arguments.iter().for_each(|a| a.columns(visit)),
            Node::DecimalAverage { sum, count } => {
                sum.columns(visit);
                count.columns(visit);
            }
        }
    }

    /// The expression with other columns in the place of its own.
    pub fn renumbered(&self, number: &dyn Fn(usize) -> usize) -> Self {
        let of = |inner: &Expression| inner.renumbered(number);
        let boxed = |inner: &Expression| Box::new(of(inner));
        let all = |parts: &[Expression]| parts.iter().map(of).collect::<Vec<_>>();
        let node = match &self.node {
            Node::Column(index) => Node::Column(number(*index)),
            Node::Compare { operator, left, right } => {
                Node::Compare { operator: *operator, left: boxed(left), right: boxed(right) }
            }
            Node::InList { operand, values, negated } => {
                Node::InList { operand: boxed(operand), values: values.clone(), negated: *negated }
            }
            Node::IsNull { operand, negated } => {
                Node::IsNull { operand: boxed(operand), negated: *negated }
            }
            Node::Like { operand, pattern, negated } => {
                Node::Like { operand: boxed(operand), pattern: pattern.clone(), negated: *negated }
            }
            Node::And(parts) => Node::And(all(parts)),
            Node::Or(parts) => Node::Or(all(parts)),
            Node::Not(inner) => Node::Not(boxed(inner)),
            Node::Widen(inner) => Node::Widen(boxed(inner)),
            Node::Case { branches, otherwise } => Node::Case {
                branches: branches.iter().map(|(when, then)| (of(when), of(then))).collect(),
                otherwise: otherwise.as_deref().map(boxed),
            },
            Node::Call { rule, arguments } => Node::Call { rule, arguments: all(arguments) },
            Node::DecimalAverage { sum, count } => {
                Node::DecimalAverage { sum: boxed(sum), count: boxed(count) }
            }
            node @ (Node::Literal(_) | Node::Null) => node.clone(),
        };
        Self { node, data_type: self.data_type.clone(), class: self.class }
    }

    /// The least and the greatest whole number the expression can give; wide where nothing is known.
    pub fn range(&self) -> (i128, i128) {
        let whole = |least: i64, most: i64| (i128::from(least), i128::from(most));
        match &self.node {
            Node::Literal(Value::Integer(value)) => whole(*value, *value),
            Node::Widen(inner) => inner.range(),
            Node::Call { rule, arguments } => match (rule.name, arguments.as_slice()) {
                (operator @ ("+" | "-" | "*"), [left, right]) => {
                    combined(operator, left.range(), right.range())
                }
                ("%", [left, Expression { node: Node::Literal(Value::Integer(by)), .. }])
                    if *by > 0 =>
                {
                    let (least, most) = left.range();
                    let by = i128::from(*by) - 1;
                    (least.clamp(-by, 0), most.clamp(0, by))
                }
                ("/", [left, Expression { node: Node::Literal(Value::Integer(by)), .. }])
                    if *by > 0 =>
                {
                    let (least, most) = left.range();
                    (least / i128::from(*by), most / i128::from(*by))
                }
                ("&", [_, Expression { node: Node::Literal(Value::Integer(mask)), .. }])
                    if *mask >= 0 =>
                {
                    (0, i128::from(*mask))
                }
                // Years go from -4,713 to 5,881,580; every other part is less.
                ("date_part", _) => (-6_000_000, 6_000_000),
                _ => by_type(&self.data_type),
            },
            Node::Case { branches, otherwise } => {
                let values = branches.iter().map(|(_, value)| value).chain(otherwise.as_deref());
                let ranges = values.filter(|value| value.node != Node::Null).map(Self::range);
                ranges
                    .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                    .unwrap_or_else(|| by_type(&self.data_type))
            }
            _ => by_type(&self.data_type),
        }
    }

    /// The most digits in front of the point and behind it.
    pub fn digits(&self) -> (u16, u16) {
        match &self.node {
            Node::Literal(value) => literal_digits(value),
            Node::Widen(inner) => inner.digits(),
            Node::Call { rule, arguments } => match (rule.name, arguments.as_slice()) {
                ("+" | "-", [left, right]) => {
                    let ((a, s), (b, t)) = (left.digits(), right.digits());
                    (a.max(b) + 1, s.max(t))
                }
                ("*", [left, right]) => {
                    let ((a, s), (b, t)) = (left.digits(), right.digits());
                    (a + b, s + t)
                }
                ("negative" | "abs", [inner]) => inner.digits(),
                _ => type_digits(&self.data_type),
            },
            Node::Case { branches, otherwise } => branches
                .iter()
                .map(|(_, value)| value)
                .chain(otherwise.as_deref())
                .map(Self::digits)
                .fold((0, 0), |(a, s), (b, t)| (a.max(b), s.max(t))),
            _ => type_digits(&self.data_type),
        }
    }
}

/// The class of computed values of a type.
pub fn class_of(data_type: &DataType) -> OperandClass {
    match data_type {
        DataType::Boolean => OperandClass::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            OperandClass::Integer
        }
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => OperandClass::Decimal,
        DataType::Float32 | DataType::Float64 => OperandClass::Float,
        DataType::Utf8 => OperandClass::Text,
        DataType::Binary => OperandClass::Bytes,
        DataType::Date32 => OperandClass::Date,
        DataType::Timestamp(TimeUnit::Microsecond, None) => OperandClass::Timestamp,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => OperandClass::TimestampUtc,
        _ => OperandClass::Opaque,
    }
}

fn by_type(data_type: &DataType) -> (i128, i128) {
    let bits = match data_type {
        DataType::Int8 => 7,
        DataType::Int16 => 15,
        DataType::Int32 => 31,
        _ => 63,
    };
    (-(1_i128 << bits), (1_i128 << bits) - 1)
}

/// The range of a sum, difference or product; everything within 64 bits stays far from the ends of 128.
fn combined(operator: &str, left: (i128, i128), right: (i128, i128)) -> (i128, i128) {
    match operator {
        "+" => (left.0.saturating_add(right.0), left.1.saturating_add(right.1)),
        "-" => (left.0.saturating_sub(right.1), left.1.saturating_sub(right.0)),
        _ => {
            let (a, b) = (left.0.saturating_mul(right.0), left.0.saturating_mul(right.1));
            let (c, d) = (left.1.saturating_mul(right.0), left.1.saturating_mul(right.1));
            (a.min(b).min(c).min(d), a.max(b).max(c).max(d))
        }
    }
}

fn literal_digits(value: &Value) -> (u16, u16) {
    let length = |value: u128| if value == 0 { 0 } else { value.ilog10() as u16 + 1 };
    match value {
        Value::Integer(value) => (length(u128::from(value.unsigned_abs())), 0),
        Value::Decimal { unscaled, scale } => {
            let scale = u16::from(*scale);
            (length(unscaled.unsigned_abs()).saturating_sub(scale), scale)
        }
        _ => (u16::MAX / 4, u16::MAX / 4),
    }
}

fn type_digits(data_type: &DataType) -> (u16, u16) {
    match data_type {
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            let scale = u16::try_from(*scale).unwrap_or(0);
            (u16::from(*precision).saturating_sub(scale), scale)
        }
        _ => (u16::MAX / 4, u16::MAX / 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::class::INTEGER;

    const TIMES: FunctionRule =
        FunctionRule::scalar("*", &[INTEGER, INTEGER], "{0} * {1}", "i * i");

    fn call(left: Expression, right: Expression) -> Expression {
        Expression::new(Node::Call { rule: &TIMES, arguments: vec![left, right] }, DataType::Int64)
    }

    #[test]
    fn ranges_follow_the_narrow_type_below_a_wider_one() {
        let narrow = Expression::new(Node::Column(0), DataType::Int32);
        let wide = Expression::new(Node::Widen(Box::new(narrow)), DataType::Int64);
        assert_eq!(call(wide.clone(), wide.clone()).range(), (-(1 << 62) + (1 << 31), 1 << 62));
        let cube = call(call(wide.clone(), wide.clone()), wide);
        assert!(cube.range().1 > i128::from(i64::MAX));
    }

    #[test]
    fn a_rest_is_less_than_its_divisor() {
        const REST: FunctionRule =
            FunctionRule::scalar("%", &[INTEGER, INTEGER], "{0} % {1}", "n % 7");
        let column = Expression::new(Node::Column(0), DataType::Int64);
        let seven = Expression::literal(Value::Integer(7), DataType::Int64);
        let node = Node::Call { rule: &REST, arguments: vec![column, seven] };
        assert_eq!(Expression::new(node, DataType::Int64).range(), (-6, 6));
    }

    #[test]
    fn digits_of_a_product_add_up() {
        let money = Expression::new(Node::Column(0), DataType::Decimal128(15, 2));
        let one = Expression::literal(Value::Integer(1), DataType::Int64);
        assert_eq!(money.digits(), (13, 2));
        assert_eq!(one.digits(), (1, 0));
        assert_eq!(call(money, one).digits(), (14, 2));
    }
}
