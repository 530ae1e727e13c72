//! What another process that works for a caller has to know of the caller's account.

use super::account::{Account, Who};
use super::today;
use crate::model::PlanLimits;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The rows that a plan allows a day, and those that were read when a statement began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Allowance {
    plan: String,
    most: u64,
    read: u64,
}

impl Account {
    /// What is left of the day; `None` where nothing limits it.
    pub fn allowance(&self) -> Option<Allowance> {
        let most = self.limits().remote_rows_per_day?;
        Some(Allowance { plan: self.who.plan.to_string(), most, read: self.read_today() })
    }

    /// The account of a caller whose rows another process counts: it ends a read that goes beyond what was left.
    pub fn elsewhere(allowance: Option<&Allowance>) -> Arc<Self> {
        let limits = PlanLimits {
            remote_rows_per_day: allowance.map(|allowance| allowance.most),
            ..PlanLimits::default()
        };
        let plan = allowance.map_or("", |allowance| &allowance.plan);
        let read = allowance.map_or(0, |allowance| allowance.read);
        Arc::new(Self::new(Who::of_plan(plan), limits, today(), read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_read_elsewhere_ends_where_the_day_does() {
        let allowance = Allowance { plan: "small".into(), most: 100, read: 60 };
        let account = Account::elsewhere(Some(&allowance));
        account.count(40).unwrap();
        let over = account.count(1).unwrap_err();
        assert_eq!(over.code, Code::LimitReached);
        assert!(over.hint.unwrap().contains("plan \"small\" allows 100"));
        assert_eq!(account.allowance().unwrap().read, 101);
        Account::elsewhere(None).count(u64::from(u32::MAX)).unwrap();
    }
}
