//! The answers that clients of other makers are checked against.

use celosia_connector_testkit::double::canned::{Answer, Canned};
use celosia_connector_testkit::double::echo::Echo;
use celosia_connector_testkit::double::engine::{EngineError, ResultColumn};
use std::sync::Arc;

/// The columns of `select * from types`, with a value of each.
const ORACLE: &[(&str, &str, &str)] = &[
    ("NUM", "NUMBER", "12345678901234567890.5"),
    ("NUM38", "NUMBER(38)", "-99999999999999999999999999999999999999"),
    ("DEC2", "NUMBER(10,2)", "-1234.5"),
    ("VC", "VARCHAR2(50)", "zażółć 東京 😀"),
    ("NVC", "NVARCHAR2(50)", "zażółć 東京 😀"),
    ("CH", "CHAR(5)", "ab   "),
    ("DT", "DATE", "2024-01-02 03:04:05"),
    ("TS", "TIMESTAMP(6)", "2024-01-02 03:04:05.678901"),
    ("TSTZ", "TIMESTAMP(6) WITH TIME ZONE", "2024-01-02 03:04:05.5+00"),
    ("TSLTZ", "TIMESTAMP(6) WITH LOCAL TIME ZONE", "2024-01-02 03:04:05.5+00"),
    ("IDS", "INTERVAL DAY(2) TO SECOND(6)", "-1 days -02:03:04.5"),
    ("IYM", "INTERVAL YEAR(4) TO MONTH", "-1 years -2 mons"),
    ("BF", "BINARY_FLOAT", "-2.5"),
    ("BD", "BINARY_DOUBLE", "1.5e300"),
    ("RW", "RAW(16)", "\\x00ff10"),
    ("RID", "ROWID", "AAAR3sAAEAAAACXAAA"),
    ("URID", "UROWID", "AAAR3sAAEAAAACXAAA"),
    ("LNG", "LONG", "a long text"),
];

fn column(name: &str, native: &str) -> ResultColumn {
    ResultColumn { name: name.into(), native: native.into(), nullable: true, collation: None }
}

fn one_and_nulls(columns: &[(&str, &str, &str)]) -> Answer {
    let values = columns.iter().map(|(.., value)| Some((*value).to_string())).collect();
    let nulls = vec![None; columns.len()];
    let described = columns.iter().map(|(name, native, _)| column(name, native)).collect();
    Answer::rows(described, vec![values, nulls])
}

fn numbered(count: u64, native: [&str; 2], end: Option<EngineError>) -> Answer {
    let columns = vec![column("N", native[0]), column("S", native[1])];
    let row = move |at: u64| match &end {
        _ if at < count => Ok(Some(vec![Some(at.to_string()), Some("abcdefgh".to_string())])),
        Some(error) => Err(error.clone()),
        None => Ok(None),
    };
    Answer { columns, row: Arc::new(row) }
}

/// What the scripts in `scripts/cross-check` ask an Oracle double.
pub(crate) fn oracle() -> Canned {
    let canned = Canned::before(Arc::new(Echo));
    canned.answer("select 1 from dual", one_and_nulls(&[("1", "NUMBER", "1")]));
    canned.answer("select * from types", one_and_nulls(ORACLE));
    let lobs = [
        ("C", "CLOB", "ż😀".repeat(30_000)),
        ("N", "NCLOB", "small".to_string()),
        ("B", "BLOB", format!("\\x{}", "00ff".repeat(30_000))),
    ];
    let lobs: Vec<_> = lobs.iter().map(|(name, native, text)| (*name, *native, &**text)).collect();
    canned.answer("select * from lobs", one_and_nulls(&lobs));
    let modern = [
        ("BO", "BOOLEAN", "t"),
        ("JS", "JSON", r#"{"a": [1, 2.5, null, true], "b": "ż"}"#),
        ("VE", "VECTOR(2, FLOAT32)", "[1.5, -2]"),
    ];
    canned.answer("select * from modern", one_and_nulls(&modern));
    let native = ["NUMBER(9)", "VARCHAR2(20)"];
    canned.answer("select * from many", numbered(20_000, native, None));
    let error = EngineError {
        number: 1476,
        message: "ORA-01476: divisor is equal to zero".into(),
        position: Some(7),
    };
    canned.answer("select * from broken", numbered(1_000, native, Some(error.clone())));
    canned.answer("select 1/0 from dual", numbered(0, native, Some(error)));
    // What node-oracledb asks first.
    canned.answer("SELECT DBTIMEZONE FROM DUAL", one_and_nulls(&[("D", "VARCHAR2(6)", "+00:00")]));
    canned
}
