//! `spec.ignoreDifferences`: what of an object is not compared, by JSON pointers, by jq expressions and by who wrote it.
//!
//! As Argo CD does it: what is ignored is taken out of both sides. Expressions have no time limit here.

mod expression;
mod managers;
mod restore;

use std::sync::Arc;

use serde_json::Value;

use crate::glob::Glob;
use crate::object::{group, kind, list, name, namespace, text};
use expression::Expression;

/// All rules of an Application.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    group: Glob,
    kind: Glob,
    name: String,
    namespace: String,
    ignored: Ignored,
}

/// What of one object is not compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Ignored {
    pointers: Vec<String>,
    expressions: Vec<Arc<Expression>>,
    managers: Vec<String>,
}

impl Rules {
    /// Reads `spec.ignoreDifferences`; the error is of an expression that is none.
    pub(super) fn read(rules: &Value) -> Result<Rules, String> {
        let texts = |value: &Value| list(value).iter().map(|one| text(one).to_owned()).collect();
        let read = |rule: &Value| {
            let expressions = list(&rule["jqPathExpressions"]).iter().map(text);
            let expressions: Result<Vec<Arc<Expression>>, String> =
                expressions.map(|code| Expression::parse(code).map(Arc::new)).collect();
            Ok(Rule {
                group: Glob::loose(text(&rule["group"])),
                kind: Glob::loose(text(&rule["kind"])),
                name: text(&rule["name"]).to_owned(),
                namespace: text(&rule["namespace"]).to_owned(),
                ignored: Ignored {
                    pointers: texts(&rule["jsonPointers"]),
                    expressions: expressions?,
                    managers: texts(&rule["managedFieldsManagers"]),
                },
            })
        };
        list(rules).iter().map(read).collect::<Result<Vec<Rule>, String>>().map(Rules)
    }

    /// What they say of an object.
    pub(super) fn of(&self, object: &Value) -> Ignored {
        let mut ignored = Ignored::default();
        let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        for rule in &self.0 {
            if rule.group.matches(group(object))
                && rule.kind.matches(kind(object))
                && fits(&rule.name, name(object))
                && fits(&rule.namespace, namespace(object))
            {
                ignored.pointers.extend(rule.ignored.pointers.iter().cloned());
                ignored.expressions.extend(rule.ignored.expressions.iter().cloned());
                ignored.managers.extend(rule.ignored.managers.iter().cloned());
            }
        }
        ignored
    }
}

impl Ignored {
    pub(super) fn is_nothing(&self) -> bool {
        self.pointers.is_empty() && self.expressions.is_empty() && self.managers.is_empty()
    }

    /// Both sides without what is ignored.
    pub(super) fn taken_out(&self, target: &Value, live: &Value) -> (Value, Value) {
        let (mut target, mut live) = (target.clone(), live.clone());
        managers::take_out(&self.managers, &mut target, &mut live);
        for side in [&mut target, &mut live] {
            for pointer in &self.pointers {
                take_out_pointer(side, pointer);
            }
            for expression in &self.expressions {
                expression.take_out(side);
            }
        }
        (target, live)
    }

    /// Makes `target` have what `live` has where it is ignored.
    pub(super) fn keep(&self, live: &Value, target: &mut Value) {
        if self.is_nothing() {
            return;
        }
        let mut live = live.clone();
        if let Value::Object(fields) = &mut live {
            // It is not a sync's to write.
            fields.remove("status");
        }
        let (without, live_without) = self.taken_out(target, &live);
        *target = without;
        restore::restore(target, &live, &live_without);
    }
}

fn take_out_pointer(object: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&last)),
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse::<usize>().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    fn mk(rule: &Value) -> Rules {
        Rules::read(&json!([rule])).unwrap()
    }

    #[test]
    fn rules_are_for_the_objects_they_name() {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n"}});
        for (rule, expected) in [
            (json!({"group": "apps", "kind": "Deployment"}), true),
            (json!({"group": "*", "kind": "*"}), true),
            (json!({"group": "ap*", "kind": "Deploy*"}), true),
            (json!({"kind": "Deployment"}), false),
            (json!({"group": "apps", "kind": "Deployment", "name": "b"}), false),
            (json!({"group": "apps", "kind": "Deployment", "name": "a", "namespace": "n"}), true),
        ] {
            let mut with = rule.clone();
            with["jsonPointers"] = json!(["/spec"]);
            assert_eq!(!mk(&with).of(&object).is_nothing(), expected, "{rule}");
        }
        assert!(Rules::read(&json!([{"jqPathExpressions": [".a["]}])).is_err());
    }

    #[test]
    fn what_is_ignored_is_on_neither_side() {
        let object = |replicas: u8, image: &str| {
            json!({"kind": "X", "metadata": {"managedFields": [{"manager": "hpa", "fieldsV1": {"f:spec": {"f:max": {}}}}]},
                "spec": {"replicas": replicas, "max": replicas, "same": 1,
                    "containers": [{"name": "a", "image": "i"}, {"name": "b", "image": image}]}})
        };
        let rules = mk(&json!({"kind": "X", "jsonPointers": ["/spec/replicas", "/none/of/these"],
            "jqPathExpressions": [".spec.containers[] | select(.name == \"b\") | .image", ".missing.below"],
            "managedFieldsManagers": ["hpa"]}));
        let (target, live) = (object(1, "x"), object(2, "y"));
        let (target, live) = rules.of(&target).taken_out(&target, &live);
        assert_eq!(
            target["spec"],
            json!({"same": 1, "containers": [{"name": "a", "image": "i"}, {"name": "b"}]})
        );
        assert_eq!(target["spec"], live["spec"]);
    }

    #[test]
    fn what_is_ignored_is_kept_when_something_else_is_written() {
        let live = json!({"kind": "X", "data": {"a": "theirs", "b": "1", "extra": "x"},
            "spec": {"containers": [{"name": "a", "image": "theirs", "args": ["1"]}, {"name": "b"}]}});
        let mut target = json!({"kind": "X", "data": {"a": "ours", "b": "2"},
            "spec": {"containers": [{"name": "b"}, {"name": "a", "image": "ours", "args": ["2"]}]}});
        let rules = mk(&json!({"kind": "X", "jsonPointers": ["/data/a", "/data/extra"],
            "jqPathExpressions": [".spec.containers[].image"]}));
        rules.of(&live).keep(&live, &mut target);
        assert_eq!(
            target,
            json!({"kind": "X", "data": {"a": "theirs", "b": "2", "extra": "x"},
            "spec": {"containers": [{"name": "b"}, {"name": "a", "image": "theirs", "args": ["2"]}]}})
        );
    }
}
