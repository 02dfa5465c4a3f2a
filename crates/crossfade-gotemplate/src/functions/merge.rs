//! Deep merging of dictionaries as the Go library mergo does it for Sprig, in place.
//!
//! What is empty in the destination (0, false, "", no entries) counts as not there. Lists are taken whole, never
//! joined. Sub-dictionaries that are taken over are shared with the source from then on, as in Go.

use super::refuse;
use crate::error::CallError;
use crate::execute::Call;
use crate::limits::VALUE_DEPTH_MAX;
use crate::value::{Map, Value};

/// Whose value stays where both have one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Precedence {
    Destination,
    Source,
}

/// Merges `source` into `target`.
pub(super) fn merge(
    call: &Call<'_>,
    target: &Map,
    source: &Map,
    precedence: Precedence,
) -> Result<(), CallError> {
    level(call, target, source, precedence, 0)
}

fn level(
    call: &Call<'_>,
    target: &Map,
    source: &Map,
    precedence: Precedence,
    depth: usize,
) -> Result<(), CallError> {
    if depth > VALUE_DEPTH_MAX {
        return refuse(format!("more than {VALUE_DEPTH_MAX} levels"));
    }
    if target.is_same(source) {
        return Ok(());
    }
    let overwrites = precedence == Precedence::Source;
    let was_empty = target.is_empty();
    for (key, new) in source.entries() {
        call.run.step()?;
        if new.is_nil() {
            if overwrites {
                target.set(key, Value::Nil);
            }
            continue;
        }
        let old = target.get(&key);
        let is_list = matches!(new, Value::List(_));
        if let (Value::Map(new), Some(Value::Map(old))) = (&new, &old) {
            call.run.note_change(old);
            level(call, old, new, precedence, depth + 1)?;
        }
        if is_list && (overwrites || was_empty) {
            target.set(key, new);
            continue;
        }
        if old.as_ref().is_some_and(Value::is_true) {
            let are_maps = matches!((&new, &old), (Value::Map(_), Some(Value::Map(_))));
            if is_list || are_maps || !overwrites {
                continue;
            }
        }
        target.set(key, new);
    }
    Ok(())
}
