//! The methods of helm's `chartutil.Values`: `.Values.Table "a.b"`, `.Values.YAML` and their like.
//!
//! `Encode` writes to a Go writer, which no template has: it is refused as in Go.

use crate::error::CallError;
use crate::printf::quote;
use crate::value::{Face, Map, Value};
use crate::yaml::{self, Layout};

/// Whether helm's type has such a method: it comes before a key of that name.
pub(super) fn is_method(name: &str) -> bool {
    matches!(name, "AsMap" | "Encode" | "PathValue" | "Table" | "YAML")
}

/// What a method takes.
pub(super) fn parameters(name: &str) -> &'static str {
    match name {
        "Encode" => "w",
        "PathValue" | "Table" => "s",
        _ => "",
    }
}

/// Calls a method with arguments that fit.
pub(super) fn call(map: &Map, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
    let path = arguments.first().and_then(Value::as_str).unwrap_or_default();
    match name {
        "AsMap" => Ok(map.seen_as(Face::Plain).into()),
        "YAML" => Ok(yaml::write(&map.clone().into(), Layout::Ordinary)?.into()),
        "Table" => Ok(table(map, path)?.into()),
        "PathValue" => path_value(map, path),
        // Only nil is a writer that a template can give.
        _ => Err(CallError::new("runtime error: invalid memory address or nil pointer dereference")),
    }
}

/// The table a path of names leads to.
fn table(map: &Map, path: &str) -> Result<Map, CallError> {
    path.split('.').try_fold(map.seen_as(Face::Values), |table, name| match table.get(name) {
        Some(Value::Map(inner)) if !inner.holds_text() => Ok(inner.seen_as(Face::Values)),
        _ => Err(CallError::new(format!("{} is not a table", quote(name)))),
    })
}

/// What a path leads to that is no table.
fn path_value(map: &Map, path: &str) -> Result<Value, CallError> {
    if path.is_empty() {
        return Err(CallError::new("YAML path cannot be empty"));
    }
    let (tables, name) = path.rsplit_once('.').map_or((None, path), |(tables, name)| (Some(tables), name));
    let no_value = || CallError::new(format!("{} is not a value", quote(name)));
    let within = match tables {
        None => map.clone(),
        Some(tables) => table(map, tables).map_err(|_| no_value())?,
    };
    match within.get(name) {
        None | Some(Value::Map(_)) => Err(no_value()),
        Some(value) => Ok(value),
    }
}
