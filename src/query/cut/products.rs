//! Products: joins of all rows with all rows, which give more than was read.
//!
//! A product whose rows are only counted, or of which few are wanted, runs best where its inputs are. One
//! whose rows would all be fetched, for a node that stays in the engine, is better made by the engine:
//! the two inputs travel once each, not once for every row of the other.
//!
//! ```text
//! before   Aggregate: groupBy=[upper(b.kind)]         after   Aggregate: groupBy=[upper(b.kind)]
//!            Cross Join                                         Cross Join
//!              TableScan: shop.a                                  TableScan: shop.a
//!              TableScan: shop.b                                  TableScan: shop.b
//! ```

use celosia_connector_api::{JoinKind, RemoteQuery};

/// Whether a source would send the rows of a product.
pub(super) fn gives_a_product(query: &RemoteQuery) -> bool {
    match query {
        RemoteQuery::Filter { input, .. }
        | RemoteQuery::Project { input, .. }
        | RemoteQuery::Window { input, .. }
        | RemoteQuery::Sort { input, .. } => gives_a_product(input),
        RemoteQuery::Limit { input, fetch, .. } => fetch.is_none() && gives_a_product(input),
        RemoteQuery::UnionAll(inputs) => inputs.iter().any(gives_a_product),
        RemoteQuery::Join { left, right, kind, on: None, .. } => {
            multiplies(*kind) && !is_one_row(left) && !is_one_row(right)
        }
        RemoteQuery::Join { .. } | RemoteQuery::Aggregate { .. } | RemoteQuery::Scan(_) => false,
    }
}

/// Whether rows of a left row's partners all are in the result.
fn multiplies(kind: JoinKind) -> bool {
    matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full)
}

/// Whether there is at most one row, whatever the tables hold.
fn is_one_row(query: &RemoteQuery) -> bool {
    match query {
        RemoteQuery::Filter { input, .. }
        | RemoteQuery::Project { input, .. }
        | RemoteQuery::Window { input, .. }
        | RemoteQuery::Sort { input, .. } => is_one_row(input),
        RemoteQuery::Limit { input, fetch, .. } => {
            fetch.is_some_and(|rows| rows <= 1) || is_one_row(input)
        }
        RemoteQuery::Aggregate { groups, sets, .. } => groups.is_empty() && sets.is_empty(),
        RemoteQuery::Join { left, right, kind, .. } => {
            is_one_row(left) && (!multiplies(*kind) || is_one_row(right)) && *kind != JoinKind::Full
        }
        RemoteQuery::Scan(_) | RemoteQuery::UnionAll(_) => false,
    }
}
