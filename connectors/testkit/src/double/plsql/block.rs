//! Anonymous PL/SQL blocks: the few calls that clients and scripts send. Nothing else is run.

use super::errors;
use super::registry::{literal, quoted};
use super::session::{Session, done};
use super::translate::tokens::keyword;
use crate::double::engine::{EngineError, Outcome};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Packages whose procedures change nothing that the engine keeps.
const QUIET: &[&str] = &["DBMS_APPLICATION_INFO", "DBMS_SESSION", "DBMS_OUTPUT", "DBMS_LOCK"];

impl Session {
    /// `BEGIN calls END;` or `CALL call`.
    pub(super) async fn block(&mut self, tokens: &[TokenWithSpan]) -> Result<Outcome, EngineError> {
        let inside = match keyword(tokens.first()).as_deref() {
            Some("CALL") => tokens.get(1..).unwrap_or_default(),
            Some("BEGIN") => {
                let end = tokens.iter().rposition(|t| keyword(Some(t)).as_deref() == Some("END"));
                tokens.get(1..end.unwrap_or(1)).unwrap_or_default()
            }
            _ => return Err(refused("DECLARE")),
        };
        for call in inside.split(|t| t.token == Token::SemiColon).filter(|c| !c.is_empty()) {
            self.call(call).await?;
        }
        Ok(done(0))
    }

    async fn call(&mut self, call: &[TokenWithSpan]) -> Result<(), EngineError> {
        let words: Vec<String> = call.iter().filter_map(|t| keyword(Some(t))).collect();
        let (package, procedure) = match words.as_slice() {
            [word] if word == "NULL" => return Ok(()),
            [package, procedure, ..] => (package.as_str(), procedure.as_str()),
            _ => return Err(refused("this statement")),
        };
        match (package, procedure) {
            ("DBMS_STATS", "GATHER_SCHEMA_STATS" | "GATHER_TABLE_STATS") => self.count_rows().await,
            ("DBMS_SESSION" | "DBMS_LOCK", "SLEEP") => {
                let seconds = call.iter().find_map(|t| match &t.token {
                    Token::Number(digits, _) => Some(digits.clone()),
                    _ => None,
                });
                let seconds = seconds.ok_or_else(|| refused("SLEEP without a literal"))?;
                self.internal(&format!("SELECT pg_sleep({seconds})")).await.map(drop)
            }
            (known, _) if QUIET.contains(&known) => Ok(()),
            _ if self.is_reader() => Err(errors::insufficient_privileges()),
            (other, _) => Err(refused(other)),
        }
    }

    /// What the optimizer would know of the tables of the schema.
    async fn count_rows(&mut self) -> Result<(), EngineError> {
        if self.is_reader() {
            return Err(errors::insufficient_privileges());
        }
        self.commit().await?;
        let owner = self.schema.clone();
        for table in self.catalog().tables_of(&owner) {
            let text = format!("{}.{}", quoted(&owner), quoted(&table));
            self.internal(&format!("ANALYZE {text}")).await?;
            self.internal(&format!(
                "UPDATE registry.objects SET num_rows = (SELECT count(*) FROM {text}) \
                 WHERE owner = {} AND name = {}",
                literal(&owner),
                literal(&table)
            ))
            .await?;
        }
        Ok(())
    }
}

fn refused(what: &str) -> EngineError {
    errors::ora(6550, &format!("line 1, column 7: PLS-00201: identifier '{what}' must be declared"))
}
