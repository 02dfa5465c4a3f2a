//! Cells of pods and of what makes them.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use super::builtin::{count, created, items, joined, labels, name, or_none, selector, text};
use crate::meta;

/// Containers, images and selector: the wide columns that workloads share.
fn template_cells(object: &Value) -> [Value; 3] {
    let containers = &object["spec"]["template"]["spec"]["containers"];
    [joined(containers, "name"), joined(containers, "image"), selector(&object["spec"]["selector"])]
}

pub(super) fn pod(object: &Value) -> Vec<Value> {
    let status = &object["status"];
    let total = items(&object["spec"]["containers"]).count();
    let mut reason = text(&status["reason"]);
    if reason.is_empty() {
        reason = text(&status["phase"]);
    }
    let (mut ready, mut restarts, mut last_restart) = (0, 0, None::<Timestamp>);
    let mut running = false;
    let containers: Vec<&Value> = items(&status["containerStatuses"]).collect();
    for container in containers.iter().rev() {
        restarts += count(&container["restartCount"]);
        if let Some(finished) = age::parse(&container["lastState"]["terminated"]["finishedAt"]) {
            last_restart = last_restart.max(Some(finished));
        }
        let state = &container["state"];
        let waiting = text(&state["waiting"]["reason"]);
        let terminated = &state["terminated"];
        if !waiting.is_empty() {
            reason = waiting;
        } else if !terminated.is_null() {
            reason = text(&terminated["reason"]);
            if reason.is_empty() {
                reason = if count(&terminated["signal"]) != 0 {
                    format!("Signal:{}", count(&terminated["signal"]))
                } else {
                    format!("ExitCode:{}", count(&terminated["exitCode"]))
                };
            }
        } else if container["ready"] == true && !state["running"].is_null() {
            running = true;
            ready += 1;
        }
    }
    if reason == "Completed" && running {
        let is_ready = items(&status["conditions"])
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        reason = if is_ready { "Running".into() } else { "NotReady".into() };
    }
    if meta::is_deleting(object) {
        reason = if status["reason"] == "NodeLost" { "Unknown".into() } else { "Terminating".into() };
    }
    let restarts = match last_restart {
        Some(at) if restarts > 0 => {
            format!("{restarts} ({} ago)", age::human(Timestamp::now().as_second() - at.as_second()))
        }
        _ => restarts.to_string(),
    };
    let gates: Vec<&Value> = items(&object["spec"]["readinessGates"]).collect();
    let gates_cell = if gates.is_empty() {
        Value::from("<none>")
    } else {
        let met = gates
            .iter()
            .filter(|gate| {
                items(&status["conditions"]).any(|condition| {
                    condition["type"] == gate["conditionType"] && condition["status"] == "True"
                })
            })
            .count();
        format!("{met}/{}", gates.len()).into()
    };
    vec![
        name(object),
        format!("{ready}/{total}").into(),
        reason.into(),
        restarts.into(),
        created(object),
        or_none(text(&status["podIP"])),
        or_none(text(&object["spec"]["nodeName"])),
        or_none(text(&status["nominatedNodeName"])),
        gates_cell,
    ]
}

pub(super) fn deployment(object: &Value) -> Vec<Value> {
    let status = &object["status"];
    let [containers, images, selector] = template_cells(object);
    vec![
        name(object),
        format!("{}/{}", count(&status["readyReplicas"]), count(&object["spec"]["replicas"])).into(),
        count(&status["updatedReplicas"]).to_string().into(),
        count(&status["availableReplicas"]).to_string().into(),
        created(object),
        containers,
        images,
        selector,
    ]
}

pub(super) fn replica_set(object: &Value) -> Vec<Value> {
    let status = &object["status"];
    let [containers, images, selector] = template_cells(object);
    vec![
        name(object),
        count(&object["spec"]["replicas"]).into(),
        count(&status["replicas"]).into(),
        count(&status["readyReplicas"]).into(),
        created(object),
        containers,
        images,
        selector,
    ]
}

pub(super) fn stateful_set(object: &Value) -> Vec<Value> {
    let [containers, images, _] = template_cells(object);
    vec![
        name(object),
        format!("{}/{}", count(&object["status"]["readyReplicas"]), count(&object["spec"]["replicas"]))
            .into(),
        created(object),
        containers,
        images,
    ]
}

pub(super) fn daemon_set(object: &Value) -> Vec<Value> {
    let status = &object["status"];
    let [containers, images, selector] = template_cells(object);
    vec![
        name(object),
        count(&status["desiredNumberScheduled"]).into(),
        count(&status["currentNumberScheduled"]).into(),
        count(&status["numberReady"]).into(),
        count(&status["updatedNumberScheduled"]).into(),
        count(&status["numberAvailable"]).into(),
        labels(&object["spec"]["template"]["spec"]["nodeSelector"]),
        created(object),
        containers,
        images,
        selector,
    ]
}

pub(super) fn controller_revision(object: &Value) -> Vec<Value> {
    let owner = &object["metadata"]["ownerReferences"][0];
    let controller = if owner.is_null() {
        "<none>".to_owned()
    } else {
        format!("{}/{}", text(&owner["kind"]).to_lowercase(), text(&owner["name"]))
    };
    vec![name(object), controller.into(), count(&object["revision"]).to_string().into(), created(object)]
}

pub(super) fn job(object: &Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let has = |kind: &str| {
        items(&status["conditions"])
            .any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    let state = if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if meta::is_deleting(object) {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else if has("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let succeeded = count(&status["succeeded"]);
    let completions = match (spec["completions"].as_i64(), count(&spec["parallelism"])) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism @ 2..) => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let duration = match (age::parse(&status["startTime"]), age::parse(&status["completionTime"])) {
        (Some(start), end) => age::human(end.unwrap_or_else(Timestamp::now).as_second() - start.as_second()),
        (None, _) => String::new(),
    };
    let [containers, images, selector] = template_cells(object);
    vec![
        name(object),
        state.into(),
        completions.into(),
        duration.into(),
        created(object),
        containers,
        images,
        selector,
    ]
}

pub(super) fn cron_job(object: &Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let containers = &spec["jobTemplate"]["spec"]["template"]["spec"]["containers"];
    let last = if status["lastScheduleTime"].is_null() {
        "<none>".into()
    } else {
        age::since(&status["lastScheduleTime"])
    };
    vec![
        name(object),
        spec["schedule"].clone(),
        or_none(text(&spec["timeZone"])),
        if spec["suspend"] == true { "True".into() } else { "False".into() },
        items(&status["active"]).count().into(),
        last.into(),
        created(object),
        joined(containers, "name"),
        joined(containers, "image"),
        selector(&spec["jobTemplate"]["spec"]["selector"]),
    ]
}
