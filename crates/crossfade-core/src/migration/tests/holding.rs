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

fn reason(status: &Status) -> &str {
    status.failure.as_ref().map_or("", |failure| failure.reason.as_str())
}

#[test]
fn who_agrees_to_weights_of_others_agrees_to_those_that_were_shown() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    world.knobs.insert("blue".into(), Weight::new(77));
    let mut status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    let shown = status.groups[0].cluster(&"blue".into()).unwrap().foreign;
    assert_eq!(shown, Some(ForeignWeight { weight: Weight::new(77), instead_of: Some(Weight::new(50)) }));

    // Another one by the time that somebody agrees to 77.
    agree_to_others(&mut status);
    resume(&mut status, world.now);
    world.knobs.insert("blue".into(), Weight::new(78));
    let mut status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert!(status.failure.as_ref().unwrap().message.contains("the weight is 78"), "{:?}", status.failure);
    assert_eq!(world.knobs[&ClusterName::from("blue")], Weight::new(78));

    agree_to_others(&mut status);
    resume(&mut status, world.now);
    let status = world.run(&spec, status, |status| status.stage == Stage::Proving);
    // It is agreed to once.
    world.knobs.insert("blue".into(), Weight::new(78));
    let mut status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    resume(&mut status, world.now);
    let mut status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    agree_to_others(&mut status);
    resume(&mut status, world.now);
    assert_eq!(world.run(&spec, status, ended).phase, Phase::Complete);
}

#[test]
fn a_weight_of_another_that_is_put_back_lets_the_migration_go_on() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    world.knobs.insert("blue".into(), Weight::new(77));
    let mut status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    resume(&mut status, world.now);
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert_eq!(reason(&status), "ForeignChange", "77 still stands");
    let put_back = status.groups[0].cluster(&"blue".into()).unwrap().foreign.unwrap().instead_of.unwrap();
    world.knobs.insert("blue".into(), put_back);
    let mut status = world.round(&spec, &status);
    resume(&mut status, world.now);
    assert_eq!(world.run(&spec, status, ended).phase, Phase::Complete);
}

/// One look at two groups, of which every hop shows the same weight.
fn look(weights: [(u8, u8); 2]) -> Seen {
    let seen = |weight: u8| {
        let hops = [hop::DECLARED, hop::RECORD, hop::NAME_SERVERS]
            .map(|name| HopSeen::new(name, Some(Weight::new(weight))));
        ClusterSeen { hops: hops.to_vec(), evaluates_target_health: Some(true) }
    };
    let groups = ["team/first", "team/second"].into_iter().zip(weights).map(|(name, (blue, green))| {
        let clusters = BTreeMap::from([("blue".into(), seen(blue)), ("green".into(), seen(green))]);
        (name.into(), GroupSeen { clusters, ttl_seconds_max: Some(TTL_SECONDS) })
    });
    let passed = |group: &str, cluster: &str| PreflightSeen {
        group: group.into(),
        cluster: cluster.into(),
        at: UnixMillis(u64::MAX),
        outcome: CheckOutcome::Passed,
    };
    let preflights = ["team/first", "team/second"].map(|group| passed(group, "blue"));
    let leases = LeasesSeen { source: true, all: true };
    Seen { groups: groups.collect(), leases, preflights: preflights.to_vec(), ..Seen::default() }
}

#[test]
fn a_way_back_returns_the_groups_that_nobody_else_has_been_at() {
    let mut spec = mk_spec(&["50%", "100%"]);
    let admitted = ["team/first", "team/second"].map(|name| Admitted {
        group: name.into(),
        hosts: Vec::new(),
        weights: BTreeMap::from([("blue".into(), Weight::new(100)), ("green".into(), Weight::ZERO)]),
    });
    let mut now = UnixMillis(1_000);
    let mut status = start(&spec, admitted.to_vec(), now);
    let mut weights = [(50, 50), (50, 50)];
    status = step(&spec, &status, &look(weights), now).status;
    weights[0].0 = 77;
    status = step(&spec, &status, &look(weights), now).status;
    assert_eq!((status.phase, reason(&status)), (Phase::Paused, "ForeignChange"));

    spec.wish = Wish::Rollback;
    let mut written = Vec::new();
    for _ in 0..100 {
        now = now.after(Duration::from_secs(1));
        let mut seen = look(weights);
        let answers = |group: &str| GateSeen {
            gate: "http".into(),
            group: group.into(),
            cluster: "blue".into(),
            at: now,
            outcome: CheckOutcome::Passed,
        };
        seen.gates = vec![answers("team/first"), answers("team/second")];
        let plan = step(&spec, &status, &seen, now);
        status = plan.status;
        for action in plan.actions {
            let Action::Write { group, cluster, weight, .. } = action else { continue };
            let of_group = &mut weights[usize::from(group == "team/second".into())];
            *(if cluster.0 == "blue" { &mut of_group.0 } else { &mut of_group.1 }) = weight.get();
            written.push((group.0, cluster.0, weight.get()));
        }
    }
    let second = |cluster: &str, weight: u8| ("team/second".to_owned(), cluster.to_owned(), weight);
    assert_eq!(written, [second("blue", 100), second("green", 0)]);
    assert_eq!((status.phase, reason(&status)), (Phase::Paused, "ForeignChange"), "one group is left");
    let message = &status.failure.as_ref().unwrap().message;
    assert!(message.starts_with("team/first in blue: the weight is 77"), "{message}");
    let begun = status.steps.iter().filter(|step| step.target == "rollback").count();
    assert_eq!(begun, 1, "{:?}", status.history);

    // What it may be brought back from is what was shown, nothing else.
    agree_to_others(&mut status);
    let plan = step(&spec, &status, &look(weights), now);
    let writes = |plan: &Plan| plan.actions.iter().any(|action| matches!(action, Action::Write { .. }));
    assert!(plan.status.phase == Phase::RollingBack && writes(&plan), "{:?}", plan.actions);
    weights[0].0 = 78;
    let plan = step(&spec, &status, &look(weights), now);
    assert!(plan.status.phase == Phase::Paused && !writes(&plan), "{:?}", plan.actions);
}

#[test]
fn what_keeps_a_weight_from_being_known_is_said() {
    let spec = mk_spec(&["50%", "100%"]);
    let admitted = Admitted {
        group: "team/first".into(),
        hosts: Vec::new(),
        weights: BTreeMap::from([("blue".into(), Weight::new(100)), ("green".into(), Weight::ZERO)]),
    };
    let now = UnixMillis(1_000);
    let status = start(&spec, vec![admitted], now);
    let mut seen = look([(100, 0), (100, 0)]);
    let first = seen.groups.get_mut(&"team/first".into()).unwrap();
    let record = &mut first.clusters.get_mut(&"blue".into()).unwrap().hops[1];
    (record.value, record.note) = (None, Some("its records to agree (90 and 100 now)".to_owned()));
    let plan = step(&spec, &status, &seen, now);
    assert_eq!(plan.waiting_for[0], "team/first in blue: its records to agree (90 and 100 now)");
    // Nobody has looked yet: nothing is out of reach.
    let seen = Seen { leases: seen.leases, ..Seen::default() };
    let plan = step(&spec, &status, &seen, now);
    assert_eq!(plan.waiting_for[0], "team/first in blue: its weight to be read");
}
