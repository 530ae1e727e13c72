//! Every `celosia ...` line of the documentation.

use super::page::{pages, root};
use crate::mcp::server::{Demo, celosia};

/// A command line of the documentation, and where it is.
struct Documented {
    place: String,
    words: Vec<String>,
}

/// Subcommands that change nothing, end by themselves and need no more than a configuration.
const HARMLESS: &[&[&str]] = &[
    &["check"],
    &["doctor"],
    &["policy", "test"],
    &["catalog", "diff"],
    &["suggest-masks"],
    &["audit", "verify"],
    &["keys", "new"],
    &["completions"],
    &["man"],
    &["schema"],
];

/// The command lines of the shell's blocks.
fn documented() -> Vec<Documented> {
    let mut found = Vec::new();
    for page in pages() {
        for block in page.blocks() {
            if !["sh", "bash", "console", "shell"].contains(&block.language) {
                continue;
            }
            for line in block.text.replace("\\\n", " ").lines() {
                let line = line.trim().trim_start_matches("$ ");
                let line = match line.split_once("cargo run --release -- ") {
                    Some((_, rest)) => format!("celosia {rest}"),
                    None => line.to_string(),
                };
                if let Some(start) = command_start(&line) {
                    let place = format!("{}: {}", page.name, &line[start..]);
                    found.push(Documented { place, words: words(&line[start..]) });
                }
            }
        }
    }
    found
}

/// Where the program's name stands in a line: first, after variables, or behind a pipe.
fn command_start(line: &str) -> Option<usize> {
    let mut at = 0;
    for word in line.split(' ') {
        let name = word.rsplit('/').next().unwrap_or_default();
        if name == "celosia" {
            return Some(at);
        }
        let is_variable = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        });
        if !is_variable && !["sudo", "exec", "|", "&&"].contains(&word) {
            return None;
        }
        at += word.len() + 1;
    }
    None
}

/// The words of a line as a shell sees them, up to a comment, a pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut letters = line.chars().peekable();
    let mut begun = true;
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => {
                if !begun {
                    words.push(String::new());
                }
                begun = true;
                if letters.peek().is_some_and(|c| ['#', '|', '>', '<', '&', ';'].contains(c)) {
                    break;
                }
                continue;
            }
            _ => words.last_mut().unwrap().push(c),
        }
        begun = false;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_documented_command_line_is_one() {
    let found = documented();
    assert!(found.len() >= 20, "only {} command lines", found.len());
    let mut wrong = Vec::new();
    for Documented { place, words } in found {
        if let Err(error) = celosia::app::command().try_get_matches_from(&words) {
            wrong.push(format!("{place}\n{error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `celosia x y --flag` in running text names commands and flags that there are.
#[test]
fn every_command_that_is_named_exists() {
    let mut wrong = Vec::new();
    for page in pages() {
        for code in page.inline() {
            let Some(rest) = code.strip_prefix("celosia ") else { continue };
            if !rest.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            let mut command = celosia::app::command();
            command.build();
            let mut words = rest.split_whitespace().peekable();
            while let Some(word) = words.peek() {
                let Some(inner) = command.find_subcommand(word) else { break };
                command = inner.clone();
                words.next();
            }
            let known = |flag: &str| command.get_arguments().any(|a| a.get_long() == Some(flag));
            let rest: Vec<&str> = words.collect();
            let is_name = |word: &&&str| command.has_subcommands() && !word.starts_with('-');
            let unknown = rest.first().filter(is_name).copied();
            let flags =
                rest.iter().filter_map(|word| word.trim_matches(['[', ']']).strip_prefix("--"));
            let unknown = unknown.or_else(|| flags.into_iter().find(|flag| !known(flag)));
            if let Some(unknown) = unknown.filter(|word| !word.contains('|')) {
                wrong.push(format!("{}: {code}: {unknown}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn harmless_commands_run() {
    let demo = Demo::new();
    let config = demo.path().join("celosia.yaml");
    let config = config.to_str().unwrap();
    let mut ran = std::collections::BTreeSet::new();
    for Documented { place, words } in documented() {
        let is = |names: &&&[&str]| words[1..].iter().zip(**names).all(|(word, name)| word == name);
        let Some(names) = HARMLESS.iter().find(is) else { continue };
        let rest = &words[1 + names.len()..];
        let configured = rest == ["--config", "celosia.yaml"];
        let plain = rest.iter().all(|word| !word.starts_with("--") && !word.contains(['/', '.']));
        if !configured && !plain {
            continue;
        }
        let words: Vec<&str> =
            words[1..].iter().map(|w| if w == "celosia.yaml" { config } else { w }).collect();
        let done = celosia(&words);
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{place}: {errors}");
        ran.insert(names.join(" "));
    }
    assert!(ran.len() >= 6, "{ran:?}");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = celosia(&["man"]);
    let text = String::from_utf8(page.stdout).unwrap();
    assert!(page.status.success() && text.contains(".TH celosia 1"), "{text}");
    let directory = tempfile::tempdir().unwrap();
    assert!(celosia(&["man", "--out", directory.path().to_str().unwrap()]).status.success());
    let pages: Vec<String> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in ["celosia.1", "celosia-serve.1", "celosia-policy-explain.1"] {
        assert!(pages.iter().any(|page| page == name), "{name}: {pages:?}");
    }
}

/// A link to a page of ours, or to a file, leads to one.
#[test]
fn links_lead_somewhere() {
    let mut lost = Vec::new();
    for page in pages() {
        for link in page.text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") || target.contains(' ') {
                continue;
            }
            let directory = root().join(&page.name);
            if !directory.parent().unwrap().join(target).exists() {
                lost.push(format!("{}: {target}", page.name));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_line_is_read_as_a_shell_reads_it() {
    assert_eq!(words("celosia a 'b c' \"d\"   # e"), ["celosia", "a", "b c", "d"]);
    assert_eq!(words("celosia a > b"), ["celosia", "a"]);
    assert_eq!(command_start("A_B=c ./target/celosia x"), Some(6));
    assert_eq!(command_start("cargo celosia"), None);
}
