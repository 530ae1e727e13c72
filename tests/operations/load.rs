//! Callers who ask without a pause while something else happens.

use crate::mcp::eventually;
use crate::mcp::http::Request;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const CALLERS: usize = 3;

/// Callers who ask one question after the other until they are told to stop.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    callers: Vec<std::thread::JoinHandle<Vec<String>>>,
}

impl Load {
    /// `request` makes the request of a caller; it is sent to `address`.
    pub(super) fn start(address: SocketAddr, request: &Request) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let callers = (0..CALLERS)
            .map(|_| {
                let (stop, answered, request) = (stop.clone(), answered.clone(), request.clone());
                std::thread::spawn(move || {
                    let mut failures = Vec::new();
                    while !stop.load(Ordering::Relaxed) && failures.len() < 5 {
                        match request.try_send(address) {
                            Some(reply) if reply.text().contains("\"isError\":false") => {
                                answered.fetch_add(1, Ordering::Relaxed);
                            }
                            Some(reply) => failures.push(format!("{reply:?}")),
                            None => failures.push("no reply".into()),
                        }
                    }
                    failures
                })
            })
            .collect();
        Self { stop, answered, callers }
    }

    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits for more answers.
    pub(super) fn goes_on(&self) {
        let before = self.answered();
        // A caller who has given up says why at the end.
        let gave_up = || self.callers.iter().any(std::thread::JoinHandle::is_finished);
        let goes_on = || self.answered() > before + CALLERS || gave_up();
        eventually("more answers", || goes_on().then_some(()));
    }

    /// How many were answered; none may have failed.
    pub(super) fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.callers.into_iter().flat_map(|caller| caller.join().unwrap());
        assert_eq!(failures.collect::<Vec<_>>(), Vec::<String>::new());
        self.answered.load(Ordering::Relaxed)
    }
}
