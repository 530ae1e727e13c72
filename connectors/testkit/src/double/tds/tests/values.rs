//! Every type: what is encoded decodes to the same text.

use super::super::cursor::Cursor;
use super::super::decode;
use super::super::encode::{Column, put_row};
use super::super::types::Kind;
use crate::double::engine::ResultColumn;

fn column(native: &str, collation: Option<&str>, nullable: bool) -> ResultColumn {
    let collation = collation.map(str::to_string);
    ResultColumn { name: "c".into(), native: native.into(), nullable, collation }
}

/// The bytes of a value as a parameter of the column's type would have them.
fn bytes(column: &ResultColumn, utf8: bool, value: Option<&str>) -> Result<Vec<u8>, u32> {
    let encoder = Column::new(column, utf8).map_err(|error| error.number)?;
    let mut metadata = Vec::new();
    encoder.put_metadata(&mut metadata);
    // Behind the user type and the flags; before the name, and the parts of a table's name.
    let old = matches!(column.native.as_str(), "text" | "ntext" | "image");
    let mut out = metadata[6..metadata.len() - if old { 4 } else { 3 }].to_vec();
    let mut row = Vec::new();
    // Another column, so that a lone NULL is written out.
    let columns = [encoder];
    put_row(&mut row, &columns, &vec![value.map(str::to_string)]).map_err(|error| error.number)?;
    // The value of an old type lies behind a pointer.
    out.extend(&row[if old && value.is_some() { 26 } else { 1 }..]);
    Ok(out)
}

fn round(native: &str, collation: Option<&str>, utf8: bool, value: &str) -> (String, String) {
    for nullable in [true, false] {
        let bytes = bytes(&column(native, collation, nullable), utf8, Some(value));
        let bytes = bytes.unwrap_or_else(|number| panic!("{native} {value}: {number}"));
        let mut cursor = Cursor::new(&bytes);
        let decoded =
            decode::value(&mut cursor).unwrap_or_else(|error| panic!("{native}: {error:?}"));
        assert!(cursor.is_empty(), "{native} leaves {:?}", cursor.rest());
        if !nullable {
            return (decoded.native, decoded.text.unwrap());
        }
    }
    unreachable!()
}

#[test]
fn values_come_back_as_they_were() {
    let most = "9".repeat(38);
    let digits = format!("-0.{most}");
    for (native, value) in [
        ("bit", "t"),
        ("bit", "f"),
        ("tinyint", "255"),
        ("smallint", "-32768"),
        ("int", "2147483647"),
        ("bigint", "-9223372036854775808"),
        ("decimal(9,0)", "-999999999"),
        ("decimal(19,4)", "123456789012345.6789"),
        ("numeric(28,5)", "12345678901234567890123.45678"),
        ("decimal(38,0)", most.as_str()),
        ("decimal(38,38)", digits.as_str()),
        ("money", "-922337203685477.5808"),
        ("money", "922337203685477.5807"),
        ("smallmoney", "-214748.3648"),
        ("real", "1.5"),
        ("real", "3.4028235e38"),
        ("float", "-2.2250738585072014e-308"),
        ("float", "0.1"),
        ("date", "0001-01-01"),
        ("date", "9999-12-31"),
        ("time(7)", "23:59:59.9999999"),
        ("time(3)", "00:00:00.001"),
        ("time(0)", "12:34:56"),
        ("datetime", "1753-01-01 00:00:00"),
        ("datetime", "9999-12-31 23:59:59.997"),
        ("smalldatetime", "1900-01-01 00:00:00"),
        ("smalldatetime", "2079-06-06 23:59:00"),
        ("datetime2(7)", "0001-01-01 00:00:00.0000001"),
        ("datetime2(7)", "9999-12-31 23:59:59.9999999"),
        ("datetime2(2)", "2024-01-02 03:04:05.67"),
        ("datetimeoffset(7)", "2024-01-02 03:04:05.1234567+00"),
        ("char(5)", "abcde"),
        ("varchar(10)", "é€"),
        ("varchar(10)", ""),
        ("nchar(2)", "żć"),
        ("nvarchar(50)", "Żółć 😀"),
        ("nvarchar(50)", ""),
        ("text", "old é"),
        ("ntext", "old ż"),
        ("image", "\\x0001"),
        ("binary(2)", "\\x00ff"),
        ("varbinary(10)", "\\x"),
        ("varbinary(max)", "\\x0102ff"),
        ("nvarchar(max)", "😀"),
        ("varchar(max)", ""),
        ("uniqueidentifier", "6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        ("xml", "<a>ż</a>"),
        ("sql_variant", "anything ż"),
    ] {
        let (kind, text) = round(native, None, true, value);
        assert_eq!(text, value, "{native}");
        assert!(Kind::parse(&kind).is_some(), "{kind}");
        if native != "real" && native != "float" {
            assert_eq!(Kind::parse(&kind), Kind::parse(native), "{native} {kind}");
        }
    }
}

#[test]
fn values_are_filled_rounded_or_replaced_as_a_server_does() {
    for (native, value, wanted) in [
        ("char(4)", "ab", "ab  "),
        ("nchar(3)", "ż", "ż  "),
        ("binary(3)", "\\x01", "\\x010000"),
        ("rowversion", "\\x00000000000007d1", "\\x00000000000007d1"),
        ("varchar(10)", "Żółć", "?ó??"),
        ("decimal(5,2)", "1.005", "1.01"),
        ("time(0)", "23:59:59.9", "23:59:59"),
        ("datetime2(0)", "2024-12-31 23:59:59.5", "2025-01-01 00:00:00"),
        ("datetimeoffset(0)", "2024-01-02 03:04:05+02:00", "2024-01-02 01:04:05+00"),
        ("smalldatetime", "2024-01-02 03:04:30", "2024-01-02 03:05:00"),
        ("date", "2024-01-02 00:00:00", "2024-01-02"),
        ("bit", "1", "t"),
    ] {
        assert_eq!(round(native, None, true, value).1, wanted, "{native}");
    }
}

#[test]
fn utf8_is_sent_only_to_those_who_take_it() {
    let utf8 = Some("Latin1_General_100_CI_AS_SC_UTF8");
    let told = |takes, native| round(native, utf8, takes, "Żółć 😀");
    assert_eq!(told(true, "varchar(50)"), ("varchar(50)".into(), "Żółć 😀".into()));
    assert_eq!(told(false, "varchar(50)"), ("nvarchar(50)".into(), "Żółć 😀".into()));
    assert_eq!(told(false, "varchar(8000)"), ("nvarchar(max)".into(), "Żółć 😀".into()));
    assert_eq!(told(false, "nvarchar(50)").0, "nvarchar(50)");
}

#[test]
fn null_is_none_in_every_type() {
    for native in [
        "bit",
        "tinyint",
        "int",
        "bigint",
        "decimal(38,5)",
        "money",
        "smallmoney",
        "real",
        "float",
        "date",
        "time(7)",
        "datetime",
        "smalldatetime",
        "datetime2(3)",
        "datetimeoffset(7)",
        "char(5)",
        "varchar(5)",
        "varchar(max)",
        "nchar(5)",
        "nvarchar(5)",
        "nvarchar(max)",
        "binary(5)",
        "varbinary(5)",
        "varbinary(max)",
        "uniqueidentifier",
        "xml",
        "rowversion",
    ] {
        let bytes = bytes(&column(native, None, true), true, None).unwrap();
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(decode::value(&mut cursor).unwrap().text, None, "{native}");
        assert!(cursor.is_empty(), "{native}");
    }
    assert_eq!(bytes(&column("int", None, false), true, None), Err(515));
}

#[test]
fn rows_with_many_nulls_are_compressed() {
    let columns: Vec<Column> =
        (0..9).map(|_| Column::new(&column("int", None, true), true).unwrap()).collect();
    let mut row = vec![None; 9];
    row[1] = Some("5".to_string());
    let mut out = Vec::new();
    put_row(&mut out, &columns, &row).unwrap();
    assert_eq!(out, [0xd2, 0b1111_1101, 1, 4, 5, 0, 0, 0]);
    row[8] = Some("x".to_string());
    let length = out.len();
    assert!(put_row(&mut out, &columns, &row).is_err());
    assert_eq!(out.len(), length, "nothing is left of a row that cannot be written");
}

#[test]
fn what_is_no_value_of_its_type_is_refused() {
    for (native, value, number) in [
        ("int", "2147483648", 8114),
        ("tinyint", "-1", 8114),
        ("decimal(5,2)", "1000", 8114),
        ("money", "922337203685477.5808", 8114),
        ("smallmoney", "214748.3648", 8114),
        ("date", "2023-02-29", 8114),
        ("datetime", "1752-12-31", 8114),
        ("uniqueidentifier", "6f9619ff", 8114),
        ("varbinary(2)", "\\x0", 8114),
        ("varbinary(1)", "\\x0001", 2628),
        ("varchar(2)", "abc", 2628),
        ("nvarchar(1)", "😀", 2628),
        ("bit", "yes", 8114),
    ] {
        let refused = bytes(&column(native, None, true), true, Some(value));
        assert_eq!(refused, Err(number), "{native} {value}");
    }
}

#[test]
fn parameters_of_any_bytes_never_panic() {
    // Every type token, with the bytes behind it cut at every length.
    for token in 0..=255_u8 {
        for filler in [0, 1, 4, 8, 16, 0x7f, 0xff] {
            let bytes = [&[token][..], &[filler; 40]].concat();
            for length in 1..=bytes.len() {
                let _ = decode::value(&mut Cursor::new(&bytes[..length]));
            }
        }
    }
}
