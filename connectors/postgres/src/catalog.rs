//! Discovery: what the login may read, in four catalog queries however many tables there are.

use crate::lease::Lease;
use crate::types::{self, NativeType};
use celosia_connector_api::{
    ColumnDescription, ConnectorError, ForeignKey, SourceDescription, TableDescription, TableKind,
};
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Row, postgres::PgRow};
use std::collections::HashMap;

const SERVER: &str = "SELECT version(), getdatabaseencoding() = 'UTF8', cardinality($1::text[])";

/// Relations that the login can read something of. A partition is part of its parent.
const READABLE: &str = "\
    c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't' \
    AND CASE WHEN cardinality($1::text[]) > 0 THEN n.nspname = ANY($1::text[]) \
        ELSE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' END \
    AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')";

/// Before version 14 an estimate of zero over no pages means that nobody has counted.
const TABLES: &str = "\
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, \
      obj_description(c.oid, 'pg_class'), \
      CASE WHEN c.relkind IN ('r', 'm', 'f') AND c.reltuples >= 0 \
             AND (c.relpages > 0 OR current_setting('server_version_num')::int >= 140000) \
           THEN c.reltuples::float8 \
           WHEN c.relkind = 'p' THEN (SELECT sum(l.reltuples::float8) \
             FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid \
             WHERE t.isleaf AND l.reltuples >= 0) END \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE $READABLE ORDER BY n.nspname, c.relname";

/// A domain stands for its base type with the innermost domain's modifier.
const COLUMNS: &str = "\
    WITH RECURSIVE unfolded(id, base, modifier) AS ( \
      SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd' \
      UNION ALL \
      SELECT u.id, t.typbasetype, t.typtypmod \
      FROM unfolded u JOIN pg_type t ON t.oid = u.base WHERE t.typtype = 'd'), \
    resolved AS ( \
      SELECT u.* FROM unfolded u JOIN pg_type t ON t.oid = u.base WHERE t.typtype <> 'd') \
    SELECT a.attrelid, a.attname::text, a.attnotnull, \
      format_type(coalesce(r.base, a.atttypid), coalesce(r.modifier, a.atttypmod)), \
      coalesce(r.base, a.atttypid), coalesce(r.modifier, a.atttypmod), \
      coalesce(l.collisdeterministic, true), a.attcollation, \
      col_description(a.attrelid, a.attnum), \
      EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum \
        AND i.indisvalid AND i.indpred IS NULL) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
      LEFT JOIN resolved r ON r.id = a.atttypid \
      LEFT JOIN pg_collation l ON l.oid = a.attcollation \
    WHERE $READABLE AND has_column_privilege(c.oid, a.attnum, 'SELECT') \
    ORDER BY a.attrelid, a.attnum";

/// A unique index is a key where it is over columns alone and over every row.
const KEYS: &str = "\
    SELECT k.conrelid, k.contype::text, k.confrelid, \
      ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(n, i) \
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.i), \
      ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(n, i) \
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.i) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      JOIN pg_constraint k ON k.conrelid = c.oid \
    WHERE $READABLE AND k.contype IN ('p', 'f') AND k.conparentid = 0 \
    UNION ALL \
    SELECT i.indrelid, 'u', 0::oid, \
      ARRAY(SELECT a.attname::text \
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(n, i) \
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.n \
        WHERE u.i <= i.indnkeyatts ORDER BY u.i), \
      ARRAY[]::text[] \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      JOIN pg_index i ON i.indrelid = c.oid \
    WHERE $READABLE AND i.indisunique AND NOT i.indisprimary AND i.indisvalid AND i.indisready \
      AND i.indpred IS NULL AND i.indexprs IS NULL \
    ORDER BY 1, 2, 4";

/// The collation of a column that has one of its own, by the number the server knows it by.
fn collation(row: &PgRow) -> Result<Option<String>, sqlx::Error> {
    let collation: Oid = row.try_get(7)?;
    Ok((!matches!(collation.0, 0 | DEFAULT_COLLATION)).then(|| collation.0.to_string()))
}

/// The collation that every text column has unless its table says otherwise.
const DEFAULT_COLLATION: u32 = 100;

/// Reads the catalog and gives the lease back.
pub(crate) async fn describe(
    mut lease: Lease,
    schemas: &[String],
) -> Result<SourceDescription, ConnectorError> {
    let mut answers = Vec::with_capacity(4);
    for sql in [SERVER, TABLES, COLUMNS, KEYS] {
        let sql = sql.replace("$READABLE", READABLE);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(schemas).persistent(false);
        match query.fetch_all(lease.connection()?).await {
            Ok(rows) => answers.push(rows),
            Err(error) => return Err(lease.failed(error, "reading the catalog").await),
        }
    }
    match assemble(&answers) {
        Ok(description) => {
            lease.finish();
            Ok(description)
        }
        Err(error) => Err(lease.failed(error, "reading the catalog").await),
    }
}

fn assemble(answers: &[Vec<PgRow>]) -> Result<SourceDescription, sqlx::Error> {
    let [server, tables, columns, keys] = answers else { return Ok(SourceDescription::default()) };
    let server = server.first().ok_or(sqlx::Error::RowNotFound)?;
    let is_utf8: bool = server.try_get(1)?;
    let mut found = Found { tables: Vec::with_capacity(tables.len()), places: HashMap::new() };
    for row in tables {
        found.places.insert(row.try_get(0)?, found.tables.len());
        found.tables.push(table(row)?);
    }
    let mut collations = HashMap::new();
    for row in columns {
        let relation: Oid = row.try_get(0)?;
        let Some(place) = found.places.get(&relation) else { continue };
        let comparable = comparable(row, collations.entry(relation).or_insert(None))?;
        let table = &mut found.tables[*place];
        table.columns.push(column(row, is_utf8 && comparable)?);
        if row.try_get(9)? {
            table.indexed.push(row.try_get(1)?);
        }
    }
    for row in keys {
        found.add_key(row)?;
    }
    Ok(SourceDescription { server: server.try_get(0)?, tables: found.tables })
}

struct Found {
    tables: Vec<TableDescription>,
    places: HashMap<Oid, usize>,
}

impl Found {
    /// Adds a key whose columns can all be read, at both of its ends.
    fn add_key(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let Some(place) = self.places.get(&row.try_get(0)?).copied() else { return Ok(()) };
        let columns: Vec<String> = row.try_get(3)?;
        if !has_columns(&self.tables[place], &columns) {
            return Ok(());
        }
        match row.try_get(1)? {
            "p" => {
                self.tables[place].primary_key = columns;
                return Ok(());
            }
            "u" => {
                self.tables[place].unique_keys.push(columns);
                return Ok(());
            }
            _ => {}
        }
        let Some(referenced) = self.places.get(&row.try_get(2)?) else { return Ok(()) };
        let referenced = &self.tables[*referenced];
        let referenced_columns: Vec<String> = row.try_get(4)?;
        if has_columns(referenced, &referenced_columns) {
            let key = ForeignKey {
                columns,
                referenced_schema: referenced.schema.clone(),
                referenced_table: referenced.name.clone(),
                referenced_columns,
            };
            self.tables[place].foreign_keys.push(key);
        }
        Ok(())
    }
}

fn has_columns(table: &TableDescription, names: &[String]) -> bool {
    names.iter().all(|name| table.columns.iter().any(|column| column.name == *name))
}

fn table(row: &PgRow) -> Result<TableDescription, sqlx::Error> {
    let kind: &str = row.try_get(3)?;
    let estimate: Option<f64> = row.try_get(5)?;
    Ok(TableDescription {
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
        kind: match kind {
            "v" => TableKind::View,
            "m" => TableKind::MaterializedView,
            "p" => TableKind::Partitioned,
            "f" => TableKind::Foreign,
            _ => TableKind::Table,
        },
        comment: row.try_get(4)?,
        // Never negative and far below 2^63.
        row_estimate: estimate.map(|rows| rows as u64),
        ..TableDescription::default()
    })
}

fn column(row: &PgRow, exact_text: bool) -> Result<ColumnDescription, sqlx::Error> {
    let not_null: bool = row.try_get(2)?;
    let oid: Oid = row.try_get(4)?;
    let mapped = types::map(NativeType { oid: oid.0, modifier: row.try_get(5)?, exact_text });
    Ok(ColumnDescription {
        name: row.try_get(1)?,
        native_type: row.try_get(3)?,
        data_type: mapped.data_type,
        nullable: !not_null,
        comment: row.try_get(8)?,
        class: mapped.class,
        collation: collation(row)?,
        read_as_text: mapped.read_as_text,
    })
}

/// Whether the column's text can be compared by bytes, also with the table's other columns: the
/// server refuses to compare two columns of different collations, so a table has one besides the
/// default.
fn comparable(row: &PgRow, special: &mut Option<Oid>) -> Result<bool, sqlx::Error> {
    let deterministic: bool = row.try_get(6)?;
    let collation: Oid = row.try_get(7)?;
    if !deterministic || matches!(collation.0, 0 | DEFAULT_COLLATION) {
        return Ok(deterministic);
    }
    Ok(*special.get_or_insert(collation) == collation)
}
