//! Workloads by GitOps: a repository, and the bridge that leads from it to the clusters.
//!
//! The repository is a bare one in the lab's directory, pushed to by the git program: whoever clones it and pushes moves the
//! clusters. The bridge is applied by `crossfade bridge apply`, as for real clusters.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use crossfade_kube::Cluster;
use crossfade_kube::applications::{Sync, applications};
use crossfade_kube::groups::knobs;
use crossfade_stack::bridge::ARGOCD_NAMESPACE;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::children;
use crate::commands::export::repositories::{ADD_ONS, File, WORKLOADS};
use crate::exit::user_error;
use crate::rehearsal::{HOSTED_ZONE, Rehearsal, environment};

/// Applications whose weight is their own; all others share `route53_weight`.
const APPLICATIONS: [&str; 1] = ["burnham"];
/// Add-ons whose charts are in the repository: a lab reaches no other.
const ADD_ONS_ON: [&str; 2] = ["priority_classes", "aws_ebs_csi_resources"];
/// Sixty objects in each of two clusters take a second; what takes this long will not come.
const THERE_WITHIN: Duration = Duration::from_secs(40);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The branch that Argo CD follows.
const BRANCH: &str = "main";

/// Bare repositories in the lab's directory.
pub struct Repositories {
    workloads: PathBuf,
    add_ons: PathBuf,
}

impl Repositories {
    /// Makes both, with the examples as their first commit. Those of a lab before stay as they are, which `report` is told.
    pub async fn make(dir: &Path, report: &mut impl FnMut(&str)) -> anyhow::Result<Repositories> {
        let dir = dir.join("repositories");
        if has_branch(&dir.join("workloads.git")).await {
            report(&format!(
                "the repositories of a lab before are used; remove {} for new ones",
                dir.display()
            ));
        }
        Ok(Repositories {
            workloads: make_repository(&dir, "workloads", WORKLOADS).await?,
            add_ons: make_repository(&dir, "addons", ADD_ONS).await?,
        })
    }
}

async fn make_repository(dir: &Path, name: &str, files: &[File]) -> anyhow::Result<PathBuf> {
    let bare = dir.join(format!("{name}.git"));
    let work = dir.join(name);
    if has_branch(&bare).await {
        return Ok(bare);
    }
    // What a start that broke off left.
    for left in [&bare, &work] {
        match std::fs::remove_dir_all(left) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", left.display()));
            }
            _ => {}
        }
    }
    for (path, text) in files {
        let path = work.join(path);
        let parent = path.parent().context("a file has a directory")?;
        std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    let bare_text = bare.display().to_string();
    git(dir, &["init", "--quiet", "--bare", "--initial-branch", BRANCH, &bare_text]).await?;
    git(&work, &["init", "--quiet", "--initial-branch", BRANCH]).await?;
    git(&work, &["add", "--all"]).await?;
    git(&work, &["commit", "--quiet", "--message", "The examples"]).await?;
    git(&work, &["remote", "add", "origin", &bare_text]).await?;
    git(&work, &["push", "--quiet", "--set-upstream", "origin", BRANCH]).await?;
    Ok(bare)
}

/// git without anybody's configuration: a template, a hook or a signature of the user's has no place in a lab.
async fn git(dir: &Path, args: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "crossfade lab")
        .env("GIT_AUTHOR_EMAIL", "lab@localhost")
        .env("GIT_COMMITTER_NAME", "crossfade lab")
        .env("GIT_COMMITTER_EMAIL", "lab@localhost")
        .stdin(Stdio::null())
        .output()
        .await;
    let output = output.map_err(|error| {
        user_error(format!("git cannot be run: {error}"), "install git, or pass --delivery manifests")
    })?;
    if !output.status.success() {
        bail!("git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// True when a lab before has made this repository: what was pushed to it since is somebody's work.
async fn has_branch(bare: &Path) -> bool {
    bare.is_dir() && git(bare, &["rev-parse", "--quiet", "--verify", BRANCH]).await.is_ok()
}

/// True when the git program can be run.
pub async fn has_git() -> bool {
    let version = Command::new("git").arg("--version").stdin(Stdio::null()).output().await;
    version.is_ok_and(|output| output.status.success())
}

/// Tells a cluster's Argo CD about itself: its secret with weights, its ApplicationSets, its teams.
pub async fn apply_bridge(
    rehearsal: &Rehearsal,
    side: &str,
    cluster: &Cluster,
    repositories: &Repositories,
    weight: u8,
    log: &Path,
) -> anyhow::Result<()> {
    let url = |path: &Path| format!("file://{}", path.display());
    let mut words: Vec<String> = [
        "bridge",
        "apply",
        "--service",
        side,
        "--context",
        &cluster.context,
        "--hosted-zone",
        HOSTED_ZONE,
        "--weight",
        &weight.to_string(),
        "--workloads-url",
        &url(&repositories.workloads),
        "--addons-url",
        &url(&repositories.add_ons),
        "--addons-revision",
        BRANCH,
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    for application in APPLICATIONS {
        words.push(format!("--app-weight={application}={weight}"));
    }
    words.push("--no-default-add-ons".to_owned());
    for add_on in ADD_ONS_ON {
        words.push(format!("--add-on={add_on}"));
    }
    let mut child = children::spawn(&words, &environment(&rehearsal.addresses), log)?;
    let status = child.wait().await.context("cannot wait for the bridge")?;
    if !status.success() {
        bail!("the bridge of {} was not applied; {} says why", cluster.name, log.display());
    }
    Ok(())
}

/// Returns when every Application of the clusters is synced and the workloads' Ingresses are there.
pub async fn wait_for_applications(clusters: &[Cluster]) -> anyhow::Result<()> {
    let until = Instant::now() + THERE_WITHIN;
    loop {
        let mut missing = Vec::new();
        for cluster in clusters {
            let found = applications(cluster, ARGOCD_NAMESPACE).await?;
            let unsynced = found.iter().filter(|application| application.sync != Sync::Done);
            missing.extend(unsynced.map(|application| format!("{} in {}", application.name, cluster.name)));
            if found.is_empty() || knobs(cluster).await?.is_empty() {
                missing.push(format!("the workloads in {}", cluster.name));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(user_error(
                format!("not synced: {}", missing.join(", ")),
                "`kubectl get applications -A` shows why",
            ));
        }
        sleep(LOOK_EVERY).await;
    }
}
