//! Sprig's functions on dictionaries. `set`, `unset` and the merges change the dictionary they are given.

use super::convert::to_text;
use super::merge::{Precedence, merge};
use super::{Arguments, Entry, Returned, refuse};
use crate::execute::Call;
use crate::value::{Element, Map, Value};

pub(super) const TABLE: &[Entry] = &[
    ("dict", "a*", dict),
    ("get", "ms", |_, values| Ok(values.map(0).get(values.text(1)).unwrap_or_else(|| "".into()))),
    ("set", "msa", set),
    ("unset", "ms", unset),
    ("hasKey", "ms", |_, values| Ok(values.map(0).has(values.text(1)).into())),
    ("pluck", "sm*", pluck),
    ("keys", "m*", keys),
    ("values", "m", |_, values| Ok(Value::list(values.map(0).entries().into_iter().map(|(_, value)| value)))),
    ("pick", "ms*", |_, values| Ok(select(values, true))),
    ("omit", "ms*", |_, values| Ok(select(values, false))),
    ("merge", "mm*", |call, values| merged(call, values, Precedence::Destination)),
    ("mustMerge", "mm*", |call, values| merged(call, values, Precedence::Destination)),
    ("mergeOverwrite", "mm*", |call, values| merged(call, values, Precedence::Source)),
    ("mustMergeOverwrite", "mm*", |call, values| merged(call, values, Precedence::Source)),
    ("dig", "a*", dig),
];

fn dict(_: &Call<'_>, values: &[Value]) -> Returned {
    let map = Map::new();
    for pair in values.chunks(2) {
        map.set(to_text(&pair[0])?, pair.get(1).cloned().unwrap_or_else(|| "".into()));
    }
    Ok(map.into())
}

fn set(call: &Call<'_>, values: &[Value]) -> Returned {
    if values.any(0).is_nil() {
        return refuse("assignment to entry in nil map");
    }
    let map = values.map(0);
    map.set(values.text(1), values.any(2).clone());
    call.run.note_change(&map);
    Ok(values.any(0).clone())
}

#[expect(clippy::unnecessary_wraps, reason = "a table of functions wants it")]
fn unset(_: &Call<'_>, values: &[Value]) -> Returned {
    values.map(0).remove(values.text(1));
    Ok(values.any(0).clone())
}

#[expect(clippy::unnecessary_wraps, reason = "a table of functions wants it")]
fn pluck(_: &Call<'_>, values: &[Value]) -> Returned {
    Ok(Value::list((1..values.len()).filter_map(|index| values.map(index).get(values.text(0)))))
}

/// Sorted, where Go's order is different each time.
fn keys(_: &Call<'_>, values: &[Value]) -> Returned {
    let maps = (0..values.len()).map(|index| values.map(index));
    let keys = maps.flat_map(|map| map.entries().into_iter().map(|(key, _)| Value::String(key)));
    super::lists::bounded(Element::Text, keys.collect())
}

fn select(values: &[Value], wanted: bool) -> Value {
    let names: Vec<&str> = values[1..].iter().filter_map(Value::as_str).collect();
    let entries = values.map(0).entries().into_iter();
    entries.filter(|(key, _)| names.contains(&&**key) == wanted).collect::<Map>().into()
}

fn merged(call: &Call<'_>, values: &[Value], precedence: Precedence) -> Returned {
    if values.any(0).is_nil() {
        // Go makes a new map in the place of a nil one.
        return Ok(values.get(1).cloned().unwrap_or(Value::Nil));
    }
    let target = values.map(0);
    call.run.note_change(&target);
    for index in 1..values.len() {
        merge(call, &target, &values.map(index), precedence)?;
    }
    Ok(values.any(0).clone())
}

fn dig(_: &Call<'_>, values: &[Value]) -> Returned {
    let [keys @ .., otherwise, map] = values else {
        return refuse("dig needs at least three arguments");
    };
    if keys.is_empty() {
        return refuse("dig needs at least three arguments");
    }
    let mut step = map.clone();
    for key in keys {
        let got = if step.is_nil() { "nil" } else { step.type_name() };
        let plain = step.as_map().filter(|_| step.type_name() == "map[string]interface {}");
        let Some(map) = plain else {
            return refuse(format!(
                "interface conversion: interface {{}} is {got}, not map[string]interface {{}}"
            ));
        };
        let Some(name) = key.as_str() else {
            let got = if key.is_nil() { "nil" } else { key.type_name() };
            return refuse(format!("interface conversion: interface {{}} is {got}, not string"));
        };
        match map.get(name) {
            Some(next) => step = next,
            None => return Ok(otherwise.clone()),
        }
    }
    Ok(step)
}
