//! What a cluster holds before anybody has written to it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::State;
use super::write::WriteOptions;
use crate::meta;
use crate::resource::ResourceId;

/// Namespaces of a new cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// First address of the service range 10.96.0.0/16, which is the API server's own.
const API_SERVICE_ADDRESS: &str = "10.96.0.1";

impl State {
    pub(super) fn bootstrap(&mut self, cluster_name: &str) {
        let options = WriteOptions::named("kube-apiserver");
        for name in NAMESPACES {
            let mut namespace = json!({"metadata": {"name": name}});
            if name == "kube-system" {
                // Programs take this uid for the identity of the cluster, so it stays the same over restarts
                // of a lab.
                namespace["metadata"]["uid"] = stable_uid(cluster_name).into();
            }
            self.seed("", "namespaces", namespace, &options);
        }
        let service = json!({
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "clusterIP": API_SERVICE_ADDRESS,
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}],
            },
        });
        self.seed("", "services", service, &options);
    }

    fn seed(&mut self, group: &str, plural: &str, object: Value, options: &WriteOptions) {
        if let Err(error) = self.create(&ResourceId::new(group, plural), None, object, options) {
            tracing::error!(plural, %error, "an object of a new cluster was refused");
        }
    }
}

/// A uid that depends on the name alone.
fn stable_uid(cluster_name: &str) -> String {
    let digest = Sha256::digest(format!("kube-system of {cluster_name}"));
    let hex = meta::short_hex(&digest);
    format!("{}-{}-4{}-8{}-{}", &hex[0..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
