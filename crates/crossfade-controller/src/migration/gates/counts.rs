//! What load balancers count, asked of CloudWatch for all of them together. Requests of the http gates are taken off: they come
//! to both clusters alike, whatever the weights.
//!
//! Nothing here fails a migration: what is not allowed, throttled or not there yet is unknown, with the reason beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossfade_aws::{AwsError, LoadBalancerName, Metrics, Periods};
use crossfade_core::UnixMillis;
use crossfade_core::migration::LoadSeen;
use tokio::time::{MissedTickBehavior, interval};

use crate::migration::clock::now;
use crate::migration::gates::{GroupPlaces, Picture, copy};
use crate::migration::place::Place;

/// Load balancers publish once a minute: asking twice as often finds a period half a minute after it is there, at the price of
/// two calls a minute and region.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// Between two looks at whether any load balancer is known.
const LEARN_EVERY: Duration = Duration::from_millis(500);
/// Periods of one question: a driver that is away for minutes misses none.
const PERIODS_MIN: u32 = 15;
/// With short periods, at least as many as two questions lie apart.
const ASKED_SECONDS_MIN: u32 = 60;
/// How long own requests are remembered: longer than any question looks back with periods of a minute.
const OWN_KEPT_SECONDS: u64 = 3_600;

/// Where counts come from, and when they are complete.
#[derive(Clone, Debug)]
pub struct CountsOptions {
    /// The account's.
    pub metrics: Metrics,
    /// One period: 60 for what real load balancers publish.
    pub period_seconds: u32,
    /// How long after its end a period is complete.
    pub delay: Duration,
}

impl CountsOptions {
    /// The least that CloudWatch has for load balancers.
    pub const PERIOD_SECONDS: u32 = 60;
    /// Load balancers' data points come a minute late, and change for about as long.
    pub const DELAY_SECONDS: u32 = 120;

    /// The periods that are complete at `now`.
    fn periods(&self, now: UnixMillis) -> Periods {
        let seconds = self.period_seconds.max(1);
        let complete = (now.0 / 1_000).saturating_sub(self.delay.as_secs());
        let until = complete - complete % u64::from(seconds);
        let count = PERIODS_MIN.max(ASKED_SECONDS_MIN.div_ceil(seconds));
        Periods { seconds, first: until.saturating_sub(u64::from(seconds) * u64::from(count)), count }
    }
}

/// Requests of the http gates, by load balancer and second.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnRequests {
    by_balancer: Arc<Mutex<BTreeMap<String, BTreeMap<u64, u64>>>>,
}

impl OwnRequests {
    pub(super) fn add(&self, load_balancer: &str, at: UnixMillis) {
        let second = at.0 / 1_000;
        let mut by_balancer = self.by_balancer.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = by_balancer.entry(load_balancer.to_owned()).or_default();
        *seconds.entry(second).or_default() += 1;
        while seconds.first_key_value().is_some_and(|(first, _)| first + OWN_KEPT_SECONDS < second) {
            seconds.pop_first();
        }
    }

    fn between(&self, load_balancer: &str, from: u64, until: u64) -> u64 {
        let by_balancer = self.by_balancer.lock().unwrap_or_else(PoisonError::into_inner);
        by_balancer
            .get(load_balancer)
            .map_or(0, |seconds| seconds.range(from..until).map(|(_, count)| count).sum())
    }
}

/// What the last question brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) loads: Vec<LoadSeen>,
    /// Why there are none, or not of all.
    pub(super) lacking: Option<String>,
}

pub(super) async fn run(
    options: CountsOptions,
    picture: Picture,
    own: OwnRequests,
    place: Arc<Mutex<Counted>>,
) {
    let mut dimensions = BTreeMap::new();
    let mut said = None;
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut groups = copy(&picture);
        while balancers(&groups).next().is_none() {
            tokio::time::sleep(LEARN_EVERY).await;
            groups = copy(&picture);
        }
        let counted = match ask(&options, &groups, &mut dimensions, &own).await {
            Ok(counted) => counted,
            Err(error) => Counted { loads: Vec::new(), lacking: Some(error.to_string()) },
        };
        if counted.lacking != said {
            said.clone_from(&counted.lacking);
            if let Some(lacking) = &said {
                tracing::info!(lacking, "counts of load balancers are unknown");
            }
        }
        *place.lock().unwrap_or_else(PoisonError::into_inner) = counted;
    }
}

/// DNS names of a group's load balancers in a cluster, each once.
fn balancers_of(place: &Place) -> BTreeSet<&str> {
    place.objects.iter().filter_map(|object| object.knob.load_balancer.as_deref()).collect()
}

/// DNS names of all load balancers of the pair.
fn balancers(groups: &[GroupPlaces]) -> impl Iterator<Item = &str> {
    groups.iter().flat_map(|group| group.places.values()).flat_map(balancers_of)
}

async fn ask(
    options: &CountsOptions,
    groups: &[GroupPlaces],
    dimensions: &mut BTreeMap<LoadBalancerName, Vec<String>>,
    own: &OwnRequests,
) -> Result<Counted, AwsError> {
    let wanted: BTreeSet<LoadBalancerName> = balancers(groups).filter_map(LoadBalancerName::parse).collect();
    dimensions.retain(|name, _| wanted.contains(name));
    let unknown: BTreeSet<_> = wanted.iter().filter(|name| !dimensions.contains_key(name)).cloned().collect();
    if !unknown.is_empty() {
        dimensions.extend(options.metrics.dimensions(&unknown).await?);
    }
    let periods = options.periods(now());
    let counts = options.metrics.requests(dimensions, periods).await?;
    let mut counted = Counted::default();
    for group in groups {
        for (cluster, place) in &group.places {
            match users_requests(&balancers_of(place), &counts, periods, own) {
                Ok(requests) => {
                    let ends = (1..).map(|index| periods.first + index * u64::from(periods.seconds));
                    counted.loads.extend(requests.into_iter().zip(ends).map(|(requests, until)| LoadSeen {
                        group: group.group.clone(),
                        cluster: cluster.clone(),
                        requests,
                        seconds: periods.seconds,
                        until: UnixMillis(until * 1_000),
                    }));
                }
                Err(dns_name) => {
                    counted.lacking = Some(format!("CloudWatch has no request counts of {dns_name}"));
                }
            }
        }
    }
    Ok(counted)
}

/// Requests per period of several load balancers together, without those of the http gates; the name of one that is unknown.
fn users_requests(
    balancers: &BTreeSet<&str>,
    counts: &BTreeMap<LoadBalancerName, Vec<u64>>,
    periods: Periods,
    own: &OwnRequests,
) -> Result<Vec<u64>, String> {
    let mut sums: Vec<u64> = Vec::new();
    for dns_name in balancers {
        let found = LoadBalancerName::parse(dns_name).and_then(|name| counts.get(&name));
        let Some(requests) = found else { return Err((*dns_name).to_owned()) };
        sums.resize(requests.len(), 0);
        let mut from = periods.first;
        for (sum, requests) in sums.iter_mut().zip(requests) {
            let until = from + u64::from(periods.seconds);
            *sum = sum.saturating_add(requests.saturating_sub(own.between(dns_name, from, until)));
            from = until;
        }
    }
    Ok(sums)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    async fn mk_options(period_seconds: u32, delay_seconds: u64) -> CountsOptions {
        let options = crossfade_aws::AwsOptions::default();
        let metrics = crossfade_aws::Aws::with_options(options).await.unwrap().metrics();
        CountsOptions { metrics, period_seconds, delay: Duration::from_secs(delay_seconds) }
    }

    #[tokio::test]
    async fn only_complete_periods_are_asked_for() {
        let minutes = mk_options(60, 120).await.periods(UnixMillis(1_000_000_000));
        assert_eq!(minutes, Periods { seconds: 60, first: 999_840 - 900, count: 15 });
        assert!(minutes.first + 900 + 120 <= 1_000_000);
        let short = mk_options(1, 0).await.periods(UnixMillis(1_000_000_000));
        assert_eq!(short, Periods { seconds: 1, first: 999_940, count: 60 });
    }

    #[test]
    fn load_balancers_of_a_group_add_up_and_one_unknown_is_all_unknown() {
        let dns_name = |name: &str| format!("{name}-1234567890.eu-west-1.elb.amazonaws.com");
        let (one, other, new) = (dns_name("one"), dns_name("other"), dns_name("new"));
        let counts = BTreeMap::from([
            (LoadBalancerName::parse(&one).unwrap(), vec![100, 5]),
            (LoadBalancerName::parse(&other).unwrap(), vec![10, 0]),
        ]);
        let periods = Periods { seconds: 60, first: 600, count: 2 };
        let own = OwnRequests::default();
        for second in [599, 600, 660, 661, 662, 663, 664, 665] {
            own.add(&one, UnixMillis(second * 1_000));
        }
        let users = |names: &[&str]| users_requests(&names.iter().copied().collect(), &counts, periods, &own);
        assert_eq!(users(&[&one, &other]), Ok(vec![109, 0]));
        assert_eq!(users(&[&one, &new]), Err(new.clone()));
    }

    #[test]
    fn own_requests_are_those_of_the_period() {
        let own = OwnRequests::default();
        for millis in [59_999, 60_000, 60_500, 119_999, 120_000] {
            own.add("lb", UnixMillis(millis));
        }
        assert_eq!((own.between("lb", 60, 120), own.between("other", 60, 120)), (3, 0));
        own.add("lb", UnixMillis(10_000_000));
        assert_eq!(own.between("lb", 0, 200), 0, "what is older than an hour is forgotten");
    }
}
