//! The real Argo CD beside a real API server: its application controller, its ApplicationSet controller, its repository
//! server and a redis, as processes on loopback. There is no argocd-server: nobody logs in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::clients::{Bench, printed};
use crate::real::process::Process;
use crate::real::servers::{Servers, free_ports};
use crate::tools;

/// What argocd-server would make when it starts.
const DEFAULT_PROJECT: &str = r#"{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProject","metadata":{"name":"default","namespace":"argocd"},
"spec":{"sourceRepos":["*"],"destinations":[{"namespace":"*","server":"*"}],"clusterResourceWhitelist":[{"group":"*","kind":"*"}]}}"#;

/// One Argo CD. It ends with this value.
pub(crate) struct ArgoCd {
    /// Redis and the three parts.
    pub(crate) processes: Vec<Process>,
}

impl ArgoCd {
    /// Brings Argo CD's own objects into the real cluster of `side` and starts its parts.
    pub(crate) fn start(
        bench: &Bench,
        servers: &Servers,
        side: &str,
        scratch: &Path,
        logs: &Path,
    ) -> anyhow::Result<ArgoCd> {
        install(bench, side)?;
        let home = scratch.join(format!("argo-cd-{side}"));
        let kubeconfig = home.join("kubeconfig");
        let bin = home.join("bin");
        for dir in ["bin", "tls", "ssh", "gpg", "tmp"] {
            let dir = home.join(dir);
            std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
        }
        // Argo CD is in the cluster as far as it knows, and its own namespace is the context's.
        let script = format!(
            "chmod 700 {home}/gpg && ln -sf {helm} {bin}/helm && install -m 0755 {wrapper} {bin}/git-verify-wrapper.sh && \
             KUBECONFIG={all} kubectl config view --raw --minify --flatten --context real-{side} >{config} && \
             kubectl --kubeconfig {config} config set-context --current --namespace argocd",
            home = home.display(),
            bin = bin.display(),
            helm = tools::HELM.path()?.display(),
            wrapper = tools::ARGO_CD.file("hack/git-verify-wrapper.sh")?.display(),
            all = servers.kubeconfig.display(),
            config = kubeconfig.display(),
        );
        run(bench, &script)?;
        let parts = Parts { side, home: &home, bin: &bin, kubeconfig: &kubeconfig, logs };
        Ok(ArgoCd { processes: parts.start()? })
    }
}

/// Argo CD's definitions, its configuration as it is delivered, and its default project.
fn install(bench: &Bench, side: &str) -> anyhow::Result<()> {
    let script = format!(
        "k() {{ kubectl --context real-{side} \"$@\"; }}
k create namespace argocd && k apply --server-side -k {definitions} && k apply -n argocd -k {configuration} && \
k wait --for=condition=Established crd --all --timeout=20s && k apply --server-side -f - <<'END'\n{DEFAULT_PROJECT}\nEND",
        definitions = tools::ARGO_CD.file("manifests/crds")?.display(),
        configuration = tools::ARGO_CD.file("manifests/base/config")?.display(),
    );
    run(bench, &script)
}

fn run(bench: &Bench, script: &str) -> anyhow::Result<()> {
    let output = bench.sh(script);
    if !output.status.success() {
        bail!("{script}\n{}", printed(&output));
    }
    Ok(())
}

struct Parts<'a> {
    side: &'a str,
    home: &'a Path,
    bin: &'a Path,
    kubeconfig: &'a PathBuf,
    logs: &'a Path,
}

impl Parts<'_> {
    fn start(&self) -> anyhow::Result<Vec<Process>> {
        let ports: [u16; 7] = free_ports()?;
        let [redis, repositories, metrics @ .., last] = ports;
        let address = |port: u16| format!("127.0.0.1:{port}");
        let text = |port: u16| port.to_string();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &text(redis)]);
        let mut processes = vec![Process::start(&format!("redis-{}", self.side), &command, self.logs)?];

        let mut command = self.part("argocd-repo-server")?;
        command
            .args(["--address", "127.0.0.1", "--metrics-address", "127.0.0.1"])
            .args(["--port", &text(repositories), "--metrics-port", &text(metrics[0])])
            .args(["--redis", &address(redis)]);
        processes.push(self.process("repo-server", &command)?);

        let mut command = self.part("argocd-application-controller")?;
        command
            .args(["--repo-server", &address(repositories), "--redis", &address(redis)])
            .args(["--metrics-port", &text(metrics[1])]);
        processes.push(self.process("application-controller", &command)?);

        let mut command = self.part("argocd-applicationset-controller")?;
        command
            .args(["--namespace", "argocd", "--argocd-repo-server", &address(repositories)])
            .args(["--metrics-addr", &address(metrics[2]), "--probe-addr", &address(metrics[3])])
            .args(["--webhook-addr", &address(last)]);
        processes.push(self.process("applicationset-controller", &command)?);
        Ok(processes)
    }

    fn process(&self, name: &str, command: &Command) -> anyhow::Result<Process> {
        Process::start(&format!("argocd-{name}-{}", self.side), command, self.logs)
    }

    /// One program is every part; the name in a variable says which.
    fn part(&self, name: &str) -> anyhow::Result<Command> {
        let mut path = self.bin.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(tools::ARGO_CD.path()?);
        command
            .env("ARGOCD_BINARY_NAME", name)
            .env("ARGOCD_FAKE_IN_CLUSTER", "true")
            .env("ARGOCD_GPG_ENABLED", "false")
            .env("ARGOCD_TLS_DATA_PATH", self.home.join("tls"))
            .env("ARGOCD_SSH_DATA_PATH", self.home.join("ssh"))
            .env("ARGOCD_GNUPGHOME", self.home.join("gpg"))
            .env("TMPDIR", self.home.join("tmp"))
            .env("KUBECONFIG", self.kubeconfig)
            .env("PATH", path);
        Ok(command)
    }
}
