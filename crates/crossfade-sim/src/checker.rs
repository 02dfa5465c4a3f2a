//! The invariants, judged from the world's truth: what a driver did, what it kept, and how the world looks every tick.

use std::collections::BTreeMap;

use crossfade_core::migration::{Phase, Status, StepTarget, hop};

use crate::driver::{index_of, index_of_group};
use crate::events::{Event, Events};
use crate::world::zone::{NAME_SERVERS, RecordSet};
use crate::world::{FROM, NAMES, TICK_MILLIS, TO, World};

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `I1` to `I10`, `gate` (a destination that fails is left alone), `users` (a request failed that should not), or
    /// `liveness`.
    pub rule: &'static str,
    /// Virtual milliseconds since the run began.
    pub at_millis: u64,
    /// What was seen.
    pub what: String,
}

/// How long before a plan a cluster may have answered last and still count as healthy: the engine takes answers of five
/// seconds, the gates ask twice a second.
const HEALTH_KNOWN_WITHIN_MILLIS: u64 = 6_000;
/// How long before a plan a weight may have been settled last: records are listed every ten seconds at the least.
const SETTLED_KNOWN_WITHIN_MILLIS: u64 = 11_000;
/// A DNS controller that repairs another hand's record tells of its change a second later; until then its last one counts.
const TOLD_WITHIN_MILLIS: u64 = 1_500;
/// After another hand's write, what was proven before it is not judged by what is true now.
const OTHER_HAND_WITHIN_MILLIS: u64 = 30_000;
/// Nothing stands in a driver's way and it has not reacted: a lease to wait for, some failed checks, slow calls.
const REACTS_WITHIN_MILLIS: u64 = 45_000;

/// Nothing stands in the way of a return but what is stuck: a minute for a polling writer, a minute for its record's age, a
/// minute for name servers, twice, and the reaction.
const RETURNS_WITHIN_MILLIS: u64 = 420_000;

/// Sees everything that drivers do, and the world every tick.
pub(crate) struct Checker {
    began_at: u64,
    /// Weights before the migration, per group and cluster.
    pub(crate) before: Vec<Vec<u8>>,
    places: Vec<Vec<Place>>,
    preflights: BTreeMap<(usize, usize), (bool, u64)>,
    /// When the step under way was kept first.
    step_began_at: u64,
    has_turned_back: bool,
    /// The last time that it was paused.
    paused_at: u64,
    /// The last time that it was not on its way back.
    forth_at: u64,
    /// The person allowed other hands' weights to be overwritten.
    pub(crate) is_forced: bool,
    pub(crate) events: Events,
    pub(crate) violations: Vec<Violation>,
}

/// What the checker knows of one group in one cluster.
#[derive(Clone, Debug)]
struct Place {
    /// The last weight that is the migration's, or was there from the start.
    ours: u8,
    /// All weights that the migration wrote or wanted, and the one before.
    all_ours: Vec<u8>,
    /// The version of the last write of the migration, and whether a driver has kept that it saw it.
    confirmed: Option<u64>,
    our_version: u64,
    /// Another hand's write that stands, and that no driver has paused for.
    other_hand: Option<u64>,
    other_hand_at: u64,
    /// Another hand's weight that the person was shown and lets the migration write over.
    agreed: Option<u8>,
    above_zero_at: u64,
    /// The last time that the object was at 0.
    zero_at: u64,
    /// The weight that the migration wants there.
    target: u8,
    shown: Shown,
}

/// What Route 53 lists and every name server answers, as far as drivers could know: what was changed and put back while
/// nobody listed the records is nobody's knowledge.
#[derive(Clone, Copy, Debug)]
struct Shown {
    weight: u8,
    since: u64,
    /// Something else is shown since then, and a driver has kept that it saw it.
    left: Option<u64>,
    left_is_known: bool,
}

impl Shown {
    fn tick(&mut self, now: u64, set: &RecordSet, target: u8) {
        let is_back = set.listed() == Some(self.weight) && set.is_everywhere(self.weight);
        if !is_back {
            self.left.get_or_insert(now);
            if set.listed() == Some(target) && set.is_everywhere(target) {
                *self = Shown { weight: target, since: set.views_since, left: None, left_is_known: false };
            }
        } else if self.left.take().is_some() {
            self.since = if self.left_is_known { now } else { self.since };
            self.left_is_known = false;
        }
    }
}

/// A write about to be made.
pub(crate) struct Write {
    pub(crate) driver: u64,
    pub(crate) group: usize,
    pub(crate) cluster: usize,
    pub(crate) weight: u8,
    pub(crate) planned_at: u64,
    /// A weight of the group could not be read when it was planned.
    pub(crate) had_unknown: bool,
    pub(crate) phase: Phase,
}

/// A status that was kept.
pub(crate) struct Kept<'a> {
    pub(crate) old: &'a Status,
    pub(crate) new: &'a Status,
    /// Per group: a weight of the pair could not be read.
    pub(crate) unknown: &'a [bool],
    /// Versions of the knobs that were seen, by group and cluster.
    pub(crate) versions: &'a [Vec<u64>],
}

impl Checker {
    pub(crate) fn new(world: &World) -> Self {
        let before: Vec<Vec<u8>> = (0..world.groups())
            .map(|group| world.clusters.iter().map(|cluster| cluster.knobs[group].weight()).collect())
            .collect();
        let mk = |weight: &u8| Place {
            ours: *weight,
            all_ours: vec![*weight],
            confirmed: None,
            our_version: 1,
            other_hand: None,
            other_hand_at: 0,
            agreed: None,
            above_zero_at: 0,
            zero_at: 0,
            target: *weight,
            shown: Shown { weight: *weight, since: 0, left: None, left_is_known: false },
        };
        Checker {
            began_at: world.now,
            places: before.iter().map(|of_group| of_group.iter().map(mk).collect()).collect(),
            before,
            preflights: BTreeMap::new(),
            step_began_at: world.now,
            has_turned_back: false,
            paused_at: 0,
            forth_at: 0,
            is_forced: false,
            events: Events::default(),
            violations: Vec::new(),
        }
    }

    pub(crate) fn broken(&mut self, rule: &'static str, world: &World, what: String) {
        if self.violations.iter().any(|known| known.rule == rule && known.what == what) {
            return;
        }
        self.violations.push(Violation { rule, at_millis: world.now - self.began_at, what });
    }

    pub(crate) fn event(&mut self, world: &World, event: Event) {
        self.events.push(world.now, event);
    }

    /// The lines of what happened last.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.events.lines(self.began_at)
    }

    /// The migration was admitted: the weights now are the ones to return to.
    pub(crate) fn begun(&mut self, world: &World, status: &Status) {
        for (group, places) in self.places.iter_mut().enumerate() {
            for (cluster, place) in places.iter_mut().enumerate() {
                let knob = &world.clusters[cluster].knobs[group];
                self.before[group][cluster] = knob.weight();
                (place.ours, place.our_version, place.other_hand) = (knob.weight(), knob.version(), None);
                place.all_ours.push(knob.weight());
            }
        }
        self.learn_targets(status);
        self.step_began_at = world.now;
    }

    pub(crate) fn preflight(&mut self, world: &World, group: usize, cluster: usize, passed: bool) {
        self.preflights.insert((group, cluster), (passed, world.now));
    }

    /// Another hand wrote a knob.
    pub(crate) fn other_hand(&mut self, world: &World, group: usize, cluster: usize) {
        let weight = world.clusters[cluster].knobs[group].weight();
        self.event(world, Event::OtherHand { group, cluster, weight });
        let place = &mut self.places[group][cluster];
        place.other_hand_at = world.now;
        // In a pause, one of the migration's own weights is what whoever goes on finds and accepts.
        let is_paused = world.object.status.as_ref().is_some_and(|status| status.phase == Phase::Paused);
        let is_accepted = is_paused && place.all_ours.contains(&weight);
        let is_other = weight != place.ours && weight != place.target && !is_accepted;
        place.other_hand = is_other.then_some(world.now);
        if weight == place.target {
            // Nobody can tell it from the migration's own.
            let version = world.clusters[cluster].knobs[group].version();
            (place.ours, place.our_version, place.confirmed) = (weight, version, None);
        }
    }

    /// Another hand changed something of the group that is no knob.
    pub(crate) fn touched(&mut self, world: &World, group: usize, cluster: usize) {
        self.places[group][cluster].other_hand_at = world.now;
    }

    /// The person put a knob to where the migration wants it.
    pub(crate) fn mended(&mut self, world: &World, group: usize, cluster: usize) {
        let place = &mut self.places[group][cluster];
        let knob = &world.clusters[cluster].knobs[group];
        (place.ours, place.our_version, place.confirmed) = (knob.weight(), knob.version(), None);
        place.other_hand = None;
        place.other_hand_at = world.now;
    }

    /// The person agreed to what other hands have set, as far as the status shows it.
    pub(crate) fn agreed(&mut self, status: &Status) {
        for group in &status.groups {
            for cluster in &group.clusters {
                let place = &mut self.places[index_of_group(&group.name)][index_of(&cluster.name)];
                place.agreed = cluster.foreign.map(|foreign| foreign.weight.get()).or(place.agreed);
            }
        }
    }

    /// Another hand has been at the group since the run began.
    pub(crate) fn is_touched(&self, group: usize) -> bool {
        self.places[group].iter().any(|place| place.other_hand_at > 0)
    }

    fn was_touched_lately(&self, world: &World, group: usize) -> bool {
        let lately = |place: &Place| {
            place.other_hand.is_some()
                || (place.other_hand_at > 0 && world.now - place.other_hand_at < OTHER_HAND_WITHIN_MILLIS)
        };
        self.places[group].iter().any(lately)
    }

    /// Before a write is made that will succeed.
    pub(crate) fn write(&mut self, world: &World, write: &Write) {
        let Write { driver, group, cluster, weight, .. } = *write;
        self.event(world, Event::Wrote { driver, group, cluster, weight });
        let place = format!("group {group} in {} to {weight}", NAMES[cluster]);
        let replaced = world.clusters[cluster].knobs[group].weight();
        if cluster != FROM && cluster != TO {
            self.broken("I4", world, format!("{place}: not of the pair"));
            return;
        }
        let is_back = write.phase == Phase::RollingBack;
        for needed in [FROM, TO].into_iter().take(if is_back { 1 } else { 2 }) {
            let holder = world.clusters[needed].lease.holder;
            if holder.is_some_and(|holder| holder != driver) {
                self.broken(
                    "I8",
                    world,
                    format!("{place}: another driver holds the lease of {}", NAMES[needed]),
                );
            }
        }
        self.judge_other_hand(world, write, replaced, &place);
        if weight == 0 && !self.another_serves(world, write) {
            self.broken("I2", world, format!("{place}: no other cluster is settled above 0 and answers"));
        }
        let stays = |other: usize| other != cluster && world.clusters[other].knobs[group].weight() > 0;
        if weight == 0 && !(0..world.clusters.len()).any(stays) && !self.was_touched_lately(world, group) {
            self.broken("I1", world, format!("{place}: all declared weights of the group are 0"));
        }
        if weight > replaced {
            let passed = self.preflights.get(&(group, cluster)).filter(|(_, at)| *at >= self.step_began_at);
            if !passed.is_some_and(|(passed, _)| *passed) {
                self.broken("I3", world, format!("{place}: rises without a passed preflight in this step"));
            }
        }
        if !is_back && write.had_unknown {
            self.broken("I9", world, format!("{place}: written while a weight of the group cannot be read"));
        }
    }

    /// The write carries the version that was seen, so what it replaces has been seen.
    fn judge_other_hand(&mut self, world: &World, write: &Write, replaced: u8, place: &str) {
        let known = &self.places[write.group][write.cluster];
        let is_foreign = !known.all_ours.contains(&replaced);
        let was_reached = known.confirmed == Some(known.our_version) && known.other_hand.is_some();
        let is_agreed = self.is_forced || known.agreed == Some(replaced);
        if !is_agreed && (is_foreign || (was_reached && replaced != known.ours)) {
            self.broken("I10", world, format!("{place}: overwrites {replaced}, which is another hand's"));
        }
    }

    /// After a write was made.
    pub(crate) fn written(&mut self, world: &World, group: usize, cluster: usize) {
        let knob = &world.clusters[cluster].knobs[group];
        let place = &mut self.places[group][cluster];
        place.ours = knob.weight();
        place.our_version = knob.version();
        place.other_hand = None;
        place.agreed = None;
        if !place.all_ours.contains(&place.ours) {
            place.all_ours.push(place.ours);
        }
    }

    fn another_serves(&self, world: &World, write: &Write) -> bool {
        world.clusters.iter().enumerate().any(|(other, cluster)| {
            let shows_old = world.now - cluster.api.shows(world.now);
            let settled_at = self.places[write.group][other].above_zero_at;
            let answered_at = cluster.balancers[write.group].answered_at;
            other != write.cluster
                && (world.is_above_zero(other, write.group)
                    || settled_at + SETTLED_KNOWN_WITHIN_MILLIS + shows_old >= write.planned_at)
                && answered_at + HEALTH_KNOWN_WITHIN_MILLIS >= write.planned_at
        })
    }

    fn learn_targets(&mut self, status: &Status) {
        for group in &status.groups {
            for cluster in &group.clusters {
                let place = &mut self.places[index_of_group(&group.name)][index_of(&cluster.name)];
                let target = cluster.target.get();
                place.target = target;
                if let Some(left_at) = place.shown.left {
                    let record = cluster.hops.iter().find(|hop| hop.name == hop::RECORD);
                    let sees_other = record.is_some_and(|hop| {
                        hop.at.0 >= left_at
                            && hop.value.is_some_and(|value| value.get() != place.shown.weight)
                    });
                    place.shown.left_is_known |= sees_other;
                }
                if !place.all_ours.contains(&target) {
                    place.all_ours.push(target);
                }
            }
        }
    }

    /// A status was kept.
    pub(crate) fn kept(&mut self, world: &World, kept: &Kept<'_>) {
        let (old, new) = (kept.old, kept.new);
        self.learn_targets(new);
        self.confirm(kept.versions);
        if (old.phase, old.stage, old.step) != (new.phase, new.stage, new.step) {
            self.event(world, Event::Reached { phase: new.phase, stage: new.stage, step: new.step });
        }
        if new.phase == Phase::Paused {
            self.places.iter_mut().flatten().for_each(|place| place.other_hand = None);
        }
        // On the way back a group is left alone while the others return: who keeps that has noticed.
        let held = new.groups.iter().flat_map(|group| group.clusters.iter().map(move |of| (group, of)));
        for (group, cluster) in held.filter(|(_, cluster)| cluster.foreign.is_some()) {
            self.places[index_of_group(&group.name)][index_of(&cluster.name)].other_hand = None;
        }
        let begins = new.steps.len() > old.steps.len();
        let turns_back = begins && new.steps.last().is_some_and(|step| step.target == "rollback");
        let proven = |status: &Status| status.steps.iter().filter(|step| step.proven_at.is_some()).count();
        let drains = new.drained_at.is_some() && old.drained_at.is_none();
        let proves = proven(new) > proven(old);
        if begins {
            self.step_began_at = world.now;
        }
        if begins && !turns_back {
            self.judge_order(world, old, new);
        }
        self.has_turned_back |= turns_back;
        if (begins && !turns_back || drains || proves) && kept.unknown.iter().any(|unknown| *unknown) {
            self.broken("I9", world, "advances while something cannot be read".to_owned());
        }
        if proves || drains {
            // A proven step may be followed by the next one at once; the way back ends with its own weights.
            self.judge_settled(world, if new.phase == Phase::RolledBack { new } else { old });
        }
        if new.phase == Phase::RolledBack && old.phase != Phase::RolledBack {
            self.judge_rolled_back(world);
        }
    }

    /// Whoever kept this status had seen the migration's last write.
    fn confirm(&mut self, versions: &[Vec<u64>]) {
        for (places, versions) in self.places.iter_mut().zip(versions) {
            for (place, version) in places.iter_mut().zip(versions) {
                if *version == place.our_version {
                    place.confirmed = Some(*version);
                }
            }
        }
    }

    /// I5: progress goes back only by rollback, no step is left out, no pause is passed by itself.
    fn judge_order(&mut self, world: &World, old: &Status, new: &Status) {
        let target = new.steps.last().map(|step| step.target.clone()).unwrap_or_default();
        if self.has_turned_back {
            self.broken("I5", world, format!("step {target} begins after the way back had begun"));
        }
        let is_next = new.step > old.step || new.step == 0;
        if !is_next {
            self.broken("I5", world, format!("step {target} begins after step {}", old.step));
        }
        let spec = &world.object.spec;
        let index = usize::try_from(new.step).unwrap_or(0);
        let pauses = spec.steps.iter().take(index).filter(|step| **step == StepTarget::Pause).count();
        let promotions = usize::try_from(spec.promotions).unwrap_or(usize::MAX);
        if pauses > promotions && !spec.promote_to_end {
            self.broken("I5", world, format!("step {target} begins without promotion"));
        }
    }

    /// I7: proven, drained, rolled back mean that every name server has shown the weights for a TTL.
    fn judge_settled(&mut self, world: &World, status: &Status) {
        let ttl_millis = u64::from(world.ttl_seconds) * 1000;
        for group in &status.groups {
            let index = index_of_group(&group.name);
            if self.was_touched_lately(world, index) {
                continue;
            }
            for cluster in [FROM, TO] {
                let Some(target) = group.clusters.get(cluster).map(|cluster| cluster.target.get()) else {
                    continue;
                };
                let set = &world.zone.sets[index][cluster];
                let since = world.now - self.shown_since(world, index, cluster, target);
                if !set.is_everywhere(target) || since + TICK_MILLIS < ttl_millis {
                    let what = format!(
                        "group {index} in {}: {target} is said to be everywhere, and servers show {:?} for {since} ms \
                         of {ttl_millis}",
                        NAMES[cluster], set.views
                    );
                    self.broken("I7", world, what);
                }
            }
        }
    }

    /// Since when a driver may take it that every name server answers with this weight.
    fn shown_since(&self, world: &World, group: usize, cluster: usize, target: u8) -> u64 {
        let since = world.zone.sets[group][cluster].views_since;
        let shown = &self.places[group][cluster].shown;
        if !self.is_touched(group) {
            since
        } else if shown.weight == target {
            since.min(shown.since).saturating_sub(TOLD_WITHIN_MILLIS)
        } else {
            since.saturating_sub(TOLD_WITHIN_MILLIS)
        }
    }

    fn judge_rolled_back(&mut self, world: &World) {
        for group in 0..world.groups() {
            for cluster in [FROM, TO] {
                let (knob, before) =
                    (world.clusters[cluster].knobs[group].weight(), self.before[group][cluster]);
                if knob != before && !self.was_touched_lately(world, group) {
                    let what = format!("group {group} in {}: {knob} and not {before}", NAMES[cluster]);
                    self.broken("I6", world, what);
                }
            }
        }
    }

    /// Every tick.
    pub(crate) fn tick(&mut self, world: &World) {
        for group in 0..world.groups() {
            for cluster in 0..world.clusters.len() {
                if world.is_above_zero(cluster, group) {
                    self.places[group][cluster].above_zero_at = world.now;
                }
                let place = &mut self.places[group][cluster];
                place.shown.tick(world.now, &world.zone.sets[group][cluster], place.target);
            }
            if !self.is_touched(group) {
                self.judge_all_zero(world, group);
            }
        }
        if let Some(status) = &world.object.status {
            self.judge_reactions(world, status);
            self.judge_return(world, status);
        }
    }

    fn judge_all_zero(&mut self, world: &World, group: usize) {
        if world.clusters.iter().all(|cluster| cluster.knobs[group].weight() == 0) {
            self.broken("I1", world, format!("group {group}: every declared weight is 0"));
        }
        let sets = &world.zone.sets[group];
        if sets.iter().all(|set| set.listed() == Some(0)) {
            self.broken("I1", world, format!("group {group}: every record's weight is 0"));
        }
        for server in 0..NAME_SERVERS {
            if (0..2).any(|part| sets.iter().all(|set| set.views[server][part] == 0)) {
                self.broken(
                    "I1",
                    world,
                    format!("group {group}: name server {server} has only weights of 0"),
                );
            }
        }
    }

    /// I6: what is stuck keeps no other weight from returning, nor its own where another cluster serves.
    fn judge_return(&mut self, world: &World, status: &Status) {
        if status.phase != Phase::RollingBack {
            self.forth_at = world.now;
        }
        let free_since = world.disturbed_at.max(self.forth_at);
        let is_overdue = |since: u64| world.now - since.max(free_since) > RETURNS_WITHIN_MILLIS;
        for group in 0..world.groups() {
            if self.is_touched(group) {
                continue;
            }
            let of_group = |cluster: usize| &world.clusters[cluster].balancers[group];
            let answers = |cluster: usize| of_group(cluster).answering_since.is_some_and(is_overdue);
            if world.clusters[FROM].objects[group].weight() == 0 {
                self.places[group][FROM].zero_at = world.now;
            }
            let is_served = is_overdue(self.places[group][FROM].zero_at);
            for cluster in [FROM, TO].into_iter().filter(|_| answers(FROM) && answers(TO)) {
                let (knob, before) =
                    (world.clusters[cluster].knobs[group].weight(), self.before[group][cluster]);
                if knob != before && (before > 0 || is_served) {
                    let what = format!("group {group} in {}: still {knob} and not {before}", NAMES[cluster]);
                    self.broken("I6", world, what);
                }
            }
        }
    }

    /// What a driver that nothing stands in the way of has to notice.
    fn judge_reactions(&mut self, world: &World, status: &Status) {
        if status.phase == Phase::Paused {
            self.paused_at = world.now;
        }
        let free_since = world.disturbed_at.max(self.paused_at);
        let is_overdue = |since: u64| world.now - since.max(free_since) > REACTS_WITHIN_MILLIS;
        for group in 0..world.groups() {
            let (from, to) = (&world.clusters[FROM].balancers[group], &world.clusters[TO].balancers[group]);
            let fails_since = to.silent_since.zip(from.answering_since).map(|(to, from)| to.max(from));
            if status.phase == Phase::Progressing && fails_since.is_some_and(is_overdue) {
                self.broken(
                    "gate",
                    world,
                    format!("group {group}: the destination fails and nothing is done"),
                );
            }
            for cluster in [FROM, TO] {
                let place = &self.places[group][cluster];
                let weight = world.clusters[cluster].knobs[group].weight();
                let stands = place.other_hand.filter(|_| !place.all_ours.contains(&weight));
                let is_on = !status.phase.is_end() && status.phase != Phase::Paused && !self.is_forced;
                if is_on && stands.is_some_and(is_overdue) {
                    let what =
                        format!("group {group} in {}: goes on under another hand's {weight}", NAMES[cluster]);
                    self.broken("I10", world, what);
                }
            }
        }
    }
}
