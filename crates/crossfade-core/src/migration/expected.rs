//! The shares that weights let expect, health included.
//!
//! "If you set the weight of all of the records in the group to 0, traffic is routed with equal probability", and records of
//! weight 0 are considered when all others are unhealthy (Route 53 developer guide, weighted routing and health checks).

use crate::Weight;

/// One cluster's record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its weight.
    pub(super) weight: Weight,
    /// Whether Route 53 counts its target as healthy.
    pub(super) is_healthy: bool,
}

/// The share of each member, 0 to 1; they add up to 1.
pub(super) fn shares(members: &[Member]) -> Vec<f64> {
    let weighted_healthy = |member: &Member| member.is_healthy && !member.weight.is_zero();
    let zero_healthy = |member: &Member| member.is_healthy && member.weight.is_zero();
    let none_healthy = members.iter().all(|member| !member.is_healthy);
    if members.iter().any(weighted_healthy) {
        by_weight(members, weighted_healthy)
    } else if members.iter().any(zero_healthy) {
        equal(members, zero_healthy)
    } else if none_healthy && members.iter().any(|member| !member.weight.is_zero()) {
        // "If none are healthy, all are treated as healthy."
        by_weight(members, |member| !member.weight.is_zero())
    } else {
        equal(members, |_| true)
    }
}

fn by_weight(members: &[Member], counts: impl Fn(&Member) -> bool) -> Vec<f64> {
    let weight = |member: &Member| if counts(member) { f64::from(member.weight.get()) } else { 0.0 };
    let sum: f64 = members.iter().map(weight).sum();
    members.iter().map(|member| weight(member) / sum).collect()
}

fn equal(members: &[Member], counts: impl Fn(&Member) -> bool) -> Vec<f64> {
    let number = members.iter().filter(|member| counts(member)).count() as f64;
    members.iter().map(|member| if counts(member) { 1.0 / number } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk(weights: &[(u8, bool)]) -> Vec<f64> {
        let members: Vec<Member> = weights
            .iter()
            .map(|(weight, is_healthy)| Member { weight: Weight::new(*weight), is_healthy: *is_healthy })
            .collect();
        shares(&members)
    }

    #[test]
    fn weights_decide_among_the_healthy() {
        assert_eq!(mk(&[(90, true), (10, true)]), [0.9, 0.1]);
        assert_eq!(mk(&[(90, false), (10, true)]), [0.0, 1.0]);
    }

    #[test]
    fn zero_serves_when_nobody_else_can() {
        assert_eq!(mk(&[(100, false), (0, true)]), [0.0, 1.0]);
        assert_eq!(mk(&[(100, false), (0, false)]), [1.0, 0.0]);
        assert_eq!(mk(&[(0, true), (0, true)]), [0.5, 0.5]);
    }
}
