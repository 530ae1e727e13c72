//! Changes while callers ask: a policy that is reloaded again and again, and replicas that are replaced one
//! after the other. No request fails.

use super::load::Load;
use crate::mcp::client::{Client, MODERN};
use crate::mcp::eventually;
use crate::mcp::http::Request;
use crate::mcp::server::{Demo, Server};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const RELOADS: usize = 100;
const SQL: &str = "SELECT region, count(*) AS n FROM shop.main.customers GROUP BY region";

pub(super) fn question(server: &Arc<Server>) -> Request {
    Client::new(server, "analyst", MODERN).call_request("query", json!({"sql": SQL}))
}

#[test]
fn a_hundred_reloads_fail_no_request() {
    let demo = Arc::new(Demo::new());
    let path = demo.write("served.yaml", &demo.config(&[]));
    let server = Arc::new(Server::serve(&demo, &path));
    let load = Load::start(server.address, &question(&server));
    load.goes_on();
    for reload in 1..=RELOADS {
        // Another version each time; what this caller may see stays the same.
        let rows = format!("rows: \"region = user.region AND id <> {}\" }}", 1_000_000 + reload);
        let text = demo.config(&[("rows: \"region = user.region\" }", &rows)]);
        std::fs::rename(demo.write("served.yaml.new", &text), &path).unwrap();
        let hang_up = ["-HUP", &server.process.id().to_string()];
        assert!(std::process::Command::new("kill").args(hang_up).status().unwrap().success());
        eventually("the reload", || {
            let done = server.log().matches("the changed policy is in force").count();
            (done >= reload).then_some(())
        });
    }
    load.goes_on();
    let answered = load.end();
    println!("{answered} answers over {RELOADS} reloads");
    assert!(answered > RELOADS / 4, "{answered}");
}

/// Gives every connection to a replica that says it is ready, and to the other one where it cannot be reached.
struct Balancer {
    address: SocketAddr,
    replicas: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    fn start(replicas: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let replicas = Arc::new(Mutex::new(replicas));
        let (known, turn) = (replicas.clone(), AtomicUsize::new(0));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut known = known.lock().unwrap().clone();
                let first = turn.fetch_add(1, Ordering::Relaxed) % known.len().max(1);
                known.rotate_left(first);
                std::thread::spawn(move || forward(client, &known));
            }
        });
        Self { address, replicas }
    }
}

fn is_ready(address: SocketAddr) -> bool {
    Request::get("/readyz").try_send(address).is_some_and(|reply| reply.status == 200)
}

fn forward(mut client: TcpStream, replicas: &[SocketAddr]) {
    let Some(replica) = replicas.iter().find(|address| is_ready(**address)) else { return };
    let Ok(mut server) = TcpStream::connect(replica) else { return };
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let up = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut reply = Vec::new();
    let _ = server.read_to_end(&mut reply);
    let _ = client.write_all(&reply);
    let _ = client.shutdown(Shutdown::Both);
    let _ = up.join();
}

/// A replica at an address of its own; all share keys and sources.
fn replica(demo: &Arc<Demo>, config: &Path) -> Server {
    Server::serve(demo, config)
}

#[test]
fn replicas_are_replaced_without_a_failed_request() {
    let demo = Arc::new(Demo::new());
    let config = demo.write(
        "replica.yaml",
        &demo
            .config(&[("server: { ", "server: { shutdown_notice: 1s, allowed_hosts: [celosia], ")]),
    );
    let mut replicas = vec![replica(&demo, &config), replica(&demo, &config)];
    let addresses = |replicas: &[Server]| replicas.iter().map(|replica| replica.address).collect();
    let balancer = Balancer::start(addresses(&replicas));
    let shown = Arc::new(replica(&demo, &config));
    let load = Load::start(balancer.address, &question(&shown).header("Host", "celosia"));
    load.goes_on();
    for at in 0..replicas.len() {
        let fresh = replica(&demo, &config);
        let mut old = std::mem::replace(&mut replicas[at], fresh);
        // The new one is known before the old one goes; that one stays in the list until it is gone.
        balancer.replicas.lock().unwrap().insert(0, replicas[at].address);
        let term = ["-TERM", &old.process.id().to_string()];
        assert!(std::process::Command::new("kill").args(term).status().unwrap().success());
        eventually("the old replica says that it leaves", || {
            (!is_ready(old.address)).then_some(())
        });
        load.goes_on();
        let ended = eventually("its end", || old.process.try_wait().unwrap());
        assert!(ended.success(), "{ended:?}: {}", old.log());
        *balancer.replicas.lock().unwrap() = addresses(&replicas);
        load.goes_on();
    }
    let answered = load.end();
    println!("{answered} answers while both replicas were replaced");
}
