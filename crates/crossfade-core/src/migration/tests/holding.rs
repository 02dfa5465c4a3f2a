//! What holds a migration: other hands, people, and what cannot be read. Each was first seen in the simulated world.

use super::*;

#[test]
fn a_way_back_refuses_weights_of_others_unless_forced() {
    let mut spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    world.knobs.insert("blue".into(), Weight::new(77));
    let mut status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    spec.wish = Wish::Rollback;
    for _ in 0..50 {
        status = world.round(&spec, &status);
    }
    assert_eq!((status.phase, world.knobs[&ClusterName::from("blue")]), (Phase::Paused, Weight::new(77)));
    assert_eq!(status.steps.len(), 1, "a way back that is refused is no step");
    spec.force = true;
    let status = world.run(&spec, status, ended);
    assert_eq!((status.phase, &world.knobs), (Phase::RolledBack, &World::new(100, 0).knobs));
}

#[test]
fn another_hand_is_named_also_when_the_user_has_paused() {
    let mut spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    spec.wish = Wish::Pause;
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    world.knobs.insert("blue".into(), Weight::new(77));
    let is_named =
        |status: &Status| status.failure.as_ref().is_some_and(|failure| failure.reason == "ForeignChange");
    assert_eq!(world.run(&spec, status, is_named).phase, Phase::Paused);
}

#[test]
fn resuming_is_no_promotion() {
    let mut spec = mk_spec(&["10%", "pause", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::AwaitingPromotion);
    spec.wish = Wish::Pause;
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    spec.wish = Wish::Advance;
    let mut status = world.run(&spec, status, |status| status.phase == Phase::Progressing);
    for _ in 0..100 {
        status = world.round(&spec, &status);
    }
    assert_eq!(status.stage, Stage::AwaitingPromotion);
    assert_eq!(world.written(), [("green", 10), ("blue", 90)]);
}

#[test]
fn resuming_a_way_back_goes_on_with_it() {
    let mut spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.step == 1 && status.stage == Stage::Settling);
    spec.wish = Wish::Rollback;
    let status = world.run(&spec, status, |status| status.phase == Phase::RollingBack);
    world.knobs.insert("blue".into(), Weight::new(77));
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    spec.wish = Wish::Advance;
    world.knobs.insert("blue".into(), Weight::new(100));
    let mut status = world.round(&spec, &status);
    resume(&mut status, world.now);
    assert_eq!(world.run(&spec, status, ended).phase, Phase::RolledBack);
}

#[test]
fn a_weight_that_cannot_be_read_holds_the_other_side_too() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.step == 1);
    let writes = world.writes.len();
    world.blue_readable = false;
    for _ in 0..50 {
        status = world.round(&spec, &status);
    }
    assert_eq!(world.writes.len(), writes, "{:?}", world.writes);
    world.blue_readable = true;
    assert_eq!(world.run(&spec, status, ended).phase, Phase::Complete);
}

#[test]
fn a_promotion_waits_for_what_cannot_be_read() {
    let mut spec = mk_spec(&["10%", "pause", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.stage == Stage::AwaitingPromotion);
    spec.promotions = 1;
    world.blue_readable = false;
    for _ in 0..50 {
        status = world.round(&spec, &status);
    }
    assert_eq!((status.step, status.stage), (1, Stage::AwaitingPromotion));
    world.blue_readable = true;
    assert_eq!(world.run(&spec, status, ended).phase, Phase::Complete);
}

#[test]
fn a_record_that_was_changed_and_put_back_waits_for_its_ttl_again() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.stage == Stage::Baking);
    for _ in 0..20 {
        status = world.round(&spec, &status);
    }
    // The record of the source shows something else for one look; its knob does not.
    world.trail.get_mut(&ClusterName::from("blue")).unwrap()[1] = Weight::new(7);
    let edited_at = world.now;
    let status = world.run(&spec, status, |status| status.step == 1);
    let proven_after = status.steps[0].proven_at.unwrap().since(edited_at);
    assert!(proven_after >= Duration::from_secs(u64::from(TTL_SECONDS)), "{proven_after:?}");
}

#[test]
fn a_write_that_is_reverted_while_out_of_reach_pauses() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Proving);
    world.blue_readable = false;
    let status = world.round(&spec, &status);
    world.knobs.insert("blue".into(), Weight::new(100));
    world.blue_readable = true;
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert_eq!(status.failure.unwrap().reason, "ForeignChange");
    assert_eq!(world.knobs[&ClusterName::from("blue")], Weight::new(100));
}

#[test]
fn a_group_without_a_good_side_does_not_hold_one_that_has_one() {
    let spec = mk_spec(&["50%", "100%"]);
    let admitted = ["team/first", "team/second"].map(|name| Admitted {
        group: name.into(),
        hosts: Vec::new(),
        weights: BTreeMap::from([("blue".into(), Weight::new(100)), ("green".into(), Weight::ZERO)]),
    });
    let status = start(&spec, admitted.to_vec(), UnixMillis(1_000));
    let fail = |group: &str, cluster: &str| GateSeen {
        gate: "http".into(),
        group: group.into(),
        cluster: cluster.into(),
        at: UnixMillis(2_000),
        outcome: CheckOutcome::Failed("500".into()),
    };
    let first = [fail("team/first", "blue"), fail("team/first", "green")];
    let leases = LeasesSeen { source: true, all: true };
    let three_times = |gates: &[GateSeen]| Seen { leases, gates: [gates; 3].concat(), ..Seen::default() };
    let plan = step(&spec, &status, &three_times(&first), UnixMillis(2_000));
    assert_eq!(plan.status.phase, Phase::Progressing, "both sides of the only group that fails");
    let both = [&first[..], &[fail("team/second", "green")]].concat();
    let plan = step(&spec, &status, &three_times(&both), UnixMillis(2_000));
    assert_eq!(plan.status.phase, Phase::RollingBack);
}

#[test]
fn a_revert_under_a_second_blind_way_back_pauses() {
    let mut spec = Spec { wish: Wish::Rollback, ..mk_spec(&["50%", "100%"]) };
    let mut world = World::new(100, 0);
    let status = world.begin(&mk_spec(&["50%", "100%"]));
    let status = world.run(&mk_spec(&["50%", "100%"]), status, |status| status.step == 1);
    let status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    // Paused for another hand on the other side, which is put right while the source is out of reach.
    world.knobs.insert("green".into(), Weight::new(77));
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    world.knobs.insert("green".into(), Weight::ZERO);
    world.blue_readable = false;
    let status = world.run(&spec, status, |status| status.phase == Phase::RollingBack);
    world.knobs.insert("blue".into(), Weight::new(50));
    world.blue_readable = true;
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert_eq!(world.knobs[&ClusterName::from("blue")], Weight::new(50));
    spec.force = true;
    assert_eq!(world.run(&spec, status, ended).phase, Phase::RolledBack);
}
