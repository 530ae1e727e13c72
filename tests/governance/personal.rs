//! How well personal data is recognised, over columns whose content is known.

use arrow_schema::{DataType, TimeUnit};
use celosia::catalog::{Kind, find_personal};
use celosia::model::{ColumnDescription, OperandClass, TableDescription, TableEntry, TableRef};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    table: String,
    column: String,
    #[serde(rename = "type")]
    type_name: String,
    is: String,
    #[serde(default)]
    samples: Vec<String>,
    comment: Option<String>,
}

impl Labelled {
    fn entry(&self) -> TableEntry {
        let data_type = match self.type_name.as_str() {
            "text" => DataType::Utf8,
            "bigint" => DataType::Int64,
            "date" => DataType::Date32,
            "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "boolean" => DataType::Boolean,
            "numeric" => DataType::Decimal128(12, 2),
            "double" => DataType::Float64,
            other => panic!("{other}"),
        };
        let column = ColumnDescription {
            name: self.column.clone(),
            native_type: self.type_name.clone(),
            collation: None,
            data_type,
            nullable: true,
            comment: self.comment.clone(),
            class: OperandClass::Opaque,
            read_as_text: false,
        };
        TableEntry {
            reference: TableRef::new("s", "main", &self.table),
            description: Arc::new(TableDescription {
                schema: "main".into(),
                name: self.table.clone(),
                columns: vec![column],
                ..Default::default()
            }),
        }
    }
}

#[derive(Debug, Default)]
struct Measured {
    direct: usize,
    direct_found: usize,
    personal: usize,
    personal_found: usize,
    right_kind: usize,
    other: usize,
    wrong: usize,
    notes: Vec<String>,
}

const WRITTEN: &str = include_str!("columns.yaml");
const UNSEEN: &str = include_str!("unseen.yaml");

fn measure(columns: &str, with_samples: bool) -> Measured {
    let columns: Vec<Labelled> = serde_saphyr::from_str(columns).unwrap();
    let mut measured = Measured::default();
    for column in &columns {
        let samples = if with_samples { column.samples.as_slice() } else { &[] };
        let found = find_personal(&column.entry(), 0, samples);
        let name = format!("{}.{} ({})", column.table, column.column, column.is);
        let Some(kind) = Kind::of_tag(&column.is) else {
            assert_eq!(column.is, "none", "{name}");
            measured.other += 1;
            if let Some(found) = found {
                measured.wrong += 1;
                measured.notes.push(format!("proposed: {name}: {found:?}"));
            }
            continue;
        };
        measured.personal += 1;
        measured.direct += usize::from(kind.is_direct());
        match found {
            Some(found) => {
                measured.personal_found += 1;
                measured.direct_found += usize::from(kind.is_direct());
                measured.right_kind += usize::from(found.kind == kind);
                if found.kind != kind {
                    measured.notes.push(format!("another kind: {name}: {found:?}"));
                }
            }
            None => measured.notes.push(format!("overlooked: {name}")),
        }
    }
    measured
}

/// The numbers of docs/governance.md: they change with the code, and never silently.
#[test]
fn what_is_found_is_what_the_documentation_says() {
    let numbers = |measured: &Measured| {
        let Measured { direct, direct_found, personal, personal_found, wrong, other, .. } =
            measured;
        assert_eq!(measured.right_kind, *personal_found, "{}", measured.notes.join("\n"));
        format!(
            "direct {direct_found} of {direct}, all {personal_found} of {personal}, wrong {wrong} of {other}"
        )
    };
    let both = measure(WRITTEN, true);
    assert_eq!(
        numbers(&both),
        "direct 102 of 102, all 161 of 161, wrong 0 of 106",
        "{}",
        both.notes.join("\n")
    );
    let names = measure(WRITTEN, false);
    assert_eq!(numbers(&names), "direct 85 of 102, all 142 of 161, wrong 0 of 106");
    let unseen = measure(UNSEEN, false);
    assert_eq!(
        numbers(&unseen),
        "direct 22 of 24, all 46 of 50, wrong 2 of 55",
        "{}",
        unseen.notes.join("\n")
    );
}

/// Evidence is made of words and counts: no sample is in it.
#[test]
fn evidence_holds_no_sample() {
    let columns: Vec<Labelled> = serde_saphyr::from_str(WRITTEN).unwrap();
    let mut told = 0;
    for column in &columns {
        let Some(found) = find_personal(&column.entry(), 0, &column.samples) else { continue };
        told += 1;
        let evidence = found.evidence.join(" ");
        for sample in column.samples.iter().filter(|sample| sample.len() > 5) {
            assert!(!evidence.contains(sample.as_str()), "{evidence}");
        }
    }
    assert!(told > 100);
}
