//! The kubernetes gate: ready pods behind every Service of the destination, at least one, or a part of the source's.

use std::collections::BTreeMap;
use std::time::Duration;

use crossfade_core::GroupName;
use crossfade_core::migration::CheckOutcome;
use crossfade_kube::Cluster;
use crossfade_kube::groups::{Knob, ready_pods};
use tokio::time::{MissedTickBehavior, interval};

use crate::migration::clock::now;
use crate::migration::gates::{GroupPlaces, Outlet, Picture, copy};

/// One request per Service every three seconds. A pod that ends is in the endpoints within one; three failures in a row
/// take nine, which is what a rolling update may need.
const OBSERVE_EVERY: Duration = Duration::from_secs(3);

/// The two sides.
pub(super) struct Clusters {
    pub(super) source: Cluster,
    pub(super) destination: Cluster,
}

pub(super) async fn run(clusters: Clusters, ready_percent: Option<u32>, picture: Picture, outlet: Outlet) {
    let mut ticks = interval(OBSERVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // How many the source had when it was last read: a source that cannot be read is no reason to stay.
    let mut wanted: BTreeMap<GroupName, BTreeMap<String, usize>> = BTreeMap::new();
    loop {
        ticks.tick().await;
        for group in copy(&picture) {
            let at = now();
            if let Some(percent) = ready_percent
                && let Some(counts) = source_counts(&clusters.source, &group).await
            {
                let counts = counts.into_iter().map(|(service, ready)| (service, part(ready, percent)));
                wanted.insert(group.group.clone(), counts.collect());
            }
            if let Some(knob) = knob_in(&group, &clusters.destination) {
                let outcome = observe(&clusters.destination, knob, wanted.get(&group.group)).await;
                outlet.put(group.group.clone(), clusters.destination.name.clone(), at, outcome);
            }
        }
    }
}

fn knob_in<'a>(group: &'a GroupPlaces, cluster: &Cluster) -> Option<&'a Knob> {
    group.places.get(&cluster.name).map(|place| &place.knob)
}

async fn source_counts(source: &Cluster, group: &GroupPlaces) -> Option<BTreeMap<String, usize>> {
    ready_pods(source, knob_in(group, source)?).await.ok()
}

async fn observe(
    destination: &Cluster,
    knob: &Knob,
    wanted: Option<&BTreeMap<String, usize>>,
) -> CheckOutcome {
    let ready = match ready_pods(destination, knob).await {
        Ok(ready) => ready,
        Err(error) => return CheckOutcome::Unknown(error.to_string()),
    };
    for (service, ready) in ready {
        let wanted = wanted.and_then(|wanted| wanted.get(&service)).copied().unwrap_or(1).max(1);
        if ready < wanted {
            return CheckOutcome::Failed(format!("Service {service}: {ready} ready pods, {wanted} wanted"));
        }
    }
    CheckOutcome::Passed
}

/// `percent` of a number of pods, rounded up.
fn part(ready: usize, percent: u32) -> usize {
    let percent = usize::try_from(percent).unwrap_or(usize::MAX);
    ready.saturating_mul(percent).div_ceil(100)
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_are_rounded_up() {
        assert_eq!((part(3, 50), part(10, 80), part(0, 80), part(1, 1)), (2, 8, 0, 1));
    }
}
