//! What of Argo CD is in a cluster, and who keeps it there: a release of Helm's, Terraform, or somebody else.
//!
//! Three objects that every installation has are looked at, without their data. Nothing is written.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ListParams, ObjectMeta};

use super::cluster_secret::{SecretOwner, secret_owner};
use crate::{Cluster, KubeError};

/// What Helm writes on each object of a release: the release's name, and its namespace.
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// How Terraform's provider for Helm names itself: `terraform-provider-helm_v2.13.0_x5`.
const TERRAFORM_PROVIDER: &str = "terraform-provider-";

/// An object of Argo CD's that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPart {
    /// Kind and name, for messages.
    pub what: String,
    /// Namespace and name of the release that it is of; `None` when Helm did not bring it.
    pub release: Option<(String, String)>,
    /// Terraform's field manager, where it wrote the object.
    pub terraform: Option<String>,
}

impl InstalledPart {
    fn of(what: &str, meta: &ObjectMeta) -> Self {
        let annotation = |key| meta.annotations.as_ref().and_then(|all| all.get(key).cloned());
        InstalledPart {
            what: what.to_owned(),
            release: annotation(RELEASE_NAMESPACE).zip(annotation(RELEASE_NAME)),
            terraform: terraform_manager(meta),
        }
    }
}

/// The field manager of Terraform or of one of its providers.
fn terraform_manager(meta: &ObjectMeta) -> Option<String> {
    if let SecretOwner::Terraform { manager } = secret_owner(meta) {
        return Some(manager);
    }
    let managers = meta.managed_fields.iter().flatten().filter_map(|entry| entry.manager.as_deref());
    managers.into_iter().find(|manager| manager.starts_with(TERRAFORM_PROVIDER)).map(ToOwned::to_owned)
}

/// Those of Argo CD's objects that are there: a definition, its configuration, its secret.
pub async fn installed_parts(cluster: &Cluster, namespace: &str) -> Result<Vec<InstalledPart>, KubeError> {
    const DEFINITION: &str = "applicationsets.argoproj.io";
    const CONFIGURATION: &str = "argocd-cm";
    const SECRET: &str = "argocd-secret";
    let mut parts = Vec::new();
    let client = || cluster.client.clone();
    let failed = |what: &str, error| cluster.error(format!("look at {what}"), error);

    let definitions: Api<CustomResourceDefinition> = Api::all(client());
    let found = definitions.get_metadata_opt(DEFINITION).await;
    let found = found.map_err(|error| failed(DEFINITION, error))?;
    parts.extend(
        found.map(|found| InstalledPart::of(&format!("the definition {DEFINITION}"), &found.metadata)),
    );

    let configurations: Api<ConfigMap> = Api::namespaced(client(), namespace);
    let found = configurations.get_metadata_opt(CONFIGURATION).await;
    let found = found.map_err(|error| failed(CONFIGURATION, error))?;
    parts.extend(
        found.map(|found| InstalledPart::of(&format!("the ConfigMap {CONFIGURATION}"), &found.metadata)),
    );

    let secrets: Api<Secret> = Api::namespaced(client(), namespace);
    let found = secrets.get_metadata_opt(SECRET).await;
    let found = found.map_err(|error| failed(SECRET, error))?;
    parts.extend(found.map(|found| InstalledPart::of(&format!("the Secret {SECRET}"), &found.metadata)));
    Ok(parts)
}

/// The field manager of Terraform on what Helm keeps about a release. Objects of the release may have been written by others
/// since; this is written by whoever runs Helm.
pub async fn terraform_of_release(
    cluster: &Cluster,
    namespace: &str,
    release: &str,
) -> Result<Option<String>, KubeError> {
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let of_release = ListParams::default().labels(&format!("owner=helm,name={release}"));
    let list = secrets.list_metadata(&of_release).await;
    let list = list.map_err(|error| cluster.error(format!("list what Helm keeps about {release}"), error))?;
    Ok(list.items.iter().find_map(|secret| terraform_manager(&secret.metadata)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    fn mk_part(annotations: &serde_json::Value, managers: &[&str]) -> InstalledPart {
        let fields: Vec<_> = managers
            .iter()
            .map(|manager| json!({ "manager": manager, "operation": "Update", "apiVersion": "v1" }))
            .collect();
        let meta = json!({ "name": "x", "annotations": annotations, "managedFields": fields });
        InstalledPart::of("it", &serde_json::from_value(meta).unwrap())
    }

    #[test]
    fn an_object_of_a_release_names_it() {
        let part = mk_part(&json!({ RELEASE_NAME: "argo-cd", RELEASE_NAMESPACE: "argocd" }), &["helm"]);
        assert_eq!(part.release, Some(("argocd".to_owned(), "argo-cd".to_owned())));
        assert_eq!(part.terraform, None);
        assert_eq!(mk_part(&json!({}), &["kubectl-client-side-apply"]).release, None);
    }

    #[test]
    fn terraform_and_its_providers_are_recognised() {
        for manager in ["terraform-provider-helm_v2.13.0_x5", "HashiCorp", "Terraform"] {
            let part = mk_part(&json!({}), &["argocd-server", manager]);
            assert_eq!(part.terraform.as_deref(), Some(manager));
        }
        assert_eq!(mk_part(&json!({}), &["helm", "crossfade"]).terraform, None);
    }
}
