//! What a source's SQL looks like and what it may be asked: pure, and "no" unless said otherwise.

use crate::{ColumnDescription, Comparison, Expression, FunctionRule, Mask, OperandClass, Value};
use arrow_schema::DataType;
use std::fmt::Debug;

/// Adds a parameter and returns its placeholder.
pub type Bind<'a> = &'a mut dyn FnMut(Value) -> String;

/// The longest list of values that is sent where a dialect does not say otherwise.
pub const MAX_IN_LIST: usize = 1_000;

/// The left side of a condition.
#[derive(Debug, Clone, Copy)]
pub struct Operand<'a> {
    /// The column's quoted name at this level of the statement.
    pub sql: &'a str,
    /// How its values compare.
    pub class: OperandClass,
    /// The stored column whose values these are; `None` where a mask has replaced them, or where they
    /// are computed.
    pub column: Option<&'a ColumnDescription>,
    /// The most digits of a computed number, in front of the point and behind it.
    pub digits: Option<(u16, u16)>,
}

/// An argument as text, and what it is.
#[derive(Debug, Clone)]
pub struct Spelled<'a> {
    /// Its text.
    pub sql: String,
    /// Its type, its class, its digits.
    pub expression: &'a Expression,
}

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

/// The relational operators a dialect may be asked for, beyond reading one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relational {
    /// Inner, left, right, semi and anti joins.
    pub join: bool,
    /// Full outer joins.
    pub full_join: bool,
    /// Equal keys are found without an index. Otherwise a join needs a key that is a column, and EXISTS is
    /// `(key IN (...)) IS TRUE`.
    pub hashes: bool,
    /// Grouping, by these classes: equality (under [`Dialect::group_key`]) is equality of the values,
    /// and which of two equal values is shown makes no difference.
    pub group: ClassSet,
    /// `UNION ALL`.
    pub union_all: bool,
    /// Window functions.
    pub window: bool,
    /// Also those that number rows or look at neighbours, without an order.
    pub unordered_window: bool,
    /// Leaving out the first rows.
    pub offset: bool,
    /// A grouping that is asked for each row of another table is looked up for each: by LATERAL, and by
    /// EXISTS over a derived table that names the row.
    pub per_row: bool,
    /// What follows WITH and is named more than once is computed once.
    pub shared: bool,
    /// Several groupings at once, `GROUPING SETS`.
    pub grouping_sets: bool,
    /// What each of several cases asks of one table is found by the source itself, so that it need not, and
    /// should not, be told.
    pub infers_cases: bool,
    /// A large table can be read in parts ([`crate::splits`]).
    pub splits: bool,
}

/// What a source's own `=` does not look at in a text column. The engine compares bytes everywhere; a
/// reader who knows the source may expect its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextHabit {
    /// The case of letters.
    pub ignores_case: bool,
    /// The accents of letters.
    pub ignores_accents: bool,
    /// Blanks up to a declared length.
    pub pads: bool,
    /// It keeps no empty text: `''` is NULL.
    pub empty_is_null: bool,
}

/// What rows are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupKey {
    /// The key that is shown.
    pub value: String,
    /// A key that tells apart what the first one does not.
    pub more: Option<String>,
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

    /// Whether a placeholder that appears twice is one parameter.
    fn binds_by_name(&self) -> bool {
        true
    }

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

    /// How the source's own comparisons read a text column. Nothing is sent because of it: it is for
    /// telling a reader where an exact comparison may surprise.
    fn text_habit(&self, column: &ColumnDescription) -> TextHabit {
        let _ = column;
        TextHabit::default()
    }

    /// Whether its own LIKE takes letters of either case for each other where its `=` does not. For telling a reader,
    /// too.
    fn likes_either_case(&self) -> bool {
        false
    }

    /// Whether its own ORDER BY has NULL below every value, where a statement does not say. For telling a reader, too.
    fn sorts_nulls_lowest(&self) -> bool {
        false
    }

    /// Whether a value that has the local meaning at most sources has it here, too.
    fn can_bind(&self, class: OperandClass, value: &Value) -> bool {
        let _ = (class, value);
        true
    }

    /// Whether a pattern has its local meaning here.
    fn can_like(&self, pattern: &str) -> bool {
        let _ = pattern;
        true
    }

    /// The most values of one IN list; a statement has at most half as many conditions again.
    fn most_values(&self) -> usize {
        MAX_IN_LIST
    }

    /// `operand <operator> value`, NULL where the operand is NULL.
    fn compare(
        &self,
        operand: &Operand<'_>,
        operator: Comparison,
        value: &Value,
        bind: Bind<'_>,
    ) -> String {
        let left = self.operand(operand.sql, operand.class, operator.is_ordering());
        let right = self.comparand(&bind(value.clone()), operand.class);
        format!("{left} {} {right}", operator.symbol())
    }

    /// Whether two columns of this class may be compared, where columns may be at all.
    fn compares_columns(&self, class: OperandClass) -> bool {
        let _ = class;
        true
    }

    /// `left <operator> right` between two columns of one class.
    fn compare_columns(
        &self,
        left: &Operand<'_>,
        operator: Comparison,
        right: &Operand<'_>,
    ) -> String {
        let ordering = operator.is_ordering();
        let left = self.operand(left.sql, left.class, ordering);
        let right = self.operand(right.sql, right.class, ordering);
        format!("{left} {} {right}", operator.symbol())
    }

    /// `operand [NOT] IN (values)`; there is at least one value.
    fn in_list(
        &self,
        operand: &Operand<'_>,
        values: &[Value],
        negated: bool,
        bind: Bind<'_>,
    ) -> String {
        let left = self.operand(operand.sql, operand.class, false);
        let items: Vec<String> = values
            .iter()
            .map(|value| self.comparand(&bind(value.clone()), operand.class))
            .collect();
        let not = if negated { " NOT" } else { "" };
        format!("{left}{not} IN ({})", items.join(", "))
    }

    /// `operand [NOT] LIKE pattern`, case-sensitive; `\` escapes any character.
    fn like(&self, operand: &Operand<'_>, pattern: &str, negated: bool, bind: Bind<'_>) -> String {
        let placeholder = bind(Value::Text(pattern.to_string()));
        let left = self.operand(operand.sql, operand.class, false);
        let not = if negated { " NOT" } else { "" };
        format!("{left}{not} LIKE {placeholder} ESCAPE '\\'")
    }

    /// A mask that gives exactly the local value, over the column as it is read; `None` keeps the
    /// mask local. `bind` adds a parameter and returns its placeholder.
    fn mask(
        &self,
        mask: &Mask,
        expression: &str,
        column: &ColumnDescription,
        bind: Bind<'_>,
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

    /// A statement as a table of the level around it, under a name that needs no quotes.
    fn derived_table(&self, statement: &str, alias: &str) -> String {
        format!("({statement}) AS {alias}")
    }

    /// A stored table under a name that needs no quotes.
    fn named_table(&self, table: &str, alias: &str) -> String {
        format!("{table} AS {alias}")
    }

    /// What follows SELECT where rows are limited there, with a space at its end.
    fn limit_first(&self, rows: u64) -> String {
        let _ = rows;
        String::new()
    }

    /// The end of a statement that limits its rows.
    fn limit(&self, rows: u64) -> String {
        format!(" LIMIT {rows}")
    }

    /// The end of a statement that leaves out its first rows and limits the rest; only for dialects
    /// with [`Relational::offset`]. `ordered` says whether there is an ORDER BY.
    fn page(&self, skip: u64, fetch: Option<u64>, ordered: bool) -> String {
        let _ = ordered;
        let limit = fetch.map(|rows| self.limit(rows)).unwrap_or_default();
        format!("{limit} OFFSET {skip}")
    }

    /// The relational operators of the dialect.
    fn relational(&self) -> Relational {
        Relational::default()
    }

    /// The functions, operators, aggregates and window functions that give the local answer here.
    fn functions(&self) -> &'static [FunctionRule] {
        &[]
    }

    /// Digits within which decimal arithmetic is exact here.
    fn decimal_digits(&self) -> u16 {
        0
    }

    /// Digits within which sums of decimals are exact here.
    fn sum_digits(&self) -> u16 {
        self.decimal_digits()
    }

    /// An expression as the type in which its values arrive; `None` where there is none.
    fn arrives_as(&self, expression: &str, data_type: &DataType) -> Option<String> {
        let _ = (expression, data_type);
        None
    }

    /// A value in a wider type, for computing with it.
    fn widened(&self, expression: &str, data_type: &DataType) -> Option<String> {
        self.arrives_as(expression, data_type)
    }

    /// The name that a column of a derived table gets, where the source does not keep its own.
    fn derived_name(&self, name: &str) -> String {
        name.to_string()
    }

    /// What joined rows are ordered by so that other values of this operand come at another place, where
    /// its class is not one of groups; `None` where there is nothing.
    fn settling_key(&self, operand: &Operand<'_>) -> Option<String> {
        let known = matches!(
            operand.class,
            OperandClass::Float | OperandClass::TimestampFine | OperandClass::TimestampUtcFine
        );
        known.then(|| operand.sql.to_string())
    }

    /// What rows are grouped and partitioned by: the value itself, and more where equality at the
    /// source is looser than equality of the Arrow values.
    fn group_key(&self, operand: &Operand<'_>) -> GroupKey {
        GroupKey { value: operand.sql.to_string(), more: None }
    }

    /// Which of these keys a grouping leaves out: a bit for each, the last one lowest.
    fn grouping_id(&self, keys: &[String]) -> String {
        format!("GROUPING({})", keys.join(", "))
    }

    /// An aggregate, over a window where `over` says which one. `None` where the dialect has no exact one
    /// for this argument.
    fn aggregate(
        &self,
        rule: &FunctionRule,
        arguments: &[Spelled<'_>],
        over: &str,
    ) -> Option<String> {
        Some(format!("{}{over}", rule.spelled(arguments)))
    }

    /// An argument of decimal arithmetic, of which no value has more digits than these in front of the
    /// point and behind it.
    fn decimal_argument(&self, argument: &Spelled<'_>, digits: (u16, u16)) -> String {
        let _ = digits;
        argument.sql.clone()
    }

    /// A value that stands where others of its class may stand, in CASE and UNION: their collations may
    /// differ. `None` where that is no type of the source.
    fn among_others(&self, expression: &str, class: OperandClass) -> Option<String> {
        let _ = class;
        Some(expression.to_string())
    }

    /// A condition as a value of the dialect's truth type.
    fn truth_value(&self, condition: &str) -> Option<String> {
        let _ = condition;
        None
    }

    /// `sum / count` cut (not rounded) to `digits` fractional digits; NULL where the sum is.
    fn decimal_average(&self, sum: &Spelled<'_>, count: &str, digits: u8) -> Option<String> {
        let _ = (sum, count, digits);
        None
    }

    /// The most parameters of one statement.
    fn most_parameters(&self) -> usize {
        32_000
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
