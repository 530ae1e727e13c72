//! `celosia catalog` and `celosia suggest-masks`: what a source has grown, and what of it looks personal.

use super::{Failure, discovered, pseudonym_key, rules};
use crate::catalog::{
    Catalog, Finding, Lock, Samples, Snapshot, find_personal, masking_rules, read_samples,
};
use crate::config::Config;
use crate::model::TableEntry;
use clap::Subcommand;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that `catalog diff` looks at.
const SAMPLES: u64 = 50;

#[derive(Debug, Subcommand)]
pub(super) enum CatalogCommand {
    /// Take tables and columns in as they are now: writes the catalog lock
    Accept {
        /// The configuration file, with `catalog: { lock: catalog.lock.yaml }`
        #[arg(long)]
        config: PathBuf,
        /// These tables only, such as sales.public.customers
        #[arg(long)]
        table: Vec<String>,
    },
    /// What is quarantined, and what of it looks like personal data
    Diff {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
}

/// Runs the command.
pub(super) async fn run(command: CatalogCommand) -> Result<(), Failure> {
    match command {
        CatalogCommand::Accept { config, table } => accept(&config, &table).await,
        CatalogCommand::Diff { config } => diff(&config).await,
    }
}

fn lock_file(config: &Config) -> Result<&Path, Failure> {
    config.catalog.lock.as_deref().ok_or_else(|| {
        let path = config.path().display();
        format!(
            "{path}: catalog.lock: there is no lock: set `catalog: {{ lock: catalog.lock.yaml }}`"
        )
        .into()
    })
}

async fn accept(config: &Path, only: &[String]) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let path = lock_file(&config)?;
    let mut lock = if path.exists() { Lock::load(path)? } else { Lock::default() };
    let before = lock.size();
    let snapshot = discovered(&config, None).await?.snapshot();
    for name in only {
        let same = |table: &&Arc<TableEntry>| {
            table.reference.to_string().to_lowercase() == name.to_lowercase()
        };
        let table = snapshot.discovered().iter().find(same);
        let table = table.ok_or_else(|| format!("there is no table \"{name}\""))?;
        lock.accept(table);
    }
    if only.is_empty() {
        let absent = snapshot.absent_sources();
        for source in snapshot.sources().iter().filter(|source| !absent.contains(&source.name)) {
            lock.retain(&source.name, |table| snapshot.get(table).is_some());
        }
        snapshot.discovered().iter().for_each(|table| lock.accept(table));
        if !absent.is_empty() {
            let names = absent.join(", ");
            writeln!(
                std::io::stderr(),
                "celosia: these sources cannot be reached; what was accepted of them stays: {names}"
            )?;
        }
    }
    replace(path, &lock.text())?;
    let after = lock.size();
    writeln!(
        std::io::stdout(),
        "{}: {} tables, {} columns (before: {}, {})",
        path.display(),
        after.0,
        after.1,
        before.0,
        before.1
    )?;
    Ok(())
}

/// Writes a file whole or not at all.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| {
        std::fs::remove_file(&temporary).ok();
        format!("{}: cannot be written: {error}", path.display()).into()
    })
}

async fn diff(config: &Path) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let lock = Lock::load(lock_file(&config)?)?;
    let catalog = discovered(&config, Some(lock)).await?;
    let snapshot = catalog.snapshot();
    let mut found = Vec::new();
    let mut out = std::io::stdout();
    for held in snapshot.quarantined() {
        let Some(table) = snapshot.discovered().iter().find(|t| t.reference == held.table) else {
            continue;
        };
        writeln!(out, "{}: {}", held.table, held.why)?;
        let samples = samples(&catalog, table, SAMPLES).await;
        for (name, type_name) in &held.columns {
            let index = table.description.columns.iter().position(|c| c.name == *name);
            let finding = index.and_then(|index| find_personal(table, index, samples.of(index)));
            let looks = finding.as_ref().map_or_else(String::new, |finding| {
                let evidence = finding.evidence.join("; ");
                format!("  looks like {} ({:.2}: {evidence})", finding.kind.tag(), finding.score)
            });
            writeln!(out, "  {name} {type_name}{looks}")?;
            found.extend(index.zip(finding).map(|(index, f)| (table.clone(), index, f)));
        }
    }
    if snapshot.quarantined().is_empty() {
        writeln!(out, "nothing is quarantined")?;
        return Ok(());
    }
    if !found.is_empty() {
        let has_key = pseudonym_key(&config)?.is_some();
        writeln!(out, "\n{}", masking_rules(&found, has_key, None))?;
    }
    writeln!(out, "Take it in with celosia catalog accept, once rules mask what must be masked.")?;
    Ok(())
}

/// `celosia suggest-masks`.
pub(super) async fn suggest(config: &Path, only: Option<&str>, rows: u64) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let rules = rules(&config)?;
    let catalog = discovered(&config, None).await?;
    let snapshot = catalog.snapshot();
    reachable(&snapshot, only)?;
    let has_key = pseudonym_key(&config)?.is_some();
    let mut found: Vec<(Arc<TableEntry>, usize, Finding)> = Vec::new();
    let mut masked = Vec::new();
    let wanted =
        |table: &&Arc<TableEntry>| only.is_none_or(|only| *table.reference.source == *only);
    for table in snapshot.discovered().iter().filter(wanted) {
        let samples = samples(&catalog, table, rows).await;
        for (index, column) in table.description.columns.iter().enumerate() {
            let Some(finding) = find_personal(table, index, samples.of(index)) else { continue };
            match rules.rules_on(table, index).as_slice() {
                [] => found.push((table.clone(), index, finding)),
                [rule, ..] => masked.push(format!(
                    "# already masked: {}.{} by \"{rule}\"",
                    table.reference.to_string().escape_debug(),
                    column.name.escape_debug()
                )),
            }
        }
    }
    let mut out = std::io::stdout();
    write!(out, "{}", masking_rules(&found, has_key, None))?;
    for line in masked {
        writeln!(out, "{line}")?;
    }
    if found.is_empty() {
        writeln!(out, "# No other column looks like personal data; that is no proof.")?;
    }
    Ok(())
}

/// A source that cannot be asked is no source without personal data.
fn reachable(snapshot: &Snapshot, only: Option<&str>) -> Result<(), Failure> {
    if let Some(only) = only
        && !snapshot.sources().iter().any(|source| *source.name == *only)
    {
        return Err(format!("there is no source \"{only}\"").into());
    }
    let absent = snapshot.absent_sources();
    let absent: Vec<&str> = absent
        .iter()
        .map(|name| &**name)
        .filter(|name| only.is_none_or(|only| only == *name))
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(format!("these sources cannot be reached: {}", absent.join(", ")).into())
}

/// Samples of a table; where it cannot be read, names must do.
pub(super) async fn samples(catalog: &Catalog, table: &TableEntry, rows: u64) -> Samples {
    match read_samples(catalog, table, rows).await {
        Ok(samples) => samples,
        Err(error) => {
            let told = error.public_text();
            let _ = writeln!(
                std::io::stderr(),
                "celosia: {}: no samples ({told}); its names alone were looked at",
                table.reference
            );
            Samples::default()
        }
    }
}
