//! Simulated users: each is a resolver with a cache of its own, behind which people ask for pages over HTTPS.
//!
//! They behave as clients of the pattern do: answers are kept for their TTL (by some for longer), each request is a new
//! connection, to the address that the answer gave, through the lab's proxy. They see what DNS and load balancers show
//! them and know nothing of weights or migrations.

mod client;
mod tally;

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::certificates;
use crate::dns::{self, Recursion};
use crate::error::LabError;
use crate::stop::Stop;

pub use tally::{Failure, Tally, UserTotals};

use client::Client;
use tally::{Ledger, Outcome};

/// A user waits so long for a page, the name's resolution included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests on their way at one time. When that many wait, no new ones are begun: a slow lab is not to be flooded.
const IN_FLIGHT_MAX: usize = 256;
/// Requests in one run: an hour at 2,000 per second. Then the users go home.
const REQUESTS_MAX: u64 = 7_200_000;
/// Requests per second that can be asked for.
const RATE_MAX: f64 = 10_000.0;
/// Users that can be asked for.
const RESOLVERS_MAX: usize = 10_000;
/// How often due requests are begun.
const TICK: Duration = Duration::from_millis(5);
/// An overstaying user keeps an answer for one to three times its TTL.
const OVERSTAY_FACTOR_MAX: f64 = 3.0;

/// What the users do.
#[derive(Clone, Debug)]
pub struct UserOptions {
    /// How many there are, each with a cache of its own.
    pub resolvers: usize,
    /// How many of them keep answers for up to three times the TTL.
    pub overstaying: usize,
    /// Whom they ask for pages.
    pub hosts: Vec<String>,
    /// The zone's name servers.
    pub name_servers: Vec<SocketAddr>,
    /// The lab's proxy.
    pub proxy: SocketAddr,
    /// The authority that they trust, PEM.
    pub ca_pem: Vec<u8>,
    /// Of all together.
    pub requests_per_second: f64,
    /// Who asks for what, and whom they ask, is drawn from it.
    pub seed: u64,
}

/// Users at work. Dropping them ends them at once.
#[derive(Debug)]
pub struct Users {
    crowd: Arc<Crowd>,
    stop: Stop,
    task: JoinSet<()>,
}

impl Users {
    /// Sends them off. Options that make no sense are refused.
    pub fn start(options: UserOptions) -> Result<Users, LabError> {
        check(&options)?;
        let client = Client::new(options.proxy, certificates::client(&options.ca_pem)?);
        let users = (0..options.resolvers)
            // Spread over the crowd, so that any few users have some of both.
            .map(|index| User {
                overstaying: (index + 1) * options.overstaying / options.resolvers
                    > index * options.overstaying / options.resolvers,
                cache: Mutex::default(),
            })
            .collect();
        let crowd = Arc::new(Crowd {
            users,
            client,
            ledger: Mutex::default(),
            clusters: RwLock::default(),
            random: Mutex::new(fastrand::Rng::with_seed(options.seed)),
            options,
        });
        let stop = Stop::new();
        let mut task = JoinSet::new();
        task.spawn(run(Arc::clone(&crowd), stop.clone()));
        Ok(Users { crowd, stop, task })
    }

    /// What they have seen so far.
    pub fn totals(&self) -> UserTotals {
        locked(&self.crowd.ledger).totals(Instant::now())
    }

    /// Names the clusters of addresses, so that also requests which never got a page can be told apart. Pages that name
    /// their cluster do the same.
    pub fn name_addresses(&self, clusters: &BTreeMap<Ipv4Addr, String>) {
        let mut known = self.crowd.clusters.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(clusters.iter().map(|(address, cluster)| (*address, cluster.clone())));
    }

    /// Lets requests on their way finish, and returns what was seen in all.
    pub async fn stop(mut self) -> UserTotals {
        self.stop.give();
        while self.task.join_next().await.is_some() {}
        self.totals()
    }
}

fn check(options: &UserOptions) -> Result<(), LabError> {
    let refused = |text: &str| Err(LabError::Option(text.to_owned()));
    if options.resolvers == 0 || options.resolvers > RESOLVERS_MAX {
        return refused("between 1 and 10000 simulated users are possible");
    }
    if options.overstaying > options.resolvers {
        return refused("more users overstay than there are");
    }
    if options.hosts.is_empty() || options.name_servers.is_empty() {
        return refused("simulated users need hosts and name servers");
    }
    if !(options.requests_per_second > 0.0 && options.requests_per_second <= RATE_MAX) {
        return refused("simulated users send between 0 and 10000 requests per second");
    }
    Ok(())
}

#[derive(Debug)]
struct Crowd {
    users: Vec<User>,
    client: Client,
    ledger: Mutex<Ledger>,
    clusters: RwLock<HashMap<Ipv4Addr, String>>,
    random: Mutex<fastrand::Rng>,
    options: UserOptions,
}

#[derive(Debug)]
struct User {
    overstaying: bool,
    cache: Mutex<HashMap<String, Cached>>,
}

#[derive(Clone, Debug)]
struct Cached {
    addresses: Vec<Ipv4Addr>,
    until: Instant,
}

async fn run(crowd: Arc<Crowd>, stop: Stop) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut requests = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut ended = std::pin::pin!(stop.wait());
    let (mut due, mut begun) = (0.0_f64, 0_u64);
    let mut last = Instant::now();
    while begun < REQUESTS_MAX {
        tokio::select! {
            () = &mut ended => break,
            _ = tick.tick() => {}
        }
        while requests.try_join_next().is_some() {}
        let now = Instant::now();
        due += now.duration_since(last).as_secs_f64() * crowd.options.requests_per_second;
        last = now;
        while due >= 1.0 {
            due -= 1.0;
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
            begun += 1;
            let crowd = Arc::clone(&crowd);
            requests.spawn(async move {
                crowd.request().await;
                drop(permit);
            });
        }
    }
    while requests.join_next().await.is_some() {}
}

impl Crowd {
    async fn request(&self) {
        let (user, host) = {
            let mut random = locked(&self.random);
            let user = random.usize(..self.users.len());
            (user, self.options.hosts[random.usize(..self.options.hosts.len())].clone())
        };
        let user = &self.users[user];
        let mut address = None;
        let ended = tokio::time::timeout(REQUEST_TIMEOUT, async {
            let chosen = self.resolve(user, &host).await.map_err(|error| error.to_string())?;
            address = Some(chosen);
            self.client.page(chosen, &host).await.map_err(|error| error.to_string())
        })
        .await
        .unwrap_or_else(|_| Err(format!("no page within {} s", REQUEST_TIMEOUT.as_secs())));
        let failure = match ended {
            Ok(page) => {
                if let (Some(address), Some(cluster)) = (address, page.cluster) {
                    self.learn(address, cluster);
                }
                page.failure
            }
            Err(reason) => Some(reason),
        };
        let outcome = Outcome {
            cluster: address.and_then(|address| self.cluster_of(address)),
            host,
            address,
            overstaying: user.overstaying,
            failure,
            at_unix_ms: u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default(),
        };
        locked(&self.ledger).add(outcome, Instant::now());
    }

    /// An address of `host` from the user's cache, or from a name server.
    async fn resolve(&self, user: &User, host: &str) -> Result<Ipv4Addr, dns::DnsError> {
        let cached = {
            let mut cache = locked(&user.cache);
            if cache.get(host).is_some_and(|cached| cached.until <= Instant::now()) {
                cache.remove(host);
            }
            cache.get(host).cloned()
        };
        let cached = if let Some(cached) = cached {
            cached
        } else {
            let answer = self.ask_name_servers(host).await?;
            let draw = locked(&self.random).f64();
            let until = Instant::now() + kept_for(answer.ttl_seconds, user.overstaying, draw);
            let cached = Cached { addresses: answer.addresses, until };
            locked(&user.cache).insert(host.to_owned(), cached.clone());
            cached
        };
        // Not empty: `dns::addresses` refuses answers without addresses.
        let index = locked(&self.random).usize(..cached.addresses.len());
        Ok(cached.addresses[index])
    }

    /// One name server after another, beginning anywhere, until one answers.
    async fn ask_name_servers(&self, host: &str) -> Result<dns::Addresses, dns::DnsError> {
        let servers = &self.options.name_servers;
        let first = locked(&self.random).usize(..servers.len());
        let mut asked = 0;
        loop {
            let server = servers[(first + asked) % servers.len()];
            asked += 1;
            match dns::addresses(server, host, Recursion::NotDesired).await {
                Err(dns::DnsError::Timeout { .. } | dns::DnsError::Socket { .. })
                    if asked < servers.len() => {}
                answer => return answer,
            }
        }
    }

    fn learn(&self, address: Ipv4Addr, cluster: String) {
        let is_new = !self.clusters.read().unwrap_or_else(PoisonError::into_inner).contains_key(&address);
        if is_new {
            self.clusters.write().unwrap_or_else(PoisonError::into_inner).insert(address, cluster);
        }
    }

    fn cluster_of(&self, address: Ipv4Addr) -> Option<String> {
        self.clusters.read().unwrap_or_else(PoisonError::into_inner).get(&address).cloned()
    }
}

/// How long a user keeps an answer; `draw` is from 0 to 1.
fn kept_for(ttl_seconds: u32, overstaying: bool, draw: f64) -> Duration {
    let factor = if overstaying { 1.0 + draw * (OVERSTAY_FACTOR_MAX - 1.0) } else { 1.0 };
    Duration::from_secs_f64(f64::from(ttl_seconds) * factor)
}

/// Counts stay usable whatever panicked elsewhere.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn mk_options() -> UserOptions {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        UserOptions {
            resolvers: 5,
            overstaying: 2,
            hosts: vec!["a.example.org".to_owned()],
            name_servers: vec![address],
            proxy: address,
            ca_pem: Vec::new(),
            requests_per_second: 10.0,
            seed: 1,
        }
    }

    #[test]
    fn answers_are_kept_for_their_ttl_and_by_some_up_to_three_times_as_long() {
        assert_eq!(kept_for(30, false, 1.0), Duration::from_secs(30));
        assert_eq!(kept_for(30, true, 0.0), Duration::from_secs(30));
        assert_eq!(kept_for(30, true, 1.0), Duration::from_secs(90));
        assert_eq!(kept_for(0, true, 1.0), Duration::ZERO);
    }

    #[test]
    fn options_without_sense_are_refused() {
        assert!(check(&mk_options()).is_ok());
        for change in [
            |options: &mut UserOptions| options.resolvers = 0,
            |options: &mut UserOptions| options.overstaying = 6,
            |options: &mut UserOptions| options.hosts.clear(),
            |options: &mut UserOptions| options.name_servers.clear(),
            |options: &mut UserOptions| options.requests_per_second = f64::NAN,
            |options: &mut UserOptions| options.requests_per_second = 0.0,
        ] {
            let mut options = mk_options();
            change(&mut options);
            assert!(check(&options).is_err(), "{options:?}");
        }
        assert!(Users::start(mk_options()).is_err(), "nobody can be trusted without an authority");
    }
}

#[cfg(test)]
mod crowd_tests;
