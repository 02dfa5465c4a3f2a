//! What goes wrong in a run, and when: drawn from the seed before the run begins.

use crate::random::Random;
use crate::world::{FROM, TO, World};

/// Faults begin within this time and are over by its end, virtual milliseconds.
pub(crate) const FAULTS_UNTIL_MILLIS: u64 = 240_000;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A driver dies; another process starts in its place after a while.
    Crash { driver: usize, restart_millis: u64 },
    /// A cluster's API cannot be reached.
    Unreachable { cluster: usize, millis: u64 },
    /// Route 53's API answers nothing.
    Route53Down { millis: u64 },
    /// A cluster's load balancers answer errors.
    Broken { cluster: usize, millis: u64 },
    /// A hand edits a knob of the pair.
    Edit { cluster: usize, group: usize, weight: u8 },
    /// The person at the wheel wants the weights back.
    WishRollback,
    /// The person at the wheel pauses and goes on later.
    WishPause { millis: u64 },
}

impl Fault {
    /// For the report.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Fault::Crash { .. } => "crash",
            Fault::Unreachable { .. } => "api out of reach",
            Fault::Route53Down { .. } => "route 53 down",
            Fault::Broken { .. } => "load balancer errors",
            Fault::Edit { .. } => "hand edit",
            Fault::WishRollback => "rollback wished",
            Fault::WishPause { .. } => "pause wished",
        }
    }
}

/// Up to six faults, each at its time.
pub(crate) fn draw(random: &mut Random, world: &World, drivers: usize) -> Vec<(u64, Fault)> {
    let count = random.below(7);
    let groups = world.clusters[FROM].places.len();
    let mut faults = Vec::new();
    for _ in 0..count {
        let at = random.below(FAULTS_UNTIL_MILLIS - 60_000);
        let millis = random.between(500, 50_000);
        let cluster = if random.chance(50) { FROM } else { TO };
        let fault = match random.below(20) {
            0..=6 => {
                Fault::Crash { driver: pick(random, drivers), restart_millis: random.between(500, 20_000) }
            }
            7..=9 => Fault::Unreachable { cluster, millis },
            10..=11 => Fault::Route53Down { millis },
            12..=15 => Fault::Broken { cluster, millis },
            // A value that no step has and no rollback returns to.
            16..=17 => Fault::Edit { cluster, group: pick(random, groups), weight: 211 },
            18 => Fault::WishRollback,
            _ => Fault::WishPause { millis },
        };
        faults.push((world.now + at, fault));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

fn pick(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count as u64)).unwrap_or(0)
}
