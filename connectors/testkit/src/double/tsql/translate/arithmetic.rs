//! Types of arithmetic: which type wins, and how many digits a decimal has.

use super::infer::Typed;
use crate::double::tsql::native::{MAX, Native};
use sqlparser::ast::BinaryOperator;

/// The most digits of a decimal.
const MOST_DIGITS: i32 = 38;
/// Digits behind the point that a product or a quotient keeps at least.
const LEAST_SCALE: i32 = 6;

/// Ranks of types, lowest first: the higher one of two operands is the result's.
const RANKS: &[&str] = &[
    "binary",
    "varbinary",
    "char",
    "varchar",
    "nchar",
    "nvarchar",
    "uniqueidentifier",
    "timestamp",
    "image",
    "text",
    "ntext",
    "bit",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "smallmoney",
    "money",
    "numeric",
    "decimal",
    "real",
    "float",
    "time",
    "date",
    "smalldatetime",
    "datetime",
    "datetime2",
    "datetimeoffset",
    "xml",
    "sql_variant",
];

/// The type of a number as it stands in a statement.
pub(crate) fn number(digits: &str) -> Native {
    if digits.contains(['e', 'E']) {
        return Native::plain("float");
    }
    let whole = digits.trim_start_matches('0');
    let length = |text: &str| i32::try_from(text.len()).unwrap_or(MOST_DIGITS);
    match whole.split_once('.') {
        Some((front, behind)) => {
            let precision = (length(front) + length(behind)).clamp(1, MOST_DIGITS);
            Native::sized("decimal", precision, length(behind))
        }
        None if whole.is_empty() || whole.parse::<i32>().is_ok() => Native::plain("int"),
        None => Native::sized("decimal", length(whole).clamp(1, MOST_DIGITS), 0),
    }
}

/// The type of an operation.
pub(crate) fn result(left: &Typed, op: &BinaryOperator, right: &Typed) -> Option<Typed> {
    if !is_arithmetic(op) {
        return None;
    }
    if left.native.is_text() && right.native.is_text() {
        return (*op == BinaryOperator::Plus).then(|| joined(left, right));
    }
    let higher = common(left, right)?.native;
    if !matches!(higher.name, "decimal" | "numeric") {
        return Some(higher.into());
    }
    let ((p1, s1), (p2, s2)) = (exact(&left.native)?, exact(&right.native)?);
    let native = match op {
        BinaryOperator::Plus | BinaryOperator::Minus => {
            let scale = s1.max(s2);
            let front = (p1 - s1).max(p2 - s2) + 1;
            let scale = scale.min((MOST_DIGITS - front).max(0));
            Native::sized("decimal", (front + scale).min(MOST_DIGITS), scale)
        }
        BinaryOperator::Multiply => fitted(p1 + p2 + 1, s1 + s2),
        BinaryOperator::Divide => {
            let scale = LEAST_SCALE.max(s1 + p2 + 1);
            fitted(p1 - s1 + s2 + scale, scale)
        }
        BinaryOperator::Modulo => {
            let scale = s1.max(s2);
            Native::sized("decimal", (p1 - s1).min(p2 - s2) + scale, scale)
        }
        _ => return None,
    };
    Some(native.into())
}

/// A comparison or a connective is a condition, which has no type here.
fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::BitwiseAnd
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseXor
    )
}

/// The type of a sum.
pub(crate) fn sum(of: Typed) -> Option<Typed> {
    Some(match of.native.name {
        "decimal" | "numeric" => Native::sized("decimal", MOST_DIGITS, of.native.scale).into(),
        "tinyint" | "smallint" => Native::plain("int").into(),
        "real" => Native::plain("float").into(),
        "smallmoney" => Native::plain("money").into(),
        _ => of,
    })
}

/// The type of an average.
pub(crate) fn average(of: Typed) -> Option<Typed> {
    let scale = of.native.scale.max(LEAST_SCALE);
    Some(match of.native.name {
        "decimal" | "numeric" => Native::sized("decimal", MOST_DIGITS, scale).into(),
        _ => sum(of)?,
    })
}

/// The type that values of two types have in one column.
pub(crate) fn common(left: &Typed, right: &Typed) -> Option<Typed> {
    if left.native.is_text() && right.native.is_text() {
        let mut wider = joined(left, right);
        let size = if left.native.length == MAX || right.native.length == MAX {
            MAX
        } else {
            left.native.length.max(right.native.length)
        };
        wider.native.length = size;
        return Some(wider);
    }
    let rank = |typed: &Typed| RANKS.iter().position(|name| *name == typed.native.name);
    let (a, b) = (rank(left)?, rank(right)?);
    let higher = if a >= b { left } else { right };
    if matches!(higher.native.name, "decimal" | "numeric") {
        let ((p1, s1), (p2, s2)) = (exact(&left.native)?, exact(&right.native)?);
        let scale = s1.max(s2);
        let precision = ((p1 - s1).max(p2 - s2) + scale).min(MOST_DIGITS);
        return Some(Native::sized("decimal", precision, scale).into());
    }
    if a == b && left.native.length < right.native.length {
        return Some(right.clone());
    }
    Some(higher.clone())
}

fn joined(left: &Typed, right: &Typed) -> Typed {
    let is_wide =
        |typed: &Typed| matches!(typed.native.name, "nchar" | "nvarchar" | "ntext" | "xml");
    let (name, most) =
        if is_wide(left) || is_wide(right) { ("nvarchar", 4_000) } else { ("varchar", 8_000) };
    let length = if left.native.length == MAX || right.native.length == MAX {
        MAX
    } else {
        (left.native.length + right.native.length).min(most)
    };
    let collation = left.collation.clone().or_else(|| right.collation.clone());
    Typed { native: Native::sized(name, length, 0), collation }
}

/// Precision and scale of an exact number.
fn exact(native: &Native) -> Option<(i32, i32)> {
    Some(match native.name {
        "decimal" | "numeric" => (native.length, native.scale),
        "bit" => (1, 0),
        "tinyint" => (3, 0),
        "smallint" => (5, 0),
        "int" => (10, 0),
        "bigint" => (19, 0),
        "smallmoney" => (10, 4),
        "money" => (19, 4),
        _ => return None,
    })
}

/// A product or a quotient that fits: the digits in front of the point come first.
fn fitted(precision: i32, scale: i32) -> Native {
    if precision <= MOST_DIGITS {
        return Native::sized("decimal", precision, scale);
    }
    let front = precision - scale;
    let least = scale.min(LEAST_SCALE);
    Native::sized("decimal", MOST_DIGITS, scale.min(MOST_DIGITS - front).max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_digits_of_the_rules() {
        let typed = |text: &str| Typed::from(Native::parse(text, false).unwrap());
        for (left, op, right, expected) in [
            ("decimal(10,2)", BinaryOperator::Plus, "decimal(8,4)", "decimal(13,4)"),
            ("decimal(10,2)", BinaryOperator::Multiply, "decimal(8,4)", "decimal(19,6)"),
            ("decimal(10,2)", BinaryOperator::Divide, "int", "decimal(21,13)"),
            ("decimal(38,10)", BinaryOperator::Divide, "decimal(38,10)", "decimal(38,6)"),
            ("decimal(15,2)", BinaryOperator::Multiply, "decimal(16,2)", "decimal(32,4)"),
            ("int", BinaryOperator::Divide, "bigint", "bigint"),
            ("money", BinaryOperator::Multiply, "int", "money"),
            ("nvarchar(10)", BinaryOperator::Plus, "varchar(5)", "nvarchar(15)"),
        ] {
            let found = result(&typed(left), &op, &typed(right)).unwrap().native.to_string();
            assert_eq!(found, expected, "{left} {op} {right}");
        }
    }
}
