//! Completion of names, among those the caller may see, and of choices.

use super::Backend;
use super::prompts::{self, Kind, Lookup, Table};
use super::resources::{SOURCE_TEMPLATE, TABLE_TEMPLATE};
use crate::model::Principal;
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
    let wanted = wanted(&request.r#ref, argument)?;
    let tables = || backend.visible_tables(principal);
    let fits = |part: &str, value: &str| earlier(part).is_none_or(|earlier| earlier == value);
    let values: Vec<String> = match wanted {
        Wanted::Nothing => return Ok(CompleteResult::default()),
        Wanted::Choice(choices) => choices.iter().map(|choice| (*choice).to_owned()).collect(),
        Wanted::Source => tables().into_iter().map(|name| name.source).collect(),
        Wanted::Schema => tables()
            .into_iter()
            .filter(|name| fits("source", &name.source))
            .map(|name| name.schema)
            .collect(),
        Wanted::Table => tables()
            .into_iter()
            .filter(|name| fits("source", &name.source) && fits("schema", &name.schema))
            .map(|name| name.table)
            .collect(),
        Wanted::WholeTable => tables()
            .into_iter()
            .filter(|name| fits("source", &name.source))
            .map(|name| format!("{}.{}.{}", name.source, name.schema, name.table))
            .collect(),
        // A table that is hidden, absent or not given yet has no columns to offer.
        Wanted::Column(table) => earlier(table)
            .and_then(|table| Lookup { backend, principal }.table(table).ok())
            .map(Table::into_columns)
            .unwrap_or_default(),
    };
    Ok(CompleteResult::new(best(distinct(values, wanted), &request.argument.value)))
}

/// What is completed.
#[derive(Clone, Copy)]
enum Wanted {
    Source,
    Schema,
    /// A table's own name.
    Table,
    /// A table with its source and schema.
    WholeTable,
    /// A column of the table that this argument names.
    Column(&'static str),
    Choice(&'static [&'static str]),
    /// Words of the user.
    Nothing,
}

fn wanted(reference: &Reference, argument: &str) -> Result<Wanted, ErrorData> {
    let unknown = |what: &str| ErrorData::invalid_params(format!("there is no such {what}"), None);
    let of_template = |template: &str| match (template, argument) {
        (SOURCE_TEMPLATE | TABLE_TEMPLATE, "source") => Ok(Wanted::Source),
        (TABLE_TEMPLATE, "schema") => Ok(Wanted::Schema),
        (TABLE_TEMPLATE, "table") => Ok(Wanted::Table),
        (SOURCE_TEMPLATE | TABLE_TEMPLATE, _) => Err(unknown("argument")),
        _ => Err(unknown("prompt or template")),
    };
    match reference {
        Reference::Resource(template) => of_template(&template.uri),
        Reference::Prompt(prompt) => {
            let entry = prompts::find(&prompt.name).ok_or_else(|| unknown("prompt or template"))?;
            let argument = entry.argument(argument).ok_or_else(|| unknown("argument"))?;
            Ok(match argument.kind {
                Kind::Source => Wanted::Source,
                Kind::Table => Wanted::WholeTable,
                Kind::Column(table) => Wanted::Column(table),
                Kind::Choice(choices) => Wanted::Choice(choices),
                Kind::Text | Kind::Statement | Kind::Count => Wanted::Nothing,
            })
        }
        _ => Err(unknown("prompt or template")),
    }
}

/// Each value once: names in their order, columns and choices in the order that they have.
fn distinct(mut values: Vec<String>, wanted: Wanted) -> Vec<String> {
    if !matches!(wanted, Wanted::Column(_) | Wanted::Choice(_)) {
        values.sort();
        values.dedup();
    }
    values
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

    #[test]
    fn columns_are_those_of_the_table_that_was_given() {
        let profile = || Reference::for_prompt("profile_column");
        let of = |table: &str, typed: &str| {
            completed(profile(), "column", typed, &[("table", table)]).unwrap().values
        };
        assert_eq!(of("shop.main.t0001", ""), ["id", "amount", "group"]);
        assert_eq!(of("shop.main.t0001", "A"), ["amount"]);
        assert!(of("vault.main.secret", "").is_empty());
        assert!(completed(profile(), "column", "", &[]).unwrap().values.is_empty());
        let grain =
            completed(Reference::for_prompt("trend_and_anomaly"), "grain", "", &[]).unwrap();
        assert_eq!(grain.values, ["day", "week", "month", "quarter", "year"]);
        let language = completed(Reference::for_prompt("ask"), "language", "e", &[]).unwrap();
        assert_eq!(language.values, ["en", "es"]);
    }
}
