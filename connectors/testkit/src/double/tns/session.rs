//! One connection: from the connect packet to the goodbye.

use super::answer::{self, CANCELLED, End, oracle};
use super::auth::{self, Challenge, Login};
use super::execute::Cursor;
use super::lob::Lobs;
use super::packet::{BREAK, FLAG_EOF, INTERRUPT, Incoming, Outgoing, Packet, RESET, Stream};
use super::request::{Context, Function, Request, Rider};
use super::wire::Malformed;
use super::{ServerVersion, Shared, refuse};
use crate::double::engine::{self, EngineError, EngineSession};
use crate::double::record::SessionView;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// The largest message a client may send.
const LARGEST: usize = 64 << 20;

/// Why an answer was not finished.
#[derive(Debug)]
pub(super) enum Halt {
    /// The client broke it off.
    Interrupted(u8),
    /// The connection is over.
    Over(io::Error),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Halt::Over(error)
    }
}

impl Incoming {
    /// Waits until the client interrupts or goes away. May be dropped.
    pub(super) async fn interruption(&mut self) -> Halt {
        match self.packet().await {
            Ok(Packet::Marker(kind)) => Halt::Interrupted(kind),
            // Nothing else may be sent before the answer.
            Ok(_) => Halt::Over(io::Error::other("a request before the answer")),
            Err(error) => Halt::Over(error),
        }
    }
}

/// One session.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    /// Its number in the record; 0 before the login.
    pub(super) number: u64,
    pub(super) engine: Option<Box<dyn EngineSession>>,
    pub(super) cursors: BTreeMap<u16, Cursor>,
    pub(super) next_cursor: u16,
    /// A statement runs, or its rows are not all sent.
    pub(super) busy: bool,
    /// The cursor whose rows are in the engine.
    pub(super) running: Option<u16>,
    pub(super) lobs: Lobs,
    /// The version of the messages.
    pub(super) fields: u8,
    pub(super) transaction: bool,
    challenge: Option<Challenge>,
    pairs: BTreeMap<String, String>,
}

/// Serves a connection until its end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: Box<dyn Stream>,
    mut stopped: watch::Receiver<bool>,
) {
    let (read, write) = tokio::io::split(stream);
    let mut session = Session {
        incoming: Incoming::new(read),
        outgoing: Outgoing::new(write, shared.faults.clone()),
        shared,
        number: 0,
        engine: None,
        cursors: BTreeMap::new(),
        next_cursor: 0,
        busy: false,
        running: None,
        lobs: Lobs::default(),
        fields: 0,
        transaction: false,
        challenge: None,
        pairs: BTreeMap::new(),
    };
    let ended = tokio::select! {
        ended = session.converse() => ended,
        _ = stopped.changed() => Ok(()),
    };
    if let Err(error) = &ended {
        tracing::debug!(%error, "a session of the double has ended");
    }
    // What still runs is stopped, though no client has asked for it.
    if let Some(engine) = &mut session.engine {
        engine.cancel().await;
    }
    if session.number > 0 {
        session.shared.record.closed(session.number);
    }
}

impl Session {
    async fn converse(&mut self) -> io::Result<()> {
        let options = &self.shared.options;
        self.fields = match options.version {
            ServerVersion::V19 => 12,
            ServerVersion::V23 => 24,
        };
        if !refuse::accept(&mut self.incoming, &mut self.outgoing, options).await? {
            return Ok(());
        }
        loop {
            let done = match self.incoming.packet().await? {
                Packet::Marker(kind) => Err(Halt::Interrupted(kind)),
                Packet::Data { flags, .. } if flags & FLAG_EOF != 0 => return Ok(()),
                Packet::Data { body, .. } => match self.request(body).await {
                    Ok(request) => self.answer(request).await,
                    Err(halt) => Err(halt),
                },
                other => return Err(io::Error::other(format!("{other:?} was not expected"))),
            };
            match done {
                Ok(()) => {}
                Err(Halt::Interrupted(kind)) => self.interrupted(kind).await?,
                Err(Halt::Over(error)) => return Err(error),
            }
        }
    }

    /// Reads the rest of a request that may take many packets.
    async fn request(&mut self, first: Bytes) -> Result<Request, Halt> {
        let mut whole = first.to_vec();
        let mut enough = 0;
        loop {
            if whole.len() >= enough {
                let binds = |id: u16| self.cursors.get(&id).map(Cursor::shape);
                let context = Context { fields: self.fields, binds: &binds };
                match Request::read(&whole, &context) {
                    Ok(request) => return Ok(request),
                    Err(Malformed::Wrong(what)) => {
                        return Err(io::Error::other(format!("a request is wrong: {what}")).into());
                    }
                    // A long one is not read anew for each of its packets.
                    Err(Malformed::Short(least)) => enough = least,
                }
            }
            match self.incoming.packet().await? {
                Packet::Data { body, .. } if whole.len() + body.len() <= LARGEST => {
                    whole.extend_from_slice(&body);
                }
                Packet::Marker(kind) => return Err(Halt::Interrupted(kind)),
                _ => return Err(io::Error::other("the rest of a request was expected").into()),
            }
        }
    }

    async fn answer(&mut self, request: Request) -> Result<(), Halt> {
        match request {
            Request::Protocol => Ok(self.outgoing.unmarked(answer::protocol(self.fields)).await?),
            Request::DataTypes { fields } => {
                self.fields = self.fields.min(fields);
                Ok(self.outgoing.unmarked(answer::data_types()).await?)
            }
            Request::Fast { fields, login } => {
                let mut body = answer::protocol(self.fields);
                self.fields = self.fields.min(fields);
                body.extend(answer::data_types());
                self.login_begin(login, body).await
            }
            Request::Call { riders, function } => {
                for rider in riders {
                    self.rider(rider).await;
                }
                self.function(function).await
            }
        }
    }

    async fn rider(&mut self, rider: Rider) {
        match rider {
            Rider::CloseCursors(cursors) => {
                for cursor in cursors {
                    self.close(cursor).await;
                }
            }
            Rider::FreeLobs(locators) => self.lobs.free(&locators),
            Rider::Tell(told) => self.shared.record.update(self.number, |view| {
                view.told.extend(told.into_iter().map(|(name, text)| (name.to_string(), text)));
            }),
            Rider::Nothing => {}
        }
    }

    async fn function(&mut self, function: Function) -> Result<(), Halt> {
        match function {
            Function::LoginBegin(login) => self.login_begin(login, Vec::new()).await,
            Function::LoginProve(login) => self.login_prove(login).await,
            _ if self.engine.is_none() => self.fail(&oracle(1012, "not logged on")).await,
            Function::Execute(request) => Box::pin(self.execute(*request)).await,
            Function::Again(request) => Box::pin(self.again(request)).await,
            Function::Fetch { cursor, rows } => Box::pin(self.fetch(cursor, rows)).await,
            Function::Lob(call) => match self.lobs.call(&call) {
                Ok(mut body) => {
                    answer::end(&mut body, self.fields, &End::default());
                    Ok(self.outgoing.last(body).await?)
                }
                Err(message) => self.fail(&oracle(22275, message)).await,
            },
            Function::Commit => self.finish("COMMIT").await,
            Function::Rollback => self.finish("ROLLBACK").await,
            Function::Ping | Function::Logoff => self.yes().await,
        }
    }

    async fn yes(&mut self) -> Result<(), Halt> {
        let mut body = Vec::new();
        answer::status(&mut body, self.transaction);
        Ok(self.outgoing.last(body).await?)
    }

    async fn fail(&mut self, error: &EngineError) -> Result<(), Halt> {
        let mut body = Vec::new();
        let message = answer::message(error);
        let end = End { number: error.number, message: &message, ..End::default() };
        answer::end(&mut body, self.fields, &end);
        Ok(self.outgoing.last(body).await?)
    }

    /// Ends the transaction.
    async fn finish(&mut self, sql: &str) -> Result<(), Halt> {
        self.transaction = false;
        match self.quietly(sql).await {
            Ok(()) => self.yes().await,
            Err(error) => self.fail(&error).await,
        }
    }

    /// Runs a statement that no client has sent as text.
    async fn quietly(&mut self, sql: &str) -> Result<(), EngineError> {
        self.yield_engine(0)
            .await
            .map_err(|_| oracle(3113, "end-of-file on communication channel"))?;
        match &mut self.engine {
            Some(engine) => engine.execute(sql, &[]).await.map(|_| ()),
            None => Ok(()),
        }
    }

    async fn login_begin(&mut self, login: Login, mut body: Vec<u8>) -> Result<(), Halt> {
        let challenge = Challenge::new(&login, &self.shared.options);
        body.extend(challenge.parameters());
        answer::status(&mut body, false);
        self.pairs = login.pairs;
        self.challenge = Some(challenge);
        Ok(self.outgoing.last(body).await?)
    }

    async fn login_prove(&mut self, mut login: Login) -> Result<(), Halt> {
        let Some(challenge) = self.challenge.take() else {
            return self
                .fail(&oracle(auth::WRONG, "invalid username/password; logon denied"))
                .await;
        };
        let Some(key) = challenge.check(&login) else {
            return self
                .fail(&oracle(auth::WRONG, "invalid username/password; logon denied"))
                .await;
        };
        let user = challenge.user().to_string();
        let denied = self.shared.options.denied.iter();
        let mut denied = denied.filter(|(name, _)| name.eq_ignore_ascii_case(&user));
        if let Some((_, number)) = denied.next() {
            let message = denial(*number);
            return self.fail(&oracle(*number, message)).await;
        }
        let asked =
            engine::Login { user: user.clone(), database: self.shared.options.service.clone() };
        match self.shared.engine.session(&asked).await {
            Ok(engine) => self.engine = Some(engine),
            Err(error) => return self.fail(&error).await,
        }
        self.pairs.append(&mut login.pairs);
        self.open(user);
        if let Some(sql) = self.pairs.get("AUTH_ALTER_SESSION").cloned() {
            // An engine that cannot set a time zone answers in UTC all the same.
            let _ = self.quietly(sql.trim_end_matches('\0')).await;
        }
        let mut body = auth::welcome(&key, self.number, &self.shared.options);
        answer::status(&mut body, false);
        Ok(self.outgoing.last(body).await?)
    }

    fn open(&mut self, user: String) {
        let pair = |name: &str| self.pairs.get(name).cloned().unwrap_or_default();
        let mut view =
            SessionView { user, program: pair("AUTH_PROGRAM_NM"), ..SessionView::default() };
        view.encrypted = self.shared.options.tls;
        view.told.insert("driver".into(), pair("SESSION_CLIENT_DRIVER_NAME"));
        view.told.insert("machine".into(), pair("AUTH_MACHINE"));
        self.number = self.shared.record.opened(view);
    }

    /// Sees whether the client has interrupted, without waiting.
    pub(super) async fn watch(&mut self) -> Result<(), Halt> {
        tokio::select! {
            biased;
            halt = self.incoming.interruption() => Err(halt),
            () = std::future::ready(()) => Ok(()),
        }
    }

    /// Stops what runs, makes sure both sides know where they are, and tells the client.
    async fn interrupted(&mut self, kind: u8) -> io::Result<()> {
        self.outgoing.of_statement(false);
        self.stop(true).await;
        if matches!(kind, BREAK | INTERRUPT) {
            self.outgoing.marker(BREAK).await?;
            while self.incoming.packet().await? != Packet::Marker(RESET) {}
        }
        self.outgoing.marker(RESET).await?;
        let mut body = Vec::new();
        let message = "ORA-01013: user requested cancel of current operation";
        let end =
            End { number: CANCELLED, message, transaction: self.transaction, ..End::default() };
        answer::end(&mut body, self.fields, &end);
        self.outgoing.last(body).await
    }
}

fn denial(number: u32) -> &'static str {
    match number {
        28_000 => "The account is locked.",
        28_001 => "The account has expired.",
        1045 => "user lacks CREATE SESSION privilege; logon denied",
        _ => "logon denied",
    }
}
