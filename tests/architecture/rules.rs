//! The rules of the house (DESIGN.md, section 2), over sources as text.

use super::source::Source;

/// The rooms of `src/` and the rooms each of them may import. `app`, `main` and `lib` may import all.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("error", &[]),
    ("post", &[]),
    ("endpoint", &["post"]),
    ("telemetry", &["model", "error", "post"]),
    ("policy", &["model", "error"]),
    ("catalog", &["model", "error"]),
    ("audit", &["model", "error", "post", "telemetry"]),
    ("results", &["model", "error"]),
    ("identity", &["model", "error"]),
    ("semantics", &["model", "error"]),
    ("limits", &["model", "error"]),
    ("config", &["model", "error", "post"]),
    ("demo", &["model", "error"]),
    (
        "query",
        &[
            "policy",
            "catalog",
            "audit",
            "results",
            "semantics",
            "limits",
            "endpoint",
            "model",
            "error",
            "telemetry",
        ],
    ),
    ("console", &["query", "policy", "catalog", "audit", "limits", "identity", "model", "error"]),
    ("mcp", &["query", "results", "identity", "semantics", "model", "error", "telemetry"]),
];

/// What mcp may name of rooms it does not import: what the engine hands out.
const HANDED_OUT: &[(&str, &str)] = &[("mcp", "audit::Receipt")];

/// Crates and the directories that alone may use them.
const CRATES: &[(&str, &[&str])] = &[
    ("rmcp", &["src/mcp/"]),
    ("axum", &["src/mcp/", "src/console/"]),
    ("datafusion", &["src/query/"]),
    // Other processes are known in one place.
    ("ballista_core", &["src/query/cluster/"]),
    ("ballista_executor", &["src/query/cluster/"]),
    ("ballista_scheduler", &["src/query/cluster/"]),
    ("datafusion_proto", &["src/query/cluster/"]),
    ("tonic", &["src/query/cluster/"]),
    ("arrow_flight", &["src/query/cluster/"]),
    ("rcgen", &["src/query/cluster/transport.rs", "connectors/testkit/"]),
    (
        "sqlx",
        &[
            "connectors/postgres/",
            "connectors/sqlite/",
            "src/audit/",
            "src/demo/",
            "src/limits/",
            "src/results/shared.rs",
        ],
    ),
    ("governor", &["src/limits/"]),
    ("prometheus_client", &["src/telemetry/"]),
    ("tiberius", &["connectors/sqlserver/"]),
    // The wire double of Oracle is held to what Oracle's own driver says to it.
    ("oracledb", &["connectors/oracle/", "connectors/testkit/tests/"]),
    ("sqlparser", &["src/query/", "src/policy/", "connectors/testkit/"]),
    ("arrow_ipc", &["src/results/"]),
    ("parquet", &["src/results/"]),
    ("plotters", &["src/results/"]),
    (
        "aws_lc_rs",
        &[
            "src/audit/",
            "src/identity/",
            "src/query/cluster/seal.rs",
            "src/query/cluster/transport.rs",
            "src/results/shared.rs",
            "connectors/",
        ],
    ),
    // The only code of ours that speaks to somebody by HTTP.
    ("hyper", &["src/identity/oidc/fetch.rs", "src/post.rs"]),
    ("celosia_connector_postgres", &["src/app", "connectors/postgres/"]),
    ("celosia_connector_sqlite", &["src/app", "connectors/sqlite/"]),
    ("celosia_connector_oracle", &["src/app", "connectors/oracle/"]),
    ("celosia_connector_sqlserver", &["src/app", "connectors/sqlserver/"]),
    ("celosia_connector_testkit", &[]),
];

/// Proofs and the places that alone may make them.
const PROOFS: &[(&str, &str)] = &[
    ("Principal::establish(", "src/identity/"),
    ("Grant {", "src/policy/"),
    ("Receipt::new(", "src/audit/"),
    ("Governed {", "src/query/run.rs"),
];

/// Macros that leave a hole or print.
const FORBIDDEN: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// The longest file.
const MOST_LINES: usize = 500;

/// The files of every connector.
const CONNECTOR: [&str; 7] =
    ["lib", "config", "connection", "catalog", "dialect", "types", "error"];

/// Everything that breaks a rule.
pub fn broken(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        found.extend(arrows(source));
        found.extend(crates(source));
        found.extend(proofs(source));
        if source.lines > MOST_LINES {
            found.push(format!(
                "{} has {} lines, more than {MOST_LINES}",
                source.path, source.lines
            ));
        }
        let holes = FORBIDDEN.iter().filter(|hole| has_word(&source.code, hole));
        found.extend(holes.map(|hole| format!("{} has {hole}", source.path)));
    }
    found.extend(connectors(sources));
    found
}

/// Imports of rooms that a room may not know.
fn arrows(source: &Source) -> Vec<String> {
    let Some(room) = room(&source.path) else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        let free = ["app", "main", "lib"].contains(&room);
        let unknown = format!("{}: room \"{room}\" is not in the plan of the house", source.path);
        return if free { Vec::new() } else { vec![unknown] };
    };
    let mut found = Vec::new();
    for import in imports(source) {
        let target = import.split("::").next().unwrap_or_default();
        let known = target == "app" || ROOMS.iter().any(|(name, _)| *name == target);
        let handed = HANDED_OUT.iter().any(|(to, what)| *to == room && import.starts_with(what));
        if known && target != room && !allowed.contains(&target) && !handed {
            found.push(format!("{} imports crate::{import}: {room} may not", source.path));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The room that a file of `src/` belongs to.
fn room(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    let first = rest.split('/').next()?;
    Some(first.trim_end_matches(".rs"))
}

/// Every path that starts at the crate's root, without `crate::`.
fn imports(source: &Source) -> Vec<String> {
    let code = &source.code;
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        if !before.is_alphanumeric() && before != '_' && before != '$' {
            found.extend(heads(&code[at + "crate::".len()..]));
        }
    }
    let depth = module_depth(&source.path);
    for (at, _) in code.match_indices("super::") {
        if code[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut ups = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, ups) = (after, ups + 1);
        }
        if ups >= depth {
            found.extend(heads(rest));
        }
    }
    found
}

/// How many `super` lead from a file's module to the crate's root.
fn module_depth(path: &str) -> usize {
    let rest = path.trim_start_matches("src/").trim_end_matches(".rs");
    rest.split('/').filter(|part| *part != "mod").count()
}

/// The first two parts of a path, or of each path of a group `{a::b, c}`.
fn heads(text: &str) -> Vec<String> {
    let Some(group) = text.strip_prefix('{') else { return vec![head(text)] };
    let mut depth = 1;
    let mut start = 0;
    let mut found = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            found.push(head(group[start..at].trim()));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found.retain(|head| !head.is_empty());
    found
}

fn head(text: &str) -> String {
    let end =
        text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
    let parts: Vec<&str> = text[..end].split("::").take(2).collect();
    parts.join("::")
}

/// Crates that are used outside their place.
fn crates(source: &Source) -> Vec<String> {
    if source.path.starts_with("tests/") || source.path.starts_with("benches/") {
        return Vec::new();
    }
    let used = |name: &str| {
        has_word(&source.code, &format!("{name}::"))
            || has_word(&source.code, &format!("use {name};"))
    };
    CRATES
        .iter()
        .filter(|(_, places)| !places.iter().any(|place| source.path.starts_with(place)))
        // A connector's own tests and examples run the conformance suite and its servers.
        .filter(|(name, _)| {
            let apart = source.path.contains("/tests/") || source.path.contains("/examples/");
            *name != "celosia_connector_testkit" || !apart
        })
        .filter(|(name, _)| used(name))
        .map(|(name, _)| format!("{} uses {name}, which it may not", source.path))
        .collect()
}

/// Proof types that are made outside their place. Tests may make what they like.
fn proofs(source: &Source) -> Vec<String> {
    let in_src = source.path.starts_with("src/");
    PROOFS
        .iter()
        .filter(|(_, place)| in_src && !source.path.starts_with(place))
        .filter(|(proof, _)| makes(&source.production, proof))
        .map(|(proof, place)| format!("{} makes {proof} outside {place}", source.path))
        .collect()
}

/// Whether the text makes the value; a mere `struct` or `impl` of that name does not.
fn makes(code: &str, proof: &str) -> bool {
    code.match_indices(proof).any(|(at, _)| {
        let before = code[..at].trim_end();
        let whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        // `-> Grant {` is the end of a signature, `impl Grant {` and `for Grant {` declare.
        let declares =
            ["struct", "impl", "for", "enum", "->", "&", "dyn"].iter().any(|w| before.ends_with(w));
        whole && !declares
    })
}

/// Whether `word` stands in the text and does not end a longer name.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

/// Connectors that lack one of their files.
fn connectors(sources: &[Source]) -> Vec<String> {
    let mut names: Vec<&str> = sources
        .iter()
        .filter_map(|source| source.path.strip_prefix("connectors/")?.split_once("/src/"))
        .map(|(name, _)| name)
        .filter(|name| !["api", "testkit"].contains(name))
        .collect();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        for file in CONNECTOR {
            let path = format!("connectors/{name}/src/{file}.rs");
            if !sources.iter().any(|source| source.path == path) {
                found.push(format!("{path} is missing"));
            }
        }
    }
    found
}
