//! One question over three kinds of databases: customers in Oracle, orders in SQL Server, tickets in
//! PostgreSQL, joined, filtered and masked in one SELECT.

use crate::support::ask::{Said, ask};
use crate::support::lab;
use crate::support::load::{self, Store};
use crate::support::{block_on, policy};
use celosia::query::Engine;
use serde_json::{Value as Json, json};

const CUSTOMERS: &str = r#"CREATE TABLE customers (
  customer_id NUMBER(10) PRIMARY KEY, name VARCHAR2(80 CHAR) NOT NULL, email VARCHAR2(120 CHAR),
  tax_id VARCHAR2(20 CHAR), born DATE, region VARCHAR2(8 CHAR) NOT NULL)
/
INSERT INTO customers VALUES (1, 'Ana Ruiz', 'ana@example.org', 'ES-1', DATE '1984-02-29', 'EU')
/
INSERT INTO customers VALUES (2, 'Bo Lind', 'bo@example.com', 'SE-2', DATE '1990-07-01', 'EU')
/
INSERT INTO customers VALUES (3, 'Cy Young', 'cy@example.com', 'US-3', DATE '1970-01-01', 'US')
/
INSERT INTO customers VALUES (4, 'Di Vega', NULL, 'ES-4', NULL, 'EU')
/
"#;

const ORDERS: &str = "CREATE TABLE orders (
  order_id bigint PRIMARY KEY, customer_id int NOT NULL, amount decimal(12,2) NOT NULL,
  status nvarchar(10) NOT NULL, placed_at datetime2 NOT NULL)
GO
INSERT INTO orders VALUES
  (10, 1, 120.50, N'paid', '2026-01-03T10:00:00'), (11, 1, 80.00, N'paid', '2026-02-03T10:00:00'),
  (12, 2, 15.25, N'paid', '2026-02-04T10:00:00'), (13, 2, 99.00, N'void', '2026-02-05T10:00:00'),
  (14, 3, 700.00, N'paid', '2026-02-06T10:00:00'), (15, 4, 5.00, N'PAID', '2026-02-07T10:00:00')
GO
";

const TICKETS: &str = "CREATE TABLE tickets (
  id bigint PRIMARY KEY, customer_id integer NOT NULL, urgent boolean NOT NULL, subject text);
INSERT INTO tickets VALUES (1, 1, true, 'My card 4111'), (2, 2, false, 'Hello'), (3, 1, true, NULL),
  (4, 3, true, 'Where is it'), (5, 2, true, 'Late'), (6, 4, true, 'Case');
";

const ROLES: &str = "
roles:
  analyst:
    open:
      - { tables: \"crm.CELOSIA.CUSTOMERS\", rows: \"REGION = 'EU'\" }
      - { tables: \"erp.dbo.orders\", rows: \"status = 'paid'\" }
      - { tables: \"desk.public.tickets\" }
  compliance:
    open: [{ tables: [\"crm.CELOSIA.CUSTOMERS\", \"erp.dbo.orders\", \"desk.public.tickets\"] }]
";

const MASKS: &str = "
version: 1
masks:
  - { name: mail, columns: [\"crm.*.*.EMAIL\"], mask: email, except: [compliance] }
  - { name: tax, columns: [\"*.*.*.TAX_ID\"], mask: { pseudonym: { domain: person } }, except: [compliance] }
  - { name: age, columns: [\"*.*.*.BORN\"], mask: { age_band: 10 }, except: [compliance] }
  - { name: free text, columns: [\"*.*.*.subject\"], mask: redact, except: [compliance] }
";

const QUESTION: &str = "
SELECT c.name, c.email, o.spent, count(*) AS urgent_tickets
FROM crm.customers c
JOIN (SELECT customer_id, sum(amount) AS spent FROM erp.orders
      WHERE placed_at >= DATE '2026-01-01' GROUP BY customer_id) o ON o.customer_id = c.customer_id
JOIN desk.tickets t ON t.customer_id = c.customer_id
WHERE t.urgent
GROUP BY c.name, c.email, o.spent
ORDER BY o.spent DESC";

async fn engine() -> Option<Engine> {
    let cluster = lab::cluster()?;
    let crm = lab::remote(Store::Oracle, &load::oracle(cluster, CUSTOMERS).await);
    let erp = lab::remote(Store::SqlServer, &load::sqlserver(cluster, ORDERS).await);
    let desk = lab::postgres(&load::postgres(cluster, TICKETS));
    let sources = [("crm", crm), ("erp", erp), ("desk", desk)];
    let sources = sources.map(|(name, source)| (name.to_string(), source)).to_vec();
    let mut parts = lab::parts(sources).await;
    parts.rules = policy::rules_of(ROLES, MASKS);
    let problems = parts.rules.check(parts.catalog.snapshot().tables(), &[]);
    assert!(problems.is_empty(), "{problems:?}");
    Some(Engine::new(parts).expect("an engine"))
}

fn source<'a>(said: &'a Said, name: &str) -> &'a str {
    let sources = said.sources.as_array().expect("sources");
    let found = sources.iter().find(|source| source["name"] == name);
    found.and_then(|source| source["sql"].as_str()).unwrap_or_else(|| panic!("{name}: {sources:?}"))
}

#[test]
fn one_question_over_oracle_sql_server_and_postgres() {
    block_on(async {
        let Some(engine) = engine().await else { return };
        let said = ask(&engine, &policy::named("ana", &["analyst"]), QUESTION).await;
        // Only open rows: not the American, not the void order, and not `PAID`, which is not `paid`.
        let rows = [
            json!(["Ana Ruiz", "***@example.org", "200.50", 2]),
            json!(["Bo Lind", "***@example.com", "15.25", 1]),
        ];
        assert_eq!(said.rows, rows, "{}", said.everything());
        assert_eq!(said.sources.as_array().map(Vec::len), Some(3), "{}", said.sources);
        insta::assert_snapshot!(source(&said, "crm"), @r#"SELECT "CUSTOMER_ID", "NAME", "EMAIL" FROM (SELECT "CUSTOMER_ID", "NAME", CASE WHEN "EMAIL" IS NULL THEN NULL WHEN INSTR("EMAIL", '@') > 0 THEN '***@' || SUBSTR("EMAIL", INSTR("EMAIL", '@') + 1) ELSE '***' END AS "EMAIL" FROM "CELOSIA"."CUSTOMERS" WHERE "REGION" = :1) governed WHERE "CUSTOMER_ID" IN (:2, :3, :4)"#);
        insta::assert_snapshot!(source(&said, "erp"), @r#"SELECT t1.[customer_id], CAST(SUM(t1.[amount]) AS decimal(22,2)) AS [c2] FROM (SELECT [customer_id], [amount], [placed_at] FROM [dbo].[orders] WHERE ([status] = @P1 AND [status] COLLATE Latin1_General_BIN2 = @P1 AND DATALENGTH([status]) = DATALENGTH(@P1))) AS t1 WHERE t1.[placed_at] >= @P2 GROUP BY t1.[customer_id] ORDER BY t1.[customer_id]"#);
        insta::assert_snapshot!(source(&said, "desk"), @r#"SELECT "customer_id", "urgent" FROM "public"."tickets" WHERE "urgent" = CAST($1 AS boolean)"#);
        assert!(said.receipt.to_string().contains("mail"), "{}", said.receipt);

        let said = ask(&engine, &policy::named("cleo", &["compliance"]), QUESTION).await;
        let names: Vec<&Json> = said.rows.iter().map(|row| &row[0]).collect();
        assert_eq!(names, ["Cy Young", "Ana Ruiz", "Bo Lind", "Di Vega"], "{}", said.everything());
        assert_eq!(said.rows[0][1], "cy@example.com");
    });
}

#[test]
fn masks_of_the_leaf_work_on_every_kind() {
    block_on(async {
        let Some(engine) = engine().await else { return };
        let sql = "SELECT name, tax_id, born FROM crm.customers ORDER BY customer_id";
        let said = ask(&engine, &policy::named("ana", &["analyst"]), sql).await;
        assert_eq!(said.rows.len(), 3, "{}", said.everything());
        let all = said.everything();
        assert!(!all.contains("ES-1") && !all.contains("1984"), "{all}");
        assert_eq!(said.rows[2][2], Json::Null);
    });
}
