//! What a source's SQL looks like and what it may be asked: pure, and "no" unless said otherwise.

use crate::{ColumnDescription, Mask, OperandClass, Value};
use std::fmt::Debug;

/// A set of operand classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassSet(u32);

impl ClassSet {
    /// The set of these classes.
    pub const fn of(classes: &[OperandClass]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < classes.len() {
            bits |= 1 << classes[i] as u32;
            i += 1;
        }
        Self(bits)
    }

    /// Whether the class is in the set.
    pub const fn contains(self, class: OperandClass) -> bool {
        self.0 & (1 << class as u32) != 0
    }
}

/// What a dialect may be asked. Everything is off unless a dialect turns it on, and what is on is
/// shown by the conformance suite to be sent and to give the same rows as local evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// `=`, `<>`, IN over these classes.
    pub equality: ClassSet,
    /// `<`, `<=`, `>`, `>=` over these classes.
    pub ordering: ClassSet,
    /// ORDER BY (with NULL placement) over these classes.
    pub sort: ClassSet,
    /// Case-sensitive LIKE on text, with `\` as the escape.
    pub like: bool,
    /// IS NULL and IS NOT NULL.
    pub null_test: bool,
    /// A row limit.
    pub limit: bool,
    /// Comparison of two columns of one class.
    pub column_comparison: bool,
}

/// One thing a dialect may or may not be asked, for suites that walk over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Equality over a class.
    Equality(OperandClass),
    /// An ordering comparison over a class.
    Ordering(OperandClass),
    /// ORDER BY over a class.
    Sort(OperandClass),
    /// LIKE.
    Like,
    /// IS NULL.
    NullTest,
    /// LIMIT.
    Limit,
    /// Comparison of two columns.
    ColumnComparison,
}

impl Capabilities {
    /// Whether the dialect may be asked for `feature`.
    pub fn has(&self, feature: Feature) -> bool {
        match feature {
            Feature::Equality(class) => self.equality.contains(class),
            Feature::Ordering(class) => self.ordering.contains(class),
            Feature::Sort(class) => self.sort.contains(class),
            Feature::Like => self.like,
            Feature::NullTest => self.null_test,
            Feature::Limit => self.limit,
            Feature::ColumnComparison => self.column_comparison,
        }
    }
}

/// How one kind of source spells the few things we send. Pure: no connection, no state.
pub trait Dialect: Send + Sync + Debug {
    /// The name of the dialect, such as `postgres`.
    fn name(&self) -> &'static str;

    /// What the dialect may be asked.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// A quoted identifier.
    fn quote(&self, identifier: &str) -> String {
        format!("\"{}\"", identifier.replace('"', "\"\""))
    }

    /// The placeholder of the parameter at `position` (1-based), cast where the source needs it.
    fn placeholder(&self, position: usize, value: &Value) -> String;

    /// How a column is read: `quoted` itself, or a cast to text where it has no Arrow form.
    fn read_column(&self, quoted: &str, column: &ColumnDescription) -> String;

    /// How an expression of a class is spelled as an operand of a comparison or a sort, for instance
    /// under a binary collation.
    fn operand(&self, expression: &str, class: OperandClass, ordering: bool) -> String {
        let _ = (class, ordering);
        expression.to_string()
    }

    /// The right-hand side of a comparison with an operand of this class.
    fn comparand(&self, placeholder: &str, class: OperandClass) -> String {
        let _ = class;
        placeholder.to_string()
    }

    /// `expression [NOT] LIKE pattern`.
    fn like(&self, expression: &str, placeholder: &str, negated: bool) -> String {
        let not = if negated { " NOT" } else { "" };
        format!("{expression}{not} LIKE {placeholder} ESCAPE '\\'")
    }

    /// A mask that gives exactly the local value, over the column as it is read; `None` keeps the
    /// mask local. `bind` adds a parameter and returns its placeholder.
    fn mask(
        &self,
        mask: &Mask,
        expression: &str,
        column: &ColumnDescription,
        bind: &mut dyn FnMut(Value) -> String,
    ) -> Option<String> {
        let _ = (mask, expression, column, bind);
        None
    }

    /// A condition that always or never holds.
    fn constant(&self, value: bool) -> &'static str {
        if value { "(1 = 1)" } else { "(1 = 0)" }
    }

    /// One ORDER BY key with the place of NULLs spelled out.
    fn sort_key(&self, operand: &str, descending: bool, nulls_first: bool) -> String {
        let direction = if descending { "DESC" } else { "ASC" };
        let nulls = if nulls_first { "FIRST" } else { "LAST" };
        format!("{operand} {direction} NULLS {nulls}")
    }

    /// The end of a statement that limits its rows.
    fn limit(&self, rows: u64) -> String {
        format!(" LIMIT {rows}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_allowed_by_default() {
        let none = Capabilities::default();
        assert!(!none.has(Feature::Limit));
        assert!(!none.has(Feature::Equality(OperandClass::Integer)));
        let some = ClassSet::of(&[OperandClass::Integer, OperandClass::TimestampUtc]);
        assert!(some.contains(OperandClass::TimestampUtc) && !some.contains(OperandClass::Text));
    }
}
