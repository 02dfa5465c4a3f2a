//! Where a weight is written when nobody said so: on the Ingress, or on Argo CD's cluster secret where Argo CD keeps the Ingress.
//!
//! What Argo CD keeps it puts back, so a weight on the Ingress would not last. The way that lasts is told in the plan, and
//! `--actuator` overrules it.

use std::collections::BTreeSet;

use crossfade_api::migration::{Actuator, MigrationSpec};
use crossfade_controller::migration::{Stateful, Survey, WorldOptions, survey};
use crossfade_core::migration::{Candidate, Selection};
use crossfade_kube::groups::is_argo_cd;

/// Surveys the world for a migration whose actuator may be chosen; `spec` and `world` say afterwards which it is.
pub async fn choose(
    world: &mut WorldOptions,
    spec: &mut MigrationSpec,
    stateful: Stateful,
) -> anyhow::Result<Survey> {
    let by_annotation = survey(world, stateful).await?;
    if !suits_bridge(&spec.selection(), &by_annotation.candidates) {
        return Ok(by_annotation);
    }
    world.actuator = Actuator::GitopsBridge;
    let by_bridge = survey(world, stateful).await?;
    if by_bridge.candidates.is_empty() {
        // Argo CD without a bridge: admission says who keeps the objects.
        world.actuator = Actuator::Annotation;
        return Ok(by_annotation);
    }
    spec.actuator = Actuator::GitopsBridge;
    if let Some(hosts) = hosts_named(&spec.groups, &by_annotation.candidates, &by_bridge.candidates) {
        spec.groups.clear();
        spec.hosts = hosts;
    }
    Ok(by_bridge)
}

/// Every chosen group is Argo CD's, or the names are none of Ingresses.
fn suits_bridge(selection: &Selection, by_annotation: &[Candidate]) -> bool {
    let mut chosen = by_annotation.iter().filter(|candidate| selection.chooses(candidate)).peekable();
    if chosen.peek().is_none() {
        return matches!(selection, Selection::Groups(_));
    }
    chosen.all(is_kept_by_argo_cd)
}

/// Whether Argo CD keeps a group wherever an agent keeps it.
pub fn is_kept_by_argo_cd(candidate: &Candidate) -> bool {
    let mut keepers = candidate.clusters.values().filter_map(|cluster| cluster.kept_by.as_deref()).peekable();
    keepers.peek().is_some() && keepers.all(is_argo_cd)
}

/// The hosts of groups of which some are named as Ingresses: the bridge's groups are named after annotations of the cluster
/// secret. `None` where nothing has to be said otherwise, or a name is nowhere.
fn hosts_named(
    groups: &[String],
    by_annotation: &[Candidate],
    by_bridge: &[Candidate],
) -> Option<Vec<String>> {
    let find = |name: &String, among: &[Candidate]| {
        among.iter().find(|candidate| candidate.group.0 == *name).map(hosts_of)
    };
    if groups.iter().all(|name| find(name, by_bridge).is_some()) {
        return None;
    }
    let mut all = BTreeSet::new();
    for name in groups {
        all.extend(find(name, by_annotation).or_else(|| find(name, by_bridge))?);
    }
    Some(all.into_iter().collect())
}

/// The groups of Argo CD's cluster secrets, where Argo CD keeps any of `by_annotation`.
pub async fn bridged(world: &WorldOptions, by_annotation: &[Candidate]) -> anyhow::Result<Vec<Candidate>> {
    if !by_annotation.iter().any(is_kept_by_argo_cd) {
        return Ok(Vec::new());
    }
    let world = WorldOptions { actuator: Actuator::GitopsBridge, ..world.clone() };
    Ok(survey(&world, Stateful::Allowed).await?.candidates)
}

/// Every host of a group, in any cluster.
pub fn hosts_of(candidate: &Candidate) -> BTreeSet<String> {
    candidate.clusters.values().flat_map(|cluster| cluster.hosts.clone()).collect()
}

#[cfg(test)]
mod tests {
    use crossfade_core::migration::CandidateCluster;
    use crossfade_core::{ClusterName, GroupName, Weight};

    use super::*;

    fn mk(group: &str, keepers: &[Option<&str>]) -> Candidate {
        let clusters = keepers.iter().enumerate().map(|(index, keeper)| {
            let cluster = CandidateCluster {
                hosts: vec![format!("{}.example.org", group.replace('/', "-"))],
                weight: Ok(Weight::ZERO),
                set_identifier: None,
                kept_by: keeper.map(ToOwned::to_owned),
                load_balancer: None,
                persistent_volumes: Vec::new(),
                port: None,
                stuck: Vec::new(),
            };
            (ClusterName(format!("cluster-{index}")), cluster)
        });
        Candidate {
            group: GroupName(group.to_owned()),
            clusters: clusters.collect(),
            hosts_outside_zone: Vec::new(),
            foreign_records: Vec::new(),
            missing_keys: Vec::new(),
        }
    }

    const ARGO_CD: Option<&str> = Some("Argo CD (Application team-burnham)");

    #[test]
    fn argo_cd_has_to_keep_all_that_is_chosen() {
        let candidates = [
            mk("a/argo", &[ARGO_CD, ARGO_CD]),
            mk("b/flux", &[Some("Flux (apps)"), None]),
            mk("c/free", &[None, None]),
        ];
        let groups = |names: &[&str]| Selection::Groups(names.iter().map(|name| (*name).into()).collect());
        assert!(suits_bridge(&groups(&["a/argo"]), &candidates));
        assert!(suits_bridge(&Selection::Hosts(vec!["a-argo.example.org".into()]), &candidates));
        assert!(!suits_bridge(&Selection::All, &candidates));
        assert!(!suits_bridge(&groups(&["a/argo", "c/free"]), &candidates));
        assert!(!suits_bridge(&groups(&["b/flux"]), &candidates));
        // An annotation of the secret is no Ingress.
        assert!(suits_bridge(&groups(&["burnham_route53_weight"]), &candidates));
        assert!(!suits_bridge(&Selection::Hosts(vec!["x".into()]), &candidates));
    }

    #[test]
    fn a_name_of_an_ingress_stands_for_its_hosts() {
        let (ingresses, keys) = ([mk("a/argo", &[ARGO_CD])], [mk("route53_weight", &[None])]);
        let named = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            hosts_named(&names, &ingresses, &keys).map(|hosts| hosts.join(" "))
        };
        assert_eq!(named(&["a/argo"]).as_deref(), Some("a-argo.example.org"));
        assert_eq!(
            named(&["a/argo", "route53_weight"]).as_deref(),
            Some("a-argo.example.org route53_weight.example.org")
        );
        assert_eq!(named(&["route53_weight"]), None);
        assert_eq!(named(&["a/argo", "nobody"]), None);
        assert_eq!(named(&[]), None);
    }
}
