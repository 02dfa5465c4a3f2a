//! `$ref`: pointers, anchors and identifiers within the schema itself. Nothing else is read or fetched.

use serde_json::Value;

/// Keywords whose values are no schemas.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// Keywords whose schemas count only when something refers to them.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The schema a reference is to.
pub(super) fn resolve<'s>(root: &'s Value, target: &str) -> Option<&'s Value> {
    let (document, fragment) = target.split_once('#').unwrap_or((target, ""));
    let base = match document {
        "" => root,
        document => find(root, &|schema| named(schema, "$id") == Some(document))?,
    };
    if fragment.is_empty() || fragment.starts_with('/') {
        return base.pointer(&unescaped(fragment));
    }
    let old_name = format!("#{fragment}");
    let is_anchor = |schema: &Value| {
        named(schema, "$anchor") == Some(fragment)
            || ["$id", "id"].iter().any(|key| named(schema, key) == Some(&old_name))
    };
    find(base, &is_anchor)
}

fn named<'s>(schema: &'s Value, keyword: &str) -> Option<&'s str> {
    schema.get(keyword).and_then(Value::as_str)
}

/// `%41` as the letter it stands for.
fn unescaped(fragment: &str) -> String {
    let mut bytes = Vec::new();
    let mut parts = fragment.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let code = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(code) = code {
            bytes.push(code);
            bytes.extend_from_slice(&part.as_bytes()[2..]);
        } else {
            bytes.push(b'%');
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first schema within another that is wanted.
fn find<'s>(root: &'s Value, is_wanted: &dyn Fn(&Value) -> bool) -> Option<&'s Value> {
    let mut pending = vec![root];
    while let Some(schema) = pending.pop() {
        match schema {
            Value::Object(_) if is_wanted(schema) => return Some(schema),
            Value::Object(all) => {
                pending.extend(
                    all.iter().filter(|(key, _)| !DATA.contains(&key.as_str())).map(|(_, value)| value),
                );
            }
            Value::Array(all) => pending.extend(all),
            _ => {}
        }
    }
    None
}

/// Refuses references that lead nowhere, from wherever the schema itself leads to.
pub(super) fn check(root: &Value) -> Result<(), String> {
    let mut pending = vec![root];
    let mut seen: Vec<&str> = Vec::new();
    while let Some(schema) = pending.pop() {
        match schema {
            Value::Object(all) => {
                if let Some(target) = named(schema, "$ref").filter(|target| !seen.contains(target)) {
                    seen.push(target);
                    pending.push(resolve(root, target).ok_or_else(|| complaint(target))?);
                }
                let is_schema = |key: &str| !DATA.contains(&key) && !DEFINITIONS.contains(&key);
                pending.extend(all.iter().filter(|(key, _)| is_schema(key)).map(|(_, value)| value));
            }
            Value::Array(all) => pending.extend(all),
            _ => {}
        }
    }
    Ok(())
}

fn complaint(target: &str) -> String {
    let quoted = crate::printf::quote(&format!("file:///values.schema.json{target}"));
    match target {
        target if target.starts_with("#/") => format!("json-pointer in {quoted} not found"),
        target if target.starts_with('#') => {
            format!("anchor in {quoted} not found in schema \"file:///values.schema.json\"")
        }
        target => format!("nothing is fetched to check values: $ref {}", crate::printf::quote(target)),
    }
}
