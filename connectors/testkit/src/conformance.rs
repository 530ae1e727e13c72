//! The checks that every connector passes against a real server.
//!
//! A connector instantiates the suite in `tests/conformance.rs`:
//!
//! ```ignore
//! #[tokio::test(flavor = "multi_thread")]
//! async fn conformance() {
//!     let fixture = MyFixture::start().await; // loads testkit::script::script(...)
//!     celosia_connector_testkit::conformance::conformance(&fixture).await;
//! }
//! ```

mod budget;
mod describe;
mod errors;
mod governed;
mod hostile;
mod interrupt;
mod masks;
mod order;
mod pushdown;
mod types;

use crate::fixture::Fixture;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// What a check says: nothing, or what was wrong.
pub type Outcome = Result<(), String>;

/// One thing that every connector does.
pub struct Check {
    /// What is held, as a sentence.
    pub name: &'static str,
    run: for<'a> fn(&'a dyn Fixture) -> BoxFuture<'a, Outcome>,
}

/// The longest that one check may take.
const LONGEST: Duration = Duration::from_secs(120);

impl Check {
    /// Runs the check; a panic and a check that does not end are failures like any other.
    ///
    /// # Errors
    /// What was wrong.
    pub async fn run(&self, fixture: &dyn Fixture) -> Outcome {
        let check = AssertUnwindSafe((self.run)(fixture)).catch_unwind();
        match tokio::time::timeout(LONGEST, check).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(words(&*panic)),
            Err(_) => Err(format!("did not end within {LONGEST:?}")),
        }
    }
}

macro_rules! checks {
    ($($name:literal => $run:path,)*) => {
        vec![$(Check { name: $name, run: |fixture| Box::pin($run(fixture)) }),*]
    };
}

/// Every check, in the order in which failures are best read.
pub fn checks() -> Vec<Check> {
    checks![
        "a server is reached" => describe::ping,
        "tables and views are described" => describe::tables,
        "columns are described with their types" => describe::columns,
        "keys are described" => describe::keys,
        "comments are described" => describe::comments,
        "every type arrives exactly, at its extremes and as NULL" => types::every_type,
        "a value without an exact form is an error that names its column" => types::unrepresentable,
        "unfit values can be deferred" => types::deferred,
        "batches are bounded and a large result is whole" => types::batches,
        "what is on is sent and equals local evaluation" => pushdown::comparisons,
        "IN lists equal local evaluation" => pushdown::lists,
        "NULL tests equal local evaluation" => pushdown::null_tests,
        "patterns equal local evaluation" => pushdown::patterns,
        "comparisons of columns equal local evaluation" => pushdown::columns,
        "connectives keep three-valued logic" => pushdown::connectives,
        "what is off is not pushed" => pushdown::off,
        "order, with NULLs first and last, equals local order" => order::sorts,
        "limits hold, and a read without columns counts rows" => order::limits,
        "masks at the source give the local value" => masks::each,
        "a masked column is compared by its mask" => masks::compared,
        "row filter, cell filter, mask and predicate work together" => governed::together,
        "a predicate sees open rows and governed values only" => governed::innermost,
        "hostile names are quoted" => hostile::names,
        "a source takes as many statements as its budget says" => budget::queue,
        "a deadline stops a statement" => budget::deadline,
        "a statement may not return more than its bytes" => budget::bytes,
        "a dropped statement stops at the source" => interrupt::cancel,
        "a dropped stream leaves a clean connection" => interrupt::reuse,
        "concurrent statements get their own rows" => interrupt::concurrent,
        "a restart is a clean error, and then all is well" => interrupt::restart,
        "nothing can be written" => errors::writes,
        "a stale catalog is told from other failures" => errors::stale,
    ]
}

/// Runs every check and returns the failures by name.
pub async fn run_all(fixture: &dyn Fixture) -> Vec<(&'static str, String)> {
    let mut failures = Vec::new();
    for check in checks() {
        if let Err(failure) = check.run(fixture).await {
            failures.push((check.name, failure));
        }
    }
    failures
}

/// Runs every check.
///
/// # Panics
/// Some checks failed; each is named with what was wrong.
pub async fn conformance(fixture: &dyn Fixture) {
    let failures = run_all(fixture).await;
    let told: Vec<String> =
        failures.iter().map(|(name, failure)| format!("* {name}\n    {failure}")).collect();
    assert!(failures.is_empty(), "{} checks failed\n{}", failures.len(), told.join("\n"));
}

/// Fails a check unless a condition holds.
fn ensure(condition: bool, failure: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(failure()) }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_string()
}
