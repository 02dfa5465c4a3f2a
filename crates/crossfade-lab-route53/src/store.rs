//! The zones and changes of the one account: what the API reads and writes, and what is sent to the name servers.
//!
//! Every write is checked whole, then made at once under one lock, and handed to each name server in the same order. The
//! store never answers DNS.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::change_batch::{self, Edits};
use crate::change_request::Change;
use crate::dns::name_server::Update;
use crate::dns::view::{Node, ViewChange};
use crate::error::ApiError;
use crate::load_balancers::LoadBalancerNames;
use crate::name::DnsName;
use crate::service::NAME_SERVER_COUNT;
use crate::zone::{Zone, delegation_set};

/// Hosted zones per account, by default ("Quotas" in the Developer Guide).
const ZONES_MAX: usize = 500;
/// Changes that `GetChange` remembers. Route 53 does not say how long it does; this is more than a long rehearsal makes.
const CHANGES_MAX: usize = 10_000;
/// Characters behind the first letter of the ids that Route 53 makes.
const ID_CHARACTERS: usize = 20;

/// The answer to a change, and to `GetChange`.
#[derive(Clone, Debug)]
pub(crate) struct ChangeInfo {
    /// The id without the `/change/` in front.
    pub(crate) id: Arc<str>,
    pub(crate) in_sync: bool,
    pub(crate) submitted_at: Timestamp,
    pub(crate) comment: Option<String>,
}

/// The store.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
    load_balancers: LoadBalancerNames,
    take_up: RangeInclusive<Duration>,
    name_servers: Vec<mpsc::UnboundedSender<Update>>,
    /// How many changes are `PENDING`.
    pending: watch::Sender<usize>,
}

#[derive(Debug)]
struct State {
    zones: BTreeMap<String, Zone>,
    caller_references: BTreeSet<String>,
    changes: HashMap<Arc<str>, PendingChange>,
    change_order: VecDeque<Arc<str>>,
    random: fastrand::Rng,
}

#[derive(Debug)]
struct PendingChange {
    info: ChangeInfo,
    name_servers_left: usize,
}

impl Store {
    /// An empty account, and for each name server the changes it has to take up.
    pub(crate) fn new(
        seed: u64,
        take_up: RangeInclusive<Duration>,
        load_balancers: LoadBalancerNames,
    ) -> (Self, Vec<mpsc::UnboundedReceiver<Update>>) {
        let (name_servers, updates) = (0..NAME_SERVER_COUNT).map(|_| mpsc::unbounded_channel()).unzip();
        let store = Self {
            state: Mutex::new(State {
                zones: BTreeMap::new(),
                caller_references: BTreeSet::new(),
                changes: HashMap::new(),
                change_order: VecDeque::new(),
                random: fastrand::Rng::with_seed(seed),
            }),
            load_balancers,
            take_up,
            name_servers,
            pending: watch::Sender::new(0),
        };
        (store, updates)
    }

    /// Creates a hosted zone.
    pub(crate) fn create_zone(
        &self,
        name: &str,
        caller_reference: String,
        comment: Option<String>,
    ) -> Result<(Zone, ChangeInfo), ApiError> {
        let invalid = || ApiError::InvalidDomainName { name: name.to_owned() };
        let apex = DnsName::parse(name).map_err(|_| invalid())?;
        if apex == DnsName::root() {
            return Err(invalid());
        }
        let mut state = self.state();
        if state.caller_references.contains(&caller_reference) {
            return Err(ApiError::HostedZoneAlreadyExists);
        }
        if state.zones.len() >= ZONES_MAX {
            return Err(ApiError::TooManyHostedZones);
        }
        let numbers = std::array::from_fn(|_| state.random.u16(0..512));
        let id = state.new_id('Z');
        let zone = Zone::new(id.clone(), apex, caller_reference.clone(), comment, delegation_set(numbers))
            .map_err(|_| invalid())?;
        state.caller_references.insert(caller_reference);
        state.zones.insert(id.clone(), zone.clone());
        let change = ViewChange::ZoneCreated {
            zone_id: id,
            apex: zone.name.clone(),
            nodes: nodes(&zone, [&zone.name]),
        };
        let info = self.submit(&mut state, change, None);
        Ok((zone, info))
    }

    /// Deletes a hosted zone that holds nothing but what it began with.
    pub(crate) fn delete_zone(&self, id: &str) -> Result<ChangeInfo, ApiError> {
        let mut state = self.state();
        let zone = state.zone(id)?;
        if zone.records.keys().any(|key| !zone.is_required(key)) {
            return Err(ApiError::HostedZoneNotEmpty);
        }
        let change = ViewChange::ZoneDeleted { zone_id: id.to_owned(), apex: zone.name.clone() };
        state.zones.remove(id);
        Ok(self.submit(&mut state, change, None))
    }

    /// Applies a batch of changes to a zone, whole or not at all.
    pub(crate) fn change_records(
        &self,
        zone_id: &str,
        changes: Vec<Change>,
        comment: Option<String>,
    ) -> Result<ChangeInfo, ApiError> {
        let mut state = self.state();
        let zone = state.zone(zone_id)?;
        let Edits { sets, names } = change_batch::plan(zone, changes, &self.load_balancers)?;
        let zone = state.zone_mut(zone_id)?;
        for (key, set) in sets {
            match set {
                Some(set) => zone.records.insert(key, set),
                None => zone.records.remove(&key),
            };
        }
        let change = ViewChange::Names {
            zone_id: zone_id.to_owned(),
            apex: zone.name.clone(),
            nodes: nodes(zone, &names),
        };
        Ok(self.submit(&mut state, change, comment))
    }

    /// A change by its id.
    pub(crate) fn change(&self, id: &str) -> Result<ChangeInfo, ApiError> {
        let state = self.state();
        let found = state.changes.get(id).map(|change| change.info.clone());
        found.ok_or_else(|| ApiError::NoSuchChange { id: id.to_owned() })
    }

    /// Lets `read` look at one zone.
    pub(crate) fn with_zone<T>(&self, id: &str, read: impl FnOnce(&Zone) -> T) -> Result<T, ApiError> {
        self.state().zone(id).map(read)
    }

    /// Lets `write` change what no name server answers from: comment and tags.
    pub(crate) fn with_zone_mut<T>(
        &self,
        id: &str,
        write: impl FnOnce(&mut Zone) -> T,
    ) -> Result<T, ApiError> {
        self.state().zone_mut(id).map(write)
    }

    /// Lets `read` look at all zones, in the order of their ids.
    pub(crate) fn with_zones<T>(&self, read: impl FnOnce(&BTreeMap<String, Zone>) -> T) -> T {
        read(&self.state().zones)
    }

    /// Notes that one name server has taken a change up.
    pub(crate) fn taken_up(&self, change_id: &str) {
        let mut state = self.state();
        let Some(change) = state.changes.get_mut(change_id) else {
            return;
        };
        change.name_servers_left = change.name_servers_left.saturating_sub(1);
        if change.name_servers_left == 0 && !change.info.in_sync {
            change.info.in_sync = true;
            self.pending.send_modify(|pending| *pending = pending.saturating_sub(1));
        }
    }

    /// Waits until no change is `PENDING`.
    pub(crate) async fn in_sync(&self) {
        // The sender lives as long as this store, so waiting cannot fail.
        let _ = self.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }

    /// Registers a change and sends it to the name servers, while the lock keeps the order of changes.
    fn submit(&self, state: &mut State, change: ViewChange, comment: Option<String>) -> ChangeInfo {
        let id: Arc<str> = state.new_id('C').into();
        let info =
            ChangeInfo { id: Arc::clone(&id), in_sync: false, submitted_at: Timestamp::now(), comment };
        state.remember(PendingChange { info: info.clone(), name_servers_left: self.name_servers.len() });
        self.pending.send_modify(|pending| *pending += 1);
        let now = Instant::now();
        let change = Arc::new(change);
        for name_server in &self.name_servers {
            let update = Update {
                change_id: Arc::clone(&id),
                ready_at: now + state.delay(&self.take_up),
                change: Arc::clone(&change),
            };
            // Nobody receives once the service has been stopped; the change then stays PENDING.
            let _ = name_server.send(update);
        }
        info
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn zone(&self, id: &str) -> Result<&Zone, ApiError> {
        self.zones.get(id).ok_or_else(|| ApiError::NoSuchHostedZone { id: id.to_owned() })
    }

    fn zone_mut(&mut self, id: &str) -> Result<&mut Zone, ApiError> {
        self.zones.get_mut(id).ok_or_else(|| ApiError::NoSuchHostedZone { id: id.to_owned() })
    }

    fn new_id(&mut self, first: char) -> String {
        const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut id = String::with_capacity(ID_CHARACTERS + 1);
        id.push(first);
        for _ in 0..ID_CHARACTERS {
            id.push(char::from(ALPHABET[self.random.usize(..ALPHABET.len())]));
        }
        id
    }

    fn delay(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let (shortest, longest) = (*range.start(), *range.end());
        let spread = longest.saturating_sub(shortest);
        shortest + spread.mul_f64(self.random.f64())
    }

    fn remember(&mut self, change: PendingChange) {
        self.change_order.push_back(Arc::clone(&change.info.id));
        self.changes.insert(Arc::clone(&change.info.id), change);
        // Only changes that are INSYNC are forgotten, oldest first, so that none stays PENDING unseen.
        while self.change_order.len() > CHANGES_MAX {
            let oldest = self.change_order.front().cloned();
            let forgettable =
                oldest.filter(|id| self.changes.get(id).is_none_or(|change| change.info.in_sync));
            let Some(id) = forgettable else { break };
            self.change_order.pop_front();
            self.changes.remove(&id);
        }
    }
}

fn nodes<'a>(zone: &Zone, names: impl IntoIterator<Item = &'a DnsName>) -> Vec<(DnsName, Option<Arc<Node>>)> {
    names.into_iter().map(|name| (name.clone(), Node::of(zone.record_sets_of(name)))).collect()
}
