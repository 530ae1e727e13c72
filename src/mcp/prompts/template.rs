//! The language of the prompts' texts: values, and sections that depend on whether a value is given.
//!
//! `{name}` is a value. `{?name}...{/name}` is there where the value is given, `{!name}...{/name}` where it
//! is not. `{>part}` is a part that several texts share, `{#1}` the prompt's first SQL statement; both are
//! put in before anything else is read. There is no way to write a brace.

use std::collections::BTreeMap;

/// A text that can be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(String),
    Section { name: String, given: bool, inner: Vec<Piece> },
}

impl Template {
    /// Reads a text; `part` gives what `{>name}` and `{#1}` stand for, by `>name` and `#1`.
    ///
    /// # Errors
    /// A tag that is not closed, not known or closed at the wrong place.
    pub(super) fn parse(
        text: &str,
        part: &impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let whole = included(text, part, 0)?;
        let mut rest = whole.as_str();
        let pieces = pieces(&mut rest, None)?;
        Ok(Self(pieces))
    }

    /// The text with these values; one that is not there is empty.
    pub(super) fn fill(&self, values: &BTreeMap<&str, String>) -> String {
        let mut out = String::new();
        fill(&mut out, &self.0, values);
        out
    }

    /// Every value that the text may use.
    #[cfg(test)]
    pub(super) fn names(&self) -> std::collections::BTreeSet<&str> {
        fn collect<'a>(pieces: &'a [Piece], names: &mut std::collections::BTreeSet<&'a str>) {
            for piece in pieces {
                match piece {
                    Piece::Text(_) => {}
                    Piece::Value(name) => drop(names.insert(name)),
                    Piece::Section { name, inner, .. } => {
                        names.insert(name);
                        collect(inner, names);
                    }
                }
            }
        }
        let mut names = std::collections::BTreeSet::new();
        collect(&self.0, &mut names);
        names
    }
}

fn fill(out: &mut String, pieces: &[Piece], values: &BTreeMap<&str, String>) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Value(name) => {
                out.push_str(values.get(name.as_str()).map_or("", String::as_str));
            }
            Piece::Section { name, given, inner } => {
                if values.contains_key(name.as_str()) == *given {
                    fill(out, inner, values);
                }
            }
        }
    }
}

/// The text with its parts in place. Parts may have parts.
fn included(
    text: &str,
    part: &impl Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<String, String> {
    const DEEPEST: usize = 3;
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(at) = rest.find(['{']) {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let (inner, after) = tag[1..].split_once('}').ok_or("a brace is not closed")?;
        if inner.starts_with(['>', '#']) {
            if depth == DEEPEST {
                return Err(format!("{{{inner}}} is too deep"));
            }
            let text = part(inner).ok_or_else(|| format!("there is no part {{{inner}}}"))?;
            out.push_str(&included(text.trim_end(), part, depth + 1)?);
        } else {
            out.push_str(&format!("{{{inner}}}"));
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The pieces up to the end of the text, or of the section `within`.
fn pieces(rest: &mut &str, within: Option<&str>) -> Result<Vec<Piece>, String> {
    let mut found = Vec::new();
    loop {
        let Some(at) = rest.find('{') else {
            return match within {
                Some(name) => Err(format!("section {name} is not closed")),
                None => {
                    found.push(Piece::Text((*rest).to_string()));
                    Ok(found)
                }
            };
        };
        if at > 0 {
            found.push(Piece::Text(rest[..at].to_string()));
        }
        let (tag, after) = rest[at + 1..].split_once('}').ok_or("a brace is not closed")?;
        *rest = after;
        let given = match tag.chars().next() {
            Some('?') => true,
            Some('!') => false,
            Some('/') if Some(&tag[1..]) == within => return Ok(found),
            Some('/') => return Err(format!("{{{tag}}} closes nothing")),
            _ => {
                found.push(Piece::Value(tag.to_string()));
                continue;
            }
        };
        let name = tag[1..].to_string();
        let inner = pieces(rest, Some(&name))?;
        found.push(Piece::Section { name, given, inner });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, values: &[(&'static str, &str)]) -> Result<String, String> {
        let part = |name: &str| match name {
            ">more" => Some("more {a}\n".to_string()),
            "#1" => Some("SELECT {a}".to_string()),
            ">round" => Some("{>round}".to_string()),
            _ => None,
        };
        let values = values.iter().map(|(name, value)| (*name, (*value).to_string())).collect();
        Template::parse(text, &part).map(|template| template.fill(&values))
    }

    #[test]
    fn values_and_sections() {
        let text = "x {a}{?b} with {b}{/b}{!b} alone{/b}; {>more}, {#1}.";
        assert_eq!(filled(text, &[("a", "1")]).unwrap(), "x 1 alone; more 1, SELECT 1.");
        let both = [("a", "1"), ("b", "2")];
        assert_eq!(filled(text, &both).unwrap(), "x 1 with 2; more 1, SELECT 1.");
        let nested = "{?a}a{?b}b{/b}{/a}!";
        assert_eq!(filled(nested, &both).unwrap(), "ab!");
        assert_eq!(filled(nested, &[("b", "2")]).unwrap(), "!");
    }

    #[test]
    fn a_value_is_not_read_again() {
        assert_eq!(filled("{a}", &[("a", "{b}{>more}"), ("b", "no")]).unwrap(), "{b}{>more}");
    }

    #[test]
    fn a_broken_text_is_an_error() {
        for text in ["{a", "{?a}", "{/a}", "{?a}{?b}{/a}{/b}", "{>none}", "{>round}", "{#2}"] {
            assert!(filled(text, &[]).is_err(), "{text}");
        }
    }
}
