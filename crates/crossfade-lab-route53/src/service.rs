//! Puts the three faces over one store, and takes them down again.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::api::{Api, OtherServices};
use crate::counters::{CounterCells, Counters};
use crate::dns::name_server::NameServer;
use crate::dns::resolver::Resolver;
use crate::dns::transport::Sockets;
use crate::faults::Faults;
use crate::load_balancers::LoadBalancerNames;
use crate::store::Store;

/// Name servers of a delegation set (Route 53 gives each zone four).
pub const NAME_SERVER_COUNT: usize = 4;

/// How a [`Route53`] is started.
#[derive(Clone, Debug)]
pub struct Route53Options {
    /// The AWS account that `GetCallerIdentity` names: twelve digits.
    pub account_id: String,
    /// The region of the lab, for the log; load balancer names of every region are served.
    pub region: String,
    /// Seed of everything random: draws, ids, delays, the order in which the resolver asks.
    pub seed: u64,
    /// Where the API listens, plain HTTP; port 0 chooses a free one.
    pub api_listen: SocketAddr,
    /// Where the name servers listen, UDP and TCP; port 0 chooses one that is free for both.
    pub name_server_listen: [SocketAddr; NAME_SERVER_COUNT],
    /// Where the resolver listens, UDP and TCP.
    pub resolver_listen: SocketAddr,
    /// Each name server takes a change up after a delay drawn from this.
    pub take_up: RangeInclusive<Duration>,
    /// The least TTL that the resolver gives and keeps answers for, in seconds; 0 leaves TTLs as they are.
    pub resolver_ttl_seconds_min: u32,
}

/// A running Route 53. Clones are handles on the same one; it runs until [`stop`](Self::stop) is called, the last handle
/// is dropped, or its runtime ends.
#[derive(Clone)]
pub struct Route53 {
    inner: Arc<Inner>,
}

struct Inner {
    api_address: SocketAddr,
    name_servers: [SocketAddr; NAME_SERVER_COUNT],
    resolver_address: SocketAddr,
    store: Arc<Store>,
    load_balancers: LoadBalancerNames,
    faults: Faults,
    counters: Arc<CounterCells>,
    other_services: OtherServices,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Route53 {
    /// Binds all sockets and starts serving.
    pub async fn start(options: Route53Options) -> io::Result<Self> {
        let mut seeds = fastrand::Rng::with_seed(options.seed);
        let load_balancers = LoadBalancerNames::default();
        let faults = Faults::new();
        let counters = Arc::new(CounterCells::default());
        let (store, updates) = Store::new(seeds.u64(..), options.take_up, load_balancers.clone());
        let store = Arc::new(store);

        let api_listener = TcpListener::bind(options.api_listen).await?;
        let api_address = api_listener.local_addr()?;
        let mut sockets = Vec::with_capacity(NAME_SERVER_COUNT);
        for listen in options.name_server_listen {
            sockets.push(Sockets::bind(listen).await?);
        }
        let name_servers = std::array::from_fn(|index| sockets[index].address);
        let resolver_sockets = Sockets::bind(options.resolver_listen).await?;
        let resolver_address = resolver_sockets.address;

        let mut tasks = Vec::new();
        for (index, (sockets, updates)) in sockets.into_iter().zip(updates).enumerate() {
            let name_server = Arc::new(NameServer::new(
                index,
                seeds.u64(..),
                load_balancers.clone(),
                faults.clone(),
                Arc::clone(&counters),
            ));
            let take_up = Arc::clone(&name_server).take_up(updates, Arc::clone(&store));
            tasks.push(tokio::spawn(take_up).abort_handle());
            tasks.push(tokio::spawn(sockets.serve(name_server)).abort_handle());
        }
        let resolver = Arc::new(Resolver::new(
            name_servers,
            options.resolver_ttl_seconds_min,
            seeds.u64(..),
            Arc::clone(&counters),
        ));
        tasks.push(tokio::spawn(resolver_sockets.serve(resolver)).abort_handle());
        let other_services = OtherServices::default();
        let api = Arc::new(Api::new(
            options.account_id,
            Arc::clone(&store),
            faults.clone(),
            Arc::clone(&counters),
            other_services.clone(),
        ));
        tasks.push(tokio::spawn(api.serve(api_listener)).abort_handle());
        tracing::info!(%api_address, %resolver_address, region = options.region, "lab Route 53 started");
        Ok(Self {
            inner: Arc::new(Inner {
                api_address,
                name_servers,
                resolver_address,
                store,
                load_balancers,
                faults,
                counters,
                other_services,
                tasks: Mutex::new(tasks),
            }),
        })
    }

    /// Where the API listens: the lab's one AWS endpoint, plain HTTP.
    pub fn api_address(&self) -> SocketAddr {
        self.inner.api_address
    }

    /// Where the four name servers listen, UDP and TCP on the same port number.
    pub fn name_servers(&self) -> [SocketAddr; NAME_SERVER_COUNT] {
        self.inner.name_servers
    }

    /// Where the caching resolver listens, UDP and TCP.
    pub fn resolver_address(&self) -> SocketAddr {
        self.inner.resolver_address
    }

    /// The DNS names of load balancers.
    pub fn load_balancers(&self) -> LoadBalancerNames {
        self.inner.load_balancers.clone()
    }

    /// The fault knobs.
    pub fn faults(&self) -> Faults {
        self.inner.faults.clone()
    }

    /// The other services of the API's endpoint: none until some are added.
    pub fn other_services(&self) -> OtherServices {
        self.inner.other_services.clone()
    }

    /// What has been asked so far.
    pub fn counters(&self) -> Counters {
        self.inner.counters.snapshot()
    }

    /// Waits until every change made so far is `INSYNC`. It waits for ever while a name server's take-up is frozen.
    pub async fn in_sync(&self) {
        self.inner.store.in_sync().await;
    }

    /// Ends all tasks and connections, and closes all sockets.
    pub fn stop(&self) {
        self.inner.stop();
    }
}

impl Inner {
    fn stop(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Route53 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Route53")
            .field("api_address", &self.inner.api_address)
            .field("name_servers", &self.inner.name_servers)
            .field("resolver_address", &self.inner.resolver_address)
            .finish_non_exhaustive()
    }
}
