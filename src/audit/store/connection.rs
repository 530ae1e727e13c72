//! One connection to a store of either kind. Statements are the same for both, with `$1` as the first value.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// A value of a statement.
#[derive(Debug, Clone)]
pub(in crate::audit) enum Value {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// A row of an answer.
#[derive(Debug)]
pub(in crate::audit) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(in crate::audit) fn int(&self, index: usize) -> Result<i64, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(index),
            Row::Postgres(row) => row.try_get(index),
        }
    }

    pub(in crate::audit) fn text(&self, index: usize) -> Result<String, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(index),
            Row::Postgres(row) => row.try_get(index),
        }
    }

    pub(in crate::audit) fn bytes(&self, index: usize) -> Result<Vec<u8>, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(index),
            Row::Postgres(row) => row.try_get(index),
        }
    }
}

/// A connection to SQLite or PostgreSQL.
#[derive(Debug)]
pub(in crate::audit) enum Connection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

/// Binds owned values to a query.
macro_rules! bound {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value.clone() {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Connection {
    pub(in crate::audit) fn is_postgres(&self) -> bool {
        matches!(self, Connection::Postgres(_))
    }

    /// Runs a statement; gives the number of rows it touched.
    pub(in crate::audit) async fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Connection::Sqlite(c) => bound!(sql, values).execute(&mut **c).await?.rows_affected(),
            Connection::Postgres(c) => bound!(sql, values).execute(&mut **c).await?.rows_affected(),
        })
    }

    /// The rows of a statement.
    pub(in crate::audit) async fn rows(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Connection::Sqlite(c) => {
                let rows = bound!(sql, values).fetch_all(&mut **c).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Connection::Postgres(c) => {
                let rows = bound!(sql, values).fetch_all(&mut **c).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs text without values, which may be several statements.
    pub(in crate::audit) async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_string());
        match self {
            Connection::Sqlite(c) => sqlx::raw_sql(sql).execute(&mut **c).await.map(drop),
            Connection::Postgres(c) => sqlx::raw_sql(sql).execute(&mut **c).await.map(drop),
        }
    }

    /// Begins to read everything as of one moment.
    pub(in crate::audit) async fn freeze(&mut self) -> Result<(), sqlx::Error> {
        let begin = match self {
            Connection::Sqlite(_) => "BEGIN",
            Connection::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.run(begin).await
    }

    pub(in crate::audit) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(connection) => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        }
    }
}
