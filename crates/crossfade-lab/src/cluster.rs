//! One cluster: its API, and the controllers that make what is declared there true.
//!
//! The controllers are level-triggered: a watch only says *what* to look at again, one worker reads the store and writes
//! what differs. They use the store in-process, under the same rules as any client of the API.

pub(crate) mod object;

mod conditions;
mod deployments;
mod events;
mod jobs;
mod logs;
mod node;
mod pods;
mod queue;
mod replica_sets;
mod services;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossfade_lab_kube::{ApiError, ApiServer, ApiServerOptions, Faults, ResourceId, Store, User};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::error::LabError;
use crate::fault::{Fault, FaultSwitch};
use crate::ingress::{Deployed, Infrastructure};
use crate::names::GroupId;

pub(crate) use events::{Event, Level, Recorder};
pub(crate) use pods::PodAddresses;

use logs::Logs;
use pods::Pods;
use queue::Queue;

/// Wait before a watch that ended is begun again, so that a server which is ending is not asked in a loop.
const REWATCH_DELAY: Duration = Duration::from_millis(50);
/// First wait after an error; doubled each time.
const RETRY_DELAY: Duration = Duration::from_millis(5);
/// Doublings of the wait after errors: 5 s at most.
const RETRY_DOUBLINGS_MAX: u32 = 10;

/// The kinds that the controllers use.
pub(crate) mod kinds {
    use crossfade_lab_kube::ResourceId;

    macro_rules! kinds {
        ($($function:ident => ($group:literal, $plural:literal)),* $(,)?) => {
            $(pub(crate) fn $function() -> ResourceId {
                ResourceId::new($group, $plural)
            })*
        };
    }

    kinds! {
        deployments => ("apps", "deployments"),
        replica_sets => ("apps", "replicasets"),
        jobs => ("batch", "jobs"),
        pods => ("", "pods"),
        services => ("", "services"),
        endpoints => ("", "endpoints"),
        endpoint_slices => ("discovery.k8s.io", "endpointslices"),
        ingresses => ("networking.k8s.io", "ingresses"),
        ingress_classes => ("networking.k8s.io", "ingressclasses"),
        nodes => ("", "nodes"),
    }
}

/// What to look at again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Deployment(String, String),
    ReplicaSet(String, String),
    Job(String, String),
    Pod(String, String),
    Service(String, String),
    /// All Services of a namespace: a pod in it changed.
    Services(String),
    /// All groups with Ingresses in a namespace: a pod or Service in it changed.
    Ingresses(String),
    Group(GroupId),
}

/// What a cluster is started with.
pub(crate) struct ClusterOptions {
    pub(crate) name: String,
    /// Position among the lab's clusters.
    pub(crate) index: usize,
    pub(crate) kubernetes_version: String,
    pub(crate) dir: PathBuf,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) users: Vec<User>,
    pub(crate) seed: u64,
    pub(crate) infrastructure: Arc<Infrastructure>,
    pub(crate) pod_addresses: Arc<PodAddresses>,
}

/// One running cluster. The controllers end when it is dropped.
pub(crate) struct ClusterHandle {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) address: SocketAddr,
    _server: ApiServer,
    _tasks: JoinSet<()>,
}

/// What the controllers share.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) index: usize,
    pub(crate) store: Store,
    pub(crate) events: Recorder,
    pub(crate) infrastructure: Arc<Infrastructure>,
    pub(crate) deployed: Mutex<HashMap<GroupId, Deployed>>,
    pub(crate) deployed_services: Mutex<HashMap<(String, String), String>>,
    pub(crate) fault: FaultSwitch,
    /// What goes wrong with its API.
    pub(crate) api_faults: Faults,
    pub(crate) queue: Queue<Key>,
    dir: PathBuf,
    node_name: String,
    node_ip: Ipv4Addr,
    kubernetes_version: String,
    logs: Arc<Logs>,
    pods: Pods,
    pod_addresses: Arc<PodAddresses>,
    random: Mutex<fastrand::Rng>,
}

impl ClusterHandle {
    /// Starts the API and the controllers, and makes the objects that every such cluster has.
    pub(crate) async fn start(options: ClusterOptions) -> Result<ClusterHandle, LabError> {
        let ClusterOptions { name, index, kubernetes_version, dir, tls, users, seed, .. } = options;
        let logs = Arc::new(Logs::default());
        let server = ApiServer::start(ApiServerOptions {
            cluster_name: name.clone(),
            kubernetes_version: kubernetes_version.clone(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls,
            users,
            pod_logs: Arc::clone(&logs) as Arc<_>,
        })
        .await
        .map_err(|source| LabError::Listen { what: format!("the API of {name}"), source })?;
        let store = server.store();
        let node_ip = node::address(index);
        let node_name = node::name(node_ip, &options.infrastructure.region);
        let cluster = Arc::new(Cluster {
            events: Recorder::new(store.clone()),
            store,
            index,
            infrastructure: options.infrastructure,
            deployed: Mutex::default(),
            deployed_services: Mutex::default(),
            fault: FaultSwitch::default(),
            api_faults: server.faults(),
            queue: Queue::new(),
            dir,
            node_name,
            node_ip,
            kubernetes_version,
            logs,
            pods: Pods::default(),
            pod_addresses: options.pod_addresses,
            random: Mutex::new(fastrand::Rng::with_seed(seed ^ (index as u64).rotate_left(32))),
            name,
        });
        cluster.create_objects()?;
        let mut tasks = JoinSet::new();
        for (kind, keys) in WATCHED {
            tasks.spawn(Arc::clone(&cluster).watch(kind(), keys));
        }
        tasks.spawn(Arc::clone(&cluster).work());
        Ok(ClusterHandle { address: server.address(), cluster, _server: server, _tasks: tasks })
    }
}

/// A watched kind, and what to look at when one of its objects changes.
type Watched = (fn() -> ResourceId, fn(&Cluster, &Value));

const WATCHED: [Watched; 6] = [
    (kinds::deployments, |cluster, object| {
        cluster.queue.add(Key::Deployment(text(object::namespace(object)), text(object::name(object))));
    }),
    (kinds::replica_sets, |cluster, object| {
        let namespace = object::namespace(object);
        cluster.queue.add(Key::ReplicaSet(text(namespace), text(object::name(object))));
        cluster.add_owner(object, namespace);
    }),
    (kinds::jobs, |cluster, object| {
        cluster.queue.add(Key::Job(text(object::namespace(object)), text(object::name(object))));
    }),
    (kinds::pods, |cluster, object| {
        let namespace = object::namespace(object);
        cluster.queue.add(Key::Pod(text(namespace), text(object::name(object))));
        cluster.add_owner(object, namespace);
        // Load balancers first: they must stop sending before a pod that goes has ended.
        cluster.queue.add(Key::Ingresses(text(namespace)));
        cluster.queue.add(Key::Services(text(namespace)));
    }),
    (kinds::services, |cluster, object| {
        let namespace = object::namespace(object);
        cluster.queue.add(Key::Service(text(namespace), text(object::name(object))));
        cluster.queue.add(Key::Ingresses(text(namespace)));
    }),
    (kinds::ingresses, |cluster, object| cluster.add_groups(object)),
];

fn text(text: &str) -> String {
    text.to_owned()
}

impl Cluster {
    /// Makes `fault` true of the cluster from now on.
    pub(crate) fn inject(&self, fault: Fault) {
        self.fault.set(fault);
        match self.store.list(&kinds::pods(), None) {
            Ok((pods, _)) => {
                for pod in pods {
                    self.queue.add(Key::Pod(text(object::namespace(&pod)), text(object::name(&pod))));
                }
            }
            Err(error) => tracing::warn!(cluster = %self.name, %error, "pods cannot be listed"),
        }
    }

    fn add_owner(&self, object: &Value, namespace: &str) {
        let Some(owner) = object::controller(object) else { return };
        let owner_name = text(owner["name"].as_str().unwrap_or_default());
        match owner["kind"].as_str() {
            Some("ReplicaSet") => self.queue.add(Key::ReplicaSet(text(namespace), owner_name)),
            Some("Deployment") => self.queue.add(Key::Deployment(text(namespace), owner_name)),
            Some("Job") => self.queue.add(Key::Job(text(namespace), owner_name)),
            _ => {}
        }
    }

    async fn watch(self: Arc<Self>, kind: ResourceId, keys: fn(&Cluster, &Value)) {
        loop {
            match self.store.list(&kind, None) {
                Ok((objects, revision)) => {
                    for object in &objects {
                        keys(&self, object);
                    }
                    if let Ok(mut watch) = self.store.watch(&kind, None, revision) {
                        while let Some(event) = watch.next().await {
                            keys(&self, &event.object);
                        }
                    }
                }
                Err(error) => tracing::warn!(cluster = %self.name, ?kind, %error, "cannot list"),
            }
            tokio::time::sleep(REWATCH_DELAY).await;
        }
    }

    async fn work(self: Arc<Self>) {
        let mut failures: HashMap<Key, u32> = HashMap::new();
        loop {
            let key = self.queue.next().await;
            match self.reconcile(&key) {
                Ok(()) => {
                    failures.remove(&key);
                }
                Err(error) => {
                    let count = failures.entry(key.clone()).or_default();
                    let delay = RETRY_DELAY * 2_u32.pow((*count).min(RETRY_DOUBLINGS_MAX));
                    *count += 1;
                    tracing::debug!(cluster = %self.name, ?key, %error, "tried again later");
                    self.queue.add_after(delay, key);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn reconcile(&self, key: &Key) -> Result<(), ApiError> {
        match key {
            Key::Deployment(namespace, name) => self.reconcile_deployment(namespace, name),
            Key::ReplicaSet(namespace, name) => self.reconcile_replica_set(namespace, name),
            Key::Job(namespace, name) => self.reconcile_job(namespace, name),
            Key::Pod(namespace, name) => self.reconcile_pod(namespace, name),
            Key::Service(namespace, name) => self.reconcile_service(namespace, name),
            Key::Services(namespace) => {
                for service in self.store.list(&kinds::services(), Some(namespace))?.0 {
                    self.queue.add(Key::Service(text(namespace), text(object::name(&service))));
                }
                Ok(())
            }
            Key::Ingresses(namespace) => {
                for ingress in self.store.list(&kinds::ingresses(), Some(namespace))?.0 {
                    self.add_groups(&ingress);
                }
                Ok(())
            }
            Key::Group(group) => self.reconcile_group(group),
        }
    }

    fn reconcile_service(&self, namespace: &str, name: &str) -> Result<(), ApiError> {
        match self.store.get(&kinds::services(), Some(namespace), name) {
            Ok(service) => {
                if !object::is_deleting(&service) {
                    self.reconcile_endpoints(&service)?;
                }
                self.reconcile_network_load_balancer(&service)
            }
            Err(error) if error.is_not_found() => {
                self.remove_network_load_balancer(namespace, name);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for ClusterHandle {
    fn drop(&mut self) {
        self.cluster.pods_end();
    }
}

impl Cluster {
    fn pods_end(&self) {
        self.pods.end();
    }

    /// A lock whose data is whole between two statements.
    pub(crate) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
