//! What can be made to go wrong with an API server: requests that fail, connections that break, watches that end, answers
//! that come late.
//!
//! Every fault starts switched off. A fault never damages the objects: once it is off again, everything is as it was
//! written. Who uses [`Store`](crate::Store) directly never meets one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// A handle on the faults of one [`ApiServer`](crate::ApiServer).
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// 0 while no request fails.
    fail_every: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    latency_ms: AtomicU64,
    down: watch::Sender<bool>,
    cut_every: watch::Sender<Option<Duration>>,
    cuts: AtomicU64,
}

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// 500, nothing was done.
    Internal,
    /// 503, nothing was done.
    Unavailable,
    /// 429 with `Retry-After`, nothing was done.
    TooMany,
    /// 500, although everything was done: the answer of the store came too late.
    InternalButDone,
}

/// How a watch ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// As at the end of its life.
    Closed,
    /// An event says that the history is gone.
    Expired,
    /// In the middle of an event.
    Broken,
}

impl Faults {
    pub(crate) fn new() -> Faults {
        Faults {
            shared: Arc::new(Shared {
                fail_every: AtomicU64::new(0),
                requests: AtomicU64::new(0),
                failures: AtomicU64::new(0),
                latency_ms: AtomicU64::new(0),
                down: watch::Sender::new(false),
                cut_every: watch::Sender::new(None),
                cuts: AtomicU64::new(0),
            }),
        }
    }

    /// Every `n`th request of users fails, reads and writes alike: with 500, 503, 429 and `Retry-After`, and with 500
    /// after it was carried out, in turn. 0 ends the fault.
    pub fn fail_every(&self, n: u32) {
        self.shared.fail_every.store(u64::from(n), Ordering::Relaxed);
    }

    /// Breaks all connections, and every one that comes, until `down` is false.
    pub fn set_down(&self, down: bool) {
        self.shared.down.send_replace(down);
    }

    /// Ends every watch after about `every`: closed, with `410 Expired` as its last event, or in the middle of an event,
    /// in turn. `None` ends the fault.
    pub fn cut_watches(&self, every: Option<Duration>) {
        self.shared.cut_every.send_replace(every);
    }

    /// Delays every answer; zero ends the fault.
    pub fn set_latency(&self, latency: Duration) {
        let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.shared.latency_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// How the request that has come now fails, if it does.
    pub(crate) fn next_failure(&self) -> Option<Failure> {
        const TURNS: [Failure; 4] =
            [Failure::Internal, Failure::Unavailable, Failure::TooMany, Failure::InternalButDone];
        let every = self.shared.fail_every.load(Ordering::Relaxed);
        if every == 0 {
            return None;
        }
        let number = self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
        number.is_multiple_of(every).then(|| TURNS[turn(&self.shared.failures, TURNS.len())])
    }

    /// Waits as long as an answer is late.
    pub(crate) async fn wait(&self) {
        let milliseconds = self.shared.latency_ms.load(Ordering::Relaxed);
        if milliseconds > 0 {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
    }

    pub(crate) fn is_down(&self) -> bool {
        *self.shared.down.borrow()
    }

    /// Returns when connections break.
    pub(crate) async fn wait_until_down(&self) {
        // The sender lives as long as this handle, so waiting cannot fail.
        let _ = self.shared.down.subscribe().wait_for(|down| *down).await;
    }

    /// Returns when a watch that begins now is to end.
    pub(crate) async fn wait_for_cut(&self) -> Cut {
        const TURNS: [Cut; 3] = [Cut::Closed, Cut::Expired, Cut::Broken];
        let mut every = self.shared.cut_every.subscribe();
        loop {
            let Some(period) = *every.borrow_and_update() else {
                let _ = every.changed().await;
                continue;
            };
            // Not all at the same moment: half of the period is drawn.
            let wait = period.mul_f64(0.5 + fastrand::f64());
            tokio::select! {
                () = tokio::time::sleep(wait) => return TURNS[turn(&self.shared.cuts, TURNS.len())],
                _ = every.changed() => {}
            }
        }
    }
}

/// The index whose turn it is.
fn turn(counter: &AtomicU64, turns: usize) -> usize {
    usize::try_from(counter.fetch_add(1, Ordering::Relaxed)).unwrap_or_default() % turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_request_fails_each_time_in_another_way() {
        let faults = Faults::new();
        assert!((0..10).all(|_| faults.next_failure().is_none()));
        faults.fail_every(3);
        let failures: Vec<Option<Failure>> = (0..12).map(|_| faults.next_failure()).collect();
        let expected = [Failure::Internal, Failure::Unavailable, Failure::TooMany, Failure::InternalButDone];
        assert_eq!(failures.iter().flatten().copied().collect::<Vec<_>>(), expected);
        assert_eq!(failures.iter().position(Option::is_some), Some(2));
        faults.fail_every(0);
        assert!((0..10).all(|_| faults.next_failure().is_none()));
    }
}
