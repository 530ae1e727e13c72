//! What an organisation defines, as clients see it: tools that are listed by role, found with their kind, and
//! called like any other; and a semantic layer that changes while the server runs.

use super::client::{Client, LEGACY, MODERN};
use super::eventually;
use super::server::{Demo, Server, celosia};
use serde_json::{Value as Json, json};
use std::sync::Arc;

fn tools(client: &Client) -> Vec<String> {
    let list = client.result("tools/list", json!({}))["tools"].take();
    let names = list.as_array().unwrap().iter();
    names.map(|tool| tool["name"].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_role_lists_the_tools_whose_needs_it_may_see() {
    let server = Server::shared();
    for era in [LEGACY, MODERN] {
        let own = |role| tools(&Client::new(&server, role, era)).split_off(6);
        assert_eq!(own("analyst"), ["top_products", "customers_of_my_region"]);
        assert_eq!(own("compliance"), ["top_products", "customers_of_my_region"]);
        // No order lines, no dates of accounts.
        assert_eq!(own("support"), [""; 0]);
    }
}

#[test]
fn a_hidden_tool_is_an_unknown_tool() {
    let server = Server::shared();
    let client = Client::new(&server, "support", MODERN);
    let ask = |name: &str| {
        let call = client.request("tools/call", json!({"name": name, "arguments": {}}));
        client.send(&call).messages().pop().unwrap()
    };
    let (hidden, absent) = (ask("top_products"), ask("no_such_tool"));
    assert_eq!(hidden["error"]["code"], -32602, "{hidden}");
    assert_eq!(hidden, absent);
}

#[test]
fn a_declared_tool_answers_with_a_receipt() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    let answer = client.answer("top_products", json!({"category": "Kitchen", "most": 2}));
    assert_eq!(answer["rows"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(answer["rows"][0][1], "Kitchen");
    assert!(answer["receipt"]["id"].is_string());
    let list = client.result("tools/list", json!({}))["tools"].take();
    let tool = list.as_array().unwrap().iter().find(|tool| tool["name"] == "top_products");
    let schema = jsonschema::validator_for(&tool.unwrap()["outputSchema"]).unwrap();
    assert!(schema.is_valid(&answer), "{answer}");
    let defaults = client.answer("top_products", json!({}));
    assert_eq!(defaults["rows"].as_array().unwrap().len(), 10);
    let mine = client.answer("customers_of_my_region", json!({}));
    assert_eq!(mine["rows"][0][0], "EU", "{mine}");
    for (arguments, told) in [
        (json!({"most": 51}), "expected a whole number from 1 to 50"),
        (json!({"category": "x".repeat(41)}), "at most 40 characters"),
        (json!({"region": "US"}), "unknown argument \"region\""),
    ] {
        let error = client.error("top_products", arguments);
        assert_eq!(error["code"], "invalid_argument");
        assert!(error["message"].as_str().unwrap().contains(told), "{error}");
    }
    client.error("customers_of_my_region", json!({"region": "US"}));
}

#[test]
fn search_and_describe_know_what_is_defined() {
    let server = Server::shared();
    let client = Client::new(&server, "analyst", MODERN);
    let found = client.answer("search", json!({"question": "net revenue of each region"}));
    assert_eq!(found["verified"][0]["name"], "revenue_by_region", "{found}");
    assert_eq!(found["metrics"][0]["metric"], "net_revenue", "{found}");
    let sql = found["verified"][0]["sql"].as_str().unwrap();
    assert!(!client.rows(sql).as_array().unwrap().is_empty());
    let sql = "SELECT count(*) FROM celosia.views.open_tickets";
    assert_eq!(client.rows(sql).as_array().unwrap().len(), 1);
    let pair = client.answer(
        "describe",
        json!({"name": "shop.main.order_items, shop.main.customers, support.main.tickets"}),
    );
    let paths = pair["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap());
    insta::assert_snapshot!(paths.collect::<Vec<_>>().join("\n"), @r"
    shop.main.order_items to shop.main.orders ON order_items.order_id = orders.id (many to one)
    shop.main.orders to shop.main.customers ON orders.customer_id = customers.id (many to one)
    shop.main.customers to support.main.tickets ON customers.id = tickets.customer_id (one to many)
    ");
    let card = client.call("describe", json!({"name": "shop.main.orders"}));
    insta::assert_snapshot!(card["content"][0]["text"].as_str().unwrap(), @r"
    table shop.main.orders - One row per order of a customer; its lines are in order_items. (about 4000 rows; dated by ordered_at)
      id bigint key - The order's number. e.g. 1, 2, 3
      customer_id bigint - Who ordered; customers.id. e.g. 90, 1, 157
      ordered_at timestamp - When the order was placed.
      status text - Where the order stands. one of: 'cancelled', 'delivered', 'processing', 'returned', 'shipped'
      total numeric(12,2) EUR - Value of the whole order.
    join shop.main.order_items to shop.main.orders ON order_items.order_id = orders.id (many to one)
    join shop.main.orders to shop.main.customers ON orders.customer_id = customers.id (many to one)
    metric net_revenue EUR - Value of the orders that were neither cancelled nor returned: sum(total) over shop.main.orders where status NOT IN ('cancelled', 'returned'); by status, shop.main.customers.region, shop.main.customers.city; dated by ordered_at, a day or longer
    ");
}

/// A change of the layer is seen by the next request; one that does not hold changes nothing.
#[test]
fn the_layer_is_read_anew_when_it_changes() {
    let demo = Arc::new(Demo::new());
    let config = demo.write("served.yaml", &demo.config(&[]));
    let server = Arc::new(Server::serve(&demo, &config));
    let client = Client::new(&server, "analyst", MODERN);
    let file = demo.path().join("schemas/demo.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let change = |from: &str, to: &str| {
        assert!(text.contains(from));
        let new = demo.write("schemas/demo.yaml.new", &text.replacen(from, to, 1));
        std::fs::rename(new, &file).unwrap();
    };
    change("  top_products:", "  best_products:");
    eventually("the new name", || tools(&client).contains(&"best_products".into()).then_some(()));
    assert!(!tools(&client).contains(&"top_products".into()));
    change("sum(i.quantity)", "sum(i.quantities)");
    let refused = "the changed configuration is refused";
    eventually(refused, || server.log().contains(refused).then_some(()));
    assert!(server.log().contains("tools.top_products: sql: "), "{}", server.log());
    assert!(tools(&client).contains(&"best_products".into()), "what holds stays in force");
}

#[test]
fn verified_questions_are_replayed() {
    let demo = Demo::new();
    let config = demo.path().join("celosia.yaml");
    let eval = |more: &[&str]| {
        let mut arguments = vec!["eval", "--config", config.to_str().unwrap()];
        arguments.extend(more);
        let done = celosia(&arguments);
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let (code, said) = eval(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("new       revenue_by_region"), "{said}");
    assert_eq!(eval(&["--accept"]).0, Some(0));
    assert_eq!(
        eval(&[]),
        (Some(0), "ok        revenue_by_region\n1 verified questions, 0 not as before\n".into())
    );
    // Another caller's rows, by another plan.
    let (code, said) = eval(&["--roles", "analyst", "--attributes", "region=US"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("CHANGED (plan, rows)  revenue_by_region") || said.contains("CHANGED (rows)"),
        "{said}"
    );
    let schemas = demo.path().join("schemas/demo.yaml");
    let text = std::fs::read_to_string(&schemas).unwrap();
    std::fs::write(
        &schemas,
        text.replacen("SELECT c.region, sum(o.total)", "SELECT c.region, avg(o.total)", 1),
    )
    .unwrap();
    let (code, said) = eval(&[]);
    assert!(code == Some(1) && said.contains("CHANGED (columns, plan, rows)"), "{said}");
    let (code, said) = eval(&["--roles", "support"]);
    assert!(code == Some(1), "{said}");
}

#[test]
fn a_model_of_another_format_is_imported() {
    let demo = Demo::new();
    let model = "
version: 0.1.1
semantic_model:
  - name: shop
    datasets:
      - { name: sales, source: dwh.main.orders, description: Orders. }
    metrics:
      - name: turnover
        expression: { dialects: [{ dialect: ANSI_SQL, expression: sum(sales.total) }] }
      - name: other
        expression: { dialects: [{ dialect: DAX, expression: x }] }
";
    let file = demo.write("model.yaml", model);
    let imported = celosia(&["semantics", "import", file.to_str().unwrap(), "--source", "shop"]);
    assert!(imported.status.success(), "{imported:?}");
    assert!(String::from_utf8_lossy(&imported.stderr).contains("left out: metric other"));
    std::fs::remove_file(demo.path().join("schemas/demo.yaml")).unwrap();
    std::fs::write(demo.path().join("schemas/osi.yaml"), imported.stdout).unwrap();
    let config = demo.path().join("celosia.yaml");
    let checked = celosia(&["check", "--config", config.to_str().unwrap()]);
    assert!(checked.status.success(), "{checked:?}");
}

/// Nobody may learn from the words of a definition what is hidden from them.
#[test]
fn a_role_finds_no_definition_over_what_it_may_not_see() {
    let server = Server::shared();
    let client = Client::new(&server, "support", MODERN);
    for question in ["top products", "customers of my region"] {
        let found: Json = client.answer("search", json!({"question": question}));
        assert!(found.get("tools").is_none(), "{found}");
    }
}
