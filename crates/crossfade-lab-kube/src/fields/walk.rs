//! Values and types walked together: the set of a value, the difference of two, merging one into another,
//! removing a set.
//!
//! What is granular and what is one value (atomic) is decided by the type alone, in [`parts`].

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::FieldSet;
use crate::schema::{Field, ListMerge, Shape};

static ANY: LazyLock<Field> = LazyLock::new(|| Field::plain(Shape::Any));

/// A list or object in the applied configuration that cannot be told apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MergeProblem(pub(crate) String);

/// How a value of a type is taken apart.
enum Parts<'a> {
    Leaf,
    Object(&'a Field),
    Set(&'a Field),
    Keyed(&'a Field, &'a [String]),
}

fn parts<'a>(field: &'a Field, sample: Option<&Value>) -> Parts<'a> {
    match &field.shape {
        Shape::Object(shape) if !field.atomic && !shape.get().atomic => Parts::Object(field),
        Shape::Map(_) if !field.atomic => Parts::Object(field),
        Shape::Any if sample.is_some_and(Value::is_object) => Parts::Object(field),
        Shape::List(item) => match &field.list {
            ListMerge::Atomic => Parts::Leaf,
            ListMerge::Set => Parts::Set(item),
            ListMerge::Map(keys) => Parts::Keyed(item, keys),
        },
        _ => Parts::Leaf,
    }
}

/// Type of a member of an object, and whether the type names it (as opposed to a key of a map).
fn member<'a>(field: &'a Field, name: &str) -> (&'a Field, bool) {
    match &field.shape {
        Shape::Object(shape) => shape.get().fields.get(name).map_or((&*ANY, false), |known| (known, true)),
        Shape::Map(item) => (item, false),
        _ => (&*ANY, false),
    }
}

/// The step that leads to a list item.
fn item_step(item: &Value, keys: Option<&[String]>) -> String {
    let Some(keys) = keys else {
        return format!("v:{item}");
    };
    let mut named: BTreeMap<&str, Value> = BTreeMap::new();
    for key in keys {
        let value = match (&item[key.as_str()], key.as_str()) {
            // The published types give `protocol` this default, and it is part of the key of every port list.
            (Value::Null, "protocol") => Value::from("TCP"),
            (Value::Null, _) => continue,
            (value, _) => value.clone(),
        };
        named.insert(key, value);
    }
    let fields: Vec<String> = named.iter().map(|(name, value)| format!("{:?}:{value}", *name)).collect();
    format!("k:{{{}}}", fields.join(","))
}

/// All fields that `value` sets.
pub(crate) fn to_set(value: &Value, field: &Field) -> FieldSet {
    let mut set = FieldSet::default();
    fill(value, field, &mut set);
    set
}

fn fill(value: &Value, field: &Field, set: &mut FieldSet) {
    match (parts(field, Some(value)), value) {
        (Parts::Object(field), Value::Object(map)) => {
            for (name, inner) in map {
                let (inner_field, named) = member(field, name);
                let child = set.child(format!("f:{name}"));
                fill(inner, inner_field, child);
                if !named || inner.is_null() || inner.as_object().is_some_and(Map::is_empty) {
                    child.member = true;
                }
            }
        }
        (Parts::Set(item), Value::Array(items)) => {
            for inner in items {
                let child = set.child(item_step(inner, None));
                fill(inner, item, child);
                child.member = true;
            }
        }
        (Parts::Keyed(item, keys), Value::Array(items)) => {
            for inner in items {
                let child = set.child(item_step(inner, Some(keys)));
                fill(inner, item, child);
                child.member = true;
            }
        }
        (Parts::Leaf, _) => set.member = true,
        // A null where an object or list belongs owns nothing below it.
        _ => {}
    }
}

/// What distinguishes two values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

/// Which fields `new` adds to, changes in and removes from `old`.
pub(crate) fn compare(old: &Value, new: &Value, field: &Field) -> Comparison {
    let mut comparison = Comparison::default();
    compare_into(Some(old), Some(new), field, &mut Vec::new(), &mut comparison);
    comparison
}

fn insert(set: &mut FieldSet, path: &[String]) {
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    set.insert(&steps);
}

fn compare_into(
    old: Option<&Value>,
    new: Option<&Value>,
    field: &Field,
    path: &mut Vec<String>,
    into: &mut Comparison,
) {
    let is_empty = |value: Option<&Value>| match value {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Null) | None => true,
        Some(_) => false,
    };
    let parts = if is_empty(old) && is_empty(new) { Parts::Leaf } else { parts(field, new.or(old)) };
    match parts {
        Parts::Leaf => {
            if let (Some(old), Some(new)) = (old, new)
                && old != new
            {
                insert(&mut into.modified, path);
            }
        }
        Parts::Object(field) => {
            let (old_map, new_map) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
            let empty = Map::new();
            let (old_map, new_map) = (old_map.unwrap_or(&empty), new_map.unwrap_or(&empty));
            let added_names = new_map.keys().filter(|name| !old_map.contains_key(*name));
            for name in old_map.keys().chain(added_names) {
                path.push(format!("f:{name}"));
                compare_into(old_map.get(name), new_map.get(name), member(field, name).0, path, into);
                path.pop();
            }
        }
        Parts::Set(item) => compare_lists(old, new, item, None, path, into),
        Parts::Keyed(item, keys) => compare_lists(old, new, item, Some(keys), path, into),
    }
    match (old, new) {
        (None, Some(_)) => insert(&mut into.added, path),
        (Some(_), None) => insert(&mut into.removed, path),
        _ => {}
    }
}

fn compare_lists(
    old: Option<&Value>,
    new: Option<&Value>,
    item: &Field,
    keys: Option<&[String]>,
    path: &mut Vec<String>,
    into: &mut Comparison,
) {
    let index = |list: Option<&Value>| -> BTreeMap<String, Value> {
        list.and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|inner| (item_step(inner, keys), inner.clone()))
            .collect()
    };
    let (old_items, new_items) = (index(old), index(new));
    let added = new_items.keys().filter(|step| !old_items.contains_key(*step));
    for step in old_items.keys().chain(added) {
        path.push(step.clone());
        compare_into(old_items.get(step), new_items.get(step), item, path, into);
        path.pop();
    }
}

/// Merges an applied configuration into a live value.
pub(crate) fn merge(live: Option<&Value>, applied: &Value, field: &Field) -> Result<Value, MergeProblem> {
    let Some(live) = live.filter(|live| !live.is_null()) else {
        check_duplicates(applied, field)?;
        return Ok(applied.clone());
    };
    match (parts(field, Some(applied)), live, applied) {
        (Parts::Object(field), Value::Object(live_map), Value::Object(applied_map)) => {
            let mut merged = live_map.clone();
            for (name, inner) in applied_map {
                let value = merge(live_map.get(name), inner, member(field, name).0)?;
                merged.insert(name.clone(), value);
            }
            Ok(Value::Object(merged))
        }
        (Parts::Set(item), Value::Array(live_items), Value::Array(applied_items)) => {
            merge_lists(live_items, applied_items, item, None)
        }
        (Parts::Keyed(item, keys), Value::Array(live_items), Value::Array(applied_items)) => {
            merge_lists(live_items, applied_items, item, Some(keys))
        }
        _ => Ok(applied.clone()),
    }
}

fn check_duplicates(applied: &Value, field: &Field) -> Result<(), MergeProblem> {
    match (parts(field, Some(applied)), applied) {
        (Parts::Object(field), Value::Object(map)) => {
            map.iter().try_for_each(|(name, inner)| check_duplicates(inner, member(field, name).0))
        }
        (Parts::Set(item), Value::Array(items)) => check_items(items, item, None),
        (Parts::Keyed(item, keys), Value::Array(items)) => check_items(items, item, Some(keys)),
        _ => Ok(()),
    }
}

fn check_items(items: &[Value], item: &Field, keys: Option<&[String]>) -> Result<(), MergeProblem> {
    let mut seen = std::collections::BTreeSet::new();
    for inner in items {
        let step = item_step(inner, keys);
        if !seen.insert(step.clone()) {
            return Err(MergeProblem(format!("duplicate entries for key {}", super::readable(&step))));
        }
        check_duplicates(inner, item)?;
    }
    Ok(())
}

/// Items keep the live order; those that only the configuration has come where the configuration puts them,
/// and where both disagree about the order of shared items the configuration wins.
fn merge_lists(
    live: &[Value],
    applied: &[Value],
    item: &Field,
    keys: Option<&[String]>,
) -> Result<Value, MergeProblem> {
    check_items(applied, item, keys)?;
    let live_steps: Vec<String> = live.iter().map(|inner| item_step(inner, keys)).collect();
    let applied_steps: Vec<String> = applied.iter().map(|inner| item_step(inner, keys)).collect();
    let find_live =
        |step: &String| live_steps.iter().position(|known| known == step).map(|index| &live[index]);

    let mut out = Vec::with_capacity(live.len().max(applied.len()));
    let mut next_live = 0;
    for (index, step) in applied_steps.iter().enumerate() {
        // Live items that the configuration does not have stay in front of the shared item they stood in
        // front of.
        if let Some(position) = live_steps.iter().position(|known| known == step) {
            while next_live < position {
                if !applied_steps.contains(&live_steps[next_live]) {
                    out.push(live[next_live].clone());
                }
                next_live += 1;
            }
            next_live = next_live.max(position + 1);
        } else {
            // An item new to the list: the live items that lead up to the next shared one come first, as on a
            // real server.
            while next_live < live_steps.len() && !applied_steps.contains(&live_steps[next_live]) {
                out.push(live[next_live].clone());
                next_live += 1;
            }
        }
        out.push(merge(find_live(step), &applied[index], item)?);
    }
    for index in next_live..live.len() {
        if !applied_steps.contains(&live_steps[index]) {
            out.push(live[index].clone());
        }
    }
    Ok(Value::Array(out))
}

/// The value without the fields of a set.
pub(crate) fn remove(value: &Value, set: &FieldSet, field: &Field) -> Value {
    if set.children.is_empty() {
        return value.clone();
    }
    match (parts(field, Some(value)), value) {
        (Parts::Object(field), Value::Object(map)) => {
            let mut kept = Map::new();
            for (name, inner) in map {
                match set.children.get(&format!("f:{name}")) {
                    Some(child) if child.member => {}
                    Some(child) => {
                        kept.insert(name.clone(), remove(inner, child, member(field, name).0));
                    }
                    None => {
                        kept.insert(name.clone(), inner.clone());
                    }
                }
            }
            Value::Object(kept)
        }
        (Parts::Set(item), Value::Array(items)) => remove_items(items, set, item, None),
        (Parts::Keyed(item, keys), Value::Array(items)) => remove_items(items, set, item, Some(keys)),
        _ => value.clone(),
    }
}

fn remove_items(items: &[Value], set: &FieldSet, item: &Field, keys: Option<&[String]>) -> Value {
    items
        .iter()
        .filter_map(|inner| match set.children.get(&item_step(inner, keys)) {
            Some(child) if child.member => None,
            Some(child) => Some(remove(inner, child, item)),
            None => Some(inner.clone()),
        })
        .collect()
}

/// The set with every named field that has something below it made a member, so that removing all of its
/// parts removes it too.
pub(crate) fn with_named_fields(set: &FieldSet, field: &Field) -> FieldSet {
    let mut result = FieldSet { member: set.member, children: BTreeMap::new() };
    for (step, child) in &set.children {
        let (inner_field, named) = match (step.strip_prefix("f:"), &field.shape) {
            (Some(name), _) => member(field, name),
            (None, Shape::List(item)) => (&**item, false),
            _ => (&*ANY, false),
        };
        let mut inner = with_named_fields(child, inner_field);
        inner.member |= named && !inner.children.is_empty();
        result.children.insert(step.clone(), inner);
    }
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{Field, builtin};

    fn service() -> Field {
        Field::plain(Shape::Object(builtin::kind("", "v1", "Service")))
    }

    #[test]
    fn set_of_a_value_names_list_items_by_key() {
        let value = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}});
        assert_eq!(
            to_set(&value, &service()).to_fields_v1(),
            json!({"f:metadata": {"f:labels": {"f:a": {}}},
                "f:spec": {"f:selector": {}, "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}})
        );
    }

    #[test]
    fn comparison_tells_added_from_modified_and_removed() {
        let old = json!({"metadata": {"labels": {"a": "1", "b": "1"}}});
        let new = json!({"metadata": {"labels": {"a": "2", "c": "1"}}});
        let comparison = compare(&old, &new, &service());
        assert_eq!(comparison.modified.paths(), [".metadata.labels.a"]);
        assert_eq!(comparison.removed.paths(), [".metadata.labels.b"]);
        assert_eq!(comparison.added.paths(), [".metadata.labels.c"]);
    }

    #[test]
    fn merging_keeps_items_of_others_and_their_place() {
        let live = json!({"spec": {"ports": [{"port": 1, "protocol": "TCP", "name": "one"}, {"port": 2, "protocol": "TCP"}]}});
        let applied = json!({"spec": {"ports": [{"port": 2, "name": "two"}, {"port": 3}]}});
        assert_eq!(
            merge(Some(&live), &applied, &service()),
            Ok(json!({"spec": {"ports": [{"port": 1, "protocol": "TCP", "name": "one"},
                {"port": 2, "protocol": "TCP", "name": "two"}, {"port": 3}]}}))
        );
    }

    #[test]
    fn duplicate_keys_in_a_configuration_are_refused() {
        let applied = json!({"spec": {"ports": [{"port": 2}, {"port": 2}]}});
        assert_eq!(
            merge(None, &applied, &service()),
            Err(MergeProblem("duplicate entries for key [port=2,protocol=\"TCP\"]".into()))
        );
    }
}
