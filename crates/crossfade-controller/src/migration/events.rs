//! The history of a migration as Kubernetes events, for `kubectl describe`.

use crossfade_api::migration::Migration;
use crossfade_core::migration::HistoryEntry;
use crossfade_kube::Cluster;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

/// The events API takes at most a kilobyte of text.
const NOTE_BYTES_MAX: usize = 1_000;
/// Reasons that are no good news.
const WARNINGS: [&str; 3] = ["RollingBack", "RolledBack", "Paused"];

/// Publishes history once. A new driver begins where the kept history ends.
pub(super) struct Events {
    client: Client,
    reporter: Reporter,
    published: Option<HistoryEntry>,
}

impl Events {
    pub(super) fn new(home: &Cluster, identity: &str, told: Option<HistoryEntry>) -> Self {
        let reporter = Reporter { controller: "crossfade".to_owned(), instance: Some(identity.to_owned()) };
        Events { client: home.client.clone(), reporter, published: told }
    }

    /// Everything that is new. An event that cannot be written is lost: the status has it too.
    pub(super) async fn publish(&mut self, migration: &Migration, history: &[HistoryEntry]) {
        let known = self.published.as_ref().and_then(|last| history.iter().rposition(|entry| entry == last));
        for entry in history.iter().skip(known.map_or(0, |index| index + 1)) {
            self.published = Some(entry.clone());
            let is_warning = WARNINGS.contains(&entry.reason.as_str());
            let event = Event {
                type_: if is_warning { EventType::Warning } else { EventType::Normal },
                reason: entry.reason.clone(),
                note: Some(entry.message.chars().take(NOTE_BYTES_MAX / 4).collect()),
                action: "Migrate".to_owned(),
                secondary: None,
            };
            // One recorder an event: it would count a second step as a repetition of the first, whose reason it has.
            let recorder = Recorder::new(self.client.clone(), self.reporter.clone());
            if let Err(error) = recorder.publish(&event, &migration.object_ref(&())).await {
                tracing::debug!(%error, reason = entry.reason, "the event was not written");
            }
        }
    }
}
