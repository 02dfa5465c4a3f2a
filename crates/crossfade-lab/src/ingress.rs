//! The load balancer controller of a cluster: an application load balancer per group of Ingresses of class `alb`, a
//! network load balancer per Service of type LoadBalancer.
//!
//! As aws-load-balancer-controller does it: finalizers before anything is made, one status per member, events on each
//! member; a group that cannot be built keeps what it has.

mod model;
mod network;

use std::collections::BTreeMap;
use std::sync::Arc;

use crossfade_lab_kube::ApiError;
use crossfade_lab_route53::{LoadBalancerDns, LoadBalancerNames};
use rustls::ServerConfig;
use serde_json::{Value, json};

use crate::balancer::{self, Action, Balancers, Identity, Rule, TargetGroup};
use crate::cluster::object::{self, is_deleting, name, namespace};
use crate::cluster::{Cluster, Event, Key, Level, kinds};
use crate::names::{self, GroupId};

use model::{ActionModel, Model, TargetGroupModel};

/// The class of Ingresses that get an application load balancer.
pub(crate) const ALB_CLASS: &str = "alb";
/// The controller of that class.
pub(crate) const ALB_CONTROLLER: &str = "ingress.k8s.aws/alb";
const COMPONENT: &str = "ingress";

/// What the clusters share on the AWS side.
pub(crate) struct Infrastructure {
    pub(crate) balancers: Balancers,
    pub(crate) names: LoadBalancerNames,
    pub(crate) region: String,
    /// This name and those with one label before it have a certificate.
    pub(crate) domain: String,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) alias_ttl_seconds: u32,
    pub(crate) seed: u64,
}

/// What a group has.
#[derive(Debug)]
pub(crate) struct Deployed {
    dns_name: String,
    /// What the members declared when it was last reported.
    declared: Vec<String>,
}

impl Cluster {
    /// Looks again at the groups that an Ingress belongs to, or did until now.
    pub(crate) fn add_groups(&self, ingress: &Value) {
        if self.is_alb(ingress) {
            self.queue.add(Key::Group(model::group_of(ingress)));
        }
        for finalizer in ingress["metadata"]["finalizers"].as_array().into_iter().flatten() {
            if let Some(group) =
                finalizer.as_str().and_then(|finalizer| group_of_finalizer(ingress, finalizer))
            {
                self.queue.add(Key::Group(group));
            }
        }
    }

    fn is_alb(&self, ingress: &Value) -> bool {
        match ingress["spec"]["ingressClassName"].as_str() {
            Some(class) => self
                .store
                .get(&kinds::ingress_classes(), None, class)
                .is_ok_and(|class| class["spec"]["controller"] == ALB_CONTROLLER),
            None => object::annotation(ingress, "kubernetes.io/ingress.class") == Some(ALB_CLASS),
        }
    }

    /// Makes one group's load balancer what its Ingresses ask for.
    pub(crate) fn reconcile_group(&self, group: &GroupId) -> Result<(), ApiError> {
        let ingresses = self.ingresses_of(group)?;
        let (mut members, leaving): (Vec<Value>, Vec<Value>) = ingresses.into_iter().partition(|ingress| {
            !is_deleting(ingress) && self.is_alb(ingress) && model::group_of(ingress) == *group
        });
        members.sort_by_key(|ingress| {
            (model::order_of(ingress), namespace(ingress).to_owned(), name(ingress).to_owned())
        });
        let finalizer = group.finalizer();
        for member in &mut members {
            *member = self.add_finalizer(member, &finalizer)?;
        }
        if members.is_empty() {
            self.remove_deployed(group);
        } else if let Err((reason, message)) = self.deploy(group, &members)? {
            for member in &members {
                self.ingress_event(member, Level::Warning, reason, &message);
            }
            return Ok(());
        }
        for ingress in leaving.iter().filter(|ingress| has_finalizer(ingress, &finalizer)) {
            self.remove_finalizer(ingress, &finalizer)?;
        }
        Ok(())
    }

    /// Ingresses of the group, and those that still carry its finalizer.
    fn ingresses_of(&self, group: &GroupId) -> Result<Vec<Value>, ApiError> {
        match group {
            GroupId::Implicit { namespace, name } => {
                match self.store.get(&kinds::ingresses(), Some(namespace), name) {
                    Ok(ingress) => Ok(vec![Value::clone(&ingress)]),
                    Err(error) if error.is_not_found() => Ok(Vec::new()),
                    Err(error) => Err(error),
                }
            }
            GroupId::Explicit(_) => {
                let finalizer = group.finalizer();
                let (all, _) = self.store.list(&kinds::ingresses(), None)?;
                let of_group = |ingress: &&Arc<Value>| {
                    model::group_of(ingress) == *group || has_finalizer(ingress, &finalizer)
                };
                Ok(all.iter().filter(of_group).map(|ingress| Value::clone(ingress)).collect())
            }
        }
    }

    /// The outer error is the API's; the inner one is for the members' events.
    fn deploy(
        &self,
        group: &GroupId,
        members: &[Value],
    ) -> Result<Result<(), (&'static str, String)>, ApiError> {
        let service =
            |namespace: &str, name: &str| self.store.get(&kinds::services(), Some(namespace), name).ok();
        let references: Vec<&Value> = members.iter().collect();
        let built = model::build(&references, &self.infrastructure.domain, &|namespace, name| {
            service(namespace, name).map(|service| Value::clone(&service))
        });
        let model = match built {
            Ok(model) => model,
            Err(error) => {
                return Ok(Err(("FailedBuildModel", format!("Failed build model due to {error}"))));
            }
        };
        let load_balancer = names::application_load_balancer_name(&self.name, group, model.scheme);
        let dns_name = names::application_dns_name(
            &load_balancer,
            &self.infrastructure.region,
            self.infrastructure.seed,
        );
        let (previous, known) = {
            let deployed = Self::locked(&self.deployed);
            let known = deployed.get(group);
            (known.map(|known| known.dns_name.clone()), known.map(|known| known.declared.clone()))
        };
        if previous.as_ref().is_some_and(|previous| *previous != dns_name) {
            // Another scheme is another load balancer.
            self.remove_deployed(group);
        }
        let settings = self.settings(&model, members)?;
        if let Err(error) = self.publish(&dns_name, settings) {
            return Ok(Err(("FailedDeployModel", format!("Failed deploy model due to {error}"))));
        }
        let declared: Vec<String> = members.iter().map(declaration).collect();
        let is_news = known.as_ref() != Some(&declared);
        for member in members {
            self.write_hostname(member, &dns_name)?;
            if is_news {
                self.ingress_event(
                    member,
                    Level::Normal,
                    "SuccessfullyReconciled",
                    "Successfully reconciled",
                );
            }
        }
        Self::locked(&self.deployed).insert(group.clone(), Deployed { dns_name, declared });
        Ok(Ok(()))
    }

    /// Puts a load balancer in place, with its DNS name.
    fn publish(&self, dns_name: &str, settings: balancer::Settings) -> std::io::Result<()> {
        let healthy = settings.healthy;
        let balancer = self.infrastructure.balancers.get_or_create(Identity {
            cluster: self.name.clone(),
            cluster_index: self.index,
            dns_name: dns_name.to_owned(),
        });
        balancer.apply(settings)?;
        self.infrastructure.names.set(
            dns_name,
            LoadBalancerDns {
                addresses: balancer.addresses.to_vec(),
                ttl_seconds: self.infrastructure.alias_ttl_seconds,
                healthy,
            },
        );
        Ok(())
    }

    fn remove_deployed(&self, group: &GroupId) {
        if let Some(deployed) = Self::locked(&self.deployed).remove(group) {
            self.unpublish(&deployed.dns_name);
        }
    }

    fn unpublish(&self, dns_name: &str) {
        self.infrastructure.names.remove(dns_name);
        self.infrastructure.balancers.remove(dns_name);
    }

    /// The model with the pods that are its targets now.
    fn settings(&self, model: &Model, members: &[Value]) -> Result<balancer::Settings, ApiError> {
        let mut groups: BTreeMap<TargetGroupModel, Arc<TargetGroup>> = BTreeMap::new();
        let mut listeners = BTreeMap::new();
        for (&port, listener) in &model.listeners {
            let mut rules = Vec::new();
            for rule in &listener.rules {
                let action = self.action(&rule.action, &mut groups)?;
                rules.push(Rule { hosts: rule.hosts.clone(), paths: rule.paths.clone(), action });
            }
            let default = self.action(&listener.default, &mut groups)?;
            listeners.insert(port, balancer::Listener { protocol: listener.protocol, rules, default });
        }
        Ok(balancer::Settings {
            listeners,
            tls: Some(Arc::clone(&self.infrastructure.tls)),
            members: members
                .iter()
                .map(|ingress| format!("{}/{}", namespace(ingress), name(ingress)))
                .collect(),
            healthy: groups.values().all(|group| !group.targets.is_empty()),
        })
    }

    fn action(
        &self,
        model: &ActionModel,
        groups: &mut BTreeMap<TargetGroupModel, Arc<TargetGroup>>,
    ) -> Result<Action, ApiError> {
        Ok(match model {
            ActionModel::Fixed { status, body } => Action::Fixed { status: *status, body },
            ActionModel::RedirectToHttps { port } => Action::RedirectToHttps { port: *port },
            ActionModel::Forward(wanted) => {
                if let Some(known) = groups.get(wanted) {
                    return Ok(Action::Forward(Arc::clone(known)));
                }
                self.fault.add_health_path(&wanted.health_path);
                let service = self.store.get(&kinds::services(), Some(&wanted.namespace), &wanted.service)?;
                let targets = match model::service_port(&service, &wanted.port) {
                    Some(port) => self.targets(&service, port)?,
                    None => Vec::new(),
                };
                let group = Arc::new(TargetGroup::new(targets));
                groups.insert(wanted.clone(), Arc::clone(&group));
                Action::Forward(group)
            }
        })
    }

    fn write_hostname(&self, ingress: &Value, hostname: &str) -> Result<(), ApiError> {
        let status = json!([{ "hostname": hostname }]);
        if ingress["status"]["loadBalancer"]["ingress"] == status {
            return Ok(());
        }
        let mut ingress = without_version(ingress);
        ingress["status"] = json!({ "loadBalancer": { "ingress": status } });
        self.store.update_status(&kinds::ingresses(), ingress).map(drop)
    }

    fn add_finalizer(&self, ingress: &Value, finalizer: &str) -> Result<Value, ApiError> {
        if has_finalizer(ingress, finalizer) {
            return Ok(ingress.clone());
        }
        let mut ingress = ingress.clone();
        let finalizers = &mut ingress["metadata"]["finalizers"];
        match finalizers.as_array_mut() {
            Some(finalizers) => finalizers.push(Value::from(finalizer)),
            None => *finalizers = json!([finalizer]),
        }
        self.store.update(&kinds::ingresses(), ingress).map(|ingress| Value::clone(&ingress))
    }

    fn remove_finalizer(&self, ingress: &Value, finalizer: &str) -> Result<(), ApiError> {
        let mut ingress = ingress.clone();
        if let Some(finalizers) = ingress["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|known| known != finalizer);
        }
        match self.store.update(&kinds::ingresses(), ingress) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    fn ingress_event(&self, ingress: &Value, level: Level, reason: &'static str, message: &str) {
        let message = message.to_owned();
        self.events.record(Event { object: ingress, component: COMPONENT, level, reason, message });
    }
}

/// What an Ingress asks for, to tell news from repetition.
fn declaration(ingress: &Value) -> String {
    let metadata = &ingress["metadata"];
    format!("{} {} {}", metadata["uid"], metadata["generation"], metadata["annotations"])
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|known| known.iter().any(|known| known == finalizer))
}

fn group_of_finalizer(ingress: &Value, finalizer: &str) -> Option<GroupId> {
    if let Some(group) = finalizer.strip_prefix("group.ingress.k8s.aws/") {
        return Some(GroupId::Explicit(group.to_owned()));
    }
    let implicit =
        GroupId::Implicit { namespace: namespace(ingress).to_owned(), name: name(ingress).to_owned() };
    (finalizer == implicit.finalizer()).then_some(implicit)
}

/// For writes of the status: what others changed meanwhile does not matter to it.
fn without_version(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    object
}
