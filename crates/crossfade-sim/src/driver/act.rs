//! What a plan asks for, carried out one by one.

use std::collections::{BTreeMap, VecDeque};

use crossfade_core::migration::{Action, CheckOutcome, DrawsSeen, Phase, PreflightSeen};
use crossfade_core::{ClusterName, GroupName};
use crossfade_routing::{Candidate, choose};

use crate::checker::Write;
use crate::defect::Defect;
use crate::driver::look::outcome;
use crate::driver::{Around, Doing, Driver, Moment, Planned, index_of, index_of_group, name_of};
use crate::world::api::Answer;
use crate::world::zone::NAME_SERVERS;
use crate::world::{FROM, TO, World};

/// One action, with what was known when it was planned.
pub(super) struct Todo {
    action: Action,
    version: u64,
    planned_at: u64,
    had_unknown: bool,
    phase: Phase,
}

/// Preflights come first, as they do in a real driver, which makes them all at once.
pub(super) fn todo(planned: Planned) -> VecDeque<Todo> {
    let Planned { plan, looked, at, .. } = planned;
    let phase = plan.status.phase;
    let (checks, others): (Vec<Action>, Vec<Action>) =
        plan.actions.into_iter().partition(|action| matches!(action, Action::Preflight { .. }));
    let mk = |action: Action| {
        let (Action::Write { group, .. } | Action::Preflight { group, .. } | Action::Draw { group, .. }) =
            &action;
        let group = index_of_group(group);
        let version = match &action {
            Action::Write { cluster, .. } => looked.versions[group].get(index_of(cluster)).copied(),
            _ => None,
        };
        let had_unknown = looked.unknown[group];
        Todo { action, version: version.unwrap_or(1), planned_at: at, had_unknown, phase }
    };
    checks.into_iter().chain(others).map(mk).collect()
}

impl Driver {
    pub(super) fn act(&mut self, mut todo: VecDeque<Todo>, around: &mut Around<'_>) {
        let Some(next) = todo.pop_front() else { return };
        let goes_on = match &next.action {
            Action::Preflight { group, cluster } => {
                self.preflight(group, cluster, around);
                true
            }
            Action::Draw { group, draws } => {
                let drawn = draw(around.world, group, *draws);
                self.eyes.learn_ttl(around);
                self.draws.push(drawn);
                true
            }
            Action::Write { .. } => self.write(&next, around),
        };
        if goes_on {
            self.doing = Doing::Acting(todo);
        }
    }

    fn preflight(&mut self, group: &GroupName, cluster: &ClusterName, around: &mut Around<'_>) {
        let (group_index, index) = (index_of_group(group), index_of(cluster));
        let at = around.world.at();
        let outcome = if around.world.ask(index, self.slot, around.random) == Answer::Done {
            let passed = around.world.answers(index, group_index);
            around.checker.preflight(around.world, group_index, index, passed);
            outcome(passed)
        } else {
            CheckOutcome::Unknown("its API cannot be reached".to_owned())
        };
        self.preflights.push(PreflightSeen { group: group.clone(), cluster: cluster.clone(), at, outcome });
    }

    /// False when the rest of the plan is not to be carried out.
    fn write(&mut self, todo: &Todo, around: &mut Around<'_>) -> bool {
        let Action::Write { group, cluster, weight, .. } = &todo.action else { return true };
        let (group, cluster, weight) = (index_of_group(group), index_of(cluster), weight.get());
        if !around.has(Defect::NoLease) && !self.may_write(around.world) {
            return false;
        }
        let answer = around.world.ask(cluster, self.slot, around.random);
        let is_current = around.world.clusters[cluster].knobs[group].version() == todo.version;
        if answer == Answer::Lost || !is_current {
            return false;
        }
        around.checker.write(
            around.world,
            &Write {
                driver: self.id,
                group,
                cluster,
                weight,
                planned_at: todo.planned_at,
                had_unknown: todo.had_unknown,
                phase: todo.phase,
            },
        );
        let now = around.world.now;
        around.world.clusters[cluster].knobs[group].set(now, weight);
        around.checker.written(around.world, group, cluster);
        self.die_at(Moment::AfterWriting);
        answer == Answer::Done
    }

    /// The leases are looked at as late as possible.
    fn may_write(&self, world: &World) -> bool {
        let is_back = self.known.as_ref().is_some_and(|known| known.status.phase == Phase::RollingBack);
        self.holds_lease(FROM, world) && (is_back || self.holds_lease(TO, world))
    }
}

/// Answers of every name server that answers, spread evenly over all that it could draw.
fn draw(world: &World, group: &GroupName, draws: u64) -> DrawsSeen {
    let index = index_of_group(group);
    let each = draws / NAME_SERVERS as u64;
    let mut seen = DrawsSeen {
        group: group.clone(),
        at: world.at(),
        counts: BTreeMap::new(),
        unknown: 0,
        unanswered: 0,
    };
    for server in 0..NAME_SERVERS {
        if world.now < world.zone.silent_until[server] {
            seen.unanswered += each;
            continue;
        }
        let candidates = candidates(world, index, server, 0);
        for number in 0..each {
            if let Some(chosen) = choose(&candidates, (u64::MAX / each) * number + u64::MAX / each / 2) {
                *seen.counts.entry(name_of(chosen)).or_default() += 1;
            }
        }
    }
    seen
}

/// What a name server chooses from for A (0) or AAAA (1).
pub(crate) fn candidates(world: &World, group: usize, server: usize, part: usize) -> Vec<Candidate> {
    let sets = world.zone.sets[group].iter().zip(&world.clusters);
    sets.map(|(set, cluster)| Candidate {
        weight: set.views[server][part],
        healthy: cluster.balancers[group].counts_as_healthy(),
    })
    .collect()
}
