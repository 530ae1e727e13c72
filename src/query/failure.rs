//! From the engine's errors to ours. What is shown is written here, from the kind of the error; the
//! engine's own words pass only where they were made from the statement and the governed schema.

use super::aggregate_only::Refused;
use super::context::SourceFailure;
use super::functions::Functions;
use super::guard::TOO_LARGE;
use super::one_row::MORE_ROWS;
use super::only_value::MORE_VALUES;
use super::patterns::{NOT_READABLE, OUT_OF_RANGE, Unsupported};
use super::repair::{self, Reach};
use super::settle::{UNLIKE, UNLIKE_RESULTS};
use super::supervise::{PLANNING_DEADLINE, deadline_exceeded};
use crate::catalog;
use crate::error::{Code, Error};
use arrow_schema::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use std::error::Error as StdError;
use std::io;

/// The longest text of a planning error that is shown.
const MAX_TEXT: usize = 600;

/// An error while a statement was being planned.
pub(super) fn of_planning(
    error: DataFusionError,
    functions: &Functions,
    reach: Option<Reach<'_>>,
) -> Error {
    if let DataFusionError::External(cause) = error.find_root()
        && let Some(refused) = cause.downcast_ref::<Refused>()
    {
        return Error::new(Code::NotAllowed, refused.to_string()).with_hint(Refused::HINT);
    }
    if let DataFusionError::External(cause) = error.find_root()
        && let Some(unsupported) = cause.downcast_ref::<Unsupported>()
    {
        let text = format!("not supported: {unsupported}");
        return Error::new(Code::InvalidStatement, text).with_hint(unsupported.hint.clone());
    }
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => of_schema(schema, reach),
        DataFusionError::Plan(text) => of_plan_text(text, functions),
        DataFusionError::NotImplemented(text) => {
            // Its words hold names that the engine numbers as it goes, whoever asks.
            let text = match text.contains("support logical expression") {
                true => "a subquery in this place".to_string(),
                false => first_lines(text),
            };
            Error::new(Code::InvalidStatement, format!("not supported: {text}")).with_hint(
                "write it another way, for instance with a join or a common table expression",
            )
        }
        _ => of_execution(error),
    }
}

/// An error while a statement ran (or while a constant part of it was computed).
pub(super) fn of_execution(error: DataFusionError) -> Error {
    of_running(&error).with_source_text(error)
}

/// The same of an error that somebody else holds.
pub(super) fn of_running(error: &DataFusionError) -> Error {
    if let Some(failure) = cause::<SourceFailure>(error)
        && let Some(inner) = failure.error.lock().take()
    {
        return Error::from_source(&failure.source, inner);
    }
    if let Some(refusal) = cause::<Error>(error) {
        return refusal.again();
    }
    if cause::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::StorageFull) {
        return Error::new(
            Code::ResourceLimit,
            "the disk is full on which large sorts and joins go on",
        )
        .with_hint("filter earlier, select fewer columns, or aggregate less at once");
    }
    match error.find_root() {
        DataFusionError::ResourcesExhausted(text) if text == PLANNING_DEADLINE => deadline_exceeded(),
        DataFusionError::ResourcesExhausted(_) => Error::new(
            Code::ResourceLimit,
            "the statement needs more memory than one statement may use",
        )
        .with_hint("filter earlier, select fewer columns, or aggregate less at once"),
        DataFusionError::Execution(text) if text.contains(TOO_LARGE) => {
            Error::new(Code::ResourceLimit, TOO_LARGE)
                .with_hint("ask for a shorter text or a smaller array")
        }
        DataFusionError::Execution(text) if text.contains(NOT_READABLE) => {
            evaluation(NOT_READABLE).with_hint("filter such texts out first, for instance with LIKE")
        }
        DataFusionError::Execution(text) if text.contains(MORE_ROWS) => {
            evaluation(MORE_ROWS).with_hint("use IN (SELECT ...), an aggregate, or ORDER BY x LIMIT 1")
        }
        DataFusionError::Execution(text) if text.contains(MORE_VALUES) => {
            let column = text.split(MORE_VALUES).nth(1).map(first_lines).unwrap_or_default();
            let several = format!(
                "{column} is neither in GROUP BY nor inside an aggregate, and has more than one value in a group"
            );
            Error::new(Code::InvalidStatement, several).with_hint(group_by(&column))
        }
        DataFusionError::Execution(text) if text.contains(OUT_OF_RANGE) => {
            evaluation(OUT_OF_RANGE)
        }
        DataFusionError::ArrowError(arrow, _) => of_arrow(arrow),
        DataFusionError::Plan(text) => Error::new(Code::InvalidStatement, first_lines(text)),
        DataFusionError::Execution(_)
        | DataFusionError::NotImplemented(_)
        // A function's own error, such as that of a regular expression that is none.
        | DataFusionError::External(_) => {
            evaluation("an expression could not be computed")
        }
        _ => Error::internal(error.to_string()),
    }
}

pub(super) fn of_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => {
            evaluation("division by zero").with_hint("write x / NULLIF(y, 0)")
        }
        ArrowError::ArithmeticOverflow(_) => evaluation("a number is out of the range of its type")
            .with_hint("cast to numeric or double precision before computing"),
        ArrowError::CastError(_) | ArrowError::ParseError(_) => {
            evaluation("a value cannot be converted to the type asked for")
                .with_hint("use TRY_CAST(x AS type), which gives NULL for such values")
        }
        _ => evaluation("an expression could not be computed"),
    }
}

fn evaluation(message: &str) -> Error {
    Error::new(Code::Evaluation, message)
}

fn of_schema(error: &SchemaError, reach: Option<Reach<'_>>) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let hint = repair::of_column(field, valid_fields, reach);
            let name = match &field.relation {
                Some(relation) => format!("{relation}.{}", field.name),
                None => field.name.clone(),
            };
            Error::new(Code::UnknownName, format!("column \"{name}\" does not exist here"))
                .with_hint(hint)
        }
        SchemaError::AmbiguousReference { field } => {
            Error::new(Code::InvalidStatement, format!("column \"{}\" is ambiguous", field.name))
                .with_hint("write it with its table's name or alias in front")
        }
        SchemaError::DuplicateUnqualifiedField { name }
        | SchemaError::DuplicateQualifiedField { name, .. } => {
            Error::new(Code::InvalidStatement, format!("two columns are named \"{name}\""))
                .with_hint("give one of them another name with AS")
        }
    }
}

fn of_plan_text(text: &str, functions: &Functions) -> Error {
    let text = first_lines(text);
    if let Some(name) = quoted_after(&text, "Invalid function '") {
        let near = catalog::nearest(&name, functions.names(), 3);
        let hint = match Functions::instead_of(&name) {
            Some(instead) => instead.to_string(),
            None if near.is_empty() => "use a standard PostgreSQL function".to_string(),
            None => format!("did you mean {}?", near.join(", ")),
        };
        return Error::new(Code::UnknownName, format!("function \"{name}\" is not available"))
            .with_hint(hint);
    }
    if let Some(name) = quoted_after(&text, "Function '").filter(|_| text.contains("signature")) {
        return Error::new(
            Code::InvalidStatement,
            format!("function \"{name}\" does not take arguments of these types"),
        )
        .with_hint(format!(
            "cast them, such as {name}(CAST(x AS numeric)); describe shows a table's columns and types"
        ));
    }
    if text.contains("unique expression names") {
        return Error::new(Code::InvalidStatement, "two columns of the result have the same name")
            .with_hint("give one of them another name with AS");
    }
    if text.contains("GROUP BY") {
        return of_grouping(&text);
    }
    let hint = if text.contains(UNLIKE) && text.contains("RECURSIVE") {
        "cast it in the first part, such as CAST(1 AS double precision), or say in the later part what is to be kept, \
         such as CAST(x AS bigint)"
    } else if text.contains(UNLIKE) || text.contains(UNLIKE_RESULTS) {
        "cast one of them where it is selected, such as CAST(x AS text)"
    } else if text.to_lowercase().contains("coerc") || text.contains("signature") {
        "the types do not fit: cast one side, such as CAST(x AS numeric)"
    } else {
        "check names, types and grouping; describe shows a table's columns and types"
    };
    Error::new(Code::InvalidStatement, text).with_hint(hint)
}

/// A column that has no one value in a group.
fn of_grouping(text: &str) -> Error {
    let Some(column) = between(text, "column \"", "\" must appear in the GROUP BY") else {
        return Error::new(
            Code::InvalidStatement,
            "a selected column is neither in GROUP BY nor inside an aggregate",
        )
        .with_hint("add it to GROUP BY, or wrap it in an aggregate such as MIN()");
    };
    Error::new(
        Code::InvalidStatement,
        format!("{column} is neither in GROUP BY nor inside an aggregate"),
    )
    .with_hint(group_by(column))
}

fn group_by(column: &str) -> String {
    format!(
        "add {column} to GROUP BY, or select MIN({column}); a table's other columns may be selected where its \
         primary key is grouped by"
    )
}

fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(behind)?])
}

fn quoted_after(text: &str, prefix: &str) -> Option<String> {
    let rest = &text[text.find(prefix)? + prefix.len()..];
    Some(rest[..rest.find('\'')?].to_string())
}

fn first_lines(text: &str) -> String {
    let text: String =
        text.chars().filter(|c| !c.is_control() || *c == '\n').take(MAX_TEXT).collect();
    text.lines().take(3).collect::<Vec<_>>().join(" ")
}

/// An error of ours inside the engine's, however it was wrapped on the way.
pub(super) fn cause<T: StdError + 'static>(error: &DataFusionError) -> Option<&T> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(failure) = current.downcast_ref::<T>() {
            return Some(failure);
        }
        if let Some(DataFusionError::Shared(shared)) = current.downcast_ref::<DataFusionError>() {
            cause = Some(shared.as_ref());
            continue;
        }
        cause = current.source();
    }
    None
}

impl Error {
    /// The same refusal; its cause stays where it is.
    fn again(&self) -> Self {
        Self {
            hint: self.hint.clone(),
            retry_after: self.retry_after,
            ..Self::new(self.code, &*self.message)
        }
    }

    /// Keeps the engine's words for the log, but for what somebody was told by another part of ours.
    fn with_source_text(self, error: DataFusionError) -> Self {
        let told = self.source.is_some() || cause::<Self>(&error).is_some();
        if told { self } else { self.with_source(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_limit_and_no_other_trouble_with_it_is() {
        let of = |kind: io::ErrorKind| {
            let error = || io::Error::from(kind);
            let arrow = ArrowError::IoError("written".into(), error());
            [DataFusionError::IoError(error()), DataFusionError::ArrowError(Box::new(arrow), None)]
                .map(|error| of_execution(error).code)
        };
        assert_eq!(of(io::ErrorKind::StorageFull), [Code::ResourceLimit; 2]);
        assert!(!of(io::ErrorKind::PermissionDenied).contains(&Code::ResourceLimit));
    }
}
