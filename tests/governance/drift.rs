//! What a source grows after the catalog was locked does not exist for any caller until it is accepted.

use super::{at_source, run};
use crate::mcp::server::{Demo, celosia};
use serde_json::Value as Json;

const GROWN: &str = "ALTER TABLE customers ADD COLUMN passport_no TEXT;
    UPDATE customers SET passport_no = 'X' || id;
    CREATE TABLE leads (id INTEGER PRIMARY KEY, email TEXT);
    INSERT INTO leads VALUES (1, 'ana@example.org');";

/// A demo whose catalog is locked.
fn locked() -> Demo {
    let demo = Demo::new();
    let text = demo
        .config(&[("masking_rules: ", "catalog: { lock: catalog.lock.yaml }\nmasking_rules: ")]);
    demo.write("celosia.yaml", &text);
    let (code, said, errors) = run(&demo, &["catalog", "accept", "--config", "CONFIG"]);
    assert!(code == Some(0) && said.contains(": 6 tables, "), "{said}{errors}");
    demo
}

/// What the roles of compliance, which open everything by wildcards, get for a statement.
fn answers(demo: &Demo, statements: &[&str]) -> String {
    let tests: Vec<String> = statements
        .iter()
        .map(|sql| {
            format!(
                "- {{ name: q, as: {{ roles: [compliance] }}, statements: [{{ sql: '{sql}' }}] }}"
            )
        })
        .collect();
    let file = demo.write("q.yaml", &format!("version: 1\ntests:\n{}\n", tests.join("\n")));
    run(demo, &["policy", "test", "--config", "CONFIG", file.to_str().unwrap()]).1
}

#[test]
fn what_is_new_is_hidden_byte_for_byte_until_it_is_accepted() {
    let demo = locked();
    let statements = [
        "SELECT passport_no FROM shop.main.customers",
        "SELECT email FROM shop.main.leads",
        "SELECT * FROM leads",
    ];
    let before = answers(&demo, &statements);
    assert_eq!(before.matches("found error unknown_name").count(), 3, "{before}");
    let whole = |demo: &Demo| {
        let explained = [
            "policy",
            "explain",
            "--config",
            "CONFIG",
            "--roles",
            "compliance",
            "--json",
            "customers",
        ];
        let (_, said, _) = run(demo, &explained);
        serde_json::from_str::<Json>(&said).unwrap()
    };
    let known = whole(&demo)[0]["columns"].as_array().unwrap().len();
    at_source(&demo, "shop.db", GROWN);
    assert_eq!(answers(&demo, &statements), before);
    let explained = whole(&demo);
    let columns = explained[0]["columns"].as_array().unwrap();
    assert_eq!(columns.len(), known + 1);
    assert_eq!(columns[known]["because"], "quarantined: a new column");
    assert_eq!(columns[known]["effect"], "hidden");

    let (code, said, errors) = run(&demo, &["catalog", "diff", "--config", "CONFIG"]);
    assert_eq!(code, Some(0), "{errors}");
    for line in [
        "shop.main.customers: a new column\n  passport_no text  looks like pii.document",
        "shop.main.leads: a new table",
        "  email text  looks like pii.email",
        "      - shop.main.customers.passport_no\n",
        "    mask: email\n",
    ] {
        assert!(said.contains(line), "no {line:?} in\n{said}");
    }
    assert!(!said.contains("ana@example.org"), "{said}");
    let (code, said, _) = run(&demo, &["check", "--config", "CONFIG"]);
    assert!(code == Some(0) && said.contains("3 columns are quarantined"), "{said}");

    let accept = ["catalog", "accept", "--config", "CONFIG", "--table", "shop.main.leads"];
    assert_eq!(run(&demo, &accept).0, Some(0));
    let after = answers(&demo, &statements);
    assert_eq!(after.matches("found error unknown_name").count(), 1, "{after}");
    assert_eq!(run(&demo, &["catalog", "accept", "--config", "CONFIG"]).0, Some(0));
    assert!(answers(&demo, &statements).contains("3 policy tests, 0 failed"));
    let (_, said, _) = run(&demo, &["catalog", "diff", "--config", "CONFIG"]);
    assert_eq!(said, "nothing is quarantined\n");
}

#[test]
fn a_column_of_another_type_is_held_and_closes_what_rests_on_it() {
    let demo = locked();
    at_source(
        &demo,
        "support.db",
        "ALTER TABLE agents RENAME COLUMN team TO old; ALTER TABLE agents ADD COLUMN team INTEGER;",
    );
    let said = answers(&demo, &["SELECT team FROM agents", "SELECT name FROM agents"]);
    assert_eq!(said.matches("FAIL").count(), 1, "{said}");
    let (_, said, _) = run(&demo, &["catalog", "diff", "--config", "CONFIG"]);
    assert!(said.contains("support.main.agents: its type was text\n  team bigint"), "{said}");
    assert!(said.contains("support.main.agents: a new column\n  old text"), "{said}");
}

/// A lock that is configured and not there must not mean that everything is open.
#[test]
fn a_lock_that_is_missing_stops_the_start() {
    let demo = locked();
    std::fs::remove_file(demo.path().join("catalog.lock.yaml")).unwrap();
    for command in [&["check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let config = demo.path().join("celosia.yaml");
        let done = celosia(&[command, &["--config", config.to_str().unwrap()]].concat());
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("catalog.lock.yaml: cannot be read"), "{said}");
    }
}

/// A difference of policies can be taken where no source can be reached.
#[test]
fn policies_are_compared_over_a_lock_file() {
    let demo = locked();
    let new = demo.config(&[
        (
            "columns: [id, name, phone, city, region]",
            "columns: [id, name, phone, city, region, email]",
        ),
        ("sqlite:shop.db", "sqlite:gone.db"),
    ]);
    let new = demo.write("new.yaml", &new);
    let (old, new) = (demo.path().join("celosia.yaml"), new);
    let lock = demo.path().join("catalog.lock.yaml");
    let paths = [&old, &new, &lock].map(|path| path.to_str().unwrap().to_string());
    let done = celosia(&[
        "policy",
        "diff",
        "--config",
        &paths[0],
        &paths[1],
        "--catalog",
        &paths[2],
        "--fail-on-open",
    ]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("opens    role support  shop.main.customers.email: hidden -> masked email"),
        "{said}"
    );
}
