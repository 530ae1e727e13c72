use super::*;
use crate::mcp::testing::{StubBackend, principal};
use rmcp::model::ErrorCode;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

fn text_of(name: &str, given: Json) -> Result<String, ErrorData> {
    let Json::Object(given) = given else { panic!("an object") };
    let (backend, ana) = (StubBackend::with_tables(3), principal("ana"));
    let result = get(&backend, &ana, Language::English, name, Some(given))?;
    assert!(result.description.is_some());
    Ok(result.messages[0].content.as_text().unwrap().text.clone())
}

/// Every argument of a prompt, with something that is there.
fn whole(entry: &Entry, language: &str) -> Json {
    let mut given = serde_json::Map::new();
    for argument in entry.arguments {
        let value = match argument.kind {
            Kind::Source => "shop",
            Kind::Table => "shop.main.t0001",
            Kind::Column(_) => "Amount",
            Kind::Text => "what I mean",
            Kind::Statement => "SELECT 1",
            Kind::Count => "7",
            Kind::Choice(choices) => choices[0],
        };
        given.insert(argument.name.to_owned(), value.into());
    }
    given.insert("language".into(), language.into());
    Json::Object(given)
}

#[test]
fn every_text_reads_and_knows_its_arguments() {
    let derived = BTreeSet::from(["source.tables", "table.filled", "sql.block"]);
    for entry in ALL {
        for language in Language::ALL {
            let place = format!("{} {}", language.code(), entry.name);
            let template = text(entry, language).unwrap_or_else(|e| panic!("{place}: {e}"));
            let names: BTreeSet<&str> = entry.arguments.iter().map(|a| a.name).collect();
            let used = template.names();
            let strange: Vec<_> =
                used.difference(&names).filter(|n| !derived.contains(*n)).collect();
            assert!(strange.is_empty(), "{place} uses {strange:?}");
            for argument in entry.arguments {
                let derived = format!("{}.block", argument.name);
                assert!(used.contains(argument.name) || used.contains(&*derived), "{place}");
                assert!(header(entry, language, argument.name).is_some(), "{place}");
            }
            assert!(header(entry, language, "title").is_some_and(|title| title.len() < 40));
            assert!(
                header(entry, language, "about").is_some_and(|about| about.len() < 110),
                "{place}"
            );
        }
        assert_eq!(entry.texts.map(|text| text.matches("{#").count()), {
            let count = if entry.sql.is_empty() { 0 } else { entry.sql.split("\n\n").count() };
            [count; 2]
        });
    }
}

#[test]
fn each_prompt_teaches_the_habits() {
    for entry in ALL {
        for (language, habits) in [
            ("en", ["masked", "PostgreSQL", "assumptions", "two times", "final SQL", "`describe`"]),
            (
                "es",
                ["enmascarad", "PostgreSQL", "supuestos", "dos veces", "SQL final", "`describe`"],
            ),
        ] {
            let text = text_of(entry.name, whole(entry, language)).unwrap();
            for habit in habits {
                assert!(text.contains(habit), "{} lacks {habit}: {text}", entry.name);
            }
            assert!(!text.contains(['{', '}']), "{text}");
            assert!(text.len() / 4 < 1_000, "{} {language} is long: {}", entry.name, text.len());
        }
    }
}

#[test]
fn the_list_is_small_and_in_the_clients_language() {
    for language in Language::ALL {
        let wire = serde_json::to_string(&all(language)).unwrap();
        let tokens = wire.chars().count() / 4;
        assert!(tokens <= 2_600, "prompts/list takes {tokens} tokens");
    }
    assert_eq!(all(Language::Spanish)[2].title.as_deref(), Some("Preguntar a los datos"));
    assert_eq!(all(Language::English)[2].title.as_deref(), Some("Ask the data"));
}

#[test]
fn arguments_are_in_the_text() {
    assert!(text_of("ask", json!({"question": "who?"})).unwrap().contains("who?"));
    let text = text_of("explore_source", json!({"source": "SHOP"})).unwrap();
    assert!(text.contains("shop.main.t0001") && !text.contains("```sql"), "{text}");
    let text = text_of("explain_result", json!({"receipt": "00ab"})).unwrap();
    assert!(text.contains("00ab"), "{text}");
    let given = json!({"table": "shop.main.t0002", "dimension": "group"});
    let text = text_of("top_n_and_share", given).unwrap();
    assert!(text.contains("SELECT \"group\" AS part, count(*) AS amount"), "{text}");
    assert!(text.contains("LIMIT 10"), "{text}");
}

#[test]
fn mistakes_are_invalid_params() {
    let table = "shop.main.t0001";
    for (name, given) in [
        ("nothing", json!({})),
        ("ask", json!({})),
        ("ask", json!({"question": 7})),
        ("ask", json!({"question": "  "})),
        ("ask", json!({"question": "x".repeat(5_000)})),
        ("ask", json!({"question": "x", "language": "fr"})),
        ("ask", json!({"question": "x", "sql": "SELECT 1"})),
        ("explain_result", json!({})),
        ("explore_source", json!({"source": "vault"})),
        ("profile_column", json!({"table": table})),
        ("profile_column", json!({"table": table, "column": "none"})),
        ("profile_column", json!({"table": "shop", "column": "id"})),
        ("top_n_and_share", json!({"table": table, "dimension": "id", "n": "0"})),
        ("trend_and_anomaly", json!({"table": table, "date_column": "id", "grain": "eon"})),
    ] {
        let error = text_of(name, given).unwrap_err();
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS, "{name}");
        assert!(error.message.len() < 300, "{}", error.message);
    }
}

#[test]
fn what_is_hidden_is_like_what_is_not() {
    for (prompt, argument, hidden, none) in [
        ("explore_source", "source", "vault", "xault"),
        ("data_quality_check", "table", "vault.main.secret", "vault.main.xecret"),
    ] {
        let of = |name: &str| text_of(prompt, json!({argument: name})).unwrap_err().message;
        assert_eq!(of(hidden).replace(hidden, none), of(none));
        assert!(!of(none).contains(hidden));
    }
}
