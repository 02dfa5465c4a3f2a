//! The zones as they are: listed in the background, with our own writes since put in.

use crossfade_aws::{AwsError, Route53};
use crossfade_core::dns::{Change, RecordName, ZoneRecords};
use tokio::task::JoinHandle;

/// The record sets of all zones in reach.
#[derive(Default)]
pub(super) struct Picture {
    zones: Option<Vec<ZoneRecords>>,
    listing: Option<Listing>,
}

struct Listing {
    task: JoinHandle<Result<Vec<ZoneRecords>, AwsError>>,
    /// What Route 53 has accepted since the listing began. A page read before may lack it, so it is put in again.
    accepted: Vec<(String, Change)>,
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Picture {
    /// The zones; `None` before the first listing has come to its end.
    pub(super) fn zones(&self) -> Option<&[ZoneRecords]> {
        self.zones.as_deref()
    }

    /// Begins to list everything, unless that is going on already.
    pub(super) fn begin_listing(&mut self, route53: Route53, zone_names: Vec<RecordName>) {
        if self.listing.is_none() {
            let task = tokio::spawn(async move { list(&route53, &zone_names).await });
            self.listing = Some(Listing { task, accepted: Vec::new() });
        }
    }

    /// Waits for the listing that is going on; never ends while there is none. Dropping the future loses nothing.
    pub(super) async fn listed(&mut self) -> Result<(), AwsError> {
        let Some(listing) = &mut self.listing else { return std::future::pending().await };
        let outcome = (&mut listing.task).await;
        let accepted = std::mem::take(&mut listing.accepted);
        self.listing = None;
        let mut zones = match outcome {
            Ok(listed) => listed?,
            // Only `drop` aborts the task, so this is a panic in it.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        for (zone_id, change) in &accepted {
            apply(&mut zones, zone_id, change);
        }
        self.zones = Some(zones);
        Ok(())
    }

    /// Puts in a change that Route 53 has accepted.
    pub(super) fn apply(&mut self, zone_id: &str, change: &Change) {
        if let Some(zones) = &mut self.zones {
            apply(zones, zone_id, change);
        }
        if let Some(listing) = &mut self.listing {
            listing.accepted.push((zone_id.to_owned(), change.clone()));
        }
    }
}

fn apply(zones: &mut [ZoneRecords], zone_id: &str, change: &Change) {
    for zone in zones.iter_mut().filter(|zone| zone.id == zone_id) {
        zone.apply(change);
    }
}

async fn list(route53: &Route53, zone_names: &[RecordName]) -> Result<Vec<ZoneRecords>, AwsError> {
    let mut listed = Vec::new();
    for zone in route53.zones().await? {
        let is_in_reach = zone_names.is_empty() || zone_names.iter().any(|name| zone.name.is_in(name));
        if is_in_reach {
            let records = route53.record_sets(&zone.id).await?;
            listed.push(ZoneRecords::new(zone.id, zone.name, zone.private, records));
        }
    }
    Ok(listed)
}
