//! What signatures, anchors and keys show that the chain alone does not.

use super::keys::{ANOTHER, ONE, signing};
use super::{Lab, answer, checkpoints, intent};
use crate::support::block_on;
use celosia::audit::{
    Anchor, AuditLog, ChainKey, Checkpoints, Proofs, Settings, SigningKey, VerifyFailure,
};
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

/// Every trigger that stands in a tamperer's way.
const UNGUARDED: &str = "DROP TRIGGER audit_record_follows; DROP TRIGGER audit_record_moves_head;
    DROP TRIGGER audit_record_not_updated; DROP TRIGGER audit_record_not_deleted;
    DROP TRIGGER audit_head_moves_forward; DROP TRIGGER audit_checkpoint_not_deleted;
    DROP TRIGGER audit_checkpoint_not_updated;";

fn proofs(key: &SigningKey) -> Proofs {
    Proofs { public_key: Some(key.public()), ..Proofs::default() }
}

/// A store of six statements with a checkpoint for every four records.
async fn signed(anchor: Option<Anchor>) -> (Lab, SigningKey) {
    let (lab, key) = (Lab::new(), signing(ONE));
    let signing = Some(key.clone());
    let checkpoints = Checkpoints { signing, anchor, ..checkpoints(4) };
    let settings = Settings { checkpoints: Some(checkpoints), ..lab.settings() };
    let log = AuditLog::start(settings).await.unwrap();
    for _ in 0..6 {
        answer(&log, intent("ana")).await;
        log.flush().await;
    }
    (lab, key)
}

#[test]
fn segments_are_signed_and_the_key_is_checked() {
    block_on(async {
        let (lab, key) = signed(None).await;
        let report = lab.verify(&proofs(&key)).await.unwrap();
        assert_eq!((report.records, report.checkpoints, report.unsigned), (12, 6, 0));
        let other = lab.verify(&proofs(&signing(ANOTHER))).await;
        assert!(matches!(other, Err(VerifyFailure::Forged { .. })), "{other:?}");
        // A store that nobody has signed is not taken for a signed one.
        let plain = Lab::new();
        answer(&*plain.log().await, intent("ana")).await;
        assert_eq!(plain.verify(&proofs(&key)).await, Err(VerifyFailure::Unsigned { seq: 1 }));
    });
}

/// Writes the whole chain anew, as whoever knows how it is made can do where it has no key.
async fn rewrite(lab: &Lab, from: &str, to: &str) {
    lab.tamper(UNGUARDED).await;
    let options = SqliteConnectOptions::new().filename(lab.path("audit.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = "SELECT seq, at, kind, id, body FROM audit_record ORDER BY seq";
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    let mut previous = vec![0; 32];
    for row in rows {
        let (seq, at): (i64, i64) = (row.get(0), row.get(1));
        let (kind, id): (String, String) = (row.get(2), row.get(3));
        let body = row.get::<String, _>(4).replace(from, to);
        let mut bytes = [&*previous, &seq.to_be_bytes(), &at.to_be_bytes()].concat();
        for text in [&kind, &id, &body] {
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        let hash = Sha256::digest(&bytes).to_vec();
        let sql = "UPDATE audit_record SET body = ?, prev_hash = ?, hash = ? WHERE seq = ?";
        let update = sqlx::query(sql).bind(body).bind(previous).bind(hash.clone()).bind(seq);
        update.execute(&mut connection).await.unwrap();
        previous = hash;
    }
    let update = sqlx::query("UPDATE audit_head SET hash = ?").bind(previous);
    update.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[test]
fn a_chain_that_was_written_anew_is_found_by_its_signatures() {
    block_on(async {
        let (lab, key) = signed(None).await;
        rewrite(&lab, "\"ana\"", "\"bob\"").await;
        // Signed or not, the checkpoints in the store have the old hashes.
        let found = lab.verify(&Proofs::default()).await;
        assert_eq!(found, Err(VerifyFailure::Rewritten { seq: 2 }));
        // Whoever drops them has no signatures.
        lab.tamper("DELETE FROM audit_checkpoint").await;
        assert!(lab.verify(&Proofs::default()).await.is_ok());
        assert_eq!(lab.verify(&proofs(&key)).await, Err(VerifyFailure::Unsigned { seq: 1 }));
    });
}

#[test]
fn a_checkpoint_that_was_taken_out_or_altered_is_found() {
    block_on(async {
        for (sql, expected) in [
            ("DELETE FROM audit_checkpoint WHERE n = 2", VerifyFailure::CheckpointRemoved { n: 2 }),
            (
                "UPDATE audit_checkpoint SET body = replace(body, '\"n\":3', '\"n\":4') WHERE n = 3",
                VerifyFailure::Forged { seq: 6 },
            ),
        ] {
            let (lab, key) = signed(None).await;
            lab.tamper(&format!("{UNGUARDED} {sql}")).await;
            assert_eq!(lab.verify(&proofs(&key)).await, Err(expected), "{sql}");
        }
    });
}

#[test]
fn an_end_that_was_cut_off_is_found_by_the_anchor() {
    block_on(async {
        let kept = tempfile::tempdir().unwrap();
        let anchor = kept.path().join("anchor");
        let (lab, key) = signed(Some(Anchor::File(anchor.clone()))).await;
        let text = std::fs::read_to_string(&anchor).unwrap();
        let anchored = Proofs { anchor: Some(text.clone()), ..proofs(&key) };
        assert_eq!(lab.verify(&anchored).await.unwrap().anchors, 6);
        // The end goes with all that speaks of it: what is left agrees with itself.
        let cut =
            "DELETE FROM audit_record WHERE seq > 6; DELETE FROM audit_checkpoint WHERE n > 3;
            UPDATE audit_head SET count = 6, hash = (SELECT hash FROM audit_record WHERE seq = 6);";
        lab.tamper(&format!("{UNGUARDED} {cut}")).await;
        assert_eq!(lab.verify(&proofs(&key)).await.unwrap().records, 6);
        assert_eq!(lab.verify(&anchored).await, Err(VerifyFailure::CutOff { seq: 12 }));
        // So does the whole store.
        let gone = Lab::new();
        let _empty = gone.log().await;
        assert!(gone.verify(&anchored).await.is_err());
        // An anchor that somebody made up is none.
        let forged = text.replace("\"seq\":12", "\"seq\":6");
        let anchored = Proofs { anchor: Some(forged), ..proofs(&key) };
        assert!(matches!(lab.verify(&anchored).await, Err(VerifyFailure::Forged { .. })));
    });
}

#[test]
fn a_key_may_come_later_and_cannot_be_taken_away() {
    block_on(async {
        let lab = Lab::new();
        answer(&*lab.log().await, intent("ana")).await;
        let key = ChainKey::new(*b"0123456789abcdef");
        let keyed = || Settings { key: key.clone(), ..lab.settings() };
        let with_key = Proofs { key: key.clone(), ..Proofs::default() };
        assert_eq!(lab.verify(&with_key).await, Err(VerifyFailure::Unkeyed));
        let log = AuditLog::start(keyed()).await.unwrap();
        answer(&log, intent("ana")).await;
        log.flush().await;
        let report = lab.verify(&with_key).await.unwrap();
        assert_eq!((report.records, report.unkeyed), (4, 2));
        let without = lab.verify(&Proofs::default()).await;
        assert_eq!(without, Err(VerifyFailure::Altered { seq: 3 }));
        // Whoever has not got the key can write it anew only without.
        rewrite(&lab, "\"ana\"", "\"bob\"").await;
        assert_eq!(lab.verify(&with_key).await, Err(VerifyFailure::Unkeyed));
    });
}

#[test]
fn a_store_of_the_first_version_still_verifies() {
    block_on(async {
        let lab = Lab::new();
        let options =
            SqliteConnectOptions::new().filename(lab.path("audit.db")).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let kind = sqlx::migrate::MigrationType::Simple;
        let sql = include_str!("../../migrations/0001_audit.sql");
        let first = sqlx::migrate::Migration::new(
            1,
            "audit".into(),
            kind,
            sqlx::SqlSafeStr::into_sql_str(sql),
            false,
        );
        sqlx::migrate::Migrator::with_migrations(vec![first]).run(&mut connection).await.unwrap();
        let mut previous = vec![0; 32];
        let bodies = [
            (
                "open",
                r#"{"user":"ana","roles":["analyst"],"principal_kind":"local","client":"c","tool":"query","statement":"select ?","fingerprint":"f","tables":[],"policy_version":"p","catalog_version":1}"#,
            ),
            (
                "close",
                r#"{"open_seq":1,"status":"answered","sources":[],"masks":[],"filters":[],"lineage":[],"rows_returned":1,"bytes":8,"truncated":false,"ms":0.5,"catalog_age_ms":3}"#,
            ),
        ];
        for (index, (kind, body)) in bodies.into_iter().enumerate() {
            let seq = index as i64 + 1;
            let mut bytes = [&*previous, &seq.to_be_bytes(), &7_i64.to_be_bytes()].concat();
            for text in [kind, "q1", body] {
                bytes.extend((text.len() as u64).to_be_bytes());
                bytes.extend(text.as_bytes());
            }
            let hash = Sha256::digest(&bytes).to_vec();
            let sql = "INSERT INTO audit_record (seq, at, kind, id, body, prev_hash, hash) VALUES (?, 7, ?, 'q1', ?, ?, ?)";
            let insert =
                sqlx::query(sql).bind(seq).bind(kind).bind(body).bind(previous).bind(hash.clone());
            insert.execute(&mut connection).await.unwrap();
            previous = hash;
        }
        connection.close().await.unwrap();
        // As it is, and after the server has taken it over and gone on.
        assert_eq!(lab.verify(&Proofs::default()).await.unwrap().records, 2);
        let (log, signing) = (lab.settings(), Some(signing(ONE)));
        let checkpoints = Some(Checkpoints { signing: signing.clone(), ..checkpoints(1) });
        let log = AuditLog::start(Settings { checkpoints, ..log }).await.unwrap();
        answer(&log, intent("bob")).await;
        log.flush().await;
        let report = lab.verify(&proofs(&signing.unwrap())).await.unwrap();
        assert_eq!((report.records, report.unclosed, report.unsigned), (4, 0, 0));
    });
}
