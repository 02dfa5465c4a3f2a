//! The GitOps bridge in a cluster: its objects applied, its cluster secret read and written, Argo CD's admin password kept.
//!
//! What the objects say is decided elsewhere. Weights of a secret that exists are changed by [`write_annotation`] alone, with
//! the version that was seen; nothing here decides that they may be.

mod admin_password;
mod argo_cd;
mod cluster_secret;
mod kept_secret;

pub use admin_password::{AdminPasswordState, PasswordError, admin_password_state, hash_password};
pub use argo_cd::{InstalledPart, installed_parts, terraform_of_release};
pub use cluster_secret::{
    ClusterSecret, SecretOwner, cluster_secrets, read_cluster_secret, secret_owner, write_annotation,
};
pub use kept_secret::KeptSecret;

use std::time::{Duration, Instant};

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::pinned_kind;
use serde_json::Value;

use crate::apply::{Manifest, apply};
use crate::error::is_absent;
use crate::{Cluster, KubeError};

/// What is defined is served a moment before the server says so of itself; it takes some seconds after many definitions.
const DISCOVERED_WITHIN: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// True when the cluster knows ApplicationSets: Argo CD's definitions are there, and can be discovered.
pub async fn knows_application_sets(cluster: &Cluster) -> Result<bool, KubeError> {
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "ApplicationSet");
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &ApiResource::from_gvk(&kind));
    match api.list(&ListParams::default().limit(1)).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if is_absent(&status) => return Ok(false),
        Err(error) => return Err(cluster.error("list applicationsets", error)),
    }
    let began = Instant::now();
    loop {
        match pinned_kind(&cluster.client, &kind).await {
            Ok(_) => return Ok(true),
            Err(kube::Error::Discovery(_)) if began.elapsed() < DISCOVERED_WITHIN => {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Err(error) => return Err(cluster.error("discover applicationsets", error)),
        }
    }
}

/// Applies the bridge's objects in their order, as field manager `crossfade`, taking over fields.
pub async fn apply_bridge(cluster: &Cluster, objects: &[Value]) -> Result<(), KubeError> {
    let manifests: Vec<Manifest> = objects
        .iter()
        .map(|object| Manifest::from_value("the bridge", object.clone()))
        .collect::<Result<_, _>>()?;
    apply(cluster, &manifests).await
}
