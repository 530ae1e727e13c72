//! `celosia init`: from the URLs of databases to a configuration that works and masks.
//!
//! All of it is written or nothing. What is written is closed: one role that opens what was found, with
//! everything masked that looks personal, one that sees stored values and that nobody holds, and a lock, so that
//! what the sources grow later is not shown before somebody has looked at it.

use super::catalog::{replace, samples};
use super::commands::state;
use super::{Assembly, Failure, discovered};
use crate::catalog::{Finding, Lock, Snapshot, find_personal, masking_rules};
use crate::config::Config;
use crate::identity::{GeneratedKey, generate_key};
use crate::model::TableEntry;
use clap::Args;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of each table that are looked at for personal data.
const SAMPLES: u64 = 50;
/// The role that sees stored values.
const STEWARD: &str = "steward";

/// What a new configuration is made of.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Where the configuration is written
    #[arg(long, default_value = "celosia")]
    directory: PathBuf,
    /// A database: a name of your choice and its URL, or env:NAME for a URL in the environment. Again for each one
    #[arg(long = "source", value_name = "NAME=URL")]
    sources: Vec<String>,
    /// Who the first API key is for
    #[arg(long)]
    user: Option<String>,
    /// The role that sees what was found, masked
    #[arg(long, default_value = "analyst")]
    role: String,
    /// The address to serve at
    #[arg(long, default_value = "127.0.0.1:8017")]
    listen: std::net::SocketAddr,
    /// Serve databases although their login may do more than read
    #[arg(long)]
    accept_over_privileged: bool,
}

/// Runs the command.
pub(super) async fn run(mut asked: Init) -> Result<(), Failure> {
    if asked.sources.is_empty() {
        asked.sources = ask_for_sources()?;
    }
    let sources: Vec<Source> =
        asked.sources.iter().map(|s| Source::parse(s)).collect::<Result<_, _>>()?;
    let directory = &asked.directory;
    if directory.join("celosia.yaml").exists() {
        let path = directory.display();
        return Err(format!("{path} has a celosia.yaml already; name another --directory").into());
    }
    let is_new = !directory.exists();
    let mut draft = Draft::default();
    let made = make(&asked, &sources, &mut draft).await;
    if made.is_err() {
        draft.discard();
        if is_new {
            // Leaves a directory that somebody else has put something into.
            let _ = std::fs::remove_dir(directory.join("masking-rules"));
            let _ = std::fs::remove_dir(directory.join("secrets"));
            let _ = std::fs::remove_dir(directory);
        }
    }
    made
}

async fn make(asked: &Init, sources: &[Source], draft: &mut Draft) -> Result<(), Failure> {
    let directory = &asked.directory;
    let user = asked.user.clone().or_else(|| std::env::var("USER").ok()).unwrap_or("admin".into());
    let [user, role] = [&user, &asked.role].map(|name| plain(name));
    let (user, role) = (user?, role?);
    std::fs::create_dir_all(directory.join("masking-rules"))?;
    private_directory(&directory.join("secrets"))?;
    for source in sources {
        if let Some(name) = source.secret() {
            draft.write_secret(&directory.join(name), &source.url)?;
        }
    }
    let pseudonyms: String =
        rand::random::<[u8; 32]>().iter().map(|b| format!("{b:02x}")).collect();
    draft.write_secret(&directory.join("secrets/pseudonym.key"), &pseudonyms)?;
    let key = generate_key();
    draft.write(&directory.join("keys.yaml"), &keys(&key, user, role))?;
    let path = directory.join("celosia.yaml");
    draft.write(&path, &configuration(asked, sources, user, role, &[]))?;
    let config = Config::load(&path)?;
    let catalog = discovered(&config, None).await?;
    let snapshot = catalog.snapshot();
    answered(&snapshot)?;
    let schemas: BTreeSet<(String, String)> = snapshot.discovered().iter().map(schema_of).collect();
    let schemas: Vec<(String, String)> = schemas.into_iter().collect();
    draft.write(&path, &configuration(asked, sources, user, role, &schemas))?;
    let mut found: Vec<(Arc<TableEntry>, usize, Finding)> = Vec::new();
    let mut lock = Lock::default();
    for table in snapshot.discovered() {
        let samples = samples(&catalog, table, SAMPLES).await;
        for index in 0..table.description.columns.len() {
            let finding = find_personal(table, index, samples.of(index));
            found.extend(finding.map(|finding| (table.clone(), index, finding)));
        }
        lock.accept(table);
    }
    let rules = masking_rules(&found, true, Some(STEWARD));
    draft.write(&directory.join("masking-rules/proposed.yaml"), &rules)?;
    draft.write(&directory.join("catalog.lock.yaml"), &lock.text())?;
    // What a start would refuse is refused here.
    let problems = Assembly::of(&Config::load(&path)?).await?.problems;
    if !problems.is_empty() {
        return Err(problems.join("\n").into());
    }
    tell(&path, &snapshot, found.len(), &key, user, role)
}

fn tell(
    path: &Path,
    snapshot: &Snapshot,
    masked: usize,
    key: &GeneratedKey,
    user: &str,
    role: &str,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for source in snapshot.sources() {
        writeln!(out, "source {}: {}", source.name, state(source))?;
    }
    let directory = path.parent().unwrap_or(Path::new(".")).display();
    let path = path.display();
    writeln!(
        out,
        "\nWritten to {directory}: celosia.yaml, masking-rules/proposed.yaml ({masked} columns look personal and are \
         masked), catalog.lock.yaml, keys.yaml, secrets/ (for your eyes only; keep it out of version control).\n\n\
         Key of {user}, role {role} (shown once): {}\n\n\
         Next:\n  \
         celosia check --config {path}      does it all fit\n  \
         celosia doctor --config {path}     can the logins only read\n  \
         celosia policy explain --config {path} --roles {role} SOURCE      what is open, masked, hidden\n  \
         celosia serve --config {path}\n  \
         celosia connect claude-code --config {path}      and other clients",
        key.plaintext
    )?;
    Ok(())
}

/// Every source must have said what it holds: a mask is proposed for what was seen.
fn answered(snapshot: &Snapshot) -> Result<(), Failure> {
    let absent = snapshot.absent_sources();
    let absent = snapshot.sources().iter().filter(|source| absent.contains(&source.name));
    let told: Vec<String> =
        absent.map(|source| format!("source {}: {}", source.name, state(source))).collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nnothing was written", told.join("\n")).into())
}

fn schema_of(table: &Arc<TableEntry>) -> (String, String) {
    (table.reference.source.to_string(), table.reference.schema.to_string())
}

/// One database as it was named.
struct Source {
    name: String,
    kind: &'static str,
    url: String,
    is_reference: bool,
}

impl Source {
    fn parse(text: &str) -> Result<Self, Failure> {
        let (name, url) = text.split_once('=').ok_or_else(|| {
            format!("--source {text:?}: write NAME=URL, such as sales=postgres://reader@db/sales")
        })?;
        let (name, url) = (plain(name)?.to_string(), url.trim());
        let value = match url.strip_prefix("env:") {
            Some(variable) => std::env::var(variable).map_err(|_| {
                format!("source {name}: the environment variable {variable:?} is not set")
            })?,
            None => url.to_string(),
        };
        let kind = match value.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => "postgres",
            Some("oracle") => "oracle",
            Some("sqlserver" | "mssql") => "sqlserver",
            Some("sqlite") => "sqlite",
            _ => {
                return Err(format!(
                    "source {name}: its URL begins with none of postgres:, oracle:, sqlserver:, sqlite:"
                )
                .into());
            }
        };
        let is_reference = url.starts_with("env:");
        let url = match (kind, is_reference) {
            ("sqlite", false) => from_anywhere(url)?,
            _ => url.to_string(),
        };
        Ok(Self { name, kind, url, is_reference })
    }

    /// The file for the URL; a SQLite file's is no secret.
    fn secret(&self) -> Option<String> {
        let is_secret = self.kind != "sqlite" && !self.is_reference;
        is_secret.then(|| format!("secrets/{}.url", self.name))
    }

    fn line(&self, accepted: bool) -> String {
        let url = self.secret().map_or(self.url.clone(), |path| format!("file:{path}"));
        let accepted = if accepted { ", over_privileged: accepted" } else { "" };
        // JSON's texts are YAML's.
        let url = serde_json::Value::from(url);
        format!("  {}: {{ kind: {}, url: {url}{accepted} }}\n", self.name, self.kind)
    }
}

/// A relative path would be looked for beside the configuration.
fn from_anywhere(url: &str) -> Result<String, Failure> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    Ok(format!("sqlite:{}", std::path::absolute(path)?.display()))
}

/// A name that is one word in YAML and in SQL.
fn plain(name: &str) -> Result<&str, Failure> {
    let name = name.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && name.chars().all(fits) {
        return Ok(name);
    }
    Err(format!("{name:?}: a name is a letter, then letters, digits, _ and -").into())
}

fn configuration(
    asked: &Init,
    sources: &[Source],
    user: &str,
    role: &str,
    schemas: &[(String, String)],
) -> String {
    let lines: String = sources.iter().map(|s| s.line(asked.accept_over_privileged)).collect();
    let mut open = String::new();
    for (source, schema) in schemas {
        let schema = match plain(schema) {
            Ok(schema) => schema.to_string(),
            Err(_) => format!("\"{}\"", schema.replace('"', "")),
        };
        let pattern = serde_json::Value::from(format!("{source}.{schema}.*"));
        let _ = writeln!(open, "      - {{ tables: {pattern} }}");
    }
    let open = if open.is_empty() { " []\n".to_string() } else { format!("\n{open}") };
    let rest = match schemas.is_empty() {
        true => "",
        false => "masking_rules: masking-rules/\ncatalog: { lock: catalog.lock.yaml }\n",
    };
    format!(
        "# Made by `celosia init`. Everything it can say: celosia.schema.json (`celosia schema`).\n\
         version: 1\n\
         server: {{ listen: \"{listen}\" }}\n\
         identity:\n  \
           # For `celosia stdio`, which clients start by themselves.\n  \
           local: {{ user: {user}, roles: [{role}] }}\n  \
           api_keys: {{ file: keys.yaml }}\n\
         sources:\n{lines}\
         roles:\n  \
           # Sees all that was found; what looks personal is masked by the rules. Narrow it: columns, `rows: \"region = user.region\"`.\n  \
           {role}:\n    open:{open}  \
           # Sees stored values too. Nobody holds it yet.\n  \
           {STEWARD}:\n    open:{open}\
         {rest}\
         keys: {{ pseudonym: \"file:secrets/pseudonym.key\" }}\n\
         audit: {{ store: \"sqlite:audit.db\" }}\n\
         limits: {{ rows: 1000, bytes: 1MiB, time: 30s, memory: 512MiB }}\n",
        listen = asked.listen,
    )
}

fn keys(key: &GeneratedKey, user: &str, role: &str) -> String {
    format!(
        "version: 1\nkeys:\n  - name: first key\n    hash: \"{}\"\n    prefix: \"{}\"\n    user: {user}\n    roles: [{role}]\n",
        key.hash, key.prefix
    )
}

/// Files that were written, so that they can be taken back.
#[derive(Default)]
struct Draft(BTreeSet<PathBuf>);

impl Draft {
    fn write(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        if !self.0.contains(path) && path.exists() {
            return Err(format!("{} is there already", path.display()).into());
        }
        self.0.insert(path.to_path_buf());
        replace(path, text)
    }

    fn write_secret(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file =
            options.open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        self.0.insert(path.to_path_buf());
        writeln!(file, "{text}")?;
        Ok(())
    }

    fn discard(&self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn private_directory(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Asks somebody who sits at a terminal.
fn ask_for_sources() -> Result<Vec<String>, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(
            "name your databases: --source NAME=URL, such as sales=postgres://reader@db/sales"
                .into(),
        );
    }
    let mut out = std::io::stdout();
    writeln!(out, "Which databases? One a line, NAME=URL, then an empty line. For instance")?;
    writeln!(
        out,
        "  sales=postgres://reader:password@db.example.org/sales\n  support=sqlite:support.db"
    )?;
    let mut sources = Vec::new();
    for line in input.lock().lines() {
        let line = line?;
        match line.trim() {
            "" if sources.is_empty() => {}
            "" => break,
            source => match Source::parse(source) {
                Ok(_) => sources.push(source.to_string()),
                Err(error) => writeln!(out, "{error}")?,
            },
        }
    }
    Ok(sources)
}
