//! The catalog's rows, put together to tables.

use crate::types::{self, NativeType};
use celosia_connector_api::{ColumnDescription, ForeignKey, TableDescription, TableKind};
use std::collections::HashMap;
use tiberius::ColumnData;

/// One row of a catalog query.
pub(crate) type Record = Vec<ColumnData<'static>>;

/// Tables by the server's own numbers.
pub(crate) struct Found<'a> {
    tables: HashMap<i64, TableDescription>,
    order: Vec<i64>,
    synonyms: Vec<TableDescription>,
    schemas: &'a [String],
}

impl<'a> Found<'a> {
    /// The tables and views of the first query.
    pub(crate) fn new(rows: &[Record], schemas: &'a [String]) -> Self {
        let mut found =
            Self { tables: HashMap::new(), order: Vec::new(), synonyms: Vec::new(), schemas };
        for row in rows {
            let (Some(id), Some(schema), Some(name)) = (number(row, 0), text(row, 1), text(row, 2))
            else {
                continue;
            };
            let table = TableDescription {
                schema: schema.to_string(),
                name: name.to_string(),
                kind: kind(row),
                comment: text(row, 4).map(str::to_string),
                row_estimate: number(row, 5).and_then(|rows| u64::try_from(rows).ok()),
                ..TableDescription::default()
            };
            if found.tables.insert(id, table).is_none() {
                found.order.push(id);
            }
        }
        found
    }

    /// Columns that the login may read, in their order.
    pub(crate) fn add_columns(&mut self, rows: &[Record]) {
        for row in rows {
            let table = number(row, 0).and_then(|id| self.tables.get_mut(&id));
            let (Some(table), Some(name), Some(type_name)) = (table, text(row, 2), text(row, 3))
            else {
                continue;
            };
            let mapped = types::map(&NativeType {
                name: type_name,
                assembly: number(row, 4) == Some(1),
                max_length: number(row, 5).unwrap_or(-1),
                precision: number(row, 6).unwrap_or(0),
                scale: number(row, 7).unwrap_or(0),
                collation: text(row, 8),
                encrypted: number(row, 10).is_some(),
            });
            table.columns.push(ColumnDescription {
                name: name.to_string(),
                native_type: mapped.native_type,
                collation: text(row, 8).map(str::to_string),
                data_type: mapped.data_type,
                nullable: number(row, 9) != Some(0),
                comment: text(row, 11).map(str::to_string),
                class: mapped.class,
                read_as_text: mapped.read_as_text,
            });
        }
    }

    /// Columns of primary keys, in key order; a key that cannot be read whole is none.
    pub(crate) fn add_primary_keys(&mut self, rows: &[Record]) {
        for row in rows {
            let table = number(row, 0).and_then(|id| self.tables.get_mut(&id));
            if let (Some(table), Some(column)) = (table, text(row, 2)) {
                table.primary_key.push(column.to_string());
            }
        }
        for table in self.tables.values_mut() {
            if !has_columns(table, &table.primary_key) {
                table.primary_key.clear();
            }
        }
    }

    /// Columns of other keys, in the order of tables and keys; a key that cannot be read whole is none.
    pub(crate) fn add_unique_keys(&mut self, rows: &[Record]) {
        let same_key =
            |a: &Record, b: &Record| number(a, 0) == number(b, 0) && number(a, 1) == number(b, 1);
        for key in rows.chunk_by(same_key) {
            let columns: Vec<String> =
                key.iter().filter_map(|row| text(row, 2)).map(str::to_string).collect();
            let table = number(&key[0], 0).and_then(|id| self.tables.get_mut(&id));
            if let Some(table) = table.filter(|table| has_columns(table, &columns)) {
                table.unique_keys.push(columns);
            }
        }
    }

    /// Foreign keys whose columns can be read at both ends.
    pub(crate) fn add_foreign_keys(&mut self, rows: &[Record]) {
        let mut at = 0;
        while at < rows.len() {
            let key = number(&rows[at], 1);
            let end = rows[at..].iter().position(|row| number(row, 1) != key);
            let end = end.map_or(rows.len(), |length| at + length);
            self.add_foreign_key(&rows[at..end]);
            at = end;
        }
    }

    fn add_foreign_key(&mut self, rows: &[Record]) {
        let names = |at: usize| -> Vec<String> {
            rows.iter().filter_map(|row| text(row, at)).map(str::to_string).collect()
        };
        let referenced = number(&rows[0], 2).and_then(|id| self.tables.get(&id));
        let Some(referenced) = referenced else { return };
        let key = ForeignKey {
            columns: names(3),
            referenced_schema: referenced.schema.clone(),
            referenced_table: referenced.name.clone(),
            referenced_columns: names(4),
        };
        let whole =
            has_columns(referenced, &key.referenced_columns) && self.is_wanted(&referenced.schema);
        let table = number(&rows[0], 0).and_then(|id| self.tables.get_mut(&id));
        if let Some(table) = table.filter(|table| whole && has_columns(table, &key.columns)) {
            table.foreign_keys.push(key);
        }
    }

    /// Synonyms, as what they point to.
    pub(crate) fn add_synonyms(&mut self, rows: &[Record]) {
        for row in rows {
            let target = number(row, 0).and_then(|id| self.tables.get(&id));
            if let (Some(target), Some(schema), Some(name)) = (target, text(row, 1), text(row, 2)) {
                self.synonyms.push(TableDescription {
                    schema: schema.to_string(),
                    name: name.to_string(),
                    ..target.clone()
                });
            }
        }
    }

    /// Everything that has a column, in the order of schema and name.
    pub(crate) fn tables(mut self) -> Vec<TableDescription> {
        let mut tables: Vec<TableDescription> =
            self.order.iter().filter_map(|id| self.tables.remove(id)).collect();
        tables.append(&mut self.synonyms);
        tables.retain(|table| !table.columns.is_empty() && self.is_wanted(&table.schema));
        tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        tables.dedup_by(|a, b| (&a.schema, &a.name) == (&b.schema, &b.name));
        tables
    }

    /// The server compares names as its collation has it; what else it found, synonyms point to.
    fn is_wanted(&self, schema: &str) -> bool {
        let mut asked = self.schemas.iter();
        self.schemas.is_empty() || asked.any(|name| name.to_lowercase() == schema.to_lowercase())
    }
}

/// The server's name for the administrator.
pub(crate) struct Server<'a> {
    row: Option<&'a Record>,
}

impl<'a> Server<'a> {
    /// From the rows of its query.
    pub(crate) fn of(rows: &'a [Record]) -> Self {
        Self { row: rows.first() }
    }

    /// Product, version and edition in one line.
    pub(crate) fn text(&self) -> String {
        let Some(row) = self.row else { return "Microsoft SQL Server".to_string() };
        let part = |at: usize| text(row, at).unwrap_or_default().trim();
        let product = part(3).lines().next().unwrap_or_default().trim();
        let product = if product.is_empty() { "Microsoft SQL Server" } else { product };
        format!("{product}, version {}, {}, database {}", part(0), part(1), part(2))
    }
}

fn kind(row: &Record) -> TableKind {
    let is_view = text(row, 3).is_some_and(|kind| kind.trim() == "V");
    match (is_view, number(row, 6)) {
        _ if number(row, 7) == Some(1) => TableKind::Foreign,
        (true, Some(1..)) => TableKind::MaterializedView,
        (true, _) => TableKind::View,
        (false, Some(2..)) => TableKind::Partitioned,
        (false, _) => TableKind::Table,
    }
}

fn has_columns(table: &TableDescription, names: &[String]) -> bool {
    names.iter().all(|name| table.columns.iter().any(|column| column.name == *name))
}

/// The text of a cell.
pub(crate) fn text(row: &Record, at: usize) -> Option<&str> {
    match row.get(at)? {
        ColumnData::String(text) => text.as_deref(),
        _ => None,
    }
}

/// The whole number of a cell.
pub(crate) fn number(row: &Record, at: usize) -> Option<i64> {
    match row.get(at)? {
        ColumnData::Bit(value) => value.map(i64::from),
        ColumnData::U8(value) => value.map(i64::from),
        ColumnData::I16(value) => value.map(i64::from),
        ColumnData::I32(value) => value.map(i64::from),
        ColumnData::I64(value) => *value,
        ColumnData::Numeric(value) => {
            value.filter(|value| value.scale() == 0).and_then(|value| value.value().try_into().ok())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(text: &str) -> ColumnData<'static> {
        ColumnData::String(Some(text.to_string().into()))
    }

    fn n(number: i32) -> ColumnData<'static> {
        ColumnData::I32(Some(number))
    }

    const NONE: ColumnData<'static> = ColumnData::I32(None);
    const ABSENT: ColumnData<'static> = ColumnData::String(None);

    fn table(id: i32, schema: &str, name: &str, kind: &str, partitions: i32) -> Record {
        vec![n(id), s(schema), s(name), s(kind), ABSENT, n(5), n(partitions), NONE]
    }

    fn column(id: i32, name: &str) -> Record {
        let sizes = [n(0), n(4), n(10), n(0)];
        let head = [n(id), n(1), s(name), s("int")];
        head.into_iter().chain(sizes).chain([ABSENT, n(0), NONE, ABSENT]).collect()
    }

    #[test]
    fn synonyms_and_keys_are_put_together() {
        let schemas = ["dbo".to_string()];
        let tables = [
            table(1, "dbo", "b", "U ", 3),
            table(2, "dbo", "a", "V ", 0),
            table(3, "far", "t", "U ", 1),
        ];
        let mut found = Found::new(&tables, &schemas);
        found.add_columns(&[column(1, "x"), column(2, "x"), column(3, "y"), column(9, "z")]);
        found.add_primary_keys(&[vec![n(1), n(1), s("x")], vec![n(3), n(1), s("gone")]]);
        let unique = [(1, 2, "x"), (1, 3, "x"), (1, 3, "gone"), (3, 2, "y")];
        found.add_unique_keys(&unique.map(|(id, index, name)| vec![n(id), n(index), s(name)]));
        found.add_foreign_keys(&[
            vec![n(2), n(50), n(1), s("x"), s("x")],
            vec![n(1), n(51), n(3), s("x"), s("y")],
            vec![n(1), n(52), n(99), s("x"), s("y")],
        ]);
        found.add_synonyms(&[vec![n(3), s("dbo"), s("near")], vec![n(77), s("dbo"), s("lost")]]);
        let tables = found.tables();
        let names: Vec<(&str, TableKind)> =
            tables.iter().map(|t| (t.name.as_str(), t.kind)).collect();
        let expected =
            [("a", TableKind::View), ("b", TableKind::Partitioned), ("near", TableKind::Table)];
        assert_eq!(names, expected);
        assert_eq!(tables[0].foreign_keys.len(), 1);
        assert_eq!(tables[1].unique_keys, [["x"]]);
        assert!(tables[1].primary_key == ["x"] && tables[1].foreign_keys.is_empty());
        assert!(tables[2].primary_key.is_empty() && tables[2].columns[0].name == "y");
    }

    #[test]
    fn the_server_has_a_name() {
        let row =
            vec![s("16.0.1000.6"), s("Developer"), s("x"), s("Microsoft SQL Server 2022\n\tmore")];
        let text = Server::of(&[row]).text();
        assert_eq!(text, "Microsoft SQL Server 2022, version 16.0.1000.6, Developer, database x");
        assert!(!Server::of(&[]).text().is_empty());
    }
}
