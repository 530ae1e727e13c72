//! The worlds: what the same deployment holds in each of them, as rows.
//!
//! `A` and `B` differ only in hidden rows, hidden columns and masked cells; every governed value is the
//! same. `C` holds what `A` holds, but what is hidden from everybody does not exist there at all.

use super::people;
use super::secret::MARK;

/// One of the worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum World {
    /// The first.
    A,
    /// The same to every caller, another one behind the policy.
    B,
    /// `A` without the hidden table and the hidden columns.
    C,
}

/// A stored value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// An exact number, as its text.
    Dec(String),
    /// A double.
    Float(f64),
    /// Text.
    Text(String),
    /// TRUE or FALSE.
    Bool(bool),
    /// A date or time stamp, as its text.
    Time(String),
}

/// A column: its name and its type in both dialects.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The name.
    pub name: &'static str,
    /// How SQLite and PostgreSQL both spell the type.
    pub declared: &'static str,
    /// Whether it exists in world C.
    pub open: bool,
}

/// A table and its rows.
#[derive(Debug)]
pub struct Table {
    /// The name.
    pub name: &'static str,
    /// The columns; the first is the primary key where its values are different.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// `name declared` as columns that exist everywhere; a leading `-` marks one that nobody may see.
pub fn columns(list: &[(&'static str, &'static str)]) -> Vec<Column> {
    list.iter()
        .map(|(name, declared)| match name.strip_prefix('-') {
            Some(name) => Column { name, declared, open: false },
            None => Column { name, declared, open: true },
        })
        .collect()
}

/// Text, or NULL where there is none.
pub fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

/// Some `cell`, or NULL.
pub fn unless(null: bool, cell: Cell) -> Cell {
    if null { Cell::Null } else { cell }
}

/// The tables of the source `shop`.
pub fn shop(world: World) -> Vec<Table> {
    let mut tables = vec![people::people(world), orders(world), events(world), invoices()];
    if world != World::C {
        tables.push(secrets(world));
    }
    for table in &mut tables {
        if world == World::C {
            let open: Vec<bool> = table.columns.iter().map(|column| column.open).collect();
            table.columns.retain(|column| column.open);
            for row in &mut table.rows {
                let mut at = open.iter();
                row.retain(|_| at.next().copied().unwrap_or(true));
            }
        }
    }
    tables
}

/// The tables of the source `desk`.
pub fn desk(world: World) -> Vec<Table> {
    vec![tickets(world)]
}

fn is_b(world: World) -> bool {
    world == World::B
}

/// Open: region in the caller's list, not void. Note redacted, card hidden.
fn orders(world: World) -> Table {
    let columns = columns(&[
        ("id", "BIGINT"),
        ("person_id", "BIGINT"),
        ("amount", "DECIMAL(12,2)"),
        ("fee", "DOUBLE PRECISION"),
        ("placed", "TIMESTAMP"),
        ("region", "TEXT"),
        ("status", "TEXT"),
        ("note", "TEXT"),
        ("-card", "TEXT"),
    ]);
    let letter = if is_b(world) { "B" } else { "A" };
    let mut rows = Vec::new();
    for id in 1..=160_i64 {
        let hidden = if is_b(world) { id % 7 == 4 } else { id % 7 == 3 };
        // Neither world shows these ids; each has its own rows there, or none.
        if id % 7 == 3 || id % 7 == 4 {
            if hidden {
                rows.push(hidden_order(id, letter));
            }
            continue;
        }
        rows.push(vec![
            Cell::Int(id),
            unless(id % 19 == 0, Cell::Int(person_of(id))),
            unless(id % 23 == 0, Cell::Dec(format!("{}.{:02}", id * 37 % 900 + 5, id % 100))),
            unless(id % 17 == 0, Cell::Float((id * 31 % 400) as f64 / 8.0 + 0.5)),
            Cell::Time(format!("2024-{:02}-{:02} {:02}:15:00", id % 12 + 1, id % 28 + 1, id % 24)),
            text(["EU", "NA", "APAC"][(id % 3) as usize]),
            text(["paid", "open", "sent"][(id % 5 % 3) as usize]),
            unless(id % 6 == 0, text(format!("{MARK}{letter}-note-{}", id * 11))),
            text(format!("{MARK}{letter}-card-{id}")),
        ]);
    }
    Table { name: "orders", columns, rows }
}

/// Also people whom nobody sees, but not 3 and 4: a condition on those may be computed on either side
/// of a join, so open references to them would raise what only hidden people must not raise.
fn person_of(order: i64) -> i64 {
    match order * 17 % 104 + 1 {
        3 => 7,
        4 => 14,
        other => other,
    }
}

fn hidden_order(id: i64, letter: &str) -> Vec<Cell> {
    let void = id % 2 == 0;
    vec![
        Cell::Int(id),
        Cell::Int(id % 90 + 1),
        Cell::Dec("9999999999.99".into()),
        Cell::Float(1e300),
        Cell::Time("9999-12-31 23:59:59".into()),
        if id % 3 == 0 && !void { Cell::Null } else { text(if void { "EU" } else { "X" }) },
        text(if void { "void" } else { "paid" }),
        text(format!("{MARK}{letter}-hidden-note")),
        text(format!("{MARK}{letter}-hidden-card")),
    ]
}

/// More rows than one batch. Open: from 2024 on; SQLite cannot be asked for that, so the leaf filters.
/// The rows of one world begin with closed ones, those of the other end with them.
fn events(world: World) -> Table {
    const OPEN: i64 = 6_000;
    let columns = columns(&[
        ("id", "BIGINT"),
        ("seq", "BIGINT"),
        ("kind", "TEXT"),
        ("amount", "DOUBLE PRECISION"),
        ("day", "DATE"),
    ]);
    let open = (1..=OPEN).map(|seq| {
        vec![
            Cell::Int(10_000 + seq),
            Cell::Int(seq),
            text(["view", "click", "buy"][(seq % 3) as usize]),
            Cell::Float(seq as f64 * 0.1),
            Cell::Time(format!("2024-{:02}-{:02}", seq % 12 + 1, seq % 28 + 1)),
        ]
    });
    let closed = |from: i64, count: i64| {
        (from..from + count).map(|id| {
            vec![
                Cell::Int(id),
                Cell::Int(0),
                text(format!("{MARK}event")),
                Cell::Float(1e12),
                Cell::Time("2023-12-31".into()),
            ]
        })
    };
    let rows = if is_b(world) {
        open.chain(closed(20_001, 1_000)).collect()
    } else {
        closed(1, 3_000).chain(open).collect()
    };
    Table { name: "events", columns, rows }
}

/// Capitals in the names of table and columns; open as it is.
fn invoices() -> Table {
    let columns =
        columns(&[("InvoiceId", "BIGINT"), ("CustomerName", "TEXT"), ("total", "BIGINT")]);
    let rows =
        (1..=5).map(|i| vec![Cell::Int(i), text(format!("Customer {i}")), Cell::Int(i * 100)]);
    Table { name: "Invoices", columns, rows: rows.collect() }
}

/// Open to nobody.
fn secrets(world: World) -> Table {
    let columns = columns(&[("id", "BIGINT"), ("secret", "TEXT"), ("amount", "BIGINT")]);
    let count = if is_b(world) { 2 } else { 9 };
    let rows = (1..=count).map(|i| vec![Cell::Int(i), text(format!("{MARK}{i}")), Cell::Int(i)]);
    Table { name: "secrets", columns, rows: rows.collect() }
}

/// In the other source. Open: from 2024 on. Subject redacted; the tax id joins with people by its token.
fn tickets(world: World) -> Table {
    let columns = columns(&[
        ("id", "BIGINT"),
        ("person_id", "BIGINT"),
        ("person_tax", "TEXT"),
        ("subject", "TEXT"),
        ("opened", "DATE"),
        ("priority", "BIGINT"),
        ("status", "TEXT"),
    ]);
    let letter = if is_b(world) { "B" } else { "A" };
    let mut rows = Vec::new();
    for id in 1..=80_i64 {
        let closed = id % 4 == if is_b(world) { 3 } else { 2 };
        if matches!(id % 4, 2 | 3) {
            if closed {
                rows.push(vec![
                    Cell::Int(id),
                    Cell::Int(id % 90 + 1),
                    text(format!("{MARK}{letter}-closed-tax")),
                    text(format!("{MARK}{letter}-closed-subject")),
                    Cell::Time("2023-06-30".into()),
                    Cell::Int(0),
                    text("hidden"),
                ]);
            }
            continue;
        }
        rows.push(vec![
            Cell::Int(id),
            unless(id % 9 == 0, Cell::Int(id * 7 % 100 + 1)),
            unless(id % 13 == 0, text(people::tax(id % 70))),
            text(format!("{MARK}{letter}-subject-{}", id * 3)),
            Cell::Time(format!("2024-{:02}-{:02}", id % 12 + 1, id % 28 + 1)),
            Cell::Int(id % 5 + 1),
            text(["new", "open", "done"][(id % 3) as usize]),
        ]);
    }
    Table { name: "tickets", columns, rows }
}
