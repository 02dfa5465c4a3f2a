//! What the agent applied once and no longer declares, found by the managed fields of the live object.

use serde_json::Value;

use super::fields::{Step, steps};
use crate::names::LAST_APPLIED;
use crate::object::{entries, list, text};

/// Whether `live` has a field that a manager's apply left there and that `target` no longer has.
pub(super) fn is_left_over(target: &Value, live: &Value, manager: &str) -> bool {
    let applied = list(&live["metadata"]["managedFields"]).iter();
    let mut applied =
        applied.filter(|entry| text(&entry["manager"]) == manager && entry["operation"] == "Apply");
    let applied = applied.find(|entry| text(&entry["subresource"]).is_empty());
    applied.is_some_and(|applied| walk(&applied["fieldsV1"], target, live, 0))
}

fn walk(fields: &Value, target: &Value, live: &Value, depth: usize) -> bool {
    steps(fields).any(|(step, below)| match step {
        Step::Field(name) => member(name, below, target, live, depth),
        Step::Item(keys) => {
            let Some(present) = list(live).iter().find(|item| keys.fits(item)) else { return false };
            let wanted = list(target).iter().find(|item| keys.fits(item));
            wanted.is_none_or(|wanted| walk(below, wanted, present, depth + 1))
        }
        Step::Value(value) => list(live).contains(&value) && !list(target).contains(&value),
    })
}

fn member(name: &str, below: &Value, target: &Value, live: &Value, depth: usize) -> bool {
    let is_top = depth == 0;
    if name == LAST_APPLIED || (is_top && ["apiVersion", "kind"].contains(&name)) {
        return false;
    }
    let Some(present) = live.get(name).filter(|value| !value.is_null()) else { return false };
    match target.get(name) {
        // A Secret's texts are stored as data.
        None if is_top && name == "stringData" => false,
        // Of a table that is gone whole, what the agent itself adds to what is declared does not count.
        None if entries(below).any(|(step, _)| step != ".") => walk(below, &Value::Null, present, depth + 1),
        None => true,
        Some(wanted) => walk(below, wanted, present, depth + 1),
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
        assert!(!is_left_over(&all, &live("me"), "me"));
        let less = json!({"data": {"a": "1"}, "spec": {"ports": [{"port": 80}]}});
        assert!(is_left_over(&less, &live("me"), "me"));
        assert!(!is_left_over(&less, &live("other"), "me"));
        let bare = json!({"metadata": {"annotations": {LAST_APPLIED: "{}"}, "managedFields": [{"manager": "me", "operation": "Apply",
            "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, format!("f:{LAST_APPLIED}"): {}}}}}]}});
        assert!(!is_left_over(&json!({"metadata": {}}), &bare, "me"));
        let none = json!({"data": {"a": "1", "b": "2"}, "spec": {"ports": []}});
        assert!(is_left_over(&none, &live("me"), "me"));
    }
}
