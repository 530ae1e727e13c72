//! Every type, at its extremes and as NULL, by value and by locator.

use crate::support::{VERSIONS, blocking, canned, column, connect, double, text};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::tns::ServerVersion;
use oracledb::{
    JsonValue, Lob, OracleIntervalDS, OracleIntervalYM, OracleNumber, OracleTimestamp, Row, Vector,
    VectorData,
};
use std::io::{Read, Write};

/// A type, its text at the engine, and what the driver then shows.
const SHOWN: &[(&str, &str, &str)] = &[
    ("NUMBER", "0", "0"),
    (
        "NUMBER(38)",
        "-99999999999999999999999999999999999999",
        "-99999999999999999999999999999999999999",
    ),
    ("NUMBER", "1e125", ZEROS),
    (
        "NUMBER",
        "0.0000000000000000000000000000000000000001",
        "0.0000000000000000000000000000000000000001",
    ),
    ("NUMBER(10,2)", "-12345678.90", "-12345678.9"),
    ("FLOAT(126)", "3.14", "3.14"),
    ("INTEGER", "42", "42"),
    ("VARCHAR2(50)", "zażółć 東京 😀", "zażółć 東京 😀"),
    ("NVARCHAR2(50)", "zażółć 東京 😀", "zażółć 東京 😀"),
    ("CHAR(5)", "ab   ", "ab   "),
    ("NCHAR(5)", "ż    ", "ż    "),
    ("LONG", "long", "long"),
    ("DATE", "2024-01-02 03:04:05", "2024-01-02T03:04:05.000000000"),
    ("DATE", "9999-12-31", "9999-12-31T00:00:00.000000000"),
    ("DATE", "4712-01-01 BC", "-4712-01-01T00:00:00.000000000"),
    ("TIMESTAMP(9)", "0001-01-01 00:00:00.000000001", "0001-01-01T00:00:00.000000001"),
    ("TIMESTAMP(6)", "2024-01-02 03:04:05", "2024-01-02T03:04:05.000000000"),
    ("TIMESTAMP(6) WITH TIME ZONE", "2024-01-02 01:04:05.5+02", "2024-01-01T23:04:05.500000000Z"),
    (
        "TIMESTAMP(6) WITH LOCAL TIME ZONE",
        "2024-01-02 03:04:05.5+00",
        "2024-01-02T03:04:05.500000000",
    ),
    (
        "INTERVAL DAY(9) TO SECOND(9)",
        "999999999 days 23:59:59.999999999",
        "P999999999DT23H59M59.999999999S",
    ),
    ("INTERVAL DAY(2) TO SECOND(6)", "-1 days -02:03:04.5", "P-1DT-2H-3M.-500000000S"),
    ("INTERVAL YEAR(4) TO MONTH", "-1 years -2 mons", "P-1Y-2M"),
    ("BINARY_DOUBLE", "1.7976931348623157e308", "1.7976931348623157e308"),
    ("BINARY_DOUBLE", "-Infinity", "-inf"),
    ("BINARY_DOUBLE", "NaN", "NaN"),
    ("BINARY_FLOAT", "1e-45", "1e-45"),
    ("RAW(16)", "\\x00ff10", "[0, 255, 16]"),
    ("LONG RAW", "\\xff", "[255]"),
    ("ROWID", "AAAR3sAAEAAAACXAAA", "AAAR3sAAEAAAACXAAA"),
    ("UROWID", "AAAR3sAAEAAAACXAAA", "AAAR3sAAEAAAACXAAA"),
    ("UROWID(4000)", "*BAEAAPoCwQL+", "*BAEAAPoCwQL+"),
    ("CLOB", "a text ż😀", "a text ż😀"),
    ("NCLOB", "a text ż😀", "a text ż😀"),
    ("BLOB", "\\x0001ff", "[0, 1, 255]"),
    ("BOOLEAN", "t", "true"),
    ("BOOLEAN", "f", "false"),
];

const ZEROS: &str = "100000000000000000000000000000000000000000000000000000000000000\
                     000000000000000000000000000000000000000000000000000000000000000";

/// What the driver shows of a value.
fn shown(row: &Row, at: usize, native: &str) -> Option<String> {
    let kind = native.split(['(', ' ']).next().unwrap();
    match kind {
        "NUMBER" | "FLOAT" | "INTEGER" => {
            row.get::<Option<OracleNumber>>(at).unwrap().map(|value| value.to_string())
        }
        "DATE" | "TIMESTAMP" => {
            row.get::<Option<OracleTimestamp>>(at).unwrap().map(|v| v.to_string())
        }
        "INTERVAL" if native.contains("YEAR") => {
            row.get::<Option<OracleIntervalYM>>(at).unwrap().map(|v| v.to_string())
        }
        "INTERVAL" => row.get::<Option<OracleIntervalDS>>(at).unwrap().map(|v| {
            let text = format!("P{}DT{}H{}M", v.days(), v.hours(), v.minutes());
            if v.nanoseconds() < 0 {
                format!("{text}.{}S", v.nanoseconds())
            } else {
                format!("{text}{}.{:09}S", v.seconds(), v.nanoseconds())
            }
        }),
        "BINARY_DOUBLE" => row.get::<Option<f64>>(at).unwrap().map(|value| format!("{value:?}")),
        "BINARY_FLOAT" => row.get::<Option<f32>>(at).unwrap().map(|value| format!("{value:?}")),
        "RAW" | "BLOB" => row.get::<Option<Vec<u8>>>(at).unwrap().map(|value| format!("{value:?}")),
        "LONG" if native == "LONG RAW" => {
            row.get::<Option<Vec<u8>>>(at).unwrap().map(|value| format!("{value:?}"))
        }
        "BOOLEAN" => row.get::<Option<bool>>(at).unwrap().map(|value| value.to_string()),
        _ => row.get::<Option<String>>(at).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_at_its_extremes_and_as_null() {
    for version in VERSIONS {
        let canned = canned();
        let columns: Vec<_> = SHOWN.iter().map(|(native, ..)| column("C", native)).collect();
        let values: Vec<_> = SHOWN.iter().map(|(_, value, _)| text(value)).collect();
        let rows = vec![values.clone(), vec![None; columns.len()], values];
        canned.answer("select * from types", Answer::rows(columns, rows));
        let double = double(version, canned).await;
        let port = double.port();
        blocking(move || {
            let connection = connect(port);
            for _ in 0..2 {
                let rows = connection.query("select * from types", &[]).unwrap();
                let rows: Vec<_> = rows.map(Result::unwrap).collect();
                assert_eq!(rows.len(), 3);
                for (at, (native, _, expected)) in SHOWN.iter().enumerate() {
                    for row in [&rows[0], &rows[2]] {
                        assert_eq!(shown(row, at, native).as_deref(), Some(*expected), "{native}");
                    }
                    assert_eq!(shown(&rows[1], at, native), None, "{native}");
                }
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_described_as_they_were_declared() {
    let natives = [
        ("NUMBER(10,2)", "NUMBER(10,2)"),
        ("NUMBER", "NUMBER"),
        ("NUMBER(38)", "NUMBER(38)"),
        ("VARCHAR2(50 CHAR)", "VARCHAR2(50)"),
        ("NVARCHAR2(20)", "NVARCHAR2(20)"),
        ("CHAR(3)", "CHAR(3)"),
        ("RAW(16)", "RAW(16)"),
        ("TIMESTAMP(3)", "TIMESTAMP(3)"),
        ("TIMESTAMP(9) WITH TIME ZONE", "TIMESTAMP(9) WITH TIME ZONE"),
        ("TIMESTAMP(0) WITH LOCAL TIME ZONE", "TIMESTAMP(0) WITH LOCAL TIME ZONE"),
        ("INTERVAL DAY(4) TO SECOND(3)", "INTERVAL DAY(4) TO SECOND(3)"),
        ("INTERVAL YEAR(3) TO MONTH", "INTERVAL YEAR(3) TO MONTH"),
        ("DATE", "DATE"),
        ("BINARY_DOUBLE", "BINARY_DOUBLE"),
        ("VECTOR(3, FLOAT64)", "VECTOR(3,float64)"),
    ];
    let canned = canned();
    let columns = natives.map(|(native, _)| column("C", native)).to_vec();
    canned.answer("select * from t", Answer::rows(columns, Vec::new()));
    let double = double(ServerVersion::V23, canned).await;
    let port = double.port();
    blocking(move || {
        let connection = connect(port);
        let mut statement = connection.statement("select * from t").unwrap().build().unwrap();
        statement.ensure_fully_parsed().unwrap();
        let told: Vec<_> = statement.out_metadata().iter().map(|c| c.data_type()).collect();
        assert_eq!(told, natives.map(|(_, told)| told.to_string()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_and_vectors_arrive() {
    let canned = canned();
    let json =
        r#"{"name": "żółć", "list": [1, -2.5, true, false, null, {"name": "x"}], "empty": {}}"#;
    let columns = vec![
        column("J", "JSON"),
        column("V", "VECTOR(2, FLOAT32)"),
        column("W", "VECTOR(3, INT8)"),
    ];
    let wide: Vec<_> =
        (0..1_000).map(|n| format!("\"field{n}\": \"{}\"", "v".repeat(100))).collect();
    let rows = vec![
        vec![text(json), text("[1.5, -2]"), text("[1, -2, 3]")],
        vec![None, None, None],
        vec![text(&format!("{{{}}}", wide.join(","))), None, None],
        vec![text("\"scalar\""), None, None],
    ];
    canned.answer("select j, v, w from t", Answer::rows(columns, rows));
    let double = double(ServerVersion::V23, canned).await;
    let port = double.port();
    blocking(move || {
        let connection = connect(port);
        let rows: Vec<_> =
            connection.query("select j, v, w from t", &[]).unwrap().map(Result::unwrap).collect();
        let JsonValue::JsonObject(fields) = rows[0].get::<JsonValue>(0).unwrap() else { panic!() };
        assert_eq!(fields.len(), 3);
        assert!(matches!(&fields["name"], JsonValue::String(name) if name == "żółć"));
        let JsonValue::JsonArray(list) = &fields["list"] else { panic!() };
        assert!(matches!(&list[1], JsonValue::Number(n) if n.to_string() == "-2.5"));
        assert!(matches!(list[4], JsonValue::Null));
        assert!(matches!(&list[5], JsonValue::JsonObject(o) if o.contains_key("name")));
        let Vector::Dense(VectorData::Float32(floats)) = rows[0].get::<Vector>(1).unwrap() else {
            panic!()
        };
        assert_eq!(floats, [1.5, -2.0]);
        let Vector::Dense(VectorData::Int8(bytes)) = rows[0].get::<Vector>(2).unwrap() else {
            panic!()
        };
        assert_eq!(bytes, [1, -2, 3]);
        assert!(rows[1].get::<Option<JsonValue>>(0).unwrap().is_none());
        let JsonValue::JsonObject(fields) = rows[2].get::<JsonValue>(0).unwrap() else { panic!() };
        assert_eq!(fields.len(), 1_000);
        assert!(
            matches!(rows[3].get::<JsonValue>(0).unwrap(), JsonValue::String(s) if s == "scalar")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_are_read_by_their_locators() {
    for version in VERSIONS {
        let canned = canned();
        // No surrogates: the driver's stream may cut between the two of a pair.
        let (long, bytes) = ("ż東xy".repeat(50_000), vec![0_u8, 1, 255]);
        let columns = vec![column("C", "CLOB"), column("N", "NCLOB"), column("B", "BLOB")];
        let row = vec![text(&long), text("n"), text("\\x0001ff")];
        let nulls = vec![None, None, None];
        canned.answer("select c, n, b from t", Answer::rows(columns, vec![row, nulls]));
        let double = double(version, canned).await;
        let port = double.port();
        blocking(move || {
            let connection = connect(port);
            let statement = connection
                .statement("select c, n, b from t")
                .unwrap()
                .fetch_lobs()
                .build()
                .unwrap();
            let mut rows: Vec<_> = statement.query(&[]).unwrap().map(Result::unwrap).collect();
            let mut clob: Lob = rows[0].take(0).unwrap();
            assert_eq!(clob.get_size().unwrap(), 200_000);
            assert_eq!(String::from_utf8(read(&mut clob)).unwrap(), long);
            let mut nclob: Lob = rows[0].take(1).unwrap();
            assert_eq!(read(&mut nclob), b"n");
            let mut blob: Lob = rows[0].take(2).unwrap();
            assert_eq!(read(&mut blob), bytes);
            assert!(rows[1].take::<Option<Lob>>(0).unwrap().is_none());
            drop((clob, nclob, blob));
            connection.ping().unwrap();
        })
        .await;
    }
}

/// Reads a value in pieces of one size: the driver's stream does not fill a small buffer.
fn read(lob: &mut Lob) -> Vec<u8> {
    let (mut whole, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match lob.read(&mut piece).unwrap() {
            0 => return whole,
            count => whole.extend(&piece[..count]),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_ones_are_written_and_read() {
    let double = double(ServerVersion::V23, canned()).await;
    let port = double.port();
    blocking(move || {
        let connection = connect(port);
        let mut lob = connection.create_lob(oracledb::DB_TYPE_CLOB).unwrap();
        lob.write_all("a ż text".as_bytes()).unwrap();
        assert_eq!(lob.get_size().unwrap(), 8);
        assert!(lob.get_chunk_size().unwrap() > 0);
        lob.open().unwrap();
        assert!(lob.is_open().unwrap());
        lob.close().unwrap();
        lob.trim(3).unwrap();
        assert_eq!(lob.get_size().unwrap(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_cannot_mean_is_an_error() {
    let canned = canned();
    let unknown = vec![column("G", "SDO_GEOMETRY")];
    canned.answer("select g from t", Answer::rows(unknown, Vec::new()));
    let rows = vec![vec![text("1")], vec![text("one")]];
    canned.answer("select n from t", Answer::rows(vec![column("N", "NUMBER")], rows));
    let double = double(ServerVersion::V23, canned).await;
    let port = double.port();
    blocking(move || {
        let connection = connect(port);
        let error = connection.query_row("select g from t", &[]).err().unwrap();
        assert_eq!(crate::support::code(&error), 3115);
        let error = connection.query("select n from t", &[]).err().unwrap();
        assert_eq!(crate::support::code(&error), 600);
        connection.query_row("select 1 from dual", &[]).unwrap();
    })
    .await;
}
