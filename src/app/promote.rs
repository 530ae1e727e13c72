//! `celosia eval promote`: answers that people found good become verified questions, in a file that is reviewed.
//!
//! Feedback names the statement of an answer by the id in its receipt. Its text is what the audit kept of it encrypted, or what the
//! feedback says, if that is the statement of the record. Nothing is put in force here.

use super::audit::{Recorded, literal_key, statements};
use super::{Assembly, Failure};
use crate::audit::{LiteralKey, Raw};
use crate::config::Config;
use crate::query::{check_semantics, identify};
use crate::semantics::Semantics;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// The feedback, and where the questions go.
#[derive(Debug, Args)]
pub(super) struct Promote {
    /// The configuration file
    #[arg(long)]
    config: PathBuf,
    /// The feedback: a YAML list or JSON lines of id, rating (good, bad) and question; also sql, asked, name
    #[arg(long)]
    feedback: PathBuf,
    /// The file to write below schemas/, which must not be there yet; standard output where absent
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What somebody thought of an answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feedback {
    /// The id of its receipt.
    id: String,
    rating: Rating,
    /// What was asked.
    #[serde(default)]
    question: Option<String>,
    /// Other ways to ask it.
    #[serde(default)]
    asked: Vec<String>,
    /// The statement, where the audit does not keep it.
    #[serde(default)]
    sql: Option<String>,
    /// What the verified question is called.
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rating {
    Good,
    Bad,
}

/// A question with its statement, and what a reviewer should know.
struct Pair {
    question: String,
    asked: Vec<String>,
    sql: String,
    note: Option<&'static str>,
}

/// Runs the command.
pub(super) async fn run(asked: Promote) -> Result<(), Failure> {
    let config = Config::load(&asked.config)?;
    if let Some(out) = asked.out.as_deref().filter(|out| out.exists()) {
        return Err(format!("{} is there already", out.display()).into());
    }
    let text = std::fs::read_to_string(&asked.feedback);
    let text = text.map_err(|error| format!("{}: {error}", asked.feedback.display()))?;
    let feedback = read(&text).map_err(|e| format!("{}: {e}", asked.feedback.display()))?;
    let assembly = Assembly::of(&config).await?;
    if !assembly.problems.is_empty() {
        return Err(assembly.problems.join("\n").into());
    }
    let absent = assembly.catalog.snapshot().absent_sources();
    if !absent.is_empty() {
        return Err(format!(
            "a statement cannot be checked while a source is away: {}",
            absent.join(", ")
        )
        .into());
    }
    let good: Vec<Feedback> = feedback.into_iter().filter(|f| f.rating == Rating::Good).collect();
    let ids: BTreeSet<String> = good.iter().map(|feedback| feedback.id.clone()).collect();
    let recorded = statements(&config, &ids).await?;
    let key = literal_key(&config)?;
    let mut file = NewFile::beside(&assembly);
    let mut err = std::io::stderr().lock();
    for feedback in good {
        let (id, name) = (feedback.id.clone(), feedback.name.clone());
        let taken =
            pair(feedback, &recorded, key.as_ref()).and_then(|pair| file.take(&id, name, pair));
        if let Err(why) = taken {
            writeln!(err, "left out: {id}: {why}")?;
        }
    }
    if file.pairs == 0 {
        return Err("there is nothing to promote".into());
    }
    match &asked.out {
        Some(out) => {
            std::fs::write(out, &file.text).map_err(|e| format!("{}: {e}", out.display()))?;
            writeln!(
                err,
                "{} verified questions are in {}; review them",
                file.pairs,
                out.display()
            )?;
        }
        None => std::io::stdout().write_all(file.text.as_bytes())?,
    }
    Ok(())
}

/// A YAML list, or an object of JSON on each line.
fn read(text: &str) -> Result<Vec<Feedback>, String> {
    if text.trim_start().starts_with('{') {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let line = |(at, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))
        };
        return lines.map(line).collect();
    }
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

/// The statement that was found good, or why it is not to be had.
fn pair(
    feedback: Feedback,
    recorded: &BTreeMap<String, Recorded>,
    key: Option<&LiteralKey>,
) -> Result<Pair, String> {
    let question = feedback.question.filter(|question| !question.trim().is_empty());
    let question = question.ok_or("it does not say what was asked (question)")?;
    let record = recorded.get(&feedback.id).ok_or("the audit has no statement of this id")?;
    if !record.answered {
        return Err("the statement was not answered".into());
    }
    let (sql, note) = match (&record.raw, feedback.sql) {
        (Some(Raw::Text(raw)), _) => (kept(raw)?, None),
        (_, Some(sql)) => {
            let note = same(&sql, record, key)?;
            (sql, note)
        }
        (Some(Raw::Erased), None) => return Err("what was asked is erased; say the sql".into()),
        (Some(Raw::Unreadable), None) => {
            return Err("the audit's key does not read the statement; say the sql".into());
        }
        (None, None) => {
            return Err("the audit does not keep statements (audit.raw_sql); say the sql".into());
        }
    };
    Ok(Pair { question, asked: feedback.asked, sql, note })
}

/// The statement of what the audit kept.
fn kept(raw: &str) -> Result<String, String> {
    let raw: Json = serde_json::from_str(raw).map_err(|_| "what the audit kept is not readable")?;
    let none = |params: &Json| params.is_null() || params.as_array().is_some_and(Vec::is_empty);
    if !none(&raw["params"]) {
        return Err("it has parameters, which a verified question cannot have".into());
    }
    Ok(raw["sql"].as_str().unwrap_or_default().to_string())
}

/// Whether a text is the statement of a record; what a reviewer should know of that.
fn same(
    sql: &str,
    record: &Recorded,
    key: Option<&LiteralKey>,
) -> Result<Option<&'static str>, String> {
    let found = identify(sql, key).map_err(|error| error.message)?;
    if found.fingerprint != record.fingerprint {
        return Err("the sql is another statement than the record's (fingerprint)".into());
    }
    if record.literals.is_empty() || key.is_none() {
        return Ok(Some(
            "its literals are those of the feedback: the audit has no digests of them",
        ));
    }
    match found.literals == record.literals {
        true => Ok(None),
        false => Err("the sql has other literals than the record's statement".into()),
    }
}

/// The file that is made, of what fits the catalog.
struct NewFile<'a> {
    assembly: &'a Assembly,
    names: BTreeSet<String>,
    statements: BTreeSet<String>,
    text: String,
    pairs: usize,
}

impl<'a> NewFile<'a> {
    /// One that repeats nothing that is verified already.
    fn beside(assembly: &'a Assembly) -> Self {
        let verified = assembly.semantics.verified();
        let text = "# Promoted from feedback by `celosia eval promote`. Review each before it is in force: whether it is right for\n\
            # everybody who asks, and whether its literals may be read by all who may see its tables.\n\
            version: 1\nverified:\n";
        Self {
            assembly,
            names: verified.iter().map(|verified| verified.defined.name.clone()).collect(),
            statements: verified.iter().map(|verified| words(&verified.sql)).collect(),
            text: text.to_string(),
            pairs: 0,
        }
    }

    fn take(&mut self, id: &str, name: Option<String>, pair: Pair) -> Result<(), String> {
        if self.statements.contains(&words(&pair.sql)) {
            return Err("the statement is verified already".into());
        }
        let name = self.free(&name.unwrap_or_else(|| slug(&pair.question)));
        let entry = entry(id, &name, &pair);
        self.check(&format!("version: 1\nverified:\n{entry}"))?;
        self.text.push_str(&entry);
        self.names.insert(name);
        self.statements.insert(words(&pair.sql));
        self.pairs += 1;
        Ok(())
    }

    /// Whether a definition fits the catalog as it is.
    fn check(&self, text: &str) -> Result<(), String> {
        let semantics = Arc::new(Semantics::parse("feedback", text).map_err(|e| e.to_string())?);
        let snapshot = self.assembly.catalog.snapshot();
        let errors = check_semantics(&semantics, snapshot.discovered(), &[]);
        match errors.map_err(|error| error.message)?.first() {
            Some(error) => Err(error.to_string()),
            None => Ok(()),
        }
    }

    fn free(&self, name: &str) -> String {
        let mut free = name.to_string();
        let mut number = 2;
        while self.names.contains(&free) {
            free = format!("{name}_{number}");
            number += 1;
        }
        free
    }
}

/// A definition as it is written. Texts are written as JSON, which YAML reads.
fn entry(id: &str, name: &str, pair: &Pair) -> String {
    let mut text = String::new();
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  # audit record {id}");
    if let Some(note) = pair.note {
        let _ = writeln!(text, "  # {note}");
    }
    let _ = writeln!(text, "  {}:\n    question: {}", json!(name), json!(pair.question));
    if !pair.asked.is_empty() {
        let _ = writeln!(text, "    asked: {}", json!(pair.asked));
    }
    let _ = writeln!(text, "    sql: {}", json!(pair.sql));
    text
}

/// A name made of the first words of a question.
fn slug(question: &str) -> String {
    const LONGEST: usize = 40;
    let lower = question.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = String::new();
    for word in words {
        if name.len() + word.len() >= LONGEST {
            break;
        }
        if !name.is_empty() {
            name.push('_');
        }
        name.push_str(word);
    }
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name
    } else {
        format!("question_{name}")
    }
}

/// A statement without regard to its white space.
fn words(sql: &str) -> String {
    sql.trim_end_matches([';', ' ', '\n']).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_mistakes_are_told() {
        let lines =
            "{\"id\": \"a\", \"rating\": \"good\"}\n\n{\"id\": \"b\", \"rating\": \"bad\"}\n";
        let yaml = "- { id: a, rating: good, question: How many? }\n- { id: b, rating: bad }\n";
        for text in [lines, yaml] {
            let read = read(text).unwrap();
            assert_eq!((read.len(), read[1].rating), (2, Rating::Bad));
        }
        for wrong in
            ["{\"id\": 1}", "- { id: a, rating: superb }", "- { id: a, rating: good, x: 1 }"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_question_has_a_name() {
        assert_eq!(
            slug("How many orders per region, in 2024?"),
            "how_many_orders_per_region_in_2024"
        );
        assert_eq!(slug("¿?"), "question_");
        assert_eq!(slug("2024 in all"), "question_2024_in_all");
    }

    #[test]
    fn a_text_cannot_leave_its_place() {
        let pair = Pair {
            question: "x\n    sql: SELECT 2".into(),
            asked: vec!["a: b".into()],
            sql: "SELECT '\"#\n' AS x".into(),
            note: None,
        };
        let text = format!("version: 1\nverified:\n{}", entry("1\n2", "n", &pair));
        let parsed = Semantics::parse("a.yaml", &text).unwrap();
        assert_eq!(parsed.verified()[0].sql, pair.sql);
        assert_eq!(parsed.verified()[0].questions, [pair.question, "a: b".into()]);
    }
}
