//! The recipes of docs/cookbook.md: each is loaded as it stands, passes its own policy tests and `celosia check`,
//! and answers its statement with the rows that it shows.

use super::page::{blocks, page};
use crate::mcp::server::{Demo, celosia};
use crate::mcp::stdio::Lines;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// One recipe.
struct Recipe {
    title: String,
    /// What comes after the base in celosia.yaml.
    config: String,
    /// Other files, by their path.
    files: Vec<(String, String)>,
    /// A statement, and its rows as they are shown.
    answers: Vec<(String, String)>,
}

/// What every recipe begins with, and the recipes.
fn read() -> (String, Vec<Recipe>) {
    let page = page("docs/cookbook.md");
    let mut sections = page.text.split("\n## ");
    let head = blocks(sections.next().unwrap());
    let base = head.iter().find(|block| block.language == "yaml").unwrap().text.clone();
    let recipes = sections.filter(|s| s.starts_with(|c: char| c.is_ascii_digit())).map(recipe);
    (base, recipes.collect())
}

fn recipe(section: &str) -> Recipe {
    let title = section.lines().next().unwrap().to_string();
    let (mut config, mut files, mut answers) = (String::new(), Vec::new(), Vec::new());
    for block in blocks(section) {
        match block.language {
            "yaml" => {
                let name = block.text.lines().next().unwrap().trim_start_matches("# ").to_string();
                match name.as_str() {
                    "celosia.yaml" => config = block.text,
                    _ => files.push((name, block.text)),
                }
            }
            "sql" => answers.push((block.text, String::new())),
            "" => answers.last_mut().unwrap().1 = block.text,
            other => panic!("{title}: a block of {other}"),
        }
    }
    Recipe { title, config, files, answers }
}

/// Writes a recipe beside the demo's databases.
fn write(demo: &Demo, base: &str, recipe: &Recipe) -> PathBuf {
    for directory in ["masking-rules", "policy-tests"] {
        let directory = demo.path().join(directory);
        std::fs::remove_dir_all(&directory).ok();
        std::fs::create_dir_all(&directory).unwrap();
    }
    for (name, text) in &recipe.files {
        demo.write(name, text);
    }
    demo.write("recipe.yaml", &format!("{base}{}", recipe.config))
}

fn run(recipe: &Recipe, arguments: &[&str]) {
    let done = celosia(arguments);
    let (out, errors) =
        (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{}: {arguments:?}\n{out}\n{errors}", recipe.title);
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "NULL".into(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn every_recipe_shows_what_it_promises() {
    let (base, recipes) = read();
    assert_eq!(recipes.len(), 12);
    let demo = Demo::new();
    for recipe in &recipes {
        println!("{}", recipe.title);
        let config = write(&demo, &base, recipe);
        let config = config.to_str().unwrap();
        assert!(recipe.files.iter().any(|(name, _)| name.starts_with("policy-tests/")));
        assert!(!recipe.answers.is_empty(), "{} has no statement", recipe.title);
        run(recipe, &["policy", "test", "--config", config]);
        run(recipe, &["check", "--config", config]);
        let mut client = Lines::start(&["stdio", "--config", config]).initialized("2025-11-25");
        for (sql, expected) in &recipe.answers {
            let call = json!({"name": "query", "arguments": {"sql": sql}});
            let answer = client.ask("tools/call", call);
            let structured = &answer["result"]["structuredContent"];
            let rows = structured["rows"].as_array().unwrap_or_else(|| panic!("{answer}"));
            let rows: Vec<String> = rows
                .iter()
                .map(|row| row.as_array().unwrap().iter().map(shown).collect::<Vec<_>>().join("|"))
                .collect();
            assert_eq!(rows.join("\n"), expected.trim_end(), "{}: {sql}", recipe.title);
        }
    }
}

/// A policy test that says something else fails: the recipes are not loaded in vain.
#[test]
fn a_recipe_with_another_effect_fails() {
    let (base, recipes) = read();
    let demo = Demo::new();
    let first = &recipes[0];
    write(&demo, &base, first);
    let other = format!("{base}{}", first.config).replace("region = user.region", "region = 'US'");
    assert!(other.contains("region = 'US'"));
    let path = demo.write("recipe.yaml", &other);
    let done = celosia(&["policy", "test", "--config", path.to_str().unwrap()]);
    assert!(!done.status.success());
}
