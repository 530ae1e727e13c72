//! ORDER BY with the place of NULLs, and LIMIT.

use super::{Outcome, ensure};
use crate::data::Row;
use crate::evaluate;
use crate::fixture::Fixture;
use crate::subject::{Subject, by_id, same_rows, select, select_all};
use celosia_connector_api::{Feature, OperandClass, SortKey};

pub(super) async fn sorts(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let can = subject.connector.dialect().capabilities();
    let mut sorted = 0;
    for table in fixture.tables() {
        let described = subject.table(table.name)?;
        let all = by_id(subject.run(&select_all(&described)).await?.rows);
        for (output, column) in described.columns.iter().enumerate() {
            if !can.has(Feature::Sort(column.class)) {
                continue;
            }
            for (descending, nulls_first) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let mut order = vec![SortKey { output, descending, nulls_first }];
                // Ties are told apart by the key, where whole numbers can be sorted.
                let whole = can.has(Feature::Sort(OperandClass::Integer));
                if whole && output != 0 {
                    order.push(SortKey { output: 0, descending: true, nulls_first: false });
                }
                let mut query = select_all(&described);
                query.order.clone_from(&order);
                let found = subject.run(&query).await?.rows;
                let mut expected = all.clone();
                evaluate::sort(&mut expected, &order);
                let what = format!("{} by {} {order:?}", table.name, column.name);
                same_rows(
                    &what,
                    &kept(found, output, whole),
                    &kept(expected.clone(), output, whole),
                )?;
                // The first rows of the order, which is what a limit is for.
                query.limit = Some(5);
                let found = subject.run(&query).await?.rows;
                expected.truncate(5);
                same_rows(&what, &kept(found, output, whole), &kept(expected, output, whole))?;
                sorted += 1;
            }
        }
    }
    let on = can.sort != celosia_connector_api::ClassSet::default();
    ensure(on == (sorted > 0), || format!("{sorted} orders were asked for"))
}

pub(super) async fn limits(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let big = subject.table("big")?;
    let mut query = select(&big, &[]);
    ensure(subject.run(&query).await?.count == 20_000, || "rows without columns".to_string())?;
    if !subject.connector.dialect().capabilities().has(Feature::Limit) {
        return Ok(());
    }
    for columns in [&[][..], &[0], &[1, 0]] {
        query = select(&big, columns);
        for limit in [0, 1, 17, 19_999, 20_001, u64::MAX] {
            query.limit = Some(limit);
            let answer = subject.run(&query).await?;
            let expected = usize::try_from(limit.min(20_000)).unwrap_or(0);
            ensure(
                answer.count == expected && answer.schema.fields().len() == columns.len(),
                || format!("limit {limit} of {columns:?}: {} rows", answer.count),
            )?;
        }
    }
    Ok(())
}

/// Whole rows, or the sorted column alone where ties may come in any order.
fn kept(rows: Vec<Row>, output: usize, whole: bool) -> Vec<Row> {
    if whole {
        return rows;
    }
    rows.into_iter().map(|row| vec![row[output].clone()]).collect()
}
