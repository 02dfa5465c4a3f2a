//! Faults that a test or a demonstration switches on: throttling, failing calls, slow calls, dead or stuck name servers.
//!
//! Every fault starts switched off. A fault never damages the store: once it is off again, everything works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::api::operation::Operation;
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
    later: watch::Sender<Duration>,
}

#[derive(Debug)]
struct ApiFaults {
    bucket: Option<TokenBucket>,
    fail_next: u32,
    fail_code: String,
    throttled: Every,
    failed: Every,
    latency: Duration,
}

/// A part of all calls.
#[derive(Debug, Default)]
struct Every {
    /// 0 for none.
    nth: u64,
    calls: u64,
    hits: u64,
}

impl Every {
    /// Which hit this call is, if it is one.
    fn next(&mut self) -> Option<u64> {
        if self.nth == 0 {
            return None;
        }
        self.calls += 1;
        if !self.calls.is_multiple_of(self.nth) {
            return None;
        }
        self.hits += 1;
        Some(self.hits - 1)
    }
}

/// How a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Before anything was done.
    Before(String),
    /// Everything was done, and the answer got lost.
    After(String),
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
                    throttled: Every::default(),
                    failed: Every::default(),
                    latency: Duration::ZERO,
                }),
                down: std::array::from_fn(|_| AtomicBool::new(false)),
                frozen: std::array::from_fn(|_| watch::Sender::new(false)),
                later: watch::Sender::new(Duration::ZERO),
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

    /// Throttles every `n`th call: with `Throttling`, and changes of records in turn with `PriorRequestNotComplete`. 0 ends
    /// the fault.
    pub fn throttle_every(&self, n: u32) {
        self.api().throttled = Every { nth: u64::from(n), ..Every::default() };
    }

    /// Makes every `n`th call fail: with 500, with 503, and with 500 after it was carried out, in turn. 0 ends the fault.
    pub fn fail_every(&self, n: u32) {
        self.api().failed = Every { nth: u64::from(n), ..Every::default() };
    }

    /// Lets the name servers take every change up later than they do by themselves, each at a moment of its own, the last
    /// one by `later`. Zero ends the fault, and what is late is taken up at once.
    pub fn take_up_later(&self, later: Duration) {
        self.shared.later.send_replace(later);
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

    /// By how much this name server is late.
    pub(crate) fn later(&self, index: usize) -> (watch::Receiver<Duration>, f64) {
        let share = (index + 1) as f64 / NAME_SERVER_COUNT as f64;
        (self.shared.later.subscribe(), share)
    }

    /// How the call of `operation` arriving at `now` must fail, if it must. Takes a token.
    pub(crate) fn refuse_call(&self, operation: &Operation, now: Instant) -> Option<Refusal> {
        let mut api = self.api();
        if let Some(hit) = api.throttled.next() {
            let is_change = matches!(operation, Operation::ChangeResourceRecordSets { .. });
            let code = if is_change && hit % 2 == 1 { "PriorRequestNotComplete" } else { "Throttling" };
            return Some(Refusal::Before(code.to_owned()));
        }
        if let Some(hit) = api.failed.next() {
            return Some(match hit % 3 {
                0 => Refusal::Before("InternalFailure".to_owned()),
                1 => Refusal::Before("ServiceUnavailable".to_owned()),
                _ => Refusal::After("InternalFailure".to_owned()),
            });
        }
        api.refuse_by_count_or_quota(now).map(Refusal::Before)
    }

    fn api(&self) -> std::sync::MutexGuard<'_, ApiFaults> {
        self.shared.api.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ApiFaults {
    fn refuse_by_count_or_quota(&mut self, now: Instant) -> Option<String> {
        if self.fail_next > 0 {
            self.fail_next -= 1;
            return Some(self.fail_code.clone());
        }
        let bucket = self.bucket.as_mut()?;
        let elapsed = now.saturating_duration_since(bucket.refilled_at);
        bucket.refilled_at = now;
        bucket.tokens = (bucket.tokens + elapsed.as_secs_f64() * REQUESTS_PER_SECOND).min(REQUESTS_BURST);
        if bucket.tokens < 1.0 {
            return Some("Throttling".to_owned());
        }
        bucket.tokens -= 1.0;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(faults: &Faults, now: Instant) -> Option<Refusal> {
        faults.refuse_call(&Operation::ListHostedZones, now)
    }

    fn before(code: &str) -> Refusal {
        Refusal::Before(code.to_owned())
    }

    #[test]
    fn every_second_call_is_throttled_in_the_codes_that_its_operation_has() {
        let faults = Faults::new();
        faults.throttle_every(2);
        let now = Instant::now();
        let change = Operation::ChangeResourceRecordSets { zone: "Z1".to_owned() };
        let changes: Vec<_> = (0..4).map(|_| faults.refuse_call(&change, now)).collect();
        assert_eq!(
            changes,
            [None, Some(before("Throttling")), None, Some(before("PriorRequestNotComplete"))]
        );
        let lists: Vec<_> = (0..4).map(|_| call(&faults, now)).collect();
        assert_eq!(lists, [None, Some(before("Throttling")), None, Some(before("Throttling"))]);
        faults.throttle_every(0);
        assert!((0..10).all(|_| call(&faults, now).is_none()));
    }

    #[test]
    fn failing_calls_take_turns() {
        let faults = Faults::new();
        faults.fail_every(1);
        let now = Instant::now();
        let calls: Vec<_> = (0..3).map(|_| call(&faults, now)).collect();
        let after = Refusal::After("InternalFailure".to_owned());
        assert_eq!(calls, [before("InternalFailure"), before("ServiceUnavailable"), after].map(Some));
    }

    #[test]
    fn nothing_is_refused_while_no_fault_is_on() {
        let faults = Faults::new();
        let now = Instant::now();
        assert!((0..100).all(|_| call(&faults, now).is_none()));
    }

    #[test]
    fn throttles_after_the_burst_and_recovers_at_five_per_second() {
        let faults = Faults::new();
        faults.set_throttled(true);
        let start = Instant::now() + Duration::from_mins(1);
        let passed = (0..20).filter(|_| call(&faults, start).is_none()).count();
        assert_eq!(passed, 10);
        let later = start + Duration::from_secs(1);
        let passed = (0..20).filter(|_| call(&faults, later).is_none()).count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn fails_exactly_the_next_calls() {
        let faults = Faults::new();
        faults.fail_next(2, "PriorRequestNotComplete");
        let now = Instant::now();
        assert_eq!(call(&faults, now), Some(before("PriorRequestNotComplete")));
        assert!(call(&faults, now).is_some());
        assert!(call(&faults, now).is_none());
    }
}
