-- The catalog views, over PostgreSQL's catalog and what only T-SQL knows of a column.
SET search_path = tsql, pg_catalog;
CREATE SCHEMA sys;
CREATE SCHEMA dbo;
CREATE SCHEMA "INFORMATION_SCHEMA";
CREATE DOMAIN tsql.sysname AS tsql.nv(128) COLLATE tsql."SQL_Latin1_General_CP1_CI_AS";

CREATE TABLE tsql.types (name text, system_type_id int4, user_type_id int4, max_length int2, "precision" int2, scale int2);
CREATE TABLE tsql.columns (
  relation oid, attribute int2, native text, system_type_id int4, user_type_id int4, max_length int4, "precision" int4, scale int4,
  collation_name text, nullable bool, identity bool, computed bool, PRIMARY KEY (relation, attribute)
);
-- Tables whose primary key is not the order in which they are stored.
CREATE TABLE tsql.heaps (relation oid PRIMARY KEY);
CREATE TABLE tsql.properties (class int4, major int4, minor int4, name text, value text);
CREATE TABLE tsql.synonyms (id int4 GENERATED ALWAYS AS IDENTITY (START WITH 1900000000), schema text, name text, base text);

CREATE SEQUENCE tsql.versions START WITH 2001;

CREATE FUNCTION tsql.named(text) RETURNS tsql.sysname LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $1::tsql.nv::tsql.sysname$$;
CREATE FUNCTION tsql.flag(bool) RETURNS tsql.bit LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $1::tsql.bit$$;
-- Counted exactly, and by whoever asks.
CREATE FUNCTION tsql.row_count(oid) RETURNS int8 LANGUAGE plpgsql STABLE SECURITY DEFINER
AS $$
DECLARE counted int8;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s', $1::regclass) INTO counted;
  RETURN counted;
END $$;
-- Schemas of the user, and what in them the session may see.
CREATE VIEW tsql.spaces AS SELECT oid, nspname, CASE nspname WHEN 'dbo' THEN 1 WHEN 'INFORMATION_SCHEMA' THEN 3 WHEN 'sys' THEN 4 ELSE oid::int4 END AS id
  FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'tsql', 'public');
-- Functions, because their rows are kept while a statement runs, however often it looks at them.
CREATE FUNCTION tsql.visible_relations() RETURNS TABLE (oid oid, id int4, schema_id int4, nspname name, relname name, relkind "char") LANGUAGE plpgsql STABLE ROWS 50
AS $$
BEGIN
  RETURN QUERY SELECT c.oid, c.oid::int4, s.id, s.nspname, c.relname, c.relkind
    FROM pg_class c JOIN tsql.spaces s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v') AND s.nspname NOT IN ('sys', 'INFORMATION_SCHEMA') AND has_any_column_privilege(c.oid, 'SELECT')
      AND NOT EXISTS (SELECT FROM tsql.synonyms n WHERE n.schema = s.nspname AND n.name = c.relname);
END $$;
CREATE VIEW tsql.relations AS SELECT * FROM tsql.visible_relations();

CREATE VIEW sys.schemas AS SELECT named(nspname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, id AS schema_id, 1 AS principal_id FROM tsql.spaces;
CREATE VIEW sys.types AS SELECT named(name) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, system_type_id::tsql.tinyint AS system_type_id, user_type_id, 4 AS schema_id, max_length, "precision"::tsql.tinyint AS "precision", scale::tsql.tinyint AS scale,
    CASE WHEN name IN ('char', 'varchar', 'text', 'nchar', 'nvarchar', 'ntext', 'sysname') THEN named('SQL_Latin1_General_CP1_CI_AS') COLLATE "SQL_Latin1_General_CP1_CI_AS" END AS collation_name,
    tsql.flag(name <> 'sysname') AS is_nullable, tsql.flag(false) AS is_user_defined, tsql.flag(system_type_id = 240) AS is_assembly_type, tsql.flag(false) AS is_table_type
  FROM tsql.types;
CREATE VIEW sys.objects AS
  SELECT named(relname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, id AS object_id, NULL::int4 AS principal_id, schema_id, 0 AS parent_object_id,
    CASE relkind WHEN 'r' THEN 'U ' ELSE 'V ' END::tsql.vc(1000002) COLLATE tsql."SQL_Latin1_General_CP1_CI_AS" AS type,
    named(CASE relkind WHEN 'r' THEN 'USER_TABLE' ELSE 'VIEW' END) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS type_desc, timestamp(3) '2024-01-01' AS create_date, timestamp(3) '2024-01-01' AS modify_date, tsql.flag(false) AS is_ms_shipped
  FROM tsql.relations
  UNION ALL
  SELECT named(n.name) COLLATE "SQL_Latin1_General_CP1_CI_AS", n.id, NULL, s.id, 0, 'SN'::tsql.vc(1000002), named('SYNONYM') COLLATE "SQL_Latin1_General_CP1_CI_AS", timestamp(3) '2024-01-01', timestamp(3) '2024-01-01', tsql.flag(false)
  FROM tsql.synonyms n JOIN tsql.spaces s ON s.nspname = n.schema
  UNION ALL
  SELECT named(k.conname) COLLATE "SQL_Latin1_General_CP1_CI_AS", k.oid::int4, NULL, r.schema_id, r.id, CASE k.contype WHEN 'p' THEN 'PK' WHEN 'u' THEN 'UQ' WHEN 'f' THEN 'F ' ELSE 'C ' END::tsql.vc(1000002),
    named(CASE k.contype WHEN 'p' THEN 'PRIMARY_KEY_CONSTRAINT' WHEN 'u' THEN 'UNIQUE_CONSTRAINT' WHEN 'f' THEN 'FOREIGN_KEY_CONSTRAINT' ELSE 'CHECK_CONSTRAINT' END) COLLATE "SQL_Latin1_General_CP1_CI_AS", timestamp(3) '2024-01-01', timestamp(3) '2024-01-01', tsql.flag(false)
  FROM pg_constraint k JOIN tsql.relations r ON r.oid = k.conrelid;
CREATE VIEW sys.tables AS SELECT name, object_id, principal_id, schema_id, parent_object_id, type, type_desc, create_date, modify_date, is_ms_shipped,
    tsql.flag(false) AS is_external, tsql.flag(false) AS is_memory_optimized, 0::tsql.tinyint AS temporal_type, named('NON_TEMPORAL_TABLE') COLLATE "SQL_Latin1_General_CP1_CI_AS" AS temporal_type_desc, NULL::int4 AS history_table_id, tsql.flag(false) AS is_filetable
  FROM sys.objects WHERE type = 'U '::tsql.vc;
CREATE VIEW sys.views AS SELECT name, object_id, principal_id, schema_id, parent_object_id, type, type_desc, create_date, modify_date, is_ms_shipped FROM sys.objects WHERE type = 'V '::tsql.vc;
CREATE VIEW sys.synonyms AS SELECT named(n.name) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, n.id AS object_id, NULL::int4 AS principal_id, s.id AS schema_id, 0 AS parent_object_id, 'SN'::tsql.vc AS type, named('SYNONYM') COLLATE "SQL_Latin1_General_CP1_CI_AS" AS type_desc,
    tsql.flag(false) AS is_ms_shipped, n.base::tsql.nv(1035) COLLATE tsql."SQL_Latin1_General_CP1_CI_AS" AS base_object_name
  FROM tsql.synonyms n JOIN tsql.spaces s ON s.nspname = n.schema;
CREATE FUNCTION tsql.visible_columns() RETURNS TABLE (id int4, attname name, attnum int2, facts tsql.columns) LANGUAGE plpgsql STABLE ROWS 500
AS $$
BEGIN
  RETURN QUERY SELECT r.id, a.attname, a.attnum, m FROM tsql.relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN tsql.columns m ON m.relation = a.attrelid AND m.attribute = a.attnum;
END $$;
CREATE VIEW sys.columns AS SELECT v.id AS object_id, named(v.attname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, v.attnum::int4 AS column_id, (v.facts).system_type_id::tsql.tinyint AS system_type_id, (v.facts).user_type_id, (v.facts).max_length::int2 AS max_length,
    (v.facts)."precision"::tsql.tinyint AS "precision", (v.facts).scale::tsql.tinyint AS scale, named((v.facts).collation_name) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS collation_name, tsql.flag((v.facts).nullable) AS is_nullable, tsql.flag(true) AS is_ansi_padded,
    tsql.flag((v.facts).native = 'timestamp') AS is_rowguidcol, tsql.flag((v.facts).identity) AS is_identity, tsql.flag((v.facts).computed) AS is_computed, 0 AS default_object_id, tsql.flag(false) AS is_sparse, tsql.flag(false) AS is_hidden, tsql.flag(false) AS is_masked,
    NULL::int4 AS encryption_type, 0::tsql.tinyint AS generated_always_type
  FROM tsql.visible_columns() v;

CREATE FUNCTION tsql.visible_indices() RETURNS TABLE (id int4, schema_id int4, number int4, index_name name, indexrelid oid, indisunique bool, indisprimary bool, clustered bool, filtered bool, keys int2[], options int2[]) LANGUAGE plpgsql STABLE ROWS 50
AS $$
BEGIN
  RETURN QUERY SELECT r.id, r.schema_id,
      (row_number() OVER (PARTITION BY x.indrelid ORDER BY s.clustered DESC, x.indexrelid) + CASE WHEN bool_or(s.clustered) OVER (PARTITION BY x.indrelid) THEN 0 ELSE 1 END)::int4,
      i.relname, x.indexrelid, x.indisunique, x.indisprimary, s.clustered, x.indpred IS NOT NULL, x.indkey::int2[], x.indoption::int2[]
    FROM pg_index x JOIN tsql.relations r ON r.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
      CROSS JOIN LATERAL (SELECT x.indisprimary AND NOT EXISTS (SELECT FROM tsql.heaps h WHERE h.relation = x.indrelid) AS clustered) s;
END $$;
CREATE VIEW tsql.indices AS SELECT * FROM tsql.visible_indices();
CREATE VIEW sys.indexes AS
  SELECT id AS object_id, named(index_name) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, number AS index_id, CASE WHEN clustered THEN 1 ELSE 2 END::tsql.tinyint AS type, named(CASE WHEN clustered THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS type_desc,
    tsql.flag(indisunique) AS is_unique, tsql.flag(indisprimary) AS is_primary_key, tsql.flag(indisunique AND NOT indisprimary) AS is_unique_constraint, tsql.flag(false) AS is_disabled, tsql.flag(false) AS is_hypothetical, tsql.flag(filtered) AS has_filter
  FROM tsql.indices
  UNION ALL
  SELECT r.id, NULL::sysname COLLATE "SQL_Latin1_General_CP1_CI_AS", 0, 0::tsql.tinyint, named('HEAP') COLLATE "SQL_Latin1_General_CP1_CI_AS", tsql.flag(false), tsql.flag(false), tsql.flag(false), tsql.flag(false), tsql.flag(false), tsql.flag(false)
  FROM tsql.relations r WHERE r.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = r.oid AND x.indisprimary AND NOT EXISTS (SELECT FROM tsql.heaps h WHERE h.relation = r.oid));
CREATE VIEW sys.index_columns AS SELECT x.id AS object_id, x.number AS index_id, k.place::int4 AS index_column_id, k.attribute::int4 AS column_id, k.place::tsql.tinyint AS key_ordinal, 0::tsql.tinyint AS partition_ordinal,
    tsql.flag(x.options[k.place - 1] & 1 = 1) AS is_descending_key, tsql.flag(false) AS is_included_column
  FROM tsql.indices x CROSS JOIN LATERAL unnest(x.keys) WITH ORDINALITY k (attribute, place);
CREATE VIEW sys.key_constraints AS SELECT named(k.conname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, k.oid::int4 AS object_id, r.schema_id, r.id AS parent_object_id, CASE k.contype WHEN 'p' THEN 'PK' ELSE 'UQ' END::tsql.vc AS type,
    named(CASE k.contype WHEN 'p' THEN 'PRIMARY_KEY_CONSTRAINT' ELSE 'UNIQUE_CONSTRAINT' END) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS type_desc, x.number AS unique_index_id, tsql.flag(true) AS is_system_named
  FROM pg_constraint k JOIN tsql.relations r ON r.oid = k.conrelid JOIN tsql.indices x ON x.indexrelid = k.conindid WHERE k.contype IN ('p', 'u');
CREATE VIEW sys.foreign_keys AS SELECT named(k.conname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, k.oid::int4 AS object_id, r.schema_id, r.id AS parent_object_id, 'F '::tsql.vc AS type, k.confrelid::int4 AS referenced_object_id, 1 AS key_index_id,
    tsql.flag(false) AS is_disabled, tsql.flag(false) AS is_not_trusted, tsql.flag(false) AS is_ms_shipped
  FROM pg_constraint k JOIN tsql.relations r ON r.oid = k.conrelid WHERE k.contype = 'f';
CREATE VIEW sys.foreign_key_columns AS SELECT k.oid::int4 AS constraint_object_id, c.place::int4 AS constraint_column_id, k.conrelid::int4 AS parent_object_id, c.own::int4 AS parent_column_id, k.confrelid::int4 AS referenced_object_id, c.other::int4 AS referenced_column_id
  FROM pg_constraint k JOIN tsql.relations r ON r.oid = k.conrelid CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY c (own, other, place) WHERE k.contype = 'f';
CREATE VIEW sys.extended_properties AS SELECT p.class::tsql.tinyint AS class, named(CASE p.class WHEN 1 THEN 'OBJECT_OR_COLUMN' WHEN 3 THEN 'SCHEMA' ELSE 'DATABASE' END) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS class_desc, p.major AS major_id, p.minor AS minor_id, named(p.name) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, p.value::tsql.nv AS value
  FROM tsql.properties p WHERE p.class <> 1 OR EXISTS (SELECT FROM tsql.relations r WHERE r.id = p.major);
CREATE VIEW sys.partitions AS SELECT i.object_id::int8 AS partition_id, i.object_id, i.index_id, 1 AS partition_number, i.object_id::int8 AS hobt_id, CASE WHEN i.index_id < 2 THEN tsql.row_count(i.object_id::oid) ELSE 0 END AS rows, 0::tsql.tinyint AS data_compression
  FROM sys.indexes i;
CREATE VIEW sys.dm_db_partition_stats AS SELECT partition_id, object_id, index_id, partition_number, rows AS row_count FROM sys.partitions;
CREATE VIEW sys.databases AS SELECT named(name) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS name, id AS database_id, named('SQL_Latin1_General_CP1_CI_AS') COLLATE "SQL_Latin1_General_CP1_CI_AS" AS collation_name, 160::tsql.tinyint AS compatibility_level, tsql.flag(false) AS is_read_only,
    0::tsql.tinyint AS state, named('ONLINE') COLLATE "SQL_Latin1_General_CP1_CI_AS" AS state_desc, 0::tsql.tinyint AS snapshot_isolation_state, tsql.flag(false) AS is_read_committed_snapshot_on
  FROM (VALUES ('master', 1), (coalesce(nullif(current_setting('tsql.database', true), ''), 'celosia'), 5)) AS d (name, id);
CREATE VIEW sys.dm_exec_sessions AS SELECT (pid % 32768)::int2 AS session_id, named(coalesce(nullif(current_setting('tsql.login', true), ''), usename)) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS login_name, named(application_name) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS program_name,
    named(CASE state WHEN 'active' THEN 'running' ELSE 'sleeping' END) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS status, tsql.flag(usename LIKE 'tsql%') AS is_user_process
  FROM pg_stat_activity WHERE datname = current_database();
CREATE VIEW sys.dm_exec_requests AS SELECT session_id, 0 AS request_id, status FROM sys.dm_exec_sessions WHERE status = tsql.nv 'running';

CREATE VIEW "INFORMATION_SCHEMA"."TABLES" AS SELECT named(coalesce(nullif(current_setting('tsql.database', true), ''), 'celosia')) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS "TABLE_CATALOG", named(nspname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS "TABLE_SCHEMA", named(relname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS "TABLE_NAME",
    CASE relkind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END::tsql.vc(10) AS "TABLE_TYPE" FROM tsql.relations;
CREATE VIEW "INFORMATION_SCHEMA"."COLUMNS" AS SELECT named(coalesce(nullif(current_setting('tsql.database', true), ''), 'celosia')) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS "TABLE_CATALOG", named(r.nspname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS "TABLE_SCHEMA", named(r.relname) COLLATE "SQL_Latin1_General_CP1_CI_AS" AS "TABLE_NAME", c.name AS "COLUMN_NAME",
    c.column_id AS "ORDINAL_POSITION", CASE WHEN tsql.bit_int(c.is_nullable) = 1 THEN 'YES' ELSE 'NO' END::tsql.vc(3) AS "IS_NULLABLE", y.name AS "DATA_TYPE",
    CASE WHEN y.name::text IN ('nchar', 'nvarchar') AND c.max_length > 0 THEN c.max_length / 2 WHEN c.collation_name IS NOT NULL THEN c.max_length END::int4 AS "CHARACTER_MAXIMUM_LENGTH", c.collation_name AS "COLLATION_NAME"
  FROM tsql.relations r JOIN sys.columns c ON c.object_id = r.id JOIN sys.types y ON y.user_type_id = c.user_type_id;

-- Names.
CREATE FUNCTION tsql.parsename(tsql.nv, int4) RETURNS tsql.sysname LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE parts text[] := '{}'; part text COLLATE "C"; rest text COLLATE "C" := $1::text;
BEGIN
  WHILE rest <> '' LOOP
    part := (regexp_match(rest, '^(\[(?:[^]]|\]\])*\]|"(?:[^"]|"")*"|[^.]*)'))[1];
    rest := substr(rest, char_length(part) + 2);
    parts := CASE WHEN part LIKE '[%' THEN replace(substr(part, 2, char_length(part) - 2), ']]', ']') WHEN part LIKE '"%' THEN replace(substr(part, 2, char_length(part) - 2), '""', '"') ELSE part END || parts;
  END LOOP;
  RETURN nullif(parts[$2], '')::tsql.nv;
END $$;
-- The relation of a name, whoever may see it.
CREATE FUNCTION tsql.relation(text) RETURNS oid LANGUAGE plpgsql STABLE STRICT
AS $$
DECLARE wanted text COLLATE "C" := tsql.parsename($1, 1); space text COLLATE "C" := coalesce(tsql.parsename($1, 2)::text, 'dbo'); found oid;
BEGIN
  SELECT c.oid INTO found FROM pg_class c WHERE c.relname = wanted AND c.relkind IN ('r', 'v')
    AND c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE lower(n.nspname) = lower(space));
  IF found IS NULL THEN
    SELECT c.oid INTO found FROM pg_class c WHERE lower(c.relname) = lower(wanted) AND c.relkind IN ('r', 'v')
      AND c.relnamespace IN (SELECT n.oid FROM pg_namespace n WHERE lower(n.nspname) = lower(space));
  END IF;
  RETURN found;
END $$;
CREATE FUNCTION tsql.object_id(tsql.nv) RETURNS int4 LANGUAGE plpgsql STABLE STRICT
AS $$
DECLARE found oid := tsql.relation($1::text);
BEGIN
  IF found IS NOT NULL AND has_any_column_privilege(found, 'SELECT')
    AND NOT EXISTS (SELECT FROM tsql.synonyms n JOIN pg_class c ON c.oid = found JOIN pg_namespace s ON s.oid = c.relnamespace WHERE n.name = c.relname AND n.schema = s.nspname) THEN
    RETURN found::int4;
  END IF;
  RETURN (SELECT o.object_id FROM sys.objects o WHERE o.name = tsql.parsename($1, 1) AND o.schema_id = (SELECT s.schema_id FROM sys.schemas s WHERE s.name = coalesce(tsql.parsename($1, 2), tsql.named('dbo'))));
END $$;
CREATE FUNCTION tsql.object_id(tsql.nv, tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT
AS $$SELECT o.object_id FROM sys.objects o WHERE o.object_id = tsql.object_id($1) AND o.type::tsql.nv = $2$$;
CREATE FUNCTION tsql.object_name(int4) RETURNS tsql.sysname LANGUAGE sql STABLE STRICT AS $$SELECT name FROM sys.objects WHERE object_id = $1$$;
CREATE FUNCTION tsql.object_schema_name(int4) RETURNS tsql.sysname LANGUAGE sql STABLE STRICT AS $$SELECT s.name FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id WHERE object_id = $1$$;
CREATE FUNCTION tsql.schema_id() RETURNS int4 LANGUAGE sql STABLE AS $$SELECT 1$$;
CREATE FUNCTION tsql.schema_id(tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT AS $$SELECT schema_id FROM sys.schemas WHERE name = $1$$;
CREATE FUNCTION tsql.schema_name() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.named('dbo')$$;
CREATE FUNCTION tsql.schema_name(int4) RETURNS tsql.sysname LANGUAGE sql STABLE STRICT AS $$SELECT name FROM sys.schemas WHERE schema_id = $1$$;
CREATE FUNCTION tsql.type_name(int4) RETURNS tsql.sysname LANGUAGE sql STABLE STRICT AS $$SELECT name FROM sys.types WHERE user_type_id = $1$$;
CREATE FUNCTION tsql.type_id(tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT AS $$SELECT user_type_id FROM sys.types WHERE name = $1$$;
CREATE FUNCTION tsql.col_name(int4, int4) RETURNS tsql.sysname LANGUAGE sql STABLE STRICT AS $$SELECT name FROM sys.columns WHERE object_id = $1 AND column_id = $2$$;
CREATE FUNCTION tsql.columnproperty(int4, tsql.nv, tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT
AS $$SELECT CASE pg_catalog.lower($3::text) WHEN 'allowsnull' THEN tsql.bit_int(is_nullable) WHEN 'columnid' THEN column_id WHEN 'precision' THEN "precision"::int4 WHEN 'scale' THEN scale::int4
  WHEN 'isidentity' THEN tsql.bit_int(is_identity) WHEN 'iscomputed' THEN tsql.bit_int(is_computed) WHEN 'charmaxlen' THEN max_length::int4 END FROM sys.columns WHERE object_id = $1 AND name = $2$$;
CREATE FUNCTION tsql.objectproperty(int4, tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT
AS $$SELECT CASE pg_catalog.lower($2::text) WHEN 'istable' THEN (type = 'U '::tsql.vc)::int4 WHEN 'isview' THEN (type = 'V '::tsql.vc)::int4 WHEN 'ismsshipped' THEN 0 END FROM sys.objects WHERE object_id = $1$$;
-- The rights of PostgreSQL stand for those of the name.
CREATE FUNCTION tsql.has_perms_by_name(securable tsql.nv, class tsql.nv, permission tsql.nv, part tsql.nv, part_class tsql.nv) RETURNS int4 LANGUAGE plpgsql STABLE
AS $$
DECLARE wanted text COLLATE "C" := upper(permission::text); found oid; owns bool := current_user = 'tsql_loader';
BEGIN
  IF securable IS NULL THEN
    RETURN (wanted IN ('SELECT', 'CONNECT', 'VIEW DEFINITION') OR owns)::int4;
  END IF;
  found := tsql.object_id(securable)::oid;
  IF found IS NULL OR wanted NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES') THEN
    RETURN CASE WHEN found IS NOT NULL THEN (owns OR wanted = 'VIEW DEFINITION')::int4 END;
  ELSIF part IS NULL OR wanted = 'DELETE' THEN
    RETURN has_table_privilege(found, wanted)::int4;
  END IF;
  RETURN (SELECT has_column_privilege(found, a.attnum, wanted)::int4 FROM pg_attribute a WHERE a.attrelid = found AND lower(a.attname) = lower(part::text COLLATE "C"));
END $$;
CREATE FUNCTION tsql.has_perms_by_name(securable tsql.nv, class tsql.nv, permission tsql.nv) RETURNS int4 LANGUAGE sql STABLE AS $$SELECT tsql.has_perms_by_name($1, $2, $3, NULL, NULL)$$;
CREATE FUNCTION sys.fn_my_permissions(securable tsql.nv, class tsql.nv) RETURNS TABLE (entity_name tsql.sysname, subentity_name tsql.sysname, permission_name tsql.sysname) LANGUAGE sql STABLE
AS $$SELECT coalesce(tsql.named($1::text), tsql.named('database')), tsql.named(''), tsql.named(p) FROM unnest(ARRAY['CONNECT', 'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE TABLE', 'ALTER', 'CONTROL']) p
  WHERE p IN ('CONNECT', 'SELECT') OR current_user = 'tsql_loader'$$;

-- The server and the session.
CREATE FUNCTION tsql.setting(text, text) RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.named(coalesce(nullif(current_setting($1, true), ''), $2))$$;
CREATE FUNCTION tsql.db_name() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.setting('tsql.database', 'celosia')$$;
CREATE FUNCTION tsql.db_id() RETURNS int2 LANGUAGE sql STABLE AS $$SELECT 5::int2$$;
CREATE FUNCTION tsql.suser_sname() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.setting('tsql.login', 'reader')$$;
CREATE FUNCTION tsql.suser_name() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.setting('tsql.login', 'reader')$$;
CREATE FUNCTION tsql.original_login() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.setting('tsql.login', 'reader')$$;
CREATE FUNCTION tsql.user_name() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT CASE WHEN current_user = 'tsql_loader' THEN tsql.named('dbo') ELSE tsql.setting('tsql.login', 'reader') END$$;
CREATE FUNCTION tsql.host_name() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.named('localhost')$$;
CREATE FUNCTION tsql.app_name() RETURNS tsql.sysname LANGUAGE sql STABLE AS $$SELECT tsql.named(current_setting('application_name'))$$;
CREATE FUNCTION tsql.context_info() RETURNS bytea LANGUAGE sql STABLE AS $$SELECT decode(nullif(current_setting('tsql.context_info', true), ''), 'hex')$$;
CREATE FUNCTION tsql.is_srvrolemember(tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT AS $$SELECT CASE WHEN $1::text = 'public' THEN 1 ELSE 0 END$$;
CREATE FUNCTION tsql.is_rolemember(tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT
AS $$SELECT CASE WHEN $1::text IN ('public', 'db_datareader') THEN 1 WHEN $1::text IN ('db_owner', 'db_datawriter', 'db_ddladmin') THEN (current_user = 'tsql_loader')::int4 ELSE 0 END$$;
CREATE FUNCTION tsql.is_member(tsql.nv) RETURNS int4 LANGUAGE sql STABLE STRICT AS $$SELECT tsql.is_rolemember($1)$$;
CREATE FUNCTION tsql.serverproperty(tsql.nv) RETURNS tsql.nv LANGUAGE sql STABLE STRICT
AS $$SELECT CASE pg_catalog.lower($1::text) WHEN 'productversion' THEN '16.0.1000.6' WHEN 'productmajorversion' THEN '16' WHEN 'productlevel' THEN 'RTM' WHEN 'edition' THEN 'Developer Edition (64-bit)' WHEN 'engineedition' THEN '3'
  WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS' WHEN 'servername' THEN 'DOUBLE' WHEN 'machinename' THEN 'DOUBLE' WHEN 'isintegratedsecurityonly' THEN '0' END::tsql.nv$$;
CREATE FUNCTION tsql.databasepropertyex(tsql.nv, tsql.nv) RETURNS tsql.nv LANGUAGE sql STABLE STRICT
AS $$SELECT CASE pg_catalog.lower($2::text) WHEN 'collation' THEN 'SQL_Latin1_General_CP1_CI_AS' WHEN 'updateability' THEN 'READ_WRITE' WHEN 'status' THEN 'ONLINE' WHEN 'version' THEN '957' END::tsql.nv$$;
CREATE FUNCTION tsql.product() RETURNS tsql.nv LANGUAGE sql IMMUTABLE AS $$SELECT (E'Microsoft SQL Server 2022 (RTM) - 16.0.1000.6 (X64) \n\tOct  8 2022 05:58:25 \n\tA test double, Developer Edition (64-bit)')::tsql.nv$$;

GRANT USAGE ON SCHEMA tsql, sys, dbo, "INFORMATION_SCHEMA" TO tsql_reader, tsql_loader;
GRANT SELECT ON ALL TABLES IN SCHEMA tsql, sys, "INFORMATION_SCHEMA" TO tsql_reader, tsql_loader;
GRANT USAGE ON SEQUENCE tsql.versions TO tsql_loader;
GRANT USAGE ON SEQUENCE tsql.synonyms_id_seq TO tsql_loader;
GRANT INSERT, UPDATE, DELETE ON tsql.columns, tsql.heaps, tsql.properties, tsql.synonyms TO tsql_loader;
ALTER SCHEMA dbo OWNER TO tsql_loader;
GRANT CREATE ON SCHEMA tsql TO tsql_loader;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO tsql_loader', current_database()); END $$;
ALTER DEFAULT PRIVILEGES FOR ROLE tsql_loader GRANT SELECT ON TABLES TO tsql_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE tsql_loader GRANT USAGE ON SCHEMAS TO tsql_reader;
