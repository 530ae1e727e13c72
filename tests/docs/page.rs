//! Pages of the documentation, as text.

use std::path::{Path, PathBuf};

/// A page.
pub struct Page {
    /// Its path below the repository.
    pub name: String,
    pub text: String,
}

/// A fenced block.
pub struct Block<'a> {
    pub language: &'a str,
    pub text: String,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

pub fn page(name: &str) -> Page {
    let text = std::fs::read_to_string(root().join(name)).unwrap();
    Page { name: name.to_string(), text }
}

/// README, the pages beside it and those of docs/.
pub fn pages() -> Vec<Page> {
    let mut names = Vec::new();
    for (directory, prefix) in [(root(), ""), (root().join("docs"), "docs/")] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                names.push(format!("{prefix}{name}"));
            }
        }
    }
    names.sort();
    names.iter().map(|name| page(name)).collect()
}

impl Page {
    /// The fenced blocks, in order.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        blocks(&self.text)
    }

    /// The inline code of the text between the blocks.
    pub fn inline(&self) -> Vec<String> {
        let mut prose = String::new();
        let mut inside = false;
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside && !line.starts_with("    ") {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose.split('`').skip(1).step_by(2).map(str::to_string).collect()
    }
}

/// The fenced blocks of a text.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.trim_start().strip_prefix("```") {
            Some(language) => {
                inside = !inside;
                if inside {
                    found.push(Block { language: language.trim(), text: String::new() });
                }
            }
            None if inside => {
                let block = found.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    found
}
