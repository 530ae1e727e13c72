//! Pieces of declarations that are read from the tokens, because the parser knows no such statement.

use super::super::errors;
use super::super::registry::Name;
use super::super::session::Session;
use super::super::translate::parts;
use super::super::translate::tokens::keyword;
use crate::double::engine::EngineError;
use sqlparser::ast::ObjectName;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Walks over the tokens of a statement.
pub(super) struct Reader<'t> {
    rest: &'t [TokenWithSpan],
}

impl<'t> Reader<'t> {
    pub(super) fn at(tokens: &'t [TokenWithSpan], place: usize) -> Self {
        Self { rest: tokens.get(place..).unwrap_or_default() }
    }

    fn next(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(&first.token)
    }

    /// An unquoted word in upper case.
    pub(super) fn word(&mut self) -> Option<String> {
        let word = keyword(self.rest.first());
        self.next();
        word
    }

    /// A name as Oracle keeps it.
    pub(super) fn name(&mut self) -> Option<String> {
        match self.next()? {
            Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
            Token::Word(word) => Some(word.value.to_uppercase()),
            _ => None,
        }
    }

    /// Names with dots between them.
    pub(super) fn names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            if self.rest.first().map(|t| &t.token) != Some(&Token::Period) {
                break;
            }
            self.next();
        }
        names
    }

    /// A name with or without a schema.
    pub(super) fn qualified(&mut self) -> Option<(Option<String>, String)> {
        split(self.names())
    }

    /// A text literal.
    pub(super) fn text(&mut self) -> Option<String> {
        match self.next()? {
            Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) => {
                Some(text.clone())
            }
            _ => None,
        }
    }
}

/// Schema and name.
pub(super) fn split(mut names: Vec<String>) -> Option<(Option<String>, String)> {
    let name = names.pop()?;
    let schema = names.pop();
    names.is_empty().then_some((schema, name))
}

/// The full name of something that is to be made.
pub(super) fn named(session: &Session, name: &ObjectName) -> Result<Name, EngineError> {
    let (schema, name) =
        split(parts(name)?).ok_or_else(|| errors::ora(903, "invalid table name"))?;
    if name.len() > 128 {
        return Err(errors::ora(972, "identifier is too long"));
    }
    Ok((schema.unwrap_or_else(|| session.schema.clone()), name))
}

/// A CREATE without the options that change nothing here: FORCE and EDITIONABLE, how a materialized view
/// is refreshed, where a table is stored.
pub(super) fn without_options(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let is = |t: &TokenWithSpan, words: &[&str]| {
        keyword(Some(t)).is_some_and(|word| words.contains(&word.as_str()))
    };
    let noise = ["FORCE", "NOFORCE", "EDITIONABLE", "NONEDITIONABLE"];
    let view = tokens.iter().take(7).position(|t| is(t, &["VIEW"]));
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    let materialized = view.is_some_and(|v| v > 0 && is(&tokens[v - 1], &["MATERIALIZED"]));
    // From behind the name to AS.
    let options = view.filter(|_| materialized).and_then(|view| {
        let end = tokens.iter().position(|t| is(t, &["AS"]))?;
        let start = (view + 1..end).find(|at| {
            is(&tokens[*at], &["BUILD", "REFRESH", "NEVER", "ENABLE", "DISABLE", "USING"])
        })?;
        Some(start..end)
    });
    while at < tokens.len() {
        if options.as_ref().is_some_and(|options| options.start == at) {
            at = options.as_ref().map_or(at, |options| options.end);
        }
        let early = view.is_some_and(|view| at < view);
        if !(early && is(&tokens[at], &noise)) {
            kept.push(tokens[at].clone());
        }
        at += 1;
    }
    let trailing = kept.len().checked_sub(3).map(|start| &kept[start..]);
    if view.is_some()
        && trailing.is_some_and(|t| is(&t[0], &["WITH"]) && is(&t[1], &["READ", "CHECK"]))
    {
        kept.truncate(kept.len() - 3);
    }
    kept
}
