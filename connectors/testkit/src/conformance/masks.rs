//! Masks at the source: exactly the local value, and only that value, wherever it is used.

use super::{Outcome, ensure};
use crate::data::{self, Cell, MASKED, MASKED_NUL};
use crate::evaluate::{evaluate, masked};
use crate::fixture::Fixture;
use crate::subject::{Subject, by_id, same_rows, select_all};
use celosia_connector_api::render::{can_mask, is_pushable};
use celosia_connector_api::{Comparison, Mask, OutputColumn, Predicate, TableRead, Value};

pub(super) async fn each(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let nul = fixture.stores_nul();
    let table = fixture.table("secrets");
    let described = subject.table("secrets")?;
    let extra = if nul { MASKED_NUL } else { &[] };
    let cases: Vec<&[&str; 5]> = MASKED.iter().chain(extra).collect();
    for (mask, shown) in shown_masks() {
        let mut query = select_all(&described);
        query.output[1].mask = Some(mask.clone());
        if !can_mask(subject.connector.dialect(), &query.output[1], &described) {
            continue;
        }
        let found = by_id(subject.run(&query).await?.rows);
        let expected: Vec<_> = (table.rows.iter().enumerate())
            .map(|(at, row)| {
                // What is not stored as text shows nothing.
                let cell = cases.get(at).filter(|_| row[1].is_some()).and_then(|case| shown(case));
                ensure(cell == masked(&mask, &row[1]), || {
                    format!("the suite disagrees: {cell:?}")
                })?;
                Ok(vec![row[0].clone(), cell])
            })
            .collect::<Result<_, String>>()?;
        same_rows(&format!("{mask:?}"), &found, &expected)?;
    }
    other_types(&subject, fixture).await?;
    long_text(&subject, fixture).await
}

/// Awkward text of every shape under every width.
async fn long_text(subject: &Subject, fixture: &dyn Fixture) -> Outcome {
    let table = fixture.table("texts");
    let described = subject.table("texts")?;
    let widths = [(0, 0), (1, 0), (0, 1), (1, 1), (3, 4), (255, 255)];
    let partials = widths.map(|(first, last)| Mask::Partial { first, last });
    for mask in partials.into_iter().chain([Mask::Email, Mask::Redact, Mask::Null]) {
        let mut query = select_all(&described);
        query.output[1].mask = Some(mask.clone());
        if !can_mask(subject.connector.dialect(), &query.output[1], &described) {
            continue;
        }
        let found = by_id(subject.run(&query).await?.rows);
        let masked_row =
            |row: &data::Row| vec![row[0].clone(), masked(&mask, &row[1]), row[2].clone()];
        let expected: Vec<_> = table.rows.iter().map(masked_row).collect();
        same_rows(&format!("{mask:?}"), &found, &expected)?;
    }
    Ok(())
}

/// NULL and constants over every type that they fit.
async fn other_types(subject: &Subject, fixture: &dyn Fixture) -> Outcome {
    let constants = [
        Value::Integer(0),
        Value::Integer(i64::MAX),
        Value::Boolean(true),
        Value::Float(0.5),
        Value::Float(0.0),
        Value::Decimal { unscaled: 15, scale: 1 },
        Value::Text("it's\"".to_string()),
        Value::Text(String::new()),
        Value::Bytes(vec![0, 255]),
        Value::Date(0),
        Value::Timestamp(1),
        Value::TimestampUtc(-1),
    ];
    let masks: Vec<Mask> = constants.into_iter().map(Mask::Constant).chain([Mask::Null]).collect();
    for table in fixture.tables() {
        let described = subject.table(table.name)?;
        for column in 1..table.columns.len() {
            for mask in masks.iter().filter(|mask| mask.fits(&described.columns[column].data_type))
            {
                let mut query = select_all(&described);
                query.output[column].mask = Some(mask.clone());
                if !can_mask(subject.connector.dialect(), &query.output[column], &described) {
                    continue;
                }
                let found = by_id(subject.run(&query).await?.rows);
                let what = format!("{}.{} {mask:?}", table.name, table.columns[column].0);
                for (found, stored) in found.iter().zip(&table.rows) {
                    let expected = masked(mask, &stored[column]);
                    let same = match (&found[column], &expected) {
                        (Some(a), Some(b)) => crate::evaluate::same(a, b),
                        (a, b) => a == b,
                    };
                    ensure(same, || format!("{what}: {:?} for {expected:?}", found[column]))?;
                }
                ensure(found.len() == table.rows.len(), || {
                    format!("{what}: {} rows", found.len())
                })?;
            }
        }
    }
    Ok(())
}

pub(super) async fn compared(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let dialect = subject.connector.dialect();
    let table = fixture.table("people");
    let described = subject.table("people")?;
    let email = data_column(&table, "email");
    for mask in [Mask::Email, Mask::Redact, Mask::Partial { first: 1, last: 0 }, Mask::Null] {
        let query = TableRead {
            output: vec![OutputColumn::open(0), OutputColumn::masked(email, mask.clone())],
            ..select_all(&described)
        };
        if !can_mask(dialect, &query.output[1], &described) {
            continue;
        }
        let class = mask.output_class(described.columns[email].class);
        let classes = [described.columns[0].class, class];
        let governed: Vec<data::Row> =
            table.rows.iter().map(|row| vec![row[0].clone(), masked(&mask, &row[email])]).collect();
        for value in ["***@example.org", "ana@example.org", "[redacted]", "a****", ""] {
            for operator in [Comparison::Equal, Comparison::NotEqual, Comparison::Less] {
                let value = Value::Text(value.to_string());
                let predicate = Predicate::Compare { column: 1, operator, value };
                if !is_pushable(dialect, &predicate, &classes) {
                    continue;
                }
                let open = |row: &&data::Row| evaluate(&predicate, row) == Some(true);
                let expected: Vec<data::Row> = governed.iter().filter(open).cloned().collect();
                let query = TableRead { predicate: Some(predicate.clone()), ..query.clone() };
                let found = by_id(subject.run(&query).await?.rows);
                same_rows(&format!("{mask:?} {predicate:?}"), &found, &expected)?;
            }
        }
    }
    Ok(())
}

type Shown = fn(&[&str; 5]) -> Cell;

fn shown_masks() -> [(Mask, Shown); 7] {
    fn text(text: &str) -> Cell {
        Some(Value::Text(text.to_string()))
    }
    [
        (Mask::Null, |_| None),
        (Mask::Redact, |_| text("[redacted]")),
        (Mask::Constant(Value::Text("x".to_string())), |_| text("x")),
        (Mask::Email, |case| text(case[1])),
        (Mask::Partial { first: 0, last: 4 }, |case| text(case[2])),
        (Mask::Partial { first: 3, last: 0 }, |case| text(case[3])),
        (Mask::Partial { first: 2, last: 2 }, |case| text(case[4])),
    ]
}

fn data_column(table: &data::Table, name: &str) -> usize {
    crate::subject::column(table, name)
}
