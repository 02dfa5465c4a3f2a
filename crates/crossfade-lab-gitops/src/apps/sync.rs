//! The steps of a sync, in Argo CD's order: everything is looked at before anything is written, then what is pending in the
//! first phase and wave is done, then what runs is waited for.
//!
//! Each step reads a fresh comparison; nothing here waits but for the answers of the API.

mod apply;
mod hook;
mod undeclared;
mod valid;

use serde_json::Value;

use super::hooks::Phase;
use super::run::{Outcome, Progress, Run};
use super::state::Comparison;
use super::tasks::{self, Making, Task};
use crate::agent::Shared;
use crate::object::{is_deleting, text};
use apply::Done;

pub(super) use hook::let_go;

/// What a sync is done with.
struct Syncing<'s> {
    shared: &'s Shared,
    run: &'s mut Run,
    comparison: &'s Comparison,
    options: &'s [&'s str],
    place: Place<'s>,
}

/// Where the objects go.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// The destination's namespace.
    pub(super) namespace: &'p str,
    /// `syncPolicy.managedNamespaceMetadata`
    pub(super) metadata: &'p Value,
}

impl Place<'_> {
    /// Where an Application's objects go.
    pub(super) fn of(spec: &Value) -> Place<'_> {
        Place {
            namespace: text(&spec["destination"]["namespace"]),
            metadata: &spec["syncPolicy"]["managedNamespaceMetadata"],
        }
    }
}

/// Does the next step of an operation.
pub(super) async fn step(shared: &Shared, run: &mut Run, comparison: &Comparison, place: Place<'_>) {
    let options: Vec<String> = run.options().into_iter().map(str::to_owned).collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    Syncing { shared, run, comparison, options: &options, place }.step().await;
}

/// Ends an operation at once, with the hooks that still run.
pub(super) async fn terminate(shared: &Shared, run: &mut Run, comparison: &Comparison, place: Place<'_>) {
    let mut syncing = Syncing { shared, run, comparison, options: &[], place };
    syncing.terminate_hooks().await;
    run.end("Operation terminated");
}

impl Syncing<'_> {
    fn has_option(&self, option: &str) -> bool {
        self.options.contains(&option)
    }

    fn tasks(&self) -> Vec<Task> {
        let revision = self.run.revisions.first().cloned().unwrap_or_default();
        let mut all = tasks::of(&Making {
            comparison: self.comparison,
            cache: &self.shared.cache,
            options: self.options,
            revision: &revision,
            started_at: &self.run.started_at,
            destination_namespace: self.place.namespace,
            with_hooks: self.run.runs_hooks(),
        });
        all.retain(|task| task.is_hook || self.run.wants(&task.key));
        if let Some(namespace) = self.kept_namespace(&all) {
            all.insert(0, namespace);
        }
        all
    }

    /// The destination's namespace, where an Application says what it is labelled with and does not declare it.
    fn kept_namespace(&self, all: &[Task]) -> Option<Task> {
        let Place { namespace, metadata } = self.place;
        let is_declared = all.iter().any(|task| task.target.is_some() && task.is_namespace(namespace));
        let is_kept =
            self.has_option("CreateNamespace=true") && metadata.is_object() && !namespace.is_empty();
        if !is_kept || is_declared {
            return None;
        }
        let mut task = Task::namespace(namespace, Some(metadata));
        task.live = self.shared.cache.get(&task.key);
        // Before everything else, whatever its wave.
        let first = all.first().filter(|first| first.phase == Phase::PreSync);
        task.wave = first.map_or(0, |first| first.wave);
        Some(task)
    }

    /// Whether a task is left out because its object is as declared.
    fn is_passed_over(&self, task: &Task) -> bool {
        self.has_option("ApplyOutOfSyncOnly=true") && !task.is_hook && !task.is_prune() && task.is_synced
    }

    async fn step(mut self) {
        let all = self.tasks();
        if !self.are_valid(&all) || (!self.run.has_begun() && !self.prepare(&all).await) {
            return;
        }
        self.look_after_running(&all);
        let many_steps = tasks::are_many_steps(&all);
        if self.waits_for_running(&all, many_steps) || self.waits_for_pruned(&all) {
            return;
        }
        self.let_go_of_hooks(&all).await;
        let (fail_hooks, others): (Vec<Task>, Vec<Task>) =
            all.iter().cloned().partition(|task| task.phase == Phase::SyncFail);
        if others.iter().filter_map(|task| self.run.outcome(task)).any(Outcome::is_failed) {
            self.delete_hooks(&all, hook::FAILED).await;
            self.fail(&fail_hooks, &others, "one or more synchronization tasks completed unsuccessfully")
                .await;
            return;
        }
        let is_pending = |task: &&Task| self.run.is_pending(task) && !self.is_passed_over(task);
        let pending: Vec<Task> = others.iter().filter(is_pending).cloned().collect();
        let Some(first) = pending.first().map(|task| (task.phase, task.wave)) else {
            self.delete_hooks(&all, hook::SUCCEEDED).await;
            return self.run.finish(Progress::Succeeded, "successfully synced (no more tasks)");
        };
        let (now, later): (Vec<Task>, Vec<Task>) =
            pending.into_iter().partition(|task| (task.phase, task.wave) == first);
        match self.do_all(&now).await {
            Done::Failed => self.wind_up(&fail_hooks, &now, &all).await,
            Done::Waiting => {
                let going: Vec<&Task> = now.iter().filter(|task| hook::goes_first(self.run, task)).collect();
                let message = waiting_for("deletion of hook", &going);
                self.run.wait(message);
            }
            Done::Well if later.is_empty() && !now.iter().any(|task| task.is_hook) => {
                self.delete_hooks(&all, hook::SUCCEEDED).await;
                self.run.finish(Progress::Succeeded, "successfully synced (all tasks run)");
            }
            Done::Well => self.run.wait(waiting(&now.iter().collect::<Vec<_>>())),
        }
    }

    /// False, and the try has failed, when the cluster serves not all of the kinds, or the project does not permit them.
    fn are_valid(&mut self, all: &[Task]) -> bool {
        let kinds = self.shared.api.kinds();
        let namespace = self.namespace_to_make(all);
        let more = namespace.iter().filter(|made| all.iter().all(|task| task.key != made.key));
        let refused = more
            .chain(all)
            .filter_map(|task| Some((task, valid::refusal(task, self.comparison, self.options, &kinds)?)));
        let mut said = Vec::new();
        for (task, refusal) in refused {
            self.run.record_invalid(task, refusal.said.clone(), refusal.explained);
            said.push(refusal.said);
        }
        if said.is_empty() {
            return true;
        }
        let others = self.run.outcomes.iter().filter(|outcome| outcome.status == "SyncFailed");
        said.extend(others.map(|outcome| outcome.message.clone()));
        said.sort_unstable();
        said.dedup();
        let message = format!("one or more synchronization tasks are not valid: {}", said.join("; "));
        self.run.finish(Progress::Failed, message);
        false
    }

    /// The namespace, then a look at everything else; false when the try has failed.
    async fn prepare(&mut self, all: &[Task]) -> bool {
        let namespace = self.namespace_to_make(all);
        if let Some(task) = &namespace
            && let Done::Failed = self.do_all(std::slice::from_ref(task)).await
        {
            self.fail(&[], std::slice::from_ref(task), "the namespace failed to apply").await;
            return false;
        }
        let mut is_well = true;
        for task in all {
            let is_made = namespace.as_ref().is_some_and(|made| made.key == task.key);
            if is_made || self.is_passed_over(task) {
                continue;
            }
            if let Err(error) = valid::dry_run(&self.shared.api, task, self.options).await {
                self.run.record(task, "SyncFailed", Progress::Failed, error.to_string());
                is_well = false;
            }
        }
        if !is_well {
            self.run.finish(Progress::Failed, "one or more objects failed to apply (dry run)");
        }
        is_well
    }

    /// The destination's namespace, when it is declared or to be made, and not there yet.
    fn namespace_to_make(&self, all: &[Task]) -> Option<Task> {
        let name = self.place.namespace;
        let declared = all.iter().find(|task| task.target.is_some() && task.is_namespace(name));
        if let Some(declared) = declared {
            return declared.live.is_none().then(|| declared.clone());
        }
        let task = Task::namespace(name, None);
        let is_missing = self.shared.cache.get(&task.key).is_none();
        (self.has_option("CreateNamespace=true") && !name.is_empty() && is_missing).then_some(task)
    }

    fn waits_for_running(&mut self, all: &[Task], many_steps: bool) -> bool {
        let is_running = |task: &&Task| (many_steps || task.is_hook) && self.run.is_running(task);
        let running: Vec<&Task> = all.iter().filter(is_running).collect();
        if running.is_empty() {
            return false;
        }
        let message = waiting(&running);
        for task in running.into_iter().filter(|task| self.shared.cache.get(&task.key).is_none()) {
            let what = format!("{}/{}/{}", task.key.group, task.key.kind, task.key.name);
            let message = format!("Resource {what} is missing, it might have been deleted");
            self.run.record(task, "SyncFailed", Progress::Error, message);
        }
        self.run.wait(message);
        true
    }

    fn waits_for_pruned(&mut self, all: &[Task]) -> bool {
        let is_going = |task: &&Task| {
            self.run.outcome(task).is_some_and(|outcome| outcome.status == "Pruned")
                && self.shared.cache.get(&task.key).is_some_and(|live| is_deleting(&live))
        };
        let going: Vec<&Task> = all.iter().filter(is_going).collect();
        if going.is_empty() {
            return false;
        }
        let message = waiting_for("deletion of", &going);
        self.run.wait(message);
        true
    }

    /// After an object could not be applied: what was begun beside it is seen to its end.
    async fn wind_up(&mut self, fail_hooks: &[Task], now: &[Task], all: &[Task]) {
        const WHAT: &str = "one or more objects failed to apply";
        let mut running: Vec<&Task> = now.iter().filter(|task| self.run.is_running(task)).collect();
        if running.is_empty() {
            if self.fail(fail_hooks, now, WHAT).await {
                self.delete_hooks(all, hook::FAILED).await;
            }
            return;
        }
        if !fail_hooks.is_empty() && !self.fail(fail_hooks, now, WHAT).await {
            running.extend(fail_hooks);
        }
        let message = waiting(&running);
        self.run.wait(message);
    }

    /// Runs the hooks for failures, and then fails; whether it has.
    async fn fail(&mut self, fail_hooks: &[Task], tasks: &[Task], what: &str) -> bool {
        let mut message = with_reasons(self.run, tasks, what);
        if fail_hooks.iter().all(|hook| self.run.is_completed(hook)) {
            let of_hooks = with_reasons(self.run, fail_hooks, "one or more SyncFail hooks failed");
            if of_hooks.contains(", reason: ") {
                message = format!("{message}\n{of_hooks}");
            }
            self.run.finish(Progress::Failed, message);
            return true;
        }
        let is_left = |hook: &&Task| !self.run.is_completed(hook) && !self.run.is_running(hook);
        let left: Vec<Task> = fail_hooks.iter().filter(is_left).cloned().collect();
        self.do_all(&left).await;
        self.run.wait(waiting(&left.iter().collect::<Vec<_>>()));
        false
    }
}

/// A message with what the objects that could not be applied say.
fn with_reasons(run: &Run, tasks: &[Task], what: &str) -> String {
    let failed = tasks.iter().filter_map(|task| run.outcome(task));
    let failed = failed.filter(|outcome| outcome.status == "SyncFailed");
    let mut reasons: Vec<&str> = failed.map(|outcome| outcome.message.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    if reasons.is_empty() { what.to_owned() } else { format!("{what}, reason: {}", reasons.join(",")) }
}

fn waiting(tasks: &[&Task]) -> String {
    let has_hooks = tasks.iter().any(|task| task.is_hook);
    waiting_for(if has_hooks { "completion of hook" } else { "healthy state of" }, tasks)
}

fn waiting_for(what: &str, tasks: &[&Task]) -> String {
    let first_hook = tasks.iter().find(|task| task.is_hook).copied();
    let Some(first) = first_hook.or(tasks.first().copied()) else { return String::new() };
    let kind = if tasks.iter().all(|task| task.is_hook) { "hooks" } else { "resources" };
    let shown = format!("waiting for {what} {}/{}/{}", first.key.group, first.key.kind, first.key.name);
    match tasks.len() {
        1 => shown,
        count => format!("{shown} and {} more {kind}", count - 1),
    }
}
