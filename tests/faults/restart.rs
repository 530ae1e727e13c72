//! A server that is stopped and started again.

use super::{LATE, chaos::until, engine};
use crate::support::ask::ask;
use crate::support::load::{self, Store};
use crate::support::world::{World, shop};
use crate::support::{block_on, lab, policy};
use celosia_connector_testkit::cluster::PostgresCluster;
use std::time::{Duration, Instant};

const PEOPLE: &str = "SELECT count(*) AS n FROM people";

#[test]
fn a_source_is_read_again_when_its_server_is() {
    if lab::cluster().is_none() {
        return;
    }
    let cluster = PostgresCluster::start().expect("a server of its own");
    let url = load::postgres(&cluster, &load::script(Store::Postgres, &shop(World::A)));
    block_on(async {
        let engine = engine(Store::Postgres, &url, |_| ()).await;
        let right = ask(&engine, &policy::analyst(), PEOPLE).await;
        assert_eq!(right.error(), None, "{}", right.everything());
        for restart in 0..3 {
            cluster.stop().expect("stopped");
            until("its callers are told", async || {
                let said = ask(&engine, &policy::analyst(), PEOPLE).await;
                assert_eq!(said.error(), Some("source"), "{}", said.everything());
                let asked = Instant::now();
                let again = ask(&engine, &policy::analyst(), PEOPLE).await;
                again.error() == Some("source") && asked.elapsed() < Duration::from_millis(100)
            })
            .await;
            cluster.restart().expect("started");
            let up = Instant::now();
            until("it is read again", async || {
                ask(&engine, &policy::analyst(), PEOPLE).await.rows == right.rows
            })
            .await;
            println!("restart {restart}: read again after {:?}", up.elapsed());
            assert!(up.elapsed() < Duration::from_secs(2) + LATE, "after {:?}", up.elapsed());
        }
    });
}
