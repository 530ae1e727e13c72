//! Completion of sources, schemas and tables, among those the caller may see.

use super::prompts::EXPLORE_SOURCE;
use super::resources::{SOURCE_TEMPLATE, TABLE_TEMPLATE};
use super::{Backend, prompts};
use crate::model::Principal;
use crate::query::VisibleName;
use rmcp::ErrorData;
use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, Reference};

/// The values that fit what was typed so far.
pub(super) fn complete(
    backend: &dyn Backend,
    principal: &Principal,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let argument = request.argument.name.as_str();
    let earlier = |name: &str| {
        request.context.as_ref().and_then(|context| context.get_argument(name)).map(String::as_str)
    };
    let offered: fn(&VisibleName) -> String = match (kind(&request.r#ref)?, argument) {
        (Kind::Nothing, _) => return Ok(CompleteResult::default()),
        (_, "source") => |name| name.source.to_string(),
        (Kind::Table, "schema") => |name| name.schema.to_string(),
        (Kind::Table, "table") => |name| name.table.to_string(),
        (Kind::Explore, "table") => {
            |name| format!("{}.{}.{}", name.source, name.schema, name.table)
        }
        _ => return Err(ErrorData::invalid_params("there is no such argument", None)),
    };
    let (source, schema) = match argument {
        "source" => (None, None),
        "schema" => (earlier("source"), None),
        _ => (earlier("source"), earlier("schema")),
    };
    let tables = backend.visible_tables(principal);
    let mut values: Vec<String> = tables
        .iter()
        .filter(|name| source.is_none_or(|source| *name.source == *source))
        .filter(|name| schema.is_none_or(|schema| *name.schema == *schema))
        .map(offered)
        .collect();
    values.sort();
    values.dedup();
    Ok(CompleteResult::new(best(values, &request.argument.value)))
}

/// What kind of thing is completed.
enum Kind {
    Source,
    Table,
    Explore,
    Nothing,
}

fn kind(reference: &Reference) -> Result<Kind, ErrorData> {
    let known = match reference {
        Reference::Resource(template) => match template.uri.as_str() {
            SOURCE_TEMPLATE => Some(Kind::Source),
            TABLE_TEMPLATE => Some(Kind::Table),
            _ => None,
        },
        Reference::Prompt(prompt) if prompt.name == EXPLORE_SOURCE => Some(Kind::Explore),
        Reference::Prompt(prompt) => {
            prompts::all().iter().any(|known| known.name == prompt.name).then_some(Kind::Nothing)
        }
        _ => None,
    };
    known.ok_or_else(|| ErrorData::invalid_params("there is no such prompt or template", None))
}

/// Values that start with what was typed, then those that hold it; letter case does not matter.
fn best(values: Vec<String>, typed: &str) -> CompletionInfo {
    let typed = typed.to_lowercase();
    let (mut starting, rest): (Vec<String>, Vec<String>) =
        values.into_iter().partition(|value| value.to_lowercase().starts_with(&typed));
    starting.extend(rest.into_iter().filter(|value| value.to_lowercase().contains(&typed)));
    let total = starting.len();
    starting.truncate(CompletionInfo::MAX_VALUES);
    let more = total > starting.len();
    CompletionInfo::with_pagination(starting, u32::try_from(total).ok(), more).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::testing::{StubBackend, principal};
    use rmcp::model::{ArgumentInfo, CompletionContext};

    fn completed(
        reference: Reference,
        argument: &str,
        typed: &str,
        context: &[(&str, &str)],
    ) -> Result<CompletionInfo, ErrorData> {
        let context = context.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let request = CompleteRequestParams::new(reference, ArgumentInfo::new(argument, typed))
            .with_context(CompletionContext::with_arguments(context));
        complete(&StubBackend::with_tables(150), &principal("ana"), &request)
            .map(|result| result.completion)
    }

    #[test]
    fn sources_and_tables_complete() {
        let explore = || Reference::for_prompt("explore_source");
        assert_eq!(completed(explore(), "source", "S", &[]).unwrap().values, ["shop"]);
        let tables = completed(explore(), "table", "t014", &[("source", "shop")]).unwrap();
        assert_eq!(tables.values.len(), 10);
        assert_eq!(tables.values[0], "shop.main.t0140");
        assert!(completed(explore(), "table", "", &[("source", "x")]).unwrap().values.is_empty());
        let template = || Reference::for_resource(TABLE_TEMPLATE);
        assert_eq!(completed(template(), "schema", "m", &[]).unwrap().values, ["main"]);
        let context = [("source", "shop"), ("schema", "main")];
        let tables = completed(template(), "table", "", &context).unwrap();
        assert_eq!((tables.values.len(), tables.total), (100, Some(150)));
        assert_eq!(tables.has_more, Some(true));
    }

    #[test]
    fn a_hidden_name_never_completes() {
        for (argument, typed) in [("source", "vault"), ("table", "secret")] {
            let template = Reference::for_resource(TABLE_TEMPLATE);
            assert!(completed(template, argument, typed, &[]).unwrap().values.is_empty());
        }
    }

    #[test]
    fn unknown_references_are_invalid() {
        assert!(completed(Reference::for_prompt("x"), "source", "", &[]).is_err());
        assert!(completed(Reference::for_resource("x://{y}"), "y", "", &[]).is_err());
        assert!(completed(Reference::for_prompt("explore_source"), "x", "", &[]).is_err());
        let none = completed(Reference::for_prompt("ask"), "question", "w", &[]).unwrap();
        assert!(none.values.is_empty());
    }
}
