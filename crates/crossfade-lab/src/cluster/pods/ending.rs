//! Pods that come to an end: those of Jobs, and others that are not to be restarted and run nothing that the lab knows.
//!
//! Nothing of them is run. After a moment they count as having ended with the exit code that an annotation says, or 0; the
//! log of each container says so.

use std::time::{Duration, Instant};

use crossfade_lab_kube::ApiError;
use serde_json::{Value, json};

use super::super::object::{annotation, controller, name, namespace, now, uid};
use super::super::{Cluster, Key};
use super::{LOG_FILE, Level, RUN, is_known_image, key};

/// The exit code of all containers of a pod, on the pod, its template or its Job: `1` rehearses a failing hook.
pub(in super::super) const EXIT_CODE: &str = "lab.crossfade.dev/exit-code";
/// How long such a pod is Running: long enough to be seen, short enough not to be waited for.
pub(super) const RUN_FOR: Duration = Duration::from_millis(500);

/// Whether the pod comes to an end by itself.
pub(super) fn ends(pod: &Value) -> bool {
    if pod["spec"]["restartPolicy"] == "Always" || annotation(pod, LOG_FILE).is_some() {
        return false;
    }
    let is_of_job = controller(pod).is_some_and(|owner| owner["kind"] == "Job");
    let containers = || pod["spec"]["containers"].as_array().into_iter().flatten();
    let is_known = |container: &Value| is_known_image(container["image"].as_str().unwrap_or_default());
    is_of_job || (annotation(pod, RUN).is_none() && !containers().any(is_known))
}

pub(super) fn has_ended(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// What is said in an annotation; what is none counts as a failure, as a typo should.
fn exit_code(pod: &Value) -> Result<u8, &str> {
    let Some(code) = annotation(pod, EXIT_CODE) else { return Ok(0) };
    code.trim().parse().map_err(|_| code)
}

impl Cluster {
    /// Ends a running pod whose time has come, or restarts its containers when they failed and are to be restarted.
    pub(super) fn end_pod(&self, pod: &Value) -> Result<(), ApiError> {
        let said = exit_code(pod);
        let code = said.unwrap_or(1);
        let line = match said {
            Ok(code) => {
                format!("the lab runs no container images: this counts as ended with exit code {code}")
            }
            Err(said) => {
                format!("annotation {EXIT_CODE}: `{said}` is no exit code; this counts as ended with 1")
            }
        };
        self.logs.push(namespace(pod), name(pod), &line);
        let is_restarted = code != 0 && pod["spec"]["restartPolicy"] == "OnFailure";
        let mut status = pod["status"].clone();
        let at = now();
        for container in status["containerStatuses"].as_array_mut().into_iter().flatten() {
            let ended = json!({ "terminated": {
                "exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" },
                "startedAt": container["state"]["running"]["startedAt"], "finishedAt": at,
                "containerID": container["containerID"],
            } });
            if is_restarted {
                container["lastState"] = ended;
                container["restartCount"] = (container["restartCount"].as_u64().unwrap_or(0) + 1).into();
                container["state"] = json!({ "running": { "startedAt": at } });
            } else {
                container["state"] = ended;
                container["ready"] = false.into();
                container["started"] = false.into();
            }
        }
        if is_restarted {
            self.pod_event(pod, Level::Warning, "BackOff", "Back-off restarting failed container".to_owned());
            self.end_pod_later(pod);
            return self.write_pod_status(pod, status);
        }
        status["phase"] = if code == 0 { "Succeeded" } else { "Failed" }.into();
        let reason = if code == 0 { "PodCompleted" } else { "PodFailed" };
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            match condition["type"].as_str() {
                Some("Ready" | "ContainersReady") => {
                    *condition = json!({
                        "type": condition["type"], "status": "False", "reason": reason,
                        "lastProbeTime": null, "lastTransitionTime": at,
                    });
                }
                Some("PodReadyToStartContainers") => {
                    *condition = json!({
                        "type": condition["type"], "status": "False", "lastProbeTime": null, "lastTransitionTime": at,
                    });
                }
                Some("Initialized") if code == 0 => condition["reason"] = reason.into(),
                _ => {}
            }
        }
        self.write_pod_status(pod, status)?;
        self.pods.stop_serving(pod);
        self.logs.end(namespace(pod), name(pod));
        Ok(())
    }

    /// Lets the pod run for its moment.
    pub(super) fn end_pod_later(&self, pod: &Value) {
        self.pods.end_at(pod, Instant::now() + RUN_FOR);
        self.queue.add_after(RUN_FOR, Key::Pod(namespace(pod).to_owned(), name(pod).to_owned()));
    }
}

impl super::Pods {
    /// True when a pod's moment is over.
    pub(super) fn is_due(&self, pod: &Value) -> bool {
        let running = Cluster::locked(&self.running);
        let end_at = running.get(&key(pod)).filter(|running| running.uid == uid(pod));
        end_at.and_then(|running| running.end_at).is_some_and(|end_at| Instant::now() >= end_at)
    }

    fn end_at(&self, pod: &Value, at: Instant) {
        if let Some(running) = Cluster::locked(&self.running).get_mut(&key(pod)) {
            running.end_at = Some(at);
        }
    }

    /// Nothing of an ended pod listens any longer; it is known until its object goes, and so are its logs.
    fn stop_serving(&self, pod: &Value) {
        if let Some(running) = Cluster::locked(&self.running).get_mut(&key(pod)) {
            running.ports.clear();
            running.stop.give();
            running.end_at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_end_that_are_not_restarted_and_run_nothing_known() {
        let mk = |policy: &str, image: &str, owner: &str| {
            json!({ "metadata": { "ownerReferences": [{ "kind": owner, "controller": true }] },
                    "spec": { "restartPolicy": policy, "containers": [{ "image": image }] } })
        };
        assert!(ends(&mk("Never", "nginx", "Job")) && ends(&mk("OnFailure", "busybox", "Job")));
        assert!(ends(&mk("Never", "busybox", "")));
        assert!(!ends(&mk("Never", "nginx", "")) && !ends(&mk("Always", "busybox", "ReplicaSet")));
    }

    #[test]
    fn an_exit_code_that_is_none_is_no_success() {
        let mk = |code: &str| json!({ "metadata": { "annotations": { EXIT_CODE: code } } });
        assert_eq!(exit_code(&json!({})), Ok(0));
        assert_eq!(exit_code(&mk(" 3 ")), Ok(3));
        assert_eq!(exit_code(&mk("one")), Err("one"));
    }
}
