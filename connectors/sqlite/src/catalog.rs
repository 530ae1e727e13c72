//! Discovery: six statements, whatever the number of tables, and a few more for each broken view.

use crate::connection::fetch_all;
use crate::error::classify;
use crate::sessions::Sessions;
use crate::types::column_type;
use celosia_connector_api::{
    ColumnDescription, ConnectorError, ErrorCode, ForeignKey, OperandClass, SourceDescription,
    TableDescription, TableKind,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::collections::HashMap;
use std::sync::Arc;

/// The only schema: what is attached elsewhere is not read.
const SCHEMA: &str = "main";

/// Whether the planner has kept statistics. Text compares by bytes in UTF-8 only.
const DATABASE: &str = "SELECT sqlite_version(), (SELECT encoding FROM pragma_encoding), \
     EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1')";

/// Shadow tables belong to a virtual table and are not read on their own.
const NAMES: &str = "SELECT name FROM pragma_table_list WHERE schema = 'main' \
     AND type IN ('table', 'view', 'virtual') AND substr(name, 1, 7) <> 'sqlite_'";

/// The columns of the tables that a JSON array names; those of a virtual table that its module hides
/// are left out. A view that is broken fails the whole statement. A column of the primary key of a rowid table may be NULL unless the column is the rowid itself; then no
/// index stands for the key.
const COLUMNS: &str = "SELECT t.name, t.type, c.name, c.type, \
     c.\"notnull\" <> 0 OR (c.pk = 1 AND t.type = 'table' AND upper(c.type) = 'INTEGER' \
     AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name, 'main') i WHERE i.origin = 'pk')), \
     c.pk, t.type = 'table' AND t.wr = 0 \
     FROM pragma_table_list t JOIN pragma_table_xinfo(t.name, 'main') c \
     WHERE t.schema = 'main' AND t.name IN (SELECT value FROM json_each(?1)) AND c.hidden <> 1 \
     ORDER BY t.name, c.cid";

const FOREIGN_KEYS: &str = "SELECT t.name, k.id, k.\"table\", k.\"from\", k.\"to\" \
     FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name, 'main') k \
     WHERE t.schema = 'main' AND t.type = 'table' \
     ORDER BY t.name, k.id DESC, k.seq";

/// A unique index is a key where it is over columns alone and over every row.
const UNIQUE_KEYS: &str = "SELECT t.name, i.name, c.name \
     FROM pragma_table_list t JOIN pragma_index_list(t.name, 'main') i \
     JOIN pragma_index_info(i.name, 'main') c \
     WHERE t.schema = 'main' AND t.type = 'table' AND i.\"unique\" <> 0 AND i.partial = 0 \
     AND i.origin <> 'pk' ORDER BY t.name, i.name, c.seqno";

/// The first number of a statistic is the rows of the table, or of a partial index.
const ESTIMATES: &str = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl";

/// Tables, views, columns, keys.
pub(crate) async fn describe(
    sessions: &Arc<Sessions>,
) -> Result<SourceDescription, ConnectorError> {
    let database = fetch_all(sessions, DATABASE, None).await?;
    let (mut version, mut utf8, mut analyzed) = (String::new(), true, false);
    for row in &database {
        version = get(row, 0)?;
        utf8 = get::<String>(row, 1)? == "UTF-8";
        analyzed = get(row, 2)?;
    }
    let mut tables = Vec::new();
    for rows in columns(sessions).await? {
        add_tables(&mut tables, &rows, utf8)?;
    }
    tables.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    add_foreign_keys(&mut tables, &fetch_all(sessions, FOREIGN_KEYS, None).await?)?;
    add_unique_keys(&mut tables, &fetch_all(sessions, UNIQUE_KEYS, None).await?)?;
    if analyzed {
        let estimates = fetch_all(sessions, ESTIMATES, None).await?;
        let estimates = estimates.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?)));
        let estimates = estimates.collect::<Result<HashMap<String, i64>, ConnectorError>>()?;
        for table in &mut tables {
            let rows = estimates.get(&table.name).copied();
            table.row_estimate = rows.and_then(|rows| u64::try_from(rows).ok());
        }
    }
    Ok(SourceDescription { server: format!("SQLite {version}"), tables })
}

/// The columns of every table. Where one of them fails (a view over what is gone, a virtual table
/// whose module is missing) the others are found by halves; it is left out.
async fn columns(sessions: &Arc<Sessions>) -> Result<Vec<Vec<SqliteRow>>, ConnectorError> {
    let names = fetch_all(sessions, NAMES, None).await?;
    let names = names.iter().map(|row| get(row, 0)).collect::<Result<Vec<String>, _>>()?;
    let mut groups = vec![names];
    let mut found = Vec::new();
    while let Some(mut group) = groups.pop() {
        match fetch_all(sessions, COLUMNS, Some(json_array(&group))).await {
            Ok(rows) => found.push(rows),
            Err(error) if is_broken(&error) && group.len() > 1 => {
                groups.push(group.split_off(group.len() / 2));
                groups.push(group);
            }
            Err(error) if is_broken(&error) => {
                tracing::warn!(context = %error.context, "a table or view cannot be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn is_broken(error: &ConnectorError) -> bool {
    matches!(error.code, ErrorCode::QueryFailed | ErrorCode::CatalogOutdated)
}

fn json_array(names: &[String]) -> String {
    let quoted = names.iter().map(|name| {
        let escaped = name.chars().map(|character| match character {
            '"' | '\\' => format!("\\{character}"),
            control if control < ' ' => format!("\\u{:04x}", u32::from(control)),
            plain => plain.to_string(),
        });
        format!("\"{}\"", escaped.collect::<String>())
    });
    format!("[{}]", quoted.collect::<Vec<_>>().join(","))
}

/// Adds the tables of some rows, which are in the order of tables and columns.
fn add_tables(
    tables: &mut Vec<TableDescription>,
    rows: &[SqliteRow],
    utf8: bool,
) -> Result<(), ConnectorError> {
    let known = tables.len();
    let mut keys: Vec<Vec<(i64, String)>> = Vec::new();
    for row in rows {
        let table: String = get(row, 0)?;
        if tables.last().is_none_or(|last| last.name != table) {
            let view = get::<String>(row, 1)? == "view";
            let kind = if view { TableKind::View } else { TableKind::Table };
            let schema = SCHEMA.to_string();
            let stored_order = get::<bool>(row, 6)?.then(String::new);
            tables.push(TableDescription {
                schema,
                name: table,
                kind,
                stored_order,
                ..Default::default()
            });
            keys.push(Vec::new());
        }
        let (name, native_type): (String, String) = (get(row, 2)?, get(row, 3)?);
        let (not_null, key): (bool, i64) = (get(row, 4)?, get(row, 5)?);
        if let (Some(table), Some(keys)) = (tables.last_mut(), keys.last_mut()) {
            if key > 0 {
                keys.push((key, name.clone()));
            }
            table.columns.push(column(name, native_type, !not_null, utf8));
        }
    }
    for (table, mut key) in tables.iter_mut().skip(known).zip(keys) {
        key.sort_unstable();
        table.primary_key = key.into_iter().map(|(_, name)| name).collect();
        table.stored_order = table.stored_order.take().and_then(|_| row_number(&table.columns));
    }
    Ok(())
}

/// A name of the number by which a table keeps its rows, where no column has taken all of them.
fn row_number(columns: &[ColumnDescription]) -> Option<String> {
    let free = |name: &&str| columns.iter().all(|column| !column.name.eq_ignore_ascii_case(name));
    ["rowid", "_rowid_", "oid"].into_iter().find(free).map(String::from)
}

fn column(name: String, native_type: String, nullable: bool, utf8: bool) -> ColumnDescription {
    let known = column_type(&native_type);
    let loose = known.class == OperandClass::Text && !utf8;
    ColumnDescription {
        name,
        native_type,
        data_type: known.data_type,
        nullable,
        comment: None,
        class: if loose { OperandClass::Opaque } else { known.class },
        collation: None,
        read_as_text: known.read_as_text,
    }
}

/// Adds the unique keys; an expression in an index has no name.
fn add_unique_keys(
    tables: &mut [TableDescription],
    rows: &[SqliteRow],
) -> Result<(), ConnectorError> {
    struct Found {
        index: (String, String),
        columns: Option<Vec<String>>,
    }
    let mut found: Vec<Found> = Vec::new();
    for row in rows {
        let index = (get(row, 0)?, get(row, 1)?);
        let column: Option<String> = get(row, 2)?;
        match found.last_mut() {
            Some(last) if last.index == index => {
                last.columns = last.columns.take().zip(column).map(|(mut columns, column)| {
                    columns.push(column);
                    columns
                });
            }
            _ => found.push(Found { index, columns: column.map(|column| vec![column]) }),
        }
    }
    for Found { index: (name, _), columns } in found {
        let table = tables.iter_mut().find(|table| table.name == name);
        if let (Some(table), Some(columns)) = (table, columns) {
            table.unique_keys.push(columns);
        }
    }
    Ok(())
}

/// Adds the keys whose parent exists, under the names the parent was created with.
fn add_foreign_keys(
    tables: &mut [TableDescription],
    rows: &[SqliteRow],
) -> Result<(), ConnectorError> {
    struct Found {
        child: String,
        id: i64,
        parent: String,
        pairs: Vec<(String, Option<String>)>,
    }
    let mut found: Vec<Found> = Vec::new();
    for row in rows {
        let (child, id): (String, i64) = (get(row, 0)?, get(row, 1)?);
        let pair = (get::<String>(row, 3)?, get::<Option<String>>(row, 4)?);
        match found.last_mut() {
            Some(last) if last.child == child && last.id == id => last.pairs.push(pair),
            _ => found.push(Found { child, id, parent: get(row, 2)?, pairs: vec![pair] }),
        }
    }
    for Found { child, parent, pairs, .. } in found {
        let Some(parent) = tables.iter().find(|t| t.name.eq_ignore_ascii_case(&parent)) else {
            continue;
        };
        let named: Option<Vec<String>> = pairs.iter().map(|(_, to)| to.clone()).collect();
        let referenced = named.unwrap_or_else(|| parent.primary_key.clone());
        let stored: Option<Vec<String>> = referenced
            .iter()
            .map(|name| parent.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)))
            .map(|column| column.map(|column| column.name.clone()))
            .collect();
        let Some(referenced_columns) = stored.filter(|names| names.len() == pairs.len()) else {
            continue;
        };
        let key = ForeignKey {
            columns: pairs.into_iter().map(|(from, _)| from).collect(),
            referenced_schema: SCHEMA.to_string(),
            referenced_table: parent.name.clone(),
            referenced_columns,
        };
        if let Some(child) = tables.iter_mut().find(|t| t.name == child) {
            child.foreign_keys.push(key);
        }
    }
    Ok(())
}

fn get<'r, T>(row: &'r SqliteRow, index: usize) -> Result<T, ConnectorError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(index).map_err(|error| classify(error, "reading the catalog"))
}
