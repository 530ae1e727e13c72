//! Each relational operator as a SELECT, folded into the one below where that means the same.

use super::Renderer;
use super::block::{Block, Cell};
use crate::relation::{AggregateCall, JoinKind, OrderKey, Shape, WindowCall, shape_of};
use crate::render::stored_order;
use crate::{Expression, Node, RemoteQuery, TableRead};
use arrow_schema::DataType;

impl Renderer<'_> {
    pub(super) fn relation(&mut self, query: &RemoteQuery) -> Option<Block> {
        match query {
            RemoteQuery::Scan(read) => self.scan(read),
            RemoteQuery::Filter { input, predicate } => {
                let block = self.relation(input)?;
                self.filter(block, predicate)
            }
            RemoteQuery::Project { input, columns } => {
                let block = self.relation(input)?;
                self.project(block, columns)
            }
            RemoteQuery::Join { left, right, kind, on, per_row } => {
                let on = on.as_ref();
                let looked_up = (*per_row && self.dialect.relational().per_row)
                    .then(|| self.join_per_row(left, right, *kind, on?))
                    .flatten();
                looked_up.or_else(|| self.join(left, right, *kind, on))
            }
            RemoteQuery::Aggregate { input, groups, sets, aggregates } => {
                self.once(query, |this| {
                    let block = this.relation(input)?;
                    this.aggregate(block, groups, sets, aggregates)
                })
            }
            RemoteQuery::Window { input, functions } => self.window(input, functions),
            RemoteQuery::Sort { input, keys } => {
                let mut block = self.relation(input)?;
                if block.is_paged() {
                    block = self.nest(block)?;
                }
                block.order = self.order(keys, &block.cells)?;
                Some(block)
            }
            RemoteQuery::Limit { input, skip, fetch } => {
                let mut block = self.relation(input)?;
                let left = block.fetch.map(|rows| rows.saturating_sub(*skip));
                block.skip = block.skip.checked_add(*skip)?;
                block.fetch = match (left, fetch) {
                    (Some(a), Some(b)) => Some(a.min(*b)),
                    (a, b) => a.or(*b),
                };
                if block.fetch == Some(0) {
                    block.skip = 0;
                }
                if block.skip > 0 && !self.dialect.relational().offset {
                    return None;
                }
                Some(block)
            }
            RemoteQuery::UnionAll(inputs) => self.union_all(inputs),
        }
    }

    fn scan(&mut self, read: &TableRead) -> Option<Block> {
        let alias = self.alias();
        let governed = read.row_filter.is_some()
            || (self.alone && read.table.stored_order.is_some())
            || read.output.iter().any(|output| output.mask.is_some() || output.visible.is_some());
        let shapes = RemoteQuery::Scan(read.clone()).shape();
        let from = if governed {
            let mut inner = self.writer.governed_table(read, true, "")?;
            if self.alone {
                inner.push_str(&stored_order(read));
            }
            self.dialect.derived_table(&inner, &alias)
        } else {
            let (schema, name) = (&read.table.schema, &read.table.name);
            let table = format!("{}.{}", self.dialect.quote(schema), self.dialect.quote(name));
            self.dialect.named_table(&table, &alias)
        };
        let names = self.writer.derived_names(read);
        let cells = read.output.iter().zip(shapes).zip(names).map(|((output, shape), derived)| {
            let column = &read.table.columns[output.column];
            let name = if governed { derived } else { column.name.clone() };
            let name = format!("{alias}.{}", self.dialect.quote(&name));
            let value =
                if governed { name.clone() } else { self.dialect.read_column(&name, column) };
            let plain = value == name;
            let keyed = output.mask.is_none() && output.visible.is_none();
            Cell { operand: name, value, condition: None, plain, keyed, shape }
        });
        Some(Block { from, single: true, cells: cells.collect(), ..Block::default() })
    }

    pub(super) fn filter(&mut self, mut block: Block, predicate: &Expression) -> Option<Block> {
        // Of the one group of all rows, a source may know no condition without an aggregate selected.
        let whole = block.groups.as_ref().is_some_and(Vec::is_empty);
        if block.is_paged() || block.windowed || whole {
            block = self.nest(block)?;
        }
        for part in conjuncts(predicate) {
            let condition = self.condition(part, &block.cells)?;
            block.restrict(condition);
        }
        Some(block)
    }

    pub(super) fn project(&mut self, mut block: Block, columns: &[Expression]) -> Option<Block> {
        let mut uses = vec![0_usize; block.cells.len()];
        for column in columns {
            column.columns(&mut |index| uses[index] += 1);
        }
        // A computed column would be spelled, and perhaps computed, once for each use.
        if block.cells.iter().zip(&uses).any(|(cell, uses)| !cell.plain && *uses > 1) {
            block = self.nest(block)?;
        }
        let cells = columns.iter().map(|column| self.cell(column, &block.cells));
        block.cells = cells.collect::<Option<_>>()?;
        Some(block)
    }

    fn join(
        &mut self,
        left: &RemoteQuery,
        right: &RemoteQuery,
        kind: JoinKind,
        on: Option<&Expression>,
    ) -> Option<Block> {
        let relational = self.dialect.relational();
        if !relational.join || (kind == JoinKind::Full && !relational.full_join) {
            return None;
        }
        let left = self.joinable(left, matches!(kind, JoinKind::Right | JoinKind::Full))?;
        let right = self.joinable(right, matches!(kind, JoinKind::Left | JoinKind::Full))?;
        let mut cells = left.cells.clone();
        cells.extend(right.cells.iter().cloned());
        if !kind.gives_right() {
            return self.matching(left, right, kind, on, &cells);
        }
        if !self.is_linear(kind, on, &cells, left.cells.len()) {
            return None;
        }
        let mut conditions = Vec::new();
        for part in on.into_iter().flat_map(conjuncts) {
            conditions.push(self.condition(part, &cells)?);
        }
        // What the side without a match is filtered by belongs to the match.
        let mut above = Vec::new();
        for (side, keeps) in [(&left, JoinKind::Right), (&right, JoinKind::Left)] {
            let place = if kind == keeps { &mut conditions } else { &mut above };
            place.extend(side.conditions.iter().cloned());
        }
        // Rows that are all kept stand first, since not every source joins the other way in good time.
        let (word, first, second) = match kind {
            JoinKind::Left => ("LEFT", left, right),
            JoinKind::Right => ("LEFT", right, left),
            JoinKind::Full => ("FULL", left, right),
            _ => ("INNER", left, right),
        };
        let second = if second.single { second.from } else { format!("({})", second.from) };
        let from = match (kind, conditions.is_empty()) {
            (JoinKind::Inner, true) => format!("{} CROSS JOIN {second}", first.from),
            (_, true) => {
                format!("{} {word} JOIN {second} ON {}", first.from, self.dialect.constant(true))
            }
            _ => format!("{} {word} JOIN {second} ON {}", first.from, conditions.join(" AND ")),
        };
        Some(Block { from, conditions: above, cells, mixed: true, ..Block::default() })
    }

    /// An input of a join: tables and conditions only. Where the join may fill it with NULLs, its
    /// columns are columns, and nothing else; of a full join's, conditions are below as well.
    pub(super) fn joinable(&mut self, query: &RemoteQuery, filled: bool) -> Option<Block> {
        let block = self.relation(query)?;
        let computed = block.cells.iter().any(|cell| !cell.plain || cell.condition.is_some());
        if block.is_flat() && !(filled && (computed || !block.conditions.is_empty())) {
            Some(block)
        } else {
            self.nest(block)
        }
    }

    pub(super) fn aggregate(
        &mut self,
        block: Block,
        groups: &[Expression],
        sets: &[Vec<usize>],
        aggregates: &[AggregateCall],
    ) -> Option<Block> {
        let (block, keys) = self.keyed(block, groups, aggregates)?;
        self.grouped(block, &keys, sets, aggregates)
    }

    /// What is grouped, and what by: each key is a column of it.
    fn keyed(
        &mut self,
        mut block: Block,
        groups: &[Expression],
        aggregates: &[AggregateCall],
    ) -> Option<(Block, Vec<Expression>)> {
        // No source takes a subquery within an aggregate, and a condition may be one.
        let mut conditional = false;
        for part in aggregates.iter().flat_map(AggregateCall::reads) {
            part.columns(&mut |index| conditional |= block.cells[index].condition.is_some());
        }
        if !block.is_flat() || conditional {
            block = self.nest(block)?;
        }
        let named = |group: &Expression| {
            group.column().is_some_and(|index| {
                let cell = &block.cells[index];
                cell.plain && cell.condition.is_none()
            })
        };
        if groups.iter().all(named) {
            return Some((block, groups.to_vec()));
        }
        self.with_keys(block, groups)
    }

    /// Computed keys are computed one level below, so that a key is a column wherever it is named.
    fn with_keys(
        &mut self,
        mut block: Block,
        groups: &[Expression],
    ) -> Option<(Block, Vec<Expression>)> {
        let cells = block.cells.clone();
        let mut keys = Vec::with_capacity(groups.len());
        for group in groups {
            let node = Node::Column(block.cells.len());
            keys.push(Expression { node, data_type: group.data_type.clone(), class: group.class });
            block.cells.push(self.cell(group, &cells)?);
        }
        Some((self.nest(block)?, keys))
    }

    fn grouped(
        &mut self,
        mut block: Block,
        groups: &[Expression],
        sets: &[Vec<usize>],
        aggregates: &[AggregateCall],
    ) -> Option<Block> {
        let groupable = self.dialect.relational().group;
        let (mut keys, mut cells) = (Vec::<Vec<String>>::new(), Vec::new());
        for group in groups {
            if !groupable.contains(group.class) {
                return None;
            }
            let below = &block.cells[group.column()?];
            let key = self.group_key(group, &block.cells)?;
            let plain = key.value == below.operand;
            // Under another collation, it is not the stored column any more.
            let shape = shape_of(group, &block.shapes());
            let shape = Shape { stored: shape.stored.filter(|_| plain), ..shape };
            let value = if plain { below.value.clone() } else { key.value.clone() };
            keys.push(std::iter::once(key.value.clone()).chain(key.more).collect());
            cells.push(Cell {
                operand: key.value,
                value,
                condition: None,
                plain,
                keyed: false,
                shape,
            });
        }
        let which = match sets {
            [] => None,
            sets => {
                block.sets = Some(self.grouping_sets(&keys, sets)?);
                let values: Vec<String> = keys.iter().map(|key| key[0].clone()).collect();
                let which = self.dialect.grouping_id(&values);
                cells.push(Cell::computed(which.clone(), Shape::computed(&DataType::Int64)));
                Some(which)
            }
        };
        for call in aggregates {
            let value = self.aggregate_call(call, &block.cells)?;
            let shape = Shape::computed_from(&call.data_type, call.reads(), &block.shapes());
            cells.push(Cell::computed(value, shape));
        }
        block.cells = cells;
        block.groups = Some(keys.into_iter().flatten().chain(which).collect());
        Some(block)
    }

    /// Several groupings at once. A key that is left out of one is none of the others.
    fn grouping_sets(&self, keys: &[Vec<String>], sets: &[Vec<usize>]) -> Option<String> {
        let apart = keys.iter().enumerate().all(|(at, key)| !keys[..at].contains(key));
        if !self.dialect.relational().grouping_sets || !apart {
            return None;
        }
        let sets = sets.iter().map(|set| {
            let keys = set.iter().filter_map(|index| keys.get(*index)).flatten();
            format!("({})", keys.map(String::as_str).collect::<Vec<_>>().join(", "))
        });
        Some(format!("GROUPING SETS ({})", sets.collect::<Vec<_>>().join(", ")))
    }

    fn window(&mut self, input: &RemoteQuery, functions: &[WindowCall]) -> Option<Block> {
        let relational = self.dialect.relational();
        let mut block = self.relation(input)?;
        if !block.is_flat() || block.cells.iter().any(|cell| cell.condition.is_some()) {
            block = self.nest(block)?;
        }
        let (below, shapes) = (block.cells.clone(), block.shapes());
        for call in functions {
            if !relational.window
                || !call.partition.iter().all(|key| relational.group.contains(key.class))
            {
                return None;
            }
            let value = self.window_call(call, &below)?;
            let shape = Shape::computed_from(&call.data_type, call.reads(), &shapes);
            block.cells.push(Cell::computed(value, shape));
        }
        block.windowed = true;
        Some(block)
    }

    pub(super) fn order(&mut self, keys: &[OrderKey], cells: &[Cell]) -> Option<Vec<String>> {
        let sorted = self.dialect.capabilities().sort;
        let mut known: Vec<String> = Vec::with_capacity(keys.len());
        let mut order = Vec::with_capacity(keys.len());
        for key in keys {
            let class = key.expression.class;
            if !sorted.contains(class) {
                return None;
            }
            let operand = self.operand_sql(&key.expression, cells)?;
            let operand = self.dialect.operand(&operand, class, true);
            // What is ordered by already; some sources refuse it twice.
            if !known.contains(&operand) {
                order.push(self.dialect.sort_key(&operand, key.descending, key.nulls_first));
                known.push(operand);
            }
        }
        Some(order)
    }

    fn union_all(&mut self, inputs: &[RemoteQuery]) -> Option<Block> {
        if !self.dialect.relational().union_all {
            return None;
        }
        let mut parts = Vec::with_capacity(inputs.len());
        let mut shapes = Vec::new();
        let mut mixed = false;
        for input in inputs {
            let mut block = self.relation(input)?;
            if block.is_paged() || !block.order.is_empty() {
                block = self.nest(block)?;
            }
            mixed |= block.mixed || block.groups.is_some();
            let classes = |shapes: &[Shape]| shapes.iter().map(|s| s.class).collect::<Vec<_>>();
            let own: Vec<Shape> =
                block.cells.iter().map(|c| Shape { stored: None, ..c.shape.clone() }).collect();
            if !parts.is_empty() && classes(&own) != classes(&shapes) {
                return None;
            }
            shapes = own;
            for cell in &mut block.cells {
                let value =
                    self.dialect.arrives_as(&self.value_of(cell)?, &cell.shape.data_type)?;
                cell.value = self.dialect.among_others(&value, cell.shape.class)?;
                cell.condition = None;
            }
            let names: Vec<_> = (1..=block.cells.len())
                .map(|index| Some(self.dialect.quote(&format!("c{index}"))))
                .collect();
            parts.push(block.select(self.dialect, &names));
        }
        let alias = self.alias();
        let cells = shapes.into_iter().enumerate().map(|(index, shape)| {
            let name = format!("{alias}.{}", self.dialect.quote(&format!("c{}", index + 1)));
            Cell {
                operand: name.clone(),
                value: name,
                condition: None,
                plain: true,
                keyed: false,
                shape,
            }
        });
        let cells = cells.collect();
        let from = self.dialect.derived_table(&parts.join(" UNION ALL "), &alias);
        Some(Block { from, single: true, cells, mixed, ..Block::default() })
    }

    /// The block as a derived table.
    pub(super) fn nest(&mut self, block: Block) -> Option<Block> {
        let alias = self.alias();
        let level = self.level(block)?;
        let from = self.dialect.derived_table(&level.sql, &alias);
        Some(level.named(from, &alias))
    }
}

/// The parts of a condition that all hold.
pub(super) fn conjuncts(predicate: &Expression) -> impl Iterator<Item = &Expression> {
    match &predicate.node {
        Node::And(parts) => parts.as_slice(),
        _ => std::slice::from_ref(predicate),
    }
    .iter()
}
