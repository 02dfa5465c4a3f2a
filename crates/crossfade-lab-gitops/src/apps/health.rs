//! Health of objects by their kind, in Argo CD's terms and words.

use serde_json::Value;

use crate::names::HOOK_FINALIZER;
use crate::object::{finalizers, group, is_deleting, kind, list, name, text};

/// From best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Healthy,
    Suspended,
    Progressing,
    Missing,
    Degraded,
    Unknown,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Healthy => "Healthy",
            Status::Suspended => "Suspended",
            Status::Progressing => "Progressing",
            Status::Missing => "Missing",
            Status::Degraded => "Degraded",
            Status::Unknown => "Unknown",
        }
    }

    fn of_name(name: &str) -> Status {
        let all =
            [Status::Healthy, Status::Suspended, Status::Progressing, Status::Missing, Status::Degraded];
        all.into_iter().find(|status| status.name() == name).unwrap_or(Status::Unknown)
    }
}

/// A status and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) status: Status,
    pub(super) message: String,
}

fn mk(status: Status, message: impl Into<String>) -> Health {
    Health { status, message: message.into() }
}

/// The health of a live object; `None` for kinds that have none.
pub(super) fn of(object: &Value) -> Option<Health> {
    if is_deleting(object) && !finalizers(object).contains(&HOOK_FINALIZER) {
        return Some(mk(Status::Progressing, "Pending deletion"));
    }
    Some(match (group(object), kind(object)) {
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") => replica_set(object),
        ("", "Pod") => pod(object),
        ("batch", "Job") => job(object),
        ("", "Service") => return service(object),
        ("networking.k8s.io" | "extensions", "Ingress") => load_balancer(object),
        ("", "PersistentVolumeClaim") => match text(&object["status"]["phase"]) {
            "Bound" => mk(Status::Healthy, ""),
            "Pending" => mk(Status::Progressing, ""),
            "Lost" => mk(Status::Degraded, ""),
            _ => mk(Status::Unknown, ""),
        },
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("argoproj.io", "Application") => match text(&object["status"]["health"]["status"]) {
            "" => mk(Status::Progressing, ""),
            name => mk(Status::of_name(name), text(&object["status"]["health"]["message"])),
        },
        _ => return None,
    })
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn is_observed(object: &Value) -> bool {
    number(&object["metadata"]["generation"]) <= number(&object["status"]["observedGeneration"])
}

fn condition<'o>(object: &'o Value, kind: &str) -> Option<&'o Value> {
    list(&object["status"]["conditions"]).iter().find(|condition| text(&condition["type"]) == kind)
}

fn is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

fn deployment(object: &Value) -> Health {
    let (spec, status) = (&object["spec"], &object["status"]);
    if spec["paused"] == true {
        return mk(Status::Suspended, "Deployment is paused");
    }
    if !is_observed(object) {
        let message =
            "Waiting for rollout to finish: observed deployment generation less than desired generation";
        return mk(Status::Progressing, message);
    }
    let exceeded = |condition: &Value| condition["reason"] == "ProgressDeadlineExceeded";
    if condition(object, "Progressing").is_some_and(exceeded) {
        return mk(Status::Degraded, format!("Deployment {:?} exceeded its progress deadline", name(object)));
    }
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let updated = number(&status["updatedReplicas"]);
    let (all, available) = (number(&status["replicas"]), number(&status["availableReplicas"]));
    if updated < wanted {
        let what = format!("{updated} out of {wanted} new replicas have been updated...");
        return mk(Status::Progressing, format!("Waiting for rollout to finish: {what}"));
    }
    if all > updated {
        let what = format!("{} old replicas are pending termination...", all - updated);
        return mk(Status::Progressing, format!("Waiting for rollout to finish: {what}"));
    }
    if available < updated {
        let what = format!("{available} of {updated} updated replicas are available...");
        return mk(Status::Progressing, format!("Waiting for rollout to finish: {what}"));
    }
    mk(Status::Healthy, "")
}

fn stateful_set(object: &Value) -> Health {
    let (spec, status) = (&object["spec"], &object["status"]);
    if !is_observed(object) || number(&status["observedGeneration"]) == 0 {
        return mk(Status::Progressing, "Waiting for statefulset spec update to be observed...");
    }
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let ready = number(&status["readyReplicas"]);
    if ready < wanted {
        let what = format!("Waiting for {} pods to be ready...", wanted - ready);
        return mk(Status::Progressing, what);
    }
    if text(&spec["updateStrategy"]["type"]) == "OnDelete" {
        return mk(Status::Healthy, format!("statefulset has {ready} ready pods"));
    }
    if status["updateRevision"] != status["currentRevision"] {
        let updated = number(&status["updatedReplicas"]);
        let what = format!("waiting for statefulset rolling update to complete {updated} pods at revision");
        return mk(Status::Progressing, format!("{what} {}...", text(&status["updateRevision"])));
    }
    let current = number(&status["currentReplicas"]);
    let what = format!("statefulset rolling update complete {current} pods at revision");
    mk(Status::Healthy, format!("{what} {}...", text(&status["currentRevision"])))
}

fn daemon_set(object: &Value) -> Health {
    let status = &object["status"];
    if !is_observed(object) {
        let message =
            "Waiting for rollout to finish: observed daemon set generation less than desired generation";
        return mk(Status::Progressing, message);
    }
    let wanted = number(&status["desiredNumberScheduled"]);
    if text(&object["spec"]["updateStrategy"]["type"]) == "OnDelete" {
        let updated = number(&status["updatedNumberScheduled"]);
        return mk(
            Status::Healthy,
            format!("daemon set {updated} out of {wanted} new pods have been updated"),
        );
    }
    let (updated, available) =
        (number(&status["updatedNumberScheduled"]), number(&status["numberAvailable"]));
    let waiting = |what: String| {
        mk(
            Status::Progressing,
            format!("Waiting for daemon set {:?} rollout to finish: {what}", name(object)),
        )
    };
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new pods have been updated..."));
    }
    if available < wanted {
        return waiting(format!("{available} of {wanted} updated pods are available..."));
    }
    mk(Status::Healthy, "")
}

fn replica_set(object: &Value) -> Health {
    if !is_observed(object) {
        let message =
            "Waiting for rollout to finish: observed replica set generation less than desired generation";
        return mk(Status::Progressing, message);
    }
    if let Some(failure) = condition(object, "ReplicaFailure").filter(|found| found["status"] == "True") {
        return mk(Status::Degraded, text(&failure["message"]));
    }
    let available = number(&object["status"]["availableReplicas"]);
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    if available < wanted {
        let what = format!("{available} out of {wanted} new replicas are available...");
        return mk(Status::Progressing, format!("Waiting for rollout to finish: {what}"));
    }
    mk(Status::Healthy, "")
}

fn pod(object: &Value) -> Health {
    let status = &object["status"];
    let message = text(&status["message"]);
    let restarts = text(&object["spec"]["restartPolicy"]) != "Never"
        && text(&object["spec"]["restartPolicy"]) != "OnFailure";
    if restarts {
        for container in list(&status["containerStatuses"]) {
            let waiting = &container["state"]["waiting"];
            let reason = text(&waiting["reason"]);
            if reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff") {
                return mk(Status::Degraded, text(&waiting["message"]));
            }
        }
    }
    match text(&status["phase"]) {
        "Pending" => mk(Status::Progressing, message),
        "Succeeded" => mk(Status::Healthy, message),
        "Failed" => mk(Status::Degraded, message),
        "Running" if !restarts => mk(Status::Progressing, message),
        "Running" if is_true(object, "Ready") => mk(Status::Healthy, message),
        "Running" => {
            let has_restarted = list(&status["containerStatuses"])
                .iter()
                .any(|container| container["lastState"]["terminated"].is_object());
            mk(if has_restarted { Status::Degraded } else { Status::Progressing }, message)
        }
        _ => mk(Status::Unknown, message),
    }
}

fn job(object: &Value) -> Health {
    for (kind, status) in
        [("Failed", Status::Degraded), ("Complete", Status::Healthy), ("Suspended", Status::Suspended)]
    {
        if let Some(found) = condition(object, kind).filter(|found| found["status"] == "True") {
            return mk(status, text(&found["message"]));
        }
    }
    mk(Status::Progressing, "")
}

fn service(object: &Value) -> Option<Health> {
    (text(&object["spec"]["type"]) == "LoadBalancer").then(|| load_balancer(object))
}

fn load_balancer(object: &Value) -> Health {
    let is_there = !list(&object["status"]["loadBalancer"]["ingress"]).is_empty();
    mk(if is_there { Status::Healthy } else { Status::Progressing }, "")
}

fn definition(object: &Value) -> Health {
    let is_said =
        |kind: &str, status: &str| condition(object, kind).filter(|found| found["status"] == status);
    if list(&object["status"]["conditions"]).is_empty() {
        return mk(Status::Progressing, "Status conditions not found");
    }
    for (kind, status, what) in [
        ("NamesAccepted", "False", "CRD names have not been accepted"),
        ("NonStructuralSchema", "True", "Schema violations found"),
    ] {
        if let Some(found) = is_said(kind, status) {
            return mk(Status::Degraded, format!("{what}: {}", text(&found["message"])));
        }
    }
    if is_true(object, "Established") {
        return mk(Status::Healthy, "CRD is healthy");
    }
    let is_installing = is_said("Established", "False").is_some_and(|found| found["reason"] == "Installing");
    mk(Status::Progressing, if is_installing { "CRD is being installed" } else { "CRD is not established" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_have_their_own_health() {
        let deployment = |status: Value| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "generation": 2},
                "spec": {"replicas": 3}, "status": status})
        };
        let ready =
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3});
        let mut few = ready.clone();
        few["availableReplicas"] = 1.into();
        let late = json!({"observedGeneration": 2, "conditions": [
            {"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]});
        let of_kind = |api_version: &str, kind: &str, rest: Value| {
            let mut object = rest;
            object["apiVersion"] = api_version.into();
            object["kind"] = kind.into();
            object
        };
        for (object, expected) in [
            (deployment(ready), Some(("Healthy", ""))),
            (
                deployment(few),
                Some((
                    "Progressing",
                    "Waiting for rollout to finish: 1 of 3 updated replicas are available...",
                )),
            ),
            (deployment(late), Some(("Degraded", "Deployment \"d\" exceeded its progress deadline"))),
            (of_kind("v1", "ConfigMap", json!({})), None),
            (of_kind("v1", "Service", json!({"spec": {"type": "ClusterIP"}})), None),
            (of_kind("v1", "Service", json!({"spec": {"type": "LoadBalancer"}})), Some(("Progressing", ""))),
            (
                of_kind(
                    "networking.k8s.io/v1",
                    "Ingress",
                    json!({"status": {"loadBalancer": {"ingress": [{}]}}}),
                ),
                Some(("Healthy", "")),
            ),
            (
                of_kind("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Lost"}})),
                Some(("Degraded", "")),
            ),
            (
                of_kind(
                    "batch/v1",
                    "Job",
                    json!({"status": {"conditions": [{"type": "Failed", "status": "True", "message": "m"}]}}),
                ),
                Some(("Degraded", "m")),
            ),
            (
                of_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", json!({})),
                Some(("Progressing", "Status conditions not found")),
            ),
            (
                of_kind(
                    "apiextensions.k8s.io/v1",
                    "CustomResourceDefinition",
                    json!({"status": {"conditions": [{"type": "Established", "status": "True"}]}}),
                ),
                Some(("Healthy", "CRD is healthy")),
            ),
            (
                of_kind(
                    "argoproj.io/v1alpha1",
                    "Application",
                    json!({"status": {"health": {"status": "Degraded"}}}),
                ),
                Some(("Degraded", "")),
            ),
            (
                of_kind("v1", "Pod", json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})),
                Some(("Progressing", "Pending deletion")),
            ),
        ] {
            let found = of(&object);
            let found = found.as_ref().map(|health| (health.status.name(), health.message.as_str()));
            assert_eq!(found, expected, "{object}");
        }
    }
}
