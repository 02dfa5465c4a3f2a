//! What can be made to go wrong with the services that everybody uses: the clusters' APIs, Route 53, the name servers.
//!
//! Pods and load balancers have faults of their own ([`Fault`](crate::Fault)). Nothing here touches users' requests but by
//! what they get from DNS.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossfade_lab_route53::Route53;
use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;

/// Longer than any client waits; a fault that lasts longer than this is another one.
const MILLISECONDS_MAX: u32 = 60_000;
/// Name servers of a zone.
const NAME_SERVERS: u32 = 4;

/// Something that goes wrong until it is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Disturbance {
    /// Every nth request to a cluster's API fails: 500, 503, 429 with `Retry-After`, and 500 after it was carried out.
    ApiErrors {
        /// The cluster.
        cluster: String,
        /// Every how many requests.
        every: u32,
    },
    /// Every connection to a cluster's API breaks.
    ApiDown {
        /// The cluster.
        cluster: String,
    },
    /// The watches of a cluster's API end again and again: closed, with 410, in the middle of an event.
    WatchCut {
        /// The cluster.
        cluster: String,
        /// After about how many milliseconds.
        every_ms: u32,
    },
    /// A cluster's API answers late.
    ApiLatency {
        /// The cluster.
        cluster: String,
        /// How many milliseconds.
        ms: u32,
    },
    /// Every nth call to Route 53 is throttled (400 `Throttling`, `PriorRequestNotComplete`).
    Route53Throttle {
        /// Every how many calls.
        every: u32,
    },
    /// Every nth call to Route 53 fails: 500, 503, and 500 after it was carried out.
    Route53Errors {
        /// Every how many calls.
        every: u32,
    },
    /// Route 53 answers late.
    Route53Latency {
        /// How many milliseconds.
        ms: u32,
    },
    /// One name server answers nobody.
    NameServerDown {
        /// 1 to 4.
        number: u32,
    },
    /// Changes stay `PENDING`: the name servers take them up later.
    SlowSync {
        /// The last one by how many milliseconds.
        ms: u32,
    },
}

impl Disturbance {
    /// The cluster whose API it is about.
    pub fn cluster(&self) -> Option<&str> {
        match self {
            Disturbance::ApiErrors { cluster, .. }
            | Disturbance::ApiDown { cluster }
            | Disturbance::WatchCut { cluster, .. }
            | Disturbance::ApiLatency { cluster, .. } => Some(cluster),
            Disturbance::Route53Throttle { .. }
            | Disturbance::Route53Errors { .. }
            | Disturbance::Route53Latency { .. }
            | Disturbance::NameServerDown { .. }
            | Disturbance::SlowSync { .. } => None,
        }
    }

    /// What is wrong with its number, if anything.
    pub fn problem(&self) -> Option<String> {
        let out_of = |what: &str, number: u32, max: u32| {
            (number == 0 || number > max).then(|| format!("{what} is 1 to {max}, not {number}"))
        };
        match *self {
            Disturbance::ApiDown { .. } => None,
            Disturbance::ApiErrors { every, .. }
            | Disturbance::Route53Throttle { every }
            | Disturbance::Route53Errors { every } => out_of("every how many requests", every, u32::MAX),
            Disturbance::WatchCut { every_ms: ms, .. }
            | Disturbance::ApiLatency { ms, .. }
            | Disturbance::Route53Latency { ms }
            | Disturbance::SlowSync { ms } => out_of("the number of milliseconds", ms, MILLISECONDS_MAX),
            Disturbance::NameServerDown { number } => {
                out_of("the number of a name server", number, NAME_SERVERS)
            }
        }
    }

    /// Of two with the same key the later one counts.
    fn key(&self) -> (u8, String) {
        let rank = match self {
            Disturbance::ApiErrors { .. } => 0,
            Disturbance::ApiDown { .. } => 1,
            Disturbance::WatchCut { .. } => 2,
            Disturbance::ApiLatency { .. } => 3,
            Disturbance::Route53Throttle { .. } => 4,
            Disturbance::Route53Errors { .. } => 5,
            Disturbance::Route53Latency { .. } => 6,
            Disturbance::NameServerDown { .. } => 7,
            Disturbance::SlowSync { .. } => 8,
        };
        let which = match self {
            Disturbance::NameServerDown { number } => number.to_string(),
            other => other.cluster().unwrap_or_default().to_owned(),
        };
        (rank, which)
    }
}

/// Those that are on, by what they are about.
#[derive(Debug, Default)]
pub(crate) struct Disturbances {
    on: Mutex<BTreeMap<(u8, String), Disturbance>>,
}

/// Where disturbances take effect.
pub(crate) struct Targets<'a> {
    pub(crate) cluster: Option<&'a Cluster>,
    pub(crate) route53: &'a Route53,
}

/// Whether something begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Turn {
    Begin,
    End,
}

impl Disturbances {
    pub(crate) fn on(&self) -> Vec<Disturbance> {
        self.on.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Makes one true, or untrue; says what is wrong with it.
    pub(crate) fn turn(&self, turn: Turn, what: &Disturbance, targets: &Targets<'_>) -> Result<(), String> {
        let mut on = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        match turn {
            Turn::Begin => {
                if let Some(problem) = what.problem() {
                    return Err(problem);
                }
                on.insert(what.key(), what.clone());
            }
            Turn::End => {
                on.remove(&what.key());
            }
        }
        // While the lock is held, so that what is noted and what is so are the same.
        set(turn, what, targets);
        Ok(())
    }
}

fn set(turn: Turn, what: &Disturbance, targets: &Targets<'_>) {
    let begins = turn == Turn::Begin;
    let number = |number: u32| if begins { number } else { 0 };
    let time = |ms: u32| Duration::from_millis(u64::from(number(ms)));
    let route53 = targets.route53.faults();
    if let Some(cluster) = targets.cluster {
        let api = &cluster.api_faults;
        match *what {
            Disturbance::ApiErrors { every, .. } => api.fail_every(number(every)),
            Disturbance::ApiDown { .. } => api.set_down(begins),
            Disturbance::WatchCut { every_ms, .. } => api.cut_watches(begins.then(|| time(every_ms))),
            Disturbance::ApiLatency { ms, .. } => api.set_latency(time(ms)),
            _ => {}
        }
    }
    match *what {
        Disturbance::Route53Throttle { every } => route53.throttle_every(number(every)),
        Disturbance::Route53Errors { every } => route53.fail_every(number(every)),
        Disturbance::Route53Latency { ms } => route53.api_latency(time(ms)),
        Disturbance::NameServerDown { number } => {
            route53.name_server_down(number.saturating_sub(1) as usize, begins);
        }
        Disturbance::SlowSync { ms } => route53.take_up_later(time(ms)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_make_no_sense_are_problems() {
        assert_eq!(Disturbance::NameServerDown { number: 4 }.problem(), None);
        let five = Disturbance::NameServerDown { number: 5 }.problem();
        assert_eq!(five.as_deref(), Some("the number of a name server is 1 to 4, not 5"));
        assert!(Disturbance::Route53Throttle { every: 0 }.problem().is_some());
        assert!(Disturbance::SlowSync { ms: MILLISECONDS_MAX + 1 }.problem().is_some());
        assert_eq!(Disturbance::ApiDown { cluster: "blue".to_owned() }.problem(), None);
    }
}
