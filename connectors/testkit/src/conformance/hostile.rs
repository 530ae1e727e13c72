//! Names that break out of careless quoting.

use super::{Outcome, ensure};

use crate::fixture::Fixture;
use crate::subject::{Subject, by_id, classes, same_rows, select, select_all};
use celosia_connector_api::render::{can_mask, is_pushable};
use celosia_connector_api::{Comparison, Feature, Mask, Predicate, SortKey, Value};

pub(super) async fn names(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let dialect = subject.connector.dialect();
    let table = fixture.table(fixture.hostile());
    let described = subject.table(table.name)?;
    let found = by_id(subject.run(&select_all(&described)).await?.rows);
    same_rows("plain", &found, &table.rows)?;
    for column in 1..table.columns.len() {
        let name = table.columns[column].0;
        let value = table.rows[1][column].clone().ok_or("a cell of the suite is NULL")?;
        let predicate = Predicate::Compare { column, operator: Comparison::Equal, value };
        let mut query = select_all(&described);
        if is_pushable(dialect, &predicate, &classes(&described)) {
            query.row_filter = Some(predicate.clone());
            query.output[column].visible = Some(predicate.clone());
            query.predicate = Some(predicate);
            let found = subject.run(&query).await?.rows;
            same_rows(name, &found, &table.rows[1..2])?;
        }
        query = select(&described, &[0, column]);
        query.output[1].mask = Some(Mask::Redact);
        if can_mask(dialect, &query.output[1], &described) {
            let found = subject.run(&query).await?;
            let shown = Some(Value::Text("[redacted]".to_string()));
            ensure(found.rows.iter().all(|row| row[1] == shown), || format!("{name}: {found:?}"))?;
            ensure(found.schema.field(1).name() == name, || format!("{:?}", found.schema))?;
        }
        if dialect.capabilities().has(Feature::Sort(described.columns[column].class)) {
            query = select(&described, &[0, column]);
            query.order = vec![SortKey { output: 1, descending: true, nulls_first: false }];
            let found = subject.run(&query).await?.rows;
            ensure(found.first().map(|row| &row[0]) == Some(&Some(Value::Integer(3))), || {
                format!("by {name}: {found:?}")
            })?;
        }
    }
    Ok(())
}
