//! Whether a controller drives the Migrations of a cluster.
//!
//! A controller announces itself with a Lease. A lease says nothing about now by itself (clocks of two machines are never
//! compared), so whoever reads it waits for the controller to act, and acts itself when it does not.

use crossfade_api::migration::NAMESPACE;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

use crate::lease::LEASE_DURATION;
use crate::migrations::ensure_namespace;
use crate::{Cluster, FIELD_MANAGER, KubeError};

/// Marks the leases of controllers.
const LABEL: &str = "crossfade.dev/controller";
/// The zone that a controller drives.
const ZONE_ANNOTATION: &str = "crossfade.dev/zone";

/// A controller's announcement in its home.
pub struct Presence {
    api: Api<Lease>,
    cluster: Cluster,
    name: String,
    zone: String,
    identity: String,
}

impl Presence {
    /// Nothing announced yet.
    pub fn new(home: &Cluster, zone: &str, identity: &str) -> Self {
        let zone = zone.trim_end_matches('.').to_owned();
        Presence {
            api: Api::namespaced(home.client.clone(), NAMESPACE),
            cluster: home.clone(),
            name: format!("crossfade-controller-{}", zone.replace(['*', '_'], "x")),
            zone,
            identity: identity.to_owned(),
        }
    }

    /// Says that the controller is there.
    pub async fn announce(&self) -> Result<(), KubeError> {
        ensure_namespace(&self.cluster).await?;
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": self.name,
                "labels": { LABEL: "true" },
                "annotations": { ZONE_ANNOTATION: self.zone },
            },
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": LEASE_DURATION.as_secs(),
                "renewTime": MicroTime(Timestamp::now()),
            },
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patched = self.api.patch(&self.name, &params, &Patch::Apply(&lease)).await;
        patched.map(drop).map_err(|error| self.cluster.error(format!("announce {}", self.name), error))
    }

    /// Says that it is gone. A controller that cannot leaves a lease that nobody renews.
    pub async fn withdraw(&self) {
        if let Err(error) = self.api.delete(&self.name, &DeleteParams::default()).await {
            tracing::debug!(%error, "the controller's lease stays");
        }
    }
}

/// The identity of the controller that announced itself for `zone`, whether or not it still lives.
pub async fn announced(home: &Cluster, zone: &str) -> Result<Option<String>, KubeError> {
    let api: Api<Lease> = Api::namespaced(home.client.clone(), NAMESPACE);
    let labelled = ListParams::default().labels(&format!("{LABEL}=true"));
    let found = match api.list(&labelled).await {
        Ok(found) => found,
        // Whoever may not look drives alone: the zone's leases say so when it is wrong.
        Err(kube::Error::Api(status)) if status.is_forbidden() => return Ok(None),
        Err(error) => return Err(home.error("list the leases of controllers", error)),
    };
    let zone = zone.trim_end_matches('.');
    let of_zone = found.items.into_iter().find(|lease| {
        let annotations = lease.metadata.annotations.as_ref();
        annotations.and_then(|all| all.get(ZONE_ANNOTATION)).is_some_and(|found| found == zone)
    });
    Ok(of_zone.and_then(|lease| lease.spec?.holder_identity))
}
