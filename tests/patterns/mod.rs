//! `to_char`, `to_date` and `to_timestamp` give what PostgreSQL gives, for every pattern of the lists
//! over values with extremes: computed here, and computed there where they are sent there.

use crate::pushdown::fixture::Pair;
use crate::support::ask::ask;
use crate::support::lab::{benches, cluster, parts, remote};
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Table, World, columns};
use crate::support::{block_on, policy};
use celosia::query::{Engine, Parts};
use celosia_connector_testkit::cluster::PostgresCluster;
use std::fmt::Write;

const DATES: &str = include_str!("dates.txt");
const NUMBERS: &str = include_str!("numbers.txt");
const TEXTS: &str = include_str!("texts.txt");
const REFUSED: &str = include_str!("refused.txt");

/// `to_date` and `to_timestamp` with their errors as a value.
const ATTEMPTS: &str = "
SET timezone = 'UTC';
CREATE FUNCTION attempt(t text, p text) RETURNS text LANGUAGE plpgsql AS $$
  BEGIN RETURN to_char(to_timestamp(t, p), 'YYYY-MM-DD AD HH24:MI:SS.US');
  EXCEPTION WHEN others THEN RETURN 'error'; END $$;
CREATE FUNCTION attempt_date(t text, p text) RETURNS text LANGUAGE plpgsql AS $$
  BEGIN RETURN to_char(to_date(t, p), 'YYYY-MM-DD AD');
  EXCEPTION WHEN others THEN RETURN CASE WHEN SQLERRM LIKE '%for timestamp%' THEN NULL ELSE 'error' END; END $$;
";

fn moments() -> Table {
    let texts = [
        "4713-11-24 00:00:00 BC",
        "0044-03-15 11:59:59.5 BC",
        "0001-12-31 12:00:00 BC",
        "0001-01-01 00:00:00",
        "0100-10-10 10:10:10.1",
        "0999-09-09 09:09:09.09",
        "1582-10-10 13:14:15",
        "1900-02-28 23:59:59.999999",
        "1969-12-31 23:59:59.999999",
        "1970-01-01 00:00:00",
        "1999-12-31 12:34:56.789",
        "2000-02-29 01:02:03.000001",
        "2001-01-01 00:30:00",
        "2021-01-03 18:00:00.12",
        "2024-02-29 12:00:00",
        "2024-05-11 00:00:00.000999",
        "2024-07-12 11:11:11",
        "2024-08-13 21:22:23.4",
        "2024-11-21 06:00:00",
        "2024-12-30 03:03:03",
        "9999-12-31 23:59:59.999999",
        "12345-06-07 08:09:10",
        "294246-12-31 23:59:59.999999",
    ];
    let rows = texts.iter().zip(1..).map(|(text, id)| {
        let time = || Cell::Time((*text).into());
        vec![Cell::Int(id), time(), time(), time()]
    });
    let declared =
        [("id", "INTEGER"), ("z", "TIMESTAMP"), ("u", "TIMESTAMP WITH TIME ZONE"), ("y", "DATE")];
    let null = vec![Cell::Int(0), Cell::Null, Cell::Null, Cell::Null];
    let last = vec![Cell::Int(100), Cell::Null, Cell::Null, Cell::Time("5874897-12-31".into())];
    let rows = rows.chain([null, last]).collect();
    Table { name: "moments", columns: columns(&declared), rows }
}

fn numbers() -> Table {
    let whole = [0, 1, -1, 7, 12, -13, 22, 99, 100, 101, 111, 123, -485, 999, 1000, 12_345];
    let most = [i64::MAX, i64::MIN, 1_234_567, -9_876_543_210, 9_007_199_254_740_993];
    let money = ["0", "0.01", "-0.01", "0.5", "-0.5", "0.1", "1.1", "-1.25", "9.99", "10", "12.30"];
    let large = ["99.95", "-99.5", "100.05", "999.99", "123456.78", "-9999999999999.99"];
    let fine = ["0.0001", "-0.0001", "0.0005", "0.005", "0.9999", "-9.9995", "12.3456", "100000.5"];
    let floats = [0.0, -0.0, 0.5, 1.5, 2.5, -0.001, 0.1, 0.25, 0.35, 1e15, 123_456_789.987_654_3];
    let extremes = [1e-300, 1e20, -1e300, 9.995, 0.999_999_999_999_999_9, -12.5, 1e14];
    let (money, whole) = ([money.as_slice(), &large].concat(), [whole.as_slice(), &most].concat());
    let floats = [floats.as_slice(), &extremes].concat();
    let rows = (0..26).map(|id: usize| {
        let number = |list: &[&str]| list.get(id).map_or(Cell::Null, |n| Cell::Dec((*n).into()));
        let float = floats.get(id).map_or(Cell::Null, |value| Cell::Float(*value));
        vec![
            Cell::Int(id as i64),
            whole.get(id).map_or(Cell::Null, |value| Cell::Int(*value)),
            number(&money),
            number(&fine),
            float.clone(),
            if id == 15 { Cell::Null } else { unless_large(float) },
        ]
    });
    let declared = [
        ("id", "INTEGER"),
        ("n", "BIGINT"),
        ("d", "DECIMAL(15,2)"),
        ("e", "DECIMAL(10,4)"),
        ("f", "DOUBLE PRECISION"),
        ("r", "REAL"),
    ];
    Table { name: "numbers", columns: columns(&declared), rows: rows.collect() }
}

fn unless_large(cell: Cell) -> Cell {
    match cell {
        Cell::Float(value) if value.abs() > 1e30 || (value != 0.0 && value.abs() < 1e-30) => {
            Cell::Null
        }
        cell => cell,
    }
}

/// The tables at PostgreSQL: engines over them with and without pushdown, and the database's name.
async fn over(cluster: &PostgresCluster, table: Table) -> (Pair, String) {
    let url = load::postgres(cluster, &load::script(Store::Postgres, &[table]));
    let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("a name");
    let engine = async |pushdown| {
        let mut parts = parts(vec![("shop".into(), remote(Store::Postgres, &url))]).await;
        parts.rules = policy::rules_of("roles: {all: {open: [{tables: \"shop.*.*\"}]}}", "");
        Engine::new(Parts { pushdown, ..parts }).expect("an engine")
    };
    let pair = Pair { pushed: engine(true).await, local: engine(false).await };
    (pair, name.to_string())
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.is_empty())
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// For each pattern, the texts of each column; NULL is a word.
fn shown(table: &Table, list: &'static str) {
    let Some(cluster) = cluster() else { return };
    let names: Vec<&str> = table.columns.iter().skip(1).map(|column| column.name).collect();
    let statement = |pattern: &str, name: &str| {
        let shown = format!("to_char({name}, {})", literal(pattern));
        format!("SELECT id, {shown} AS v FROM {}", table.name)
    };
    let mut script = "SET timezone = 'UTC';\n".to_string();
    for pattern in lines(list) {
        for name in &names {
            // What PostgreSQL has no time stamp for is an error there, and NULL here.
            let near = format!("CASE WHEN {name} < DATE '294277-01-01' THEN {name} END");
            let near = if *name == "y" { near.as_str() } else { name };
            let _ = writeln!(
                script,
                "SELECT id, coalesce('[' || v || ']', 'NULL') FROM ({}) x ORDER BY id;\nSELECT '==';",
                statement(pattern, near)
            );
        }
    }
    let owned =
        Table { name: table.name, columns: table.columns.clone(), rows: table.rows.clone() };
    let (pair, database) = block_on(over(cluster, owned));
    let said = cluster.execute(&database, &script).expect("the patterns are PostgreSQL's");
    let mut expected = said.split("\n==").map(str::trim_start);
    let (mut count, mut failures) = (0, Vec::new());
    for pattern in lines(list) {
        for name in &names {
            let expected: Vec<&str> = expected.next().unwrap_or_default().lines().collect();
            let sql = format!("{} ORDER BY id", statement(pattern, name));
            let (pushed, local) = block_on(pair.ask(&sql));
            for (where_, said) in [("there", pushed), ("here", local)] {
                let rows = said.rows.iter().map(|row| match row[1].as_str() {
                    Some(text) => format!("{}|[{text}]", row[0]),
                    None => format!("{}|NULL", row[0]),
                });
                let rows: Vec<String> = rows.collect();
                if rows.is_empty() {
                    failures.push(format!("{name} {pattern}: {}", said.text));
                }
                for (row, expected) in rows.iter().zip(&expected) {
                    count += 1;
                    if row != expected {
                        failures.push(format!("{name} {pattern} {where_}: {row} is {expected}"));
                    }
                }
            }
        }
    }
    println!("{count} values");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count > 1_000);
}

#[test]
fn moments_are_shown_as_postgresql_shows_them() {
    shown(&moments(), DATES);
}

#[test]
fn numbers_are_shown_as_postgresql_shows_them() {
    shown(&numbers(), NUMBERS);
}

#[test]
fn texts_are_read_as_postgresql_reads_them() {
    let Some(cluster) = cluster() else { return };
    let cases: Vec<(&str, &str)> =
        lines(TEXTS).map(|line| line.split_once(" | ").expect("pattern | text")).collect();
    let mut script = ATTEMPTS.to_string();
    for (pattern, text) in &cases {
        let arguments = format!("{}, {}", literal(text), literal(pattern));
        let _ = writeln!(script, "SELECT attempt({arguments}), attempt_date({arguments});");
    }
    let (pair, database) = block_on(over(cluster, moments()));
    let said = cluster.execute(&database, &script).expect("attempts are no errors");
    let expected: Vec<&str> = said.lines().collect();
    assert_eq!(expected.len(), cases.len());
    let mut failures = Vec::new();
    for ((pattern, text), expected) in cases.iter().zip(expected) {
        let arguments = format!("{}, {}", literal(text), literal(pattern));
        let mut found = Vec::new();
        for call in [
            format!("to_char(to_timestamp({arguments}), 'YYYY-MM-DD AD HH24:MI:SS.US')"),
            format!("to_char(to_date({arguments}), 'YYYY-MM-DD AD')"),
        ] {
            let (said, _) = block_on(pair.ask(&format!("SELECT {call} AS v")));
            found.push(match said.error() {
                Some("evaluation") => "error".to_string(),
                Some(_) => said.text,
                None => said.rows[0][0].as_str().unwrap_or_default().to_string(),
            });
        }
        if found.join("|") != expected {
            failures.push(format!("{pattern} of {text}: {} is {expected}", found.join("|")));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn seconds_since_1970_are_those_of_postgresql() {
    let Some(cluster) = cluster() else { return };
    let (pair, database) = block_on(over(cluster, moments()));
    for seconds in [
        "0",
        "1",
        "-1",
        "0.1",
        "1707472800.123456",
        "1707472800.1234565",
        "-0.0000005",
        "1e-7",
        "-210866803200",
        "9223372036",
        "4102444799.9999999",
        "253402300799.999999",
    ] {
        let shown = format!(
            "SELECT to_char(to_timestamp(CAST('{seconds}' AS double precision)), 'YYYY-MM-DD AD HH24:MI:SS.US') AS v"
        );
        let expected = cluster.execute(&database, &format!("SET timezone = 'UTC'; {shown}"));
        let (said, _) = block_on(pair.ask(&shown));
        assert_eq!(said.rows[0][0].as_str(), expected.as_deref().ok(), "{seconds}: {}", said.text);
    }
    for seconds in ["-210866803201", "9224318016000", "1e300", "-1e300", "NaN", "Infinity"] {
        let sql = format!("SELECT to_timestamp(CAST('{seconds}' AS double precision)) AS v");
        let (said, _) = block_on(pair.ask(&sql));
        assert_eq!(said.error(), Some("evaluation"), "{seconds}: {}", said.text);
    }
}

#[test]
fn ages_are_those_of_postgresql() {
    let Some(cluster) = cluster() else { return };
    let (pair, database) = block_on(over(cluster, moments()));
    let part = |part| format!("extract({part} FROM age(a.z, b.z)) AS {part}s");
    let parts = ["year", "month", "day", "hour", "minute", "second"].map(part).join(", ");
    let sql = format!(
        "SELECT a.id, b.id AS other, {parts} FROM moments a, moments b \
         WHERE a.id BETWEEN 1 AND 23 AND b.id BETWEEN 1 AND 23 ORDER BY a.id, b.id"
    );
    let expected = cluster.execute(&database, &sql).expect("ages");
    let (said, _) = block_on(pair.ask(&sql));
    let shown = |cell: &serde_json::Value| match cell.as_str() {
        Some(text) => text.to_string(),
        None => cell.to_string(),
    };
    let rows = said.rows.iter().filter_map(|row| row.as_array());
    let rows: Vec<String> =
        rows.map(|row| row.iter().map(shown).collect::<Vec<_>>().join("|")).collect();
    assert_eq!(rows.len(), 23 * 23, "{}", said.text);
    assert_eq!(rows.join("\n"), expected);
}

#[test]
fn what_is_not_supported_says_what_to_write() {
    let engine = benches()[0].engine(World::A, true);
    for line in lines(REFUSED) {
        let (sql, hint) = line.split_once(" | ").expect("statement | hint");
        let said = block_on(ask(engine, &policy::analyst(), sql));
        assert_eq!(said.error(), Some("invalid_statement"), "{sql}: {}", said.text);
        let found = said.head["hint"].as_str().unwrap_or_default();
        assert!(found.contains(hint), "{sql}: {} {found}", said.text);
    }
}
