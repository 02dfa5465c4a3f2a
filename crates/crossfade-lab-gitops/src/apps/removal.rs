//! What the agent applied once and no longer declares, found by the managed fields of the live object.

use serde_json::Value;

use crate::names::LAST_APPLIED;
use crate::object::{list, text};

/// The path of a field that a manager's apply left in `live` and that `target` no longer has.
pub(super) fn left_over(target: &Value, live: &Value, manager: &str, ignored: &[&str]) -> Option<String> {
    let applied = list(&live["metadata"]["managedFields"]).iter();
    let mut applied =
        applied.filter(|entry| text(&entry["manager"]) == manager && entry["operation"] == "Apply");
    let fields = &applied.find(|entry| text(&entry["subresource"]).is_empty())?["fieldsV1"];
    let mut path = String::new();
    walk(fields, target, live, &mut path)
        .filter(|path| !ignored.iter().any(|pointer| path.starts_with(pointer)))
}

fn walk(fields: &Value, target: &Value, live: &Value, path: &mut String) -> Option<String> {
    for (step, below) in crate::object::entries(fields) {
        let length = path.len();
        let found = match step.split_once(':') {
            Some(("f", name)) => {
                path.push('/');
                path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                member(name, below, target, live, path)
            }
            Some(("k", keys)) => serde_json::from_str::<Value>(keys).ok().and_then(|keys| {
                let is_it = |item: &&Value| {
                    crate::object::entries(&keys).all(|(key, value)| has_key(item, key, value))
                };
                let present = list(live).iter().find(is_it)?;
                match list(target).iter().find(is_it) {
                    Some(wanted) => walk(below, wanted, present, path),
                    None => Some(path.clone()),
                }
            }),
            Some(("v", value)) => serde_json::from_str::<Value>(value).ok().and_then(|value| {
                let is_there = list(live).contains(&value) && !list(target).contains(&value);
                is_there.then(|| path.clone())
            }),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        path.truncate(length);
    }
    None
}

/// Ports default their protocol, which is part of their key.
fn has_key(item: &Value, key: &str, value: &Value) -> bool {
    item[key] == *value || (key == "protocol" && item[key].is_null() && value == "TCP")
}

fn member(name: &str, below: &Value, target: &Value, live: &Value, path: &mut String) -> Option<String> {
    if name == LAST_APPLIED || path == "/apiVersion" || path == "/kind" {
        return None;
    }
    let present = live.get(name).filter(|value| !value.is_null())?;
    match target.get(name) {
        // A Secret's texts are stored as data.
        None if path == "/stringData" => None,
        None => Some(path.clone()),
        Some(wanted) => walk(below, wanted, present, path),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_longer_declared_is_found() {
        let fields = json!({"f:data": {"f:a": {}, "f:b": {}}, "f:spec": {"f:ports": {
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}});
        let live = |manager: &str| {
            json!({
            "metadata": {"managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": fields}]},
            "data": {"a": "1", "b": "2"}, "spec": {"ports": [{"port": 80, "protocol": "TCP"}]}})
        };
        let all = json!({"data": {"a": "1", "b": "2"}, "spec": {"ports": [{"port": 80}]}});
        assert_eq!(left_over(&all, &live("me"), "me", &[]), None);
        let less = json!({"data": {"a": "1"}, "spec": {"ports": [{"port": 80}]}});
        assert_eq!(left_over(&less, &live("me"), "me", &[]).as_deref(), Some("/data/b"));
        assert_eq!(left_over(&less, &live("me"), "me", &["/data"]), None);
        assert_eq!(left_over(&less, &live("other"), "me", &[]), None);
        let none = json!({"data": {"a": "1", "b": "2"}, "spec": {"ports": []}});
        assert_eq!(left_over(&none, &live("me"), "me", &[]).as_deref(), Some("/spec/ports"));
    }
}
