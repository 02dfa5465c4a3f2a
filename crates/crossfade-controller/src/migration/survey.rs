//! What there is to move: knobs of both clusters side by side with the records of the zone. Reads only.

use std::collections::BTreeMap;

use crossfade_api::migration::Actuator;
use crossfade_core::dns::{RecordName, TxtNaming, ZoneRecords};
use crossfade_core::gitops::{ARGOCD_NAMESPACE, ROUTE53_WEIGHT, TERRAFORM};
use crossfade_core::migration::{
    Admitted, Candidate, CandidateCluster, CheckOutcome, MissingKey, Port, Spec,
};
use crossfade_core::weighted_set::HostRecords;
use crossfade_core::{ClusterName, GroupName};
use crossfade_kube::Cluster;
use crossfade_kube::applications::{Application, Sync, applications};
use crossfade_kube::bridge::SecretOwner;
use crossfade_kube::groups::{Agents, Knob, backends, knobs, objects_with_hosts};

use crate::migration::actions::preflight;
use crate::migration::bridge::{bridge_places, leading_to, told};
use crate::migration::clock::now;
use crate::migration::driver::DriverError;
use crate::migration::gates::pods::{count, part};
use crate::migration::place::{Place, SecretKey};
use crate::migration::records::record_knobs;
use crate::migration::world::{World, WorldOptions};

/// Every group in every cluster.
pub type Places = BTreeMap<GroupName, BTreeMap<ClusterName, Place>>;

/// Places and candidates of every group.
pub struct Survey {
    /// For admission.
    pub candidates: Vec<Candidate>,
    /// For the driver.
    pub places: Places,
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
    let mut by_group = Places::new();
    let mut clusters: BTreeMap<GroupName, BTreeMap<ClusterName, CandidateCluster>> = BTreeMap::new();
    for cluster in &options.clusters {
        let agents = Agents::read(cluster).await?;
        let applications = match options.actuator {
            Actuator::GitopsBridge => applications(cluster, ARGOCD_NAMESPACE).await?,
            Actuator::Annotation | Actuator::Route53 => Vec::new(),
        };
        for (group, place) in places_of(options, cluster, &zone).await? {
            let mut volumes = Vec::new();
            if stateful == Stateful::Looked {
                for object in &place.objects {
                    volumes.extend(backends(cluster, &object.knob).await?.persistent_volumes);
                }
            }
            let candidate = CandidateCluster {
                stuck: stuck(&applications, &place),
                ..mk_cluster(&place, kept_by(options, &agents, &place), volumes)
            };
            clusters.entry(group.clone()).or_default().insert(cluster.name.clone(), candidate);
            by_group.entry(group).or_default().insert(cluster.name.clone(), place);
        }
    }
    let missing = missing_keys(&options.clusters, &by_group);
    let names = names_by_identifier(&by_group);
    let mut survey = Survey { candidates: Vec::new(), places: by_group, third: BTreeMap::new() };
    for (group, clusters) in clusters {
        let known = Known { zone: &zone, names: &names, missing: &missing };
        let (candidate, third) = mk_candidate(options, known, group.clone(), clusters);
        survey.candidates.push(candidate);
        survey.third.insert(group, third);
    }
    Ok(survey)
}

/// Applications on the way to a place that nobody carries on.
fn stuck(applications: &[Application], place: &Place) -> Vec<String> {
    let on_the_way = leading_to(applications, &place.objects).into_iter();
    on_the_way.filter(|application| application.sync == Sync::Stuck).map(told).collect()
}

/// What is known beside a group.
#[derive(Clone, Copy)]
struct Known<'a> {
    zone: &'a ZoneRecords,
    /// Whose set identifier it is, as the objects say.
    names: &'a BTreeMap<String, ClusterName>,
    missing: &'a [(Vec<GroupName>, MissingKey)],
}

fn names_by_identifier(places: &Places) -> BTreeMap<String, ClusterName> {
    let all = places.values().flatten();
    all.filter_map(|(cluster, place)| Some((place.set_identifier()?.to_owned(), cluster.clone()))).collect()
}

/// Annotations that feed hosts in one cluster while another annotation feeds the same hosts in another cluster, with the groups
/// that this concerns.
fn missing_keys(clusters: &[Cluster], places: &Places) -> Vec<(Vec<GroupName>, MissingKey)> {
    let mut found = Vec::new();
    for (group, of_group) in places.iter().filter(|(group, _)| group.0 != ROUTE53_WEIGHT) {
        for cluster in clusters.iter().filter(|cluster| !of_group.contains_key(&cluster.name)) {
            let Some((present, place)) = of_group.iter().next() else { continue };
            let fed = places.iter().find_map(|(other, of_other)| {
                let there = of_other.get(&cluster.name)?;
                let object = there.objects.iter().find(|object| {
                    object.knob.hosts.iter().any(|host| place.hosts().any(|fed| fed == host))
                })?;
                Some((other, there.secret.as_ref()?, object))
            });
            let Some((other, SecretKey { secret, .. }, object)) = fed else { continue };
            let weight =
                object.knob.weight.as_ref().map_or_else(|_| "WEIGHT".to_owned(), ToString::to_string);
            let and_terraform = match &secret.owner {
                SecretOwner::Terraform { .. } => ", and the same in main.tf",
                SecretOwner::Nobody => "",
            };
            let missing = MissingKey {
                key: group.0.clone(),
                hosts: place.hosts().cloned().collect(),
                present: present.clone(),
                missing: cluster.name.clone(),
                secret: secret.name.clone(),
                command: format!(
                    "kubectl --context {} -n {ARGOCD_NAMESPACE} annotate secret {} {group}={weight}{and_terraform}",
                    cluster.context, secret.name
                ),
            };
            found.push((vec![group.clone(), other.clone()], missing));
        }
    }
    found
}

/// Who would put a written weight back.
fn kept_by(options: &WorldOptions, agents: &Agents, place: &Place) -> Option<String> {
    match (options.actuator, &place.secret) {
        (Actuator::GitopsBridge, Some(SecretKey { secret, .. })) => match &secret.owner {
            SecretOwner::Terraform { manager } if !options.terraform_is_told => {
                Some(format!("{TERRAFORM} (field manager {manager} of the cluster secret {})", secret.name))
            }
            SecretOwner::Terraform { .. } | SecretOwner::Nobody => None,
        },
        (Actuator::Annotation, _) => place.objects.iter().find_map(|object| agents.keeper_of(&object.knob)),
        (Actuator::Route53 | Actuator::GitopsBridge, _) => {
            place.objects.iter().find_map(|object| object.knob.kept_by.clone())
        }
    }
}

/// What weights are written on: annotated objects, the record sets of objects' hosts in the zone, or annotations of the
/// cluster secret.
pub(super) async fn places_of(
    options: &WorldOptions,
    cluster: &Cluster,
    zone: &ZoneRecords,
) -> Result<BTreeMap<GroupName, Place>, DriverError> {
    let of_knob = |knob: Knob| (knob.group.clone(), Place::of_object(knob));
    match options.actuator {
        Actuator::Annotation => Ok(knobs(cluster).await?.into_iter().map(of_knob).collect()),
        Actuator::Route53 => {
            let mut found = objects_with_hosts(cluster).await?;
            for knob in &mut found {
                knob.hosts.retain(|host| RecordName::parse(host).is_ok_and(|name| name.is_in(&zone.name)));
            }
            Ok(record_knobs(zone, found).into_iter().map(of_knob).collect())
        }
        Actuator::GitopsBridge => Ok(bridge_places(cluster).await?),
    }
}

fn mk_cluster(place: &Place, kept_by: Option<String>, persistent_volumes: Vec<String>) -> CandidateCluster {
    // The bridge's annotation feeds objects: one that shows another weight is fed by something else.
    let stray = place.secret.as_ref().and_then(|SecretKey { key, .. }| {
        let object = place.objects.iter().find(|object| object.knob.weight != place.weight)?;
        let shown =
            object.knob.weight.as_ref().map_or_else(Clone::clone, |weight| format!("its weight is {weight}"));
        Some(format!("{} does not follow {key}: {shown}", object.knob.group))
    });
    let ports: Vec<Port> =
        place.objects.iter().map(|object| Port { number: object.knob.port, tls: object.knob.tls }).collect();
    CandidateCluster {
        hosts: place.hosts().cloned().collect(),
        weight: stray.map_or_else(|| place.weight.clone(), Err),
        set_identifier: place.set_identifier().map(ToOwned::to_owned),
        kept_by,
        load_balancer: place.objects.iter().map(|object| object.knob.load_balancer.clone()).min().flatten(),
        persistent_volumes,
        port: ports.first().copied().filter(|port| ports.iter().all(|other| other == port)),
        stuck: Vec::new(),
    }
}

/// The records beside the knobs: foreign ones are named, third clusters join with their weight.
fn mk_candidate(
    options: &WorldOptions,
    Known { zone, names, missing }: Known<'_>,
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
            let identifier = set.set_identifier.as_str();
            let own = names.get(identifier).filter(|name| !clusters.contains_key(*name));
            let cluster = own.cloned().unwrap_or_else(|| ClusterName(identifier.to_owned()));
            third.extend(set.target.clone().map(|target| (cluster.clone(), target)));
            clusters.entry(cluster).or_insert_with(|| CandidateCluster {
                hosts: Vec::new(),
                weight: set.weight.ok_or_else(|| "its records disagree about the weight".to_owned()),
                set_identifier: Some(set.set_identifier.as_str().to_owned()),
                kept_by: None,
                load_balancer: set.target.clone(),
                persistent_volumes: Vec::new(),
                port: None,
                stuck: Vec::new(),
            });
        }
    }
    let of_group = missing.iter().filter(|(groups, _)| groups.contains(&group));
    let missing_keys = of_group.map(|(_, missing)| missing.clone()).collect();
    (
        Candidate { group, clusters, hosts_outside_zone: outside, foreign_records: foreign, missing_keys },
        third,
    )
}

/// Where a DNS controller writes the records its own rules come on top; who writes them directly names their owners.
fn is_allowed(options: &WorldOptions, owner: &str, set_identifier: &str) -> bool {
    let is_named = options.owners.contains(owner);
    is_named || (options.actuator != Actuator::Route53 && owner == set_identifier)
}

/// Ready pods of the destination against a part of the source's: one line per Service that has too few.
pub async fn check_capacity(
    options: &WorldOptions,
    places: &Places,
    admitted: &[Admitted],
    spec: &Spec,
    percent: u32,
) -> Vec<String> {
    let cluster = |name: &ClusterName| options.clusters.iter().find(|cluster| cluster.name == *name);
    let (Some(from), Some(to)) = (cluster(&spec.from), cluster(&spec.to)) else { return Vec::new() };
    let mut lines = Vec::new();
    for Admitted { group, .. } in admitted {
        let Some(of_group) = places.get(group) else { continue };
        let (Some(source), Some(destination)) = (of_group.get(&spec.from), of_group.get(&spec.to)) else {
            continue;
        };
        let counts = futures::future::try_join(count(from, source), count(to, destination)).await;
        match counts {
            Err(error) => lines.push(format!("{group}: ready pods cannot be counted: {error}")),
            Ok((source, destination)) => lines.extend(source.into_iter().filter_map(|(service, ready)| {
                let found = destination.get(&service).copied().unwrap_or(0);
                let wanted = part(ready, percent);
                (found < wanted).then(|| {
                    format!("{group} in {}: Service {service} has {found} ready pods, {wanted} wanted ({percent} % of {ready})", spec.to)
                })
            })),
        }
    }
    lines
}

/// Preflight of the destination before anything is asked for: what fails, one line per group.
pub async fn check_destination(
    options: &WorldOptions,
    places: &Places,
    admitted: &[Admitted],
    destination: &ClusterName,
) -> Vec<String> {
    let mut world = World::new(options.clone());
    for group in admitted {
        world.watch(group.group.clone(), places.get(&group.group).cloned().unwrap_or_default());
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
