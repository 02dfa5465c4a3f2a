//! What is special about single kinds: what a create or update resets, defaults, validation.
//!
//! Only kinds that a lab uses are known in depth; the others are stored as they come. Custom resources are
//! the business of [`crate::crd`].

mod defaults;
pub(crate) mod events;
mod names;
mod pod_spec;
pub(crate) mod service;
mod validate;
mod validate_workload;

use serde_json::{Value, json};

use crate::meta;
use crate::resource::ResourceType;

pub(crate) use defaults::default;
pub(crate) use validate::validate;

/// Namespaces that cannot be deleted.
pub(crate) const PERMANENT_NAMESPACES: [&str; 3] = ["default", "kube-public", "kube-system"];

/// What the kind's strategy does to a new object before it is validated.
pub(crate) fn prepare_create(resource: &ResourceType, object: &mut Value) {
    match (resource.id.group.as_str(), resource.id.plural.as_str()) {
        // The kubelet registers itself together with its status.
        ("", "nodes") => {}
        ("", "namespaces") => {
            object["status"] = json!({"phase": "Active"});
            object["spec"]["finalizers"] = json!(["kubernetes"]);
        }
        ("", "pods") => {
            object["status"] = json!({"phase": "Pending", "qosClass": pod_spec::qos_class(object)});
        }
        ("", "persistentvolumeclaims" | "persistentvolumes") => {
            object["status"] = json!({"phase": "Pending"});
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            meta::as_map_mut(object).remove("status");
        }
        _ if resource.preferred().status && !resource.is_custom() => {
            // Written as an empty object, as the real types are.
            object["status"] = if resource.id.group == "networking.k8s.io" || resource.is("", "services") {
                json!({"loadBalancer": {}})
            } else {
                json!({})
            };
        }
        _ if resource.is_custom() && resource.preferred().status => {
            meta::as_map_mut(object).remove("status");
        }
        _ => {}
    }
    if resource.is("", "secrets") {
        move_string_data(object);
    }
    if resource.is("batch", "jobs") {
        defaults::select_by_controller_uid(object);
    }
}

/// What the kind's strategy does to the new state of an object.
pub(crate) fn prepare_update(resource: &ResourceType, new: &mut Value, old: &Value) {
    match (resource.id.group.as_str(), resource.id.plural.as_str()) {
        ("", "secrets") => {
            move_string_data(new);
            if new["type"].as_str().unwrap_or_default().is_empty() {
                new["type"] = old["type"].clone();
            }
        }
        ("", "namespaces") => new["spec"]["finalizers"] = old["spec"]["finalizers"].clone(),
        // Generated once, then part of the object.
        ("batch", "jobs") if new["spec"]["selector"].is_null() => {
            new["spec"]["selector"] = old["spec"]["selector"].clone();
        }
        _ => {}
    }
}

/// Whether a replacement has to say which version it replaces. Most built-in kinds allow unconditional
/// updates.
pub(crate) fn wants_resource_version(resource: &ResourceType) -> bool {
    matches!(
        (resource.id.group.as_str(), resource.id.plural.as_str()),
        ("coordination.k8s.io", "leases")
            | ("apiextensions.k8s.io", "customresourcedefinitions")
            | ("policy", "poddisruptionbudgets")
    )
}

/// `stringData` is write-only: its values become part of `data`.
fn move_string_data(secret: &mut Value) {
    use base64::Engine as _;
    let given = meta::as_map_mut(secret).remove("stringData");
    let Some(Value::Object(texts)) = given else { return };
    let data = meta::child_mut(secret, "data");
    for (name, text) in texts {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
        data.insert(name, encoded.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_is_encoded_and_wins() {
        let mut secret = json!({"data": {"a": "b2xk", "b": "b2xk"}, "stringData": {"a": "new"}});
        move_string_data(&mut secret);
        assert_eq!(secret, json!({"data": {"a": "bmV3", "b": "b2xk"}}));
    }
}
