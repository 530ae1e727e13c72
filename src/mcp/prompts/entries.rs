//! The bundled prompts: their arguments, and their texts as files, one for each language.

/// A prompt.
#[derive(Debug)]
pub(in crate::mcp) struct Entry {
    pub(in crate::mcp) name: &'static str,
    pub(in crate::mcp) arguments: &'static [Argument],
    /// In the order of `Language::ALL`.
    pub(super) texts: [&'static str; 2],
    /// Its statements, apart by an empty line; the same in every language.
    pub(super) sql: &'static str,
}

/// An argument of a prompt.
#[derive(Debug)]
pub(in crate::mcp) struct Argument {
    pub(in crate::mcp) name: &'static str,
    pub(in crate::mcp) kind: Kind,
    pub(super) required: bool,
}

/// What an argument names. Names are looked up among what the caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mcp) enum Kind {
    /// A source.
    Source,
    /// A table.
    Table,
    /// A column of the table that another argument names.
    Column(&'static str),
    /// Words of the user.
    Text,
    /// A statement.
    Statement,
    /// A small whole number.
    Count,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// The argument that every prompt has.
pub(in crate::mcp) const LANGUAGE: Argument = may("language", Kind::Choice(&["en", "es"]));

/// Pieces of time that a series may have.
const GRAINS: &[&str] = &["day", "week", "month", "quarter", "year"];

use Kind::{Choice, Column, Count, Source, Statement, Table, Text};

macro_rules! entry {
    ($name:literal, [$($argument:expr),* $(,)?]) => {
        entry!($name, [$($argument),*], "")
    };
    ($name:literal, [$($argument:expr),* $(,)?], sql) => {
        entry!($name, [$($argument),*], include_str!(concat!("text/sql/", $name, ".sql")))
    };
    ($name:literal, [$($argument:expr),*], $sql:expr) => {
        Entry {
            name: $name,
            arguments: &[$($argument),*],
            texts: [
                include_str!(concat!("text/en/", $name, ".txt")),
                include_str!(concat!("text/es/", $name, ".txt")),
            ],
            sql: $sql,
        }
    };
}

/// All prompts, as they are listed.
pub(in crate::mcp) const ALL: &[Entry] = &[
    entry!("explore_source", [need("source", Source), may("table", Table)], sql),
    entry!("find_data", [need("topic", Text)], sql),
    entry!("ask", [need("question", Text)]),
    entry!("explain_result", [may("sql", Statement), may("receipt", Text)]),
    entry!("explain_sql", [need("sql", Statement)]),
    entry!("fix_sql", [need("sql", Statement), may("error", Text)]),
    entry!("profile_column", [need("table", Table), need("column", Column("table"))], sql),
    entry!(
        "compare_periods",
        [
            need("table", Table),
            need("date_column", Column("table")),
            may("measure", Column("table")),
            may("first", Text),
            may("second", Text),
        ],
        sql
    ),
    entry!(
        "why_changed",
        [
            need("table", Table),
            need("date_column", Column("table")),
            may("measure", Column("table")),
            may("dimension", Column("table")),
            may("change", Text),
        ],
        sql
    ),
    entry!(
        "trend_and_anomaly",
        [
            need("table", Table),
            need("date_column", Column("table")),
            may("measure", Column("table")),
            may("grain", Choice(GRAINS)),
        ],
        sql
    ),
    entry!(
        "cohort_retention",
        [
            need("table", Table),
            need("entity", Column("table")),
            need("date_column", Column("table")),
        ],
        sql
    ),
    entry!(
        "funnel",
        [
            need("table", Table),
            need("entity", Column("table")),
            need("step_column", Column("table")),
            may("date_column", Column("table")),
            may("steps", Text),
        ],
        sql
    ),
    entry!(
        "top_n_and_share",
        [
            need("table", Table),
            need("dimension", Column("table")),
            may("measure", Column("table")),
            may("n", Count),
        ],
        sql
    ),
    entry!(
        "segment_comparison",
        [need("table", Table), need("segment", Column("table")), need("measure", Column("table"))],
        sql
    ),
    entry!("data_quality_check", [need("table", Table), may("key", Column("table"))], sql),
    entry!(
        "reconcile",
        [
            need("first", Table),
            need("second", Table),
            need("first_key", Column("first")),
            need("second_key", Column("second")),
        ],
        sql
    ),
    entry!("define_metric", [need("metric", Text), may("meaning", Text), may("table", Table)], sql),
    entry!("report", [need("topic", Text), may("audience", Text), may("period", Text)]),
];

/// The parts that texts share, in the order of `Language::ALL`.
pub(super) const PARTS: &[(&str, [&str; 2])] = &[
    ("dialect", [include_str!("text/en/dialect.part"), include_str!("text/es/dialect.part")]),
    ("masking", [include_str!("text/en/masking.part"), include_str!("text/es/masking.part")]),
    ("repair", [include_str!("text/en/repair.part"), include_str!("text/es/repair.part")]),
    ("report", [include_str!("text/en/report.part"), include_str!("text/es/report.part")]),
    ("rules", [include_str!("text/en/rules.part"), include_str!("text/es/rules.part")]),
];

/// The prompt of a name.
pub(in crate::mcp) fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// The argument of a name.
    pub(in crate::mcp) fn argument(&self, name: &str) -> Option<&'static Argument> {
        let language = (name == LANGUAGE.name).then_some(&LANGUAGE);
        self.arguments.iter().find(|argument| argument.name == name).or(language)
    }
}

const fn need(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, required: true }
}

const fn may(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, required: false }
}
