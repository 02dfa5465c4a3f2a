//! What a driver saw since it last asked. Absent means unknown, and unknown holds (invariant I9).

use std::collections::BTreeMap;

use crate::{ClusterName, GroupName, UnixMillis, Weight};

/// Everything seen in one round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Per group; a group that is missing was not looked at.
    pub groups: BTreeMap<GroupName, GroupSeen>,
    /// The leases this driver holds right now.
    pub leases: LeasesSeen,
    /// Results of [`super::Action::Preflight`].
    pub preflights: Vec<PreflightSeen>,
    /// Results of [`super::Action::Draw`].
    pub draws: Vec<DrawsSeen>,
    /// Results of the gates that run all the time.
    pub gates: Vec<GateSeen>,
    /// Requests that load balancers counted; the same period may come more than once.
    pub loads: Vec<LoadSeen>,
    /// Why there are none, when they were asked for.
    pub loads_lacking: Option<String>,
}

/// One group in one round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupSeen {
    /// The pair and any third cluster that has a record set in the group.
    pub clusters: BTreeMap<ClusterName, ClusterSeen>,
    /// The largest TTL of any answer for the group's hosts, seconds.
    pub ttl_seconds_max: Option<u32>,
}

/// One group in one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterSeen {
    /// In the order of the weight's path. The first is the knob that the actuator writes.
    pub hops: Vec<HopSeen>,
    /// Whether Route 53 leaves its record out while its load balancer has no healthy target; `None` = not known.
    pub evaluates_target_health: Option<bool>,
}

/// One hop as it looks now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopSeen {
    /// See [`super::hop`].
    pub name: String,
    /// The weight it shows; `None` = unknown, or the parts of the hop disagree.
    pub value: Option<Weight>,
    /// An older operation is still running behind this hop.
    pub busy: bool,
    /// Something here cannot be carried on until somebody mends it, and nothing of it is running: later hops keep what they show.
    pub stuck: bool,
    /// Where something stuck holds parts of this hop back: the smallest weight of all its parts, the others being at the knob's
    /// weight. `None` = nothing is held back, or more than that is under way.
    pub floor: Option<Weight>,
    /// What is missing or waited for, for people.
    pub note: Option<String>,
}

impl HopSeen {
    /// A hop behind which nothing runs.
    pub fn new(name: &str, value: Option<Weight>) -> Self {
        HopSeen { name: name.to_owned(), value, busy: false, stuck: false, floor: None, note: None }
    }
}

/// Which leases are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeasesSeen {
    /// The source's: enough to roll back.
    pub source: bool,
    /// Every participating cluster's: needed to advance.
    pub all: bool,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// As it should be.
    Passed,
    /// Not as it should be: what and where.
    Failed(String),
    /// Could not be looked at: never counted either way.
    Unknown(String),
}

/// Whether a cluster may take more of a group's traffic (invariant I3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightSeen {
    /// Which group.
    pub group: GroupName,
    /// In which cluster.
    pub cluster: ClusterName,
    /// When the check began.
    pub at: UnixMillis,
    /// How it ended.
    pub outcome: CheckOutcome,
}

/// Fresh answers of authoritative servers for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawsSeen {
    /// Which group.
    pub group: GroupName,
    /// When drawing began.
    pub at: UnixMillis,
    /// Answers per serving cluster.
    pub counts: BTreeMap<ClusterName, u64>,
    /// Answers whose address belongs to no known load balancer.
    pub unknown: u64,
    /// Questions without an answer.
    pub unanswered: u64,
}

/// One observation of a gate that runs all the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateSeen {
    /// Its name in the spec.
    pub gate: String,
    /// Which group.
    pub group: GroupName,
    /// In which cluster.
    pub cluster: ClusterName,
    /// When it was made.
    pub at: UnixMillis,
    /// How it ended.
    pub outcome: CheckOutcome,
}

/// Requests that a group's load balancer counted in one period, those of the http gates left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadSeen {
    /// Which group.
    pub group: GroupName,
    /// In which cluster.
    pub cluster: ClusterName,
    /// How many.
    pub requests: u64,
    /// How long the period was.
    pub seconds: u32,
    /// When it ended.
    pub until: UnixMillis,
}
