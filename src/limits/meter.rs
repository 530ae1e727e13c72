//! The accounts of all callers and sources.

use super::account::{Account, Pass, Who};
use super::ledger::{Ledger, LedgerError};
use super::plans::Plans;
use super::today;
use crate::error::{Code, Error, Result};
use crate::model::{PlanLimits, Principal};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Callers that are remembered at the same time.
const ACCOUNTS: usize = 10_000;
/// How often what was used goes to the file.
const PACE: Duration = Duration::from_secs(1);

/// Counts what callers and sources are asked for.
#[derive(Debug)]
pub struct Meter {
    plans: ArcSwap<Plans>,
    ledger: Option<Ledger>,
    accounts: Mutex<HashMap<Who, Arc<Account>>>,
    /// One at a time writes to the file.
    writing: tokio::sync::Mutex<()>,
    complained: AtomicBool,
}

impl Meter {
    /// A meter for these plans. Without a file, what was used is forgotten with the process.
    pub fn new(plans: Plans, ledger: Option<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            plans: ArcSwap::from_pointee(plans),
            ledger,
            accounts: Mutex::default(),
            writing: tokio::sync::Mutex::new(()),
            complained: AtomicBool::new(false),
        })
    }

    /// Other plans are in force from now on. What was used stays counted.
    pub fn replace(&self, plans: Plans) {
        self.plans.store(Arc::new(plans));
    }

    /// The limits of the caller's plan.
    pub fn limits(&self, principal: &Principal) -> PlanLimits {
        self.plans.load().of(principal).1
    }

    /// Counts a request of the caller.
    ///
    /// # Errors
    /// `LimitReached`; `Overloaded` where the caller's account cannot be opened.
    pub async fn admit(&self, principal: &Principal) -> Result<()> {
        self.account(principal).await?.admit()
    }

    /// Begins a statement of the caller.
    ///
    /// # Errors
    /// `LimitReached`; `Overloaded` where the caller's account cannot be opened.
    pub async fn begin(&self, principal: &Principal) -> Result<Pass> {
        self.account(principal).await?.begin()
    }

    /// The caller's account.
    ///
    /// # Errors
    /// `Overloaded`: there are too many callers, or the file cannot be read and the plan has a daily limit.
    pub async fn account(&self, principal: &Principal) -> Result<Arc<Account>> {
        let (plan, limits) = self.plans.load().of(principal);
        self.open(Who::caller(principal, plan), limits).await
    }

    /// The account of a source.
    ///
    /// # Errors
    /// As [`Self::account`].
    pub async fn source(&self, name: &str) -> Result<Arc<Account>> {
        let limits = self.plans.load().of_source(name);
        let limits = PlanLimits {
            requests: limits.statements,
            remote_rows_per_day: limits.rows_per_day,
            ..PlanLimits::default()
        };
        self.open(Who::source(name), limits).await
    }

    /// Waits until a source may be sent another statement; gives its account.
    ///
    /// # Errors
    /// As [`Self::account`]; `LimitReached` where its turn comes after `deadline` or the day has no rows left.
    pub async fn turn(&self, source: &str, deadline: Instant) -> Result<Arc<Account>> {
        let account = self.source(source).await?;
        account.has_rows()?;
        while let Some(wait) = account.wait() {
            if Instant::now() + wait >= deadline {
                let message = format!(
                    "source \"{source}\" has more statements waiting than it takes a second"
                );
                return Err(Error::new(Code::LimitReached, message)
                    .with_hint("other sources still answer; try this one again later")
                    .retry_in(wait));
            }
            tokio::time::sleep(wait).await;
        }
        Ok(account)
    }

    /// Writes what was used to the file, now and then, for as long as there is a meter.
    pub fn spawn_flush(self: &Arc<Self>) {
        if self.ledger.is_none() {
            return;
        }
        let meter = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(meter) = meter.upgrade() {
                meter.flush().await;
                drop(meter);
                tokio::time::sleep(PACE).await;
            }
        });
    }

    /// Writes what was used to the file. What cannot be written stays counted here, and is tried again.
    pub async fn flush(&self) {
        let Some(ledger) = &self.ledger else { return };
        let _one = self.writing.lock().await;
        let all: Vec<Arc<Account>> = self.accounts.lock().values().cloned().collect();
        let used = all.iter().map(|account| (account, account.leave()));
        let used: Vec<_> = used.filter(|(_, used)| !used.is_empty()).collect();
        if used.is_empty() {
            return;
        }
        let entries: Vec<_> = used
            .iter()
            .flat_map(|(account, used)| {
                used.iter().map(|(day, usage)| (&account.who, *day, *usage))
            })
            .collect();
        match ledger.add(&entries).await {
            Ok(totals) => {
                let mut totals = totals.into_iter();
                for (account, used) in &used {
                    let days: Vec<_> =
                        used.iter().filter_map(|(day, _)| Some((*day, totals.next()?))).collect();
                    account.settle(Some(&days));
                }
                self.complained.store(false, Ordering::Relaxed);
            }
            Err(error) => {
                used.iter().for_each(|(account, _)| account.settle(None));
                self.complain(&error);
            }
        }
    }

    async fn open(&self, who: Who, limits: PlanLimits) -> Result<Arc<Account>> {
        if let Some(known) = self.known(&who, limits) {
            return Ok(known);
        }
        let day = today();
        let settled = match &self.ledger {
            Some(ledger) => match ledger.remote_rows(&who, day).await {
                Ok(rows) => rows,
                Err(error) if limits.remote_rows_per_day.is_some() => {
                    self.complain(&error);
                    return Err(Error::new(
                        Code::Overloaded,
                        "what was used today cannot be looked up, and there is a daily limit",
                    )
                    .with_hint("try again later, and tell the administrator")
                    .retry_in(PACE)
                    .with_source(error));
                }
                Err(error) => {
                    self.complain(&error);
                    0
                }
            },
            None => 0,
        };
        let account = Arc::new(Account::new(who.clone(), limits, day, settled));
        let mut accounts = self.accounts.lock();
        if accounts.len() >= ACCOUNTS {
            forget_idle(&mut accounts, self.ledger.is_some());
        }
        if accounts.len() >= ACCOUNTS && !accounts.contains_key(&who) {
            return Err(Error::new(Code::Overloaded, "the server has too many callers at a time")
                .with_hint("try again in a few seconds")
                .retry_in(PACE));
        }
        // Another request of the caller may have been quicker.
        Ok(accounts.entry(who).or_insert(account).clone())
    }

    fn known(&self, who: &Who, limits: PlanLimits) -> Option<Arc<Account>> {
        let known = self.accounts.lock().get(who).cloned()?;
        if known.limits() != limits {
            known.set_limits(limits);
        }
        Some(known)
    }

    fn complain(&self, error: &LedgerError) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "what callers use is not written down; it is tried again");
        }
    }
}

/// Makes room: a tenth of the accounts, those that were idle longest. What they used is in the file.
fn forget_idle(accounts: &mut HashMap<Who, Arc<Account>>, in_file: bool) {
    let mut idle: Vec<(Instant, Who)> = accounts
        .values()
        .filter(|account| Arc::strong_count(account) == 1)
        .filter_map(|account| Some((account.idle_since(in_file)?, account.who.clone())))
        .collect();
    idle.sort();
    for (_, who) in idle.iter().take(ACCOUNTS / 10) {
        accounts.remove(who);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::caller;
    use super::*;
    use std::collections::BTreeMap;

    fn plans(rows_per_day: u64) -> Plans {
        let limits =
            PlanLimits { remote_rows_per_day: Some(rows_per_day), ..PlanLimits::default() };
        let named = BTreeMap::from([("default".to_string(), limits)]);
        Plans::new(named, BTreeMap::new(), BTreeMap::new())
    }

    #[tokio::test]
    async fn a_days_rows_outlive_the_process_and_are_shared_with_others() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("usage.db");
        let ana = caller("ana", &[], None);
        let one = Meter::new(plans(100), Some(Ledger::open(&file).await.unwrap()));
        let other = Meter::new(plans(100), Some(Ledger::open(&file).await.unwrap()));
        one.admit(&ana).await.unwrap();
        one.account(&ana).await.unwrap().count(60).unwrap();
        other.account(&ana).await.unwrap().count(60).unwrap();
        one.flush().await;
        drop(one.begin(&ana).await.unwrap());
        other.flush().await;
        // The other one has added to the same row; the first learns it when it writes again.
        assert_eq!(other.begin(&ana).await.unwrap_err().code, Code::LimitReached);
        one.flush().await;
        assert_eq!(one.begin(&ana).await.unwrap_err().code, Code::LimitReached);
        drop(one.begin(&caller("ben", &[], None)).await.unwrap());
        one.flush().await;
        let again = Meter::new(plans(100), Some(Ledger::open(&file).await.unwrap()));
        assert_eq!(again.begin(&ana).await.unwrap_err().code, Code::LimitReached);
        again.replace(plans(1_000));
        drop(again.begin(&ana).await.unwrap());
        let rows = Ledger::open(&file).await.unwrap().since("").await.unwrap();
        let told = rows.iter().map(|r| (&*r.name, r.requests, r.statements, r.remote_rows));
        assert_eq!(told.collect::<Vec<_>>(), [("ana", 1, 1, 120), ("ben", 0, 1, 0)]);
    }

    #[tokio::test]
    async fn what_cannot_be_written_stays_counted_and_what_cannot_be_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("deep/usage.db");
        std::fs::create_dir(directory.path().join("deep")).unwrap();
        let ledger = Ledger::open(&file).await.unwrap();
        *ledger.connection_for_tests().await = None;
        let meter = Meter::new(plans(100), Some(ledger));
        std::fs::remove_dir_all(directory.path().join("deep")).unwrap();
        let refused = meter.begin(&caller("ana", &[], None)).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_seconds()), (Code::Overloaded, Some(1)));
        meter.replace(Plans::default());
        let account = meter.account(&caller("ana", &[], None)).await.unwrap();
        account.count(7).unwrap();
        meter.flush().await;
        assert_eq!(account.leave()[0].1.remote_rows, 7);
    }

    #[tokio::test]
    async fn callers_are_bounded_and_the_idle_ones_are_forgotten() {
        let meter = Meter::new(Plans::default(), None);
        let busy = meter.begin(&caller("busy", &[], None)).await.unwrap();
        for number in 0..ACCOUNTS + 5 {
            meter.admit(&caller(&number.to_string(), &[], None)).await.unwrap();
        }
        let accounts = meter.accounts.lock();
        assert!(accounts.len() <= ACCOUNTS);
        assert!(accounts.contains_key(&busy.account().who));
    }

    #[tokio::test]
    async fn a_source_makes_statements_wait_up_to_their_deadline() {
        let statements = Some(crate::model::Rate { per_second: 0.1, burst: 1 });
        let limits = crate::model::SourceLimits { statements, rows_per_day: None };
        let sources = BTreeMap::from([("shop".to_string(), limits)]);
        let meter = Meter::new(Plans::new(BTreeMap::new(), BTreeMap::new(), sources), None);
        let soon = || Instant::now() + Duration::from_secs(1);
        meter.turn("shop", soon()).await.unwrap();
        let refused = meter.turn("shop", soon()).await.unwrap_err();
        assert_eq!(refused.code, Code::LimitReached);
        meter.turn("desk", soon()).await.unwrap();
    }
}
