//! A walk over an optimised plan, from its tables up: what is known of its rows, and what is worth a word.

use super::atoms::{Atom, Set, references, visible_keys};
use super::keys::Rows;
use super::{FAN_OUT, MASKED_COMPARED, compares, listed, shown, texts};
use crate::model::Warning;
use crate::query::leaf::GovernedTable;
use crate::query::pushdown::is_widening;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, JoinType};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprSchemable, FetchType, Join, Limit, LogicalPlan,
    Operator, TableScan, Union, Window, WindowFunctionDefinition,
};
use std::collections::BTreeSet;

/// Aggregates that a row counted twice does not change.
const PATIENT: [&str; 12] = [
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "bit_and",
    "bit_or",
    "first_value",
    "last_value",
    "nth_value",
    "grouping",
    "any_value",
];

/// Everything the plan gives to say.
pub(super) fn warnings(plan: &LogicalPlan) -> Vec<Warning> {
    let mut tables = Vec::new();
    collect(plan, &mut tables);
    let mut walk = Walk { tables, atoms: Vec::new(), found: BTreeSet::new() };
    walk.level(plan);
    walk.found.into_iter().collect()
}

fn collect(plan: &LogicalPlan, tables: &mut Vec<GovernedTable>) {
    tables.extend(governed(plan));
    plan.inputs().into_iter().for_each(|input| collect(input, tables));
}

fn governed(plan: &LogicalPlan) -> Option<GovernedTable> {
    let LogicalPlan::TableScan(scan) = plan else { return None };
    source_as_provider(&scan.source).ok()?.downcast_ref::<GovernedTable>().cloned()
}

/// What is known of one node's output.
#[derive(Debug, Clone, Default)]
pub(super) struct Level {
    /// For each column, the atoms it is made of: one where it is that column.
    pub(super) columns: Vec<Set>,
    rows: Rows,
    /// Joins below that repeat rows, and no grouping above them yet.
    fans: Vec<Warning>,
}

struct Walk {
    tables: Vec<GovernedTable>,
    atoms: Vec<Atom>,
    found: BTreeSet<Warning>,
}

impl Walk {
    fn level(&mut self, plan: &LogicalPlan) -> Level {
        let _: datafusion::common::Result<_> = plan.apply_subqueries(|subquery| {
            self.level(subquery);
            Ok(TreeNodeRecursion::Continue)
        });
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(plan, scan),
            LogicalPlan::SubqueryAlias(alias) => self.level(&alias.input),
            LogicalPlan::Sort(sort) => {
                let level = self.level(&sort.input);
                if sort.fetch == Some(1) { one_row(level) } else { level }
            }
            LogicalPlan::Limit(limit) => {
                let level = self.level(&limit.input);
                if is_one(limit) { one_row(level) } else { level }
            }
            LogicalPlan::Filter(filter) => {
                let mut level = self.level(&filter.input);
                self.compared(&filter.predicate, filter.input.schema(), &level.columns);
                narrow(&mut level, &filter.predicate, filter.input.schema());
                level
            }
            LogicalPlan::Projection(projection) => {
                let below = self.level(&projection.input);
                let schema = projection.input.schema();
                for expr in &projection.expr {
                    self.compared(expr, schema, &below.columns);
                }
                let columns = projection.expr.iter();
                let columns = columns.map(|expr| atoms_of(expr, schema, &below.columns)).collect();
                Level { columns, ..below }
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let below = self.level(input);
                let keys: Vec<Set> = below.columns.clone();
                self.grouped(&keys, &below);
                let (columns, rows) = self.groups(&keys, below.rows);
                Level { columns, rows, fans: Vec::new() }
            }
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::EmptyRelation(_) => Level { rows: Rows::single(), ..self.opaque(plan) },
            other => {
                let mut tables = BTreeSet::new();
                for input in other.inputs() {
                    tables.append(&mut self.level(input).rows.tables);
                }
                Level { rows: Rows::unknown(tables), ..self.opaque(other) }
            }
        }
    }

    fn add(&mut self, atom: Atom) -> usize {
        self.atoms.push(atom);
        self.atoms.len() - 1
    }

    /// A level of which nothing is known.
    fn opaque(&mut self, plan: &LogicalPlan) -> Level {
        let fields = plan.schema().fields().iter();
        let columns = fields.map(|_| Set::from([self.add(Atom::default())])).collect();
        Level { columns, ..Level::default() }
    }

    fn scan(&mut self, plan: &LogicalPlan, scan: &TableScan) -> Level {
        let Some(table) = governed(plan) else { return self.opaque(plan) };
        let all: Vec<usize> = (0..table.grant().columns().len()).collect();
        let projection = scan.projection.as_ref().unwrap_or(&all);
        let mut atoms: std::collections::BTreeMap<usize, usize> = Default::default();
        let keys = visible_keys(&table, &self.tables);
        let references = references(&table, &self.tables);
        let needed = projection.iter().chain(keys.iter().chain(&references).flatten());
        for index in needed {
            if !atoms.contains_key(index) {
                let atom = self.add(Atom::stored(&table, *index));
                atoms.insert(*index, atom);
            }
        }
        let set = |key: &BTreeSet<usize>| key.iter().map(|index| atoms[index]).collect::<Set>();
        let keys: Vec<Set> = keys.iter().map(set).collect();
        let everything: Set = atoms.values().copied().collect();
        let rows = Rows {
            follows: keys.iter().map(|key| (key.clone(), everything.clone())).collect(),
            complete: !keys.is_empty(),
            keys,
            references: references.iter().map(set).collect(),
            tables: BTreeSet::from([shown(&table.entry().reference.to_string())]),
            ..Rows::default()
        };
        let columns = projection.iter().map(|index| Set::from([atoms[index]])).collect();
        Level { columns, rows, fans: Vec::new() }
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Level {
        let below = self.level(&aggregate.input);
        let schema = aggregate.input.schema();
        let of = |expr: &Expr| atoms_of(expr, schema, &below.columns);
        let sets = aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)));
        let keys: Vec<Set> = aggregate.group_expr.iter().map(of).collect();
        let bare: Vec<Set> =
            aggregate.group_expr.iter().filter(|e| is_column(e, schema)).map(of).collect();
        self.grouped(&bare, &below);
        for expr in &aggregate.aggr_expr {
            self.compared(expr, schema, &below.columns);
            let Expr::AggregateFunction(function) = unaliased(expr) else { continue };
            self.summed(function, &below, schema);
        }
        let added = aggregate.schema.fields().len().saturating_sub(keys.len());
        if sets {
            let rows = Rows::unknown(below.rows.tables);
            return Level { rows, ..self.opaque(&LogicalPlan::Aggregate(aggregate.clone())) };
        }
        let (mut columns, mut rows) = self.groups(&keys, below.rows);
        let computed: Set = (0..added).map(|_| self.add(Atom::default())).collect();
        columns.extend(computed.iter().map(|atom| Set::from([*atom])));
        let key = rows.keys.first().cloned().unwrap_or_default();
        rows.follows.push((key, computed));
        Level { columns, rows, fans: Vec::new() }
    }

    /// One column for each key, and one row for each group.
    fn groups(&mut self, keys: &[Set], rows: Rows) -> (Vec<Set>, Rows) {
        let columns: Vec<Set> = keys
            .iter()
            .map(|key| match key.len() {
                1 => key.clone(),
                _ => Set::from([self.add(Atom::default())]),
            })
            .collect();
        let all = columns.iter().flatten().copied().collect();
        (columns, rows.grouped(all))
    }

    /// A function that counts every row it is given.
    fn summed(&mut self, function: &AggregateFunction, below: &Level, schema: &DFSchema) {
        if function.params.distinct {
            for expr in function.params.args.iter().filter(|expr| is_column(expr, schema)) {
                let masked = self.masked(&atoms_of(expr, schema, &below.columns));
                self.found.extend(masked.map(|(names, masks)| of_masks("counted", names, &masks)));
            }
        } else if !PATIENT.contains(&function.func.name()) {
            self.found.extend(below.fans.iter().cloned());
        }
    }

    fn window(&mut self, window: &Window) -> Level {
        let mut level = self.level(&window.input);
        let schema = window.input.schema();
        for expr in &window.window_expr {
            let atom = self.add(Atom::default());
            if let Expr::WindowFunction(function) = unaliased(expr) {
                let parts = function.params.partition_by.iter();
                let parts: Set = parts.flat_map(|e| atoms_of(e, schema, &level.columns)).collect();
                if sums(function) {
                    self.found.extend(level.fans.iter().cloned());
                }
                if function.fun.name() == "row_number" {
                    level.rows.keys.push(&parts | &Set::from([atom]));
                }
            }
            level.columns.push(Set::from([atom]));
        }
        level
    }

    fn join(&mut self, join: &Join) -> Level {
        let (left, right) = (self.level(&join.left), self.level(&join.right));
        let (ls, rs) = (join.left.schema(), join.right.schema());
        let pairs: Vec<(Set, Set)> = join
            .on
            .iter()
            .map(|(l, r)| (atoms_of(l, ls, &left.columns), atoms_of(r, rs, &right.columns)))
            .collect();
        for ((l, r), (left_expr, right_expr)) in pairs.iter().zip(&join.on) {
            if is_column(left_expr, ls) && is_column(right_expr, rs) {
                self.found.extend(texts::compared(&self.atoms, l, r));
                let masked = self.masked(&(l | r));
                self.found.extend(masked.map(|(names, masks)| of_masks("joined", names, &masks)));
            }
        }
        if let Some(filter) = &join.filter {
            let columns: Vec<Set> = left.columns.iter().chain(&right.columns).cloned().collect();
            if let Ok(both) = ls.join(rs) {
                self.compared(filter, &both, &columns);
            }
        }
        let mark = |walk: &mut Self, mut level: Level| {
            level.columns.push(Set::from([walk.add(Atom::default())]));
            level
        };
        match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => left,
            JoinType::RightSemi | JoinType::RightAnti => right,
            JoinType::LeftMark => mark(self, left),
            JoinType::RightMark => mark(self, right),
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                self.pairs(join, left, right, &pairs)
            }
        }
    }

    /// The rows of both sides that match.
    fn pairs(&self, join: &Join, left: Level, right: Level, pairs: &[(Set, Set)]) -> Level {
        let ours: Set = pairs.iter().flat_map(|(l, _)| l.iter().copied()).collect();
        let theirs: Set = pairs.iter().flat_map(|(_, r)| r.iter().copied()).collect();
        let (mut columns, mut fans) = (left.columns, left.fans);
        columns.extend(right.columns);
        fans.extend(right.fans);
        // A condition beside the keys, such as a range of validity, may leave one match for each row.
        if join.filter.is_none() && left.rows.repeats(&ours) && right.rows.repeats(&theirs) {
            fans.push(self.fan_out(&left.rows, &right.rows, &(&ours | &theirs)));
        }
        let mut rows = left.rows.joined(&ours, right.rows, &theirs);
        let single = |set: &Set| set.first().copied().filter(|_| set.len() == 1);
        for ((l, r), (left_expr, right_expr)) in pairs.iter().zip(&join.on) {
            if let (Some(l), Some(r)) = (single(l), single(r))
                && is_column(left_expr, join.left.schema())
                && is_column(right_expr, join.right.schema())
            {
                rows.equal.push((l, r));
            }
        }
        Level { columns, rows, fans }
    }

    fn fan_out(&self, left: &Rows, right: &Rows, keys: &Set) -> Warning {
        let (l, r) = (listed(&left.tables), listed(&right.tables));
        let columns: BTreeSet<String> =
            keys.iter().flat_map(|atom| self.atoms[*atom].names.iter().cloned()).collect();
        let text = if keys.is_empty() {
            format!(
                "every row of {l} is paired with every row of {r}, so each counts many times in what is added \
                 up or counted; join them by a key, or aggregate them apart"
            )
        } else {
            let by = if columns.is_empty() {
                "what they are joined by".to_string()
            } else {
                format!("what they are joined by ({})", listed(&columns))
            };
            format!(
                "rows of {l} and of {r} repeat each other, since {by} is unique on neither side, so one row \
                 may count many times in what is added up or counted; aggregate one side before the join"
            )
        };
        Warning { code: FAN_OUT, text, columns: columns.into_iter().collect() }
    }

    fn union(&mut self, union: &Union) -> Level {
        let levels: Vec<Level> = union.inputs.iter().map(|input| self.level(input)).collect();
        let mut columns = Vec::with_capacity(union.schema.fields().len());
        for at in 0..union.schema.fields().len() {
            let mut mixed = Atom::default();
            for level in &levels {
                if let Some(one) = level.columns.get(at).filter(|set| set.len() == 1) {
                    one.iter().for_each(|atom| mixed.mix(&self.atoms[*atom]));
                }
            }
            columns.push(Set::from([self.add(mixed)]));
        }
        let mut tables = BTreeSet::new();
        let mut fans = Vec::new();
        for mut level in levels {
            tables.append(&mut level.rows.tables);
            fans.append(&mut level.fans);
        }
        Level { columns, rows: Rows::unknown(tables), fans }
    }

    /// Rows are told apart by these columns. One that follows from the others tells nothing apart.
    fn grouped(&mut self, keys: &[Set], below: &Level) {
        for (at, key) in keys.iter().enumerate() {
            let others = keys.iter().enumerate().filter(|(other, _)| *other != at);
            let others: Set = others.flat_map(|(_, key)| key.iter().copied()).collect();
            if key.len() != 1 || key.is_subset(&below.rows.closure(&others)) {
                continue;
            }
            self.found.extend(texts::grouped(&self.atoms, key));
            let masked = self.masked(key);
            self.found.extend(masked.map(|(names, masks)| of_masks("grouped", names, &masks)));
        }
    }

    /// The names of those of some columns that are masked, and the masks.
    fn masked(&self, columns: &Set) -> Option<(BTreeSet<String>, BTreeSet<&'static str>)> {
        let masked = columns.iter().map(|atom| &self.atoms[*atom]).filter(|a| !a.masks.is_empty());
        let (mut names, mut masks) = (BTreeSet::new(), BTreeSet::new());
        for atom in masked {
            names.extend(atom.names.iter().cloned());
            masks.extend(&atom.masks);
        }
        (!masks.is_empty()).then_some((names, masks))
    }

    /// Comparisons within an expression.
    fn compared(&mut self, expr: &Expr, schema: &DFSchema, columns: &[Set]) {
        let mut found = Vec::new();
        let _: datafusion::common::Result<_> = expr.apply(|node| {
            match node {
                Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                    let (l, r) =
                        (atoms_of(left, schema, columns), atoms_of(right, schema, columns));
                    match (is_column(left, schema), is_column(right, schema)) {
                        (true, true) => found.extend(texts::compared(&self.atoms, &l, &r)),
                        (true, false) if is_empty_text(right) => {
                            found.extend(texts::with_empty(&self.atoms, &l));
                        }
                        (false, true) if is_empty_text(left) => {
                            found.extend(texts::with_empty(&self.atoms, &r));
                        }
                        _ => {}
                    }
                }
                Expr::InList(list)
                    if is_column(&list.expr, schema) && list.list.iter().any(is_empty_text) =>
                {
                    let columns = atoms_of(&list.expr, schema, columns);
                    found.extend(texts::with_empty(&self.atoms, &columns));
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        self.found.extend(found);
    }
}

fn of_masks(done: &str, names: BTreeSet<String>, masks: &BTreeSet<&'static str>) -> Warning {
    let masks: Vec<String> = masks.iter().map(|mask| (*mask).to_string()).collect();
    let text = format!(
        "{} {} {done} by masks ({}), so different values that look alike are taken for one",
        listed(&names),
        if names.len() == 1 { "is" } else { "are" },
        listed(&masks)
    );
    Warning { code: MASKED_COMPARED, text, columns: names.into_iter().collect() }
}

fn one_row(mut level: Level) -> Level {
    level.rows.keys.push(Set::new());
    level.rows.complete = true;
    level
}

fn is_one(limit: &Limit) -> bool {
    matches!(limit.get_fetch_type(), Ok(FetchType::Literal(Some(0 | 1))))
}

/// What a condition fixes.
fn narrow(level: &mut Level, predicate: &Expr, schema: &DFSchema) {
    for part in split_conjunction(predicate) {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = part else { continue };
        let of = |expr: &Expr| atoms_of(expr, schema, &level.columns);
        let single = |set: Set| set.first().copied().filter(|_| set.len() == 1);
        match (is_column(left, schema), is_column(right, schema)) {
            (true, true) => {
                if let (Some(l), Some(r)) = (single(of(left)), single(of(right))) {
                    level.rows.equal.push((l, r));
                }
            }
            (true, false) if right.column_refs().is_empty() => {
                let fixed = of(left);
                level.rows.constant.extend(fixed);
            }
            (false, true) if left.column_refs().is_empty() => {
                let fixed = of(right);
                level.rows.constant.extend(fixed);
            }
            _ => {}
        }
    }
}

/// The atoms an expression reads.
fn atoms_of(expr: &Expr, schema: &DFSchema, columns: &[Set]) -> Set {
    let index = |column| schema.maybe_index_of_column(column);
    let read = expr.column_refs();
    read.into_iter().filter_map(|column| columns.get(index(column)?)).flatten().copied().collect()
}

/// Whether an expression is a column, also under another name or in another width.
fn is_column(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Alias(alias) => is_column(&alias.expr, schema),
        Expr::Cast(cast) => {
            let from = cast.expr.get_type(schema);
            from.is_ok_and(|from| is_widening(&from, cast.field.data_type()))
                && is_column(&cast.expr, schema)
        }
        _ => false,
    }
}

fn is_empty_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if super::matters(value))
}

fn sums(function: &WindowFunction) -> bool {
    let WindowFunctionDefinition::AggregateUDF(aggregate) = &function.fun else { return false };
    !function.params.distinct && !PATIENT.contains(&aggregate.name())
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}
