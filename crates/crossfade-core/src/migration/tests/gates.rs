//! Gates other than http, and what follows from them.

use super::*;

fn mk_gate(kind: GateKind) -> Gate {
    Gate { inconclusive_max: Duration::from_secs(20), ..Gate::new(kind) }
}

fn mk_spec_with(steps: &[&str], gate: Gate) -> Spec {
    let mut spec = mk_spec(steps);
    spec.gates.push(gate);
    spec
}

fn reason(status: &Status) -> &str {
    status.failure.as_ref().map_or("none", |failure| failure.reason.as_str())
}

#[test]
fn a_failing_gate_of_any_kind_leads_back() {
    for kind in [GateKind::Dns, GateKind::Kubernetes] {
        let gate = mk_gate(kind);
        let (mut world, spec) = (World::new(100, 0), mk_spec_with(&["10%", "100%"], gate.clone()));
        let name: &'static str = if kind == GateKind::Dns { "dns" } else { "kubernetes" };
        world.other_gate = Some((name, CheckOutcome::Passed));
        let status = world.begin(&spec);
        let status = world.run(&spec, status, |status| status.step == 1);
        world.other_gate = Some((name, CheckOutcome::Failed("no ready pods".into())));
        let status = world.run(&spec, status, |status| status.phase.is_end());
        assert_eq!((status.phase, reason(&status)), (Phase::RolledBack, "GateFailed"));
        assert_eq!(world.knobs[&"blue".into()], Weight::new(100));
    }
}

#[test]
fn a_gate_that_never_passed_is_waited_for() {
    let (mut world, spec) = (World::new(100, 0), mk_spec_with(&["100%"], mk_gate(GateKind::Dns)));
    let mut status = world.begin(&spec);
    for _ in 0..150 {
        status = world.round(&spec, &status);
    }
    assert_eq!((status.phase, status.stage), (Phase::Progressing, Stage::Proving));
}

#[test]
fn a_gate_that_says_nothing_for_long_pauses() {
    let (mut world, spec) = (World::new(100, 0), mk_spec_with(&["10%", "100%"], mk_gate(GateKind::Dns)));
    world.other_gate = Some(("dns", CheckOutcome::Unknown("no answer".into())));
    let status = world.begin(&spec);
    let began = world.now;
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert_eq!(reason(&status), "GateInconclusive");
    assert!(world.now.since(began) >= Duration::from_secs(20));
    assert_eq!(world.knobs[&"green".into()], Weight::new(10), "weights stay");
}

#[test]
fn a_dry_run_gate_is_reported_and_nothing_follows() {
    let gate = Gate { dry_run: true, ..mk_gate(GateKind::Kubernetes) };
    let (mut world, spec) = (World::new(100, 0), mk_spec_with(&["100%"], gate));
    world.other_gate = Some(("kubernetes", CheckOutcome::Failed("no ready pods".into())));
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.phase.is_end());
    assert_eq!(status.phase, Phase::Complete);
    let reported = status.history.iter().filter(|entry| entry.reason == "DryRunGateFailed").count();
    assert_eq!(reported, 1);
}

#[test]
fn failures_within_the_initial_delay_have_no_consequence() {
    let gate = Gate { initial_delay: Duration::from_secs(5), ..mk_gate(GateKind::Kubernetes) };
    let (mut world, spec) = (World::new(100, 0), mk_spec_with(&["100%"], gate));
    world.other_gate = Some(("kubernetes", CheckOutcome::Failed("starting".into())));
    let mut status = world.begin(&spec);
    let began = world.now;
    while world.now.since(began) < Duration::from_secs(4) {
        status = world.round(&spec, &status);
        assert_eq!(status.phase, Phase::Progressing);
    }
    let mut other = status.clone();
    world.other_gate = Some(("kubernetes", CheckOutcome::Passed));
    status = world.run(&spec, status, |status| status.phase.is_end());
    assert_eq!(status.phase, Phase::Complete);
    // The same, still failing when the delay is over.
    let mut late = World::new(0, 100);
    late.now = world.now;
    late.other_gate = Some(("kubernetes", CheckOutcome::Failed("still starting".into())));
    for _ in 0..3 {
        other = late.round(&spec, &other);
    }
    assert_eq!(reason(&other), "GateFailed");
}

#[test]
fn a_manual_gate_waits_before_each_further_step() {
    let (mut world, mut spec) =
        (World::new(100, 0), mk_spec_with(&["10%", "50%", "100%"], mk_gate(GateKind::Manual)));
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::AwaitingPromotion);
    assert_eq!((status.step, world.knobs[&"green".into()]), (0, Weight::new(10)));
    spec.promotions = 1;
    let status =
        world.run(&spec, status, |status| status.step == 1 && status.stage == Stage::AwaitingPromotion);
    assert_eq!(world.knobs[&"green".into()], Weight::new(50));
    spec.promotions = 2;
    let status = world.run(&spec, status, |status| status.phase.is_end());
    assert_eq!(status.phase, Phase::Complete);
}

#[test]
fn a_source_that_fails_is_left_though_its_share_comes_by_itself() {
    let (mut world, spec) = (World::new(100, 0), mk_spec(&["10%", "100%"]));
    let status = world.begin(&spec);
    // Route 53 leaves blue out as soon as green has a weight: every draw names green.
    world.blue_answers = false;
    world.unhealthy_blue = true;
    let status = world.run(&spec, status, |status| status.phase.is_end());
    assert_eq!(status.phase, Phase::Complete);
}

#[test]
fn a_step_says_how_much_of_its_time_was_its_own() {
    let (mut world, spec) = (World::new(100, 0), mk_spec(&["10%", "100%"]));
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.phase.is_end());
    for step in &status.steps {
        let own = step.own_millis.unwrap();
        assert!(own <= 1_000, "{}: {own} ms", step.target);
        assert!(step.proven_at.unwrap().since(step.began_at) > Duration::from_secs(u64::from(TTL_SECONDS)));
    }
}

#[test]
fn what_failed_last_has_to_pass_anew_after_a_pause() {
    let (mut world, spec) = (World::new(100, 0), mk_spec(&["50%", "100%"]));
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.stage == Stage::Baking);
    world.green_answers = false;
    status = world.round(&spec, &status);
    let green =
        |status: &Status| status.groups[0].cluster(&"green".into()).unwrap().gate("http").cloned().unwrap();
    assert!(green(&status).failures == 1 && green(&status).passed_at.is_some());
    status.phase = Phase::Paused;
    resume(&mut status, world.now);
    assert_eq!((green(&status).failures, green(&status).passed_at), (0, None));
}
