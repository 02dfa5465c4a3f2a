//! Events as the real controllers write them, counted up when they repeat.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crossfade_lab_kube::{ResourceId, Store};
use serde_json::{Value, json};

use super::object;

/// Events kept per cluster; the oldest go first. Real clusters keep an hour.
const EVENTS_MAX: usize = 1000;

/// How an event is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    Normal,
    Warning,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Level::Normal => "Normal",
            Level::Warning => "Warning",
        }
    }
}

/// What happened to which object.
pub(crate) struct Event<'a> {
    pub(crate) object: &'a Value,
    /// The controller, as `source.component` names it.
    pub(crate) component: &'static str,
    pub(crate) level: Level,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// Writes events to one cluster.
pub(crate) struct Recorder {
    store: Store,
    events: ResourceId,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    names: HashMap<Same, (String, String)>,
    order: VecDeque<Same>,
    count: u64,
}

/// Events that are the same but for their time.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Same {
    uid: String,
    reason: &'static str,
    message: String,
}

impl Recorder {
    pub(crate) fn new(store: Store) -> Recorder {
        Recorder { store, events: ResourceId::new("", "events"), written: Mutex::default() }
    }

    /// Writes an event, or counts up the one that says the same. An event that cannot be written is left out: its
    /// namespace is going away.
    pub(crate) fn record(&self, event: Event<'_>) {
        let Event { object, component, level, reason, message } = event;
        let same = Same { uid: object::uid(object).to_owned(), reason, message: message.clone() };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((namespace, name)) = written.names.get(&same)
            && self.count_up(namespace, name)
        {
            return;
        }
        written.count += 1;
        let namespace = match object::namespace(object) {
            // Events about nodes and the like are kept in `default`.
            "" => "default",
            namespace => namespace,
        };
        let name = format!("{}.{:016x}", object::name(object), fnv(&same, written.count));
        let now = object::now();
        let value = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": name, "namespace": namespace },
            "involvedObject": {
                "apiVersion": object["apiVersion"], "kind": object["kind"], "name": object::name(object),
                "namespace": object["metadata"]["namespace"], "uid": object["metadata"]["uid"],
                "resourceVersion": object["metadata"]["resourceVersion"],
            },
            "type": level.as_str(), "reason": reason, "message": message,
            "source": { "component": component }, "reportingComponent": component, "reportingInstance": "",
            "firstTimestamp": now, "lastTimestamp": now, "eventTime": null, "count": 1,
        });
        if let Err(error) = self.store.create(&self.events, value) {
            tracing::debug!(%namespace, %name, %error, "event not written");
            return;
        }
        written.names.insert(same.clone(), (namespace.to_owned(), name));
        written.order.push_back(same);
        if written.order.len() > EVENTS_MAX
            && let Some(oldest) = written.order.pop_front()
            && let Some((namespace, name)) = written.names.remove(&oldest)
        {
            // It may have gone with its namespace.
            let _ = self.store.delete(&self.events, Some(&namespace), &name);
        }
    }

    fn count_up(&self, namespace: &str, name: &str) -> bool {
        let Ok(event) = self.store.get(&self.events, Some(namespace), name) else { return false };
        let mut event = Value::clone(&event);
        event["count"] = Value::from(event["count"].as_u64().unwrap_or(1) + 1);
        event["lastTimestamp"] = Value::from(object::now());
        self.store.update(&self.events, event).is_ok()
    }
}

/// FNV-1a, 64 bits: a name that differs from event to event is all that is needed.
fn fnv(same: &Same, count: u64) -> u64 {
    let text = [same.uid.as_bytes(), same.reason.as_bytes(), &count.to_be_bytes()].concat();
    text.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
