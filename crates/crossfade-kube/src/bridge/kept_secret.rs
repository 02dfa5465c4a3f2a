//! Argo CD's own secret over an upgrade by Helm: what Helm takes out of it is put back.
//!
//! A release that once had a key of the secret (the pattern gives it the admin password) takes the whole of its data away when
//! the key is no longer among its values: with it the key that signs sessions and the server's certificate. It does so again after
//! an upgrade that failed, for it starts from the last one that did not. Values are never part of a message.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams};
use serde_json::json;

use crate::{Cluster, FIELD_MANAGER, KubeError};

/// Argo CD's own secret.
const SECRET: &str = "argocd-secret";
/// What Argo CD makes once and nobody changes: another one tells that all was taken away and begun anew.
const SIGNING_KEY: &str = "server.secretkey";
/// Who writes its data and takes none of it away: we, Argo CD's parts, and people.
const HARMLESS_MANAGERS: [&str; 3] = [FIELD_MANAGER, "argocd", "kubectl"];

/// What was in Argo CD's secret before an upgrade that may take it away.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeptSecret {
    data: BTreeMap<String, ByteString>,
    /// Helm has some of it in its hands.
    is_helms: bool,
}

impl fmt::Debug for KeptSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.data.keys().collect();
        write!(f, "KeptSecret({keys:?})")
    }
}

impl KeptSecret {
    /// Reads it.
    pub async fn read(cluster: &Cluster, namespace: &str) -> Result<Self, KubeError> {
        let found = secret(cluster, namespace).await?.unwrap_or_default();
        let is_helms = others_have_data(&found.metadata);
        Ok(KeptSecret { data: found.data.unwrap_or_default(), is_helms })
    }

    /// Writes again what is no longer as it was, if it was taken away and not changed by somebody; says so. The write is a patch, not an apply: what is
    /// applied without these keys later must not take them away.
    pub async fn put_back(&self, cluster: &Cluster, namespace: &str) -> Result<bool, KubeError> {
        let now = secret(cluster, namespace).await?.and_then(|secret| secret.data).unwrap_or_default();
        let lost = self.lost(&now);
        if lost.is_empty() {
            return Ok(false);
        }
        let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = api.patch_metadata(SECRET, &params, &Patch::Merge(json!({ "data": lost }))).await;
        patched
            .map_err(|error| cluster.error(format!("put back what was in {namespace}/{SECRET}"), error))?;
        Ok(true)
    }

    /// Without a sign that Helm took keys away, those that differ are somebody's wish.
    fn lost(&self, now: &BTreeMap<String, ByteString>) -> BTreeMap<&str, &ByteString> {
        let lost = self.data.iter().filter(|(key, value)| now.get(*key) != Some(value));
        let lost: BTreeMap<&str, &ByteString> = lost.map(|(key, value)| (key.as_str(), value)).collect();
        let is_taken = lost.keys().any(|key| *key == SIGNING_KEY || !now.contains_key(*key));
        if self.is_helms || is_taken { lost } else { BTreeMap::new() }
    }
}

async fn secret(cluster: &Cluster, namespace: &str) -> Result<Option<Secret>, KubeError> {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let found = api.get_opt(SECRET).await;
    found.map_err(|error| cluster.error(format!("read {namespace}/{SECRET}"), error))
}

/// Whether somebody who may take keys away again wrote some.
fn others_have_data(meta: &ObjectMeta) -> bool {
    meta.managed_fields.iter().flatten().any(|entry| {
        let manager = entry.manager.as_deref().unwrap_or_default();
        let has_data = entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:data").is_some());
        has_data && !HARMLESS_MANAGERS.iter().any(|harmless| manager.starts_with(harmless))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    fn is_kept(manager: &str, fields: &serde_json::Value) -> bool {
        let entry =
            json!({ "manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsV1": fields });
        others_have_data(&serde_json::from_value(json!({ "managedFields": [entry] })).unwrap())
    }

    #[test]
    fn only_data_in_helms_hands_is_at_risk() {
        let data = json!({ "f:data": { "f:admin.password": {} } });
        assert!(is_kept("helm", &data) && is_kept("terraform-provider-helm_v2.13.0_x5", &data));
        for harmless in ["crossfade", "argocd-server", "kubectl-patch"] {
            assert!(!is_kept(harmless, &data), "{harmless}");
        }
        assert!(!is_kept("helm", &json!({ "f:metadata": {}, "f:type": {} })));
    }

    #[test]
    fn what_is_gone_or_another_is_put_back_and_shown_to_nobody() {
        let data = |pairs: &[(&str, &str)]| -> BTreeMap<String, ByteString> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
                .collect()
        };
        let before = data(&[("admin.password", "hash"), ("a", "same"), (SIGNING_KEY, "x")]);
        let kept = KeptSecret { data: before, is_helms: false };
        let lost = |kept: &KeptSecret, now: &[(&str, &str)]| -> Vec<String> {
            kept.lost(&data(now)).keys().map(|key| (*key).to_owned()).collect()
        };
        // All was taken away, and Argo CD has begun anew.
        let anew = [("a", "same"), (SIGNING_KEY, "new"), ("admin.password", "new"), ("more", "y")];
        assert_eq!(lost(&kept, &anew), ["admin.password", SIGNING_KEY]);
        assert_eq!(lost(&kept, &[(SIGNING_KEY, "x"), ("a", "same")]), ["admin.password"]);
        // Somebody has changed the password meanwhile: Helm would have taken it, or had it in its hands.
        let changed = [("a", "same"), (SIGNING_KEY, "x"), ("admin.password", "another")];
        assert!(lost(&kept, &changed).is_empty());
        assert_eq!(lost(&KeptSecret { is_helms: true, ..kept.clone() }, &changed), ["admin.password"]);
        assert!(!format!("{kept:?}").contains("hash"));
    }
}
