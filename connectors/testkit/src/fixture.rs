//! What a connector brings to the conformance suite: a real, loaded server.

use crate::data::{self, Kind, Table};
use arrow_schema::DataType;
use celosia_connector_api::Connector;
use futures::future::BoxFuture;
use std::sync::Arc;

/// A real server that holds the tables of [`crate::data`], loaded by [`crate::script::script`].
///
/// Every check asks for a connector of its own; no check changes what is stored.
pub trait Fixture: Send + Sync {
    /// The schema the tables are in, as discovery names it.
    fn schema(&self) -> &str;

    /// A new connector to the server.
    fn connector(&self) -> Arc<dyn Connector>;

    /// The Arrow type that columns of a kind arrive in.
    fn data_type(&self, kind: Kind) -> DataType {
        kind.data_type()
    }

    /// Text may hold U+0000, and the fixture's `texts` and `secrets` do.
    fn stores_nul(&self) -> bool {
        false
    }

    /// The tables with their rows, as the source gives them back.
    fn tables(&self) -> Vec<Table> {
        data::tables(self.stores_nul())
    }

    /// The table of that name.
    ///
    /// # Panics
    /// Where there is none: the suite is wrong.
    fn table(&self, name: &str) -> Table {
        let found = self.tables().into_iter().find(|table| table.name == name);
        found.unwrap_or_else(|| panic!("no table {name} in the suite's data"))
    }

    /// The name of the table that is hard to quote.
    fn hostile(&self) -> &'static str {
        data::HOSTILE
    }

    /// The source keeps comments on tables and columns.
    fn keeps_comments(&self) -> bool {
        true
    }

    /// Tables that the fixture added with a column whose stored value has no exact form.
    fn unrepresentable(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Statements that would write, beside the ones that every dialect knows. None may succeed.
    fn writes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Something that must be as it was after every attempt to write, such as a list of files.
    fn state(&self) -> BoxFuture<'_, String> {
        Box::pin(async { String::new() })
    }

    /// Whether the server, by its own view, runs the statement; `None` where it cannot say.
    fn running<'a>(&'a self, query_id: &'a str) -> BoxFuture<'a, Option<bool>>;

    /// Stops the server at once and starts it again; `false` where there is no server to stop.
    fn restart(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }
}
