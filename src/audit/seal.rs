//! Checkpoints: every so many records, and every so often, the head of the chain is signed and anchored. Beside the
//! requests, never in one.

use super::anchor::Anchor;
use super::keys::SigningKey;
use super::proof::{Signed, Statement};
use super::sinks::Feed;
use super::store::{AuditError, Connection, Note, Purpose, head_of};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How soon a checkpoint that failed is tried again, at the earliest.
const PAUSE: Duration = Duration::from_secs(1);

/// What signs and anchors a chain.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    /// Records between two checkpoints, at most.
    pub records: u64,
    /// Time between two checkpoints, at most, where there is something to sign.
    pub interval: Duration,
    /// What signs them; without it they are only anchored.
    pub signing: Option<SigningKey>,
    /// Where heads are kept outside of the store.
    pub anchor: Option<Anchor>,
}

/// The task that makes checkpoints.
pub(super) struct Sealer {
    feed: Feed,
    settings: Checkpoints,
    /// The last record that a checkpoint covers.
    sealed: u64,
    connection: Option<Connection>,
}

impl Sealer {
    /// Starts the task; whoever sends it a sender is told when a checkpoint was made.
    pub(super) async fn start(
        feed: Feed,
        settings: Checkpoints,
    ) -> Result<mpsc::Sender<oneshot::Sender<()>>, AuditError> {
        let mut connection = feed.location.connect(Purpose::Read).await?;
        // What an earlier process left unsigned is signed at once. Where nothing signs, it is anchored anew.
        let sealed = last(&mut connection, &feed.chain).await?.1;
        let (asker, asked) = mpsc::channel(1);
        let sealer = Self { feed, settings, sealed, connection: Some(connection) };
        tokio::spawn(sealer.run(asked));
        Ok(asker)
    }

    async fn run(mut self, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
        let mut head = self.feed.head.clone();
        // What an earlier process left is due now.
        let mut due = (*head.borrow() > self.sealed).then(Instant::now);
        let mut not_before = Instant::now();
        loop {
            let now = Instant::now();
            let open = head.borrow_and_update().saturating_sub(self.sealed);
            let waits = (open > 0).then(|| *due.get_or_insert(now + self.settings.interval));
            let at = waits.map(|due| if open >= self.settings.records { now } else { due });
            let at = at.map(|at| at.max(not_before));
            if at.is_some_and(|at| at <= now) {
                if !self.seal().await {
                    not_before = Instant::now() + PAUSE;
                }
                due = None;
                continue;
            }
            if at.is_none() {
                due = None;
            }
            tokio::select! {
                moved = head.changed() => if moved.is_err() { return },
                () = tokio::time::sleep_until(at.unwrap_or(now)), if at.is_some() => {}
                ask = asked.recv() => {
                    let Some(done) = ask else { return };
                    if *head.borrow() > self.sealed {
                        self.seal().await;
                    }
                    // Whoever asked may have given up.
                    let _ = done.send(());
                }
            }
        }
    }

    /// Makes a checkpoint; whether it was made.
    async fn seal(&mut self) -> bool {
        match self.try_seal().await {
            Ok(seq) => {
                self.sealed = seq;
                true
            }
            Err(error) => {
                self.connection = None;
                tracing::error!(%error, "no checkpoint of the audit could be made");
                false
            }
        }
    }

    async fn try_seal(&mut self) -> Result<u64, AuditError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.feed.location.connect(Purpose::Read).await?,
        };
        let head = head_of(&mut connection, &self.feed.chain).await?;
        let n = last(&mut connection, &self.feed.chain).await?.0 + 1;
        self.connection = Some(connection);
        let statement = Statement::checkpoint(&head, n, self.settings.records);
        let signed = Signed::of(&statement, self.settings.signing.as_ref());
        if self.settings.signing.is_some() {
            let seq = i64::try_from(head.count).unwrap_or(i64::MAX);
            let sql = "INSERT INTO audit_checkpoint (chain, n, seq, body, signature)
                       VALUES ($1, $2, $3, $4, $5)";
            let values = vec![
                (&*self.feed.chain).into(),
                i64::try_from(n).unwrap_or(i64::MAX).into(),
                seq.into(),
                signed.body.as_str().into(),
                (&*signed.signature).into(),
            ];
            self.feed.notes.write(Note { sql, values }).await?;
        }
        if let Some(anchor) = &self.settings.anchor {
            let kept = anchor.keep(&signed).await;
            kept.map_err(|e| AuditError::new("the anchor did not take the head", e))?;
        }
        Ok(head.count)
    }
}

/// The number of the last checkpoint, and the record it covers.
async fn last(connection: &mut Connection, chain: &str) -> Result<(u64, u64), AuditError> {
    let sql = "SELECT n, seq FROM audit_checkpoint WHERE chain = $1 ORDER BY n DESC LIMIT 1";
    let rows = connection.rows(sql, &[chain.into()]).await?;
    let Some(row) = rows.first() else { return Ok((0, 0)) };
    let number = |value: i64| u64::try_from(value).unwrap_or_default();
    Ok((number(row.int(0)?), number(row.int(1)?)))
}
