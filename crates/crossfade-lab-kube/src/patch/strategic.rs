//! Strategic merge patch: lists merge by key where the type says so, and directives say the rest.
//!
//! Directives: `$patch: delete | replace | merge`, `$retainKeys`, `$setElementOrder/LIST`,
//! `$deleteFromPrimitiveList/LIST`. For types without strategies (custom resources) a real server refuses
//! this kind of patch; the caller does so before it comes here.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::meta;
use crate::schema::{Field, ObjectRef, Shape};

const ORDER: &str = "$setElementOrder/";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";

pub(super) fn patched(current: &Value, patch: &Value, shape: &ObjectRef) -> Result<Value, ApiError> {
    if !patch.is_object() {
        return Err(ApiError::bad_request("the strategic merge patch has to be an object"));
    }
    let field = Field::plain(Shape::Object(shape.clone()));
    let mut result = current.clone();
    merge_object(&mut result, patch, &field)?;
    Ok(result)
}

fn member<'a>(field: &'a Field, name: &str) -> Option<&'a Field> {
    match &field.shape {
        Shape::Object(shape) => shape.get().fields.get(name),
        Shape::Map(item) => Some(item),
        _ => None,
    }
}

fn merge_object(target: &mut Value, patch: &Value, field: &Field) -> Result<(), ApiError> {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = Value::Object(without_directives(changes));
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(ApiError::bad_request(format!("Unknown patch type found: {other}"))),
    }
    let fields = meta::as_map_mut(target);
    if let Some(retained) = changes.get("$retainKeys") {
        let retained = meta::strings(retained);
        fields.retain(|name, _| retained.contains(name));
    }
    for (name, change) in changes.iter().filter(|(name, _)| !name.starts_with('$')) {
        let Some(inner) = member(field, name) else {
            plain_merge(fields, name, change);
            continue;
        };
        merge_field(fields, name, change, inner)?;
    }
    for (directive, list) in changes {
        if let Some(name) = directive.strip_prefix(DELETE_FROM_LIST) {
            let gone = list.as_array().cloned().unwrap_or_default();
            if let Some(Value::Array(items)) = fields.get_mut(name) {
                items.retain(|item| !gone.contains(item));
            }
        }
    }
    for (directive, order) in changes {
        if let Some(name) = directive.strip_prefix(ORDER)
            && let Some(Value::Array(items)) = fields.get_mut(name)
        {
            let key = member(field, name).and_then(|inner| inner.merge_key.as_deref());
            let given = changes.get(name).and_then(Value::as_array);
            reorder(
                items,
                order.as_array().map_or(&[], Vec::as_slice),
                key,
                given.map_or(&[], Vec::as_slice),
            );
        }
    }
    Ok(())
}

/// Where the type says nothing, maps merge and everything else is replaced.
fn plain_merge(fields: &mut Map<String, Value>, name: &str, change: &Value) {
    if change.is_null() {
        fields.remove(name);
        return;
    }
    super::merge(fields.entry(name.to_owned()).or_insert(Value::Null), change);
}

fn merge_field(
    fields: &mut Map<String, Value>,
    name: &str,
    change: &Value,
    field: &Field,
) -> Result<(), ApiError> {
    if change.is_null() {
        fields.remove(name);
        return Ok(());
    }
    match (&field.shape, change) {
        (Shape::Object(_) | Shape::Map(_), Value::Object(_)) if !field.has_strategy("replace") => {
            let deletes = change["$patch"] == "delete";
            let target = fields.entry(name.to_owned()).or_insert(Value::Null);
            merge_object(target, change, field)?;
            if deletes {
                fields.remove(name);
            }
        }
        (Shape::List(item), Value::Array(changes)) if field.has_strategy("merge") => {
            let target = fields.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(items) = target else {
                *target = change.clone();
                return Ok(());
            };
            match &field.merge_key {
                Some(key) => merge_list(items, changes, key, item)?,
                None => {
                    for added in changes {
                        if !items.contains(added) {
                            items.push(added.clone());
                        }
                    }
                }
            }
        }
        _ => {
            fields.insert(name.to_owned(), change.clone());
        }
    }
    Ok(())
}

fn merge_list(items: &mut Vec<Value>, changes: &[Value], key: &str, item: &Field) -> Result<(), ApiError> {
    if changes.iter().any(|change| change["$patch"] == "replace") {
        *items = changes
            .iter()
            .filter(|change| change["$patch"] != "replace")
            .filter_map(Value::as_object)
            .map(|change| Value::Object(without_directives(change)))
            .collect();
        return Ok(());
    }
    for change in changes {
        let identity = &change[key];
        if identity.is_null() {
            return Err(ApiError::bad_request(format!(
                "map: {change} does not contain declared merge key: {key}"
            )));
        }
        if change["$patch"] == "delete" {
            items.retain(|present| present[key] != *identity);
        } else if let Some(present) = items.iter_mut().find(|present| present[key] == *identity) {
            merge_object(present, change, item)?;
        } else {
            let mut added = Value::Object(Map::new());
            merge_object(&mut added, change, item)?;
            items.push(added);
        }
    }
    Ok(())
}

/// Puts items in the order asked for. Items that the order does not name keep their place relative to their
/// neighbours.
fn reorder(items: &mut Vec<Value>, order: &[Value], key: Option<&str>, given: &[Value]) {
    let identity = |item: &Value| key.map_or_else(|| item.clone(), |key| item[key].clone());
    let wanted: Vec<Value> = order.iter().map(identity).collect();
    let patched: Vec<Value> = given.iter().map(identity).collect();
    let rank = |item: &Value| wanted.iter().position(|name| *name == identity(item));
    let mut ranked = Vec::new();
    let mut server_only = Vec::new();
    for (place, item) in items.drain(..).enumerate() {
        // An item of the patch always has a rank; what has none is only on the server.
        match rank(&item) {
            Some(rank) => ranked.push((rank, item)),
            None if patched.contains(&identity(&item)) => ranked.push((usize::MAX, item)),
            None => server_only.push((place, item)),
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    *items = ranked.into_iter().map(|(_, item)| item).collect();
    for (place, item) in server_only {
        items.insert(place.min(items.len()), item);
    }
}

fn without_directives(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter()
        .filter(|(name, _)| !name.starts_with('$'))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::builtin;

    fn deployment(patch: &Value) -> Value {
        let current = json!({"spec": {
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
            "template": {"spec": {"containers": [
                {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]},
                {"name": "b", "image": "1"}]}}}});
        patched(&current, patch, &builtin::kind("apps", "v1", "Deployment")).unwrap()
    }

    fn containers(object: &Value) -> &Value {
        &object["spec"]["template"]["spec"]["containers"]
    }

    #[test]
    fn containers_merge_by_name() {
        let result = deployment(&json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "env": [{"name": "Y", "value": "2"}]}]}}}}));
        assert_eq!(
            *containers(&result),
            json!([{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
                {"name": "b", "image": "1"}])
        );
    }

    #[test]
    fn items_are_deleted_and_ordered_by_directive() {
        let result = deployment(&json!({"spec": {"template": {"spec": {
            "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}],
            "containers": [{"name": "c", "image": "2"}, {"name": "a", "$patch": "delete"}]}}}}));
        assert_eq!(*containers(&result), json!([{"name": "c", "image": "2"}, {"name": "b", "image": "1"}]));
    }

    #[test]
    fn retained_keys_clear_the_rest() {
        let result =
            deployment(&json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}));
        assert_eq!(result["spec"]["strategy"], json!({"type": "Recreate"}));
    }

    #[test]
    fn finalizers_are_a_set() {
        let current = json!({"metadata": {"finalizers": ["a", "b"]}});
        let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"],
            "$setElementOrder/finalizers": ["b", "c"], "finalizers": ["c"]}});
        let result = patched(&current, &patch, &builtin::kind("", "v1", "Service")).unwrap();
        assert_eq!(result["metadata"]["finalizers"], json!(["b", "c"]));
    }

    #[test]
    fn lists_without_strategy_are_replaced() {
        let current = json!({"spec": {"rules": [{"host": "a"}, {"host": "b"}]}});
        let patch = json!({"spec": {"rules": [{"host": "c"}]}});
        let result = patched(&current, &patch, &builtin::kind("networking.k8s.io", "v1", "Ingress")).unwrap();
        assert_eq!(result["spec"]["rules"], json!([{"host": "c"}]));
    }
}
