//! The load balancers of the lab: which there are, at which addresses, with which rules, switched on or off.
//!
//! A load balancer has two addresses in 127.64.0.0/10 that identify it and that nothing binds. Its ports are listeners
//! on ephemeral loopback ports, which the lab's proxy finds by address and port. What the rules are is decided by the
//! controller (`ingress`); how bytes flow is in `serve`.

mod rules;
mod serve;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rustls::ServerConfig;
use tokio::task::AbortHandle;

pub(crate) use rules::{Action, Listener, Protocol, Rule, Target, TargetGroup};

/// First address of 127.64.0.0/10. The block is loopback on every system, and only load balancers of the lab use it.
const FIRST_ADDRESS: u32 = u32::from_be_bytes([127, 64, 0, 0]);
/// Addresses in a /10.
const ADDRESS_COUNT: u32 = 1 << 22;
/// Addresses of one cluster: those with one second octet, so that people can tell the clusters apart.
const ADDRESSES_PER_CLUSTER: u32 = 1 << 16;
/// Clusters for which there are addresses.
pub(crate) const CLUSTERS_MAX: u32 = ADDRESS_COUNT / ADDRESSES_PER_CLUSTER;

/// True for addresses that stand for load balancers.
pub(crate) fn is_balancer_address(address: Ipv4Addr) -> bool {
    u32::from(address).wrapping_sub(FIRST_ADDRESS) < ADDRESS_COUNT
}

/// All load balancers of a lab.
#[derive(Debug)]
pub(crate) struct Balancers {
    by_dns_name: Mutex<BTreeMap<String, Arc<Balancer>>>,
    by_address: RwLock<HashMap<Ipv4Addr, Arc<Balancer>>>,
    /// Addresses handed out per cluster so far. They are not used again: caches may still hold them.
    next_address: Mutex<HashMap<usize, u32>>,
    /// Clusters (by index) whose load balancers are switched off.
    off: Mutex<BTreeSet<usize>>,
}

impl Balancers {
    pub(crate) fn new() -> Balancers {
        Balancers {
            by_dns_name: Mutex::default(),
            by_address: RwLock::default(),
            next_address: Mutex::default(),
            off: Mutex::default(),
        }
    }

    /// The load balancer of that DNS name; made when it is new.
    pub(crate) fn get_or_create(&self, identity: Identity) -> Arc<Balancer> {
        let mut by_dns_name = lock(&self.by_dns_name);
        if let Some(balancer) = by_dns_name.get(&identity.dns_name) {
            return Arc::clone(balancer);
        }
        let addresses = self.next_addresses(identity.cluster_index);
        let on = !lock(&self.off).contains(&identity.cluster_index);
        let balancer = Arc::new(Balancer::new(identity, addresses, on));
        let mut by_address = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        for address in addresses {
            by_address.insert(address, Arc::clone(&balancer));
        }
        by_dns_name.insert(balancer.identity.dns_name.clone(), Arc::clone(&balancer));
        balancer
    }

    fn next_addresses(&self, cluster_index: usize) -> [Ipv4Addr; 2] {
        let mut next = lock(&self.next_address);
        let used = next.entry(cluster_index).or_default();
        let block = u32::try_from(cluster_index).unwrap_or_default() % CLUSTERS_MAX * ADDRESSES_PER_CLUSTER;
        std::array::from_fn(|_| {
            // `.0` looks like a network; 65,535 load balancers later the numbers begin again.
            *used = *used % (ADDRESSES_PER_CLUSTER - 1) + 1;
            Ipv4Addr::from(FIRST_ADDRESS + block + *used)
        })
    }

    /// Takes a load balancer away, with all its connections.
    pub(crate) fn remove(&self, dns_name: &str) {
        let Some(balancer) = lock(&self.by_dns_name).remove(dns_name) else { return };
        let mut by_address = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        for address in balancer.addresses {
            by_address.remove(&address);
        }
        balancer.close();
    }

    /// The loopback socket behind a load balancer's port; `None` when nothing listens there.
    pub(crate) fn listener(&self, address: Ipv4Addr, port: u16) -> Option<SocketAddr> {
        let by_address = self.by_address.read().unwrap_or_else(PoisonError::into_inner);
        by_address.get(&address)?.listener(port)
    }

    /// Switches all load balancers of a cluster, those to come included.
    pub(crate) fn switch(&self, cluster_index: usize, on: bool) {
        let mut off = lock(&self.off);
        if on {
            off.remove(&cluster_index);
        } else {
            off.insert(cluster_index);
        }
        for balancer in lock(&self.by_dns_name).values() {
            if balancer.identity.cluster_index == cluster_index {
                balancer.switch(on);
            }
        }
    }

    /// All of them, by DNS name.
    pub(crate) fn all(&self) -> Vec<Arc<Balancer>> {
        lock(&self.by_dns_name).values().cloned().collect()
    }
}

/// Whose load balancer it is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) cluster: String,
    pub(crate) cluster_index: usize,
    pub(crate) dns_name: String,
}

/// What a load balancer is to do.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// By port.
    pub(crate) listeners: BTreeMap<u16, Listener>,
    /// For HTTPS listeners.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Ingresses or Services that share it, as `namespace/name`.
    pub(crate) members: Vec<String>,
    /// As Route 53 sees it: each target group has a target.
    pub(crate) healthy: bool,
}

/// One load balancer.
#[derive(Debug)]
pub(crate) struct Balancer {
    pub(crate) identity: Identity,
    pub(crate) addresses: [Ipv4Addr; 2],
    on: AtomicBool,
    settings: RwLock<Arc<Settings>>,
    open: Mutex<BTreeMap<u16, Open>>,
    connections: serve::Connections,
    /// Answers given, by hundreds of the status (index 0: no HTTP).
    answers: [AtomicU64; 6],
    requests: AtomicU32,
}

/// A port that listens; dropping it closes the port and its connections.
#[derive(Debug)]
struct Open {
    protocol: Protocol,
    socket: SocketAddr,
    task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Balancer {
    fn new(identity: Identity, addresses: [Ipv4Addr; 2], on: bool) -> Balancer {
        Balancer {
            identity,
            addresses,
            on: AtomicBool::new(on),
            settings: RwLock::default(),
            open: Mutex::default(),
            connections: serve::Connections::default(),
            answers: Default::default(),
            requests: AtomicU32::new(0),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Answers by status class: `2xx`, `5xx`, …; `tcp` for connections of network load balancers.
    pub(crate) fn answers(&self) -> BTreeMap<String, u64> {
        let counts = self.answers.iter().enumerate();
        counts
            .map(|(class, count)| (class, count.load(Ordering::Relaxed)))
            .filter(|&(_, count)| count > 0)
            .map(|(class, count)| (if class == 0 { "tcp".to_owned() } else { format!("{class}xx") }, count))
            .collect()
    }

    /// Puts `settings` in force; requests that are on their way keep the old ones. Ports that are new begin to listen.
    pub(crate) fn apply(self: &Arc<Self>, settings: Settings) -> std::io::Result<()> {
        self.connections.keep_only(&settings);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.open_ports()
    }

    fn open_ports(self: &Arc<Self>) -> std::io::Result<()> {
        let settings = self.settings();
        let mut open = lock(&self.open);
        if !self.is_on() {
            open.clear();
            return Ok(());
        }
        open.retain(|port, open| {
            settings.listeners.get(port).is_some_and(|listener| listener.protocol == open.protocol)
        });
        for (&port, listener) in &settings.listeners {
            if let std::collections::btree_map::Entry::Vacant(entry) = open.entry(port) {
                let protocol = listener.protocol;
                let (socket, task) = serve::listen(Arc::clone(self), port, protocol, settings.tls.clone())?;
                entry.insert(Open { protocol, socket, task });
            }
        }
        Ok(())
    }

    fn listener(&self, port: u16) -> Option<SocketAddr> {
        lock(&self.open).get(&port).map(|open| open.socket)
    }

    fn switch(self: &Arc<Self>, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        if let Err(error) = self.open_ports() {
            tracing::warn!(load_balancer = %self.identity.dns_name, %error, "load balancer cannot listen");
        }
    }

    fn close(&self) {
        self.on.store(false, Ordering::Relaxed);
        lock(&self.open).clear();
    }

    /// Requests that a target was found for, so far; it begins again at 2^32.
    pub(crate) fn forwarded(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    fn count(&self, status: Option<http::StatusCode>) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        if let Some(count) = self.answers.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A number for a request's trace id.
    fn next_request(&self) -> u32 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }
}

/// The data behind these locks is whole between two statements, so a panic elsewhere leaves it usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_identity(cluster_index: usize, name: &str) -> Identity {
        Identity { cluster: format!("c{cluster_index}"), cluster_index, dns_name: name.to_owned() }
    }

    #[test]
    fn addresses_are_unique_and_tell_the_cluster() {
        let balancers = Balancers::new();
        let a = balancers.get_or_create(mk_identity(0, "a"));
        let b = balancers.get_or_create(mk_identity(1, "b"));
        assert_eq!(a.addresses, [Ipv4Addr::new(127, 64, 0, 1), Ipv4Addr::new(127, 64, 0, 2)]);
        assert_eq!(b.addresses[0], Ipv4Addr::new(127, 65, 0, 1));
        assert_eq!(balancers.get_or_create(mk_identity(0, "a")).addresses, a.addresses);
        assert!(a.addresses.into_iter().all(is_balancer_address));
        assert!(!is_balancer_address(Ipv4Addr::LOCALHOST));
        assert!(!is_balancer_address(Ipv4Addr::new(127, 128, 0, 0)));
    }

    #[test]
    fn addresses_of_removed_load_balancers_are_not_given_away() {
        let balancers = Balancers::new();
        let first = balancers.get_or_create(mk_identity(0, "a")).addresses;
        balancers.remove("a");
        assert_eq!(balancers.listener(first[0], 443), None);
        assert_ne!(balancers.get_or_create(mk_identity(0, "a")).addresses, first);
    }
}
