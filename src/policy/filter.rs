//! Row filters as they are written: SQL text, parsed and cut down to what cannot raise an error.
//!
//! A filter is bound to a table and a caller's attributes in [`super::bind`].

use crate::model::Comparison;
use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Ident, TimezoneInfo, UnaryOperator, Value as SqlValue,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::convert::{Literal, parse_date, parse_timestamp};

/// What a filter may be made of, for error messages.
pub(super) const ALLOWED: &str = "a row filter is made of comparisons of a column with a literal, \
    a user.attribute or another column, IN, = ANY (user.list), BETWEEN, LIKE 'text', IS NULL, \
    boolean columns, TRUE, FALSE, AND, OR, NOT and parentheses";

/// The longest text of a filter.
const MAX_LENGTH: usize = 4_000;

/// A parsed row filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    /// As it was written.
    pub(super) text: String,
    pub(super) condition: Condition,
}

/// The leak-proof conditions, over names.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Constant(bool),
    Compare { column: Name, operator: Comparison, operand: Operand },
    CompareColumns { left: Name, operator: Comparison, right: Name },
    In { column: Name, items: Vec<Operand>, negated: bool },
    IsNull { column: Name, negated: bool },
    Like { column: Name, pattern: String, negated: bool },
    IsTrue(Name),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
}

impl Condition {
    fn attributes<'a>(&'a self, names: &mut Vec<&'a str>) {
        let mut add = |operand: &'a Operand| {
            if let Operand::Attribute(name) = operand {
                names.push(name);
            }
        };
        match self {
            Condition::Compare { operand, .. } => add(operand),
            Condition::In { items, .. } => items.iter().for_each(add),
            Condition::And(parts) | Condition::Or(parts) => {
                parts.iter().for_each(|part| part.attributes(names));
            }
            Condition::Not(part) => part.attributes(names),
            _ => {}
        }
    }
}

/// A column's name as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    /// Written in double quotes: upper and lower case count.
    pub(super) exact: bool,
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Literal(Literal),
    /// `user.name`
    Attribute(String),
}

impl Filter {
    /// Parses `text`; the error says what is allowed.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the row filter is empty; leave the key out to open every row".into());
        }
        if text.len() > MAX_LENGTH {
            return Err(format!("the row filter is longer than {MAX_LENGTH} bytes"));
        }
        let condition = condition(&parse(text)?)?;
        Ok(Self { text: text.trim().to_string(), condition })
    }

    /// The attributes of the caller that the filter asks for.
    pub(super) fn attributes(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.condition.attributes(&mut names);
        names
    }
}

fn parse(text: &str) -> Result<Expr, String> {
    let dialect = PostgreSqlDialect {};
    let unparsable = |error: &dyn std::fmt::Display| format!("{text:?} is not SQL: {error}");
    let mut tokens = Tokenizer::new(&dialect, text).tokenize().map_err(|e| unparsable(&e))?;
    quote_user(&mut tokens);
    let mut parser = Parser::new(&dialect).with_tokens(tokens);
    let expression = parser.parse_expr().map_err(|e| unparsable(&e))?;
    match parser.next_token().token {
        Token::EOF => Ok(expression),
        other => Err(format!("{text:?}: unexpected {other}; {ALLOWED}")),
    }
}

/// `user` is a function in PostgreSQL; before a dot it is ours.
fn quote_user(tokens: &mut [Token]) {
    for i in 1..tokens.len() {
        let (before, after) = tokens.split_at_mut(i);
        if let (Token::Word(word), Token::Period) = (&mut before[i - 1], &after[0])
            && word.value.eq_ignore_ascii_case("user")
        {
            *word = sqlparser::tokenizer::Word {
                value: "user".into(),
                quote_style: Some('"'),
                keyword: sqlparser::keywords::Keyword::NoKeyword,
            };
        }
    }
}

fn condition(expression: &Expr) -> Result<Condition, String> {
    Ok(match expression {
        Expr::Nested(inner) => condition(inner)?,
        Expr::BinaryOp { op: BinaryOperator::And, .. } => {
            Condition::And(chain(expression, &BinaryOperator::And)?)
        }
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => {
            Condition::Or(chain(expression, &BinaryOperator::Or)?)
        }
        Expr::BinaryOp { left, op, right } => {
            let operator = comparison(op).ok_or_else(|| refused(expression))?;
            compare(expression, left, operator, right)?
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            Condition::Not(Box::new(condition(expr)?))
        }
        Expr::InList { expr, list, negated } => Condition::In {
            column: column(expr)?,
            items: list.iter().map(operand).collect::<Result<_, _>>()?,
            negated: *negated,
        },
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match operand(right)? {
            list @ Operand::Attribute(_) => {
                Condition::In { column: column(left)?, items: vec![list], negated: false }
            }
            Operand::Literal(_) => return Err(refused(expression)),
        },
        Expr::Between { expr, negated, low, high } => between(expr, *negated, low, high)?,
        Expr::IsNull(inner) => Condition::IsNull { column: column(inner)?, negated: false },
        Expr::IsNotNull(inner) => Condition::IsNull { column: column(inner)?, negated: true },
        Expr::IsTrue(inner) => is_boolean(inner, true)?,
        Expr::IsNotTrue(inner) => Condition::Not(Box::new(is_boolean(inner, true)?)),
        Expr::IsFalse(inner) => is_boolean(inner, false)?,
        Expr::IsNotFalse(inner) => Condition::Not(Box::new(is_boolean(inner, false)?)),
        Expr::Like { negated, any: false, expr, pattern, escape_char: None } => Condition::Like {
            column: column(expr)?,
            pattern: pattern_text(pattern)?,
            negated: *negated,
        },
        Expr::Value(value) => match &value.value {
            SqlValue::Boolean(value) => Condition::Constant(*value),
            _ => return Err(refused(expression)),
        },
        Expr::Identifier(_) => Condition::IsTrue(column(expression)?),
        _ => return Err(refused(expression)),
    })
}

/// The parts of a chain of one connective, walked without recursion along its left side.
fn chain(expression: &Expr, connective: &BinaryOperator) -> Result<Vec<Condition>, String> {
    let mut parts = Vec::new();
    let mut rest = expression;
    while let Expr::BinaryOp { left, op, right } = rest
        && op == connective
    {
        parts.push(condition(right)?);
        rest = left;
    }
    parts.push(condition(rest)?);
    parts.reverse();
    Ok(parts)
}

fn compare(
    whole: &Expr,
    left: &Expr,
    operator: Comparison,
    right: &Expr,
) -> Result<Condition, String> {
    Ok(match (column(left), column(right)) {
        (Ok(left), Ok(right)) => Condition::CompareColumns { left, operator, right },
        (Ok(column), Err(_)) => Condition::Compare { column, operator, operand: operand(right)? },
        (Err(_), Ok(column)) => {
            Condition::Compare { column, operator: operator.swapped(), operand: operand(left)? }
        }
        (Err(_), Err(_)) => return Err(refused(whole)),
    })
}

fn between(expr: &Expr, negated: bool, low: &Expr, high: &Expr) -> Result<Condition, String> {
    let bound = |operator, bound| {
        Ok::<_, String>(Condition::Compare {
            column: column(expr)?,
            operator,
            operand: operand(bound)?,
        })
    };
    let both = Condition::And(vec![
        bound(Comparison::GreaterOrEqual, low)?,
        bound(Comparison::LessOrEqual, high)?,
    ]);
    Ok(if negated { Condition::Not(Box::new(both)) } else { both })
}

/// `column IS TRUE`: never NULL, unlike the column itself.
fn is_boolean(inner: &Expr, value: bool) -> Result<Condition, String> {
    let name = column(inner)?;
    let truth = Condition::IsTrue(name.clone());
    let truth = if value { truth } else { Condition::Not(Box::new(truth)) };
    Ok(Condition::And(vec![Condition::IsNull { column: name, negated: true }, truth]))
}

fn column(expression: &Expr) -> Result<Name, String> {
    match strip(expression) {
        Expr::Identifier(Ident { value, quote_style, .. }) => {
            Ok(Name { text: value.clone(), exact: quote_style.is_some() })
        }
        other => Err(refused(other)),
    }
}

fn operand(expression: &Expr) -> Result<Operand, String> {
    match strip(expression) {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [user, name] if user.value == "user" => Ok(Operand::Attribute(name.value.clone())),
            _ => Err(refused(expression)),
        },
        other => literal(other).map(Operand::Literal),
    }
}

fn literal(expression: &Expr) -> Result<Literal, String> {
    match expression {
        Expr::Value(value) => match &value.value {
            SqlValue::Boolean(value) => Ok(Literal::Boolean(*value)),
            SqlValue::Number(digits, false) if is_plain_number(digits) => {
                Ok(Literal::Number(digits.clone()))
            }
            SqlValue::SingleQuotedString(text) => Ok(Literal::Text(text.clone())),
            SqlValue::Null => {
                Err(format!("a comparison with NULL never holds; write IS NULL; {ALLOWED}"))
            }
            _ => Err(refused(expression)),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal(expr)? {
            Literal::Number(digits) if !digits.starts_with('-') => {
                Ok(Literal::Number(format!("-{digits}")))
            }
            _ => Err(refused(expression)),
        },
        Expr::TypedString(typed) => {
            let SqlValue::SingleQuotedString(text) = &typed.value.value else {
                return Err(refused(expression));
            };
            typed_literal(&typed.data_type, text).ok_or_else(|| {
                format!(
                    "{expression} is not a date 'YYYY-MM-DD' or timestamp 'YYYY-MM-DD HH:MM:SS'"
                )
            })
        }
        _ => Err(refused(expression)),
    }
}

fn typed_literal(data_type: &DataType, text: &str) -> Option<Literal> {
    match data_type {
        DataType::Date => parse_date(text).map(Literal::Date),
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            let (micros, zoned) = parse_timestamp(text)?;
            (!zoned).then_some(Literal::Timestamp(micros))
        }
        DataType::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            parse_timestamp(text).map(|(micros, _)| Literal::TimestampUtc(micros))
        }
        _ => None,
    }
}

fn pattern_text(expression: &Expr) -> Result<String, String> {
    let Literal::Text(pattern) = literal(strip(expression))? else {
        return Err(refused(expression));
    };
    let escapes = pattern.bytes().rev().take_while(|b| *b == b'\\').count();
    if escapes % 2 == 1 || pattern.contains('\0') {
        return Err(format!("the LIKE pattern {pattern:?} ends in a lone escape or holds NUL"));
    }
    Ok(pattern)
}

fn strip(mut expression: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expression {
        expression = inner;
    }
    expression
}

fn comparison(operator: &BinaryOperator) -> Option<Comparison> {
    Some(match operator {
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::NotEq => Comparison::NotEqual,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn is_plain_number(digits: &str) -> bool {
    digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn refused(expression: &Expr) -> String {
    format!("`{expression}` is not allowed: {ALLOWED}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Condition {
        Filter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).condition
    }

    fn name(text: &str) -> Name {
        Name { text: text.into(), exact: false }
    }

    #[test]
    fn the_leak_proof_forms_are_taken() {
        for text in [
            "region = user.region",
            "user.region = region",
            "\"Region\" <> 'EU'",
            "a < b",
            "x IN (1, 2, -3)",
            "team IN (user.teams)",
            "team = ANY (user.teams)",
            "x NOT IN ('a')",
            "d BETWEEN date '2024-01-01' AND '2024-12-31'",
            "t >= timestamp '2024-01-01 10:00:00'",
            "t < timestamptz '2024-01-01 10:00:00+02:00'",
            "x IS NULL",
            "x IS NOT NULL OR NOT (y)",
            "name LIKE 'A%'",
            "name NOT LIKE 'A%'",
            "on_hold = false",
            "on_hold",
            "NOT on_hold",
            "on_hold IS NOT TRUE",
            "TRUE",
            "a != -1.5",
            "((a)) = ((1))",
            "5 > a",
            "USER.region = region",
        ] {
            assert!(Filter::parse(text).is_ok(), "{text}: {:?}", Filter::parse(text));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "  ",
            "1/(id-3) < 5",
            "a + 1 = 2",
            "lower(a) = 'x'",
            "a = (SELECT 1)",
            "1 = 1",
            "EXISTS (SELECT 1)",
            "a ILIKE 'x'",
            "a ~ 'x'",
            "a = NULL",
            "a::text = 'x'",
            "a = $1",
            "cast(a as int) = 1",
            "CASE WHEN a THEN b END",
            "a LIKE b",
            "a LIKE 'x' ESCAPE '!'",
            "a LIKE 'x\\'",
            "a LIKE user.pattern",
            "a = user",
            "a = user.x.y",
            "a = user.teams[1]",
            "t.a = 1",
            "user.level >= 3",
            "user.admin",
            "a = 1; drop table x",
            "a = 1 b",
            "a =",
            "(a, b) = (1, 2)",
            "a IN (SELECT 1)",
            "a IN (NULL)",
            "a IN ()",
            "a = ANY (ARRAY[1])",
            "a > ANY (user.x)",
            "a = ALL (user.x)",
            "a = E'x'",
            "a = 1e9",
            "a = 'x' COLLATE \"C\"",
            "a = date '2024-13-01'",
            "a = timestamp '2024-01-01 10:00:00+02:00'",
            "'x'",
            "NULL",
            "a = interval '1 day'",
            "a IS DISTINCT FROM 1",
            "(a = 1) IS TRUE",
            "a = b = c",
            "a || b = 'c'",
            "a -- comment\n = ",
            "a = current_user",
            "a = now()",
        ] {
            assert!(Filter::parse(text).is_err(), "{text}: {:?}", Filter::parse(text));
        }
        assert!(Filter::parse("lower(a) = 'x'").unwrap_err().contains("IN, = ANY"));
        assert!(Filter::parse(&format!("a = '{}'", "x".repeat(5_000))).is_err());
    }

    #[test]
    fn the_parts_keep_their_meaning() {
        let one = |column: &str| Condition::IsTrue(name(column));
        assert_eq!(
            parsed("a AND b OR NOT c"),
            Condition::Or(vec![
                Condition::And(vec![one("a"), one("b")]),
                Condition::Not(Box::new(one("c")))
            ])
        );
        assert_eq!(
            parsed("5 > a"),
            Condition::Compare {
                column: name("a"),
                operator: Comparison::Less,
                operand: Operand::Literal(Literal::Number("5".into()))
            }
        );
        assert_eq!(
            parsed("a IS FALSE"),
            Condition::And(vec![
                Condition::IsNull { column: name("a"), negated: true },
                Condition::Not(Box::new(one("a")))
            ])
        );
    }

    #[test]
    fn a_long_chain_is_flat() {
        let text = vec!["a"; 600].join(" OR ");
        let Condition::Or(parts) = parsed(&text) else { panic!("not a chain") };
        assert_eq!(parts.len(), 600);
        assert!(Filter::parse(&"NOT ".repeat(900)).is_err());
        assert!(Filter::parse(&format!("{}a{}", "(".repeat(500), ")".repeat(500))).is_err());
    }
}
