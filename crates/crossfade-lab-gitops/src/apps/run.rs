//! One operation from its request to its end, as `status.operationState` shows it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::hooks::Phase;
use super::spec::Sources;
use super::tasks::Task;
use crate::object::{Key, list, now, table_mut, text, truth};

/// Argo CD's waits between tries unless an Application says otherwise.
const BACKOFF: Duration = Duration::from_secs(5);
const BACKOFF_MAX: Duration = Duration::from_mins(3);
/// Tries of an automated sync unless an Application says otherwise.
pub(super) const RETRIES: i64 = 5;

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Running,
    Succeeded,
    Failed,
    Error,
}

impl Progress {
    pub(super) fn name(self) -> &'static str {
        match self {
            Progress::Running => "Running",
            Progress::Succeeded => "Succeeded",
            Progress::Failed => "Failed",
            Progress::Error => "Error",
        }
    }
}

/// How one task went.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    key: Key,
    phase: Phase,
    listed_in: String,
    version: String,
    is_hook: bool,
    /// `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`; empty before any of them.
    pub(super) status: &'static str,
    /// `None` for what was never begun.
    progress: Option<Progress>,
    pub(super) message: String,
    /// What is shown in place of the message.
    explained: Option<String>,
    images: Vec<String>,
}

/// A running or finished operation.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) operation: Value,
    pub(super) sources: Sources,
    pub(super) revisions: Vec<String>,
    pub(super) started_at: String,
    finished_at: Option<String>,
    pub(super) progress: Progress,
    pub(super) message: String,
    pub(super) outcomes: Vec<Outcome>,
    retry_count: i64,
    pub(super) retry_at: Option<Instant>,
}

impl Run {
    /// Begins an operation; what it does not say about sources and revisions the spec does.
    pub(super) fn new(operation: Value, spec: &Value) -> Run {
        let sync = &operation["sync"];
        let is_own = !list(&sync["sources"]).is_empty() || sync["source"].is_object();
        let sources = Sources::of(if is_own { sync } else { spec });
        let revisions = match list(&sync["revisions"]) {
            [] if text(&sync["revision"]).is_empty() => Vec::new(),
            [] => vec![text(&sync["revision"]).to_owned()],
            many => many.iter().map(|one| text(one).to_owned()).collect(),
        };
        Run {
            operation,
            sources,
            revisions,
            started_at: now(),
            finished_at: None,
            progress: Progress::Running,
            message: String::new(),
            outcomes: Vec::new(),
            retry_count: 0,
            retry_at: None,
        }
    }

    pub(super) fn options(&self) -> Vec<&str> {
        list(&self.operation["sync"]["syncOptions"]).iter().map(text).collect()
    }

    pub(super) fn prunes(&self) -> bool {
        truth(&self.operation["sync"]["prune"])
    }

    pub(super) fn is_dry(&self) -> bool {
        truth(&self.operation["sync"]["dryRun"])
    }

    /// Whether only some objects are asked for.
    pub(super) fn is_partial(&self) -> bool {
        !list(&self.operation["sync"]["resources"]).is_empty()
    }

    /// Whether an object is asked for.
    pub(super) fn wants(&self, key: &Key) -> bool {
        let asked = list(&self.operation["sync"]["resources"]);
        let fits = |one: &Value| {
            text(&one["group"]) == key.group
                && text(&one["kind"]) == key.kind
                && text(&one["name"]) == key.name
                && (text(&one["namespace"]).is_empty() || text(&one["namespace"]) == key.namespace)
        };
        asked.is_empty() || asked.iter().any(fits)
    }

    pub(super) fn runs_hooks(&self) -> bool {
        !self.is_partial() && !self.operation["sync"]["syncStrategy"]["apply"].is_object()
    }

    pub(super) fn outcome(&self, task: &Task) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.key == task.key && outcome.phase == task.phase)
    }

    /// Whether anything has been done, or has failed.
    pub(super) fn has_begun(&self) -> bool {
        !self.outcomes.is_empty()
    }

    fn progress_of(&self, task: &Task) -> Option<Progress> {
        self.outcome(task)?.progress
    }

    pub(super) fn is_pending(&self, task: &Task) -> bool {
        self.progress_of(task).is_none()
    }

    pub(super) fn is_running(&self, task: &Task) -> bool {
        self.progress_of(task) == Some(Progress::Running)
    }

    pub(super) fn is_completed(&self, task: &Task) -> bool {
        self.progress_of(task).is_some_and(|progress| progress != Progress::Running)
    }

    /// Records how a task goes. An empty message leaves the one before.
    pub(super) fn record(
        &mut self,
        task: &Task,
        status: &'static str,
        progress: Progress,
        message: impl Into<String>,
    ) {
        self.put(task, status, Some(progress), message.into());
    }

    /// Records a task that cannot be begun: what the cluster says of it, and how that is explained.
    pub(super) fn record_invalid(&mut self, task: &Task, said: String, explained: String) {
        self.put(task, "SyncFailed", None, said).explained = Some(explained);
    }

    /// Records what went wrong around a task; whether it was applied stays as it is.
    pub(super) fn record_error(&mut self, task: &Task, message: String) {
        let status = self.outcome(task).map_or("", |outcome| outcome.status);
        self.put(task, status, Some(Progress::Error), message);
    }

    fn put(
        &mut self,
        task: &Task,
        status: &'static str,
        progress: Option<Progress>,
        message: String,
    ) -> &mut Outcome {
        let is_it = |outcome: &Outcome| outcome.key == task.key && outcome.phase == task.phase;
        let place = self.outcomes.iter().position(is_it).unwrap_or_else(|| {
            self.outcomes.push(Outcome::of(task));
            self.outcomes.len() - 1
        });
        let outcome = &mut self.outcomes[place];
        (outcome.status, outcome.progress) = (status, progress);
        if !message.is_empty() {
            outcome.message = message;
        }
        outcome
    }

    pub(super) fn wait(&mut self, message: impl Into<String>) {
        self.progress = Progress::Running;
        self.message = message.into();
    }

    /// Ends a try: for good, or until the next one.
    pub(super) fn finish(&mut self, progress: Progress, message: impl Into<String>) {
        self.progress = progress;
        self.message = message.into();
        let limit = self.operation["retry"]["limit"].as_i64().unwrap_or(0);
        let may_retry = progress != Progress::Succeeded && (limit < 0 || self.retry_count < limit);
        if may_retry {
            self.retry_count += 1;
            let wait = self.backoff();
            self.retry_at = Some(Instant::now() + wait);
            let at = jiff::Zoned::now()
                .checked_add(wait)
                .map_or_else(|_| String::new(), |at| at.strftime("%-I:%M%p").to_string());
            self.progress = Progress::Running;
            self.message = format!("{}. Retrying attempt #{} at {at}.", self.message, self.retry_count);
            self.finished_at = Some(now());
            return;
        }
        if progress != Progress::Succeeded && self.retry_count > 0 {
            self.message = format!("{} (retried {} times).", self.message, self.retry_count);
        }
        self.finished_at = Some(now());
    }

    /// Ends it for good, whatever tries are left.
    pub(super) fn end(&mut self, message: &str) {
        self.retry_at = None;
        self.progress = Progress::Failed;
        message.clone_into(&mut self.message);
        self.finished_at = Some(now());
    }

    /// Begins the next try when it is time for it.
    pub(super) fn take_up_again(&mut self) {
        if self.retry_at.is_some_and(|at| at <= Instant::now()) {
            self.retry_at = None;
            self.finished_at = None;
            self.outcomes.clear();
            let mut with = "";
            if truth(&self.operation["retry"]["refresh"]) {
                with = " with latest revisions";
                self.revisions.clear();
                let sync = table_mut(&mut self.operation, &["sync"]);
                sync.remove("revision");
                sync.remove("revisions");
            }
            self.message = format!("Retrying operation{with}. Attempt #{}", self.retry_count);
        }
    }

    fn backoff(&self) -> Duration {
        let backoff = &self.operation["retry"]["backoff"];
        let duration = parse_duration(text(&backoff["duration"])).unwrap_or(BACKOFF);
        let factor = backoff["factor"].as_f64().unwrap_or(2.0).clamp(1.0, 10.0);
        let max = parse_duration(text(&backoff["maxDuration"])).unwrap_or(BACKOFF_MAX);
        let exponent = i32::try_from(self.retry_count - 1).unwrap_or(i32::MAX).min(32);
        Duration::from_secs_f64((duration.as_secs_f64() * factor.powi(exponent)).min(max.as_secs_f64()))
    }

    /// `status.operationState`
    pub(super) fn state(&self) -> Value {
        let mut result = json!({});
        self.sources.put_into(&mut result);
        self.sources.put_revisions(&self.revisions, &mut result);
        if !self.outcomes.is_empty() {
            result["resources"] = self.outcomes.iter().map(Outcome::shown).collect();
        }
        self.sources.put_blanks(&mut result);
        if result["revision"].is_null() {
            result["revision"] = "".into();
        }
        let mut state = json!({
            "operation": self.operation, "phase": self.progress.name(), "startedAt": self.started_at,
            "syncResult": result,
        });
        if !self.message.is_empty() {
            state["message"] = self.message.clone().into();
        }
        if let Some(at) = &self.finished_at {
            state["finishedAt"] = at.clone().into();
        }
        if self.retry_count > 0 {
            state["retryCount"] = self.retry_count.into();
        }
        state
    }
}

impl Outcome {
    fn of(task: &Task) -> Outcome {
        let object = task.target.as_ref().or(task.live.as_deref());
        Outcome {
            key: task.key.clone(),
            phase: task.phase,
            listed_in: task.listed_in.clone(),
            version: task.version.clone(),
            is_hook: task.is_hook,
            status: "",
            progress: None,
            message: String::new(),
            explained: None,
            images: object.map(images_of).unwrap_or_default(),
        }
    }

    /// Whether it has ended, and not well.
    pub(super) fn is_failed(&self) -> bool {
        matches!(self.progress, Some(Progress::Failed | Progress::Error))
    }

    fn shown(&self) -> Value {
        let mut shown = json!({
            "group": self.key.group, "version": self.version, "kind": self.key.kind,
            "namespace": self.listed_in, "name": self.key.name, "syncPhase": self.phase.name(),
        });
        let message = self.explained.as_ref().unwrap_or(&self.message);
        for (field, text) in [("status", self.status), ("message", message.as_str())] {
            if !text.is_empty() {
                shown[field] = text.into();
            }
        }
        if let Some(progress) = self.progress {
            shown["hookPhase"] = progress.name().into();
        }
        if self.is_hook {
            shown["hookType"] = self.phase.name().into();
        }
        if !self.images.is_empty() {
            shown["images"] = self.images.clone().into();
        }
        shown
    }
}

/// Images of the containers of an object's pods, as a result lists them: without those that only prepare.
fn images_of(object: &Value) -> Vec<String> {
    let spec = &object["spec"];
    let pods = [spec, &spec["template"]["spec"], &spec["jobTemplate"]["spec"]["template"]["spec"]];
    let containers = pods.into_iter().map(|pod| &pod["containers"]).find(|containers| containers.is_array());
    let images = containers.into_iter().flat_map(list).filter_map(|container| container["image"].as_str());
    images.map(str::to_owned).collect()
}

/// `5s`, `3m`, `1h`; a bare number is seconds.
fn parse_duration(text: &str) -> Option<Duration> {
    /// A wait of more is a mistake.
    const SECONDS_MAX: f64 = 86_400.0;
    let end = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let seconds = match &text[end..] {
        "" | "s" => number,
        "ms" => number / 1000.0,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    (0.0..=SECONDS_MAX).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tries_are_repeated_as_often_as_asked() {
        let operation =
            json!({"sync": {"revision": "abc"}, "retry": {"limit": 1, "backoff": {"duration": "1ms"}}});
        let mut run = Run::new(operation, &json!({"source": {"repoURL": "x"}}));
        run.finish(Progress::Failed, "no");
        assert_eq!((run.progress, run.retry_at.is_some()), (Progress::Running, true));
        assert!(run.message.starts_with("no. Retrying attempt #1 at "), "{}", run.message);
        run.retry_at = Some(Instant::now());
        run.take_up_again();
        assert_eq!(run.message, "Retrying operation. Attempt #1");
        run.finish(Progress::Failed, "no");
        assert_eq!((run.progress, run.message.as_str()), (Progress::Failed, "no (retried 1 times)."));
        assert_eq!(run.state()["retryCount"], 1);
        assert_eq!(run.state()["syncResult"]["revision"], "abc");
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, seconds) in [("5s", 5.0), ("3m", 180.0), ("0.5s", 0.5), ("10", 10.0)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "x", "5d", "-5s", "1e9h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
