//! Masks over tables of values, their extremes, and what no value may break.

use super::super::samples::column;
use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_buffer::i256;
use arrow_schema::TimeUnit;

const TODAY: i32 = 20_000; // 2024-10-04

fn context() -> MaskContext {
    MaskContext::new(PseudonymKey::parse("000102030405060708090a0b0c0d0e0f"), TODAY)
}

fn masked(mask: &Mask, column: impl Array + 'static) -> ArrayRef {
    let column: ArrayRef = Arc::new(column);
    apply(mask, &column, &context()).unwrap_or_else(|e| panic!("{e}"))
}

fn texts(mask: &Mask, values: &[Option<&str>]) -> Vec<Option<String>> {
    let masked = masked(mask, StringArray::from(values.to_vec()));
    masked.as_string::<i32>().iter().map(|v| v.map(String::from)).collect()
}

fn days(text: &str) -> i32 {
    super::super::convert::parse_date(text).unwrap()
}

#[test]
fn text_masks() {
    let (email, redact) = (Mask::Email, Mask::Redact);
    let last4 = Mask::Partial { first: 0, last: 4 };
    let first1 = Mask::Partial { first: 1, last: 0 };
    let ends = Mask::Partial { first: 2, last: 2 };
    let none = Mask::Partial { first: 0, last: 0 };
    let all = Mask::Partial { first: 255, last: 255 };
    for (mask, text, expected) in [
        (&email, "ana@example.org", "***@example.org"),
        (&email, "a@b@c", "***@b@c"),
        (&email, "@", "***@"),
        (&email, "no address", "***"),
        (&email, "", "***"),
        (&email, "a\0@b", "***"),
        (&redact, "", "[redacted]"),
        (&redact, "secret", "[redacted]"),
        (&last4, "1234567", "****"),
        (&last4, "12345678", "****5678"),
        (&last4, "ñandúñandú", "****andú"),
        (&last4, "123456\u{0}789", "****"),
        (&first1, "", "****"),
        (&first1, "a", "****"),
        (&first1, "ab", "a****"),
        (&first1, "日本", "日****"),
        (&ends, "abcdefg", "****"),
        (&ends, "abcdefgh", "ab****gh"),
        (&none, "", "****"),
        (&none, "abc", "****"),
        (&all, "abc", "****"),
    ] {
        let found = texts(mask, &[Some(text), None]);
        assert_eq!(found, [Some(expected.to_string()), None], "{mask:?} {text:?}");
    }
}

#[test]
fn sliced_columns_keep_their_rows_and_nulls() {
    let whole: ArrayRef =
        Arc::new(Int64Array::from(vec![Some(1), None, Some(1999), None, Some(5)]));
    let slice = whole.slice(1, 3);
    for mask in [Mask::Bucket { width: 1000 }, Mask::Constant(Value::Integer(1000))] {
        let found = apply(&mask, &slice, &context()).unwrap();
        let found: Vec<_> = found.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(found, [None, Some(1000), None], "{mask:?}");
    }
}

#[test]
fn integers_are_floored_and_rounded_within_their_type() {
    let bucket = |width| Mask::Bucket { width };
    let round = |digits| Mask::Round { digits };
    for (mask, value, expected) in [
        (bucket(1000), 1999, 1000),
        (bucket(1000), -1, -1000),
        (bucket(1000), -1000, -1000),
        (bucket(1), i64::MIN, i64::MIN),
        (bucket(1000), i64::MIN, i64::MIN),
        (bucket(1000), i64::MAX, 9_223_372_036_854_775_000),
        (bucket(i64::MAX), i64::MAX, i64::MAX),
        (bucket(i64::MAX), -1, -i64::MAX),
        (bucket(i64::MAX), i64::MIN, i64::MIN),
        (round(0), -7, -7),
        (round(1), 5, 10),
        (round(1), -5, -10),
        (round(1), 4, 0),
        (round(2), 149, 100),
        (round(2), -150, -200),
        (round(1), i64::MAX, i64::MAX),
        (round(1), i64::MIN, i64::MIN),
        (round(15), i64::MAX, 9_223_000_000_000_000_000),
        (round(15), i64::MIN, -9_223_000_000_000_000_000),
    ] {
        let found = masked(&mask, Int64Array::from(vec![value]));
        assert_eq!(found.as_primitive::<Int64Type>().value(0), expected, "{mask:?} {value}");
    }
    let narrow = |mask: &Mask| masked(mask, Int16Array::from(vec![i16::MIN, -1, 0, 15, i16::MAX]));
    let int16 = |values: [i16; 5]| Arc::new(Int16Array::from(values.to_vec())) as ArrayRef;
    assert_eq!(&narrow(&bucket(100)), &int16([i16::MIN, -100, 0, 0, 32700]));
    assert_eq!(&narrow(&bucket(100_000)), &int16([i16::MIN, i16::MIN, 0, 0, 0]));
    assert_eq!(&narrow(&round(1)), &int16([i16::MIN, 0, 0, 20, i16::MAX]));
    assert_eq!(&narrow(&round(15)), &int16([0; 5]));
    let wide = masked(&round(9), Int32Array::from(vec![i32::MIN, i32::MAX, 499_999_999]));
    assert_eq!(
        wide.as_ref(),
        &Int32Array::from(vec![-2_000_000_000, 2_000_000_000, 0]) as &dyn Array
    );
}

#[test]
fn decimals_are_exact_and_keep_their_type() {
    let run = |mask: &Mask, values: Vec<i128>, precision, scale| {
        let column = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
        let found = masked(mask, column.unwrap());
        assert_eq!(found.data_type(), &DataType::Decimal128(precision, scale));
        found.as_primitive::<arrow_array::types::Decimal128Type>().values().to_vec()
    };
    let (bucket, round) = (Mask::Bucket { width: 10 }, Mask::Round { digits: 0 });
    assert_eq!(run(&bucket, vec![1999, -1, 0, -1000], 10, 2), [1000, -1000, 0, -1000]);
    assert_eq!(run(&round, vec![150, 149, -150, -149], 10, 2), [200, 100, -200, -100]);
    assert_eq!(run(&round, vec![9_999, -9_999], 4, 2), [9_999, -9_999]);
    let most = 10_i128.pow(38) - 1;
    assert_eq!(run(&bucket, vec![most, -most], 38, 0), [most - 9, -most]);
    assert_eq!(run(&Mask::Round { digits: 15 }, vec![most, -most], 38, 38), [0, 0]);
    assert_eq!(run(&Mask::Bucket { width: i64::MAX }, vec![most, -1], 38, 38), [0, -most]);
    assert_eq!(run(&Mask::Bucket { width: 1000 }, vec![25, -1], 10, -2), [20, -10]);
    assert_eq!(run(&Mask::Bucket { width: 10 }, vec![25, -1], 10, -2), [25, -1]);
    assert_eq!(run(&Mask::Round { digits: 3 }, vec![25, 4], 10, -2), [30, 0]);
    assert!(!fits(&Mask::Bucket { width: 30 }, &DataType::Decimal128(10, -2)));
    let most = i256::from_i128(10).wrapping_pow(76) - i256::ONE;
    let wide = Decimal256Array::from(vec![most, most.wrapping_neg()]);
    let wide = wide.with_precision_and_scale(76, 70).unwrap();
    for mask in [bucket, round, Mask::Round { digits: 15 }, Mask::Bucket { width: i64::MAX }] {
        assert_eq!(masked(&mask, wide.clone()).data_type(), &DataType::Decimal256(76, 70));
    }
}

#[test]
fn floats_are_floored_and_rounded() {
    let run = |mask: &Mask, value: f64| {
        masked(mask, Float64Array::from(vec![value])).as_primitive::<Float64Type>().value(0)
    };
    let (bucket, round) = (Mask::Bucket { width: 10 }, Mask::Round { digits: 1 });
    for (mask, value, expected) in [
        (&bucket, 19.9, 10.0),
        (&bucket, -0.1, -10.0),
        (&bucket, f64::INFINITY, f64::INFINITY),
        (&round, 15.0, 20.0),
        (&round, 25.0, 30.0),
        (&round, -25.0, -30.0),
        (&round, 4.9, 0.0),
    ] {
        assert_eq!(run(mask, value), expected, "{mask:?} {value}");
    }
    assert!(run(&bucket, f64::NAN).is_nan());
    let narrow = masked(&bucket, Float32Array::from(vec![19.9_f32]));
    assert_eq!(narrow.as_ref(), &Float32Array::from(vec![10.0_f32]) as &dyn Array);
}

#[test]
fn dates_and_instants_are_truncated_on_both_sides_of_1970() {
    for (date, year, month) in [
        ("2024-02-29", "2024-01-01", "2024-02-01"),
        ("1969-12-31", "1969-01-01", "1969-12-01"),
        ("1970-01-01", "1970-01-01", "1970-01-01"),
        ("0001-01-31", "0001-01-01", "0001-01-01"),
        ("1900-03-01", "1900-01-01", "1900-03-01"),
    ] {
        let to = |mask| masked(mask, Date32Array::from(vec![days(date)]));
        assert_eq!(to(&Mask::Year).as_ref(), &Date32Array::from(vec![days(year)]) as &dyn Array);
        assert_eq!(to(&Mask::Month).as_ref(), &Date32Array::from(vec![days(month)]) as &dyn Array);
    }
    let second_before = -1;
    let year_1969 = -365 * 86_400;
    let check = |column: ArrayRef, expected: ArrayRef| {
        assert_eq!(&apply(&Mask::Year, &column, &context()).unwrap(), &expected);
    };
    let zone = "America/Lima";
    check(
        Arc::new(TimestampSecondArray::from(vec![second_before]).with_timezone(zone)),
        Arc::new(TimestampSecondArray::from(vec![year_1969]).with_timezone(zone)),
    );
    check(
        Arc::new(TimestampMillisecondArray::from(vec![second_before])),
        Arc::new(TimestampMillisecondArray::from(vec![year_1969 * 1_000])),
    );
    check(
        Arc::new(TimestampMicrosecondArray::from(vec![Some(second_before), None])),
        Arc::new(TimestampMicrosecondArray::from(vec![Some(year_1969 * 1_000_000), None])),
    );
    check(
        Arc::new(TimestampNanosecondArray::from(vec![second_before])),
        Arc::new(TimestampNanosecondArray::from(vec![year_1969 * 1_000_000_000])),
    );
}

#[test]
fn ages_fall_into_bands() {
    let band = |width: u8, born: i32, today: i32| {
        let column: ArrayRef = Arc::new(Date32Array::from(vec![born]));
        let context = context().on(today);
        let found = apply(&Mask::AgeBand { width }, &column, &context).unwrap();
        found.as_string::<i32>().value(0).to_string()
    };
    let today = days("2024-10-04");
    for (width, born, expected) in [
        (10, "1984-10-04", "40-49"),
        (10, "1984-10-05", "30-39"),
        (10, "2024-10-04", "0-9"),
        (10, "2030-01-01", "0-9"),
        (10, "1904-10-05", "110-119"),
        (10, "1904-10-04", "120+"),
        (10, "0001-01-01", "120+"),
        (1, "1984-10-04", "40-40"),
        (7, "1905-10-04", "119-119"),
        (100, "1984-10-04", "0-99"),
        (100, "1914-10-04", "100-119"),
    ] {
        assert_eq!(band(width, days(born), today), expected, "{width} {born}");
    }
    // A day of birth that a source stores as a time stamp.
    let noon = i64::from(days("1984-10-04")) * 86_400_000_000 + 43_200_000_000;
    let column: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![Some(noon), Some(-1), None]));
    let found = apply(&Mask::AgeBand { width: 10 }, &column, &context().on(today)).unwrap();
    let found: Vec<_> = found.as_string::<i32>().iter().collect();
    assert_eq!(found, [Some("40-49"), Some("50-59"), None]);
    assert_eq!(band(1, days("2000-02-29"), days("2023-02-28")), "22-22");
    assert_eq!(band(1, days("2000-02-29"), days("2023-03-01")), "23-23");
    assert_eq!(band(10, i32::MIN, i32::MAX), "120+");
    assert_eq!(band(10, i32::MAX, i32::MIN), "0-9");
}

#[test]
fn pseudonyms_are_keyed_tokens_of_constant_shape() {
    let mask = |domain: &str| Mask::Pseudonym { domain: domain.into() };
    let token = |domain: &str, column: ArrayRef, context: &MaskContext| {
        let found = apply(&mask(domain), &column, context).unwrap();
        found.as_string::<i32>().value(0).to_string()
    };
    let text = |value: &str| Arc::new(StringArray::from(vec![value])) as ArrayRef;
    let plain = token("person", text("42"), &context());
    assert_eq!(plain.len(), 22);
    assert!(
        plain.starts_with("p_")
            && plain[2..].bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    );
    for same in [
        Arc::new(Int16Array::from(vec![42])) as ArrayRef,
        Arc::new(Int32Array::from(vec![42])),
        Arc::new(Int64Array::from(vec![42])),
    ] {
        assert_eq!(token("person", same, &context()), plain);
    }
    let born = Arc::new(Date32Array::from(vec![days("1984-10-04")])) as ArrayRef;
    assert_eq!(token("person", born, &context()), token("person", text("1984-10-04"), &context()));
    let other = MaskContext::new(PseudonymKey::from_bytes(&[7; 16]), TODAY);
    for different in [
        token("order", text("42"), &context()),
        token("person", text("042"), &context()),
        token("person", text("42"), &other),
        token("person4", text("2"), &context()),
        token("person", text(""), &context()),
    ] {
        assert_ne!(different, plain);
    }
    let long = "x".repeat(100_000);
    assert_eq!(token("person", text(&long), &context()).len(), 22);
}

#[test]
fn a_pseudonym_is_the_documented_function() {
    // python3: base64.b32encode(hmac.new(bytes(range(16)), b'person\x0042', 'sha256').digest())
    let column: ArrayRef = Arc::new(Int64Array::from(vec![42]));
    let found = apply(&Mask::Pseudonym { domain: "person".into() }, &column, &context()).unwrap();
    assert_eq!(found.as_string::<i32>().value(0), "p_w2yw7x3moo2y2rfvc2q5");
}

#[test]
fn without_a_key_there_are_no_pseudonyms() {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let mask = Mask::Pseudonym { domain: "person".into() };
    let context = MaskContext::new(None, TODAY);
    assert_eq!(apply(&mask, &column, &context).unwrap_err(), MaskError::NoKey);
    assert!(PseudonymKey::from_bytes(&[0; 15]).is_none());
    assert!(PseudonymKey::parse("0011223344556677").is_none());
    assert!(PseudonymKey::parse("fifteen letters").is_none());
    assert_eq!(PseudonymKey::parse("0001020304050607 08090a0b0c0d0e0f").unwrap().0.len(), 33);
    assert_eq!(PseudonymKey::parse(" 00ff00ff00ff00ff00ff00ff00ff00FF\n").unwrap().0[1], 255);
    assert!(!format!("{:?}", PseudonymKey::parse("a very secret key").unwrap()).contains("secret"));
}

#[test]
fn constants_take_the_columns_type() {
    let fitted = |value: Value, data_type: DataType| {
        fitted(&Mask::Constant(value), &column("c", data_type)).map(|mask| match mask {
            Mask::Constant(value) => value,
            other => panic!("{other:?}"),
        })
    };
    let decimal = |unscaled, scale| Some(Value::Decimal { unscaled, scale });
    assert_eq!(fitted(Value::Integer(7), DataType::Decimal128(10, 2)), decimal(700, 2));
    assert_eq!(fitted(Value::Float(0.1), DataType::Decimal128(10, 2)), decimal(10, 2));
    assert_eq!(fitted(Value::Float(0.001), DataType::Decimal128(10, 2)), None);
    assert_eq!(fitted(Value::Integer(100), DataType::Decimal128(4, 2)), None);
    assert_eq!(fitted(Value::Integer(7), DataType::Float64), Some(Value::Float(7.0)));
    assert_eq!(fitted(Value::Integer(40_000), DataType::Int16), None);
    assert_eq!(fitted(Value::Float(0.5), DataType::Int64), None);
    assert_eq!(fitted(Value::Text("1970-01-02".into()), DataType::Date32), Some(Value::Date(1)));
    assert_eq!(fitted(Value::Text("x".into()), DataType::Date32), None);
    assert_eq!(fitted(Value::Text("x".into()), DataType::Int64), None);
    assert_eq!(fitted(Value::Integer(1), DataType::Utf8), None);
    let boolean =
        masked(&Mask::Constant(Value::Boolean(false)), BooleanArray::from(vec![Some(true), None]));
    assert_eq!(boolean.as_ref(), &BooleanArray::from(vec![Some(false), None]) as &dyn Array);
}

#[test]
fn every_mask_that_fits_gives_its_output_type_and_keeps_nulls() {
    let micro =
        |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(Int16Array::from(vec![Some(i16::MIN), None, Some(i16::MAX)])),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)])),
        Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)])),
        Arc::new(Float32Array::from(vec![Some(f32::MAX), None, Some(f32::NAN)])),
        Arc::new(Float64Array::from(vec![Some(f64::MIN), None, Some(f64::INFINITY)])),
        Arc::new(Decimal128Array::from(vec![Some(i128::MIN), None, Some(i128::MAX)])),
        Arc::new(Decimal256Array::from(vec![Some(i256::MIN), None, Some(i256::MAX)])),
        Arc::new(StringArray::from(vec![Some(""), None, Some("\0@")])),
        Arc::new(Date32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)])),
        Arc::new(TimestampSecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX)])),
        Arc::new(TimestampMillisecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX)])),
        Arc::new(
            TimestampMicrosecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX)])
                .with_timezone("+00:00"),
        ),
        Arc::new(TimestampNanosecondArray::from(vec![Some(i64::MIN), None, Some(i64::MAX)])),
    ];
    let masks = [
        Mask::Null,
        Mask::Redact,
        Mask::Email,
        Mask::Partial { first: 1, last: 1 },
        Mask::Pseudonym { domain: "d".into() },
        Mask::AgeBand { width: 10 },
        Mask::Year,
        Mask::Month,
        Mask::Bucket { width: 7 },
        Mask::Bucket { width: i64::MAX },
        Mask::Round { digits: 0 },
        Mask::Round { digits: 15 },
        Mask::Constant(Value::Integer(7)),
        Mask::Constant(Value::Boolean(true)),
        Mask::Constant(Value::Text("x".into())),
        Mask::Constant(Value::Date(0)),
        Mask::Constant(Value::TimestampUtc(0)),
        Mask::Bucket { width: 0 },
        Mask::Round { digits: 255 },
        Mask::AgeBand { width: 0 },
        Mask::Pseudonym { domain: String::new() },
    ];
    let mut fitting = 0;
    for column in &columns {
        for mask in &masks {
            let found = apply(mask, column, &context());
            assert_eq!(found.is_ok(), fits(mask, column.data_type()), "{mask:?} {column:?}");
            let Ok(found) = found else { continue };
            fitting += 1;
            assert_eq!(found.data_type(), &mask.output_type(column.data_type()), "{mask:?}");
            assert_eq!((found.len(), found.is_null(1)), (3, true), "{mask:?} {column:?}");
            let nulls = if *mask == Mask::Null { 3 } else { 1 };
            assert_eq!(found.null_count(), nulls, "{mask:?} {column:?}");
        }
    }
    assert_eq!(fitting, 72);
    assert!(!fits(&Mask::Constant(Value::Timestamp(0)), &micro(Some("+00:00"))));
}

#[test]
fn flooring_and_rounding_hold_their_laws() {
    let mut value = 1_i64;
    for _ in 0..2_000 {
        value =
            value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let small = value >> (value & 63);
        let width = (value.rotate_left(17) >> (value & 31)).unsigned_abs() as i64 & i64::MAX | 1;
        let run = |mask: &Mask| {
            let found = masked(mask, Int64Array::from(vec![small]));
            i128::from(found.as_primitive::<Int64Type>().value(0))
        };
        let (exact, wide) = (i128::from(small), i128::from(width));
        let floor = exact.div_euclid(wide) * wide;
        assert_eq!(
            run(&Mask::Bucket { width }),
            floor.max(i128::from(i64::MIN)),
            "{small} {width}"
        );
        let digits = (value.unsigned_abs() % 16) as u8;
        let unit = 10_i128.pow(u32::from(digits));
        let nearest = exact.signum() * ((exact.abs() * 2 + unit) / (2 * unit)) * unit;
        let expected = nearest.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        assert_eq!(run(&Mask::Round { digits }), expected, "{small} {digits}");
    }
}
