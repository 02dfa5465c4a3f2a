//! The GitOps bridge of one cluster: what Argo CD has to be told so that it keeps the cluster's add-ons and workloads, as
//! Kubernetes manifests in the order in which they are applied.
//!
//! Label keys, annotation keys and object names are those of the pattern's Terraform modules, so that repositories made for
//! the pattern work unchanged. One difference is intended: the hash of the admin password is in Argo CD's own secret alone.
//! The pattern repeats it in the annotation `argocd_password` of the cluster secret, where everybody who may read the
//! secret's metadata finds it and nothing uses it.

pub mod add_on;
pub mod application_sets;
pub mod argo_cd;
pub mod cluster_secret;
pub mod credentials;
pub mod teams;

use std::collections::BTreeMap;

use crossfade_core::Weight;
use serde_json::{Value, json};

pub use crossfade_core::gitops::{ARGOCD_NAMESPACE, ROUTE53_WEIGHT};

pub use add_on::{AddOn, EnabledAddOn};
pub use credentials::{AdminPassword, CredentialError, GitCredential, RepositoryCredential};
pub use teams::{Team, TeamKind};

use crate::text::{AppName, Domain, LabelValue, ObjectName, PlainValue, TextError};

/// One cluster of the pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFacts {
    /// `eks-blueprint-blue`: also the name of the cluster secret.
    pub name: ObjectName,
    /// `blue` or `green`: the pattern's `service_name`.
    pub service_name: LabelValue,
    /// `eks-blueprint`.
    pub environment: ObjectName,
    /// `1.34`.
    pub kubernetes_version: LabelValue,
    /// `eu-west-1`.
    pub region: PlainValue,
    /// `111122223333`.
    pub account_id: PlainValue,
    /// `vpc-…`; unknown outside AWS.
    pub vpc_id: Option<PlainValue>,
    /// The API server as others reach it.
    pub endpoint: Option<PlainValue>,
    /// Hosts of applications are below it.
    pub domain: Domain,
}

/// Weights of one cluster: one for all, and one for each application that is a group of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// `route53_weight`.
    pub shared: Weight,
    /// `<app>_route53_weight`.
    pub apps: BTreeMap<AppName, Weight>,
}

impl Weights {
    /// The pattern's three keys with one weight: `route53_weight`, `argocd_route53_weight`, `ecsfrontend_route53_weight`.
    pub fn all(weight: Weight) -> Self {
        let names = ["argocd", "ecsfrontend"].into_iter().filter_map(|name| AppName::parse(name).ok());
        Weights { shared: weight, apps: names.map(|name| (name, weight)).collect() }
    }
}

/// Where the workloads are declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadsSource {
    /// A URL that Argo CD can read.
    pub url: PlainValue,
    /// The app-of-apps chart: `envs/dev`.
    pub path: PlainValue,
    /// A branch, a tag, a commit.
    pub revision: PlainValue,
}

/// Where the add-ons are declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOnsSource {
    /// A URL that Argo CD can read.
    pub url: PlainValue,
    /// Before the paths of values files, with `/` at its end: `argocd/`.
    pub base_path: PlainValue,
    /// The directory of ApplicationSets.
    pub path: PlainValue,
    /// A branch, a tag, a commit.
    pub revision: PlainValue,
}

/// Which kind of Ingress the workloads ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngressType {
    /// Load balancers of AWS.
    Alb,
    /// ingress-nginx behind one load balancer.
    Nginx,
}

impl IngressType {
    /// As the annotation has it.
    pub fn as_str(self) -> &'static str {
        match self {
            IngressType::Alb => "alb",
            IngressType::Nginx => "nginx",
        }
    }
}

/// What ExternalDNS may do to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalDnsPolicy {
    /// Create, update, delete.
    Sync,
    /// Never delete.
    UpsertOnly,
}

impl ExternalDnsPolicy {
    /// As the annotation has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ExternalDnsPolicy::Sync => "sync",
            ExternalDnsPolicy::UpsertOnly => "upsert-only",
        }
    }
}

/// All that the bridge of one cluster says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeInput {
    /// The cluster.
    pub cluster: ClusterFacts,
    /// Its weights.
    pub weights: Weights,
    /// The workloads.
    pub workloads: WorkloadsSource,
    /// The add-ons.
    pub add_ons: AddOnsSource,
    /// Which add-ons are on. `argocd` always is.
    pub enabled: Vec<EnabledAddOn>,
    /// Which are said to be off, rather than not at all: a label of somebody else's cannot turn them on again.
    pub disabled: Vec<AddOn>,
    /// What the cluster secret was told before and is to go on saying. A fact above wins.
    pub more_annotations: BTreeMap<String, String>,
    /// For the workloads' Ingresses.
    pub ingress_type: IngressType,
    /// For the add-on external-dns.
    pub external_dns_policy: ExternalDnsPolicy,
    /// The name of the secret in Secrets Manager that holds the key for Git, where there is one.
    pub git_key_secret_name: Option<PlainValue>,
    /// What Argo CD needs to read the repositories; none for public ones.
    pub credentials: Vec<RepositoryCredential>,
    /// Argo CD's admin password; `None` leaves Argo CD's secret alone.
    pub admin_password: Option<AdminPassword>,
    /// Namespaces with their limits and rights.
    pub teams: Vec<Team>,
    /// ApplicationSets of the user's own, applied last.
    pub more_application_sets: Vec<Value>,
}

/// Every object of the bridge in the order in which it is applied: what others refer to comes first.
pub fn manifests(input: &BridgeInput) -> Vec<Value> {
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": ARGOCD_NAMESPACE },
    })];
    objects.extend(input.teams.iter().map(Team::namespace_object));
    objects.extend(input.teams.iter().flat_map(Team::objects));
    objects.extend(input.credentials.iter().map(RepositoryCredential::secret));
    objects.extend(input.admin_password.iter().map(AdminPassword::secret));
    objects.push(cluster_secret::cluster_secret(input));
    objects.push(application_sets::bootstrap_add_ons());
    objects.push(application_sets::bootstrap_workloads());
    objects.extend(input.more_application_sets.iter().cloned());
    objects
}

/// The pattern's facts about a cluster, from the few that are not derived: `<environment>-<service>`, `<environment>.<zone>`.
pub fn derived_names(
    environment: &ObjectName,
    service_name: &LabelValue,
    hosted_zone: &Domain,
) -> Result<(ObjectName, Domain), TextError> {
    let name = ObjectName::parse(&format!("{environment}-{service_name}"))?;
    Ok((name, Domain::parse(&format!("{environment}.{hosted_zone}"))?))
}
