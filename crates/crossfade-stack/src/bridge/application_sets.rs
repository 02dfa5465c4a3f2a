//! The two ApplicationSets that start everything: `bootstrap-addons` and `bootstrap-workloads`, as the pattern has them.
//!
//! They hold no fact of a cluster: all of it comes from the cluster secret when Argo CD renders them. The selector excludes a
//! label that nobody sets; being a selector, it makes Argo CD leave out the cluster it runs in unless a secret names it.
//!
//! `bootstrap-workloads` hands on every annotation `<app>_route53_weight`, so that an application can have a weight of its
//! own; the pattern hands on three keys that it names.

use serde_json::{Value, json};

use super::ARGOCD_NAMESPACE;

/// The ApplicationSet of the add-ons, and the Application that it makes.
pub const BOOTSTRAP_ADD_ONS: &str = "bootstrap-addons";
/// The ApplicationSet of the workloads; its Application is `bootstrap-workloads-<cluster>`.
pub const BOOTSTRAP_WORKLOADS: &str = "bootstrap-workloads";

/// The values that the app-of-apps chart gets, as a Go template over the metadata of a cluster secret.
const WORKLOAD_VALUES: &str = include_str!("workload-values.yaml.gotmpl");

fn registered_clusters() -> Value {
    json!({
        "clusters": {
            "selector": {
                "matchExpressions": [{
                    "key": "akuity.io/argo-cd-cluster-name",
                    "operator": "NotIn",
                    "values": ["in-cluster"],
                }],
            },
        },
    })
}

/// Applies every manifest of the add-ons directory: one ApplicationSet per add-on. Written for Argo CD's older template
/// engine, where an unknown key stays in the text as it is.
pub fn bootstrap_add_ons() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": { "name": BOOTSTRAP_ADD_ONS, "namespace": ARGOCD_NAMESPACE },
        "spec": {
            "syncPolicy": { "preserveResourcesOnDeletion": true },
            "generators": [registered_clusters()],
            "template": {
                "metadata": { "name": BOOTSTRAP_ADD_ONS },
                "spec": {
                    "project": "default",
                    "source": {
                        "repoURL": "{{metadata.annotations.addons_repo_url}}",
                        "path": "{{metadata.annotations.addons_repo_path}}",
                        "targetRevision": "{{metadata.annotations.addons_repo_revision}}",
                        "directory": { "recurse": true, "exclude": "exclude/*" },
                    },
                    "destination": { "namespace": ARGOCD_NAMESPACE, "name": "{{name}}" },
                    "syncPolicy": { "automated": {} },
                },
            },
        },
    })
}

/// Applies the app-of-apps chart with what the cluster secret says.
pub fn bootstrap_workloads() -> Value {
    let directories = json!({
        "git": {
            "repoURL": "{{ .metadata.annotations.gitops_workloads_url }}",
            "revision": "{{ .metadata.annotations.gitops_workloads_revision }}",
            "directories": [{ "path": "{{ .metadata.annotations.gitops_workloads_path }}/*" }],
        },
    });
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": { "name": BOOTSTRAP_WORKLOADS, "namespace": ARGOCD_NAMESPACE },
        "spec": {
            "goTemplate": true,
            "syncPolicy": { "preserveResourcesOnDeletion": true },
            "generators": [{ "matrix": { "generators": [registered_clusters(), directories] } }],
            "template": {
                "metadata": { "name": "bootstrap-workloads-{{ .name }}" },
                "spec": {
                    "project": "default",
                    "sources": [{
                        "repoURL": "{{ .metadata.annotations.gitops_workloads_url }}",
                        "targetRevision": "{{ .metadata.annotations.gitops_workloads_revision }}",
                        "ref": "values",
                        "path": "{{ .metadata.annotations.gitops_workloads_path }}",
                        "helm": {
                            "releaseName": "bootstrap-workloads-{{ .name }}",
                            "ignoreMissingValueFiles": true,
                            "values": WORKLOAD_VALUES,
                        },
                    }],
                    "destination": { "name": "{{ .name }}" },
                    "syncPolicy": {
                        "automated": {},
                        "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
                    },
                },
            },
        },
    })
}
