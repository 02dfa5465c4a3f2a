//! What a crossfade DNS controller tells about its last change of a record, so that a migration need not wait and guess.
//!
//! One ConfigMap per owner in the namespace `crossfade` of the controller's cluster. The reader asks Route 53 itself whether
//! the change is in sync: the report only says which change to ask for.

use crossfade_core::Weight;
use serde::{Deserialize, Serialize};

/// The label that finds the reports: `crossfade.dev/dns-report=true`.
pub const LABEL: &str = "crossfade.dev/dns-report";

/// The ConfigMap's name for an owner id.
pub fn name_of(owner: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c.to_ascii_lowercase() } else { '-' }
    };
    format!("crossfade-dns-{}", owner.chars().map(plain).collect::<String>())
}

/// The key of a host: keys of a ConfigMap may not hold `*`.
pub fn key_of(host: &str) -> String {
    host.trim_end_matches('.').replace('*', "_wildcard")
}

/// The last change of one host's record sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordReport {
    /// The set identifier of the changed sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// The weight that they got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Route 53's id of the change.
    pub change_id: String,
}
