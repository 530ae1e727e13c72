-- Oracle's functions and operators. They stand before PostgreSQL's own in the search path. Text that
-- comes out empty is NULL.

-- Numbers as text, and text as numbers.
CREATE FUNCTION ora.to_char(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif($1, '') $$;
CREATE FUNCTION ora.to_char(ora.oclob) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif($1::text, '') $$;
CREATE FUNCTION ora.to_char(numeric) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.regexp_replace(trim_scale($1)::text, '^(-?)0\.', '\1.') $$;
CREATE FUNCTION ora.to_char(float8) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $1 = 'Infinity' THEN 'Inf' WHEN $1 = '-Infinity' THEN '-Inf' WHEN $1 = 'NaN' THEN 'Nan'
     WHEN $1 = 0 THEN '0' ELSE pg_catalog.regexp_replace(to_char($1::numeric, 'FM9.9999999999999999EEEE'), '0*e', 'E') END $$;
CREATE FUNCTION ora.to_char(boolean) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE $1 WHEN true THEN 'TRUE' WHEN false THEN 'FALSE' END $$;
CREATE FUNCTION ora.to_number(text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF $1 !~ '^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$' THEN
    PERFORM ora.fail('ORA-01722: invalid number');
  END IF;
  RETURN btrim($1, E' \t\r\n')::numeric;
END $$;
CREATE FUNCTION ora.to_number(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION ora.to_number(float8) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT $1::numeric $$;
CREATE FUNCTION ora.to_number(boolean) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT $1::integer::numeric $$;
CREATE FUNCTION ora.to_number(text, text, text DEFAULT NULL) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.to_number(replace($1, ',', '')) $$;
CREATE FUNCTION ora.to_binary_double(numeric) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT $1::float8 $$;
CREATE FUNCTION ora.to_binary_double(float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION ora.to_binary_double(text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN CASE lower(btrim($1)) WHEN 'inf' THEN 'Infinity' WHEN '-inf' THEN '-Infinity' WHEN 'nan' THEN 'NaN'
    ELSE btrim($1) END::float8;
EXCEPTION WHEN invalid_text_representation THEN
  PERFORM ora.fail('ORA-01722: invalid number');
END $$;
CREATE FUNCTION ora.to_binary_float(numeric) RETURNS float4 LANGUAGE sql IMMUTABLE AS $$ SELECT $1::float4 $$;
CREATE FUNCTION ora.to_binary_float(float8) RETURNS float4 LANGUAGE sql IMMUTABLE AS $$ SELECT $1::float4 $$;
CREATE FUNCTION ora.to_binary_float(text) RETURNS float4 LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.to_binary_double($1)::float4 $$;

-- Arithmetic: division to 20 pairs of decimal digits; doubles overflow to infinity.
CREATE FUNCTION ora.divide(numeric, numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  q numeric;
  e integer;
BEGIN
  IF $2 = 0 THEN PERFORM ora.fail('ORA-01476: divisor is equal to zero'); END IF;
  IF $1 = 0 THEN RETURN 0; END IF;
  e := floor(log(abs($1)) - log(abs($2)))::integer;
  q := pg_catalog.round($1, greatest(scale($1), 44 - e)) OPERATOR(pg_catalog./) $2;
  e := floor(log(abs(q)))::integer;
  RETURN trim_scale(pg_catalog.round(q, CASE WHEN e % 2 = 0 THEN 38 ELSE 39 END - e));
END $$;
CREATE OPERATOR ora./ (FUNCTION = ora.divide, LEFTARG = numeric, RIGHTARG = numeric);
CREATE FUNCTION ora.divide(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN $2 <> 0 THEN $1 OPERATOR(pg_catalog./) $2 WHEN $1 = 0 OR $1 = 'NaN' THEN 'NaN'::float8
     WHEN $1 > 0 THEN 'Infinity' ELSE '-Infinity' END $$;
CREATE OPERATOR ora./ (FUNCTION = ora.divide, LEFTARG = float8, RIGHTARG = float8);
CREATE FUNCTION ora.divide(float8, float4) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT ora.divide($1, $2::float8) $$;
CREATE FUNCTION ora.divide(float4, float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT ora.divide($1::float8, $2) $$;
CREATE FUNCTION ora.divide(float4, float4) RETURNS float4 LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT ora.divide($1::float8, $2::float8)::float4 $$;
CREATE OPERATOR ora./ (FUNCTION = ora.divide, LEFTARG = float8, RIGHTARG = float4);
CREATE OPERATOR ora./ (FUNCTION = ora.divide, LEFTARG = float4, RIGHTARG = float8);
CREATE OPERATOR ora./ (FUNCTION = ora.divide, LEFTARG = float4, RIGHTARG = float4);
CREATE FUNCTION ora.mod(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT CASE WHEN $2 = 0 THEN $1 ELSE pg_catalog.mod($1, $2) END $$;
CREATE FUNCTION ora.bitand(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT ($1::bigint & $2::bigint)::numeric $$;
CREATE FUNCTION ora.round(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT pg_catalog.round($1, 0) $$;
CREATE FUNCTION ora.round(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT pg_catalog.round($1, pg_catalog.trunc($2)::integer) $$;
CREATE FUNCTION ora.trunc(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT pg_catalog.trunc($1, pg_catalog.trunc($2)::integer) $$;
CREATE FUNCTION ora.sign(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT pg_catalog.sign($1) $$;
CREATE FUNCTION ora.nanvl(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $1 = 'NaN' THEN $2 ELSE $1 END $$;

-- Text. NULL and the empty string are one.
CREATE FUNCTION ora.concat(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN octet_length($1) + octet_length($2) > 4000 THEN ora.fail('ORA-01489: result of string concatenation is too long')::text
     ELSE nullif(pg_catalog.concat(VARIADIC ARRAY[$1, $2]), '') END $$;
CREATE FUNCTION ora.concat(text, numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ora.concat($1, ora.to_char($2)) $$;
CREATE FUNCTION ora.concat(numeric, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ora.concat(ora.to_char($1), $2) $$;
CREATE FUNCTION ora.concat(numeric, numeric) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.concat(ora.to_char($1), ora.to_char($2)) $$;
CREATE FUNCTION ora.concat(ora.oclob, text) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS
$$ SELECT (pg_catalog.concat($1::text, $2))::ora.oclob $$;
CREATE FUNCTION ora.concat(text, ora.oclob) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS
$$ SELECT (pg_catalog.concat($1, $2::text))::ora.oclob $$;
CREATE FUNCTION ora.concat(ora.oclob, ora.oclob) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS
$$ SELECT (pg_catalog.concat($1::text, $2::text))::ora.oclob $$;
CREATE FUNCTION ora.concat(bytea, bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(coalesce($1, '') OPERATOR(pg_catalog.||) coalesce($2, ''), '') $$;
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = text, RIGHTARG = numeric);
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = numeric, RIGHTARG = text);
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = numeric, RIGHTARG = numeric);
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = ora.oclob, RIGHTARG = text);
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = text, RIGHTARG = ora.oclob);
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = ora.oclob, RIGHTARG = ora.oclob);
CREATE OPERATOR ora.|| (FUNCTION = ora.concat, LEFTARG = bytea, RIGHTARG = bytea);
CREATE FUNCTION ora.matches(ora.oclob, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1::text ~~ $2 $$;
CREATE FUNCTION ora.differs(ora.oclob, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1::text !~~ $2 $$;
CREATE OPERATOR ora.~~ (FUNCTION = ora.matches, LEFTARG = ora.oclob, RIGHTARG = text);
CREATE OPERATOR ora.!~~ (FUNCTION = ora.differs, LEFTARG = ora.oclob, RIGHTARG = text);

CREATE FUNCTION ora.length(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.length($1), 0)::numeric $$;
CREATE FUNCTION ora.length(ora.oclob) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.length($1::text)::numeric $$;
CREATE FUNCTION ora.length(ora.oblob) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.length($1::bytea)::numeric $$;
CREATE FUNCTION ora.length(bytea) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.length($1), 0)::numeric $$;
CREATE FUNCTION ora.length(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT ora.length(ora.to_char($1)) $$;
CREATE FUNCTION ora.lengthb(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(octet_length($1), 0)::numeric $$;
CREATE FUNCTION ora.lengthb(bytea) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT ora.length($1) $$;
-- Position 0 is 1, a negative one counts from the end.
CREATE FUNCTION ora.substr(text, numeric, numeric DEFAULT 2147483647) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN $3 IS NULL OR pg_catalog.trunc($3) < 1 THEN NULL
    WHEN pg_catalog.trunc($2) < 0 AND -pg_catalog.trunc($2) > pg_catalog.length($1) THEN NULL
    ELSE nullif(left(pg_catalog.substr($1, CASE WHEN pg_catalog.trunc($2) < 0 THEN pg_catalog.length($1) + 1 + pg_catalog.trunc($2)
      ELSE greatest(least(pg_catalog.trunc($2), 2147483647), 1) END::integer), least(pg_catalog.trunc($3), 2147483647)::integer), '') END $$;
CREATE FUNCTION ora.substr(ora.oclob, numeric, numeric DEFAULT 2147483647) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.substr($1::text, $2, $3)::ora.oclob $$;
CREATE FUNCTION ora.instr(text, text, numeric DEFAULT 1, numeric DEFAULT 1) RETURNS numeric LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  at integer := pg_catalog.trunc($3)::integer;
  left_over integer := pg_catalog.trunc($4)::integer;
  size integer := pg_catalog.length($1);
BEGIN
  IF left_over < 1 THEN PERFORM ora.fail('ORA-01428: argument ''' || $4 || ''' is out of range'); END IF;
  IF $1 = '' OR $2 = '' THEN RETURN NULL; END IF;
  IF at = 0 THEN RETURN 0; END IF;
  IF at = 1 AND left_over = 1 THEN RETURN strpos($1, $2); END IF;
  WHILE at > 0 AND at <= size LOOP
    IF pg_catalog.substr($1, at, pg_catalog.length($2)) = $2 THEN
      left_over := left_over - 1;
      IF left_over = 0 THEN RETURN at; END IF;
    END IF;
    at := at + 1;
  END LOOP;
  IF at > 0 THEN RETURN 0; END IF;
  at := size + at + 1;
  WHILE at > 0 LOOP
    IF pg_catalog.substr($1, at, pg_catalog.length($2)) = $2 THEN
      left_over := left_over - 1;
      IF left_over = 0 THEN RETURN at; END IF;
    END IF;
    at := at - 1;
  END LOOP;
  RETURN 0;
END $$;
CREATE FUNCTION ora.instr(ora.oclob, text, numeric DEFAULT 1, numeric DEFAULT 1) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.instr($1::text, $2, $3, $4) $$;
CREATE FUNCTION ora.upper(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.upper($1), '') $$;
CREATE FUNCTION ora.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.lower($1), '') $$;
CREATE FUNCTION ora.initcap(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.initcap($1), '') $$;
CREATE FUNCTION ora.upper(ora.oclob) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.upper($1::text)::ora.oclob $$;
CREATE FUNCTION ora.lower(ora.oclob) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.lower($1::text)::ora.oclob $$;
CREATE FUNCTION ora.ltrim(text, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.ltrim($1, $2), '') $$;
CREATE FUNCTION ora.rtrim(text, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.rtrim($1, $2), '') $$;
CREATE FUNCTION ora.trim_both(text, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(btrim($1, $2), '') $$;
CREATE FUNCTION ora.lpad(text, numeric, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $3 = '' THEN NULL ELSE nullif(pg_catalog.lpad($1, greatest(pg_catalog.trunc($2), 0)::integer, $3), '') END $$;
CREATE FUNCTION ora.rpad(text, numeric, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $3 = '' THEN NULL ELSE nullif(pg_catalog.rpad($1, greatest(pg_catalog.trunc($2), 0)::integer, $3), '') END $$;
CREATE FUNCTION ora.lpad(numeric, numeric, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.lpad(ora.to_char($1), $2, $3) $$;
CREATE FUNCTION ora.rpad(numeric, numeric, text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.rpad(ora.to_char($1), $2, $3) $$;
CREATE FUNCTION ora.replace(text, text, text DEFAULT NULL) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $2 IS NULL OR $2 = '' THEN $1 ELSE nullif(pg_catalog.replace($1, $2, coalesce($3, '')), '') END $$;
CREATE FUNCTION ora.replace(ora.oclob, text, text DEFAULT NULL) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.replace($1::text, $2, $3)::ora.oclob $$;
CREATE FUNCTION ora.translate(text, text, text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
$$ SELECT nullif(pg_catalog.translate($1, $2, $3), '') $$;
CREATE FUNCTION ora.reverse(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT nullif(pg_catalog.reverse($1), '') $$;
CREATE FUNCTION ora.ascii(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $1 <> '' THEN pg_catalog.ascii($1)::numeric END $$;
CREATE FUNCTION ora.chr(numeric) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pg_catalog.chr($1::integer) $$;
-- A LIKE pattern whose escapes stand before a wildcard or another escape.
CREATE FUNCTION ora.pattern(text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF pg_catalog.length($2) <> 1 THEN
    PERFORM ora.fail('ORA-01425: escape character must be character string of length 1');
  END IF;
  IF strpos(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace($1, $2 OPERATOR(pg_catalog.||) $2, ''),
      $2 OPERATOR(pg_catalog.||) '%', ''), $2 OPERATOR(pg_catalog.||) '_', ''), $2) > 0 THEN
    PERFORM ora.fail('ORA-01424: missing or illegal character following the escape character');
  END IF;
  RETURN nullif($1, '');
END $$;
CREATE FUNCTION ora.regexp_like(text, text, text DEFAULT '') RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN $1 = '' OR $2 = '' THEN NULL
    ELSE $1 ~ ('(?' OPERATOR(pg_catalog.||) CASE WHEN $3 ~ 'i' THEN 'i' ELSE 'c' END
      OPERATOR(pg_catalog.||) CASE WHEN $3 ~ 'm' THEN CASE WHEN $3 ~ 'n' THEN 'w' ELSE 'n' END
        WHEN $3 ~ 'n' THEN 's' ELSE 'p' END OPERATOR(pg_catalog.||) ')' OPERATOR(pg_catalog.||) $2) END $$;
CREATE FUNCTION ora.regexp_replace(text, text, text DEFAULT NULL) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.regexp_replace($1, $2, coalesce($3, ''), 'g'), '') $$;
CREATE FUNCTION ora.regexp_substr(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif((regexp_match($1, '(' OPERATOR(pg_catalog.||) $2 OPERATOR(pg_catalog.||) ')'))[1], '') $$;

-- Bytes.
CREATE FUNCTION ora.rawtohex(bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.upper(encode($1, 'hex')), '') $$;
CREATE FUNCTION ora.rawtohex(text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.upper(encode(convert_to($1, 'UTF8'), 'hex')), '') $$;
CREATE FUNCTION ora.hextoraw(text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF $1 !~ '^[0-9A-Fa-f]*$' THEN PERFORM ora.fail('ORA-01465: invalid hex number'); END IF;
  RETURN nullif(decode(CASE pg_catalog.length($1) % 2 WHEN 1 THEN '0' ELSE '' END OPERATOR(pg_catalog.||) $1, 'hex'), '');
END $$;
CREATE FUNCTION ora.cast_to_raw(text) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(convert_to($1, 'UTF8'), '') $$;
CREATE FUNCTION ora.cast_to_varchar2(bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(convert_from($1, 'UTF8'), '') $$;
CREATE FUNCTION ora.raw_substr(bytea, numeric, numeric DEFAULT 2147483647) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.substr($1, CASE WHEN $2 < 0 THEN pg_catalog.length($1) + 1 + $2 ELSE greatest($2, 1) END::integer,
     least($3, 1000000000)::integer), '') $$;
CREATE FUNCTION ora.lob_substr(ora.oclob, numeric DEFAULT 32767, numeric DEFAULT 1) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.substr($1::text, $3, $2) $$;
CREATE FUNCTION ora.lob_substr(ora.oblob, numeric DEFAULT 32767, numeric DEFAULT 1) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.raw_substr($1::bytea, $3, $2) $$;
CREATE FUNCTION ora.to_clob(text) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS $$ SELECT $1::ora.oclob $$;
CREATE FUNCTION ora.to_clob(ora.oclob) RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION ora.to_blob(bytea) RETURNS ora.oblob LANGUAGE sql IMMUTABLE AS $$ SELECT $1::ora.oblob $$;
CREATE FUNCTION ora.empty_clob() RETURNS ora.oclob LANGUAGE sql IMMUTABLE AS $$ SELECT ''::text::ora.oclob $$;
CREATE FUNCTION ora.empty_blob() RETURNS ora.oblob LANGUAGE sql IMMUTABLE AS $$ SELECT ''::bytea::ora.oblob $$;

-- The session.
CREATE FUNCTION ora.sys_context(text, text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN pg_catalog.upper($1) <> 'USERENV' THEN NULL ELSE CASE pg_catalog.upper($2)
    WHEN 'SESSION_USER' THEN current_setting('ora.user') WHEN 'CURRENT_USER' THEN current_setting('ora.user')
    WHEN 'CURRENT_SCHEMA' THEN current_setting('ora.schema') WHEN 'DB_NAME' THEN current_setting('ora.service')
    WHEN 'SERVICE_NAME' THEN current_setting('ora.service') WHEN 'INSTANCE_NAME' THEN current_setting('ora.service')
    WHEN 'SID' THEN pg_backend_pid()::text WHEN 'SESSIONID' THEN pg_backend_pid()::text
    WHEN 'LANGUAGE' THEN 'AMERICAN_AMERICA.AL32UTF8' WHEN 'LANG' THEN 'US' WHEN 'CON_NAME' THEN current_setting('ora.service')
    ELSE ora.fail('ORA-02003: invalid USERENV parameter')::text END END $$;
CREATE FUNCTION ora.userenv(text) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT ora.sys_context('USERENV', $1) $$;
CREATE FUNCTION ora.sys_guid() RETURNS bytea LANGUAGE sql VOLATILE AS
$$ SELECT decode(pg_catalog.replace(gen_random_uuid()::text, '-', ''), 'hex') $$;
