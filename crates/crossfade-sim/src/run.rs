//! One seed from its beginning to its end.

use std::collections::BTreeSet;
use std::time::Duration;

use crossfade_core::migration::{Gate, GateKind, OnFailure, Phase, Spec, Status, Wish};

use crate::checker::{Checker, Violation};
use crate::defect::Defect;
use crate::driver::{Driver, Surroundings};
use crate::plan_of_faults::{FAULTS_UNTIL_MILLIS, Fault, draw};
use crate::random::Random;
use crate::world::{BEGIN_MILLIS, TICK_MILLIS, World};

/// After the faults a migration has this long to end: the slowest needs a minute per step for a polling writer, a minute
/// for its age, a TTL, there and back.
const ENDS_WITHIN_MILLIS: u64 = 2_400_000;
/// A run with more than this is reported with its first ones.
const VIOLATIONS_MAX: usize = 10;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// All traffic moved.
    Complete,
    /// All weights returned.
    RolledBack,
    /// A person has to decide, for a reason of the world.
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
    /// Phases and stages that it passed through.
    pub transitions: BTreeSet<String>,
    /// Kinds of faults that it met.
    pub faults: BTreeSet<&'static str>,
}

struct Run {
    random: Random,
    world: World,
    spec: Spec,
    object: Option<Status>,
    drivers: Vec<Option<Driver>>,
    restarts: Vec<(u64, usize)>,
    wish_until: Option<u64>,
    next_id: u64,
    edited: bool,
}

/// Plays one seed, with or without a defect.
pub fn run_seed(seed: u64, defect: Option<Defect>) -> RunReport {
    let mut random = Random::new(seed);
    let groups = usize::try_from(random.between(1, 3)).unwrap_or(1);
    let has_third = random.chance(25);
    let world = World::new(&mut random, groups, has_third);
    let spec = mk_spec(&mut random);
    let driver_count = if random.chance(30) { 2 } else { 1 };
    let faults = draw(&mut random, &world, driver_count);
    let mut checker = Checker::new(&world);
    let mut run = Run {
        random,
        world,
        spec,
        object: None,
        drivers: (0..driver_count).map(|index| Some(Driver::new(index as u64))).collect(),
        restarts: Vec::new(),
        wish_until: None,
        next_id: 100,
        edited: false,
    };
    let mut report = RunReport {
        seed,
        ending: Ending::None,
        violations: Vec::new(),
        transitions: BTreeSet::new(),
        faults: BTreeSet::new(),
    };
    let end = run.world.now + FAULTS_UNTIL_MILLIS + ENDS_WITHIN_MILLIS;
    let mut faults = faults.into_iter().peekable();
    while run.world.now < end && checker.violations.len() < VIOLATIONS_MAX {
        while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= run.world.now) {
            run.meet(fault);
            report.faults.insert(fault.kind());
        }
        run.tick(&mut checker, defect);
        if let Some(status) = &run.object {
            report.transitions.insert(format!("{:?}/{:?}", status.phase, status.stage));
        }
        if let Some(ending) = run.ending() {
            report.ending = ending;
            break;
        }
    }
    if report.ending == Ending::None && checker.violations.is_empty() {
        let waiting_for: Vec<String> =
            run.drivers.iter().flatten().flat_map(|driver| driver.waiting_for.clone()).collect();
        checker.never_ends(&run.world, run.object.as_ref(), &waiting_for.join("; "));
    }
    if report.ending == Ending::Paused && !run.edited {
        let status = run.object.as_ref();
        let failure = status.and_then(|status| status.failure.clone());
        let what =
            failure.map_or_else(String::new, |failure| format!("{}: {}", failure.reason, failure.message));
        let history = status.map(|status| status.history.clone()).unwrap_or_default();
        let history: Vec<String> =
            history.iter().map(|entry| format!("{} {}", entry.at.0 - BEGIN_MILLIS, entry.message)).collect();
        checker
            .ends_wrongly(&run.world, format!("paused without a hand in it: {what}; {}", history.join(", ")));
    }
    report.violations = checker.violations;
    report
}

fn mk_spec(random: &mut Random) -> Spec {
    let lists: [&[&str]; 5] =
        [&["10%", "50%", "100%"], &["100%"], &["50%", "100%"], &["1%", "25%", "99%", "100%"], &["30%"]];
    let list = lists[usize::try_from(random.below(5)).unwrap_or(0)];
    Spec {
        from: "blue".into(),
        to: "green".into(),
        steps: list.iter().filter_map(|step| step.parse().ok()).collect(),
        on_failure: OnFailure::Rollback,
        wish: Wish::Advance,
        bake: Duration::from_secs(random.below(10)),
        keep_warm: Duration::from_secs(random.below(20)),
        draws: 400,
        error_level: Spec::ERROR_LEVEL,
        gates: [GateKind::Http, GateKind::Traffic].map(Gate::new).to_vec(),
        force: false,
        promotions: 0,
        promote_to_end: false,
    }
}

impl Run {
    fn meet(&mut self, fault: Fault) {
        let now = self.world.now;
        match fault {
            Fault::Crash { driver, restart_millis } => {
                if self.drivers[driver].take().is_some() {
                    self.restarts.push((now + restart_millis, driver));
                }
            }
            Fault::Unreachable { cluster, millis } => {
                self.world.clusters[cluster].unreachable_until = now + millis;
            }
            Fault::Route53Down { millis } => self.world.route53_down_until = now + millis,
            Fault::Broken { cluster, millis } => self.world.clusters[cluster].broken_until = now + millis,
            Fault::Edit { cluster, group, weight } => {
                self.world.clusters[cluster].places[group].edit(weight);
                self.edited = true;
            }
            Fault::WishRollback => self.spec.wish = Wish::Rollback,
            Fault::WishPause { millis } => {
                if self.spec.wish == Wish::Advance {
                    self.spec.wish = Wish::Pause;
                    self.wish_until = Some(now + millis);
                }
            }
        }
    }

    fn tick(&mut self, checker: &mut Checker, defect: Option<Defect>) {
        self.world.tick(&mut self.random);
        let now = self.world.now;
        if self.wish_until.is_some_and(|until| now >= until) {
            self.wish_until = None;
            if self.spec.wish == Wish::Pause {
                self.spec.wish = Wish::Advance;
            }
        }
        let due: Vec<usize> =
            self.restarts.iter().filter(|(at, _)| *at <= now).map(|(_, driver)| *driver).collect();
        self.restarts.retain(|(at, _)| *at > now);
        for driver in due {
            self.next_id += 1;
            self.drivers[driver] = Some(Driver::new(self.next_id));
        }
        for driver in self.drivers.iter_mut().flatten() {
            driver.tick(&mut Surroundings {
                world: &mut self.world,
                object: &mut self.object,
                spec: &self.spec,
                random: &mut self.random,
                checker,
                defect,
            });
        }
        checker.tick(&self.world);
    }

    /// `None` while it may go on. A pause that the user wished ends by itself.
    fn ending(&self) -> Option<Ending> {
        let Some(status) = &self.object else {
            let gives = self.world.clusters[0].places.iter().all(|place| place.knob > 0);
            return (!gives).then_some(Ending::NotBegun);
        };
        let reason = status.failure.as_ref().map(|failure| failure.reason.as_str());
        match status.phase {
            Phase::Complete => Some(Ending::Complete),
            Phase::RolledBack => Some(Ending::RolledBack),
            Phase::Paused if reason != Some("PausedByUser") => Some(Ending::Paused),
            _ => None,
        }
    }
}

/// The length of a tick, for the report's figures.
pub(crate) const fn tick_millis() -> u64 {
    TICK_MILLIS
}
