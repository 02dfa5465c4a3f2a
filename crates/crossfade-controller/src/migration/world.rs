//! Everything a driver can look at, and what it has learned about who serves which group.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crossfade_api::migration::{Actuator, MigrationSpec};
use crossfade_aws::{Route53, Zone};
use crossfade_core::dns::ZoneRecords;
use crossfade_core::{ClusterName, GroupName};
use crossfade_kube::Cluster;
use crossfade_probe::dns::{RecordType, query_any};
use crossfade_probe::http::HttpProbe;

use crate::migration::gates::CountsOptions;
use crate::migration::place::Place;
use crate::migration::survey::places_of;

/// Load balancers change their addresses at any time; AWS keeps their TTL at 60 s.
const ADDRESSES_KEPT_FOR: Duration = Duration::from_secs(10);
/// Between two attempts to list the objects of a cluster that could not be reached.
const LEARN_EVERY: Duration = Duration::from_secs(5);

/// What a driver is given to look with.
#[derive(Clone)]
pub struct WorldOptions {
    /// Source and destination.
    pub clusters: Vec<Cluster>,
    /// The zone's Route 53.
    pub route53: Route53,
    /// The zone.
    pub zone: Zone,
    /// The zone's name servers, asked directly.
    pub name_servers: Vec<SocketAddr>,
    /// Resolvers for names outside the zone.
    pub resolvers: Vec<SocketAddr>,
    /// What load balancers count.
    pub counts: CountsOptions,
    /// HTTP to load balancers.
    pub http: HttpProbe,
    /// The path that preflight and the http gate ask for.
    pub probe_path: String,
    /// Where weights are written.
    pub actuator: Actuator,
    /// Somebody has promised to tell Terraform, which owns the cluster secret, about its new weights.
    pub terraform_is_told: bool,
    /// Owner ids whose records this migration may change (invariant I4), beside the set identifiers themselves with the actuator
    /// `annotation`.
    pub owners: BTreeSet<String>,
}

impl WorldOptions {
    /// Takes over where a migration's weights are written, and whose records it may change.
    pub fn take(&mut self, spec: &MigrationSpec) {
        self.actuator = spec.actuator;
        self.terraform_is_told = spec.i_will_edit_main_tf;
        self.owners.extend(spec.owners.iter().cloned());
    }
}

/// What was learned.
pub struct World {
    pub(super) options: WorldOptions,
    pub(super) places: BTreeMap<GroupName, BTreeMap<ClusterName, Place>>,
    /// Load balancers of clusters outside the pair: name -> addresses.
    pub(super) third: BTreeMap<GroupName, BTreeMap<ClusterName, Vec<IpAddr>>>,
    resolved_at: Option<Instant>,
    learned_at: Option<Instant>,
}

impl World {
    /// Nothing learned yet.
    pub fn new(options: WorldOptions) -> Self {
        World {
            options,
            places: BTreeMap::new(),
            third: BTreeMap::new(),
            resolved_at: None,
            learned_at: None,
        }
    }

    /// A group that is looked after, as far as its places are known.
    pub fn watch(&mut self, group: GroupName, places: BTreeMap<ClusterName, Place>) {
        self.places.insert(group, places);
    }

    /// Finds the knobs that are not known yet: of a migration that was taken up, or of a cluster that could not be reached.
    pub(super) async fn learn_missing(&mut self, zone: Option<&ZoneRecords>) {
        let lacks =
            |cluster: &&Cluster| self.places.values().any(|places| !places.contains_key(&cluster.name));
        let lacking: Vec<Cluster> = self.options.clusters.iter().filter(lacks).cloned().collect();
        let Some(zone) = zone else { return };
        if lacking.is_empty() || self.learned_at.is_some_and(|at| at.elapsed() < LEARN_EVERY) {
            return;
        }
        self.learned_at = Some(Instant::now());
        for cluster in lacking {
            match places_of(&self.options, &cluster, zone).await {
                Ok(places) => {
                    for (group, place) in places {
                        if let Some(known) = self.places.get_mut(&group) {
                            known.entry(cluster.name.clone()).or_insert(place);
                            self.resolved_at = None;
                        }
                    }
                }
                Err(error) => tracing::warn!(cluster = %cluster.name, %error, "its groups cannot be read"),
            }
        }
    }

    pub(super) fn cluster(&self, name: &ClusterName) -> Option<&Cluster> {
        self.options.clusters.iter().find(|cluster| cluster.name == *name)
    }

    /// Which cluster an address belongs to, for one group.
    pub(super) fn serving(&self, group: &GroupName, address: IpAddr) -> Option<ClusterName> {
        let places = self.places.get(group).into_iter().flatten();
        let mut pair = places.filter(|(_, place)| place.addresses().any(|known| known == address));
        if let Some((name, _)) = pair.next() {
            return Some(name.clone());
        }
        let third = self.third.get(group).into_iter().flatten();
        third.into_iter().find(|(_, addresses)| addresses.contains(&address)).map(|(name, _)| name.clone())
    }

    /// Learns the addresses of all load balancers anew when they are old. A name that does not resolve keeps what it had.
    pub(super) async fn refresh_addresses(
        &mut self,
        third: &BTreeMap<GroupName, BTreeMap<ClusterName, String>>,
    ) {
        if self.resolved_at.is_some_and(|at| at.elapsed() < ADDRESSES_KEPT_FOR) {
            return;
        }
        self.resolved_at = Some(Instant::now());
        let mut servers = self.options.resolvers.clone();
        servers.extend(&self.options.name_servers);
        let places = self.places.values_mut().flat_map(BTreeMap::values_mut);
        for object in places.flat_map(|place| &mut place.objects) {
            let Some(name) = object.knob.load_balancer.clone() else { continue };
            if let Some(addresses) = resolve(&servers, &name).await {
                object.addresses = addresses;
            }
        }
        for (group, targets) in third {
            for (cluster, target) in targets {
                if let Some(addresses) = resolve(&servers, target).await {
                    self.third.entry(group.clone()).or_default().insert(cluster.clone(), addresses);
                }
            }
        }
    }

    /// The next refresh looks again at once.
    pub(super) fn forget_addresses(&mut self) {
        self.resolved_at = None;
    }
}

/// The addresses of a load balancer's name; an address stands for itself.
pub(super) async fn resolve(servers: &[SocketAddr], name: &str) -> Option<Vec<IpAddr>> {
    if let Ok(address) = name.parse() {
        return Some(vec![address]);
    }
    match query_any(servers, name, RecordType::A).await {
        Ok(answer) if !answer.addresses.is_empty() => Some(answer.addresses),
        Ok(_) => None,
        Err(error) => {
            tracing::debug!(name, error = error.chain(), "load balancer does not resolve");
            None
        }
    }
}
