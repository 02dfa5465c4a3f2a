//! Teams: a namespace each, with what it may use and who may look at it.
//!
//! A team's rights in Kubernetes hang on a group of its own name; who is in the group is said by the cluster's access
//! entries, and an administrators' team needs no more than those.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::text::{LabelKey, LabelValue, ObjectName, PlainValue, TextError};

/// What asks the load balancer controller for readiness gates; see its guide, "Pod readiness gate".
const READINESS_GATE_LABEL: &str = "elbv2.k8s.aws/pod-readiness-gate-inject";
/// The role on AWS that pods of a service account may take.
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// How much a team may use, and whether it may do everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamKind {
    /// Administrators of the cluster, by its access entries.
    Platform,
    /// May look at their namespace, at nodes and at namespaces.
    Application,
}

/// A team and its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Also the group that its people are in: `team-burnham`.
    pub name: ObjectName,
    /// Usually the same.
    pub namespace: ObjectName,
    /// The annotation `team`: `burnham`.
    pub short_name: LabelValue,
    /// What it may do.
    pub kind: TeamKind,
    /// Labels of the namespace and of what is made for it.
    pub labels: BTreeMap<LabelKey, LabelValue>,
    /// The role on AWS for its service account.
    pub role_arn: Option<PlainValue>,
}

/// Container limits of teams that set none: the pattern's, small on purpose.
const DEFAULT_LIMIT_MEMORY: &str = "24Mi";

impl Team {
    /// The six teams of the pattern.
    pub fn of_the_pattern() -> Result<Vec<Team>, TextError> {
        let mut teams = vec![
            Team::named("team-platform", "team-platform", "platform", TeamKind::Platform, &[])?,
            Team::named("team-burnham", "team-burnham", "burnham", TeamKind::Application, &["team"])?,
            Team::named("team-riker", "team-riker", "riker", TeamKind::Application, &["team"])?,
        ];
        for app in ["ecsdemo-frontend", "ecsdemo-nodejs", "ecsdemo-crystal"] {
            let mut team = Team::named(&format!("team-{app}"), app, app, TeamKind::Application, &[])?;
            team.labels.insert(LabelKey::parse("appName")?, LabelValue::parse(&format!("{app}-app"))?);
            team.labels.insert(LabelKey::parse("projectName")?, LabelValue::parse(app)?);
            team.labels.insert(LabelKey::parse("environment")?, LabelValue::parse("dev")?);
            teams.push(team);
        }
        Ok(teams)
    }

    fn named(
        name: &str,
        namespace: &str,
        short_name: &str,
        kind: TeamKind,
        own_name_as: &[&str],
    ) -> Result<Team, TextError> {
        let mut labels = BTreeMap::new();
        labels.insert(LabelKey::parse("appName")?, LabelValue::parse(&format!("{short_name}-team-app"))?);
        labels.insert(LabelKey::parse("projectName")?, LabelValue::parse(&format!("project-{short_name}"))?);
        for key in own_name_as {
            labels.insert(LabelKey::parse(key)?, LabelValue::parse(short_name)?);
        }
        Ok(Team {
            name: ObjectName::parse(name)?,
            namespace: ObjectName::parse(namespace)?,
            short_name: LabelValue::parse(short_name)?,
            kind,
            labels,
            role_arn: None,
        })
    }

    /// The namespace itself.
    pub fn namespace_object(&self) -> Value {
        self.object("v1", "Namespace", self.namespace.as_str(), None, json!({}))
    }

    /// What is in the namespace or about it, after the namespace.
    pub fn objects(&self) -> Vec<Value> {
        let namespace = self.namespace.as_str();
        let inside = Some(namespace);
        let quota = json!({ "spec": { "hard": self.quota() } });
        let limits = json!({ "spec": { "limits": self.limits() } });
        let mut account = json!({ "automountServiceAccountToken": false });
        let mut objects = vec![
            self.object("v1", "ResourceQuota", namespace, inside, quota),
            self.object("v1", "LimitRange", namespace, inside, limits),
        ];
        if let Some(role) = &self.role_arn {
            account["metadata"] = json!({ "annotations": { ROLE_ANNOTATION: role.as_str() } });
        }
        objects.push(self.object("v1", "ServiceAccount", namespace, inside, account));
        if self.kind == TeamKind::Application {
            objects.extend(self.rights());
        }
        objects
    }

    fn rights(&self) -> [Value; 3] {
        let version = "rbac.authorization.k8s.io/v1";
        let of_cluster = format!("{}-cluster", self.name);
        let in_namespace = format!("{}-{}", self.name, self.namespace);
        let group = json!([{ "apiGroup": RBAC_GROUP, "kind": "Group", "name": self.name.as_str() }]);
        let role_of = |name: &str| json!({ "apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": name });
        let rules = json!({ "rules": [
            { "apiGroups": [""], "resources": ["namespaces", "nodes"], "verbs": ["get", "list", "watch"] },
        ] });
        let bound = json!({ "roleRef": role_of(&of_cluster), "subjects": group });
        let view = json!({ "roleRef": role_of("view"), "subjects": group });
        [
            self.object(version, "ClusterRole", &of_cluster, None, rules),
            self.object(version, "ClusterRoleBinding", &of_cluster, None, bound),
            self.object(version, "RoleBinding", &in_namespace, Some(self.namespace.as_str()), view),
        ]
    }

    fn quota(&self) -> Value {
        match self.kind {
            TeamKind::Platform => json!({
                "requests.cpu": "10000m", "requests.memory": "20Gi",
                "limits.cpu": "20000m", "limits.memory": "50Gi",
                "pods": "20", "secrets": "20", "services": "20",
            }),
            TeamKind::Application => json!({
                "requests.cpu": "100", "requests.memory": "20Gi",
                "limits.cpu": "200", "limits.memory": "50Gi",
                "pods": "100", "secrets": "10", "services": "20",
            }),
        }
    }

    fn limits(&self) -> Value {
        let claims = json!({ "type": "PersistentVolumeClaim", "min": { "storage": "24M" } });
        let min = json!({ "cpu": "10m", "memory": "4Mi" });
        match self.kind {
            TeamKind::Platform => json!([
                { "type": "Pod", "max": { "cpu": "1000m", "memory": "1Gi" }, "min": min },
                claims,
            ]),
            TeamKind::Application => json!([
                { "type": "Pod", "max": { "cpu": "2", "memory": "1Gi" }, "min": min },
                claims,
                { "type": "Container", "default": { "cpu": "50m", "memory": DEFAULT_LIMIT_MEMORY } },
            ]),
        }
    }

    fn object(&self, version: &str, kind: &str, name: &str, namespace: Option<&str>, rest: Value) -> Value {
        let mut labels: Map<String, Value> =
            self.labels.iter().map(|(key, value)| (key.to_string(), value.as_str().into())).collect();
        labels.insert(READINESS_GATE_LABEL.to_owned(), "enabled".into());
        let mut object = json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": { "team": self.short_name.as_str() },
            },
        });
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = namespace.into();
        }
        merge(&mut object, rest);
        object
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
