//! Records as lines: as they are stored, or as OCSF events of the class Datastore Activity (6005).
//!
//! Each record is one event. That of an outcome says also what its intent said, so it can be read alone. What the
//! schema has no place for stands in `unmapped`.

use super::record::hex;
use super::sinks::Format;
use super::store::{AuditError, Connection, Stored, records};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The version of the schema.
const VERSION: &str = "1.3.0";
/// Intents that wait for their outcome here; others are looked up.
const MOST_OPEN: usize = 4_096;

/// Turns the records of one chain into lines, in order.
#[derive(Debug)]
pub(super) struct Mapper {
    format: Format,
    chain: Arc<str>,
    open: HashMap<String, Json>,
}

impl Mapper {
    pub(super) fn new(format: Format, chain: Arc<str>) -> Self {
        Self { format, chain, open: HashMap::new() }
    }

    /// The line of the next record; what it refers to is looked up in the store.
    pub(super) async fn line(
        &mut self,
        connection: &mut Connection,
        record: &Stored,
    ) -> Result<String, AuditError> {
        let body: Json = serde_json::from_str(&record.body).unwrap_or_default();
        let event = match self.format {
            Format::Records => stored(&self.chain, record, body),
            Format::Ocsf => {
                let intent = self.intent(connection, record, &body).await?;
                event(&self.chain, record, &intent, &body)
            }
        };
        Ok(event.to_string())
    }

    async fn intent(
        &mut self,
        connection: &mut Connection,
        record: &Stored,
        body: &Json,
    ) -> Result<Json, AuditError> {
        if record.kind != "close" {
            if record.kind == "open" && self.open.len() < MOST_OPEN {
                self.open.insert(record.id.clone(), body.clone());
            }
            return Ok(body.clone());
        }
        if let Some(intent) = self.open.remove(&record.id) {
            return Ok(intent);
        }
        let after = body["open_seq"].as_u64().and_then(|seq| seq.checked_sub(1));
        let Some(after) = after else { return Ok(Json::Null) };
        let rows = records(connection, &self.chain, after, 1).await?;
        let opened = rows.first().map(Stored::of).transpose()?;
        // Retention may have taken it.
        let opened = opened.filter(|opened| opened.id == record.id);
        Ok(opened.and_then(|opened| serde_json::from_str(&opened.body).ok()).unwrap_or_default())
    }
}

/// A record as it is stored.
pub(super) fn stored(chain: &str, record: &Stored, body: Json) -> Json {
    json!({
        "chain": chain,
        "seq": record.seq,
        "at": record.at,
        "kind": record.kind,
        "id": record.id,
        "body": body,
        "prev_hash": hex(&record.previous),
        "hash": hex(&record.hash),
    })
}

fn event(chain: &str, record: &Stored, intent: &Json, body: &Json) -> Json {
    let outcome = if record.kind == "close" { body } else { &Json::Null };
    let end = End::of(record, body);
    let mut event = Map::new();
    let mut put = |key: &str, value: Json| {
        if !value.is_null() {
            event.insert(key.to_string(), value);
        }
    };
    put("metadata", metadata(chain, record));
    put("category_uid", json!(6));
    put("category_name", json!("Application Activity"));
    put("class_uid", json!(6005));
    put("class_name", json!("Datastore Activity"));
    let (activity, name) = if intent["tool"] == "fetch" { (1, "Read") } else { (4, "Query") };
    put("activity_id", json!(activity));
    put("activity_name", json!(name));
    put("type_uid", json!(600_500 + activity));
    put("type_name", json!(format!("Datastore Activity: {name}")));
    put("time", json!(record.at));
    put("severity_id", json!(end.severity.0));
    put("severity", json!(end.severity.1));
    put("status_id", json!(end.status.0));
    put("status", json!(end.status.1));
    put("status_detail", json!(end.detail));
    put("status_code", body["error"].clone());
    put("action_id", json!(end.action.0));
    put("action", json!(end.action.1));
    put("disposition_id", json!(end.disposition.0));
    put("disposition", json!(end.disposition.1));
    put("policy", policy(intent));
    put("authorizations", authorizations(outcome));
    put("actor", actor(intent));
    put("src_endpoint", source_endpoint(intent));
    let tables = tables(intent);
    put("database", database(&tables));
    put("table", tables.first().map_or(Json::Null, table));
    put("type_id", json!(if tables.is_empty() { 1 } else { 3 }));
    put("type", json!(if tables.is_empty() { "Database" } else { "Table" }));
    put("query_info", query_info(record, intent, outcome));
    if let Some(ms) = outcome["ms"].as_f64() {
        put("duration", json!(ms.round()));
        put("start_time", json!((record.at as f64 - ms).round()));
        put("end_time", json!(record.at));
    }
    put("unmapped", unmapped(record, intent, outcome));
    whole_numbers(Json::Object(event))
}

/// How a record's statement stands.
struct End {
    severity: (u8, &'static str),
    status: (u8, &'static str),
    detail: String,
    action: (u8, &'static str),
    disposition: (u8, &'static str),
}

impl End {
    fn of(record: &Stored, body: &Json) -> Self {
        let usual = (1, "Informational");
        let allowed = ((1, "Allowed"), (1, "Allowed"));
        let (severity, status, detail, (action, disposition)) = match &*record.kind {
            "open" => (usual, (0, "Unknown"), "opened", allowed),
            "refused" => ((2, "Low"), (2, "Failure"), "refused", ((2, "Denied"), (2, "Blocked"))),
            _ => match body["status"].as_str() {
                Some("answered") => (usual, (1, "Success"), "answered", allowed),
                Some("failed") => ((2, "Low"), (2, "Failure"), "failed", allowed),
                _ => (usual, (99, "Other"), "abandoned", allowed),
            },
        };
        Self { severity, status, detail: detail.to_string(), action, disposition }
    }
}

fn metadata(chain: &str, record: &Stored) -> Json {
    json!({
        "version": VERSION,
        "product": {
            "name": "Celosia",
            "vendor_name": "Celosia",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "profiles": ["security_control"],
        "uid": hex(&record.hash),
        "correlation_uid": record.id,
        "sequence": record.seq,
        "log_name": chain,
        "logged_time": record.at,
    })
}

fn policy(intent: &Json) -> Json {
    match intent["policy_version"].as_str() {
        None | Some("") => Json::Null,
        Some(version) => json!({"name": "celosia", "version": version, "is_applied": true}),
    }
}

/// What decided, by the rules' names.
fn authorizations(outcome: &Json) -> Json {
    let masks = outcome["masks"].as_array().into_iter().flatten().map(|mask| {
        let text = |key: &str| mask[key].as_str().unwrap_or_default().to_string();
        let decision = format!("mask {} on {}", text("mask"), text("column"));
        json!({"decision": decision, "policy": {"name": text("rule")}})
    });
    let filters = outcome["filters"].as_array().into_iter().flatten().map(|filter| {
        let text = |key: &str| filter[key].as_str().unwrap_or_default().to_string();
        let decision = format!("row filter on {}", text("table"));
        json!({"decision": decision, "policy": {"name": text("rule")}})
    });
    let all: Vec<Json> = masks.chain(filters).collect();
    if all.is_empty() { Json::Null } else { Json::Array(all) }
}

fn actor(intent: &Json) -> Json {
    let roles = intent["roles"].as_array().into_iter().flatten();
    let mut user = json!({
        "name": intent["user"].as_str().unwrap_or_default(),
        "type_id": 1,
        "type": "User",
        "groups": roles.map(|role| json!({"name": role, "type": "role"})).collect::<Vec<_>>(),
    });
    let mut actor = Map::new();
    if let Some(issuer) = intent["issuer"].as_str() {
        user["domain"] = json!(issuer);
        actor.insert("idp".into(), json!({"name": issuer}));
        actor.insert("session".into(), json!({"issuer": issuer}));
    }
    actor.insert("user".into(), user);
    if let Some(client) = intent["client"].as_str().filter(|client| !client.is_empty()) {
        actor.insert("app_name".into(), json!(client));
    }
    Json::Object(actor)
}

fn source_endpoint(intent: &Json) -> Json {
    let client = intent["client"].as_str().filter(|client| !client.is_empty());
    json!({"svc_name": client.unwrap_or("unknown"), "type_id": 99, "type": "MCP client"})
}

type Table<'a> = (&'a str, &'a str);

/// Source and full name of each table.
fn tables(intent: &Json) -> Vec<Table<'_>> {
    let names = intent["tables"].as_array().into_iter().flatten().filter_map(Json::as_str);
    names.map(|name| (name.split('.').next().unwrap_or(name), name)).collect()
}

fn database(tables: &[Table<'_>]) -> Json {
    let sources: BTreeSet<&str> = tables.iter().map(|(source, _)| *source).collect();
    let name = sources.into_iter().collect::<Vec<_>>().join(", ");
    let name = if name.is_empty() { "celosia".to_string() } else { name };
    json!({"name": name, "type_id": 1, "type": "Relational"})
}

fn table((_, name): &Table<'_>) -> Json {
    json!({"name": name.rsplit('.').next().unwrap_or(name), "uid": name})
}

fn query_info(record: &Stored, intent: &Json, outcome: &Json) -> Json {
    let mut info = json!({
        "uid": record.id,
        "query_string": intent["statement"].as_str().unwrap_or_default(),
    });
    if let Some(bytes) = outcome["bytes"].as_u64() {
        info["bytes"] = json!(bytes);
    }
    info
}

fn unmapped(record: &Stored, intent: &Json, outcome: &Json) -> Json {
    let mut all: Map<String, Json> = Map::new();
    let kept = ["tool", "principal_kind", "fingerprint", "tables", "literals", "parameters", "raw"];
    for key in kept.into_iter().chain(["semantics_version", "catalog_version"]) {
        all.insert(key.to_string(), intent[key].clone());
    }
    for key in ["open_seq", "rows_returned", "truncated", "masks", "filters", "catalog_age_ms"] {
        all.insert(key.to_string(), outcome[key].clone());
    }
    if !outcome.is_null() {
        all.insert("columns".into(), json!(columns(outcome)));
        all.insert("sources".into(), sources(outcome));
    }
    all.insert("prev_hash".into(), json!(hex(&record.previous)));
    all.retain(|_, value| !value.is_null());
    Json::Object(all)
}

/// The columns that were read: all of them where the record says so, those of the answer where it is older.
fn columns(outcome: &Json) -> Vec<String> {
    let texts = |value: &Json| {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(Json::as_str).map(str::to_string).collect::<BTreeSet<_>>()
    };
    let mut read = texts(&outcome["columns"]);
    for column in outcome["lineage"].as_array().into_iter().flatten() {
        read.extend(texts(&column["from"]));
    }
    read.into_iter().collect()
}

/// What each source did, its statement with a fingerprint of its own.
fn sources(outcome: &Json) -> Json {
    let sources = outcome["sources"].as_array().into_iter().flatten().map(|source| {
        let mut source: BTreeMap<String, Json> =
            source.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        let sql = source.get("sql").and_then(Json::as_str).unwrap_or_default();
        let fingerprint = hex(&Sha256::digest(sql.as_bytes())[..8]);
        source.insert("fingerprint".into(), json!(fingerprint));
        json!(source)
    });
    Json::Array(sources.collect())
}

/// Times are whole numbers in the schema.
fn whole_numbers(mut event: Json) -> Json {
    for key in ["duration", "start_time", "end_time"] {
        if let Some(value) = event[key].as_f64() {
            event[key] = json!(value as i64);
        }
    }
    event
}
