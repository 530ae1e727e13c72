-- T-SQL's functions over moments. A part of a date is its full name.
SET search_path = tsql, pg_catalog;
CREATE FUNCTION tsql.getdate() RETURNS timestamp LANGUAGE sql STABLE AS $$SELECT tsql.to_datetime((now() AT TIME ZONE 'UTC')::timestamp)$$;
CREATE FUNCTION tsql.getutcdate() RETURNS timestamp LANGUAGE sql STABLE AS $$SELECT tsql.getdate()$$;
CREATE FUNCTION tsql.sysdatetime() RETURNS timestamp LANGUAGE sql STABLE AS $$SELECT now() AT TIME ZONE 'UTC'$$;
CREATE FUNCTION tsql.sysutcdatetime() RETURNS timestamp LANGUAGE sql STABLE AS $$SELECT now() AT TIME ZONE 'UTC'$$;
CREATE FUNCTION tsql.sysdatetimeoffset() RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT now()$$;

CREATE FUNCTION tsql.span(part text, count int8) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE $1 WHEN 'year' THEN make_interval(years => $2::int4) WHEN 'quarter' THEN make_interval(months => 3 * $2::int4) WHEN 'month' THEN make_interval(months => $2::int4)
  WHEN 'day' THEN make_interval(days => $2::int4) WHEN 'dayofyear' THEN make_interval(days => $2::int4) WHEN 'weekday' THEN make_interval(days => $2::int4) WHEN 'week' THEN make_interval(weeks => $2::int4)
  WHEN 'hour' THEN $2 * interval '1 hour' WHEN 'minute' THEN $2 * interval '1 minute' WHEN 'second' THEN $2 * interval '1 second'
  WHEN 'millisecond' THEN $2 * interval '1 millisecond' WHEN 'microsecond' THEN $2 * interval '1 microsecond' WHEN 'nanosecond' THEN $2 / 1000 * interval '1 microsecond' END$$;
CREATE FUNCTION tsql.dateadd(text, int8, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $3 + tsql.span($1, $2)$$;
CREATE FUNCTION tsql.dateadd(text, int8, timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT ($3 AT TIME ZONE 'UTC' + tsql.span($1, $2)) AT TIME ZONE 'UTC'$$;
CREATE FUNCTION tsql.dateadd(text, int8, date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT ($3 + tsql.span($1, $2))::date$$;
CREATE FUNCTION tsql.dateadd(text, int8, time) RETURNS time LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $3 + tsql.span($1, $2)$$;

-- How many boundaries lie between two moments.
CREATE FUNCTION tsql.boundary(part text, value timestamp) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE $1 WHEN 'year' THEN extract(year FROM $2) WHEN 'quarter' THEN extract(year FROM $2) * 4 + extract(quarter FROM $2) WHEN 'month' THEN extract(year FROM $2) * 12 + extract(month FROM $2)
  WHEN 'day' THEN $2::date - date '0001-01-01' WHEN 'dayofyear' THEN $2::date - date '0001-01-01' WHEN 'weekday' THEN $2::date - date '0001-01-01' WHEN 'week' THEN ($2::date - date '0001-01-01' + 1) / 7
  WHEN 'hour' THEN pg_catalog.floor(extract(epoch FROM $2) / 3600) WHEN 'minute' THEN pg_catalog.floor(extract(epoch FROM $2) / 60) WHEN 'second' THEN pg_catalog.floor(extract(epoch FROM $2))
  WHEN 'millisecond' THEN pg_catalog.floor(extract(epoch FROM $2) * 1000) WHEN 'microsecond' THEN extract(epoch FROM $2) * 1000000 WHEN 'nanosecond' THEN extract(epoch FROM $2) * 1000000000 END$$;
CREATE FUNCTION tsql.datediff(text, timestamp, timestamp) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT (tsql.boundary($1, $3) - tsql.boundary($1, $2))::int4$$;
CREATE FUNCTION tsql.datediff(text, timestamptz, timestamptz) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datediff($1, $2 AT TIME ZONE 'UTC', $3 AT TIME ZONE 'UTC')$$;
CREATE FUNCTION tsql.datediff(text, date, date) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datediff($1, $2::timestamp, $3::timestamp)$$;
CREATE FUNCTION tsql.datediff(text, time, time) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datediff($1, date '1900-01-01' + $2, date '1900-01-01' + $3)$$;
CREATE FUNCTION tsql.datediff_big(text, timestamp, timestamp) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT (tsql.boundary($1, $3) - tsql.boundary($1, $2))::int8$$;
CREATE FUNCTION tsql.datediff_big(text, timestamptz, timestamptz) RETURNS int8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datediff_big($1, $2 AT TIME ZONE 'UTC', $3 AT TIME ZONE 'UTC')$$;

CREATE FUNCTION tsql.datepart(text, timestamp) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE $1 WHEN 'dayofyear' THEN extract(doy FROM $2) WHEN 'weekday' THEN extract(dow FROM $2) + 1 WHEN 'iso_week' THEN extract(week FROM $2)
  WHEN 'week' THEN pg_catalog.floor((extract(doy FROM $2) + extract(dow FROM date_trunc('year', $2)) - 1) / 7) + 1
  WHEN 'millisecond' THEN pg_catalog.floor(extract(milliseconds FROM $2))::int8 % 1000 WHEN 'microsecond' THEN extract(microseconds FROM $2)::int8 % 1000000 WHEN 'nanosecond' THEN extract(microseconds FROM $2)::int8 % 1000000 * 1000
  WHEN 'tzoffset' THEN 0 WHEN 'second' THEN pg_catalog.floor(extract(second FROM $2)) WHEN 'year' THEN extract(year FROM $2) WHEN 'quarter' THEN extract(quarter FROM $2) WHEN 'month' THEN extract(month FROM $2)
  WHEN 'day' THEN extract(day FROM $2) WHEN 'hour' THEN extract(hour FROM $2) WHEN 'minute' THEN extract(minute FROM $2) END::int4$$;
CREATE FUNCTION tsql.datepart(text, timestamptz) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datepart($1, $2 AT TIME ZONE 'UTC')$$;
CREATE FUNCTION tsql.datepart(text, date) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datepart($1, $2::timestamp)$$;
CREATE FUNCTION tsql.datepart(text, time) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datepart($1, date '1900-01-01' + $2)$$;
CREATE FUNCTION tsql.datename(text, timestamp) RETURNS tsql.nv LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE $1 WHEN 'month' THEN to_char($2, 'FMMonth') WHEN 'weekday' THEN to_char($2, 'FMDay') ELSE tsql.datepart($1, $2)::text END::tsql.nv$$;
DO $body$
DECLARE kind text; part text;
BEGIN
  FOREACH kind IN ARRAY ARRAY['timestamp', 'timestamptz', 'date'] LOOP
    FOREACH part IN ARRAY ARRAY['year', 'month', 'day'] LOOP
      EXECUTE format('CREATE FUNCTION tsql.%I(%s) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datepart(%L, $1)$$', part, kind, part);
    END LOOP;
  END LOOP;
END $body$;
CREATE FUNCTION tsql.datetrunc(text, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE $1 WHEN 'week' THEN date_trunc('week', $2 + interval '1 day') - interval '1 day' WHEN 'iso_week' THEN date_trunc('week', $2) WHEN 'dayofyear' THEN date_trunc('day', $2) ELSE date_trunc($1, $2) END$$;
CREATE FUNCTION tsql.datetrunc(text, date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datetrunc($1, $2::timestamp)::date$$;
CREATE FUNCTION tsql.datetrunc(text, timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.datetrunc($1, $2 AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'$$;
CREATE FUNCTION tsql.eomonth(date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT (date_trunc('month', $1::timestamp) + interval '1 month' - interval '1 day')::date$$;
CREATE FUNCTION tsql.eomonth(timestamp) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT tsql.eomonth($1::date)$$;

CREATE FUNCTION tsql.datefromparts(int4, int4, int4) RETURNS date LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
  IF $1 NOT BETWEEN 1 AND 9999 THEN
    RAISE EXCEPTION 'Cannot construct data type date, some of the arguments have values which are not valid.' USING ERRCODE = 'TS289';
  END IF;
  RETURN make_date($1, $2, $3);
EXCEPTION WHEN datetime_field_overflow THEN
  RAISE EXCEPTION 'Cannot construct data type date, some of the arguments have values which are not valid.' USING ERRCODE = 'TS289';
END $$;
CREATE FUNCTION tsql.timefromparts(int4, int4, int4, int4, int4) RETURNS time LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT make_time($1, $2, $3) + ($4::float8 / 10 ^ $5) * interval '1 second'$$;
CREATE FUNCTION tsql.datetime2fromparts(int4, int4, int4, int4, int4, int4, int4, int4) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT tsql.datefromparts($1, $2, $3) + make_time($4, $5, $6) + pg_catalog.floor($7 * 10::numeric ^ (6 - $8))::float8 * interval '1 microsecond'$$;
CREATE FUNCTION tsql.datetimefromparts(int4, int4, int4, int4, int4, int4, int4) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT tsql.to_datetime(tsql.datefromparts($1, $2, $3) + make_time($4, $5, $6) + $7 * interval '1 millisecond')$$;
CREATE FUNCTION tsql.datetimeoffsetfromparts(int4, int4, int4, int4, int4, int4, int4, int4, int4, int4) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT (tsql.datetime2fromparts($1, $2, $3, $4, $5, $6, $7, $10) - make_interval(hours => $8, mins => $9)) AT TIME ZONE 'UTC'$$;

-- An instant is kept without the offset it was written with.
CREATE FUNCTION tsql.switchoffset(timestamptz, tsql.nv) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.switchoffset(timestamptz, int4) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $1$$;
CREATE FUNCTION tsql.todatetimeoffset(timestamp, tsql.nv) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT ($1::text || $2::text)::timestamptz$$;
CREATE FUNCTION tsql.todatetimeoffset(timestamp, int4) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT ($1 - make_interval(mins => $2)) AT TIME ZONE 'UTC'$$;
CREATE FUNCTION tsql.zone(tsql.nv) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE $1::text WHEN 'W. Europe Standard Time' THEN 'Europe/Berlin' WHEN 'Romance Standard Time' THEN 'Europe/Paris' WHEN 'Central European Standard Time' THEN 'Europe/Warsaw' WHEN 'Eastern Standard Time' THEN 'America/New_York' WHEN 'Pacific Standard Time' THEN 'America/Los_Angeles' ELSE $1::text END$$;
CREATE FUNCTION tsql.at_time_zone(timestamp, tsql.nv) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $1 AT TIME ZONE tsql.zone($2)$$;
CREATE FUNCTION tsql.at_time_zone(timestamptz, tsql.nv) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT $1$$;
