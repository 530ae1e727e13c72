//! Which reads a source may give to several sessions, and who is told of it.

use super::keys::is_broad;
use super::scan_plan::{Asked, ScanPlan};
use celosia_connector_api::{Dialect, Splits, TableRead, splits};

/// Tables that are known to be smaller are read by one session.
const LARGE: u64 = 100_000;

/// The statement in parts, where the table is large and most of its rows may be wanted: no condition names single
/// values, for which a source would use an index. Whether it is read in parts is the connector's to decide, which
/// may know more of how the source would read it.
pub(super) fn of(dialect: &dyn Dialect, query: &TableRead) -> Option<Splits> {
    let large = query.table.row_estimate.is_none_or(|rows| rows >= LARGE);
    (large && is_broad(query)).then(|| splits::splits(dialect, query)).flatten()
}

impl ScanPlan {
    /// Whether rows are left out that the caller may not see. How many sessions read then depends on those, too.
    pub(super) fn hides_rows(&self) -> bool {
        let at_source = match &self.asked {
            Asked::Table(read) => read.row_filter.is_some(),
            Asked::Tree(_) => true,
            #[cfg(feature = "ballista")]
            Asked::Elsewhere { .. } => true,
        };
        at_source || self.local.filter.is_some()
    }
}
