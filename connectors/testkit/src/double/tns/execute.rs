//! Statements: how they run in the engine, and how their rows go out while the client may break off.

use super::answer::{self, End, NO_MORE, oracle};
use super::decode::{Declared, Value};
use super::encode;
use super::json;
use super::request::{Again, Execute};
use super::session::{Halt, Session};
use super::types::{Kind, Type};
use super::vector;
use crate::double::engine::{Bind, EngineError, Outcome, ResultColumn, Row};
use std::collections::VecDeque;

/// Rows asked of the engine at a time.
const BATCH: usize = 512;
/// Rows of an unfinished cursor that are kept when another statement needs the engine.
const KEPT: usize = 4096;
/// Cursors a session may have open.
const CURSORS: usize = 300;

/// A parsed statement of a session.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    sql: String,
    block: bool,
    binds: Vec<Declared>,
    columns: Vec<(ResultColumn, Type)>,
    /// How the client wants each column, where it has said so.
    targets: Vec<Kind>,
    rows: Rows,
    fetched: u64,
}

/// Where a cursor's next rows are.
#[derive(Debug, Default)]
enum Rows {
    /// There are none.
    #[default]
    Ended,
    /// In the engine.
    Engine,
    /// Here: the engine was needed for another statement.
    Kept(VecDeque<Row>),
    /// Gone: there were too many to be kept.
    Lost,
}

impl Cursor {
    /// What a reader of requests must know.
    pub(super) fn shape(&self) -> (Vec<Declared>, bool) {
        (self.binds.clone(), self.block)
    }
}

/// What went wrong: the statement, or the whole connection.
pub(super) enum Failed {
    Statement(EngineError),
    Halt(Halt),
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Failed::Statement(error)
    }
}

impl From<Halt> for Failed {
    fn from(halt: Halt) -> Self {
        Failed::Halt(halt)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Failed::Halt(Halt::from(error))
    }
}

impl Session {
    /// Answers an execution.
    pub(super) async fn execute(&mut self, request: Execute) -> Result<(), Halt> {
        let mut body = Vec::new();
        let mut cursor = request.cursor;
        let done = self.run(&mut body, &mut cursor, request).await;
        self.conclude(body, cursor, done).await
    }

    /// Answers an execution of a cursor with the types of before.
    pub(super) async fn again(&mut self, request: Again) -> Result<(), Halt> {
        let mut body = Vec::new();
        let cursor = request.cursor;
        let commit = if request.commit { Execute::COMMIT } else { 0 };
        let done = self.start(&mut body, cursor, request.values, request.rows, false, commit).await;
        self.conclude(body, cursor, done).await
    }

    /// Answers a fetch.
    pub(super) async fn fetch(&mut self, cursor: u16, rows: u32) -> Result<(), Halt> {
        let mut body = Vec::new();
        let done = self.rows(&mut body, cursor, rows).await;
        self.conclude(body, cursor, done).await
    }

    /// Forgets a cursor, and what of it runs.
    pub(super) async fn close(&mut self, cursor: u16) {
        if self.running == Some(cursor) {
            self.stop(false).await;
        }
        self.cursors.remove(&cursor);
    }

    /// Stops what runs, if anything does.
    pub(super) async fn stop(&mut self, cancelled: bool) {
        if let Some(engine) = &mut self.engine {
            engine.cancel().await;
        }
        if let Some(cursor) = self.running.take().and_then(|id| self.cursors.get_mut(&id)) {
            cursor.rows = Rows::Lost;
        }
        self.ended(cancelled);
    }

    fn ended(&mut self, cancelled: bool) {
        if std::mem::take(&mut self.busy) {
            self.shared.record.ended(self.number, cancelled);
        }
    }

    async fn run(
        &mut self,
        body: &mut Vec<u8>,
        cursor: &mut u16,
        request: Execute,
    ) -> Result<Done, Failed> {
        if request.has(Execute::DEFINE) {
            let known = self.cursors.get_mut(cursor).ok_or_else(no_cursor)?;
            known.targets = request.defines.iter().map(|define| define.declared.kind).collect();
            if known.targets.len() != known.columns.len() {
                return Err(oracle(1007, "variable not in select list").into());
            }
            return self.rows(body, *cursor, request.rows).await;
        }
        let (options, block) = (request.options, request.is_block());
        let parsed = request.sql.is_some();
        if let Some(sql) = request.sql {
            self.close(*cursor).await;
            *cursor =
                self.free_cursor().ok_or_else(|| oracle(1000, "maximum open cursors exceeded"))?;
            self.cursors.insert(*cursor, Cursor { sql, block, ..Cursor::default() });
        }
        let known = self.cursors.get_mut(cursor).ok_or_else(no_cursor)?;
        known.binds = request.binds;
        let rows = if options & Execute::FETCH == 0 { 0 } else { request.rows };
        let word = first_word(&known.sql).unwrap_or_default();
        let done = match word.as_str() {
            _ if options & Execute::EXECUTE != 0 => {
                self.start(body, *cursor, request.values, rows, parsed, options).await
            }
            // A description alone: the engine has no other way to it than to begin.
            "SELECT" | "WITH" => {
                let begun = self.start(body, *cursor, Vec::new(), 0, parsed, 0).await;
                self.stop(false).await;
                begun
            }
            // DDL runs when it is parsed.
            "CREATE" | "DROP" | "ALTER" | "TRUNCATE" | "GRANT" | "REVOKE" | "COMMENT" => {
                self.start(body, *cursor, Vec::new(), 0, parsed, 0).await
            }
            _ => Ok(Done { rows: 0, no_more: false }),
        };
        if parsed && matches!(done, Err(Failed::Statement(_))) {
            self.close(*cursor).await;
            *cursor = 0;
        }
        done
    }

    /// Runs a cursor's statement once for each list of values, and sends its first rows.
    async fn start(
        &mut self,
        body: &mut Vec<u8>,
        id: u16,
        values: Vec<Vec<Value>>,
        rows: u32,
        parsed: bool,
        options: u32,
    ) -> Result<Done, Failed> {
        self.yield_engine(id).await?;
        self.outgoing.begin_statement();
        let (sql, binds, block) = {
            let cursor = self.cursors.get_mut(&id).ok_or_else(no_cursor)?;
            cursor.fetched = 0;
            cursor.rows = Rows::Ended;
            (cursor.sql.clone(), cursor.binds.clone(), cursor.block)
        };
        let mut affected = 0;
        let lists = if values.is_empty() { vec![Vec::new()] } else { values };
        for list in lists {
            let list: Vec<Bind> = list
                .into_iter()
                .zip(&binds)
                .map(|(value, bind)| value.bind(bind.declared, &self.lobs))
                .collect();
            self.shared.record.arrived(self.number, &sql, &list);
            self.busy = true;
            match self.engine_execute(&sql, &list).await? {
                Outcome::Rows(columns) => {
                    return self.begin_rows(body, id, columns, rows, parsed).await;
                }
                Outcome::Done { affected: more } => affected += more,
            }
            self.ended(false);
        }
        if first_word(&sql).is_some_and(|word| ["SELECT", "WITH"].contains(&word.as_str())) {
            return Err(oracle(942, "table or view does not exist").into());
        }
        if block && !binds.is_empty() {
            answer::directions(body, binds.len());
        }
        self.note_transaction(&sql);
        if options & Execute::COMMIT != 0 {
            self.engine_execute("COMMIT", &[]).await?;
            self.transaction = false;
        }
        Ok(Done { rows: affected, no_more: false })
    }

    async fn begin_rows(
        &mut self,
        body: &mut Vec<u8>,
        id: u16,
        columns: Vec<ResultColumn>,
        rows: u32,
        parsed: bool,
    ) -> Result<Done, Failed> {
        self.running = Some(id);
        let told: Result<Vec<_>, _> = columns.into_iter().map(typed).collect();
        let told = match told {
            Ok(told) => told,
            Err(error) => {
                self.stop(false).await;
                return Err(error.into());
            }
        };
        let fields = self.fields;
        let cursor = self.cursors.get_mut(&id).ok_or_else(no_cursor)?;
        cursor.rows = Rows::Engine;
        if parsed || cursor.columns != told {
            answer::describe(body, fields, &told);
            cursor.targets = Vec::new();
            cursor.columns = told;
        }
        // Large values wait until the client has said how it wants them.
        let waits = cursor.targets.is_empty()
            && cursor.columns.iter().any(|(_, told)| told.kind.is_large());
        if waits || rows == 0 {
            return Ok(Done { rows: 0, no_more: false });
        }
        self.rows(body, id, rows).await
    }

    /// Sends a cursor's next rows, as many as are asked for.
    async fn rows(&mut self, body: &mut Vec<u8>, id: u16, most: u32) -> Result<Done, Failed> {
        self.outgoing.of_statement(true);
        let mut left = usize::try_from(most).unwrap_or(usize::MAX);
        let mut header = false;
        while left > 0 {
            let rows = self.next_rows(id, left.min(BATCH)).await?;
            let cursor = self.cursors.get_mut(&id).ok_or_else(no_cursor)?;
            if rows.is_empty() {
                return Ok(Done { rows: cursor.fetched, no_more: true });
            }
            if !std::mem::replace(&mut header, true) {
                answer::row_header(body, cursor.columns.len());
            }
            left = left.saturating_sub(rows.len());
            cursor.fetched += rows.len() as u64;
            for row in &rows {
                let from = body.len();
                let put = put_row(body, &cursor.columns, &cursor.targets, row, &mut self.lobs);
                if let Err(wrong) = put {
                    body.truncate(from);
                    self.stop(false).await;
                    return Err(oracle(600, &format!("internal error code: {wrong}")).into());
                }
                self.outgoing.part(body).await?;
            }
            self.watch().await?;
        }
        let fetched = self.cursors.get(&id).map_or(0, |cursor| cursor.fetched);
        Ok(Done { rows: fetched, no_more: false })
    }

    async fn next_rows(&mut self, id: u16, most: usize) -> Result<Vec<Row>, Failed> {
        let cursor = self.cursors.get_mut(&id).ok_or_else(no_cursor)?;
        match &mut cursor.rows {
            Rows::Ended => return Ok(Vec::new()),
            Rows::Lost => return Err(oracle(1002, "fetch out of sequence").into()),
            Rows::Kept(kept) => {
                let count = most.min(kept.len());
                return Ok(kept.drain(..count).collect());
            }
            Rows::Engine => {}
        }
        let rows = self.engine_rows(most).await;
        let over = match &rows {
            Ok(rows) => rows.is_empty(),
            Err(Failed::Statement(_)) => true,
            Err(Failed::Halt(_)) => false,
        };
        if over {
            self.ended(false);
            self.running = None;
            if let Some(cursor) = self.cursors.get_mut(&id) {
                cursor.rows = Rows::Ended;
            }
        }
        rows
    }

    /// Frees the engine for a cursor: what another one has not fetched yet is kept, if it is little.
    pub(super) async fn yield_engine(&mut self, id: u16) -> Result<(), Halt> {
        let Some(other) = self.running else { return Ok(()) };
        let mut kept = VecDeque::new();
        let mut whole = false;
        while other != id && !whole && kept.len() <= KEPT {
            match self.engine_rows(BATCH).await {
                Ok(rows) if rows.is_empty() => whole = true,
                Ok(rows) => kept.extend(rows),
                Err(Failed::Statement(_)) => break,
                Err(Failed::Halt(halt)) => return Err(halt),
            }
        }
        self.stop(false).await;
        if let Some(cursor) = self.cursors.get_mut(&other).filter(|_| whole) {
            cursor.rows = Rows::Kept(kept);
        }
        Ok(())
    }

    async fn engine_execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome, Failed> {
        let Some(engine) = &mut self.engine else { return Err(not_logged_in().into()) };
        let done = tokio::select! {
            biased;
            done = engine.execute(sql, binds) => done,
            halt = self.incoming.interruption() => return Err(halt.into()),
        };
        if done.is_err() {
            self.ended(false);
        }
        Ok(done?)
    }

    async fn engine_rows(&mut self, most: usize) -> Result<Vec<Row>, Failed> {
        let Some(engine) = &mut self.engine else { return Err(not_logged_in().into()) };
        tokio::select! {
            biased;
            rows = engine.rows(most) => Ok(rows?),
            halt = self.incoming.interruption() => Err(halt.into()),
        }
    }

    /// Sends the end of an answer.
    async fn conclude(
        &mut self,
        mut body: Vec<u8>,
        cursor: u16,
        done: Result<Done, Failed>,
    ) -> Result<(), Halt> {
        let text;
        let mut end = End { cursor, transaction: self.transaction, ..End::default() };
        match done {
            Err(Failed::Halt(halt)) => return Err(halt),
            Ok(done) => {
                end.rows = done.rows;
                if done.no_more {
                    end.number = NO_MORE;
                    end.message = "ORA-01403: no data found";
                }
            }
            Err(Failed::Statement(error)) => {
                text = answer::message(&error);
                end.number = error.number.max(1);
                end.message = &text;
                end.position = error.position.unwrap_or_default();
            }
        }
        answer::end(&mut body, self.fields, &end);
        self.outgoing.of_statement(true);
        let sent = self.outgoing.last(body).await;
        self.outgoing.of_statement(false);
        Ok(sent?)
    }

    fn free_cursor(&mut self) -> Option<u16> {
        if self.cursors.len() >= CURSORS {
            return None;
        }
        loop {
            self.next_cursor = self.next_cursor.checked_add(1).unwrap_or(1);
            if !self.cursors.contains_key(&self.next_cursor) {
                return Some(self.next_cursor);
            }
        }
    }

    fn note_transaction(&mut self, sql: &str) {
        match first_word(sql).unwrap_or_default().as_str() {
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "SET" => self.transaction = true,
            "COMMIT" | "ROLLBACK" | "CREATE" | "DROP" | "ALTER" | "TRUNCATE" => {
                self.transaction = false;
            }
            _ => {}
        }
    }
}

/// How an execution or a fetch went.
struct Done {
    /// Rows changed, or fetched so far.
    rows: u64,
    /// The rows are at their end.
    no_more: bool,
}

fn typed(column: ResultColumn) -> Result<(ResultColumn, Type), EngineError> {
    match Type::parse(&column.native) {
        Some(told) => Ok((column, told)),
        None => {
            let message =
                format!("unsupported network data type or representation: {}", column.native);
            Err(oracle(3115, &message))
        }
    }
}

fn put_row(
    body: &mut Vec<u8>,
    columns: &[(ResultColumn, Type)],
    targets: &[Kind],
    row: &Row,
    lobs: &mut super::lob::Lobs,
) -> Result<(), String> {
    body.push(7);
    for (place, (_, told)) in columns.iter().enumerate() {
        let kind = targets.get(place).copied().unwrap_or(told.kind);
        match row.get(place).and_then(Option::as_deref) {
            // Oracle knows no empty text.
            None => encode::null(body, kind),
            Some("") if kind.is_text() && !kind.is_large() => encode::null(body, kind),
            Some(text) => match kind {
                Kind::Clob | Kind::Nclob | Kind::Blob => lobs.put(body, kind, text)?,
                Kind::Json => json::put(body, text)?,
                Kind::Vector => vector::put(body, *told, text)?,
                _ => encode::value(body, kind, text)?,
            },
        }
    }
    Ok(())
}

fn first_word(sql: &str) -> Option<String> {
    let start = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let word: String = start.chars().take_while(|c| c.is_alphabetic()).collect();
    (!word.is_empty()).then(|| word.to_uppercase())
}

fn no_cursor() -> EngineError {
    oracle(1001, "invalid cursor")
}

fn not_logged_in() -> EngineError {
    oracle(1012, "not logged on")
}
