//! Remote procedure calls: `sp_executesql` and the family of `sp_prepare`.

use super::cursor::{Cursor, Malformed, utf16};
use super::decode::{self, Value};
use crate::double::engine::Bind;

/// A call as it arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) procedure: String,
    pub(super) parameters: Vec<Parameter>,
}

/// One parameter of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    name: String,
    value: Value,
}

/// What a call asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Run a text.
    Execute { sql: String, binds: Vec<Bind> },
    /// Keep a text; its handle goes back in the parameter of this name.
    Prepare { output: String, prepared: Prepared },
    /// Keep a text and run it.
    PrepareAndExecute { output: String, prepared: Prepared, binds: Vec<Bind> },
    /// Run a kept text, with values in the order of its parameters.
    ExecutePrepared { handle: i32, values: Vec<Parameter> },
    /// Forget a kept text.
    Unprepare { handle: i32 },
    /// There is no such procedure here.
    Unknown,
}

/// A text that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    pub(super) sql: String,
    declared: Vec<(String, String)>,
}

/// Reads the calls of a message.
pub(super) fn calls(body: &[u8]) -> Result<Vec<Call>, Malformed> {
    let mut cursor = Cursor::new(body);
    cursor.skip_headers()?;
    let mut calls = Vec::new();
    while !cursor.is_empty() {
        calls.push(call(&mut cursor)?);
    }
    Ok(calls)
}

fn call(cursor: &mut Cursor<'_>) -> Result<Call, Malformed> {
    let procedure = match cursor.u16()? {
        u16::MAX => match cursor.u16()? {
            10 => "sp_executesql".to_string(),
            11 => "sp_prepare".to_string(),
            12 => "sp_execute".to_string(),
            13 => "sp_prepexec".to_string(),
            15 => "sp_unprepare".to_string(),
            number => format!("procedure {number}"),
        },
        length => utf16(cursor.take(usize::from(length) * 2)?)?,
    };
    cursor.u16()?;
    let mut parameters = Vec::new();
    while let Some(next) = cursor.peek() {
        // The next call of the same message.
        if matches!(next, 0xff | 0x80) {
            cursor.u8()?;
            break;
        }
        let name = cursor.short_text()?;
        cursor.u8()?;
        parameters.push(Parameter { name, value: decode::value(cursor)? });
    }
    Ok(Call { procedure, parameters })
}

impl Call {
    /// What is asked.
    pub(super) fn request(self) -> Result<Request, Malformed> {
        let name = self.procedure.to_ascii_lowercase();
        let name = name.rsplit('.').next().unwrap_or_default().trim_matches(['[', ']']).to_string();
        let mut parameters = self.parameters.into_iter();
        let mut next = || parameters.next().ok_or(Malformed("a parameter is missing"));
        Ok(match name.as_str() {
            "sp_executesql" => {
                let sql = next()?.value.text.unwrap_or_default();
                let declared = parameters.next().map(|parameter| declared(&parameter));
                let prepared = Prepared { sql, declared: declared.unwrap_or_default() };
                let binds = prepared.binds(parameters);
                Request::Execute { sql: prepared.sql, binds }
            }
            "sp_prepare" | "sp_prepexec" => {
                let output = next()?.name;
                let declared = declared(&next()?);
                let prepared = Prepared { sql: next()?.value.text.unwrap_or_default(), declared };
                if name == "sp_prepare" {
                    return Ok(Request::Prepare { output, prepared });
                }
                let binds = prepared.binds(parameters);
                Request::PrepareAndExecute { output, prepared, binds }
            }
            "sp_execute" => {
                let handle = handle(&next()?)?;
                Request::ExecutePrepared { handle, values: parameters.collect() }
            }
            "sp_unprepare" => Request::Unprepare { handle: handle(&next()?)? },
            _ => Request::Unknown,
        })
    }
}

impl Prepared {
    /// Values with the names and types that were declared for them.
    pub(super) fn binds(&self, values: impl IntoIterator<Item = Parameter>) -> Vec<Bind> {
        let bind = |(at, Parameter { name, value }): (usize, Parameter)| {
            let declared = if name.is_empty() {
                self.declared.get(at)
            } else {
                self.declared.iter().find(|(declared, _)| declared.eq_ignore_ascii_case(&name))
            };
            let name =
                if name.is_empty() { declared.map(|(name, _)| name.clone()) } else { Some(name) };
            let native = declared.map_or(value.native, |(_, native)| native.clone());
            Bind { name, native, value: value.text }
        };
        values.into_iter().enumerate().map(bind).collect()
    }
}

/// The parameters that a text such as `@P1 int, @P2 decimal(18,4) OUTPUT` declares.
fn declared(parameter: &Parameter) -> Vec<(String, String)> {
    let text = parameter.value.text.as_deref().unwrap_or_default();
    let mut depth = 0_usize;
    let parts = text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    let declaration = |part: &str| {
        let (name, native) = part.trim().split_once(char::is_whitespace)?;
        let native = native.trim().to_ascii_lowercase();
        let mut native = native.as_str();
        for behind in [" output", " out", " readonly"] {
            native = native.strip_suffix(behind).unwrap_or(native).trim_end();
        }
        let native = native.strip_prefix("as ").unwrap_or(native).trim();
        Some((name.to_string(), native.to_string()))
    };
    parts.filter_map(declaration).collect()
}

fn handle(parameter: &Parameter) -> Result<i32, Malformed> {
    let text = parameter.value.text.as_deref().unwrap_or_default();
    text.parse().map_err(|_| Malformed("a handle that is no number"))
}
