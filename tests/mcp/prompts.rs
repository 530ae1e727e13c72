//! Every prompt from the real server, and its steps followed on the demo.

use super::client::{Client, MODERN};
use super::server::{Demo, Server};
use super::stdio::Lines;
use serde_json::{Map, Value as Json, json};

const CASES: &str = include_str!("prompts.yaml");
const TOOLS: [&str; 5] = ["search", "describe", "query", "fetch", "explain"];

fn cases() -> Vec<Json> {
    serde_saphyr::from_str(CASES).unwrap()
}

/// The text of a prompt in a language.
fn text(client: &Client, case: &Json, language: &str) -> String {
    let mut arguments = case["arguments"].clone();
    arguments["language"] = language.into();
    let prompt =
        client.result("prompts/get", json!({"name": case["prompt"], "arguments": arguments}));
    prompt["messages"][0]["content"]["text"].as_str().unwrap().to_string()
}

/// The statements of a text.
fn statements(text: &str) -> Vec<String> {
    let blocks = text.split("```sql\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap().to_string()).collect()
}

/// The tools that a text names, in the order of their first mention.
fn tools(text: &str) -> Vec<&str> {
    let mut found: Vec<(usize, &str)> =
        TOOLS.iter().filter_map(|tool| Some((text.find(&format!("`{tool}`"))?, *tool))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, tool)| tool).collect()
}

fn texts(value: &Json) -> Vec<String> {
    let list = value.as_array().cloned().unwrap_or_default();
    list.iter().map(|text| text.as_str().unwrap().to_string()).collect()
}

/// What the steps run: the text's statements with their gaps filled, then what they lead to.
fn to_run(case: &Json, text: &str) -> Vec<Json> {
    let mut found = if case["broken"] == true { Vec::new() } else { statements(text) };
    for (gap, value) in case["fill"].as_object().into_iter().flatten() {
        for statement in &mut found {
            *statement = statement.replace(gap, value.as_str().unwrap());
        }
    }
    found.extend(texts(&case["statements"]));
    let params = case["params"].as_object().cloned().unwrap_or_default();
    let call = |sql: String| {
        assert!(!sql.contains(['{', '}']) && !sql.contains("<part"), "a gap is left: {sql}");
        let used = |(name, _): &(&String, &Json)| sql.contains(&format!("${name}"));
        let used: Map<String, Json> =
            params.iter().filter(used).map(|(n, v)| (n.clone(), v.clone())).collect();
        let mut call = json!({"sql": sql});
        if !used.is_empty() {
            call["params"] = Json::Object(used);
        }
        call
    };
    found.into_iter().map(call).collect()
}

/// Does what a step of a prompt says.
fn follow(client: &Client, case: &Json, tool: &str, calls: &[Json]) {
    match tool {
        "search" => {
            let found = client.answer("search", json!({"question": case["question"]}));
            assert!(found["tables"].as_array().is_some_and(|t| !t.is_empty()), "{found}");
        }
        "describe" => {
            let names = texts(&case["describe"]);
            assert!(!names.is_empty(), "{case}");
            names.iter().for_each(|name| drop(client.answer("describe", json!({"name": name}))));
        }
        "explain" => calls.iter().for_each(|call| drop(client.answer("explain", call.clone()))),
        "query" => {
            for call in calls {
                let answer = client.answer("query", call.clone());
                assert!(!answer["rows"].as_array().unwrap().is_empty(), "{call}: {answer}");
                assert!(answer["receipt"]["id"].is_string());
            }
        }
        _ => {
            let mut call = calls[0].clone();
            call["limit"] = 1.into();
            let answer = client.answer("query", call);
            client.answer("fetch", json!({"handle": answer["handle"], "offset": 1}));
        }
    }
}

#[test]
fn every_prompt_leads_to_answers_on_the_demo() {
    let client = Client::new(&Server::shared(), "analyst", MODERN);
    for case in cases() {
        let (english, spanish) = (text(&client, &case, "en"), text(&client, &case, "es"));
        assert_ne!(english, spanish);
        assert_eq!(statements(&english), statements(&spanish), "{}", case["prompt"]);
        assert_eq!(json!(tools(&english)), case["tools"], "{english}");
        assert_eq!(tools(&english), tools(&spanish), "{spanish}");
        println!("{}", case["prompt"]);
        let calls = to_run(&case, &english);
        assert!(!calls.is_empty(), "{case}");
        tools(&english).iter().for_each(|tool| follow(&client, &case, tool, &calls));
    }
}

#[test]
fn every_prompt_has_its_case() {
    let client = Client::new(&Server::shared(), "analyst", MODERN);
    let list = client.result("prompts/list", json!({}));
    let listed = list["prompts"].as_array().unwrap();
    let names: Vec<&Json> = listed.iter().map(|prompt| &prompt["name"]).collect();
    let cases = cases();
    assert_eq!(names, cases.iter().map(|case| &case["prompt"]).collect::<Vec<_>>());
    assert_eq!(names.len(), 18);
    for (prompt, case) in listed.iter().zip(&cases) {
        for argument in prompt["arguments"].as_array().unwrap() {
            let name = argument["name"].as_str().unwrap();
            let given = !case["arguments"][name].is_null() || name == "language";
            assert!(given, "{}: {name} has no case", prompt["name"]);
        }
    }
}

/// Nothing that a role does not see is in a prompt of its, nor is it told apart from what is not there.
#[test]
fn a_prompt_names_nothing_hidden() {
    let client = Client::new(&Server::shared(), "support", MODERN);
    let error = |name: &str, arguments: Json| {
        let error = client.ask("prompts/get", json!({"name": name, "arguments": arguments}));
        assert_eq!(error["error"]["code"], -32602, "{error}");
        error["error"]["message"].as_str().unwrap().to_string()
    };
    let table = |table: &str| error("data_quality_check", json!({"table": table}));
    let hidden = table("shop.main.products");
    assert_eq!(hidden.replace("products", "producers"), table("shop.main.producers"));
    let column = |column: &str| {
        error("profile_column", json!({"table": "shop.main.customers", "column": column}))
    };
    assert_eq!(column("tax_id").replace("tax_id", "tax_ix"), column("tax_ix"));
    assert!(!column("tax_ix").contains("tax_id"));

    let shop = client
        .result("prompts/get", json!({"name": "explore_source", "arguments": {"source": "shop"}}));
    let shop = shop.to_string();
    assert!(shop.contains("shop.main.orders") && !shop.contains("products"), "{shop}");
    let quality = json!({"name": "data_quality_check", "arguments": {"table": "customers"}});
    let quality = client.result("prompts/get", quality).to_string();
    assert!(quality.contains("count(phone) AS phone") && !quality.contains("tax_id"), "{quality}");

    let complete = |argument: &str, table: &str| {
        let params = json!({
            "ref": {"type": "ref/prompt", "name": "profile_column"},
            "argument": {"name": argument, "value": ""},
            "context": {"arguments": {"table": table}},
        });
        client.result("completion/complete", params)["completion"]["values"].take()
    };
    assert_eq!(complete("column", "customers"), json!(["id", "name", "phone", "city", "region"]));
    assert_eq!(complete("column", "shop.main.products"), json!([]));
    assert!(!complete("table", "").to_string().contains("products"));
}

#[test]
fn a_client_is_answered_in_its_language() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    let titles = |language: Option<&str>| {
        let request = client.request("prompts/list", json!({}));
        let request = match language {
            Some(language) => request.header("Accept-Language", language),
            None => request,
        };
        let reply = client.send(&request).messages().pop().unwrap();
        reply["result"]["prompts"][2]["title"].as_str().unwrap().to_string()
    };
    assert_eq!(titles(None), "Ask the data");
    assert_eq!(titles(Some("fr, es-MX;q=0.8")), "Preguntar a los datos");

    let demo = Demo::new();
    let arguments = ["demo", "--stdio", "--data", demo.text()];
    let lines = Lines::start_in(&arguments, &[("LC_ALL", "es_ES.UTF-8")]);
    let prompt = json!({"name": "ask", "arguments": {"question": "¿cuántos?"}});
    let said = lines.initialized("2025-11-25").ask("prompts/get", prompt).to_string();
    assert!(said.contains("Responde esta pregunta") && said.contains("¿cuántos?"), "{said}");
}
