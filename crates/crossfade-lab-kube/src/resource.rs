//! Which resources exist: names, kinds, scopes and subresources.
//!
//! The built-in ones are a table; those of CustomResourceDefinitions join when one is created. Nothing here
//! stores objects.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::crd::CustomVersion;
use crate::schema::{ObjectRef, builtin};

/// A resource by API group and plural name: `("apps", "deployments")`, `("", "pods")`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ResourceId {
    /// API group; empty for the core group.
    pub group: String,
    /// Plural name, lower case.
    pub plural: String,
}

impl ResourceId {
    /// The resource `plural` of `group`.
    pub fn new(group: &str, plural: &str) -> Self {
        ResourceId { group: group.to_owned(), plural: plural.to_owned() }
    }
}

/// `deployments.apps`, or `pods` in the core group: how error messages name a resource.
impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.plural)
        } else {
            write!(f, "{}.{}", self.plural, self.group)
        }
    }
}

/// What the version of a resource is made of.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A type of Kubernetes itself.
    Builtin,
    /// A version of a CustomResourceDefinition.
    Custom(Arc<CustomVersion>),
}

/// One served version of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) schema: ObjectRef,
    pub(crate) source: Source,
    /// The `/status` subresource exists: main writes leave `status` alone and status writes everything else.
    pub(crate) status: bool,
    /// Where `/scale` finds its numbers.
    pub(crate) scale: Option<ScalePaths>,
}

/// JSON paths (dotted, without a leading dot) behind the `scale` subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalePaths {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    /// Path of a serialized selector string, or of a `LabelSelector` for built-in kinds.
    pub(crate) selector: Option<String>,
}

/// A resource with everything that discovery says of it.
#[derive(Clone, Debug)]
pub(crate) struct ResourceType {
    pub(crate) id: ResourceId,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// Served versions, the preferred one first. Never empty.
    pub(crate) versions: Vec<Version>,
    /// `metadata.generation` counts changes of everything but metadata and status.
    pub(crate) counts_generation: bool,
    /// Objects are kept under this resource instead (`events.k8s.io` shares those of the core group).
    pub(crate) stored_as: Option<ResourceId>,
}

impl ResourceType {
    pub(crate) fn preferred(&self) -> &Version {
        &self.versions[0]
    }

    pub(crate) fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// `apps/v1`, or `v1` in the core group.
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.id.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.id.group) }
    }

    /// Under which name objects are kept.
    pub(crate) fn storage(&self) -> &ResourceId {
        self.stored_as.as_ref().unwrap_or(&self.id)
    }

    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.id.group == group && self.id.plural == plural
    }

    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.preferred().source, Source::Custom(_))
    }
}

/// Row of the table of built-in resources.
struct Builtin {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static str,
    flags: &'static str,
}

const fn row(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static str,
    flags: &'static str,
) -> Builtin {
    Builtin { group, version, kind, plural, short, flags }
}

/// Flags: `n` namespaced, `s` status subresource, `r` scale subresource, `g` generation is counted, `a` in
/// category `all`, `x` in category `api-extensions`.
const BUILTINS: [Builtin; 39] = [
    row("", "v1", "ConfigMap", "configmaps", "cm", "n"),
    row("", "v1", "Endpoints", "endpoints", "ep", "n"),
    row("", "v1", "Event", "events", "ev", "n"),
    row("", "v1", "LimitRange", "limitranges", "limits", "n"),
    row("", "v1", "Namespace", "namespaces", "ns", "s"),
    row("", "v1", "Node", "nodes", "no", "s"),
    row("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", "ns"),
    row("", "v1", "PersistentVolume", "persistentvolumes", "pv", "s"),
    row("", "v1", "Pod", "pods", "po", "nsga"),
    row("", "v1", "PodTemplate", "podtemplates", "", "n"),
    row("", "v1", "ReplicationController", "replicationcontrollers", "rc", "nsrga"),
    row("", "v1", "ResourceQuota", "resourcequotas", "quota", "ns"),
    row("", "v1", "Secret", "secrets", "", "n"),
    row("", "v1", "ServiceAccount", "serviceaccounts", "sa", "n"),
    row("", "v1", "Service", "services", "svc", "nsa"),
    row("apps", "v1", "ControllerRevision", "controllerrevisions", "", "n"),
    row("apps", "v1", "DaemonSet", "daemonsets", "ds", "nsga"),
    row("apps", "v1", "Deployment", "deployments", "deploy", "nsrga"),
    row("apps", "v1", "ReplicaSet", "replicasets", "rs", "nsrga"),
    row("apps", "v1", "StatefulSet", "statefulsets", "sts", "nsrga"),
    row("events.k8s.io", "v1", "Event", "events", "ev", "n"),
    row("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "nsa"),
    row("batch", "v1", "CronJob", "cronjobs", "cj", "nsga"),
    row("batch", "v1", "Job", "jobs", "", "nsga"),
    row("networking.k8s.io", "v1", "IngressClass", "ingressclasses", "", "g"),
    row("networking.k8s.io", "v1", "Ingress", "ingresses", "ing", "nsg"),
    row("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol", "ng"),
    row("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", "nsg"),
    row("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", "", ""),
    row("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", "", ""),
    row("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", "", "n"),
    row("rbac.authorization.k8s.io", "v1", "Role", "roles", "", "n"),
    row("storage.k8s.io", "v1", "CSIDriver", "csidrivers", "", ""),
    row("storage.k8s.io", "v1", "CSINode", "csinodes", "", ""),
    row("storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc", ""),
    row(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "crd,crds",
        "sgx",
    ),
    row("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc", ""),
    row("coordination.k8s.io", "v1", "Lease", "leases", "", "n"),
    row("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", "", "ng"),
];

/// API groups in the order a real server lists them; those of custom resources follow.
const GROUP_ORDER: [&str; 14] = [
    "",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
];

/// All resources a server serves at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    types: BTreeMap<ResourceId, Arc<ResourceType>>,
}

impl Registry {
    /// The built-in resources.
    pub(crate) fn builtin() -> Self {
        let mut registry = Registry::default();
        for row in &BUILTINS {
            registry.insert(Arc::new(builtin_type(row)));
        }
        registry
    }

    pub(crate) fn get(&self, id: &ResourceId) -> Option<&Arc<ResourceType>> {
        self.types.get(id)
    }

    pub(crate) fn insert(&mut self, resource: Arc<ResourceType>) {
        self.types.insert(resource.id.clone(), resource);
    }

    pub(crate) fn remove(&mut self, id: &ResourceId) {
        self.types.remove(id);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<ResourceType>> {
        self.types.values()
    }

    /// The resource of a kind, whatever its version.
    pub(crate) fn by_kind(&self, group: &str, kind: &str) -> Option<&Arc<ResourceType>> {
        self.types.values().find(|resource| resource.id.group == group && resource.kind == kind)
    }

    /// Group names with their versions, in discovery order. The core group is included as the empty string.
    pub(crate) fn groups(&self) -> Vec<(String, Vec<String>)> {
        let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for review in ["authentication.k8s.io", "authorization.k8s.io"] {
            versions.insert(review, vec!["v1".into()]);
        }
        for resource in self.types.values() {
            let listed = versions.entry(&resource.id.group).or_default();
            for version in &resource.versions {
                if !listed.contains(&version.name) {
                    listed.push(version.name.clone());
                }
            }
        }
        let rank =
            |group: &str| GROUP_ORDER.iter().position(|known| *known == group).unwrap_or(GROUP_ORDER.len());
        let mut groups: Vec<(String, Vec<String>)> =
            versions.into_iter().map(|(group, versions)| (group.to_owned(), versions)).collect();
        groups.sort_by_key(|(group, _)| rank(group));
        groups
    }
}

fn builtin_type(row: &Builtin) -> ResourceType {
    let has = |flag: char| row.flags.contains(flag);
    let mut categories = Vec::new();
    if has('a') {
        categories.push("all".to_owned());
    }
    if has('x') {
        categories.push("api-extensions".to_owned());
    }
    let scale = has('r').then(|| ScalePaths {
        spec_replicas: "spec.replicas".into(),
        status_replicas: "status.replicas".into(),
        selector: Some("spec.selector".into()),
    });
    ResourceType {
        id: ResourceId::new(row.group, row.plural),
        kind: row.kind.to_owned(),
        list_kind: format!("{}List", row.kind),
        singular: row.kind.to_lowercase(),
        short_names: row.short.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        categories,
        namespaced: has('n'),
        versions: vec![Version {
            name: row.version.to_owned(),
            schema: builtin::kind(row.group, row.version, row.kind),
            source: Source::Builtin,
            status: has('s'),
            scale,
        }],
        counts_generation: has('g'),
        stored_as: (row.group == "events.k8s.io").then(|| ResourceId::new("", "events")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_kind_has_fields() {
        for resource in Registry::builtin().iter() {
            assert!(
                resource.preferred().schema.get().fields.contains_key("metadata"),
                "{} has no known fields",
                resource.id
            );
        }
    }

    #[test]
    fn core_group_comes_first_in_discovery() {
        let groups = Registry::builtin().groups();
        assert_eq!(groups[0], (String::new(), vec!["v1".to_owned()]));
        assert_eq!(groups[1].0, "apps");
    }
}
