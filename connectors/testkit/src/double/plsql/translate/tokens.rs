//! The text of a statement as tokens that the parser takes: Oracle's placeholders, the literals of
//! doubles and the types of several words become tokens of one piece.

use super::super::errors;
use crate::double::engine::{Bind, EngineError};
use sqlparser::dialect::OracleDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};
use std::collections::BTreeSet;

/// Splits a statement; white space and comments are gone.
pub(crate) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, EngineError> {
    let all = Tokenizer::new(&OracleDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| errors::syntax(&format!("{} {}", error.message, error.location), sql))?;
    Ok(all.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect())
}

/// The tokens as the parser takes them; placeholders are numbered as they occur.
pub(super) fn prepared(
    tokens: &[TokenWithSpan],
    binds: &[Bind],
) -> Result<Vec<TokenWithSpan>, EngineError> {
    let mut prepared: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut names = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        if at > 1 && keyword(tokens.get(at - 2)).as_deref() == Some("XMLSERIALIZE") {
            at += usize::from(keyword(tokens.get(at)).as_deref() == Some("CONTENT"));
        }
        let rest = if at < tokens.len() { &tokens[at..] } else { rest };
        let (token, taken) = match (placeholder(rest), double(rest), several(rest)) {
            (Some(name), ..) => {
                names.push(name);
                (Token::Placeholder(String::new()), if is_colon(&rest[0]) { 2 } else { 1 })
            }
            (_, Some(literal), _) => (literal, 2),
            (.., Some((word, taken))) => (word, taken),
            _ => (rest[0].token.clone(), 1),
        };
        prepared.push(TokenWithSpan::new(token, rest[0].span));
        at += taken;
    }
    number(&mut prepared, &names, binds)?;
    Ok(prepared)
}

/// Gives each placeholder the number of its value: by name, or by occurrence, or by first occurrence.
fn number(
    tokens: &mut [TokenWithSpan],
    names: &[String],
    binds: &[Bind],
) -> Result<(), EngineError> {
    let unbound = || errors::ora(1008, "not all variables bound");
    let bare = |name: &str| name.trim_start_matches(':').to_uppercase();
    let distinct: Vec<&String> = {
        let mut seen = BTreeSet::new();
        names.iter().filter(|name| seen.insert(*name)).collect()
    };
    let named = binds.iter().any(|bind| bind.name.is_some());
    let mut places = tokens
        .iter_mut()
        .filter(|t| matches!(&t.token, Token::Placeholder(text) if text.is_empty()));
    for (occurrence, name) in names.iter().enumerate() {
        let place = if named {
            binds.iter().position(|bind| bind.name.as_deref().map(bare).as_ref() == Some(name))
        } else if binds.len() == names.len() {
            Some(occurrence)
        } else if binds.len() == distinct.len() {
            distinct.iter().position(|known| *known == name)
        } else {
            None
        };
        let place = place.ok_or_else(unbound)?;
        if let Some(token) = places.next() {
            token.token = Token::Placeholder(format!("?{place}"));
        }
    }
    if binds.len() > names.len() {
        return Err(errors::ora(1036, "illegal variable name/number"));
    }
    Ok(())
}

fn is_colon(token: &TokenWithSpan) -> bool {
    token.token == Token::Colon
}

fn placeholder(rest: &[TokenWithSpan]) -> Option<String> {
    match (&rest[0].token, rest.get(1).map(|t| &t.token)) {
        (Token::Colon, Some(Token::Number(digits, _))) => Some(digits.clone()),
        (Token::Colon, Some(Token::Word(word))) => Some(word.value.to_uppercase()),
        (Token::Placeholder(text), _) if text.starts_with(':') => Some(text[1..].to_uppercase()),
        _ => None,
    }
}

/// A literal such as `1.5d`.
fn double(rest: &[TokenWithSpan]) -> Option<Token> {
    let (Token::Number(digits, _), Token::Word(word)) = (&rest[0].token, &rest.get(1)?.token)
    else {
        return None;
    };
    let suffix = word.value.to_ascii_lowercase();
    let adjacent = rest[0].span.end == rest[1].span.start;
    (adjacent && word.quote_style.is_none() && matches!(suffix.as_str(), "d" | "f"))
        .then(|| Token::Placeholder(format!("{suffix}{digits}")))
}

/// A type of several words as one word.
fn several(rest: &[TokenWithSpan]) -> Option<(Token, usize)> {
    let word = |at: usize| keyword(rest.get(at));
    // The number of tokens of `(n)` or nothing, and n.
    let size =
        |at: usize| match (rest.get(at).map(|t| &t.token), rest.get(at + 1).map(|t| &t.token)) {
            (Some(Token::LParen), Some(Token::Number(digits, _)))
                if rest.get(at + 2).is_some_and(|t| t.token == Token::RParen) =>
            {
                (3, Some(digits.clone()))
            }
            _ => (0, None),
        };
    match word(0).as_deref()? {
        "LONG" if word(1).as_deref() == Some("RAW") => Some((named("LONGRAW".into()), 2)),
        // `CHAR(n CHAR)`: the name says the unit, the rest is read as any size.
        "CHAR" | "CHARACTER" => match word(3).as_deref() {
            Some("CHAR") => Some((named("CHARC".into()), 1)),
            Some("BYTE") => Some((named("CHARB".into()), 1)),
            _ => None,
        },
        "NUMBER" => number_type(rest),
        // `XMLSERIALIZE(CONTENT x AS CLOB)` is a cast.
        "XMLSERIALIZE" if word(2).as_deref() == Some("CONTENT") => {
            let keyword = Keyword::CAST;
            Some((Token::Word(Word { value: "CAST".into(), quote_style: None, keyword }), 1))
        }
        "TIMESTAMP" => {
            let (taken, digits) = size(1);
            let at = 1 + taken;
            let local = usize::from(word(at + 1).as_deref() == Some("LOCAL"));
            let is = |offset: usize, expected: &str| word(at + offset).as_deref() == Some(expected);
            if !(is(0, "WITH") && is(1 + local, "TIME") && is(2 + local, "ZONE")) {
                return None;
            }
            let name = if local == 1 { "TIMESTAMPLTZ" } else { "TIMESTAMPTZ" };
            Some((named(format!("{name}_{}", digits.as_deref().unwrap_or("6"))), at + 3 + local))
        }
        "INTERVAL" => {
            let kind = word(1)?;
            let (taken, leading) = size(2);
            let at = 2 + taken;
            let last = if word(at).as_deref() == Some("TO") { word(at + 1)? } else { return None };
            let leading = leading.unwrap_or_else(|| "2".to_string());
            match (kind.as_str(), last.as_str()) {
                ("YEAR", "MONTH") => Some((named(format!("INTERVALYM_{leading}")), at + 2)),
                ("DAY", "SECOND") => {
                    let (more, fraction) = size(at + 2);
                    let fraction = fraction.unwrap_or_else(|| "6".to_string());
                    Some((named(format!("INTERVALDS_{leading}_{fraction}")), at + 2 + more))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// `NUMBER(*, 0)` and `NUMBER(5, -2)`, whose sizes the parser does not read.
fn number_type(rest: &[TokenWithSpan]) -> Option<(Token, usize)> {
    let end = rest.iter().take(8).position(|t| t.token == Token::RParen)?;
    let inside: Vec<String> = rest.get(2..end)?.iter().map(|t| t.token.to_string()).collect();
    let odd = inside.iter().any(|text| text == "*" || text == "-");
    (rest[1].token == Token::LParen && odd)
        .then(|| (named(format!("NUMBER_{}", inside.concat().replace(',', "_"))), end + 1))
}

fn named(value: String) -> Token {
    Token::Word(Word { value, quote_style: None, keyword: Keyword::NoKeyword })
}

/// An unquoted word in upper case.
pub(crate) fn keyword(token: Option<&TokenWithSpan>) -> Option<String> {
    match token.map(|t| &t.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    }
}
