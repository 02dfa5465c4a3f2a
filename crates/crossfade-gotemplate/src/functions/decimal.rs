//! Decimal arithmetic for Sprig's `addf` and its like: 0.1 + 0.2 is 0.3 here.
//!
//! Numbers are exact up to 38 digits; beyond that floats take over. Division goes to 16 places, as in the Go library.

use super::refuse;
use crate::error::CallError;

/// Digits behind the point of a quotient.
const DIVISION_PLACES: i32 = 16;

/// One of the four.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// `mantissa * 10^exponent`
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    fn of(number: f64) -> Option<Self> {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        let places = digits.split_once('.').map_or(0, |(_, places)| places.len());
        let mantissa = digits.replace('.', "").parse().ok()?;
        Some(Self { mantissa, exponent: exponent - i32::try_from(places).ok()? })
    }

    fn at_exponent(self, exponent: i32) -> Option<i128> {
        let shift = u32::try_from(self.exponent - exponent).ok()?;
        10_i128.checked_pow(shift)?.checked_mul(self.mantissa)
    }

    fn apply(self, other: Self, operation: Operation) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        match operation {
            Operation::Add | Operation::Subtract => {
                let (a, b) = (self.at_exponent(exponent)?, other.at_exponent(exponent)?);
                let subtracts = matches!(operation, Operation::Subtract);
                let mantissa = if subtracts { a.checked_sub(b)? } else { a.checked_add(b)? };
                Some(Self { mantissa, exponent })
            }
            Operation::Multiply => Some(Self {
                mantissa: self.mantissa.checked_mul(other.mantissa)?,
                exponent: self.exponent + other.exponent,
            }),
            Operation::Divide => {
                let shift = self.exponent - other.exponent + DIVISION_PLACES;
                let power = 10_i128.checked_pow(shift.unsigned_abs())?;
                let (dividend, divisor) = if shift >= 0 {
                    (self.mantissa.checked_mul(power)?, other.mantissa)
                } else {
                    (self.mantissa, other.mantissa.checked_mul(power)?)
                };
                let (quotient, rest) = (dividend / divisor, dividend % divisor);
                let rounds = rest.unsigned_abs().checked_mul(2)? >= divisor.unsigned_abs();
                let sign = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
                let mantissa = if rounds { quotient + sign } else { quotient };
                Some(Self { mantissa, exponent: -DIVISION_PLACES })
            }
        }
    }

    fn to_float(self) -> Option<f64> {
        format!("{}e{}", self.mantissa, self.exponent).parse().ok()
    }
}

/// Applies an operation to all numbers from the left.
pub(super) fn fold(
    start: f64,
    numbers: impl Iterator<Item = f64>,
    operation: Operation,
) -> Result<f64, CallError> {
    let mut exact = Decimal::of(start);
    let mut float = start;
    for number in numbers {
        if matches!(operation, Operation::Divide) && number == 0.0 {
            return refuse("decimal division by 0");
        }
        exact = exact.zip(Decimal::of(number)).and_then(|(a, b)| a.apply(b, operation));
        float = match operation {
            Operation::Add => float + number,
            Operation::Subtract => float - number,
            Operation::Multiply => float * number,
            Operation::Divide => float / number,
        };
    }
    Ok(exact.and_then(Decimal::to_float).unwrap_or(float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_do_not_drift() {
        let all = |start, numbers: &[f64], operation| fold(start, numbers.iter().copied(), operation);
        assert_eq!(all(0.0, &[0.1, 0.2], Operation::Add), Ok(0.3));
        assert_eq!(all(1.1, &[1.1], Operation::Multiply), Ok(1.21));
        assert_eq!(all(10.0, &[3.0], Operation::Divide), Ok(3.333_333_333_333_333_5));
        assert_eq!(all(1e300, &[1e300], Operation::Add), Ok(2e300));
        assert!(all(1.0, &[0.0], Operation::Divide).is_err());
    }
}
