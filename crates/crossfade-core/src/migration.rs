//! A migration as a pure state machine: `step(spec, status, seen, now)` says what to do next.
//!
//! A driver gathers [`Seen`], calls [`step`], keeps the status of the [`Plan`] where a crash does not lose it, carries the
//! actions out, and comes again. Writes are absolute values, so doing one twice changes nothing (invariant I5).

mod admission;
mod counts;
mod draining;
mod engine;
mod expected;
mod foreign;
mod gate;
mod hops;
mod overlap;
mod plan;
mod proof;
mod seen;
mod spec;
mod status;
mod timing;
mod writes;

#[cfg(test)]
mod tests;

pub use admission::{Admitted, Candidate, CandidateCluster, MissingKey, Port, Refusal, Selection, admit};
pub use engine::{resume, start, step};
pub use foreign::agree_to_others;
pub use gate::{Gate, GateKind, GateStatus};
pub use overlap::{Claim, Overlap, Unfinished, overlaps};
pub use plan::{Action, Plan};
pub use seen::{
    CheckOutcome, ClusterSeen, DrawsSeen, GateSeen, GroupSeen, HopSeen, LeasesSeen, LoadSeen, PreflightSeen,
    Seen,
};
pub use spec::{OnFailure, Residual, Spec, StepTarget, StepTargetError, Wish};
pub use status::{
    ClusterStatus, CountedWindow, Failure, ForeignWeight, GroupStatus, HistoryEntry, HopStatus, HopTime,
    LoadStatus, Phase, RatioBin, RatioResult, Stage, Status, StepGroupRecord, StepRecord,
};

/// Names of hops that the core adds or that drivers agree on. All others are the actuator's own.
pub mod hop {
    /// The annotation on the Ingress or Service.
    pub const DECLARED: &str = "ingress";
    /// What Route 53 lists for A, AAAA and every TXT of the set.
    pub const RECORD: &str = "record";
    /// Every name server of the zone has it (`INSYNC`, or 60 s old where the writer is foreign).
    pub const NAME_SERVERS: &str = "name-servers";
    /// The largest TTL seen has passed since.
    pub const RESOLVERS: &str = "resolvers";
}
