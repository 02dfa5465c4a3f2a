//! The one node of a cluster, and the other objects that are there before anybody applies anything.

use std::net::Ipv4Addr;

use crossfade_lab_kube::ResourceId;
use serde_json::{Value, json};

use super::{Cluster, kinds, object};
use crate::error::LabError;
use crate::ingress::{ALB_CLASS, ALB_CONTROLLER};

/// The node's address in the pattern's first private subnet, below those of the pods.
pub(super) fn address(cluster_index: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 40, 4 + u8::try_from(cluster_index % 12).unwrap_or_default())
}

/// As EC2 names its instances.
pub(super) fn name(address: Ipv4Addr, region: &str) -> String {
    let [a, b, c, d] = address.octets();
    format!("ip-{a}-{b}-{c}-{d}.{region}.compute.internal")
}

/// `1.33` is said as `v1.33.0`.
fn full_version(version: &str) -> String {
    let version = version.trim_start_matches('v');
    if version.matches('.').count() == 1 { format!("v{version}.0") } else { format!("v{version}") }
}

impl Cluster {
    pub(super) fn create_objects(&self) -> Result<(), LabError> {
        let class = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": { "name": ALB_CLASS }, "spec": { "controller": ALB_CONTROLLER },
        });
        self.create_first(&kinds::ingress_classes(), class)?;
        let version = full_version(&self.kubernetes_version);
        let zone = format!("{}a", self.infrastructure.region);
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": self.node_name, "labels": {
                "kubernetes.io/hostname": self.node_name, "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64", "node.kubernetes.io/instance-type": "m5.large",
                "topology.kubernetes.io/region": self.infrastructure.region,
                "topology.kubernetes.io/zone": zone,
            } },
            "spec": { "providerID": format!("aws:///{zone}/{}", self.node_name) },
        });
        let mut node = self.create_first(&kinds::nodes(), node)?;
        let now = object::now();
        let capacity = json!({ "cpu": "2", "memory": "8Gi", "pods": "110" });
        node["status"] = json!({
            "addresses": [
                { "type": "InternalIP", "address": self.node_ip.to_string() },
                { "type": "Hostname", "address": self.node_name },
            ],
            "capacity": capacity, "allocatable": capacity,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady",
                "message": "kubelet is posting ready status", "lastHeartbeatTime": now, "lastTransitionTime": now,
            }],
            "nodeInfo": {
                "architecture": "amd64", "operatingSystem": "linux", "osImage": "crossfade lab",
                "kernelVersion": "0", "containerRuntimeVersion": "crossfade://lab",
                "kubeletVersion": version, "kubeProxyVersion": version,
                "bootID": "", "machineID": "", "systemUUID": "",
            },
        });
        self.store.update_status(&kinds::nodes(), node).map_err(|error| self.refused("its node", &error))?;
        Ok(())
    }

    fn create_first(&self, kind: &ResourceId, value: Value) -> Result<Value, LabError> {
        let what = format!("{} {}", value["kind"].as_str().unwrap_or_default(), object::name(&value));
        let created = self.store.create(kind, value).map_err(|error| self.refused(&what, &error))?;
        Ok(Value::clone(&created))
    }

    fn refused(&self, what: &str, error: &crossfade_lab_kube::ApiError) -> LabError {
        LabError::Cluster { cluster: self.name.clone(), what: what.to_owned(), text: error.to_string() }
    }
}
