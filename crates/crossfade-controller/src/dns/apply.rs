//! Carries a plan out: batches first, and parts of them where a batch is refused.
//!
//! A refused group is remembered and not sent again before the zones have been listed anew, unless it has become another
//! one: ExternalDNS sends it in every loop.

use std::collections::BTreeMap;
use std::time::Duration;

use crossfade_aws::{AwsError, ChangeId, Route53};
use crossfade_core::dns::{BatchLimits, Change, ChangeGroup, RecordName, ZonePlan, batches};

use super::journal::Journal;

/// ExternalDNS's `--aws-batch-change-interval`: lets Route 53 finish one batch of a zone before the next.
const PAUSE_BETWEEN_BATCHES: Duration = Duration::from_secs(1);

/// Stays below the five requests a second that the whole account has.
const PAUSE_BETWEEN_HALVES: Duration = Duration::from_millis(250);

/// What Route 53 has accepted.
pub(super) struct AcceptedBatch {
    pub zone_id: String,
    pub zone_name: RecordName,
    pub id: ChangeId,
    pub groups: Vec<ChangeGroup>,
}

/// How far a plan has come.
#[derive(Default)]
pub(super) struct Outcome {
    pub accepted: Vec<AcceptedBatch>,
    /// Groups that were refused, now or before.
    pub refused: usize,
    /// Groups that were not sent because of what `stopped_by` says.
    pub unsent: usize,
    /// What kept the rest from being sent.
    pub stopped_by: Option<AwsError>,
}

impl Outcome {
    pub(super) fn failed(&self) -> usize {
        self.refused + self.unsent
    }
}

/// Groups that Route 53 has refused as they are.
#[derive(Default)]
pub(super) struct Refused {
    groups: BTreeMap<(String, RecordName), ChangeGroup>,
}

impl Refused {
    /// The zones are known anew, so everything may be tried again.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
    }

    fn contains(&self, zone_id: &str, group: &ChangeGroup) -> bool {
        self.groups.get(&(zone_id.to_owned(), group.owned_name.clone())) == Some(group)
    }

    fn remember(&mut self, zone_id: &str, group: ChangeGroup) {
        self.groups.insert((zone_id.to_owned(), group.owned_name.clone()), group);
    }
}

/// Sends everything of a zone that has not been refused before.
pub(super) async fn apply(
    route53: &Route53,
    zone: &ZonePlan,
    comment: &str,
    refused: &mut Refused,
) -> Outcome {
    let mut outcome = Outcome::default();
    let (known, new): (Vec<_>, Vec<_>) =
        zone.groups.iter().cloned().partition(|group| refused.contains(&zone.zone_id, group));
    outcome.refused += known.len();
    let (batches, oversized) = batches(&new, BatchLimits::ROUTE_53);
    for group in oversized {
        let name = &group.group.owned_name;
        tracing::error!(
            "Skipping {name}: its changes together are more than one request to Route 53 can hold"
        );
        refused.remember(&zone.zone_id, group.group);
        outcome.refused += 1;
    }
    for (index, batch) in batches.into_iter().enumerate() {
        if outcome.stopped_by.is_some() {
            outcome.unsent += batch.len();
            continue;
        }
        if index > 0 {
            tokio::time::sleep(PAUSE_BETWEEN_BATCHES).await;
        }
        send_batch(route53, zone, batch, comment, refused, &mut outcome).await;
    }
    outcome
}

/// Sends a batch, and its halves where it is refused, down to the groups at fault.
///
/// Halving finds one wrong group among 250 in some 16 requests. ExternalDNS sends 250, which alone uses up the account's
/// limit for most of a minute.
async fn send_batch(
    route53: &Route53,
    zone: &ZonePlan,
    batch: Vec<ChangeGroup>,
    comment: &str,
    refused: &mut Refused,
    outcome: &mut Outcome,
) {
    batch.iter().flat_map(|group| &group.changes).for_each(Journal::desired);
    let mut waiting = vec![batch];
    while let Some(mut groups) = waiting.pop() {
        if outcome.stopped_by.is_some() {
            outcome.unsent += groups.len();
            continue;
        }
        match send(route53, zone, &groups, comment).await {
            Ok(id) => outcome.accepted.push(accepted(zone, id, groups)),
            Err(AwsError::Refused { messages, .. }) if groups.len() > 1 => {
                tracing::error!(
                    "Failure in zone {} when submitting change batch: {}",
                    zone.zone_name,
                    messages.join("; ")
                );
                let second_half = groups.split_off(groups.len() / 2);
                waiting.push(second_half);
                waiting.push(groups);
                tokio::time::sleep(PAUSE_BETWEEN_HALVES).await;
            }
            Err(AwsError::Refused { messages, .. }) => {
                for group in groups {
                    refuse(zone, group, &messages, refused, outcome);
                }
            }
            Err(error) => {
                outcome.unsent += groups.len();
                outcome.stopped_by = Some(error);
            }
        }
    }
}

async fn send(
    route53: &Route53,
    zone: &ZonePlan,
    groups: &[ChangeGroup],
    comment: &str,
) -> Result<ChangeId, AwsError> {
    let changes: Vec<Change> = groups.iter().flat_map(|group| group.changes.iter().cloned()).collect();
    let id = route53.change(&zone.zone_id, &changes, comment).await?;
    tracing::info!(zone = %zone.zone_name, change = %id, "{} record(s) were successfully updated", changes.len());
    Ok(id)
}

fn accepted(zone: &ZonePlan, id: ChangeId, groups: Vec<ChangeGroup>) -> AcceptedBatch {
    AcceptedBatch { zone_id: zone.zone_id.clone(), zone_name: zone.zone_name.clone(), id, groups }
}

fn refuse(
    zone: &ZonePlan,
    group: ChangeGroup,
    messages: &[String],
    refused: &mut Refused,
    outcome: &mut Outcome,
) {
    tracing::error!(
        zone = %zone.zone_name,
        "Failed submitting the changes for {}, they are tried again when the zone has been listed: {}",
        group.owned_name,
        messages.join("; ")
    );
    refused.remember(&zone.zone_id, group);
    outcome.refused += 1;
}
