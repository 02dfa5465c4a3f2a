//! Faults that a test or a demonstration switches on: throttling, failing calls, slow calls, dead or stuck name servers.
//!
//! Every fault starts switched off. A fault never damages the store: once it is off again, everything works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::service::NAME_SERVER_COUNT;

/// Route 53 serves five API requests per second and account (its developer guide, "Quotas": "All requests").
const REQUESTS_PER_SECOND: f64 = 5.0;
/// Requests that pass at once after a quiet time. AWS does not publish its burst; twice the rate lets a client page
/// through one zone without a refusal and still refuses a loop.
const REQUESTS_BURST: f64 = 10.0;

/// A handle on the faults of one [`Route53`](crate::Route53).
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    api: Mutex<ApiFaults>,
    down: [AtomicBool; NAME_SERVER_COUNT],
    frozen: [watch::Sender<bool>; NAME_SERVER_COUNT],
}

#[derive(Debug)]
struct ApiFaults {
    bucket: Option<TokenBucket>,
    fail_next: u32,
    fail_code: String,
    latency: Duration,
}

#[derive(Debug)]
struct TokenBucket {
    tokens: f64,
    refilled_at: Instant,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                api: Mutex::new(ApiFaults {
                    bucket: None,
                    fail_next: 0,
                    fail_code: String::new(),
                    latency: Duration::ZERO,
                }),
                down: std::array::from_fn(|_| AtomicBool::new(false)),
                frozen: std::array::from_fn(|_| watch::Sender::new(false)),
            }),
        }
    }

    /// Enforces Route 53's request quota (five a second for the whole account, with a burst): calls above it get
    /// `Throttling`, "Rate exceeded".
    pub fn set_throttled(&self, throttled: bool) {
        self.api().bucket =
            throttled.then(|| TokenBucket { tokens: REQUESTS_BURST, refilled_at: Instant::now() });
    }

    /// Makes the next `n` Route 53 calls fail with error code `code`, before they do anything. `n` = 0 ends the fault.
    pub fn fail_next(&self, n: u32, code: &str) {
        let mut api = self.api();
        api.fail_next = n;
        code.clone_into(&mut api.fail_code);
    }

    /// Delays every Route 53 API answer by `latency`.
    pub fn api_latency(&self, latency: Duration) {
        self.api().latency = latency;
    }

    /// Takes the name server at `index` (0 to 3) off the network, or puts it back. It goes on taking changes up.
    pub fn name_server_down(&self, index: usize, down: bool) {
        if let Some(cell) = self.shared.down.get(index) {
            cell.store(down, Ordering::Relaxed);
        }
    }

    /// Stops the name server at `index` (0 to 3) from taking changes up, or lets it catch up. While one is frozen,
    /// changes stay `PENDING`.
    pub fn freeze_take_up(&self, index: usize, frozen: bool) {
        if let Some(cell) = self.shared.frozen.get(index) {
            cell.send_replace(frozen);
        }
    }

    pub(crate) fn is_down(&self, index: usize) -> bool {
        self.shared.down[index].load(Ordering::Relaxed)
    }

    pub(crate) fn frozen(&self, index: usize) -> watch::Receiver<bool> {
        self.shared.frozen[index].subscribe()
    }

    pub(crate) fn latency(&self) -> Duration {
        self.api().latency
    }

    /// The error code that the call arriving at `now` must fail with, if any. Takes a token.
    pub(crate) fn refuse_call(&self, now: Instant) -> Option<String> {
        let mut api = self.api();
        if api.fail_next > 0 {
            api.fail_next -= 1;
            return Some(api.fail_code.clone());
        }
        let bucket = api.bucket.as_mut()?;
        let elapsed = now.saturating_duration_since(bucket.refilled_at);
        bucket.refilled_at = now;
        bucket.tokens = (bucket.tokens + elapsed.as_secs_f64() * REQUESTS_PER_SECOND).min(REQUESTS_BURST);
        if bucket.tokens < 1.0 {
            return Some("Throttling".to_owned());
        }
        bucket.tokens -= 1.0;
        None
    }

    fn api(&self) -> std::sync::MutexGuard<'_, ApiFaults> {
        self.shared.api.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_refused_while_no_fault_is_on() {
        let faults = Faults::new();
        let now = Instant::now();
        assert!((0..100).all(|_| faults.refuse_call(now).is_none()));
    }

    #[test]
    fn throttles_after_the_burst_and_recovers_at_five_per_second() {
        let faults = Faults::new();
        faults.set_throttled(true);
        let start = Instant::now() + Duration::from_mins(1);
        let passed = (0..20).filter(|_| faults.refuse_call(start).is_none()).count();
        assert_eq!(passed, 10);
        let later = start + Duration::from_secs(1);
        let passed = (0..20).filter(|_| faults.refuse_call(later).is_none()).count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn fails_exactly_the_next_calls() {
        let faults = Faults::new();
        faults.fail_next(2, "PriorRequestNotComplete");
        let now = Instant::now();
        assert_eq!(faults.refuse_call(now).as_deref(), Some("PriorRequestNotComplete"));
        assert!(faults.refuse_call(now).is_some());
        assert!(faults.refuse_call(now).is_none());
    }
}
