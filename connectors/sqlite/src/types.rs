//! Declared types: what a column's values arrive as, and how they compare at the source.
//!
//! SQLite stores any value in any column; the declared type only leans values towards a storage
//! class (its *affinity*). The Arrow type follows the affinity, refined by the type's name:
//!
//! | declared | Arrow | class |
//! |---|---|---|
//! | `BOOL*` | Boolean, from 0 and 1 | Boolean |
//! | `*INT*` | Int64 | Integer |
//! | `*CHAR*`, `*CLOB*`, `*TEXT*` | Utf8 | Text |
//! | `*BLOB*` | Binary | Bytes |
//! | `*REAL*`, `*FLOA*`, `*DOUB*` | Float64 | Float |
//! | `DECIMAL(p[,s])`, `NUMERIC(p[,s])` | Decimal128(p, s), every digit exact | Decimal |
//! | `DATE` | Date32, from `YYYY-MM-DD` | Date |
//! | `DATETIME`, `TIMESTAMP` | Timestamp(us), from `YYYY-MM-DD[( \|T)HH:MM[:SS[.f]]][Z]` | Timestamp |
//! | `TIMESTAMPTZ`, `... WITH TIME ZONE` | Timestamp(us, UTC), the same with `Z` or `±HH:MM` | TimestampUtc |
//! | `TIME` | Time64(us), from `HH:MM[:SS[.f]]` | Opaque |
//! | `UUID` | Utf8 | Opaque |
//! | none, `JSON`, `NUMERIC` without a precision, any other name | Utf8, read as text | Opaque |
//!
//! A DECIMAL without a precision has no exact Arrow form that holds every stored number (a double
//! loses integers above 2^53), so it is read as text. In a database whose encoding is UTF-16 text is
//! Opaque, since SQLite then orders by UTF-16 bytes.

use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::OperandClass;
use chrono::{Datelike, NaiveDate};

/// What is known of a column from its declared type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnType {
    pub(crate) data_type: DataType,
    pub(crate) class: OperandClass,
    pub(crate) read_as_text: bool,
}

/// The type of a column that was declared as `declared`.
pub(crate) fn column_type(declared: &str) -> ColumnType {
    let upper = declared.trim().to_ascii_uppercase();
    let name = upper.split('(').next().unwrap_or_default().trim();
    let known = |data_type, class| ColumnType { data_type, class, read_as_text: false };
    let micros =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    match name {
        "BOOLEAN" | "BOOL" => return known(DataType::Boolean, OperandClass::Boolean),
        "DECIMAL" | "NUMERIC" | "DEC" | "NUMBER" => {
            return decimal(&upper).unwrap_or_else(as_text);
        }
        "DATE" => return known(DataType::Date32, OperandClass::Date),
        "TIME" => return known(DataType::Time64(TimeUnit::Microsecond), OperandClass::Opaque),
        // An affinity by an accident of spelling: INTERVAL and POINT hold INT.
        "INTERVAL" | "POINT" | "MULTIPOINT" => return as_text(),
        _ => {}
    }
    if name.starts_with("DATETIME") || name.starts_with("TIMESTAMP") {
        let without = upper.contains("WITHOUT");
        let zoned = !without && ["TZ", "ZONE", "OFFSET"].iter().any(|word| upper.contains(word));
        return if zoned {
            known(micros(Some("+00:00")), OperandClass::TimestampUtc)
        } else {
            known(micros(None), OperandClass::Timestamp)
        };
    }
    by_affinity(&upper)
}

/// <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>, in its order.
fn by_affinity(upper: &str) -> ColumnType {
    let has = |words: &[&str]| words.iter().any(|word| upper.contains(word));
    let known = |data_type, class| ColumnType { data_type, class, read_as_text: false };
    if has(&["INT"]) {
        known(DataType::Int64, OperandClass::Integer)
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        known(DataType::Utf8, OperandClass::Text)
    } else if has(&["BLOB"]) {
        known(DataType::Binary, OperandClass::Bytes)
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        known(DataType::Float64, OperandClass::Float)
    } else {
        as_text()
    }
}

fn as_text() -> ColumnType {
    ColumnType { data_type: DataType::Utf8, class: OperandClass::Opaque, read_as_text: true }
}

fn decimal(upper: &str) -> Option<ColumnType> {
    let inside = upper.split_once('(')?.1.split_once(')')?.0;
    let mut parts = inside.split(',').map(str::trim);
    let precision: u8 = parts.next()?.parse().ok()?;
    let scale: i8 = parts.next().map_or(Some(0), |scale| scale.parse().ok())?;
    let fits = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
    (fits && parts.next().is_none()).then_some(ColumnType {
        data_type: DataType::Decimal128(precision, scale),
        class: OperandClass::Decimal,
        read_as_text: false,
    })
}

/// The unscaled value of decimal text (`-12.50`, `1.25e1`) at `scale`, where it is exact and has at
/// most `precision` digits.
pub(crate) fn decimal_of_text(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || !(whole.bytes().chain(fraction.bytes())).all(is_digit) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = i32::try_from(digits.len() - significant.len()).ok()?;
    let unscaled = significant.trim_start_matches('0');
    if unscaled.is_empty() {
        return Some(0);
    }
    // The value is `unscaled * 10^power`; at `scale` it must stay whole.
    let power = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(dropped)?;
    let zeros = power.checked_add(i32::from(scale))?;
    let zeros = usize::try_from(zeros).ok()?;
    if unscaled.len().checked_add(zeros)? > usize::from(precision) {
        return None;
    }
    let magnitude: i128 = format!("{unscaled}{}", "0".repeat(zeros)).parse().ok()?;
    Some(if negative { -magnitude } else { magnitude })
}

/// The same of a sum whose billions were added apart: `-12e9 345`, `12e9 345e-2`.
pub(crate) fn decimal_of_sum(text: &str, precision: u8, scale: u8) -> Option<i128> {
    let (billions, rest) = text.split_once("e9 ")?;
    let (rest, power) = match rest.find('e') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (billions, rest): (i64, i64) = (billions.parse().ok()?, rest.parse().ok()?);
    let whole = i128::from(billions) * 1_000_000_000 + i128::from(rest);
    decimal_of_text(&format!("{whole}{power}"), precision, scale)
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn date_of_text(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::try_from(number(&bytes[..4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&bytes[5..7])?, number(&bytes[8..])?)?;
    date.num_days_from_ce().checked_sub(DAYS_BEFORE_1970)
}

/// Days from 0001-01-01, which is day 1, to 1970-01-01.
const DAYS_BEFORE_1970: i32 = 719_163;
const DAY: i64 = 86_400_000_000;

/// Microseconds since midnight of `HH:MM[:SS[.f]]`. Digits behind the sixth of a fraction are zeros.
pub(crate) fn time_of_text(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let colon = |at: usize| bytes.get(at) == Some(&b':');
    if bytes.len() < 5 || !colon(2) || (bytes.len() > 5 && (bytes.len() < 8 || !colon(5))) {
        return None;
    }
    let (hours, minutes) = (number(&bytes[..2])?, number(&bytes[3..5])?);
    let seconds = bytes.get(6..8).map_or(Some(0), number)?;
    let micros = match bytes.get(8..).unwrap_or_default() {
        [] => 0,
        [b'.', fraction @ ..] => micros(fraction)?,
        _ => return None,
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(
        (i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds)) * 1_000_000
            + micros,
    )
}

/// Microseconds since 1970 of a wall-clock time stamp. A date alone is its midnight, as it is to
/// SQLite; `Z` may follow, since what SQLite's own functions write is UTC; no other offset may.
pub(crate) fn timestamp_of_text(text: &str) -> Option<i64> {
    let text = match text.strip_suffix(['Z', 'z']) {
        Some(_) if text.len() < 17 => return None,
        Some(rest) => rest,
        None => text,
    };
    wall_clock(text)
}

/// Microseconds since the epoch of an instant. Without an offset it is UTC, as it is to SQLite.
pub(crate) fn instant_of_text(text: &str) -> Option<i64> {
    let Some(at) = text.get(10..)?.find(['+', '-']).map(|at| at + 10) else {
        return timestamp_of_text(text);
    };
    let offset = &text.as_bytes()[at + 1..];
    if at < 16 || offset.len() != 5 || offset[2] != b':' {
        return None;
    }
    let (hours, minutes) = (number(&offset[..2])?, number(&offset[3..])?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let offset = (i64::from(hours) * 60 + i64::from(minutes)) * 60_000_000;
    let offset = if text.as_bytes()[at] == b'-' { -offset } else { offset };
    wall_clock(&text[..at])?.checked_sub(offset)
}

fn wall_clock(text: &str) -> Option<i64> {
    let days = i64::from(date_of_text(text.get(..10)?)?);
    let time = match text.as_bytes().get(10) {
        None => 0,
        Some(b' ' | b'T') => time_of_text(text.get(11..)?)?,
        Some(_) => return None,
    };
    Some(days * DAY + time)
}

fn number(digits: &[u8]) -> Option<u32> {
    if !digits.iter().copied().all(is_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn micros(fraction: &[u8]) -> Option<i64> {
    let (kept, rest) = fraction.split_at(fraction.len().min(6));
    if kept.is_empty() || rest.iter().any(|digit| *digit != b'0') {
        return None;
    }
    let missing = u32::try_from(6 - kept.len()).ok()?;
    Some(i64::from(number(kept)?) * 10_i64.pow(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use OperandClass as Class;

    #[test]
    fn a_declared_type_decides_by_name_and_affinity() {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
        let wall = DataType::Timestamp(TimeUnit::Microsecond, None);
        let cases = [
            ("INTEGER", DataType::Int64, Class::Integer),
            ("unsigned big int", DataType::Int64, Class::Integer),
            ("Boolean", DataType::Boolean, Class::Boolean),
            ("varchar(20)", DataType::Utf8, Class::Text),
            ("native character(70)", DataType::Utf8, Class::Text),
            ("BLOB", DataType::Binary, Class::Bytes),
            ("double precision", DataType::Float64, Class::Float),
            ("DECIMAL(10, 2)", DataType::Decimal128(10, 2), Class::Decimal),
            ("numeric(38)", DataType::Decimal128(38, 0), Class::Decimal),
            ("DATE", DataType::Date32, Class::Date),
            ("DATETIME", wall.clone(), Class::Timestamp),
            ("timestamp(6) without time zone", wall, Class::Timestamp),
            ("TIMESTAMPTZ", utc.clone(), Class::TimestampUtc),
            ("timestamp with time zone", utc, Class::TimestampUtc),
        ];
        for (declared, data_type, class) in cases {
            let found = column_type(declared);
            assert_eq!((found.data_type, found.class), (data_type, class), "{declared}");
            assert!(!found.read_as_text, "{declared}");
        }
    }

    #[test]
    fn what_has_no_exact_form_is_read_as_text() {
        for declared in [
            "",
            "JSON",
            "UUID",
            "NUMERIC",
            "DECIMAL(39,2)",
            "DECIMAL(4,5)",
            "STRING",
            "INTERVAL",
            "ANY",
        ] {
            assert_eq!(column_type(declared), as_text(), "{declared}");
        }
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        let exact = [
            ("12.34", 1234),
            ("-0.5", -50),
            ("7", 700),
            ("+1.", 100),
            (".25", 25),
            ("1.2340e1", 1234),
            ("1e3", 100_000),
            ("0", 0),
            ("-0.000", 0),
            ("0e99", 0),
            ("99999999.99", 9_999_999_999),
        ];
        for (text, unscaled) in exact {
            assert_eq!(decimal_of_text(text, 10, 2), Some(unscaled), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.234",
            "3.0000000000000004e-1",
            "100000000",
            "1e99",
            "inf",
            "NaN",
            " 1",
            "0x1",
        ] {
            assert_eq!(decimal_of_text(text, 10, 2), None, "{text}");
        }
        let most = "9".repeat(38);
        assert_eq!(decimal_of_text(&most, 38, 0), most.parse().ok());
    }

    #[test]
    fn sums_are_put_together_again() {
        for (text, unscaled) in [
            ("0e9 0", Some(0)),
            ("12e9 345", Some(1_200_000_034_500)),
            ("12e9 -5e-2", Some(11_999_999_995)),
            ("-1e9 -1e-2", Some(-1_000_000_001)),
            ("9223372036854775807e9 0", Some(922_337_203_685_477_580_700_000_000_000)),
            ("1e9 12.0", None),
            ("1e9 unfit", None),
            ("1e9 1e-3", None),
        ] {
            assert_eq!(decimal_of_sum(text, 38, 2), unscaled, "{text}");
        }
    }

    #[test]
    fn dates_and_times_are_iso_text_or_refused() {
        assert_eq!(date_of_text("1970-01-02"), Some(1));
        assert_eq!(date_of_text("0001-01-01"), Some(1 - DAYS_BEFORE_1970));
        for text in ["2024-02-30", "2024-1-01", "20240101", "+024-01-01", "2024-01-01 ", ""] {
            assert_eq!(date_of_text(text), None, "{text}");
        }
        assert_eq!(time_of_text("23:59:59.999999"), Some(DAY - 1));
        assert_eq!(time_of_text("00:01"), Some(60_000_000));
        assert_eq!(time_of_text("00:00:00.100000000"), Some(100_000));
        for text in
            ["24:00:00", "1:00", "00:00:0", "00:00:00.", "00:00:00.0000001", "00:00:00Z", "00-00"]
        {
            assert_eq!(time_of_text(text), None, "{text}");
        }
    }

    #[test]
    fn time_stamps_keep_their_wall_clock_and_instants_their_instant() {
        assert_eq!(timestamp_of_text("1970-01-02"), Some(DAY));
        assert_eq!(timestamp_of_text("1970-01-02T00:00:01Z"), Some(DAY + 1_000_000));
        assert_eq!(timestamp_of_text("1969-12-31 23:59:59.5"), Some(-500_000));
        for text in [
            "1970-01-01Z",
            "1970-01-01 00:00:00+00:00",
            "1970-01-01 ",
            "1970-01-01x00:00",
            "é1970-01-0",
        ] {
            assert_eq!(timestamp_of_text(text), None, "{text}");
        }
        assert_eq!(instant_of_text("1970-01-01 02:00:00+02:00"), Some(0));
        assert_eq!(instant_of_text("1969-12-31T23:30-00:30"), Some(0));
        assert_eq!(instant_of_text("1970-01-01 00:00:00"), Some(0));
        assert_eq!(instant_of_text("1970-01-01 00:00:00Z"), Some(0));
        for text in [
            "1970-01-01+02:00",
            "1970-01-01 00:00+2",
            "1970-01-01 00:00+15:00",
            "1970-01-01 00:00+02:00Z",
        ] {
            assert_eq!(instant_of_text(text), None, "{text}");
        }
    }
}
