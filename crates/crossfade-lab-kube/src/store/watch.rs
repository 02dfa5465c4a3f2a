//! Following changes: a cursor in the history, woken when the newest revision moves.
//!
//! A watch holds no events of its own, so a slow reader costs nothing; one that falls out of the history ends
//! and has to list again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use tokio::sync::watch as signal;

use super::history::Entry;
use super::{Head, Store, from_storage};
use crate::error::{ApiError, Reason};
use crate::resource::{ResourceId, ResourceType};

/// Open watches per server. A controller holds about ten, a lab has a few dozen.
const WATCHERS_MAX: usize = 1_000;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEventKind {
    /// It is new.
    Added,
    /// It has changed.
    Modified,
    /// It is gone; the event carries its last state.
    Deleted,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchEventKind,
    /// The object after the change, or its last state.
    pub object: Arc<Value>,
    /// The revision of the change.
    pub revision: u64,
}

/// A stream of changes of one resource.
pub struct Watch {
    store: Store,
    head: signal::Receiver<Head>,
    resource: Arc<ResourceType>,
    namespace: Option<String>,
    cursor: u64,
}

/// A change with what was there before, for selectors.
pub(crate) struct Change {
    pub(crate) event: WatchEvent,
    pub(crate) previous: Option<Arc<Value>>,
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The reader fell behind the history.
    HistoryGone,
    /// The server stops.
    Stopped,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("resource", &self.resource.id)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

impl Watch {
    pub(super) fn open(
        store: Store,
        id: &ResourceId,
        namespace: Option<&str>,
        after: u64,
    ) -> Result<Watch, ApiError> {
        let head = store.shared.head.subscribe();
        let resource = {
            let state = store.lock();
            let resource = state.resource(id)?;
            if !state.history.reaches(after) {
                return Err(ApiError::too_old(after, state.history.oldest()));
            }
            resource
        };
        if store.shared.watchers.fetch_add(1, Ordering::Relaxed) >= WATCHERS_MAX {
            store.shared.watchers.fetch_sub(1, Ordering::Relaxed);
            return Err(ApiError::new(Reason::TooManyRequests, "too many watches are open on this server"));
        }
        Ok(Watch { store, head, resource, namespace: namespace.map(str::to_owned), cursor: after })
    }

    /// The next change. `None` when the history this watch needs is gone (list again) or the server has
    /// stopped.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        self.next_change().await.ok().map(|change| change.event)
    }

    /// The revision up to which everything has been reported.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    pub(crate) async fn next_change(&mut self) -> Result<Change, End> {
        loop {
            if self.head.borrow_and_update().stopped {
                return Err(End::Stopped);
            }
            if let Some(change) = self.take()? {
                return Ok(change);
            }
            if self.head.changed().await.is_err() {
                return Err(End::Stopped);
            }
        }
    }

    fn take(&mut self) -> Result<Option<Change>, End> {
        let state = self.store.lock();
        if !state.history.reaches(self.cursor) {
            return Err(End::HistoryGone);
        }
        let wanted = |entry: &Entry| {
            entry.resource == *self.resource.storage()
                && self.namespace.as_deref().is_none_or(|namespace| namespace == entry.namespace)
        };
        let found = state.history.after(self.cursor).find(|(_, entry)| wanted(entry));
        let Some((revision, entry)) = found.map(|(revision, entry)| (revision, entry.clone())) else {
            // A watch may start at a revision that is still to come; it must not go back.
            self.cursor = self.cursor.max(state.revision);
            return Ok(None);
        };
        drop(state);
        self.cursor = revision;
        Ok(Some(Change {
            event: WatchEvent {
                kind: entry.kind,
                object: from_storage(&self.resource, &entry.object),
                revision,
            },
            previous: entry.previous.map(|object| from_storage(&self.resource, &object)),
        }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.store.shared.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}
