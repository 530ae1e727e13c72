//! The first stage: text -> exactly one read-only statement within bounds.
//!
//! Runs on a planning thread with a big stack (see `supervise`), because the parser recurses. The
//! bounds come from what was measured to bring DataFusion 55 down: see ARCHITECTURE.md.

use super::spellings::{self, Notes, Reading};
use super::{digests, gate};
use crate::audit::LiteralKey;
use crate::error::{Code, Error, Result};
use sha2::{Digest, Sha256};
use sqlparser::ast::Statement as Ast;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

/// The longest statement, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// The most tokens of a statement, white space left out.
const MAX_TOKENS: usize = 20_000;
/// Nested parentheses the parser follows.
const MAX_NESTING: usize = 64;

/// A statement that passed the gate: one SELECT, read-only, allow-listed, bounded.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    ast: Ast,
    normalized: String,
    fingerprint: String,
    literals: Vec<String>,
    notes: Notes,
    /// The tokens of a statement with a word in double quotes, which may turn out to be a text.
    quoted: Vec<TokenWithSpan>,
}

impl Statement {
    /// Parses and checks untrusted text.
    ///
    /// # Errors
    /// `Syntax`, `NotAllowed` or `TooComplex`, each with what to do instead.
    #[cfg(test)]
    pub(super) fn parse(sql: &str) -> Result<Self> {
        Self::parse_for(sql, None)
    }

    /// The same, with the digests of its literals where there is a key for them.
    ///
    /// # Errors
    /// `Syntax`, `NotAllowed` or `TooComplex`, each with what to do instead.
    pub(super) fn parse_for(sql: &str, key: Option<&LiteralKey>) -> Result<Self> {
        if sql.len() > MAX_BYTES {
            return Err(too_complex(format!("the statement has more than {MAX_BYTES} bytes")));
        }
        let (tokens, reading) = read(sql)?;
        let (normalized, literals) = (normalize(&tokens), literals_of(&tokens, key));
        let quoted = if tokens.iter().any(is_quoted) { tokens.clone() } else { Vec::new() };
        let mut ast = parse_one(tokens, &reading)?;
        let notes = spellings::translate(&mut ast, reading)?;
        gate::check(&ast)?;
        let fingerprint = fingerprint(&normalized);
        Ok(Self { ast, normalized, fingerprint, literals, notes, quoted })
    }

    /// Takes the words in double quotes at these places for texts, which the audit must not hold.
    pub(super) fn take_for_texts(&mut self, places: &[Span], key: Option<&LiteralKey>) {
        if places.is_empty() {
            return;
        }
        for token in &mut self.quoted {
            if let Token::Word(word) = &token.token
                && places.contains(&token.span)
            {
                token.token = Token::SingleQuotedString(word.value.clone());
            }
        }
        self.normalized = normalize(&self.quoted);
        self.literals = literals_of(&self.quoted, key);
        self.fingerprint = fingerprint(&self.normalized);
    }

    /// The syntax tree, to be changed before it is planned.
    pub(super) fn ast_mut(&mut self) -> &mut Ast {
        &mut self.ast
    }

    /// What of it was read as PostgreSQL spells it.
    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The syntax tree, for planning.
    pub(super) fn into_ast(self) -> Ast {
        self.ast
    }

    /// The statement without literals and comments, for the audit.
    pub(super) fn normalized(&self) -> &str {
        &self.normalized
    }

    /// The digest of what stands at each `?` of the normalised statement.
    pub(super) fn literals(&self) -> &[String] {
        &self.literals
    }

    /// A short hash of the normalised statement.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// The tokens, and how they are read: as PostgreSQL, unless they cannot be.
fn read(sql: &str) -> Result<(Vec<TokenWithSpan>, Reading)> {
    let plain = tokenize(sql, &Reading::default());
    let reading = match &plain {
        Ok(tokens) => Reading::of(tokens),
        Err(error) if error.code == Code::Syntax => Reading::guess(sql),
        Err(_) => Reading::default(),
    };
    let tokens = match (reading.has_quotes(), plain) {
        (true, Ok(_)) => tokenize(sql, &reading)?,
        // The first error says what is wrong, should both be.
        (true, Err(error)) => tokenize(sql, &reading).map_err(|_| error)?,
        (false, plain) => plain?,
    };
    Ok((spellings::settle(tokens), reading))
}

fn tokenize(sql: &str, reading: &Reading) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(reading, sql).tokenize_with_location().map_err(|e| {
        Error::new(Code::Syntax, format!("the statement cannot be read: {e}"))
            .with_hint("send one PostgreSQL SELECT statement")
    })?;
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    if tokens.len() > MAX_TOKENS {
        return Err(too_complex(format!("the statement has more than {MAX_TOKENS} tokens")));
    }
    gate::check_tokens(&tokens)?;
    Ok(tokens)
}

fn is_quoted(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style == Some('"'))
}

fn literals_of(tokens: &[TokenWithSpan], key: Option<&LiteralKey>) -> Vec<String> {
    match key {
        Some(key) => tokens.iter().filter_map(|t| digests::of_token(&t.token, key)).collect(),
        None => Vec::new(),
    }
}

fn fingerprint(normalized: &str) -> String {
    hex16(&Sha256::digest(normalized.as_bytes()))
}

fn parse_one(tokens: Vec<TokenWithSpan>, reading: &Reading) -> Result<Ast> {
    let mut parser =
        Parser::new(reading).with_recursion_limit(MAX_NESTING).with_tokens_with_locations(tokens);
    while parser.consume_token(&Token::SemiColon) {}
    if parser.peek_token().token == Token::EOF {
        return Err(Error::new(Code::Syntax, "the statement is empty")
            .with_hint("send one SELECT statement"));
    }
    let statement = parser.parse_statement().map_err(syntax_error)?;
    let mut ended = false;
    while parser.consume_token(&Token::SemiColon) {
        ended = true;
    }
    let next = parser.peek_token();
    match next.token {
        Token::EOF => Ok(statement),
        _ if ended => Err(Error::new(Code::NotAllowed, "more than one statement was sent")
            .with_hint("send one SELECT at a time; join or UNION what belongs together")),
        token => Err(syntax_error(ParserError::ParserError(format!(
            "Expected: end of statement, found: {token}{}",
            next.span.start
        )))),
    }
}

fn syntax_error(error: ParserError) -> Error {
    match error {
        ParserError::RecursionLimitExceeded => {
            too_complex("the statement is nested too deeply".to_string())
        }
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            Error::new(Code::Syntax, format!("syntax error: {text}"))
                .with_hint("the accepted dialect is PostgreSQL; send one SELECT statement")
        }
    }
}

fn too_complex(message: String) -> Error {
    Error::new(Code::TooComplex, message).with_hint(
        "split the question, use IN lists instead of chains of OR, or pass values as parameters",
    )
}

/// The statement's tokens in one line with every literal as `?`.
fn normalize(tokens: &[TokenWithSpan]) -> String {
    let mut text = String::new();
    for token in tokens {
        if !text.is_empty() {
            text.push(' ');
        }
        match &token.token {
            Token::Word(word) if word.quote_style.is_none() => {
                text.push_str(&word.value.to_lowercase());
            }
            token if is_literal(token) => text.push('?'),
            Token::EOF | Token::SemiColon => {}
            other => text.push_str(&other.to_string()),
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn is_literal(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
    )
}

/// The first 16 hexadecimal digits of a digest.
fn hex16(digest: &[u8]) -> String {
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_do_not_reach_the_audit() {
        let statement = Statement::parse(
            "SELECT Name, 42 FROM t -- secret comment\n WHERE email = 'ana@example.com' /* x */;",
        )
        .expect("parses");
        assert_eq!(statement.normalized(), "select name , ? from t where email = ?");
        let other = Statement::parse("select name, 7 from t where email = 'bob'").expect("parses");
        assert_eq!(statement.fingerprint(), other.fingerprint());
    }

    #[test]
    fn exactly_one_statement_is_taken() {
        for sql in ["", "   ", "-- nothing"] {
            assert_eq!(Statement::parse(sql).expect_err("empty").code, Code::Syntax);
        }
        let two = Statement::parse("SELECT 1; SELECT 2").expect_err("two");
        assert_eq!(two.code, Code::NotAllowed);
        assert_eq!(Statement::parse("SELEC 1").expect_err("typo").code, Code::Syntax);
    }
}
