//! `celosia doctor`: what the login at each source may do beyond reading, and whether a write is refused.
//!
//! For the administrator: it names what the login sees. Probes leave nothing behind.

use super::{Failure, connectors};
use crate::config::Config;
use celosia_connector_api::{ConnectorError, Examination, Severity};
use std::io::Write;
use std::path::Path;

/// Examines every source, or one.
///
/// # Errors
/// A source that cannot be examined, or that is not served because of what was found.
pub(super) async fn doctor(config: &Path, only: Option<&str>) -> Result<(), Failure> {
    let config = Config::load(config)?;
    if let Some(only) = only.filter(|only| !config.sources.iter().any(|s| s.name == **only)) {
        return Err(format!("there is no source \"{only}\"").into());
    }
    let mut out = std::io::stdout();
    let mut wrong = Vec::new();
    for (name, connector) in connectors(&config)? {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        match connector.examine(true).await {
            Ok(found) => {
                let accepted = config.sources.iter().any(|s| s.name == name && s.over_privileged);
                print(&mut out, &name, &found, accepted)?;
                if found.dangers().count() > 0 && !accepted {
                    wrong
                        .push(format!("{name} is not served: its login has rights beyond reading"));
                }
            }
            Err(error) => {
                writeln!(out, "source {name}: not examined")?;
                wrong.push(unexamined(&name, &error));
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n").into()),
    }
}

fn print(
    out: &mut impl Write,
    name: &str,
    found: &Examination,
    accepted: bool,
) -> std::io::Result<()> {
    writeln!(out, "source {name}, login {}", shown(&found.login))?;
    for finding in &found.findings {
        writeln!(out, "  {:8} {}", finding.severity.to_string(), shown(&finding.text))?;
        if !finding.advice.is_empty() {
            writeln!(out, "           {}", finding.advice)?;
        }
    }
    if accepted && found.findings.iter().any(|f| f.severity == Severity::Danger) {
        writeln!(out, "  served nevertheless: `over_privileged: accepted`")?;
    }
    Ok(())
}

/// A name from a source, without what could steer a terminal.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn unexamined(name: &str, error: &ConnectorError) -> String {
    format!("{name} cannot be examined: {error} ({})", shown(&error.context))
}
