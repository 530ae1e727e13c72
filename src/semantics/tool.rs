//! Tools that an organisation declares: a statement with typed, constrained parameters.

use super::ParameterType;
use super::file;
use super::items::Defined;
use super::parameter::{Bound, Parameter};
use super::place::SemanticsError;
use crate::error::{Code, Error, Result as Answered};
use serde_json::{Map, Value as Json, json};

/// Names of tools that the server has of its own.
pub const RESERVED: [&str; 7] = ["search", "describe", "query", "fetch", "explain", "chart", "ask"];

/// A statement with parameters, offered as a tool.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Name, roles and place.
    pub defined: Defined,
    /// What it answers.
    pub description: String,
    /// The statement, with `$name` for parameters.
    pub sql: String,
    /// Its parameters, in the order of the file.
    pub parameters: Vec<Parameter>,
    /// The columns of its answer with their types, where they are written down.
    pub output: Vec<(String, String)>,
}

impl Tool {
    pub(super) fn of(raw: file::Tool, defined: Defined) -> Result<Self, SemanticsError> {
        if RESERVED.contains(&defined.name.as_str()) {
            return Err(defined.error("the server has a tool of this name"));
        }
        if raw.description.trim().is_empty() {
            return Err(defined.error("description: say what it answers; a model chooses by it"));
        }
        let mut parameters: Vec<Parameter> = Vec::new();
        for entry in raw.parameters.0 {
            if parameters.iter().any(|known| known.name == entry.name) {
                let message = format!("parameters.{}: it is there twice", entry.name);
                return Err(defined.error(message));
            }
            let parameter = Parameter::of(entry.value, entry.name.clone())
                .map_err(|wrong| defined.error(format!("parameters.{}: {wrong}", entry.name)))?;
            parameters.push(parameter);
        }
        let output = raw.output.0.into_iter().map(|entry| (entry.name, entry.value)).collect();
        Ok(Self { defined, description: raw.description, sql: raw.sql, parameters, output })
    }

    /// The JSON Schema of its arguments.
    pub fn input_schema(&self) -> Json {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for parameter in self.parameters.iter().filter(|parameter| parameter.attribute().is_none())
        {
            properties.insert(parameter.name.clone(), parameter.schema());
            if parameter.is_required() {
                required.push(parameter.name.clone());
            }
        }
        let mut schema = json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        schema
    }

    /// Whether `attribute` has what the tool takes from its caller.
    pub fn fits(&self, attribute: impl Fn(&str) -> Option<Json>) -> bool {
        let mut taken = self.parameters.iter().filter(|parameter| parameter.attribute().is_some());
        taken.all(|parameter| self.taken(parameter, &attribute).is_ok())
    }

    /// Every parameter with its value: what was given, what the caller has, or what is written down.
    ///
    /// # Errors
    /// `InvalidArgument` names the argument and what it should be.
    pub fn bind(
        &self,
        mut given: Map<String, Json>,
        attribute: impl Fn(&str) -> Option<Json>,
    ) -> Answered<Map<String, Json>> {
        let mut values = Map::new();
        for parameter in &self.parameters {
            let value = match parameter.attribute() {
                Some(_) => self.taken(parameter, &attribute)?,
                None => {
                    let given = given.shift_remove(&parameter.name);
                    match parameter.bind(given) {
                        Bound::Value(value) => value,
                        Bound::Wrong { found, wanted } => {
                            return Err(self.wrong(parameter, &found, &wanted));
                        }
                    }
                }
            };
            values.insert(parameter.name.clone(), value);
        }
        match given.keys().next() {
            None => Ok(values),
            Some(unknown) => Err(self.unknown(unknown)),
        }
    }

    fn taken(
        &self,
        parameter: &Parameter,
        attribute: impl Fn(&str) -> Option<Json>,
    ) -> Answered<Json> {
        let value =
            parameter.attribute().and_then(attribute).filter(|value| parameter.takes(value));
        value.ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                format!("{} cannot be used by you", self.defined.name),
            )
        })
    }

    fn wrong(&self, parameter: &Parameter, found: &str, wanted: &str) -> Error {
        let (tool, name) = (&self.defined.name, &parameter.name);
        let message = format!("{tool}: argument \"{name}\" {found}; expected {wanted}");
        let example = parameter.example();
        Error::new(Code::InvalidArgument, message)
            .with_hint(format!("for example \"{name}\": {example}"))
    }

    fn unknown(&self, name: &str) -> Error {
        let message = format!("{}: unknown argument {}", self.defined.name, shown(name));
        let known: Vec<&str> = self
            .parameters
            .iter()
            .filter(|parameter| parameter.attribute().is_none())
            .map(|parameter| parameter.name.as_str())
            .collect();
        let takes = if known.is_empty() { "no arguments".to_string() } else { known.join(", ") };
        Error::new(Code::InvalidArgument, message)
            .with_hint(format!("{} takes: {takes}", self.defined.name))
    }
}

/// A client's own word, short and on one line.
fn shown(word: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String =
        word.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if word.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}

impl ParameterType {
    /// The type as files name it.
    pub fn as_str(self) -> &'static str {
        match self {
            ParameterType::Text => "text",
            ParameterType::Integer => "integer",
            ParameterType::Number => "number",
            ParameterType::Boolean => "boolean",
            ParameterType::Date => "date",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::Semantics;

    const TOOL: &str = "
version: 1
tools:
  big_orders:
    description: Orders above a value.
    sql: SELECT 1
    parameters:
      least: { type: number, min: 0, max: 1000 }
      status: { type: text, values: [open, paid], default: open }
      since: { type: date, min: '2020-01-01', required: false }
      code: { type: text, pattern: '[A-Z]{2}', max_length: 2, required: false }
      region: { from: user.region }
";

    fn tool() -> Tool {
        let semantics = Semantics::parse("a.yaml", TOOL).expect("loaded");
        semantics.tools()[0].clone()
    }

    fn bind(given: Json) -> Answered<Json> {
        let Json::Object(given) = given else { unreachable!() };
        let attribute = |name: &str| (name == "region").then(|| json!("EU"));
        tool().bind(given, attribute).map(Json::Object)
    }

    #[test]
    fn every_parameter_gets_a_value() {
        let given = json!({"least": 5, "since": "2024-02-29", "code": "AB"});
        let wanted = json!({"least": 5, "status": "open", "since": "2024-02-29", "code": "AB", "region": "EU"});
        assert_eq!(bind(given).expect("bound"), wanted);
        let bound = bind(json!({"least": 0.5, "status": "paid", "code": null})).expect("bound");
        assert_eq!((&bound["code"], &bound["since"]), (&Json::Null, &Json::Null));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        for (given, told) in [
            (json!({}), "argument \"least\" is missing; expected a number from 0 to 1000"),
            (json!({"least": "5"}), "argument \"least\" is a text; expected a number"),
            (json!({"least": -1}), "argument \"least\" is -1; expected a number from 0 to 1000"),
            (json!({"least": 1000.5}), "argument \"least\" is 1000.5; expected a number from 0"),
            (json!({"least": 1, "status": "Open"}), "expected one of \"open\", \"paid\""),
            (json!({"least": 1, "since": "2024-02-30"}), "expected a date as YYYY-MM-DD"),
            (json!({"least": 1, "since": "2019-12-31"}), "from \"2020-01-01\""),
            (json!({"least": 1, "code": "ABC"}), "at most 2 characters"),
            (json!({"least": 1, "code": "A\n"}), "that fits [A-Z]{2}"),
            (json!({"least": 1, "code": ["AB"]}), "argument \"code\" is a list"),
            (json!({"least": 1, "region": "US"}), "unknown argument \"region\""),
            (json!({"least": 1, "x": 1}), "unknown argument \"x\""),
        ] {
            let error = bind(given.clone()).expect_err("refused");
            assert_eq!(error.code, Code::InvalidArgument);
            assert!(error.message.contains(told), "{given}: {}", error.message);
        }
    }

    #[test]
    fn what_comes_from_the_caller_is_no_argument() {
        let schema = tool().input_schema();
        assert!(schema["properties"].get("region").is_none());
        assert_eq!(schema["required"], json!(["least"]));
        assert_eq!(schema["properties"]["code"]["pattern"], "^(?:[A-Z]{2})$");
        assert!(tool().fits(|_| Some(json!("EU"))) && !tool().fits(|_| None));
        assert!(tool().bind(Map::from_iter([("least".into(), json!(1))]), |_| None).is_err());
    }

    #[test]
    fn a_wrong_definition_is_named() {
        for (from, to, told) in [
            ("big_orders:", "query:", "tools.query: the server has a tool"),
            ("big_orders:", "Big orders:", "lower-case letters"),
            ("least: { type: number", "least: { type: money", "money"),
            ("min: 0, max: 1000", "min: 5, max: 1", "parameters.least: min is greater than max"),
            ("default: open", "default: shut", "parameters.status: default"),
            ("pattern: '[A-Z]{2}'", "pattern: '['", "parameters.code: pattern"),
            ("from: user.region", "from: region", "parameters.region: from: write user.NAME"),
            ("from: user.region", "from: user.region, default: x", "parameters.region: from"),
            ("type: text, values", "values", "parameters.status: type is missing"),
            ("least: {", "Le-ast: {", "lower-case letters"),
        ] {
            assert!(TOOL.contains(from), "{from}");
            let error = Semantics::parse("a.yaml", &TOOL.replacen(from, to, 1));
            let error = error.expect_err("refused").to_string();
            assert!(error.starts_with("a.yaml:") && error.contains(told), "{error} for {to}");
        }
    }
}
