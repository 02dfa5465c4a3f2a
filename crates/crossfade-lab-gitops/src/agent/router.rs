//! Which change concerns whom: Applications by name, ApplicationSets as a list of those to look at again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::Notify;

use crate::apps::tracking::Tracking;
use crate::cache::{Cache, Change};
use crate::lock::lock;
use crate::names::{GROUP, NAMESPACE};
use crate::object::{Key, name, text};
use crate::sets::{is_cluster_secret, owner_of};

/// See the module.
#[derive(Default)]
pub(crate) struct Router {
    routes: Mutex<Routes>,
    pub(crate) applications_came: Notify,
    pub(crate) sets_changed: Notify,
    pub(crate) kinds_changed: Notify,
}

#[derive(Default)]
struct Routes {
    applications: HashMap<Key, Arc<Notify>>,
    new: Vec<(Key, Arc<Notify>)>,
    sets: BTreeSet<Key>,
    /// Every ApplicationSet there is.
    all_sets: BTreeSet<Key>,
    /// Who declares an object, marked or not.
    interest: HashMap<Key, HashSet<Key>>,
    interests_of: HashMap<Key, Vec<Key>>,
}

impl Router {
    /// Takes a change to those it concerns.
    pub(crate) fn route(&self, change: &Change<'_>) {
        let key = change.key;
        let objects = [change.before, change.after];
        let objects = || objects.iter().flatten();
        match (key.group.as_str(), key.kind.as_str()) {
            (GROUP, "Application") if is_asking(change) => self.application_changed(key),
            (GROUP, "ApplicationSet") if is_asking(change) => {
                let mut routes = self.lock();
                if change.after.is_some() {
                    routes.all_sets.insert(key.clone());
                } else {
                    routes.all_sets.remove(key);
                }
                drop(routes);
                self.add_set(key.clone());
            }
            (GROUP, "AppProject") => self.look_at_everything(),
            ("", "Secret") if objects().any(|object| is_cluster_secret(object)) => {
                self.add_known_sets();
                // What a cluster is called concerns Applications, its annotations do not.
                let data = |object: Option<&Arc<Value>>| object.map(|object| object["data"].clone());
                if data(change.before) != data(change.after) {
                    self.wake_all();
                }
            }
            ("", "ConfigMap") if Tracking::is_said_by(key) => self.wake_all(),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => self.kinds_changed.notify_one(),
            _ => {}
        }
        if key.group == GROUP && key.kind == "Application" {
            for set in objects().filter_map(|object| owner_of(object)) {
                self.add_set(Key { kind: "ApplicationSet".to_owned(), name: set.to_owned(), ..key.clone() });
            }
        }
        let trackers: BTreeSet<Key> = change.trackers.iter().cloned().map(application_key).collect();
        let routes = self.lock();
        let interested = routes.interest.get(key).into_iter().flatten();
        for application in trackers.iter().chain(interested) {
            if let Some(woken) = routes.applications.get(application) {
                woken.notify_one();
            }
        }
    }

    fn application_changed(&self, key: &Key) {
        let mut routes = self.lock();
        if let Some(woken) = routes.applications.get(key) {
            woken.notify_one();
            return;
        }
        let woken = Arc::new(Notify::new());
        routes.applications.insert(key.clone(), Arc::clone(&woken));
        routes.new.push((key.clone(), woken));
        self.applications_came.notify_one();
    }

    /// Applications that nobody looks after yet.
    pub(crate) fn take_new(&self) -> Vec<(Key, Arc<Notify>)> {
        std::mem::take(&mut self.lock().new)
    }

    /// Whether a task is the one that looks after an Application.
    pub(crate) fn is_current(&self, key: &Key, woken: &Arc<Notify>) -> bool {
        self.lock().applications.get(key).is_some_and(|current| Arc::ptr_eq(current, woken))
    }

    /// Lets go of an Application that is gone.
    pub(crate) fn forget(&self, key: &Key, woken: &Arc<Notify>) {
        self.set_interest(key, Vec::new());
        let mut routes = self.lock();
        if routes.applications.get(key).is_some_and(|current| Arc::ptr_eq(current, woken)) {
            routes.applications.remove(key);
        }
    }

    /// From now on changes of these objects concern an Application, and of no others but those with its mark.
    pub(crate) fn set_interest(&self, application: &Key, objects: Vec<Key>) {
        let mut routes = self.lock();
        let before = routes.interests_of.remove(application).unwrap_or_default();
        for object in before {
            if let Some(interested) = routes.interest.get_mut(&object) {
                interested.remove(application);
                if interested.is_empty() {
                    routes.interest.remove(&object);
                }
            }
        }
        for object in &objects {
            routes.interest.entry(object.clone()).or_default().insert(application.clone());
        }
        if !objects.is_empty() {
            routes.interests_of.insert(application.clone(), objects);
        }
    }

    pub(crate) fn wake_all(&self) {
        for woken in self.lock().applications.values() {
            woken.notify_one();
        }
    }

    /// Every Application and every ApplicationSet.
    pub(crate) fn look_at_everything(&self) {
        self.wake_all();
        self.add_known_sets();
    }

    pub(crate) fn add_set(&self, key: Key) {
        self.lock().sets.insert(key);
        self.sets_changed.notify_one();
    }

    fn add_known_sets(&self) {
        let mut routes = self.lock();
        let all = routes.all_sets.clone();
        routes.sets.extend(all);
        self.sets_changed.notify_one();
    }

    pub(crate) fn add_all_sets(&self, cache: &Cache) {
        let all = cache.of_kind(GROUP, "ApplicationSet");
        self.lock().sets.extend(all.iter().map(|set| Key::of(set)));
        self.sets_changed.notify_one();
    }

    pub(crate) fn take_sets(&self) -> BTreeSet<Key> {
        std::mem::take(&mut self.lock().sets)
    }

    fn lock(&self) -> MutexGuard<'_, Routes> {
        lock(&self.routes)
    }
}

fn application_key(name: String) -> Key {
    Key { group: GROUP.to_owned(), kind: "Application".to_owned(), namespace: NAMESPACE.to_owned(), name }
}

/// Whether a change asks for something: not when only status and what the server counts have changed.
fn is_asking(change: &Change<'_>) -> bool {
    let (Some(before), Some(after)) = (change.before, change.after) else { return true };
    let asks = |object: &Value| {
        let metadata = &object["metadata"];
        let of = |field: &str| metadata[field].clone();
        [
            object["spec"].clone(),
            object["operation"].clone(),
            of("annotations"),
            of("labels"),
            of("finalizers"),
            of("deletionTimestamp"),
            of("uid"),
        ]
    };
    debug_assert!(text(&after["metadata"]["name"]) == name(before), "a change is of one object");
    asks(before) != asks(after)
}
