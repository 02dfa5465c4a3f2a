//! Which weights may be written now: after preflight upwards, to 0 only while another cluster serves.

use std::time::Duration;

use crate::migration::{Action, ClusterStatus, GroupStatus, HopStatus, Spec, Status, hop};
use crate::{ClusterName, UnixMillis, Weight};

/// An answer to the http gate says something about now for so long: a driver that just took a migration up has to look
/// for itself before it takes a cluster's last weight.
const HEALTH_FRESH: Duration = Duration::from_secs(5);

/// Which way the traffic goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the destination: the source gives only what the destination has been told to take.
    Forth,
    /// To the source: the destination is suspect and gives at once.
    Back,
}

/// The writes that may be made now, and what the others wait for.
pub(super) fn writes(status: &Status, way: Way, spec: &Spec, now: UnixMillis) -> (Vec<Action>, Vec<String>) {
    let order = match way {
        Way::Forth => [&spec.to, &spec.from],
        Way::Back => [&spec.from, &spec.to],
    };
    let mut actions = Vec::new();
    let mut waiting_for = Vec::new();
    let began_at = status.current_step().map_or(status.started_at, |step| step.began_at);
    // What another hand has set is left alone, and so is the rest of its group.
    for group in status.groups.iter().filter(|group| spec.force || !group.is_held()) {
        if way == Way::Forth
            && let Some(unknown) = unknown(group, spec)
        {
            waiting_for.push(unknown);
            continue;
        }
        let mut preflight_is_due = false;
        for name in order.into_iter().filter(|name| !spec.is_given_up(name)) {
            let Some(cluster) = group.cluster(name) else { continue };
            let place = format!("{} in {name}", group.name);
            let Some(declared) = cluster.declared() else {
                waiting_for.push(format!("{place}: its weight cannot be read"));
                continue;
            };
            if declared == cluster.target {
                continue;
            }
            let write = Action::Write {
                group: group.name.clone(),
                cluster: name.clone(),
                weight: cluster.target,
                replaces: declared,
            };
            if cluster.target > declared {
                if cluster.preflight_passed_at >= Some(began_at) {
                    actions.push(write);
                } else {
                    if let Some(message) = &cluster.preflight_message {
                        waiting_for.push(format!("{place}: preflight: {message}"));
                    }
                    actions.push(Action::Preflight { group: group.name.clone(), cluster: name.clone() });
                    preflight_is_due = true;
                }
            } else if way == Way::Forth && preflight_is_due {
                waiting_for.push(format!("{place}: it goes down once {} has passed its preflight", spec.to));
            } else if !cluster.target.is_zero() || another_serves(group, cluster, spec, now) {
                actions.push(write);
            } else {
                waiting_for
                    .push(format!("{place} goes to 0 when another cluster is settled above 0 and answers"));
            }
        }
    }
    (actions, waiting_for)
}

/// Invariant I9: nothing of a group advances while a weight of its pair, on the knob or in the zone, is unknown.
pub(super) fn unknown(group: &GroupStatus, spec: &Spec) -> Option<String> {
    let what = |cluster: &ClusterStatus| {
        let lacks = |hop: &&HopStatus| hop.name == hop::RECORD && hop.value.is_none();
        let (hop, what) = match (cluster.declared(), cluster.hops.iter().find(lacks)) {
            (None, _) => (cluster.hops.first(), "its weight"),
            (Some(_), Some(record)) => (Some(record), "its record"),
            (Some(_), None) => return None,
        };
        // Before the first look there is no hop, and nothing that could not be read.
        let Some(hop) = hop else { return Some(format!("{what} to be read")) };
        Some(hop.note.clone().unwrap_or_else(|| format!("{what} cannot be read")))
    };
    let of_cluster = |name: &ClusterName| Some((name.clone(), what(group.cluster(name)?)?));
    let pair = [&spec.from, &spec.to].into_iter().filter(|name| !spec.is_given_up(name));
    let (name, what) = pair.into_iter().find_map(of_cluster)?;
    Some(format!("{} in {name}: {what}", group.name))
}

/// Invariant I2: some other cluster of the group is settled above 0 and healthy.
fn another_serves(group: &GroupStatus, cluster: &ClusterStatus, spec: &Spec, now: UnixMillis) -> bool {
    group.clusters.iter().any(|other| {
        other.name != cluster.name
            && !spec.is_given_up(&other.name)
            && other.settled() > Some(Weight::ZERO)
            && !other.target.is_zero()
            && other.answers(spec, now, HEALTH_FRESH)
    })
}
