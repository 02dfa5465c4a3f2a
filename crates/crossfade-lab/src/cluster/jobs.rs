//! The Job controller: pods that end, counted until there are enough of them, or too many that failed.
//!
//! As `k8s.io/kubernetes/pkg/controller/job` of 1.33 and later, finalizer on uncounted pods included, without: limits for
//! each index, success and failure policies (an event says so where a Job asks for them), adoption of pods that it did not
//! make. It never runs what a Job's containers say: its pods end after a moment, well unless an annotation says otherwise
//! ([`super::pods`]), and an event on the Job says that too. CronJobs make no Jobs.

mod indexes;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use crossfade_lab_kube::ApiError;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::events::{Event, Level};
use super::object::{
    self, annotation, controller, is_controlled_by, is_deleting, name, namespace, owner_reference,
    set_metadata, uid,
};
use super::pods::EXIT_CODE;
use super::{Cluster, Key, kinds};
use plan::{Note, Plan, Removal, plan};

/// On a pod until its Job has counted it.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";
/// Who keeps a Job that says nothing else.
const MANAGER: &str = "kubernetes.io/job-controller";
const COMPONENT: &str = "job-controller";
/// What the lab says of itself.
const LAB: &str = "crossfade-lab";
/// Longest base of a generated name: the API server leaves five of 63 characters for its own
/// (`k8s.io/apiserver/pkg/storage/names`).
const NAME_BASE_LENGTH_MAX: usize = 58;
/// Fields of a Job that this controller does not look at.
const NOT_EMULATED: [&str; 4] =
    ["backoffLimitPerIndex", "maxFailedIndexes", "podFailurePolicy", "successPolicy"];

impl Cluster {
    /// Brings one Job's pods and status to what it asks for.
    pub(super) fn reconcile_job(&self, in_namespace: &str, with_name: &str) -> Result<(), ApiError> {
        let job = match self.store.get(&kinds::jobs(), Some(in_namespace), with_name) {
            Ok(job) => job,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        if job["spec"]["managedBy"].as_str().is_some_and(|manager| manager != MANAGER) {
            return Ok(());
        }
        if let Some(finished_at) = plan::finished_at(&job) {
            return self.expire(&job, finished_at);
        }
        let (all, _) = self.store.list(&kinds::pods(), Some(in_namespace))?;
        let pods: Vec<Arc<Value>> = all.into_iter().filter(|pod| is_controlled_by(pod, &job)).collect();
        let plan = plan(&job, &pods, Timestamp::now());
        if pods.is_empty() && job["status"]["startTime"].is_null() && !plan.create.is_empty() {
            self.say_what_is_not_done(&job);
        }
        self.carry_out(&job, &pods, plan)
    }

    fn carry_out(&self, job: &Value, pods: &[Arc<Value>], plan: Plan) -> Result<(), ApiError> {
        for index in &plan.create {
            self.create_job_pod(job, *index)?;
        }
        for removal in &plan.remove {
            let (Removal::Counted(pod) | Removal::Released(pod)) = removal;
            if matches!(removal, Removal::Released(_)) {
                self.release_pod(job, pods, pod)?;
            }
            self.store.delete(&kinds::pods(), Some(namespace(job)), pod)?;
            self.job_event(job, Level::Normal, "SuccessfulDelete", format!("Deleted pod: {pod}"));
        }
        if let Some(before) = plan.before_release {
            self.write_job_status(job, before)?;
        }
        for pod in &plan.counted {
            self.release_pod(job, pods, pod)?;
        }
        if job["status"] != plan.status {
            self.write_job_status(job, plan.status)?;
        }
        for note in plan.notes {
            let Note { is_warning, reason, message } = note;
            let level = if is_warning { Level::Warning } else { Level::Normal };
            self.job_event(job, level, reason, message);
        }
        if let Some(delay) = plan.look_again_after {
            self.queue.add_after(delay, Key::Job(namespace(job).to_owned(), name(job).to_owned()));
        }
        Ok(())
    }

    /// The controller of `ttlSecondsAfterFinished`.
    fn expire(&self, job: &Value, finished_at: Timestamp) -> Result<(), ApiError> {
        let Some(seconds) = job["spec"]["ttlSecondsAfterFinished"].as_i64() else { return Ok(()) };
        if is_deleting(job) {
            return Ok(());
        }
        let left_seconds = seconds - Timestamp::now().as_second().saturating_sub(finished_at.as_second());
        match u64::try_from(left_seconds) {
            Ok(left @ 1..) => {
                let key = Key::Job(namespace(job).to_owned(), name(job).to_owned());
                self.queue.add_after(Duration::from_secs(left), key);
                Ok(())
            }
            _ => self.store.delete(&kinds::jobs(), Some(namespace(job)), name(job)),
        }
    }

    /// Takes the mark of an uncounted pod off one whose Job is gone or no longer owns it; true when there was one to take.
    pub(super) fn release_orphan(&self, pod: &Value) -> Result<bool, ApiError> {
        if !is_tracked(pod) {
            return Ok(false);
        }
        if let Some(owner) = controller(pod).filter(|owner| owner["kind"] == "Job") {
            let owner_name = owner["name"].as_str().unwrap_or_default();
            match self.store.get(&kinds::jobs(), Some(namespace(pod)), owner_name) {
                Ok(job) if owner["uid"] == uid(&job) => return Ok(false),
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        self.store.update(&kinds::pods(), released(pod)).map(|_| true)
    }

    fn release_pod(&self, job: &Value, pods: &[Arc<Value>], pod_name: &str) -> Result<(), ApiError> {
        let Some(pod) = pods.iter().find(|pod| name(pod) == pod_name && is_tracked(pod)) else {
            return Ok(());
        };
        match self.store.update(&kinds::pods(), released(pod)) {
            Err(error) if !error.is_not_found() => {
                tracing::debug!(job = name(job), pod = pod_name, %error, "not released yet");
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn create_job_pod(&self, job: &Value, index: Option<usize>) -> Result<(), ApiError> {
        let pod = self.job_pod(job, index);
        let pod_name = name(&pod).to_owned();
        match self.store.create(&kinds::pods(), pod) {
            Ok(_) => {
                self.job_event(job, Level::Normal, "SuccessfulCreate", format!("Created pod: {pod_name}"));
                Ok(())
            }
            Err(error) => {
                self.job_event(job, Level::Warning, "FailedCreate", format!("Error creating: {error}"));
                Err(error)
            }
        }
    }

    /// The next pod of a Job, from its template.
    fn job_pod(&self, job: &Value, index: Option<usize>) -> Value {
        let template = &job["spec"]["template"];
        let mut base = match index {
            Some(index) => format!("{}-{index}-", name(job)),
            None => format!("{}-", name(job)),
        };
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"],
        });
        if !pod["metadata"].is_object() {
            pod["metadata"] = json!({});
        }
        pod["metadata"]["generateName"] = Value::from(base.as_str());
        base.truncate(base.floor_char_boundary(NAME_BASE_LENGTH_MAX));
        let suffix = object::suffix(&mut Cluster::locked(&self.random));
        pod["metadata"]["name"] = Value::from(format!("{base}{suffix}"));
        pod["metadata"]["namespace"] = Value::from(namespace(job));
        pod["metadata"]["ownerReferences"] = json!([owner_reference(job, "batch/v1", "Job")]);
        let mut finalizers = template["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        finalizers.push(TRACKING.into());
        pod["metadata"]["finalizers"] = Value::from(finalizers);
        // The lab's own annotation may stand on the Job as well: a hook's template is often another chart's.
        if let Some(code) = annotation(job, EXIT_CODE)
            && annotation(&pod, EXIT_CODE).is_none()
        {
            set_metadata(&mut pod, "annotations", EXIT_CODE, code);
        }
        if let Some(index) = index {
            let text = index.to_string();
            set_metadata(&mut pod, "annotations", INDEX, &text);
            set_metadata(&mut pod, "labels", INDEX, &text);
            pod["spec"]["hostname"] = Value::from(format!("{}-{index}", name(job)));
            for list in ["initContainers", "containers"] {
                pod["spec"][list].as_array_mut().into_iter().flatten().for_each(add_index_variable);
            }
        }
        pod
    }

    fn say_what_is_not_done(&self, job: &Value) {
        let say = |level, reason, message: String| {
            self.events.record(Event { object: job, component: LAB, level, reason, message });
        };
        say(
            Level::Normal,
            "NotRun",
            format!(
                "the lab runs no container images: this counts as done; annotation {EXIT_CODE} makes it fail"
            ),
        );
        for field in NOT_EMULATED.iter().filter(|field| !job["spec"][**field].is_null()) {
            say(Level::Warning, "NotEmulated", format!("the lab does not look at spec.{field}"));
        }
    }

    fn write_job_status(&self, job: &Value, status: Value) -> Result<(), ApiError> {
        let mut job = job.clone();
        job["status"] = status;
        // Only the status is written; what others changed meanwhile does not matter to it.
        if let Some(metadata) = job["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        self.store.update_status(&kinds::jobs(), job).map(drop)
    }

    fn job_event(&self, job: &Value, level: Level, reason: &'static str, message: String) {
        self.events.record(Event { object: job, component: COMPONENT, level, reason, message });
    }
}

/// True for a pod that its Job has not counted yet.
fn is_tracked(pod: &Value) -> bool {
    pod["metadata"]["finalizers"].as_array().into_iter().flatten().any(|finalizer| finalizer == TRACKING)
}

/// The pod without the mark.
fn released(pod: &Value) -> Value {
    let mut pod = pod.clone();
    if let Some(finalizers) = pod["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|finalizer| finalizer != TRACKING);
    }
    pod
}

fn add_index_variable(container: &mut Value) {
    if !container["env"].is_array() {
        container["env"] = json!([]);
    }
    let Some(variables) = container["env"].as_array_mut() else { return };
    if variables.iter().all(|variable| variable["name"] != INDEX_VARIABLE) {
        let field = json!({ "fieldRef": { "fieldPath": format!("metadata.labels['{INDEX}']") } });
        variables.push(json!({ "name": INDEX_VARIABLE, "valueFrom": field }));
    }
}
