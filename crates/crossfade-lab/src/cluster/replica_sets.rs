//! The ReplicaSet controller: as many pods as wanted, made from the template.

use std::sync::Arc;

use crossfade_lab_kube::ApiError;
use serde_json::{Value, json};

use super::events::{Event, Level};
use super::object::{
    self, has_condition, is_controlled_by, is_deleting, name, namespace, owner_reference, wanted_replicas,
};
use super::{Cluster, kinds};

const COMPONENT: &str = "replicaset-controller";
/// Pods that one look at a ReplicaSet makes at most; the events of those lead to the next look. Kubernetes has 500.
const BURST: usize = 100;

impl Cluster {
    /// Brings one ReplicaSet's pods and status to what it asks for.
    pub(super) fn reconcile_replica_set(&self, in_namespace: &str, with_name: &str) -> Result<(), ApiError> {
        let set = match self.store.get(&kinds::replica_sets(), Some(in_namespace), with_name) {
            Ok(set) => set,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        if is_deleting(&set) {
            return Ok(());
        }
        let mut pods = self.pods_of(&set)?;
        let wanted = usize::try_from(wanted_replicas(&set)).unwrap_or(0);
        for _ in 0..wanted.saturating_sub(pods.len()).min(BURST) {
            pods.push(self.create_pod(&set)?);
        }
        if pods.len() > wanted {
            // Those that are not ready go first, then the youngest.
            pods.sort_by_key(|pod| {
                let created = pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
                (has_condition(pod, "Ready"), std::cmp::Reverse(created))
            });
            for pod in pods.drain(..pods.len() - wanted) {
                self.store.delete(&kinds::pods(), Some(in_namespace), name(&pod))?;
                self.event(&set, "SuccessfulDelete", format!("Deleted pod: {}", name(&pod)));
            }
        }
        self.write_replica_set_status(&set, &pods)
    }

    fn pods_of(&self, set: &Value) -> Result<Vec<Arc<Value>>, ApiError> {
        let (all, _) = self.store.list(&kinds::pods(), Some(namespace(set)))?;
        let is_its = |pod: &Arc<Value>| {
            let finished = matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
            is_controlled_by(pod, set) && !is_deleting(pod) && !finished
        };
        Ok(all.into_iter().filter(is_its).collect())
    }

    fn create_pod(&self, set: &Value) -> Result<Arc<Value>, ApiError> {
        let prefix = format!("{}-", name(set));
        let pod_name = format!("{prefix}{}", self.suffix());
        let template = &set["spec"]["template"];
        let mut metadata = template["metadata"].clone();
        if !metadata.is_object() {
            metadata = json!({});
        }
        metadata["name"] = Value::from(pod_name.as_str());
        metadata["generateName"] = Value::from(prefix);
        metadata["namespace"] = Value::from(namespace(set));
        metadata["ownerReferences"] = json!([owner_reference(set, "apps/v1", "ReplicaSet")]);
        let pod =
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] });
        match self.store.create(&kinds::pods(), pod) {
            Ok(pod) => {
                self.event(set, "SuccessfulCreate", format!("Created pod: {pod_name}"));
                Ok(pod)
            }
            Err(error) => {
                self.events.record(Event {
                    object: set,
                    component: COMPONENT,
                    level: Level::Warning,
                    reason: "FailedCreate",
                    message: format!("Error creating: {error}"),
                });
                Err(error)
            }
        }
    }

    fn event(&self, set: &Value, reason: &'static str, message: String) {
        self.events.record(Event {
            object: set,
            component: COMPONENT,
            level: Level::Normal,
            reason,
            message,
        });
    }

    fn write_replica_set_status(&self, set: &Value, pods: &[Arc<Value>]) -> Result<(), ApiError> {
        let ready = pods.iter().filter(|pod| has_condition(pod, "Ready")).count();
        let mut status = json!({
            "replicas": pods.len(),
            "observedGeneration": set["metadata"]["generation"],
        });
        if !pods.is_empty() {
            status["fullyLabeledReplicas"] = Value::from(pods.len());
        }
        if ready > 0 {
            status["readyReplicas"] = Value::from(ready);
            status["availableReplicas"] = Value::from(ready);
        }
        if set["status"] == status {
            return Ok(());
        }
        let mut set = set.clone();
        set["status"] = status;
        // Only the status is written; what others changed meanwhile does not matter to it.
        if let Some(metadata) = set["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        self.store.update_status(&kinds::replica_sets(), set).map(drop)
    }

    fn suffix(&self) -> String {
        object::suffix(&mut self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
