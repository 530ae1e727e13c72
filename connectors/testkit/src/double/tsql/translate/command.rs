//! Statements apart from queries: what each one does.

use super::tokens::{is, keyword, next_start, word_of};
use super::{Context, Translated, expression, name, query, table};
use crate::double::engine::EngineError;
use crate::double::tsql::errors::{syntax, unparsed, unsupported};
use crate::double::tsql::native::Native;
use crate::double::tsql::registry::Facts;
use sqlparser::ast::{
    AlterTableOperation, Expr, Ident, Insert, ObjectName, ObjectNamePart, ObjectType, SetExpr,
    Statement, TableObject,
};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// A statement of a batch, read but not yet translated.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// A query or a change, DDL that the parser knows.
    Statement(Box<Statement>),
    /// The same where a primary key is declared NONCLUSTERED.
    Heap(Box<Statement>),
    /// Nothing that this engine would have to do.
    Nothing,
    /// BEGIN TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// SET XACT_ABORT.
    Abort(bool),
    /// SET CONTEXT_INFO.
    ContextInfo(Box<Expr>),
    /// DECLARE, or SET of a variable: its name, its type where it is declared, its value.
    Variable(String, Option<Native>, Option<Box<Expr>>),
    /// IF: what is asked, and what is done then.
    If(Box<Expr>, Vec<Command>),
    /// EXEC with its arguments by name (empty where it goes by place).
    Execute(String, Vec<(String, Box<Expr>)>),
    /// CREATE SYNONYM for another name.
    Synonym(ObjectName, ObjectName),
    /// DROP SYNONYM.
    DropSynonym(ObjectName, bool),
    /// GRANT, DENY or REVOKE: whether it gives, the right, the object, the user.
    Right(bool, String, ObjectName, String),
    /// WAITFOR DELAY.
    Wait(f64),
}

/// Options of SET that change nothing here.
const OPTIONS: &[&str] = &[
    "ANSI_DEFAULTS",
    "ANSI_NULL_DFLT_ON",
    "ANSI_NULL_DFLT_OFF",
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ARITHABORT",
    "ARITHIGNORE",
    "CONCAT_NULL_YIELDS_NULL",
    "CURSOR_CLOSE_ON_COMMIT",
    "DATEFIRST",
    "DATEFORMAT",
    "DEADLOCK_PRIORITY",
    "FMTONLY",
    "IDENTITY_INSERT",
    "IMPLICIT_TRANSACTIONS",
    "LANGUAGE",
    "LOCK_TIMEOUT",
    "NOCOUNT",
    "NOEXEC",
    "NUMERIC_ROUNDABORT",
    "PARSEONLY",
    "QUERY_GOVERNOR_COST_LIMIT",
    "QUOTED_IDENTIFIER",
    "ROWCOUNT",
    "TEXTSIZE",
    "TRANSACTION",
];

/// Reads one statement.
pub(crate) fn read(tokens: &[TokenWithSpan]) -> Result<Command, EngineError> {
    let first = word_of(tokens.first()).unwrap_or_default().to_uppercase();
    let second = word_of(tokens.get(1)).unwrap_or_default().to_uppercase();
    Ok(match (first.as_str(), second.as_str()) {
        ("SET", _) => set(tokens, &second)?,
        ("BEGIN", "TRAN" | "TRANSACTION") => Command::Begin,
        ("COMMIT", _) => Command::Commit,
        ("ROLLBACK", _) => Command::Rollback,
        ("SAVE" | "PRINT" | "RETURN" | "USE", _) => Command::Nothing,
        ("DECLARE", _) => declare(&tokens[1..])?,
        ("EXEC" | "EXECUTE", _) => execute(&tokens[1..])?,
        ("IF", _) => conditional(&tokens[1..])?,
        ("GRANT" | "DENY" | "REVOKE", _) => right(&first, &tokens[1..])?,
        ("WAITFOR", "DELAY") => wait(tokens.get(2))?,
        ("CREATE", "SYNONYM") => synonym(&tokens[2..])?,
        ("DROP", "SYNONYM") => {
            let checks = is(tokens.get(2), "IF");
            Command::DropSynonym(parse_name(&tokens[if checks { 4 } else { 2 }..])?, checks)
        }
        ("CREATE" | "ALTER", _) => {
            let plain: Vec<TokenWithSpan> = tokens
                .iter()
                .filter(|token| !["CLUSTERED", "NONCLUSTERED"].iter().any(|w| is(Some(token), w)))
                .cloned()
                .collect();
            let statement = Box::new(parse(&plain)?);
            let heap = tokens.windows(3).any(|t| {
                ["PRIMARY", "KEY", "NONCLUSTERED"].iter().zip(t).all(|(w, t)| is(Some(t), w))
            });
            if heap { Command::Heap(statement) } else { Command::Statement(statement) }
        }
        _ => Command::Statement(Box::new(parse(&plain_fetch(without_option(tokens)))?)),
    })
}

/// Reads a whole list of tokens as one statement.
pub(crate) fn parse(tokens: &[TokenWithSpan]) -> Result<Statement, EngineError> {
    let dialect = MsSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens.to_vec());
    let statement = parser.parse_statement().map_err(|error| unparsed(&error.to_string()))?;
    let rest = parser.next_token();
    if rest.token == Token::EOF { Ok(statement) } else { Err(syntax(&rest.token.to_string())) }
}

/// DDL and changes that PostgreSQL spells almost alike.
pub(crate) fn translate(
    mut statement: Statement,
    context: Context<'_>,
) -> Result<Translated, EngineError> {
    let sql = match &mut statement {
        Statement::Insert(insert) => {
            untype_values(insert, context);
            return query::statement(statement, context);
        }
        Statement::Query(_) | Statement::Update(_) | Statement::Delete(_) => {
            return query::statement(statement, context);
        }
        Statement::CreateSchema { schema_name, .. } => {
            let text = schema_name.to_string();
            let text = text.split(" AUTHORIZATION").next().unwrap_or_default().replace('"', "");
            format!("CREATE SCHEMA {}", name(&text))
        }
        Statement::CreateIndex(index) => {
            query::qualify(&mut index.table_name, &[]);
            let columns: Vec<String> =
                index.columns.iter().map(|column| column.to_string()).collect();
            let unique = if index.unique { "UNIQUE " } else { "" };
            let named = index.name.as_ref().map(expression::quoted_name).unwrap_or_default();
            let on = expression::quoted_name(&index.table_name);
            format!("CREATE {unique}INDEX {named} ON {on} ({})", columns.join(", "))
        }
        Statement::AlterTable(alter) => {
            query::qualify(&mut alter.name, &[]);
            let mut parts = Vec::new();
            for operation in &alter.operations {
                let AlterTableOperation::AddConstraint { constraint, .. } = operation else {
                    return Err(unsupported(&operation.to_string()));
                };
                parts.push(format!("ADD {}", table::constraint_text(constraint, context)?));
            }
            let on = expression::quoted_name(&alter.name);
            format!("ALTER TABLE {on} {}", parts.join(", "))
        }
        Statement::Truncate(truncate) => {
            let mut names = Vec::new();
            for target in &mut truncate.table_names {
                query::qualify(&mut target.name, &[]);
                names.push(expression::quoted_name(&target.name));
            }
            format!("TRUNCATE TABLE {}", names.join(", "))
        }
        Statement::Drop { object_type, if_exists, names, .. } => {
            dropped(*object_type, *if_exists, names)?
        }
        other => return Err(syntax(other.to_string().split(' ').next().unwrap_or_default())),
    };
    Ok(Translated { sql, ..Translated::default() })
}

fn dropped(
    object_type: ObjectType,
    if_exists: bool,
    names: &mut [ObjectName],
) -> Result<String, EngineError> {
    let what = match object_type {
        ObjectType::Table => "TABLE",
        ObjectType::View => "VIEW",
        ObjectType::Schema => "SCHEMA",
        other => return Err(unsupported(&format!("DROP {other}"))),
    };
    let mut list = Vec::new();
    for target in names {
        if object_type != ObjectType::Schema {
            query::qualify(target, &[]);
        }
        list.push(expression::quoted_name(target));
    }
    let checks = if if_exists { "IF EXISTS " } else { "" };
    Ok(format!("DROP {what} {checks}{}", list.join(", ")))
}

/// Constants of VALUES take the type of their column.
fn untype_values(insert: &mut Insert, context: Context<'_>) {
    let TableObject::TableName(relation) = &insert.table else { return };
    let mut relation = relation.clone();
    query::qualify(&mut relation, &[]);
    let (schema, table) = table::schema_and_name(&relation);
    let known = context.registry.table(&schema, &table).unwrap_or_default();
    for column in &mut insert.columns {
        if let Some(ObjectNamePart::Identifier(ident)) = column.0.last_mut()
            && let Some(facts) = find(&known, &ident.value)
        {
            *ident = Ident::with_quote('"', facts.name.as_str());
        }
    }
    let targets: Vec<Option<bool>> = if insert.columns.is_empty() {
        known.iter().map(|facts| Some(facts.native.is_text())).collect()
    } else {
        let is_text = |column: &ObjectName| {
            let ident = column.0.last().and_then(|part| part.as_ident())?;
            Some(find(&known, &ident.value)?.native.is_text())
        };
        insert.columns.iter().map(is_text).collect()
    };
    let Some(source) = &mut insert.source else { return };
    let SetExpr::Values(values) = source.body.as_mut() else { return };
    for row in &mut values.rows {
        for (at, cell) in row.iter_mut().enumerate() {
            if targets.get(at) != Some(&Some(true)) {
                expression::untyped(cell);
            }
        }
    }
}

fn find<'a>(columns: &'a [Facts], name: &str) -> Option<&'a Facts> {
    let lower = name.to_lowercase();
    columns.iter().find(|facts| facts.name.to_lowercase() == lower)
}

fn set(tokens: &[TokenWithSpan], option: &str) -> Result<Command, EngineError> {
    if option.starts_with('@') {
        let value = parse_expression(tokens.get(3..).unwrap_or_default())?;
        let variable = word_of(tokens.get(1)).unwrap_or_default().to_string();
        return Ok(Command::Variable(variable, None, Some(Box::new(value))));
    }
    let mut options = option.to_string();
    let mut at = 2;
    while tokens.get(at).is_some_and(|token| token.token == Token::Comma) {
        options = word_of(tokens.get(at + 1)).unwrap_or_default().to_uppercase();
        at += 2;
    }
    match options.as_str() {
        "XACT_ABORT" => Ok(Command::Abort(is(tokens.last(), "ON"))),
        "CONTEXT_INFO" => Ok(Command::ContextInfo(Box::new(parse_expression(&tokens[2..])?))),
        known if OPTIONS.contains(&known) => Ok(Command::Nothing),
        other => Err(EngineError::new(195, format!("'{other}' is not a recognized SET option."))),
    }
}

fn declare(tokens: &[TokenWithSpan]) -> Result<Command, EngineError> {
    let variable = word_of(tokens.first()).unwrap_or_default().to_string();
    if !variable.starts_with('@') {
        return Err(syntax(&variable));
    }
    let equals = tokens.iter().position(|token| token.token == Token::Eq);
    let ends = equals.unwrap_or(tokens.len());
    let start = if is(tokens.get(1), "AS") { 2 } else { 1 };
    let spelled: String =
        tokens.get(start..ends).unwrap_or_default().iter().map(|t| t.token.to_string()).collect();
    let native = Native::parse(&spelled, false).ok_or_else(|| syntax(&spelled))?;
    let value = match equals {
        Some(at) => Some(Box::new(parse_expression(&tokens[at + 1..])?)),
        None => None,
    };
    Ok(Command::Variable(variable, Some(native), value))
}

fn execute(tokens: &[TokenWithSpan]) -> Result<Command, EngineError> {
    let mut at = 0;
    let mut procedure = String::new();
    while let Some(word) = word_of(tokens.get(at)) {
        procedure = word.to_lowercase();
        at += 1;
        if tokens.get(at).is_none_or(|token| token.token != Token::Period) {
            break;
        }
        at += 1;
    }
    let mut arguments = Vec::new();
    for part in tokens.get(at..).unwrap_or_default().split(|token| token.token == Token::Comma) {
        match part {
            [] => {}
            [variable, equals, value @ ..] if equals.token == Token::Eq => {
                let variable = word_of(Some(variable)).unwrap_or_default().to_lowercase();
                arguments.push((variable, Box::new(parse_expression(value)?)));
            }
            value => arguments.push((String::new(), Box::new(parse_expression(value)?))),
        }
    }
    Ok(Command::Execute(procedure, arguments))
}

fn conditional(tokens: &[TokenWithSpan]) -> Result<Command, EngineError> {
    let start = next_start(tokens).ok_or_else(|| syntax("IF"))?;
    let condition = parse_expression(&tokens[..start])?;
    let then = vec![read(&tokens[start..])?];
    Ok(Command::If(Box::new(condition), then))
}

fn right(verb: &str, tokens: &[TokenWithSpan]) -> Result<Command, EngineError> {
    let place = |word: &str| {
        tokens.iter().position(|token| is(Some(token), word)).ok_or_else(|| syntax(verb))
    };
    let to = place(if verb == "REVOKE" { "FROM" } else { "TO" })?;
    let on = place("ON")?;
    let mut start = on + 1;
    if tokens.get(start + 1).is_some_and(|token| token.token == Token::DoubleColon) {
        start += 2;
    }
    let object = parse_name(tokens.get(start..to).unwrap_or_default())?;
    let right: Vec<String> = tokens[..on].iter().map(|token| token.token.to_string()).collect();
    let user = word_of(tokens.get(to + 1)).unwrap_or_default().to_string();
    Ok(Command::Right(verb == "GRANT", right.join(" "), object, user))
}

fn wait(token: Option<&TokenWithSpan>) -> Result<Command, EngineError> {
    let Some(Token::SingleQuotedString(delay)) = token.map(|token| &token.token) else {
        return Err(syntax("DELAY"));
    };
    let mut seconds = 0.0;
    for part in delay.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().map_err(|_| syntax(delay))?;
    }
    Ok(Command::Wait(seconds))
}

fn synonym(tokens: &[TokenWithSpan]) -> Result<Command, EngineError> {
    let place = tokens.iter().position(|token| is(Some(token), "FOR"));
    let place = place.ok_or_else(|| syntax("SYNONYM"))?;
    Ok(Command::Synonym(parse_name(&tokens[..place])?, parse_name(&tokens[place + 1..])?))
}

fn parse_name(tokens: &[TokenWithSpan]) -> Result<ObjectName, EngineError> {
    let dialect = MsSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens.to_vec());
    parser.parse_object_name(false).map_err(|error| unparsed(&error.to_string()))
}

fn parse_expression(tokens: &[TokenWithSpan]) -> Result<Expr, EngineError> {
    let dialect = MsSqlDialect {};
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens.to_vec());
    let expr = parser.parse_expr().map_err(|error| unparsed(&error.to_string()))?;
    let rest = parser.next_token();
    if rest.token == Token::EOF { Ok(expr) } else { Err(syntax(&rest.token.to_string())) }
}

/// How many rows FETCH takes may be any expression, but the parser knows only constants there: another
/// one becomes a text constant with a mark, for [`fetched`].
fn plain_fetch(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut plain: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        plain.push(token.clone());
        rest = after;
        let follows = is(Some(token), "NEXT") || is(Some(token), "FIRST");
        if !follows || plain.len() < 2 || !is(plain.get(plain.len() - 2), "FETCH") {
            continue;
        }
        let ends = rest.iter().position(|t| is(Some(t), "ROWS") || is(Some(t), "ROW"));
        let Some(count) = ends
            .map(|at| &rest[..at])
            .filter(|count| count.len() > 1 || word_of(count.first()).is_some())
        else {
            continue;
        };
        let text: Vec<String> = count.iter().map(|token| token.token.to_string()).collect();
        let marked = Token::SingleQuotedString(format!("{FETCHED}{}", text.join(" ")));
        plain.push(TokenWithSpan { token: marked, span: token.span });
        rest = &rest[count.len()..];
    }
    plain
}

/// The mark of an expression behind FETCH.
const FETCHED: &str = "\u{1}";

/// The expression behind FETCH, where it was not a constant.
pub(crate) fn fetched(expr: &Expr) -> Result<Option<Expr>, EngineError> {
    let Some(text) = expression::text_of(expr).and_then(|text| text.strip_prefix(FETCHED)) else {
        return Ok(None);
    };
    let tokens = Tokenizer::new(&MsSqlDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| unparsed(&error.to_string()))?;
    parse_expression(&tokens).map(Some)
}

/// A query without its hints at the end.
fn without_option(tokens: &[TokenWithSpan]) -> &[TokenWithSpan] {
    let mut depth = 0;
    let hint = tokens.iter().position(|token| {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        depth == 0 && keyword(&token.token).is_some_and(|word| word == "OPTION")
    });
    hint.map_or(tokens, |at| &tokens[..at])
}
