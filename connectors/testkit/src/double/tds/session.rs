//! A session after its login: what the client asks, and the answers.

use super::batch::{self, Batch, Piece};
use super::cursor::{Cursor, Malformed, utf16};
use super::encode::{Column, put_row};
use super::input::{Input, Interrupt, Message, kind};
use super::output::Output;
use super::rpc::{self, Call, Prepared, Request};
use super::tokens::{
    self, ATTENTION, Change, DONE, DONE_IN_PROCEDURE, DONE_PROCEDURE, FAILED, IN_TRANSACTION, MORE,
    Notice,
};
use crate::double::engine::{Bind, EngineError, EngineSession, Outcome};
use crate::double::fault::{Fault, Faults};
use crate::double::record::Record;
use std::collections::HashMap;

/// Rows that are asked of the engine at a time.
const CHUNK: usize = 256;
/// Tokens that are encoded before packets are written.
const BUFFER: usize = 64 << 10;

/// One session.
pub(super) struct Session {
    pub(super) engine: Box<dyn EngineSession>,
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) record: Record,
    /// The session's number in the record.
    pub(super) number: u64,
    pub(super) faults: Faults,
    /// The databases there are; the session's own first.
    pub(super) databases: Vec<String>,
    pub(super) utf8: bool,
    pub(super) transactions: u32,
    pub(super) prepared: HashMap<i32, Prepared>,
    pub(super) handles: i32,
}

/// What ends a statement early.
enum Stop {
    Interrupt(Interrupt),
    Error { error: EngineError, sql: String },
}

impl From<Interrupt> for Stop {
    fn from(interrupt: Interrupt) -> Self {
        Stop::Interrupt(interrupt)
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Stop::Error { error, sql: String::new() }
    }
}

/// Where a statement stands: in a batch or a procedure, with or without another behind it.
#[derive(Clone, Copy)]
struct Place {
    procedure: bool,
    last: bool,
}

impl Session {
    /// Answers until the client goes.
    pub(super) async fn run(mut self) {
        while let Some(message) = self.input.next().await {
            if self.answer(message).await.is_none() {
                break;
            }
        }
        // Whatever the client left running ends with it.
        self.engine.cancel().await;
    }

    /// Answers one message; `None` ends the session.
    async fn answer(&mut self, message: Message) -> Option<()> {
        if message.ignored {
            tokens::put_done(&mut self.output.tokens, DONE, FAILED, None);
            return self.output.finish(&mut self.input).await.ok();
        }
        self.output.begin(self.faults.now());
        if message.reset {
            self.reset().await;
        }
        let done = match message.kind {
            kind::BATCH => self.batch(&message.body).await,
            kind::PROCEDURE => self.procedures(&message.body).await,
            kind::TRANSACTION => self.transaction(&message.body).await,
            // There was nothing to break off any more.
            kind::ATTENTION => {
                self.output.begin(Fault::None);
                return self.acknowledge().await;
            }
            _ => return None,
        };
        let mut attention = false;
        match done {
            Ok(()) => {}
            Err(Stop::Interrupt(Interrupt::Attention)) => {
                self.engine.cancel().await;
                attention = true;
                tokens::put_done(&mut self.output.tokens, DONE, FAILED, None);
            }
            Err(Stop::Interrupt(Interrupt::Gone)) => {
                self.record.ended(self.number, true);
                return None;
            }
            Err(Stop::Error { error, sql }) => {
                self.put_error(&error, &sql, message.kind == kind::PROCEDURE);
                if class(error.number) >= 20 {
                    let _ = self.output.finish(&mut self.input).await;
                    return None;
                }
            }
        }
        self.record.ended(self.number, attention);
        match self.output.finish(&mut self.input).await {
            Ok(()) => {}
            // The answer was whole when the attention came.
            Err(Interrupt::Attention) => attention = true,
            Err(Interrupt::Gone) => return None,
        }
        if attention { self.acknowledge().await } else { Some(()) }
    }

    /// Answers an attention, in a message of its own as SQL Server does.
    async fn acknowledge(&mut self) -> Option<()> {
        tokens::put_done(&mut self.output.tokens, DONE, ATTENTION, None);
        match self.output.finish(&mut self.input).await {
            Ok(()) | Err(Interrupt::Attention) => Some(()),
            Err(Interrupt::Gone) => None,
        }
    }

    async fn batch(&mut self, body: &[u8]) -> Result<(), Stop> {
        let mut cursor = Cursor::new(body);
        let sql = cursor.skip_headers().and_then(|()| utf16(cursor.rest()));
        let sql = sql.map_err(malformed)?;
        self.record.arrived(self.number, &sql, &[]);
        self.statements(&sql, &[], Place { procedure: false, last: true }).await
    }

    async fn procedures(&mut self, body: &[u8]) -> Result<(), Stop> {
        let calls = rpc::calls(body).map_err(malformed)?;
        let count = calls.len();
        for (at, call) in calls.into_iter().enumerate() {
            self.procedure(call, at + 1 == count).await?;
        }
        Ok(())
    }

    async fn procedure(&mut self, call: Call, last: bool) -> Result<(), Stop> {
        let name = call.procedure.clone();
        let mut output = None;
        match call.request().map_err(malformed)? {
            Request::Execute { sql, binds } => self.kept(&sql, &binds).await?,
            Request::Prepare { output: parameter, prepared } => {
                output = Some((parameter, self.keep(prepared)));
            }
            Request::PrepareAndExecute { output: parameter, prepared, binds } => {
                let sql = prepared.sql.clone();
                output = Some((parameter, self.keep(prepared)));
                self.kept(&sql, &binds).await?;
            }
            Request::ExecutePrepared { handle, values } => {
                let prepared = self.prepared.get(&handle).cloned().ok_or_else(|| {
                    EngineError::new(
                        8179,
                        format!("Could not find prepared statement with handle {handle}."),
                    )
                })?;
                let binds = prepared.binds(values);
                self.kept(&prepared.sql, &binds).await?;
            }
            Request::Unprepare { handle } => {
                self.prepared.remove(&handle);
            }
            Request::Unknown => {
                let message = format!("Could not find stored procedure '{name}'.");
                return Err(EngineError::new(2812, message).into());
            }
        }
        let more = if last { 0 } else { MORE };
        let status = self.status(more);
        let out = &mut self.output.tokens;
        tokens::put_return_status(out, 0);
        if let Some((parameter, handle)) = output {
            tokens::put_return_int(out, 0, &parameter, handle);
        }
        tokens::put_done(out, DONE_PROCEDURE, status, None);
        Ok(())
    }

    /// Runs the text of a procedure call.
    async fn kept(&mut self, sql: &str, binds: &[Bind]) -> Result<(), Stop> {
        self.record.arrived(self.number, sql, binds);
        self.statements(sql, binds, Place { procedure: true, last: false }).await
    }

    fn keep(&mut self, prepared: Prepared) -> i32 {
        self.handles = self.handles.wrapping_add(1);
        self.prepared.insert(self.handles, prepared);
        self.handles
    }

    async fn statements(&mut self, sql: &str, binds: &[Bind], place: Place) -> Result<(), Stop> {
        match batch::read(sql) {
            Batch::Pieces(pieces) => {
                if pieces.is_empty() {
                    self.put_done(place, None);
                }
                let count = pieces.len();
                for (at, piece) in pieces.iter().enumerate() {
                    let place = Place { last: place.last && at + 1 == count, ..place };
                    self.piece(piece, binds, place).await?;
                }
            }
            Batch::Whole(pieces) => {
                self.query(sql, binds, place).await?;
                for piece in &pieces {
                    self.note(piece, binds);
                }
            }
        }
        Ok(())
    }

    /// Runs one piece that stands for itself.
    async fn piece(&mut self, piece: &Piece, binds: &[Bind], place: Place) -> Result<(), Stop> {
        match piece {
            Piece::Query(sql) | Piece::Other(sql) => return self.query(sql, binds, place).await,
            Piece::Use(name) => self.change_database(name)?,
            Piece::Begin => self.begin().await?,
            Piece::Commit(true) | Piece::Rollback(true) if self.transactions == 0 => {}
            Piece::Commit(_) => self.commit().await?,
            Piece::Rollback(_) => self.rollback().await?,
            Piece::Set | Piece::ContextInfo(_) | Piece::LockTimeout(_) => self.note(piece, binds),
        }
        self.put_done(place, None);
        Ok(())
    }

    /// Keeps what a piece tells of the session.
    fn note(&mut self, piece: &Piece, binds: &[Bind]) {
        let (name, told) = match piece {
            Piece::ContextInfo(value) => {
                let bound = binds.iter().find(|bind| bind.name.as_deref() == Some(value.as_str()));
                let bound = bound.and_then(|bind| bind.value.as_deref());
                ("context_info", batch::context_text(bound.unwrap_or(value)))
            }
            Piece::LockTimeout(value) => ("lock_timeout", Some(value.clone())),
            _ => return,
        };
        if let Some(told) = told {
            self.record.update(self.number, |view| {
                view.told.insert(name.to_string(), told);
            });
        }
    }

    /// Runs a text in the engine and sends its rows.
    async fn query(&mut self, sql: &str, binds: &[Bind], place: Place) -> Result<(), Stop> {
        let failed = |error| Stop::Error { error, sql: sql.to_string() };
        let outcome = tokio::select! {
            biased;
            interrupt = self.input.interrupt() => return Err(interrupt.into()),
            outcome = self.engine.execute(sql, binds) => outcome.map_err(failed)?,
        };
        let columns = match outcome {
            Outcome::Done { affected } => {
                self.put_done(place, (affected > 0).then_some(affected));
                return Ok(());
            }
            Outcome::Rows(columns) => columns,
        };
        let columns = columns.iter().map(|column| Column::new(column, self.utf8));
        let columns: Vec<Column> = columns.collect::<Result<_, _>>().map_err(failed)?;
        tokens::put_columns(&mut self.output.tokens, &columns);
        let mut count = 0;
        loop {
            let rows = tokio::select! {
                biased;
                interrupt = self.input.interrupt() => return Err(interrupt.into()),
                rows = self.engine.rows(CHUNK) => rows.map_err(failed)?,
            };
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                put_row(&mut self.output.tokens, &columns, row).map_err(failed)?;
                count += 1;
                if self.output.tokens.len() > BUFFER {
                    self.output.push(&mut self.input).await?;
                }
            }
            self.output.push(&mut self.input).await?;
        }
        self.put_done(place, Some(count));
        Ok(())
    }

    fn put_done(&mut self, place: Place, rows: Option<u64>) {
        let token = if place.procedure { DONE_IN_PROCEDURE } else { DONE };
        let status = self.status(if place.last { 0 } else { MORE });
        tokens::put_done(&mut self.output.tokens, token, status, rows);
    }

    fn status(&self, status: u16) -> u16 {
        if self.transactions > 0 { status | IN_TRANSACTION } else { status }
    }

    fn put_error(&mut self, error: &EngineError, sql: &str, procedure: bool) {
        let status = self.status(FAILED);
        let before: String = sql.chars().take(error.position.unwrap_or(0)).collect();
        let lines = before.bytes().filter(|byte| *byte == b'\n').count();
        let notice = Notice {
            number: error.number,
            class: class(error.number),
            message: &error.message,
            line: u32::try_from(lines + 1).unwrap_or(u32::MAX),
        };
        notice.put(&mut self.output.tokens);
        let token = if procedure { DONE_PROCEDURE } else { DONE };
        tokens::put_done(&mut self.output.tokens, token, status, None);
    }

    fn change_database(&mut self, name: &str) -> Result<(), Stop> {
        let Some(at) = self.databases.iter().position(|known| known.eq_ignore_ascii_case(name))
        else {
            let message = format!(
                "Database '{name}' does not exist. Make sure that the name is entered correctly."
            );
            return Err(EngineError::new(911, message).into());
        };
        let old = self.databases[0].clone();
        self.databases.swap(0, at);
        let new = &self.databases[0];
        let out = &mut self.output.tokens;
        tokens::put_change(out, &Change::Database { new, old: &old });
        let message = format!("Changed database context to '{new}'.");
        Notice { number: 5701, class: 10, message: &message, line: 1 }.put(out);
        Ok(())
    }

    /// A request of the transaction manager.
    async fn transaction(&mut self, body: &[u8]) -> Result<(), Stop> {
        let mut cursor = Cursor::new(body);
        let request = cursor.skip_headers().and_then(|()| cursor.u16()).map_err(malformed)?;
        // Ending a transaction may begin the next one.
        let begins = |mut cursor: Cursor<'_>| -> Result<bool, Malformed> {
            cursor.short_text()?;
            Ok(cursor.u8()? & 1 != 0)
        };
        match request {
            5 => self.begin().await?,
            7 => self.commit().await?,
            8 => self.rollback().await?,
            // A savepoint.
            9 => {}
            _ => return Err(malformed(Malformed("a request of the transaction manager"))),
        }
        if matches!(request, 7 | 8) && begins(cursor) == Ok(true) {
            self.begin().await?;
        }
        self.put_done(Place { procedure: false, last: true }, None);
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), Stop> {
        if self.transactions == 0 {
            self.engine.execute("BEGIN TRANSACTION", &[]).await?;
            self.changed(&Change::Began(self.descriptor()));
        }
        self.transactions = self.transactions.saturating_add(1);
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), Stop> {
        if self.transactions == 0 {
            return Err(no_transaction(3902, "COMMIT"));
        }
        self.transactions -= 1;
        if self.transactions == 0 {
            self.engine.execute("COMMIT TRANSACTION", &[]).await?;
            self.changed(&Change::Committed(self.descriptor()));
        }
        Ok(())
    }

    async fn rollback(&mut self) -> Result<(), Stop> {
        if self.transactions == 0 {
            return Err(no_transaction(3903, "ROLLBACK"));
        }
        self.transactions = 0;
        self.engine.execute("ROLLBACK TRANSACTION", &[]).await?;
        self.changed(&Change::RolledBack(self.descriptor()));
        Ok(())
    }

    async fn reset(&mut self) {
        if self.transactions > 0 {
            self.transactions = 0;
            // The session is new all the same.
            let _ = self.engine.execute("ROLLBACK TRANSACTION", &[]).await;
        }
        self.prepared.clear();
        self.record.update(self.number, |view| view.told.clear());
        tokens::put_change(&mut self.output.tokens, &Change::Reset);
    }

    fn changed(&mut self, change: &Change<'_>) {
        tokens::put_change(&mut self.output.tokens, change);
    }

    /// The number by which the protocol calls the session's transaction.
    fn descriptor(&self) -> u64 {
        self.number << 8 | 1
    }
}

fn no_transaction(number: u32, verb: &str) -> Stop {
    let message = format!("The {verb} TRANSACTION request has no corresponding BEGIN TRANSACTION.");
    EngineError::new(number, message).into()
}

fn malformed(Malformed(what): Malformed) -> Stop {
    let message =
        format!("The incoming tabular data stream (TDS) protocol stream is incorrect: {what}.");
    EngineError::new(8009, message).into()
}

/// The severity of a message.
fn class(number: u32) -> u8 {
    match number {
        102 | 103 | 105 | 156 | 170 | 319 => 15,
        229 | 230 | 262 | 297 | 300 | 916 | 2627 | 18450..=18490 => 14,
        1205 => 13,
        4060 => 11,
        596 | 8009 => 20,
        _ => 16,
    }
}
