//! The facts of a cluster as options, with the pattern's defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use crossfade_core::Weight;
use crossfade_stack::bridge::{
    ARGOCD_NAMESPACE, AddOn, AddOnsSource, BridgeInput, ClusterFacts, EnabledAddOn, ExternalDnsPolicy,
    IngressType, ROUTE53_WEIGHT, Team, Weights, WorkloadsSource, derived_names,
};
use crossfade_stack::text::{AppName, Domain, KeyPart, LabelValue, ObjectName, PlainValue};

use serde_json::Value;

use crate::exit::user_error;

/// The pattern's source cluster, which has the traffic at first.
const FIRST: &str = "blue";
/// The traffic of the source cluster.
const ALL: Weight = Weight::new(100);
/// For what is written without a cluster to ask.
const KUBERNETES_VERSION: &str = "1.34";

/// That of the pattern's example, for what is written without a cluster to ask.
const REGION: &str = "eu-west-1";
/// A number that AWS uses in examples.
const ACCOUNT: &str = "111122223333";

/// Weights by annotation, as options gave them.
pub type GivenWeights = BTreeMap<String, Weight>;

/// What the bridge says about a cluster.
#[derive(Clone, Debug, Args)]
pub struct FactOptions {
    /// The public zone above the environment's: hosts are `<app>.<environment>.<zone>`.
    #[arg(long, env = "CROSSFADE_HOSTED_ZONE", value_name = "ZONE", help_heading = "Cluster")]
    pub hosted_zone: Domain,
    /// Clusters are `<environment>-<name>`.
    #[arg(long, default_value = "eks-blueprint", value_name = "NAME", help_heading = "Cluster")]
    pub environment: ObjectName,
    /// The version of Kubernetes, for labels. Default: the cluster's own, or 1.34 where none is asked.
    #[arg(long, value_name = "VERSION", help_heading = "Cluster")]
    pub kubernetes_version: Option<LabelValue>,
    /// The region of AWS. Default: the cluster's own as its endpoint on EKS says it, the one it was given before, or that of
    /// the environment's configuration; eu-west-1 where nothing is asked.
    #[arg(long, env = "AWS_REGION", help_heading = "Cluster")]
    pub region: Option<PlainValue>,
    /// The account's number. Default: that of the environment's credentials, or 111122223333 where nothing is asked.
    #[arg(long, value_name = "ID", help_heading = "Cluster")]
    pub account: Option<PlainValue>,
    /// The network, for add-ons that ask for it.
    #[arg(long, value_name = "ID", help_heading = "Cluster")]
    pub vpc: Option<PlainValue>,
    /// The API server's URL, as others reach it. Default: that of the context, where the cluster is one of EKS.
    #[arg(long, value_name = "URL", help_heading = "Cluster")]
    pub endpoint: Option<PlainValue>,
    /// The weight of every application without one of its own, for a new cluster secret. Default: 100 for blue, 0 for others.
    #[arg(long, help_heading = "Weights")]
    pub weight: Option<Weight>,
    /// The weight of one application: `burnham=10`.
    #[arg(long = "app-weight", value_name = "APP=WEIGHT", value_parser = parse_app_weight, help_heading = "Weights")]
    pub app_weights: Vec<(AppName, Weight)>,
    /// The workloads repository. Default: the pattern's.
    #[arg(long, value_name = "URL", help_heading = "Repositories")]
    pub workloads_url: Option<PlainValue>,
    /// The chart of all teams there.
    #[arg(long, default_value = "envs/dev", value_name = "PATH", help_heading = "Repositories")]
    pub workloads_path: PlainValue,
    /// Branch, tag or commit.
    #[arg(long, default_value = "main", value_name = "REVISION", help_heading = "Repositories")]
    pub workloads_revision: PlainValue,
    /// The add-ons repository. Default: the pattern's.
    #[arg(long, value_name = "URL", help_heading = "Repositories")]
    pub addons_url: Option<PlainValue>,
    /// Before the paths of values files there; ends in `/`.
    #[arg(long, default_value = "argocd/", value_name = "PATH", help_heading = "Repositories")]
    pub addons_base_path: PlainValue,
    /// The directory of ApplicationSets there.
    #[arg(
        long,
        default_value = "argocd/bootstrap/control-plane/addons",
        value_name = "PATH",
        help_heading = "Repositories"
    )]
    pub addons_path: PlainValue,
    /// Branch, tag or commit.
    #[arg(long, default_value = "HEAD", value_name = "REVISION", help_heading = "Repositories")]
    pub addons_revision: PlainValue,
    /// An add-on that is on, with its role where it has one: `external_dns=arn:…`. Default: those of the pattern.
    #[arg(long = "add-on", value_name = "NAME[=ROLE]", value_parser = parse_add_on, help_heading = "Add-ons")]
    pub add_ons: Vec<EnabledAddOn>,
    /// An annotation of an add-on: `karpenter.sqs_queue_name=karpenter-eks-blueprint-blue`.
    #[arg(
        long = "add-on-property",
        value_name = "NAME.KEY=VALUE",
        value_parser = parse_property,
        help_heading = "Add-ons"
    )]
    pub properties: Vec<(KeyPart, KeyPart, PlainValue)>,
    /// Who makes load balancers of the workloads' Ingresses.
    #[arg(long, value_enum, default_value_t = Ingresses::Alb, help_heading = "Add-ons")]
    pub ingress_type: Ingresses,
    /// What external-dns may do to records.
    #[arg(long, value_enum, default_value_t = DnsPolicy::Sync, help_heading = "Add-ons")]
    pub external_dns_policy: DnsPolicy,
    /// The name of the key for Git in Secrets Manager, as the cluster secret says it to add-ons; the key itself is read only
    /// with --git-ssh-key-secret. Default: what that one names.
    #[arg(long, value_name = "NAME", help_heading = "Repositories")]
    pub git_key_secret_name: Option<PlainValue>,
    /// ApplicationSets of your own, applied after the others.
    #[arg(long = "application-sets", value_name = "FILE", help_heading = "Repositories")]
    pub application_sets: Vec<PathBuf>,
    /// Leave out the namespaces, limits and rights of the pattern's teams.
    #[arg(long)]
    pub no_teams: bool,
}

/// `--ingress-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ingresses {
    /// The load balancer controller of AWS.
    Alb,
    /// ingress-nginx.
    Nginx,
}

/// `--external-dns-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DnsPolicy {
    /// Create, update, delete.
    Sync,
    /// Never delete.
    UpsertOnly,
}

fn parse_app_weight(text: &str) -> Result<(AppName, Weight), String> {
    let (app, weight) = text.split_once('=').ok_or("APP=WEIGHT is needed, for example burnham=10")?;
    let app = AppName::parse(app).map_err(|error| error.to_string())?;
    Ok((app, weight.parse().map_err(|error: crossfade_core::weight::WeightError| error.to_string())?))
}

fn parse_add_on(text: &str) -> Result<EnabledAddOn, String> {
    let (name, role) = text.split_once('=').map_or((text, None), |(name, role)| (name, Some(role)));
    let name = KeyPart::parse(name).map_err(|error| error.to_string())?;
    let role = role.map(PlainValue::parse).transpose().map_err(|error| error.to_string())?;
    let mut add_on = EnabledAddOn::plain(AddOn::of_label(name));
    add_on.iam_role_arn = role;
    Ok(add_on)
}

fn parse_property(text: &str) -> Result<(KeyPart, KeyPart, PlainValue), String> {
    let parts = text.split_once('=').and_then(|(key, value)| Some((key.split_once('.')?, value)));
    let ((name, key), value) = parts.ok_or("NAME.KEY=VALUE is needed")?;
    let part = |text| KeyPart::parse(text).map_err(|error| error.to_string());
    Ok((part(name)?, part(key)?, PlainValue::parse(value).map_err(|error| error.to_string())?))
}

impl FactOptions {
    /// The bridge of the cluster `service`, without secrets.
    pub fn input(&self, service: &LabelValue) -> anyhow::Result<BridgeInput> {
        let wrong = |error: crossfade_stack::text::TextError| {
            user_error(error.to_string(), "a shorter --environment or --hosted-zone may do")
        };
        let (name, domain) = derived_names(&self.environment, service, &self.hosted_zone).map_err(wrong)?;
        let version = LabelValue::parse(KUBERNETES_VERSION).map_err(wrong)?;
        let or = |given: &Option<PlainValue>, default| match given {
            Some(given) => Ok(given.clone()),
            None => PlainValue::parse(default).map_err(wrong),
        };
        Ok(BridgeInput {
            cluster: ClusterFacts {
                name,
                service_name: service.clone(),
                environment: self.environment.clone(),
                kubernetes_version: self.kubernetes_version.clone().unwrap_or(version),
                region: or(&self.region, REGION)?,
                account_id: or(&self.account, ACCOUNT)?,
                vpc_id: self.vpc.clone(),
                endpoint: self.endpoint.clone(),
                domain,
            },
            weights: self.weights(service),
            workloads: WorkloadsSource {
                url: or_pattern(self.workloads_url.as_ref(), "workloads").map_err(wrong)?,
                path: self.workloads_path.clone(),
                revision: self.workloads_revision.clone(),
            },
            add_ons: AddOnsSource {
                url: or_pattern(self.addons_url.as_ref(), "add-ons").map_err(wrong)?,
                base_path: self.addons_base_path.clone(),
                path: self.addons_path.clone(),
                revision: self.addons_revision.clone(),
            },
            enabled: self.enabled()?,
            ingress_type: match self.ingress_type {
                Ingresses::Alb => IngressType::Alb,
                Ingresses::Nginx => IngressType::Nginx,
            },
            external_dns_policy: match self.external_dns_policy {
                DnsPolicy::Sync => ExternalDnsPolicy::Sync,
                DnsPolicy::UpsertOnly => ExternalDnsPolicy::UpsertOnly,
            },
            git_key_secret_name: self.git_key_secret_name.clone(),
            credentials: Vec::new(),
            admin_password: None,
            teams: if self.no_teams { Vec::new() } else { Team::of_the_pattern().map_err(wrong)? },
            more_application_sets: self.more_application_sets()?,
        })
    }

    fn weights(&self, service: &LabelValue) -> Weights {
        let default = if service.as_str() == FIRST { ALL } else { Weight::ZERO };
        let mut weights = Weights::all(self.weight.unwrap_or(default));
        weights.apps.extend(self.app_weights.iter().cloned());
        weights
    }

    /// Those that somebody asked for, by annotation.
    pub fn given_weights(&self) -> GivenWeights {
        let apps = self.app_weights.iter().map(|(app, weight)| (app.weight_key(), *weight));
        apps.chain(self.weight.map(|weight| (ROUTE53_WEIGHT.to_owned(), weight))).collect()
    }

    fn more_application_sets(&self) -> anyhow::Result<Vec<Value>> {
        let sets: Vec<Vec<Value>> =
            self.application_sets.iter().map(|file| application_sets_of(file)).collect::<Result<_, _>>()?;
        Ok(sets.concat())
    }

    fn enabled(&self) -> anyhow::Result<Vec<EnabledAddOn>> {
        let of_the_pattern = || AddOn::of_the_pattern().into_iter().map(EnabledAddOn::plain).collect();
        let mut enabled = if self.add_ons.is_empty() { of_the_pattern() } else { self.add_ons.clone() };
        for (name, key, value) in &self.properties {
            let Some(add_on) = enabled.iter_mut().find(|known| known.add_on.label_name() == name.as_str())
            else {
                return Err(user_error(
                    format!("add-on {name} is not on"),
                    format!("pass --add-on {name} as well"),
                ));
            };
            add_on
                .set_property(key.clone(), value.clone())
                .map_err(|error| user_error(error.to_string(), "a shorter name of the property may do"))?;
        }
        Ok(enabled)
    }
}

fn or_pattern(url: Option<&PlainValue>, what: &str) -> Result<PlainValue, crossfade_stack::text::TextError> {
    match url {
        Some(url) => Ok(url.clone()),
        None => PlainValue::parse(&format!("git@github.com:aws-samples/eks-blueprints-{what}")),
    }
}

/// The documents of a file; anything but an ApplicationSet of Argo CD's namespace is refused.
fn application_sets_of(file: &Path) -> anyhow::Result<Vec<Value>> {
    let wrong = |message: String| {
        user_error(
            format!("{}: {message}", file.display()),
            format!("--application-sets takes ApplicationSets of namespace {ARGOCD_NAMESPACE}"),
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| wrong(error.to_string()))?;
    let documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    for document in &documents {
        let metadata = &document["metadata"];
        if document["kind"] != "ApplicationSet" || !metadata["name"].is_string() {
            return Err(wrong(format!("{} {} is no ApplicationSet", document["kind"], metadata["name"])));
        }
        if metadata["namespace"] != ARGOCD_NAMESPACE {
            return Err(wrong(format!("{} is in namespace {}", metadata["name"], metadata["namespace"])));
        }
    }
    Ok(documents)
}
