//! Name patterns of the rules: `source.schema.table[.column]`, `*` within a part, `tag:name`.
//!
//! Names are compared without regard to case. A part in double quotes may hold dots and is taken
//! literally.

use crate::model::TableEntry;

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    text: String,
    literal: bool,
}

impl Glob {
    /// The pattern as a single part; `None` where it is empty.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match <[Glob; 1]>::try_from(parts(text).ok()?) {
            Ok([glob]) => Some(glob),
            Err(_) => None,
        }
    }

    fn new(text: &str, quoted: bool) -> Self {
        Self { text: text.to_lowercase(), literal: quoted || !text.contains('*') }
    }

    /// Whether `name`, in lower case, is meant.
    pub(super) fn matches(&self, name: &str) -> bool {
        if self.literal { self.text == name } else { wildcard(&self.text, name) }
    }
}

/// `source.schema.table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TablePattern {
    pub(super) source: Glob,
    schema: Glob,
    table: Glob,
    /// As it was written.
    pub(super) text: String,
}

impl TablePattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = <[Glob; 3]>::try_from(parts(text)?).map_err(|found| {
            format!("{text:?} has {} parts; write source.schema.table, `*` allowed", found.len())
        })?;
        let [source, schema, table] = parts;
        Ok(Self { source, schema, table, text: text.to_string() })
    }

    pub(super) fn matches(&self, names: &Names) -> bool {
        self.source.matches(&names.source)
            && self.schema.matches(&names.schema)
            && self.table.matches(&names.table)
    }
}

/// What a masking rule or a tag points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnPattern {
    /// Columns by name.
    Named {
        /// Of which tables.
        table: TablePattern,
        /// Which columns.
        column: Glob,
    },
    /// Columns by tag.
    Tag(Glob),
}

impl ColumnPattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(tag) = text.strip_prefix("tag:") {
            if !is_tag(tag) {
                return Err(format!("{tag:?} is not a tag; write for instance tag:pii.email"));
            }
            return Ok(Self::Tag(Glob::new(tag, false)));
        }
        let parts = <[Glob; 4]>::try_from(parts(text)?).map_err(|found| {
            let count = found.len();
            format!("{text:?} has {count} parts; write source.schema.table.column, `*` allowed")
        })?;
        let [source, schema, table, column] = parts;
        let table = TablePattern { source, schema, table, text: text.to_string() };
        Ok(Self::Named { table, column })
    }
}

/// Whether `tag` may name a tag, or several with `*`.
pub(super) fn is_tag(tag: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*');
    !tag.is_empty() && tag.chars().all(allowed)
}

/// The names of a table in lower case, taken once per decision.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) source: String,
    schema: String,
    table: String,
    pub(super) columns: Vec<String>,
}

impl Names {
    pub(super) fn of(table: &TableEntry) -> Self {
        Self {
            source: table.reference.source.to_lowercase(),
            schema: table.reference.schema.to_lowercase(),
            table: table.reference.table.to_lowercase(),
            columns: table.description.columns.iter().map(|c| c.name.to_lowercase()).collect(),
        }
    }
}

/// Splits at dots outside double quotes.
fn parts(text: &str) -> Result<Vec<Glob>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let (glob, after) = part(rest).ok_or_else(|| {
            format!("{text:?} is not a name pattern; parts are separated by one dot, none is empty")
        })?;
        found.push(glob);
        match after.strip_prefix('.') {
            Some(after) => rest = after,
            None if after.is_empty() => return Ok(found),
            None => return Err(format!("{text:?}: write a dot after the closing quote")),
        }
    }
}

fn part(text: &str) -> Option<(Glob, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (name, after) = quoted.split_once('"')?;
        return (!name.is_empty()).then(|| (Glob::new(name, true), after));
    }
    let end = text.find('.').unwrap_or(text.len());
    let (name, after) = text.split_at(end);
    let plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '"');
    plain.then(|| (Glob::new(name, false), after))
}

/// `*` stands for any characters, also for none.
fn wildcard(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "x", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*_email", "work_email", true),
            ("*_email", "email", false),
            ("*mail*", "email_2", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
        ] {
            assert_eq!(wildcard(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_have_exactly_their_parts() {
        for bad in ["a.b", "a.b.c.d", "a..c", "", ".b.c", "a.b.", "a.b.c d", "\"a.b.c", "\"\".b.c"]
        {
            assert!(TablePattern::parse(bad).is_err(), "{bad}");
        }
        assert!(TablePattern::parse("Sales.public.*").is_ok());
        assert!(ColumnPattern::parse("*.*.*.email").is_ok());
        assert!(ColumnPattern::parse("*.*.email").unwrap_err().contains("3 parts"));
        assert!(ColumnPattern::parse("tag:pii.email").is_ok());
        assert!(ColumnPattern::parse("tag:").is_err());
        assert!(Glob::parse("a.b").is_none());
    }

    #[test]
    fn quoted_parts_are_literal_and_may_hold_dots() {
        let pattern = TablePattern::parse("erp.\"My.Schema\".\"a*\"").unwrap();
        assert!(pattern.schema.literal && pattern.schema.matches("my.schema"));
        assert!(pattern.table.matches("a*") && !pattern.table.matches("ab"));
        assert!(TablePattern::parse("a.\"b\"c.d").is_err());
    }
}
