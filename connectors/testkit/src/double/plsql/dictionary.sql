-- The tables that keep what was declared, and Oracle's dictionary over them.
CREATE TABLE registry.objects (
  owner text, name text, kind text, table_oid oid, number serial, comments text, num_rows numeric,
  created timestamp(0) DEFAULT now(), row_movement text DEFAULT 'DISABLED', PRIMARY KEY (owner, name));
CREATE TABLE registry.columns (
  owner text, table_name text, column_id integer, column_name text, native text, data_type text, data_length numeric,
  data_precision numeric, data_scale numeric, char_length numeric, char_used text, nullable text, collation_name text,
  data_default text, comments text, PRIMARY KEY (owner, table_name, column_name));
CREATE TABLE registry.constraints (
  owner text, name text, kind text, table_name text, r_owner text, r_name text, search_condition text,
  PRIMARY KEY (owner, name));
CREATE TABLE registry.constraint_columns (owner text, name text, table_name text, column_name text, position integer);
CREATE TABLE registry.indexes (owner text, name text, table_owner text, table_name text, uniqueness text, columns text[]);
CREATE TABLE registry.users (name text PRIMARY KEY, number serial, maintained text DEFAULT 'N', created timestamp(0) DEFAULT now());
CREATE TABLE registry.synonyms (owner text, name text, table_owner text, table_name text, db_link text, PRIMARY KEY (owner, name));
CREATE TABLE registry.hidden (reader text, owner text, name text, PRIMARY KEY (reader, owner, name));
CREATE TABLE registry.release (version text, banner text, product text);
INSERT INTO registry.users VALUES ('SYS', DEFAULT, 'Y'), ('SYSTEM', DEFAULT, 'Y'), ('PUBLIC', DEFAULT, 'Y');

-- What the session's user may see.
CREATE VIEW registry.seen AS
  SELECT o.* FROM registry.objects o
  WHERE NOT EXISTS (SELECT FROM registry.hidden h
    WHERE h.reader = current_setting('ora.user', true) AND h.owner = o.owner AND h.name IN (o.name, '%'));

CREATE VIEW "SYS"."DUAL" AS SELECT 'X'::varchar(1) AS "DUMMY";
CREATE VIEW "SYS"."ALL_USERS" AS
  SELECT name::varchar(128) "USERNAME", number::numeric "USER_ID", created::ora.odate "CREATED", 'NO'::varchar(3) "COMMON",
    maintained::varchar(1) "ORACLE_MAINTAINED", 'NO'::varchar(3) "INHERITED", 'USING_NLS_COMP'::varchar(100) "DEFAULT_COLLATION"
  FROM registry.users WHERE name <> 'PUBLIC';
CREATE VIEW "SYS"."ALL_OBJECTS" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "OBJECT_NAME", NULL::varchar(128) "SUBOBJECT_NAME",
    (number + CASE kind WHEN 'TABLE' THEN 100000 ELSE 0 END)::numeric "OBJECT_ID", kind::varchar(23) "OBJECT_TYPE",
    created::ora.odate "CREATED", created::ora.odate "LAST_DDL_TIME", 'VALID'::varchar(7) "STATUS", 'N'::varchar(1) "TEMPORARY",
    'N'::varchar(1) "GENERATED", 'N'::varchar(1) "SECONDARY", CASE owner WHEN 'SYS' THEN 'Y' ELSE 'N' END::varchar(1) "ORACLE_MAINTAINED"
  FROM (SELECT owner, name, kind, number, created FROM registry.seen
    UNION ALL SELECT owner, name, 'TABLE', number, created FROM registry.seen WHERE kind = 'MATERIALIZED VIEW'
    UNION ALL SELECT owner, name, 'SYNONYM', 0, now() FROM registry.synonyms
    UNION ALL SELECT owner, name, 'INDEX', 0, now() FROM registry.indexes) o;
CREATE VIEW "SYS"."ALL_TABLES" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "TABLE_NAME", 'USERS'::varchar(30) "TABLESPACE_NAME",
    'VALID'::varchar(8) "STATUS", num_rows "NUM_ROWS", ora.divide(num_rows, 100) "BLOCKS", 'NO'::varchar(3) "PARTITIONED",
    NULL::varchar(12) "IOT_TYPE", 'N'::varchar(1) "TEMPORARY", 'N'::varchar(1) "SECONDARY", 'NO'::varchar(3) "NESTED",
    'NO'::varchar(3) "DROPPED", 'NO'::varchar(3) "READ_ONLY", 'NO'::varchar(3) "EXTERNAL",
    NULL::varchar(128) "CLUSTER_NAME", row_movement::varchar(8) "ROW_MOVEMENT", NULL::varchar(30) "COMPRESS_FOR",
    CASE WHEN num_rows IS NOT NULL THEN created::ora.odate END "LAST_ANALYZED"
  FROM registry.seen WHERE kind IN ('TABLE', 'MATERIALIZED VIEW') AND owner <> 'SYS';
CREATE VIEW "SYS"."ALL_VIEWS" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "VIEW_NAME", NULL::numeric "TEXT_LENGTH", 'N'::varchar(1) "READ_ONLY"
  FROM registry.seen WHERE kind = 'VIEW';
CREATE VIEW "SYS"."ALL_MVIEWS" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "MVIEW_NAME", name::varchar(128) "CONTAINER_NAME", 'N'::varchar(1) "UPDATABLE",
    'DEMAND'::varchar(9) "REFRESH_MODE", 'COMPLETE'::varchar(8) "REFRESH_METHOD", 'IMMEDIATE'::varchar(9) "BUILD_MODE",
    'FRESH'::varchar(19) "STALENESS"
  FROM registry.seen WHERE kind = 'MATERIALIZED VIEW';
CREATE VIEW "SYS"."ALL_TAB_COLUMNS" AS
  SELECT c.owner::varchar(128) "OWNER", c.table_name::varchar(128) "TABLE_NAME", c.column_name::varchar(128) "COLUMN_NAME",
    c.data_type::varchar(128) "DATA_TYPE", NULL::varchar(3) "DATA_TYPE_MOD", NULL::varchar(128) "DATA_TYPE_OWNER",
    c.data_length "DATA_LENGTH", c.data_precision "DATA_PRECISION", c.data_scale "DATA_SCALE", c.nullable::varchar(1) "NULLABLE",
    c.column_id::numeric "COLUMN_ID", c.data_default::ora.oclob "DATA_DEFAULT", NULL::numeric "NUM_DISTINCT", NULL::numeric "NUM_NULLS",
    CASE WHEN c.char_used IS NOT NULL THEN CASE WHEN c.data_type LIKE 'N%' THEN 'NCHAR_CS' ELSE 'CHAR_CS' END END::varchar(44) "CHARACTER_SET_NAME",
    c.char_length "CHAR_LENGTH", c.char_used::varchar(1) "CHAR_USED", 'NO'::varchar(3) "HIDDEN_COLUMN", 'NO'::varchar(3) "VIRTUAL_COLUMN",
    'NO'::varchar(3) "IDENTITY_COLUMN", c.collation_name::varchar(100) "COLLATION"
  FROM registry.columns c JOIN registry.seen o ON o.owner = c.owner AND o.name = c.table_name;
CREATE VIEW "SYS"."ALL_TAB_COLS" AS SELECT * FROM "SYS"."ALL_TAB_COLUMNS";
CREATE VIEW "SYS"."ALL_TAB_COL_STATISTICS" AS
  SELECT "OWNER", "TABLE_NAME", "COLUMN_NAME", "NUM_DISTINCT", "NUM_NULLS", NULL::numeric "DENSITY" FROM "SYS"."ALL_TAB_COLUMNS";
CREATE VIEW "SYS"."ALL_TAB_STATISTICS" AS
  SELECT "OWNER", "TABLE_NAME", "NUM_ROWS", "BLOCKS", "LAST_ANALYZED" FROM "SYS"."ALL_TABLES";
CREATE VIEW "SYS"."ALL_CONSTRAINTS" AS
  SELECT c.owner::varchar(128) "OWNER", c.name::varchar(128) "CONSTRAINT_NAME", c.kind::varchar(1) "CONSTRAINT_TYPE",
    c.table_name::varchar(128) "TABLE_NAME", c.search_condition::varchar(4000) "SEARCH_CONDITION_VC", c.r_owner::varchar(128) "R_OWNER",
    c.r_name::varchar(128) "R_CONSTRAINT_NAME", 'NO ACTION'::varchar(9) "DELETE_RULE", 'ENABLED'::varchar(8) "STATUS",
    'NOT DEFERRABLE'::varchar(14) "DEFERRABLE", 'VALIDATED'::varchar(13) "VALIDATED"
  FROM registry.constraints c JOIN registry.seen o ON o.owner = c.owner AND o.name = c.table_name;
CREATE VIEW "SYS"."ALL_CONS_COLUMNS" AS
  SELECT c.owner::varchar(128) "OWNER", c.name::varchar(128) "CONSTRAINT_NAME", c.table_name::varchar(128) "TABLE_NAME",
    c.column_name::varchar(4000) "COLUMN_NAME", c.position::numeric "POSITION"
  FROM registry.constraint_columns c JOIN registry.seen o ON o.owner = c.owner AND o.name = c.table_name;
CREATE VIEW "SYS"."ALL_INDEXES" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "INDEX_NAME", 'NORMAL'::varchar(27) "INDEX_TYPE",
    table_owner::varchar(128) "TABLE_OWNER", table_name::varchar(128) "TABLE_NAME", uniqueness::varchar(9) "UNIQUENESS",
    'VALID'::varchar(8) "STATUS" FROM registry.indexes;
CREATE VIEW "SYS"."ALL_IND_COLUMNS" AS
  SELECT i.owner::varchar(128) "INDEX_OWNER", i.name::varchar(128) "INDEX_NAME", i.table_owner::varchar(128) "TABLE_OWNER",
    i.table_name::varchar(128) "TABLE_NAME", c.name::varchar(4000) "COLUMN_NAME", c.position::numeric "COLUMN_POSITION"
  FROM registry.indexes i, unnest(i.columns) WITH ORDINALITY c (name, position);
CREATE VIEW "SYS"."ALL_TAB_COMMENTS" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "TABLE_NAME", kind::varchar(11) "TABLE_TYPE", comments::varchar(4000) "COMMENTS"
  FROM registry.seen WHERE kind IN ('TABLE', 'VIEW');
CREATE VIEW "SYS"."ALL_MVIEW_COMMENTS" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "MVIEW_NAME", comments::varchar(4000) "COMMENTS"
  FROM registry.seen WHERE kind = 'MATERIALIZED VIEW';
CREATE VIEW "SYS"."ALL_COL_COMMENTS" AS
  SELECT c.owner::varchar(128) "OWNER", c.table_name::varchar(128) "TABLE_NAME", c.column_name::varchar(128) "COLUMN_NAME",
    c.comments::varchar(4000) "COMMENTS"
  FROM registry.columns c JOIN registry.seen o ON o.owner = c.owner AND o.name = c.table_name;
CREATE VIEW "SYS"."ALL_SYNONYMS" AS
  SELECT owner::varchar(128) "OWNER", name::varchar(128) "SYNONYM_NAME", table_owner::varchar(128) "TABLE_OWNER",
    table_name::varchar(128) "TABLE_NAME", db_link::varchar(128) "DB_LINK" FROM registry.synonyms;
CREATE VIEW "SYS"."NLS_DATABASE_PARAMETERS" AS
  SELECT p::varchar(128) "PARAMETER", v::varchar(64) "VALUE" FROM (VALUES
    ('NLS_LANGUAGE', 'AMERICAN'), ('NLS_TERRITORY', 'AMERICA'), ('NLS_CHARACTERSET', 'AL32UTF8'),
    ('NLS_NCHAR_CHARACTERSET', 'AL16UTF16'), ('NLS_COMP', 'BINARY'), ('NLS_SORT', 'BINARY'), ('NLS_LENGTH_SEMANTICS', 'BYTE'),
    ('NLS_NUMERIC_CHARACTERS', '.,')) t (p, v)
  UNION ALL SELECT 'NLS_RDBMS_VERSION', version::varchar(64) FROM registry.release;
CREATE VIEW "SYS"."NLS_SESSION_PARAMETERS" AS
  SELECT p::varchar(128) "PARAMETER", v::varchar(64) "VALUE" FROM (VALUES
    ('NLS_LANGUAGE', 'AMERICAN'), ('NLS_TERRITORY', 'AMERICA'), ('NLS_COMP', 'BINARY'), ('NLS_SORT', 'BINARY'),
    ('NLS_NUMERIC_CHARACTERS', '.,'), ('NLS_LENGTH_SEMANTICS', 'BYTE'), ('NLS_DATE_FORMAT', current_setting('ora.date_format', true)),
    ('NLS_TIMESTAMP_FORMAT', current_setting('ora.timestamp_format', true)),
    ('NLS_TIMESTAMP_TZ_FORMAT', current_setting('ora.timestamp_tz_format', true))) t (p, v);
CREATE VIEW "SYS"."PRODUCT_COMPONENT_VERSION" AS
  SELECT product::varchar(128) "PRODUCT", version::varchar(64) "VERSION", version::varchar(64) "VERSION_FULL",
    'Production'::varchar(64) "STATUS" FROM registry.release;
CREATE VIEW "SYS"."V$VERSION" AS
  SELECT banner::varchar(80) "BANNER", banner::varchar(160) "BANNER_FULL", 0::numeric "CON_ID" FROM registry.release;
CREATE VIEW "SYS"."V$INSTANCE" AS
  SELECT 1::numeric "INSTANCE_NUMBER", 'celosia'::varchar(16) "INSTANCE_NAME", 'localhost'::varchar(64) "HOST_NAME",
    version::varchar(17) "VERSION", version::varchar(17) "VERSION_FULL", 'OPEN'::varchar(12) "STATUS" FROM registry.release;
CREATE VIEW "SYS"."SESSION_PRIVS" AS
  SELECT p::varchar(40) "PRIVILEGE" FROM (VALUES ('CREATE SESSION'), ('CREATE TABLE'), ('CREATE VIEW'), ('CREATE SYNONYM')) t (p)
  WHERE p = 'CREATE SESSION' OR current_setting('ora.reader', true) IS DISTINCT FROM 'true';
CREATE VIEW "SYS"."SESSION_ROLES" AS SELECT NULL::varchar(128) "ROLE" WHERE false;
CREATE VIEW "SYS"."ALL_TAB_PRIVS" AS
  SELECT 'SYS'::varchar(128) "GRANTOR", current_setting('ora.user', true)::varchar(128) "GRANTEE", owner::varchar(128) "TABLE_SCHEMA",
    name::varchar(128) "TABLE_NAME", 'SELECT'::varchar(40) "PRIVILEGE", 'NO'::varchar(3) "GRANTABLE"
  FROM registry.seen WHERE owner <> 'SYS' AND owner <> current_setting('ora.user', true);
DO $$
DECLARE
  v text;
BEGIN
  FOR v IN SELECT relname FROM pg_class WHERE relnamespace = '"SYS"'::regnamespace AND relname LIKE 'ALL\_%' LOOP
    EXECUTE format('CREATE VIEW "SYS".%I AS SELECT * FROM "SYS".%I%s', 'USER_' || substr(v, 5), v,
      CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = format('"SYS".%I', v)::regclass AND attname = 'OWNER')
        THEN ' WHERE "OWNER" = current_setting(''ora.user'', true)' ELSE '' END);
  END LOOP;
END $$;
INSERT INTO registry.objects (owner, name, kind, table_oid)
  SELECT 'SYS', relname, 'VIEW', oid FROM pg_class WHERE relnamespace = '"SYS"'::regnamespace;
