//! From values to TOML: plain keys first, then tables, two blanks for each level.

use std::fmt::Write as _;

use super::read::{LOCAL_DATE, LOCAL_DATETIME, LOCAL_TIME};
use crate::dates::{Layout, Time};
use crate::error::CallError;
use crate::limits::{TEXT_BYTES_MAX, VALUE_DEPTH_MAX};
use crate::number::float_general;
use crate::value::{Map, Value};

type Written = Result<(), CallError>;

/// Writes a value; what is no table is written as it would be behind a key.
pub(crate) fn write(value: &Value) -> Result<String, CallError> {
    let mut out = String::new();
    match plain(value) {
        Value::Map(map) => table(&mut out, &map, &[], 0)?,
        list if is_tables(&list)? => {
            return Err(CallError::new("toml: top-level values must be Go maps or structs"));
        }
        other => element(&mut out, &other, 0)?,
    }
    Ok(out)
}

/// The map or list of an object that is one; times and what writes itself as text stay.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) if matches!(object.kind(), "map" | "slice") => object.plain(),
        Value::Object(object) if object.kind() == "struct" && object.time().is_none() => object.plain(),
        other => other.clone(),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn key_text(key: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { quoted(key) }
}

/// Whether a value is a list of tables, each under a header of its own.
fn is_tables(value: &Value) -> Result<bool, CallError> {
    let Value::List(items) = value else { return Ok(false) };
    if items.iter().any(Value::is_nil) {
        return Err(CallError::new("toml: cannot encode array with nil element"));
    }
    Ok(!items.is_empty() && items.iter().all(|item| matches!(plain(item), Value::Map(_))))
}

fn check(out: &str, depth: usize) -> Written {
    if depth > VALUE_DEPTH_MAX || out.len() > TEXT_BYTES_MAX {
        return Err(CallError::new("toml: value is too large or too deep"));
    }
    Ok(())
}

/// Keys and values that are there: those of plain values, then those of tables.
fn parted(map: &Map) -> Result<[Vec<(String, Value)>; 2], CallError> {
    let mut parts = [Vec::new(), Vec::new()];
    for (key, value) in map.entries().into_iter().filter(|(_, value)| !value.is_nil()) {
        let value = plain(&value);
        let is_table = matches!(value, Value::Map(_)) || is_tables(&value)?;
        parts[usize::from(is_table)].push((key_text(&key), value));
    }
    Ok(parts)
}

fn table(out: &mut String, map: &Map, path: &[String], depth: usize) -> Written {
    check(out, depth)?;
    let pad = "  ".repeat(path.len());
    let [values, tables] = parted(map)?;
    for (key, value) in values {
        let _ = write!(out, "{pad}{key} = ");
        element(out, &value, depth + 1)?;
        if !out.is_empty() {
            out.push('\n');
        }
    }
    for (key, value) in tables {
        let path: Vec<String> = path.iter().cloned().chain([key]).collect();
        match value {
            Value::List(items) => {
                for item in items.iter() {
                    separate(out);
                    let _ = writeln!(out, "{pad}[[{}]]", path.join("."));
                    table(out, &plain(item).as_map().unwrap_or_default(), &path, depth + 1)?;
                }
            }
            other => {
                if path.len() == 1 {
                    separate(out);
                }
                let _ = writeln!(out, "{pad}[{}]", path.join("."));
                table(out, &other.as_map().unwrap_or_default(), &path, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn separate(out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
}

fn element(out: &mut String, value: &Value, depth: usize) -> Written {
    check(out, depth)?;
    match value {
        Value::Missing | Value::Nil => {
            return Err(CallError::new("toml: cannot encode array with nil element"));
        }
        Value::Float(number) if number.is_nan() => out.push_str("nan"),
        Value::Float(number) if number.is_infinite() => {
            out.push_str(if *number < 0.0 { "-inf" } else { "inf" });
        }
        Value::Float(number) => {
            let text = float_general(*number);
            out.push_str(&text);
            if !text.contains(['e', '.']) {
                out.push_str(".0");
            }
        }
        Value::String(text) => out.push_str(&quoted(text)),
        Value::List(items) => {
            is_tables(value)?;
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                element(out, &plain(item), depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            let all = parted(map)?.into_iter().flatten();
            for (index, (key, item)) in all.enumerate() {
                let _ = write!(out, "{}{key} = ", if index > 0 { ", " } else { "" });
                element(out, &item, depth + 1)?;
            }
            out.push('}');
        }
        Value::Object(object) => match object.time() {
            Some(time) => out.push_str(&time_text(&time)),
            None if object.integer().is_some() && object.type_name() != "time.Duration" => {
                let _ = write!(out, "{}", object.integer().unwrap_or_default());
            }
            None => out.push_str(&quoted(&object.text())),
        },
        other => out.push_str(&crate::printf::bounded(other)?),
    }
    Ok(())
}

fn time_text(time: &Time) -> String {
    let layout = match time.zone.name() {
        LOCAL_DATETIME => "2006-01-02T15:04:05.999999999",
        LOCAL_DATE => "2006-01-02",
        LOCAL_TIME => "15:04:05.999999999",
        _ => "2006-01-02T15:04:05.999999999Z07:00",
    };
    Layout(layout).format(time)
}
