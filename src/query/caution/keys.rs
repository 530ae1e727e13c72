//! Which columns tell the rows of a plan apart.

use super::atoms::Set;
use std::collections::BTreeSet;

/// Keys kept for one plan.
const MOST_KEYS: usize = 8;

/// What is known of the rows of a plan. NULLs are left aside: they match nothing in a join.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Sets of columns that no two rows share; the empty set says that there is one row at most.
    pub(super) keys: Vec<Set>,
    /// Columns that are equal in every row.
    pub(super) equal: Vec<(usize, usize)>,
    /// Columns with one value.
    pub(super) constant: Set,
    /// Columns that follow from others, wherever these appear.
    pub(super) follows: Vec<(Set, Set)>,
    /// Columns that refer to another table's key.
    pub(super) references: Vec<Set>,
    /// Whether the keys are all there are: every table below has one that can be seen.
    pub(super) complete: bool,
    /// The tables whose rows these are.
    pub(super) tables: BTreeSet<String>,
}

impl Rows {
    /// Nothing is known.
    pub(super) fn unknown(tables: BTreeSet<String>) -> Self {
        Self { tables, ..Self::default() }
    }

    /// At most one row.
    pub(super) fn single() -> Self {
        Self { keys: vec![Set::new()], complete: true, ..Self::default() }
    }

    /// Everything that follows from some columns.
    pub(super) fn closure(&self, columns: &Set) -> Set {
        let mut all: Set = columns | &self.constant;
        loop {
            let before = all.len();
            for (one, other) in &self.equal {
                if all.contains(one) || all.contains(other) {
                    all.extend([*one, *other]);
                }
            }
            for (key, more) in &self.follows {
                if key.is_subset(&all) {
                    all.extend(more);
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }

    /// Whether no two rows share these columns.
    pub(super) fn is_unique(&self, columns: &Set) -> bool {
        let all = self.closure(columns);
        self.keys.iter().any(|key| key.is_subset(&all))
    }

    /// Whether rows are known that may share these columns.
    pub(super) fn repeats(&self, columns: &Set) -> bool {
        if self.is_unique(columns) {
            return false;
        }
        let all = self.closure(columns);
        let refers = |key: &Set| key.is_subset(&all) && columns.is_subset(&self.closure(key));
        self.complete || self.references.iter().any(refers)
    }

    /// The rows of a join by columns of this side and of the other.
    pub(super) fn joined(mut self, columns: &Set, mut other: Self, others: &Set) -> Self {
        let (one, another) = (self.is_unique(columns), other.is_unique(others));
        let mut keys = Vec::new();
        if another {
            keys.extend(self.keys.iter().cloned());
        }
        if one {
            keys.extend(other.keys.iter().cloned());
        }
        if !one && !another {
            let pairs =
                self.keys.iter().flat_map(|key| other.keys.iter().map(move |more| key | more));
            keys.extend(pairs);
        }
        keys.truncate(MOST_KEYS);
        self.keys = keys;
        self.equal.append(&mut other.equal);
        self.constant.append(&mut other.constant);
        self.follows.append(&mut other.follows);
        self.references.append(&mut other.references);
        self.complete &= other.complete;
        self.tables.append(&mut other.tables);
        self
    }

    /// One row for each value of these columns.
    pub(super) fn grouped(mut self, columns: Set) -> Self {
        self.keys = vec![columns];
        self.references.clear();
        self.complete = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<const N: usize>(columns: [usize; N]) -> Set {
        columns.into_iter().collect()
    }

    /// A table with a key and another column.
    fn table(key: usize, other: usize) -> Rows {
        let follows = vec![(set([key]), set([key, other]))];
        Rows { keys: vec![set([key])], follows, complete: true, ..Rows::default() }
    }

    #[test]
    fn a_key_is_unique_and_another_column_is_not() {
        let orders = table(1, 2);
        assert!(orders.is_unique(&set([1])) && orders.is_unique(&set([1, 2])));
        assert!(orders.repeats(&set([2])) && !orders.repeats(&set([1])));
        let fixed = Rows { constant: set([1]), ..orders };
        assert!(fixed.is_unique(&Set::new()), "a look-up by its key has one row");
    }

    #[test]
    fn where_no_key_is_known_nothing_is() {
        let view = Rows::unknown(BTreeSet::new());
        assert!(!view.is_unique(&set([1])) && !view.repeats(&set([1])));
        let lines = Rows { references: vec![set([1])], ..view };
        assert!(lines.repeats(&set([1])) && !lines.repeats(&set([2])));
    }

    #[test]
    fn a_join_by_a_key_keeps_the_keys_of_the_many() {
        let (orders, lines) = (table(1, 2), table(3, 4));
        let mut both = lines.joined(&set([4]), orders, &set([1]));
        both.equal.push((4, 1));
        assert!(both.is_unique(&set([3])) && both.repeats(&set([1])));
        // What follows from the key of the one follows from what refers to it.
        assert!(both.closure(&set([4])).contains(&2));
    }

    #[test]
    fn a_join_by_no_key_has_both_keys() {
        let both = table(1, 2).joined(&set([2]), table(3, 4), &set([4]));
        assert!(both.is_unique(&set([1, 3])) && both.repeats(&set([1])));
        assert!(both.grouped(set([2])).is_unique(&set([2])));
    }
}
