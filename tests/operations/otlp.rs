//! Traces and logs as a collector gets them: a real server sends, a receiver of OTLP over HTTP reads.

use crate::mcp::client::{Client, MODERN};
use crate::mcp::eventually;
use crate::mcp::server::{Demo, Server};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "00f067aa0ba902b7";
const SQL: &str = "SELECT name FROM shop.main.customers WHERE city <> 'Xyzzy-4711' LIMIT 2";

/// What came in: the path, the headers, the document.
type Received = Arc<Mutex<Vec<(String, String, Json)>>>;

/// A receiver that answers every request with 200.
fn collector() -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, received) = (listener.local_addr().unwrap(), Received::default());
    let kept = received.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let kept = kept.clone();
            std::thread::spawn(move || serve(stream, &kept));
        }
    });
    (address, received)
}

/// The requests of one connection.
fn serve(stream: TcpStream, received: &Received) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let path = first.split(' ').nth(1)?.to_string();
        let (mut headers, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            headers.push_str(&line.to_lowercase());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        received.lock().unwrap().push((path, headers, serde_json::from_slice(&body).ok()?));
        answers.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").ok()?;
    }
}

/// A server that exports to `collector`, with more variables.
fn exporting(collector: SocketAddr, more: &[(&str, &str)]) -> Arc<Server> {
    let demo = Arc::new(Demo::new());
    let endpoint = format!("http://{collector}");
    let mut variables = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=trial"),
    ];
    variables.extend(more);
    let config = demo.path().join("celosia.yaml");
    Arc::new(Server::serve_within(&demo, &config, &variables))
}

/// Asks a statement in a trace; `None` where the caller is in none.
fn ask(server: &Arc<Server>, sql: &str, traceparent: Option<&str>) -> Json {
    let client = Client::new(server, "analyst", MODERN);
    let mut params = json!({"name": "query", "arguments": {"sql": sql}});
    if let Some(traceparent) = traceparent {
        params["_meta"]["traceparent"] = traceparent.into();
    }
    client.result("tools/call", params)
}

/// Every span or line that came in.
fn all(received: &Received, path: &str, outer: &str, scopes: &str, inner: &str) -> Vec<Json> {
    let received = received.lock().unwrap();
    let documents = received.iter().filter(|(at, _, _)| at == path);
    let scopes = documents.flat_map(|(_, _, document)| {
        document[outer][0][scopes][0][inner].as_array().cloned().unwrap_or_default()
    });
    scopes.collect()
}

fn spans(received: &Received) -> Vec<Json> {
    all(received, "/v1/traces", "resourceSpans", "scopeSpans", "spans")
}

fn lines(received: &Received) -> Vec<Json> {
    all(received, "/v1/logs", "resourceLogs", "scopeLogs", "logRecords")
}

fn named(spans: &[Json], name: &str, trace: &str) -> Option<Json> {
    spans.iter().find(|span| span["name"] == name && span["traceId"] == trace).cloned()
}

fn attribute(record: &Json, key: &str) -> Json {
    let attributes = record["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|attribute| attribute["key"] == key);
    found.map(|found| found["value"].clone()).unwrap_or_default()
}

#[test]
fn a_call_is_a_part_of_its_callers_trace() {
    let (address, received) = collector();
    let server = exporting(address, &[]);
    ask(&server, SQL, Some(&format!("00-{TRACE}-{CALLER}-01")));
    let call = eventually("the call's span", || named(&spans(&received), "tools/call", TRACE));
    assert_eq!(call["parentSpanId"], CALLER);
    assert_eq!(call["kind"], 2);
    assert_eq!(attribute(&call, "gen_ai.tool.name"), json!({"stringValue": "query"}));
    assert_eq!(attribute(&call, "error.type"), Json::Null);
    let begun = |span: &Json| span["startTimeUnixNano"].as_str().unwrap().parse::<u64>().unwrap();
    let ended = |span: &Json| span["endTimeUnixNano"].as_str().unwrap().parse::<u64>().unwrap();
    for name in ["plan", "audit intent", "source statement", "audit outcome"] {
        let stage = eventually(name, || named(&spans(&received), name, TRACE));
        assert!(begun(&call) <= begun(&stage) && ended(&stage) <= ended(&call), "{stage}");
        assert_eq!(stage["spanId"].as_str().unwrap().len(), 16);
    }
    let statement = named(&spans(&received), "source statement", TRACE).unwrap();
    assert_eq!(statement["kind"], 3);
    assert_eq!(attribute(&statement, "db.namespace"), json!({"stringValue": "shop"}));
    let rows = attribute(&statement, "db.response.returned_rows");
    let rows: u64 = rows["intValue"].as_str().unwrap().parse().unwrap();
    assert!(rows >= 2, "{rows}");
    // No statement, no value, no person: not even where the text is a placeholder's.
    let everything = format!("{:?}", received.lock().unwrap());
    for word in ["4711", "SELECT", "customers", "demo analyst"] {
        assert!(!everything.contains(word), "{word} in {everything}");
    }
    let received = received.lock().unwrap();
    let (_, headers, document) = &received[0];
    assert!(headers.contains("x-tenant: a b"), "{headers}");
    assert!(headers.contains("content-type: application/json"), "{headers}");
    let resource = document.as_object().unwrap().values().next().unwrap()[0]["resource"].clone();
    assert_eq!(attribute(&resource, "service.name"), json!({"stringValue": "celosia"}));
    let environment = attribute(&resource, "deployment.environment.name");
    assert_eq!(environment, json!({"stringValue": "trial"}));
}

#[test]
fn a_failed_call_says_so_and_its_log_line_is_in_its_trace() {
    let (address, received) = collector();
    let server = exporting(address, &[("CELOSIA_TRACE_STATEMENTS", "on")]);
    let client = Client::new(&server, "analyst", MODERN);
    // The trace of the HTTP headers counts where the message names none.
    let sql = "SELECT no_such_column FROM shop.main.orders";
    let request = client.call_request("query", json!({"sql": sql}));
    client.send(&request.header("traceparent", &format!("00-{TRACE}-{CALLER}-01")));
    let call = eventually("the call's span", || named(&spans(&received), "tools/call", TRACE));
    assert_eq!(attribute(&call, "error.type"), json!({"stringValue": "unknown_name"}));
    assert_eq!(call["status"], json!({"code": 2}));
    let line = eventually("the line of the log", || {
        lines(&received).into_iter().find(|line| line["traceId"] == TRACE)
    });
    assert_eq!(line["body"], json!({"stringValue": "a request failed"}));
    assert_eq!(line["spanId"], call["spanId"]);
    // Statements are shown where somebody asked for them: as they are sent, without values.
    ask(&server, SQL, None);
    let statement = eventually("a statement", || {
        spans(&received).into_iter().find(|span| {
            span["name"] == "source statement" && {
                attribute(span, "db.query.text").to_string().contains("customers")
            }
        })
    });
    assert!(!statement.to_string().contains("4711"), "{statement}");
}

#[test]
fn what_a_caller_does_not_sample_is_not_exported() {
    let (address, received) = collector();
    let server = exporting(address, &[]);
    ask(&server, SQL, Some(&format!("00-{TRACE}-{CALLER}-00")));
    ask(&server, SQL, Some("nonsense"));
    eventually("the second call", || {
        spans(&received).into_iter().find(|span| span["name"] == "tools/call")
    });
    assert_eq!(named(&spans(&received), "tools/call", TRACE), None);
}

#[test]
fn a_collector_that_is_away_changes_no_answer() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = exporting(nobody, &[]);
    for _ in 0..3 {
        assert_eq!(ask(&server, SQL, None)["isError"], false);
    }
    eventually("the log says so", || {
        server.log().contains("telemetry cannot be delivered").then_some(())
    });
    let server = exporting(nobody, &[("OTEL_TRACES_SAMPLER", "no_such_sampler")]);
    assert!(server.log().contains("OTEL_TRACES_SAMPLER"), "{}", server.log());
}
