//! One relational tree in the SQL of each dialect. The trees are made by hand, so that they are the same for
//! all; whether the SQL means what the tree means is held by the statements and cases.

use arrow_schema::DataType;
use celosia_connector_api::{
    AggregateCall, ColumnDescription, Comparison, Dialect, Expression, FunctionKind, JoinKind,
    Mask, Node, OperandClass, OrderKey, OutputColumn, Predicate, RemoteQuery, TableDescription,
    TableRead, Value, WindowCall, statement,
};
use celosia_connector_oracle::OracleDialect;
use celosia_connector_postgres::PostgresDialect;
use celosia_connector_sqlite::SqliteDialect;
use celosia_connector_sqlserver::SqlServerDialect;
use std::sync::Arc;

/// A tree in every dialect, a line for each; `-` where it cannot be spelled.
fn spelled(tree: impl Fn(&Build<'_>) -> RemoteQuery) -> String {
    let oracle = OracleDialect::default();
    let dialects: [&dyn Dialect; 4] =
        [&PostgresDialect, &SqlServerDialect, &oracle, &SqliteDialect];
    let lines = dialects.map(|dialect| {
        let sql = statement::render(dialect, &tree(&Build { dialect }));
        format!("{}: {}", dialect.name(), sql.map_or("-".to_string(), |rendered| rendered.sql))
    });
    lines.join("\n")
}

/// Parts of trees, with the rules of one dialect.
struct Build<'a> {
    dialect: &'a dyn Dialect,
}

const ID: usize = 0;
const REF: usize = 1;
const WORD: usize = 2;
const PRICE: usize = 3;

impl Build<'_> {
    /// `name(id, ref, word, price)` as its database declares it.
    fn table(&self, name: &str) -> Arc<TableDescription> {
        let (whole, text, decimal) = match self.dialect.name() {
            "oracle" => ("NUMBER(18)", "VARCHAR2(50 CHAR)", "NUMBER(15,2)"),
            "sqlserver" => ("bigint", "nvarchar(50)", "decimal(15,2)"),
            "sqlite" => ("BIGINT", "TEXT", "DECIMAL(15,2)"),
            _ => ("bigint", "text", "numeric(15,2)"),
        };
        let column = |name: &str, native_type: &str, data_type, class| ColumnDescription {
            name: name.into(),
            native_type: native_type.into(),
            collation: (class == OperandClass::Text && self.dialect.name() == "sqlserver")
                .then(|| "Latin1_General_CI_AS".to_string()),
            data_type,
            nullable: true,
            comment: None,
            class,
            read_as_text: false,
        };
        Arc::new(TableDescription {
            schema: "s".into(),
            name: name.into(),
            columns: vec![
                column("id", whole, DataType::Int64, OperandClass::Integer),
                column("ref", whole, DataType::Int64, OperandClass::Integer),
                column("word", text, DataType::Utf8, OperandClass::Text),
                column("price", decimal, DataType::Decimal128(15, 2), OperandClass::Decimal),
            ],
            ..TableDescription::default()
        })
    }

    /// All of a table.
    fn scan(&self, name: &str) -> RemoteQuery {
        RemoteQuery::Scan(self.read(name))
    }

    fn read(&self, name: &str) -> TableRead {
        TableRead {
            table: self.table(name),
            row_filter: None,
            output: (ID..=PRICE).map(OutputColumn::open).collect(),
            predicate: None,
            order: Vec::new(),
            limit: None,
        }
    }

    /// The open rows of a table, with a mask.
    fn governed(&self, name: &str) -> RemoteQuery {
        let mut read = self.read(name);
        read.row_filter = Some(Predicate::Compare {
            column: REF,
            operator: Comparison::Equal,
            value: Value::Integer(7),
        });
        read.output[WORD].mask = Some(Mask::Redact);
        RemoteQuery::Scan(read)
    }

    fn filter(&self, input: RemoteQuery, predicate: Expression) -> RemoteQuery {
        RemoteQuery::Filter { input: Box::new(input), predicate }
    }

    /// Joined by the left `ref` and the right `id`.
    fn join(&self, kind: JoinKind, left: RemoteQuery, right: RemoteQuery) -> RemoteQuery {
        let on = Some(equal(whole(REF), whole(4 + ID)));
        RemoteQuery::Join { left: Box::new(left), right: Box::new(right), kind, on, per_row: false }
    }

    fn aggregate(
        &self,
        name: &str,
        argument: Option<Expression>,
        data_type: DataType,
    ) -> AggregateCall {
        let rule = self.rule(name, FunctionKind::Aggregate, argument.as_ref());
        AggregateCall { rule, arguments: argument.into_iter().collect(), filter: None, data_type }
    }

    fn rule(
        &self,
        name: &str,
        kind: FunctionKind,
        argument: Option<&Expression>,
    ) -> &'static celosia_connector_api::FunctionRule {
        let takes = |rule: &&celosia_connector_api::FunctionRule| match (rule.arguments, argument) {
            ([], None) => true,
            ([celosia_connector_api::Argument::Of(classes)], Some(argument)) => {
                classes.contains(argument.class)
            }
            _ => false,
        };
        let rules = self.dialect.functions().iter();
        let mut found = rules.filter(|rule| rule.name == name && rule.kind == kind).filter(takes);
        found
            .next()
            .unwrap_or_else(|| panic!("{name} is not on the list of {}", self.dialect.name()))
    }
}

fn column(index: usize, data_type: DataType) -> Expression {
    Expression::new(Node::Column(index), data_type)
}

fn whole(index: usize) -> Expression {
    column(index, DataType::Int64)
}

fn word(index: usize) -> Expression {
    column(index, DataType::Utf8)
}

fn price(index: usize) -> Expression {
    column(index, DataType::Decimal128(15, 2))
}

fn compare(left: Expression, operator: Comparison, right: Expression) -> Expression {
    let (left, right) = (Box::new(left), Box::new(right));
    Expression::condition(Node::Compare { operator, left, right })
}

fn equal(left: Expression, right: Expression) -> Expression {
    compare(left, Comparison::Equal, right)
}

fn text(value: &str) -> Expression {
    Expression::literal(Value::Text(value.into()), DataType::Utf8)
}

fn number(value: i64) -> Expression {
    Expression::literal(Value::Integer(value), DataType::Int64)
}

fn ascending(expression: Expression) -> OrderKey {
    OrderKey { expression, descending: false, nulls_first: false }
}

fn descending(expression: Expression) -> OrderKey {
    OrderKey { expression, descending: true, nulls_first: true }
}

fn project(input: RemoteQuery, columns: Vec<Expression>) -> RemoteQuery {
    RemoteQuery::Project { input: Box::new(input), columns }
}

#[test]
fn a_condition_is_beside_its_table_where_there_is_no_policy() {
    insta::assert_snapshot!(
        spelled(|b| project(b.filter(b.scan("a"), equal(word(WORD), text("x"))), vec![whole(ID)])),
        @r#"
        postgres: SELECT t1."id" FROM "s"."a" AS t1 WHERE t1."word" = CAST($1 AS text)
        sqlserver: SELECT t1.[id] FROM [s].[a] AS t1 WHERE (t1.[word] = @P1 AND t1.[word] COLLATE Latin1_General_BIN2 = @P1 AND DATALENGTH(t1.[word]) = DATALENGTH(@P1))
        oracle: SELECT t1."id" FROM "s"."a" t1 WHERE t1."word" = :1
        sqlite: SELECT t1.`id` FROM `s`.`a` AS t1 WHERE t1.`word` COLLATE BINARY = ?1
        "#
    );
}

#[test]
fn the_policy_is_a_level_of_its_own() {
    insta::assert_snapshot!(
        spelled(|b| project(
            b.filter(b.governed("a"), compare(whole(ID), Comparison::Greater, number(5))),
            vec![whole(ID), word(WORD)],
        )),
        @r#"
        postgres: SELECT t1."id", CAST(t1."word" AS text) AS "c2" FROM (SELECT "id", "ref", CASE WHEN "word" IS NULL THEN NULL ELSE CAST('[redacted]' AS text) END AS "word", "price" FROM "s"."a" WHERE "ref" = CAST($1 AS bigint)) AS t1 WHERE t1."id" > CAST($2 AS bigint)
        sqlserver: SELECT t1.[id], t1.[word] FROM (SELECT [id], [ref], CASE WHEN [word] IS NOT NULL THEN N'[redacted]' END AS [word], [price] FROM [s].[a] WHERE [ref] = @P1) AS t1 WHERE t1.[id] > @P2
        oracle: SELECT t1."id", t1."word" FROM (SELECT "id", "ref", CASE WHEN "word" IS NULL THEN NULL ELSE CAST('[redacted]' AS VARCHAR2(10)) END AS "word", "price" FROM "s"."a" WHERE "ref" = :1) t1 WHERE t1."id" > :2
        sqlite: SELECT t1.`id`, t1.`word` FROM (SELECT `id`, `ref`, CASE WHEN `word` IS NOT NULL THEN '[redacted]' END AS `word`, `price` FROM `s`.`a` WHERE `ref` = ?1) AS t1 WHERE t1.`id` > ?2
        "#
    );
}

#[test]
fn an_inner_join_folds_the_conditions_of_its_sides() {
    insta::assert_snapshot!(
        spelled(|b| project(
            b.filter(
                b.join(
                    JoinKind::Inner,
                    b.scan("a"),
                    b.filter(b.scan("b"), compare(whole(REF), Comparison::Less, number(9))),
                ),
                compare(whole(ID), Comparison::GreaterOrEqual, number(1)),
            ),
            vec![whole(ID), whole(4 + ID)],
        )),
        @r#"
        postgres: SELECT t1."id", t2."id" AS "c2" FROM "s"."a" AS t1 INNER JOIN "s"."b" AS t2 ON t1."ref" = t2."id" WHERE t2."ref" < CAST($1 AS bigint) AND t1."id" >= CAST($2 AS bigint) ORDER BY t1."id", t2."id"
        sqlserver: SELECT t1.[id], t2.[id] AS [c2] FROM [s].[a] AS t1 INNER JOIN [s].[b] AS t2 ON t1.[ref] = t2.[id] WHERE t2.[ref] < @P1 AND t1.[id] >= @P2 ORDER BY t1.[id], t2.[id]
        oracle: SELECT t1."id", t2."id" AS "c2" FROM "s"."a" t1 INNER JOIN "s"."b" t2 ON t1."ref" = t2."id" WHERE t2."ref" < :1 AND t1."id" >= :2 ORDER BY t1."id", t2."id"
        sqlite: SELECT t1.`id`, t2.`id` AS `c2` FROM `s`.`a` AS t1 INNER JOIN `s`.`b` AS t2 ON t1.`ref` = t2.`id` WHERE t2.`ref` < ?1 AND t1.`id` >= ?2 ORDER BY t1.`id`, t2.`id`
        "#
    );
}

#[test]
fn a_left_join_keeps_the_conditions_of_its_right_side_below() {
    insta::assert_snapshot!(
        spelled(|b| project(
            b.join(
                JoinKind::Left,
                b.scan("a"),
                b.filter(b.scan("b"), compare(whole(REF), Comparison::Less, number(9))),
            ),
            vec![whole(ID), whole(4 + REF)],
        )),
        @r#"
        postgres: SELECT t1."id", t3."ref" FROM "s"."a" AS t1 LEFT JOIN (SELECT t2."id" AS "id", t2."ref" AS "ref", t2."word" AS "word", t2."price" AS "price" FROM "s"."b" AS t2 WHERE t2."ref" < CAST($1 AS bigint)) AS t3 ON t1."ref" = t3."id" ORDER BY t1."id", t3."ref"
        sqlserver: SELECT t1.[id], t3.[ref] FROM [s].[a] AS t1 LEFT JOIN (SELECT t2.[id] AS [id], t2.[ref] AS [ref], t2.[word] AS [word], t2.[price] AS [price] FROM [s].[b] AS t2 WHERE t2.[ref] < @P1) AS t3 ON t1.[ref] = t3.[id] ORDER BY t1.[id], t3.[ref]
        oracle: SELECT t1."id", t3."ref" FROM "s"."a" t1 LEFT JOIN (SELECT t2."id" AS "id", t2."ref" AS "ref", t2."word" AS "word", t2."price" AS "price" FROM "s"."b" t2 WHERE t2."ref" < :1) t3 ON t1."ref" = t3."id" ORDER BY t1."id", t3."ref"
        sqlite: SELECT t1.`id`, t3.`ref` FROM `s`.`a` AS t1 LEFT JOIN (SELECT t2.`id` AS `id`, t2.`ref` AS `ref`, t2.`word` AS `word`, t2.`price` AS `price` FROM `s`.`b` AS t2 WHERE t2.`ref` < ?1) AS t3 ON t1.`ref` = t3.`id` ORDER BY t1.`id`, t3.`ref`
        "#
    );
}

#[test]
fn a_full_join_is_spelled_where_there_is_one() {
    insta::assert_snapshot!(
        spelled(|b| project(
            b.join(JoinKind::Full, b.scan("a"), b.scan("b")),
            vec![whole(ID), whole(4 + ID)],
        )),
        @r#"
        postgres: SELECT t1."id", t2."id" AS "c2" FROM "s"."a" AS t1 FULL JOIN "s"."b" AS t2 ON t1."ref" = t2."id" ORDER BY t1."id", t2."id"
        sqlserver: SELECT t1.[id], t2.[id] AS [c2] FROM [s].[a] AS t1 FULL JOIN [s].[b] AS t2 ON t1.[ref] = t2.[id] ORDER BY t1.[id], t2.[id]
        oracle: SELECT t1."id", t2."id" AS "c2" FROM "s"."a" t1 FULL JOIN "s"."b" t2 ON t1."ref" = t2."id" ORDER BY t1."id", t2."id"
        sqlite: -
        "#
    );
}

#[test]
fn joined_rows_are_ordered_last_by_what_may_only_be_aggregated() {
    insta::assert_snapshot!(
        spelled(|b| {
            let mut guarded = b.read("a");
            guarded.output[ID].aggregated = true;
            project(
                b.join(JoinKind::Inner, RemoteQuery::Scan(guarded), b.scan("b")),
                vec![whole(ID), whole(4 + ID)],
            )
        }),
        @r#"
        postgres: SELECT t1."id", t2."id" AS "c2" FROM "s"."a" AS t1 INNER JOIN "s"."b" AS t2 ON t1."ref" = t2."id" ORDER BY t2."id", t1."id"
        sqlserver: SELECT t1.[id], t2.[id] AS [c2] FROM [s].[a] AS t1 INNER JOIN [s].[b] AS t2 ON t1.[ref] = t2.[id] ORDER BY t2.[id], t1.[id]
        oracle: SELECT t1."id", t2."id" AS "c2" FROM "s"."a" t1 INNER JOIN "s"."b" t2 ON t1."ref" = t2."id" ORDER BY t2."id", t1."id"
        sqlite: SELECT t1.`id`, t2.`id` AS `c2` FROM `s`.`a` AS t1 INNER JOIN `s`.`b` AS t2 ON t1.`ref` = t2.`id` ORDER BY t2.`id`, t1.`id`
        "#
    );
}

#[test]
fn semi_joins_are_exists() {
    insta::assert_snapshot!(
        spelled(|b| project(b.join(JoinKind::Semi, b.scan("a"), b.scan("b")), vec![whole(ID)])),
        @r#"
        postgres: SELECT t1."id" FROM "s"."a" AS t1 WHERE EXISTS (SELECT 1 FROM "s"."b" AS t2 WHERE t1."ref" = t2."id") ORDER BY t1."id"
        sqlserver: SELECT t1.[id] FROM [s].[a] AS t1 WHERE EXISTS (SELECT 1 FROM [s].[b] AS t2 WHERE t1.[ref] = t2.[id]) ORDER BY t1.[id]
        oracle: SELECT t1."id" FROM "s"."a" t1 WHERE EXISTS (SELECT 1 FROM "s"."b" t2 WHERE t1."ref" = t2."id") ORDER BY t1."id"
        sqlite: SELECT t1.`id` FROM `s`.`a` AS t1 WHERE t1.`ref` IN (SELECT t2.`id` FROM `s`.`b` AS t2 WHERE t2.`id` IS NOT NULL) ORDER BY t1.`id`
        "#
    );
}

#[test]
fn anti_joins_are_not_exists() {
    insta::assert_snapshot!(
        spelled(|b| project(b.join(JoinKind::Anti, b.scan("a"), b.scan("b")), vec![whole(ID)])),
        @r#"
        postgres: SELECT t1."id" FROM "s"."a" AS t1 WHERE NOT EXISTS (SELECT 1 FROM "s"."b" AS t2 WHERE t1."ref" = t2."id") ORDER BY t1."id"
        sqlserver: SELECT t1.[id] FROM [s].[a] AS t1 WHERE NOT EXISTS (SELECT 1 FROM [s].[b] AS t2 WHERE t1.[ref] = t2.[id]) ORDER BY t1.[id]
        oracle: SELECT t1."id" FROM "s"."a" t1 WHERE NOT EXISTS (SELECT 1 FROM "s"."b" t2 WHERE t1."ref" = t2."id") ORDER BY t1."id"
        sqlite: SELECT t1.`id` FROM `s`.`a` AS t1 WHERE (t1.`ref` IN (SELECT t2.`id` FROM `s`.`b` AS t2 WHERE t2.`id` IS NOT NULL)) IS NOT TRUE ORDER BY t1.`id`
        "#
    );
}

#[test]
fn a_null_among_the_values_leaves_no_row_of_not_in() {
    insta::assert_snapshot!(
        spelled(|b| project(b.join(JoinKind::NotIn, b.scan("a"), b.scan("b")), vec![whole(ID)])),
        @r#"
        postgres: SELECT t1."id" FROM "s"."a" AS t1 WHERE t1."ref" NOT IN (SELECT t2."id" FROM "s"."b" AS t2) ORDER BY t1."id"
        sqlserver: SELECT t1.[id] FROM [s].[a] AS t1 WHERE t1.[ref] NOT IN (SELECT t2.[id] FROM [s].[b] AS t2) ORDER BY t1.[id]
        oracle: SELECT t1."id" FROM "s"."a" t1 WHERE t1."ref" NOT IN (SELECT t2."id" FROM "s"."b" t2) ORDER BY t1."id"
        sqlite: SELECT t1.`id` FROM `s`.`a` AS t1 WHERE t1.`ref` NOT IN (SELECT t2.`id` FROM `s`.`b` AS t2) ORDER BY t1.`id`
        "#
    );
}

#[test]
fn a_mark_is_a_column() {
    insta::assert_snapshot!(
        spelled(|b| {
            let marked = b.join(JoinKind::Mark, b.scan("a"), b.scan("b"));
            let either = Node::Or(vec![
                equal(whole(ID), number(1)),
                column(4, DataType::Boolean),
            ]);
            project(b.filter(marked, Expression::condition(either)), vec![whole(ID)])
        }),
        @r#"
        postgres: SELECT t1."id" FROM "s"."a" AS t1 WHERE (t1."id" = CAST($1 AS bigint) OR EXISTS (SELECT 1 FROM "s"."b" AS t2 WHERE t1."ref" = t2."id")) ORDER BY t1."id"
        sqlserver: SELECT t1.[id] FROM [s].[a] AS t1 WHERE (t1.[id] = @P1 OR EXISTS (SELECT 1 FROM [s].[b] AS t2 WHERE t1.[ref] = t2.[id])) ORDER BY t1.[id]
        oracle: SELECT t1."id" FROM "s"."a" t1 WHERE (t1."id" = :1 OR EXISTS (SELECT 1 FROM "s"."b" t2 WHERE t1."ref" = t2."id")) ORDER BY t1."id"
        sqlite: SELECT t1.`id` FROM `s`.`a` AS t1 WHERE (t1.`id` = ?1 OR (t1.`ref` IN (SELECT t2.`id` FROM `s`.`b` AS t2 WHERE t2.`id` IS NOT NULL)) IS TRUE) ORDER BY t1.`id`
        "#
    );
}

#[test]
fn groups_are_bytes_whatever_the_collation() {
    insta::assert_snapshot!(
        spelled(|b| {
            let sum = b.aggregate("sum", Some(price(PRICE)), DataType::Decimal128(25, 2));
            let count = AggregateCall {
                filter: Some(compare(whole(ID), Comparison::Greater, number(3))),
                ..b.aggregate("count", None, DataType::Int64)
            };
            let different = b.aggregate("count distinct", Some(whole(REF)), DataType::Int64);
            let grouped = RemoteQuery::Aggregate {
                input: Box::new(b.scan("a")),
                groups: vec![word(WORD)],
                sets: Vec::new(),
                aggregates: vec![sum, count, different],
            };
            b.filter(grouped, compare(whole(2), Comparison::Greater, number(1)))
        }),
        @r#"
        postgres: SELECT t1."word", CAST(SUM(t1."price") AS numeric(25,2)) AS "c2", CAST(COUNT(CASE WHEN t1."id" > CAST($1 AS bigint) THEN 1 END) AS bigint) AS "c3", CAST(COUNT(DISTINCT t1."ref") AS bigint) AS "c4" FROM "s"."a" AS t1 GROUP BY t1."word" HAVING COUNT(CASE WHEN t1."id" > CAST($1 AS bigint) THEN 1 END) > CAST($2 AS bigint) ORDER BY t1."word"
        sqlserver: SELECT t1.[word] COLLATE Latin1_General_BIN2 AS [c1], CAST(SUM(t1.[price]) AS decimal(25,2)) AS [c2], CAST(COUNT_BIG(CASE WHEN t1.[id] > @P1 THEN 1 END) AS bigint) AS [c3], CAST(COUNT_BIG(DISTINCT t1.[ref]) AS bigint) AS [c4] FROM [s].[a] AS t1 GROUP BY t1.[word] COLLATE Latin1_General_BIN2, DATALENGTH(t1.[word]) HAVING COUNT_BIG(CASE WHEN t1.[id] > @P1 THEN 1 END) > @P2 ORDER BY t1.[word] COLLATE Latin1_General_BIN2, DATALENGTH(t1.[word])
        oracle: SELECT t1."word", CAST(SUM(t1."price") AS NUMBER(25,2)) AS "c2", CAST(COUNT(CASE WHEN t1."id" > :1 THEN 1 END) AS NUMBER(19)) AS "c3", CAST(COUNT(DISTINCT t1."ref") AS NUMBER(19)) AS "c4" FROM "s"."a" t1 GROUP BY t1."word" HAVING COUNT(CASE WHEN t1."id" > :2 THEN 1 END) > :3 ORDER BY t1."word"
        sqlite: SELECT t1.`word` COLLATE BINARY AS `c1`, (SUM(CAST(round(t1.`price` * 100.0) AS INTEGER) / 1000000000) || 'e9 ' || SUM(CASE WHEN typeof(t1.`price`) IN ('integer', 'real') AND abs(t1.`price`) < 10000000000000 AND round(t1.`price` * 100.0) / 100.0 = t1.`price` THEN CAST(round(t1.`price` * 100.0) AS INTEGER) % 1000000000 WHEN t1.`price` IS NOT NULL THEN 'unfit' END) || 'e-2') AS `c2`, COUNT(CASE WHEN t1.`id` > ?1 THEN 1 END) AS `c3`, COUNT(DISTINCT t1.`ref`) AS `c4` FROM `s`.`a` AS t1 GROUP BY t1.`word` COLLATE BINARY HAVING COUNT(CASE WHEN t1.`id` > ?1 THEN 1 END) > ?2 ORDER BY t1.`word` COLLATE BINARY
        "#
    );
}

#[test]
fn equal_rows_are_one_group() {
    insta::assert_snapshot!(
        spelled(|b| RemoteQuery::Aggregate {
            input: Box::new(b.scan("a")),
            groups: vec![whole(REF), price(PRICE)],
            sets: Vec::new(),
            aggregates: Vec::new(),
        }),
        @r#"
        postgres: SELECT t1."ref", t1."price" FROM "s"."a" AS t1 GROUP BY t1."ref", t1."price" ORDER BY t1."ref", t1."price"
        sqlserver: SELECT t1.[ref], t1.[price] FROM [s].[a] AS t1 GROUP BY t1.[ref], t1.[price] ORDER BY t1.[ref], t1.[price]
        oracle: SELECT t1."ref", t1."price" FROM "s"."a" t1 GROUP BY t1."ref", t1."price" ORDER BY t1."ref", t1."price"
        sqlite: -
        "#
    );
}

#[test]
fn a_condition_on_a_rank_is_above_its_window() {
    insta::assert_snapshot!(
        spelled(|b| {
            let rank = WindowCall {
                rule: b.rule("row_number", FunctionKind::Window, None),
                arguments: Vec::new(),
                partition: vec![whole(REF)],
                order: vec![descending(price(PRICE)), ascending(whole(ID))],
                frame: None,
                data_type: DataType::Int64,
            };
            let windowed =
                RemoteQuery::Window { input: Box::new(b.scan("a")), functions: vec![rank] };
            let first = b.filter(windowed, compare(whole(4), Comparison::LessOrEqual, number(2)));
            project(first, vec![whole(ID), whole(4)])
        }),
        @r#"
        postgres: SELECT t2."id", CAST(t2."c5" AS bigint) AS "c2" FROM (SELECT t1."id" AS "id", t1."ref" AS "ref", t1."word" AS "word", t1."price" AS "price", ROW_NUMBER() OVER (PARTITION BY t1."ref" ORDER BY t1."price" DESC NULLS FIRST, t1."id" ASC NULLS LAST) AS "c5" FROM "s"."a" AS t1) AS t2 WHERE t2."c5" <= CAST($1 AS bigint)
        sqlserver: SELECT t2.[id], CAST(t2.[c5] AS bigint) AS [c2] FROM (SELECT t1.[id] AS [id], t1.[ref] AS [ref], t1.[word] AS [word], t1.[price] AS [price], ROW_NUMBER() OVER (PARTITION BY t1.[ref] ORDER BY CASE WHEN t1.[price] IS NULL THEN 0 ELSE 1 END ASC, t1.[price] DESC, CASE WHEN t1.[id] IS NULL THEN 1 ELSE 0 END ASC, t1.[id] ASC) AS [c5] FROM [s].[a] AS t1) AS t2 WHERE t2.[c5] <= @P1
        oracle: SELECT t2."id", CAST(t2."c5" AS NUMBER(19)) AS "c2" FROM (SELECT t1."id" AS "id", t1."ref" AS "ref", t1."word" AS "word", t1."price" AS "price", ROW_NUMBER() OVER (PARTITION BY t1."ref" ORDER BY t1."price" DESC NULLS FIRST, t1."id" ASC NULLS LAST) AS "c5" FROM "s"."a" t1) t2 WHERE t2."c5" <= :1
        sqlite: -
        "#
    );
}

#[test]
fn a_condition_on_the_first_rows_is_above_them() {
    insta::assert_snapshot!(
        spelled(|b| {
            let sorted = RemoteQuery::Sort {
                input: Box::new(b.scan("a")),
                keys: vec![descending(price(PRICE)), ascending(whole(ID))],
            };
            let first = RemoteQuery::Limit { input: Box::new(sorted), skip: 2, fetch: Some(5) };
            project(b.filter(first, compare(whole(REF), Comparison::Less, number(4))), vec![whole(ID)])
        }),
        @r#"
        postgres: SELECT t2."id" FROM (SELECT t1."id" AS "id", t1."ref" AS "ref", t1."word" AS "word", t1."price" AS "price" FROM "s"."a" AS t1 ORDER BY t1."price" DESC NULLS FIRST, t1."id" ASC NULLS LAST LIMIT 5 OFFSET 2) AS t2 WHERE t2."ref" < CAST($1 AS bigint)
        sqlserver: SELECT t2.[id] FROM (SELECT t1.[id] AS [id], t1.[ref] AS [ref], t1.[word] AS [word], t1.[price] AS [price] FROM [s].[a] AS t1 ORDER BY CASE WHEN t1.[price] IS NULL THEN 0 ELSE 1 END ASC, t1.[price] DESC, CASE WHEN t1.[id] IS NULL THEN 1 ELSE 0 END ASC, t1.[id] ASC OFFSET 2 ROWS FETCH NEXT 5 ROWS ONLY) AS t2 WHERE t2.[ref] < @P1
        oracle: SELECT t2."id" FROM (SELECT t1."id" AS "id", t1."ref" AS "ref", t1."word" AS "word", t1."price" AS "price" FROM "s"."a" t1 ORDER BY t1."price" DESC NULLS FIRST, t1."id" ASC NULLS LAST OFFSET 2 ROWS FETCH NEXT 5 ROWS ONLY) t2 WHERE t2."ref" < :1
        sqlite: -
        "#
    );
}

#[test]
fn a_union_keeps_every_row() {
    insta::assert_snapshot!(
        spelled(|b| {
            let one = project(b.filter(b.scan("a"), equal(whole(REF), number(1))), vec![whole(ID), price(PRICE)]);
            let other = project(b.scan("b"), vec![whole(ID), price(PRICE)]);
            RemoteQuery::UnionAll(vec![one, other])
        }),
        @r#"
        postgres: SELECT CAST(t3."c1" AS bigint) AS "c1", CAST(t3."c2" AS numeric(15,2)) AS "c2" FROM (SELECT CAST(t1."id" AS bigint) AS "c1", CAST(t1."price" AS numeric(15,2)) AS "c2" FROM "s"."a" AS t1 WHERE t1."ref" = CAST($1 AS bigint) UNION ALL SELECT CAST(t2."id" AS bigint) AS "c1", CAST(t2."price" AS numeric(15,2)) AS "c2" FROM "s"."b" AS t2) AS t3
        sqlserver: SELECT CAST(t3.[c1] AS bigint) AS [c1], CAST(t3.[c2] AS decimal(15,2)) AS [c2] FROM (SELECT CAST(t1.[id] AS bigint) AS [c1], CAST(t1.[price] AS decimal(15,2)) AS [c2] FROM [s].[a] AS t1 WHERE t1.[ref] = @P1 UNION ALL SELECT CAST(t2.[id] AS bigint) AS [c1], CAST(t2.[price] AS decimal(15,2)) AS [c2] FROM [s].[b] AS t2) AS t3
        oracle: SELECT CAST(t3."c1" AS NUMBER(19)) AS "c1", CAST(t3."c2" AS NUMBER(15,2)) AS "c2" FROM (SELECT CAST(t1."id" AS NUMBER(19)) AS "c1", CAST(t1."price" AS NUMBER(15,2)) AS "c2" FROM "s"."a" t1 WHERE t1."ref" = :1 UNION ALL SELECT CAST(t2."id" AS NUMBER(19)) AS "c1", CAST(t2."price" AS NUMBER(15,2)) AS "c2" FROM "s"."b" t2) t3
        sqlite: SELECT t3.`c1`, t3.`c2` FROM (SELECT t1.`id` AS `c1`, t1.`price` AS `c2` FROM `s`.`a` AS t1 WHERE t1.`ref` = ?1 UNION ALL SELECT t2.`id` AS `c1`, t2.`price` AS `c2` FROM `s`.`b` AS t2) AS t3
        "#
    );
}
