//! Kubernetes objects as JSON: the few places in them that the agent reads and writes.

use serde_json::{Map, Value};

/// Which object of a cluster. Versions do not tell objects apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn of(object: &Value) -> Key {
        Key {
            group: group(object).to_owned(),
            kind: kind(object).to_owned(),
            namespace: namespace(object).to_owned(),
            name: name(object).to_owned(),
        }
    }
}

/// Group and version of an `apiVersion`.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

pub(crate) fn group(object: &Value) -> &str {
    split_api_version(text(&object["apiVersion"])).0
}

pub(crate) fn version(object: &Value) -> &str {
    split_api_version(text(&object["apiVersion"])).1
}

pub(crate) fn kind(object: &Value) -> &str {
    text(&object["kind"])
}

pub(crate) fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(&object["metadata"]["namespace"])
}

pub(crate) fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object["metadata"]["annotations"].get(key)?.as_str()
}

pub(crate) fn label<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object["metadata"]["labels"].get(key)?.as_str()
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    list(&object["metadata"]["finalizers"]).iter().filter_map(Value::as_str).collect()
}

/// A text, or an empty one for anything else.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn truth(value: &Value) -> bool {
    value.as_bool().unwrap_or_default()
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Entries of a table; none for anything else.
pub(crate) fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The table at a path, made where it is not there.
pub(crate) fn table_mut<'o>(object: &'o mut Value, path: &[&str]) -> &'o mut Map<String, Value> {
    let mut at = object;
    for step in path {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[*step];
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    match at {
        Value::Object(map) => map,
        _ => unreachable!("it was made a table above"),
    }
}

pub(crate) fn set_annotation(object: &mut Value, key: &str, value: &str) {
    table_mut(object, &["metadata", "annotations"]).insert(key.to_owned(), value.into());
}

/// Annotations with `A=b,C=d`, such as sync options: whether one of them is there.
pub(crate) fn has_option(object: &Value, annotation_key: &str, option: &str) -> bool {
    annotation(object, annotation_key).is_some_and(|text| text.split(',').any(|one| one.trim() == option))
}

/// What `A=b` among options says of `A`.
pub(crate) fn option_value<'o>(options: impl Iterator<Item = &'o str>, name: &str) -> Option<&'o str> {
    options.map(str::trim).find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
}

/// What an object's own annotation says of an option.
pub(crate) fn own_option<'o>(object: &'o Value, annotation_key: &str, name: &str) -> Option<&'o str> {
    option_value(annotation(object, annotation_key)?.split(','), name)
}

/// What Go's `omitempty` leaves out of a table.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The time as Kubernetes writes it: seconds, UTC.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Seconds since a time that Kubernetes wrote.
pub(crate) fn seconds_since(time: &str) -> Option<f64> {
    let then: jiff::Timestamp = time.parse().ok()?;
    Some(jiff::Timestamp::now().duration_since(then).as_secs_f64())
}

/// A JSON merge patch that makes `old` be `new`; `None` when nothing differs.
pub(crate) fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (old, new) else { return Some(new.clone()) };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(before) => drop(merge_patch(before, value).map(|change| patch.insert(key.clone(), change))),
            None => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_removes_adds_and_replaces() {
        let old = json!({"a": 1, "b": {"c": [1], "d": 2}, "e": 3});
        let new = json!({"a": 1, "b": {"c": [2], "d": 2}, "f": {"g": 1}});
        assert_eq!(merge_patch(&old, &new), Some(json!({"b": {"c": [2]}, "e": null, "f": {"g": 1}})));
        assert_eq!(merge_patch(&old, &old), None);
    }
}
