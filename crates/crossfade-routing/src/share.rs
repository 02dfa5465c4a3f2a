//! An exact fraction of all answers. It never rounds.

use std::fmt;

/// A share of answers between 0 and 1, as a fraction in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share {
    numerator: u64,
    denominator: u64,
}

impl Share {
    /// No answers at all.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };

    /// `part` of `whole`; zero when `whole` is zero. `part` must not exceed `whole`.
    pub fn of(part: u64, whole: u64) -> Self {
        assert!(part <= whole, "a share above one: {part}/{whole}");
        if part == 0 {
            return Self::ZERO;
        }
        let divisor = greatest_common_divisor(part, whole);
        Self { numerator: part / divisor, denominator: whole / divisor }
    }

    /// The fraction's numerator, in lowest terms.
    pub fn numerator(self) -> u64 {
        self.numerator
    }

    /// The fraction's denominator, in lowest terms; never zero.
    pub fn denominator(self) -> u64 {
        self.denominator
    }

    /// Whether no answer at all is expected.
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The nearest floating-point number, for printing and statistics.
    pub fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.numerator, self.denominator)
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_kept_in_lowest_terms() {
        assert_eq!(Share::of(50, 200), Share::of(1, 4));
        assert_eq!(Share::of(50, 200).to_string(), "1/4");
        assert_eq!(Share::of(0, 7), Share::ZERO);
    }
}
