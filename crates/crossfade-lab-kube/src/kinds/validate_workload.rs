//! Validation of pods and of what makes them: templates, selectors, replicas.

use serde_json::Value;

use super::names;
use super::validate::{immutable, labels, port_number};
use crate::error::{Problem, ProblemKind};
use crate::meta;
use crate::selector::LabelSelector;

pub(super) fn pod(object: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    pod_spec(&object["spec"], "spec", problems);
    let Some(old) = old else { return };
    if without_mutable(&old["spec"]) != without_mutable(&object["spec"]) {
        problems.push(Problem::new(
            ProblemKind::Forbidden,
            "spec",
            Value::Null,
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
             `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
             `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ));
    }
}

/// A pod specification without the fields that may change in a pod that exists.
fn without_mutable(spec: &Value) -> Value {
    let mut copy = spec.clone();
    for list in ["/containers", "/initContainers"] {
        for container in meta::items_mut(&mut copy, list) {
            meta::as_map_mut(container).remove("image");
        }
    }
    let fields = meta::as_map_mut(&mut copy);
    // The scheduler's binding writes the node name, and a pod that has none yet takes one.
    for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"] {
        fields.remove(field);
    }
    copy
}

/// Deployments, ReplicaSets, StatefulSets and DaemonSets.
pub(super) fn workload(object: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    let spec = &object["spec"];
    if let Some(replicas) = spec["replicas"].as_i64()
        && replicas < 0
    {
        problems.push(Problem::invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
    }
    let selector = &spec["selector"];
    let template_labels = &spec["template"]["metadata"]["labels"];
    let is_empty = |part: &str| match &selector[part] {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    if !selector.is_object() {
        problems.push(Problem::required("spec.selector", ""));
        problems.push(Problem::invalid(
            "spec.template.metadata.labels",
            shown_labels(template_labels),
            "`selector` does not match template `labels`",
        ));
    } else if is_empty("matchLabels") && is_empty("matchExpressions") {
        problems.push(Problem::invalid(
            "spec.selector",
            selector.clone(),
            "empty selector is invalid for deployment",
        ));
    } else {
        labels(&selector["matchLabels"], "spec.selector.matchLabels", problems);
        let matches = LabelSelector::from_object(selector)
            .is_ok_and(|selector| selector.matches_labels(template_labels));
        if !matches {
            problems.push(Problem::invalid(
                "spec.template.metadata.labels",
                shown_labels(template_labels),
                "`selector` does not match template `labels`",
            ));
        }
    }
    labels(template_labels, "spec.template.labels", problems);
    pod_spec(&spec["template"]["spec"], "spec.template.spec", problems);
    let policy = spec["template"]["spec"]["restartPolicy"].as_str().unwrap_or_default();
    if policy != "Always" {
        problems.push(Problem::unsupported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if object["kind"] == "Deployment" {
        let kind = spec["strategy"]["type"].as_str().unwrap_or_default();
        if !["Recreate", "RollingUpdate"].contains(&kind) {
            problems.push(Problem::unsupported("spec.strategy.type", kind, &["Recreate", "RollingUpdate"]));
        }
        if kind == "Recreate" && spec["strategy"]["rollingUpdate"].is_object() {
            problems.push(Problem::new(
                ProblemKind::Forbidden,
                "spec.strategy.rollingUpdate",
                Value::Null,
                "may not be specified when strategy `type` is 'Recreate'",
            ));
        }
    }
    if let Some(old) = old {
        immutable("spec.selector", &old["spec"]["selector"], selector, problems);
    }
}

pub(super) fn job(object: &Value, problems: &mut Vec<Problem>) {
    let template = &object["spec"]["template"]["spec"];
    pod_spec(template, "spec.template.spec", problems);
    let policy = template["restartPolicy"].as_str().unwrap_or_default();
    if !["Never", "OnFailure"].contains(&policy) {
        problems.push(Problem::unsupported(
            "spec.template.spec.restartPolicy",
            policy,
            &["OnFailure", "Never"],
        ));
    }
}

/// Labels as Go prints them in such errors: `map[string]string{"app":"x"}`, as a string value.
fn shown_labels(labels: &Value) -> Value {
    if labels.is_object() { labels.clone() } else { Value::Null }
}

fn pod_spec(spec: &Value, field: &str, problems: &mut Vec<Problem>) {
    const POLICIES: [&str; 3] = ["Always", "Never", "OnFailure"];
    let containers: Vec<&Value> = spec["containers"].as_array().into_iter().flatten().collect();
    if containers.is_empty() {
        problems.push(Problem::required(format!("{field}.containers"), ""));
    }
    let volumes: Vec<&str> = spec["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|volume| volume["name"].as_str())
        .collect();
    let policy = spec["restartPolicy"].as_str().unwrap_or_default();
    if !POLICIES.contains(&policy) {
        problems.push(Problem::unsupported(
            format!("{field}.restartPolicy"),
            policy,
            &["Always", "OnFailure", "Never"],
        ));
    }
    let mut seen: Vec<&str> = Vec::new();
    for list in ["containers", "initContainers"] {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let here = format!("{field}.{list}[{index}]");
            container_rules(container, &here, &volumes, problems);
            let name = container["name"].as_str().unwrap_or_default();
            if !name.is_empty() && seen.contains(&name) {
                problems.push(Problem::new(ProblemKind::Duplicate, format!("{here}.name"), name.into(), ""));
            }
            seen.push(name);
        }
    }
}

fn container_rules(container: &Value, field: &str, volumes: &[&str], problems: &mut Vec<Problem>) {
    let name = container["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        problems.push(Problem::required(format!("{field}.name"), ""));
    } else if let Some(text) = names::label(name) {
        problems.push(Problem::invalid(format!("{field}.name"), name, text));
    }
    if container["image"].as_str().unwrap_or_default().is_empty() {
        problems.push(Problem::required(format!("{field}.image"), ""));
    }
    let policy = container["imagePullPolicy"].as_str().unwrap_or_default();
    if !["Always", "IfNotPresent", "Never"].contains(&policy) {
        problems.push(Problem::unsupported(
            format!("{field}.imagePullPolicy"),
            policy,
            &["Always", "IfNotPresent", "Never"],
        ));
    }
    for (index, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        let here = format!("{field}.ports[{index}].containerPort");
        if port["containerPort"].as_i64().is_none() {
            problems.push(Problem::required(here, ""));
        } else {
            port_number(&port["containerPort"], &here, problems);
        }
    }
    for (index, variable) in container["env"].as_array().into_iter().flatten().enumerate() {
        if variable["name"].as_str().unwrap_or_default().is_empty() {
            problems.push(Problem::required(format!("{field}.env[{index}].name"), ""));
        }
    }
    for (index, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let volume = mount["name"].as_str().unwrap_or_default();
        if !volumes.contains(&volume) {
            problems.push(Problem::new(
                ProblemKind::NotFound,
                format!("{field}.volumeMounts[{index}].name"),
                volume.into(),
                "",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_has_to_match_the_template() {
        let deployment = json!({"kind": "Deployment", "spec": {"selector": {"matchLabels": {"app": "a"}},
            "strategy": {"type": "RollingUpdate"},
            "template": {"metadata": {"labels": {"app": "b"}}, "spec": {"restartPolicy": "Always",
                "containers": [{"name": "c", "image": "i", "imagePullPolicy": "Always"}]}}}});
        let mut problems = Vec::new();
        workload(&deployment, None, &mut problems);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "spec.template.metadata.labels");
    }
}
