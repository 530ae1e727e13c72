//! SQL Server's types: parsed from their spelling, and what carries them in PostgreSQL.

use std::fmt;

/// The collation of a database that nobody chose another one for.
pub(crate) const DEFAULT_COLLATION: &str = "SQL_Latin1_General_CP1_CI_AS";
/// A type modifier above this one says that text is padded to the rest.
pub(crate) const PADDED: i32 = 1_000_000;
/// What PostgreSQL adds to the length of text in a type modifier.
const HEADER: i32 = 4;
/// `max`, as a length.
pub(crate) const MAX: i32 = -1;

/// A type as a column or an expression has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Native {
    /// The base type's name in lower case.
    pub(crate) name: &'static str,
    /// Characters or bytes (-1 is `max`), or the precision of a decimal, or the fraction's digits.
    pub(crate) length: i32,
    /// The scale of a decimal.
    pub(crate) scale: i32,
}

/// What `sys.types` says of each type: its name, `system_type_id`, `user_type_id`, bytes, precision,
/// scale. Lengths that a declaration gives are 0 here.
pub(crate) const TYPES: &[(&str, i32, i32, i32, i32, i32)] = &[
    ("image", 34, 34, 16, 0, 0),
    ("text", 35, 35, 16, 0, 0),
    ("uniqueidentifier", 36, 36, 16, 0, 0),
    ("date", 40, 40, 3, 10, 0),
    ("time", 41, 41, 5, 16, 7),
    ("datetime2", 42, 42, 8, 27, 7),
    ("datetimeoffset", 43, 43, 10, 34, 7),
    ("tinyint", 48, 48, 1, 3, 0),
    ("smallint", 52, 52, 2, 5, 0),
    ("int", 56, 56, 4, 10, 0),
    ("smalldatetime", 58, 58, 4, 16, 0),
    ("real", 59, 59, 4, 24, 0),
    ("money", 60, 60, 8, 19, 4),
    ("datetime", 61, 61, 8, 23, 3),
    ("float", 62, 62, 8, 53, 0),
    ("sql_variant", 98, 98, 8016, 0, 0),
    ("ntext", 99, 99, 16, 0, 0),
    ("bit", 104, 104, 1, 1, 0),
    ("decimal", 106, 106, 17, 38, 38),
    ("numeric", 108, 108, 17, 38, 38),
    ("smallmoney", 122, 122, 4, 10, 4),
    ("bigint", 127, 127, 8, 19, 0),
    ("hierarchyid", 240, 128, 892, 0, 0),
    ("geometry", 240, 129, -1, 0, 0),
    ("geography", 240, 130, -1, 0, 0),
    ("varbinary", 165, 165, 8000, 0, 0),
    ("varchar", 167, 167, 8000, 0, 0),
    ("binary", 173, 173, 8000, 0, 0),
    ("char", 175, 175, 8000, 0, 0),
    ("timestamp", 189, 189, 8, 0, 0),
    ("sysname", 231, 256, 256, 0, 0),
    ("nvarchar", 231, 231, 8000, 0, 0),
    ("nchar", 239, 239, 8000, 0, 0),
    ("xml", 241, 241, -1, 0, 0),
];

impl Native {
    /// A type without a length.
    pub(crate) fn plain(name: &'static str) -> Self {
        Self::sized(name, 0, 0)
    }

    /// A type with a length or precision, and a scale.
    pub(crate) fn sized(name: &'static str, length: i32, scale: i32) -> Self {
        Self { name, length, scale }
    }

    /// The type of that spelling in a declaration, such as `NVARCHAR(50)`; `cast` where it stands in a
    /// cast, which has another length by default.
    pub(crate) fn parse(spelling: &str, cast: bool) -> Option<Self> {
        let spelling = spelling.replace(['"', '[', ']'], "").trim().to_ascii_lowercase();
        let (name, arguments) = match spelling.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.trim_end().strip_suffix(')')?),
            None => (spelling.as_str(), ""),
        };
        let name = name.strip_prefix("sys.").unwrap_or(name);
        let mut numbers = arguments.split(',').map(str::trim).filter(|part| !part.is_empty());
        let first = numbers.next();
        let second = numbers.next().map(str::parse).transpose().ok()?;
        let length = match first {
            Some("max") => Some(MAX),
            Some(number) => Some(number.parse().ok()?),
            None => None,
        };
        let name = alias(name);
        let name = TYPES.iter().map(|known| known.0).find(|known| *known == name)?;
        Some(match name {
            "char" | "varchar" | "nchar" | "nvarchar" | "binary" | "varbinary" => {
                Self::sized(name, length.unwrap_or(if cast { 30 } else { 1 }), 0)
            }
            "sysname" => Self::sized("nvarchar", 128, 0),
            "decimal" | "numeric" => Self::sized(name, length.unwrap_or(18), second.unwrap_or(0)),
            "time" | "datetime2" | "datetimeoffset" => Self::sized(name, length.unwrap_or(7), 0),
            "float" if length.is_some_and(|bits| bits <= 24) => Self::plain("real"),
            _ => Self::plain(name),
        })
    }

    /// Whether it holds text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.name, "char" | "varchar" | "text" | "nchar" | "nvarchar" | "ntext" | "xml")
    }

    /// Whether it has a collation.
    pub(crate) fn is_collated(&self) -> bool {
        self.is_text() && self.name != "xml"
    }

    /// What carries it in PostgreSQL.
    pub(crate) fn carrier(&self) -> String {
        let digits = self.length.min(6);
        match self.name {
            "bit" => "tsql.bit".into(),
            "tinyint" => "tsql.tinyint".into(),
            "smallint" => "int2".into(),
            "int" => "int4".into(),
            "bigint" => "int8".into(),
            "decimal" | "numeric" => format!("numeric({}, {})", self.length, self.scale),
            "money" => "numeric(19, 4)".into(),
            "smallmoney" => "numeric(10, 4)".into(),
            "real" => "float4".into(),
            "float" => "float8".into(),
            "date" => "date".into(),
            "time" => format!("time({digits})"),
            "datetime" => "timestamp(3)".into(),
            "smalldatetime" => "timestamp(0)".into(),
            "datetime2" => format!("timestamp({digits})"),
            "datetimeoffset" => format!("timestamptz({digits})"),
            "uniqueidentifier" => "uuid".into(),
            "char" => format!("tsql.vc({})", PADDED + self.length),
            "nchar" => format!("tsql.nv({})", PADDED + self.length),
            "varchar" if self.length > 0 => format!("tsql.vc({})", self.length),
            "nvarchar" if self.length > 0 => format!("tsql.nv({})", self.length),
            "varchar" | "text" => "tsql.vc".into(),
            "binary" | "varbinary" | "image" | "timestamp" => "bytea".into(),
            _ => "tsql.nv".into(),
        }
    }

    /// The type that an expression of a PostgreSQL type has, as far as that can be told.
    pub(crate) fn of(carriers: &Carriers, oid: u32, modifier: i32) -> Self {
        let length = modifier - HEADER;
        match oid {
            _ if oid == carriers.bit => Self::plain("bit"),
            _ if oid == carriers.wide || oid == carriers.narrow => {
                let (padded, varying) =
                    if oid == carriers.wide { ("nchar", "nvarchar") } else { ("char", "varchar") };
                match length {
                    _ if modifier < 0 => Self::sized(varying, MAX, 0),
                    _ if length > PADDED => Self::sized(padded, length - PADDED, 0),
                    _ => Self::sized(varying, length, 0),
                }
            }
            // A condition never reaches a client of a real server.
            16 => Self::plain("bit"),
            17 => Self::sized("varbinary", MAX, 0),
            20 => Self::plain("bigint"),
            21 => Self::plain("smallint"),
            23 => Self::plain("int"),
            700 => Self::plain("real"),
            701 => Self::plain("float"),
            1082 => Self::plain("date"),
            1083 => Self::sized("time", fraction(modifier), 0),
            1114 => Self::sized("datetime2", fraction(modifier), 0),
            1184 => Self::sized("datetimeoffset", fraction(modifier), 0),
            1700 if modifier >= HEADER => {
                Self::sized("decimal", (length >> 16) & 0xffff, length & 0x7ff)
            }
            1700 => Self::sized("decimal", 38, 10),
            2950 => Self::plain("uniqueidentifier"),
            _ => Self::sized("nvarchar", MAX, 0),
        }
    }

    /// What `sys.columns` says: `system_type_id`, `user_type_id`, `max_length`, `precision`, `scale`.
    pub(crate) fn facts(&self) -> [i32; 5] {
        let known = TYPES.iter().find(|known| known.0 == self.name);
        let (_, system, user, bytes, precision, scale) = known.copied().unwrap_or_default();
        let [bytes, precision, scale] = match self.name {
            "char" | "varchar" | "binary" | "varbinary" => [self.length, 0, 0],
            "nchar" | "nvarchar" if self.length == MAX => [MAX, 0, 0],
            "nchar" | "nvarchar" => [2 * self.length, 0, 0],
            "decimal" | "numeric" => {
                let bytes = match self.length {
                    ..=9 => 5,
                    10..=19 => 9,
                    20..=28 => 13,
                    _ => 17,
                };
                [bytes, self.length, self.scale]
            }
            "time" => [time_bytes(self.length), 8 + dotted(self.length), self.length],
            "datetime2" => [time_bytes(self.length) + 3, 19 + dotted(self.length), self.length],
            "datetimeoffset" => {
                [time_bytes(self.length) + 5, 26 + dotted(self.length), self.length]
            }
            _ => [bytes, precision, scale],
        };
        [system, user, bytes, precision, scale]
    }
}

impl fmt::Display for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name, self.length) {
            ("char" | "varchar" | "nchar" | "nvarchar" | "binary" | "varbinary", MAX) => {
                write!(f, "{}(max)", self.name)
            }
            (
                "char" | "varchar" | "nchar" | "nvarchar" | "binary" | "varbinary" | "time"
                | "datetime2" | "datetimeoffset",
                length,
            ) => write!(f, "{}({length})", self.name),
            ("decimal" | "numeric", precision) => {
                write!(f, "{}({precision},{})", self.name, self.scale)
            }
            _ => f.write_str(self.name),
        }
    }
}

/// The object ids of the types that the set-up script made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Carriers {
    /// `tsql.nv`.
    pub(crate) wide: u32,
    /// `tsql.vc`.
    pub(crate) narrow: u32,
    /// `tsql.bit`.
    pub(crate) bit: u32,
}

fn alias(name: &str) -> &str {
    match name {
        "integer" => "int",
        "dec" => "decimal",
        "character" => "char",
        "character varying" | "char varying" => "varchar",
        "national character" | "national char" => "nchar",
        "national character varying" | "national char varying" => "nvarchar",
        "binary varying" => "varbinary",
        "double precision" => "float",
        "rowversion" => "timestamp",
        name => name,
    }
}

fn fraction(modifier: i32) -> i32 {
    if modifier < 0 { 7 } else { modifier }
}

fn time_bytes(digits: i32) -> i32 {
    match digits {
        ..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

fn dotted(digits: i32) -> i32 {
    if digits > 0 { digits + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_and_written() {
        for (spelling, cast, written) in [
            ("NVARCHAR(50)", false, "nvarchar(50)"),
            ("[nvarchar](max)", false, "nvarchar(max)"),
            ("varchar", false, "varchar(1)"),
            ("varchar", true, "varchar(30)"),
            ("decimal(18, 4)", false, "decimal(18,4)"),
            ("decimal", false, "decimal(18,0)"),
            ("DATETIME2", false, "datetime2(7)"),
            ("float(24)", false, "real"),
            ("DOUBLE PRECISION", false, "float"),
            ("sysname", false, "nvarchar(128)"),
            ("rowversion", false, "timestamp"),
        ] {
            let native = Native::parse(spelling, cast).map(|native| native.to_string());
            assert_eq!(native.as_deref(), Some(written), "{spelling}");
        }
        assert_eq!(Native::parse("jsonb", false), None);
        assert_eq!(Native::sized("datetime2", 6, 0).facts(), [42, 42, 8, 26, 6]);
        assert_eq!(Native::sized("nvarchar", 50, 0).facts(), [231, 231, 100, 0, 0]);
    }
}
