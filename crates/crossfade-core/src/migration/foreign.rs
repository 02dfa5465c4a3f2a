//! Weights that another hand has set: seen, named, and left alone until a person agrees to exactly those.

use crate::migration::{ClusterSeen, ClusterStatus, ForeignWeight, GroupStatus, Phase, Spec, Status};

/// The reason of a pause that another hand's weight brought.
pub(super) const FOREIGN_CHANGE: &str = "ForeignChange";

/// What a knob shows against what it may show: what it showed when the step began, then what the step wants; anything else is
/// somebody's. A weight that this migration had before is said once: whoever goes on after that pause knows of it.
pub(super) fn look_for_foreign(cluster: &mut ClusterStatus, seen: &ClusterSeen, phase: Phase) {
    // What cannot be read now has not changed for that.
    let Some(value) = seen.hops.first().and_then(|hop| hop.value) else { return };
    let known = cluster.foreign.take();
    if value == cluster.target {
        cluster.reached = true;
        cluster.agreed = None;
        return;
    }
    if cluster.agreed == Some(value) {
        return;
    }
    let was_reached = std::mem::take(&mut cluster.reached);
    let is_of_before = value == cluster.previous || Some(value) == cluster.or_previous;
    // On a way back that left the group alone nobody has been asked yet.
    let is_held = phase != Phase::Paused && known.is_some_and(|known| known.weight == value);
    if is_of_before && !was_reached && !is_held {
        return;
    }
    let instead_of = match known {
        Some(known) => known.instead_of,
        None => cluster.declared(),
    };
    cluster.foreign = Some(ForeignWeight { weight: value, instead_of });
}

/// Whoever goes on knows of a weight that this migration had before.
pub(super) fn forget_own(cluster: &mut ClusterStatus) {
    let own = [Some(cluster.previous), cluster.or_previous];
    cluster.foreign = cluster.foreign.filter(|foreign| !own.contains(&Some(foreign.weight)));
}

/// All of them in a sentence; `None` where nobody has been at a weight, or whatever they did is to be overwritten.
pub(super) fn foreign_changes(status: &Status, spec: &Spec) -> Option<String> {
    let lines: Vec<String> = status.groups.iter().flat_map(changes_of).collect();
    (!spec.force && !lines.is_empty()).then(|| lines.join("; "))
}

/// One group's.
pub(super) fn changes_of(group: &GroupStatus) -> Vec<String> {
    let line = |cluster: &ClusterStatus| {
        let ForeignWeight { weight, .. } = cluster.foreign?;
        let wanted = cluster.target;
        let (group, cluster) = (&group.name, &cluster.name);
        Some(format!(
            "{group} in {cluster}: the weight is {weight}, written by somebody else (this migration wants {wanted})"
        ))
    };
    group.clusters.iter().filter_map(line).collect()
}

/// A person has read which weights others have set, and lets the migration write over these. One that is changed again is
/// somebody's again.
pub fn agree_to_others(status: &mut Status) {
    for cluster in status.groups.iter_mut().flat_map(|group| &mut group.clusters) {
        if let Some(foreign) = cluster.foreign.take() {
            cluster.agreed = Some(foreign.weight);
        }
    }
}
