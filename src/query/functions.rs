//! The functions a statement may call: an allow-list by name, with guards on those that can make a
//! large value out of a small one.
//!
//! What is absent is absent for a reason: it reveals the engine (`version`, `arrow_typeof`), reads
//! files, or answers differently from PostgreSQL without saying so. Some are ours because the engine's do.

use super::age::Age;
use super::date_part::DatePart;
use super::doubles::OrderFree;
use super::guard::Guarded;
use super::only_value::OnlyValue;
use super::patterns::{ToChar, ToTime};
use super::round::Round;
use super::spellings;
use super::truncate::DateTrunc;
use datafusion::common::Result;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};
use std::collections::HashMap;
use std::sync::Arc;

/// Scalar functions that cannot make more than they are given.
const PLAIN: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "ascii",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bit_length",
    "btrim",
    "cbrt",
    "ceil",
    "character_length",
    "chr",
    "coalesce",
    "contains",
    "cos",
    "cosh",
    "cot",
    "current_date",
    "current_time",
    "date_bin",
    "date_part",
    "degrees",
    "ends_with",
    "exp",
    "factorial",
    "floor",
    "gcd",
    "get_field",
    "greatest",
    "initcap",
    "isnan",
    "iszero",
    "lcm",
    "least",
    "left",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "ltrim",
    "make_date",
    "nanvl",
    "now",
    "nullif",
    "nvl",
    "nvl2",
    "octet_length",
    "pi",
    "power",
    "radians",
    "random",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_match",
    "reverse",
    "right",
    "round",
    "rtrim",
    "signum",
    "sin",
    "sinh",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substr_index",
    "tan",
    "tanh",
    "to_hex",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_seconds",
    "to_unixtime",
    "translate",
    "trunc",
    "upper",
    "array_any_value",
    "array_distance",
    "array_distinct",
    "array_element",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_length",
    "array_max",
    "array_min",
    "array_ndims",
    "array_pop_back",
    "array_pop_front",
    "array_position",
    "array_positions",
    "array_remove",
    "array_remove_all",
    "array_reverse",
    "array_slice",
    "array_sort",
    "cardinality",
    "empty",
];

/// Scalar functions whose result can be larger than their arguments; each runs under a guard.
const GUARDED: &[&str] = &[
    "array_append",
    "array_concat",
    "array_prepend",
    "array_repeat",
    "array_resize",
    "array_to_string",
    "array_union",
    "concat",
    "concat_ws",
    "flatten",
    "generate_series",
    "levenshtein",
    "lpad",
    "make_array",
    "overlay",
    "range",
    "regexp_replace",
    "repeat",
    "replace",
    "rpad",
    "string_to_array",
];

const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "first_value",
    "grouping",
    "last_value",
    "max",
    "median",
    "min",
    "nth_value",
    "percentile_cont",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "string_agg",
    "sum",
    "var",
    "var_pop",
];

/// PostgreSQL's other names of aggregates.
const SYNONYMS: &[(&str, &str)] =
    &[("variance", "var"), ("var_samp", "var"), ("stddev_samp", "stddev"), ("every", "bool_and")];

const WINDOWS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// What to write instead of a function that models like and that is not here.
const INSTEAD: &[(&str, &str)] = &[
    ("date_format", "use to_char(x, 'YYYY-MM-DD HH24:MI:SS')"),
    ("to_number", "write CAST(replace(x, ',', '') AS numeric)"),
    ("strftime", "use to_char(x, 'YYYY-MM-DD HH24:MI:SS')"),
    ("str_to_date", "use to_date(x, 'YYYY-MM-DD')"),
    ("isnull", "use coalesce()"),
    ("ifnull", "use coalesce()"),
    ("iif", "use CASE WHEN ... THEN ... ELSE ... END"),
    ("decode", "use CASE"),
    ("datediff", "subtract the dates"),
    ("dateadd", "add an INTERVAL, such as d + INTERVAL '1 day'"),
    ("getdate", "use now()"),
    ("len", "use length()"),
    ("charindex", "use strpos()"),
    ("group_concat", "use string_agg(x, ', ')"),
    ("listagg", "use string_agg(x, ', ')"),
    ("json_extract", "JSON is text here: select the column whole"),
    ("json_build_object", "JSON is text here: select the columns"),
    ("jsonb_build_object", "JSON is text here: select the columns"),
    ("json_agg", "JSON is text here: use array_agg(), or select the rows"),
    ("mode", "group by the value, and ORDER BY count(*) DESC LIMIT 1"),
    ("percentile_disc", "use percentile_cont()"),
    ("format", "use || or concat()"),
    ("width_bucket", "write floor((x - least) / width) + 1"),
    ("make_interval", "write it, such as INTERVAL '3 days'"),
    ("make_timestamp", "use make_date(), or CAST('2024-01-31 12:00:00' AS timestamp)"),
    ("regexp_matches", "use regexp_match()"),
    ("regexp_split_to_array", "use string_to_array()"),
    ("version", "the describe tool says what a source is"),
];

/// Functions by the names a statement may use.
#[derive(Debug)]
pub(super) struct Functions {
    pub(super) scalar: HashMap<String, Arc<ScalarUDF>>,
    pub(super) aggregate: HashMap<String, Arc<AggregateUDF>>,
    pub(super) window: HashMap<String, Arc<WindowUDF>>,
    pub(super) higher_order: HashMap<String, Arc<HigherOrderUDF>>,
}

impl Functions {
    /// The allowed functions of the engine.
    pub(super) fn allowed() -> Result<Self> {
        let mut scalar = HashMap::new();
        let all = datafusion::functions::all_default_functions()
            .into_iter()
            .chain(datafusion::functions_nested::all_default_nested_functions());
        for function in all {
            let function = match function.name() {
                DatePart::NAME => {
                    Arc::new(ScalarUDF::new_from_impl(DatePart::new(function.clone())))
                }
                "round" => Arc::new(ScalarUDF::new_from_impl(Round::new(function.clone()))),
                name if PLAIN.contains(&name) => function,
                name if GUARDED.contains(&name) => {
                    Arc::new(ScalarUDF::new_from_impl(Guarded::new(function.clone())))
                }
                _ => continue,
            };
            for name in function.aliases().iter().map(String::as_str).chain([function.name()]) {
                scalar.insert(name.to_string(), function.clone());
            }
        }
        for (name, function) in own().into_iter().chain(spellings::sqlite_functions()) {
            scalar.insert(name.to_string(), Arc::new(function));
        }
        // Aliases under which PostgreSQL does not know the function stay out.
        for alias in ["date_format", "rand"] {
            scalar.remove(alias);
        }
        let mut aggregate = HashMap::new();
        for function in datafusion::functions_aggregate::all_default_aggregate_functions() {
            if AGGREGATES.contains(&function.name()) {
                let function = OrderFree::of(function);
                for name in function.aliases().iter().map(String::as_str).chain([function.name()]) {
                    aggregate.insert(name.to_string(), function.clone());
                }
            }
        }
        for (name, known) in SYNONYMS {
            if let Some(function) = aggregate.get(*known).cloned() {
                aggregate.insert((*name).to_string(), function);
            }
        }
        let only = AggregateUDF::new_from_impl(OnlyValue::new());
        aggregate.insert(OnlyValue::NAME.to_string(), Arc::new(only));
        let mut window = HashMap::new();
        for function in datafusion::functions_window::all_default_window_functions() {
            if WINDOWS.contains(&function.name()) {
                for name in function.aliases().iter().map(String::as_str).chain([function.name()]) {
                    window.insert(name.to_string(), function.clone());
                }
            }
        }
        Ok(Self { scalar, aggregate, window, higher_order: HashMap::new() })
    }

    /// Functions that plans call and statements cannot.
    #[cfg(feature = "ballista")]
    pub(super) fn unnamed() -> Vec<Arc<ScalarUDF>> {
        let mut functions = super::arithmetic::functions();
        functions.extend([
            super::average::function(),
            super::concat::function(),
            super::division::function(),
        ]);
        functions
    }

    /// The same of aggregates.
    #[cfg(feature = "ballista")]
    pub(super) fn unnamed_aggregates() -> Vec<Arc<AggregateUDF>> {
        vec![super::one_row::function()]
    }

    /// Whether a statement may call `name`.
    #[cfg(test)]
    fn knows(&self, name: &str) -> bool {
        self.scalar.contains_key(name)
            || self.aggregate.contains_key(name)
            || self.window.contains_key(name)
    }

    /// Every allowed name, for suggestions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.scalar
            .keys()
            .chain(self.aggregate.keys())
            .chain(self.window.keys())
            .map(String::as_str)
    }

    /// What to write instead of `name`.
    pub(super) fn instead_of(name: &str) -> Option<&'static str> {
        let mut known = INSTEAD.iter().chain(spellings::REFUSED);
        known.find(|(from, _)| *from == name).map(|(_, hint)| *hint)
    }
}

/// Whether a function makes one value of many.
pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name)
        || SYNONYMS.iter().any(|(other, _)| *other == name)
        || ["mean", OnlyValue::NAME].contains(&name)
}

/// Functions that are ours, whole.
fn own() -> [(&'static str, ScalarUDF); 6] {
    [
        (Age::NAME, ScalarUDF::new_from_impl(Age::new())),
        ("date_trunc", ScalarUDF::new_from_impl(DateTrunc::new())),
        ("datetrunc", ScalarUDF::new_from_impl(DateTrunc::new())),
        (ToChar::NAME, ScalarUDF::new_from_impl(ToChar::new())),
        ("to_date", ScalarUDF::new_from_impl(ToTime::date())),
        ("to_timestamp", ScalarUDF::new_from_impl(ToTime::timestamp())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_function_exists_and_no_other_is_known() {
        let functions = Functions::allowed().expect("functions");
        let own = own().map(|(name, _)| name);
        for name in PLAIN.iter().chain(GUARDED).chain(AGGREGATES).chain(WINDOWS).chain(&own) {
            assert!(functions.knows(name), "{name} is listed but not in the engine");
        }
        for name in [
            "date_format",
            "version",
            "arrow_typeof",
            "arrow_cast",
            "input_file_name",
            "pg_sleep",
            "uuid",
        ] {
            assert!(!functions.knows(name), "{name} must not be callable");
        }
    }
}
