//! What is counted, and how it is named.

use super::offenders::Offenders;
use crate::model::Outcome;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

/// A label's value: nearly always a constant.
pub(super) type Name = Cow<'static, str>;
/// The labels of one series.
pub(super) type Labels<const N: usize> = [(&'static str, Name); N];
type Counts<const N: usize> = Family<Labels<N>, Counter>;
type Times<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Bounds of answers, in seconds: a look-up takes tenths of milliseconds, a report half a minute.
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// Everything that this process counts.
pub(super) struct Metrics {
    pub(super) tool_calls: Counts<2>,
    pub(super) tool_call_seconds: Times<1>,
    pub(super) tool_calls_running: Gauge,
    pub(super) denials: Counts<1>,
    authentication_failures: Counts<1>,
    http_responses: Counts<1>,
    rows: Counter,
    bytes: Counter,
    truncated: Counter,
    masks: Counts<1>,
    row_filters: Counter,
    redacted: Counter,
    elsewhere: Counts<1>,
    plans: Counts<2>,
    pub(super) statements: Counts<2>,
    pub(super) statement_seconds: Times<1>,
    pub(super) source_rows: Counts<1>,
    pub(super) source_bytes: Counts<1>,
    pub(super) descriptions: Counts<2>,
    audit_records: Counter,
    audit_failures: Counter,
    audit_seconds: Histogram,
    pub(super) telemetry_dropped: Counts<1>,
    /// Who is denied most.
    pub(super) denied: Offenders,
    /// Who names most things that are not there, or not for them.
    pub(super) guesses: Offenders,
}

/// The one set of numbers of this process.
pub(super) fn metrics() -> &'static Metrics {
    static ALL: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &ALL
}

/// Counts what an answer held and what was done to it.
pub fn answered(outcome: &Outcome) {
    let metrics = metrics();
    metrics.rows.inc_by(outcome.rows_returned);
    metrics.bytes.inc_by(outcome.bytes);
    metrics.truncated.inc_by(u64::from(outcome.truncated));
    for mask in &outcome.masks {
        metrics.masks.get_or_create(&[("mask", mask.mask.clone().into())]).inc();
    }
    metrics.row_filters.inc_by(outcome.filters.len() as u64);
    metrics.redacted.inc_by(outcome.redacted.iter().map(|redacted| redacted.values).sum());
    if let Some(place) = &outcome.place {
        let counts = [
            ("answers", 1),
            ("stages", place.stages),
            ("rows", place.rows_between),
            ("bytes", place.bytes_between),
        ];
        for (what, count) in counts {
            metrics.elsewhere.get_or_create(&[("what", what.into())]).inc_by(count);
        }
    }
}

/// Counts a caller who was not let in.
pub fn authentication_failed(reason: &'static str) {
    metrics().authentication_failures.get_or_create(&[("reason", reason.into())]).inc();
}

/// Counts an answer of the HTTP surface.
pub fn http_answered(status: u16) {
    let name = match status {
        200 => "200".into(),
        202 => "202".into(),
        _ => status.to_string().into(),
    };
    metrics().http_responses.get_or_create(&[("status", name)]).inc();
}

/// Counts a look for a plan that was made before.
pub fn plan_sought(kind: &'static str, found: bool) {
    let result = if found { "hit" } else { "miss" };
    metrics().plans.get_or_create(&[("plan", kind.into()), ("result", result.into())]).inc();
}

/// Counts a group of audit records that was written, or was not.
pub fn audit_appended(records: u64, took: Duration, written: bool) {
    let metrics = metrics();
    if !written {
        metrics.audit_failures.inc_by(records);
    } else if records > 0 {
        metrics.audit_records.inc_by(records);
        metrics.audit_seconds.observe(took.as_secs_f64());
    }
}

fn times() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    fn new() -> Self {
        let metrics = Self {
            tool_calls: Family::default(),
            tool_call_seconds: Family::new_with_constructor(times),
            tool_calls_running: Gauge::default(),
            denials: Family::default(),
            authentication_failures: Family::default(),
            http_responses: Family::default(),
            rows: Counter::default(),
            bytes: Counter::default(),
            truncated: Counter::default(),
            masks: Family::default(),
            row_filters: Counter::default(),
            redacted: Counter::default(),
            elsewhere: Family::default(),
            plans: Family::default(),
            statements: Family::default(),
            statement_seconds: Family::new_with_constructor(times),
            source_rows: Family::default(),
            source_bytes: Family::default(),
            descriptions: Family::default(),
            audit_records: Counter::default(),
            audit_failures: Counter::default(),
            audit_seconds: times(),
            telemetry_dropped: Family::default(),
            denied: Offenders::new("denied"),
            guesses: Offenders::new("enumeration"),
        };
        metrics.begin();
        metrics
    }

    /// Series that alerts look at exist before the first event: a counter that appears with 1 has no rate.
    fn begin(&self) {
        for signal in ["traces", "logs"] {
            drop(self.telemetry_dropped.get_or_create(&[("signal", signal.into())]));
        }
        for reason in super::calls::DENIALS {
            drop(self.denials.get_or_create(&[("reason", reason.into())]));
        }
        for reason in
            ["missing", "invalid", "insufficient_scope", "unknown_certificate", "unavailable"]
        {
            drop(self.authentication_failures.get_or_create(&[("reason", reason.into())]));
        }
    }

    /// Gives every number its name.
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut add =
            |name: &str, help: &str, metric: Metric<'_>| metric.register(registry, name, help);
        use Metric::*;
        add("tool_calls", "Calls of tools, by how they ended", Counts2(&self.tool_calls));
        add(
            "tool_call_seconds",
            "Time from a call of a tool to its answer",
            Times(&self.tool_call_seconds),
        );
        add("tool_calls_running", "Calls of tools that run", Level(&self.tool_calls_running));
        add("denials", "Calls that were refused, by reason", Counts1(&self.denials));
        add(
            "authentication_failures",
            "Requests whose caller was not let in, by reason",
            Counts1(&self.authentication_failures),
        );
        add(
            "http_responses",
            "Answers of the HTTP surface, by status",
            Counts1(&self.http_responses),
        );
        add("rows_returned", "Rows that left in answers", Count(&self.rows));
        add("result_bytes", "Bytes of whole results, as Arrow buffers", Count(&self.bytes));
        add("results_truncated", "Answers that do not hold every row", Count(&self.truncated));
        add("masks_applied", "Columns of answers that were masked, by mask", Counts1(&self.masks));
        add(
            "row_filters_applied",
            "Row filters of roles and restrictions in answers",
            Count(&self.row_filters),
        );
        add(
            "values_redacted",
            "Values that looked like secrets and were taken out",
            Count(&self.redacted),
        );
        add(
            "executors",
            "Answers that executors made, their stages, and rows between these",
            Counts1(&self.elsewhere),
        );
        add("plan_lookups", "Looks for a plan that was made before", Counts2(&self.plans));
        add(
            "source_statements",
            "Statements at a source, by how they ended",
            Counts2(&self.statements),
        );
        add(
            "source_statement_seconds",
            "Time from asking for a place at a source to the last row",
            Times(&self.statement_seconds),
        );
        add("source_rows", "Rows that came from a source", Counts1(&self.source_rows));
        add(
            "source_bytes",
            "Bytes that came from a source, as Arrow buffers",
            Counts1(&self.source_bytes),
        );
        add(
            "source_descriptions",
            "Questions to a source what it holds, by outcome",
            Counts2(&self.descriptions),
        );
        add("audit_records", "Audit records that are durable", Count(&self.audit_records));
        add(
            "audit_failures",
            "Audit records that could not be written",
            Count(&self.audit_failures),
        );
        add(
            "telemetry_dropped",
            "Spans and log lines that no collector got",
            Counts1(&self.telemetry_dropped),
        );
        add(
            "audit_append_seconds",
            "Time to make a group of audit records durable",
            Time(&self.audit_seconds),
        );
    }
}

/// A metric of one of the forms that are used here.
enum Metric<'a> {
    Count(&'a Counter),
    Counts1(&'a Counts<1>),
    Counts2(&'a Counts<2>),
    Level(&'a Gauge),
    Time(&'a Histogram),
    Times(&'a Times<1>),
}

impl Metric<'_> {
    /// Registers a handle: all handles of a metric count together.
    fn register(self, registry: &mut Registry, name: &str, help: &str) {
        match self {
            Self::Count(metric) => registry.register(name, help, metric.clone()),
            Self::Counts1(metric) => registry.register(name, help, metric.clone()),
            Self::Counts2(metric) => registry.register(name, help, metric.clone()),
            Self::Level(metric) => registry.register(name, help, metric.clone()),
            Self::Time(metric) => registry.register(name, help, metric.clone()),
            Self::Times(metric) => registry.register(name, help, metric.clone()),
        }
    }
}
