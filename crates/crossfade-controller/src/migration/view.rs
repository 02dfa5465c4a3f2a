//! Groups as they stand, for `crossfade status`: reads once, decides nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crossfade_core::dns::{RecordName, TxtNaming, ZoneRecords};
use crossfade_core::weighted_set::HostRecords;
use crossfade_core::{ClusterName, GroupName, Weight};
use crossfade_probe::dns::draw;
use serde::Serialize;

use crate::migration::driver::DriverError;
use crate::migration::place::Place;
use crate::migration::survey::Survey;
use crate::migration::world::{WorldOptions, resolve};

/// One group.
#[derive(Clone, Debug, Serialize)]
pub struct GroupView {
    /// Its knob.
    pub group: GroupName,
    /// Its hosts.
    pub hosts: Vec<HostView>,
}

/// One host.
#[derive(Clone, Debug, Serialize)]
pub struct HostView {
    /// Its name.
    pub host: String,
    /// Every cluster that declares it or has a record set for it.
    pub clusters: BTreeMap<ClusterName, HostInCluster>,
    /// Answers whose address is no known load balancer's, 0 to 1.
    pub unknown: f64,
}

/// One host in one cluster.
#[derive(Clone, Debug, Default, Serialize)]
pub struct HostInCluster {
    /// What the annotation says.
    pub declared: Option<Weight>,
    /// What the zone holds, when A, AAAA and TXT agree.
    pub record: Option<Weight>,
    /// Fresh answers that named this cluster's load balancer.
    pub answers: u64,
    /// The part of fresh answers that named this cluster's load balancer, 0 to 1.
    pub answered: f64,
    /// Who keeps the record.
    pub owner: Option<String>,
}

/// Looks at every group of a survey, with `draws` fresh answers per host.
pub async fn view_groups(
    options: &WorldOptions,
    survey: &Survey,
    draws: u64,
) -> Result<Vec<GroupView>, DriverError> {
    let records = options.route53.record_sets(&options.zone.id).await?;
    let zone = ZoneRecords::new(options.zone.id.clone(), options.zone.name.clone(), false, records);
    let mut servers = options.resolvers.clone();
    servers.extend(&options.name_servers);
    let mut views = Vec::new();
    for (group, places) in &survey.places {
        let mut hosts: Vec<&String> = places.values().flat_map(Place::hosts).collect();
        hosts.sort();
        hosts.dedup();
        let mut view = GroupView { group: group.clone(), hosts: Vec::new() };
        for host in hosts {
            let Ok(name) = RecordName::parse(host) else { continue };
            let found = HostRecords::of(&zone, &TxtNaming::default(), &name);
            let mut clusters: BTreeMap<ClusterName, HostInCluster> = BTreeMap::new();
            let mut addresses: BTreeMap<IpAddr, ClusterName> = BTreeMap::new();
            for set in &found.sets {
                let id = set.set_identifier.as_str();
                let of_knob = places.iter().find(|(_, place)| place.set_identifier() == Some(id));
                let cluster =
                    of_knob.map_or_else(|| ClusterName(id.to_owned()), |(cluster, _)| cluster.clone());
                if let Some(target) = &set.target {
                    let resolved = resolve(&servers, target).await.unwrap_or_default();
                    addresses.extend(resolved.into_iter().map(|address| (address, cluster.clone())));
                }
                let entry = clusters.entry(cluster).or_default();
                entry.record = set.weight;
                entry.owner.clone_from(&set.owner);
            }
            for (cluster, place) in
                places.iter().filter(|(_, place)| place.hosts().any(|found| found == host))
            {
                clusters.entry(cluster.clone()).or_default().declared = place.weight.clone().ok();
            }
            let unknown = add_answers(options, host, draws, &addresses, &mut clusters).await;
            view.hosts.push(HostView { host: host.clone(), clusters, unknown });
        }
        views.push(view);
    }
    Ok(views)
}

/// Returns the part of the answers that no cluster claims.
async fn add_answers(
    options: &WorldOptions,
    host: &str,
    count: u64,
    addresses: &BTreeMap<IpAddr, ClusterName>,
    clusters: &mut BTreeMap<ClusterName, HostInCluster>,
) -> f64 {
    let name = host.replace('*', "crossfade-probe");
    let Ok(draws) = draw(&options.name_servers, &name, count).await else { return 0.0 };
    let answered: u64 = draws.addresses.values().sum();
    let part = |count: u64| count as f64 / answered.max(1) as f64;
    let mut unknown = 0.0;
    for (address, count) in draws.addresses {
        match addresses.get(&address).and_then(|cluster| clusters.get_mut(cluster)) {
            Some(cluster) => {
                cluster.answers += count;
                cluster.answered += part(count);
            }
            None => unknown += part(count),
        }
    }
    unknown
}
