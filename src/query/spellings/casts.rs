//! Types of other dialects, and `CONVERT`.
//!
//! `CAST(x AS varchar(10))` keeps ten characters, as PostgreSQL has it; the engine would keep all of them.

use super::calls::refused;
use super::dates::Work;
use super::formats::style;
use super::template::fill;
use crate::error::Result;
use sqlparser::ast::{CastKind, CharacterLength, DataType, ExactNumberInfo, Expr, TimezoneInfo};

/// What a type is in PostgreSQL.
enum Known {
    /// Itself.
    Same,
    /// Another type.
    As(DataType),
    /// A text of at most so many characters.
    Text(Option<u64>),
}

/// The translation of a cast or a CONVERT; `None` where it stays as it is.
pub(super) fn translate(expr: &Expr, mysql: bool, work: &mut Work<'_>) -> Result<Option<Expr>> {
    match expr {
        Expr::Cast { kind, expr: inner, data_type, array: false, format: None } => {
            match known(data_type, mysql)? {
                Known::Same => Ok(None),
                Known::As(target) => {
                    if is_foreign(data_type) {
                        work.notes.add(format!("the type {} as {target}", name(data_type)));
                    }
                    Ok(Some(cast(kind.clone(), inner, target)))
                }
                Known::Text(length) => {
                    if is_foreign(data_type) {
                        work.notes.add(format!("the type {} as text", name(data_type)));
                    }
                    bounded(cast(kind.clone(), inner, DataType::Text), length, work).map(Some)
                }
            }
        }
        Expr::Convert {
            is_try,
            expr: inner,
            data_type: Some(target),
            charset: None,
            styles,
            ..
        } => {
            let kind = if *is_try { CastKind::TryCast } else { CastKind::Cast };
            convert(kind, inner, target, styles, work).map(Some)
        }
        Expr::Convert { expr: inner, data_type: None, charset: Some(_), .. } => {
            work.notes.add("CONVERT(x USING set) as x");
            Ok(Some(inner.as_ref().clone()))
        }
        Expr::Convert { .. } => {
            Err(refused("this form of CONVERT is not accepted", "write CAST(x AS type)"))
        }
        _ => Ok(None),
    }
}

fn convert(
    kind: CastKind,
    inner: &Expr,
    target: &DataType,
    styles: &[Expr],
    work: &mut Work<'_>,
) -> Result<Expr> {
    let known = known(target, true)?;
    if let [number] = styles {
        let pattern = style(number)?;
        work.notes.add("CONVERT(type, x, style) by a pattern of to_char or to_date");
        return match known {
            Known::Text(length) => {
                let shown = fill(
                    &format!("to_char($1, '{pattern}')"),
                    std::slice::from_ref(inner),
                    work.budget,
                )?;
                bounded(shown, length, work)
            }
            Known::Same | Known::As(_) if matches!(target, DataType::Date) => {
                fill(&format!("to_date($1, '{pattern}')"), std::slice::from_ref(inner), work.budget)
            }
            _ => Err(refused(
                "CONVERT with a style to this type is not accepted",
                "use to_timestamp(x, 'DD/MM/YYYY HH24:MI')",
            )),
        };
    }
    if !styles.is_empty() {
        return Err(refused("this form of CONVERT is not accepted", "write CAST(x AS type)"));
    }
    work.notes.add("CONVERT as CAST");
    match known {
        Known::Same => Ok(cast(kind, inner, target.clone())),
        Known::As(target) => Ok(cast(kind, inner, target)),
        Known::Text(length) => bounded(cast(kind, inner, DataType::Text), length, work),
    }
}

fn cast(kind: CastKind, inner: &Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind, expr: Box::new(inner.clone()), data_type, array: false, format: None }
}

/// At most so many characters of a text.
fn bounded(text: Expr, length: Option<u64>, work: &mut Work<'_>) -> Result<Expr> {
    match length {
        Some(length) => fill(&format!("left($1, {length})"), &[text], work.budget),
        None => Ok(text),
    }
}

fn known(data_type: &DataType, mysql: bool) -> Result<Known> {
    Ok(match data_type {
        DataType::Varchar(length)
        | DataType::Nvarchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => Known::Text(most(length)),
        DataType::Char(length) | DataType::Character(length) => match most(length) {
            Some(length) => Known::Text(Some(length)),
            None if mysql => Known::Text(None),
            None => {
                return Err(refused(
                    "a cast to CHAR keeps one character in PostgreSQL, and all of them elsewhere",
                    "write CAST(x AS text), or left(CAST(x AS text), 1)",
                ));
            }
        },
        DataType::Clob(_) | DataType::CharacterLargeObject(_) | DataType::CharLargeObject(_) => {
            Known::Text(None)
        }
        DataType::Datetime(_) => Known::As(DataType::Timestamp(None, TimezoneInfo::None)),
        DataType::TinyInt(_) => Known::As(DataType::SmallInt(None)),
        DataType::MediumInt(_) => Known::As(DataType::Int(None)),
        DataType::Bit(None) => Known::As(DataType::Boolean),
        DataType::Dec(info) => Known::As(DataType::Decimal(*info)),
        // PostgreSQL's `float` is a double; the engine's has half the digits.
        DataType::Float(ExactNumberInfo::Precision(1..=24)) => Known::As(DataType::Real),
        DataType::Float(_) => Known::As(DataType::DoublePrecision),
        DataType::Signed
        | DataType::SignedInteger
        | DataType::Unsigned
        | DataType::UnsignedInteger => Known::As(DataType::BigInt(None)),
        DataType::Custom(name, modifiers) => custom(&name.to_string().to_lowercase(), modifiers),
        _ => Known::Same,
    })
}

fn custom(name: &str, modifiers: &[String]) -> Known {
    let numbers: Vec<u64> = modifiers.iter().filter_map(|text| text.trim().parse().ok()).collect();
    match name {
        "varchar2" | "nvarchar2" | "nchar" | "ntext" | "string" | "longtext" | "mediumtext" => {
            Known::Text(numbers.first().copied())
        }
        "datetime2" | "smalldatetime" => Known::As(DataType::Timestamp(None, TimezoneInfo::None)),
        "datetimeoffset" => Known::As(DataType::Timestamp(None, TimezoneInfo::WithTimeZone)),
        "money" | "smallmoney" => {
            Known::As(DataType::Numeric(ExactNumberInfo::PrecisionAndScale(19, 4)))
        }
        "number" => Known::As(DataType::Numeric(match numbers.as_slice() {
            [digits] => ExactNumberInfo::PrecisionAndScale(*digits, 0),
            [digits, scale] => ExactNumberInfo::PrecisionAndScale(
                *digits,
                i64::try_from(*scale).unwrap_or_default(),
            ),
            _ => ExactNumberInfo::None,
        })),
        "binary_float" => Known::As(DataType::Real),
        "binary_double" => Known::As(DataType::DoublePrecision),
        _ => Known::Same,
    }
}

fn most(length: &Option<CharacterLength>) -> Option<u64> {
    match length {
        Some(CharacterLength::IntegerLength { length, .. }) => Some(*length),
        Some(CharacterLength::Max) | None => None,
    }
}

/// Whether PostgreSQL has no type of that name.
fn is_foreign(data_type: &DataType) -> bool {
    !matches!(
        data_type,
        DataType::Varchar(Some(CharacterLength::IntegerLength { .. }) | None)
            | DataType::CharacterVarying(_)
            | DataType::CharVarying(_)
            | DataType::Char(_)
            | DataType::Character(_)
            | DataType::Float(_)
            | DataType::Dec(_)
    )
}

/// A type's name without its numbers.
fn name(data_type: &DataType) -> String {
    let shown = data_type.to_string();
    shown.split('(').next().unwrap_or_default().to_uppercase()
}
