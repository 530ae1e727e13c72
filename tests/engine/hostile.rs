//! Statements that want to end the process or eat the machine. They run in a process of their own, so
//! that an abort is seen as one and memory is nobody else's.

use crate::support::ask::ask;
use crate::support::lab;
use crate::support::load::Store;
use crate::support::{block_on, policy};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the child prints before and after each statement.
const VARIABLE: &str = "CELOSIA_HOSTILE";
/// How much more memory a statement may ever have taken.
const MOST_KIB: u64 = 300 * 1024;
/// The longest a statement may take. Debug builds are slow, a runaway would take much longer.
const LONGEST: Duration = Duration::from_secs(15);

/// Statements that are too long or too deep.
fn chains() -> Vec<(&'static str, String)> {
    let many = |part: &str, separator: &str, count: usize| vec![part; count].join(separator);
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    vec![
        ("sum", format!("SELECT {}", many("1", "+", 2_000))),
        ("sum of columns", format!("SELECT {} FROM people", many("id", "+", 2_000))),
        ("or", format!("SELECT id FROM people WHERE {}", many("id = 1", " OR ", 2_000))),
        ("and", format!("SELECT id FROM people WHERE {}", many("id <> 3", " AND ", 2_000))),
        ("concatenation", format!("SELECT {}", many("'a'", " || ", 2_000))),
        ("union", many("SELECT 1", " UNION ALL ", 3_000)),
        ("union of tables", many("SELECT id FROM people", " UNION ", 500)),
        ("not", format!("SELECT {} true", "NOT ".repeat(5_000))),
        ("minus", format!("SELECT {}1", "- ".repeat(5_000))),
        ("parentheses", format!("SELECT {}", nested("(", "1", ")", 5_000))),
        ("case", format!("SELECT {}", nested("CASE WHEN true THEN ", "1", " END", 2_000))),
        ("functions", format!("SELECT {}", nested("abs(", "1", ")", 2_000))),
        ("casts", format!("SELECT 1{}", "::text::int".repeat(2_000))),
        (
            "subqueries",
            format!("SELECT * FROM {}", nested("(SELECT * FROM ", "people", ") AS x", 500)),
        ),
        ("arrays", format!("SELECT {}", nested("ARRAY[", "1", "]", 1_000))),
        ("subscripts", format!("SELECT (ARRAY[1]){}", "[1]".repeat(3_000))),
        ("joins", format!("SELECT 1 FROM people {}", "JOIN people USING (id) ".repeat(200))),
        ("comma joins", format!("SELECT count(*) FROM {}", many("people", ", ", 300))),
        ("ctes", format!("WITH {} SELECT 1", many("a AS (SELECT 1)", ", ", 1_000))),
        ("in list", format!("SELECT id FROM people WHERE id IN ({})", many("1", ",", 9_000))),
        ("columns", format!("SELECT {}", many("id", ",", 5_000) + " FROM people")),
        (
            "grouping sets",
            format!("SELECT count(*) FROM people GROUP BY CUBE ({})", many("id", ",", 40)),
        ),
        ("string", format!("SELECT length('{}') AS n", "x".repeat(20_000_000))),
        ("comment", format!("SELECT 1 /* {} */ AS one", "/* */ ".repeat(100_000))),
        ("intervals", format!("SELECT DATE '2024-01-01' {}", "+ INTERVAL '1 day' ".repeat(2_000))),
        ("between", format!("SELECT {} 1", "1 BETWEEN 0 AND ".repeat(2_000))),
        ("is null", format!("SELECT 1 {}", "IS NULL ".repeat(3_000))),
    ]
}

/// Functions that make much out of little.
const FUNCTIONS: &[&str] = &[
    "SELECT length(repeat('a', 2000000000)) AS n",
    "SELECT length(repeat(repeat('a', 100000), 100000)) AS n",
    "SELECT length(repeat(name, 100000000)) AS n FROM people",
    "SELECT repeat('a', 900000) AS x FROM events",
    "SELECT length(lpad('a', 2000000000, 'x')) AS n",
    "SELECT length(rpad(name, 1000000000)) AS n FROM people",
    "SELECT array_length(array_repeat(1, 1000000000)) AS n",
    "SELECT array_length(array_repeat(array_repeat(array_repeat(1, 1000), 1000), 1000)) AS n",
    "SELECT array_resize(ARRAY[1], 1000000000, 0) AS x",
    "SELECT array_length(generate_series(1, 10000000000)) AS n",
    "SELECT count(*) AS n FROM (SELECT unnest(generate_series(1, 1000000000)) AS i) AS s",
    "SELECT count(*) AS n FROM generate_series(1, 1000000000000)",
    "SELECT levenshtein(repeat('a', 100000), repeat('b', 100000)) AS n",
    "SELECT length(regexp_replace(repeat('a', 1000000), '', repeat('b', 10000), 'g')) AS n",
    "SELECT length(replace(repeat('a', 1000000), 'a', repeat('b', 10000))) AS n",
    "SELECT regexp_like(repeat('a', 50000), '^(a+)+$') AS n",
    "SELECT regexp_like('x', repeat('(a{1000}){1000}', 10)) AS n",
    "SELECT string_agg(repeat(a.kind, 100), ',') AS x FROM events a, events b",
    "SELECT array_agg(repeat(a.kind, 1000)) AS x FROM events a, orders b",
    "SELECT length(concat_ws(repeat('x', 900000), 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')) AS n",
    "SELECT length(repeat('a', 1000000) || repeat('a', 1000000) || repeat('a', 1000000)) AS n",
    "SELECT max(length(repeat('a', 300000) || kind)) AS n FROM events",
    "SELECT max(length(kind || repeat('a', 300000) || kind)) AS n FROM events",
    "SELECT count(*) AS n FROM events WHERE repeat('a', 300000) || kind LIKE '%b'",
    "SELECT max(a.x) AS x FROM (SELECT CASE WHEN seq > 0 THEN repeat('a', 300000) END AS x FROM events) AS a",
    "SELECT count(DISTINCT lower(repeat('A', 300000) || kind)) AS n FROM events",
    "SELECT seq, repeat('a', 300000) AS x FROM events ORDER BY seq DESC",
    "WITH RECURSIVE d (x) AS (SELECT 'a' UNION ALL SELECT x || x FROM d WHERE length(x) < 2000000000) SELECT max(length(x)) AS n FROM d",
    "WITH RECURSIVE d (i, x) AS (SELECT 1, repeat('a', 1000000) UNION ALL SELECT i + 1, x FROM d WHERE i < 3000) SELECT count(DISTINCT x || i) AS n FROM d",
    "SELECT factorial(1000000000) AS n",
    "SELECT power(10, 400) AS n",
    "SELECT array_to_string(array_repeat(repeat('a', 1000000), 100000), ',') AS x",
    "SELECT overlay(repeat('a', 1000000) PLACING repeat('b', 1000000) FROM 1) AS x FROM events",
    "SELECT to_hex(9223372036854775807) AS x, chr(1114111) AS c",
    "SELECT array_concat(array_repeat(1, 1000000), array_repeat(1, 1000000)) AS x FROM events",
    "SELECT translate(repeat('a', 1000000), 'a', 'b') AS x FROM events",
    "SELECT upper(repeat('a', 1000000)) AS x FROM events LIMIT 5000",
    "SELECT CAST(repeat('1', 1000000) AS DECIMAL(38,0)) AS x",
];

#[test]
fn long_chains_are_an_error_and_no_abort() {
    for report in child("chains", chains().len()) {
        assert!(report.took < LONGEST, "{}: {:?}", report.name, report.took);
        // These are no chains, or no deep ones: an answer or an error of another kind is as good.
        let fine =
            ["in list", "columns", "comment", "arrays", "ctes", "subscripts", "grouping sets"];
        let refused = ["too_complex", "not_allowed", "syntax"];
        let known = refused.contains(&report.code.as_str());
        assert!(known || fine.contains(&report.name.as_str()), "{}: {}", report.name, report.code);
        assert_ne!(report.code, "internal", "{}", report.name);
        assert!(report.grown_kib < MOST_KIB, "{}: {} KiB", report.name, report.grown_kib);
    }
}

#[test]
fn functions_cannot_eat_the_machine() {
    let mut complaints = Vec::new();
    for report in child("functions", FUNCTIONS.len()) {
        let sql = &report.name;
        if report.took >= LONGEST {
            complaints.push(format!("{sql}\n  took {:?}", report.took));
        }
        if report.grown_kib >= MOST_KIB {
            complaints.push(format!("{sql}\n  took {} KiB more", report.grown_kib));
        }
        if report.code == "internal" {
            complaints.push(format!("{sql}\n  is an error of ours"));
        }
        println!(
            "{:>8} KiB {:>6.1} s {:<18} {sql}",
            report.grown_kib,
            report.took.as_secs_f64(),
            report.code
        );
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// What came of one statement.
struct Report {
    name: String,
    code: String,
    took: Duration,
    grown_kib: u64,
}

/// Runs one set of statements in another process and reads its reports.
fn child(set: &str, count: usize) -> Vec<Report> {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", "engine::hostile::the_child_of_the_tests_above", "--nocapture"]);
    let output = command.env(VARIABLE, set).output().expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    let reports: Vec<Report> = text.lines().filter_map(parse).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rfind(|line| line.contains("BEGIN")).unwrap_or_default();
    assert!(output.status.success(), "{}\nat {last}\n{errors}", output.status);
    assert_eq!(reports.len(), count, "{text}");
    reports
}

fn parse(line: &str) -> Option<Report> {
    let rest = &line[line.find("REPORT\t")?..];
    let parts: Vec<&str> = rest.split('\t').collect();
    let [_, code, millis, kib, name] = parts.as_slice() else { return None };
    Some(Report {
        name: (*name).into(),
        code: (*code).into(),
        took: Duration::from_millis(millis.parse().ok()?),
        grown_kib: kib.parse().ok()?,
    })
}

/// Does nothing unless it was started by a test above.
#[test]
fn the_child_of_the_tests_above() {
    let Ok(set) = std::env::var(VARIABLE) else { return };
    let statements: Vec<(String, String)> = match set.as_str() {
        "chains" => chains().into_iter().map(|(name, sql)| (name.to_string(), sql)).collect(),
        _ => FUNCTIONS.iter().map(|sql| (sql.to_string(), sql.to_string())).collect(),
    };
    let engine = block_on(lab::engine_with(Store::Sqlite, |parts| {
        parts.limits.time = Duration::from_secs(10);
        parts.limits.memory = 64 << 20;
        parts.limits.concurrency = 64;
    }));
    let engine = engine.expect("SQLite is always here");
    let who = policy::analyst();
    let warm = block_on(ask(&engine, &who, "SELECT count(*) AS n FROM people"));
    assert_eq!(warm.error(), None, "{}", warm.everything());
    for (name, sql) in statements {
        println!("\nBEGIN\t{name}");
        let before = peak_kib(true);
        let started = Instant::now();
        let said = block_on(ask(&engine, &who, &sql));
        let code = said.error().unwrap_or("ok");
        let (took, peak) = (started.elapsed().as_millis(), peak_kib(false));
        println!("\nREPORT\t{code}\t{took}\t{}\t{name}", peak.saturating_sub(before));
        let alive = block_on(ask(&engine, &who, "SELECT 1 AS one"));
        assert_eq!(alive.error(), None, "after {name}: {}", alive.everything());
    }
}

/// The most memory this process has held, since it was last reset.
fn peak_kib(reset: bool) -> u64 {
    if reset {
        // Not allowed everywhere; then peaks only grow, and the differences are still of the statement.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
