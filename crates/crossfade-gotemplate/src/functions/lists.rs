//! Sprig's functions on lists. Lists are never changed in place.

use super::convert::to_int;
use super::{Arguments, Entry, Returned, refuse};
use crate::compare::deep_equal;
use crate::error::CallError;
use crate::execute::Call;
use crate::limits::LIST_ITEMS_MAX;
use crate::value::{Element, Value};

pub(super) const TABLE: &[Entry] = &[
    ("list", "a*", |_, values| Ok(Value::list(values.iter().cloned()))),
    ("tuple", "a*", |_, values| Ok(Value::list(values.iter().cloned()))),
    ("first", "a", first),
    ("mustFirst", "a", first),
    ("last", "a", last),
    ("mustLast", "a", last),
    ("rest", "a", rest),
    ("mustRest", "a", rest),
    ("initial", "a", initial),
    ("mustInitial", "a", initial),
    ("append", "aa", append),
    ("push", "aa", append),
    ("mustAppend", "aa", append),
    ("mustPush", "aa", append),
    ("prepend", "aa", prepend),
    ("mustPrepend", "aa", prepend),
    ("concat", "a*", concat),
    ("reverse", "a", reverse),
    ("mustReverse", "a", reverse),
    ("uniq", "a", uniq),
    ("mustUniq", "a", uniq),
    ("without", "aa*", without),
    ("mustWithout", "aa*", without),
    ("has", "aa", has),
    ("mustHas", "aa", has),
    ("compact", "a", compact),
    ("mustCompact", "a", compact),
    ("slice", "aa*", slice),
    ("mustSlice", "aa*", slice),
    ("chunk", "ia", chunk),
    ("mustChunk", "ia", chunk),
];

/// The items, or Sprig's complaint with the kind that is no list.
fn items(value: &Value, complaint: &str) -> Result<Vec<Value>, CallError> {
    match value.as_list() {
        Some(items) => Ok(items.to_vec()),
        None if value.is_nil() => refuse("runtime error: invalid memory address or nil pointer dereference"),
        None => refuse(format!("{complaint} {}", value.kind())),
    }
}

/// Refuses a list that is too long.
pub(super) fn bounded(element: Element, items: Vec<Value>) -> Returned {
    if items.len() > LIST_ITEMS_MAX {
        return refuse(format!("list of more than {LIST_ITEMS_MAX} items"));
    }
    Ok(Value::list_of(element, items))
}

fn first(_: &Call<'_>, values: &[Value]) -> Returned {
    Ok(items(values.any(0), "Cannot find first on type")?.first().cloned().unwrap_or(Value::Nil))
}

fn last(_: &Call<'_>, values: &[Value]) -> Returned {
    Ok(items(values.any(0), "Cannot find last on type")?.last().cloned().unwrap_or(Value::Nil))
}

fn rest(_: &Call<'_>, values: &[Value]) -> Returned {
    let items = items(values.any(0), "Cannot find rest on type")?;
    Ok(if items.is_empty() { Value::nil_list(Element::Any) } else { Value::list(items.into_iter().skip(1)) })
}

fn initial(_: &Call<'_>, values: &[Value]) -> Returned {
    let mut items = items(values.any(0), "Cannot find initial on type")?;
    Ok(if items.pop().is_none() { Value::nil_list(Element::Any) } else { Value::list(items) })
}

fn append(_: &Call<'_>, values: &[Value]) -> Returned {
    let mut items = items(values.any(0), "Cannot push on type")?;
    items.push(values.any(1).clone());
    bounded(Element::Any, items)
}

fn prepend(_: &Call<'_>, values: &[Value]) -> Returned {
    let mut items = items(values.any(0), "Cannot prepend on type")?;
    items.insert(0, values.any(1).clone());
    bounded(Element::Any, items)
}

fn concat(_: &Call<'_>, values: &[Value]) -> Returned {
    let mut all = Vec::new();
    for value in values {
        match value.as_list() {
            Some(items) => all.extend(items.iter().cloned()),
            None if value.is_nil() => {
                return refuse("runtime error: invalid memory address or nil pointer dereference");
            }
            None => return refuse(format!("Cannot concat type {} as list", value.kind())),
        }
        if all.len() > LIST_ITEMS_MAX {
            return refuse(format!("list of more than {LIST_ITEMS_MAX} items"));
        }
    }
    Ok(if all.is_empty() { Value::nil_list(Element::Any) } else { Value::list(all) })
}

fn reverse(_: &Call<'_>, values: &[Value]) -> Returned {
    Ok(Value::list(items(values.any(0), "Cannot find reverse on type")?.into_iter().rev()))
}

/// Whether a value is among others; counts each comparison, as lists can be long.
fn is_among(call: &Call<'_>, needle: &Value, items: &[Value]) -> Result<bool, CallError> {
    for item in items {
        call.run.step()?;
        if deep_equal(needle, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(call: &Call<'_>, values: &[Value]) -> Returned {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(values.any(0), "Cannot find uniq on type")? {
        if !is_among(call, &item, &kept)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn without(call: &Call<'_>, values: &[Value]) -> Returned {
    let mut kept = Vec::new();
    for item in items(values.any(0), "Cannot find without on type")? {
        if !is_among(call, &item, &values[1..])? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn has(call: &Call<'_>, values: &[Value]) -> Returned {
    if values.any(1).is_nil() {
        return Ok(false.into());
    }
    let items = items(values.any(1), "Cannot find has on type")?;
    Ok(is_among(call, values.any(0), &items)?.into())
}

fn compact(_: &Call<'_>, values: &[Value]) -> Returned {
    Ok(Value::list(items(values.any(0), "Cannot compact on type")?.into_iter().filter(Value::is_true)))
}

fn slice(_: &Call<'_>, values: &[Value]) -> Returned {
    let items = items(values.any(0), "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let element = values.any(0).as_list().map_or(Element::Any, |items| items.element());
    let start = values.get(1).map_or(Ok(0), |start| usize::try_from(to_int(start)));
    let end = values.get(2).map_or(Ok(items.len()), |end| usize::try_from(to_int(end)));
    match (start, end) {
        (Ok(start), Ok(end)) if start <= end && end <= items.len() => {
            Ok(Value::list_of(element, items[start..end].iter().cloned()))
        }
        _ => refuse("reflect.Value.Slice: slice index out of bounds"),
    }
}

fn chunk(_: &Call<'_>, values: &[Value]) -> Returned {
    let items = items(values.any(1), "Cannot chunk type")?;
    match usize::try_from(values.int(0)) {
        Ok(size) if size > 0 => Ok(Value::list_of(
            Element::List,
            items.chunks(size).map(|chunk| Value::list(chunk.iter().cloned())),
        )),
        _ => refuse("runtime error: makeslice: len out of range"),
    }
}
