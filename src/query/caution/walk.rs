//! A walk over an optimised plan, from its tables up: what is known of its rows, and what is worth a word.

use super::atoms::{Atom, Set, references, visible_keys};
use super::keys::Rows;
use super::level::{Cell, Level};
use super::{checks, shown};
use crate::model::Warning;
use crate::query::leaf::GovernedTable;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, JoinType};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, FetchType, Join, Limit, LogicalPlan, TableScan, Union, Window,
    WindowFunctionDefinition,
};
use std::collections::{BTreeMap, BTreeSet};

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

struct Walk {
    /// The tables of the statement.
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
                if sort.fetch == Some(1) { level.one_row() } else { level }
            }
            LogicalPlan::Limit(limit) => {
                let level = self.level(&limit.input);
                if is_one(limit) { level.one_row() } else { level }
            }
            LogicalPlan::Filter(filter) => {
                let level = self.level(&filter.input);
                let schema = filter.input.schema();
                self.compared(&filter.predicate, schema, &level.cells);
                level.narrowed(&filter.predicate, schema)
            }
            LogicalPlan::Projection(projection) => {
                let below = self.level(&projection.input);
                let schema = projection.input.schema();
                for expr in &projection.expr {
                    self.compared(expr, schema, &below.cells);
                }
                let cells = projection.expr.iter().map(|expr| below.cell(expr, schema)).collect();
                Level { cells, ..below }
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(plan, aggregate),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let below = self.level(input);
                self.found.extend(checks::grouped(&self.atoms, &below.cells, &below.rows));
                let (cells, rows) = self.groups(&below.cells, below.rows);
                Level { cells, rows, fans: Vec::new() }
            }
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::EmptyRelation(_) => self.opaque(plan, Rows::single()),
            other => {
                let mut tables = BTreeSet::new();
                for input in other.inputs() {
                    tables.append(&mut self.level(input).rows.tables);
                }
                self.opaque(other, Rows::unknown(tables))
            }
        }
    }

    fn add(&mut self, atom: Atom) -> usize {
        self.atoms.push(atom);
        self.atoms.len() - 1
    }

    /// A column of its own, of which nothing is known.
    fn computed(&mut self) -> Cell {
        Cell::of(self.add(Atom::default()))
    }

    fn opaque(&mut self, plan: &LogicalPlan, rows: Rows) -> Level {
        let cells = plan.schema().fields().iter().map(|_| self.computed()).collect();
        Level { cells, rows, fans: Vec::new() }
    }

    fn compared(&mut self, expr: &Expr, schema: &DFSchema, cells: &[Cell]) {
        let found = checks::compared(&self.atoms, expr, schema, cells);
        self.found.extend(found);
    }

    fn scan(&mut self, plan: &LogicalPlan, scan: &TableScan) -> Level {
        let Some(table) = governed(plan) else {
            return self.opaque(plan, Rows::unknown(BTreeSet::new()));
        };
        let all: Vec<usize> = (0..table.grant().columns().len()).collect();
        let projection = scan.projection.as_ref().unwrap_or(&all);
        let keys = visible_keys(&table, &self.tables);
        let references = references(&table, &self.tables);
        let mut atoms: BTreeMap<usize, usize> = BTreeMap::new();
        for index in projection.iter().chain(keys.iter().chain(&references).flatten()) {
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
        let cells = projection.iter().map(|index| Cell::of(atoms[index])).collect();
        Level { cells, rows, fans: Vec::new() }
    }

    fn aggregate(&mut self, plan: &LogicalPlan, aggregate: &Aggregate) -> Level {
        let below = self.level(&aggregate.input);
        let schema = aggregate.input.schema();
        let keys: Vec<Cell> =
            aggregate.group_expr.iter().map(|expr| below.cell(expr, schema)).collect();
        self.found.extend(checks::grouped(&self.atoms, &keys, &below.rows));
        for expr in &aggregate.aggr_expr {
            self.compared(expr, schema, &below.cells);
            if let Expr::AggregateFunction(function) = unaliased(expr) {
                self.summed(function, &below, schema);
            }
        }
        if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return self.opaque(plan, Rows::unknown(below.rows.tables));
        }
        let added = aggregate.schema.fields().len().saturating_sub(keys.len());
        let (mut cells, mut rows) = self.groups(&keys, below.rows);
        let computed: Vec<Cell> = (0..added).map(|_| self.computed()).collect();
        let key = rows.keys.first().cloned().unwrap_or_default();
        rows.follows.push((key, computed.iter().filter_map(Cell::atom).collect()));
        cells.extend(computed);
        Level { cells, rows, fans: Vec::new() }
    }

    /// One column for each key, and one row for each group.
    fn groups(&mut self, keys: &[Cell], rows: Rows) -> (Vec<Cell>, Rows) {
        let cells: Vec<Cell> =
            keys.iter().map(|key| key.atom().map_or_else(|| self.computed(), Cell::of)).collect();
        let all = cells.iter().filter_map(Cell::atom).collect();
        (cells, rows.grouped(all))
    }

    /// A function that counts every row it is given, or every different value.
    fn summed(&mut self, function: &AggregateFunction, below: &Level, schema: &DFSchema) {
        if function.params.distinct {
            let atoms = function.params.args.iter().filter_map(|e| below.cell(e, schema).atom());
            let counted = checks::masked(&self.atoms, &atoms.collect(), "counted");
            self.found.extend(counted);
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
                let parts: Set = parts.flat_map(|e| level.cell(e, schema).atoms).collect();
                if sums(function) {
                    self.found.extend(level.fans.iter().cloned());
                }
                if function.fun.name() == "row_number" {
                    level.rows.keys.push(&parts | &Set::from([atom]));
                }
            }
            level.cells.push(Cell::of(atom));
        }
        level
    }

    fn join(&mut self, join: &Join) -> Level {
        let (left, right) = (self.level(&join.left), self.level(&join.right));
        let (ls, rs) = (join.left.schema(), join.right.schema());
        let pairs = join.on.iter().map(|(l, r)| (left.cell(l, ls), right.cell(r, rs)));
        let pairs: Vec<(Cell, Cell)> = pairs.collect();
        for (l, r) in &pairs {
            if let (Some(l), Some(r)) = (l.atom(), r.atom()) {
                self.found.extend(checks::joined(&self.atoms, l, r));
            }
        }
        if let Some(filter) = &join.filter
            && let Ok(both) = ls.join(rs)
        {
            let cells: Vec<Cell> = left.cells.iter().chain(&right.cells).cloned().collect();
            self.compared(filter, &both, &cells);
        }
        match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => left,
            JoinType::RightSemi | JoinType::RightAnti => right,
            JoinType::LeftMark => self.marked(left),
            JoinType::RightMark => self.marked(right),
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                self.matched(join, left, right, &pairs)
            }
        }
    }

    fn marked(&mut self, mut level: Level) -> Level {
        level.cells.push(self.computed());
        level
    }

    /// The rows of both sides that match.
    fn matched(&self, join: &Join, left: Level, right: Level, pairs: &[(Cell, Cell)]) -> Level {
        let ours: Set = pairs.iter().flat_map(|(l, _)| l.atoms.iter().copied()).collect();
        let theirs: Set = pairs.iter().flat_map(|(_, r)| r.atoms.iter().copied()).collect();
        let (mut cells, mut fans) = (left.cells, left.fans);
        cells.extend(right.cells);
        fans.extend(right.fans);
        // A condition beside the keys, such as a range of validity, may leave one match for each row.
        if join.filter.is_none() && left.rows.repeats(&ours) && right.rows.repeats(&theirs) {
            fans.push(checks::fan_out(&self.atoms, &left.rows, &right.rows, &(&ours | &theirs)));
        }
        let mut rows = left.rows.joined(&ours, right.rows, &theirs);
        rows.equal.extend(pairs.iter().filter_map(|(l, r)| Some((l.atom()?, r.atom()?))));
        Level { cells, rows, fans }
    }

    fn union(&mut self, union: &Union) -> Level {
        let levels: Vec<Level> = union.inputs.iter().map(|input| self.level(input)).collect();
        let mut cells = Vec::with_capacity(union.schema.fields().len());
        for at in 0..union.schema.fields().len() {
            let mut mixed = Atom::default();
            for atom in levels.iter().filter_map(|level| level.cells.get(at)?.atom()) {
                mixed.mix(&self.atoms[atom]);
            }
            cells.push(Cell::of(self.add(mixed)));
        }
        let (mut tables, mut fans) = (BTreeSet::new(), Vec::new());
        for mut level in levels {
            tables.append(&mut level.rows.tables);
            fans.append(&mut level.fans);
        }
        Level { cells, rows: Rows::unknown(tables), fans }
    }
}

fn is_one(limit: &Limit) -> bool {
    matches!(limit.get_fetch_type(), Ok(FetchType::Literal(Some(0 | 1))))
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
