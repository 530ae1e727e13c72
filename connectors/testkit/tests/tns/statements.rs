//! Binds, errors, cursors, transactions and breaks.

use crate::support::{
    VERSIONS, blocking, canned, code, column, connect, double, numbered, said, text, until,
};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::engine::EngineError;
use celosia_connector_testkit::double::tns::ServerVersion;
use oracledb::{
    ErrorKind, OracleIntervalDS, OracleIntervalYM, OracleNumber, OracleTimestamp, ToDbValue,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn binds_arrive_as_they_were_sent() {
    let number: OracleNumber = "-12345678901234567890123456789012345678.5".parse().unwrap();
    let stamp = OracleTimestamp::new_timestamp(2024, 1, 2, 3, 4, 5, 678_901_234);
    let date = OracleTimestamp::new_date(1582, 10, 4);
    let days = OracleIntervalDS::new(-3, -4, -5, -6, -7);
    let months = OracleIntervalYM::new(99, 11);
    for version in VERSIONS {
        let double = double(version, canned()).await;
        let port = double.port();
        blocking(move || {
            let connection = connect(port);
            let binds: [&dyn ToDbValue; 12] = [
                &number,
                &"zażółć 東京 😀",
                &stamp,
                &date,
                &days,
                &months,
                &1.5_f64,
                &f32::MIN_POSITIVE,
                &vec![0_u8, 255],
                &None::<String>,
                &i64::MIN,
                &"",
            ];
            let sql = "select :1,:2,:3,:4,:5,:6,:7,:8,:9,:10,:11,:12 from dual";
            for _ in 0..3 {
                let row = connection.query_row(sql, &binds).unwrap();
                assert_eq!(row.get::<OracleNumber>(0).unwrap().to_string(), number.to_string());
                assert_eq!(row.get::<String>(1).unwrap(), "zażółć 東京 😀");
                assert_eq!(row.get::<OracleTimestamp>(2).unwrap(), stamp);
                assert_eq!(row.get::<OracleTimestamp>(3).unwrap(), date);
                assert_eq!(row.get::<OracleIntervalDS>(4).unwrap(), days);
                assert_eq!(row.get::<OracleIntervalYM>(5).unwrap(), months);
                assert_eq!(row.get::<f64>(6).unwrap(), 1.5);
                assert_eq!(row.get::<f32>(7).unwrap(), f32::MIN_POSITIVE);
                assert_eq!(row.get::<Vec<u8>>(8).unwrap(), [0, 255]);
                assert_eq!(row.get::<Option<String>>(9).unwrap(), None);
                assert_eq!(row.get::<i64>(10).unwrap(), i64::MIN);
                assert_eq!(row.get::<Option<String>>(11).unwrap(), None);
            }
        })
        .await;
        let statements = double.record().statements();
        assert_eq!(statements.len(), 3);
        assert_eq!(statements[0].binds, statements[2].binds);
        let told: Vec<_> =
            statements[0].binds.iter().map(|b| (&*b.native, b.value.as_deref())).collect();
        assert_eq!(told[0].0, "NUMBER");
        assert_eq!(told[2], ("TIMESTAMP(9)", Some("2024-01-02 03:04:05.678901234")));
        assert_eq!(told[8], ("RAW(2)", Some("\\x00ff")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_and_binds_take_many_packets() {
    for version in VERSIONS {
        let double = double(version, canned()).await;
        let port = double.port();
        let long = format!("select :1, :2, :3 /* {} */ from dual", "x".repeat(200_000));
        let sent = long.clone();
        blocking(move || {
            let connection = connect(port);
            let (short, wide) = ("middle".to_string(), "ż".repeat(40_000));
            let row = connection.query_row(&sent, &[&wide, &short, &wide]).unwrap();
            assert_eq!(row.get::<String>(0).unwrap(), wide);
            assert_eq!(row.get::<String>(1).unwrap(), short);
            assert_eq!(row.get::<String>(2).unwrap(), wide);
        })
        .await;
        assert_eq!(double.record().statements()[0].sql, long);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_a_place_and_leave_the_session_usable() {
    for version in VERSIONS {
        let canned = canned();
        let error = EngineError {
            number: 904,
            message: "ORA-00904: \"NAME\": invalid identifier".into(),
            position: Some(7),
        };
        canned.answer("select name from t", numbered(0, Some(error.clone())));
        canned.answer("select n, s, d from broken", numbered(1_500, Some(error)));
        let double = double(version, canned).await;
        let port = double.port();
        blocking(move || {
            let connection = connect(port);
            let error = connection.query_row("select name from t", &[]).err().unwrap();
            let told = said(&error).unwrap();
            assert_eq!((told.code(), told.offset()), (904, 7));
            assert_eq!(told.message(), "ORA-00904: \"NAME\": invalid identifier");
            let missing = connection.query("select * from nowhere", &[]).err().unwrap();
            assert_eq!(code(&missing), 942);
            let statement = connection.statement("select n, s, d from broken").unwrap();
            let mut statement =
                statement.prefetch_rows(100).fetch_array_size(1_000).build().unwrap();
            let mut rows = 0;
            let mut failed = 0;
            for row in statement.query(&[]).unwrap() {
                match row {
                    Ok(_) => rows += 1,
                    Err(error) => {
                        failed = code(&error);
                        break;
                    }
                }
            }
            assert_eq!(failed, 904);
            assert!((100..=1_500).contains(&rows), "{rows}");
            connection.query_row("select 1 from dual", &[]).unwrap();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_broken_off() {
    for version in VERSIONS {
        let double = double(version, canned()).await;
        let (port, record) = (double.port(), double.record());
        blocking(move || {
            let connection = connect(port);
            connection.set_call_timeout(Some(Duration::from_millis(200))).unwrap();
            for times in 1..=3 {
                let begun = Instant::now();
                let error =
                    connection.query_row("select sleep(:1) from dual", &[&30]).err().unwrap();
                assert!(matches!(error.kind(), ErrorKind::CallTimeoutExceeded), "{error}");
                assert!(begun.elapsed() < Duration::from_secs(10));
                assert_eq!(record.cancelled(), times);
                assert_eq!(record.sessions()[0].running, None);
                connection.query_row("select 1 from dual", &[]).unwrap();
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_seen_and_ends_with_its_client() {
    let double = double(ServerVersion::V23, canned()).await;
    let (port, record) = (double.port(), double.record());
    let client = std::thread::spawn(move || {
        let connection = connect(port);
        connection.query_row("select sleep(:1) from dual", &[&60]).is_err()
    });
    let running = || record.sessions().first().and_then(|session| session.running.clone());
    until(|| running().as_deref() == Some("select sleep(:1) from dual")).await;
    double.stop().await;
    assert!(client.join().unwrap());
    assert_eq!(record.sessions(), []);
    assert_eq!(record.cancelled(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_cursors_are_read_in_turn() {
    for version in VERSIONS {
        let canned = canned();
        canned.answer("select n, s, d from few", numbered(1_000, None));
        canned.answer("select n, s, d from many", numbered(100_000, None));
        let double = double(version, canned).await;
        let port = double.port();
        blocking(move || {
            let connection = connect(port);
            let mut first = connection.query("select n, s, d from few", &[]).unwrap();
            let mut second = connection.query("select n, s, d from many", &[]).unwrap();
            for number in 0..1_000_u64 {
                let one: u64 = first.next().unwrap().unwrap().get(0).unwrap();
                let two: u64 = second.next().unwrap().unwrap().get(0).unwrap();
                assert_eq!((one, two), (number, number));
            }
            assert!(first.next().is_none());
            // More than can be kept is lost when another statement comes, and that is said.
            connection.query_row("select 1 from dual", &[]).unwrap();
            let lost = second.find_map(Result::err).unwrap();
            assert_eq!(code(&lost), 1002);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_batches_and_transactions_are_answered() {
    for version in VERSIONS {
        let double = double(version, canned()).await;
        let port = double.port();
        blocking(move || {
            let connection = connect(port);
            for _ in 0..3 {
                let block = "begin dbms_application_info.set_module(:1, :2); end;";
                connection.execute(block, &[&"a", &"b"]).unwrap();
                let rows: [&[&dyn ToDbValue]; 3] =
                    [&[&1, &"x"], &[&2, &"y"], &[&3, &None::<String>]];
                let done =
                    connection.execute_batch("insert into t values (:1, :2)", &rows[..]).unwrap();
                assert_eq!(done.rows_affected(), 3);
                connection.commit().unwrap();
                connection.execute("alter session set nls_sort = binary", &[]).unwrap();
                connection.execute("set transaction read only", &[]).unwrap();
                connection.rollback().unwrap();
            }
        })
        .await;
        let statements = double.record().statements();
        assert_eq!(statements.len(), 18);
        let values: Vec<_> = statements[2].binds.iter().map(|bind| bind.value.clone()).collect();
        assert_eq!(values, [text("2"), text("y")]);
        assert!(statements.iter().all(|statement| statement.sql != "COMMIT"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_come_without_rows() {
    let canned = canned();
    let columns = vec![column("ID", "NUMBER(10)"), column("NAME", "VARCHAR2(30)")];
    let answer = Answer { columns, row: Arc::new(|_| panic!("no row was asked for")) };
    canned.answer("select id, name from t", answer);
    let double = double(ServerVersion::V23, canned).await;
    let port = double.port();
    blocking(move || {
        let connection = connect(port);
        let mut statement =
            connection.statement("select id, name from t").unwrap().build().unwrap();
        statement.ensure_fully_parsed().unwrap();
        let names: Vec<_> = statement.out_metadata().iter().map(|column| column.name()).collect();
        assert_eq!(names, ["ID", "NAME"]);
        connection.query_row("select 1 from dual", &[]).unwrap();
    })
    .await;
}
