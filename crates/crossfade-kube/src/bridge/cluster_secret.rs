//! The cluster secret as it is: its metadata, its version, and who else writes it.
//!
//! Its data is never read here: what is said there is how to reach the cluster, which the caller already does.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams};
use kube::core::PartialObjectMeta;
use serde_json::json;

use crate::{Cluster, FIELD_MANAGER, KubeError};

/// What Argo CD takes for clusters.
pub(super) const SELECTOR: &str = "argocd.argoproj.io/secret-type=cluster";
/// Field managers of Terraform: its Kubernetes provider names itself by the first word of its user agent,
/// `HashiCorp/1.0 Terraform/<version>`; `Terraform` is what providers that apply name themselves by default.
const TERRAFORM_MANAGERS: [&str; 2] = ["HashiCorp", "Terraform"];

/// A cluster secret without its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSecret {
    /// The secret's name; with the bridge, the cluster's.
    pub name: String,
    /// What generators select by.
    pub labels: BTreeMap<String, String>,
    /// What templates read; weights among it.
    pub annotations: BTreeMap<String, String>,
    /// To write what was seen and nothing else.
    pub resource_version: String,
    /// Who would put a change back.
    pub owner: SecretOwner,
}

/// Who writes a secret besides us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOwner {
    /// Terraform: its next `apply` writes what `main.tf` says.
    Terraform {
        /// The field manager that tells.
        manager: String,
    },
    /// Nobody who would put a change back.
    Nobody,
}

/// Whether Terraform owns a field of an object.
pub fn secret_owner(meta: &ObjectMeta) -> SecretOwner {
    let managers = meta.managed_fields.iter().flatten().filter_map(|entry| entry.manager.as_deref());
    let is_terraform =
        |manager: &&str| TERRAFORM_MANAGERS.iter().any(|known| known.eq_ignore_ascii_case(manager));
    match managers.into_iter().find(is_terraform) {
        Some(manager) => SecretOwner::Terraform { manager: manager.to_owned() },
        None => SecretOwner::Nobody,
    }
}

impl ClusterSecret {
    fn of(object: PartialObjectMeta<Secret>) -> Self {
        let meta = object.metadata;
        ClusterSecret {
            owner: secret_owner(&meta),
            name: meta.name.unwrap_or_default(),
            labels: meta.labels.unwrap_or_default(),
            annotations: meta.annotations.unwrap_or_default(),
            resource_version: meta.resource_version.unwrap_or_default(),
        }
    }
}

/// One cluster secret, or none.
pub async fn read_cluster_secret(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<ClusterSecret>, KubeError> {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let found = api.get_metadata_opt(name).await;
    let found =
        found.map_err(|error| cluster.error(format!("read the cluster secret {namespace}/{name}"), error))?;
    Ok(found.map(ClusterSecret::of))
}

/// Every cluster secret of a namespace, by name.
pub async fn cluster_secrets(cluster: &Cluster, namespace: &str) -> Result<Vec<ClusterSecret>, KubeError> {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let list = api.list_metadata(&ListParams::default().labels(SELECTOR)).await;
    let list = list.map_err(|error| cluster.error(format!("list cluster secrets of {namespace}"), error))?;
    let mut secrets: Vec<ClusterSecret> = list.items.into_iter().map(ClusterSecret::of).collect();
    secrets.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(secrets)
}

/// Writes one annotation if the secret is still as it was seen; returns its new version. [`KubeError::Conflict`] when
/// somebody else has written since.
pub async fn write_annotation(
    cluster: &Cluster,
    namespace: &str,
    seen: &ClusterSecret,
    key: &str,
    value: &str,
) -> Result<String, KubeError> {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    // A merge patch that names a resourceVersion is refused when that is no longer the object's.
    let patch = json!({
        "metadata": { "resourceVersion": seen.resource_version, "annotations": { key: value } },
    });
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let action = || format!("set {key} of the cluster secret {namespace}/{}", seen.name);
    let written = api.patch_metadata(&seen.name, &params, &Patch::Merge(patch)).await;
    let written = written.map_err(|error| cluster.error(action(), error))?;
    Ok(written.metadata.resource_version.unwrap_or_default())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn owner_with(managers: &[&str]) -> SecretOwner {
        let fields: Vec<_> = managers
            .iter()
            .map(|manager| json!({ "manager": manager, "operation": "Update", "apiVersion": "v1" }))
            .collect();
        secret_owner(&serde_json::from_value(json!({ "name": "x", "managedFields": fields })).unwrap())
    }

    #[test]
    fn terraform_is_recognised_beside_others() {
        for manager in ["HashiCorp", "Terraform", "terraform"] {
            let owner = owner_with(&["crossfade", manager]);
            assert_eq!(owner, SecretOwner::Terraform { manager: manager.to_owned() });
        }
    }

    #[test]
    fn others_are_not_taken_for_terraform() {
        for managers in [&[][..], &["crossfade"], &["kubectl-annotate", "argocd-application-controller"]] {
            assert_eq!(owner_with(managers), SecretOwner::Nobody, "{managers:?}");
        }
    }
}
