//! Arguments of a tool call: every mistake names the argument, what it should be, and an example.
//!
//! The protocol's own answer to a bad argument (-32602) is shown to no model. Here a mistake becomes
//! an error of the tool, so that the model reads it and calls again.

use crate::error::{Code, Error, Result};
use crate::query::Parameters;
use serde_json::{Map, Value as Json};

/// The arguments a client sent, taken out one by one.
#[derive(Debug)]
pub(super) struct Arguments {
    tool: &'static str,
    given: Map<String, Json>,
    known: Vec<&'static str>,
}

impl Arguments {
    /// The arguments of a call of `tool`.
    pub(super) fn new(tool: &'static str, given: Option<Map<String, Json>>) -> Self {
        Self { tool, given: given.unwrap_or_default(), known: Vec::new() }
    }

    /// A text that must be there and not be empty.
    pub(super) fn text(&mut self, name: &'static str, example: &str) -> Result<String> {
        match self.optional_text(name, example)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            Some(_) => Err(self.wrong(name, "is empty", "a text", example)),
            None => Err(self.wrong(name, "is missing", "a text", example)),
        }
    }

    /// A text that may be absent.
    pub(super) fn optional_text(
        &mut self,
        name: &'static str,
        example: &str,
    ) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => {
                let found = format!("is {}", kind(&other));
                Err(self.wrong(name, &found, "a text", example))
            }
        }
    }

    /// Whether an argument is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// One of these words, where it is there.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>> {
        let example = words.first().map_or("", |(word, _)| word);
        let Some(given) = self.optional_text(name, &format!("\"{example}\""))? else {
            return Ok(None);
        };
        if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == given) {
            return Ok(Some(*chosen));
        }
        let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let found = format!("is {}", quoted(&given));
        Err(self.wrong(name, &found, &known.join(" or "), &known[0]))
    }

    /// One to `most` texts: a list of them, or a single one.
    pub(super) fn texts(
        &mut self,
        name: &'static str,
        most: usize,
        example: &str,
    ) -> Result<Vec<String>> {
        let wanted = format!("a list of 1 to {most} texts");
        let found = match self.take(name) {
            None => "is missing".to_string(),
            Some(Json::String(text)) => return Ok(vec![text]),
            Some(Json::Array(items)) if items.iter().all(Json::is_string) => {
                let count = items.len();
                if (1..=most).contains(&count) {
                    let texts = items.into_iter().filter_map(|item| match item {
                        Json::String(text) => Some(text),
                        _ => None,
                    });
                    return Ok(texts.collect());
                }
                format!("has {count} texts")
            }
            Some(other) => format!("is {}", kind(&other)),
        };
        Err(self.wrong(name, &found, &wanted, example))
    }

    /// A whole number from `least` up that may be absent.
    pub(super) fn count(
        &mut self,
        name: &'static str,
        least: usize,
        example: &str,
    ) -> Result<Option<usize>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wanted = format!("a whole number from {least} up");
        let Json::Number(number) = &value else {
            let found = format!("is {}", kind(&value));
            return Err(self.wrong(name, &found, &wanted, example));
        };
        match whole(number) {
            Some(count) if count >= least => Ok(Some(count)),
            _ => Err(self.wrong(name, &format!("is {number}"), &wanted, example)),
        }
    }

    /// Parameters of a statement: a list for `$1`, an object for `$name`.
    pub(super) fn parameters(&mut self, name: &'static str) -> Result<Parameters> {
        const WANTED: &str = "a list for $1, $2, ... or an object for $name";
        const EXAMPLE: &str = r#"["EU", 10] or {"region": "EU"}"#;
        match self.take(name) {
            None => Ok(Parameters::None),
            Some(Json::Array(values)) => Ok(Parameters::Positional(values)),
            Some(Json::Object(values)) => Ok(Parameters::Named(values)),
            Some(other) => {
                let found = format!("is {}", kind(&other));
                Err(self.wrong(name, &found, WANTED, EXAMPLE))
            }
        }
    }

    /// Ends the reading: an argument that nobody asked for is a mistake.
    pub(super) fn finish(self) -> Result<()> {
        let Some(unknown) = self.given.keys().next() else { return Ok(()) };
        let message = format!("{}: unknown argument {}", self.tool, quoted(unknown));
        let near = crate::query::nearest(unknown, self.known.iter().copied(), 1);
        let meant = near.first().map(|name| format!("did you mean \"{name}\"? "));
        let hint =
            format!("{}{} takes: {}", meant.unwrap_or_default(), self.tool, self.known.join(", "));
        Err(Error::new(Code::InvalidArgument, message).with_hint(hint))
    }

    /// An argument's value; JSON null counts as absent.
    fn take(&mut self, name: &'static str) -> Option<Json> {
        self.known.push(name);
        self.given.shift_remove(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, found: &str, wanted: &str, example: &str) -> Error {
        Error::new(
            Code::InvalidArgument,
            format!("{}: argument \"{name}\" {found}; expected {wanted}", self.tool),
        )
        .with_hint(format!("for example \"{name}\": {example}"))
    }
}

/// A JSON number as a count: 10 and 10.0 are the same number to a model.
fn whole(number: &serde_json::Number) -> Option<usize> {
    if let Some(value) = number.as_u64() {
        return usize::try_from(value).ok();
    }
    let value = number.as_f64()?;
    let fits = value.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&value);
    fits.then_some(value as usize)
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// A client's own word in a message: quoted, and short whatever was sent.
pub(super) fn quoted(word: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String =
        word.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if word.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn arguments(value: Json) -> Arguments {
        let Json::Object(given) = value else { panic!("an object") };
        Arguments::new("query", Some(given))
    }

    #[test]
    fn a_missing_argument_is_named_with_an_example() {
        let error = Arguments::new("query", None).text("sql", "\"SELECT 1\"").unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert_eq!(error.message, "query: argument \"sql\" is missing; expected a text");
        assert_eq!(error.hint.as_deref(), Some("for example \"sql\": \"SELECT 1\""));
    }

    #[test]
    fn a_wrong_type_is_named() {
        let error = arguments(json!({"sql": 7})).text("sql", "\"SELECT 1\"").unwrap_err();
        assert_eq!(error.message, "query: argument \"sql\" is a number; expected a text");
        let error = arguments(json!({"sql": " "})).text("sql", "\"SELECT 1\"").unwrap_err();
        assert_eq!(error.message, "query: argument \"sql\" is empty; expected a text");
    }

    #[test]
    fn counts_are_whole_and_in_range() {
        assert_eq!(arguments(json!({"limit": 10})).count("limit", 1, "10").unwrap(), Some(10));
        assert_eq!(arguments(json!({"limit": 10.0})).count("limit", 1, "10").unwrap(), Some(10));
        assert_eq!(arguments(json!({"limit": null})).count("limit", 1, "10").unwrap(), None);
        for wrong in [json!(0), json!(-1), json!(1.5), json!("10"), json!(1e300), json!([])] {
            let error = arguments(json!({"limit": wrong})).count("limit", 1, "10").unwrap_err();
            assert!(error.message.contains("a whole number from 1 up"), "{error}");
        }
    }

    #[test]
    fn a_choice_is_one_of_its_words() {
        let words = [("here", 1), ("there", 2)];
        let chosen = |value: Json| arguments(json!({"at": value})).choice("at", &words);
        assert_eq!(chosen(json!("there")).unwrap(), Some(2));
        assert_eq!(arguments(json!({})).choice("at", &words).unwrap(), None);
        let wrong = chosen(json!("where")).unwrap_err();
        let told = format!("{} {}", wrong.message, wrong.hint.unwrap_or_default());
        assert!(told.contains("where") && told.contains("\"here\" or \"there\""), "{told}");
        assert!(chosen(json!(3)).is_err());
    }

    #[test]
    fn parameters_are_a_list_or_an_object() {
        let positional = arguments(json!({"params": [1, null]})).parameters("params").unwrap();
        assert_eq!(positional, Parameters::Positional(vec![json!(1), Json::Null]));
        let named = arguments(json!({"params": {"a": 1}})).parameters("params").unwrap();
        assert!(matches!(named, Parameters::Named(values) if values["a"] == 1));
        let error = arguments(json!({"params": "[1]"})).parameters("params").unwrap_err();
        assert!(error.to_string().contains("a list for $1"), "{error}");
    }

    #[test]
    fn a_list_of_texts_is_short() {
        let of = |value: Json| arguments(json!({"y": value})).texts("y", 2, "[\"total\"]");
        assert_eq!(of(json!(["a", "b"])).unwrap(), ["a", "b"]);
        assert_eq!(of(json!("a")).unwrap(), ["a"]);
        for wrong in [json!([]), json!(["a", "b", "c"]), json!([1]), json!(7), json!(null)] {
            let error = of(wrong).unwrap_err();
            assert!(error.message.contains("a list of 1 to 2 texts"), "{error}");
        }
    }

    #[test]
    fn an_unknown_argument_is_refused_with_the_known_ones() {
        let mut given = arguments(json!({"sql": "SELECT 1", "query": "SELECT 1"}));
        given.text("sql", "").unwrap();
        given.count("limit", 1, "10").unwrap();
        let error = given.finish().unwrap_err();
        assert_eq!(error.message, "query: unknown argument \"query\"");
        assert_eq!(error.hint.as_deref(), Some("query takes: sql, limit"));
    }

    #[test]
    fn a_quoted_word_is_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), "\"a b\"");
        assert_eq!(quoted(&"x".repeat(1000)).len(), 65);
    }
}
