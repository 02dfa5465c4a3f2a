//! Users behind caching resolvers: where their requests go, and whether these are answered.

use crate::driver::candidates;
use crate::random::Random;
use crate::world::World;
use crate::world::zone::NAME_SERVERS;
use crossfade_routing::choose;

/// Requests of one user, milliseconds apart.
const ASKS_EVERY_MILLIS: u64 = 1_000;
/// An overstaying user keeps an answer up to this many TTLs.
pub(crate) const OVERSTAY_FACTOR_MAX: u64 = 3;

/// One user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    group: usize,
    pub(crate) cluster: usize,
    /// The answer is kept until then.
    keeps_until: u64,
    keeps_millis: u64,
    overstays: bool,
    /// Asks for A (0) or AAAA (1).
    part: usize,
    asks_at: u64,
    /// The answer had weight 0: Route 53 had nothing healthy beside it.
    is_last_resort: bool,
    /// Older than its TTL from then on.
    ttl_until: u64,
}

/// What became of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// All.
    pub sent: u64,
    /// Without an answer, or answered with an error.
    pub failed: u64,
    /// Answered by a record of weight 0, because no other was healthy.
    pub by_zero_weight: u64,
    /// Answered although every record was unhealthy.
    pub fail_open: u64,
    /// Sent to an answer older than its TTL.
    pub overstayed: u64,
    /// Resolved by another name server because the first was silent.
    pub retried: u64,
    /// Failed at a cluster that was switched off after the migration, by users who keep to the TTL.
    pub(crate) lost: u64,
}

impl Requests {
    pub(crate) fn add(&mut self, other: Requests) {
        let Requests { sent, failed, by_zero_weight, fail_open, overstayed, retried, lost } = other;
        self.sent += sent;
        self.failed += failed;
        self.by_zero_weight += by_zero_weight;
        self.fail_open += fail_open;
        self.overstayed += overstayed;
        self.retried += retried;
        self.lost += lost;
    }
}

/// All users.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    users: Vec<User>,
    pub(crate) requests: Requests,
}

impl Crowd {
    pub(crate) fn new(world: &World, count: usize, overstaying_percent: u64, random: &mut Random) -> Self {
        let ttl_millis = u64::from(world.ttl_seconds) * 1000;
        let users = (0..count).map(|_| {
            let overstays = random.chance(overstaying_percent);
            let factor = if overstays { random.between(2, OVERSTAY_FACTOR_MAX) } else { 1 };
            let keeps_millis = ttl_millis * factor;
            let group = random.index(world.groups());
            let mut user = User {
                group,
                cluster: 0,
                keeps_until: 0,
                keeps_millis,
                overstays,
                part: random.index(2),
                asks_at: world.now + random.below(ASKS_EVERY_MILLIS),
                is_last_resort: false,
                ttl_until: 0,
            };
            user.resolve(world, random, &mut Requests::default());
            // Answers in caches are of any age.
            user.keeps_until = world.now + random.below(keeps_millis.max(1));
            user.ttl_until = user.keeps_until.min(user.ttl_until);
            user
        });
        Crowd { users: users.collect(), requests: Requests::default() }
    }

    pub(crate) fn users(&self) -> &[User] {
        &self.users
    }

    /// Users whose answer ran out ask one of the name servers; everybody sends a request a second.
    pub(crate) fn tick(&mut self, world: &World, random: &mut Random) {
        for user in &mut self.users {
            if world.now < user.asks_at {
                continue;
            }
            user.asks_at = world.now + ASKS_EVERY_MILLIS;
            if user.keeps_until <= world.now {
                user.resolve(world, random, &mut self.requests);
            }
            self.requests.sent += 1;
            self.requests.overstayed += u64::from(user.ttl_until <= world.now);
            self.requests.by_zero_weight += u64::from(user.is_last_resort);
            let balancer = &world.clusters[user.cluster].balancers[user.group];
            if !balancer.answers(world.now) {
                self.requests.failed += 1;
                let is_excused = user.overstays || user.is_last_resort || !balancer.is_switched_off();
                self.requests.lost += u64::from(!is_excused);
            }
        }
    }
}

impl User {
    /// A resolver asks the next server when one is silent; it keeps the old answer when all are.
    fn resolve(&mut self, world: &World, random: &mut Random, requests: &mut Requests) {
        let first = random.index(NAME_SERVERS);
        let servers = (0..NAME_SERVERS).map(|index| (first + index) % NAME_SERVERS);
        let Some(server) = { servers }.find(|server| world.now >= world.zone.silent_until[*server]) else {
            return;
        };
        requests.retried += u64::from(server != first);
        let found = candidates(world, self.group, server, self.part);
        if let Some(chosen) = choose(&found, random.next()) {
            self.cluster = chosen;
            self.is_last_resort = found[chosen].weight == 0;
            requests.fail_open += u64::from(found.iter().all(|candidate| !candidate.healthy));
            self.keeps_until = world.now + self.keeps_millis;
            self.ttl_until = world.now + u64::from(world.ttl_seconds) * 1000;
        }
    }
}
