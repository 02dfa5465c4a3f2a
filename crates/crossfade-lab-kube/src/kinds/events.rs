//! Events in their two forms: `v1` and `events.k8s.io/v1`. They are one store; the core form is the one kept.

use serde_json::{Map, Value};

/// Fields by their name in the core group and in `events.k8s.io`. The rest is called the same.
const RENAMED: [(&str, &str); 6] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// The newer controller field has another name, too.
const CONTROLLER: (&str, &str) = ("reportingComponent", "reportingController");

pub(crate) fn to_core_group(event: &Value) -> Value {
    rename(event, "v1", |name| {
        RENAMED.iter().chain([&CONTROLLER]).find(|(_, newer)| *newer == name).map(|(core, _)| *core)
    })
}

pub(crate) fn to_events_group(event: &Value) -> Value {
    rename(event, "events.k8s.io/v1", |name| {
        RENAMED.iter().chain([&CONTROLLER]).find(|(core, _)| *core == name).map(|(_, newer)| *newer)
    })
}

fn rename(event: &Value, api_version: &str, new_name: impl Fn(&str) -> Option<&'static str>) -> Value {
    let mut renamed = Map::new();
    for (name, value) in event.as_object().into_iter().flatten() {
        renamed.insert(new_name(name).map_or_else(|| name.clone(), str::to_owned), value.clone());
    }
    renamed.insert("apiVersion".into(), api_version.into());
    Value::Object(renamed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_carry_the_same_event() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "message": "m", "involvedObject": {"kind": "Pod"},
            "reportingComponent": "kubelet", "type": "Normal"});
        let newer = to_events_group(&core);
        assert_eq!(newer["note"], "m");
        assert_eq!(newer["regarding"]["kind"], "Pod");
        assert_eq!(newer["reportingController"], "kubelet");
        assert_eq!(to_core_group(&newer), core);
    }
}
