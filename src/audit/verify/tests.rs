use super::*;
use crate::audit::log::tests::{intent, raw, store};
use crate::audit::{AuditLog, Durability};
use crate::error::Code;
use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;

async fn five_records() -> (TempDir, String) {
    let (dir, store, log) = store().await;
    for _ in 0..5 {
        log.refuse(&intent(), Code::Syntax).await.expect("durable");
    }
    (dir, store)
}

async fn tamper(dir: &TempDir, statements: &str) {
    let drop_triggers = "DROP TRIGGER audit_record_follows; DROP TRIGGER audit_record_moves_head;
        DROP TRIGGER audit_record_not_updated; DROP TRIGGER audit_record_not_deleted;
        DROP TRIGGER audit_head_moves_forward;";
    let mut connection = raw(dir).await;
    for sql in [drop_triggers, statements] {
        let sql = AssertSqlSafe(sql.to_string());
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("tampered");
    }
}

#[tokio::test]
async fn every_kind_of_tampering_is_named() {
    let copy = "INSERT INTO audit_record SELECT 6, at, kind, id, body, prev_hash, hash
                FROM audit_record WHERE seq = 5";
    let swap = "UPDATE audit_record SET seq = 99 WHERE seq = 2;
                UPDATE audit_record SET seq = 2 WHERE seq = 3;
                UPDATE audit_record SET seq = 3 WHERE seq = 99";
    let cut = "DELETE FROM audit_record WHERE seq >= 4";
    let cases: [(&str, VerifyFailure); 10] = [
        ("UPDATE audit_record SET body = '{}' WHERE seq = 3", VerifyFailure::Altered { seq: 3 }),
        ("UPDATE audit_record SET at = at + 1 WHERE seq = 1", VerifyFailure::Altered { seq: 1 }),
        ("UPDATE audit_record SET id = 'x' WHERE seq = 5", VerifyFailure::Altered { seq: 5 }),
        ("UPDATE audit_record SET kind = 'open' WHERE seq = 2", VerifyFailure::Altered { seq: 2 }),
        (
            "UPDATE audit_record SET hash = zeroblob(32) WHERE seq = 2",
            VerifyFailure::Altered { seq: 2 },
        ),
        ("DELETE FROM audit_record WHERE seq = 3", VerifyFailure::Removed { seq: 3 }),
        (cut, VerifyFailure::Removed { seq: 4 }),
        ("DELETE FROM audit_record", VerifyFailure::Removed { seq: 1 }),
        (swap, VerifyFailure::Altered { seq: 2 }),
        (copy, VerifyFailure::Inserted { seq: 6 }),
    ];
    for (sql, failure) in cases {
        let (dir, store) = five_records().await;
        assert_eq!(verify(&store, None).await.expect("whole").records, 5);
        tamper(&dir, sql).await;
        assert_eq!(verify(&store, None).await, Err(failure), "{sql}");
    }
}

#[tokio::test]
async fn a_record_with_a_hash_of_its_own_does_not_fit_the_chain() {
    for seq in [3_i64, 5] {
        let (dir, store) = five_records().await;
        tamper(&dir, "").await;
        let mut connection = raw(&dir).await;
        let sql = "SELECT at, id, prev_hash FROM audit_record WHERE seq = ?";
        let row = sqlx::query(sql).bind(seq).fetch_one(&mut connection).await.expect("a row");
        let (at, id, previous): (i64, String, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
        let forged = Covered { previous: &previous, seq, at, kind: "refused", id: &id, body: "{}" };
        let hash = forged.hash(None).to_vec();
        let sql = "UPDATE audit_record SET body = '{}', hash = ? WHERE seq = ?";
        let update = sqlx::query(sql).bind(hash).bind(seq).execute(&mut connection);
        update.await.expect("forged");
        let found = verify(&store, None).await;
        let expected = match seq {
            3 => VerifyFailure::OutOfChain { seq: 4 },
            _ => VerifyFailure::Altered { seq: 5 },
        };
        assert_eq!(found, Err(expected));
    }
}

#[tokio::test]
async fn a_keyed_chain_needs_its_key() {
    let dir = TempDir::new().expect("a directory");
    let store = format!("sqlite:{}/audit.db", dir.path().display());
    let key = ChainKey::new(*b"0123456789abcdef").expect("long enough");
    let log = AuditLog::connect(&store, Durability::Process, Some(key.clone())).await;
    log.expect("a log").refuse(&intent(), Code::Syntax).await.expect("durable");
    assert_eq!(verify(&store, Some(&key)).await.expect("whole").records, 1);
    assert_eq!(verify(&store, None).await, Err(VerifyFailure::Altered { seq: 1 }));
}

#[tokio::test]
async fn the_triggers_refuse_what_is_not_an_append() {
    let (dir, store) = five_records().await;
    let mut connection = raw(&dir).await;
    for sql in [
        "UPDATE audit_record SET body = '{}' WHERE seq = 1",
        "DELETE FROM audit_record WHERE seq = 5",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET count = 4",
        "INSERT OR REPLACE INTO audit_record SELECT * FROM audit_record WHERE seq = 2",
        "INSERT INTO audit_record SELECT 6, at, kind, id, body, prev_hash, hash
         FROM audit_record WHERE seq = 5",
    ] {
        assert!(sqlx::query(sql).execute(&mut connection).await.is_err(), "{sql}");
    }
    assert_eq!(verify(&store, None).await.expect("whole").records, 5);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unreadable() {
    let failure = verify("sqlite:/nonexistent/audit.db", None).await;
    assert!(matches!(failure, Err(VerifyFailure::Unreadable(_))));
}
