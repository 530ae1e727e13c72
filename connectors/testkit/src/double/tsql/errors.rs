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
        return EngineError::new(
            596,
            "Cannot continue the execution because the session is in the kill state.",
        );
    };
    let name = message.split('"').nth(1).unwrap_or_default();
    let told = |number: u32, text: String| EngineError::new(number, text);
    match state.as_str() {
        "42P01" if message.contains("FROM-clause") => {
            told(4104, format!("The multi-part identifier \"{name}\" could not be bound."))
        }
        "42P01" => told(208, format!("Invalid object name '{name}'.")),
        "3F000" => told(208, format!("Invalid object name '{name}'.")),
        "42703" | "42P10" => told(207, format!("Invalid column name '{}'.", column(message))),
        "42702" => told(209, format!("Ambiguous column name '{name}'.")),
        "42883" if message.starts_with("operator") => {
            told(402, format!("The data types are incompatible in an operator ({message})."))
        }
        "42883" => {
            let function = message.trim_start_matches("function ").split(" does not").next();
            told(195, format!("'{}' is not a recognized built-in function name.", function.unwrap_or_default()))
        }
        "42804" if message.contains("must be type boolean") => told(
            4145,
            "An expression of non-boolean type specified in a context where a condition is expected.".into(),
        ),
        "42804" | "42846" => told(206, format!("Operand type clash: {message}")),
        "42803" => told(8120, format!("A column is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause ({message}).")),
        "42P22" | "42P21" => told(468, "Cannot resolve the collation conflict in the operation.".into()),
        "42P07" => told(2714, format!("There is already an object named '{name}' in the database.")),
        "42712" => told(1013, format!("The objects \"{name}\" in the FROM clause have the same exposed names.")),
        "42501" => denied(message),
        "22012" => told(8134, "Divide by zero error encountered.".into()),
        "22003" => told(8115, format!("Arithmetic overflow error converting expression to data type ({message}).")),
        "22001" => told(2628, "String or binary data would be truncated.".into()),
        "22P02" => told(245, format!("Conversion failed: {message}.")),
        "22007" => told(241, "Conversion failed when converting date and/or time from character string.".into()),
        "22008" => told(517, "Adding a value to a date column caused an overflow.".into()),
        "TS289" => told(289, message.clone()),
        "22011" => told(537, message.clone()),
        "23505" => told(2627, format!("Violation of a key constraint: {message}")),
        "23502" => told(515, format!("Cannot insert the value NULL into column '{name}'; column does not allow nulls.")),
        "23503" => told(547, format!("The statement conflicted with a constraint: {message}")),
        "23514" => told(220, format!("Arithmetic overflow error: {message}")),
        "21000" => told(512, "Subquery returned more than 1 value. This is not permitted.".into()),
        "25P02" => told(3930, "The current transaction cannot be committed and cannot support operations.".into()),
        "40P01" => told(1205, "Transaction was deadlocked on resources with another process and has been chosen as the deadlock victim.".into()),
        "55P03" => told(1222, "Lock request time out period exceeded.".into()),
        "57014" => told(0, "The statement was cancelled.".into()),
        "57P01" => told(596, "Cannot continue the execution because the session is in the kill state.".into()),
        "54001" | "54000" => told(8621, "The query processor ran out of stack space during query optimization.".into()),
        "42601" => syntax(name),
        _ => told(50000, format!("{message} [{state}]")),
    }
}

fn column(message: &str) -> String {
    let quoted = message.split('"').nth(1).map(str::to_string);
    quoted.unwrap_or_else(|| {
        let word =
            message.trim_start_matches("column ").split(" does not").next().unwrap_or_default();
        word.rsplit('.').next().unwrap_or_default().to_string()
    })
}

fn denied(message: &str) -> EngineError {
    let name = message.rsplit(' ').next().unwrap_or_default();
    let (number, text) = if message.contains("schema") || message.contains("database") {
        (262, "CREATE permission denied in database.".to_string())
    } else {
        (
            229,
            format!(
                "The permission was denied on the object '{name}', database 'celosia', schema 'dbo'."
            ),
        )
    };
    EngineError::new(number, text)
}
