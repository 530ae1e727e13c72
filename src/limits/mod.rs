//! What each caller and each source may be asked for, and what they have used.
//!
//! A request passes [`Meter::admit`] (how often), a statement [`Meter::begin`] (how many at a time, how much a
//! day), and every row that a source returns is counted while it is read. What was used is kept for each caller and
//! day in a file, so that a day's limit outlives the process.

mod account;
#[cfg(feature = "ballista")]
mod elsewhere;
mod ledger;
mod meter;
mod plans;
#[cfg(test)]
mod testing;

pub use account::{Account, Pass};
#[cfg(feature = "ballista")]
pub use elsewhere::Allowance;
pub use ledger::{Ledger, LedgerError, LedgerRow};
pub use meter::Meter;
pub use plans::Plans;

/// A day, counted from the beginning of 1970 (UTC).
type Day = i64;

const SECONDS_A_DAY: i64 = 86_400;

fn today() -> Day {
    chrono::Utc::now().timestamp().div_euclid(SECONDS_A_DAY)
}

/// How long this day still is.
fn left_of_today() -> std::time::Duration {
    let gone = chrono::Utc::now().timestamp().rem_euclid(SECONDS_A_DAY);
    std::time::Duration::from_secs((SECONDS_A_DAY - gone).unsigned_abs())
}
