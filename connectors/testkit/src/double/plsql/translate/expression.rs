//! Expressions: scalars and conditions are two things, as before 23ai they are in Oracle.

use super::super::errors;
use super::super::registry::{literal, quoted};
use super::super::types::OracleType;
use super::{Translation, Translator, folded, parts, rowid};
use crate::double::engine::EngineError;
use sqlparser::ast::{
    BinaryOperator, CeilFloorKind, DataType, DateTimeField, Expr, Ident, Interval, TrimWhereField,
    TypedString, UnaryOperator, Value,
};

/// The most items of an IN list before 23ai, and since.
const MOST_ITEMS: (usize, usize) = (1_000, 65_535);

impl Translator<'_> {
    /// A select list's item: a scalar, and from 23ai on also a condition.
    pub(super) fn value(&mut self, expr: &Expr) -> Translation<String> {
        if !is_condition(expr) {
            return self.scalar(expr);
        }
        if !self.scope.release.is_23() {
            return Err(errors::ora(923, "FROM keyword not found where expected"));
        }
        self.condition(expr)
    }

    /// Several scalars.
    pub(in super::super) fn scalars(&mut self, list: &[Expr]) -> Translation<Vec<String>> {
        list.iter().map(|expr| self.scalar(expr)).collect()
    }

    /// A condition.
    pub(in super::super) fn condition(&mut self, expr: &Expr) -> Translation<String> {
        match expr {
            Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => {
                // A chain is written flat: a deep one would not fit the stack.
                let mut texts = Vec::new();
                for part in chain(expr, op) {
                    texts.push(self.condition(part)?);
                }
                Ok(format!("({})", texts.join(&format!(" {op} "))))
            }
            Expr::BinaryOp { left, op, right } => self.comparison(left, op, right),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                Ok(format!("(NOT {})", self.condition(expr)?))
            }
            Expr::Nested(inner) => Ok(format!("({})", self.condition(inner)?)),
            Expr::IsNull(inner) => Ok(format!("({} IS NULL)", self.scalar(inner)?)),
            Expr::IsNotNull(inner) => Ok(format!("({} IS NOT NULL)", self.scalar(inner)?)),
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            Expr::InSubquery { expr, subquery, negated } => {
                let left = self.scalar(expr)?;
                Ok(format!("({left} {}IN ({}))", not(*negated), self.query(subquery)?))
            }
            Expr::Between { expr, negated, low, high } => {
                let (value, low, high) =
                    (self.scalar(expr)?, self.scalar(low)?, self.scalar(high)?);
                Ok(format!("({value} {}BETWEEN {low} AND {high})", not(*negated)))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like(expr, pattern, escape_char.as_ref().map(|v| &v.value), *negated)
            }
            Expr::Exists { subquery, negated } => {
                Ok(format!("({}EXISTS ({}))", not(*negated), self.query(subquery)?))
            }
            Expr::AnyOp { left, compare_op, right, .. } => {
                self.quantified(left, compare_op, "ANY", right)
            }
            Expr::AllOp { left, compare_op, right } => {
                self.quantified(left, compare_op, "ALL", right)
            }
            Expr::Function(function)
                if function.name.to_string().eq_ignore_ascii_case("REGEXP_LIKE") =>
            {
                self.function(function)
            }
            other if self.scope.release.is_23() => self.truth(other),
            _ => Err(errors::ora(920, "invalid relational operator")),
        }
    }

    /// What 23ai takes for a condition besides: BOOLEAN values and tests of them.
    fn truth(&mut self, expr: &Expr) -> Translation<String> {
        let (test, inner) = match expr {
            Expr::IsTrue(inner) => (" IS TRUE", inner),
            Expr::IsNotTrue(inner) => (" IS NOT TRUE", inner),
            Expr::IsFalse(inner) => (" IS FALSE", inner),
            Expr::IsNotFalse(inner) => (" IS NOT FALSE", inner),
            other => return self.scalar(other),
        };
        Ok(format!("({}{test})", self.value(inner)?))
    }

    fn comparison(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Translation<String> {
        let symbol = match op {
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            _ => return Err(errors::ora(920, "invalid relational operator")),
        };
        let (mut left_text, right_text) = (self.scalar(left)?, self.scalar(right)?);
        if is_text(left) && is_text(right) {
            // Two literals are CHAR, which is compared with blanks added.
            left_text = format!("CAST({left_text} AS ora.ochar)");
        }
        Ok(format!("({left_text} {symbol} {right_text})"))
    }

    fn quantified(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        word: &str,
        right: &Expr,
    ) -> Translation<String> {
        let left = self.scalar(left)?;
        match right {
            Expr::Subquery(query) => Ok(format!("({left} {op} {word} ({}))", self.query(query)?)),
            _ => Err(errors::unsupported("ANY or ALL of a list")),
        }
    }

    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool) -> Translation<String> {
        let most = if self.scope.release.is_23() { MOST_ITEMS.1 } else { MOST_ITEMS.0 };
        if list.len() > most {
            let text = format!("maximum number of expressions in a list is {most}");
            return Err(errors::ora(1795, &text));
        }
        let left = self.scalar(expr)?;
        let items = self.scalars(list)?;
        Ok(format!("({left} {}IN ({}))", not(negated), items.join(", ")))
    }

    fn like(
        &mut self,
        expr: &Expr,
        pattern: &Expr,
        escape: Option<&Value>,
        negated: bool,
    ) -> Translation<String> {
        let (value, pattern) = (self.scalar(expr)?, self.scalar(pattern)?);
        let not = not(negated);
        let Some(escape) = escape else {
            return Ok(format!("({value} {not}LIKE nullif({pattern}, '') ESCAPE '')"));
        };
        let escape = self.literal_value(escape)?;
        Ok(format!("({value} {not}LIKE ora.pattern({pattern}, {escape}) ESCAPE {escape})"))
    }

    /// A scalar.
    pub(in super::super) fn scalar(&mut self, expr: &Expr) -> Translation<String> {
        if is_condition(expr) && !self.scope.release.is_23() {
            return Err(errors::ora(907, "missing right parenthesis"));
        }
        match expr {
            Expr::Identifier(name) => self.identifier(name),
            // PostgreSQL knows a table by its alias alone.
            Expr::CompoundIdentifier(names) => {
                let last = names.len().saturating_sub(2);
                let names: Vec<String> = names[last..].iter().map(rowid::or_column).collect();
                Ok(names.join("."))
            }
            Expr::Value(value) => self.literal_value(&value.value),
            Expr::TypedString(typed) => typed_literal(typed),
            Expr::Interval(interval) => interval_literal(interval),
            Expr::Nested(inner) => Ok(format!("({})", self.value(inner)?)),
            Expr::BinaryOp { left, op, right } => self.arithmetic(left, op, right),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                Ok(format!("(- {})", self.scalar(expr)?))
            }
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => self.scalar(expr),
            Expr::Cast { expr, data_type, .. } => self.cast(expr, data_type),
            Expr::AtTimeZone { timestamp, .. } => {
                // An instant stays the same instant in every zone.
                Ok(format!("CAST({} AS timestamptz)", self.scalar(timestamp)?))
            }
            Expr::Extract { field, expr, .. } => self.extract(field, expr),
            Expr::Ceil { expr, field } => self.rounded("ceil", expr, field),
            Expr::Floor { expr, field } => self.rounded("floor", expr, field),
            Expr::Substring { expr, substring_from, substring_for, shorthand: true, .. } => {
                let parts = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
                let texts: Translation<Vec<String>> =
                    parts.into_iter().flatten().map(|part| self.scalar(part)).collect();
                Ok(format!("substr({})", texts?.join(", ")))
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                self.trim(*trim_where, trim_what.as_deref(), expr)
            }
            Expr::Function(function) => self.function(function),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Subquery(query) => Ok(format!("({})", self.query(query)?)),
            Expr::Tuple(list) => Ok(format!("({})", self.scalars(list)?.join(", "))),
            Expr::Collate { expr, collation } => {
                if parts(collation)?.last().is_some_and(|name| name == "BINARY") {
                    return self.scalar(expr);
                }
                Err(errors::unsupported("a collation other than BINARY"))
            }
            Expr::Prior(_) => {
                Err(errors::ora(1788, "CONNECT BY clause required in this query block"))
            }
            other if is_condition(other) => self.condition(other),
            _ => Err(errors::ora(936, "missing expression")),
        }
    }

    fn identifier(&mut self, name: &Ident) -> Translation<String> {
        let text = folded(name);
        if name.quote_style.is_some() {
            return Ok(quoted(&text));
        }
        Ok(match text.as_str() {
            "SYSDATE" => "ora.odate(date_trunc('second', clock_timestamp()))".to_string(),
            "CURRENT_DATE" => "ora.odate(date_trunc('second', now()))".to_string(),
            "SYSTIMESTAMP" => "clock_timestamp()".to_string(),
            "CURRENT_TIMESTAMP" => "now()".to_string(),
            "LOCALTIMESTAMP" => "CAST(now() AS timestamp)".to_string(),
            "SESSIONTIMEZONE" | "DBTIMEZONE" => "CAST('+00:00' AS text)".to_string(),
            "USER" => "sys_context('USERENV', 'SESSION_USER')".to_string(),
            "UID" => "CAST(0 AS numeric)".to_string(),
            "ROWID" => rowid::or_column(name),
            "ROWNUM" => "CAST(row_number() OVER () AS numeric)".to_string(),
            "LEVEL" if self.levels => "CAST(\"_level\".level AS numeric)".to_string(),
            "BINARY_DOUBLE_INFINITY" => "CAST('Infinity' AS float8)".to_string(),
            "BINARY_DOUBLE_NAN" => "CAST('NaN' AS float8)".to_string(),
            "BINARY_FLOAT_INFINITY" => "CAST('Infinity' AS float4)".to_string(),
            "BINARY_FLOAT_NAN" => "CAST('NaN' AS float4)".to_string(),
            "TRUE" | "FALSE" if self.scope.release.is_23() => text.to_lowercase(),
            _ => quoted(&text),
        })
    }

    fn literal_value(&mut self, value: &Value) -> Translation<String> {
        Ok(match value {
            Value::Number(digits, _) => format!("CAST({} AS numeric)", literal(digits)),
            Value::SingleQuotedString(text) | Value::NationalStringLiteral(text) => {
                text_or_null(text)
            }
            Value::QuoteDelimitedStringLiteral(text)
            | Value::NationalQuoteDelimitedStringLiteral(text) => text_or_null(&text.value),
            Value::Null => "NULL".to_string(),
            Value::Boolean(value) => value.to_string(),
            Value::Placeholder(text) => self.placeholder(text)?,
            _ => return Err(errors::ora(936, "missing expression")),
        })
    }

    /// A bound value, or the literal of a double: see the tokens.
    fn placeholder(&self, text: &str) -> Translation<String> {
        let unbound = || errors::ora(1008, "not all variables bound");
        match text.split_at_checked(1) {
            Some(("d", digits)) => Ok(format!("CAST('{digits}' AS float8)")),
            Some(("f", digits)) => Ok(format!("CAST('{digits}' AS float4)")),
            Some(("?", number)) => {
                let place = number.parse::<usize>().ok();
                place.and_then(|place| self.binds.get(place)).cloned().ok_or_else(unbound)
            }
            _ => Err(errors::ora(911, "invalid character")),
        }
    }

    fn arithmetic(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Translation<String> {
        let symbol = match op {
            BinaryOperator::Plus => "+",
            BinaryOperator::Minus => "-",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::StringConcat => "||",
            _ => {
                return self.condition(&Expr::BinaryOp {
                    left: Box::new(left.clone()),
                    op: op.clone(),
                    right: Box::new(right.clone()),
                });
            }
        };
        if symbol == "||" {
            let (left, right) = (self.joined(left)?, self.joined(right)?);
            return Ok(format!("({left} || {right})"));
        }
        Ok(format!("({} {symbol} {})", self.scalar(left)?, self.scalar(right)?))
    }

    /// An operand of `||`: what is no text becomes text.
    fn joined(&mut self, expr: &Expr) -> Translation<String> {
        let text = self.scalar(expr)?;
        let date = matches!(expr, Expr::Identifier(name)
            if matches!(folded(name).as_str(), "SYSDATE" | "SYSTIMESTAMP" | "CURRENT_DATE"));
        Ok(if date { format!("to_char({text})") } else { text })
    }

    fn cast(&mut self, expr: &Expr, data_type: &DataType) -> Translation<String> {
        let target =
            OracleType::parse(data_type).ok_or_else(|| errors::ora(902, "invalid datatype"))?;
        let value = self.value(expr)?;
        let postgres = target.postgres();
        Ok(match target {
            OracleType::Number { .. } | OracleType::Float(_) => {
                format!("CAST(to_number({value}) AS {postgres})")
            }
            OracleType::BinaryDouble => format!("to_binary_double({value})"),
            OracleType::BinaryFloat => format!("to_binary_float({value})"),
            OracleType::Varchar2 { .. } | OracleType::Nvarchar2(_) => {
                format!("CAST(to_char({value}) AS {postgres})")
            }
            OracleType::Char { .. } | OracleType::Nchar(_) => {
                format!("CAST(CAST(to_char({value}) AS ora.ochar) AS {postgres})")
            }
            _ => format!("CAST({value} AS {postgres})"),
        })
    }

    fn extract(&mut self, field: &DateTimeField, expr: &Expr) -> Translation<String> {
        let name = match field {
            DateTimeField::Year => "year",
            DateTimeField::Month => "month",
            DateTimeField::Day => "day",
            DateTimeField::Hour => "hour",
            DateTimeField::Minute => "minute",
            DateTimeField::Second => "second",
            _ => return Err(errors::ora(907, "missing right parenthesis")),
        };
        Ok(format!("extracted('{name}', {})", self.scalar(expr)?))
    }

    fn rounded(&mut self, name: &str, expr: &Expr, field: &CeilFloorKind) -> Translation<String> {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                Ok(format!("{name}({})", self.scalar(expr)?))
            }
            _ => Err(errors::unsupported("CEIL or FLOOR of a date")),
        }
    }

    fn trim(
        &mut self,
        side: Option<TrimWhereField>,
        what: Option<&Expr>,
        expr: &Expr,
    ) -> Translation<String> {
        let name = match side {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "trim_both",
        };
        let value = self.scalar(expr)?;
        match what {
            Some(what) => Ok(format!("{name}({value}, {})", self.scalar(what)?)),
            None => Ok(format!("{name}({value})")),
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[sqlparser::ast::CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Translation<String> {
        let mut text = "CASE".to_string();
        if let Some(operand) = operand {
            text.push_str(&format!(" {}", self.scalar(operand)?));
        }
        for when in conditions {
            let condition = match operand {
                Some(_) => self.scalar(&when.condition)?,
                None => self.condition(&when.condition)?,
            };
            text.push_str(&format!(" WHEN {condition} THEN {}", self.value(&when.result)?));
        }
        if let Some(otherwise) = otherwise {
            text.push_str(&format!(" ELSE {}", self.value(otherwise)?));
        }
        text.push_str(" END");
        Ok(text)
    }
}

/// The parts of `a AND b AND c`.
fn chain<'e>(expr: &'e Expr, operator: &BinaryOperator) -> Vec<&'e Expr> {
    let (mut pending, mut parts) = (vec![expr], Vec::new());
    while let Some(next) = pending.pop() {
        match next {
            Expr::BinaryOp { left, op, right } if op == operator => {
                pending.extend([&**right, &**left]);
            }
            other => parts.push(other),
        }
    }
    parts
}

fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::And
                | BinaryOperator::Or
                | BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        ),
        Expr::Nested(inner) => is_condition(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::Exists { .. } => true,
        _ => false,
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

/// The empty string is NULL.
fn text_or_null(text: &str) -> String {
    if text.is_empty() { "NULL".to_string() } else { literal(text) }
}

fn typed_literal(typed: &TypedString) -> Translation<String> {
    let unfit = || errors::ora(1861, "literal does not match format string");
    let Value::SingleQuotedString(text) = &typed.value.value else { return Err(unfit()) };
    match &typed.data_type {
        DataType::Date => {
            let plain = text.trim_start_matches('-');
            let fits = plain.len() == 10
                && plain.bytes().enumerate().all(|(at, byte)| match at {
                    4 | 7 => byte == b'-',
                    _ => byte.is_ascii_digit(),
                });
            if !fits {
                return Err(unfit());
            }
            Ok(format!("CAST({} AS ora.odate)", literal(text)))
        }
        DataType::Timestamp(..) => {
            let (_, time) = text.trim_start_matches('-').split_once(' ').ok_or_else(unfit)?;
            let zoned = time.contains(['+', '-']) || time.contains(char::is_alphabetic);
            let target = if zoned { "timestamptz" } else { "timestamp" };
            Ok(format!("CAST({} AS {target})", literal(text)))
        }
        _ => Err(errors::ora(936, "missing expression")),
    }
}

fn interval_literal(interval: &Interval) -> Translation<String> {
    let unfit = || errors::ora(1867, "the interval is invalid");
    let Expr::Value(value) = &*interval.value else { return Err(unfit()) };
    let Value::SingleQuotedString(text) = &value.value else { return Err(unfit()) };
    let first = interval.leading_field.as_ref().ok_or_else(unfit)?;
    let last = interval.last_field.as_ref().map(|f| format!(" TO {f}")).unwrap_or_default();
    if !matches!(
        first,
        DateTimeField::Year
            | DateTimeField::Month
            | DateTimeField::Day
            | DateTimeField::Hour
            | DateTimeField::Minute
            | DateTimeField::Second
    ) {
        return Err(unfit());
    }
    Ok(format!("CAST({} AS interval {first}{last})", literal(text)))
}

/// A name that is no function here.
pub(super) fn no_function(name: &str) -> EngineError {
    errors::invalid_identifier(&quoted(name))
}
