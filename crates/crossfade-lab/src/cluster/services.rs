//! Which pods stand behind a Service: EndpointSlices, and Endpoints for those who still read them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crossfade_lab_kube::ApiError;
use serde_json::{Value, json};

use super::object::{has_condition, is_deleting, name, namespace, owner_reference, selects, uid};
use super::{Cluster, kinds};
use crate::balancer::Target;

const SERVICE_LABEL: &str = "kubernetes.io/service-name";

impl Cluster {
    /// Brings the endpoints of one Service to the pods that it selects.
    pub(super) fn reconcile_endpoints(&self, service: &Value) -> Result<(), ApiError> {
        if service["spec"]["selector"].as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(());
        }
        let pods = self.pods_behind(service)?;
        self.write_slice(service, &pods)?;
        self.write_endpoints(service, &pods)
    }

    /// Pods with an address that a Service selects, ready or not, in the order of their names.
    fn pods_behind(&self, service: &Value) -> Result<Vec<Arc<Value>>, ApiError> {
        let (pods, _) = self.store.list(&kinds::pods(), Some(namespace(service)))?;
        let mut pods: Vec<Arc<Value>> = pods
            .into_iter()
            .filter(|pod| {
                selects(&service["spec"]["selector"], pod)
                    && pod["status"]["podIP"].is_string()
                    && !is_deleting(pod)
                    // Those that have ended are endpoints of nothing.
                    && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
            })
            .collect();
        pods.sort_by(|one, other| name(one).cmp(name(other)));
        Ok(pods)
    }

    /// The ready pods behind one port of a Service that listen on it.
    pub(crate) fn targets(&self, service: &Value, port: &Value) -> Result<Vec<Target>, ApiError> {
        let pods = self.pods_behind(service)?;
        let ready = pods.iter().filter(|pod| has_condition(pod, "Ready"));
        Ok(ready
            .filter_map(|pod| {
                let pod_ip: Ipv4Addr = pod["status"]["podIP"].as_str()?.parse().ok()?;
                let port = target_port(port, pod)?;
                let socket = self.pods.socket(pod, port)?;
                Some(Target { pod_ip, port, socket })
            })
            .collect())
    }

    fn write_slice(&self, service: &Value, pods: &[Arc<Value>]) -> Result<(), ApiError> {
        let endpoints: Vec<Value> = pods
            .iter()
            .map(|pod| {
                let ready = has_condition(pod, "Ready");
                json!({
                    "addresses": [pod["status"]["podIP"]],
                    "conditions": { "ready": ready, "serving": ready, "terminating": false },
                    "nodeName": pod["spec"]["nodeName"], "targetRef": reference(pod),
                })
            })
            .collect();
        let ports: Vec<Value> = ports_for(service, pods)
            .map(|(entry, port)| {
                let port_name = entry["name"].as_str().unwrap_or_default();
                json!({ "name": port_name, "port": port, "protocol": protocol(entry) })
            })
            .collect();
        let (slices, _) = self.store.list(&kinds::endpoint_slices(), Some(namespace(service)))?;
        let known = slices.iter().find(|slice| {
            slice["metadata"]["labels"][SERVICE_LABEL] == service["metadata"]["name"]
                && slice["metadata"]["ownerReferences"][0]["uid"] == uid(service)
        });
        if let Some(known) = known {
            let empty = json!([]);
            let or_empty = |value: &Value| if value.is_null() { empty.clone() } else { value.clone() };
            if or_empty(&known["endpoints"]) == Value::from(endpoints.clone())
                && or_empty(&known["ports"]) == Value::from(ports.clone())
            {
                return Ok(());
            }
            let mut slice = Value::clone(known);
            slice["endpoints"] = Value::from(endpoints);
            slice["ports"] = Value::from(ports);
            return self.store.update(&kinds::endpoint_slices(), slice).map(drop);
        }
        let prefix = format!("{}-", name(service));
        let suffix =
            super::object::suffix(&mut self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": format!("{prefix}{suffix}"), "generateName": prefix, "namespace": namespace(service),
                "labels": {
                    SERVICE_LABEL: name(service),
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": [owner_reference(service, "v1", "Service")],
            },
            "endpoints": endpoints, "ports": ports,
        });
        self.store.create(&kinds::endpoint_slices(), slice).map(drop)
    }

    fn write_endpoints(&self, service: &Value, pods: &[Arc<Value>]) -> Result<(), ApiError> {
        let (ready, not_ready): (Vec<_>, Vec<_>) = pods.iter().partition(|pod| has_condition(pod, "Ready"));
        let addresses = |pods: &[&Arc<Value>]| -> Vec<Value> {
            pods.iter()
                .map(|pod| {
                    json!({ "ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"],
                            "targetRef": reference(pod) })
                })
                .collect()
        };
        let ports: Vec<Value> = ports_for(service, pods)
            .map(|(entry, port)| {
                let mut value = json!({ "port": port, "protocol": protocol(entry) });
                if entry["name"].is_string() {
                    value["name"] = entry["name"].clone();
                }
                value
            })
            .collect();
        let mut subset = json!({ "ports": ports });
        if !ready.is_empty() {
            subset["addresses"] = Value::from(addresses(&ready));
        }
        if !not_ready.is_empty() {
            subset["notReadyAddresses"] = Value::from(addresses(&not_ready));
        }
        let subsets = if pods.is_empty() { Value::Null } else { json!([subset]) };
        match self.store.get(&kinds::endpoints(), Some(namespace(service)), name(service)) {
            Ok(known) if known["subsets"] == subsets => Ok(()),
            Ok(known) => {
                let mut known = Value::clone(&known);
                known["subsets"] = subsets;
                self.store.update(&kinds::endpoints(), known).map(drop)
            }
            Err(error) if error.is_not_found() => {
                let mut endpoints = json!({
                    "apiVersion": "v1", "kind": "Endpoints",
                    "metadata": {
                        "name": name(service), "namespace": namespace(service),
                        // The real controller ties them by name alone; here the Service takes them with it.
                        "ownerReferences": [owner_reference(service, "v1", "Service")],
                    },
                });
                if !subsets.is_null() {
                    endpoints["subsets"] = subsets;
                }
                self.store.create(&kinds::endpoints(), endpoints).map(drop)
            }
            Err(error) => Err(error),
        }
    }
}

/// The pod's port for an entry of a Service's ports: a number, or the name of a container's port.
fn target_port(entry: &Value, pod: &Value) -> Option<u16> {
    let wanted = match &entry["targetPort"] {
        Value::Null => &entry["port"],
        target => target,
    };
    if let Some(number) = wanted.as_u64() {
        return u16::try_from(number).ok();
    }
    let wanted = wanted.as_str()?;
    let containers = pod["spec"]["containers"].as_array()?;
    containers
        .iter()
        .flat_map(|container| container["ports"].as_array().into_iter().flatten())
        .find(|port| port["name"] == wanted)
        .and_then(|port| u16::try_from(port["containerPort"].as_u64()?).ok())
}

/// The Service's ports with the pods' numbers for them. Pods of one Service that give one name different numbers would
/// need a subset each; the first pod decides here.
fn ports_for<'a>(service: &'a Value, pods: &'a [Arc<Value>]) -> impl Iterator<Item = (&'a Value, u16)> {
    let first = pods.first();
    let entries = service["spec"]["ports"].as_array().into_iter().flatten();
    entries.filter_map(move |entry| Some((entry, target_port(entry, first?)?)))
}

fn protocol(entry: &Value) -> &str {
    entry["protocol"].as_str().unwrap_or("TCP")
}

fn reference(pod: &Value) -> Value {
    json!({ "kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_ports_are_numbers_or_names_of_container_ports() {
        let pod =
            json!({ "spec": { "containers": [{ "ports": [{ "name": "web", "containerPort": 8080 }] }] } });
        assert_eq!(target_port(&json!({ "port": 80 }), &pod), Some(80));
        assert_eq!(target_port(&json!({ "port": 80, "targetPort": 81 }), &pod), Some(81));
        assert_eq!(target_port(&json!({ "port": 80, "targetPort": "web" }), &pod), Some(8080));
        assert_eq!(target_port(&json!({ "port": 80, "targetPort": "no" }), &pod), None);
    }
}
