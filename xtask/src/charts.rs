//! The chart renderer beside the real helm: feature charts, random ones, and every chart in the modules that the other
//! programs are built from, which others wrote. Exported repositories are rendered by `argo --only install`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::tools::{self, Program};
use crate::workspace;

/// Modules with charts in them.
const MODULES: &[(&Program, &str)] = &[
    (&tools::HELM, "helm.sh/helm/v3"),
    (&tools::EXTERNAL_DNS, "sigs.k8s.io/external-dns"),
    (&tools::ARGO_CD, "github.com/argoproj/argo-cd/v3"),
];

/// Runs all comparisons; true when nothing differs that is not excused.
pub(crate) fn run(seeds: u64) -> anyhow::Result<bool> {
    tools::check_present(&[tools::HELM])?;
    let helm = tools::HELM.path()?;
    let mut of_others = Vec::new();
    for (program, module) in MODULES {
        of_others.push("--below".to_owned());
        of_others.push(program.module(module)?.display().to_string());
    }
    let renderer = |arguments: &[String]| against_helm(&helm, arguments);
    Ok(renderer(&[])? & renderer(&["--seeds".to_owned(), seeds.to_string()])? & renderer(&of_others)?)
}

fn against_helm(helm: &Path, arguments: &[String]) -> anyhow::Result<bool> {
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--package", "crossfade-gotemplate", "--example", "against_helm", "--"])
        .arg(helm)
        .args(arguments)
        .current_dir(workspace())
        .status()
        .context("cannot run cargo")?;
    match status.code() {
        Some(code @ (0 | 1)) => Ok(code == 0),
        _ => bail!("the comparison with helm ended with {status}"),
    }
}
