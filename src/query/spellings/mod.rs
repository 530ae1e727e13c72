//! What SQL Server, Oracle, MySQL and SQLite spell differently, put as PostgreSQL puts it.
//!
//! ```text
//! text -> tokens          reading.rs     which quotes names have; GROUP_CONCAT's SEPARATOR
//!      -> syntax tree     translate()    functions, types, TOP, formats: from the text alone
//!      -> gate            the allow-list judges what comes out, never what went in
//!      -> by_names()      ROWNUM, DUAL, SYSDATE, "text": what a name is decides, among names the caller sees
//!      -> policy, plan    know PostgreSQL only
//! ```
//!
//! What PostgreSQL has keeps PostgreSQL's meaning, so a text that PostgreSQL takes is never another one. What was
//! translated is said in a warning (`read_as`). What has no translation of the same meaning is an error that
//! names what to write. No translation adds a name.

mod aggregates;
mod beside;
mod calls;
mod casts;
mod choices;
mod dates;
mod formats;
mod functions;
mod grouped;
mod limits;
mod named;
mod notes;
mod quoted;
mod reading;
mod rows;
mod sqlite;
mod template;

pub(super) use functions::REFUSED;
pub(super) use grouped::complete as complete_groups;
pub(super) use named::{Names, by_names, texts};
pub(super) use notes::Notes;
pub(super) use reading::{Reading, settle};
pub(super) use sqlite::own as sqlite_functions;

use crate::error::{Error, Result};
use calls::{Call, refused, text, text_of, whole};
use dates::Work;
use functions::{FUNCTIONS, PLAIN};
use sqlparser::ast::{
    BinaryOperator, Expr, OrderBy, OrderByExpr, OrderByKind, Query, Select, Statement as Ast,
    Value, Visit, VisitMut, Visitor, VisitorMut, WindowType,
};
use std::ops::ControlFlow;
use template::{Budget, fill};

/// Translates what the text alone decides.
///
/// # Errors
/// `InvalidStatement` for what has no translation of the same meaning, `TooComplex` for what grows too large.
pub(super) fn translate(ast: &mut Ast, reading: Reading) -> Result<Notes> {
    let mut notes = Notes::default();
    if let Some(note) = reading.note() {
        notes.add(note);
    }
    let mut marks = Marks::default();
    let _ = Visit::visit(ast, &mut marks);
    let mut translator = Translator {
        reading,
        nulls_lowest: reading.has_quotes() || marks.top,
        lenient: reading.is_mysql() || marks.lenient,
        notes,
        budget: Budget::new(),
    };
    match VisitMut::visit(ast, &mut translator) {
        ControlFlow::Continue(()) => Ok(translator.notes),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// What only some dialects write.
#[derive(Default)]
struct Marks {
    /// A SELECT has TOP.
    top: bool,
    /// MySQL or SQLite, where a division by 0 is NULL.
    lenient: bool,
}

/// Functions of MySQL or SQLite that no other dialect has.
const LENIENT: &[&str] = &[
    "strftime",
    "julianday",
    "unixepoch",
    "ifnull",
    "group_concat",
    "date_format",
    "date_sub",
    "date_add",
    "curdate",
    "str_to_date",
    "timestampdiff",
    "total",
];

impl Visitor for Marks {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        self.top |= select.top.is_some();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.lenient |= calls::name(function)
                .is_some_and(|name| LENIENT.contains(&name.as_str()))
                || aggregates::counts_condition(function);
        }
        ControlFlow::Continue(())
    }
}

struct Translator {
    reading: Reading,
    /// Whether the text is certainly of a dialect that orders NULL below every value.
    nulls_lowest: bool,
    /// Whether it is certainly MySQL or SQLite: a division by 0 is NULL, LIKE minds no case.
    lenient: bool,
    notes: Notes,
    budget: Budget,
}

impl VisitorMut for Translator {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        if let Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) = &mut query.order_by {
            self.order(keys);
        }
        flow(limits::translate(query, &mut self.notes))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        flow(sqlite::years(expr, &mut self.work()).map(|years| {
            if let Some(years) = years {
                *expr = years;
            }
        }))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        flow(self.expression(expr))
    }
}

fn flow(result: Result<()>) -> ControlFlow<Box<Error>> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl Translator {
    fn work(&mut self) -> Work<'_> {
        Work { notes: &mut self.notes, budget: &mut self.budget }
    }

    /// NULLs where the dialect has them: before all others, and last where the order is turned around.
    fn order(&mut self, keys: &mut [OrderByExpr]) {
        for key in
            keys.iter_mut().filter(|key| self.nulls_lowest && key.options.nulls_first.is_none())
        {
            key.options.nulls_first = Some(key.options.asc != Some(false));
            self.notes.add("NULL ordered below every value");
        }
    }

    fn expression(&mut self, expr: &mut Expr) -> Result<()> {
        if let Expr::Function(function) = expr
            && let Some(WindowType::WindowSpec(window)) = &mut function.over
        {
            self.order(&mut window.order_by);
        }
        let translated = match expr {
            Expr::Function(function) => {
                aggregates::translate(function, &mut self.notes)?;
                match Call::of(function) {
                    Some(call) => self.call(&call)?,
                    None => None,
                }
            }
            Expr::Cast { .. } | Expr::Convert { .. } => {
                let mysql = self.reading.is_mysql();
                casts::translate(expr, mysql, &mut self.work())?
            }
            Expr::Interval(interval) => dates::counted_interval(interval, &mut self.work())?,
            Expr::Like { .. } if self.lenient => quoted::without_case(expr, &mut self.notes),
            Expr::BinaryOp { left, op, right } => {
                let (left, right, op) = (left.as_ref(), right.as_ref(), op.clone());
                self.operator(left, &op, right)?
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                self.end_of(expr, from, substring_for.is_some())?
            }
            Expr::Value(value) => match &value.value {
                Value::NationalStringLiteral(written) => Some(text(written.clone())),
                _ => None,
            },
            Expr::OuterJoin(_) => {
                return Err(refused(
                    "the join operator (+) is not accepted",
                    "write FROM a LEFT JOIN b ON a.x = b.x",
                ));
            }
            _ => None,
        };
        if let Some(translated) = translated {
            *expr = translated;
        }
        Ok(())
    }

    fn call(&mut self, call: &Call) -> Result<Option<Expr>> {
        let mut work = Work { notes: &mut self.notes, budget: &mut self.budget };
        for family in [dates::translate, formats::translate, choices::translate, sqlite::translate]
        {
            if let Some(translated) = family(call, &mut work)? {
                return Ok(Some(translated));
            }
        }
        let count = call.arguments.len();
        let find = |list: &'static [functions::Spelling]| {
            list.iter().find(|(name, arguments, _)| *name == call.name && *arguments == count)
        };
        if let Some((_, _, template)) = find(FUNCTIONS) {
            return call.as_template(template, &mut self.notes, &mut self.budget).map(Some);
        }
        if let Some((_, _, template)) = find(PLAIN) {
            return fill(template, &call.arguments, &mut self.budget).map(Some);
        }
        match (call.name.as_str(), call.arguments.as_slice()) {
            ("substr" | "substring", [text, from, length @ ..]) => {
                self.end_of(text, from, !length.is_empty())
            }
            _ => Ok(None),
        }
    }

    fn operator(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Option<Expr>> {
        let both = || [left.clone(), right.clone()];
        if let Some((left, right)) = self.numbers(left, op, right)? {
            return Ok(Some(fill(
                "$1 OP $2".replace("OP", &op.to_string()).as_str(),
                &[left, right],
                &mut self.budget,
            )?));
        }
        Ok(match op {
            BinaryOperator::Divide | BinaryOperator::Modulo
                if self.lenient && !is_not_zero(right) =>
            {
                self.notes.add("x / 0 as NULL");
                let template = if *op == BinaryOperator::Divide {
                    "$1 / NULLIF($2, 0)"
                } else {
                    "$1 % NULLIF($2, 0)"
                };
                Some(fill(template, &both(), &mut self.budget)?)
            }
            BinaryOperator::Plus if joins_texts(left) || joins_texts(right) => {
                self.notes.add("text + text as text || text");
                Some(fill("$1 || $2", &both(), &mut self.budget)?)
            }
            BinaryOperator::Plus | BinaryOperator::Minus
                if is_moment(left) && whole(right).is_some() =>
            {
                self.notes.add("a time stamp + n as + n days");
                let days = dates::interval("day", right, &mut self.work())?;
                let template = if *op == BinaryOperator::Plus { "$1 + $2" } else { "$1 - $2" };
                Some(fill(template, &[left.clone(), days], &mut self.budget)?)
            }
            BinaryOperator::Spaceship => {
                self.notes.add("<=> as IS NOT DISTINCT FROM");
                Some(fill("$1 IS NOT DISTINCT FROM $2", &both(), &mut self.budget)?)
            }
            _ => None,
        })
    }
}

impl Translator {
    /// The end of a text. A negative place counts from there in Oracle, MySQL and SQLite; in PostgreSQL it stands before
    /// the text, which nobody asks for.
    fn end_of(&mut self, text: &Expr, from: &Expr, has_length: bool) -> Result<Option<Expr>> {
        let Some(place) = whole(from).filter(|place| *place < 0) else { return Ok(None) };
        let places = place.unsigned_abs();
        if has_length {
            return Err(refused(
                "a substring from a negative place means something else in each dialect",
                format!("write left(right(x, {places}), n) for n characters of the end of a text"),
            ));
        }
        self.notes.add("substr(x, -n) as right(x, n)");
        let count = limits::number(places);
        fill("right($1, $2)", &[text.clone(), count], &mut self.budget).map(Some)
    }

    /// The sides of an arithmetic operator, of which one is a number that was shown as a text: a year, a month.
    fn numbers(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Result<Option<(Expr, Expr)>> {
        use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus};
        let shown = (shows_number(left), shows_number(right));
        if !matches!(op, Plus | Minus | Multiply | Divide | Modulo) || shown == (false, false) {
            return Ok(None);
        }
        self.notes.add("a number shown as a text, in arithmetic, as a number");
        let mut number = |expr: &Expr, shown: bool| match shown {
            true => fill("CAST($1 AS bigint)", std::slice::from_ref(expr), &mut self.budget),
            false => Ok(expr.clone()),
        };
        Ok(Some((number(left, shown.0)?, number(right, shown.1)?)))
    }
}

/// Whether this is one part of a date as a text.
fn shows_number(expr: &Expr) -> bool {
    const PATTERNS: &[&str] = &[
        "%Y", "%m", "%d", "%H", "%M", "%S", "%j", "%s", "%w", "YYYY", "MM", "DD", "HH24", "MI",
        "SS", "DDD", "YY", "Q",
    ];
    match expr {
        Expr::Nested(inner) => shows_number(inner),
        Expr::Function(function) => Call::of(function).is_some_and(|call| {
            let pattern = match call.name.as_str() {
                "to_char" => call.arguments.last(),
                "strftime" => call.arguments.first(),
                _ => None,
            };
            pattern.and_then(text_of).is_some_and(|pattern| PATTERNS.contains(&pattern))
        }),
        _ => false,
    }
}

/// Whether a divisor is written out.
fn is_not_zero(divisor: &Expr) -> bool {
    match divisor {
        Expr::Nested(inner) => is_not_zero(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().is_ok_and(|number: f64| number != 0.0),
            _ => false,
        },
        _ => false,
    }
}

/// Whether `+` beside this can only join texts. A text that begins like a number or an interval can be added.
fn joins_texts(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => joins_texts(inner),
        Expr::BinaryOp { op: BinaryOperator::StringConcat, .. } => true,
        other => text_of(other).is_some_and(|text| {
            let first = text.trim_start().chars().next();
            !first.is_some_and(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'P'))
        }),
    }
}

/// Whether this is a time stamp by its spelling, to which PostgreSQL adds no number.
fn is_moment(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_moment(inner),
        Expr::Identifier(ident) => ident.quote_style.is_none() && named::is_now(&ident.value),
        Expr::Function(function) => {
            matches!(calls::name(function).as_deref(), Some("date_trunc" | "now"))
        }
        Expr::Cast { data_type: sqlparser::ast::DataType::Timestamp(..), .. } => true,
        _ => false,
    }
}
