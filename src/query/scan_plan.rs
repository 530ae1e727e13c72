//! How one governed read is split between its source and the leaf.
//!
//! At the source where the dialect gives the same answer, in the leaf otherwise:
//! row filter, masks, cell visibility; then the caller's predicates, order and limit. The caller's
//! part goes down only over columns that are governed *at the source*, so it never sees a raw value.

use super::leaf::Top;
use super::local::{Condition, LocalOutput, LocalWork, Shown};
use super::splits;
use crate::model::{Mask, OperandClass, Predicate, TableEntry};
use crate::policy::{ColumnGrant, Grant};
use arrow_schema::{Field, Schema, SchemaRef};
use celosia_connector_api::query::unfit_bit;
use celosia_connector_api::render::{can_mask, is_pushable, render};
use celosia_connector_api::{
    Dialect, OutputColumn, RemoteQuery, RenderedQuery, SortKey, TableRead,
};
use datafusion::common::{DataFusionError, Result};
use std::sync::Arc;

/// What the engine asks of a governed table.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    /// The governed columns wanted, in order.
    pub(super) projection: Vec<usize>,
    /// The caller's leak-proof conditions over governed columns.
    pub(super) predicates: Vec<Predicate>,
    /// At most this many rows, where no predicate stays above.
    pub(super) limit: Option<u64>,
    /// An order and a limit known to be enough.
    pub(super) top: Option<&'a Top>,
}

/// A governed read, ready to run.
#[derive(Debug)]
pub(super) struct ScanPlan {
    /// What the source is sent.
    pub(super) rendered: RenderedQuery,
    /// The same before it was spelled.
    pub(super) asked: Asked,
    /// What the leaf does with each batch.
    pub(super) local: Arc<LocalWork>,
    /// The governed schema of the projection.
    pub(super) schema: SchemaRef,
}

/// What a source is asked.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// To read a table.
    Table(Arc<TableRead>),
    /// More than that.
    Tree(Arc<RemoteQuery>),
    /// What another process was asked; this one only runs it.
    #[cfg(feature = "ballista")]
    Elsewhere {
        /// The snapshot that it reads.
        snapshot: Option<Arc<str>>,
    },
}

impl ScanPlan {
    /// The snapshot that its session takes on.
    pub(super) fn snapshot(&self) -> Option<Arc<str>> {
        match &self.asked {
            Asked::Table(_) | Asked::Tree(_) => None,
            #[cfg(feature = "ballista")]
            Asked::Elsewhere { snapshot } => snapshot.clone(),
        }
    }
}

/// Splits `request` over `grant` between the source and the leaf.
pub(super) fn plan(
    grant: &Grant,
    entry: &TableEntry,
    dialect: &dyn Dialect,
    pushdown: bool,
    request: &Request<'_>,
) -> Result<ScanPlan> {
    let classes: Vec<OperandClass> = entry.description.columns.iter().map(|c| c.class).collect();
    let mut split = Split {
        grant,
        entry,
        dialect,
        pushdown,
        classes,
        raw_needed: vec![false; entry.description.columns.len()],
        output: Vec::new(),
        governed: Vec::new(),
    };
    split.run(request)
}

/// The read of governed columns whose whole policy the source can apply; `None` where a part of it is
/// the leaf's.
pub(super) fn at_source(
    grant: &Grant,
    entry: &TableEntry,
    dialect: &dyn Dialect,
    projection: &[usize],
) -> Option<TableRead> {
    let table = &entry.description;
    let classes: Vec<OperandClass> = table.columns.iter().map(|c| c.class).collect();
    let pushes = |predicate: &Predicate| is_pushable(dialect, predicate, &classes);
    let mut output = Vec::with_capacity(projection.len());
    for index in projection {
        let column = &grant.columns()[*index];
        let read = OutputColumn {
            column: column.column(),
            mask: column.mask().cloned(),
            visible: column.visible().cloned(),
            aggregated: column.is_inside_aggregate(),
        };
        let visible = read.visible.as_ref().is_none_or(pushes);
        if !visible || (read.mask.is_some() && !can_mask(dialect, &read, table)) {
            return None;
        }
        output.push(read);
    }
    let row_filter = grant.row_filter().cloned();
    row_filter.as_ref().is_none_or(pushes).then(|| TableRead {
        table: table.clone(),
        row_filter,
        output,
        predicate: None,
        order: Vec::new(),
        limit: None,
    })
}

struct Split<'a> {
    grant: &'a Grant,
    entry: &'a TableEntry,
    dialect: &'a dyn Dialect,
    pushdown: bool,
    /// Operand class of each of the table's columns.
    classes: Vec<OperandClass>,
    /// Table columns whose raw value the leaf needs.
    raw_needed: Vec<bool>,
    /// What is fetched.
    output: Vec<OutputColumn>,
    /// For each fetched column, the governed column it already is.
    governed: Vec<Option<usize>>,
}

impl Split<'_> {
    fn run(&mut self, request: &Request<'_>) -> Result<ScanPlan> {
        let row_filter = self.grant.row_filter();
        let filter_at_source = row_filter.is_none_or(|filter| self.pushes(filter));
        if let (Some(filter), false) = (row_filter, filter_at_source) {
            self.need(filter);
        }
        self.settle(&request.projection);
        if self.classes.len() > UNFIT_BITS
            && self.raw_needed.iter().filter(|needed| **needed).count() < UNFIT_BITS
        {
            // What the leaf works on comes first and has bits of its own: the last bit, which the others
            // share, then never speaks of a hidden value.
            self.fetch_needed();
        }
        let local_columns: Vec<LocalColumn> =
            request.projection.iter().map(|index| self.fetch_governed(*index)).collect();
        for predicate in &request.predicates {
            predicate.columns(&mut |index| {
                if self.at_source(&self.grant.columns()[index]) {
                    self.fetch_governed(index);
                }
            });
        }
        self.fetch_needed();
        let predicate = self.pushed_predicate(&request.predicates);
        let all_pushed = filter_at_source
            && request.predicates.iter().all(|p| self.translated(p).is_some())
            && predicate.as_ref().map_or(0, conjuncts)
                == request.predicates.iter().map(conjuncts).sum::<usize>();
        let (order, limit) = self.order_and_limit(request, all_pushed);
        let query = TableRead {
            table: self.entry.description.clone(),
            row_filter: row_filter.filter(|_| filter_at_source).cloned(),
            output: std::mem::take(&mut self.output),
            predicate,
            order,
            limit,
        };
        self.finish(
            query,
            local_columns,
            (!filter_at_source).then_some(row_filter).flatten(),
            request,
        )
    }

    /// Decides which raw columns the leaf needs. A column that is needed raw is not fetched masked as
    /// well, which may make another one local: so until nothing changes.
    fn settle(&mut self, projection: &[usize]) {
        loop {
            let before = self.raw_needed.clone();
            for index in projection {
                let column = &self.grant.columns()[*index];
                if !self.at_source(column) {
                    self.need_column(column);
                }
            }
            if self.raw_needed == before {
                return;
            }
        }
    }

    fn pushes(&self, predicate: &Predicate) -> bool {
        self.pushdown && is_pushable(self.dialect, predicate, &self.classes)
    }

    /// Whether the source itself can give this column's governed values.
    fn at_source(&self, column: &ColumnGrant) -> bool {
        if self.raw_needed[column.column()]
            && (column.mask().is_some() || column.visible().is_some())
        {
            return false;
        }
        let mask_ok = match column.mask() {
            None => true,
            Some(_) if !self.pushdown => false,
            Some(mask) => can_mask(
                self.dialect,
                &OutputColumn::masked(column.column(), mask.clone()),
                &self.entry.description,
            ),
        };
        mask_ok && column.visible().is_none_or(|visible| self.pushes(visible))
    }

    fn need(&mut self, predicate: &Predicate) {
        predicate.columns(&mut |column| self.raw_needed[column] = true);
    }

    fn need_column(&mut self, column: &ColumnGrant) {
        let nothing_read = matches!(column.mask(), Some(Mask::Null));
        if !nothing_read {
            self.raw_needed[column.column()] = true;
            if let Some(visible) = column.visible() {
                self.need(visible);
            }
        }
    }

    /// Makes sure a governed column is fetched, or its raw column if the leaf has to work on it.
    fn fetch_governed(&mut self, index: usize) -> LocalColumn {
        let grant = &self.grant.columns()[index];
        if matches!(grant.mask(), Some(Mask::Null)) {
            return LocalColumn::Null;
        }
        if self.at_source(grant) {
            if let Some(at) = self.governed.iter().position(|g| *g == Some(index)) {
                return LocalColumn::Fetched(at);
            }
            if grant.mask().is_none()
                && grant.visible().is_none()
                && let Some(at) = self.fetched_raw(grant.column())
            {
                self.governed[at] = Some(index);
                return LocalColumn::Fetched(at);
            }
            self.output.push(OutputColumn {
                column: grant.column(),
                mask: grant.mask().cloned(),
                visible: grant.visible().cloned(),
                aggregated: grant.is_inside_aggregate(),
            });
            self.governed.push(Some(index));
            return LocalColumn::Fetched(self.output.len() - 1);
        }
        LocalColumn::Work
    }

    /// Fetches the raw columns that the leaf works on and that are not fetched yet.
    fn fetch_needed(&mut self) {
        for column in 0..self.raw_needed.len() {
            if self.raw_needed[column] && self.fetched_raw(column).is_none() {
                self.output.push(OutputColumn::open(column));
                self.governed.push(None);
            }
        }
    }

    fn fetched_raw(&self, column: usize) -> Option<usize> {
        self.output
            .iter()
            .position(|o| o.column == column && o.mask.is_none() && o.visible.is_none())
    }

    /// The caller's predicate over fetched columns, where all it reads is governed at the source.
    fn translated(&self, predicate: &Predicate) -> Option<Predicate> {
        if !self.pushdown {
            return None;
        }
        let position = |index: usize| self.governed.iter().position(|g| *g == Some(index));
        let mut complete = true;
        predicate.columns(&mut |index| complete &= position(index).is_some());
        if !complete {
            return None;
        }
        let moved = predicate.remap(&|index| position(index).unwrap_or_default());
        is_pushable(self.dialect, &moved, &self.output_classes()).then_some(moved)
    }

    fn output_classes(&self) -> Vec<OperandClass> {
        self.output
            .iter()
            .map(|output| match &output.mask {
                Some(mask) => mask.output_class(self.classes[output.column]),
                None => self.classes[output.column],
            })
            .collect()
    }

    fn pushed_predicate(&self, predicates: &[Predicate]) -> Option<Predicate> {
        predicates.iter().filter_map(|p| self.translated(p)).reduce(|all, next| {
            // What would make the statement too large stays local; it is checked there anyway.
            let both = all.clone().and(next);
            if is_pushable(self.dialect, &both, &self.output_classes()) { both } else { all }
        })
    }

    fn order_and_limit(
        &self,
        request: &Request<'_>,
        all_pushed: bool,
    ) -> (Vec<SortKey>, Option<u64>) {
        let can = self.dialect.capabilities();
        if !self.pushdown || !all_pushed || !can.limit {
            return (Vec::new(), None);
        }
        let Some(top) = request.top else {
            return (Vec::new(), request.limit.filter(|_| request.predicates.is_empty()));
        };
        let classes = self.output_classes();
        let keys: Option<Vec<SortKey>> = top
            .keys
            .iter()
            .map(|key| {
                let output = self.governed.iter().position(|g| *g == Some(key.column))?;
                can.sort.contains(classes[output]).then_some(SortKey {
                    output,
                    descending: key.descending,
                    nulls_first: key.nulls_first,
                })
            })
            .collect();
        match keys {
            Some(keys) => (keys, Some(top.fetch)),
            None => (Vec::new(), None),
        }
    }

    fn finish(
        &self,
        query: TableRead,
        columns: Vec<LocalColumn>,
        local_filter: Option<&Predicate>,
        request: &Request<'_>,
    ) -> Result<ScanPlan> {
        let mut rendered = render(self.dialect, &query).ok_or_else(|| {
            DataFusionError::Internal("a governed read could not be spelled".into())
        })?;
        let fetched = rendered.schema();
        let at = |column: usize| {
            query
                .output
                .iter()
                .position(|o| o.column == column && o.mask.is_none() && o.visible.is_none())
        };
        let compile = |predicate: &Predicate| -> Result<_> {
            Condition::new(predicate.remap(&|column| at(column).unwrap_or(usize::MAX)), &fetched)
        };
        let outputs = columns
            .into_iter()
            .zip(&request.projection)
            .map(|(column, index)| {
                let grant = &self.grant.columns()[*index];
                Ok(match column {
                    LocalColumn::Fetched(at) => LocalOutput::Fetched(at),
                    LocalColumn::Null => LocalOutput::Null(
                        self.entry.description.columns[grant.column()].data_type.clone(),
                    ),
                    LocalColumn::Work => LocalOutput::Masked {
                        fetched: at(grant.column()).ok_or_else(|| {
                            DataFusionError::Internal("a raw column was not fetched".into())
                        })?,
                        mask: grant.mask().cloned(),
                        visible: grant.visible().map(compile).transpose()?,
                    },
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let mut shown = shown(&query.output, &outputs, &rendered);
        // An unfit value inside an aggregate counts as NULL: an error would tell of one row.
        let inside = |index: &usize| self.grant.columns()[*index].is_inside_aggregate();
        shown.retain(|shown| !inside(&request.projection[shown.output]));
        let filter = local_filter.map(compile).transpose()?;
        let whole = governed_schema(self.grant, self.entry);
        let schema = Arc::new(whole.project(&request.projection)?);
        let local = LocalWork { filter, outputs, shown };
        rendered.defer_unfit =
            !local.is_identity(rendered.columns.len()) || request.projection.iter().any(inside);
        if self.pushdown {
            rendered.splits = splits::of(self.dialect, &query);
        }
        let asked = Asked::Table(Arc::new(query));
        Ok(ScanPlan { rendered, asked, local: Arc::new(local), schema })
    }
}

/// Outputs of a source that can be told apart in the marks of unfit values.
const UNFIT_BITS: usize = u64::BITS as usize;

/// The outputs that show stored values. One that shares its bit with a hidden value has none: then an
/// unfit value is shown as NULL rather than told for the other.
fn shown(
    fetched: &[OutputColumn],
    outputs: &[LocalOutput],
    rendered: &RenderedQuery,
) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    for (output, local) in outputs.iter().enumerate() {
        let at = match local {
            LocalOutput::Fetched(at) if fetched[*at].mask.is_none() => *at,
            LocalOutput::Masked { fetched, mask: None, .. } => *fetched,
            _ => continue,
        };
        shown.push(Shown {
            output,
            fetched: at,
            bit: unfit_bit(at),
            name: rendered.columns[at].name.clone(),
        });
    }
    let last = unfit_bit(UNFIT_BITS - 1);
    let is_shown = |at: usize| {
        let always = |shown: &Shown| {
            shown.fetched == at && matches!(outputs[shown.output], LocalOutput::Fetched(_))
        };
        fetched[at].mask.is_some() || shown.iter().any(always)
    };
    if fetched.len() > UNFIT_BITS && !(UNFIT_BITS - 1..fetched.len()).all(is_shown) {
        shown.retain(|shown| shown.bit != last);
    }
    shown
}

fn conjuncts(predicate: &Predicate) -> usize {
    match predicate {
        Predicate::Constant(true) => 0,
        Predicate::And(parts) => parts.len(),
        _ => 1,
    }
}

enum LocalColumn {
    Fetched(usize),
    Null,
    Work,
}

/// The governed columns as the planner sees them: lower-case names, the types after masking.
pub(super) fn governed_schema(grant: &Grant, entry: &TableEntry) -> Schema {
    let columns = &entry.description.columns;
    let fields = grant.columns().iter().map(|granted| {
        let column = &columns[granted.column()];
        if granted.is_counted() {
            return Field::new(entity_name(granted.column()), column.data_type.clone(), true);
        }
        let data_type = match granted.mask() {
            Some(mask) => mask.output_type(&column.data_type),
            None => column.data_type.clone(),
        };
        Field::new(virtual_name(grant, entry, granted.column()), data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The name of a column that counts entities. It comes into a plan only after the statement's own names
/// have been looked up, so no statement can mean it.
pub(super) fn entity_name(column: usize) -> String {
    format!("\u{1}entity {column}")
}

/// A column's name for SQL: lower case, unless another visible column differs only by case.
pub(super) fn virtual_name(grant: &Grant, entry: &TableEntry, column: usize) -> String {
    let columns = &entry.description.columns;
    let name = &columns[column].name;
    let lower = name.to_lowercase();
    let clash = grant.columns().iter().any(|other| {
        other.column() != column
            && !other.is_counted()
            && columns[other.column()].name.to_lowercase() == lower
    });
    if clash { name.clone() } else { lower }
}
