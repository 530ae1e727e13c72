//! A source whose statements are counted: how many, how long, how much came back.

use super::metrics::{Labels, Name, metrics};
use super::stage;
use arrow_array::RecordBatch;
use async_trait::async_trait;
use celosia_connector_api::{
    Connector, ConnectorError, Dialect, Examination, ExecutionContext, Load, Parts, Places,
    RemoteStream, RenderedQuery, SourceDescription,
};
use futures::{Stream, StreamExt};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// A connector that counts. Put around everything that may refuse a statement or let it wait.
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Connector>,
    meters: Arc<Meters>,
}

/// Handles of one source's numbers, found once.
#[derive(Debug)]
struct Meters {
    source: String,
    ok: Counter,
    stopped: Counter,
    seconds: Histogram,
    rows: Counter,
    bytes: Counter,
}

impl Observed {
    /// Counts what `inner` does as that of `source`.
    pub fn new(source: &str, inner: Arc<dyn Connector>) -> Self {
        let metrics = metrics();
        let name: Labels<1> = [("source", source.to_string().into())];
        let outcome = |outcome| metrics.statements.get_or_create_owned(&ended(source, outcome));
        let meters = Meters {
            source: source.to_string(),
            ok: outcome("ok"),
            stopped: outcome("stopped"),
            seconds: metrics.statement_seconds.get_or_create_owned(&name),
            rows: metrics.source_rows.get_or_create_owned(&name),
            bytes: metrics.source_bytes.get_or_create_owned(&name),
        };
        Self { inner, meters: Arc::new(meters) }
    }
}

impl Observed {
    /// The statement as a span; without its text, which names tables, unless somebody asked for it.
    fn span(&self, query: &RenderedQuery) -> Span {
        let span = stage!(
            "source statement",
            otel.kind = "client",
            db.namespace = self.meters.source,
            db.query.text = Empty,
            db.response.returned_rows = Empty,
            error.type = Empty,
        );
        if SHOWN.load(Ordering::Relaxed) {
            span.record("db.query.text", query.sql.as_str());
        }
        span
    }
}

/// Whether spans hold statements.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Says whether spans hold statements, as they are sent: with placeholders in the place of values.
pub(super) fn show_statements(shown: bool) {
    SHOWN.store(shown, Ordering::Relaxed);
}

fn ended(source: &str, outcome: &'static str) -> Labels<2> {
    [("source", source.to_string().into()), ("outcome", Name::from(outcome))]
}

#[async_trait]
impl Connector for Observed {
    fn dialect(&self) -> &dyn Dialect {
        self.inner.dialect()
    }

    async fn ping(&self) -> Result<(), ConnectorError> {
        self.inner.ping().await
    }

    async fn reach(&self) -> Result<(), ConnectorError> {
        self.inner.reach().await
    }

    fn load(&self) -> Load {
        self.inner.load()
    }

    async fn describe(&self) -> Result<SourceDescription, ConnectorError> {
        let described = self.inner.describe().await;
        let outcome = described.as_ref().map_or_else(|error| error.code.as_str(), |_| "ok");
        metrics().descriptions.get_or_create(&ended(&self.meters.source, outcome)).inc();
        described
    }

    async fn examine(&self, probe: bool) -> Result<Examination, ConnectorError> {
        self.inner.examine(probe).await
    }

    fn readers(&self) -> usize {
        self.inner.readers()
    }

    async fn reserve(
        &self,
        statements: usize,
        deadline: Instant,
    ) -> Result<Option<Places>, ConnectorError> {
        self.inner.reserve(statements, deadline).await
    }

    async fn divide(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<Option<Parts>, ConnectorError> {
        self.inner.divide(query, context).await
    }

    async fn open(
        &self,
        query: &RenderedQuery,
        context: &ExecutionContext,
    ) -> Result<RemoteStream, ConnectorError> {
        let mut statement = Statement::begin(&self.meters, self.span(query));
        let opening = self.inner.open(query, context).instrument(statement.span.clone());
        match opening.await {
            Ok(stream) => {
                let (schema, readers) = (stream.schema(), stream.readers());
                let counted = Counted { stream, statement }.boxed();
                Ok(RemoteStream::new(schema, counted).read_by(readers))
            }
            Err(error) => {
                statement.failed(&error);
                Err(error)
            }
        }
    }
}

/// A statement that runs. Dropped before its end, its reader had enough or gave up.
struct Statement {
    meters: Arc<Meters>,
    span: Span,
    started: Instant,
    rows: u64,
    ended: bool,
}

impl Statement {
    fn begin(meters: &Arc<Meters>, span: Span) -> Self {
        Self { meters: meters.clone(), span, started: Instant::now(), rows: 0, ended: false }
    }

    fn end(&mut self, outcome: &Counter) {
        if !self.ended {
            self.ended = true;
            self.meters.seconds.observe(self.started.elapsed().as_secs_f64());
            outcome.inc();
            self.span.record("db.response.returned_rows", self.rows);
        }
    }

    fn failed(&mut self, error: &ConnectorError) {
        let labels = ended(&self.meters.source, error.code.as_str());
        let outcome = metrics().statements.get_or_create_owned(&labels);
        self.span.record("error.type", error.code.as_str());
        self.end(&outcome);
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        let stopped = self.meters.stopped.clone();
        self.end(&stopped);
    }
}

/// A stream of batches that are counted on their way.
struct Counted {
    stream: RemoteStream,
    statement: Statement,
}

impl Stream for Counted {
    type Item = Result<RecordBatch, ConnectorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.poll_next_unpin(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => {
                let ok = self.statement.meters.ok.clone();
                self.statement.end(&ok);
            }
            Poll::Ready(Some(Err(error))) => self.statement.failed(error),
            Poll::Ready(Some(Ok(batch))) => {
                self.statement.rows += batch.num_rows() as u64;
                let meters = &self.statement.meters;
                meters.rows.inc_by(batch.num_rows() as u64);
                meters.bytes.inc_by(batch.get_array_memory_size() as u64);
            }
        }
        polled
    }
}
