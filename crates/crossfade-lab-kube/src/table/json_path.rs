//! The JSON paths of printer columns: `.spec.a`, `.list[0]`, `.list[*]`,
//! `.conditions[?(@.type=="Ready")].status`, `.map['a.b']`.

use serde_json::Value;

/// What a path leads to. Several values are joined by commas, as `kubectl` does not take lists apart.
pub(super) fn find(object: &Value, path: &str) -> Option<Value> {
    let mut found = vec![object];
    let mut rest = path.trim_start_matches('$');
    while !rest.is_empty() {
        let (step, after) = next_step(rest)?;
        found = found.into_iter().flat_map(|value| follow(value, &step)).collect();
        rest = after;
    }
    match found.as_slice() {
        [] => None,
        [only] => (!only.is_null()).then(|| (*only).clone()),
        many => {
            let texts: Vec<String> = many
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                .collect();
            Some(texts.join(",").into())
        }
    }
}

enum Step {
    Field(String),
    Index(i64),
    All,
    /// `@.FIELD == VALUE`.
    Where(String, String),
}

fn next_step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let mut name = String::new();
        let mut characters = rest.char_indices();
        let mut end = rest.len();
        while let Some((index, c)) = characters.next() {
            match c {
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                '.' | '[' => {
                    end = index;
                    break;
                }
                other => name.push(other),
            }
        }
        return Some((if name == "*" { Step::All } else { Step::Field(name) }, &rest[end..]));
    }
    let rest = text.strip_prefix('[')?;
    let close = if rest.starts_with("?(") { rest.find(")]")? + 1 } else { rest.find(']')? };
    let (inner, after) = (rest[..close].trim(), &rest[close + 1..]);
    let unquote = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    let step = if inner == "*" {
        Step::All
    } else if let Some(condition) = inner.strip_prefix("?(").and_then(|inner| inner.strip_suffix(')')) {
        let (left, right) = condition.split_once("==")?;
        Step::Where(left.trim().strip_prefix("@.")?.to_owned(), unquote(right))
    } else if let Ok(index) = inner.parse() {
        Step::Index(index)
    } else {
        Step::Field(unquote(inner))
    };
    Some((step, after))
}

fn follow<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match (step, value) {
        (Step::Field(name), Value::Object(map)) => map.get(name).into_iter().collect(),
        (Step::Index(index), Value::Array(items)) => {
            let place = if *index < 0 {
                items.len().checked_sub(index.unsigned_abs().try_into().unwrap_or(usize::MAX))
            } else {
                usize::try_from(*index).ok()
            };
            place.and_then(|place| items.get(place)).into_iter().collect()
        }
        (Step::All, Value::Array(items)) => items.iter().collect(),
        (Step::All, Value::Object(map)) => map.values().collect(),
        (Step::Where(field, wanted), Value::Array(items)) => items
            .iter()
            .filter(|item| {
                let found = field.split('.').fold(*item, |value, step| &value[step]);
                found.as_str().map_or_else(|| found.to_string(), str::to_owned) == *wanted
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn follows_the_paths_that_definitions_use() {
        let object = json!({"spec": {"groups": ["a", "b"], "m": {"x.y": 1}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Done", "status": "False"}]}});
        for (path, expected) in [
            (".spec.groups[0]", Some(json!("a"))),
            (".spec.groups[*]", Some(json!("a,b"))),
            (".spec.m['x.y']", Some(json!(1))),
            (".spec.m.x\\.y", Some(json!(1))),
            (".status.conditions[?(@.type==\"Done\")].status", Some(json!("False"))),
            (".status.nothing", None),
        ] {
            assert_eq!(find(&object, path), expected, "{path}");
        }
    }
}
