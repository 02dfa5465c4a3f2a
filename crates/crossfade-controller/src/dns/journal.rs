//! What the controller has said already, so that it says each thing once and not in every plan.
//!
//! The wording is ExternalDNS's where its users search logs for it.

use crossfade_core::Weight;
use crossfade_core::dns::{Change, Finding, Plan, SetIdentifier};

/// The last report, and whether "up to date" is still to be said.
#[derive(Default)]
pub(super) struct Journal {
    findings: Vec<Finding>,
    is_settled: bool,
    zones: Option<Vec<String>>,
}

impl Journal {
    /// Says which zones count, when they are others than before.
    pub(super) fn zones(&mut self, zones: Vec<String>) {
        if self.zones.as_ref() != Some(&zones) {
            tracing::info!("Applying provider record filter for domains: {zones:?}");
            if zones.is_empty() {
                tracing::warn!("no hosted zone in reach: check the domain filter and the AWS account");
            }
            self.zones = Some(zones);
        }
    }

    /// Says what is new in a plan's report.
    pub(super) fn report(&mut self, plan: &Plan) {
        for finding in plan.findings.iter().filter(|finding| !self.findings.contains(finding)) {
            if finding.is_problem() {
                tracing::warn!("{finding}");
            } else {
                tracing::info!("{finding}");
            }
        }
        self.findings.clone_from(&plan.findings);
        if !plan.is_empty() {
            self.is_settled = false;
        } else if !self.is_settled {
            self.is_settled = true;
            tracing::info!(own_rows = plan.own_rows, "All records are already up to date");
        }
    }

    /// Says what will be sent.
    pub(super) fn desired(change: &Change) {
        let record = &change.record;
        let set_identifier = record.set_identifier.as_ref().map(SetIdentifier::as_str);
        let weight = record.weight.map(Weight::get);
        tracing::info!(
            set_identifier,
            weight,
            "Desired change: {} {} {}",
            change.action,
            record.name.without_dot(),
            record.record_type
        );
    }
}
