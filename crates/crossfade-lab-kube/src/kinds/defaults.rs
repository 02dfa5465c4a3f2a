//! Defaults of built-in kinds, as people see them with `kubectl get -o yaml`.

use serde_json::{Map, Value, json};

use super::pod_spec;
use crate::meta;
use crate::resource::ResourceType;

/// Fills in what an object leaves out. Custom resources get theirs from their schema.
pub(crate) fn default(resource: &ResourceType, object: &mut Value) {
    if resource.is_custom() {
        return;
    }
    match (resource.id.group.as_str(), resource.id.plural.as_str()) {
        ("", "pods") => {
            pod_spec::default(&mut object["spec"]);
            pod_spec::default_pod(&mut object["spec"]);
        }
        ("", "namespaces") => {
            let name = meta::name(object).to_owned();
            let labels = as_child(meta::metadata_mut(object), "labels");
            labels.insert("kubernetes.io/metadata.name".into(), name.into());
        }
        ("", "services") => service(object),
        ("", "secrets") => absent(meta::as_map_mut(object), &[("type", json!("Opaque"))]),
        ("", "endpoints") => {
            for subset in meta::items_mut(object, "/subsets") {
                each(meta::items_mut(subset, "/ports"), |port| absent(port, &[("protocol", json!("TCP"))]));
            }
        }
        ("", "persistentvolumeclaims") => {
            absent(meta::child_mut(object, "spec"), &[("volumeMode", json!("Filesystem"))]);
        }
        ("", "persistentvolumes") => absent(
            meta::child_mut(object, "spec"),
            &[("volumeMode", json!("Filesystem")), ("persistentVolumeReclaimPolicy", json!("Retain"))],
        ),
        ("apps" | "batch", _) => workload(resource, object),
        ("networking.k8s.io", "networkpolicies") => {
            let has_egress = !object["spec"]["egress"].is_null();
            let types = if has_egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
            absent(meta::child_mut(object, "spec"), &[("policyTypes", types)]);
        }
        ("discovery.k8s.io", "endpointslices") => {
            each(meta::items_mut(object, "/ports"), |port| {
                absent(port, &[("protocol", json!("TCP"))]);
                port.entry("name").or_insert_with(|| "".into());
            });
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => role_binding(object),
        ("storage.k8s.io", "storageclasses") => absent(
            meta::as_map_mut(object),
            &[("reclaimPolicy", json!("Delete")), ("volumeBindingMode", json!("Immediate"))],
        ),
        ("autoscaling", "horizontalpodautoscalers") => {
            absent(meta::child_mut(object, "spec"), &[("minReplicas", json!(1))]);
        }
        ("scheduling.k8s.io", "priorityclasses") => {
            let fields = meta::as_map_mut(object);
            absent(fields, &[("preemptionPolicy", json!("PreemptLowerPriority"))]);
            // Stored, it is left out: that is how Go writes what is false.
            fields.retain(|name, value| name != "globalDefault" || value == true);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition(object),
        _ => {}
    }
}

fn absent(fields: &mut Map<String, Value>, defaults: &[(&str, Value)]) {
    for (name, value) in defaults {
        if fields.get(*name).is_none_or(|present| present.is_null() || present == "") {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
}

fn as_child<'a>(fields: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    meta::as_map_mut(fields.entry(name).or_insert(Value::Null))
}

fn each<'a>(items: impl Iterator<Item = &'a mut Value>, change: impl Fn(&mut Map<String, Value>)) {
    for item in items {
        change(meta::as_map_mut(item));
    }
}

fn service(object: &mut Value) {
    let spec = meta::child_mut(object, "spec");
    absent(spec, &[("type", json!("ClusterIP")), ("sessionAffinity", json!("None"))]);
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    if kind != "ExternalName" {
        absent(spec, &[("internalTrafficPolicy", json!("Cluster"))]);
    }
    if kind == "NodePort" || kind == "LoadBalancer" {
        absent(spec, &[("externalTrafficPolicy", json!("Cluster"))]);
    }
    if kind == "LoadBalancer" {
        absent(spec, &[("allocateLoadBalancerNodePorts", json!(true))]);
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let number = port["port"].clone();
        absent(meta::as_map_mut(port), &[("protocol", json!("TCP")), ("targetPort", number)]);
    }
}

fn workload(resource: &ResourceType, object: &mut Value) {
    let template_labels = object["spec"]["template"]["metadata"]["labels"].clone();
    if resource.id.plural != "cronjobs"
        && resource.id.plural != "controllerrevisions"
        && object["spec"]["template"].is_object()
    {
        pod_spec::default(&mut object["spec"]["template"]["spec"]);
    }
    match resource.id.plural.as_str() {
        "deployments" => {
            let spec = meta::child_mut(object, "spec");
            absent(
                spec,
                &[
                    ("replicas", json!(1)),
                    ("revisionHistoryLimit", json!(10)),
                    ("progressDeadlineSeconds", json!(600)),
                    ("strategy", json!({"type": "RollingUpdate"})),
                ],
            );
            let strategy = as_child(spec, "strategy");
            absent(strategy, &[("type", json!("RollingUpdate"))]);
            if strategy["type"] == "RollingUpdate" {
                let rolling = as_child(strategy, "rollingUpdate");
                absent(rolling, &[("maxSurge", json!("25%")), ("maxUnavailable", json!("25%"))]);
            }
        }
        "replicasets" => {
            absent(meta::child_mut(object, "spec"), &[("replicas", json!(1))]);
            if object["metadata"]["labels"].is_null() && template_labels.is_object() {
                object["metadata"]["labels"] = template_labels;
            }
        }
        "statefulsets" => {
            let spec = meta::child_mut(object, "spec");
            absent(
                spec,
                &[
                    ("replicas", json!(1)),
                    ("podManagementPolicy", json!("OrderedReady")),
                    ("revisionHistoryLimit", json!(10)),
                    ("updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})),
                    (
                        "persistentVolumeClaimRetentionPolicy",
                        json!({"whenDeleted": "Retain", "whenScaled": "Retain"}),
                    ),
                ],
            );
        }
        "daemonsets" => absent(
            meta::child_mut(object, "spec"),
            &[
                ("revisionHistoryLimit", json!(10)),
                (
                    "updateStrategy",
                    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
                ),
            ],
        ),
        "jobs" => job(meta::child_mut(object, "spec")),
        "cronjobs" => {
            absent(
                meta::child_mut(object, "spec"),
                &[
                    ("concurrencyPolicy", json!("Allow")),
                    ("suspend", json!(false)),
                    ("successfulJobsHistoryLimit", json!(3)),
                    ("failedJobsHistoryLimit", json!(1)),
                ],
            );
            if let Some(spec) = object.pointer_mut("/spec/jobTemplate/spec/template/spec") {
                pod_spec::default(spec);
            }
        }
        _ => {}
    }
}

fn job(spec: &mut Map<String, Value>) {
    // One that says how many run, but not how many have to end well, is done when any has.
    if spec.get("parallelism").is_none_or(Value::is_null) {
        absent(spec, &[("completions", json!(1))]);
    }
    let backoff_limit =
        if spec.get("backoffLimitPerIndex").is_none_or(Value::is_null) { 6 } else { i32::MAX };
    absent(
        spec,
        &[
            ("parallelism", json!(1)),
            ("backoffLimit", json!(backoff_limit)),
            ("completionMode", json!("NonIndexed")),
            ("suspend", json!(false)),
            ("manualSelector", json!(false)),
            ("podReplacementPolicy", json!("TerminatingOrFailed")),
        ],
    );
}

/// A Job selects its pods by its own uid unless it says otherwise.
pub(super) fn select_by_controller_uid(job: &mut Value) {
    if job["spec"]["manualSelector"] == true || !job["spec"]["template"].is_object() {
        return;
    }
    let (uid, name) = (meta::uid(job).to_owned(), meta::name(job).to_owned());
    let template = meta::metadata_mut(&mut job["spec"]["template"]);
    let labels = as_child(template, "labels");
    for prefix in ["batch.kubernetes.io/", ""] {
        labels.insert(format!("{prefix}controller-uid"), uid.as_str().into());
        labels.insert(format!("{prefix}job-name"), name.as_str().into());
    }
    job["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    // A Job without labels has its template's, those that were generated included: kube-apiserver shares one map.
    if job["metadata"]["labels"].as_object().is_none_or(Map::is_empty) {
        job["metadata"]["labels"] = job["spec"]["template"]["metadata"]["labels"].clone();
    }
}

fn role_binding(object: &mut Value) {
    absent(meta::child_mut(object, "roleRef"), &[("apiGroup", json!("rbac.authorization.k8s.io"))]);
    for subject in meta::items_mut(object, "/subjects") {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            absent(meta::as_map_mut(subject), &[("apiGroup", json!("rbac.authorization.k8s.io"))]);
        }
    }
}

fn definition(object: &mut Value) {
    let spec = meta::child_mut(object, "spec");
    absent(spec, &[("conversion", json!({"strategy": "None"}))]);
    let names = as_child(spec, "names");
    let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    absent(names, &[("singular", kind.to_lowercase().into()), ("listKind", format!("{kind}List").into())]);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::resource::{Registry, ResourceId};

    fn defaulted(group: &str, plural: &str, mut object: Value) -> Value {
        let resource = Registry::builtin().get(&ResourceId::new(group, plural)).unwrap().clone();
        default(&resource, &mut object);
        object
    }

    #[test]
    fn a_deployment_rolls_with_a_quarter() {
        let object =
            defaulted("apps", "deployments", json!({"spec": {"template": {"spec": {"containers": []}}}}));
        assert_eq!(object["spec"]["replicas"], 1);
        assert_eq!(
            object["spec"]["strategy"]["rollingUpdate"],
            json!({"maxSurge": "25%", "maxUnavailable": "25%"})
        );
        assert_eq!(object["spec"]["template"]["spec"]["restartPolicy"], "Always");
    }

    #[test]
    fn a_service_port_goes_to_the_same_port_of_the_pod() {
        let object = defaulted("", "services", json!({"spec": {"ports": [{"port": 80}]}}));
        assert_eq!(object["spec"]["ports"], json!([{"port": 80, "protocol": "TCP", "targetPort": 80}]));
        assert_eq!(object["spec"]["type"], "ClusterIP");
    }

    #[test]
    fn a_job_says_how_many_have_to_end_well_unless_it_only_says_how_many_run() {
        let completions = |spec: Value| {
            let job = defaulted("batch", "jobs", json!({ "spec": spec }));
            (job["spec"]["completions"].clone(), job["spec"]["parallelism"].clone())
        };
        assert_eq!(completions(json!({})), (json!(1), json!(1)));
        assert_eq!(completions(json!({"completions": 3})), (json!(3), json!(1)));
        assert_eq!(completions(json!({"parallelism": 2})), (Value::Null, json!(2)));
    }

    #[test]
    fn a_job_without_labels_has_those_of_its_template() {
        let labels = |metadata: Value| {
            let mut job =
                json!({"metadata": metadata, "spec": {"template": {"metadata": {"labels": {"app": "x"}}}}});
            select_by_controller_uid(&mut job);
            job["metadata"]["labels"].clone()
        };
        let given = labels(json!({"name": "a", "uid": "u"}));
        assert_eq!(
            (&given["app"], &given["job-name"], &given["controller-uid"]),
            (&json!("x"), &json!("a"), &json!("u"))
        );
        assert_eq!(labels(json!({"name": "a", "labels": {"own": "yes"}})), json!({"own": "yes"}));
    }

    #[test]
    fn a_priority_class_that_is_not_the_default_does_not_say_so() {
        let class = |is_default: bool| {
            let object = json!({"value": 1, "globalDefault": is_default});
            defaulted("scheduling.k8s.io", "priorityclasses", object)
        };
        assert_eq!(class(false), json!({"value": 1, "preemptionPolicy": "PreemptLowerPriority"}));
        assert_eq!(class(true)["globalDefault"], true);
    }

    #[test]
    fn defaults_leave_absent_lists_absent() {
        let object = defaulted("discovery.k8s.io", "endpointslices", json!({"addressType": "IPv4"}));
        assert_eq!(object, json!({"addressType": "IPv4"}));
    }
}
