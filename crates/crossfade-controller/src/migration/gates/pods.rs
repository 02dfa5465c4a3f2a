//! The kubernetes gate: ready pods behind every Service of the destination, at least one, or a part of the source's.

use std::collections::BTreeMap;
use std::time::Duration;

use crossfade_core::GroupName;
use crossfade_core::migration::CheckOutcome;
use crossfade_kube::groups::ready_pods;
use crossfade_kube::{Cluster, KubeError};
use tokio::time::{MissedTickBehavior, interval};

use crate::migration::clock::now;
use crate::migration::gates::{GroupPlaces, Outlet, Picture, copy};
use crate::migration::place::Place;

/// One request per Service every three seconds. A pod that ends is in the endpoints within one; three failures in a row
/// take nine, which is what a rolling update may need.
const OBSERVE_EVERY: Duration = Duration::from_secs(3);

/// Ready pods by `namespace/service`.
pub(crate) type ReadyPods = BTreeMap<String, usize>;

/// The two sides.
pub(super) struct Clusters {
    /// `None` when it was given up.
    pub(super) source: Option<Cluster>,
    pub(super) destination: Cluster,
}

pub(super) async fn run(clusters: Clusters, ready_percent: Option<u32>, picture: Picture, outlet: Outlet) {
    let mut ticks = interval(OBSERVE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // How many the source had when it was last read: a source that cannot be read is no reason to stay.
    let mut wanted: BTreeMap<GroupName, ReadyPods> = BTreeMap::new();
    loop {
        ticks.tick().await;
        for group in copy(&picture) {
            let at = now();
            if let Some(percent) = ready_percent
                && let Some(source) = &clusters.source
                && let Some(counts) = source_counts(source, &group).await
            {
                let counts = counts.into_iter().map(|(service, ready)| (service, part(ready, percent)));
                wanted.insert(group.group.clone(), counts.collect());
            }
            if let Some(place) = group.places.get(&clusters.destination.name) {
                let outcome = observe(&clusters.destination, place, wanted.get(&group.group)).await;
                outlet.put(group.group.clone(), clusters.destination.name.clone(), at, outcome);
            }
        }
    }
}

async fn source_counts(source: &Cluster, group: &GroupPlaces) -> Option<ReadyPods> {
    count(source, group.places.get(&source.name)?).await.ok()
}

/// Ready pods of every Service behind a place.
pub(crate) async fn count(cluster: &Cluster, place: &Place) -> Result<ReadyPods, KubeError> {
    let mut ready = ReadyPods::new();
    for object in &place.objects {
        let namespace = &object.knob.namespace;
        let found = ready_pods(cluster, &object.knob).await?;
        ready.extend(found.into_iter().map(|(service, count)| (format!("{namespace}/{service}"), count)));
    }
    Ok(ready)
}

async fn observe(destination: &Cluster, place: &Place, wanted: Option<&ReadyPods>) -> CheckOutcome {
    let ready = match count(destination, place).await {
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
pub(crate) fn part(ready: usize, percent: u32) -> usize {
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
