//! The catalog as somebody sees it.

use super::Desk;
use super::policy::access;
use super::reply::{Reply, answer, question};
use super::viewer::As;
use crate::catalog::Snapshot;
use crate::model::{Principal, TableEntry, TableRef};
use crate::query::VisibleName;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    /// With whose eyes; for administrators.
    #[serde(rename = "as")]
    eyes: Option<As>,
    /// The table, where one is asked for.
    #[serde(default)]
    name: String,
}

/// The tables that are seen. An administrator is told the names of the others, too.
pub(super) async fn tables(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
    body: Bytes,
) -> Reply {
    let asked: Which = question(&body)?;
    let engine = &desk.console.engine;
    let eyes = desk.eyes(&caller, asked.eyes, &engine.rules())?;
    let seen = engine.visible_tables(&eyes);
    let tables: Vec<Json> = seen.iter().map(line).collect();
    let mut found = json!({ "tables": tables });
    if desk.is_administrator(&caller) {
        let seen: BTreeSet<String> = seen.iter().map(full_name).collect();
        let snapshot = desk.console.catalog.snapshot();
        let all = snapshot.discovered().iter().map(|table| table.reference.to_string());
        let hidden: Vec<String> = all.filter(|name| !seen.contains(name)).collect();
        found["hidden"] = hidden.into();
        found["catalog_version"] = snapshot.version().into();
        found["quarantined"] = quarantined(&snapshot);
    }
    answer(&found)
}

/// One table as it is seen: what `describe` says of it, without values. An administrator is told what the policy makes of
/// every column, and by which rule.
pub(super) async fn table(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Arc<Principal>>,
    body: Bytes,
) -> Reply {
    let asked: Which = question(&body)?;
    let engine = &desk.console.engine;
    let rules = engine.rules();
    let eyes = desk.eyes(&caller, asked.eyes, &rules)?;
    let described = engine.describe(&eyes, &asked.name);
    let snapshot = desk.console.catalog.snapshot();
    let entry = found(&snapshot, &asked.name).filter(|_| desk.is_administrator(&caller));
    let Some(entry) = entry else {
        return answer(&json!({ "described": without_values(described?.structured) }));
    };
    let described = described.ok().map(|reply| without_values(reply.structured));
    answer(&json!({
        "described": described,
        "access": access(&rules, &snapshot, &eyes, entry),
    }))
}

fn line(table: &VisibleName) -> Json {
    json!({
        "name": full_name(table),
        "source": table.source,
        "schema": table.schema,
        "table": table.table,
        "description": table.description,
    })
}

fn full_name(table: &VisibleName) -> String {
    TableRef::new(&table.source, &table.schema, &table.table).to_string()
}

/// The table of exactly this name.
fn found<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a TableEntry> {
    let all = snapshot.discovered().iter();
    all.map(Arc::as_ref).find(|table| table.reference.to_string() == name)
}

fn quarantined(snapshot: &Snapshot) -> Json {
    let held = snapshot.quarantined().iter();
    held.map(|held| {
        let columns: Vec<&String> = held.columns.iter().map(|(name, _)| name).collect();
        json!({ "table": held.table.to_string(), "columns": columns, "why": held.why })
    })
    .collect()
}

/// Nobody looks at values here, whoever they are: neither at samples nor at those that an administrator wrote down.
fn without_values(mut described: Json) -> Json {
    match &mut described {
        Json::Object(fields) => {
            fields.retain(|name, _| name != "samples" && name != "values");
            for field in fields.values_mut() {
                *field = without_values(field.take());
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| *item = without_values(item.take())),
        _ => {}
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_at_any_depth() {
        let found = json!({ "columns": [{ "name": "a", "samples": ["x"], "values": { "y": null } }],
            "tables": [{ "columns": [{ "name": "b", "samples": ["z"] }] }] });
        let left =
            json!({ "columns": [{ "name": "a" }], "tables": [{ "columns": [{ "name": "b" }] }] });
        assert_eq!(without_values(found), left);
    }
}
