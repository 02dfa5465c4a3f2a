//! All objects of one cluster, their history, and the rules every write obeys.
//!
//! One lock, one revision counter: each write is one revision and one entry of the history that watches read,
//! so a list and the watch that continues it can never disagree. HTTP and in-process callers use the same
//! methods. Nothing here waits while it holds the lock.

mod bootstrap;
mod history;
mod namespaces;
mod removal;
mod rules;
mod watch;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch as signal;

use crate::error::ApiError;
use crate::kinds::events;
use crate::resource::{Registry, ResourceId, ResourceType};
use history::History;

pub(crate) use removal::{DeleteOptions, Deleted, Propagation};
pub(crate) use watch::End;
pub use watch::{Watch, WatchEvent, WatchEventKind};
pub(crate) use write::{FieldValidation, Target, WriteOptions, Written};

/// Namespace (empty for cluster-scoped objects) and name. Sorts as etcd keys do, which is the order of lists.
type Key = (String, String);

/// A cheap handle on the objects of one cluster.
///
/// All rules apply to it as to HTTP: defaults, validation, generation, finalizers, owner references,
/// namespaces.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// The newest revision; watches wait for it to move.
    head: signal::Sender<Head>,
    watchers: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    revision: u64,
    stopped: bool,
}

struct State {
    revision: u64,
    registry: Arc<Registry>,
    objects: HashMap<ResourceId, BTreeMap<Key, Arc<Value>>>,
    history: History,
}

/// A list at one revision.
pub(crate) struct Listed {
    pub(crate) items: Vec<Arc<Value>>,
    pub(crate) revision: u64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A cluster as it is when its control plane has just come up. `cluster_name` decides the uid of
    /// `kube-system`.
    pub(crate) fn new(cluster_name: &str) -> Store {
        let mut state = State {
            revision: 0,
            registry: Arc::new(Registry::builtin()),
            objects: HashMap::new(),
            history: History::default(),
        };
        state.bootstrap(cluster_name);
        let head = Head { revision: state.revision, stopped: false };
        Store {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                head: signal::Sender::new(head),
                watchers: AtomicUsize::new(0),
            }),
        }
    }

    /// One object in its preferred version.
    pub fn get(&self, id: &ResourceId, namespace: Option<&str>, name: &str) -> Result<Arc<Value>, ApiError> {
        let state = self.lock();
        let resource = state.resource(id)?;
        let object = state.find(&resource, namespace.unwrap_or_default(), name)?;
        Ok(from_storage(&resource, &object))
    }

    /// All objects of a resource, of one namespace or of all, with the revision of the list.
    pub fn list(&self, id: &ResourceId, namespace: Option<&str>) -> Result<(Vec<Arc<Value>>, u64), ApiError> {
        let listed = self.list_at(id, namespace, None)?;
        Ok((listed.items, listed.revision))
    }

    /// Creates an object; `metadata.name` or `metadata.generateName` names it.
    pub fn create(&self, id: &ResourceId, object: Value) -> Result<Arc<Value>, ApiError> {
        self.change(|state| state.create(id, None, object, &WriteOptions::in_process()))
            .map(|written| written.object)
    }

    /// Replaces an object except its status. A `metadata.resourceVersion` that is present must be the current
    /// one.
    pub fn update(&self, id: &ResourceId, object: Value) -> Result<Arc<Value>, ApiError> {
        self.replace_in_process(id, object, Target::Main)
    }

    /// Replaces the status of an object. A `metadata.resourceVersion` that is present must be the current
    /// one.
    pub fn update_status(&self, id: &ResourceId, object: Value) -> Result<Arc<Value>, ApiError> {
        self.replace_in_process(id, object, Target::Status)
    }

    /// Deletes an object and, in the background, what it owns. An object with finalizers stays, marked as
    /// being deleted.
    pub fn delete(&self, id: &ResourceId, namespace: Option<&str>, name: &str) -> Result<(), ApiError> {
        self.change(|state| state.delete(id, namespace.unwrap_or_default(), name, &DeleteOptions::default()))
            .map(|_| ())
    }

    /// Follows changes after a revision. `Err` with reason `Expired` when that revision has left the history.
    pub fn watch(
        &self,
        id: &ResourceId,
        namespace: Option<&str>,
        after_revision: u64,
    ) -> Result<Watch, ApiError> {
        Watch::open(self.clone(), id, namespace, after_revision)
    }

    fn replace_in_process(
        &self,
        id: &ResourceId,
        object: Value,
        target: Target,
    ) -> Result<Arc<Value>, ApiError> {
        let namespace = crate::meta::namespace(&object).to_owned();
        let name = crate::meta::name(&object).to_owned();
        let options = WriteOptions::in_process();
        self.change(|state| state.modify(id, &namespace, &name, target, &options, |_| Ok(object)))
            .map(|written| written.object)
    }

    /// Objects at a past revision, or now.
    pub(crate) fn list_at(
        &self,
        id: &ResourceId,
        namespace: Option<&str>,
        revision: Option<u64>,
    ) -> Result<Listed, ApiError> {
        let state = self.lock();
        let resource = state.resource(id)?;
        let current = state.objects.get(resource.storage());
        let in_namespace = |key: &Key| namespace.is_none_or(|wanted| key.0 == wanted);
        if let Some(revision) = revision.filter(|revision| *revision < state.revision) {
            let past = state.history.rewind(current, resource.storage(), revision)?;
            let items = past
                .into_iter()
                .filter(|(key, _)| in_namespace(key))
                .map(|(_, object)| from_storage(&resource, &object))
                .collect();
            return Ok(Listed { items, revision });
        }
        let items = current
            .into_iter()
            .flatten()
            .filter(|(key, _)| in_namespace(key))
            .map(|(_, object)| from_storage(&resource, object))
            .collect();
        Ok(Listed { items, revision: state.revision })
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.lock().registry.clone()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Ends all watches. Reads and writes of remaining handles still work.
    pub(crate) fn stop(&self) {
        self.shared.head.send_modify(|head| head.stopped = true);
    }

    /// Runs a write under the lock and wakes the watches when it changed something.
    fn change<T>(&self, write: impl FnOnce(&mut State) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let (result, revision) = {
            let mut state = self.lock();
            (write(&mut state), state.revision)
        };
        self.shared.head.send_if_modified(|head| {
            let moved = head.revision < revision;
            head.revision = head.revision.max(revision);
            moved
        });
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a defect of this crate; the objects are still the best there is.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn create_object(
        &self,
        id: &ResourceId,
        namespace: Option<&str>,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        self.change(|state| state.create(id, namespace, object, options))
    }

    pub(crate) fn modify_object(
        &self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        target: Target,
        options: &WriteOptions,
        edit: impl FnOnce(&Value) -> Result<Value, ApiError>,
    ) -> Result<Written, ApiError> {
        self.change(|state| state.modify(id, namespace, name, target, options, edit))
    }

    pub(crate) fn apply_object(
        &self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        target: Target,
        options: &WriteOptions,
        config: Value,
    ) -> Result<Written, ApiError> {
        self.change(|state| state.apply(id, namespace, name, target, options, config))
    }

    pub(crate) fn delete_object(
        &self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        self.change(|state| state.delete(id, namespace, name, options))
    }
}

impl State {
    fn resource(&self, id: &ResourceId) -> Result<Arc<ResourceType>, ApiError> {
        self.registry.get(id).cloned().ok_or_else(ApiError::no_such_path)
    }

    fn find(&self, resource: &ResourceType, namespace: &str, name: &str) -> Result<Arc<Value>, ApiError> {
        let key = if resource.namespaced {
            (namespace.to_owned(), name.to_owned())
        } else {
            (String::new(), name.to_owned())
        };
        self.objects
            .get(resource.storage())
            .and_then(|objects| objects.get(&key))
            .cloned()
            .ok_or_else(|| ApiError::not_found(&resource.id, name))
    }
}

/// An object in the form of the preferred version of a resource.
pub(crate) fn from_storage(resource: &ResourceType, object: &Arc<Value>) -> Arc<Value> {
    if resource.stored_as.is_some() {
        return Arc::new(events::to_events_group(object));
    }
    in_version(resource, &resource.preferred().name, object)
}

/// The same object labelled with another served version. Versions of one resource differ in their label alone
/// (`conversion: None`).
pub(crate) fn in_version(resource: &ResourceType, version: &str, object: &Arc<Value>) -> Arc<Value> {
    let api_version = resource.api_version(version);
    if object["apiVersion"] == api_version.as_str() {
        return object.clone();
    }
    let mut converted = Value::clone(object);
    converted["apiVersion"] = api_version.into();
    Arc::new(converted)
}
