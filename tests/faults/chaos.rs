//! Thousands of questions over a network that breaks connections at every place.

use super::proxy::{Proxy, Weather};
use super::{LATE, engine, own_url, with_port};
use crate::support::ask::ask;
use crate::support::load::Store;
use crate::support::rng::Rng;
use crate::support::{block_on, lab, policy};
use celosia::query::Engine;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What a statement may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// People who ask at the same time.
const CALLERS: usize = 12;

/// Look-ups, groupings, a join at the source, one across sources, thousands of rows that are grouped here, a sort.
const QUESTIONS: [&str; 8] = [
    "SELECT seq, kind FROM events WHERE id = 10007",
    "SELECT seq, kind FROM events WHERE id = 12345",
    "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind",
    "SELECT p.level, count(*) AS n FROM people p JOIN orders o ON o.person_id = p.id GROUP BY p.level ORDER BY p.level",
    "SELECT p.id, count(*) AS n FROM people p JOIN tickets t ON t.person_id = p.id GROUP BY p.id ORDER BY p.id",
    "SELECT kind, stddev(amount) AS d FROM events GROUP BY kind ORDER BY kind",
    "SELECT * FROM events ORDER BY id LIMIT 900",
    "SELECT max(id) AS m FROM orders WHERE id > 3",
];

/// Errors that say what has happened.
const CLEAN: [&str; 3] = ["source", "deadline_exceeded", "overloaded"];

#[test]
fn answers_are_right_or_errors_at_postgresql() {
    storm(Store::Postgres, share(8));
}

#[test]
fn answers_are_right_or_errors_at_sql_server() {
    storm(Store::SqlServer, share(1));
}

#[test]
fn answers_are_right_or_errors_at_oracle() {
    storm(Store::Oracle, share(1));
}

/// Tenths of the questions of a run: 10,000, or what `CELOSIA_FAULT_QUESTIONS` says.
fn share(tenths: usize) -> usize {
    let asked = std::env::var("CELOSIA_FAULT_QUESTIONS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(10_000_usize) * tenths / 10
}

fn storm(store: Store, questions: usize) {
    let seed = std::env::var("CELOSIA_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_261);
    println!("{store:?}: CELOSIA_SEED={seed}");
    let done = block_on(async {
        let url = own_url(store).await?;
        let (port, _) = with_port(&url, 0);
        let proxy = Proxy::start(port, seed).await;
        let (_, through) = with_port(&url, proxy.port);
        let engine = engine(store, &through, |parts| parts.limits.time = DEADLINE).await;
        let engine = Arc::new(engine);
        let expected = answers(&engine).await;
        proxy.turn(Weather::Foul);
        let tally = hammer(&engine, &expected, questions, seed).await;
        proxy.turn(Weather::Fair);
        println!("{store:?}: {} connections, {tally:?}", proxy.seen());
        calm(store, &url, &proxy, engine, &expected).await;
        Some(tally)
    });
    let Some(tally) = done else { return };
    assert_eq!(tally.wrong, Vec::<String>::new(), "wrong answers");
    assert_eq!(tally.answered + tally.errors.values().sum::<usize>(), questions, "one was lost");
    assert!(tally.answered * 3 > questions, "the network is not that bad");
    assert!(tally.slowest < DEADLINE + LATE, "one hung for {:?}", tally.slowest);
}

/// The right answers, in fair weather.
async fn answers(engine: &Engine) -> Vec<String> {
    let mut answers = Vec::new();
    for sql in QUESTIONS {
        let said = ask(engine, &policy::analyst(), sql).await;
        assert_eq!(said.error(), None, "{sql}: {}", said.everything());
        assert!(!said.rows.is_empty(), "{sql}");
        answers.push(format!("{:?}", said.rows));
    }
    answers
}

/// What became of the questions.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    errors: BTreeMap<String, usize>,
    wrong: Vec<String>,
    slowest: Duration,
}

async fn hammer(engine: &Arc<Engine>, expected: &[String], questions: usize, seed: u64) -> Tally {
    let (left, tally) = (Arc::new(AtomicUsize::new(questions)), Arc::new(Mutex::default()));
    let callers = (0..CALLERS).map(|caller| {
        let (engine, expected) = (engine.clone(), expected.to_vec());
        let (left, tally) = (left.clone(), tally.clone());
        let mut random = Rng::new(seed ^ caller as u64);
        tokio::spawn(async move {
            let one_less = |left: usize| left.checked_sub(1);
            while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less).is_ok() {
                let at = random.below(QUESTIONS.len());
                let begun = Instant::now();
                let said = ask(&engine, &policy::analyst(), QUESTIONS[at]).await;
                let took = begun.elapsed();
                let mut tally: tokio::sync::MutexGuard<'_, Tally> = tally.lock().await;
                tally.slowest = tally.slowest.max(took);
                match said.error() {
                    None if format!("{:?}", said.rows) == expected[at] => tally.answered += 1,
                    Some(code) if CLEAN.contains(&code) => {
                        *tally.errors.entry(code.to_string()).or_default() += 1;
                    }
                    _ => tally.wrong.push(format!("{}: {}", QUESTIONS[at], said.everything())),
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("a caller does not panic");
    }
    Arc::try_unwrap(tally).expect("the callers are done").into_inner()
}

/// After the storm: every place is free, nothing runs on at the server, and no connection outlives the engine.
async fn calm(store: Store, url: &str, proxy: &Proxy, engine: Arc<Engine>, expected: &[String]) {
    until("the source answers again", async || {
        ask(&engine, &policy::analyst(), QUESTIONS[0]).await.error().is_none()
    })
    .await;
    // As many at once as the source has places.
    let all = (0..QUESTIONS.len()).map(|at| {
        let engine = engine.clone();
        async move { format!("{:?}", ask(&engine, &policy::analyst(), QUESTIONS[at]).await.rows) }
    });
    assert_eq!(futures::future::join_all(all).await, expected);
    if store == Store::Postgres {
        let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next());
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state <> 'idle'",
            database.expect("a name")
        );
        let cluster = lab::cluster().expect("a cluster");
        until("nothing runs at the server", async || {
            cluster.execute("postgres", &sql).expect("its session view") == "0"
        })
        .await;
    }
    let most = 8 + 2;
    until("no more connections than places", async || proxy.open() <= most).await;
    drop(engine);
    until("no connection is left", async || proxy.open() == 0).await;
}

/// Waits until something is so.
pub(super) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while !so().await {
        assert!(begun.elapsed() < Duration::from_secs(40), "not in time: {what}");
        tick.tick().await;
    }
}
