//! Types, equality and the showing of values, as the validator in helm does it.

use serde_json::Value;

use crate::number::float_general;

/// The types of JSON, in the order messages list them.
pub(super) const TYPES: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];

/// A value's type; integers are numbers here.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a value is of a type; 2.0 is an integer.
pub(super) fn is_type(value: &Value, wanted: &str) -> bool {
    if wanted == "integer" {
        return value.as_f64().is_some_and(|number| number.fract() == 0.0);
    }
    type_of(value) == wanted
}

/// Equality by value: 1 is 1.0.
pub(super) fn equals(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equals(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equals(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The first two items that are equal.
pub(super) fn duplicates(items: &[Value]) -> Option<(usize, usize)> {
    let pairs =
        (0..items.len()).flat_map(|first| (first + 1..items.len()).map(move |second| (first, second)));
    pairs.into_iter().find(|(first, second)| equals(&items[*first], &items[*second]))
}

/// In single quotes.
pub(super) fn quote(text: &str) -> String {
    let quoted = crate::printf::quote(text);
    let inner = quoted[1..quoted.len() - 1].replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{inner}'")
}

/// A scalar as messages show it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Number(number) => number.to_string(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// A number with commas between thousands.
pub(super) fn decimal(number: f64) -> String {
    if number.fract() != 0.0 || number.abs() < 1000.0 || number.abs() > 9.0e15 {
        return float_general(number);
    }
    let digits = format!("{:.0}", number.abs());
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0.0 { format!("-{out}") } else { out }
}
