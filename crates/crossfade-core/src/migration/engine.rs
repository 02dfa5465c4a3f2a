//! The next step of a migration.

use crate::migration::counts::{judge_counts, take_loads, uncounted};
use crate::migration::draining::drain;
use crate::migration::foreign::{FOREIGN_CHANGE, changes_of, foreign_changes, forget_own};
use crate::migration::gate::{Verdict, verdict};
use crate::migration::hops::{ingest, ttl_of};
use crate::migration::proof::{failed_ratio, test_ratio};
use crate::migration::timing::own_millis;
use crate::migration::writes::{Way, unknown, writes};
use crate::migration::{
    Action, Admitted, ClusterStatus, Failure, GateKind, GroupStatus, HopTime, OnFailure, Phase, Plan,
    RatioResult, Seen, Spec, Stage, Status, StepGroupRecord, StepRecord, StepTarget, Wish, hop,
};
use crate::share::{Pair, ThirdClusters, sum_for};
use crate::{ClusterName, UnixMillis, Weight};

/// What the record of a step says when it is the way back.
const ROLLBACK: &str = "rollback";

/// The status of a migration that was just admitted.
///
/// # Panics
/// When no group was admitted or there is no step: `admit` and the parser of steps do not let that happen.
pub fn start(spec: &Spec, admitted: Vec<Admitted>, now: UnixMillis) -> Status {
    assert!(!admitted.is_empty() && !spec.steps.is_empty(), "a migration needs a group and a step");
    let groups = admitted.into_iter().map(|group| group.into_status(spec)).collect();
    let mut status = Status {
        phase: Phase::Progressing,
        step: 0,
        stage: Stage::Writing,
        stage_since: now,
        started_at: now,
        finished_at: None,
        promotions: 0,
        groups,
        steps: Vec::new(),
        failure: None,
        drained_at: None,
        residual: None,
        history: Vec::new(),
    };
    status.record(now, "Admitted", "admitted");
    begin_step(&mut status, spec, 0, now);
    status
}

/// What to do next, given what is seen now.
pub fn step(spec: &Spec, status: &Status, seen: &Seen, now: UnixMillis) -> Plan {
    let mut status = status.clone();
    if status.phase.is_end() {
        return Plan::waiting(status, vec!["nothing: the migration has ended".to_owned()]);
    }
    take_loads(&mut status, seen);
    ingest(&mut status, spec, seen, now);
    match foreign_changes(&status, spec) {
        // A way back refuses another hand's weights as the way forth does (I6), and goes on with all other groups.
        Some(_) if is_way_back(&status, spec) && has_way_back(&status, spec) => {
            follow_wish(&mut status, spec, now);
        }
        Some(change) => pause_for_foreign(&mut status, change, now),
        None => follow_wish(&mut status, spec, now),
    }
    match status.phase {
        Phase::Progressing => advance(status, spec, seen, now),
        Phase::Draining => drain(status, spec, seen, now),
        Phase::RollingBack => roll_back(status, spec, seen, now),
        Phase::Paused => {
            let why = status.failure.as_ref().map_or_else(String::new, |failure| failure.message.clone());
            Plan::waiting(status, vec![format!("somebody to resume or roll back: {why}")])
        }
        Phase::Complete | Phase::RolledBack => Plan::waiting(status, vec!["nothing".to_owned()]),
    }
}

impl Plan {
    pub(super) fn waiting(status: Status, waiting_for: Vec<String>) -> Plan {
        Plan { status, actions: Vec::new(), waiting_for, wake_at: None }
    }
}

fn follow_wish(status: &mut Status, spec: &Spec, now: UnixMillis) {
    match (spec.wish, status.phase) {
        (Wish::Rollback, Phase::Progressing | Phase::Draining | Phase::Paused) => {
            begin_rollback(status, spec, "RolledBackByUser", "asked for by the user", now);
        }
        (Wish::Pause, Phase::Progressing) => pause(status, "PausedByUser", "asked for by the user", now),
        (Wish::Advance, Phase::Paused) if paused_by_user(status) => resume(status, now),
        _ => {}
    }
}

fn is_way_back(status: &Status, spec: &Spec) -> bool {
    spec.wish == Wish::Rollback || status.phase == Phase::RollingBack
}

/// Some group that nobody else has been at is not what it was. After a pause on the way back the knobs say so: what follows them
/// had been waited for.
fn has_way_back(status: &Status, spec: &Spec) -> bool {
    let is_on_it = status.current_step().is_some_and(|step| step.target == ROLLBACK);
    let is_paused = status.phase == Phase::Paused;
    let is_back = |cluster: &ClusterStatus| match cluster.declared() {
        Some(weight) if is_paused => weight == cluster.before,
        None if is_paused => true,
        _ => cluster.shown() == Some(cluster.before) && cluster.reached_resolvers(),
    };
    let mut free = status.groups.iter().filter(|group| !group.is_held());
    free.any(|group| !is_on_it || !pair_members(group, spec).all(is_back))
}

fn pause_for_foreign(status: &mut Status, change: String, now: UnixMillis) {
    match &mut status.failure {
        // The same pause, as it stands now: whoever agrees to the weights agrees to these.
        Some(failure) if status.phase == Phase::Paused && failure.reason == FOREIGN_CHANGE => {
            failure.message = change;
        }
        _ => enter_pause(status, FOREIGN_CHANGE, &change, now),
    }
}

fn paused_by_user(status: &Status) -> bool {
    status.failure.as_ref().is_some_and(|failure| failure.reason == "PausedByUser")
}

/// Go on after a pause, the way that was paused: gates start counting afresh. Weights of others that still stand pause it again.
pub fn resume(status: &mut Status, now: UnixMillis) {
    let was_on_the_way_back = status.current_step().is_some_and(|step| step.target == ROLLBACK);
    if was_on_the_way_back {
        status.phase = Phase::RollingBack;
    } else {
        status.phase = Phase::Progressing;
        status.failure = None;
    }
    for cluster in status.groups.iter_mut().flat_map(|group| &mut group.clusters) {
        forget_own(cluster);
        for gate in &mut cluster.gates {
            // What failed last has to pass anew before it counts as answering (I2).
            if gate.failures > 0 {
                gate.passed_at = None;
            }
            gate.failures = 0;
            gate.unknown_since = None;
        }
        cluster.preflight_failures = 0;
    }
    // Resuming is no promotion.
    let stage = status.stage;
    status.enter(if stage == Stage::AwaitingPromotion { stage } else { Stage::Writing }, now);
    status.record(now, "Resumed", "resumed");
}

fn advance(mut status: Status, spec: &Spec, seen: &Seen, now: UnixMillis) -> Plan {
    if !seen.leases.all {
        return Plan::waiting(status, vec!["the leases of all clusters".to_owned()]);
    }
    if status.stage == Stage::Baking {
        judge_counts(&mut status, spec, seen, now);
    }
    match verdict(&status, spec, now) {
        Verdict::Passing => {}
        Verdict::Hold(why) => return Plan::waiting(status, vec![why]),
        Verdict::Failed { reason, message } => {
            fail(&mut status, spec, reason, &message, now);
            return step_again(status, spec, seen, now);
        }
        Verdict::Inconclusive(message) => {
            pause(&mut status, "GateInconclusive", &message, now);
            return step_again(status, spec, seen, now);
        }
    }
    match status.stage {
        Stage::Writing | Stage::Settling => write_and_settle(status, spec, seen, now),
        Stage::Proving => prove(status, spec, seen, now),
        Stage::Baking => bake(status, spec, seen, now),
        Stage::AwaitingPromotion => await_promotion(status, spec, now),
    }
}

/// The phase changed on the way: plan for the new one with the same observations.
fn step_again(status: Status, spec: &Spec, seen: &Seen, now: UnixMillis) -> Plan {
    match status.phase {
        Phase::RollingBack => roll_back(status, spec, seen, now),
        Phase::Draining => drain(status, spec, seen, now),
        Phase::Progressing => advance(status, spec, seen, now),
        Phase::Paused | Phase::Complete | Phase::RolledBack => {
            Plan::waiting(status, vec!["a person".to_owned()])
        }
    }
}

pub(super) fn fail(status: &mut Status, spec: &Spec, reason: &str, message: &str, now: UnixMillis) {
    match spec.on_failure {
        OnFailure::Rollback => begin_rollback(status, spec, reason, message, now),
        OnFailure::Pause => pause(status, reason, message, now),
    }
}

fn pause(status: &mut Status, reason: &str, message: &str, now: UnixMillis) {
    if status.phase != Phase::Paused {
        enter_pause(status, reason, message, now);
    }
}

fn enter_pause(status: &mut Status, reason: &str, message: &str, now: UnixMillis) {
    status.phase = Phase::Paused;
    status.failure = Some(Failure { at: now, reason: reason.to_owned(), message: message.to_owned() });
    status.record(now, "Paused", format!("paused: {reason}: {message}"));
}

fn begin_step(status: &mut Status, spec: &Spec, index: u32, now: UnixMillis) {
    let Some(target) = usize::try_from(index).ok().and_then(|index| spec.steps.get(index)).copied() else {
        return;
    };
    status.step = index;
    if target == StepTarget::Pause {
        status.enter(Stage::AwaitingPromotion, now);
        status.record(now, "AwaitingPromotion", "paused until somebody promotes");
        return;
    }
    let mut records = Vec::new();
    for group in &mut status.groups {
        let Some(pair) = pair_of(group, spec, target) else { continue };
        assert!(
            !(pair.from.is_zero() && pair.to.is_zero()),
            "{}: a step would leave both at 0 (I1)",
            group.name
        );
        group.ratio = None;
        group.window = None;
        aim(group, &spec.from, pair.from);
        aim(group, &spec.to, pair.to);
        records.push(mk_record(group, pair.from, pair.to));
    }
    push_step(status, target.to_string(), records, now);
}

fn push_step(status: &mut Status, target: String, groups: Vec<StepGroupRecord>, now: UnixMillis) {
    status.record(now, "StepBegun", format!("step {target} begins"));
    status.steps.push(StepRecord {
        target,
        began_at: now,
        settled_at: None,
        proven_at: None,
        own_millis: None,
        groups,
    });
    status.enter(Stage::Writing, now);
}

fn mk_record(group: &GroupStatus, from: Weight, to: Weight) -> StepGroupRecord {
    StepGroupRecord { group: group.name.clone(), from, to, ratio: None, hops: Vec::new() }
}

fn pair_of(group: &GroupStatus, spec: &Spec, target: StepTarget) -> Option<Pair> {
    let before = |name: &ClusterName| group.cluster(name).map_or(Weight::ZERO, |cluster| cluster.before);
    let third = if group.clusters.len() > 2 { ThirdClusters::Some } else { ThirdClusters::None };
    let now = Pair { from: before(&spec.from), to: before(&spec.to) };
    target.pair(sum_for(now, third), third)
}

fn aim(group: &mut GroupStatus, cluster: &ClusterName, target: Weight) {
    if let Some(cluster) = group.cluster_mut(cluster) {
        // Unreadable: the step before was under way, so the knob shows what it wanted, or, if it never did, what it began with.
        let may_be_older = cluster.declared().is_none() && !cluster.reached;
        cluster.or_previous = may_be_older.then_some(cluster.previous);
        // What somebody else has set is not ours to have been there, also when it may be written over.
        let shown = cluster.declared().filter(|shown| cluster.agreed != Some(*shown));
        cluster.previous = shown.unwrap_or(cluster.target);
        cluster.target = target;
        cluster.reached = false;
    }
}

/// Another hand is at the group: what it shows is not agreed to, and what the migration has had there is put back gladly.
fn aim_held(group: &mut GroupStatus, cluster: &ClusterName, target: Weight) {
    if let Some(cluster) = group.cluster_mut(cluster) {
        if cluster.target != target {
            cluster.or_previous = Some(cluster.target);
        }
        cluster.target = target;
        cluster.reached = false;
    }
}

fn write_and_settle(mut status: Status, spec: &Spec, seen: &Seen, now: UnixMillis) -> Plan {
    let (actions, mut waiting_for) = writes(&status, Way::Forth, spec, now);
    if !actions.is_empty() {
        status.stage = Stage::Writing;
        return Plan { status, actions, waiting_for, wake_at: None };
    }
    let unsettled = unsettled(&status, spec, Way::Forth);
    if !unsettled.is_empty() || !waiting_for.is_empty() {
        if waiting_for.is_empty() && status.stage == Stage::Writing {
            status.enter(Stage::Settling, now);
        }
        waiting_for.extend(unsettled);
        return Plan::waiting(status, waiting_for);
    }
    note_settled(&mut status, spec, now);
    status.enter(Stage::Proving, now);
    prove(status, spec, seen, now)
}

/// Source and destination, as far as nobody has given them up.
fn pair_members<'a>(group: &'a GroupStatus, spec: &'a Spec) -> impl Iterator<Item = &'a ClusterStatus> {
    let pair = [&spec.from, &spec.to].into_iter().filter(|name| !spec.is_given_up(name));
    pair.filter_map(|name| group.cluster(name))
}

fn unsettled(status: &Status, spec: &Spec, way: Way) -> Vec<String> {
    let mut lines = Vec::new();
    for group in status.groups.iter().filter(|group| spec.force || !group.is_held()) {
        for cluster in pair_members(group, spec).filter(|cluster| !cluster.has_arrived(way)) {
            let what = cluster.awaited(way, cluster.target);
            lines.push(format!("{} in {}: {what}", group.name, cluster.name));
        }
    }
    lines
}

fn note_settled(status: &mut Status, spec: &Spec, now: UnixMillis) {
    update_hop_times(status, spec);
    if let Some(step) = status.steps.last_mut()
        && step.settled_at.is_none()
    {
        step.settled_at = Some(now);
        let target = step.target.clone();
        status.record(now, "StepSettled", format!("step {target} is settled"));
    }
}

/// When each hop last moved in this step, for the clusters whose weight changed.
fn update_hop_times(status: &mut Status, spec: &Spec) {
    let Some(began_at) = status.current_step().map(|step| step.began_at) else { return };
    let mut times: Vec<Vec<HopTime>> = Vec::new();
    for group in &status.groups {
        let mut of_group: Vec<HopTime> = Vec::new();
        for cluster in pair_members(group, spec).filter(|cluster| cluster.previous != cluster.target) {
            for hop in cluster.hops.iter().filter(|hop| hop.at >= began_at && !hop.busy) {
                let millis = u64::try_from(hop.at.since(began_at).as_millis()).unwrap_or(u64::MAX);
                match of_group.iter_mut().find(|time| time.hop == hop.name) {
                    Some(time) => time.millis = time.millis.max(millis),
                    None => of_group.push(HopTime { hop: hop.name.clone(), millis }),
                }
            }
        }
        times.push(of_group);
    }
    let ratios: Vec<Option<RatioResult>> = status.groups.iter().map(|group| group.ratio.clone()).collect();
    if let Some(step) = status.steps.last_mut() {
        for ((record, times), ratio) in step.groups.iter_mut().zip(times).zip(ratios) {
            record.hops = times;
            record.ratio = ratio;
        }
    }
}

fn prove(mut status: Status, spec: &Spec, seen: &Seen, now: UnixMillis) -> Plan {
    // Somebody moved a weight between the write and the proof: the foreign rule has it, or it is not settled any more.
    if !unsettled(&status, spec, Way::Forth).is_empty() {
        status.enter(Stage::Settling, now);
        return write_and_settle_once(status, spec, now);
    }
    let since = status.stage_since;
    if let Some(traffic) = spec.traffic_gate() {
        take_draws(&mut status, spec, seen);
        update_hop_times(&mut status, spec);
        if let Some(message) = failed_ratio(&status) {
            if traffic.decides() {
                fail(&mut status, spec, "RatioTestFailed", &message, now);
                return step_again(status, spec, seen, now);
            }
            let message = format!("traffic: {message} (dry run)");
            if status.history.last().is_none_or(|entry| entry.message != message) {
                status.record(now, "DryRunGateFailed", message);
            }
        }
        if traffic.decides() && now.since(since) >= traffic.inconclusive_max {
            let untested = status.groups.iter().find(|group| group.ratio.is_none());
            if let Some(name) = untested.map(|group| group.name.clone()) {
                let message = format!("{name}: traffic: too few answers name a known load balancer");
                pause(&mut status, "GateInconclusive", &message, now);
                return step_again(status, spec, seen, now);
            }
        }
    }
    let (actions, waiting_for) = unproven(&status, spec, since);
    if actions.is_empty() && waiting_for.is_empty() {
        status.enter(Stage::Baking, now);
        return bake(status, spec, seen, now);
    }
    Plan { status, actions, waiting_for, wake_at: None }
}

/// Draws of this stage become the ratio test of groups that have none yet.
fn take_draws(status: &mut Status, spec: &Spec, seen: &Seen) {
    let level = spec.error_level_each(status.groups.len());
    let since = status.stage_since;
    for group in &mut status.groups {
        let fresh = seen.draws.iter().find(|draws| draws.group == group.name && draws.at >= since);
        if group.ratio.is_none()
            && let Some(draws) = fresh
        {
            group.ratio = test_ratio(group, spec, draws, level);
        }
    }
}

/// What a step still has to show, gate by gate.
fn unproven(status: &Status, spec: &Spec, since: UnixMillis) -> (Vec<Action>, Vec<String>) {
    let began_at = status.current_step().map_or(status.started_at, |step| step.began_at);
    let mut actions = Vec::new();
    let mut waiting_for = Vec::new();
    for group in &status.groups {
        if spec.traffic_gate().is_some() && group.ratio.is_none() {
            actions.push(Action::Draw { group: group.name.clone(), draws: spec.draws });
        }
        for gate in spec.gates.iter().filter(|gate| gate.decides() && gate.is_observed()) {
            let since = since.max(began_at.after(gate.initial_delay));
            for cluster in pair_members(group, spec).filter(|cluster| !cluster.target.is_zero()) {
                let seen = cluster.gate(&gate.name);
                // Only http is observed in both; the others speak of the destination. A source that fails is left, not
                // waited for.
                let is_left = seen.is_some_and(|seen| seen.failures >= gate.failures_max);
                let is_asked = cluster.name == spec.to || (gate.kind == GateKind::Http && !is_left);
                if is_asked && seen.and_then(|seen| seen.passed_at) < Some(since) {
                    waiting_for
                        .push(format!("{} in {}: gate {} to pass", group.name, cluster.name, gate.name));
                }
            }
        }
    }
    (actions, waiting_for)
}

/// Back to settling, without proving in the same breath.
fn write_and_settle_once(status: Status, spec: &Spec, now: UnixMillis) -> Plan {
    let (actions, mut waiting_for) = writes(&status, Way::Forth, spec, now);
    waiting_for.extend(unsettled(&status, spec, Way::Forth));
    Plan { status, actions, waiting_for, wake_at: None }
}

fn bake(mut status: Status, spec: &Spec, seen: &Seen, now: UnixMillis) -> Plan {
    let mut waiting_for = unsettled(&status, spec, Way::Forth);
    let mut wake_at = status.stage_since.after(spec.bake);
    if now < wake_at {
        waiting_for.push("the bake time".to_owned());
    }
    for group in &status.groups {
        let has_arrived = pair_members(group, spec).all(|cluster| cluster.has_arrived(Way::Forth));
        if has_arrived && !pair_members(group, spec).all(ClusterStatus::reached_resolvers) {
            waiting_for.push(format!("{}: the TTL of {} s", group.name, ttl_of(group).as_secs()));
            wake_at = wake_at.max(resolvers_due(group));
        }
    }
    if !waiting_for.is_empty() {
        return Plan { status, actions: Vec::new(), waiting_for, wake_at: Some(wake_at) };
    }
    let uncounted = uncounted(&status, spec);
    if !uncounted.is_empty() {
        return Plan::waiting(status, uncounted);
    }
    update_hop_times(&mut status, spec);
    let own_millis = own_millis(&status, spec, now);
    if let Some(step) = status.steps.last_mut() {
        step.proven_at = Some(now);
        step.own_millis = own_millis;
        let target = step.target.clone();
        status.record(now, "StepProven", format!("step {target} is proven"));
    }
    let next = status.step + 1;
    let next_target = usize::try_from(next).ok().and_then(|next| spec.steps.get(next));
    if let Some(target) = next_target {
        if spec.is_manual() && *target != StepTarget::Pause {
            status.enter(Stage::AwaitingPromotion, now);
            status.record(now, "AwaitingPromotion", format!("step {target} waits for somebody to promote"));
            return Plan::waiting(status, vec!["somebody to promote".to_owned()]);
        }
        begin_step(&mut status, spec, next, now);
        return Plan::waiting(status, vec!["the next step to begin".to_owned()]);
    }
    status.phase = Phase::Draining;
    drain(status, spec, seen, now)
}

/// The gates go on while a person makes up their mind.
fn await_promotion(mut status: Status, spec: &Spec, now: UnixMillis) -> Plan {
    if spec.promotions <= status.promotions {
        return Plan::waiting(status, vec!["somebody to promote".to_owned()]);
    }
    let unknown: Vec<String> = status.groups.iter().filter_map(|group| unknown(group, spec)).collect();
    if !unknown.is_empty() {
        return Plan::waiting(status, unknown);
    }
    status.promotions = spec.promotions;
    let last = u32::try_from(spec.steps.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let next = if spec.promote_to_end { last } else { status.step + 1 };
    status.record(now, "Promoted", if spec.promote_to_end { "promoted to the end" } else { "promoted" });
    begin_step(&mut status, spec, next, now);
    Plan::waiting(status, vec!["the next step to begin".to_owned()])
}

/// When the last of its name servers had the step's weights, and the TTL on top.
pub(super) fn resolvers_due(group: &GroupStatus) -> UnixMillis {
    let latest =
        group.clusters.iter().flat_map(|cluster| &cluster.hops).filter(|hop| hop.name == hop::NAME_SERVERS);
    latest.map(|hop| hop.at.after(ttl_of(group))).max().unwrap_or_default()
}

fn begin_rollback(status: &mut Status, spec: &Spec, reason: &str, message: &str, now: UnixMillis) {
    status.phase = Phase::RollingBack;
    status.drained_at = None;
    status.residual = None;
    status.failure = Some(Failure { at: now, reason: reason.to_owned(), message: message.to_owned() });
    let mut records = Vec::new();
    for group in &mut status.groups {
        group.ratio = None;
        group.window = None;
        let before: Vec<(ClusterName, Weight)> =
            pair_members(group, spec).map(|cluster| (cluster.name.clone(), cluster.before)).collect();
        let is_held = group.is_held() && !spec.force;
        for (name, weight) in &before {
            if is_held {
                aim_held(group, name, *weight);
            } else {
                aim(group, name, *weight);
            }
        }
        let of = |name: &ClusterName| group.cluster(name).map_or(Weight::ZERO, |cluster| cluster.before);
        records.push(mk_record(group, of(&spec.from), of(&spec.to)));
    }
    status.record(now, "RollingBack", format!("rolling back: {reason}: {message}"));
    push_step(status, ROLLBACK.to_owned(), records, now);
}

fn roll_back(mut status: Status, spec: &Spec, seen: &Seen, now: UnixMillis) -> Plan {
    if !seen.leases.source {
        return Plan::waiting(status, vec![format!("the lease of {}", spec.from)]);
    }
    let (actions, mut waiting_for) = writes(&status, Way::Back, spec, now);
    if !actions.is_empty() {
        return Plan { status, actions, waiting_for, wake_at: None };
    }
    waiting_for.extend(unsettled(&status, spec, Way::Back));
    if !spec.force {
        let left = status.groups.iter().flat_map(changes_of);
        waiting_for.extend(left.map(|change| format!("somebody to say what becomes of {change}")));
    }
    if !waiting_for.is_empty() {
        if status.stage == Stage::Writing {
            status.enter(Stage::Settling, now);
        }
        return Plan::waiting(status, waiting_for);
    }
    note_settled(&mut status, spec, now);
    let pending: Vec<&GroupStatus> = status
        .groups
        .iter()
        .filter(|group| !pair_members(group, spec).all(ClusterStatus::reached_resolvers))
        .collect();
    if !pending.is_empty() {
        let wake_at = pending.iter().map(|group| resolvers_due(group)).max();
        let waiting_for = pending
            .iter()
            .map(|group| format!("{}: the TTL of {} s", group.name, ttl_of(group).as_secs()))
            .collect();
        return Plan { status, actions: Vec::new(), waiting_for, wake_at };
    }
    update_hop_times(&mut status, spec);
    if let Some(step) = status.steps.last_mut() {
        step.proven_at = Some(now);
    }
    status.phase = Phase::RolledBack;
    status.finished_at = Some(now);
    status.record(now, "RolledBack", "rolled back");
    Plan::waiting(status, vec!["nothing: rolled back".to_owned()])
}
