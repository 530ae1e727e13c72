//! The leak suite and generated statements where a scheduler and two executors are processes of their own.

use super::nodes::{Outside, TRANSPORT_KEY, executors};
use crate::leaks;
use crate::support::ask::ask;
use crate::support::lab::{self, Bench, Place, desk_file, place, sources};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};
use crate::two_worlds;
use celosia::query::{Engine, Executors, Parts};
use std::path::Path;
use std::sync::Arc;

/// Generated statements; `CELOSIA_STATEMENTS` says otherwise.
const STATEMENTS: usize = 120;

/// A deployment over the files of a world, under the policy of the worlds.
async fn deployment(world: World) -> Outside {
    let Some(Place::File(shop)) = place(Store::Sqlite, world).await else { panic!("no file") };
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/leaks/policy");
    let roles = std::fs::read_to_string(policy.join("celosia.yaml")).expect("a policy");
    let text = format!(
        "version: 1\nsources:\n  shop: {{ kind: sqlite, url: 'sqlite:{}' }}\n  desk: {{ kind: sqlite, url: 'sqlite:{}' }}\n\
         masking_rules: '{}'\nkeys: {{ pseudonym: 'file:pseudonym.key' }}\naudit: {{ store: 'sqlite:audit.db' }}\n\
         limits: {{ time: 120s }}\n{roles}",
        shop.display(),
        desk_file(world).await.display(),
        policy.join("masking-rules").display()
    );
    Outside::start(&text, &[("pseudonym.key", policy::KEY)], 2)
}

/// An engine over a world whose statements run in a deployment, or in its own process where there is none.
async fn engine(world: World, outside: Option<&Outside>, pushdown: bool) -> Arc<Engine> {
    let executors = outside.map(|outside| Executors {
        scheduler: format!("https://127.0.0.1:{}", outside.ports[0]),
        transport_key: Some(TRANSPORT_KEY.into()),
        ..executors(outside.ports[0])
    });
    let made = sources(Store::Sqlite, world).await.expect("files");
    let semantics = policy::semantics(Store::Sqlite.schema());
    let parts = Parts { pushdown, semantics, executors, ..lab::parts(made).await };
    let engine = Engine::new(parts).expect("an engine");
    engine.read_values(100).await;
    Arc::new(engine)
}

#[test]
fn the_leak_suite_and_two_worlds_hold_over_processes() {
    // The processes end with these.
    let (deployments, suite, statements) = block_on(async {
        let (mut deployments, mut suite, mut statements) = (Vec::new(), Vec::new(), Vec::new());
        for world in [World::A, World::B, World::C] {
            let outside = deployment(world).await;
            for pushdown in [true, false] {
                suite.push(((world, pushdown), engine(world, Some(&outside), pushdown).await));
                let there = Some(&outside).filter(|_| pushdown);
                statements.push(((world, pushdown), engine(world, there, true).await));
            }
            deployments.push(outside);
        }
        (deployments, Bench::of(Store::Sqlite, suite), Bench::of(Store::Sqlite, statements))
    });
    let sql = "SELECT count(*) AS n FROM people p JOIN tickets t ON t.person_id = p.id";
    let there = block_on(ask(suite.engine(World::A, true), &policy::analyst(), sql));
    assert_eq!(there.place()["engine"], "ballista", "{}", there.everything());
    let files = ["masked_predicates", "masked_clauses", "oracles", "statistics", "roles", "benign"];
    let mut failures: Vec<String> =
        files.iter().flat_map(|file| leaks::wrong(&suite, file)).collect();
    failures.extend(two_worlds::wrong(Box::leak(Box::new(statements)), STATEMENTS));
    drop(deployments);
    assert!(failures.is_empty(), "{} are wrong:\n\n{}", failures.len(), failures.join("\n\n"));
}
