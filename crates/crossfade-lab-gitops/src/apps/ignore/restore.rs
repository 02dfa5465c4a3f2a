//! What was taken out of one object, put into another.

use serde_json::{Map, Value};

use super::super::compare::key_of_list;

/// Puts into `target` what `live` has and `without` has not. Lists whose items have keys are gone through by them, others
/// are taken whole.
pub(super) fn restore(target: &mut Value, live: &Value, without: &Value) {
    put_back(target, live, without, "");
}

fn put_back(target: &mut Value, live: &Value, without: &Value, field: &str) {
    if live == without {
        return;
    }
    match (live, without) {
        (Value::Object(live), Value::Object(without)) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Value::Object(target) = target else { return };
            for (name, value) in live {
                match without.get(name) {
                    None => drop(target.insert(name.clone(), value.clone())),
                    Some(left) if left == value => {}
                    Some(left) => {
                        put_back(target.entry(name.clone()).or_insert(Value::Null), value, left, name);
                    }
                }
            }
        }
        (Value::Array(all), Value::Array(left)) => {
            let Some(key) = key_of_list(field).filter(|_| target.is_array()) else {
                *target = live.clone();
                return;
            };
            let Value::Array(items) = target else { return };
            let of = |list: &'_ [Value], id: &Value| list.iter().find(|item| item[key] == *id).cloned();
            for item in all {
                let id = &item[key];
                match (of(left, id), items.iter_mut().find(|one| one[key] == *id)) {
                    (Some(left), Some(mine)) => put_back(mine, item, &left, ""),
                    (None, None) => items.push(item.clone()),
                    _ => {}
                }
            }
        }
        _ => *target = live.clone(),
    }
}
