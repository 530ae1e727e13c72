//! Row filter, cell filter, mask, predicate, order and limit in one statement.

use super::Outcome;
use crate::data::{self, Cell, Row};
use crate::evaluate::{self, evaluate, masked};
use crate::fixture::Fixture;
use crate::subject::{Subject, by_id, column, same_rows, select_all};
use celosia_connector_api::render::{can_mask, is_pushable};
use celosia_connector_api::{
    Comparison, Feature, Mask, OperandClass, OutputColumn, Predicate, SortKey, TableRead, Value,
};

pub(super) async fn together(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let table = fixture.table("people");
    let raw = Raw::of(&table);
    let filters = [
        None,
        Some(raw.region("EU")),
        Some(Predicate::Not(Box::new(raw.region("EU")))),
        Some(Predicate::Or(vec![
            raw.region("US"),
            Predicate::IsNull { column: raw.age, negated: false },
        ])),
        Some(Predicate::Constant(false)),
    ];
    let cells = [None, Some(raw.adult()), Some(raw.region("EU")), Some(Predicate::Constant(false))];
    let masks =
        [None, Some(Mask::Email), Some(Mask::Redact), Some(Mask::Partial { first: 2, last: 0 })];
    // Over the output: id, email, region, age.
    let text =
        |column, value: &str| compare(column, Comparison::Equal, Value::Text(value.to_string()));
    let predicates = [
        None,
        Some(text(1, "***@example.org")),
        Some(Predicate::Not(Box::new(text(1, "ana@example.org")))),
        Some(Predicate::IsNull { column: 1, negated: false }),
        Some(Predicate::And(vec![text(2, "EU"), compare(3, Comparison::Less, Value::Integer(40))])),
        Some(Predicate::Or(vec![text(2, "US"), Predicate::IsNull { column: 3, negated: true }])),
    ];
    for filter in &filters {
        for cell in &cells {
            for mask in &masks {
                for predicate in &predicates {
                    let described = subject.table("people")?;
                    let seen = |column| OutputColumn {
                        visible: cell.clone(),
                        ..OutputColumn::open(column)
                    };
                    let email = OutputColumn { mask: mask.clone(), ..seen(raw.email) };
                    let query = TableRead {
                        row_filter: filter.clone(),
                        output: vec![
                            OutputColumn::open(0),
                            email,
                            OutputColumn::open(raw.region),
                            seen(raw.age),
                        ],
                        predicate: predicate.clone(),
                        ..select_all(&described)
                    };
                    agrees(&subject, &table, &query).await?;
                }
            }
        }
    }
    Ok(())
}

/// A predicate that would see raw values or hidden rows, were it not outside of the policy.
pub(super) async fn innermost(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let table = fixture.table("people");
    let raw = Raw::of(&table);
    let described = subject.table("people")?;
    let hidden = Predicate::Constant(false);
    let query = |visible: Option<Predicate>, predicate: Predicate| TableRead {
        row_filter: Some(raw.region("EU")),
        output: vec![
            OutputColumn::open(0),
            OutputColumn { visible, ..OutputColumn::open(raw.region) },
        ],
        predicate: Some(predicate),
        ..select_all(&described)
    };
    let region = |value: &str| compare(1, Comparison::Equal, Value::Text(value.to_string()));
    // Everything is EU, and where the cell is hidden nothing is.
    let asked = [
        query(None, region("US")),
        query(None, Predicate::Or(vec![region("US"), Predicate::Constant(true)])),
        query(Some(hidden.clone()), region("EU")),
        query(Some(hidden), Predicate::IsNull { column: 1, negated: false }),
    ];
    for query in asked {
        agrees(&subject, &table, &query).await?;
    }
    Ok(())
}

/// Sends the query, where all of it may be sent, and holds the answer against local evaluation.
async fn agrees(subject: &Subject, table: &data::Table, query: &TableRead) -> Outcome {
    let dialect = subject.connector.dialect();
    let stored: Vec<OperandClass> = query.table.columns.iter().map(|c| c.class).collect();
    let output: Vec<OperandClass> = (query.output.iter())
        .map(|o| {
            o.mask.as_ref().map_or(stored[o.column], |mask| mask.output_class(stored[o.column]))
        })
        .collect();
    let inner =
        query.row_filter.iter().chain(query.output.iter().filter_map(|o| o.visible.as_ref()));
    let sent = inner.into_iter().all(|p| is_pushable(dialect, p, &stored))
        && query.predicate.iter().all(|p| is_pushable(dialect, p, &output))
        && query.output.iter().all(|o| can_mask(dialect, o, &query.table));
    if !sent {
        return Ok(());
    }
    let open = |filter: &Option<Predicate>, row: &Row| {
        filter.as_ref().is_none_or(|filter| evaluate(filter, row) == Some(true))
    };
    let cell = |output: &OutputColumn, row: &Row| -> Cell {
        let shown = open(&output.visible, row);
        let cell = row[output.column].clone().filter(|_| shown);
        output.mask.as_ref().map_or(cell.clone(), |mask| masked(mask, &cell))
    };
    let mut expected: Vec<Row> = (table.rows.iter())
        .filter(|row| open(&query.row_filter, row))
        .map(|row| query.output.iter().map(|output| cell(output, row)).collect())
        .filter(|row| open(&query.predicate, row))
        .collect();
    let found = by_id(subject.run(query).await?.rows);
    same_rows(&format!("{query:?}"), &found, &expected)?;
    let can = dialect.capabilities();
    if can.has(Feature::Sort(output[0])) && can.has(Feature::Sort(output[1])) && can.limit {
        let order = [
            SortKey { output: 1, descending: true, nulls_first: true },
            SortKey { output: 0, descending: false, nulls_first: false },
        ];
        let query = TableRead { order: order.to_vec(), limit: Some(3), ..query.clone() };
        evaluate::sort(&mut expected, &order);
        expected.truncate(3);
        same_rows(&format!("{query:?}"), &subject.run(&query).await?.rows, &expected)?;
    }
    Ok(())
}

/// Columns of `people` as they are stored.
struct Raw {
    email: usize,
    region: usize,
    age: usize,
}

impl Raw {
    fn of(table: &data::Table) -> Self {
        Self {
            email: column(table, "email"),
            region: column(table, "region"),
            age: column(table, "age"),
        }
    }

    fn region(&self, value: &str) -> Predicate {
        compare(self.region, Comparison::Equal, Value::Text(value.to_string()))
    }

    fn adult(&self) -> Predicate {
        compare(self.age, Comparison::GreaterOrEqual, Value::Integer(18))
    }
}

fn compare(column: usize, operator: Comparison, value: Value) -> Predicate {
    Predicate::Compare { column, operator, value }
}
