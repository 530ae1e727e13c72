//! Joins of one source.

use super::shown;

#[test]
fn an_inner_join() {
    let sql = "SELECT f.id, d.name FROM facts f JOIN dimensions d ON f.dimension = d.id WHERE d.colour = 'red'";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(dimension@1, id@0)], projection=[id@0, name@3]
        CooperativeExec
          GovernedScan: shop.public.facts
        FilterExec: colour@2 = red, projection=[id@0, name@1]
          CooperativeExec
            GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id", t2."name" FROM "public"."facts" AS t1 INNER JOIN "public"."dimensions" AS t2 ON t1."dimension" = t2."id" WHERE t2."colour" = CAST($1 AS text) ORDER BY t1."id", t2."name"
    "#);
}

#[test]
fn a_left_join() {
    let sql = "SELECT f.id, d.name FROM facts f LEFT JOIN dimensions d ON f.dimension = d.id AND d.colour = 'red'";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[id@0 as id, name@3 as name]
      ConcatenateExec
        CooperativeExec
          HashJoinExec: mode=CollectLeft, join_type=Left, on=[(dimension@1, id@0)]
            CooperativeExec
              GovernedScan: shop.public.facts
            FilterExec: colour@2 = red, projection=[id@0, name@1]
              CooperativeExec
                GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id", t3."name" FROM "public"."facts" AS t1 LEFT JOIN (SELECT t2."id" AS "id", t2."name" AS "name" FROM "public"."dimensions" AS t2 WHERE t2."colour" = CAST($1 AS text)) AS t3 ON t1."dimension" = t3."id" ORDER BY t1."id", t3."name"
    "#);
}

#[test]
fn a_right_join() {
    let sql = "SELECT f.id, d.name FROM facts f RIGHT JOIN dimensions d ON f.dimension = d.id";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=Right, on=[(dimension@1, id@0)], projection=[id@0, name@3]
        CooperativeExec
          GovernedScan: shop.public.facts
        CooperativeExec
          GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id", t2."name" FROM "public"."dimensions" AS t2 LEFT JOIN "public"."facts" AS t1 ON t1."dimension" = t2."id" ORDER BY t1."id", t2."name"
    "#);
}

#[test]
fn a_full_join() {
    let sql = "SELECT f.id, d.name FROM facts f FULL JOIN dimensions d ON f.dimension = d.id";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=Full, on=[(dimension@1, id@0)], projection=[id@0, name@3]
        CooperativeExec
          GovernedScan: shop.public.facts
        CooperativeExec
          GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id", t2."name" FROM "public"."facts" AS t1 FULL JOIN "public"."dimensions" AS t2 ON t1."dimension" = t2."id" ORDER BY t1."id", t2."name"
    "#);
}

#[test]
fn a_semi_join() {
    let sql = "SELECT id FROM facts f WHERE EXISTS (SELECT 1 FROM dimensions d WHERE d.id = f.dimension AND d.parent < f.quantity)";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=LeftSemi, on=[(dimension@1, id@0)], filter=parent@1 < quantity@0, projection=[id@0]
        CooperativeExec
          GovernedScan: shop.public.facts
        CooperativeExec
          GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id" FROM "public"."facts" AS t1 WHERE EXISTS (SELECT 1 FROM "public"."dimensions" AS t2 WHERE t1."dimension" = t2."id" AND t2."parent" < t1."quantity") ORDER BY t1."id"
    "#);
    let sql =
        "SELECT id FROM facts WHERE dimension IN (SELECT id FROM dimensions WHERE colour = 'red')";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=LeftSemi, on=[(dimension@1, id@0)], projection=[id@0]
        CooperativeExec
          GovernedScan: shop.public.facts
        FilterExec: colour@1 = red, projection=[id@0]
          CooperativeExec
            GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id" FROM "public"."facts" AS t1 WHERE EXISTS (SELECT 1 FROM "public"."dimensions" AS t2 WHERE t2."colour" = CAST($1 AS text) AND t1."dimension" = t2."id") ORDER BY t1."id"
    "#);
}

#[test]
fn an_anti_join() {
    let sql = "SELECT id FROM facts f WHERE NOT EXISTS (SELECT 1 FROM dimensions d WHERE d.id = f.dimension)";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=LeftAnti, on=[(dimension@1, id@0)], projection=[id@0]
        CooperativeExec
          GovernedScan: shop.public.facts
        CooperativeExec
          GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id" FROM "public"."facts" AS t1 WHERE NOT EXISTS (SELECT 1 FROM "public"."dimensions" AS t2 WHERE t1."dimension" = t2."id") ORDER BY t1."id"
    "#);
    let sql = "SELECT id FROM facts WHERE dimension NOT IN (SELECT parent FROM dimensions)";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    CooperativeExec
      HashJoinExec: mode=CollectLeft, join_type=LeftAnti, on=[(dimension@1, parent@0)], projection=[id@0], null_aware
        CooperativeExec
          GovernedScan: shop.public.facts
        CooperativeExec
          GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id" FROM "public"."facts" AS t1 WHERE t1."dimension" NOT IN (SELECT t2."parent" FROM "public"."dimensions" AS t2) ORDER BY t1."id"
    "#);
}

#[test]
fn a_mark_join() {
    let sql = "SELECT id FROM facts f WHERE quantity = 1 OR EXISTS (SELECT 1 FROM dimensions d WHERE d.id = f.dimension)";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    FilterExec: quantity@1 = 1 OR mark@2, projection=[id@0]
      CooperativeExec
        HashJoinExec: mode=CollectLeft, join_type=LeftMark, on=[(dimension@1, id@0)], projection=[id@0, quantity@2, mark@3]
          CooperativeExec
            GovernedScan: shop.public.facts
          CooperativeExec
            GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT t1."id" FROM "public"."facts" AS t1 WHERE (t1."quantity" = CAST($1 AS bigint) OR EXISTS (SELECT 1 FROM "public"."dimensions" AS t2 WHERE t1."dimension" = t2."id")) ORDER BY t1."id"
    "#);
}

/// Counted, a product stays at its source.
#[test]
fn a_product_that_is_counted() {
    let sql = "SELECT count(*) AS n FROM facts f CROSS JOIN dimensions d";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[count(Int64(1))@0 as n]
      AggregateExec: mode=Single, gby=[], aggr=[count(Int64(1))]
        CooperativeExec
          CrossJoinExec
            CooperativeExec
              GovernedScan: shop.public.facts
            CooperativeExec
              GovernedScan: shop.public.dimensions
    after
    GovernedScan: shop.public.facts, shop.public.dimensions
    shop: SELECT CAST(COUNT(*) AS bigint) AS "c1" FROM "public"."facts" AS t1 CROSS JOIN "public"."dimensions" AS t2
    "#);
}

/// For a node of the engine, every row would be fetched once for every row of the other table.
#[test]
fn a_product_that_would_be_fetched() {
    let sql = "SELECT initcap(f.colour) AS c, count(*) AS n FROM facts f CROSS JOIN (SELECT id FROM dimensions WHERE colour = 'red') d GROUP BY 1";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[initcap(f.colour)@0 as c, count(Int64(1))@1 as n]
      AggregateExec: mode=Single, gby=[initcap(colour@0) as initcap(f.colour)], aggr=[count(Int64(1))]
        CooperativeExec
          CrossJoinExec
            CooperativeExec
              GovernedScan: shop.public.facts
            FilterExec: colour@0 = red, projection=[]
              CooperativeExec
                GovernedScan: shop.public.dimensions
    after
    ProjectionExec: expr=[initcap(f.colour)@0 as c, count(Int64(1))@1 as n]
      AggregateExec: mode=Single, gby=[initcap(colour@0) as initcap(f.colour)], aggr=[count(Int64(1))]
        CooperativeExec
          CrossJoinExec
            CooperativeExec
              GovernedScan: shop.public.facts
            FilterExec: colour@0 = red, projection=[]
              CooperativeExec
                GovernedScan: shop.public.dimensions
    aggregate runs here: initcap is not on the list of postgres
    join runs here: every row of one side is joined with every row of the other
    shop: SELECT "colour" FROM "public"."facts"
    shop: SELECT "colour" FROM "public"."dimensions" WHERE "colour" = CAST($1 AS text)
    "#);
}

/// A side of one row makes no more rows.
#[test]
fn a_product_with_one_row() {
    let sql = "SELECT initcap(f.colour) AS c, m.n FROM facts f CROSS JOIN (SELECT count(*) AS n FROM dimensions) m";
    let Some(plans) = shown(sql) else { return };
    insta::assert_snapshot!(plans, @r#"
    before
    ProjectionExec: expr=[initcap(colour@0) as c, n@1 as n]
      CooperativeExec
        CrossJoinExec
          CooperativeExec
            GovernedScan: shop.public.facts
          ProjectionExec: expr=[count(Int64(1))@0 as n]
            AggregateExec: mode=Single, gby=[], aggr=[count(Int64(1))]
              CooperativeExec
                GovernedScan: shop.public.dimensions
    after
    ProjectionExec: expr=[initcap(colour@0) as c, n@1 as n]
      GovernedScan: shop.public.facts, shop.public.dimensions
    projection runs here: initcap is not on the list of postgres
    shop: SELECT t1."colour", CAST(t3."c1" AS bigint) AS "c2" FROM "public"."facts" AS t1 CROSS JOIN (SELECT COUNT(*) AS "c1" FROM "public"."dimensions" AS t2) AS t3 ORDER BY t1."colour", t3."c1"
    "#);
}
