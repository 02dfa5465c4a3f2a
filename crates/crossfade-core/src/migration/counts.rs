//! What load balancers count, against what the weights let expect: within wide bands only, because requests of one resolver's
//! users are not independent of each other. Nothing here is a proof of a share; that is the ratio test's.
//!
//! Periods are added up until they hold enough requests to say something; that is one window. A window lies wholly after the
//! step's TTL. No period counts twice, however often it is seen.

use std::collections::BTreeMap;

use crate::migration::engine::resolvers_due;
use crate::migration::{
    CheckOutcome, ClusterStatus, CountedWindow, GroupStatus, LoadSeen, LoadStatus, Seen, Spec, Status,
};
use crate::{ClusterName, UnixMillis};

/// Requests of both clusters that a window needs: by chance alone, a share of 50 % among a thousand is 5 points off once in
/// 600 times, which leaves most of the band to resolvers with many users.
const WINDOW_REQUESTS_MIN: u64 = 1_000;

impl LoadStatus {
    /// When the period began.
    pub fn since(&self) -> UnixMillis {
        began_at(self.until, self.seconds)
    }

    /// Requests a minute, rounded up.
    pub fn per_minute(&self) -> u64 {
        (self.requests.saturating_mul(60)).div_ceil(u64::from(self.seconds.max(1)))
    }
}

fn began_at(until: UnixMillis, seconds: u32) -> UnixMillis {
    UnixMillis(until.0.saturating_sub(u64::from(seconds) * 1_000))
}

/// The latest period of every cluster.
pub(super) fn take_loads(status: &mut Status, seen: &Seen) {
    for load in &seen.loads {
        let cluster = status.group_mut(&load.group).and_then(|group| group.cluster_mut(&load.cluster));
        if let Some(cluster) = cluster
            && cluster.load.is_none_or(|known| known.until < load.until)
        {
            let LoadSeen { requests, seconds, until, .. } = *load;
            cluster.load = Some(LoadStatus { requests, seconds, until });
        }
    }
}

/// Adds the periods since the TTL was over, and observes the traffic gate once for every window that is full.
pub(super) fn judge_counts(status: &mut Status, spec: &Spec, seen: &Seen, now: UnixMillis) {
    let Some((gate, tolerance)) = spec.counted_gate() else { return };
    if spec.without.is_some() {
        return;
    }
    let (name, failures_max) = (gate.name.clone(), gate.failures_max);
    for group in &mut status.groups {
        if !is_everywhere(group, spec) {
            continue;
        }
        let due = resolvers_due(group);
        let mut outcomes = Vec::new();
        for (until, from, to) in periods(group, spec, seen, due) {
            let mut window = group.window.unwrap_or(CountedWindow { from: 0, to: 0, until: due });
            window.from = window.from.saturating_add(from);
            window.to = window.to.saturating_add(to);
            window.until = until;
            if window.from.saturating_add(window.to) >= WINDOW_REQUESTS_MIN {
                outcomes.push((until, judge(group, spec, window, tolerance)));
                (window.from, window.to) = (0, 0);
            }
            group.window = Some(window);
        }
        let lacking = lacking(group, seen);
        let Some(to) = group.cluster_mut(&spec.to) else { continue };
        let has_spoken = to.gate(&name).is_some_and(|seen| seen.passed_at >= Some(due) || seen.failures > 0);
        if outcomes.is_empty() && !has_spoken {
            to.take_gate(&name, &CheckOutcome::Unknown(lacking), now, failures_max);
        }
        for (_, outcome) in outcomes {
            to.take_gate(&name, &outcome, now, failures_max);
        }
    }
}

fn is_everywhere(group: &GroupStatus, spec: &Spec) -> bool {
    [&spec.from, &spec.to]
        .into_iter()
        .all(|name| group.cluster(name).is_some_and(ClusterStatus::reached_resolvers))
}

/// Periods that both clusters have and that were not counted yet, oldest first: end, the source's requests, the destination's.
fn periods(group: &GroupStatus, spec: &Spec, seen: &Seen, due: UnixMillis) -> Vec<(UnixMillis, u64, u64)> {
    let after = group.window.map_or(due, |window| window.until);
    let of = |cluster: &ClusterName| -> BTreeMap<UnixMillis, u64> {
        let loads = seen.loads.iter().filter(|load| load.group == group.name && load.cluster == *cluster);
        let loads = loads.filter(|load| began_at(load.until, load.seconds) >= after);
        loads.map(|load| (load.until, load.requests)).collect()
    };
    let to = of(&spec.to);
    of(&spec.from).into_iter().filter_map(|(until, from)| Some((until, from, *to.get(&until)?))).collect()
}

fn judge(group: &GroupStatus, spec: &Spec, window: CountedWindow, tolerance: u32) -> CheckOutcome {
    let weight = |name| group.cluster(name).map_or(0.0, |cluster| f64::from(cluster.target.get()));
    let expected = 100.0 * weight(&spec.to) / (weight(&spec.from) + weight(&spec.to));
    let requests = window.from + window.to;
    let observed = 100.0 * window.to as f64 / requests as f64;
    if (observed - expected).abs() <= f64::from(tolerance) {
        return CheckOutcome::Passed;
    }
    CheckOutcome::Failed(format!(
        "{observed:.0} % of {requests} requests went to {}, {expected:.0} % expected, {tolerance} points allowed",
        spec.to
    ))
}

fn lacking(group: &GroupStatus, seen: &Seen) -> String {
    if let Some(why) = &seen.loads_lacking {
        return format!("no counts of its load balancers: {why}");
    }
    match group.window.map(|window| window.from + window.to) {
        None => "no counts of its load balancers since the TTL passed".to_owned(),
        Some(counted) => format!("{counted} of {WINDOW_REQUESTS_MIN} requests counted"),
    }
}

/// Groups whose counts have not agreed yet in this step.
pub(super) fn uncounted(status: &Status, spec: &Spec) -> Vec<String> {
    let Some((gate, _)) = spec.counted_gate() else { return Vec::new() };
    if spec.without.is_some() || !gate.decides() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for group in &status.groups {
        let seen = group.cluster(&spec.to).and_then(|to| to.gate(&gate.name));
        if seen.and_then(|seen| seen.passed_at) < Some(resolvers_due(group)) {
            let what =
                seen.and_then(|seen| seen.message.as_deref()).unwrap_or("counts of its load balancers");
            lines.push(format!("{}: gate {}: {what}", group.name, gate.name));
        }
    }
    lines
}
