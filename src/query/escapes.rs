//! `LIKE pattern ESCAPE 'e'` as `LIKE` with the usual escape, `\`: the engine knows no other.
//!
//! ```text
//! before   name LIKE '50!%%' ESCAPE '!'         after   name LIKE '50\%%'
//! ```

use crate::error::{Code, Error, Result};
use sqlparser::ast::{Expr, Statement, Value, ValueWithSpan, VisitMut, VisitorMut};
use std::ops::ControlFlow;

const USUAL: char = '\\';

/// Rewrites every pattern that has an escape of its own.
///
/// # Errors
/// `InvalidStatement` where the pattern is no constant, or ends in its escape.
pub(super) fn rewrite(ast: &mut Statement) -> Result<()> {
    match VisitMut::visit(ast, &mut Escapes) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Escapes;

impl VisitorMut for Escapes {
    type Break = Box<Error>;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) =
            expr
        else {
            return ControlFlow::Continue(());
        };
        let Some(escape) = escape_char.take() else { return ControlFlow::Continue(()) };
        match usual(pattern, &escape) {
            Ok(text) => {
                **pattern = Expr::Value(text);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

/// The pattern with the usual escape.
fn usual(pattern: &Expr, escape: &ValueWithSpan) -> Result<ValueWithSpan> {
    let (Some(text), Some(escape)) = (constant(pattern), escape_of(&escape.value)) else {
        return Err(invalid("ESCAPE needs a constant pattern and one character"));
    };
    let mut written = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let literal = if Some(character) == escape {
            match characters.next() {
                Some(next) => Some(next),
                None => return Err(invalid("a LIKE pattern must not end in its escape")),
            }
        } else {
            Some(character).filter(|character| *character == USUAL)
        };
        match literal {
            Some(literal @ ('%' | '_' | USUAL)) => written.extend([USUAL, literal]),
            Some(literal) => written.push(literal),
            None => written.push(character),
        }
    }
    let span = sqlparser::tokenizer::Span::empty();
    Ok(ValueWithSpan { value: Value::SingleQuotedString(written), span })
}

fn constant(pattern: &Expr) -> Option<&str> {
    match pattern {
        Expr::Nested(inner) => constant(inner),
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        _ => None,
    }
}

/// The escape; an empty text means that there is none.
fn escape_of(value: &Value) -> Option<Option<char>> {
    let Value::SingleQuotedString(text) = value else { return None };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (escape, None) => Some(escape),
        _ => None,
    }
}

fn invalid(text: &str) -> Error {
    Error::new(Code::InvalidStatement, text).with_hint(
        "write the pattern in place, such as x LIKE '50!%%' ESCAPE '!', or use \\ as the escape",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlparser::dialect::PostgreSqlDialect;
    use sqlparser::parser::Parser;

    fn rewritten(condition: &str) -> Result<String> {
        let sql = format!("SELECT a FROM t WHERE {condition}");
        let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, &sql).expect("a statement");
        rewrite(&mut parsed[0])?;
        let text = parsed[0].to_string();
        Ok(text.rsplit_once("WHERE ").map_or(text.clone(), |(_, condition)| condition.to_string()))
    }

    #[test]
    fn every_escape_becomes_the_usual_one() {
        for (given, expected) in [
            ("a LIKE '50!%%' ESCAPE '!'", r"a LIKE '50\%%'"),
            ("a NOT LIKE 'a!!b!_' ESCAPE '!'", r"a NOT LIKE 'a!b\_'"),
            (r"a ILIKE 'c:\\x!%' ESCAPE '!'", r"a ILIKE 'c:\\\\x\%'"),
            (r"a LIKE 'a\%' ESCAPE ''", r"a LIKE 'a\\%'"),
            (r"a LIKE 'a\%b' ESCAPE '\'", r"a LIKE 'a\%b'"),
            ("a LIKE 'a%' ", "a LIKE 'a%'"),
            ("a LIKE 'xay%' ESCAPE 'x'", "a LIKE 'ay%'"),
        ] {
            assert_eq!(rewritten(given).expect(given), expected, "{given}");
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for given in ["a LIKE 'a!' ESCAPE '!'", "a LIKE b ESCAPE '!'", "a LIKE 'a' ESCAPE '!!'"] {
            assert_eq!(rewritten(given).expect_err(given).code, Code::InvalidStatement);
        }
    }
}
