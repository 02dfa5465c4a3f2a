//! What is true: knobs, records, what each name server answers, leases, health, the object. The engine sees parts of it.

pub(crate) mod api;
pub(crate) mod balancer;
pub(crate) mod knob;
pub(crate) mod lease;
pub(crate) mod logged;
pub(crate) mod writer;
pub(crate) mod zone;

use crossfade_core::UnixMillis;
use crossfade_core::migration::{Spec, Status};

use crate::random::Random;
use crate::world::api::{Answer, Api, Slot};
use crate::world::balancer::Balancer;
use crate::world::knob::Knob;
use crate::world::lease::Lease;
use crate::world::logged::Logged;
use crate::world::writer::{DnsController, Writer};
use crate::world::zone::Zone;

/// The step of virtual time, milliseconds: a real driver looks four times a second.
pub(crate) const TICK_MILLIS: u64 = 250;
/// When virtual time begins: not at 0, so that "long ago" can be said.
pub(crate) const BEGIN_MILLIS: u64 = 1_000_000;
/// Source, destination.
pub(crate) const FROM: usize = 0;
pub(crate) const TO: usize = 1;
/// Names by index.
pub(crate) const NAMES: [&str; 3] = ["blue", "green", "red"];

/// One cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) api: Api,
    /// One per group.
    pub(crate) knobs: Vec<Knob>,
    /// What the knobs feed, one per group: they follow at once, unless their Application is stuck.
    pub(crate) objects: Vec<Knob>,
    /// Whether it is, one per group.
    pub(crate) stuck: Vec<Logged<bool>>,
    /// When somebody mends it.
    pub(crate) mended_at: Vec<u64>,
    /// One per group.
    pub(crate) balancers: Vec<Balancer>,
    pub(crate) lease: Lease,
    pub(crate) controller: DnsController,
}

impl Cluster {
    /// An Application cannot be rendered until somebody mends it.
    pub(crate) fn stick(&mut self, now: u64, group: usize, millis: u64) {
        self.stuck[group].set(now, true);
        self.mended_at[group] = self.mended_at[group].max(now + millis);
    }

    fn carry_on(&mut self, now: u64) {
        for (group, object) in self.objects.iter_mut().enumerate() {
            if self.stuck[group].get() && now >= self.mended_at[group] {
                self.stuck[group].set(now, false);
            }
            if !self.stuck[group].get() {
                object.set(now, self.knobs[group].weight());
            }
        }
    }
}

/// The Migration, in its home.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) status: Option<Status>,
    pub(crate) spec: Spec,
    /// Changes with every write.
    pub(crate) version: u64,
}

/// A GitOps agent that puts a weight back to what it keeps it at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agent {
    pub(crate) cluster: usize,
    pub(crate) group: usize,
    pub(crate) keeps: u8,
    /// It notices after so long.
    pub(crate) after_millis: u64,
    /// It gives up after so many times.
    pub(crate) times: u64,
    differs_since: Option<u64>,
}

impl Agent {
    pub(crate) fn new(cluster: usize, group: usize, keeps: u8, after_millis: u64, times: u64) -> Self {
        Agent { cluster, group, keeps, after_millis, times, differs_since: None }
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) zone: Zone,
    pub(crate) object: Object,
    /// The cluster that keeps the object.
    pub(crate) home: usize,
    /// Source and destination in the order in which leases are taken.
    pub(crate) lease_order: [usize; 2],
    pub(crate) ttl_seconds: u32,
    pub(crate) agents: Vec<Agent>,
    /// The last time that anything stood in a driver's way.
    pub(crate) disturbed_at: u64,
}

impl World {
    /// Weights and ways drawn from the seed.
    pub(crate) fn new(random: &mut Random, spec: Spec) -> World {
        let groups = random.index(4) + 1;
        let third = random.chance(25);
        let weights: Vec<Vec<u8>> = (0..groups)
            .map(|_| {
                let from = random.pick(&[100, 1, 200, 255, 37]);
                let to = if random.chance(80) { 0 } else { random.pick(&[5, 50, 100]) };
                let third = third.then(|| random.pick(&[50, 10, 255]));
                [from, to].into_iter().chain(third).collect()
            })
            .collect();
        let writers: Vec<Writer> = (0..3)
            .map(|_| match random.below(10) {
                0..=6 => Writer::Eventful,
                7..=8 => Writer::Polling,
                _ => Writer::PollingInParts,
            })
            .collect();
        let take_up_millis_max = random.pick(&[500, 4_000, 20_000, 50_000]);
        let mut world = World::build(&weights, &writers, take_up_millis_max, spec, random);
        world.home = if random.chance(80) { TO } else { random.index(world.clusters.len()) };
        world.lease_order = if random.chance(50) { [FROM, TO] } else { [TO, FROM] };
        world.ttl_seconds = u32::try_from(random.pick(&[3, 10, 60])).unwrap_or(60);
        world
    }

    /// One group, two clusters, nothing wrong.
    pub(crate) fn calm(
        weights: [u8; 2],
        ttl_seconds: u32,
        writer: Writer,
        take_up_millis_max: u64,
        spec: Spec,
        random: &mut Random,
    ) -> World {
        let mut world = World::build(&[weights.to_vec()], &[writer; 2], take_up_millis_max, spec, random);
        world.ttl_seconds = ttl_seconds;
        world
    }

    fn build(
        weights: &[Vec<u8>],
        writers: &[Writer],
        take_up_millis_max: u64,
        spec: Spec,
        random: &mut Random,
    ) -> World {
        let clusters = (0..weights[0].len()).map(|index| {
            let of_cluster: Vec<u8> = weights.iter().map(|of_group| of_group[index]).collect();
            Cluster {
                api: Api::default(),
                knobs: of_cluster.iter().map(|weight| Knob::new(*weight)).collect(),
                objects: of_cluster.iter().map(|weight| Knob::new(*weight)).collect(),
                stuck: vec![Logged::new(false); of_cluster.len()],
                mended_at: vec![0; of_cluster.len()],
                balancers: vec![Balancer::default(); weights.len()],
                lease: Lease::default(),
                controller: DnsController::new(writers[index], of_cluster, random),
            }
        });
        World {
            now: BEGIN_MILLIS,
            clusters: clusters.collect(),
            zone: Zone::new(weights.to_vec(), take_up_millis_max),
            object: Object { status: None, spec, version: 1 },
            home: TO,
            lease_order: [FROM, TO],
            ttl_seconds: 60,
            agents: Vec::new(),
            disturbed_at: 0,
        }
    }

    pub(crate) fn groups(&self) -> usize {
        self.zone.sets.len()
    }

    pub(crate) fn at(&self) -> UnixMillis {
        UnixMillis(self.now)
    }

    /// A request to a cluster's API.
    pub(crate) fn ask(&self, cluster: usize, caller: Slot, random: &mut Random) -> Answer {
        self.clusters[cluster].api.ask(self.now, caller, random)
    }

    pub(crate) fn answers(&self, cluster: usize, group: usize) -> bool {
        self.clusters[cluster].balancers[group].answers(self.now)
    }

    /// The knob, the object, the record and every name server's answer are above 0.
    pub(crate) fn is_above_zero(&self, cluster: usize, group: usize) -> bool {
        let found = &self.clusters[cluster];
        found.knobs[group].weight() > 0
            && found.objects[group].weight() > 0
            && self.zone.sets[group][cluster].is_above_zero()
    }

    /// The knob, the record and every name server show this weight.
    pub(crate) fn is_everywhere(&self, cluster: usize, group: usize, weight: u8) -> bool {
        let set = &self.zone.sets[group][cluster];
        self.clusters[cluster].knobs[group].weight() == weight
            && set.listed() == Some(weight)
            && set.is_everywhere(weight)
    }

    /// Time passes: DNS controllers look, changes reach name servers, agents keep what they keep. Returns the places whose
    /// knob an agent wrote.
    pub(crate) fn tick(&mut self, random: &mut Random) -> Vec<(usize, usize)> {
        self.now += TICK_MILLIS;
        let now = self.now;
        let written = self.let_agents_keep();
        self.zone.tick(now);
        for (index, cluster) in self.clusters.iter_mut().enumerate() {
            cluster.carry_on(now);
            cluster.controller.tick(now, index, &cluster.objects, &mut self.zone, random);
            for balancer in &mut cluster.balancers {
                balancer.tick(now);
            }
        }
        let is_disturbed = self.zone.is_disturbed(now)
            || self.clusters.iter().any(|cluster| cluster.api.is_disturbed(now))
            || self.clusters.iter().any(|cluster| cluster.controller.is_disturbed(now));
        if is_disturbed {
            self.disturbed_at = now;
        }
        written
    }

    fn let_agents_keep(&mut self) -> Vec<(usize, usize)> {
        let (now, mut written) = (self.now, Vec::new());
        for agent in &mut self.agents {
            let knob = &mut self.clusters[agent.cluster].knobs[agent.group];
            if knob.weight() == agent.keeps || agent.times == 0 {
                agent.differs_since = None;
                continue;
            }
            let since = *agent.differs_since.get_or_insert(now);
            if now - since >= agent.after_millis {
                knob.set(now, agent.keeps);
                agent.times -= 1;
                agent.differs_since = None;
                written.push((agent.group, agent.cluster));
            }
        }
        written
    }
}
