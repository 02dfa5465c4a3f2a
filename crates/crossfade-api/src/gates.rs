//! Gates as a `Migration` names them, and as the command line does: `http,path=/healthz,failures=5`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crossfade_core::migration::{Gate, GateKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::migration::SECONDS_MAX;

/// The longest name of a gate.
const NAME_LENGTH_MAX: usize = 63;
/// A narrower band would find fault with chance and with resolvers: fine differences are the ratio test's.
const SHARE_TOLERANCE_PERCENT_MIN: u32 = 5;
const TOLERANCES: std::ops::RangeInclusive<u32> = SHARE_TOLERANCE_PERCENT_MIN..=100;

/// What a step has to pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateSpec {
    /// What it looks at.
    pub kind: GateKind,
    /// Unique in the migration. Default: the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = NAME_LENGTH_MAX))]
    pub name: Option<String>,
    /// The path that a gate of kind `http` asks for. Default: the probe path of the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = "^/"))]
    pub path: Option<String>,
    /// Ready pods that a gate of kind `kubernetes` wants, as a percentage of the source's. Default: one per Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000))]
    pub ready_percent: Option<u32>,
    /// Failed observations in a row that fail the gate. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub consecutive_failures: Option<u32>,
    /// Its failures have no consequence before so many seconds of a step have passed. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = SECONDS_MAX))]
    pub initial_delay_seconds: Option<u32>,
    /// Seconds without an answer either way after which the migration pauses. Default 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = SECONDS_MAX))]
    pub inconclusive_seconds: Option<u32>,
    /// Observed and reported, and nothing follows.
    #[serde(default)]
    pub dry_run: bool,
    /// A gate of kind `traffic` also looks at what the load balancers count (CloudWatch), within a wide band, after the TTL of each
    /// step. A load balancer's count is of all that it serves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counts: bool,
    /// Points that the counted share may be off. Default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = SHARE_TOLERANCE_PERCENT_MIN, max = 100))]
    pub share_tolerance_percent: Option<u32>,
}

impl GateSpec {
    /// A gate of a kind, with the usual patience.
    pub fn new(kind: GateKind) -> Self {
        GateSpec {
            kind,
            name: None,
            path: None,
            ready_percent: None,
            consecutive_failures: None,
            initial_delay_seconds: None,
            inconclusive_seconds: None,
            dry_run: false,
            counts: false,
            share_tolerance_percent: None,
        }
    }

    /// Its name: the given one, or the kind's.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| Gate::new(self.kind).name)
    }

    fn to_core(&self) -> Gate {
        let usual = Gate::new(self.kind);
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        Gate {
            name: self.name(),
            kind: self.kind,
            failures_max: self.consecutive_failures.map_or(usual.failures_max, |failures| failures.max(1)),
            initial_delay: self.initial_delay_seconds.map_or(usual.initial_delay, seconds),
            inconclusive_max: self.inconclusive_seconds.map_or(usual.inconclusive_max, seconds),
            dry_run: self.dry_run,
            share_tolerance_percent: self
                .counts
                .then(|| self.share_tolerance_percent.unwrap_or(Gate::SHARE_TOLERANCE_PERCENT)),
        }
    }
}

/// The gates of a migration as its observers need them: the given ones, or the usual; always with one of kind `http`,
/// which also says which cluster answers.
pub fn with_defaults(given: &[GateSpec]) -> Vec<GateSpec> {
    if given.is_empty() {
        return Gate::defaults().into_iter().map(|gate| GateSpec::new(gate.kind)).collect();
    }
    let mut gates = given.to_vec();
    if !gates.iter().any(|gate| gate.kind == GateKind::Http) {
        gates.push(GateSpec { dry_run: true, ..GateSpec::new(GateKind::Http) });
    }
    gates
}

/// The engine's form.
pub(crate) fn to_core(given: &[GateSpec]) -> Result<Vec<Gate>, GateError> {
    let gates: Vec<Gate> = with_defaults(given).iter().map(GateSpec::to_core).collect();
    let mut names = BTreeSet::new();
    for gate in given {
        if gate.counts && gate.kind != GateKind::Traffic {
            return Err(GateError::CountsElsewhere(gate.name()));
        }
        let wrong = gate.share_tolerance_percent.filter(|points| !TOLERANCES.contains(points));
        if let Some(percent) = wrong {
            return Err(GateError::Tolerance { gate: gate.name(), percent });
        }
    }
    for gate in &gates {
        if !names.insert(gate.name.as_str()) {
            return Err(GateError::NameTwice(gate.name.clone()));
        }
    }
    if gates.iter().filter(|gate| gate.kind == GateKind::Traffic).count() > 1 {
        return Err(GateError::TrafficTwice);
    }
    Ok(gates)
}

/// Gates that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// Names tell gates apart.
    #[error("two gates are called `{0}`")]
    NameTwice(String),
    /// One ratio test per step.
    #[error("there is one traffic gate at most: it is the ratio test of a step")]
    TrafficTwice,
    /// Counts belong to the test of shares.
    #[error("the gate `{0}` cannot look at counts: that is for a gate of kind traffic")]
    CountsElsewhere(String),
    /// A band that is none.
    #[error(
        "the counted share of the gate `{gate}` may be {SHARE_TOLERANCE_PERCENT_MIN} to 100 points off, not {percent}"
    )]
    Tolerance {
        /// The gate.
        gate: String,
        /// What it asks for.
        percent: u32,
    },
    /// Not a kind.
    #[error("`{0}` is no gate: use http, dns, traffic, kubernetes or manual")]
    Kind(String),
    /// Not an option.
    #[error(
        "`{0}` is no option of a gate: use name=, path=, ready=, counts, tolerance=, failures=, delay=, inconclusive= or dry-run"
    )]
    Option(String),
}

impl FromStr for GateSpec {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, GateError> {
        let mut parts = text.split(',').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let kind: GateKind =
            serde_json::from_value(kind.into()).map_err(|_| GateError::Kind(kind.to_owned()))?;
        let mut gate = GateSpec::new(kind);
        for part in parts {
            let wrong = || GateError::Option(part.to_owned());
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let number = || value.trim_end_matches(['s', '%']).parse::<u32>().map_err(|_| wrong());
            match key {
                "dry-run" if value.is_empty() => gate.dry_run = true,
                "name" if !value.is_empty() => gate.name = Some(value.to_owned()),
                "path" if value.starts_with('/') && kind == GateKind::Http => {
                    gate.path = Some(value.to_owned());
                }
                "counts" if value.is_empty() && kind == GateKind::Traffic => gate.counts = true,
                "tolerance" if kind == GateKind::Traffic => {
                    gate.counts = true;
                    gate.share_tolerance_percent = Some(number()?);
                }
                "ready" if kind == GateKind::Kubernetes => gate.ready_percent = Some(number()?),
                "failures" => gate.consecutive_failures = Some(number()?),
                "delay" => gate.initial_delay_seconds = Some(number()?),
                "inconclusive" => gate.inconclusive_seconds = Some(number()?),
                _ => return Err(wrong()),
            }
        }
        Ok(gate)
    }
}

impl fmt::Display for GateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Gate::new(self.kind).name)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        if let Some(path) = &self.path {
            write!(f, " {path}")?;
        }
        if let Some(percent) = self.ready_percent {
            write!(f, " {percent}% ready")?;
        }
        if self.counts {
            f.write_str(" with counts")?;
        }
        if self.dry_run {
            f.write_str(" (dry run)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn reads_gates_of_the_command_line() {
        let gate: GateSpec = "http,path=/healthz,failures=5,delay=30s".parse().unwrap();
        assert_eq!(gate.path.as_deref(), Some("/healthz"));
        assert_eq!((gate.consecutive_failures, gate.initial_delay_seconds), (Some(5), Some(30)));
        assert!("kubernetes,ready=80%,dry-run".parse::<GateSpec>().unwrap().dry_run);
    }

    #[test]
    fn refuses_what_is_no_gate() {
        for text in ["", "ping", "dns,path=/x", "http,path=x", "http,failures=many", "traffic,colour=red"] {
            assert!(text.parse::<GateSpec>().is_err(), "{text} was taken");
        }
    }

    #[test]
    fn counts_belong_to_the_traffic_gate() {
        let gate: GateSpec = "traffic,counts".parse().unwrap();
        assert_eq!(gate.to_core().share_tolerance_percent, Some(20));
        let gate: GateSpec = "traffic,tolerance=30%".parse().unwrap();
        assert_eq!(gate.to_core().share_tolerance_percent, Some(30));
        assert_eq!("traffic".parse::<GateSpec>().unwrap().to_core().share_tolerance_percent, None);
        assert!("http,counts".parse::<GateSpec>().is_err());
        let elsewhere = GateSpec { counts: true, ..GateSpec::new(GateKind::Dns) };
        assert_eq!(to_core(&[elsewhere]).unwrap_err(), GateError::CountsElsewhere("dns".to_owned()));
        let narrow: GateSpec = "traffic,tolerance=1".parse().unwrap();
        assert!(to_core(&[narrow]).is_err());
    }

    #[test]
    fn http_is_always_observed() {
        let gates = to_core(&[GateSpec::new(GateKind::Traffic)]).unwrap();
        let http = gates.iter().find(|gate| gate.kind == GateKind::Http).unwrap();
        assert!(http.dry_run);
    }

    #[test]
    fn names_are_unique() {
        let twice = [GateSpec::new(GateKind::Http), GateSpec::new(GateKind::Http)];
        assert_eq!(to_core(&twice).unwrap_err(), GateError::NameTwice("http".to_owned()));
    }
}
