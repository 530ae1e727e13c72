//! One session: batches, transactions, rows.

use super::define;
use super::errors::{of, unsupported};
use super::native::{DEFAULT_COLLATION, Native};
use super::translate::command::{self, Command};
use super::translate::infer::Typed;
use super::translate::{Context, Translated, constant, query, table, tokens};
use super::{DATABASE, OWNER, Shared};
use crate::double::engine::{Bind, EngineError, EngineSession, Login, Outcome, ResultColumn, Row};
use crate::double::postgres::{Answer, Client, Column, Failure};
use async_trait::async_trait;
use futures::future::BoxFuture;
use sqlparser::ast::{Expr, Statement};
use std::collections::VecDeque;
use std::sync::Arc;

/// A session of the engine.
pub(super) struct Session {
    shared: Arc<Shared>,
    client: Client,
    /// How deep transactions are nested.
    transactions: u32,
    /// SET XACT_ABORT.
    aborts: bool,
    /// A savepoint stands before the statement.
    guarded: bool,
    /// Something runs or has rows to read.
    running: bool,
    /// The rows of a statement that others follow.
    kept: Option<VecDeque<Row>>,
}

impl Session {
    /// Opens one for a login.
    pub(super) async fn open(shared: Arc<Shared>, login: &Login) -> Result<Self, EngineError> {
        let owns = login.user.eq_ignore_ascii_case(OWNER) || login.user.eq_ignore_ascii_case("sa");
        let role = if owns { "tsql_loader" } else { "tsql_reader" };
        let client = Client::connect(shared.port, &shared.database, role).await;
        let mut client = client.map_err(|failure| of(&failure))?;
        let database =
            if login.database.is_empty() { DATABASE.to_string() } else { login.database.clone() };
        let set_up = format!(
            "SET search_path = tsql, pg_catalog; SET jit = off; \
             SELECT set_config('tsql.login', {}, false), set_config('tsql.database', {}, false)",
            constant(&login.user),
            constant(&database)
        );
        client.query(&set_up).await.map_err(|failure| of(&failure))?;
        Ok(Self {
            shared,
            client,
            transactions: 0,
            aborts: false,
            guarded: false,
            running: false,
            kept: None,
        })
    }

    fn context<'a>(&'a self, binds: &'a [Bind]) -> Context<'a> {
        Context { registry: &self.shared.registry, binds, transactions: self.transactions }
    }

    /// Runs one command; its rows are still to be read.
    fn run<'a>(
        &'a mut self,
        command: Command,
        binds: &'a mut Vec<Bind>,
    ) -> BoxFuture<'a, Result<Outcome, EngineError>> {
        Box::pin(async move {
            let done = Outcome::Done { affected: 0 };
            match command {
                Command::Nothing => {}
                Command::Begin | Command::Commit | Command::Rollback => {
                    self.transact(&command).await?;
                }
                Command::Abort(aborts) => self.aborts = aborts,
                Command::Wait(seconds) => {
                    self.plain(&format!("SELECT pg_sleep({seconds})")).await?;
                }
                Command::ContextInfo(value) => {
                    let text = self.evaluate(*value, binds).await?.unwrap_or_default();
                    let digits = text.trim_start_matches("\\x").to_string();
                    let set = format!(
                        "SELECT set_config('tsql.context_info', {}, false)",
                        constant(&digits)
                    );
                    self.plain(&set).await?;
                }
                Command::Variable(variable, native, value) => {
                    self.assign(variable, native, value, binds).await?;
                }
                Command::If(condition, then) => {
                    let mut condition = *condition;
                    query::single(&mut condition, self.context(binds))?;
                    let asked = format!("SELECT 1 WHERE {condition}");
                    let answer = self.client.query(&asked).await.map_err(|failure| of(&failure))?;
                    let mut outcome = done;
                    for command in then.into_iter().filter(|_| !answer.is_empty()) {
                        outcome = self.run(command, binds).await?;
                    }
                    return Ok(outcome);
                }
                Command::Execute(procedure, arguments) => {
                    self.call(&procedure, arguments, binds).await?;
                }
                Command::Synonym(new, target) => {
                    define::synonym(&mut self.client, &self.shared, new, &target).await?;
                }
                Command::DropSynonym(synonym, checks) => {
                    define::drop_synonym(&mut self.client, synonym, checks).await?;
                }
                Command::Right(gives, right, object, user) => {
                    define::right(&mut self.client, gives, &right, &object, &user).await?;
                }
                Command::Heap(statement) => {
                    let table = match &*statement {
                        Statement::CreateTable(new) => new.name.clone(),
                        Statement::AlterTable(change) => change.name.clone(),
                        _ => return Err(unsupported("NONCLUSTERED here")),
                    };
                    self.statement(*statement, binds).await?;
                    define::heap(&mut self.client, table).await?;
                }
                Command::Statement(statement) => return self.statement(*statement, binds).await,
            }
            Ok(done)
        })
    }

    /// BEGIN, COMMIT and ROLLBACK: they nest, but only the outermost COMMIT does something.
    async fn transact(&mut self, command: &Command) -> Result<(), EngineError> {
        match (command, self.transactions) {
            (Command::Begin, 0) => {
                self.plain("BEGIN").await?;
                self.transactions = 1;
            }
            (Command::Begin, _) => self.transactions += 1,
            (Command::Commit, 0) => {
                let text = "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                return Err(EngineError::new(3902, text));
            }
            (Command::Commit, 1) => self.leave("COMMIT").await?,
            (Command::Commit, _) => self.transactions -= 1,
            (_, 0) => {
                let text =
                    "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.";
                return Err(EngineError::new(3903, text));
            }
            _ => self.leave("ROLLBACK").await?,
        }
        Ok(())
    }

    async fn statement(
        &mut self,
        statement: Statement,
        binds: &[Bind],
    ) -> Result<Outcome, EngineError> {
        match statement {
            Statement::CreateTable(new) => {
                let new = table::create(&new, self.context(binds))?;
                define::table(&mut self.client, &self.shared, new).await?;
                Ok(Outcome::Done { affected: 0 })
            }
            Statement::CreateView(view) => {
                let mut relation = view.name.clone();
                query::qualify(&mut relation, &[]);
                let columns: Vec<String> =
                    view.columns.iter().map(|column| column.name.value.clone()).collect();
                let body = query::view(view.query, self.context(binds))?;
                let replaces = view.or_alter;
                let (client, shared) = (&mut self.client, &self.shared);
                define::view(client, shared, &relation, &columns, body, replaces).await?;
                Ok(Outcome::Done { affected: 0 })
            }
            Statement::Drop { .. } => {
                let translated = command::translate(statement, self.context(binds))?;
                self.start(translated).await.map_err(|error| match error.number {
                    208 => EngineError::new(
                        3701,
                        format!(
                            "Cannot drop the object, because it does not exist ({}).",
                            error.message
                        ),
                    ),
                    _ => error,
                })
            }
            statement => {
                let translated = command::translate(statement, self.context(binds))?;
                self.start(translated).await
            }
        }
    }

    /// Starts a translated statement; in a transaction behind a savepoint, because an error does not end
    /// a transaction of SQL Server's.
    async fn start(&mut self, translated: Translated) -> Result<Outcome, EngineError> {
        let mut sql = translated.sql;
        if self.transactions > 0 {
            let release = if self.guarded { "RELEASE SAVEPOINT tsql_guard; " } else { "" };
            sql = format!("{release}SAVEPOINT tsql_guard; {sql}");
            self.guarded = true;
        }
        self.running = true;
        match self.client.start(&sql).await.map_err(|failure| of(&failure))? {
            Answer::Columns(columns) => {
                let column = |(at, column): (usize, &Column)| {
                    let native = translated.types.get(at).cloned().flatten();
                    let name = translated.names.get(at).cloned().flatten();
                    let described = self.described(column, native, name);
                    ResultColumn { nullable: described.nullable || translated.fills, ..described }
                };
                Ok(Outcome::Rows(columns.iter().enumerate().map(column).collect()))
            }
            Answer::Tag(tag) => {
                self.running = false;
                let affected = tag.rsplit(' ').next().and_then(|count| count.parse().ok());
                Ok(Outcome::Done { affected: affected.unwrap_or(0) })
            }
        }
    }

    fn described(
        &self,
        column: &Column,
        typed: Option<Typed>,
        name: Option<String>,
    ) -> ResultColumn {
        let mut facts = define::facts_of(&self.shared, column);
        if let Some(Typed { native, collation }) = typed {
            let collation = collation.or(facts.collation);
            facts.collation =
                native.is_collated().then(|| collation.unwrap_or_else(|| DEFAULT_COLLATION.into()));
            facts.native = native;
        }
        ResultColumn {
            name: name.unwrap_or(facts.name),
            native: facts.native.to_string(),
            nullable: facts.nullable,
            collation: facts.collation,
        }
    }

    async fn assign(
        &mut self,
        variable: String,
        native: Option<Native>,
        value: Option<Box<Expr>>,
        binds: &mut Vec<Bind>,
    ) -> Result<(), EngineError> {
        let value = match value {
            Some(value) => self.evaluate(*value, binds).await?,
            None => None,
        };
        let known = binds.iter_mut().rev().find(|bind| bind.name.as_ref() == Some(&variable));
        match (native, known) {
            (Some(native), _) => {
                binds.push(Bind { name: Some(variable), native: native.to_string(), value });
            }
            (None, Some(bind)) => bind.value = value,
            (None, None) => {
                let text = format!("Must declare the scalar variable \"{variable}\".");
                return Err(EngineError::new(137, text));
            }
        }
        Ok(())
    }

    async fn evaluate(
        &mut self,
        mut value: Expr,
        binds: &[Bind],
    ) -> Result<Option<String>, EngineError> {
        query::single(&mut value, self.context(binds))?;
        let rows = self.client.query(&format!("SELECT {value}")).await;
        let rows = rows.map_err(|failure| of(&failure))?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    async fn call(
        &mut self,
        procedure: &str,
        arguments: Vec<(String, Box<Expr>)>,
        binds: &[Bind],
    ) -> Result<(), EngineError> {
        let mut values = Vec::new();
        for (name, value) in arguments {
            values.push((name, self.evaluate(*value, binds).await?));
        }
        match procedure {
            "sp_addextendedproperty" => define::property(&mut self.client, &values).await,
            "sp_set_session_context" | "sp_reset_connection" => Ok(()),
            "sp_executesql" | "sp_prepare" | "sp_execute" => Err(unsupported(procedure)),
            other => {
                let text = format!("Could not find stored procedure '{other}'.");
                Err(EngineError::new(2812, text))
            }
        }
    }

    /// Ends the transaction.
    async fn leave(&mut self, how: &str) -> Result<(), EngineError> {
        self.transactions = 0;
        self.guarded = false;
        self.plain(how).await
    }

    /// After an error: the statement is undone, and the transaction with it where it is to be.
    async fn recover(&mut self) {
        self.running = false;
        self.kept = None;
        if self.transactions == 0 {
            return;
        }
        let undone = if self.aborts || !self.guarded {
            self.leave("ROLLBACK").await
        } else {
            self.plain("ROLLBACK TO SAVEPOINT tsql_guard").await
        };
        if undone.is_err() && self.leave("ROLLBACK").await.is_err() {
            tracing::debug!("a transaction could not be undone");
        }
    }

    async fn plain(&mut self, sql: &str) -> Result<(), EngineError> {
        self.client.query(sql).await.map(drop).map_err(|failure| of(&failure))
    }

    async fn batch(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError> {
        let mut binds = binds.to_vec();
        let statements = tokens::statements(sql, &self.shared.registry)?;
        let commands: Vec<Command> =
            statements.iter().map(|tokens| command::read(tokens)).collect::<Result<_, _>>()?;
        let mut answer = Outcome::Done { affected: 0 };
        let last = commands.len().saturating_sub(1);
        for (at, command) in commands.into_iter().enumerate() {
            let outcome = self.run(command, &mut binds).await?;
            match (&answer, outcome) {
                (Outcome::Rows(_), Outcome::Rows(_)) => {
                    // Another answer than the first is not kept.
                    self.client.rows(usize::MAX).await.map_err(|failure| of(&failure))?;
                }
                (Outcome::Rows(_), Outcome::Done { .. }) => {}
                (Outcome::Done { .. }, Outcome::Rows(columns)) => {
                    answer = Outcome::Rows(columns);
                    if at < last {
                        let rows = self.client.rows(usize::MAX).await;
                        self.kept = Some(rows.map_err(|failure| of(&failure))?.into());
                    }
                }
                (Outcome::Done { affected }, Outcome::Done { affected: more }) => {
                    answer = Outcome::Done { affected: affected + more };
                }
            }
        }
        Ok(answer)
    }
}

#[async_trait]
impl EngineSession for Session {
    async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, EngineError> {
        self.kept = None;
        // Rows that nobody has read are no matter of this statement, nor is an error behind them.
        if self.running {
            self.cancel().await;
        }
        self.running = true;
        let outcome = self.batch(sql, binds).await;
        match &outcome {
            Err(_) => self.recover().await,
            Ok(Outcome::Done { .. }) => self.running = false,
            Ok(Outcome::Rows(_)) => {}
        }
        outcome
    }

    async fn rows(&mut self, most: usize) -> Result<Vec<Row>, EngineError> {
        if let Some(kept) = &mut self.kept {
            let count = most.min(kept.len());
            return Ok(kept.drain(..count).collect());
        }
        let rows: Result<Vec<Row>, Failure> = self.client.rows(most).await;
        match rows {
            Ok(rows) => {
                self.running &= !rows.is_empty();
                Ok(rows)
            }
            Err(failure) => {
                let error = of(&failure);
                self.recover().await;
                Err(error)
            }
        }
    }

    async fn cancel(&mut self) {
        if !self.running {
            return;
        }
        if self.client.cancel().await.is_err() {
            tracing::debug!("a statement could not be cancelled");
        }
        // A BEGIN that was broken off may have been carried out.
        if self.transactions == 0 && self.plain("ROLLBACK").await.is_err() {
            tracing::debug!("a transaction could not be undone");
        }
        self.recover().await;
    }
}
