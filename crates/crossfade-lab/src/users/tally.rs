//! What simulated users have seen: counts, failures, and the shares of the last seconds.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Failures kept with their particulars; the first ones tell most. All are counted.
const FAILURES_MAX: usize = 20_000;
/// What "recent" means for shares: long enough for a share to mean something, short enough to see a step.
const RECENT: Duration = Duration::from_secs(5);
/// Recent requests kept at most.
const RECENT_MAX: usize = 10_000;
/// The cluster of requests whose address nobody has named yet.
pub(super) const UNKNOWN: &str = "unknown";

/// Counts of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that got an answer or failed.
    pub sent: u64,
    /// Of those, the failed ones.
    pub failed: u64,
    /// Requests, failed ones too, by the cluster whose load balancer they connected to; `unknown` where the address is
    /// not known.
    pub by_cluster: BTreeMap<String, u64>,
}

/// One request that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When it failed, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Whom it was for.
    pub host: String,
    /// The load balancer's address, if the name was resolved.
    pub address: Option<Ipv4Addr>,
    /// That address's cluster, if it is known.
    pub cluster: Option<String>,
    /// True for users who keep answers longer than they may.
    pub overstaying: bool,
    /// What went wrong.
    pub reason: String,
}

/// All that the users have seen so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserTotals {
    /// Users who keep answers as long as their TTL says.
    pub regular: Tally,
    /// Users who keep them up to three times as long.
    pub overstaying: Tally,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// Requests of the last seconds by host and cluster.
    pub recent: BTreeMap<String, BTreeMap<String, u64>>,
}

impl UserTotals {
    /// The share of each cluster among the requests to `host` in the last seconds; they add up to 1, or nothing is
    /// known.
    pub fn recent_shares(&self, host: &str) -> BTreeMap<String, f64> {
        let Some(counts) = self.recent.get(host) else { return BTreeMap::new() };
        let total: u64 = counts.values().sum();
        counts.iter().map(|(cluster, &count)| (cluster.clone(), count as f64 / total as f64)).collect()
    }

    /// Requests of all users.
    pub fn sent(&self) -> u64 {
        self.regular.sent + self.overstaying.sent
    }

    /// Failed requests of all users.
    pub fn failed(&self) -> u64 {
        self.regular.failed + self.overstaying.failed
    }
}

/// How one request ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) host: String,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) cluster: Option<String>,
    pub(super) overstaying: bool,
    /// Why it failed.
    pub(super) failure: Option<String>,
    pub(super) at_unix_ms: u64,
}

/// Adds outcomes up.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    totals: UserTotals,
    recent: VecDeque<(Instant, String, String)>,
}

impl Ledger {
    pub(super) fn add(&mut self, outcome: Outcome, now: Instant) {
        let cluster = outcome.cluster.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let tally = if outcome.overstaying { &mut self.totals.overstaying } else { &mut self.totals.regular };
        tally.sent += 1;
        *tally.by_cluster.entry(cluster.clone()).or_default() += 1;
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((now, outcome.host.clone(), cluster));
        let Some(reason) = outcome.failure else { return };
        tally.failed += 1;
        if self.totals.failures.len() < FAILURES_MAX {
            self.totals.failures.push(Failure {
                at_unix_ms: outcome.at_unix_ms,
                host: outcome.host,
                address: outcome.address,
                cluster: outcome.cluster,
                overstaying: outcome.overstaying,
                reason,
            });
        }
    }

    pub(super) fn totals(&mut self, now: Instant) -> UserTotals {
        while self.recent.front().is_some_and(|(at, ..)| now.duration_since(*at) > RECENT) {
            self.recent.pop_front();
        }
        let mut totals = self.totals.clone();
        for (_, host, cluster) in &self.recent {
            *totals.recent.entry(host.clone()).or_default().entry(cluster.clone()).or_default() += 1;
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_outcome(cluster: &str, overstaying: bool, failure: Option<&str>) -> Outcome {
        Outcome {
            host: "a.example.org".to_owned(),
            address: Some(Ipv4Addr::new(127, 64, 0, 1)),
            cluster: Some(cluster.to_owned()),
            overstaying,
            failure: failure.map(str::to_owned),
            at_unix_ms: 1,
        }
    }

    #[test]
    fn users_who_overstay_are_counted_apart() {
        let now = Instant::now();
        let mut ledger = Ledger::default();
        ledger.add(mk_outcome("blue", false, None), now);
        ledger.add(mk_outcome("green", false, Some("timeout")), now);
        ledger.add(mk_outcome("blue", true, Some("refused")), now);
        let totals = ledger.totals(now);
        assert_eq!((totals.regular.sent, totals.regular.failed), (2, 1));
        assert_eq!((totals.overstaying.sent, totals.overstaying.failed), (1, 1));
        assert_eq!((totals.sent(), totals.failed(), totals.failures.len()), (3, 2, 2));
        assert_eq!(totals.regular.by_cluster["green"], 1);
    }

    #[test]
    fn shares_are_those_of_the_last_seconds() {
        let start = Instant::now();
        let mut ledger = Ledger::default();
        ledger.add(mk_outcome("blue", false, None), start);
        let later = start + RECENT + Duration::from_secs(1);
        for _ in 0..3 {
            ledger.add(mk_outcome("green", false, None), later);
        }
        ledger.add(mk_outcome("blue", false, None), later);
        let shares = ledger.totals(later).recent_shares("a.example.org");
        assert_eq!(shares, BTreeMap::from([("blue".to_owned(), 0.25), ("green".to_owned(), 0.75)]));
        assert!(ledger.totals(later).recent_shares("b.example.org").is_empty());
    }

    #[test]
    fn failures_are_bounded_and_still_counted() {
        let mut ledger = Ledger::default();
        let now = Instant::now();
        for _ in 0..=FAILURES_MAX {
            ledger.add(mk_outcome("blue", false, Some("refused")), now);
        }
        let totals = ledger.totals(now);
        assert_eq!((totals.failures.len(), totals.failed()), (FAILURES_MAX, FAILURES_MAX as u64 + 1));
    }
}
