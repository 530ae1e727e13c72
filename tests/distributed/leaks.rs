//! The leak suite where everything that can runs in other processes, and what they write and are sent.

use super::nodes::{Inside, executors};
use super::watch::{Relay, Watch};
use crate::leaks::wrong;
use crate::mcp::eventually;
use crate::support::ask::ask;
use crate::support::lab::{self, Bench, sources};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy, secret};
use celosia::query::{Engine, Parts};
use std::sync::{Arc, LazyLock};

/// Engines over the worlds in files, each with executors of its own.
fn bench() -> &'static Bench {
    static BENCH: LazyLock<Bench> = LazyLock::new(|| {
        block_on(async {
            let mut engines = Vec::new();
            for world in [World::A, World::B, World::C] {
                let made = async || sources(Store::Sqlite, world).await.expect("files");
                let inside = Inside::start(made, &policy::rules(), 2).await;
                for pushdown in [true, false] {
                    let semantics = policy::semantics(Store::Sqlite.schema());
                    let executors = Some(executors(inside.port));
                    let parts =
                        Parts { pushdown, semantics, executors, ..lab::parts(made().await).await };
                    let engine = Engine::new(parts).expect("an engine");
                    engine.read_values(100).await;
                    engines.push(((world, pushdown), Arc::new(engine)));
                }
                std::mem::forget(inside);
            }
            Bench::of(Store::Sqlite, engines)
        })
    });
    &BENCH
}

fn hold(file: &str) {
    let failures = wrong(bench(), file);
    let count = failures.len();
    assert!(failures.is_empty(), "{count} leaks or wrong replies:\n\n{}", failures.join("\n\n"));
}

#[test]
fn masked_columns_in_conditions() {
    hold("masked_predicates");
}

#[test]
fn masked_columns_in_every_clause() {
    hold("masked_clauses");
}

#[test]
fn errors_are_no_oracles() {
    hold("oracles");
}

#[test]
fn statistics_count_open_rows() {
    hold("statistics");
}

#[test]
fn roles_open_rows_and_cells() {
    hold("roles");
}

#[test]
fn ordinary_questions_are_answered_right() {
    hold("benign");
}

/// Statements over both sources that read masked columns and tables with hidden rows.
const READ: &[&str] = &[
    "SELECT p.email, p.tax_id, p.badge, p.born, t.subject, count(*) AS n FROM people p \
     JOIN tickets t ON p.tax_id = t.person_tax WHERE p.region = 'APAC' GROUP BY 1, 2, 3, 4, 5",
    "SELECT p.phone, o.note, t.status FROM people p JOIN orders o ON o.person_id = p.id \
     JOIN tickets t ON t.person_id = p.id WHERE o.status = 'paid'",
    "SELECT p.salary, p.name, t.priority FROM people p LEFT JOIN tickets t ON t.person_id = p.id",
];

#[test]
fn what_travels_and_what_is_written_is_governed() {
    let (wire, (count, files), left) = block_on(async {
        let made = async || sources(Store::Sqlite, World::A).await.expect("files");
        let inside = Inside::start(made, &policy::rules(), 2).await;
        let relay = Relay::before(inside.port).await;
        let watch = Watch::over(inside.work.path().to_path_buf());
        let executors = Some(executors(relay.port));
        let parts = Parts { executors, ..lab::parts(made().await).await };
        let engine = Engine::new(parts).expect("an engine");
        for who in [policy::analyst(), policy::regional(), policy::both()] {
            for sql in READ {
                let said = ask(&engine, &who, sql).await;
                let there = said.place()["engine"] == "ballista";
                assert!(there || said.error() == Some("unknown_name"), "{}", said.everything());
            }
        }
        (relay.text(), watch.seen(), inside)
    });
    assert!(count > 10, "{count} files were seen");
    // What is open is there to be seen, so what is not found is not there.
    assert!(files.contains("paid") || files.contains("p_"), "nothing can be read in the files");
    assert!(wire.contains("SealedScan") || wire.contains("celosia:scan"), "no plan was seen");
    for text in [&wire, &files] {
        assert_eq!(secret::found(text), [""; 0]);
    }
    // A leaf shows its columns, not its statement, the policy's values or its source's login.
    for hidden in ["SELECT", "on_hold", "void", "6f1c5d9a0b7e48d2", "sqlite:"] {
        assert!(!wire.contains(hidden), "{hidden} travels");
    }
    eventually("no file between stages is left", || {
        super::nodes::files(left.work.path()).is_empty().then_some(())
    });
}
