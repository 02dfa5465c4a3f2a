//! What the agent puts into a cluster before it begins: namespace, definitions of Argo CD's kinds, the default project.

use serde_json::{Value, json};

use crate::names::{API_VERSION, GROUP, NAMESPACE};

/// The kinds of Argo CD.
pub(crate) const KINDS: [&str; 3] = ["Application", "ApplicationSet", "AppProject"];

pub(crate) fn namespace() -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
}

pub(crate) fn default_project() -> Value {
    json!({"apiVersion": API_VERSION, "kind": "AppProject",
    "metadata": {"name": "default", "namespace": NAMESPACE},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"namespace": "*", "server": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }})
}

/// The definitions. Their schemas say only what every such object has: the agent takes what Argo CD takes.
pub(crate) fn definitions() -> [Value; 3] {
    let column = |name: &str, path: &str| json!({"name": name, "jsonPath": path, "type": "string"});
    let later =
        |name: &str, path: &str| json!({"name": name, "jsonPath": path, "type": "string", "priority": 10});
    let open = || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let application = definition(
        "applications",
        &["Application", "application"],
        &["app", "apps"],
        &json!([
            column("Sync Status", ".status.sync.status"),
            column("Health Status", ".status.health.status"),
            later("Revision", ".status.sync.revision"),
            later("Project", ".spec.project"),
        ]),
        &json!({"spec": open(), "status": open(), "operation": open()}),
        false,
    );
    let application_set = definition(
        "applicationsets",
        &["ApplicationSet", "applicationset"],
        &["appset", "appsets"],
        &json!([]),
        &json!({"spec": open(), "status": open()}),
        true,
    );
    let project = definition(
        "appprojects",
        &["AppProject", "appproject"],
        &["appproj", "appprojs"],
        &json!([]),
        &json!({"spec": open(), "status": open()}),
        false,
    );
    [application, application_set, project]
}

fn definition(
    plural: &str,
    kind_and_singular: &[&str; 2],
    short: &[&str],
    columns: &Value,
    properties: &Value,
    has_status: bool,
) -> Value {
    let [kind, singular] = kind_and_singular;
    let mut version = json!({
        "name": "v1alpha1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "required": ["metadata", "spec"], "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}}},
    });
    if let Value::Object(properties) = properties {
        for (name, schema) in properties {
            version["schema"]["openAPIV3Schema"]["properties"][name] = schema.clone();
        }
    }
    if columns.as_array().is_some_and(|columns| !columns.is_empty()) {
        version["additionalPrinterColumns"] = columns.clone();
    }
    if has_status {
        version["subresources"] = json!({"status": {}});
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{GROUP}"),
            "labels": {"app.kubernetes.io/name": format!("{plural}.{GROUP}"), "app.kubernetes.io/part-of": "argocd"},
        },
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": singular,
                "shortNames": short,
            },
            "versions": [version],
        },
    })
}
