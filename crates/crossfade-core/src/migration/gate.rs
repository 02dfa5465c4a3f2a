//! Gates: what has to hold for a step to be taken, and what follows when it does not.
//!
//! A gate is observed all the time by the driver, except `traffic` (the ratio test, once per step) and `manual` (a person).
//! What an observer asks for (paths, addresses) is the driver's; here a gate is a name, a kind and its patience.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::migration::{CheckOutcome, ClusterStatus, GroupStatus, Spec, Status};

/// What a gate looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GateKind {
    /// Requests through each cluster's own load balancer.
    Http,
    /// Answers of every name server of the zone, for every host.
    Dns,
    /// The ratio test: fresh answers against the weights.
    Traffic,
    /// Ready pods of the destination.
    Kubernetes,
    /// A person says so before each further step.
    Manual,
}

/// One gate of a migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Unique in a migration.
    pub name: String,
    /// What it looks at.
    pub kind: GateKind,
    /// Failed observations in a row that fail it.
    pub failures_max: u32,
    /// Its failures have no consequence before this much of a step has passed.
    pub initial_delay: Duration,
    /// It may say nothing for so long before the migration pauses.
    pub inconclusive_max: Duration,
    /// It is observed and reported, and nothing follows.
    pub dry_run: bool,
    /// Of `traffic`: the load balancers' counts have to agree as well, within so many points. `None` = they are not asked for.
    pub share_tolerance_percent: Option<u32>,
}

impl Gate {
    /// One failed observation may be a pod that just ended; three in a row are a state.
    pub const FAILURES_MAX: u32 = 3;
    /// An outage of a name server or an API is over by then, or somebody should look.
    pub const INCONCLUSIVE_MAX: Duration = Duration::from_mins(10);

    /// Points that a counted share may be off: users' resolvers overstay, and few of them may send most requests.
    pub const SHARE_TOLERANCE_PERCENT: u32 = 20;

    /// A gate with the usual patience, named after its kind.
    pub fn new(kind: GateKind) -> Gate {
        let name = match kind {
            GateKind::Http => "http",
            GateKind::Dns => "dns",
            GateKind::Traffic => "traffic",
            GateKind::Kubernetes => "kubernetes",
            GateKind::Manual => "manual",
        };
        Gate {
            name: name.to_owned(),
            kind,
            failures_max: Gate::FAILURES_MAX,
            initial_delay: Duration::ZERO,
            inconclusive_max: Gate::INCONCLUSIVE_MAX,
            dry_run: false,
            share_tolerance_percent: None,
        }
    }

    /// The gates of a migration that names none.
    pub fn defaults() -> Vec<Gate> {
        [GateKind::Http, GateKind::Dns, GateKind::Traffic, GateKind::Kubernetes]
            .into_iter()
            .map(Gate::new)
            .collect()
    }

    /// Something follows from it.
    pub fn decides(&self) -> bool {
        !self.dry_run
    }

    /// The driver observes it all the time.
    pub fn is_observed(&self) -> bool {
        matches!(self.kind, GateKind::Http | GateKind::Dns | GateKind::Kubernetes)
    }
}

/// How a gate stands in one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateStatus {
    /// The gate's.
    pub name: String,
    /// When it last passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_at: Option<UnixMillis>,
    /// Failed observations in a row.
    #[serde(default)]
    pub failures: u32,
    /// Since when it neither passes nor fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_since: Option<UnixMillis>,
    /// What the last observation said, unless it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl GateStatus {
    fn new(name: &str) -> Self {
        GateStatus { name: name.to_owned(), passed_at: None, failures: 0, unknown_since: None, message: None }
    }

    fn take(&mut self, outcome: &CheckOutcome, at: UnixMillis) {
        match outcome {
            CheckOutcome::Passed => {
                self.passed_at = self.passed_at.max(Some(at));
                self.failures = 0;
                self.unknown_since = None;
                self.message = None;
            }
            CheckOutcome::Failed(message) => {
                self.failures = self.failures.saturating_add(1);
                self.unknown_since = None;
                self.message = Some(message.clone());
            }
            CheckOutcome::Unknown(message) => {
                self.unknown_since = self.unknown_since.or(Some(at));
                if self.failures == 0 {
                    self.message = Some(message.clone());
                }
            }
        }
    }
}

impl ClusterStatus {
    /// How a gate stands; `None` before its first observation.
    pub fn gate(&self, name: &str) -> Option<&GateStatus> {
        self.gates.iter().find(|gate| gate.name == name)
    }

    /// Takes an observation in. True when the gate reached `failures_max` with it.
    pub(super) fn take_gate(
        &mut self,
        name: &str,
        outcome: &CheckOutcome,
        at: UnixMillis,
        failures_max: u32,
    ) -> bool {
        let index = self.gates.iter().position(|gate| gate.name == name).unwrap_or_else(|| {
            self.gates.push(GateStatus::new(name));
            self.gates.len() - 1
        });
        let gate = &mut self.gates[index];
        let before = gate.failures;
        gate.take(outcome, at);
        before < failures_max && gate.failures >= failures_max
    }

    /// Failed observations in a row of the worst http gate.
    pub fn http_failures(&self, spec: &Spec) -> u32 {
        let of_http = spec.gates.iter().filter(|gate| gate.kind == GateKind::Http);
        of_http.filter_map(|gate| Some(self.gate(&gate.name)?.failures)).max().unwrap_or(0)
    }

    /// Every http gate passed its last observation, none longer ago than `fresh`.
    pub fn answers(&self, spec: &Spec, now: UnixMillis, fresh: Duration) -> bool {
        let mut of_http = spec.gates.iter().filter(|gate| gate.kind == GateKind::Http).peekable();
        of_http.peek().is_some()
            && of_http.all(|gate| {
                self.gate(&gate.name).is_some_and(|gate| {
                    gate.failures == 0 && gate.passed_at.is_some_and(|at| now.since(at) <= fresh)
                })
            })
    }
}

/// What the gates and preflights say together.
pub(super) enum Verdict {
    /// Go on.
    Passing,
    /// Both sides fail: no direction is better.
    Hold(String),
    /// Back, or a pause.
    Failed {
        /// A named reason.
        reason: &'static str,
        /// What and where.
        message: String,
    },
    /// Nothing has been said for too long.
    Inconclusive(String),
}

/// The verdict over all groups. A group whose both sides fail holds, and one that says nothing pauses, unless another group
/// has failed and has a side to go back to.
pub(super) fn verdict(status: &Status, spec: &Spec, now: UnixMillis) -> Verdict {
    let mut verdict = Verdict::Passing;
    for group in &status.groups {
        match verdict_of(group, status, spec, now) {
            Verdict::Passing => {}
            failed @ Verdict::Failed { .. } => return failed,
            other @ (Verdict::Hold(_) | Verdict::Inconclusive(_)) => {
                if matches!(verdict, Verdict::Passing) {
                    verdict = other;
                }
            }
        }
    }
    verdict
}

fn verdict_of(group: &GroupStatus, status: &Status, spec: &Spec, now: UnixMillis) -> Verdict {
    let began_at = status.current_step().map_or(status.started_at, |step| step.began_at);
    let (Some(from), Some(to)) = (group.cluster(&spec.from), group.cluster(&spec.to)) else {
        return Verdict::Passing;
    };
    if to.preflight_failures >= Gate::FAILURES_MAX {
        let what = to.preflight_message.as_deref().unwrap_or("no message");
        return held_or_failed(
            from,
            spec,
            "PreflightFailed",
            format!("{} in {}: {what}", group.name, spec.to),
        );
    }
    for gate in spec.gates.iter().filter(|gate| gate.decides() && now >= began_at.after(gate.initial_delay)) {
        let Some(seen) = to.gate(&gate.name) else { continue };
        let what = seen.message.as_deref().unwrap_or("no message");
        let message = format!("{} in {}: {}: {what}", group.name, spec.to, gate.name);
        if seen.failures >= gate.failures_max {
            return held_or_failed(from, spec, "GateFailed", message);
        }
        if seen.unknown_since.is_some_and(|since| now.since(since) >= gate.inconclusive_max) {
            return Verdict::Inconclusive(message);
        }
    }
    Verdict::Passing
}

fn held_or_failed(from: &ClusterStatus, spec: &Spec, reason: &'static str, message: String) -> Verdict {
    let source_fails = spec
        .gates
        .iter()
        .filter(|gate| gate.kind == GateKind::Http)
        .any(|gate| from.gate(&gate.name).is_some_and(|seen| seen.failures >= gate.failures_max));
    if source_fails {
        return Verdict::Hold(format!("one side to answer again: {message}; {} fails too", spec.from));
    }
    Verdict::Failed { reason, message }
}
