//! One wave of a sync, written: deletions, then what has to go before, then objects by their kind.

use serde_json::Value;

use super::super::run::Progress;
use super::super::tasks::{Task, defined_kind};
use super::undeclared::apply_known;
use super::valid::{NO_KIND, is_updated_in_place};
use super::{Syncing, hook};
use crate::api::ApiError;
use crate::names::{FIELD_MANAGER, LAST_APPLIED, SYNC_OPTIONS};
use crate::object::{
    Key, has_option, is_deleting, name, namespace, option_value, own_option, set_annotation, table_mut,
};

/// How a wave went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Well,
    /// Something has to be gone first.
    Waiting,
    Failed,
}

impl Syncing<'_> {
    /// Does tasks of one wave.
    pub(super) async fn do_all(&mut self, tasks: &[Task]) -> Done {
        let mut done = self.free_old_hooks(tasks).await;
        if done == Done::Well {
            for task in tasks.iter().filter(|task| task.is_prune()) {
                done = worse(done, self.prune(task).await);
            }
        }
        if done == Done::Well {
            done = self.delete_old_hooks(tasks).await;
        }
        if done != Done::Well {
            return done;
        }
        for task in tasks {
            if let Some(target) = &task.target {
                done = worse(done, self.perform(task, target).await);
            }
        }
        done
    }

    async fn free_old_hooks(&mut self, tasks: &[Task]) -> Done {
        let mut done = Done::Well;
        for task in tasks.iter().filter(|task| task.is_hook) {
            let is_old = self.run.is_pending(task) && !self.run.is_dry();
            let Some(live) = task.live.as_ref().filter(|_| is_old) else { continue };
            if let Err(error) = hook::let_go(self.shared, live).await {
                self.run.record_error(task, format!("failed to remove hook finalizer: {error}"));
                done = Done::Failed;
            }
        }
        done
    }

    async fn delete_old_hooks(&mut self, tasks: &[Task]) -> Done {
        let mut done = Done::Well;
        for task in tasks {
            if !hook::goes_first(self.run, task) || self.run.is_dry() {
                continue;
            }
            if self.shared.cache.get(&task.key).is_none() {
                continue;
            }
            match self.shared.api.delete(&task.key, self.propagation()).await {
                Ok(()) => done = worse(done, Done::Waiting),
                Err(error) => {
                    self.run.record_error(task, format!("failed to delete resource: {error}"));
                    done = Done::Failed;
                }
            }
        }
        done
    }

    async fn prune(&mut self, task: &Task) -> Done {
        let Some(live) = &task.live else { return Done::Well };
        if !self.run.prunes() {
            self.run.record(task, "PruneSkipped", Progress::Succeeded, "ignored (requires pruning)");
            return Done::Well;
        }
        let own = own_option(live, SYNC_OPTIONS, "Prune");
        let said = own.or_else(|| option_value(self.options.iter().copied(), "Prune"));
        if said == Some("false") {
            self.run.record(task, "PruneSkipped", Progress::Succeeded, "ignored (no prune)");
            return Done::Well;
        }
        if self.run.is_dry() {
            self.run.record(task, "Pruned", Progress::Succeeded, "pruned (dry run)");
            return Done::Well;
        }
        let is_going = self.shared.cache.get(&task.key).is_none_or(|live| is_deleting(&live));
        let done =
            if is_going { Ok(()) } else { self.shared.api.delete(&task.key, self.propagation()).await };
        match done {
            Ok(()) => {
                self.run.record(task, "Pruned", Progress::Succeeded, "pruned");
                Done::Well
            }
            Err(error) => {
                self.run.record(task, "SyncFailed", Progress::Failed, error.to_string());
                Done::Failed
            }
        }
    }

    async fn perform(&mut self, task: &Task, target: &Value) -> Done {
        if self.run.is_dry() {
            let how = if task.live.is_none() {
                "created"
            } else if task.is_synced {
                "unchanged"
            } else {
                "configured"
            };
            let message = format!("{} {how} (dry run)", shown(&task.key));
            self.run.record(task, "Synced", Progress::Succeeded, message);
            return Done::Well;
        }
        let kinds = self.shared.api.kinds();
        let is_served = kinds.versioned(&task.key.group, &task.version, &task.key.kind).is_some();
        if !is_served && self.is_defined(&task.key) {
            self.shared.learn_kind(&task.key, &task.version).await;
        }
        match self.apply(task, target).await {
            Ok(message) => {
                self.run.record(task, "Synced", Progress::Running, message);
                Done::Well
            }
            Err(error) => {
                let message = if error.message == NO_KIND { no_matches(task) } else { error.to_string() };
                self.run.record(task, "SyncFailed", Progress::Failed, message);
                Done::Failed
            }
        }
    }

    /// Whether the cluster has a definition of a kind: it is served in a moment.
    fn is_defined(&self, key: &Key) -> bool {
        let defined = format!("{}/{}", key.group, key.kind);
        let definitions = self.shared.cache.of_kind("apiextensions.k8s.io", "CustomResourceDefinition");
        definitions.iter().any(|one| defined_kind(one).as_deref() == Some(&defined))
    }

    /// Writes an object as its options say; the answer is what kubectl would print.
    async fn apply(&self, task: &Task, target: &Value) -> Result<String, ApiError> {
        let live = self.shared.cache.get(&task.key);
        let mut object = if task.is_hook { hook::held(target) } else { target.clone() };
        if self.has_option("RespectIgnoreDifferences=true")
            && let Some(live) = &live
        {
            task.ignored.keep(live, &mut object);
        }
        if task.has_option_anywhere(self.options, "Replace=true") {
            return self.replace(task, object).await;
        }
        let is_server_side = task.has_option(self.options, "ServerSideApply=true")
            && !has_option(target, SYNC_OPTIONS, "ServerSideApply=false");
        let what = shown(&task.key);
        let is_as_declared = live
            .as_ref()
            .is_some_and(|live| super::super::compare::is_as_declared(target, live, &task.ignored));
        if is_as_declared && !task.is_hook {
            // Nothing to write: a weight reaches its Ingress without a write of everything beside it.
            let how = if is_server_side { "serverside-applied" } else { "unchanged" };
            return Ok(format!("{what} {how}"));
        }
        if !is_server_side {
            // kubectl writes them down, also when there are none.
            table_mut(&mut object, &["metadata", "annotations"]);
            let applied = format!("{object}\n");
            set_annotation(&mut object, LAST_APPLIED, &applied);
        }
        let api = &self.shared.api;
        let (written, has_unknown) = if is_server_side {
            (api.apply(&object, FIELD_MANAGER).await?, false)
        } else {
            apply_known(api, &object).await?
        };
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        let is_changed = live.as_ref().is_none_or(|live| version(live) != version(&written));
        tracing::debug!(
            kind = task.key.kind,
            namespace = namespace(&object),
            name = name(&object),
            is_changed,
            "applied"
        );
        self.shared.cache.put(written);
        let how = match (is_server_side, &live, is_changed) {
            (true, _, _) => "serverside-applied",
            (false, None, _) => "created",
            // kubectl sends what the server does not know each time.
            (false, Some(_), is_changed) if is_changed || has_unknown => "configured",
            (false, Some(_), _) => "unchanged",
        };
        Ok(format!("{what} {how}"))
    }

    async fn replace(&self, task: &Task, mut object: Value) -> Result<String, ApiError> {
        let what = shown(&task.key);
        let Some(live) = self.shared.cache.get(&task.key) else {
            self.shared.cache.put(self.shared.api.create(&object, FIELD_MANAGER).await?);
            return Ok(format!("{what} created"));
        };
        object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        self.shared.cache.put(self.shared.api.replace(&object, FIELD_MANAGER).await?);
        if is_updated_in_place(task) {
            return Ok(format!("{}/{} updated", task.key.kind, task.key.name));
        }
        Ok(format!("{what} replaced"))
    }
}

fn worse(one: Done, other: Done) -> Done {
    match (one, other) {
        (Done::Failed, _) | (_, Done::Failed) => Done::Failed,
        (Done::Waiting, _) | (_, Done::Waiting) => Done::Waiting,
        _ => Done::Well,
    }
}

fn no_matches(task: &Task) -> String {
    let Key { group, kind, name, .. } = &task.key;
    let version = if group.is_empty() { task.version.clone() } else { format!("{group}/{}", task.version) };
    format!(
        "resource mapping not found for name: {name:?} namespace: {:?}: no matches for kind {kind:?} in version {version:?}\n\
         ensure CRDs are installed first",
        task.listed_in
    )
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
