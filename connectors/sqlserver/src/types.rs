//! Which Arrow type a SQL Server type arrives in, and how it compares at the server.

use arrow_schema::{DataType, TimeUnit};
use celosia_connector_api::{OperandClass, TextHabit};

/// A column's type as the catalog stores it, alias types already resolved.
#[derive(Debug, Clone, Default)]
pub(crate) struct NativeType<'a> {
    /// The base type's name.
    pub(crate) name: &'a str,
    /// A type of the CLR.
    pub(crate) assembly: bool,
    /// Bytes, -1 for `max`.
    pub(crate) max_length: i64,
    pub(crate) precision: i64,
    pub(crate) scale: i64,
    pub(crate) collation: Option<&'a str>,
    /// Always Encrypted: what arrives are the bytes of its cipher.
    pub(crate) encrypted: bool,
}

/// What a column arrives as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapped {
    pub(crate) native_type: String,
    pub(crate) data_type: DataType,
    pub(crate) class: OperandClass,
    pub(crate) read_as_text: bool,
}

/// The mark of a CLR type that is not one of the server's own.
pub(crate) const CLR: &str = " (CLR)";

/// The Arrow form of a type. What has none is read as text; nothing is left out.
pub(crate) fn map(native: &NativeType<'_>) -> Mapped {
    let native_type = spelled(native);
    let (data_type, class, read_as_text) = form(native);
    Mapped { native_type, data_type, class, read_as_text }
}

/// The name of a type without its length or precision.
pub(crate) fn base(native_type: &str) -> &str {
    native_type.split('(').next().unwrap_or(native_type).trim_end()
}

/// Whether text is stored in a code page rather than in UTF-16.
pub(crate) fn is_code_page(native_type: &str) -> bool {
    matches!(base(native_type), "varchar" | "char")
}

/// Whether the driver reads a code page exactly. It knows the Western one; of a UTF-8 collation it sees
/// only the language, and some others differ in a few places from the server's tables.
pub(crate) fn is_read_exactly(collation: Option<&str>) -> bool {
    collation.is_some_and(|name| {
        let western =
            name.starts_with("Latin1_General_") || name.starts_with("SQL_Latin1_General_CP1_");
        western && !name.to_ascii_uppercase().contains("UTF8")
    })
}

/// What comparisons under a collation do not look at: its name says so.
pub(crate) fn text_habit(native_type: &str, collation: Option<&str>) -> TextHabit {
    let has = |word: &str| {
        collation.is_some_and(|name| name.split('_').any(|part| part.eq_ignore_ascii_case(word)))
    };
    TextHabit {
        ignores_case: has("CI"),
        ignores_accents: has("AI"),
        pads: matches!(base(native_type), "char" | "nchar"),
        empty_is_null: false,
    }
}

/// Whether a name is one of a collation: it stands in a statement without quotes.
pub(crate) fn is_collation(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The type that an expression is cast to so that it arrives in `data_type`.
pub(crate) fn cast_target(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Boolean => "bit".into(),
        DataType::Int16 => "smallint".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "bigint".into(),
        DataType::Float32 => "real".into(),
        DataType::Float64 => "float".into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Utf8 => "nvarchar(max)".into(),
        DataType::Binary => "varbinary(max)".into(),
        DataType::Date32 => "date".into(),
        DataType::Time64(TimeUnit::Microsecond) => "time(6)".into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "datetime2(6)".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "datetimeoffset(6)".into(),
        _ => return None,
    })
}

fn form(native: &NativeType<'_>) -> (DataType, OperandClass, bool) {
    let micros = TimeUnit::Microsecond;
    let plain = |data_type, class| (data_type, class, false);
    if native.encrypted {
        return plain(DataType::Binary, OperandClass::Opaque);
    }
    if native.assembly {
        return (DataType::Utf8, OperandClass::Opaque, true);
    }
    match native.name {
        "bit" => plain(DataType::Boolean, OperandClass::Boolean),
        "tinyint" | "smallint" => plain(DataType::Int16, OperandClass::Integer),
        "int" => plain(DataType::Int32, OperandClass::Integer),
        "bigint" => plain(DataType::Int64, OperandClass::Integer),
        "decimal" | "numeric" => plain(decimal(native), OperandClass::Decimal),
        "money" => plain(DataType::Decimal128(19, 4), OperandClass::Decimal),
        "smallmoney" => plain(DataType::Decimal128(10, 4), OperandClass::Decimal),
        "real" => plain(DataType::Float32, OperandClass::Float),
        "float" => plain(DataType::Float64, OperandClass::Float),
        "date" => plain(DataType::Date32, OperandClass::Date),
        "time" => plain(DataType::Time64(micros), OperandClass::Opaque),
        "smalldatetime" => plain(DataType::Timestamp(micros, None), OperandClass::Timestamp),
        // Its ticks of 1/300 s are read in the three digits they are shown with.
        "datetime" => plain(DataType::Timestamp(micros, None), OperandClass::TimestampFine),
        "datetime2" if native.scale > 6 => {
            plain(DataType::Timestamp(micros, None), OperandClass::TimestampFine)
        }
        "datetime2" => plain(DataType::Timestamp(micros, None), OperandClass::Timestamp),
        "datetimeoffset" if native.scale > 6 => plain(instant(), OperandClass::TimestampUtcFine),
        "datetimeoffset" => plain(instant(), OperandClass::TimestampUtc),
        "varchar" | "nvarchar" | "sysname" if native.collation.is_some_and(is_collation) => {
            plain(DataType::Utf8, OperandClass::Text)
        }
        // Padded with blanks, and read so.
        "char" | "nchar" | "varchar" | "nvarchar" | "sysname" => {
            plain(DataType::Utf8, OperandClass::Opaque)
        }
        "uniqueidentifier" => plain(DataType::Utf8, OperandClass::Uuid),
        "binary" | "varbinary" | "timestamp" | "rowversion" => {
            plain(DataType::Binary, OperandClass::Bytes)
        }
        "image" => plain(DataType::Binary, OperandClass::Opaque),
        // text, ntext, xml, json, sql_variant, vector, and whatever comes next.
        _ => (DataType::Utf8, OperandClass::Opaque, true),
    }
}

fn spelled(native: &NativeType<'_>) -> String {
    let NativeType { name, max_length, precision, scale, .. } = native;
    let length = |unit: i64| {
        if *max_length < 0 { "max".to_string() } else { (max_length / unit).to_string() }
    };
    match *name {
        "decimal" | "numeric" => format!("{name}({precision},{scale})"),
        "time" | "datetime2" | "datetimeoffset" => format!("{name}({scale})"),
        "char" | "varchar" | "binary" | "varbinary" => format!("{name}({})", length(1)),
        "nchar" | "nvarchar" => format!("{name}({})", length(2)),
        "hierarchyid" | "geometry" | "geography" => (*name).to_string(),
        name if native.assembly => format!("{name}{CLR}"),
        name => name.to_string(),
    }
}

fn decimal(native: &NativeType<'_>) -> DataType {
    let precision = u8::try_from(native.precision.clamp(1, 38)).unwrap_or(38);
    let scale = i8::try_from(native.scale.clamp(0, i64::from(precision))).unwrap_or(0);
    DataType::Decimal128(precision, scale)
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, max_length: i64, precision: i64, scale: i64) -> Mapped {
        let collation = Some("Latin1_General_CI_AS");
        map(&NativeType { name, max_length, precision, scale, collation, ..NativeType::default() })
    }

    #[test]
    fn lengths_and_scales_are_spelled() {
        assert_eq!(of("nvarchar", 100, 0, 0).native_type, "nvarchar(50)");
        assert_eq!(of("varchar", -1, 0, 0).native_type, "varchar(max)");
        assert_eq!(of("decimal", 17, 38, 38).native_type, "decimal(38,38)");
        assert_eq!(of("decimal", 17, 38, 38).data_type, DataType::Decimal128(38, 38));
        assert_eq!(of("datetime2", 8, 27, 7).native_type, "datetime2(7)");
        let point = map(&NativeType {
            name: "Point",
            assembly: true,
            max_length: -1,
            ..NativeType::default()
        });
        assert_eq!((point.native_type.as_str(), point.read_as_text), ("Point (CLR)", true));
    }

    #[test]
    fn classes_say_what_equality_means() {
        assert_eq!(of("nvarchar", 100, 0, 0).class, OperandClass::Text);
        assert_eq!(of("nchar", 10, 0, 0).class, OperandClass::Opaque);
        assert_eq!(of("datetime2", 8, 26, 6).class, OperandClass::Timestamp);
        assert_eq!(of("datetime2", 8, 27, 7).class, OperandClass::TimestampFine);
        assert_eq!(of("datetime", 8, 23, 3).class, OperandClass::TimestampFine);
        assert_eq!(of("datetimeoffset", 10, 34, 7).class, OperandClass::TimestampUtcFine);
        for name in ["text", "ntext", "xml", "sql_variant", "json", "unheard of"] {
            let mapped = of(name, -1, 0, 0);
            assert!(mapped.read_as_text && mapped.class == OperandClass::Opaque, "{name}");
        }
        let cipher = NativeType { name: "int", encrypted: true, ..NativeType::default() };
        assert_eq!(map(&cipher).data_type, DataType::Binary);
    }

    #[test]
    fn a_collation_says_what_it_ignores() {
        let habit = |native, collation| {
            let habit = text_habit(native, collation);
            (habit.ignores_case, habit.ignores_accents, habit.pads)
        };
        assert_eq!(
            habit("nvarchar(9)", Some("SQL_Latin1_General_CP1_CI_AS")),
            (true, false, false)
        );
        assert_eq!(
            habit("varchar(9)", Some("Latin1_General_100_CI_AI_SC_UTF8")),
            (true, true, false)
        );
        assert_eq!(habit("nchar(9)", Some("Latin1_General_CS_AS")), (false, false, true));
        assert_eq!(habit("varchar(9)", Some("Latin1_General_BIN2")), (false, false, false));
    }

    #[test]
    fn only_the_western_code_page_is_left_to_the_driver() {
        assert!(is_read_exactly(Some("SQL_Latin1_General_CP1_CI_AS")));
        assert!(is_read_exactly(Some("Latin1_General_100_BIN2")));
        assert!(!is_read_exactly(Some("Latin1_General_100_CI_AS_SC_UTF8")));
        assert!(!is_read_exactly(Some("Japanese_CI_AS")) && !is_read_exactly(None));
        assert!(is_collation("Greek_CI_AS") && !is_collation("x; DROP") && !is_collation(""));
    }
}
