//! What the engine wants done, as a value.

use crate::migration::Status;
use crate::{ClusterName, GroupName, UnixMillis, Weight};

/// The next thing to do, and what is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// To be kept before any action is carried out.
    pub status: Status,
    /// In this order.
    pub actions: Vec<Action>,
    /// What is waited for: never empty when `actions` is.
    pub waiting_for: Vec<String>,
    /// Something is due then even when nothing changes.
    pub wake_at: Option<UnixMillis>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Set the knob. The write must fail when the knob no longer shows `replaces`.
    Write {
        /// Which group.
        group: GroupName,
        /// In which cluster.
        cluster: ClusterName,
        /// The new value.
        weight: Weight,
        /// The value that was seen.
        replaces: Weight,
    },
    /// Check whether the cluster may take traffic of the group.
    Preflight {
        /// Which group.
        group: GroupName,
        /// In which cluster.
        cluster: ClusterName,
    },
    /// Ask the zone's name servers for the group's hosts this many times in all.
    Draw {
        /// Which group.
        group: GroupName,
        /// Number of questions.
        draws: u64,
    },
}
