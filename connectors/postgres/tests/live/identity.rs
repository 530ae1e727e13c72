//! Statements under the identity of who asks: row-level security answers for that caller and no other.

use crate::support::{Source, both_ways, connector, context, source, statement, texts, until};
use arrow_schema::DataType;
use celosia_connector_api::{
    Caller, Connector, ErrorCode, ExecutionContext, Identified, IdentityMap, RenderedQuery, Value,
};
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::Duration;

/// Each row is for a database role and for a user; the roles and the login are not its owner.
const TABLE: &str = "
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rls_login') THEN
        CREATE ROLE rls_eu NOLOGIN; CREATE ROLE rls_us NOLOGIN; CREATE ROLE rls_stranger NOLOGIN;
        CREATE ROLE rls_login LOGIN NOINHERIT IN ROLE rls_eu, rls_us;
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$;
    CREATE TABLE notes (id int, role text, who text, note text);
    INSERT INTO notes SELECT i, CASE i % 2 WHEN 0 THEN 'rls_eu' ELSE 'rls_us' END,
      CASE i % 3 WHEN 0 THEN 'ana' WHEN 1 THEN 'bo' ELSE 'o''neil; --' END, 'note' FROM generate_series(1, 600) i;
    GRANT SELECT ON notes TO rls_eu, rls_us, rls_login;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON notes USING (role = current_user AND who = current_setting('celosia.user', true))";

const ROWS: &str = "SELECT role, who, current_user::text FROM public.notes";
const PEOPLE: [(&str, &str); 5] =
    [("ana", "eu"), ("bo", "us"), ("o'neil; --", "eu"), ("sam", "eu"), ("ana", "us")];
const MINE: &str = "SELECT current_user::text, coalesce(current_setting('celosia.user', true), '')";

fn map() -> IdentityMap {
    let roles = [("eu", "rls_eu"), ("us", "rls_us"), ("odd", "rls_stranger"), ("none", "none")];
    let roles = roles.map(|(from, to)| (from.to_string(), to.to_string())).into();
    IdentityMap { users: [("sam".to_string(), "rls_us".to_string())].into(), roles }
}

fn asked(user: &str, roles: &[&str]) -> ExecutionContext {
    let roles = roles.iter().map(ToString::to_string).collect();
    let caller = Caller { user: user.into(), issuer: None, roles };
    ExecutionContext { caller: Some(Arc::new(caller)), ..context("rls") }
}

fn as_reader(source: &Source, places: usize) -> Arc<dyn Connector> {
    Arc::new(connector(&source.cluster.url(&source.database, "rls_login"), places))
}

async fn rows(
    connector: &dyn Connector,
    query: &RenderedQuery,
    context: &ExecutionContext,
) -> Result<Vec<Vec<String>>, ErrorCode> {
    let stream = connector.open(query, context).await.map_err(|error| error.code)?;
    let batches: Vec<_> = stream.try_collect().await.map_err(|error| error.code)?;
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(texts).collect();
        let batch_rows = (0..batch.num_rows()).map(|row| {
            columns.iter().map(|column| column[row].unwrap_or_default().to_string()).collect()
        });
        rows.extend(batch_rows);
    }
    Ok(rows)
}

fn texts_of(sql: &str, columns: usize) -> RenderedQuery {
    statement(sql, &vec![DataType::Utf8; columns])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_at_once_see_their_own_rows_only() {
    let Some(source) = source(TABLE) else { return };
    let plain = as_reader(&source, 3);
    let named = Arc::new(Identified::new(plain.clone(), map()));
    let work = PEOPLE.iter().enumerate().cycle().take(15).map(|(at, (user, role))| {
        let (named, plain) = (named.clone(), plain.clone());
        tokio::spawn(async move {
            let wanted = match *user {
                "sam" => "rls_us".to_string(),
                _ => format!("rls_{role}"),
            };
            let mut bound = texts_of(&format!("{ROWS} WHERE id > $1::int8"), 3);
            bound.parameters = vec![Value::Integer(0)];
            bound.rows_hint = Some(1);
            for turn in 0..40 {
                let context = asked(user, &[role]);
                let [copied, prepared] = both_ways(&texts_of(ROWS, 3));
                let query = [&copied, &prepared, &bound][(turn + at) % 3];
                // Some are given up in the middle.
                if turn % 7 == 3 {
                    let slow = texts_of("SELECT role, who, pg_sleep(5)::text FROM public.notes", 3);
                    let opening = named.open(&slow, &context);
                    let _ = tokio::time::timeout(Duration::from_millis(15), opening).await;
                    continue;
                }
                for row in rows(&*named, query, &context).await.unwrap() {
                    assert_eq!(row, [wanted.as_str(), user, wanted.as_str()]);
                }
                // What is nobody's finds nothing of theirs on the session that they had.
                let [_, left] = both_ways(&texts_of(MINE, 2));
                let left = rows(&*plain, &left, &crate::support::context("plain")).await.unwrap();
                assert_eq!(left, [["rls_login", ""]]);
            }
        })
    });
    for done in futures::future::join_all(work).await {
        done.unwrap();
    }
    let ana = rows(&*named, &texts_of(ROWS, 3), &asked("ana", &["eu"])).await.unwrap();
    assert_eq!(ana.len(), 100, "and they see all of their own");
    assert_eq!(rows(&*named, &texts_of(ROWS, 3), &asked("sam", &["eu"])).await.unwrap().len(), 0);
}

#[tokio::test]
async fn whom_the_list_or_the_database_does_not_know_is_refused() {
    let Some(source) = source(TABLE) else { return };
    let plain = as_reader(&source, 1);
    let named = Identified::new(plain.clone(), map());
    let [copied, prepared] = both_ways(&texts_of(ROWS, 3));
    for query in [&copied, &prepared] {
        for context in [
            asked("ana", &[]),
            asked("ana", &["eu", "us"]),
            asked("ana", &["rls_eu"]),
            asked("ana", &["odd"]),
            asked("ana", &["none"]),
            asked(&"a".repeat(65), &["eu"]),
            context("nobody"),
        ] {
            assert!(rows(&named, query, &context).await.is_err(), "{context:?}");
            let mine = rows(&*plain, &texts_of(MINE, 2), &crate::support::context("plain")).await;
            assert_eq!(mine, Ok(vec![vec!["rls_login".to_string(), String::new()]]));
        }
        assert_eq!(rows(&named, query, &asked("ana", &["eu"])).await.unwrap().len(), 100);
    }
}

#[tokio::test]
async fn the_servers_session_view_names_who_asks() {
    let Some(source) = source(TABLE) else { return };
    let named = Arc::new(Identified::new(as_reader(&source, 1), map()));
    let running = tokio::spawn(async move {
        let slow = texts_of("SELECT pg_sleep(20)::text", 1);
        let context = asked("ana", &["eu"]);
        let _ = rows(&*named, &slow, &context).await;
    });
    let view = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'celosia rls ana' \
         AND state = 'active' AND datname = '{}'",
        source.database
    );
    until(&source, &view, "1").await;
    running.abort();
    until(&source, &view, "0").await;
}
