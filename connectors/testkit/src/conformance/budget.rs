//! A connector within its budget: places, queue, deadline, bytes.

use super::{Outcome, ensure};
use crate::fixture::Fixture;
use crate::subject::{Subject, collect, context, select, select_all, told};
use celosia_connector_api::{
    Budget, Budgeted, Connector, ConnectorError, ErrorCode, ExecutionContext, RenderedQuery,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How late an end may be on a busy machine.
const LATE: Duration = Duration::from_secs(10);

pub(super) async fn queue(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let slow = subject.render(&select(&subject.table("slow")?, &[0]))?;
    let quick = subject.render(&select_all(&subject.table("people")?))?;
    let budget = Budget { concurrency: 1, queue: 1, ..Budget::default() };
    let source = Arc::new(Budgeted::new(subject.connector.clone(), budget));
    let first = spawn(&source, &slow, context());
    settle(Duration::from_millis(200)).await;
    // One waits for the place until its deadline; while it does, another one is refused at once.
    let soon = ExecutionContext { deadline: Instant::now() + Duration::from_secs(2), ..context() };
    let second = spawn(&source, &quick, soon);
    settle(Duration::from_millis(200)).await;
    let asked = Instant::now();
    expect("no place to wait", read(&*source, &quick, context()).await, ErrorCode::QueueFull)?;
    ensure(asked.elapsed() < Duration::from_secs(1), || {
        format!("refused after {:?}", asked.elapsed())
    })?;
    let second = second.await.map_err(|error| error.to_string())?;
    expect("waiting past the deadline", second, ErrorCode::DeadlineExceeded)?;
    // The place is free again when the first one is given up.
    first.abort();
    let rows =
        read(&*source, &quick, context()).await.map_err(|error| told("afterwards", &error))?;
    ensure(rows == 8, || format!("{rows} people"))
}

pub(super) async fn deadline(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    for view in ["slow", "endless"] {
        let statement = subject.render(&select(&subject.table(view)?, &[0]))?;
        let budget = Budget { statement_timeout: Duration::from_millis(400), ..Budget::default() };
        let budgeted = Budgeted::new(subject.connector.clone(), budget);
        let asked = Instant::now();
        expect(view, read(&budgeted, &statement, context()).await, ErrorCode::DeadlineExceeded)?;
        ensure(asked.elapsed() < LATE, || format!("{view} ended after {:?}", asked.elapsed()))?;
        // The connector keeps the deadline without help, too.
        let short =
            ExecutionContext { deadline: Instant::now() + Duration::from_millis(400), ..context() };
        let named = short.query_id.clone();
        expect(
            view,
            read(&*subject.connector, &statement, short).await,
            ErrorCode::DeadlineExceeded,
        )?;
        super::interrupt::gone(fixture, &named).await?;
    }
    let past =
        ExecutionContext { deadline: Instant::now() - Duration::from_millis(1), ..context() };
    let endless = subject.render(&select(&subject.table("endless")?, &[0]))?;
    expect(
        "a deadline in the past",
        read(&*subject.connector, &endless, past).await,
        ErrorCode::DeadlineExceeded,
    )?;
    subject.connector.ping().await.map_err(|error| told("ping", &error))
}

pub(super) async fn bytes(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let big = subject.render(&select_all(&subject.table("big")?))?;
    let within = Budget { bytes: 1 << 30, ..Budget::default() };
    let rows = read(&Budgeted::new(subject.connector.clone(), within), &big, context()).await;
    ensure(matches!(rows, Ok(20_000)), || format!("{rows:?}"))?;
    let small = Budgeted::new(
        subject.connector.clone(),
        Budget { bytes: 100_000, concurrency: 1, ..within },
    );
    for _ in 0..3 {
        expect("too many bytes", read(&small, &big, context()).await, ErrorCode::ByteLimit)?;
    }
    Ok(())
}

fn spawn(
    source: &Arc<Budgeted>,
    query: &RenderedQuery,
    context: ExecutionContext,
) -> tokio::task::JoinHandle<Result<usize, ConnectorError>> {
    let (source, query) = (source.clone(), query.clone());
    tokio::spawn(async move { read(&*source, &query, context).await })
}

/// The rows of a statement, read to its end.
async fn read(
    source: &dyn Connector,
    query: &RenderedQuery,
    context: ExecutionContext,
) -> Result<usize, ConnectorError> {
    collect(source.open(query, &context).await?).await.map(|answer| answer.count)
}

fn expect(what: &str, found: Result<usize, ConnectorError>, code: ErrorCode) -> Outcome {
    match found {
        Err(error) if error.code == code => Ok(()),
        other => Err(format!("{what}: {other:?} for {code:?}")),
    }
}

/// Lets a statement that was just asked for take its place.
async fn settle(time: Duration) {
    tokio::time::sleep(time).await;
}
