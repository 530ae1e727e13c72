-- T-SQL's functions over text, once for each type that carries text (`@`), by the collation of their arguments.
CREATE FUNCTION tsql.len(tsql.@) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT char_length(rtrim($1::text, ' ')) + CASE WHEN tsql.pairs($1::text) = 0 OR tsql.counts_characters(pg_collation_for($1)) THEN 0 ELSE tsql.pairs($1::text) END$$;
CREATE FUNCTION tsql."left"(tsql.@, int8) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.part($1::text, 1, $2, tsql.counts_characters(pg_collation_for($1)))::tsql.@$$;
CREATE FUNCTION tsql.substring(tsql.@, int8, int8) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.part($1::text, $2, $3, tsql.counts_characters(pg_collation_for($1)))::tsql.@$$;
CREATE FUNCTION tsql."right"(tsql.@, int8) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.part($1::text, greatest(1, tsql.counted($1::text, pg_collation_for($1)) - $2 + 1), $2, tsql.counts_characters(pg_collation_for($1)))::tsql.@$$;
CREATE FUNCTION tsql.upper(tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.capitals($1::text)::tsql.@$$;
CREATE FUNCTION tsql.lower(tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT pg_catalog.lower($1::text COLLATE "und-x-icu")::tsql.@$$;
CREATE FUNCTION tsql.ltrim(tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT pg_catalog.ltrim($1::text, ' ')::tsql.@$$;
CREATE FUNCTION tsql.rtrim(tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT pg_catalog.rtrim($1::text, ' ')::tsql.@$$;
CREATE FUNCTION tsql.trim(tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT pg_catalog.btrim($1::text, ' ')::tsql.@$$;
CREATE FUNCTION tsql.reverse(tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT pg_catalog.reverse($1::text)::tsql.@$$;
CREATE FUNCTION tsql.replicate(tsql.@, int8) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN $2 >= 0 THEN pg_catalog.repeat($1::text, $2::int4)::tsql.@ END$$;
CREATE FUNCTION tsql.unicode(tsql.@) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN $1::text = '' COLLATE "C" THEN NULL WHEN pg_catalog.ascii($1::text) < 65536 OR tsql.counts_characters(pg_collation_for($1)) THEN pg_catalog.ascii($1::text) ELSE 55296 + ((pg_catalog.ascii($1::text) - 65536) >> 10) END$$;
CREATE FUNCTION tsql.ascii(tsql.@) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN $1::text = '' COLLATE "C" THEN NULL ELSE get_byte(tsql.code_page(pg_catalog.left($1::text, 1)), 0) END$$;
CREATE FUNCTION tsql.charindex(tsql.@, tsql.@, int8) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.placed(tsql.found($1::text, $2::text, $3::int4, tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2))), $2::text, pg_collation_for($1 OPERATOR(tsql.+) $2))$$;
CREATE FUNCTION tsql.charindex(tsql.@, tsql.@) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.placed(tsql.found($1::text, $2::text, 1, tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2))), $2::text, pg_collation_for($1 OPERATOR(tsql.+) $2))$$;
CREATE FUNCTION tsql.replace(tsql.@, tsql.@, tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.replaced($1::text, $2::text, $3::text, tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2)))::tsql.@$$;
CREATE FUNCTION tsql.stuff(tsql.@, int8, int8, tsql.@) RETURNS tsql.@ LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN $2 >= 1 AND $3 >= 0 AND $2 <= char_length($1::text) THEN (pg_catalog.left($1::text, $2::int4 - 1) || $4::text || substr($1::text, ($2 + $3)::int4))::tsql.@ END$$;
-- The order of a binary collation.
CREATE FUNCTION tsql.ordinal(tsql.@) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$SELECT tsql.ordinal($1::text)$$;
-- A pattern under a collation; blanks at the end of narrow text do not count.
CREATE FUNCTION tsql."like"(tsql.@, tsql.@) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.matches($1::text, $2::text, NULL, NOT tsql.counts_characters(pg_collation_for($1 OPERATOR(tsql.+) $2)), tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2)), '@' = 'vc' COLLATE "C")$$;
CREATE FUNCTION tsql."like"(tsql.@, tsql.@, text) RETURNS bool LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT tsql.matches($1::text, $2::text, $3, NOT tsql.counts_characters(pg_collation_for($1 OPERATOR(tsql.+) $2)), tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2)), '@' = 'vc' COLLATE "C")$$;
CREATE FUNCTION tsql.patindex(tsql.@, tsql.@) RETURNS int4 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT coalesce((SELECT min(i) FROM generate_series(1, char_length($2::text) + 1) i
  WHERE tsql.matches(substr($2::text, i), pg_catalog.ltrim($1::text, '%'), NULL, false, tsql.loose(pg_collation_for($1 OPERATOR(tsql.+) $2)), false)), 0)$$;
