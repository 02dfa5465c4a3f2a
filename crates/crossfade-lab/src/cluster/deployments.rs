//! The deployment controller: a ReplicaSet per version of the template, scaled so that a rollout keeps enough pods.
//!
//! As `k8s.io/kubernetes/pkg/controller/deployment`, without: adoption of ReplicaSets it did not make, pausing in mid
//! rollout, the progress deadline (pods of the lab start at once).

use crossfade_lab_kube::ApiError;
use serde_json::{Value, json};

use super::events::{Event, Level};
use super::object::{
    self, annotation, is_controlled_by, is_deleting, name, namespace, owner_reference, set_metadata,
    status_count, wanted_replicas,
};
use super::{Cluster, kinds};

const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH_LABEL: &str = "pod-template-hash";
const COMPONENT: &str = "deployment-controller";
/// `spec.revisionHistoryLimit` when left out.
const HISTORY_LIMIT: i64 = 10;

impl Cluster {
    /// Brings one Deployment's ReplicaSets and status to what it asks for.
    pub(super) fn reconcile_deployment(&self, in_namespace: &str, with_name: &str) -> Result<(), ApiError> {
        let deployment = match self.store.get(&kinds::deployments(), Some(in_namespace), with_name) {
            Ok(deployment) => deployment,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
        };
        if is_deleting(&deployment) {
            return Ok(());
        }
        let (all, _) = self.store.list(&kinds::replica_sets(), Some(in_namespace))?;
        let owned: Vec<Value> = all
            .iter()
            .filter(|set| is_controlled_by(set, &deployment))
            .map(|set| Value::clone(set))
            .collect();
        let hash = template_hash(&deployment["spec"]["template"]);
        let revision_max = owned.iter().map(revision).max().unwrap_or(0);
        let (current, mut old): (Vec<Value>, Vec<Value>) =
            owned.into_iter().partition(|set| set["metadata"]["labels"][HASH_LABEL] == hash.as_str());
        old.sort_by_key(revision);
        let paused = deployment["spec"]["paused"] == true;
        let current = match current.into_iter().next() {
            Some(mut current) => {
                // An older template is the wanted one again: a rollback is a new revision.
                if revision(&current) < revision_max {
                    set_metadata(&mut current, "annotations", REVISION, &(revision_max + 1).to_string());
                    current = Value::clone(&*self.store.update(&kinds::replica_sets(), current)?);
                }
                Some(current)
            }
            None if paused => None,
            None => Some(self.create_replica_set(&deployment, &hash, revision_max + 1, &old)?),
        };
        if let Some(current) = &current {
            self.write_revision(&deployment, current)?;
        }
        if !paused {
            self.scale(&deployment, current.as_ref(), &old)?;
        }
        self.write_deployment_status(&deployment, current.as_ref(), &old)?;
        self.remove_history(&deployment, &old)
    }

    fn create_replica_set(
        &self,
        deployment: &Value,
        hash: &str,
        revision: i64,
        old: &[Value],
    ) -> Result<Value, ApiError> {
        let mut template = deployment["spec"]["template"].clone();
        set_metadata(&mut template, "labels", HASH_LABEL, hash);
        let mut selector = deployment["spec"]["selector"].clone();
        selector["matchLabels"][HASH_LABEL] = Value::from(hash);
        let wanted = wanted_replicas(deployment);
        let replicas = new_replicas(deployment, 0, old.iter().map(wanted_replicas).sum());
        let set_name = format!("{}-{hash}", name(deployment));
        let surge = rolling_limits(deployment).map_or(0, |(surge, _)| surge);
        let set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": set_name, "namespace": namespace(deployment),
                "labels": template["metadata"]["labels"],
                "annotations": {
                    REVISION: revision.to_string(),
                    "deployment.kubernetes.io/desired-replicas": wanted.to_string(),
                    "deployment.kubernetes.io/max-replicas": (wanted + surge).to_string(),
                },
                "ownerReferences": [owner_reference(deployment, "apps/v1", "Deployment")],
            },
            "spec": { "replicas": replicas, "selector": selector, "template": template },
        });
        let created = self.store.create(&kinds::replica_sets(), set)?;
        self.events.record(Event {
            object: deployment,
            component: COMPONENT,
            level: Level::Normal,
            reason: "ScalingReplicaSet",
            message: format!("Scaled up replica set {set_name} from 0 to {replicas}"),
        });
        Ok(Value::clone(&created))
    }

    fn write_revision(&self, deployment: &Value, current: &Value) -> Result<(), ApiError> {
        let wanted = revision(current).to_string();
        if annotation(deployment, REVISION) == Some(wanted.as_str()) {
            return Ok(());
        }
        let latest = self.store.get(&kinds::deployments(), Some(namespace(deployment)), name(deployment))?;
        let mut latest = Value::clone(&latest);
        set_metadata(&mut latest, "annotations", REVISION, &wanted);
        self.store.update(&kinds::deployments(), latest).map(drop)
    }

    /// One step of a rollout; the changes of the ReplicaSets' status lead to the next one.
    fn scale(&self, deployment: &Value, current: Option<&Value>, old: &[Value]) -> Result<(), ApiError> {
        let Some(current) = current else { return Ok(()) };
        let wanted = wanted_replicas(deployment);
        let old_replicas: i64 = old.iter().map(wanted_replicas).sum();
        let now = wanted_replicas(current);
        let replicas = if now > wanted { wanted } else { new_replicas(deployment, now, old_replicas) };
        if replicas != now {
            self.scale_set(deployment, current, replicas)?;
        }
        if old_replicas == 0 {
            return Ok(());
        }
        let Some((_, unavailable)) = rolling_limits(deployment) else {
            // Recreate: the old ones go first.
            for set in old.iter().filter(|set| wanted_replicas(set) > 0) {
                self.scale_set(deployment, set, 0)?;
            }
            return Ok(());
        };
        let available_min = wanted - unavailable;
        let new_unavailable = now - status_count(current, "availableReplicas");
        let mut may_go = (old_replicas + now) - available_min - new_unavailable;
        let available: i64 =
            old.iter().chain([current]).map(|set| status_count(set, "availableReplicas")).sum();
        let mut available_may_go = available - available_min;
        for set in old.iter().filter(|set| wanted_replicas(set) > 0) {
            let replicas = wanted_replicas(set);
            let broken = (replicas - status_count(set, "availableReplicas")).clamp(0, may_go.max(0));
            let healthy = (replicas - broken).min(available_may_go).min(may_go - broken).max(0);
            may_go -= broken + healthy;
            available_may_go -= healthy;
            if broken + healthy > 0 {
                self.scale_set(deployment, set, replicas - broken - healthy)?;
            }
        }
        Ok(())
    }

    fn scale_set(&self, deployment: &Value, set: &Value, replicas: i64) -> Result<(), ApiError> {
        let latest = self.store.get(&kinds::replica_sets(), Some(namespace(set)), name(set))?;
        let mut latest = Value::clone(&latest);
        let before = wanted_replicas(&latest);
        latest["spec"]["replicas"] = Value::from(replicas);
        let wanted = wanted_replicas(deployment).to_string();
        set_metadata(&mut latest, "annotations", "deployment.kubernetes.io/desired-replicas", &wanted);
        self.store.update(&kinds::replica_sets(), latest)?;
        let direction = if replicas > before { "up" } else { "down" };
        self.events.record(Event {
            object: deployment,
            component: COMPONENT,
            level: Level::Normal,
            reason: "ScalingReplicaSet",
            message: format!("Scaled {direction} replica set {} from {before} to {replicas}", name(set)),
        });
        Ok(())
    }

    fn write_deployment_status(
        &self,
        deployment: &Value,
        current: Option<&Value>,
        old: &[Value],
    ) -> Result<(), ApiError> {
        let latest = self.store.get(&kinds::deployments(), Some(namespace(deployment)), name(deployment))?;
        let sum = |field: &str| old.iter().chain(current).map(|set| status_count(set, field)).sum::<i64>();
        let updated = current.map_or(0, |set| status_count(set, "replicas"));
        let (replicas, available) = (sum("replicas"), sum("availableReplicas"));
        let wanted = wanted_replicas(&latest);
        let unavailable = (replicas.max(wanted) - available).max(0);
        let mut status = json!({ "observedGeneration": deployment["metadata"]["generation"] });
        for (field, count) in [
            ("replicas", replicas),
            ("updatedReplicas", updated),
            ("readyReplicas", sum("readyReplicas")),
            ("availableReplicas", available),
            ("unavailableReplicas", unavailable),
        ] {
            if count > 0 {
                status[field] = Value::from(count);
            }
        }
        let available_min = wanted - rolling_limits(&latest).map_or(wanted, |(_, unavailable)| unavailable);
        let is_available = available >= available_min.max(wanted.min(1));
        let complete = updated == wanted && replicas == wanted && available == wanted;
        status["conditions"] =
            json!([available_condition(is_available), progressing_condition(current, complete, &latest)]);
        super::conditions::keep_times(&mut status["conditions"], &latest["status"]["conditions"]);
        if latest["status"] == status {
            return Ok(());
        }
        let mut latest = Value::clone(&latest);
        latest["status"] = status;
        self.store.update_status(&kinds::deployments(), latest).map(drop)
    }

    fn remove_history(&self, deployment: &Value, old: &[Value]) -> Result<(), ApiError> {
        let limit = deployment["spec"]["revisionHistoryLimit"].as_i64().unwrap_or(HISTORY_LIMIT);
        let limit = usize::try_from(limit).unwrap_or(0);
        let idle: Vec<&Value> = old
            .iter()
            .filter(|set| {
                wanted_replicas(set) == 0 && status_count(set, "replicas") == 0 && !is_deleting(set)
            })
            .collect();
        for set in &idle[..idle.len().saturating_sub(limit)] {
            self.store.delete(&kinds::replica_sets(), Some(namespace(set)), name(set))?;
        }
        Ok(())
    }
}

fn revision(set: &Value) -> i64 {
    annotation(set, REVISION).and_then(|revision| revision.parse().ok()).unwrap_or(0)
}

/// How many replicas the newest ReplicaSet may have now.
fn new_replicas(deployment: &Value, now: i64, old_replicas: i64) -> i64 {
    let wanted = wanted_replicas(deployment);
    match rolling_limits(deployment) {
        Some((surge, _)) => {
            let room = (wanted + surge - now - old_replicas).max(0);
            now + room.min(wanted - now).max(0)
        }
        None if old_replicas > 0 => now,
        None => wanted,
    }
}

/// `maxSurge` and `maxUnavailable` in pods; `None` for the strategy Recreate.
fn rolling_limits(deployment: &Value) -> Option<(i64, i64)> {
    let strategy = &deployment["spec"]["strategy"];
    if strategy["type"] == "Recreate" {
        return None;
    }
    let wanted = wanted_replicas(deployment);
    let rolling = &strategy["rollingUpdate"];
    let surge = resolve(&rolling["maxSurge"], wanted, Rounding::Up);
    let unavailable = resolve(&rolling["maxUnavailable"], wanted, Rounding::Down);
    // Both zero could never move; the real controller allows one as well.
    Some(if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) })
}

#[derive(Clone, Copy)]
enum Rounding {
    Up,
    Down,
}

/// A number, or a share of `wanted`; 25 % when left out.
fn resolve(value: &Value, wanted: i64, rounding: Rounding) -> i64 {
    if let Some(number) = value.as_i64() {
        return number.max(0);
    }
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok()).unwrap_or(25);
    let hundredfold = percent.max(0) * wanted.max(0);
    match rounding {
        Rounding::Up => (hundredfold + 99) / 100,
        Rounding::Down => hundredfold / 100,
    }
}

fn available_condition(is_available: bool) -> Value {
    if is_available {
        json!({ "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                "message": "Deployment has minimum availability." })
    } else {
        json!({ "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
                "message": "Deployment does not have minimum availability." })
    }
}

fn progressing_condition(current: Option<&Value>, complete: bool, deployment: &Value) -> Value {
    let (reason, message) = match current {
        Some(set) if complete => {
            ("NewReplicaSetAvailable", format!("ReplicaSet \"{}\" has successfully progressed.", name(set)))
        }
        Some(set) => {
            // A rollout that was complete and lost pods is not progressing again.
            let known =
                deployment["status"]["conditions"].as_array().into_iter().flatten().find(|condition| {
                    condition["reason"] == "NewReplicaSetAvailable"
                        && condition["message"].as_str().is_some_and(|text| text.contains(name(set)))
                });
            if let Some(known) = known {
                return known.clone();
            }
            ("ReplicaSetUpdated", format!("ReplicaSet \"{}\" is progressing.", name(set)))
        }
        None => ("DeploymentPaused", "Deployment is paused".to_owned()),
    };
    let status = if current.is_some() { "True" } else { "Unknown" };
    json!({ "type": "Progressing", "status": status, "reason": reason, "message": message })
}

/// The label that tells a template's pods apart: a hash in characters that form no words, as in Kubernetes.
fn template_hash(template: &Value) -> String {
    let mut text = String::new();
    canonical(template, &mut text);
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    object::safe_encode(&hash.to_string())
}

/// JSON with sorted keys, so that equal templates have equal hashes.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in entries {
                text.push_str(key);
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_deployment(replicas: i64, strategy: &Value) -> Value {
        json!({ "spec": { "replicas": replicas, "strategy": strategy } })
    }

    #[test]
    fn limits_round_as_in_kubernetes() {
        let rolling = json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } });
        assert_eq!(rolling_limits(&mk_deployment(3, &rolling)), Some((1, 0)));
        assert_eq!(rolling_limits(&mk_deployment(8, &rolling)), Some((2, 2)));
        let stuck = json!({ "rollingUpdate": { "maxSurge": 0, "maxUnavailable": 0 } });
        assert_eq!(rolling_limits(&mk_deployment(3, &stuck)), Some((0, 1)));
        assert_eq!(rolling_limits(&mk_deployment(3, &json!({ "type": "Recreate" }))), None);
    }

    #[test]
    fn a_rollout_surges_and_a_recreate_waits() {
        let rolling = mk_deployment(3, &json!({}));
        assert_eq!(new_replicas(&rolling, 0, 0), 3);
        assert_eq!(new_replicas(&rolling, 0, 3), 1);
        assert_eq!(new_replicas(&rolling, 1, 2), 2);
        let recreate = mk_deployment(3, &json!({ "type": "Recreate" }));
        assert_eq!(new_replicas(&recreate, 0, 3), 0);
        assert_eq!(new_replicas(&recreate, 0, 0), 3);
    }

    #[test]
    fn hashes_follow_the_template_and_not_its_order() {
        let one = json!({ "a": 1, "b": [1, 2] });
        assert_eq!(template_hash(&one), template_hash(&json!({ "b": [1, 2], "a": 1, "c": null })));
        assert_ne!(template_hash(&one), template_hash(&json!({ "a": 1, "b": [2, 1] })));
    }
}
