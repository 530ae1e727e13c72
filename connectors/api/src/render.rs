//! A [`TableRead`] as a statement: policy innermost, the caller's predicate around it, every
//! literal bound.
//!
//! ```sql
//! SELECT "id", "email" FROM (
//!   SELECT "id", CASE WHEN strpos("email", '@') > 0 THEN ... END AS "email"
//!   FROM "public"."customers" WHERE "region" = $1
//! ) AS governed WHERE "id" = $2 LIMIT 10
//! ```

pub use crate::dialect::MAX_IN_LIST;
use crate::{
    ColumnDescription, Comparison, Dialect, Operand, OperandClass, OutputColumn, Predicate,
    RenderedQuery, TableDescription, TableRead, Value,
};

/// Whether `dialect` may be asked for `predicate` over columns of these classes.
pub fn is_pushable(dialect: &dyn Dialect, predicate: &Predicate, classes: &[OperandClass]) -> bool {
    let can = dialect.capabilities();
    match predicate {
        Predicate::Constant(_) => true,
        Predicate::Compare { column, operator, value } => {
            let class = classes[*column];
            compares(dialect, class, *operator) && is_bindable(dialect, class, value)
        }
        Predicate::CompareColumns { left, operator, right } => {
            let class = classes[*left];
            // Two doubles may be -0.0 and 0.0, which sources and Arrow order differently.
            can.column_comparison
                && dialect.compares_columns(class)
                && class == classes[*right]
                && !matches!(
                    class,
                    OperandClass::Float
                        | OperandClass::TimestampFine
                        | OperandClass::TimestampUtcFine
                )
                && compares(dialect, class, *operator)
        }
        Predicate::InList { column, values, .. } => {
            let class = classes[*column];
            compares(dialect, class, Comparison::Equal)
                && values.len() <= dialect.most_values()
                && values.iter().all(|value| is_bindable(dialect, class, value))
        }
        Predicate::IsNull { .. } => can.null_test,
        Predicate::Like { column, pattern, .. } => {
            can.like
                && classes[*column] == OperandClass::Text
                && is_plain_pattern(pattern)
                && dialect.can_like(pattern)
        }
        Predicate::IsTrue { column } => {
            classes[*column] == OperandClass::Boolean
                && can.equality.contains(OperandClass::Boolean)
        }
        Predicate::And(parts) | Predicate::Or(parts) => {
            parts.len() <= MAX_PARTS
                && predicate.size() <= MAX_SIZE.min(dialect.most_values() * 3 / 2)
                && parts.iter().all(|part| is_pushable(dialect, part, classes))
        }
        Predicate::Not(part) => is_pushable(dialect, part, classes),
    }
}

/// The most conditions and values of one statement: SQLite gives up on an expression 1,000 levels deep,
/// and every source has a most of parameters.
pub const MAX_SIZE: usize = 1_500;
/// The most parts of one AND or OR.
const MAX_PARTS: usize = 500;

/// The statement of `query` in `dialect`.
///
/// The caller has checked predicates with [`is_pushable`] and masks with [`can_mask`]; what a dialect
/// cannot spell is refused here with `None`, never approximated.
pub fn render(dialect: &dyn Dialect, query: &TableRead) -> Option<RenderedQuery> {
    let mut writer = Writer::new(dialect);
    let sql = writer.statement(query)?;
    let (sql, parameters) = writer.parameters.settle(dialect, &sql)?;
    let columns = query.columns();
    Some(RenderedQuery {
        sql,
        parameters,
        columns,
        defer_unfit: false,
        rows_hint: query.limit,
        splits: None,
    })
}

/// Whether `dialect` can spell this column's mask.
pub fn can_mask(
    dialect: &dyn Dialect,
    output: &OutputColumn,
    query_table: &TableDescription,
) -> bool {
    let mut writer = Writer::new(dialect);
    writer.masked(output, query_table).is_some()
}

pub(crate) fn compares(dialect: &dyn Dialect, class: OperandClass, operator: Comparison) -> bool {
    let can = dialect.capabilities();
    if operator.is_ordering() { can.ordering.contains(class) } else { can.equality.contains(class) }
}

/// Whether a value can be compared with an operand of `class` at any source with the local meaning.
pub(crate) fn is_bindable(dialect: &dyn Dialect, class: OperandClass, value: &Value) -> bool {
    has_local_meaning(class, value) && dialect.can_bind(class, value)
}

fn has_local_meaning(class: OperandClass, value: &Value) -> bool {
    match (class, value) {
        (OperandClass::Boolean, Value::Boolean(_))
        | (OperandClass::Integer, Value::Integer(_))
        | (OperandClass::Bytes, Value::Bytes(_)) => true,
        (OperandClass::Decimal, Value::Decimal { .. } | Value::Integer(_)) => true,
        // Arrow orders -0.0 below 0.0; no source does.
        (OperandClass::Float, Value::Float(value)) => value.is_finite() && *value != 0.0,
        (OperandClass::Text, Value::Text(text)) => !text.contains('\0'),
        (OperandClass::Uuid, Value::Text(text)) => is_canonical_uuid(text),
        (OperandClass::Date, Value::Date(days)) => Value::date_text(*days).is_some(),
        (OperandClass::Timestamp, Value::Timestamp(micros))
        | (OperandClass::TimestampUtc, Value::TimestampUtc(micros)) => {
            Value::timestamp_text(*micros).is_some()
        }
        // The end of the microsecond is compared with, too.
        (OperandClass::TimestampFine, Value::Timestamp(micros))
        | (OperandClass::TimestampUtcFine, Value::TimestampUtc(micros)) => {
            Value::timestamp_text(*micros).is_some()
                && micros.checked_add(1).and_then(Value::timestamp_text).is_some()
        }
        _ => false,
    }
}

fn is_canonical_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

/// Sources raise an error on a pattern that ends in a lone escape.
pub(crate) fn is_plain_pattern(pattern: &str) -> bool {
    let trailing = pattern.bytes().rev().take_while(|b| *b == b'\\').count();
    trailing % 2 == 0 && !pattern.contains('\0')
}

pub(crate) struct Writer<'a> {
    dialect: &'a dyn Dialect,
    pub(crate) parameters: Parameters,
    /// A condition beside the row filter of the table that is read.
    beside_filter: Option<&'static str>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(dialect: &'a dyn Dialect) -> Self {
        Self { dialect, parameters: Parameters::default(), beside_filter: None }
    }

    /// The same with a condition beside the row filter.
    pub(crate) fn beside_filter(self, condition: &'static str) -> Self {
        Self { beside_filter: Some(condition), ..self }
    }
}

impl Writer<'_> {
    pub(crate) fn statement(&mut self, query: &TableRead) -> Option<String> {
        let governed = query.row_filter.is_some()
            || self.beside_filter.is_some()
            || query.output.iter().any(|o| o.mask.is_some() || o.visible.is_some());
        let first = query.limit.map(|rows| self.dialect.limit_first(rows)).unwrap_or_default();
        let columns = self.named(query, governed);
        let mut sql = if governed {
            let mut inner = self.governed_table(query, true, "")?;
            inner.push_str(&stored_order(query));
            let list: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
            let table = self.dialect.derived_table(&inner, "governed");
            format!("SELECT {first}{} FROM {table}", select_list(&list))
        } else {
            self.governed_table(query, false, &first)?
        };
        if let Some(predicate) = &query.predicate {
            sql.push_str(" WHERE ");
            sql.push_str(&self.predicate(predicate, &columns));
        }
        if !query.order.is_empty() {
            let (mut known, mut keys) = (Vec::new(), Vec::new());
            for key in &query.order {
                let Named { sql, class, .. } = &columns[key.output];
                let operand = self.dialect.operand(sql, *class, true);
                // What is ordered by already; some sources refuse it twice.
                if !known.contains(&operand) {
                    keys.push(self.dialect.sort_key(&operand, key.descending, key.nulls_first));
                    known.push(operand);
                }
            }
            sql.push_str(&format!(" ORDER BY {}", keys.join(", ")));
        } else if !governed {
            sql.push_str(&stored_order(query));
        }
        if let Some(limit) = query.limit {
            sql.push_str(&self.dialect.limit(limit));
        }
        Some(sql)
    }

    /// The columns of the outer level.
    fn named<'q>(&self, query: &'q TableRead, derived: bool) -> Vec<Named<'q>> {
        let names = match derived {
            true => self.derived_names(query),
            false => {
                query.output.iter().map(|o| query.table.columns[o.column].name.clone()).collect()
            }
        };
        query
            .output
            .iter()
            .zip(names)
            .map(|(output, name)| {
                let column = &query.table.columns[output.column];
                let (class, stored) = match &output.mask {
                    Some(mask) => (mask.output_class(column.class), None),
                    None => (column.class, Some(column)),
                };
                Named { sql: self.dialect.quote(&name), class, column: stored }
            })
            .collect()
    }

    /// The names that a governed table's columns have as a derived table. A column may be read twice, as it
    /// is and masked for instance.
    pub(crate) fn derived_names(&self, query: &TableRead) -> Vec<String> {
        let columns = &query.table.columns;
        let mut names: Vec<String> = Vec::with_capacity(query.output.len());
        for output in &query.output {
            let mut name = self.dialect.derived_name(&columns[output.column].name);
            while names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                name.push('_');
                while columns.iter().any(|column| column.name.eq_ignore_ascii_case(&name)) {
                    name.push('_');
                }
            }
            names.push(name);
        }
        names
    }

    /// The innermost SELECT: raw table, row filter, masks.
    pub(crate) fn governed_table(
        &mut self,
        query: &TableRead,
        aliased: bool,
        first: &str,
    ) -> Option<String> {
        let table = &query.table;
        let mut list = Vec::with_capacity(query.output.len());
        for (output, name) in query.output.iter().zip(self.derived_names(query)) {
            let name = self.dialect.quote(&name);
            let expression = self.masked(output, table)?;
            let same = expression == name;
            list.push(if same || !aliased {
                expression
            } else {
                format!("{expression} AS {name}")
            });
        }
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let mut sql = format!(
            "SELECT {first}{} FROM {}.{}",
            select_list(&list),
            self.dialect.quote(&table.schema),
            self.dialect.quote(&table.name)
        );
        let filter = query.row_filter.as_ref().map(|filter| self.raw_predicate(filter, table));
        match (self.beside_filter, filter) {
            (Some(condition), Some(filter)) => {
                sql.push_str(&format!(" WHERE {condition} AND ({filter})"));
            }
            (Some(condition), None) => sql.push_str(&format!(" WHERE {condition}")),
            (None, Some(filter)) => sql.push_str(&format!(" WHERE {filter}")),
            (None, None) => {}
        }
        Some(sql)
    }

    fn masked(&mut self, output: &OutputColumn, table: &TableDescription) -> Option<String> {
        let column = &table.columns[output.column];
        let quoted = self.dialect.quote(&column.name);
        let visible = output.visible.as_ref().map(|visible| self.raw_predicate(visible, table));
        let read = self.dialect.read_column(&quoted, column);
        let expression = match &output.mask {
            None => read,
            Some(mask) => {
                let (dialect, parameters) = (self.dialect, &mut self.parameters);
                dialect.mask(mask, &read, column, &mut |value| parameters.bind(value))?
            }
        };
        Some(match visible {
            Some(visible) => format!("CASE WHEN {visible} THEN {expression} END"),
            None => expression,
        })
    }

    fn raw_predicate(&mut self, predicate: &Predicate, table: &TableDescription) -> String {
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let sql = self.dialect.quote(&column.name);
            columns.push(Named { sql, class: column.class, column: Some(column) });
        }
        self.predicate(predicate, &columns)
    }

    fn predicate(&mut self, predicate: &Predicate, columns: &[Named<'_>]) -> String {
        let (dialect, parameters) = (self.dialect, &mut self.parameters);
        let mut bind = |value: Value| parameters.bind(value);
        let operand = |column: usize| columns[column].operand();
        match predicate {
            Predicate::Constant(value) => dialect.constant(*value).to_string(),
            Predicate::Compare { column, operator, value } => {
                dialect.compare(&operand(*column), *operator, value, &mut bind)
            }
            Predicate::CompareColumns { left, operator, right } => {
                dialect.compare_columns(&operand(*left), *operator, &operand(*right))
            }
            Predicate::InList { values, negated, .. } if values.is_empty() => {
                dialect.constant(*negated).to_string()
            }
            Predicate::InList { column, values, negated } => {
                dialect.in_list(&operand(*column), values, *negated, &mut bind)
            }
            Predicate::IsNull { column, negated } => {
                let not = if *negated { " NOT" } else { "" };
                format!("{} IS{not} NULL", columns[*column].sql)
            }
            Predicate::Like { column, pattern, negated } => {
                dialect.like(&operand(*column), pattern, *negated, &mut bind)
            }
            Predicate::IsTrue { column } => {
                let (column, truth) = (operand(*column), Value::Boolean(true));
                dialect.compare(&column, Comparison::Equal, &truth, &mut bind)
            }
            Predicate::And(parts) => self.connect(parts, " AND ", true, columns),
            Predicate::Or(parts) => self.connect(parts, " OR ", false, columns),
            Predicate::Not(part) => format!("NOT ({})", self.predicate(part, columns)),
        }
    }

    fn connect(
        &mut self,
        parts: &[Predicate],
        word: &str,
        when_empty: bool,
        columns: &[Named<'_>],
    ) -> String {
        if parts.is_empty() {
            return self.dialect.constant(when_empty).to_string();
        }
        let parts: Vec<String> = parts.iter().map(|part| self.predicate(part, columns)).collect();
        if parts.len() == 1 { parts[0].clone() } else { format!("({})", parts.join(word)) }
    }
}

/// Values on their way into a statement: a mark stands for each until the text is whole, so that
/// placeholders are numbered as they appear, whatever order the parts were written in.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<Value>);

/// What no name and no spelling has in it.
const MARK: char = '\u{1}';

impl Parameters {
    /// Adds a value and returns its mark.
    pub(crate) fn bind(&mut self, value: Value) -> String {
        self.0.push(value);
        format!("{MARK}{}{MARK}", self.0.len() - 1)
    }

    /// The text with placeholders, and their values in order; a value whose mark is not in the text is
    /// left out. `None` where a name holds half a mark, or there are more values than the source takes.
    pub(crate) fn settle(self, dialect: &dyn Dialect, sql: &str) -> Option<(String, Vec<Value>)> {
        let mut text = String::with_capacity(sql.len() + self.0.len() * 8);
        let mut positions = vec![None; self.0.len()];
        let mut values: Vec<Value> = Vec::with_capacity(self.0.len());
        for (turn, part) in sql.split(MARK).enumerate() {
            if turn % 2 == 0 {
                text.push_str(part);
                continue;
            }
            let index: usize = part.parse().ok()?;
            let value = self.0.get(index)?;
            let known = positions[index].filter(|_| dialect.binds_by_name());
            let position = known.unwrap_or_else(|| {
                values.push(value.clone());
                values.len()
            });
            positions[index] = Some(position);
            text.push_str(&dialect.placeholder(position, value));
        }
        (values.len() <= dialect.most_parameters()).then_some((text, values))
    }
}

/// A column as one level of the statement names it.
struct Named<'a> {
    sql: String,
    class: OperandClass,
    column: Option<&'a ColumnDescription>,
}

impl Named<'_> {
    fn operand(&self) -> Operand<'_> {
        Operand { sql: &self.sql, class: self.class, column: self.column, digits: None }
    }
}

/// The order in which rows are stored, where the source can be held to it and nothing else is asked for: an
/// index that it might read instead has the order of columns that may be hidden or masked.
pub(crate) fn stored_order(query: &TableRead) -> String {
    match &query.table.stored_order {
        Some(order) if query.order.is_empty() => format!(" ORDER BY {order}"),
        _ => String::new(),
    }
}

/// A select list; a statement that only counts rows selects a constant.
fn select_list(columns: &[&str]) -> String {
    if columns.is_empty() { "1 AS one".to_string() } else { columns.join(", ") }
}

#[cfg(test)]
mod tests;
