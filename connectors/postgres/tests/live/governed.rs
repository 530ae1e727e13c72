//! What is pushed: masks, comparisons, orders.

use crate::support::{fetch, rendered, source, texts, whole};
use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, Date32Array, RecordBatch, TimestampMicrosecondArray};
use celosia_connector_api::render::is_pushable;
use celosia_connector_api::{
    Comparison, Connector, Mask, OperandClass, OutputColumn, Predicate, SortKey, Value,
};

#[tokio::test(flavor = "multi_thread")]
async fn masks_at_the_source_are_the_local_ones() {
    let Some(source) = source(
        "CREATE TABLE t (id int, s text, u uuid, d date, ts timestamp, tz timestamptz, j jsonb, n numeric(6,2)); \
         INSERT INTO t VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (2, '', NULL, '4712-01-01 BC', NULL, NULL, NULL, NULL), \
         (3, 'a@b@c', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '2024-02-29', '0001-06-15 12:00:00', '2024-12-31 23:30:00-08', '{\"k\": 1}', 5), \
         (4, 'no at', NULL, '9999-12-31', '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999+00', '1', -5), \
         (5, '@', NULL, '5874897-12-31', '294246-12-31 23:59:59', NULL, NULL, NULL), (6, E'\\u00e9\\U0001F600\\u00e9\\U0001F600@\\u00fc', NULL, '1970-01-01', NULL, NULL, NULL, NULL), \
         (7, '12345678', NULL, NULL, NULL, NULL, NULL, NULL), (8, '1234567', NULL, NULL, NULL, NULL, NULL, NULL)",
    ) else {
        return;
    };
    let masked = async |column: usize, mask: Mask| {
        let mut query = whole(&source, "t").await;
        query.output = vec![OutputColumn::masked(column, mask)];
        query.output.push(OutputColumn::open(0));
        query.order = vec![SortKey { output: 1, descending: false, nulls_first: false }];
        let batches = fetch(&source.connector, &rendered(&source, &query)).await.unwrap();
        batches[0].column(0).clone()
    };
    let email = masked(1, Mask::Email).await;
    let expected = [
        None,
        Some("***"),
        Some("***@b@c"),
        Some("***"),
        Some("***@"),
        Some("***@ü"),
        Some("***"),
        Some("***"),
    ];
    assert_eq!(texts(&email), expected);
    let partial = masked(1, Mask::Partial { first: 0, last: 4 }).await;
    let short = Some("****");
    assert_eq!(texts(&partial), [None, short, short, short, short, short, Some("****5678"), short]);
    let both = masked(1, Mask::Partial { first: 1, last: 2 }).await;
    let expected =
        [None, short, short, short, short, Some("é****@ü"), Some("1****78"), Some("1****67")];
    assert_eq!(texts(&both), expected);
    let nothing = masked(1, Mask::Partial { first: 0, last: 0 }).await;
    assert_eq!(texts(&nothing)[..2], [None, Some("****")]);
    assert_eq!(
        texts(&masked(1, Mask::Redact).await)[..3],
        [None, Some("[redacted]"), Some("[redacted]")]
    );
    assert!(texts(&masked(1, Mask::Null).await).iter().all(Option::is_none));
    assert_eq!(texts(&masked(2, Mask::Partial { first: 2, last: 0 }).await)[2], Some("a0****"));
    assert_eq!(
        texts(&masked(6, Mask::Partial { first: 1, last: 1 }).await)[2..4],
        [Some("{****}"), short]
    );
    let constant = masked(7, Mask::Constant(Value::Decimal { unscaled: 150, scale: 2 })).await;
    assert_eq!(
        constant.as_primitive::<Decimal128Type>().iter().collect::<Vec<_>>()[1..4],
        [None, Some(150), Some(150)]
    );
    let day = |text: &str| {
        let day: chrono::NaiveDate = text.parse().unwrap();
        Some(day.signed_duration_since(chrono::NaiveDate::default()).num_days() as i32)
    };
    let years = Date32Array::from(vec![
        None,
        day("-4711-01-01"),
        day("2024-01-01"),
        day("9999-01-01"),
        Some(2_145_042_541),
        day("1970-01-01"),
        None,
        None,
    ]);
    assert_eq!(&*masked(3, Mask::Year).await, &years as &dyn Array);
    let months = masked(3, Mask::Month).await;
    assert_eq!(
        &*months.slice(1, 3),
        &Date32Array::from(vec![day("-4711-01-01"), day("2024-02-01"), day("9999-12-01")])
            as &dyn Array
    );
    let micros = |text: &str| {
        Some(
            chrono::NaiveDateTime::parse_from_str(text, "%F %T")
                .unwrap()
                .and_utc()
                .timestamp_micros(),
        )
    };
    let months = TimestampMicrosecondArray::from(vec![
        None,
        None,
        micros("0001-06-01 00:00:00"),
        micros("1969-12-01 00:00:00"),
    ]);
    assert_eq!(&*masked(4, Mask::Month).await.slice(0, 4), &months as &dyn Array);
    let years = TimestampMicrosecondArray::from(vec![
        None,
        None,
        micros("2025-01-01 00:00:00"),
        micros("1969-01-01 00:00:00"),
    ]);
    assert_eq!(
        &*masked(5, Mask::Year).await.slice(0, 4),
        &years.with_timezone("+00:00") as &dyn Array
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_compares_and_sorts_at_the_source() {
    let Some(source) = source(
        "CREATE TABLE t (b bool, i int2, n numeric(10,3), f float4, s text, u uuid, y bytea, d date, ts timestamp, tz timestamptz, free numeric, nm name); \
         INSERT INTO t SELECT g > 2, g, g + 0.125, g + 0.5, (ARRAY['Z','a','_','\u{e9}'])[g], ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1' || g)::uuid, \
           decode('0' || g, 'hex'), date '2024-01-01' + g, timestamp '2024-01-01' + g * interval '1 day', timestamptz '2024-01-01 00:00+00' + g * interval '1 day', g, g::text::name FROM generate_series(1, 4) AS g;",
    ) else {
        return;
    };
    let day = 86_400_000_000_i64;
    let values = [
        Value::Boolean(true),
        Value::Integer(3),
        Value::Decimal { unscaled: 3_125, scale: 3 },
        Value::Float(3.5),
        Value::Text("_".into()),
        Value::Text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13".into()),
        Value::Bytes(vec![3]),
        Value::Date(19_726),
        Value::Timestamp(19_726 * day),
        Value::TimestampUtc(19_726 * day),
        Value::Integer(3),
        Value::Text("3".into()),
    ];
    let query = whole(&source, "t").await;
    let dialect = source.connector.dialect();
    let classes: Vec<OperandClass> = query.table.columns.iter().map(|c| c.class).collect();
    for (column, value) in values.into_iter().enumerate() {
        let name = &query.table.columns[column].name;
        let compare = |operator| Predicate::Compare { column, operator, value: value.clone() };
        let list = Predicate::InList { column, values: vec![value.clone()], negated: false };
        let itself = Predicate::CompareColumns {
            left: column,
            operator: Comparison::LessOrEqual,
            right: column,
        };
        // By bytes: Z _ a é
        let (below, above) = if column == 4 {
            (1, 2)
        } else if column == 0 {
            (2, 0)
        } else {
            (2, 1)
        };
        let equal = if column == 0 { 2 } else { 1 };
        for (predicate, rows) in [
            (compare(Comparison::Equal), equal),
            (compare(Comparison::NotEqual), 4 - equal),
            (compare(Comparison::Less), below),
            (compare(Comparison::Greater), above),
            (list.clone(), equal),
            (Predicate::Not(Box::new(list)), 4 - equal),
            (itself, 4),
        ] {
            if !is_pushable(dialect, &predicate, &classes) {
                assert_eq!(classes[column], OperandClass::Float, "{name}");
                continue;
            }
            for governed in [None, Some(Predicate::IsNull { column, negated: true })] {
                let mut query = query.clone();
                query.row_filter = governed;
                query.predicate = Some(predicate.clone());
                query.limit = Some(u64::MAX);
                if classes[column] != OperandClass::Float {
                    query.order =
                        vec![SortKey { output: column, descending: true, nulls_first: true }];
                }
                let batches = fetch(&source.connector, &rendered(&source, &query)).await.unwrap();
                let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
                assert_eq!(found, rows, "{name} {predicate:?}");
            }
        }
    }
    let mut sorted = query.clone();
    sorted.order = vec![SortKey { output: 4, descending: false, nulls_first: false }];
    sorted.predicate = Some(Predicate::Like { column: 4, pattern: "_".into(), negated: false });
    let batches = fetch(&source.connector, &rendered(&source, &sorted)).await.unwrap();
    assert_eq!(texts(batches[0].column(4)), [Some("Z"), Some("_"), Some("a"), Some("é")]);
    sorted.output.clear();
    sorted.order.clear();
    sorted.predicate = None;
    let batches = fetch(&source.connector, &rendered(&source, &sorted)).await.unwrap();
    assert_eq!((batches[0].num_rows(), batches[0].num_columns()), (4, 0));
}
