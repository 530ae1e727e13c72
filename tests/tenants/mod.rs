//! Four tenants ask the same things of one server at the same time. Every row of a tenant holds that tenant's
//! mark, and no reply may hold another's: not through a cache, a handle, a cursor, a page, a list or a plan.
// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used)]

use crate::mcp::client::{Client, LEGACY, MODERN};
use crate::mcp::server::{Demo, Server};
use crate::support::{block_on, load};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TENANTS: [&str; 4] = ["amber", "birch", "coral", "delft"];
const ROWS: usize = 120;
const PAGE: usize = 30;

const CONFIG: &str = r#"
version: 1
identity: { api_keys: { file: tenant-keys.yaml } }
sources: { shared: { kind: sqlite, url: "sqlite:tenants.db" } }
roles:
  tenant:
    open:
      - { tables: shared.main.notes, rows: "tenant = user.tenant" }
      - { tables: shared.main.kinds }
"#;

/// What all of them ask, in the same words.
const STATEMENTS: [&str; 6] = [
    "SELECT * FROM notes ORDER BY id",
    "SELECT tenant, count(*) AS n, max(body) AS last FROM notes GROUP BY tenant",
    "SELECT k.name, min(n.body) AS b FROM notes n JOIN kinds k ON k.id = n.kind GROUP BY k.name ORDER BY k.name",
    "SELECT DISTINCT body FROM notes ORDER BY body DESC LIMIT 40",
    "SELECT body FROM notes WHERE kind = 2 AND id > 5 ORDER BY id",
    "SELECT body, row_number() OVER (ORDER BY id) AS r FROM notes ORDER BY id",
];

fn mark(tenant: &str) -> String {
    format!("{tenant}-{tenant}-mark")
}

/// The same on every run; the file holds the hash.
fn key(tenant: &str) -> String {
    format!("cel_{}", hex(&Sha256::digest(tenant)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn server() -> Arc<Server> {
    let demo = Arc::new(Demo::new());
    let mut script = String::from(
        "CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO kinds VALUES (0, 'call'), (1, 'mail'), (2, 'visit');
         CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant TEXT, kind INTEGER REFERENCES kinds (id), body TEXT);\n",
    );
    let mut keys = String::from("version: 1\nkeys:\n");
    for tenant in TENANTS {
        let hash = hex(&Sha256::digest(key(tenant)));
        let _ = writeln!(
            keys,
            "  - {{ name: {tenant}, hash: \"sha256:{hash}\", user: same, roles: [tenant], attributes: {{ tenant: {tenant} }} }}"
        );
    }
    for id in 0..ROWS * TENANTS.len() {
        let tenant = TENANTS[id % TENANTS.len()];
        let (kind, mark) = (id % 3, mark(tenant));
        let _ =
            writeln!(script, "INSERT INTO notes VALUES ({id}, '{tenant}', {kind}, '{mark} {id}');");
    }
    block_on(load::sqlite(&demo.path().join("tenants.db"), script));
    demo.write("tenant-keys.yaml", &keys);
    let config = demo.write("tenants.yaml", CONFIG);
    Arc::new(Server::serve(&demo, &config))
}

/// One tenant's client, which reads every reply for the marks of the others.
struct Tenant {
    client: Client,
    name: &'static str,
    others: Vec<String>,
    replies: usize,
}

impl Tenant {
    fn new(server: &Arc<Server>, at: usize) -> Self {
        let name = TENANTS[at];
        let era = if at.is_multiple_of(2) { MODERN } else { LEGACY };
        let others = TENANTS.iter().filter(|other| **other != name).map(|other| mark(other));
        let client = Client::holding(server, &key(name), era);
        Self { client, name, others: others.collect(), replies: 0 }
    }

    fn ask(&mut self, method: &str, params: Json) -> Json {
        let reply = self.client.ask(method, params.clone());
        let text = reply.to_string();
        for other in &self.others {
            assert!(
                !text.contains(other),
                "{} saw {other} in {method} {params}: {text}",
                self.name
            );
        }
        self.replies += 1;
        reply
    }

    fn call(&mut self, tool: &str, arguments: Json) -> Json {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}))["result"]
            ["structuredContent"]
            .take()
    }

    /// Everything once. The handle of the last result.
    fn round(&mut self) -> String {
        let own = mark(self.name);
        let mut handle = String::new();
        for sql in STATEMENTS {
            let answer = self.call("query", json!({"sql": sql, "limit": PAGE}));
            assert!(answer["rows"].to_string().contains(&own), "{sql}: {answer}");
            if let Some(found) = answer["handle"].as_str() {
                handle = found.to_string();
                let page = self.call("fetch", json!({"handle": handle, "offset": PAGE}));
                assert!(page["rows"].to_string().contains(&own), "{page}");
                let csv = self.call("fetch", json!({"handle": handle, "format": "csv"}));
                assert!(csv.to_string().contains(&own), "{csv}");
            }
            self.call("explain", json!({"sql": sql}));
        }
        for other in TENANTS {
            self.call("search", json!({"question": mark(other)}));
        }
        self.call("describe", json!({"name": "notes"}));
        self.call(
            "query",
            json!({"sql": "SELECT body FROM notes WHERE tenant = $1", "params": ["birch"]}),
        );
        self.call("query", json!({"sql": "SELECT 1 / (id - id) FROM notes"}));
        self.ask("tools/list", json!({}));
        self.ask("prompts/list", json!({}));
        self.ask("resources/list", json!({}));
        self.ask("resources/read", json!({"uri": "celosia://shared/main/notes"}));
        self.ask(
            "prompts/get",
            json!({"name": "explore_source", "arguments": {"source": "shared"}}),
        );
        handle
    }
}

#[test]
fn no_tenant_sees_a_byte_of_another() {
    let server = server();
    let seconds = std::env::var("CELOSIA_TENANT_SECONDS").ok().and_then(|n| n.parse().ok());
    let begun = Instant::now();
    let threads: Vec<_> = (0..2 * TENANTS.len())
        .map(|at| {
            let server = server.clone();
            std::thread::spawn(move || {
                let mut tenant = Tenant::new(&server, at % TENANTS.len());
                let mut rounds = 0;
                while rounds < 3
                    || seconds.is_some_and(|s| begun.elapsed() < Duration::from_secs(s))
                {
                    tenant.round();
                    rounds += 1;
                }
                tenant.replies
            })
        })
        .collect();
    let replies: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{replies} replies in {:?}", begun.elapsed());
}

/// The user's name and role are the same; what differs is the attribute.
#[test]
fn a_handle_of_another_tenant_is_as_if_it_were_not() {
    let server = server();
    let handle = Tenant::new(&server, 0).round();
    let mut other = Tenant::new(&server, 1);
    let mut fetched = |handle: &str| {
        let reply =
            other.ask("tools/call", json!({"name": "fetch", "arguments": {"handle": handle}}));
        assert_eq!(reply["result"]["isError"], true, "{reply}");
        reply["result"].to_string()
    };
    // One that nobody has: the last character is another.
    let last = if handle.ends_with('0') { '1' } else { '0' };
    let absent = format!("{}{last}", &handle[..handle.len() - 1]);
    assert_eq!(fetched(&handle).replace(&*handle, ""), fetched(&absent).replace(&*absent, ""));
}
