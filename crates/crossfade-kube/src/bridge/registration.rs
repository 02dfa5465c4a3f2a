//! What Argo CD is told about clusters besides metadata: under which address one is registered, and whether with credentials.
//!
//! Of a secret's data the address alone is kept. Of the credentials it is known that there are some, never which; nothing
//! else is taken out of an answer.

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::api::{GetParams, ListParams, ObjectMeta};
use kube::core::Request;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::cluster_secret::SELECTOR;
use crate::{Cluster, FIELD_MANAGER, KubeError};

/// Keys of a cluster secret's `config` that let somebody in, or say how one gets in (Argo CD, "Declarative Setup",
/// "Clusters").
const CREDENTIALS: [&str; 5] = ["username", "password", "bearerToken", "awsAuthConfig", "execProviderConfig"];
/// The same under `tlsClientConfig`.
const TLS_CREDENTIALS: [&str; 2] = ["certData", "keyData"];

/// A cluster secret as the registration of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// The secret's name.
    pub name: String,
    /// The API server; none when nothing is said.
    pub server: Option<String>,
    /// `config` says how to get in.
    pub has_credentials: bool,
    /// Annotations that we have applied: those that are not applied again vanish.
    pub applied_annotations: BTreeSet<String>,
}

impl Registration {
    /// Whether it is the cluster in which Argo CD itself runs.
    pub fn is_in_cluster(&self) -> bool {
        self.server.as_deref().is_some_and(is_in_cluster)
    }

    fn of(seen: Seen) -> Self {
        let data = seen.data.unwrap_or_default();
        Registration {
            applied_annotations: applied_annotations(&seen.metadata),
            name: seen.metadata.name.unwrap_or_default(),
            server: data.server.map(|server| String::from_utf8_lossy(&server.0).trim().to_owned()),
            has_credentials: data.config,
        }
    }
}

/// Every name of the API server that pods of a cluster have.
fn is_in_cluster(server: &str) -> bool {
    let host = server.trim_start_matches("https://").trim_end_matches('/').trim_end_matches(":443");
    ["kubernetes.default.svc", "kubernetes.default", "kubernetes.default.svc.cluster.local"].contains(&host)
}

#[derive(Deserialize)]
struct SeenList {
    items: Vec<Seen>,
}

/// The part of a secret that is read; serde leaves the rest out.
#[derive(Deserialize)]
struct Seen {
    metadata: ObjectMeta,
    data: Option<SeenData>,
}

#[derive(Default, Deserialize)]
struct SeenData {
    server: Option<ByteString>,
    #[serde(default, deserialize_with = "has_credentials")]
    config: bool,
}

/// What cannot be read may be anything.
fn has_credentials<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let bytes = ByteString::deserialize(deserializer)?;
    if bytes.0.trim_ascii().is_empty() {
        return Ok(false);
    }
    let Ok(config) = serde_json::from_slice::<Value>(&bytes.0) else { return Ok(true) };
    let is_said = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let tls = &config["tlsClientConfig"];
    Ok(CREDENTIALS.iter().any(|key| is_said(&config[*key]))
        || TLS_CREDENTIALS.iter().any(|key| is_said(&tls[*key])))
}

fn applied_annotations(meta: &ObjectMeta) -> BTreeSet<String> {
    let ours = meta.managed_fields.iter().flatten().filter(|entry| {
        entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.operation.as_deref() == Some("Apply")
    });
    let fields = ours.filter_map(|entry| entry.fields_v1.as_ref());
    let annotations = fields.filter_map(|fields| fields.0["f:metadata"]["f:annotations"].as_object());
    annotations
        .flat_map(|keys| keys.keys())
        .filter_map(|key| Some(key.strip_prefix("f:")?.to_owned()))
        .collect()
}

/// The secret of a name, whatever it is labelled, or none.
pub async fn registration(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<Registration>, KubeError> {
    let failed =
        |error| cluster.error(format!("read the address of the cluster secret {namespace}/{name}"), error);
    let request = requests(namespace).get(name, &GetParams::default());
    let request = request.map_err(|error| failed(kube::Error::BuildRequest(error)))?;
    match cluster.client.request::<Seen>(request).await {
        Ok(seen) => Ok(Some(Registration::of(seen))),
        Err(error) => match failed(error) {
            KubeError::NotFound { .. } => Ok(None),
            error => Err(error),
        },
    }
}

/// Every cluster that Argo CD has a secret for, by name.
pub async fn registrations(cluster: &Cluster, namespace: &str) -> Result<Vec<Registration>, KubeError> {
    let failed = |error| cluster.error(format!("list the clusters that {namespace} has secrets for"), error);
    let request = requests(namespace).list(&ListParams::default().labels(SELECTOR));
    let request = request.map_err(|error| failed(kube::Error::BuildRequest(error)))?;
    let list = cluster.client.request::<SeenList>(request).await.map_err(failed)?;
    let mut found: Vec<Registration> = list.items.into_iter().map(Registration::of).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn requests(namespace: &str) -> Request {
    Request::new(Secret::url_path(&(), Some(namespace)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    fn mk_seen(server: &str, config: &str) -> Registration {
        let bytes = |text: &str| serde_json::to_value(ByteString(text.as_bytes().to_vec())).unwrap();
        let secret = json!({
            "metadata": { "name": "x" },
            "data": { "server": bytes(server), "config": bytes(config), "name": bytes("x") },
        });
        Registration::of(serde_json::from_value(secret).unwrap())
    }

    #[test]
    fn the_cluster_of_argo_cd_has_several_names() {
        for server in [
            "https://kubernetes.default.svc",
            "https://kubernetes.default.svc/\n",
            "https://kubernetes.default.svc:443",
        ] {
            assert!(mk_seen(server, "").is_in_cluster(), "{server}");
        }
        for server in ["", "https://hub.example", "https://kubernetes.default.svc.example.org"] {
            assert!(!mk_seen(server, "").is_in_cluster(), "{server}");
        }
        let nothing: Seen = serde_json::from_value(json!({ "metadata": { "name": "x" } })).unwrap();
        assert!(!Registration::of(nothing).is_in_cluster());
    }

    #[test]
    fn credentials_are_seen_and_not_kept() {
        for config in [
            r#"{"bearerToken":"s3cret"}"#,
            r#"{"execProviderConfig":{"command":"s3cret"}}"#,
            r#"{"tlsClientConfig":{"insecure":false,"keyData":"s3cret"}}"#,
            "s3cret",
        ] {
            let seen = mk_seen("https://hub.example", config);
            assert!(seen.has_credentials, "{config}");
            assert!(!format!("{seen:?}").contains("s3cret"));
        }
        for config in
            ["", "{}", r#"{"tlsClientConfig":{"insecure":false}}"#, r#"{"username":"","password":""}"#]
        {
            assert!(!mk_seen("https://hub.example", config).has_credentials, "{config}");
        }
    }

    #[test]
    fn only_what_we_applied_is_ours_to_say_again() {
        let entry = |manager: &str, operation: &str, key: &str| {
            json!({ "manager": manager, "operation": operation, "apiVersion": "v1",
                "fieldsV1": { "f:metadata": { "f:annotations": { ".": {}, format!("f:{key}"): {} } } } })
        };
        let meta = json!({ "managedFields": [
            entry("crossfade", "Apply", "applied"),
            entry("crossfade", "Update", "patched"),
            entry("kubectl", "Apply", "foreign"),
        ] });
        let applied = applied_annotations(&serde_json::from_value(meta).unwrap());
        assert_eq!(applied, BTreeSet::from(["applied".to_owned()]));
    }
}
