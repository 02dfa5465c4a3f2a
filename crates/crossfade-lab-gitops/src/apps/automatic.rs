//! Whether an automated sync begins: only out of sync, once per declared state, and again only to heal.

use std::time::Duration;

use serde_json::{Value, json};

use super::run::RETRIES;
use super::spec::Sources;
use super::state::Comparison;
use crate::object::{list, seconds_since, text, truth};

/// Waits between attempts to heal: 2 s, 6 s, 18 s, … as Argo CD does.
const HEAL_WAIT_SECONDS: f64 = 2.0;
const HEAL_FACTOR: f64 = 3.0;
const HEAL_WAIT_SECONDS_MAX: f64 = 300.0;

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Decision {
    Nothing,
    /// A reason for a `SyncError` condition.
    Refused(String),
    Later(Duration),
    Sync(Value),
}

/// Decides from the spec, the comparison, and how the last operation ended.
pub(super) fn decide(application: &Value, comparison: &Comparison, sources: &Sources) -> Decision {
    let spec = &application["spec"];
    let policy = &spec["syncPolicy"];
    let automated = &policy["automated"];
    let is_off = !automated.is_object() || automated["enabled"] == false;
    if is_off || comparison.sync_status() != "OutOfSync" {
        return Decision::Nothing;
    }
    let prunes = truth(&automated["prune"]);
    let off: Vec<_> = comparison.items.iter().filter(|item| item.counts && !item.is_synced).collect();
    if !prunes && off.iter().all(|item| item.is_extra()) {
        return Decision::Nothing;
    }
    let mut sync = json!({});
    sources.put_into(&mut sync);
    sources.put_revisions(&comparison.revisions, &mut sync);
    if prunes {
        sync["prune"] = true.into();
    }
    if !list(&policy["syncOptions"]).is_empty() {
        sync["syncOptions"] = policy["syncOptions"].clone();
    }
    let last = &application["status"]["operationState"];
    let revisions = format!("[{}]", comparison.revisions.join(" "));
    if was_attempted(last, comparison, sources) {
        if text(&last["phase"]) != "Succeeded" {
            let reason = format!("Failed last sync attempt to {revisions}: {}", text(&last["message"]));
            return Decision::Refused(reason);
        }
        if !truth(&automated["selfHeal"]) {
            return Decision::Nothing;
        }
        let attempts = last["operation"]["sync"]["autoHealAttemptsCount"].as_i64().unwrap_or(0);
        if let Some(wait) = heal_wait(last, attempts) {
            return Decision::Later(wait);
        }
        sync["autoHealAttemptsCount"] = (attempts + 1).into();
        let resources = off.iter().map(|item| {
            let mut resource = json!({"kind": item.key.kind, "name": item.key.name});
            if !item.key.group.is_empty() {
                resource["group"] = item.key.group.clone().into();
            }
            resource
        });
        sync["resources"] = resources.collect();
    }
    let all_go = !comparison.items.is_empty() && comparison.items.iter().all(|item| item.target.is_none());
    if prunes && !truth(&automated["allowEmpty"]) && all_go {
        return Decision::Refused(format!(
            "Skipping sync attempt to {revisions}: auto-sync will wipe out all resources"
        ));
    }
    let retry = if policy["retry"].is_object() { policy["retry"].clone() } else { json!({"limit": RETRIES}) };
    Decision::Sync(json!({"sync": sync, "initiatedBy": {"automated": true}, "retry": retry}))
}

/// Whether the last operation was for this very state.
fn was_attempted(last: &Value, comparison: &Comparison, sources: &Sources) -> bool {
    if text(&last["phase"]) == "Running" {
        // It was interrupted with the agent that ran it.
        return false;
    }
    let result = &last["syncResult"];
    if !result.is_object() {
        return last.is_object();
    }
    let mut wanted = json!({});
    sources.put_into(&mut wanted);
    sources.put_revisions(&comparison.revisions, &mut wanted);
    crate::object::entries(&wanted).all(|(field, value)| result[field.as_str()] == *value)
}

fn heal_wait(last: &Value, attempts: i64) -> Option<Duration> {
    if attempts == 0 {
        return None;
    }
    let exponent = i32::try_from(attempts - 1).unwrap_or(i32::MAX).min(16);
    let wait = (HEAL_WAIT_SECONDS * HEAL_FACTOR.powi(exponent)).min(HEAL_WAIT_SECONDS_MAX);
    let left = wait - seconds_since(text(&last["finishedAt"])).unwrap_or(0.0);
    (left > 0.0).then(|| Duration::from_secs_f64(left))
}

#[cfg(test)]
mod tests {
    use super::super::state::Item;
    use super::*;
    use crate::object::Key;

    fn mk_item(name: &str, is_synced: bool, is_extra: bool) -> Item {
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}});
        Item {
            key: Key::of(&object),
            version: "v1".to_owned(),
            target: (!is_extra).then(|| object.clone()),
            live: Some(std::sync::Arc::new(object)),
            is_synced,
            counts: true,
            is_hook: false,
            ignored: super::super::ignore::Ignored::default(),
        }
    }

    fn decision(automated: &Value, last: &Value, items: Vec<Item>) -> Decision {
        let application = json!({"spec": {"source": {"repoURL": "r", "path": "p"}, "syncPolicy": {"automated": automated}},
            "status": {"operationState": last}});
        let comparison =
            Comparison { items, is_loaded: true, revisions: vec!["abc".to_owned()], ..Comparison::default() };
        decide(&application, &comparison, &Sources::of(&application["spec"]))
    }

    fn attempted(phase: &str, revision: &str) -> Value {
        json!({"phase": phase, "message": "m", "operation": {"sync": {}},
            "syncResult": {"revision": revision, "source": {"repoURL": "r", "path": "p"}}})
    }

    #[test]
    fn a_state_is_tried_once() {
        let off = || vec![mk_item("a", false, false), mk_item("b", true, false)];
        assert!(matches!(decision(&json!({}), &Value::Null, off()), Decision::Sync(_)));
        assert_eq!(decision(&Value::Null, &Value::Null, off()), Decision::Nothing);
        assert_eq!(decision(&json!({"enabled": false}), &Value::Null, off()), Decision::Nothing);
        assert_eq!(decision(&json!({}), &attempted("Succeeded", "abc"), off()), Decision::Nothing);
        assert!(matches!(decision(&json!({}), &attempted("Succeeded", "old"), off()), Decision::Sync(_)));
        assert!(matches!(decision(&json!({}), &attempted("Running", "abc"), off()), Decision::Sync(_)));
        assert_eq!(
            decision(&json!({}), &attempted("Failed", "abc"), off()),
            Decision::Refused("Failed last sync attempt to [abc]: m".to_owned())
        );
    }

    #[test]
    fn healing_takes_what_is_off_and_waits_longer_each_time() {
        let off = || vec![mk_item("a", false, false), mk_item("b", true, false)];
        let Decision::Sync(operation) =
            decision(&json!({"selfHeal": true}), &attempted("Succeeded", "abc"), off())
        else {
            panic!("it does not heal")
        };
        assert_eq!(operation["sync"]["resources"], json!([{"kind": "ConfigMap", "name": "a"}]));
        let mut healed = attempted("Succeeded", "abc");
        healed["operation"] = operation;
        healed["finishedAt"] = crate::object::now().into();
        assert!(matches!(decision(&json!({"selfHeal": true}), &healed, off()), Decision::Later(_)));
    }

    #[test]
    fn what_would_wipe_out_everything_is_refused() {
        let extra = || vec![mk_item("a", false, true)];
        assert_eq!(
            decision(&json!({"prune": true}), &Value::Null, extra()),
            Decision::Refused(
                "Skipping sync attempt to [abc]: auto-sync will wipe out all resources".to_owned()
            )
        );
        assert_eq!(decision(&json!({}), &Value::Null, extra()), Decision::Nothing);
        assert!(matches!(
            decision(&json!({"prune": true, "allowEmpty": true}), &Value::Null, extra()),
            Decision::Sync(_)
        ));
    }
}
