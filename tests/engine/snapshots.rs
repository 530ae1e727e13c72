//! What the sources are sent, what a plan looks like, what is explained.

use crate::support::ask::{ask, tool};
use crate::support::lab::{Bench, benches};
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};

/// The bench of a store, if it is here.
fn bench(store: Store) -> Option<&'static Bench> {
    benches().into_iter().find(|bench| bench.store == store)
}

/// SQL with a line for each clause.
fn by_clause(sql: &str) -> String {
    let words = [" FROM (", " FROM `", " FROM \"public", " WHERE ", " ORDER BY ", ", CASE"];
    words.iter().fold(sql.to_string(), |sql, word| {
        sql.replace(word, &word.replacen(' ', "\n", 1).replace(",\nCASE", ",\n  CASE"))
    })
}

/// The SQL that the sources are sent for a statement.
fn sent(store: Store, who: &celosia::model::Principal, sql: &str) -> Option<String> {
    let said = block_on(ask(bench(store)?.engine(World::A, true), who, sql));
    assert_eq!(said.error(), None, "{sql}: {}", said.everything());
    let sources = said.sources.as_array().cloned().unwrap_or_default();
    let lines = sources.iter().map(|source| {
        format!(
            "{}: {}",
            source["name"].as_str().unwrap_or_default(),
            by_clause(source["sql"].as_str().unwrap_or_default())
        )
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

const MASKED: &str = "SELECT id, email, phone, salary, born, badge FROM people \
                      WHERE region = 'EU' AND email LIKE '***@corp%' ORDER BY id LIMIT 3";

#[test]
fn the_sql_of_a_masked_and_filtered_table_in_sqlite() {
    let sql = sent(Store::Sqlite, &policy::analyst(), MASKED).expect("SQLite is always here");
    insta::assert_snapshot!(sql, @r"
    shop: SELECT `id`, `email`, `phone`, `badge`, `region`, `salary`, `born`
    FROM (SELECT `id`,
      CASE WHEN typeof(`email`) = 'null' THEN NULL WHEN typeof(`email`) <> 'text' OR instr(`email`, '@') = 0 OR instr(`email`, char(0)) > 0 THEN '***' ELSE '***' || substr(`email`, instr(`email`, '@')) END AS `email`,
      CASE WHEN typeof(`phone`) = 'null' THEN NULL WHEN typeof(`phone`) <> 'text' OR length(`phone`) < 8 OR instr(`phone`, char(0)) > 0 THEN '****' ELSE '****' || substr(`phone`, -4) END AS `phone`,
      CASE WHEN `badge` IS NOT NULL THEN '[redacted]' END AS `badge`, `region`, `salary`, `born`
    FROM `main`.`people`
    WHERE (`region` COLLATE BINARY IN (?1, ?2, ?3) AND `hidden` = ?4)) AS governed
    WHERE (`region` COLLATE BINARY = ?5 AND instr(`email`, ?6) = 1)
    ORDER BY `id` ASC NULLS LAST LIMIT 3
    ");
}

#[test]
fn the_sql_of_a_masked_and_filtered_table_in_postgres() {
    let Some(sql) = sent(Store::Postgres, &policy::analyst(), MASKED) else { return };
    insta::assert_snapshot!(sql, @r#"
    shop: SELECT "id", "email", "phone", "born", "badge", "region", "salary"
    FROM (SELECT "id",
      CASE WHEN "email" IS NULL THEN NULL WHEN strpos("email" COLLATE "C", '@') > 0 THEN '***@' || substr("email", strpos("email" COLLATE "C", '@') + 1) ELSE '***' END AS "email",
      CASE WHEN "phone" IS NULL THEN NULL WHEN char_length("phone") >= 8 THEN left("phone", 0) || '****' || right("phone", 4) ELSE '****' END AS "phone",
      CASE WHEN "born" BETWEEN date '4712-01-01 BC' AND date '5874897-12-31' THEN make_date(CAST(extract(year FROM "born") AS integer), 1, 1) END AS "born",
      CASE WHEN "badge" IS NULL THEN NULL ELSE CAST('[redacted]' AS text) END AS "badge", "region", "salary"
    FROM "public"."people"
    WHERE ("region" IN (CAST($1 AS text), CAST($2 AS text), CAST($3 AS text)) AND "hidden" = CAST($4 AS boolean))) AS governed
    WHERE ("region" = CAST($5 AS text) AND "email" LIKE CAST($6 AS text))
    ORDER BY "id" ASC NULLS LAST LIMIT 3
    "#);
}

#[test]
fn the_sql_of_cells_that_one_of_two_roles_opens() {
    let sql = sent(
        Store::Sqlite,
        &policy::both(),
        "SELECT id, name, nickname FROM people WHERE score > 80",
    );
    insta::assert_snapshot!(sql.expect("SQLite is always here"), @r"
    shop: SELECT `id`, `name`, `score`, `nickname`
    FROM (SELECT `id`,
      CASE WHEN `region` COLLATE BINARY IN (?1, ?2, ?3) THEN `name` END AS `name`, `score`,
      CASE WHEN `score` >= ?4 THEN `nickname` END AS `nickname`
    FROM `main`.`people`
    WHERE ((`region` COLLATE BINARY IN (?5, ?6, ?7) OR `score` >= ?8) AND `hidden` = ?9)
    ORDER BY rowid) AS governed
    WHERE `score` > ?10
    ");
    let Some(sql) = sent(
        Store::Postgres,
        &policy::both(),
        "SELECT id, name, nickname FROM people WHERE score > 80",
    ) else {
        return;
    };
    insta::assert_snapshot!(sql, @r#"
    shop: SELECT "id", "name", "score", "nickname"
    FROM (SELECT "id",
      CASE WHEN "region" IN (CAST($1 AS text), CAST($2 AS text), CAST($3 AS text)) THEN "name" END AS "name", "score",
      CASE WHEN "score" >= CAST($4 AS bigint) THEN "nickname" END AS "nickname"
    FROM "public"."people"
    WHERE (("region" IN (CAST($5 AS text), CAST($6 AS text), CAST($7 AS text)) OR "score" >= CAST($8 AS bigint)) AND "hidden" = CAST($9 AS boolean))) AS governed
    WHERE "score" > CAST($10 AS bigint)
    "#);
}

#[test]
fn an_expression_that_can_fail_stays_here() {
    let sql = sent(
        Store::Sqlite,
        &policy::analyst(),
        "SELECT id FROM people WHERE 1 / (id - 3) < 5 AND region = 'EU'",
    );
    insta::assert_snapshot!(sql.expect("SQLite is always here"), @r"
    shop: SELECT `id`, `region`
    FROM (SELECT `id`, `region`
    FROM `main`.`people`
    WHERE (`region` COLLATE BINARY IN (?1, ?2, ?3) AND `hidden` = ?4)
    ORDER BY rowid) AS governed
    WHERE `region` COLLATE BINARY = ?5
    ");
}

#[test]
fn an_explanation() {
    let engine = bench(Store::Sqlite).expect("SQLite is always here").engine(World::A, true);
    let sql = "SELECT p.region, count(*) AS n, max(p.salary) AS s FROM people p JOIN orders o ON o.person_id = p.id \
               WHERE o.status = 'paid' GROUP BY p.region";
    let said = block_on(tool(engine, &policy::analyst(), "explain", sql));
    insta::assert_snapshot!(said.text, @r"
    ProjectionExec: expr=[region@0 as region, count(Int64(1))@1 as n, max(p.salary)@2 as s]
      AggregateExec: mode=Single, gby=[region@1 as region], aggr=[count(Int64(1)), max(p.salary)]
        ProjectionExec: expr=[salary@1 as salary, region@2 as region]
          KeyedJoinExec: Inner, id@0 = person_id@0, the keys of its second input go to the other where they are few
            CooperativeExec
              GovernedScan: shop.main.people
            FilterExec: status@1 = paid, projection=[person_id@0]
              CooperativeExec
                GovernedScan: shop.main.orders
    ");
    insta::assert_snapshot!(serde_json::to_string_pretty(&said.head).expect("json"), @r#"
    {
      "columns": [
        {
          "name": "region",
          "type": "text"
        },
        {
          "name": "n",
          "type": "bigint"
        },
        {
          "name": "s",
          "type": "bigint",
          "masked": "bucket"
        }
      ],
      "masks": [
        {
          "column": "shop.main.people.salary",
          "mask": "bucket",
          "rule": "salaries"
        }
      ],
      "filters": [
        {
          "table": "shop.main.orders",
          "rule": "role analyst"
        },
        {
          "table": "shop.main.orders",
          "rule": "void orders"
        },
        {
          "table": "shop.main.people",
          "rule": "legal hold"
        },
        {
          "table": "shop.main.people",
          "rule": "role analyst"
        }
      ],
      "warnings": []
    }
    "#);
}

#[test]
fn a_description() {
    let engine = bench(Store::Sqlite).expect("SQLite is always here").engine(World::A, true);
    let said = block_on(tool(engine, &policy::analyst(), "describe", "orders"));
    insta::assert_snapshot!(said.text, @r"
    table shop.main.orders
      id bigint key e.g. 1, 2, 5
      person_id bigint e.g. 18, 35, 86
      amount numeric(12,2) e.g. 42.01, 79.02, 190.05
      fee double precision e.g. 4.375, 8.25, 19.875
      placed timestamp
      region text e.g. 'NA', 'APAC', 'EU'
      status text e.g. 'open', 'sent', 'paid'
      note text [masked: redact]
    join shop.main.orders to shop.main.people ON orders.person_id = people.id (many to one)
    rows limited by: role analyst
    rows limited by: void orders
    ");
}
