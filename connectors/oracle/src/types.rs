//! Which Arrow type an Oracle type arrives in, and how it compares at the server.

use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::{OperandClass, TextHabit};

/// Digits and scale of a NUMBER without declared digits.
const FREE_NUMBER: DataType = DataType::Decimal256(76, 30);
/// The most binary digits of a FLOAT that a double keeps.
const DOUBLE_DIGITS: i64 = 53;
/// What a large object is expected to hold; some hold much more.
const LOB_BYTES: usize = 1 << 20;

/// A column's type as the dictionary stores it.
#[derive(Debug, Clone, Default)]
pub(crate) struct NativeType {
    pub(crate) name: String,
    /// The schema of an object type; `None` for a built-in one.
    pub(crate) owner: Option<String>,
    /// Bytes.
    pub(crate) length: i64,
    pub(crate) precision: Option<i64>,
    pub(crate) scale: Option<i64>,
    pub(crate) characters: i64,
    /// The length was declared in characters.
    pub(crate) in_characters: bool,
    /// Equality under the column's collation is equality of bytes.
    pub(crate) binary: bool,
}

/// What a column arrives as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapped {
    pub(crate) data_type: DataType,
    pub(crate) class: OperandClass,
    pub(crate) read_as_text: bool,
}

/// The Arrow form of a type; `None` for object types, references, files and collections, which have none, and
/// for LONG and LONG RAW, which may stand in no expression and no condition (ORA-00997).
pub(crate) fn map(native: &NativeType) -> Option<Mapped> {
    use OperandClass as C;
    let plain = |data_type, class| Some(Mapped { data_type, class, read_as_text: false });
    let text = Some(Mapped { data_type: DataType::Utf8, class: C::Opaque, read_as_text: true });
    if native.owner.is_some() {
        return if native.name == "XMLTYPE" { text } else { None };
    }
    match native.name.as_str() {
        "NUMBER" => match number(native.precision, native.scale) {
            Some(DataType::Int64) => plain(DataType::Int64, C::Integer),
            Some(decimal) => plain(decimal, C::Decimal),
            None => text,
        },
        // The double next to a decimal fraction is another number: compared locally.
        "FLOAT" if native.precision.is_some_and(|bits| bits <= DOUBLE_DIGITS) => {
            plain(DataType::Float64, C::Opaque)
        }
        "FLOAT" => plain(FREE_NUMBER, C::Decimal),
        "BINARY_FLOAT" => plain(DataType::Float32, C::Float),
        "BINARY_DOUBLE" => plain(DataType::Float64, C::Float),
        "BOOLEAN" => plain(DataType::Boolean, C::Boolean),
        "VARCHAR2" | "VARCHAR" if native.binary => plain(DataType::Utf8, C::Text),
        // Padded, in another character set, or loosely compared.
        "VARCHAR2" | "VARCHAR" | "NVARCHAR2" | "CHAR" | "NCHAR" | "CLOB" | "NCLOB" => {
            plain(DataType::Utf8, C::Opaque)
        }
        "RAW" => plain(DataType::Binary, C::Bytes),
        "BLOB" => plain(DataType::Binary, C::Opaque),
        "DATE" => plain(timestamp(), C::Timestamp),
        "JSON" | "XMLTYPE" | "VECTOR" | "ROWID" | "UROWID" => text,
        name if name.starts_with("INTERVAL ") => text,
        name if name.starts_with("TIMESTAMP") => {
            let fine = digits(name).is_some_and(|digits| digits > 6);
            match (name.ends_with("TIME ZONE"), fine) {
                (false, false) => plain(timestamp(), C::Timestamp),
                (false, true) => plain(timestamp(), C::TimestampFine),
                (true, false) => plain(instant(), C::TimestampUtc),
                (true, true) => plain(instant(), C::TimestampUtcFine),
            }
        }
        _ => None,
    }
}

/// The type as it is declared.
pub(crate) fn spelled(native: &NativeType) -> String {
    let name = native.name.as_str();
    match name {
        "NUMBER" => match (native.precision, native.scale) {
            (None, Some(0)) => "INTEGER".to_string(),
            (None, None) => "NUMBER".to_string(),
            (None, Some(scale)) => format!("NUMBER(*,{scale})"),
            (Some(digits), None | Some(0)) => format!("NUMBER({digits})"),
            (Some(digits), Some(scale)) => format!("NUMBER({digits},{scale})"),
        },
        "FLOAT" => match native.precision {
            Some(bits) => format!("FLOAT({bits})"),
            None => "FLOAT".to_string(),
        },
        "VARCHAR2" | "CHAR" if native.in_characters => {
            format!("{name}({} CHAR)", native.characters)
        }
        "NVARCHAR2" | "NCHAR" => format!("{name}({})", native.characters),
        "VARCHAR2" | "CHAR" | "RAW" => format!("{name}({})", native.length),
        _ => match &native.owner {
            Some(owner) => format!("{owner}.{name}"),
            None => name.to_string(),
        },
    }
}

/// Bytes of the longest value that a column is expected to hold.
pub(crate) fn width(native: &NativeType) -> usize {
    match native.name.as_str() {
        "CLOB" | "NCLOB" | "BLOB" | "JSON" | "XMLTYPE" | "VECTOR" => LOB_BYTES,
        _ => usize::try_from(native.length).unwrap_or(LOB_BYTES),
    }
}

/// What comparisons under a collation do not look at: its name ends in it. No empty text is stored.
pub(crate) fn text_habit(native_type: &str, collation: Option<&str>) -> TextHabit {
    let ends = |end: &str| collation.is_some_and(|name| name.ends_with(end));
    TextHabit {
        ignores_case: ends("_CI") || ends("_AI"),
        ignores_accents: ends("_AI"),
        pads: native_type.starts_with("CHAR(") || native_type.starts_with("NCHAR("),
        empty_is_null: true,
    }
}

/// The type that an expression is cast to so that it arrives in `data_type`.
pub(crate) fn cast_target(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int16 => "NUMBER(5)".into(),
        DataType::Int32 => "NUMBER(10)".into(),
        DataType::Int64 => "NUMBER(19)".into(),
        DataType::Float32 => "BINARY_FLOAT".into(),
        DataType::Float64 => "BINARY_DOUBLE".into(),
        free if *free == FREE_NUMBER => "NUMBER".into(),
        DataType::Decimal128(digits, scale) => format!("NUMBER({digits},{scale})"),
        DataType::Utf8 => "VARCHAR2(4000)".into(),
        DataType::Binary => "RAW(2000)".into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP(6)".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMP(6) WITH TIME ZONE".into(),
        _ => return None,
    })
}

/// The narrowest type that holds every value of `NUMBER(precision, scale)`; `None` where none is wide
/// enough.
fn number(precision: Option<i64>, scale: Option<i64>) -> Option<DataType> {
    let (precision, scale) = match (precision, scale) {
        (None, None) => return Some(FREE_NUMBER),
        (None, Some(scale)) => (38, scale),
        (Some(precision), scale) => (precision, scale.unwrap_or(0)),
    };
    // A scale below zero holds multiples of a power of ten; one above the precision, fractions only.
    let (digits, scale) =
        if scale < 0 { (precision - scale, 0) } else { (precision.max(scale), scale) };
    let (digits, scale) = (u8::try_from(digits).ok()?, i8::try_from(scale).ok()?);
    match (digits, scale) {
        (0..=18, 0) => Some(DataType::Int64),
        (0..=38, _) => Some(DataType::Decimal128(digits, scale)),
        (39..=76, _) => Some(DataType::Decimal256(digits, scale)),
        _ => None,
    }
}

/// The fractional digits of `TIMESTAMP(n)`; 6 where none are declared.
fn digits(name: &str) -> Option<u8> {
    let rest = name.strip_prefix("TIMESTAMP")?;
    match rest.strip_prefix('(') {
        Some(rest) => rest.split(')').next()?.parse().ok(),
        None => Some(6),
    }
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(name: &str, precision: Option<i64>, scale: Option<i64>) -> NativeType {
        NativeType { name: name.into(), precision, scale, binary: true, ..NativeType::default() }
    }

    fn mapped(
        name: &str,
        precision: Option<i64>,
        scale: Option<i64>,
    ) -> Option<(DataType, OperandClass)> {
        map(&native(name, precision, scale)).map(|mapped| (mapped.data_type, mapped.class))
    }

    #[test]
    fn a_collation_says_what_it_ignores() {
        let habit = |native, collation| {
            let habit = text_habit(native, collation);
            (habit.ignores_case, habit.ignores_accents, habit.pads, habit.empty_is_null)
        };
        assert_eq!(habit("VARCHAR2(9 CHAR)", Some("USING_NLS_COMP")), (false, false, false, true));
        assert_eq!(habit("VARCHAR2(9 CHAR)", Some("BINARY_CI")), (true, false, false, true));
        assert_eq!(habit("CHAR(9 CHAR)", Some("BINARY_AI")), (true, true, true, true));
    }

    #[test]
    fn numbers_hold_every_declared_value() {
        use DataType::{Decimal128, Decimal256, Int64};
        for (precision, scale, expected) in [
            (Some(18), Some(0), Int64),
            (Some(10), None, Int64),
            (Some(19), Some(0), Decimal128(19, 0)),
            (Some(38), Some(0), Decimal128(38, 0)),
            (None, Some(0), Decimal128(38, 0)),
            (None, Some(10), Decimal128(38, 10)),
            (Some(18), Some(4), Decimal128(18, 4)),
            (Some(5), Some(-2), Int64),
            (Some(38), Some(-84), Decimal256(0, 0)),
            (Some(30), Some(-20), Decimal256(50, 0)),
            (Some(2), Some(5), Decimal128(5, 5)),
            (None, None, FREE_NUMBER),
        ] {
            let found = mapped("NUMBER", precision, scale);
            if expected == Decimal256(0, 0) {
                assert_eq!(found, Some((DataType::Utf8, OperandClass::Opaque)));
            } else {
                assert_eq!(found.map(|found| found.0), Some(expected), "{precision:?} {scale:?}");
            }
        }
        assert_eq!(mapped("FLOAT", Some(126), None).map(|f| f.0), Some(FREE_NUMBER));
        assert_eq!(
            mapped("FLOAT", Some(24), None),
            Some((DataType::Float64, OperandClass::Opaque))
        );
    }

    #[test]
    fn each_type_has_its_class() {
        use OperandClass as C;
        for (name, class) in [
            ("VARCHAR2", C::Text),
            ("NVARCHAR2", C::Opaque),
            ("CHAR", C::Opaque),
            ("CLOB", C::Opaque),
            ("RAW", C::Bytes),
            ("BLOB", C::Opaque),
            ("DATE", C::Timestamp),
            ("TIMESTAMP(6)", C::Timestamp),
            ("TIMESTAMP(0)", C::Timestamp),
            ("TIMESTAMP(9)", C::TimestampFine),
            ("TIMESTAMP(6) WITH TIME ZONE", C::TimestampUtc),
            ("TIMESTAMP(9) WITH LOCAL TIME ZONE", C::TimestampUtcFine),
            ("INTERVAL DAY(2) TO SECOND(6)", C::Opaque),
            ("BOOLEAN", C::Boolean),
            ("BINARY_DOUBLE", C::Float),
            ("JSON", C::Opaque),
        ] {
            assert_eq!(mapped(name, None, None).map(|found| found.1), Some(class), "{name}");
        }
        let loose = NativeType { binary: false, ..native("VARCHAR2", None, None) };
        assert_eq!(map(&loose).map(|mapped| mapped.class), Some(C::Opaque));
    }

    #[test]
    fn what_has_no_form_is_left_out() {
        let object =
            NativeType { owner: Some("MDSYS".into()), ..native("SDO_GEOMETRY", None, None) };
        assert_eq!(map(&object), None);
        for name in ["BFILE", "LONG", "LONG RAW"] {
            assert_eq!(mapped(name, None, None), None, "{name}");
        }
        let xml = NativeType { owner: Some("PUBLIC".into()), ..native("XMLTYPE", None, None) };
        assert!(map(&xml).is_some_and(|mapped| mapped.read_as_text));
    }

    #[test]
    fn types_are_spelled_as_declared() {
        let text =
            NativeType { characters: 50, in_characters: true, ..native("VARCHAR2", None, None) };
        assert_eq!(spelled(&text), "VARCHAR2(50 CHAR)");
        assert_eq!(spelled(&native("NUMBER", None, Some(0))), "INTEGER");
        assert_eq!(spelled(&native("NUMBER", Some(10), Some(2))), "NUMBER(10,2)");
        assert_eq!(spelled(&native("TIMESTAMP(6)", None, Some(6))), "TIMESTAMP(6)");
    }
}
