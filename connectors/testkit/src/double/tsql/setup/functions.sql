-- T-SQL's functions over numbers, bytes and moments, and its conversions.
SET search_path = tsql, pg_catalog;
CREATE FUNCTION tsql.datalength(tsql.nv) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT 2 * tsql.units($1::text)::int8$$;
CREATE FUNCTION tsql.datalength(tsql.vc) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN pg_collation_for($1) COLLATE "C" ~ '_UTF8' THEN octet_length($1::text) ELSE char_length($1::text) END::int8$$;
CREATE FUNCTION tsql.datalength(bytea) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT length($1)$$;
CREATE FUNCTION tsql.datalength(int4) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT 4$$;
CREATE FUNCTION tsql.datalength(int8) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT 8$$;
CREATE FUNCTION tsql.datalength(uuid) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT 16$$;
CREATE FUNCTION tsql.len(int8) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT char_length($1::text)$$;
CREATE FUNCTION tsql.len(bytea) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT length($1)$$;
CREATE FUNCTION tsql.space(int4) RETURNS tsql.vc LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT repeat(' ', $1)::tsql.vc$$;
-- No text here holds U+0000; a code point that is no character stands for it.
CREATE FUNCTION tsql.nchar(int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN $1 = 0 THEN U&'\FFFE'::tsql.nv WHEN $1 BETWEEN 1 AND 55295 OR $1 BETWEEN 57344 AND 1114111 THEN chr($1)::tsql.nv END$$;
CREATE FUNCTION tsql."char"(int4) RETURNS tsql.vc LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN $1 BETWEEN 1 AND 255 THEN convert_from(decode(lpad(to_hex($1), 2, '0'), 'hex'), 'WIN1252')::tsql.vc END$$;
CREATE FUNCTION tsql.quotename(tsql.nv) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ('[' || pg_catalog.replace($1::text COLLATE "C", ']', ']]') || ']')::tsql.nv$$;
CREATE FUNCTION tsql.newid() RETURNS uuid LANGUAGE sql VOLATILE AS $$SELECT gen_random_uuid()$$;

-- Sums and averages keep the type of their column, as far as they fit.
CREATE AGGREGATE tsql.sum(int4) (SFUNC = int4pl, STYPE = int4, COMBINEFUNC = int4pl, PARALLEL = SAFE);
CREATE AGGREGATE tsql.sum(int8) (SFUNC = int8pl, STYPE = int8, COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE AGGREGATE tsql.sum(numeric) (SFUNC = numeric_avg_accum, STYPE = internal, FINALFUNC = numeric_sum, COMBINEFUNC = numeric_avg_combine, SERIALFUNC = numeric_avg_serialize, DESERIALFUNC = numeric_avg_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE tsql.sum(float8) (SFUNC = float8pl, STYPE = float8, COMBINEFUNC = float8pl, PARALLEL = SAFE);
CREATE FUNCTION tsql.whole_average(int8[]) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN $1[1] > 0 THEN ($1[2] / $1[1])::int4 END$$;
CREATE AGGREGATE tsql.avg(int4) (SFUNC = int4_avg_accum, STYPE = int8[], FINALFUNC = tsql.whole_average, INITCOND = '{0,0}', COMBINEFUNC = int4_avg_combine, PARALLEL = SAFE);
CREATE FUNCTION tsql.big_step(numeric[], int8) RETURNS numeric[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $2 IS NULL THEN $1 ELSE ARRAY[$1[1] + 1, $1[2] + $2] END$$;
CREATE FUNCTION tsql.big_average(numeric[]) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN $1[1] > 0 THEN div($1[2], $1[1])::int8 END$$;
CREATE AGGREGATE tsql.avg(int8) (SFUNC = tsql.big_step, STYPE = numeric[], FINALFUNC = tsql.big_average, INITCOND = '{0,0}');
CREATE AGGREGATE tsql.avg(numeric) (SFUNC = numeric_avg_accum, STYPE = internal, FINALFUNC = numeric_avg, COMBINEFUNC = numeric_avg_combine, SERIALFUNC = numeric_avg_serialize, DESERIALFUNC = numeric_avg_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE tsql.avg(float8) (SFUNC = float8_accum, STYPE = float8[], FINALFUNC = float8_avg, INITCOND = '{0,0,0}', COMBINEFUNC = float8_combine, PARALLEL = SAFE);

CREATE FUNCTION tsql.ceiling(int4) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.ceiling(int8) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.ceiling(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.ceil($1)$$;
CREATE FUNCTION tsql.ceiling(float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.ceil($1)$$;
CREATE FUNCTION tsql.floor(int4) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.floor(int8) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.floor(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.floor($1)$$;
CREATE FUNCTION tsql.floor(float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.floor($1)$$;
-- Rounding keeps the scale of a decimal.
CREATE FUNCTION tsql.round(numeric, int4) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.round(pg_catalog.round($1, $2), greatest(scale($1), 0))$$;
CREATE FUNCTION tsql.round(numeric, int4, int4) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN $3 = 0 THEN tsql.round($1, $2) ELSE pg_catalog.round(pg_catalog.trunc($1, $2), scale($1)) END$$;
CREATE FUNCTION tsql.round(int4, int4) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.round($1::numeric, $2)::int4$$;
CREATE FUNCTION tsql.round(int8, int4) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.round($1::numeric, $2)::int8$$;
CREATE FUNCTION tsql.round(float8, int4) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.round($1::numeric, $2)::float8$$;
CREATE FUNCTION tsql.round(float8, int4, int4) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN $3 = 0 THEN pg_catalog.round($1::numeric, $2) ELSE pg_catalog.trunc($1::numeric, $2) END::float8$$;
CREATE FUNCTION tsql.square(float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1 * $1$$;
CREATE FUNCTION tsql.log10(float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT pg_catalog.log($1)$$;
CREATE FUNCTION tsql.log(float8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ln($1)$$;

-- Whole numbers: fractions are cut off in a conversion.
DO $body$
DECLARE name text; kind text;
BEGIN
  FOR name, kind IN VALUES ('to_tinyint', 'tsql.tinyint'), ('to_smallint', 'int2'), ('to_int', 'int4'), ('to_bigint', 'int8') LOOP
    EXECUTE format('CREATE FUNCTION tsql.%s(int8) RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::%2$s$$', name, kind);
    EXECUTE format('CREATE FUNCTION tsql.%s(int4) RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::%2$s$$', name, kind);
    EXECUTE format('CREATE FUNCTION tsql.%s(tsql.bit) RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.bit_int($1)::%2$s$$', name, kind);
    EXECUTE format('CREATE FUNCTION tsql.%s(numeric) RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT trunc($1)::%2$s$$', name, kind);
    EXECUTE format('CREATE FUNCTION tsql.%s(float8) RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT trunc($1)::%2$s$$', name, kind);
    EXECUTE format('CREATE FUNCTION tsql.%s(tsql.nv) RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN btrim($1::text) = '''' COLLATE "C" THEN 0 ELSE btrim($1::text)::%2$s END$$', name, kind);
    EXECUTE format('CREATE FUNCTION tsql.%s(bytea) RETURNS %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT coalesce(sum(get_byte($1, i)::numeric * 256::numeric ^ (length($1) - 1 - i)), 0)::%2$s FROM generate_series(0, length($1) - 1) i$$', name, kind);
  END LOOP;
END $body$;
CREATE FUNCTION tsql.to_bit(int8) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::tsql.bit$$;
CREATE FUNCTION tsql.to_bit(int4) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::tsql.bit$$;
CREATE FUNCTION tsql.to_bit(tsql.bit) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.to_bit(numeric) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ($1 <> 0)::tsql.bit$$;
CREATE FUNCTION tsql.to_bit(float8) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT ($1 <> 0)::tsql.bit$$;
CREATE FUNCTION tsql.to_bit(tsql.nv) RETURNS tsql.bit LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN pg_catalog.lower(btrim($1::text)) IN ('true', 'false') THEN btrim($1::text)::bool ELSE btrim($1::text)::numeric <> 0 END::tsql.bit$$;

-- datetime counts three-hundredths of a second; smalldatetime, minutes.
CREATE FUNCTION tsql.to_datetime(value timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT date_trunc('day', $1) + pg_catalog.round(pg_catalog.round(extract(epoch FROM $1 - date_trunc('day', $1)) * 300) / 300, 3)::float8 * interval '1 second'$$;
CREATE FUNCTION tsql.to_datetime(tsql.nv) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.to_datetime($1::text::timestamp)$$;
CREATE FUNCTION tsql.to_datetime(timestamptz) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.to_datetime($1 AT TIME ZONE 'UTC')$$;
CREATE FUNCTION tsql.to_datetime(numeric) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.to_datetime(timestamp '1900-01-01' + $1::float8 * interval '1 day')$$;
CREATE FUNCTION tsql.to_smalldatetime(value timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT date_trunc('minute', $1 + interval '30.001 seconds')$$;
CREATE FUNCTION tsql.to_smalldatetime(tsql.nv) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.to_smalldatetime($1::text::timestamp)$$;

-- Bytes.
CREATE FUNCTION tsql.sized(value bytea, size int4, fixed bool) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN $2 < 0 THEN $1 WHEN length($1) >= $2 THEN substr($1, 1, $2) WHEN $3 THEN $1 || decode(repeat('00', $2 - length($1)), 'hex') ELSE $1 END$$;
CREATE FUNCTION tsql.swapped(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT substr($1, 4, 1) || substr($1, 3, 1) || substr($1, 2, 1) || substr($1, 1, 1) || substr($1, 6, 1) || substr($1, 5, 1) || substr($1, 8, 1) || substr($1, 7, 1) || substr($1, 9)$$;
CREATE FUNCTION tsql.to_binary(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.to_binary(tsql.nv) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.utf16($1::text)$$;
CREATE FUNCTION tsql.to_binary(tsql.vc) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN pg_collation_for($1) COLLATE "C" ~ '_UTF8' THEN convert_to($1::text, 'UTF8') ELSE tsql.code_page($1::text) END$$;
CREATE FUNCTION tsql.to_binary(int2) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT int2send($1)$$;
CREATE FUNCTION tsql.to_binary(int4) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT int4send($1)$$;
CREATE FUNCTION tsql.to_binary(int8) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT int8send($1)$$;
CREATE FUNCTION tsql.to_binary(tsql.bit) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT decode(CASE WHEN tsql.bit_int($1) = 1 THEN '01' ELSE '00' END, 'hex')$$;
CREATE FUNCTION tsql.to_binary(float8) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT float8send($1)$$;
CREATE FUNCTION tsql.to_binary(uuid) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.swapped(uuid_send($1))$$;
CREATE FUNCTION tsql.hashbytes(tsql.nv, bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE pg_catalog.upper($1::text) WHEN 'SHA2_256' THEN sha256($2) WHEN 'SHA2_512' THEN sha512($2) WHEN 'MD5' THEN decode(md5($2), 'hex') END$$;
CREATE FUNCTION tsql.hashbytes(algorithm tsql.nv, value tsql.nv) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.hashbytes($1, tsql.utf16($2::text))$$;
CREATE FUNCTION tsql.hashbytes(algorithm tsql.nv, value tsql.vc) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.hashbytes($1, tsql.to_binary($2))$$;

-- Text of other types, as a conversion without a style writes it.
CREATE FUNCTION tsql.stamp_text(value timestamp, digits int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT (to_char($1, 'YYYY-MM-DD HH24:MI:SS') || CASE WHEN $2 > 0 THEN '.' || pg_catalog.left(to_char($1, 'US') || '0', $2) ELSE '' END)::tsql.nv$$;
CREATE FUNCTION tsql.stamp_text(value time, digits int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT (to_char($1, 'HH24:MI:SS') || CASE WHEN $2 > 0 THEN '.' || pg_catalog.left(to_char($1, 'US') || '0', $2) ELSE '' END)::tsql.nv$$;
CREATE FUNCTION tsql.stamp_text(value timestamptz, digits int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT (tsql.stamp_text($1 AT TIME ZONE 'UTC', $2)::text || ' +00:00')::tsql.nv$$;
CREATE FUNCTION tsql.stamp_text(timestamp) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.stamp_text($1, 7)$$;
CREATE FUNCTION tsql.stamp_text(time) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.stamp_text($1, 7)$$;
CREATE FUNCTION tsql.stamp_text(timestamptz) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.stamp_text($1, 7)$$;
-- datetime: `Jan  2 2024  3:04AM`.
CREATE FUNCTION tsql.datetime_text(timestamp) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT (to_char($1, 'Mon ') || lpad(extract(day FROM $1)::text, 2) || to_char($1, ' YYYY ') || lpad(to_char($1, 'FMHH12'), 2) || to_char($1, ':MIAM'))::tsql.nv$$;
-- A double with six digits, as printf's %g, but with three digits of exponent.
CREATE FUNCTION tsql.float_text(value float8, digits int4) RETURNS tsql.nv LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE exact numeric := value::text::numeric; power int4; mantissa numeric;
BEGIN
  IF value = 0 THEN RETURN '0'; END IF;
  power := pg_catalog.floor(log(abs(exact)));
  mantissa := pg_catalog.round(exact * 10::numeric ^ -power, digits - 1);
  IF abs(mantissa) >= 10 THEN
    mantissa := mantissa / 10;
    power := power + 1;
  END IF;
  IF power < -4 OR power >= digits THEN
    RETURN trim_scale(mantissa)::text || 'e' || CASE WHEN power < 0 THEN '-' ELSE '+' END || lpad(abs(power)::text, 3, '0');
  END IF;
  RETURN trim_scale(mantissa * 10::numeric ^ power)::text;
END $$;
CREATE FUNCTION tsql.float_text(float8) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.float_text($1, 6)$$;
CREATE FUNCTION tsql.real_text(float4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.float_text($1::float8, 6)$$;
CREATE FUNCTION tsql.bytes_text(bytea) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.from_utf16($1)::tsql.nv$$;
CREATE FUNCTION tsql.bytes_narrow(bytea) RETURNS tsql.vc LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT convert_from($1, 'WIN1252')::tsql.vc$$;
CREATE CAST (timestamp AS tsql.nv) WITH FUNCTION tsql.stamp_text(timestamp) AS ASSIGNMENT;
CREATE CAST (timestamptz AS tsql.nv) WITH FUNCTION tsql.stamp_text(timestamptz) AS ASSIGNMENT;
CREATE CAST (time AS tsql.nv) WITH FUNCTION tsql.stamp_text(time) AS ASSIGNMENT;
CREATE CAST (float8 AS tsql.nv) WITH FUNCTION tsql.float_text(float8) AS ASSIGNMENT;
CREATE CAST (float4 AS tsql.nv) WITH FUNCTION tsql.real_text(float4) AS ASSIGNMENT;
CREATE CAST (bytea AS tsql.nv) WITH FUNCTION tsql.bytes_text(bytea) AS ASSIGNMENT;
CREATE CAST (bytea AS tsql.vc) WITH FUNCTION tsql.bytes_narrow(bytea) AS ASSIGNMENT;
-- With a style.
CREATE FUNCTION tsql.styled(value bytea, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE $2 WHEN 1 THEN ('0x' || pg_catalog.upper(encode($1, 'hex')))::tsql.nv WHEN 2 THEN pg_catalog.upper(encode($1, 'hex'))::tsql.nv ELSE tsql.bytes_text($1) END$$;
CREATE FUNCTION tsql.styled(value float8, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE $2 WHEN 3 THEN tsql.float_text($1, 17) WHEN 2 THEN tsql.float_text($1, 16) WHEN 1 THEN tsql.float_text($1, 8) ELSE tsql.float_text($1, 6) END$$;
CREATE FUNCTION tsql.styled(value timestamp, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT (CASE $2 WHEN 126 THEN to_char($1, 'YYYY-MM-DD"T"HH24:MI:SS.US') WHEN 121 THEN to_char($1, 'YYYY-MM-DD HH24:MI:SS.US') WHEN 120 THEN to_char($1, 'YYYY-MM-DD HH24:MI:SS')
  WHEN 112 THEN to_char($1, 'YYYYMMDD') WHEN 23 THEN to_char($1, 'YYYY-MM-DD') WHEN 101 THEN to_char($1, 'MM/DD/YYYY') WHEN 103 THEN to_char($1, 'DD/MM/YYYY') WHEN 104 THEN to_char($1, 'DD.MM.YYYY')
  WHEN 108 THEN to_char($1, 'HH24:MI:SS') ELSE to_char($1, 'YYYY-MM-DD HH24:MI:SS.US') END)::tsql.nv$$;
CREATE FUNCTION tsql.styled(value tsql.nv, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.styled(value uuid, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::tsql.nv$$;
CREATE FUNCTION tsql.styled(value int8, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::tsql.nv$$;
CREATE FUNCTION tsql.styled(value numeric, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::tsql.nv$$;
CREATE FUNCTION tsql.from_hex(tsql.nv) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT decode(regexp_replace($1::text COLLATE "C", '^0[xX]', ''), 'hex')$$;

-- A conversion that gives NULL where it fails.
CREATE FUNCTION tsql.attempted(value tsql.nv, expression text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
DECLARE made text;
BEGIN
  EXECUTE 'SELECT (' || expression || ')::text' INTO made USING value;
  RETURN made;
EXCEPTION WHEN data_exception OR check_violation THEN
  RETURN NULL;
END $$;
CREATE FUNCTION tsql.styled(value int4, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::tsql.nv$$;
CREATE FUNCTION tsql.styled(value timestamptz, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE $2 WHEN 127 THEN (tsql.styled($1 AT TIME ZONE 'UTC', 126)::text || 'Z')::tsql.nv WHEN 126 THEN (tsql.styled($1 AT TIME ZONE 'UTC', 126)::text || '+00:00')::tsql.nv ELSE tsql.stamp_text($1, 7) END$$;
CREATE FUNCTION tsql.styled(value time, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.stamp_text($1, 7)$$;
-- The same as narrow text.
DO $body$
DECLARE kind text;
BEGIN
  FOREACH kind IN ARRAY ARRAY['timestamp', 'timestamptz', 'time', 'float8', 'float4', 'tsql.bit'] LOOP
    EXECUTE format('CREATE FUNCTION tsql.to_narrow(%s) RETURNS tsql.vc LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT $1::tsql.nv::text::tsql.vc$$', kind);
    EXECUTE format('CREATE CAST (%s AS tsql.vc) WITH FUNCTION tsql.to_narrow(%1$s) AS ASSIGNMENT', kind);
  END LOOP;
END $body$;
CREATE FUNCTION tsql.styled(value date, style int4) RETURNS tsql.nv LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT CASE WHEN $2 IN (0, 20, 21, 121, 126) THEN $1::text::tsql.nv ELSE tsql.styled($1::timestamp, $2) END$$;
