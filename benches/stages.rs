//! Stages of an answer, one by one: rendering a page, and whole statements through the public engine over
//! SQLite. What clients see over HTTP and stdio is measured by `end_to_end/run.py`.

// Measurements stop at the first thing that does not work.
#![allow(clippy::unwrap_used)]

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::{Field, Schema};
use celosia::app::Assembly;
use celosia::config::Config;
use celosia::identity::establish_local;
use celosia::model::{ColumnInfo, Page, Principal};
use celosia::query::{Engine, Parameters, QueryRequest};
use celosia::results::render;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of the rendered page, and orders in the database.
const ROWS: i32 = 10_000;

fn rendering(criterion: &mut Criterion) {
    let page = orders();
    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Elements(page.row_count as u64)).sample_size(30);
    group.bench_function("10,000 rows x 9", |bencher| {
        bencher.iter_with_large_drop(|| render(black_box(&page)).unwrap());
    });
    let rendered = render(&page).unwrap();
    group.bench_function("10,000 rows x 9, to JSON", |bencher| {
        bencher.iter_with_large_drop(|| serde_json::to_vec(&rendered.structured).unwrap());
    });
    group.finish();
}

fn statements(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let lab = Lab::new(&runtime);
    let mut group = criterion.benchmark_group("engine over SQLite");
    group.sample_size(30).measurement_time(Duration::from_secs(3));
    let mut measure = |name: &str, rows: usize, sql: &dyn Fn(i32) -> String| {
        let mut turn = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    turn += 1;
                    QueryRequest { sql: sql(turn), ..QueryRequest::default() }
                },
                |request| assert_eq!(lab.ask(&runtime, request), rows),
                BatchSize::SmallInput,
            );
        });
    };
    measure("SELECT 1", 1, &|_| "SELECT 1 AS one".into());
    // No two are the same text, as with a model that writes its statements.
    measure("key look-up, another key each time", 1, &|turn| {
        format!("SELECT * FROM shop.main.orders WHERE id = {}", turn * 7_919 % ROWS)
    });
    measure("key look-up, the same key", 1, &|_| {
        "SELECT * FROM shop.main.orders WHERE id = 4711".into()
    });
    measure("key look-up with row filter and mask", 1, &|turn| {
        format!("SELECT * FROM shop.main.customers WHERE id = {}", turn * 7_919 % ROWS / 2 * 2)
    });
    measure("1,000 rows x 5", 1_000, &|_| {
        "SELECT * FROM shop.main.orders ORDER BY id LIMIT 1000".into()
    });
    measure("group by", 7, &|_| {
        "SELECT status, count(*), sum(total) FROM shop.main.orders GROUP BY status".into()
    });
    group.bench_function("key look-up, key as a parameter", |bencher| {
        let mut turn = 0;
        bencher.iter(|| {
            turn += 1;
            let request = QueryRequest {
                sql: "SELECT * FROM shop.main.orders WHERE id = $1".into(),
                parameters: Parameters::Positional(vec![(turn * 7_919 % ROWS).into()]),
                ..QueryRequest::default()
            };
            assert_eq!(lab.ask(&runtime, request), 1);
        });
    });
    group.finish();
}

/// An engine over one SQLite file, governed and audited, in a directory that goes with it.
struct Lab {
    engine: Arc<Engine>,
    principal: Principal,
    _directory: TempDir,
}

const CONFIG: &str = r#"
version: 1
identity:
  local: { user: ana, roles: [analyst] }
sources:
  shop: { kind: sqlite, url: "sqlite:shop.db" }
roles:
  analyst:
    open:
      - { tables: shop.main.orders }
      - { tables: shop.main.customers, rows: "region = 'EU'" }
masking_rules: masking-rules/
audit: { store: "sqlite:audit.db" }
limits: { rows: 20000, bytes: 64MiB }
"#;

const RULES: &str = r#"
version: 1
masks:
  - { name: emails, columns: ["shop.main.customers.email"], mask: email }
"#;

impl Lab {
    fn new(runtime: &Runtime) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path();
        std::fs::create_dir(path.join("masking-rules")).unwrap();
        std::fs::write(path.join("masking-rules/people.yaml"), RULES).unwrap();
        let file = path.join("celosia.yaml");
        std::fs::write(&file, CONFIG).unwrap();
        let engine = runtime.block_on(async {
            load(&path.join("shop.db")).await;
            let config = Config::load(&file).unwrap();
            let assembly = Assembly::of(&config).await.unwrap();
            assembly.engine(&config).await.unwrap()
        });
        let principal = establish_local("ana", ["analyst".into()], Default::default());
        Self { engine, principal, _directory: directory }
    }

    /// Asks, and says how many rows came.
    fn ask(&self, runtime: &Runtime, request: QueryRequest) -> usize {
        let answer = self.engine.query(&self.principal, request, CancellationToken::new());
        runtime.block_on(answer).unwrap().page.row_count
    }
}

async fn load(file: &Path) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let script = format!(
        "CREATE TABLE orders (
             id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, status TEXT NOT NULL,
             total DECIMAL(12, 2) NOT NULL, comment TEXT);
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS} - 1)
         INSERT INTO orders SELECT i, i % 1000, 'status ' || (i % 7), i * 1.25, 'carefully final ' || i FROM n;
         CREATE TABLE customers (
             id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, region TEXT NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS} - 1)
         INSERT INTO customers SELECT i, 'Person ' || i, 'p' || i || '@example.com',
             CASE WHEN i % 2 = 0 THEN 'EU' ELSE 'US' END FROM n;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// 10,000 orders as TPC-H has them.
fn orders() -> Page {
    let numbers = || 0..ROWS;
    let text = |make: &dyn Fn(i32) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(numbers().map(make)))
    };
    let totals = Decimal128Array::from_iter_values(numbers().map(|i| i128::from(i) * 7_919));
    let columns: Vec<(&str, &str, ArrayRef)> = vec![
        ("o_orderkey", "bigint", Arc::new(Int64Array::from_iter_values(numbers().map(i64::from)))),
        ("o_custkey", "integer", Arc::new(Int32Array::from_iter_values(numbers()))),
        ("o_orderstatus", "text", text(&|i| ["O", "F", "P"][i as usize % 3].into())),
        ("o_totalprice", "numeric", Arc::new(totals.with_precision_and_scale(15, 2).unwrap())),
        (
            "o_orderdate",
            "date",
            Arc::new(Date32Array::from_iter_values(numbers().map(|i| 8_036 + i % 2_400))),
        ),
        (
            "o_orderpriority",
            "text",
            text(&|i| ["1-URGENT", "4-NOT SPECIFIED"][i as usize % 2].into()),
        ),
        ("o_clerk", "text", text(&|i| format!("Clerk#{:09}", i % 1_000))),
        ("o_shippriority", "integer", Arc::new(Int32Array::from_iter_values(numbers().map(|_| 0)))),
        ("o_comment", "text", text(&|i| format!("carefully final deposits sleep above the {i}"))),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, _, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let infos = columns.iter().map(|(name, kind, _)| ColumnInfo {
        name: (*name).into(),
        type_name: (*kind).into(),
        masked: None,
    });
    let infos = infos.collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    Page {
        columns: infos,
        row_count: batch.num_rows(),
        batches: vec![batch],
        offset: 0,
        truncated: false,
        handle: None,
    }
}

criterion_group!(stages, rendering, statements);
criterion_main!(stages);
