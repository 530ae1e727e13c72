//! What a source is asked, as a relational tree: a governed read of each table at its leaves, so that
//! the policy is always the innermost level.

use crate::{Expression, FunctionRule, OperandClass, TableDescription, TableRead};
use arrow_schema::DataType;
use std::sync::Arc;

/// A relational tree that lives at one source.
#[derive(Debug, Clone, PartialEq)]
pub enum RemoteQuery {
    /// A governed table.
    Scan(TableRead),
    /// The rows on which a condition holds.
    Filter {
        /// The rows.
        input: Box<RemoteQuery>,
        /// The condition, over the input's columns.
        predicate: Expression,
    },
    /// Computed columns.
    Project {
        /// The rows.
        input: Box<RemoteQuery>,
        /// The columns, over the input's.
        columns: Vec<Expression>,
    },
    /// Two inputs, joined.
    Join {
        /// The left input.
        left: Box<RemoteQuery>,
        /// The right input.
        right: Box<RemoteQuery>,
        /// The kind.
        kind: JoinKind,
        /// The condition, over the left columns and then the right ones; `None` holds always.
        on: Option<Expression>,
        /// Whether the statement asks for the right rows of each left row apart, as a correlated scalar
        /// subquery does.
        per_row: bool,
    },
    /// One row for each group.
    Aggregate {
        /// The rows.
        input: Box<RemoteQuery>,
        /// What rows are grouped by; none makes one group, of all rows.
        groups: Vec<Expression>,
        /// Several groupings at once, each by some of `groups`, by index; those it leaves out are NULL, and
        /// behind the groups is a column that says which they are, a bit for each, the last one lowest.
        /// None is one grouping, by all of them.
        sets: Vec<Vec<usize>>,
        /// What is computed for each group.
        aggregates: Vec<AggregateCall>,
    },
    /// The rows with window functions behind their columns.
    Window {
        /// The rows.
        input: Box<RemoteQuery>,
        /// The functions.
        functions: Vec<WindowCall>,
    },
    /// The rows in an order.
    Sort {
        /// The rows.
        input: Box<RemoteQuery>,
        /// The keys, most significant first.
        keys: Vec<OrderKey>,
    },
    /// Some of the first rows.
    Limit {
        /// The rows.
        input: Box<RemoteQuery>,
        /// How many are left out.
        skip: u64,
        /// How many are given then; all where there is none.
        fetch: Option<u64>,
    },
    /// The rows of every input; all have columns of the same types.
    UnionAll(Vec<RemoteQuery>),
}

/// How two inputs are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Pairs that match.
    Inner,
    /// And left rows without a match.
    Left,
    /// And right rows without a match.
    Right,
    /// And both.
    Full,
    /// Left rows with a match.
    Semi,
    /// Left rows without a match.
    Anti,
    /// `left NOT IN (right)`: the condition compares one left expression with one right expression;
    /// a NULL on the right leaves no row.
    NotIn,
    /// Left rows, and whether there is a match.
    Mark,
}

impl JoinKind {
    /// Whether the right input's columns are given.
    pub fn gives_right(self) -> bool {
        matches!(self, Self::Inner | Self::Left | Self::Right | Self::Full)
    }
}

/// An aggregate over a group.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// The rule that allows it.
    pub rule: &'static FunctionRule,
    /// What is aggregated; none counts rows.
    pub arguments: Vec<Expression>,
    /// The rows that count.
    pub filter: Option<Expression>,
    /// The type of the result.
    pub data_type: DataType,
}

impl AggregateCall {
    /// What it reads.
    pub fn reads(&self) -> impl Iterator<Item = &Expression> {
        self.arguments.iter().chain(&self.filter)
    }
}

/// A function over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowCall {
    /// The rule that allows it.
    pub rule: &'static FunctionRule,
    /// Its arguments.
    pub arguments: Vec<Expression>,
    /// What the rows are divided by.
    pub partition: Vec<Expression>,
    /// The order within a part.
    pub order: Vec<OrderKey>,
    /// The frame's spelling, the same in every dialect; `None` leaves it out.
    pub frame: Option<String>,
    /// The type of the result.
    pub data_type: DataType,
}

impl WindowCall {
    /// What it reads.
    pub fn reads(&self) -> impl Iterator<Item = &Expression> {
        let order = self.order.iter().map(|key| &key.expression);
        self.arguments.iter().chain(&self.partition).chain(order)
    }
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderKey {
    /// What is ordered by.
    pub expression: Expression,
    /// Largest first.
    pub descending: bool,
    /// NULLs before everything else.
    pub nulls_first: bool,
}

/// One column of a level.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The Arrow type of its values.
    pub data_type: DataType,
    /// How they compare.
    pub class: OperandClass,
    /// The stored column whose values these are, unchanged.
    pub stored: Option<(Arc<TableDescription>, usize)>,
    /// Whether it is made from values that a guarded aggregate alone may read.
    pub aggregated: bool,
}

impl Shape {
    /// The column of a computed expression.
    pub fn computed(data_type: &DataType) -> Self {
        let class = crate::expression::class_of(data_type);
        Self { data_type: data_type.clone(), class, stored: None, aggregated: false }
    }

    /// The column of something that is computed from expressions over the columns below.
    pub fn computed_from<'a>(
        data_type: &DataType,
        parts: impl IntoIterator<Item = &'a Expression>,
        below: &[Shape],
    ) -> Self {
        let aggregated = parts.into_iter().any(|part| reads_aggregated(part, below));
        Self { aggregated, ..Self::computed(data_type) }
    }
}

impl RemoteQuery {
    /// What its rows are made from.
    pub fn inputs(&self) -> Vec<&RemoteQuery> {
        match self {
            Self::Scan(_) => Vec::new(),
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::Window { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. } => vec![input.as_ref()],
            Self::Join { left, right, .. } => vec![left.as_ref(), right.as_ref()],
            Self::UnionAll(inputs) => inputs.iter().collect(),
        }
    }

    /// The same over other inputs.
    #[must_use]
    pub fn map_inputs(&self, map: &mut impl FnMut(&RemoteQuery) -> RemoteQuery) -> RemoteQuery {
        let mut boxed = |input: &RemoteQuery| Box::new(map(input));
        match self {
            Self::Scan(read) => Self::Scan(read.clone()),
            Self::Filter { input, predicate } => {
                Self::Filter { input: boxed(input), predicate: predicate.clone() }
            }
            Self::Project { input, columns } => {
                Self::Project { input: boxed(input), columns: columns.clone() }
            }
            Self::Aggregate { input, groups, sets, aggregates } => Self::Aggregate {
                input: boxed(input),
                groups: groups.clone(),
                sets: sets.clone(),
                aggregates: aggregates.clone(),
            },
            Self::Window { input, functions } => {
                Self::Window { input: boxed(input), functions: functions.clone() }
            }
            Self::Sort { input, keys } => Self::Sort { input: boxed(input), keys: keys.clone() },
            Self::Limit { input, skip, fetch } => {
                Self::Limit { input: boxed(input), skip: *skip, fetch: *fetch }
            }
            Self::Join { left, right, kind, on, per_row } => Self::Join {
                left: boxed(left),
                right: boxed(right),
                kind: *kind,
                on: on.clone(),
                per_row: *per_row,
            },
            Self::UnionAll(inputs) => Self::UnionAll(inputs.iter().map(map).collect()),
        }
    }

    /// The columns, in order.
    pub fn shape(&self) -> Vec<Shape> {
        match self {
            Self::Scan(read) => scan_shape(read),
            Self::Filter { input, .. } | Self::Sort { input, .. } | Self::Limit { input, .. } => {
                input.shape()
            }
            Self::Project { input, columns } => {
                let below = input.shape();
                columns.iter().map(|column| shape_of(column, &below)).collect()
            }
            Self::Join { left, right, kind, .. } => {
                let mut shape = left.shape();
                if kind.gives_right() {
                    shape.extend(right.shape());
                } else if *kind == JoinKind::Mark {
                    shape.push(Shape::computed(&DataType::Boolean));
                }
                shape
            }
            Self::Aggregate { input, groups, sets, aggregates } => {
                let below = input.shape();
                let mut shape: Vec<Shape> = groups.iter().map(|g| shape_of(g, &below)).collect();
                if !sets.is_empty() {
                    shape.push(Shape::computed(&DataType::Int64));
                }
                shape.extend(
                    aggregates
                        .iter()
                        .map(|call| Shape::computed_from(&call.data_type, call.reads(), &below)),
                );
                shape
            }
            Self::Window { input, functions } => {
                let mut shape = input.shape();
                let below = shape.clone();
                shape.extend(
                    functions
                        .iter()
                        .map(|call| Shape::computed_from(&call.data_type, call.reads(), &below)),
                );
                shape
            }
            Self::UnionAll(inputs) => match inputs.first() {
                Some(first) => {
                    first.shape().into_iter().map(|shape| Shape { stored: None, ..shape }).collect()
                }
                None => Vec::new(),
            },
        }
    }
}

/// The column that an expression gives.
pub fn shape_of(expression: &Expression, below: &[Shape]) -> Shape {
    let stored = expression.column().and_then(|index| below.get(index)?.stored.clone());
    let aggregated = reads_aggregated(expression, below);
    Shape { data_type: expression.data_type.clone(), class: expression.class, stored, aggregated }
}

fn reads_aggregated(expression: &Expression, below: &[Shape]) -> bool {
    let mut found = false;
    expression.columns(&mut |index| found |= below.get(index).is_some_and(|s| s.aggregated));
    found
}

fn scan_shape(read: &TableRead) -> Vec<Shape> {
    let columns = read.columns().into_iter().zip(&read.output);
    columns
        .map(|(rendered, output)| {
            let class = read.table.columns[output.column].class;
            Shape {
                data_type: rendered.data_type,
                class: output.mask.as_ref().map_or(class, |mask| mask.output_class(class)),
                stored: output.mask.is_none().then(|| (read.table.clone(), output.column)),
                aggregated: output.aggregated,
            }
        })
        .collect()
}
