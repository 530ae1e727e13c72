//! What is made of a result: files, charts, statements over it; for its owner alone.

use super::client::{Client, ERAS, MODERN};
use super::eventually;
use super::http::Request;
use super::server::{Demo, Server};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value as Json, json};
use std::io::Cursor;
use std::sync::Arc;

const CUSTOMERS: &str =
    "SELECT id, email, region, created_at FROM shop.main.customers ORDER BY id LIMIT 40";

/// A result of 40 rows, of which 5 were shown.
fn handle(client: &Client) -> String {
    let answer = client.answer("query", json!({"sql": CUSTOMERS, "limit": 5}));
    answer["handle"].as_str().unwrap().to_string()
}

/// The link of a file, and what is behind it.
fn file(client: &Client, handle: &str, format: &str) -> (Json, Vec<u8>) {
    let result = client.result(
        "tools/call",
        json!({"name": "fetch", "arguments": {"handle": handle, "format": format}}),
    );
    assert_eq!(result["isError"], false, "{result}");
    let link = &result["content"][1];
    assert_eq!(link["type"], "resource_link", "{result}");
    let file = &result["structuredContent"]["file"];
    assert_eq!(link["uri"], file["uri"]);
    let bytes = blob(client, file["uri"].as_str().unwrap());
    assert_eq!(file["bytes"], bytes.len());
    (result["structuredContent"].clone(), bytes)
}

fn blob(client: &Client, uri: &str) -> Vec<u8> {
    let read = client.result("resources/read", json!({"uri": uri}));
    STANDARD.decode(read["contents"][0]["blob"].as_str().unwrap()).unwrap()
}

#[test]
fn a_result_is_a_file() {
    let client = Client::new(&Server::shared(), "analyst", MODERN);
    let handle = handle(&client);

    let (said, bytes) = file(&client, &handle, "arrow");
    assert_eq!((&said["row_count"], &said["truncated"]), (&json!(40), &json!(false)));
    let reader = arrow_ipc::reader::FileReader::try_new(Cursor::new(bytes), None).unwrap();
    let fields = reader.schema().fields().clone();
    assert_eq!(fields[1].metadata()["celosia.masked"], "email");
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 40);

    let (_, bytes) = file(&client, &handle, "parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    let field = reader.schema().field(1).clone();
    assert_eq!((field.name().as_str(), &*field.metadata()["celosia.masked"]), ("email", "email"));
    let rows: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 40);
    let emails = rows[0].column(1).as_string::<i32>();
    assert!(emails.iter().flatten().all(|email| email.starts_with("***@")), "{emails:?}");

    let csv = client.answer("fetch", json!({"handle": handle, "format": "csv"}));
    let bytes = blob(&client, csv["file"]["uri"].as_str().unwrap());
    assert_eq!(String::from_utf8(bytes).unwrap(), csv["csv"].as_str().unwrap());
    assert!(csv["csv"].as_str().unwrap().contains("***@"));
}

/// The oldest protocol has no links; the address is in the text of every one.
#[test]
fn a_link_is_for_those_who_know_links() {
    let server = Server::shared();
    for era in ERAS {
        let client = Client::new(&server, "analyst", era);
        let arguments = json!({"handle": handle(&client), "format": "arrow"});
        let result = client.result("tools/call", json!({"name": "fetch", "arguments": arguments}));
        let content = result["content"].as_array().unwrap();
        assert_eq!(content.len(), if era == ERAS[0] { 1 } else { 2 }, "{era:?}");
        assert!(content[0]["text"].as_str().unwrap().contains("celosia-result://"));
    }
}

/// A result that was shown whole has no handle; its receipt's id will do.
#[test]
fn a_receipt_leads_to_its_result() {
    let client = Client::new(&Server::shared(), "analyst", MODERN);
    let answer = client.answer("query", json!({"sql": CUSTOMERS}));
    assert_eq!(answer["handle"], Json::Null);
    let id = answer["receipt"]["id"].as_str().unwrap();
    let rows = client.answer("fetch", json!({"handle": id}))["rows"].take();
    assert_eq!(rows, answer["rows"]);
    assert!(!file(&client, id, "arrow").1.is_empty());
}

#[test]
fn nobody_else_gets_at_a_result() {
    let server = Server::shared();
    let analyst = Client::new(&server, "analyst", MODERN);
    let answer = analyst.answer("query", json!({"sql": CUSTOMERS, "limit": 5}));
    let support = Client::new(&server, "support", MODERN);
    let handle = answer["handle"].as_str().unwrap();
    for name in [handle, answer["receipt"]["id"].as_str().unwrap()] {
        for (tool, arguments) in [
            ("fetch", json!({"handle": name, "format": "arrow"})),
            ("fetch", json!({"handle": name, "format": "parquet"})),
            ("fetch", json!({"handle": name, "sql": "SELECT count(*) FROM result"})),
            ("chart", json!({"handle": name, "kind": "bar", "x": "region", "y": ["id"]})),
        ] {
            let mut forged = arguments.clone();
            forged["handle"] = "h_AAAAAAAAAAAAAAAAAAAAAA".into();
            assert_eq!(support.error(tool, arguments), support.error(tool, forged));
        }
    }
    for file in ["rows.arrow", "rows.parquet", "rows.csv", "bar/region/id/chart.svg"] {
        let error = |handle: &str| {
            let uri = format!("celosia-result://{handle}/{file}");
            let error = support.ask("resources/read", json!({"uri": uri}))["error"].take();
            error.to_string().replace(handle, "HANDLE")
        };
        assert_eq!(error(handle), error("h_AAAAAAAAAAAAAAAAAAAAAA"), "{file}");
    }
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read",
        "params": {"uri": format!("celosia-result://{handle}/rows.csv")}});
    let reply = Request::post(read.to_string()).send(server.address);
    assert_eq!(reply.status, 401);
    let get = Request::get("/celosia-result").send(server.address);
    assert_ne!(get.status, 200);
}

#[test]
fn a_result_ends_with_its_time() {
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[("semantics:", "results: { ttl: 1s }\nsemantics:")]);
    let server = Arc::new(Server::serve(&demo, &demo.write("forgetful.yaml", &config)));
    let client = Client::new(&server, "analyst", MODERN);
    let answer = client.answer("query", json!({"sql": CUSTOMERS}));
    let id = answer["receipt"]["id"].as_str().unwrap().to_string();
    eventually("the end of the result", || {
        let uri = format!("celosia-result://{id}/rows.csv");
        let read = client.ask("resources/read", json!({"uri": uri}));
        read.get("error").is_some().then_some(())
    });
    let error = client.error("fetch", json!({"handle": id, "sql": "SELECT 1 FROM result"}));
    assert_eq!(error["code"], "unknown_handle");
}

#[test]
fn a_statement_asks_a_result_again() {
    let client = Client::new(&Server::shared(), "analyst", MODERN);
    let handle = handle(&client);
    let ask = |sql: &str| client.answer("fetch", json!({"handle": handle, "sql": sql}));
    let counted = ask("SELECT count(*) AS n, count(DISTINCT region) AS regions FROM result");
    assert_eq!(counted["rows"], json!([[40, 1]]));
    assert_eq!(counted["receipt"]["sources"], json!([]), "no source is asked");

    let masked = ask("SELECT upper(email) AS e, id FROM result ORDER BY id LIMIT 1");
    assert_eq!(masked["columns"][0]["masked"], "email");
    assert!(masked["rows"][0][0].as_str().unwrap().starts_with("***@"), "{masked}");

    let joined = ask(
        "SELECT r.id, count(o.id) AS orders FROM result r JOIN shop.main.orders o ON o.customer_id = r.id \
         GROUP BY r.id ORDER BY r.id",
    );
    assert_eq!(joined["receipt"]["sources"][0]["name"], "shop");
    assert!(joined["rows"].as_array().unwrap().len() > 10);

    let next =
        json!({"handle": handle, "sql": "SELECT id FROM result WHERE id <= $1", "params": [12]});
    let answer = client.answer("fetch", next);
    let again = answer["receipt"]["id"].as_str().unwrap();
    let least = json!({"handle": again, "sql": "SELECT max(id) AS m FROM result"});
    assert!(client.answer("fetch", least)["rows"][0][0].as_i64().unwrap() <= 12);

    for (sql, code) in [
        ("SELECT * FROM products_of_nobody", "unknown_name"),
        ("SELECT phone FROM result", "unknown_name"),
        ("DELETE FROM result", "not_allowed"),
        ("SELECT body FROM support.main.tickets, result", "unknown_name"),
    ] {
        let error = client.error("fetch", json!({"handle": handle, "sql": sql}));
        assert_eq!(error["code"], code, "{sql}: {error}");
    }
    let both = json!({"handle": handle, "sql": "SELECT 1", "format": "csv"});
    assert_eq!(client.error("fetch", both)["code"], "invalid_argument");
    assert_eq!(
        client.error("query", json!({"sql": "SELECT * FROM result"}))["code"],
        "unknown_name",
        "it is a table of fetch alone"
    );
}

/// What was cut says so in every total that is made of it.
#[test]
fn a_cut_result_warns_whoever_counts_it() {
    let demo = Arc::new(Demo::new());
    let config = demo.config(&[("semantics:", "limits: { rows: 20 }\nsemantics:")]);
    let server = Arc::new(Server::serve(&demo, &demo.write("short.yaml", &config)));
    let client = Client::new(&server, "analyst", MODERN);
    let sql = "SELECT id, total FROM shop.main.orders ORDER BY id";
    let answer = client.answer("query", json!({"sql": sql, "limit": 5}));
    let handle = answer["handle"].clone();
    for arguments in [
        json!({"handle": handle, "sql": "SELECT count(*) AS n FROM result"}),
        json!({"handle": handle, "format": "arrow"}),
    ] {
        let result = client.result("tools/call", json!({"name": "fetch", "arguments": arguments}));
        let warnings = result["structuredContent"]["warnings"].to_string();
        assert!(warnings.contains("truncated_input"), "{result}");
    }
}

#[test]
fn a_result_is_a_picture() {
    let client = Client::new(&Server::shared(), "analyst", MODERN);
    let sql = "SELECT status, count(*) AS n, sum(total) AS amount FROM shop.main.orders GROUP BY status ORDER BY n DESC";
    let answer = client.answer("query", json!({"sql": sql}));
    let id = answer["receipt"]["id"].clone();
    let arguments = json!({"handle": id, "kind": "bar", "x": "status", "y": ["n"]});
    let result = client.result("tools/call", json!({"name": "chart", "arguments": arguments}));
    assert_eq!(result["isError"], false, "{result}");
    let svg = result["_meta"]["celosia/svg"].as_str().unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("delivered"), "{svg}");
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.len() < 400 && !text.contains("<svg"), "a model reads no picture: {text}");
    assert_eq!(result["content"][1]["mimeType"], "image/svg+xml");

    let said = &result["structuredContent"];
    let read = client.result("resources/read", json!({"uri": said["svg"]}));
    assert_eq!(read["contents"][0]["text"], svg);
    let page = client.result("resources/read", json!({"uri": said["page"]}))["contents"][0].take();
    assert_eq!(page["mimeType"], "text/html;profile=mcp-app");
    let html = page["text"].as_str().unwrap();
    assert!(html.contains("default-src 'none'") && !html.contains("<script"), "{html}");
    assert!(html.contains(&STANDARD.encode(svg)));

    let tools = client.result("tools/list", json!({}))["tools"].take();
    let tool = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "chart").unwrap();
    let view = &tool["_meta"]["ui"]["resourceUri"];
    let view = client.result("resources/read", json!({"uri": view}))["contents"][0].take();
    assert_eq!(view["mimeType"], "text/html;profile=mcp-app");
    assert_eq!(view["_meta"]["ui"]["csp"]["connectDomains"], json!([]));

    for (changed, said) in [
        (json!({"x": "nothing"}), "no column"),
        (json!({"y": ["status"]}), "not a number"),
        (json!({"kind": "pie"}), "bar"),
        (json!({"y": []}), "1 to 6"),
    ] {
        let mut wrong = arguments.clone();
        for (name, value) in changed.as_object().unwrap() {
            wrong[name] = value.clone();
        }
        let error = client.error("chart", wrong);
        assert_eq!(error["code"], "invalid_argument", "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
