//! A batch as tokens: names spelled as they were declared, statements told apart.

use crate::double::engine::EngineError;
use crate::double::tsql::errors::unparsed;
use crate::double::tsql::registry::Registry;
use sqlparser::dialect::MsSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};
use std::collections::HashMap;

/// Words that begin a statement.
const STARTERS: &[&str] = &[
    "SELECT", "SET", "BEGIN", "COMMIT", "ROLLBACK", "SAVE", "INSERT", "UPDATE", "DELETE", "EXEC",
    "EXECUTE", "DECLARE", "CREATE", "DROP", "ALTER", "IF", "WITH", "PRINT", "USE", "GRANT", "DENY",
    "REVOKE", "TRUNCATE", "RETURN", "WAITFOR", "MERGE",
];
/// Statements that hold none of these words themselves.
const SIMPLE: &[&str] = &[
    "SET", "BEGIN", "COMMIT", "ROLLBACK", "SAVE", "USE", "PRINT", "DECLARE", "EXEC", "EXECUTE",
    "WAITFOR", "RETURN",
];
/// Statements that hold any of them.
const COMPOUND: &[&str] = &["CREATE", "ALTER", "GRANT", "DENY", "REVOKE", "MERGE", "IF"];
/// Things whose definition holds such words in parentheses alone.
const CLOSED: &[&str] = &["TABLE", "INDEX", "UNIQUE", "CLUSTERED", "NONCLUSTERED", "SYNONYM"];
/// Words that may stand in the middle of a query or a change.
const INNER: &[&str] = &["SELECT", "SET", "WITH", "UPDATE", "DELETE", "MERGE", "EXEC", "EXECUTE"];

/// The statements of a batch, each without blanks, comments and semicolons.
pub(crate) fn statements(
    sql: &str,
    registry: &Registry,
) -> Result<Vec<Vec<TokenWithSpan>>, EngineError> {
    let tokens = Tokenizer::new(&MsSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| unparsed(&error.to_string()))?;
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut first = HashMap::new();
    let mut statements = split(tokens);
    for statement in &mut statements {
        spell(statement, registry, &mut first);
    }
    Ok(statements)
}

/// The word in capitals, where a token is one that is not quoted.
pub(crate) fn keyword(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    }
}

/// Whether a token is that word, quoted or not.
pub(crate) fn is(token: Option<&TokenWithSpan>, word: &str) -> bool {
    word_of(token).is_some_and(|found| found.eq_ignore_ascii_case(word))
}

/// The text of a word, quoted or not.
pub(crate) fn word_of(token: Option<&TokenWithSpan>) -> Option<&str> {
    match token.map(|token| &token.token) {
        Some(Token::Word(word)) => Some(&word.value),
        _ => None,
    }
}

/// Where the next statement begins, at the level of the first token.
pub(crate) fn next_start(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0;
    tokens.iter().position(|token| {
        depth += nesting(&token.token);
        depth == 0 && keyword(&token.token).is_some_and(|word| STARTERS.contains(&word.as_str()))
    })
}

fn split(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut statements: Vec<Vec<TokenWithSpan>> = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    let mut depth = 0;
    for token in tokens {
        depth += nesting(&token.token);
        if token.token == Token::SemiColon && depth == 0 {
            statements.push(std::mem::take(&mut current));
            continue;
        }
        if depth == 0 && begins(&current, &token.token) {
            statements.push(std::mem::take(&mut current));
        }
        current.push(token);
    }
    statements.push(current);
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// Whether a token begins a statement after those of the current one.
fn begins(current: &[TokenWithSpan], token: &Token) -> bool {
    let (Some(first), Some(word)) =
        (current.first().and_then(|first| keyword(&first.token)), keyword(token))
    else {
        return false;
    };
    let (first, word) = (first.as_str(), word.as_str());
    let is_closed = first == "CREATE" && CLOSED.iter().any(|kind| is(current.get(1), kind));
    if !STARTERS.contains(&word) || (COMPOUND.contains(&first) && !is_closed) {
        return false;
    }
    if is_closed || SIMPLE.contains(&first) {
        return true;
    }
    let last = current.last().and_then(|last| keyword(&last.token)).unwrap_or_default();
    if first == "SELECT" && word == "SELECT" {
        return !matches!(last.as_str(), "UNION" | "ALL" | "EXCEPT" | "INTERSECT");
    }
    if word == "SET" {
        return first != "UPDATE";
    }
    let belongs = (word == "IF" && first == "DROP") || (word == "INSERT" && first == "WITH");
    !INNER.contains(&word) && !belongs
}

fn nesting(token: &Token) -> i32 {
    match token {
        Token::LParen => 1,
        Token::RParen => -1,
        _ => 0,
    }
}

/// Names are compared without case: each is written as it was declared, or as it stands first in the
/// batch, in double quotes where it needs them.
fn spell(tokens: &mut [TokenWithSpan], registry: &Registry, first: &mut HashMap<String, String>) {
    let words: Vec<Option<String>> = tokens.iter().map(|token| keyword(&token.token)).collect();
    let is_call: Vec<bool> = (0..tokens.len())
        .map(|at| tokens.get(at + 1).is_some_and(|next| next.token == Token::LParen))
        .collect();
    let mut after_period = false;
    for at in 0..tokens.len() {
        let period = tokens[at].token == Token::Period;
        let before = at.checked_sub(1).and_then(|at| words[at].as_deref()).unwrap_or_default();
        let named = after_period
            || (matches!(before, "INTO" | "REFERENCES" | "TABLE")
                && words[at].as_deref() != Some("IF"));
        after_period = period;
        let Token::Word(word) = &mut tokens[at].token else { continue };
        let is_name = match word.quote_style {
            Some(_) => true,
            None if word.value.starts_with('@') => false,
            None if STARTERS.contains(&word.value.to_uppercase().as_str()) && !named => false,
            // There are no such literals: they are names.
            None if matches!(word.keyword, Keyword::TRUE | Keyword::FALSE) => true,
            None => named || (word.keyword == Keyword::NoKeyword && !is_call[at]),
        };
        if is_name {
            let mut as_first = || {
                first.entry(word.value.to_lowercase()).or_insert_with(|| word.value.clone()).clone()
            };
            let spelled = match registry.spelled(&word.value) {
                Some(spelled) if before != "AS" => spelled,
                _ => as_first(),
            };
            *word =
                quoted(spelled, word.quote_style.is_some() || word.keyword != Keyword::NoKeyword);
        }
    }
}

fn quoted(value: String, always: bool) -> Word {
    let plain = value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let quote_style = (always || !plain).then_some('"');
    Word { value, quote_style, keyword: Keyword::NoKeyword }
}
