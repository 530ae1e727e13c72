//! Generated statements over two worlds that differ only in what is hidden: executors tell no more than the server's
//! own process, and nothing else.

use super::nodes::{Inside, executors};
use crate::support::lab::{self, Bench, cluster, sources};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};
use crate::two_worlds::wrong;
use celosia::query::{Engine, Parts};
use std::sync::{Arc, LazyLock};

/// Statements; `CELOSIA_STATEMENTS` says otherwise.
const STATEMENTS: usize = 120;

/// Over the worlds on PostgreSQL, the engine with executors in the place of that with pushdown, and one without
/// executors in the place of the other.
fn bench() -> &'static Bench {
    static BENCH: LazyLock<Bench> = LazyLock::new(|| {
        block_on(async {
            let mut engines = Vec::new();
            for world in [World::A, World::B] {
                let made = async || sources(Store::Postgres, world).await.expect("PostgreSQL");
                let inside = Inside::start(made, &policy::rules(), 2).await;
                for elsewhere in [true, false] {
                    let semantics = policy::semantics(Store::Postgres.schema());
                    let executors = elsewhere.then(|| executors(inside.port));
                    let parts = Parts { semantics, executors, ..lab::parts(made().await).await };
                    let engine = Engine::new(parts).expect("an engine");
                    engine.read_values(100).await;
                    engines.push(((world, elsewhere), Arc::new(engine)));
                }
                std::mem::forget(inside);
            }
            Bench::of(Store::Postgres, engines)
        })
    });
    &BENCH
}

#[test]
fn hidden_rows_and_masked_cells_change_no_reply_of_executors() {
    if cluster().is_none() {
        return;
    }
    let failures = wrong(bench(), STATEMENTS);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
