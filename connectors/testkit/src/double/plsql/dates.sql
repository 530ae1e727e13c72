-- Oracle's date arithmetic, formats and functions. Every session's time zone is UTC.

CREATE FUNCTION ora.days_later(timestamp, numeric) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.rounded(date_trunc('second', $1) + make_interval(secs => pg_catalog.round($2 * 86400)::float8), 0) $$;
CREATE FUNCTION ora.days_earlier(timestamp, numeric) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.days_later($1, -$2) $$;
CREATE FUNCTION ora.days_added(numeric, timestamp) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.days_later($2, $1) $$;
CREATE FUNCTION ora.days_between(ora.odate, ora.odate) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.divide(extract(epoch FROM $1::timestamp OPERATOR(pg_catalog.-) $2::timestamp)::numeric, 86400) $$;
CREATE FUNCTION ora.later(ora.odate, interval) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.odate($1::timestamp OPERATOR(pg_catalog.+) $2) $$;
CREATE FUNCTION ora.earlier(ora.odate, interval) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.odate($1::timestamp OPERATOR(pg_catalog.-) $2) $$;
CREATE OPERATOR ora.+ (FUNCTION = ora.days_later, LEFTARG = timestamp, RIGHTARG = numeric);
CREATE OPERATOR ora.+ (FUNCTION = ora.days_added, LEFTARG = numeric, RIGHTARG = timestamp);
CREATE OPERATOR ora.- (FUNCTION = ora.days_earlier, LEFTARG = timestamp, RIGHTARG = numeric);
CREATE OPERATOR ora.- (FUNCTION = ora.days_between, LEFTARG = ora.odate, RIGHTARG = ora.odate);
CREATE OPERATOR ora.+ (FUNCTION = ora.later, LEFTARG = ora.odate, RIGHTARG = interval);
CREATE OPERATOR ora.- (FUNCTION = ora.earlier, LEFTARG = ora.odate, RIGHTARG = interval);

-- Formats: Oracle's elements in PostgreSQL's spelling, for output and for input.
CREATE FUNCTION ora.output_format(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(
    pg_catalog.regexp_replace(pg_catalog.regexp_replace($1, 'SYYYY|RRRR', 'YYYY', 'gi'), 'RR', 'YY', 'gi'), 'X?FF[789]', 'US"000"', 'gi'), 'FF(?![1-6])', 'US', 'gi'),
    'TZR', '"+00:00"', 'gi'), 'X(?=US|FF)', '.', 'gi') $$;
CREATE FUNCTION ora.to_char(timestamp, text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT nullif(pg_catalog.to_char($1, pg_catalog.replace(pg_catalog.replace(ora.output_format($2), 'TZH', '+00'), 'TZM', '00')), '') $$;
CREATE FUNCTION ora.to_char(timestamptz, text) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT ora.to_char($1 AT TIME ZONE 'UTC', $2) $$;
CREATE FUNCTION ora.to_char(ora.odate, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ora.to_char($1::timestamp, $2) $$;
CREATE FUNCTION ora.to_char(ora.odate, text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ora.to_char($1::timestamp, $2) $$;
CREATE FUNCTION ora.to_char(timestamp, text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ora.to_char($1, $2) $$;
CREATE FUNCTION ora.to_char(timestamptz, text, text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT ora.to_char($1, $2) $$;
CREATE FUNCTION ora.to_char(ora.odate) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT ora.to_char($1::timestamp, current_setting('ora.date_format')) $$;
CREATE FUNCTION ora.to_char(timestamp) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT ora.to_char($1, current_setting('ora.timestamp_format')) $$;
CREATE FUNCTION ora.to_char(timestamptz) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT ora.to_char($1, current_setting('ora.timestamp_tz_format')) $$;
CREATE FUNCTION ora.to_char(interval) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $1::text $$;
CREATE FUNCTION ora.to_char(numeric, text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $2 ~* '^TM9?$' THEN ora.to_char($1) ELSE pg_catalog.to_char($1, $2) END $$;
CREATE FUNCTION ora.to_char(numeric, text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT ora.to_char($1, $2) $$;
CREATE FUNCTION ora.to_char(float8, text, text DEFAULT '') RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.to_char($1::numeric, $2) $$;

CREATE FUNCTION ora.parsed(text, text) RETURNS timestamptz LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  format text := pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace($2, 'SYYYY|RRRR', 'YYYY', 'gi'), 'RR', 'YY', 'gi'),
    'X(?=FF)', '.', 'gi'), 'FF[0-9]?', 'US', 'gi');
  value text := $1;
  instant timestamptz;
BEGIN
  IF value = '' THEN RETURN NULL; END IF;
  IF format ~* 'US' THEN value := pg_catalog.regexp_replace(value, '([.,][0-9]{6})[0-9]+', '\1'); END IF;
  format := pg_catalog.replace(format, 'TZR', 'TZH:TZM');
  IF value !~ '[0-9]' THEN PERFORM ora.fail('ORA-01858: a non-numeric character was found where a numeric was expected'); END IF;
  -- A Z or UTC for an offset is not read.
  instant := pg_catalog.to_timestamp(pg_catalog.regexp_replace(value, '\s*(Z|UTC|GMT)$', '+00:00'), format);
  -- The days that the calendar left out are all the 15th.
  IF pg_catalog.to_char(instant, 'YYYY-MM-DD') BETWEEN '1582-10-05' AND '1582-10-14' THEN
    instant := instant OPERATOR(pg_catalog.+)
      pg_catalog.make_interval(days => 15 - pg_catalog.to_char(instant, 'DD')::int);
  END IF;
  RETURN instant;
EXCEPTION
  WHEN datetime_field_overflow THEN
    IF value ~ '[-/][0-9]{1,2}[-/]' THEN PERFORM ora.fail('ORA-01839: date not valid for month specified'); END IF;
    PERFORM ora.fail('ORA-01850: hour must be between 0 and 23');
  WHEN invalid_datetime_format THEN
    PERFORM ora.fail('ORA-01861: literal does not match format string');
END $$;
CREATE FUNCTION ora.to_date(text, text DEFAULT NULL, text DEFAULT NULL) RETURNS ora.odate LANGUAGE sql STABLE AS
$$ SELECT ora.odate(ora.parsed($1, coalesce($2, current_setting('ora.date_format')))) $$;
CREATE FUNCTION ora.to_timestamp(text, text DEFAULT NULL, text DEFAULT NULL) RETURNS timestamp LANGUAGE sql STABLE AS
$$ SELECT ora.parsed($1, coalesce($2, current_setting('ora.timestamp_format'))) AT TIME ZONE 'UTC' $$;
CREATE FUNCTION ora.to_timestamp_tz(text, text DEFAULT NULL, text DEFAULT NULL) RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT ora.parsed($1, coalesce($2, current_setting('ora.timestamp_tz_format'))) $$;
CREATE CAST (text AS ora.odate) WITH INOUT AS ASSIGNMENT;

CREATE FUNCTION ora.unit(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN CASE pg_catalog.upper($1)
    WHEN 'YYYY' THEN 'year' WHEN 'SYYYY' THEN 'year' WHEN 'YEAR' THEN 'year' WHEN 'YYY' THEN 'year' WHEN 'YY' THEN 'year'
    WHEN 'Y' THEN 'year' WHEN 'Q' THEN 'quarter' WHEN 'MONTH' THEN 'month' WHEN 'MON' THEN 'month' WHEN 'MM' THEN 'month'
    WHEN 'RM' THEN 'month' WHEN 'IW' THEN 'week' WHEN 'DDD' THEN 'day' WHEN 'DD' THEN 'day' WHEN 'J' THEN 'day'
    WHEN 'HH' THEN 'hour' WHEN 'HH12' THEN 'hour' WHEN 'HH24' THEN 'hour' WHEN 'MI' THEN 'minute'
    ELSE ora.fail('ORA-01898: too many precision specifiers')::text END;
END $$;
CREATE FUNCTION ora.trunc(timestamp, text DEFAULT 'DD') RETURNS ora.odate LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN pg_catalog.upper($2) IN ('DAY', 'DY', 'D')
    THEN ora.odate(date_trunc('day', $1) - make_interval(days => extract(dow FROM $1)::integer))
    ELSE ora.odate(date_trunc(ora.unit($2), $1)) END $$;
CREATE FUNCTION ora.trunc(timestamptz, text DEFAULT 'DD') RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.trunc($1 AT TIME ZONE 'UTC', $2) $$;
-- A month is rounded up from its 16th day on, a quarter from the 16th day of its second month on.
CREATE FUNCTION ora.round(timestamp, text DEFAULT 'DD') RETURNS ora.odate LANGUAGE sql IMMUTABLE AS $$
  SELECT ora.trunc($1 + CASE ora.unit($2) WHEN 'year' THEN make_interval(months => 6 - CASE WHEN extract(month FROM $1) > 6 THEN 0 ELSE 6 END)
    WHEN 'quarter' THEN make_interval(months => CASE WHEN extract(month FROM $1)::integer % 3 = 0 OR
      (extract(month FROM $1)::integer % 3 = 2 AND extract(day FROM $1) > 15) THEN 3 ELSE 0 END)
    WHEN 'month' THEN make_interval(months => CASE WHEN extract(day FROM $1) > 15 THEN 1 ELSE 0 END)
    WHEN 'week' THEN interval '3 days 12 hours' WHEN 'day' THEN interval '12 hours' WHEN 'hour' THEN interval '30 minutes'
    ELSE interval '30 seconds' END, $2) $$;
CREATE FUNCTION ora.last_day(timestamp) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS
$$ SELECT ora.odate(date_trunc('month', $1) + interval '1 month' - interval '1 day' + ($1 - date_trunc('day', $1))) $$;
-- The last day of a month stays the last day.
CREATE FUNCTION ora.add_months(timestamp, numeric) RETURNS ora.odate LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN date_trunc('day', $1) = date_trunc('day', ora.last_day($1)::timestamp)
    THEN ora.last_day(ora.odate(date_trunc('month', $1) + make_interval(months => pg_catalog.trunc($2)::integer) + ($1 - date_trunc('day', $1))))
    ELSE ora.odate($1 + make_interval(months => pg_catalog.trunc($2)::integer)) END $$;
CREATE FUNCTION ora.months_between(timestamp, timestamp) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN extract(day FROM $1) = extract(day FROM $2)
      OR (ora.last_day($1)::timestamp::date = $1::date AND ora.last_day($2)::timestamp::date = $2::date) THEN months
    ELSE ora.divide(months * 2678400 + (extract(epoch FROM $1 - date_trunc('month', $1)) - extract(epoch FROM $2 - date_trunc('month', $2)))::numeric, 2678400) END
  FROM (SELECT (extract(year FROM $1) - extract(year FROM $2))::numeric * 12 + (extract(month FROM $1) - extract(month FROM $2))::numeric AS months) m $$;
CREATE FUNCTION ora.sys_extract_utc(timestamptz) RETURNS timestamp LANGUAGE sql IMMUTABLE AS
$$ SELECT $1 AT TIME ZONE 'UTC' $$;
CREATE FUNCTION ora.from_tz(timestamp, text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $2 ~ '^[-+]?[0-9]+:[0-9]+$' THEN $1 AT TIME ZONE $2::interval ELSE $1 AT TIME ZONE $2 END $$;
CREATE FUNCTION ora.extracted(text, timestamp) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT date_part($1, $2)::numeric $$;
CREATE FUNCTION ora.extracted(text, ora.odate) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF $1 IN ('hour', 'minute', 'second') THEN PERFORM ora.fail('ORA-30076: invalid extract field for extract source'); END IF;
  RETURN ora.extracted($1, $2::timestamp);
END $$;
CREATE FUNCTION ora.extracted(text, timestamptz) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT date_part($1, $2 AT TIME ZONE 'UTC')::numeric $$;
CREATE FUNCTION ora.extracted(text, interval) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT date_part($1, $2)::numeric $$;
CREATE FUNCTION ora.numtodsinterval(numeric, text) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT ($1::text OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) $2)::interval $$;
CREATE FUNCTION ora.numtoyminterval(numeric, text) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT (pg_catalog.trunc($1)::text OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) $2)::interval $$;
CREATE FUNCTION ora.to_dsinterval(text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT $1::interval $$;
CREATE FUNCTION ora.to_yminterval(text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT $1::interval year to month $$;
