//! From a client's arguments to what the texts say: names are looked up among what the caller may see, so
//! that no text names anything else.

use super::entries::{Argument, Entry, Kind, LANGUAGE};
use super::invalid;
use crate::mcp::Backend;
use crate::mcp::arguments::quoted;
use crate::model::Principal;
use crate::query::VisibleName;
use crate::results::{legible, seen};
use rmcp::ErrorData;
use rmcp::model::JsonObject;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The longest text of a user, in characters.
const LONGEST_TEXT: usize = 4_000;
/// The longest statement, in characters.
const LONGEST_STATEMENT: usize = 20_000;
/// Names that are listed in a text; the rest is a search away.
const MOST_NAMES: usize = 40;
/// Columns whose values are counted in one statement.
const MOST_COLUMNS: usize = 60;
/// The largest count.
const MOST: u16 = 1_000;

/// What the texts of `entry` say for these arguments.
///
/// # Errors
/// An argument that is missing, not known, not a text, or names nothing that the caller may see.
pub(super) fn values(
    backend: &dyn Backend,
    principal: &Principal,
    entry: &Entry,
    given: &JsonObject,
) -> Result<BTreeMap<&'static str, String>, ErrorData> {
    known(entry, given)?;
    let lookup = Lookup { backend, principal };
    let mut values = BTreeMap::new();
    let mut tables: BTreeMap<&str, Table> = BTreeMap::new();
    for argument in entry.arguments {
        let Some(text) = text_of(given, argument)? else { continue };
        let value = match argument.kind {
            Kind::Source => {
                let (source, names) = lookup.source(text)?;
                values.insert("source.tables", names);
                source
            }
            Kind::Table => {
                let table = lookup.table(text)?;
                if argument.name == "table" {
                    values.insert("table.filled", table.filled());
                }
                let name = table.name.clone();
                tables.insert(argument.name, table);
                name
            }
            Kind::Column(of) => match tables.get(of) {
                Some(table) => table.column(text)?,
                None => return Err(invalid(format!("argument \"{of}\" is missing"))),
            },
            Kind::Text => shown(argument.name, text, LONGEST_TEXT)?,
            Kind::Statement => {
                let sql = shown(argument.name, text, LONGEST_STATEMENT)?;
                values.insert("sql.block", format!("```sql\n{sql}\n```"));
                sql
            }
            Kind::Count => match text.parse::<u16>() {
                Ok(count) if (1..=MOST).contains(&count) => count.to_string(),
                _ => {
                    let message = format!(
                        "argument \"{}\" must be a whole number from 1 to {MOST}",
                        argument.name
                    );
                    return Err(invalid(message));
                }
            },
            Kind::Choice(choices) => choice(argument, choices, text)?.to_string(),
        };
        values.insert(argument.name, value);
    }
    if entry.arguments.iter().all(|argument| !argument.required) && values.is_empty() {
        let names: Vec<&str> = entry.arguments.iter().map(|argument| argument.name).collect();
        return Err(invalid(format!("give at least one of: {}", names.join(", "))));
    }
    Ok(values)
}

/// The one of `choices` that `text` is.
pub(super) fn choice(
    argument: &Argument,
    choices: &[&'static str],
    text: &str,
) -> Result<&'static str, ErrorData> {
    let found = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text)).copied();
    found.ok_or_else(|| {
        let (name, choices) = (argument.name, choices.join(", "));
        invalid(format!("argument \"{name}\" is {}; it may be: {choices}", quoted(text)))
    })
}

/// An argument's text, without blanks around it; an empty one counts as absent.
pub(super) fn text_of<'a>(
    given: &'a JsonObject,
    argument: &Argument,
) -> Result<Option<&'a str>, ErrorData> {
    let name = argument.name;
    let text = match given.get(name) {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(text.trim()).filter(|text| !text.is_empty()),
        Some(_) => return Err(invalid(format!("argument \"{name}\" must be a text"))),
    };
    if text.is_none() && argument.required {
        return Err(invalid(format!("argument \"{name}\" is missing")));
    }
    Ok(text)
}

fn known(entry: &Entry, given: &JsonObject) -> Result<(), ErrorData> {
    let Some(unknown) = given.keys().find(|name| entry.argument(name).is_none()) else {
        return Ok(());
    };
    let arguments = entry.arguments.iter().chain([&LANGUAGE]);
    let names: Vec<&str> = arguments.map(|argument| argument.name).collect();
    let (unknown, name) = (quoted(unknown), entry.name);
    Err(invalid(format!("there is no argument {unknown}; {name} takes: {}", names.join(", "))))
}

/// Words of the user with everything unseen made visible, line by line.
fn shown(name: &str, text: &str, longest: usize) -> Result<String, ErrorData> {
    if text.chars().nth(longest).is_some() {
        let message = format!("argument \"{name}\" is longer than {longest} characters");
        return Err(invalid(message));
    }
    let lines: Vec<_> =
        text.lines().map(|line| seen(&line.replace('\t', "  ")).into_owned()).collect();
    Ok(lines.join("\n"))
}

/// What the caller may see.
pub(in crate::mcp) struct Lookup<'a> {
    pub(in crate::mcp) backend: &'a dyn Backend,
    pub(in crate::mcp) principal: &'a Principal,
}

/// A table that the caller may see, and the columns of it.
pub(in crate::mcp) struct Table {
    /// As it is written in SQL.
    name: String,
    columns: Vec<String>,
}

impl Lookup<'_> {
    /// A source and a list of its tables.
    fn source(&self, text: &str) -> Result<(String, String), ErrorData> {
        let visible = self.backend.visible_tables(self.principal);
        let is_meant = |table: &&VisibleName| table.source.eq_ignore_ascii_case(text);
        let tables: Vec<&VisibleName> = visible.iter().filter(is_meant).collect();
        let Some(first) = tables.first() else {
            let mut known: Vec<_> = visible.iter().map(|table| legible(&table.source)).collect();
            known.dedup();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(invalid(format!("no source {}; your sources: {known}", quoted(text))));
        };
        let mut names: Vec<String> = tables.iter().take(MOST_NAMES).map(|t| sql_name(t)).collect();
        if tables.len() > MOST_NAMES {
            names.push(format!("+ {} (`search`)", tables.len() - MOST_NAMES));
        }
        Ok((legible(&first.source).into_owned(), names.join(", ")))
    }

    /// The table that a name means. One that is hidden and one that does not exist give the same error.
    pub(in crate::mcp) fn table(&self, text: &str) -> Result<Table, ErrorData> {
        let described = self.backend.describe(self.principal, text).map_err(|error| {
            let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            invalid(legible(&format!("{}{hint}", error.message)).into_owned())
        })?;
        let full = described.structured["table"].as_str();
        let visible = self.backend.visible_tables(self.principal);
        let found = full.and_then(|full| {
            visible.iter().find(|t| format!("{}.{}.{}", t.source, t.schema, t.table) == full)
        });
        let Some(found) = found else {
            return Err(invalid(format!("{} is not the name of a table", quoted(text))));
        };
        let columns = described.structured["columns"].as_array();
        let names = columns.into_iter().flatten().filter_map(|column| column["name"].as_str());
        Ok(Table { name: sql_name(found), columns: names.map(str::to_owned).collect() })
    }
}

impl Table {
    /// The names of its columns.
    pub(in crate::mcp) fn into_columns(self) -> Vec<String> {
        self.columns
    }

    /// The column that a name means, as it is written in SQL.
    fn column(&self, text: &str) -> Result<String, ErrorData> {
        let bare = text.trim_matches('"');
        let exact = self.columns.iter().find(|column| *column == bare);
        let found = exact.or_else(|| {
            self.columns.iter().find(|column| column.to_lowercase() == bare.to_lowercase())
        });
        found.map(|column| identifier(column)).ok_or_else(|| {
            let names: Vec<_> = self.columns.iter().take(MOST_NAMES).map(|c| legible(c)).collect();
            let (text, table) = (quoted(text), &self.name);
            let names = names.join(", ");
            invalid(format!("table {table} has no column {text}; its columns: {names}"))
        })
    }

    /// A count of the values of each column.
    fn filled(&self) -> String {
        let columns = self.columns.iter().take(MOST_COLUMNS).map(|column| identifier(column));
        let counts: Vec<String> = columns.map(|name| format!("count({name}) AS {name}")).collect();
        counts.join(", ")
    }
}

fn sql_name(table: &VisibleName) -> String {
    [&table.source, &table.schema, &table.table].map(|part| identifier(part)).join(".")
}

/// A name as it is written in SQL. What a reader does not see becomes a visible escape, and the name then
/// means nothing.
pub(super) fn identifier(name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let starts = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if plain && starts && RESERVED.binary_search(&name).is_err() {
        return name.to_owned();
    }
    format!("\"{}\"", seen(name).replace('"', "\"\""))
}

/// Words that are no names in SQL, in order.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "primary",
    "qualify",
    "references",
    "right",
    "select",
    "session_user",
    "set",
    "some",
    "table",
    "then",
    "to",
    "top",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_so_that_sql_reads_them() {
        assert!(RESERVED.is_sorted());
        for (name, written) in [
            ("orders", "orders"),
            ("order", "\"order\""),
            ("Total", "\"Total\""),
            ("2024", "\"2024\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\\u{a}b\""),
            ("año", "\"año\""),
        ] {
            assert_eq!(identifier(name), written);
        }
    }

    #[test]
    fn words_of_the_user_stay_on_their_lines() {
        assert_eq!(shown("sql", "a\n\tb\u{202e}", 99).unwrap(), "a\n  b\\u{202e}");
        assert!(shown("sql", "aaa", 2).is_err());
    }
}
