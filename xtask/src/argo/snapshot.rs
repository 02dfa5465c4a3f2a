//! One cluster at one moment: its ApplicationSets, its Applications and what these manage, as values that can be compared.
//!
//! Lists whose order means nothing become maps, and what is of one run only (times, identifiers) is left out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::clients::{Bench, printed};

/// Objects by `Kind namespace/name`.
pub(super) type Objects = BTreeMap<String, Value>;

/// Of one run only.
const OF_ONE_RUN: &[&str] = &["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"];
/// Times in the status of an Application or ApplicationSet, wherever they are.
const TIMES: &[&str] = &[
    "reconciledAt",
    "startedAt",
    "finishedAt",
    "deployStartedAt",
    "deployedAt",
    "lastTransitionTime",
    "observedAt",
];

/// Looked at whether an Application names some or not: what one leaves behind has its mark.
const ALWAYS: &[&str] =
    &["ConfigMap", "Deployment.apps", "Ingress.networking.k8s.io", "Namespace", "Secret", "Service"];

/// What a client-side apply remembers.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What Argo CD, or the lab's agent, made of a cluster.
pub(super) struct Snapshot {
    pub(super) sets: Objects,
    pub(super) applications: Objects,
    /// What the Applications name as theirs, and whatever carries their tracking annotation.
    pub(super) managed: Objects,
}

impl Snapshot {
    /// Looks at `context`.
    pub(super) fn take(bench: &Bench, context: &str) -> anyhow::Result<Snapshot> {
        let sets = list(bench, context, "applicationsets.argoproj.io -n argocd")?;
        let applications = list(bench, context, "applications.argoproj.io -n argocd")?;
        let resources = || {
            let all =
                applications.iter().filter_map(|application| application["status"]["resources"].as_array());
            all.flatten()
        };
        let named: BTreeSet<String> = resources()
            .map(|resource| key(resource["kind"].as_str(), &resource["namespace"], &resource["name"]))
            .collect();
        // A kind that the server does not know cannot be asked for.
        let known = bench.sh(&format!(
            "kubectl --context {context} api-resources --no-headers | awk '{{split($(NF-2), version, \"/\"); \
             print $NF (version[2] ? \".\" version[1] : \"\")}}'"
        ));
        let known = String::from_utf8_lossy(&known.stdout).into_owned();
        let kinds: BTreeSet<String> = resources()
            .filter_map(|resource| Some((resource["kind"].as_str()?, resource["group"].as_str())))
            .map(|(kind, group)| group.map_or_else(|| kind.to_owned(), |group| format!("{kind}.{group}")))
            .chain(ALWAYS.iter().map(|kind| (*kind).to_owned()))
            .filter(|kind| known.lines().any(|known| known == kind))
            .filter(|kind| !kind.ends_with(".argoproj.io"))
            .collect();
        let kinds: Vec<String> = kinds.into_iter().collect();
        let live = list(bench, context, &format!("{} -A", kinds.join(",")))?;
        let managed = live.into_iter().filter(|object| {
            object["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"].is_string()
                || named.contains(&key_of(object))
        });
        let keyed = |objects: Vec<Value>| {
            objects.into_iter().map(|object| (key_of(&object), comparable(object))).collect()
        };
        Ok(Snapshot {
            managed: managed
                .map(|mut object| {
                    // Controllers write it, and not Argo CD.
                    object.as_object_mut().map(|object| object.remove("status"));
                    (key_of(&object), comparable(object))
                })
                .collect(),
            sets: keyed(sets),
            applications: keyed(applications),
        })
    }

    /// An Application.
    pub(super) fn application(&self, name: &str) -> &Value {
        self.applications.get(&format!("Application argocd/{name}")).unwrap_or(&Value::Null)
    }

    /// True when an Application has a condition of this type.
    pub(super) fn has_condition(&self, application: &str, kind: &str) -> bool {
        self.application(application)["status"]["conditions"].get(kind).is_some()
    }
}

fn list(bench: &Bench, context: &str, what: &str) -> anyhow::Result<Vec<Value>> {
    let output = bench.sh(&format!("kubectl --context {context} get {what} -o json"));
    if !output.status.success() {
        bail!("{context}: {}", printed(&output));
    }
    let list: Value = serde_json::from_slice(&output.stdout).with_context(|| printed(&output))?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

fn key_of(object: &Value) -> String {
    key(object["kind"].as_str(), &object["metadata"]["namespace"], &object["metadata"]["name"])
}

fn key(kind: Option<&str>, namespace: &Value, name: &Value) -> String {
    let name = name.as_str().unwrap_or_default();
    match namespace.as_str() {
        Some(namespace) if !namespace.is_empty() => {
            format!("{} {namespace}/{name}", kind.unwrap_or_default())
        }
        _ => format!("{} {name}", kind.unwrap_or_default()),
    }
}

/// Without what is of one run only; lists whose members have names, as maps.
fn comparable(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in OF_ONE_RUN {
            metadata.remove(*key);
        }
        // JSON as text: the order of its keys means nothing.
        let applied = metadata.get_mut("annotations").and_then(|all| all.get_mut(LAST_APPLIED));
        if let Some(applied) = applied
            && let Some(parsed) = applied.as_str().and_then(|text| serde_json::from_str(text).ok())
        {
            *applied = parsed;
        }
        let owners = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut);
        for owner in owners.into_iter().flatten().filter_map(Value::as_object_mut) {
            owner.remove("uid");
        }
    }
    if let Some(status) = object.get_mut("status") {
        without_times(status);
        if let Some(message) = status.pointer_mut("/operationState/message") {
            without_tries(message);
        }
        for (list, naming) in [
            ("resources", by_resource as fn(&Value) -> String),
            ("conditions", by_type as fn(&Value) -> String),
            ("applicationStatus", by_application as fn(&Value) -> String),
        ] {
            if let Some(list) = status.get_mut(list) {
                into_map(list, naming);
            }
        }
        if let Some(results) = status.pointer_mut("/operationState/syncResult/resources") {
            into_map(results, by_resource);
        }
    }
    object
}

/// Which try is the next, and when it comes, is chance.
fn without_tries(message: &mut Value) {
    let begins = [". Retrying attempt #", "Retrying operation. Attempt #"];
    if let Some(text) = message.as_str()
        && let Some(place) = begins.iter().find_map(|begin| text.find(begin))
    {
        *message = text[..place].into();
    }
}

fn by_resource(item: &Value) -> String {
    key(item["kind"].as_str(), &item["namespace"], &item["name"])
}

fn by_type(item: &Value) -> String {
    item["type"].as_str().unwrap_or_default().to_owned()
}

fn by_application(item: &Value) -> String {
    item["application"].as_str().unwrap_or_default().to_owned()
}

/// Members of one name stay apart: the second one's says that it is the second.
fn into_map(list: &mut Value, naming: fn(&Value) -> String) {
    let Value::Array(items) = list.take() else { return };
    let mut map = Map::new();
    for item in items {
        let mut name = naming(&item);
        while map.contains_key(&name) {
            name.push_str(" again");
        }
        map.insert(name, item);
    }
    *list = Value::Object(map);
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !TIMES.contains(&key.as_str()));
            map.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_resources_and_times_mean_nothing() {
        let one = json!({"kind": "Service", "namespace": "a", "name": "b", "status": "Synced"});
        let other = json!({"kind": "Node", "name": "c"});
        let object = |resources: Value, at: &str| {
            comparable(
                json!({"metadata": {"name": "x", "uid": at}, "status": {"resources": resources, "reconciledAt": at}}),
            )
        };
        assert_eq!(object(json!([one, other]), "1"), object(json!([other, one]), "2"));
        assert_ne!(object(json!([one, one]), "1"), object(json!([one]), "1"));
    }
}
