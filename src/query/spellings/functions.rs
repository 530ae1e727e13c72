//! Functions of other dialects, as data: what is written, and what PostgreSQL writes instead.
//!
//! A function that PostgreSQL has keeps PostgreSQL's meaning. So a name is here only where PostgreSQL has none of
//! that name with that many arguments. Where two dialects share a spelling, the number of arguments tells them
//! apart: `ISNULL(x)` is MySQL's, `ISNULL(x, y)` SQL Server's; `DATEDIFF(a, b)` and `DATEDIFF(day, a, b)` likewise.

/// A name, how many arguments, and the expression in their place.
pub(super) type Spelling = (&'static str, usize, &'static str);

/// Functions with plain arguments.
pub(super) const FUNCTIONS: &[Spelling] = &[
    // NULLs and choices.
    ("isnull", 2, "coalesce($1, $2)"),
    ("isnull", 1, "$1 IS NULL"),
    ("ifnull", 2, "coalesce($1, $2)"),
    ("nvl", 2, "coalesce($1, $2)"),
    ("nvl2", 3, "CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END"),
    ("iif", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    ("if", 3, "CASE WHEN $1 THEN $2 ELSE $3 END"),
    // SQLite's, of one row; NULL where one is NULL.
    ("min", 2, "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN least($1, $2) END"),
    ("max", 2, "CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN greatest($1, $2) END"),
    // Texts.
    ("len", 1, "length(rtrim(CAST($1 AS text), ' '))"),
    ("charindex", 2, "strpos($2, $1)"),
    (
        "charindex",
        3,
        "CASE WHEN strpos(substr($2, $3), $1) = 0 THEN 0 ELSE strpos(substr($2, $3), $1) + $3 - 1 END",
    ),
    ("instr", 2, "strpos($1, $2)"),
    ("locate", 2, "strpos($2, $1)"),
    (
        "locate",
        3,
        "CASE WHEN strpos(substr($2, $3), $1) = 0 THEN 0 ELSE strpos(substr($2, $3), $1) + $3 - 1 END",
    ),
    ("lcase", 1, "lower($1)"),
    ("ucase", 1, "upper($1)"),
    ("mid", 3, "substr($1, $2, $3)"),
    ("substring_index", 3, "substr_index($1, $2, $3)"),
    ("space", 1, "repeat(' ', $1)"),
    ("replicate", 2, "repeat($1, $2)"),
    ("stuff", 4, "overlay($1, $4, $2, $3)"),
    ("unicode", 1, "ascii($1)"),
    ("nchar", 1, "chr($1)"),
    ("to_number", 1, "CAST($1 AS numeric)"),
    // Numbers.
    ("truncate", 2, "trunc($1, $2)"),
    ("square", 1, "power($1, 2)"),
    ("rand", 0, "random()"),
    ("newid", 0, "random()"),
    // Now.
    ("getdate", 0, "CAST(now() AS timestamp)"),
    ("sysdatetime", 0, "CAST(now() AS timestamp)"),
    ("getutcdate", 0, "CAST(now() AS timestamp)"),
    ("sysutcdatetime", 0, "CAST(now() AS timestamp)"),
    ("utc_timestamp", 0, "CAST(now() AS timestamp)"),
    ("sysdate", 0, "CAST(now() AS timestamp)"),
    ("systimestamp", 0, "now()"),
    ("curdate", 0, "current_date"),
    ("utc_date", 0, "current_date"),
    ("unix_timestamp", 0, "CAST(date_part('epoch', now()) AS bigint)"),
    // Parts of dates.
    ("year", 1, "CAST(date_part('year', $1) AS bigint)"),
    ("quarter", 1, "CAST(date_part('quarter', $1) AS bigint)"),
    ("month", 1, "CAST(date_part('month', $1) AS bigint)"),
    ("day", 1, "CAST(date_part('day', $1) AS bigint)"),
    ("dayofmonth", 1, "CAST(date_part('day', $1) AS bigint)"),
    ("dayofyear", 1, "CAST(date_part('doy', $1) AS bigint)"),
    ("dayofweek", 1, "CAST(date_part('dow', $1) AS bigint) + 1"),
    ("weekday", 1, "CAST(date_part('isodow', $1) AS bigint) - 1"),
    ("hour", 1, "CAST(date_part('hour', $1) AS bigint)"),
    ("minute", 1, "CAST(date_part('minute', $1) AS bigint)"),
    ("second", 1, "CAST(floor(date_part('second', $1)) AS bigint)"),
    ("monthname", 1, "to_char($1, 'FMMonth')"),
    ("dayname", 1, "to_char($1, 'FMDay')"),
    ("unix_timestamp", 1, "CAST(floor(date_part('epoch', $1)) AS bigint)"),
    // Dates.
    ("datefromparts", 3, "make_date($1, $2, $3)"),
    ("from_unixtime", 1, "CAST(to_timestamp($1) AS timestamp)"),
    (
        "datediff",
        2,
        "(CAST(date_part('epoch', CAST($1 AS date)) AS bigint) - CAST(date_part('epoch', CAST($2 AS date)) AS bigint)) / 86400",
    ),
    (
        "last_day",
        1,
        "CAST(date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day' AS date)",
    ),
    ("eomonth", 1, "CAST(date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day' AS date)"),
    (
        "months_between",
        2,
        "CASE WHEN date_part('day', $1) = date_part('day', $2) OR (date_part('day', $1 + INTERVAL '1 day') = 1 AND \
         date_part('day', $2 + INTERVAL '1 day') = 1) THEN CAST((date_part('year', $1) - date_part('year', $2)) * 12 + \
         date_part('month', $1) - date_part('month', $2) AS double precision) ELSE CAST((date_part('year', $1) - \
         date_part('year', $2)) * 12 + date_part('month', $1) - date_part('month', $2) AS double precision) + \
         ((date_part('epoch', $1) - date_part('epoch', date_trunc('month', $1))) - (date_part('epoch', $2) - \
         date_part('epoch', date_trunc('month', $2)))) / CAST(2678400 AS double precision) END",
    ),
    // Aggregates.
    ("count_big", 1, "count($1)"),
    ("stdev", 1, "stddev($1)"),
    ("stdevp", 1, "stddev_pop($1)"),
    ("varp", 1, "var_pop($1)"),
    ("total", 1, "coalesce(CAST(sum($1) AS double precision), 0)"),
];

/// Functions of PostgreSQL that the engine has by another name.
pub(super) const PLAIN: &[Spelling] = &[
    ("ceiling", 1, "ceil($1)"),
    ("mod", 2, "$1 % $2"),
    ("sign", 1, "signum($1)"),
    ("localtimestamp", 0, "CAST(now() AS timestamp)"),
    ("current_timestamp", 0, "now()"),
    ("date", 1, "CAST($1 AS date)"),
];

/// What `$n + $m units` needs: a number of units that is known when the statement runs.
pub(super) const ADDED: &str = "$2 + CAST(concat(CAST($1 AS text), ' UNIT') AS interval)";

/// Oracle's ADD_MONTHS: the last day of a month stays the last day.
pub(super) const ADD_MONTHS: &str = "CAST($1 AS timestamp) + $2 + CASE WHEN date_part('day', CAST($1 AS timestamp) + \
    INTERVAL '1 day') = 1 THEN CAST(concat(CAST(CAST(date_part('day', date_trunc('month', CAST($1 AS timestamp) + $2) + \
    INTERVAL '1 month' - INTERVAL '1 day') - date_part('day', CAST($1 AS timestamp) + $2) AS bigint) AS text), ' day') \
    AS interval) ELSE INTERVAL '0 day' END";

/// What cannot be said as PostgreSQL says it, with what to write.
pub(in crate::query) const REFUSED: &[(&str, &str)] = &[
    ("week", "its first week depends on a setting: use extract(week FROM d) for the ISO week"),
    ("weekofyear", "use extract(week FROM d)"),
    ("datalength", "use octet_length(x)"),
    ("patindex", "use regexp_instr(x, pattern), or strpos(x, text)"),
    ("isnumeric", "use x ~ '^[0-9]+$'"),
    ("isdate", "use TRY_CAST(x AS date) IS NOT NULL"),
    ("glob", "use LIKE, or x ~ 'pattern'"),
    ("typeof", "describe shows the types of columns"),
    ("regexp_substr", "use (regexp_match(x, 'pattern'))[1]"),
    ("convert_tz", "use x AT TIME ZONE 'zone'"),
    ("julian_day", "use julianday(x)"),
    ("string_split", "use string_to_array(x, ',')"),
    ("wm_concat", "use string_agg(x, ', ')"),
    ("json_value", "JSON is text here: select the column whole"),
    ("found_rows", "use count(*)"),
    ("period_diff", "subtract the months: extract(year FROM d) * 12 + extract(month FROM d)"),
    ("soundex", "compare with levenshtein(a, b)"),
    ("ident_current", "this server only reads"),
];
