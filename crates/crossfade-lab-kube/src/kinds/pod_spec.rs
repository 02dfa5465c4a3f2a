//! Pod specifications, alone or inside a template: defaults and quality of service.

use serde_json::{Value, json};

use crate::meta;

/// Fills in what a pod specification leaves out.
pub(super) fn default(spec: &mut Value) {
    let fields = meta::as_map_mut(spec);
    for (name, value) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("securityContext", json!({})),
        ("schedulerName", json!("default-scheduler")),
    ] {
        fields.entry(name).or_insert(value);
    }
    if let Some(account) = fields.get("serviceAccountName").cloned() {
        fields.entry("serviceAccount").or_insert(account);
    }
    for list in ["containers", "initContainers"] {
        for container in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            default_container(container);
        }
    }
    for volume in fields.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        default_volume(volume);
    }
}

/// Fills in what only a pod itself gets, not a template.
pub(super) fn default_pod(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for container in meta::items_mut(spec, &format!("/{list}")) {
            let limits = container["resources"]["limits"].as_object().cloned().unwrap_or_default();
            if !limits.is_empty() {
                let requests = meta::child_mut(&mut container["resources"], "requests");
                for (name, amount) in limits {
                    requests.entry(name).or_insert(amount);
                }
            }
        }
    }
    let fields = meta::as_map_mut(spec);
    for (name, value) in [
        ("serviceAccountName", json!("default")),
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
    ] {
        fields.entry(name).or_insert(value);
    }
    let account = fields["serviceAccountName"].clone();
    fields.entry("serviceAccount").or_insert(account);
    let tolerations = fields.entry("tolerations").or_insert_with(|| json!([]));
    if let Value::Array(list) = tolerations {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            if !list.iter().any(|toleration| toleration["key"] == key) {
                list.push(json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}));
            }
        }
    }
}

fn default_container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().unwrap_or_default();
    let latest = !image.contains('@') && tag.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    let policy = if latest { "Always" } else { "IfNotPresent" };
    let fields = meta::as_map_mut(container);
    for (name, value) in [
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("imagePullPolicy", json!(policy)),
        ("resources", json!({})),
    ] {
        fields.entry(name).or_insert(value);
    }
    for port in fields.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        meta::as_map_mut(port).entry("protocol").or_insert_with(|| "TCP".into());
    }
    for variable in fields.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(reference) = variable.pointer_mut("/valueFrom/fieldRef") {
            meta::as_map_mut(reference).entry("apiVersion").or_insert_with(|| "v1".into());
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = fields.get_mut(probe) {
            default_probe(probe);
        }
    }
}

fn default_probe(probe: &mut Value) {
    let fields = meta::as_map_mut(probe);
    for (name, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        fields.entry(name).or_insert_with(|| value.into());
    }
    if let Some(get) = fields.get_mut("httpGet") {
        let get = meta::as_map_mut(get);
        get.entry("path").or_insert_with(|| "/".into());
        get.entry("scheme").or_insert_with(|| "HTTP".into());
    }
}

fn default_volume(volume: &mut Value) {
    let fields = meta::as_map_mut(volume);
    if fields.len() <= 1 {
        fields.insert("emptyDir".into(), json!({}));
    }
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        if let Some(source) = fields.get_mut(source) {
            meta::as_map_mut(source).entry("defaultMode").or_insert_with(|| 420.into());
        }
    }
    if let Some(path) = fields.get_mut("hostPath") {
        meta::as_map_mut(path).entry("type").or_insert_with(|| "".into());
    }
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(super) fn qos_class(pod: &Value) -> &'static str {
    let containers: Vec<&Value> = pod["spec"]["containers"].as_array().into_iter().flatten().collect();
    let amount = |container: &Value, kind: &str, name: &str| container["resources"][kind][name].clone();
    let any = containers.iter().any(|container| {
        ["limits", "requests"]
            .iter()
            .any(|kind| container["resources"][*kind].as_object().is_some_and(|map| !map.is_empty()))
    });
    let guaranteed = containers.iter().all(|container| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = amount(container, "limits", name);
            let request = amount(container, "requests", name);
            !limit.is_null() && (request.is_null() || request == limit)
        })
    });
    match (any, guaranteed && !containers.is_empty()) {
        (_, true) => "Guaranteed",
        (true, false) => "Burstable",
        (false, false) => "BestEffort",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_untagged_images_always() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.14.2", "IfNotPresent"),
            ("registry:5000/nginx", "Always"),
        ] {
            let mut spec = json!({"containers": [{"name": "a", "image": image}]});
            default(&mut spec);
            assert_eq!(spec["containers"][0]["imagePullPolicy"], policy, "{image}");
        }
    }

    #[test]
    fn quality_of_service_follows_resources() {
        assert_eq!(qos_class(&json!({"spec": {"containers": [{}]}})), "BestEffort");
        let some = json!({"spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}]}});
        assert_eq!(qos_class(&some), "Burstable");
        let all = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}});
        assert_eq!(qos_class(&all), "Guaranteed");
    }
}
