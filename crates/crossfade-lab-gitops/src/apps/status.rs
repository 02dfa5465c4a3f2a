//! `status` of an Application, from a comparison and an operation, over what it was.

use serde_json::{Value, json};

use super::health::Status;
use super::hooks::wave;
use super::run::{Progress, Run};
use super::spec::Sources;
use super::state::{Comparison, Item};
use super::summary;
use crate::names::NAMESPACE;
use crate::object::{Key, list, now, text};

/// Deployments that are remembered unless the Application says otherwise.
const HISTORY_MAX: usize = 10;

/// What status is made from.
pub(super) struct Facts<'f> {
    pub(super) application: &'f Value,
    pub(super) sources: &'f Sources,
    pub(super) comparison: &'f Comparison,
    /// Type and message of conditions besides the comparison's.
    pub(super) conditions: Vec<(&'static str, String)>,
    /// Whether the agent has ever begun an operation itself. Argo CD then writes the Application whole, and what it writes
    /// has fields that are empty.
    pub(super) is_whole: bool,
}

/// Whether an Application was once written whole.
pub(super) fn is_whole(application: &Value) -> bool {
    application["status"]["sourceHydrator"].is_object()
}

/// The status of an Application whose spec cannot be followed: what was known of it stays.
pub(super) fn invalid(application: &Value, problems: Vec<String>) -> Value {
    let mut status = application["status"].clone();
    status["sync"]["status"] = "Unknown".into();
    put_health(&mut status, Status::Unknown);
    let known = list(&application["status"]["conditions"]);
    let own = |one: &&Value| text(&one["type"]) == INVALID;
    let mut all: Vec<Value> = known.iter().filter(|one| !own(one)).cloned().collect();
    let problems: Vec<_> = problems.into_iter().map(|problem| (INVALID, problem)).collect();
    all.extend(conditions(application, &problems));
    all.sort_by_cached_key(|condition| text(&condition["type"]).to_owned());
    status["conditions"] = all.into();
    status
}

const INVALID: &str = "InvalidSpecError";

impl Facts<'_> {
    /// The new status; an operation's part stays as it was.
    pub(super) fn status(&self) -> Value {
        let before = &self.application["status"];
        let spec = &self.application["spec"];
        let mut status = if before.is_object() { before.clone() } else { json!({}) };
        let mut sync = json!({"status": self.sync_status()});
        sync["comparedTo"] = json!({"destination": spec["destination"]});
        self.sources.put_into(&mut sync["comparedTo"]);
        if self.is_whole {
            self.sources.put_blanks(&mut sync["comparedTo"]);
        }
        if !list(&spec["ignoreDifferences"]).is_empty() {
            sync["comparedTo"]["ignoreDifferences"] = spec["ignoreDifferences"].clone();
        }
        if self.comparison.revisions.is_empty() {
            self.sources.put_target_revision(&mut sync);
        } else {
            self.sources.put_revisions(&self.comparison.revisions, &mut sync);
        }
        status["sync"] = sync;
        put_health(&mut status, self.comparison.health());
        status["resources"] = self.resources().into();
        let summary = summary::of(self.application, self.comparison);
        if self.is_whole || !crate::object::is_empty(&summary) || before["summary"].is_object() {
            status["summary"] = summary;
        }
        let all: Vec<_> = self.conditions.iter().chain(&self.comparison.conditions).cloned().collect();
        status["conditions"] = conditions(self.application, &all).into();
        status["controllerNamespace"] = NAMESPACE.into();
        status["resourceHealthSource"] = "appTree".into();
        if self.is_whole {
            status["sourceHydrator"] = json!({});
        }
        let types = &self.comparison.source_types;
        status["sourceTypes"] = if self.sources.is_multi { json!(types) } else { Value::Null };
        status["sourceType"] = if self.sources.is_multi { Value::Null } else { json!(types.first()) };
        for field in ["resources", "conditions", "sourceType", "sourceTypes"] {
            if crate::object::is_empty(&status[field]) {
                crate::object::table_mut(&mut status, &[]).remove(field);
            }
        }
        status
    }

    /// Out of sync also with a namespace that was labelled otherwise.
    fn sync_status(&self) -> &'static str {
        let compared = self.comparison.sync_status();
        let wanted = &self.application["spec"]["syncPolicy"]["managedNamespaceMetadata"];
        let result = &self.application["status"]["operationState"]["syncResult"];
        let is_changed =
            wanted.is_object() && result.is_object() && result["managedNamespaceMetadata"] != *wanted;
        if compared == "Synced" && is_changed { "OutOfSync" } else { compared }
    }

    fn resources(&self) -> Vec<Value> {
        let mut items: Vec<&Item> = self.comparison.items.iter().collect();
        items.sort_by_cached_key(|item| {
            format!("{}/{}/{}/{}", item.key.group, item.key.kind, item.key.namespace, item.key.name)
        });
        items.into_iter().map(|item| self.resource(item)).collect()
    }

    fn resource(&self, item: &Item) -> Value {
        let mut shown = json!({"version": item.version, "kind": item.key.kind});
        let key = &item.key;
        for (field, value) in [("group", &key.group), ("namespace", &key.namespace), ("name", &key.name)] {
            if !value.is_empty() {
                shown[field] = value.clone().into();
            }
        }
        let is_skipped = item.target.as_ref().is_some_and(super::hooks::is_skipped);
        let is_namespaced = !key.namespace.is_empty();
        let is_permitted =
            self.comparison.project.permits_kind(&key.group, &key.kind, &key.name, is_namespaced);
        if !self.comparison.is_loaded || !is_permitted {
            shown["status"] = "Unknown".into();
        } else if !item.is_hook && !is_skipped {
            shown["status"] = if item.is_synced { "Synced" } else { "OutOfSync" }.into();
        }
        if item.is_hook {
            shown["hook"] = true.into();
        }
        if item.target.is_none() && item.live.is_some() {
            shown["requiresPruning"] = true.into();
        }
        let declared = item.target.as_ref().or_else(|| {
            self.comparison.hooks.iter().filter(|_| item.is_hook).find(|hook| Key::of(hook) == item.key)
        });
        let wave = declared.map_or(0, wave);
        if wave != 0 {
            shown["syncWave"] = wave.into();
        }
        shown
    }
}

fn put_health(status: &mut Value, health: Status) {
    if text(&status["health"]["status"]) != health.name() {
        status["health"] = json!({"status": health.name(), "lastTransitionTime": now()});
    }
}

/// Conditions with the times that they are known since.
fn conditions(application: &Value, all: &[(&'static str, String)]) -> Vec<Value> {
    let before = list(&application["status"]["conditions"]);
    let mut shown: Vec<Value> = all
        .iter()
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

/// Writes an operation into a status: its state, and once it has succeeded the history.
pub(super) fn put_run(status: &mut Value, run: &Run, spec: &Value) {
    status["operationState"] = run.state();
    let metadata = &spec["syncPolicy"]["managedNamespaceMetadata"];
    if metadata.is_object() && run.has_begun() {
        status["operationState"]["syncResult"]["managedNamespaceMetadata"] = metadata.clone();
    }
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
    run.sources.put_blanks(&mut entry);
    history.push(entry);
    let surplus = history.len().saturating_sub(kept.unwrap_or(HISTORY_MAX));
    history.drain(..surplus);
    status["history"] = history.into();
}
