//! SQL Server's message numbers for what went wrong.

use crate::double::engine::EngineError;
use crate::double::postgres::Failure;

/// A construct that does not exist in T-SQL, or not here.
pub(crate) fn syntax(near: &str) -> EngineError {
    EngineError::new(102, format!("Incorrect syntax near '{near}'."))
}

/// Something genuine that this engine does not do.
pub(crate) fn unsupported(what: &str) -> EngineError {
    EngineError::new(40000, format!("The test engine does not know {what}."))
}

/// What a message of the parser says, as SQL Server would put it.
pub(crate) fn unparsed(message: &str) -> EngineError {
    let near = message.split("found: ").nth(1).unwrap_or_default();
    let near = near.split(" at Line").next().unwrap_or_default();
    if near.is_empty() || near == "EOF" { syntax("the end") } else { syntax(near) }
}

/// What PostgreSQL said, in SQL Server's numbers.
pub(crate) fn of(failure: &Failure) -> EngineError {
    let Failure::Server { state, message, .. } = failure else {
        return EngineError::new(596, KILLED);
    };
    let (number, text) = fixed(state, message)
        .map(|(number, text)| (number, text.to_string()))
        .unwrap_or_else(|| named(state, message));
    EngineError::new(number, text)
}

const KILLED: &str = "Cannot continue the execution because the session is in the kill state.";

/// Messages that name nothing.
fn fixed(state: &str, message: &str) -> Option<(u32, &'static str)> {
    Some(match state {
        "42804" if message.contains("must be type boolean") => (
            4145,
            "An expression of non-boolean type specified in a context where a condition is expected.",
        ),
        "42P22" | "42P21" => (468, "Cannot resolve the collation conflict in the operation."),
        "22012" => (8134, "Divide by zero error encountered."),
        "22001" => (2628, "String or binary data would be truncated."),
        "22007" => {
            (241, "Conversion failed when converting date and/or time from character string.")
        }
        "22008" => (517, "Adding a value to a date column caused an overflow."),
        "21000" => (512, "Subquery returned more than 1 value. This is not permitted."),
        "25P02" => (3930, "The current transaction cannot be committed."),
        "40P01" => (1205, "Transaction was deadlocked and has been chosen as the deadlock victim."),
        "55P03" => (1222, "Lock request time out period exceeded."),
        "57014" => (0, "The statement was cancelled."),
        "57P01" => (596, KILLED),
        "54001" | "54000" => (8621, "The query processor ran out of stack space."),
        "42501" if message.contains("schema") || message.contains("database") => {
            (262, "CREATE permission denied in database.")
        }
        _ => return None,
    })
}

/// Messages that name what they are about.
fn named(state: &str, message: &str) -> (u32, String) {
    let name = message.split('"').nth(1).unwrap_or_default();
    match state {
        "42P01" if message.contains("FROM-clause") => {
            (4104, format!("The multi-part identifier \"{name}\" could not be bound."))
        }
        "42P01" | "3F000" => (208, format!("Invalid object name '{name}'.")),
        "42703" | "42P10" => (207, format!("Invalid column name '{}'.", column(message))),
        "42702" => (209, format!("Ambiguous column name '{name}'.")),
        "42883" if message.starts_with("operator") => {
            (402, format!("The data types are incompatible in an operator ({message})."))
        }
        "42883" => {
            let function = message.trim_start_matches("function ").split(" does not").next();
            let function = function.unwrap_or_default();
            (195, format!("'{function}' is not a recognized built-in function name."))
        }
        "42804" | "42846" => (206, format!("Operand type clash: {message}")),
        "42803" => (8120, format!("A column is invalid in the select list ({message}).")),
        "42P07" => (2714, format!("There is already an object named '{name}' in the database.")),
        "42712" => (1013, format!("The objects \"{name}\" have the same exposed names.")),
        "42501" => {
            let object = message.rsplit(' ').next().unwrap_or_default();
            (229, format!("The permission was denied on the object '{object}', schema 'dbo'."))
        }
        "22003" => (8115, format!("Arithmetic overflow error ({message}).")),
        "22P02" => (245, format!("Conversion failed: {message}.")),
        "TS289" => (289, message.to_string()),
        "22011" => (537, message.to_string()),
        "23505" => (2627, format!("Violation of a key constraint: {message}")),
        "23502" => (515, format!("Cannot insert the value NULL into column '{name}'.")),
        "23503" => (547, format!("The statement conflicted with a constraint: {message}")),
        "23514" => (220, format!("Arithmetic overflow error: {message}")),
        "42601" => (102, format!("Incorrect syntax near '{name}'.")),
        _ => (50000, format!("{message} [{state}]")),
    }
}

fn column(message: &str) -> String {
    let quoted = message.split('"').nth(1).map(str::to_string);
    quoted.unwrap_or_else(|| {
        let word = message.trim_start_matches("column ").split(" does not").next();
        word.and_then(|word| word.rsplit('.').next()).unwrap_or_default().to_string()
    })
}
