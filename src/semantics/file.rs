//! The YAML of one file, with the lines of what it names.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The JSON Schema of a file below `schemas/`.
pub fn semantics_schema() -> Json {
    schemars::schema_for!(File).to_value()
}

/// What tables mean, and what is asked of them.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Celosia semantics")]
pub(super) struct File {
    /// The version of the format: 1.
    #[schemars(with = "u32")]
    pub(super) version: Spanned<u64>,
    /// Tables by their full names, `source.schema.table`.
    #[serde(default)]
    pub(super) tables: Entries<Table>,
    /// Figures that an organisation computes in one way.
    #[serde(default)]
    pub(super) metrics: Entries<Metric>,
    /// Words that an organisation uses, by the word.
    #[serde(default)]
    pub(super) glossary: Entries<Term>,
    /// Questions with the statement that answers them.
    #[serde(default)]
    pub(super) verified: Entries<Verified>,
    /// Statements that are used as tables, `celosia.views.NAME`.
    #[serde(default)]
    pub(super) views: Entries<View>,
    /// Statements with parameters, offered as tools.
    #[serde(default)]
    pub(super) tools: Entries<Tool>,
}

/// What a table means.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// What a row is, in a sentence.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Other names that people use.
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    /// The column that says when, where a question names none.
    #[serde(default)]
    pub(super) time: Option<String>,
    /// How new its rows are, such as "loaded every night at 02:00 UTC".
    #[serde(default)]
    pub(super) freshness: Option<String>,
    /// Columns by their names as the source stores them.
    #[serde(default)]
    pub(super) columns: Entries<Column>,
    /// How the table is joined to others, beside its foreign keys.
    #[serde(default)]
    #[schemars(with = "Vec<Join>")]
    pub(super) joins: Vec<Spanned<Join>>,
}

/// What a column means.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    /// What it says, in a sentence.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// The unit of its values.
    #[serde(default)]
    pub(super) unit: Option<String>,
    /// Other names that people use.
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    /// Every value it may have, with what it means where that is not plain.
    #[serde(default)]
    pub(super) values: BTreeMap<String, Option<String>>,
}

/// A way to another table, of any source.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    /// The other table's full name.
    pub(super) to: String,
    /// Columns here with the columns there that they equal.
    pub(super) on: BTreeMap<String, String>,
    /// How many rows here meet how many there.
    #[serde(default)]
    pub(super) cardinality: Option<Cardinality>,
}

/// How many rows of a table meet how many of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cardinality {
    /// Each row here meets one there, and the other way.
    OneToOne,
    /// Each row here meets many there.
    OneToMany,
    /// Many rows here meet one there.
    ManyToOne,
    /// Many rows meet many: sums over the join count rows several times.
    ManyToMany,
}

/// A figure that is computed in one way.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Metric {
    /// What it says, in a sentence.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Other names that people use.
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    /// The table it is computed over, by its full name.
    pub(super) table: String,
    /// An aggregate over the table's columns, such as `sum(total)`.
    pub(super) expression: String,
    /// Conditions on the rows that count.
    #[serde(default)]
    pub(super) filters: Vec<String>,
    /// The column that says when; the table's own where absent.
    #[serde(default)]
    pub(super) time: Option<String>,
    /// The shortest period for which the figure means something.
    #[serde(default)]
    pub(super) grain: Option<Grain>,
    /// What it may be told by: columns of the table, or `source.schema.table.column`.
    #[serde(default)]
    pub(super) dimensions: Vec<String>,
    /// The unit of the figure.
    #[serde(default)]
    pub(super) unit: Option<String>,
    /// Roles it is for; absent: whoever may see what it needs.
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// A period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// A quarter.
    Quarter,
    /// A year.
    Year,
}

/// What a word means here.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Term {
    /// What it means, in a sentence or two.
    pub(super) description: String,
    /// Other words for it.
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    /// Tables and columns it is about, by full names. Who may not see all of them does not find it.
    #[serde(default)]
    pub(super) about: Vec<String>,
    /// Roles it is for; absent: whoever may see what it is about.
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// A question with the statement that answers it.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Verified {
    /// The question.
    pub(super) question: String,
    /// Other ways to ask it.
    #[serde(default)]
    pub(super) asked: Vec<String>,
    /// The statement, over full names.
    pub(super) sql: String,
    /// Roles it is for; absent: whoever may see what it needs.
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// A statement that is used as a table.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct View {
    /// What a row is, in a sentence.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Other names that people use.
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    /// The statement, over full names and the views above it.
    pub(super) sql: String,
    /// Roles it is for; absent: whoever may see what it needs.
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// A statement with parameters, offered as a tool.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    /// What it answers, for the model that may choose it.
    pub(super) description: String,
    /// The statement, over full names, with `$name` for parameters.
    pub(super) sql: String,
    /// Its parameters.
    #[serde(default)]
    pub(super) parameters: Entries<Parameter>,
    /// The columns of its answer with their types, in order; checked against the statement.
    #[serde(default)]
    pub(super) output: Entries<String>,
    /// Roles it is for; absent: whoever may see what it needs.
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// A parameter of a tool.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    /// The type of its value.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<ParameterType>,
    /// What it means.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Whether a call must give it; true where it has no default.
    #[serde(default)]
    pub(super) required: Option<bool>,
    /// Its value where a call gives none.
    #[serde(default)]
    pub(super) default: Option<Json>,
    /// Every value it may have.
    #[serde(default)]
    pub(super) values: Vec<Json>,
    /// The least value.
    #[serde(default)]
    pub(super) min: Option<Json>,
    /// The greatest value.
    #[serde(default)]
    pub(super) max: Option<Json>,
    /// A regular expression that the whole text must fit.
    #[serde(default)]
    pub(super) pattern: Option<String>,
    /// The most characters of a text; 1000 where absent.
    #[serde(default)]
    pub(super) max_length: Option<usize>,
    /// An attribute of the caller, `user.NAME`, whose value it always has. It cannot be passed then.
    #[serde(default)]
    pub(super) from: Option<String>,
}

/// The type of a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A day, as YYYY-MM-DD.
    Date,
}

/// A mapping in the order of the file, each key with its line.
#[derive(Debug)]
pub(super) struct Entries<T>(pub(super) Vec<Entry<T>>);

/// One key of a mapping.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) line: u64,
    pub(super) name: String,
    pub(super) value: T,
}

impl<T> Entries<T> {
    fn none() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self::none()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((name, value)) = map.next_entry::<Spanned<String>, T>()? {
            entries.push(Entry { line: name.referenced.line(), name: name.value, value });
        }
        Ok(Entries(entries))
    }
}
