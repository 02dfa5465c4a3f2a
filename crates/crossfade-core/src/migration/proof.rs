//! The ratio test of a step: draws against the weights that were asked for.

use crate::migration::expected::{Member, shares};
use crate::migration::{DrawsSeen, GroupStatus, RatioBin, RatioResult, Spec, Status, hop};
use crate::ratio::{Bin, p_value};

/// Draws of which less than this part named a known load balancer say nothing.
const KNOWN_DRAWS_MIN: f64 = 0.9;

/// Combinations of healths that are tried: eight clusters in doubt. A group has two, rarely three.
const HEALTHS_MAX: usize = 256;

/// What to say of a test that failed, if one did.
pub(super) fn failed_ratio(status: &Status) -> Option<String> {
    let group = status.groups.iter().find(|group| group.ratio.as_ref().is_some_and(|ratio| !ratio.passed))?;
    let ratio = group.ratio.as_ref()?;
    let bins: Vec<String> = ratio
        .bins
        .iter()
        .map(|bin| format!("{} {} (expected {:.1} %)", bin.cluster, bin.observed, bin.expected_share * 100.0))
        .collect();
    Some(format!("{}: {} of {} draws, p = {:.2e}", group.name, bins.join(", "), ratio.draws, ratio.p_value))
}

/// `None` when the draws say nothing, or a third cluster's weight is unknown: unknown holds (I9).
pub(super) fn test_ratio(
    group: &GroupStatus,
    spec: &Spec,
    draws: &DrawsSeen,
    level: f64,
) -> Option<RatioResult> {
    let known: u64 = draws.counts.values().sum();
    let asked = known + draws.unknown + draws.unanswered;
    if known == 0 || (known as f64) < KNOWN_DRAWS_MIN * asked as f64 {
        return None;
    }
    let mut weights = Vec::new();
    for cluster in &group.clusters {
        let in_pair = cluster.name == spec.from || cluster.name == spec.to;
        weights.push(if in_pair { cluster.target } else { cluster.value_at(hop::RECORD)? });
    }
    let observed: Vec<u64> =
        group.clusters.iter().map(|cluster| draws.counts.get(&cluster.name).copied().unwrap_or(0)).collect();
    // The likeliest of what Route 53 may hold of the clusters' health counts.
    let (p_value, expected) = healths(group, spec)
        .into_iter()
        .map(|healthy| {
            let members = weights.iter().zip(healthy);
            let members: Vec<Member> =
                members.map(|(weight, is_healthy)| Member { weight: *weight, is_healthy }).collect();
            let expected = shares(&members);
            let bins = observed.iter().zip(&expected);
            let bins: Vec<Bin> =
                bins.map(|(observed, share)| Bin { observed: *observed, expected_share: *share }).collect();
            (p_value(&bins), expected)
        })
        .max_by(|left, right| left.0.total_cmp(&right.0))?;
    let bins = group
        .clusters
        .iter()
        .zip(observed)
        .zip(expected)
        .map(|((cluster, observed), expected_share)| RatioBin {
            cluster: cluster.name.clone(),
            observed,
            expected_share,
        })
        .collect();
    Some(RatioResult { draws: known, bins, p_value, level, passed: p_value >= level })
}

/// What Route 53 may hold of each cluster's health. A cluster whose record does not evaluate its target is always healthy
/// to it; one that answers is; one that does not, or that nobody asks (a third cluster), may be either: a load balancer
/// answers 500 also when its health checks pass.
fn healths(group: &GroupStatus, spec: &Spec) -> Vec<Vec<bool>> {
    let mut all: Vec<Vec<bool>> = vec![Vec::new()];
    for cluster in &group.clusters {
        let in_pair = cluster.name == spec.from || cluster.name == spec.to;
        let is_doubtful = cluster.evaluates_target_health && (!in_pair || cluster.http_failures(spec) > 0);
        let with_healthy = all.iter().map(|begun| extended(begun, true));
        let with_unhealthy = all.iter().map(|begun| extended(begun, false));
        all = if is_doubtful && all.len() < HEALTHS_MAX {
            with_healthy.chain(with_unhealthy).collect()
        } else {
            with_healthy.collect()
        };
    }
    all
}

fn extended(begun: &[bool], last: bool) -> Vec<bool> {
    begun.iter().copied().chain([last]).collect()
}
