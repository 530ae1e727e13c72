//! The way to the collector: groups, some tries, and an end that does not wait for ever.

use super::document;
use super::layer::{Line, QUEUE, Recorder, Sent, Span};
use super::settings::Settings;
use crate::post::Poster;
use crate::telemetry::metrics::metrics;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Records that are sent together, at most.
const BATCH: usize = 512;
/// How long a record waits for others.
const PAUSE: Duration = Duration::from_secs(1);
/// Tries for one group, and the pause before the second; it doubles for each further one.
const TRIES: u32 = 3;
const BACKOFF: Duration = Duration::from_millis(500);
/// How long the end of the process waits.
const FAREWELL: Duration = Duration::from_secs(2);

/// What waits for the collector, until somebody sends it.
pub struct Outbox {
    waiting: mpsc::Receiver<Sent>,
    traces: Option<Way>,
    logs: Option<Way>,
    resource: Vec<(String, String)>,
}

/// The way to one place.
struct Way {
    poster: Poster,
    signal: &'static str,
    failing: bool,
}

/// Does `work`, while the outbox is sent; at its end what waits gets a last moment.
pub async fn exported<T>(outbox: Option<Outbox>, work: impl Future<Output = T>) -> T {
    let Some(outbox) = outbox else { return work.await };
    let (end, ends) = oneshot::channel();
    let sending = tokio::spawn(outbox.run(ends));
    let done = work.await;
    let _ = end.send(());
    let _ = tokio::time::timeout(FAREWELL, sending).await;
    done
}

/// Counts records that no collector gets.
pub(super) fn dropped(signal: &'static str, records: u64) {
    metrics().telemetry_dropped.get_or_create(&[("signal", signal.into())]).inc_by(records);
}

impl Outbox {
    /// An outbox, and what fills it.
    ///
    /// # Errors
    /// An address or a header that is none, or certificates that cannot be read.
    pub(in crate::telemetry) fn new(settings: &Settings) -> Result<(Self, Recorder), String> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let way = |url: &Option<String>, signal| {
            let Some(url) = url else { return Ok(None) };
            let certificate = settings.certificate.as_deref();
            let poster = Poster::new(url, settings.headers.clone(), certificate)?;
            Ok::<_, String>(Some(Way { poster, signal, failing: false }))
        };
        let outbox = Self {
            waiting,
            traces: way(&settings.traces, "traces")?,
            logs: way(&settings.logs, "logs")?,
            resource: settings.resource.clone(),
        };
        let recorder = Recorder {
            queue,
            sampler: settings.sampler,
            traces: settings.traces.is_some(),
            logs: settings.logs.is_some(),
        };
        Ok((outbox, recorder))
    }

    async fn run(mut self, mut ends: oneshot::Receiver<()>) {
        loop {
            let mut group = Vec::with_capacity(BATCH);
            let ended = tokio::select! {
                _ = &mut ends => true,
                received = self.waiting.recv_many(&mut group, BATCH) => received == 0,
            };
            if !ended {
                // Others come soon; the end does not wait for them.
                tokio::select! {
                    _ = tokio::time::sleep(PAUSE) => {}
                    _ = &mut ends => {
                        self.drain(group).await;
                        return;
                    }
                }
                let room = BATCH - group.len();
                take(&mut self.waiting, &mut group, room);
                self.send(group).await;
            } else {
                self.drain(group).await;
                return;
            }
        }
    }

    /// Sends everything that waits.
    async fn drain(&mut self, mut group: Vec<Sent>) {
        loop {
            let room = BATCH - group.len();
            take(&mut self.waiting, &mut group, room);
            if group.is_empty() {
                return;
            }
            self.send(std::mem::take(&mut group)).await;
        }
    }

    async fn send(&mut self, group: Vec<Sent>) {
        let (mut spans, mut lines): (Vec<Span>, Vec<Line>) = (Vec::new(), Vec::new());
        for record in group {
            match record {
                Sent::Span(span) => spans.push(span),
                Sent::Line(line) => lines.push(line),
            }
        }
        if let Some(way) = self.traces.as_mut().filter(|_| !spans.is_empty()) {
            let document = document::traces(&self.resource, &spans).to_string();
            way.deliver(&document, spans.len()).await;
        }
        if let Some(way) = self.logs.as_mut().filter(|_| !lines.is_empty()) {
            let document = document::logs(&self.resource, &lines).to_string();
            way.deliver(&document, lines.len()).await;
        }
    }
}

fn take(waiting: &mut mpsc::Receiver<Sent>, group: &mut Vec<Sent>, most: usize) {
    let more = std::iter::from_fn(|| waiting.try_recv().ok());
    group.extend(more.take(most));
}

impl Way {
    async fn deliver(&mut self, document: &str, records: usize) {
        let mut pause = BACKOFF;
        let mut why = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            match self.poster.post(document.to_string()).await {
                Ok((status, _)) if status.is_success() => {
                    self.failing = false;
                    return;
                }
                Ok((status, _)) => {
                    why = format!("the collector answered {status}");
                    if !may_succeed(status.as_u16()) {
                        break;
                    }
                }
                Err(error) => why = error,
            }
        }
        dropped(self.signal, records as u64);
        // Once: this line goes the same way.
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(
                signal = self.signal,
                why,
                "telemetry cannot be delivered; it is dropped"
            );
        }
    }
}

/// What the protocol lets a client try again.
fn may_succeed(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}
