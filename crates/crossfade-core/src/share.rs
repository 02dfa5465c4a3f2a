//! Shares of traffic as weights: 10 % becomes 90/10.
//!
//! Beside a third cluster the sum of the two weights stays what it was, so that it keeps its share. Without one the sum is that of
//! the cluster that serves alone, or 100 where both serve, and is scaled where it is too coarse.

use crate::Weight;

/// Weights of the source and of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where the traffic was.
    pub from: Weight,
    /// Where it goes.
    pub to: Weight,
}

impl Pair {
    /// The destination's part of the two, 0 to 1; `None` when both are zero.
    pub fn share(self) -> Option<f64> {
        let sum = f64::from(self.from.get()) + f64::from(self.to.get());
        (sum > 0.0).then(|| f64::from(self.to.get()) / sum)
    }
}

/// Whether a cluster outside the pair takes part with a weight of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThirdClusters {
    /// The pair is alone, its sum is free.
    None,
    /// Others have weights: the sum of the pair stays.
    Some,
}

/// What the weights of a pair that has these weights add up to in a step, 1 to 255.
///
/// 100/0 and 100/100 both end at 0/100: a person who gives green 100 as well, as the pattern's procedure does, adds to the sum
/// and means a share.
pub fn sum_for(now: Pair, third: ThirdClusters) -> u16 {
    /// Weights that are percentages.
    const SHARED: u16 = 100;
    let (from, to) = (u16::from(now.from.get()), u16::from(now.to.get()));
    let sum = if third == ThirdClusters::None && from > 0 && to > 0 { SHARED } else { from + to };
    sum.clamp(1, 255)
}

/// The pair that gives the destination `percent` (0 to 100) of what the pair gets together.
///
/// `sum` is what both weights add up to today. The share is met within half of 1/255 when the pair is alone; with third
/// clusters within half of 1/`sum`.
pub fn pair_for(percent: f64, sum: u16, third: ThirdClusters) -> Pair {
    let share = (percent / 100.0).clamp(0.0, 1.0);
    let kept = split(share, sum.clamp(1, 255));
    if third == ThirdClusters::Some || is_exact(kept, share) {
        return kept;
    }
    // Multiples of the present sum look familiar (100 -> 200), then whatever fits best.
    let multiples = (2..).map(|k| k * sum.max(1)).take_while(|sum| *sum <= 255);
    if let Some(pair) = multiples.map(|sum| split(share, sum)).find(|pair| is_exact(*pair, share)) {
        return pair;
    }
    (1..=255)
        .map(|sum| split(share, sum))
        .min_by(|a, b| error(*a, share).total_cmp(&error(*b, share)))
        .unwrap_or(kept)
}

/// `sum` in two parts; both fit a weight because `sum` does.
fn split(share: f64, sum: u16) -> Pair {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "share is 0 to 1, sum at most 255"
    )]
    let to = (share * f64::from(sum)).round() as u8;
    let from = u8::try_from(sum.min(255)).unwrap_or(u8::MAX).saturating_sub(to);
    Pair { from: Weight::new(from), to: Weight::new(to) }
}

fn error(pair: Pair, share: f64) -> f64 {
    pair.share().map_or(1.0, |got| (got - share).abs())
}

fn is_exact(pair: Pair, share: f64) -> bool {
    error(pair, share) < 1e-9
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn weights(percent: f64, sum: u16) -> (u8, u8) {
        let pair = pair_for(percent, sum, ThirdClusters::None);
        (pair.from.get(), pair.to.get())
    }

    #[test]
    fn keeps_the_sum_where_it_is_fine_enough() {
        assert_eq!(weights(10.0, 100), (90, 10));
        assert_eq!(weights(50.0, 100), (50, 50));
        assert_eq!(weights(100.0, 100), (0, 100));
    }

    #[test]
    fn scales_the_sum_where_it_is_too_coarse() {
        assert_eq!(weights(12.5, 100), (175, 25));
        assert_eq!(weights(10.0, 1), (9, 1));
    }

    #[test]
    fn both_serving_is_no_larger_sum() {
        let sum = |from, to, third| sum_for(Pair { from: Weight::new(from), to: Weight::new(to) }, third);
        for (from, to, expected) in [(100, 0, 100), (100, 100, 100), (100, 10, 100), (0, 20, 20), (0, 0, 1)] {
            assert_eq!(sum(from, to, ThirdClusters::None), expected, "{from}/{to}");
        }
        assert_eq!(sum(100, 10, ThirdClusters::Some), 110);
        assert_eq!(sum(255, 255, ThirdClusters::Some), 255);
    }

    proptest! {
        #[test]
        fn share_is_met_within_one_of_255(percent in 0.0f64..=100.0, sum in 1u16..=255) {
            let got = pair_for(percent, sum, ThirdClusters::None).share().unwrap();
            prop_assert!((got - percent / 100.0).abs() <= 1.0 / 255.0);
        }

        #[test]
        fn third_clusters_keep_their_share(percent in 0.0f64..=100.0, sum in 1u16..=255) {
            let pair = pair_for(percent, sum, ThirdClusters::Some);
            prop_assert_eq!(u16::from(pair.from.get()) + u16::from(pair.to.get()), sum);
        }

        /// Of all answers, third clusters' included: a coarser sum cannot do better than half a weight.
        #[test]
        fn shares_of_all_are_met_beside_third_clusters(
            percent in 0.0f64..=100.0,
            sum in 1u16..=255,
            third in proptest::collection::vec(0u16..=255, 1..4),
        ) {
            let pair = pair_for(percent, sum, ThirdClusters::Some);
            let all = f64::from(sum + third.iter().sum::<u16>());
            let wanted = percent / 100.0 * f64::from(sum) / all;
            let got = f64::from(pair.to.get()) / all;
            let coarse = 0.5 / all;
            prop_assert!((got - wanted).abs() <= coarse + 1e-9);
            prop_assert!(all < 128.0 || coarse <= 1.0 / 255.0);
        }
    }
}
