//! Metrics, words, verified questions, views and tools: found and used by those who may see what they need,
//! and as absent as what was never written for everybody else.

use crate::support::ask::{Said, ask, request};
use crate::support::lab;
use crate::support::load::{self, Store};
use crate::support::world::{Cell, Table, columns, text};
use crate::support::{block_on, policy};
use celosia::error::Error;
use celosia::model::{Attribute, Principal};
use celosia::query::{
    Answer, DescribeRequest, Engine, Parameters, QueryRequest, Reply, SearchRequest, ToolRequest,
    check_semantics,
};
use celosia::results::render;
use celosia::semantics::Semantics;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const ROLES: &str = "
roles:
  all: {open: [{tables: 'shop.*.*'}]}
  masked: {open: [{tables: 'shop.*.*'}]}
  own_region: {open: [{tables: 'shop.*.sales', rows: 'region = user.region'}, {tables: 'shop.*.people'}]}
  no_amount: {open: [{tables: 'shop.*.sales', columns: [id, region, person_id]}, {tables: 'shop.*.people'}]}
  no_people: {open: [{tables: 'shop.*.sales'}]}
  bosses: {open: [{tables: 'shop.*.*'}]}
";
const MASKS: &str = "
version: 1
masks:
  - {name: towns, columns: ['*.*.*.town'], mask: redact, except: [all, own_region, no_amount, no_people, bosses]}
";
const SEMANTICS: &str = "
version: 1
tables:
  shop.main.sales:
    description: One row per sale.
    time: sold
    freshness: loaded nightly
    columns:
      region: { description: Where it was sold, values: { EU: Europe, US: } }
      amount: { description: 'Value of the sale, before tax and after every discount that was agreed', unit: EUR }
    joins:
      - { to: shop.main.people, on: { person_id: id }, cardinality: many_to_one }
metrics:
  turnover:
    description: Value of all sales.
    synonyms: [quetzal figure]
    table: shop.main.sales
    expression: sum(amount)
    filters: [\"region <> 'XX'\"]
    grain: month
    dimensions: [region, shop.main.people.town]
    unit: EUR
glossary:
  quokka client: { description: Somebody who buys often., about: [shop.main.sales.amount, shop.main.people] }
verified:
  per_town:
    question: How much was sold in each town?
    asked: [quagga totals]
    sql: |
      SELECT p.town, sum(s.amount) AS amount
      FROM shop.main.sales s JOIN shop.main.people p ON s.person_id = p.id GROUP BY p.town ORDER BY p.town
views:
  big_sales:
    description: Sales above 10.
    synonyms: [quince]
    sql: SELECT id, region, person_id, amount FROM shop.main.sales WHERE amount > 10
  big_buyers:
    sql: SELECT p.town, b.amount FROM celosia.views.big_sales b JOIN shop.main.people p ON p.id = b.person_id
tools:
  sold_since:
    description: Sales of a region since a day.
    sql: SELECT s.id, town FROM shop.main.sales s JOIN shop.main.people p ON p.id = s.person_id WHERE s.region = $region AND sold >= $since ORDER BY s.id
    parameters:
      region: { type: text, max_length: 30 }
      since: { type: date, default: '2024-01-01' }
  my_sales:
    description: Sales of the caller's own region.
    sql: SELECT id FROM shop.main.sales WHERE region = $region ORDER BY id
    parameters: { region: { from: user.region } }
  for_bosses:
    description: Counts sales.
    sql: SELECT count(*) AS sales FROM shop.main.sales
    roles: [bosses]
    output: { sales: bigint }
";

fn tables() -> [Table; 2] {
    let sale = |id: i64, region: &'static str, person: i64, amount: i64, sold: &'static str| {
        vec![Cell::Int(id), text(region), Cell::Int(person), Cell::Int(amount), text(sold)]
    };
    let sales = Table {
        name: "sales",
        columns: columns(&[
            ("id", "BIGINT"),
            ("region", "TEXT"),
            ("person_id", "BIGINT"),
            ("amount", "BIGINT"),
            ("sold", "DATE"),
        ]),
        rows: vec![
            sale(1, "EU", 1, 5, "2023-12-31"),
            sale(2, "EU", 2, 50, "2024-02-01"),
            sale(3, "US", 1, 70, "2024-03-01"),
        ],
    };
    let people = Table {
        name: "people",
        columns: columns(&[("id", "BIGINT"), ("town", "TEXT")]),
        rows: vec![vec![Cell::Int(1), text("Turin")], vec![Cell::Int(2), text("Lyon")]],
    };
    [sales, people]
}

async fn engine(name: &str, semantics: &str) -> Engine {
    let file = lab::scratch().join(format!("definitions-{name}.db"));
    load::sqlite(&file, load::script(Store::Sqlite, &tables())).await;
    let mut parts = lab::parts(vec![("shop".into(), lab::sqlite(&file))]).await;
    parts.rules = policy::rules_of(ROLES, MASKS);
    parts.semantics = Arc::new(Semantics::parse("a.yaml", semantics).expect("loaded"));
    let engine = Engine::new(parts).expect("an engine");
    engine.read_values(100).await;
    engine
}

fn who(role: &str) -> Principal {
    let attributes = BTreeMap::from([("region".to_string(), Attribute::Text("EU".into()))]);
    celosia::identity::establish_local("ana", [role.to_string()], attributes)
}

async fn search(engine: &Engine, role: &str, question: &str) -> Reply {
    let request =
        SearchRequest { question: question.into(), limit: Some(10), ..Default::default() };
    engine.search(&who(role), request).await.expect("recorded")
}

async fn call(
    engine: &Engine,
    who: &Principal,
    name: &str,
    arguments: Json,
) -> Option<Result<Answer, Error>> {
    let Json::Object(arguments) = arguments else { panic!("an object") };
    let request = ToolRequest { name: name.into(), arguments, ..ToolRequest::default() };
    Box::pin(engine.call_tool(who, request, CancellationToken::new())).await
}

fn rows(answer: &Answer) -> Json {
    render(&answer.page).expect("rendered").structured["rows"].take()
}

#[test]
fn definitions_are_found_by_who_may_see_what_they_need() {
    block_on(async {
        let engine = engine("found", SEMANTICS).await;
        for (question, list, line) in [
            (
                "the quetzal figure",
                "metrics",
                "metric turnover EUR - Value of all sales: sum(amount) over shop.main.sales where region <> 'XX'; by region, shop.main.people.town; dated by sold, a month or longer",
            ),
            ("a quokka client", "glossary", "term quokka client: Somebody who buys often."),
            (
                "quagga totals",
                "verified",
                "verified \"How much was sold in each town?\": SELECT p.town, sum(s.amount) AS amount FROM shop.main.sales s JOIN",
            ),
            ("quince", "views", "view celosia.views.big_sales - Sales above 10."),
            ("sold since", "tools", "tool sold_since - Sales of a region since a day."),
        ] {
            let reply = search(&engine, "all", question).await;
            assert!(reply.text.contains(line), "{question}: {}", reply.text);
            assert_eq!(
                reply.structured[list].as_array().map(Vec::len),
                Some(1),
                "{}",
                reply.structured
            );
        }
        // A dimension that is not open is left out, the rest is told.
        let reply = search(&engine, "no_people", "the quetzal figure").await;
        assert!(reply.text.contains("; by region; dated by sold"), "{}", reply.text);
    });
}

/// Byte for byte as where nothing is defined.
#[test]
fn what_a_caller_may_not_see_is_absent() {
    block_on(async {
        let engine = engine("hidden", SEMANTICS).await;
        let tables = &SEMANTICS[..SEMANTICS.find("metrics:").expect("metrics")];
        let bare = super::definitions::engine("bare", tables).await;
        for role in ["no_amount", "nobody"] {
            for question in
                ["quetzal figure", "quokka client", "quagga totals", "quince", "turnover"]
            {
                let (with, without) =
                    (search(&engine, role, question).await, search(&bare, role, question).await);
                assert_eq!(with.text, without.text, "{question} for {role}");
                assert_eq!(with.structured, without.structured, "{question} for {role}");
            }
            for name in ["shop.main.sales", "celosia.views.big_sales", "big_sales", "shop"] {
                let of = |engine: &Engine| {
                    let described = engine.describe(&who(role), name);
                    described.map(|r| (r.text, r.structured)).map_err(|e| (e.message, e.hint))
                };
                assert_eq!(of(&engine), of(&bare), "{name} for {role}");
            }
            for sql in ["SELECT * FROM celosia.views.big_sales", "SELECT * FROM big_sales"] {
                assert_eq!(ask(&engine, &who(role), sql).await, ask(&bare, &who(role), sql).await);
            }
            let tools: Vec<String> =
                engine.tools(&who(role)).into_iter().map(|tool| tool.name).collect();
            let own = if role == "no_amount" { vec!["my_sales"] } else { vec![] };
            assert_eq!(tools, own);
            assert!(
                call(&engine, &who(role), "sold_since", json!({"region": "EU"})).await.is_none()
            );
        }
    });
}

#[test]
fn a_view_is_what_its_statement_gives_to_the_caller() {
    block_on(async {
        let engine = engine("views", SEMANTICS).await;
        let same = async |role: &str, view: &str, table: &str| {
            let (a, b): (Said, Said) =
                (ask(&engine, &who(role), view).await, ask(&engine, &who(role), table).await);
            assert_eq!(a.error(), None, "{view}: {}", a.everything());
            assert_eq!((&a.head, &a.rows), (&b.head, &b.rows), "{view} for {role}");
            assert_eq!(a.receipt["filters"], b.receipt["filters"], "{view} for {role}");
            assert_eq!(a.receipt["masks"], b.receipt["masks"], "{view} for {role}");
            a.rows.len()
        };
        let inner = "(SELECT id, region, person_id, amount FROM shop.main.sales WHERE amount > 10)";
        for (role, count) in [("all", 2), ("own_region", 1)] {
            for view in ["celosia.views.big_sales", "views.big_sales", "big_sales"] {
                let table = format!("SELECT id FROM {inner} v ORDER BY id");
                let found = same(role, &format!("SELECT id FROM {view} ORDER BY id"), &table).await;
                assert_eq!(found, count, "{role}");
            }
        }
        let view = "SELECT celosia.views.big_sales.id FROM celosia.views.big_sales WHERE celosia.views.big_sales.amount > 60";
        assert_eq!(
            same("all", view, &format!("SELECT v.id FROM {inner} v WHERE v.amount > 60")).await,
            1
        );
        let view = "SELECT town, amount FROM celosia.views.big_buyers ORDER BY amount";
        let table = format!(
            "SELECT p.town, b.amount FROM {inner} b JOIN shop.main.people p ON p.id = b.person_id ORDER BY 2"
        );
        assert_eq!(same("masked", view, &table).await, 2);
        // A name of the statement's own comes first.
        let own = "WITH big_sales AS (SELECT 7 AS id) SELECT id FROM big_sales";
        assert_eq!(same("all", own, "SELECT 7 AS id").await, 1);
        let many = format!("SELECT 1 FROM {}", vec!["big_sales"; 17].join(" CROSS JOIN "));
        assert_eq!(ask(&engine, &who("all"), &many).await.error(), Some("too_complex"));
    });
}

#[test]
fn a_tool_binds_its_arguments_as_values() {
    block_on(async {
        let engine = engine("tools", SEMANTICS).await;
        let names = |role: &str| -> Vec<String> {
            engine.tools(&who(role)).into_iter().map(|tool| tool.name).collect()
        };
        assert_eq!(names("all"), ["sold_since", "my_sales"]);
        assert_eq!(names("bosses"), ["sold_since", "my_sales", "for_bosses"]);
        assert_eq!(names("no_people"), ["my_sales"]);
        let ok = async |role: &str, name: &str, arguments: Json| {
            rows(
                &call(&engine, &who(role), name, arguments)
                    .await
                    .expect("a tool")
                    .expect("an answer"),
            )
        };
        let eu = json!({"region": "EU"});
        assert_eq!(ok("all", "sold_since", eu.clone()).await, json!([[2, "Lyon"]]));
        let since = json!({"region": "EU", "since": "2023-01-01"});
        assert_eq!(
            ok("all", "sold_since", since.clone()).await,
            json!([[1, "Turin"], [2, "Lyon"]])
        );
        // Masked and filtered as any statement of the caller.
        assert_eq!(ok("masked", "sold_since", eu.clone()).await, json!([[2, "[redacted]"]]));
        assert_eq!(ok("own_region", "sold_since", json!({"region": "US"})).await, json!([]));
        assert_eq!(ok("bosses", "for_bosses", json!({})).await, json!([[3]]));
        // A text stays a text.
        for attack in ["EU' OR '1'='1", "EU'; DROP TABLE sales --", "$since", "\\' OR 1=1 --"] {
            assert_eq!(ok("all", "sold_since", json!({"region": attack})).await, json!([]));
        }
        let anyone = who("all");
        let wrong = call(&engine, &anyone, "sold_since", json!({"region": 1, "since": "x"}));
        let error = wrong.await.expect("a tool").expect_err("refused");
        assert_eq!(error.code.as_str(), "invalid_argument");
    });
}

#[test]
fn what_comes_from_the_caller_cannot_be_passed() {
    block_on(async {
        let engine = engine("own", SEMANTICS).await;
        let mine = call(&engine, &who("all"), "my_sales", json!({})).await;
        assert_eq!(rows(&mine.expect("a tool").expect("an answer")), json!([[1], [2]]));
        let passed = call(&engine, &who("all"), "my_sales", json!({"region": "US"})).await;
        let error = passed.expect("a tool").expect_err("refused");
        assert_eq!(error.message, "my_sales: unknown argument \"region\"");
        // Who has no region has no such tool.
        let bare = policy::named("ana", &["all"]);
        assert!(call(&engine, &bare, "my_sales", json!({})).await.is_none());
        assert!(call(&engine, &bare, "no_such", json!({})).await.is_none());
        assert!(engine.tools(&bare).iter().all(|tool| tool.name != "my_sales"));
    });
}

#[test]
fn a_card_is_short_and_shows_what_may_be_shown() {
    block_on(async {
        let engine = engine("card", SEMANTICS).await;
        let describe = async |role: &str, name: &str| {
            let request = DescribeRequest { name: Some(name.into()), ..Default::default() };
            engine.describe_with_values(&who(role), request).await.expect("a card")
        };
        insta::assert_snapshot!(describe("all", "sales").await.text, @r"
        table shop.main.sales - One row per sale. (about 3 rows; dated by sold; loaded nightly)
          id bigint key e.g. 1, 2, 3
          region text - Where it was sold one of: 'EU', 'US'
          person_id bigint e.g. 1, 2
          amount bigint EUR - Value of the sale, before tax and after every discount.. e.g. 5, 50, 70
          sold date e.g. 2023-12-31, 2024-02-01, 2024-03-01
        join shop.main.sales to shop.main.people ON sales.person_id = people.id (many to one)
        metric turnover EUR - Value of all sales: sum(amount) over shop.main.sales where region <> 'XX'; by region, shop.main.people.town; dated by sold, a month or longer
        ");
        insta::assert_snapshot!(describe("own_region", "sales").await.text, @r"
        table shop.main.sales - One row per sale. (dated by sold; loaded nightly)
          id bigint key e.g. 1, 2
          region text - Where it was sold one of: 'EU', 'US'
          person_id bigint e.g. 1, 2
          amount bigint EUR - Value of the sale, before tax and after every discount that.. e.g. 5, 50
          sold date e.g. 2023-12-31, 2024-02-01
        join shop.main.sales to shop.main.people ON sales.person_id = people.id (many to one)
        metric turnover EUR - Value of all sales: sum(amount) over shop.main.sales where region <> 'XX'; by region, shop.main.people.town; dated by sold, a month or longer
        rows limited by: role own_region
        ");
        insta::assert_snapshot!(describe("masked", "people, sales").await.text, @r"
        table shop.main.people (about 2 rows)
          id bigint key e.g. 1, 2
          town text [masked: redact]
        join shop.main.sales to shop.main.people ON sales.person_id = people.id (many to one)

        table shop.main.sales - One row per sale. (about 3 rows; dated by sold; loaded nightly)
          id bigint key e.g. 1, 2, 3
          region text - Where it was sold one of: 'EU', 'US'
          person_id bigint e.g. 1, 2
          amount bigint EUR - Value of the sale, before tax and after every discount.. e.g. 5, 50, 70
          sold date e.g. 2023-12-31, 2024-02-01, 2024-03-01
        join shop.main.sales to shop.main.people ON sales.person_id = people.id (many to one)
        metric turnover EUR - Value of all sales: sum(amount) over shop.main.sales where region <> 'XX'; by region, shop.main.people.town; dated by sold, a month or longer

        path shop.main.people to shop.main.sales ON people.id = sales.person_id (one to many)
        ");
        insta::assert_snapshot!(describe("all", "big_buyers").await.text, @r"
        view celosia.views.big_buyers
          town text
          amount bigint
        reads shop.main.people, shop.main.sales; what you see of it is limited as theirs is
        ");
        let question = Some("turnover of sales per town".to_string());
        let request = DescribeRequest { question, ..Default::default() };
        let pack = engine.describe_with_values(&who("all"), request).await.expect("a pack");
        for part in
            ["table shop.main.people", "table shop.main.sales", "metric turnover", "path shop"]
        {
            assert!(pack.text.contains(part), "{part}: {}", pack.text);
        }
    });
}

#[test]
fn another_semantic_layer_takes_the_place_of_the_first() {
    block_on(async {
        let engine = engine("replaced", SEMANTICS).await;
        let sql = "SELECT count(*) FROM big_sales";
        let count = async || ask(&engine, &who("all"), sql).await;
        assert_eq!(count().await.rows, [json!([2])]);
        let other = SEMANTICS.replace("amount > 10", "amount > 60");
        let other = Semantics::parse("a.yaml", &other).expect("loaded");
        engine.replace_semantics(Arc::new(other));
        assert_eq!(count().await.rows, [json!([1])]);
        engine.replace_semantics(Arc::default());
        assert_eq!(count().await.error(), Some("unknown_name"));
        assert!(engine.tools(&who("all")).is_empty());
    });
}

/// The same statement with parameters, by `query`: a tool is no other way in.
#[test]
fn a_tool_does_what_query_does() {
    block_on(async {
        let engine = engine("query", SEMANTICS).await;
        let semantics = Semantics::parse("a.yaml", SEMANTICS).expect("loaded");
        let tool = &semantics.tools()[0];
        let values = json!({"region": "EU", "since": "2023-01-01"});
        let Json::Object(named) = values.clone() else { unreachable!() };
        let request = QueryRequest { parameters: Parameters::Named(named), ..request(&tool.sql) };
        for role in ["all", "masked", "own_region"] {
            let caller = who(role);
            let by_query = engine.query(&caller, request.clone(), CancellationToken::new());
            let by_query = Box::pin(by_query).await.expect("an answer");
            let by_tool = call(&engine, &who(role), "sold_since", values.clone()).await;
            let by_tool = by_tool.expect("a tool").expect("an answer");
            assert_eq!(rows(&by_query), rows(&by_tool), "{role}");
            let facts = |answer: &Answer| {
                let receipt = serde_json::to_value(&answer.receipt).expect("a receipt");
                json!([receipt["masks"], receipt["filters"], receipt["lineage"]])
            };
            assert_eq!(facts(&by_query), facts(&by_tool), "{role}");
        }
    });
}

#[test]
fn what_does_not_fit_the_catalog_is_named_by_its_place() {
    block_on(async {
        let file = lab::scratch().join("definitions-check.db");
        load::sqlite(&file, load::script(Store::Sqlite, &tables())).await;
        let parts = lab::parts(vec![("shop".into(), lab::sqlite(&file))]).await;
        let tables = parts.catalog.snapshot().tables().to_vec();
        let check = |text: &str| -> Vec<String> {
            let semantics = match Semantics::parse("a.yaml", text) {
                Ok(semantics) => Arc::new(semantics),
                Err(error) => return vec![error.to_string()],
            };
            let mut errors = semantics.check(&tables, &["erp".into()], |role| role == "bosses");
            errors.extend(check_semantics(&semantics, &tables, &["erp".into()]).expect("checked"));
            errors.iter().map(ToString::to_string).collect()
        };
        assert_eq!(check(SEMANTICS), [""; 0]);
        for (from, to, told) in [
            ("sum(amount)", "sum(amounts)", "metrics.turnover: "),
            ("sum(amount)", "amount", "metrics.turnover: expression: write one aggregate"),
            ("region <> 'XX'", "regio <> 'XX'", "metrics.turnover: "),
            ("shop.main.people.town]", "shop.main.people.towns]", "has no column towns"),
            ("time: sold", "time: solds", "a.yaml:4: shop.main.sales has no column solds"),
            (
                "person_id: id",
                "person_id: ids",
                "a.yaml:12: joins: shop.main.people has no column ids",
            ),
            ("to: shop.main.people", "to: shop.main.peopel", "joins: there is no table"),
            (
                "about: [shop.main.sales.amount",
                "about: [shop.main.sales.amounts",
                "glossary.quokka client: ",
            ),
            ("SELECT p.town, sum", "SELECT p.towns, sum", "verified.per_town: sql: "),
            (
                "FROM shop.main.sales WHERE amount > 10",
                "FROM sales WHERE amount > 10",
                "views.big_sales: sql: write sales with its source",
            ),
            (
                "celosia.views.big_sales b",
                "celosia.views.bigger b",
                "there is no view bigger above",
            ),
            (
                "s.region = $region",
                "s.region = $regio",
                "tools.sold_since: sql: $regio is not among the parameters",
            ),
            ("AND sold >= $since", "", "tools.sold_since: sql: the parameter since is not used"),
            ("since: { type: date", "since: { type: boolean", "tools.sold_since: "),
            (
                "SELECT count(*) AS sales",
                "SELECT count(*) AS total",
                "tools.for_bosses: output: the statement gives total bigint",
            ),
            ("SELECT count(*) AS sales FROM", "DELETE FROM", "tools.for_bosses: sql: "),
            ("roles: [bosses]", "roles: [boses]", "tools.for_bosses: there is no role boses"),
        ] {
            assert!(SEMANTICS.contains(from), "{from}");
            let errors = check(&SEMANTICS.replacen(from, to, 1));
            assert!(
                errors.iter().any(|error| error.starts_with("a.yaml:") && error.contains(told)),
                "{to}: {errors:?}"
            );
        }
        // What a source that is not there may hold is not known.
        let absent = SEMANTICS.replace("shop.main", "erp.main");
        assert_eq!(check(&absent), [""; 0]);
    });
}
