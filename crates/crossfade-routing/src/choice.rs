//! The choice itself. It never looks at names or values, and never allocates on the way to an answer.

use crate::record::{Record, Routing};
use crate::share::Share;

/// What the choice needs to know of one record set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The weight; any equal value will do for a simple record set, which is alone.
    pub weight: u8,
    /// Whether Route 53 sees its target as healthy (or does not check it).
    pub healthy: bool,
}

impl From<&Record> for Candidate {
    fn from(record: &Record) -> Self {
        let weight = match record.routing {
            Routing::Simple => 1,
            Routing::Weighted(weight) => weight,
        };
        Self { weight, healthy: record.health.is_healthy() }
    }
}

/// Which candidates are in service, and how they share the answers.
///
/// The tiers in the Developer Guide's order ("How Amazon Route 53 chooses records when health checking is configured"):
/// healthy records with non-zero weight; else healthy records with weight zero, in equal parts; else, when all records
/// are unhealthy, all count as healthy, so non-zero weights, or equal parts when every weight is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tier {
    HealthyWeighted,
    HealthyZero,
    AllWeighted,
    AllZero,
}

impl Tier {
    fn of(candidates: impl Iterator<Item = Candidate>) -> Self {
        let mut any_healthy = false;
        let mut any_weight = false;
        for candidate in candidates {
            if candidate.healthy && candidate.weight > 0 {
                return Self::HealthyWeighted;
            }
            any_healthy |= candidate.healthy;
            any_weight |= candidate.weight > 0;
        }
        match (any_healthy, any_weight) {
            (true, _) => Self::HealthyZero,
            (false, true) => Self::AllWeighted,
            (false, false) => Self::AllZero,
        }
    }

    /// The parts of the answers that one candidate gets in this tier.
    fn parts(self, candidate: Candidate) -> u64 {
        match self {
            Self::HealthyWeighted if candidate.healthy => u64::from(candidate.weight),
            Self::HealthyWeighted => 0,
            Self::HealthyZero => u64::from(candidate.healthy),
            Self::AllWeighted => u64::from(candidate.weight),
            Self::AllZero => 1,
        }
    }
}

/// Chooses one of the candidates and returns its index; `None` when there are none.
///
/// `draw` is a number drawn uniformly from all of `u64`; the same draw gives the same choice. A record set's part of the
/// draws differs from its exact share by less than 2^-56.
pub fn choose(candidates: &[Candidate], draw: u64) -> Option<usize> {
    if candidates.len() <= 1 {
        return (candidates.len() == 1).then_some(0);
    }
    let tier = Tier::of(candidates.iter().copied());
    let total: u64 = candidates.iter().map(|&candidate| tier.parts(candidate)).sum();
    let mut point = scale(draw, total);
    for (index, &candidate) in candidates.iter().enumerate() {
        let parts = tier.parts(candidate);
        if point < parts {
            return Some(index);
        }
        point -= parts;
    }
    unreachable!("the point lies below the sum of all parts")
}

/// Maps a uniform draw from `u64` to a number below `total` by multiplication; unlike a remainder it favours no end.
fn scale(draw: u64, total: u64) -> u64 {
    let product = u128::from(draw) * u128::from(total);
    u64::try_from(product >> 64).expect("the upper half of a 128-bit product fits 64 bits")
}

/// The indices of the records that can be answered at all, given weights and health.
pub fn in_service(records: &[Record]) -> Vec<usize> {
    let tier = Tier::of(records.iter().map(Candidate::from));
    (0..records.len()).filter(|&index| tier.parts(Candidate::from(&records[index])) > 0).collect()
}

/// The share of answers that each record set gets, in the order of `records`, as exact fractions that add up to one
/// (unless there are no records).
pub fn expected_shares(records: &[Record]) -> Vec<(String, Share)> {
    let tier = Tier::of(records.iter().map(Candidate::from));
    let total = records.iter().map(|record| tier.parts(record.into())).sum::<u64>();
    records
        .iter()
        .map(|record| {
            let share = Share::of(tier.parts(record.into()), total);
            (record.set_identifier.clone(), share)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Health;

    fn mk_alias(set_identifier: &str, weight: u8, target_healthy: bool) -> Record {
        Record {
            set_identifier: set_identifier.to_owned(),
            routing: Routing::Weighted(weight),
            health: Health::of_alias(true, target_healthy),
        }
    }

    fn shares(records: &[Record]) -> Vec<String> {
        expected_shares(records)
            .into_iter()
            .map(|(set_identifier, share)| format!("{set_identifier} {share}"))
            .collect()
    }

    #[test]
    fn weights_are_proportions() {
        let records = [mk_alias("blue", 100, true), mk_alias("green", 10, true)];
        assert_eq!(shares(&records), ["blue 10/11", "green 1/11"]);
    }

    #[test]
    fn weight_zero_gets_nothing_beside_a_healthy_weight() {
        let records = [mk_alias("blue", 1, true), mk_alias("green", 0, true)];
        assert_eq!(shares(&records), ["blue 1/1", "green 0/1"]);
    }

    #[test]
    fn all_zero_means_equal_parts() {
        let records = [mk_alias("blue", 0, true), mk_alias("green", 0, true)];
        assert_eq!(shares(&records), ["blue 1/2", "green 1/2"]);
    }

    #[test]
    fn unhealthy_records_are_left_out() {
        let records = [mk_alias("blue", 90, true), mk_alias("green", 10, false), mk_alias("red", 30, true)];
        assert_eq!(shares(&records), ["blue 3/4", "green 0/1", "red 1/4"]);
    }

    #[test]
    fn weight_zero_serves_when_every_other_weight_is_unhealthy() {
        let records = [mk_alias("blue", 100, false), mk_alias("green", 0, true)];
        assert_eq!(shares(&records), ["blue 0/1", "green 1/1"]);
    }

    #[test]
    fn all_unhealthy_counts_as_all_healthy() {
        let records = [mk_alias("blue", 3, false), mk_alias("green", 1, false)];
        assert_eq!(shares(&records), ["blue 3/4", "green 1/4"]);
        let records = [mk_alias("blue", 1, false), mk_alias("green", 0, false)];
        assert_eq!(shares(&records), ["blue 1/1", "green 0/1"]);
        let records = [mk_alias("blue", 0, false), mk_alias("green", 0, false)];
        assert_eq!(shares(&records), ["blue 1/2", "green 1/2"]);
    }

    #[test]
    fn a_simple_record_always_answers() {
        let record = Record {
            set_identifier: String::new(),
            routing: Routing::Simple,
            health: Health::of_alias(true, false),
        };
        assert_eq!(choose(&[Candidate::from(&record)], 7), Some(0));
        assert_eq!(choose(&[], 7), None);
    }
}
