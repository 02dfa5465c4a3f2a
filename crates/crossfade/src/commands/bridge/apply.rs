//! `crossfade bridge apply`: looks at what is there, refuses what it would break, says what changes, writes.
//!
//! Nothing is written before all of it has been read and every object been looked at.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use crossfade_core::ClusterName;
use crossfade_kube::Cluster;
use crossfade_kube::apply::{Applied, Manifest, Prepared, prepare};
use crossfade_kube::bridge::{
    ClusterSecret, knows_application_sets, read_cluster_secret, registration, registrations,
};
use crossfade_stack::bridge::{ARGOCD_NAMESPACE, BridgeInput};
use crossfade_stack::manifests;
use crossfade_stack::text::{LabelValue, PlainValue};
use serde_json::Value;

use super::facts::FactOptions;
use super::input::mistakable;
use super::keep::Before;
use super::place::{account, eks_region, region, server_version};
use super::registered::{refuse_foreign, refuse_second, refuse_terraform, refuse_terraform_objects};
use super::secrets::SecretOptions;
use crate::exit::{Exit, user_error};
use crate::printer::{data, note};
use crate::shell::word;

#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
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
    /// Have the server look at everything and store nothing; print what would become of each object, and which labels and
    /// annotations of the cluster secret change.
    #[arg(long)]
    dry_run: bool,
    /// Write what Terraform owns; its next apply undoes it unless main.tf says the same.
    #[arg(long)]
    i_will_edit_main_tf: bool,
}

/// Applies, or says what applying would do.
pub async fn run(args: &ApplyArgs) -> anyhow::Result<Exit> {
    let (name, _) = args.facts.names(&args.service)?;
    let context = args.context.as_deref().unwrap_or(name.as_str());
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
    let known = registrations(&cluster, ARGOCD_NAMESPACE).await?;
    refuse_second(&name, &args.facts.environment, context, &known)?;
    let existing = read_cluster_secret(&cluster, ARGOCD_NAMESPACE, name.as_str()).await?;
    let mut before = Before::default();
    if let Some(existing) = &existing {
        refuse_terraform(existing, args.i_will_edit_main_tf)?;
        let registration = registration(&cluster, ARGOCD_NAMESPACE, name.as_str()).await?;
        registration.iter().try_for_each(|registration| refuse_foreign(registration, context))?;
        before = Before::of(existing, registration.as_ref());
    }
    let mut input = args.facts.input(&args.service, &before)?;
    args.look_around(&mut input, &before, &cluster).await?;
    let region = input.cluster.region.clone();
    let mut notes = args
        .secrets
        .add_to(&mut input, &cluster, &region)
        .await?
        .map_or_else(Vec::new, |said| vec![said.to_owned()]);
    notes.extend(told(&input, &before, &cluster));

    let mut objects = manifests(&input);
    if let Some(existing) = &existing {
        pin_version(&mut objects, existing);
    }
    let objects: Vec<Manifest> = objects
        .into_iter()
        .map(|object| Manifest::from_value("the bridge", object))
        .collect::<Result<_, _>>()?;
    let prepared = prepare(&cluster, &objects).await?;
    refuse_terraform_objects(&prepared, args.i_will_edit_main_tf)?;
    for said in &notes {
        note(said);
    }
    if args.dry_run {
        try_out(&prepared, &cluster, &before, &format!("secret/{name}")).await?;
        note(&format!("nothing is written to {context}"));
        return Ok(Exit::Done);
    }
    for object in &prepared {
        let applied = object.apply(&cluster).await?;
        data(&format!("{} {}", applied.what, applied.outcome.as_str()));
    }
    note(&format!(
        "{} objects are applied to {context}; the cluster secret is {ARGOCD_NAMESPACE}/{name}",
        objects.len()
    ));
    Ok(Exit::Done)
}

impl ApplyArgs {
    /// Adds what the cluster and the environment's credentials say, where no option does.
    async fn look_around(
        &self,
        input: &mut BridgeInput,
        before: &Before,
        cluster: &Cluster,
    ) -> anyhow::Result<()> {
        if self.facts.kubernetes_version.is_none() {
            input.cluster.kubernetes_version = server_version(cluster).await?;
        }
        if self.facts.account.is_none() && !before.annotations.contains_key("aws_account_id") {
            input.cluster.account_id = account().await?;
        }
        let on_eks = eks_region(&cluster.server);
        match (&self.facts.region, on_eks) {
            (Some(given), Some(own)) if given.as_str() != own => {
                return Err(user_error(
                    format!(
                        "--region (or AWS_REGION) is {given}, but the cluster of context {} is in {own}",
                        cluster.context
                    ),
                    format!("pass --region {own}, or the context of the cluster that is meant"),
                ));
            }
            (Some(_), _) => {}
            (None, on_eks) => input.cluster.region = region(on_eks, before).await?,
        }
        if let (None, Some(_), Ok(server)) =
            (&self.facts.endpoint, on_eks, PlainValue::parse(&cluster.server))
        {
            input.cluster.endpoint = Some(server);
        }
        if let (None, Some(name)) = (&self.facts.git_key_secret_name, self.secrets.key_name()) {
            input.git_key_secret_name = Some(name.clone());
        }
        Ok(())
    }
}

/// What is to be said before anything is written.
fn told(input: &BridgeInput, before: &Before, cluster: &Cluster) -> Vec<String> {
    let mut notes = mistakable(input);
    let was_on = before.add_ons().unwrap_or_default();
    for add_on in input.disabled.iter().filter(|add_on| was_on.get(add_on) == Some(&true)) {
        notes.push(format!("add-on {} goes off: Argo CD deletes its Application", add_on.label_name()));
    }
    let domain = input.cluster.domain.as_str();
    if let Some(old) = before.annotations.get("eks_cluster_domain").filter(|old| *old != domain) {
        notes.push(format!("hosts below {old} move below {domain} (--hosted-zone, --environment)"));
    }
    let poor = input.enabled.iter().filter(|add_on| add_on.needs_role() && add_on.iam_role_arn.is_none());
    let poor: Vec<&str> = poor.map(|add_on| add_on.add_on.label_name()).collect();
    if !poor.is_empty() && eks_region(&cluster.server).is_some() {
        notes.push(format!(
            "note: add-ons without a role, whose pods AWS refuses unless they get one otherwise: {}; --add-on NAME=ROLE gives one",
            poor.join(", ")
        ));
    }
    notes
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

async fn try_out(
    prepared: &[Prepared<'_>],
    cluster: &Cluster,
    before: &Before,
    cluster_secret: &str,
) -> anyhow::Result<()> {
    let namespaces = prepared.iter().filter(|object| object.before().is_none());
    let to_come: BTreeSet<&str> =
        namespaces.filter_map(|object| object.what().strip_prefix("namespace/")).collect();
    for object in prepared {
        let applied = object.try_out(cluster, |namespace| to_come.contains(namespace)).await?;
        data(&format!("{} {} (server dry run)", applied.what, applied.outcome.as_str()));
        if applied.what == cluster_secret {
            for line in changes(before, &applied) {
                data(&line);
            }
        }
    }
    Ok(())
}

/// Labels and annotations that differ, a line for each.
fn changes(before: &Before, applied: &Applied) -> Vec<String> {
    let labels = applied.metadata.labels.clone().unwrap_or_default();
    let annotations = applied.metadata.annotations.clone().unwrap_or_default();
    let mut lines = differences("label", &before.labels, &labels);
    lines.extend(differences("annotation", &before.annotations, &annotations));
    lines
}

fn differences(what: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differing = keys.into_iter().filter(|key| old.get(*key) != new.get(*key));
    let said = |values: &BTreeMap<String, String>, key| {
        values.get(key).map_or_else(|| "(none)".to_owned(), |text| without_password(text))
    };
    differing.map(|key| format!("  {what} {key}: {} → {}", said(old, key), said(new, key))).collect()
}

/// A URL that somebody else wrote may have one.
fn without_password(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => match rest.split_once('@') {
            Some((user, host)) if user.contains(':') => format!("{scheme}://…@{host}"),
            _ => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: ApplyArgs,
    }

    #[test]
    fn a_secret_that_is_there_is_written_as_it_was_seen() {
        let words = ["x", "--service", "blue", "--hosted-zone", "eks.example.org"];
        let args = Program::try_parse_from(words).unwrap().args;
        let mut objects = manifests(&args.facts.input(&args.service, &Before::default()).unwrap());
        let secret = ClusterSecret {
            name: "eks-blueprint-blue".to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            resource_version: "7".to_owned(),
            owner: crossfade_kube::bridge::SecretOwner::Nobody,
        };
        pin_version(&mut objects, &secret);
        let pinned: Vec<_> =
            objects.iter().filter(|object| object["metadata"]["resourceVersion"] == "7").collect();
        assert_eq!(pinned.len(), 1);
        assert_eq!(pinned[0]["metadata"]["name"], "eks-blueprint-blue");
    }

    #[test]
    fn differences_are_told_without_passwords() {
        let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let old = texts(&[("a", "1"), ("b", "2"), ("url", "https://me:token@host/x")]);
        let new = texts(&[("a", "1"), ("c", "3"), ("url", "https://host/x")]);
        assert_eq!(
            differences("label", &old, &new),
            [
                "  label b: 2 → (none)",
                "  label c: (none) → 3",
                "  label url: https://…@host/x → https://host/x"
            ]
        );
    }
}
