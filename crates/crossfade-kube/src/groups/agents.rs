//! Which objects an agent keeps as declared elsewhere: writing to those is fighting with it.

use std::collections::BTreeMap;

use crossfade_api::annotations::{
    AGENT_FIELD_MANAGERS, ARGOCD_TRACKING_ID, FLUX_HELM_NAME_LABEL, FLUX_KUSTOMIZE_NAME_LABEL,
};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, ObjectMeta};
use kube::{Api, ResourceExt};

use crate::error::is_absent;
use crate::groups::{Knob, KnobKind};
use crate::{Cluster, KubeError};

/// Flux's marks: what applied the object.
const FLUX_LABELS: [&str; 2] = [FLUX_KUSTOMIZE_NAME_LABEL, FLUX_HELM_NAME_LABEL];

/// What the Applications of a cluster list as theirs.
#[derive(Clone, Debug, Default)]
pub struct Agents {
    /// (kind, namespace, name) -> Application.
    listed: BTreeMap<(String, String, String), String>,
}

impl Agents {
    /// Reads every Application's `status.resources`; a cluster without Argo CD has none.
    pub async fn read(cluster: &Cluster) -> Result<Agents, KubeError> {
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &ApiResource::from_gvk(&kind));
        let applications = match api.list(&ListParams::default()).await {
            Ok(list) => list.items,
            Err(kube::Error::Api(status)) if is_absent(&status) => Vec::new(),
            Err(error) => return Err(cluster.error("list applications", error)),
        };
        let mut agents = Agents::default();
        for application in applications {
            agents.take(&application);
        }
        Ok(agents)
    }

    fn take(&mut self, application: &DynamicObject) {
        let resources = application.data.pointer("/status/resources").and_then(serde_json::Value::as_array);
        for resource in resources.into_iter().flatten() {
            let text = |key: &str| {
                resource.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
            };
            self.listed.insert((text("kind"), text("namespace"), text("name")), application.name_any());
        }
    }

    /// Who keeps a knob, if anybody.
    pub fn keeper_of(&self, knob: &Knob) -> Option<String> {
        let kind = match knob.kind {
            KnobKind::Ingress => "Ingress",
            KnobKind::Service => "Service",
        };
        let key = (kind.to_owned(), knob.namespace.clone(), knob.name.clone());
        let listed = self.listed.get(&key).map(|name| format!("Argo CD (Application {name})"));
        listed.or_else(|| knob.kept_by.clone())
    }
}

/// Whether what [`Agents::keeper_of`] and [`Knob::kept_by`] say is Argo CD.
pub fn is_argo_cd(keeper: &str) -> bool {
    keeper.starts_with("Argo CD") || keeper.contains("argocd")
}

/// Who keeps an object, by the marks on it.
pub(super) fn kept_by_mark(meta: &ObjectMeta) -> Option<String> {
    let annotations = meta.annotations.as_ref();
    if let Some(tracking) = annotations.and_then(|annotations| annotations.get(ARGOCD_TRACKING_ID)) {
        let application = tracking.split(':').next().unwrap_or_default();
        return Some(format!("Argo CD (Application {application})"));
    }
    let labels = meta.labels.as_ref();
    if let Some(name) = FLUX_LABELS.iter().find_map(|label| labels?.get(*label)) {
        return Some(format!("Flux ({name})"));
    }
    let managers = meta.managed_fields.iter().flatten().filter_map(|entry| entry.manager.as_deref());
    let agent = managers.into_iter().find(|manager| AGENT_FIELD_MANAGERS.contains(manager))?;
    Some(format!("field manager {agent}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn recognises_the_marks() {
        let mark = |meta: serde_json::Value| kept_by_mark(&serde_json::from_value(meta).unwrap());
        let tracking = "team-burnham:networking.k8s.io/Ingress:team-burnham/burnham-ingress";
        assert_eq!(
            mark(json!({ "annotations": { ARGOCD_TRACKING_ID: tracking } })).unwrap(),
            "Argo CD (Application team-burnham)"
        );
        assert_eq!(mark(json!({ "labels": { FLUX_LABELS[0]: "apps" } })).unwrap(), "Flux (apps)");
        let fields = json!({ "managedFields": [{ "manager": "argocd-controller", "operation": "Apply" }] });
        assert!(is_argo_cd(&mark(fields).unwrap()));
        assert!(is_argo_cd(&mark(json!({ "annotations": { ARGOCD_TRACKING_ID: tracking } })).unwrap()));
        assert!(!is_argo_cd(&mark(json!({ "labels": { FLUX_LABELS[0]: "apps" } })).unwrap()));
        // Helm's own label is no sign of an agent.
        assert!(mark(json!({ "labels": { "app.kubernetes.io/instance": "burnham" } })).is_none());
    }
}
