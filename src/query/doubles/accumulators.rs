//! The engine's accumulators over exact sums: of one group, of many, and of distinct values.

use super::statistic::Statistic;
use super::sum::ExactSum;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, ListArray, UInt64Array};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use std::collections::HashSet;
use std::sync::Arc;

/// One group.
#[derive(Debug)]
pub(super) struct OneGroup {
    statistic: Statistic,
    count: u64,
    sums: Vec<ExactSum>,
}

impl OneGroup {
    pub(super) fn new(statistic: Statistic) -> Self {
        Self { statistic, count: 0, sums: vec![ExactSum::default(); statistic.sums()] }
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for (y, x) in pairs(values) {
            self.statistic.add(&mut self.sums, y, x);
            self.count += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for (y, x) in pairs(values) {
            self.statistic.take(&mut self.sums, y, x);
            self.count = self.count.saturating_sub(1);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.statistic.finish(self.count, &self.sums)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + bytes(&self.sums)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let count = ScalarValue::UInt64(Some(self.count));
        let sums = self.sums.iter().map(|sum| list(vec![sum.to_state()]));
        Ok(std::iter::once(count).chain(sums.map(|l| ScalarValue::List(Arc::new(l)))).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let counts = states.first().map(|array| array.as_primitive::<UInt64Type>());
        self.count += counts.map_or(0, |counts| counts.iter().flatten().sum());
        for (sum, states) in self.sums.iter_mut().zip(&states[1..]) {
            for state in states.as_list::<i32>().iter().flatten() {
                merge(sum, &state)?;
            }
        }
        Ok(())
    }
}

/// Many groups; a group's sums are next to each other.
#[derive(Debug)]
pub(super) struct ManyGroups {
    statistic: Statistic,
    counts: Vec<u64>,
    sums: Vec<ExactSum>,
}

impl ManyGroups {
    pub(super) fn new(statistic: Statistic) -> Self {
        Self { statistic, counts: Vec::new(), sums: Vec::new() }
    }

    fn grow(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.sums.resize(groups * self.statistic.sums(), ExactSum::default());
    }

    fn take(&mut self, emit: EmitTo) -> (Vec<u64>, Vec<ExactSum>) {
        let sums = match emit {
            EmitTo::All => EmitTo::All,
            EmitTo::First(groups) => EmitTo::First(groups * self.statistic.sums()),
        };
        (emit.take_needed(&mut self.counts), sums.take_needed(&mut self.sums))
    }
}

impl GroupsAccumulator for ManyGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> Result<()> {
        self.grow(groups);
        let width = self.statistic.sums();
        let columns: Vec<_> = values.iter().map(|v| v.as_primitive::<Float64Type>()).collect();
        for (row, group) in group_indices.iter().enumerate() {
            let wanted = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if wanted && let Some((y, x)) = pair(&columns, row) {
                self.counts[*group] += 1;
                self.statistic.add(&mut self.sums[group * width..][..width], y, x);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (counts, sums) = self.take(emit);
        let groups = counts.iter().zip(sums.chunks(self.statistic.sums()));
        let results = groups.map(|(count, sums)| self.statistic.finish(*count, sums));
        Ok(Arc::new(results.collect::<Float64Array>()))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (counts, sums) = self.take(emit);
        let mut state: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(counts))];
        for index in 0..self.statistic.sums() {
            let sums = sums.iter().skip(index).step_by(self.statistic.sums());
            state.push(Arc::new(list(sums.map(ExactSum::to_state).collect())));
        }
        Ok(state)
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        group_indices: &[usize],
        groups: usize,
    ) -> Result<()> {
        self.grow(groups);
        let width = self.statistic.sums();
        let counts = states[0].as_primitive::<UInt64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            self.counts[*group] += counts.value(row);
            for (index, states) in states[1..].iter().enumerate() {
                merge(&mut self.sums[group * width + index], &states.as_list::<i32>().value(row))?;
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |values| values.len());
        let each: Vec<usize> = (0..rows).collect();
        let mut one_each = Self::new(self.statistic);
        one_each.update_batch(values, &each, filter, rows)?;
        one_each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
            + self.sums.capacity() * size_of::<ExactSum>()
            + self.sums.iter().map(ExactSum::heap_bytes).sum::<usize>()
    }
}

/// One group, of which each value counts once.
#[derive(Debug)]
pub(super) struct Distinct {
    statistic: Statistic,
    values: HashSet<u64>,
}

impl Distinct {
    pub(super) fn new(statistic: Statistic) -> Self {
        Self { statistic, values: HashSet::new() }
    }

    fn insert(&mut self, values: &dyn Array) {
        for value in values.as_primitive::<Float64Type>().iter().flatten() {
            // Zero has two forms and counts once.
            self.values.insert((value + 0.0).to_bits());
        }
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values.first().into_iter().for_each(|values| self.insert(values));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut sums = vec![ExactSum::default(); self.statistic.sums()];
        for value in &self.values {
            self.statistic.add(&mut sums, f64::from_bits(*value), 0.0);
        }
        Ok(ScalarValue::Float64(self.statistic.finish(self.values.len() as u64, &sums)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * 2 * size_of::<u64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.values.iter().map(|value| f64::from_bits(*value)).collect();
        Ok(vec![ScalarValue::List(Arc::new(list(vec![values])))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states.iter().flat_map(|states| states.as_list::<i32>().iter()).flatten() {
            self.insert(&values);
        }
        Ok(())
    }
}

/// The type of a sum's state.
pub(super) fn state_type() -> DataType {
    DataType::List(item())
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

fn list(lists: Vec<Vec<f64>>) -> ListArray {
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    let values: Float64Array = lists.into_iter().flatten().collect::<Vec<f64>>().into();
    ListArray::new(item(), offsets, Arc::new(values), None)
}

fn merge(sum: &mut ExactSum, state: &dyn Array) -> Result<()> {
    let state = state.as_primitive::<Float64Type>();
    sum.merge(state.values())
        .ok_or_else(|| DataFusionError::Internal("a state of a sum is cut".into()))
}

/// Rows without a NULL.
fn pairs(values: &[ArrayRef]) -> impl Iterator<Item = (f64, f64)> {
    let columns: Vec<_> = values.iter().map(|v| v.as_primitive::<Float64Type>()).collect();
    let rows = columns.first().map_or(0, |column| column.len());
    (0..rows).filter_map(move |row| pair(&columns, row))
}

fn pair(columns: &[&Float64Array], row: usize) -> Option<(f64, f64)> {
    let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
    match columns {
        [values] => Some((value(values)?, 0.0)),
        [ys, xs] => Some((value(ys)?, value(xs)?)),
        _ => None,
    }
}

fn bytes(sums: &[ExactSum]) -> usize {
    size_of_val(sums) + sums.iter().map(ExactSum::heap_bytes).sum::<usize>()
}
