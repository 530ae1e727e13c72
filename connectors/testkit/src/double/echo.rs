//! An engine that gives back what it was bound, and can take its time: for tests of a wire server.

use super::engine::{Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn, Row};
use async_trait::async_trait;
use std::time::Duration;

/// Answers a statement with binds by one row of them, in the types they were declared with; one without
/// binds by nothing. A text with the word `sleep` waits first, as many seconds as its first bind says,
/// or a minute.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

#[async_trait]
impl Engine for Echo {
    async fn session(&self, _: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        Ok(Box::new(Session { rows: Vec::new() }))
    }
}

struct Session {
    rows: Vec<Row>,
}

#[async_trait]
impl EngineSession for Session {
    async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError> {
        let lower = sql.to_lowercase();
        if lower.contains("sleep") {
            let seconds = binds.first().and_then(|bind| bind.value.as_deref()?.parse().ok());
            tokio::time::sleep(Duration::from_secs_f64(seconds.unwrap_or(60.0))).await;
        }
        if binds.is_empty() || !lower.trim_start().starts_with("select") {
            return Ok(Outcome::Done { affected: 1 });
        }
        self.rows = vec![binds.iter().map(|bind| bind.value.clone()).collect()];
        Ok(Outcome::Rows(binds.iter().enumerate().map(column).collect()))
    }

    async fn rows(&mut self, most: usize) -> Result<Vec<Row>, EngineError> {
        let count = most.min(self.rows.len());
        Ok(self.rows.drain(..count).collect())
    }

    async fn cancel(&mut self) {
        self.rows.clear();
    }
}

fn column((number, bind): (usize, &Bind)) -> ResultColumn {
    let name = bind.name.clone().unwrap_or_else(|| format!("B{}", number + 1));
    ResultColumn { name, native: bind.native.clone(), nullable: true, collation: None }
}
