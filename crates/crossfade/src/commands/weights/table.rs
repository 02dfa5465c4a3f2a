//! Declared weights as a table: every group in every cluster, and who keeps it.

use std::collections::{BTreeMap, BTreeSet};

use crossfade_core::gitops::TERRAFORM;
use crossfade_core::migration::{Candidate, CandidateCluster};
use crossfade_core::{ClusterName, Weight};

use crate::actuator::is_kept_by_argo_cd;
use crate::commands::weights::weight_of;
use crate::table::Table;

/// Groups that are annotations of the cluster secrets.
pub(super) struct Keys(pub(super) Vec<Candidate>);

impl Keys {
    /// The annotation that feeds a group's hosts in one cluster; the same hosts may hang on another one elsewhere.
    fn feeding(&self, group: &Candidate, cluster: &ClusterName) -> Option<&Candidate> {
        let hosts = &group.clusters.get(cluster)?.hosts;
        self.0.iter().find(|key| {
            let fed = key.clusters.get(cluster).map(|fed| fed.hosts.as_slice()).unwrap_or_default();
            fed.iter().any(|host| hosts.contains(host))
        })
    }

    /// Who keeps a group in one cluster, in a few words.
    fn keeper(&self, group: &Candidate, name: &ClusterName, cluster: &CandidateCluster) -> String {
        if self.0.iter().any(|key| key.group == group.group) {
            return match cluster.kept_by.as_deref() {
                _ if group
                    .missing_keys
                    .iter()
                    .any(|key| key.missing == *name && key.key == group.group.0) =>
                {
                    "nobody: the secret lacks it".to_owned()
                }
                _ if cluster.hosts.is_empty() => "-".to_owned(),
                Some(keeper) if keeper.starts_with(TERRAFORM) => format!("cluster secret, {TERRAFORM}'s"),
                _ => "cluster secret".to_owned(),
            };
        }
        match self.feeding(group, name) {
            Some(key) if is_kept_by_argo_cd(group) => format!("Argo CD, from {}", key.group),
            _ => cluster.kept_by.clone().unwrap_or_else(|| "-".to_owned()),
        }
    }
}

/// All groups. Set identifiers are said above where each cluster has one for all of them.
pub(super) fn render(found: &[Candidate], keys: &Keys) -> String {
    let common = common_identifiers(found);
    let mut headings = vec!["GROUP", "CLUSTER", "WEIGHT", "SHARE"];
    if common.is_none() {
        headings.push("SET IDENTIFIER");
    }
    headings.push("KEPT BY");
    let mut table = Table::new(&headings);
    for candidate in found {
        // With one weight unknown, nobody knows a share.
        let weights: Option<Vec<Weight>> = candidate.clusters.values().map(weight_of).collect();
        let sum: u32 = weights.iter().flatten().map(|weight| u32::from(weight.get())).sum();
        for (name, cluster) in &candidate.clusters {
            let weight = weight_of(cluster);
            let share =
                weight.filter(|_| sum > 0).map(|weight| 100.0 * f64::from(weight.get()) / f64::from(sum));
            let mut row = vec![
                candidate.group.to_string(),
                name.to_string(),
                weight.map_or_else(|| "?".to_owned(), |weight| weight.to_string()),
                share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %")),
            ];
            if common.is_none() {
                row.push(cluster.set_identifier.clone().unwrap_or_else(|| "-".to_owned()));
            }
            row.push(keys.keeper(candidate, name, cluster));
            table.row(row);
        }
    }
    match common {
        Some(identifiers) if !identifiers.is_empty() => {
            let said: Vec<String> = identifiers.iter().map(|(name, id)| format!("{name} {id}")).collect();
            format!("set identifiers: {}\n\n{table}", said.join(", "))
        }
        _ => table.to_string(),
    }
}

/// The one identifier that each cluster's sets have; `None` where a cluster has several, or a set has none.
fn common_identifiers(found: &[Candidate]) -> Option<BTreeMap<&ClusterName, &str>> {
    let mut of_cluster: BTreeMap<&ClusterName, BTreeSet<Option<&str>>> = BTreeMap::new();
    for (name, cluster) in found.iter().flat_map(|candidate| &candidate.clusters) {
        of_cluster.entry(name).or_default().insert(cluster.set_identifier.as_deref());
    }
    of_cluster
        .into_iter()
        .map(|(name, identifiers)| {
            let mut identifiers = identifiers.into_iter();
            match (identifiers.next(), identifiers.next()) {
                (Some(Some(one)), None) => Some((name, one)),
                _ => None,
            }
        })
        .collect()
}
