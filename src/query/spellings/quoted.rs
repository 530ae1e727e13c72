//! Texts in double quotes, as SQLite and MySQL take them: a double-quoted word that is no column is a text.
//!
//! PostgreSQL takes such a word for a column that does not exist. It becomes a text only where it is compared with
//! something that is no constant, or is a further argument or result beside one, so that a slip in a selected
//! column stays an error.

use super::named::Names;
use super::notes::Notes;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Statement as Ast, Value, VisitMut, VisitorMut,
};
use sqlparser::tokenizer::Span;
use std::ops::ControlFlow;

/// Makes texts of them, and says where they stand.
pub(super) fn translate(ast: &mut Ast, names: &Names, notes: &mut Notes) -> Vec<Span> {
    let mut quoted = Quoted { names, texts: Vec::new() };
    let _ = VisitMut::visit(ast, &mut quoted);
    if quoted.texts.is_empty() {
        return quoted.texts;
    }
    notes.add("\"text\" as 'text' where no column is named so");
    let texts = quoted.texts;
    let _ = VisitMut::visit(ast, &mut AnyCase { notes });
    texts
}

/// `LIKE` as SQLite and MySQL have it, for a text that is certainly theirs.
pub(super) fn without_case(expr: &Expr, notes: &mut Notes) -> Option<Expr> {
    let Expr::Like { negated, any, expr, pattern, escape_char } = expr else { return None };
    notes.add("LIKE as ILIKE");
    Some(Expr::ILike {
        negated: *negated,
        any: *any,
        expr: expr.clone(),
        pattern: pattern.clone(),
        escape_char: escape_char.clone(),
    })
}

struct AnyCase<'a> {
    notes: &'a mut Notes,
}

impl VisitorMut for AnyCase<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some(instead) = without_case(expr, self.notes) {
            *expr = instead;
        }
        ControlFlow::Continue(())
    }
}

struct Quoted<'a> {
    names: &'a Names,
    texts: Vec<Span>,
}

impl VisitorMut for Quoted<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { left, op, right } if compares(op) => {
                if !is_constant(left) {
                    self.take(right);
                }
                if !is_constant(right) && self.is_column(right) {
                    self.take(left);
                }
            }
            Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. }
                if !is_constant(expr) =>
            {
                self.take(pattern);
            }
            Expr::InList { expr, list, .. } if !is_constant(expr) => {
                list.iter_mut().for_each(|item| self.take(item));
            }
            Expr::Between { expr, low, high, .. } if !is_constant(expr) => {
                self.take(low);
                self.take(high);
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                for when in conditions {
                    if operand.is_some() {
                        self.take(&mut when.condition);
                    }
                    self.take(&mut when.result);
                }
                if let Some(result) = else_result {
                    self.take(result);
                }
            }
            Expr::Function(function) => self.further_arguments(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Quoted<'_> {
    fn further_arguments(&mut self, function: &mut Function) {
        let FunctionArguments::List(list) = &mut function.args else { return };
        for argument in list.args.iter_mut().skip(1) {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                self.take(expr);
            }
        }
    }

    fn is_column(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Identifier(ident) => ident.quote_style.is_none() || self.names.has(&ident.value),
            _ => true,
        }
    }

    fn take(&mut self, expr: &mut Expr) {
        if let Expr::Identifier(ident) = expr
            && ident.quote_style == Some('"')
            && !self.names.has(&ident.value)
        {
            self.texts.push(ident.span);
            *expr = Expr::Value(Value::SingleQuotedString(ident.value.clone()).with_empty_span());
        }
    }
}

fn is_constant(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(_) | Expr::TypedString(_))
}

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, StringConcat};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | StringConcat)
}
