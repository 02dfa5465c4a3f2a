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
    /// The same for a module one of whose directories stands in for another module.
    Replaced {
        /// The module.
        module: &'static str,
        /// What is built of it.
        package: &'static str,
        /// That directory, and the module with the version that was published of it.
        replacement: (&'static str, &'static str),
        /// What else of the module is kept, beside the program.
        files: &'static [&'static str],
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
            let minor = program.version.strip_prefix("v1.");
            let minor = minor.with_context(|| format!("{} is no version 1", program.version))?;
            require(&source, module, program.version, |directory| staged(directory, minor))?;
            go_build(&source, &built, package, &beside)?;
        }
        Recipe::Replaced { module, package, replacement: (replaced, published), files } => {
            let original = require(&source, module, program.version, |directory| {
                (directory == replaced).then(|| published.to_owned())
            })?;
            for file in files {
                keep(&original.join(file), &beside.join(file))?;
            }
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
pub(super) fn download(source: &Path, module: &str, version: &str) -> anyhow::Result<PathBuf> {
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

/// Makes a module of our own in `source` that requires another and builds with what that one builds with. `published` says
/// what became of its directories that stand in for modules. Gives where the other module is.
fn require(
    source: &Path,
    module: &str,
    version: &str,
    published: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<PathBuf> {
    let original = download(source, module, version)?;
    let text = std::fs::read_to_string(original.join("go.mod")).context("the module has no go.mod")?;
    write(&source.join("go.mod"), &as_own(&text, module, version, published))?;
    let sums = std::fs::read_to_string(original.join("go.sum")).context("the module has no go.sum")?;
    write(&source.join("go.sum"), &sums)?;
    Ok(original)
}

/// A module's `go.mod` as one of our own that requires it; every other requirement stays.
fn as_own(text: &str, module: &str, version: &str, published: impl Fn(&str) -> Option<String>) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let replaced = line.split_once(" => ").and_then(|(name, directory)| {
            published(directory.trim()).map(|published| format!("{name} => {published}"))
        });
        if line.starts_with("module ") {
            lines.push(format!("module {OWN_MODULE}"));
        } else {
            lines.push(replaced.unwrap_or_else(|| line.to_owned()));
        }
    }
    lines.push(format!("require {module} {version}\n"));
    lines.join("\n")
}

/// `./staging/src/k8s.io/api` of v1.34.4 was published as k8s.io/api v0.34.4.
fn staged(directory: &str, minor: &str) -> Option<String> {
    directory.strip_prefix("./staging/src/").map(|module| format!("{module} v0.{minor}"))
}

/// Copies a file, or the files of a directory. Modules are kept without the right to write; copies are the user's.
fn keep(from: &Path, to: &Path) -> anyhow::Result<()> {
    let files = if from.is_dir() {
        let entries = std::fs::read_dir(from).with_context(|| from.display().to_string())?;
        entries.map(|entry| Ok(entry?.file_name())).collect::<anyhow::Result<Vec<_>>>()?
    } else {
        Vec::new()
    };
    let pairs: Vec<(PathBuf, PathBuf)> = if files.is_empty() {
        vec![(from.to_owned(), to.to_owned())]
    } else {
        files.iter().map(|file| (from.join(file), to.join(file))).collect()
    };
    for (from, to) in pairs {
        let dir = to.parent().context("a file has a directory")?;
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let bytes = std::fs::read(&from).with_context(|| from.display().to_string())?;
        std::fs::write(&to, bytes).with_context(|| to.display().to_string())?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staging_modules_become_published_ones() {
        let text = "module k8s.io/kubernetes\n\ngo 1.24.0\n\nreplace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n)\n";
        let own = as_own(text, "k8s.io/kubernetes", "v1.34.4", |directory| staged(directory, "34.4"));
        assert_eq!(
            own,
            "module crossfade.dev/programs\n\ngo 1.24.0\n\nreplace (\n\tk8s.io/api => k8s.io/api v0.34.4\n)\nrequire k8s.io/kubernetes v1.34.4\n"
        );
    }

    #[test]
    fn only_the_named_directory_becomes_a_module() {
        let text = "module a\n\nreplace (\n\tb => ./b\n\tc => c v1.0.0\n)\n";
        let own =
            as_own(text, "a", "v3.0.0", |directory| (directory == "./b").then(|| "b v0.1.0".to_owned()));
        assert!(own.contains("\tb => b v0.1.0\n\tc => c v1.0.0\n"), "{own}");
    }
}
