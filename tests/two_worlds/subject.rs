//! What statements are asked of: two worlds, each with and without pushdown, one caller.

use super::words::{self, Words};
use crate::support::ask::{Said, ask, tool};
use crate::support::lab::{Bench, benches};
use crate::support::policy;
use crate::support::world::World;
use celosia::model::Principal;
use celosia::query::Engine;
use std::sync::Arc;

/// Two worlds and a caller.
#[derive(Debug)]
pub struct Subject {
    /// Its name, for failures.
    pub name: String,
    /// What it is, for failures: tables and policy.
    pub description: String,
    /// The caller.
    pub who: Principal,
    /// What statements are made of.
    pub words: Words,
    /// By world, with and without pushdown.
    pub engines: [[Arc<Engine>; 2]; 2],
}

impl Subject {
    /// What a world replies.
    pub async fn ask(&self, world: World, pushdown: bool, sql: &str) -> Said {
        let engine = &self.engines[usize::from(world == World::B)][usize::from(!pushdown)];
        ask(engine, &self.who, sql).await
    }

    /// What the sources are sent, with pushdown.
    pub async fn sent(&self, sql: &str) -> String {
        tool(&self.engines[0][0], &self.who, "explain", sql).await.sources.to_string()
    }
}

/// The fixed worlds on every kind of store, for two callers.
pub fn fixed() -> Vec<Subject> {
    over(&benches())
}

/// The fixed worlds on these benches.
pub fn over(benches: &[&'static Bench]) -> Vec<Subject> {
    let of = |bench: &'static Bench, nicknames: bool| {
        let engine = |world, pushdown| bench.engine(world, pushdown).clone();
        let engines = [World::A, World::B].map(|world| [true, false].map(|p| engine(world, p)));
        Subject {
            name: format!("{:?}", bench.store),
            description: "the fixed worlds".into(),
            who: if nicknames { policy::both() } else { policy::analyst() },
            words: words::fixed(nicknames),
            engines,
        }
    };
    let callers = [false, false, true];
    callers.into_iter().flat_map(|both| benches.iter().map(move |b| of(b, both))).collect()
}
