//! The table `people`: open rows, rows that only one role opens, and hidden rows, with masked columns
//! whose raw values differ between the worlds and whose masked values do not.

use super::secret::MARK;
use super::world::{Cell, Table, World, columns, text, unless};

/// Ids that nobody sees end in these digits in world A, in world B.
const HIDDEN_A: [i64; 2] = [3, 7];
const HIDDEN_B: [i64; 1] = [4];
/// Ids that only the role `regional` opens: score at or above 50, region X.
const REGIONAL: i64 = 9;

/// The table.
pub fn people(world: World) -> Table {
    let columns = columns(&[
        ("id", "BIGINT"),
        ("name", "TEXT"),
        ("email", "TEXT"),
        ("phone", "TEXT"),
        ("tax_id", "TEXT"),
        ("salary", "BIGINT"),
        ("bonus", "DECIMAL(10,2)"),
        ("born", "DATE"),
        ("joined", "TIMESTAMP"),
        ("badge", "TEXT"),
        ("level", "BIGINT"),
        ("rate", "DOUBLE PRECISION"),
        ("region", "TEXT"),
        ("score", "BIGINT"),
        ("active", "BOOLEAN"),
        ("code", "TEXT"),
        ("manager_id", "BIGINT"),
        ("-nickname", "TEXT"),
        ("-notes", "TEXT"),
        ("on_hold", "BOOLEAN"),
    ]);
    let hidden: &[i64] = if world == World::B { &HIDDEN_B } else { &HIDDEN_A };
    let mut rows = Vec::new();
    for id in 1..=100_i64 {
        if hidden.contains(&(id % 10)) {
            rows.push(closed(world, id));
        } else if HIDDEN_A.contains(&(id % 10)) || HIDDEN_B.contains(&(id % 10)) {
            continue;
        } else {
            rows.push(open(world, id));
        }
    }
    Table { name: "people", columns, rows }
}

/// The tax id of a person, raw; some share theirs.
pub fn tax(id: i64) -> String {
    format!("{MARK}-TAX-{}", id / 3)
}

/// Raw numbers and dates that no reply may hold: those of masked cells.
pub fn raw_numbers(world: World) -> Vec<String> {
    let mut raw = Vec::new();
    for id in (1..=100).filter(|id| matches!(id % 10, 1 | 2 | 5 | 6 | 8 | 0)) {
        raw.push(salary(world, id).to_string());
        raw.push(rate(world, id).to_string());
        raw.push(born(world, id));
        raw.push(joined(world, id).replace(' ', "T"));
        raw.push(bonus(world, id));
    }
    raw
}

fn b(world: World) -> bool {
    world == World::B
}

fn letter(world: World) -> &'static str {
    if b(world) { "B" } else { "A" }
}

/// In buckets of 10,000 the same in both worlds. The order within a bucket is turned around.
fn salary(world: World, id: i64) -> i64 {
    let bucket = if id % 25 == 0 { -20_000 } else { (id % 7) * 10_000 };
    bucket + if b(world) { 2_219 - id } else { 7_731 + id - 1 }
}

/// Rounded to hundreds the same in both worlds.
fn rate(world: World, id: i64) -> f64 {
    let hundreds = (id % 9 + 1) as f64 * 100.0;
    hundreds + if b(world) { -31.375 } else { 17.625 } + (id % 5) as f64 / 16.0
}

fn bonus(world: World, id: i64) -> String {
    if b(world) { format!("{}.37", 5_103 + id) } else { format!("{}.81", 8_209 - id) }
}

/// In the same year.
fn born(world: World, id: i64) -> String {
    let year = 1950 + id % 50;
    if b(world) { format!("{year}-02-{:02}", id % 27 + 2) } else { format!("{year}-07-13") }
}

/// In the same month.
fn joined(world: World, id: i64) -> String {
    let month = format!("{}-{:02}", 2010 + id % 12, id % 12 + 1);
    if b(world) { format!("{month}-17 23:59:58") } else { format!("{month}-03 10:11:12") }
}

/// A row of the open regions, or one of region X that the role `regional` opens.
fn open(world: World, id: i64) -> Vec<Cell> {
    let regional = id % 10 == REGIONAL;
    let (l, last) = (letter(world), id * 7 % 9_000 + 1_000);
    // What differs between the worlds is read backwards in one of them, and has another length.
    let turned = if b(world) { 1_000 - id } else { id };
    let email = match id % 13 {
        0 => format!("{MARK}{l}{turned}"),
        _ => format!("{MARK}{l}{turned}@{}.example", ["corp", "mail", "shop"][(id % 3) as usize]),
    };
    let phone = match (id % 11, b(world)) {
        (0, false) => "12".to_string(),
        (0, true) => "98-76".to_string(),
        (_, false) => format!("{MARK}A-{last}"),
        (_, true) => format!("{MARK}BB-99-{last}"),
    };
    // In a row of region X only id, region, score and nickname are open, and only to one role.
    let tax_id = if regional { format!("{MARK}{l}-X-{id}") } else { tax(id) };
    let score =
        if regional { Some(50 + id % 40) } else { (id % 10 != 0).then_some(id * 3 % 89 + 1) };
    let shows = score.is_some_and(|score| score >= 50);
    let name = format!(
        "{} {id:02}",
        ["Ada", "Zoë", "O'Neil", "ÅSE", "Kim", "de la Cruz"][(id % 6) as usize]
    );
    vec![
        Cell::Int(id),
        text(if regional { format!("{MARK}{l}-name") } else { name }),
        unless(id % 12 == 0, text(email)),
        unless(id % 16 == 0, text(phone)),
        unless(id % 21 == 0, text(tax_id)),
        unless(id % 22 == 0, Cell::Int(salary(world, id))),
        unless(b(world) == (id % 2 == 0), Cell::Dec(bonus(world, id))),
        unless(id % 26 == 0, Cell::Time(born(world, id))),
        unless(id % 28 == 0, Cell::Time(joined(world, id))),
        unless(id % 15 == 0, text(format!("{MARK}{l}-badge-{turned}"))),
        unless(id % 18 == 0, Cell::Int(turned)),
        unless(id % 20 == 0, Cell::Float(rate(world, id))),
        text(if regional { "X" } else { ["EU", "NA", "APAC"][(id % 3) as usize] }),
        score.map_or(Cell::Null, Cell::Int),
        unless(id % 14 == 0, Cell::Bool(id % 4 != 1)),
        if regional { text(format!("{MARK}{l}-code")) } else { text((100 + id).to_string()) },
        match id % 8 {
            0 => Cell::Null,
            // A person whom nobody sees.
            1 => Cell::Int(3),
            2 => Cell::Int(4),
            _ => Cell::Int(id / 10 * 10 + 1),
        },
        if shows { text((700 + id).to_string()) } else { text(format!("{MARK}{l}-nick")) },
        text(format!("{MARK}{l}-notes-{turned}")),
        Cell::Bool(false),
    ]
}

/// A row that no role opens: of another region, of none, or on hold. It holds what raises an error.
fn closed(world: World, id: i64) -> Vec<Cell> {
    let l = letter(world);
    let extreme = if id % 10 == 3 { i64::MAX } else { i64::MIN + 1 };
    let score = if id % 20 < 10 { 0 } else { extreme };
    // Where the role `regional` would open the row, the restriction closes it.
    let held = score >= 50;
    let (region, on_hold) = match id / 10 % 4 {
        0 => (text("X"), Cell::Bool(held)),
        1 => (Cell::Null, Cell::Bool(held)),
        2 => (text("EU"), Cell::Bool(true)),
        _ => (text("NA"), Cell::Null),
    };
    vec![
        Cell::Int(id),
        // Not a regular expression.
        text(if id % 20 < 10 { "(".to_string() } else { format!("{MARK}{l}(") }),
        text(format!("{MARK}{l}h{id}@corp.example")),
        text(format!("{MARK}{l}h-5551234")),
        text(tax(id)),
        Cell::Int(extreme),
        Cell::Dec("99999999.99".into()),
        Cell::Time("9999-12-31".into()),
        Cell::Time("9999-12-31 23:59:59".into()),
        text(format!("{MARK}{l}h-badge")),
        Cell::Int(0),
        Cell::Float(-1e308),
        region,
        Cell::Int(score),
        Cell::Bool(true),
        text(format!("{MARK}{l}h-code")),
        Cell::Int(id),
        text(format!("{MARK}{l}h-nick")),
        text(format!("{MARK}{l}h-notes")),
        on_hold,
    ]
}
