//! What there is to move: knobs of both clusters side by side with the records of the zone. Reads only.

use std::collections::BTreeMap;

use crossfade_api::migration::Actuator;
use crossfade_core::dns::{RecordName, TxtNaming, ZoneRecords};
use crossfade_core::migration::{Admitted, Candidate, CandidateCluster, CheckOutcome};
use crossfade_core::weighted_set::HostRecords;
use crossfade_core::{ClusterName, GroupName};
use crossfade_kube::Cluster;
use crossfade_kube::groups::{Agents, Knob, backends, knobs, objects_with_hosts};

use crate::migration::actions::preflight;
use crate::migration::clock::now;
use crate::migration::driver::DriverError;
use crate::migration::records::record_knobs;
use crate::migration::world::{World, WorldOptions};

/// Knobs and candidates of every group.
pub struct Survey {
    /// For admission.
    pub candidates: Vec<Candidate>,
    /// For the driver.
    pub knobs: BTreeMap<GroupName, BTreeMap<ClusterName, Knob>>,
    /// Where the records of third clusters point.
    pub third: BTreeMap<GroupName, BTreeMap<ClusterName, String>>,
}

/// Whether pods are looked at for volumes: one request per Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stateful {
    /// Refused when found.
    Looked,
    /// Allowed by the user.
    Allowed,
}

/// Reads all groups of the clusters.
pub async fn survey(options: &WorldOptions, stateful: Stateful) -> Result<Survey, DriverError> {
    let records = options.route53.record_sets(&options.zone.id).await?;
    let zone = ZoneRecords::new(options.zone.id.clone(), options.zone.name.clone(), false, records);
    let mut by_group: BTreeMap<GroupName, BTreeMap<ClusterName, Knob>> = BTreeMap::new();
    let mut clusters: BTreeMap<GroupName, BTreeMap<ClusterName, CandidateCluster>> = BTreeMap::new();
    for cluster in &options.clusters {
        let agents = Agents::read(cluster).await?;
        for knob in knobs_of(options, cluster, &zone).await? {
            let volumes = match stateful {
                Stateful::Looked => backends(cluster, &knob).await?.persistent_volumes,
                Stateful::Allowed => Vec::new(),
            };
            let kept_by = match options.actuator {
                Actuator::Annotation => agents.keeper_of(&knob),
                Actuator::Route53 => knob.kept_by.clone(),
            };
            let candidate = mk_cluster(&knob, kept_by, volumes);
            clusters.entry(knob.group.clone()).or_default().insert(cluster.name.clone(), candidate);
            by_group.entry(knob.group.clone()).or_default().insert(cluster.name.clone(), knob);
        }
    }
    let mut survey = Survey { candidates: Vec::new(), knobs: by_group, third: BTreeMap::new() };
    for (group, clusters) in clusters {
        let (candidate, third) = mk_candidate(options, &zone, group.clone(), clusters);
        survey.candidates.push(candidate);
        survey.third.insert(group, third);
    }
    Ok(survey)
}

/// What weights are written on: annotated objects, or the record sets of objects' hosts in the zone.
async fn knobs_of(
    options: &WorldOptions,
    cluster: &Cluster,
    zone: &ZoneRecords,
) -> Result<Vec<Knob>, DriverError> {
    match options.actuator {
        Actuator::Annotation => Ok(knobs(cluster).await?),
        Actuator::Route53 => {
            let mut found = objects_with_hosts(cluster).await?;
            for knob in &mut found {
                knob.hosts.retain(|host| RecordName::parse(host).is_ok_and(|name| name.is_in(&zone.name)));
            }
            Ok(record_knobs(zone, found))
        }
    }
}

fn mk_cluster(knob: &Knob, kept_by: Option<String>, persistent_volumes: Vec<String>) -> CandidateCluster {
    CandidateCluster {
        hosts: knob.hosts.clone(),
        weight: knob.weight.clone(),
        set_identifier: knob.set_identifier.clone(),
        kept_by,
        load_balancer: knob.load_balancer.clone(),
        persistent_volumes,
    }
}

/// The records beside the knobs: foreign ones are named, third clusters join with their weight.
fn mk_candidate(
    options: &WorldOptions,
    zone: &ZoneRecords,
    group: GroupName,
    mut clusters: BTreeMap<ClusterName, CandidateCluster>,
) -> (Candidate, BTreeMap<ClusterName, String>) {
    let mut hosts: Vec<String> = clusters.values().flat_map(|cluster| cluster.hosts.clone()).collect();
    hosts.sort();
    hosts.dedup();
    let identifiers: Vec<String> =
        clusters.values().filter_map(|cluster| cluster.set_identifier.clone()).collect();
    let mut outside = Vec::new();
    let mut foreign = Vec::new();
    let mut third = BTreeMap::new();
    for host in &hosts {
        let name = RecordName::parse(host).ok().filter(|name| name.is_in(&zone.name));
        let Some(name) = name else {
            outside.push(host.clone());
            continue;
        };
        let records = HostRecords::of(zone, &TxtNaming::default(), &name);
        foreign.extend(
            records.other_policies.iter().map(|policy| format!("{host} has a {policy} record as well")),
        );
        for identifier in &identifiers {
            match records.set(identifier) {
                None => foreign.push(format!("{host} has no record set `{identifier}` yet")),
                Some(set) => match &set.owner {
                    Some(owner) if is_allowed(options, owner, identifier) => {}
                    Some(owner) => foreign.push(format!("{host} (set `{identifier}`) is owned by `{owner}`")),
                    None => foreign.push(format!("{host} (set `{identifier}`) has no owner")),
                },
            }
        }
        for set in
            records.sets.iter().filter(|set| !identifiers.iter().any(|id| id == set.set_identifier.as_str()))
        {
            let cluster = ClusterName(set.set_identifier.as_str().to_owned());
            third.extend(set.target.clone().map(|target| (cluster.clone(), target)));
            clusters.entry(cluster).or_insert_with(|| CandidateCluster {
                hosts: Vec::new(),
                weight: set.weight.ok_or_else(|| "its records disagree about the weight".to_owned()),
                set_identifier: Some(set.set_identifier.as_str().to_owned()),
                kept_by: None,
                load_balancer: set.target.clone(),
                persistent_volumes: Vec::new(),
            });
        }
    }
    (Candidate { group, clusters, hosts_outside_zone: outside, foreign_records: foreign }, third)
}

/// With annotations the DNS controller's own rules come on top; who writes records directly names their owners.
fn is_allowed(options: &WorldOptions, owner: &str, set_identifier: &str) -> bool {
    let is_named = options.owners.contains(owner);
    is_named || (options.actuator == Actuator::Annotation && owner == set_identifier)
}

/// Preflight of the destination before anything is asked for: what fails, one line per group.
pub async fn check_destination(
    options: &WorldOptions,
    knobs: &BTreeMap<GroupName, BTreeMap<ClusterName, Knob>>,
    admitted: &[Admitted],
    destination: &ClusterName,
) -> Vec<String> {
    let mut world = World::new(options.clone());
    for group in admitted {
        world.watch(group.group.clone(), knobs.get(&group.group).cloned().unwrap_or_default());
    }
    world.refresh_addresses(&BTreeMap::new()).await;
    let checks = admitted.iter().map(|group| preflight(&world, &group.group, destination, now()));
    let results = futures::future::join_all(checks).await;
    results
        .into_iter()
        .filter_map(|check| match check.outcome {
            CheckOutcome::Passed => None,
            CheckOutcome::Failed(why) => Some(format!("{} in {destination}: {why}", check.group)),
            CheckOutcome::Unknown(why) => {
                Some(format!("{} in {destination} cannot be checked: {why}", check.group))
            }
        })
        .collect()
}
