//! Which manager owns which field: the sets behind `metadata.managedFields`, and server-side apply.
//!
//! Follows the rules of `sigs.k8s.io/structured-merge-diff`. [`FieldSet`] is a set of paths; [`walk`] derives
//! sets from values and types; [`managers`] keeps `managedFields` and applies. Nothing here knows HTTP or
//! stores objects.

pub(crate) mod managers;
pub(crate) mod walk;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A set of field paths, in the shape of a `fieldsV1` document.
///
/// Steps are written as there: `f:NAME`, `k:{"KEY":VALUE}`, `v:VALUE`, `i:INDEX`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    /// The path that leads here is itself in the set.
    pub(crate) member: bool,
    pub(crate) children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(FieldSet::is_empty)
    }

    pub(crate) fn child(&mut self, step: String) -> &mut FieldSet {
        self.children.entry(step).or_default()
    }

    /// Adds one path.
    pub(crate) fn insert(&mut self, path: &[&str]) {
        let mut node = self;
        for step in path {
            node = node.child((*step).to_owned());
        }
        node.member = true;
    }

    pub(crate) fn union(&mut self, other: &FieldSet) {
        self.member |= other.member;
        for (step, theirs) in &other.children {
            self.child(step.clone()).union(theirs);
        }
    }

    #[must_use]
    pub(crate) fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut result = FieldSet { member: self.member && !other.member, children: BTreeMap::new() };
        for (step, ours) in &self.children {
            let rest =
                other.children.get(step).map_or_else(|| ours.clone(), |theirs| ours.difference(theirs));
            if !rest.is_empty() {
                result.children.insert(step.clone(), rest);
            }
        }
        result
    }

    #[must_use]
    pub(crate) fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut result = FieldSet { member: self.member && other.member, children: BTreeMap::new() };
        for (step, ours) in &self.children {
            if let Some(theirs) = other.children.get(step) {
                let both = ours.intersection(theirs);
                if !both.is_empty() {
                    result.children.insert(step.clone(), both);
                }
            }
        }
        result
    }

    /// Reads a `fieldsV1` document. What is no object is taken as a leaf.
    pub(crate) fn from_fields_v1(value: &Value) -> FieldSet {
        let mut set = FieldSet::default();
        let Some(map) = value.as_object() else {
            return set;
        };
        for (step, inner) in map {
            if step == "." {
                set.member = true;
                continue;
            }
            let mut child = FieldSet::from_fields_v1(inner);
            child.member |= inner.as_object().is_none_or(Map::is_empty);
            set.children.insert(step.clone(), child);
        }
        set
    }

    /// Writes a `fieldsV1` document.
    pub(crate) fn to_fields_v1(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.children.is_empty() {
            map.insert(".".into(), Value::Object(Map::new()));
        }
        for (step, child) in &self.children {
            if !child.is_empty() {
                map.insert(step.clone(), child.to_fields_v1());
            }
        }
        Value::Object(map)
    }

    /// All members as people read them: `.spec.ports[port=80,protocol="TCP"].name`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths(String::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, path: String, into: &mut Vec<String>) {
        for (step, child) in &self.children {
            let here = format!("{path}{}", readable(step));
            if child.member {
                into.push(here.clone());
            }
            child.collect_paths(here, into);
        }
        drop(path);
    }
}

fn readable(step: &str) -> String {
    match step.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some(("i", index)) => format!("[{index}]"),
        Some(("k", keys)) => {
            let parsed: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let parts: Vec<String> = parsed.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", parts.join(","))
        }
        _ => format!(".{step}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_v1_round_trips() {
        let document = json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}});
        let set = FieldSet::from_fields_v1(&document);
        assert_eq!(set.to_fields_v1(), document);
        assert_eq!(
            set.paths(),
            [
                ".metadata.labels",
                ".metadata.labels.app",
                ".spec.ports[port=80,protocol=\"TCP\"]",
                ".spec.ports[port=80,protocol=\"TCP\"].port",
            ]
        );
    }

    #[test]
    fn set_operations_work_on_paths_not_subtrees() {
        let mut parent = FieldSet::default();
        parent.insert(&["f:spec"]);
        let mut child = FieldSet::default();
        child.insert(&["f:spec", "f:replicas"]);
        assert!(parent.intersection(&child).is_empty());
        let mut both = parent.clone();
        both.union(&child);
        assert_eq!(both.difference(&parent), child);
    }
}
