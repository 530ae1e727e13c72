//! `celosia policy`: what the policy means, whether it is what was meant, and what a change opens.

use super::{Assembly, Failure, callers, rules};
use crate::catalog::{Lock, Snapshot, is_personal_name, nearest};
use crate::config::Config;
use crate::console::access;
use crate::model::{Principal, TableEntry};
use crate::policy::{self, Direction, Expectation, PolicyTests, Side, TableAccess};
use crate::query::{Engine, QueryRequest};
use clap::Subcommand;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// What a caller sees of a table or a source, and why
    Explain {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The local user or the user of an API key
        #[arg(long = "as", value_name = "USER", conflicts_with = "roles")]
        user: Option<String>,
        /// Roles, instead of a user
        #[arg(long, value_delimiter = ',')]
        roles: Vec<String>,
        /// Attributes, such as region=EU or teams=[a, b]
        #[arg(long, value_name = "NAME=VALUE")]
        attributes: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// A table, such as sales.public.customers, or a source
        name: String,
    },
    /// Whether callers see what is written down in policy tests
    Test {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Files or directories of tests, instead of the configured ones
        files: Vec<PathBuf>,
    },
    /// What another configuration opens and closes, role by role
    Diff {
        /// The configuration as it is and as it will be
        #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], required = true)]
        config: Vec<PathBuf>,
        /// A catalog lock file whose tables are looked at, instead of the sources
        #[arg(long)]
        catalog: Option<PathBuf>,
        /// Fail where something opens
        #[arg(long)]
        fail_on_open: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
pub(super) async fn run(command: PolicyCommand) -> Result<(), Failure> {
    match command {
        PolicyCommand::Explain { config, user, roles, attributes, json, name } => {
            let caller = callers::named(user, roles, &attributes)?;
            explain(&config, &caller, &name, json).await
        }
        PolicyCommand::Test { config, json, files } => {
            let config = Config::load(&config)?;
            let tests = load_tests(&config, &files)?;
            if tests.is_empty() {
                return Err("there are no tests: name files, or set `policy_tests:`".into());
            }
            let assembly = Assembly::of(&config).await?;
            test(&config, assembly, tests, json).await
        }
        PolicyCommand::Diff { config, catalog, fail_on_open, json } => {
            let [old, new] = config.as_slice() else {
                return Err("name two configurations: --config OLD NEW".into());
            };
            diff(old, new, catalog.as_deref(), fail_on_open, json).await
        }
    }
}

async fn explain(
    config: &Path,
    caller: &policy::Caller,
    name: &str,
    json: bool,
) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let assembly = Assembly::of(&config).await?;
    for problem in &assembly.problems {
        writeln!(std::io::stderr(), "celosia: {problem}")?;
    }
    let principal = callers::principal(&config, &assembly.rules, caller)?;
    let snapshot = assembly.catalog.snapshot();
    let tables = tables_of(&snapshot, name)?;
    let access: Vec<TableAccess> =
        tables.iter().map(|table| access(&assembly.rules, &snapshot, &principal, table)).collect();
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&access)?)?;
        return Ok(());
    }
    let roles: Vec<&str> = principal.roles().iter().map(String::as_str).collect();
    writeln!(out, "{}, roles: {}\n", principal.user(), roles.join(", "))?;
    for (at, table) in access.iter().enumerate() {
        write!(out, "{}{table}", if at == 0 { "" } else { "\n" })?;
    }
    Ok(())
}

/// The tables that a name means: those of a source, or those it fits.
fn tables_of(snapshot: &Snapshot, name: &str) -> Result<Vec<Arc<TableEntry>>, Failure> {
    let all = snapshot.discovered();
    if let Some(source) = snapshot.sources().iter().find(|s| s.name.eq_ignore_ascii_case(name)) {
        let of = all.iter().filter(|table| table.reference.source == source.name);
        return Ok(of.cloned().collect());
    }
    let wanted = format!(".{}", name.to_lowercase());
    let fits = |table: &&Arc<TableEntry>| {
        format!(".{}", table.reference).to_lowercase().ends_with(&wanted)
    };
    let found: Vec<_> = all.iter().filter(fits).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let wanted = name.rsplit('.').next().unwrap_or(name);
    let near = nearest(wanted, all.iter().map(|table| &*table.reference.table), 3);
    let near: Vec<String> = all
        .iter()
        .filter(|table| near.iter().any(|near| **near == *table.reference.table))
        .map(|table| table.reference.to_string())
        .collect();
    let near = if near.is_empty() {
        "celosia check lists the sources".to_string()
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    Err(format!("there is no table or source \"{name}\"; {near}").into())
}

/// The tests in `files`, or those that are configured.
pub(super) fn load_tests(
    config: &Config,
    files: &[PathBuf],
) -> Result<Vec<(String, Expectation)>, Failure> {
    let configured = config.policy_tests.as_slice();
    let files = if files.is_empty() { configured } else { files };
    let mut tests = Vec::new();
    for file in files {
        tests.extend(PolicyTests::load(file)?.tests);
    }
    Ok(tests)
}

/// Runs policy tests and says what is not as expected.
pub(super) async fn test(
    config: &Config,
    assembly: Assembly,
    tests: Vec<(String, Expectation)>,
    json: bool,
) -> Result<(), Failure> {
    if !assembly.problems.is_empty() {
        return Err(assembly.problems.join("\n").into());
    }
    let rules = assembly.rules.clone();
    let snapshot = assembly.catalog.snapshot();
    let asks = tests.iter().any(|(_, test)| !test.statements.is_empty());
    let engine = if asks { Some(assembly.engine(config).await?) } else { None };
    let mut results = Vec::new();
    for (place, test) in &tests {
        let differences = match callers::principal(config, &rules, &test.caller) {
            Err(unknown) => vec![unknown.to_string()],
            Ok(principal) => {
                let mut found = test.differences(&rules, &principal, snapshot.tables());
                if let Some(engine) = &engine {
                    found.extend(statements(engine, &principal, test).await);
                }
                found
            }
        };
        results.push((place, test, differences));
    }
    let failed = results.iter().filter(|(.., differences)| !differences.is_empty()).count();
    let mut out = std::io::stdout().lock();
    if json {
        let results = results.iter().map(|(place, test, differences)| {
            json!({ "test": test.name, "place": place, "differences": differences })
        });
        let results: Vec<_> = results.collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&results)?)?;
    } else {
        for (place, test, differences) in &results {
            let word = if differences.is_empty() { "ok  " } else { "FAIL" };
            writeln!(out, "{word}  {} ({place})", test.name)?;
            for difference in differences {
                writeln!(out, "      {difference}")?;
            }
        }
        writeln!(out, "{} policy tests, {failed} failed", results.len())?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} policy tests failed", results.len()).into()),
    }
}

/// Asks the statements as the caller; they are recorded in the audit like any other.
async fn statements(engine: &Engine, principal: &Principal, test: &Expectation) -> Vec<String> {
    let mut found = Vec::new();
    for statement in &test.statements {
        let request = QueryRequest {
            sql: statement.sql.clone(),
            limit: Some(1),
            client: "policy-test".into(),
            ..Default::default()
        };
        let asked = Box::pin(engine.query(principal, request, CancellationToken::new())).await;
        let ended = asked.err().map(|error| error.code.as_str());
        if ended != statement.error.as_deref() {
            let word = |code: Option<&str>| match code {
                Some(code) => format!("error {code}"),
                None => "an answer".to_string(),
            };
            found.push(format!(
                "statement {}: expected {}, found {}",
                statement.sql,
                word(statement.error.as_deref()),
                word(ended)
            ));
        }
    }
    found
}

async fn diff(
    old: &Path,
    new: &Path,
    lock: Option<&Path>,
    fail_on_open: bool,
    json: bool,
) -> Result<(), Failure> {
    let (old, new) = (Config::load(old)?, Config::load(new)?);
    let (before, after) = (rules(&old)?, rules(&new)?);
    let tables = match lock {
        Some(lock) => Lock::load(lock)?.tables(),
        None => {
            let snapshot = Assembly::of(&new).await?.catalog.snapshot();
            let absent = snapshot.absent_sources();
            if !absent.is_empty() {
                return Err(format!(
                    "these sources cannot be reached, so what opens there is not known: {}",
                    absent.join(", ")
                )
                .into());
            }
            snapshot.discovered().to_vec()
        }
    };
    let of = |config: &Config| -> Vec<Arc<TableEntry>> {
        let known = |table: &&Arc<TableEntry>| {
            config.sources.iter().any(|source| source.name == *table.reference.source)
        };
        tables.iter().filter(known).cloned().collect()
    };
    let sides =
        (Side { rules: &before, tables: of(&old) }, Side { rules: &after, tables: of(&new) });
    let changes = policy::diff(&sides.0, &sides.1, &is_personal_name);
    let opens = changes.iter().filter(|c| c.direction != Direction::Closes).count();
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&changes)?)?;
    } else {
        for change in &changes {
            writeln!(out, "{change}")?;
        }
        writeln!(
            out,
            "policy {} -> {}: {} changes, {opens} may open something",
            before.version(),
            after.version(),
            changes.len()
        )?;
    }
    if fail_on_open && opens > 0 {
        return Err(format!("{opens} changes open something, or may").into());
    }
    Ok(())
}
