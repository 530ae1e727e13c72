//! Types that do not fit: where in the text, which types they are, and the fragment that would.
//!
//! ```text
//! SELECT avg(name) FROM people
//!   function "avg" does not take text: avg(name) (line 1, column 8); write avg(CAST(name AS numeric))
//! ```
//!
//! The engine says that something does not fit, in words of its own and without a place. The statement is read once
//! more for it, after the fact; types are those of columns the caller may see. Where nothing is found the error stays
//! as it was.

mod fragments;
mod together;

use super::session::View;
use super::settle::{UNLIKE, UNLIKE_RESULTS};
use super::spellings::Names;
use super::statement::Statement;
use crate::catalog;
use crate::error::{Code, Error};
use crate::model::sql_type_name;
use fragments::{Family, compared, computed, is_comparison, reads};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, DateTimeField, ExactNumberInfo, Expr,
    ExtractSyntax, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Spanned,
    TimezoneInfo, Value, Visit, Visitor,
};
use std::ops::ControlFlow;

/// The longest expression that is shown.
const MOST_SHOWN: usize = 200;

/// Functions by what their arguments are.
const OF_NUMBERS: &[&str] = &[
    "avg", "sum", "round", "abs", "ceil", "ceiling", "floor", "sqrt", "power", "trunc", "ln",
    "log", "exp", "sign", "signum", "stddev", "variance", "median", "mod",
];
const OF_TEXTS: &[&str] = &[
    "lower",
    "upper",
    "trim",
    "btrim",
    "ltrim",
    "rtrim",
    "length",
    "substr",
    "substring",
    "replace",
    "left",
    "right",
    "strpos",
    "initcap",
    "split_part",
    "reverse",
    "starts_with",
    "lpad",
    "rpad",
    "string_agg",
];
const OF_TIMES: &[&str] = &["date_trunc", "date_part", "to_char", "age"];
const NUMBERS_OUT: &[&str] =
    &["count", "length", "date_part", "strpos", "round", "abs", "sum", "avg"];
const TEXTS_OUT: &[&str] =
    &["lower", "upper", "substr", "left", "right", "to_char", "replace", "concat", "trim"];
const TIMES_OUT: &[&str] = &["now", "date_trunc", "to_timestamp"];
/// Types that can be asked for.
const TYPES: &[&str] = &[
    "bigint",
    "boolean",
    "date",
    "decimal",
    "double precision",
    "integer",
    "interval",
    "numeric",
    "real",
    "smallint",
    "text",
    "time",
    "timestamp",
    "varchar",
];
const STRINGS: &[&str] = &["str", "string", "char", "character", "nstring"];

/// The error with the place, the types and the fragment to write, where it is one of types.
pub(super) fn placed(error: Error, sql: &str, view: &View) -> Error {
    let Some(kind) = Kind::of(&error) else { return error };
    let Ok(statement) = Statement::parse_for(sql, None) else { return error };
    let ast = statement.into_ast();
    let names = Names::of(&ast, view);
    let mut find = Find { kind, names: &names, found: None, weaker: None };
    let _ = ast.visit(&mut find);
    match find.found.or(find.weaker) {
        Some(found) => found.told(error),
        None => error,
    }
}

/// What the engine says before the name of a function and the types it was given.
const ARGUMENTS: &str = "argument types '";

/// What the engine complains of.
enum Kind {
    /// An operator.
    Operator,
    /// This function.
    Function(String),
    /// A value that is not of a type.
    Value,
    /// A type that there is not.
    Type,
    /// This column of a set.
    Column(usize),
    /// The results of a CASE.
    Results,
}

impl Kind {
    fn of(error: &Error) -> Option<Self> {
        let text = error.message.as_str();
        match error.code {
            Code::Evaluation if text.contains("cannot be converted") => Some(Self::Value),
            Code::InvalidStatement if text.contains("Unsupported SQL type") => Some(Self::Type),
            Code::InvalidStatement if text.contains("does not take arguments of these types") => {
                Some(Self::Function(text.split('"').nth(1)?.to_lowercase()))
            }
            Code::InvalidStatement if text.contains(ARGUMENTS) => {
                let name = text.split(ARGUMENTS).nth(1)?.split('(').next()?;
                Some(Self::Function(name.to_lowercase()))
            }
            Code::InvalidStatement if text.contains(UNLIKE_RESULTS) => Some(Self::Results),
            Code::InvalidStatement if text.contains(UNLIKE) => {
                let number = text.split(UNLIKE).nth(1)?.split(' ').next()?;
                Some(Self::Column(number.parse::<usize>().ok()?.checked_sub(1)?))
            }
            Code::InvalidStatement if text.contains("to_char takes") => {
                Some(Self::Function("to_char".to_string()))
            }
            Code::InvalidStatement
                if ["Cannot coerce", "Cannot infer common", "Cannot get result type"]
                    .iter()
                    .any(|words| text.contains(words)) =>
            {
                Some(Self::Operator)
            }
            _ => None,
        }
    }
}

struct Found {
    message: String,
    hint: String,
}

impl Found {
    fn told(self, error: Error) -> Error {
        Error::new(error.code, self.message).with_hint(self.hint).with_source(error)
    }
}

struct Find<'a> {
    kind: Kind,
    names: &'a Names,
    found: Option<Found>,
    /// What may be the reason if nothing else is.
    weaker: Option<Found>,
}

impl Visitor for Find<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Kind::Column(at) = self.kind {
            self.found = self.branches(&query.body, at);
        }
        if self.found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.found = match (&self.kind, expr) {
            (Kind::Function(name), Expr::Function(function)) => self.call(name, expr, function),
            (Kind::Operator, Expr::BinaryOp { left, op, right }) => {
                self.binary(expr, left, op, right)
            }
            (Kind::Value, Expr::BinaryOp { left, op, right }) if is_comparison(op) => {
                self.unreadable(expr, left, op, right)
            }
            (Kind::Value, Expr::InList { expr: inner, list, negated: false }) => {
                self.among(expr, inner, list)
            }
            (Kind::Value, Expr::Extract { field, expr: inner, .. }) => {
                self.part(expr, inner, |inner| format!("extract({field} FROM {inner})"))
            }
            (Kind::Value, Expr::Function(function)) => self.alternatives(expr, function),
            (Kind::Value, Expr::Cast { expr: inner, data_type, .. }) => {
                self.weaker = self.weaker.take().or_else(|| self.cast(expr, inner, data_type));
                None
            }
            (Kind::Results, Expr::Case { conditions, else_result, .. }) => {
                self.results(conditions, else_result.as_deref())
            }
            (Kind::Type, Expr::Cast { expr: inner, data_type, .. }) => {
                unknown_type(expr, inner, data_type)
            }
            _ => None,
        };
        if self.found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Find<'_> {
    fn family(&self, expr: &Expr) -> Option<Family> {
        match expr {
            Expr::Nested(inner) => self.family(inner),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                Family::of(self.names.type_of(expr)?)
            }
            Expr::Value(value) => match &value.value {
                Value::Number(..) => Some(Family::Number),
                Value::Boolean(_) => Some(Family::Boolean),
                Value::SingleQuotedString(_) => Some(Family::Written),
                _ => None,
            },
            Expr::Cast { data_type, .. } => Family::of_sql(data_type),
            Expr::TypedString(typed) => Family::of_sql(&typed.data_type),
            Expr::Interval(_) => Some(Family::Interval),
            Expr::Extract { .. } => Some(Family::Number),
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                let is = |names: &[&str]| names.contains(&name.as_str());
                match () {
                    () if is(NUMBERS_OUT) => Some(Family::Number),
                    () if is(TEXTS_OUT) => Some(Family::Text),
                    () if is(TIMES_OUT) => Some(Family::Time),
                    () if name == "current_date" => Some(Family::Date),
                    () => None,
                }
            }
            _ => None,
        }
    }

    /// A type as it is written.
    fn type_name(&self, expr: &Expr) -> String {
        match self.names.type_of(expr) {
            Some(data_type) => sql_type_name(data_type),
            None => self.family(expr).map_or("another type", Family::name).to_string(),
        }
    }

    fn call(&self, name: &str, expr: &Expr, function: &Function) -> Option<Found> {
        if function.name.to_string().to_lowercase() != *name {
            return None;
        }
        let FunctionArguments::List(list) = &function.args else { return None };
        let arguments: Vec<&Expr> = list.args.iter().filter_map(plain).collect();
        let (place, target) = match name {
            _ if OF_NUMBERS.contains(&name) => (0, "numeric"),
            _ if OF_TEXTS.contains(&name) => (0, "text"),
            "to_char" | "age" => (0, "timestamp"),
            _ if OF_TIMES.contains(&name) => (1, "timestamp"),
            _ => return self.all_types(name, expr, &arguments),
        };
        let wrong = arguments.get(place)?;
        let mut instead = function.clone();
        if let FunctionArguments::List(list) = &mut instead.args
            && let Some(argument) = list.args.get_mut(place)
        {
            *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(self.as_type(wrong, target)?));
        }
        Some(Found {
            message: format!(
                "function \"{name}\" does not take {}: {}",
                self.type_name(wrong),
                shown(expr)
            ),
            hint: format!("write {instead}"),
        })
    }

    /// An argument as another type.
    fn as_type(&self, expr: &Expr, target: &str) -> Option<Expr> {
        let (number, moment) = (ExactNumberInfo::None, TimezoneInfo::None);
        let data_type = match (target, self.family(expr)) {
            ("numeric", Some(Family::Boolean)) => SqlType::Integer(None),
            ("numeric", Some(Family::Date | Family::Time)) => {
                let (field, syntax) = (DateTimeField::Epoch, ExtractSyntax::From);
                return Some(Expr::Extract { field, syntax, expr: Box::new(expr.clone()) });
            }
            // What is of the type already is wrong in another way.
            ("numeric", Some(Family::Number)) | ("text", Some(Family::Text)) => return None,
            // Only of a text there is a moment that it surely is.
            ("timestamp", family) if !matches!(family, Some(Family::Text | Family::Written)) => {
                return None;
            }
            ("numeric", _) => SqlType::Numeric(number),
            ("timestamp", _) => SqlType::Timestamp(None, moment),
            _ => SqlType::Text,
        };
        let (kind, expr) = (CastKind::Cast, Box::new(expr.clone()));
        Some(Expr::Cast { kind, expr, data_type, array: false, format: None })
    }

    fn all_types(&self, name: &str, expr: &Expr, arguments: &[&Expr]) -> Option<Found> {
        let types: Vec<String> =
            arguments.iter().map(|argument| self.type_name(argument)).collect();
        (!types.is_empty()).then(|| Found {
            message: format!(
                "function \"{name}\" does not take ({}): {}",
                types.join(", "),
                shown(expr)
            ),
            hint: format!("cast them, such as CAST({} AS numeric)", arguments[0]),
        })
    }

    fn binary(&self, expr: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Found> {
        let (l, r) = (self.family(left)?, self.family(right)?);
        let instead = match is_comparison(op) {
            true => compared(left, l, op, right, r)?,
            false => computed(left, l, op, right, r)?,
        };
        Some(self.unlike(expr, left, op, right, &instead))
    }

    /// A text in quotes that is no value of the type it is compared with.
    fn unreadable(
        &self,
        expr: &Expr,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Option<Found> {
        let (l, r) = (self.family(left)?, self.family(right)?);
        let instead = match (l, r) {
            (Family::Text, Family::Number) | (Family::Number, Family::Text) => {
                compared(left, l, op, right, r)?
            }
            (family, Family::Written) if !reads(family, right) => compared(left, l, op, right, r)?,
            (Family::Written, family) if !reads(family, left) => compared(left, l, op, right, r)?,
            (l, Family::Text) if l.is_moment() => {
                format!("{left} {op} TRY_CAST({right} AS {})", l.name())
            }
            (Family::Text, r) if r.is_moment() => {
                format!("TRY_CAST({left} AS {}) {op} {right}", r.name())
            }
            _ => return None,
        };
        Some(self.unlike(expr, left, op, right, &instead))
    }

    fn among(&self, expr: &Expr, inner: &Expr, list: &[Expr]) -> Option<Found> {
        let family = self.family(inner)?;
        let wrong = list
            .iter()
            .find(|item| self.family(item) == Some(Family::Written) && !reads(family, item))?;
        let items: Vec<String> = list.iter().map(ToString::to_string).collect();
        Some(Found {
            message: format!("{wrong} is no {}: {}", self.type_name(inner), shown(expr)),
            hint: format!("write CAST({inner} AS text) IN ({})", items.join(", ")),
        })
    }

    /// A part of a text that should have been a date.
    fn part(&self, expr: &Expr, inner: &Expr, instead: impl Fn(&str) -> String) -> Option<Found> {
        (self.family(inner)? == Family::Text).then(|| Found {
            message: format!("a value of text is no date: {}", shown(expr)),
            hint: format!("write {}", instead(&format!("TRY_CAST({inner} AS timestamp)"))),
        })
    }

    /// A function of several values of one type, or of a date, that is given texts.
    fn alternatives(&self, expr: &Expr, function: &Function) -> Option<Found> {
        let FunctionArguments::List(list) = &function.args else { return None };
        let arguments: Vec<&Expr> = list.args.iter().filter_map(plain).collect();
        let name = function.name.to_string().to_lowercase();
        match (name.as_str(), arguments.as_slice()) {
            ("date_trunc" | "date_part", [unit, inner]) => {
                self.part(expr, inner, |inner| format!("{name}({unit}, {inner})"))
            }
            ("coalesce" | "greatest" | "least" | "nullif", [first, rest @ ..]) => {
                let family = self.family(first)?;
                let is_wrong = |item: &&&Expr| match self.family(item) {
                    Some(Family::Written) => !reads(family, item),
                    Some(Family::Text) => family == Family::Number,
                    Some(Family::Number) => family == Family::Text,
                    _ => false,
                };
                let wrong = rest.iter().find(is_wrong)?;
                let as_text = |argument: &&Expr| match self.family(argument) {
                    Some(Family::Text | Family::Written) => argument.to_string(),
                    _ => format!("CAST({argument} AS text)"),
                };
                let texts: Vec<String> = arguments.iter().map(as_text).collect();
                let (one, other) = (self.type_name(first), self.type_name(wrong));
                Some(Found {
                    message: format!("{one} and {other} for one value: {}", shown(expr)),
                    hint: format!("write {name}({})", texts.join(", ")),
                })
            }
            _ => None,
        }
    }

    fn unlike(
        &self,
        expr: &Expr,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        instead: &str,
    ) -> Found {
        let (l, r) = (self.type_name(left), self.type_name(right));
        Found {
            message: format!("{l} {op} {r} does not fit: {}", shown(expr)),
            hint: format!("write {instead}"),
        }
    }

    fn cast(&self, expr: &Expr, inner: &Expr, data_type: &SqlType) -> Option<Found> {
        let family = self.family(inner)?;
        matches!(family, Family::Text | Family::Written).then(|| Found {
            message: format!(
                "a value cannot be converted from {} to {data_type}: {}",
                self.type_name(inner),
                shown(expr)
            ),
            hint: format!(
                "write TRY_CAST({inner} AS {data_type}), which gives NULL for such values"
            ),
        })
    }
}

fn plain(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

fn unknown_type(expr: &Expr, inner: &Expr, data_type: &SqlType) -> Option<Found> {
    let SqlType::Custom(name, _) = data_type else { return None };
    let written = name.to_string().to_lowercase();
    let near = match STRINGS.contains(&written.as_str()) {
        true => None,
        false => catalog::nearest(&written, TYPES.iter().copied(), 1).into_iter().next(),
    };
    let instead = near.unwrap_or_else(|| "text".to_string());
    Some(Found {
        message: format!("there is no type \"{name}\": {}", shown(expr)),
        hint: format!("write CAST({inner} AS {instead}); types are {}", TYPES.join(", ")),
    })
}

/// An expression and where it begins.
fn shown(expr: &Expr) -> String {
    let start = expr.span().start;
    let mut text = expr.to_string();
    if text.chars().count() > MOST_SHOWN {
        text = text.chars().take(MOST_SHOWN).chain("...".chars()).collect();
    }
    match start.line {
        0 => text,
        line => format!("{text} (line {line}, column {})", start.column),
    }
}
