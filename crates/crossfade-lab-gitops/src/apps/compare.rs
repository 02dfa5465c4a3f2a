//! Whether an object is as it is declared.
//!
//! The rule: everything declared has to be there, and nothing that the agent once applied may be left over. What others
//! add (defaults, status, other managers' fields) does not count. Quantities are compared by what they amount to, empty
//! values count as absent, and items of lists that Kubernetes merges by a key are found by it. Argo CD calculates the
//! same from three documents; this is the two-document form of it, with managed fields as the third.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::ignore::Ignored;
use super::quantity::milli;
use super::removal;
use crate::names::FIELD_MANAGER;
use crate::object::{entries, text};

/// Fields whose values are amounts.
const AMOUNTS: [&str; 8] =
    ["limits", "requests", "hard", "capacity", "sizeLimit", "averageValue", "default", "defaultRequest"];
/// Lists that are merged by the key of their items, and that key.
const KEYED: [(&str, &str); 12] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("imagePullSecrets", "name"),
    ("secrets", "name"),
    ("hostAliases", "ip"),
    ("ports", "name"),
    ("ownerReferences", "uid"),
    ("webhooks", "name"),
    ("conditions", "type"),
];

/// The key of the items of a list that is merged by one.
pub(super) fn key_of_list(field: &str) -> Option<&'static str> {
    KEYED.iter().find(|(list, _)| *list == field).map(|(_, key)| *key)
}

/// Whether `live` is as `target` says.
pub(super) fn is_as_declared(target: &Value, live: &Value, ignored: &Ignored) -> bool {
    let target = normalized(target);
    if ignored.is_nothing() {
        return is_covered(&target, live);
    }
    let (target, live) = ignored.taken_out(&target, live);
    is_covered(&target, &live)
}

fn is_covered(target: &Value, live: &Value) -> bool {
    let covered = entries(target)
        .filter(|(field, _)| *field != "apiVersion")
        .all(|(field, wanted)| covers(wanted, live.get(field).unwrap_or(&Value::Null), field));
    covered && !removal::is_left_over(target, live, FIELD_MANAGER)
}

/// Without what a server sets itself, and with a Secret's texts as data.
fn normalized(target: &Value) -> Value {
    let mut target = target.clone();
    let Value::Object(map) = &mut target else { return target };
    map.remove("status");
    if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
        for field in
            ["creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink"]
        {
            metadata.remove(field);
        }
    }
    let is_secret = map.get("kind").is_some_and(|kind| kind == "Secret");
    if is_secret && let Some(Value::Object(texts)) = map.remove("stringData") {
        let data = map.entry("data").or_insert_with(|| Map::new().into());
        for (key, value) in texts {
            data[key] = STANDARD.encode(text(&value)).into();
        }
    }
    target
}

fn covers(wanted: &Value, live: &Value, field: &str) -> bool {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            let is_amounts = AMOUNTS.contains(&field);
            wanted.iter().all(|(key, wanted)| {
                let live = live.get(key).unwrap_or(&Value::Null);
                covers(wanted, live, key) || (is_amounts && is_same_amount(wanted, live))
            })
        }
        (Value::Array(wanted), Value::Array(live)) => covers_list(wanted, live, field),
        (Value::Number(wanted), Value::Number(live)) => wanted.as_f64() == live.as_f64(),
        (wanted, Value::Null) => is_absent(wanted),
        (wanted, live) => wanted == live || (AMOUNTS.contains(&field) && is_same_amount(wanted, live)),
    }
}

fn covers_list(wanted: &[Value], live: &[Value], field: &str) -> bool {
    let in_order = || wanted.iter().zip(live).all(|(wanted, live)| covers(wanted, live, field));
    if wanted.len() == live.len() && in_order() {
        return true;
    }
    let Some(key) = key_of_list(field) else { return false };
    wanted.iter().all(|wanted| {
        let id = &wanted[key];
        id.is_string() && live.iter().any(|live| live[key] == *id && covers(wanted, live, ""))
    })
}

fn is_same_amount(wanted: &Value, live: &Value) -> bool {
    let amount = |value: &Value| match value {
        Value::String(text) => milli(text),
        Value::Number(number) => milli(&number.to_string()),
        _ => None,
    };
    amount(wanted).is_some() && amount(wanted) == amount(live)
}

/// What a server does not store: Go leaves it out.
fn is_absent(wanted: &Value) -> bool {
    match wanted {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_absent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_others_add_does_not_count() {
        for (what, target, live, expected) in [
            ("defaults", json!({"spec": {"a": 1}}), json!({"spec": {"a": 1, "b": 2}, "status": {}}), true),
            ("a change", json!({"spec": {"a": 1}}), json!({"spec": {"a": 2}}), false),
            ("amounts", json!({"limits": {"cpu": "1000m"}}), json!({"limits": {"cpu": "1"}}), true),
            ("a number as amount", json!({"limits": {"cpu": 1}}), json!({"limits": {"cpu": "1"}}), true),
            ("empty values", json!({"a": {}, "b": "", "c": [], "d": null, "e": false}), json!({}), true),
            ("a missing value", json!({"a": "x"}), json!({}), false),
            (
                "an injected container",
                json!({"containers": [{"name": "a", "image": "x"}]}),
                json!({"containers": [{"name": "sidecar"}, {"name": "a", "image": "x", "pull": "Always"}]}),
                true,
            ),
            (
                "another order of a plain list",
                json!({"args": ["a", "b"]}),
                json!({"args": ["b", "a"]}),
                false,
            ),
            ("an item more in a plain list", json!({"args": ["a"]}), json!({"args": ["a", "b"]}), false),
            (
                "texts of a Secret",
                json!({"kind": "Secret", "stringData": {"a": "x"}}),
                json!({"kind": "Secret", "data": {"a": "eA=="}}),
                true,
            ),
        ] {
            assert_eq!(is_as_declared(&target, &live, &Ignored::default()), expected, "{what}");
        }
    }
}
