//! Raw statements, their erasure, and retention: the chain stays whole.

use super::keys::{ANOTHER, ONE, signing};
use super::{Lab, answer, checkpoints, intent};
use crate::support::block_on;
use celosia::audit::{
    AuditLog, Checkpoints, MasterKey, Proofs, Raw, Selection, Settings, VerifyFailure, erase,
    retain, show,
};
use std::time::Duration;

const SECRET: &str = "SELECT * FROM people WHERE email = 'ana@mail.example'";

fn master(digit: &str) -> MasterKey {
    MasterKey::parse(&digit.repeat(64)).unwrap()
}

async fn asked(log: &AuditLog, user: &str) {
    let mut intent = intent(user);
    intent.raw = Some(SECRET.into());
    answer(log, intent).await;
}

async fn raws(lab: &Lab, user: &str, key: &MasterKey) -> Vec<Option<Raw>> {
    let mut found = Vec::new();
    let selection = Selection { user: Some(user.into()), ..Selection::default() };
    show(&lab.location, &selection, Some(key), |shown| {
        found.push(shown.raw);
        Ok(())
    })
    .await
    .unwrap();
    found
}

#[test]
fn what_a_user_asked_is_erased_and_the_chain_stays_whole() {
    block_on(async {
        let lab = Lab::new();
        let raw_sql = Some((master("a"), Duration::from_secs(3_600)));
        let log = AuditLog::start(Settings { raw_sql, ..lab.settings() }).await.unwrap();
        asked(&log, "ana").await;
        asked(&log, "bob").await;
        let text = Some(Raw::Text(SECRET.into()));
        assert_eq!(raws(&lab, "ana", &master("a")).await, std::slice::from_ref(&text));
        assert_eq!(raws(&lab, "ana", &master("b")).await, [Some(Raw::Unreadable)]);
        let before = lab.verify(&Proofs::default()).await.unwrap();
        assert_eq!(erase(&lab.location, "ana").await.unwrap(), 1);
        assert_eq!(raws(&lab, "ana", &master("a")).await, [Some(Raw::Erased)]);
        assert_eq!(raws(&lab, "bob", &master("a")).await, [text]);
        assert_eq!(lab.verify(&Proofs::default()).await.unwrap(), before);
        // Nothing of it lies about in the files.
        log.flush().await;
        drop(log);
        for file in std::fs::read_dir(lab.directory.path()).unwrap().flatten() {
            // The store closes beside this, and takes its own log of changes away.
            let Ok(bytes) = std::fs::read(file.path()) else { continue };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(!text.contains("mail.example"), "{:?}", file.path());
        }
    });
}

#[test]
fn a_ciphertext_in_another_record_is_not_read() {
    block_on(async {
        let lab = Lab::new();
        let raw_sql = Some((master("a"), Duration::from_secs(3_600)));
        let log = AuditLog::start(Settings { raw_sql, ..lab.settings() }).await.unwrap();
        asked(&log, "ana").await;
        lab.tamper(
            "DROP TRIGGER audit_record_not_updated; UPDATE audit_record SET id = 'another' WHERE seq = 1",
        )
        .await;
        assert_eq!(raws(&lab, "ana", &master("a")).await, [Some(Raw::Unreadable)]);
    });
}

#[test]
fn old_segments_go_and_what_follows_still_verifies() {
    block_on(async {
        let (lab, key) = (Lab::new(), signing(ONE));
        let checkpoints = Some(Checkpoints { signing: Some(key.clone()), ..checkpoints(4) });
        let log = AuditLog::start(Settings { checkpoints, ..lab.settings() }).await.unwrap();
        for _ in 0..3 {
            answer(&log, intent("ana")).await;
            log.flush().await;
        }
        // Nothing is as old as that; everything is older than nothing.
        let day = Duration::from_secs(86_400);
        assert_eq!(retain(&lab.location, "main", day, &key, &[]).await.unwrap(), None);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let waits = retain(&lab.location, "main", Duration::ZERO, &key, &["siem".into()]).await;
        assert!(waits.is_err(), "a sink has not got the records");
        let gone = retain(&lab.location, "main", Duration::ZERO, &key, &[]).await.unwrap().unwrap();
        assert_eq!((gone.records, gone.last), (6, 6));
        answer(&log, intent("bob")).await;
        log.flush().await;
        let signed = Proofs { public_key: Some(key.public()), ..Proofs::default() };
        let report = lab.verify(&signed).await.unwrap();
        assert_eq!((report.records, report.retired), (2, 6));
        // Whoever has not got the key cannot say that retention took something.
        let other = Proofs { public_key: Some(signing(ANOTHER).public()), ..Proofs::default() };
        assert!(matches!(lab.verify(&other).await, Err(VerifyFailure::Forged { .. })));
        lab.tamper("DROP TRIGGER audit_record_not_deleted; DELETE FROM audit_record WHERE seq = 7")
            .await;
        assert_eq!(lab.verify(&signed).await, Err(VerifyFailure::Removed { seq: 7 }));
    });
}

#[test]
fn a_record_that_no_tombstone_stands_for_is_not_deleted() {
    block_on(async {
        let lab = Lab::new();
        let log = lab.log().await;
        answer(&log, intent("ana")).await;
        let deleted = tokio::spawn(async move {
            lab.tamper("DELETE FROM audit_record WHERE seq = 1").await;
        });
        assert!(deleted.await.is_err(), "the trigger is there");
    });
}
