//! Validation of built-in kinds, with the texts of `pkg/apis/*/validation`.
//!
//! Rules that manifests of a lab can break are here; a kind without rules of its own still has its metadata
//! checked.

use serde_json::Value;

use super::{names, validate_workload};
use crate::crd;
use crate::error::{Problem, ProblemKind};
use crate::meta;
use crate::resource::ResourceType;

/// Keys and values of an object's annotations together: a manifest that a client remembers there has to fit.
const ANNOTATION_BYTES_MAX: usize = 256 * 1024;
/// What a ConfigMap or Secret may hold.
const CONFIG_BYTES_MAX: usize = 1024 * 1024;
/// Finalizers without a domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// Everything that is wrong with an object; `old` is what it replaces.
pub(crate) fn validate(resource: &ResourceType, object: &Value, old: Option<&Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    metadata(resource, object, &mut problems);
    match (resource.id.group.as_str(), resource.id.plural.as_str()) {
        ("", "services") => service(object, old, &mut problems),
        ("", "configmaps" | "secrets") => config(resource, object, old, &mut problems),
        ("", "pods") => validate_workload::pod(object, old, &mut problems),
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets") => {
            validate_workload::workload(object, old, &mut problems);
        }
        ("batch", "jobs") => validate_workload::job(object, &mut problems),
        ("networking.k8s.io", "ingresses") => ingress(object, &mut problems),
        ("networking.k8s.io", "ingressclasses") => ingress_class(object, old, &mut problems),
        ("discovery.k8s.io", "endpointslices") => endpoint_slice(object, old, &mut problems),
        ("coordination.k8s.io", "leases") => lease(object, &mut problems),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            role_binding(object, old, &mut problems);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            if let Err(mut more) = crd::resource_type(object) {
                problems.append(&mut more);
            }
        }
        _ => {}
    }
    problems
}

fn metadata(resource: &ResourceType, object: &Value, problems: &mut Vec<Problem>) {
    let name = meta::name(object);
    let check = match (resource.id.group.as_str(), resource.id.plural.as_str()) {
        ("", "services") => names::label_1035,
        ("", "namespaces") | ("apps", "statefulsets") => names::label,
        ("batch", "cronjobs") => names::cron_job,
        ("rbac.authorization.k8s.io", _) => names::path_segment,
        _ => names::subdomain,
    };
    let prefix = object["metadata"]["generateName"].as_str().unwrap_or_default();
    // A hyphen at the end is followed by more.
    let begun = match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => format!("{}a", &rest[..rest.floor_char_boundary(rest.len() - 1)]),
        _ => prefix.to_owned(),
    };
    if let Some(text) = check(&begun).filter(|_| !prefix.is_empty()) {
        problems.push(Problem::invalid("metadata.generateName", prefix, text));
    }
    if name.is_empty() {
        problems.push(Problem::required("metadata.name", "name or generateName is required"));
    } else if let Some(text) = check(name) {
        problems.push(Problem::invalid("metadata.name", name, text));
    }
    if resource.namespaced
        && let Some(text) = names::label(meta::namespace(object))
    {
        problems.push(Problem::invalid("metadata.namespace", meta::namespace(object), text));
    }
    labels(&object["metadata"]["labels"], "metadata.labels", problems);
    for key in object["metadata"]["annotations"].as_object().into_iter().flatten().map(|(key, _)| key) {
        if let Some(text) = names::qualified(&key.to_lowercase()) {
            problems.push(Problem::invalid("metadata.annotations", key.as_str(), text));
        }
    }
    let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
    let bytes = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    if annotations.map(bytes).sum::<usize>() > ANNOTATION_BYTES_MAX {
        problems.push(too_long("metadata.annotations", ANNOTATION_BYTES_MAX));
    }
    finalizers(resource, object, problems);
    for (index, owner) in object["metadata"]["ownerReferences"].as_array().into_iter().flatten().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                let text = match field {
                    "apiVersion" => "version must not be empty",
                    _ => "must not be empty",
                };
                problems.push(Problem::invalid(
                    format!("metadata.ownerReferences[{index}].{field}"),
                    "",
                    text,
                ));
            }
        }
    }
}

fn finalizers(resource: &ResourceType, object: &Value, problems: &mut Vec<Problem>) {
    let all = meta::finalizers(object);
    for finalizer in &all {
        if let Some(text) = names::qualified(finalizer) {
            problems.push(Problem::invalid("metadata.finalizers", finalizer.as_str(), text));
        }
    }
    let has = |wanted: &str| all.iter().any(|finalizer| finalizer == wanted);
    if has("orphan") && has("foregroundDeletion") {
        let text = "finalizer orphan and foregroundDeletion cannot be both set";
        problems.push(Problem::invalid("metadata.finalizers", all.clone(), text));
    }
    if resource.is_custom() || resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        return;
    }
    for (index, finalizer) in all.iter().enumerate() {
        if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer.as_str()) {
            let text = "name is neither a standard finalizer name nor is it fully qualified";
            problems.push(Problem::invalid(
                format!("metadata.finalizers[{index}]"),
                finalizer.as_str(),
                text,
            ));
        }
    }
}

fn too_long(field: &str, bytes_max: usize) -> Problem {
    let text = format!("may not be more than {bytes_max} bytes");
    Problem::new(ProblemKind::TooLong, field, Value::Null, text)
}

/// Checks a map of labels.
pub(super) fn labels(labels: &Value, field: &str, problems: &mut Vec<Problem>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        if let Some(text) = names::qualified(key) {
            problems.push(Problem::invalid(field, key.as_str(), text));
        }
        let value = value.as_str().unwrap_or_default();
        if let Some(text) = names::label_value(value) {
            problems.push(Problem::invalid(field, value, text));
        }
    }
}

pub(super) fn immutable(field: &str, old: &Value, new: &Value, problems: &mut Vec<Problem>) {
    if old != new {
        problems.push(Problem::invalid(field, new.clone(), "field is immutable"));
    }
}

/// Checks a port number.
pub(super) fn port_number(value: &Value, field: &str, problems: &mut Vec<Problem>) {
    if let Some(number) = value.as_i64()
        && !(1..=65535).contains(&number)
    {
        problems.push(Problem::invalid(field, number, "must be between 1 and 65535, inclusive"));
    }
}

fn service(object: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    let spec = &object["spec"];
    let kind = spec["type"].as_str().unwrap_or_default();
    if !["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"].contains(&kind) {
        problems.push(Problem::unsupported(
            "spec.type",
            kind,
            &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
        ));
    }
    let ports: Vec<&Value> = spec["ports"].as_array().into_iter().flatten().collect();
    if ports.is_empty() && kind != "ExternalName" && spec["clusterIP"] != "None" {
        problems.push(Problem::required("spec.ports", ""));
    }
    if kind == "ExternalName" && spec["externalName"].as_str().unwrap_or_default().is_empty() {
        problems.push(Problem::required("spec.externalName", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let field = format!("spec.ports[{index}]");
        let name = port["name"].as_str().unwrap_or_default();
        if ports.len() > 1 && name.is_empty() {
            problems.push(Problem::required(format!("{field}.name"), ""));
        }
        if !name.is_empty() && ports[..index].iter().any(|other| other["name"] == name) {
            problems.push(Problem::new(ProblemKind::Duplicate, format!("{field}.name"), name.into(), ""));
        }
        match port["port"].as_i64() {
            None => problems.push(Problem::invalid(
                format!("{field}.port"),
                0,
                "must be between 1 and 65535, inclusive",
            )),
            Some(_) => port_number(&port["port"], &format!("{field}.port"), problems),
        }
        port_number(&port["targetPort"], &format!("{field}.targetPort"), problems);
        let protocol = port["protocol"].as_str().unwrap_or_default();
        if !["SCTP", "TCP", "UDP"].contains(&protocol) {
            problems.push(Problem::unsupported(
                format!("{field}.protocol"),
                protocol,
                &["SCTP", "TCP", "UDP"],
            ));
        }
    }
    labels(&spec["selector"], "spec.selector", problems);
    if let Some(old) = old {
        let before = old["spec"]["clusterIP"].as_str().unwrap_or_default();
        let after = spec["clusterIP"].as_str().unwrap_or_default();
        if !before.is_empty()
            && kind != "ExternalName"
            && old["spec"]["type"] != "ExternalName"
            && before != after
        {
            problems.push(Problem::invalid(
                "spec.clusterIPs[0]",
                spec["clusterIPs"].clone(),
                "may not change once set",
            ));
        }
    }
}

fn config(resource: &ResourceType, object: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    for part in ["data", "binaryData"] {
        for key in object[part].as_object().into_iter().flatten().map(|(key, _)| key) {
            if let Some(text) = names::config_key(key) {
                problems.push(Problem::invalid(format!("{part}[{key}]"), key.as_str(), text));
            }
        }
    }
    let is_secret = resource.id.plural == "secrets";
    // Bytes are written as letters of base64, four for three.
    let held = |part: &str, is_encoded: bool| {
        let texts = object[part].as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str());
        let padding = |text: &str| text.bytes().rev().take_while(|letter| *letter == b'=').count();
        texts
            .map(|text| if is_encoded { text.len() / 4 * 3 - padding(text) } else { text.len() })
            .sum::<usize>()
    };
    if held("data", is_secret) + held("binaryData", true) > CONFIG_BYTES_MAX {
        problems.push(too_long(if is_secret { "data" } else { "[]" }, CONFIG_BYTES_MAX));
    }
    let Some(old) = old else { return };
    if is_secret {
        immutable("type", &old["type"], &object["type"], problems);
    }
    if old["immutable"] == true {
        if object["immutable"] != true {
            problems.push(Problem::new(
                ProblemKind::Forbidden,
                "immutable",
                Value::Null,
                "field is immutable when `immutable` is set",
            ));
        }
        if old["data"] != object["data"] {
            problems.push(Problem::new(
                ProblemKind::Forbidden,
                "data",
                Value::Null,
                "field is immutable when `immutable` is set",
            ));
        }
    }
}

fn ingress(object: &Value, problems: &mut Vec<Problem>) {
    let spec = &object["spec"];
    let rules: Vec<&Value> = spec["rules"].as_array().into_iter().flatten().collect();
    if rules.is_empty() && spec["defaultBackend"].is_null() {
        problems.push(Problem::invalid(
            "spec",
            Value::Array(Vec::new()),
            "either `defaultBackend` or `rules` must be specified",
        ));
    }
    if spec["defaultBackend"].is_object() {
        ingress_backend(&spec["defaultBackend"], "spec.defaultBackend", problems);
    }
    for (index, rule) in rules.iter().enumerate() {
        let field = format!("spec.rules[{index}]");
        let host = rule["host"].as_str().unwrap_or_default();
        if !host.is_empty()
            && let Some(text) = names::ingress_host(host)
        {
            problems.push(Problem::invalid(format!("{field}.host"), host, text));
        }
        if !rule["http"].is_object() {
            continue;
        }
        let paths: Vec<&Value> = rule["http"]["paths"].as_array().into_iter().flatten().collect();
        if paths.is_empty() {
            problems.push(Problem::required(format!("{field}.http.paths"), ""));
        }
        for (position, path) in paths.iter().enumerate() {
            ingress_path(path, &format!("{field}.http.paths[{position}]"), problems);
        }
    }
    for (index, tls) in spec["tls"].as_array().into_iter().flatten().enumerate() {
        for (position, host) in meta::strings(&tls["hosts"]).iter().enumerate() {
            if let Some(text) = names::ingress_host(host) {
                problems.push(Problem::invalid(
                    format!("spec.tls[{index}].hosts[{position}]"),
                    host.as_str(),
                    text,
                ));
            }
        }
    }
    if let Some(class) = spec["ingressClassName"].as_str()
        && let Some(text) = names::subdomain(class)
    {
        problems.push(Problem::invalid("spec.ingressClassName", class, text));
    }
}

fn ingress_path(path: &Value, field: &str, problems: &mut Vec<Problem>) {
    const TYPES: [&str; 3] = ["Exact", "ImplementationSpecific", "Prefix"];
    let text = path["path"].as_str().unwrap_or_default();
    match path["pathType"].as_str() {
        None => problems.push(Problem::required(format!("{field}.pathType"), "pathType must be specified")),
        Some(kind) if !TYPES.contains(&kind) => {
            problems.push(Problem::unsupported(format!("{field}.pathType"), kind, &TYPES));
        }
        Some("ImplementationSpecific") if text.is_empty() => {}
        Some(_) if !text.starts_with('/') => {
            problems.push(Problem::invalid(format!("{field}.path"), text, "must be an absolute path"));
        }
        Some(_) => {
            for bad in ["//", "/./", "/../", "%2f", "%2F"] {
                if text.contains(bad) {
                    problems.push(Problem::invalid(
                        format!("{field}.path"),
                        text,
                        format!("must not contain '{bad}'"),
                    ));
                }
            }
        }
    }
    ingress_backend(&path["backend"], &format!("{field}.backend"), problems);
}

fn ingress_backend(backend: &Value, field: &str, problems: &mut Vec<Problem>) {
    let (service, other) = (&backend["service"], &backend["resource"]);
    if service.is_object() && other.is_object() {
        problems.push(Problem::invalid(field, "", "cannot set both resource and service backends"));
        return;
    }
    if other.is_object() {
        return;
    }
    if !service.is_object() {
        problems.push(Problem::required(field, "port name or number is required"));
        return;
    }
    let name = service["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        problems.push(Problem::required(format!("{field}.service.name"), ""));
    } else if let Some(text) = names::label_1035(name) {
        problems.push(Problem::invalid(format!("{field}.service.name"), name, text));
    }
    let port = &service["port"];
    let port_name = port["name"].as_str().unwrap_or_default();
    let number = port["number"].as_i64().unwrap_or_default();
    if port_name.is_empty() && number == 0 {
        problems.push(Problem::required(format!("{field}.service.port"), "port name or number is required"));
    } else if !port_name.is_empty() && number != 0 {
        problems.push(Problem::invalid(
            format!("{field}.service.port"),
            "",
            "cannot set both port name & port number",
        ));
    } else if port_name.is_empty() {
        port_number(&port["number"], &format!("{field}.service.port.number"), problems);
    }
}

fn ingress_class(object: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    let controller = object["spec"]["controller"].as_str().unwrap_or_default();
    if controller.is_empty() {
        problems.push(Problem::required("spec.controller", "controller is required"));
    } else if !controller.contains('/') {
        problems.push(Problem::invalid(
            "spec.controller",
            controller,
            "must be a domain-prefixed path (such as \"acme.io/foo\")",
        ));
    }
    if let Some(old) = old {
        immutable("spec.controller", &old["spec"]["controller"], &object["spec"]["controller"], problems);
    }
}

fn endpoint_slice(object: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    const TYPES: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
    match object["addressType"].as_str().unwrap_or_default() {
        "" => problems.push(Problem::required("addressType", "")),
        kind if !TYPES.contains(&kind) => problems.push(Problem::unsupported("addressType", kind, &TYPES)),
        _ => {}
    }
    for (index, endpoint) in object["endpoints"].as_array().into_iter().flatten().enumerate() {
        if meta::strings(&endpoint["addresses"]).is_empty() {
            problems.push(Problem::required(
                format!("endpoints[{index}].addresses"),
                "must contain at least 1 address",
            ));
        }
    }
    if let Some(old) = old {
        immutable("addressType", &old["addressType"], &object["addressType"], problems);
    }
}

fn lease(object: &Value, problems: &mut Vec<Problem>) {
    if let Some(seconds) = object["spec"]["leaseDurationSeconds"].as_i64()
        && seconds <= 0
    {
        problems.push(Problem::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
    }
    if let Some(count) = object["spec"]["leaseTransitions"].as_i64()
        && count < 0
    {
        problems.push(Problem::invalid("spec.leaseTransitions", count, "must be greater than or equal to 0"));
    }
}

fn role_binding(object: &Value, old: Option<&Value>, problems: &mut Vec<Problem>) {
    let reference = &object["roleRef"];
    let kind = reference["kind"].as_str().unwrap_or_default();
    if !["ClusterRole", "Role"].contains(&kind) {
        problems.push(Problem::unsupported("roleRef.kind", kind, &["Role", "ClusterRole"]));
    }
    if reference["name"].as_str().unwrap_or_default().is_empty() {
        problems.push(Problem::required("roleRef.name", ""));
    }
    if let Some(old) = old
        && old["roleRef"] != *reference
    {
        problems.push(Problem::invalid("roleRef", reference.clone(), "cannot change roleRef"));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ApiError;
    use crate::resource::{Registry, ResourceId};

    fn refused(group: &str, plural: &str, object: &Value) -> String {
        let resource = Registry::builtin().get(&ResourceId::new(group, plural)).unwrap().clone();
        let problems = validate(&resource, object, None);
        ApiError::invalid(&resource.id.group, &resource.kind, meta::name(object), &problems).to_string()
    }

    #[test]
    fn an_ingress_path_needs_a_path_type() {
        let ingress = json!({"metadata": {"name": "x", "namespace": "d"}, "spec": {"rules": [{"http": {"paths": [
            {"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}});
        assert_eq!(
            refused("networking.k8s.io", "ingresses", &ingress),
            "Ingress.networking.k8s.io \"x\" is invalid: spec.rules[0].http.paths[0].pathType: Required value: \
             pathType must be specified"
        );
    }

    #[test]
    fn names_are_checked_as_the_kind_wants_them() {
        let service = json!({"metadata": {"name": "1web", "namespace": "d"},
            "spec": {"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}]}});
        assert!(refused("", "services", &service).contains("a DNS-1035 label must consist of"));
        let config = json!({"metadata": {"name": "Web", "namespace": "d"}});
        assert!(refused("", "configmaps", &config).starts_with(
            "ConfigMap \"Web\" is invalid: metadata.name: Invalid value: \"Web\": a lowercase RFC 1123 subdomain"
        ));
    }
}
