//! Sessions: named, read-only, stopped when nobody reads, never mixed, bounded in memory.

use crate::support::{
    canned, cells, column, connector, context, double, failed, numbers, one_number, query, read,
    until, url,
};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, TimeUnit};
use async_trait::async_trait;
use celosia_connector_api::{Connector, ErrorCode, ExecutionContext, SessionIdentity};
use celosia_connector_testkit::double::canned::Answer;
use celosia_connector_testkit::double::engine::{
    Bind, Engine, EngineError, EngineSession, Login, Outcome, Row,
};
use celosia_connector_testkit::double::tns::{ServerVersion, TnsDouble, TnsOptions};
use futures::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// An engine that works without an end on what is slow, and answers one row to all else.
#[derive(Debug)]
struct Slow;

struct SlowSession(bool);

#[async_trait]
impl Engine for Slow {
    async fn session(&self, _: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        Ok(Box::new(SlowSession(false)))
    }
}

#[async_trait]
impl EngineSession for SlowSession {
    async fn execute(&mut self, sql: &str, _: &[Bind]) -> Result<Outcome, EngineError> {
        if sql.contains("slow") {
            std::future::pending::<()>().await;
        }
        self.0 = sql.starts_with("SELECT");
        if !self.0 {
            return Ok(Outcome::Done { affected: 0 });
        }
        Ok(Outcome::Rows(vec![column("N", "NUMBER(18)")]))
    }

    async fn rows(&mut self, _: usize) -> Result<Vec<Row>, EngineError> {
        let rows = if std::mem::take(&mut self.0) { vec![cells(&[Some("7")])] } else { vec![] };
        Ok(rows)
    }

    async fn cancel(&mut self) {
        self.0 = false;
    }
}

async fn slow(version: ServerVersion) -> TnsDouble {
    double(Arc::new(Slow), TnsOptions { version, ..TnsOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_named_and_reads_only() {
    let server = canned(&[("SELECT 1", numbers(1_000_000))]).await;
    let connector = connector(&url(&server), |_| ());
    let asked = context(PATIENCE);
    let mut stream = connector.open(&one_number("SELECT 1"), &asked).await.expect("a stream");
    stream.next().await.expect("a batch").expect("a batch");
    let session = server.record().sessions().pop().expect("a session");
    assert_eq!(session.told.get("module").map(String::as_str), Some("celosia"));
    for name in ["action", "client_identifier"] {
        assert_eq!(session.told.get(name), Some(&asked.query_id), "{name}");
    }
    drop(stream);
    let texts: Vec<String> = server.record().statements().into_iter().map(|s| s.sql).collect();
    let at = |text: &str| texts.iter().position(|sql| sql.starts_with(text));
    assert!(
        at("ALTER SESSION SET NLS_SORT = BINARY") < at("SET TRANSACTION READ ONLY"),
        "{texts:?}"
    );
    assert!(at("SET TRANSACTION READ ONLY") < at("SELECT 1"), "{texts:?}");
}

/// Who asks is told with each lease, so that a session never has the name of the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_told_who_asks_anew() {
    let server = canned(&[("SELECT 1", numbers(1))]).await;
    let connector = connector(&url(&server), |config| config.concurrency = 1);
    for user in [Some("ana"), Some("bo; --'"), None, Some("ana")] {
        let identity = user.map(|user| SessionIdentity {
            user: user.into(),
            issuer: String::new(),
            role: None,
        });
        let asked = ExecutionContext { identity: identity.map(Arc::new), ..context(PATIENCE) };
        read(&*connector, &one_number("SELECT 1"), &asked).await.expect("rows");
        let told = server.record().sessions().pop().expect("a session").told;
        let wanted = user.unwrap_or(&asked.query_id);
        assert_eq!(told.get("client_identifier").map(String::as_str), Some(wanted));
    }
    let role = SessionIdentity { user: "a".into(), issuer: String::new(), role: Some("b".into()) };
    let asked = ExecutionContext { identity: Some(Arc::new(role)), ..context(PATIENCE) };
    let refused = read(&*connector, &one_number("SELECT 1"), &asked).await.expect_err("refused");
    assert_eq!(refused.code, ErrorCode::InvalidConfiguration);
}

/// What is dropped while the server works is broken off there, and the session is used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_statement_is_broken_and_its_session_survives() {
    for version in [ServerVersion::V19, ServerVersion::V23] {
        let server = slow(version).await;
        let connector = connector(&url(&server), |_| ());
        for round in 1..=3 {
            let (asked, reader) = (context(PATIENCE), connector.clone());
            let reading = tokio::spawn(async move {
                read(&*reader, &one_number("SELECT slow"), &asked).await.map(drop)
            });
            let running = || {
                server.record().sessions().iter().any(|session| {
                    session.running.as_deref().is_some_and(|sql| sql.contains("slow"))
                })
            };
            until("it runs", running).await;
            let dropped = Instant::now();
            reading.abort();
            until("it is stopped", || server.record().cancelled() == round).await;
            assert!(dropped.elapsed() < Duration::from_secs(3), "{:?}", dropped.elapsed());
            let rows = read(&*connector, &one_number("SELECT 1"), &context(PATIENCE)).await;
            assert_eq!(rows.expect("rows")[0].num_rows(), 1);
        }
        let statements = server.record().statements();
        let first = statements.first().expect("a statement").session;
        assert!(statements.iter().all(|statement| statement.session == first), "another session");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_breaks_the_call_and_the_session_survives() {
    let server = slow(ServerVersion::V23).await;
    let connector = connector(&url(&server), |_| ());
    connector.ping().await.expect("a session");
    let asked = Instant::now();
    let late = context(Duration::from_millis(300));
    failed(read(&*connector, &one_number("SELECT slow"), &late).await, ErrorCode::DeadlineExceeded);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    until("it is stopped", || server.record().cancelled() == 1).await;
    connector.ping().await.expect("a session");
    assert_eq!(server.record().sessions().len(), 1);
    let statements = server.record().statements();
    assert!(statements.iter().all(|statement| statement.session == statements[0].session));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_select_is_sent() {
    let server = canned(&[]).await;
    let connector = connector(&url(&server), |_| ());
    for sql in ["DELETE FROM X", "CREATE TABLE X (A NUMBER)", "BEGIN NULL; END;", "SELEKT", ""] {
        let found = read(&*connector, &one_number(sql), &context(PATIENCE)).await;
        failed(found, ErrorCode::QueryFailed);
        assert!(server.record().statements().iter().all(|statement| statement.sql != sql), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_sessions_never_mix_rows() {
    let texts: Vec<String> = (0..12).map(|reader| format!("SELECT {reader}")).collect();
    let answer = |reader: u64| {
        let row =
            move |at: u64| Ok((at < 700).then(|| vec![Some((reader * 1_000 + at).to_string())]));
        Answer { columns: vec![column("N", "NUMBER(18)")], row: Arc::new(row) }
    };
    let answers: Vec<(&str, Answer)> =
        texts.iter().zip(0..).map(|(sql, reader)| (sql.as_str(), answer(reader))).collect();
    let server = canned(&answers).await;
    let connector = connector(&url(&server), |config| config.concurrency = 4);
    let readers = texts.iter().zip(0_i64..).map(|(sql, reader)| {
        let (connector, query) = (connector.clone(), one_number(sql));
        tokio::spawn(async move {
            for _ in 0..8 {
                let batches = read(&*connector, &query, &context(PATIENCE)).await.expect("rows");
                let values = batches.iter().flat_map(|batch| {
                    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
                });
                assert!(values.eq((0..700).map(|at| reader * 1_000 + at)), "mixed rows");
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.expect("its own rows");
    }
    assert!(server.record().sessions().len() <= 4, "more sessions than places");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rows_stream_in_bounded_memory() {
    const ROWS: u64 = 200_000;
    let columns =
        ["NUMBER(18)", "NUMBER(12,2)", "VARCHAR2(100)", "DATE", "TIMESTAMP(6)", "BINARY_DOUBLE"];
    let columns = columns.iter().enumerate().map(|(at, native)| column(&format!("C{at}"), native));
    let row = |at: u64| {
        Ok((at < ROWS).then(|| {
            vec![
                Some(at.to_string()),
                Some(format!("{}.25", at % 1_000)),
                Some(format!("text number {at}")),
                Some("2024-01-02 03:04:05".to_string()),
                Some("2024-01-02 03:04:05.678901".to_string()),
                Some("0.5".to_string()),
            ]
        }))
    };
    let answer = Answer { columns: columns.collect(), row: Arc::new(row) };
    let server = canned(&[("SELECT BIG", answer)]).await;
    let connector =
        connector(&url(&server), |config| config.statement_timeout = Duration::from_secs(300));
    let stamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let big = query(
        "SELECT BIG",
        &[
            ("C0", DataType::Int64),
            ("C1", DataType::Decimal128(12, 2)),
            ("C2", DataType::Utf8),
            ("C3", stamp.clone()),
            ("C4", stamp),
            ("C5", DataType::Float64),
        ],
    );
    connector.ping().await.expect("a session");
    let (before, mut most, mut rows) = (resident(), 0, 0);
    let mut asked = context(Duration::from_secs(300));
    asked.batch_rows = 8_192;
    let mut stream = connector.open(&big, &asked).await.expect("a stream");
    while let Some(batch) = stream.next().await {
        rows += batch.expect("a batch").num_rows() as u64;
        most = most.max(resident());
    }
    assert_eq!(rows, ROWS);
    let growth = most.saturating_sub(before);
    assert!(growth < 64 << 20, "{} MiB more", growth >> 20);
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}
