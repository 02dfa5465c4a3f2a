//! What is true: knobs, records, what each name server answers, leases, health. The engine sees only parts of it.

use std::collections::VecDeque;

use crossfade_core::UnixMillis;

use crate::random::Random;

/// Name servers of the zone.
pub(crate) const NAME_SERVERS: usize = 4;
/// How long a lease lasts without renewal, milliseconds: as `crossfade-kube` has it.
pub(crate) const LEASE_MILLIS: u64 = 15_000;
/// The step of virtual time, milliseconds.
pub(crate) const TICK_MILLIS: u64 = 500;
/// When virtual time begins: not at 0, so that "long ago" can be said.
pub(crate) const BEGIN_MILLIS: u64 = 1_000_000;
/// Source, destination.
pub(crate) const FROM: usize = 0;
pub(crate) const TO: usize = 1;

/// How a cluster's DNS controller notices a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// Driven by events, tells the id of its change.
    Eventful,
    /// Looks once a minute and tells nothing.
    Polling,
}

/// One group in one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The annotation.
    pub(crate) knob: u8,
    /// Changes with every write.
    pub(crate) version: u64,
    /// What Route 53 holds, and since when.
    pub(crate) record: u8,
    pub(crate) record_since: u64,
    /// What each name server answers.
    pub(crate) views: [u8; NAME_SERVERS],
    /// Changes on their way: when, which server, what.
    pending: VecDeque<(u64, usize, u8)>,
    /// Since when every name server shows the same as now.
    pub(crate) views_since: u64,
    /// Somebody else wrote this knob, last to this value.
    pub(crate) edited_to: Option<u8>,
}

/// One cluster.
#[derive(Clone, Debug)]
pub(crate) struct ClusterWorld {
    pub(crate) name: String,
    pub(crate) places: Vec<Place>,
    /// Its API cannot be reached until then.
    pub(crate) unreachable_until: u64,
    /// Its load balancers answer errors until then.
    pub(crate) broken_until: u64,
    pub(crate) writer: Writer,
    /// The next look of a polling writer.
    next_look: u64,
    /// Who holds its lease, until when if not renewed.
    pub(crate) lease: Option<(u64, u64)>,
    /// The last time its load balancers answered.
    pub(crate) healthy_at: u64,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) clusters: Vec<ClusterWorld>,
    pub(crate) ttl_seconds: u32,
    /// Route 53's API answers nothing until then.
    pub(crate) route53_down_until: u64,
    /// The longest that a name server takes to take up a change, milliseconds.
    take_up_millis_max: u64,
}

impl World {
    pub(crate) fn new(random: &mut Random, groups: usize, has_third: bool) -> World {
        let names = ["blue", "green", "red"];
        let count = if has_third { 3 } else { 2 };
        let sum = [100, 1, 200, 255, 37][usize::try_from(random.below(5)).unwrap_or(0)];
        let clusters = names.iter().take(count).enumerate().map(|(index, name)| {
            let weight = match index {
                FROM => sum,
                TO => 0,
                _ => 50,
            };
            ClusterWorld {
                name: (*name).to_owned(),
                places: vec![Place::at_rest(weight); groups],
                unreachable_until: 0,
                broken_until: 0,
                writer: if random.chance(70) { Writer::Eventful } else { Writer::Polling },
                next_look: 0,
                lease: None,
                healthy_at: 0,
            }
        });
        World {
            now: BEGIN_MILLIS,
            clusters: clusters.collect(),
            ttl_seconds: u32::try_from(random.between(5, 60)).unwrap_or(60),
            route53_down_until: 0,
            take_up_millis_max: random.between(500, 20_000),
        }
    }

    /// One group, two clusters, nothing wrong.
    pub(crate) fn calm(weights: [u8; 2], ttl_seconds: u32, writer: Writer, take_up_millis_max: u64) -> World {
        let clusters = ["blue", "green"].iter().zip(weights).map(|(name, weight)| ClusterWorld {
            name: (*name).to_owned(),
            places: vec![Place::at_rest(weight)],
            unreachable_until: 0,
            broken_until: 0,
            writer,
            next_look: 0,
            lease: None,
            healthy_at: 0,
        });
        World {
            now: BEGIN_MILLIS,
            clusters: clusters.collect(),
            ttl_seconds,
            route53_down_until: 0,
            take_up_millis_max,
        }
    }

    pub(crate) fn at(&self) -> UnixMillis {
        UnixMillis(self.now)
    }

    pub(crate) fn is_reachable(&self, cluster: usize) -> bool {
        self.now >= self.clusters[cluster].unreachable_until
    }

    pub(crate) fn answers(&self, cluster: usize) -> bool {
        self.now >= self.clusters[cluster].broken_until
    }

    pub(crate) fn holds_lease(&self, cluster: usize, driver: u64) -> bool {
        self.clusters[cluster].lease.is_some_and(|(holder, until)| holder == driver && self.now < until)
    }

    /// Time passes: DNS controllers look, changes reach name servers.
    pub(crate) fn tick(&mut self, random: &mut Random) {
        self.now += TICK_MILLIS;
        let (now, take_up) = (self.now, self.take_up_millis_max);
        let route53_up = now >= self.route53_down_until;
        for cluster in &mut self.clusters {
            if now >= cluster.broken_until {
                cluster.healthy_at = now;
            }
            let sees = now >= cluster.unreachable_until && route53_up;
            let looks = match cluster.writer {
                Writer::Eventful => true,
                Writer::Polling => now >= cluster.next_look,
            };
            if sees && looks {
                cluster.next_look = now + 60_000;
            }
            for place in &mut cluster.places {
                if sees && looks && place.record != place.knob {
                    place.submit(now, take_up, random);
                }
                place.take_up(now);
            }
        }
    }
}

impl Place {
    fn at_rest(weight: u8) -> Place {
        Place {
            knob: weight,
            version: 1,
            record: weight,
            record_since: 0,
            views: [weight; NAME_SERVERS],
            pending: VecDeque::new(),
            views_since: 0,
            edited_to: None,
        }
    }

    /// The DNS controller's change: accepted at once, taken up by each server after its own delay, in order.
    fn submit(&mut self, now: u64, take_up_millis_max: u64, random: &mut Random) {
        self.record = self.knob;
        self.record_since = now;
        for server in 0..NAME_SERVERS {
            let last = self.pending.iter().filter(|(_, of, _)| *of == server).map(|(at, _, _)| *at).max();
            let at = (now + random.between(0, take_up_millis_max)).max(last.unwrap_or(0));
            self.pending.push_back((at, server, self.record));
        }
    }

    fn take_up(&mut self, now: u64) {
        let before = self.views;
        let mut later = VecDeque::new();
        while let Some((at, server, weight)) = self.pending.pop_front() {
            if at <= now {
                self.views[server] = weight;
            } else {
                later.push_back((at, server, weight));
            }
        }
        self.pending = later;
        if self.views != before {
            self.views_since = now;
        }
    }

    /// `INSYNC`: nothing is on its way.
    pub(crate) fn is_in_sync(&self) -> bool {
        self.pending.is_empty()
    }

    /// A write of whoever, that fails unless the version is the one that was seen.
    pub(crate) fn write(&mut self, weight: u8, seen_version: u64) -> bool {
        if self.version != seen_version {
            return false;
        }
        self.knob = weight;
        self.version += 1;
        true
    }

    /// Another hand.
    pub(crate) fn edit(&mut self, weight: u8) {
        self.knob = weight;
        self.version += 1;
        self.edited_to = Some(weight);
    }
}
