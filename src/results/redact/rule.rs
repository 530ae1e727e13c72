//! One rule: what a secret looks like.

use regex::{Captures, Regex, RegexBuilder};

/// The longest pattern of a configuration, in bytes.
const LONGEST: usize = 1_000;
/// Bytes that a compiled pattern may take.
const COMPILED: usize = 1 << 20;
/// The group that is the secret, where not the whole match is one.
const GROUP: &str = "secret";

/// What a kind of secret looks like. The engine behind it takes time linear in the text, whatever the pattern.
#[derive(Debug, Clone)]
pub struct SecretRule {
    name: String,
    pattern: Regex,
}

/// What is wrong with a rule of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleDefect {
    /// The name would not be read well in an answer.
    #[error("a name has 1 to 64 letters, digits, blanks, `_` or `-`")]
    Name,
    /// The pattern is long.
    #[error("a pattern has at most 1000 bytes")]
    Long,
    /// The pattern is none, or is too large.
    #[error("this is no regular expression that can be used: {0}")]
    Pattern(String),
    /// The pattern matches everywhere.
    #[error("this pattern matches the empty text, so it would match everywhere")]
    Empty,
}

impl SecretRule {
    /// A rule of a configuration. Where the pattern has a group `(?<secret>...)`, only that part of a match
    /// is taken out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str, pattern: &str) -> Result<Self, RuleDefect> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-');
        if name.trim().is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return Err(RuleDefect::Name);
        }
        if pattern.len() > LONGEST {
            return Err(RuleDefect::Long);
        }
        let pattern = RegexBuilder::new(pattern)
            .size_limit(COMPILED)
            .dfa_size_limit(COMPILED)
            .nest_limit(50)
            .build()
            .map_err(|error| RuleDefect::Pattern(last_line(&error.to_string())))?;
        if pattern.is_match("") {
            return Err(RuleDefect::Empty);
        }
        Ok(Self { name: name.to_string(), pattern })
    }

    /// A rule that comes with the server.
    pub(super) fn shipped(name: &str, pattern: Regex) -> Self {
        Self { name: name.to_string(), pattern }
    }

    /// The name, as receipts have it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pattern as it was written.
    pub(super) fn source(&self) -> &str {
        self.pattern.as_str()
    }

    /// The text without this kind of secret, or nothing where it has none.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        let replaced = self.pattern.replace_all(text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or(0..0, |all| all.range());
            let secret = found.name(GROUP).map_or(whole.clone(), |part| part.range());
            let (before, after) = (&text[whole.start..secret.start], &text[secret.end..whole.end]);
            format!("{before}[redacted: {}]{after}", self.name)
        });
        match replaced {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(replaced) => (replaced != text).then_some(replaced),
        }
    }
}

/// The regex crate draws the pattern above its reason.
fn last_line(error: &str) -> String {
    error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string()
}
