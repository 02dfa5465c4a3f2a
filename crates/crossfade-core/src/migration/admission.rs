//! Which groups a migration may move, and why it refuses others. Nothing is written before everything is admitted.

use std::collections::{BTreeMap, BTreeSet};

use crate::gitops::TERRAFORM;
use crate::migration::{ClusterStatus, GroupStatus, Spec};
use crate::{ClusterName, GroupName, Weight};

/// A group as the driver found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its knob.
    pub group: GroupName,
    /// Where it exists.
    pub clusters: BTreeMap<ClusterName, CandidateCluster>,
    /// Hosts that no zone of this migration holds.
    pub hosts_outside_zone: Vec<String>,
    /// Record sets beside the group that no named owner keeps: what and whose.
    pub foreign_records: Vec<String>,
    /// Annotations that one cluster's secret has and another's has not, which tear the group's hosts apart.
    pub missing_keys: Vec<MissingKey>,
}

/// A weight of its own that an application has in one cluster's secret only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingKey {
    /// The annotation.
    pub key: String,
    /// What it moves.
    pub hosts: Vec<String>,
    /// Where it is.
    pub present: ClusterName,
    /// Where it is not.
    pub missing: ClusterName,
    /// The secret that lacks it.
    pub secret: String,
    /// What a person types to add it with the weight that the hosts have there now.
    pub command: String,
}

/// A group in one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateCluster {
    /// Its hosts there.
    pub hosts: Vec<String>,
    /// The weight, or the text that is none.
    pub weight: Result<Weight, String>,
    /// The set identifier, if any.
    pub set_identifier: Option<String>,
    /// The agent that keeps the object as declared elsewhere, if any: its knob is not ours to write.
    pub kept_by: Option<String>,
    /// The load balancer's name, once it has one.
    pub load_balancer: Option<String>,
    /// How persistent volumes are used, if they are.
    pub persistent_volumes: Vec<String>,
    /// Where users connect, and whether they speak TLS there; `None` where no object says so (a third cluster's record).
    pub port: Option<Port>,
    /// Whatever carries the weight on and cannot be carried on itself: what and why.
    pub stuck: Vec<String>,
}

/// Where users connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The number.
    pub number: u16,
    /// Whether they speak TLS.
    pub tls: bool,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, if self.tls { "with TLS" } else { "without TLS" })
    }
}

/// What the user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every group found in both clusters.
    All,
    /// Groups by name.
    Groups(Vec<GroupName>),
    /// Groups by host: each chosen host's whole group must be chosen.
    Hosts(Vec<String>),
}

impl Selection {
    /// Whether it asks for this group, or for any of its hosts.
    pub fn chooses(&self, candidate: &Candidate) -> bool {
        match self {
            Selection::All => true,
            Selection::Groups(names) => names.contains(&candidate.group),
            Selection::Hosts(hosts) => {
                all_hosts(candidate).iter().any(|host| hosts.iter().any(|chosen| chosen == host))
            }
        }
    }
}

/// A group that may be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its knob.
    pub group: GroupName,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// The weights now.
    pub weights: BTreeMap<ClusterName, Weight>,
}

impl Admitted {
    pub(super) fn into_status(self, spec: &Spec) -> GroupStatus {
        let pair = [&spec.from, &spec.to];
        let third = self.weights.keys().filter(|name| !pair.contains(name));
        let names: Vec<ClusterName> = pair.into_iter().chain(third).cloned().collect();
        let clusters = names
            .into_iter()
            .map(|name| {
                let weight = self.weights.get(&name).copied().unwrap_or_default();
                mk_cluster(name, weight)
            })
            .collect();
        GroupStatus {
            name: self.group,
            hosts: self.hosts,
            clusters,
            ttl_seconds_max: 0,
            ratio: None,
            window: None,
        }
    }
}

fn mk_cluster(name: ClusterName, weight: Weight) -> ClusterStatus {
    ClusterStatus {
        name,
        before: weight,
        previous: weight,
        or_previous: None,
        reached: false,
        target: weight,
        foreign: None,
        agreed: None,
        hops: Vec::new(),
        evaluates_target_health: false,
        load: None,
        gates: Vec::new(),
        preflight_passed_at: None,
        preflight_failures: 0,
        preflight_message: None,
    }
}

/// Why a group is not moved. The text names the place, the hint the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing matches the selection.
    #[error("no group of hosts to move was found{0}")]
    NothingFound(String),
    /// A selected name is nowhere.
    #[error("{0} is in neither cluster")]
    NotFound(String),
    /// The selection takes some hosts of a group only.
    #[error("{group} moves as one: {chosen} was chosen, {left_out} was not")]
    SplitGroup {
        /// The group.
        group: GroupName,
        /// Members in the selection.
        chosen: String,
        /// Members outside.
        left_out: String,
    },
    /// The group exists in one cluster only, or with other hosts.
    #[error("{group}: {host} is in {present} and not in {missing}")]
    HostInOneCluster {
        /// The group.
        group: GroupName,
        /// The host.
        host: String,
        /// Where it is.
        present: ClusterName,
        /// Where it is not.
        missing: ClusterName,
    },
    /// The annotation that moves a host is in one cluster's secret only.
    #[error(
        "{} has the annotation {} in the cluster secret of {} and not in that of {} ({})",
        .0.hosts.join(", "), .0.key, .0.present, .0.missing, .0.secret
    )]
    KeyInOneSecret(MissingKey),
    /// A weight would be written, and not arrive.
    #[error("{group} in {cluster}: {stuck}; no weight would pass it")]
    Stuck {
        /// The group.
        group: GroupName,
        /// The cluster.
        cluster: ClusterName,
        /// What cannot be carried on, and why.
        stuck: String,
    },
    /// No weight.
    #[error("{group} in {cluster}: {message}")]
    BadWeight {
        /// The group.
        group: GroupName,
        /// The cluster.
        cluster: ClusterName,
        /// What is wrong.
        message: String,
    },
    /// All zero: equal shares for plain records, undefined for aliases (invariant I1).
    #[error("{group}: all weights are 0, so Route 53 splits the traffic evenly or as it likes")]
    AllZero {
        /// The group.
        group: GroupName,
    },
    /// The source has nothing to give.
    #[error("{group}: {from} has weight 0 already")]
    NothingToMove {
        /// The group.
        group: GroupName,
        /// The source.
        from: ClusterName,
    },
    /// No set identifier: a simple record.
    #[error("{group} in {cluster}: no set-identifier annotation, so its record has no weight")]
    NoSetIdentifier {
        /// The group.
        group: GroupName,
        /// The cluster.
        cluster: ClusterName,
    },
    /// Both clusters write the same record set.
    #[error("{group}: both clusters use the set identifier `{set_identifier}`")]
    SameSetIdentifier {
        /// The group.
        group: GroupName,
        /// The identifier.
        set_identifier: String,
    },
    /// Outside the zone.
    #[error("{group}: {host} is in no zone of this migration")]
    OutsideZone {
        /// The group.
        group: GroupName,
        /// The host.
        host: String,
    },
    /// Each cluster has the set identifier of the other.
    #[error("{group} has the set identifier {from_identifier} in {from} and {to_identifier} in {to}")]
    SwappedClusters {
        /// The group.
        group: GroupName,
        /// What is called the source.
        from: ClusterName,
        /// Its set identifier.
        from_identifier: String,
        /// What is called the destination.
        to: ClusterName,
        /// Its set identifier.
        to_identifier: String,
    },
    /// An agent keeps the object as declared elsewhere.
    #[error("{group} in {cluster} is kept by {agent}, which would undo a write")]
    KeptByAgent {
        /// The group.
        group: GroupName,
        /// The cluster.
        cluster: ClusterName,
        /// Who keeps it.
        agent: String,
    },
    /// No load balancer yet.
    #[error("{group} in {cluster} has no load balancer address yet")]
    NoLoadBalancer {
        /// The group.
        group: GroupName,
        /// The cluster.
        cluster: ClusterName,
    },
    /// Users would connect to the other cluster differently.
    #[error("{group}: {from} is asked on port {from_port}, {to} on port {to_port}")]
    OtherPort {
        /// The group.
        group: GroupName,
        /// The source.
        from: ClusterName,
        /// Its port.
        from_port: Port,
        /// The destination.
        to: ClusterName,
        /// Its port.
        to_port: Port,
    },
    /// A record beside the group that is nobody's of this migration.
    #[error("{group}: {record}")]
    ForeignRecord {
        /// The group.
        group: GroupName,
        /// What and whose.
        record: String,
    },
    /// Its pods keep data in the cluster.
    #[error("{group} in {cluster}: its pods mount {volumes}, and data does not move with traffic")]
    Stateful {
        /// The group.
        group: GroupName,
        /// The cluster.
        cluster: ClusterName,
        /// Which volumes.
        volumes: String,
    },
}

impl Refusal {
    /// The way out.
    pub fn hint(&self) -> String {
        if let Refusal::KeyInOneSecret(key) = self {
            return format!("give it the weight that it has there now: {}", key.command);
        }
        self.fixed_hint().to_owned()
    }

    fn fixed_hint(&self) -> &'static str {
        match self {
            Refusal::KeyInOneSecret(_) => "give both secrets the annotation",
            Refusal::Stuck { .. } => {
                "mend it first (a rollback does not wait for it), or choose groups that it does not lead to with --group"
            }
            Refusal::NothingFound(_) => {
                "an Ingress or Service needs the annotations set-identifier and aws-weight in both clusters"
            }
            Refusal::NotFound(_) => "`crossfade status` lists the groups that exist",
            // A group without a namespace is an annotation of cluster secrets.
            Refusal::SplitGroup { group, .. } if !group.0.contains('/') => {
                "choose all members, or give an application a weight of its own: the annotation APP_route53_weight of the cluster secrets"
            }
            Refusal::SwappedClusters { .. } => "do the contexts of --context belong to these clusters?",
            Refusal::SplitGroup { .. } => "choose all members, or give each host an Ingress of its own",
            Refusal::HostInOneCluster { .. } => {
                "deploy it to both clusters first, or choose groups with --group"
            }
            Refusal::BadWeight { .. } => "set the annotation aws-weight to a whole number from 0 to 255",
            Refusal::AllZero { .. } => "give the cluster that serves a weight above 0 first",
            Refusal::NothingToMove { .. } => "is --from the cluster that serves?",
            Refusal::NoSetIdentifier { .. } => "set the annotation set-identifier to the cluster's name",
            Refusal::SameSetIdentifier { .. } => "give each cluster a set identifier of its own",
            Refusal::OutsideZone { .. } => "is --zone the zone of this host?",
            Refusal::KeptByAgent { agent, .. } if agent.starts_with(TERRAFORM) => {
                "set the same weight in main.tf and pass --i-will-edit-main-tf: the next apply undoes it otherwise"
            }
            Refusal::KeptByAgent { .. } => {
                "write the weight where the agent reads it: in its repository, or with --actuator gitops-bridge on Argo CD's cluster secret"
            }
            Refusal::NoLoadBalancer { .. } => "wait for the load balancer controller, then try again",
            Refusal::OtherPort { .. } => "give both clusters the same listeners",
            Refusal::ForeignRecord { .. } => "name its owner with --owner, or remove the record",
            Refusal::Stateful { .. } => "pass --allow-stateful when the data is replicated or not needed",
        }
    }
}

/// All refusals at once, or all groups. Where everything is asked for, groups that have been moved before are left out: one
/// application after the other is how many begin.
pub fn admit(
    spec: &Spec,
    selection: &Selection,
    candidates: Vec<Candidate>,
) -> Result<Vec<Admitted>, Vec<Refusal>> {
    let mut refusals = refuse_selection(selection, &candidates);
    let chosen: Vec<Candidate> =
        candidates.into_iter().filter(|candidate| selection.chooses(candidate)).collect();
    if chosen.is_empty() && refusals.is_empty() {
        refusals.push(Refusal::NothingFound(format!(" in {} and {}", spec.from, spec.to)));
    }
    let mut admitted = Vec::new();
    let mut moved_before = Vec::new();
    for candidate in chosen {
        let found = refuse_candidate(spec, &candidate);
        match found[..] {
            [] => admitted.push(mk_admitted(spec, candidate)),
            [Refusal::NothingToMove { .. }] if *selection == Selection::All => moved_before.extend(found),
            _ => refusals.extend(found),
        }
    }
    if admitted.is_empty() {
        refusals.extend(moved_before);
    }
    // One annotation concerns two groups, and what else is wrong with them may follow from it.
    let (mut of_keys, others): (Vec<Refusal>, Vec<Refusal>) =
        refusals.into_iter().partition(|refusal| matches!(refusal, Refusal::KeyInOneSecret(_)));
    of_keys.dedup();
    let refusals: Vec<Refusal> = of_keys.into_iter().chain(others).collect();
    if refusals.is_empty() { Ok(admitted) } else { Err(refusals) }
}

fn all_hosts(candidate: &Candidate) -> BTreeSet<&str> {
    candidate.clusters.values().flat_map(|cluster| &cluster.hosts).map(String::as_str).collect()
}

fn refuse_selection(selection: &Selection, candidates: &[Candidate]) -> Vec<Refusal> {
    match selection {
        Selection::All => Vec::new(),
        Selection::Groups(names) => names
            .iter()
            .filter(|name| !candidates.iter().any(|candidate| candidate.group == **name))
            .map(|name| Refusal::NotFound(name.to_string()))
            .collect(),
        Selection::Hosts(hosts) => {
            let known: BTreeSet<&str> = candidates.iter().flat_map(all_hosts).collect();
            let lost = hosts.iter().filter(|host| !known.contains(host.as_str()));
            let lost = lost.map(|host| Refusal::NotFound(host.clone()));
            lost.chain(candidates.iter().filter_map(|candidate| split_of(hosts, candidate))).collect()
        }
    }
}

fn split_of(chosen_hosts: &[String], candidate: &Candidate) -> Option<Refusal> {
    // The annotation that is missing tears it apart, and is refused as such.
    if !candidate.missing_keys.is_empty() {
        return None;
    }
    let (chosen, left_out): (Vec<&str>, Vec<&str>) =
        all_hosts(candidate).into_iter().partition(|host| chosen_hosts.iter().any(|chosen| chosen == host));
    (!chosen.is_empty() && !left_out.is_empty()).then(|| Refusal::SplitGroup {
        group: candidate.group.clone(),
        chosen: chosen.join(", "),
        left_out: left_out.join(", "),
    })
}

fn refuse_candidate(spec: &Spec, candidate: &Candidate) -> Vec<Refusal> {
    let group = &candidate.group;
    let mut refusals = refuse_missing(spec, candidate);
    for (name, cluster) in &candidate.clusters {
        let group = group.clone();
        let cluster_name = name.clone();
        if let Err(message) = &cluster.weight {
            let message = message.clone();
            refusals.push(Refusal::BadWeight {
                group: group.clone(),
                cluster: cluster_name.clone(),
                message,
            });
        }
        if *name != spec.from && *name != spec.to {
            continue;
        }
        if cluster.set_identifier.is_none() {
            refusals.push(Refusal::NoSetIdentifier { group: group.clone(), cluster: cluster_name.clone() });
        }
        if let Some(agent) = &cluster.kept_by {
            let agent = agent.clone();
            refusals.push(Refusal::KeptByAgent {
                group: group.clone(),
                cluster: cluster_name.clone(),
                agent,
            });
        }
        let stuck = cluster.stuck.iter().map(|stuck| Refusal::Stuck {
            group: group.clone(),
            cluster: cluster_name.clone(),
            stuck: stuck.clone(),
        });
        refusals.extend(stuck);
        if cluster.load_balancer.is_none() {
            refusals.push(Refusal::NoLoadBalancer { group: group.clone(), cluster: cluster_name.clone() });
        }
        if !cluster.persistent_volumes.is_empty() {
            let volumes = cluster.persistent_volumes.join(", ");
            refusals.push(Refusal::Stateful { group, cluster: cluster_name, volumes });
        }
    }
    for host in &candidate.hosts_outside_zone {
        refusals.push(Refusal::OutsideZone { group: group.clone(), host: host.clone() });
    }
    for record in &candidate.foreign_records {
        refusals.push(Refusal::ForeignRecord { group: group.clone(), record: record.clone() });
    }
    refusals.extend(refuse_weights(spec, candidate));
    refusals
}

fn refuse_missing(spec: &Spec, candidate: &Candidate) -> Vec<Refusal> {
    let hosts_of = |name: &ClusterName| {
        candidate.clusters.get(name).map(|cluster| cluster.hosts.as_slice()).unwrap_or_default()
    };
    let missing_in = |present: &ClusterName, missing: &ClusterName| -> Vec<Refusal> {
        hosts_of(present)
            .iter()
            .filter(|host| !hosts_of(missing).contains(host))
            .filter(|host| candidate.missing_keys.iter().all(|key| !key.hosts.contains(host)))
            .map(|host| Refusal::HostInOneCluster {
                group: candidate.group.clone(),
                host: host.clone(),
                present: present.clone(),
                missing: missing.clone(),
            })
            .collect()
    };
    let mut refusals: Vec<Refusal> =
        candidate.missing_keys.iter().cloned().map(Refusal::KeyInOneSecret).collect();
    refusals.extend(missing_in(&spec.from, &spec.to));
    refusals.extend(missing_in(&spec.to, &spec.from));
    refusals
}

fn refuse_weights(spec: &Spec, candidate: &Candidate) -> Vec<Refusal> {
    let group = candidate.group.clone();
    let weight_of = |name: &ClusterName| {
        candidate.clusters.get(name).and_then(|cluster| cluster.weight.as_ref().ok().copied())
    };
    let identifier_of =
        |name: &ClusterName| candidate.clusters.get(name).and_then(|cluster| cluster.set_identifier.clone());
    let mut refusals = Vec::new();
    let all: Vec<Weight> =
        candidate.clusters.values().filter_map(|cluster| cluster.weight.as_ref().ok().copied()).collect();
    if all.len() == candidate.clusters.len() && all.iter().all(|weight| weight.is_zero()) {
        refusals.push(Refusal::AllZero { group: group.clone() });
    } else if weight_of(&spec.from).is_some_and(Weight::is_zero) {
        refusals.push(Refusal::NothingToMove { group: group.clone(), from: spec.from.clone() });
    }
    if let (Some(from), Some(to)) = (identifier_of(&spec.from), identifier_of(&spec.to)) {
        if from == to {
            refusals.push(Refusal::SameSetIdentifier { group: group.clone(), set_identifier: from });
        } else if is_named_after(&from, &spec.to) && is_named_after(&to, &spec.from) {
            refusals.push(Refusal::SwappedClusters {
                group: group.clone(),
                from: spec.from.clone(),
                from_identifier: from,
                to: spec.to.clone(),
                to_identifier: to,
            });
        }
    }
    let port_of = |name: &ClusterName| candidate.clusters.get(name).and_then(|cluster| cluster.port);
    if let (Some(from_port), Some(to_port)) = (port_of(&spec.from), port_of(&spec.to))
        && from_port != to_port
    {
        let (from, to) = (spec.from.clone(), spec.to.clone());
        refusals.push(Refusal::OtherPort { group, from, from_port, to, to_port });
    }
    refusals
}

/// `eks-blueprint-blue` is blue's, by the pattern.
fn is_named_after(set_identifier: &str, cluster: &ClusterName) -> bool {
    let rest = set_identifier.strip_suffix(cluster.0.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('-'))
}

fn mk_admitted(spec: &Spec, candidate: Candidate) -> Admitted {
    let hosts = candidate.clusters.get(&spec.from).map(|cluster| cluster.hosts.clone()).unwrap_or_default();
    let weights = candidate
        .clusters
        .into_iter()
        .filter_map(|(name, cluster)| Some((name, cluster.weight.ok()?)))
        .collect();
    Admitted { group: candidate.group, hosts, weights }
}
