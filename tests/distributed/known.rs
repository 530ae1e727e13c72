//! Processes with one key of transport know each other; nobody else gets in or reads along.

use super::nodes::{KEY, LOCAL, TRANSPORT_KEY, executors, free_port, node, told, worker};
use super::outside::{SQL, deployment, server};
use super::split::{ROLES, placed, split};
use super::watch::Relay;
use crate::support::{block_on, policy};
use arrow_flight::Action;
use arrow_flight::flight_service_client::FlightServiceClient;
use ballista_core::serde::protobuf::executor_grpc_client::ExecutorGrpcClient;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{CancelTasksParams, GetJobStatusParams};
use celosia::query::{Transport, execute, schedule};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::Status;
use tonic::transport::Endpoint;

const OTHER_KEY: &str = "the key of transport of another deployment";

/// Whether whoever was asked said something, be it a refusal.
fn answered<T>(said: Result<T, Box<dyn Error>>) -> bool {
    match said {
        Ok(_) => true,
        Err(error) => {
            error.downcast_ref::<Status>().is_some_and(|status| status.source().is_none())
        }
    }
}

/// Which of the scheduler, an executor's work and its rows answer: to TLS with a key, or to plain HTTP/2.
async fn answers(ports: &[u16], key: Option<&str>) -> [bool; 3] {
    let known = key.map(|key| Transport::new(key).expect("a key"));
    let reach = async |port: u16| {
        let plain = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?;
        let endpoint = match &known {
            Some(known) => known.endpoint(&plain).expect("a host"),
            None => plain,
        };
        endpoint.connect().await
    };
    let scheduler = async {
        let mut scheduler = SchedulerGrpcClient::new(reach(ports[0]).await?);
        let asked = scheduler.get_job_status(GetJobStatusParams { job_id: "none".into() });
        Ok(asked.await.map(|_| ())?)
    };
    let rows = async {
        let mut rows = FlightServiceClient::new(reach(ports[1]).await?);
        let nothing = Action { r#type: "nothing".into(), body: Vec::new().into() };
        Ok(rows.do_action(nothing).await.map(|_| ())?)
    };
    let work = async {
        let mut work = ExecutorGrpcClient::new(reach(ports[2]).await?);
        Ok(work.cancel_tasks(CancelTasksParams { task_infos: Vec::new() }).await.map(|_| ())?)
    };
    [answered(scheduler.await), answered(rows.await), answered(work.await)]
}

/// What a port says to somebody who begins as HTTP/2 does, in clear.
async fn raw(port: u16) -> Vec<u8> {
    let mut stream = TcpStream::connect((LOCAL, port)).await.expect("it listens");
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    let mut said = Vec::new();
    // The end may be a reset.
    let _ = stream.read_to_end(&mut said).await;
    said
}

#[test]
fn who_does_not_have_the_key_gets_nothing() {
    block_on(async {
        let (_, outside) = deployment().await;
        let there = server(&outside.write("server.yaml", "always", "")).await;
        let (before, place) = placed(&there, SQL).await;
        assert_eq!(place["engine"], "ballista", "{}", before.everything());
        let ports = &outside.ports[..3];
        assert_eq!(answers(ports, Some(TRANSPORT_KEY)).await, [true; 3]);
        assert_eq!(answers(ports, Some(OTHER_KEY)).await, [false; 3]);
        assert_eq!(answers(ports, None).await, [false; 3]);
        for port in ports {
            let said = raw(*port).await;
            // At most an alert of TLS.
            assert!(said.is_empty() || said.len() == 7 && said[0] == 21, "{port}: {said:?}");
        }
        // It was nobody's loss.
        let (after, place) = placed(&there, SQL).await;
        assert_eq!((after.rows, &place["engine"]), (before.rows, &"ballista".into()));
    });
}

/// A scheduler and two executors with relays before each of their ports; gives all that passed these while a statement
/// ran, beside its rows.
async fn overheard(key: Option<&str>) -> (Vec<String>, Vec<serde_json::Value>) {
    let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
    let known = |key: &str| Arc::new(Transport::new(key).expect("a key"));
    let listener = TcpListener::bind((LOCAL, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let transport = key.map(known);
    tokio::spawn(
        async move { schedule(listener, "127.0.0.1", transport).await.expect("it serves") },
    );
    let scheduler = Relay::before(port).await;
    let mut relays = Vec::new();
    let work = tempfile::tempdir().expect("a directory");
    for number in 5..7 {
        let mut node = node(scheduler.port, work.path());
        (node.bind, node.transport) = (IpAddr::from([127, 0, 0, number]), key.map(known));
        for port in [node.port, node.control_port] {
            relays.push(Relay::between(port, SocketAddr::from((node.bind, port))).await);
        }
        let worker = Arc::new(worker(split.sources(), rules.version(), KEY));
        tokio::spawn(async move { execute(worker, node).await.expect("it serves") });
    }
    relays.push(scheduler);
    let mut to = executors(relays.last().expect("the scheduler's").port);
    to.transport_key = key.map(String::from);
    let there = split.engine(&rules, Some(to)).await;
    let (said, place) = placed(&there, SQL).await;
    assert_eq!(place["engine"], "ballista", "{}", said.everything());
    (relays.iter().map(Relay::text).collect(), said.rows)
}

#[test]
fn who_listens_reads_no_row_and_no_plan() {
    let ((open, rows), (closed, same)) =
        block_on(async { (overheard(None).await, overheard(Some(TRANSPORT_KEY)).await) });
    assert_eq!(rows, same);
    // What can be read without the key shows that with it there was something to read.
    let kinds = ["BRASS", "p_type", "SealedScan"];
    for kind in kinds {
        assert!(open.iter().any(|text| text.contains(kind)), "{kind} was not seen");
        assert!(!closed.iter().any(|text| text.contains(kind)), "{kind} is in clear");
    }
    // Both executors were given work and gave rows.
    for (open, closed) in open.iter().zip(&closed) {
        assert!(!open.is_empty() && !closed.is_empty(), "nothing passed a relay");
    }
}

#[test]
fn an_executor_with_another_key_never_registers() {
    block_on(async {
        let (_, outside) = deployment().await;
        std::fs::write(outside.directory.path().join("other.key"), OTHER_KEY).expect("written");
        let ports = format!(
            "executor: {{ port: {}, control_port: {}, work: work-other }}",
            free_port(),
            free_port()
        );
        let path = outside.write("other.yaml", "always", &ports);
        let text = std::fs::read_to_string(&path).expect("read");
        std::fs::write(&path, text.replace("file:transport.key", "file:other.key"))
            .expect("written");
        let stranger = told("executor", &path).stderr(Stdio::piped()).spawn().expect("it runs");
        let there = server(&outside.write("server.yaml", "always", "")).await;
        let (mut said, mut place) = placed(&there, SQL).await;
        for _ in 0..5 {
            // A scheduler on a busy machine may be slow to take a connection: then the server goes on alone.
            if place.is_null() {
                (said, place) = placed(&there, SQL).await;
            }
        }
        assert_eq!(place["engine"], "ballista", "{}", said.everything());
        let stranger = stranger.wait_with_output().expect("it ends by itself");
        let words = String::from_utf8_lossy(&stranger.stderr);
        assert!(!stranger.status.success(), "{words}");
        assert!(words.contains("compare `engine.transport_key`"), "{words}");
        assert!(!words.contains(OTHER_KEY), "{words}");
        // A server with another key goes on alone, and says so.
        let alone = server(&path).await;
        let (same, place) = placed(&alone, SQL).await;
        assert!(place.is_null(), "{place}");
        assert_eq!(same.rows, said.rows);
        let warnings = same.head["warnings"].to_string();
        assert!(warnings.contains("scheduler of the executors cannot be reached"), "{warnings}");
    });
}

/// One without a key is as much a stranger as one with another.
#[test]
fn an_executor_without_a_key_never_registers() {
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let listener = TcpListener::bind((LOCAL, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let known = || Some(Arc::new(Transport::new(TRANSPORT_KEY).expect("a key")));
        let transport = known();
        tokio::spawn(async move { schedule(listener, "127.0.0.1", transport).await });
        let work = tempfile::tempdir().expect("a directory");
        let made = || Arc::new(worker(split.sources(), rules.version(), KEY));
        let ended = execute(made(), node(port, work.path())).await;
        assert!(ended.is_err(), "it serves a scheduler that does not know it");
        // Beside a scheduler without a key, one with a key does not serve.
        let listener = TcpListener::bind((LOCAL, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move { schedule(listener, "127.0.0.1", None).await });
        let mut node = node(port, work.path());
        node.transport = known();
        let ended = tokio::time::timeout(Duration::from_secs(30), execute(made(), node)).await;
        let error = ended.expect("at once").expect_err("it serves in clear").to_string();
        assert!(error.contains("compare `engine.transport_key`"), "{error}");
    });
}

/// Beside an address that stands for all, work is taken at the one that leads to the scheduler.
#[test]
fn an_executor_listens_at_every_address() {
    block_on(async {
        let (split, rules) = (split().await, policy::rules_of(ROLES, ""));
        let listener = TcpListener::bind((LOCAL, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let known = || Some(Arc::new(Transport::new(TRANSPORT_KEY).expect("a key")));
        let transport = known();
        tokio::spawn(async move { schedule(listener, "127.0.0.1", transport).await });
        let work = tempfile::tempdir().expect("a directory");
        let mut node = node(port, work.path());
        (node.bind, node.transport) = (IpAddr::from([0, 0, 0, 0]), known());
        let (rows, control) = (node.port, node.control_port);
        let worker = Arc::new(worker(split.sources(), rules.version(), KEY));
        tokio::spawn(async move { execute(worker, node).await.expect("it serves") });
        let mut to = executors(port);
        to.transport_key = Some(TRANSPORT_KEY.into());
        let there = split.engine(&rules, Some(to)).await;
        let (said, place) = placed(&there, SQL).await;
        assert_eq!(place["engine"], "ballista", "{}", said.everything());
        let reached = async |host: &str, port| TcpStream::connect((host, port)).await.is_ok();
        assert!(reached("127.0.0.1", rows).await && reached("127.0.0.9", rows).await);
        assert!(reached("127.0.0.1", control).await && !reached("127.0.0.9", control).await);
    });
}

#[test]
fn without_a_key_a_scheduler_stays_on_its_machine() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("scheduler.yaml");
    let port = free_port();
    let text = format!(
        "version: 1\nsources: {{}}\nengine: {{ kind: ballista, scheduler: 'http://127.0.0.1:{port}' }}\n"
    );
    std::fs::write(&path, text).expect("written");
    let mut open = told("scheduler", &path);
    let open = open.args(["--listen", "0.0.0.0"]).output().expect("it runs");
    let words = String::from_utf8_lossy(&open.stderr);
    assert!(!open.status.success(), "{words}");
    assert!(words.contains("engine.transport_key") && words.contains("openssl rand"), "{words}");
}
