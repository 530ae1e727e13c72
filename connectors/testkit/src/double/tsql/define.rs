//! Statements that define something: run, and taken into the registry and the catalog.

use super::Shared;
use super::errors::{of, unsupported};
use super::native::{DEFAULT_COLLATION, Native};
use super::registry::Facts;
use super::translate::infer::Typed;
use super::translate::table::{NewTable, schema_and_name};
use super::translate::{Translated, constant, expression, name, query};
use crate::double::engine::EngineError;
use crate::double::postgres::{Answer, Client, Column};
use sqlparser::ast::ObjectName;

/// Makes a table.
pub(super) async fn table(
    client: &mut Client,
    shared: &Shared,
    new: NewTable,
) -> Result<(), EngineError> {
    run(client, &new.sql).await?;
    let NewTable { schema, table, columns, identity, .. } = new;
    if let Some(trigger) = rounding(&schema, &table, &columns) {
        run(client, &trigger).await?;
    }
    known(client, shared, &schema, &table, columns, identity.as_deref()).await
}

/// Takes down that a table is not stored in the order of its primary key.
pub(super) async fn heap(client: &mut Client, mut table: ObjectName) -> Result<(), EngineError> {
    query::qualify(&mut table, &[]);
    let relation = constant(&expression::quoted_name(&table));
    run(client, &format!("INSERT INTO tsql.heaps VALUES ({relation}::regclass)")).await
}

/// A trigger that gives stored values what PostgreSQL's types do not: ticks and whole minutes, and the
/// length of bytes.
fn rounding(schema: &str, table: &str, columns: &[Facts]) -> Option<String> {
    let assigned: Vec<String> = columns
        .iter()
        .filter_map(|facts| {
            let column = format!("NEW.{}", name(&facts.name));
            Some(match facts.native.name {
                "datetime" => format!("{column} := tsql.to_datetime({column});"),
                "smalldatetime" => format!("{column} := tsql.to_smalldatetime({column});"),
                "binary" => {
                    format!("{column} := tsql.sized({column}, {}, true);", facts.native.length)
                }
                _ => return None,
            })
        })
        .collect();
    let function = format!("tsql.{}", name(&format!("store {schema}.{table}")));
    let target = format!("{}.{}", name(schema), name(table));
    (!assigned.is_empty()).then(|| {
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $store$ \
             BEGIN {} RETURN NEW; END $store$; CREATE TRIGGER stored BEFORE INSERT OR UPDATE ON {target} \
             FOR EACH ROW EXECUTE FUNCTION {function}()",
            assigned.join(" ")
        )
    })
}

/// Makes a view of a translated query; the columns are those of its result.
pub(super) async fn view(
    client: &mut Client,
    shared: &Shared,
    relation: &ObjectName,
    columns: &[String],
    translated: Translated,
    replaces: bool,
) -> Result<(), EngineError> {
    let body = translated.sql;
    let target = expression::quoted_name(relation);
    let list = if columns.is_empty() {
        String::new()
    } else {
        let columns: Vec<String> = columns.iter().map(|column| name(column)).collect();
        format!(" ({})", columns.join(", "))
    };
    let create = if replaces { "CREATE OR REPLACE VIEW" } else { "CREATE VIEW" };
    run(client, &format!("{create} {target}{list} AS {body}")).await?;
    // What a view's column comes from is told by its query, without the view.
    let described =
        describe(client, &format!("SELECT * FROM ({body}) AS described LIMIT 0")).await?;
    let mut facts: Vec<Facts> = described.iter().map(|column| facts_of(shared, column)).collect();
    for (facts, typed) in facts.iter_mut().zip(translated.types) {
        let Some(Typed { native, collation }) = typed else { continue };
        let collation = collation.or(facts.collation.take());
        facts.collation = collation.filter(|_| native.is_collated());
        facts.native = native;
    }
    for (facts, column) in facts.iter_mut().zip(columns) {
        facts.name.clone_from(column);
    }
    let (schema, table) = schema_and_name(relation);
    known(client, shared, &schema, &table, facts, None).await
}

/// What is known of a column of a result.
pub(super) fn facts_of(shared: &Shared, column: &Column) -> Facts {
    let origin = shared.registry.column(column.table, column.attribute);
    if let Some(origin) = origin {
        return Facts { name: column.name.clone(), ..origin };
    }
    let native = Native::of(&shared.carriers, column.type_oid, column.modifier);
    let collation = native.is_collated().then(|| DEFAULT_COLLATION.to_string());
    Facts { name: column.name.clone(), native, collation, nullable: true }
}

/// Makes a synonym: a name in the catalog, and a view under it where its object is here.
pub(super) async fn synonym(
    client: &mut Client,
    shared: &Shared,
    mut new: ObjectName,
    target: &ObjectName,
) -> Result<(), EngineError> {
    query::qualify(&mut new, &[]);
    let (schema, synonym) = schema_and_name(&new);
    let parts = target.0.iter().filter_map(|part| part.as_ident());
    let base: Vec<String> =
        parts.map(|part| format!("[{}]", part.value.replace(']', "]]"))).collect();
    let mut local = target.clone();
    query::qualify(&mut local, &[]);
    let (target_schema, target_name) = schema_and_name(&local);
    if let Some(columns) = shared.registry.table(&target_schema, &target_name) {
        let view = format!(
            "CREATE VIEW {} AS SELECT * FROM {}",
            expression::quoted_name(&new),
            expression::quoted_name(&local)
        );
        run(client, &view).await?;
        known(client, shared, &schema, &synonym, columns, None).await?;
    }
    let values = [&schema, &synonym, &base.join(".")].map(|text| constant(text)).join(", ");
    run(client, &format!("INSERT INTO tsql.synonyms (schema, name, base) VALUES ({values})")).await
}

/// Takes a synonym away.
pub(super) async fn drop_synonym(
    client: &mut Client,
    mut synonym: ObjectName,
    checks: bool,
) -> Result<(), EngineError> {
    query::qualify(&mut synonym, &[]);
    let (schema, table) = schema_and_name(&synonym);
    let (schema, table) = (constant(&schema), constant(&table));
    let found = client
        .query(&format!(
            "DELETE FROM tsql.synonyms WHERE schema = {schema} AND name = {table} RETURNING 1"
        ))
        .await
        .map_err(|failure| of(&failure))?;
    if found.is_empty() && !checks {
        return Err(EngineError::new(
            3701,
            format!(
                "Cannot drop the synonym {table}, because it does not exist or you do not have permission."
            ),
        ));
    }
    run(client, &format!("DROP VIEW IF EXISTS {}", expression::quoted_name(&synonym))).await
}

/// `sp_addextendedproperty`: the property and its value, and what it belongs to, by level.
pub(super) async fn property(
    client: &mut Client,
    arguments: &[(String, Option<String>)],
) -> Result<(), EngineError> {
    const PLACES: [&str; 8] = [
        "@name",
        "@value",
        "@level0type",
        "@level0name",
        "@level1type",
        "@level1name",
        "@level2type",
        "@level2name",
    ];
    let argument = |wanted: &str| {
        let by_name = arguments.iter().find(|(name, _)| name == wanted);
        let place = PLACES.iter().position(|place| *place == wanted).unwrap_or_default();
        let by_place = arguments.get(place).filter(|(name, _)| name.is_empty());
        by_name.or(by_place).and_then(|(_, value)| value.clone())
    };
    let text = |value: &Option<String>| value.as_deref().map_or("NULL".into(), constant);
    let [property, value, schema, object, column] =
        ["@name", "@value", "@level0name", "@level1name", "@level2name"].map(argument);
    let sql = match (&schema, &object) {
        (None, _) => format!(
            "INSERT INTO tsql.properties VALUES (0, 0, 0, {}, {})",
            text(&property),
            text(&value)
        ),
        (Some(schema), None) => format!(
            "INSERT INTO tsql.properties SELECT 3, schema_id, 0, {}, {} FROM sys.schemas WHERE name = {}",
            text(&property),
            text(&value),
            constant(schema)
        ),
        (Some(schema), Some(object)) => format!(
            "INSERT INTO tsql.properties SELECT 1, o.object_id, coalesce(c.column_id, 0), {}, {} \
             FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id \
             LEFT JOIN sys.columns c ON c.object_id = o.object_id AND c.name = {} \
             WHERE o.name = {} AND s.name = {} AND ({} IS NULL OR c.name IS NOT NULL) RETURNING 1",
            text(&property),
            text(&value),
            text(&column),
            constant(object),
            constant(schema),
            text(&column)
        ),
    };
    let found = client.query(&sql).await.map_err(|failure| of(&failure))?;
    if object.is_some() && found.is_empty() {
        return Err(EngineError::new(
            15135,
            "Object is invalid: extended properties are not permitted, or it does not exist.",
        ));
    }
    Ok(())
}

/// GRANT, DENY or REVOKE of a right on a table.
pub(super) async fn right(
    client: &mut Client,
    gives: bool,
    right: &str,
    object: &ObjectName,
    user: &str,
) -> Result<(), EngineError> {
    if !user.eq_ignore_ascii_case("reader") {
        return Err(unsupported(&format!("rights of {user}")));
    }
    let mut object = object.clone();
    let is_schema = object.0.len() == 1 && {
        let schema = object.0[0].as_ident().map(|ident| constant(&ident.value)).unwrap_or_default();
        let sql = format!("SELECT 1 FROM tsql.spaces WHERE nspname = {schema}");
        !client.query(&sql).await.map_err(|failure| of(&failure))?.is_empty()
    };
    let target = if is_schema {
        format!("ALL TABLES IN SCHEMA {}", expression::quoted_name(&object))
    } else {
        query::qualify(&mut object, &[]);
        expression::quoted_name(&object)
    };
    let (verb, to) = if gives { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
    run(client, &format!("{verb} {right} ON {target} {to} tsql_reader")).await
}

/// Columns of a result that has no rows.
async fn describe(client: &mut Client, sql: &str) -> Result<Vec<Column>, EngineError> {
    match client.start(sql).await.map_err(|failure| of(&failure))? {
        Answer::Columns(columns) => {
            client.rows(usize::MAX).await.map_err(|failure| of(&failure))?;
            Ok(columns)
        }
        Answer::Tag(_) => Ok(Vec::new()),
    }
}

/// Takes the columns of a table into the registry and the catalog.
async fn known(
    client: &mut Client,
    shared: &Shared,
    schema: &str,
    table: &str,
    columns: Vec<Facts>,
    identity: Option<&str>,
) -> Result<(), EngineError> {
    let relation = constant(&format!("{}.{}", name(schema), name(table)));
    let rows = client.query(&format!("SELECT {relation}::regclass::oid")).await;
    let rows = rows.map_err(|failure| of(&failure))?;
    let oid = rows.first().and_then(|row| row.first().cloned().flatten());
    let oid = oid.and_then(|oid| oid.parse().ok()).unwrap_or_default();
    let values: Vec<String> = (1..)
        .zip(&columns)
        .map(|(number, facts)| {
            let [system, user, bytes, precision, scale] = facts.native.facts();
            let collation = facts.collation.as_deref().map_or("NULL".into(), constant);
            let is_identity = identity == Some(facts.name.as_str());
            format!(
                "({oid}, {number}, {}, {system}, {user}, {bytes}, {precision}, {scale}, {collation}, \
                 {}, {is_identity}, false)",
                constant(facts.native.name),
                facts.nullable
            )
        })
        .collect();
    let forget = format!("DELETE FROM tsql.columns WHERE relation = {oid}");
    run(client, &forget).await?;
    if !values.is_empty() {
        run(client, &format!("INSERT INTO tsql.columns VALUES {}", values.join(", "))).await?;
    }
    shared.registry.add(oid, schema, table, columns);
    Ok(())
}

async fn run(client: &mut Client, sql: &str) -> Result<(), EngineError> {
    client.query(sql).await.map(drop).map_err(|failure| of(&failure))
}
