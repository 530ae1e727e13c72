//! A server that serves operators, and what it tells them.

use crate::mcp::client::{Client, MODERN};
use crate::mcp::eventually;
use crate::mcp::http::{Reply, Request};
use crate::mcp::server::{Demo, Server};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Series by name and labels, as they are written.
pub type Numbers = BTreeMap<String, f64>;

/// `celosia serve` that serves operators too.
#[derive(Debug)]
pub struct Observed {
    pub server: Arc<Server>,
    pub operators: SocketAddr,
}

impl Observed {
    /// A server with the demo's databases and these changes of its configuration.
    pub fn with(changes: &[(&str, &str)]) -> Self {
        let demo = Arc::new(Demo::new());
        let listens = ("server: { ", "server: { metrics_listen: \"127.0.0.1:0\", ");
        let changes: Vec<(&str, &str)> = [listens].into_iter().chain(changes.to_vec()).collect();
        let config = demo.write("observed.yaml", &demo.config(&changes));
        let server = Arc::new(Server::serve(&demo, &config));
        let operators = eventually("the operators' address in the log", || {
            let log = server.log();
            let line = log.lines().find(|line| line.contains("serving operators at"))?;
            line.rsplit_once("address=")?.1.parse().ok()
        });
        Self { server, operators }
    }

    pub fn client(&self, role: &str) -> Client {
        Client::new(&self.server, role, MODERN)
    }

    pub fn get(&self, path: &'static str) -> Reply {
        Request::get(path).send(self.operators)
    }

    /// The text of `/metrics`.
    pub fn text(&self) -> String {
        let reply = self.get("/metrics");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        String::from_utf8(reply.body).unwrap()
    }

    /// Every series.
    pub fn numbers(&self) -> Numbers {
        let text = self.text();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| {
                let (series, number) = line.rsplit_once(' ').unwrap();
                (series.to_string(), number.parse().unwrap())
            })
            .collect()
    }
}

/// The number of a series; 0 where it is not there.
pub fn of(numbers: &Numbers, series: &str) -> f64 {
    numbers.get(series).copied().unwrap_or_default()
}
