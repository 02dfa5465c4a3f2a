//! What controllers say about workloads in the lab, carried to a real cluster, which has no controllers. Argo CD judges health
//! by it.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::clients::{Bench, printed};

/// The kinds whose health is in their status.
const KINDS: &str = "deployments,ingresses,services";

/// Gives the real cluster's objects the status that the lab's have, where both are there and differ; the number of those.
pub(super) fn carry(bench: &Bench, side: &str) -> anyhow::Result<usize> {
    let list = |context: &str| -> anyhow::Result<Vec<Value>> {
        let output = bench.sh(&format!("kubectl --context {context} get {KINDS} -A -o json"));
        let list: Value = serde_json::from_slice(&output.stdout).with_context(|| printed(&output))?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    };
    let ours = list(&format!("eks-blueprint-{side}"))?;
    let theirs = list(&format!("real-{side}"))?;
    let changed: Vec<Value> = theirs.iter().filter_map(|real| carried(real, &ours)).collect();
    if changed.is_empty() {
        return Ok(0);
    }
    let items = json!({ "apiVersion": "v1", "kind": "List", "items": changed });
    let script = format!(
        "kubectl --context real-{side} apply --server-side --force-conflicts --field-manager lab-copy --subresource=status -f - <<'END'\n{items}\nEND"
    );
    let applied = bench.sh(&script);
    // What was deleted in between has no status; the next look sees that.
    if !applied.status.success() && !printed(&applied).contains("NotFound") {
        bail!("{side}: stati cannot be carried: {}", printed(&applied));
    }
    Ok(changed.len())
}

/// The status for one real object, when it has another. A controller names the generation that it has seen.
fn carried(real: &Value, ours: &[Value]) -> Option<Value> {
    let same = |key: &str, our: &Value| our["metadata"][key] == real["metadata"][key];
    let our =
        ours.iter().find(|our| our["kind"] == real["kind"] && same("name", our) && same("namespace", our))?;
    let mut status = our.get("status")?.clone();
    if status.get("observedGeneration").is_some() {
        status["observedGeneration"] = real["metadata"]["generation"].clone();
    }
    (status != real["status"]).then(|| {
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
        let status =
            carried(&object(1, json!({})), std::slice::from_ref(&our)).unwrap_or_default()["status"].clone();
        assert_eq!(status, json!({ "replicas": 3, "observedGeneration": 1 }));
        assert!(carried(&object(1, status), &[our]).is_none());
    }
}
