//! The invariants, judged from the world's truth.

use std::collections::BTreeMap;

use crossfade_core::migration::{Phase, Status};

use crate::world::{FROM, TO, World};

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `I1` to `I10`, or `liveness`.
    pub rule: &'static str,
    /// Virtual milliseconds since the run began.
    pub at_millis: u64,
    /// What was seen.
    pub what: String,
}

/// How long ago a load balancer may have answered last for its cluster to count as healthy: the last observation is half
/// a second old, and the actions of the plan that it led to are under way.
const HEALTH_KNOWN_WITHIN_MILLIS: u64 = 4_000;
/// A preflight says something about now for so long.
const PREFLIGHT_FRESH_MILLIS: u64 = 600_000;

/// Sees everything that drivers do, and the world every tick.
pub(crate) struct Checker {
    began_at: u64,
    /// Weights before the migration, per group and cluster.
    before: Vec<Vec<u8>>,
    /// The last value that is the migration's, or was there from the start.
    ours: Vec<Vec<u8>>,
    preflights: BTreeMap<(usize, usize), (bool, u64)>,
    pub(crate) violations: Vec<Violation>,
}

/// A write about to be made.
pub(crate) struct Write {
    pub(crate) driver: u64,
    pub(crate) group: usize,
    pub(crate) cluster: usize,
    pub(crate) weight: u8,
}

impl Checker {
    pub(crate) fn new(world: &World) -> Self {
        let groups = world.clusters[FROM].places.len();
        let before: Vec<Vec<u8>> = (0..groups)
            .map(|group| world.clusters.iter().map(|cluster| cluster.places[group].knob).collect())
            .collect();
        Checker {
            began_at: world.now,
            ours: before.clone(),
            before,
            preflights: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    fn broken(&mut self, rule: &'static str, world: &World, what: String) {
        self.violations.push(Violation { rule, at_millis: world.now - self.began_at, what });
    }

    pub(crate) fn preflight(&mut self, world: &World, group: usize, cluster: usize, passed: bool) {
        self.preflights.insert((group, cluster), (passed, world.now));
    }

    /// Before a write is made that will succeed.
    pub(crate) fn write(&mut self, world: &World, write: &Write) {
        let Write { driver, group, cluster, weight } = *write;
        let place = format!("group {group} in {} to {weight}", world.clusters[cluster].name);
        let replaced = world.clusters[cluster].places[group].knob;
        if cluster != FROM && cluster != TO {
            self.broken("I4", world, format!("{place}: not of the pair"));
            return;
        }
        if !world.holds_lease(FROM, driver) {
            self.broken("I8", world, format!("{place}: written without the source's lease"));
        }
        if replaced != self.ours[group][cluster] {
            self.broken("I10", world, format!("{place}: overwrites {replaced}, which is another hand's"));
        }
        if weight == 0 && !self.another_serves(world, group, cluster) {
            self.broken("I2", world, format!("{place}: no other cluster is settled above 0 and answers"));
        }
        if weight > replaced {
            let passed = self
                .preflights
                .get(&(group, cluster))
                .filter(|(_, at)| world.now - at < PREFLIGHT_FRESH_MILLIS);
            if !passed.is_some_and(|(passed, _)| *passed) {
                self.broken("I3", world, format!("{place}: rises without a passed preflight"));
            }
        }
        self.ours[group][cluster] = weight;
    }

    #[expect(clippy::unused_self, reason = "reads as the checker's judgement")]
    fn another_serves(&self, world: &World, group: usize, cluster: usize) -> bool {
        world.clusters.iter().enumerate().any(|(other, state)| {
            let place = &state.places[group];
            let is_settled = place.knob > 0 && place.record > 0 && place.views.iter().all(|view| *view > 0);
            other != cluster && is_settled && world.now - state.healthy_at <= HEALTH_KNOWN_WITHIN_MILLIS
        })
    }

    /// After a plan was kept.
    pub(crate) fn plan(&mut self, world: &World, old: &Status, new: &Status, had_unknown: bool) {
        let begins = |status: &Status| status.steps.iter().filter(|step| step.target != "rollback").count();
        let advances = begins(new) > begins(old) || (new.drained_at.is_some() && old.drained_at.is_none());
        if advances && had_unknown {
            self.broken("I9", world, "advances while something cannot be read".to_owned());
        }
        if new.drained_at.is_some() && old.drained_at.is_none() {
            self.drained(world);
        }
        if new.phase == Phase::RolledBack && old.phase != Phase::RolledBack {
            self.rolled_back(world);
        }
    }

    fn drained(&mut self, world: &World) {
        let ttl_millis = u64::from(world.ttl_seconds) * 1000;
        for group in 0..self.before.len() {
            let place = &world.clusters[FROM].places[group];
            let since = world.now - place.views_since;
            if place.views.iter().any(|view| *view > 0) || since < ttl_millis {
                let what = format!(
                    "group {group}: drained with views {:?} for {since} ms of {ttl_millis}",
                    place.views
                );
                self.broken("I7", world, what);
            }
        }
    }

    fn rolled_back(&mut self, world: &World) {
        for group in 0..self.before.len() {
            for cluster in [FROM, TO] {
                let place = &world.clusters[cluster].places[group];
                let before = self.before[group][cluster];
                if place.knob != before && place.edited_to.is_none() {
                    let what = format!(
                        "group {group} in {}: {} and not {before}",
                        world.clusters[cluster].name, place.knob
                    );
                    self.broken("I6", world, what);
                }
            }
        }
    }

    /// Every tick.
    pub(crate) fn tick(&mut self, world: &World) {
        for group in 0..self.before.len() {
            let places = || world.clusters.iter().map(|cluster| &cluster.places[group]);
            if places().all(|place| place.knob == 0) {
                self.broken("I1", world, format!("group {group}: every declared weight is 0"));
            }
            if places().all(|place| place.record == 0) {
                self.broken("I1", world, format!("group {group}: every record's weight is 0"));
            }
        }
    }

    pub(crate) fn never_ends(&mut self, world: &World, status: Option<&Status>, waiting_for: &str) {
        let at = status.map(|status| format!("{:?} {:?}", status.phase, status.stage)).unwrap_or_default();
        self.broken(
            "liveness",
            world,
            format!("no end after the faults stopped: {at}, waiting for {waiting_for}"),
        );
    }

    pub(crate) fn ends_wrongly(&mut self, world: &World, what: String) {
        self.broken("liveness", world, what);
    }
}
