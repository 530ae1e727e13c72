//! Oracle's types: as a result or a bind names them, and as the protocol numbers them.

use super::vector;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Varchar,
    Nvarchar,
    Char,
    Nchar,
    Number,
    Date,
    Timestamp,
    TimestampTz,
    TimestampLtz,
    IntervalYm,
    IntervalDs,
    BinaryFloat,
    BinaryDouble,
    Raw,
    Rowid,
    Urowid,
    Long,
    LongNvarchar,
    LongRaw,
    Clob,
    Nclob,
    Blob,
    Boolean,
    Json,
    Vector,
}

/// Kinds with their number, their character set form, and the bytes that describe their length.
const KINDS: &[(Kind, u8, u8, u32)] = &[
    (Kind::Varchar, 1, 1, 4000),
    (Kind::Nvarchar, 1, 2, 4000),
    (Kind::Number, 2, 0, 22),
    (Kind::Long, 8, 1, 0),
    (Kind::LongNvarchar, 8, 2, 0),
    (Kind::Rowid, 11, 0, 18),
    (Kind::Date, 12, 0, 7),
    (Kind::Raw, 23, 0, 2000),
    (Kind::LongRaw, 24, 0, 0),
    (Kind::Char, 96, 1, 1),
    (Kind::Nchar, 96, 2, 1),
    (Kind::BinaryFloat, 100, 0, 4),
    (Kind::BinaryDouble, 101, 0, 8),
    (Kind::Clob, 112, 1, 4000),
    (Kind::Nclob, 112, 2, 4000),
    (Kind::Blob, 113, 0, 4000),
    (Kind::Json, 119, 0, 32_767),
    (Kind::Vector, 127, 0, 32_767),
    (Kind::Timestamp, 180, 0, 11),
    (Kind::TimestampTz, 181, 0, 13),
    (Kind::IntervalYm, 182, 0, 5),
    (Kind::IntervalDs, 183, 0, 11),
    (Kind::Urowid, 208, 0, 4000),
    (Kind::TimestampLtz, 231, 0, 11),
    (Kind::Boolean, 252, 0, 4),
];

impl Kind {
    /// The protocol's number.
    pub(super) fn number(self) -> u8 {
        self.row().1
    }

    /// The character set form: 0 none, 1 the database's, 2 the national one.
    pub(super) fn form(self) -> u8 {
        self.row().2
    }

    /// The kind of a number and a form.
    pub(super) fn of(number: u8, form: u8) -> Option<Self> {
        // Other spellings of the same wire form: VARNUM, BINARY_INTEGER, NULL-terminated strings.
        let number = match number {
            3 | 6 => 2,
            5 => 1,
            other => other,
        };
        let mut found = KINDS.iter().filter(|row| row.1 == number);
        let first = found.next()?;
        Some(found.find(|row| row.2 == form).unwrap_or(first).0)
    }

    /// Whether values are text.
    pub(super) fn is_text(self) -> bool {
        self.form() != 0
    }

    /// Whether text is UTF-16.
    pub(super) fn is_national(self) -> bool {
        self.form() == 2
    }

    /// Whether values are fetched by a locator, or only when the client has said how.
    pub(super) fn is_large(self) -> bool {
        matches!(self, Kind::Clob | Kind::Nclob | Kind::Blob | Kind::Json | Kind::Vector)
    }

    fn row(self) -> &'static (Kind, u8, u8, u32) {
        KINDS.iter().find(|row| row.0 == self).unwrap_or(&KINDS[0])
    }
}

/// The type of a column or a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Type {
    /// Its kind.
    pub(super) kind: Kind,
    /// Characters of text, bytes of RAW.
    pub(super) size: u32,
    /// Digits of a number; digits of the leading field of an interval.
    pub(super) precision: i8,
    /// Digits behind the point; of seconds, too. The format of a vector's elements.
    pub(super) scale: i8,
}

/// The scale of a number without one.
const ANY_SCALE: i8 = -127;

impl Type {
    /// Reads a type's name, such as `NUMBER(10,2)`.
    pub(super) fn parse(native: &str) -> Option<Self> {
        let upper = native.to_uppercase();
        let (name, numbers) = split(&upper);
        let given = |at: usize| numbers.get(at).copied().flatten();
        let small = |at: usize, otherwise: i8| {
            given(at).map_or(Some(otherwise), |number| i8::try_from(number).ok())
        };
        let sized = |kind: Kind, otherwise: u32| {
            let size = given(0).map_or(Some(otherwise), |number| u32::try_from(number).ok())?;
            Some(Self { kind, size, precision: 0, scale: 0 })
        };
        let plain = |kind: Kind| Some(Self { kind, size: 0, precision: 0, scale: 0 });
        let number =
            |precision: i8, scale: i8| Some(Self { kind: Kind::Number, size: 0, precision, scale });
        let timed = |kind: Kind| Some(Self { kind, size: 0, precision: 0, scale: small(0, 6)? });
        match name.as_str() {
            "VARCHAR2" | "VARCHAR" => sized(Kind::Varchar, 4000),
            "NVARCHAR2" | "NVARCHAR" => sized(Kind::Nvarchar, 2000),
            "CHAR" => sized(Kind::Char, 1),
            "NCHAR" => sized(Kind::Nchar, 1),
            "RAW" => sized(Kind::Raw, 2000),
            "UROWID" => sized(Kind::Urowid, 4000),
            "NUMBER" | "NUMERIC" | "DECIMAL" => match numbers.len() {
                0 => number(0, ANY_SCALE),
                1 => number(small(0, 38)?, 0),
                _ => number(small(0, 38)?, small(1, 0)?),
            },
            "INTEGER" | "INT" | "SMALLINT" => number(38, 0),
            "FLOAT" | "DOUBLE PRECISION" => number(small(0, 126)?, ANY_SCALE),
            "REAL" => number(63, ANY_SCALE),
            "DATE" => plain(Kind::Date),
            "TIMESTAMP" => timed(Kind::Timestamp),
            "TIMESTAMP WITH TIME ZONE" => timed(Kind::TimestampTz),
            "TIMESTAMP WITH LOCAL TIME ZONE" => timed(Kind::TimestampLtz),
            "INTERVAL YEAR TO MONTH" => {
                Some(Self { kind: Kind::IntervalYm, size: 0, precision: small(0, 2)?, scale: 0 })
            }
            "INTERVAL DAY TO SECOND" => {
                let (precision, scale) = (small(0, 2)?, small(1, 6)?);
                Some(Self { kind: Kind::IntervalDs, size: 0, precision, scale })
            }
            "BINARY_FLOAT" => plain(Kind::BinaryFloat),
            "BINARY_DOUBLE" => plain(Kind::BinaryDouble),
            "ROWID" => plain(Kind::Rowid),
            "LONG" => plain(Kind::Long),
            "LONG RAW" => plain(Kind::LongRaw),
            "CLOB" => plain(Kind::Clob),
            "NCLOB" => plain(Kind::Nclob),
            "BLOB" => plain(Kind::Blob),
            "BOOLEAN" => plain(Kind::Boolean),
            "JSON" => plain(Kind::Json),
            "VECTOR" => {
                let scale = if upper.contains("FLOAT64") {
                    vector::FLOAT64
                } else if upper.contains("INT8") {
                    vector::INT8
                } else {
                    vector::FLOAT32
                };
                Some(Self { scale, ..sized(Kind::Vector, 0)? })
            }
            _ => None,
        }
    }

    /// The name of a bind's type.
    pub(super) fn native(&self) -> String {
        let size = self.size;
        match self.kind {
            Kind::Varchar => format!("VARCHAR2({size})"),
            Kind::Nvarchar => format!("NVARCHAR2({size})"),
            Kind::Char => format!("CHAR({size})"),
            Kind::Nchar => format!("NCHAR({size})"),
            Kind::Number => "NUMBER".into(),
            Kind::Date => "DATE".into(),
            Kind::Timestamp => "TIMESTAMP(9)".into(),
            Kind::TimestampTz => "TIMESTAMP(9) WITH TIME ZONE".into(),
            Kind::TimestampLtz => "TIMESTAMP(9) WITH LOCAL TIME ZONE".into(),
            Kind::IntervalYm => "INTERVAL YEAR(9) TO MONTH".into(),
            Kind::IntervalDs => "INTERVAL DAY(9) TO SECOND(9)".into(),
            Kind::BinaryFloat => "BINARY_FLOAT".into(),
            Kind::BinaryDouble => "BINARY_DOUBLE".into(),
            Kind::Raw => format!("RAW({size})"),
            Kind::Rowid => "ROWID".into(),
            Kind::Urowid => "UROWID".into(),
            Kind::Long => "LONG".into(),
            Kind::LongNvarchar => "LONG".into(),
            Kind::LongRaw => "LONG RAW".into(),
            Kind::Clob => "CLOB".into(),
            Kind::Nclob => "NCLOB".into(),
            Kind::Blob => "BLOB".into(),
            Kind::Boolean => "BOOLEAN".into(),
            Kind::Json => "JSON".into(),
            Kind::Vector => "VECTOR".into(),
        }
    }

    /// The bytes a value needs, as a description tells them; a client takes 0 for "always NULL".
    pub(super) fn bytes(&self) -> u32 {
        match self.kind {
            Kind::Varchar | Kind::Char => self.size.saturating_mul(4).clamp(1, 32_767),
            Kind::Nvarchar | Kind::Nchar => self.size.saturating_mul(2).clamp(1, 32_767),
            Kind::Raw | Kind::Urowid => self.size.max(1),
            other => other.row().3,
        }
    }
}

/// A name without its numbers, and the numbers; `*` is none.
fn split(upper: &str) -> (String, Vec<Option<i32>>) {
    let (mut name, mut numbers) = (String::new(), Vec::new());
    let mut rest = upper;
    while let Some((before, behind)) = rest.split_once('(') {
        name.push_str(before);
        name.push(' ');
        let (inside, after) = behind.split_once(')').unwrap_or((behind, ""));
        // `50 CHAR` and `3, FLOAT32` hold words too.
        numbers.extend(
            inside
                .split(',')
                .map(|part| part.split_whitespace().next().and_then(|word| word.parse().ok())),
        );
        rest = after;
    }
    name.push_str(rest);
    (name.split_whitespace().collect::<Vec<_>>().join(" "), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(native: &str) -> Option<(Kind, u32, i8, i8)> {
        Type::parse(native).map(|t| (t.kind, t.size, t.precision, t.scale))
    }

    #[test]
    fn names_are_read() {
        assert_eq!(told("varchar2(50 char)"), Some((Kind::Varchar, 50, 0, 0)));
        assert_eq!(told("NVARCHAR2(50)"), Some((Kind::Nvarchar, 50, 0, 0)));
        assert_eq!(told("NUMBER"), Some((Kind::Number, 0, 0, -127)));
        assert_eq!(told("NUMBER(10)"), Some((Kind::Number, 0, 10, 0)));
        assert_eq!(told("NUMBER(*,2)"), Some((Kind::Number, 0, 38, 2)));
        assert_eq!(told("NUMBER(5,-2)"), Some((Kind::Number, 0, 5, -2)));
        assert_eq!(told("FLOAT"), Some((Kind::Number, 0, 126, -127)));
        assert_eq!(told("TIMESTAMP(9) WITH TIME ZONE"), Some((Kind::TimestampTz, 0, 0, 9)));
        assert_eq!(told("TIMESTAMP WITH LOCAL TIME ZONE"), Some((Kind::TimestampLtz, 0, 0, 6)));
        assert_eq!(told("INTERVAL DAY(4) TO SECOND(3)"), Some((Kind::IntervalDs, 0, 4, 3)));
        assert_eq!(told("INTERVAL YEAR(3) TO MONTH"), Some((Kind::IntervalYm, 0, 3, 0)));
        assert_eq!(told("LONG RAW"), Some((Kind::LongRaw, 0, 0, 0)));
        assert_eq!(told("SDO_GEOMETRY"), None);
        assert_eq!(told("NUMBER(1000)"), None);
    }

    #[test]
    fn kinds_keep_their_numbers() {
        for (kind, number, form, _) in KINDS {
            assert_eq!(Kind::of(*number, *form), Some(*kind));
        }
        assert_eq!(Kind::of(102, 0), None);
    }
}
