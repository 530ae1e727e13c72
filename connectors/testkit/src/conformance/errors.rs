//! What may not succeed, and what is said of it.

use super::{Outcome, ensure};
use crate::fixture::Fixture;
use crate::subject::{Subject, by_id, same_rows, select, select_all};
use arrow_schema::DataType;
use celosia_connector_api::query::RenderedColumn;
use celosia_connector_api::{ConnectorError, ErrorCode, RenderedQuery};
use std::sync::Arc;

/// A name that only a driver's own words could bring into a public text.
const NOWHERE: &str = "no_such_thing_4711";

pub(super) async fn writes(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let before = fixture.state().await;
    let schema = fixture.schema();
    let common = [
        format!("INSERT INTO {schema}.people (id, name) VALUES (99, 'x')"),
        format!("UPDATE {schema}.people SET name = 'x'"),
        format!("DELETE FROM {schema}.people"),
        format!("CREATE TABLE {schema}.written (id integer)"),
        format!("DROP TABLE {schema}.people"),
        format!("ALTER TABLE {schema}.people ADD COLUMN written integer"),
    ];
    for sql in common.into_iter().chain(fixture.writes()) {
        let column = RenderedColumn { name: "id".to_string(), data_type: DataType::Int64 };
        let query = statement(&sql, vec![column]);
        match subject.execute(&query).await {
            Ok(answer) => return Err(format!("{sql} gave {} rows", answer.count)),
            Err(error) => says_nothing(&error, &["people", "written"])?,
        }
    }
    let people = fixture.table("people");
    let found = by_id(subject.run(&select_all(&subject.table("people")?)).await?.rows);
    same_rows("after the attempts", &found, &people.rows)?;
    let tables = |subject: &Subject| -> Vec<String> {
        subject.description.tables.iter().map(|table| table.name.clone()).collect()
    };
    let after = Subject::new(fixture).await?;
    ensure(tables(&subject) == tables(&after), || format!("{:?}", tables(&after)))?;
    let state = fixture.state().await;
    ensure(before == state, || format!("{before} became {state}"))
}

pub(super) async fn stale(fixture: &dyn Fixture) -> Outcome {
    let subject = Subject::new(fixture).await?;
    let mut gone = (*subject.table("people")?).clone();
    gone.name = NOWHERE.to_string();
    let mut lost = (*subject.table("people")?).clone();
    lost.columns[1].name = NOWHERE.to_string();
    for table in [Arc::new(gone), Arc::new(lost)] {
        for masked in [false, true] {
            let mut query = select(&table, &[0, 1]);
            query.row_filter = masked.then_some(celosia_connector_api::Predicate::Constant(true));
            match subject.execute(&subject.render(&query)?).await {
                Ok(answer) => return Err(format!("a name that is not there gave {answer:?}")),
                Err(error) => {
                    ensure(error.code == ErrorCode::CatalogOutdated, || format!("{error:?}"))?;
                    says_nothing(&error, &[NOWHERE])?;
                }
            }
        }
    }
    let broken = statement(&format!("SELEKT {NOWHERE}"), vec![]);
    match subject.execute(&broken).await {
        Ok(_) => Err("nonsense was run".to_string()),
        Err(error) => {
            ensure(error.code == ErrorCode::QueryFailed, || format!("{error:?}"))?;
            says_nothing(&error, &[NOWHERE, "SELEKT"])
        }
    }
}

fn statement(sql: &str, columns: Vec<RenderedColumn>) -> RenderedQuery {
    RenderedQuery {
        sql: sql.to_string(),
        parameters: vec![],
        columns,
        defer_unfit: false,
        rows_hint: None,
        splits: None,
    }
}

/// The public text is the code's own, without names or words of a driver.
fn says_nothing(error: &ConnectorError, names: &[&str]) -> Outcome {
    let public = error.to_string();
    let own = ConnectorError::new(error.code, "").to_string();
    ensure(public == own, || format!("{public:?} is not the text of {:?}", error.code))?;
    let told = names
        .iter()
        .chain(&["sqlite", "sqlx", "postgres", "syntax"])
        .find(|w| public.contains(**w));
    ensure(told.is_none(), || format!("{told:?} is in {public:?}"))
}
