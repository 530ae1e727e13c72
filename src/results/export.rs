//! A whole result as CSV.

use super::encode::{Column, Form};
use super::store::StoredResult;
use super::text::{acts, push_escape};
use crate::error::Result;
use arrow_array::RecordBatch;

/// The whole result as CSV (RFC 4180, lines end in LF): a header, then the rows. NULL is an empty
/// cell, an empty text is `""`. Values are exactly as they are: whoever opens the file in a
/// spreadsheet must import it as text.
///
/// # Errors
/// A column of a type that cannot be shown.
pub fn csv(result: &StoredResult) -> Result<String> {
    let mut out = String::new();
    for (at, column) in result.columns.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_field(&mut out, &column.name);
    }
    out.push('\n');
    for batch in &result.batches {
        push_batch(&mut out, result, batch)?;
    }
    Ok(out)
}

/// CSV for a reader: a row is a line, and what is unseen or active is written as an escape. The file itself is
/// what [`csv`] gives.
pub fn legible_csv(csv: &str) -> String {
    let mut out = String::with_capacity(csv.len());
    let (mut quoted, mut line) = (false, 0);
    for (at, c) in csv.char_indices() {
        quoted ^= c == '"';
        let fence = at == line && acts(&csv[at..], 0, c);
        if c == '\n' && !quoted {
            out.push(c);
            line = at + 1;
        } else if fence || acts(csv, at, c) {
            push_escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

fn push_batch(out: &mut String, result: &StoredResult, batch: &RecordBatch) -> Result<()> {
    let columns = batch.columns().iter().zip(&result.columns);
    let encoders: Vec<Column<'_>> =
        columns.map(|(array, column)| Column::of(array, &column.name)).collect::<Result<_>>()?;
    for row in 0..batch.num_rows() {
        for (at, encoder) in encoders.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            match encoder.form(row, out) {
                Form::Null | Form::Boolean(_) | Form::Number(_) | Form::Digits => {}
                Form::Text(text) => push_field(out, text),
                Form::Nested(json) => push_field(out, &json.to_string()),
            }
        }
        out.push('\n');
    }
    Ok(())
}

fn push_field(out: &mut String, value: &str) {
    let spaced = value.starts_with(' ') || value.ends_with(' ');
    if !value.is_empty() && !spaced && !value.contains([',', '"', '\n', '\r']) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for part in value.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line_for_a_reader() {
        assert_eq!(legible_csv("a,b\n1,\"x\ny\"\n"), "a,b\n1,\"x\\u{a}y\"\n");
        assert_eq!(legible_csv("a\n```\n"), "a\n\\u{60}``\n");
        assert_eq!(legible_csv("a\n\u{1b}[31m,<b>\n"), "a\n\\u{1b}[31m,\\u{3c}b>\n");
        assert_eq!(legible_csv("a\n\"say \"\"hi\"\"\"\nb\n"), "a\n\"say \"\"hi\"\"\"\nb\n");
    }
    use crate::model::ColumnInfo;
    use arrow_array::{ArrayRef, Int32Array, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    #[test]
    fn every_value_comes_back_as_it_was() {
        let fields =
            vec![Field::new("id", DataType::Int32, true), Field::new("t", DataType::Utf8, true)];
        let texts = [Some("a,b"), None, Some(""), Some("say \"hi\"\nthere"), Some("plain")];
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4), Some(5)])),
            Arc::new(StringArray::from(texts.to_vec())),
        ];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
        let column =
            |name: &str| ColumnInfo { name: name.into(), type_name: "text".into(), masked: None };
        let columns = vec![column("id"), column("a \"name\"")];
        let result = StoredResult { columns, batches: vec![batch], truncated: false };
        let expected =
            "id,\"a \"\"name\"\"\"\n1,\"a,b\"\n,\n3,\"\"\n4,\"say \"\"hi\"\"\nthere\"\n5,plain\n";
        assert_eq!(csv(&result).expect("exported"), expected);
    }
}
