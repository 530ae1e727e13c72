//! Source files as the rules see them: code without comments and literals, production apart from tests.

use std::path::{Path, PathBuf};

/// A Rust source file.
#[derive(Debug, Clone)]
pub struct Source {
    /// From the repository's root, with `/`.
    pub path: String,
    /// Its lines.
    pub lines: usize,
    /// Its code, comments and literals blanked.
    pub code: String,
    /// The part of `code` that is not only for tests.
    pub production: String,
}

impl Source {
    /// A file of this text. `only_for_tests`: its parent declares it below `#[cfg(test)]`.
    pub fn new(path: &str, text: &str, only_for_tests: bool) -> Self {
        let code = blank(text);
        let end = if only_for_tests { 0 } else { tests_begin(&code).unwrap_or(code.len()) };
        let production = code[..end].to_string();
        Self { path: path.to_string(), lines: text.lines().count(), code, production }
    }
}

/// Every Rust file below these directories of the repository.
pub fn read(directories: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for directory in directories {
        collect(&root.join(directory), &mut paths);
    }
    paths.sort();
    let texts: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
            (name, std::fs::read_to_string(path).expect("a source file"))
        })
        .collect();
    let for_tests: Vec<String> =
        texts.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let is_for_tests = |path: &str| {
        path.contains("/tests/")
            || path.starts_with("tests/")
            || for_tests.iter().any(|t| t == path)
    };
    texts.iter().map(|(path, text)| Source::new(path, text, is_for_tests(path))).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, paths);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The files of modules that are declared `#[cfg(test)] mod name;`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let directory = match path.rsplit_once('/') {
        Some((directory, "mod.rs" | "lib.rs" | "main.rs")) => directory.to_string(),
        _ => path.trim_end_matches(".rs").to_string(),
    };
    let code = blank(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let rest = code[at + "#[cfg(test)]".len()..].trim_start();
        let rest = rest.strip_prefix("pub(crate) ").or(rest.strip_prefix("pub ")).unwrap_or(rest);
        let Some(name) = rest.strip_prefix("mod ") else { continue };
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        if name[end..].trim_start().starts_with(';') {
            let name = &name[..end];
            found.push(format!("{directory}/{name}.rs"));
            found.push(format!("{directory}/{name}/mod.rs"));
        }
    }
    found
}

/// Where the inline module of tests begins; tests come last.
fn tests_begin(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| {
        let rest = &code[*at..];
        let line = rest.lines().nth(1).unwrap_or_default();
        line.contains("mod ") && line.contains('{')
    })
}

/// The text with comments, strings and characters replaced by blanks; lines stay.
pub fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_end(&chars, at),
            '"' => string_end(&chars, at + 1),
            'r' if raw_hashes(&chars, at).is_some() => raw_end(&chars, at),
            '\'' => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            code.push(chars[at]);
            at += 1;
            continue;
        }
        code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n)
}

fn block_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut i = at;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') if depth == 1 => return i + 2,
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The number of `#` of a raw string that begins here.
fn raw_hashes(chars: &[char], at: usize) -> Option<usize> {
    if at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b' {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(at + 1 + hashes) == Some(&'"')).then_some(hashes)
}

fn raw_end(chars: &[char], at: usize) -> usize {
    let hashes = raw_hashes(chars, at).unwrap_or(0);
    let mut i = at + 2 + hashes;
    while i < chars.len() {
        let closes = chars[i] == '"'
            && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        if closes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    chars.len()
}

/// The end of a character literal; a lifetime is not one.
fn char_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let close = chars.iter().skip(at + 3).position(|c| *c == '\'');
            close.map_or(at, |n| at + 3 + n + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "a // crate::x\nb /* crate::y /* z */ */ c \"crate::\\\"q\" 'r' '\\'' r#\"crate::\"w\"# &'a d";
        let code = blank(text);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "&'a", "d"]);
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn tests_are_apart() {
        let text =
            "fn a() {}\n#[cfg(test)]\nmod samples;\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n";
        let source = Source::new("src/policy/mod.rs", text, false);
        assert!(source.production.contains("fn a") && !source.production.contains("fn b"));
        let modules = test_modules("src/policy/mod.rs", text);
        assert_eq!(modules, ["src/policy/samples.rs", "src/policy/samples/mod.rs"]);
        assert_eq!(test_modules("src/a/b.rs", "#[cfg(test)]\nmod t;")[0], "src/a/b/t.rs");
    }
}
