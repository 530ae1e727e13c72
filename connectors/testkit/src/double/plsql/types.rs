//! Oracle's data types: as declared, as PostgreSQL stores them, as the dictionary tells them.

use crate::double::postgres::Column;
use sqlparser::ast::DataType;
use std::collections::HashMap;

/// A data type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OracleType {
    /// NUMBER; INTEGER is one without a precision but with a scale.
    Number {
        precision: Option<u8>,
        scale: Option<i8>,
    },
    /// FLOAT of so many bits: a decimal number all the same.
    Float(u8),
    BinaryFloat,
    BinaryDouble,
    Varchar2 {
        length: u32,
        chars: bool,
    },
    Nvarchar2(u32),
    Char {
        length: u32,
        chars: bool,
    },
    Nchar(u32),
    Clob,
    Nclob,
    Long,
    Blob,
    Raw(u32),
    LongRaw,
    Date,
    Timestamp(u8),
    TimestampTz(u8),
    TimestampLtz(u8),
    IntervalYearToMonth(u8),
    IntervalDayToSecond(u8, u8),
    Boolean,
    Json,
    Xml,
    Rowid,
    Vector,
}

/// What ALL_TAB_COLUMNS says of a type.
pub(super) struct Declared {
    pub(super) data_type: String,
    pub(super) length: u32,
    pub(super) precision: Option<i32>,
    pub(super) scale: Option<i32>,
    pub(super) chars: Option<u32>,
    pub(super) char_used: Option<&'static str>,
}

impl OracleType {
    /// The type as the parser read it.
    pub(super) fn parse(data_type: &DataType) -> Option<Self> {
        Self::from_native(&data_type.to_string())
    }

    /// The type by its name with its modifiers, such as `NUMBER(10, 2)`.
    pub(super) fn from_native(text: &str) -> Option<Self> {
        let mut upper = text.to_ascii_uppercase();
        // One word of the tokens that stand for several.
        if ["TIMESTAMPTZ_", "TIMESTAMPLTZ_", "INTERVALYM_", "INTERVALDS_", "NUMBER_"]
            .iter()
            .any(|start| upper.starts_with(start))
        {
            upper = upper.replacen('_', "(", 1).replace('_', ",") + ")";
        }
        let name: String = {
            // The words, without what stands in parentheses.
            let mut depth = 0;
            let outside = upper.chars().filter(|c| {
                depth += i32::from(*c == '(') - i32::from(*c == ')');
                depth == 0 && *c != ')'
            });
            outside.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let inside: String = upper
            .split('(')
            .skip(1)
            .filter_map(|part| part.split(')').next())
            .collect::<Vec<_>>()
            .join(",");
        let chars = inside.contains("CHAR");
        let numbers: Vec<i64> = inside
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter_map(|word| if word == "*" { Some(38) } else { word.parse().ok() })
            .collect();
        Self::named(&name, &numbers, chars)
    }

    fn named(name: &str, numbers: &[i64], chars: bool) -> Option<Self> {
        let first = |otherwise: i64| numbers.first().copied().unwrap_or(otherwise);
        let length = u32::try_from(first(1)).ok()?;
        let fraction = u8::try_from(first(6)).unwrap_or(9);
        Some(match name {
            "NUMBER" | "NUMERIC" | "DECIMAL" | "DEC" => OracleType::Number {
                precision: numbers.first().and_then(|p| u8::try_from(*p).ok()),
                scale: match numbers {
                    [] if name == "NUMBER" => None,
                    [_, scale, ..] => i8::try_from(*scale).ok(),
                    _ => Some(0),
                },
            },
            "INTEGER" | "INT" | "SMALLINT" => {
                OracleType::Number { precision: None, scale: Some(0) }
            }
            "FLOAT" => OracleType::Float(u8::try_from(first(126)).ok()?),
            "DOUBLE PRECISION" => OracleType::Float(126),
            "REAL" => OracleType::Float(63),
            "BINARY_FLOAT" => OracleType::BinaryFloat,
            "BINARY_DOUBLE" => OracleType::BinaryDouble,
            "VARCHAR2" | "VARCHAR" | "CHARACTER VARYING" => OracleType::Varchar2 { length, chars },
            "NVARCHAR2" => OracleType::Nvarchar2(length),
            "CHAR" | "CHARACTER" | "CHARC" | "CHARB" => OracleType::Char { length, chars },
            "NCHAR" => OracleType::Nchar(length),
            "CLOB" => OracleType::Clob,
            "NCLOB" => OracleType::Nclob,
            "LONG" => OracleType::Long,
            "BLOB" => OracleType::Blob,
            "RAW" => OracleType::Raw(length),
            "LONGRAW" | "LONG RAW" => OracleType::LongRaw,
            "DATE" => OracleType::Date,
            "TIMESTAMP" => OracleType::Timestamp(fraction),
            "TIMESTAMP WITH TIME ZONE" | "TIMESTAMPTZ" => OracleType::TimestampTz(fraction),
            "TIMESTAMP WITH LOCAL TIME ZONE" | "TIMESTAMPLTZ" => OracleType::TimestampLtz(fraction),
            "INTERVAL YEAR TO MONTH" | "INTERVALYM" => {
                OracleType::IntervalYearToMonth(u8::try_from(first(2)).ok()?)
            }
            "INTERVAL DAY TO SECOND" | "INTERVALDS" => OracleType::IntervalDayToSecond(
                u8::try_from(first(2)).ok()?,
                u8::try_from(numbers.get(1).copied().unwrap_or(6)).ok()?,
            ),
            "BOOLEAN" | "BOOL" => OracleType::Boolean,
            "JSON" => OracleType::Json,
            "XMLTYPE" => OracleType::Xml,
            "ROWID" | "UROWID" => OracleType::Rowid,
            "VECTOR" => OracleType::Vector,
            _ => return None,
        })
    }

    /// The type as a wire server is told it.
    pub(super) fn native(&self) -> String {
        let unit = |chars: &bool| if *chars { " CHAR" } else { "" };
        match self {
            OracleType::Number { precision: None, scale: None } => "NUMBER".to_string(),
            OracleType::Number { precision, scale } => {
                let precision = precision.unwrap_or(38);
                match scale.unwrap_or(0) {
                    0 => format!("NUMBER({precision})"),
                    scale => format!("NUMBER({precision},{scale})"),
                }
            }
            OracleType::Float(bits) => format!("FLOAT({bits})"),
            OracleType::BinaryFloat => "BINARY_FLOAT".to_string(),
            OracleType::BinaryDouble => "BINARY_DOUBLE".to_string(),
            OracleType::Varchar2 { length, chars } => format!("VARCHAR2({length}{})", unit(chars)),
            OracleType::Nvarchar2(length) => format!("NVARCHAR2({length})"),
            OracleType::Char { length, chars } => format!("CHAR({length}{})", unit(chars)),
            OracleType::Nchar(length) => format!("NCHAR({length})"),
            OracleType::Clob => "CLOB".to_string(),
            OracleType::Nclob => "NCLOB".to_string(),
            OracleType::Long => "LONG".to_string(),
            OracleType::Blob => "BLOB".to_string(),
            OracleType::Raw(length) => format!("RAW({length})"),
            OracleType::LongRaw => "LONG RAW".to_string(),
            OracleType::Date => "DATE".to_string(),
            OracleType::Timestamp(f) => format!("TIMESTAMP({f})"),
            OracleType::TimestampTz(f) => format!("TIMESTAMP({f}) WITH TIME ZONE"),
            OracleType::TimestampLtz(f) => format!("TIMESTAMP({f}) WITH LOCAL TIME ZONE"),
            OracleType::IntervalYearToMonth(y) => format!("INTERVAL YEAR({y}) TO MONTH"),
            OracleType::IntervalDayToSecond(d, f) => format!("INTERVAL DAY({d}) TO SECOND({f})"),
            OracleType::Boolean => "BOOLEAN".to_string(),
            OracleType::Json => "JSON".to_string(),
            OracleType::Xml => "XMLTYPE".to_string(),
            OracleType::Rowid => "ROWID".to_string(),
            OracleType::Vector => "VECTOR".to_string(),
        }
    }

    /// The type that holds its values in PostgreSQL.
    pub(super) fn postgres(&self) -> String {
        let fraction = |f: &u8| (*f).min(6);
        match self {
            OracleType::Number { precision: None, scale: None } | OracleType::Float(_) => {
                "numeric".to_string()
            }
            OracleType::Number { precision, scale } => {
                format!("numeric({}, {})", precision.unwrap_or(38), scale.unwrap_or(0))
            }
            OracleType::BinaryFloat => "float4".to_string(),
            OracleType::BinaryDouble => "float8".to_string(),
            OracleType::Varchar2 { length, .. } | OracleType::Nvarchar2(length) => {
                format!("varchar({length})")
            }
            OracleType::Char { length, .. } | OracleType::Nchar(length) => {
                format!("ora.ochar({length})")
            }
            OracleType::Clob | OracleType::Nclob | OracleType::Long => "ora.oclob".to_string(),
            OracleType::Blob | OracleType::LongRaw => "ora.oblob".to_string(),
            OracleType::Raw(_) => "bytea".to_string(),
            OracleType::Date => "ora.odate".to_string(),
            OracleType::Timestamp(f) => format!("timestamp({})", fraction(f)),
            OracleType::TimestampTz(f) | OracleType::TimestampLtz(f) => {
                format!("timestamptz({})", fraction(f))
            }
            OracleType::IntervalYearToMonth(_) => "interval year to month".to_string(),
            OracleType::IntervalDayToSecond(_, f) => {
                format!("interval day to second({})", fraction(f))
            }
            OracleType::Boolean => "boolean".to_string(),
            OracleType::Json => "jsonb".to_string(),
            OracleType::Xml | OracleType::Rowid | OracleType::Vector => "text".to_string(),
        }
    }

    /// The most bytes, where the length is counted in them.
    pub(super) fn most_bytes(&self) -> Option<u32> {
        match self {
            OracleType::Varchar2 { length, chars: false }
            | OracleType::Char { length, chars: false }
            | OracleType::Raw(length) => Some(*length),
            OracleType::Varchar2 { .. } => Some(4_000),
            _ => None,
        }
    }

    /// What the dictionary says.
    pub(super) fn declared(&self) -> Declared {
        let native = self.native();
        let plain = |length: u32| Declared {
            data_type: native.split('(').next().unwrap_or_default().to_string(),
            length,
            precision: None,
            scale: None,
            chars: None,
            char_used: None,
        };
        let text = |bytes: u32, length: u32, chars: bool| Declared {
            chars: Some(length),
            char_used: Some(if chars { "C" } else { "B" }),
            ..plain(bytes)
        };
        let whole = |length: u32, precision: Option<u8>, scale: u8| Declared {
            data_type: native.clone(),
            precision: precision.map(i32::from),
            scale: Some(i32::from(scale)),
            ..plain(length)
        };
        match self {
            OracleType::Number { precision, scale } => Declared {
                precision: precision.map(i32::from),
                scale: scale.map(i32::from),
                ..plain(22)
            },
            OracleType::Float(bits) => Declared { precision: Some(i32::from(*bits)), ..plain(22) },
            OracleType::Varchar2 { length, chars } => {
                text(if *chars { (length * 4).min(4_000) } else { *length }, *length, *chars)
            }
            OracleType::Char { length, chars } => {
                text(if *chars { (length * 4).min(2_000) } else { *length }, *length, *chars)
            }
            OracleType::Nvarchar2(length) | OracleType::Nchar(length) => {
                text(length * 2, *length, true)
            }
            OracleType::Timestamp(f) | OracleType::TimestampLtz(f) => whole(11, None, *f),
            OracleType::TimestampTz(f) => whole(13, None, *f),
            OracleType::IntervalYearToMonth(y) => whole(5, Some(*y), 0),
            OracleType::IntervalDayToSecond(d, f) => whole(11, Some(*d), *f),
            OracleType::BinaryFloat => plain(4),
            OracleType::BinaryDouble => plain(8),
            OracleType::Date => plain(7),
            OracleType::Raw(length) => plain(*length),
            OracleType::Long | OracleType::LongRaw => plain(0),
            OracleType::Boolean => plain(1),
            OracleType::Rowid => plain(10),
            _ => plain(4_000),
        }
    }
}

/// The type of an expression, from PostgreSQL's type and modifier. `own` are our types by object id.
pub(super) fn of_expression(column: &Column, own: &HashMap<u32, String>) -> OracleType {
    let modifier = column.modifier;
    let length = |otherwise: u32| u32::try_from(modifier - 4).unwrap_or(otherwise);
    let fraction = |m: i32| u8::try_from(m & 0xFFFF).ok().filter(|f| *f <= 6).unwrap_or(6);
    match column.type_oid {
        16 => OracleType::Boolean,
        17 => OracleType::Raw(2_000),
        20 | 21 | 23 | 26 => OracleType::Number { precision: None, scale: None },
        700 => OracleType::BinaryFloat,
        701 => OracleType::BinaryDouble,
        1042 => OracleType::Char { length: length(1), chars: true },
        1043 => OracleType::Varchar2 { length: length(4_000), chars: true },
        1114 => OracleType::Timestamp(fraction(modifier)),
        1184 => OracleType::TimestampTz(fraction(modifier)),
        // The range of an interval's fields is in the upper half of its modifier.
        1186 if modifier >= 0 && (modifier >> 16) & 0x7FFF == 6 => {
            OracleType::IntervalYearToMonth(9)
        }
        1186 => OracleType::IntervalDayToSecond(9, fraction(modifier)),
        1700 if modifier >= 4 => {
            let packed = modifier - 4;
            // Scales are 11 bits with a sign.
            let scale = ((packed & 0x7FF) ^ 1_024) - 1_024;
            OracleType::Number {
                precision: u8::try_from((packed >> 16) & 0xFFFF).ok(),
                scale: i8::try_from(scale).ok(),
            }
        }
        1700 => OracleType::Number { precision: None, scale: None },
        114 | 3802 => OracleType::Json,
        other => match own.get(&other).map(String::as_str) {
            Some("odate") => OracleType::Date,
            Some("ochar") => OracleType::Char { length: length(2_000), chars: true },
            Some("oclob") => OracleType::Clob,
            Some("oblob") => OracleType::Blob,
            _ => OracleType::Varchar2 { length: 4_000, chars: false },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_told() {
        for native in [
            "NUMBER",
            "NUMBER(10)",
            "NUMBER(10,2)",
            "NUMBER(5,-2)",
            "FLOAT(126)",
            "VARCHAR2(50)",
            "VARCHAR2(50 CHAR)",
            "CHAR(3)",
            "NCHAR(3)",
            "RAW(16)",
            "TIMESTAMP(9)",
            "LONG RAW",
            "TIMESTAMP(3) WITH TIME ZONE",
            "TIMESTAMP(6) WITH LOCAL TIME ZONE",
            "INTERVAL DAY(2) TO SECOND(6)",
            "INTERVAL YEAR(2) TO MONTH",
            "BINARY_DOUBLE",
            "DATE",
        ] {
            assert_eq!(OracleType::from_native(native).unwrap().native(), native);
        }
        let spelled = |text| OracleType::from_native(text).unwrap().native();
        assert_eq!(spelled("INTEGER"), "NUMBER(38)");
        assert_eq!(spelled("number(*, 0)"), "NUMBER(38)");
        assert_eq!(spelled("TIMESTAMP"), "TIMESTAMP(6)");
        assert_eq!(spelled("DECIMAL(8)"), "NUMBER(8)");
        assert!(OracleType::from_native("TEXT").is_none());
    }
}
