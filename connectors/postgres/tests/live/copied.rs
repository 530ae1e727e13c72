//! What is special about reading through COPY, and about a look-up that takes one round trip.

use crate::support::{Source, context, fetch, running, source, statement, texts, until};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::DataType;
use celosia_connector_api::{Connector, ErrorCode, RenderedQuery};
use futures::{StreamExt, TryStreamExt};

/// The server's process that answers.
async fn process(source: &Source) -> i64 {
    let query = statement("SELECT pg_backend_pid()::int8", &[DataType::Int64]);
    let query = RenderedQuery { rows_hint: Some(1), ..query };
    let batches = fetch(&source.connector, &query).await.unwrap();
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_amid_the_rows_keeps_the_session() {
    let Some(source) = source("CREATE TABLE t (d date); INSERT INTO t VALUES ('infinity')") else {
        return;
    };
    let before = process(&source).await;
    let divides =
        statement("SELECT 1 / (g - 2500) FROM generate_series(1, 100000) AS g", &[DataType::Int32]);
    let mut stream = source.connector.open(&divides, &context("divides")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 1000);
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 1000);
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::QueryFailed, "{error:?}");
    assert!(stream.next().await.is_none());
    let unknown = statement("SELECT nothing FROM public.t", &[DataType::Date32]);
    let error = fetch(&source.connector, &unknown).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CatalogOutdated, "{error:?}");
    let other = statement("SELECT d FROM public.t", &[DataType::Int32]);
    let error = fetch(&source.connector, &other).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::CatalogOutdated, "{error:?}");
    // No transaction is left open, as another session can tell.
    until(&source, &format!("SELECT state FROM pg_stat_activity WHERE pid = {before}"), "idle")
        .await;
    assert_eq!(process(&source).await, before);
    // Unfit in the first row of a long answer: the rest of it is stopped.
    let unfit = "SELECT d FROM (SELECT d, generate_series(1, 1000000000) FROM public.t) AS s";
    let unfit = statement(unfit, &[DataType::Date32]);
    let error = source.connector.open(&unfit, &context("unfit")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::UnrepresentableValue, "{error:?}");
    until(&source, &running("unfit"), "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_session_is_a_lost_connection() {
    let Some(source) = source("CREATE TABLE t (a int8)") else { return };
    let endless = statement("SELECT generate_series(1, 1000000000)::int8", &[DataType::Int64]);
    let mut stream = source.connector.open(&endless, &context("killed")).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE application_name = 'celosia killed'";
    assert_eq!(source.cluster.execute("postgres", kill).unwrap(), "1");
    let rest: Result<Vec<RecordBatch>, _> = stream.try_collect().await;
    assert_eq!(rest.unwrap_err().code, ErrorCode::ConnectionLost);
    process(&source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_query_stands_in_the_parentheses() {
    let Some(source) = source("CREATE TABLE t (a int8)") else { return };
    for sql in [
        "SELECT 1::int8) TO STDOUT; CREATE TABLE public.x (n int); --",
        "SELECT 1::int8) TO STDOUT; SELECT (1",
        "SELECT 1::int8) AS a, (SELECT 2::int8",
        "SELECT 1::int8; SELECT 2::int8",
        "SELECT 1::int8 --",
        "SELECT 1::int8 /*",
        "",
    ] {
        let error = fetch(&source.connector, &statement(sql, &[DataType::Int64])).await;
        let code = error.unwrap_err().code;
        // One of them is a query, of two columns.
        assert!(matches!(code, ErrorCode::QueryFailed | ErrorCode::CatalogOutdated), "{sql}");
    }
    let tables = "SELECT string_agg(relname, ',') FROM pg_class WHERE relkind = 'r' \
                  AND relnamespace = 'public'::regnamespace";
    assert_eq!(source.cluster.execute(&source.database, tables).unwrap(), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_every_size_are_whole() {
    let Some(source) = source("CREATE TABLE t (a int8)") else { return };
    for count in [0, 1, 999, 1000, 1001, 2000, 20_000] {
        let sql = format!(
            "SELECT g::int8, repeat('x', (g % 50)::int) || g \
             FROM generate_series(1::int8, {count}) AS g"
        );
        let query = statement(&sql, &[DataType::Int64, DataType::Utf8]);
        let batches = fetch(&source.connector, &query).await.unwrap();
        let numbers: Vec<i64> = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect();
        assert_eq!(numbers, (1..=count).collect::<Vec<i64>>());
        assert!(batches.iter().all(|batch| batch.num_rows() <= 1000));
    }
    // One value that is longer than many messages.
    let wide = statement("SELECT repeat('ä', 5000000)", &[DataType::Utf8]);
    let batches = fetch(&source.connector, &wide).await.unwrap();
    assert_eq!(texts(batches[0].column(0))[0].map(str::len), Some(10_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_never_goes_by_the_name_of_another_query() {
    let Some(source) = source("CREATE TABLE t (a int8)") else { return };
    let mut query = statement("SELECT current_setting('application_name')", &[DataType::Utf8]);
    for (round, hint) in [Some(1), Some(1), None, Some(1), Some(1), None].into_iter().enumerate() {
        query.rows_hint = hint;
        let name = format!("query-{round}");
        let stream = source.connector.open(&query, &context(&name)).await.unwrap();
        let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
        let found = texts(batches[0].column(0))[0].unwrap();
        let own = format!("celosia {name}");
        // A statement that was quick may leave the session its own name; the first one never does.
        let may = found == own || (found.starts_with("celosia.") && hint.is_some() && round > 0);
        assert!(may, "{found} is not {own}");
    }
}
