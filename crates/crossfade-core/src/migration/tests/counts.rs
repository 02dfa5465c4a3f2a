//! What load balancers count: in wide bands, in windows after the TTL, and when the source is drained.

use super::*;

/// One period of the load balancers of these tests.
const PERIOD: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(30);

fn mk_counted(steps: &[&str]) -> Spec {
    let mut spec = mk_spec(steps);
    for gate in spec.gates.iter_mut().filter(|gate| gate.kind == GateKind::Traffic) {
        gate.share_tolerance_percent = Some(Gate::SHARE_TOLERANCE_PERCENT);
        gate.inconclusive_max = Duration::from_secs(20);
    }
    spec
}

fn mk_residual(per_minute: u32) -> Spec {
    Spec { residual: Some(Residual { per_minute, deadline: DEADLINE }), ..mk_spec(&["50%", "100%"]) }
}

/// Rounds in which both load balancers count every second: blue's requests, then green's.
fn run_counting(
    world: &mut World,
    spec: &Spec,
    mut status: Status,
    counts: impl Fn(&World) -> Option<(u64, u64)>,
    until: impl Fn(&Status) -> bool,
) -> Status {
    for _ in 0..2_000 {
        if until(&status) {
            return status;
        }
        let is_full = world.now.0.is_multiple_of(u64::try_from(PERIOD.as_millis()).unwrap());
        if let Some((blue, green)) = counts(world).filter(|_| is_full) {
            for (cluster, requests) in [("blue", blue), ("green", green)] {
                let period = LoadSeen {
                    group: "team-burnham/burnham-ingress".into(),
                    cluster: cluster.into(),
                    requests,
                    seconds: 1,
                    until: world.now,
                };
                // Whoever asks gets the same periods again.
                world.pending.loads.extend([period.clone(), period]);
            }
        }
        status = world.round(spec, &status);
    }
    panic!("not reached in 200 s of the world's time: {:?} {:?}", status.phase, status.stage);
}

/// Requests as the weights at the last name server let expect.
fn fair(world: &World) -> (u64, u64) {
    let weight = |name: &str| u64::from(world.trail[&name.into()][2 * LAG].get());
    (weight("blue") * 5, weight("green") * 5)
}

#[test]
fn counts_that_agree_let_every_step_through() {
    let (mut world, spec) = (World::new(100, 0), mk_counted(&["50%", "100%"]));
    let status = world.begin(&spec);
    let status = run_counting(&mut world, &spec, status, |world| Some(fair(world)), ended);
    assert_eq!(status.phase, Phase::Complete);
    let group = &status.groups[0];
    assert_eq!(group.cluster(&"green".into()).unwrap().load.unwrap().requests, 500);
    // 500 requests a second: two periods make a window, after each step's TTL.
    for step in &status.steps {
        let waited = step.proven_at.unwrap().since(step.settled_at.unwrap());
        assert!(waited >= Duration::from_secs(u64::from(TTL_SECONDS) + 1), "{waited:?}");
        assert!(step.own_millis.unwrap() <= 1_000, "waiting for counts is not the engine's own time");
    }
}

#[test]
fn three_windows_far_off_lead_back() {
    let (mut world, spec) = (World::new(100, 0), mk_counted(&["50%", "100%"]));
    let status = world.begin(&spec);
    let all_to_blue = |_: &World| Some((1_200, 0));
    let status =
        run_counting(&mut world, &spec, status, all_to_blue, |status| status.phase == Phase::RollingBack);
    let failure = status.failure.clone().unwrap();
    assert_eq!(failure.reason, "GateFailed");
    assert!(failure.message.contains("0 % of 1200 requests went to green, 50 % expected"), "{failure:?}");
    let since_ttl = world.now.since(status.steps[0].settled_at.unwrap());
    assert!(since_ttl >= Duration::from_secs(u64::from(TTL_SECONDS)) + 2 * PERIOD, "{since_ttl:?}");
    assert_eq!(world.run(&spec, status, ended).phase, Phase::RolledBack);
}

#[test]
fn one_window_in_the_band_ends_the_row() {
    let (mut world, spec) = (World::new(100, 0), mk_counted(&["50%"]));
    let status = world.begin(&spec);
    let second_of = |world: &World| (world.now.0 / 1_000) % 3;
    let two_of_three = |world: &World| Some(if second_of(world) == 0 { (600, 600) } else { (1_200, 0) });
    let status = run_counting(&mut world, &spec, status, two_of_three, ended);
    assert_eq!(status.phase, Phase::Complete);
}

#[test]
fn the_band_is_wide() {
    let (mut world, spec) = (World::new(100, 0), mk_counted(&["50%"]));
    let status = world.begin(&spec);
    let status = run_counting(&mut world, &spec, status, |_| Some((780, 420)), ended);
    assert_eq!(status.phase, Phase::Complete);
}

#[test]
fn too_few_requests_or_none_known_pause_in_the_end() {
    for (counts, words) in [(Some((1, 1)), "of 1000 requests counted"), (None, "no counts of its load")] {
        let (mut world, spec) = (World::new(100, 0), mk_counted(&["50%", "100%"]));
        let status = world.begin(&spec);
        let began = world.now;
        let status =
            run_counting(&mut world, &spec, status, |_| counts, |status| status.phase == Phase::Paused);
        let failure = status.failure.unwrap();
        assert_eq!(failure.reason, "GateInconclusive");
        assert!(failure.message.contains(words), "{failure:?}");
        assert!(world.now.since(began) >= Duration::from_secs(20));
        assert_eq!(world.knobs[&"green".into()], Weight::new(50), "weights stay");
    }
}

#[test]
fn a_dry_run_of_counts_holds_nothing_up() {
    let mut spec = mk_counted(&["50%", "100%"]);
    for gate in &mut spec.gates {
        gate.dry_run = gate.kind == GateKind::Traffic;
    }
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = run_counting(&mut world, &spec, status, |_| Some((9_000, 0)), ended);
    assert_eq!(status.phase, Phase::Complete);
}

#[test]
fn a_source_that_still_gets_requests_is_drained_when_they_are_few() {
    let (mut world, spec) = (World::new(100, 0), mk_residual(120));
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.phase == Phase::Draining);
    let began = world.now;
    let overstayers =
        |world: &World| Some((if world.now.since(began) < Duration::from_secs(10) { 3 } else { 2 }, 1_000));
    let status = run_counting(&mut world, &spec, status, overstayers, ended);
    assert_eq!((status.phase, status.residual.as_deref()), (Phase::Complete, None));
    let waited = status.drained_at.unwrap().since(began);
    assert!((10..12).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn the_deadline_ends_the_wait_and_reports_what_is_left() {
    for (counts, words) in [
        (Some((5, 1_000)), "to fall from 300 to 120 requests a minute"),
        (None, "counts of the load balancer of team-burnham/burnham-ingress"),
    ] {
        let (mut world, spec) = (World::new(100, 0), mk_residual(120));
        let status = world.begin(&spec);
        let status = run_counting(&mut world, &spec, status, |_| counts, ended);
        assert_eq!(status.phase, Phase::Complete);
        let waited = status.drained_at.unwrap().since(status.steps[1].proven_at.unwrap());
        assert!((DEADLINE..DEADLINE + PERIOD).contains(&waited), "{waited:?}");
        let said = status.history.iter().find(|entry| entry.reason == "ResidualRequests").unwrap();
        assert!(said.message.contains(words), "{said:?}");
        assert_eq!(status.residual.as_ref(), Some(&said.message));
    }
}

#[test]
fn periods_from_before_the_ttl_do_not_drain() {
    let (mut world, spec) = (World::new(100, 0), mk_residual(120));
    let status = world.begin(&spec);
    let before_draining = |world: &World| {
        let blue = world.trail[&"blue".into()][2 * LAG];
        (!blue.is_zero()).then_some((0, 1_000))
    };
    let status = run_counting(&mut world, &spec, status, before_draining, ended);
    assert!(status.residual.is_some(), "silence before the weight was 0 says nothing");
}

#[test]
fn a_gate_that_fails_while_residual_requests_are_waited_for_leads_back() {
    let (mut world, spec) = (World::new(100, 0), mk_residual(120));
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.phase == Phase::Draining);
    world.green_answers = false;
    let status = run_counting(&mut world, &spec, status, |_| Some((100, 1_000)), ended);
    assert_eq!(status.phase, Phase::RolledBack);
}
