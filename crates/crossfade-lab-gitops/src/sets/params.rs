//! Parameters: flattening, names made fit for Kubernetes, and merging of two sets.

use std::collections::BTreeMap;

use serde_json::Value;

use super::render::Params;

/// The longest name of an object.
const NAME_LENGTH_MAX: usize = 253;

/// `nameNormalized`: what is no letter, digit, dot or dash becomes a dash.
pub(super) fn sanitized_name(name: &str) -> String {
    let fit = name.to_lowercase();
    let fit: String = fit
        .chars()
        .map(|letter| {
            if letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter) {
                letter
            } else {
                '-'
            }
        })
        .take(NAME_LENGTH_MAX)
        .collect();
    fit.trim_matches(|letter| "-.".contains(letter)).to_owned()
}

/// Nested parameters as flat ones, joined with dots; lists by position.
pub(super) fn flattened(params: &Params) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (key, value) in params {
        flatten_into(&mut flat, key.clone(), value);
    }
    flat
}

fn flatten_into(flat: &mut BTreeMap<String, String>, at: String, value: &Value) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                flatten_into(flat, format!("{at}.{key}"), value);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                flatten_into(flat, format!("{at}.{index}"), value);
            }
        }
        other => drop(flat.insert(at, shown(other))),
    }
}

/// As Go prints a value with `%v`.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Object(_) => "map[]".to_owned(),
        other => other.to_string(),
    }
}

/// Lays one set over another: tables are merged, empty values change nothing.
pub(super) fn merge(under: &mut Params, over: &Params) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (Some(_), value) if is_zero(value) => {}
            (_, value) => drop(under.insert(key.clone(), value.clone())),
        }
    }
}

/// What Go takes for a value that nobody set.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}
