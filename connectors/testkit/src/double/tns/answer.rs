//! The messages a server sends, apart from rows.

use super::types::{Kind, Type};
use super::wire::Put;
use crate::double::engine::{EngineError, ResultColumn};

/// No more rows: the end of a fetch, told as an error.
pub(super) const NO_MORE: u32 = 1403;
/// The client broke off what ran.
pub(super) const CANCELLED: u32 = 1013;

/// The character set AL32UTF8, the database's.
const UTF8: u16 = 873;
/// The character set AL16UTF16, the national one.
const UTF16: u16 = 2000;

/// How a call ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct End<'a> {
    /// The error's number; 0 for none.
    pub(super) number: u32,
    /// Its message.
    pub(super) message: &'a str,
    /// Where in the text.
    pub(super) position: usize,
    /// The cursor it was about.
    pub(super) cursor: u16,
    /// Rows fetched or changed.
    pub(super) rows: u64,
    /// A transaction is open.
    pub(super) transaction: bool,
}

/// What ends the answer to an execution or a fetch.
pub(super) fn end(out: &mut Vec<u8>, fields: u8, end: &End<'_>) {
    out.byte(4).ub(call_status(end.transaction)).ub(0).ub(0);
    out.ub(u64::from(end.number & 0xffff)).ub(0).ub(0).ub(u64::from(end.cursor));
    out.ub(u64::try_from(end.position.min(0xffff)).unwrap_or_default()).raw(&[0; 6]);
    out.ub(0).ub(0).byte(0).ub(0).ub(0); // row id
    out.ub(0).raw(&[0; 2]).ub(0).ub(0).ub(0); // system error, counters
    out.ub(0).ub(0).ub(0); // errors of a batch
    out.ub(u64::from(end.number)).ub(end.rows);
    if fields >= 14 {
        out.ub(0).ub(0);
    }
    if end.number != 0 {
        out.bytes(format!("{}\n", end.message).as_bytes());
    }
}

/// What ends the answer to a call without a cursor.
pub(super) fn status(out: &mut Vec<u8>, transaction: bool) {
    out.byte(9).ub(call_status(transaction)).ub(0);
}

fn call_status(transaction: bool) -> u64 {
    if transaction { 3 } else { 1 }
}

/// An error of the double's own.
pub(super) fn oracle(number: u32, message: &str) -> EngineError {
    EngineError::new(number, format!("ORA-{number:05}: {message}"))
}

/// An engine's message, with the number that must stand in front.
pub(super) fn message(error: &EngineError) -> String {
    if error.message.starts_with("ORA-") {
        error.message.clone()
    } else {
        format!("ORA-{:05}: {}", error.number, error.message)
    }
}

/// What the server is and can do.
pub(super) fn protocol(fields: u8) -> Vec<u8> {
    let mut compiled = [0; 55];
    for (place, value) in [
        (0, 6),
        (4, 0xEA),
        (7, fields),
        (15, 0x29),
        (16, 0x90),
        (17, 3),
        (18, 7),
        (19, 3),
        (21, 1),
        (23, 0xCF),
        (26, 4),
        (27, 1),
        (37, 0xB8),
    ] {
        compiled[place] = value;
    }
    let mut runtime = [0; 11];
    runtime[0] = 2;
    runtime[6] = 0x04; // values of 32,767 bytes
    let mut out = vec![1, 6, 0];
    out.extend(b"x86_64/Linux 2.4.xx\0");
    out.extend(UTF8.to_le_bytes());
    out.push(1);
    out.extend([0, 0]);
    let mut format = vec![0; 9];
    format.extend(UTF16.to_be_bytes());
    format.extend([0, 0]);
    out.extend(u16::try_from(format.len()).unwrap_or_default().to_be_bytes());
    out.extend(format);
    out.bytes(&compiled).bytes(&runtime);
    out
}

/// The types the server knows.
pub(super) fn data_types() -> Vec<u8> {
    let mut out = vec![2];
    let types =
        [1, 2, 8, 11, 12, 23, 24, 96, 100, 101, 112, 113, 119, 127, 180, 181, 182, 183, 208];
    for number in types.into_iter().chain([231, 252]) {
        let number = u16::from(number as u8);
        let representation = if matches!(number, 2 | 12) { 10_u16 } else { 1 };
        for part in [number, number, representation, 0] {
            out.extend(part.to_be_bytes());
        }
    }
    out.extend([0, 0]);
    out
}

/// The columns of a result.
pub(super) fn describe(out: &mut Vec<u8>, fields: u8, columns: &[(ResultColumn, Type)]) {
    let widest: u64 = columns.iter().map(|(_, told)| u64::from(told.bytes())).sum();
    out.byte(16).bytes(&[7; 23]).ub(widest).ub(columns.len() as u64);
    if !columns.is_empty() {
        out.byte(0x51);
    }
    for (number, (column, told)) in columns.iter().enumerate() {
        describe_one(out, fields, number as u64 + 1, column, *told);
    }
    out.ub(7).bytes(&[120, 124, 1, 1, 1, 1, 1]).ub(0).ub(0).ub(0).ub(0).ub(0);
}

fn describe_one(out: &mut Vec<u8>, fields: u8, number: u64, column: &ResultColumn, told: Type) {
    let kind = told.kind;
    let charset = match kind.form() {
        0 => 0,
        1 => UTF8,
        _ => UTF16,
    };
    let characters = match kind {
        Kind::Varchar | Kind::Nvarchar | Kind::Char | Kind::Nchar => told.size,
        _ => 0,
    };
    out.byte(kind.number()).byte(0x81);
    let scale = if kind == Kind::Vector { 0 } else { told.scale };
    out.raw(&told.precision.to_be_bytes()).raw(&scale.to_be_bytes());
    out.ub(u64::from(told.bytes())).ub(0).ub(0).ub(0).ub(0);
    out.ub(u64::from(charset)).byte(kind.form()).ub(u64::from(characters));
    if fields >= 8 {
        out.ub(0);
    }
    let name = column.name.as_bytes();
    out.byte(u8::from(column.nullable)).byte(u8::try_from(name.len()).unwrap_or(255));
    out.counted(name).ub(0).ub(0).ub(number).ub(0);
    if fields >= 17 {
        out.ub(0).ub(0); // domain
    }
    if fields >= 20 {
        out.ub(0); // annotations
    }
    if fields >= 24 {
        match kind {
            Kind::Vector => out.ub(u64::from(told.size)).raw(&told.scale.to_be_bytes()).byte(0),
            _ => out.ub(0).raw(&[0; 2]),
        };
    }
}

/// What stands before the rows of an answer.
pub(super) fn row_header(out: &mut Vec<u8>, columns: usize) {
    out.byte(6).byte(2).ub(columns as u64).ub(0).ub(1).ub(0).ub(0).ub(0);
}

/// That all binds of a block go in and none come out.
pub(super) fn directions(out: &mut Vec<u8>, binds: usize) {
    let binds = binds as u64;
    out.byte(11).byte(0).ub(binds % 256).ub(binds / 256).ub(1).ub(0).ub(0).ub(0);
    out.extend((0..binds).map(|_| 32));
}
