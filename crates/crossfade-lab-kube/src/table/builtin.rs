//! Columns and cells of built-in kinds, as `pkg/printers/internalversion` has them.

use serde_json::{Value, json};

use super::workloads::{
    controller_revision, cron_job, daemon_set, deployment, job, pod, replica_set, stateful_set,
};
use super::{age, definition};
use crate::meta;
use crate::selector::LabelSelector;

/// How one kind is printed. Columns are separated by `|`; `+` marks those of `-o wide`, `#` those that hold
/// integers.
pub(super) struct Printer {
    columns: &'static str,
    pub(super) cells: fn(&Value) -> Vec<Value>,
}

/// Most items a cell lists before it says how many more there are.
const LISTED_MAX: usize = 3;

pub(super) fn columns(printer: &Printer) -> Value {
    printer
        .columns
        .split('|')
        .map(|column| {
            let wide = column.ends_with('+');
            let name = column.trim_end_matches(['+', '#']);
            let kind = if column.contains('#') { "integer" } else { "string" };
            definition(name, kind, if name == "Name" { "name" } else { "" }, "", i64::from(wide))
        })
        .collect()
}

pub(super) fn printer(group: &str, plural: &str) -> Printer {
    let (columns, cells): (&'static str, fn(&Value) -> Vec<Value>) = match (group, plural) {
        ("", "pods") => ("Name|Ready|Status|Restarts|Age|IP+|Node+|Nominated Node+|Readiness Gates+", pod),
        ("apps", "deployments") => {
            ("Name|Ready|Up-to-date|Available|Age|Containers+|Images+|Selector+", deployment)
        }
        ("apps", "replicasets") | ("", "replicationcontrollers") => {
            ("Name|Desired#|Current#|Ready#|Age|Containers+|Images+|Selector+", replica_set)
        }
        ("apps", "statefulsets") => ("Name|Ready|Age|Containers+|Images+", stateful_set),
        ("apps", "daemonsets") => (
            "Name|Desired#|Current#|Ready#|Up-to-date#|Available#|Node Selector|Age|Containers+|Images+|Selector+",
            daemon_set,
        ),
        ("apps", "controllerrevisions") => ("Name|Controller|Revision|Age", controller_revision),
        ("batch", "jobs") => ("Name|Status|Completions|Duration|Age|Containers+|Images+|Selector+", job),
        ("batch", "cronjobs") => (
            "Name|Schedule|Timezone|Suspend|Active#|Last Schedule|Age|Containers+|Images+|Selector+",
            cron_job,
        ),
        ("", "services") => ("Name|Type|Cluster-IP|External-IP|Port(s)|Age|Selector+", service),
        ("", "endpoints") => ("Name|Endpoints|Age", endpoints),
        ("discovery.k8s.io", "endpointslices") => ("Name|AddressType|Ports|Endpoints|Age", endpoint_slice),
        ("networking.k8s.io", "ingresses") => ("Name|Class|Hosts|Address|Ports|Age", ingress),
        ("networking.k8s.io", "ingressclasses") => ("Name|Controller|Parameters|Age", ingress_class),
        ("networking.k8s.io", "networkpolicies") => ("Name|Pod-Selector|Age", network_policy),
        ("", "namespaces") => ("Name|Status|Age", namespace),
        ("", "secrets") => ("Name|Type|Data|Age", secret),
        ("", "configmaps") => ("Name|Data|Age", config_map),
        ("", "serviceaccounts") => ("Name|Secrets|Age", service_account),
        ("", "nodes") => (
            "Name|Status|Roles|Age|Version|Internal-IP+|External-IP+|OS-Image+|Kernel-Version+|Container-Runtime+",
            node,
        ),
        ("" | "events.k8s.io", "events") => {
            ("Last Seen|Type|Reason|Object|Subobject+|Source+|Message|First Seen+|Count+|Name+", event)
        }
        ("coordination.k8s.io", "leases") => ("Name|Holder|Age", lease),
        ("", "persistentvolumeclaims") => (
            "Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode+",
            volume_claim,
        ),
        ("", "persistentvolumes") => (
            "Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|VolumeMode+",
            volume,
        ),
        ("storage.k8s.io", "storageclasses") => {
            ("Name|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age", storage_class)
        }
        ("policy", "poddisruptionbudgets") => {
            ("Name|Min Available|Max Unavailable|Allowed Disruptions#|Age", disruption_budget)
        }
        ("autoscaling", "horizontalpodautoscalers") => {
            ("Name|Reference|Targets|MinPods|MaxPods|Replicas|Age", autoscaler)
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            ("Name|Role|Age|Users+|Groups+|ServiceAccounts+", role_binding)
        }
        ("scheduling.k8s.io", "priorityclasses") => {
            ("Name|Value#|Global-Default|Age|PreemptionPolicy", priority_class)
        }
        _ => ("Name|Created At", plain),
    };
    Printer { columns, cells }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn or_none(value: String) -> Value {
    if value.is_empty() { "<none>".into() } else { value.into() }
}

pub(super) fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

pub(super) fn created(object: &Value) -> Value {
    age::since(&object["metadata"]["creationTimestamp"]).into()
}

pub(super) fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn joined(list: &Value, field: &str) -> Value {
    items(list).map(|item| text(&item[field])).collect::<Vec<_>>().join(",").into()
}

pub(super) fn labels(map: &Value) -> Value {
    let parts: Vec<String> =
        map.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", text(value))).collect();
    or_none(parts.join(","))
}

pub(super) fn selector(object: &Value) -> Value {
    or_none(LabelSelector::from_object(object).map(|selector| selector.to_string()).unwrap_or_default())
}

/// `a,b,c + 2 more...`.
fn listed(all: &[String], empty: &str) -> Value {
    if all.is_empty() {
        return empty.into();
    }
    let shown = all[..all.len().min(LISTED_MAX)].join(",");
    if all.len() > LISTED_MAX {
        format!("{shown} + {} more...", all.len() - LISTED_MAX).into()
    } else {
        shown.into()
    }
}

fn plain(object: &Value) -> Vec<Value> {
    vec![name(object), object["metadata"]["creationTimestamp"].clone()]
}

fn load_balancer_addresses(status: &Value) -> String {
    let mut all: Vec<String> = items(&status["loadBalancer"]["ingress"])
        .map(|entry| if entry["ip"].is_string() { text(&entry["ip"]) } else { text(&entry["hostname"]) })
        .filter(|address| !address.is_empty())
        .collect();
    all.dedup();
    all.join(",")
}

fn service(object: &Value) -> Vec<Value> {
    let spec = &object["spec"];
    let kind = text(&spec["type"]);
    let external: Vec<String> = meta::strings(&spec["externalIPs"]);
    let external_cell = match kind.as_str() {
        "ExternalName" => text(&spec["externalName"]),
        "LoadBalancer" => {
            let mut all: Vec<String> = external;
            let balancer = load_balancer_addresses(&object["status"]);
            if !balancer.is_empty() {
                all.insert(0, balancer);
            }
            if all.is_empty() { "<pending>".into() } else { all.join(",") }
        }
        _ => external.join(","),
    };
    let ports: Vec<String> = items(&spec["ports"])
        .map(|port| match count(&port["nodePort"]) {
            0 => format!("{}/{}", text(&port["port"]), text(&port["protocol"])),
            node => format!("{}:{node}/{}", text(&port["port"]), text(&port["protocol"])),
        })
        .collect();
    vec![
        name(object),
        kind.into(),
        or_none(text(&spec["clusterIP"])),
        or_none(external_cell),
        or_none(ports.join(",")),
        created(object),
        labels(&spec["selector"]),
    ]
}

fn endpoints(object: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in items(&object["subsets"]) {
        for address in items(&subset["addresses"]) {
            let ports: Vec<&Value> = items(&subset["ports"]).collect();
            if ports.is_empty() {
                all.push(text(&address["ip"]));
            }
            all.extend(ports.iter().map(|port| format!("{}:{}", text(&address["ip"]), text(&port["port"]))));
        }
    }
    vec![name(object), listed(&all, "<none>"), created(object)]
}

fn endpoint_slice(object: &Value) -> Vec<Value> {
    let ports: Vec<String> = items(&object["ports"])
        .map(|port| if port["port"].is_null() { "*".into() } else { text(&port["port"]) })
        .collect();
    let addresses: Vec<String> =
        items(&object["endpoints"]).flat_map(|endpoint| meta::strings(&endpoint["addresses"])).collect();
    vec![
        name(object),
        object["addressType"].clone(),
        listed(&ports, "<unset>"),
        listed(&addresses, "<unset>"),
        created(object),
    ]
}

fn ingress(object: &Value) -> Vec<Value> {
    let spec = &object["spec"];
    let hosts: Vec<String> =
        items(&spec["rules"]).map(|rule| text(&rule["host"])).filter(|host| !host.is_empty()).collect();
    let ports = if items(&spec["tls"]).next().is_some() { "80, 443" } else { "80" };
    vec![
        name(object),
        or_none(text(&spec["ingressClassName"])),
        listed(&hosts, "*"),
        load_balancer_addresses(&object["status"]).into(),
        ports.into(),
        created(object),
    ]
}

fn ingress_class(object: &Value) -> Vec<Value> {
    let parameters = &object["spec"]["parameters"];
    let shown = if parameters.is_null() {
        "<none>".to_owned()
    } else {
        let kind = text(&parameters["kind"]);
        let group = text(&parameters["apiGroup"]);
        let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
        format!("{kind}/{}", text(&parameters["name"]))
    };
    vec![name(object), object["spec"]["controller"].clone(), shown.into(), created(object)]
}

fn network_policy(object: &Value) -> Vec<Value> {
    vec![name(object), selector(&object["spec"]["podSelector"]), created(object)]
}

fn namespace(object: &Value) -> Vec<Value> {
    vec![name(object), object["status"]["phase"].clone(), created(object)]
}

fn entries(value: &Value) -> usize {
    value.as_object().map_or(0, serde_json::Map::len)
}

fn secret(object: &Value) -> Vec<Value> {
    vec![name(object), object["type"].clone(), entries(&object["data"]).to_string().into(), created(object)]
}

fn config_map(object: &Value) -> Vec<Value> {
    let data = entries(&object["data"]) + entries(&object["binaryData"]);
    vec![name(object), data.to_string().into(), created(object)]
}

fn service_account(object: &Value) -> Vec<Value> {
    vec![name(object), items(&object["secrets"]).count().to_string().into(), created(object)]
}

fn node(object: &Value) -> Vec<Value> {
    let status = &object["status"];
    let ready = items(&status["conditions"]).find(|condition| condition["type"] == "Ready");
    let mut state = match ready {
        Some(condition) if condition["status"] == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if object["spec"]["unschedulable"] == true {
        state.push_str(",SchedulingDisabled");
    }
    let roles: Vec<String> = object["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) if !role.is_empty() => Some(role.to_owned()),
            _ => (key == "kubernetes.io/role").then(|| text(value)),
        })
        .collect();
    let address = |kind: &str| {
        or_none(
            items(&status["addresses"])
                .find(|address| address["type"] == kind)
                .map(|address| text(&address["address"]))
                .unwrap_or_default(),
        )
    };
    let info = |field: &str| {
        let value = text(&status["nodeInfo"][field]);
        if value.is_empty() { Value::from("<unknown>") } else { value.into() }
    };
    vec![
        name(object),
        state.into(),
        or_none(roles.join(",")),
        created(object),
        text(&status["nodeInfo"]["kubeletVersion"]).into(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn event(object: &Value) -> Vec<Value> {
    // Both forms of event come here; the names of the core form are looked for first.
    let either = |core: &str, newer: &str| {
        if object[core].is_null() { object[newer].clone() } else { object[core].clone() }
    };
    let about = either("involvedObject", "regarding");
    let source = either("source", "deprecatedSource");
    let mut source_text = text(&source["component"]);
    if source_text.is_empty() {
        source_text = text(&either("reportingComponent", "reportingController"));
    }
    let host = text(&source["host"]);
    if !host.is_empty() {
        source_text = format!("{source_text}, {host}");
    }
    let mut first = either("firstTimestamp", "deprecatedFirstTimestamp");
    if first.is_null() {
        first = object["eventTime"].clone();
    }
    let mut last = either("lastTimestamp", "deprecatedLastTimestamp");
    if last.is_null() {
        last = first.clone();
    }
    let mut times = count(&either("count", "deprecatedCount"));
    if let Some(series) = object["series"].as_object() {
        times = series.get("count").map_or(times, count);
        last = series.get("lastObservedTime").cloned().unwrap_or(last);
    }
    vec![
        age::since(&last).into(),
        object["type"].clone(),
        object["reason"].clone(),
        format!("{}/{}", text(&about["kind"]).to_lowercase(), text(&about["name"])).into(),
        text(&about["fieldPath"]).into(),
        source_text.into(),
        text(&either("message", "note")).trim().into(),
        age::since(&first).into(),
        times.max(1).to_string().into(),
        name(object),
    ]
}

fn lease(object: &Value) -> Vec<Value> {
    vec![name(object), text(&object["spec"]["holderIdentity"]).into(), created(object)]
}

fn access_modes(list: &Value) -> Value {
    let modes: Vec<String> = meta::strings(list)
        .iter()
        .map(|mode| mode.chars().filter(char::is_ascii_uppercase).collect::<String>())
        .map(|short| if short == "RWOP" { short } else { short.replace("RWOP", "RWO") })
        .collect();
    modes.join(",").into()
}

fn unset(value: &Value) -> Value {
    let value = text(value);
    if value.is_empty() { "<unset>".into() } else { value.into() }
}

fn volume_claim(object: &Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let phase = if meta::is_deleting(object) { "Terminating".into() } else { status["phase"].clone() };
    vec![
        name(object),
        phase,
        text(&spec["volumeName"]).into(),
        text(&status["capacity"]["storage"]).into(),
        access_modes(&status["accessModes"]),
        text(&spec["storageClassName"]).into(),
        unset(&spec["volumeAttributesClassName"]),
        created(object),
        unset(&spec["volumeMode"]),
    ]
}

fn volume(object: &Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let claim = &spec["claimRef"];
    let claim = if claim.is_null() {
        String::new()
    } else {
        format!("{}/{}", text(&claim["namespace"]), text(&claim["name"]))
    };
    let phase = if meta::is_deleting(object) { "Terminating".into() } else { status["phase"].clone() };
    vec![
        name(object),
        text(&spec["capacity"]["storage"]).into(),
        access_modes(&spec["accessModes"]),
        spec["persistentVolumeReclaimPolicy"].clone(),
        phase,
        claim.into(),
        text(&spec["storageClassName"]).into(),
        unset(&spec["volumeAttributesClassName"]),
        text(&status["reason"]).into(),
        created(object),
        unset(&spec["volumeMode"]),
    ]
}

fn storage_class(object: &Value) -> Vec<Value> {
    let is_default =
        object["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    let shown = if is_default { format!("{} (default)", meta::name(object)).into() } else { name(object) };
    vec![
        shown,
        object["provisioner"].clone(),
        object["reclaimPolicy"].clone(),
        object["volumeBindingMode"].clone(),
        (object["allowVolumeExpansion"] == true).to_string().into(),
        created(object),
    ]
}

fn disruption_budget(object: &Value) -> Vec<Value> {
    let spec = &object["spec"];
    let or_absent = |value: &Value| if value.is_null() { Value::from("N/A") } else { text(value).into() };
    vec![
        name(object),
        or_absent(&spec["minAvailable"]),
        or_absent(&spec["maxUnavailable"]),
        count(&object["status"]["disruptionsAllowed"]).into(),
        created(object),
    ]
}

fn autoscaler(object: &Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let target = &spec["scaleTargetRef"];
    let targets: Vec<String> = items(&spec["metrics"])
        .map(|metric| {
            let resource = &metric["resource"];
            format!(
                "{}: <unknown>/{}%",
                text(&resource["name"]),
                text(&resource["target"]["averageUtilization"])
            )
        })
        .collect();
    vec![
        name(object),
        format!("{}/{}", text(&target["kind"]), text(&target["name"])).into(),
        or_none(targets.join(", ")),
        text(&spec["minReplicas"]).into(),
        text(&spec["maxReplicas"]).into(),
        count(&status["currentReplicas"]).to_string().into(),
        created(object),
    ]
}

fn role_binding(object: &Value) -> Vec<Value> {
    let role = &object["roleRef"];
    let subjects = |kind: &str| -> Value {
        let names: Vec<String> = items(&object["subjects"])
            .filter(|subject| subject["kind"] == kind)
            .map(|subject| {
                if kind == "ServiceAccount" {
                    format!("{}/{}", text(&subject["namespace"]), text(&subject["name"]))
                } else {
                    text(&subject["name"])
                }
            })
            .collect();
        names.join(", ").into()
    };
    vec![
        name(object),
        format!("{}/{}", text(&role["kind"]), text(&role["name"])).into(),
        created(object),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

fn priority_class(object: &Value) -> Vec<Value> {
    vec![
        name(object),
        json!(count(&object["value"])),
        (object["globalDefault"] == true).to_string().into(),
        created(object),
        text(&object["preemptionPolicy"]).into(),
    ]
}
