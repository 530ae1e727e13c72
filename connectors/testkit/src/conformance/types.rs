//! Values: every type at its extremes, and what has no exact form.

use super::{Outcome, ensure};
use crate::data;
use crate::fixture::Fixture;
use crate::subject::{
    Answer, Subject, by_id, collect, context, same_rows, select, select_all, told,
};
use arrow_schema::DataType;
use celosia_connector_api::query::{UNFIT, unfit_bit};
use celosia_connector_api::{
    Budget, Budgeted, Connector, ErrorCode, ExecutionContext, TableRead, Value,
};
use futures::StreamExt;

pub(super) async fn every_type(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    for table in fixture.tables() {
        let described = subject.table(table.name)?;
        let answer = subject.run(&select_all(&described)).await?;
        for (field, (name, kind)) in answer.schema.fields().iter().zip(&table.columns) {
            let expected = fixture.data_type(*kind);
            ensure(field.name() == name && *field.data_type() == expected, || {
                format!("{}.{name} arrives as {field:?}", table.name)
            })?;
        }
        same_rows(table.name, &by_id(answer.rows), &table.rows)?;
        // Each column alone, in another place: nothing depends on its neighbours.
        for column in 1..table.columns.len() {
            let answer = subject.run(&select(&described, &[column, 0])).await?;
            let swapped = answer.rows.into_iter().map(|row| vec![row[1].clone(), row[0].clone()]);
            let expected = table.rows.iter().map(|row| vec![row[0].clone(), row[column].clone()]);
            let expected: Vec<_> = expected.collect();
            same_rows(table.columns[column].0, &by_id(swapped.collect()), &expected)?;
        }
    }
    Ok(())
}

pub(super) async fn unrepresentable(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    for (table, column) in fixture.unrepresentable() {
        let described = subject.table(table)?;
        let index = described.columns.iter().position(|c| c.name == column);
        let index = index.ok_or_else(|| format!("{table} has no column {column}"))?;
        let rendered = subject.render(&select(&described, &[index]))?;
        match subject.execute(&rendered).await {
            Ok(answer) => return Err(format!("{table}.{column} gave {:?}", answer.rows)),
            Err(error) => {
                let named = error.subject.as_deref() == Some(column);
                ensure(named && error.code == ErrorCode::UnrepresentableValue, || {
                    format!("{table}.{column}: {error:?}")
                })?;
            }
        }
    }
    Ok(())
}

pub(super) async fn deferred(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    // What is whole stays as it is, and says so.
    let people = select_all(&subject.table("people")?);
    let plain = subject.run(&people).await?.rows.into_iter().map(|mut row| {
        row.push(Some(Value::Integer(0)));
        row
    });
    let plain: Vec<_> = plain.collect();
    same_rows("people", &by_id(defer(&subject, &people).await?.rows), &by_id(plain))?;
    for (table, column) in fixture.unrepresentable() {
        let described = subject.table(table)?;
        let index = described.columns.iter().position(|c| c.name == column);
        let index = index.ok_or_else(|| format!("{table} has no column {column}"))?;
        // Alone, and in its place among its neighbours.
        for (query, at) in [(select(&described, &[index]), 0), (select_all(&described), index)] {
            let outputs = query.output.len();
            let answer = defer(&subject, &query).await?;
            let unfit = |row: &data::Row| match row[outputs] {
                Some(Value::Integer(bits)) => bits.cast_unsigned() & unfit_bit(at) != 0,
                _ => false,
            };
            let mut rows = answer.rows.iter().filter(|row| unfit(row)).peekable();
            ensure(rows.peek().is_some(), || format!("{table}.{column} is whole: {answer:?}"))?;
            ensure(rows.all(|row| row[at].is_none()), || format!("{table}.{column}: {answer:?}"))?;
            let alien = |row: &data::Row| {
                let bits = match row[outputs] {
                    Some(Value::Integer(bits)) => bits.cast_unsigned(),
                    _ => u64::MAX,
                };
                (0..64).any(|i| bits & (1 << i) != 0 && (i >= outputs || row[i].is_some()))
            };
            ensure(!answer.rows.iter().any(alien), || format!("{table}: {answer:?}"))?;
        }
    }
    Ok(())
}

/// Runs a query within a budget, unfit values deferred; the last cell of a row says which were.
async fn defer(subject: &Subject, query: &TableRead) -> Result<Answer, String> {
    let mut rendered = subject.render(query)?;
    rendered.defer_unfit = true;
    let source = Budgeted::new(subject.connector.clone(), Budget::default());
    let stream = source.open(&rendered, &context()).await.map_err(|e| told("open", &e))?;
    let answer = collect(stream).await.map_err(|error| told("read", &error))?;
    ensure(answer.schema == rendered.schema(), || format!("{:?}", answer.schema))?;
    let last = answer.schema.fields().last();
    ensure(last.is_some_and(|f| f.name() == UNFIT && *f.data_type() == DataType::UInt64), || {
        format!("the last column is {last:?}")
    })?;
    Ok(answer)
}

pub(super) async fn batches(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let big = subject.table("big")?;
    let rendered = subject.render(&select_all(&big))?;
    for batch_rows in [1, 7, 8_192, usize::MAX] {
        let context = ExecutionContext { batch_rows, ..context() };
        let stream = subject.connector.open(&rendered, &context).await;
        let mut stream = stream.map_err(|error| told("open", &error))?;
        let (mut rows, mut sum) = (0, 0_i128);
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| told("read", &error))?;
            ensure(batch.num_rows() <= batch_rows, || format!("{} rows", batch.num_rows()))?;
            rows += batch.num_rows();
            for row in crate::cells::rows(&batch)? {
                if let Some(Value::Integer(id)) = row[0] {
                    sum += i128::from(id);
                }
            }
        }
        ensure((rows, sum) == (20_000, 200_010_000), || format!("{rows} rows, sum {sum}"))?;
    }
    let empty = subject.run(&select_all(&subject.table("empty")?)).await?;
    ensure(empty.count == 0 && empty.schema.fields().len() == 2, || format!("{empty:?}"))
}
