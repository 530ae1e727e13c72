//! A read of one large table as several statements that together read each row once.
//!
//! Whoever reads puts a condition of its own where the policy's row filter stands, so a split is governed as
//! the whole is.

use crate::render::Writer;
use crate::{Dialect, TableRead};
use std::sync::Arc;

/// Stands for the condition while the statement is spelled. No name and no value can hold it: control
/// characters of this kind are bound, and a name that has one is not read in splits.
const PLACE: &str = "\u{2}split\u{2}";

/// A statement that is open where the condition of a split belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splits {
    before: Arc<str>,
    after: Arc<str>,
    /// The table's schema.
    pub schema: Arc<str>,
    /// The table's name.
    pub table: Arc<str>,
}

impl Splits {
    /// The same statement for the rows of the table that fulfil `condition`. Its parameters are those of the
    /// whole statement.
    pub fn statement(&self, condition: &str) -> String {
        format!("{}{condition}{}", self.before, self.after)
    }
}

/// The statement of `query`, open for splits. `None` where an order or a limit would have another meaning in
/// each split, or where the dialect has no splits.
pub fn splits(dialect: &dyn Dialect, query: &TableRead) -> Option<Splits> {
    if !dialect.relational().splits || query.limit.is_some() || !query.order.is_empty() {
        return None;
    }
    let mut writer = Writer::new(dialect).beside_filter(PLACE);
    let sql = writer.statement(query)?;
    let (sql, _) = writer.parameters.settle(dialect, &sql)?;
    let (before, after) = sql.split_once(PLACE)?;
    (!after.contains(PLACE)).then(|| Splits {
        before: before.into(),
        after: after.into(),
        schema: query.table.schema.as_str().into(),
        table: query.table.name.as_str().into(),
    })
}
