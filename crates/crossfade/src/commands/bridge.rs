//! `crossfade bridge`: what Argo CD has to be told about a cluster, to look at or applied.
//!
//! Weights of a cluster secret that is there stay as they are: moving traffic is for `crossfade migrate` and
//! `crossfade weights set`, which look before they write. Secrets are read from files or from AWS, and never printed.

pub mod facts;
mod install;
mod secrets;

use clap::{Args, Subcommand};
use crossfade_aws::Aws;
use crossfade_core::{ClusterName, Weight};
use crossfade_kube::Cluster;
use crossfade_kube::bridge::{
    ClusterSecret, SecretOwner, apply_bridge, knows_application_sets, read_cluster_secret,
};
use crossfade_stack::bridge::{ARGOCD_NAMESPACE, BridgeInput, ROUTE53_WEIGHT};
use crossfade_stack::manifests;
use crossfade_stack::text::{AppName, LabelValue, PlainValue, WEIGHT_SUFFIX};
use serde_json::Value;

use crate::commands::migrate::Output;
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::shell::word;
use facts::{FactOptions, GivenWeights};
use secrets::SecretOptions;

/// Options of `crossfade bridge`.
#[derive(Clone, Debug, Args)]
pub struct BridgeArgs {
    #[command(subcommand)]
    command: BridgeCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum BridgeCommand {
    /// Install Argo CD in a cluster by the helm program, or upgrade it.
    Install(Box<install::InstallArgs>),
    /// Print the objects, without secrets. Touches nothing.
    Show(Box<ShowArgs>),
    /// Apply the objects to a cluster where Argo CD is.
    Apply(Box<ApplyArgs>),
}

#[derive(Clone, Debug, Args)]
struct ShowArgs {
    /// Which of the clusters: `blue`, `green`.
    #[arg(long, value_name = "NAME")]
    service: LabelValue,
    #[command(flatten)]
    facts: FactOptions,
    /// How they are printed.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

#[derive(Clone, Debug, Args)]
struct ApplyArgs {
    /// Which of the clusters: `blue`, `green`.
    #[arg(long, value_name = "NAME")]
    service: LabelValue,
    /// Its kubeconfig context. Default: the cluster's own name, `eks-blueprint-blue`.
    #[arg(long, value_name = "CTX")]
    context: Option<String>,
    #[command(flatten)]
    facts: FactOptions,
    #[command(flatten)]
    secrets: SecretOptions,
    /// Write a cluster secret that Terraform owns; its next apply undoes it unless main.tf says the same.
    #[arg(long)]
    i_will_edit_main_tf: bool,
}

/// Prints or applies.
pub async fn run(args: BridgeArgs) -> anyhow::Result<Exit> {
    match args.command {
        BridgeCommand::Install(args) => install::run(&args).await,
        BridgeCommand::Show(args) => show(&args),
        BridgeCommand::Apply(args) => apply(&args).await,
    }
}

fn show(args: &ShowArgs) -> anyhow::Result<Exit> {
    let input = args.facts.input(&args.service)?;
    let objects = manifests(&input);
    match args.output {
        Output::Json => data(&serde_json::to_string_pretty(&objects)?),
        Output::Text => data(yaml_of(&objects)?.trim_end()),
    }
    Ok(Exit::Done)
}

async fn apply(args: &ApplyArgs) -> anyhow::Result<Exit> {
    let mut input = args.facts.input(&args.service)?;
    let name = input.cluster.name.to_string();
    let context = args.context.as_deref().unwrap_or(&name);
    let cluster = Cluster::connect(ClusterName(args.service.to_string()), context, None).await?;
    if !knows_application_sets(&cluster).await? {
        return Err(user_error(
            format!(
                "{} (context {context}) does not know ApplicationSets: Argo CD is not there",
                cluster.name
            ),
            format!("crossfade bridge install --service {} --context {}", args.service, word(context)),
        ));
    }
    let existing = read_cluster_secret(&cluster, ARGOCD_NAMESPACE, &name).await?;
    if let Some(existing) = &existing {
        refuse_terraform(existing, args.i_will_edit_main_tf)?;
        keep_weights(&mut input, existing, &args.facts.given_weights())?;
    }
    if args.facts.kubernetes_version.is_none() {
        input.cluster.kubernetes_version = server_version(&cluster).await?;
    }
    if args.facts.account.is_none() {
        input.cluster.account_id = account().await?;
    }
    let on_eks = eks_region(&cluster.server);
    match (&args.facts.region, on_eks) {
        (Some(given), Some(own)) if given.as_str() != own => {
            return Err(user_error(
                format!(
                    "--region (or AWS_REGION) is {given}, but the cluster of context {context} is in {own}"
                ),
                format!("pass --region {own}, or the context of the cluster that is meant"),
            ));
        }
        (Some(_), _) => {}
        (None, on_eks) => input.cluster.region = region(on_eks, existing.as_ref()).await?,
    }
    if args.facts.endpoint.is_none() && on_eks.is_some() {
        input.cluster.endpoint = PlainValue::parse(&cluster.server).ok();
    }
    let region = input.cluster.region.clone();
    args.secrets.add_to(&mut input, &cluster, &region).await?;
    let mut objects = manifests(&input);
    if let Some(existing) = &existing {
        pin_version(&mut objects, existing);
    }
    apply_bridge(&cluster, &objects).await?;
    note(&format!(
        "{} objects are applied to {context}; the cluster secret is {ARGOCD_NAMESPACE}/{name}",
        objects.len()
    ));
    Ok(Exit::Done)
}

fn refuse_terraform(existing: &ClusterSecret, will_edit: bool) -> anyhow::Result<()> {
    match &existing.owner {
        SecretOwner::Terraform { manager } if !will_edit => Err(user_error(
            format!("the cluster secret {} is Terraform's (field manager {manager})", existing.name),
            "say the same in main.tf and pass --i-will-edit-main-tf, or leave the bridge to Terraform",
        )),
        SecretOwner::Terraform { .. } | SecretOwner::Nobody => Ok(()),
    }
}

/// Takes over every weight that the secret has, those that were not asked for included: a key that vanished would change
/// what moves together.
fn keep_weights(
    input: &mut BridgeInput,
    existing: &ClusterSecret,
    given: &GivenWeights,
) -> anyhow::Result<()> {
    for (key, text) in &existing.annotations {
        let app = match key.strip_suffix(WEIGHT_SUFFIX) {
            Some(app) => Some(AppName::parse(app).map_err(|error| {
                user_error(format!("annotation {key} of {}: {error}", existing.name), "remove the annotation")
            })?),
            None if key == ROUTE53_WEIGHT => None,
            None => continue,
        };
        let weight: Weight = text.parse().map_err(|error| {
            user_error(
                format!("annotation {key} of {}: {error}", existing.name),
                "correct the annotation in the cluster",
            )
        })?;
        if given.get(key).is_some_and(|given| *given != weight) {
            return Err(user_error(
                format!("{key} of {} is {weight}; the bridge does not move traffic", existing.name),
                "`crossfade migrate` and `crossfade weights set` change weights; leave the option out here",
            ));
        }
        match app {
            Some(app) => drop(input.weights.apps.insert(app, weight)),
            None => input.weights.shared = weight,
        }
    }
    Ok(())
}

/// A weight that somebody writes after we read it makes the server refuse, not us overwrite it.
fn pin_version(objects: &mut [Value], existing: &ClusterSecret) {
    let secret = objects
        .iter_mut()
        .find(|object| object["kind"] == "Secret" && object["metadata"]["name"] == existing.name.as_str());
    if let Some(secret) = secret {
        secret["metadata"]["resourceVersion"] = existing.resource_version.as_str().into();
    }
}

/// The account whose credentials the environment has: roles of add-ons are of the same one.
async fn account() -> anyhow::Result<PlainValue> {
    let hint = "pass --account, or credentials (AWS_PROFILE)";
    let aws = Aws::from_environment().await?;
    let id = aws.account_id().await.map_err(|error| user_error(error.to_string(), hint))?;
    PlainValue::parse(&id).map_err(|error| user_error(error.to_string(), hint))
}

/// Of a cluster whose region was not given.
async fn region(on_eks: Option<&str>, existing: Option<&ClusterSecret>) -> anyhow::Result<PlainValue> {
    let before = existing.and_then(|secret| secret.annotations.get("aws_region"));
    let known = match on_eks.or(before.map(String::as_str)) {
        Some(known) => known.to_owned(),
        None => Aws::from_environment().await?.chosen_region().map(str::to_owned).ok_or_else(|| {
            user_error(
                "the cluster's region is not known",
                "pass --region, or set AWS_REGION or a profile's region",
            )
        })?,
    };
    PlainValue::parse(&known).map_err(|error| user_error(error.to_string(), "pass --region"))
}

/// The region of an API server of EKS: `https://0123ABCD.gr7.eu-west-1.eks.amazonaws.com`.
fn eks_region(server: &str) -> Option<&str> {
    let host = server.strip_prefix("https://")?;
    let host = host.split([':', '/']).next()?;
    let suffixes = [".eks.amazonaws.com", ".eks.amazonaws.com.cn", ".eks.api.aws"];
    let front = suffixes.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    front.rsplit('.').next().filter(|region| region.contains('-'))
}

async fn server_version(cluster: &Cluster) -> anyhow::Result<LabelValue> {
    let version = cluster.client.apiserver_version().await;
    let version =
        version.map_err(|error| crossfade_kube::KubeError::of(&cluster.name.0, "read the version", error))?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let text = format!("{}.{}", digits(&version.major), digits(&version.minor));
    LabelValue::parse(&text).map_err(|error| user_error(error.to_string(), "give --kubernetes-version"))
}

/// Documents as `kubectl apply -f` reads them.
pub fn yaml_of(objects: &[Value]) -> anyhow::Result<String> {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(serde_saphyr::to_string(object)?.trim_end());
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::collections::BTreeMap;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        facts: FactOptions,
    }

    fn mk_facts(more: &[&str]) -> FactOptions {
        let args = ["x", "--hosted-zone", "eks.example.org"].iter().chain(more);
        Program::try_parse_from(args).unwrap().facts
    }

    fn mk_secret(annotations: &[(&str, &str)]) -> ClusterSecret {
        ClusterSecret {
            name: "eks-blueprint-blue".to_owned(),
            labels: BTreeMap::new(),
            annotations: annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            resource_version: "7".to_owned(),
            owner: SecretOwner::Nobody,
        }
    }

    fn kept(more: &[&str], annotations: &[(&str, &str)]) -> anyhow::Result<BridgeInput> {
        let facts = mk_facts(more);
        let mut input = facts.input(&LabelValue::parse("blue").unwrap()).unwrap();
        keep_weights(&mut input, &mk_secret(annotations), &facts.given_weights())?;
        Ok(input)
    }

    #[test]
    fn weights_that_are_there_stay() {
        let now = [("route53_weight", "0"), ("burnham_route53_weight", "30"), ("env", "blue")];
        let input = kept(&[], &now).unwrap();
        assert_eq!(input.weights.shared, Weight::ZERO);
        assert_eq!(input.weights.apps[&AppName::parse("burnham").unwrap()], Weight::new(30));
        // Not there yet: the option's, or the default.
        assert_eq!(input.weights.apps[&AppName::parse("argocd").unwrap()], Weight::new(100));
        let input = kept(&["--app-weight", "yelb=5"], &now).unwrap();
        assert_eq!(input.weights.apps[&AppName::parse("yelb").unwrap()], Weight::new(5));
    }

    #[test]
    fn no_option_moves_traffic() {
        let error = kept(&["--weight", "100"], &[("route53_weight", "0")]).unwrap_err().to_string();
        assert!(error.contains("route53_weight of eks-blueprint-blue is 0"), "{error}");
        let now = [("burnham_route53_weight", "30")];
        assert!(kept(&["--app-weight", "burnham=10"], &now).is_err());
        assert!(kept(&["--app-weight", "burnham=30"], &now).is_ok());
        assert!(kept(&[], &[("route53_weight", "300")]).is_err());
    }

    #[test]
    fn a_secret_that_is_there_is_written_as_it_was_seen() {
        let mut objects = manifests(&kept(&[], &[]).unwrap());
        pin_version(&mut objects, &mk_secret(&[]));
        let pinned: Vec<_> =
            objects.iter().filter(|object| object["metadata"]["resourceVersion"] == "7").collect();
        assert_eq!(pinned.len(), 1);
        assert_eq!(pinned[0]["metadata"]["name"], "eks-blueprint-blue");
    }

    #[test]
    fn terraform_is_asked_first() {
        let mut secret = mk_secret(&[]);
        assert!(refuse_terraform(&secret, false).is_ok());
        secret.owner = SecretOwner::Terraform { manager: "HashiCorp".to_owned() };
        assert!(refuse_terraform(&secret, false).unwrap_err().to_string().contains("HashiCorp"));
        assert!(refuse_terraform(&secret, true).is_ok());
    }

    #[test]
    fn an_endpoint_of_eks_says_its_region() {
        for (server, region) in [
            ("https://0123ABCD.gr7.eu-west-1.eks.amazonaws.com", Some("eu-west-1")),
            ("https://0123ABCD.yl4.us-gov-west-1.eks.amazonaws.com:443/", Some("us-gov-west-1")),
            ("https://0123ABCD.gr7.cn-north-1.eks.amazonaws.com.cn", Some("cn-north-1")),
            ("https://127.0.0.1:6443", None),
            ("https://eks.amazonaws.com.example.org", None),
            ("https://x.eks.amazonaws.com", None),
        ] {
            assert_eq!(eks_region(server), region, "{server}");
        }
    }

    #[test]
    fn yaml_is_read_as_it_was_meant() {
        let objects = manifests(&mk_facts(&[]).input(&LabelValue::parse("blue").unwrap()).unwrap());
        let read: Vec<Value> = serde_saphyr::from_multiple(&yaml_of(&objects).unwrap()).unwrap();
        assert_eq!(read, objects);
    }
}
