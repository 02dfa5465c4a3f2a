//! Rendered files to objects: split, told apart from hooks, and put into the order of installation.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::value::{Map, Value};
use crate::yaml::{self, scalar_text};

/// An object of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The template it comes from, as in `# Source: …`.
    pub source: String,
    /// Its YAML.
    pub text: String,
    /// Its kind; empty when it says none.
    pub kind: String,
}

/// An object that is created at a moment of the release's life, not with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The template it comes from.
    pub source: String,
    /// Its YAML.
    pub text: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The moments: `pre-install`, `test`, …
    pub events: Vec<String>,
    /// Its place among hooks of the same moment.
    pub weight: i64,
    /// When it is deleted: `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<String>,
}

/// A file with custom resource definitions; it is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    /// Its path, as in `# Source: …`.
    pub source: String,
    /// Its text.
    pub text: String,
}

/// Kinds in the order they are installed; unknown ones come last, by name.
const INSTALL_ORDER: [&str; 36] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

const EVENTS: [&str; 9] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
];

/// The versions helm 3.22 has built in, whatever Kubernetes version is asked for.
pub(super) const API_VERSIONS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

/// Whether a file under `crds/` counts.
pub(super) fn is_manifest_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(extension.as_deref(), Some("yaml" | "yml" | "json"))
}

/// The documents of a file: helm cuts at `---` on a line start, before it reads any YAML. The blanks behind a cut belong
/// to it, also line ends: of two cuts with nothing between them the second one stays in the text.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let text = text.trim();
    let (mut start, mut at) = (0, 0);
    while let Some(offset) = text[at..].find("---") {
        let found = at + offset;
        at = found + 3;
        if found == 0 || found > start && text[..found].ends_with('\n') {
            documents.push(text[start..found].trim());
            start = text.len() - text[at..].trim_start().len();
            at = start;
        }
    }
    documents.push(text[start..].trim());
    documents.retain(|document| !document.is_empty());
    documents
}

/// Sorts rendered files into objects and hooks.
pub(super) fn sort(texts: &BTreeMap<String, String>) -> Result<(Vec<Manifest>, Vec<Hook>), Error> {
    let (mut manifests, mut hooks) = (Vec::new(), Vec::new());
    for (path, text) in texts {
        for document in split(text) {
            let broken = |reason: String| Error::Manifest { path: path.clone(), reason };
            let head = Head::read(document).map_err(broken)?;
            match head.annotations.get("helm.sh/hook") {
                None => manifests.push(Manifest {
                    source: path.clone(),
                    text: document.to_owned(),
                    kind: head.kind,
                }),
                Some(events) => hooks.extend(hook(path, document, &head, &events.to_string())),
            }
        }
    }
    manifests.sort_by_cached_key(|manifest| place(&manifest.kind));
    hooks.sort_by_cached_key(|hook| place(&hook.kind));
    Ok((manifests, hooks))
}

fn place(kind: &str) -> (usize, String) {
    match INSTALL_ORDER.iter().position(|known| *known == kind) {
        Some(place) => (place, String::new()),
        None => (INSTALL_ORDER.len(), kind.to_owned()),
    }
}

/// A hook, unless one of its moments is unknown: helm then drops it.
fn hook(path: &str, document: &str, head: &Head, events: &str) -> Option<Hook> {
    let mut known = Vec::new();
    for event in events.split(',') {
        let event = event.trim().to_lowercase();
        let event = if event == "test-success" { "test".to_owned() } else { event };
        known.push(EVENTS.contains(&event.as_str()).then_some(event)?);
    }
    let annotation = |name: &str| head.annotations.get(name).and_then(|value| scalar_text(&value));
    let delete_policies = annotation("helm.sh/hook-delete-policy").unwrap_or_default();
    Some(Hook {
        source: path.to_owned(),
        text: document.to_owned(),
        kind: head.kind.clone(),
        name: head.name.clone(),
        events: known,
        weight: annotation("helm.sh/hook-weight").and_then(|weight| weight.parse().ok()).unwrap_or(0),
        delete_policies: delete_policies
            .split(',')
            .map(|policy| policy.trim().to_lowercase())
            .filter(|policy| !policy.is_empty())
            .collect(),
    })
}

/// The little helm reads of every object.
struct Head {
    kind: String,
    name: String,
    annotations: Map,
}

impl Head {
    fn read(document: &str) -> Result<Self, String> {
        let value = yaml::read(document).map_err(|error| error.to_string())?;
        let wrong = |kind: &str, wanted: &str| {
            format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} into Go {wanted}"
            )
        };
        let map = match value {
            Value::Map(map) => map,
            Value::Nil => Map::new(),
            Value::List(_) => return Err(wrong("array", "value of type releaseutil.SimpleHead")),
            Value::String(_) => return Err(wrong("string", "value of type releaseutil.SimpleHead")),
            Value::Bool(_) => return Err(wrong("bool", "value of type releaseutil.SimpleHead")),
            _ => return Err(wrong("number", "value of type releaseutil.SimpleHead")),
        };
        let text = |map: &Map, key: &str, path: &str| match map.get(key) {
            None | Some(Value::Nil) => Ok(String::new()),
            Some(other) => match scalar_text(&other) {
                Some(text) => Ok(text),
                None => Err(wrong(json_kind(&other), &format!("struct field {path}{key} of type string"))),
            },
        };
        text(&map, "apiVersion", "SimpleHead.")?;
        let kind = text(&map, "kind", "SimpleHead.")?;
        let metadata = match map.get("metadata") {
            None | Some(Value::Nil) => Map::new(),
            Some(Value::Map(metadata)) => metadata,
            Some(other) => {
                let wanted = format!("struct field SimpleHead.metadata of type {METADATA_TYPE}");
                return Err(wrong(json_kind(&other), &wanted));
            }
        };
        let name = text(&metadata, "name", "SimpleHead.metadata.")?;
        let annotations = match metadata.get("annotations") {
            None | Some(Value::Nil) => Map::new(),
            Some(Value::Map(annotations)) => annotations,
            Some(other) => {
                let wanted = "struct field .metadata.annotations of type map[string]string";
                return Err(wrong(json_kind(&other), wanted));
            }
        };
        for (_, value) in annotations.entries() {
            if scalar_text(&value).is_none() && !value.is_nil() {
                let kind = json_kind(&value);
                return Err(wrong(kind, "struct field SimpleHead.metadata.annotations of type string"));
            }
        }
        Ok(Self { kind, name, annotations })
    }
}

/// What Go calls the type of an object's metadata.
const METADATA_TYPE: &str =
    r#"struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }"#;

fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Map(_) => "object",
        Value::List(_) => "array",
        Value::String(_) => "string",
        _ => "number",
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn files_are_cut_at_line_starts_only() {
        assert_eq!(split("---\na: 1\n---\n\n--- \nb: '---'\n  ---x\n"), ["a: 1", "--- \nb: '---'\n  ---x"]);
        assert_eq!(split("a: |\n  x---y\n"), ["a: |\n  x---y"]);
        assert_eq!(split("---\n---\na: 1\n---\n"), ["---\na: 1"]);
        assert!(split("\n\n").is_empty());
    }
}
