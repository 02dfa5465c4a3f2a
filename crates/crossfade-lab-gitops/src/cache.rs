//! What is in the cluster, as the watches tell it. Everything but the writes reads from here.
//!
//! Kinds that change all the time and that nobody keeps in Git are left out, as Argo CD's default settings do.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::StreamExt;
use kube::core::WatchEvent;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::api::{Api, ApiError, Kind};
use crate::apps::tracking::Tracking;
use crate::lock::lock;
use crate::object::{Key, text};

/// Wait before a watch that ended is begun again, so that a server that is ending is not asked in a loop.
const REWATCH_DELAY: Duration = Duration::from_millis(100);

/// Group and kind; an empty kind is the whole group.
const EXCLUDED: [(&str, &str); 12] = [
    ("", "Endpoints"),
    ("", "Event"),
    ("", "ComponentStatus"),
    ("apiregistration.k8s.io", "APIService"),
    ("authentication.k8s.io", ""),
    ("authorization.k8s.io", ""),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("cert-manager.io", "CertificateRequest"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("events.k8s.io", ""),
    ("metrics.k8s.io", ""),
];

/// Whether objects of a kind are neither watched nor synced.
pub(crate) fn is_excluded(group: &str, kind: &str) -> bool {
    EXCLUDED.iter().any(|(excluded, name)| *excluded == group && (name.is_empty() || *name == kind))
}

/// One change: the object before and after.
pub(crate) struct Change<'c> {
    pub(crate) key: &'c Key,
    pub(crate) before: Option<&'c Arc<Value>>,
    pub(crate) after: Option<&'c Arc<Value>>,
    /// The Applications that it belonged to and belongs to.
    pub(crate) trackers: BTreeSet<String>,
}

/// Who is told of changes.
pub(crate) type Listener = Arc<dyn Fn(&Change<'_>) + Send + Sync>;

#[derive(Default)]
struct Objects {
    by_key: HashMap<Key, Arc<Value>>,
    /// By the instance name of the Application that tracks them.
    by_application: HashMap<String, BTreeSet<Key>>,
    /// How that is seen.
    tracking: Tracking,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cache {
    api: Api,
    objects: Arc<Mutex<Objects>>,
    watched: Arc<Mutex<HashSet<Kind>>>,
    listener: Listener,
}

impl Cache {
    pub(crate) fn new(api: Api, listener: Listener) -> Cache {
        Cache { api, objects: Arc::default(), watched: Arc::default(), listener }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().by_key.get(key).cloned()
    }

    /// All objects of a kind, by name.
    pub(crate) fn of_kind(&self, group: &str, kind: &str) -> Vec<Arc<Value>> {
        let objects = self.lock();
        let of_kind = objects.by_key.iter().filter(|(key, _)| key.group == group && key.kind == kind);
        let mut found: Vec<(&Key, &Arc<Value>)> = of_kind.collect();
        found.sort_unstable_by_key(|(key, _)| *key);
        found.into_iter().map(|(_, object)| Arc::clone(object)).collect()
    }

    /// How objects are marked as an Application's.
    pub(crate) fn tracking(&self) -> Tracking {
        self.lock().tracking.clone()
    }

    /// The objects that an Application tracks.
    pub(crate) fn tracked_by(&self, application: &str) -> Vec<Arc<Value>> {
        let objects = self.lock();
        let keys = objects.by_application.get(application).into_iter().flatten();
        keys.filter_map(|key| objects.by_key.get(key).cloned()).collect()
    }

    /// Takes in an object that was just written, so that the writer sees it before the watch tells.
    pub(crate) fn put(&self, object: Value) {
        self.take_in(object);
    }

    /// Starts a watch for each served kind that has none, and waits until each has been listed once.
    pub(crate) async fn watch_all(&self, tasks: &mut JoinSet<()>) {
        let mut listings = JoinSet::new();
        for kind in self.api.kinds().iter() {
            if !kind.is_watched || is_excluded(&kind.group, &kind.name) {
                continue;
            }
            let is_new = lock(&self.watched).insert(kind.clone());
            if is_new {
                let (listed, is_listed) = tokio::sync::oneshot::channel();
                let (cache, kind) = (self.clone(), kind.clone());
                tasks.spawn(async move { cache.keep(kind, listed).await });
                listings.spawn(is_listed);
            }
        }
        while listings.join_next().await.is_some() {}
    }

    async fn keep(self, kind: Kind, listed: tokio::sync::oneshot::Sender<()>) {
        let mut listed = Some(listed);
        loop {
            match self.follow(&kind, &mut listed).await {
                Err(error) if error.is_not_found() && self.is_gone(&kind).await => {
                    self.replace_all(&kind, Vec::new());
                    lock(&self.watched).remove(&kind);
                    return;
                }
                Err(error) => tracing::debug!(kind = kind.name, %error, "watch ended"),
                Ok(()) => {}
            }
            tokio::time::sleep(REWATCH_DELAY).await;
        }
    }

    async fn is_gone(&self, kind: &Kind) -> bool {
        self.api.discover().await.is_ok_and(|kinds| kinds.get(&kind.group, &kind.name).is_none())
    }

    async fn follow(
        &self,
        kind: &Kind,
        listed: &mut Option<tokio::sync::oneshot::Sender<()>>,
    ) -> Result<(), ApiError> {
        let (items, revision) = self.api.list(kind).await?;
        self.replace_all(kind, items);
        if let Some(listed) = listed.take() {
            // Nobody waits when the agent is ending.
            let _ = listed.send(());
        }
        let mut events = Box::pin(self.api.watch(kind, &revision).await?);
        while let Some(event) = events.next().await {
            match event? {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => self.take_in(object),
                WatchEvent::Deleted(object) => self.drop_out(&Key::of(&object), Some(&object)),
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(status) => {
                    return Err(ApiError { code: status.code, message: status.message.clone() });
                }
            }
        }
        Ok(())
    }

    fn replace_all(&self, kind: &Kind, items: Vec<Value>) {
        let present: HashSet<Key> = items.iter().map(Key::of).collect();
        let gone: Vec<Key> = {
            let objects = self.lock();
            let of_kind =
                objects.by_key.keys().filter(|key| key.group == kind.group && key.kind == kind.name);
            of_kind.filter(|key| !present.contains(*key)).cloned().collect()
        };
        for key in gone {
            self.drop_out(&key, None);
        }
        for item in items {
            self.take_in(item);
        }
    }

    fn take_in(&self, object: Value) {
        let object = Arc::new(object);
        let key = Key::of(&object);
        let (before, trackers) = {
            let mut objects = self.lock();
            if objects.by_key.get(&key).is_some_and(|known| !is_newer(&object, known)) {
                return;
            }
            let before = objects.by_key.insert(key.clone(), Arc::clone(&object));
            let was = objects.untrack(&key, before.as_deref());
            let is = objects.track(&key, &object);
            if Tracking::is_said_by(&key) {
                objects.follow_settings(Some(&object));
            }
            (before, was.into_iter().chain(is).collect())
        };
        (self.listener)(&Change { key: &key, before: before.as_ref(), after: Some(&object), trackers });
    }

    fn drop_out(&self, key: &Key, last: Option<&Value>) {
        let (before, trackers) = {
            let mut objects = self.lock();
            let is_another = |known: &Arc<Value>| {
                last.is_some_and(|last| text(&last["metadata"]["uid"]) != text(&known["metadata"]["uid"]))
            };
            if objects.by_key.get(key).is_none_or(is_another) {
                return;
            }
            let before = objects.by_key.remove(key);
            let was = objects.untrack(key, before.as_deref());
            if Tracking::is_said_by(key) {
                objects.follow_settings(None);
            }
            (before, was.into_iter().collect())
        };
        (self.listener)(&Change { key, before: before.as_ref(), after: None, trackers });
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        lock(&self.objects)
    }
}

impl Objects {
    fn track(&mut self, key: &Key, object: &Value) -> Option<String> {
        let application = self.tracking.application_of(object)?;
        self.by_application.entry(application.clone()).or_default().insert(key.clone());
        Some(application)
    }

    fn untrack(&mut self, key: &Key, object: Option<&Value>) -> Option<String> {
        let application = self.tracking.application_of(object?)?;
        if let Some(keys) = self.by_application.get_mut(&application) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_application.remove(&application);
            }
        }
        Some(application)
    }

    /// Objects may be tracked otherwise from now on.
    fn follow_settings(&mut self, settings: Option<&Value>) {
        let tracking = Tracking::of_settings(settings);
        if self.tracking == tracking {
            return;
        }
        self.tracking = tracking;
        self.by_application.clear();
        let all: Vec<(Key, Arc<Value>)> =
            self.by_key.iter().map(|(key, object)| (key.clone(), Arc::clone(object))).collect();
        for (key, object) in all {
            self.track(&key, &object);
        }
    }
}

/// Whether an object is another or a later one than the one that is known: a write's answer and the watch's event come
/// in either order.
fn is_newer(object: &Value, known: &Value) -> bool {
    let version = |object: &Value| text(&object["metadata"]["resourceVersion"]).parse::<u64>().ok();
    match (version(object), version(known)) {
        (Some(new), Some(old)) => new > old,
        _ => true,
    }
}
