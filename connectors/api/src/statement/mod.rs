//! A [`RemoteQuery`] as one statement: one SELECT for each level, levels folded into one where that
//! means the same, the policy innermost, every value bound.
//!
//! ```sql
//! SELECT t1."region", CAST(SUM(t2."total") AS numeric(25,2)) AS c2
//! FROM "public"."customers" AS t1
//! INNER JOIN (SELECT "customer", "total" FROM "public"."orders" WHERE "tenant" = $1) AS t2
//!   ON t1."id" = t2."customer"
//! WHERE t1."active" = $2 GROUP BY t1."region"
//! ```
//!
//! A level is put into a derived table of its own where folding would change its meaning (a filter over
//! a limit) or repeat a computed expression; sources fold derived tables themselves.

mod block;
mod expressions;
mod implied;
mod level;
mod matching;
mod per_row;
mod relations;

use crate::query::RenderedColumn;
use crate::relation::Shape;
use crate::render::Writer;
use crate::{Dialect, RemoteQuery, RenderedQuery};
use block::Block;

/// The statement of a relational tree; `None` where the dialect cannot spell a part of it.
pub fn render(dialect: &dyn Dialect, query: &RemoteQuery) -> Option<RenderedQuery> {
    let pruned = dialect.relational().infers_cases.then(|| implied::without_implied(query));
    let query = pruned.as_ref().unwrap_or(query);
    let repeated = match dialect.relational().shared {
        true => level::repeated(query),
        false => Vec::new(),
    };
    let writer = Writer::new(dialect);
    let alone = is_one_table(query);
    let mut renderer = Renderer { dialect, writer, aliases: 0, repeated, with: Vec::new(), alone };
    let block = renderer.relation(query)?;
    // No grouping means one group.
    let alone = block.groups.as_ref().is_some_and(Vec::is_empty);
    let rows_hint = if alone { Some(1) } else { block.fetch };
    let shape: Vec<Shape> = block.cells.iter().map(|cell| cell.shape.clone()).collect();
    let mut sql = renderer.outermost(block)?;
    if !renderer.with.is_empty() {
        sql = format!("WITH {} {sql}", renderer.with.join(", "));
    }
    let (sql, parameters) = renderer.writer.parameters.settle(dialect, &sql)?;
    let columns = shape
        .into_iter()
        .enumerate()
        .map(|(index, shape)| RenderedColumn {
            name: match &shape.stored {
                Some((table, column)) => table.columns[*column].name.clone(),
                None => format!("c{}", index + 1),
            },
            data_type: shape.data_type,
        })
        .collect();
    Some(RenderedQuery { sql, parameters, columns, defer_unfit: false, rows_hint, splits: None })
}

/// Whether every part of the tree can be spelled.
pub fn is_spellable(dialect: &dyn Dialect, query: &RemoteQuery) -> bool {
    render(dialect, query).is_some()
}

struct Renderer<'a> {
    dialect: &'a dyn Dialect,
    writer: Writer<'a>,
    aliases: usize,
    repeated: Vec<level::Repeated<'a>>,
    /// What follows WITH.
    with: Vec<String>,
    /// The rows are those of one table, neither grouped nor sorted.
    alone: bool,
}

/// Whether rows of one table come out as they are read.
fn is_one_table(query: &RemoteQuery) -> bool {
    match query {
        RemoteQuery::Scan(_) => true,
        RemoteQuery::Filter { input, .. }
        | RemoteQuery::Project { input, .. }
        | RemoteQuery::Window { input, .. }
        | RemoteQuery::Limit { input, .. } => is_one_table(input),
        RemoteQuery::Aggregate { .. }
        | RemoteQuery::Sort { .. }
        | RemoteQuery::Join { .. }
        | RemoteQuery::UnionAll(_) => false,
    }
}

impl Renderer<'_> {
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    /// The whole statement, each column in the type in which it arrives.
    fn outermost(&mut self, mut block: Block) -> Option<String> {
        block.settle_order(self.dialect)?;
        for cell in &mut block.cells {
            let value = match &cell.shape.stored {
                Some((table, column))
                    if table.columns[*column].data_type == cell.shape.data_type =>
                {
                    cell.value.clone()
                }
                _ => self.dialect.arrives_as(&self.value_of(cell)?, &cell.shape.data_type)?,
            };
            cell.plain &= value == cell.value;
            cell.value = value;
            cell.condition = None;
        }
        let mut known: Vec<&str> = Vec::with_capacity(block.cells.len());
        let mut names: Vec<Option<String>> = Vec::with_capacity(block.cells.len());
        for (index, cell) in block.cells.iter().enumerate() {
            // Two columns of one name cannot be told apart where rows are numbered around them.
            let own = cell.value.rsplit_once('.').map_or(cell.value.as_str(), |(_, name)| name);
            let bare = own.get(1..own.len().saturating_sub(1)).unwrap_or_default();
            let named = cell.plain && !known.contains(&own) && !block::is_numbered(bare, index);
            known.push(own);
            names.push((!named).then(|| self.dialect.quote(&format!("c{}", index + 1))));
        }
        Some(block.select(self.dialect, &names))
    }
}
