//! `status` of an Application, from a comparison and an operation, over what it was.

use serde_json::{Value, json};

use super::health::Status;
use super::hooks::wave;
use super::run::{Progress, Run};
use super::spec::Sources;
use super::state::{Comparison, Item};
use crate::names::NAMESPACE;
use crate::object::{list, now, text};

/// Deployments that are remembered unless the Application says otherwise.
const HISTORY_MAX: usize = 10;

/// What status is made from.
pub(super) struct Facts<'f> {
    pub(super) application: &'f Value,
    pub(super) sources: &'f Sources,
    pub(super) comparison: &'f Comparison,
    /// Type and message of conditions besides the comparison's.
    pub(super) conditions: Vec<(&'static str, String)>,
    pub(super) is_valid: bool,
}

impl Facts<'_> {
    /// The new status; an operation's part stays as it was.
    pub(super) fn status(&self) -> Value {
        let before = &self.application["status"];
        let spec = &self.application["spec"];
        let mut status = if before.is_object() { before.clone() } else { json!({}) };
        let mut sync =
            json!({"status": if self.is_valid { self.comparison.sync_status() } else { "Unknown" }});
        sync["comparedTo"] = json!({"destination": spec["destination"]});
        self.sources.put_into(&mut sync["comparedTo"]);
        if !list(&spec["ignoreDifferences"]).is_empty() {
            sync["comparedTo"]["ignoreDifferences"] = spec["ignoreDifferences"].clone();
        }
        self.sources.put_revisions(&self.comparison.revisions, &mut sync);
        status["sync"] = sync;
        let health = if self.is_valid { self.comparison.health() } else { Status::Unknown };
        if text(&before["health"]["status"]) != health.name() {
            status["health"] = json!({"status": health.name(), "lastTransitionTime": now()});
        }
        status["resources"] = self.resources().into();
        let images = self.comparison.images();
        status["summary"] = if images.is_empty() { json!({}) } else { json!({"images": images}) };
        status["conditions"] = self.conditions().into();
        status["controllerNamespace"] = NAMESPACE.into();
        status["resourceHealthSource"] = "appTree".into();
        status["sourceHydrator"] = json!({});
        if self.comparison.is_loaded && self.is_valid {
            if self.sources.is_multi {
                status["sourceTypes"] = json!(self.comparison.source_types);
            } else {
                status["sourceType"] = json!(self.comparison.source_types.first());
            }
        }
        for field in ["resources", "conditions"] {
            if list(&status[field]).is_empty() {
                crate::object::table_mut(&mut status, &[]).remove(field);
            }
        }
        status
    }

    fn resources(&self) -> Vec<Value> {
        let mut items: Vec<&Item> = self.comparison.items.iter().collect();
        items.sort_by_cached_key(|item| {
            format!("{}/{}/{}/{}", item.key.group, item.key.kind, item.key.namespace, item.key.name)
        });
        items.into_iter().map(|item| self.resource(item)).collect()
    }

    fn resource(&self, item: &Item) -> Value {
        let mut shown = json!({"version": item.version, "kind": item.key.kind, "name": item.key.name});
        for (field, value) in [("group", &item.key.group), ("namespace", &item.key.namespace)] {
            if !value.is_empty() {
                shown[field] = value.clone().into();
            }
        }
        let is_skipped = item.target.as_ref().is_some_and(super::hooks::is_skipped);
        if !self.comparison.is_loaded {
            shown["status"] = "Unknown".into();
        } else if !item.is_hook && !is_skipped {
            shown["status"] = if item.is_synced { "Synced" } else { "OutOfSync" }.into();
        }
        if item.is_hook {
            shown["hook"] = true.into();
        }
        if item.target.is_none() && item.live.is_some() && self.comparison.is_loaded {
            shown["requiresPruning"] = true.into();
        }
        let wave = item.target.as_ref().map_or(0, wave);
        if wave != 0 {
            shown["syncWave"] = wave.into();
        }
        shown
    }

    fn conditions(&self) -> Vec<Value> {
        let before = list(&self.application["status"]["conditions"]);
        let all = self.conditions.iter().chain(&self.comparison.conditions);
        let mut shown: Vec<Value> = all
            .map(|(kind, message)| {
                let known = before.iter().find(|one| one["type"] == *kind && one["message"] == *message);
                let time = known.map_or_else(now, |known| text(&known["lastTransitionTime"]).to_owned());
                json!({"type": kind, "message": message, "lastTransitionTime": time})
            })
            .collect();
        shown.sort_by_cached_key(|condition| {
            (text(&condition["type"]).to_owned(), text(&condition["message"]).to_owned())
        });
        shown.dedup();
        shown
    }
}

/// Writes an operation into a status: its state, and once it has succeeded the history.
pub(super) fn put_run(status: &mut Value, run: &Run, spec: &Value) {
    status["operationState"] = run.state();
    let is_whole = run.progress == Progress::Succeeded && !run.is_partial() && !run.is_dry();
    if !is_whole {
        return;
    }
    let kept = spec["revisionHistoryLimit"].as_u64().and_then(|limit| usize::try_from(limit).ok());
    let mut history = list(&status["history"]).to_vec();
    let id = history.last().and_then(|last| last["id"].as_i64()).map_or(0, |id| id + 1);
    let initiated_by = if run.operation["initiatedBy"].is_object() {
        run.operation["initiatedBy"].clone()
    } else {
        json!({})
    };
    let mut entry = json!({"id": id, "deployedAt": now(), "deployStartedAt": run.started_at, "initiatedBy": initiated_by});
    run.sources.put_into(&mut entry);
    run.sources.put_revisions(&run.revisions, &mut entry);
    if run.sources.is_multi {
        entry["source"] = json!({"repoURL": ""});
    }
    history.push(entry);
    let surplus = history.len().saturating_sub(kept.unwrap_or(HISTORY_MAX));
    history.drain(..surplus);
    status["history"] = history.into();
}
