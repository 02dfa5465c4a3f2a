//! Where two values differ, field by field, and which of these differences are meant to be.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::argo::snapshot::Objects;

/// One field that differs.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// The object, then the names on the way to the field.
    path: Vec<String>,
    theirs: Value,
    ours: Value,
}

/// A difference that counts as none.
pub(super) struct Excused {
    /// How its path begins: each word is the beginning of a name, `*` any name. Below it everything may differ,
    /// unless it ends with `$`.
    pub(super) path: &'static [&'static str],
    /// Why.
    pub(super) reason: &'static str,
}

/// Longer values are cut where they are printed.
const PRINTED_CHARACTERS: usize = 160;

/// All fields that differ, in the order of their paths.
pub(super) fn differences(theirs: &Objects, ours: &Objects) -> Vec<Difference> {
    let mut found = Vec::new();
    let names: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    for name in names {
        let of = |objects: &Objects| objects.get(name).cloned().unwrap_or(Value::Null);
        compare(&mut vec![name.clone()], &of(theirs), &of(ours), &mut found);
    }
    found
}

fn compare(path: &mut Vec<String>, theirs: &Value, ours: &Value, found: &mut Vec<Difference>) {
    match (theirs, ours) {
        (Value::Object(their), Value::Object(our)) => {
            let keys: std::collections::BTreeSet<&String> = their.keys().chain(our.keys()).collect();
            for key in keys {
                path.push(key.clone());
                compare(
                    path,
                    their.get(key).unwrap_or(&Value::Null),
                    our.get(key).unwrap_or(&Value::Null),
                    found,
                );
                path.pop();
            }
        }
        (Value::Array(their), Value::Array(our)) => {
            for index in 0..their.len().max(our.len()) {
                path.push(index.to_string());
                compare(
                    path,
                    their.get(index).unwrap_or(&Value::Null),
                    our.get(index).unwrap_or(&Value::Null),
                    found,
                );
                path.pop();
            }
        }
        _ if theirs == ours => {}
        _ => found.push(Difference { path: path.clone(), theirs: theirs.clone(), ours: ours.clone() }),
    }
}

/// Takes out what is excused, and counts it by its place in `excused`.
pub(super) fn unexcused(
    found: Vec<Difference>,
    excused: &[Excused],
    seen: &mut BTreeMap<usize, usize>,
) -> Vec<Difference> {
    let mut left = Vec::new();
    for difference in found {
        match excused.iter().position(|excused| excused.covers(&difference.path)) {
            Some(place) => *seen.entry(place).or_default() += 1,
            None => left.push(difference),
        }
    }
    left
}

impl Excused {
    fn covers(&self, path: &[String]) -> bool {
        let covers = |(word, name): (&&str, &String)| *word == "*" || name.starts_with(*word);
        match self.path {
            [words @ .., "$"] => words.len() == path.len() && words.iter().zip(path).all(covers),
            words => words.len() <= path.len() && words.iter().zip(path).all(covers),
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cut = |value: &Value| value.to_string().chars().take(PRINTED_CHARACTERS).collect::<String>();
        let path = self.path.join(" > ");
        write!(f, "{path}\n    theirs {}\n    ours   {}", cut(&self.theirs), cut(&self.ours))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objects(value: Value) -> Objects {
        [("Service a/b".to_owned(), value)].into()
    }

    #[test]
    fn a_field_that_one_side_lacks_differs() {
        let found = differences(
            &objects(json!({"spec": {"ports": [1, 2]}})),
            &objects(json!({"spec": {"ports": [1]}})),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, ["Service a/b", "spec", "ports", "1"]);
        assert_eq!(differences(&objects(json!({})), &Objects::new()).len(), 1);
    }

    #[test]
    fn what_is_meant_to_be_is_counted_and_the_rest_is_left() {
        let found = differences(&objects(json!({"a": 1, "b": 1})), &objects(json!({"a": 2, "b": 2})));
        let intended = Excused { path: &["Service", "a"], reason: "x" };
        let mut seen = BTreeMap::new();
        let left = unexcused(found, &[intended], &mut seen);
        assert_eq!((left.len(), left[0].path[1].as_str(), seen[&0]), (1, "b", 1));
    }
}
