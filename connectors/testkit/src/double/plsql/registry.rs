//! What has been declared, in memory: names to resolve, and the native type of every stored column.
//! The database holds the same in its schema `registry`, from which the dictionary views read.

use super::errors;
use super::types::{self, OracleType};
use crate::double::engine::EngineError;
use crate::double::postgres::{Client, Column};
use std::collections::{HashMap, HashSet};

/// Schema and name.
pub(super) type Name = (String, String);

/// The names and types of now. A change makes a new one.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    objects: HashMap<Name, Object>,
    synonyms: HashMap<Name, Name>,
    /// By table and number of the column: native type, and whether NULL may occur.
    columns: HashMap<(u32, i16), (String, bool)>,
    /// Our own types by object id.
    types: HashMap<u32, String>,
    /// Reader, schema, name; `%` is every name.
    hidden: HashSet<(String, String, String)>,
}

/// A table or view.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// `TABLE`, `VIEW` or `MATERIALIZED VIEW`.
    pub(super) kind: String,
    oid: u32,
}

impl Catalog {
    /// Reads everything.
    ///
    /// # Errors
    /// The cluster is gone.
    pub(super) async fn read(client: &mut Client) -> Result<Self, EngineError> {
        let mut catalog = Catalog::default();
        let sql = "SELECT owner, name, kind, table_oid FROM registry.objects";
        for row in rows(client, sql).await? {
            let [owner, name, kind, oid] = texts(row);
            let object = Object { kind, oid: oid.parse().unwrap_or(0) };
            catalog.objects.insert((owner, name), object);
        }
        let sql = "SELECT owner, name, table_owner, table_name FROM registry.synonyms";
        for row in rows(client, sql).await? {
            let [owner, name, table_owner, table] = texts(row);
            catalog.synonyms.insert((owner, name), (table_owner, table));
        }
        let sql = "SELECT o.table_oid, c.column_id, c.native, c.nullable FROM registry.columns c \
                   JOIN registry.objects o ON o.owner = c.owner AND o.name = c.table_name";
        for row in rows(client, sql).await? {
            let [oid, number, native, nullable] = texts(row);
            let key = (oid.parse().unwrap_or(0), number.parse().unwrap_or(0));
            catalog.columns.insert(key, (native, nullable == "Y"));
        }
        let sql = "SELECT oid, typname FROM pg_type WHERE typnamespace = 'ora'::regnamespace";
        for row in rows(client, sql).await? {
            let [oid, name] = texts(row);
            catalog.types.insert(oid.parse().unwrap_or(0), name);
        }
        let sql = "SELECT reader, owner, name FROM registry.hidden";
        for row in rows(client, sql).await? {
            let [reader, owner, name] = texts(row);
            catalog.hidden.insert((reader, owner, name));
        }
        Ok(catalog)
    }

    /// The table or view that a name means to `user`, whose unqualified names are of `current`.
    ///
    /// # Errors
    /// ORA-00942.
    pub(super) fn resolve(
        &self,
        user: &str,
        current: &str,
        schema: Option<&str>,
        name: &str,
    ) -> Result<(Name, &Object), EngineError> {
        let places = match schema {
            Some(schema) => vec![schema],
            None => vec![current, "PUBLIC", "SYS"],
        };
        for place in places {
            let mut key = (place.to_string(), name.to_string());
            // A synonym may be of a synonym.
            for _ in 0..8 {
                if let Some(object) = self.objects.get(&key) {
                    if self.is_hidden(user, &key) {
                        return Err(errors::no_table());
                    }
                    return Ok((key, object));
                }
                match self.synonyms.get(&key) {
                    Some(target) => key = target.clone(),
                    None => break,
                }
            }
        }
        Err(errors::no_table())
    }

    fn is_hidden(&self, user: &str, (owner, name): &Name) -> bool {
        let by = |name: &str| (user.to_string(), owner.clone(), name.to_string());
        !self.hidden.is_empty() && [name, "%"].iter().any(|n| self.hidden.contains(&by(n)))
    }

    /// The native type of a result's column, and whether NULL may occur.
    pub(super) fn native(&self, column: &Column) -> (String, bool) {
        match self.columns.get(&(column.table, column.attribute)) {
            Some(known) => known.clone(),
            None => (types::of_expression(column, &self.types).native(), true),
        }
    }

    /// The type of a result's column.
    pub(super) fn type_of(&self, column: &Column) -> OracleType {
        OracleType::from_native(&self.native(column).0)
            .unwrap_or_else(|| types::of_expression(column, &self.types))
    }

    /// How many columns a table has.
    pub(super) fn width(&self, table: &Object) -> usize {
        self.columns.keys().filter(|(oid, _)| *oid == table.oid).count()
    }

    /// Tables of a schema, by name.
    pub(super) fn tables_of(&self, schema: &str) -> Vec<String> {
        let of = self.objects.iter().filter(|((owner, _), object)| {
            owner == schema && object.kind != "VIEW" && object.oid != 0
        });
        of.map(|((_, name), _)| name.clone()).collect()
    }
}

async fn rows(client: &mut Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, EngineError> {
    client.query(sql).await.map_err(|failure| errors::translated(failure, sql))
}

fn texts<const N: usize>(row: Vec<Option<String>>) -> [String; N] {
    let mut cells = row.into_iter().map(Option::unwrap_or_default);
    std::array::from_fn(|_| cells.next().unwrap_or_default())
}

/// A name in double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text in single quotes, or NULL.
pub(super) fn literal_or_null(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".to_string(), literal)
}
