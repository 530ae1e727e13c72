//! What the audit may know of a statement's values: keyed digests, and the statement itself where it is encrypted.

use super::request::{Parameters, QueryRequest};
use crate::audit::LiteralKey;
use serde_json::{Value as Json, json};
use sqlparser::tokenizer::Token;
use std::sync::Arc;

/// The most digests of one statement's parameters; a list beyond that has one as a whole.
const MOST: usize = 10_000;

/// The digests of a statement's literals and parameters. Without a key there are none.
#[derive(Debug, Clone, Default)]
pub(super) struct Digests {
    pub(super) literals: Arc<[String]>,
    pub(super) parameters: Arc<[(String, Vec<String>)]>,
}

impl Digests {
    /// The digests of `literals`, made by the parser, and of the parameters.
    pub(super) fn of(
        literals: Vec<String>,
        parameters: &Parameters,
        key: Option<&LiteralKey>,
    ) -> Self {
        let Some(key) = key else { return Self::default() };
        let mut left = MOST;
        let mut digest = |value: &Json| of_value(value, key, &mut left);
        let parameters: Vec<(String, Vec<String>)> = match parameters {
            Parameters::None => return Self { literals: literals.into(), ..Self::default() },
            Parameters::Positional(values) => {
                let numbered = values.iter().enumerate();
                numbered.map(|(i, value)| ((i + 1).to_string(), digest(value))).collect()
            }
            Parameters::Named(values) => {
                values.iter().map(|(name, value)| (known(name, key), digest(value))).collect()
            }
        };
        Self { literals: literals.into(), parameters: parameters.into() }
    }
}

fn of_value(value: &Json, key: &LiteralKey, left: &mut usize) -> Vec<String> {
    match value {
        Json::Array(items) if items.len() <= *left => {
            *left -= items.len();
            items.iter().map(|item| key.digest(&text(item))).collect()
        }
        other => vec![key.digest(&text(other))],
    }
}

/// A parameter's name, if it is one: what stands there is untrusted and may be a value by mistake.
fn known(name: &str, key: &LiteralKey) -> String {
    let fits = name.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits { name.to_string() } else { format!("#{}", key.digest(name)) }
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The digest of a literal; `None` for every other token.
pub(super) fn of_token(token: &Token, key: &LiteralKey) -> Option<String> {
    let text = match token {
        Token::Number(text, _)
        | Token::SingleQuotedString(text)
        | Token::DoubleQuotedString(text)
        | Token::TripleSingleQuotedString(text)
        | Token::TripleDoubleQuotedString(text)
        | Token::SingleQuotedByteStringLiteral(text)
        | Token::DoubleQuotedByteStringLiteral(text)
        | Token::SingleQuotedRawStringLiteral(text)
        | Token::DoubleQuotedRawStringLiteral(text)
        | Token::NationalStringLiteral(text)
        | Token::EscapedStringLiteral(text)
        | Token::UnicodeStringLiteral(text)
        | Token::HexStringLiteral(text) => text,
        Token::DollarQuotedString(quoted) => &quoted.value,
        _ => return None,
    };
    Some(key.digest(text))
}

/// The statement and its parameters as they were sent.
pub(super) fn raw(request: &QueryRequest) -> Arc<str> {
    let parameters = match &request.parameters {
        Parameters::None => Json::Null,
        Parameters::Positional(values) => json!(values),
        Parameters::Named(values) => json!(values),
    };
    json!({"sql": request.sql, "params": parameters}).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::statement::Statement;

    #[test]
    fn each_value_has_its_digest() {
        let key = LiteralKey::new(b"0123456789abcdef").expect("long enough");
        let sql = "SELECT a, $tag$Ana$tag$ FROM t WHERE b = 'ana' AND c > -17.0 AND d = $1";
        let parsed = Statement::parse_for(sql, Some(&key)).expect("parses");
        let parameters = Parameters::Positional(vec![json!("ANA"), json!([17, "x"]), json!(null)]);
        let digests = Digests::of(parsed.literals().to_vec(), &parameters, Some(&key));
        let (ana, number) = (key.digest("ana"), key.digest("17"));
        assert_eq!(*digests.literals, [ana.clone(), ana.clone(), number.clone()]);
        assert_eq!(digests.parameters[0], ("1".to_string(), vec![ana]));
        assert_eq!(digests.parameters[1].1, [number, key.digest("x")]);
        // Without a key nothing is kept.
        assert!(Statement::parse(sql).expect("parses").literals().is_empty());
        assert!(Digests::of(Vec::new(), &parameters, None).parameters.is_empty());
        let Json::Object(named) = json!({"region": "x", "ana@mail.example": 1}) else {
            unreachable!()
        };
        let named = Digests::of(Vec::new(), &Parameters::Named(named), Some(&key));
        assert_eq!(named.parameters[0].0, "region");
        assert!(named.parameters[1].0.starts_with('#'));
        let many = Parameters::Positional(vec![json!(vec![1; MOST + 1])]);
        assert_eq!(Digests::of(Vec::new(), &many, Some(&key)).parameters[0].1.len(), 1);
    }
}
