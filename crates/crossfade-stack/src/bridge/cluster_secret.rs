//! The cluster secret: a cluster as Argo CD knows it, with the metadata that ApplicationSets read.
//!
//! It holds no token: Argo CD runs in the cluster and uses its own service account.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ARGOCD_NAMESPACE, BridgeInput, EnabledAddOn, ROUTE53_WEIGHT};
use crate::text::PlainValue;

/// What a secret of the namespace means to Argo CD.
pub const SECRET_TYPE_LABEL: &str = "argocd.argoproj.io/secret-type";
/// The value of [`SECRET_TYPE_LABEL`] of a cluster.
pub const SECRET_TYPE_CLUSTER: &str = "cluster";
/// The API server as the pods of the cluster reach it.
pub const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";

/// The secret of one cluster.
pub fn cluster_secret(input: &BridgeInput) -> Value {
    let name = input.cluster.name.as_str();
    let config = json!({ "tlsClientConfig": { "insecure": false } });
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": ARGOCD_NAMESPACE,
            "labels": labels(input),
            "annotations": annotations(input),
        },
        "type": "Opaque",
        "data": {
            "name": STANDARD.encode(name),
            "server": STANDARD.encode(IN_CLUSTER_SERVER),
            "config": STANDARD.encode(config.to_string()),
        },
    })
}

/// What generators select by.
pub fn labels(input: &BridgeInput) -> BTreeMap<String, String> {
    let cluster = &input.cluster;
    let mut labels: BTreeMap<String, String> = [
        (SECRET_TYPE_LABEL, SECRET_TYPE_CLUSTER),
        ("cluster_name", cluster.name.as_str()),
        ("environment", cluster.environment.as_str()),
        ("kubernetes_version", cluster.kubernetes_version.as_str()),
        ("enable_argocd", "true"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    labels.extend(input.disabled.iter().map(|add_on| (add_on.label(), "false".to_owned())));
    labels.extend(input.enabled.iter().map(|add_on| (add_on.label(), "true".to_owned())));
    labels
}

/// What templates read.
pub fn annotations(input: &BridgeInput) -> BTreeMap<String, String> {
    // What was said before and what add-ons say go first, so that none can replace a fact of the cluster.
    let mut annotations = input.more_annotations.clone();
    annotations.extend(input.enabled.iter().flat_map(EnabledAddOn::annotations));
    let weights = input.weights.apps.iter().map(|(app, weight)| (app.weight_key(), weight.to_string()));
    annotations.extend(weights);
    let facts = facts(input).into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
    annotations.extend(facts);
    annotations.insert(ROUTE53_WEIGHT.to_owned(), input.weights.shared.to_string());
    annotations
}

fn facts(input: &BridgeInput) -> [(&'static str, Option<&str>); 19] {
    let BridgeInput { cluster, workloads, add_ons, .. } = input;
    [
        ("cluster_name", Some(cluster.name.as_str())),
        ("environment", Some(cluster.environment.as_str())),
        ("env", Some(cluster.service_name.as_str())),
        ("aws_cluster_name", Some(cluster.name.as_str())),
        ("aws_region", Some(cluster.region.as_str())),
        ("aws_account_id", Some(cluster.account_id.as_str())),
        ("aws_vpc_id", cluster.vpc_id.as_ref().map(PlainValue::as_str)),
        ("cluster_endpoint", cluster.endpoint.as_ref().map(PlainValue::as_str)),
        ("eks_cluster_domain", Some(cluster.domain.as_str())),
        (
            "aws_secret_manager_git_private_ssh_key_name",
            input.git_key_secret_name.as_ref().map(PlainValue::as_str),
        ),
        ("gitops_workloads_url", Some(workloads.url.as_str())),
        ("gitops_workloads_path", Some(workloads.path.as_str())),
        ("gitops_workloads_revision", Some(workloads.revision.as_str())),
        ("addons_repo_url", Some(add_ons.url.as_str())),
        ("addons_repo_basepath", Some(add_ons.base_path.as_str())),
        ("addons_repo_path", Some(add_ons.path.as_str())),
        ("addons_repo_revision", Some(add_ons.revision.as_str())),
        ("external_dns_policy", Some(input.external_dns_policy.as_str())),
        ("ingress_type", Some(input.ingress_type.as_str())),
    ]
}
