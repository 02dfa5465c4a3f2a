//! The DNS controller: keeps the record sets of one cluster's objects in Route 53.
//!
//! It watches the sources, keeps a picture of the zones, and asks core for a plan on every change of either. What it does
//! itself is timing: when to list, when to plan, when to try again. It never decides about a record, and an idle one calls
//! Route 53 only to list the zones again.

mod apply;
mod controller;
mod journal;
mod picture;
mod report;
mod sync;
mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use crossfade_aws::{Aws, AwsError};
use crossfade_core::dns::{MassDeletionGuard, OwnerId, PlanOptions, Policy, RecordName, TxtNaming};
use crossfade_kube::sources::{SourceKind, SourceOptions};

/// How often the zones are listed again, as ExternalDNS's `--interval` does it.
pub const RESYNC_DEFAULT: Duration = Duration::from_mins(1);

/// What a DNS controller works with.
#[derive(Clone)]
pub struct DnsOptions {
    /// The cluster whose objects count.
    pub client: kube::Client,
    /// Where the zones are.
    pub aws: Aws,
    /// Whose records are ours.
    pub owner: OwnerId,
    /// The zones that count: those of these names and below. Empty for every zone of the account.
    pub zone_names: Vec<RecordName>,
    /// Which changes are allowed.
    pub policy: Policy,
    /// How ownership records are named.
    pub txt_naming: TxtNaming,
    /// Kinds of objects that records come from.
    pub sources: BTreeSet<SourceKind>,
    /// Which of their objects count.
    pub source_options: SourceOptions,
    /// The namespace whose objects count; `None` for all.
    pub namespace: Option<String>,
    /// Where no annotation says otherwise: whether an alias leaves the answers with its target's health.
    pub evaluate_target_health: bool,
    /// What happens to deletions that nobody has asked for one by one.
    pub mass_deletion: MassDeletionGuard,
    /// How often the zones are listed again.
    pub resync: Duration,
    /// Where the last change of each host is told to migrations; `None` for nowhere.
    pub report_namespace: Option<String>,
    /// How long it runs and whether it writes.
    pub mode: DnsMode,
}

/// How long a controller runs and whether it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsMode {
    /// Until it is told to end.
    Run,
    /// Until it is told to end, without writing.
    DryRun,
    /// One plan, carried out.
    Once,
    /// One plan, shown.
    OnceDryRun,
}

impl DnsMode {
    fn writes(self) -> bool {
        matches!(self, DnsMode::Run | DnsMode::Once)
    }

    fn ends_after_one_plan(self) -> bool {
        matches!(self, DnsMode::Once | DnsMode::OnceDryRun)
    }
}

impl DnsOptions {
    /// Defaults: everything in the account, both sources, policy `sync`, ownership as ExternalDNS v0.18 to v0.21 writes it.
    pub fn new(client: kube::Client, aws: Aws, owner: OwnerId) -> Self {
        DnsOptions {
            client,
            aws,
            owner,
            zone_names: Vec::new(),
            policy: Policy::Sync,
            txt_naming: TxtNaming::default(),
            sources: SourceKind::ALL.into_iter().collect(),
            source_options: SourceOptions::default(),
            namespace: None,
            evaluate_target_health: true,
            mass_deletion: MassDeletionGuard::Hold,
            resync: RESYNC_DEFAULT,
            report_namespace: None,
            mode: DnsMode::Run,
        }
    }

    fn plan_options(&self) -> PlanOptions {
        PlanOptions {
            policy: self.policy,
            txt_naming: self.txt_naming.clone(),
            evaluate_target_health: self.evaluate_target_health,
            mass_deletion: self.mass_deletion,
            ..PlanOptions::new(self.owner.clone())
        }
    }
}

/// Why a DNS controller ended.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The zones could not be listed, and only one plan was asked for.
    #[error("the zones cannot be listed")]
    Listing(#[source] AwsError),
    /// The sources could not be listed, and only one plan was asked for.
    #[error("the objects of kind {kind} cannot be listed: {problem}")]
    Sources {
        /// The kind.
        kind: &'static str,
        /// What the API server says.
        problem: String,
    },
    /// Only one plan was asked for, and not all of it was carried out.
    #[error("{failed} of {sent} change groups were not carried out")]
    Incomplete {
        /// Groups that were refused or not accepted.
        failed: usize,
        /// Groups in the plan.
        sent: usize,
    },
}

impl DnsError {
    /// What may help, apart from the message.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            DnsError::Listing(error) => error.hint(),
            DnsError::Sources { .. } => {
                Some("the controller needs get, list and watch on ingresses and services")
            }
            DnsError::Incomplete { .. } => Some("the log above says for each of them why"),
        }
    }
}

/// Runs a DNS controller until `shutdown` is ready, or, when one plan is asked for, until it is carried out.
///
/// Trouble with Route 53 or the API server does not end a controller that runs: it logs and tries again.
pub async fn run(options: DnsOptions, shutdown: impl Future<Output = ()>) -> Result<(), DnsError> {
    controller::Controller::new(options).run(shutdown).await
}

#[cfg(test)]
mod tests;
