//! Expressions as text: as a condition where one is wanted, as a value where that is.

use super::Renderer;
use super::block::Cell;
use super::relations::conjuncts;
use crate::relation::{AggregateCall, Shape, WindowCall, shape_of};
use crate::render::{compares, is_bindable, is_plain_pattern};
use crate::{
    ColumnDescription, Comparison, Expression, FunctionKind, FunctionRule, GroupKey, Node, Operand,
    OperandClass, Spelled, Value,
};

impl Renderer<'_> {
    /// A column of a SELECT.
    pub(super) fn cell(&mut self, expression: &Expression, below: &[Cell]) -> Option<Cell> {
        let shapes: Vec<_> = below.iter().map(|cell| cell.shape.clone()).collect();
        if let Some(index) = expression.column() {
            return Some(Cell { shape: shape_of(expression, &shapes), ..below[index].clone() });
        }
        let shape = Shape::computed_from(&expression.data_type, [expression], &shapes);
        if is_condition(expression) {
            return Some(Cell::of_condition(self.condition(expression, below)?, shape));
        }
        Some(Cell::computed(self.value(expression, below)?, shape))
    }

    /// What a cell shows, also where it is a condition.
    pub(super) fn value_of(&self, cell: &Cell) -> Option<String> {
        match &cell.condition {
            Some(condition) => self.dialect.truth_value(condition),
            None => Some(cell.value.clone()),
        }
    }

    /// A condition: what may follow WHERE, ON and WHEN.
    pub(super) fn condition(&mut self, expression: &Expression, below: &[Cell]) -> Option<String> {
        match &expression.node {
            Node::Compare { operator, left, right } => self.compare(*operator, left, right, below),
            Node::InList { operand, values, negated } => {
                self.in_list(operand, values, *negated, below)
            }
            Node::IsNull { operand, negated } => {
                if !self.dialect.capabilities().null_test {
                    return None;
                }
                let operand = self.operand_sql(operand, below)?;
                Some(format!("{operand} IS{} NULL", if *negated { " NOT" } else { "" }))
            }
            Node::Like { operand, pattern, negated } => {
                self.like(operand, pattern, *negated, below)
            }
            Node::And(parts) => self.connect(parts, " AND ", below),
            Node::Or(parts) => self.connect(parts, " OR ", below),
            Node::Not(inner) => Some(format!("NOT ({})", self.condition(inner, below)?)),
            Node::Literal(Value::Boolean(value)) => Some(self.dialect.constant(*value).to_string()),
            Node::Column(index) if below[*index].condition.is_some() => {
                below[*index].condition.clone()
            }
            // A truth value as a condition.
            _ => {
                let truth = Expression::literal(Value::Boolean(true), expression.data_type.clone());
                self.compare(Comparison::Equal, expression, &truth, below)
            }
        }
    }

    /// A value: what may be selected and computed with.
    pub(super) fn value(&mut self, expression: &Expression, below: &[Cell]) -> Option<String> {
        match &expression.node {
            Node::Column(index) => self.value_of(&below[*index]),
            // Arithmetic at the source is that of the operands' types.
            Node::Widen(inner) if inner.class != expression.class => {
                let inner = self.value(inner, below)?;
                self.dialect.widened(&inner, &expression.data_type)
            }
            Node::Widen(inner) => self.value(inner, below),
            Node::Literal(value) => {
                if !is_bindable(self.dialect, expression.class, value) {
                    return None;
                }
                let value = self.writer.parameters.bind(value.clone());
                self.dialect.arrives_as(&value, &expression.data_type)
            }
            Node::Null => self.dialect.arrives_as("NULL", &expression.data_type),
            Node::Case { branches, otherwise } => {
                let mut sql = "CASE".to_string();
                let class = expression.class;
                for (condition, value) in branches {
                    let condition = self.condition(condition, below)?;
                    let value = self.dialect.among_others(&self.value(value, below)?, class)?;
                    sql.push_str(&format!(" WHEN {condition} THEN {value}"));
                }
                if let Some(otherwise) = otherwise {
                    let value = self.dialect.among_others(&self.value(otherwise, below)?, class)?;
                    sql.push_str(&format!(" ELSE {value}"));
                }
                Some(format!("{sql} END"))
            }
            Node::Call { rule, arguments } => {
                let arguments = self.arguments(arguments, below)?;
                Some(rule.spelled(&arguments))
            }
            Node::DecimalAverage { sum, count } => {
                let digits = u8::try_from(expression.digits().1).ok()?;
                let spelled = Spelled { sql: self.value(sum, below)?, expression: sum };
                self.dialect.decimal_average(&spelled, &self.value(count, below)?, digits)
            }
            _ => {
                let condition = self.condition(expression, below)?;
                self.dialect.truth_value(&condition)
            }
        }
    }

    /// The arguments of a function; decimals with no more digits than they need.
    fn arguments<'e>(
        &mut self,
        arguments: &'e [Expression],
        below: &[Cell],
    ) -> Option<Vec<Spelled<'e>>> {
        let spelled = arguments.iter().map(|expression| {
            let mut spelled = Spelled { sql: self.value(expression, below)?, expression };
            if expression.class == OperandClass::Decimal {
                spelled.sql = self.dialect.decimal_argument(&spelled, expression.digits());
            }
            Some(spelled)
        });
        spelled.collect()
    }

    /// An expression as a side of a comparison, a key or an order.
    pub(super) fn operand_sql(
        &mut self,
        expression: &Expression,
        below: &[Cell],
    ) -> Option<String> {
        match expression.column() {
            Some(index) if below[index].condition.is_none() => Some(below[index].operand.clone()),
            _ => self.value(expression.narrow(), below),
        }
    }

    /// Two expressions that a source compares as the engine does, ready for an operator between them.
    pub(super) fn comparable(
        &mut self,
        left: &Expression,
        right: &Expression,
        below: &[Cell],
    ) -> Option<(String, String)> {
        let same = left.class == right.class
            && compares(self.dialect, left.class, Comparison::Equal)
            && self.dialect.compares_columns(left.class);
        // In a list, a text is found under the column's own collation alone.
        let exact = matches!(
            left.class,
            OperandClass::Integer
                | OperandClass::Decimal
                | OperandClass::Date
                | OperandClass::Timestamp
        );
        if !same || !exact {
            return None;
        }
        Some((self.operand_sql(left, below)?, self.operand_sql(right, below)?))
    }

    fn compare(
        &mut self,
        operator: Comparison,
        left: &Expression,
        right: &Expression,
        below: &[Cell],
    ) -> Option<String> {
        if let Node::Literal(_) = &left.narrow().node
            && !matches!(&right.narrow().node, Node::Literal(_))
        {
            return self.compare(operator.swapped(), right, left, below);
        }
        let (narrow, class) = (left.narrow(), comparison_class(left, right));
        if !compares(self.dialect, class, operator) {
            return None;
        }
        let sql = self.operand_sql(left, below)?;
        let column = stored(narrow, below);
        let digits = digits_of(narrow);
        let operand = Operand { sql: &sql, class, column: column.as_ref(), digits };
        if let Node::Literal(value) = &right.narrow().node {
            if !is_bindable(self.dialect, class, value) {
                return None;
            }
            let parameters = &mut self.writer.parameters;
            let mut bind = |value| parameters.bind(value);
            return Some(self.dialect.compare(&operand, operator, value, &mut bind));
        }
        let other_class = comparison_class(right, left);
        let can = self.dialect.capabilities().column_comparison
            && self.dialect.compares_columns(class)
            && class == other_class
            && !matches!(
                class,
                OperandClass::Float | OperandClass::TimestampFine | OperandClass::TimestampUtcFine
            );
        if !can {
            return None;
        }
        let other_sql = self.operand_sql(right, below)?;
        let other_column = stored(right.narrow(), below);
        let (column, digits) = (other_column.as_ref(), digits_of(right.narrow()));
        let other = Operand { sql: &other_sql, class: other_class, column, digits };
        Some(self.dialect.compare_columns(&operand, operator, &other))
    }

    fn in_list(
        &mut self,
        operand: &Expression,
        values: &[Value],
        negated: bool,
        below: &[Cell],
    ) -> Option<String> {
        let whole = values.iter().all(|value| matches!(value, Value::Integer(_)));
        let class = match operand.narrow().class {
            OperandClass::Integer if whole => OperandClass::Integer,
            OperandClass::Integer => operand.class,
            class => class,
        };
        if values.is_empty() {
            return Some(self.dialect.constant(negated).to_string());
        }
        let can = compares(self.dialect, class, Comparison::Equal)
            && values.len() <= self.dialect.most_values()
            && values.iter().all(|value| is_bindable(self.dialect, class, value));
        if !can {
            return None;
        }
        let sql = self.operand_sql(operand, below)?;
        let (column, digits) = (stored(operand.narrow(), below), digits_of(operand.narrow()));
        let operand = Operand { sql: &sql, class, column: column.as_ref(), digits };
        let parameters = &mut self.writer.parameters;
        let mut bind = |value| parameters.bind(value);
        Some(self.dialect.in_list(&operand, values, negated, &mut bind))
    }

    fn like(
        &mut self,
        operand: &Expression,
        pattern: &str,
        negated: bool,
        below: &[Cell],
    ) -> Option<String> {
        let can = self.dialect.capabilities().like
            && operand.class == OperandClass::Text
            && is_plain_pattern(pattern)
            && self.dialect.can_like(pattern);
        if !can {
            return None;
        }
        let sql = self.operand_sql(operand, below)?;
        let (column, class) = (stored(operand.narrow(), below), OperandClass::Text);
        let operand = Operand { sql: &sql, class, column: column.as_ref(), digits: None };
        let parameters = &mut self.writer.parameters;
        let mut bind = |value| parameters.bind(value);
        Some(self.dialect.like(&operand, pattern, negated, &mut bind))
    }

    fn connect(&mut self, parts: &[Expression], word: &str, below: &[Cell]) -> Option<String> {
        let parts: Option<Vec<String>> =
            parts.iter().map(|part| self.condition(part, below)).collect();
        Some(format!("({})", parts?.join(word)))
    }

    /// An aggregate; rows that do not count are NULL to it.
    pub(super) fn aggregate_call(
        &mut self,
        call: &AggregateCall,
        below: &[Cell],
    ) -> Option<String> {
        let filter = match &call.filter {
            Some(filter) => {
                let parts: Option<Vec<String>> =
                    conjuncts(filter).map(|part| self.condition(part, below)).collect();
                Some(parts?.join(" AND "))
            }
            None => None,
        };
        let mut values = Vec::with_capacity(call.arguments.len());
        for (index, argument) in call.arguments.iter().enumerate() {
            let mut sql = self.aggregated(call.rule, argument, below)?;
            if let (Some(filter), 0) = (&filter, index) {
                sql = format!("CASE WHEN {filter} THEN {sql} END");
            }
            values.push(Spelled { sql, expression: argument });
        }
        match (values.is_empty(), filter) {
            (true, Some(filter)) => {
                let counted = format!("CASE WHEN {filter} THEN 1 END");
                Some(call.rule.spelling.replace('*', &counted))
            }
            _ => self.dialect.aggregate(call.rule, &values, ""),
        }
    }

    /// What an aggregate is taken of: the smallest text is the smallest by its bytes.
    fn aggregated(
        &mut self,
        rule: &FunctionRule,
        argument: &Expression,
        below: &[Cell],
    ) -> Option<String> {
        if !matches!(rule.name, "min" | "max") {
            return self.value(argument, below);
        }
        let operand = self.operand_sql(argument, below)?;
        Some(self.dialect.operand(&operand, argument.class, true))
    }

    pub(super) fn window_call(&mut self, call: &WindowCall, below: &[Cell]) -> Option<String> {
        let mut values = Vec::with_capacity(call.arguments.len());
        for expression in &call.arguments {
            let sql = self.aggregated(call.rule, expression, below)?;
            values.push(Spelled { sql, expression });
        }
        let mut over = Vec::new();
        let mut keys = Vec::new();
        for key in &call.partition {
            let key = self.group_key(key, below)?;
            keys.push(key.value);
            keys.extend(key.more);
        }
        if !keys.is_empty() {
            over.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        let order = self.order(&call.order, below)?;
        if !order.is_empty() {
            over.push(format!("ORDER BY {}", order.join(", ")));
        } else if call.rule.kind == FunctionKind::Window
            && !self.dialect.relational().unordered_window
        {
            return None;
        }
        over.extend(call.frame.clone());
        self.dialect.aggregate(call.rule, &values, &format!(" OVER ({})", over.join(" ")))
    }

    /// What rows are grouped by.
    pub(super) fn group_key(&mut self, key: &Expression, below: &[Cell]) -> Option<GroupKey> {
        let sql = self.operand_sql(key, below)?;
        let column = stored(key.narrow(), below);
        let (class, digits) = (key.class, digits_of(key.narrow()));
        Some(self.dialect.group_key(&Operand { sql: &sql, class, column: column.as_ref(), digits }))
    }
}

/// Whether an expression is a condition rather than a value.
fn is_condition(expression: &Expression) -> bool {
    matches!(
        expression.node,
        Node::Compare { .. }
            | Node::InList { .. }
            | Node::IsNull { .. }
            | Node::Like { .. }
            | Node::And(_)
            | Node::Or(_)
            | Node::Not(_)
    )
}

/// The class in which an expression is compared with another one: that of the wider type, since a
/// literal has it, unless the column itself has a class that says more. Two whole numbers are compared as
/// such, whatever both were widened to.
fn comparison_class(expression: &Expression, other: &Expression) -> OperandClass {
    let narrow = expression.narrow().class;
    match (narrow, expression.class) {
        (OperandClass::Integer, OperandClass::Decimal)
            if other.narrow().class != OperandClass::Integer =>
        {
            OperandClass::Decimal
        }
        _ => narrow,
    }
}

/// The most digits of a number.
fn digits_of(expression: &Expression) -> Option<(u16, u16)> {
    let exact = matches!(expression.class, OperandClass::Decimal | OperandClass::Integer);
    exact.then(|| expression.digits())
}

fn stored(expression: &Expression, below: &[Cell]) -> Option<ColumnDescription> {
    let cell = &below[expression.column()?];
    let (table, column) = cell.shape.stored.as_ref()?;
    Some(table.columns[*column].clone())
}
