//! A server for one test, and clients of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use crossfade_lab_kube::{Access, ApiServer, ApiServerOptions, LogSource, PodLogs, Store, User};
use k8s_openapi::api::apps::v1::Deployment;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// Containers with a log: `namespace/pod/container` to past lines and the sender of live ones.
#[derive(Default, Clone)]
pub(crate) struct Logs(pub(crate) Arc<Mutex<HashMap<String, Log>>>);

type Log = (Vec<String>, broadcast::Sender<String>);

impl PodLogs for Logs {
    fn lines(&self, namespace: &str, pod: &str, container: &str) -> Option<LogSource> {
        let logs = self.0.lock().unwrap();
        let (past, live) = logs.get(&format!("{namespace}/{pod}/{container}"))?;
        Some(LogSource { past: past.clone(), live: live.subscribe() })
    }
}

pub(crate) struct Lab {
    pub(crate) server: ApiServer,
    pub(crate) logs: Logs,
    ca: String,
}

impl Lab {
    pub(crate) async fn start() -> Lab {
        let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let logs = Logs::default();
        let user = |name: &str, access| User {
            token: format!("{name}-token"),
            name: name.to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            access,
        };
        let server = ApiServer::start(ApiServerOptions {
            cluster_name: "test".into(),
            kubernetes_version: "1.33".into(),
            listen: ([127, 0, 0, 1], 0).into(),
            tls: Arc::new(tls),
            users: vec![user("admin", Access::Admin), user("viewer", Access::ReadOnly)],
            pod_logs: Arc::new(logs.clone()),
        })
        .await
        .unwrap();
        Lab { server, logs, ca: base64::engine::general_purpose::STANDARD.encode(ca_pem) }
    }

    pub(crate) fn store(&self) -> Store {
        self.server.store()
    }

    /// A client with the token of `user`.
    pub(crate) async fn client(&self, user: &str) -> Client {
        Client::try_from(self.config(user).await).unwrap()
    }

    async fn config(&self, user: &str) -> Config {
        let kubeconfig: Kubeconfig = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": format!("https://{}", self.server.address()),
                "certificate-authority-data": self.ca}}],
            "users": [{"name": "it", "user": {"token": format!("{user}-token")}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        }))
        .unwrap();
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
    }

    pub(crate) async fn admin(&self) -> Client {
        self.client("admin").await
    }

    /// A client that does not try again what failed.
    pub(crate) async fn admin_who_asks_once(&self) -> Client {
        let mut config = self.config("admin").await;
        config.default_retry = false;
        Client::try_from(config).unwrap()
    }
}

/// The message, code and reason of a refused call.
pub(crate) fn refusal(error: kube::Error) -> (u16, String, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason.clone(), status.message.clone()),
        other => panic!("no Status: {other}"),
    }
}

pub(crate) fn mk_deployment(name: &str, replicas: i32) -> Deployment {
    serde_json::from_value(mk_deployment_value(name, replicas)).unwrap()
}

pub(crate) fn mk_deployment_value(name: &str, replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "nginx"}]}},
        },
    })
}

pub(crate) fn mk_config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {"k": value}})
}
