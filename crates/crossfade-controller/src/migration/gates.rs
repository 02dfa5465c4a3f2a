//! Gates that are observed all the time, each by a task of its own. They report; the engine decides.

mod counts;
mod dns;
mod http;
pub(super) mod pods;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crossfade_api::gates::GateSpec;
use crossfade_core::migration::{CheckOutcome, GateKind, GateSeen, LoadSeen};
use crossfade_core::{ClusterName, GroupName, UnixMillis};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use counts::CountsOptions;

use crate::migration::gates::counts::{Counted, OwnRequests};
use crate::migration::place::Place;
use crate::migration::world::World;

/// Observations that wait for the driver. It comes several times a second; what does not fit is dropped, never queued.
const QUEUE: usize = 1_024;

/// One group as the observers see it.
#[derive(Clone)]
struct GroupPlaces {
    group: GroupName,
    /// Source and destination.
    places: BTreeMap<ClusterName, Place>,
    /// Addresses of other clusters' load balancers.
    third: Vec<IpAddr>,
}

/// What there is to look at, shared with the driver, which learns addresses as they change.
type Picture = Arc<Mutex<Vec<GroupPlaces>>>;

/// The running observers. They end when this is dropped.
pub(super) struct Observers {
    picture: Picture,
    observations: mpsc::Receiver<GateSeen>,
    own_requests: OwnRequests,
    counted: Arc<Mutex<Counted>>,
    /// Aborts its tasks when dropped.
    tasks: JoinSet<()>,
}

/// Where a task puts what it saw.
#[derive(Clone)]
struct Outlet {
    gate: String,
    sender: mpsc::Sender<GateSeen>,
}

impl Outlet {
    fn put(&self, group: GroupName, cluster: ClusterName, at: UnixMillis, outcome: CheckOutcome) {
        // A full queue means that the driver is away: then old observations are of no use either.
        let _ = self.sender.try_send(GateSeen { gate: self.gate.clone(), group, cluster, at, outcome });
    }
}

impl Observers {
    /// Starts observing; nothing is looked at until places are given.
    pub(super) fn start(gates: &[GateSpec], world: &World, from: &ClusterName, to: &ClusterName) -> Self {
        let picture = Picture::default();
        let own_requests = OwnRequests::default();
        let (sender, observations) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        for gate in gates {
            let outlet = Outlet { gate: gate.name(), sender: sender.clone() };
            let picture = Arc::clone(&picture);
            match gate.kind {
                GateKind::Http => {
                    let path = gate.path.clone().unwrap_or_else(|| world.options.probe_path.clone());
                    let own = own_requests.clone();
                    tasks.spawn(http::run(world.options.http.clone(), path, picture, own, outlet));
                }
                GateKind::Dns => {
                    tasks.spawn(dns::run(world.options.name_servers.clone(), to.clone(), picture, outlet));
                }
                GateKind::Kubernetes => {
                    if let Some(destination) = world.cluster(to) {
                        let source = world.cluster(from).cloned();
                        let clusters = pods::Clusters { source, destination: destination.clone() };
                        tasks.spawn(pods::run(clusters, gate.ready_percent, picture, outlet));
                    }
                }
                GateKind::Traffic | GateKind::Manual => {}
            }
        }
        Observers { picture, observations, own_requests, counted: Arc::default(), tasks }
    }

    /// Asks CloudWatch as well, from now on, what load balancers count.
    pub(super) fn count(&mut self, options: &CountsOptions) {
        let (options, picture) = (options.clone(), Arc::clone(&self.picture));
        let (own, place) = (self.own_requests.clone(), Arc::clone(&self.counted));
        self.tasks.spawn(counts::run(options, picture, own, place));
    }

    /// What load balancers counted, each time it was asked for once; and why there is nothing, or not of all.
    pub(super) fn loads(&self) -> (Vec<LoadSeen>, Option<String>) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut counted.loads), counted.lacking.clone())
    }

    /// Where to look from now on.
    pub(super) fn look_at(&self, world: &World) {
        let groups = world.places.iter().map(|(group, places)| GroupPlaces {
            group: group.clone(),
            places: places.clone(),
            third: world.third.get(group).into_iter().flat_map(BTreeMap::values).flatten().copied().collect(),
        });
        *self.picture.lock().unwrap_or_else(PoisonError::into_inner) = groups.collect();
    }

    /// What was observed since the last call, leaving out what is older than `since`: it says nothing of this migration.
    pub(super) fn observations(&mut self, since: UnixMillis) -> Vec<GateSeen> {
        let mut seen = Vec::new();
        while let Ok(observation) = self.observations.try_recv() {
            if observation.at >= since {
                seen.push(observation);
            }
        }
        seen
    }
}

fn copy(picture: &Picture) -> Vec<GroupPlaces> {
    picture.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
