//! Tables with extremes in every store, open to everybody, with and without pushdown.

use crate::support::ask::{Said, ask, tool};
use crate::support::lab::{Place, cluster, parts, remote, scratch};
use crate::support::load::{self, Store};
use crate::support::policy;
use crate::support::world::{Cell, Table, columns, text};
use celosia::query::{Engine, Parts};
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// The same data with and without pushdown.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) pushed: Engine,
    pub(crate) local: Engine,
}

impl Pair {
    /// The answers of both.
    pub(crate) async fn ask(&self, sql: &str) -> (Said, Said) {
        let who = policy::named("ana", &["all"]);
        (ask(&self.pushed, &who, sql).await, ask(&self.local, &who, sql).await)
    }

    /// The plan with pushdown, as lines.
    pub(crate) async fn plan(&self, sql: &str) -> Vec<String> {
        let said = tool(&self.pushed, &policy::named("ana", &["all"]), "explain", sql).await;
        assert_eq!(said.error(), None, "{sql}: {}", said.everything());
        said.text.lines().map(|line| line.trim().to_string()).collect()
    }
}

impl Pair {
    /// What the sources are sent.
    pub(crate) async fn sent(&self, sql: &str) -> String {
        let said = tool(&self.pushed, &policy::named("ana", &["all"]), "explain", sql).await;
        said.sources.to_string()
    }

    /// The lines of the plan that are more than one statement at the source.
    pub(super) async fn stays_here(&self, sql: &str) -> Vec<String> {
        let lines = self.plan(sql).await;
        let scans = lines.iter().filter(|line| line.starts_with("GovernedScan")).count();
        let elsewhere = lines.iter().filter(|line| {
            !line.is_empty()
                && (scans > 1 || !line.starts_with("GovernedScan"))
                && !line.starts_with("Cooperative")
        });
        elsewhere.cloned().collect()
    }
}

/// Engines over the tables of cases in a store; `None` where the store is not here.
pub(crate) async fn pair(store: Store) -> Option<&'static Pair> {
    static PAIRS: Mutex<BTreeMap<String, &'static Pair>> = Mutex::const_new(BTreeMap::new());
    let mut pairs = PAIRS.lock().await;
    let name = format!("{store:?}");
    if let Some(pair) = pairs.get(&name) {
        return Some(pair);
    }
    let tables = [cases(store), facts(), dimensions(), numbered()];
    let pair = engines(store, "pushdown-cases", &tables, "").await?;
    let pair: &'static Pair = Box::leak(Box::new(pair));
    pairs.insert(name, pair);
    Some(pair)
}

/// Engines over tables that are loaded into a store, with `more` statements behind them; `None` where the
/// store is not here.
pub(crate) async fn engines(
    store: Store,
    name: &str,
    tables: &[Table],
    more: &str,
) -> Option<Pair> {
    let script = load::script(store, tables) + more;
    let place = match store {
        Store::Sqlite => {
            let file = scratch().join(format!("{name}.db"));
            load::sqlite(&file, script).await;
            Place::File(file)
        }
        Store::Postgres => Place::Url(load::postgres(cluster()?, &script)),
        Store::SqlServer => Place::Url(load::sqlserver(cluster()?, &script).await),
        Store::Oracle => Place::Url(load::oracle(cluster()?, &script).await),
    };
    let url = match place {
        Place::File(file) => file.display().to_string(),
        Place::Url(url) => url,
    };
    let engine = async |pushdown| {
        let mut parts = parts(vec![("shop".into(), remote(store, &url))]).await;
        parts.rules = policy::rules_of("roles: {all: {open: [{tables: \"shop.*.*\"}]}}", "");
        Engine::new(Parts { pushdown, ..parts }).expect("an engine")
    };
    Some(Pair { pushed: engine(true).await, local: engine(false).await })
}

/// One column of each class; the rows of every column are extremes and what lies between them.
fn cases(store: Store) -> Table {
    let small = [Cell::Null, Cell::Int(0), Cell::Int(32_767), Cell::Int(-32_768), Cell::Int(7)];
    let whole = [0, 1, -1, 2_147_483_647, -2_147_483_648, 41, -5, 3].map(Cell::Int);
    let most = if store == Store::Oracle { 10_i64.pow(18) - 1 } else { i64::MAX };
    let big = [0, most, -most, 1, -8, 14, 9_007_199_254_740_993].map(Cell::Int);
    let money = ["0.00", "9999999999999.99", "-9999999999999.99", "0.01", "-0.01", "12.50"];
    let fine = ["0.0000", "999999.9999", "-999999.9999", "0.0001", "1.5000"];
    let words = [
        "abc",
        "ABC",
        "abc ",
        " abc",
        "",
        "a%b",
        "a_b",
        "élan",
        "ELAN",
        "日本",
        "b",
        "xbyb",
        "Ab\u{301}",
    ];
    let days = ["0001-01-01", "9999-12-31", "1970-01-01", "1969-12-31", "2024-02-29", "1582-10-20"];
    let moments = [
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
        "1970-01-01 00:00:00.000001",
        "1969-12-31 23:59:59.999999",
        "2024-02-29 12:34:56.789",
        "2024-03-31 02:30:00",
    ];
    let pick = |cells: &[Cell], at: usize| match at % (cells.len() + 1) {
        0 => Cell::Null,
        at => cells[at - 1].clone(),
    };
    let rows = (0..91_usize).map(|id| {
        let decimal = |texts: &[&str], at: usize| {
            pick(&texts.iter().map(|t| Cell::Dec((*t).into())).collect::<Vec<_>>(), at)
        };
        let time = |texts: &[&str], at: usize| {
            pick(&texts.iter().map(|t| Cell::Time((*t).into())).collect::<Vec<_>>(), at)
        };
        vec![
            Cell::Int(id as i64 + 1),
            small[id % small.len()].clone(),
            pick(&whole, id),
            pick(&big, id * 3),
            decimal(&money, id),
            decimal(&fine, id / 2),
            pick(&words.map(text), id),
            pick(&[Cell::Bool(true), Cell::Bool(false)], id / 3),
            time(&days, id),
            time(&moments, id / 2),
            time(&moments, id / 3),
            pick(&[0.5, -1e300, 1e-300, 3.0].map(Cell::Float), id),
        ]
    });
    let declared = columns(&[
        ("id", "BIGINT"),
        ("s", "SMALLINT"),
        ("i", "INTEGER"),
        ("n", "BIGINT"),
        ("d", "DECIMAL(15,2)"),
        ("e", "DECIMAL(10,4)"),
        ("t", "TEXT"),
        ("b", "BOOLEAN"),
        ("y", "DATE"),
        ("z", "TIMESTAMP"),
        ("u", "TIMESTAMP WITH TIME ZONE"),
        ("f", "DOUBLE PRECISION"),
    ]);
    Table { name: "cases", columns: declared, rows: rows.collect() }
}

/// Rows that point at `dimensions`, some of them nowhere.
fn facts() -> Table {
    let rows = (0..400_i64).map(|id| {
        vec![
            Cell::Int(id),
            if id % 17 == 0 { Cell::Null } else { Cell::Int(id * 7 % 60) },
            Cell::Int(id % 9),
            Cell::Dec(format!("{}.{:02}", id * 13 % 500, id % 100)),
            text(["red", "green", "blue", "Red"][id as usize % 4]),
            Cell::Time(format!("2024-{:02}-{:02}", id % 12 + 1, id % 28 + 1)),
        ]
    });
    let declared = columns(&[
        ("id", "BIGINT"),
        ("dimension", "INTEGER"),
        ("quantity", "INTEGER"),
        ("price", "DECIMAL(15,2)"),
        ("colour", "TEXT"),
        ("sold", "DATE"),
    ]);
    Table { name: "facts", columns: declared, rows: rows.collect() }
}

fn dimensions() -> Table {
    let rows = (0..50_i64).map(|id| {
        vec![
            Cell::Int(id),
            if id % 11 == 0 { Cell::Null } else { text(format!("name {}", id % 20)) },
            text(["red", "blue", "RED", "none"][id as usize % 4]),
            if id % 7 == 0 { Cell::Null } else { Cell::Int(id % 5) },
        ]
    });
    let declared =
        columns(&[("id", "INTEGER"), ("name", "TEXT"), ("colour", "TEXT"), ("parent", "INTEGER")]);
    Table { name: "dimensions", columns: declared, rows: rows.collect() }
}

/// Columns whose names are those that computed ones get.
fn numbered() -> Table {
    let rows = (0..30_i64).map(|id| {
        let second = if id % 4 == 0 { Cell::Null } else { Cell::Int(id % 3) };
        vec![Cell::Int(id), second, text(["x", "y"][id as usize % 2])]
    });
    let declared = columns(&[("c3", "BIGINT"), ("c1", "INTEGER"), ("c2", "TEXT")]);
    Table { name: "numbered", columns: declared, rows: rows.collect() }
}

/// The lines that only one of two answers has, at most a few.
pub(crate) fn difference(pushed: &str, local: &str) -> String {
    const MOST: usize = 6;
    let only = |left: &str, right: &str, sign: &str| {
        let right: Vec<&str> = right.lines().collect();
        let lines = left.lines().filter(|line| !right.contains(line)).take(MOST);
        lines.map(|line| format!("  {sign} {line}\n")).collect::<String>()
    };
    format!("{}{}", only(pushed, local, "there:"), only(local, pushed, "here: "))
}
