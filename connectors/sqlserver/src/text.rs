//! Text: the server's `=` follows the column's collation, mostly blind to case, and always blind to
//! blanks at the end. So a value is found through the collation, where an index helps, and then compared
//! by its UTF-16 units and its length.

use crate::compare::{among, any, grouped};
use crate::types;
use celosia_connector_api::{Bind, ColumnDescription, Comparison, GroupKey, Operand, Value};

/// Units in their own order, without case, accents or width.
pub(crate) const UNITS: &str = "COLLATE Latin1_General_BIN2";
/// The longest value that fits a `varchar(8000)` in every code page.
const LONGEST_NARROW: usize = 2_000;
/// Bytes of a pattern: the server takes 8,000 with escapes.
const LONGEST_PATTERN: usize = 1_000;

/// Text that is one of these, exactly.
pub(crate) fn in_list(operand: &Operand<'_>, values: &[Value], bind: Bind<'_>) -> String {
    let groups = grouped(values, units, bind);
    let wide = widened(operand);
    let exact: Vec<String> = groups
        .iter()
        .map(|items| {
            let same = among(&in_units(&wide), items);
            format!("{same} AND DATALENGTH({wide}) = DATALENGTH({})", items[0])
        })
        .collect();
    let items: Vec<String> = groups.into_iter().flatten().collect();
    let found = collated(operand, values, &items);
    match (&exact[..], found) {
        ([exact], Some(found)) => format!("({found} AND {exact})"),
        ([exact], None) => format!("({exact})"),
        (_, found) => {
            let exact = any(exact.into_iter().map(|part| format!("({part})")).collect());
            found.map_or(exact.clone(), |found| format!("({found} AND {exact})"))
        }
    }
}

/// Text that is this one, exactly, or for `<>` another one.
pub(crate) fn compare(
    operand: &Operand<'_>,
    operator: Comparison,
    value: &Value,
    bind: Bind<'_>,
) -> String {
    if operator == Comparison::Equal {
        return in_list(operand, std::slice::from_ref(value), bind);
    }
    let (item, wide) = (bind(value.clone()), widened(operand));
    let collated = collated_item(operand, value, &item).map(|item| (operand.sql.to_string(), item));
    let by_units = (in_units(&wide), item.clone());
    let by_length = (format!("DATALENGTH({wide})"), format!("DATALENGTH({item})"));
    let sides = collated.into_iter().chain([by_units, by_length]);
    let parts: Vec<String> = sides.map(|(left, right)| format!("{left} <> {right}")).collect();
    format!("({})", parts.join(" OR "))
}

/// Two columns, exactly; their collations may differ. Where they do not, theirs finds every pair that is
/// exactly equal, and its index serves.
pub(crate) fn compare_columns(
    left: &Operand<'_>,
    operator: Comparison,
    right: &Operand<'_>,
) -> String {
    let (l, r) = (widened(left), widened(right));
    let (symbol, word) = both(operator);
    let (a, b) = (in_units(&l), in_units(&r));
    let found = match (left.column, right.column) {
        (Some(one), Some(other))
            if operator == Comparison::Equal
                && one.collation.is_some()
                && one.collation == other.collation
                && types::base(&one.native_type) == types::base(&other.native_type) =>
        {
            format!("{} = {} AND ", left.sql, right.sql)
        }
        _ => String::new(),
    };
    format!("({found}{a} {symbol} {b} {word} DATALENGTH({l}) {symbol} DATALENGTH({r}))")
}

/// Equal where both parts are, different where one of them is.
pub(crate) fn both(operator: Comparison) -> (&'static str, &'static str) {
    (operator.symbol(), if operator == Comparison::Equal { "AND" } else { "OR" })
}

/// A condition made of `=` and `IN` parts that all hold, or its opposite.
pub(crate) fn negated(condition: String, negated: bool) -> String {
    if negated { format!("NOT {condition}") } else { condition }
}

/// `text [NOT] LIKE pattern` by units. A pattern without wildcards is an equality.
pub(crate) fn like(operand: &Operand<'_>, pattern: &str, not: bool, bind: Bind<'_>) -> String {
    let parts = parsed(pattern);
    let literal: Option<String> =
        parts.iter().map(|part| if let Part::Is(c) = part { Some(*c) } else { None }).collect();
    if let Some(literal) = literal {
        return negated(in_list(operand, &[Value::Text(literal)], bind), not);
    }
    let mut spelled = String::with_capacity(pattern.len() + 8);
    for part in parts {
        match part {
            Part::Any => spelled.push('%'),
            Part::One => spelled.push('_'),
            Part::Is(c) => {
                if matches!(c, '%' | '_' | '[' | '\\') {
                    spelled.push('\\');
                }
                spelled.push(c);
            }
        }
    }
    let placeholder = bind(Value::Text(spelled));
    let word = if not { "NOT LIKE" } else { "LIKE" };
    format!("{} {word} {placeholder} ESCAPE '\\'", in_units(&widened(operand)))
}

/// Text that is compared by its units.
pub(crate) fn in_units(sql: &str) -> String {
    if sql.ends_with(UNITS) { sql.to_string() } else { format!("{sql} {UNITS}") }
}

/// A group for each text: by its units, and by its length, since blanks at the end count for nothing.
pub(crate) fn group_key(operand: &Operand<'_>) -> GroupKey {
    let wide = widened(operand);
    GroupKey { value: in_units(&wide), more: Some(format!("DATALENGTH({wide})")) }
}

/// Whether a pattern has its local meaning: `_` stands for a unit, which is half of some characters, and
/// of what ends before the text's end one cannot be sure that blanks there count.
pub(crate) fn can_like(pattern: &str) -> bool {
    let parts = parsed(pattern);
    let wild = parts.iter().any(|part| !matches!(part, Part::Is(_)));
    let single = parts.iter().any(|part| matches!(part, Part::One));
    let open = matches!(parts.last(), Some(Part::Any));
    pattern.len() <= LONGEST_PATTERN && !single && (!wild || open)
}

/// Text as UTF-16, whatever it is stored in.
pub(crate) fn wide(sql: &str, column: &ColumnDescription) -> String {
    let length = column.native_type.split(['(', ')']).nth(1).and_then(|text| text.parse().ok());
    let length = length.filter(|length: &u32| *length <= 4_000).map(|length| length.to_string());
    format!("CAST({sql} AS nvarchar({}))", length.as_deref().unwrap_or("max"))
}

fn widened(operand: &Operand<'_>) -> String {
    match operand.column {
        Some(column) if types::is_code_page(&column.native_type) => wide(operand.sql, column),
        _ => operand.sql.to_string(),
    }
}

/// The same values through the column's own collation, which holds for every one that is exactly equal;
/// none where a mask has replaced the column, or where a value may not fit the column's code page.
fn collated(operand: &Operand<'_>, values: &[Value], items: &[String]) -> Option<String> {
    let narrow = values.iter().zip(items).map(|(value, item)| collated_item(operand, value, item));
    Some(among(operand.sql, &narrow.collect::<Option<Vec<_>>>()?))
}

fn collated_item(operand: &Operand<'_>, value: &Value, item: &str) -> Option<String> {
    let column = operand.column?;
    if !types::is_code_page(&column.native_type) {
        return Some(item.to_string());
    }
    let collation = column.collation.as_deref().filter(|name| types::is_collation(name))?;
    let short = matches!(value, Value::Text(text) if text.len() <= LONGEST_NARROW);
    short.then(|| format!("CAST({item} COLLATE {collation} AS varchar(8000))"))
}

fn units(value: &Value) -> usize {
    if let Value::Text(text) = value { text.encode_utf16().count() } else { 0 }
}

/// One character of a pattern.
enum Part {
    Any,
    One,
    Is(char),
}

fn parsed(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        parts.push(match c {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::Is(characters.next().unwrap_or('\\')),
            c => Part::Is(c),
        });
    }
    parts
}
