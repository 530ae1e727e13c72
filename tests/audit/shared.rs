//! PostgreSQL as the store of several replicas.

use super::{answer, intent};
use crate::support::block_on;
use celosia::audit::{
    AuditLog, Durability, Location, Look, Proofs, Reader, Settings, VerifyFailure, chain_ends,
    history, verify_all,
};
use celosia::identity::establish_local;
use celosia_connector_testkit::cluster::PostgresCluster;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A database of its own; nothing where there is no server.
fn database() -> Option<(&'static PostgresCluster, String, String)> {
    let cluster = match PostgresCluster::shared() {
        Ok(cluster) => cluster,
        Err(why) => {
            println!("skipped: {why}");
            return None;
        }
    };
    let url = cluster.create_database().unwrap();
    let name = url.rsplit('/').next().unwrap().split('?').next().unwrap().to_string();
    Some((cluster, url, name))
}

async fn replica(url: &str, name: &str, durability: Durability) -> Arc<AuditLog> {
    let settings = Settings::of(Location::parse(url).unwrap());
    AuditLog::start(Settings { instance: name.into(), durability, ..settings }).await.unwrap()
}

#[test]
fn replicas_have_a_chain_each_and_each_verifies() {
    let Some((cluster, url, name)) = database() else { return };
    block_on(async {
        let store = Location::parse(&url).unwrap();
        let one = replica(&url, "one", Durability::Process).await;
        let two = replica(&url, "two", Durability::Disk).await;
        // A replica that was started twice under one name still makes one chain.
        let twin = replica(&url, "two", Durability::Process).await;
        let work = [(one, 40), (two, 30), (twin, 30)].map(|(log, count)| {
            tokio::spawn(async move {
                for _ in 0..count {
                    answer(&log, intent("ana")).await;
                }
            })
        });
        for task in work {
            task.await.unwrap();
        }
        let reports = verify_all(&store, &Proofs::default()).await.unwrap();
        let counts: Vec<_> = reports.iter().map(|r| (r.chain.as_str(), r.records)).collect();
        assert_eq!(counts, [("one", 80), ("two", 120)]);
        for sql in [
            "UPDATE audit_record SET body = '{}' WHERE chain = 'two' AND seq = 3",
            "DELETE FROM audit_record WHERE seq = 3",
            "TRUNCATE audit_record",
            "DELETE FROM audit_head",
            "UPDATE audit_head SET count = 1",
        ] {
            assert!(cluster.execute(&name, sql).is_err(), "{sql}");
        }
        let drop = "DROP TRIGGER audit_record_not_updated ON audit_record";
        cluster.execute(&name, drop).unwrap();
        let alter = "UPDATE audit_record SET body = '{}' WHERE chain = 'two' AND seq = 3";
        cluster.execute(&name, alter).unwrap();
        let found = verify_all(&store, &Proofs::default()).await;
        assert_eq!(found, Err(VerifyFailure::Altered { seq: 3 }));
    });
}

/// Whoever leafs back through the statements of all replicas meets each once.
#[test]
fn what_was_asked_of_all_replicas_is_read_back_once() {
    let Some((_cluster, url, _name)) = database() else { return };
    block_on(async {
        let store = Location::parse(&url).unwrap();
        let one = replica(&url, "one", Durability::Process).await;
        let two = replica(&url, "two", Durability::Process).await;
        let runs = one.open(intent("bob")).await.unwrap();
        for turn in 0..40 {
            answer(if turn % 3 == 0 { &one } else { &two }, intent("ana")).await;
            answer(&two, intent("bob")).await;
        }
        let patience = std::time::Duration::from_secs(60);
        let mut look = Look { most: 7, patience, ..Look::default() };
        let ana = establish_local("ana", ["other".to_string()], Default::default());
        for (reader, expected) in [(Reader::Administrator, 80), (Reader::Caller(&ana), 40)] {
            let (mut met, mut running) = (Vec::new(), 0);
            look.before.clear();
            loop {
                let seen = history(&store, reader, &look).await.unwrap();
                running += seen.running.len();
                assert!(seen.ended.len() <= 7 && seen.ended.is_sorted_by_key(|asked| -asked.at));
                met.extend(seen.ended.into_iter().map(|asked| asked.id));
                let Some(before) = seen.before else { break };
                look.before = before;
            }
            let different: BTreeSet<&String> = met.iter().collect();
            assert_eq!((met.len(), different.len()), (expected, expected));
            assert_eq!(running, usize::from(expected == 80), "bob's statement runs");
        }
        drop(runs);
        let ends = chain_ends(&store).await.unwrap();
        let names: Vec<&str> = ends.iter().map(|end| &*end.chain).collect();
        assert_eq!(names, ["one", "two"]);
    });
}

#[test]
fn a_store_whose_connection_breaks_refuses_and_comes_back() {
    let Some((cluster, url, name)) = database() else { return };
    block_on(async {
        let log = replica(&url, "one", Durability::Process).await;
        answer(&log, intent("ana")).await;
        let open = log.open(intent("ana")).await.unwrap();
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'celosia audit' AND datname = current_database()";
        cluster.execute(&name, kill).unwrap();
        assert!(log.open(intent("ana")).await.is_err(), "the connection is gone");
        let _receipt = log.close(open, &Default::default()).await.expect("a new one is made");
        answer(&log, intent("ana")).await;
        let reports = verify_all(&Location::parse(&url).unwrap(), &Proofs::default()).await;
        assert_eq!(reports.unwrap()[0].records, 6);
    });
}
