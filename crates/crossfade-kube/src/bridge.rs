//! The GitOps bridge in a cluster: its cluster secret read and written, Argo CD's admin password kept. [`crate::apply`]
//! applies its objects.
//!
//! What the objects say is decided elsewhere. Weights of a secret that exists are changed by [`write_annotation`] alone, with
//! the version that was seen; nothing here decides that they may be.

mod admin_password;
mod argo_cd;
mod cluster_secret;
mod kept_secret;
mod registration;

pub use admin_password::{AdminPasswordState, PasswordError, admin_password_state, hash_password};
pub use argo_cd::{InstalledPart, installed_parts, terraform_of_release};
pub use cluster_secret::{
    ClusterSecret, SecretOwner, cluster_secrets, read_cluster_secret, secret_owner, write_annotation,
};
pub use kept_secret::KeptSecret;
pub use registration::{Registration, registration, registrations};

use std::time::{Duration, Instant};

use crate::error::is_absent;
use crate::{Cluster, KubeError};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::pinned_kind;

/// What is defined is served a moment before the server says so of itself; it takes some seconds after many definitions.
const DISCOVERED_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// True when the cluster knows ApplicationSets: Argo CD's definitions are there, and can be discovered.
pub async fn knows_application_sets(cluster: &Cluster) -> Result<bool, KubeError> {
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "ApplicationSet");
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &ApiResource::from_gvk(&kind));
    let began = Instant::now();
    loop {
        let may_come = began.elapsed() < DISCOVERED_WITHIN;
        match api.list(&ListParams::default().limit(1)).await {
            Ok(_) => match pinned_kind(&cluster.client, &kind).await {
                Ok(_) => return Ok(true),
                Err(kube::Error::Discovery(_)) if may_come => {}
                Err(error) => return Err(cluster.error("discover applicationsets", error)),
            },
            Err(kube::Error::Api(status)) if is_absent(&status) => {
                if !may_come || !is_defined(cluster).await {
                    return Ok(false);
                }
            }
            Err(error) => return Err(cluster.error("list applicationsets", error)),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the definition is there, served or not. Whoever may not look has to do without waiting.
async fn is_defined(cluster: &Cluster) -> bool {
    let definitions: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    matches!(definitions.get_metadata_opt("applicationsets.argoproj.io").await, Ok(Some(_)))
}
