//! The ratio test: do fresh answers of authoritative servers come in the proportions that the weights ask for?
//!
//! Two clusters: the exact two-sided binomial test (the multinomial of two). More: one such test per cluster against the
//! rest, the smallest p-value times the number of tests (Bonferroni), which keeps the error at or under the level.
//! A share of zero is an exact rule, not a statistic: one answer refutes it.
//!
//! It never sees requests of users: those come through caches and are no independent draws.

use std::ops::RangeInclusive;

/// How many draws of one cluster came, and how many its weight lets expect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Draws that named this cluster.
    pub observed: u64,
    /// The share this cluster should have, 0 to 1.
    pub expected_share: f64,
}

/// The most draws of one test: bounds the table of logarithms (8 bytes each).
pub const DRAWS_MAX: u64 = 1_000_000;

/// The probability of draws at least as unlikely as these, were the shares as expected.
///
/// # Panics
/// When there are more than [`DRAWS_MAX`] draws or the shares do not add up to 1: both are the caller's numbers.
pub fn p_value(bins: &[Bin]) -> f64 {
    let draws: u64 = bins.iter().map(|bin| bin.observed).sum();
    assert!(draws <= DRAWS_MAX, "{draws} draws are more than {DRAWS_MAX}");
    let total_share: f64 = bins.iter().map(|bin| bin.expected_share).sum();
    assert!((total_share - 1.0).abs() < 1e-9, "shares add up to {total_share}, not to 1");

    if bins.iter().any(|bin| bin.expected_share <= 0.0 && bin.observed > 0) {
        return 0.0;
    }
    let open: Vec<&Bin> = bins.iter().filter(|bin| bin.expected_share > 0.0).collect();
    let factorials = LnFactorials::up_to(draws);
    let binomial = |bin: &Bin| factorials.two_sided(draws, bin.observed, bin.expected_share);
    match open.as_slice() {
        [] | [_] => 1.0,
        [one, _] => binomial(one),
        many => {
            let smallest = many.iter().map(|bin| binomial(bin)).fold(1.0, f64::min);
            (smallest * many.len() as f64).min(1.0)
        }
    }
}

/// The probability that a test of `draws` at level `alpha` notices that a share is `actual` instead of `expected`.
///
/// The figure a plan prints beside the number of draws. Two clusters.
pub fn power(draws: u64, expected: f64, actual: f64, alpha: f64) -> f64 {
    let factorials = LnFactorials::up_to(draws);
    match factorials.accepted(draws, expected, alpha) {
        None => 1.0,
        Some(accepted) => {
            let missed: f64 = accepted.map(|k| factorials.ln_probability(draws, k, actual).exp()).sum();
            (1.0 - missed).clamp(0.0, 1.0)
        }
    }
}

/// `ln(n!)` for every n up to the number of draws.
struct LnFactorials(Vec<f64>);

impl LnFactorials {
    fn up_to(draws: u64) -> Self {
        let mut sums = Vec::with_capacity(usize::try_from(draws).unwrap_or(0) + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for n in 1..=draws {
            sum += (n as f64).ln();
            sums.push(sum);
        }
        LnFactorials(sums)
    }

    fn get(&self, n: u64) -> f64 {
        usize::try_from(n).ok().and_then(|n| self.0.get(n)).copied().unwrap_or(f64::INFINITY)
    }

    /// ln P(X = k), X binomial of `draws` and `share`.
    fn ln_probability(&self, draws: u64, k: u64, share: f64) -> f64 {
        if share <= 0.0 {
            return if k == 0 { 0.0 } else { f64::NEG_INFINITY };
        }
        if share >= 1.0 {
            return if k == draws { 0.0 } else { f64::NEG_INFINITY };
        }
        self.get(draws) - self.get(k) - self.get(draws - k)
            + k as f64 * share.ln()
            + (draws - k) as f64 * (-share).ln_1p()
    }

    /// The sum of all outcomes no likelier than the observed one.
    fn two_sided(&self, draws: u64, observed: u64, share: f64) -> f64 {
        // Outcomes as likely as the observed one count; the margin absorbs rounding, as R's binom.test has it.
        let limit = self.ln_probability(draws, observed, share) + 1e-7;
        let sum: f64 = (0..=draws)
            .map(|k| self.ln_probability(draws, k, share))
            .filter(|ln| *ln <= limit)
            .map(f64::exp)
            .sum();
        sum.min(1.0)
    }

    /// The outcomes that a test at `alpha` lets pass: an interval, since the binomial has one peak.
    fn accepted(&self, draws: u64, share: f64, alpha: f64) -> Option<RangeInclusive<u64>> {
        let mut by_likelihood: Vec<(u64, f64)> =
            (0..=draws).map(|k| (k, self.ln_probability(draws, k, share))).collect();
        by_likelihood.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut tail = 0.0;
        let mut first = None;
        let mut last = None;
        for (k, ln) in by_likelihood {
            tail += ln.exp();
            if tail > alpha {
                first = Some(first.map_or(k, |f: u64| f.min(k)));
                last = Some(last.map_or(k, |l: u64| l.max(k)));
            }
        }
        Some(first?..=last?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_bins(pairs: &[(u64, f64)]) -> Vec<Bin> {
        pairs.iter().map(|&(observed, expected_share)| Bin { observed, expected_share }).collect()
    }

    fn assert_close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-6 * want.abs().max(1e-6), "{got} is not {want}");
    }

    /// Sums of exact binomial terms, the definition of the two-sided test: 7 of 10 at 1/2, 3 of 20 at 1/10, 0 of 10.
    #[test]
    fn agrees_with_exact_sums() {
        assert_close(p_value(&mk_bins(&[(7, 0.5), (3, 0.5)])), 0.343_75);
        assert_close(p_value(&mk_bins(&[(3, 0.1), (17, 0.9)])), 0.444_649_849_4);
        assert_close(p_value(&mk_bins(&[(0, 0.5), (10, 0.5)])), 0.001_953_125);
    }

    #[test]
    fn one_answer_refutes_a_share_of_zero() {
        assert!(p_value(&mk_bins(&[(4699, 1.0), (1, 0.0)])) <= 0.0);
        assert_close(p_value(&mk_bins(&[(4700, 1.0), (0, 0.0)])), 1.0);
    }

    #[test]
    fn a_third_cluster_is_tested_too() {
        assert!(p_value(&mk_bins(&[(1000, 0.5), (1000, 0.25), (0, 0.25)])) < 1e-12);
        assert!(p_value(&mk_bins(&[(1000, 0.5), (500, 0.25), (500, 0.25)])) > 0.9);
    }

    /// The figure of the design: 4,700 draws find a share that is 5 points off with 99 %.
    #[test]
    fn draws_of_the_design_have_their_power() {
        let alpha = 1e-4 / 12.0;
        assert!(power(4_700, 0.5, 0.55, alpha) > 0.99);
        assert!(power(400, 0.5, 0.55, alpha) < 0.2);
    }

    #[test]
    fn error_stays_under_the_level() {
        // The chance that draws of exactly the expected shares are refused.
        assert!(power(1_000, 0.1, 0.1, 1e-4) <= 1e-4);
    }
}
