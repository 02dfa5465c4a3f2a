//! A group in one cluster: where its weight is written, and the objects that the weight moves.

use std::net::IpAddr;

use crossfade_core::Weight;
use crossfade_core::gitops::ARGOCD_NAMESPACE;
use crossfade_kube::bridge::ClusterSecret;
use crossfade_kube::groups::{Knob, KnobKind};

/// An Ingress or Service, and where its load balancer is.
#[derive(Clone, Debug)]
pub struct Object {
    /// As last read.
    pub knob: Knob,
    /// Its load balancer's addresses, as last resolved.
    pub addresses: Vec<IpAddr>,
}

/// The annotation of a cluster secret that feeds a group.
#[derive(Clone, Debug)]
pub struct SecretKey {
    /// As last read.
    pub secret: ClusterSecret,
    /// The annotation.
    pub key: String,
}

/// A group in one cluster, as learned.
#[derive(Clone, Debug)]
pub struct Place {
    /// The weight where it is written, or why there is none.
    pub weight: Result<Weight, String>,
    /// The annotation of the cluster secret, with the actuator `gitopsBridge`; else the weight is on the one object.
    pub secret: Option<SecretKey>,
    /// What it moves; one, or with the bridge every object that the annotation feeds.
    pub objects: Vec<Object>,
}

impl Place {
    /// A group of one object, which carries its own weight.
    pub(super) fn of_object(knob: Knob) -> Self {
        let weight = knob.weight.clone();
        Place { weight, secret: None, objects: vec![Object { knob, addresses: Vec::new() }] }
    }

    /// Every host.
    pub fn hosts(&self) -> impl Iterator<Item = &String> {
        self.objects.iter().flat_map(|object| &object.knob.hosts)
    }

    /// The set identifier that its objects share.
    pub fn set_identifier(&self) -> Option<&str> {
        self.objects.first()?.knob.set_identifier.as_deref()
    }

    /// What a person types to set its weight; `None` where that is no annotation's.
    pub(super) fn command(&self, context: &str, weight: Weight) -> Option<String> {
        let (namespace, object, keys) = match (&self.secret, self.objects.first()) {
            (Some(SecretKey { secret, key }), _) => {
                (ARGOCD_NAMESPACE, format!("secret {}", secret.name), std::slice::from_ref(key))
            }
            (None, Some(Object { knob, .. })) => {
                let kind = match knob.kind {
                    KnobKind::Ingress => "ingress",
                    KnobKind::Service => "service",
                };
                (knob.namespace.as_str(), format!("{kind} {}", knob.name), knob.weight_keys.as_slice())
            }
            (None, None) => return None,
        };
        let set: Vec<String> = keys.iter().map(|key| format!("{key}={weight}")).collect();
        let annotate = format!("kubectl --context {context} -n {namespace} annotate {object}");
        (!set.is_empty()).then(|| format!("{annotate} {} --overwrite", set.join(" ")))
    }

    /// Every address of every load balancer.
    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.objects.iter().flat_map(|object| object.addresses.iter().copied())
    }
}
