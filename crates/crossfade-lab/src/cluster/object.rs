//! Reading Kubernetes objects as JSON: metadata, owners, selectors.

use serde_json::{Value, json};

pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub(crate) fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

pub(crate) fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"].get(key)?.as_str()
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// `spec.replicas`, which is 1 when left out.
pub(crate) fn wanted_replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// A number of the status, 0 when left out.
pub(crate) fn status_count(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

/// The uid of the controller that owns the object.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    object["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)
}

pub(crate) fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    controller(object).is_some_and(|reference| reference["uid"] == owner["metadata"]["uid"])
}

/// An owner reference to `owner` as its controllers write it.
pub(crate) fn owner_reference(owner: &Value, api_version: &str, kind: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// A Service's selector: all its pairs must be among the labels. An empty selector selects nothing here.
pub(crate) fn selects(selector: &Value, object: &Value) -> bool {
    let labels = &object["metadata"]["labels"];
    selector.as_object().is_some_and(|pairs| {
        !pairs.is_empty() && pairs.iter().all(|(key, value)| labels.get(key) == Some(value))
    })
}

/// The time as Kubernetes writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Writes a label or annotation, and the map that holds it when there is none.
pub(crate) fn set_metadata(object: &mut Value, map: &str, key: &str, value: &str) {
    let map = &mut object["metadata"][map];
    if !map.is_object() {
        *map = json!({});
    }
    map[key] = Value::from(value);
}

/// True when a condition of the status has status `True`.
pub(crate) fn has_condition(object: &Value, condition_type: &str) -> bool {
    object["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["type"] == condition_type && condition["status"] == "True")
    })
}

/// Characters of generated names: no vowels and nothing that looks like another (`k8s.io/apimachinery/pkg/util/rand`).
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// `text` in the characters of generated names.
pub(crate) fn safe_encode(text: &str) -> String {
    text.bytes().map(|byte| char::from(SAFE[usize::from(byte) % SAFE.len()])).collect()
}

/// Five characters, as at the end of a pod's name.
pub(crate) fn suffix(random: &mut fastrand::Rng) -> String {
    (0..5).map(|_| char::from(SAFE[random.usize(..SAFE.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_need_every_pair_and_at_least_one() {
        let pod = json!({ "metadata": { "labels": { "app": "web", "tier": "front" } } });
        assert!(selects(&json!({ "app": "web" }), &pod));
        assert!(!selects(&json!({ "app": "web", "tier": "back" }), &pod));
        assert!(!selects(&json!({}), &pod));
        assert!(!selects(&Value::Null, &pod));
    }
}
