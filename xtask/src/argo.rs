//! The lab's GitOps agent beside the real Argo CD, migrations by the GitOps bridge with the real one, and how Argo CD and its
//! secrets come into a cluster.
//!
//! Both get the same repositories and the same bridge; what they make of them is compared field by field.

pub(crate) mod carried;
mod compare;
mod difference;
mod hard;
mod install;
mod intended;
mod migrate;
mod odd;
pub(crate) mod programs;
mod snapshot;
mod stages;

use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::clients::{Bench, printed};
use crate::{say, tools};

/// Parts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The lab's agent beside Argo CD.
    Compare,
    /// A migration by the bridge between two real clusters.
    Migrate,
    /// Argo CD by helm, secrets from Secrets Manager, exported charts.
    Install,
}

/// What is between the program and one run.
struct Run<'a> {
    crossfade: &'a Path,
    scratch: &'a Path,
    logs: &'a Path,
}

/// Runs all of it, or a part; true when every check held.
pub(crate) fn run(crossfade: Option<PathBuf>, only: Option<Part>) -> anyhow::Result<bool> {
    let needed = [tools::ETCD, tools::KUBE_APISERVER, tools::EXTERNAL_DNS, tools::HELM, tools::ARGO_CD];
    tools::check_present(&needed)?;
    let crossfade = crate::clients::program(crossfade)?;
    let scratch = std::env::temp_dir().join(format!("crossfade-argo-{}", std::process::id()));
    let logs = scratch.join("logs");
    std::fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
    let began = Instant::now();
    let result = prove(&Run { crossfade: &crossfade, scratch: &scratch, logs: &logs }, only);
    if matches!(result, Ok((_, 0))) {
        let _ = std::fs::remove_dir_all(&scratch);
    } else {
        crate::real::print_tails(&logs);
        say(&format!("the logs are in {}", logs.display()));
    }
    let (passed, failed) = result?;
    say(&format!("took {} s", began.elapsed().as_secs()));
    say(&format!("{passed} passed, {failed} failed"));
    Ok(failed == 0)
}

fn prove(run: &Run<'_>, only: Option<Part>) -> anyhow::Result<(usize, usize)> {
    let wants = |part: Part| only.is_none_or(|only| only == part);
    let mut counts = (0, 0);
    if wants(Part::Compare) {
        counts = compare::run(run)?;
    }
    if wants(Part::Migrate) {
        let (passed, failed) = migrate::run(run)?;
        counts = (counts.0 + passed, counts.1 + failed);
    }
    if wants(Part::Install) {
        let (passed, failed) = install::run(run)?;
        counts = (counts.0 + passed, counts.1 + failed);
    }
    Ok(counts)
}

/// `rb` and `rg` are kubectl for the real blue and the real green; `bridge` applies the bridge as the lab does for its own
/// clusters, with the weights of the side.
pub(crate) fn prelude(kubeconfig: &Path, scratch: &Path) -> String {
    format!(
        r#"export KUBECONFIG={}:$KUBECONFIG KUBECACHEDIR={}
rb() {{ kubectl --context real-blue "$@"; }}
rg() {{ kubectl --context real-green "$@"; }}
workloads="$CROSSFADE_LAB_DIR/repositories/workloads"
addons="$CROSSFADE_LAB_DIR/repositories/addons"
bridge() {{
    local side=$1 weight=$2 version
    version=$(kubectl --context "eks-blueprint-$side" get secret "eks-blueprint-$side" -n argocd -o jsonpath='{{.metadata.labels.kubernetes_version}}') &&
        $cf bridge apply --service "$side" --context "real-$side" --hosted-zone "${{DOMAIN#*.}}" --weight "$weight" --app-weight "burnham=$weight" \
            --kubernetes-version "$version" --workloads-url "file://$workloads.git" --addons-url "file://$addons.git" --addons-revision main \
            --no-default-add-ons --add-on priority_classes --add-on aws_ebs_csi_resources
}}
"#,
        kubeconfig.display(),
        scratch.join("kubectl-cache").display(),
    )
}

/// Runs a script that has to end well.
pub(crate) fn must(bench: &Bench, script: &str) -> anyhow::Result<()> {
    let output = bench.sh(script);
    if !output.status.success() {
        bail!("{script}\n{}", printed(&output));
    }
    Ok(())
}
