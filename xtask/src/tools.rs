//! Programs that others wrote: which, which version, and how they are had.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::say;

/// The ExternalDNS that records are compared with: the newest that builds from its module as it is.
pub(crate) const EXTERNAL_DNS_VERSION: &str = "v0.21.0";
const EXTERNAL_DNS_MODULE: &str = "sigs.k8s.io/external-dns";

/// On PATH; the second is how a Debian machine gets it.
const ON_PATH: &[(&str, &str)] = &[
    ("kubectl", "apt-get install kubernetes-client"),
    ("aws", "pip install awscli"),
    ("dig", "apt-get install dnsutils"),
    ("curl", "apt-get install curl"),
    ("bash", "apt-get install bash"),
];

/// Where programs are kept that are built from modules: outside the checkout, by name and version.
fn cache() -> anyhow::Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = variable("CROSSFADE_TOOLS") {
        return Ok(dir);
    }
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    Ok(cache.context("neither CROSSFADE_TOOLS nor HOME is set")?.join("crossfade/tools"))
}

/// The path of external-dns, whether it is there or not.
pub(crate) fn external_dns() -> anyhow::Result<PathBuf> {
    Ok(external_dns_in(&cache()?))
}

fn external_dns_in(dir: &Path) -> PathBuf {
    dir.join(format!("external-dns-{EXTERNAL_DNS_VERSION}")).join("external-dns")
}

/// Names what is missing; true when nothing is.
pub(crate) fn run(dir: Option<PathBuf>) -> anyhow::Result<bool> {
    let mut complete = true;
    for (program, hint) in ON_PATH {
        if let Some(path) = find(program) {
            say(&format!("{program:<14} {}", path.display()));
        } else {
            complete = false;
            say(&format!("{program:<14} missing: {hint}"));
        }
    }
    let external_dns = match dir {
        Some(dir) => external_dns_in(&std::path::absolute(dir)?),
        None => external_dns()?,
    };
    if !external_dns.exists() {
        go_install(EXTERNAL_DNS_MODULE, EXTERNAL_DNS_VERSION, &external_dns)?;
    }
    say(&format!("{:<14} {}", "external-dns", external_dns.display()));
    Ok(complete)
}

/// Names every program that `clients` needs and does not find.
pub(crate) fn missing() -> anyhow::Result<Vec<String>> {
    let on_path = ON_PATH.iter().filter(|(program, _)| find(program).is_none());
    let mut missing: Vec<String> = on_path.map(|(program, hint)| format!("{program}: {hint}")).collect();
    if !external_dns()?.exists() {
        missing.push("external-dns: cargo xtask tools".to_owned());
    }
    Ok(missing)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file())
}

fn go_install(module: &str, version: &str, target: &Path) -> anyhow::Result<()> {
    let dir = target.parent().context("a program has a directory")?;
    // Built beside its place: a build that breaks off leaves nothing that looks finished.
    let beside = dir.with_extension("building");
    std::fs::create_dir_all(&beside).with_context(|| beside.display().to_string())?;
    say(&format!("building {module}@{version}, some minutes"));
    let status = Command::new("go")
        .args(["install", "-trimpath", "-ldflags=-s -w", &format!("{module}@{version}")])
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-p=2")
        .env("GOTOOLCHAIN", "local")
        .env("GOBIN", &beside)
        .status()
        .context("cannot run go: install Go 1.26 or newer")?;
    if !status.success() {
        bail!("go install {module}@{version} failed ({status})");
    }
    std::fs::rename(&beside, dir).with_context(|| dir.display().to_string())
}
