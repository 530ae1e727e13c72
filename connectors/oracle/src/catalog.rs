//! Discovery: what the login may read, in five dictionary queries however many tables there are.

use crate::driver::{Connection, Failure, TextRow};
use crate::types::{self, NativeType};
use arrow_schema::DataType;
use celosia_connector_api::{ColumnDescription, ForeignKey, TableDescription, TableKind};
use std::collections::HashMap;

/// The character sets, by which text is compared.
const CHARACTER_SETS: &str = "\
    SELECT parameter, value FROM nls_database_parameters \
    WHERE parameter IN ('NLS_CHARACTERSET', 'NLS_NCHAR_CHARACTERSET') ORDER BY parameter";

/// A materialized view is here twice: as itself and as the table that holds its rows.
const TABLES: &str = "\
    SELECT o.owner, o.object_name, o.object_type, NVL(c.comments, m.comments), t.num_rows, \
      t.partitioned \
    FROM all_objects o \
      LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name \
      LEFT JOIN all_tab_comments c ON c.owner = o.owner AND c.table_name = o.object_name \
      LEFT JOIN all_mview_comments m ON m.owner = o.owner AND m.mview_name = o.object_name \
    WHERE o.object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW') AND o.secondary = 'N' \
      AND o.temporary = 'N' AND NVL(t.nested, 'NO') = 'NO' AND NVL(t.dropped, 'NO') = 'NO' \
      AND NVL(t.iot_type, 'IOT') = 'IOT' AND o.owner IN ($OWNERS) \
    ORDER BY o.owner, o.object_name, o.object_type";

const COLUMNS: &str = "\
    SELECT c.owner, c.table_name, c.column_name, c.data_type, c.data_type_owner, c.data_length, \
      c.data_precision, c.data_scale, c.char_length, c.char_used, c.nullable, c.collation, \
      m.comments \
    FROM all_tab_columns c \
      LEFT JOIN all_col_comments m ON m.owner = c.owner AND m.table_name = c.table_name \
        AND m.column_name = c.column_name \
    WHERE c.owner IN ($OWNERS) \
    ORDER BY c.owner, c.table_name, c.column_id";

/// Primary, unique and foreign keys, a row for each of their columns.
const KEYS: &str = "\
    SELECT c.owner, c.table_name, c.constraint_name, c.constraint_type, c.r_owner, \
      c.r_constraint_name, k.column_name \
    FROM all_constraints c \
      JOIN all_cons_columns k ON k.owner = c.owner AND k.constraint_name = c.constraint_name \
    WHERE c.constraint_type IN ('P', 'U', 'R') AND c.status = 'ENABLED' AND c.owner IN ($OWNERS) \
    ORDER BY c.owner, c.table_name, c.constraint_name, k.position";

const SYNONYMS: &str = "\
    SELECT s.owner, s.synonym_name, s.table_owner, s.table_name \
    FROM all_synonyms s \
    WHERE s.db_link IS NULL AND s.owner IN ($OWNERS) \
    ORDER BY s.owner, s.synonym_name";

/// What stands for `$OWNERS` where no schemas are named; else there is a placeholder for each of them.
const EVERY_OWNER: &str = "SELECT u.username FROM all_users u WHERE u.oracle_maintained = 'N'";

/// The dictionary's answers.
struct Answers {
    character_sets: Vec<TextRow>,
    tables: Vec<TextRow>,
    columns: Vec<TextRow>,
    keys: Vec<TextRow>,
    synonyms: Vec<TextRow>,
}

/// What discovery found: the tables, how wide columns of a name are, and whether the database stores UTF-8.
pub(crate) struct Found {
    pub(crate) tables: Vec<TableDescription>,
    pub(crate) widths: HashMap<String, usize>,
    pub(crate) utf8: bool,
}

/// Reads the dictionary on a session's connection.
pub(crate) fn read(connection: &mut dyn Connection, schemas: &[String]) -> Result<Found, Failure> {
    let mut ask = |sql: &str| {
        let owners =
            if schemas.is_empty() { EVERY_OWNER.to_string() } else { placeholders(schemas) };
        let values = if sql.contains("$OWNERS") { schemas } else { &[] };
        connection.rows(&sql.replace("$OWNERS", &owners), values)
    };
    let answers = Answers {
        character_sets: ask(CHARACTER_SETS)?,
        tables: ask(TABLES)?,
        columns: ask(COLUMNS)?,
        keys: ask(KEYS)?,
        synonyms: ask(SYNONYMS)?,
    };
    Ok(assemble(&answers))
}

fn placeholders(schemas: &[String]) -> String {
    let places: Vec<String> = (1..=schemas.len()).map(|at| format!(":{at}")).collect();
    places.join(", ")
}

fn assemble(answers: &Answers) -> Found {
    let utf8 = answers
        .character_sets
        .iter()
        .any(|row| cell(row, 0) == "NLS_CHARACTERSET" && cell(row, 1) == "AL32UTF8");
    let mut tables = Tables::default();
    for row in &answers.tables {
        tables.add(row);
    }
    let mut widths = HashMap::new();
    for row in &answers.columns {
        if let Some(table) = tables.find(cell(row, 0), cell(row, 1)) {
            let native = native(row);
            let widest = widths.entry(cell(row, 2).to_string()).or_insert(0);
            *widest = types::width(&native).max(*widest);
            table.columns.extend(column(row, &native));
        }
    }
    // A table of which nothing can be read is no table.
    tables.retain_readable();
    tables.add_keys(&answers.keys);
    for row in &answers.synonyms {
        tables.add_synonym(row);
    }
    Found { tables: tables.sorted(), widths, utf8 }
}

type Name = (String, String);

#[derive(Default)]
struct Tables {
    found: Vec<TableDescription>,
    places: HashMap<Name, usize>,
}

impl Tables {
    fn add(&mut self, row: &TextRow) {
        let name = name(row, 0, 1);
        let kind = match (cell(row, 2), cell(row, 5)) {
            ("VIEW", _) => TableKind::View,
            ("MATERIALIZED VIEW", _) => TableKind::MaterializedView,
            (_, "YES") => TableKind::Partitioned,
            _ => TableKind::Table,
        };
        if let Some(place) = self.places.get(&name) {
            // Its container came, or comes, as a table of the same name.
            if kind == TableKind::MaterializedView {
                self.found[*place].kind = kind;
            }
            return;
        }
        self.places.insert(name.clone(), self.found.len());
        self.found.push(TableDescription {
            schema: name.0,
            name: name.1,
            kind,
            comment: row.get(3).cloned().flatten(),
            row_estimate: cell(row, 4).parse().ok(),
            ..TableDescription::default()
        });
    }

    fn find(&mut self, owner: &str, table: &str) -> Option<&mut TableDescription> {
        let place = self.places.get(&(owner.to_string(), table.to_string()))?;
        self.found.get_mut(*place)
    }

    fn retain_readable(&mut self) {
        self.found.retain(|table| !table.columns.is_empty());
        let names = self.found.iter().enumerate();
        self.places =
            names.map(|(at, table)| ((table.schema.clone(), table.name.clone()), at)).collect();
    }

    /// Keys whose columns can all be read, at both of their ends.
    fn add_keys(&mut self, rows: &[TextRow]) {
        let mut keys: Vec<Key> = Vec::new();
        for row in rows {
            let constraint = name(row, 0, 2);
            if keys.last().is_none_or(|key| key.constraint != constraint) {
                keys.push(Key {
                    table: name(row, 0, 1),
                    constraint,
                    kind: cell(row, 3).to_string(),
                    referenced: name(row, 4, 5),
                    columns: Vec::new(),
                });
            }
            if let Some(key) = keys.last_mut() {
                key.columns.push(cell(row, 6).to_string());
            }
        }
        let by_name: HashMap<&Name, &Key> = keys.iter().map(|key| (&key.constraint, key)).collect();
        for key in &keys {
            if !self.has_columns(key) {
                continue;
            }
            let referenced = by_name.get(&key.referenced).filter(|other| self.has_columns(other));
            let Some(table) = self.find(&key.table.0, &key.table.1) else { continue };
            match (key.kind.as_str(), referenced) {
                ("P", _) => table.primary_key.clone_from(&key.columns),
                ("U", _) => table.unique_keys.push(key.columns.clone()),
                ("R", Some(other)) => table.foreign_keys.push(ForeignKey {
                    columns: key.columns.clone(),
                    referenced_schema: other.table.0.clone(),
                    referenced_table: other.table.1.clone(),
                    referenced_columns: other.columns.clone(),
                }),
                _ => {}
            }
        }
    }

    fn has_columns(&self, key: &Key) -> bool {
        let table = self.places.get(&key.table).and_then(|place| self.found.get(*place));
        table.is_some_and(|table| {
            key.columns.iter().all(|name| table.columns.iter().any(|column| column.name == *name))
        })
    }

    /// A synonym is its table under another name, where that table is described.
    fn add_synonym(&mut self, row: &TextRow) {
        let (synonym, target) = (name(row, 0, 1), name(row, 2, 3));
        if self.places.contains_key(&synonym) {
            return;
        }
        let Some(table) = self.places.get(&target).and_then(|place| self.found.get(*place)) else {
            return;
        };
        let table = TableDescription {
            schema: synonym.0.clone(),
            name: synonym.1.clone(),
            ..table.clone()
        };
        self.places.insert(synonym, self.found.len());
        self.found.push(table);
    }

    fn sorted(mut self) -> Vec<TableDescription> {
        self.found.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        self.found
    }
}

struct Key {
    table: Name,
    constraint: Name,
    kind: String,
    referenced: Name,
    columns: Vec<String>,
}

fn native(row: &TextRow) -> NativeType {
    let number = |at: usize| cell(row, at).parse().ok();
    let collation = row.get(11).and_then(Option::as_deref);
    NativeType {
        name: cell(row, 3).to_string(),
        owner: row.get(4).cloned().flatten(),
        length: number(5).unwrap_or(0),
        precision: number(6),
        scale: number(7),
        characters: number(8).unwrap_or(0),
        in_characters: cell(row, 9) == "C",
        // A collation that says nothing of its own leaves the session's, which is binary.
        binary: matches!(collation, None | Some("USING_NLS_COMP" | "BINARY")),
    }
}

/// A column as discovery describes it; `None` where its values have no form here.
fn column(row: &TextRow, native: &NativeType) -> Option<ColumnDescription> {
    let Some(mapped) = types::map(native) else {
        let (table, column) = (cell(row, 1), cell(row, 2));
        let native = types::spelled(native);
        tracing::info!(table, column, native, "a column is left out: its type cannot be read");
        return None;
    };
    let collation = row.get(11).cloned().flatten();
    Some(ColumnDescription {
        name: cell(row, 2).to_string(),
        native_type: types::spelled(native),
        collation: collation.filter(|_| mapped.data_type == DataType::Utf8),
        data_type: mapped.data_type,
        nullable: cell(row, 10) != "N",
        comment: row.get(12).cloned().flatten(),
        class: mapped.class,
        read_as_text: mapped.read_as_text,
    })
}

fn cell(row: &TextRow, at: usize) -> &str {
    row.get(at).and_then(Option::as_deref).unwrap_or_default()
}

fn name(row: &TextRow, owner: usize, object: usize) -> Name {
    (cell(row, owner).to_string(), cell(row, object).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> TextRow {
        cells.iter().map(|cell| (!cell.is_empty()).then(|| cell.to_string())).collect()
    }

    fn number(owner: &str, table: &str, column: &str) -> TextRow {
        row(&[owner, table, column, "NUMBER", "", "22", "10", "0", "0", "", "N", "", ""])
    }

    fn answers() -> Answers {
        Answers {
            character_sets: vec![row(&["NLS_CHARACTERSET", "AL32UTF8"])],
            tables: vec![
                row(&["ERP", "M", "MATERIALIZED VIEW", "", "", ""]),
                row(&["ERP", "M", "TABLE", "", "7", "NO"]),
                row(&["ERP", "P", "TABLE", "Parts", "1000", "YES"]),
                row(&["ERP", "S", "TABLE", "", "", "NO"]),
                row(&["ERP", "X", "TABLE", "", "", "NO"]),
            ],
            columns: vec![
                number("ERP", "M", "ID"),
                number("ERP", "P", "A"),
                number("ERP", "P", "B"),
                number("ERP", "S", "A"),
                number("ERP", "S", "B"),
                row(&[
                    "ERP",
                    "X",
                    "SHAPE",
                    "SDO_GEOMETRY",
                    "MDSYS",
                    "1",
                    "",
                    "",
                    "",
                    "",
                    "Y",
                    "",
                    "",
                ]),
            ],
            keys: vec![
                row(&["ERP", "P", "P_PK", "P", "", "", "B"]),
                row(&["ERP", "P", "P_PK", "P", "", "", "A"]),
                row(&["ERP", "P", "P_U", "U", "", "", "A"]),
                row(&["ERP", "S", "S_FK", "R", "ERP", "P_PK", "A"]),
                row(&["ERP", "S", "S_FK", "R", "ERP", "P_PK", "B"]),
                row(&["ERP", "S", "S_X", "R", "HR", "X_PK", "A"]),
            ],
            synonyms: vec![
                row(&["ERP", "PARTS", "ERP", "P"]),
                row(&["ERP", "GONE", "HR", "X"]),
                row(&["ERP", "S", "ERP", "P"]),
            ],
        }
    }

    #[test]
    fn the_dictionary_becomes_tables() {
        let found = assemble(&answers());
        assert!(found.utf8);
        let names: Vec<&str> = found.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["M", "P", "PARTS", "S"]);
        assert_eq!(found.tables[0].kind, TableKind::MaterializedView);
        assert_eq!(found.tables[1].kind, TableKind::Partitioned);
        assert_eq!(found.tables[1].row_estimate, Some(1_000));
        assert_eq!(found.tables[1].comment.as_deref(), Some("Parts"));
        assert_eq!(found.tables[1].primary_key, ["B", "A"]);
        assert_eq!(found.tables[1].unique_keys, [["A"]]);
        assert_eq!(found.tables[2].columns.len(), 2);
        let keys = &found.tables[3].foreign_keys;
        assert_eq!(keys.len(), 1);
        assert_eq!(
            (&keys[0].columns[..], &keys[0].referenced_columns[..]),
            (&["A".to_string(), "B".to_string()][..], &["B".to_string(), "A".to_string()][..])
        );
    }

    #[test]
    fn schemas_are_bound() {
        assert_eq!(placeholders(&["A".into(), "B".into()]), ":1, :2");
        assert!(
            [TABLES, COLUMNS, KEYS, SYNONYMS].iter().all(|sql| sql.matches("$OWNERS").count() == 1)
        );
    }
}
