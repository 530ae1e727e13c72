-- T-SQL's functions over text, by the collation of their arguments.

-- `pg_collation_for` says which collation a call has; text of a constant has the database's.
CREATE FUNCTION tsql.loose(collation_name text) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT $1 IS NULL OR $1 COLLATE "C" ~ '_CI_' OR $1 = '"default"' COLLATE "C"$$;
CREATE FUNCTION tsql.counts_characters(collation_name text) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT coalesce($1 COLLATE "C" ~ '_SC|_UTF8', false)$$;

-- Text whose characters are units: a character of two units is followed by a mark.
CREATE FUNCTION tsql.spread(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE WHEN tsql.pairs($1) = 0 THEN $1
  ELSE regexp_replace($1 COLLATE "C", '([\U00010000-\U0010ffff])', E'\\1\U0010fffe', 'g') END$$;
CREATE FUNCTION tsql.gathered(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN tsql.pairs($1) = 0 THEN $1 ELSE
  regexp_replace(regexp_replace(regexp_replace($1 COLLATE "C", E'^\U0010fffe', E'\ufffd'),
    '[\U00010000-\U0010fffd]$', E'\ufffd'), E'([\U00010000-\U0010ffff])\U0010fffe', '\1', 'g') END$$;
CREATE FUNCTION tsql.part(value text, at int8, count int8, characters bool) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
  IF count < 0 THEN
    RAISE EXCEPTION 'Invalid length parameter passed to the LEFT or SUBSTRING function.' USING ERRCODE = '22011';
  END IF;
  IF at < 1 THEN
    count := greatest(count + at - 1, 0);
    at := 1;
  END IF;
  at := least(at, 2000000000);
  count := least(count, 2000000000 - at);
  IF characters OR tsql.pairs(value) = 0 THEN
    RETURN substr(value, at::int4, count::int4);
  END IF;
  RETURN tsql.gathered(substr(tsql.spread(value), at::int4, count::int4));
END $$;

-- A pattern of LIKE as a regular expression; one that can never match where it is not well formed.
CREATE FUNCTION tsql.expression(pattern text, escape text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  made text := ''; class text; at int4 := 1; sign text; size int4 := char_length(pattern); negated bool;
BEGIN
  WHILE at <= size LOOP
    sign := substr(pattern, at, 1);
    at := at + 1;
    IF sign = escape COLLATE "C" THEN
      IF at > size THEN RETURN '(?!)'; END IF;
      made := made || regexp_replace(substr(pattern, at, 1), '([^[:alnum:]])', '\\\1');
      at := at + 1;
    ELSIF sign = '%' COLLATE "C" THEN
      made := made || '.*';
    ELSIF sign = '_' COLLATE "C" THEN
      made := made || '.';
    ELSIF sign = '[' COLLATE "C" THEN
      negated := substr(pattern, at, 1) = '^' COLLATE "C";
      at := at + negated::int4;
      class := '';
      LOOP
        IF at > size THEN RETURN '(?!)'; END IF;
        sign := substr(pattern, at, 1);
        at := at + 1;
        IF sign = escape COLLATE "C" THEN
          class := class || regexp_replace(substr(pattern, at, 1), '([^[:alnum:]])', '\\\1');
          at := at + 1;
        ELSIF sign = ']' COLLATE "C" THEN
          EXIT;
        ELSIF sign = '-' COLLATE "C" AND class <> '' AND substr(pattern, at, 1) NOT IN ('', ']' COLLATE "C") THEN
          class := class || '-';
        ELSE
          class := class || regexp_replace(sign, '([^[:alnum:]])', '\\\1');
        END IF;
      END LOOP;
      IF class = '' THEN RETURN '(?!)'; END IF;
      made := made || CASE WHEN negated THEN '[^' ELSE '[' END || class || ']';
    ELSE
      made := made || regexp_replace(sign, '([^[:alnum:][:space:][:cntrl:]\u0080-\U0010ffff])', '\\\1');
    END IF;
  END LOOP;
  RETURN '^' || made;
END $$;
-- Whether text matches one of two regular expressions: over units, or over characters where the
-- collation counts those.
CREATE FUNCTION tsql.matched(value text, units text, characters text, collation_name text, kind text) RETURNS bool LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE tail text COLLATE "C" := CASE kind COLLATE "C" WHEN 'vc' THEN ' *$' ELSE '$' END;
BEGIN
  IF NOT tsql.counts_characters(collation_name) THEN
    value := tsql.spread(value);
    characters := units;
  END IF;
  IF tsql.loose(collation_name) THEN
    RETURN value COLLATE "und-x-icu" ~* (characters || tail) COLLATE "und-x-icu";
  END IF;
  RETURN value COLLATE "C" ~ (characters || tail) COLLATE "C";
END $$;

-- Where a text is found in another one, in characters, from 1; 0 where it is not.
CREATE FUNCTION tsql.found(wanted text, value text, at int4, loose bool) RETURNS int4 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE place int4;
BEGIN
  at := greatest(at, 1);
  IF wanted = '' COLLATE "C" THEN RETURN 0; END IF;
  IF loose THEN
    place := strpos(lower(substr(value, at) COLLATE "und-x-icu") COLLATE "C", lower(wanted COLLATE "und-x-icu") COLLATE "C");
  ELSE
    place := strpos(substr(value, at) COLLATE "C", wanted COLLATE "C");
  END IF;
  RETURN CASE WHEN place = 0 THEN 0 ELSE place + at - 1 END;
END $$;
CREATE FUNCTION tsql.replaced(value text, wanted text, given text, loose bool) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT CASE WHEN $2 = '' COLLATE "C" THEN $1
  WHEN $4 THEN regexp_replace($1 COLLATE "und-x-icu", regexp_replace($2 COLLATE "und-x-icu", '([^[:alnum:][:space:][:cntrl:]\u0080-\U0010ffff])', '\\\1', 'g'), replace($3 COLLATE "und-x-icu", '\', '\\'), 'gi') COLLATE "C"
  ELSE replace($1 COLLATE "C", $2 COLLATE "C", $3 COLLATE "C") END$$;
CREATE FUNCTION tsql.capitals(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT replace(upper(replace($1 COLLATE "C", E'\u00df', E'\U0010fffe') COLLATE "und-x-icu") COLLATE "C", E'\U0010fffe', E'\u00df')$$;
-- Characters to the units that T-SQL counts; how long a text is in them.
CREATE FUNCTION tsql.placed(place int4, value text, collation_name text) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE WHEN $1 < 2 OR tsql.counts_characters($3) THEN $1 ELSE $1 + tsql.pairs(pg_catalog.left($2, $1 - 1)) END$$;
CREATE FUNCTION tsql.counted(value text, collation_name text) RETURNS int4 LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT char_length($1) + CASE WHEN tsql.counts_characters($2) THEN 0 ELSE tsql.pairs($1) END$$;

-- A text whose order by bytes is the order of UTF-16 units, as a binary collation has it: what stands
-- behind the surrogates in UTF-16 gets the last character in front. Both sides are padded, as far as that matters.
CREATE FUNCTION tsql.ordinal(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$SELECT CASE WHEN octet_length($1) = char_length($1) THEN rtrim($1, ' ') COLLATE "C"
  ELSE regexp_replace(replace(rtrim($1, ' ') COLLATE "C", E'\U0010ffff', E'\U0010ffff\u0001'), E'([\ue000-\uffff])', E'\U0010ffff\\1', 'g') END || '        '$$;

-- The bytes of text: UTF-16, least byte first, and code page 1252.
CREATE FUNCTION tsql.utf16(text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE made text := ''; point int4; sign text;
BEGIN
  FOREACH sign IN ARRAY regexp_split_to_array($1 COLLATE "C", '') LOOP
    point := ascii(sign);
    IF point > 65535 THEN
      point := point - 65536;
      made := made || lpad(to_hex((55296 + (point >> 10)) & 255), 2, '0') || to_hex((55296 + (point >> 10)) >> 8)
        || lpad(to_hex((56320 + (point & 1023)) & 255), 2, '0') || to_hex((56320 + (point & 1023)) >> 8);
    ELSIF sign <> '' THEN
      made := made || lpad(to_hex(point & 255), 2, '0') || lpad(to_hex(point >> 8), 2, '0');
    END IF;
  END LOOP;
  RETURN decode(made, 'hex');
END $$;
CREATE FUNCTION tsql.from_utf16(bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE made text := ''; at int4 := 0; unit int4; next int4;
BEGIN
  WHILE at + 1 < length($1) LOOP
    unit := get_byte($1, at) + 256 * get_byte($1, at + 1);
    at := at + 2;
    IF unit BETWEEN 55296 AND 56319 AND at + 1 < length($1) THEN
      next := get_byte($1, at) + 256 * get_byte($1, at + 1);
      IF next BETWEEN 56320 AND 57343 THEN
        at := at + 2;
        unit := 65536 + ((unit - 55296) << 10) + next - 56320;
      END IF;
    END IF;
    made := made || CASE WHEN unit BETWEEN 55296 AND 57343 OR unit = 0 THEN E'\ufffd' ELSE chr(unit) END;
  END LOOP;
  RETURN made;
END $$;
CREATE FUNCTION tsql.code_page(text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$SELECT convert_to(tsql.narrowed($1::tsql.nv)::text, 'WIN1252')$$;
