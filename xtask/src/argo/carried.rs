//! What the lab's controllers make of workloads, carried to a real cluster, which has no controllers: ReplicaSets, Pods,
//! EndpointSlices, and what stands in a status. Argo CD judges health by it, and gates look at it.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::clients::{Bench, printed};

/// What has a status that counts, or an owner; owners before what they own.
const KINDS: &str = "deployments,ingresses,services,replicasets,pods,endpointslices";
/// Given by each server.
const GIVEN: &[&str] =
    &["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "finalizers"];

/// Makes the real cluster more like the lab's; the number of objects that were not. An object whose owner is new comes with the
/// next call.
pub(crate) fn carry(bench: &Bench, side: &str) -> anyhow::Result<usize> {
    let ours = list(bench, &format!("eks-blueprint-{side}"))?;
    let theirs = list(bench, &format!("real-{side}"))?;
    let made: Vec<Value> = ours.iter().filter_map(|our| owned(our, &theirs)).collect();
    let stati: Vec<Value> = theirs.iter().filter_map(|real| status(real, &ours)).collect();
    let gone: Vec<&Value> =
        theirs.iter().filter(|real| is_owned(real) && !ours.iter().any(|our| is_same(our, real))).collect();
    apply(bench, side, &made, "")?;
    apply(bench, side, &stati, "--subresource=status")?;
    for object in &gone {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let script = format!(
            "kubectl --context real-{side} delete {} {} -n {} --ignore-not-found --grace-period=0 --force --wait=false",
            text(&object["kind"]),
            text(&object["metadata"]["name"]),
            text(&object["metadata"]["namespace"]),
        );
        bench.sh(&script);
    }
    Ok(made.len() + stati.len() + gone.len())
}

fn list(bench: &Bench, context: &str) -> anyhow::Result<Vec<Value>> {
    let output = bench.sh(&format!("kubectl --context {context} get {KINDS} -A -o json"));
    let list: Value = serde_json::from_slice(&output.stdout).with_context(|| printed(&output))?;
    let place = |item: &Value| item["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let is_workload = |item: &Value| place(item) != "default" && !place(item).starts_with("kube-");
    Ok(list["items"].as_array().into_iter().flatten().filter(|item| is_workload(item)).cloned().collect())
}

fn apply(bench: &Bench, side: &str, items: &[Value], flag: &str) -> anyhow::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let script = format!(
        "kubectl --context real-{side} apply --server-side --force-conflicts --field-manager lab-copy {flag} -f - <<'END'\n{list}\nEND"
    );
    let applied = bench.sh(&script);
    // What was deleted in between has no status; the next look sees that.
    if !applied.status.success() && !printed(&applied).contains("NotFound") {
        bail!("{side}: workloads cannot be carried: {}", printed(&applied));
    }
    Ok(())
}

fn is_same(one: &Value, other: &Value) -> bool {
    let same = |key: &str| one["metadata"][key] == other["metadata"][key];
    one["kind"] == other["kind"] && same("name") && same("namespace")
}

/// Made by a controller, not by Argo CD.
fn is_owned(object: &Value) -> bool {
    ["ReplicaSet", "Pod", "EndpointSlice"].iter().any(|kind| object["kind"] == *kind)
}

/// The lab's object for the real cluster, when its owner is there and it is not, or has other endpoints.
fn owned(our: &Value, theirs: &[Value]) -> Option<Value> {
    if !is_owned(our) || !our["metadata"]["deletionTimestamp"].is_null() {
        return None;
    }
    let mut made = our.clone();
    made.as_object_mut()?.remove("status");
    let metadata = made["metadata"].as_object_mut()?;
    for key in GIVEN {
        metadata.remove(*key);
    }
    for owner in metadata.get_mut("ownerReferences")?.as_array_mut()? {
        let is_owner = |real: &&Value| {
            let named = real["kind"] == owner["kind"] && real["metadata"]["name"] == owner["name"];
            named && real["metadata"]["namespace"] == our["metadata"]["namespace"]
        };
        owner["uid"] = theirs.iter().find(is_owner)?["metadata"]["uid"].clone();
    }
    // Identifiers of the lab's.
    for endpoint in made.get_mut("endpoints").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(target) = endpoint.get_mut("targetRef").and_then(Value::as_object_mut) {
            target.remove("uid");
        }
    }
    let parts = ["endpoints", "ports"];
    let is_there =
        |real: &Value| is_same(real, our) && parts.iter().all(|key| is_in(&made[*key], &real[*key]));
    (!theirs.iter().any(is_there)).then_some(made)
}

/// True when everything of the first is in the second; a server adds to what it is given.
fn is_in(given: &Value, held: &Value) -> bool {
    match (given, held) {
        (Value::Null, _) => true,
        (Value::Object(given), Value::Object(held)) => {
            given.iter().all(|(key, value)| is_in(value, held.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Object(given), Value::Null) => given.is_empty(),
        (Value::Array(given), Value::Array(held)) => {
            given.len() == held.len() && given.iter().zip(held).all(|(given, held)| is_in(given, held))
        }
        _ => given == held,
    }
}

/// The status for one real object, when it has another. A controller names the generation that it has seen.
fn status(real: &Value, ours: &[Value]) -> Option<Value> {
    let our = ours.iter().find(|our| is_same(our, real))?;
    let mut status = our.get("status")?.clone();
    if status.get("observedGeneration").is_some() {
        status["observedGeneration"] = real["metadata"]["generation"].clone();
    }
    (!is_in(&status, &real["status"])).then(|| {
        json!({
            "apiVersion": real["apiVersion"],
            "kind": real["kind"],
            "metadata": { "name": real["metadata"]["name"], "namespace": real["metadata"]["namespace"] },
            "status": status,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_seen_is_the_real_one() {
        let object = |generation: u8, status: Value| {
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "status": status,
                    "metadata": { "name": "a", "namespace": "b", "generation": generation } })
        };
        let our = object(7, json!({ "replicas": 3, "observedGeneration": 7 }));
        let carried =
            status(&object(1, json!({})), std::slice::from_ref(&our)).unwrap_or_default()["status"].clone();
        assert_eq!(carried, json!({ "replicas": 3, "observedGeneration": 1 }));
        assert!(status(&object(1, carried), &[our]).is_none());
    }

    #[test]
    fn what_is_owned_comes_with_its_owner() {
        let object = |kind: &str, name: &str, uid: &str, owner: &str| {
            json!({ "kind": kind, "metadata": { "name": name, "namespace": "n", "uid": uid,
                    "ownerReferences": [{ "kind": "ReplicaSet", "name": owner, "uid": "lab" }] } })
        };
        let pod = object("Pod", "p", "lab-pod", "r");
        assert!(owned(&pod, &[]).is_none());
        let real = object("ReplicaSet", "r", "real", "d");
        let made = owned(&pod, std::slice::from_ref(&real)).unwrap_or_default();
        assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], "real");
        assert!(made["metadata"]["uid"].is_null());
        assert!(owned(&pod, &[real, pod.clone()]).is_none());
    }
}
