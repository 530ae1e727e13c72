//! Where rows are: the pseudo-column ROWID, and samples of a table.

use super::super::errors;
use super::super::registry::quoted;
use super::{Translation, Translator, folded, qualified};
use sqlparser::ast::{
    Ident, ObjectName, TableAlias, TableSample, TableSampleKind, TableSampleMethod,
    TableSampleModifier,
};

/// Where PostgreSQL has a row, which is compared as a ROWID is.
const ROWID: &str = "ctid";

/// A part of a column's name, which may be the pseudo-column.
pub(super) fn or_column(name: &Ident) -> String {
    let text = folded(name);
    if name.quote_style.is_none() && text == "ROWID" { ROWID.to_string() } else { quoted(&text) }
}

impl Translator<'_> {
    /// A sample of a table.
    pub(super) fn sample(
        &self,
        name: &ObjectName,
        alias: Option<&TableAlias>,
        sample: &TableSampleKind,
    ) -> Translation<String> {
        // The sample stands before an alias, for which the parser has no place.
        if alias.is_some() {
            return Err(errors::ora(933, "SQL command not properly ended"));
        }
        let (table, object) = self.resolve(name)?;
        if object.kind == "VIEW" {
            return Err(errors::unsupported("SAMPLE of a view"));
        }
        Ok(format!("{} AS {} {}", qualified(&table), quoted(&table.1), sampled(sample)?))
    }
}

/// `SAMPLE (p)` of rows or `SAMPLE BLOCK (p)` of blocks.
fn sampled(sample: &TableSampleKind) -> Translation<String> {
    let invalid = || errors::ora(933, "SQL command not properly ended");
    let TableSampleKind::AfterTableAlias(sample) = sample else { return Err(invalid()) };
    let TableSample {
        modifier: TableSampleModifier::Sample, name, quantity: Some(quantity), ..
    } = &**sample
    else {
        return Err(invalid());
    };
    let method = match name {
        None => "BERNOULLI",
        Some(TableSampleMethod::Block) => "SYSTEM",
        Some(_) => return Err(invalid()),
    };
    if sample.seed.is_some() || sample.bucket.is_some() || sample.offset.is_some() {
        return Err(errors::unsupported("this form of SAMPLE"));
    }
    if !quantity.parenthesized || quantity.unit.is_some() {
        return Err(invalid());
    }
    let text = quantity.value.to_string();
    let percent =
        text.parse::<f64>().map_err(|_| errors::ora(933, "SQL command not properly ended"))?;
    if !(0.000_001..100.0).contains(&percent) {
        let text = "SAMPLE percentage must be in the range [0.000001,100)";
        return Err(errors::ora(30_562, text));
    }
    Ok(format!("TABLESAMPLE {method} ({percent})"))
}
