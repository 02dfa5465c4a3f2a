//! An Application that cannot be carried on: the way forth waits for it, the way back does not.

use super::*;

const APPLICATIONS: &str = "applications";
const TROUBLE: &str = "Application team-riker: ComparisonError: unclosed action";

/// One of two hosts stays at `held` after the Application is stuck.
pub(super) fn let_stick(held: Option<&Weight>, hops: Vec<HopSeen>) -> Vec<HopSeen> {
    let Some(held) = held.copied() else { return hops };
    let knob = hops[0].value;
    let mut path = hops.into_iter();
    let mut seen: Vec<HopSeen> = path.next().into_iter().collect();
    let note = Some(TROUBLE.to_owned());
    seen.push(HopSeen { stuck: true, note, ..HopSeen::new(APPLICATIONS, knob) });
    let split = |hop: HopSeen| HopSeen {
        value: hop.value.filter(|shown| *shown == held),
        floor: hop.value.filter(|shown| Some(*shown) == knob).map(|shown| shown.min(held)),
        ..hop
    };
    seen.extend(path.map(split));
    seen
}

fn weights(blue: u8, green: u8) -> BTreeMap<ClusterName, Weight> {
    World::new(blue, green).knobs
}

fn settles_at(steps: &[&str]) -> (World, Spec, Status) {
    let spec = mk_spec(steps);
    let mut world = World::new(100, 0);
    let status = world.begin(&spec);
    let status = world.run(&spec, status, |status| status.stage == Stage::Settling);
    (world, spec, status)
}

fn rounds(world: &mut World, spec: &Spec, mut status: Status) -> (Status, Vec<String>) {
    for _ in 0..200 {
        status = world.round(spec, &status);
    }
    let seen = world.seen();
    let waiting_for = step(spec, &status, &seen, world.now).waiting_for;
    (status, waiting_for)
}

#[test]
fn the_way_forth_waits_for_what_is_stuck_and_says_what_it_is() {
    let (mut world, spec, status) = settles_at(&["50%", "100%"]);
    world.stuck.insert("green".into(), Weight::new(50));
    let (status, waiting_for) = rounds(&mut world, &spec, status);
    assert_eq!((status.phase, status.step, status.stage), (Phase::Progressing, 0, Stage::Settling));
    assert_eq!(
        waiting_for,
        [format!("team-burnham/burnham-ingress in green: applications to show 50 ({TROUBLE})")]
    );
    world.stuck.clear();
    assert_eq!(world.run(&spec, status, ended).phase, Phase::Complete);
}

#[test]
fn what_is_stuck_in_both_clusters_at_their_first_weights_holds_no_return() {
    let (mut world, mut spec, status) = settles_at(&["100/50"]);
    world.stuck.insert("blue".into(), Weight::new(100));
    world.stuck.insert("green".into(), Weight::ZERO);
    let (status, _) = rounds(&mut world, &spec, status);
    spec.wish = Wish::Rollback;
    let status = world.run(&spec, status, ended);
    assert_eq!((status.phase, &world.knobs), (Phase::RolledBack, &weights(100, 0)));
}

#[test]
fn a_host_that_is_held_back_above_0_serves_while_all_else_returns() {
    let (mut world, mut spec, status) = settles_at(&["50%", "100%"]);
    world.stuck.insert("blue".into(), Weight::new(50));
    spec.wish = Wish::Rollback;
    let (status, waiting_for) = rounds(&mut world, &spec, status);
    assert_eq!((status.phase, &world.knobs), (Phase::RollingBack, &weights(100, 0)));
    assert_eq!(
        waiting_for,
        [format!(
            "team-burnham/burnham-ingress in blue: record to show 100 ({TROUBLE}); it follows when that is mended"
        )]
    );
    world.stuck.clear();
    assert_eq!(world.run(&spec, status, ended).phase, Phase::RolledBack);
}

#[test]
fn the_destination_keeps_its_weight_while_a_host_is_held_back_at_0() {
    let (mut world, mut spec, status) = settles_at(&["100%"]);
    let is_moved = |status: &Status| status.stage == Stage::Baking;
    let status = world.run(&spec, status, is_moved);
    world.stuck.insert("blue".into(), Weight::ZERO);
    spec.wish = Wish::Rollback;
    let (status, waiting_for) = rounds(&mut world, &spec, status);
    assert_eq!(&world.knobs, &weights(100, 100));
    let why = "green goes to 0 when another cluster is settled above 0 and answers (blue: record to show 100";
    assert!(waiting_for.iter().any(|line| line.contains(why) && line.contains(TROUBLE)), "{waiting_for:?}");
    world.stuck.clear();
    assert_eq!(world.run(&spec, status, ended).phase, Phase::RolledBack);
}

#[test]
fn what_is_stuck_is_refused_before_anything_is_written() {
    let spec = mk_spec(&["100%"]);
    let mut candidate = mk_candidate(Ok(100), Ok(0));
    candidate.clusters.get_mut(&"green".into()).unwrap().stuck.push(TROUBLE.to_owned());
    let refusals = admit(&spec, &Selection::All, vec![candidate.clone()]).unwrap_err();
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("team-burnham/burnham-ingress in green: {TROUBLE}; no weight would pass it")]);
    let free = Candidate { group: "team/free".into(), ..mk_candidate(Ok(100), Ok(0)) };
    let selection = Selection::Groups(vec!["team/free".into()]);
    assert_eq!(admit(&spec, &selection, vec![candidate, free]).unwrap().len(), 1);
}

#[test]
fn an_annotation_in_one_secret_only_is_named_once_with_what_mends_it() {
    let spec = mk_spec(&["100%"]);
    let missing = MissingKey {
        key: "yelb_route53_weight".to_owned(),
        hosts: vec!["yelb.example.org".to_owned()],
        present: "green".into(),
        missing: "blue".into(),
        secret: "eks-blueprint-blue".to_owned(),
        command: "kubectl annotate".to_owned(),
    };
    let mut shared = mk_candidate(Ok(100), Ok(0));
    shared.clusters.get_mut(&"blue".into()).unwrap().hosts.push("yelb.example.org".to_owned());
    shared.missing_keys.push(missing.clone());
    let mut own = mk_candidate(Ok(100), Ok(0));
    own.group = "yelb_route53_weight".into();
    for (name, hosts) in [("blue", vec![]), ("green", vec!["yelb.example.org".to_owned()])] {
        own.clusters.get_mut(&name.into()).unwrap().hosts = hosts;
    }
    own.missing_keys.push(missing);
    let hosts = Selection::Hosts(vec!["yelb.example.org".to_owned()]);
    for selection in [Selection::All, Selection::Groups(vec![own.group.clone()]), hosts] {
        let refusals = admit(&spec, &selection, vec![shared.clone(), own.clone()]).unwrap_err();
        let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        let text = "yelb.example.org has the annotation yelb_route53_weight in the cluster secret of green and not in that of \
                    blue (eks-blueprint-blue)";
        assert_eq!(told, [text]);
        assert!(refusals[0].hint().ends_with(": kubectl annotate"));
    }
}
