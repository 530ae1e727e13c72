//! What happens when something else fails: the audit, a source.

use crate::support::ask::ask;
use crate::support::lab::{self, sqlite};
use crate::support::load::{self, Store};
use crate::support::world::{World, desk, shop};
use crate::support::{block_on, policy};
use celosia::audit::{AuditLog, Durability, verify};
use celosia::query::Engine;
use std::path::PathBuf;

/// An own copy of world A in SQLite files that may be moved away.
async fn own_files(name: &str) -> (PathBuf, PathBuf) {
    let directory = lab::scratch().join(name);
    std::fs::create_dir_all(&directory).expect("a directory");
    let (shop_file, desk_file) = (directory.join("shop.db"), directory.join("desk.db"));
    load::sqlite(&shop_file, load::script(Store::Sqlite, &shop(World::A))).await;
    load::sqlite(&desk_file, load::script(Store::Sqlite, &desk(World::A))).await;
    (shop_file, desk_file)
}

const PEOPLE: &str = "SELECT count(*) AS n FROM people";
const TICKETS: &str = "SELECT count(*) AS n FROM tickets";
const BOTH: &str = "SELECT count(*) AS n FROM people p JOIN tickets t ON t.person_id = p.id";

#[test]
fn without_an_audit_there_is_no_answer() {
    block_on(async {
        let directory = lab::scratch().join("unwritable");
        std::fs::create_dir_all(&directory).expect("a directory");
        let file = directory.join("audit.db");
        let store = format!("sqlite:{}", file.display());
        let audit = AuditLog::connect(&store, Durability::Process, None).await.expect("an audit");
        let engine = lab::engine_with(Store::Sqlite, |parts| parts.audit = audit).await;
        let engine = engine.expect("SQLite is always here");
        let who = policy::analyst();
        assert_eq!(ask(&engine, &who, PEOPLE).await.error(), None);
        std::fs::rename(&file, directory.join("gone.db")).expect("moved");
        for sql in
            [PEOPLE, "SELECT 1 AS one", "SELECT * FROM secrets", "SELEC", "SELECT 1 / 0 AS x"]
        {
            let said = ask(&engine, &who, sql).await;
            assert_eq!(said.error(), Some("audit_unavailable"), "{sql}: {}", said.everything());
            assert!(said.rows.is_empty(), "{sql}");
        }
        let explained = crate::support::ask::tool(&engine, &who, "explain", PEOPLE).await;
        assert_eq!(explained.error(), Some("audit_unavailable"), "{}", explained.everything());
        std::fs::rename(directory.join("gone.db"), &file).expect("moved back");
        assert_eq!(ask(&engine, &who, PEOPLE).await.error(), None, "it is written again");
        let report = verify(&store, None).await.expect("the chain is whole");
        assert!(report.records >= 4, "{report:?}");
    });
}

#[test]
fn a_source_that_is_gone_is_named_and_the_others_answer() {
    block_on(async {
        let (shop_file, desk_file) = own_files("gone").await;
        let sources =
            vec![("shop".into(), sqlite(&shop_file)), ("desk".into(), sqlite(&desk_file))];
        let engine = Engine::new(lab::parts(sources).await).expect("an engine");
        let who = policy::analyst();
        let moved = shop_file.with_extension("away");
        std::fs::rename(&shop_file, &moved).expect("moved");
        for sql in [PEOPLE, BOTH] {
            let said = ask(&engine, &who, sql).await;
            assert_eq!(said.error(), Some("source"), "{sql}: {}", said.everything());
            assert!(
                said.text.contains("source \"shop\"") && said.text.contains("cannot be reached"),
                "{}",
                said.text
            );
            assert_eq!(said.head["retry"], "Later", "{}", said.head);
            assert!(
                !said.text.contains(".db") && !said.text.contains('/'),
                "a path: {}",
                said.text
            );
        }
        let said = ask(&engine, &who, TICKETS).await;
        assert_eq!(said.error(), None, "{}", said.everything());
        std::fs::rename(&moved, &shop_file).expect("moved back");
        assert_eq!(ask(&engine, &who, BOTH).await.error(), None, "it is read again");
    });
}

#[test]
fn a_source_that_was_never_there_leaves_the_others_alone() {
    block_on(async {
        let (_, desk_file) = own_files("never").await;
        let missing = lab::scratch().join("never/missing.db");
        let closed = "postgres://nobody@127.0.0.1:1/none?sslmode=disable";
        let sources = vec![
            ("shop".into(), sqlite(&missing)),
            ("far".into(), lab::postgres(closed)),
            ("desk".into(), sqlite(&desk_file)),
        ];
        let parts = lab::parts(sources).await;
        let catalog = parts.catalog.clone();
        let engine = Engine::new(parts).expect("an engine");
        let who = policy::analyst();
        assert_eq!(ask(&engine, &who, TICKETS).await.error(), None);
        let said = ask(&engine, &who, "SELECT * FROM shop.main.people").await;
        assert!(
            said.error().is_some() && said.error() != Some("internal"),
            "{}",
            said.everything()
        );
        // It comes up, and the next refresh takes it in.
        load::sqlite(&missing, load::script(Store::Sqlite, &shop(World::A))).await;
        catalog.refresh().await;
        assert_eq!(ask(&engine, &who, PEOPLE).await.error(), None);
    });
}

#[test]
fn a_table_that_has_changed_is_said() {
    block_on(async {
        let (shop_file, desk_file) = own_files("changed").await;
        let sources =
            vec![("shop".into(), sqlite(&shop_file)), ("desk".into(), sqlite(&desk_file))];
        let engine = Engine::new(lab::parts(sources).await).expect("an engine");
        load::sqlite(&shop_file, "ALTER TABLE people RENAME COLUMN score TO points;\n".into())
            .await;
        let said = ask(&engine, &policy::analyst(), "SELECT max(score) AS s FROM people").await;
        assert_eq!(said.error(), Some("source"), "{}", said.everything());
        assert!(said.text.contains("changed"), "{}", said.text);
        assert_eq!(
            ask(&engine, &policy::analyst(), "SELECT max(level) AS l FROM people").await.error(),
            None
        );
    });
}

#[test]
fn a_join_across_sources_names_what_each_was_sent() {
    for bench in lab::benches() {
        let said = block_on(ask(bench.engine(World::A, true), &policy::analyst(), BOTH));
        assert_eq!(said.error(), None, "{:?}: {}", bench.store, said.everything());
        let sources = said.sources.as_array().expect("sources");
        let of = |name: &str| {
            let found = sources.iter().find(|source| source["name"] == name);
            found.unwrap_or_else(|| panic!("{name} is not in {}", said.sources))
        };
        let (shop, desk) = (of("shop"), of("desk"));
        assert!(shop["sql"].as_str().is_some_and(|sql| sql.contains("people")), "{shop}");
        assert!(desk["sql"].as_str().is_some_and(|sql| sql.contains("tickets")), "{desk}");
        // Tickets are counted by person where they are, and only the people they name are asked for.
        assert_eq!((&shop["rows"], &desk["rows"]), (&22.into(), &37.into()), "{:?}", bench.store);
        let told = |sql: &str| sql.contains(" IN (") || sql.contains(" = ANY(");
        assert!(shop["sql"].as_str().is_some_and(told), "{shop}");
        assert_eq!(sources.len(), 2, "{}", said.sources);
    }
}
