//! A lab as a process, and this program run against it.
#![expect(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::zombie_processes, reason = "children are waited for when the test or its lab ends")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::networking::v1::Ingress;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::Value;

/// The program under test.
pub const CROSSFADE: &str = env!("CARGO_BIN_EXE_crossfade");
/// The domain of every lab.
pub const DOMAIN: &str = "eks-blueprint.eks.example.org";
/// The weight annotation of the examples.
pub const WEIGHT: &str = "external-dns.alpha.kubernetes.io/aws-weight";

static LABS: AtomicU32 = AtomicU32::new(0);

/// A directory of its own for one test.
pub fn fresh_dir(what: &str) -> PathBuf {
    let number = LABS.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("crossfade-test-{what}-{}-{number}", std::process::id()))
}

/// A running `crossfade lab up`. It ends with the test.
pub struct LabProcess {
    pub child: Child,
    pub dir: PathBuf,
    pub env: BTreeMap<String, String>,
}

impl LabProcess {
    /// Starts one whose workloads are applied as manifests, with `args`, and returns when it is up.
    pub fn up(args: &[&str]) -> LabProcess {
        LabProcess::up_by("manifests", args)
    }

    /// The same with workloads that come in as `delivery` says.
    pub fn up_by(delivery: &str, args: &[&str]) -> LabProcess {
        let dir = fresh_dir("lab");
        let mut child = Command::new(CROSSFADE)
            .args(["lab", "up", "--ttl", "1", "--delivery", delivery, "--dir"])
            .arg(&dir)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "the lab is up" {
                let env = env_of(&dir);
                return LabProcess { child, dir, env };
            }
            said.push_str(&line);
            said.push('\n');
        }
        panic!("the lab did not come up: {said}");
    }

    /// This program with the lab's environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CROSSFADE);
        command.args(args).envs(&self.env).stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// `migrate` from blue to green with more options.
    pub fn migrate(&self, more: &[&str]) -> Output {
        let mut args = vec!["migrate", "--from", "blue", "--to", "green", "--yes"];
        if !more.contains(&"--context") {
            args.extend(["--context", "blue=eks-blueprint-blue", "--context", "green=eks-blueprint-green"]);
        }
        args.extend(more);
        self.run(&args)
    }

    /// A client for `eks-blueprint-SIDE`, made by others' code.
    pub async fn client(&self, side: &str) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.env["KUBECONFIG"]).unwrap();
        let options = KubeConfigOptions {
            context: Some(format!("eks-blueprint-{side}")),
            ..KubeConfigOptions::default()
        };
        Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap()).unwrap()
    }

    /// Ingresses of a namespace.
    pub async fn ingresses(&self, side: &str, namespace: &str) -> Api<Ingress> {
        Api::namespaced(self.client(side).await, namespace)
    }

    /// The weights of burnham in blue and green.
    pub async fn weights(&self) -> (String, String) {
        let mut weights = Vec::new();
        for side in ["blue", "green"] {
            let ingress = self.ingresses(side, "team-burnham").await.get("burnham-ingress").await.unwrap();
            weights.push(ingress.metadata.annotations.unwrap()[WEIGHT].clone());
        }
        (weights[0].clone(), weights[1].clone())
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// What `crossfade lab env` exports.
fn env_of(dir: &Path) -> BTreeMap<String, String> {
    let output = Command::new(CROSSFADE).args(["lab", "env", "--dir"]).arg(dir).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}

/// stderr as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// stdout as a document.
pub fn stdout_json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), stderr(output));
    })
}

/// Sends a signal the way every system can.
pub fn signal(name: &str, process_id: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {process_id}")]).status().unwrap();
    assert!(status.success());
}

/// Looks again and again until it holds; a test that waits in vain fails.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < until, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process is there and no zombie.
pub fn is_alive(process_id: u32) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", &process_id.to_string()]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout);
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

/// Processes whose parent is `process_id`.
pub fn children_of(process_id: u32) -> Vec<u32> {
    let output = Command::new("ps").args(["-o", "pid=", "--ppid", &process_id.to_string()]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// As [`wait_until`], for what has to be asked for.
pub async fn wait_until_async(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < until, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
