//! Deleting objects, and what follows: finalizers, dependents, namespaces, custom resources.
//!
//! What a real cluster's garbage collector does a moment later happens here within the same write, in the
//! same order of events. Only the content of a namespace goes a little later ([`super::namespaces`]). Nothing
//! waits: an object that its finalizers hold stays, and the next write that frees it goes on from there.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::watch::WatchEventKind;
use super::{State, from_storage};
use crate::crd;
use crate::error::ApiError;
use crate::kinds;
use crate::meta;
use crate::resource::{ResourceId, ResourceType};

/// Finalizer of an object whose dependents go first.
const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an object that waits until its dependents have forgotten it.
const ORPHAN: &str = "orphan";

/// What becomes of dependents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They go after their owner.
    #[default]
    Background,
    /// They go before their owner.
    Foreground,
    /// They stay and forget their owner.
    Orphan,
}

/// What a request says about a deletion.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) propagation: Propagation,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) dry_run: bool,
}

/// The result of a deletion.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) object: Arc<Value>,
    /// It is gone, rather than waiting for finalizers.
    pub(crate) gone: bool,
}

/// Work that removals leave behind.
#[derive(Debug, Default)]
pub(super) struct Queue(VecDeque<Task>);

#[derive(Debug)]
enum Task {
    Delete { resource: ResourceId, namespace: String, name: String, uid: String },
    Removed(Arc<Value>),
}

impl State {
    pub(crate) fn delete(
        &mut self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let resource = self.resource(id)?;
        let object = self.find(&resource, namespace, name)?;
        check_preconditions(&resource, &object, options)?;
        if resource.is("", "namespaces") && kinds::PERMANENT_NAMESPACES.contains(&name) {
            return Err(ApiError::forbidden(&resource.id, name, "this namespace may not be deleted"));
        }
        if options.dry_run {
            return Ok(Deleted { object: from_storage(&resource, &object), gone: meta::may_go(&object) });
        }
        let mut queue = Queue::default();
        let gone = self.delete_one(&resource, &object, options.propagation, &mut queue);
        self.drain(queue);
        // What the queue did may have finished the object off, or changed it.
        let object = match self.find(&resource, namespace, name) {
            Ok(current) if meta::uid(&current) == meta::uid(&object) => current,
            _ => gone.clone().unwrap_or(object),
        };
        Ok(Deleted { object: from_storage(&resource, &object), gone: gone.is_some() })
    }

    /// Marks an object as being deleted or removes it at once. Returns its last state in the latter case.
    fn delete_one(
        &mut self,
        resource: &Arc<ResourceType>,
        object: &Arc<Value>,
        propagation: Propagation,
        queue: &mut Queue,
    ) -> Option<Arc<Value>> {
        let mut marked = Value::clone(object);
        if !meta::is_deleting(object) {
            let counts = resource.counts_generation;
            let metadata = meta::metadata_mut(&mut marked);
            metadata.insert("deletionTimestamp".into(), meta::now().into());
            metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
            if counts && let Some(generation) = metadata.get("generation").and_then(Value::as_u64) {
                metadata.insert("generation".into(), (generation + 1).into());
            }
        }
        if resource.is("", "namespaces") {
            marked["status"]["phase"] = "Terminating".into();
        }
        let object = &if propagation == Propagation::Orphan {
            self.orphan_dependents(resource, &marked, object)
        } else {
            Arc::clone(object)
        };
        let waits_for_dependents = propagation == Propagation::Foreground && self.blocks(meta::uid(object));
        if waits_for_dependents && !meta::finalizers(&marked).iter().any(|name| name == FOREGROUND) {
            let mut finalizers = meta::finalizers(&marked);
            finalizers.push(FOREGROUND.into());
            meta::metadata_mut(&mut marked).insert("finalizers".into(), finalizers.into());
        }
        let is_definition = resource.is("apiextensions.k8s.io", "customresourcedefinitions");
        if is_definition && !meta::is_deleting(object) {
            let mut finalizers = meta::finalizers(&marked);
            finalizers.push(crd::CLEANUP_FINALIZER.into());
            meta::metadata_mut(&mut marked).insert("finalizers".into(), finalizers.into());
        }
        if meta::may_go(&marked) && !self.has_content(resource, object) {
            if resource.is("", "pods") && marked != **object {
                // Watchers see a pod terminate before it is gone, here too, where its kubelet takes no time.
                let marked =
                    self.store(resource, WatchEventKind::Modified, marked, Some(object.clone()), false);
                return Some(self.remove(resource, &marked, &marked, queue));
            }
            let last = if propagation == Propagation::Orphan { Arc::new(marked) } else { Arc::clone(object) };
            return Some(self.remove(resource, &last, object, queue));
        }
        if marked != **object {
            self.store(resource, WatchEventKind::Modified, marked, Some(object.clone()), false);
        }
        if waits_for_dependents {
            self.queue_dependents(meta::uid(object), queue);
        }
        if is_definition {
            self.queue_instances(&crd::served_resource(object), queue);
            queue.0.push_back(Task::Removed(object.clone()));
        }
        None
    }

    /// Takes an object out of the store and notes what follows from it.
    pub(super) fn remove(
        &mut self,
        resource: &ResourceType,
        last: &Arc<Value>,
        previous: &Arc<Value>,
        queue: &mut Queue,
    ) -> Arc<Value> {
        let removed =
            self.store(resource, WatchEventKind::Deleted, Value::clone(last), Some(previous.clone()), false);
        if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            Arc::make_mut(&mut self.registry).remove(&crd::served_resource(last));
        }
        queue.0.push_back(Task::Removed(removed.clone()));
        removed
    }

    pub(super) fn drain(&mut self, mut queue: Queue) {
        while let Some(task) = queue.0.pop_front() {
            match task {
                Task::Delete { resource, namespace, name, uid } => {
                    let Ok(resource) = self.resource(&resource) else { continue };
                    let Ok(object) = self.find(&resource, &namespace, &name) else { continue };
                    if meta::uid(&object) == uid {
                        self.delete_one(&resource, &object, Propagation::Background, &mut queue);
                    }
                }
                Task::Removed(object) => self.follow_up(&object, &mut queue),
            }
        }
    }

    /// After an object has gone: its dependents, owners that waited for it, its namespace, its definition.
    fn follow_up(&mut self, removed: &Value, queue: &mut Queue) {
        let still_there = removed["kind"] == "Namespace" || removed["kind"] == "CustomResourceDefinition";
        if !still_there || self.is_gone(removed) {
            self.release_dependents(meta::uid(removed), queue);
        }
        for owner in removed["metadata"]["ownerReferences"].as_array().into_iter().flatten() {
            self.finish_foreground(owner["uid"].as_str().unwrap_or_default(), queue);
        }
        let namespace = match removed["kind"].as_str() {
            Some("Namespace") => meta::name(removed),
            _ => meta::namespace(removed),
        };
        self.finish_namespace(namespace, queue);
        self.finish_definitions(removed, queue);
    }

    fn is_gone(&self, object: &Value) -> bool {
        let uid = meta::uid(object);
        self.all_objects().all(|(_, other)| meta::uid(other) != uid)
    }

    fn all_objects(&self) -> impl Iterator<Item = (&ResourceId, &Arc<Value>)> {
        self.objects.iter().flat_map(|(id, objects)| objects.values().map(move |object| (id, object)))
    }

    fn dependents(&self, uid: &str) -> Vec<(ResourceId, Arc<Value>)> {
        if uid.is_empty() {
            return Vec::new();
        }
        self.all_objects()
            .filter(|(_, object)| owner_uids(object).any(|owner| owner == uid))
            .map(|(id, object)| (id.clone(), object.clone()))
            .collect()
    }

    /// Whether a dependent holds its owner back in a foreground deletion.
    fn blocks(&self, uid: &str) -> bool {
        let holds = |owner: &Value| owner["uid"] == uid && owner["blockOwnerDeletion"] == true;
        self.dependents(uid).iter().any(|(_, object)| {
            object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(holds)
        })
    }

    fn queue_dependents(&self, uid: &str, queue: &mut Queue) {
        for (id, object) in self.dependents(uid) {
            queue.0.push_back(delete_task(&id, &object));
        }
    }

    /// Dependents of a removed owner go too, unless another owner is left.
    fn release_dependents(&mut self, uid: &str, queue: &mut Queue) {
        for (id, object) in self.dependents(uid) {
            let others: Vec<Value> = object["metadata"]["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|owner| owner["uid"].as_str().is_some_and(|other| other != uid && self.exists(other)))
                .cloned()
                .collect();
            if others.is_empty() {
                queue.0.push_back(delete_task(&id, &object));
            } else {
                self.set_owners(&id, &object, others);
            }
        }
    }

    fn exists(&self, uid: &str) -> bool {
        self.all_objects().any(|(_, object)| meta::uid(object) == uid)
    }

    /// Makes dependents forget their owner. Who watches sees first that the owner is going, as `marked` says: otherwise
    /// its controller would claim them again. Returns it as it is meanwhile.
    fn orphan_dependents(
        &mut self,
        resource: &ResourceType,
        marked: &Value,
        owner: &Arc<Value>,
    ) -> Arc<Value> {
        let mut held = marked.clone();
        let mut finalizers = meta::finalizers(marked);
        finalizers.push(ORPHAN.into());
        meta::metadata_mut(&mut held).insert("finalizers".into(), finalizers.into());
        let held = self.store(resource, WatchEventKind::Modified, held, Some(owner.clone()), false);
        let uid = meta::uid(owner);
        for (id, object) in self.dependents(uid) {
            let others: Vec<Value> = object["metadata"]["ownerReferences"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|owner| owner["uid"].as_str() != Some(uid))
                .cloned()
                .collect();
            self.set_owners(&id, &object, others);
        }
        held
    }

    fn set_owners(&mut self, id: &ResourceId, object: &Arc<Value>, owners: Vec<Value>) {
        let Ok(resource) = self.resource(id) else { return };
        let mut new = Value::clone(object);
        meta::set_or_remove(meta::metadata_mut(&mut new), "ownerReferences", Value::Array(owners));
        self.store(&resource, WatchEventKind::Modified, new, Some(object.clone()), false);
    }

    /// Lets an owner go that waited in the foreground, once nothing that holds it back is left.
    fn finish_foreground(&mut self, uid: &str, queue: &mut Queue) {
        let waiting = self
            .all_objects()
            .find(|(_, object)| meta::uid(object) == uid)
            .map(|(id, object)| (id.clone(), object.clone()))
            .filter(|(_, object)| {
                meta::is_deleting(object) && meta::finalizers(object).iter().any(|f| f == FOREGROUND)
            });
        let Some((id, owner)) = waiting else { return };
        if self.blocks(uid) {
            return;
        }
        let Ok(resource) = self.resource(&id) else { return };
        let mut freed = Value::clone(&owner);
        let finalizers: Vec<String> =
            meta::finalizers(&owner).into_iter().filter(|name| name != FOREGROUND).collect();
        meta::set_or_remove(meta::metadata_mut(&mut freed), "finalizers", finalizers.into());
        if meta::may_go(&freed) {
            self.remove(&resource, &Arc::new(freed), &owner, queue);
        } else {
            self.store(&resource, WatchEventKind::Modified, freed, Some(owner), false);
        }
    }

    /// Whether a namespace holds objects, or a definition has instances.
    fn has_content(&self, resource: &ResourceType, object: &Value) -> bool {
        if resource.is("", "namespaces") {
            return self.all_objects().any(|(_, inner)| meta::namespace(inner) == meta::name(object));
        }
        resource.is("apiextensions.k8s.io", "customresourcedefinitions")
            && self.objects.get(&crd::served_resource(object)).is_some_and(|instances| !instances.is_empty())
    }

    /// Removes what namespaces that are being deleted hold, and then those namespaces. The part of the
    /// namespace controller.
    pub(super) fn clear_terminating_namespaces(&mut self) {
        let Some(namespaces) = self.objects.get(&ResourceId::new("", "namespaces")) else { return };
        let terminating: Vec<Arc<Value>> =
            namespaces.values().filter(|namespace| meta::is_deleting(namespace)).cloned().collect();
        let mut queue = Queue::default();
        for namespace in terminating {
            self.queue_namespace(meta::name(&namespace), &mut queue);
            queue.0.push_back(Task::Removed(namespace));
        }
        self.drain(queue);
    }

    fn queue_namespace(&self, namespace: &str, queue: &mut Queue) {
        for (id, object) in self.all_objects().filter(|(_, object)| meta::namespace(object) == namespace) {
            queue.0.push_back(delete_task(id, object));
        }
    }

    fn queue_instances(&self, id: &ResourceId, queue: &mut Queue) {
        for object in self.objects.get(id).into_iter().flat_map(|objects| objects.values()) {
            queue.0.push_back(delete_task(id, object));
        }
    }

    fn finish_namespace(&mut self, name: &str, queue: &mut Queue) {
        if !name.is_empty() {
            self.finish_container(&ResourceId::new("", "namespaces"), name, queue);
        }
    }

    fn finish_definitions(&mut self, removed: &Value, queue: &mut Queue) {
        let definitions = ResourceId::new("apiextensions.k8s.io", "customresourcedefinitions");
        let name = if removed["kind"] == "CustomResourceDefinition" {
            meta::name(removed).to_owned()
        } else {
            let group = removed["apiVersion"]
                .as_str()
                .and_then(|text| text.split_once('/'))
                .map_or("", |(group, _)| group);
            let kind = removed["kind"].as_str().unwrap_or_default();
            match self.registry.by_kind(group, kind) {
                Some(resource) if resource.is_custom() => resource.id.to_string(),
                _ => return,
            }
        };
        self.finish_container(&definitions, &name, queue);
    }

    /// Removes a namespace or definition that is being deleted and has become empty.
    fn finish_container(&mut self, id: &ResourceId, name: &str, queue: &mut Queue) {
        let Ok(resource) = self.resource(id) else { return };
        let Ok(object) = self.find(&resource, "", name) else { return };
        if !meta::is_deleting(&object) || self.has_content(&resource, &object) {
            return;
        }
        let mut last = Value::clone(&object);
        if resource.is("", "namespaces") {
            last["spec"]["finalizers"] = Value::Array(Vec::new());
        } else {
            let rest: Vec<String> =
                meta::finalizers(&object).into_iter().filter(|name| name != crd::CLEANUP_FINALIZER).collect();
            meta::set_or_remove(meta::metadata_mut(&mut last), "finalizers", rest.into());
        }
        if meta::finalizers(&last).is_empty() {
            self.remove(&resource, &Arc::new(last), &object, queue);
        }
    }
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["uid"].as_str())
}

fn delete_task(id: &ResourceId, object: &Value) -> Task {
    Task::Delete {
        resource: id.clone(),
        namespace: meta::namespace(object).to_owned(),
        name: meta::name(object).to_owned(),
        uid: meta::uid(object).to_owned(),
    }
}

fn check_preconditions(
    resource: &ResourceType,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let name = meta::name(object);
    if let Some(uid) = &options.uid
        && uid != meta::uid(object)
    {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            meta::uid(object)
        );
        return Err(ApiError::conflict(&resource.id, name, &why));
    }
    if let Some(version) = &options.resource_version
        && version != meta::resource_version(object)
    {
        let why = format!(
            "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {}",
            meta::resource_version(object)
        );
        return Err(ApiError::conflict(&resource.id, name, &why));
    }
    Ok(())
}
