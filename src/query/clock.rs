//! How long the stages of a statement take.

use std::time::Instant;

/// Times the stages, for those who turn on debug logs.
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn lap(&mut self, stage: &'static str) {
        tracing::debug!(stage, micros = self.0.elapsed().as_micros());
        self.0 = Instant::now();
    }
}
