//! What a migration will look like when nothing goes wrong: the engine itself, in a calm world, with users behind caches.

use crossfade_core::migration::{Phase, Spec};

use crate::checker::Checker;
use crate::driver::{Around, Driver};
use crate::random::Random;
use crate::users::{Crowd, OVERSTAY_FACTOR_MAX};
use crate::world::writer::Writer;
use crate::world::{BEGIN_MILLIS, FROM, TICK_MILLIS, TO, World};

/// Nobody plans a migration longer than this; a spec that needs more says so by not ending.
const VIRTUAL_MILLIS_MAX: u64 = 7 * 24 * 3_600_000;
/// Users in the world: a share is shown in tenths of a percent.
const USERS: usize = 1_000;
/// Between two samples, milliseconds.
const SAMPLE_EVERY_MILLIS: u64 = 500;

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

/// Plays it. Pauses are promoted at once.
pub fn predict(options: &PredictionOptions) -> Prediction {
    let mut random = Random::new(options.seed);
    let mut world = mk_world(options, &mut random);
    let mut checker = Checker::new(&world);
    let mut driver = Driver::new(0, 1);
    let mut crowd = Crowd::new(&world, USERS, u64::from(options.overstaying_percent), &mut random);
    let mut samples = Vec::new();
    let mut is_complete = false;
    // Who overstays comes after the end; the picture shows it.
    let overstays_millis = if options.overstaying_percent > 0 {
        OVERSTAY_FACTOR_MAX * u64::from(options.ttl_seconds) * 1000
    } else {
        0
    };
    let mut ends_at = BEGIN_MILLIS + VIRTUAL_MILLIS_MAX;
    while world.now < ends_at {
        world.tick(&mut random);
        driver.tick(&mut Around {
            world: &mut world,
            random: &mut random,
            checker: &mut checker,
            defect: None,
        });
        crowd.tick(&world, &mut random);
        if !is_complete && world.object.status.as_ref().is_some_and(|status| status.phase == Phase::Complete)
        {
            is_complete = true;
            ends_at = world.now + overstays_millis;
        }
        if world.now >= ends_at || (world.now - BEGIN_MILLIS) % SAMPLE_EVERY_MILLIS < TICK_MILLIS {
            samples.push(sample(&world, &crowd));
        }
    }
    let history = world.object.status.take().map(|status| status.history).unwrap_or_default();
    let mut events: Vec<(f64, String)> =
        history.into_iter().map(|entry| (seconds_of(entry.at.0), entry.message)).collect();
    if is_complete && overstays_millis > 0 {
        events.push((seconds_of(world.now), "resolvers that overstayed have asked again".to_owned()));
    }
    Prediction { samples, events, is_complete }
}

fn seconds_of(millis: u64) -> f64 {
    millis.saturating_sub(BEGIN_MILLIS) as f64 / 1000.0
}

fn sample(world: &World, crowd: &Crowd) -> Sample {
    let knob = |cluster: usize| f64::from(world.clusters[cluster].knobs[0].weight());
    let there = crowd.users().iter().filter(|user| user.cluster == TO).count();
    Sample {
        at_seconds: seconds_of(world.now),
        declared: knob(TO) / (knob(FROM) + knob(TO)).max(1.0),
        users: there as f64 / USERS as f64,
    }
}

fn mk_world(options: &PredictionOptions, random: &mut Random) -> World {
    let writer = if options.is_eventful { Writer::Eventful } else { Writer::Polling };
    let spec = Spec { promotions: u32::MAX, ..options.spec.clone() };
    World::calm(
        [options.from_weight, options.to_weight],
        options.ttl_seconds,
        writer,
        u64::from(options.take_up_seconds_max) * 1000,
        spec,
        random,
    )
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
            residual: None,
            without: None,
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
    #[test]
    fn who_overstays_is_there_after_the_end_and_gone_at_last() {
        let prediction = predict(&PredictionOptions { overstaying_percent: 20, ..mk_options(true) });
        let complete_at = prediction.events.iter().find(|(_, what)| what == "complete").map(|(at, _)| *at);
        let at_end = prediction.samples.iter().find(|sample| Some(sample.at_seconds) >= complete_at);
        assert!(at_end.is_some_and(|sample| (0.8..0.99).contains(&sample.users)), "{at_end:?}");
        assert!(prediction.samples.last().is_some_and(|sample| sample.users > 0.999));
    }
}
