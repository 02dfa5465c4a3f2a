//! Objects as they are to be in the cluster: lists opened, namespaces filled in, repeated ones left out, marked as ours.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tracking::Tracking;
use crate::api::Kinds;
use crate::cache::is_excluded;
use crate::object::{Key, group, kind, list, name, namespace, table_mut, text};

/// Objects, and warnings about them as type and message.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) objects: Vec<Value>,
    pub(super) warnings: Vec<(&'static str, String)>,
}

/// Prepares rendered objects. What comes later takes the place of the same object before.
pub(super) fn prepare(
    rendered: Vec<Value>,
    application: &str,
    destination_namespace: &str,
    kinds: &Kinds,
    tracking: &Tracking,
) -> Targets {
    let mut targets = Targets::default();
    let mut by_key: BTreeMap<Key, (usize, usize)> = BTreeMap::new();
    for mut object in rendered.into_iter().flat_map(opened) {
        if is_excluded(group(&object), kind(&object)) {
            targets.warnings.push((
                "ExcludedResourceWarning",
                format!(
                    "Resource {}/{} {} is excluded in the settings",
                    group(&object),
                    kind(&object),
                    name(&object)
                ),
            ));
            continue;
        }
        let known = kinds.get(group(&object), kind(&object));
        let is_namespaced = known.is_none_or(|kind| kind.is_namespaced);
        if !is_namespaced {
            table_mut(&mut object, &["metadata"]).remove("namespace");
        } else if namespace(&object).is_empty() {
            object["metadata"]["namespace"] = destination_namespace.into();
        }
        // Definitions stay when an Application goes, and all their objects with them.
        if kind(&object) != "CustomResourceDefinition" {
            tracking.mark(application, &mut object, destination_namespace);
        }
        let mut key = Key::of(&object);
        if key.name.is_empty() {
            key.name = format!("{}{}", text(&object["metadata"]["generateName"]), targets.objects.len());
        }
        if let Some((at, count)) = by_key.get_mut(&key) {
            *count += 1;
            targets.objects[*at] = object;
        } else {
            by_key.insert(key, (targets.objects.len(), 1));
            targets.objects.push(object);
        }
    }
    for (key, (_, count)) in by_key.into_iter().filter(|(_, (_, count))| *count > 1) {
        let message = format!(
            "Resource {}/{}/{}/{} appeared {count} times among application resources.",
            key.group, key.kind, key.namespace, key.name
        );
        targets.warnings.push(("RepeatedResourceWarning", message));
    }
    targets
}

fn opened(object: Value) -> Vec<Value> {
    if kind(&object).ends_with("List") && object["items"].is_array() {
        return list(&object["items"]).to_vec();
    }
    vec![object]
}
