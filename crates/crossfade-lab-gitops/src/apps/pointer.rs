//! JSON pointers that name what is not to be compared: what is there is copied, what is not is taken away.

use serde_json::Value;

/// Makes `to` have at a pointer what `from` has there.
pub(crate) fn copy(from: &Value, to: &mut Value, pointer: &str) {
    let steps: Vec<String> =
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let Some((last, parents)) = steps.split_last() else { return };
    let value = from.pointer(pointer).cloned();
    let mut at = to;
    for step in parents {
        let next = match at {
            Value::Object(map) => {
                if value.is_some() && !map.contains_key(step) {
                    map.insert(step.clone(), Value::Object(serde_json::Map::new()));
                }
                map.get_mut(step)
            }
            Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        };
        let Some(next) = next else { return };
        at = next;
    }
    match (at, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(last.clone(), value)),
        (Value::Object(map), None) => drop(map.remove(last)),
        (Value::Array(items), Some(value)) => {
            if let Some(item) = last.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                *item = value;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_ignored_is_as_it_is_there() {
        let live = json!({"a": {"b/c": 1}, "l": [{"x": 1}]});
        let mut target = json!({"l": [{"x": 2}], "d": 5});
        copy(&live, &mut target, "/a/b~1c");
        copy(&live, &mut target, "/l/0/x");
        copy(&live, &mut target, "/d");
        copy(&live, &mut target, "/none/of/these");
        assert_eq!(target, json!({"a": {"b/c": 1}, "l": [{"x": 1}]}));
    }
}
