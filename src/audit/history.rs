//! What was asked lately, newest first: for people who look, not for proof.
//!
//! Each look reads a bounded part of the end of each chain. Nothing of a record is given that its reader may not know
//! ([`Reader`]): digests and raw statements never, and whoever asked gets what the receipt said.

use super::store::{
    AuditError, Connection, Head, Location, Purpose, Stored, heads, latest, records,
};
use crate::model::Principal;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Records that are read at once.
const PAGE: i64 = 250;
/// Records of a chain that one look reads.
const MOST: u64 = 5_000;

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// Somebody who may know what everybody asked.
    Administrator,
    /// Somebody who may know what they asked themselves.
    Caller(&'a Principal),
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The statements of this user alone.
    pub user: Option<String>,
    /// By chain: only what ended before this record. A chain that is not named is read from its end.
    pub before: BTreeMap<String, u64>,
    /// Statements at most.
    pub most: usize,
    /// How long a statement may run: one that began earlier and has no outcome runs no more.
    pub patience: Duration,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// Statements without an outcome that may still run; nothing where an earlier part is read.
    pub running: Vec<Asked>,
    /// Statements that have ended, the last one first.
    pub ended: Vec<Asked>,
    /// Where to go on, by chain; absent where there is nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<BTreeMap<String, u64>>,
}

/// A statement, as its reader may know it.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The id in its receipt.
    pub id: String,
    /// The chain that it is recorded in.
    pub chain: String,
    /// The place of its last record.
    pub seq: u64,
    /// When that was written, in milliseconds since 1970.
    pub at: i64,
    /// `running`, `answered`, `failed`, `abandoned` or `refused`.
    pub status: String,
    /// Who asked what: from the intent.
    pub intent: Map<String, Json>,
    /// What was done: from the outcome.
    pub receipt: Map<String, Json>,
}

/// The end of one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainEnd {
    /// The chain's name.
    pub chain: String,
    /// Records that were ever written to it.
    pub records: u64,
    /// The last record's hash.
    pub head: String,
}

/// The ends of all chains.
///
/// # Errors
/// The store cannot be read.
pub async fn chain_ends(store: &Location) -> Result<Vec<ChainEnd>, AuditError> {
    let mut connection = store.connect(Purpose::Read).await?;
    let heads = heads(&mut connection).await?.into_iter();
    let end = |head: Head| ChainEnd {
        records: head.count,
        head: super::record::hex(&head.hash),
        chain: head.chain,
    };
    Ok(heads.map(end).collect())
}

/// What was asked lately.
///
/// # Errors
/// The store cannot be read.
pub async fn history(
    store: &Location,
    reader: Reader<'_>,
    look: &Look,
) -> Result<Seen, AuditError> {
    let mut connection = store.connect(Purpose::Read).await?;
    // Of the same moment, so that no statement both runs and has ended.
    connection.freeze().await?;
    let (mut running, mut ended) = (Vec::new(), Vec::new());
    let mut reached = BTreeMap::new();
    for head in heads(&mut connection).await? {
        let before = look.before.get(&head.chain).copied().unwrap_or(u64::MAX);
        let mut walk = Walk {
            chain: head.chain.clone(),
            reader,
            look,
            before,
            closed: HashSet::new(),
            intents: Vec::new(),
            running: Vec::new(),
            ended: Vec::new(),
        };
        walk.back(&mut connection).await?;
        reached.insert(head.chain, walk.before);
        running.extend(walk.running);
        ended.extend(walk.ended);
    }
    running.sort_by_key(|asked| std::cmp::Reverse(asked.at));
    ended.sort_by_key(|asked| std::cmp::Reverse(asked.at));
    // What does not fit is read again, from the first that is left out.
    for left in ended.drain(look.most.min(ended.len())..) {
        let reached = reached.entry(left.chain).or_default();
        *reached = (*reached).max(left.seq + 1);
    }
    let more = reached.values().any(|before| *before > 1);
    Ok(Seen { running, ended, before: more.then_some(reached) })
}

/// A way back through one chain.
struct Walk<'a> {
    chain: String,
    reader: Reader<'a>,
    look: &'a Look,
    /// What was read lies at and behind this record.
    before: u64,
    /// Statements whose outcome was passed.
    closed: HashSet<String>,
    /// The intents of the page that is read.
    intents: Vec<Stored>,
    running: Vec<Asked>,
    ended: Vec<Asked>,
}

impl Walk<'_> {
    async fn back(&mut self, connection: &mut Connection) -> Result<(), AuditError> {
        let first = self.before == u64::MAX;
        let since = SystemTime::now().checked_sub(self.look.patience);
        let since = since.and_then(|since| since.duration_since(UNIX_EPOCH).ok());
        let since = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let (mut read, mut place) = (0, self.before);
        loop {
            let rows = latest(connection, &self.chain, place, PAGE).await?;
            if rows.is_empty() {
                if self.ended.len() < self.look.most {
                    self.before = 0;
                }
                return Ok(());
            }
            let page = rows.iter().map(Stored::of).collect::<Result<Vec<_>, _>>()?;
            // Most intents lie in the same page as their outcomes.
            self.intents = page.iter().filter(|record| record.kind == "open").cloned().collect();
            for record in &page {
                // Running statements are looked for as far back as one may have begun.
                let enough = self.ended.len() >= self.look.most;
                if enough && (!first || record.at < since) {
                    return Ok(());
                }
                self.take(connection, record, first && record.at >= since, enough).await?;
                place = u64::try_from(record.seq).unwrap_or_default();
                if !enough {
                    self.before = place;
                }
                read += 1;
            }
            if read >= MOST {
                return Ok(());
            }
        }
    }

    async fn take(
        &mut self,
        connection: &mut Connection,
        record: &Stored,
        recent: bool,
        enough: bool,
    ) -> Result<(), AuditError> {
        let body: Json = serde_json::from_str(&record.body).unwrap_or_default();
        match &*record.kind {
            "open" if recent && !self.closed.contains(&record.id) && self.takes(&body) => {
                let asked = self.asked(record, "running", &body, &Json::Null);
                self.running.push(asked);
            }
            "close" => {
                self.closed.insert(record.id.clone());
                if enough {
                    return Ok(());
                }
                // Retention may have taken the intent away; then it is nobody's.
                let intent = self.intent(connection, record, &body).await?;
                if self.takes(&intent) {
                    let status = body["status"].as_str().unwrap_or_default().to_string();
                    let asked = self.asked(record, &status, &intent, &body);
                    self.ended.push(asked);
                }
            }
            "refused" if !enough && self.takes(&body) => {
                let asked = self.asked(record, "refused", &body, &body);
                self.ended.push(asked);
            }
            _ => {}
        }
        Ok(())
    }

    /// The intent that an outcome is of.
    async fn intent(
        &self,
        connection: &mut Connection,
        record: &Stored,
        body: &Json,
    ) -> Result<Json, AuditError> {
        let near = self.intents.iter().find(|intent| intent.id == record.id).cloned();
        let found = match near {
            Some(near) => Some(near),
            None => {
                let open = body["open_seq"].as_u64().unwrap_or_default();
                let row = records(connection, &self.chain, open.saturating_sub(1), 1).await?;
                row.first().map(Stored::of).transpose()?
            }
        };
        let intent = found.filter(|intent| intent.id == record.id);
        Ok(intent.and_then(|intent| serde_json::from_str(&intent.body).ok()).unwrap_or_default())
    }

    /// Whether the reader may know of a statement, and looks for it.
    fn takes(&self, intent: &Json) -> bool {
        let text = |key: &str| intent[key].as_str();
        let is_wanted = self.look.user.as_deref().is_none_or(|user| text("user") == Some(user));
        is_wanted
            && match self.reader {
                Reader::Administrator => true,
                // The same name from somebody else is somebody else.
                Reader::Caller(caller) => {
                    text("user") == Some(caller.user())
                        && text("issuer") == caller.issuer()
                        && text("principal_kind") == Some(caller.kind().as_str())
                }
            }
    }

    fn asked(&self, record: &Stored, status: &str, intent: &Json, outcome: &Json) -> Asked {
        const INTENT: &[&str] = &["user", "roles", "client", "tool", "statement", "fingerprint"];
        const MORE: &[&str] = &[
            "principal_kind",
            "issuer",
            "tables",
            "policy_version",
            "semantics_version",
            "catalog_version",
        ];
        const RECEIPT: &[&str] = &[
            "sources",
            "masks",
            "filters",
            "redacted",
            "lineage",
            "warnings",
            "place",
            "rows_returned",
            "truncated",
            "ms",
            "catalog_age_ms",
        ];
        let everything = matches!(self.reader, Reader::Administrator);
        let mut intent = picked(intent, INTENT.iter().chain(MORE.iter().filter(|_| everything)));
        intent.retain(|_, value| !value.is_null());
        let mut receipt = picked(outcome, &["error"]);
        // Who failed was given no receipt: what was done until then is not theirs to know.
        if everything || status == "answered" {
            receipt.extend(picked(outcome, RECEIPT));
        }
        if everything {
            receipt.extend(picked(outcome, &["bytes", "columns"]));
        }
        Asked {
            id: record.id.clone(),
            chain: self.chain.clone(),
            seq: u64::try_from(record.seq).unwrap_or_default(),
            at: record.at,
            status: status.to_string(),
            intent,
            receipt,
        }
    }
}

fn picked<'a>(body: &Json, keys: impl IntoIterator<Item = &'a &'static str>) -> Map<String, Json> {
    let found = keys.into_iter().filter_map(|key| {
        let value = body.get(*key).filter(|value| !value.is_null())?;
        Some(((*key).to_string(), value.clone()))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::log::tests::{intent, store};
    use crate::error::Code;
    use crate::model::{Outcome, PrincipalKind, SourceReceipt};
    use std::collections::BTreeSet;

    fn caller(user: &str, kind: PrincipalKind) -> Principal {
        Principal::establish(user.into(), BTreeSet::new(), BTreeMap::new(), kind)
    }

    fn look(most: usize) -> Look {
        Look { most, patience: Duration::from_secs(60), ..Look::default() }
    }

    #[tokio::test]
    async fn the_last_is_first_and_what_runs_is_apart() {
        let (_dir, store, log) = store().await;
        let location = Location::parse(&store).expect("a place");
        let mut ids = Vec::new();
        let long = log.open(intent()).await.expect("durable");
        for _ in 0..5 {
            let open = log.open(intent()).await.expect("durable");
            ids.push(open.id().to_string());
            let _receipt = log.close(open, &Outcome::default()).await.expect("durable");
        }
        log.refuse(&intent(), Code::UnknownName).await.expect("durable");
        let first = history(&location, Reader::Administrator, &look(3)).await.expect("read");
        assert_eq!(first.running.len(), 1);
        assert_eq!(first.running[0].id, long.id());
        let status: Vec<&str> = first.ended.iter().map(|asked| &*asked.status).collect();
        assert_eq!(status, ["refused", "answered", "answered"]);
        assert_eq!(first.ended[1].id, ids[4]);
        let mut rest = Vec::new();
        let mut before = first.before;
        while let Some(place) = before {
            let next = Look { before: place, ..look(2) };
            let seen = history(&location, Reader::Administrator, &next).await.expect("read");
            assert!(seen.running.is_empty());
            rest.extend(seen.ended.into_iter().map(|asked| asked.id));
            before = seen.before;
        }
        ids.reverse();
        assert_eq!(rest, ids[2..], "nothing twice, nothing left out");
        drop(long);
    }

    #[tokio::test]
    async fn a_caller_reads_what_is_theirs_and_the_receipts_part_of_it() {
        let (_dir, store, log) = store().await;
        let location = Location::parse(&store).expect("a place");
        let done = Outcome {
            sources: vec![SourceReceipt {
                name: "shop".into(),
                sql: "S".into(),
                rows: 3,
                ms: 0.5,
                readers: None,
                one_snapshot: None,
            }],
            columns: vec!["shop.main.orders.secret".into()],
            ..Outcome::default()
        };
        for (user, error) in [("ana", None), ("bob", None), ("ana", Some("source".to_string()))] {
            let asked = crate::audit::Intent {
                user: user.into(),
                literals: vec!["digest".to_string()].into(),
                ..intent()
            };
            let open = log.open(asked).await.expect("durable");
            let outcome = Outcome { error, ..done.clone() };
            let _receipt = log.close(open, &outcome).await.expect("durable");
        }
        let ana = caller("ana", PrincipalKind::Local);
        let seen = history(&location, Reader::Caller(&ana), &look(9)).await.expect("read");
        assert_eq!(seen.ended.len(), 2);
        let text = serde_json::to_string(&seen).expect("json");
        assert!(!text.contains("bob") && !text.contains("digest") && !text.contains("secret"));
        assert_eq!(seen.ended[0].receipt.keys().collect::<Vec<_>>(), ["error"]);
        assert_eq!(seen.ended[1].receipt["sources"][0]["rows"], 3);
        // The same name by another way in is somebody else.
        let other = caller("ana", PrincipalKind::ApiKey);
        let seen = history(&location, Reader::Caller(&other), &look(9)).await.expect("read");
        assert!(seen.ended.is_empty() && seen.running.is_empty());
        let all = history(&location, Reader::Administrator, &look(9)).await.expect("read");
        let text = serde_json::to_string(&all).expect("json");
        assert_eq!(all.ended.len(), 3);
        assert!(text.contains("orders.secret") && !text.contains("digest"));
        let bob = Look { user: Some("bob".into()), ..look(9) };
        let seen = history(&location, Reader::Administrator, &bob).await.expect("read");
        assert_eq!(seen.ended.len(), 1);
        let ends = chain_ends(&location).await.expect("read");
        assert_eq!((ends.len(), ends[0].records, ends[0].head.len()), (1, 6, 64));
    }
}
