//! The weight of a weighted record set, and shares of traffic as weights express them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Route 53 weight: 0 to 255.
///
/// 0 means "no answers while another set of the group has more"; a group of zeros gives equal shares
/// (Route 53 developer guide, "Values specific for weighted records").
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Weight(u8);

impl Weight {
    /// No answers while another set has more.
    pub const ZERO: Weight = Weight(0);
    /// The largest weight that Route 53 accepts.
    pub const MAX: Weight = Weight(255);

    /// Any `u8` is a weight.
    pub const fn new(value: u8) -> Self {
        Weight(value)
    }

    /// The number itself.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// True for 0.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What was read is no weight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no weight: a whole number from 0 to 255 is needed")]
pub struct WeightError {
    /// The text as it was read.
    pub text: String,
}

impl FromStr for Weight {
    type Err = WeightError;

    fn from_str(text: &str) -> Result<Self, WeightError> {
        text.parse::<u8>().map(Weight).map_err(|_| WeightError { text: text.to_owned() })
    }
}

impl TryFrom<i64> for Weight {
    type Error = WeightError;

    fn try_from(value: i64) -> Result<Self, WeightError> {
        u8::try_from(value).map(Weight).map_err(|_| WeightError { text: value.to_string() })
    }
}
