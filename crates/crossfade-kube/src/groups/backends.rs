//! What serves a knob's hosts inside the cluster.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::ListParams;

use crate::groups::Knob;
use crate::{Cluster, KubeError};

/// The pods behind a knob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backends {
    /// Services without a ready endpoint.
    pub services_without_ready_pods: Vec<String>,
    /// Claims that pods behind it mount.
    pub persistent_volumes: Vec<String>,
}

/// Looks at endpoints and pods of every Service of a knob.
pub async fn backends(cluster: &Cluster, knob: &Knob) -> Result<Backends, KubeError> {
    let mut found = Backends::default();
    for (service, ready) in ready_pods(cluster, knob).await? {
        if ready == 0 {
            found.services_without_ready_pods.push(service.clone());
        }
        found.persistent_volumes.extend(persistent_volumes(cluster, &knob.namespace, &service).await?);
    }
    found.persistent_volumes.sort();
    found.persistent_volumes.dedup();
    Ok(found)
}

/// Ready endpoints of every Service of a knob: one request per Service.
pub async fn ready_pods(cluster: &Cluster, knob: &Knob) -> Result<BTreeMap<String, usize>, KubeError> {
    let mut ready = BTreeMap::new();
    for service in &knob.services {
        if !ready.contains_key(service) {
            ready.insert(service.clone(), ready_endpoints(cluster, &knob.namespace, service).await?);
        }
    }
    Ok(ready)
}

async fn ready_endpoints(cluster: &Cluster, namespace: &str, service: &str) -> Result<usize, KubeError> {
    let api: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), namespace);
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let slices = api.list(&of_service).await;
    let slices =
        slices.map_err(|error| cluster.error(format!("list endpoints of {namespace}/{service}"), error))?;
    let endpoints = slices.items.iter().flat_map(|slice| &slice.endpoints);
    // "A nil value should be interpreted as true" (EndpointConditions.ready).
    Ok(endpoints
        .filter(|endpoint| endpoint.conditions.as_ref().and_then(|c| c.ready).unwrap_or(true))
        .count())
}

async fn persistent_volumes(
    cluster: &Cluster,
    namespace: &str,
    service: &str,
) -> Result<Vec<String>, KubeError> {
    let services: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
    let action = || format!("read the pods of {namespace}/{service}");
    let found = services.get_opt(service).await.map_err(|error| cluster.error(action(), error))?;
    let selector = found.and_then(|service| service.spec?.selector).unwrap_or_default();
    if selector.is_empty() {
        return Ok(Vec::new());
    }
    let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let pods = pods.list(&ListParams::default().labels(&selector.join(","))).await;
    let pods = pods.map_err(|error| cluster.error(action(), error))?;
    let volumes = pods.items.into_iter().filter_map(|pod| pod.spec?.volumes).flatten();
    Ok(volumes.filter_map(|volume| Some(volume.persistent_volume_claim?.claim_name)).collect())
}
