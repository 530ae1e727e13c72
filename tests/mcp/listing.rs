//! What a client lists and reads: tools, resources, prompts, completions.

use super::client::{Client, LEGACY, MODERN};
use super::server::Server;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// A client of each era.
fn analysts(server: &Arc<Server>) -> [Client; 2] {
    [LEGACY, MODERN].map(|era| Client::new(server, "analyst", era))
}

fn texts(list: &Json, field: &str) -> Vec<String> {
    let entries = list.as_array().unwrap().iter();
    entries.map(|entry| entry[field].as_str().unwrap().to_string()).collect()
}

/// Name, arguments and annotations of each tool.
fn lines_of(tools: &Json) -> String {
    let line = |tool: &Json| {
        let arguments = tool["inputSchema"]["properties"].as_object().unwrap().keys();
        let arguments: Vec<&str> = arguments.map(String::as_str).collect();
        let (name, title) = (tool["name"].as_str().unwrap(), tool["title"].as_str().unwrap());
        format!("{name}({}): {title}; {}", arguments.join(", "), tool["annotations"])
    };
    tools.as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tools_are_few_and_only_read() {
    let server = Server::shared();
    let lists =
        analysts(&server).map(|client| client.result("tools/list", json!({}))["tools"].take());
    assert_eq!(lists[0], lists[1], "the eras show the same tools");
    insta::assert_snapshot!(lines_of(&lists[0]), @r#"
    search(question, limit, max_tokens): Find tables; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    describe(name, question): Describe tables; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    query(sql, params, limit): Run a query; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    fetch(handle, offset, limit, format, sql, params): Fetch more rows; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    explain(sql, params): Check a query; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    chart(handle, kind, x, y): Draw a chart; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    top_products(category, most): Top products; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    customers_of_my_region(): Customers of my region; {"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}
    "#);
    let tokens = lists[0].to_string().chars().count() / 4;
    assert!(tokens <= 2_500, "the list of tools costs {tokens} tokens in every conversation");
}

/// Structured answers hold what the output schemas say.
#[test]
fn answers_fit_their_schemas() {
    let server = Server::shared();
    let [client, _] = analysts(&server);
    let list = client.result("tools/list", json!({}));
    let sql = "SELECT id, name FROM shop.main.customers ORDER BY id LIMIT 3";
    let answer = client.answer("query", json!({"sql": sql, "limit": 1}));
    let handle = answer["handle"].clone();
    let calls = [
        ("query", json!({"sql": sql})),
        ("query", json!({"sql": "SELECT"})),
        ("fetch", json!({"handle": handle})),
        ("fetch", json!({"handle": handle, "format": "csv"})),
        ("fetch", json!({"handle": handle, "sql": "SELECT count(*) AS n FROM result"})),
        ("explain", json!({"sql": sql})),
    ];
    for (name, arguments) in calls {
        let tools = list["tools"].as_array().unwrap();
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        let structured = client.call(name, arguments)["structuredContent"].take();
        let schema = jsonschema::validator_for(&tool["outputSchema"]).unwrap();
        let defects: Vec<String> = schema.iter_errors(&structured).map(|e| e.to_string()).collect();
        assert!(defects.is_empty(), "{name}: {defects:?}");
    }
}

#[test]
fn resources_are_what_the_role_opens() {
    let server = Server::shared();
    let uris = |role: &str| {
        let client = Client::new(&server, role, MODERN);
        texts(&client.result("resources/list", json!({}))["resources"], "uri").join("\n")
    };
    insta::assert_snapshot!(uris("analyst"), @r"
    celosia://shop
    celosia://shop/main/customers
    celosia://shop/main/order_items
    celosia://shop/main/orders
    celosia://shop/main/products
    celosia://support
    celosia://support/main/agents
    celosia://support/main/tickets
    ");
    insta::assert_snapshot!(uris("support"), @r"
    celosia://shop
    celosia://shop/main/customers
    celosia://shop/main/orders
    celosia://support
    celosia://support/main/agents
    celosia://support/main/tickets
    ");
    assert_eq!(uris("compliance"), uris("analyst"));
}

#[test]
fn a_resource_says_what_its_reader_sees() {
    let server = Server::shared();
    let customers = json!({"uri": "celosia://shop/main/customers"});
    for client in analysts(&server) {
        let read = client.result("resources/read", customers.clone());
        let content = &read["contents"][0];
        assert_eq!(content["uri"], customers["uri"]);
        assert_eq!(content["mimeType"], "text/markdown");
        let text = content["text"].as_str().unwrap();
        assert!(text.contains("email text [masked: email]"), "{text}");
        let source = client.result("resources/read", json!({"uri": "celosia://shop"}));
        assert!(source["contents"][0]["text"].as_str().unwrap().contains("shop.main.products"));
        let templates = client.result("resources/templates/list", json!({}));
        assert_eq!(
            texts(&templates["resourceTemplates"], "uriTemplate"),
            [
                "celosia://{source}",
                "celosia://{source}/{schema}/{table}",
                "celosia-result://{handle}/rows.{format}"
            ]
        );
    }
    let support = Client::new(&server, "support", MODERN);
    let read = support.result("resources/read", customers);
    let text = read["contents"][0]["text"].as_str().unwrap();
    assert!(!text.contains("tax_id") && !text.contains("email"), "{text}");
}

/// A hidden table, one that does not exist, and what is no URI of ours are one and the same.
#[test]
fn a_resource_that_is_not_there_gives_nothing_away() {
    let server = Server::shared();
    for (era, code) in [(LEGACY, -32002), (MODERN, -32602)] {
        let client = Client::new(&server, "support", era);
        let errors: Vec<Json> = [
            "celosia://shop/main/products",
            "celosia://shop/main/no_such",
            "celosia://nowhere",
            "file:///etc/passwd",
            "celosia://shop/main",
        ]
        .map(|uri| {
            let error = client.ask("resources/read", json!({"uri": uri}))["error"].take();
            // The reader's own words, which the newest era gives back.
            serde_json::from_str(&error.to_string().replace(uri, "URI")).unwrap()
        })
        .into();
        assert_eq!(errors[0]["code"], code);
        assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
    }
}

#[test]
fn names_are_completed_among_those_that_are_open() {
    let server = Server::shared();
    let complete =
        |client: &Client, reference: Json, argument: &str, typed: &str, context: Json| {
            let argument = json!({"name": argument, "value": typed});
            let mut params = json!({"ref": reference, "argument": argument});
            if !context.is_null() {
                params["context"] = json!({"arguments": context});
            }
            client.result("completion/complete", params)["completion"]["values"].take()
        };
    let prompt = json!({"type": "ref/prompt", "name": "explore_source"});
    let template = json!({"type": "ref/resource", "uri": "celosia://{source}/{schema}/{table}"});
    for client in analysts(&server) {
        let ask = |reference: &Json, argument, typed, context| {
            complete(&client, reference.clone(), argument, typed, context)
        };
        assert_eq!(ask(&prompt, "source", "s", Json::Null), json!(["shop", "support"]));
        assert_eq!(ask(&prompt, "table", "CUST", Json::Null), json!(["shop.main.customers"]));
        let desk = json!({"source": "support"});
        assert_eq!(ask(&template, "table", "", desk.clone()), json!(["agents", "tickets"]));
        assert_eq!(ask(&template, "schema", "", desk), json!(["main"]));
        assert_eq!(ask(&template, "table", "zzz", Json::Null), json!([]));
    }
    let support = Client::new(&server, "support", MODERN);
    assert_eq!(complete(&support, template, "table", "prod", Json::Null), json!([]));
}
