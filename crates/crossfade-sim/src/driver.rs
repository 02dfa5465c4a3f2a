//! A driver as `crossfade-controller` has it: find the object, read it, renew leases, look, plan, keep, act. Every one of
//! these takes its time, and the process can die, or be stopped for a while, between any two.

mod act;
mod look;
mod spoil;

use std::collections::VecDeque;

use crossfade_core::migration::{
    Admitted, ClusterStatus, DrawsSeen, GateSeen, GroupStatus, HopStatus, LeasesSeen, Phase, Plan,
    PreflightSeen, Seen, Spec, Status, Wish, start, step,
};
use crossfade_core::{ClusterName, GroupName, Weight};

use crate::checker::{Checker, Kept};
use crate::defect::Defect;
use crate::driver::act::Todo;
pub(crate) use crate::driver::act::candidates;
use crate::driver::look::{Eyes, Looked};
use crate::driver::spoil::{mislead, spoil};
use crate::random::Random;
use crate::world::api::{Answer, Slot};
use crate::world::lease::{Hold, RENEW_EVERY_MILLIS};
use crate::world::logged::Logged;
use crate::world::{FROM, NAMES, TO, World};

/// Between two looks when nothing is to be done.
const LOOK_EVERY_MILLIS: u64 = 250;
/// How often the object is read for a changed wish.
const WISH_EVERY_MILLIS: u64 = 1_000;
/// How often what is waited for is brought up to date in the object.
const SAY_EVERY_MILLIS: u64 = 1_000;
/// How often a controller looks for objects to drive.
const SEEK_EVERY_MILLIS: u64 = 2_000;
/// The gates ask twice a second.
const GATES_EVERY_MILLIS: u64 = 500;
/// What a process does within one tick at the most.
const DEEDS_PER_TICK_MAX: usize = 8;

/// A moment at which a process may be told to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Whatever it is doing.
    Now,
    /// It has a plan and has not kept it.
    BeforeKeeping,
    /// It has kept a plan and done nothing of it.
    AfterKeeping,
    /// It has written a weight.
    AfterWriting,
}

/// One process.
pub(crate) struct Driver {
    pub(crate) slot: Slot,
    /// Unique: a restarted process is another one.
    pub(crate) id: u64,
    doing: Doing,
    /// Busy until then.
    free_at: u64,
    /// Nothing of it runs until then.
    pub(crate) stopped_until: u64,
    /// Where it is to die.
    pub(crate) dies: Option<Moment>,
    is_dead: bool,
    known: Option<Known>,
    /// In the order in which they are taken.
    holds: [Hold; 2],
    renewed_at: Option<u64>,
    read_at: Option<u64>,
    kept_at: Option<u64>,
    said: String,
    eyes: Eyes,
    gates: Vec<GateSeen>,
    gates_at: u64,
    preflights: Vec<PreflightSeen>,
    draws: Vec<DrawsSeen>,
    /// What the last plan waits for.
    pub(crate) waiting_for: Vec<String>,
}

/// The object as this process has it.
#[derive(Clone)]
struct Known {
    spec: Spec,
    status: Status,
    version: u64,
}

enum Doing {
    /// Looks for an object to drive.
    Seeking,
    Looking {
        is_first: bool,
    },
    Keeping(Box<Planned>),
    Acting(VecDeque<Todo>),
}

struct Planned {
    plan: Plan,
    looked: Looked,
    at: u64,
}

/// What a tick may use.
pub(crate) struct Around<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) random: &'a mut Random,
    pub(crate) checker: &'a mut Checker,
    pub(crate) defect: Option<Defect>,
}

impl Around<'_> {
    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }
}

impl Driver {
    pub(crate) fn new(slot: Slot, id: u64) -> Self {
        Driver {
            slot,
            id,
            doing: Doing::Seeking,
            free_at: 0,
            stopped_until: 0,
            dies: None,
            is_dead: false,
            known: None,
            holds: [Hold::default(); 2],
            renewed_at: None,
            read_at: None,
            kept_at: None,
            said: String::new(),
            eyes: Eyes::default(),
            gates: Vec::new(),
            gates_at: 0,
            preflights: Vec::new(),
            draws: Vec::new(),
            waiting_for: Vec::new(),
        }
    }

    /// False when it died.
    pub(crate) fn tick(&mut self, around: &mut Around<'_>) -> bool {
        let now = around.world.now;
        if now < self.stopped_until {
            return true;
        }
        self.die_at(Moment::Now);
        self.look_at_gates(around);
        for _ in 0..DEEDS_PER_TICK_MAX {
            if now < self.free_at || self.is_dead {
                break;
            }
            self.free_at = now + latency(around.random);
            self.go_on(around);
        }
        !self.is_dead
    }

    fn die_at(&mut self, moment: Moment) {
        self.is_dead |= self.dies == Some(moment);
    }

    fn go_on(&mut self, around: &mut Around<'_>) {
        match std::mem::replace(&mut self.doing, Doing::Looking { is_first: false }) {
            Doing::Seeking => self.seek(around),
            Doing::Looking { is_first } => self.round(is_first, around),
            Doing::Keeping(planned) => {
                self.die_at(Moment::BeforeKeeping);
                if !self.is_dead {
                    self.keep(*planned, around);
                }
            }
            Doing::Acting(todo) => self.act(todo, around),
        }
    }

    fn wait(&mut self, now: u64, millis: u64) {
        self.free_at = self.free_at.max(now + millis);
    }

    /// A controller between two objects.
    fn seek(&mut self, around: &mut Around<'_>) {
        let now = around.world.now;
        if around.world.ask(around.world.home, self.slot, around.random) == Answer::Done {
            if around.world.object.status.is_none() || around.has(Defect::KeepNothing) {
                begin(around);
            }
            let object = &around.world.object;
            if let Some(status) = object.status.clone().filter(|status| is_driven(status, object.spec.wish)) {
                let known = Known { spec: object.spec.clone(), status, version: object.version };
                *self = Driver {
                    known: Some(known),
                    doing: Doing::Looking { is_first: true },
                    read_at: Some(now),
                    dies: self.dies,
                    ..Driver::new(self.slot, self.id)
                };
                return;
            }
        }
        self.doing = Doing::Seeking;
        self.wait(now, SEEK_EVERY_MILLIS);
    }

    fn round(&mut self, is_first: bool, around: &mut Around<'_>) {
        let now = around.world.now;
        self.read_object(around);
        let leases = self.renew(around);
        let Some(known) = &mut self.known else { return };
        let pace = look::pace_of(&known.status);
        let mut looked = self.eyes.look(self.slot, pace, &known.status, around);
        if is_first {
            self.eyes.learn_ttl(around);
            return;
        }
        looked.seen.leases = leases;
        looked.seen.gates = std::mem::take(&mut self.gates);
        looked.seen.gates.retain(|seen| seen.at >= known.status.started_at);
        looked.seen.preflights = std::mem::take(&mut self.preflights);
        looked.seen.draws = std::mem::take(&mut self.draws);
        let plan = match around.defect {
            None => step(&known.spec, &known.status, &looked.seen, around.world.at()),
            Some(_) => broken_step(known.clone(), &mut looked.seen, around),
        };
        self.waiting_for.clone_from(&plan.waiting_for);
        let message = plan.waiting_for.first().cloned().unwrap_or_default();
        let is_stale = message != self.said && self.kept_at.is_none_or(|at| now - at >= SAY_EVERY_MILLIS);
        let is_to_be_kept = !is_same(&plan.status, &known.status) || is_stale || !plan.actions.is_empty();
        if leases.source && is_to_be_kept {
            self.said = message;
            self.kept_at = Some(now);
            self.doing = Doing::Keeping(Box::new(Planned { plan, looked, at: now }));
        } else if leases.source || around.has(Defect::EndUnkept) {
            let phase = plan.status.phase;
            known.status = plan.status;
            self.rest(phase, around);
        } else {
            // Another driver's migration: looked at, and its end is that driver's to keep. A lease whose holder died is
            // waited for here: who begins anew begins to wait anew.
            let Known { status, spec, .. } = known;
            let phase = if is_driven(status, spec.wish) { Phase::Progressing } else { status.phase };
            self.rest(phase, around);
        }
    }

    /// What was not worth keeping is newer here than in the object; anything else that differs is another driver's.
    fn read_object(&mut self, around: &mut Around<'_>) {
        let now = around.world.now;
        if self.read_at.is_some_and(|at| now - at < WISH_EVERY_MILLIS) {
            return;
        }
        self.read_at = Some(now);
        if around.world.ask(around.world.home, self.slot, around.random) != Answer::Done {
            return;
        }
        let object = &around.world.object;
        let (Some(known), Some(theirs)) = (&mut self.known, &object.status) else { return };
        known.spec = object.spec.clone();
        known.version = object.version;
        if !is_same(theirs, &known.status) {
            known.status = theirs.clone();
        }
    }

    fn renew(&mut self, around: &mut Around<'_>) -> LeasesSeen {
        let now = around.world.now;
        let is_due = self.renewed_at.is_none_or(|at| now - at >= RENEW_EVERY_MILLIS);
        if is_due || !self.holds.iter().all(|hold| hold.is_held(now)) {
            self.renewed_at = Some(now);
            let (mut is_behind, keeps) = (false, around.has(Defect::KeepLeases));
            for (hold, index) in self.holds.iter_mut().zip(around.world.lease_order) {
                let answer = around.world.ask(index, self.slot, around.random);
                let lease = &mut around.world.clusters[index].lease;
                if answer == Answer::Lost {
                    continue;
                }
                if is_behind && !keeps {
                    hold.release(lease, self.id);
                } else {
                    is_behind |= !hold.acquire_or_renew(lease, self.id, now);
                    if answer == Answer::DoneUnheard {
                        hold.lose_answer();
                    }
                }
            }
        }
        let ignores = around.has(Defect::NoLease);
        LeasesSeen {
            source: ignores || self.holds_lease(FROM, around.world),
            all: ignores || self.holds.iter().all(|hold| hold.is_held(now)),
        }
    }

    fn holds_lease(&self, cluster: usize, world: &World) -> bool {
        let mut holds = self.holds.iter().zip(world.lease_order);
        holds.any(|(hold, index)| index == cluster && hold.is_held(world.now))
    }

    fn keep(&mut self, planned: Planned, around: &mut Around<'_>) {
        let now = around.world.now;
        let answer = around.world.ask(around.world.home, self.slot, around.random);
        let Some(known) = &mut self.known else { return };
        if answer == Answer::Lost {
            self.wait(now, LOOK_EVERY_MILLIS);
            return;
        }
        if around.world.object.version != known.version {
            // Somebody wrote the object in between: read and plan again. Nothing was done yet.
            self.read_at = None;
            return;
        }
        around.checker.kept(
            around.world,
            &Kept {
                old: &known.status,
                new: &planned.plan.status,
                unknown: &planned.looked.unknown,
                versions: &planned.looked.versions,
            },
        );
        around.world.object.status = Some(planned.plan.status.clone());
        around.world.object.version += 1;
        if answer == Answer::DoneUnheard {
            self.wait(now, LOOK_EVERY_MILLIS);
            return;
        }
        known.status = planned.plan.status.clone();
        known.version = around.world.object.version;
        self.die_at(Moment::AfterKeeping);
        self.carry_out(planned, around);
    }

    fn carry_out(&mut self, planned: Planned, around: &mut Around<'_>) {
        let phase = planned.plan.status.phase;
        if planned.plan.actions.is_empty() || has_to_stop(phase) {
            self.rest(phase, around);
        } else {
            self.doing = Doing::Acting(act::todo(planned));
        }
    }

    /// Nothing is to be done now, or ever.
    fn rest(&mut self, phase: Phase, around: &mut Around<'_>) {
        let now = around.world.now;
        if has_to_stop(phase) {
            self.release(around);
            self.doing = Doing::Seeking;
            self.wait(now, SEEK_EVERY_MILLIS);
        } else {
            self.wait(now, LOOK_EVERY_MILLIS);
        }
    }

    fn release(&mut self, around: &mut Around<'_>) {
        for (hold, index) in self.holds.iter_mut().zip(around.world.lease_order) {
            if around.world.ask(index, self.slot, around.random) != Answer::Lost {
                hold.release(&mut around.world.clusters[index].lease, self.id);
            }
        }
    }
}

/// Most calls end within a tick; some take longer.
fn latency(random: &mut Random) -> u64 {
    match random.below(10) {
        0..=5 => 0,
        6..=8 => 250,
        _ => random.between(250, 1_500),
    }
}

fn is_driven(status: &Status, wish: Wish) -> bool {
    match status.phase {
        Phase::Complete | Phase::RolledBack => false,
        Phase::Paused => wish == Wish::Rollback,
        Phase::Progressing | Phase::Draining | Phase::RollingBack => true,
    }
}

fn has_to_stop(phase: Phase) -> bool {
    matches!(phase, Phase::Complete | Phase::RolledBack | Phase::Paused)
}

/// Admits the migration; somebody else may do so at the same time, and one of them is first.
fn begin(around: &mut Around<'_>) {
    let world = &mut *around.world;
    let groups = world.groups();
    let is_readable = world.clusters.iter().all(|cluster| !cluster.api.is_disturbed(world.now));
    let answers = (0..groups).all(|group| world.answers(TO, group));
    let gives = (0..groups).all(|group| world.clusters[FROM].knobs[group].weight() > 0);
    let is_stuck = world.clusters.iter().any(|cluster| cluster.stuck.iter().any(Logged::get));
    if !is_readable || !answers || !gives || is_stuck {
        return;
    }
    let admitted: Vec<Admitted> = (0..groups)
        .map(|group| Admitted {
            group: name_of_group(group),
            hosts: vec![format!("host-{group}.example.org")],
            weights: world
                .clusters
                .iter()
                .enumerate()
                .map(|(index, cluster)| (name_of(index), Weight::new(cluster.knobs[group].weight())))
                .collect(),
        })
        .collect();
    let status = start(&world.object.spec, admitted, world.at());
    around.checker.begun(world, &status);
    world.object.status = Some(status);
    world.object.version += 1;
}

pub(crate) fn name_of(cluster: usize) -> ClusterName {
    ClusterName(NAMES[cluster].to_owned())
}

pub(crate) fn name_of_group(index: usize) -> GroupName {
    GroupName(format!("team/group-{index}"))
}

pub(crate) fn index_of_group(group: &GroupName) -> usize {
    group.0.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

pub(crate) fn index_of(name: &ClusterName) -> usize {
    NAMES.iter().position(|known| *known == name.0).unwrap_or(FROM)
}

/// An engine that is broken on purpose.
fn broken_step(known: Known, seen: &mut Seen, around: &Around<'_>) -> Plan {
    let Known { mut spec, mut status, .. } = known;
    mislead(&mut spec, &mut status, seen, around);
    spoil(step(&spec, &status, seen, around.world.at()), around)
}

/// Whether nothing differs that has to survive a crash: everything but the times of checks, which a new driver makes anew.
fn is_same(one: &Status, other: &Status) -> bool {
    let rest = |status: &Status| {
        let Status {
            phase, step, stage, stage_since, started_at, finished_at, promotions, drained_at, ..
        } = *status;
        (phase, step, stage, stage_since, started_at, finished_at, promotions, drained_at)
    };
    let is_group = |one: &GroupStatus, other: &GroupStatus| {
        one.ttl_seconds_max == other.ttl_seconds_max
            && one.ratio == other.ratio
            && one.clusters.iter().zip(&other.clusters).all(|(one, other)| is_same_cluster(one, other))
    };
    rest(one) == rest(other)
        && one.failure == other.failure
        && one.steps == other.steps
        && one.history == other.history
        && one.groups.iter().zip(&other.groups).all(|(one, other)| is_group(one, other))
}

fn is_same_cluster(one: &ClusterStatus, other: &ClusterStatus) -> bool {
    let rest = |cluster: &ClusterStatus| {
        let ClusterStatus {
            before,
            previous,
            or_previous,
            target,
            reached,
            foreign,
            agreed,
            preflight_failures,
            ..
        } = *cluster;
        (before, previous, or_previous, target, reached, foreign, agreed, preflight_failures)
    };
    let is_hop = |one: &HopStatus, other: &HopStatus| {
        (one.value, one.at, &one.name) == (other.value, other.at, &other.name)
    };
    rest(one) == rest(other)
        && one.preflight_message == other.preflight_message
        && one.hops.len() == other.hops.len()
        && one.hops.iter().zip(&other.hops).all(|(one, other)| is_hop(one, other))
}
