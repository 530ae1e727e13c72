//! The rule files as they are written, before anything is checked.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// The JSON Schema of the value of `roles:` in `celosia.yaml`.
pub fn roles_schema() -> serde_json::Value {
    to_value(schemars::schema_for!(BTreeMap<String, RawRole>))
}

/// The JSON Schema of a file below `masking-rules/`.
pub fn masking_rules_schema() -> serde_json::Value {
    to_value(schemars::schema_for!(RawFile))
}

fn to_value(schema: Schema) -> serde_json::Value {
    schema.to_value()
}

/// `celosia.yaml` as the policy reads it: its other keys are the configuration's.
#[derive(Debug, Deserialize)]
pub(super) struct RawRoles {
    #[serde(default)]
    pub(super) roles: BTreeMap<String, Spanned<RawRole>>,
}

/// What one role opens, and to whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRole {
    /// Groups of the identity provider whose members hold the role.
    #[serde(default)]
    pub(super) groups: Vec<String>,
    /// The plan of the role's holders, one of `plans`: how much they may ask for.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) plan: Option<Spanned<String>>,
    /// What the role opens. Nothing is visible that no role opens.
    #[serde(default)]
    pub(super) open: Vec<RawOpening>,
}

/// Tables, columns and rows that a role opens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOpening {
    /// `source.schema.table`, one or a list; `*` stands for any characters of a part.
    #[schemars(with = "OneOrMany")]
    pub(super) tables: Spanned<OneOrMany>,
    /// The rows: a condition over the table's columns and `user.*` attributes. Absent: every row.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    pub(super) rows: Option<Spanned<String>>,
    /// The columns; `*` stands for any characters. Absent: every column.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) columns: Option<Spanned<Vec<String>>>,
}

/// One text, or a list of texts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(texts) => texts,
        }
    }
}

/// A file of masking rules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Celosia masking rules")]
pub(super) struct RawFile {
    /// The version of the format: 1.
    #[schemars(with = "u32")]
    pub(super) version: Spanned<u32>,
    /// Rules that mask columns for everybody but the roles they name.
    #[serde(default)]
    pub(super) masks: Vec<RawMaskRule>,
    /// Rules that close rows for everybody but the roles they name.
    #[serde(default)]
    pub(super) restrict: Vec<RawRestriction>,
    /// Tags on columns, for the patterns `tag:name`.
    #[serde(default)]
    pub(super) tags: Vec<RawTag>,
}

/// A rule that masks columns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMaskRule {
    /// The rule's name, as receipts show it.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// Patterns `source.schema.table.column` or `tag:name`.
    #[schemars(with = "Vec<String>")]
    pub(super) columns: Spanned<Vec<String>>,
    /// How the values are shown.
    #[schemars(with = "RawMask")]
    pub(super) mask: Spanned<RawMask>,
    /// Roles whose holders see the values as stored.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) except: Vec<Spanned<String>>,
}

/// A rule that closes rows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRestriction {
    /// The rule's name, as receipts show it.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// `source.schema.table`, one or a list; `*` stands for any characters of a part.
    #[schemars(with = "OneOrMany")]
    pub(super) tables: Spanned<OneOrMany>,
    /// The rows that stay open.
    #[schemars(with = "String")]
    pub(super) rows: Spanned<String>,
    /// Roles to whose holders the rule does not apply.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) except: Vec<Spanned<String>>,
}

/// A tag on columns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTag {
    /// The tag, such as `pii.email`.
    #[schemars(with = "String")]
    pub(super) tag: Spanned<String>,
    /// Patterns `source.schema.table.column`.
    #[schemars(with = "Vec<String>")]
    pub(super) columns: Spanned<Vec<String>>,
}

/// A mask as it is spelled in a rule. NULL stays NULL under every mask.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = allow_null)]
pub(super) enum RawMask {
    /// Always NULL.
    Null,
    /// Text becomes `[redacted]`.
    Redact,
    /// Every value becomes this one.
    Constant(RawConstant),
    /// Text keeps what follows its first `@`.
    Email,
    /// Text keeps its last four characters.
    #[serde(rename = "last4")]
    Last4,
    /// Text keeps its first characters, as many as given.
    First(u8),
    /// Text keeps characters at both ends.
    Partial(RawPartial),
    /// A keyed token; the same value gives the same token within a domain.
    Pseudonym(RawPseudonym),
    /// A date becomes the first instant of its year.
    Year,
    /// A date becomes the first instant of its month.
    Month,
    /// A number becomes the largest multiple of this width not above it.
    Bucket(i64),
    /// A number is rounded to this many digits left of the point.
    Round(u8),
    /// A birth date becomes the band of the age, of this many years.
    AgeBand(u8),
    /// A number shows no value, but its sums, averages and counts over groups that are large enough.
    AggregateOnly(RawAggregateOnly),
}

/// The value of a `constant` mask.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RawConstant {
    /// TRUE or FALSE.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text, a date or a time stamp, as the column's type says.
    Text(String),
}

/// The characters a `partial` mask keeps.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPartial {
    /// Characters kept at the start.
    #[serde(default)]
    pub(super) first: u8,
    /// Characters kept at the end.
    #[serde(default)]
    pub(super) last: u8,
}

/// The groups of an `aggregate_only` mask.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAggregateOnly {
    /// The fewest entities, or rows, that an aggregate stands for; at least 2.
    pub(super) min_group: u32,
    /// The column of the same table that tells entities apart; it may itself be hidden or masked.
    /// Absent: every row counts.
    #[serde(default, deserialize_with = "given")]
    pub(super) entity: Option<String>,
}

/// The domain of a `pseudonym` mask.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPseudonym {
    /// Columns masked in one domain can be joined.
    pub(super) domain: String,
}

/// `mask: null` is read by YAML as no value, and means the mask all the same.
fn allow_null(schema: &mut Schema) {
    if let Some(choices) = schema.get_mut("oneOf").and_then(|choices| choices.as_array_mut()) {
        choices.push(serde_json::json!({ "type": "null" }));
    }
}

/// A key that may be absent, but not blank: a blank `rows:` must never mean "every row".
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(text: &str) -> Result<RawOpening, serde_saphyr::Error> {
        serde_saphyr::from_str(text)
    }

    #[test]
    fn a_blank_filter_is_not_an_absent_filter() {
        assert!(opening("tables: a.b.c").unwrap().rows.is_none());
        for blank in ["tables: a.b.c\nrows:", "tables: a.b.c\nrows: ~", "tables:\nrows: TRUE"] {
            assert!(opening(blank).is_err(), "{blank}");
        }
        let columns = opening("tables: a.b.c\ncolumns:").unwrap().columns;
        assert!(columns.is_some_and(|columns| columns.value.is_empty()));
    }

    #[test]
    fn masks_are_spelled_as_documented() {
        let mask = |text: &str| serde_saphyr::from_str::<BTreeMap<String, RawMask>>(text);
        for good in [
            "m: email",
            "m: null",
            "m: \"null\"",
            "m: last4",
            "m: {first: 3}",
            "m: {bucket: 1000}",
            "m: {partial: {first: 2, last: 2}}",
            "m: {constant: 0}",
            "m: {constant: x}",
            "m: {pseudonym: {domain: person}}",
            "m: {round: 2}",
            "m: {age_band: 10}",
            "m: month",
            "m: {aggregate_only: {min_group: 10}}",
            "m: {aggregate_only: {min_group: 10, entity: customer_id}}",
        ] {
            assert!(mask(good).is_ok(), "{good}");
        }
        for bad in [
            "m: emial",
            "m: {first: 300}",
            "m: {first: -1}",
            "m: bucket",
            "m: {email: 1, redact: 1}",
            "m: {pseudonym: {domain: person, key: x}}",
            "m: {pseudonym: {}}",
            "m: {constant: null}",
            "m: ~",
            "m:",
            "m: {partial: {frist: 1}}",
            "m: aggregate_only",
            "m: {aggregate_only: {entity: id}}",
            "m: {aggregate_only: {min_group: 10, entity: }}",
        ] {
            assert!(mask(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schemas_know_every_key() {
        let rules = masking_rules_schema().to_string();
        for key in [
            "restrict",
            "except",
            "age_band",
            "aggregate_only",
            "min_group",
            "pseudonym",
            "additionalProperties",
        ] {
            assert!(rules.contains(key), "{key}");
        }
        assert!(roles_schema().to_string().contains("groups"));
    }
}
