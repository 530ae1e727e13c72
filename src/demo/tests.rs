//! The demo as a whole: the same everywhere, made once, mended when it is damaged.

use super::*;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Row};

struct Demo {
    files: DemoFiles,
    _directory: tempfile::TempDir,
}

async fn demo() -> Demo {
    let directory = tempfile::tempdir().unwrap();
    let files = prepare(&directory.path().join("demo")).await.unwrap();
    Demo { files, _directory: directory }
}

impl Demo {
    async fn rows(&self, database: &str, sql: &str) -> Vec<Vec<String>> {
        rows(&self.files.directory.join(database), sql).await
    }

    async fn value(&self, database: &str, sql: &str) -> String {
        self.rows(database, sql).await.remove(0).remove(0)
    }
}

/// The rows of a statement whose every column is text.
async fn rows(path: &Path, sql: &str) -> Vec<Vec<String>> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    let text = |row: &sqlx::sqlite::SqliteRow, i| {
        row.try_get_unchecked::<Option<String>, _>(i).unwrap().unwrap_or_else(|| "NULL".into())
    };
    rows.iter().map(|row| (0..row.len()).map(|i| text(row, i)).collect()).collect()
}

const TABLES: [(&str, &str, usize); 6] = [
    ("shop.db", "customers", 500),
    ("shop.db", "products", 60),
    ("shop.db", "orders", 4_000),
    ("shop.db", "order_items", 9_874),
    ("support.db", "agents", 12),
    ("support.db", "tickets", 1_200),
];

#[tokio::test]
async fn two_demos_hold_the_same_rows() {
    let (one, two) = (demo().await, demo().await);
    assert!(one.files.built && two.files.built);
    for (database, table, count) in TABLES {
        let sql = format!("SELECT * FROM {table} ORDER BY id");
        let rows = one.rows(database, &sql).await;
        assert_eq!(rows.len(), count, "{table}");
        assert_eq!(rows, two.rows(database, &sql).await, "{table}");
    }
    // A change of the generator is a new version of the files, so that it reaches those who have one.
    let first = one.rows("shop.db", "SELECT name, email, region FROM customers LIMIT 1").await;
    assert_eq!((database::VERSION, first[0][0].as_str()), (1, "Renée Brooks"));
    for key in Role::ALL {
        assert_ne!(one.files.key(key), two.files.key(key));
    }
}

#[tokio::test]
async fn a_second_run_finds_everything() {
    let demo = demo().await;
    let directory = &demo.files.directory;
    let files = |directory: &Path| -> Vec<_> {
        let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = entries
            .map(|file| (file.file_name(), file.metadata().unwrap().modified().unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files(directory);
    let again = prepare(directory).await.unwrap();
    assert!(!again.built);
    assert_eq!(again.keys, demo.files.keys);
    assert_eq!(files(directory), before);
    let names: Vec<_> = before.iter().filter_map(|(name, _)| name.to_str()).collect();
    let expected = [
        ".celosia-demo",
        "celosia.yaml",
        "demo-keys.txt",
        "keys.yaml",
        "masking-rules",
        "policy-tests",
        "pseudonym.key",
        "schemas",
        "shop.db",
        "support.db",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn a_damaged_or_older_file_is_made_again() {
    let demo = demo().await;
    let path = demo.files.directory.join("support.db");
    let good = rows(&path, "SELECT * FROM tickets").await;
    let whole = std::fs::read(&path).unwrap();
    let mut overwritten = whole.clone();
    overwritten[8192..16384].fill(0xA5);
    for damage in [&b""[..], b"not a database at all", &whole[..whole.len() / 2], &overwritten] {
        std::fs::write(&path, damage).unwrap();
        std::fs::write(demo.files.directory.join("support.db-journal"), "stale").unwrap();
        assert!(prepare(&demo.files.directory).await.unwrap().built, "{} bytes", damage.len());
        assert_eq!(rows(&path, "SELECT * FROM tickets").await, good);
        assert!(!demo.files.directory.join("support.db-journal").exists());
    }
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 0").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert!(prepare(&demo.files.directory).await.unwrap().built);
    assert!(!prepare(&demo.files.directory).await.unwrap().built);
}

#[tokio::test]
async fn two_first_runs_at_once_agree() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("demo");
    let (one, two) = tokio::join!(prepare(&at), prepare(&at));
    assert_eq!(one.unwrap().keys, two.unwrap().keys);
    assert!(!prepare(&at).await.unwrap().built);
}

#[tokio::test]
async fn amounts_add_up_and_print_their_cents() {
    let demo = demo().await;
    let wrong = "SELECT CAST(COUNT(*) AS TEXT) FROM orders o WHERE CAST(ROUND(o.total * 100) AS INTEGER) <> \
        (SELECT SUM(CAST(ROUND(i.unit_price * 100) AS INTEGER) * i.quantity) FROM order_items i \
         WHERE i.order_id = o.id)";
    assert_eq!(demo.value("shop.db", wrong).await, "0");
    let none = "SELECT CAST(COUNT(*) AS TEXT) FROM orders WHERE total <= 0";
    assert_eq!(demo.value("shop.db", none).await, "0");
    for (table, column) in
        [("products", "price"), ("orders", "total"), ("order_items", "unit_price")]
    {
        let sql = format!("SELECT DISTINCT CAST({column} AS TEXT), typeof({column}) FROM {table}");
        for row in demo.rows("shop.db", &sql).await {
            let digits = row[0].split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let whole = digits == 0 && row[1] == "integer";
            assert!(whole || (digits <= 2 && row[1] == "real"), "{row:?}");
        }
    }
    let price = "SELECT CAST(price AS TEXT) FROM products WHERE name = 'Picture frame 30 x 40'";
    assert_eq!(demo.value("shop.db", price).await, "16.75");
}

#[tokio::test]
async fn people_are_told_apart_and_reserved() {
    let demo = demo().await;
    let foreign = "SELECT CAST(COUNT(*) AS TEXT) FROM customers WHERE email NOT LIKE '%@example.com' \
        AND email NOT LIKE '%@example.org' AND email NOT LIKE '%@example.net'";
    assert_eq!(demo.value("shop.db", foreign).await, "0");
    let distinct = "SELECT CAST(COUNT(DISTINCT tax_id) AS TEXT) FROM customers";
    assert_eq!(demo.value("shop.db", distinct).await, "500");
    let accents = "SELECT CAST(COUNT(*) AS TEXT) FROM customers WHERE name GLOB '*[^ -~]*'";
    assert!(demo.value("shop.db", accents).await.parse::<u32>().unwrap() > 150);
    let early = "SELECT CAST(COUNT(*) AS TEXT) FROM orders o JOIN customers c ON c.id = o.customer_id \
        WHERE o.ordered_at < date(c.created_at)";
    assert_eq!(demo.value("shop.db", early).await, "0");
    let written = "SELECT CAST(COUNT(*) AS TEXT) FROM tickets WHERE body LIKE '%@example.%'";
    let written = demo.value("support.db", written).await.parse::<u32>().unwrap();
    assert!((200..900).contains(&written), "{written}");
}

#[tokio::test]
async fn the_databases_hold_together() {
    let demo = demo().await;
    for database in ["shop.db", "support.db"] {
        assert!(demo.rows(database, "PRAGMA foreign_key_check").await.is_empty());
        assert_eq!(demo.value(database, "PRAGMA integrity_check").await, "ok");
        assert_eq!(demo.value(database, "PRAGMA journal_mode").await, "delete");
    }
    let ids = demo.rows("shop.db", "SELECT CAST(id AS TEXT) FROM customers").await;
    let asked = "SELECT DISTINCT CAST(customer_id AS TEXT) FROM tickets";
    assert!(demo.rows("support.db", asked).await.iter().all(|id| ids.contains(id)));
}

/// The worked question has something to show to everybody.
#[tokio::test]
async fn the_worked_question_has_answers() {
    let demo = demo().await;
    let shop = demo.files.directory.join("shop.db");
    let options = SqliteConnectOptions::new()
        .filename(demo.files.directory.join("support.db"))
        .read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let attach = format!("ATTACH '{}' AS shop", shop.display());
    sqlx::raw_sql(AssertSqlSafe(attach)).execute(&mut connection).await.unwrap();
    let sql = WORKED_QUESTION.1.replace("support.main.", "main.").replace("shop.main.", "shop.");
    let answer = sqlx::query(AssertSqlSafe(sql.clone())).fetch_all(&mut connection).await.unwrap();
    assert_eq!(answer.len(), 5);
    let own = sql.replace("c.id = u.customer_id", "c.id = u.customer_id AND c.region = 'EU'");
    let own = sqlx::query(AssertSqlSafe(own)).fetch_all(&mut connection).await.unwrap();
    assert_eq!(own.len(), 5);
    assert_ne!(own[0].get::<String, _>("name"), answer[0].get::<String, _>("name"));
}
