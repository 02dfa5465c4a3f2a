//! Hooks while a sync runs: what holds them until they have ended, and when they go.

use serde_json::{Value, json};

use super::super::health::{self, Status};
use super::super::hooks::{self, Deletion};
use super::super::run::{Progress, Run};
use super::super::tasks::Task;
use super::Syncing;
use crate::agent::Shared;
use crate::api::{ApiError, Propagation};
use crate::names::HOOK_FINALIZER;
use crate::object::{finalizers, name};

/// After the sync has succeeded.
pub(super) const SUCCEEDED: Deletion = Deletion::Succeeded;
/// After it has failed.
pub(super) const FAILED: Deletion = Deletion::Failed;

/// A hook's object with what keeps it until the sync has seen its end.
pub(super) fn held(target: &Value) -> Value {
    let mut held = target.clone();
    let mut all: Vec<&str> = finalizers(target);
    if !all.contains(&HOOK_FINALIZER) {
        all.push(HOOK_FINALIZER);
        held["metadata"]["finalizers"] = json!(all);
    }
    held
}

/// Whether what is left of a hook has to go before it is made again.
pub(super) fn goes_first(run: &Run, task: &Task) -> bool {
    let is_due = |target: &Value| hooks::deletions(target).contains(&Deletion::BeforeCreation);
    task.is_hook && task.live.is_some() && run.is_pending(task) && task.target.as_ref().is_some_and(is_due)
}

/// How far a hook is, by the health of its object.
fn progress_of(live: &Value) -> (Progress, String) {
    match health::of(live) {
        None => (Progress::Succeeded, format!("{} created", name(live))),
        Some(found) => match found.status {
            Status::Unknown | Status::Degraded => (Progress::Failed, found.message),
            Status::Progressing | Status::Suspended => (Progress::Running, found.message),
            Status::Healthy | Status::Missing => (Progress::Succeeded, found.message),
        },
    }
}

/// Takes away what keeps a hook; one that has gone already is no error.
pub(in crate::apps) async fn let_go(shared: &Shared, live: &Value) -> Result<(), ApiError> {
    let all = finalizers(live);
    if !all.contains(&HOOK_FINALIZER) {
        return Ok(());
    }
    let left: Vec<&str> = all.into_iter().filter(|one| *one != HOOK_FINALIZER).collect();
    let patch = json!({"metadata": {"finalizers": left}});
    match shared.api.merge(&crate::object::Key::of(live), "", &patch).await {
        Ok(written) => {
            shared.cache.put(written);
            Ok(())
        }
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

impl Syncing<'_> {
    /// How far what runs has come.
    pub(super) fn look_after_running(&mut self, all: &[Task]) {
        for task in all {
            if !self.run.is_running(task) {
                continue;
            }
            let Some(live) = self.shared.cache.get(&task.key) else { continue };
            let Some((status, before)) =
                self.run.outcome(task).map(|outcome| (outcome.status, outcome.message.clone()))
            else {
                continue;
            };
            let or_before = |message: String| if message.is_empty() { before.clone() } else { message };
            if task.is_hook {
                let (progress, message) = progress_of(&live);
                self.run.record(task, status, progress, or_before(message));
                continue;
            }
            match health::of(&live) {
                None => self.run.record(task, status, Progress::Succeeded, before),
                Some(found) if found.status == Status::Healthy => {
                    self.run.record(task, status, Progress::Succeeded, or_before(found.message));
                }
                Some(found) if found.status == Status::Degraded => {
                    self.run.record(task, status, Progress::Failed, or_before(found.message));
                }
                Some(_) => {}
            }
        }
    }

    /// What has ended is no longer kept.
    pub(super) async fn let_go_of_hooks(&mut self, all: &[Task]) {
        for task in all.iter().filter(|task| task.is_hook) {
            if !self.run.is_completed(task) {
                continue;
            }
            let Some(live) = self.shared.cache.get(&task.key) else { continue };
            if let Err(error) = let_go(self.shared, &live).await {
                let message = format!("Failed to remove hook finalizer: {error}");
                self.run.record_error(task, message);
            }
        }
    }

    /// Deletes hooks that go at this end.
    pub(super) async fn delete_hooks(&mut self, all: &[Task], when: Deletion) {
        for task in all.iter().filter(|task| task.is_hook) {
            let is_due = task.target.as_ref().is_some_and(|target| hooks::deletions(target).contains(&when));
            if !is_due || self.run.is_running(task) || self.shared.cache.get(&task.key).is_none() {
                continue;
            }
            if let Err(error) = self.shared.api.delete(&task.key, self.propagation()).await {
                self.run.record_error(task, format!("failed to delete resource: {error}"));
            }
        }
    }

    /// Takes away hooks that run.
    pub(super) async fn terminate_hooks(&mut self) {
        let all = self.tasks();
        for task in all.iter().filter(|task| task.is_hook) {
            if !self.run.is_running(task) {
                continue;
            }
            let status = self.run.outcome(task).map_or("", |outcome| outcome.status);
            let Some(live) = self.shared.cache.get(&task.key) else {
                self.run.record(task, status, Progress::Succeeded, "Terminated");
                continue;
            };
            let (progress, message) = progress_of(&live);
            let mut gone = let_go(self.shared, &live).await;
            let is_deleted_failed = task
                .target
                .as_ref()
                .is_some_and(|target| hooks::deletions(target).contains(&Deletion::Failed));
            if gone.is_ok() && (progress == Progress::Running || is_deleted_failed) {
                gone = self.shared.api.delete(&task.key, self.propagation()).await;
            }
            match (gone, progress) {
                (Err(error), _) => {
                    self.run.record(task, status, Progress::Failed, format!("Failed to delete: {error}"));
                }
                (Ok(()), Progress::Running) => {
                    self.run.record(task, status, Progress::Failed, "Terminated");
                }
                (Ok(()), ended) => self.run.record(task, status, ended, message),
            }
        }
    }

    /// How deletions go.
    pub(super) fn propagation(&self) -> Propagation {
        match self.options.iter().find_map(|option| option.strip_prefix("PrunePropagationPolicy=")) {
            Some("background") => Propagation::Background,
            Some("orphan") => Propagation::Orphan,
            _ => Propagation::Foreground,
        }
    }
}
