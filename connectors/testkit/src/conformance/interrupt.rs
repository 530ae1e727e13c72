//! What happens to a statement whose reader or whose server goes away.

use super::{Outcome, ensure};
use crate::fixture::Fixture;
use crate::subject::{Subject, by_id, collect, context, same_rows, select, select_all, told};
use celosia_connector_api::render::is_pushable;
use celosia_connector_api::{Comparison, ErrorCode, ExecutionContext, Predicate, Value};
use futures::StreamExt;
use std::time::{Duration, Instant};

/// How long the suite waits for a server to show what it does.
const SHOWN: Duration = Duration::from_secs(20);

pub(super) async fn cancel(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    for view in ["slow", "endless"] {
        let statement = subject.render(&select(&subject.table(view)?, &[0]))?;
        let asked =
            ExecutionContext { deadline: Instant::now() + Duration::from_secs(300), ..context() };
        let name = asked.query_id.clone();
        let connector = subject.connector.clone();
        let reader = tokio::spawn(async move {
            let mut stream = connector.open(&statement, &asked).await?;
            while let Some(batch) = stream.next().await {
                drop(batch?);
            }
            Ok::<_, celosia_connector_api::ConnectorError>(())
        });
        let seen = poll(|| fixture.running(&name), Some(true)).await;
        reader.abort();
        ensure(seen, || format!("{view} was never seen running: {:?}", reader.is_finished()))?;
        let _ = reader.await;
        gone(fixture, &name).await?;
        subject.connector.ping().await.map_err(|error| told("ping", &error))?;
    }
    Ok(())
}

/// The server does not run the statement any more.
pub(super) async fn gone(fixture: &dyn Fixture, query_id: &str) -> Outcome {
    let ended = poll(|| fixture.running(query_id), Some(false)).await;
    ensure(ended, || format!("{query_id} still runs at the server"))
}

/// Streams that are dropped at every point leave connections that answer the next question.
pub(super) async fn reuse(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let people = fixture.table("people");
    let quick = select_all(&subject.table("people")?);
    for (round, view) in ["endless", "big"].into_iter().cycle().take(40).enumerate() {
        let statement = subject.render(&select(&subject.table(view)?, &[0]))?;
        let stream = subject.connector.open(&statement, &context()).await;
        let mut stream = stream.map_err(|error| told("open", &error))?;
        for _ in 0..round % 4 {
            let batch = stream.next().await.ok_or("it ended too soon")?;
            batch.map_err(|error| told("read", &error))?;
        }
        drop(stream);
        let found = by_id(subject.run(&quick).await?.rows);
        same_rows("after a dropped stream", &found, &people.rows)?;
    }
    // Given up before anything has come back.
    for _ in 0..20 {
        let slow = subject.render(&select(&subject.table("slow")?, &[0]))?;
        let asked = context();
        let open = subject.connector.open(&slow, &asked);
        if let Ok(Ok(mut stream)) = tokio::time::timeout(Duration::from_millis(5), open).await {
            let _ = tokio::time::timeout(Duration::from_millis(5), stream.next()).await;
        }
        let found = by_id(subject.run(&quick).await?.rows);
        same_rows("after a dropped opening", &found, &people.rows)?;
    }
    Ok(())
}

/// Many readers at once, each with rows of its own to look for.
pub(super) async fn concurrent(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let big = subject.table("big")?;
    let equals = |id: i64| {
        let value = Value::Integer(id);
        Predicate::Compare { column: 0, operator: Comparison::Equal, value }
    };
    if !is_pushable(subject.connector.dialect(), &equals(1), &crate::subject::classes(&big)) {
        return Ok(());
    }
    let mut readers = Vec::new();
    for reader in 0..16_i64 {
        let mut questions = Vec::new();
        for step in 0..40_i64 {
            let id = 1 + (reader * 997 + step * 61) % 20_000;
            let mut query = select_all(&big);
            query.predicate = Some(equals(id));
            questions.push((id, subject.render(&query)?));
        }
        let connector = subject.connector.clone();
        readers.push(tokio::spawn(async move {
            for (id, question) in questions {
                let stream = connector.open(&question, &context()).await;
                let answer = collect(stream.map_err(|error| told("open", &error))?).await;
                let rows = answer.map_err(|error| told("read", &error))?.rows;
                let expected =
                    vec![Some(Value::Integer(id)), Some(Value::Text(format!("{id:0100}")))];
                same_rows("a look-up", &rows, &[expected])?;
            }
            Ok::<_, String>(())
        }));
    }
    for reader in readers {
        reader.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

pub(super) async fn restart(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let endless = subject.render(&select(&subject.table("endless")?, &[0]))?;
    let stream = subject.connector.open(&endless, &context()).await;
    let mut stream = stream.map_err(|error| told("open", &error))?;
    let first = stream.next().await.ok_or("it ended too soon")?;
    first.map_err(|error| told("read", &error))?;
    if !fixture.restart().await {
        return Ok(());
    }
    let error = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => return Err("the stream ended as if it were whole".to_string()),
        }
    };
    let clean = matches!(error.code, ErrorCode::ConnectionLost | ErrorCode::Unreachable);
    ensure(clean, || told("the restart", &error))?;
    ensure(stream.next().await.is_none(), || "more after the error".to_string())?;
    // Whatever was pooled is stale now: the next statements find that out by themselves.
    let people = fixture.table("people");
    let until = Instant::now() + SHOWN;
    loop {
        match subject.run(&select_all(&subject.table("people")?)).await {
            Ok(answer) => return same_rows("after the restart", &by_id(answer.rows), &people.rows),
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Asks until the answer is as expected, or cannot be told.
async fn poll<'a, F>(ask: impl Fn() -> F, expected: Option<bool>) -> bool
where
    F: Future<Output = Option<bool>> + 'a,
{
    let until = Instant::now() + SHOWN;
    while Instant::now() < until {
        match ask().await {
            None => return true,
            answer if answer == expected => return true,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    false
}
