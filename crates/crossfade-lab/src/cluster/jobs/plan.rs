//! What becomes of a Job: a pure function of the Job, its pods and the time. It writes nothing and makes no names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{annotation, has_condition, is_deleting, name, status_count, uid};
use super::{INDEX, indexes, is_tracked};

/// Pods that one look makes at most, as Kubernetes does; their events lead to the next look.
const BURST: usize = 500;
/// Failures in a row whose pods are replaced at once. Kubernetes waits 10 s after the first already, and doubles that up
/// to 10 min; who rehearses a failing hook does not want to wait as long.
const FAILURES_WITHOUT_WAIT: usize = 3;
/// Longest wait between two pods that fail.
const WAIT_SECONDS_MAX: u64 = 60;

/// What to do. Carrying it out twice is harmless.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// Pods to make, each with its index when the Job has indexes.
    pub(super) create: Vec<Option<usize>>,
    pub(super) remove: Vec<Removal>,
    /// The status while the pods that are counted still carry the mark; `None` when none is.
    pub(super) before_release: Option<Value>,
    /// Pods that are counted now, by name.
    pub(super) counted: Vec<String>,
    /// The status afterwards.
    pub(super) status: Value,
    pub(super) notes: Vec<Note>,
    /// Something falls due by then, whatever happens.
    pub(super) look_again_after: Option<Duration>,
}

/// A pod to delete, by name.
#[derive(Debug, PartialEq)]
pub(super) enum Removal {
    /// It counts as failed.
    Counted(String),
    /// It counts as nothing: the Job is suspended or wants fewer.
    Released(String),
}

/// An event.
#[derive(Debug, PartialEq)]
pub(super) struct Note {
    pub(super) is_warning: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// When the Job ended, if it did.
pub(super) fn finished_at(job: &Value) -> Option<Timestamp> {
    let conditions = job["status"]["conditions"].as_array()?;
    let is_end = |condition: &&Value| {
        condition["status"] == "True" && (condition["type"] == "Complete" || condition["type"] == "Failed")
    };
    conditions.iter().find(is_end)?["lastTransitionTime"].as_str()?.parse().ok()
}

/// The pods of a Job by what they are to it.
struct Sorted<'a> {
    active: Vec<&'a Value>,
    /// Ended well and not counted yet.
    succeeded: Vec<&'a Value>,
    /// Ended otherwise, or on their way out, and not counted yet.
    failed: Vec<&'a Value>,
}

impl<'a> Sorted<'a> {
    fn new(pods: &'a [Arc<Value>]) -> Sorted<'a> {
        let mut sorted = Sorted { active: Vec::new(), succeeded: Vec::new(), failed: Vec::new() };
        for pod in pods.iter().map(|pod| &**pod) {
            let place = match pod["status"]["phase"].as_str() {
                Some("Succeeded") => &mut sorted.succeeded,
                Some("Failed") => &mut sorted.failed,
                _ if is_deleting(pod) => &mut sorted.failed,
                _ => {
                    sorted.active.push(pod);
                    continue;
                }
            };
            if is_tracked(pod) {
                place.push(pod);
            }
        }
        sorted
    }
}

/// Counts of ended pods: what the status said before, and now.
struct Counts {
    /// Uids under `uncountedTerminatedPods`, well and otherwise.
    uncounted: [BTreeSet<String>; 2],
    succeeded: usize,
    failed: usize,
    /// With indexes: those that are done.
    done: Option<BTreeSet<usize>>,
}

impl Counts {
    fn new(job: &Value, pods: &Sorted<'_>) -> Counts {
        let mut uncounted = ["succeeded", "failed"].map(|list| {
            let known = job["status"]["uncountedTerminatedPods"][list].as_array().into_iter().flatten();
            known.filter_map(|uid| uid.as_str().map(str::to_owned)).collect::<BTreeSet<_>>()
        });
        uncounted[1].extend(pods.failed.iter().map(|pod| uid(pod).to_owned()));
        let failed = stands_at(job, "failed") + uncounted[1].len();
        if let Some(count) = index_count(job) {
            let text = job["status"]["completedIndexes"].as_str().unwrap_or_default();
            let mut done = indexes::parse(text, count);
            done.extend(pods.succeeded.iter().filter_map(|pod| index_of(pod)).filter(|index| *index < count));
            return Counts { uncounted, succeeded: done.len(), failed, done: Some(done) };
        }
        uncounted[0].extend(pods.succeeded.iter().map(|pod| uid(pod).to_owned()));
        let succeeded = stands_at(job, "succeeded") + uncounted[0].len();
        Counts { uncounted, succeeded, failed, done: None }
    }
}

fn stands_at(job: &Value, field: &str) -> usize {
    usize::try_from(status_count(job, field)).unwrap_or(0)
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

/// How many indexes the Job has, if it has any.
fn index_count(job: &Value) -> Option<usize> {
    if job["spec"]["completionMode"] == "Indexed" { number(&job["spec"]["completions"]) } else { None }
}

fn index_of(pod: &Value) -> Option<usize> {
    annotation(pod, INDEX)?.parse().ok()
}

/// What to do about a Job that has not ended.
pub(super) fn plan(job: &Value, pods: &[Arc<Value>], now: Timestamp) -> Plan {
    let sorted = Sorted::new(pods);
    let counts = Counts::new(job, &sorted);
    let (spec, is_suspended) = (&job["spec"], job["spec"]["suspend"] == true);
    let now_text = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut plan = Plan::default();
    let mut conditions = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let mut start = job["status"]["startTime"].clone();
    if start.is_null() && !is_suspended {
        start = now_text.as_str().into();
    }

    let mut target = Target::begun(&conditions);
    if target.is_none() {
        target = failure(job, &counts, &sorted, &start, now, &mut plan);
    }
    let mut active = sorted.active.clone();
    if target.is_some() {
        plan.remove = active.drain(..).map(|pod| Removal::Counted(name(pod).to_owned())).collect();
    } else if !is_deleting(job) {
        if is_suspended {
            plan.remove = active.drain(..).map(|pod| Removal::Released(name(pod).to_owned())).collect();
        } else {
            scale(job, pods, &counts, &mut active, now, &mut plan);
        }
    }
    let active_count = active.len() + plan.create.len();
    if target.is_none() && active_count == 0 {
        let is_reached = match number(&spec["completions"]) {
            Some(completions) => counts.succeeded >= completions,
            None => counts.succeeded > 0,
        };
        target = is_reached.then(|| Target::Success(REACHED.0.to_owned(), REACHED.1.to_owned()));
    }
    if target.is_none()
        && !is_deleting(job)
        && note_suspension(&mut conditions, is_suspended, &now_text, &mut plan)
    {
        // A resumed Job begins anew.
        start = if is_suspended { start } else { now_text.as_str().into() };
    }

    let ready = active.iter().filter(|pod| has_condition(pod, "Ready")).count();
    let mut status = json!({
        "ready": ready, "terminating": plan.remove.len(), "uncountedTerminatedPods": {},
    });
    if !start.is_null() {
        status["startTime"] = start;
    }
    set_count(&mut status, "active", active_count);
    if let Some(done) = &counts.done {
        status["completedIndexes"] = indexes::text(done).into();
    }
    let is_new = target.as_ref().is_some_and(|target| target.begin(&mut conditions, &now_text));
    let counted = sorted.succeeded.iter().chain(&sorted.failed);
    plan.counted = counted.map(|pod| name(pod).to_owned()).collect();
    if !plan.counted.is_empty() || is_new {
        plan.before_release = Some(before_release(job, &status, &counts, &conditions));
    }
    set_count(&mut status, "succeeded", counts.succeeded);
    set_count(&mut status, "failed", counts.failed);
    if let Some(target) = target.filter(|_| plan.remove.is_empty()) {
        if target.end(&mut conditions, &now_text) {
            status["completionTime"] = now_text.as_str().into();
        }
        plan.notes.push(target.note());
    }
    if !conditions.is_empty() {
        status["conditions"] = conditions.into();
    }
    plan.status = status;
    plan
}

/// The status with the pods that are counted under `uncountedTerminatedPods`, and the counts as they were.
fn before_release(job: &Value, status: &Value, counts: &Counts, conditions: &[Value]) -> Value {
    let mut before = status.clone();
    for (list, uids) in ["succeeded", "failed"].iter().zip(&counts.uncounted) {
        if !uids.is_empty() {
            before["uncountedTerminatedPods"][list] = uids.iter().cloned().collect();
        }
    }
    // Indexes are counted by the status itself.
    set_count(
        &mut before,
        "succeeded",
        counts.done.as_ref().map_or(stands_at(job, "succeeded"), BTreeSet::len),
    );
    set_count(&mut before, "failed", stands_at(job, "failed"));
    if !conditions.is_empty() {
        before["conditions"] = conditions.into();
    }
    before
}

/// Counts that are 0 are left out.
fn set_count(status: &mut Value, field: &str, count: usize) {
    if count > 0 {
        status[field] = count.into();
    }
}

/// Pods to make or to remove, so that as many run as should.
fn scale(
    job: &Value,
    pods: &[Arc<Value>],
    counts: &Counts,
    active: &mut Vec<&Value>,
    now: Timestamp,
    plan: &mut Plan,
) {
    let spec = &job["spec"];
    let parallelism = number(&spec["parallelism"]).unwrap_or(1);
    let wanted = match number(&spec["completions"]) {
        Some(completions) => completions.saturating_sub(counts.succeeded).min(parallelism),
        None if counts.succeeded > 0 => active.len(),
        None => parallelism,
    };
    if active.len() > wanted {
        let gone = active.drain(wanted..);
        plan.remove = gone.map(|pod| Removal::Released(name(pod).to_owned())).collect();
        return;
    }
    let missing = (wanted - active.len()).min(BURST);
    if missing == 0 {
        return;
    }
    let wait = wait_after_failures(pods, now);
    if !wait.is_zero() {
        plan.look_again_after = Some(plan.look_again_after.map_or(wait, |other| other.min(wait)));
        return;
    }
    plan.create = match (&counts.done, index_count(job)) {
        (Some(done), Some(count)) => {
            let running: BTreeSet<usize> = active.iter().filter_map(|pod| index_of(pod)).collect();
            let free = (0..count).filter(|index| !done.contains(index) && !running.contains(index));
            free.take(missing).map(Some).collect()
        }
        _ => vec![None; missing],
    };
}

/// What is left of the wait after pods that failed one after another. Their times have whole seconds.
fn wait_after_failures(pods: &[Arc<Value>], now: Timestamp) -> Duration {
    let mut ended: Vec<(Timestamp, bool)> = pods.iter().filter_map(|pod| ended(pod)).collect();
    ended.sort_unstable_by(|one, other| other.cmp(one));
    let in_a_row = ended.iter().take_while(|(_, failed)| *failed).count();
    let Some((last, _)) = ended.first().filter(|_| in_a_row > FAILURES_WITHOUT_WAIT) else {
        return Duration::ZERO;
    };
    let doublings = u32::try_from(in_a_row - FAILURES_WITHOUT_WAIT - 1).unwrap_or(u32::MAX);
    let seconds = 1_u64.checked_shl(doublings).unwrap_or(WAIT_SECONDS_MAX).min(WAIT_SECONDS_MAX);
    let passed = now.duration_since(*last);
    Duration::from_secs(seconds).saturating_sub(Duration::try_from(passed).unwrap_or_default())
}

/// When a pod ended, and whether it failed.
fn ended(pod: &Value) -> Option<(Timestamp, bool)> {
    let finished = &pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"];
    Some((finished.as_str()?.parse().ok()?, pod["status"]["phase"] == "Failed"))
}

/// How a Job ends, and why: reason and message.
#[derive(Clone, Debug)]
enum Target {
    Success(String, String),
    Failure(String, String),
}

const REACHED: (&str, &str) = ("CompletionsReached", "Reached expected number of succeeded pods");

impl Target {
    const SUCCESS: [&str; 2] = ["SuccessCriteriaMet", "Complete"];
    const FAILURE: [&str; 2] = ["FailureTarget", "Failed"];

    /// The end that an earlier look has decided.
    fn begun(conditions: &[Value]) -> Option<Target> {
        let found = |kind: &str| {
            let condition = conditions
                .iter()
                .find(|condition| condition["type"] == kind && condition["status"] == "True")?;
            let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
            Some((text("reason"), text("message")))
        };
        let success = found(Target::SUCCESS[0]).map(|(reason, message)| Target::Success(reason, message));
        success
            .or_else(|| found(Target::FAILURE[0]).map(|(reason, message)| Target::Failure(reason, message)))
    }

    fn parts(&self) -> ([&'static str; 2], &str, &str) {
        match self {
            Target::Success(reason, message) => (Target::SUCCESS, reason, message),
            Target::Failure(reason, message) => (Target::FAILURE, reason, message),
        }
    }

    /// Says that the end has begun; true when nobody had said so.
    fn begin(&self, conditions: &mut Vec<Value>, now: &str) -> bool {
        let ([first, _], reason, message) = self.parts();
        let is_new = conditions.iter().all(|condition| condition["type"] != first);
        if is_new {
            conditions.push(condition(first, "True", reason, message, now));
        }
        is_new
    }

    /// Says that the Job has ended; true when it is complete.
    fn end(&self, conditions: &mut Vec<Value>, now: &str) -> bool {
        let ([_, last], reason, message) = self.parts();
        conditions.push(condition(last, "True", reason, message, now));
        matches!(self, Target::Success(..))
    }

    fn note(&self) -> Note {
        match self {
            Target::Success(..) => {
                Note { is_warning: false, reason: "Completed", message: "Job completed".to_owned() }
            }
            Target::Failure(reason, message) => {
                let reason = if reason == DEADLINE.0 { DEADLINE.0 } else { BACKOFF.0 };
                Note { is_warning: true, reason, message: message.clone() }
            }
        }
    }
}

const BACKOFF: (&str, &str) = ("BackoffLimitExceeded", "Job has reached the specified backoff limit");
const DEADLINE: (&str, &str) = ("DeadlineExceeded", "Job was active longer than specified deadline");

/// Whether the Job has failed: too many pods, too many restarts of their containers, or too late.
fn failure(
    job: &Value,
    counts: &Counts,
    pods: &Sorted<'_>,
    start: &Value,
    now: Timestamp,
    plan: &mut Plan,
) -> Option<Target> {
    let mk = |(reason, message): (&str, &str)| Some(Target::Failure(reason.to_owned(), message.to_owned()));
    let spec = &job["spec"];
    let limit = number(&spec["backoffLimit"]).unwrap_or(6);
    let restarts = if spec["template"]["spec"]["restartPolicy"] == "OnFailure" {
        pods.active.iter().map(|pod| restarts(pod)).sum()
    } else {
        0
    };
    if counts.failed > limit || restarts >= limit.max(1) {
        return mk(BACKOFF);
    }
    let deadline = spec["activeDeadlineSeconds"].as_u64().filter(|_| spec["suspend"] != true)?;
    let started: Timestamp = start.as_str()?.parse().ok()?;
    let passed = Duration::try_from(now.duration_since(started)).unwrap_or_default();
    let left = Duration::from_secs(deadline).saturating_sub(passed);
    if left.is_zero() {
        return mk(DEADLINE);
    }
    plan.look_again_after = Some(left);
    None
}

fn restarts(pod: &Value) -> usize {
    let containers = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
    containers.filter_map(|container| number(&container["restartCount"])).sum()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastProbeTime": now, "lastTransitionTime": now,
    })
}

/// Keeps the condition `Suspended`; true when it changed.
fn note_suspension(conditions: &mut Vec<Value>, is_suspended: bool, now: &str, plan: &mut Plan) -> bool {
    let status = if is_suspended { "True" } else { "False" };
    let known = conditions.iter().position(|condition| condition["type"] == "Suspended");
    match known {
        None if !is_suspended => return false,
        Some(at) if conditions[at]["status"] == status => return false,
        _ => {}
    }
    let (reason, event, message) = if is_suspended {
        ("JobSuspended", "Suspended", "Job suspended")
    } else {
        ("JobResumed", "Resumed", "Job resumed")
    };
    let new = condition("Suspended", status, reason, message, now);
    match known {
        Some(at) => conditions[at] = new,
        None => conditions.push(new),
    }
    plan.notes.push(Note { is_warning: false, reason: event, message: message.to_owned() });
    true
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-02T03:04:05Z";

    fn mk_pod(name: &str, phase: &str) -> Arc<Value> {
        Arc::new(json!({
            "metadata": { "name": name, "uid": name, "finalizers": ["batch.kubernetes.io/job-tracking"] },
            "status": { "phase": phase, "containerStatuses": [{ "state": { "terminated": { "finishedAt": NOW } } }] },
        }))
    }

    fn plan_at(job: &Value, pods: &[Arc<Value>], seconds: i64) -> Plan {
        let now: Timestamp = NOW.parse().unwrap();
        plan(job, pods, now + jiff::SignedDuration::from_secs(seconds))
    }

    #[test]
    fn a_pod_is_counted_once_however_often_one_looks() {
        let job = json!({ "spec": { "completions": 2, "parallelism": 1 } });
        let pods = [mk_pod("a", "Succeeded")];
        let first = plan_at(&job, &pods, 0);
        assert_eq!(first.counted, ["a"]);
        let before = first.before_release.unwrap();
        assert_eq!(before["uncountedTerminatedPods"], json!({ "succeeded": ["a"] }));
        assert!(before["succeeded"].is_null());
        assert_eq!(first.status["succeeded"], 1);
        // Stopped between the two: the pod stands in the status, with and without its mark.
        let mut halfway = job;
        halfway["status"] = before;
        for pods in [vec![mk_pod("a", "Succeeded")], vec![]] {
            assert_eq!(plan_at(&halfway, &pods, 0).status["succeeded"], 1);
        }
    }

    #[test]
    fn a_job_without_completions_is_done_when_one_is_and_none_runs() {
        let job = json!({ "spec": { "parallelism": 2 } });
        let running = plan_at(&job, &[mk_pod("a", "Succeeded"), mk_pod("b", "Running")], 0);
        assert!(running.create.is_empty() && running.status["conditions"].is_null());
        let done = plan_at(&job, &[mk_pod("a", "Succeeded"), mk_pod("b", "Failed")], 0);
        assert_eq!(done.status["conditions"][1]["type"], "Complete");
    }

    #[test]
    fn too_late_ends_what_runs_before_it_is_said_to_have_failed() {
        let job = json!({
            "spec": { "completions": 1, "activeDeadlineSeconds": 10 }, "status": { "startTime": NOW },
        });
        let pods = [mk_pod("a", "Running")];
        assert_eq!(plan_at(&job, &pods, 4).look_again_after, Some(Duration::from_secs(6)));
        let late = plan_at(&job, &pods, 10);
        assert_eq!(late.remove, [Removal::Counted("a".to_owned())]);
        let conditions = late.status["conditions"].as_array().unwrap();
        assert_eq!((conditions.len(), &conditions[0]["type"]), (1, &json!("FailureTarget")));
        assert!(late.notes.is_empty());
        let mut ending = job;
        ending["status"] = late.status;
        let ended = plan_at(&ending, &[], 11);
        assert_eq!(ended.status["conditions"][1]["reason"], "DeadlineExceeded");
        assert_eq!(ended.notes[0].reason, "DeadlineExceeded");
    }

    #[test]
    fn failures_in_a_row_are_waited_for() {
        let job = json!({ "spec": { "completions": 1, "backoffLimit": 9 } });
        let failed = |count: usize| -> Vec<Arc<Value>> {
            (0..count).map(|number| mk_pod(&number.to_string(), "Failed")).collect()
        };
        assert_eq!(plan_at(&job, &failed(3), 0).create, [None]);
        let fifth = plan_at(&job, &failed(5), 0);
        assert_eq!((fifth.create.len(), fifth.look_again_after), (0, Some(Duration::from_secs(2))));
        assert_eq!(plan_at(&job, &failed(5), 2).create, [None]);
    }

    #[test]
    fn fewer_are_wanted_than_run() {
        let job = json!({ "spec": { "completions": 5, "parallelism": 1 } });
        let plan = plan_at(&job, &[mk_pod("a", "Running"), mk_pod("b", "Running")], 0);
        assert_eq!(plan.remove, [Removal::Released("b".to_owned())]);
        assert_eq!((&plan.status["active"], &plan.status["terminating"]), (&json!(1), &json!(1)));
    }
}
