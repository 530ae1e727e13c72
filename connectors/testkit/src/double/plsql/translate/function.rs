//! Functions: what Oracle calls them, and what they are called in the schema `ora` or in PostgreSQL.

use super::super::errors;
use super::expression::no_function;
use super::{Translation, Translator, parts};
use sqlparser::ast::{
    DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, NullTreatment, WindowFrame, WindowFrameBound, WindowSpec, WindowType,
};

/// Functions that are called alike, or by another name, with the same arguments.
const PLAIN: &[(&str, &str)] = &[
    ("ABS", "abs"),
    ("ADD_MONTHS", "add_months"),
    ("ASCII", "ascii"),
    ("BITAND", "bitand"),
    ("CEIL", "ceil"),
    ("CHARTOROWID", "chartorowid"),
    ("CHR", "chr"),
    ("COALESCE", "coalesce"),
    ("CONCAT", "concat"),
    ("DBMS_LOB.GETLENGTH", "length"),
    ("DBMS_LOB.INSTR", "instr"),
    ("DBMS_LOB.SUBSTR", "lob_substr"),
    ("EMPTY_BLOB", "empty_blob"),
    ("EMPTY_CLOB", "empty_clob"),
    ("EXP", "exp"),
    ("FLOOR", "floor"),
    ("FROM_TZ", "from_tz"),
    ("HEXTORAW", "hextoraw"),
    ("INITCAP", "initcap"),
    ("INSTR", "instr"),
    ("LAST_DAY", "last_day"),
    ("LENGTH", "length"),
    ("LENGTHB", "lengthb"),
    ("LENGTHC", "length"),
    ("LN", "ln"),
    ("LOG", "log"),
    ("LOWER", "lower"),
    ("LPAD", "lpad"),
    ("LTRIM", "ltrim"),
    ("MOD", "mod"),
    ("MONTHS_BETWEEN", "months_between"),
    ("NANVL", "nanvl"),
    ("NULLIF", "nullif"),
    ("NUMTODSINTERVAL", "numtodsinterval"),
    ("NUMTOYMINTERVAL", "numtoyminterval"),
    ("NVL", "coalesce"),
    ("POWER", "power"),
    ("RAWTOHEX", "rawtohex"),
    ("REGEXP_LIKE", "regexp_like"),
    ("REGEXP_REPLACE", "regexp_replace"),
    ("REGEXP_SUBSTR", "regexp_substr"),
    ("REPLACE", "replace"),
    ("REVERSE", "reverse"),
    ("ROUND", "round"),
    ("ROWIDTOCHAR", "rowid_text"),
    ("RPAD", "rpad"),
    ("RTRIM", "rtrim"),
    ("SIGN", "sign"),
    ("SQRT", "sqrt"),
    ("SUBSTR", "substr"),
    ("SYS_CONTEXT", "sys_context"),
    ("SYS_EXTRACT_UTC", "sys_extract_utc"),
    ("SYS_GUID", "sys_guid"),
    ("TO_BINARY_DOUBLE", "to_binary_double"),
    ("TO_BINARY_FLOAT", "to_binary_float"),
    ("TO_BLOB", "to_blob"),
    ("TO_CHAR", "to_char"),
    ("TO_CLOB", "to_clob"),
    ("TO_DATE", "to_date"),
    ("TO_DSINTERVAL", "to_dsinterval"),
    ("TO_NCHAR", "to_char"),
    ("TO_NCLOB", "to_clob"),
    ("TO_NUMBER", "to_number"),
    ("TO_TIMESTAMP", "to_timestamp"),
    ("TO_TIMESTAMP_TZ", "to_timestamp_tz"),
    ("TO_YMINTERVAL", "to_yminterval"),
    ("TRANSLATE", "translate"),
    ("TRIM", "trim_both"),
    ("TRUNC", "trunc"),
    ("UPPER", "upper"),
    ("USERENV", "userenv"),
    ("UTL_RAW.CAST_TO_RAW", "cast_to_raw"),
    ("UTL_RAW.CAST_TO_VARCHAR2", "cast_to_varchar2"),
    ("UTL_RAW.CONCAT", "concat"),
    ("UTL_RAW.LENGTH", "length"),
    ("UTL_RAW.SUBSTR", "raw_substr"),
];

/// Aggregates, by Oracle's name.
const AGGREGATES: &[(&str, &str)] = &[
    ("AVG", "avg"),
    ("CORR", "corr"),
    ("COUNT", "count"),
    ("LISTAGG", "string_agg"),
    ("MAX", "max"),
    ("MIN", "min"),
    ("STDDEV", "stddev"),
    ("STDDEV_POP", "stddev_pop"),
    ("STDDEV_SAMP", "stddev_samp"),
    ("SUM", "sum"),
    ("VARIANCE", "variance"),
    ("VAR_POP", "var_pop"),
    ("VAR_SAMP", "var_samp"),
];

/// Window functions that are no aggregates.
const WINDOWS: &[&str] = &[
    "CUME_DIST",
    "DENSE_RANK",
    "FIRST_VALUE",
    "LAG",
    "LAST_VALUE",
    "LEAD",
    "NTH_VALUE",
    "NTILE",
    "PERCENT_RANK",
    "RANK",
    "ROW_NUMBER",
];
/// Window functions that are nothing without an order.
const RANKS: &[&str] =
    &["CUME_DIST", "DENSE_RANK", "LAG", "LEAD", "NTILE", "PERCENT_RANK", "RANK", "ROW_NUMBER"];
/// What counts in PostgreSQL's whole numbers or doubles, and is a NUMBER in Oracle.
const COUNTS: &[&str] =
    &["COUNT", "CUME_DIST", "DENSE_RANK", "NTILE", "PERCENT_RANK", "RANK", "ROW_NUMBER"];

/// Whether a name is an aggregate's.
pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.iter().any(|(known, _)| name.eq_ignore_ascii_case(known))
}

impl Translator<'_> {
    /// A call.
    pub(super) fn function(&mut self, function: &Function) -> Translation<String> {
        let name = parts(&function.name)?.join(".");
        let name = name.strip_prefix("SYS.").unwrap_or(&name);
        if is_aggregate(name) || WINDOWS.contains(&name) {
            return self.counted(name, function);
        }
        if function.over.is_some() {
            return Err(errors::ora(923, "FROM keyword not found where expected"));
        }
        let arguments = self.arguments(function)?;
        match name {
            "DECODE" => return decode(&arguments),
            "GREATEST" | "LEAST" => return Ok(extreme(name, &arguments)),
            "GROUPING" | "GROUPING_ID" => {
                return Ok(format!("CAST(grouping({}) AS numeric)", arguments.join(", ")));
            }
            "NVL2" => {
                let [value, given, absent] = arguments.as_slice() else { return Err(count()) };
                return Ok(format!("CASE WHEN {value} IS NOT NULL THEN {given} ELSE {absent} END"));
            }
            // Under a binary sort, the key of a text is the text.
            "NLSSORT" => return arguments.first().cloned().ok_or_else(count),
            "JSON_SERIALIZE" | "VECTOR_SERIALIZE" | "FROM_VECTOR" | "XMLSERIALIZE" => {
                let [value] = arguments.as_slice() else { return Err(count()) };
                return Ok(format!("CAST({value} AS text)"));
            }
            "SYSTIMESTAMP" | "CURRENT_TIMESTAMP" => return Ok("clock_timestamp()".to_string()),
            "LOCALTIMESTAMP" => return Ok("CAST(now() AS timestamp)".to_string()),
            _ => {}
        }
        let known = PLAIN.iter().find(|(oracle, _)| *oracle == name);
        let (_, own) = known.ok_or_else(|| no_function(name))?;
        match (*own, arguments.len()) {
            ("coalesce" | "nullif", 0 | 1) => Err(count()),
            ("coalesce", more) if name == "NVL" && more > 2 => Err(count()),
            ("sys_context", more) if more > 2 => {
                Ok(format!("sys_context({})", arguments[..2].join(", ")))
            }
            _ => Ok(format!("{own}({})", arguments.join(", "))),
        }
    }

    fn arguments(&mut self, function: &Function) -> Translation<Vec<String>> {
        let list = match &function.args {
            FunctionArguments::List(list) => list,
            FunctionArguments::None => return Ok(Vec::new()),
            FunctionArguments::Subquery(_) => return Err(errors::ora(936, "missing expression")),
        };
        let mut texts = Vec::new();
        for argument in &list.args {
            texts.push(match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.value(expr)?,
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => "*".to_string(),
                _ => return Err(errors::ora(907, "missing right parenthesis")),
            });
        }
        Ok(texts)
    }

    /// An aggregate or a window function.
    fn counted(&mut self, name: &str, function: &Function) -> Translation<String> {
        let mut arguments = self.arguments(function)?;
        let distinct = match &function.args {
            FunctionArguments::List(list)
                if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) =>
            {
                "DISTINCT "
            }
            _ => "",
        };
        let over = match &function.over {
            Some(WindowType::WindowSpec(window)) => format!(" OVER ({})", self.window(window)?),
            Some(WindowType::NamedWindow(_)) => return Err(errors::unsupported("a named window")),
            None if WINDOWS.contains(&name) => {
                return Err(errors::ora(30_484, "missing window specification for this function"));
            }
            None => String::new(),
        };
        let ordered = matches!(&function.over,
            Some(WindowType::WindowSpec(window)) if !window.order_by.is_empty());
        if RANKS.contains(&name) && !ordered {
            let text = "missing ORDER BY expression in the window specification";
            return Err(errors::ora(30_485, text));
        }
        if ignores_nulls(function) {
            return Err(errors::unsupported("IGNORE NULLS"));
        }
        match name {
            "LISTAGG" => {
                let order = self.sort_keys(&function.within_group)?;
                let order = if order.is_empty() { order } else { format!(" ORDER BY {order}") };
                let separator = arguments.get(1).cloned().unwrap_or_else(|| "NULL".to_string());
                let value = arguments.first().ok_or_else(count)?;
                return Ok(format!(
                    "string_agg({distinct}to_char({value}), {separator}{order}){over}"
                ));
            }
            "AVG" => {
                let value = arguments.first().ok_or_else(count)?;
                return Ok(format!(
                    "(sum({distinct}{value}){over} / \
                     CAST(nullif(count({distinct}{value}){over}, 0) AS numeric))"
                ));
            }
            "LAG" | "LEAD" | "NTILE" | "NTH_VALUE" => {
                let at = usize::from(name != "NTILE");
                if let Some(number) = arguments.get_mut(at) {
                    *number = format!("CAST({number} AS integer)");
                }
            }
            _ => {}
        }
        let known = AGGREGATES.iter().find(|(oracle, _)| *oracle == name);
        let own = known.map_or_else(|| name.to_lowercase(), |(_, own)| (*own).to_string());
        let call = format!("{own}({distinct}{}){over}", arguments.join(", "));
        Ok(if COUNTS.contains(&name) { format!("CAST({call} AS numeric)") } else { call })
    }

    fn window(&mut self, window: &WindowSpec) -> Translation<String> {
        let mut pieces = Vec::new();
        if !window.partition_by.is_empty() {
            let keys = self.scalars(&window.partition_by)?;
            pieces.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        if !window.order_by.is_empty() {
            pieces.push(format!("ORDER BY {}", self.sort_keys(&window.order_by)?));
        }
        if let Some(frame) = &window.window_frame {
            pieces.push(self.frame(frame)?);
        }
        Ok(pieces.join(" "))
    }

    fn frame(&mut self, frame: &WindowFrame) -> Translation<String> {
        let start = self.bound_of(&frame.start_bound)?;
        Ok(match &frame.end_bound {
            Some(end) => format!("{} BETWEEN {start} AND {}", frame.units, self.bound_of(end)?),
            None => format!("{} {start}", frame.units),
        })
    }

    fn bound_of(&mut self, bound: &WindowFrameBound) -> Translation<String> {
        let (rows, word) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".to_string()),
            WindowFrameBound::Preceding(rows) => (rows, "PRECEDING"),
            WindowFrameBound::Following(rows) => (rows, "FOLLOWING"),
        };
        match rows {
            Some(rows) => Ok(format!("{} {word}", self.scalar(rows)?)),
            None => Ok(format!("UNBOUNDED {word}")),
        }
    }
}

fn ignores_nulls(function: &Function) -> bool {
    let clauses = match &function.args {
        FunctionArguments::List(list) => list.clauses.as_slice(),
        _ => &[],
    };
    function.null_treatment == Some(NullTreatment::IgnoreNulls)
        || clauses.iter().any(|clause| {
            matches!(
                clause,
                FunctionArgumentClause::IgnoreOrRespectNulls(NullTreatment::IgnoreNulls)
            )
        })
}

fn count() -> crate::double::engine::EngineError {
    errors::ora(909, "invalid number of arguments")
}

/// DECODE, for which NULL equals NULL.
fn decode(arguments: &[String]) -> Translation<String> {
    let [value, rest @ ..] = arguments else { return Err(count()) };
    if rest.len() < 2 {
        return Err(errors::ora(938, "not enough arguments for function"));
    }
    let mut text = "CASE".to_string();
    for pair in rest.chunks(2) {
        match pair {
            [search, result] => {
                text.push_str(&format!(
                    " WHEN {value} IS NOT DISTINCT FROM {search} THEN {result}"
                ));
            }
            [otherwise] => text.push_str(&format!(" ELSE {otherwise}")),
            _ => {}
        }
    }
    text.push_str(" END");
    Ok(text)
}

/// GREATEST or LEAST, which are NULL where one value is.
fn extreme(name: &str, arguments: &[String]) -> String {
    let tests: Vec<String> = arguments.iter().map(|value| format!("{value} IS NULL")).collect();
    format!(
        "CASE WHEN {} THEN NULL ELSE {}({}) END",
        tests.join(" OR "),
        name.to_lowercase(),
        arguments.join(", ")
    )
}
