//! Two sources, and the policy of a caller.

use super::both;
use crate::pushdown::across;
use crate::support::lab::benches;
use crate::support::load::Store;
use crate::support::world::World;
use crate::support::{block_on, policy};

#[test]
fn two_sources_keep_their_join() {
    let sql = "SELECT f.name, m.price FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id WHERE f.colour = 'red' AND m.price > 90";
    let Some((pushed, local)) = block_on(across::engines(Store::Sqlite, Store::Postgres)) else {
        return;
    };
    let plans = both(&pushed, &local, &policy::named("ana", &["all"]), sql);
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, few_id@0)], projection=[name@1, price@3]
        FilterExec: colour@2 = red, projection=[id@0, name@1]
          CooperativeExec
            GovernedScan: left_side.main.few
        FilterExec: price@1 > 90.00
          CooperativeExec
            GovernedScan: right_side.public.many
    after
    ProjectionExec: expr=[name@1 as name, price@3 as price]
      KeyedJoinExec: Inner, id@0 = few_id@0, the keys of its first input go to the other where they are few
        FilterExec: colour@2 = red, projection=[id@0, name@1]
          CooperativeExec
            GovernedScan: left_side.main.few
        FilterExec: price@1 > 90.00
          CooperativeExec
            GovernedScan: right_side.public.many
    join runs here: its inputs are at different sources
    left_side: SELECT `id`, `name`, `colour` FROM `main`.`few` WHERE `colour` COLLATE BINARY = ?1 ORDER BY rowid
    right_side: SELECT "few_id", "price" FROM "public"."many" WHERE "price" > CAST($1 AS numeric)
    "#);
}

#[test]
fn a_grouping_is_begun_below_a_join_of_two_sources() {
    let sql = "SELECT f.name, count(*) AS n, sum(m.price) AS s FROM left_side.few f JOIN right_side.many m ON m.few_id = f.id GROUP BY f.name";
    let Some((pushed, local)) = block_on(across::engines(Store::Sqlite, Store::Postgres)) else {
        return;
    };
    let plans = both(&pushed, &local, &policy::named("ana", &["all"]), sql);
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[name@0 as name, count(Int64(1))@1 as n, sum(m.price)@2 as s]
      AggregateExec: mode=Single, gby=[name@0 as name], aggr=[count(Int64(1)), sum(m.price)]
        CooperativeExec
          HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, few_id@0)], projection=[name@1, price@3]
            CooperativeExec
              GovernedScan: left_side.main.few
            CooperativeExec
              GovernedScan: right_side.public.many
    after
    ProjectionExec: expr=[name@0 as name, CASE WHEN sum(count(Int64(1)))@1 IS NULL THEN 0 ELSE sum(count(Int64(1)))@1 END as n, CAST(sum(sum(m.price))@2 AS Decimal128(25, 2)) as s]
      AggregateExec: mode=Single, gby=[name@1 as name], aggr=[sum(count(Int64(1))), sum(sum(m.price))]
        KeyedJoinExec: Inner, id@0 = few_id@0, the keys of its second input go to the other where they are few
          CooperativeExec
            GovernedScan: left_side.main.few
          CooperativeExec
            GovernedScan: right_side.public.many
    join runs here: its inputs are at different sources
    left_side: SELECT `id`, `name` FROM `main`.`few` ORDER BY rowid
    right_side: SELECT t1."few_id", CAST(COUNT(*) AS bigint) AS "c2", CAST(SUM(t1."price") AS numeric(25,2)) AS "c3" FROM "public"."many" AS t1 GROUP BY t1."few_id" ORDER BY t1."few_id"
    "#);
}

#[test]
fn each_source_gets_its_own_join() {
    let sql = "SELECT f.name, d.weight, m.price FROM left_side.few f JOIN left_side.middle d ON d.id = f.id JOIN right_side.many m ON m.few_id = f.id WHERE d.weight < 20";
    let Some((pushed, local)) = block_on(across::engines(Store::Sqlite, Store::Postgres)) else {
        return;
    };
    let plans = both(&pushed, &local, &policy::named("ana", &["all"]), sql);
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, few_id@0)], projection=[name@1, weight@2, price@4]
        CooperativeExec
          HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, id@0)], projection=[id@0, name@1, weight@3]
            CooperativeExec
              GovernedScan: left_side.main.few
            FilterExec: weight@1 < 20
              CooperativeExec
                GovernedScan: left_side.main.middle
        CooperativeExec
          GovernedScan: right_side.public.many
    after
    ProjectionExec: expr=[name@1 as name, weight@2 as weight, price@4 as price]
      KeyedJoinExec: Inner, id@0 = few_id@0, the keys of its first input go to the other where they are few
        CooperativeExec
          GovernedScan: left_side.main.few, left_side.main.middle
        CooperativeExec
          GovernedScan: right_side.public.many
    join runs here: its inputs are at different sources
    left_side: SELECT t1.`id`, t1.`name`, t2.`weight` FROM `main`.`few` AS t1 INNER JOIN `main`.`middle` AS t2 ON t1.`id` = t2.`id` WHERE t2.`weight` < ?1 ORDER BY t1.`id`, t1.`name` COLLATE BINARY, t2.`weight`
    right_side: SELECT "few_id", "price" FROM "public"."many"
    "#);
}

/// A caller's rows and masks: innermost, and what is joined and grouped works on the mask.
#[test]
fn the_policy_goes_down_as_the_innermost_level() {
    let Some(bench) = benches().into_iter().find(|bench| bench.store == Store::Postgres) else {
        return;
    };
    let sql = "SELECT p.badge, count(*) AS n FROM people p JOIN orders o ON o.person_id = p.id \
               WHERE p.email LIKE '***@corp%' AND o.amount > 100 GROUP BY p.badge";
    let (pushed, local) = (bench.engine(World::A, true), bench.engine(World::A, false));
    let plans = both(pushed, local, &policy::analyst(), sql);
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[badge@0 as badge, count(Int64(1))@1 as n]
      AggregateExec: mode=Single, gby=[badge@0 as badge], aggr=[count(Int64(1))]
        CooperativeExec
          HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(id@0, person_id@0)], projection=[badge@1]
            FilterExec: email@1 LIKE ***@corp%, projection=[id@0, badge@2]
              CooperativeExec
                GovernedScan: shop.public.people
            FilterExec: amount@1 > 100.00, projection=[person_id@0]
              CooperativeExec
                GovernedScan: shop.public.orders
    after
    GovernedScan: shop.public.people, shop.public.orders
    shop: SELECT CAST(t1."badge" AS text) AS "c1", CAST(COUNT(*) AS bigint) AS "c2" FROM (SELECT "id", CASE WHEN "email" IS NULL THEN NULL WHEN strpos("email" COLLATE "C", '@') > 0 THEN '***@' || substr("email", strpos("email" COLLATE "C", '@') + 1) ELSE '***' END AS "email", CASE WHEN "badge" IS NULL THEN NULL ELSE CAST('[redacted]' AS text) END AS "badge" FROM "public"."people" WHERE ("region" IN (CAST($1 AS text), CAST($2 AS text), CAST($3 AS text)) AND "hidden" = CAST($4 AS boolean))) AS t1 INNER JOIN (SELECT "person_id", "amount" FROM "public"."orders" WHERE ("region" IN (CAST($5 AS text), CAST($6 AS text), CAST($7 AS text)) AND "status" <> CAST($8 AS text))) AS t2 ON t1."id" = t2."person_id" WHERE t1."email" LIKE CAST($9 AS text) AND t2."amount" > CAST($10 AS numeric) GROUP BY t1."badge" ORDER BY t1."badge"
    "#);
}
