//! Everything but joins: conditions, computed columns, groups, windows, orders, unions.

use super::shown;

#[test]
fn a_filter_is_its_tables_own() {
    let sql = "SELECT id FROM facts WHERE quantity = 2 AND colour LIKE 'r%'";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[id@0 as id]
      FilterExec: quantity@1 = 2 AND colour@2 LIKE r%
        GovernedScan: shop.public.facts
    after
    ProjectionExec: expr=[id@0 as id]
      FilterExec: quantity@1 = 2 AND colour@2 LIKE r%
        GovernedScan: shop.public.facts
    shop: SELECT "id", "quantity", "colour" FROM "public"."facts" WHERE ("quantity" = CAST($1 AS bigint) AND "colour" LIKE CAST($2 AS text))
    "#);
}

#[test]
fn a_projection() {
    let sql = "SELECT id, quantity * 2 + 1 AS twice, CASE WHEN price > 10 THEN 'dear' ELSE colour END AS word FROM facts";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[id@0 as id, checked_plus(checked_times(CAST(quantity@1 AS Int64), 2), 1) as twice, CASE WHEN price@2 > 10.00 THEN dear ELSE colour@3 END as word]
      GovernedScan: shop.public.facts
    after
    GovernedScan: shop.public.facts
    shop: SELECT t1."id", CAST((CAST((CAST(t1."quantity" AS bigint) * CAST(CAST($1 AS bigint) AS bigint)) AS bigint) + CAST(CAST($2 AS bigint) AS bigint)) AS bigint) AS "c2", CAST(CASE WHEN t1."price" > CAST($3 AS numeric) THEN CAST(CAST($4 AS text) AS text) ELSE t1."colour" END AS text) AS "c3" FROM "public"."facts" AS t1
    "#);
}

#[test]
fn an_aggregate() {
    let sql = "SELECT colour, count(*) AS n, count(DISTINCT quantity) AS q, sum(price) FILTER (WHERE quantity > 4) AS p FROM facts GROUP BY colour HAVING count(*) > 3";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[colour@0 as colour, count(Int64(1))@1 as n, count(DISTINCT facts.quantity)@2 as q, sum(facts.price) FILTER (WHERE facts.quantity > Int64(4))@3 as p]
      FilterExec: count(Int64(1))@1 > 3
        AggregateExec: mode=Single, gby=[colour@2 as colour], aggr=[count(Int64(1)), count(DISTINCT facts.quantity), sum(facts.price) FILTER (WHERE facts.quantity > Int32(4)) as sum(facts.price) FILTER (WHERE facts.quantity > Int64(4))]
          CooperativeExec
            GovernedScan: shop.public.facts
    after
    GovernedScan: shop.public.facts
    shop: SELECT t1."colour", CAST(COUNT(*) AS bigint) AS "c2", CAST(COUNT(DISTINCT t1."quantity") AS bigint) AS "c3", CAST(SUM(CASE WHEN t1."quantity" > CAST($1 AS bigint) THEN t1."price" END) AS numeric(25,2)) AS "c4" FROM "public"."facts" AS t1 GROUP BY t1."colour" HAVING COUNT(*) > CAST($2 AS bigint) ORDER BY t1."colour"
    "#);
}

#[test]
fn a_distinct() {
    let sql = "SELECT DISTINCT colour, quantity FROM facts";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    AggregateExec: mode=Single, gby=[colour@0 as colour, quantity@1 as quantity], aggr=[]
      ProjectionExec: expr=[colour@1 as colour, quantity@0 as quantity]
        CooperativeExec
          GovernedScan: shop.public.facts
    after
    GovernedScan: shop.public.facts
    shop: SELECT t1."colour", t1."quantity" FROM "public"."facts" AS t1 GROUP BY t1."colour", t1."quantity" ORDER BY t1."colour", t1."quantity"
    "#);
}

#[test]
fn a_window() {
    let sql = "SELECT * FROM (SELECT id, row_number() OVER (PARTITION BY colour ORDER BY price DESC, id) AS r FROM facts) x WHERE r <= 2";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[id@0 as id, row_number() PARTITION BY [facts.colour] ORDER BY [facts.price DESC NULLS FIRST, facts.id ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW@1 as r]
      FilterExec: row_number() PARTITION BY [facts.colour] ORDER BY [facts.price DESC NULLS FIRST, facts.id ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW@1 <= 2
        ProjectionExec: expr=[id@0 as id, row_number() PARTITION BY [facts.colour] ORDER BY [facts.price DESC NULLS FIRST, facts.id ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW@3 as row_number() PARTITION BY [facts.colour] ORDER BY [facts.price DESC NULLS FIRST, facts.id ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW]
          CooperativeExec
            BoundedWindowAggExec: wdw=[row_number() PARTITION BY [facts.colour] ORDER BY [facts.price DESC NULLS FIRST, facts.id ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW: Field { "row_number() PARTITION BY [facts.colour] ORDER BY [facts.price DESC NULLS FIRST, facts.id ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW": UInt64 }, frame: RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW], mode=[Sorted]
              SortExec: expr=[colour@2 ASC NULLS LAST, price@1 DESC, id@0 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  GovernedScan: shop.public.facts
    after
    GovernedScan: shop.public.facts
    shop: SELECT t2."id", CAST(t2."c2" AS bigint) AS "c2" FROM (SELECT t1."id" AS "id", ROW_NUMBER() OVER (PARTITION BY t1."colour" ORDER BY t1."price" DESC NULLS FIRST, t1."id" ASC NULLS LAST) AS "c2" FROM "public"."facts" AS t1) AS t2 WHERE t2."c2" <= CAST($1 AS bigint)
    "#);
}

#[test]
fn a_sort_and_a_limit() {
    let sql = "SELECT d.name, f.price FROM facts f JOIN dimensions d ON f.dimension = d.id ORDER BY f.price DESC, f.id LIMIT 7 OFFSET 5";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[name@0 as name, price@1 as price]
      GlobalLimitExec: skip=5, fetch=7
        SortExec: TopK(fetch=12), expr=[price@1 DESC, id@2 ASC NULLS LAST], preserve_partitioning=[false]
          CooperativeExec
            HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(dimension@1, id@0)], projection=[name@4, price@2, id@0]
              CooperativeExec
                GovernedScan: shop.public.facts
              CooperativeExec
                GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t2."name", t1."price" FROM "public"."facts" AS t1 INNER JOIN "public"."dimensions" AS t2 ON t1."dimension" = t2."id" ORDER BY t1."price" DESC NULLS FIRST, t1."id" ASC NULLS LAST, t2."name" LIMIT 7 OFFSET 5
    "#);
}

#[test]
fn a_union() {
    let sql = "SELECT colour, count(*) AS n FROM (SELECT colour FROM facts UNION ALL SELECT colour FROM dimensions) u GROUP BY colour";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[colour@0 as colour, count(Int64(1))@1 as n]
      AggregateExec: mode=Single, gby=[colour@0 as colour], aggr=[count(Int64(1))]
        ConcatenateExec
          CooperativeExec
            GovernedScan: shop.public.facts
          CooperativeExec
            GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT CAST(t3."c1" AS text) AS "c1", CAST(COUNT(*) AS bigint) AS "c2" FROM (SELECT CAST(t1."colour" AS text) AS "c1" FROM "public"."facts" AS t1 UNION ALL SELECT CAST(t2."colour" AS text) AS "c1" FROM "public"."dimensions" AS t2) AS t3 GROUP BY t3."c1" ORDER BY t3."c1"
    "#);
}

#[test]
fn a_part_of_a_condition() {
    let sql = "SELECT f.id FROM facts f JOIN dimensions d ON f.dimension = d.id WHERE f.quantity > 2 AND 100 / (f.id - d.id) > 2";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(dimension@1, id@0)], filter=100 / checked_minus(id@0, CAST(id@1 AS Int64)) > 2, projection=[id@0]
        FilterExec: quantity@2 > 2 AND 100 / checked_minus(id@0, CAST(dimension@1 AS Int64)) > 2, projection=[id@0, dimension@1]
          CooperativeExec
            GovernedScan: shop.public.facts
        CooperativeExec
          GovernedScan: shop.public.dimensions
    after
    ProjectionExec: expr=[id@0 as id]
      KeyedJoinExec: Inner, dimension@1 = id@0, filter=100 / checked_minus(id@0, CAST(id@1 AS Int64)) > 2, the keys of its first input go to the other where they are few
        FilterExec: quantity@2 > 2 AND 100 / checked_minus(id@0, CAST(dimension@1 AS Int64)) > 2, projection=[id@0, dimension@1]
          CooperativeExec
            GovernedScan: shop.public.facts
        CooperativeExec
          GovernedScan: shop.public.dimensions
    filter runs here: whole numbers that may overflow
    shop: SELECT "id", "dimension", "quantity" FROM "public"."facts" WHERE "quantity" > CAST($1 AS bigint)
    shop: SELECT "id" FROM "public"."dimensions"
    "#);
}

#[test]
fn several_groupings_at_once_are_one_statement() {
    let sql = "SELECT d.colour, f.colour AS other, count(*) AS n FROM facts f JOIN dimensions d ON f.dimension = d.id GROUP BY ROLLUP (d.colour, f.colour)";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[colour@0 as colour, colour@1 as other, count(Int64(1))@3 as n]
      AggregateExec: mode=Final, gby=[colour@0 as colour, colour@1 as colour, __grouping_id@2 as __grouping_id], aggr=[count(Int64(1))]
        CooperativeExec
          AggregateExec: mode=Partial, gby=[(NULL as colour, NULL as colour), (colour@1 as colour, NULL as colour), (colour@1 as colour, colour@0 as colour)], aggr=[count(Int64(1))]
            CooperativeExec
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(dimension@0, id@0)], projection=[colour@1, colour@3]
                CooperativeExec
                  GovernedScan: shop.public.facts
                CooperativeExec
                  GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t2."colour", t1."colour" AS "c2", CAST(COUNT(*) AS bigint) AS "c3" FROM "public"."facts" AS t1 INNER JOIN "public"."dimensions" AS t2 ON t1."dimension" = t2."id" GROUP BY GROUPING SETS ((t2."colour", t1."colour"), (t2."colour"), ()) ORDER BY t2."colour", t1."colour", GROUPING(t2."colour", t1."colour")
    "#);
}

#[test]
fn an_aggregate_that_no_source_is_sent_stays_above_its_join() {
    let sql = "SELECT d.colour, stddev(f.quantity) AS s FROM facts f JOIN dimensions d ON f.dimension = d.id GROUP BY d.colour";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
        before
        ProjectionExec: expr=[colour@0 as colour, stddev(f.quantity)@1 as s]
          AggregateExec: mode=Single, gby=[colour@1 as colour], aggr=[stddev(f.quantity)]
            CooperativeExec
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(dimension@0, id@0)], projection=[quantity@1, colour@3]
                CooperativeExec
                  GovernedScan: shop.public.facts
                CooperativeExec
                  GovernedScan: shop.public.dimensions
        after
        ProjectionExec: expr=[colour@0 as colour, stddev(f.quantity)@1 as s]
          AggregateExec: mode=Single, gby=[colour@1 as colour], aggr=[stddev(f.quantity)]
            CooperativeExec
              GovernedScan: shop.public.facts, shop.public.dimensions
        aggregate runs here: stddev is not on the list of postgres
        shop: SELECT t1."quantity", t2."colour" FROM "public"."facts" AS t1 INNER JOIN "public"."dimensions" AS t2 ON t1."dimension" = t2."id" ORDER BY t1."quantity", t2."colour"
        "#);
}

/// A correlated subquery is a join by then; how it is spelled is not held here.
#[test]
fn a_correlated_scalar_subquery_is_one_statement() {
    for sql in [
        "SELECT id FROM facts f WHERE price > (SELECT max(price) FROM facts g WHERE g.colour = f.colour AND g.id < 50)",
        "SELECT id FROM dimensions d WHERE (SELECT count(*) FROM facts f WHERE f.dimension = d.id) > 6",
        "SELECT id FROM facts WHERE price = (SELECT max(price) FROM facts)",
    ] {
        let Some(plans) = shown(sql) else { return };
        let (before, after) = plans.split_once("\nafter\n").expect("two plans");
        assert!(
            before.contains("HashJoinExec") || before.contains("NestedLoopJoinExec"),
            "{plans}"
        );
        assert!(
            after.starts_with("GovernedScan") || after.starts_with("CooperativeExec"),
            "{plans}"
        );
        assert_eq!(after.matches("GovernedScan").count(), 1, "{plans}");
        assert_eq!(after.matches("\nshop: ").count(), 1, "{plans}");
    }
}

/// What can be an error for a group that another condition leaves out stays here; the rest goes down.
#[test]
fn a_part_of_a_condition_on_groups() {
    let sql = "SELECT * FROM (SELECT dimension, count(*) AS n FROM facts GROUP BY dimension) x WHERE n > 6 AND 100 / (n - 3) > 1";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[dimension@0 as dimension, count(Int64(1))@1 as n]
      FilterExec: count(Int64(1))@1 > 6 AND 100 / checked_minus(count(Int64(1))@1, 3) > 1
        AggregateExec: mode=Single, gby=[dimension@0 as dimension], aggr=[count(Int64(1))]
          CooperativeExec
            GovernedScan: shop.public.facts
    after
    ProjectionExec: expr=[dimension@0 as dimension, count(Int64(1))@1 as n]
      FilterExec: 100 / checked_minus(count(Int64(1))@1, 3) > 1
        GovernedScan: shop.public.facts
    filter runs here: whole numbers that may overflow
    shop: SELECT t1."dimension", CAST(COUNT(*) AS bigint) AS "c2" FROM "public"."facts" AS t1 GROUP BY t1."dimension" HAVING COUNT(*) > CAST($1 AS bigint) ORDER BY t1."dimension"
    "#);
}
