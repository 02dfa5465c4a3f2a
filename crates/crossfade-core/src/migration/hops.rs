//! From what was seen to the status: hops move, checks count, foreign changes show.

use std::time::Duration;

use crate::migration::foreign::look_for_foreign;
use crate::migration::{
    CheckOutcome, ClusterSeen, ClusterStatus, GroupStatus, HopSeen, HopStatus, Seen, Spec, Status, hop,
};
use crate::{ClusterName, UnixMillis, Weight};

/// The alias TTL of AWS load balancers, used until an answer showed another (Route 53 FAQ: 60 s, not configurable).
const TTL_SECONDS_ASSUMED: u32 = 60;

/// Take the observations into the status.
pub(super) fn ingest(status: &mut Status, spec: &Spec, seen: &Seen, now: UnixMillis) {
    let phase = status.phase;
    for group in &mut status.groups {
        let Some(group_seen) = seen.groups.get(&group.name) else { continue };
        if let Some(ttl) = group_seen.ttl_seconds_max {
            group.ttl_seconds_max = group.ttl_seconds_max.max(ttl);
        }
        let ttl = ttl_of(group);
        for cluster in &mut group.clusters {
            let Some(cluster_seen) = group_seen.clusters.get(&cluster.name) else { continue };
            let in_pair = cluster.name == spec.from || cluster.name == spec.to;
            if in_pair {
                look_for_foreign(cluster, cluster_seen, phase);
            }
            if let Some(evaluates) = cluster_seen.evaluates_target_health {
                cluster.evaluates_target_health = evaluates;
            }
            take_hops(cluster, cluster_seen, ttl, now);
        }
    }
    take_checks(status, spec, seen, now);
}

/// How long resolvers may keep answers of this group.
pub(super) fn ttl_of(group: &GroupStatus) -> Duration {
    let seconds = if group.ttl_seconds_max == 0 { TTL_SECONDS_ASSUMED } else { group.ttl_seconds_max };
    Duration::from_secs(u64::from(seconds))
}

fn take_hops(cluster: &mut ClusterStatus, seen: &ClusterSeen, ttl: Duration, now: UnixMillis) {
    if !seen.hops.is_empty() {
        // A hop that is no more holds nothing up.
        let is_seen = |name: &str| seen.hops.iter().any(|hop| hop.name == name);
        cluster.hops.retain(|hop| hop.name == hop::RESOLVERS || is_seen(&hop.name));
    }
    for hop_seen in &seen.hops {
        take_hop(cluster, hop_seen, now);
    }
    let Some(last) = seen.hops.last().and_then(|last| cluster.hops.iter().find(|hop| hop.name == last.name))
    else {
        return;
    };
    let value = last.value;
    // Also a knob that was changed and put back unseen by later hops may have reached the name servers in between.
    let path = cluster.hops.iter().filter(|hop| hop.name != hop::RESOLVERS);
    let since = path.map(|hop| hop.at).max().unwrap_or(now);
    let shown: Vec<Weight> = seen.hops.iter().filter_map(|hop| hop.value).collect();
    take_resolvers(cluster, value, &shown, (since, ttl), now);
}

fn take_hop(cluster: &mut ClusterStatus, seen: &HopSeen, now: UnixMillis) {
    let index = cluster.hops.iter().position(|hop| hop.name == seen.name).unwrap_or_else(|| {
        cluster.hops.push(HopStatus::new(&seen.name, seen.value, now));
        cluster.hops.len() - 1
    });
    let hop = &mut cluster.hops[index];
    if hop.value != seen.value {
        hop.value = seen.value;
        hop.at = now;
    }
    (hop.busy, hop.stuck, hop.floor) = (seen.busy, seen.stuck, seen.floor);
    hop.note.clone_from(&seen.note);
}

/// The hop after the name servers: their value, once the TTL has passed there. A weight that was changed and put back has to
/// wait again: caches may hold answers from in between.
fn take_resolvers(
    cluster: &mut ClusterStatus,
    value: Option<Weight>,
    shown: &[Weight],
    (at, ttl): (UnixMillis, Duration),
    now: UnixMillis,
) {
    let due = at.after(ttl);
    let Some(hop) = cluster.hops.iter_mut().find(|hop| hop.name == hop::RESOLVERS) else {
        // First sight: nothing of this migration has moved yet, so caches hold what the name servers say.
        cluster.hops.push(HopStatus::new(hop::RESOLVERS, value, at));
        return;
    };
    if shown.iter().any(|weight| Some(*weight) != hop.value) {
        hop.busy = true;
    }
    if value.is_some() && hop.busy && now >= due {
        *hop = HopStatus::new(hop::RESOLVERS, value, due);
    }
}

fn take_checks(status: &mut Status, spec: &Spec, seen: &Seen, now: UnixMillis) {
    for check in &seen.preflights {
        let Some(cluster) = cluster_of(status, &check.group, &check.cluster) else { continue };
        match &check.outcome {
            CheckOutcome::Passed => {
                cluster.preflight_passed_at = cluster.preflight_passed_at.max(Some(check.at));
                cluster.preflight_failures = 0;
                cluster.preflight_message = None;
            }
            CheckOutcome::Failed(message) => {
                cluster.preflight_failures = cluster.preflight_failures.saturating_add(1);
                cluster.preflight_message = Some(message.clone());
            }
            CheckOutcome::Unknown(message) => cluster.preflight_message = Some(message.clone()),
        }
    }
    let mut would_fail = Vec::new();
    for check in &seen.gates {
        let Some(gate) = spec.gates.iter().find(|gate| gate.name == check.gate) else { continue };
        let Some(cluster) = cluster_of(status, &check.group, &check.cluster) else { continue };
        let fails = cluster.take_gate(&gate.name, &check.outcome, check.at, gate.failures_max);
        if fails && gate.dry_run && check.cluster == spec.to {
            let said = cluster.gate(&gate.name).and_then(|seen| seen.message.clone()).unwrap_or_default();
            would_fail.push(format!("{} in {}: {}: {said} (dry run)", check.group, check.cluster, gate.name));
        }
    }
    for message in would_fail {
        status.record(now, "DryRunGateFailed", message);
    }
}

fn cluster_of<'a>(
    status: &'a mut Status,
    group: &crate::GroupName,
    cluster: &ClusterName,
) -> Option<&'a mut ClusterStatus> {
    status.group_mut(group)?.cluster_mut(cluster)
}

impl ClusterStatus {
    /// The weight on the knob; `None` = unknown.
    pub fn declared(&self) -> Option<Weight> {
        self.hops.first().and_then(|hop| hop.value)
    }

    /// A hop's weight by name; `None` = unknown or no such hop.
    pub fn value_at(&self, name: &str) -> Option<Weight> {
        self.hops.iter().find(|hop| hop.name == name).and_then(|hop| hop.value)
    }

    /// The knob, and what follows it up to the name servers.
    fn path(&self) -> impl Iterator<Item = &HopStatus> {
        self.hops.iter().filter(|hop| hop.name != hop::RESOLVERS)
    }

    /// The one weight that every hop up to the name servers shows, nothing older running and nothing stuck.
    pub fn settled(&self) -> Option<Weight> {
        self.shown().filter(|_| self.stuck().is_none())
    }

    /// The one weight that every hop up to the name servers shows, nothing older running. What is stuck moves nothing: it does
    /// not take from what is shown.
    pub fn shown(&self) -> Option<Weight> {
        let value = self.declared()?;
        self.path().all(|hop| !hop.busy && hop.value == Some(value)).then_some(value)
    }

    /// The first hop where something cannot be carried on.
    pub fn stuck(&self) -> Option<&HopStatus> {
        self.path().find(|hop| hop.stuck)
    }

    /// Every host is above 0 on the whole path and stays so: at the knob's weight, or held back above 0 by what is stuck.
    pub fn is_above_zero(&self) -> bool {
        let Some(knob) = self.declared().filter(|knob| !knob.is_zero()) else { return false };
        self.path().all(|hop| !hop.busy && (hop.value == Some(knob) || hop.floor > Some(Weight::ZERO)))
    }

    /// Every hop shows the weight, and no resolver that keeps to the TTL has an older answer.
    pub fn reached_resolvers(&self) -> bool {
        let shown = self.shown();
        let is_busy = self.hops.iter().any(|hop| hop.name == hop::RESOLVERS && hop.busy);
        shown.is_some() && self.value_at(hop::RESOLVERS) == shown && !is_busy
    }
}
