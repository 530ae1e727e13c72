-- Text as SQL Server compares it: blanks at the end are kept and do not count. Types of our own, because
-- PostgreSQL's padded text loses its blanks in every function. `nv` carries nvarchar, `vc` varchar.
CREATE SCHEMA tsql;
CREATE COLLATION tsql."SQL_Latin1_General_CP1_CI_AS" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION tsql."SQL_Latin1_General_CP1_CS_AS" (provider = icu, locale = 'und', deterministic = false);
CREATE COLLATION tsql."Latin1_General_CI_AS" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION tsql."Latin1_General_CS_AS" (provider = icu, locale = 'und', deterministic = false);
CREATE COLLATION tsql."Latin1_General_CI_AI" (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE COLLATION tsql."Latin1_General_100_CI_AS" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION tsql."Latin1_General_100_CS_AS" (provider = icu, locale = 'und', deterministic = false);
CREATE COLLATION tsql."Latin1_General_100_CI_AI" (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE COLLATION tsql."Latin1_General_100_CI_AS_SC" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION tsql."Latin1_General_100_CS_AS_SC" (provider = icu, locale = 'und', deterministic = false);
CREATE COLLATION tsql."Latin1_General_100_CI_AS_SC_UTF8" (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION tsql."Latin1_General_BIN" (provider = libc, locale = 'C');
CREATE COLLATION tsql."Latin1_General_BIN2" (provider = libc, locale = 'C');
CREATE COLLATION tsql."Latin1_General_100_BIN2" (provider = libc, locale = 'C');
CREATE COLLATION tsql."Latin1_General_100_BIN2_UTF8" (provider = libc, locale = 'C');

CREATE TYPE tsql.nv;
CREATE FUNCTION tsql.nv_in(cstring, oid, int4) RETURNS tsql.nv AS 'textin' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tsql.nv_out(tsql.nv) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE TYPE tsql.vc;
CREATE FUNCTION tsql.vc_in(cstring, oid, int4) RETURNS tsql.vc AS 'textin' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tsql.vc_out(tsql.vc) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tsql.length_in(cstring[]) RETURNS int4 AS 'bpchartypmodin' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tsql.length_out(int4) RETURNS cstring AS 'bpchartypmodout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE TYPE tsql.nv (INPUT = tsql.nv_in, OUTPUT = tsql.nv_out, TYPMOD_IN = tsql.length_in, TYPMOD_OUT = tsql.length_out, LIKE = pg_catalog.text, CATEGORY = 'S', COLLATABLE = true);
CREATE TYPE tsql.vc (INPUT = tsql.vc_in, OUTPUT = tsql.vc_out, TYPMOD_IN = tsql.length_in, TYPMOD_OUT = tsql.length_out, LIKE = pg_catalog.text, CATEGORY = 'S', COLLATABLE = true);

-- bit is a number, so that it can be compared with 0 and 1.
CREATE TYPE tsql.bit;
CREATE FUNCTION tsql.bit_in(cstring) RETURNS tsql.bit AS 'boolin' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tsql.bit_out(tsql.bit) RETURNS cstring AS 'boolout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE TYPE tsql.bit (INPUT = tsql.bit_in, OUTPUT = tsql.bit_out, LIKE = pg_catalog.bool, CATEGORY = 'N');
CREATE FUNCTION tsql.bit_int(tsql.bit) RETURNS int4 AS 'bool_int4' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tsql.int_bit(int4) RETURNS tsql.bit AS 'int4_bool' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE CAST (tsql.bit AS int4) WITH FUNCTION tsql.bit_int(tsql.bit) AS IMPLICIT;
CREATE CAST (int4 AS tsql.bit) WITH FUNCTION tsql.int_bit(int4) AS ASSIGNMENT;
CREATE CAST (bool AS tsql.bit) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE FUNCTION tsql.big_bit(int8) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ($1 <> 0)::tsql.bit$$;
CREATE FUNCTION tsql.small_bit(int2) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ($1 <> 0)::tsql.bit$$;
CREATE FUNCTION tsql.numeric_bit(numeric) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ($1 <> 0)::tsql.bit$$;
CREATE FUNCTION tsql.float_bit(float8) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ($1 <> 0)::tsql.bit$$;
CREATE FUNCTION tsql.bit_big(tsql.bit) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.bit_int($1)::int8$$;
CREATE FUNCTION tsql.bit_small(tsql.bit) RETURNS int2 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.bit_int($1)::int2$$;
CREATE FUNCTION tsql.bit_numeric(tsql.bit) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.bit_int($1)::numeric$$;
CREATE FUNCTION tsql.bit_float(tsql.bit) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.bit_int($1)::float8$$;
CREATE CAST (int8 AS tsql.bit) WITH FUNCTION tsql.big_bit(int8) AS ASSIGNMENT;
CREATE CAST (int2 AS tsql.bit) WITH FUNCTION tsql.small_bit(int2) AS ASSIGNMENT;
CREATE CAST (numeric AS tsql.bit) WITH FUNCTION tsql.numeric_bit(numeric) AS ASSIGNMENT;
CREATE CAST (float8 AS tsql.bit) WITH FUNCTION tsql.float_bit(float8) AS ASSIGNMENT;
CREATE CAST (tsql.bit AS int8) WITH FUNCTION tsql.bit_big(tsql.bit) AS ASSIGNMENT;
CREATE CAST (tsql.bit AS int2) WITH FUNCTION tsql.bit_small(tsql.bit) AS ASSIGNMENT;
CREATE CAST (tsql.bit AS numeric) WITH FUNCTION tsql.bit_numeric(tsql.bit) AS ASSIGNMENT;
CREATE CAST (tsql.bit AS float8) WITH FUNCTION tsql.bit_float(tsql.bit) AS ASSIGNMENT;
CREATE FUNCTION tsql.bit_text(tsql.bit) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN tsql.bit_int($1) = 1 THEN tsql.nv '1' ELSE tsql.nv '0' END$$;
CREATE CAST (tsql.bit AS tsql.nv) WITH FUNCTION tsql.bit_text(tsql.bit) AS ASSIGNMENT;

CREATE DOMAIN tsql.tinyint AS int2 CHECK (VALUE BETWEEN 0 AND 255);

-- Operators and index methods over a type, all from functions of PostgreSQL.
DO $$
DECLARE
  kind text; base text; sign text; part text; number int;
BEGIN
  FOR kind, base IN VALUES ('nv', 'bpchar'), ('vc', 'bpchar'), ('bit', 'bool') LOOP
    FOR sign, part, number IN VALUES ('=', 'eq', 0), ('<>', 'ne', 0), ('<', 'lt', 1), ('<=', 'le', 2), ('>', 'gt', 5), ('>=', 'ge', 4) LOOP
      EXECUTE format('CREATE FUNCTION tsql.%1$s_%2$s(tsql.%1$s, tsql.%1$s) RETURNS bool AS %3$L LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE', kind, part, base || part);
    END LOOP;
    EXECUTE format('CREATE OPERATOR tsql.= (LEFTARG = tsql.%1$s, RIGHTARG = tsql.%1$s, FUNCTION = tsql.%1$s_eq, COMMUTATOR = OPERATOR(tsql.=), NEGATOR = OPERATOR(tsql.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES)', kind);
    EXECUTE format('CREATE OPERATOR tsql.<> (LEFTARG = tsql.%1$s, RIGHTARG = tsql.%1$s, FUNCTION = tsql.%1$s_ne, COMMUTATOR = OPERATOR(tsql.<>), NEGATOR = OPERATOR(tsql.=), RESTRICT = neqsel, JOIN = neqjoinsel)', kind);
    EXECUTE format('CREATE OPERATOR tsql.< (LEFTARG = tsql.%1$s, RIGHTARG = tsql.%1$s, FUNCTION = tsql.%1$s_lt, COMMUTATOR = OPERATOR(tsql.>), NEGATOR = OPERATOR(tsql.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel)', kind);
    EXECUTE format('CREATE OPERATOR tsql.> (LEFTARG = tsql.%1$s, RIGHTARG = tsql.%1$s, FUNCTION = tsql.%1$s_gt, COMMUTATOR = OPERATOR(tsql.<), NEGATOR = OPERATOR(tsql.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel)', kind);
    EXECUTE format('CREATE OPERATOR tsql.<= (LEFTARG = tsql.%1$s, RIGHTARG = tsql.%1$s, FUNCTION = tsql.%1$s_le, COMMUTATOR = OPERATOR(tsql.>=), NEGATOR = OPERATOR(tsql.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel)', kind);
    EXECUTE format('CREATE OPERATOR tsql.>= (LEFTARG = tsql.%1$s, RIGHTARG = tsql.%1$s, FUNCTION = tsql.%1$s_ge, COMMUTATOR = OPERATOR(tsql.<=), NEGATOR = OPERATOR(tsql.<), RESTRICT = scalargesel, JOIN = scalargejoinsel)', kind);
    EXECUTE format('CREATE FUNCTION tsql.%1$s_cmp(tsql.%1$s, tsql.%1$s) RETURNS int4 AS %2$L LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE', kind, CASE kind WHEN 'bit' THEN 'btboolcmp' ELSE 'bpcharcmp' END);
    EXECUTE format('CREATE OPERATOR CLASS tsql.%1$s_order DEFAULT FOR TYPE tsql.%1$s USING btree AS OPERATOR 1 tsql.<, OPERATOR 2 tsql.<=, OPERATOR 3 tsql.=, OPERATOR 4 tsql.>=, OPERATOR 5 tsql.>, FUNCTION 1 tsql.%1$s_cmp(tsql.%1$s, tsql.%1$s)', kind);
    EXECUTE format('CREATE FUNCTION tsql.%1$s_hash(tsql.%1$s) RETURNS int4 AS %2$L LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE', kind, CASE kind WHEN 'bit' THEN 'hashchar' ELSE 'hashbpchar' END);
    EXECUTE format('CREATE OPERATOR CLASS tsql.%1$s_hash DEFAULT FOR TYPE tsql.%1$s USING hash AS OPERATOR 1 tsql.=, FUNCTION 1 tsql.%1$s_hash(tsql.%1$s)', kind);
  END LOOP;
  FOR kind IN VALUES ('nv'), ('vc') LOOP
    EXECUTE format('CREATE FUNCTION tsql.%1$s_larger(tsql.%1$s, tsql.%1$s) RETURNS tsql.%1$s AS ''bpchar_larger'' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE', kind);
    EXECUTE format('CREATE FUNCTION tsql.%1$s_smaller(tsql.%1$s, tsql.%1$s) RETURNS tsql.%1$s AS ''bpchar_smaller'' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE', kind);
    EXECUTE format('CREATE AGGREGATE tsql.max(tsql.%1$s) (SFUNC = tsql.%1$s_larger, STYPE = tsql.%1$s, SORTOP = OPERATOR(tsql.>), PARALLEL = SAFE)', kind);
    EXECUTE format('CREATE AGGREGATE tsql.min(tsql.%1$s) (SFUNC = tsql.%1$s_smaller, STYPE = tsql.%1$s, SORTOP = OPERATOR(tsql.<), PARALLEL = SAFE)', kind);
    EXECUTE format('CREATE FUNCTION tsql.%1$s_plus(tsql.%1$s, tsql.%1$s) RETURNS tsql.%1$s AS ''textcat'' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE', kind);
    EXECUTE format('CREATE OPERATOR tsql.+ (LEFTARG = tsql.%1$s, RIGHTARG = tsql.%1$s, FUNCTION = tsql.%1$s_plus)', kind);
  END LOOP;
END $$;

CREATE CAST (tsql.nv AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (tsql.vc AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (text AS tsql.nv) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (text AS tsql.vc) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (tsql.vc AS tsql.nv) WITHOUT FUNCTION AS IMPLICIT;

-- Characters outside the basic plane are two units of UTF-16.
CREATE FUNCTION tsql.pairs(text) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE WHEN octet_length($1) = char_length($1) THEN 0
  ELSE char_length(regexp_replace($1 COLLATE "C", '[^\U00010000-\U0010ffff]+', '', 'g')) END$$;
CREATE FUNCTION tsql.units(text) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT char_length($1) + tsql.pairs($1)$$;

-- What a code page does not have becomes a question mark. (Text of a UTF-8 collation is not told apart.)
CREATE FUNCTION tsql.narrowed(tsql.nv) RETURNS tsql.vc LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN octet_length($1::text) = char_length($1::text) THEN $1::text
  ELSE regexp_replace(
    regexp_replace($1::text COLLATE "C", '[\U00010000-\U0010ffff]', '??', 'g'),
    '[^\u0001-\u00ff\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]',
    '?', 'g') END::tsql.vc$$;
CREATE CAST (tsql.nv AS tsql.vc) WITH FUNCTION tsql.narrowed(tsql.nv) AS ASSIGNMENT;

-- A declared length: cut in a cast, an error in an assignment, padded where the type is fixed.
CREATE FUNCTION tsql.fitted(value text, size int4, cut bool, wide bool) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  most int4 := CASE WHEN size - 4 > 1000000 THEN size - 1000004 ELSE size - 4 END;
  have int4 := CASE WHEN wide THEN tsql.units(value) ELSE char_length(value) END;
BEGIN
  IF have > most THEN
    IF NOT cut AND rtrim(substr(value, most + 1), ' ') <> '' THEN
      RAISE EXCEPTION 'String or binary data would be truncated.' USING ERRCODE = '22001';
    END IF;
    IF NOT wide OR have = char_length(value) THEN
      RETURN left(value, most);
    END IF;
    value := left(value, most);
    WHILE tsql.units(value) > most LOOP
      value := left(value, -1);
    END LOOP;
    RETURN value;
  ELSIF size - 4 > 1000000 THEN
    RETURN value || repeat(' ', most - have);
  END IF;
  RETURN value;
END $$;
CREATE FUNCTION tsql.nv_fit(tsql.nv, int4, bool) RETURNS tsql.nv LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE WHEN octet_length($1::text) <= $2 - 4 AND $2 < 1000004 THEN $1 ELSE tsql.fitted($1::text, $2, $3, true)::tsql.nv END$$;
CREATE FUNCTION tsql.vc_fit(tsql.vc, int4, bool) RETURNS tsql.vc LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE WHEN octet_length($1::text) <= $2 - 4 AND $2 < 1000004 THEN $1 ELSE tsql.fitted($1::text, $2, $3, false)::tsql.vc END$$;
CREATE CAST (tsql.nv AS tsql.nv) WITH FUNCTION tsql.nv_fit(tsql.nv, int4, bool) AS IMPLICIT;
CREATE CAST (tsql.vc AS tsql.vc) WITH FUNCTION tsql.vc_fit(tsql.vc, int4, bool) AS IMPLICIT;

-- A UUID is written in capitals.
CREATE FUNCTION tsql.uuid_text(uuid) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT upper($1::text)::tsql.nv$$;
CREATE FUNCTION tsql.uuid_narrow(uuid) RETURNS tsql.vc LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT upper($1::text)::tsql.vc$$;
CREATE CAST (uuid AS tsql.nv) WITH FUNCTION tsql.uuid_text(uuid) AS ASSIGNMENT;
CREATE CAST (uuid AS tsql.vc) WITH FUNCTION tsql.uuid_narrow(uuid) AS ASSIGNMENT;
