//! One seed from its beginning to its end.

use std::collections::BTreeSet;
use std::time::Duration;

use crossfade_core::migration::{Gate, GateKind, OnFailure, Phase, Spec, Stage, StepTarget, Wish};

use crate::checker::{Checker, Violation};
use crate::defect::Defect;
use crate::driver::{Around, Driver};
use crate::events::Event;
use crate::faults::{FAULTS_UNTIL_MILLIS, Fault, STUCK_MILLIS_MAX, draw, sticking};
use crate::person::{Person, targets};
use crate::random::Random;
use crate::users::{Crowd, Requests};
use crate::world::balancer::Trouble;
use crate::world::writer::Writer;
use crate::world::zone::PARTS;
use crate::world::{Agent, FROM, NAMES, TICK_MILLIS, TO, World};

/// After the faults a migration has this long to end: the slowest needs a minute per step for a polling writer, a minute
/// for its age, a minute for name servers and for the TTL each, there and back.
const ENDS_WITHIN_MILLIS: u64 = 2_400_000;
/// A run with more than this is reported with its first ones.
const VIOLATIONS_MAX: usize = 5;
/// Users of a run: each sends a request a second.
const USERS: usize = 12;
/// A tenth of them overstays.
const OVERSTAYING_PERCENT: u64 = 10;
/// The last share of a list that leaves the source some of its traffic.
const LAST_SHARE_OF_SOME: f64 = 30.0;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// All traffic moved.
    Complete,
    /// All weights returned.
    RolledBack,
    /// A person leaves it paused, for a reason of the world.
    Paused,
    /// It never began: the weights did not allow it.
    NotBegun,
    /// It did not end.
    None,
}

/// What one seed showed.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub ending: Ending,
    /// Broken rules, the first ones.
    pub violations: Vec<Violation>,
    /// What happened last before it ended, or before the first rule was broken.
    pub events: Vec<String>,
    /// From which phase and stage to which it went.
    pub transitions: BTreeSet<String>,
    /// What kind of world it was, and what people did.
    pub sights: BTreeSet<&'static str>,
    /// Kinds of faults that it met.
    pub faults: BTreeSet<&'static str>,
    /// Of its users.
    pub requests: Requests,
    /// How long it was, virtual milliseconds.
    pub virtual_millis: u64,
}

struct Run {
    random: Random,
    world: World,
    drivers: Vec<Option<Driver>>,
    restarts: Vec<(u64, usize)>,
    restart_millis: Vec<u64>,
    conflicts_until: u64,
    person: Person,
    crowd: Crowd,
    next_id: u64,
    /// What the beginning of the next step brings.
    blind: Option<(usize, u64)>,
    /// What the end of the last one brings: group, milliseconds.
    stuck: Option<(usize, u64)>,
    met: BTreeSet<&'static str>,
    /// Faults that a migration may end early for.
    destination_failed: bool,
    health_changed: bool,
    records_edited: bool,
}

/// Plays one seed, with or without a defect.
pub fn run_seed(seed: u64, defect: Option<Defect>) -> RunReport {
    let mut random = Random::new(seed);
    let spec = mk_spec(&mut random);
    let world = World::new(&mut random, spec);
    let slots = if random.chance(35) { 2 } else { 1 };
    let mut faults = draw(&mut random, &world, slots);
    faults.extend(sticking(seed, &world));
    faults.sort_by_key(|(at, _)| *at);
    let mut checker = Checker::new(&world);
    let crowd = Crowd::new(&world, USERS, OVERSTAYING_PERCENT, &mut random);
    let run = Run {
        random,
        world,
        drivers: (0..slots).map(|slot| Some(Driver::new(slot, slot as u64))).collect(),
        restarts: Vec::new(),
        restart_millis: vec![0; slots],
        conflicts_until: 0,
        person: Person::default(),
        crowd,
        next_id: 100,
        blind: None,
        stuck: None,
        met: BTreeSet::new(),
        destination_failed: false,
        health_changed: false,
        records_edited: false,
    };
    run.play(seed, faults, &mut checker, defect)
}

fn mk_spec(random: &mut Random) -> Spec {
    let lists: [&[&str]; 9] = [
        &["10%", "50%", "100%"],
        &["100%"],
        &["50%", "100%"],
        &["1%", "25%", "99%", "100%"],
        &["30%"],
        &["10%", "pause", "100%"],
        &["pause", "50%", "pause", "100%"],
        &["100/10", "100/100", "0/100"],
        &["200/50", "0/255"],
    ];
    let steps = if random.chance(10) {
        StepTarget::linear(20.0, random.pick(&[90.0, 100.0])).unwrap_or_default()
    } else {
        random.pick(&lists).iter().filter_map(|step| step.parse().ok()).collect()
    };
    Spec {
        from: "blue".into(),
        to: "green".into(),
        steps,
        on_failure: if random.chance(75) { OnFailure::Rollback } else { OnFailure::Pause },
        wish: Wish::Advance,
        bake: Duration::from_secs(random.below(10)),
        keep_warm: Duration::from_secs(random.below(30)),
        draws: 400,
        error_level: Spec::ERROR_LEVEL,
        gates: [GateKind::Http, GateKind::Traffic].map(Gate::new).to_vec(),
        residual: None,
        without: None,
        force: false,
        promotions: 0,
        promote_to_end: false,
    }
}

impl Run {
    fn play(
        mut self,
        seed: u64,
        faults: Vec<(u64, Fault)>,
        checker: &mut Checker,
        defect: Option<Defect>,
    ) -> RunReport {
        let began_at = self.world.now;
        let is_stuck =
            |(_, fault): &(u64, Fault)| matches!(fault, Fault::Stuck { .. } | Fault::StuckWayBack { .. });
        let mended_within = if faults.iter().any(is_stuck) { STUCK_MILLIS_MAX } else { 0 };
        let end = began_at + FAULTS_UNTIL_MILLIS + mended_within + ENDS_WITHIN_MILLIS;
        let mut faults = faults.into_iter().peekable();
        let mut transitions = BTreeSet::new();
        let mut ending = Ending::None;
        let mut last = None;
        let mut before_violation = None;
        while self.world.now < end && checker.violations.len() < VIOLATIONS_MAX {
            while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= self.world.now) {
                self.meet(fault, checker);
            }
            if self.world.now >= began_at + FAULTS_UNTIL_MILLIS {
                self.drivers.iter_mut().flatten().for_each(|driver| driver.dies = None);
            }
            self.tick(checker, defect);
            if before_violation.is_none() && !checker.violations.is_empty() {
                before_violation = Some(checker.lines());
            }
            if let Some(status) = &self.world.object.status
                && last != Some((status.phase, status.stage))
            {
                if let Some((phase, stage)) = last {
                    transitions
                        .insert(format!("{phase:?}/{stage:?} > {:?}/{:?}", status.phase, status.stage));
                }
                last = Some((status.phase, status.stage));
                let (phase, stage, step) = (status.phase, status.stage, status.step);
                if (phase, stage) == (Phase::Progressing, Stage::Writing) && step > 0 {
                    self.blind_way_back();
                }
                if stage == Stage::Baking && !phase.is_end() {
                    self.stuck_way_back();
                }
            }
            if let Some(found) = self.ending() {
                ending = found;
                break;
            }
        }
        let events = before_violation.unwrap_or_else(|| checker.lines());
        let mut sights = std::mem::take(&mut self.person.did);
        sights.extend(kinds_of(&self.world, self.drivers.len()));
        if checker.violations.is_empty() {
            self.judge_end(ending, checker);
        }
        if checker.violations.is_empty() {
            match ending {
                Ending::Complete => self.switch_off(FROM, checker),
                Ending::RolledBack => self.switch_off(TO, checker),
                Ending::Paused | Ending::NotBegun | Ending::None => {}
            }
        }
        RunReport {
            seed,
            ending,
            violations: std::mem::take(&mut checker.violations),
            events,
            transitions,
            sights,
            faults: self.met,
            requests: self.crowd.requests,
            virtual_millis: self.world.now - began_at,
        }
    }

    fn meet(&mut self, fault: Fault, checker: &mut Checker) {
        let now = self.world.now;
        self.met.insert(fault.kind());
        checker.event(&self.world, Event::Began(fault));
        match fault {
            Fault::Crash { slot, moment, restart_millis } => {
                self.restart_millis[slot] = restart_millis;
                if let Some(driver) = &mut self.drivers[slot] {
                    driver.dies = Some(moment);
                }
            }
            Fault::Stop { slot, millis } => {
                if let Some(driver) = &mut self.drivers[slot] {
                    driver.stopped_until = now + millis;
                }
            }
            Fault::ApiDown { cluster, millis } => self.world.clusters[cluster].api.down_until = now + millis,
            Fault::CutOff { slot, cluster, millis } => {
                self.world.clusters[cluster].api.cut_off.push((slot, now + millis));
            }
            Fault::ApiFlaky { cluster, percent, millis } => {
                self.world.clusters[cluster].api.flaky = Some((now + millis, percent));
            }
            Fault::StaleReads { cluster, millis } => {
                self.world.clusters[cluster].api.frozen = Some((now, now + millis));
            }
            Fault::Conflicts { millis } => self.conflicts_until = now + millis,
            Fault::Route53 { percent, millis } => self.world.zone.trouble = Some((now + millis, percent)),
            Fault::NameServer { server, millis } => self.world.zone.silent_until[server] = now + millis,
            Fault::ControllerDown { cluster, millis } => {
                self.world.clusters[cluster].controller.down_until = now + millis;
            }
            Fault::StaleWatch { cluster, millis } => {
                self.world.clusters[cluster].controller.stale = Some((now, now + millis));
            }
            Fault::SlowChange { cluster, millis } => {
                self.world.clusters[cluster].controller.slow_millis = Some(millis);
            }
            Fault::Balancer { cluster, group, trouble, millis } => {
                self.destination_failed |= cluster == TO;
                self.health_changed = true;
                self.world.clusters[cluster].balancers[group].begin(now, now + millis, trouble);
            }
            Fault::AllUnhealthy { group, millis } => {
                self.destination_failed = true;
                self.health_changed = true;
                for cluster in &mut self.world.clusters {
                    cluster.balancers[group].begin(now, now + millis, Trouble::Unhealthy);
                }
            }
            Fault::Stuck { clusters, group, millis } => {
                for (cluster, _) in self.world.clusters.iter_mut().zip(clusters).filter(|(_, sticks)| *sticks)
                {
                    cluster.stick(now, group, millis);
                }
            }
            Fault::WishRollback => self.wish_rollback(),
            Fault::StuckWayBack { group, millis } => self.stuck = Some((group, millis)),
            Fault::BlindWayBack { cluster, millis } => self.blind = Some((cluster, millis)),
            Fault::WishPause { millis } => {
                if self.world.object.spec.wish == Wish::Advance {
                    self.world.object.spec.wish = Wish::Pause;
                    self.world.object.version += 1;
                    self.person.goes_on_at = Some(now + millis);
                }
            }
            Fault::Edit { .. } | Fault::EditRecord { .. } | Fault::Agent { .. } | Fault::LateSync { .. } => {
                self.let_hand_in(fault, checker);
            }
        }
    }

    fn wish_rollback(&mut self) {
        self.person.has_wished_rollback = true;
        self.world.object.spec.wish = Wish::Rollback;
        self.world.object.version += 1;
    }

    /// A step that is not the first has just begun.
    fn blind_way_back(&mut self) {
        if let Some((cluster, millis)) = self.blind.take() {
            self.world.clusters[cluster].api.down_until = self.world.now + millis;
            self.wish_rollback();
        }
    }

    /// A step is proven, and only its TTL is waited for.
    fn stuck_way_back(&mut self) {
        let now = self.world.now;
        let gave_all = |(group, _): &(usize, u64)| self.world.clusters[FROM].objects[*group].weight() == 0;
        if let Some((group, millis)) = self.stuck.take_if(|stuck| gave_all(stuck)) {
            self.world.clusters[FROM].stick(now, group, millis);
            self.wish_rollback();
        }
    }

    fn let_hand_in(&mut self, fault: Fault, checker: &mut Checker) {
        let now = self.world.now;
        let knobs =
            |world: &World, cluster: usize, group: usize| world.clusters[cluster].knobs[group].clone();
        let (cluster, group, weight) = match fault {
            Fault::Edit { cluster, group, weight } => (cluster, group, weight),
            Fault::LateSync { cluster, group, millis } => {
                (cluster, group, knobs(&self.world, cluster, group).weight_at(now.saturating_sub(millis)))
            }
            Fault::Agent { cluster, group, after_millis, times } => {
                let keeps = knobs(&self.world, cluster, group).weight();
                self.world.agents.push(Agent::new(cluster, group, keeps, after_millis, times));
                return;
            }
            Fault::EditRecord { cluster, group } => {
                self.records_edited = true;
                self.world.zone.change(now, (group, cluster), [true; PARTS], 7, &mut self.random);
                checker.touched(&self.world, group, cluster);
                return;
            }
            _ => return,
        };
        if self.world.clusters[cluster].knobs[group].weight() != weight {
            self.world.clusters[cluster].knobs[group].set(now, weight);
            checker.other_hand(&self.world, group, cluster);
        }
    }

    fn tick(&mut self, checker: &mut Checker, defect: Option<Defect>) {
        for (group, cluster) in self.world.tick(&mut self.random) {
            checker.other_hand(&self.world, group, cluster);
        }
        let now = self.world.now;
        if now < self.conflicts_until && self.random.chance(20) {
            self.world.object.version += 1;
        }
        self.person.tick(&mut self.world, checker, &mut self.random);
        self.restart(checker);
        for slot in 0..self.drivers.len() {
            let Some(driver) = &mut self.drivers[slot] else { continue };
            let mut around =
                Around { world: &mut self.world, random: &mut self.random, checker: &mut *checker, defect };
            let (id, lives) = (driver.id, driver.tick(&mut around));
            if !lives {
                checker.event(&self.world, Event::Died { driver: id });
                self.drivers[slot] = None;
                self.restarts.push((now + self.restart_millis[slot], slot));
            }
        }
        let is_missing =
            |driver: &Option<Driver>| driver.as_ref().is_none_or(|driver| now < driver.stopped_until);
        if self.drivers.iter().any(is_missing) || now < self.conflicts_until {
            self.world.disturbed_at = now;
        }
        self.crowd.tick(&self.world, &mut self.random);
        checker.tick(&self.world);
    }

    fn restart(&mut self, checker: &mut Checker) {
        let now = self.world.now;
        let due: Vec<usize> =
            self.restarts.iter().filter(|(at, _)| *at <= now).map(|(_, slot)| *slot).collect();
        self.restarts.retain(|(at, _)| *at > now);
        for slot in due {
            self.next_id += 1;
            checker.event(&self.world, Event::Started { driver: self.next_id });
            self.drivers[slot] = Some(Driver::new(slot, self.next_id));
        }
    }

    /// `None` while it may go on.
    fn ending(&self) -> Option<Ending> {
        let Some(status) = &self.world.object.status else {
            let gives = self.world.clusters[FROM].knobs.iter().all(|knob| knob.weight() > 0);
            let is_late = self.world.now > self.world.disturbed_at + FAULTS_UNTIL_MILLIS;
            return (!gives && is_late).then_some(Ending::NotBegun);
        };
        match status.phase {
            Phase::Complete => Some(Ending::Complete),
            Phase::RolledBack => Some(Ending::RolledBack),
            Phase::Paused if self.person.has_left => Some(Ending::Paused),
            _ => None,
        }
    }

    /// It ended, and as the world gives reason for.
    fn judge_end(&self, ending: Ending, checker: &mut Checker) {
        let world = &self.world;
        let status = world.object.status.as_ref();
        let failure = status.and_then(|status| status.failure.as_ref());
        let touched = (0..world.groups()).any(|group| checker.is_touched(group));
        let is_reason = match failure.map_or("", |failure| failure.reason.as_str()) {
            // A read of the past takes the migration's own weight for another hand's, and holds: safe, and not its fault.
            "ForeignChange" => touched || self.met.contains("stale reads"),
            "GateFailed" | "PreflightFailed" => self.destination_failed,
            "RatioTestFailed" => self.health_changed || self.records_edited || touched,
            "RolledBackByUser" => self.person.has_wished_rollback,
            "PausedByUser" => self.met.contains("pause wished"),
            _ => false,
        };
        match ending {
            Ending::None => {
                let waiting: Vec<String> =
                    self.drivers.iter().flatten().flat_map(|driver| driver.waiting_for.clone()).collect();
                let at =
                    status.map(|status| format!("{:?}/{:?}", status.phase, status.stage)).unwrap_or_default();
                let what =
                    format!("no end after the faults stopped: {at}, waiting for {}", waiting.join("; "));
                checker.broken("liveness", world, what);
            }
            Ending::Paused | Ending::RolledBack if !is_reason => {
                let what = failure
                    .map_or_else(String::new, |failure| format!("{}: {}", failure.reason, failure.message));
                checker.broken(
                    "liveness",
                    world,
                    format!("{ending:?} without a reason in the world: {what}"),
                );
            }
            Ending::Complete => {
                for (group, cluster, target) in status.map(targets).unwrap_or_default() {
                    if !world.is_everywhere(cluster, group, target) && !checker.is_touched(group) {
                        checker.broken(
                            "I5",
                            world,
                            format!("complete, but group {group} is not at {target} everywhere"),
                        );
                    }
                }
            }
            _ => {}
        }
    }

    /// The proof that a cluster is drained, or that a rollback has ended: without it nobody who keeps to the TTL misses
    /// anything.
    fn switch_off(&mut self, cluster: usize, checker: &mut Checker) {
        let is_empty =
            |group: usize| self.world.is_everywhere(cluster, group, 0) && !checker.is_touched(group);
        if !(0..self.world.groups()).all(is_empty) {
            return;
        }
        // It has ended: what other hands do from now on is theirs.
        self.world.agents.clear();
        for balancer in &mut self.world.clusters[cluster].balancers {
            balancer.switch_off();
        }
        let until = self.world.now + 2 * u64::from(self.world.ttl_seconds) * 1000 + TICK_MILLIS;
        while self.world.now < until {
            self.world.tick(&mut self.random);
            self.crowd.tick(&self.world, &mut self.random);
        }
        if self.crowd.requests.lost > 0 {
            let what = format!(
                "{} requests went to {} after nobody was to go there",
                self.crowd.requests.lost, NAMES[cluster]
            );
            checker.broken("users", &self.world, what);
        }
    }
}

/// What kind of world this is, for the report.
fn kinds_of(world: &World, drivers: usize) -> Vec<&'static str> {
    let writes = |writer: Writer| world.clusters.iter().any(|cluster| cluster.controller.writer == writer);
    let steps = &world.object.spec.steps;
    let kinds = [
        ("third cluster", world.clusters.len() > 2),
        ("several groups", world.groups() > 1),
        ("two drivers", drivers > 1),
        ("polling writer", writes(Writer::Polling)),
        ("writer in parts", writes(Writer::PollingInParts)),
        ("pause among the steps", steps.contains(&StepTarget::Pause)),
        ("linear steps", steps.len() > 4),
        ("weights as steps", steps.iter().any(|step| matches!(step, StepTarget::Weights(_)))),
        (
            "source keeps some",
            steps.last().is_some_and(|step| *step == StepTarget::Percent(LAST_SHARE_OF_SOME)),
        ),
        ("home outside the pair", world.home != FROM && world.home != TO),
    ];
    kinds.into_iter().filter(|(_, is_so)| *is_so).map(|(kind, _)| kind).collect()
}

/// The length of a tick, for the report's figures.
pub(crate) const fn tick_millis() -> u64 {
    TICK_MILLIS
}
