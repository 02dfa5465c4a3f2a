//! Serves one empty cluster until it is interrupted, and prints the path of a kubeconfig for it.
//!
//! `cargo run -p crossfade-lab-kube --example serve_kube [DIRECTORY]`, then `kubectl --kubeconfig
//! DIRECTORY/kubeconfig get namespaces`. Contexts: `admin` and `viewer`. Pods have a log of two lines and a
//! new one each second.
#![expect(clippy::print_stdout, reason = "the path is what the program is for")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use crossfade_lab_kube::{Access, ApiServer, ApiServerOptions, LogSource, PodLogs, User};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::broadcast;

struct Ticking(broadcast::Sender<String>);

impl PodLogs for Ticking {
    fn lines(&self, namespace: &str, pod: &str, container: &str) -> Option<LogSource> {
        let past = vec![format!("{namespace}/{pod}/{container} starts"), "ready".to_owned()];
        Some(LogSource { past, live: self.0.subscribe() })
    }
}

fn user(name: &str, token: &str, access: Access) -> User {
    User { token: token.into(), name: name.into(), groups: vec!["system:authenticated".into()], access }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter("crossfade_lab_kube=debug").with_writer(std::io::stderr).init();
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate()?;
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?
        .signed_by(&key, &issuer)?;
    let mut tls =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

    let (ticks, _) = broadcast::channel(16);
    let ticking = ticks.clone();
    let server = ApiServer::start(ApiServerOptions {
        cluster_name: "example".into(),
        kubernetes_version: "1.33".into(),
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Arc::new(tls),
        users: vec![
            user("admin", "admin-token", Access::Admin),
            user("viewer", "viewer-token", Access::ReadOnly),
        ],
        pod_logs: Arc::new(Ticking(ticks)),
    })
    .await?;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // Nobody following is fine.
            let _ = ticking.send("tick".to_owned());
        }
    });

    let ca = base64::engine::general_purpose::STANDARD.encode(ca_certificate.pem());
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: admin\nclusters:\n- name: lab\n  cluster:\n    server: https://{}\n    \
         certificate-authority-data: {ca}\nusers:\n- name: admin\n  user:\n    token: admin-token\n- name: viewer\n  user:\n    \
         token: viewer-token\ncontexts:\n- name: admin\n  context: {{cluster: lab, user: admin}}\n- name: viewer\n  context: \
         {{cluster: lab, user: viewer}}\n",
        server.address()
    );
    let path = directory.join("kubeconfig");
    std::fs::write(&path, kubeconfig)?;
    println!("{}", path.display());
    tokio::signal::ctrl_c().await?;
    drop(server);
    Ok(())
}
