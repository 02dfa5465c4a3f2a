//! The matrix and merge generators' arithmetic: what two sets of parameters make together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::params::{flattened, merge};
use super::render::{Engine, Params};
use crate::object::text;

/// One cell of a matrix.
pub(super) fn cell(engine: &Engine, first: &Params, second: &Params) -> Result<Params, String> {
    if engine.is_go() {
        let mut cell = second.clone();
        merge(&mut cell, first);
        return Ok(cell);
    }
    let mut cell = first.clone();
    for (key, value) in second {
        match cell.get(key) {
            Some(known) if known != value => {
                return Err(format!(
                    "failed to combine string maps with merging params for the matrix generator: found duplicate key {key} \
                     with different value, a: {} ,b: {}",
                    text(known),
                    text(value)
                ));
            }
            _ => drop(cell.insert(key.clone(), value.clone())),
        }
    }
    Ok(cell)
}

/// Sets that agree in the merge keys become one, the later over the earlier; sets that only a later generator has are
/// left out.
pub(super) fn merged(
    engine: &Engine,
    keys: &[&str],
    generated: &[Vec<Params>],
) -> Result<Vec<Params>, String> {
    let failed = |error: String| format!("error getting param sets by merge key: {error}");
    let Some((base, others)) = generated.split_first() else { return Ok(Vec::new()) };
    let mut base = by_key(keys, base).map_err(failed)?;
    for other in others {
        let over = by_key(keys, other).map_err(failed)?;
        for (key, under) in &mut base {
            match over.get(key) {
                Some(over) if engine.is_go() => merge(under, over),
                Some(over) => under.extend(over.clone()),
                None => {}
            }
        }
    }
    Ok(base.into_values().collect())
}

fn by_key(keys: &[&str], sets: &[Params]) -> Result<BTreeMap<String, Params>, String> {
    if keys.is_empty() {
        return Err("no merge keys were specified, Merge requires at least one".to_owned());
    }
    let keys: BTreeSet<&str> = keys.iter().copied().collect();
    let mut found = BTreeMap::new();
    for set in sets {
        let key: Map<String, Value> =
            keys.iter().map(|key| ((*key).to_owned(), set.get(*key).cloned().unwrap_or_default())).collect();
        let key = Value::Object(key).to_string();
        if found.contains_key(&key) {
            return Err(format!(
                "the parameters from a generator were not unique by the given mergeKeys, Merge requires all param sets to \
                 be unique. Duplicate key was {key}"
            ));
        }
        found.insert(key, set.clone());
    }
    Ok(found)
}

/// Whether a set passes a generator's own selector, which looks at flat parameters.
pub(super) fn is_selected(selector: &Value, params: &Params) -> Result<bool, String> {
    crate::labels::matches(selector, &flattened(params))
        .map_err(|error| format!("error parsing label selector: {error}"))
}
