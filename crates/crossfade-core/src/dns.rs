//! What a DNS controller decides: which record sets a zone should have, which of them are ours, what to change.
//!
//! The vocabulary is ExternalDNS's (endpoint, owner, registry, plan, policy), because users know it. A plan is a value: it
//! holds the changes, grouped so that a record and its ownership travel together, and a report of everything it leaves alone
//! and why. Nothing here sends, waits or reads a clock, and no record of another owner is ever part of a change.

mod batch;
mod desired;
mod endpoint;
mod error;
mod load_balancer_zone;
mod name;
mod plan;
mod record;
mod registry;
mod report;
mod reweigh;
mod zone;

pub use batch::{BatchLimits, OversizedGroup, batches};
pub use desired::{Desired, HoldReason, SourceObject};
pub use endpoint::{Endpoint, OtherProperties};
pub use error::RecordError;
pub use load_balancer_zone::load_balancer_zone_id;
pub use name::RecordName;
pub use plan::{ChangeGroup, MassDeletionGuard, Plan, PlanOptions, Policy, ZonePlan, plan};
pub use record::{
    Action, Alias, Change, OwnerId, RecordSet, RecordType, ResourceLabel, RoutingProperties, SetIdentifier,
};
pub use registry::{Affix, Ownership, TxtFormat, TxtNaming};
pub use report::{BlockReason, Finding, RowName};
pub use reweigh::{ReweighError, reweigh};
pub use zone::{RecordKey, ZoneRecords};
