//! The last changes, in order. Watches read them, and lists of a past revision undo them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::Key;
use super::watch::WatchEventKind;
use crate::error::ApiError;
use crate::resource::ResourceId;

/// Changes kept. A client that reconnects within this many writes goes on without listing again; a lab writes
/// a few per second.
const ENTRIES_MAX: usize = 1_000;

/// Bytes of JSON kept in all; values take about ten times that in memory, and two servers have to stay small.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// One change.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) kind: WatchEventKind,
    pub(super) resource: ResourceId,
    pub(super) namespace: String,
    pub(super) object: Arc<Value>,
    pub(super) previous: Option<Arc<Value>>,
    bytes: usize,
}

/// Consecutive revisions, the oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    /// Revision of the first entry.
    first: u64,
    bytes: usize,
}

impl History {
    pub(super) fn push(
        &mut self,
        revision: u64,
        kind: WatchEventKind,
        key: (&ResourceId, &str),
        object: Arc<Value>,
        previous: Option<Arc<Value>>,
    ) {
        if self.entries.is_empty() {
            self.first = revision;
        }
        let bytes = approximate_bytes(&object);
        self.bytes += bytes;
        self.entries.push_back(Entry {
            kind,
            resource: key.0.clone(),
            namespace: key.1.to_owned(),
            object,
            previous,
            bytes,
        });
        while self.entries.len() > ENTRIES_MAX || (self.bytes > BYTES_MAX && self.entries.len() > 1) {
            if let Some(gone) = self.entries.pop_front() {
                self.bytes -= gone.bytes;
                self.first += 1;
            }
        }
    }

    /// Whether every change after `revision` is still here.
    pub(super) fn reaches(&self, revision: u64) -> bool {
        self.entries.is_empty() || revision + 1 >= self.first
    }

    /// The oldest revision from which a watch can start.
    pub(super) fn oldest(&self) -> u64 {
        self.first.saturating_sub(1)
    }

    /// Changes after a revision with their own revisions.
    pub(super) fn after(&self, revision: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let skip = usize::try_from((revision + 1).saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.iter().enumerate().skip(skip).map(|(index, entry)| (self.first + index as u64, entry))
    }

    /// Objects of a resource as they were at `revision`.
    pub(super) fn rewind(
        &self,
        current: Option<&BTreeMap<Key, Arc<Value>>>,
        resource: &ResourceId,
        revision: u64,
    ) -> Result<BTreeMap<Key, Arc<Value>>, ApiError> {
        if !self.reaches(revision) {
            return Err(ApiError::too_old(revision, self.oldest()));
        }
        let mut objects = current.cloned().unwrap_or_default();
        let changes: Vec<&Entry> = self
            .after(revision)
            .map(|(_, entry)| entry)
            .filter(|entry| entry.resource == *resource)
            .collect();
        for entry in changes.into_iter().rev() {
            let key = (entry.namespace.clone(), crate::meta::name(&entry.object).to_owned());
            match &entry.previous {
                Some(previous) => objects.insert(key, previous.clone()),
                None => objects.remove(&key),
            };
        }
        Ok(objects)
    }
}

/// Size of a value as JSON, near enough for a bound and without writing it.
fn approximate_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 5,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| approximate_bytes(item) + 1).sum::<usize>(),
        Value::Object(map) => {
            2 + map.iter().map(|(name, inner)| name.len() + 4 + approximate_bytes(inner)).sum::<usize>()
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(count: u64) -> History {
        let mut history = History::default();
        let pods = ResourceId::new("", "pods");
        let mut previous = None;
        for revision in 1..=count {
            let object =
                Arc::new(json!({"metadata": {"name": "p", "resourceVersion": revision.to_string()}}));
            history.push(revision, WatchEventKind::Modified, (&pods, "default"), object.clone(), previous);
            previous = Some(object);
        }
        history
    }

    #[test]
    fn forgets_the_oldest_and_says_so() {
        let history = filled(ENTRIES_MAX as u64 + 10);
        assert_eq!(history.oldest(), 10);
        assert!(history.reaches(10));
        assert!(!history.reaches(9));
        assert_eq!(history.after(10).next().unwrap().0, 11);
        assert_eq!(history.after(10).count(), ENTRIES_MAX);
    }

    #[test]
    fn shows_objects_as_they_were() {
        let history = filled(5);
        let pods = ResourceId::new("", "pods");
        let past = history.rewind(None, &pods, 3).unwrap();
        let (_, object) = past.into_iter().next().unwrap();
        assert_eq!(object["metadata"]["resourceVersion"], "3");
        assert!(history.rewind(None, &pods, 0).unwrap().is_empty());
    }
}
