//! What a fuzzer drives: the loader of rules and the masks. A broken promise is a panic.

use super::compile::Compiler;
use super::mask::{MaskContext, PseudonymKey, apply};
use super::raw::{RawFile, RawRoles};
use crate::model::Mask;
use arrow_array::{
    Array, ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use std::sync::Arc;

/// Roles and a rule file are rules or errors that name a place, whatever the text.
///
/// # Panics
/// Where an error says nothing, or the same text ends otherwise.
pub fn rules(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (roles, file) = text.split_once("\n---\n").unwrap_or(("", &text));
    match (compiled(roles, file), compiled(roles, file)) {
        (Ok(one), Ok(other)) => assert_eq!(one, other, "one text, one version"),
        (Err(one), Err(other)) => {
            assert!(!one.is_empty(), "an error says something");
            assert_eq!(one, other, "one text, one error");
        }
        (one, other) => panic!("one text, two ends: {one:?}, {other:?}"),
    }
}

/// The version of the rules, or what is wrong with them.
fn compiled(roles: &str, file: &str) -> Result<String, String> {
    let name: Arc<str> = "fuzz.yaml".into();
    let mut compiler = Compiler::new(true);
    if let Ok(roles) = serde_saphyr::from_str::<RawRoles>(roles) {
        compiler.roles(&name, roles);
    }
    if let Ok(file) = serde_saphyr::from_str::<RawFile>(file) {
        compiler.files(vec![(name, file)]);
    }
    let rules = compiler.finish().map_err(|errors| errors.to_string())?;
    Ok(rules.fingerprint().to_string())
}

/// A mask is total: as many rows as came, NULL where NULL was, the type that it names, the same twice.
///
/// # Panics
/// Where a mask is not.
pub fn masks(data: &[u8]) {
    let [which, kind, rest @ ..] = data else { return };
    let mask = mask(*which, rest.first().copied().unwrap_or_default());
    let column = column(*kind, rest);
    let context = MaskContext::new(PseudonymKey::from_bytes(&[7; 32]), 20_000);
    let Ok(masked) = apply(&mask, &column, &context) else { return };
    assert_eq!(masked.len(), column.len(), "{mask:?} keeps the rows");
    assert_eq!(masked.data_type(), &mask.output_type(column.data_type()), "{mask:?}");
    let again = apply(&mask, &column, &context).expect("it fitted before");
    assert_eq!(&masked, &again, "{mask:?} gives the same twice");
    for row in (0..column.len()).filter(|row| column.is_null(*row)) {
        assert!(masked.is_null(row), "{mask:?}: NULL stays NULL");
    }
    if matches!(mask, Mask::Null | Mask::AggregateOnly { .. }) {
        assert_eq!(masked.null_count(), masked.len(), "{mask:?} shows nothing");
    }
}

fn mask(which: u8, size: u8) -> Mask {
    match which % 10 {
        0 => Mask::Null,
        1 => Mask::Redact,
        2 => Mask::Email,
        3 => Mask::Partial { first: size % 8, last: size / 32 },
        4 => Mask::Pseudonym { domain: "person".into() },
        5 => Mask::AgeBand { width: size % 100 + 1 },
        6 => Mask::Year,
        7 => Mask::Month,
        8 => Mask::Bucket { width: i64::from(size) + 1 },
        _ => Mask::Round { digits: size % 16 },
    }
}

/// A column of `kind` whose values are read from `bytes`; every seventh is NULL.
fn column(kind: u8, bytes: &[u8]) -> ArrayRef {
    let numbers = || {
        bytes.chunks(8).enumerate().map(|(row, chunk)| {
            let mut wide = [0; 8];
            wide[..chunk.len()].copy_from_slice(chunk);
            (row % 7 != 6).then(|| i64::from_le_bytes(wide))
        })
    };
    match kind % 6 {
        0 => {
            let texts = bytes.split(|byte| *byte == b'\n').enumerate();
            let texts = texts.map(|(row, t)| (row % 7 != 6).then(|| String::from_utf8_lossy(t)));
            Arc::new(texts.collect::<StringArray>())
        }
        1 => Arc::new(numbers().collect::<Int64Array>()),
        2 => Arc::new(
            numbers().map(|n| n.map(|n| f64::from_bits(n as u64))).collect::<Float64Array>(),
        ),
        3 => Arc::new(numbers().map(|n| n.map(|n| n as i32)).collect::<Date32Array>()),
        4 => Arc::new(numbers().collect::<TimestampMicrosecondArray>()),
        _ => Arc::new(numbers().map(|n| n.map(i128::from)).collect::<Decimal128Array>()),
    }
}
