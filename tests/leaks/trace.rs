//! What attacks leave behind: no value and no literal in the audit.

use super::case;
use crate::support::ask::ask;
use crate::support::lab;
use crate::support::load::Store;
use crate::support::secret::MARK;
use crate::support::{block_on, policy};
use celosia::audit::{AuditLog, Durability, verify};

#[test]
fn the_audit_holds_no_values_and_no_literals() {
    block_on(async {
        let directory = lab::scratch().join("trace");
        std::fs::create_dir_all(&directory).expect("a directory");
        let store = format!("sqlite:{}", directory.join("audit.db").display());
        let audit = AuditLog::connect(&store, Durability::Process, None).await.expect("an audit");
        let engine = lab::engine_with(Store::Sqlite, |parts| parts.audit = audit).await;
        let engine = engine.expect("SQLite is always here");
        let mut asked = 0;
        for file in ["masked_predicates", "benign", "catalogs", "roles"] {
            for case in case::load(file).iter().filter(|case| case.tool == "query") {
                let sql = case.sql.replace("{schema}", "main");
                ask(&engine, &policy::principal(&case.who), &sql).await;
                asked += 1;
            }
        }
        let report = verify(&store, None).await.expect("the chain is whole");
        assert!(report.records as usize > asked && asked > 150, "{report:?} of {asked}");
        let mut audit = String::new();
        for file in std::fs::read_dir(&directory).expect("the directory").flatten() {
            audit.push_str(&String::from_utf8_lossy(&std::fs::read(file.path()).expect("a file")));
        }
        assert!(audit.contains("people"), "the audit was read");
        // Literals of statements, values of rows.
        for word in [MARK, "mail.example", "17731", "Ada 06", "Customer 1", "1951-07-13"] {
            assert!(!stands(&audit, word), "{word:?} is in the audit");
        }
    });
}

/// Whether the text holds the word. Five digits in a row are also found in times and hashes, as a part of them.
fn stands(text: &str, word: &str) -> bool {
    let is_number = word.bytes().all(|b| b.is_ascii_digit());
    let of_number = |c: char| is_number && (c.is_ascii_hexdigit() || c == '.');
    text.match_indices(word).any(|(at, _)| {
        let after = &text[at + word.len()..];
        !text[..at].ends_with(of_number) && !after.starts_with(of_number)
    })
}
