//! Which Arrow type a PostgreSQL type arrives in, and how it compares at the server.

use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use celosia_connector_api::OperandClass;

/// Object ids of the built-in types; they are the same in every database.
pub(crate) mod oid {
    pub(crate) const BOOL: u32 = 16;
    pub(crate) const BYTEA: u32 = 17;
    pub(crate) const NAME: u32 = 19;
    pub(crate) const INT8: u32 = 20;
    pub(crate) const INT2: u32 = 21;
    pub(crate) const INT4: u32 = 23;
    pub(crate) const TEXT: u32 = 25;
    pub(crate) const JSON: u32 = 114;
    pub(crate) const FLOAT4: u32 = 700;
    pub(crate) const FLOAT8: u32 = 701;
    pub(crate) const BPCHAR: u32 = 1042;
    pub(crate) const VARCHAR: u32 = 1043;
    pub(crate) const DATE: u32 = 1082;
    pub(crate) const TIME: u32 = 1083;
    pub(crate) const TIMESTAMP: u32 = 1114;
    pub(crate) const TIMESTAMPTZ: u32 = 1184;
    pub(crate) const INTERVAL: u32 = 1186;
    pub(crate) const NUMERIC: u32 = 1700;
    pub(crate) const UUID: u32 = 2950;
    pub(crate) const JSONB: u32 = 3802;
}

/// Digits and scale of a NUMERIC without declared digits.
const FREE_NUMERIC: DataType = DataType::Decimal256(76, 30);

/// A column's type as the catalog stores it, domains already resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NativeType {
    /// The object id of the type.
    pub(crate) oid: u32,
    /// The type modifier, -1 where there is none.
    pub(crate) modifier: i32,
    /// Equality under the column's collation is equality of bytes, and the database stores UTF-8, so
    /// that every value we bind exists there.
    pub(crate) exact_text: bool,
}

/// What a column arrives as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapped {
    pub(crate) data_type: DataType,
    pub(crate) class: OperandClass,
    pub(crate) read_as_text: bool,
}

/// The Arrow form of a type. What has none is read as text; nothing is left out.
pub(crate) fn map(native: NativeType) -> Mapped {
    let (data_type, class) = match native.oid {
        oid::BOOL => (DataType::Boolean, OperandClass::Boolean),
        oid::INT2 => (DataType::Int16, OperandClass::Integer),
        oid::INT4 => (DataType::Int32, OperandClass::Integer),
        oid::INT8 => (DataType::Int64, OperandClass::Integer),
        oid::FLOAT4 => (DataType::Float32, OperandClass::Float),
        oid::FLOAT8 => (DataType::Float64, OperandClass::Float),
        oid::NUMERIC => match decimal(native.modifier) {
            Some(data_type) => (data_type, OperandClass::Decimal),
            None => return as_text(),
        },
        oid::TEXT | oid::VARCHAR | oid::NAME if native.exact_text => {
            (DataType::Utf8, OperandClass::Text)
        }
        oid::TEXT | oid::VARCHAR | oid::NAME => (DataType::Utf8, OperandClass::Opaque),
        oid::BPCHAR | oid::JSON | oid::JSONB => (DataType::Utf8, OperandClass::Opaque),
        oid::UUID => (DataType::Utf8, OperandClass::Uuid),
        oid::BYTEA => (DataType::Binary, OperandClass::Bytes),
        oid::DATE => (DataType::Date32, OperandClass::Date),
        oid::TIME => (DataType::Time64(TimeUnit::Microsecond), OperandClass::Opaque),
        oid::TIMESTAMP => {
            (DataType::Timestamp(TimeUnit::Microsecond, None), OperandClass::Timestamp)
        }
        oid::TIMESTAMPTZ => (instant(), OperandClass::TimestampUtc),
        oid::INTERVAL => (DataType::Interval(IntervalUnit::MonthDayNano), OperandClass::Opaque),
        _ => return as_text(),
    };
    Mapped { data_type, class, read_as_text: false }
}

/// The type that an expression is cast to so that it arrives in `data_type`.
pub(crate) fn cast_target(data_type: &DataType, class: OperandClass) -> Option<String> {
    Some(match data_type {
        DataType::Boolean => "boolean".into(),
        DataType::Int16 => "smallint".into(),
        DataType::Int32 => "integer".into(),
        DataType::Int64 => "bigint".into(),
        DataType::Float32 => "real".into(),
        DataType::Float64 => "double precision".into(),
        free if *free == FREE_NUMERIC => "numeric".into(),
        DataType::Decimal128(digits, scale) | DataType::Decimal256(digits, scale) => {
            format!("numeric({digits},{scale})")
        }
        DataType::Utf8 if class == OperandClass::Uuid => "uuid".into(),
        DataType::Utf8 => "text".into(),
        DataType::Binary => "bytea".into(),
        DataType::Date32 => "date".into(),
        DataType::Time64(TimeUnit::Microsecond) => "time".into(),
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp".into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamptz".into(),
        DataType::Interval(_) => "interval".into(),
        _ => return None,
    })
}

fn as_text() -> Mapped {
    Mapped { data_type: DataType::Utf8, class: OperandClass::Opaque, read_as_text: true }
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

/// The decimal that holds every value of `numeric(precision, scale)`; `None` where none is wide enough.
fn decimal(modifier: i32) -> Option<DataType> {
    if modifier < 4 {
        return Some(FREE_NUMERIC);
    }
    let declared = modifier - 4;
    let precision = (declared >> 16) & 0xffff;
    // Eleven bits with a sign, since version 15.
    let scale = ((declared & 0x7ff) ^ 1024) - 1024;
    // A scale below zero holds multiples of a power of ten; one above the precision, fractions only.
    let (digits, scale) =
        if scale < 0 { (precision - scale, 0) } else { (precision.max(scale), scale) };
    let (digits, scale) = (u8::try_from(digits).ok()?, i8::try_from(scale).ok()?);
    match digits {
        0..=38 => Some(DataType::Decimal128(digits, scale)),
        39..=76 => Some(DataType::Decimal256(digits, scale)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(precision: i32, scale: i32) -> Mapped {
        let modifier = ((precision << 16) | (scale & 0x7ff)) + 4;
        map(NativeType { oid: oid::NUMERIC, modifier, exact_text: true })
    }

    #[test]
    fn decimals_hold_every_declared_value() {
        assert_eq!(numeric(10, 2).data_type, DataType::Decimal128(10, 2));
        assert_eq!(numeric(38, 38).data_type, DataType::Decimal128(38, 38));
        assert_eq!(numeric(39, 0).data_type, DataType::Decimal256(39, 0));
        assert_eq!(numeric(76, 10).data_type, DataType::Decimal256(76, 10));
        assert_eq!(numeric(3, -2).data_type, DataType::Decimal128(5, 0));
        assert_eq!(numeric(3, 5).data_type, DataType::Decimal128(5, 5));
        assert_eq!(numeric(77, 0), as_text());
        assert_eq!(numeric(1000, 1000), as_text());
        assert_eq!(numeric(1000, -1000), as_text());
        let free = map(NativeType { oid: oid::NUMERIC, modifier: -1, exact_text: true });
        assert_eq!((free.data_type, free.class), (FREE_NUMERIC, OperandClass::Decimal));
    }

    #[test]
    fn loose_text_is_opaque_and_the_unknown_is_read_as_text() {
        let text = |oid, exact_text| map(NativeType { oid, modifier: -1, exact_text });
        assert_eq!(text(oid::TEXT, true).class, OperandClass::Text);
        assert_eq!(text(oid::TEXT, false).class, OperandClass::Opaque);
        assert_eq!(text(oid::BPCHAR, true).class, OperandClass::Opaque);
        assert_eq!(text(oid::JSONB, true).class, OperandClass::Opaque);
        for unknown in [26, 142, 790, 869, 1266, 100_000] {
            assert_eq!(text(unknown, true), as_text(), "{unknown}");
        }
    }

    #[test]
    fn every_mapped_type_has_a_cast() {
        for native in [16, 17, 19, 20, 21, 23, 25, 114, 700, 701, 1042, 1043, 1082, 1083, 1114] {
            let mapped = map(NativeType { oid: native, modifier: -1, exact_text: true });
            assert!(cast_target(&mapped.data_type, mapped.class).is_some(), "{native}");
        }
        let free = map(NativeType { oid: oid::NUMERIC, modifier: -1, exact_text: true });
        assert_eq!(cast_target(&free.data_type, free.class).as_deref(), Some("numeric"));
    }
}
