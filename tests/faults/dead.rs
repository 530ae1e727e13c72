//! A source that has gone silent, and what the others see of that.

use super::proxy::{Proxy, Weather};
use super::{LATE, engine, own_url, with_port};
use crate::support::ask::ask;
use crate::support::load::Store;
use crate::support::{block_on, policy};
use celosia::query::Engine;
use std::sync::Arc;
use std::time::{Duration, Instant};

const AT_SHOP: &str = "SELECT count(*) AS n FROM people";
const AT_DESK: &str = "SELECT count(*) AS n FROM tickets";

#[test]
fn a_silent_postgresql_holds_up_nobody_else() {
    silence(Store::Postgres);
}

#[test]
fn a_silent_sql_server_holds_up_nobody_else() {
    silence(Store::SqlServer);
}

#[test]
fn a_silent_oracle_holds_up_nobody_else() {
    silence(Store::Oracle);
}

/// The source goes away as if a cable were cut, under more callers than the server has places, and comes back.
fn silence(store: Store) {
    const CALLERS: usize = 40;
    block_on(async {
        let Some(url) = own_url(store).await else { return };
        let (port, _) = with_port(&url, 0);
        let proxy = Proxy::start(port, 1).await;
        let (_, through) = with_port(&url, proxy.port);
        let time = Duration::from_secs(120);
        let engine = engine(store, &through, |parts| {
            parts.limits.time = time;
            parts.limits.concurrency = 16;
        });
        let engine = Arc::new(engine.await);
        assert_eq!(ask(&engine, &policy::analyst(), AT_SHOP).await.error(), None);
        proxy.turn(Weather::Dead);
        let begun = Instant::now();
        let waiting: Vec<_> = (0..CALLERS).map(|_| asked(&engine, AT_SHOP)).collect();
        // The places of the server are taken; they come free long before the deadline of those who hold them.
        let other = ask(&engine, &policy::analyst(), AT_DESK).await;
        assert_eq!(other.error(), None, "{}", other.everything());
        assert!(begun.elapsed() < time / 4, "the other source waited {:?}", begun.elapsed());
        super::chaos::until("its callers are told at once", async || {
            let asked = Instant::now();
            let said = ask(&engine, &policy::analyst(), AT_SHOP).await;
            assert_eq!(said.error(), Some("source"), "{}", said.everything());
            asked.elapsed() < Duration::from_millis(500)
        })
        .await;
        proxy.turn(Weather::Fair);
        let back = Instant::now();
        super::chaos::until("it is found again", async || {
            ask(&engine, &policy::analyst(), AT_SHOP).await.error().is_none()
        })
        .await;
        assert!(back.elapsed() < LATE, "found again after {:?}", back.elapsed());
        println!(
            "{store:?}: {:?} until others went on, back in {:?}",
            begun.elapsed(),
            back.elapsed()
        );
        for caller in waiting {
            caller.await.expect("a caller does not panic");
        }
    });
}

fn asked(engine: &Arc<Engine>, sql: &'static str) -> tokio::task::JoinHandle<()> {
    let engine = engine.clone();
    tokio::spawn(async move {
        let said = ask(&engine, &policy::analyst(), sql).await;
        assert!(matches!(said.error(), None | Some("source")), "{}", said.everything());
    })
}
