-- Oracle's types where PostgreSQL's own would compare, pad or subtract otherwise.
CREATE SCHEMA ora;
CREATE SCHEMA registry;
CREATE SCHEMA "SYS";

-- Raises an error in Oracle's words.
CREATE FUNCTION ora.fail(text) RETURNS void LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '%', $1 USING ERRCODE = 'OR001'; END $$;

-- DATE: whole seconds; the difference of two is a number of days.
CREATE TYPE ora.odate;
CREATE FUNCTION ora.odate_in(cstring, oid, integer) RETURNS ora.odate
  LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_in';
CREATE FUNCTION ora.odate_out(ora.odate) RETURNS cstring
  LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_out';
CREATE TYPE ora.odate (INPUT = ora.odate_in, OUTPUT = ora.odate_out, LIKE = timestamp, CATEGORY = 'D');
CREATE CAST (ora.odate AS timestamp) WITHOUT FUNCTION AS IMPLICIT;
CREATE FUNCTION ora.rounded(timestamp, integer) RETURNS ora.odate
  LANGUAGE internal IMMUTABLE STRICT AS 'timestamp_scale';
CREATE FUNCTION ora.odate(timestamp) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.rounded(date_trunc('second', $1), 0) $$;
CREATE FUNCTION ora.odate(timestamptz) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.odate($1 AT TIME ZONE 'UTC') $$;
CREATE FUNCTION ora.instant(ora.odate) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT CAST($1 AS timestamp) AT TIME ZONE 'UTC' $$;
CREATE CAST (timestamp AS ora.odate) WITH FUNCTION ora.odate(timestamp) AS ASSIGNMENT;
CREATE CAST (timestamptz AS ora.odate) WITH FUNCTION ora.odate(timestamptz) AS ASSIGNMENT;
CREATE CAST (ora.odate AS timestamptz) WITH FUNCTION ora.instant(ora.odate) AS ASSIGNMENT;

-- CHAR: compared with blanks added to the shorter one, but its blanks count everywhere else.
CREATE TYPE ora.ochar;
CREATE FUNCTION ora.ochar_in(cstring, oid, integer) RETURNS ora.ochar
  LANGUAGE internal IMMUTABLE STRICT AS 'bpcharin';
CREATE FUNCTION ora.ochar_out(ora.ochar) RETURNS cstring
  LANGUAGE internal IMMUTABLE STRICT AS 'bpcharout';
CREATE TYPE ora.ochar (INPUT = ora.ochar_in, OUTPUT = ora.ochar_out, LIKE = bpchar,
  TYPMOD_IN = bpchartypmodin, TYPMOD_OUT = bpchartypmodout, CATEGORY = 'S', COLLATABLE = true);
CREATE FUNCTION ora.ochar(ora.ochar, integer, boolean) RETURNS ora.ochar
  LANGUAGE internal IMMUTABLE STRICT AS 'bpchar';
CREATE CAST (ora.ochar AS ora.ochar) WITH FUNCTION ora.ochar(ora.ochar, integer, boolean) AS IMPLICIT;
CREATE CAST (ora.ochar AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ora.ochar AS varchar) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (text AS ora.ochar) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (varchar AS ora.ochar) WITHOUT FUNCTION AS ASSIGNMENT;

-- CLOB and BLOB: neither compared, sorted nor grouped.
CREATE TYPE ora.oclob;
CREATE FUNCTION ora.oclob_in(cstring) RETURNS ora.oclob
  LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION ora.oclob_out(ora.oclob) RETURNS cstring
  LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE ora.oclob (INPUT = ora.oclob_in, OUTPUT = ora.oclob_out, LIKE = text, COLLATABLE = true);
CREATE CAST (ora.oclob AS text) WITHOUT FUNCTION;
CREATE CAST (text AS ora.oclob) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (varchar AS ora.oclob) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (ora.ochar AS ora.oclob) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE TYPE ora.oblob;
CREATE FUNCTION ora.oblob_in(cstring) RETURNS ora.oblob
  LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION ora.oblob_out(ora.oblob) RETURNS cstring
  LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE TYPE ora.oblob (INPUT = ora.oblob_in, OUTPUT = ora.oblob_out, LIKE = bytea);
CREATE CAST (ora.oblob AS bytea) WITHOUT FUNCTION;
CREATE CAST (bytea AS ora.oblob) WITHOUT FUNCTION AS ASSIGNMENT;

-- Comparison of the two types that are ordered, for WHERE, ORDER BY, GROUP BY, joins and MIN or MAX.
DO $do$
DECLARE
  of record;
  o record;
BEGIN
  FOR of IN VALUES ('ora.odate', 'timestamp_', 'timestamp_cmp', 'timestamp_hash', 'timestamp_larger', 'timestamp_smaller'),
                   ('ora.ochar', 'bpchar', 'bpcharcmp', 'hashbpchar', 'bpchar_larger', 'bpchar_smaller') LOOP
    FOR o IN VALUES ('=', 'eq', '=', '<>'), ('<>', 'ne', '<>', '='), ('<', 'lt', '>', '>='),
                    ('<=', 'le', '>=', '>'), ('>', 'gt', '<', '<='), ('>=', 'ge', '<=', '<') LOOP
      EXECUTE format('CREATE FUNCTION ora.compares_%s(%s, %2$s) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS %L',
        o.column2, of.column1, of.column2 || o.column2);
      EXECUTE format('CREATE OPERATOR ora.%s (FUNCTION = ora.compares_%s, LEFTARG = %s, RIGHTARG = %3$s, COMMUTATOR = OPERATOR(ora.%s), NEGATOR = OPERATOR(ora.%s)%s)',
        o.column1, o.column2, of.column1, o.column3, o.column4,
        CASE o.column1 WHEN '=' THEN ', HASHES, MERGES, RESTRICT = eqsel, JOIN = eqjoinsel' ELSE '' END);
    END LOOP;
    EXECUTE format('CREATE FUNCTION ora.order_of(%s, %1$s) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS %L', of.column1, of.column3);
    EXECUTE format('CREATE FUNCTION ora.hash_of(%s) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS %L', of.column1, of.column4);
    EXECUTE format('CREATE OPERATOR CLASS %s_order DEFAULT FOR TYPE %1$s USING btree AS OPERATOR 1 ora.<, OPERATOR 2 ora.<=, OPERATOR 3 ora.=, OPERATOR 4 ora.>=, OPERATOR 5 ora.>, FUNCTION 1 ora.order_of(%1$s, %1$s)', of.column1);
    EXECUTE format('CREATE OPERATOR CLASS %s_hash DEFAULT FOR TYPE %1$s USING hash AS OPERATOR 1 ora.=, FUNCTION 1 ora.hash_of(%1$s)', of.column1);
    EXECUTE format('CREATE FUNCTION ora.larger(%s, %1$s) RETURNS %1$s LANGUAGE internal IMMUTABLE STRICT AS %L', of.column1, of.column5);
    EXECUTE format('CREATE FUNCTION ora.smaller(%s, %1$s) RETURNS %1$s LANGUAGE internal IMMUTABLE STRICT AS %L', of.column1, of.column6);
    EXECUTE format('CREATE AGGREGATE ora.max(%s) (SFUNC = ora.larger, STYPE = %1$s, SORTOP = OPERATOR(ora.>))', of.column1);
    EXECUTE format('CREATE AGGREGATE ora.min(%s) (SFUNC = ora.smaller, STYPE = %1$s, SORTOP = OPERATOR(ora.<))', of.column1);
  END LOOP;
END $do$;

-- ROWID: the block and the row of PostgreSQL's ctid, in one object and one file, and ordered alike. No row is updated
-- here while its ROWID is of interest: PostgreSQL would give it another one, and Oracle would not.
CREATE FUNCTION ora.rowid_digits(bigint, integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT string_agg(pg_catalog.substr('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
    (($1 >> (6 * n)) & 63)::int4 + 1, 1), '' ORDER BY n DESC) FROM generate_series(0, $2 - 1) n $$;
CREATE FUNCTION ora.rowid_text(tid) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT pg_catalog.concat('AAASupAAE', ora.rowid_digits((($1::text::point)[0])::int8, 6), ora.rowid_digits((($1::text::point)[1])::int8, 3)) $$;
CREATE FUNCTION ora.rowid_text(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT $1 $$;
CREATE FUNCTION ora.chartorowid(text) RETURNS tid LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
DECLARE
  digits text := 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  place int8 := 0;
BEGIN
  IF $1 !~ '^AAASupAAE[A-Za-z0-9+/]{9}$' THEN
    PERFORM ora.fail('ORA-01410: invalid ROWID');
  END IF;
  FOR n IN 10..18 LOOP
    place := place * 64 + pg_catalog.strpos(digits, pg_catalog.substr($1, n, 1)) - 1;
  END LOOP;
  IF place >> 18 > 4294967295 OR place & 262143 > 65535 THEN
    PERFORM ora.fail('ORA-01410: invalid ROWID');
  END IF;
  RETURN format('(%s,%s)', place >> 18, place & 262143)::tid;
END $$;
