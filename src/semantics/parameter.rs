//! One parameter of a declared tool: its type, and which values it takes.

use super::ParameterType;
use super::file;
use chrono::NaiveDate;
use regex::Regex;
use serde_json::{Number, Value as Json, json};
use std::cmp::Ordering;
use std::fmt::Write;

/// The most characters of a text that names no length.
const MAX_LENGTH: usize = 1_000;
/// What a pattern may become: it is an administrator's, and it is run on what a model wrote.
const PATTERN_BYTES: usize = 1 << 20;

/// A parameter of a tool.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name in the statement, without `$`.
    pub name: String,
    /// The type; absent only where the value comes from the caller.
    pub kind: Option<ParameterType>,
    description: Option<String>,
    required: bool,
    default: Option<Json>,
    values: Vec<Json>,
    min: Option<Json>,
    max: Option<Json>,
    pattern: Option<Regex>,
    max_length: usize,
    attribute: Option<String>,
}

/// What became of an argument.
pub(super) enum Bound {
    /// It has this value.
    Value(Json),
    /// It does not fit.
    Wrong { found: String, wanted: String },
}

impl Parameter {
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn of(raw: file::Parameter, name: String) -> Result<Self, String> {
        let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !fits {
            return Err("a name is of lower-case letters, digits and _".into());
        }
        let attribute = raw.from.as_deref().map(attribute_name).transpose()?;
        let choice = !raw.values.is_empty() || raw.min.is_some() || raw.max.is_some();
        if attribute.is_some() && (raw.default.is_some() || raw.required.is_some() || choice) {
            return Err("from: the value is the caller's own, so nothing else decides it".into());
        }
        if raw.kind.is_none() && attribute.is_none() {
            return Err("type is missing: text, integer, number, boolean or date".into());
        }
        let text = raw.kind == Some(ParameterType::Text);
        if !text && (raw.pattern.is_some() || raw.max_length.is_some()) {
            return Err("pattern and max_length are for type: text".into());
        }
        let parameter = Self {
            required: attribute.is_none() && raw.required.unwrap_or(raw.default.is_none()),
            name,
            kind: raw.kind,
            description: raw.description,
            default: raw.default,
            values: raw.values,
            min: raw.min,
            max: raw.max,
            pattern: raw.pattern.as_deref().map(pattern).transpose()?,
            max_length: raw.max_length.unwrap_or(MAX_LENGTH),
            attribute,
        };
        parameter.check()?;
        Ok(parameter)
    }

    fn check(&self) -> Result<(), String> {
        let Some(kind) = self.kind else { return Ok(()) };
        let ordered = !matches!(kind, ParameterType::Text | ParameterType::Boolean);
        if !ordered && (self.min.is_some() || self.max.is_some()) {
            return Err("min and max are for numbers and dates".into());
        }
        let is_one = |value: &Json| typed(kind, value).is_some();
        let named = [("min", &self.min), ("max", &self.max)];
        for (key, value) in named {
            if value.as_ref().is_some_and(|value| !is_one(value)) {
                return Err(format!("{key} is not of type {}", kind.as_str()));
            }
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && order(min, max) == Some(Ordering::Greater)
        {
            return Err("min is greater than max".into());
        }
        if let Some(value) = self.values.iter().find(|value| !is_one(value)) {
            return Err(format!("values: {value} is not of type {}", kind.as_str()));
        }
        match &self.default {
            Some(default) if !self.takes(default) => {
                Err(format!("default: {default} is not {}", self.wanted()))
            }
            _ => Ok(()),
        }
    }

    /// The attribute of the caller that it has its value from.
    pub fn attribute(&self) -> Option<&str> {
        self.attribute.as_deref()
    }

    /// Whether a call must give it.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Values to plan the statement with: it fits if it fits one of them.
    pub fn examples(&self) -> Vec<Json> {
        match self.kind {
            Some(_) => vec![self.example()],
            None => vec![json!("x"), json!(["x"]), json!(1), json!([1]), json!(true)],
        }
    }

    /// A value that it takes, or would but for its pattern.
    pub(super) fn example(&self) -> Json {
        let mut written = self.default.iter().chain(&self.values).chain(&self.min).chain(&self.max);
        match (written.find(|value| !value.is_null()), self.kind) {
            (Some(value), _) => value.clone(),
            (None, Some(ParameterType::Integer)) => json!(1),
            (None, Some(ParameterType::Number)) => json!(1.5),
            (None, Some(ParameterType::Boolean)) => json!(true),
            (None, Some(ParameterType::Date)) => json!("2024-01-31"),
            (None, Some(ParameterType::Text) | None) => json!("text"),
        }
    }

    /// The value of an argument; JSON null counts as absent.
    pub(super) fn bind(&self, given: Option<Json>) -> Bound {
        let Some(given) = given.filter(|given| !given.is_null()) else {
            return match (&self.default, self.required) {
                (Some(default), _) => Bound::Value(default.clone()),
                (None, false) => Bound::Value(Json::Null),
                (None, true) => self.wrong("is missing".into()),
            };
        };
        match self.kind.and_then(|kind| typed(kind, &given)) {
            Some(value) if self.takes(&value) => Bound::Value(value),
            _ => self.wrong(self.found(&given)),
        }
    }

    fn wrong(&self, found: String) -> Bound {
        Bound::Wrong { found, wanted: self.wanted() }
    }

    /// Whether a value is one of those it may have.
    pub(super) fn takes(&self, value: &Json) -> bool {
        let Some(kind) = self.kind else { return !value.is_null() };
        let Some(value) = typed(kind, value) else { return false };
        let listed = self.values.is_empty()
            || self.values.iter().any(|known| order(known, &value) == Some(Ordering::Equal));
        let least = |min| order(&value, min).is_some_and(Ordering::is_ge);
        let most = |max| order(&value, max).is_some_and(Ordering::is_le);
        let fits = value.as_str().is_none_or(|text| {
            text.chars().count() <= self.max_length
                && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
        });
        listed && self.min.as_ref().is_none_or(least) && self.max.as_ref().is_none_or(most) && fits
    }

    fn found(&self, given: &Json) -> String {
        match given {
            Json::String(_)
                if matches!(self.kind, Some(ParameterType::Text | ParameterType::Date)) =>
            {
                "does not fit".into()
            }
            Json::Number(number) => format!("is {number}"),
            Json::Bool(value) => format!("is {value}"),
            Json::String(_) => "is a text".into(),
            Json::Array(_) => "is a list".into(),
            Json::Object(_) => "is an object".into(),
            Json::Null => "is null".into(),
        }
    }

    fn wanted(&self) -> String {
        if !self.values.is_empty() {
            let values: Vec<String> = self.values.iter().map(Json::to_string).collect();
            return format!("one of {}", values.join(", "));
        }
        let mut wanted = match self.kind {
            Some(ParameterType::Integer) => "a whole number",
            Some(ParameterType::Number) => "a number",
            Some(ParameterType::Boolean) => "true or false",
            Some(ParameterType::Date) => "a date as YYYY-MM-DD",
            Some(ParameterType::Text) | None => "a text",
        }
        .to_string();
        // Writing to a String cannot fail.
        if let Some(min) = &self.min {
            let _ = write!(wanted, " from {min}");
        }
        if let Some(max) = &self.max {
            let _ = write!(wanted, " to {max}");
        }
        if self.kind == Some(ParameterType::Text) {
            let _ = write!(wanted, " of at most {} characters", self.max_length);
        }
        if let Some(pattern) = &self.pattern {
            let _ = write!(wanted, " that fits {}", written(pattern));
        }
        wanted
    }

    /// The JSON Schema of the argument.
    pub(super) fn schema(&self) -> Json {
        let kind = match self.kind {
            Some(ParameterType::Integer) => "integer",
            Some(ParameterType::Number) => "number",
            Some(ParameterType::Boolean) => "boolean",
            Some(ParameterType::Date | ParameterType::Text) | None => "string",
        };
        let mut schema = json!({ "type": kind });
        let is_date = self.kind == Some(ParameterType::Date);
        let described = match (&self.description, is_date) {
            // A schema bounds numbers only.
            (text, true) => Some(
                [text.as_deref(), Some(&*self.wanted())]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; "),
            ),
            (text, false) => text.clone(),
        };
        let limits = [("minimum", &self.min), ("maximum", &self.max)];
        let limits = limits.into_iter().filter(|_| !is_date);
        for (key, value) in limits.filter_map(|(key, value)| Some((key, value.clone()?))) {
            schema[key] = value;
        }
        if let Some(described) = described {
            schema["description"] = described.into();
        }
        if !self.values.is_empty() {
            schema["enum"] = self.values.clone().into();
        }
        if let Some(pattern) = &self.pattern {
            schema["pattern"] = pattern.as_str().into();
        }
        if self.kind == Some(ParameterType::Text) && self.max_length != MAX_LENGTH {
            schema["maxLength"] = self.max_length.into();
        }
        if let Some(default) = &self.default {
            schema["default"] = default.clone();
        }
        schema
    }
}

fn attribute_name(from: &str) -> Result<String, String> {
    match from.strip_prefix("user.") {
        Some(name) if !name.is_empty() => Ok(name.to_string()),
        _ => Err("from: write user.NAME, an attribute of the caller".into()),
    }
}

fn pattern(written: &str) -> Result<Regex, String> {
    let whole = format!("^(?:{written})$");
    let built = regex::RegexBuilder::new(&whole).size_limit(PATTERN_BYTES).build();
    built.map_err(|_| format!("pattern: {written:?} is no regular expression of a bearable size"))
}

/// A pattern as it was written.
fn written(pattern: &Regex) -> &str {
    let whole = pattern.as_str();
    whole.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$")).unwrap_or(whole)
}

/// The value as the type has it: to a model 10 and 10.0 are one number.
fn typed(kind: ParameterType, value: &Json) -> Option<Json> {
    match (kind, value) {
        (ParameterType::Text, Json::String(_)) | (ParameterType::Boolean, Json::Bool(_)) => {
            Some(value.clone())
        }
        (ParameterType::Number, Json::Number(_)) => Some(value.clone()),
        (ParameterType::Integer, Json::Number(number)) => whole(number).map(Json::from),
        (ParameterType::Date, Json::String(text)) => date(text).map(|_| value.clone()),
        _ => None,
    }
}

fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_991.0;
    number.as_i64().or_else(|| {
        let value = number.as_f64()?;
        (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
    })
}

fn date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// Dates in this form are in the order of their texts.
fn order(a: &Json, b: &Json) -> Option<Ordering> {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
        (Json::Bool(a), Json::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}
