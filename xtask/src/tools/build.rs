//! Building a Go program from the module proxy. The Go toolchain is the one on PATH; it is never replaced by a newer one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::tools::Program;

/// How a module becomes a program.
#[derive(Debug)]
pub(super) enum Recipe {
    /// `go install` of this package: the module can be built as it is.
    Install(&'static str),
    /// A module of our own that requires this package, whose own module has replacements.
    Get(&'static str),
    /// A module of our own that requires Kubernetes, with its staging modules as they were published beside it.
    Staged {
        /// The module.
        module: &'static str,
        /// What is built of it.
        package: &'static str,
    },
}

/// The path of the module that is made for a build.
const OWN_MODULE: &str = "crossfade.dev/programs";

/// Builds `program` to `target`.
pub(super) fn build(program: &Program, target: &Path) -> anyhow::Result<()> {
    let dir = target.parent().context("a program has a directory")?;
    // Built beside its place: a build that breaks off leaves nothing that looks finished.
    let mut beside = dir.as_os_str().to_owned();
    beside.push(".building");
    let beside = PathBuf::from(beside);
    let source = beside.join("source");
    std::fs::create_dir_all(&source).with_context(|| source.display().to_string())?;
    let built = beside.join(program.name);
    match program.recipe {
        Recipe::Install(package) => {
            let of_version = format!("{package}@{}", program.version);
            go(&source, &["install", "-trimpath", "-ldflags=-s -w", &of_version], &beside)?;
        }
        Recipe::Get(package) => {
            // What a build that broke off left is made anew.
            write(&source.join("go.mod"), &format!("module {OWN_MODULE}\n"))?;
            go(&source, &["get", &format!("{package}@{}", program.version)], &beside)?;
            go_build(&source, &built, package, &beside)?;
        }
        Recipe::Staged { module, package } => {
            let original = download(&source, module, program.version)?;
            let text =
                std::fs::read_to_string(original.join("go.mod")).context("the module has no go.mod")?;
            write(&source.join("go.mod"), &with_published_staging(&text, module, program.version)?)?;
            let sums =
                std::fs::read_to_string(original.join("go.sum")).context("the module has no go.sum")?;
            write(&source.join("go.sum"), &sums)?;
            go_build(&source, &built, package, &beside)?;
        }
    }
    std::fs::remove_dir_all(&source).with_context(|| source.display().to_string())?;
    std::fs::rename(&beside, dir).with_context(|| dir.display().to_string())
}

fn go_build(source: &Path, built: &Path, package: &str, beside: &Path) -> anyhow::Result<()> {
    let built = built.to_str().context("the path of a program is no text")?;
    go(source, &["build", "-trimpath", "-ldflags=-s -w", "-o", built, package], beside)
}

fn go(source: &Path, args: &[&str], beside: &Path) -> anyhow::Result<()> {
    let status = go_command(source, args).env("GOBIN", beside).status();
    let status = status.context("cannot run go: install Go 1.26 or newer")?;
    if !status.success() {
        bail!("go {} failed ({status})", args.join(" "));
    }
    Ok(())
}

fn go_command(source: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("go");
    command
        .args(args)
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-p=2 -mod=mod")
        .env("GOTOOLCHAIN", "local");
    command
}

/// Fetches a module and says where it is.
fn download(source: &Path, module: &str, version: &str) -> anyhow::Result<PathBuf> {
    let output = go_command(source, &["mod", "download", "-json", &format!("{module}@{version}")])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run go: install Go 1.26 or newer")?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("go does not say where {module}@{version} is"))?;
    match answer["Dir"].as_str() {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => bail!("{module}@{version} cannot be fetched: {}", answer["Error"]),
    }
}

/// A module's `go.mod` as one of our own that requires it: `./staging/src/k8s.io/api` of v1.34.4 was published as
/// k8s.io/api v0.34.4, and every other requirement stays.
fn with_published_staging(text: &str, module: &str, version: &str) -> anyhow::Result<String> {
    let minor = version.strip_prefix("v1.").with_context(|| format!("{version} is no version 1"))?;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("module ") {
            lines.push(format!("module {OWN_MODULE}"));
        } else if let Some((name, staged)) = line.split_once(" => ./staging/src/") {
            lines.push(format!("{name} => {} v0.{minor}", staged.trim()));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.push(format!("require {module} {version}\n"));
    Ok(lines.join("\n"))
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn staging_modules_become_published_ones() {
        let text = "module k8s.io/kubernetes\n\ngo 1.24.0\n\nreplace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n)\n";
        let own = with_published_staging(text, "k8s.io/kubernetes", "v1.34.4").unwrap();
        assert_eq!(
            own,
            "module crossfade.dev/programs\n\ngo 1.24.0\n\nreplace (\n\tk8s.io/api => k8s.io/api v0.34.4\n)\nrequire k8s.io/kubernetes v1.34.4\n"
        );
        assert!(with_published_staging(text, "k8s.io/kubernetes", "v2.0.0").is_err());
    }
}
