//! Ingresses and Services as sources of DNS endpoints.
//!
//! The rules are ExternalDNS's, but for two: an object whose load balancer has lost its address keeps its records (there they
//! are deleted), and an object with an annotation that cannot be followed keeps them too, until it is corrected. Nothing
//! here talks to an API; objects come in, wishes come out.

mod ingress;
mod service;

use std::collections::BTreeMap;

use crossfade_api::annotations::{AnnotationError, ExternalDnsAnnotations};
use crossfade_core::dns::{Endpoint, HoldReason, RecordName, ResourceLabel, SourceObject};

pub use ingress::ingress_object;
pub use service::service_object;

/// A kind of object that records come from (`--source`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// Service of type LoadBalancer with a host annotation.
    Service,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [SourceKind; 2] = [SourceKind::Ingress, SourceKind::Service];

    /// As `--source` and the resource label write it.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::Ingress => "ingress",
            SourceKind::Service => "service",
        }
    }

    /// The label of an object of this kind.
    pub fn label(self, namespace: &str, name: &str) -> ResourceLabel {
        ResourceLabel::of(self.as_str(), namespace, name)
    }

    /// True for labels of this kind.
    pub fn is_of(self, label: &ResourceLabel) -> bool {
        label.0.strip_prefix(self.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// What becomes of the records of an object whose load balancer has no address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyStatus {
    /// They stay.
    #[default]
    KeepRecords,
    /// They go, as with ExternalDNS.
    DeleteRecords,
}

/// Which objects count, and how.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// Classes of Ingresses that count; empty for all.
    pub ingress_classes: Vec<String>,
    /// What becomes of records when a status empties.
    pub empty_status: EmptyStatus,
}

/// An object's wish for its hosts and targets.
fn object(
    resource: ResourceLabel,
    annotations: &BTreeMap<String, String>,
    hosts: &[RecordName],
    targets_of_status: &[String],
    options: &SourceOptions,
) -> SourceObject {
    let annotations = ExternalDnsAnnotations::new(annotations);
    if hosts.is_empty() {
        return SourceObject::asking(resource, Vec::new());
    }
    let mut object = match endpoints(&resource, annotations, hosts, targets_of_status) {
        Err(error) => return held(resource, error),
        Ok(endpoints) if endpoints.is_empty() => match options.empty_status {
            EmptyStatus::KeepRecords => SourceObject::held(resource, HoldReason::NoAddress),
            EmptyStatus::DeleteRecords => SourceObject::asking(resource, endpoints),
        },
        Ok(endpoints) => match endpoints.iter().find_map(Endpoint::problem) {
            Some(problem) => SourceObject::held(resource, HoldReason::Invalid(problem)),
            None => SourceObject::asking(resource, endpoints),
        },
    };
    object.notes = annotations.disagreements();
    object.notes.extend(annotations.ttl_seconds().err());
    object
}

#[expect(clippy::needless_pass_by_value, reason = "used as the argument of map_err-like calls")]
fn held(resource: ResourceLabel, error: AnnotationError) -> SourceObject {
    SourceObject::held(resource, HoldReason::Invalid(error.to_string()))
}

fn endpoints(
    resource: &ResourceLabel,
    annotations: ExternalDnsAnnotations<'_>,
    hosts: &[RecordName],
    targets_of_status: &[String],
) -> Result<Vec<Endpoint>, AnnotationError> {
    let mut targets = annotations.targets();
    if targets.is_empty() {
        targets = targets_of_status.to_vec();
    }
    let set_identifier = annotations.set_identifier()?;
    let weight = annotations.weight()?;
    let properties = annotations.properties();
    let ttl_seconds = annotations.ttl_seconds().unwrap_or_default();
    let mut endpoints: Vec<Endpoint> =
        hosts.iter().flat_map(|host| Endpoint::for_host(host, &targets, resource)).collect();
    for endpoint in &mut endpoints {
        endpoint.set_identifier.clone_from(&set_identifier);
        endpoint.weight = weight;
        endpoint.properties = properties.clone();
        endpoint.ttl_seconds = ttl_seconds;
    }
    Ok(endpoints)
}
