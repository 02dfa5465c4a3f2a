//! Two clusters as far as their APIs go: an etcd and two kube-apiservers on loopback. There is no node, no scheduler and no
//! controller manager: what these would do is copied from the lab.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::real::authority::{Tokens, write_secrets};
use crate::real::process::Process;
use crate::tools;

/// The clusters, as people call them.
pub(crate) const SIDES: [&str; 2] = ["blue", "green"];
/// They take five seconds; a machine under load takes longer.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The running servers. They end with this value.
pub(crate) struct Servers {
    /// Contexts `real-blue` and `real-green`; with `-driver` behind it, for the user who may do what it is given.
    pub(crate) kubeconfig: PathBuf,
    dir: PathBuf,
    tokens: Tokens,
    ports: [u16; 2],
    processes: Vec<Process>,
}

impl Servers {
    /// Starts them in `dir`; they are not ready yet.
    pub(crate) fn start(dir: &Path, logs: &Path) -> anyhow::Result<Servers> {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let tokens = write_secrets(dir)?;
        let [etcd, etcd_peers, blue, green] = free_ports()?;
        let ports = [blue, green];
        let mut processes = vec![Process::start("etcd", &etcd_command(dir, etcd, etcd_peers)?, logs)?];
        for (side, port) in SIDES.iter().zip(ports) {
            let command = server_command(dir, side, port, etcd)?;
            processes.push(Process::start(&format!("kube-apiserver-{side}"), &command, logs)?);
        }
        let kubeconfig = dir.join("kubeconfig");
        std::fs::write(&kubeconfig, kubeconfig_text(dir, &tokens, ports))
            .with_context(|| kubeconfig.display().to_string())?;
        Ok(Servers { kubeconfig, dir: dir.to_owned(), tokens, ports, processes })
    }

    /// Resident memory of etcd and of one side's API server, KiB.
    pub(crate) fn resident_kib(&self, side: &str) -> u64 {
        let counted = ["etcd".to_owned(), format!("kube-apiserver-{side}")];
        let is_counted = |process: &&Process| counted.iter().any(|name| name == process.name());
        self.processes.iter().filter(is_counted).map(Process::resident_kib).sum()
    }

    /// Returns when both answer that they are ready; says after how long.
    pub(crate) fn wait_until_ready(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        for port in self.ports {
            while !self.is_ready(port) {
                if let Some(ended) = self.processes.iter_mut().find_map(Process::ended) {
                    bail!(ended);
                }
                if began.elapsed() > READY_WITHIN {
                    bail!("the API servers are not ready after {} s", READY_WITHIN.as_secs());
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(began.elapsed())
    }

    fn is_ready(&self, port: u16) -> bool {
        let asked = Command::new("curl")
            .args(["--noproxy", "*", "-sf", "--max-time", "2", "--cacert"])
            .arg(self.dir.join("ca.crt"))
            .args(["-H", &format!("Authorization: Bearer {}", self.tokens.admin)])
            .arg(format!("https://127.0.0.1:{port}/readyz"))
            .output();
        asked.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // The last first: what needs etcd ends before it, and its log ends with its own words.
        while self.processes.pop().is_some() {}
    }
}

/// Ports that nobody had a moment ago, all different.
pub(crate) fn free_ports<const COUNT: usize>() -> anyhow::Result<[u16; COUNT]> {
    let mut listeners = Vec::new();
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

fn etcd_command(dir: &Path, clients: u16, peers: u16) -> anyhow::Result<Command> {
    let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
    let mut command = Command::new(tools::ETCD.path()?);
    command
        .arg("--data-dir")
        .arg(dir.join("etcd"))
        // Nothing of it is wanted after a crash.
        .arg("--unsafe-no-fsync")
        .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
        .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
        .args(["--initial-cluster", &format!("default={peers}")]);
    Ok(command)
}

fn server_command(dir: &Path, side: &str, port: u16, etcd: u16) -> anyhow::Result<Command> {
    let mut command = Command::new(tools::KUBE_APISERVER.path()?);
    let file = |flag: &str, name: &str| format!("--{flag}={}", dir.join(name).display());
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .arg(format!("--etcd-prefix=/{side}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .arg(format!("--secure-port={port}"))
        .arg("--endpoint-reconciler-type=none")
        .arg("--service-cluster-ip-range=10.96.0.0/16")
        .arg(file("tls-cert-file", "server.crt"))
        .arg(file("tls-private-key-file", "server.key"))
        .arg(file("client-ca-file", "ca.crt"))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg(file("service-account-key-file", "accounts.pub"))
        .arg(file("service-account-signing-key-file", "accounts.key"))
        .arg(file("token-auth-file", "tokens"))
        .args(["--authorization-mode=RBAC", "--allow-privileged=true"])
        // The garbage collector is a controller: what waits for it would stay for ever.
        .arg("--enable-garbage-collector=false")
        // The controller manager makes the account that one asks for, and counts what the other asks for: there is none.
        .arg("--disable-admission-plugins=ServiceAccount,ResourceQuota");
    Ok(command)
}

fn kubeconfig_text(dir: &Path, tokens: &Tokens, ports: [u16; 2]) -> String {
    use std::fmt::Write as _;
    let (mut clusters, mut contexts) = (String::new(), String::new());
    for (side, port) in SIDES.iter().zip(ports) {
        let authority = dir.join("ca.crt");
        let _ = writeln!(
            clusters,
            "- {{name: real-{side}, cluster: {{server: \"https://127.0.0.1:{port}\", certificate-authority: \"{}\"}}}}",
            authority.display()
        );
        for (suffix, user) in [("", "admin"), ("-driver", "driver")] {
            let _ = writeln!(
                contexts,
                "- {{name: real-{side}{suffix}, context: {{cluster: real-{side}, user: {user}}}}}"
            );
        }
    }
    let Tokens { admin, driver } = tokens;
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n{clusters}contexts:\n{contexts}users:\n\
         - {{name: admin, user: {{token: \"{admin}\"}}}}\n- {{name: driver, user: {{token: \"{driver}\"}}}}\n"
    )
}
