//! Tables, principals and rules for the tests of this module.

use super::{PolicyErrors, Rules};
use crate::model::{
    Attribute, ColumnDescription, OperandClass, Principal, PrincipalKind, TableDescription,
    TableEntry, TableRef,
};
use arrow_schema::DataType;
use std::path::Path;
use std::sync::Arc;

pub(super) fn column(name: &str, data_type: DataType) -> ColumnDescription {
    let class = match &data_type {
        DataType::Boolean => OperandClass::Boolean,
        DataType::Int16 | DataType::Int32 | DataType::Int64 => OperandClass::Integer,
        DataType::Decimal128(_, _) => OperandClass::Decimal,
        DataType::Float64 => OperandClass::Float,
        DataType::Utf8 => OperandClass::Text,
        DataType::Date32 => OperandClass::Date,
        DataType::Timestamp(_, None) => OperandClass::Timestamp,
        DataType::Timestamp(_, Some(_)) => OperandClass::TimestampUtc,
        _ => OperandClass::Opaque,
    };
    ColumnDescription {
        name: name.into(),
        native_type: String::new(),
        data_type,
        nullable: true,
        comment: None,
        class,
        collation: None,
        read_as_text: false,
    }
}

pub(super) fn table(name: &str, columns: Vec<ColumnDescription>) -> TableEntry {
    let parts: Vec<&str> = name.split('.').collect();
    TableEntry {
        reference: TableRef::new(parts[0], parts[1], parts[2]),
        description: Arc::new(TableDescription {
            schema: parts[1].into(),
            name: parts[2].into(),
            columns,
            ..Default::default()
        }),
    }
}

/// `shop.main.customers(id, name, email, region, birth_date, score, on_hold)`.
pub(super) fn customers() -> TableEntry {
    table(
        "shop.main.customers",
        vec![
            column("id", DataType::Int64),
            column("name", DataType::Utf8),
            column("Email", DataType::Utf8),
            column("region", DataType::Utf8),
            column("birth_date", DataType::Date32),
            column("score", DataType::Decimal128(10, 2)),
            column("on_hold", DataType::Boolean),
        ],
    )
}

pub(super) fn principal(roles: &[&str], attributes: &[(&str, Attribute)]) -> Principal {
    Principal::establish(
        "ana".into(),
        roles.iter().map(ToString::to_string).collect(),
        attributes.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        PrincipalKind::Local,
    )
}

pub(super) fn text(value: &str) -> Attribute {
    Attribute::Text(value.into())
}

/// Rules of a `roles:` block and of one rule file named `people.yaml`.
pub(super) fn load(roles: &str, masks: &str) -> Result<Rules, PolicyErrors> {
    let directory = tempfile::tempdir().unwrap();
    if !masks.is_empty() {
        std::fs::write(directory.path().join("people.yaml"), masks).unwrap();
    }
    let path = (!masks.is_empty()).then_some(directory.path());
    Rules::load(Path::new("celosia.yaml"), roles, path, true)
}

/// The messages of a failed [`load`], without the temporary directory.
pub(super) fn load_errors(roles: &str, masks: &str) -> Vec<String> {
    let errors = load(roles, masks).err().map_or_else(Vec::new, |errors| errors.0);
    let short = |text: String| match text.find("people.yaml") {
        Some(at) => text[at..].to_string(),
        None => text,
    };
    errors.iter().map(|error| short(error.to_string())).collect()
}
