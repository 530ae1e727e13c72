//! The types of every store: as they are declared, what they hold, and what a row filter may ask of them.

use super::super::expr::Type;
use crate::support::load::Store;
use arrow_schema::{DataType, TimeUnit};
use celosia_connector_testkit::data::Kind;

/// A type as a store declares it.
#[derive(Debug)]
pub struct Declared {
    /// Its declaration.
    pub spelled: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// What a row filter may ask.
    pub asked: Asked,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holds {
    /// Whole numbers from one to the other.
    Whole(i64, i64),
    /// Decimals of so many digits, so many of them behind the point.
    Decimal(u8, u8),
    /// Doubles.
    Double,
    /// Floats of 32 bits.
    Single,
    /// Texts of so many characters.
    Text(usize, Letters),
    /// TRUE or FALSE.
    Boolean,
    /// Days between two days.
    Date(i32, i32),
    /// Time stamps between two days, in steps of so many microseconds.
    Moment(i32, i32, i64),
    /// The same with a zone.
    Instant(i32, i32, i64),
    /// UUIDs.
    Uuid,
    /// So many bytes at most.
    Bytes(usize),
    /// Times of day.
    Clock,
}

/// Which characters a text may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Letters {
    /// Any.
    Any,
    /// Those of Latin-1.
    Latin,
    /// Only JSON.
    Json,
    /// Any, with blanks up to the length.
    Padded,
    /// Those of Latin-1, with blanks up to the length.
    LatinPadded,
}

/// What a row filter may ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asked {
    /// Comparisons, and patterns of texts.
    Order,
    /// Equality and inequality.
    Equality,
    /// Equality that opens.
    Loose,
    /// Whether it is NULL.
    Null,
}

impl Declared {
    /// The type of a statement's expression over such a column.
    pub fn ty(&self) -> Type {
        match self.holds {
            Holds::Whole(..) => Type::Int,
            Holds::Decimal(..) => Type::Dec,
            Holds::Double | Holds::Single => Type::Float,
            Holds::Text(..) | Holds::Uuid => Type::Text,
            Holds::Boolean => Type::Bool,
            Holds::Date(..) => Type::Date,
            Holds::Moment(..) => Type::Time,
            Holds::Instant(..) => Type::Instant,
            Holds::Bytes(_) => Type::Bytes,
            Holds::Clock => Type::Clock,
        }
    }

    /// How the test kit spells its values.
    pub fn kind(&self) -> Kind {
        match self.holds {
            Holds::Whole(..) => Kind::Integer,
            Holds::Decimal(digits, scale) => Kind::Decimal(digits, scale as i8),
            Holds::Double | Holds::Single => Kind::Float,
            Holds::Text(..) => Kind::Text,
            Holds::Boolean => Kind::Boolean,
            Holds::Date(..) => Kind::Date,
            Holds::Moment(..) => Kind::Timestamp,
            Holds::Instant(..) => Kind::TimestampUtc,
            Holds::Uuid => Kind::Uuid,
            Holds::Bytes(_) => Kind::Bytes,
            Holds::Clock => Kind::Time,
        }
    }

    /// A type with room for all its values, on which masks mean the same.
    pub fn data_type(&self) -> DataType {
        match self.holds {
            Holds::Single => DataType::Float32,
            Holds::Decimal(_, scale) => DataType::Decimal128(38, scale as i8),
            Holds::Clock => DataType::Time64(TimeUnit::Microsecond),
            _ => self.kind().data_type(),
        }
    }
}

const fn of(spelled: &'static str, holds: Holds, asked: Asked) -> Declared {
    Declared { spelled, holds, asked }
}

/// 0001-01-01, 1753-01-01, 1900-01-02, 2079-06-05 and 9999-12-31 as days from 1970-01-01.
const FIRST: i32 = -719_162;
const TICKS: i32 = -79_256;
const SMALL_FIRST: i32 = -25_566;
const SMALL_LAST: i32 = 39_966;
const LAST: i32 = 2_932_896;

const SECOND: i64 = 1_000_000;
const DAY: Holds = Holds::Date(FIRST, LAST);
const MOMENT: Holds = Holds::Moment(FIRST, LAST, 1);
const INSTANT: Holds = Holds::Instant(FIRST, LAST, 1);
const TEXT: Holds = Holds::Text(60, Letters::Any);
const SHORT: Holds = Holds::Whole(-32_768, 32_767);
const WHOLE: Holds = Holds::Whole(-2_147_483_648, 2_147_483_647);
const BIG: Holds = Holds::Whole(i64::MIN, i64::MAX);

/// The types of a store; the first ones are types of keys.
pub fn types(store: Store) -> &'static [Declared] {
    match store {
        Store::Sqlite => SQLITE,
        Store::Postgres => POSTGRES,
        Store::SqlServer => SQLSERVER,
        Store::Oracle => ORACLE,
    }
}

/// How many of [`types`] are types of keys.
pub const KEYS: usize = 3;

const SQLITE: &[Declared] = &[
    of("BIGINT", BIG, Asked::Order),
    of("INTEGER", WHOLE, Asked::Order),
    of("TEXT", TEXT, Asked::Order),
    of("VARCHAR(60)", TEXT, Asked::Order),
    of("SMALLINT", SHORT, Asked::Order),
    of("DECIMAL(12,2)", Holds::Decimal(12, 2), Asked::Order),
    of("DECIMAL(15,4)", Holds::Decimal(15, 4), Asked::Order),
    of("NUMERIC(5)", Holds::Decimal(5, 0), Asked::Order),
    of("DOUBLE PRECISION", Holds::Double, Asked::Order),
    of("REAL", Holds::Double, Asked::Order),
    of("TEXT COLLATE NOCASE", TEXT, Asked::Loose),
    of("TEXT COLLATE RTRIM", TEXT, Asked::Loose),
    of("BOOLEAN", Holds::Boolean, Asked::Equality),
    of("DATE", DAY, Asked::Order),
    of("TIMESTAMP", MOMENT, Asked::Order),
    of("DATETIME", MOMENT, Asked::Order),
    of("TIMESTAMP WITH TIME ZONE", INSTANT, Asked::Order),
    of("BLOB", Holds::Bytes(20), Asked::Null),
    of("TIME", Holds::Clock, Asked::Null),
    of("UUID", Holds::Uuid, Asked::Loose),
];

const POSTGRES: &[Declared] = &[
    of("bigint", BIG, Asked::Order),
    of("integer", WHOLE, Asked::Order),
    of("text", TEXT, Asked::Order),
    of("varchar(60)", TEXT, Asked::Order),
    of("smallint", SHORT, Asked::Order),
    of("numeric(12,2)", Holds::Decimal(12, 2), Asked::Order),
    of("numeric(38,10)", Holds::Decimal(38, 10), Asked::Order),
    of("numeric(38)", Holds::Decimal(38, 0), Asked::Order),
    of("numeric(5,5)", Holds::Decimal(5, 5), Asked::Order),
    of("numeric", Holds::Decimal(30, 10), Asked::Order),
    of("numeric(50,6)", Holds::Decimal(36, 6), Asked::Order),
    of("double precision", Holds::Double, Asked::Order),
    of("real", Holds::Single, Asked::Order),
    of("text COLLATE \"C\"", TEXT, Asked::Order),
    of("char(12)", Holds::Text(12, Letters::Padded), Asked::Loose),
    of("boolean", Holds::Boolean, Asked::Equality),
    of("date", DAY, Asked::Order),
    of("timestamp", MOMENT, Asked::Order),
    of("timestamptz", INSTANT, Asked::Order),
    of("bytea", Holds::Bytes(20), Asked::Null),
    of("uuid", Holds::Uuid, Asked::Equality),
    of("time", Holds::Clock, Asked::Null),
    of("jsonb", Holds::Text(60, Letters::Json), Asked::Null),
];

const SQLSERVER: &[Declared] = &[
    of("bigint", BIG, Asked::Order),
    of("int", WHOLE, Asked::Order),
    of("smallint", SHORT, Asked::Order),
    of("nvarchar(60)", TEXT, Asked::Order),
    of("varchar(60)", Holds::Text(60, Letters::Latin), Asked::Order),
    of("tinyint", Holds::Whole(0, 255), Asked::Order),
    of("decimal(12,2)", Holds::Decimal(12, 2), Asked::Order),
    of("decimal(38,10)", Holds::Decimal(38, 10), Asked::Order),
    of("numeric(38)", Holds::Decimal(38, 0), Asked::Order),
    of("money", Holds::Decimal(19, 4), Asked::Order),
    of("smallmoney", Holds::Decimal(10, 4), Asked::Order),
    of("float", Holds::Double, Asked::Order),
    of("real", Holds::Single, Asked::Order),
    of("nvarchar(60) COLLATE Latin1_General_BIN2", TEXT, Asked::Order),
    of("nvarchar(60) COLLATE Latin1_General_100_CS_AS", TEXT, Asked::Order),
    of("nchar(12)", Holds::Text(12, Letters::Padded), Asked::Loose),
    of("char(12)", Holds::Text(12, Letters::LatinPadded), Asked::Loose),
    of("bit", Holds::Boolean, Asked::Equality),
    of("date", DAY, Asked::Order),
    of("datetime2(6)", MOMENT, Asked::Order),
    of("datetime2(0)", Holds::Moment(FIRST, LAST, SECOND), Asked::Order),
    of("datetime2(7)", MOMENT, Asked::Order),
    of("datetime", Holds::Moment(TICKS, LAST, SECOND), Asked::Order),
    of("smalldatetime", Holds::Moment(SMALL_FIRST, SMALL_LAST, 60 * SECOND), Asked::Order),
    of("datetimeoffset(6)", INSTANT, Asked::Order),
    of("varbinary(40)", Holds::Bytes(20), Asked::Null),
    of("uniqueidentifier", Holds::Uuid, Asked::Equality),
    of("time(6)", Holds::Clock, Asked::Null),
];

const ORACLE: &[Declared] = &[
    of("NUMBER(18)", Holds::Whole(-999_999_999_999_999_999, 999_999_999_999_999_999), Asked::Order),
    of("NUMBER(10)", Holds::Whole(-9_999_999_999, 9_999_999_999), Asked::Order),
    of("VARCHAR2(60 CHAR)", TEXT, Asked::Order),
    of("VARCHAR2(240)", TEXT, Asked::Order),
    of("NUMBER(5)", Holds::Whole(-99_999, 99_999), Asked::Order),
    of("NUMBER(19)", Holds::Decimal(19, 0), Asked::Order),
    of("NUMBER(12,2)", Holds::Decimal(12, 2), Asked::Order),
    of("NUMBER(38,10)", Holds::Decimal(38, 10), Asked::Order),
    of("NUMBER", Holds::Decimal(30, 10), Asked::Order),
    of("BINARY_DOUBLE", Holds::Double, Asked::Order),
    of("BINARY_FLOAT", Holds::Single, Asked::Order),
    of("NVARCHAR2(60)", TEXT, Asked::Loose),
    of("CHAR(12 CHAR)", Holds::Text(12, Letters::Padded), Asked::Loose),
    of("CLOB", TEXT, Asked::Null),
    of("BOOLEAN", Holds::Boolean, Asked::Equality),
    of("DATE", Holds::Moment(FIRST, LAST, SECOND), Asked::Order),
    of("TIMESTAMP(6)", MOMENT, Asked::Order),
    of("TIMESTAMP(9)", MOMENT, Asked::Order),
    of("TIMESTAMP(6) WITH TIME ZONE", INSTANT, Asked::Order),
    of("RAW(40)", Holds::Bytes(20), Asked::Null),
];
