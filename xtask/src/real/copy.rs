//! What runs in the lab's clusters, as objects of the real ones: the lab's load balancers carry the requests, and the real
//! API servers hold what crossfade and DNS controllers read and write.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use crate::clients::{Bench, printed};

/// Everything of the workloads, in the order in which it is applied.
pub(crate) const WORKLOADS: &str =
    "namespaces,ingressclasses,services,ingresses,endpointslices,deployments,replicasets,pods";
/// What a server or a controller of the lab's gave: the real server gives its own. Nobody is there to end a finalizer.
const GIVEN: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "ownerReferences",
    "finalizers",
    "generateName",
];

/// Copies one side's objects of these kinds.
pub(crate) fn copy(bench: &Bench, side: &str, kinds: &str, scratch: &Path) -> anyhow::Result<()> {
    let listed = bench.sh(&format!("kubectl --context eks-blueprint-{side} get {kinds} -A -o json"));
    let list: Value =
        serde_json::from_slice(&listed.stdout).with_context(|| format!("{side}: {}", printed(&listed)))?;
    let items: Vec<Value> = list["items"].as_array().into_iter().flatten().filter_map(as_new).collect();
    if items.is_empty() {
        bail!("the lab's {side} has no workloads");
    }
    let stati: Vec<Value> = items.iter().filter_map(status_of).collect();
    let items: Vec<Value> = items
        .into_iter()
        .map(|mut item| {
            item.as_object_mut().map(|item| item.remove("status"));
            item
        })
        .collect();
    apply(bench, side, &items, scratch, "")?;
    apply(bench, side, &stati, scratch, "--subresource=status")
}

fn apply(bench: &Bench, side: &str, items: &[Value], scratch: &Path, flag: &str) -> anyhow::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let file = scratch.join("copied.json");
    std::fs::write(&file, list.to_string()).with_context(|| file.display().to_string())?;
    let script = format!(
        "kubectl --context real-{side} apply --server-side --field-manager lab-copy {flag} -f {}",
        file.display()
    );
    let applied = bench.sh(&script);
    if !applied.status.success() {
        bail!("{side}: the workloads cannot be copied: {}", printed(&applied));
    }
    Ok(())
}

/// An object that can be applied elsewhere; `None` for what every cluster has of its own.
fn as_new(item: &Value) -> Option<Value> {
    let mut item = item.clone();
    let metadata = item["metadata"].as_object_mut()?;
    let text = |metadata: &Map<String, Value>, key: &str| {
        metadata.get(key).and_then(Value::as_str).map(str::to_owned)
    };
    let place = text(metadata, "namespace").or_else(|| text(metadata, "name"))?;
    if place == "default" || place.starts_with("kube-") {
        return None;
    }
    for key in GIVEN {
        metadata.remove(*key);
    }
    Some(item)
}

/// The status with the name of its object.
fn status_of(item: &Value) -> Option<Value> {
    let status = item.get("status")?;
    // Its status is the server's own.
    if item["kind"] == "Namespace" {
        return None;
    }
    Some(json!({
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "metadata": { "name": item["metadata"]["name"], "namespace": item["metadata"]["namespace"] },
        "status": status,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_gave_is_left_out() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "status": { "phase": "Running" },
            "metadata": { "name": "a", "namespace": "team", "uid": "1", "labels": { "app": "a" } },
        });
        let copied = as_new(&pod).unwrap_or_default();
        assert_eq!(copied["metadata"], json!({ "name": "a", "namespace": "team", "labels": { "app": "a" } }));
        assert_eq!(status_of(&copied).unwrap_or_default()["status"]["phase"], "Running");
        let own = json!({ "kind": "Service", "metadata": { "name": "kubernetes", "namespace": "default" } });
        assert!(as_new(&own).is_none());
    }
}
