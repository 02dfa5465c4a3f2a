//! The hops of a weight as a driver gets to see them: late, in part, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use crossfade_core::Weight;
use crossfade_core::migration::{
    CheckOutcome, ClusterSeen, GateSeen, GroupSeen, HopSeen, Phase, Seen, Stage, Status, hop,
};

use crate::driver::{Around, Driver, GATES_EVERY_MILLIS, index_of_group, name_of, name_of_group};
use crate::world::api::{Answer, Slot};
use crate::world::writer::Report;
use crate::world::zone::RecordSet;
use crate::world::{FROM, TO};

/// A foreign writer's record counts as everywhere after this long.
const FOREIGN_WRITER_AGE_MILLIS: u64 = 60_000;
/// Listings while a hop is awaited, and while nothing is expected to move.
const AWAITING_EVERY_MILLIS: u64 = 500;
const WATCHING_EVERY_MILLIS: u64 = 10_000;

/// The hop that a driver writes.
const KNOB: &str = "cluster-secret";
/// The hop that a stuck Application is.
const APPLICATIONS: &str = "applications";

/// Listed weights by group and cluster.
type Listing = Vec<Vec<Option<u8>>>;

/// What the last looks left behind.
#[derive(Default)]
pub(super) struct Eyes {
    records: Option<(u64, Listing)>,
    ttl_seconds: Option<u32>,
    in_sync: BTreeSet<u64>,
    /// Since when a set shows its weight, by group and cluster.
    shown_since: BTreeMap<(usize, usize), (u8, u64)>,
    /// Since when an object shows its weight: a writer that polls may still be on its way with the one before.
    declared_since: BTreeMap<(usize, usize), (u8, u64)>,
    reports: BTreeMap<usize, Vec<Report>>,
    /// Versions of the knobs as just read, by group and cluster; 0 = not read.
    versions: Vec<Vec<u64>>,
}

/// One look.
pub(super) struct Looked {
    pub(super) seen: Seen,
    /// Per group: a weight of the pair could not be read.
    pub(super) unknown: Vec<bool>,
    pub(super) versions: Vec<Vec<u64>>,
}

/// How often records are listed, milliseconds.
pub(super) fn pace_of(status: &Status) -> u64 {
    let awaits =
        status.phase == Phase::RollingBack || matches!(status.stage, Stage::Writing | Stage::Settling);
    if awaits { AWAITING_EVERY_MILLIS } else { WATCHING_EVERY_MILLIS }
}

impl Eyes {
    pub(super) fn look(&mut self, slot: Slot, pace: u64, status: &Status, around: &mut Around<'_>) -> Looked {
        let knobs = self.read_knobs(slot, around);
        self.list_records(pace, around);
        for cluster in [FROM, TO] {
            if around.world.ask(cluster, slot, around.random) == Answer::Done {
                let found = &around.world.clusters[cluster];
                let shows = found.api.shows(around.world.now);
                let reports = found.controller.reports.iter().map(|report| report.at(shows)).collect();
                self.reports.insert(cluster, reports);
            }
        }
        let mut seen = Seen::default();
        let mut unknown = Vec::new();
        for group_status in &status.groups {
            let group = index_of_group(&group_status.name);
            let ttl_seconds_max = self.ttl_seconds;
            let mut group_seen = GroupSeen { clusters: BTreeMap::new(), ttl_seconds_max };
            let mut is_unknown = false;
            for cluster in [FROM, TO] {
                let hops = self.hops_of(group, cluster, knobs[group][cluster], around);
                let of_zone = hops.iter().find(|hop| hop.name == hop::RECORD);
                is_unknown |= [hops.first(), of_zone].into_iter().flatten().any(|hop| hop.value.is_none());
                group_seen
                    .clusters
                    .insert(name_of(cluster), ClusterSeen { hops, evaluates_target_health: Some(true) });
            }
            if let Some((_, listing)) = &self.records {
                for (third, listed) in listing[group].iter().enumerate().skip(TO + 1) {
                    let hops = vec![mk(hop::RECORD, *listed)];
                    group_seen
                        .clusters
                        .insert(name_of(third), ClusterSeen { hops, evaluates_target_health: Some(true) });
                }
            }
            unknown.push(is_unknown);
            seen.groups.insert(group_status.name.clone(), group_seen);
        }
        Looked { seen, unknown, versions: self.versions.clone() }
    }

    pub(super) fn learn_ttl(&mut self, around: &Around<'_>) {
        let answers = around.world.zone.silent_until.iter().any(|until| around.world.now >= *until);
        self.ttl_seconds = answers.then_some(around.world.ttl_seconds).or(self.ttl_seconds);
    }

    fn read_knobs(&mut self, slot: Slot, around: &mut Around<'_>) -> Vec<Vec<Option<u8>>> {
        let groups = around.world.groups();
        self.versions = vec![vec![0; TO + 1]; groups];
        let mut knobs = vec![vec![None; TO + 1]; groups];
        for (group, of_group) in knobs.iter_mut().enumerate() {
            for cluster in [FROM, TO] {
                if around.world.ask(cluster, slot, around.random) == Answer::Done {
                    let found = &around.world.clusters[cluster];
                    let value = found.knobs[group].read_at(found.api.shows(around.world.now));
                    of_group[cluster] = Some(value.weight);
                    self.versions[group][cluster] = value.version;
                }
            }
        }
        knobs
    }

    fn list_records(&mut self, pace: u64, around: &mut Around<'_>) {
        let now = around.world.now;
        if self.records.as_ref().is_some_and(|(at, _)| now - at < pace) {
            return;
        }
        let zone = &around.world.zone;
        self.records = zone.answers(now, around.random).then(|| {
            let listing = zone.sets.iter().map(|of_group| of_group.iter().map(RecordSet::listed).collect());
            (now, listing.collect())
        });
    }

    fn hops_of(
        &mut self,
        group: usize,
        cluster: usize,
        knob: Option<u8>,
        around: &mut Around<'_>,
    ) -> Vec<HopSeen> {
        let found = &around.world.clusters[cluster];
        let shows = found.api.shows(around.world.now);
        let object = knob.map(|_| found.objects[group].weight_at(shows));
        let is_stuck = knob.is_some() && found.stuck[group].at(shows);
        if let Some(weight) = object {
            since(&mut self.declared_since, (group, cluster), weight, around.world.now);
        }
        let record = self.records.as_ref().and_then(|(_, listing)| listing[group][cluster]);
        let everywhere = record.filter(|weight| self.is_everywhere(group, cluster, *weight, around));
        // What a stuck Application holds back is told for good where its record shows the same.
        let floor =
            |shown: Option<u8>| shown.filter(|shown| is_stuck && Some(*shown) == object).map(Weight::new);
        let held = |name: &str, shown: Option<u8>| HopSeen { floor: floor(shown), ..mk(name, shown) };
        vec![
            mk(KNOB, knob),
            HopSeen { stuck: is_stuck, ..mk(APPLICATIONS, knob) },
            held(hop::DECLARED, object),
            held(hop::RECORD, record),
            held(hop::NAME_SERVERS, everywhere),
        ]
    }

    fn is_everywhere(&mut self, group: usize, cluster: usize, weight: u8, around: &mut Around<'_>) -> bool {
        let now = around.world.now;
        let shown = since(&mut self.shown_since, (group, cluster), weight, now);
        let declared = self.declared_since.get(&(group, cluster)).map_or(now, |(_, since)| *since);
        let report = self.reports.get(&cluster).and_then(|reports| reports[group]);
        match report.filter(|(reported, _)| *reported == weight) {
            Some((_, change)) if self.in_sync.contains(&change) => true,
            Some((_, change)) => {
                let zone = &around.world.zone;
                let is_in_sync = zone.answers(now, around.random) && zone.is_in_sync(change);
                if is_in_sync {
                    self.in_sync.insert(change);
                }
                is_in_sync
            }
            None => now - shown.max(declared) >= FOREIGN_WRITER_AGE_MILLIS,
        }
    }
}

/// Since when this weight is there, as far as was looked.
fn since(
    known: &mut BTreeMap<(usize, usize), (u8, u64)>,
    place: (usize, usize),
    weight: u8,
    now: u64,
) -> u64 {
    let entry = known.entry(place).or_insert((weight, now));
    if entry.0 != weight {
        *entry = (weight, now);
    }
    entry.1
}

fn mk(name: &str, value: Option<u8>) -> HopSeen {
    HopSeen::new(name, value.map(Weight::new))
}

impl Driver {
    /// The gates look all the time, also while actions are carried out.
    pub(super) fn look_at_gates(&mut self, around: &Around<'_>) {
        let world = &*around.world;
        if self.known.is_none() || world.now < self.gates_at {
            return;
        }
        self.gates_at = world.now + GATES_EVERY_MILLIS;
        for group in 0..world.groups() {
            for cluster in [FROM, TO] {
                self.gates.push(GateSeen {
                    gate: "http".to_owned(),
                    group: name_of_group(group),
                    cluster: name_of(cluster),
                    at: world.at(),
                    outcome: outcome(world.answers(cluster, group)),
                });
            }
        }
    }
}

pub(super) fn outcome(passed: bool) -> CheckOutcome {
    if passed { CheckOutcome::Passed } else { CheckOutcome::Failed("answers 500".to_owned()) }
}
