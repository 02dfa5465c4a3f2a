//! YAML documents to JSON, read as charts' values are: by the rules of Go's reader, which takes trailing tabs.

use crossfade_gotemplate::{Error, Values};
use serde_json::Value;

/// The objects of a file up to the first document that is none, and what is wrong with that one, in the words of Argo CD.
pub(crate) fn objects(text: &str) -> (Vec<Value>, Option<String>) {
    let mut found = Vec::new();
    for document in documents(text) {
        let problem = match document {
            Ok(document) if crate::object::kind(&document).is_empty() => {
                let shown = go_json(&document);
                format!("error unmarshaling JSON: while decoding JSON: Object 'Kind' is missing in '{shown}'")
            }
            Ok(document) => {
                found.push(document);
                continue;
            }
            Err(error) => error.to_string(),
        };
        return (found, Some(format!("failed to unmarshal manifest: {problem}")));
    }
    (found, None)
}

/// JSON as Go writes it.
fn go_json(value: &Value) -> String {
    [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")]
        .into_iter()
        .fold(value.to_string(), |text, (letter, escaped)| text.replace(letter, escaped))
}

/// The documents of a file that are not empty.
fn documents(text: &str) -> Vec<Result<Value, Error>> {
    let mut found = Vec::new();
    let mut document = String::new();
    for line in text.lines().chain(["---"]) {
        let is_separator = line.starts_with("---") && !line.starts_with("----");
        if !is_separator {
            document.push_str(line);
            document.push('\n');
            continue;
        }
        let read = table(&document);
        if !read.as_ref().is_ok_and(|value| value.as_object().is_none_or(serde_json::Map::is_empty)) {
            found.push(read);
        }
        document.clear();
        if let Some(rest) = line.strip_prefix("---").map(str::trim).filter(|rest| !rest.is_empty()) {
            document.push_str(rest);
            document.push('\n');
        }
    }
    found
}

/// One document that is a table, or nothing.
pub(crate) fn table(text: &str) -> Result<Value, Error> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let mut values = Values::new();
    values.add_yaml(text)?;
    Ok(whole(Value::Object(values.as_json().clone())))
}

/// One document of any kind.
pub(crate) fn any(text: &str) -> Result<Value, Error> {
    let is_alone = text.lines().all(|line| !line.starts_with("---"));
    table(text).or_else(|error| {
        if !is_alone {
            return Err(error);
        }
        let indented = text.replace('\n', "\n  ");
        table(&format!("it:\n  {indented}\n")).map(|mut value| value["it"].take())
    })
}

/// Go reads every number as a float; objects have integers where they can.
fn whole(value: Value) -> Value {
    /// Above it not every integer is a float of its own.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() <= EXACT_MAX => {
                #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as checked")]
                let integer = float as i64;
                integer.into()
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, whole(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_told_apart_and_numbers_stay_whole() {
        let text = "a: 1\t# why\n# and\n---\n# nothing\n---\nb: {c: 1.5, d: yes}\n--- # next\ne: \"1\"\n";
        let read: Vec<Value> = documents(text).into_iter().map(Result::unwrap).collect();
        assert_eq!(read, [json!({"a": 1}), json!({"b": {"c": 1.5, "d": true}}), json!({"e": "1"})]);
    }

    #[test]
    fn lists_are_read_where_they_are_allowed() {
        assert_eq!(any("- a: 1\n- a: 2\n").unwrap(), json!([{"a": 1}, {"a": 2}]));
        assert!(documents("a: [1")[0].is_err());
    }

    #[test]
    fn a_document_without_a_kind_ends_the_objects() {
        let (read, problem) = objects("kind: A\n---\nb: <1>\n---\nkind: C\n");
        let missing = r#"Object 'Kind' is missing in '{"b":"\u003c1\u003e"}'"#;
        let said =
            format!("failed to unmarshal manifest: error unmarshaling JSON: while decoding JSON: {missing}");
        assert_eq!((read.len(), problem), (1, Some(said)));
    }
}
