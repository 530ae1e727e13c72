//! Stored values that no type of ours can hold: on a hidden row or in a masked cell they must raise
//! nothing, as if they were not there.

use crate::support::ask::{Said, ask, differing};
use crate::support::lab;
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Column, Table, columns, text};
use crate::support::{block_on, policy};
use celosia::query::Engine;

/// What is asked of every table of these tests.
const ASKED: &[&str] = &[
    "SELECT * FROM odd ORDER BY id",
    "SELECT id FROM odd ORDER BY id",
    "SELECT count(*) AS n FROM odd",
    "SELECT sum(amount) AS s, max(day) AS d FROM odd",
    "SELECT id, hidden FROM odd WHERE region = 'EU' ORDER BY hidden, id",
    "SELECT count(*) AS n FROM odd WHERE hidden IS NOT NULL",
];

/// Rows that are open in both worlds; `odd` changes the hidden cell of the second one.
fn rows(odd: Option<Cell>, plain: &Cell) -> Vec<Vec<Cell>> {
    let row = |id: i64, hidden: Cell| {
        let day = Cell::Time(format!("2024-05-{id:02}"));
        vec![Cell::Int(id), text("EU"), day, Cell::Int(id * 10), hidden]
    };
    let mut rows: Vec<Vec<Cell>> = (1..=4).map(|id| row(id, plain.clone())).collect();
    rows[1] = row(2, odd.unwrap_or_else(|| plain.clone()));
    rows
}

fn table(hidden: &'static str, rows: Vec<Vec<Cell>>) -> Table {
    let mut columns: Vec<Column> =
        columns(&[("id", "BIGINT"), ("region", "TEXT"), ("day", "DATE"), ("amount", "BIGINT")]);
    columns.push(Column { name: "hidden", declared: hidden, open: true });
    Table { name: "odd", columns, rows }
}

async fn engine(store: Store, table: Table, filter: &str, mask: &str) -> Option<Engine> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let script = load::script(store, &[table]);
    let connector = match store {
        Store::Sqlite => {
            let file = lab::scratch().join(format!("odd-{number}.db"));
            load::sqlite(&file, script).await;
            lab::sqlite(&file)
        }
        Store::Postgres => lab::postgres(&load::postgres(lab::cluster()?, &script)),
        Store::SqlServer | Store::Oracle => return None,
    };
    let rows = if filter.is_empty() { String::new() } else { format!(", rows: \"{filter}\"") };
    let roles = format!("roles: {{analyst: {{open: [{{tables: \"shop.*.odd\"{rows}}}]}}}}");
    let masks = match mask {
        "" => String::new(),
        mask => {
            format!("version: 1\nmasks: [{{name: m, columns: [\"*.*.*.hidden\"], mask: {mask}}}]")
        }
    };
    let mut parts = lab::parts(vec![("shop".into(), connector)]).await;
    parts.rules = policy::rules_of(&roles, &masks);
    Some(Engine::new(parts).expect("an engine"))
}

/// Two tables that differ in what is hidden.
struct Worlds<'a> {
    name: &'a str,
    store: Store,
    tables: [Table; 2],
    filter: &'a str,
    mask: &'a str,
    /// The governed values are the same. Else they may differ, and must only raise nothing.
    same: bool,
}

/// Asks both worlds everything; the complaints.
fn compare(worlds: Worlds<'_>) -> Vec<String> {
    let Worlds { name, store, tables: [one, other], filter, mask, same } = worlds;
    block_on(async {
        let (Some(one), Some(other)) =
            (engine(store, one, filter, mask).await, engine(store, other, filter, mask).await)
        else {
            return Vec::new();
        };
        let mut complaints = Vec::new();
        for sql in ASKED {
            let ask = |engine| async move { ask(engine, &policy::analyst(), sql).await };
            let (a, b): (Said, Said) = (ask(&one).await, ask(&other).await);
            let reads = sql.contains('*') || sql.contains("hidden");
            let alike = a.everything() == b.everything();
            if !alike && (same || !reads || a.error() != b.error()) {
                let lines = differing(&a.everything(), &b.everything());
                complaints.push(format!("[{store:?}] {name}: {sql}\n{lines}"));
            }
        }
        complaints
    })
}

/// A row that is hidden in one world and not there in the other.
fn hidden_row(name: &str, filter: &str, hidden: Vec<Cell>) -> Vec<String> {
    let plain = rows(None, &Cell::Int(7));
    let mut with = plain.clone();
    with.insert(2, hidden);
    let tables = [table("BIGINT", with), table("BIGINT", plain)];
    compare(Worlds { name, store: Store::Sqlite, tables, filter, mask: "", same: true })
}

/// A cell under a mask that is odd in one world and plain in the other.
fn masked_cell(
    store: Store,
    name: &str,
    declared: &'static str,
    mask: &str,
    cells: [Cell; 2],
    same: bool,
) -> Vec<String> {
    let [plain, odd] = cells;
    let tables = [table(declared, rows(Some(odd), &plain)), table(declared, rows(None, &plain))];
    compare(Worlds { name, store, tables, filter: "", mask, same })
}

#[test]
fn hidden_rows_of_sqlite_may_hold_anything() {
    let closed = |day: Cell, amount: Cell| vec![Cell::Int(9), text("X"), day, amount, Cell::Int(1)];
    let old = Cell::Time("2023-01-01".into());
    let by_day = "day >= date '2024-01-01'";
    let by_region = "region = 'EU'";
    let mut complaints = Vec::new();
    complaints.extend(hidden_row(
        "text for a number",
        by_region,
        closed(old.clone(), text("SECRETx")),
    ));
    complaints.extend(hidden_row(
        "text for a number, filtered here",
        by_day,
        closed(old.clone(), text("SECRETx")),
    ));
    complaints.extend(hidden_row("no day", by_region, closed(text("soon"), Cell::Int(1))));
    complaints.extend(hidden_row(
        "no day, filtered here",
        by_day,
        closed(text("soon"), Cell::Int(1)),
    ));
    complaints.extend(hidden_row(
        "a double for a number, filtered here",
        by_day,
        closed(old, Cell::Float(1.5)),
    ));
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn masked_cells_of_sqlite_may_hold_anything() {
    let day = || Cell::Time("2024-03-04".into());
    let mut complaints = Vec::new();
    for (name, declared, mask, cells, same) in [
        ("text as a constant", "BIGINT", "{constant: 1}", [Cell::Int(12), text("SECRETx")], true),
        ("text as NULL", "BIGINT", "null", [Cell::Int(12), text("SECRETx")], true),
        ("text in a bucket", "BIGINT", "{bucket: 10}", [Cell::Int(12), text("SECRETx")], false),
        (
            "text in hundreds",
            "DECIMAL(10,2)",
            "{round: 2}",
            [Cell::Int(12), text("SECRETx")],
            false,
        ),
        ("nothing redacted", "TEXT", "redact", [text("a"), text("")], true),
        ("no day as NULL", "DATE", "null", [day(), text("SECRETx")], true),
        ("no day in a year", "DATE", "year", [day(), text("SECRETx")], false),
        ("no day in an age", "DATE", "{age_band: 10}", [day(), text("SECRETx")], false),
        ("an empty address", "TEXT", "email", [text("nobody"), text("")], true),
        ("a short phone", "TEXT", "last4", [text("1234"), text("SECRET")], true),
    ] {
        complaints.extend(masked_cell(Store::Sqlite, name, declared, mask, cells, same));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn hidden_rows_of_postgres_may_hold_anything() {
    let mut complaints = Vec::new();
    for (declared, plain, odd) in [
        ("NUMERIC", Cell::Int(7), text("NaN")),
        ("NUMERIC", Cell::Int(7), Cell::Dec(format!("1{}", "0".repeat(90)))),
        ("TIMESTAMP", Cell::Time("2024-01-01 00:00:00".into()), text("-infinity")),
        ("DATE", Cell::Time("2024-01-01".into()), text("4713-01-01 BC")),
    ] {
        let plain = rows(None, &plain);
        let mut with = plain.clone();
        let day = Cell::Time("infinity".into());
        with.insert(2, vec![Cell::Int(9), text("X"), day, Cell::Int(1), odd]);
        complaints.extend(compare(Worlds {
            name: &format!("a hidden {declared}"),
            store: Store::Postgres,
            tables: [table(declared, with), table(declared, plain)],
            filter: "region = 'EU'",
            mask: "",
            same: true,
        }));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn masked_cells_of_postgres_may_hold_anything() {
    let day = || Cell::Time("2024-03-04".into());
    let instant = || Cell::Time("2024-03-04 00:00:00".into());
    let mut complaints = Vec::new();
    for (name, declared, mask, cells, same) in [
        (
            "no number as a constant",
            "NUMERIC(10,2)",
            "{constant: 1}",
            [Cell::Int(12), text("NaN")],
            true,
        ),
        ("no number as NULL", "NUMERIC(10,2)", "null", [Cell::Int(12), text("NaN")], true),
        (
            "no number in a bucket",
            "NUMERIC(10,2)",
            "{bucket: 10}",
            [Cell::Int(12), text("NaN")],
            false,
        ),
        (
            "no double in tens",
            "DOUBLE PRECISION",
            "{round: 1}",
            [Cell::Float(12.5), text("NaN")],
            false,
        ),
        ("no day as NULL", "DATE", "null", [day(), text("infinity")], true),
        (
            "no day as a constant",
            "DATE",
            "{constant: '2000-01-01'}",
            [day(), text("infinity")],
            true,
        ),
        ("no day in a year", "DATE", "year", [day(), text("infinity")], false),
        ("an old day in a year", "DATE", "year", [day(), text("4713-05-01 BC")], false),
        ("no instant in a month", "TIMESTAMP", "month", [instant(), text("infinity")], false),
        ("no age", "DATE", "{age_band: 10}", [day(), text("-infinity")], false),
        (
            "no day as a pseudonym",
            "DATE",
            "{pseudonym: {domain: d}}",
            [day(), text("infinity")],
            false,
        ),
    ] {
        complaints.extend(masked_cell(Store::Postgres, name, declared, mask, cells, same));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}
