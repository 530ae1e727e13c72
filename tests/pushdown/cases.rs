//! Every entry of a dialect's list, at the source and here.

use super::fixture::{difference, pair};
use crate::support::block_on;
use crate::support::load::Store;
use celosia_connector_api::functions::CORE_CASES;
use celosia_connector_api::{Dialect, FunctionKind};
use celosia_connector_oracle::OracleDialect;
use celosia_connector_postgres::PostgresDialect;
use celosia_connector_sqlite::SqliteDialect;
use celosia_connector_sqlserver::SqlServerDialect;

/// The statement that shows a case.
fn statement(kind: FunctionKind, case: &str) -> String {
    match kind {
        FunctionKind::Aggregate => format!("SELECT s, {case} AS v FROM cases GROUP BY s"),
        _ => format!("SELECT id, {case} AS v FROM cases"),
    }
}

async fn failures(store: Store, dialect: &dyn Dialect) -> (usize, Vec<String>) {
    let Some(pair) = pair(store).await else { return (0, Vec::new()) };
    let rules = dialect.functions().iter().map(|rule| (rule.name, rule.kind, rule.case));
    let core = CORE_CASES.iter().map(|(name, case)| (*name, FunctionKind::Scalar, *case));
    let core = core.filter(|_| dialect.relational().join);
    let (mut count, mut failures) = (0, Vec::new());
    for (name, kind, case) in rules.chain(core) {
        let sql = statement(kind, case);
        count += 1;
        let (pushed, local) = pair.ask(&sql).await;
        if local.error().is_some() || pushed.unordered() != local.unordered() {
            failures.push(format!(
                "{store:?} {name}: {sql}\n  {}\n{}",
                pushed.sources,
                difference(&pushed.unordered(), &local.unordered())
            ));
            continue;
        }
        // That the source computed it is seen in the plan, which has nothing else to do.
        let kept = pair.stays_here(&sql).await;
        if let Some(line) = kept.first() {
            failures.push(format!("{store:?} {name}: {sql}\n  stayed here: {line}\n  {kept:?}"));
        }
    }
    (count, failures)
}

fn check(store: Store, dialect: &dyn Dialect) {
    let (count, failures) = block_on(failures(store, dialect));
    println!("{count} cases of {store:?}");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn what_is_on_postgresqls_list_gives_the_local_answer() {
    check(Store::Postgres, &PostgresDialect);
}

#[test]
fn what_is_on_sqlites_list_gives_the_local_answer() {
    check(Store::Sqlite, &SqliteDialect);
}

#[test]
fn what_is_on_sql_servers_list_gives_the_local_answer() {
    check(Store::SqlServer, &SqlServerDialect);
}

#[test]
fn what_is_on_oracles_list_gives_the_local_answer() {
    check(Store::Oracle, &OracleDialect::of(true, 23));
}
