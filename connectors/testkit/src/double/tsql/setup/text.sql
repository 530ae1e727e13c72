-- T-SQL's functions over text, once for each type that carries text (`@`), by the collation of their arguments.
CREATE FUNCTION tsql.len(tsql.@) RETURNS int4 LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT char_length(rtrim($1::text, ' ')) + CASE WHEN tsql.pairs($1::text) = 0 OR tsql.counts_characters(pg_collation_for($1)) THEN 0 ELSE tsql.pairs($1::text) END$$;
CREATE FUNCTION tsql."left"(tsql.@, int8) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $2 >= 0 AND octet_length($1::text) = char_length($1::text) THEN pg_catalog.left($1::text, $2::int4) ELSE tsql.part($1::text, 1, $2, tsql.counts_characters(pg_collation_for($1))) END::tsql.@$$;
CREATE FUNCTION tsql.substring(tsql.@, int8, int8) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $2 >= 1 AND $3 >= 0 AND octet_length($1::text) = char_length($1::text) THEN substr($1::text, $2::int4, least($3, 1000000000)::int4) ELSE tsql.part($1::text, $2, $3, tsql.counts_characters(pg_collation_for($1))) END::tsql.@$$;
CREATE FUNCTION tsql."right"(tsql.@, int8) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $2 > 0 AND octet_length($1::text) = char_length($1::text) THEN pg_catalog.right($1::text, $2::int4) ELSE tsql.part($1::text, greatest(1, tsql.counted($1::text, pg_collation_for($1)) - $2 + 1), $2, tsql.counts_characters(pg_collation_for($1))) END::tsql.@$$;
CREATE FUNCTION tsql.upper(tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT tsql.capitals($1::text)::tsql.@$$;
CREATE FUNCTION tsql.lower(tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT pg_catalog.lower($1::text COLLATE "und-x-icu")::tsql.@$$;
CREATE FUNCTION tsql.ltrim(tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT pg_catalog.ltrim($1::text, ' ')::tsql.@$$;
CREATE FUNCTION tsql.rtrim(tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT pg_catalog.rtrim($1::text, ' ')::tsql.@$$;
CREATE FUNCTION tsql.trim(tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT pg_catalog.btrim($1::text, ' ')::tsql.@$$;
CREATE FUNCTION tsql.reverse(tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT pg_catalog.reverse($1::text)::tsql.@$$;
CREATE FUNCTION tsql.replicate(tsql.@, int8) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $2 >= 0 THEN pg_catalog.repeat($1::text, $2::int4)::tsql.@ END$$;
CREATE FUNCTION tsql.unicode(tsql.@) RETURNS int4 LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $1::text = '' COLLATE "C" THEN NULL WHEN pg_catalog.ascii($1::text) < 65536 OR tsql.counts_characters(pg_collation_for($1)) THEN pg_catalog.ascii($1::text) ELSE 55296 + ((pg_catalog.ascii($1::text) - 65536) >> 10) END$$;
CREATE FUNCTION tsql.ascii(tsql.@) RETURNS int4 LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $1::text = '' COLLATE "C" THEN NULL ELSE get_byte(tsql.code_page(pg_catalog.left($1::text, 1)), 0) END$$;
CREATE FUNCTION tsql.charindex(tsql.@, tsql.@, int8) RETURNS int4 LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT tsql.placed(tsql.found($1::text, $2::text, $3::int4, tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2))), $2::text, pg_collation_for($1 OPERATOR(tsql.+) $2))$$;
CREATE FUNCTION tsql.charindex(tsql.@, tsql.@) RETURNS int4 LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT tsql.placed(tsql.found($1::text, $2::text, 1, tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2))), $2::text, pg_collation_for($1 OPERATOR(tsql.+) $2))$$;
CREATE FUNCTION tsql.replace(tsql.@, tsql.@, tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT tsql.replaced($1::text, $2::text, $3::text, tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2)))::tsql.@$$;
CREATE FUNCTION tsql.stuff(tsql.@, int8, int8, tsql.@) RETURNS tsql.@ LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $2 >= 1 AND $3 >= 0 AND $2 <= char_length($1::text) THEN (pg_catalog.left($1::text, $2::int4 - 1) || $4::text || substr($1::text, ($2 + $3)::int4))::tsql.@ END$$;
-- The order of a binary collation.
CREATE FUNCTION tsql.ordinal(tsql.@) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$SELECT tsql.ordinal($1::text)$$;
-- A pattern under a collation; blanks at the end of narrow text do not count. A constant pattern becomes
-- a regular expression once, when the statement is planned.
CREATE FUNCTION tsql."like"(tsql.@, tsql.@, text) RETURNS bool LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT tsql.matched($1::text, tsql.expression(tsql.spread($2::text) COLLATE "und-x-icu", $3), tsql.expression($2::text COLLATE "und-x-icu", $3), pg_collation_for(CASE WHEN false THEN $1 ELSE $2 END), '@')$$;
CREATE FUNCTION tsql."like"(tsql.@, tsql.@) RETURNS bool LANGUAGE sql STABLE PARALLEL SAFE
AS $$SELECT tsql."like"($1, $2, NULL::text)$$;
CREATE FUNCTION tsql.patindex(tsql.@, tsql.@) RETURNS int4 LANGUAGE sql STABLE STRICT PARALLEL SAFE
AS $$SELECT coalesce((SELECT min(i) FROM generate_series(1, char_length($2::text) + 1) i
  WHERE tsql.matched(substr($2::text, i), NULL, tsql.expression(pg_catalog.ltrim($1::text, '%') COLLATE "und-x-icu", NULL), '"Latin1_General_100_' || CASE WHEN tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2)) THEN 'CI' ELSE 'CS' END || '_AS_SC"', 'nv')), 0)$$;
