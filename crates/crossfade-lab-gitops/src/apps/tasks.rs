//! What a sync has to do, in the order it is done: phases, waves, deletions first, kinds as charts install them.

use serde_json::Value;

use super::hooks::{self, Phase};
use super::state::Comparison;
use crate::names::SYNC_OPTIONS;
use crate::object::{Key, annotation, version};

/// Kinds in the order they are created; others come last.
const KIND_ORDER: [&str; 36] = [
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
    "MutatingWebhookConfiguration",
];

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) phase: Phase,
    pub(super) wave: i64,
    pub(super) key: Key,
    pub(super) version: String,
    /// `None` is a deletion.
    pub(super) target: Option<Value>,
    pub(super) is_hook: bool,
    /// What of it is not compared.
    pub(super) ignored: Vec<String>,
}

impl Task {
    pub(super) fn is_prune(&self) -> bool {
        self.target.is_none()
    }

    /// Sync options of the object and of the operation; the object's own come first.
    pub(super) fn has_option(&self, options: &[&str], option: &str) -> bool {
        let own =
            self.target.as_ref().and_then(|target| annotation(target, SYNC_OPTIONS)).unwrap_or_default();
        let field = option.split('=').next().unwrap_or(option);
        let mut own =
            own.split(',').map(str::trim).filter(|one| one.split('=').next() == Some(field)).peekable();
        if own.peek().is_some() { own.any(|one| one == option) } else { options.contains(&option) }
    }
}

/// All tasks of a comparison, in order.
pub(super) fn of(
    comparison: &Comparison,
    options: &[&str],
    revision: &str,
    started_at: &str,
    with_hooks: bool,
) -> Vec<Task> {
    let mut tasks = Vec::new();
    for item in &comparison.items {
        let is_skipped = item.target.as_ref().is_some_and(hooks::is_skipped);
        if is_skipped || item.is_hook {
            continue;
        }
        let declared = item.target.as_ref().or(item.live.as_deref());
        tasks.push(Task {
            phase: Phase::Sync,
            wave: declared.map_or(0, hooks::wave),
            key: item.key.clone(),
            version: item.version.clone(),
            target: item.target.clone(),
            is_hook: false,
            ignored: item.ignored.clone(),
        });
    }
    reverse_waves_of_deletions(&mut tasks);
    let last_wave = tasks.iter().map(|task| task.wave).max().unwrap_or(0);
    for task in tasks.iter_mut().filter(|task| task.is_prune() && options.contains(&"PruneLast=true")) {
        task.wave = last_wave + 1;
    }
    for hook in comparison.hooks.iter().filter(|_| with_hooks) {
        for phase in hooks::phases(hook) {
            let target = hooks::named(hook, revision, phase, started_at);
            tasks.push(Task {
                phase,
                wave: hooks::wave(hook),
                key: Key::of(&target),
                version: version(&target).to_owned(),
                target: Some(target),
                is_hook: true,
                ignored: Vec::new(),
            });
        }
    }
    tasks.sort_by_cached_key(|task| {
        let order = KIND_ORDER.iter().position(|kind| *kind == task.key.kind).unwrap_or(KIND_ORDER.len());
        (task.phase, task.wave, !task.is_prune(), order, task.key.clone())
    });
    tasks
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
