//! The facts of a cluster as options. What is left out is what the cluster secret says, else the pattern's.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use crossfade_core::Weight;
use crossfade_stack::bridge::{AddOn, ROUTE53_WEIGHT};
use crossfade_stack::text::{AppName, Domain, KeyPart, LabelValue, ObjectName, PlainValue};

use super::keep::GivenWeights;

/// The pattern's environment.
const ENVIRONMENT: &str = "eks-blueprint";

/// What the bridge says about a cluster.
#[derive(Clone, Debug, Args)]
pub struct FactOptions {
    /// The public zone above the environment's: hosts are `<app>.<environment>.<zone>`.
    #[arg(long, env = "CROSSFADE_HOSTED_ZONE", value_name = "ZONE", help_heading = "Cluster")]
    pub hosted_zone: Domain,
    /// Clusters are `<environment>-<name>`.
    #[arg(long, default_value = ENVIRONMENT, value_name = "NAME", help_heading = "Cluster")]
    pub environment: ObjectName,
    /// The version of Kubernetes, for labels. Default: the cluster's own, or 1.34 where none is asked.
    #[arg(long, value_name = "VERSION", help_heading = "Cluster")]
    pub kubernetes_version: Option<LabelValue>,
    /// The region of AWS. Default: the cluster's own as its endpoint on EKS says it, the one it was given before, or that of
    /// the environment's configuration; eu-west-1 where nothing is asked.
    #[arg(long, env = "AWS_REGION", help_heading = "Cluster")]
    pub region: Option<PlainValue>,
    /// The account's number. Default: the one it was given before, or that of the environment's credentials;
    /// 111122223333 where nothing is asked.
    #[arg(long, value_name = "ID", help_heading = "Cluster")]
    pub account: Option<PlainValue>,
    /// The network, for add-ons that ask for it.
    #[arg(long, value_name = "ID", help_heading = "Cluster")]
    pub vpc: Option<PlainValue>,
    /// The API server's URL, as others reach it. Default: that of the context, where the cluster is one of EKS.
    #[arg(long, value_name = "URL", help_heading = "Cluster")]
    pub endpoint: Option<PlainValue>,
    /// The weight of every application without one of its own, for a new cluster secret. Default: 100 for blue, 0 for others.
    /// That of a secret that is there stays.
    #[arg(long, help_heading = "Weights")]
    pub weight: Option<Weight>,
    /// The weight of one application: `burnham=10`. In a secret that is there only the weight that it has anyway.
    #[arg(long = "app-weight", value_name = "APP=WEIGHT", value_parser = parse_app_weight, help_heading = "Weights")]
    pub app_weights: Vec<(AppName, Weight)>,
    /// The workloads repository. Default for a new cluster secret: the pattern's.
    #[arg(long, value_name = "URL", help_heading = "Repositories")]
    pub workloads_url: Option<PlainValue>,
    /// The chart of all teams there. Default for a new cluster secret: `envs/dev`.
    #[arg(long, value_name = "PATH", help_heading = "Repositories")]
    pub workloads_path: Option<PlainValue>,
    /// Branch, tag or commit. Default for a new cluster secret: `main`.
    #[arg(long, value_name = "REVISION", help_heading = "Repositories")]
    pub workloads_revision: Option<PlainValue>,
    /// The add-ons repository. Default for a new cluster secret: the pattern's.
    #[arg(long, value_name = "URL", help_heading = "Repositories")]
    pub addons_url: Option<PlainValue>,
    /// Before the paths of values files there; ends in `/`. Default for a new cluster secret: `argocd/`.
    #[arg(long, value_name = "PATH", help_heading = "Repositories")]
    pub addons_base_path: Option<PlainValue>,
    /// The directory of ApplicationSets there. Default for a new cluster secret: `argocd/bootstrap/control-plane/addons`.
    #[arg(long, value_name = "PATH", help_heading = "Repositories")]
    pub addons_path: Option<PlainValue>,
    /// Branch, tag or commit. Default for a new cluster secret: `HEAD`.
    #[arg(long, value_name = "REVISION", help_heading = "Repositories")]
    pub addons_revision: Option<PlainValue>,
    /// An add-on that is on besides the others, and its role on AWS: `external_dns=arn:…`. Others are those of the cluster secret,
    /// or of the pattern for a new one.
    #[arg(long = "add-on", value_name = "NAME[=ROLE]", value_parser = parse_add_on, help_heading = "Add-ons")]
    pub add_ons: Vec<(AddOn, Option<PlainValue>)>,
    /// An add-on that is off. Where it was on, Argo CD deletes its Application.
    #[arg(long = "no-add-on", value_name = "NAME", value_parser = parse_add_on_name, help_heading = "Add-ons")]
    pub no_add_ons: Vec<AddOn>,
    /// A new cluster secret has the add-ons of --add-on alone, not the pattern's. In one that is there they stay on.
    #[arg(long, help_heading = "Add-ons")]
    pub no_default_add_ons: bool,
    /// An annotation of an add-on: `karpenter.sqs_queue_name=karpenter-eks-blueprint-blue`. Its `namespace` and
    /// `service_account` are such, too.
    #[arg(
        long = "add-on-property",
        value_name = "NAME.KEY=VALUE",
        value_parser = parse_property,
        help_heading = "Add-ons"
    )]
    pub properties: Vec<(KeyPart, KeyPart, PlainValue)>,
    /// Who makes load balancers of the workloads' Ingresses. Default for a new cluster secret: alb.
    #[arg(long, value_enum, help_heading = "Add-ons")]
    pub ingress_type: Option<Ingresses>,
    /// What external-dns may do to records. Default for a new cluster secret: sync.
    #[arg(long, value_enum, help_heading = "Add-ons")]
    pub external_dns_policy: Option<DnsPolicy>,
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

fn parse_add_on(text: &str) -> Result<(AddOn, Option<PlainValue>), String> {
    let (name, role) = text.split_once('=').map_or((text, None), |(name, role)| (name, Some(role)));
    let role = role.map(PlainValue::parse).transpose().map_err(|error| error.to_string())?;
    Ok((parse_add_on_name(name)?, role))
}

fn parse_add_on_name(text: &str) -> Result<AddOn, String> {
    Ok(AddOn::of_label(KeyPart::parse(text).map_err(|error| error.to_string())?))
}

fn parse_property(text: &str) -> Result<(KeyPart, KeyPart, PlainValue), String> {
    let parts = text.split_once('=').and_then(|(key, value)| Some((key.split_once('.')?, value)));
    let ((name, key), value) = parts.ok_or("NAME.KEY=VALUE is needed")?;
    let part = |text| KeyPart::parse(text).map_err(|error| error.to_string());
    Ok((part(name)?, part(key)?, PlainValue::parse(value).map_err(|error| error.to_string())?))
}

impl FactOptions {
    /// Weights that somebody asked for, by annotation.
    pub fn given_weights(&self) -> GivenWeights {
        let apps = self.app_weights.iter().map(|(app, weight)| (app.weight_key(), *weight));
        apps.chain(self.weight.map(|weight| (ROUTE53_WEIGHT.to_owned(), weight))).collect()
    }

    /// The options again, as words of another command.
    pub fn words(&self) -> Vec<String> {
        fn text<T: ToString>(value: Option<&T>) -> Option<String> {
            value.map(ToString::to_string)
        }
        fn choice<T: ValueEnum>(value: Option<T>) -> Option<String> {
            Some(value?.to_possible_value()?.get_name().to_owned())
        }
        let single = [
            ("--hosted-zone", Some(self.hosted_zone.to_string())),
            ("--environment", Some(self.environment.to_string()).filter(|name| name != ENVIRONMENT)),
            ("--kubernetes-version", text(self.kubernetes_version.as_ref())),
            ("--region", text(self.region.as_ref())),
            ("--account", text(self.account.as_ref())),
            ("--vpc", text(self.vpc.as_ref())),
            ("--endpoint", text(self.endpoint.as_ref())),
            ("--weight", text(self.weight.as_ref())),
            ("--workloads-url", text(self.workloads_url.as_ref())),
            ("--workloads-path", text(self.workloads_path.as_ref())),
            ("--workloads-revision", text(self.workloads_revision.as_ref())),
            ("--addons-url", text(self.addons_url.as_ref())),
            ("--addons-base-path", text(self.addons_base_path.as_ref())),
            ("--addons-path", text(self.addons_path.as_ref())),
            ("--addons-revision", text(self.addons_revision.as_ref())),
            ("--ingress-type", choice(self.ingress_type)),
            ("--external-dns-policy", choice(self.external_dns_policy)),
            ("--git-key-secret-name", text(self.git_key_secret_name.as_ref())),
        ];
        let single = single.into_iter().filter_map(|(option, value)| Some((option, value?)));
        let apps = self.app_weights.iter().map(|(app, weight)| ("--app-weight", format!("{app}={weight}")));
        let add_ons = self.add_ons.iter().map(|(add_on, role)| {
            let role = role.as_ref().map_or(String::new(), |role| format!("={role}"));
            ("--add-on", format!("{}{role}", add_on.label_name()))
        });
        let off = self.no_add_ons.iter().map(|add_on| ("--no-add-on", add_on.label_name().to_owned()));
        let properties = self.properties.iter();
        let properties =
            properties.map(|(name, key, value)| ("--add-on-property", format!("{name}.{key}={value}")));
        let sets =
            self.application_sets.iter().map(|file| ("--application-sets", file.display().to_string()));
        let pairs = single.chain(apps).chain(add_ons).chain(off).chain(properties).chain(sets);
        let switches = [("--no-default-add-ons", self.no_default_add_ons), ("--no-teams", self.no_teams)];
        let switches = switches.into_iter().filter(|(_, is_on)| *is_on).map(|(option, _)| option.to_owned());
        pairs.flat_map(|(option, value)| [option.to_owned(), value]).chain(switches).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        facts: FactOptions,
    }

    #[test]
    fn every_option_can_be_said_again() {
        let said = "--hosted-zone eks.example.org --environment e --kubernetes-version 1.34 --region eu-west-1 --account 1 \
            --vpc vpc-1 --endpoint https://x --weight 3 --workloads-url a --workloads-path b --workloads-revision 1.10 \
            --addons-url c --addons-base-path d/ --addons-path e --addons-revision f --ingress-type nginx \
            --external-dns-policy upsert-only --git-key-secret-name g --app-weight burnham=10 --add-on external_dns=arn:x \
            --add-on kyverno --no-add-on karpenter --add-on-property external_dns.namespace=dns --application-sets s.yaml \
            --no-default-add-ons --no-teams";
        let words: Vec<&str> = said.split_whitespace().collect();
        let program = Program::try_parse_from(["x"].iter().chain(&words)).unwrap();
        assert_eq!(program.facts.words(), words);
        for option in Program::command().get_arguments().filter_map(|option| option.get_long()) {
            assert!(words.contains(&format!("--{option}").as_str()), "{option}");
        }
    }
}
