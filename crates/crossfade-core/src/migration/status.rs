//! What a migration has done so far: kept by the driver after every step, and all that a restart needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::migration::GateStatus;
use crate::{ClusterName, GroupName, UnixMillis, Weight};

/// History entries that are kept; older ones go first. A migration of 20 steps with rollback writes about 100.
const HISTORY_MAX: usize = 200;

/// Progress of one migration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Where the migration as a whole is.
    pub phase: Phase,
    /// Index of the current step, from 0.
    pub step: u32,
    /// Where the current step is.
    pub stage: Stage,
    /// Since when.
    pub stage_since: UnixMillis,
    /// When the migration was admitted.
    pub started_at: UnixMillis,
    /// When it reached its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<UnixMillis>,
    /// Pauses that were ended.
    #[serde(default)]
    pub promotions: u32,
    /// In the order they were admitted.
    pub groups: Vec<GroupStatus>,
    /// One per step that was begun.
    pub steps: Vec<StepRecord>,
    /// Why it does not advance, when it failed or paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When the source was at zero, settled, and the TTL had passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained_at: Option<UnixMillis>,
    /// What still reached the source when it was called drained, where that was more than asked for or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<String>,
    /// Bounded; the newest last.
    pub history: Vec<HistoryEntry>,
}

/// Where a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Steps are being taken.
    Progressing,
    /// The last step is proven; TTL and keep-warm time run.
    Draining,
    /// All traffic is where it should be. The end.
    Complete,
    /// Weights are returning to what they were.
    RollingBack,
    /// They are what they were. The end.
    RolledBack,
    /// Nothing is done until somebody says so; weights stay.
    Paused,
}

impl Phase {
    /// Nothing more will be done.
    pub fn is_end(self) -> bool {
        matches!(self, Phase::Complete | Phase::RolledBack)
    }
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Stage {
    /// Weights are being written, each after its preflight.
    Writing,
    /// Written; later hops do not show it all yet.
    Settling,
    /// Settled; the ratio test and the gates decide.
    Proving,
    /// Proven; TTL and bake time run out.
    Baking,
    /// A pause among the steps: somebody has to promote.
    AwaitingPromotion,
}

/// One weight group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// Its knob.
    pub name: GroupName,
    /// Its hosts.
    pub hosts: Vec<String>,
    /// Source, destination, then third clusters.
    pub clusters: Vec<ClusterStatus>,
    /// The largest TTL seen in answers, seconds.
    #[serde(default)]
    pub ttl_seconds_max: u32,
    /// The ratio test of the current step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<RatioResult>,
    /// What the load balancers count in the current step, while it is too little to judge by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<CountedWindow>,
}

impl GroupStatus {
    /// The group in one cluster.
    pub fn cluster(&self, name: &ClusterName) -> Option<&ClusterStatus> {
        self.clusters.iter().find(|cluster| cluster.name == *name)
    }

    /// Another hand's weight is in one of its clusters.
    pub fn is_held(&self) -> bool {
        self.clusters.iter().any(|cluster| cluster.foreign.is_some())
    }

    pub(super) fn cluster_mut(&mut self, name: &ClusterName) -> Option<&mut ClusterStatus> {
        self.clusters.iter_mut().find(|cluster| cluster.name == *name)
    }
}

/// One group in one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Which cluster.
    pub name: ClusterName,
    /// The weight before this migration: what a rollback returns to.
    pub before: Weight,
    /// The weight when the current step began.
    pub previous: Weight,
    /// Another weight that may still be there, when it could not be read as the step began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub or_previous: Option<Weight>,
    /// The weight of the current step.
    pub target: Weight,
    /// The knob has shown the target: what it shows from then on, in this step, is somebody's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reached: bool,
    /// What another hand has set the knob to, while that is not agreed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignWeight>,
    /// Another hand's weight that a person lets this migration write over, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Weight>,
    /// The path of the weight, knob first.
    pub hops: Vec<HopStatus>,
    /// Whether Route 53 leaves its record out while its load balancer has no healthy target (`EvaluateTargetHealth`).
    #[serde(default)]
    pub evaluates_target_health: bool,
    /// What its load balancer counted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadStatus>,
    /// One per gate that was observed here.
    #[serde(default)]
    pub gates: Vec<GateStatus>,
    /// When the cluster last passed preflight for this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight_passed_at: Option<UnixMillis>,
    /// Failed preflights in a row, and what the last one said.
    #[serde(default)]
    pub preflight_failures: u32,
    /// What the last failed preflight said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight_message: Option<String>,
}

/// A weight that another hand has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForeignWeight {
    /// What the knob shows.
    pub weight: Weight,
    /// What it showed before, as far as that was seen: put back, the migration goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Weight>,
}

/// Requests in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadStatus {
    /// How many, without those of the http gates.
    pub requests: u64,
    /// How long the period was.
    pub seconds: u32,
    /// When it ended.
    pub until: UnixMillis,
}

/// Periods in a row, of both clusters of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountedWindow {
    /// The source's requests.
    pub from: u64,
    /// The destination's.
    pub to: u64,
    /// When the last period ended that was counted, in this window or one before.
    pub until: UnixMillis,
}

/// One hop of a weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HopStatus {
    /// See [`super::hop`].
    pub name: String,
    /// What it shows; absent = unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Weight>,
    /// Since when it shows that.
    pub at: UnixMillis,
    /// An older operation is running.
    #[serde(default)]
    pub busy: bool,
    /// Something here cannot be carried on until somebody mends it; nothing of it is running.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stuck: bool,
    /// Where something stuck holds parts of this hop back: the smallest weight of all its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Weight>,
    /// What holds it up, or keeps its value from being known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The ratio test of one group and step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatioResult {
    /// Answers that named a known load balancer.
    pub draws: u64,
    /// Per cluster.
    pub bins: Vec<RatioBin>,
    /// The exact test's.
    pub p_value: f64,
    /// The level it was held against.
    pub level: f64,
    /// `p_value >= level`.
    pub passed: bool,
}

/// One cluster in a ratio test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatioBin {
    /// Which cluster.
    pub cluster: ClusterName,
    /// Answers that named its load balancer.
    pub observed: u64,
    /// What its weight lets expect, 0 to 1.
    pub expected_share: f64,
}

/// How long a hop took in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HopTime {
    /// See [`super::hop`].
    pub hop: String,
    /// Milliseconds from the step's beginning until the hop showed the step's weight in the last cluster.
    pub millis: u64,
}

/// One step as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// As asked: `10%`, or `rollback`.
    pub target: String,
    /// When its first weight was to be written.
    pub began_at: UnixMillis,
    /// When its last hop was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<UnixMillis>,
    /// When all gates had passed and the TTL was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<UnixMillis>,
    /// Milliseconds of it that were neither TTL, bake time, `INSYNC` nor the DNS controller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_millis: Option<u64>,
    /// Per group: its two weights, its test, milliseconds after `began_at` at which each hop showed the step's weights.
    pub groups: Vec<StepGroupRecord>,
}

/// One group in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepGroupRecord {
    /// Which group.
    pub group: GroupName,
    /// The source's weight.
    pub from: Weight,
    /// The destination's weight.
    pub to: Weight,
    /// The ratio test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<RatioResult>,
    /// In the order of the path.
    #[serde(default)]
    pub hops: Vec<HopTime>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// When.
    pub at: UnixMillis,
    /// A named reason: `GateFailed`, `GateInconclusive`, `RatioTestFailed`, `PreflightFailed`, `ForeignChange`, `PausedByUser`, `RolledBackByUser`.
    pub reason: String,
    /// What and where.
    pub message: String,
}

/// One line of history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When.
    pub at: UnixMillis,
    /// A named reason: `StepBegun`, `StepSettled`, `StepProven`, `Drained`, `Complete`, ...
    pub reason: String,
    /// What.
    pub message: String,
}

impl HopStatus {
    /// A hop as it is seen first.
    pub(super) fn new(name: &str, value: Option<Weight>, at: UnixMillis) -> Self {
        HopStatus { name: name.to_owned(), value, at, busy: false, stuck: false, floor: None, note: None }
    }
}

impl Status {
    /// A group by name.
    pub fn group(&self, name: &GroupName) -> Option<&GroupStatus> {
        self.groups.iter().find(|group| group.name == *name)
    }

    pub(super) fn group_mut(&mut self, name: &GroupName) -> Option<&mut GroupStatus> {
        self.groups.iter_mut().find(|group| group.name == *name)
    }

    pub(super) fn record(&mut self, at: UnixMillis, reason: &str, message: impl Into<String>) {
        if self.history.len() >= HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(HistoryEntry { at, reason: reason.to_owned(), message: message.into() });
    }

    pub(super) fn enter(&mut self, stage: Stage, now: UnixMillis) {
        self.stage = stage;
        self.stage_since = now;
    }

    /// The record of the step under way (a rollback counts as one).
    pub fn current_step(&self) -> Option<&StepRecord> {
        self.steps.last()
    }
}
