//! Discovery: what the login may read, in five dictionary queries however many tables there are.

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
