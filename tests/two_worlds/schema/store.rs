//! Storing a generated schema, and the engines over it.

use super::policy::rules;
use super::table::{Column, Part, Table};
use super::worlds::Filled;
use crate::support::lab::{cluster, parts, remote, scratch};
use crate::support::load::{self, Store};
use crate::support::policy;
use celosia::query::{Engine, Parts};
use celosia_connector_testkit::data::Row;
use celosia_connector_testkit::script::{Spelling, literal};
use std::sync::Arc;

/// Rows of one INSERT.
const BATCH: usize = 100;

/// Engines over both worlds, each with and without pushdown, and what they stand on as a text.
pub async fn engines(
    seed: u64,
    store: Store,
    tables: &[Table],
    filled: &[Filled],
) -> Option<([[Arc<Engine>; 2]; 2], String)> {
    let policies: Vec<_> = filled.iter().map(|filled| &filled.policy).collect();
    let (roles, masks) = rules(tables, &policies);
    let rules = policy::rules_of(&roles, &masks);
    let mut worlds = Vec::new();
    let mut description = format!("{roles}{masks}");
    for world in [0, 1] {
        let mut sources = Vec::new();
        for (source, store) in [("shop", store), ("desk", Store::Sqlite)] {
            let script = script(source, store, tables, filled, world);
            if world == 0 {
                let made =
                    script.split(store.separator()).filter(|part| part.starts_with("CREATE"));
                description.extend(made.map(|part| format!("{source}: {part}\n")));
            }
            let url = place(&format!("schema-{seed}-{source}-{world}"), store, script).await?;
            sources.push((source.to_string(), remote(store, &url)));
        }
        let mut engines = Vec::new();
        for pushdown in [true, false] {
            let parts = Parts { pushdown, rules: rules.clone(), ..parts(sources.clone()).await };
            let errors = rules.check(parts.catalog.snapshot().tables(), &[]);
            assert!(errors.is_empty(), "CELOSIA_SEED={seed}: {errors:?}\n{description}");
            engines.push(Arc::new(Engine::new(parts).expect("an engine")));
        }
        worlds.push(<[Arc<Engine>; 2]>::try_from(engines).expect("two"));
    }
    Some((<[[Arc<Engine>; 2]; 2]>::try_from(worlds).expect("two"), description))
}

async fn place(name: &str, store: Store, script: String) -> Option<String> {
    Some(match store {
        Store::Sqlite => {
            let file = scratch().join(format!("{name}.db"));
            load::sqlite(&file, script).await;
            file.display().to_string()
        }
        Store::Postgres => load::postgres(cluster()?, &script),
        Store::SqlServer => load::sqlserver(cluster()?, &script).await,
        Store::Oracle => load::oracle(cluster()?, &script).await,
    })
}

fn script(source: &str, store: Store, tables: &[Table], filled: &[Filled], world: usize) -> String {
    let mut statements = Vec::new();
    for (table, filled) in tables.iter().zip(filled).filter(|(table, _)| table.source == source) {
        let name = store.quote(&table.name);
        statements.push(format!("CREATE TABLE {name} ({})", declarations(table, tables)));
        for rows in filled.rows[world].chunks(BATCH) {
            let rows: Vec<String> = rows.iter().map(|row| tuple(store, table, row)).collect();
            statements.push(format!("INSERT INTO {name} VALUES {}", rows.join(",\n")));
        }
        if let Some(at) = table.indexed {
            let column = store.quote(&table.columns[at].name);
            let index = store.quote(&format!("index of {}", table.name));
            statements.push(format!("CREATE INDEX {index} ON {name} ({column})"));
        }
    }
    statements.extend(match store {
        Store::Sqlite | Store::Postgres => Some("ANALYZE".to_string()),
        Store::Oracle => Some("BEGIN DBMS_STATS.GATHER_SCHEMA_STATS(USER); END;".to_string()),
        Store::SqlServer => None,
    });
    statements.iter().map(|statement| format!("{statement}{}", store.separator())).collect()
}

fn declarations(table: &Table, tables: &[Table]) -> String {
    let store = table.store;
    let declaration = |column: &Column| {
        let rest = match column.part {
            Part::Key => " NOT NULL PRIMARY KEY".to_string(),
            Part::Unique => " NOT NULL UNIQUE".to_string(),
            Part::Reference(parent) => {
                let parent = &tables[parent];
                let (table, key) =
                    (store.quote(&parent.name), store.quote(&parent.columns[0].name));
                format!(" REFERENCES {table} ({key})")
            }
            Part::Plain if column.nullable => String::new(),
            Part::Plain => " NOT NULL".to_string(),
        };
        format!("{} {}{rest}", store.quote(&column.name), column.declared.spelled)
    };
    table.columns.iter().map(declaration).collect::<Vec<_>>().join(", ")
}

fn tuple(store: Store, table: &Table, row: &Row) -> String {
    let spelling = match store {
        Store::Sqlite => Spelling::Sqlite,
        Store::Postgres => Spelling::Postgres,
        Store::SqlServer => Spelling::SqlServer,
        Store::Oracle => Spelling::Oracle { booleans: true },
    };
    let cells = table.columns.iter().zip(row);
    let cells = cells.map(|(column, cell)| literal(spelling, cell, column.declared.kind()));
    format!("({})", cells.collect::<Vec<_>>().join(", "))
}
