//! JSON as Go's `encoding/json` reads and writes it.
//!
//! Every number is a `float64`; `<`, `>` and `&` are written as escapes unless told otherwise.

mod read;

use std::fmt::Write as _;

use crate::error::CallError;
use crate::limits::{TEXT_BYTES_MAX, VALUE_DEPTH_MAX};
use crate::number::float_json;
use crate::value::{Map, Value};

pub(crate) use read::{read, read_leniently};

/// How JSON is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// On one line.
    Compact,
    /// On one line, with `<`, `>` and `&` as they are.
    Raw,
    /// Two blanks for each level.
    Pretty,
}

/// Writes a value; fails for what JSON cannot hold (NaN) and for what is too large.
pub(crate) fn write(value: &Value, style: Style) -> Result<String, CallError> {
    let mut out = String::new();
    level(&mut out, value, style, 0)?;
    Ok(out)
}

fn level(out: &mut String, value: &Value, style: Style, depth: usize) -> Result<(), CallError> {
    if out.len() > TEXT_BYTES_MAX || depth > VALUE_DEPTH_MAX {
        return Err(CallError::new("json: value is too large or too deep"));
    }
    match value {
        Value::Missing | Value::Nil => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        // Writing to a text cannot fail.
        Value::Int(number) | Value::Int64(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) if !number.is_finite() => {
            let shown = crate::number::float_general(*number);
            return Err(CallError::new(format!("json: unsupported value: {shown}")));
        }
        Value::Float(number) => out.push_str(&float_json(*number)),
        Value::String(text) => string(out, text, style),
        Value::List(items) if items.is_nil() => out.push_str("null"),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index, style, depth + 1);
                level(out, item, style, depth + 1)?;
            }
            finish(out, items.is_empty(), style, depth);
            out.push(']');
        }
        Value::Map(map) => entries(out, &map.entries(), style, depth)?,
        Value::Object(object) => match object.json_fields() {
            Some(fields) => entries(out, &fields, style, depth)?,
            None => level(out, &object.json(), style, depth + 1)?,
        },
    }
    Ok(())
}

/// An object with its names in the order they are given in.
fn entries(
    out: &mut String,
    entries: &[(impl AsRef<str>, Value)],
    style: Style,
    depth: usize,
) -> Result<(), CallError> {
    out.push('{');
    for (index, (key, item)) in entries.iter().enumerate() {
        separate(out, index, style, depth + 1);
        string(out, key.as_ref(), style);
        out.push_str(if style == Style::Pretty { ": " } else { ":" });
        level(out, item, style, depth + 1)?;
    }
    finish(out, entries.is_empty(), style, depth);
    out.push('}');
    Ok(())
}

fn separate(out: &mut String, index: usize, style: Style, depth: usize) {
    if index > 0 {
        out.push(',');
    }
    if style == Style::Pretty {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

fn finish(out: &mut String, is_empty: bool, style: Style, depth: usize) {
    if !is_empty && style == Style::Pretty {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

fn string(out: &mut String, text: &str, style: Style) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if style == Style::Raw => out.push(letter),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// How numbers are taken over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// All as floats, as in Go.
    Floats,
    /// Integers stay integers, which only `--set` makes.
    AsWritten,
}

/// Takes over what serde has read; all numbers become floats, as in Go.
pub(crate) fn from_serde(value: &serde_json::Value) -> Value {
    taken_over(value, Numbers::Floats)
}

/// Takes over values, with the integers that `--set` made.
pub(crate) fn from_serde_typed(value: &serde_json::Value) -> Value {
    taken_over(value, Numbers::AsWritten)
}

fn taken_over(value: &serde_json::Value, numbers: Numbers) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) if numbers == Numbers::AsWritten => Value::Int64(integer),
            _ => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(|item| taken_over(item, numbers))),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(key, item)| (key.as_str(), taken_over(item, numbers)));
            entries.collect::<Map>().into()
        }
    }
}

/// Gives a value away with all its numbers as floats. `None` when it is too deep.
pub(crate) fn to_serde_floats(value: &Value) -> Option<serde_json::Value> {
    given_away(value, 0)
}

fn given_away(value: &Value, depth: usize) -> Option<serde_json::Value> {
    if depth > VALUE_DEPTH_MAX {
        return None;
    }
    Some(match value {
        Value::Missing | Value::Nil => serde_json::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) | Value::Int64(number) => (*number as f64).into(),
        Value::Float(number) => (*number).into(),
        Value::String(text) => text.to_string().into(),
        Value::List(items) if items.is_nil() => serde_json::Value::Null,
        Value::List(items) => {
            let items = items.iter().map(|item| given_away(item, depth + 1));
            serde_json::Value::Array(items.collect::<Option<Vec<_>>>()?)
        }
        Value::Map(map) => {
            let entries = map.entries();
            let entries =
                entries.iter().map(|(key, item)| Some((key.to_string(), given_away(item, depth + 1)?)));
            serde_json::Value::Object(entries.collect::<Option<serde_json::Map<_, _>>>()?)
        }
        Value::Object(object) => given_away(&object.json(), depth + 1)?,
    })
}
