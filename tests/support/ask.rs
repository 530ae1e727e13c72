//! A reply as a text that can be compared: everything a caller gets, but what names the request.

use celosia::error::{Error, Result};
use celosia::model::Principal;
use celosia::query::{Answer, DescribeRequest, Engine, FetchRequest, QueryRequest, SearchRequest};
use celosia::results::render;
use serde_json::{Map, Value as Json, json};
use tokio_util::sync::CancellationToken;

/// Keys of a receipt that differ from request to request.
const OF_THE_REQUEST: [&str; 4] = ["id", "ms", "audit_seq", "catalog_age_ms"];

/// What a caller got.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Columns, row count, truncation; or the error.
    pub head: Json,
    /// The rows.
    pub rows: Vec<Json>,
    /// The receipt but its sources.
    pub receipt: Json,
    /// The sources' statements and rows.
    pub sources: Json,
    /// The text for the model.
    pub text: String,
}

impl Said {
    /// All of it.
    pub fn everything(&self) -> String {
        format!(
            "{}\nrows {}\nreceipt {}\nsources {}\n{}",
            self.head,
            Json::from(self.rows.clone()),
            self.receipt,
            self.sources,
            self.text
        )
    }

    /// What pushdown must not change, with the rows as a multiset: an order that the statement does
    /// not ask for may differ.
    pub fn unordered(&self) -> String {
        let mut rows: Vec<String> = self.rows.iter().map(Json::to_string).collect();
        rows.sort();
        format!("{}\n{}", self.ordered_head(), rows.join("\n"))
    }

    /// What pushdown must not change, with the rows in their order.
    pub fn ordered(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(Json::to_string).collect();
        format!("{}\n{}", self.ordered_head(), rows.join("\n"))
    }

    /// In which part two replies differ, for a quick look at many failures.
    pub fn part_that_differs(&self, other: &Said) -> &'static str {
        let sorted = |said: &Said| {
            let mut rows: Vec<String> = said.rows.iter().map(Json::to_string).collect();
            rows.sort();
            rows
        };
        let counts = |said: &Said| {
            let sources = said.sources.as_array().cloned().unwrap_or_default();
            let mut texts: Vec<String> = sources.iter().map(Json::to_string).collect();
            texts.sort();
            texts
        };
        match () {
            () if self.error() != other.error() => "error",
            () if self.head != other.head => "head",
            () if sorted(self) != sorted(other) => "rows",
            () if self.rows != other.rows => "order of the rows",
            () if self.receipt != other.receipt => "receipt",
            () if counts(self) != counts(other) => "sources of the receipt",
            () => "order of the sources of the receipt",
        }
    }

    /// The error's code, where there is one.
    pub fn error(&self) -> Option<&str> {
        self.head.get("error").and_then(Json::as_str)
    }

    /// Where it was made, if not in the server's process.
    #[cfg(feature = "ballista")]
    pub fn place(&self) -> Json {
        let last = self.sources.as_array().and_then(|sources| sources.last());
        last.map(|source| source["place"].clone()).unwrap_or_default()
    }

    fn ordered_head(&self) -> String {
        format!("{}\nreceipt {}", self.head, self.receipt)
    }
}

/// Asks for the answer of a statement.
pub async fn ask(engine: &Engine, who: &Principal, sql: &str) -> Said {
    ask_with(engine, who, request(sql)).await
}

/// Asks with parameters or a limit.
pub async fn ask_with(engine: &Engine, who: &Principal, request: QueryRequest) -> Said {
    // On the heap: many of these are polled by one test.
    said(Box::pin(engine.query(who, request, CancellationToken::new())).await)
}

/// A statement without parameters.
pub fn request(sql: &str) -> QueryRequest {
    QueryRequest { sql: sql.into(), client: "test 1".into(), ..Default::default() }
}

/// What another tool says about `argument`.
pub async fn tool(engine: &Engine, who: &Principal, tool: &str, argument: &str) -> Said {
    match tool {
        "query" => ask(engine, who, argument).await,
        "explain" => match Box::pin(engine.explain(who, request(argument))).await {
            Ok(explained) => {
                let mut json = serde_json::to_value(&explained).expect("serializable");
                let sources = take(&mut json, "sources");
                let plan = take(&mut json, "plan");
                let text = plan.as_str().unwrap_or_default().to_string();
                Said { head: json, sources, text, ..empty() }
            }
            Err(error) => failed(&error),
        },
        "describe" => {
            let request = DescribeRequest { name: Some(argument.into()), ..Default::default() };
            match Box::pin(engine.describe_with_values(who, request)).await {
                Ok(reply) => Said { head: reply.structured, text: reply.text, ..empty() },
                Err(error) => failed(&error),
            }
        }
        "search" => {
            let (question, limit) = (argument.to_string(), Some(10));
            let request = SearchRequest { question, limit, ..Default::default() };
            match Box::pin(engine.search(who, request)).await {
                Ok(reply) => Said { head: reply.structured, text: reply.text, ..empty() },
                Err(error) => failed(&error),
            }
        }
        "tables" => {
            let names = engine.visible_tables(who);
            Said { head: json!(format!("{names:?}")), ..empty() }
        }
        "fetch" => {
            let request = FetchRequest { handle: argument.into(), ..Default::default() };
            match Box::pin(engine.fetch(who, request)).await {
                Ok(fetched) => Said { head: json!(fetched.page.row_count), ..empty() },
                Err(error) => failed(&error),
            }
        }
        other => panic!("no tool is called {other:?}"),
    }
}

/// An answer or an error, normalised.
pub fn said(answer: Result<Answer>) -> Said {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return failed(&error),
    };
    let rendered = render(&answer.page).expect("every answer can be shown");
    let mut head = rendered.structured;
    let rows = take(&mut head, "rows");
    let mut text = rendered.text;
    // Handles are random.
    if let Some(handle) = take(&mut head, "handle").as_str() {
        text = text.replace(handle, "h_");
        set(&mut head, "handle", json!("h_"));
    }
    set(&mut head, "warnings", json!(answer.warnings));
    let mut receipt = serde_json::to_value(&answer.receipt).expect("serializable");
    let mut sources = take(&mut receipt, "sources");
    for source in sources.as_array_mut().into_iter().flatten() {
        take(source, "ms");
    }
    // Where it ran is no more part of the answer than what the sources were sent.
    let place = take(&mut receipt, "place");
    if let (Some(sources), false) = (sources.as_array_mut(), place.is_null()) {
        sources.push(json!({ "place": place }));
    }
    for key in OF_THE_REQUEST {
        take(&mut receipt, key);
    }
    let rows = rows.as_array().cloned().unwrap_or_default();
    Said { head, rows, receipt, sources, text }
}

/// The error as every caller sees it.
pub fn failed(error: &Error) -> Said {
    let head = json!({
        "error": error.code.as_str(),
        "message": error.message,
        "hint": error.hint,
        "retry": format!("{:?}", error.retry()),
    });
    Said { head, text: error.to_string(), ..empty() }
}

/// The first lines in which two replies differ, cut around the first differing character.
pub fn differing(one: &str, other: &str) -> String {
    const MOST: usize = 3;
    const AROUND: usize = 250;
    let empty = std::iter::repeat("(nothing)");
    let count = one.lines().count().max(other.lines().count());
    let pairs = one.lines().chain(empty.clone()).zip(other.lines().chain(empty)).take(count);
    let cut = |line: &str, at: usize| -> String {
        line.chars().skip(at.saturating_sub(AROUND)).take(2 * AROUND).collect()
    };
    let shown = pairs.filter(|(a, b)| a != b).take(MOST).map(|(a, b)| {
        let at = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
        format!("--- {}\n+++ {}", cut(a, at), cut(b, at))
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn empty() -> Said {
    Said {
        head: Json::Null,
        rows: Vec::new(),
        receipt: Json::Null,
        sources: Json::Null,
        text: String::new(),
    }
}

fn take(json: &mut Json, key: &str) -> Json {
    json.as_object_mut().and_then(|object| object.shift_remove(key)).unwrap_or_default()
}

fn set(json: &mut Json, key: &str, value: Json) {
    json.as_object_mut().unwrap_or(&mut Map::new()).insert(key.into(), value);
}
