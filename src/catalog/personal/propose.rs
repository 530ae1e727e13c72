//! Findings as a file of masking rules, ready to be read, corrected and saved.

use super::{Finding, Kind};
use crate::catalog::lock::scalar;
use crate::model::{ColumnDescription, Mask, TableEntry};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// One column that is proposed.
type Proposal<'a> = (&'a TableEntry, usize, &'a Finding);

/// The rules as YAML, evidence as comments. `has_key`: there is a key for pseudonyms; `except`: the role that
/// sees stored values.
pub fn masking_rules(
    found: &[(Arc<TableEntry>, usize, Finding)],
    has_key: bool,
    except: Option<&str>,
) -> String {
    let mut text = String::from(
        "# Proposed by `celosia suggest-masks`: read it, correct it, save it among the masking rules.\n",
    );
    if except.is_none() {
        text.push_str(
            "# It masks for everybody; name the roles that may see stored values under `except`.\n",
        );
    }
    text.push_str("version: 1\n");
    let mut tags: BTreeMap<Kind, Vec<Proposal<'_>>> = BTreeMap::new();
    let mut masks: BTreeMap<(Kind, &'static str), Vec<Proposal<'_>>> = BTreeMap::new();
    for (table, index, finding) in found {
        let Some(column) = table.description.columns.get(*index) else { continue };
        if pattern(table, column).is_none() {
            let _ = writeln!(
                text,
                "# {} in {}: no pattern can name this column; its kind would be {}",
                column.name.escape_debug(),
                table.reference.to_string().escape_debug(),
                finding.kind.tag()
            );
            continue;
        }
        tags.entry(finding.kind).or_default().push((table, *index, finding));
        let mask = mask(finding.kind, column, has_key);
        masks.entry((finding.kind, mask)).or_default().push((table, *index, finding));
    }
    if tags.is_empty() {
        return text;
    }
    text.push_str("tags:\n");
    for (kind, proposals) in &tags {
        let _ = writeln!(text, "  - tag: {}\n    columns:", kind.tag());
        for (table, index, finding) in proposals {
            let Some(name) = pattern(table, &table.description.columns[*index]) else { continue };
            let _ = writeln!(text, "      # {:.2}: {}", finding.score, finding.evidence.join("; "));
            let _ = writeln!(text, "      - {name}");
        }
    }
    text.push_str("masks:\n");
    for ((kind, mask), proposals) in &masks {
        let several = masks.keys().filter(|(other, _)| other == kind).count() > 1;
        let what = kind.tag().trim_start_matches("pii.").replace('_', " ");
        let word = mask.split([':', '{', ' ']).find(|part| !part.is_empty()).unwrap_or("mask");
        let name =
            if several { format!("proposed {what} {word}") } else { format!("proposed {what}") };
        let _ = writeln!(text, "  - name: {name}");
        if several {
            text.push_str("    columns:\n");
            for (table, index, _) in proposals {
                let column = &table.description.columns[*index];
                let Some(name) = pattern(table, column) else { continue };
                let _ = writeln!(text, "      - {name}");
            }
        } else {
            let _ = writeln!(text, "    columns: [\"tag:{}\"]", kind.tag());
        }
        let _ = writeln!(text, "    mask: {mask}");
        if let Some(role) = except {
            let _ = writeln!(text, "    except: [{role}]");
        }
    }
    text
}

/// The mask for a kind that fits the column's type: usual where it can be, else NULL.
fn mask(kind: Kind, column: &ColumnDescription, has_key: bool) -> &'static str {
    let pseudonym = Mask::Pseudonym { domain: "person".into() };
    let wanted: &[(Mask, &'static str)] = &match kind {
        Kind::Email => vec![(Mask::Email, "email")],
        Kind::Phone | Kind::BankAccount | Kind::Card | Kind::IdDocument => {
            vec![(Mask::Partial { first: 0, last: 4 }, "last4")]
        }
        Kind::PersonName => vec![(Mask::Partial { first: 1, last: 0 }, "{ first: 1 }")],
        Kind::NationalId | Kind::OnlineId if has_key => {
            vec![(pseudonym, "{ pseudonym: { domain: person } }")]
        }
        Kind::BirthDate => {
            vec![
                (Mask::AgeBand { width: 10 }, "{ age_band: 10 }"),
                (Mask::Year, "year"),
                (Mask::Bucket { width: 10 }, "{ bucket: 10 }"),
            ]
        }
        Kind::Position => vec![(Mask::Round { digits: 0 }, "{ round: 0 }")],
        Kind::Income => vec![(Mask::Bucket { width: 10_000 }, "{ bucket: 10000 }")],
        Kind::Credential => vec![(Mask::Null, "\"null\"")],
        _ => vec![(Mask::Redact, "redact")],
    };
    let fitting = wanted.iter().find(|(mask, _)| mask.fits(&column.data_type));
    fitting.map_or("\"null\"", |(_, text)| *text)
}

/// The pattern that means this column alone, as a YAML scalar; none where a part has a quote in it.
fn pattern(table: &TableEntry, column: &ColumnDescription) -> Option<String> {
    let reference = &table.reference;
    let parts = [&*reference.source, &*reference.schema, &*reference.table, &*column.name];
    let mut text = String::new();
    for part in parts {
        if part.is_empty() || part.contains(['"', '\n', '\r']) {
            return None;
        }
        let plain = part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '-'));
        let separator = if text.is_empty() { "" } else { "." };
        let _ = match plain {
            true => write!(text, "{separator}{part}"),
            false => write!(text, "{separator}\"{part}\""),
        };
    }
    Some(scalar(&text))
}
