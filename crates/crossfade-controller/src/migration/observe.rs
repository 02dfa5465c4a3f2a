//! The hops of a weight as they look now.

mod held;
mod reports;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crossfade_api::dns_report;
use crossfade_api::migration::{Actuator, NAMESPACE};
use crossfade_aws::ChangeId;
use crossfade_core::dns::{RecordName, TxtNaming, ZoneRecords};
use crossfade_core::gitops::ARGOCD_NAMESPACE;
use crossfade_core::migration::{ClusterSeen, GroupSeen, HopSeen, hop};
use crossfade_core::weighted_set::HostRecords;
use crossfade_core::{ClusterName, GroupName, Weight};
use crossfade_kube::applications::{Application, Sync, applications, refresh};
use crossfade_kube::bridge::read_cluster_secret;
use crossfade_kube::groups::{Knob, read_knob};
use crossfade_kube::{Cluster, KubeError};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;

use crate::migration::bridge::{application_hops, hop as bridge_hop, weight_of};
use crate::migration::place::{Place, SecretKey};
use crate::migration::records::record_knob;
use crate::migration::world::World;
use held::Held;
use reports::Reports;

/// A record written by somebody whose changes we cannot follow counts as everywhere after this long (Route 53: "within 60
/// seconds" to all name servers).
const FOREIGN_WRITER_AGE: Duration = Duration::from_mins(1);
/// Between two calls while a hop is awaited: two a second stay under Route 53's five requests a second per account. A
/// listing takes one call per 300 record sets, so a large zone is listed less often.
const AWAITING_EVERY: Duration = Duration::from_millis(500);
/// ListResourceRecordSets: the largest page.
const RECORD_SETS_PAGE: u32 = 300;
/// Listings while nothing is expected to move: soon enough to see a foreign hand within a TTL.
const WATCHING_EVERY: Duration = Duration::from_secs(10);

/// An Application that is not synced by then is asked to compare at once; Argo CD itself takes a second.
const HURRY_AFTER: Duration = Duration::from_secs(5);

/// How closely the records are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// A weight is on its way.
    Awaiting,
    /// All is settled.
    Watching,
}

/// What the last rounds left behind.
#[derive(Default)]
pub(super) struct Memory {
    records: Option<(Instant, ZoneRecords)>,
    ttl_seconds: BTreeMap<GroupName, u32>,
    in_sync: BTreeSet<String>,
    /// Since when a host's set shows its weight.
    shown_since: BTreeMap<(String, String), (Weight, Instant)>,
    /// Since when an object shows its weight.
    declared_since: BTreeMap<(GroupName, ClusterName), (Weight, Instant)>,
    reports: Reports,
    applications: BTreeMap<ClusterName, (Instant, Vec<Application>)>,
    /// Applications that lag, since when or when they were last asked to hurry.
    hurried: BTreeMap<(ClusterName, String), Instant>,
    /// What this driver wrote itself: host and set identifier -> weight and change.
    written: BTreeMap<(String, String), (Weight, ChangeId)>,
}

impl Memory {
    /// What was read of a place. What cannot be read now has not moved for that.
    fn saw_declared(&mut self, cluster: &ClusterName, place: &Place) {
        for knob in place.objects.iter().map(|object| &object.knob) {
            let Ok(weight) = knob.weight else { continue };
            let key = (knob.group.clone(), cluster.clone());
            if self.declared_since.get(&key).is_none_or(|(shown, _)| *shown != weight) {
                self.declared_since.insert(key, (weight, Instant::now()));
            }
        }
    }

    /// The zone as last listed.
    pub(super) fn zone(&self) -> Option<&ZoneRecords> {
        self.records.as_ref().map(|(_, zone)| zone)
    }

    /// Records were written, or are not what they were taken for: the next look lists them anew.
    pub(super) fn list_again(&mut self) {
        self.records = None;
    }

    /// A change of this driver's own.
    pub(super) fn wrote(&mut self, host: &str, set_identifier: &str, weight: Weight, change: &ChangeId) {
        self.written.insert((host.to_owned(), set_identifier.to_owned()), (weight, change.clone()));
    }

    /// A TTL that an answer had.
    pub(super) fn saw_ttl(&mut self, group: &GroupName, seconds: u32) {
        let seen = self.ttl_seconds.entry(group.clone()).or_default();
        *seen = (*seen).max(seconds);
    }
}

/// All groups, all hops. What cannot be read is unknown, and said so once per round at debug level.
pub(super) async fn observe(
    world: &mut World,
    memory: &mut Memory,
    pace: Pace,
) -> BTreeMap<GroupName, GroupSeen> {
    refresh_records(world, memory, pace).await;
    world.learn_missing(memory.zone()).await;
    let readable = read_places(world, memory).await;
    refresh_applications(world, memory, pace).await;
    refresh_reports(world, memory).await;
    let third = third_targets(world, memory);
    world.refresh_addresses(&third).await;
    let groups: Vec<GroupName> = world.places.keys().cloned().collect();
    let mut seen = BTreeMap::new();
    for group in groups {
        let mut group_seen =
            GroupSeen { clusters: BTreeMap::new(), ttl_seconds_max: memory.ttl_seconds.get(&group).copied() };
        let places = world.places.get(&group).cloned().unwrap_or_default();
        for (cluster, place) in &places {
            let is_readable = readable.contains(&(group.clone(), cluster.clone()));
            let at = Spot { cluster, place };
            let hops = hops_of(world, memory, at, is_readable).await;
            let evaluates_target_health = evaluates_target_health(memory, place);
            group_seen.clusters.insert(cluster.clone(), ClusterSeen { hops, evaluates_target_health });
        }
        add_third(memory, &places, &mut group_seen);
        seen.insert(group, group_seen);
    }
    seen
}

/// One group in one cluster.
#[derive(Clone, Copy)]
struct Spot<'a> {
    cluster: &'a ClusterName,
    place: &'a Place,
}

/// Reads every place again and keeps it for the next write. Returns those that could be read whole.
async fn read_places(world: &mut World, memory: &Memory) -> BTreeSet<(GroupName, ClusterName)> {
    let zone = memory.records.as_ref().map(|(_, zone)| zone);
    let mut reads = Vec::new();
    for (group, places) in &world.places {
        for (name, place) in places {
            let Some(cluster) = world.cluster(name).cloned() else { continue };
            let (group, name, place) = (group.clone(), name.clone(), place.clone());
            let actuator = world.options.actuator;
            reads.push(async move {
                let read = read_place(&cluster, &group, place, actuator, zone).await;
                ((group, name), read)
            });
        }
    }
    let mut readable = BTreeSet::new();
    let mut moved = false;
    for ((group, cluster), result) in futures::future::join_all(reads).await {
        match result {
            Ok(Some(read)) => {
                let place = world.places.get_mut(&group).and_then(|places| places.get_mut(&cluster));
                if let Some(place) = place {
                    let balancers = |place: &Place| -> Vec<Option<String>> {
                        place.objects.iter().map(|object| object.knob.load_balancer.clone()).collect()
                    };
                    moved |= balancers(place) != balancers(&read);
                    *place = read;
                }
                readable.insert((group, cluster));
            }
            Ok(None) => tracing::debug!(%group, %cluster, "the knob is gone"),
            Err(error) => tracing::debug!(%group, %cluster, %error, "the knob cannot be read"),
        }
    }
    if moved {
        world.forget_addresses();
    }
    readable
}

/// A place as it is now; `None` when a part of it is gone.
async fn read_place(
    cluster: &Cluster,
    group: &GroupName,
    mut place: Place,
    actuator: Actuator,
    zone: Option<&ZoneRecords>,
) -> Result<Option<Place>, KubeError> {
    for object in &mut place.objects {
        let Some(read) = read_knob(cluster, &object.knob).await? else { return Ok(None) };
        object.knob = match (actuator, zone) {
            (Actuator::Annotation | Actuator::GitopsBridge, _) => read,
            (Actuator::Route53, Some(zone)) => record_knob(zone, &read, &group.0),
            (Actuator::Route53, None) => return Ok(None),
        };
    }
    if let Some(SecretKey { secret, key }) = &mut place.secret {
        let Some(read) = read_cluster_secret(cluster, ARGOCD_NAMESPACE, &secret.name).await? else {
            return Ok(None);
        };
        place.weight = weight_of(&read, key);
        *secret = read;
    } else {
        let weight = place.objects.first().map(|object| object.knob.weight.clone());
        place.weight = weight.unwrap_or_else(|| Err("it has no object".to_owned()));
    }
    Ok(Some(place))
}

/// The Applications of every cluster, with the actuator `gitopsBridge`; one that lags is asked to compare at once.
async fn refresh_applications(world: &World, memory: &mut Memory, pace: Pace) {
    if world.options.actuator != Actuator::GitopsBridge {
        return;
    }
    let every = match pace {
        Pace::Awaiting => AWAITING_EVERY,
        Pace::Watching => WATCHING_EVERY,
    };
    for cluster in &world.options.clusters {
        let listed = memory.applications.get(&cluster.name);
        if listed.is_some_and(|(at, _)| at.elapsed() < every) {
            continue;
        }
        match applications(cluster, ARGOCD_NAMESPACE).await {
            Ok(found) => {
                if pace == Pace::Awaiting {
                    hurry(cluster, memory, &found).await;
                }
                memory.applications.insert(cluster.name.clone(), (Instant::now(), found));
            }
            Err(error) => {
                tracing::debug!(cluster = %cluster.name, %error, "the Applications cannot be listed");
                memory.applications.remove(&cluster.name);
            }
        }
    }
}

/// Argo CD compares by itself when an Application changes; one whose turn does not come is reminded.
async fn hurry(cluster: &Cluster, memory: &mut Memory, found: &[Application]) {
    for application in found.iter().filter(|application| application.sync != Sync::Done) {
        let key = (cluster.name.clone(), application.name.clone());
        let since = *memory.hurried.entry(key.clone()).or_insert_with(Instant::now);
        if since.elapsed() >= HURRY_AFTER {
            memory.hurried.insert(key, Instant::now());
            if let Err(error) = refresh(cluster, ARGOCD_NAMESPACE, &application.name).await {
                tracing::debug!(%error, "Argo CD was not asked to hurry");
            }
        }
    }
    let running: BTreeSet<&str> = found
        .iter()
        .filter(|application| application.sync != Sync::Done)
        .map(|application| application.name.as_str())
        .collect();
    memory
        .hurried
        .retain(|(name, application), _| *name != cluster.name || running.contains(application.as_str()));
}

async fn refresh_records(world: &World, memory: &mut Memory, pace: Pace) {
    let every = match pace {
        Pace::Awaiting => AWAITING_EVERY,
        Pace::Watching => WATCHING_EVERY,
    };
    let calls =
        |zone: &ZoneRecords| u32::try_from(zone.len()).unwrap_or(u32::MAX).div_ceil(RECORD_SETS_PAGE).max(1);
    if memory.records.as_ref().is_some_and(|(at, zone)| at.elapsed() < every * calls(zone)) {
        return;
    }
    let zone = &world.options.zone;
    match world.options.route53.record_sets(&zone.id).await {
        Ok(records) => {
            let zone = ZoneRecords::new(zone.id.clone(), zone.name.clone(), false, records);
            memory.records = Some((Instant::now(), zone));
        }
        Err(error) => {
            tracing::debug!(%error, "the records cannot be listed");
            memory.records = None;
        }
    }
}

/// What crossfade's own DNS controllers say about their last changes; other controllers say nothing.
async fn refresh_reports(world: &World, memory: &mut Memory) {
    for cluster in &world.options.clusters {
        let api: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), NAMESPACE);
        let labelled = ListParams::default().labels(&format!("{}=true", dns_report::LABEL));
        let Ok(list) = api.list(&labelled).await else { continue };
        let data = list.items.into_iter().filter_map(|map| map.data).flatten();
        let reports = data.filter_map(|(key, text)| Some((key, serde_json::from_str(&text).ok()?))).collect();
        memory.reports.take(cluster.name.clone(), reports);
    }
}

fn third_targets(world: &World, memory: &Memory) -> BTreeMap<GroupName, BTreeMap<ClusterName, String>> {
    let mut targets = BTreeMap::new();
    for (group, places) in &world.places {
        let Some(host) = places.values().next().and_then(|place| place.hosts().next()) else { continue };
        let ids: Vec<&str> = places.values().filter_map(Place::set_identifier).collect();
        let others = host_records(memory, host).map(|records| records.sets).unwrap_or_default();
        let others = others.into_iter().filter(|set| !ids.contains(&set.set_identifier.as_str()));
        let of_group: BTreeMap<ClusterName, String> = others
            .filter_map(|set| Some((ClusterName(set.set_identifier.as_str().to_owned()), set.target?)))
            .collect();
        targets.insert(group.clone(), of_group);
    }
    targets
}

fn host_records(memory: &Memory, host: &str) -> Option<HostRecords> {
    let (_, zone) = memory.records.as_ref()?;
    Some(HostRecords::of(zone, &TxtNaming::default(), &RecordName::parse(host).ok()?))
}

async fn hops_of(world: &World, memory: &mut Memory, at: Spot<'_>, is_readable: bool) -> Vec<HopSeen> {
    let place = at.place;
    let written = place.weight.clone().ok().filter(|_| is_readable);
    let declared = declared(place).filter(|_| is_readable);
    if is_readable {
        memory.saw_declared(at.cluster, place);
    }
    let record = record_weight(memory, place);
    let held = if is_readable { Held::of(memory, at, written) } else { None };
    let floor_of_records = held.as_ref().and_then(|held| held.floor_of_records(memory, place));
    let is_known = record.is_some() || floor_of_records.is_some();
    let is_everywhere = is_known && is_everywhere(world, memory, at).await;
    let everywhere = record.filter(|_| is_everywhere);
    if world.options.actuator == Actuator::Route53 {
        return vec![HopSeen::new(hop::RECORD, written), HopSeen::new(hop::NAME_SERVERS, everywhere)];
    }
    let mut hops = Vec::new();
    if let (Actuator::GitopsBridge, Some(SecretKey { key, .. })) = (world.options.actuator, &place.secret) {
        let applications = memory.applications.get(at.cluster).map(|(_, found)| found.as_slice());
        hops.push(HopSeen::new(bridge_hop::SECRET, written));
        hops.extend(application_hops(applications, key, written, &place.objects));
    }
    hops.extend([
        HopSeen {
            floor: held.as_ref().and_then(|held| held.floor_of_objects(place)),
            note: held.as_ref().and_then(|held| held.note(place)),
            ..HopSeen::new(hop::DECLARED, declared)
        },
        HopSeen {
            floor: floor_of_records,
            note: record_note(memory, place, record),
            ..HopSeen::new(hop::RECORD, record)
        },
        HopSeen {
            floor: floor_of_records.filter(|_| is_everywhere),
            ..HopSeen::new(hop::NAME_SERVERS, everywhere)
        },
    ]);
    hops
}

/// Why a record's weight is none: nothing was listed yet, or its parts follow one after the other.
fn record_note(memory: &Memory, place: &Place, weight: Option<Weight>) -> Option<String> {
    if weight.is_some() {
        return None;
    }
    if memory.records.is_none() {
        return Some("its records to be listed".to_owned());
    }
    let mut shown = BTreeSet::new();
    for knob in place.objects.iter().map(|object| &object.knob) {
        let identifier = knob.set_identifier.as_deref().unwrap_or_default();
        for host in &knob.hosts {
            match host_records(memory, host).as_ref().and_then(|records| records.set(identifier)) {
                Some(set) => shown.extend(set.weights.iter().copied()),
                None => return Some(format!("the record of {host}")),
            }
        }
    }
    let weights: Vec<String> = shown.iter().map(ToString::to_string).collect();
    Some(format!("its records to agree ({} now)", weights.join(" and ")))
}

/// The weight that every object of a place carries.
fn declared(place: &Place) -> Option<Weight> {
    let mut weights = place.objects.iter().map(|object| object.knob.weight.clone().ok());
    let first = weights.next()??;
    weights.all(|weight| weight == Some(first)).then_some(first)
}

/// Whether any host's set evaluates its target; `None` = nothing is listed.
fn evaluates_target_health(memory: &Memory, place: &Place) -> Option<bool> {
    let sets = place.objects.iter().flat_map(|object| {
        let identifier = object.knob.set_identifier.as_deref().unwrap_or_default();
        object.knob.hosts.iter().filter_map(move |host| {
            host_records(memory, host)?.set(identifier).and_then(|set| set.evaluates_target_health)
        })
    });
    sets.reduce(|left, right| left || right)
}

/// The weight that all parts of all hosts have in the zone.
fn record_weight(memory: &Memory, place: &Place) -> Option<Weight> {
    let mut weights = BTreeSet::new();
    for knob in place.objects.iter().map(|object| &object.knob) {
        for host in &knob.hosts {
            weights.insert(listed(memory, knob, host)?);
        }
    }
    if weights.len() == 1 { weights.pop_first() } else { None }
}

/// The weight that all parts of one host's set have.
fn listed(memory: &Memory, knob: &Knob, host: &str) -> Option<Weight> {
    host_records(memory, host)?.set(knob.set_identifier.as_deref()?)?.weight
}

/// Whether every name server of the zone answers with what is listed, for every host.
async fn is_everywhere(world: &World, memory: &mut Memory, at: Spot<'_>) -> bool {
    // Every host's clock starts when its record shows the weight, also while another host is waited for.
    let mut shown_since = Vec::new();
    for knob in at.place.objects.iter().map(|object| &object.knob) {
        let identifier = knob.set_identifier.clone().unwrap_or_default();
        // A writer that polls may still be under way with the weight that the object had before.
        let key = (knob.group.clone(), at.cluster.clone());
        let declared_since = memory.declared_since.get(&key).map_or_else(Instant::now, |(_, since)| *since);
        for host in &knob.hosts {
            let Some(weight) = listed(memory, knob, host) else { return false };
            let key = (host.clone(), identifier.clone());
            let since = match memory.shown_since.get(&key) {
                Some((shown, since)) if *shown == weight => *since,
                _ => Instant::now(),
            };
            memory.shown_since.insert(key, (weight, since));
            memory.reports.judge(at.cluster, host, weight);
            shown_since.push((host, identifier.clone(), weight, since.max(declared_since)));
        }
    }
    for (host, identifier, weight, since) in shown_since {
        let own = memory.written.get(&(host.clone(), identifier));
        let own = own.filter(|(written, _)| *written == weight).map(|(_, change)| change.0.clone());
        let change = own.or_else(|| memory.reports.change(at.cluster, host, weight));
        let followed = match change {
            Some(change) if memory.in_sync.contains(&change) => true,
            Some(change) => {
                let synced =
                    world.options.route53.is_in_sync(&ChangeId(change.clone())).await.unwrap_or(false);
                if synced {
                    memory.in_sync.insert(change);
                }
                synced
            }
            None => since.elapsed() >= FOREIGN_WRITER_AGE,
        };
        if !followed {
            return false;
        }
    }
    true
}

/// Clusters outside the pair: their one hop is the record.
fn add_third(memory: &Memory, places: &BTreeMap<ClusterName, Place>, group: &mut GroupSeen) {
    let Some(host) = places.values().next().and_then(|place| place.hosts().next()) else { return };
    let ids: Vec<&str> = places.values().filter_map(Place::set_identifier).collect();
    let Some(records) = host_records(memory, host) else { return };
    for set in records.sets.into_iter().filter(|set| !ids.contains(&set.set_identifier.as_str())) {
        let name = ClusterName(set.set_identifier.as_str().to_owned());
        let hop = HopSeen::new(hop::RECORD, set.weight);
        let evaluates_target_health = set.evaluates_target_health;
        group.clusters.insert(name, ClusterSeen { hops: vec![hop], evaluates_target_health });
    }
}
