//! Expressions of PostgreSQL with `$1`, `$2`, ... where the arguments of a call go.

use crate::error::{Code, Error, Result};
use sqlparser::ast::{Expr, Value, Visit, VisitMut, Visitor, VisitorMut};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// Expressions that all translations of a statement may copy. An argument that a template names twice is there
/// twice, so calls inside one another would grow without end.
const MOST_COPIED: usize = 20_000;

/// What translations may still copy.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MOST_COPIED)
    }

    fn spend(&mut self, expr: &Expr) -> Result<()> {
        let mut count = Count(0);
        let _ = expr.visit(&mut count);
        match self.0.checked_sub(count.0) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(Error::new(
                Code::TooComplex,
                "the statement has too many calls of another dialect inside one another",
            )
            .with_hint("write the inner ones once, in a WITH query")),
        }
    }
}

struct Count(usize);

impl Visitor for Count {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

/// The template with the arguments in place.
pub(super) fn fill(template: &str, arguments: &[Expr], budget: &mut Budget) -> Result<Expr> {
    let parsed = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(template)
        .and_then(|mut parser| parser.parse_expr());
    let mut expr = parsed.map_err(|error| Error::internal(error.to_string()))?;
    let mut fill = Fill { arguments, budget };
    match VisitMut::visit(&mut expr, &mut fill) {
        ControlFlow::Continue(()) => Ok(apart(expr)),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Fill<'a> {
    arguments: &'a [Expr],
    budget: &'a mut Budget,
}

impl VisitorMut for Fill<'_> {
    type Break = Box<Error>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::Value(value) = expr else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        let index = name.trim_start_matches('$').parse::<usize>().ok();
        let argument = index.and_then(|index| self.arguments.get(index.checked_sub(1)?));
        let Some(argument) = argument else {
            return ControlFlow::Break(Box::new(Error::internal(
                "a template without its argument",
            )));
        };
        if let Err(error) = self.budget.spend(argument) {
            return ControlFlow::Break(Box::new(error));
        }
        *expr = apart(argument.clone());
        ControlFlow::Continue(())
    }
}

/// In parentheses unless it is one already: a printed statement is what a kept plan is found by, so it must say
/// what belongs together.
fn apart(expr: Expr) -> Expr {
    match expr {
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Value(_)
        | Expr::Function(_)
        | Expr::Nested(_)
        | Expr::Subquery(_)
        | Expr::Case { .. }
        | Expr::Cast { .. } => expr,
        other => Expr::Nested(Box::new(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expr(text: &str) -> Expr {
        let parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text);
        parser.expect("tokens").parse_expr().expect("an expression")
    }

    #[test]
    fn arguments_stay_together_and_keep_their_own_parameters() {
        let filled = fill("$2 - $1", &[expr("a + $7"), expr("b")], &mut Budget::new());
        assert_eq!(filled.expect("fits").to_string(), "(b - (a + $7))");
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        let mut budget = Budget::new();
        let mut inner = expr("a");
        let error = (0..40).find_map(|_| {
            match fill("CASE WHEN $1 = 0 THEN 0 ELSE $1 + 1 END", &[inner.clone()], &mut budget) {
                Ok(next) => {
                    inner = next;
                    None
                }
                Err(error) => Some(error),
            }
        });
        assert_eq!(error.expect("a bound").code, Code::TooComplex);
    }
}
