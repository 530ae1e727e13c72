//! The texts of a column, wherever in its values they are.

use super::Redactor;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, FixedSizeListArray, GenericBinaryArray, GenericListArray,
    GenericStringArray, MapArray, OffsetSizeTrait, StringViewArray, StructArray,
};
use arrow_schema::{ArrowError, DataType};
use std::sync::Arc;

/// The array without secrets, or nothing where it has none.
pub(super) fn redacted(
    redactor: &Redactor,
    array: &ArrayRef,
    count: &mut dyn FnMut(usize),
) -> Result<Option<ArrayRef>, ArrowError> {
    Ok(match array.data_type() {
        DataType::Utf8 => texts::<i32>(redactor, array, count),
        DataType::LargeUtf8 => texts::<i64>(redactor, array, count),
        DataType::Utf8View => {
            let values = array.as_string_view();
            changes(redactor, values.len(), |at| valid(values, at, || values.value(at)), count).map(
                |mut found| {
                    let all = (0..values.len()).map(|at| {
                        found.next_at(at).or_else(|| valid(values, at, || values.value(at).into()))
                    });
                    Arc::new(all.collect::<StringViewArray>()) as ArrayRef
                },
            )
        }
        DataType::Binary => bytes::<i32>(redactor, array, count),
        DataType::LargeBinary => bytes::<i64>(redactor, array, count),
        DataType::BinaryView => {
            let values = array.as_binary_view();
            let text = |at| valid(values, at, || values.value(at)).and_then(readable);
            changes(redactor, values.len(), text, count).map(|mut found| {
                let all = (0..values.len()).map(|at| match found.next_at(at) {
                    Some(text) => Some(text.into_bytes()),
                    None => valid(values, at, || values.value(at).to_vec()),
                });
                Arc::new(all.collect::<BinaryViewArray>()) as ArrayRef
            })
        }
        DataType::List(_) => list::<i32>(redactor, array, count)?,
        DataType::LargeList(_) => list::<i64>(redactor, array, count)?,
        DataType::FixedSizeList(field, size) => {
            let list = array.as_fixed_size_list();
            let items = redacted(redactor, list.values(), count)?;
            let rebuild = |items| {
                FixedSizeListArray::try_new(field.clone(), *size, items, list.nulls().cloned())
            };
            items.map(rebuild).transpose()?.map(|list| Arc::new(list) as ArrayRef)
        }
        DataType::Struct(_) => structure(redactor, array.as_struct(), count)?
            .map(|structure| Arc::new(structure) as ArrayRef),
        DataType::Map(field, sorted) => {
            let map = array.as_map();
            let entries = structure(redactor, map.entries(), count)?;
            let rebuild = |entries| {
                let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
                MapArray::try_new(field.clone(), offsets, entries, nulls, *sorted)
            };
            entries.map(rebuild).transpose()?.map(|map| Arc::new(map) as ArrayRef)
        }
        DataType::Dictionary(key, _) => match key.as_ref() {
            DataType::Int8 => dictionary::<Int8Type>(redactor, array, count)?,
            DataType::Int16 => dictionary::<Int16Type>(redactor, array, count)?,
            DataType::Int32 => dictionary::<Int32Type>(redactor, array, count)?,
            DataType::Int64 => dictionary::<Int64Type>(redactor, array, count)?,
            DataType::UInt8 => dictionary::<UInt8Type>(redactor, array, count)?,
            DataType::UInt16 => dictionary::<UInt16Type>(redactor, array, count)?,
            DataType::UInt32 => dictionary::<UInt32Type>(redactor, array, count)?,
            _ => dictionary::<UInt64Type>(redactor, array, count)?,
        },
        _ => None,
    })
}

/// The values that change, in order.
struct Changes(std::iter::Peekable<std::vec::IntoIter<(usize, String)>>);

impl Changes {
    fn next_at(&mut self, at: usize) -> Option<String> {
        self.0.next_if(|(changed, _)| *changed == at).map(|(_, text)| text)
    }
}

fn changes<'a>(
    redactor: &Redactor,
    length: usize,
    text: impl Fn(usize) -> Option<&'a str>,
    count: &mut dyn FnMut(usize),
) -> Option<Changes> {
    let mut found = Vec::new();
    for at in 0..length {
        if let Some(clean) = text(at).and_then(|text| redactor.redacted(text, count)) {
            found.push((at, clean));
        }
    }
    (!found.is_empty()).then(|| Changes(found.into_iter().peekable()))
}

fn valid<T>(array: &dyn Array, at: usize, value: impl FnOnce() -> T) -> Option<T> {
    array.is_valid(at).then(value)
}

/// Bytes that are text are shown as digits, which somebody may turn back.
fn readable(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn texts<O: OffsetSizeTrait>(
    redactor: &Redactor,
    array: &ArrayRef,
    count: &mut dyn FnMut(usize),
) -> Option<ArrayRef> {
    let values = array.as_string::<O>();
    let mut found =
        changes(redactor, values.len(), |at| valid(values, at, || values.value(at)), count)?;
    let all = (0..values.len())
        .map(|at| found.next_at(at).or_else(|| valid(values, at, || values.value(at).into())));
    Some(Arc::new(all.collect::<GenericStringArray<O>>()))
}

fn bytes<O: OffsetSizeTrait>(
    redactor: &Redactor,
    array: &ArrayRef,
    count: &mut dyn FnMut(usize),
) -> Option<ArrayRef> {
    let values = array.as_binary::<O>();
    let text = |at| valid(values, at, || values.value(at)).and_then(readable);
    let mut found = changes(redactor, values.len(), text, count)?;
    let all = (0..values.len()).map(|at| match found.next_at(at) {
        Some(text) => Some(text.into_bytes()),
        None => valid(values, at, || values.value(at).to_vec()),
    });
    Some(Arc::new(all.collect::<GenericBinaryArray<O>>()))
}

fn list<O: OffsetSizeTrait>(
    redactor: &Redactor,
    array: &ArrayRef,
    count: &mut dyn FnMut(usize),
) -> Result<Option<ArrayRef>, ArrowError> {
    let list = array.as_list::<O>();
    let (DataType::List(field) | DataType::LargeList(field)) = list.data_type() else {
        return Ok(None);
    };
    let Some(items) = redacted(redactor, list.values(), count)? else { return Ok(None) };
    let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
    let list = GenericListArray::<O>::try_new(field.clone(), offsets, items, nulls)?;
    Ok(Some(Arc::new(list)))
}

fn structure(
    redactor: &Redactor,
    array: &StructArray,
    count: &mut dyn FnMut(usize),
) -> Result<Option<StructArray>, ArrowError> {
    let mut columns = array.columns().to_vec();
    let mut changed = false;
    for column in &mut columns {
        if let Some(clean) = redacted(redactor, column, count)? {
            (*column, changed) = (clean, true);
        }
    }
    if !changed {
        return Ok(None);
    }
    StructArray::try_new(array.fields().clone(), columns, array.nulls().cloned()).map(Some)
}

fn dictionary<K: ArrowDictionaryKeyType>(
    redactor: &Redactor,
    array: &ArrayRef,
    count: &mut dyn FnMut(usize),
) -> Result<Option<ArrayRef>, ArrowError> {
    let dictionary = array.as_dictionary::<K>();
    let values = redacted(redactor, dictionary.values(), count)?;
    Ok(values.map(|values| Arc::new(dictionary.with_values(values)) as ArrayRef))
}
