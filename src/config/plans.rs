//! `plans` and `usage`: what callers may ask for, and where it is written down.

use super::raw::{RawSource, given};
use super::units::{Size, Span};
use super::validate::Checker;
use super::{Kind, Limits, Results};
use crate::model::{PlanLimits, Rate, SourceLimits};
use celosia_connector_api::{Budget, RefuseAbove};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

/// The fewest and the most times a second that are worth counting: about one a day, and a million.
const A_SECOND: std::ops::RangeInclusive<f64> = 0.000_01..=1_000_000.0;

/// What one caller may ask for. A limit that is left out is that of the plan `default`; one that `default` leaves
/// out is the server's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlan {
    /// Requests a second, on average; may be less than one.
    #[serde(default, deserialize_with = "given")]
    requests_per_second: Option<f64>,
    /// Requests that may come at once; twice `requests_per_second` unless given.
    #[serde(default, deserialize_with = "given")]
    burst: Option<NonZeroU32>,
    /// Statements that run at the same time.
    #[serde(default, deserialize_with = "given")]
    concurrent_queries: Option<NonZeroUsize>,
    /// Rows of one answer that are kept; no more than `limits.rows`.
    #[serde(default, deserialize_with = "given")]
    rows: Option<NonZeroUsize>,
    /// Bytes of one answer that are kept, such as `512KiB`; no more than `limits.bytes`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    bytes: Option<Size>,
    /// Time from request to answer, such as `10s`; no more than `limits.time`.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    time: Option<Span>,
    /// Rows that sources may return for the caller's statements in one day (UTC); needs `usage.file`.
    #[serde(default, deserialize_with = "given")]
    remote_rows_per_day: Option<NonZeroU64>,
}

/// What of a source's own estimate is too much.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRefuseAbove {
    /// Cost, in the source's own unit.
    #[serde(default, deserialize_with = "given")]
    cost: Option<f64>,
    /// The most rows that a step of its plan may be expected to give.
    #[serde(default, deserialize_with = "given")]
    rows: Option<f64>,
    /// Whether such a statement may run where the client can ask a person, and the person wants it to.
    #[serde(default)]
    ask: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUsage {
    /// A SQLite file, such as `usage.db`: what each caller used on each day. Absent: it is forgotten with the process.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    file: Option<Spanned<String>>,
}

impl Checker<'_> {
    pub(super) fn usage(&mut self, raw: RawUsage) -> Option<PathBuf> {
        let file = raw.file?;
        if file.value.trim().is_empty() {
            self.error(&file, "usage.file", "write a path such as usage.db");
        }
        Some(self.directory.join(file.value))
    }

    /// The plans, by name; none goes beyond the server's limits.
    pub(super) fn plans(
        &mut self,
        raw: BTreeMap<String, Spanned<RawPlan>>,
        limits: &Limits,
        in_file: bool,
    ) -> BTreeMap<String, PlanLimits> {
        let mut plans = BTreeMap::new();
        for (name, plan) in raw {
            let key = format!("plans.{name}");
            let line = plan.defined.line();
            if name.trim().is_empty() || name.contains('+') || name.len() > 100 {
                self.at(line, &key, "a plan's name has 1 to 100 letters, and no + among them");
            }
            let RawPlan { requests_per_second, burst, rows, bytes, time, .. } = &plan.value;
            let more = [
                (rows.is_some_and(|rows| rows.get() > limits.rows), "rows"),
                (bytes.as_ref().is_some_and(|bytes| bytes.0 > limits.bytes), "bytes"),
                (time.as_ref().is_some_and(|time| time.0 > limits.time), "time"),
            ];
            for (_, limit) in more.iter().filter(|(more, _)| *more) {
                self.at(
                    line,
                    format!("{key}.{limit}"),
                    format!("a plan goes within the server's limits: raise limits.{limit}, and set plans.default.{limit} for the others"),
                );
            }
            let requests =
                self.rate(line, &key, "requests_per_second", *requests_per_second, *burst);
            if plan.value.remote_rows_per_day.is_some() && !in_file {
                self.at(line, format!("{key}.remote_rows_per_day"), NEEDS_FILE);
            }
            let limits = PlanLimits {
                requests,
                concurrent_queries: plan.value.concurrent_queries.map(Into::into),
                rows: rows.map(Into::into),
                bytes: bytes.as_ref().map(|bytes| bytes.0),
                time: time.as_ref().map(|time| time.0),
                remote_rows_per_day: plan.value.remote_rows_per_day.map(Into::into),
            };
            plans.insert(name, limits);
        }
        plans
    }

    pub(super) fn source_limits(
        &mut self,
        raw: &RawSource,
        line: u64,
        key: &str,
        in_file: bool,
    ) -> SourceLimits {
        if raw.rows_per_day.is_some() && !in_file {
            self.at(line, format!("{key}.rows_per_day"), NEEDS_FILE);
        }
        let rate = (raw.statements_per_second, raw.burst);
        SourceLimits {
            statements: self.rate(line, key, "statements_per_second", rate.0, rate.1),
            rows_per_day: raw.rows_per_day.map(Into::into),
        }
    }

    pub(super) fn readers(
        &mut self,
        raw: Option<&Spanned<NonZeroUsize>>,
        concurrency: Option<NonZeroUsize>,
        key: &str,
        kind: Kind,
    ) -> usize {
        let Some(raw) = raw else { return 1 };
        let most = concurrency.map_or(Budget::default().concurrency, Into::into);
        let key = format!("{key}.readers");
        if kind == Kind::Sqlite {
            let message = format!("a {} source is read by one: leave the key out", kind.as_str());
            self.error(raw, &key, message);
        } else if raw.value.get() > most {
            let message =
                format!("at most {most} statements run here at a time: raise `concurrency`");
            self.error(raw, &key, message);
        }
        raw.value.get()
    }

    pub(super) fn refuse_above(
        &mut self,
        raw: Option<Spanned<RawRefuseAbove>>,
        key: &str,
        kind: Kind,
    ) -> Option<RefuseAbove> {
        let raw = raw?;
        let key = format!("{key}.refuse_above");
        let RawRefuseAbove { cost, rows, ask } = raw.value;
        if kind != Kind::Postgres {
            let message =
                format!("a {} source is not asked for estimates: leave the key out", kind.as_str());
            self.error(&raw, &key, message);
        }
        if cost.is_none() && rows.is_none()
            || [cost, rows].into_iter().flatten().any(|n| n.is_nan() || n <= 0.0)
        {
            self.error(&raw, &key, "write `cost` or `rows`, or both, above 0");
        }
        Some(RefuseAbove { cost, rows, ask })
    }

    pub(super) fn process_memory(
        &mut self,
        raw: Option<Spanned<Size>>,
        limits: &Limits,
        results: &Results,
    ) -> Option<usize> {
        let least = limits.memory.saturating_add(results.memory).saturating_add(LEAST_BESIDE);
        let Some(raw) = raw else { return limits.process_memory.map(|usual| usual.max(2 * least)) };
        if raw.value.0 < least {
            let least = least.div_ceil(1 << 20);
            let message = format!(
                "the process needs {least}MiB at least: limits.memory, results.memory and what is beside them"
            );
            self.error(&raw, "limits.process_memory", message);
        }
        Some(raw.value.0)
    }

    fn rate(
        &mut self,
        line: u64,
        key: &str,
        name: &str,
        per_second: Option<f64>,
        burst: Option<NonZeroU32>,
    ) -> Option<Rate> {
        let Some(per_second) = per_second else {
            if burst.is_some() {
                self.at(line, format!("{key}.burst"), format!("a burst goes with {name}"));
            }
            return None;
        };
        if !A_SECOND.contains(&per_second) {
            let message = "write a number from 0.00001 to 1000000, such as 5 or 0.2";
            self.at(line, format!("{key}.{name}"), message);
            return None;
        }
        let burst = burst.map_or_else(|| (per_second * 2.0).ceil().max(1.0) as u32, Into::into);
        Some(Rate { per_second, burst })
    }
}

const NEEDS_FILE: &str = "a daily limit must outlive the process: set `usage: { file: usage.db }`";

/// What the process takes beside statements and results.
const LEAST_BESIDE: usize = 128 << 20;
