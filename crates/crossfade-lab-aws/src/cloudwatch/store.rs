//! Requests by the second, per metric.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// "Data points with a period of less than 60 seconds are available for 3 hours" (CloudWatch, metrics retention).
const KEPT_SECONDS: u64 = 3 * 60 * 60;

/// What tells a metric from others of its name: names and values, by name.
pub(super) type Dimensions = BTreeMap<String, String>;

#[derive(Debug)]
pub(super) struct Store {
    zone: String,
    /// Requests by second since 1970.
    counts: Mutex<BTreeMap<Dimensions, BTreeMap<u64, u64>>>,
}

impl Store {
    pub(super) fn new(region: &str) -> Store {
        Store { zone: format!("{region}a"), counts: Mutex::default() }
    }

    /// Adds to the metric of the load balancer as a whole, and to that of its one zone.
    pub(super) fn count(&self, load_balancer: &str, second: u64, requests: u64) {
        let whole = Dimensions::from([("LoadBalancer".to_owned(), load_balancer.to_owned())]);
        let mut of_zone = whole.clone();
        of_zone.insert("AvailabilityZone".to_owned(), self.zone.clone());
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for dimensions in [whole, of_zone] {
            let seconds = counts.entry(dimensions).or_default();
            *seconds.entry(second).or_default() += requests;
            while seconds.first_key_value().is_some_and(|(first, _)| first + KEPT_SECONDS < second) {
                seconds.pop_first();
            }
        }
    }

    /// Every metric that has data.
    pub(super) fn metrics(&self) -> Vec<Dimensions> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Requests per period that begins in `from..until`, by its beginning; periods without any are missing. `period` is not 0.
    pub(super) fn sums(
        &self,
        dimensions: &Dimensions,
        from: u64,
        until: u64,
        period: u64,
    ) -> BTreeMap<u64, u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = BTreeMap::new();
        let Some(seconds) = counts.get(dimensions) else { return sums };
        // Both ends are taken back to where a period begins.
        for (second, requests) in seconds.range(from - from % period..until.max(from)) {
            *sums.entry(second - second % period).or_default() += requests;
        }
        sums
    }
}
