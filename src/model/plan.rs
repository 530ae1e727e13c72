//! Limits that a caller's plan sets.

use std::time::Duration;

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Times a second, on average.
    pub per_second: f64,
    /// How many may come at once.
    pub burst: u32,
}

/// What one caller may ask for. What is absent is bounded by the server's own limits alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PlanLimits {
    /// Requests.
    pub requests: Option<Rate>,
    /// Statements that run at the same time.
    pub concurrent_queries: Option<usize>,
    /// Rows of an answer that are kept.
    pub rows: Option<usize>,
    /// Bytes of an answer that are kept.
    pub bytes: Option<usize>,
    /// The longest a statement may take.
    pub time: Option<Duration>,
    /// Rows that sources may return for the caller's statements in one day (UTC).
    pub remote_rows_per_day: Option<u64>,
}

/// What a source may be asked for by all callers together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SourceLimits {
    /// Statements; one too many waits.
    pub statements: Option<Rate>,
    /// Rows that it may return in one day (UTC).
    pub rows_per_day: Option<u64>,
}

impl PlanLimits {
    /// These limits, with those of `other` where one is not set.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            requests: self.requests.or(other.requests),
            concurrent_queries: self.concurrent_queries.or(other.concurrent_queries),
            rows: self.rows.or(other.rows),
            bytes: self.bytes.or(other.bytes),
            time: self.time.or(other.time),
            remote_rows_per_day: self.remote_rows_per_day.or(other.remote_rows_per_day),
        }
    }

    /// Of each limit the wider one; one that is not set is the widest.
    #[must_use]
    pub fn wider(self, other: &Self) -> Self {
        fn most<T>(one: Option<T>, other: Option<T>, larger: impl Fn(T, T) -> T) -> Option<T> {
            Some(larger(one?, other?))
        }
        Self {
            requests: most(self.requests, other.requests, |a, b| Rate {
                per_second: a.per_second.max(b.per_second),
                burst: a.burst.max(b.burst),
            }),
            concurrent_queries: most(self.concurrent_queries, other.concurrent_queries, Ord::max),
            rows: most(self.rows, other.rows, Ord::max),
            bytes: most(self.bytes, other.bytes, Ord::max),
            time: most(self.time, other.time, Ord::max),
            remote_rows_per_day: most(
                self.remote_rows_per_day,
                other.remote_rows_per_day,
                Ord::max,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_comes_from_the_other_and_is_the_widest() {
        let rate = |per_second, burst| Some(Rate { per_second, burst });
        let one = PlanLimits {
            requests: rate(5.0, 1),
            rows: Some(10),
            bytes: Some(7),
            ..PlanLimits::default()
        };
        let other = PlanLimits { requests: rate(2.0, 9), rows: Some(20), ..PlanLimits::default() };
        assert_eq!(one.or(&other), one);
        assert_eq!(other.or(&one).bytes, Some(7));
        let wider = one.wider(&other);
        assert_eq!(
            wider,
            PlanLimits { requests: rate(5.0, 9), rows: Some(20), ..PlanLimits::default() }
        );
    }
}
