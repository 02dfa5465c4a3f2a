//! The steps of a sync: what is pending in the first phase and wave is done, then what runs is waited for.
//!
//! Each step reads a fresh comparison; nothing here waits but for the answers of the API.

use std::sync::Arc;

use serde_json::{Value, json};

use super::health::{self, Status};
use super::hooks::{self, Deletion, Phase};
use super::run::{Progress, Run};
use super::state::Comparison;
use super::tasks::{self, Task};
use crate::agent::Shared;
use crate::api::{ApiError, Propagation};
use crate::names::{FIELD_MANAGER, LAST_APPLIED, SYNC_OPTIONS};
use crate::object::{Key, has_option, is_deleting, name, namespace, set_annotation, text};

const NO_KIND: &str = "the server could not find the requested resource";

/// Does the next step of an operation.
pub(super) async fn step(
    shared: &Shared,
    run: &mut Run,
    comparison: &Comparison,
    destination_namespace: &str,
) {
    let options: Vec<String> = run.options().into_iter().map(str::to_owned).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let revision = run.revisions.first().cloned().unwrap_or_default();
    let mut all = tasks::of(comparison, &options, &revision, &run.started_at, run.runs_hooks());
    all.retain(|task| run.wants(&task.key));
    if options.contains(&"ApplyOutOfSyncOnly=true") {
        let is_synced = |key: &Key| comparison.items.iter().any(|item| item.key == *key && item.is_synced);
        all.retain(|task| task.is_hook || run.outcome(task).is_some() || !is_synced(&task.key));
    }
    if !run.is_prepared {
        let has_namespace =
            |task: &Task| task.key.kind == "Namespace" && task.key.name == destination_namespace;
        let creates = options.contains(&"CreateNamespace=true") && !all.iter().any(has_namespace);
        if creates && let Err(error) = create_namespace(shared, run, destination_namespace).await {
            run.finish(Progress::Failed, format!("the namespace failed to apply, reason: {error}"));
            return;
        }
        refuse_unserved(shared, run, &all);
        run.is_prepared = true;
    }
    // What is not served holds nothing else back; the operation fails for it in the end.
    let is_refused = |run: &Run, task: &Task| {
        run.outcome(task)
            .is_some_and(|outcome| outcome.status == "SyncFailed" && outcome.message.starts_with(REFUSED))
    };
    all.retain(|task| !is_refused(run, task));
    let (fail_hooks, all): (Vec<Task>, Vec<Task>) =
        all.into_iter().partition(|task| task.phase == Phase::SyncFail);
    look_after_running(shared, run, &all);
    let many_steps = tasks::are_many_steps(&all);
    let is_running = |run: &Run, task: &&Task| {
        run.outcome(task).is_some_and(|outcome| outcome.progress == Progress::Running && !outcome.is_failed())
    };
    let running: Vec<&Task> = all
        .iter()
        .filter(|task| (many_steps || task.is_hook) && !task.is_prune())
        .filter(|task| is_running(run, task))
        .collect();
    if !running.is_empty() {
        let message = waiting_for(&running);
        run.wait(message);
        return;
    }
    if let Some(going) = all.iter().find(|task| task.is_prune() && many_steps && is_going(shared, run, task))
    {
        run.wait(format!(
            "waiting for deletion of {}/{}/{}",
            going.key.group, going.key.kind, going.key.name
        ));
        return;
    }
    let failed =
        |run: &Run| all.iter().filter_map(|task| run.outcome(task)).any(super::run::Outcome::is_failed);
    if failed(run) {
        return fail(
            shared,
            run,
            &fail_hooks,
            &all,
            "one or more synchronization tasks completed unsuccessfully",
        )
        .await;
    }
    let pending: Vec<&Task> = all.iter().filter(|task| run.outcome(task).is_none()).collect();
    let Some(first) = pending.first().map(|task| (task.phase, task.wave)) else {
        delete_hooks(shared, &all, Deletion::Succeeded).await;
        return succeed(run, "successfully synced (no more tasks)");
    };
    let (now, later): (Vec<&Task>, Vec<&Task>) =
        pending.into_iter().partition(|task| (task.phase, task.wave) == first);
    for task in &now {
        perform(shared, run, task, &options).await;
    }
    if failed(run) {
        return fail(shared, run, &fail_hooks, &all, "one or more objects failed to apply").await;
    }
    if later.is_empty() && !now.iter().any(|task| task.is_hook) {
        delete_hooks(shared, &all, Deletion::Succeeded).await;
        return succeed(run, "successfully synced (all tasks run)");
    }
    let message = waiting_for(&now);
    run.wait(message);
}

const REFUSED: &str = "The Kubernetes API could not find ";

fn succeed(run: &mut Run, message: &str) {
    let refused: Vec<&str> = run
        .outcomes
        .iter()
        .filter(|outcome| outcome.message.starts_with(REFUSED))
        .map(|outcome| outcome.message.as_str())
        .collect();
    if refused.is_empty() {
        return run.finish(Progress::Succeeded, message);
    }
    let message = format!("one or more synchronization tasks are not valid: {}", refused.join("; "));
    run.finish(Progress::Failed, message);
}

async fn fail(shared: &Shared, run: &mut Run, fail_hooks: &[Task], all: &[Task], what: &str) {
    let reasons: Vec<String> = all
        .iter()
        .filter_map(|task| run.outcome(task))
        .filter(|outcome| outcome.is_failed())
        .map(|outcome| outcome.message.clone())
        .collect();
    for hook in fail_hooks {
        if run.outcome(hook).is_none() {
            perform(shared, run, hook, &[]).await;
        }
    }
    look_after_running(shared, run, fail_hooks);
    let running: Vec<&Task> = fail_hooks
        .iter()
        .filter(|hook| run.outcome(hook).is_some_and(|outcome| outcome.progress == Progress::Running))
        .collect();
    if !running.is_empty() {
        let message = waiting_for(&running);
        return run.wait(message);
    }
    delete_hooks(shared, all, Deletion::Failed).await;
    run.finish(Progress::Failed, format!("{what}, reason: {}", reasons.join(",")));
}

fn waiting_for(tasks: &[&Task]) -> String {
    let hooks: Vec<&&Task> = tasks.iter().filter(|task| task.is_hook).collect();
    let Some(first) = hooks.first().copied().or(tasks.first()) else { return String::new() };
    let what = if hooks.is_empty() { "healthy state of" } else { "completion of hook" };
    let kind = if hooks.is_empty() { "resources" } else { "hooks" };
    let shown = format!("waiting for {what} {}/{}/{}", first.key.group, first.key.kind, first.key.name);
    match tasks.len() {
        1 => shown,
        count => format!("{shown} and {} more {kind}", count - 1),
    }
}

async fn create_namespace(shared: &Shared, run: &mut Run, namespace: &str) -> Result<(), ApiError> {
    let key = Key {
        group: String::new(),
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: namespace.to_owned(),
    };
    if namespace.is_empty() || shared.cache.get(&key).is_some() {
        return Ok(());
    }
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let task = Task {
        phase: Phase::PreSync,
        wave: i64::MIN,
        key,
        version: "v1".to_owned(),
        target: Some(object.clone()),
        is_hook: false,
        ignored: Vec::new(),
    };
    match shared.api.create(&object, FIELD_MANAGER).await {
        Ok(created) => {
            shared.cache.put(created);
            run.record(&task, "Synced", Progress::Running, format!("namespace/{namespace} created"));
            Ok(())
        }
        // Another Application of the same namespace was faster.
        Err(error) if error.is_conflict() => Ok(()),
        Err(error) => {
            run.record(&task, "SyncFailed", Progress::Failed, error.to_string());
            Err(error)
        }
    }
}

/// Marks what the cluster does not serve, except kinds whose definition is part of the same sync.
fn refuse_unserved(shared: &Shared, run: &mut Run, all: &[Task]) {
    let kinds = shared.api.kinds();
    let is_defined_here = |task: &Task| {
        all.iter().filter_map(|other| other.target.as_ref()).any(|other| {
            text(&other["kind"]) == "CustomResourceDefinition"
                && text(&other["spec"]["group"]) == task.key.group
                && text(&other["spec"]["names"]["kind"]) == task.key.kind
        })
    };
    for task in all.iter().filter(|task| !task.is_prune()) {
        let Key { group, kind, namespace, name } = &task.key;
        if kinds.versioned(group, &task.version, kind).is_some() || is_defined_here(task) {
            continue;
        }
        let message = match kinds.get(group, kind) {
            None => format!(
                "{REFUSED}{group}/{kind} for requested resource {namespace}/{name}. Make sure the {kind:?} CRD is installed \
                 on the destination cluster."
            ),
            Some(served) => format!(
                "{REFUSED}version {:?} of {group}/{kind} for requested resource {namespace}/{name}. Version {:?} of \
                 {group}/{kind} is installed on the destination cluster.",
                task.version, served.version
            ),
        };
        run.record(task, "SyncFailed", Progress::Failed, message);
    }
}

fn look_after_running(shared: &Shared, run: &mut Run, all: &[Task]) {
    for task in all.iter().filter(|task| !task.is_prune()) {
        let Some(outcome) = run.outcome(task) else { continue };
        if outcome.progress != Progress::Running || outcome.status != "Synced" {
            continue;
        }
        let before = outcome.message.clone();
        let Some(live) = shared.cache.get(&task.key) else {
            let Key { group, kind, name, .. } = &task.key;
            let message = format!("Resource {group}/{kind}/{name} is missing, it might have been deleted");
            run.record(task, "SyncFailed", Progress::Error, message);
            continue;
        };
        match health::of(&live) {
            None => run.record(task, "Synced", Progress::Succeeded, before),
            Some(found) if found.status == Status::Healthy => {
                let message = if found.message.is_empty() { before } else { found.message };
                run.record(task, "Synced", Progress::Succeeded, message);
            }
            Some(found) if found.status == Status::Degraded => {
                run.record(task, "Synced", Progress::Failed, found.message);
            }
            Some(_) => {}
        }
    }
}

fn is_going(shared: &Shared, run: &Run, task: &Task) -> bool {
    run.outcome(task).is_some_and(|outcome| outcome.status == "Pruned")
        && shared.cache.get(&task.key).is_some_and(|live| is_deleting(&live))
}

async fn delete_hooks(shared: &Shared, all: &[Task], when: Deletion) {
    for task in all.iter().filter(|task| task.is_hook) {
        let is_due = task.target.as_ref().is_some_and(|target| hooks::deletions(target).contains(&when));
        if is_due && let Err(error) = shared.api.delete(&task.key, Propagation::Background).await {
            tracing::warn!(hook = task.key.name, %error, "hook not deleted");
        }
    }
}

async fn perform(shared: &Shared, run: &mut Run, task: &Task, options: &[&str]) {
    let Some(target) = &task.target else { return prune(shared, run, task, options).await };
    if run.is_dry() {
        return run.record(
            task,
            "Synced",
            Progress::Succeeded,
            format!("{} configured (dry run)", shown(&task.key)),
        );
    }
    if task.is_hook && hooks::deletions(target).contains(&Deletion::BeforeCreation) {
        // The old one may take a moment to go: it is created when it has gone.
        if shared.cache.get(&task.key).is_some() {
            if let Err(error) = shared.api.delete(&task.key, Propagation::Background).await {
                run.record(task, "SyncFailed", Progress::Error, error.to_string());
            }
            return;
        }
    }
    let kinds = shared.api.kinds();
    if kinds.versioned(&task.key.group, &task.version, &task.key.kind).is_none() {
        shared.learn_kind(&task.key, &task.version).await;
    }
    match apply(shared, task, target, options).await {
        Ok(message) => run.record(task, "Synced", Progress::Running, message),
        Err(error) if error.message == NO_KIND => {
            run.record(task, "SyncFailed", Progress::Failed, format!("{NO_KIND}: {}", shown(&task.key)));
        }
        Err(error) => run.record(task, "SyncFailed", Progress::Failed, error.to_string()),
    }
}

async fn prune(shared: &Shared, run: &mut Run, task: &Task, options: &[&str]) {
    let Some(live) = shared.cache.get(&task.key) else {
        return run.record(task, "Pruned", Progress::Succeeded, "pruned");
    };
    if !run.prunes() {
        return run.record(task, "PruneSkipped", Progress::Succeeded, "ignored (requires pruning)");
    }
    if has_option(&live, SYNC_OPTIONS, "Prune=false") || options.contains(&"Prune=false") {
        return run.record(task, "PruneSkipped", Progress::Succeeded, "ignored (no prune)");
    }
    let propagation = match options.iter().find_map(|option| option.strip_prefix("PrunePropagationPolicy=")) {
        Some("background") => Propagation::Background,
        Some("orphan") => Propagation::Orphan,
        _ => Propagation::Foreground,
    };
    let done = if run.is_dry() { Ok(()) } else { shared.api.delete(&task.key, propagation).await };
    match done {
        Ok(()) => run.record(task, "Pruned", Progress::Succeeded, "pruned"),
        Err(error) => run.record(task, "SyncFailed", Progress::Failed, error.to_string()),
    }
}

/// Writes an object as its options say; the answer is what kubectl would print.
async fn apply(shared: &Shared, task: &Task, target: &Value, options: &[&str]) -> Result<String, ApiError> {
    let live = shared.cache.get(&task.key);
    let mut object = super::compare::normalized(target);
    if options.contains(&"RespectIgnoreDifferences=true")
        && let Some(live) = &live
    {
        for pointer in &task.ignored {
            super::pointer::copy(live, &mut object, pointer);
        }
    }
    let what = shown(&task.key);
    if task.has_option(options, "Replace=true") {
        let written = match &live {
            Some(live) => {
                object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
                shared.api.replace(&object, FIELD_MANAGER).await?
            }
            None => shared.api.create(&object, FIELD_MANAGER).await?,
        };
        shared.cache.put(written);
        return Ok(format!("{what} {}", if live.is_some() { "replaced" } else { "created" }));
    }
    let is_server_side = task.has_option(options, "ServerSideApply=true");
    let is_as_declared = |live: &Arc<Value>| {
        let ignored: Vec<&str> = task.ignored.iter().map(String::as_str).collect();
        super::compare::is_as_declared(target, live, &ignored)
    };
    if live.as_ref().is_some_and(is_as_declared) {
        // Nothing to write: a weight reaches its Ingress without a write of everything beside it.
        return Ok(if is_server_side {
            format!("{what} serverside-applied")
        } else {
            format!("{what} unchanged")
        });
    }
    if !is_server_side {
        let applied = format!("{object}\n");
        set_annotation(&mut object, LAST_APPLIED, &applied);
    }
    let written = shared.api.apply(&object, FIELD_MANAGER).await?;
    let is_changed = live
        .as_ref()
        .is_none_or(|live| live["metadata"]["resourceVersion"] != written["metadata"]["resourceVersion"]);
    tracing::debug!(
        kind = task.key.kind,
        namespace = namespace(&object),
        name = name(&object),
        is_changed,
        "applied"
    );
    shared.cache.put(written);
    Ok(match (is_server_side, &live, is_changed) {
        (true, _, _) => format!("{what} serverside-applied"),
        (false, None, _) => format!("{what} created"),
        (false, Some(_), true) => format!("{what} configured"),
        (false, Some(_), false) => format!("{what} unchanged"),
    })
}

/// `deployment.apps/burnham`
fn shown(key: &Key) -> String {
    let kind = key.kind.to_lowercase();
    if key.group.is_empty() {
        format!("{kind}/{}", key.name)
    } else {
        format!("{kind}.{}/{}", key.group, key.name)
    }
}
