//! Copies and comparisons of whole values, within limits: maps that share parts, or hold themselves, stay finite work.

use crate::error::CallError;
use crate::limits::{VALUE_DEPTH_MAX, VALUE_VISITS_MAX};
use crate::value::{Map, Value};

/// Counts what is visited.
struct Visits(usize);

impl Visits {
    fn one(&mut self, depth: usize) -> Result<(), CallError> {
        self.0 += 1;
        if self.0 > VALUE_VISITS_MAX || depth > VALUE_DEPTH_MAX {
            return Err(CallError::new("value is too large or too deep"));
        }
        Ok(())
    }
}

/// An equal value that shares no map with this one.
pub(crate) fn deep_copy(value: &Value) -> Result<Value, CallError> {
    copy(value, &mut Visits(0), 0)
}

fn copy(value: &Value, visits: &mut Visits, depth: usize) -> Result<Value, CallError> {
    visits.one(depth)?;
    Ok(match value {
        Value::List(items) if items.is_nil() => value.clone(),
        Value::List(items) => {
            let copies = items.iter().map(|item| copy(item, visits, depth + 1));
            Value::list_of(items.element(), copies.collect::<Result<Vec<_>, _>>()?)
        }
        // Neither holds anything that could be shared.
        Value::Map(map) if map.holds_text() => Map::of_text(
            map.entries()
                .into_iter()
                .map(|(key, item)| (key.to_string(), item.as_str().unwrap_or_default().to_owned())),
        )
        .into(),
        Value::Map(map) => {
            let target = Map::new();
            for (key, item) in map.entries() {
                target.set(key, copy(&item, visits, depth + 1)?);
            }
            target.seen_as(map.face()).into()
        }
        other => other.clone(),
    })
}

/// `reflect.DeepEqual`: same types all the way down, so 1 as `int` is not 1 as `int64`.
pub(crate) fn deep_equal(a: &Value, b: &Value) -> Result<bool, CallError> {
    equal(a, b, &mut Visits(0), 0)
}

fn equal(a: &Value, b: &Value, visits: &mut Visits, depth: usize) -> Result<bool, CallError> {
    visits.one(depth)?;
    Ok(match (a, b) {
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        #[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if a.len() != b.len() || a.is_nil() != b.is_nil() || a.element() != b.element() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b, visits, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(a), Value::Map(b)) => {
            if a.face() != b.face() || a.holds_text() != b.holds_text() {
                return Ok(false);
            }
            if a.is_same(b) {
                return Ok(true);
            }
            if a.len() != b.len() {
                return Ok(false);
            }
            for (key, a) in a.entries() {
                match b.get(&key) {
                    Some(b) if equal(&a, &b, visits, depth + 1)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Object(a), Value::Object(b)) => {
            a.type_name() == b.type_name() && equal(&a.plain(), &b.plain(), visits, depth + 1)?
        }
        _ => false,
    })
}
