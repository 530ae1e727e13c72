//! What goes wrong, in Oracle's words and with Oracle's numbers.

use crate::double::engine::EngineError;
use crate::double::postgres::Failure;

/// An error of this number; the text follows `ORA-nnnnn: `.
pub(super) fn ora(number: u32, text: &str) -> EngineError {
    EngineError::new(number, format!("ORA-{number:05}: {text}"))
}

/// A table or view that is not there, or not for this user.
pub(super) fn no_table() -> EngineError {
    ora(942, "table or view does not exist")
}

/// A name that means nothing.
pub(super) fn invalid_identifier(name: &str) -> EngineError {
    ora(904, &format!("{name}: invalid identifier"))
}

/// The user may not do that.
pub(super) fn insufficient_privileges() -> EngineError {
    ora(1031, "insufficient privileges")
}

/// Something that Oracle has and this engine has not.
pub(super) fn unsupported(what: &str) -> EngineError {
    ora(3001, &format!("unimplemented feature ({what})"))
}

/// What sqlparser says, by the nearest of Oracle's messages.
pub(super) fn syntax(message: &str, sql: &str) -> EngineError {
    tracing::debug!(message, "not parsed");
    let expected = |what: &str| message.contains(&format!("Expected: {what}"));
    let mut error = if message.contains("Unterminated string") {
        ora(1756, "quoted string not properly terminated")
    } else if message.contains("Expected: end of statement") {
        ora(933, "SQL command not properly ended")
    } else if message.contains("an expression") || message.contains("an SQL expression") {
        ora(936, "missing expression")
    } else if expected(")") {
        ora(907, "missing right parenthesis")
    } else if expected("identifier") {
        ora(903, "invalid table name")
    } else if message.contains("recursion") {
        ora(913, "too many values")
    } else {
        ora(900, "invalid SQL statement")
    };
    error.position = place(message, sql);
    error
}

/// The place that a message names by line and column, as an offset in characters.
fn place(message: &str, sql: &str) -> Option<usize> {
    let (_, rest) = message.rsplit_once("Line: ")?;
    let (line, rest) = rest.split_once(", Column: ")?;
    let line: usize = line.parse().ok()?;
    let column: usize =
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()?;
    let before: usize =
        sql.split('\n').take(line.checked_sub(1)?).map(|line| line.chars().count() + 1).sum();
    Some(before + column.checked_sub(1)?)
}

/// What PostgreSQL says of a translated statement.
pub(super) fn translated(failure: Failure, sql: &str) -> EngineError {
    let (state, message) = match failure {
        Failure::Io(error) => {
            tracing::debug!(%error, "the cluster is gone");
            return ora(3113, "end-of-file on communication channel");
        }
        Failure::Server { state, message, .. } => (state, message),
    };
    tracing::debug!(state, message, "PostgreSQL refused a translated statement");
    if let Some(error) = own(&message) {
        return error;
    }
    match state.as_str() {
        "42703" => {
            let name = oracle_name(&message);
            let mut error = invalid_identifier(&name);
            error.position = find(sql, &name);
            error
        }
        "42883" if message.starts_with("function") => {
            ora(6553, "PLS-306: wrong number or types of arguments in call")
        }
        _ => by_state(&state, &message),
    }
}

fn by_state(state: &str, message: &str) -> EngineError {
    let (number, text) = match state {
        "57014" => (1013, "user requested cancel of current operation"),
        "42P01" => (942, "table or view does not exist"),
        "42702" => (918, "column ambiguously defined"),
        "42803" => (979, "not a GROUP BY expression"),
        "42883" | "42804" | "42725" | "42846" => (932, "inconsistent datatypes"),
        "22012" => (1476, "divisor is equal to zero"),
        "22P02" => (1722, "invalid number"),
        "22003" if message.contains("field") => {
            (1438, "value larger than specified precision allowed for this column")
        }
        "22003" => (1426, "numeric overflow"),
        "22001" => (12_899, "value too large for column"),
        "22007" => (1861, "literal does not match format string"),
        "22008" => (1847, "day of month must be between 1 and last day of month"),
        "23505" => (1, "unique constraint violated"),
        "23502" => (1400, "cannot insert NULL"),
        "23503" if message.starts_with("update or delete") => {
            (2292, "integrity constraint violated - child record found")
        }
        "23503" => (2291, "integrity constraint violated - parent key not found"),
        "23514" if message.contains("_bytes") => (12_899, "value too large for column"),
        "23514" => (2290, "check constraint violated"),
        "25006" => (
            1456,
            "may not perform insert, delete, update operation inside a READ ONLY transaction",
        ),
        "42501" => (1031, "insufficient privileges"),
        "21000" => (1427, "single-row subquery returns more than one row"),
        "42P07" => (955, "name is already used by an existing object"),
        "42601" if message.contains("more expressions") => (913, "too many values"),
        "42601" if message.contains("more target") => (947, "not enough values"),
        "42601" if message.contains("same number") => {
            (1789, "query block has incorrect number of result columns")
        }
        "42601" => (933, "SQL command not properly ended"),
        "57P01" | "57P02" | "57P03" => (3113, "end-of-file on communication channel"),
        _ => return ora(600, &format!("internal error code, arguments: [{state}], [{message}]")),
    };
    ora(number, text)
}

/// An error that one of our own functions has raised.
fn own(message: &str) -> Option<EngineError> {
    let (number, _) = message.strip_prefix("ORA-")?.split_once(':')?;
    Some(EngineError::new(number.parse().ok()?, message))
}

/// `column t.x does not exist` or `column "x" does not exist`, as Oracle quotes it.
fn oracle_name(message: &str) -> String {
    let name = message.strip_prefix("column ").unwrap_or(message);
    let name = name.split(" does not exist").next().unwrap_or(name);
    let parts: Vec<String> =
        name.split('.').map(|p| format!("\"{}\"", p.trim_matches('"'))).collect();
    parts.join(".")
}

/// Where a quoted name stands in the text as it was sent.
fn find(sql: &str, name: &str) -> Option<usize> {
    let last = name.rsplit('.').next()?;
    let bare = last.trim_matches('"').to_uppercase();
    let bytes = sql.find(last).or_else(|| sql.to_uppercase().find(&bare))?;
    Some(sql.get(..bytes)?.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_offsets_in_characters() {
        let sql = "SELECT é\nFROM )";
        let error = syntax("Expected: identifier, found: ) at Line: 2, Column: 6", sql);
        assert_eq!((error.number, error.position), (903, Some(14)));
    }

    #[test]
    fn names_are_quoted_as_oracle_quotes_them() {
        assert_eq!(oracle_name("column t.x does not exist"), "\"t\".\"x\"");
        assert_eq!(oracle_name("column \"X\" does not exist"), "\"X\"");
        assert_eq!(find("SELECT a, nope FROM t", "\"NOPE\""), Some(10));
    }
}
