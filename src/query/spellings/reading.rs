//! How a text is read: as PostgreSQL, or as PostgreSQL with the quotes of another dialect.
//!
//! Which it is follows from the tokens alone. A backtick, or a `[` where PostgreSQL can have no subscript, is
//! never PostgreSQL. Everything else of another dialect's grammar is accepted in any text, since PostgreSQL
//! refuses it: `LIMIT 5, 10`, `x (+)`, `CONVERT(type, x)`.

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use std::any::TypeId;

const POSTGRES: PostgreSqlDialect = PostgreSqlDialect {};

/// Names of types that stand before the value in SQL Server's `CONVERT`.
const TYPES: &[&str] = &[
    "bigint",
    "bit",
    "char",
    "date",
    "datetime",
    "datetime2",
    "decimal",
    "float",
    "int",
    "integer",
    "money",
    "nchar",
    "numeric",
    "nvarchar",
    "real",
    "smallint",
    "text",
    "time",
    "tinyint",
    "varchar",
];

/// PostgreSQL's grammar with what the text needs beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::query) struct Reading {
    brackets: bool,
    backticks: bool,
    type_first: bool,
}

impl Reading {
    /// What the tokens of a text, read as PostgreSQL, ask for.
    pub(in crate::query) fn of(tokens: &[TokenWithSpan]) -> Self {
        Self {
            brackets: has_bracketed_name(tokens),
            backticks: tokens.iter().any(|token| is_backtick(&token.token)),
            type_first: tokens.windows(3).any(converts_by_type_first),
        }
    }

    /// What a text asks for whose tokens PostgreSQL cannot tell apart.
    pub(in crate::query) fn guess(sql: &str) -> Self {
        Self { backticks: sql.contains('`'), brackets: sql.contains('['), type_first: false }
    }

    /// Whether names have quotes that PostgreSQL does not know.
    pub(in crate::query) fn has_quotes(self) -> bool {
        self.brackets || self.backticks
    }

    /// What it is called in a note.
    pub(super) fn note(self) -> Option<&'static str> {
        match (self.brackets, self.backticks) {
            (false, false) => None,
            (true, _) => Some("[name] as \"name\" in any case"),
            (false, true) => Some("`name` as \"name\" in any case"),
        }
    }

    /// Whether whole numbers are divided with a fraction where the text comes from.
    pub(super) fn is_mysql(self) -> bool {
        self.backticks
    }
}

/// Everything that PostgreSQL's dialect has beyond the default.
macro_rules! as_postgresql {
    ($($name:ident),* $(,)?) => { $(fn $name(&self) -> bool { POSTGRES.$name() })* };
}

impl Dialect for Reading {
    fn dialect(&self) -> TypeId {
        POSTGRES.dialect()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        POSTGRES.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        POSTGRES.is_delimited_identifier_start(ch)
            || (self.brackets && ch == '[')
            || (self.backticks && ch == '`')
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        POSTGRES.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        POSTGRES.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        POSTGRES.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        POSTGRES.is_custom_operator_part(ch) && !(self.backticks && ch == '`')
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        POSTGRES.get_next_precedence(parser)
    }

    /// `a IS DISTINCT FROM b AND c` is of two conditions; the parser would take `b AND c` for the value (sqlparser 0.62).
    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        _: u8,
    ) -> Option<Result<Expr, ParserError>> {
        const IS: &[Keyword] = &[Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
        const IS_NOT: &[Keyword] = &[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
        let compares =
            [(IS, Expr::IsDistinctFrom as fn(_, _) -> _), (IS_NOT, Expr::IsNotDistinctFrom)];
        let (_, compare) = compares.into_iter().find(|(words, _)| parser.parse_keywords(words))?;
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        Some(right.map(|right| compare(Box::new(left.clone()), Box::new(right))))
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        POSTGRES.prec_value(precedence)
    }

    fn convert_type_before_value(&self) -> bool {
        self.type_first
    }

    fn supports_try_convert(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_outer_join_operator(&self) -> bool {
        true
    }

    as_postgresql!(
        supports_unicode_string_literal,
        supports_filter_during_aggregation,
        supports_group_by_expr,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_listen_notify,
        supports_factorial_operator,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_colon_operator,
        supports_named_fn_args_with_expr_name,
        supports_empty_projections,
        supports_nested_comments,
        supports_string_escape_constant,
        supports_numeric_literal_underscores,
        supports_array_typedef_with_brackets,
        supports_geometric_types,
        supports_set_names,
        supports_alter_column_type_using,
        supports_notnull_operator,
        supports_interval_options,
        supports_insert_table_alias,
        supports_create_table_like_parenthesized,
        supports_select_wildcard_with_alias,
        supports_comma_separated_trim,
        supports_xml_expressions,
        supports_comment_optimizer_hint,
    );
}

fn is_backtick(token: &Token) -> bool {
    match token {
        Token::Char('`') => true,
        Token::CustomBinaryOperator(operator) => operator.contains('`'),
        _ => false,
    }
}

/// Whether a `[` stands where no subscript and no array can.
fn has_bracketed_name(tokens: &[TokenWithSpan]) -> bool {
    let mut depth = 0_usize;
    let mut before: Option<&Token> = None;
    for token in tokens {
        match &token.token {
            Token::LBracket if depth == 0 && !before.is_some_and(takes_subscript) => return true,
            Token::LBracket => depth += 1,
            Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = Some(&token.token);
    }
    false
}

fn takes_subscript(token: &Token) -> bool {
    match token {
        Token::Word(word) => !matches!(
            word.keyword,
            Keyword::SELECT
                | Keyword::DISTINCT
                | Keyword::FROM
                | Keyword::JOIN
                | Keyword::ON
                | Keyword::WHERE
                | Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::BY
                | Keyword::AS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::BETWEEN
                | Keyword::CASE
                | Keyword::WHEN
                | Keyword::THEN
                | Keyword::ELSE
                | Keyword::HAVING
                | Keyword::WITH
        ),
        Token::RBracket | Token::RParen | Token::Placeholder(_) => true,
        _ => false,
    }
}

fn converts_by_type_first(tokens: &[TokenWithSpan]) -> bool {
    let [name, open, first] = tokens else { return false };
    let (Token::Word(name), Token::LParen, Token::Word(first)) =
        (&name.token, &open.token, &first.token)
    else {
        return false;
    };
    matches!(name.keyword, Keyword::CONVERT | Keyword::TRY_CONVERT)
        && first.quote_style.is_none()
        && TYPES.contains(&first.value.to_lowercase().as_str())
}

/// The tokens as PostgreSQL's grammar takes them.
pub(in crate::query) fn settle(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut tokens = tokens;
    for token in &mut tokens {
        if let Token::Word(word) = &mut token.token {
            requote(word);
        }
    }
    separators(without_hints(tokens))
}

/// `FROM t WITH (NOLOCK)` without its hint: every statement reads as its source lets it.
fn without_hints(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    const HINTS: &[&str] = &["nolock", "readuncommitted"];
    let is_hint = |next: &[TokenWithSpan]| {
        let [with, open, hint, close] = next else { return false };
        matches!(&with.token, Token::Word(word) if word.keyword == Keyword::WITH)
            && open.token == Token::LParen
            && matches!(&hint.token, Token::Word(word) if HINTS.contains(&word.value.to_lowercase().as_str()))
            && close.token == Token::RParen
    };
    while let Some(at) = tokens.windows(4).position(is_hint) {
        tokens.drain(at..at + 4);
    }
    tokens
}

/// A name in brackets or backticks is meant in any case, so a plain one is put into lower case, as PostgreSQL has
/// it without quotes. Its quotes stay: it is never a text.
fn requote(word: &mut Word) {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    if matches!(word.quote_style, Some('[' | '`')) && word.value.chars().all(plain) {
        word.value = word.value.to_lowercase();
    }
}

/// `GROUP_CONCAT(x ORDER BY y SEPARATOR 's')` as `GROUP_CONCAT(x, 's' ORDER BY y)`.
fn separators(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    while let Some(at) = tokens.windows(3).position(is_separator) {
        let text = tokens.remove(at + 1);
        tokens.remove(at);
        let place = order_before(&tokens, at).unwrap_or(at);
        let comma = TokenWithSpan { token: Token::Comma, span: text.span };
        tokens.splice(place..place, [comma, text]);
    }
    tokens
}

fn is_separator(tokens: &[TokenWithSpan]) -> bool {
    let word = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.keyword == Keyword::SEPARATOR);
    matches!(tokens, [name, text, close]
        if word(name)
            && matches!(text.token, Token::SingleQuotedString(_))
            && close.token == Token::RParen)
}

/// Where the ORDER BY of the call begins that ends at `end`.
fn order_before(tokens: &[TokenWithSpan], end: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens[..end].iter().enumerate().rev() {
        match &token.token {
            Token::RParen => depth += 1,
            Token::LParen if depth == 0 => return None,
            Token::LParen => depth -= 1,
            Token::Word(word) if depth == 0 && word.keyword == Keyword::ORDER => {
                return Some(index);
            }
            _ => {}
        }
    }
    None
}
