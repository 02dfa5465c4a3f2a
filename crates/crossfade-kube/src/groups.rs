//! Weight groups as a cluster shows them: an Ingress (or a LoadBalancer Service) whose annotations carry a weight.

mod agents;
mod backends;

pub use agents::{Agents, is_argo_cd};
pub use backends::{Backends, backends, ready_pods};

use std::collections::BTreeMap;

use crossfade_api::annotations::{
    ALB_LISTEN_PORTS, AWS_WEIGHT, EXTERNAL_DNS_ALPHA_PREFIX, EXTERNAL_DNS_PREFIX, ExternalDnsAnnotations,
};
use crossfade_core::{GroupName, Weight};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::{Cluster, FIELD_MANAGER, KubeError};

/// Kinds that can be a knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnobKind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// A Service of type LoadBalancer with a hostname annotation.
    Service,
}

/// One knob and what hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knob {
    /// `namespace/name`; a Service is `service/namespace/name`.
    pub group: GroupName,
    /// Its kind.
    pub kind: KnobKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its version when it was read.
    pub resource_version: String,
    /// Its hosts, sorted.
    pub hosts: Vec<String>,
    /// Its weight, or why the annotation is none.
    pub weight: Result<Weight, String>,
    /// The annotations that carry the weight (one, or one per prefix).
    pub weight_keys: Vec<String>,
    /// The set identifier.
    pub set_identifier: Option<String>,
    /// The load balancer's name or address from the status.
    pub load_balancer: Option<String>,
    /// The Services behind it.
    pub services: Vec<String>,
    /// The port that users connect to.
    pub port: u16,
    /// Whether they speak TLS there.
    pub tls: bool,
    /// Its label `app`: whose `<app>_route53_weight` feeds it.
    pub app: Option<String>,
    /// The agent that keeps the object, as far as the object itself tells.
    pub kept_by: Option<String>,
}

impl Knob {
    /// A DNS controller is told to keep a weighted record for it.
    pub fn is_weighted(&self) -> bool {
        self.set_identifier.is_some() || !self.weight_keys.is_empty()
    }
}

/// All knobs of a cluster: objects with a weight or a set identifier and at least one host.
pub async fn knobs(cluster: &Cluster) -> Result<Vec<Knob>, KubeError> {
    let mut knobs = objects_with_hosts(cluster).await?;
    knobs.retain(Knob::is_weighted);
    Ok(knobs)
}

/// All objects with at least one host, weighted or not.
pub async fn objects_with_hosts(cluster: &Cluster) -> Result<Vec<Knob>, KubeError> {
    let ingresses: Api<Ingress> = Api::all(cluster.client.clone());
    let services: Api<Service> = Api::all(cluster.client.clone());
    let all = ListParams::default();
    let ingresses = ingresses.list(&all).await.map_err(|error| cluster.error("list ingresses", error))?;
    let services = services.list(&all).await.map_err(|error| cluster.error("list services", error))?;
    let mut knobs: Vec<Knob> = ingresses.items.iter().filter_map(knob_of_ingress).collect();
    knobs.extend(services.items.iter().filter_map(knob_of_service));
    Ok(knobs)
}

/// One knob again, or `None` when the object is gone or has no host any more.
pub async fn read_knob(cluster: &Cluster, knob: &Knob) -> Result<Option<Knob>, KubeError> {
    let action = || format!("read {}", knob.group);
    match knob.kind {
        KnobKind::Ingress => {
            let api: Api<Ingress> = Api::namespaced(cluster.client.clone(), &knob.namespace);
            let found = api.get_opt(&knob.name).await.map_err(|error| cluster.error(action(), error))?;
            Ok(found.as_ref().and_then(knob_of_ingress))
        }
        KnobKind::Service => {
            let api: Api<Service> = Api::namespaced(cluster.client.clone(), &knob.namespace);
            let found = api.get_opt(&knob.name).await.map_err(|error| cluster.error(action(), error))?;
            Ok(found.as_ref().and_then(knob_of_service))
        }
    }
}

/// Writes a weight if the object is still the one that was read.
pub async fn write_weight(cluster: &Cluster, knob: &Knob, weight: Weight) -> Result<(), KubeError> {
    let annotations: BTreeMap<&str, String> =
        knob.weight_keys.iter().map(|key| (key.as_str(), weight.to_string())).collect();
    let patch = Patch::Merge(json!({
        "metadata": { "annotations": annotations, "resourceVersion": knob.resource_version }
    }));
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let action = || format!("set the weight of {} to {weight}", knob.group);
    match knob.kind {
        KnobKind::Ingress => {
            let api: Api<Ingress> = Api::namespaced(cluster.client.clone(), &knob.namespace);
            api.patch_metadata(&knob.name, &params, &patch)
                .await
                .map_err(|error| cluster.error(action(), error))?;
        }
        KnobKind::Service => {
            let api: Api<Service> = Api::namespaced(cluster.client.clone(), &knob.namespace);
            api.patch_metadata(&knob.name, &params, &patch)
                .await
                .map_err(|error| cluster.error(action(), error))?;
        }
    }
    Ok(())
}

/// The HTTPS port when an Ingress says nothing about ports but has a certificate.
const HTTPS_PORT: u16 = 443;
/// The port of an Ingress without either.
const HTTP_PORT: u16 = 80;

fn knob_of_ingress(ingress: &Ingress) -> Option<Knob> {
    let spec = ingress.spec.as_ref()?;
    let rules = spec.rules.as_deref().unwrap_or_default();
    let mut hosts: Vec<String> = rules.iter().filter_map(|rule| rule.host.clone()).collect();
    hosts.extend(spec.tls.iter().flatten().flat_map(|tls| tls.hosts.clone().unwrap_or_default()));
    hosts.extend(hosts_of_annotation(&ingress.metadata));
    let backends = rules.iter().filter_map(|rule| rule.http.as_ref()).flat_map(|http| &http.paths);
    let backends = backends.map(|path| &path.backend).chain(spec.default_backend.as_ref());
    let services = backends.filter_map(|backend| Some(backend.service.as_ref()?.name.clone())).collect();
    let status =
        ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref()?.first());
    let load_balancer = status.and_then(|status| status.hostname.clone().or_else(|| status.ip.clone()));
    let tls = spec.tls.as_ref().is_some_and(|tls| !tls.is_empty()) || listens_to_https(&ingress.metadata);
    mk_knob(
        KnobKind::Ingress,
        ingress,
        hosts,
        services,
        load_balancer,
        if tls { HTTPS_PORT } else { HTTP_PORT },
        tls,
    )
}

fn knob_of_service(service: &Service) -> Option<Knob> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() != Some("LoadBalancer") {
        return None;
    }
    let status =
        service.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref()?.first());
    let load_balancer = status.and_then(|status| status.hostname.clone().or_else(|| status.ip.clone()));
    let port = spec.ports.as_ref()?.first().and_then(|port| u16::try_from(port.port).ok())?;
    let hosts = hosts_of_annotation(&service.metadata);
    mk_knob(KnobKind::Service, service, hosts, vec![service.name_any()], load_balancer, port, false)
}

fn mk_knob(
    kind: KnobKind,
    object: &impl ResourceExt,
    mut hosts: Vec<String>,
    services: Vec<String>,
    load_balancer: Option<String>,
    port: u16,
    tls: bool,
) -> Option<Knob> {
    let meta = object.meta();
    let annotations = ExternalDnsAnnotations::new(object.annotations());
    let set_identifier = annotations.set_identifier().ok().flatten().map(String::from);
    let weight_keys: Vec<String> = [EXTERNAL_DNS_PREFIX, EXTERNAL_DNS_ALPHA_PREFIX]
        .iter()
        .map(|prefix| format!("{prefix}{AWS_WEIGHT}"))
        .filter(|key| object.annotations().contains_key(key))
        .collect();
    hosts.sort();
    hosts.dedup();
    if hosts.is_empty() {
        return None;
    }
    let weight = match annotations.weight() {
        Ok(Some(weight)) => Ok(weight),
        Ok(None) => Err(format!("there is no {AWS_WEIGHT} annotation")),
        Err(error) => Err(error.to_string()),
    };
    let (namespace, name) = (object.namespace()?, object.name_any());
    let group = match kind {
        KnobKind::Ingress => format!("{namespace}/{name}"),
        KnobKind::Service => format!("service/{namespace}/{name}"),
    };
    Some(Knob {
        group: GroupName(group),
        kind,
        resource_version: object.resource_version().unwrap_or_default(),
        hosts,
        weight,
        weight_keys,
        set_identifier,
        load_balancer,
        services,
        port,
        tls,
        app: object.labels().get("app").cloned(),
        kept_by: agents::kept_by_mark(meta),
        namespace,
        name,
    })
}

fn hosts_of_annotation(meta: &ObjectMeta) -> Vec<String> {
    let Some(annotations) = &meta.annotations else { return Vec::new() };
    // A host that is none is the DNS controller's to report; it has no record and so no weight.
    let hosts = ExternalDnsAnnotations::new(annotations).hostnames().unwrap_or_default();
    hosts.iter().map(|host| host.without_dot().to_owned()).collect()
}

/// `alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'`
fn listens_to_https(meta: &ObjectMeta) -> bool {
    let annotations = meta.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(ALB_LISTEN_PORTS))
        .is_some_and(|ports| ports.contains("HTTPS"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn mk_ingress(annotations: &serde_json::Value) -> Ingress {
        serde_json::from_value(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "namespace": "team-burnham", "name": "burnham-ingress", "resourceVersion": "7", "annotations": annotations },
            "spec": { "rules": [{ "host": "burnham.example.org", "http": { "paths": [{
                "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "burnham", "port": { "number": 80 } } }
            }] } }] },
            "status": { "loadBalancer": { "ingress": [{ "hostname": "k8s-x.eu-west-1.elb.amazonaws.com" }] } },
        }))
        .unwrap()
    }

    #[test]
    fn reads_the_ingress_of_the_pattern() {
        let knob = knob_of_ingress(&mk_ingress(&json!({
            "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTP\": 80,\"HTTPS\": 443}]",
            "external-dns.alpha.kubernetes.io/set-identifier": "eks-blueprint-blue",
            "external-dns.alpha.kubernetes.io/aws-weight": "100",
        })))
        .unwrap();
        assert_eq!(knob.group.0, "team-burnham/burnham-ingress");
        assert_eq!(knob.weight, Ok(Weight::new(100)));
        assert_eq!(
            (knob.port, knob.tls, knob.services.as_slice()),
            (443, true, ["burnham".to_owned()].as_slice())
        );
    }

    #[test]
    fn names_the_annotation_of_a_bad_weight() {
        let key = "external-dns.alpha.kubernetes.io/aws-weight";
        let knob = knob_of_ingress(&mk_ingress(&json!({ key: "300" }))).unwrap();
        let message = knob.weight.unwrap_err();
        assert!(message.contains(key) && message.contains("300"), "{message}");
    }

    #[test]
    fn the_newer_prefix_wins_and_both_are_written() {
        let knob = knob_of_ingress(&mk_ingress(&json!({
            "external-dns.alpha.kubernetes.io/aws-weight": "1",
            "external-dns.kubernetes.io/aws-weight": "2",
        })))
        .unwrap();
        assert_eq!((knob.weight, knob.weight_keys.len()), (Ok(Weight::new(2)), 2));
    }

    #[test]
    fn an_ingress_without_weight_is_no_knob() {
        assert!(!knob_of_ingress(&mk_ingress(&json!({}))).unwrap().is_weighted());
    }
}
