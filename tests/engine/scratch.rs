use crate::support::ask::{ask, tool};
use crate::support::lab::benches;
use crate::support::world::World;
use crate::support::{block_on, policy};

#[test]
fn scratch() {
    let Ok(file) = std::env::var("CELOSIA_SCRATCH") else { return };
    let all = benches();
    let bench = if std::env::var("PG").is_ok() { all[1] } else { all[0] };
    let off = std::env::var("OFF").is_err();
    let world = if std::env::var("WB").is_ok() { World::B } else { World::A };
    for sql in std::fs::read_to_string(file).expect("file").lines() {
        println!("=== {sql}");
        if let Some(sql) = sql.strip_prefix("explain ") {
            let said = block_on(tool(bench.engine(world, off), &policy::analyst(), "explain", sql));
            println!("{}\n{}\n{}", said.head, said.text, said.sources);
            continue;
        }
        let t = std::time::Instant::now();
        let said = block_on(ask(bench.engine(world, off), &policy::analyst(), sql));
        println!("{:?} {}", t.elapsed(), said.everything().chars().take(1500).collect::<String>());
    }
}
