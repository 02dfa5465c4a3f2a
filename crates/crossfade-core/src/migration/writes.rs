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
            } else if !cluster.target.is_zero() || another_serves(group, cluster, way, (spec, now)) {
                actions.push(write);
            } else {
                let why = why_none_serves(group, cluster, way, (spec, now));
                waiting_for.push(format!(
                    "{place} goes to 0 when another cluster is settled above 0 and answers{why}"
                ));
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

/// Invariant I2: some other cluster of the group is settled above 0 and healthy. On the way back what is stuck there does not
/// count against it: what users are answered does not depend on it.
fn another_serves(
    group: &GroupStatus,
    cluster: &ClusterStatus,
    way: Way,
    (spec, now): (&Spec, UnixMillis),
) -> bool {
    others(group, cluster, spec)
        .any(|other| is_settled_above_zero(other, way) && other.answers(spec, now, HEALTH_FRESH))
}

/// Clusters of the group that are to serve.
fn others<'a>(
    group: &'a GroupStatus,
    cluster: &'a ClusterStatus,
    spec: &'a Spec,
) -> impl Iterator<Item = &'a ClusterStatus> {
    let others = group.clusters.iter().filter(|other| other.name != cluster.name);
    others.filter(|other| !spec.is_given_up(&other.name) && !other.target.is_zero())
}

fn is_settled_above_zero(other: &ClusterStatus, way: Way) -> bool {
    match way {
        Way::Forth => other.settled() > Some(Weight::ZERO),
        Way::Back => other.is_above_zero(),
    }
}

/// What each of them lacks.
fn why_none_serves(
    group: &GroupStatus,
    cluster: &ClusterStatus,
    way: Way,
    (spec, now): (&Spec, UnixMillis),
) -> String {
    let lacks = |other: &ClusterStatus| {
        if is_settled_above_zero(other, way) {
            let answers = other.answers(spec, now, HEALTH_FRESH);
            return (!answers).then(|| format!("{} does not answer", other.name));
        }
        let what = other.awaited(way, other.declared().unwrap_or(other.target));
        Some(format!("{}: {what}", other.name))
    };
    let lacking: Vec<String> = others(group, cluster, spec).filter_map(lacks).collect();
    if lacking.is_empty() { String::new() } else { format!(" ({})", lacking.join("; ")) }
}

impl ClusterStatus {
    /// The weight is where it is wanted.
    pub(super) fn has_arrived(&self, way: Way) -> bool {
        let there = match way {
            Way::Forth => self.settled(),
            Way::Back => self.shown(),
        };
        there == Some(self.target)
    }

    /// The hop that is waited for until the path shows `weight`, what holds it up, and what is stuck before it.
    pub(super) fn awaited(&self, way: Way, weight: Weight) -> String {
        let is_awaited = |hop: &&HopStatus| {
            let is_stuck = way == Way::Forth && hop.stuck;
            hop.name != hop::RESOLVERS && (hop.busy || is_stuck || hop.value != Some(weight))
        };
        let Some(hop) = self.hops.iter().find(is_awaited) else { return "an observation".to_owned() };
        let stuck = self.stuck().filter(|stuck| stuck.name != hop.name);
        let notes: Vec<&str> =
            [Some(hop), stuck].into_iter().flatten().filter_map(|hop| hop.note.as_deref()).collect();
        let why = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        let follows =
            if way == Way::Back && self.stuck().is_some() { "; it follows when that is mended" } else { "" };
        format!("{} to show {weight}{why}{follows}", hop.name)
    }
}
