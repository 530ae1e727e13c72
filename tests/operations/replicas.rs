//! Two replicas that share results: what one made, the other goes on with, for the same caller alone.

use crate::mcp::client::{Client, MODERN};
use crate::mcp::eventually;
use crate::mcp::server::{Demo, Server};
use celosia_connector_testkit::cluster::PostgresCluster;
use serde_json::json;
use std::sync::Arc;

const SQL: &str = "SELECT id, email, region FROM shop.main.customers ORDER BY id LIMIT 40";

#[test]
fn a_result_of_one_replica_is_read_at_the_other() {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(why) => return println!("skipped: {why}"),
    };
    let url = cluster.create_database().unwrap();
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap().to_string();
    let demo = Arc::new(Demo::new());
    demo.write("results-url", &url);
    demo.write("results-key", &"k3y".repeat(12));
    let shared = "results: { shared: { store: 'file:results-url', key: 'file:results-key' } }";
    let config = demo.config(&[("semantics:", &format!("{shared}\nsemantics:"))]);
    let path = demo.write("replica.yaml", &config);
    let [one, other] = [(), ()].map(|()| Arc::new(Server::serve(&demo, &path)));
    let ana = |server| Client::new(server, "analyst", MODERN);

    let answer = ana(&one).answer("query", json!({"sql": SQL, "limit": 5}));
    let handle = answer["handle"].clone();
    let next = json!({"handle": handle, "offset": 5, "limit": 10});
    let here = ana(&one).answer("fetch", next.clone());
    let there = ana(&other).answer("fetch", next.clone());
    assert_eq!((&here["rows"], &here["columns"]), (&there["rows"], &there["columns"]));
    assert_eq!(there["columns"][1]["masked"], "email");
    let counted = json!({"handle": handle, "sql": "SELECT count(*) AS n FROM result"});
    assert_eq!(ana(&other).answer("fetch", counted)["rows"], json!([[40]]));

    // A result that was shown whole comes after its answer.
    let whole = ana(&one).answer("query", json!({"sql": SQL}));
    let by_receipt = json!({"handle": whole["receipt"]["id"]});
    let rows = eventually("the whole result at the other replica", || {
        let reply = ana(&other).call("fetch", by_receipt.clone());
        (reply["isError"] == false).then(|| reply["structuredContent"]["rows"].clone())
    });
    assert_eq!(rows, whole["rows"]);

    let forged = json!({"handle": "h_AAAAAAAAAAAAAAAAAAAAAA", "offset": 5, "limit": 10});
    let support = Client::new(&other, "support", MODERN);
    assert_eq!(support.error("fetch", next.clone()), support.error("fetch", forged));
    // Who administers the database reads no row and no name in it.
    for part in ["\\x2a2a2a40", &hex(handle.as_str().unwrap())] {
        let sql = format!(
            "SELECT 1 / CASE WHEN count(*) > 0 THEN 0 ELSE 1 END FROM celosia_result WHERE position('{part}'::bytea IN sealed || name || alias) > 0"
        );
        cluster.execute(&name, &sql).unwrap();
    }

    // The replica that made it still has it where the database is gone.
    cluster.execute(&name, "DROP TABLE celosia_result").unwrap();
    assert_eq!(ana(&one).answer("fetch", next.clone())["rows"], here["rows"]);
    assert_eq!(ana(&other).error("fetch", next)["code"], "unknown_handle");
    ana(&other).still_answers();
}

fn hex(text: &str) -> String {
    let bytes = text.bytes().map(|byte| format!("{byte:02x}"));
    format!("\\x{}", bytes.collect::<String>())
}
