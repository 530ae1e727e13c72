//! Generated schemas: tables of every type of a store under hard names, rows with extremes in two worlds,
//! and a policy. All of it follows from a seed.

mod filter;
mod kinds;
mod masks;
mod names;
mod policy;
mod store;
mod table;
mod values;
mod words;
mod worlds;

use super::subject::Subject;
use crate::support::lab::cluster;
use crate::support::load::Store;
use crate::support::rng::Rng;
use celosia::identity::establish_local;

const STORES: [Store; 4] = [Store::Sqlite, Store::Postgres, Store::SqlServer, Store::Oracle];

/// The schema of a seed at one of the stores, which take turns; `None` where the store is not here.
pub async fn subject(seed: u64) -> Option<Subject> {
    let store = STORES[(seed % 4) as usize];
    if store != Store::Sqlite {
        cluster()?;
    }
    let mut rng = Rng::new(seed);
    let tables = table::tables(store, &mut rng);
    let mut attributes = filter::Attributes::new();
    let mut filled = Vec::new();
    for table in &tables {
        filled.push(worlds::fill(table, &filled, &mut attributes, &mut rng));
    }
    let words = words::words(&tables, &filled, &mut rng);
    let (engines, description) = store::engines(seed, store, &tables, &filled).await?;
    let roles = policy::HELD.map(String::from);
    Some(Subject {
        name: format!("schema {seed} at {store:?}"),
        description: format!("attributes: {attributes:?}\n{description}"),
        who: establish_local("fay", roles, attributes),
        words,
        engines,
    })
}
