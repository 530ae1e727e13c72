//! Progress of a long call, for clients that asked for it.

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const EVERY: Duration = Duration::from_secs(1);

/// Runs `work`, and tells the client every second that it still runs, if the client gave a token.
pub(super) async fn reporting<T>(
    peer: &Peer<RoleServer>,
    token: Option<ProgressToken>,
    work: impl Future<Output = T>,
) -> T {
    let Some(token) = token else { return work.await };
    with_reports(work, |seconds| {
        let report = ProgressNotificationParam::new(token.clone(), f64::from(seconds))
            .with_message(format!("still running after {seconds} s"));
        async move {
            // A client that no longer listens ends the call by its own disconnect.
            let _ = peer.notify_progress(report).await;
        }
    })
    .await
}

/// Runs `work`, and tells the client of each stage it comes to, and every second that it still runs, if the client gave a token.
pub(super) async fn reporting_stages<T>(
    peer: &Peer<RoleServer>,
    token: Option<ProgressToken>,
    mut stages: watch::Receiver<&'static str>,
    work: impl Future<Output = T>,
) -> T {
    let Some(token) = token else { return work.await };
    let mut work = pin!(work);
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut count, mut open) = (0, true);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            changed = stages.changed(), if open => open = changed.is_ok(),
            _ = ticks.tick() => {}
        }
        count += 1;
        let stage = *stages.borrow_and_update();
        let report =
            ProgressNotificationParam::new(token.clone(), f64::from(count)).with_message(stage);
        // A slow client must not hold the answer back.
        tokio::select! {
            biased;
            result = &mut work => return result,
            _ = peer.notify_progress(report) => {}
        }
    }
}

async fn with_reports<T, R: Future<Output = ()>>(
    work: impl Future<Output = T>,
    mut report: impl FnMut(u32) -> R,
) -> T {
    let mut work = pin!(work);
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seconds = 0;
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            _ = ticks.tick() => seconds += 1,
        }
        // A slow client must not hold the answer back.
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = report(seconds) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[tokio::test]
    async fn short_work_reports_nothing() {
        let reports = RefCell::new(Vec::new());
        let result = with_reports(async { 7 }, |seconds| {
            reports.borrow_mut().push(seconds);
            async {}
        })
        .await;
        assert_eq!((result, reports.into_inner()), (7, vec![]));
    }

    #[tokio::test]
    async fn long_work_reports_and_a_stuck_report_does_not_stop_it() {
        let reports = RefCell::new(Vec::new());
        let work = tokio::time::sleep(Duration::from_millis(2400));
        with_reports(work, |seconds| {
            reports.borrow_mut().push(seconds);
            async move {
                if seconds == 2 {
                    std::future::pending::<()>().await;
                }
            }
        })
        .await;
        assert_eq!(reports.into_inner(), vec![1, 2]);
    }
}
