//! Native type names as a description of bytes: what COLMETADATA says of a column, and what a value of
//! it looks like.

use super::collation::Collation;
use super::tokens::{put_short_text, put_text};

/// A native type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Decimal {
        numeric: bool,
        precision: u8,
        scale: u8,
    },
    Money,
    SmallMoney,
    Real,
    Float,
    Date,
    Time(u8),
    DateTime,
    SmallDateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    Char(u16),
    /// Characters of the code page, at most; `None` is `max`.
    VarChar(Option<u16>),
    NChar(u16),
    NVarChar(Option<u16>),
    Text,
    NText,
    Image,
    Binary(u16),
    VarBinary(Option<u16>),
    UniqueIdentifier,
    Xml,
    RowVersion,
    Variant,
    /// A CLR type of the `sys` schema.
    Udt(&'static str),
}

impl Kind {
    /// The type of a name such as `nvarchar(50)`; `None` where there is no such type.
    pub(super) fn parse(native: &str) -> Option<Kind> {
        let native = native.trim().to_ascii_lowercase();
        let (name, arguments) = match native.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.trim_end().strip_suffix(')')?),
            None => (native.as_str(), ""),
        };
        let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
        let first = arguments.first().copied().unwrap_or_default();
        let scale =
            || Some(if first.is_empty() { 7 } else { first.parse().ok()? }).filter(|n| *n <= 7);
        // A length that is not there is that of a CAST; a result names its own.
        let length = |most: u16, missing: u16| match first {
            "" => Some(missing),
            _ => first.parse().ok().filter(|n| (1..=most).contains(n)),
        };
        let variable = |most: u16| match first {
            "max" => Some(None),
            _ => length(most, most).map(Some),
        };
        Some(match name {
            "bit" => Kind::Bit,
            "tinyint" => Kind::TinyInt,
            "smallint" => Kind::SmallInt,
            "int" | "integer" | "null" => Kind::Int,
            "bigint" => Kind::BigInt,
            "decimal" | "dec" => decimal(false, &arguments)?,
            "numeric" => decimal(true, &arguments)?,
            "money" => Kind::Money,
            "smallmoney" => Kind::SmallMoney,
            "real" => Kind::Real,
            "float" if first.parse().is_ok_and(|bits: u8| bits <= 24) => Kind::Real,
            "float" | "double precision" => Kind::Float,
            "date" => Kind::Date,
            "time" => Kind::Time(scale()?),
            "datetime" => Kind::DateTime,
            "smalldatetime" => Kind::SmallDateTime,
            "datetime2" => Kind::DateTime2(scale()?),
            "datetimeoffset" => Kind::DateTimeOffset(scale()?),
            "char" | "character" => Kind::Char(length(8000, 1)?),
            "varchar" => Kind::VarChar(variable(8000)?),
            "nchar" => Kind::NChar(length(4000, 1)?),
            "nvarchar" => Kind::NVarChar(variable(4000)?),
            "sysname" => Kind::NVarChar(Some(128)),
            "text" => Kind::Text,
            "ntext" => Kind::NText,
            "image" => Kind::Image,
            "binary" => Kind::Binary(length(8000, 1)?),
            "varbinary" => Kind::VarBinary(variable(8000)?),
            "uniqueidentifier" => Kind::UniqueIdentifier,
            "xml" => Kind::Xml,
            "rowversion" | "timestamp" => Kind::RowVersion,
            "sql_variant" => Kind::Variant,
            "hierarchyid" => Kind::Udt("hierarchyid"),
            "geography" => Kind::Udt("geography"),
            "geometry" => Kind::Udt("geometry"),
            _ => return None,
        })
    }

    /// What a client sees that cannot take UTF-8: text of a UTF-8 collation in UTF-16.
    pub(super) fn in_utf16(self) -> Kind {
        match self {
            Kind::Char(length) | Kind::VarChar(Some(length)) if length <= 4000 => {
                Kind::NVarChar(Some(length))
            }
            Kind::Char(_) | Kind::VarChar(_) => Kind::NVarChar(None),
            Kind::Text => Kind::NText,
            other => other,
        }
    }

    /// Values are sent in pieces whose whole length is not bounded by the type.
    pub(super) fn in_pieces(&self) -> bool {
        matches!(
            self,
            Kind::VarChar(None)
                | Kind::NVarChar(None)
                | Kind::VarBinary(None)
                | Kind::Xml
                | Kind::Udt(_)
        )
    }

    /// A value has no length of its own, and so cannot be NULL.
    pub(super) fn fixed(&self, nullable: bool) -> bool {
        !nullable && self.fixed_token().is_some()
    }

    fn fixed_token(&self) -> Option<u8> {
        Some(match self {
            Kind::Bit => 0x32,
            Kind::TinyInt => 0x30,
            Kind::SmallInt => 0x34,
            Kind::Int => 0x38,
            Kind::BigInt => 0x7f,
            Kind::Money => 0x3c,
            Kind::SmallMoney => 0x7a,
            Kind::Real => 0x3b,
            Kind::Float => 0x3e,
            Kind::DateTime => 0x3d,
            Kind::SmallDateTime => 0x3a,
            _ => return None,
        })
    }

    /// The user type that COLMETADATA tells.
    pub(super) fn user_type(&self) -> u32 {
        match self {
            Kind::RowVersion => 0x50,
            _ => 0,
        }
    }

    /// Writes TYPE_INFO.
    pub(super) fn put(&self, nullable: bool, collation: Collation, out: &mut Vec<u8>) {
        if let (false, Some(token)) = (nullable, self.fixed_token()) {
            out.push(token);
            return;
        }
        let twice = |length: &u16| length.saturating_mul(2);
        match self {
            Kind::Bit => out.extend([0x68, 1]),
            Kind::TinyInt => out.extend([0x26, 1]),
            Kind::SmallInt => out.extend([0x26, 2]),
            Kind::Int => out.extend([0x26, 4]),
            Kind::BigInt => out.extend([0x26, 8]),
            Kind::Decimal { numeric, precision, scale } => {
                let token = if *numeric { 0x6c } else { 0x6a };
                out.extend([token, decimal_size(*precision), *precision, *scale]);
            }
            Kind::Money => out.extend([0x6e, 8]),
            Kind::SmallMoney => out.extend([0x6e, 4]),
            Kind::Real => out.extend([0x6d, 4]),
            Kind::Float => out.extend([0x6d, 8]),
            Kind::Date => out.push(0x28),
            Kind::Time(scale) => out.extend([0x29, *scale]),
            Kind::DateTime2(scale) => out.extend([0x2a, *scale]),
            Kind::DateTimeOffset(scale) => out.extend([0x2b, *scale]),
            Kind::DateTime => out.extend([0x6f, 8]),
            Kind::SmallDateTime => out.extend([0x6f, 4]),
            Kind::Char(length) => put_characters(out, 0xaf, *length, collation),
            Kind::VarChar(length) => {
                put_characters(out, 0xa7, length.unwrap_or(u16::MAX), collation);
            }
            Kind::NChar(length) => put_characters(out, 0xef, twice(length), collation),
            Kind::NVarChar(length) => {
                let length = length.as_ref().map_or(u16::MAX, twice);
                put_characters(out, 0xe7, length, collation);
            }
            Kind::Text => put_large(out, 0x23, 0x7fff_ffff, Some(collation)),
            Kind::NText => put_large(out, 0x63, 0x7fff_fffe, Some(collation)),
            Kind::Image => put_large(out, 0x22, 0x7fff_ffff, None),
            Kind::Binary(length) => put_bytes(out, 0xad, *length),
            Kind::VarBinary(length) => put_bytes(out, 0xa5, length.unwrap_or(u16::MAX)),
            Kind::RowVersion => put_bytes(out, 0xad, 8),
            Kind::UniqueIdentifier => out.extend([0x24, 16]),
            Kind::Xml => out.extend([0xf1, 0]),
            Kind::Variant => put_large(out, 0x62, 8009, None),
            Kind::Udt(name) => put_udt(out, name),
        }
    }
}

/// Bytes of a decimal's number and sign.
pub(super) fn decimal_size(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

fn decimal(numeric: bool, arguments: &[&str]) -> Option<Kind> {
    let number = |at: usize, missing: u8| match arguments.get(at) {
        None | Some(&"") => Some(missing),
        Some(text) => text.parse().ok(),
    };
    let (precision, scale) = (number(0, 18)?, number(1, 0)?);
    ((1..=38).contains(&precision) && scale <= precision).then_some(Kind::Decimal {
        numeric,
        precision,
        scale,
    })
}

fn put_characters(out: &mut Vec<u8>, token: u8, bytes: u16, collation: Collation) {
    put_bytes(out, token, bytes);
    out.extend(collation.bytes());
}

fn put_bytes(out: &mut Vec<u8>, token: u8, bytes: u16) {
    out.push(token);
    out.extend(bytes.to_le_bytes());
}

fn put_large(out: &mut Vec<u8>, token: u8, bytes: u32, collation: Option<Collation>) {
    out.push(token);
    out.extend(bytes.to_le_bytes());
    if let Some(collation) = collation {
        out.extend(collation.bytes());
    }
}

fn put_udt(out: &mut Vec<u8>, name: &str) {
    let most = if name == "hierarchyid" { 892 } else { u16::MAX };
    put_bytes(out, 0xf0, most);
    put_short_text(out, "master");
    put_short_text(out, "sys");
    put_short_text(out, name);
    put_text(out, &format!("Microsoft.SqlServer.Types.Sql{name}, Microsoft.SqlServer.Types"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_their_arguments() {
        let kind = |native| Kind::parse(native);
        assert_eq!(kind("nvarchar(50)"), Some(Kind::NVarChar(Some(50))));
        assert_eq!(kind("NVARCHAR(MAX)"), Some(Kind::NVarChar(None)));
        assert_eq!(kind("varchar"), Some(Kind::VarChar(Some(8000))));
        assert_eq!(kind("datetime2"), Some(Kind::DateTime2(7)));
        assert_eq!(kind("time(0)"), Some(Kind::Time(0)));
        assert_eq!(kind("float(24)"), Some(Kind::Real));
        assert_eq!(kind("float(53)"), Some(Kind::Float));
        let decimal = |precision, scale| Kind::Decimal { numeric: false, precision, scale };
        assert_eq!(kind("decimal(18, 4)"), Some(decimal(18, 4)));
        assert_eq!(kind("decimal(38,38)"), Some(decimal(38, 38)));
        for wrong in
            ["decimal(39,0)", "decimal(4,5)", "time(8)", "nvarchar(4001)", "char(0)", "int8", ""]
        {
            assert_eq!(kind(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn type_information_follows_whether_null_may_occur() {
        let bytes = |native: &str, nullable| {
            let mut out = Vec::new();
            Kind::parse(native).unwrap().put(nullable, Collation::default(), &mut out);
            out
        };
        assert_eq!(bytes("int", true), [0x26, 4]);
        assert_eq!(bytes("int", false), [0x38]);
        assert_eq!(bytes("decimal(12,2)", false), [0x6a, 9, 12, 2]);
        assert_eq!(bytes("nvarchar(50)", true), [0xe7, 100, 0, 9, 4, 0xd0, 0, 52]);
        assert_eq!(bytes("varchar(max)", true), [0xa7, 0xff, 0xff, 9, 4, 0xd0, 0, 52]);
        assert_eq!(bytes("xml", true), [0xf1, 0]);
    }
}
