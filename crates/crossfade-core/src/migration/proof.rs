//! The ratio test of a step: draws against the weights that were asked for.

use crate::migration::{DrawsSeen, GroupStatus, RatioBin, RatioResult, Spec, Status, hop};
use crate::ratio::{Bin, p_value};

/// Draws of which less than this part named a known load balancer say nothing.
const KNOWN_DRAWS_MIN: f64 = 0.9;

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
        let weight = if in_pair { cluster.target } else { cluster.value_at(hop::RECORD)? };
        weights.push((cluster.name.clone(), weight));
    }
    let sum: u32 = weights.iter().map(|(_, weight)| u32::from(weight.get())).sum();
    let bins: Vec<RatioBin> = weights
        .into_iter()
        .map(|(cluster, weight)| RatioBin {
            observed: draws.counts.get(&cluster).copied().unwrap_or(0),
            expected_share: f64::from(weight.get()) / f64::from(sum.max(1)),
            cluster,
        })
        .collect();
    let numbers: Vec<Bin> =
        bins.iter().map(|bin| Bin { observed: bin.observed, expected_share: bin.expected_share }).collect();
    let p_value = p_value(&numbers);
    Some(RatioResult { draws: known, bins, p_value, level, passed: p_value >= level })
}
