//! What a client asks for: one function, with others that ride in front of it.

use super::auth::Login;
use super::decode::{Declared, Value};
use super::wire::{Malformed, Reader};
use std::collections::BTreeMap;

/// One whole message of the client.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    /// The protocol version and the client's name.
    Protocol,
    /// The client's types, and the version of the messages it can read.
    DataTypes {
        /// That version.
        fields: u8,
    },
    /// Both of those and the first login message in one.
    Fast {
        /// The version of the messages the client can read.
        fields: u8,
        /// The login.
        login: Login,
    },
    /// A function.
    Call {
        /// What rides in front.
        riders: Vec<Rider>,
        /// The function.
        function: Function,
    },
}

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Function {
    /// The first login message.
    LoginBegin(Login),
    /// The second one.
    LoginProve(Login),
    /// Parse, execute, describe, define, fetch: whatever its options say.
    Execute(Box<Execute>),
    /// Execute a cursor again.
    Again(Again),
    /// The next rows of a cursor.
    Fetch {
        /// The cursor.
        cursor: u16,
        /// How many.
        rows: u32,
    },
    /// An operation on a LOB.
    Lob(LobCall),
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// Whether the server is there; or something that needs no more than "yes".
    Ping,
    /// The end of the session.
    Logoff,
}

/// Something that rides in front of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rider {
    /// Cursors are no longer needed.
    CloseCursors(Vec<u16>),
    /// What the client tells of itself, by name.
    Tell(Vec<(&'static str, String)>),
    /// Locators that are no longer needed.
    FreeLobs(Vec<u8>),
    /// Something that needs no deed.
    Nothing,
}

/// An execution.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Execute {
    /// What is to be done.
    pub(super) options: u32,
    /// The cursor, 0 for a new one.
    pub(super) cursor: u16,
    /// The text, where it is to be parsed.
    pub(super) sql: Option<String>,
    /// Rows that may come with the answer.
    pub(super) rows: u32,
    /// The types of the binds.
    pub(super) binds: Vec<Declared>,
    /// The types in which columns are to be fetched.
    pub(super) defines: Vec<Declared>,
    /// The bound values, one list for each execution.
    pub(super) values: Vec<Vec<Value>>,
}

impl Execute {
    pub(super) const DEFINE: u32 = 0x10;
    pub(super) const EXECUTE: u32 = 0x20;
    pub(super) const FETCH: u32 = 0x40;
    pub(super) const COMMIT: u32 = 0x100;
    const NOT_PLSQL: u32 = 0x8000;

    /// Whether an option is set.
    pub(super) fn has(&self, option: u32) -> bool {
        self.options & option != 0
    }

    /// Whether the text is a block.
    pub(super) fn is_block(&self) -> bool {
        !self.has(Self::NOT_PLSQL)
    }
}

/// An execution of a cursor with the types of before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Again {
    /// The cursor.
    pub(super) cursor: u16,
    /// Rows that may come with the answer.
    pub(super) rows: u32,
    /// Whether it is to be committed.
    pub(super) commit: bool,
    /// The bound values, one list for each execution.
    pub(super) values: Vec<Vec<Value>>,
}

/// An operation on a LOB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LobCall {
    pub(super) operation: u32,
    pub(super) locator: Vec<u8>,
    /// The offset, from 1.
    pub(super) source: u64,
    pub(super) destination: u64,
    pub(super) amount: u64,
    pub(super) sends_amount: bool,
    /// What is to be written.
    pub(super) data: Vec<u8>,
}

/// What a reader must know of the session.
pub(super) struct Context<'a> {
    /// The version of the messages.
    pub(super) fields: u8,
    /// The binds of a cursor, and whether it is a block.
    pub(super) binds: &'a dyn Fn(u16) -> Option<(Vec<Declared>, bool)>,
}

/// Messages and functions, by their numbers.
const PROTOCOL: u8 = 1;
const DATA_TYPES: u8 = 2;
const FUNCTION: u8 = 3;
const ROW: u8 = 7;
const LOB_DATA: u8 = 14;
const RIDER: u8 = 17;
const FAST: u8 = 34;

/// Whatever a count says, no more of anything is taken.
const MOST: usize = 65_535;

/// The first version with a token in each function's head.
const TOKENS: u8 = 18;

impl Request {
    /// Reads a message that may not be there as a whole.
    pub(super) fn read(bytes: &[u8], context: &Context<'_>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut riders = Vec::new();
        loop {
            match reader.u8()? {
                PROTOCOL => return Ok(Request::Protocol),
                DATA_TYPES => {
                    return Ok(Request::DataTypes { fields: data_types(&mut reader)? });
                }
                FAST => return fast(&mut reader),
                RIDER => riders.push(rider(&mut reader, context)?),
                FUNCTION => {
                    let code = head(&mut reader, context.fields)?;
                    let function = function(code, &mut reader, context)?;
                    return Ok(Request::Call { riders, function });
                }
                _ => return Err(Malformed::Wrong("a message's number")),
            }
        }
    }
}

/// A function's number, past its sequence number and token.
fn head(reader: &mut Reader<'_>, fields: u8) -> Result<u8, Malformed> {
    let code = reader.u8()?;
    reader.u8()?;
    if fields >= TOKENS {
        reader.ub()?;
    }
    Ok(code)
}

fn function(
    code: u8,
    reader: &mut Reader<'_>,
    context: &Context<'_>,
) -> Result<Function, Malformed> {
    Ok(match code {
        0x76 => Function::LoginBegin(login(reader)?),
        0x73 => Function::LoginProve(login(reader)?),
        94 => Function::Execute(Box::new(execute(reader, context)?)),
        4 | 78 => Function::Again(again(reader, context, code == 78)?),
        5 => Function::Fetch { cursor: cursor(reader)?, rows: reader.ub4()? },
        96 => Function::Lob(lob(reader)?),
        14 => Function::Commit,
        15 => Function::Rollback,
        9 => Function::Logoff,
        147 | 162 | 163 => Function::Ping,
        _ => return Err(Malformed::Wrong("a function's number")),
    })
}

fn rider(reader: &mut Reader<'_>, context: &Context<'_>) -> Result<Rider, Malformed> {
    Ok(match head(reader, context.fields)? {
        105 | 120 => {
            reader.u8()?;
            let count = bounded(reader)?;
            Rider::CloseCursors((0..count).map(|_| cursor(reader)).collect::<Result<_, _>>()?)
        }
        135 => Rider::Tell(told(reader)?),
        96 => Rider::FreeLobs(lob(reader)?.locator),
        // A schema's name.
        152 => {
            reader.u8()?;
            reader.ub()?;
            reader.bytes()?;
            Rider::Nothing
        }
        // A namespace with its keys and values.
        154 => {
            reader.raw(1)?;
            reader.ub()?;
            reader.raw(1)?;
            let count = bounded(reader)?;
            reader.ub()?;
            reader.raw(1)?;
            reader.bytes()?;
            pairs(reader, count)?;
            Rider::Nothing
        }
        // Where a request begins or ends.
        176 => {
            reader.ub()?;
            Rider::Nothing
        }
        _ => return Err(Malformed::Wrong("a rider's number")),
    })
}

/// MODULE, ACTION and the like: first which there are and how long, then the texts.
fn told(reader: &mut Reader<'_>) -> Result<Vec<(&'static str, String)>, Malformed> {
    reader.raw(2)?;
    let flags = reader.ub()?;
    let mut there = Vec::new();
    let length = |reader: &mut Reader<'_>| -> Result<u64, Malformed> {
        reader.u8()?;
        reader.ub()
    };
    for (name, flag) in [("client_identifier", 0x01), ("module", 0x08), ("action", 0x10)] {
        there.push((name, flags & flag != 0, length(reader)?));
    }
    length(reader)?;
    reader.u8()?;
    reader.ub()?;
    there.push(("client_info", flags & 0x100 != 0, length(reader)?));
    length(reader)?;
    length(reader)?;
    there.push(("dbop", flags & 0x200 != 0, length(reader)?));
    let mut told = Vec::new();
    for (name, set, length) in there {
        let text = if length > 0 { reader.text()? } else { String::new() };
        if set {
            told.push((name, text));
        }
    }
    Ok(told)
}

fn fast(reader: &mut Reader<'_>) -> Result<Request, Malformed> {
    reader.raw(3)?;
    expect(reader, PROTOCOL)?;
    reader.raw(2)?;
    while reader.u8()? != 0 {}
    reader.raw(5)?;
    let fields = reader.u8()?;
    expect(reader, DATA_TYPES)?;
    let newest = data_types(reader)?;
    expect(reader, FUNCTION)?;
    match head(reader, fields)? {
        0x76 => Ok(Request::Fast { fields: newest, login: login(reader)? }),
        _ => Err(Malformed::Wrong("a login")),
    }
}

fn expect(reader: &mut Reader<'_>, message: u8) -> Result<(), Malformed> {
    let found = reader.u8()?;
    if found == message { Ok(()) } else { Err(Malformed::Wrong("a message's number")) }
}

/// The version of the messages that the client's capabilities name.
fn data_types(reader: &mut Reader<'_>) -> Result<u8, Malformed> {
    reader.raw(5)?;
    let compiled = reader.bytes()?.unwrap_or_default();
    let runtime = reader.bytes()?.unwrap_or_default();
    if runtime.get(1).is_some_and(|flags| flags & 1 != 0) {
        reader.raw(11)?; // a time zone
    }
    while reader.u16()? != 0 {
        reader.raw(6)?;
    }
    Ok(compiled.get(7).copied().unwrap_or_default())
}

fn login(reader: &mut Reader<'_>) -> Result<Login, Malformed> {
    reader.u8()?;
    let length = reader.ub()?;
    reader.ub()?;
    reader.u8()?;
    let count = bounded(reader)?;
    reader.raw(2)?;
    let user = if length > 0 { reader.text()? } else { String::new() };
    Ok(Login { user, pairs: pairs(reader, count)? })
}

fn pairs(reader: &mut Reader<'_>, count: usize) -> Result<BTreeMap<String, String>, Malformed> {
    let mut pairs = BTreeMap::new();
    for _ in 0..count {
        let (name, value) = (reader.counted_text()?, reader.counted_text()?);
        reader.ub()?;
        pairs.insert(name, value);
    }
    Ok(pairs)
}

fn execute(reader: &mut Reader<'_>, context: &Context<'_>) -> Result<Execute, Malformed> {
    let options = reader.ub4()?;
    let cursor = cursor(reader)?;
    reader.u8()?;
    let length = reader.ub()?;
    reader.u8()?;
    reader.ub()?;
    reader.raw(2)?;
    reader.ub()?;
    let rows = reader.ub4()?;
    reader.ub()?;
    reader.u8()?;
    let bound = bounded(reader)?;
    reader.raw(6)?;
    let defined = bounded(reader)?;
    reader.ub()?;
    reader.raw(3)?;
    reader.ub()?;
    reader.u8()?;
    reader.ub()?;
    reader.ub()?;
    reader.u8()?;
    reader.ub()?;
    reader.u8()?;
    if context.fields >= 8 {
        reader.u8()?;
        reader.ub()?;
        reader.u8()?;
        reader.ub()?;
        reader.u8()?;
    }
    if context.fields >= 9 {
        reader.u8()?;
        reader.ub()?;
    }
    let sql = if length > 0 { Some(reader.text()?) } else { None };
    let mut extra = [0; 13];
    for value in &mut extra {
        *value = reader.ub()?;
    }
    let mut request = Execute {
        options,
        cursor,
        sql,
        rows,
        binds: Vec::new(),
        defines: Vec::new(),
        values: Vec::new(),
    };
    if request.has(Execute::DEFINE) {
        request.defines = declared(reader, defined, context)?;
        return Ok(request);
    }
    request.binds = declared(reader, bound, context)?;
    if bound > 0 {
        let is_query = extra[7] != 0;
        let times = if is_query { 1 } else { extra[1].max(1) };
        request.values = rows_of(reader, &request.binds, request.is_block(), times)?;
    }
    Ok(request)
}

fn again(reader: &mut Reader<'_>, context: &Context<'_>, query: bool) -> Result<Again, Malformed> {
    let cursor = cursor(reader)?;
    let times = reader.ub4()?;
    reader.ub()?;
    let commit = reader.ub()? & 1 != 0;
    let (binds, block) = (context.binds)(cursor).unwrap_or_default();
    let mut values = Vec::new();
    if !binds.is_empty() {
        let count = if query { 1 } else { u64::from(times.max(1)) };
        values = rows_of(reader, &binds, block, count)?;
    }
    Ok(Again { cursor, rows: if query { times } else { 0 }, commit, values })
}

fn declared(
    reader: &mut Reader<'_>,
    count: usize,
    context: &Context<'_>,
) -> Result<Vec<Declared>, Malformed> {
    (0..count).map(|_| Declared::read(reader, context.fields)).collect()
}

/// The values of some executions. Long ones stand behind the others, except in blocks.
fn rows_of(
    reader: &mut Reader<'_>,
    binds: &[Declared],
    block: bool,
    times: u64,
) -> Result<Vec<Vec<Value>>, Malformed> {
    let long = |bind: &&(usize, &Declared)| !block && bind.1.bytes > 32_767;
    let places: Vec<(usize, &Declared)> = binds.iter().enumerate().collect();
    let order = places.iter().filter(|bind| !long(bind)).chain(places.iter().filter(long));
    let order: Vec<_> = order.copied().collect();
    let mut rows = Vec::new();
    for _ in 0..times {
        expect(reader, ROW)?;
        let mut row = vec![Value::Null; binds.len()];
        for (place, bind) in &order {
            row[*place] = Value::read(reader, bind.declared.kind)?;
        }
        rows.push(row);
    }
    Ok(rows)
}

fn lob(reader: &mut Reader<'_>) -> Result<LobCall, Malformed> {
    reader.u8()?;
    let length = reader.count()?;
    reader.u8()?;
    reader.ub()?;
    reader.ub()?;
    reader.ub()?;
    let charset = reader.u8()? != 0;
    reader.raw(2)?;
    let operation = reader.ub4()?;
    reader.raw(2)?;
    let (source, destination) = (reader.ub()?, reader.ub()?);
    let sends_amount = reader.u8()? != 0;
    reader.raw(6)?;
    let locator = reader.raw(length)?.to_vec();
    if charset {
        reader.ub()?;
    }
    let mut data = Vec::new();
    if operation == 0x40 {
        expect(reader, LOB_DATA)?;
        data = reader.bytes()?.unwrap_or_default();
    }
    let amount = if sends_amount { reader.ub()? } else { 0 };
    Ok(LobCall { operation, locator, source, destination, amount, sends_amount, data })
}

fn cursor(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    u16::try_from(reader.ub()?).map_err(|_| Malformed::Wrong("a cursor"))
}

fn bounded(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let count = reader.count()?;
    if count <= MOST { Ok(count) } else { Err(Malformed::Wrong("a count")) }
}
