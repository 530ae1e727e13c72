//! The real binary's export, held against what OCSF asks of the class Datastore Activity.

use crate::mcp::client::{Client, MODERN};
use crate::mcp::server::{Demo, Server, celosia};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;

/// Every key that may stand at the top of such an event, of version 1.3.0 with the profile `security_control`.
const KNOWN: &[&str] = &[
    "action",
    "action_id",
    "activity_id",
    "activity_name",
    "actor",
    "authorizations",
    "category_name",
    "category_uid",
    "class_name",
    "class_uid",
    "database",
    "disposition",
    "disposition_id",
    "duration",
    "end_time",
    "metadata",
    "policy",
    "query_info",
    "severity",
    "severity_id",
    "src_endpoint",
    "start_time",
    "status",
    "status_code",
    "status_detail",
    "status_id",
    "table",
    "time",
    "type",
    "type_id",
    "type_name",
    "type_uid",
    "unmapped",
];

fn run(arguments: &[&str]) -> String {
    let done = celosia(arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn export(config: &str, format: &str) -> Vec<Json> {
    let text = run(&["audit", "export", "--config", config, "--format", format]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn check(event: &Json) {
    for key in event.as_object().unwrap().keys() {
        assert!(KNOWN.contains(&key.as_str()), "{key} is not in the class: {event}");
    }
    for key in ["activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid"] {
        assert!(event[key].is_u64(), "{key}: {event}");
    }
    for key in ["status_id", "action_id", "disposition_id"] {
        assert!(event[key].is_u64(), "{key}: {event}");
    }
    assert_eq!((&event["class_uid"], &event["category_uid"]), (&json!(6005), &json!(6)));
    let activity = event["activity_id"].as_u64().unwrap();
    assert_eq!(event["type_uid"], 600_500 + activity);
    let text = |value: &Json| value.as_str().is_some_and(|text| !text.is_empty());
    let metadata = &event["metadata"];
    assert!(text(&metadata["version"]) && text(&metadata["product"]["vendor_name"]), "{event}");
    assert!(text(&event["actor"]["user"]["name"]), "{event}");
    assert!(text(&event["src_endpoint"]["svc_name"]), "{event}");
    assert!(text(&event["database"]["name"]) && event["database"]["type_id"] == 1, "{event}");
    assert!(event["query_info"]["query_string"].is_string(), "{event}");
}

#[test]
fn events_have_the_form_of_the_class_and_say_who_what_and_why() {
    let demo = Arc::new(Demo::new());
    std::fs::write(demo.path().join("literals.key"), "0123456789abcdef0123456789abcdef").unwrap();
    std::fs::write(demo.path().join("raw.key"), "ab".repeat(32)).unwrap();
    let keys = "audit: { store: \"sqlite:audit.db\", literals: \"file:literals.key\", \
                raw_sql: { key: \"file:raw.key\" }";
    let text = demo.config(&[("audit: { store: \"sqlite:audit.db\"", keys)]);
    let path = demo.write("kept.yaml", &text);
    let config = path.to_str().unwrap();
    let server = Arc::new(Server::serve(&demo, &path));
    let client = Client::new(&server, "analyst", MODERN);
    let sql =
        "SELECT name, email FROM shop.main.customers WHERE email <> 'ana@mail.example' AND id < $1";
    // Asked twice: the second time from the kept plan.
    for _ in 0..2 {
        client.answer("query", json!({"sql": sql, "params": [17]}));
    }
    client.error("query", json!({"sql": "DROP TABLE secret_things"}));
    drop(client);
    drop(server);

    let events = export(config, "ocsf");
    let records = export(config, "jsonl");
    assert_eq!(events.len(), records.len());
    events.iter().for_each(check);
    let of =
        |detail: &str| events.iter().filter(|e| e["status_detail"] == detail).collect::<Vec<_>>();
    let answered = of("answered");
    assert_eq!(answered.len(), 2);
    for event in answered {
        assert_eq!(event["actor"]["user"]["name"], "demo-analyst");
        assert_eq!(event["table"]["uid"], "shop.main.customers");
        let columns = event["unmapped"]["columns"].to_string();
        // Also what was only filtered by.
        for column in ["name", "email", "id"] {
            assert!(columns.contains(&format!("shop.main.customers.{column}")), "{columns}");
        }
        assert!(event["authorizations"].to_string().contains("mask"), "{event}");
        assert_eq!(event["unmapped"]["literals"].as_array().unwrap().len(), 1);
        assert_eq!(event["unmapped"]["parameters"]["1"].as_array().unwrap().len(), 1);
        let source = &event["unmapped"]["sources"][0];
        assert_eq!(source["fingerprint"].as_str().unwrap().len(), 16);
    }
    let refused = of("refused");
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0]["action_id"], &refused[0]["disposition_id"]), (&json!(2), &json!(2)));

    // Whoever has the key finds who asked for a value; whoever has not finds neither it nor the words.
    let count =
        |value: &str| run(&["audit", "find", "--config", config, "--value", value]).lines().count();
    assert_eq!((count("ANA@mail.example"), count("17"), count("bob@mail.example")), (2, 2, 0));
    assert!(!contains(demo.path(), "ana@mail.example") && !contains(demo.path(), "secret_things"));
    let shown = run(&["audit", "show", "--config", config, "--user", "demo-analyst"]);
    assert!(
        shown.contains("ana@mail.example") && shown.contains("DROP TABLE secret_things"),
        "{shown}"
    );
    let erased = run(&["audit", "erase", "--config", config, "--user", "demo-analyst"]);
    assert!(erased.starts_with("1 data keys"), "{erased}");
    let shown = run(&["audit", "show", "--config", config, "--user", "demo-analyst"]);
    assert!(!shown.contains("ana@mail.example") && shown.contains("\"raw\":\"erased\""), "{shown}");
    assert!(run(&["audit", "verify", "--config", config]).contains("the chain holds"));
}

/// Whether a file of the audit holds the text.
fn contains(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().flatten().any(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        name.starts_with("audit.db") && String::from_utf8_lossy(&bytes).contains(text)
    })
}
