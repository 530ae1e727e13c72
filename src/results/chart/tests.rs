use super::*;
use crate::model::ColumnInfo;
use arrow_array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray};
use std::sync::Arc;

fn result(columns: Vec<(&str, ArrayRef)>) -> StoredResult {
    let info = |(name, _): &(&str, ArrayRef)| ColumnInfo {
        name: (*name).into(),
        type_name: "text".into(),
        masked: None,
    };
    let infos = columns.iter().map(info).collect();
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    StoredResult { columns: infos, batches: vec![batch], truncated: false }
}

fn spec(kind: ChartKind, x: &str, y: &[&str]) -> ChartSpec {
    ChartSpec { kind, x: x.into(), y: y.iter().map(|name| (*name).to_string()).collect() }
}

fn sales() -> StoredResult {
    let amounts = Decimal128Array::from(vec![Some(12_345), None, Some(-50)]);
    result(vec![
        ("region", Arc::new(StringArray::from(vec![Some("EU"), None, Some("LATAM")]))),
        ("n", Arc::new(Int64Array::from(vec![3, 5, 9]))),
        ("amount", Arc::new(amounts.with_precision_and_scale(10, 2).expect("fits"))),
        ("day", Arc::new(Date32Array::from(vec![19_724, 19_755, 19_786]))),
    ])
}

/// Every element and attribute by name: nothing that acts is among them.
fn harmless(svg: &str) {
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for word in ["<script", "<a ", "<image", "<foreignObject", "<use", "href", "style=", "url("] {
        assert!(!svg.contains(word), "{word}: {svg}");
    }
    let tags =
        svg.split('<').skip(1).map(|tag| tag.split(['>', ' ', '\n', '/']).find(|w| !w.is_empty()));
    for tag in tags.flatten() {
        let known = ["svg", "rect", "text", "line", "polyline", "polygon", "circle", "path", "g"];
        assert!(known.contains(&tag), "{tag}");
    }
}

#[test]
fn each_kind_draws_its_rows() {
    for (kind, x, y) in [
        (ChartKind::Bar, "region", &["n", "amount"][..]),
        (ChartKind::Line, "day", &["n"]),
        (ChartKind::Line, "region", &["amount"]),
        (ChartKind::Scatter, "N", &["Amount"]),
        (ChartKind::Bar, "day", &["n"]),
    ] {
        let drawing = draw(&sales(), &spec(kind, x, y)).expect("drawn");
        assert_eq!((drawing.rows, drawing.left_out), (3, 0), "{kind:?} {x}");
        harmless(&drawing.svg);
        assert!(drawing.svg.contains(x) || x == "N", "{}", drawing.svg);
    }
    let bars = draw(&sales(), &spec(ChartKind::Bar, "region", &["n"])).expect("drawn").svg;
    assert!(bars.contains("EU") && bars.contains("LATAM") && bars.contains("NULL"), "{bars}");
    let line = draw(&sales(), &spec(ChartKind::Line, "day", &["n"])).expect("drawn").svg;
    assert!(line.contains("2024-0"), "{line}");
}

#[test]
fn no_text_of_others_acts() {
    let evil = "</text><script>alert(1)</script>";
    let bidi = "a\u{202e}b\0c\u{ffff}\"'&";
    let names: ArrayRef = Arc::new(StringArray::from(vec![evil, bidi]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let drawing = draw(
        &result(vec![("x <b>\" onload=\"x", names), ("n&]]>", numbers)]),
        &spec(ChartKind::Bar, "x <b>\" onload=\"x", &["n&]]>"]),
    );
    let svg = drawing.expect("drawn").svg;
    harmless(&svg);
    assert!(!svg.contains(['\u{202e}', '\0', '\u{ffff}']), "{svg}");
    assert!(!svg.contains("onload=\"x"), "{svg}");
    assert!(svg.contains("\\u{202e}"), "{svg}");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    for (spec, said) in [
        (spec(ChartKind::Bar, "none", &["n"]), "no column \"none\""),
        (spec(ChartKind::Bar, "region", &["region"]), "not a number"),
        (spec(ChartKind::Scatter, "region", &["n"]), "neither a number nor a time"),
        (spec(ChartKind::Bar, "region", &[]), "1 to 6"),
        (spec(ChartKind::Bar, "region", &["n"; 7]), "1 to 6"),
    ] {
        let error = draw(&sales(), &spec).expect_err("refused");
        assert!(error.message.contains(said), "{}", error.message);
        assert_eq!(error.code, Code::InvalidArgument);
    }
    let empty = StoredResult { batches: Vec::new(), ..sales() };
    assert!(draw(&empty, &spec(ChartKind::Bar, "region", &["n"])).is_err());
}

#[test]
fn numbers_of_every_size_end_somewhere() {
    for values in [
        vec![0.0, 0.0],
        vec![1e16, 1e16 + 2.0],
        vec![-1e-300, 1e-300],
        vec![1e199, -1e199],
        vec![5e-324, 5e-324],
        vec![f64::NAN, 7.0],
        vec![-3.0, -3.0],
        vec![1e15 + 0.25, 1e15 + 0.5],
    ] {
        let column = || -> ArrayRef { Arc::new(Float64Array::from(values.clone())) };
        let both = result(vec![("x", column()), ("y", column())]);
        for kind in ChartKind::ALL {
            let drawn = draw(&both, &spec(kind, "x", &["y"]));
            harmless(&drawn.unwrap_or_else(|e| panic!("{kind:?} {values:?}: {}", e.message)).svg);
        }
    }
    let huge: ArrayRef = Arc::new(Float64Array::from(vec![f64::MAX, f64::MIN]));
    let huge = result(vec![("x", huge)]);
    assert!(draw(&huge, &spec(ChartKind::Line, "x", &["x"])).is_err());
}

#[test]
fn a_picture_holds_so_many_rows() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
    let many = result(vec![("x", numbers)]);
    let bars = draw(&many, &spec(ChartKind::Bar, "x", &["x"])).expect("drawn");
    assert_eq!((bars.rows, bars.left_out), (MOST_BARS, 10_000 - MOST_BARS));
    let line = draw(&many, &spec(ChartKind::Line, "x", &["x"])).expect("drawn");
    assert_eq!((line.rows, line.left_out), (MOST_POINTS, 10_000 - MOST_POINTS));
    assert!(line.svg.len() < 200_000, "{}", line.svg.len());
}
