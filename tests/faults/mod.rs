//! What a network does to a server whose databases are elsewhere: answers are right or they are errors, every
//! question ends, and nothing is left behind.

mod chaos;
mod dead;
mod proxy;
mod restart;

use crate::support::lab;
use crate::support::load::{self, Store};
use crate::support::world::{World, shop};
use celosia::query::{Engine, Parts};
use std::time::Duration;

/// A database of this kind of its own, with world A in it. `None` without PostgreSQL.
async fn own_url(store: Store) -> Option<String> {
    let cluster = lab::cluster()?;
    let script = load::script(store, &shop(World::A));
    Some(match store {
        Store::Sqlite => unreachable!("a file has no network"),
        Store::Postgres => load::postgres(cluster, &script),
        Store::SqlServer => load::sqlserver(cluster, &script).await,
        Store::Oracle => load::oracle(cluster, &script).await,
    })
}

/// An engine over a server at `url` and the usual file beside it.
async fn engine(store: Store, url: &str, change: impl FnOnce(&mut Parts)) -> Engine {
    let sources = vec![
        ("shop".into(), lab::remote(store, url)),
        ("desk".into(), lab::sqlite(&lab::desk_file(World::A).await)),
    ];
    let mut parts = lab::parts(sources).await;
    change(&mut parts);
    Engine::new(parts).expect("an engine")
}

/// The port in a URL, and the URL with another one.
fn with_port(url: &str, port: u16) -> (u16, String) {
    let (before, after) = url.split_once("127.0.0.1:").expect("an address of this machine");
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let old = after[..end].parse().expect("a port");
    (old, format!("{before}127.0.0.1:{port}{}", &after[end..]))
}

/// How late an end may be on a machine that is busy with other tests.
const LATE: Duration = Duration::from_secs(10);
