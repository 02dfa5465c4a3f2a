//! Scenarios of the engine in a small world: a knob, a DNS controller that follows, name servers that lag.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::{ClusterName, GroupName, UnixMillis, Weight};

mod counts;
mod gates;
mod holding;
mod properties;
mod stuck;

const TICK: Duration = Duration::from_millis(100);
const TTL_SECONDS: u32 = 3;
/// Ticks from the knob to the record, and from the record to the last name server.
const LAG: usize = 3;

fn mk_spec(steps: &[&str]) -> Spec {
    Spec {
        from: "blue".into(),
        to: "green".into(),
        steps: steps.iter().map(|step| step.parse().unwrap()).collect(),
        on_failure: OnFailure::Rollback,
        wish: Wish::Advance,
        bake: Duration::ZERO,
        keep_warm: Duration::ZERO,
        draws: 1_000,
        error_level: Spec::ERROR_LEVEL,
        gates: [GateKind::Http, GateKind::Traffic].map(Gate::new).to_vec(),
        residual: None,
        without: None,
        force: false,
        promotions: 0,
        promote_to_end: false,
    }
}

fn mk_candidate(blue: Result<u8, &str>, green: Result<u8, &str>) -> Candidate {
    let cluster = |name: &str, weight: Result<u8, &str>| CandidateCluster {
        hosts: vec!["burnham.example.org".into()],
        weight: weight.map(Weight::new).map_err(ToOwned::to_owned),
        set_identifier: Some(name.to_owned()),
        kept_by: None,
        load_balancer: Some(format!("lb-{name}")),
        persistent_volumes: Vec::new(),
        port: Some(Port { number: 443, tls: true }),
        stuck: Vec::new(),
    };
    let clusters =
        BTreeMap::from([("blue".into(), cluster("blue", blue)), ("green".into(), cluster("green", green))]);
    Candidate {
        group: "team-burnham/burnham-ingress".into(),
        clusters,
        hosts_outside_zone: Vec::new(),
        foreign_records: Vec::new(),
        missing_keys: Vec::new(),
    }
}

/// One group in two clusters, with everything that happens to it.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the world")]
struct World {
    now: UnixMillis,
    knobs: BTreeMap<ClusterName, Weight>,
    /// Past knob values, newest first: later hops show older ones.
    trail: BTreeMap<ClusterName, Vec<Weight>>,
    green_answers: bool,
    blue_answers: bool,
    blue_readable: bool,
    green_readable: bool,
    /// Draws ignore the weights and all go to blue.
    draws_stuck: bool,
    /// Route 53 leaves blue out while another has a weight.
    unhealthy_blue: bool,
    /// Where an Application is stuck, and the weight at which it holds one host back.
    stuck: BTreeMap<ClusterName, Weight>,
    /// What a gate of another name than `http` says of green, if it says anything.
    other_gate: Option<(&'static str, CheckOutcome)>,
    leases: LeasesSeen,
    writes: Vec<(ClusterName, u8)>,
    pending: Seen,
}

impl World {
    fn new(blue: u8, green: u8) -> Self {
        let knobs =
            BTreeMap::from([("blue".into(), Weight::new(blue)), ("green".into(), Weight::new(green))]);
        World {
            now: UnixMillis(1_000_000),
            trail: knobs
                .iter()
                .map(|(name, w): (&ClusterName, &Weight)| (name.clone(), vec![*w; 2 * LAG + 1]))
                .collect(),
            knobs,
            green_answers: true,
            blue_answers: true,
            blue_readable: true,
            green_readable: true,
            draws_stuck: false,
            unhealthy_blue: false,
            stuck: BTreeMap::new(),
            other_gate: None,
            leases: LeasesSeen { source: true, all: true },
            writes: Vec::new(),
            pending: Seen::default(),
        }
    }

    fn answers(&self, cluster: &ClusterName) -> CheckOutcome {
        let good = if cluster.0 == "blue" { self.blue_answers } else { self.green_answers };
        if good { CheckOutcome::Passed } else { CheckOutcome::Failed("500".into()) }
    }

    fn seen(&mut self) -> Seen {
        let mut seen = std::mem::take(&mut self.pending);
        seen.leases = self.leases;
        let group: GroupName = "team-burnham/burnham-ingress".into();
        let mut clusters = BTreeMap::new();
        for (name, trail) in &self.trail {
            let readable = if name.0 == "blue" { self.blue_readable } else { self.green_readable };
            let hop = |name: &str, lag: usize| HopSeen::new(name, readable.then(|| trail[lag]));
            let hops = vec![hop(hop::DECLARED, 0), hop(hop::RECORD, LAG), hop(hop::NAME_SERVERS, 2 * LAG)];
            let hops = stuck::let_stick(self.stuck.get(name), hops);
            clusters.insert(name.clone(), ClusterSeen { hops, evaluates_target_health: Some(true) });
            seen.gates.push(GateSeen {
                gate: "http".into(),
                group: group.clone(),
                cluster: name.clone(),
                at: self.now,
                outcome: self.answers(name),
            });
        }
        if let Some((gate, outcome)) = &self.other_gate {
            seen.gates.push(GateSeen {
                gate: (*gate).to_owned(),
                group: group.clone(),
                cluster: "green".into(),
                at: self.now,
                outcome: outcome.clone(),
            });
        }
        seen.groups.insert(group, GroupSeen { clusters, ttl_seconds_max: Some(TTL_SECONDS) });
        seen
    }

    fn act(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Write { cluster, weight, replaces, .. } => {
                    if self.knobs[cluster] == *replaces {
                        self.check_write(cluster, *weight);
                        self.knobs.insert(cluster.clone(), *weight);
                        self.writes.push((cluster.clone(), weight.get()));
                    }
                }
                Action::Preflight { group, cluster } => self.pending.preflights.push(PreflightSeen {
                    group: group.clone(),
                    cluster: cluster.clone(),
                    at: self.now,
                    outcome: self.answers(cluster),
                }),
                Action::Draw { group, draws } => {
                    let draws = self.draw(group, *draws);
                    self.pending.draws.push(draws);
                }
            }
        }
    }

    /// Invariants I1 and I2, from outside the engine.
    fn check_write(&self, cluster: &ClusterName, weight: Weight) {
        if weight.is_zero() {
            let served = self
                .trail
                .iter()
                .any(|(other, trail)| other != cluster && trail.iter().all(|w| !w.is_zero()));
            assert!(served, "{cluster} went to 0 with no other cluster settled above 0");
        }
    }

    fn draw(&self, group: &GroupName, draws: u64) -> DrawsSeen {
        let mut at_servers: BTreeMap<&ClusterName, u64> =
            self.trail.iter().map(|(name, trail)| (name, u64::from(trail[2 * LAG].get()))).collect();
        if self.unhealthy_blue && at_servers.values().filter(|weight| **weight > 0).count() > 1 {
            at_servers.insert(self.knobs.get_key_value(&"blue".into()).unwrap().0, 0);
        }
        let sum: u64 = at_servers.values().sum();
        let counts = at_servers
            .into_iter()
            .map(|(name, weight)| {
                let fair = draws * weight / sum;
                let stuck = if name.0 == "blue" { draws } else { 0 };
                (name.clone(), if self.draws_stuck { stuck } else { fair })
            })
            .collect();
        DrawsSeen { group: group.clone(), at: self.now, counts, unknown: 0, unanswered: 0 }
    }

    fn tick(&mut self) {
        self.now = self.now.after(TICK);
        for (name, trail) in &mut self.trail {
            trail.insert(0, self.knobs[name]);
            trail.truncate(2 * LAG + 1);
        }
    }

    fn round(&mut self, spec: &Spec, status: &Status) -> Status {
        let seen = self.seen();
        let plan = step(spec, status, &seen, self.now);
        assert!(!plan.actions.is_empty() || !plan.waiting_for.is_empty(), "a plan that waits says for what");
        self.act(&plan.actions);
        self.tick();
        plan.status
    }

    fn run(&mut self, spec: &Spec, status: Status, until: impl Fn(&Status) -> bool) -> Status {
        let mut status = status;
        for _ in 0..2_000 {
            if until(&status) {
                return status;
            }
            status = self.round(spec, &status);
        }
        panic!("not reached in 200 s of the world's time: {:?} {:?}", status.phase, status.stage);
    }

    fn begin(&self, spec: &Spec) -> Status {
        let weight = |name: &str| Ok(self.knobs[&ClusterName::from(name)].get());
        let admitted =
            admit(spec, &Selection::All, vec![mk_candidate(weight("blue"), weight("green"))]).unwrap();
        start(spec, admitted, self.now)
    }

    fn written(&self) -> Vec<(&str, u8)> {
        self.writes.iter().map(|(name, weight)| (name.0.as_str(), *weight)).collect()
    }
}

fn ended(status: &Status) -> bool {
    status.phase.is_end()
}

#[test]
fn moves_everything_in_steps() {
    let spec = mk_spec(&["10%", "50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, ended);
    assert_eq!(status.phase, Phase::Complete);
    let expected = [("green", 10), ("blue", 90), ("green", 50), ("blue", 50), ("green", 100), ("blue", 0)];
    assert_eq!(world.written(), expected);
    assert!(status.drained_at.is_some());
    assert!(status.steps.iter().all(|step| step.settled_at.is_some() && step.proven_at > step.settled_at));
}

#[test]
fn a_pause_waits_for_a_person() {
    let mut spec = mk_spec(&["10%", "pause", "50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.stage == Stage::AwaitingPromotion);
    for _ in 0..100 {
        status = world.round(&spec, &status);
    }
    assert_eq!(world.written(), [("green", 10), ("blue", 90)]);
    spec.promotions = 1;
    let status = world.run(&spec, status, ended);
    assert_eq!((status.phase, status.steps.len()), (Phase::Complete, 3));
}

#[test]
fn promoting_to_the_end_skips_the_steps_between() {
    let mut spec = mk_spec(&["10%", "pause", "50%", "pause", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::AwaitingPromotion);
    (spec.promotions, spec.promote_to_end) = (1, true);
    let status = world.run(&spec, status, ended);
    assert_eq!(status.phase, Phase::Complete);
    assert_eq!(world.written(), [("green", 10), ("blue", 90), ("green", 100), ("blue", 0)]);
}

#[test]
fn a_destination_that_fails_during_a_pause_leads_back() {
    let spec = mk_spec(&["10%", "pause", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::AwaitingPromotion);
    world.green_answers = false;
    assert_eq!(world.run(&spec, status, ended).phase, Phase::RolledBack);
}

#[test]
fn waits_for_the_ttl_before_it_goes_on() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.step == 1);
    let first = &status.steps[0];
    assert!(first.proven_at.unwrap().since(first.settled_at.unwrap()) >= Duration::from_secs(2));
}

#[test]
fn returns_when_the_destination_fails() {
    let spec = mk_spec(&["10%", "50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.step == 1 && status.stage == Stage::Proving);
    world.green_answers = false;
    let status = world.run(&spec, status, ended);
    assert_eq!(status.phase, Phase::RolledBack);
    assert_eq!(status.failure.unwrap().reason, "GateFailed");
    assert_eq!(world.knobs, World::new(100, 0).knobs);
}

#[test]
fn failures_that_are_not_in_a_row_fail_nothing() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.stage == Stage::Proving);
    // Two bad observations, then a good one, again and again.
    for round in 0..600 {
        world.green_answers = round % 3 == 0;
        status = world.round(&spec, &status);
        if ended(&status) {
            break;
        }
    }
    assert_eq!(status.phase, Phase::Complete);
}

#[test]
fn pauses_instead_when_asked_to() {
    let spec = Spec { on_failure: OnFailure::Pause, ..mk_spec(&["50%", "100%"]) };
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Proving);
    world.green_answers = false;
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert_eq!(world.written(), [("green", 50), ("blue", 50)]);
    assert_eq!(status.failure.unwrap().reason, "GateFailed");
}

#[test]
fn does_not_raise_what_fails_preflight() {
    let spec = mk_spec(&["100%"]);
    let mut world = World::new(100, 0);
    world.green_answers = false;
    let status = world.begin(&spec);
    let status = world.run(&spec, status, ended);
    assert_eq!(status.phase, Phase::RolledBack);
    assert!(world.writes.is_empty(), "{:?}", world.writes);
}

#[test]
fn holds_when_both_sides_fail() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.stage == Stage::Proving);
    world.green_answers = false;
    world.blue_answers = false;
    let writes = world.writes.len();
    for _ in 0..100 {
        status = world.round(&spec, &status);
    }
    assert_eq!((status.phase, world.writes.len()), (Phase::Progressing, writes));
}

#[test]
fn unknown_holds() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let mut status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    world.blue_readable = false;
    for _ in 0..100 {
        status = world.round(&spec, &status);
    }
    assert_eq!((status.phase, status.step), (Phase::Progressing, 0));
    world.blue_readable = true;
    assert_eq!(world.run(&spec, status, ended).phase, Phase::Complete);
}

#[test]
fn a_rollback_that_begins_blind_knows_its_own_weights_again() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.step == 1);
    // Before the source can be told to give its last half, it is out of reach, and the destination breaks.
    world.blue_readable = false;
    let status = world.round(&spec, &status);
    world.green_answers = false;
    let status = world.run(&spec, status, |status| status.phase == Phase::RollingBack);
    world.blue_readable = true;
    let status = world.run(&spec, status, ended);
    assert_eq!((status.phase, &world.knobs), (Phase::RolledBack, &World::new(100, 0).knobs));
}

#[test]
fn does_nothing_without_leases() {
    let spec = mk_spec(&["100%"]);
    let mut world = World::new(100, 0);
    world.leases.all = false;
    let mut status = world.begin(&spec);
    for _ in 0..50 {
        status = world.round(&spec, &status);
    }
    assert!(world.writes.is_empty());
}

#[test]
fn draws_that_contradict_the_weights_roll_back() {
    let spec = mk_spec(&["10%", "100%"]);
    let mut world = World::new(100, 0);
    world.draws_stuck = true;
    let status = world.begin(&spec);
    let status = world.run(&spec, status, ended);
    assert_eq!(status.failure.unwrap().reason, "RatioTestFailed");
    assert_eq!(status.phase, Phase::RolledBack);
}

#[test]
fn a_foreign_write_pauses() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    world.knobs.insert("blue".into(), Weight::new(77));
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert_eq!(status.failure.unwrap().reason, "ForeignChange");
    assert_eq!(world.knobs[&ClusterName::from("blue")], Weight::new(77));
}

#[test]
fn a_write_that_is_reverted_pauses() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Proving);
    world.knobs.insert("green".into(), Weight::ZERO);
    let status = world.run(&spec, status, |status| status.phase == Phase::Paused);
    assert_eq!(status.failure.unwrap().reason, "ForeignChange");
}

#[test]
fn the_user_can_roll_back_at_every_stage() {
    let spec = mk_spec(&["10%", "50%", "100%"]);
    for round in 0..220 {
        let mut world = World::new(100, 0);
        let mut status = world.begin(&spec);
        for _ in 0..round {
            status = world.round(&spec, &status);
        }
        if ended(&status) {
            assert!(round > 60, "the migration ended after {round} rounds");
            break;
        }
        let back = Spec { wish: Wish::Rollback, ..spec.clone() };
        let status = world.run(&back, status, ended);
        assert_eq!(status.phase, Phase::RolledBack, "after {round} rounds");
        assert_eq!(world.knobs, World::new(100, 0).knobs, "after {round} rounds");
    }
}

#[test]
fn a_crash_between_status_and_writes_changes_nothing() {
    let spec = mk_spec(&["10%", "50%", "100%"]);
    let mut world = World::new(100, 0);
    let mut status = world.begin(&spec);
    let mut round = 0;
    while !ended(&status) {
        round += 1;
        let seen = world.seen();
        let plan = step(&spec, &status, &seen, world.now);
        // Every third round the driver dies: before it kept the status, or after, but before it acted.
        match round % 3 {
            0 => {}
            1 if round % 2 == 0 => status = plan.status,
            _ => {
                status = plan.status;
                world.act(&plan.actions);
            }
        }
        world.tick();
        assert!(round < 2_000, "no end: {:?} {:?}", status.phase, status.stage);
    }
    assert_eq!(status.phase, Phase::Complete);
    assert_eq!(world.knobs, World::new(0, 100).knobs);
}

#[test]
fn status_survives_being_kept() {
    let spec = mk_spec(&["50%", "100%"]);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.step == 1);
    let kept = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&kept).unwrap(), status);
}

#[test]
fn what_was_moved_before_is_left_out_of_all() {
    let spec = mk_spec(&["100%"]);
    let mut moved = mk_candidate(Ok(0), Ok(100));
    moved.group = "moved/before".into();
    let both = vec![mk_candidate(Ok(100), Ok(0)), moved.clone()];
    let admitted = admit(&spec, &Selection::All, both.clone()).unwrap();
    assert_eq!(admitted.len(), 1);
    assert_ne!(admitted[0].group, moved.group);
    // Who is asked for by name is not left out without a word.
    let named = Selection::Groups(both.iter().map(|candidate| candidate.group.clone()).collect());
    assert!(matches!(admit(&spec, &named, both).unwrap_err()[..], [Refusal::NothingToMove { .. }]));
}

#[test]
fn steps_that_fall_are_found() {
    let fall = |steps: &[&str]| {
        let steps: Vec<StepTarget> = steps.iter().map(|step| step.parse().unwrap()).collect();
        StepTarget::first_fall(&steps).map(|step| step.to_string())
    };
    assert_eq!(fall(&["10%", "pause", "50%", "50%", "100%"]), None);
    assert_eq!(fall(&["100/100", "0/100"]), None);
    assert_eq!(fall(&["50%", "pause", "10%"]).as_deref(), Some("10%"));
    assert_eq!(fall(&["60%", "100/100", "100%"]).as_deref(), Some("100/100"));
}

#[test]
fn refuses_bad_groups_by_name() {
    let spec = mk_spec(&["100%"]);
    let refuse = |candidate| admit(&spec, &Selection::All, vec![candidate]).unwrap_err();
    assert!(matches!(refuse(mk_candidate(Ok(0), Ok(0)))[0], Refusal::AllZero { .. }));
    assert!(matches!(refuse(mk_candidate(Ok(100), Err("`300` is no weight")))[0], Refusal::BadWeight { .. }));
    assert!(matches!(refuse(mk_candidate(Ok(0), Ok(100)))[0], Refusal::NothingToMove { .. }));

    let mut alone = mk_candidate(Ok(100), Ok(0));
    alone.clusters.remove(&ClusterName::from("green"));
    assert!(matches!(refuse(alone)[0], Refusal::HostInOneCluster { .. }));

    let mut kept = mk_candidate(Ok(100), Ok(0));
    kept.clusters.get_mut(&ClusterName::from("green")).unwrap().kept_by = Some("Argo CD".into());
    assert!(matches!(refuse(kept)[0], Refusal::KeptByAgent { .. }));
    let mut swapped = mk_candidate(Ok(100), Ok(0));
    for (cluster, identifier) in [("blue", "eks-blueprint-green"), ("green", "eks-blueprint-blue")] {
        swapped.clusters.get_mut(&cluster.into()).unwrap().set_identifier = Some(identifier.to_owned());
    }
    assert!(matches!(refuse(swapped)[0], Refusal::SwappedClusters { .. }));
    let mut elsewhere = mk_candidate(Ok(100), Ok(0));
    elsewhere.clusters.get_mut(&"green".into()).unwrap().port = Some(Port { number: 80, tls: false });
    assert!(matches!(refuse(elsewhere)[0], Refusal::OtherPort { .. }));
    assert!(matches!(admit(&spec, &Selection::All, vec![]).unwrap_err()[0], Refusal::NothingFound(_)));
}

#[test]
fn refuses_to_split_a_group() {
    let spec = mk_spec(&["100%"]);
    let mut candidate = mk_candidate(Ok(100), Ok(0));
    for cluster in candidate.clusters.values_mut() {
        cluster.hosts.push("www.example.org".into());
    }
    let chosen = Selection::Hosts(vec!["www.example.org".into()]);
    let refusals = admit(&spec, &chosen, vec![candidate]).unwrap_err();
    let text = refusals[0].to_string();
    assert!(text.contains("www.example.org was chosen, burnham.example.org was not"), "{text}");
}

#[test]
fn a_cluster_that_was_given_up_is_not_waited_for() {
    let (mut world, mut spec) = (World::new(100, 0), mk_spec(&["50%", "100%"]));
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Baking);
    world.green_readable = false;
    world.leases = LeasesSeen { source: true, all: false };
    spec.wish = Wish::Rollback;
    let mut status = world.run(&spec, status, |_| true);
    for _ in 0..200 {
        status = world.round(&spec, &status);
    }
    assert_eq!((status.phase, world.knobs[&"blue".into()].get()), (Phase::RollingBack, 100));
    spec.without = Some("green".into());
    let status = world.run(&spec, status, |status| status.phase.is_end());
    assert_eq!(status.phase, Phase::RolledBack);
}
