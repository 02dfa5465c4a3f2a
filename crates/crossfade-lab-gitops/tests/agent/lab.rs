//! An API server, a Git repository and an agent for one test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use crossfade_lab_gitops::{Agent, AgentOptions, ChartOptions, Charts, Git, GitOptions};
use crossfade_lab_kube::{Access, ApiServer, ApiServerOptions, LogSource, PodLogs, ResourceId, Store, User};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

/// Longer than anything takes on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(30);

struct NoLogs;

impl PodLogs for NoLogs {
    fn lines(&self, _: &str, _: &str, _: &str) -> Option<LogSource> {
        None
    }
}

pub(crate) struct Lab {
    pub(crate) store: Store,
    pub(crate) dir: Dir,
    pub(crate) client: Client,
    _agent: Agent,
    _server: ApiServer,
}

/// A directory that goes with the test.
pub(crate) struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("crossfade-gitops-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A working copy that is also the repository.
pub(crate) struct Repository(PathBuf);

impl Repository {
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.0.join(path)).unwrap();
    }

    pub(crate) fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn tag(&self, name: &str) {
        self.git(&["tag", name]);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(&self.0)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Lab {
    pub(crate) async fn start() -> Lab {
        Lab::start_with(Vec::new()).await
    }

    /// With URLs that are local: names of repositories in the test's directory.
    pub(crate) async fn start_with(mapped: Vec<(&str, &str)>) -> Lab {
        let dir = Dir::new();
        let (server, client) = serve().await;
        let repositories: Vec<_> =
            mapped.into_iter().map(|(url, name)| (url.to_owned(), dir.path().join(name))).collect();
        let charts =
            ChartOptions { cache_dir: dir.path().join("charts-cache"), repositories: repositories.clone() };
        let charts = Charts::start(charts).unwrap();
        let git = Git::start(GitOptions { cache_dir: dir.path().join("cache"), repositories }).unwrap();
        let cluster_name = "eks-blueprint-blue".to_owned();
        let own = client.clone();
        let options = AgentOptions { client: own, cluster_name, git, charts, certificates: None, log: None };
        let agent = Agent::start(options).await.unwrap();
        Lab { store: server.store(), dir, client, _agent: agent, _server: server }
    }

    pub(crate) fn repository(&self, name: &str) -> Repository {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        let repository = Repository(path);
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    pub(crate) fn create(&self, group: &str, plural: &str, object: Value) {
        self.store.create(&ResourceId::new(group, plural), object).unwrap();
    }

    pub(crate) fn patch(&self, group: &str, plural: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let id = ResourceId::new(group, plural);
        let namespace = if plural == "secrets" || group == "argoproj.io" { "argocd" } else { "demo" };
        let mut object = (*self.store.get(&id, Some(namespace), name).unwrap()).clone();
        change(&mut object);
        self.store.update(&id, object).unwrap();
    }

    pub(crate) fn get(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let namespace = (!namespace.is_empty()).then_some(namespace);
        self.store.get(&ResourceId::new(group, plural), namespace, name).ok()
    }

    pub(crate) fn application(&self, name: &str) -> Option<Arc<Value>> {
        self.get("argoproj.io", "applications", "argocd", name)
    }

    /// Waits until something is true, and says how long it took.
    pub(crate) async fn until(&self, what: &str, mut is_true: impl FnMut() -> bool) -> Duration {
        let began = Instant::now();
        while !is_true() {
            if began.elapsed() > PATIENCE {
                let list =
                    |kind: &str| self.store.list(&ResourceId::new("argoproj.io", kind), None).unwrap().0;
                panic!("not so: {what}\n{:#?}\n{:#?}", list("applicationsets"), list("applications"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }

    /// Waits until an Application has synced and is healthy.
    pub(crate) async fn until_synced(&self, name: &str) -> Arc<Value> {
        let is_synced = || {
            self.application(name).is_some_and(|application| {
                let status = &application["status"];
                status["sync"]["status"] == "Synced"
                    && status["health"]["status"] == "Healthy"
                    && status["operationState"]["phase"] == "Succeeded"
            })
        };
        self.until(&format!("{name} is synced"), is_synced).await;
        self.application(name).unwrap()
    }

    /// Waits until an Application has a condition of a type, and returns its message.
    pub(crate) async fn until_condition(&self, plural: &str, name: &str, kind: &str) -> String {
        let message = || {
            let object = self.get("argoproj.io", plural, "argocd", name)?;
            let conditions = object["status"]["conditions"].as_array()?.clone();
            let found = conditions.into_iter().find(|one| one["type"] == kind && one["status"] != "False")?;
            Some(found["message"].as_str()?.to_owned())
        };
        self.until(&format!("{name} has {kind}"), || message().is_some()).await;
        message().unwrap()
    }
}

async fn serve() -> (ApiServer, Client) {
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
    let server = ApiServer::start(ApiServerOptions {
        cluster_name: "test".into(),
        kubernetes_version: "1.33".into(),
        listen: ([127, 0, 0, 1], 0).into(),
        tls: Arc::new(tls),
        users: vec![User {
            token: "token".to_owned(),
            name: "admin".to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            access: Access::Admin,
        }],
        pod_logs: Arc::new(NoLogs),
    })
    .await
    .unwrap();
    let kubeconfig: Kubeconfig = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": format!("https://{}", server.address()),
            "certificate-authority-data": base64::engine::general_purpose::STANDARD.encode(ca_pem)}}],
        "users": [{"name": "it", "user": {"token": "token"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }))
    .unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    (server, Client::try_from(config).unwrap())
}

/// The pattern's cluster Secret, cut short.
pub(crate) fn mk_cluster_secret(annotations: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "eks-blueprint-blue", "namespace": "argocd", "annotations": annotations, "labels": {
            "argocd.argoproj.io/secret-type": "cluster", "environment": "eks-blueprint", "enable_demo": "true"}},
        "stringData": {"name": "eks-blueprint-blue", "server": "https://kubernetes.default.svc",
            "config": "{\"tlsClientConfig\":{\"insecure\":false}}"}})
}

/// An Application of a directory or chart that is kept without being asked.
pub(crate) fn mk_application(name: &str, repository: &str, path: &str, automated: &Value) -> Value {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {"project": "default", "source": {"repoURL": repository, "path": path, "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "demo"},
            "syncPolicy": {"automated": automated, "syncOptions": ["CreateNamespace=true"]}}})
}

pub(crate) fn mk_config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: \"{value}\"\n")
}
