//! Sinks get every record, in order, also those that were written while they were away.

use super::{Lab, answer, intent, lines, until};
use crate::support::block_on;
use celosia::audit::{
    AuditLog, Format, Header, Proofs, Settings, SinkSettings, SyslogAddress, Target,
};
use serde_json::Value as Json;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket, UnixDatagram};

fn sink(name: &str, target: Target) -> SinkSettings {
    SinkSettings { name: name.into(), format: Format::Records, required: None, target }
}

async fn started(lab: &Lab, sinks: Vec<SinkSettings>) -> Arc<AuditLog> {
    AuditLog::start(Settings { sinks, ..lab.settings() }).await.unwrap()
}

fn jsonl(lab: &Lab) -> Target {
    Target::Jsonl { file: lab.path("audit.jsonl"), rotate: 1 << 20, keep: 3 }
}

fn seqs(records: &[Json]) -> Vec<i64> {
    records.iter().map(|record| record["seq"].as_i64().unwrap()).collect()
}

#[test]
fn a_file_gets_what_came_before_it_and_nothing_twice() {
    block_on(async {
        let lab = Lab::new();
        let log = lab.log().await;
        answer(&log, intent("ana")).await;
        drop(log);
        let log = started(&lab, vec![sink("file", jsonl(&lab))]).await;
        answer(&log, intent("bob")).await;
        log.flush().await;
        drop(log);
        let log = started(&lab, vec![sink("file", jsonl(&lab))]).await;
        answer(&log, intent("ana")).await;
        log.flush().await;
        let written = lines(&lab.path("audit.jsonl"));
        assert_eq!(seqs(&written), [1, 2, 3, 4, 5, 6]);
        // It is a copy of the chain.
        for pair in written.windows(2) {
            assert_eq!(pair[0]["hash"], pair[1]["prev_hash"]);
        }
        assert_eq!(lab.verify(&Proofs::default()).await.unwrap().head, written[5]["hash"]);
    });
}

#[test]
fn a_required_sink_that_is_away_closes_and_opens_again() {
    block_on(async {
        let lab = Lab::new();
        // A directory stands where the file should be.
        std::fs::create_dir(lab.path("audit.jsonl")).unwrap();
        let required = SinkSettings { required: Some(3), ..sink("file", jsonl(&lab)) };
        let log = started(&lab, vec![required]).await;
        answer(&log, intent("ana")).await;
        answer(&log, intent("ana")).await;
        let refused = log.open(intent("ana")).await.expect_err("it lags by four");
        assert!(refused.to_string().contains("required audit sink"), "{refused}");
        std::fs::remove_dir(lab.path("audit.jsonl")).unwrap();
        until("the sink has caught up", async || match log.open(intent("ana")).await {
            Ok(open) => log.close(open, &Default::default()).await.is_ok(),
            Err(_) => false,
        })
        .await;
        log.flush().await;
        assert_eq!(seqs(&lines(&lab.path("audit.jsonl"))), [1, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn syslog_is_spoken_over_udp_tcp_and_a_unix_socket() {
    block_on(async {
        let lab = Lab::new();
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let unix = UnixDatagram::bind(lab.path("log")).unwrap();
        let address = |text: String| Target::Syslog(SyslogAddress::parse(&text).unwrap());
        let sinks = vec![
            sink("udp", address(format!("udp://{}", udp.local_addr().unwrap()))),
            sink("tcp", address(format!("tcp://{}", tcp.local_addr().unwrap()))),
            sink("unix", address(format!("unix://{}", lab.path("log").display()))),
        ];
        let log = started(&lab, sinks).await;
        answer(&log, intent("ana")).await;
        let mut bytes = vec![0; 65_536];
        for seq in 1..=2 {
            let read = udp.recv(&mut bytes).await.unwrap();
            check_message(&bytes[..read], seq);
            let read = unix.recv(&mut bytes).await.unwrap();
            check_message(&bytes[..read], seq);
        }
        let (mut stream, _) = tcp.accept().await.unwrap();
        let mut seen = Vec::new();
        for seq in 1..=2 {
            let message = framed(&mut stream, &mut seen).await;
            check_message(&message, seq);
        }
    });
}

/// The next message of a stream: its length, a blank, and so many bytes.
async fn framed(stream: &mut tokio::net::TcpStream, seen: &mut Vec<u8>) -> Vec<u8> {
    loop {
        if let Some(blank) = seen.iter().position(|byte| *byte == b' ') {
            let length: usize = std::str::from_utf8(&seen[..blank]).unwrap().parse().unwrap();
            if seen.len() > blank + length {
                let message = seen[blank + 1..=blank + length].to_vec();
                seen.drain(..=blank + length);
                return message;
            }
        }
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap();
        assert!(read > 0, "the stream ended");
        seen.extend_from_slice(&part[..read]);
    }
}

fn check_message(message: &[u8], seq: i64) {
    let text = std::str::from_utf8(message).unwrap();
    let (head, json) = text.split_once(" \u{feff}").unwrap();
    let fields: Vec<&str> = head.splitn(7, ' ').collect();
    assert_eq!(fields[0], "<110>1", "{head}");
    assert!(fields[1].ends_with('Z') && fields[1].len() == 24, "{head}");
    assert_eq!(fields[3], "celosia");
    assert!(fields[6].starts_with("[audit@32473 id=\""), "{head}");
    let record: Json = serde_json::from_str(json).unwrap();
    assert_eq!(record["seq"], seq);
}

#[test]
fn a_collector_that_fails_gets_everything_later() {
    block_on(async {
        let lab = Lab::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(collector(listener, requests.clone()));
        let log = started(&lab, vec![sink("otel", otlp(address))]).await;
        answer(&log, intent("ana")).await;
        answer(&log, intent("bob")).await;
        let bodies = || {
            let requests = requests.lock().unwrap();
            requests.iter().flat_map(records).collect::<Vec<Json>>()
        };
        until("all records were taken", async || bodies().len() >= 4).await;
        let taken = bodies();
        assert_eq!(seqs(&taken), [1, 2, 3, 4]);
        assert!(taken[0]["body"]["user"] == "ana" && taken[2]["body"]["user"] == "bob");
        assert!(lab.verify(&Proofs::default()).await.is_ok());
    });
}

fn otlp(address: SocketAddr) -> Target {
    let headers = vec![("authorization".to_string(), Header("Bearer collector".into()))];
    Target::Otlp { url: format!("http://{address}/v1/logs"), headers, ca: None }
}

/// The records in a request, which is what OTLP says it is.
fn records(request: &Json) -> Vec<Json> {
    let resource = &request["resourceLogs"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "celosia");
    let records = resource["scopeLogs"][0]["logRecords"].as_array().unwrap();
    let record = |record: &Json| {
        assert!(record["timeUnixNano"].as_str().unwrap().parse::<u64>().unwrap() > 0);
        serde_json::from_str(record["body"]["stringValue"].as_str().unwrap()).unwrap()
    };
    records.iter().map(record).collect()
}

/// Refuses the first request, hangs up on the second, and takes the others.
async fn collector(listener: TcpListener, taken: Arc<Mutex<Vec<Json>>>) {
    let mut asked = 0;
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        loop {
            let Some((head, body)) = request(&mut stream).await else { break };
            asked += 1;
            let head = head.to_lowercase();
            assert!(
                head.starts_with("post /v1/logs")
                    && head.contains("authorization: bearer collector")
            );
            let status = match asked {
                1 => "503 Service Unavailable",
                2 => break,
                _ => "200 OK",
            };
            if asked > 2 {
                taken.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            }
            let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}");
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    }
}

async fn request(stream: &mut tokio::net::TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut seen, mut part) = (Vec::new(), vec![0; 65_536]);
    loop {
        if let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8(seen[..end].to_vec()).unwrap();
            let length = head.lines().find_map(|line| {
                line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            let length = length.unwrap();
            if seen.len() >= end + 4 + length {
                let body = seen[end + 4..end + 4 + length].to_vec();
                return Some((head, body));
            }
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => seen.extend_from_slice(&part[..read]),
        }
    }
}
