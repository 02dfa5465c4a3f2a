//! What a migration will look like when nothing goes wrong: the engine itself, in a calm world, with users behind caches.

use crossfade_core::migration::{Phase, Spec};

use crate::checker::Checker;
use crate::driver::{Driver, Surroundings};
use crate::random::Random;
use crate::world::{BEGIN_MILLIS, FROM, NAME_SERVERS, TO, World, Writer};

/// Nobody plans a migration longer than this; a spec that needs more says so by not ending.
const VIRTUAL_MILLIS_MAX: u64 = 7 * 24 * 3_600_000;
/// Users in the world: a share is shown in tenths of a percent.
const USERS: usize = 1_000;
/// An overstaying user keeps an answer up to this many TTLs.
const OVERSTAY_FACTOR_MAX: u64 = 3;

/// A calm world.
#[derive(Clone, Debug)]
pub struct PredictionOptions {
    /// The migration.
    pub spec: Spec,
    /// The source's weight now.
    pub from_weight: u8,
    /// The destination's weight now.
    pub to_weight: u8,
    /// TTL of answers, seconds.
    pub ttl_seconds: u32,
    /// The DNS controller tells about its changes (crossfade's does); otherwise it looks once a minute.
    pub is_eventful: bool,
    /// The longest that a name server takes to take a change up, seconds.
    pub take_up_seconds_max: u32,
    /// Users that keep answers longer than their TTL, in a hundred.
    pub overstaying_percent: u32,
    /// Every draw comes from it.
    pub seed: u64,
}

/// One moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Seconds since the migration was admitted.
    pub at_seconds: f64,
    /// The destination's share as the annotations declare it, 0 to 1.
    pub declared: f64,
    /// The destination's share of the users, 0 to 1.
    pub users: f64,
}

/// A whole migration.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Every half second.
    pub samples: Vec<Sample>,
    /// When what happens.
    pub events: Vec<(f64, String)>,
    /// It came to its end.
    pub is_complete: bool,
}

struct User {
    cluster: usize,
    asks_again_at: u64,
    keeps_millis: u64,
}

/// Plays it. Pauses are promoted at once.
pub fn predict(options: &PredictionOptions) -> Prediction {
    let mut random = Random::new(options.seed);
    let mut world = mk_world(options);
    let mut spec = options.spec.clone();
    spec.promotions = u32::MAX;
    let mut checker = Checker::new(&world);
    let mut object = None;
    let mut driver = Driver::new(1);
    let mut users = mk_users(options, &mut random);
    let mut samples = Vec::new();
    let mut is_complete = false;
    while world.now < BEGIN_MILLIS + VIRTUAL_MILLIS_MAX && !is_complete {
        world.tick(&mut random);
        driver.tick(&mut Surroundings {
            world: &mut world,
            object: &mut object,
            spec: &spec,
            random: &mut random,
            checker: &mut checker,
            defect: None,
        });
        ask(&world, &mut users, &mut random);
        let place = |cluster: usize| f64::from(world.clusters[cluster].places[0].knob);
        let there = users.iter().filter(|user| user.cluster == TO).count();
        samples.push(Sample {
            at_seconds: (world.now - BEGIN_MILLIS) as f64 / 1000.0,
            declared: place(TO) / (place(FROM) + place(TO)).max(1.0),
            users: there as f64 / USERS as f64,
        });
        is_complete = object.as_ref().is_some_and(|status| status.phase == Phase::Complete);
    }
    let history = object.map(|status| status.history).unwrap_or_default();
    let seconds = |millis: u64| millis.saturating_sub(BEGIN_MILLIS) as f64 / 1000.0;
    let events = history.into_iter().map(|entry| (seconds(entry.at.0), entry.message)).collect();
    Prediction { samples, events, is_complete }
}

fn mk_world(options: &PredictionOptions) -> World {
    let writer = if options.is_eventful { Writer::Eventful } else { Writer::Polling };
    World::calm(
        [options.from_weight, options.to_weight],
        options.ttl_seconds,
        writer,
        u64::from(options.take_up_seconds_max) * 1000,
    )
}

fn mk_users(options: &PredictionOptions, random: &mut Random) -> Vec<User> {
    let ttl_millis = u64::from(options.ttl_seconds) * 1000;
    (0..USERS)
        .map(|_| {
            let overstays = random.chance(u64::from(options.overstaying_percent));
            let factor = if overstays { random.between(2, OVERSTAY_FACTOR_MAX) } else { 1 };
            let keeps_millis = ttl_millis * factor;
            User {
                cluster: FROM,
                asks_again_at: BEGIN_MILLIS + random.below(keeps_millis.max(1)),
                keeps_millis,
            }
        })
        .collect()
}

/// Users whose answer ran out ask one of the name servers.
fn ask(world: &World, users: &mut [User], random: &mut Random) {
    for user in users.iter_mut().filter(|user| user.asks_again_at <= world.now) {
        let server = usize::try_from(random.below(NAME_SERVERS as u64)).unwrap_or(0);
        let weight = |cluster: usize| u64::from(world.clusters[cluster].places[0].views[server]);
        let sum = weight(FROM) + weight(TO);
        user.cluster = if random.below(sum.max(1)) < weight(FROM) { FROM } else { TO };
        user.asks_again_at = world.now + user.keeps_millis;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crossfade_core::migration::{Gate, GateKind, OnFailure, Wish};

    use super::*;

    fn mk_options(is_eventful: bool) -> PredictionOptions {
        let spec = Spec {
            from: "blue".into(),
            to: "green".into(),
            steps: ["10%", "100%"].iter().filter_map(|step| step.parse().ok()).collect(),
            on_failure: OnFailure::Rollback,
            wish: Wish::Advance,
            bake: Duration::ZERO,
            keep_warm: Duration::ZERO,
            draws: 400,
            error_level: Spec::ERROR_LEVEL,
            gates: [GateKind::Http, GateKind::Traffic].map(Gate::new).to_vec(),
            force: false,
            promotions: 0,
            promote_to_end: false,
        };
        PredictionOptions {
            spec,
            from_weight: 100,
            to_weight: 0,
            ttl_seconds: 60,
            is_eventful,
            take_up_seconds_max: 20,
            overstaying_percent: 0,
            seed: 1,
        }
    }

    #[test]
    fn everybody_arrives_and_a_polling_writer_takes_longer() {
        let fast = predict(&mk_options(true));
        let slow = predict(&mk_options(false));
        for prediction in [&fast, &slow] {
            assert!(prediction.is_complete, "{:?}", prediction.events);
            assert!(
                prediction.samples.last().is_some_and(|sample| sample.users > 0.999),
                "{:?}",
                prediction.samples.last()
            );
        }
        assert!(slow.samples.len() > fast.samples.len() + 100);
        // Two steps, a TTL each, beside what the name servers take.
        assert!(fast.samples.last().is_some_and(|sample| (120.0..240.0).contains(&sample.at_seconds)));
    }
}
