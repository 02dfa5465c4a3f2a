//! What a sync has to do, in the order it is done: phases, waves, deletions first, kinds as charts install them, and what
//! others need (their namespace, their definition) before them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::hooks::{self, Phase};
use super::ignore::Ignored;
use super::state::Comparison;
use crate::cache::Cache;
use crate::names::SYNC_OPTIONS;
use crate::object::{Key, has_option, set_annotation, text, version};

/// Kinds in the order they are created; others come last.
const KIND_ORDER: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) phase: Phase,
    pub(super) wave: i64,
    pub(super) key: Key,
    /// The namespace it is listed with: Argo CD gives what it applies the destination's, also where there can be none.
    pub(super) listed_in: String,
    pub(super) version: String,
    /// `None` is a deletion.
    pub(super) target: Option<Value>,
    /// As it was when this was made a task.
    pub(super) live: Option<Arc<Value>>,
    pub(super) is_hook: bool,
    /// Whether it is in the cluster as declared.
    pub(super) is_synced: bool,
    /// What of it is not compared.
    pub(super) ignored: Ignored,
}

impl Task {
    /// An object that is to be applied in a phase.
    fn of_target(phase: Phase, target: Value, live: Option<Arc<Value>>, destination_namespace: &str) -> Task {
        let key = Key::of(&target);
        let listed_in =
            if key.namespace.is_empty() { destination_namespace } else { &key.namespace }.to_owned();
        Task {
            phase,
            wave: hooks::wave(&target),
            version: version(&target).to_owned(),
            is_hook: hooks::is_hook(&target),
            is_synced: false,
            ignored: Ignored::default(),
            key,
            listed_in,
            live,
            target: Some(target),
        }
    }

    /// The namespace that an Application makes for its objects, with the labels and annotations that it keeps there. What
    /// others put on it stays.
    pub(super) fn namespace(name: &str, metadata: Option<&Value>) -> Task {
        let mut object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        if let Some(metadata) = metadata {
            for field in ["labels", "annotations"] {
                if metadata[field].is_object() {
                    object["metadata"][field] = metadata[field].clone();
                }
            }
            set_annotation(&mut object, SYNC_OPTIONS, "ServerSideApply=true");
        }
        Task::of_target(Phase::PreSync, object, None, "")
    }

    pub(super) fn is_prune(&self) -> bool {
        self.target.is_none()
    }

    /// Whether it is the namespace of this name.
    pub(super) fn is_namespace(&self, name: &str) -> bool {
        self.key.group.is_empty() && self.key.kind == "Namespace" && self.key.name == name
    }

    /// Whether a sync option is given for the operation or on the object itself.
    pub(super) fn has_option(&self, options: &[&str], option: &str) -> bool {
        options.contains(&option)
            || self.target.as_ref().is_some_and(|target| has_option(target, SYNC_OPTIONS, option))
    }

    /// The same, also on the object in the cluster.
    pub(super) fn has_option_anywhere(&self, options: &[&str], option: &str) -> bool {
        self.has_option(options, option)
            || self.live.as_ref().is_some_and(|live| has_option(live, SYNC_OPTIONS, option))
    }
}

/// What tasks are made from.
pub(super) struct Making<'m> {
    pub(super) comparison: &'m Comparison,
    pub(super) cache: &'m Cache,
    /// Sync options of the operation.
    pub(super) options: &'m [&'m str],
    pub(super) revision: &'m str,
    pub(super) started_at: &'m str,
    pub(super) destination_namespace: &'m str,
    pub(super) with_hooks: bool,
}

/// All tasks of a comparison, in order.
pub(super) fn of(making: &Making<'_>) -> Vec<Task> {
    let destination = making.destination_namespace;
    let mut tasks = Vec::new();
    for item in &making.comparison.items {
        let is_skipped = item.target.as_ref().is_some_and(hooks::is_skipped);
        if is_skipped || item.is_hook {
            continue;
        }
        let mut task = match (&item.target, &item.live) {
            (Some(target), live) => Task::of_target(Phase::Sync, target.clone(), live.clone(), destination),
            (None, Some(live)) => Task {
                listed_in: item.key.namespace.clone(),
                target: None,
                ..Task::of_target(Phase::Sync, Value::clone(live), Some(Arc::clone(live)), "")
            },
            (None, None) => continue,
        };
        task.is_synced = item.is_synced;
        task.ignored = item.ignored.clone();
        tasks.push(task);
    }
    for hook in making.comparison.hooks.iter().filter(|_| making.with_hooks) {
        for phase in hooks::phases(hook) {
            let target = hooks::named(hook, making.revision, phase, making.started_at);
            let live = making.cache.get(&Key::of(&target));
            tasks.push(Task::of_target(phase, target, live, destination));
        }
    }
    reverse_waves_of_deletions(&mut tasks);
    prune_last(&mut tasks, making.options);
    sort(&mut tasks);
    tasks
}

/// What is to be pruned last comes after the last wave.
fn prune_last(tasks: &mut [Task], options: &[&str]) {
    let of_sync = tasks.iter().filter(|task| task.phase == Phase::Sync);
    let last_wave = of_sync.map(|task| task.wave).max().unwrap_or(0).max(0);
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        if task.has_option_anywhere(options, "PruneLast=true") {
            task.wave = last_wave + 1;
        }
    }
}

fn sort(tasks: &mut Vec<Task>) {
    tasks.sort_by_cached_key(|task| {
        let order = KIND_ORDER.iter().position(|kind| *kind == task.key.kind).unwrap_or(KIND_ORDER.len());
        (task.phase, task.wave, order, task.key.name.clone(), task.key.clone())
    });
    let namespace_of = |task: &Task| (!task.listed_in.is_empty()).then(|| task.listed_in.clone());
    put_first(tasks, |task| (task.is_namespace(&task.key.name)).then(|| task.key.name.clone()), namespace_of);
    let kind_of = |task: &Task| Some(format!("{}/{}", task.key.group, task.key.kind));
    put_first(tasks, |task| task.target.as_ref().and_then(defined_kind), kind_of);
}

/// The group and kind that a definition defines.
pub(super) fn defined_kind(object: &Value) -> Option<String> {
    let is_definition = text(&object["kind"]) == "CustomResourceDefinition";
    let (group, kind) = (text(&object["spec"]["group"]), text(&object["spec"]["names"]["kind"]));
    (is_definition && !group.is_empty()).then(|| format!("{group}/{kind}"))
}

/// Moves what others need to just before the first of them, into its phase and wave.
fn put_first(
    tasks: &mut Vec<Task>,
    gives: impl Fn(&Task) -> Option<String>,
    needs: impl Fn(&Task) -> Option<String>,
) {
    let mut first_needed: HashMap<String, usize> = HashMap::new();
    for index in 0..tasks.len() {
        let task = &tasks[index];
        if task.is_prune() {
            continue;
        }
        let Some(given) = gives(task) else {
            if let Some(needed) = needs(task) {
                first_needed.entry(needed).or_insert(index);
            }
            continue;
        };
        let Some(&place) = first_needed.get(&given) else { continue };
        let mut task = tasks.remove(index);
        (task.phase, task.wave) = (tasks[place].phase, tasks[place].wave);
        tasks.insert(place, task);
        for first in first_needed.values_mut().filter(|first| **first >= place) {
            *first += 1;
        }
    }
}

/// What was created first is deleted last.
fn reverse_waves_of_deletions(tasks: &mut [Task]) {
    let mut waves: Vec<i64> = tasks.iter().filter(|task| task.is_prune()).map(|task| task.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        if let Ok(place) = waves.binary_search(&task.wave) {
            task.wave = waves[waves.len() - 1 - place];
        }
    }
}

/// Whether there is more than one step.
pub(super) fn are_many_steps(tasks: &[Task]) -> bool {
    let mut steps =
        tasks.iter().filter(|task| task.phase != Phase::SyncFail).map(|task| (task.phase, task.wave));
    let first = steps.next();
    steps.any(|step| Some(step) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_before_them() {
        let mk = |kind: &str, name: &str, wave: &str| {
            let group = if kind == "CustomResourceDefinition" { "example.org" } else { "" };
            let api_version = if kind == "Thing" { "example.org/v1" } else { "v1" };
            let object = json!({"apiVersion": api_version, "kind": kind,
                "metadata": {"name": name, "annotations": {"argocd.argoproj.io/sync-wave": wave}},
                "spec": {"group": group, "names": {"kind": "Thing"}}});
            Task::of_target(Phase::Sync, object, None, "made")
        };
        let mut tasks = vec![
            mk("CustomResourceDefinition", "things", "3"),
            mk("Namespace", "made", "9"),
            mk("ConfigMap", "a", "0"),
            mk("Secret", "b", "0"),
            mk("Thing", "one", "2"),
        ];
        sort(&mut tasks);
        let order: Vec<(&str, i64)> = tasks.iter().map(|task| (task.key.name.as_str(), task.wave)).collect();
        assert_eq!(order, [("made", 0), ("b", 0), ("a", 0), ("things", 2), ("one", 2)]);
    }

    #[test]
    fn what_was_created_first_is_deleted_last_and_some_after_all() {
        let mk = |name: &str, wave: &str, options: &str| {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": {
                "argocd.argoproj.io/sync-wave": wave, SYNC_OPTIONS: options}}});
            let live = Arc::new(object.clone());
            Task { target: None, ..Task::of_target(Phase::Sync, object, Some(live), "") }
        };
        let mut tasks = vec![mk("first", "-1", ""), mk("second", "5", ""), mk("last", "0", "PruneLast=true")];
        reverse_waves_of_deletions(&mut tasks);
        prune_last(&mut tasks, &[]);
        let waves: Vec<(&str, i64)> = tasks.iter().map(|task| (task.key.name.as_str(), task.wave)).collect();
        assert_eq!(waves, [("first", 5), ("second", -1), ("last", 6)]);
    }
}
