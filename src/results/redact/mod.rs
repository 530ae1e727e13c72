//! Values that look like secrets are taken out of an answer before it is kept or shown.
//!
//! A second net below the policy, not a mask: it looks at governed values only, so what it does follows from
//! what the caller could have read. A caller who cuts a secret in two, or turns it round, gets past it.

mod arrays;
mod rule;
mod shipped;

pub use rule::{RuleDefect, SecretRule};

use crate::model::{ColumnInfo, Principal, RedactedValues};
use arrow_array::RecordBatch;
use regex::{Regex, RegexSet};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The rules in force. Cheap to ask where nothing looks like a secret.
#[derive(Debug)]
pub struct Redactor {
    rules: Vec<SecretRule>,
    /// Beginnings without which no shipped rule matches.
    anchors: Option<Regex>,
    /// The rules of the configuration, of which nothing is known beforehand.
    written: RegexSet,
    /// How many of `rules` are shipped; the written ones follow.
    shipped: usize,
    /// Roles that are shown everything.
    except: BTreeSet<String>,
}

impl Default for Redactor {
    /// The shipped rules, for everybody.
    fn default() -> Self {
        Self::new(Vec::new(), BTreeSet::new())
    }
}

impl Redactor {
    /// The shipped rules and `written`, for everybody but the holders of the roles `except`.
    pub fn new(written: Vec<SecretRule>, except: BTreeSet<String>) -> Self {
        let (anchors, mut rules) = shipped::all();
        let set = RegexSet::new(written.iter().map(SecretRule::source));
        // Each has been compiled alone; together they may be too large, and then each is asked alone.
        let set = set.unwrap_or_else(|_| RegexSet::new([""]).unwrap_or_default());
        let shipped = rules.len();
        rules.extend(written);
        Self { rules, anchors: Some(anchors), written: set, shipped, except }
    }

    /// Takes nothing out.
    pub fn off() -> Self {
        let (rules, except) = (Vec::new(), BTreeSet::new());
        Self { rules, anchors: None, written: RegexSet::empty(), shipped: 0, except }
    }

    /// Whether anything is taken out of what `principal` is shown.
    pub fn applies_to(&self, principal: &Principal) -> bool {
        !self.rules.is_empty() && !self.except.iter().any(|role| principal.has_role(role))
    }

    /// A text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redacted(text, &mut |_| {}) {
            Some(redacted) => Cow::Owned(redacted),
            None => Cow::Borrowed(text),
        }
    }

    /// Batches without secrets, and how many values of which column lost one by which rule.
    ///
    /// # Errors
    /// A batch that Arrow does not take back; nothing may be shown then.
    pub fn batches(
        &self,
        columns: &[ColumnInfo],
        batches: Vec<RecordBatch>,
    ) -> Result<(Vec<RecordBatch>, Vec<RedactedValues>), arrow_schema::ArrowError> {
        let mut counts: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        let mut clean = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut arrays = Vec::new();
            for (at, array) in batch.columns().iter().enumerate() {
                let count = &mut |rule| *counts.entry((at, rule)).or_insert(0) += 1;
                if let Some(array) = arrays::redacted(self, array, count)? {
                    arrays.push((at, array));
                }
            }
            clean.push(if arrays.is_empty() { batch } else { replaced(&batch, arrays)? });
        }
        let named = |((column, rule), values): ((usize, usize), u64)| RedactedValues {
            column: columns.get(column).map(|c| c.name.clone()).unwrap_or_default(),
            rule: self.rules[rule].name().to_string(),
            values,
        };
        Ok((clean, counts.into_iter().map(named).collect()))
    }

    /// The text without secrets, or nothing where it has none. `count` is told each rule once.
    fn redacted(&self, text: &str, count: &mut dyn FnMut(usize)) -> Option<String> {
        let shipped = self.anchors.as_ref().is_some_and(|anchors| anchors.is_match(text));
        let written = self.rules.len() > self.shipped && self.written.is_match(text);
        if !shipped && !written {
            return None;
        }
        let from = if shipped { 0 } else { self.shipped };
        let to = if written { self.rules.len() } else { self.shipped };
        let mut changed: Option<String> = None;
        for (at, rule) in self.rules.iter().enumerate().take(to).skip(from) {
            if let Some(redacted) = rule.apply(changed.as_deref().unwrap_or(text)) {
                count(at);
                changed = Some(redacted);
            }
        }
        changed
    }
}

fn replaced(
    batch: &RecordBatch,
    arrays: Vec<(usize, arrow_array::ArrayRef)>,
) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let mut columns = batch.columns().to_vec();
    for (at, array) in arrays {
        columns[at] = array;
    }
    RecordBatch::try_new(batch.schema(), columns)
}

#[cfg(test)]
mod tests;
