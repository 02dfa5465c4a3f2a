//! Waits in the background until the name servers have taken a change up, to log how long that takes.

use std::time::Duration;

use crossfade_aws::{ChangeId, Route53};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Route 53 needs up to 60 s; the first question comes early because a quiet zone is often done in a few.
const POLL_FIRST: Duration = Duration::from_millis(500);
/// Five requests a second are allowed for the whole account, of which this is a small part.
const POLL_MAX: Duration = Duration::from_secs(8);
/// A change that takes longer is said to be late and given up on.
const GIVE_UP_AFTER: Duration = Duration::from_mins(10);
/// Changes waiting for their turn. One at a time is asked about, so beyond this the older ones have settled long ago.
const QUEUE: usize = 64;

/// A change that Route 53 has accepted.
pub(super) struct Accepted {
    pub id: ChangeId,
    pub zone: String,
    pub at: Instant,
}

/// The way to the task that waits.
#[derive(Clone)]
pub(super) struct SyncWatch {
    queue: mpsc::Sender<Accepted>,
}

impl SyncWatch {
    /// Starts the task; it ends when the last sender is dropped and the last change is settled or given up on.
    pub(super) fn start(route53: Route53) -> SyncWatch {
        let (queue, mut accepted) = mpsc::channel::<Accepted>(QUEUE);
        tokio::spawn(async move {
            while let Some(change) = accepted.recv().await {
                wait(&route53, &change).await;
            }
        });
        SyncWatch { queue }
    }

    /// Has a change waited for; forgotten when too many are.
    pub(super) fn watch(&self, change: Accepted) {
        if let Err(error) = self.queue.try_send(change) {
            tracing::debug!(%error, "not waiting for a change to be in sync");
        }
    }
}

async fn wait(route53: &Route53, change: &Accepted) {
    let mut pause = POLL_FIRST;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL_MAX);
        let after = change.at.elapsed();
        match route53.is_in_sync(&change.id).await {
            Ok(true) => {
                let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                tracing::info!(change = %change.id, zone = change.zone, after_ms, "Change is in sync at all name servers");
                return;
            }
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(change = %change.id, %error, "cannot ask whether a change is in sync");
            }
        }
        if after > GIVE_UP_AFTER {
            tracing::warn!(change = %change.id, zone = change.zone, "Change is still pending, no longer waiting for it");
            return;
        }
    }
}
