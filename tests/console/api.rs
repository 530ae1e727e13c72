//! What the interface gives to whom.

use super::{ADMINISTRATORS, PARTS, answer, asking, reply};
use crate::mcp::client::{Client, MODERN};
use crate::mcp::eventually;
use crate::mcp::server::Server;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

fn names(catalog: &Json) -> BTreeSet<String> {
    let tables = catalog["tables"].as_array().unwrap().iter();
    tables.map(|table| table["name"].as_str().unwrap().to_string()).collect()
}

#[test]
fn nobody_gets_more_than_the_empty_page() {
    let server = Server::shared();
    for path in ["/console", "/console/console.js", "/console/words.js", "/console/console.css"] {
        let page = asking(path, None).send(server.address);
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        for told in ["shop", "support", "customers", "compliance", "cel_"] {
            assert!(!page.text().contains(told), "{path} tells {told}");
        }
    }
    for (path, question) in PARTS {
        for key in [None, Some("cel_nobody"), Some("")] {
            let mut request = asking(path, *question);
            if let Some(key) = key {
                request = request.bearer(key);
            }
            let refused = request.send(server.address);
            assert_eq!(refused.status, 401, "{path} with {key:?}");
            assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
        }
        // What is not there is not there for anybody, and no method but one is.
        let key = server.demo.key("compliance");
        let other = match question {
            Some(_) => asking(path, None),
            None => asking(path, Some("{}")),
        };
        assert_eq!(other.bearer(&key).send(server.address).status, 405, "{path}");
    }
    let key = server.demo.key("compliance");
    assert_eq!(asking("/console/api/x", None).bearer(&key).send(server.address).status, 404);
}

/// A page that a user happens to visit reaches nothing, with whatever its browser sends by itself.
#[test]
fn other_pages_and_other_names_get_nothing() {
    let server = Server::shared();
    let key = server.demo.key("compliance");
    for (path, question) in PARTS {
        for (name, value) in [
            ("Host", "rebound.example.org"),
            ("Origin", "https://evil.example.org"),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ] {
            let request = asking(path, *question).bearer(&key).header(name, value);
            let refused = request.send(server.address);
            assert_eq!(refused.status, 403, "{path} with {name}: {value}");
        }
        if question.is_some() {
            // What a form can send needs no permission of the server; it is not taken.
            let form = asking(path, *question).bearer(&key).header("Content-Type", "text/plain");
            assert_eq!(form.send(server.address).status, 415, "{path}");
        }
    }
    let page = asking("/console", None).header("Host", "rebound.example.org");
    assert_eq!(page.send(server.address).status, 403);
    let own = asking("/console/api/me", None).bearer(&key).header("Sec-Fetch-Site", "same-origin");
    let own = own.send(server.address);
    assert_eq!((own.status, own.header("cache-control")), (200, Some("no-store")));
    assert!(own.header("access-control-allow-origin").is_none());
}

#[test]
fn who_does_not_administer_sees_what_is_theirs() {
    let server = Server::shared();
    let me = answer(&server, "support", "/console/api/me", Json::Null);
    assert_eq!((&me["administrator"], &me["roles"]), (&json!(false), &json!(["support"])));
    assert!(me.get("known_roles").is_none() && me.get("policy_version").is_none());
    for path in ADMINISTRATORS {
        let (_, question) = PARTS.iter().find(|(part, _)| part == path).unwrap();
        assert_eq!(reply(&server, "support", path, *question).status, 403, "{path}");
    }
    // Nobody else's eyes, nobody else's statements.
    for (path, question) in [
        ("/console/api/catalog", r#"{"as": {"roles": ["compliance"]}}"#),
        ("/console/api/table", r#"{"name": "shop.main.customers", "as": {"roles": ["support"]}}"#),
        ("/console/api/queries", r#"{"everybody": true}"#),
        ("/console/api/queries", r#"{"user": "demo-support"}"#),
    ] {
        assert_eq!(reply(&server, "support", path, Some(question)).status, 403, "{question}");
    }
    let catalog = answer(&server, "support", "/console/api/catalog", json!({}));
    let shown = names(&catalog);
    assert!(shown.contains("support.main.tickets"), "{shown:?}");
    assert!(!shown.contains("shop.main.products"), "{shown:?}");
    assert!(catalog.get("hidden").is_none() && catalog.get("quarantined").is_none());
    // What is hidden has the words of what is not there.
    let words = |name: &str| {
        let question = json!({ "name": name }).to_string();
        let refused = reply(&server, "support", "/console/api/table", Some(&question));
        // What is proposed instead follows from the name that was asked for.
        let message = refused.json()["error"]["message"].as_str().unwrap().replace(name, "X");
        (refused.status, message.split("; ").next().unwrap().to_string())
    };
    assert_eq!(words("shop.main.products"), words("shop.main.prodigies"));
    assert_eq!(words("shop.main.products").0, 404);
    let table = json!({ "name": "shop.main.customers" });
    let table = answer(&server, "support", "/console/api/table", table);
    assert!(table.get("access").is_none());
    let columns = table["described"]["columns"].as_array().unwrap();
    let columns: Vec<&str> = columns.iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(columns, ["id", "name", "phone", "city", "region"]);
}

#[test]
fn an_administrator_looks_with_the_eyes_of_a_role() {
    let server = Server::shared();
    let me = answer(&server, "compliance", "/console/api/me", Json::Null);
    assert_eq!(me["administrator"], true);
    assert_eq!(me["known_roles"], json!(["analyst", "compliance", "support"]));
    let eyes = json!({ "roles": ["support"] });
    let path = "/console/api/catalog";
    let seen = answer(&server, "compliance", path, json!({ "as": eyes }));
    assert_eq!(names(&seen), names(&answer(&server, "support", path, json!({}))));
    assert!(seen["hidden"].as_array().unwrap().contains(&json!("shop.main.products")));
    let table = |eyes: &Json| {
        let question = json!({ "name": "shop.main.customers", "as": eyes });
        answer(&server, "compliance", "/console/api/table", question)["access"].take()
    };
    let effect = |access: &Json, name: &str| {
        let columns = access["columns"].as_array().unwrap();
        let column = columns.iter().find(|column| column["column"] == name).unwrap();
        (column["effect"].clone(), column["rule"].clone(), column["because"].to_string())
    };
    let support = table(&eyes);
    assert_eq!(effect(&support, "phone").0, "masked");
    assert_eq!(effect(&support, "phone").1, "phone numbers");
    assert_eq!(effect(&support, "email").0, "hidden");
    assert!(effect(&support, "email").2.contains("does not list it"));
    let eu = table(&json!({ "roles": ["analyst"], "attributes": { "region": "EU" } }));
    assert!(eu["rows"].as_str().unwrap().contains("'EU'"), "{eu}");
    // Without the attribute the row filter closes, and so says who decided.
    let nowhere = table(&json!({ "roles": ["analyst"] }));
    assert!(nowhere["roles"][0]["problem"].is_string(), "{nowhere}");
    let hidden = json!({ "name": "shop.main.products", "as": eyes });
    let hidden = answer(&server, "compliance", "/console/api/table", hidden);
    assert_eq!((&hidden["described"], &hidden["access"]["visible"]), (&Json::Null, &json!(false)));
    let unknown = r#"{"as": {"roles": ["nobody"]}}"#;
    assert_eq!(reply(&server, "compliance", path, Some(unknown)).status, 400);
    let more = r#"{"as": {"roles": [], "user": "root"}}"#;
    assert_eq!(reply(&server, "compliance", path, Some(more)).status, 400);
}

#[test]
fn statements_are_their_callers_and_the_administrators() {
    let server = Server::shared();
    let asked = |role: &str, sql: &str| {
        let answer = Client::new(&server, role, MODERN).answer("query", json!({ "sql": sql }));
        answer["receipt"]["id"].as_str().unwrap().to_string()
    };
    let id = asked("support", "SELECT count(*) FROM support.main.agents WHERE name <> 'zqx-seven'");
    let other = asked("analyst", "SELECT count(*) FROM shop.main.products");
    let path = "/console/api/queries";
    let found = |role: &str, question: &Json, id: &str| {
        let seen = answer(&server, role, path, question.clone());
        let ended = seen["ended"].as_array().unwrap();
        ended.iter().find(|asked| asked["id"] == id).cloned()
    };
    let mine = found("support", &json!({}), &id).expect("the caller's own");
    assert_eq!(
        (&mine["status"], &mine["receipt"]["rows_returned"]),
        (&json!("answered"), &json!(1))
    );
    assert!(mine["receipt"]["sources"][0]["sql"].as_str().unwrap().contains("agents"));
    assert!(mine["receipt"].get("columns").is_none() && mine["intent"].get("tables").is_none());
    assert!(!mine.to_string().contains("zqx-seven"), "{mine}");
    assert!(found("support", &json!({}), &other).is_none());
    // Others ask at the same time; the administrator looks until it is there.
    let everybody = json!({ "everybody": true });
    for id in [&id, &other] {
        eventually("everybody's statements", || found("compliance", &everybody, id));
    }
    let user = mine["intent"]["user"].clone();
    let of_one = answer(&server, "compliance", path, json!({ "user": user }));
    let ended = of_one["ended"].as_array().unwrap();
    assert!(!ended.is_empty() && ended.iter().all(|asked| asked["intent"]["user"] == user));
    assert!(found("compliance", &json!({}), &id).is_none(), "an administrator's own are their own");
}

/// Whatever is asked by whomever, no cell of a table and no literal is in what is said.
#[test]
fn no_row_value_is_in_any_reply() {
    let server = Server::shared();
    let everything = Client::new(&server, "compliance", MODERN);
    let values = everything
        .rows("SELECT email, phone, tax_id FROM shop.main.customers ORDER BY id LIMIT 100");
    let values = values.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    let mut values: BTreeSet<String> =
        values.filter_map(Json::as_str).map(str::to_string).collect();
    assert!(values.len() > 150, "{}", values.len());
    let one = values.first().unwrap().clone();
    everything.rows(&format!("SELECT id FROM shop.main.customers WHERE email = '{one}'"));
    let subjects = everything.rows("SELECT DISTINCT subject FROM support.main.tickets LIMIT 20");
    let subjects = subjects.as_array().unwrap().iter().filter_map(|row| row[0].as_str());
    values.extend(subjects.map(str::to_string));
    let mut said = String::new();
    for role in ["compliance", "analyst"] {
        for (path, question) in PARTS {
            said.push_str(&reply(&server, role, path, *question).text());
        }
        for name in ["shop.main.customers", "support.main.tickets"] {
            let question = json!({ "name": name }).to_string();
            said.push_str(&reply(&server, role, "/console/api/table", Some(&question)).text());
        }
    }
    let all = Some(r#"{"everybody": true}"#);
    said.push_str(&reply(&server, "compliance", "/console/api/queries", all).text());
    assert!(said.len() > 10_000, "{said}");
    for value in values {
        assert!(!said.contains(&value), "a reply holds {value:?}");
    }
}

#[test]
fn a_candidate_is_compared_and_nothing_that_it_names_is_read() {
    let server = Server::shared();
    let path = "/console/api/policy/diff";
    let diff = |candidate: Json| answer(&server, "compliance", path, candidate);
    let same = diff(json!({}));
    assert_eq!((&same["count"], &same["before"]), (&json!(0), &same["after"]), "{same}");
    // A role that opens everything, as text that was pasted.
    let config = "roles: { analyst: { open: [{ tables: '*.*.*' }] }, support: {}, compliance: {} }\nmasking_rules: /etc\n\
                  identity: { api_keys: { file: /etc/passwd } }\nkeys: { pseudonym: 'file:/etc/passwd' }";
    let opens = diff(json!({ "config": config }));
    assert!(opens["opens"].as_u64().unwrap() > 0, "{opens}");
    let changes = opens["changes"].as_array().unwrap();
    let all = changes.iter().find(|change| change["table"] == "shop.main.customers").unwrap();
    assert_eq!((&all["role"], &all["direction"]), (&json!("analyst"), &json!("opens")));
    assert!(changes.iter().any(|c| c["role"] == "compliance" && c["direction"] == "closes"));
    // Rules in the place of the file of that name, and beside it; a name is no path.
    let none = json!([{ "name": "people.yaml", "text": "version: 1" }]);
    let unmasked = diff(json!({ "masking_rules": none }));
    let unmasked = unmasked["changes"].to_string();
    assert!(
        unmasked.contains("\"column\":\"tax_id\"") && unmasked.contains("personal"),
        "{unmasked}"
    );
    let beside = json!([{ "name": "../../../../etc/passwd", "text": "version: 1" }]);
    assert_eq!(diff(json!({ "masking_rules": beside }))["count"], 0);
    // What is no policy is said so, with its line; what cannot be read is refused, and quickly.
    let wrong = diff(json!({ "config": "roles:\n  analyst:\n    opne: []" }));
    assert!(wrong["errors"][0].as_str().unwrap().contains("candidate:3"), "{wrong}");
    let many = "&a [x,x,x,x,x,x,x,x,x]".to_string();
    let bomb = (1..12).fold(format!("a0: {many}\n"), |text, level| {
        let before = if level == 1 { "a".to_string() } else { format!("b{}", level - 1) };
        format!("{text}a{level}: &b{level} [{}]\n", vec![format!("*{before}"); 9].join(","))
    });
    assert!(diff(json!({ "config": bomb })).is_object());
    let large = json!({ "config": "#".repeat(2 << 20) }).to_string();
    assert_eq!(reply(&server, "compliance", path, Some(&large)).status, 413);
    let other = r#"{"config_file": "/etc/passwd"}"#;
    assert_eq!(reply(&server, "compliance", path, Some(other)).status, 400);
}

#[test]
fn an_administrator_sees_the_sources_and_that_the_chain_holds() {
    let server = Server::shared();
    let sources = answer(&server, "compliance", "/console/api/sources", Json::Null);
    let shop = &sources["sources"][0];
    assert_eq!((&shop["name"], &shop["state"]), (&json!("shop"), &json!("up")));
    assert_eq!((&shop["budget"]["kind"], &shop["budget"]["queue"]), (&json!("sqlite"), &json!(64)));
    assert_eq!(sources["limits"]["rows"], 1000);
    Client::new(&server, "analyst", MODERN).still_answers();
    let chains = answer(&server, "compliance", "/console/api/audit", Json::Null);
    let written = chains["chains"][0]["records"].as_u64().unwrap();
    assert!(written >= 2, "{chains}");
    let path = "/console/api/audit/verify";
    let verified = answer(&server, "compliance", path, json!({}));
    assert_eq!(verified["holds"], true, "{verified}");
    assert!(verified["chains"][0]["records"].as_u64().unwrap() >= written);
}

/// One is compared after the other; nobody is sent away for it.
#[test]
fn administrators_who_compare_at_the_same_time_wait_for_their_turn() {
    let server = Server::shared();
    let candidate = json!({"config": "roles: { analyst: {}, support: {}, compliance: {} }"});
    let compare = || answer(&server, "compliance", "/console/api/policy/diff", candidate.clone());
    let compared: Vec<Json> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(compare)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(compared.iter().all(|found| found["count"] == compared[0]["count"]), "{compared:?}");
}

#[test]
fn clients_are_told_where_the_server_is_and_no_key() {
    let server = Server::shared();
    let found = answer(&server, "analyst", "/console/api/connect", Json::Null);
    let clients = found["clients"].as_array().unwrap();
    assert!(clients.len() >= 6, "{found}");
    for client in clients {
        let text = client["text"].as_str().unwrap();
        assert!(text.contains(&server.url()), "{client}");
        assert!(!text.contains("cel_") && !text.contains(server.demo.text()), "{client}");
    }
}
