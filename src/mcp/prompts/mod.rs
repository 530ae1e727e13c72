//! Prompts: the order of the tools, the dialect and the habits that make a first answer right.
//!
//! The texts are files, one for each prompt and language; `entries` lists them with their arguments,
//! `template` fills them in, `values` looks up what the arguments name.

mod entries;
mod template;
mod values;

use super::Backend;
use super::arguments::quoted;
use crate::model::{Language, Principal};
use entries::{ALL, Entry, LANGUAGE, PARTS};
use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};
use template::Template;

pub(super) use entries::{Kind, find};
pub(super) use values::{Lookup, Table};

/// All prompts, as `prompts/list` shows them.
pub(super) fn all(language: Language) -> Vec<Prompt> {
    ALL.iter().map(|entry| definition(entry, language)).collect()
}

/// The text of one prompt, in the language that is asked for, or else in the client's own.
pub(super) fn get(
    backend: &dyn Backend,
    principal: &Principal,
    language: Language,
    name: &str,
    given: Option<JsonObject>,
) -> Result<GetPromptResult, ErrorData> {
    let entry =
        find(name).ok_or_else(|| invalid(format!("there is no prompt {}", quoted(name))))?;
    let given = given.unwrap_or_default();
    let language = match values::text_of(&given, &LANGUAGE)? {
        None => language,
        Some(tag) => Language::of_tag(tag).ok_or_else(|| {
            invalid(format!("argument \"language\" is {}; it may be: en, es", quoted(tag)))
        })?,
    };
    let values = values::values(backend, principal, entry, &given)?;
    let text = text(entry, language)
        .map_err(|defect| ErrorData::internal_error(format!("{name}: {defect}"), None))?;
    let text = text.fill(&values).trim_end().to_owned();
    let mut result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
    result.description = header(entry, language, "about").map(str::to_owned);
    Ok(result)
}

fn definition(entry: &Entry, language: Language) -> Prompt {
    let arguments = entry.arguments.iter().map(|argument| {
        let about = header(entry, language, argument.name).unwrap_or_default();
        let shown = PromptArgument::new(argument.name).with_description(about);
        if argument.required { shown.with_required(true) } else { shown }
    });
    let chosen = PromptArgument::new(LANGUAGE.name).with_description("en, es");
    let about = header(entry, language, "about");
    Prompt::new(entry.name, about, Some(arguments.chain([chosen]).collect()))
        .with_title(header(entry, language, "title").unwrap_or(entry.name))
}

/// A line of the text's head.
fn header(entry: &Entry, language: Language, key: &str) -> Option<&'static str> {
    let (head, _) = entry.texts[language as usize].split_once("\n---\n")?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| *known == key).map(|(_, value)| value)
}

/// The text below the head.
fn text(entry: &Entry, language: Language) -> Result<Template, String> {
    let (_, text) =
        entry.texts[language as usize].split_once("\n---\n").ok_or("the text has no head")?;
    Template::parse(text, &|name: &str| match name.split_at_checked(1)? {
        (">", part) => {
            let (_, texts) = PARTS.iter().find(|(known, _)| *known == part)?;
            Some(texts[language as usize].to_owned())
        }
        (_, number) => {
            let number: usize = number.parse().ok()?;
            let sql = entry.sql.trim_end().split("\n\n").nth(number.checked_sub(1)?)?;
            Some(format!("```sql\n{sql}\n```"))
        }
    })
}

fn invalid(message: String) -> ErrorData {
    ErrorData::invalid_params(message, None)
}

#[cfg(test)]
mod tests;
