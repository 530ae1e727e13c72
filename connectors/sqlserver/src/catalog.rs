//! Discovery: what the login may read, in seven catalog queries however many tables there are.

use crate::catalog_rows::{Found, Record, Server};
use crate::connection::Lease;
use crate::stream;
use celosia_connector_api::{ConnectorError, SourceDescription, Value};

const SERVER: &str = "\
    SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version, \
      CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition, \
      CAST(DB_NAME() AS nvarchar(128)) AS name, \
      CAST(@@VERSION AS nvarchar(4000)) AS product";

/// Objects of the schemas that were asked for, and what synonyms there point to.
const READABLE: &str = "o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND ($SCHEMAS)";
const TARGETS: &str = "\
    o.object_id IN (SELECT OBJECT_ID(n.base_object_name) FROM sys.synonyms n \
      JOIN sys.schemas s2 ON s2.schema_id = n.schema_id WHERE s2.name IN ($NAMES))";

/// A view with rows of its own is an indexed one.
const TABLES: &str = "\
    SELECT o.object_id, s.name AS schema_name, o.name AS object_name, o.type, \
      CAST(e.value AS nvarchar(4000)) AS comment, p.row_count, p.partition_count, t.is_external \
    FROM sys.objects o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id \
      LEFT JOIN sys.tables t ON t.object_id = o.object_id \
      LEFT JOIN (SELECT r.object_id, SUM(r.rows) AS row_count, COUNT(*) AS partition_count \
        FROM sys.partitions r WHERE r.index_id IN (0, 1) GROUP BY r.object_id) p \
        ON p.object_id = o.object_id \
      LEFT JOIN sys.extended_properties e ON e.class = 1 AND e.major_id = o.object_id \
        AND e.minor_id = 0 AND e.name = N'MS_Description' \
    WHERE $READABLE";

/// An alias type stands for its base type; a type of the CLR has none and keeps its own name. Hidden
/// columns are those that `SELECT *` leaves out.
const COLUMNS: &str = "\
    SELECT c.object_id, c.column_id, c.name AS column_name, COALESCE(b.name, y.name) AS type_name, \
      y.is_assembly_type, c.max_length, c.precision, c.scale, c.collation_name, c.is_nullable, \
      c.encryption_type, CAST(e.value AS nvarchar(4000)) AS comment \
    FROM sys.objects o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id \
      JOIN sys.columns c ON c.object_id = o.object_id \
      JOIN sys.types y ON y.user_type_id = c.user_type_id \
      LEFT JOIN sys.types b ON b.user_type_id = c.system_type_id \
      LEFT JOIN sys.extended_properties e ON e.class = 1 AND e.major_id = c.object_id \
        AND e.minor_id = c.column_id AND e.name = N'MS_Description' \
    WHERE $READABLE AND c.is_hidden = 0 \
      AND HAS_PERMS_BY_NAME(CONCAT(QUOTENAME(s.name), N'.', QUOTENAME(o.name)), 'OBJECT', \
        'SELECT', c.name, 'COLUMN') = 1 \
    ORDER BY c.object_id, c.column_id";

const PRIMARY_KEYS: &str = "\
    SELECT i.object_id, k.key_ordinal, c.name AS column_name \
    FROM sys.objects o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id \
      JOIN sys.indexes i ON i.object_id = o.object_id AND i.is_primary_key = 1 \
      JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id \
      JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id \
    WHERE $READABLE AND k.key_ordinal > 0 \
    ORDER BY i.object_id, k.key_ordinal";

/// A unique index over every row is a key.
const UNIQUE_KEYS: &str = "\
    SELECT i.object_id, i.index_id, c.name AS column_name \
    FROM sys.objects o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id \
      JOIN sys.indexes i ON i.object_id = o.object_id AND i.is_unique = 1 \
        AND i.is_primary_key = 0 AND i.has_filter = 0 AND i.is_disabled = 0 \
      JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id \
      JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id \
    WHERE $READABLE AND k.key_ordinal > 0 \
    ORDER BY i.object_id, i.index_id, k.key_ordinal";

const FOREIGN_KEYS: &str = "\
    SELECT f.parent_object_id, f.object_id, f.referenced_object_id, \
      pc.name AS column_name, rc.name AS referenced_name \
    FROM sys.objects o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id \
      JOIN sys.foreign_keys f ON f.parent_object_id = o.object_id \
      JOIN sys.foreign_key_columns k ON k.constraint_object_id = f.object_id \
      JOIN sys.columns pc ON pc.object_id = k.parent_object_id AND pc.column_id = k.parent_column_id \
      JOIN sys.columns rc ON rc.object_id = k.referenced_object_id \
        AND rc.column_id = k.referenced_column_id \
    WHERE $READABLE \
    ORDER BY f.parent_object_id, f.name, k.constraint_column_id";

/// Synonyms of this database only: another one's catalog is not ours to read.
const SYNONYMS: &str = "\
    SELECT OBJECT_ID(o.base_object_name) AS object_id, s.name AS schema_name, o.name AS object_name \
    FROM sys.synonyms o \
      JOIN sys.schemas s ON s.schema_id = o.schema_id \
    WHERE ($SCHEMAS) AND PARSENAME(o.base_object_name, 4) IS NULL \
      AND ISNULL(PARSENAME(o.base_object_name, 3), DB_NAME()) = DB_NAME()";

/// What is read, and what it is called in an error.
const QUERIES: [(&str, &str); 7] = [
    ("version", SERVER),
    ("tables", TABLES),
    ("columns", COLUMNS),
    ("primary keys", PRIMARY_KEYS),
    ("unique keys", UNIQUE_KEYS),
    ("foreign keys", FOREIGN_KEYS),
    ("synonyms", SYNONYMS),
];

/// Reads the catalog and gives the lease back.
pub(crate) async fn describe(
    mut lease: Lease,
    schemas: &[String],
) -> Result<SourceDescription, ConnectorError> {
    let parameters: Vec<Value> = schemas.iter().map(|name| Value::Text(name.clone())).collect();
    let mut answers: Vec<Vec<Record>> = Vec::with_capacity(QUERIES.len());
    for (what, sql) in QUERIES {
        let parameters = if sql == SERVER { &[][..] } else { &parameters };
        match stream::records(&mut lease, narrowed(sql, schemas.len()), parameters).await {
            Ok(rows) => answers.push(rows),
            Err(error) => return Err(lease.failed(error, &format!("reading the catalog's {what}"))),
        }
    }
    lease.finish();
    let [server, tables, columns, primary, unique, foreign, synonyms] = &answers[..] else {
        return Ok(SourceDescription::default());
    };
    let mut found = Found::new(tables, schemas);
    found.add_columns(columns);
    found.add_primary_keys(primary);
    found.add_unique_keys(unique);
    found.add_foreign_keys(foreign);
    found.add_synonyms(synonyms);
    Ok(SourceDescription { server: Server::of(server).text(), tables: found.tables() })
}

/// The query for the schemas that were asked for, each of them a parameter; all but the system's
/// where none were.
fn narrowed(sql: &str, schemas: usize) -> String {
    let names: Vec<String> = (1..=schemas).map(|position| format!("@P{position}")).collect();
    let names = names.join(", ");
    let targets = TARGETS.replace("$NAMES", &names);
    let (readable, synonyms) = if schemas == 0 {
        let all = "s.name NOT IN (N'sys', N'INFORMATION_SCHEMA')".to_string();
        (all.clone(), all)
    } else {
        (format!("s.name IN ({names}) OR {targets}"), format!("s.name IN ({names})"))
    };
    sql.replace("$READABLE", &READABLE.replace("$SCHEMAS", &readable))
        .replace("$SCHEMAS", &synonyms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_parameters() {
        let sql = narrowed(SYNONYMS, 2);
        assert!(sql.contains("(s.name IN (@P1, @P2)) AND PARSENAME"), "{sql}");
        let sql = narrowed(PRIMARY_KEYS, 1);
        assert!(sql.contains("(s.name IN (@P1) OR o.object_id IN (SELECT"), "{sql}");
        assert!(narrowed(TABLES, 0).contains("(s.name NOT IN (N'sys', N'INFORMATION_SCHEMA'))"));
        for (_, sql) in QUERIES {
            assert!(!narrowed(sql, 3).contains('$'), "{sql}");
        }
    }
}
