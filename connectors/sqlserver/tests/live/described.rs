//! Discovery and types beyond those of the conformance suite, over an engine that runs T-SQL. Without
//! PostgreSQL the test says so and passes, unless `CELOSIA_REQUIRE_SOURCES` names `sqlserver`.

use crate::support::{READER, fetch};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type};
use arrow_schema::DataType;
use celosia_connector_api::render::{is_pushable, render};
use celosia_connector_api::{
    Comparison, Connector, OperandClass, OutputColumn, Predicate, TableDescription, TableKind,
    TableRead, Value,
};
use celosia_connector_sqlserver::{SqlServerConfig, SqlServerConnector};
use celosia_connector_testkit::cluster::PostgresCluster;
use celosia_connector_testkit::double::tds::{TdsDouble, TdsOptions};
use celosia_connector_testkit::double::tsql::TsqlEngine;
use std::sync::Arc;

const SCRIPT: &str = "
CREATE SCHEMA [far];
GO
CREATE TABLE [far].[targets] ([id] int NOT NULL PRIMARY KEY, [v] varchar(20));
INSERT INTO [far].[targets] VALUES (1, 'one');
CREATE TABLE [dbo].[kinds] (
  [id] int NOT NULL PRIMARY KEY,
  [v] varchar(20) COLLATE Latin1_General_CI_AS,
  [c] char(6),
  [m] money,
  [n] smallmoney,
  [x] xml,
  [t] tinyint,
  [r] real,
  [s] smalldatetime,
  [a] decimal(18, 4),
  [b] decimal(38, 20)
);
INSERT INTO [dbo].[kinds] VALUES
  (1, 'Abc', 'ab', 922337203685477.5807, 1.5, N'<a/>', 255, 0.5, '2024-02-29 12:34:00', 1.5, 1.5),
  (2, 'abc', 'ab', -0.0001, 1.5, NULL, 0, 0.5, NULL, 1.5, 1.50000000000000000001),
  (3, 'abc ', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE SYNONYM [dbo].[near] FOR [far].[targets];
GO
";

async fn described() -> Option<(TdsDouble, SqlServerConnector, Vec<TableDescription>)> {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(reason) => {
            let required = std::env::var("CELOSIA_REQUIRE_SOURCES");
            assert!(!required.is_ok_and(|sources| sources.contains("sqlserver")), "{reason}");
            eprintln!("skipped: {reason}");
            return None;
        }
    };
    let engine = TsqlEngine::start(cluster).await.unwrap();
    engine.load(SCRIPT).await.unwrap();
    let double = TdsDouble::start(engine, TdsOptions::default()).await.unwrap();
    let (port, authority) = (double.port(), double.authority_file().unwrap());
    let trust = authority.display();
    let url = format!("sqlserver://{READER}@127.0.0.1:{port}/celosia?trust_certificate={trust}");
    let mut config = SqlServerConfig::parse(&url).unwrap();
    config.schemas = vec!["dbo".to_string()];
    let connector = SqlServerConnector::new(config).unwrap();
    let found = connector.describe().await.unwrap();
    assert!(found.server.starts_with("Microsoft SQL Server"), "{}", found.server);
    Some((double, connector, found.tables))
}

#[tokio::test(flavor = "multi_thread")]
async fn synonyms_and_kinds_are_described_and_read() {
    let Some((double, connector, tables)) = described().await else { return };
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["kinds", "near"]);
    let near = &tables[1];
    assert_eq!((near.schema.as_str(), near.kind), ("dbo", TableKind::Table));
    assert_eq!((&near.primary_key[..], near.columns.len()), (&["id".to_string()][..], 2));
    let kinds = &tables[0];
    let native: Vec<&str> = kinds.columns.iter().map(|c| c.native_type.as_str()).collect();
    let expected = [
        "int",
        "varchar(20)",
        "char(6)",
        "money",
        "smallmoney",
        "xml",
        "tinyint",
        "real",
        "smalldatetime",
        "decimal(18,4)",
        "decimal(38,20)",
    ];
    assert_eq!(native, expected);
    assert_eq!(kinds.columns[1].collation.as_deref(), Some("Latin1_General_CI_AS"));
    assert_eq!(kinds.columns[2].class, OperandClass::Opaque);
    let rows = rows(&connector, kinds, None).await;
    assert_eq!(rows.column(3).as_primitive::<Decimal128Type>().value(0), i128::from(i64::MAX));
    assert_eq!(rows.column(3).as_primitive::<Decimal128Type>().value(1), -1);
    assert_eq!(rows.column(2).as_string::<i32>().value(0), "ab    ");
    assert_eq!(rows.column(5).as_string::<i32>().value(0), "<a/>");
    assert_eq!(*rows.column(6).data_type(), DataType::Int16);
    let near = self::rows(&connector, near, None).await;
    assert_eq!(near.column(1).as_string::<i32>().value(0), "one");
    // Seven catalog statements, whatever the number of tables.
    let statements = double.record().statements();
    let catalog =
        statements.iter().filter(|s| s.sql.contains("sys.") || s.sql.contains("@@VERSION"));
    assert_eq!(catalog.count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_pages_and_scales_are_compared_exactly() {
    let Some((_double, connector, tables)) = described().await else { return };
    let kinds = &tables[0];
    let text = |operator, text: &str| Predicate::Compare {
        column: 1,
        operator,
        value: Value::Text(text.to_string()),
    };
    let columns = |operator| Predicate::CompareColumns { left: 9, operator, right: 10 };
    let like =
        |pattern: &str| Predicate::Like { column: 1, pattern: pattern.to_string(), negated: false };
    let list = |values: &[&str], negated| Predicate::InList {
        column: 1,
        values: values.iter().map(|text| Value::Text((*text).to_string())).collect(),
        negated,
    };
    for (predicate, expected) in [
        (text(Comparison::Equal, "abc"), &[2][..]),
        (text(Comparison::Equal, "abc "), &[3]),
        (text(Comparison::NotEqual, "abc"), &[1, 3]),
        (text(Comparison::Equal, "abc日"), &[]),
        (list(&["abc", "Abc", "x"], false), &[1, 2]),
        (list(&["abc", "Abc", "x"], true), &[3]),
        (like("ab%"), &[2, 3]),
        (like("abc"), &[2]),
        (columns(Comparison::Equal), &[1]),
        (columns(Comparison::Less), &[2]),
        (columns(Comparison::GreaterOrEqual), &[1]),
    ] {
        let found = rows(&connector, kinds, Some(predicate.clone())).await;
        let mut ids: Vec<i32> = found.column(0).as_primitive::<Int32Type>().values().to_vec();
        ids.sort_unstable();
        assert_eq!(ids, expected, "{predicate:?}");
    }
}

async fn rows(
    connector: &SqlServerConnector,
    table: &TableDescription,
    predicate: Option<Predicate>,
) -> arrow_array::RecordBatch {
    let classes: Vec<OperandClass> = table.columns.iter().map(|column| column.class).collect();
    let sent = |predicate: &Predicate| is_pushable(connector.dialect(), predicate, &classes);
    assert!(predicate.iter().all(sent), "{predicate:?}");
    let query = TableRead {
        table: Arc::new(table.clone()),
        row_filter: None,
        output: (0..table.columns.len()).map(OutputColumn::open).collect(),
        predicate,
        order: vec![],
        limit: None,
    };
    let rendered = render(connector.dialect(), &query).unwrap();
    let batches = fetch(connector, &rendered).await.unwrap();
    let empty = arrow_array::RecordBatch::new_empty(rendered.schema());
    batches.into_iter().next().unwrap_or(empty)
}
