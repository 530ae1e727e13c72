//! Discovery.

use super::{Outcome, ensure};
use crate::fixture::Fixture;
use crate::subject::{Subject, told};
use celosia_connector_api::{ForeignKey, TableKind};

pub(super) async fn ping(fixture: &dyn Fixture) -> Outcome {
    fixture.connector().ping().await.map_err(|error| told("ping", &error))
}

pub(super) async fn tables(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    ensure(!subject.description.server.is_empty(), || "the server has no name".to_string())?;
    let names: Vec<(&str, &str)> =
        subject.description.tables.iter().map(|t| (t.schema.as_str(), t.name.as_str())).collect();
    ensure(names.is_sorted(), || format!("not in order: {names:?}"))?;
    ensure(names.windows(2).all(|pair| pair[0] != pair[1]), || format!("twice: {names:?}"))?;
    let views = ["shop_names", "slow", "endless"];
    for (name, kind) in all_tables(fixture)
        .map(|name| (name, TableKind::Table))
        .chain(views.map(|name| (name, TableKind::View)))
    {
        let found = subject.table(name)?;
        ensure(found.kind == kind, || format!("{name} is a {:?}", found.kind))?;
    }
    let big = subject.table("big")?.row_estimate;
    ensure(big.is_none_or(|rows| (1_000..=100_000).contains(&rows)), || {
        format!("big: {big:?} rows")
    })
}

pub(super) async fn columns(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    for table in fixture.tables() {
        let found = subject.table(table.name)?;
        let names: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
        let expected: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        ensure(names == expected, || format!("{}: {names:?}", table.name))?;
        for (column, (name, kind)) in found.columns.iter().zip(&table.columns) {
            let expected = fixture.data_type(*kind);
            ensure(column.data_type == expected, || {
                format!("{}.{name}: {} for {expected}", table.name, column.data_type)
            })?;
            ensure(!column.native_type.is_empty(), || format!("{name} has no native type"))?;
        }
    }
    let nullable = |table: &str, column: &str| -> Result<bool, String> {
        let table = subject.table(table)?;
        let found = table.columns.iter().find(|c| c.name == column);
        found.map(|c| c.nullable).ok_or_else(|| format!("no column {column}"))
    };
    ensure(!nullable("people", "name")?, || "people.name is NOT NULL".to_string())?;
    ensure(!nullable("people", "id")?, || "people.id is a key".to_string())?;
    ensure(nullable("people", "email")?, || "people.email may be NULL".to_string())
}

pub(super) async fn keys(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    for name in all_tables(fixture).filter(|name| *name != "regions") {
        let found = subject.table(name)?;
        ensure(found.primary_key == ["id"], || format!("{name}: {:?}", found.primary_key))?;
    }
    let regions = &subject.table("regions")?.primary_key;
    ensure(regions == &["code", "country"], || format!("not in key order: {regions:?}"))?;
    let shops = &subject.table("shops")?.unique_keys;
    ensure(shops == &[["region", "name"]], || format!("not the keys of every row: {shops:?}"))?;
    let key = |columns: &[&str], table: &str, referenced: &[&str]| ForeignKey {
        columns: columns.iter().map(ToString::to_string).collect(),
        referenced_schema: fixture.schema().to_string(),
        referenced_table: table.to_string(),
        referenced_columns: referenced.iter().map(ToString::to_string).collect(),
    };
    let expected = [
        ("shops", vec![key(&["region", "country"], "regions", &["code", "country"])]),
        ("staff", vec![key(&["boss"], "staff", &["id"]), key(&["shop"], "shops", &["id"])]),
        ("people", vec![]),
        ("shop_names", vec![]),
    ];
    for (table, expected) in expected {
        let mut found = subject.table(table)?.foreign_keys.clone();
        found.sort_by(|a, b| a.columns.cmp(&b.columns));
        ensure(found == expected, || format!("{table}: {found:?}"))?;
    }
    Ok(())
}

pub(super) async fn comments(fixture: &dyn Fixture) -> Outcome {
    if !fixture.keeps_comments() {
        return Ok(());
    }
    let people = Subject::new(fixture).await?.table("people")?;
    let region = people.columns.iter().find(|column| column.name == "region");
    let found = (people.comment.as_deref(), region.and_then(|column| column.comment.as_deref()));
    let expected = (Some("Customers of the shops"), Some("Where the person's data may be read"));
    ensure(found == expected, || format!("{found:?}"))?;
    ensure(people.columns[0].comment.is_none(), || "people.id has no comment".to_string())
}

/// Base tables whose key is described.
fn all_tables(fixture: &dyn Fixture) -> impl Iterator<Item = &'static str> {
    let others = ["empty", "regions", "shops", "staff", "big"];
    fixture.tables().into_iter().map(|table| table.name).chain(others)
}
