//! Sessions: cancelling, deadlines, restarts, read-only, TLS.

use crate::support::{
    Source, both_ways, connector, context, fetch, required, running, source, statement, texts,
    until,
};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use celosia_connector_api::{Connector, ConnectorError, ErrorCode};
use celosia_connector_postgres::PostgresConnector;
use celosia_connector_testkit::cluster::PostgresCluster;
use futures::{StreamExt, TryStreamExt};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_statement_stops_at_the_server() {
    // A login without any right but to connect may stop its own statements.
    let Some(source) = source("CREATE ROLE plain LOGIN") else { return };
    let one = connector(&source.cluster.url(&source.database, "plain"), 1);
    for way in 0..2 {
        stops_where_it_is_dropped(&source, &one, way).await;
    }
}

async fn stops_where_it_is_dropped(source: &Source, one: &PostgresConnector, way: usize) {
    let statement = |sql: &str, columns: &[arrow_schema::DataType]| {
        both_ways(&statement(sql, columns))[way].clone()
    };
    let named = |name: &str| format!("{name}-{way}");
    let slow = "SELECT g::int8 FROM (SELECT g, CASE WHEN g > 2500 THEN pg_sleep(60) END \
                FROM generate_series(1, 1000000) AS g) AS s";
    let slow = statement(slow, &[arrow_schema::DataType::Int64]);
    // Dropped between two batches, while the server works on the third.
    let mut stream = one.open(&slow, &context(&named("mid-stream"))).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first.column(0).as_primitive::<Int64Type>().value(0), 1);
    until(source, &running(&named("mid-stream")), "1").await;
    drop(stream);
    until(source, &running(&named("mid-stream")), "0").await;
    // Dropped before the first batch, while `open` waits.
    let never = statement("SELECT 1::int8 FROM pg_sleep(60)", &[arrow_schema::DataType::Int64]);
    let waiting = context(&named("opening"));
    let active = running(&named("opening"));
    tokio::select! {
        _ = one.open(&never, &waiting) => panic!("it sleeps"),
        () = until(source, &active, "1") => {}
    }
    until(source, &running(&named("opening")), "0").await;
    // The only place is free again, and the same session serves it.
    let pid = statement("SELECT pg_backend_pid()::int8", &[arrow_schema::DataType::Int64]);
    let before = fetch(one, &pid).await.unwrap();
    let sleep = context(&named("again"));
    drop(tokio::time::timeout(Duration::from_millis(100), one.open(&never, &sleep)).await);
    let after = fetch(one, &pid).await.unwrap();
    assert_eq!(before, after);
    // A reader that is slower than the server: the server waits in a full socket.
    let endless = "SELECT repeat('x', 1000) FROM (SELECT generate_series(1, 100000000)) AS g";
    let endless = statement(endless, &[arrow_schema::DataType::Utf8]);
    let mut stream = one.open(&endless, &context(&named("full"))).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(fetch(one, &pid).await.unwrap(), before);
    until(source, &running(&named("full")), "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_statement_at_the_server() {
    let Some(source) = source("CREATE TABLE t (n int)") else { return };
    let never = statement("SELECT 1::int8 FROM pg_sleep(60)", &[arrow_schema::DataType::Int64]);
    let mut soon = context("deadline");
    for never in both_ways(&never) {
        soon.deadline = Instant::now() + Duration::from_millis(200);
        let error = source.connector.open(&never, &soon).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{error:?}");
        assert!(soon.deadline.elapsed() < Duration::from_secs(2));
        until(&source, &running("deadline"), "0").await;
    }
    let error = source.connector.open(&never, &soon).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::DeadlineExceeded, "{error:?}");
    // The shorter timeout does not stay with the session.
    let timeout =
        statement("SELECT current_setting('statement_timeout')", &[arrow_schema::DataType::Utf8]);
    let batches = fetch(&source.connector, &timeout).await.unwrap();
    assert_eq!(texts(batches[0].column(0)), [Some("30s")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_an_error_once() {
    let cluster = match PostgresCluster::start() {
        Ok(cluster) => cluster,
        Err(reason) if required() => panic!("{reason}"),
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let source = connector(&cluster.url("postgres", "postgres"), 2);
    let numbers = statement(
        "SELECT g::int8 FROM generate_series(1, 5000000) AS g",
        &[arrow_schema::DataType::Int64],
    );
    let one = statement("SELECT 1::int8", &[arrow_schema::DataType::Int64]);
    for numbers in both_ways(&numbers) {
        fetch(&source, &one).await.unwrap();
        let mut stream = source.open(&numbers, &context("restart")).await.unwrap();
        stream.next().await.unwrap().unwrap();
        cluster.restart().unwrap();
        let rest: Result<Vec<RecordBatch>, ConnectorError> = stream.try_collect().await;
        assert_eq!(rest.unwrap_err().code, ErrorCode::ConnectionLost);
    }
    // Sessions of before the restart are found broken before a statement is sent on them.
    fetch(&source, &one).await.unwrap();
    let mut left = source.open(&numbers, &context("left")).await.unwrap();
    left.next().await.unwrap().unwrap();
    fetch(&source, &one).await.unwrap();
    drop(left);
    cluster.stop().unwrap();
    let error = fetch(&source, &one).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unreachable, "{error:?}");
    cluster.restart().unwrap();
    fetch(&source, &one).await.unwrap();
    let stranger = connector(&cluster.url("nothing_here", "postgres"), 1);
    assert_eq!(stranger.ping().await.unwrap_err().code, ErrorCode::InvalidConfiguration);
    let stranger = connector(&cluster.url("postgres", "nobody_here"), 1);
    assert_eq!(stranger.ping().await.unwrap_err().code, ErrorCode::AuthenticationFailed);
    let url = cluster.url("postgres", "postgres").replace("disable", "require");
    assert_eq!(connector(&url, 1).ping().await.unwrap_err().code, ErrorCode::TlsFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_cannot_write() {
    let Some(source) = source("CREATE TABLE t (n int8); CREATE SEQUENCE s") else { return };
    for sql in [
        "INSERT INTO public.t VALUES (1) RETURNING n",
        "SELECT nextval('public.s')",
        "CREATE TABLE public.x (n int)",
    ] {
        let [by_copy, prepared] = both_ways(&statement(sql, &[arrow_schema::DataType::Int64]));
        let error = fetch(&source.connector, &prepared).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::QueryFailed, "{sql}");
        assert!(error.context.contains("read-only"), "{}", error.context);
        let error = fetch(&source.connector, &by_copy).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::QueryFailed, "{sql}");
    }
    let settings = "SELECT string_agg(current_setting(s), ',') FROM unnest(ARRAY[\
        'default_transaction_read_only', 'search_path', 'TimeZone', 'client_connection_check_interval', \
        'application_name']) AS s";
    let query = statement(settings, &[arrow_schema::DataType::Utf8]);
    let batches = fetch(&source.connector, &query).await.unwrap();
    assert_eq!(texts(batches[0].column(0)), [Some("on,pg_catalog,UTC,2s,celosia test")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_as_the_url_says() {
    let cluster = match PostgresCluster::start() {
        Ok(cluster) => cluster,
        Err(reason) if required() => panic!("{reason}"),
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let make = "COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; openssl req -new -x509 -days 2 -nodes \
        -newkey rsa:2048 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -addext basicConstraints=critical,CA:FALSE -keyout server.key -out server.crt && chmod 600 server.key'";
    if let Err(reason) = cluster.execute("postgres", make) {
        return eprintln!("skipped: {reason}");
    }
    for sql in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
        cluster.execute("postgres", sql).unwrap();
    }
    cluster.restart().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca.pem");
    let certificate = cluster.execute("postgres", "SELECT pg_read_file('server.crt')").unwrap();
    std::fs::write(&authority, certificate).unwrap();
    let authority = authority.display().to_string();
    let base = cluster.url("postgres", "postgres");
    let encrypted = statement(
        "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        &[arrow_schema::DataType::Utf8],
    );
    let open = async |host: &str, mode: &str, authority: Option<&str>| {
        let url = base.replace("127.0.0.1", host).replace("sslmode=disable", mode);
        let url = authority.map_or(url.clone(), |path| format!("{url}&sslrootcert={path}"));
        let batches = fetch(&connector(&url, 1), &encrypted).await.map_err(|error| error.code)?;
        Ok(texts(batches[0].column(0))[0] == Some("true"))
    };
    let trusted = Some(authority.as_str());
    assert_eq!(open("127.0.0.1", "sslmode=disable", None).await, Ok(false));
    assert_eq!(open("127.0.0.1", "sslmode=prefer", None).await, Ok(true));
    assert_eq!(open("127.0.0.1", "sslmode=require", None).await, Ok(true));
    assert_eq!(open("127.0.0.1", "sslmode=require", trusted).await, Ok(true));
    assert_eq!(open("127.0.0.1", "sslmode=verify-ca", trusted).await, Ok(true));
    assert_eq!(open("localhost", "sslmode=verify-full", trusted).await, Ok(true));
    for (host, mode, authority) in [
        ("localhost", "sslmode=verify-full", None),
        ("localhost", "sslmode=verify-ca", None),
        ("127.0.0.1", "sslmode=verify-full", trusted),
        ("localhost", "sslmode=verify-full", Some("/nowhere/ca.pem")),
    ] {
        assert_eq!(open(host, mode, authority).await, Err(ErrorCode::TlsFailed), "{host} {mode}");
    }
}
