//! The one task that writes: it takes everything that is queued, writes it as one group, and wakes
//! everybody who waits for a part of it.

use super::log::OpenRecord;
use super::record::Draft;
use super::store::{AuditError, MAX_GROUP, Note, Store};
use crate::telemetry;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};

/// One thing for the writer to do.
#[derive(Debug)]
pub(super) enum Entry {
    /// Write the record, then answer.
    Record(Draft, Reply),
    /// Write something beside the chain, after the records; answer how many rows it touched.
    Note(Note, oneshot::Sender<Result<u64, AuditError>>),
    /// Answer once everything queued before has been dealt with.
    Barrier(oneshot::Sender<()>),
}

/// Who waits for a record.
#[derive(Debug)]
pub(super) enum Reply {
    /// The opener. If it went away meanwhile, the record drops, which leaves an abandoned one.
    Open { record: OpenRecord, reply: oneshot::Sender<Result<OpenRecord, AuditError>> },
    /// Somebody who wants the record's place.
    Seq(oneshot::Sender<Result<u64, AuditError>>),
    /// Nobody.
    Nobody,
}

impl Reply {
    fn send(self, result: Result<u64, AuditError>) {
        // Whoever is not there any more needs no answer.
        match self {
            Reply::Open { record, reply } => {
                let _ = reply.send(result.map(|seq| record.durable(seq)));
            }
            Reply::Seq(reply) => {
                let _ = reply.send(result);
            }
            Reply::Nobody => {
                if let Err(error) = result {
                    tracing::error!(%error, "an abandoned statement has no close record");
                }
            }
        }
    }
}

/// Writes groups until the last sender is gone. `head` tells those who follow how far the chain has come.
pub(super) async fn run(
    mut store: Store,
    mut queue: mpsc::Receiver<Entry>,
    head: watch::Sender<u64>,
) {
    let mut entries = Vec::with_capacity(MAX_GROUP);
    while queue.recv_many(&mut entries, MAX_GROUP).await > 0 {
        let mut group = Group::of(&mut entries);
        let records = group.drafts.len() as u64;
        let started = Instant::now();
        let result = store.append(&group.drafts).await;
        telemetry::audit_appended(records, started.elapsed(), result.is_ok());
        if let Err(error) = &result {
            tracing::error!(%error, records, "the audit store cannot be written");
            // What has queued up behind the failure fails with it instead of waiting its turn.
            while let Ok(entry) = queue.try_recv() {
                group.add(entry);
            }
        }
        // Before the answers: whoever has one and asks again is held to what was written for it.
        if let Ok(first) = &result
            && records > 0
        {
            head.send_replace(first + records - 1);
        }
        let notes = group.answer(&result);
        for (note, reply) in notes {
            // Whoever is not there any more needs no answer.
            let _ = reply.send(store.note(&note).await);
        }
    }
    store.close().await;
}

type NoteReply = (Note, oneshot::Sender<Result<u64, AuditError>>);

/// Records that are written together.
#[derive(Default)]
struct Group {
    drafts: Vec<Draft>,
    replies: Vec<Reply>,
    notes: Vec<NoteReply>,
    barriers: Vec<oneshot::Sender<()>>,
}

impl Group {
    fn of(entries: &mut Vec<Entry>) -> Self {
        let mut group = Self::default();
        for entry in entries.drain(..) {
            group.add(entry);
        }
        group
    }

    fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Record(draft, reply) => {
                self.drafts.push(draft);
                self.replies.push(reply);
            }
            Entry::Note(note, reply) => self.notes.push((note, reply)),
            Entry::Barrier(barrier) => self.barriers.push(barrier),
        }
    }

    /// Answers all but the notes, which are yet to be written.
    fn answer(self, result: &Result<u64, AuditError>) -> Vec<NoteReply> {
        for (i, reply) in self.replies.into_iter().enumerate() {
            reply.send(result.clone().map(|first| first + i as u64));
        }
        for barrier in self.barriers {
            let _ = barrier.send(());
        }
        self.notes
    }
}
