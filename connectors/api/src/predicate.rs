//! The leak-proof predicates: the only conditions that are ever sent to a source.
//!
//! A predicate cannot raise an error, whatever the row holds (comparisons, IN, IS NULL, LIKE and
//! boolean connectives over columns and bound values), so it may run beside a policy filter in any
//! order a source picks. What is not spelled here stays above the governed leaf.

use crate::Value;

/// A condition over columns by index, with SQL's three-valued logic.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Predicate {
    /// TRUE or FALSE for every row.
    Constant(bool),
    /// `column <op> value`.
    Compare {
        /// Index of the column.
        column: usize,
        /// The operator.
        operator: Comparison,
        /// The bound value.
        value: Value,
    },
    /// `left <op> right` between two columns of one operand class.
    CompareColumns {
        /// Index of the left column.
        left: usize,
        /// The operator.
        operator: Comparison,
        /// Index of the right column.
        right: usize,
    },
    /// `column [NOT] IN (values)`; the list holds no NULL and may be empty.
    InList {
        /// Index of the column.
        column: usize,
        /// The bound values.
        values: Vec<Value>,
        /// NOT IN.
        negated: bool,
    },
    /// `column IS [NOT] NULL`.
    IsNull {
        /// Index of the column.
        column: usize,
        /// IS NOT NULL.
        negated: bool,
    },
    /// `column [NOT] LIKE pattern`, case-sensitive, `\` as the escape.
    Like {
        /// Index of the column.
        column: usize,
        /// The pattern.
        pattern: String,
        /// NOT LIKE.
        negated: bool,
    },
    /// A boolean column used as a condition.
    IsTrue {
        /// Index of the column.
        column: usize,
    },
    /// Every part holds; empty is TRUE.
    And(Vec<Predicate>),
    /// Some part holds; empty is FALSE.
    Or(Vec<Predicate>),
    /// The part does not hold.
    Not(Box<Predicate>),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The operator as every dialect spells it.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// Whether the operator needs an order, not only equality.
    pub fn is_ordering(self) -> bool {
        !matches!(self, Comparison::Equal | Comparison::NotEqual)
    }

    /// The operator with its operands exchanged: `a < b` is `b > a`.
    #[must_use]
    pub fn swapped(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}

impl Predicate {
    /// Both hold, flattened, without constants that do not matter.
    #[must_use]
    pub fn and(self, other: Predicate) -> Predicate {
        match (self, other) {
            (Predicate::Constant(true), p) | (p, Predicate::Constant(true)) => p,
            (Predicate::And(mut left), Predicate::And(right)) => {
                left.extend(right);
                Predicate::And(left)
            }
            (Predicate::And(mut left), p) => {
                left.push(p);
                Predicate::And(left)
            }
            (left, right) => Predicate::And(vec![left, right]),
        }
    }

    /// Calls `visit` for the index of every column the predicate reads.
    pub fn columns(&self, visit: &mut impl FnMut(usize)) {
        match self {
            Predicate::Constant(_) => {}
            Predicate::Compare { column, .. }
            | Predicate::InList { column, .. }
            | Predicate::IsNull { column, .. }
            | Predicate::Like { column, .. }
            | Predicate::IsTrue { column } => visit(*column),
            Predicate::CompareColumns { left, right, .. } => {
                visit(*left);
                visit(*right);
            }
            Predicate::And(parts) | Predicate::Or(parts) => {
                for part in parts {
                    part.columns(visit);
                }
            }
            Predicate::Not(part) => part.columns(visit),
        }
    }

    /// The number of conditions and bound values, as a measure of the statement it becomes.
    pub fn size(&self) -> usize {
        match self {
            Predicate::InList { values, .. } => 1 + values.len(),
            Predicate::And(parts) | Predicate::Or(parts) => {
                1 + parts.iter().map(Predicate::size).sum::<usize>()
            }
            Predicate::Not(part) => 1 + part.size(),
            _ => 1,
        }
    }

    /// The same predicate with every column index replaced.
    #[must_use]
    pub fn remap(&self, map: &impl Fn(usize) -> usize) -> Predicate {
        match self {
            Predicate::Constant(value) => Predicate::Constant(*value),
            Predicate::Compare { column, operator, value } => Predicate::Compare {
                column: map(*column),
                operator: *operator,
                value: value.clone(),
            },
            Predicate::CompareColumns { left, operator, right } => Predicate::CompareColumns {
                left: map(*left),
                operator: *operator,
                right: map(*right),
            },
            Predicate::InList { column, values, negated } => Predicate::InList {
                column: map(*column),
                values: values.clone(),
                negated: *negated,
            },
            Predicate::IsNull { column, negated } => {
                Predicate::IsNull { column: map(*column), negated: *negated }
            }
            Predicate::Like { column, pattern, negated } => Predicate::Like {
                column: map(*column),
                pattern: pattern.clone(),
                negated: *negated,
            },
            Predicate::IsTrue { column } => Predicate::IsTrue { column: map(*column) },
            Predicate::And(parts) => Predicate::And(parts.iter().map(|p| p.remap(map)).collect()),
            Predicate::Or(parts) => Predicate::Or(parts.iter().map(|p| p.remap(map)).collect()),
            Predicate::Not(part) => Predicate::Not(Box::new(part.remap(map))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_is_flat_and_drops_true() {
        let a = Predicate::IsTrue { column: 0 };
        let b = Predicate::IsTrue { column: 1 };
        assert_eq!(Predicate::Constant(true).and(a.clone()), a);
        let both = a.clone().and(b.clone()).and(a.clone());
        assert_eq!(both, Predicate::And(vec![a.clone(), b, a]));
    }

    #[test]
    fn remap_reaches_every_column() {
        let p = Predicate::Not(Box::new(Predicate::Or(vec![
            Predicate::IsNull { column: 1, negated: false },
            Predicate::CompareColumns { left: 2, operator: Comparison::Less, right: 3 },
        ])));
        let mut seen = vec![];
        p.remap(&|i| i * 10).columns(&mut |i| seen.push(i));
        assert_eq!(seen, [10, 20, 30]);
    }
}
