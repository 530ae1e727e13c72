//! What is found first, on small catalogs made for each rule.

use super::*;
use crate::model::{ColumnDescription, ForeignKey, OperandClass, TableDescription};

fn table(name: &str, columns: &str, references: &[(&str, &str)]) -> VisibleTable {
    let parts: Vec<&str> = name.split('.').collect();
    let columns: Vec<_> = columns.split_whitespace().map(column).collect();
    let key = |(column, table): &(&str, &str)| ForeignKey {
        columns: vec![(*column).into()],
        referenced_schema: parts[1].into(),
        referenced_table: (*table).into(),
        referenced_columns: vec!["id".into()],
    };
    let description = TableDescription {
        foreign_keys: references.iter().map(key).collect(),
        columns,
        ..Default::default()
    };
    VisibleTable {
        columns: (0..description.columns.len()).collect(),
        entry: Arc::new(TableEntry {
            reference: TableRef::new(parts[0], parts[1], parts[2]),
            description: Arc::new(description),
        }),
        synonyms: vec![],
        texts: vec![],
        column_synonyms: vec![],
        column_texts: vec![],
        values: vec![],
    }
}

fn column(name: &str) -> ColumnDescription {
    ColumnDescription {
        name: name.into(),
        native_type: String::new(),
        data_type: arrow_schema::DataType::Utf8,
        nullable: true,
        comment: None,
        class: OperandClass::Text,
        collation: None,
        read_as_text: false,
    }
}

fn shop() -> Vec<VisibleTable> {
    let mut tables = vec![
        table("shop.main.customers", "id name email city region created_at", &[]),
        table(
            "shop.main.orders",
            "id customer_id ordered_at status total",
            &[("customer_id", "customers")],
        ),
        table(
            "shop.main.order_items",
            "id order_id product_id quantity unit_price",
            &[("order_id", "orders"), ("product_id", "products")],
        ),
        table("shop.main.products", "id name category price", &[]),
        table(
            "support.main.tickets",
            "id customer_id agent_id opened_at status subject",
            &[("agent_id", "agents")],
        ),
        table("support.main.agents", "id name email team", &[]),
    ];
    tables[1].column_texts.push((4, "revenue of the order in euros".into()));
    tables[4].texts.push("incidencias de los clientes".into());
    tables
}

fn names(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| &*hit.entry.reference.table).collect()
}

#[test]
fn the_table_that_is_asked_for_comes_first() {
    for (question, first) in [
        ("How many orders are there?", "orders"),
        ("list the customers in each region", "customers"),
        ("which product category sells best", "products"),
        ("OrderItems", "order_items"),
        ("order items quantity", "order_items"),
        ("revenue by month", "orders"),
        ("¿cuántas incidencias están abiertas?", "tickets"),
        ("tickets opened by agent", "tickets"),
        ("cust", "customers"),
    ] {
        let hits = search(&shop(), question, 10);
        assert_eq!(names(&hits)[0], first, "{question}: {:?}", names(&hits));
    }
}

#[test]
fn hits_say_why() {
    let hits = search(&shop(), "total revenue of orders", 10);
    assert_eq!(hits[0].columns[0], 4);
    assert_eq!(hits[0].why, Why::Words(["total", "revenue", "orders"].map(String::from).to_vec()));
    let neighbour =
        hits.iter().find(|hit| &*hit.entry.reference.table == "customers").expect("tied");
    assert_eq!(neighbour.why, Why::Neighbour(TableRef::new("shop", "main", "orders")));
}

#[test]
fn neighbours_do_not_push_matches_out_of_the_first_four() {
    let hits = search(&shop(), "status id customer name email", 10);
    let words = |hit: &Hit| matches!(hit.why, Why::Words(_));
    assert!(hits.iter().take(4).all(words), "{:?}", names(&hits));
    assert_eq!(names(&hits).iter().collect::<HashSet<_>>().len(), hits.len());
    assert_eq!(search(&shop(), "status", 1).len(), 1);
}

#[test]
fn what_is_hidden_changes_nothing() {
    let (mut with, mut without) = (shop(), shop());
    for tables in [&mut with, &mut without] {
        tables[1].column_texts.clear();
    }
    // The same column hidden, and not there at all.
    with[1].columns = vec![0, 2, 3];
    let mut description = (*without[1].entry.description).clone();
    description.columns.remove(1);
    description.columns.remove(3);
    description.foreign_keys.clear();
    let reference = without[1].entry.reference.clone();
    without[1].entry = Arc::new(TableEntry { reference, description: Arc::new(description) });
    without[1].columns = vec![0, 1, 2];
    for question in ["total orders", "customer", "customer orders", "status of total"] {
        let found = |tables: &[VisibleTable]| -> Vec<(String, f32, Why)> {
            let hits = search(tables, question, 10).into_iter();
            hits.map(|hit| (hit.entry.reference.to_string(), hit.score, hit.why)).collect()
        };
        assert_eq!(found(&with), found(&without), "{question}");
    }
}

#[test]
fn a_question_of_nothing_finds_nothing() {
    for question in ["", "the of and", "zzzz", "¿?"] {
        assert!(search(&shop(), question, 10).is_empty(), "{question}");
    }
    assert!(search(&[], "orders", 10).is_empty());
}
