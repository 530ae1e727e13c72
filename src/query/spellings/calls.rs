//! Calls of functions, taken apart and put together.

use super::notes::Notes;
use super::template::{Budget, fill};
use crate::error::{Code, Error, Result};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Value,
};

/// A call with plain arguments and nothing else.
pub(super) struct Call {
    /// Its name, in lower case.
    pub(super) name: String,
    /// Its arguments.
    pub(super) arguments: Vec<Expr>,
}

impl Call {
    /// The call, if `function` is one with plain arguments and nothing else.
    pub(super) fn of(function: &Function) -> Option<Self> {
        let name = name(function)?;
        let bare = function.filter.is_none()
            && function.over.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty()
            && matches!(function.parameters, FunctionArguments::None);
        if !bare {
            return None;
        }
        let arguments = match &function.args {
            FunctionArguments::None => Vec::new(),
            FunctionArguments::List(list)
                if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                list.args.iter().map(plain).collect::<Option<_>>()?
            }
            _ => return None,
        };
        Some(Self { name, arguments })
    }

    /// `template` with the arguments, and a note that it was so read.
    pub(super) fn as_template(
        &self,
        template: &str,
        notes: &mut Notes,
        budget: &mut Budget,
    ) -> Result<Expr> {
        notes.call(&self.name, self.arguments.len(), template);
        fill(template, &self.arguments, budget)
    }
}

/// A function's name in lower case, if it has one part without quotes.
pub(super) fn name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] if ident.quote_style.is_none() => {
            Some(ident.value.to_lowercase())
        }
        _ => None,
    }
}

/// The same function by another name.
pub(super) fn rename(function: &mut Function, name: &str) {
    function.name = ObjectName::from(vec![Ident::new(name)]);
}

fn plain(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    }
}

/// An argument of a call.
pub(super) fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

/// A text as a literal.
pub(super) fn text(value: impl Into<String>) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.into()).with_empty_span())
}

/// The text of a literal.
pub(super) fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Nested(inner) => text_of(inner),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::NationalStringLiteral(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number that is written out, perhaps with a sign.
pub(super) fn whole(expr: &Expr) -> Option<i64> {
    use sqlparser::ast::UnaryOperator::{Minus, Plus};
    match expr {
        Expr::Nested(inner) | Expr::UnaryOp { op: Plus, expr: inner } => whole(inner),
        Expr::UnaryOp { op: Minus, expr } => whole(expr)?.checked_neg(),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// The word that stands for an argument, such as `day`.
pub(super) fn word(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) if ident.quote_style.is_none() => Some(ident.value.to_lowercase()),
        other => text_of(other).map(str::to_lowercase),
    }
}

/// What has no meaning here, with what to write instead.
pub(super) fn refused(text: impl Into<String>, instead: impl Into<String>) -> Error {
    Error::new(Code::InvalidStatement, text.into()).with_hint(instead)
}
