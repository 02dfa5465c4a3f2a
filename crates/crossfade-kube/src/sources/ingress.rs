//! An Ingress asks for a record for each of its hosts, pointing at its load balancer.

use std::collections::BTreeMap;

use crossfade_api::annotations::{ExternalDnsAnnotations, HostnameSource, INGRESS_CLASS};
use crossfade_core::dns::{HoldReason, RecordName, SourceObject};
use k8s_openapi::api::networking::v1::Ingress;

use super::{SourceKind, SourceOptions, held, object};

/// What an Ingress asks for. One that is not for us asks for nothing.
pub fn ingress_object(ingress: &Ingress, options: &SourceOptions) -> SourceObject {
    let empty = BTreeMap::new();
    let annotations = ingress.metadata.annotations.as_ref().unwrap_or(&empty);
    let namespace = ingress.metadata.namespace.as_deref().unwrap_or_default();
    let name = ingress.metadata.name.as_deref().unwrap_or_default();
    let resource = SourceKind::Ingress.label(namespace, name);
    let read = ExternalDnsAnnotations::new(annotations);
    if !read.is_for_dns_controller() || !has_class(ingress, annotations, options) {
        return SourceObject::asking(resource, Vec::new());
    }
    let mut hosts = Vec::new();
    let source = read.hostname_source();
    if matches!(source, HostnameSource::All | HostnameSource::DefinedHostsOnly) {
        for text in defined_hosts(ingress) {
            match RecordName::parse(text) {
                Ok(host) => hosts.push(host),
                Err(error) => return SourceObject::held(resource, HoldReason::Invalid(error.to_string())),
            }
        }
    }
    if matches!(source, HostnameSource::All | HostnameSource::AnnotationOnly) {
        match read.hostnames() {
            Ok(annotated) => hosts.extend(annotated),
            Err(error) => return held(resource, error),
        }
    }
    hosts.sort();
    hosts.dedup();
    object(resource, annotations, &hosts, &status_targets(ingress), options)
}

fn defined_hosts(ingress: &Ingress) -> impl Iterator<Item = &str> {
    let spec = ingress.spec.iter();
    let rules =
        spec.clone().flat_map(|spec| spec.rules.iter().flatten()).filter_map(|rule| rule.host.as_deref());
    let tls = spec.flat_map(|spec| spec.tls.iter().flatten()).flat_map(|tls| tls.hosts.iter().flatten());
    rules.chain(tls.map(String::as_str)).filter(|host| !host.is_empty())
}

fn status_targets(ingress: &Ingress) -> Vec<String> {
    let status = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    status
        .and_then(|status| status.ingress.as_ref())
        .into_iter()
        .flatten()
        .flat_map(|entry| [entry.ip.clone(), entry.hostname.clone()])
        .flatten()
        .filter(|target| !target.is_empty())
        .collect()
}

fn has_class(ingress: &Ingress, annotations: &BTreeMap<String, String>, options: &SourceOptions) -> bool {
    let in_spec = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_ref());
    let class = in_spec.filter(|class| !class.is_empty()).or_else(|| annotations.get(INGRESS_CLASS));
    options.ingress_classes.is_empty() || class.is_some_and(|class| options.ingress_classes.contains(class))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing test may panic")]

    use crossfade_core::Weight;
    use crossfade_core::dns::RecordType;
    use serde_json::{Value, json};

    use super::super::EmptyStatus;
    use super::*;

    fn mk_ingress() -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "burnham-ingress", "namespace": "team-burnham", "annotations": {
                "external-dns.alpha.kubernetes.io/set-identifier": "eks-blueprint-blue",
                "external-dns.alpha.kubernetes.io/aws-weight": "100",
                "external-dns.alpha.kubernetes.io/ttl": "10",
            }},
            "spec": {"ingressClassName": "alb", "rules": [{"host": "burnham.example.org"}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "k8s-burnham-1.eu-west-1.elb.amazonaws.com"}]}},
        })
    }

    fn read(ingress: &Value) -> SourceObject {
        read_with(ingress, &SourceOptions::default())
    }

    fn read_with(ingress: &Value, options: &SourceOptions) -> SourceObject {
        ingress_object(&serde_json::from_value(ingress.clone()).unwrap(), options)
    }

    fn hosts(object: &SourceObject) -> Vec<&str> {
        object.endpoints.iter().map(|endpoint| endpoint.name.without_dot()).collect()
    }

    #[test]
    fn asks_for_a_weighted_record_of_its_host() {
        let object = read(&mk_ingress());
        assert_eq!(object.hold, None);
        let [endpoint] = object.endpoints.as_slice() else { panic!("{object:?}") };
        assert_eq!(endpoint.name.as_str(), "burnham.example.org.");
        assert_eq!(endpoint.record_type, RecordType::Cname);
        assert_eq!(endpoint.targets, ["k8s-burnham-1.eu-west-1.elb.amazonaws.com"]);
        assert_eq!(endpoint.weight, Some(Weight::new(100)));
        assert_eq!(endpoint.set_identifier.as_ref().unwrap().as_str(), "eks-blueprint-blue");
        assert_eq!(endpoint.ttl_seconds, Some(10));
        assert_eq!(endpoint.resource.0, "ingress/team-burnham/burnham-ingress");
    }

    #[test]
    fn takes_hosts_of_rules_tls_and_annotation_once_each() {
        let mut ingress = mk_ingress();
        ingress["spec"]["tls"] = json!([{"hosts": ["burnham.example.org", "tls.example.org"]}]);
        ingress["metadata"]["annotations"]["external-dns.kubernetes.io/hostname"] = json!("more.example.org");
        assert_eq!(hosts(&read(&ingress)), ["burnham.example.org", "more.example.org", "tls.example.org"]);
        let source = "external-dns.kubernetes.io/ingress-hostname-source";
        ingress["metadata"]["annotations"][source] = json!("Annotation-only");
        assert_eq!(hosts(&read(&ingress)), ["more.example.org"]);
        ingress["metadata"]["annotations"][source] = json!("something");
        assert!(read(&ingress).endpoints.is_empty());
    }

    #[test]
    fn is_held_without_an_address_unless_told_otherwise() {
        let mut ingress = mk_ingress();
        ingress["status"] = json!({"loadBalancer": {}});
        assert_eq!(read(&ingress).hold, Some(HoldReason::NoAddress));
        let options = SourceOptions { empty_status: EmptyStatus::DeleteRecords, ..SourceOptions::default() };
        assert_eq!(read_with(&ingress, &options).hold, None);
    }

    #[test]
    fn is_held_with_an_annotation_that_cannot_be_followed() {
        let key = |suffix: &str| format!("external-dns.alpha.kubernetes.io/{suffix}");
        for (suffix, value) in [("aws-weight", "300"), ("set-identifier", ""), ("aws-failover", "PRIMARY")] {
            let mut ingress = mk_ingress();
            ingress["metadata"]["annotations"][key(suffix)] = json!(value);
            let object = read(&ingress);
            assert!(matches!(object.hold, Some(HoldReason::Invalid(_))), "{suffix}: {object:?}");
            assert!(object.endpoints.is_empty());
        }
    }

    #[test]
    fn asks_for_nothing_when_it_is_for_another_controller_or_class() {
        let mut ingress = mk_ingress();
        let options = SourceOptions { ingress_classes: vec!["nginx".to_owned()], ..SourceOptions::default() };
        assert!(read_with(&ingress, &options).endpoints.is_empty());
        ingress["metadata"]["annotations"]["external-dns.alpha.kubernetes.io/controller"] = json!("other");
        assert!(read(&ingress).endpoints.is_empty());
    }

    #[test]
    fn notes_a_ttl_that_is_none_and_prefixes_that_disagree() {
        let mut ingress = mk_ingress();
        ingress["metadata"]["annotations"]["external-dns.kubernetes.io/ttl"] = json!("soon");
        let object = read(&ingress);
        assert_eq!(object.notes.len(), 2, "{object:?}");
        assert_eq!(object.endpoints[0].ttl_seconds, None);
    }

    #[test]
    fn follows_the_target_annotation_before_the_status() {
        let mut ingress = mk_ingress();
        ingress["metadata"]["annotations"]["external-dns.kubernetes.io/target"] =
            json!("10.0.0.1, 2001:db8::1");
        let object = read(&ingress);
        let types: Vec<_> = object.endpoints.iter().map(|endpoint| endpoint.record_type.clone()).collect();
        assert_eq!(types, [RecordType::A, RecordType::Aaaa]);
    }
}
