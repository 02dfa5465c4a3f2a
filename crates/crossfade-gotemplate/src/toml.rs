//! TOML for `toToml` and `fromToml`, which few charts use.
//!
//! Writes tables as Go's BurntSushi/toml does: plain keys first, then tables, two blanks for each level. Reading is not
//! offered: `fromToml` says so in its result, where helm puts errors as well.

use std::fmt::Write as _;

use crate::error::{CallError, Error};
use crate::limits::{TEXT_BYTES_MAX, VALUE_DEPTH_MAX};
use crate::printf::quote;
use crate::value::{Map, Value};

/// Not offered.
pub(crate) fn read(_: &str) -> Result<Value, Error> {
    Err(Error::Json("toml: this renderer does not read TOML; use fromYaml".to_owned()))
}

/// Writes a map.
pub(crate) fn write(value: &Value) -> Result<String, CallError> {
    let Some(map) = value.as_map() else {
        return Err(CallError::new("toml: top-level values must be Go maps or structs"));
    };
    let mut out = String::new();
    table(&mut out, &map, &[], 0)?;
    Ok(out)
}

fn key_text(key: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { quote(key) }
}

/// Whether a value is written under a header of its own.
fn is_table(value: &Value) -> bool {
    match value {
        Value::Map(_) => true,
        Value::List(items) => !items.is_empty() && items.iter().all(|item| matches!(item, Value::Map(_))),
        _ => false,
    }
}

fn table(out: &mut String, map: &Map, path: &[String], depth: usize) -> Result<(), CallError> {
    if depth > VALUE_DEPTH_MAX || out.len() > TEXT_BYTES_MAX {
        return Err(CallError::new("toml: value is too large or too deep"));
    }
    let pad = "  ".repeat(path.len().saturating_sub(1));
    let inner = "  ".repeat(path.len());
    let entries: Vec<_> = map.entries().into_iter().filter(|(_, value)| !value.is_nil()).collect();
    for (key, value) in entries.iter().filter(|(_, value)| !is_table(value)) {
        out.push_str(&inner);
        out.push_str(&key_text(key));
        out.push_str(" = ");
        inline(out, value, depth + 1)?;
        out.push('\n');
    }
    for (key, value) in entries.iter().filter(|(_, value)| is_table(value)) {
        let path: Vec<String> = path.iter().cloned().chain([key_text(key)]).collect();
        let pad = if path.len() > 1 { format!("{pad}  ") } else { String::new() };
        match value {
            Value::List(items) => {
                for item in items.iter() {
                    separate(out);
                    let _ = writeln!(out, "{pad}[[{}]]", path.join("."));
                    table(out, &item.as_map().unwrap_or_default(), &path, depth + 1)?;
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

fn inline(out: &mut String, value: &Value, depth: usize) -> Result<(), CallError> {
    if depth > VALUE_DEPTH_MAX || out.len() > TEXT_BYTES_MAX {
        return Err(CallError::new("toml: value is too large or too deep"));
    }
    match value {
        Value::Missing | Value::Nil => {
            return Err(CallError::new("toml: cannot encode array with nil element"));
        }
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e6 => {
            let _ = write!(out, "{number:.1}");
        }
        Value::String(text) => out.push_str(&quote(text)),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                inline(out, item, depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (key, item)) in map.entries().iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(&key_text(key));
                out.push_str(" = ");
                inline(out, item, depth + 1)?;
            }
            out.push('}');
        }
        other => out.push_str(&crate::printf::bounded(other)?),
    }
    Ok(())
}
