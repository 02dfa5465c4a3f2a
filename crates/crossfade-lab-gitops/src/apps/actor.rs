//! One Application, looked after by a task of its own: woken by a change, it compares, syncs, and writes status.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::automatic::{Decision, decide};
use super::manifests::{Context, Kept};
use super::project::Project;
use super::run::{Progress, Run};
use super::spec::{self, Sources};
use super::state::{Comparison, compare};
use super::status::{self, Facts, put_run};
use super::sync::Place;
use super::{finalize, sync};
use crate::agent::Shared;
use crate::api::ApiError;
use crate::git::Fresh;
use crate::names::{REFRESH, SKIP_RECONCILE};
use crate::object::{Key, annotation, is_deleting, merge_patch, name, now, table_mut, text};
use crate::sets::cluster_secrets;

/// A running operation is looked at this often even when nothing is heard.
const RUNNING_POLL: Duration = Duration::from_secs(1);
/// What could not be loaded may be there later.
const LOAD_RETRY: Duration = Duration::from_secs(10);
/// The API refused or did not answer.
const API_RETRY: Duration = Duration::from_millis(500);
/// Steps of an operation that can be taken at once: waves of objects that have no health.
const STEPS_MAX: usize = 64;

struct Actor {
    shared: Arc<Shared>,
    key: Key,
    kept: Kept,
    /// As it was when the Application was last found to be permitted.
    project: Project,
    run: Option<Run>,
}

/// Looks after an Application until it is gone.
pub(crate) async fn run(shared: Arc<Shared>, key: Key, woken: Arc<Notify>) {
    let mut actor = Actor { shared, key, kept: Kept::default(), project: Project::default(), run: None };
    let mut wait = Some(Duration::ZERO);
    loop {
        match wait {
            Some(wait) => drop(tokio::time::timeout(wait, woken.notified()).await),
            None => woken.notified().await,
        }
        if !actor.shared.router.is_current(&actor.key, &woken) {
            return;
        }
        let Some(application) = actor.shared.cache.get(&actor.key) else {
            actor.shared.router.forget(&actor.key, &woken);
            return;
        };
        wait = match actor.reconcile(&application).await {
            Ok(wait) => wait,
            Err(error) if error.is_not_found() || error.is_conflict() => Some(API_RETRY),
            Err(error) => {
                tracing::warn!(application = actor.key.name, %error, "tried again");
                Some(API_RETRY)
            }
        };
    }
}

impl Actor {
    async fn reconcile(&mut self, application: &Value) -> Result<Option<Duration>, ApiError> {
        if annotation(application, SKIP_RECONCILE) == Some("true") {
            return Ok(None);
        }
        let spec = &application["spec"];
        let project = Project::find(&self.shared, project_of(spec));
        let problem = spec::problem(spec, &self.shared.cluster_name, &cluster_secrets(&self.shared));
        if is_deleting(application) {
            let reachable = project.as_ref().filter(|_| problem.is_none());
            return match finalize::go_on(&self.shared, application, reachable).await {
                Ok(()) => Ok(None),
                Err(error) => self.show_deletion_error(application, &error).await.map(|()| Some(LOAD_RETRY)),
            };
        }
        let sources = Sources::of(spec);
        let problems = match (&project, problem) {
            (None, _) => {
                let name = project_of(spec);
                vec![format!("Application referencing project {name} which does not exist")]
            }
            (Some(_), Some(problem)) => vec![problem],
            (Some(project), None) => project.problems(&sources.all, &spec["destination"]),
        };
        let Some(project) = project.filter(|_| problems.is_empty()) else {
            self.write(application, status::invalid(application, problems), None).await?;
            return Ok(None);
        };
        self.project = project;
        let refresh = annotation(application, REFRESH);
        if refresh == Some("hard") {
            self.kept.clear();
        }
        let fresh = match refresh {
            None => Fresh::No,
            Some("hard") => Fresh::Hard,
            Some(_) => Fresh::Yes,
        };
        let mut comparison = self.compare(application, &sources, &[], fresh).await;
        self.be_interested(&comparison);
        let mut conditions = Vec::new();
        let mut is_whole = status::is_whole(application);
        let mut wait = (!comparison.is_loaded).then_some(LOAD_RETRY);
        if self.run.is_none() {
            if application["operation"].is_object() {
                self.run = Some(Run::new(application["operation"].clone(), spec));
            } else {
                match decide(application, &comparison, &sources) {
                    Decision::Nothing => {}
                    Decision::Refused(reason) => conditions.push(("SyncError", reason)),
                    Decision::Later(after) => wait = Some(after),
                    Decision::Sync(operation) => {
                        let to = comparison.revisions.join(", ");
                        self.shared
                            .journal
                            .note(name(application), &format!("Initiated automated sync to '{to}'"));
                        self.run = Some(Run::new(operation, spec));
                        is_whole = true;
                    }
                }
            }
        }
        if self.run.is_some() {
            self.operate(application, &sources, &mut comparison).await;
        }
        let facts = Facts { application, sources: &sources, comparison: &comparison, conditions, is_whole };
        let mut status = facts.status();
        let mut is_finished = false;
        if let Some(run) = &self.run {
            put_run(&mut status, run, spec);
            is_finished = run.progress != Progress::Running;
            if run.progress == Progress::Running {
                let until = run.retry_at.map(|at| at.saturating_duration_since(Instant::now()));
                wait = Some(until.unwrap_or(RUNNING_POLL));
            } else {
                let how = format!("Sync operation: {} ({})", run.progress.name(), run.message);
                self.shared.journal.note(name(application), &how);
            }
        }
        // As long as it runs it stands in the Application, so that another agent can go on with it.
        let asked = application["operation"].is_object().then(|| application["operation"].clone());
        let running = self.run.as_ref().filter(|_| !is_finished);
        let operation = running.map(|run| asked.unwrap_or_else(|| run.operation.clone()));
        self.write(application, status, operation).await?;
        if is_finished {
            self.run = None;
            // What the operation left undone, or what changed meanwhile.
            wait = Some(Duration::ZERO);
        }
        Ok(wait)
    }

    async fn compare(
        &self,
        application: &Value,
        sources: &Sources,
        revisions: &[String],
        fresh: Fresh,
    ) -> Comparison {
        let kinds = self.shared.api.kinds();
        let context = Context {
            git: &self.shared.git,
            charts: &self.shared.charts,
            certificates: self.shared.certificates.as_ref(),
            kept: &self.kept,
            permits: &self.shared.permits,
            application: name(application),
            namespace: text(&application["spec"]["destination"]["namespace"]),
            project: project_of(&application["spec"]),
            kube_version: &kinds.kubernetes_version,
            api_versions: &kinds.api_versions(),
            fresh,
        };
        let loaded = context.load(sources, revisions).await;
        compare(&self.shared, application, &self.project, loaded)
    }

    /// Objects that exist without our mark are heard of as well.
    fn be_interested(&self, comparison: &Comparison) {
        let keys = comparison.items.iter().filter(|item| item.target.is_some()).map(|item| item.key.clone());
        self.shared.router.set_interest(&self.key, keys.collect());
    }

    /// Takes the operation as far as it goes now; `comparison` is of the spec before and after.
    async fn operate(&mut self, application: &Value, sources: &Sources, comparison: &mut Comparison) {
        let Some(mut run) = self.run.take() else { return };
        run.take_up_again();
        let place = Place::of(&application["spec"]);
        if text(&application["status"]["operationState"]["phase"]) == "Terminating" {
            sync::terminate(&self.shared, &mut run, comparison, place).await;
        }
        for _ in 0..STEPS_MAX {
            if run.retry_at.is_some() || run.progress != Progress::Running {
                break;
            }
            let is_of_spec = run.sources == *sources
                && (run.revisions.is_empty() || run.revisions == comparison.revisions);
            let of_run = if is_of_spec {
                None
            } else {
                Some(self.compare(application, &run.sources, &run.revisions, Fresh::No).await)
            };
            let current = of_run.as_ref().unwrap_or(comparison);
            let errors = current.errors();
            if !errors.is_empty() {
                run.finish(Progress::Error, errors.join(";"));
                break;
            }
            run.revisions.clone_from(&current.revisions);
            let before = (run.outcomes.len(), run.message.clone());
            sync::step(&self.shared, &mut run, current, place).await;
            *comparison = self.compare(application, sources, &[], Fresh::No).await;
            if before == (run.outcomes.len(), run.message.clone()) {
                break;
            }
        }
        self.run = Some(run);
    }

    async fn show_deletion_error(&self, application: &Value, error: &ApiError) -> Result<(), ApiError> {
        let mut status = application["status"].clone();
        let condition =
            json!({"type": "DeletionError", "message": error.to_string(), "lastTransitionTime": now()});
        let known = crate::object::list(&status["conditions"]).iter();
        let mut conditions: Vec<Value> =
            known.filter(|one| one["type"] != "DeletionError").cloned().collect();
        conditions.push(condition);
        status["conditions"] = conditions.into();
        let asked = application["operation"].is_object().then(|| application["operation"].clone());
        self.write(application, status, asked).await
    }

    /// Writes what differs: the status, and the operation that is asked for or running.
    async fn write(
        &self,
        application: &Value,
        status: Value,
        operation: Option<Value>,
    ) -> Result<(), ApiError> {
        let mut wanted = application.clone();
        wanted["status"] = status;
        // Without making annotations where there are none: a patch that takes them away takes those that came meanwhile.
        if let Some(Value::Object(annotations)) = wanted["metadata"].get_mut("annotations") {
            annotations.remove(REFRESH);
        }
        match operation {
            Some(operation) => wanted["operation"] = operation,
            None => drop(table_mut(&mut wanted, &[]).remove("operation")),
        }
        if merge_patch(application, &wanted).is_none() {
            return Ok(());
        }
        wanted["status"]["reconciledAt"] = now().into();
        if let Some(mut patch) = merge_patch(application, &wanted) {
            if annotation(application, REFRESH).is_some() {
                // Only the refresh that was followed is taken away, not one that was asked for since.
                let version = application["metadata"]["resourceVersion"].clone();
                table_mut(&mut patch, &["metadata"]).insert("resourceVersion".to_owned(), version);
            }
            self.shared.cache.put(self.shared.api.merge(&self.key, "", &patch).await?);
        }
        Ok(())
    }
}

fn project_of(spec: &Value) -> &str {
    match text(&spec["project"]) {
        "" => "default",
        project => project,
    }
}
