//! `celosia token explain`: who the holder of a token would be.

use super::{Failure, doors, rules};
use crate::config::Config;
use crate::identity::{CertificateFacts, Explanation};
use crate::model::{Attribute, Principal};
use crate::policy::Rules;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::{Read, Write};
use std::path::Path;

/// More than any token.
const LONGEST: u64 = 1 << 20;

/// `celosia token explain`. It fails where the token would be refused.
pub(super) async fn explain(config: &Path, token_file: Option<&Path>) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let rules = rules(&config)?;
    let authenticator = doors::authenticator(&config, &rules)?;
    let text = read(token_file)?;
    let mut out = std::io::stdout().lock();
    if let Some(principal) = authenticator.keys().authenticate(&text) {
        writeln!(out, "credential  an API key")?;
        write!(out, "{}", lines(principal.user(), principal.roles(), principal.attributes()))?;
        return Ok(());
    }
    let Some(tokens) = authenticator.tokens() else {
        return Err("it is no known API key, and identity.oidc names no identity provider".into());
    };
    let told = tokens.explain(&text).await;
    write!(out, "{}", report(&told, chrono::Utc::now().timestamp()))?;
    for closed in told.principal.iter().flat_map(|principal| closed(&rules, principal)) {
        writeln!(out, "closed      {closed}")?;
    }
    let refusals: Vec<String> =
        told.refusals.iter().map(|refusal| format!("it would be refused: {refusal}")).collect();
    if refusals.is_empty() { Ok(()) } else { Err(refusals.join("\n").into()) }
}

/// `celosia token explain --certificate`: what it says, in the words of the rules, and who its holder would be.
/// Whether an authority vouches for it is seen by TLS alone.
pub(super) fn explain_certificate(config: &Path, file: &Path) -> Result<(), Failure> {
    let config = Config::load(config)?;
    let rules = rules(&config)?;
    let authenticator = doors::authenticator(&config, &rules)?;
    let der = CertificateDer::from_pem_file(file)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let facts = CertificateFacts::read(&der)
        .ok_or_else(|| format!("{}: the certificate cannot be read", file.display()))?;
    let mut out = std::io::stdout().lock();
    write!(out, "{}", facts_report(&facts, chrono::Utc::now().timestamp()))?;
    match authenticator.certificates().identify(&der) {
        Ok(principal) => {
            write!(out, "{}", lines(principal.user(), principal.roles(), principal.attributes()))?;
            Ok(())
        }
        Err(refusal) => Err(format!("it would be refused: {refusal}").into()),
    }
}

fn facts_report(facts: &CertificateFacts, now: i64) -> String {
    let mut text = format!(
        "subject     {}\nissuer      {}\nexpires     {}\n",
        shown(&facts.subject),
        shown(&facts.issuer),
        expiry(facts.valid.1, now)
    );
    for (name, values) in [("uri", &facts.uris), ("dns", &facts.dns), ("email", &facts.emails)] {
        for value in values {
            text.push_str(&format!("{name:<11} {}\n", shown(value)));
        }
    }
    text
}

fn read(token_file: Option<&Path>) -> Result<String, Failure> {
    let mut text = String::new();
    match token_file {
        Some(path) => std::fs::File::open(path)
            .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
            .map_err(|error| format!("{}: {error}", path.display()))?,
        None => std::io::stdin().take(LONGEST).read_to_string(&mut text)?,
    };
    Ok(text.trim().to_string())
}

/// What is closed to the caller for lack of an attribute.
fn closed(rules: &Rules, principal: &Principal) -> Vec<String> {
    rules.check_caller("its user", principal).iter().map(ToString::to_string).collect()
}

fn report(told: &Explanation, now: i64) -> String {
    let mut lines_of = String::new();
    let mut line = |name: &str, text: &str| lines_of.push_str(&format!("{name:<11} {text}\n"));
    line("issuer", told.issuer.as_deref().unwrap_or("not a configured one"));
    line("algorithm", told.algorithm.unwrap_or("not one that is taken"));
    line("key", &told.key.as_deref().map_or("not named".to_string(), shown));
    line("expires", &told.expires.map_or("never".to_string(), |second| expiry(second, now)));
    if let Some(user) = &told.user {
        line("groups", &list(told.groups.iter().map(|group| shown(group))));
        lines_of.push_str(&lines(user, &told.roles, &told.attributes));
    }
    for missing in &told.missing {
        lines_of.push_str(&format!("missing     {missing}\n"));
    }
    lines_of
}

fn lines<'a>(
    user: &str,
    roles: impl IntoIterator<Item = &'a String>,
    attributes: impl IntoIterator<Item = (&'a String, &'a Attribute)>,
) -> String {
    let roles = list(roles.into_iter().cloned());
    let mut text = format!("user        {}\nroles       {roles}\n", shown(user));
    for (name, value) in attributes {
        text.push_str(&format!("attribute   user.{name} = {}\n", value_text(value)));
    }
    text
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_string() } else { items.join(", ") }
}

fn value_text(value: &Attribute) -> String {
    match value {
        Attribute::Text(text) => shown(text),
        Attribute::Integer(number) => number.to_string(),
        Attribute::Boolean(truth) => truth.to_string(),
        Attribute::List(items) => format!("[{}]", list(items.iter().map(value_text))),
    }
}

/// A text of the token on a terminal: nothing in it may move the cursor.
fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

fn expiry(second: i64, now: i64) -> String {
    let at = chrono::DateTime::from_timestamp(second, 0)
        .map_or(second.to_string(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let (minutes, way) = ((second - now).abs() / 60, if second < now { "ago" } else { "from now" });
    format!("{at} ({minutes} minutes {way})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_line_for_each_fact() {
        let told = Explanation {
            issuer: Some("https://id.example.org".into()),
            algorithm: Some("ES256"),
            key: Some("k\u{1b}[2J".into()),
            expires: Some(1_800_000_000),
            user: Some("ana".into()),
            groups: ["data".to_string()].into(),
            attributes: [("teams".to_string(), Attribute::List(vec![Attribute::Integer(7)]))]
                .into(),
            missing: vec!["user.region: there is no claim \"region\"".into()],
            ..Explanation::default()
        };
        let report = report(&told, 1_799_999_400);
        for line in [
            "issuer      https://id.example.org",
            "key         k\\u{1b}[2J",
            "expires     2027-01-15T08:00:00Z (10 minutes from now)",
            "groups      data",
            "user        ana",
            "roles       none",
            "attribute   user.teams = [7]",
            "missing     user.region: there is no claim \"region\"",
        ] {
            assert!(report.lines().any(|found| found == line), "{line}\n{report}");
        }
    }
}
