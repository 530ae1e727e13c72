//! An engine that answers from a list, in front of another one or of nothing: for values that no other
//! engine holds, for streams without end, and for errors at a place of one's choice.

use super::engine::{Bind, Engine, EngineError, EngineSession, Login, Outcome, ResultColumn, Row};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// Answers by the whole text of a statement.
#[derive(Debug, Clone, Default)]
pub struct Canned {
    answers: Arc<Mutex<Vec<(String, bool, Answer)>>>,
    behind: Option<Arc<dyn Engine>>,
}

/// What one statement gives.
#[derive(Clone)]
pub struct Answer {
    /// The columns.
    pub columns: Vec<ResultColumn>,
    /// Row by number, from 0; `Ok(None)` ends, an error is one in the middle of the rows.
    pub row: Arc<dyn Fn(u64) -> Result<Option<Row>, EngineError> + Send + Sync>,
}

impl Answer {
    /// These rows.
    pub fn rows(columns: Vec<ResultColumn>, rows: Vec<Row>) -> Self {
        let row = move |at: u64| Ok(usize::try_from(at).ok().and_then(|at| rows.get(at)).cloned());
        Self { columns, row: Arc::new(row) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Canned {
    /// An engine that passes on what it has no answer for.
    pub fn before(behind: Arc<dyn Engine>) -> Self {
        Self { answers: Arc::default(), behind: Some(behind) }
    }

    /// Answers a statement of exactly this text.
    pub fn answer(&self, sql: &str, answer: Answer) {
        self.answers.lock().push((sql.to_string(), true, answer));
    }

    /// Answers every statement that has this part.
    pub fn answer_to_part(&self, part: &str, answer: Answer) {
        self.answers.lock().push((part.to_string(), false, answer));
    }

    fn find(&self, sql: &str) -> Option<Answer> {
        let answers = self.answers.lock();
        let fits = |text: &str, whole: bool| if whole { text == sql } else { sql.contains(text) };
        let mut last_first = answers.iter().rev();
        last_first.find(|(text, whole, _)| fits(text, *whole)).map(|(_, _, answer)| answer.clone())
    }
}

#[async_trait]
impl Engine for Canned {
    async fn session(&self, login: &Login) -> Result<Box<dyn EngineSession>, EngineError> {
        let behind = match &self.behind {
            Some(engine) => Some(engine.session(login).await?),
            None => None,
        };
        Ok(Box::new(Session { canned: self.clone(), behind, running: None }))
    }
}

struct Session {
    canned: Canned,
    behind: Option<Box<dyn EngineSession>>,
    running: Option<(Answer, u64)>,
}

#[async_trait]
impl EngineSession for Session {
    async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError> {
        self.running = self.canned.find(sql).map(|answer| (answer, 0));
        match (&self.running, &mut self.behind) {
            (Some((answer, _)), _) => Ok(Outcome::Rows(answer.columns.clone())),
            (None, Some(behind)) => behind.execute(sql, binds).await,
            (None, None) => Ok(Outcome::Done { affected: 0 }),
        }
    }

    async fn rows(&mut self, most: usize) -> Result<Vec<Row>, EngineError> {
        let Some((answer, next)) = &mut self.running else {
            return match &mut self.behind {
                Some(behind) => behind.rows(most).await,
                None => Ok(Vec::new()),
            };
        };
        // Lets the wire server see what else its client sends.
        tokio::task::yield_now().await;
        let mut rows = Vec::new();
        while rows.len() < most {
            match (answer.row)(*next) {
                Ok(Some(row)) => rows.push(row),
                Ok(None) => break,
                Err(_) if !rows.is_empty() => break,
                Err(error) => return Err(error),
            }
            *next += 1;
        }
        Ok(rows)
    }

    async fn cancel(&mut self) {
        self.running = None;
        if let Some(behind) = &mut self.behind {
            behind.cancel().await;
        }
    }
}
