//! A short run of what cargo-fuzz runs for long (`fuzz/`): seeds, changed at random. A crash that was found
//! is a file of `tests/fuzz/found/`, named by its target.

use crate::support::rng::Rng;
use std::path::{Path, PathBuf};

/// Changed seeds of each target; `CELOSIA_FUZZ_CASES` says otherwise.
const CASES: usize = 3_000;

/// Runs the seeds as they are, what was found before, and as many changed seeds as are wanted.
fn smoke(target: &str, seeds: &[Vec<u8>], run: impl Fn(&[u8])) {
    let cases = std::env::var("CELOSIA_FUZZ_CASES").ok().and_then(|n| n.parse().ok());
    let seed = std::env::var("CELOSIA_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut random = Rng::new(seed);
    seeds.iter().chain(&found(target)).for_each(|input| run(input));
    for case in 0..cases.unwrap_or(CASES) {
        let input = changed(seeds, &mut random);
        let run = std::panic::AssertUnwindSafe(|| run(&input));
        if std::panic::catch_unwind(run).is_err() {
            panic!("{target}, seed {seed}, case {case}: {:?}", String::from_utf8_lossy(&input));
        }
    }
}

fn found(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/found");
    let of_target = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(target))
    };
    let files =
        std::fs::read_dir(directory).into_iter().flatten().flatten().map(|file| file.path());
    files.filter(of_target).map(|path| std::fs::read(path).expect("a file")).collect()
}

/// A seed with bytes, words and lines changed, or a piece of another one in it.
fn changed(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "(",
        ")",
        "'",
        "\"",
        "--",
        "/*",
        ";",
        "\n",
        ":",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "null",
        "NULL",
        "0",
        "-1",
        "9223372036854775808",
        "1e999",
        "\u{0}",
        "\u{202e}",
        "\u{feff}",
        "$1",
        "*",
        "&a",
        "*a",
        "!!int",
        "true",
        "SELECT",
        "UNION ALL",
        "env:X",
        "file:/x",
        "\\u0000",
        "é",
    ];
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let to = (at + random.below(24)).min(input.len());
        match random.below(6) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 => drop(input.drain(at..to)),
            2 => drop(input.splice(at..at, random.pick(WORDS).bytes())),
            3 => drop(input.splice(at..to, random.pick(WORDS).bytes())),
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let until = (from + random.below(80)).min(other.len());
                drop(input.splice(at..to, other[from..until].iter().copied()));
            }
            _ => {
                let piece = input[at..to].repeat(1 + random.below(20));
                drop(input.splice(at..at, piece));
            }
        }
    }
    input
}

/// Statements of the other suites, split where their files split them.
fn statements() -> Vec<Vec<u8>> {
    let texts = [
        include_str!("../tpch/queries.sql"),
        include_str!("../pushdown/statements.sql"),
        include_str!("../caution/shop.sql"),
        include_str!("../slt/dates.slt"),
    ];
    let parts = texts.iter().flat_map(|text| text.split("\n\n"));
    parts.filter(|part| part.len() > 8).map(|part| part.as_bytes().to_vec()).collect()
}

fn files(directory: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let files =
        std::fs::read_dir(directory).expect("a directory").flatten().map(|file| file.path());
    let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

#[test]
fn the_gate() {
    celosia::query::fuzz::on_planning_stack(|| {
        smoke("sql_gate", &statements(), celosia::query::fuzz::statement);
    });
}

#[test]
fn rules() {
    let roles =
        "roles: { a: { groups: [g], open: [{ tables: \"s.p.*\", rows: \"r = user.r\" }] } }";
    let mut seeds = files("masking-rules");
    seeds.push(format!("{roles}\n---\nversion: 1\nmasks: []\n").into_bytes());
    for seed in files("masking-rules") {
        seeds.push([roles.as_bytes(), b"\n---\n", &seed].concat());
    }
    smoke("rules", &seeds, celosia::policy::fuzz::rules);
}

#[test]
fn masks() {
    let texts = "ana@example.org\n+34 600 000 000\n\u{1F600}@x\n\n日本語\nx\0@y".as_bytes();
    let numbers: Vec<u8> =
        [i64::MIN, -1, 0, 1, 19_000, i64::MAX].iter().flat_map(|n| n.to_le_bytes()).collect();
    let seeds = (0..10_u8).flat_map(|mask| {
        let kinds = (0..6_u8).map(move |kind| (mask, kind));
        kinds.map(|(mask, kind)| {
            [&[mask, kind][..], if kind == 0 { texts } else { numbers.as_slice() }].concat()
        })
    });
    let seeds: Vec<_> = seeds.collect();
    smoke("masks", &seeds, celosia::policy::fuzz::masks);
}

#[test]
fn configurations() {
    let design = r#"
version: 1
server: { listen: "127.0.0.1:8017", public_url: "http://127.0.0.1:8017", allowed_hosts: [], allowed_origins: [] }
identity:
  local: { user: ana, roles: [analyst], attributes: { region: EU } }
  api_keys: { file: keys.yaml }
sources:
  sales:   { kind: postgres,  url: "env:SALES_URL", schemas: [public], concurrency: 8 }
  support: { kind: sqlite,    url: "sqlite:support.db" }
roles:
  analyst:
    groups: [data-analysts]
    open: [{ tables: "sales.public.*", rows: "region = user.region" }]
pseudonym_key: "env:KEY"
audit: { store: "sqlite:audit.db" }
limits: { rows: 1000, bytes: 1MiB, time: 30s, memory: 512MiB }
"#;
    let mut seeds = vec![design.as_bytes().to_vec()];
    // Each case of the surface's tests, as a text of its own.
    let cases = include_str!("../mcp/configs.yaml");
    seeds.extend(cases.split("\n- ").map(|case| case.as_bytes().to_vec()));
    smoke("config", &seeds, celosia::config::fuzz::config);
}

#[test]
fn frames() {
    let lines = [
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"query","arguments":{"sql":"select 1","params":[1,null,"x"]}}}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"server/discover","params":{}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        r#"{"id":{"a":[1,2,{"b":null}]},"jsonrpc":"2.0","result":{}}"#,
        "",
        "\u{feff}{}",
    ];
    let all = lines.join("\n");
    let mut seeds: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
    seeds.push(all.into_bytes());
    smoke("frames", &seeds, celosia::mcp::fuzz::frames);
}
