//! What a migration is asked to do.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::migration::{Gate, GateKind};
use crate::share::{Pair, ThirdClusters, pair_for};
use crate::{ClusterName, Weight};

/// A migration's wishes, parsed: nothing in here can be wrong by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Where the traffic is.
    pub from: ClusterName,
    /// Where it goes.
    pub to: ClusterName,
    /// Never empty and never ends in a pause; the last one leaves the source at 0 or keeps some of its traffic.
    pub steps: Vec<StepTarget>,
    /// What follows a failed gate.
    pub on_failure: OnFailure,
    /// What the person at the wheel wants.
    pub wish: Wish,
    /// How long a settled and proven step is watched before the next.
    pub bake: Duration,
    /// How long after `Drained` the way back stays open before `Complete`.
    pub keep_warm: Duration,
    /// Draws per group and step of the ratio test.
    pub draws: u64,
    /// The probability that a whole migration with right shares fails its ratio tests.
    pub error_level: f64,
    /// What may still reach the source when it is called drained; `None` = it is not asked for.
    pub residual: Option<Residual>,
    /// What a step has to pass. At least one is of kind `http`: it also says which cluster answers (invariant I2).
    pub gates: Vec<Gate>,
    /// A cluster of the pair that is gone: nothing of it is read, written or waited for.
    pub without: Option<ClusterName>,
    /// Go on over weights that somebody else has written since.
    pub force: bool,
    /// How many pauses somebody has ended so far.
    pub promotions: u32,
    /// Go to the last step at the next pause.
    pub promote_to_end: bool,
}

/// Requests that may still come to a source at weight 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual {
    /// Per group (its load balancer) and minute.
    pub per_minute: u32,
    /// How long more is waited out, from the moment the TTL is over. Then the source is drained, and what is left is reported.
    pub deadline: Duration,
}

impl Residual {
    /// Ten TTLs of an AWS load balancer: who still comes then keeps answers for as long as it pleases.
    pub const DEADLINE: Duration = Duration::from_mins(10);
}

impl Spec {
    /// Draws that find a share 5 points off with 99 % at the default level (see `ratio::power`).
    pub const DRAWS: u64 = 4_700;
    /// The whole migration's error.
    pub const ERROR_LEVEL: f64 = 1e-4;

    /// Somebody has given the cluster up.
    pub fn is_given_up(&self, cluster: &ClusterName) -> bool {
        self.without.as_ref() == Some(cluster)
    }

    /// The ratio test, if it is among the gates.
    pub fn traffic_gate(&self) -> Option<&Gate> {
        self.gates.iter().find(|gate| gate.kind == GateKind::Traffic)
    }

    /// The traffic gate, if it asks for the load balancers' counts, and the points that they may be off.
    pub fn counted_gate(&self) -> Option<(&Gate, u32)> {
        let gate = self.traffic_gate()?;
        Some((gate, gate.share_tolerance_percent?))
    }

    /// A person has to say so before each further step.
    pub fn is_manual(&self) -> bool {
        self.gates.iter().any(|gate| gate.kind == GateKind::Manual && gate.decides())
    }

    /// The level of one ratio test when there are `groups` groups.
    pub fn error_level_each(&self, groups: usize) -> f64 {
        self.error_level / (self.steps.len().max(1) * groups.max(1)) as f64
    }
}

/// What a step makes of the two weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepTarget {
    /// `10%`: the destination's part of what the two get together.
    Percent(f64),
    /// `100/10`: the weights themselves, source first.
    Weights(Pair),
    /// `pause`: nothing moves until somebody promotes.
    Pause,
}

impl StepTarget {
    /// The weights of this step for a group whose two weights are to add up to `sum` ([`crate::share::sum_for`]); `None` for a pause.
    pub fn pair(self, sum: u16, third: ThirdClusters) -> Option<Pair> {
        match self {
            StepTarget::Percent(percent) => Some(pair_for(percent, sum, third)),
            StepTarget::Weights(pair) => Some(pair),
            StepTarget::Pause => None,
        }
    }

    /// The destination's part of the pair, 0 to 1; `None` for a pause.
    pub fn share(self) -> Option<f64> {
        match self {
            StepTarget::Percent(percent) => Some(percent / 100.0),
            StepTarget::Weights(pair) => pair.share(),
            StepTarget::Pause => None,
        }
    }

    /// The first step that gives the destination less than one before it.
    pub fn first_fall(steps: &[StepTarget]) -> Option<StepTarget> {
        let mut most = 0.0_f64;
        steps.iter().copied().find(|step| {
            let Some(share) = step.share() else { return false };
            let falls = share < most - 1e-9;
            most = most.max(share);
            falls
        })
    }

    /// Shares from `step` to `max` in equal steps: 10 and 50 are 10, 20, 30, 40 and 50 %.
    pub fn linear(step: f64, max: f64) -> Result<Vec<StepTarget>, StepTargetError> {
        let is_right = step.is_finite() && max.is_finite() && step >= 1.0 && step <= max && max <= 100.0;
        if !is_right {
            return Err(StepTargetError { text: format!("{step}% up to {max}%") });
        }
        // At least 1 % each: a hundred steps at the most.
        let mut shares: Vec<f64> = (1..=100_u32).map(|count| step * f64::from(count)).collect();
        shares.retain(|share| *share < max - 1e-9);
        shares.push(max);
        Ok(shares.into_iter().map(StepTarget::Percent).collect())
    }
}

impl fmt::Display for StepTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepTarget::Percent(percent) => write!(f, "{percent}%"),
            StepTarget::Weights(pair) => write!(f, "{}/{}", pair.from, pair.to),
            StepTarget::Pause => f.write_str("pause"),
        }
    }
}

/// A step that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no step: use a share such as `10%`, weights source/destination such as `100/10`, or `pause`"
)]
pub struct StepTargetError {
    /// The text as it was read.
    pub text: String,
}

impl FromStr for StepTarget {
    type Err = StepTargetError;

    fn from_str(text: &str) -> Result<Self, StepTargetError> {
        let wrong = || StepTargetError { text: text.to_owned() };
        let trimmed = text.trim();
        if trimmed == "pause" {
            return Ok(StepTarget::Pause);
        }
        if let Some(number) = trimmed.strip_suffix('%') {
            let percent: f64 = number.trim().parse().map_err(|_| wrong())?;
            return (0.0..=100.0)
                .contains(&percent)
                .then_some(StepTarget::Percent(percent))
                .ok_or_else(wrong);
        }
        let (from, to) = trimmed.split_once('/').ok_or_else(wrong)?;
        let from: Weight = from.trim().parse().map_err(|_| wrong())?;
        let to: Weight = to.trim().parse().map_err(|_| wrong())?;
        if from.is_zero() && to.is_zero() {
            return Err(wrong());
        }
        Ok(StepTarget::Weights(Pair { from, to }))
    }
}

/// What follows a failed gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// The weights go back to what they were.
    #[default]
    Rollback,
    /// The weights stay and a person decides.
    Pause,
}

/// What the person at the wheel wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Wish {
    /// Go on with the steps.
    #[default]
    Advance,
    /// Stop after what is under way; weights stay.
    Pause,
    /// Return every weight to what it was.
    Rollback,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn reads_shares_and_weights() {
        assert_eq!("10%".parse(), Ok(StepTarget::Percent(10.0)));
        let pair = Pair { from: Weight::new(100), to: Weight::new(10) };
        assert_eq!("100/10".parse(), Ok(StepTarget::Weights(pair)));
    }

    #[test]
    fn linear_steps_end_at_their_maximum() {
        let texts = |step, max| -> Vec<String> {
            StepTarget::linear(step, max).unwrap().iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(10.0, 30.0), ["10%", "20%", "30%"]);
        assert_eq!(texts(40.0, 100.0), ["40%", "80%", "100%"]);
        assert!(StepTarget::linear(0.0, 50.0).is_err() && StepTarget::linear(60.0, 50.0).is_err());
    }

    #[test]
    fn refuses_what_is_no_step() {
        for text in ["", "10", "101%", "-1%", "300/0", "0/0", "a/b", "NaN%"] {
            assert!(text.parse::<StepTarget>().is_err(), "{text} was taken");
        }
    }
}
