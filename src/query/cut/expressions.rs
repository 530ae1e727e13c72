//! The engine's expressions as expressions of a source: what is on the dialect's list, and nothing else.

use super::super::average;
use super::super::pushdown::{is_widening, value};
use super::Reason;
use super::types::remote_type;
use arrow_schema::DataType;
use celosia_connector_api::expression::class_of;
use celosia_connector_api::relation::Shape;
use celosia_connector_api::{
    Argument, Comparison, Dialect, Expression, FunctionKind, FunctionRule, Node, OperandClass,
    Value,
};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Cast, InList, Like, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Case, Expr, ExprSchemable, Operator};

type Translated = Result<Expression, Reason>;

/// Largest constant that a rule takes as a number of characters.
const MOST_NATURAL: i64 = 1_000_000;

/// Digits of the engine's longest decimal, which is what two of different scales may be compared in.
const MOST_DIGITS: u8 = 38;
/// Where a source computes with so many digits, no decimal of the engine is too long for it.
const ANY_DIGITS: u16 = 200;

/// Translates expressions over the columns of one input.
pub(super) struct Translator<'a> {
    pub(super) dialect: &'a dyn Dialect,
    pub(super) schema: &'a DFSchema,
    /// What the source gives for each column.
    pub(super) shape: &'a [Shape],
}

impl Translator<'_> {
    /// The expression at the source.
    ///
    /// # Errors
    /// Why it has to stay in the engine.
    pub(super) fn expression(&self, expr: &Expr) -> Translated {
        match expr {
            Expr::Alias(alias) => self.expression(&alias.expr),
            Expr::Column(column) => {
                let index = self.schema.maybe_index_of_column(column);
                let found = index.and_then(|index| Some((index, self.shape.get(index)?)));
                let (index, shape) = found.ok_or("a column of another level")?;
                let (data_type, class) = (shape.data_type.clone(), shape.class);
                Ok(Expression { node: Node::Column(index), data_type, class })
            }
            Expr::Literal(scalar, _) => literal(scalar),
            Expr::BinaryExpr(binary) => self.binary(binary, expr),
            Expr::Not(inner) => {
                Ok(Expression::condition(Node::Not(Box::new(self.expression(inner)?))))
            }
            Expr::IsNull(inner) => self.null_test(inner, false),
            Expr::IsNotNull(inner) => self.null_test(inner, true),
            Expr::IsTrue(inner) => self.truth(inner, true, true),
            Expr::IsFalse(inner) => self.truth(inner, false, true),
            Expr::IsNotTrue(inner) => self.truth(inner, true, false),
            Expr::IsNotFalse(inner) => self.truth(inner, false, false),
            Expr::Negative(inner) => {
                let inner = self.expression(inner)?;
                self.call("negative", vec![inner], expr)
            }
            Expr::Between(between) => self.between(between),
            Expr::Like(like) => self.like(like),
            Expr::InList(list) => self.in_list(list),
            Expr::Case(case) => self.case(case, expr),
            Expr::Cast(cast) => self.cast(cast, expr),
            Expr::ScalarFunction(function) => self.function(function, expr),
            Expr::Placeholder(_) => Err("a parameter without a value".into()),
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => {
                Err("a subquery that is not a join".into())
            }
            _ => Err("an expression that no source is sent".into()),
        }
    }

    /// The rule of the dialect's list for a function with these arguments; constant words become part of
    /// the spelling.
    pub(super) fn rule(
        &self,
        name: &str,
        kind: FunctionKind,
        arguments: Vec<Expression>,
    ) -> Result<(&'static FunctionRule, Vec<Expression>), Reason> {
        let fits = |rule: &&FunctionRule| {
            rule.name == name
                && rule.kind == kind
                && rule.arguments.len() == arguments.len()
                && rule.arguments.iter().zip(&arguments).all(|(wanted, given)| takes(wanted, given))
        };
        let rule = self
            .dialect
            .functions()
            .iter()
            .find(fits)
            .ok_or_else(|| format!("{name} is not on the list of {}", self.dialect.name()))?;
        let spoken = |(wanted, _): &(&Argument, Expression)| {
            !matches!(wanted, Argument::Word(_) | Argument::Pattern(_) | Argument::Exactly(_))
        };
        let arguments = rule.arguments.iter().zip(arguments).filter(spoken).map(|(_, a)| a);
        Ok((rule, arguments.collect()))
    }

    fn call(&self, name: &str, arguments: Vec<Expression>, expr: &Expr) -> Translated {
        let data_type = self.type_of(expr)?;
        let (rule, arguments) = self.rule(name, FunctionKind::Scalar, arguments)?;
        let call = Expression::new(Node::Call { rule, arguments }, data_type);
        let arithmetic = matches!(name, "+" | "-" | "*" | "negative" | "abs");
        match call.class {
            OperandClass::Integer if arithmetic => {
                let (least, most) = call.range();
                if least < i128::from(i64::MIN) || most > i128::from(i64::MAX) {
                    return Err("whole numbers that may overflow".into());
                }
            }
            OperandClass::Decimal if arithmetic => {
                let (whole, fraction) = call.digits();
                if whole + fraction > self.dialect.decimal_digits() {
                    return Err("more digits than the source computes with".into());
                }
            }
            _ => {}
        }
        Ok(call)
    }

    fn type_of(&self, expr: &Expr) -> Result<DataType, Reason> {
        let data_type =
            expr.get_type(self.schema).map_err(|_| "a type is not known".to_string())?;
        Ok(remote_type(&data_type))
    }

    fn binary(&self, binary: &BinaryExpr, expr: &Expr) -> Translated {
        let operator = match binary.op {
            Operator::And | Operator::Or => return self.connective(binary),
            Operator::Eq => Comparison::Equal,
            Operator::NotEq => Comparison::NotEqual,
            Operator::Lt => Comparison::Less,
            Operator::LtEq => Comparison::LessOrEqual,
            Operator::Gt => Comparison::Greater,
            Operator::GtEq => Comparison::GreaterOrEqual,
            Operator::BitwiseShiftRight => return self.shift(binary, expr),
            op => {
                let name = match op {
                    Operator::BitwiseAnd => "&",
                    Operator::Plus => "+",
                    Operator::Minus => "-",
                    Operator::Multiply => "*",
                    Operator::Divide => "/",
                    Operator::Modulo => "%",
                    Operator::StringConcat => "text_concat",
                    _ => return Err("an operator that no source is sent".into()),
                };
                let sides = vec![self.expression(&binary.left)?, self.expression(&binary.right)?];
                return self.call(name, sides, expr);
            }
        };
        let left = Box::new(self.compared(&binary.left)?);
        let right = Box::new(self.compared(&binary.right)?);
        if left.node == Node::Null || right.node == Node::Null {
            return Err("a comparison with NULL".into());
        }
        Ok(Expression::condition(Node::Compare { operator, left, right }))
    }

    /// A number that is not negative, shifted by a constant: divided.
    fn shift(&self, binary: &BinaryExpr, expr: &Expr) -> Translated {
        let left = self.expression(&binary.left)?;
        let Node::Literal(Value::Integer(by @ 1..=18)) = self.expression(&binary.right)?.node
        else {
            return Err("a shift that is not by a few places".into());
        };
        if left.class != OperandClass::Integer || left.range().0 < 0 {
            return Err("a shift of what may be negative".into());
        }
        let by = Expression::literal(Value::Integer(1 << by), DataType::Int64);
        self.call("/", vec![left, by], expr)
    }

    /// A side of a comparison. Decimals of different types are compared in a common one, which may have
    /// too few digits for both; a source that compares decimals of any length needs none.
    fn compared(&self, side: &Expr) -> Translated {
        let Expr::Cast(cast) = side else { return self.expression(side) };
        let inner = self.expression(&cast.expr)?;
        match (&inner.data_type, cast.field.data_type()) {
            (DataType::Decimal128(_, from), DataType::Decimal128(MOST_DIGITS, to))
                if to >= from && self.dialect.decimal_digits() >= ANY_DIGITS =>
            {
                Ok(inner)
            }
            _ => self.cast(cast, side),
        }
    }

    fn connective(&self, binary: &BinaryExpr) -> Translated {
        let (left, right) = (self.expression(&binary.left)?, self.expression(&binary.right)?);
        let mut parts = Vec::new();
        for side in [left, right] {
            match (side.node, binary.op) {
                (Node::And(inner), Operator::And) | (Node::Or(inner), Operator::Or) => {
                    parts.extend(inner);
                }
                (node, _) => parts.push(Expression { node, ..Expression::condition(Node::Null) }),
            }
        }
        let whole = if binary.op == Operator::And { Node::And(parts) } else { Node::Or(parts) };
        Ok(Expression::condition(whole))
    }

    fn null_test(&self, inner: &Expr, negated: bool) -> Translated {
        let operand = Box::new(self.expression(inner)?);
        Ok(Expression::condition(Node::IsNull { operand, negated }))
    }

    /// `inner IS [NOT] TRUE` or `FALSE`: never unknown.
    fn truth(&self, inner: &Expr, wanted: bool, holds: bool) -> Translated {
        let inner = self.expression(inner)?;
        let condition =
            if wanted { inner } else { Expression::condition(Node::Not(Box::new(inner))) };
        let truth = |value| Expression::literal(Value::Boolean(value), DataType::Boolean);
        let branches = vec![(condition, truth(holds))];
        Ok(Expression::condition(Node::Case { branches, otherwise: Some(Box::new(truth(!holds))) }))
    }

    fn between(&self, between: &Between) -> Translated {
        let operand = self.expression(&between.expr)?;
        let side = |operator, bound: &Expr| {
            let (left, right) = (Box::new(operand.clone()), Box::new(self.expression(bound)?));
            Ok::<_, Reason>(Expression::condition(Node::Compare { operator, left, right }))
        };
        let both = Expression::condition(Node::And(vec![
            side(Comparison::GreaterOrEqual, &between.low)?,
            side(Comparison::LessOrEqual, &between.high)?,
        ]));
        Ok(match between.negated {
            true => Expression::condition(Node::Not(Box::new(both))),
            false => both,
        })
    }

    fn like(&self, like: &Like) -> Translated {
        if like.case_insensitive || !matches!(like.escape_char, None | Some('\\')) {
            return Err("ILIKE, or an escape other than \\".into());
        }
        let Node::Literal(Value::Text(pattern)) = self.expression(&like.pattern)?.node else {
            return Err("a pattern that is not a constant".into());
        };
        let operand = Box::new(self.expression(&like.expr)?);
        Ok(Expression::condition(Node::Like { operand, pattern, negated: like.negated }))
    }

    fn in_list(&self, list: &InList) -> Translated {
        let operand = Box::new(self.expression(&list.expr)?);
        let values = list.list.iter().map(|item| match self.expression(item)?.node {
            Node::Literal(value) => Ok(value),
            _ => Err("a list with something else than constants".to_string()),
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        Ok(Expression::condition(Node::InList { operand, values, negated: list.negated }))
    }

    fn case(&self, case: &Case, expr: &Expr) -> Translated {
        let data_type = self.type_of(expr)?;
        let compared = case.expr.as_ref().map(|base| self.expression(base)).transpose()?;
        let branches = case.when_then_expr.iter().map(|(when, then)| {
            let when = self.expression(when)?;
            let condition = match &compared {
                Some(base) => Expression::condition(Node::Compare {
                    operator: Comparison::Equal,
                    left: Box::new(base.clone()),
                    right: Box::new(when),
                }),
                None => when,
            };
            Ok((condition, self.expression(then)?))
        });
        let branches = branches.collect::<Result<Vec<_>, Reason>>()?;
        let otherwise = case.else_expr.as_ref().map(|e| self.expression(e)).transpose()?;
        conditional(branches, otherwise, data_type)
    }

    fn cast(&self, cast: &Cast, expr: &Expr) -> Translated {
        let inner = self.expression(&cast.expr)?;
        let target = remote_type(cast.field.data_type());
        if inner.node == Node::Null {
            return Ok(Expression::new(Node::Null, target));
        }
        if inner.data_type == target && *cast.field.data_type() == target {
            return Ok(inner);
        }
        if is_widening(&inner.data_type, &target) || fits(&inner, &target) {
            // A wider type says nothing more of a text's collation or a time stamp's digits.
            let class = match inner.class {
                OperandClass::Integer => class_of(&target),
                class => class,
            };
            return Ok(Expression { node: Node::Widen(Box::new(inner)), data_type: target, class });
        }
        let name = match target {
            DataType::Date32 => "cast date",
            DataType::Utf8 => "cast text",
            DataType::Float64 => "cast double",
            _ => return Err("a cast that may fail".into()),
        };
        self.call(name, vec![inner], expr)
    }

    fn function(&self, function: &ScalarFunction, expr: &Expr) -> Translated {
        let arguments = || {
            function.args.iter().map(|argument| self.expression(argument)).collect::<Result<_, _>>()
        };
        match (function.name(), function.args.len()) {
            ("checked_plus", _) => self.call("+", arguments()?, expr),
            ("checked_minus", _) => self.call("-", arguments()?, expr),
            ("checked_times", _) => self.call("*", arguments()?, expr),
            ("coalesce" | "nvl", _) => self.coalesce(arguments()?, expr),
            ("nullif", 2) => self.null_if(arguments()?, expr),
            (average::NAME, 2) => {
                let mut sides: Vec<Expression> = arguments()?;
                let (Some(count), Some(sum)) = (sides.pop(), sides.pop()) else {
                    return Err("an average of nothing".into());
                };
                let node = Node::DecimalAverage { sum: Box::new(sum), count: Box::new(count) };
                Ok(Expression::new(node, self.type_of(expr)?))
            }
            (name, _) => self.call(name, arguments()?, expr),
        }
    }

    fn coalesce(&self, arguments: Vec<Expression>, expr: &Expr) -> Translated {
        let mut arguments = arguments;
        let last = arguments.pop().ok_or("coalesce of nothing")?;
        let branches = arguments.into_iter().map(|argument| {
            let operand = Box::new(argument.clone());
            (Expression::condition(Node::IsNull { operand, negated: true }), argument)
        });
        let branches: Vec<_> = branches.collect();
        if branches.is_empty() {
            return Ok(last);
        }
        conditional(branches, Some(last), self.type_of(expr)?)
    }

    fn null_if(&self, arguments: Vec<Expression>, expr: &Expr) -> Translated {
        let [value, other] = arguments.as_slice() else { return Err("nullif of one value".into()) };
        let data_type = self.type_of(expr)?;
        let equal = Expression::condition(Node::Compare {
            operator: Comparison::Equal,
            left: Box::new(value.clone()),
            right: Box::new(other.clone()),
        });
        let null = Expression::new(Node::Null, data_type.clone());
        conditional(vec![(equal, null)], Some(value.clone()), data_type)
    }
}

/// Whether every value of an expression over whole numbers is one of a narrower type.
fn fits(inner: &Expression, target: &DataType) -> bool {
    let bits = match target {
        DataType::Int16 => 15,
        DataType::Int32 => 31,
        _ => return false,
    };
    let (least, most) = inner.range();
    inner.class == OperandClass::Integer && least >= -(1 << bits) && most < 1 << bits
}

/// A CASE whose values are all of one class, so that the source takes them for one type.
fn conditional(
    branches: Vec<(Expression, Expression)>,
    otherwise: Option<Expression>,
    data_type: DataType,
) -> Translated {
    let class = class_of(&data_type);
    let fits = |value: &Expression| value.node == Node::Null || value.class == class;
    if class == OperandClass::Opaque
        || !branches.iter().map(|(_, value)| value).chain(otherwise.as_ref()).all(fits)
    {
        return Err("a CASE over values of several types".into());
    }
    let otherwise = otherwise.map(Box::new);
    Ok(Expression { node: Node::Case { branches, otherwise }, data_type, class })
}

fn literal(scalar: &ScalarValue) -> Translated {
    let data_type = remote_type(&scalar.data_type());
    if scalar.is_null() {
        return Ok(Expression::new(Node::Null, data_type));
    }
    match value(scalar) {
        Some(value) => Ok(Expression::literal(value, data_type)),
        None => Err("a constant of a type that no source is sent".into()),
    }
}

fn takes(wanted: &Argument, given: &Expression) -> bool {
    match (wanted, &given.node) {
        (Argument::Of(classes), _) => given.node != Node::Null && classes.contains(given.class),
        (Argument::Word(word), Node::Literal(Value::Text(text))) => text.eq_ignore_ascii_case(word),
        (Argument::Pattern(pattern), Node::Literal(Value::Text(text))) => {
            text == pattern || *text == pattern.to_ascii_lowercase()
        }
        (Argument::Natural, Node::Literal(Value::Integer(n))) => (0..=MOST_NATURAL).contains(n),
        (Argument::Positive, Node::Literal(Value::Integer(n))) => (1..=MOST_NATURAL).contains(n),
        (Argument::Exactly(wanted), Node::Literal(Value::Integer(n))) => wanted == n,
        (Argument::NonEmpty, Node::Literal(Value::Text(text))) => {
            !text.is_empty() && !text.contains('\0')
        }
        (Argument::Without(words), Node::Literal(Value::Text(text))) => {
            let upper = text.to_ascii_uppercase();
            !text.is_empty()
                && !text.contains('\0')
                && !words.iter().any(|word| upper.contains(word))
        }
        _ => false,
    }
}
