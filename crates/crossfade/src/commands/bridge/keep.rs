//! What a cluster secret says already and goes on saying: weights, facts that are not given again, add-ons.
//!
//! Nothing here asks a cluster, and nothing changes a weight: a key that is new says what holds for its application anyway.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use crossfade_core::Weight;
use crossfade_kube::bridge::{ClusterSecret, Registration};
use crossfade_stack::bridge::add_on::ENABLE_PREFIX;
use crossfade_stack::bridge::{AddOn, ROUTE53_WEIGHT, Weights};
use crossfade_stack::text::{AppName, KeyPart, PlainValue, WEIGHT_SUFFIX};

use crate::exit::user_error;

/// Weights by annotation, as options gave them.
pub type GivenWeights = BTreeMap<String, Weight>;

/// An annotation that every bridge has told: where it is, weights have been read by somebody.
const TOLD: &str = "gitops_workloads_url";

/// What the cluster secret says before it is written; nothing where there is none.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// The secret's name, for messages.
    pub name: String,
    /// What generators select by.
    pub labels: BTreeMap<String, String>,
    /// What templates read.
    pub annotations: BTreeMap<String, String>,
    /// Those of them that vanish when we do not say them again.
    applied: BTreeSet<String>,
}

impl Before {
    /// Of a secret that is there.
    pub fn of(secret: &ClusterSecret, registration: Option<&Registration>) -> Self {
        Before {
            name: secret.name.clone(),
            labels: secret.labels.clone(),
            annotations: secret.annotations.clone(),
            applied: registration.map(|seen| seen.applied_annotations.clone()).unwrap_or_default(),
        }
    }

    /// A fact: what is given, else what the secret says.
    pub fn fact(&self, given: Option<&PlainValue>, key: &str) -> anyhow::Result<Option<PlainValue>> {
        if given.is_some() {
            return Ok(given.cloned());
        }
        let said = self.annotations.get(key).filter(|text| !text.is_empty());
        said.map(|text| PlainValue::parse(text).map_err(|error| self.unreadable(key, &error))).transpose()
    }

    /// A choice among few: what is given, else what the secret says, else the default.
    pub fn choice<T: ValueEnum>(&self, given: Option<T>, key: &str, default: T) -> anyhow::Result<T> {
        match (given, self.annotations.get(key)) {
            (Some(given), _) => Ok(given),
            (None, None) => Ok(default),
            (None, Some(said)) => T::from_str(said, false)
                .map_err(|_| self.unreadable(key, &format!("`{said}` is none of those that can be chosen"))),
        }
    }

    /// What the secret says in a place where it cannot be meant.
    pub fn unreadable(&self, key: &str, why: &impl ToString) -> anyhow::Error {
        user_error(
            format!("annotation {key} of {}: {}", self.name, why.to_string()),
            "give the fact by its option, or correct the annotation in the cluster",
        )
    }

    /// Every weight that holds now, those that were not asked for included: a key that vanished would change what moves
    /// together. `default` is for a secret that nobody has read a weight of.
    pub fn weights(&self, given: &GivenWeights, default: Weight) -> anyhow::Result<Weights> {
        let is_told = self.annotations.keys().any(|key| key == TOLD || key.ends_with(ROUTE53_WEIGHT));
        let asked = given.get(ROUTE53_WEIGHT).copied();
        let shared = match self.weight(ROUTE53_WEIGHT)? {
            Some(shared) => shared,
            // Without the key the ApplicationSet hands on this.
            None if is_told => Weight::ZERO,
            None => asked.unwrap_or(default),
        };
        if asked.is_some_and(|asked| asked != shared) {
            return Err(moves(
                &format!("{ROUTE53_WEIGHT} of {} is {shared}", self.name),
                "`crossfade migrate` and `crossfade weights set` change weights; leave the option out here",
            ));
        }
        let mut weights = Weights::all(shared);
        for (key, weight) in given {
            let Some(app) = app_of(key) else { continue };
            let now = self.weight(key)?;
            let follows = if now.is_some() { "" } else { ", as route53_weight" };
            let now = now.unwrap_or(shared);
            if is_told && *weight != now {
                let way = format!("pass --app-weight {app}={now}; `crossfade weights set` moves it then");
                return Err(moves(&format!("the weight of {app} in {} is {now}{follows}", self.name), &way));
            }
            weights.apps.insert(self.app(key, app)?, *weight);
        }
        for key in self.annotations.keys() {
            if let (Some(app), Some(weight)) = (app_of(key), self.weight(key)?) {
                weights.apps.insert(self.app(key, app)?, weight);
            }
        }
        Ok(weights)
    }

    fn app(&self, key: &str, app: &str) -> anyhow::Result<AppName> {
        AppName::parse(app).map_err(|error| {
            user_error(format!("annotation {key} of {}: {error}", self.name), "remove the annotation")
        })
    }

    fn weight(&self, key: &str) -> anyhow::Result<Option<Weight>> {
        let Some(text) = self.annotations.get(key).filter(|_| key == ROUTE53_WEIGHT || app_of(key).is_some())
        else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|error: crossfade_core::weight::WeightError| {
            user_error(
                format!("annotation {key} of {}: {error}", self.name),
                "correct the annotation in the cluster",
            )
        })
    }

    /// Which add-ons are on and which off; `None` where the secret says it of none.
    pub fn add_ons(&self) -> Option<BTreeMap<AddOn, bool>> {
        let switches = self.labels.iter().filter_map(|(key, value)| {
            let name = KeyPart::parse(key.strip_prefix(ENABLE_PREFIX)?).ok()?;
            Some((name, value == "true"))
        });
        let switches: Vec<_> = switches.collect();
        let said = switches.iter().filter(|(name, _)| name.as_str() != "argocd");
        let said = said.map(|(name, is_on)| (AddOn::of_label(name.clone()), *is_on)).collect();
        (!switches.is_empty()).then_some(said)
    }

    /// What we said before and nobody asks for now, except about add-ons that are not on.
    pub fn more_annotations(&self, on: &BTreeSet<AddOn>) -> BTreeMap<String, String> {
        let known: BTreeSet<AddOn> = AddOn::of_the_pattern()
            .into_iter()
            .chain(self.add_ons().unwrap_or_default().into_keys())
            .chain(on.iter().cloned())
            .collect();
        let is_kept = |key: &str| {
            let of = known.iter().filter(|add_on| key.starts_with(&add_on.annotation_key("")));
            of.max_by_key(|add_on| add_on.annotation_key("").len()).is_none_or(|add_on| on.contains(add_on))
        };
        let kept = self.annotations.iter().filter(|(key, _)| self.applied.contains(*key) && is_kept(key));
        kept.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

fn app_of(key: &str) -> Option<&str> {
    key.strip_suffix(WEIGHT_SUFFIX)
}

fn moves(now: &str, way: &str) -> anyhow::Error {
    user_error(format!("{now}; the bridge does not move traffic"), way)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::commands::bridge::facts::Ingresses;

    const ALL: Weight = Weight::new(100);

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn mk_before(annotations: &[(&str, &str)]) -> Before {
        let annotations = texts(annotations);
        let applied = annotations.keys().cloned().collect();
        Before { name: "eks-blueprint-blue".to_owned(), labels: BTreeMap::new(), annotations, applied }
    }

    fn kept(given: &[(&str, u8)], annotations: &[(&str, &str)]) -> Result<String, String> {
        let given = given.iter().map(|(key, weight)| ((*key).to_owned(), Weight::new(*weight))).collect();
        let weights = mk_before(annotations).weights(&given, ALL).map_err(|error| error.to_string())?;
        let apps = weights.apps.iter().map(|(app, weight)| format!(" {app}={weight}"));
        Ok(format!("{}{}", weights.shared, apps.collect::<String>()))
    }

    #[test]
    fn weights_that_are_there_stay() {
        let now = [("route53_weight", "0"), ("burnham_route53_weight", "30"), ("env", "blue")];
        assert_eq!(kept(&[], &now).unwrap(), "0 argocd=0 burnham=30 ecsfrontend=0");
        let now = [("route53_weight", "70"), ("ecsfrontend_route53_weight", "5")];
        assert_eq!(kept(&[], &now).unwrap(), "70 argocd=70 ecsfrontend=5");
        assert_eq!(kept(&[], &[]).unwrap(), "100 argocd=100 ecsfrontend=100");
        // Told without a weight: templates take it for 0.
        assert_eq!(kept(&[], &[("gitops_workloads_url", "x")]).unwrap(), "0 argocd=0 ecsfrontend=0");
    }

    #[test]
    fn a_new_key_says_what_holds_already() {
        let now = [("route53_weight", "100"), ("burnham_route53_weight", "30")];
        assert!(kept(&[("yelb_route53_weight", 100)], &now).unwrap().ends_with(" yelb=100"));
        for given in
            [("yelb_route53_weight", 0), ("burnham_route53_weight", 10), ("argocd_route53_weight", 0)]
        {
            let said = kept(&[given], &now).unwrap_err();
            assert!(said.ends_with("the bridge does not move traffic"), "{said}");
        }
        assert!(kept(&[("yelb_route53_weight", 0)], &now).unwrap_err().contains("is 100, as route53_weight"));
        assert!(kept(&[("burnham_route53_weight", 30)], &now).is_ok());
        // Nobody reads a secret that does not exist.
        assert!(kept(&[("yelb_route53_weight", 5)], &[]).unwrap().ends_with(" yelb=5"));
    }

    #[test]
    fn no_option_moves_traffic() {
        let error = kept(&[("route53_weight", 100)], &[("route53_weight", "0")]).unwrap_err();
        assert!(error.contains("route53_weight of eks-blueprint-blue is 0"), "{error}");
        assert!(kept(&[("route53_weight", 100)], &[("burnham_route53_weight", "30")]).is_err());
        assert!(kept(&[], &[("route53_weight", "300")]).is_err());
        assert!(kept(&[], &[("Big_route53_weight", "3")]).is_err());
    }

    #[test]
    fn facts_stay_unless_given_again() {
        let before = mk_before(&[("aws_vpc_id", "vpc-1"), ("ingress_type", "nginx"), ("aws_region", "a b")]);
        let fact = |given: Option<&str>, key| {
            let given = given.map(|text| PlainValue::parse(text).unwrap());
            before.fact(given.as_ref(), key).map(|fact| fact.map(|fact| fact.to_string()))
        };
        assert_eq!(fact(None, "aws_vpc_id").unwrap().as_deref(), Some("vpc-1"));
        assert_eq!(fact(Some("vpc-2"), "aws_vpc_id").unwrap().as_deref(), Some("vpc-2"));
        assert_eq!(fact(None, "cluster_endpoint").unwrap(), None);
        assert!(
            fact(None, "aws_region").unwrap_err().to_string().contains("aws_region of eks-blueprint-blue")
        );
        assert!(fact(Some("eu-west-1"), "aws_region").is_ok());
        let choice = |given| before.choice(given, "ingress_type", Ingresses::Alb).unwrap();
        assert_eq!((choice(None), choice(Some(Ingresses::Alb))), (Ingresses::Nginx, Ingresses::Alb));
    }

    #[test]
    fn what_an_add_on_was_told_goes_with_it() {
        let mut before = mk_before(&[
            ("karpenter_sqs_queue_name", "q"),
            ("external_dns_zone_type", "public"),
            ("external_dns_policy", "sync"),
            ("mine", "1"),
            ("foreign", "2"),
        ]);
        before.applied.remove("foreign");
        let on = BTreeSet::from([AddOn::ExternalDns]);
        let kept: Vec<String> = before.more_annotations(&on).into_keys().collect();
        assert_eq!(kept, ["external_dns_policy", "external_dns_zone_type", "mine"]);
    }

    #[test]
    fn a_secret_without_switches_says_nothing_about_add_ons() {
        let mut before = mk_before(&[]);
        assert_eq!(before.add_ons(), None);
        before.labels =
            texts(&[("enable_argocd", "true"), ("enable_kyverno", "true"), ("enable_karpenter", "false")]);
        let said = before.add_ons().unwrap();
        assert_eq!(said, BTreeMap::from([(AddOn::Kyverno, true), (AddOn::Karpenter, false)]));
    }
}
