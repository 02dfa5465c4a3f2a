//! A Service of type LoadBalancer asks for a record for each host of its `hostname` annotation.

use std::collections::BTreeMap;

use crossfade_api::annotations::ExternalDnsAnnotations;
use crossfade_core::dns::SourceObject;
use k8s_openapi::api::core::v1::Service;

use super::{SourceKind, SourceOptions, held, object};

/// What a Service asks for. One of another type, or one that is not for us, asks for nothing.
pub fn service_object(service: &Service, options: &SourceOptions) -> SourceObject {
    let empty = BTreeMap::new();
    let annotations = service.metadata.annotations.as_ref().unwrap_or(&empty);
    let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let resource = SourceKind::Service.label(namespace, name);
    let read = ExternalDnsAnnotations::new(annotations);
    let service_type = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    if service_type != Some("LoadBalancer") || !read.is_for_dns_controller() {
        return SourceObject::asking(resource, Vec::new());
    }
    match read.hostnames() {
        Ok(hosts) => object(resource, annotations, &hosts, &targets(service), options),
        Err(error) => held(resource, error),
    }
}

/// `spec.externalIPs` where there are any, else the load balancer's addresses.
fn targets(service: &Service) -> Vec<String> {
    let external = service.spec.as_ref().and_then(|spec| spec.external_ips.clone()).unwrap_or_default();
    if !external.is_empty() {
        return external;
    }
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    status
        .and_then(|status| status.ingress.as_ref())
        .into_iter()
        .flatten()
        .flat_map(|entry| [entry.ip.clone(), entry.hostname.clone()])
        .flatten()
        .filter(|target| !target.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use crossfade_core::dns::HoldReason;
    use serde_json::{Value, json};

    use super::*;

    fn mk_service() -> Value {
        json!({
            "metadata": {"name": "yelb", "namespace": "geordie", "annotations": {
                "external-dns.alpha.kubernetes.io/hostname": "yelb.example.org",
                "external-dns.alpha.kubernetes.io/set-identifier": "blue",
                "external-dns.alpha.kubernetes.io/aws-weight": "0",
            }},
            "spec": {"type": "LoadBalancer"},
            "status": {"loadBalancer": {"ingress": [{"hostname": "yelb-1.elb.eu-west-1.amazonaws.com"}]}},
        })
    }

    fn read(service: &Value) -> SourceObject {
        service_object(&serde_json::from_value(service.clone()).unwrap(), &SourceOptions::default())
    }

    #[test]
    fn asks_for_a_record_of_its_annotated_host() {
        let object = read(&mk_service());
        assert_eq!(object.endpoints[0].targets, ["yelb-1.elb.eu-west-1.amazonaws.com"]);
        assert_eq!(object.resource.0, "service/geordie/yelb");
    }

    #[test]
    fn takes_external_addresses_first() {
        let mut service = mk_service();
        service["spec"]["externalIPs"] = json!(["192.0.2.7"]);
        assert_eq!(read(&service).endpoints[0].targets, ["192.0.2.7"]);
    }

    #[test]
    fn asks_for_nothing_without_host_or_as_another_type() {
        let mut service = mk_service();
        service["spec"]["type"] = json!("ClusterIP");
        assert!(read(&service).endpoints.is_empty());
        let mut service = mk_service();
        service["metadata"]["annotations"] = json!({});
        let object = read(&service);
        assert!(object.endpoints.is_empty() && object.hold.is_none());
    }

    #[test]
    fn is_held_without_an_address() {
        let mut service = mk_service();
        service["status"] = json!({});
        assert_eq!(read(&service).hold, Some(HoldReason::NoAddress));
    }
}
