//! The actuator `gitopsBridge`: an annotation of Argo CD's cluster secret is the knob.
//!
//! Which Ingresses an annotation feeds is learned: those that Argo CD keeps, whose `<app>_route53_weight` the secret has, or
//! else `route53_weight`. Between the secret and the Ingress the weight shows in the Helm values of Applications: first those
//! that an ApplicationSet made, then those that these made.

use std::collections::{BTreeMap, BTreeSet};

use crossfade_core::gitops::{ARGOCD_NAMESPACE, ROUTE53_WEIGHT, weight_key};
use crossfade_core::migration::HopSeen;
use crossfade_core::{GroupName, Weight};
use crossfade_kube::applications::{Application, Sync};
use crossfade_kube::bridge::{ClusterSecret, cluster_secrets};
use crossfade_kube::groups::{Knob, KnobKind, is_argo_cd, knobs};
use crossfade_kube::{Cluster, KubeError};

use crate::migration::place::{Object, Place, SecretKey};

/// Hops between the secret and the Ingress.
pub(super) mod hop {
    /// The annotation.
    pub(crate) const SECRET: &str = "cluster-secret";
    /// Helm values of Applications that ApplicationSets made.
    pub(crate) const APPLICATION_SET: &str = "application-set";
    /// Helm values of Applications that Applications made.
    pub(crate) const APPLICATIONS: &str = "applications";
}

/// Every annotation of the cluster's own secret that feeds an Ingress or Service, with what it feeds.
pub(super) async fn bridge_places(cluster: &Cluster) -> Result<BTreeMap<GroupName, Place>, KubeError> {
    let secrets = cluster_secrets(cluster, ARGOCD_NAMESPACE).await?;
    let mut places = BTreeMap::new();
    for knob in knobs(cluster).await? {
        let Some(secret) = secret_of(&secrets, &knob) else { continue };
        let Some(key) = key_of(secret, &knob) else { continue };
        // The annotation is the group's name.
        let place = places.entry(GroupName(key.clone())).or_insert_with(|| mk_place(secret, key));
        place.objects.push(Object { knob: kept_by_argo_cd_alone(knob), addresses: Vec::new() });
    }
    Ok(places)
}

/// The pattern names the secret, the set identifier and the cluster alike; a cluster with one secret needs no name.
fn secret_of<'a>(secrets: &'a [ClusterSecret], knob: &Knob) -> Option<&'a ClusterSecret> {
    let named = secrets.iter().find(|secret| knob.set_identifier.as_deref() == Some(secret.name.as_str()));
    let is_only = secrets.len() == 1;
    named.or_else(|| secrets.first().filter(|_| is_only))
}

fn key_of(secret: &ClusterSecret, knob: &Knob) -> Option<String> {
    let own = knob.app.as_deref().map(weight_key);
    let keys = own.into_iter().chain([ROUTE53_WEIGHT.to_owned()]);
    keys.into_iter().find(|key| secret.annotations.contains_key(key))
}

fn mk_place(secret: &ClusterSecret, key: String) -> Place {
    let weight = weight_of(secret, &key);
    Place { weight, secret: Some(SecretKey { secret: secret.clone(), key }), objects: Vec::new() }
}

/// The weight that an annotation of the secret is.
pub(super) fn weight_of(secret: &ClusterSecret, key: &str) -> Result<Weight, String> {
    let text =
        secret.annotations.get(key).ok_or_else(|| format!("{} has no annotation {key}", secret.name))?;
    text.parse().map_err(|_| format!("{key} of {} is `{text}`, no weight from 0 to 255", secret.name))
}

/// Argo CD keeps the objects and follows the secret; anybody else would undo a weight.
fn kept_by_argo_cd_alone(mut knob: Knob) -> Knob {
    match knob.kept_by.take() {
        Some(agent) if is_argo_cd(&agent) => {}
        Some(agent) => knob.kept_by = Some(agent),
        None => {
            let message = "nobody: Argo CD does not keep it, so no weight of the cluster secret reaches it";
            knob.kept_by = Some(message.to_owned());
        }
    }
    knob
}

/// The two hops that Applications are, for the annotation that a place's weight is written on.
pub(super) fn application_hops(
    applications: Option<&[Application]>,
    key: &str,
    knob: Option<Weight>,
    objects: &[Object],
) -> Vec<HopSeen> {
    let Some(applications) = applications else {
        let unlisted = |name: &str| HopSeen {
            note: Some("they cannot be listed".to_owned()),
            ..HopSeen::new(name, None)
        };
        return vec![unlisted(hop::APPLICATION_SET), unlisted(hop::APPLICATIONS)];
    };
    let held = held_back(applications);
    let fed: Vec<(&Application, Weight)> = leading_or_all(applications, objects)
        .into_iter()
        .filter_map(|application| Some((application, weight_in(application, key)?)))
        .collect();
    let of = |name: &str, by_set: bool| {
        let all: Vec<_> = fed.iter().filter(|(application, _)| application.made_by_set == by_set).collect();
        let first = all.first().map(|(_, weight)| *weight);
        let value = first.filter(|weight| all.iter().all(|(_, other)| other == weight));
        let at = |sync: Sync| all.iter().map(|(application, _)| application).find(|found| found.sync == sync);
        let (busy, stuck) = (at(Sync::Running), at(Sync::Stuck));
        let is_held = |application: &Application| held.contains(application.name.as_str());
        let parts: Vec<Part> =
            all.iter().map(|(application, weight)| (Some(*weight), is_held(application))).collect();
        HopSeen {
            name: name.to_owned(),
            value,
            busy: busy.is_some(),
            stuck: stuck.is_some(),
            floor: floor(&parts, knob),
            note: busy.or(stuck).map(|application| told(application)),
        }
    };
    // A repository without an app of apps has no second generation.
    let has_children = fed.iter().any(|(application, _)| !application.made_by_set);
    let set = of(hop::APPLICATION_SET, true);
    if has_children { vec![set, of(hop::APPLICATIONS, false)] } else { vec![set] }
}

/// An Application and what is wrong with it.
pub(super) fn told(application: &Application) -> String {
    match &application.trouble {
        Some(trouble) => format!("Application {}: {trouble}", application.name),
        None => format!("Application {}", application.name),
    }
}

/// The weight of a part of a hop, if it is known, and whether something stuck holds it back.
pub(super) type Part = (Option<Weight>, bool);

/// The smallest weight of a hop's parts, where something stuck holds some of them back and all others are at the knob's weight.
pub(super) fn floor(parts: &[Part], knob: Option<Weight>) -> Option<Weight> {
    let is_any_held = parts.iter().any(|(_, is_held)| *is_held);
    let is_for_good = |(weight, is_held): &Part| weight.is_some() && (*is_held || *weight == knob);
    let floor = parts.iter().filter_map(|(weight, _)| *weight).min();
    floor.filter(|_| is_any_held && parts.iter().all(is_for_good))
}

/// The Applications that are stuck, and those that these keep.
pub(super) fn held_back(applications: &[Application]) -> BTreeSet<&str> {
    let stuck = applications.iter().filter(|application| application.sync == Sync::Stuck);
    let mut held: BTreeSet<&str> = stuck.map(|application| application.name.as_str()).collect();
    loop {
        let parents = applications.iter().filter(|parent| held.contains(parent.name.as_str()));
        let kept = parents.flat_map(|parent| &parent.keeps).filter(|kept| kept.kind == "Application");
        let new: Vec<&str> =
            kept.map(|kept| kept.name.as_str()).filter(|name| !held.contains(name)).collect();
        if new.is_empty() {
            return held;
        }
        held.extend(new);
    }
}

/// Whether an Application keeps the object.
pub(super) fn keeps(application: &Application, object: &Object) -> bool {
    let kind = match object.knob.kind {
        KnobKind::Ingress => "Ingress",
        KnobKind::Service => "Service",
    };
    application.keeps(kind, &object.knob.namespace, &object.knob.name)
}

/// All of them while nobody says what he keeps.
fn leading_or_all<'a>(applications: &'a [Application], objects: &[Object]) -> Vec<&'a Application> {
    let found = leading_to(applications, objects);
    if found.is_empty() { applications.iter().collect() } else { found }
}

/// The Applications that keep the objects, and those that keep these: others hand the annotation on as well, and what is wrong
/// with them is not this group's concern.
pub(super) fn leading_to<'a>(applications: &'a [Application], objects: &[Object]) -> Vec<&'a Application> {
    let keeps_object = |application: &&Application| objects.iter().any(|object| keeps(application, object));
    let mut found: Vec<&Application> = applications.iter().filter(keeps_object).collect();
    let mut at = 0;
    while let Some(child) = found.get(at) {
        let child = child.name.clone();
        let parents =
            applications.iter().filter(|parent| parent.keeps("Application", ARGOCD_NAMESPACE, &child));
        let new: Vec<&Application> =
            parents.filter(|parent| found.iter().all(|known| known.name != parent.name)).collect();
        found.extend(new);
        at += 1;
    }
    found
}

/// The weight under a key of this name anywhere in an Application's Helm values.
fn weight_in(application: &Application, key: &str) -> Option<Weight> {
    let text = application.helm_values.iter().find_map(|values| find_key(values, key))?;
    text.parse().ok()
}

fn find_key(values: &serde_json::Value, key: &str) -> Option<String> {
    match values {
        serde_json::Value::Object(map) => {
            let here = map.get(key).and_then(|value| match value {
                serde_json::Value::String(text) => Some(text.clone()),
                serde_json::Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            here.or_else(|| map.values().find_map(|inner| find_key(inner, key)))
        }
        serde_json::Value::Array(items) => items.iter().find_map(|inner| find_key(inner, key)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use crossfade_kube::applications::Kept;
    use crossfade_kube::bridge::SecretOwner;
    use serde_json::json;

    use super::*;

    fn mk_application(name: &str, made_by_set: bool, weight: u8, sync: Sync) -> Application {
        let helm_values = vec![json!({ "spec": { "ingress": { "route53_weight": weight } } })];
        Application {
            name: name.to_owned(),
            made_by_set,
            helm_values,
            sync,
            keeps: Vec::new(),
            trouble: None,
        }
    }

    fn mk_ingress(namespace: &str, name: &str) -> Object {
        let knob = Knob {
            group: GroupName(format!("{namespace}/{name}")),
            kind: KnobKind::Ingress,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            resource_version: "1".to_owned(),
            hosts: Vec::new(),
            weight: Ok(Weight::ZERO),
            weight_keys: Vec::new(),
            set_identifier: None,
            load_balancer: None,
            services: Vec::new(),
            port: 443,
            tls: true,
            app: None,
            kept_by: None,
        };
        Object { knob, addresses: Vec::new() }
    }

    #[test]
    fn a_weight_shows_in_applications_one_generation_after_the_other() {
        let applications = [
            mk_application("bootstrap-workloads-x", true, 90, Sync::Done),
            mk_application("team-burnham", false, 100, Sync::Done),
            mk_application("team-riker", false, 100, Sync::Running),
        ];
        let hops = application_hops(Some(&applications), "route53_weight", Some(Weight::new(100)), &[]);
        let shown: Vec<_> = hops.iter().map(|hop| (hop.name.as_str(), hop.value, hop.busy)).collect();
        assert_eq!(
            shown,
            [
                (hop::APPLICATION_SET, Some(Weight::new(90)), false),
                (hop::APPLICATIONS, Some(Weight::new(100)), true)
            ]
        );
    }

    #[test]
    fn only_applications_that_lead_to_the_objects_count() {
        let keeping = |application: Application, kind: &str, namespace: &str, name: &str| Application {
            keeps: vec![Kept {
                kind: kind.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }],
            ..application
        };
        let done = |name: &str, made_by_set| mk_application(name, made_by_set, 90, Sync::Done);
        let riker = Application {
            trouble: Some("ComparisonError: unclosed action".to_owned()),
            ..mk_application("team-riker", false, 100, Sync::Stuck)
        };
        let applications = [
            keeping(done("bootstrap", true), "Application", ARGOCD_NAMESPACE, "team-burnham"),
            keeping(done("team-burnham", false), "Ingress", "team-burnham", "burnham-ingress"),
            keeping(riker.clone(), "Ingress", "team-riker", "riker-ingress"),
        ];
        let hops_of = |namespace: &str, name: &str| {
            application_hops(Some(&applications), "route53_weight", None, &[mk_ingress(namespace, name)])
        };
        let of_burnham = hops_of("team-burnham", "burnham-ingress");
        assert!(of_burnham.len() == 2 && of_burnham.iter().all(|hop| !hop.busy && hop.note.is_none()));
        assert!(of_burnham.iter().all(|hop| hop.value == Some(Weight::new(90))));
        let of_riker = hops_of("team-riker", "riker-ingress");
        let note = of_riker.last().unwrap().note.as_deref();
        assert_eq!(note, Some("Application team-riker: ComparisonError: unclosed action"));
        // Nobody says that he keeps it: all count.
        assert!(hops_of("team-riker", "another").iter().any(|hop| hop.stuck));
    }

    #[test]
    fn what_is_stuck_holds_back_what_it_keeps_and_nothing_else() {
        let parent = Application {
            keeps: vec![Kept {
                kind: "Application".to_owned(),
                namespace: ARGOCD_NAMESPACE.to_owned(),
                name: "team-riker".to_owned(),
            }],
            ..mk_application("parent", true, 100, Sync::Stuck)
        };
        let applications = [
            parent,
            mk_application("team-riker", false, 50, Sync::Done),
            mk_application("team-burnham", false, 100, Sync::Done),
        ];
        assert_eq!(held_back(&applications), BTreeSet::from(["parent", "team-riker"]));
        let knob = Some(Weight::new(100));
        let hops = application_hops(Some(&applications), "route53_weight", knob, &[]);
        let shown: Vec<_> = hops.iter().map(|hop| (hop.value, hop.busy, hop.stuck, hop.floor)).collect();
        let floor_of_children = Some(Weight::new(50));
        assert_eq!(shown, [(knob, false, true, knob), (None, false, false, floor_of_children)]);
        // What nothing holds back and is elsewhere is on its way: the parts say nothing for good.
        let part = |weight: u8, is_held| (Some(Weight::new(weight)), is_held);
        assert_eq!(floor(&[part(50, true), part(70, false)], knob), None);
        assert_eq!(floor(&[part(100, false), part(100, false)], knob), None);
        assert_eq!(floor(&[part(0, true), part(100, false)], knob), Some(Weight::ZERO));
        assert_eq!(floor(&[(None, true), part(100, false)], knob), None);
    }

    #[test]
    fn applications_that_disagree_or_cannot_be_listed_are_unknown() {
        let applications =
            [mk_application("a", true, 90, Sync::Done), mk_application("b", true, 10, Sync::Done)];
        assert_eq!(application_hops(Some(&applications), "route53_weight", None, &[])[0].value, None);
        assert!(application_hops(None, "route53_weight", None, &[]).iter().all(|hop| hop.value.is_none()));
    }

    #[test]
    fn an_application_of_its_own_weight_is_a_group_of_its_own() {
        let secret = ClusterSecret {
            name: "eks-blueprint-blue".to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::from([
                ("route53_weight".to_owned(), "100".to_owned()),
                ("burnham_route53_weight".to_owned(), "300".to_owned()),
            ]),
            resource_version: "1".to_owned(),
            owner: SecretOwner::Nobody,
        };
        assert_eq!(weight_of(&secret, "route53_weight"), Ok(Weight::new(100)));
        assert!(weight_of(&secret, "burnham_route53_weight").unwrap_err().contains("300"));
    }
}
