use super::*;
use crate::{Bind, Capabilities, ClassSet, Mask, SortKey};
use arrow_schema::DataType;
use std::sync::Arc;

#[derive(Debug)]
struct Plain;

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }
    fn capabilities(&self) -> Capabilities {
        let classes = ClassSet::of(&[OperandClass::Integer, OperandClass::Text]);
        Capabilities { equality: classes, null_test: true, limit: true, ..Default::default() }
    }
    fn placeholder(&self, position: usize, _: &Value) -> String {
        format!("?{position}")
    }
    fn read_column(&self, quoted: &str, _: &ColumnDescription) -> String {
        quoted.to_string()
    }
    fn mask(&self, mask: &Mask, _: &str, _: &ColumnDescription, bind: Bind<'_>) -> Option<String> {
        (*mask == Mask::Redact).then(|| bind(Value::Text("[redacted]".into())))
    }
}

fn table() -> Arc<TableDescription> {
    let column = |name: &str, data_type, class| ColumnDescription {
        name: name.into(),
        native_type: String::new(),
        data_type,
        nullable: true,
        comment: None,
        class,
        collation: None,
        read_as_text: false,
    };
    Arc::new(TableDescription {
        schema: "main".into(),
        name: "peo\"ple".into(),
        columns: vec![
            column("id", DataType::Int64, OperandClass::Integer),
            column("email", DataType::Utf8, OperandClass::Text),
            column("region", DataType::Utf8, OperandClass::Text),
        ],
        ..Default::default()
    })
}

fn equals(column: usize, value: Value) -> Predicate {
    Predicate::Compare { column, operator: Comparison::Equal, value }
}

#[test]
fn the_policy_is_the_innermost_level() {
    let query = TableRead {
        table: table(),
        row_filter: Some(equals(2, Value::Text("EU".into()))),
        output: vec![OutputColumn::open(0), OutputColumn::masked(1, Mask::Redact)],
        predicate: Some(equals(1, Value::Text("x".into()))),
        order: vec![SortKey { output: 0, descending: true, nulls_first: false }],
        limit: Some(3),
    };
    let rendered = render(&Plain, &query).expect("spellable");
    assert_eq!(
        rendered.sql,
        "SELECT \"id\", \"email\" FROM (SELECT \"id\", ?1 AS \"email\" FROM \"main\".\"peo\"\"ple\" \
         WHERE \"region\" = ?2) AS governed WHERE \"email\" = ?3 ORDER BY \"id\" DESC NULLS LAST LIMIT 3"
    );
    assert_eq!(rendered.parameters.len(), 3);
}

#[test]
fn an_open_table_is_read_flat() {
    let query = TableRead {
        table: table(),
        row_filter: None,
        output: vec![],
        predicate: None,
        order: vec![],
        limit: None,
    };
    let rendered = render(&Plain, &query).expect("spellable");
    assert_eq!(rendered.sql, "SELECT 1 AS one FROM \"main\".\"peo\"\"ple\"");
}

#[test]
fn what_a_dialect_cannot_spell_is_refused() {
    let classes = [OperandClass::Integer, OperandClass::Text, OperandClass::Opaque];
    assert!(is_pushable(&Plain, &equals(0, Value::Integer(1)), &classes));
    assert!(!is_pushable(&Plain, &equals(0, Value::Text("1".into())), &classes));
    assert!(!is_pushable(&Plain, &equals(1, Value::Text("a\0b".into())), &classes));
    assert!(!is_pushable(&Plain, &equals(2, Value::Text("a".into())), &classes));
    let email = OutputColumn::masked(1, Mask::Email);
    assert!(!can_mask(&Plain, &email, &table()));
}

#[test]
fn uuids_and_patterns_are_sent_only_in_canonical_form() {
    assert!(is_canonical_uuid("123e4567-e89b-12d3-a456-426614174000"));
    assert!(!is_canonical_uuid("123E4567-e89b-12d3-a456-426614174000"));
    assert!(is_plain_pattern("a\\\\") && !is_plain_pattern("a\\"));
}
