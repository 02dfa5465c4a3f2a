//! The `Migration` resource: what a user writes, what the controller or the CLI reports.
#![expect(clippy::struct_excessive_bools, reason = "each is a switch that a user writes")]

mod sameness;

use std::time::Duration;

use crossfade_core::GroupName;
use crossfade_core::migration::{
    OnFailure, Phase, Residual, Selection, Spec, Status, StepTarget, StepTargetError, Wish,
};
use crossfade_core::ratio::DRAWS_MAX;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gates::{self, GateError, GateSpec};

/// The steps when none are given.
pub const STEPS_DEFAULT: [&str; 3] = ["10%", "50%", "100%"];
/// The namespace of crossfade's own objects in every cluster.
pub const NAMESPACE: &str = "crossfade";

/// Steps of one migration: as many as whole percents. The API server bounds the cost of the rules by it.
const STEPS_MAX: usize = 100;
/// A week: the longest that a step is watched, a gate is waited for, or a source is kept warm.
pub(crate) const SECONDS_MAX: u32 = 604_800;
/// More a minute is no remainder: the largest load balancers serve that.
const RESIDUAL_REQUESTS_MAX: u32 = 1_000_000_000;
/// The longest name of a DNS label, which clusters' names are.
const NAME_LENGTH_MAX: usize = 63;
/// Owner ids of one migration: one per cluster and a few of before.
const OWNERS_MAX: usize = 16;
/// Gates of one migration. The API server bounds the cost of the rules by it.
const GATES_MAX: usize = 16;
/// The longest DNS name.
const ZONE_LENGTH_MAX: usize = 255;

/// Where weights are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Actuator {
    /// The annotation of the Ingress or Service; a DNS controller carries it to the zone.
    #[default]
    Annotation,
    /// The record sets themselves, in a zone that no DNS controller keeps.
    Route53,
    /// An annotation of Argo CD's cluster secret; ApplicationSets carry it to charts, charts to the Ingress.
    #[serde(rename = "gitopsBridge")]
    GitopsBridge,
}

/// Moves the traffic of weight groups from one cluster to another, a step at a time.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "crossfade.dev",
    version = "v1alpha1",
    kind = "Migration",
    namespaced,
    shortname = "xmig",
    category = "crossfade",
    status = "MigrationStatus",
    printcolumn = r#"{"name":"From","type":"string","jsonPath":".spec.from"}"#,
    printcolumn = r#"{"name":"To","type":"string","jsonPath":".spec.to"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Reason","type":"string","jsonPath":".status.reason"}"#,
    printcolumn = r#"{"name":"Step","type":"string","jsonPath":".status.step"}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.message","priority":1}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.from != self.to").message("from and to have to be two clusters"),
    validation = Rule::new("!has(self.without) || self.without == self.from || self.without == self.to")
        .message("without names one of the two clusters"),
    validation = Rule::new("!has(self.groups) || !has(self.hosts) || size(self.groups) == 0 || size(self.hosts) == 0")
        .message("name groups or hosts, not both")
)]
pub struct MigrationSpec {
    /// The cluster where the traffic is.
    #[schemars(length(min = 1, max = NAME_LENGTH_MAX))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("from cannot be changed"))]
    pub from: String,
    /// The cluster where it goes.
    #[schemars(length(min = 1, max = NAME_LENGTH_MAX))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("to cannot be changed"))]
    pub to: String,
    /// The DNS zone that holds the records, for example `eks-blueprint.eks.example.org`.
    #[schemars(length(min = 1, max = ZONE_LENGTH_MAX))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("zone cannot be changed"))]
    pub zone: String,
    /// Weight groups by name (`namespace/ingress`); empty = all that both clusters have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Weight groups by host; a group's hosts move together or not at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// `10%` is the destination's share, `100/10` are weights (source first), `pause` waits for a person.
    #[serde(default = "steps_default")]
    #[schemars(length(min = 1, max = STEPS_MAX), inner(length(max = 32)))]
    #[x_kube(
        validation = Rule::new(STEP_RULE)
            .message("a step is a share such as `10%`, weights source/destination such as `100/10`, or `pause`"),
        validation = Rule::new(r"!self.exists(step, step.matches('^\\s*0+\\s*/\\s*0+\\s*$'))")
            .message("weights 0/0 leave no cluster with traffic"),
        validation = Rule::new("size(self) == 0 || self[size(self) - 1] != 'pause'")
            .message("the last step cannot be a pause")
    )]
    pub steps: Vec<String>,
    /// Where weights are written.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("actuator cannot be changed"))]
    pub actuator: Actuator,
    /// Owner ids whose records may be changed, beside the set identifiers of the two clusters (with `actuator: route53` these
    /// alone).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = OWNERS_MAX))]
    pub owners: Vec<String>,
    /// The weights in `main.tf` will be changed as well: without that, a cluster secret of Terraform's is not written.
    #[serde(default)]
    pub i_will_edit_main_tf: bool,
    /// Move groups whose pods mount persistent volumes as well.
    #[serde(default)]
    pub allow_stateful: bool,
    /// What a step has to pass. Default: `http`, `dns`, `traffic` and `kubernetes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = GATES_MAX))]
    #[x_kube(
        validation = Rule::new("self.all(gate, self.exists_one(other, (has(other.name) ? other.name : other.kind) == (has(gate.name) ? gate.name : gate.kind)))")
            .message("gates have names of their own"),
        validation = Rule::new("size(self.filter(gate, gate.kind == 'traffic')) < 2")
            .message("there is one traffic gate at most")
    )]
    pub gates: Vec<GateSpec>,
    /// What follows a failed gate.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Go on, pause, or return every weight.
    #[serde(default)]
    pub wish: Wish,
    /// Seconds that a proven step is watched before the next.
    #[serde(default)]
    #[schemars(range(max = SECONDS_MAX))]
    pub bake_seconds: u32,
    /// Seconds after the source is drained in which a failing gate still leads back.
    #[serde(default)]
    #[schemars(range(max = SECONDS_MAX))]
    pub keep_warm_seconds: u32,
    /// Requests a minute that a group's load balancer in the source may still count (CloudWatch) when the source is called drained.
    /// Absent: it is drained when its weight is 0 everywhere and the TTL is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = RESIDUAL_REQUESTS_MAX))]
    pub residual_requests_per_minute: Option<u32>,
    /// Seconds to wait for that; then the source is drained all the same, and what is left is reported. Default 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = SECONDS_MAX))]
    pub residual_deadline_seconds: Option<u32>,
    /// Draws of the ratio test per group and step. Default 4700.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = DRAWS_MAX))]
    pub draws: Option<u32>,
    /// A cluster of the two that is gone for good: nothing of it is read, written or waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
    /// Go on over weights that somebody else has written since.
    #[serde(default)]
    pub force: bool,
    /// How many pauses somebody has ended so far; one more ends the next.
    #[serde(default)]
    #[schemars(range(max = i32::MAX))]
    pub promotions: u32,
    /// Go to the last step at the next pause.
    #[serde(default)]
    pub promote_to_end: bool,
}

/// What `StepTarget` reads, as far as the API server can tell: a share of at most 100 %, weights of at most 255, `pause`.
const STEP_RULE: &str = concat!(
    r"self.all(step, step.matches('^\\s*(pause|(100(\\.0*)?|[0-9]{1,2}(\\.[0-9]+)?)\\s*%",
    r"|(25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\\s*/\\s*(25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9]))\\s*$'))"
);

fn steps_default() -> Vec<String> {
    STEPS_DEFAULT.map(ToOwned::to_owned).to_vec()
}

/// How a migration stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStatus {
    /// `Progressing`, `Draining`, `Complete`, `RollingBack`, `RolledBack`, `Paused`, `Refused`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// Why it is in that phase, or what is done in it, in a word: `Settling`, `AwaitingPromotion`, `ForeignChange`, `GateFailed`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The step under way: `2/3 50%`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// What is done or waited for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The generation this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Progressing`, `Drained`, `Complete`, `Paused`, `RolledBack`, `Refused`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// All that a driver needs to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Status>,
}

/// A condition as `metav1.Condition` has it. Of our own because the schema of the original cannot be derived cheaply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is said to be so.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// RFC 3339.
    pub last_transition_time: String,
    /// The generation it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// A spec that no migration can follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A step.
    #[error(transparent)]
    Step(#[from] StepTargetError),
    /// A step that takes traffic back.
    #[error("step {0} gives the destination less than a step before it")]
    FallingStep(String),
    /// A gate.
    #[error(transparent)]
    Gate(#[from] GateError),
}

impl MigrationSpec {
    /// Ready pods that the kubernetes gates want, as a percentage of the source's.
    pub fn ready_percent(&self) -> Option<u32> {
        self.gates.iter().filter_map(|gate| gate.ready_percent).max()
    }

    /// All groups, the usual steps and gates.
    pub fn new(from: impl Into<String>, to: impl Into<String>, zone: impl Into<String>) -> Self {
        MigrationSpec {
            from: from.into(),
            to: to.into(),
            zone: zone.into(),
            actuator: Actuator::Annotation,
            owners: Vec::new(),
            i_will_edit_main_tf: false,
            allow_stateful: false,
            groups: Vec::new(),
            hosts: Vec::new(),
            steps: steps_default(),
            gates: Vec::new(),
            on_failure: OnFailure::Rollback,
            wish: Wish::Advance,
            bake_seconds: 0,
            keep_warm_seconds: 0,
            residual_requests_per_minute: None,
            residual_deadline_seconds: None,
            draws: None,
            without: None,
            force: false,
            promotions: 0,
            promote_to_end: false,
        }
    }

    /// Which groups it asks for.
    pub fn selection(&self) -> Selection {
        if !self.hosts.is_empty() {
            Selection::Hosts(self.hosts.clone())
        } else if !self.groups.is_empty() {
            Selection::Groups(self.groups.iter().cloned().map(GroupName).collect())
        } else {
            Selection::All
        }
    }

    /// The engine's form.
    pub fn to_core(&self) -> Result<Spec, SpecError> {
        let steps: Vec<StepTarget> = self.steps.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        match steps.last() {
            None => return Err(StepTargetError { text: "an empty list".to_owned() }.into()),
            Some(StepTarget::Pause) => {
                return Err(StepTargetError { text: "a pause at the end".to_owned() }.into());
            }
            Some(StepTarget::Percent(_) | StepTarget::Weights(_)) => {}
        }
        if let Some(step) = StepTarget::first_fall(&steps) {
            return Err(SpecError::FallingStep(step.to_string()));
        }
        Ok(Spec {
            from: self.from.as_str().into(),
            to: self.to.as_str().into(),
            steps,
            on_failure: self.on_failure,
            wish: self.wish,
            bake: Duration::from_secs(u64::from(self.bake_seconds)),
            keep_warm: Duration::from_secs(u64::from(self.keep_warm_seconds)),
            draws: self.draws.map_or(Spec::DRAWS, u64::from),
            error_level: Spec::ERROR_LEVEL,
            residual: self.residual(),
            gates: gates::to_core(&self.gates)?,
            without: self.without.as_deref().map(Into::into),
            force: self.force,
            promotions: self.promotions,
            promote_to_end: self.promote_to_end,
        })
    }
}

impl MigrationSpec {
    /// Something in here needs what load balancers count.
    pub fn needs_counts(&self) -> bool {
        self.residual_requests_per_minute.is_some() || self.gates.iter().any(|gate| gate.counts)
    }

    fn residual(&self) -> Option<Residual> {
        let per_minute = self.residual_requests_per_minute?;
        let deadline = self.residual_deadline_seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
        Some(Residual { per_minute, deadline: deadline.unwrap_or(Residual::DEADLINE) })
    }
}

impl MigrationStatus {
    /// A migration that cannot be begun. It is looked at again when its spec changes.
    pub fn refused(
        message: String,
        generation: Option<i64>,
        old: &[Condition],
        now: jiff::Timestamp,
    ) -> Self {
        let (kind, reason) = ("Refused".to_owned(), "NotAdmitted".to_owned());
        let condition = mk_condition(&kind, true, reason, message.clone(), generation, old, now);
        MigrationStatus {
            phase: kind,
            reason: "NotAdmitted".to_owned(),
            step: String::new(),
            message,
            observed_generation: generation,
            conditions: vec![condition],
            progress: None,
        }
    }

    /// The user's view of a progress. `old` supplies the transition times of conditions that did not change.
    pub fn from_progress(
        progress: Status,
        message: String,
        generation: Option<i64>,
        old: &[Condition],
        now: jiff::Timestamp,
    ) -> Self {
        let steps_known = progress.current_step().map(|step| step.target.clone()).unwrap_or_default();
        let conditions = conditions(&progress, &message)
            .into_iter()
            .map(|(kind, is_true, reason, message)| {
                mk_condition(kind, is_true, reason, message, generation, old, now)
            })
            .collect();
        MigrationStatus {
            phase: format!("{:?}", progress.phase),
            reason: reason(&progress),
            step: format!("{} {steps_known}", progress.step + 1),
            message,
            observed_generation: generation,
            conditions,
            progress: Some(progress),
        }
    }
}

fn reason(progress: &Status) -> String {
    match (progress.phase, &progress.failure) {
        (Phase::Progressing, _) => format!("{:?}", progress.stage),
        (_, Some(failure)) => failure.reason.clone(),
        (_, None) => String::new(),
    }
}

fn conditions(progress: &Status, message: &str) -> Vec<(&'static str, bool, String, String)> {
    let phase = progress.phase;
    let failure = progress.failure.as_ref();
    let reason = failure.map_or("AsPlanned", |failure| failure.reason.as_str());
    let said = failure.map_or(message, |failure| failure.message.as_str());
    let mk = |kind, is_true: bool, reason: &str, message: &str| {
        let reason = if is_true { reason } else { "NotReached" };
        (kind, is_true, reason.to_owned(), message.to_owned())
    };
    let (drained, drained_because) = match &progress.residual {
        Some(left) => (left.as_str(), "ResidualRequests"),
        None => ("weight 0 everywhere and the TTL is over", "TtlPassed"),
    };
    let is_moving = matches!(phase, Phase::Progressing | Phase::Draining | Phase::RollingBack);
    vec![
        mk("Progressing", is_moving, &format!("{:?}", progress.stage), message),
        mk("Drained", progress.drained_at.is_some(), drained_because, drained),
        mk("Complete", phase == Phase::Complete, "AllStepsProven", message),
        mk("Paused", phase == Phase::Paused, reason, said),
        mk("RolledBack", phase == Phase::RolledBack, reason, said),
    ]
}

fn mk_condition(
    kind: &str,
    is_true: bool,
    reason: String,
    message: String,
    generation: Option<i64>,
    old: &[Condition],
    now: jiff::Timestamp,
) -> Condition {
    let status = if is_true { "True" } else { "False" };
    let unchanged = old.iter().find(|condition| condition.kind == kind && condition.status == status);
    Condition {
        last_transition_time: unchanged
            .map_or_else(|| now.to_string(), |condition| condition.last_transition_time.clone()),
        message,
        observed_generation: generation,
        reason,
        status: status.to_owned(),
        kind: kind.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use kube::CustomResourceExt;

    use super::*;

    #[test]
    fn definition_is_structural() {
        let definition = serde_json::to_value(Migration::crd()).unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        assert_eq!(schema["properties"]["spec"]["properties"]["steps"]["items"]["type"], "string");
        let text = schema.to_string();
        for keyword in ["$ref", "prefixItems", "oneOf", "\"type\":[", "definitions"] {
            assert!(!text.contains(keyword), "a structural schema has no {keyword}: {text}");
        }
    }

    #[test]
    fn definition_carries_defaults_and_rules() {
        let definition = serde_json::to_value(Migration::crd()).unwrap();
        let spec = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        assert_eq!(spec["properties"]["steps"]["default"], serde_json::json!(STEPS_DEFAULT));
        assert_eq!(spec["properties"]["onFailure"]["default"], "rollback");
        assert_eq!(spec["properties"]["keepWarmSeconds"]["default"], 0);
        let rules = |schema: &serde_json::Value| schema["x-kubernetes-validations"].as_array().unwrap().len();
        assert_eq!(rules(spec), 3);
        assert_eq!(rules(&spec["properties"]["steps"]), 3);
        for fixed in ["from", "to", "zone"] {
            assert_eq!(spec["properties"][fixed]["x-kubernetes-validations"][0]["rule"], "self == oldSelf");
        }
    }

    #[test]
    fn wrong_steps_are_named() {
        let text_of = |steps: &[&str]| {
            let spec: MigrationSpec = serde_json::from_value(serde_json::json!({
                "from": "blue", "to": "green", "zone": "example.org", "steps": steps
            }))
            .unwrap();
            spec.to_core().unwrap_err().to_string()
        };
        assert!(text_of(&["110%"]).contains("110%"));
        assert!(text_of(&[]).contains("an empty list"));
        assert!(text_of(&["50%", "pause"]).contains("a pause at the end"));
    }

    #[test]
    fn a_minimal_object_has_the_default_steps() {
        let minimal = serde_json::json!({ "from": "blue", "to": "green", "zone": "example.org" });
        let spec: MigrationSpec = serde_json::from_value(minimal).unwrap();
        assert_eq!(spec.steps, STEPS_DEFAULT);
    }
}
