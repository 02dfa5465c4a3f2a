//! Services of type LoadBalancer: a network load balancer that passes connections to ready pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossfade_lab_kube::ApiError;
use serde_json::{Value, json};

use super::{has_finalizer, without_version};
use crate::balancer::{self, Action, Protocol, TargetGroup};
use crate::cluster::object::{annotation, is_deleting, name, namespace, uid};
use crate::cluster::{Cluster, Event, Level, kinds};
use crate::names::{self, Scheme};

const FINALIZER: &str = "service.k8s.aws/resources";
const SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";

impl Cluster {
    /// Makes a Service's load balancer what it asks for; a Service that asks for none loses the one it had.
    pub(crate) fn reconcile_network_load_balancer(&self, service: &Value) -> Result<(), ApiError> {
        if service["spec"]["type"] != "LoadBalancer" || is_deleting(service) {
            self.remove_network_load_balancer(namespace(service), name(service));
            return self.release(service);
        }
        let service = self.hold(service)?;
        let scheme = match annotation(&service, SCHEME) {
            Some("internet-facing") => Scheme::InternetFacing,
            _ => Scheme::Internal,
        };
        let load_balancer = names::network_load_balancer_name(
            &self.name,
            namespace(&service),
            name(&service),
            uid(&service),
            scheme,
        );
        let infrastructure = &self.infrastructure;
        let dns_name = names::network_dns_name(&load_balancer, &infrastructure.region, infrastructure.seed);
        let mut listeners = BTreeMap::new();
        let mut healthy = true;
        for port in service["spec"]["ports"].as_array().into_iter().flatten() {
            let Some(number) = port["port"].as_u64().and_then(|number| u16::try_from(number).ok()) else {
                continue;
            };
            let targets = self.targets(&service, port)?;
            healthy &= !targets.is_empty();
            let default = Action::Forward(Arc::new(TargetGroup::new(targets)));
            listeners
                .insert(number, balancer::Listener { protocol: Protocol::Tcp, rules: Vec::new(), default });
        }
        let settings = balancer::Settings {
            listeners,
            tls: None,
            members: vec![format!("{}/{}", namespace(&service), name(&service))],
            healthy,
        };
        let known = Self::locked(&self.deployed_services)
            .insert((namespace(&service).to_owned(), name(&service).to_owned()), dns_name.clone());
        if let Some(known) = known.as_ref().filter(|known| **known != dns_name) {
            self.unpublish(known);
        }
        if let Err(error) = self.publish(&dns_name, settings) {
            let message = format!("Failed deploy model due to {error}");
            self.service_event(&service, Level::Warning, "FailedDeployModel", message);
            return Ok(());
        }
        if known.is_none() {
            let message = "Successfully reconciled".to_owned();
            self.service_event(&service, Level::Normal, "SuccessfullyReconciled", message);
        }
        let ingress = json!([{ "hostname": dns_name }]);
        if service["status"]["loadBalancer"]["ingress"] == ingress {
            return Ok(());
        }
        let mut service = without_version(&service);
        service["status"] = json!({ "loadBalancer": { "ingress": ingress } });
        self.store.update_status(&kinds::services(), service).map(drop)
    }

    /// Takes away the load balancer of a Service that is gone.
    pub(crate) fn remove_network_load_balancer(&self, in_namespace: &str, with_name: &str) {
        let key = (in_namespace.to_owned(), with_name.to_owned());
        if let Some(dns_name) = Self::locked(&self.deployed_services).remove(&key) {
            self.unpublish(&dns_name);
        }
    }

    fn hold(&self, service: &Value) -> Result<Value, ApiError> {
        if has_finalizer(service, FINALIZER) {
            return Ok(service.clone());
        }
        let mut service = service.clone();
        let finalizers = &mut service["metadata"]["finalizers"];
        match finalizers.as_array_mut() {
            Some(finalizers) => finalizers.push(Value::from(FINALIZER)),
            None => *finalizers = json!([FINALIZER]),
        }
        self.store.update(&kinds::services(), service).map(|service| Value::clone(&service))
    }

    fn release(&self, service: &Value) -> Result<(), ApiError> {
        if !has_finalizer(service, FINALIZER) {
            return Ok(());
        }
        let mut service = service.clone();
        if !is_deleting(&service) {
            let mut cleared = without_version(&service);
            cleared["status"] = json!({ "loadBalancer": {} });
            service = Value::clone(&*self.store.update_status(&kinds::services(), cleared)?);
        }
        if let Some(finalizers) = service["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|known| known != FINALIZER);
        }
        match self.store.update(&kinds::services(), service) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    fn service_event(&self, service: &Value, level: Level, reason: &'static str, message: String) {
        self.events.record(Event { object: service, component: "service", level, reason, message });
    }
}
