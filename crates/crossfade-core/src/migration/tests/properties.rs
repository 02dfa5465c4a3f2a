//! The engine for any status and any observation, also those that no run leads to.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const CLUSTERS: [&str; 4] = ["blue", "green", "red", "pink"];
const NOW: UnixMillis = UnixMillis(10_000_000);
const HOPS: [&str; 4] = [hop::DECLARED, hop::RECORD, hop::NAME_SERVERS, hop::RESOLVERS];
/// Plans that may follow each other at one moment: a step ends, the next begins, a gate fails, the way back begins.
const PLANS_MAX: usize = 8;

fn weight() -> impl Strategy<Value = Weight> {
    // Few values, so that knobs, records and targets often agree.
    select(vec![0, 0, 1, 50, 100, 255]).prop_map(Weight::new)
}

fn moment() -> impl Strategy<Value = UnixMillis> {
    prop_oneof![0u64..6_000, 0u64..90_000].prop_map(|ago| UnixMillis(NOW.0 - ago))
}

/// What a hop shows, since when, whether it is busy or stuck, and the floor of its parts.
type Hop = (Option<Weight>, UnixMillis, (bool, bool), Option<Weight>);

/// All hops show one weight in a third of the cases, and in another one all but some that are held back; a third cluster has a
/// record only.
fn hops(count: usize) -> impl Strategy<Value = Vec<Hop>> {
    let is_stuck = || prop::bool::weighted(0.2);
    let agreed = (weight(), moment(), is_stuck())
        .prop_map(move |(weight, at, stuck)| vec![(Some(weight), at, (false, stuck), None); count]);
    let held = (weight(), moment(), vec(option::of(weight()), count)).prop_map(|(knob, at, floors)| {
        let hop = |floor: Option<Weight>| (Some(knob).filter(|_| floor.is_none()), at, (false, true), floor);
        [(Some(knob), at, (false, false), None)]
            .into_iter()
            .chain(floors.into_iter().skip(1).map(hop))
            .collect()
    });
    let mark = (prop::bool::weighted(0.1), is_stuck());
    let mixed =
        vec((option::weighted(0.8, weight()), moment(), mark, option::weighted(0.3, weight())), count);
    prop_oneof![agreed, held, mixed]
}

fn cluster(name: &'static str, in_pair: bool) -> impl Strategy<Value = ClusterStatus> {
    let names: &[&str] = if in_pair { &HOPS } else { &HOPS[1..2] };
    let foreign = option::weighted(0.2, (weight(), option::of(weight())));
    let weights = (weight(), weight(), option::of(weight()), weight(), any::<bool>(), foreign);
    let failures = || select(vec![0, 0, 0, 1, 3]);
    let checks = (failures(), option::weighted(0.8, moment()), option::weighted(0.8, moment()), failures());
    (weights, checks, hops(names.len())).prop_map(move |(weights, checks, hops)| ClusterStatus {
        name: name.into(),
        before: weights.0,
        previous: weights.1,
        or_previous: weights.2,
        target: weights.3,
        reached: weights.4,
        foreign: weights
            .5
            .filter(|_| in_pair)
            .map(|(weight, instead_of)| ForeignWeight { weight, instead_of }),
        agreed: None,
        hops: names
            .iter()
            .zip(hops)
            .map(|(name, (value, at, (busy, stuck), floor))| HopStatus {
                name: (*name).to_owned(),
                value,
                at,
                busy,
                stuck,
                floor,
                note: None,
            })
            .collect(),
        evaluates_target_health: false,
        load: None,
        gates: vec![GateStatus {
            name: "http".to_owned(),
            passed_at: checks.1,
            failures: checks.0,
            unknown_since: None,
            message: None,
        }],
        preflight_passed_at: checks.2,
        preflight_failures: checks.3,
        preflight_message: None,
    })
}

fn group(index: usize) -> impl Strategy<Value = GroupStatus> {
    let clusters = (
        cluster("blue", true),
        cluster("green", true),
        option::of(cluster("red", false)),
        option::of(cluster("pink", false)),
    );
    (clusters, 0u32..61).prop_map(move |((blue, green, red, pink), ttl_seconds_max)| GroupStatus {
        name: GroupName(format!("team/{index}")),
        hosts: vec![format!("{index}.example.org")],
        clusters: [Some(blue), Some(green), red, pink].into_iter().flatten().collect(),
        ttl_seconds_max,
        ratio: None,
        window: None,
    })
}

fn status() -> impl Strategy<Value = Status> {
    let phases = [Phase::Progressing, Phase::Draining, Phase::RollingBack, Phase::Paused];
    let stages = [Stage::Writing, Stage::Settling, Stage::Proving, Stage::Baking, Stage::AwaitingPromotion];
    let reasons = ["ForeignChange", "PausedByUser", "GateFailed"];
    let record = (select(vec!["10%", "rollback"]), moment()).prop_map(|(target, began_at)| StepRecord {
        target: target.to_owned(),
        began_at,
        settled_at: None,
        proven_at: None,
        own_millis: None,
        groups: Vec::new(),
    });
    let at = (select(phases.to_vec()), select(stages.to_vec()), 0u32..3, moment(), 0u32..2);
    (at, group(0), option::of(group(1)), option::of(select(reasons.to_vec())), vec(record, 0..3)).prop_map(
        |((phase, stage, step, stage_since, promotions), first, second, reason, steps)| Status {
            phase,
            step,
            stage,
            stage_since,
            started_at: UnixMillis(NOW.0 - 90_000),
            finished_at: None,
            promotions,
            groups: std::iter::once(first).chain(second).collect(),
            steps,
            failure: reason.map(|reason| Failure {
                at: stage_since,
                reason: reason.to_owned(),
                message: String::new(),
            }),
            drained_at: None,
            residual: None,
            history: Vec::new(),
        },
    )
}

fn outcome() -> impl Strategy<Value = CheckOutcome> {
    select(vec![
        CheckOutcome::Passed,
        CheckOutcome::Failed("500".to_owned()),
        CheckOutcome::Unknown("no answer".to_owned()),
    ])
}

/// A check of either side of either group.
fn check() -> impl Strategy<Value = (GroupName, ClusterName, UnixMillis, CheckOutcome)> {
    (0usize..2, select(CLUSTERS.to_vec()), moment(), outcome())
        .prop_map(|(index, name, at, outcome)| (GroupName(format!("team/{index}")), name.into(), at, outcome))
}

fn cluster_seen(in_pair: bool) -> impl Strategy<Value = ClusterSeen> {
    let names: &[&str] = if in_pair { &HOPS[..3] } else { &HOPS[1..2] };
    hops(names.len()).prop_map(move |hops| {
        let hop = |(name, (value, _, (busy, stuck), floor)): (&&str, _)| HopSeen {
            busy,
            stuck,
            floor,
            ..HopSeen::new(name, value)
        };
        ClusterSeen { hops: names.iter().zip(hops).map(hop).collect(), evaluates_target_health: None }
    })
}

fn group_seen() -> impl Strategy<Value = GroupSeen> {
    let clusters = (
        option::weighted(0.9, cluster_seen(true)),
        option::weighted(0.9, cluster_seen(true)),
        option::of(cluster_seen(false)),
    );
    (clusters, option::of(1u32..61)).prop_map(|((blue, green, red), ttl_seconds_max)| {
        let clusters = CLUSTERS.iter().zip([blue, green, red]);
        let clusters = clusters.filter_map(|(name, seen)| Some(((*name).into(), seen?))).collect();
        GroupSeen { clusters, ttl_seconds_max }
    })
}

fn seen() -> impl Strategy<Value = Seen> {
    let groups = vec(option::weighted(0.9, group_seen()), 2);
    let leases = prop::bool::weighted(0.8);
    (groups, leases, leases, vec(check(), 0..4), vec(check(), 0..6)).prop_map(
        |(groups, source, all, preflights, gates)| {
            let named = groups.into_iter().enumerate();
            Seen {
                groups: named
                    .filter_map(|(index, seen)| Some((GroupName(format!("team/{index}")), seen?)))
                    .collect(),
                leases: LeasesSeen { source: source || all, all },
                preflights: preflights
                    .into_iter()
                    .map(|(group, cluster, at, outcome)| PreflightSeen { group, cluster, at, outcome })
                    .collect(),
                draws: Vec::new(),
                loads: Vec::new(),
                loads_lacking: None,
                gates: gates
                    .into_iter()
                    .map(|(group, cluster, at, outcome)| GateSeen {
                        gate: "http".to_owned(),
                        group,
                        cluster,
                        at,
                        outcome,
                    })
                    .collect(),
            }
        },
    )
}

fn spec() -> impl Strategy<Value = Spec> {
    let lists: [&[&str]; 4] = [
        &["10%", "50%", "100%"],
        &["pause", "50%", "100%"],
        &["10%", "pause", "100%"],
        &["100/10", "0/1", "0/255"],
    ];
    let wishes = [Wish::Advance, Wish::Pause, Wish::Rollback];
    let ends = [OnFailure::Rollback, OnFailure::Pause];
    let people = (select(wishes.to_vec()), select(ends.to_vec()), any::<bool>(), 0u32..3, any::<bool>());
    (select(lists.to_vec()), people).prop_map(|(steps, people)| Spec {
        wish: people.0,
        on_failure: people.1,
        force: people.2,
        promotions: people.3,
        promote_to_end: people.4,
        ..mk_spec(steps)
    })
}

/// Every hop up to the name servers, as last seen: this look's, or the status's where this look has none.
fn known_hops(status: &Status, seen: &Seen, group: &GroupName, cluster: &ClusterName) -> Vec<HopSeen> {
    let looked = seen.groups.get(group).and_then(|group| group.clusters.get(cluster));
    let kept = status.group(group).and_then(|group| group.cluster(cluster));
    match (looked, kept) {
        (Some(looked), _) => looked.hops.clone(),
        (None, Some(kept)) => {
            let hops = kept.hops.iter().filter(|hop| hop.name != hop::RESOLVERS);
            let as_seen = |hop: &HopStatus| HopSeen {
                busy: hop.busy,
                stuck: hop.stuck,
                floor: hop.floor,
                ..HopSeen::new(&hop.name, hop.value)
            };
            hops.map(as_seen).collect()
        }
        (None, None) => Vec::new(),
    }
}

/// I2, from what was given and not from what was concluded: settled above 0, an answer of the last five seconds, and none
/// since that failed. What is stuck holds the way forth; on the way back it may hold some hosts at another weight above 0.
fn serves(status: &Status, plan: &Plan, seen: &Seen, group: &GroupName, cluster: &ClusterName) -> bool {
    let hops = known_hops(status, seen, group, cluster);
    let knob = hops.first().and_then(|first| first.value).map_or(0, Weight::get);
    let is_back = plan.status.phase == Phase::RollingBack;
    let is_there = |hop: &HopSeen| {
        let is_held_above_zero = is_back && hop.floor.is_some_and(|floor| floor.get() > 0);
        !hop.busy && (is_back || !hop.stuck) && (hop.value == Some(Weight::new(knob)) || is_held_above_zero)
    };
    let is_settled = knob > 0 && hops.iter().all(is_there);
    let Some(kept) = status.group(group).and_then(|group| group.cluster(cluster)) else { return false };
    let mine: Vec<&GateSeen> =
        seen.gates.iter().filter(|gate| gate.group == *group && gate.cluster == *cluster).collect();
    let passed: Vec<UnixMillis> =
        mine.iter().filter(|gate| gate.outcome == CheckOutcome::Passed).map(|gate| gate.at).collect();
    let answered_at = passed.into_iter().chain(kept.gate("http").and_then(|gate| gate.passed_at)).max();
    let last = mine.iter().rev().find(|gate| !matches!(gate.outcome, CheckOutcome::Unknown(_)));
    let fails = match last {
        Some(last) => last.outcome != CheckOutcome::Passed,
        None => kept.gate("http").is_some_and(|gate| gate.failures > 0),
    };
    is_settled && !fails && answered_at.is_some_and(|at| NOW.since(at) <= Duration::from_secs(5))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_write_breaks_i1_i2_or_i4(spec in spec(), status in status(), seen in seen()) {
        let plan = step(&spec, &status, &seen, NOW);
        let zeroed: Vec<(&GroupName, &ClusterName)> = plan
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Write { group, cluster, weight, .. } if weight.is_zero() => Some((group, cluster)),
                _ => None,
            })
            .collect();
        for action in &plan.actions {
            let Action::Write { group, cluster, replaces, .. } = action else { continue };
            prop_assert!(*cluster == spec.from || *cluster == spec.to, "I4: {action:?}");
            let known = known_hops(&status, &seen, group, cluster);
            prop_assert_eq!(known[0].value, Some(*replaces), "a write replaces what was read: {:?}", action);
        }
        for (group, cluster) in &zeroed {
            let others = plan.status.group(group).unwrap().clusters.iter().map(|other| &other.name);
            let mut others = others.filter(|other| other != cluster);
            let is_served =
                others.any(|other| serves(&status, &plan, &seen, group, other) && !zeroed.contains(&(*group, other)));
            prop_assert!(is_served, "I1, I2: {cluster} of {group} goes to 0 and no other serves");
        }
    }

    #[test]
    fn planning_twice_changes_nothing(spec in spec(), status in status(), seen in seen()) {
        let first = step(&spec, &status, &seen, NOW);
        prop_assert_eq!(&first, &step(&spec, &status, &seen, NOW));
        // Results of checks count once; what is looked at stays as it is.
        let quiet = Seen { preflights: Vec::new(), draws: Vec::new(), gates: Vec::new(), ..seen };
        let mut plan = first;
        for _ in 0..PLANS_MAX {
            let next = step(&spec, &plan.status, &quiet, NOW);
            if next.status == plan.status {
                let again = step(&spec, &next.status, &quiet, NOW);
                prop_assert_eq!(next, again);
                return Ok(());
            }
            plan = next;
        }
        prop_assert!(false, "does not come to rest: {:?} {:?}", plan.status.phase, plan.status.history);
    }

    #[test]
    fn a_plan_that_does_nothing_says_what_it_waits_for(spec in spec(), status in status(), seen in seen()) {
        let plan = step(&spec, &status, &seen, NOW);
        prop_assert!(!plan.actions.is_empty() || !plan.waiting_for.is_empty());
    }

    #[test]
    fn nothing_is_written_without_leases(spec in spec(), status in status(), seen in seen()) {
        let seen = Seen { leases: LeasesSeen { source: false, all: false }, ..seen };
        let plan = step(&spec, &status, &seen, NOW);
        prop_assert!(plan.actions.is_empty(), "{:?}", plan.actions);
    }
}
