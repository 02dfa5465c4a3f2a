//! Engines that are broken on purpose: what they are given, and what they plan, is falsified.

use crossfade_core::migration::{
    Action, CheckOutcome, GroupStatus, Phase, Plan, Seen, Spec, Stage, Status, hop,
};
use crossfade_core::{GroupName, Weight};

use crate::defect::Defect;
use crate::driver::{Around, index_of, index_of_group, name_of};
use crate::world::{FROM, TO};

/// What the engine is given.
pub(super) fn mislead(spec: &mut Spec, status: &mut Status, seen: &mut Seen, around: &Around<'_>) {
    let now = around.world.at();
    match around.defect {
        Some(Defect::Overwrite) => spec.force = true,
        Some(Defect::SkipPause) => spec.promotions = u32::MAX,
        Some(Defect::OldHealth) => {
            for cluster in status.groups.iter_mut().flat_map(|group| &mut group.clusters) {
                for gate in &mut cluster.gates {
                    gate.passed_at = gate.passed_at.map(|_| now);
                    gate.failures = 0;
                }
            }
        }
        Some(Defect::ForgetPrevious) => {
            for cluster in status.groups.iter_mut().flat_map(|group| &mut group.clusters) {
                cluster.or_previous = None;
            }
        }
        Some(Defect::ShortTtl) => {
            seen.groups.values_mut().for_each(|group| group.ttl_seconds_max = Some(1));
        }
        Some(Defect::IgnoreGates) => {
            seen.gates.retain(|gate| matches!(gate.outcome, CheckOutcome::Passed));
        }
        Some(Defect::Guess) => guess(status, seen),
        Some(Defect::StuckHolds) => {
            let hops = seen.groups.values_mut().flat_map(|group| group.clusters.values_mut());
            hops.flat_map(|cluster| &mut cluster.hops).for_each(|hop| {
                hop.busy |= hop.stuck;
                hop.floor = None;
            });
        }
        Some(Defect::StuckServes) => {
            for cluster in seen.groups.values_mut().flat_map(|group| group.clusters.values_mut()) {
                let knob = cluster.hops.first().and_then(|hop| hop.value);
                cluster.hops.iter_mut().filter(|hop| hop.floor.is_some()).for_each(|hop| hop.floor = knob);
            }
        }
        Some(Defect::TrustListing) => {
            for cluster in seen.groups.values_mut().flat_map(|group| group.clusters.values_mut()) {
                let listed =
                    cluster.hops.iter().find(|hop| hop.name == hop::RECORD).and_then(|hop| hop.value);
                cluster.hops.iter_mut().filter(|hop| hop.name == hop::NAME_SERVERS).for_each(|hop| {
                    hop.value = listed;
                });
            }
        }
        _ => {}
    }
}

/// What cannot be read is as wanted.
fn guess(status: &Status, seen: &mut Seen) {
    for (group, group_seen) in &mut seen.groups {
        for (cluster, cluster_seen) in &mut group_seen.clusters {
            let found = status.group(group).and_then(|group| group.cluster(cluster));
            let wanted = found.map(|cluster| cluster.target);
            cluster_seen.hops.iter_mut().for_each(|hop| hop.value = hop.value.or(wanted));
        }
    }
}

/// The plan as a broken engine would have made it.
pub(super) fn spoil(mut plan: Plan, around: &Around<'_>) -> Plan {
    let world = &*around.world;
    let write = |group: &GroupName, cluster: usize, weight: u8| Action::Write {
        group: group.clone(),
        cluster: name_of(cluster),
        weight: Weight::new(weight),
        replaces: Weight::new(world.clusters[cluster].knobs[index_of_group(group)].weight()),
    };
    let groups = plan.status.groups.clone();
    match around.defect {
        Some(Defect::ZeroBoth | Defect::ZeroAtOnce) if plan.status.phase == Phase::Progressing => {
            let is_last = |group: &&GroupStatus| {
                group.cluster(&name_of(FROM)).is_some_and(|cluster| cluster.target.is_zero())
            };
            for group in groups.iter().filter(is_last) {
                plan.actions.insert(0, write(&group.name, FROM, 0));
                if around.defect == Some(Defect::ZeroBoth) {
                    plan.actions.insert(0, write(&group.name, TO, 0));
                }
            }
        }
        Some(Defect::NoPreflight) => {
            for action in &mut plan.actions {
                let Action::Preflight { group, cluster } = action else { continue };
                let found = groups.iter().find(|found| found.name == *group);
                let target = found.and_then(|found| found.cluster(cluster)).map(|target| target.target.get());
                *action = write(group, index_of(cluster), target.unwrap_or(0));
            }
        }
        Some(Defect::WriteThird) if world.clusters.len() > 2 && !plan.actions.is_empty() => {
            plan.actions.insert(0, write(&groups[0].name, TO + 1, 1));
        }
        Some(Defect::EndEarly)
            if plan.status.stage == Stage::Baking && plan.status.phase == Phase::Progressing =>
        {
            let is_last = |group: &GroupStatus| {
                group.cluster(&name_of(FROM)).is_some_and(|cluster| cluster.target.is_zero())
            };
            if groups.iter().all(is_last) {
                plan.status.phase = Phase::Complete;
            }
        }
        Some(Defect::HalfBack) if plan.status.phase == Phase::RollingBack => {
            for cluster in plan.status.groups.iter_mut().flat_map(|group| &mut group.clusters) {
                if cluster.name != name_of(TO) && cluster.target == cluster.before && cluster.before.get() > 1
                {
                    cluster.target = Weight::new(cluster.before.get() / 2);
                    cluster.before = Weight::ZERO;
                }
            }
        }
        _ => {}
    }
    plan
}
