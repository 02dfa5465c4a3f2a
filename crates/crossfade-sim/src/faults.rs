//! What goes wrong in a run, and when: drawn from the seed before the run begins.

use crate::driver::Moment;
use crate::random::Random;
use crate::world::api::Slot;
use crate::world::balancer::Trouble;
use crate::world::zone::NAME_SERVERS;
use crate::world::{FROM, TO, World};

/// Faults begin within this time, virtual milliseconds.
const FAULTS_BEGIN_UNTIL_MILLIS: u64 = 240_000;
/// They are over by this time: none lasts longer than a minute.
pub(crate) const FAULTS_UNTIL_MILLIS: u64 = FAULTS_BEGIN_UNTIL_MILLIS + LASTS_MILLIS_MAX;
/// The longest that one lasts.
const LASTS_MILLIS_MAX: u64 = 60_000;
/// The longest that an Application is stuck: somebody has to see it, and mend a chart.
pub(crate) const STUCK_MILLIS_MAX: u64 = 1_800_000;
/// Faults of one run.
const FAULTS_MAX: u64 = 8;
/// A weight that no step has and no rollback returns to.
const WEIGHT_OF_NOBODY: u8 = 211;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A driver dies; another process starts in its place after a while.
    Crash { slot: Slot, moment: Moment, restart_millis: u64 },
    /// A driver's process is stopped and goes on later.
    Stop { slot: Slot, millis: u64 },
    /// A cluster's API cannot be reached by anybody.
    ApiDown { cluster: usize, millis: u64 },
    /// One driver cannot reach one cluster's API.
    CutOff { slot: Slot, cluster: usize, millis: u64 },
    /// Requests to a cluster's API fail now and then, done or not.
    ApiFlaky { cluster: usize, percent: u64, millis: u64 },
    /// Reads of a cluster's API show the past.
    StaleReads { cluster: usize, millis: u64 },
    /// Somebody else writes the object all the time.
    Conflicts { millis: u64 },
    /// Route 53's API refuses requests.
    Route53 { percent: u64, millis: u64 },
    /// A name server answers nothing.
    NameServer { server: usize, millis: u64 },
    /// A DNS controller does not run.
    ControllerDown { cluster: usize, millis: u64 },
    /// A DNS controller's watch shows the past.
    StaleWatch { cluster: usize, millis: u64 },
    /// A DNS controller's next change takes long to arrive.
    SlowChange { cluster: usize, millis: u64 },
    /// A load balancer.
    Balancer { cluster: usize, group: usize, trouble: Trouble, millis: u64 },
    /// No cluster has a healthy target for a group: Route 53 answers as if all had.
    AllUnhealthy { group: usize, millis: u64 },
    /// A hand edits a knob of the pair.
    Edit { cluster: usize, group: usize, weight: u8 },
    /// A hand edits a record of the pair.
    EditRecord { cluster: usize, group: usize },
    /// An agent begins to keep a knob at what it is.
    Agent { cluster: usize, group: usize, after_millis: u64, times: u64 },
    /// A sync that began so long ago ends: the knob shows what it was then.
    LateSync { cluster: usize, group: usize, millis: u64 },
    /// A group's Application cannot be rendered, in the source, the destination or both, until somebody mends it.
    Stuck { clusters: [bool; 2], group: usize, millis: u64 },
    /// The source has just given its last weight of a group when its Application sticks, and the weights are wanted back.
    StuckWayBack { group: usize, millis: u64 },
    /// The next step has just begun when a cluster's API is out of reach, and the weights are wanted back.
    BlindWayBack { cluster: usize, millis: u64 },
    /// The person at the wheel wants the weights back.
    WishRollback,
    /// The person at the wheel pauses and goes on later.
    WishPause { millis: u64 },
}

impl Fault {
    /// For the report.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Fault::Crash { moment: Moment::Now, .. } => "crash",
            Fault::Crash { moment: Moment::BeforeKeeping, .. } => "crash before keeping",
            Fault::Crash { moment: Moment::AfterKeeping, .. } => "crash after keeping",
            Fault::Crash { moment: Moment::AfterWriting, .. } => "crash after writing",
            Fault::Stop { .. } => "driver stopped",
            Fault::ApiDown { .. } => "api down",
            Fault::CutOff { .. } => "driver cut off",
            Fault::ApiFlaky { .. } => "api flaky",
            Fault::StaleReads { .. } => "stale reads",
            Fault::Conflicts { .. } => "conflicts",
            Fault::Route53 { .. } => "route 53 throttled",
            Fault::NameServer { .. } => "name server silent",
            Fault::ControllerDown { .. } => "dns controller down",
            Fault::StaleWatch { .. } => "stale watch",
            Fault::SlowChange { .. } => "slow change",
            Fault::Balancer { trouble: Trouble::Errors, .. } => "load balancer errors",
            Fault::Balancer { trouble: Trouble::Unhealthy, .. } => "load balancer unhealthy",
            Fault::Balancer { trouble: Trouble::Flapping(_), .. } => "load balancer flaps",
            Fault::AllUnhealthy { .. } => "all unhealthy",
            Fault::Edit { .. } => "hand edit",
            Fault::EditRecord { .. } => "record edit",
            Fault::Agent { .. } => "agent reverts",
            Fault::LateSync { .. } => "late sync",
            Fault::Stuck { .. } => "application stuck",
            Fault::StuckWayBack { .. } => "stuck way back",
            Fault::BlindWayBack { .. } => "blind way back",
            Fault::WishRollback => "rollback wished",
            Fault::WishPause { .. } => "pause wished",
        }
    }
}

/// Up to eight faults, each at its time, in the order of time.
pub(crate) fn draw(random: &mut Random, world: &World, slots: usize) -> Vec<(u64, Fault)> {
    // In every fourth run the destination's knob and load balancers are left alone: it has to come to its end.
    let is_mild = random.chance(25);
    let mut faults: Vec<(u64, Fault)> = (0..random.below(FAULTS_MAX + 1))
        .map(|_| {
            // Half of them early, while the steps are short; the others anywhere.
            let span =
                if random.chance(50) { FAULTS_BEGIN_UNTIL_MILLIS / 4 } else { FAULTS_BEGIN_UNTIL_MILLIS };
            let at = world.now + random.below(span);
            let kinds = if is_mild { 13 } else { 26 };
            (at, one(random, world, slots, kinds))
        })
        .collect();
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// Applications that stick, in one run of six. They are no outage: nothing else waits for them to be mended.
pub(crate) fn sticking(seed: u64, world: &World) -> Vec<(u64, Fault)> {
    let mut random = Random::new(!seed);
    if !random.chance(17) {
        return Vec::new();
    }
    let mut one = || {
        let clusters = random.pick(&[[true, false], [false, true], [true, true]]);
        let group = random.index(world.groups());
        let millis = random.pick(&[20_000, 60_000, 600_000, STUCK_MILLIS_MAX]);
        (world.now + random.below(FAULTS_BEGIN_UNTIL_MILLIS / 2), Fault::Stuck { clusters, group, millis })
    };
    let first = one();
    if let (true, (_, Fault::Stuck { group, millis, .. })) = (random.chance(30), first) {
        return vec![(world.now, Fault::StuckWayBack { group, millis })];
    }
    // A person or a gate turns back while it is stuck, or nobody does.
    let back = first.0 + random.between(2_000, 60_000);
    let wish = random.chance(60).then_some((back, Fault::WishRollback));
    [first].into_iter().chain(wish).collect()
}

fn one(random: &mut Random, world: &World, slots: usize, kinds: u64) -> Fault {
    let millis = random.between(500, LASTS_MILLIS_MAX);
    let cluster = if random.chance(50) { FROM } else { TO };
    let group = random.index(world.groups());
    let slot = random.index(slots);
    match random.below(kinds) {
        0..=3 => Fault::Crash {
            slot,
            moment: random.pick(&[
                Moment::Now,
                Moment::BeforeKeeping,
                Moment::AfterKeeping,
                Moment::AfterWriting,
            ]),
            restart_millis: random.between(500, 20_000),
        },
        4 => Fault::Stop { slot, millis },
        5 => Fault::ApiDown { cluster: random.index(world.clusters.len()), millis },
        6 => Fault::CutOff { slot, cluster, millis },
        7 => Fault::ApiFlaky { cluster, percent: random.between(5, 60), millis },
        8 => Fault::StaleReads { cluster, millis: millis / 4 },
        9 => Fault::Conflicts { millis },
        10 => Fault::Route53 { percent: random.pick(&[30, 70, 100]), millis },
        11 => Fault::NameServer { server: random.index(NAME_SERVERS), millis },
        12 => match random.below(3) {
            0 => Fault::ControllerDown { cluster, millis },
            1 => Fault::StaleWatch { cluster, millis: millis / 2 },
            _ => Fault::SlowChange { cluster, millis },
        },
        13..=16 => Fault::Balancer {
            cluster: if random.chance(20) { random.index(world.clusters.len()) } else { cluster },
            group,
            trouble: random.pick(&[
                Trouble::Errors,
                Trouble::Unhealthy,
                Trouble::Flapping(500),
                Trouble::Flapping(3_000),
                Trouble::Flapping(15_000),
            ]),
            millis,
        },
        17 => Fault::Edit { cluster, group, weight: random.pick(&[WEIGHT_OF_NOBODY, 0, 1]) },
        18 => Fault::EditRecord { cluster, group },
        19 => Fault::Agent {
            cluster,
            group,
            after_millis: random.pick(&[500, 5_000, 30_000]),
            times: random.between(1, 3),
        },
        20 => Fault::LateSync { cluster, group, millis },
        21 => Fault::AllUnhealthy { group, millis },
        22 => Fault::WishRollback,
        23 => Fault::BlindWayBack { cluster, millis },
        _ => Fault::WishPause { millis },
    }
}
