//! What the audit calls a statement, worked out of its text: to find out whether a text is the statement of a record.

use super::statement::Statement;
use super::supervise::STACK_BYTES;
use crate::audit::LiteralKey;
use crate::error::{Error, Result};

/// How the audit names a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The fingerprint of the statement without its literals.
    pub fingerprint: String,
    /// The digests of its literals, where there is a key for them.
    pub literals: Vec<String>,
}

/// The identity of a text that passes the gate. A word in double quotes counts as a name; where the audit took it for a text, the
/// fingerprint is another.
///
/// # Errors
/// `Syntax`, `NotAllowed` or `TooComplex`.
pub fn identify(sql: &str, key: Option<&LiteralKey>) -> Result<Identity> {
    // The parser recurses.
    let parse = || Statement::parse_for(sql, key);
    let parsed = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, parse).ok().and_then(|thread| thread.join().ok())
    });
    let parsed = parsed.ok_or_else(|| Error::internal("a statement cannot be parsed"))??;
    Ok(Identity {
        fingerprint: parsed.fingerprint().to_string(),
        literals: parsed.literals().to_vec(),
    })
}
