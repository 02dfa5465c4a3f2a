//! Facts put together: options, what the cluster secret says, the pattern. Touches no cluster; the files that it reads are
//! those of ApplicationSets.

use std::collections::BTreeSet;

use crossfade_core::Weight;
use crossfade_gotemplate::Values;
use crossfade_stack::bridge::{
    AddOn, AddOnsSource, BridgeInput, ClusterFacts, EnabledAddOn, ExternalDnsPolicy, IngressType, Team,
    WorkloadsSource, derived_names,
};
use crossfade_stack::text::{Domain, KeyPart, LabelValue, ObjectName, PlainValue};

use super::application_sets;
use super::facts::{DnsPolicy, FactOptions, Ingresses};
use super::keep::Before;
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
/// What an add-on's annotations say of every one that has a role.
const IDENTITY: [&str; 3] = ["namespace", "service_account", "iam_role_arn"];

impl FactOptions {
    /// The name of the cluster `service`, and the domain of its hosts.
    pub fn names(&self, service: &LabelValue) -> anyhow::Result<(ObjectName, Domain)> {
        derived_names(&self.environment, service, &self.hosted_zone)
            .map_err(|error| user_error(error.to_string(), way_out(service)))
    }

    /// The bridge of the cluster `service`, without secrets.
    pub fn input(&self, service: &LabelValue, before: &Before) -> anyhow::Result<BridgeInput> {
        let (name, domain) = self.names(service)?;
        let fact = |given: &Option<PlainValue>, key, default| -> anyhow::Result<PlainValue> {
            let known = before.fact(given.as_ref(), key)?;
            known.map_or_else(|| PlainValue::parse(default).map_err(Into::into), Ok)
        };
        let maybe = |given: &Option<PlainValue>, key| before.fact(given.as_ref(), key);
        let pattern = |what| format!("git@github.com:aws-samples/eks-blueprints-{what}");
        let version = || LabelValue::parse(KUBERNETES_VERSION);
        let (enabled, disabled) = self.add_ons(before)?;
        let on: BTreeSet<AddOn> = enabled.iter().map(|enabled| enabled.add_on.clone()).collect();
        let default = if service.as_str() == FIRST { ALL } else { Weight::ZERO };
        let input = BridgeInput {
            cluster: ClusterFacts {
                name,
                service_name: service.clone(),
                environment: self.environment.clone(),
                kubernetes_version: self.kubernetes_version.clone().map_or_else(version, Ok)?,
                region: fact(&self.region, "aws_region", REGION)?,
                account_id: fact(&self.account, "aws_account_id", ACCOUNT)?,
                vpc_id: maybe(&self.vpc, "aws_vpc_id")?,
                endpoint: maybe(&self.endpoint, "cluster_endpoint")?,
                domain,
            },
            weights: before.weights(&self.given_weights(), default)?,
            workloads: WorkloadsSource {
                url: fact(&self.workloads_url, "gitops_workloads_url", &pattern("workloads"))?,
                path: fact(&self.workloads_path, "gitops_workloads_path", "envs/dev")?,
                revision: fact(&self.workloads_revision, "gitops_workloads_revision", "main")?,
            },
            add_ons: AddOnsSource {
                url: fact(&self.addons_url, "addons_repo_url", &pattern("add-ons"))?,
                base_path: fact(&self.addons_base_path, "addons_repo_basepath", "argocd/")?,
                path: fact(&self.addons_path, "addons_repo_path", "argocd/bootstrap/control-plane/addons")?,
                revision: fact(&self.addons_revision, "addons_repo_revision", "HEAD")?,
            },
            enabled,
            disabled,
            more_annotations: before.more_annotations(&on),
            ingress_type: match before.choice(self.ingress_type, "ingress_type", Ingresses::Alb)? {
                Ingresses::Alb => IngressType::Alb,
                Ingresses::Nginx => IngressType::Nginx,
            },
            external_dns_policy: match before.choice(
                self.external_dns_policy,
                "external_dns_policy",
                DnsPolicy::Sync,
            )? {
                DnsPolicy::Sync => ExternalDnsPolicy::Sync,
                DnsPolicy::UpsertOnly => ExternalDnsPolicy::UpsertOnly,
            },
            git_key_secret_name: maybe(
                &self.git_key_secret_name,
                "aws_secret_manager_git_private_ssh_key_name",
            )?,
            credentials: Vec::new(),
            admin_password: None,
            teams: if self.no_teams { Vec::new() } else { Team::of_the_pattern()? },
            more_application_sets: application_sets::read(&self.application_sets)?,
        };
        refuse_credentials("--workloads-url", &input.workloads.url)?;
        refuse_credentials("--addons-url", &input.add_ons.url)?;
        Ok(input)
    }

    /// Those that are on, and those that are said to be off.
    fn add_ons(&self, before: &Before) -> anyhow::Result<(Vec<EnabledAddOn>, Vec<AddOn>)> {
        let said = before.add_ons();
        self.refuse_switches(&said.iter().flat_map(|said| said.keys().cloned()).collect())?;
        let mut on: Vec<AddOn> = match &said {
            Some(said) => {
                said.iter().filter(|(_, is_on)| **is_on).map(|(add_on, _)| add_on.clone()).collect()
            }
            None if self.no_default_add_ons => Vec::new(),
            None => AddOn::of_the_pattern(),
        };
        for (add_on, _) in &self.add_ons {
            if !on.contains(add_on) {
                on.push(add_on.clone());
            }
        }
        on.retain(|add_on| !self.no_add_ons.contains(add_on));
        let off = said.unwrap_or_default().into_keys().filter(|add_on| !on.contains(add_on)).collect();
        let mut enabled = Vec::new();
        for add_on in on {
            enabled.push(as_before(add_on, before)?);
        }
        for (add_on, role) in &self.add_ons {
            let known = enabled.iter_mut().find(|known| known.add_on == *add_on);
            if let (Some(known), Some(role)) = (known, role) {
                known.iam_role_arn = Some(role.clone());
            }
        }
        for (name, key, value) in &self.properties {
            let Some(add_on) = enabled.iter_mut().find(|known| known.add_on.label_name() == name.as_str())
            else {
                return Err(user_error(
                    format!("add-on {name} is not on"),
                    format!("pass --add-on {name} as well"),
                ));
            };
            add_on.set_property(key.clone(), value.clone()).map_err(|error| {
                user_error(error.to_string(), format!("--add-on-property {name}.{key} needs another"))
            })?;
        }
        Ok((enabled, off))
    }

    fn refuse_switches(&self, said: &BTreeSet<AddOn>) -> anyhow::Result<()> {
        let pattern = AddOn::of_the_pattern();
        for add_on in &self.no_add_ons {
            let name = add_on.label_name();
            if self.add_ons.iter().any(|(on, _)| on == add_on) {
                return Err(user_error(
                    format!("add-on {name} is to be on and off"),
                    "leave out --add-on or --no-add-on",
                ));
            }
            if name == "argocd" || !(pattern.contains(add_on) || said.contains(add_on)) {
                let known: BTreeSet<&str> = pattern.iter().chain(said).map(AddOn::label_name).collect();
                let known: Vec<&str> = known.into_iter().collect();
                return Err(user_error(
                    format!("{name} is no add-on that can be off"),
                    format!("they are: {}", known.join(", ")),
                ));
            }
        }
        Ok(())
    }
}

/// On, with what the secret says about it.
fn as_before(add_on: AddOn, before: &Before) -> anyhow::Result<EnabledAddOn> {
    let mut enabled = EnabledAddOn::plain(add_on);
    for property in IDENTITY {
        let key = enabled.add_on.annotation_key(property);
        if let Some(value) = before.fact(None, &key)? {
            enabled
                .set_property(KeyPart::parse(property)?, value)
                .map_err(|error| before.unreadable(&key, &error))?;
        }
    }
    Ok(enabled)
}

/// What derived names do not fit for.
fn way_out(service: &LabelValue) -> String {
    if ObjectName::parse(service.as_str()).is_err() {
        "--service takes lower-case letters, digits and `-`: it is a part of the cluster's name".to_owned()
    } else {
        "a shorter --environment or --hosted-zone may do".to_owned()
    }
}

/// Everybody who may read an annotation would read the password.
fn refuse_credentials(option: &str, url: &PlainValue) -> anyhow::Result<()> {
    let rest = url.as_str().split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) {
        return Err(user_error(
            format!("the URL of {option} has a password in it, which would stand in an annotation"),
            "give the URL without it, and the password by --git-username and --git-password-file",
        ));
    }
    Ok(())
}

/// Texts that a chart which does not quote them takes for something else, as the pattern's own.
pub fn mistakable(input: &BridgeInput) -> Vec<String> {
    let texts =
        [("revision", input.workloads.revision.as_str()), ("service", input.cluster.service_name.as_str())];
    let is_text = |text: &str| {
        let mut values = Values::new();
        values.add_yaml(&format!("text: {text}")).is_ok() && values.as_json()["text"].is_string()
    };
    let told = texts.iter().filter(|(_, text)| !is_text(text)).map(|(what, text)| {
        format!(
            "note: YAML takes the {what} {text} for something other than text; charts have to quote it, as those of `crossfade \
             export gitops` do and those of the pattern do not"
        )
    });
    told.collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use clap::Parser;
    use crossfade_kube::bridge::{ClusterSecret, Registration, SecretOwner};
    use crossfade_stack::bridge::cluster_secret;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        facts: FactOptions,
    }

    fn input_with(service: &str, more: &[&str], before: &Before) -> Result<BridgeInput, String> {
        let args = ["x", "--hosted-zone", "eks.example.org"].iter().chain(more);
        let facts = Program::try_parse_from(args).unwrap().facts;
        facts.input(&LabelValue::parse(service).unwrap(), before).map_err(|error| {
            let hint = error.downcast_ref::<crate::exit::UserError>().unwrap().hint.clone();
            format!("{error}; {}", hint.unwrap())
        })
    }

    fn input(more: &[&str]) -> Result<BridgeInput, String> {
        input_with("blue", more, &Before::default())
    }

    /// The secret that an input makes, as it is read before the next.
    fn written(input: &BridgeInput) -> Before {
        let annotations = cluster_secret::annotations(input);
        let registration = Registration {
            applied_annotations: annotations.keys().cloned().collect(),
            ..Registration::default()
        };
        let secret = ClusterSecret {
            name: "eks-blueprint-blue".to_owned(),
            labels: cluster_secret::labels(input),
            annotations,
            resource_version: "7".to_owned(),
            owner: SecretOwner::Nobody,
        };
        Before::of(&secret, Some(&registration))
    }

    fn on(input: &BridgeInput) -> Vec<String> {
        let labels = cluster_secret::labels(input).into_iter();
        labels
            .filter(|(key, value)| key.starts_with("enable_") && value == "true")
            .map(|(key, _)| key)
            .collect()
    }

    #[test]
    fn an_add_on_comes_to_the_others() {
        let all = input(&[]).unwrap();
        assert_eq!(on(&all).len(), 12);
        assert_eq!(on(&input(&["--add-on", "external_dns=arn:x"]).unwrap()), on(&all));
        assert_eq!(on(&input(&["--add-on", "mine"]).unwrap()).len(), 13);
        assert_eq!(on(&input(&["--no-add-on", "kyverno"]).unwrap()).len(), 11);
        let few = input(&["--no-default-add-ons", "--add-on", "external_dns"]).unwrap();
        assert_eq!(on(&few), ["enable_argocd", "enable_external_dns"]);
    }

    #[test]
    fn what_is_not_given_again_stays() {
        let words = "--vpc vpc-1 --endpoint https://x --account 222233334444 --region eu-north-1 --workloads-url w --workloads-path p \
            --workloads-revision v2 --addons-url a --addons-base-path b/ --addons-path c --addons-revision v3 --ingress-type nginx \
            --external-dns-policy upsert-only --git-key-secret-name k --no-add-on kyverno --add-on external_dns=arn:x \
            --add-on mine=arn:y --add-on-property external_dns.namespace=dns --add-on-property mine.queue=q --app-weight yelb=5";
        let words: Vec<&str> = words.split_whitespace().collect();
        let first = input(&words).unwrap();
        let before = written(&first);
        let again = input_with("blue", &[], &before).unwrap();
        let (said, kept) = (cluster_secret::annotations(&first), cluster_secret::annotations(&again));
        assert_eq!(kept, said);
        assert_eq!((kept["external_dns_namespace"].as_str(), kept["mine_queue"].as_str()), ("dns", "q"));
        assert_eq!(on(&again), on(&first));

        let off =
            input_with("blue", &["--no-add-on", "mine", "--add-on", "external_dns=arn:z"], &before).unwrap();
        let annotations = cluster_secret::annotations(&off);
        assert!(!annotations.keys().any(|key| key.starts_with("mine_")), "{annotations:?}");
        assert_eq!(annotations["external_dns_iam_role_arn"], "arn:z");
        assert_eq!(annotations["external_dns_namespace"], "dns");
        assert_eq!(cluster_secret::labels(&off)["enable_mine"], "false");
        // And off it stays, also when it is asked for again.
        let still = input_with("blue", &["--no-add-on", "mine"], &written(&off)).unwrap();
        assert_eq!(on(&still), on(&off));
        let none = input_with("blue", &["--no-default-add-ons"], &before).unwrap();
        assert_eq!(on(&none), on(&first), "nothing goes off unless it is named");
    }

    #[test]
    fn refusals_name_the_way_out() {
        for (service, more, word) in [
            ("blue", &["--no-add-on", "kyvern"][..], "they are: aws_cloudwatch_metrics"),
            ("blue", &["--no-add-on", "argocd"], "no add-on that can be off"),
            ("blue", &["--no-add-on", "kyverno", "--add-on", "kyverno"], "is to be on and off"),
            ("blue", &["--add-on-property", "mine.a=b"], "pass --add-on mine"),
            ("blue", &["--add-on-property", "external_dns.namespace=A"], "is no name"),
            ("Blue", &[], "--service takes lower-case letters"),
            ("blue", &["--environment", &"e".repeat(60)], "a shorter --environment"),
            ("blue", &["--workloads-url", "https://me:token@git.example.org/w"], "--git-password-file"),
            ("blue", &["--addons-url", "https://me:token@git.example.org/w"], "the URL of --addons-url"),
        ] {
            let said = input_with(service, more, &Before::default()).unwrap_err();
            assert!(said.contains(word) && !said.contains("token@"), "`{word}` is not in: {said}");
        }
        assert!(input(&["--workloads-url", "ssh://git@git.example.org:22/w"]).is_ok());
    }

    #[test]
    fn texts_that_look_like_numbers_are_told() {
        for text in ["1.10", "1e5", "true", "0123"] {
            assert_eq!(mistakable(&input(&["--workloads-revision", text]).unwrap()).len(), 1, "{text}");
        }
        assert_eq!(mistakable(&input_with("2", &[], &Before::default()).unwrap()).len(), 1);
        assert!(mistakable(&input(&["--workloads-revision", "v1.10"]).unwrap()).is_empty());
    }
}
