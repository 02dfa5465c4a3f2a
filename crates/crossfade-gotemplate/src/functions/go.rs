//! The functions of `text/template` itself.

use std::fmt::Write as _;
use std::rc::Rc;

use super::{Arguments, Entry, Returned, refuse, text};
use crate::error::CallError;
use crate::execute::Call;
use crate::printf::{quote, sprint, sprintf, sprintln};
use crate::value::{Object, Value};

pub(super) const TABLE: &[Entry] = &[
    // The evaluator carries out `and` and `or` itself, as they stop early.
    ("and", "aa*", |_, values| Ok(values.any(0).clone())),
    ("or", "aa*", |_, values| Ok(values.any(0).clone())),
    ("not", "a", |_, values| Ok(Value::Bool(!values.any(0).is_true()))),
    ("len", "a", |_, values| length(values.any(0))),
    ("index", "aa*", index),
    ("slice", "aa*", slice),
    ("print", "a*", |_, values| text(sprint(values)?)),
    ("printf", "sa*", |_, values| text(sprintf(values.text(0), &values[1..])?)),
    ("println", "a*", |_, values| text(sprintln(values)?)),
    ("html", "a*", |_, values| Ok(escape_html(&sprint(values)?).into())),
    ("js", "a*", |_, values| Ok(escape_js(&sprint(values)?).into())),
    ("urlquery", "a*", |_, values| Ok(super::paths::query_escape(&sprint(values)?).into())),
    ("call", "aa*", |_, values| match values.any(0) {
        nil if nil.is_nil() => refuse("call of nil"),
        other => refuse(format!("non-function of type {}", other.type_name())),
    }),
    ("eq", "aa*", |_, values| equal(values).map(Value::Bool)),
    ("ne", "aa", |_, values| equal(values).map(|equal| Value::Bool(!equal))),
    ("lt", "aa", |_, values| less(values.any(0), values.any(1)).map(Value::Bool)),
    ("le", "aa", |_, values| less_or_equal(values.any(0), values.any(1)).map(Value::Bool)),
    ("gt", "aa", |_, values| {
        less_or_equal(values.any(0), values.any(1)).map(|at_most| Value::Bool(!at_most))
    }),
    ("ge", "aa", |_, values| less(values.any(0), values.any(1)).map(|is_less| Value::Bool(!is_less))),
];

fn length(value: &Value) -> Returned {
    let count = match value {
        Value::String(text) => crate::bytes::length(text),
        Value::Map(map) => map.len(),
        Value::List(items) => items.len(),
        Value::Missing | Value::Nil => return refuse("len of nil pointer"),
        Value::Object(object) => match (object.bytes(), object.kind()) {
            (Some(bytes), _) => bytes.len(),
            (None, "map" | "slice") => return length(&object.plain()),
            _ => return refuse(format!("len of type {}", value.type_name())),
        },
        other => return refuse(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// A place in a list: Go refuses what is not an integer.
fn place(index: &Value, capacity: usize) -> Result<usize, CallError> {
    let Some(number) = index.as_integer() else {
        let what = if index.is_nil() { "nil".to_owned() } else { format!("type {}", index.type_name()) };
        return refuse(format!("cannot index slice/array with {what}"));
    };
    match usize::try_from(number) {
        Ok(place) if place <= capacity => Ok(place),
        _ => refuse(format!("index out of range: {number}")),
    }
}

fn index(_: &Call<'_>, values: &[Value]) -> Returned {
    let mut item = values.any(0).clone();
    if item.is_nil() {
        return refuse("index of untyped nil");
    }
    for key in &values[1..] {
        if let Value::Object(object) = &item
            && matches!(object.kind(), "map" | "slice")
        {
            let plain = object.plain();
            item = plain;
        }
        item = match &item {
            Value::Missing | Value::Nil => return refuse("index of nil pointer"),
            Value::Map(map) => match key {
                Value::String(name) => map.get(name).unwrap_or(Value::Nil),
                nil if nil.is_nil() => return refuse("value is nil; should be of type string"),
                other => return refuse(format!("value has type {}; should be string", other.type_name())),
            },
            Value::List(items) => {
                let place = place(key, items.len())?;
                match items.get(place) {
                    Some(item) => item.clone(),
                    None => return refuse("reflect: slice index out of range"),
                }
            }
            Value::String(text) => {
                let bytes = crate::bytes::bytes_of(text);
                match bytes.get(place(key, bytes.len())?) {
                    Some(byte) => Value::Int(i64::from(*byte)),
                    None => return refuse("reflect: string index out of range"),
                }
            }
            other => return refuse(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

fn slice(_: &Call<'_>, values: &[Value]) -> Returned {
    let item = values.any(0);
    let (length, is_text) = match item {
        Value::Missing | Value::Nil => return refuse("slice of untyped nil"),
        _ if values.len() > 4 => return refuse(format!("too many slice indexes: {}", values.len() - 1)),
        Value::String(_) if values.len() == 4 => return refuse("cannot 3-index slice a string"),
        Value::String(text) => (crate::bytes::length(text), true),
        Value::List(items) => (items.len(), false),
        other => return refuse(format!("can't slice item of type {}", other.type_name())),
    };
    let mut places = [0, length, length];
    for (index, value) in values[1..].iter().enumerate() {
        places[index] = place(value, length)?;
    }
    for (low, high) in [(places[0], places[1]), (places[1], places[2])] {
        if low > high {
            return refuse(format!("invalid slice index: {low} > {high}"));
        }
    }
    if is_text {
        let bytes = crate::bytes::bytes_of(item.as_str().unwrap_or_default());
        return text(crate::bytes::text_from(&bytes[places[0]..places[1]]));
    }
    let items = item.as_list().unwrap_or_default();
    Ok(Value::list(items[places[0]..places[1]].iter().cloned()))
}

/// Kinds that can be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Integer,
    Float,
    Text,
    Other,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Object(object) if object.integer().is_some() => Basic::Integer,
        Value::Bool(_) => Basic::Bool,
        Value::Int(_) | Value::Int64(_) => Basic::Integer,
        Value::Float(_) => Basic::Float,
        Value::String(_) => Basic::Text,
        _ => Basic::Other,
    }
}

fn equal(values: &[Value]) -> Result<bool, CallError> {
    let first = values.any(0);
    if values.len() < 2 {
        return refuse("missing argument for comparison");
    }
    let kind = basic(first);
    for other in &values[1..] {
        let is_equal = if kind != basic(other) {
            if !first.is_nil() && !other.is_nil() {
                return refuse(format!(
                    "incompatible types for comparison: {} and {}",
                    first.type_name(),
                    other.type_name()
                ));
            }
            false
        } else if kind == Basic::Other {
            if first.kind() != other.kind() && !first.is_nil() && !other.is_nil() {
                return refuse(format!(
                    "non-comparable types {}: {}, {}: {}",
                    sprintf("%s", std::slice::from_ref(first))?,
                    first.type_name(),
                    other.type_name(),
                    sprintf("%s", std::slice::from_ref(other))?
                ));
            }
            if let (Value::Object(a), Value::Object(b)) = (first, other)
                && let Some(is_same) = same(a, b)
            {
                if is_same {
                    return Ok(true);
                }
                continue;
            }
            if !first.is_nil() && !other.is_nil() {
                let shown = sprintf("%s", std::slice::from_ref(other))?;
                return refuse(format!("non-comparable type {shown}: {}", other.type_name()));
            }
            first.is_nil() == other.is_nil()
        } else {
            #[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
            match (first, other) {
                (Value::Float(a), Value::Float(b)) => a == b,
                (Value::Bool(a), Value::Bool(b)) => a == b,
                (Value::String(a), Value::String(b)) => a == b,
                (a, b) => a.as_integer() == b.as_integer(),
            }
        };
        if is_equal {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Pointers are equal when they are the same, some structs when their fields are.
fn same(a: &Rc<dyn Object>, b: &Rc<dyn Object>) -> Option<bool> {
    if a.type_name() != b.type_name() {
        return Some(false);
    }
    if a.kind() == "ptr" { Some(Rc::ptr_eq(a, b)) } else { a.same(b.as_ref()) }
}

fn less(a: &Value, b: &Value) -> Result<bool, CallError> {
    if basic(a) == Basic::Other || basic(b) == Basic::Other {
        return refuse("invalid type for comparison");
    }
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::String(a), Value::String(b)) => Ok(a < b),
        (Value::Bool(_), Value::Bool(_)) => refuse("invalid type for comparison"),
        (a, b) => match (a.as_integer(), b.as_integer()) {
            (Some(a), Some(b)) => Ok(a < b),
            _ => {
                refuse(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()))
            }
        },
    }
}

fn less_or_equal(a: &Value, b: &Value) -> Result<bool, CallError> {
    if less(a, b)? {
        return Ok(true);
    }
    equal(&[a.clone(), b.clone()])
}

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}

fn escape_js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => {
                let _ = write!(out, "\\u{:04X}", u32::from(letter));
            }
            other if u32::from(other) < 32 => {
                let _ = write!(out, "\\u{:04X}", u32::from(other));
            }
            other => {
                let quoted = quote(&other.to_string());
                out.push_str(if quoted.len() > 2 { &quoted[1..quoted.len() - 1] } else { "" });
            }
        }
    }
    out
}
