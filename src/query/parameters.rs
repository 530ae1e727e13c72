//! Typed parameters: each placeholder of the syntax tree becomes the literal its value stands for.
//!
//! The value never passes through SQL text, so it cannot change the statement. JSON types become SQL
//! types: a whole number an integer, another number a decimal, text a literal that takes the type of
//! what it is compared with, an array an ARRAY, null NULL.

use super::gate;
use super::request::Parameters;
use crate::error::{Code, Error, Result};
use serde_json::Value as Json;
use sqlparser::ast::{Array, Expr, Statement, Value, VisitMut, VisitorMut};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The most parameters of a statement.
const MAX_PARAMETERS: usize = 1_000;
/// The most items of an array parameter.
const MAX_ITEMS: usize = 10_000;

/// Replaces every placeholder of `statement`.
///
/// # Errors
/// `InvalidParameter` for a parameter that is missing, left over, or not a value.
pub(super) fn bind(statement: &mut Statement, parameters: &Parameters) -> Result<()> {
    let given = match parameters {
        Parameters::None => 0,
        Parameters::Positional(values) => values.len(),
        Parameters::Named(values) => values.len(),
    };
    if given > MAX_PARAMETERS {
        return Err(invalid(format!("more than {MAX_PARAMETERS} parameters were given")));
    }
    let mut binder = Binder { parameters, used: BTreeSet::new() };
    if let ControlFlow::Break(error) = statement.visit(&mut binder) {
        return Err(*error);
    }
    if binder.used.len() < given {
        return Err(invalid(format!(
            "{given} parameters were given but the statement uses {}",
            binder.used.len()
        ))
        .with_hint("give one value for each of $1, $2, ... (or $name) in the statement"));
    }
    Ok(())
}

/// Names the parameter whose text could not become what it was compared with, if it was one.
pub(super) fn blame(error: Error, parameters: &Parameters) -> Error {
    let cause = match (error.code, &error.source) {
        (Code::Evaluation, Some(source)) => source.to_string(),
        _ => return error,
    };
    // The engine quotes the text that it could not convert; it is compared, never shown.
    let is_quoted = |value: &Json| {
        value.as_str().is_some_and(|text| !text.is_empty() && cause.contains(&format!("'{text}'")))
    };
    let name = match parameters {
        Parameters::None => None,
        Parameters::Positional(values) => {
            values.iter().position(is_quoted).map(|index| format!("${}", index + 1))
        }
        Parameters::Named(values) => {
            values.iter().find(|(_, value)| is_quoted(value)).map(|(name, _)| format!("${name}"))
        }
    };
    match name {
        Some(name) => {
            invalid(format!("the value of {name} is not of the type it is compared with"))
                .with_hint("give a number as a JSON number, a date as \"YYYY-MM-DD\"")
                .with_source(error)
        }
        None => error,
    }
}

struct Binder<'a> {
    parameters: &'a Parameters,
    used: BTreeSet<String>,
}

impl VisitorMut for Binder<'_> {
    type Break = Box<Error>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::Value(value) = expr else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        match self.lookup(name).and_then(|value| literal(name, value)) {
            Ok(bound) => {
                self.used.insert(name.clone());
                *expr = bound;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn pre_visit_value(
        &mut self,
        value: &mut sqlparser::ast::ValueWithSpan,
    ) -> ControlFlow<Self::Break> {
        // Values outside expressions (a LIMIT) hold plain values only.
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        match self.lookup(name).and_then(|json| literal(name, json)) {
            Ok(Expr::Value(bound)) => {
                self.used.insert(name.clone());
                value.value = bound.value;
                ControlFlow::Continue(())
            }
            // Left for `post_visit_expr`, which can put an expression here.
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

impl Binder<'_> {
    fn lookup(&self, name: &str) -> Result<&Json> {
        let key = name.trim_start_matches('$');
        let found = match self.parameters {
            Parameters::None => None,
            Parameters::Positional(values) => {
                key.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).and_then(|n| values.get(n))
            }
            Parameters::Named(values) => values.get(key),
        };
        found.ok_or_else(|| {
            invalid(format!("the statement uses {name}, but no value was given for it")).with_hint(
                "pass params as an array for $1, $2, ... or as an object for $name; literals may also stand in the SQL",
            )
        })
    }
}

fn literal(name: &str, value: &Json) -> Result<Expr> {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => Value::Number(number.to_string(), false),
        Json::String(text) if text.contains('\0') => {
            return Err(invalid(format!("parameter {name} holds a NUL character")));
        }
        Json::String(text) => {
            gate::check_text(text)?;
            Value::SingleQuotedString(text.clone())
        }
        Json::Array(items) if items.len() > MAX_ITEMS => {
            return Err(invalid(format!("parameter {name} has more than {MAX_ITEMS} items")));
        }
        Json::Array(items) => {
            let elem = items.iter().map(|item| literal(name, item)).collect::<Result<_>>()?;
            return Ok(Expr::Array(Array { elem, named: true }));
        }
        Json::Object(_) => {
            return Err(invalid(format!("parameter {name} is an object")).with_hint(
                "a parameter is a number, text, true, false, null, or an array of those",
            ));
        }
    };
    Ok(Expr::Value(value.with_empty_span()))
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidParameter, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::statement::Statement as Checked;
    use serde_json::json;

    fn bound(sql: &str, parameters: Parameters) -> std::result::Result<String, String> {
        let mut ast = Checked::parse(sql).expect("parses").into_ast();
        bind(&mut ast, &parameters).map(|()| ast.to_string()).map_err(|error| error.message)
    }

    #[test]
    fn values_become_literals_and_never_sql() {
        let sql = bound(
            "SELECT * FROM t WHERE a = $1 AND b = $2 AND c = ANY($3) LIMIT $4",
            Parameters::Positional(vec![
                json!("x' OR 1=1 --"),
                json!(null),
                json!([1, 2]),
                json!(5),
            ]),
        );
        assert_eq!(
            sql.expect("binds"),
            "SELECT * FROM t WHERE a = 'x'' OR 1=1 --' AND b = NULL AND c = ANY(ARRAY[1, 2]) LIMIT 5"
        );
        let Json::Object(named) = json!({"region": "EU"}) else { unreachable!() };
        assert_eq!(
            bound("SELECT $region", Parameters::Named(named)).expect("binds"),
            "SELECT 'EU'"
        );
    }

    #[test]
    fn missing_unused_and_unfit_values_are_named() {
        let missing = bound("SELECT $1, $2", Parameters::Positional(vec![json!(1)]));
        assert!(missing.expect_err("missing").contains("$2"));
        let unused = bound("SELECT $1", Parameters::Positional(vec![json!(1), json!(2)]));
        assert!(unused.expect_err("unused").contains("2 parameters"));
        let object = bound("SELECT $1", Parameters::Positional(vec![json!({})]));
        assert!(object.expect_err("object").contains("object"));
        assert!(bound("SELECT $1", Parameters::None).is_err());
    }
}
