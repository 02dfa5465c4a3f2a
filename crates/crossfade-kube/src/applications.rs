//! Argo CD's Applications as far as a weight passes through them. Reads, and asks Argo CD to look again; never syncs.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::error::is_absent;
use crate::{Cluster, FIELD_MANAGER, KubeError};

/// Asks Argo CD to compare at once.
const REFRESH: &str = "argocd.argoproj.io/refresh";

/// Whether what is declared is what is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Synced, no operation running.
    Done,
    /// An operation runs, or the last comparison found a difference that is going to be synced.
    Running,
    /// No operation runs, and none will before somebody mends what [`Application::trouble`] says: it cannot be rendered, its
    /// last sync failed, or nobody syncs it.
    Stuck,
}

/// One Application.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// An ApplicationSet made it.
    pub made_by_set: bool,
    /// The values of its Helm sources.
    pub helm_values: Vec<Value>,
    /// How far it is.
    pub sync: Sync,
    /// What it keeps.
    pub keeps: Vec<Kept>,
    /// What Argo CD says is wrong with it, in one line.
    pub trouble: Option<String>,
}

/// An object that an Application keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `Ingress`, `Application`, …
    pub kind: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Application {
    /// Whether it keeps this object.
    pub fn keeps(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.keeps.iter().any(|kept| kept.kind == kind && kept.namespace == namespace && kept.name == name)
    }
}

/// Every Application of a namespace; none where Argo CD is not installed.
pub async fn applications(cluster: &Cluster, namespace: &str) -> Result<Vec<Application>, KubeError> {
    match api(cluster, namespace).list(&ListParams::default()).await {
        Ok(list) => Ok(list.items.iter().map(read).collect()),
        Err(kube::Error::Api(status)) if is_absent(&status) => Ok(Vec::new()),
        Err(error) => Err(cluster.error(format!("list applications of {namespace}"), error)),
    }
}

/// Asks Argo CD to compare an Application now instead of at its next interval.
pub async fn refresh(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), KubeError> {
    let patch = json!({ "metadata": { "annotations": { REFRESH: "normal" } } });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patched = api(cluster, namespace).patch_metadata(name, &params, &Patch::Merge(&patch)).await;
    patched.map(drop).map_err(|error| cluster.error(format!("refresh Application {namespace}/{name}"), error))
}

fn api(cluster: &Cluster, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
    Api::namespaced_with(cluster.client.clone(), namespace, &ApiResource::from_gvk(&kind))
}

fn read(object: &DynamicObject) -> Application {
    let text = |pointer: &str| object.data.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let list = |pointer: &str| {
        object.data.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    };
    let one = object.data.pointer("/spec/source");
    let several = object.data.pointer("/spec/sources").and_then(Value::as_array).into_iter().flatten();
    let phase = text("/status/operationState/phase");
    let is_running = matches!(phase, "Running" | "Terminating")
        || object.data.get("operation").is_some_and(|asked| !asked.is_null());
    let is_synced = text("/status/sync/status") == "Synced";
    let is_automated = object
        .data
        .pointer("/spec/syncPolicy/automated")
        .is_some_and(|policy| !policy.is_null() && policy["enabled"].as_bool().unwrap_or(true));
    let by_hand = !is_automated && text("/status/sync/status") == "OutOfSync";
    let trouble = trouble(list("/status/conditions"), phase, text("/status/operationState/message"))
        .or_else(|| by_hand.then(|| "OutOfSync, and it has no automated sync policy".to_owned()));
    let sync = match (is_running, is_synced) {
        (false, true) => Sync::Done,
        (false, false) if trouble.is_some() => Sync::Stuck,
        _ => Sync::Running,
    };
    Application {
        name: object.name_any(),
        made_by_set: object.owner_references().iter().any(|owner| owner.kind == "ApplicationSet"),
        helm_values: one.into_iter().chain(several).filter_map(helm_values).collect(),
        sync,
        keeps: list("/status/resources").iter().map(kept).collect(),
        trouble,
    }
}

fn kept(resource: &Value) -> Kept {
    let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
    Kept { kind: text("kind"), namespace: text("namespace"), name: text("name") }
}

/// A condition that is an error, or the message of an operation that failed.
fn trouble(conditions: &[Value], phase: &str, message: &str) -> Option<String> {
    /// A line of a terminal; helm's and git's own words can be pages.
    const LENGTH_MAX: usize = 160;
    let errors = conditions.iter().filter_map(|condition| {
        let kind = condition["type"].as_str().filter(|kind| kind.ends_with("Error"))?;
        Some(format!("{kind}: {}", condition["message"].as_str().unwrap_or_default()))
    });
    let failed = matches!(phase, "Failed" | "Error").then(|| format!("sync {phase}: {message}"));
    let text = errors.into_iter().next().or(failed)?;
    let line = short(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    Some(match line.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    })
}

/// Without what Argo CD says of itself before it comes to the error: the call to its repository server, and helm's command line.
fn short(line: &str) -> String {
    let Some((kind, message)) = line.split_once(": ") else { return line.to_owned() };
    let message = message.rsplit_once(" desc = ").map_or(message, |(_, error)| error);
    let of_helm = message.split_once("` failed exit status ").and_then(|(_, rest)| rest.split_once(": "));
    format!("{kind}: {}", of_helm.map_or(message, |(_, error)| error))
}

/// `valuesObject` wins over `values`, as in Argo CD. Text that is no YAML is no values; Argo CD says so itself.
fn helm_values(source: &Value) -> Option<Value> {
    let helm = source.get("helm")?;
    if let Some(object) = helm.get("valuesObject").filter(|object| !object.is_null()) {
        return Some(object.clone());
    }
    serde_saphyr::from_str(helm.get("values")?.as_str()?).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn mk(spec: &Value, status: &Value) -> Application {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": { "name": "x", "ownerReferences": [{ "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "s", "uid": "1" }] },
            "spec": spec, "status": status,
        });
        read(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn reads_values_of_every_source_and_how_far_it_is() {
        let spec = json!({ "sources": [{ "ref": "values", "helm": { "values": "a: 1\n" } }, { "helm": { "valuesObject": { "b": 2 } } }] });
        let synced = json!({ "sync": { "status": "Synced" }, "operationState": { "phase": "Succeeded" } });
        let application = mk(&spec, &synced);
        assert_eq!(application.helm_values, [json!({ "a": 1 }), json!({ "b": 2 })]);
        assert!(application.made_by_set);
        assert_eq!(application.sync, Sync::Done);
        let running = json!({ "sync": { "status": "Synced" }, "operationState": { "phase": "Running" } });
        assert_eq!(mk(&json!({}), &running).sync, Sync::Running);
        let automated = json!({ "syncPolicy": { "automated": {} } });
        assert_eq!(mk(&automated, &json!({ "sync": { "status": "OutOfSync" } })).sync, Sync::Running);
    }

    #[test]
    fn what_waits_for_somebody_is_stuck_and_what_runs_is_not() {
        let error = json!([{ "type": "ComparisonError", "message": "unclosed action" }]);
        let broken = |phase: &str| json!({ "sync": { "status": "Unknown" }, "conditions": error, "operationState": { "phase": phase } });
        assert_eq!(mk(&json!({}), &broken("Succeeded")).sync, Sync::Stuck);
        // Whatever began before the chart broke may still carry an older weight.
        assert_eq!(mk(&json!({}), &broken("Running")).sync, Sync::Running);
        assert_eq!(mk(&json!({}), &broken("Terminating")).sync, Sync::Running);
        let asked_for = json!({ "metadata": { "name": "x" }, "operation": { "sync": {} }, "status": broken("Succeeded") });
        assert_eq!(read(&serde_json::from_value(asked_for).unwrap()).sync, Sync::Running);
        let by_hand = mk(&json!({}), &json!({ "sync": { "status": "OutOfSync" } }));
        assert_eq!(by_hand.sync, Sync::Stuck);
        assert_eq!(by_hand.trouble.as_deref(), Some("OutOfSync, and it has no automated sync policy"));
        let switched_off = json!({ "syncPolicy": { "automated": { "enabled": false } } });
        assert_eq!(mk(&switched_off, &json!({ "sync": { "status": "OutOfSync" } })).sync, Sync::Stuck);
        let failed = json!({ "sync": { "status": "OutOfSync" }, "operationState": { "phase": "Failed", "message": "denied" } });
        assert_eq!(mk(&json!({ "syncPolicy": { "automated": {} } }), &failed).sync, Sync::Stuck);
    }

    #[test]
    fn says_what_is_wrong_in_one_line() {
        let error = json!({ "type": "ComparisonError", "message": "rpc error:\n  unclosed action" });
        let resources = json!([{ "kind": "Ingress", "namespace": "a", "name": "b" }]);
        let status = json!({
            "resources": resources, "conditions": [{ "type": "SharedResourceWarning", "message": "x" }, error],
            "operationState": { "phase": "Failed", "message": "older" },
        });
        let application = mk(&json!({}), &status);
        assert_eq!(application.trouble.as_deref(), Some("ComparisonError: rpc error: unclosed action"));
        assert!(application.keeps("Ingress", "a", "b") && !application.keeps("Ingress", "a", "c"));
        let helm = "ComparisonError: Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: \
                    code = Unknown desc = failed to execute helm template command: `helm template . --include-crds` failed \
                    exit status 1: Error: parse error at (a/templates/b.yaml:2): unclosed action";
        assert_eq!(
            short(helm),
            "ComparisonError: Error: parse error at (a/templates/b.yaml:2): unclosed action"
        );
        assert_eq!(
            short("ComparisonError: rpc error: code = X desc = no such repository"),
            "ComparisonError: no such repository"
        );
        assert_eq!(short("sync Failed: denied"), "sync Failed: denied");
        let failed = json!({ "operationState": { "phase": "Failed", "message": "é".repeat(500) } });
        assert_eq!(mk(&json!({}), &failed).trouble.unwrap().chars().count(), 161);
        assert_eq!(mk(&json!({}), &json!({})).trouble, None);
    }
}
