//! `celosia eval`: are verified questions still answered as they were? No model is asked, unless `--model` says so.
//!
//! What is kept of an answer is two fingerprints: of the plan (the statements for the sources, masks, row filters,
//! columns) and of the rows, whatever their order. They are in a file that is reviewed like any other.

use super::promote::{self, Promote};
use super::{Assembly, Failure, callers, doors, score};
use crate::config::Config;
use crate::model::Principal;
use crate::query::{Engine, QueryRequest, VerifiedQuestion};
use crate::results::render;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// What is replayed, and as whom.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Eval {
    #[command(subcommand)]
    command: Option<EvalCommand>,
    /// The configuration file
    #[arg(long, required = true)]
    config: Option<PathBuf>,
    /// The local user or the user of an API key; the local user where nobody is named
    #[arg(long = "as", value_name = "USER", conflicts_with = "roles")]
    user: Option<String>,
    /// Roles, instead of a user
    #[arg(long, value_delimiter = ',')]
    roles: Vec<String>,
    /// Attributes, such as region=EU or teams=[a, b]
    #[arg(long, value_name = "NAME=VALUE")]
    attributes: Vec<String>,
    /// The file of the fingerprints; golden.json beside the configuration where absent
    #[arg(long)]
    fingerprints: Option<PathBuf>,
    /// Compare plans alone, where the data moves
    #[arg(long)]
    plans: bool,
    /// Take the answers as they are now
    #[arg(long)]
    accept: bool,
    /// Score the configured language model: it is asked each question, and its rows are compared
    #[arg(long, conflicts_with_all = ["accept", "plans", "fingerprints"])]
    model: bool,
}

#[derive(Debug, Subcommand)]
enum EvalCommand {
    /// Make verified questions of answers that people found good, in a file to review
    Promote(Promote),
}

/// The file: who asked, and what came of each question.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    version: u32,
    roles: Vec<String>,
    questions: BTreeMap<String, Answered>,
}

/// The fingerprints of one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    plan: String,
    columns: Vec<String>,
    rows: usize,
    result: String,
}

/// How a question is answered now.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    New,
    Hidden,
    Failed(String),
    Changed(Vec<&'static str>),
}

/// Runs the command.
pub(super) async fn run(asked: Eval) -> Result<(), Failure> {
    if let Some(EvalCommand::Promote(promote)) = asked.command {
        return promote::run(promote).await;
    }
    let path = asked.config.ok_or("name the configuration with --config")?;
    let config = Config::load(&path)?;
    if asked.model && config.llm.is_none() {
        return Err(format!("{}: llm: no language model is configured", path.display()).into());
    }
    let assembly = Assembly::of(&config).await?;
    let principal = match asked.user.is_none() && asked.roles.is_empty() {
        true => doors::local(&config, &assembly.rules, None)?,
        false => {
            let caller = callers::named(asked.user, asked.roles, &asked.attributes)?;
            callers::principal(&config, &assembly.rules, &caller)?
        }
    };
    let names: Vec<String> =
        assembly.semantics.verified().iter().map(|v| v.defined.name.clone()).collect();
    if names.is_empty() {
        return Err("there are no verified questions: write some below `verified:`".into());
    }
    if asked.model {
        let engine = assembly.engine(&config).await?;
        let scored = score::run(&engine, &principal).await;
        engine.flush().await;
        return scored;
    }
    let path = asked
        .fingerprints
        .unwrap_or_else(|| path.parent().unwrap_or(Path::new(".")).join("golden.json"));
    let known = load(&path)?;
    let engine = assembly.engine(&config).await?;
    let (verdicts, now) = replay(&engine, &principal, &names, &known, asked.plans).await;
    engine.flush().await;
    let mut out = std::io::stdout().lock();
    for (name, verdict) in names.iter().zip(&verdicts) {
        writeln!(out, "{verdict}  {name}")?;
    }
    let failed = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Failed(_)));
    let moved = verdicts.iter().filter(|verdict| **verdict != Verdict::Same).count();
    if asked.accept && !failed {
        let text = serde_json::to_string_pretty(&now)? + "\n";
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        writeln!(out, "{} questions are in {}", now.questions.len(), path.display())?;
        return Ok(());
    }
    writeln!(out, "{} verified questions, {moved} not as before", names.len())?;
    match moved {
        0 => Ok(()),
        _ if failed => Err("a verified question cannot be answered".into()),
        _ => Err(format!("{moved} are not as before; --accept takes them as they are").into()),
    }
}

/// Asks every question as the caller; they are recorded in the audit like any other.
async fn replay(
    engine: &Engine,
    principal: &Principal,
    names: &[String],
    known: &Golden,
    plans: bool,
) -> (Vec<Verdict>, Golden) {
    let open = engine.verified(principal);
    let mut now = Golden {
        version: 1,
        roles: principal.roles().iter().cloned().collect(),
        questions: BTreeMap::new(),
    };
    let mut verdicts = Vec::with_capacity(names.len());
    for name in names {
        let Some(question) = open.iter().find(|question| question.name == *name) else {
            let was_open = known.questions.contains_key(name);
            verdicts.push(if was_open {
                Verdict::Changed(vec!["access"])
            } else {
                Verdict::Hidden
            });
            continue;
        };
        verdicts.push(match Box::pin(answer(engine, principal, question)).await {
            Err(error) => Verdict::Failed(error.to_string()),
            Ok(answered) => {
                let verdict = match known.questions.get(name) {
                    None => Verdict::New,
                    Some(before) => compared(before, &answered, plans),
                };
                now.questions.insert(name.clone(), answered);
                verdict
            }
        });
    }
    (verdicts, now)
}

fn compared(before: &Answered, now: &Answered, plans: bool) -> Verdict {
    let parts = [
        ("columns", before.columns != now.columns),
        ("plan", before.plan != now.plan),
        ("rows", !plans && before.result != now.result),
    ];
    let changed: Vec<&str> =
        parts.iter().filter(|(_, differs)| *differs).map(|(part, _)| *part).collect();
    if changed.is_empty() { Verdict::Same } else { Verdict::Changed(changed) }
}

async fn answer(
    engine: &Engine,
    principal: &Principal,
    question: &VerifiedQuestion,
) -> Result<Answered, Failure> {
    let sql = question.sql.clone();
    let request = QueryRequest { sql, client: "eval".into(), ..Default::default() };
    let plan = Box::pin(engine.explain(principal, request.clone())).await?;
    let plan = serde_json::to_string(&(&plan.sources, &plan.masks, &plan.filters))?;
    let answer = Box::pin(engine.query(principal, request, CancellationToken::new())).await?;
    let columns = answer.page.columns.iter();
    let columns = columns.map(|column| format!("{} {}", column.name, column.type_name)).collect();
    let rendered = render(&answer.page)?;
    let rows = rendered.structured["rows"].as_array().cloned().unwrap_or_default();
    let mut lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
    lines.sort();
    Ok(Answered {
        plan: fingerprint(&plan),
        columns,
        rows: answer.page.row_count,
        result: fingerprint(&lines.join("\n")),
    })
}

fn load(path: &Path) -> Result<Golden, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(serde_json::from_str(&text)
            .map_err(|error| format!("{}: not a file of fingerprints: {error}", path.display()))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Golden::default()),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Same => f.write_str("ok      "),
            Verdict::New => f.write_str("new     "),
            Verdict::Hidden => f.write_str("hidden  "),
            Verdict::Failed(why) => write!(f, "FAILED  ({why})"),
            Verdict::Changed(parts) => write!(f, "CHANGED ({})", parts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_named() {
        let before = Answered { plan: "a".into(), columns: vec![], rows: 1, result: "x".into() };
        let result = Answered { result: "y".into(), ..before.clone() };
        let plan = Answered { plan: "b".into(), ..result.clone() };
        assert_eq!(compared(&before, &before, false), Verdict::Same);
        assert_eq!(compared(&before, &result, false), Verdict::Changed(vec!["rows"]));
        assert_eq!(compared(&before, &result, true), Verdict::Same);
        assert_eq!(compared(&before, &plan, true), Verdict::Changed(vec!["plan"]));
    }
}
