//! A session: what a statement may do, its transaction, and its rows.

use super::errors;
use super::registry::{Catalog, literal, quoted};
use super::translate::tokens::{keyword, tokens};
use super::translate::{Scope, Translator, parse};
use super::{Shared, change, ddl};
use crate::double::engine::{Bind, EngineError, EngineSession, Login, Outcome, ResultColumn, Row};
use crate::double::postgres::{Answer, Client};
use async_trait::async_trait;
use sqlparser::ast::{Query, SetExpr, Statement};
use sqlparser::tokenizer::{Token, TokenWithSpan};
use std::sync::Arc;

/// PostgreSQL's type of where a row is.
const TID: u32 = 27;

/// One session.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) user: String,
    pub(super) schema: String,
    transaction: Transaction,
    /// A statement within the transaction has left its savepoint.
    savepoint: bool,
    /// Rows may still come.
    open: bool,
    sql: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    None,
    ReadOnly,
    ReadWrite,
}

impl Session {
    /// A session of a user; one that may write gets a schema of its own.
    pub(super) async fn open(shared: Arc<Shared>, login: &Login) -> Result<Self, EngineError> {
        let user = login.user.trim_matches('"').to_uppercase();
        let client = Client::connect(shared.port, &shared.database, "postgres").await;
        let client = client.map_err(|failure| errors::translated(failure, ""))?;
        let schema = user.clone();
        let mut session = Self {
            shared,
            client,
            user,
            schema,
            transaction: Transaction::None,
            savepoint: false,
            open: false,
            sql: String::new(),
        };
        session.set_up(login).await?;
        Ok(session)
    }

    async fn set_up(&mut self, login: &Login) -> Result<(), EngineError> {
        let service = if login.database.is_empty() { "CELOSIA" } else { &login.database };
        let settings = [
            ("search_path", "ora, pg_catalog"),
            ("jit", "off"),
            ("ora.user", &self.user),
            ("ora.schema", &self.schema),
            ("ora.service", service),
            ("ora.reader", if self.is_reader() { "true" } else { "false" }),
            ("ora.date_format", "DD-MON-RR"),
            ("ora.timestamp_format", "DD-MON-RR HH.MI.SSXFF AM"),
            ("ora.timestamp_tz_format", "DD-MON-RR HH.MI.SSXFF AM TZR"),
        ];
        let calls = settings.map(|(name, value)| {
            format!("set_config({}, {}, false)", literal(name), literal(value))
        });
        self.internal(&format!("SELECT {}", calls.join(", "))).await?;
        let _one = self.shared.clone();
        let _one = _one.changes.lock().await;
        let user = literal(&self.user);
        self.internal(&format!(
            "INSERT INTO registry.users (name) VALUES ({user}) ON CONFLICT DO NOTHING"
        ))
        .await?;
        self.internal(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(&self.schema))).await?;
        Ok(())
    }

    pub(super) fn is_reader(&self) -> bool {
        self.shared.readers.read().contains(&self.user)
    }

    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.shared.catalog.read().clone()
    }

    /// What statements of this session are translated with.
    pub(super) fn scope<'a>(&'a self, catalog: &'a Catalog) -> Scope<'a> {
        Scope { catalog, user: &self.user, schema: &self.schema, release: self.shared.release }
    }

    /// Runs a text of our own and gives its rows.
    pub(super) async fn internal(
        &mut self,
        sql: &str,
    ) -> Result<Vec<Vec<Option<String>>>, EngineError> {
        let sent = self.sql.clone();
        self.client.query(sql).await.map_err(|failure| errors::translated(failure, &sent))
    }

    /// Ends the transaction.
    pub(super) async fn commit(&mut self) -> Result<(), EngineError> {
        self.end("COMMIT").await
    }

    async fn end(&mut self, word: &str) -> Result<(), EngineError> {
        if self.transaction != Transaction::None {
            self.transaction = Transaction::None;
            self.savepoint = false;
            self.internal(word).await?;
        }
        Ok(())
    }

    /// A statement that has been translated, within the transaction if there is one.
    async fn run(&mut self, sql: &str) -> Result<Answer, EngineError> {
        let text = match (self.transaction, self.savepoint) {
            (Transaction::None, _) => sql.to_string(),
            (_, false) => format!("SAVEPOINT statement; {sql}"),
            (_, true) => format!("RELEASE SAVEPOINT statement; SAVEPOINT statement; {sql}"),
        };
        self.savepoint = self.transaction != Transaction::None;
        match self.client.start(&text).await {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                let error = errors::translated(failure, &self.sql);
                self.restore().await;
                Err(error)
            }
        }
    }

    /// Undoes a failed statement, which in Oracle leaves its transaction as it was.
    async fn restore(&mut self) {
        if self.savepoint && self.client.query("ROLLBACK TO SAVEPOINT statement").await.is_err() {
            tracing::debug!("the transaction is gone");
            self.savepoint = false;
        }
    }

    async fn dispatch(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError> {
        let tokens = tokens(sql)?;
        let word = |at: usize| keyword(tokens.get(at));
        let first = match tokens.iter().position(|t| t.token != Token::LParen) {
            Some(at) => keyword(tokens.get(at)).unwrap_or_default(),
            None => return Err(errors::ora(900, "invalid SQL statement")),
        };
        if !matches!(first.as_str(), "BEGIN" | "DECLARE")
            && tokens.last().is_some_and(|t| t.token == Token::SemiColon)
        {
            return Err(errors::ora(933, "SQL command not properly ended"));
        }
        match first.as_str() {
            "SELECT" | "WITH" => self.query(&tokens, sql, binds).await,
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" => self.change(&tokens, sql, binds).await,
            "COMMIT" => self.commit().await.map(|()| done(0)),
            "ROLLBACK" if word(1).as_deref() == Some("TO") => {
                Err(errors::unsupported("savepoints"))
            }
            "ROLLBACK" => self.end("ROLLBACK").await.map(|()| done(0)),
            "SAVEPOINT" => Ok(done(0)),
            "SET" => self.set(&tokens).await,
            "ALTER" if word(1).as_deref() == Some("SESSION") => self.alter(&tokens).await,
            "BEGIN" | "DECLARE" | "CALL" => self.block(&tokens).await,
            "LOCK" if self.is_reader() => Err(errors::insufficient_privileges()),
            "LOCK" => Ok(done(0)),
            "CREATE" | "DROP" | "ALTER" | "TRUNCATE" | "COMMENT" | "GRANT" | "REVOKE"
            | "ANALYZE" | "RENAME" | "PURGE" => self.declare(&tokens, sql).await,
            _ => Err(errors::ora(900, "invalid SQL statement")),
        }
    }

    async fn query(
        &mut self,
        tokens: &[TokenWithSpan],
        sql: &str,
        binds: &[Bind],
    ) -> Result<Outcome, EngineError> {
        let Statement::Query(query) = parse(tokens, binds, sql)? else {
            return Err(errors::ora(900, "invalid SQL statement"));
        };
        self.may_run(&query)?;
        let catalog = self.catalog();
        let translated = Translator::new(self.scope(&catalog), binds).select(&query)?;
        tracing::trace!(sql = translated.sql, "translated");
        match self.run(&translated.sql).await? {
            Answer::Tag(_) => Ok(done(0)),
            Answer::Columns(columns) if columns.iter().any(|column| column.type_oid == TID) => {
                self.cancel().await;
                Err(errors::unsupported("a ROWID that is no text"))
            }
            Answer::Columns(columns) => {
                let names = translated.names.filter(|names| names.len() == columns.len());
                let result = columns.iter().enumerate().map(|(at, column)| {
                    let (native, nullable) = catalog.native(column);
                    let literal = translated.literals.get(at).cloned().flatten();
                    ResultColumn {
                        name: names.as_ref().map_or(&column.name, |names| &names[at]).clone(),
                        native: literal.unwrap_or(native),
                        nullable,
                        collation: None,
                    }
                });
                Ok(Outcome::Rows(result.collect()))
            }
        }
    }

    /// A query that locks rows, or writes within WITH, is a change.
    fn may_run(&self, query: &Query) -> Result<(), EngineError> {
        let writes = matches!(
            *query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        );
        if writes {
            return Err(errors::ora(928, "missing SELECT keyword"));
        }
        if !query.locks.is_empty() {
            if self.is_reader() {
                return Err(errors::insufficient_privileges());
            }
            if self.transaction == Transaction::ReadOnly {
                return Err(read_only());
            }
        }
        Ok(())
    }

    async fn change(
        &mut self,
        tokens: &[TokenWithSpan],
        sql: &str,
        binds: &[Bind],
    ) -> Result<Outcome, EngineError> {
        let statement = parse(tokens, binds, sql)?;
        let catalog = self.catalog();
        let mut translator = Translator::new(self.scope(&catalog), binds);
        let reader = self.is_reader();
        let text = match &statement {
            Statement::Insert(insert) => change::insert(&mut translator, insert, reader)?,
            Statement::Update(update) => change::update(&mut translator, update, reader)?,
            Statement::Delete(delete) => change::delete(&mut translator, delete, reader)?,
            _ if reader => return Err(errors::insufficient_privileges()),
            _ => return Err(errors::unsupported("MERGE")),
        };
        match self.transaction {
            Transaction::ReadOnly => return Err(read_only()),
            Transaction::ReadWrite => {}
            Transaction::None => {
                self.transaction = Transaction::ReadWrite;
                self.internal("BEGIN").await?;
            }
        }
        let tag = match self.run(&text).await? {
            Answer::Tag(tag) => tag,
            Answer::Columns(_) => String::new(),
        };
        Ok(done(tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)))
    }

    async fn set(&mut self, tokens: &[TokenWithSpan]) -> Result<Outcome, EngineError> {
        let words: Vec<String> = tokens.iter().filter_map(|t| keyword(Some(t))).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["SET", "TRANSACTION", rest @ ..] => {
                if self.transaction != Transaction::None {
                    let text = "SET TRANSACTION must be first statement of transaction";
                    return Err(errors::ora(1453, text));
                }
                if let ["READ", "ONLY", ..] = rest {
                    self.transaction = Transaction::ReadOnly;
                    self.internal("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                }
                Ok(done(0))
            }
            ["SET", "ROLE" | "CONSTRAINT" | "CONSTRAINTS", ..] => Ok(done(0)),
            _ => Err(errors::ora(922, "missing or invalid option")),
        }
    }

    /// ALTER SESSION SET: formats and the current schema; the rest is taken and changes nothing.
    async fn alter(&mut self, tokens: &[TokenWithSpan]) -> Result<Outcome, EngineError> {
        for setting in tokens.windows(3).filter(|window| window[1].token == Token::Eq) {
            let Some(name) = keyword(Some(&setting[0])) else { continue };
            let value = match &setting[2].token {
                Token::SingleQuotedString(text) => text.clone(),
                Token::Word(word) if word.quote_style.is_some() => word.value.clone(),
                other => other.to_string().to_uppercase(),
            };
            let parameter = match name.as_str() {
                "NLS_DATE_FORMAT" => "ora.date_format",
                "NLS_TIMESTAMP_FORMAT" => "ora.timestamp_format",
                "NLS_TIMESTAMP_TZ_FORMAT" => "ora.timestamp_tz_format",
                "CURRENT_SCHEMA" => {
                    self.schema.clone_from(&value);
                    "ora.schema"
                }
                "NLS_SORT" | "NLS_COMP" if value != "BINARY" => {
                    return Err(errors::unsupported("a linguistic sort"));
                }
                _ => continue,
            };
            let call = format!("SELECT set_config('{parameter}', {}, false)", literal(&value));
            self.internal(&call).await?;
        }
        Ok(done(0))
    }

    async fn declare(
        &mut self,
        tokens: &[TokenWithSpan],
        sql: &str,
    ) -> Result<Outcome, EngineError> {
        let change = ddl::plan(self, tokens, sql)?;
        if self.is_reader() {
            return Err(errors::insufficient_privileges());
        }
        self.commit().await?;
        let shared = self.shared.clone();
        let _one = shared.changes.lock().await;
        self.internal("BEGIN").await?;
        let outcome = ddl::run(self, change).await;
        self.internal(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        let catalog = Catalog::read(&mut self.client).await?;
        *shared.catalog.write() = Arc::new(catalog);
        outcome.map(|()| done(0))
    }
}

#[async_trait]
impl EngineSession for Session {
    async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError> {
        self.cancel().await;
        self.sql = sql.to_string();
        // Until this future is done, it may be dropped.
        self.open = true;
        let outcome = self.dispatch(sql, binds).await;
        self.open = matches!(outcome, Ok(Outcome::Rows(_)));
        outcome
    }

    async fn rows(&mut self, most: usize) -> Result<Vec<Row>, EngineError> {
        match self.client.rows(most).await {
            Ok(rows) => {
                self.open = !rows.is_empty();
                Ok(rows)
            }
            Err(failure) => {
                self.open = false;
                let error = errors::translated(failure, &self.sql);
                self.restore().await;
                Err(error)
            }
        }
    }

    async fn cancel(&mut self) {
        if !self.open {
            return;
        }
        if self.client.cancel().await.is_err() {
            tracing::debug!("a session's connection is gone");
        }
        self.open = false;
        if self.transaction == Transaction::None {
            // A declaration may have been broken off.
            if self.client.query("ROLLBACK").await.is_err() {
                tracing::debug!("there was nothing to undo");
            }
        } else {
            self.restore().await;
        }
    }
}

/// What has no rows.
pub(super) fn done(affected: u64) -> Outcome {
    Outcome::Done { affected }
}

fn read_only() -> EngineError {
    let text = "may not perform insert, delete, update operation inside a READ ONLY transaction";
    errors::ora(1456, text)
}
