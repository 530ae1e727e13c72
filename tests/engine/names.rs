//! Names: suggestions, ambiguity, capitals.

use super::engine;
use crate::support::ask::{Said, ask};
use crate::support::lab::{self, benches};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};
use celosia::query::Engine;

fn asked(sql: &str) -> Said {
    block_on(ask(engine(), &policy::analyst(), sql))
}

#[test]
fn an_unknown_name_comes_with_the_nearest_right_one() {
    for (sql, hint) in [
        ("SELECT * FROM peple", "people"),
        ("SELECT * FROM shop.main.order", "orders"),
        ("SELECT * FROM ticket", "desk.main.tickets"),
        ("SELECT nmae FROM people", "name"),
        ("SELECT p.emial FROM people p", "email"),
        ("SELECT regoin, count(*) FROM people GROUP BY 1", "region"),
        ("SELECT lenght(name) FROM people", "length"),
        ("SELECT isnumeric(name) FROM people", "[0-9]"),
        ("SELECT o.name FROM people p JOIN orders o ON o.person_id = p.id", "p.name"),
        ("SELECT customer FROM invoices", "customername"),
        ("SELECT invoiceid FROM people", "shop.main.Invoices"),
        ("SELECT * FROM tbl_orders", "shop.main.orders"),
    ] {
        let said = asked(sql);
        assert_eq!(said.error(), Some("unknown_name"), "{sql}: {}", said.everything());
        let given = said.head["hint"].as_str().unwrap_or_default();
        assert!(given.contains(hint), "{sql}: {given:?} does not name {hint:?}");
    }
}

#[test]
fn an_ambiguous_column_is_an_error() {
    let said = asked("SELECT id FROM people p JOIN orders o ON o.person_id = p.id");
    assert_eq!(said.error(), Some("invalid_statement"), "{}", said.everything());
    assert!(said.text.contains("\"id\" is ambiguous"), "{}", said.text);
    let twice = asked("SELECT p.id, o.id FROM people p JOIN orders o ON o.person_id = p.id");
    assert!(matches!(twice.error(), None | Some("invalid_statement")), "{}", twice.everything());
}

#[test]
fn an_ambiguous_table_is_an_error_that_names_both() {
    let said = block_on(async {
        let file = lab::desk_file(World::A).await;
        let sources = ["east", "west"].map(|name| (name.to_string(), lab::sqlite(&file)));
        let mut parts = lab::parts(sources.into()).await;
        parts.rules =
            policy::rules_of("roles: {analyst: {open: [{tables: \"*.main.tickets\"}]}}", "");
        let engine = Engine::new(parts).expect("an engine");
        let both = ask(&engine, &policy::analyst(), "SELECT count(*) AS n FROM tickets").await;
        let one =
            ask(&engine, &policy::analyst(), "SELECT count(*) AS n FROM east.main.tickets").await;
        assert_eq!(one.error(), None, "{}", one.everything());
        both
    });
    assert_eq!(said.error(), Some("invalid_statement"), "{}", said.everything());
    assert!(
        said.text.contains("east.main.tickets") && said.text.contains("west.main.tickets"),
        "{}",
        said.text
    );
}

#[test]
fn an_ambiguous_table_is_plain_where_only_one_is_open() {
    let said = block_on(async {
        let file = lab::desk_file(World::A).await;
        let sources = ["east", "west"].map(|name| (name.to_string(), lab::sqlite(&file)));
        let mut parts = lab::parts(sources.into()).await;
        parts.rules =
            policy::rules_of("roles: {analyst: {open: [{tables: \"west.main.tickets\"}]}}", "");
        ask(
            &Engine::new(parts).expect("an engine"),
            &policy::analyst(),
            "SELECT count(*) AS n FROM tickets",
        )
        .await
    });
    assert_eq!(said.error(), None, "{}", said.everything());
    assert!(!said.everything().contains("east"), "{}", said.everything());
}

#[test]
fn names_are_found_in_any_case() {
    for bench in benches() {
        let schema = bench.store.schema();
        for sql in [
            "SELECT ID, Name FROM PEOPLE WHERE Region = 'EU' ORDER BY iD LIMIT 1".to_string(),
            "SELECT \"Id\", \"NAME\" FROM \"People\" WHERE \"REGION\" = 'EU' ORDER BY 1 LIMIT 1".into(),
            format!("SELECT p.id, p.name FROM SHOP.{schema}.people p WHERE p.region = 'EU' ORDER BY 1 LIMIT 1"),
            format!("SELECT P.id, p.NAME FROM {schema}.People P WHERE P.region = 'EU' ORDER BY 1 LIMIT 1"),
            "SELECT people.id, people.name FROM people WHERE people.region = 'EU' ORDER BY people.id LIMIT 1".into(),
        ] {
            let said = block_on(ask(bench.engine(World::A, true), &policy::analyst(), &sql));
            assert_eq!(said.rows.len(), 1, "{:?} {sql}: {}", bench.store, said.everything());
            assert_eq!(said.rows[0][0], 6, "{:?} {sql}", bench.store);
        }
    }
}

#[test]
fn capitals_of_the_source_are_no_obstacle() {
    for bench in benches() {
        for sql in [
            "SELECT InvoiceId, CustomerName, total FROM Invoices ORDER BY InvoiceId LIMIT 1",
            "SELECT invoiceid, customername, TOTAL FROM invoices ORDER BY invoiceid LIMIT 1",
            "SELECT \"InvoiceId\", \"CustomerName\", \"total\" FROM \"Invoices\" ORDER BY \"InvoiceId\" LIMIT 1",
            "SELECT i.\"InvoiceId\", max(i.\"CustomerName\") AS c, sum(i.\"Total\") AS t FROM \"Invoices\" AS i GROUP BY i.\"InvoiceId\" ORDER BY i.\"InvoiceId\" LIMIT 1",
        ] {
            let said = block_on(ask(bench.engine(World::A, true), &policy::analyst(), sql));
            assert_eq!(said.rows.len(), 1, "{:?} {sql}: {}", bench.store, said.everything());
            assert_eq!(said.rows[0][1], "Customer 1", "{:?} {sql}", bench.store);
        }
    }
}

#[test]
fn an_alias_keeps_its_capitals() {
    let said = asked("SELECT name AS \"Full Name\", id AS \"ID\" FROM people WHERE id = 1");
    assert_eq!(said.head["columns"][0]["name"], "Full Name", "{}", said.everything());
    let ordered = asked("SELECT id AS \"Key\" FROM people ORDER BY \"Key\" LIMIT 1");
    assert_eq!(ordered.rows.len(), 1, "{}", ordered.everything());
    let (sqlite, schema) = (Store::Sqlite.schema(), Store::Postgres.schema());
    assert_ne!(sqlite, schema);
}
