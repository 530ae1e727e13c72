//! Two databases that differ in what is hidden from a caller are said the same of.

use super::lab::{codes, sqlite};
use crate::support::ask::tool;
use crate::support::lab::parts;
use crate::support::{block_on, policy};
use celosia::query::Engine;

const ORDERS: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, total DECIMAL(12,2));";

/// The same of three tables to their reader: keys over hidden columns, references to hidden tables.
const WORLDS: [&str; 3] = [
    "CREATE TABLE payments (order_id INTEGER, amount DECIMAL(12,2));
     CREATE TABLE lines (order_id INTEGER, price DECIMAL(12,2));",
    "CREATE TABLE payments (id INTEGER PRIMARY KEY, order_id INTEGER, amount DECIMAL(12,2));
     CREATE TABLE lines (order_id INTEGER, line INTEGER, price DECIMAL(12,2), PRIMARY KEY (order_id, line));",
    "CREATE TABLE secret (id INTEGER PRIMARY KEY, batch INTEGER UNIQUE);
     CREATE TABLE payments (order_id INTEGER REFERENCES secret (id), amount DECIMAL(12,2), batch INTEGER,
       UNIQUE (order_id, batch));
     CREATE TABLE lines (order_id INTEGER REFERENCES secret (batch), price DECIMAL(12,2), batch INTEGER UNIQUE);",
];

const ROLES: &str = "
roles:
  analyst:
    open:
      - { tables: \"shop.main.orders\" }
      - { tables: \"shop.main.payments\", columns: [order_id, amount] }
      - { tables: \"shop.main.lines\", columns: [order_id, price] }
  auditor: { open: [{ tables: \"shop.*.*\" }] }
";

const STATEMENTS: [&str; 4] = [
    "SELECT sum(p.amount) FROM payments p JOIN lines l ON l.order_id = p.order_id",
    "SELECT sum(p.amount) FROM orders o JOIN payments p ON p.order_id = o.id JOIN lines l ON l.order_id = o.id",
    "SELECT count(*) FROM payments p, lines l",
    "SELECT order_id, sum(amount) FROM payments GROUP BY order_id",
];

#[test]
fn a_hidden_key_says_nothing() {
    block_on(async {
        let mut engines = Vec::new();
        for world in WORLDS {
            let shop = sqlite("hidden", &format!("{ORDERS}{world}")).await;
            let mut parts = parts(vec![("shop".into(), shop)]).await;
            parts.rules = policy::rules_of(ROLES, "");
            engines.push(Engine::new(parts).expect("an engine"));
        }
        let analyst = policy::named("ana", &["analyst"]);
        for sql in STATEMENTS {
            let first = tool(&engines[0], &analyst, "explain", sql).await.everything();
            for engine in &engines[1..] {
                assert_eq!(tool(engine, &analyst, "explain", sql).await.everything(), first);
            }
        }
        // Who sees the keys is told.
        let auditor = policy::named("olga", &["auditor"]);
        let said = tool(&engines[1], &auditor, "explain", STATEMENTS[0]).await;
        assert_eq!(codes(&said), ["fan_out"], "{}", said.head);
    });
}
