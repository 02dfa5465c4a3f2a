//! A driver as `crossfade-controller` has it: read the object, renew leases, look, plan, keep, act. One action a tick, so
//! that it can die between any two.

use std::collections::{BTreeMap, VecDeque};

use crossfade_core::migration::{
    Action, Admitted, CheckOutcome, ClusterSeen, DrawsSeen, GateSeen, GroupSeen, HopSeen, LeasesSeen, Phase,
    Plan, PreflightSeen, Seen, Spec, Status, hop, start, step,
};
use crossfade_core::{ClusterName, GroupName, Weight};

use crate::checker::{Checker, Write};
use crate::defect::Defect;
use crate::random::Random;
use crate::world::{FROM, LEASE_MILLIS, NAME_SERVERS, TO, World, Writer};

/// A foreign writer's record counts as everywhere after this long.
const FOREIGN_WRITER_AGE_MILLIS: u64 = 60_000;

/// A real driver carries its actions out within a second or so.
const ACTIONS_PER_TICK_MAX: u64 = 4;

/// One process that drives.
pub(crate) struct Driver {
    pub(crate) id: u64,
    actions: VecDeque<(Action, u64)>,
    preflights: Vec<PreflightSeen>,
    draws: Vec<DrawsSeen>,
    /// The status of a driver that keeps nothing.
    memory: Option<Status>,
    /// What the gates saw since the last plan: they look all the time, also while actions are carried out.
    gates: Vec<GateSeen>,
    /// What the last plan waits for.
    pub(crate) waiting_for: Vec<String>,
}

/// What a tick may use.
pub(crate) struct Surroundings<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) object: &'a mut Option<Status>,
    pub(crate) spec: &'a Spec,
    pub(crate) random: &'a mut Random,
    pub(crate) checker: &'a mut Checker,
    pub(crate) defect: Option<Defect>,
}

impl Driver {
    pub(crate) fn new(id: u64) -> Self {
        Driver {
            id,
            actions: VecDeque::new(),
            preflights: Vec::new(),
            draws: Vec::new(),
            memory: None,
            gates: Vec::new(),
            waiting_for: Vec::new(),
        }
    }

    pub(crate) fn tick(&mut self, around: &mut Surroundings<'_>) {
        self.look_at_gates(around);
        if !self.actions.is_empty() {
            for _ in 0..around.random.between(1, ACTIONS_PER_TICK_MAX) {
                let Some((action, version)) = self.actions.pop_front() else { break };
                self.act(&action, version, around);
            }
            return;
        }
        // The home is the destination: out of reach, nothing can be read or kept.
        if !around.world.is_reachable(TO) {
            return;
        }
        let leases = self.renew(around);
        let keeps = around.defect != Some(Defect::KeepNothing);
        let known = if keeps { around.object.clone() } else { self.memory.clone() };
        let Some(status) = known.or_else(|| begin(around)) else { return };
        let (seen, had_unknown, versions) = self.observe(&status, leases, around);
        let spec = if around.defect == Some(Defect::Overwrite) {
            Spec { force: true, ..around.spec.clone() }
        } else {
            around.spec.clone()
        };
        let plan = spoil(step(&spec, &status, &seen, around.world.at()), around);
        // Only who holds the source's lease writes the object; now and then somebody else has changed it in between.
        if !leases.source || around.random.chance(2) {
            return;
        }
        around.checker.plan(around.world, &status, &plan.status, had_unknown);
        self.waiting_for.clone_from(&plan.waiting_for);
        self.memory = Some(plan.status.clone());
        *around.object = Some(plan.status);
        self.actions = plan
            .actions
            .into_iter()
            .map(|action| {
                let version = version_of(&action, &versions);
                (action, version)
            })
            .collect();
    }

    fn look_at_gates(&mut self, around: &Surroundings<'_>) {
        let world = &*around.world;
        for group in 0..world.clusters[FROM].places.len() {
            for index in [FROM, TO] {
                self.gates.push(GateSeen {
                    gate: "http".to_owned(),
                    group: name_of_group(group),
                    cluster: ClusterName(world.clusters[index].name.clone()),
                    at: world.at(),
                    outcome: outcome(world.answers(index)),
                });
            }
        }
    }

    fn renew(&self, around: &mut Surroundings<'_>) -> LeasesSeen {
        if around.defect == Some(Defect::NoLease) {
            return LeasesSeen { source: true, all: true };
        }
        let mut is_behind = false;
        for cluster in [FROM, TO] {
            let (reachable, now) = (around.world.is_reachable(cluster), around.world.now);
            let lease = &mut around.world.clusters[cluster].lease;
            let is_free = lease.is_none_or(|(holder, until)| holder == self.id || now >= until);
            if is_behind && reachable {
                *lease = lease.filter(|(holder, _)| *holder != self.id);
            } else if reachable && is_free {
                *lease = Some((self.id, now + LEASE_MILLIS));
            } else if reachable {
                is_behind = true;
            }
        }
        let holds = |cluster| around.world.holds_lease(cluster, self.id);
        LeasesSeen { source: holds(FROM), all: holds(FROM) && holds(TO) }
    }

    fn observe(
        &mut self,
        status: &Status,
        leases: LeasesSeen,
        around: &Surroundings<'_>,
    ) -> (Seen, bool, BTreeMap<(usize, usize), u64>) {
        let world = &*around.world;
        let mut seen = Seen { leases, ..Seen::default() };
        let mut versions = BTreeMap::new();
        let mut had_unknown = false;
        for (group_index, group) in status.groups.iter().enumerate() {
            let ttl = if around.defect == Some(Defect::ShortTtl) { 1 } else { world.ttl_seconds };
            let mut group_seen = GroupSeen { clusters: BTreeMap::new(), ttl_seconds_max: Some(ttl) };
            for (index, cluster) in world.clusters.iter().enumerate() {
                let name = ClusterName(cluster.name.clone());
                let mut hops = hops_of(world, index, group_index);
                had_unknown |= hops.iter().take(2).any(|hop| hop.value.is_none());
                if around.defect == Some(Defect::Guess) {
                    let wanted = group.cluster(&name).map(|cluster| cluster.target);
                    for hop in &mut hops {
                        hop.value = hop.value.or(wanted);
                    }
                }
                group_seen.clusters.insert(name.clone(), ClusterSeen { hops, evaluates_target_health: None });
                versions.insert((group_index, index), cluster.places[group_index].version);
            }
            seen.groups.insert(group.name.clone(), group_seen);
        }
        seen.gates = std::mem::take(&mut self.gates);
        seen.preflights = std::mem::take(&mut self.preflights);
        seen.draws = std::mem::take(&mut self.draws);
        (seen, had_unknown, versions)
    }

    fn act(&mut self, action: &Action, version: u64, around: &mut Surroundings<'_>) {
        let world = &mut *around.world;
        match action {
            Action::Preflight { group, cluster } => {
                let (group_index, index) = (index_of_group(group), index_of(world, cluster));
                let passed = world.answers(index);
                let outcome = if world.is_reachable(index) {
                    around.checker.preflight(world, group_index, index, passed);
                    outcome(passed)
                } else {
                    CheckOutcome::Unknown("its API cannot be reached".to_owned())
                };
                let (group, cluster) = (group.clone(), cluster.clone());
                self.preflights.push(PreflightSeen { group, cluster, at: world.at(), outcome });
            }
            Action::Draw { group, draws } => self.draws.push(draw(world, group, *draws)),
            Action::Write { group, cluster, weight, .. } => {
                let (group, cluster, weight) =
                    (index_of_group(group), index_of(world, cluster), weight.get());
                let may =
                    around.defect == Some(Defect::NoLease) || self.may_write(around.object.as_ref(), world);
                if !may || !world.is_reachable(cluster) {
                    self.actions.clear();
                    return;
                }
                if world.clusters[cluster].places[group].version == version {
                    around.checker.write(world, &Write { driver: self.id, group, cluster, weight });
                }
                if !world.clusters[cluster].places[group].write(weight, version) {
                    // A conflict: look again before anything else is done.
                    self.actions.clear();
                }
            }
        }
    }

    /// The lease is looked at as late as possible.
    fn may_write(&self, status: Option<&Status>, world: &World) -> bool {
        let is_back = status.is_some_and(|status| status.phase == Phase::RollingBack);
        world.holds_lease(FROM, self.id) && (is_back || world.holds_lease(TO, self.id))
    }
}

fn begin(around: &Surroundings<'_>) -> Option<Status> {
    let world = &*around.world;
    let groups = world.clusters[FROM].places.len();
    let admitted: Vec<Admitted> = (0..groups)
        .map(|group| Admitted {
            group: name_of_group(group),
            hosts: vec![format!("host-{group}.example.org")],
            weights: world
                .clusters
                .iter()
                .map(|cluster| (ClusterName(cluster.name.clone()), Weight::new(cluster.places[group].knob)))
                .collect(),
        })
        .collect();
    let from = ClusterName(world.clusters[FROM].name.clone());
    let gives = admitted.iter().all(|group| group.weights.get(&from).is_some_and(|weight| !weight.is_zero()));
    gives.then(|| start(around.spec, admitted, world.at()))
}

fn hops_of(world: &World, index: usize, group: usize) -> Vec<HopSeen> {
    let cluster = &world.clusters[index];
    let place = &cluster.places[group];
    let reachable = world.is_reachable(index);
    let route53 = world.now >= world.route53_down_until;
    let record = route53.then(|| Weight::new(place.record));
    let is_everywhere = match cluster.writer {
        Writer::Eventful => reachable && place.is_in_sync(),
        Writer::Polling => world.now - place.record_since >= FOREIGN_WRITER_AGE_MILLIS,
    };
    let mk = |name: &str, value| HopSeen { name: name.to_owned(), value, busy: false, note: None };
    if index > TO {
        return vec![mk(hop::RECORD, record)];
    }
    vec![
        mk(hop::DECLARED, reachable.then(|| Weight::new(place.knob))),
        mk(hop::RECORD, record),
        mk(hop::NAME_SERVERS, record.filter(|_| is_everywhere)),
    ]
}

/// Shares of the answers exactly as each name server's weights give them.
fn draw(world: &World, group: &GroupName, draws: u64) -> DrawsSeen {
    let index = index_of_group(group);
    let mut counts: BTreeMap<ClusterName, u64> = BTreeMap::new();
    let each = draws / NAME_SERVERS as u64;
    for server in 0..NAME_SERVERS {
        let weights: Vec<u64> =
            world.clusters.iter().map(|cluster| u64::from(cluster.places[index].views[server])).collect();
        let sum: u64 = weights.iter().sum();
        for (cluster, weight) in world.clusters.iter().zip(weights) {
            let equal = each / world.clusters.len() as u64;
            let count = (each * weight).checked_div(sum).unwrap_or(equal);
            *counts.entry(ClusterName(cluster.name.clone())).or_default() += count;
        }
    }
    DrawsSeen { group: group.clone(), at: world.at(), counts, unknown: 0, unanswered: 0 }
}

fn outcome(passed: bool) -> CheckOutcome {
    if passed { CheckOutcome::Passed } else { CheckOutcome::Failed("answers 500".to_owned()) }
}

fn name_of_group(index: usize) -> GroupName {
    GroupName(format!("team/group-{index}"))
}

fn index_of_group(group: &GroupName) -> usize {
    group.0.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn index_of(world: &World, name: &ClusterName) -> usize {
    world.clusters.iter().position(|cluster| cluster.name == name.0).unwrap_or(FROM)
}

fn version_of(action: &Action, versions: &BTreeMap<(usize, usize), u64>) -> u64 {
    let Action::Write { group, cluster, .. } = action else { return 0 };
    let index = ["blue", "green", "red"].iter().position(|name| *name == cluster.0).unwrap_or(FROM);
    versions.get(&(index_of_group(group), index)).copied().unwrap_or(0)
}

/// The plan as a broken engine would have made it.
fn spoil(mut plan: Plan, around: &Surroundings<'_>) -> Plan {
    let world = &*around.world;
    let write = |group: &GroupName, cluster: usize, weight: u8| Action::Write {
        group: group.clone(),
        cluster: ClusterName(world.clusters[cluster].name.clone()),
        weight: Weight::new(weight),
        replaces: Weight::new(world.clusters[cluster].places[index_of_group(group)].knob),
    };
    let (from, to) = (&around.spec.from, &around.spec.to);
    let groups = plan.status.groups.clone();
    match around.defect {
        Some(Defect::ZeroBoth | Defect::ZeroAtOnce) if plan.status.phase == Phase::Progressing => {
            let is_last = |group: &&crossfade_core::migration::GroupStatus| {
                group.cluster(from).is_some_and(|cluster| cluster.target.is_zero())
            };
            for group in groups.iter().filter(is_last) {
                plan.actions.insert(0, write(&group.name, FROM, 0));
                if around.defect == Some(Defect::ZeroBoth) {
                    plan.actions.insert(0, write(&group.name, TO, 0));
                }
            }
        }
        Some(Defect::NoPreflight) => {
            for action in &mut plan.actions {
                let Action::Preflight { group, cluster } = action else { continue };
                let index = index_of(world, cluster);
                let target =
                    groups.iter().find(|found| found.name == *group).and_then(|found| found.cluster(cluster));
                *action = write(group, index, target.map_or(0, |target| target.target.get()));
            }
        }
        Some(Defect::WriteThird) if world.clusters.len() > 2 && !plan.actions.is_empty() => {
            plan.actions.insert(0, write(&groups[0].name, 2, 1));
        }
        Some(Defect::HalfBack) if plan.status.phase == Phase::RollingBack => {
            for cluster in plan.status.groups.iter_mut().flat_map(|group| &mut group.clusters) {
                if cluster.name != *to && cluster.target == cluster.before && cluster.before.get() > 1 {
                    cluster.before = Weight::new(cluster.before.get() / 2);
                    cluster.target = cluster.before;
                    cluster.before = Weight::new(0);
                }
            }
        }
        _ => {}
    }
    plan
}
