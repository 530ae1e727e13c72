//! What is found first, on small catalogs made for each rule.

use super::*;
use crate::catalog::Indexes;
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
        joins: vec![],
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

fn sees(question: &str, tables: &[VisibleTable]) -> String {
    let hits = search(tables, question, 10);
    hits.first().map(|hit| hit.entry.reference.to_string()).unwrap_or_default()
}

#[test]
fn a_name_that_is_said_whole_comes_before_a_part_of_one() {
    let tables = [
        table("a.main.start_codes", "code start_of_line", &[]),
        table("b.main.terms", "term_start_date weight", &[]),
        table("c.main.dates", "value", &[]),
    ];
    assert_eq!(sees("term start date", &tables), "b.main.terms");
}

#[test]
fn the_source_that_knows_the_whole_question_wins() {
    let tables = [
        table("zoo.main.animals", "id name species keeper_id", &[]),
        table("zoo.main.keepers", "id name salary", &[]),
        table("bank.main.keepers", "id note", &[]),
        table("bank.main.accounts", "id balance", &[]),
    ];
    // Both have keepers; only one has animals and salaries too.
    let hits = search(&tables, "salary of keepers with two animals", 10);
    assert_eq!(names(&hits), ["animals", "keepers", "keepers"]);
    assert_eq!(&*hits[1].entry.reference.source, "zoo");
}

#[test]
fn a_table_that_adds_words_comes_before_one_that_repeats_them() {
    let tables = [
        table("s.main.rooms", "room_number area building", &[]),
        table("s.main.rooms_old", "room_number area building", &[]),
        table("s.main.uses", "major_use", &[]),
    ];
    let hits = search(&tables, "area of rooms by major use", 10);
    assert_eq!(names(&hits), ["uses", "rooms", "rooms_old"]);
}

#[test]
fn a_table_between_two_hits_comes_along() {
    let tables = [
        table("s.main.bridge", "a_id b_id", &[("a_id", "authors"), ("b_id", "books")]),
        table("s.main.authors", "id name", &[]),
        table("s.main.books", "id title", &[]),
        table("s.main.weather", "id wind", &[]),
    ];
    let hits = search(&tables, "books of authors", 10);
    assert_eq!(names(&hits), ["authors", "books", "bridge"]);
    assert!(matches!(&hits[2].why, Why::Neighbour(_)));
    let first: Vec<_> = hits[..2].iter().map(|hit| hit.entry.reference.clone()).collect();
    let steps = Index::build(&tables).paths(&first);
    let ways: Vec<_> =
        steps.iter().map(|s| (&*s.from.table, &*s.to.table, s.is_declared)).collect();
    assert_eq!(ways, [("authors", "bridge", true), ("bridge", "books", true)]);
    assert_eq!(steps[0].columns, [(0, 0)]);
}

#[test]
fn a_column_named_as_a_key_elsewhere_joins_sources() {
    let mut tables = [
        table("crm.main.customers", "id name", &[]),
        table("desk.main.tickets", "id customer_id", &[]),
        table("desk.main.notes", "id text", &[]),
    ];
    for table in &mut tables {
        let mut description = (*table.entry.description).clone();
        description.primary_key = vec!["id".into()];
        let reference = table.entry.reference.clone();
        table.entry = Arc::new(TableEntry { reference, description: Arc::new(description) });
    }
    let all: Vec<TableRef> = tables.iter().map(|table| table.entry.reference.clone()).collect();
    let steps = Index::build(&tables).paths(&all);
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert_eq!((&*steps[0].to.table, &steps[0].columns[..]), ("tickets", &[(0, 1)][..]));
    assert!(!steps[0].is_declared);
}

#[test]
fn short_forms_related_words_and_slips_are_understood() {
    let tables = [
        table("s.main.staff", "emp_no dept_cd dob", &[]),
        table("s.main.invoices", "amt qty", &[]),
        table("s.main.enrolments", "enrolled_on", &[]),
    ];
    for (question, first) in [
        ("birthday", "s.main.staff"),
        ("department number", "s.main.staff"),
        ("quantity", "s.main.invoices"),
        ("invioces", "s.main.invoices"),
        ("enrolment", "s.main.enrolments"),
        ("xnvoices", ""),
    ] {
        assert_eq!(sees(question, &tables), first, "{question}");
    }
}

#[test]
fn values_say_which_table_is_meant() {
    let mut tables = vec![table("a.main.places", "name", &[]), table("b.main.places", "name", &[])];
    tables[1].values = vec![(0, "San José".into()), (0, "La Paz".into())];
    let hits = search(&tables, "places in san jose", 10);
    assert_eq!(&*hits[0].entry.reference.source, "b");
    assert_eq!(hits[0].values, [(0, "San José".to_string())]);
    // A part of a value is a hint, and not the value.
    assert!(search(&tables, "san", 10)[0].values.is_empty());
    // A column that may not be seen has no values either.
    tables[1].columns.clear();
    assert!(search(&tables, "san jose", 10).is_empty());
}

#[test]
fn identifiers_in_a_question_are_no_words() {
    let tables = [table("a.main.cards", "id d9", &[]), table("b.main.ports", "id device", &[])];
    let question = "port with device bb5deaeb-64ff-4422-8fc2-d9a03fb22a2d";
    assert_eq!(names(&search(&tables, question, 10)), ["ports"]);
}

#[test]
fn long_descriptions_do_not_win_by_their_length() {
    let mut tables = vec![table("a.main.schools", "x", &[]), table("b.main.lists", "owner", &[])];
    tables[0].texts.push("schools with mailing addresses and names of members of departments and lists of their counts, codes, grades, meals and other numbers by department".into());
    assert_eq!(sees("mailing lists", &tables), "b.main.lists");
}

#[test]
fn the_order_is_the_same_each_time() {
    let tables: Vec<_> =
        (0..40).map(|n| table(&format!("s{n:02}.main.things"), "id name", &[])).collect();
    let index = Index::build(&tables);
    let first = names(&index.search("things by name", 30)).len();
    let sources = |hits: &[Hit]| -> Vec<String> {
        hits.iter().map(|hit| hit.entry.reference.source.to_string()).collect()
    };
    let hits = sources(&index.search("things by name", 30));
    assert_eq!((first, hits.is_sorted()), (30, true));
    assert_eq!(hits, sources(&search(&tables, "things by name", 30)));
}

/// The same tables with something changed, and whether an index could notice.
fn changed() -> Vec<(&'static str, VisibleTable, bool)> {
    let base = || {
        let mut table = table("s.main.a", "id b secret", &[("b", "t"), ("secret", "t")]);
        table.columns = vec![0, 1];
        table
    };
    let with = |change: &dyn Fn(&mut VisibleTable)| {
        let mut table = base();
        change(&mut table);
        table
    };
    let described = |change: &dyn Fn(&mut TableDescription)| {
        let mut table = base();
        let mut description = (*table.entry.description).clone();
        change(&mut description);
        let reference = table.entry.reference.clone();
        table.entry = Arc::new(TableEntry { reference, description: Arc::new(description) });
        table
    };
    vec![
        ("nothing", base(), false),
        ("a hidden name", described(&|d| d.columns[2].name = "other".into()), false),
        ("a hidden comment", described(&|d| d.columns[2].comment = Some("x".into())), false),
        ("rows", described(&|d| d.row_estimate = Some(7)), false),
        ("a name", described(&|d| d.columns[1].name = "c".into()), true),
        ("a comment", described(&|d| d.columns[1].comment = Some("x".into())), true),
        ("a type", described(&|d| d.columns[1].class = OperandClass::Integer), true),
        ("the table's comment", described(&|d| d.comment = Some("x".into())), true),
        ("a key", described(&|d| d.primary_key = vec!["id".into()]), true),
        ("a reference", described(&|d| d.foreign_keys[0].referenced_table = "u".into()), true),
        ("columns", with(&|t| t.columns = vec![0, 1, 2]), true),
        ("a synonym", with(&|t| t.synonyms.push("x".into())), true),
        ("a text", with(&|t| t.texts.push("x".into())), true),
        ("a column's synonym", with(&|t| t.column_synonyms.push((1, "x".into()))), true),
        ("a column's text", with(&|t| t.column_texts.push((1, "x".into()))), true),
        ("a value", with(&|t| t.values.push((1, "x".into()))), true),
        ("a join", with(&|t| t.joins.push((TableRef::new("s", "main", "t"), vec![]))), true),
    ]
}

#[test]
fn a_table_is_read_again_where_anything_that_is_seen_of_it_is_another() {
    let tables = changed();
    let base = digest(&tables[0].1);
    for (what, table, differs) in &tables {
        assert_eq!(digest(table) != base, *differs, "{what}");
    }
    let texts = |a: &str, b: &str| {
        let mut table = table("s.main.a", "id", &[]);
        table.texts = vec![a.into(), b.into()];
        digest(&table)
    };
    assert_ne!(texts("ab", "c"), texts("a", "bc"));
}

#[test]
fn who_sees_the_same_shares_it_and_nothing_else() {
    let indexes = Indexes::default();
    let mut tables = shop();
    let one = indexes.of(&tables);
    let other = indexes.of(&tables);
    assert!(Arc::ptr_eq(&one.content, &other.content));
    tables[1].column_texts.push((2, "the day of the sale".into()));
    let changed = indexes.of(&tables);
    for (at, document) in changed.content.documents.iter().enumerate() {
        let is_same = Arc::ptr_eq(document, &one.content.documents[at]);
        assert_eq!(is_same, at != 1, "table {at}");
    }
    // Somebody who sees less, before and after others were asked.
    let few = &tables[..3];
    for question in ["total revenue of orders", "customers", "sale", "incidencias", "agents"] {
        let told = |index: &Index| format!("{:?}", index.search(question, 10));
        assert_eq!(told(&indexes.of(few)), told(&Index::build(few)), "{question}");
        assert_eq!(told(&changed), told(&Index::build(&tables)), "{question}");
    }
    assert!(indexes.again(&one.name()).is_some());
    assert!(Indexes::default().again(&one.name()).is_none());
}

/// What was read before, perhaps for somebody else, is in no document: not even as an order.
#[test]
fn a_document_is_made_of_its_table_alone() {
    let tables = shop();
    let mut reader = Reader::default();
    for table in tables.iter().rev() {
        let read = format!("{:?}", reader.document(table));
        assert_eq!(read, format!("{:?}", Reader::default().document(table)));
    }
}
