//! Findings about the checkout: each with its place and the way out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::layers::{BANNED, CLIENTS_IN_LAB, LAYERS, NOT_IN_LAB, ONCE};
use crate::{say, workspace};

/// A file that is longer is split (the aim is 300).
const LINES_MAX: usize = 1_000;

/// What is in no source file. The strings are put together so that this file has none of them.
fn banned_text() -> Vec<(String, &'static str)> {
    vec![
        (format!("#[{}", "ignore"), "run it, or delete it: a skipped test looks green"),
        (format!("{}!(", "todo"), "do it, or refuse with an error"),
        (format!("{}!(", "unimplemented"), "do it, or refuse with an error"),
        (format!("#[{}(", "allow"), "use #[expect(lint, reason = \"...\")]"),
        (format!("#![{}(", "allow"), "use #![expect(lint, reason = \"...\")]"),
    ]
}

/// Prints findings; true when there are none.
pub(crate) fn run() -> anyhow::Result<bool> {
    let metadata = metadata()?;
    let mut findings = layering(&metadata);
    findings.extend(drawn_but_absent(&metadata));
    findings
        .extend(lock_file(&std::fs::read_to_string(workspace().join("Cargo.lock")).context("Cargo.lock")?));
    let files = source_files()?;
    for file in &files {
        let text = std::fs::read_to_string(workspace().join(file)).with_context(|| file.clone())?;
        findings.extend(source(file, &text));
    }
    for finding in &findings {
        say(finding);
    }
    say(&format!("{} source files, {} layers: {} findings", files.len(), LAYERS.len(), findings.len()));
    Ok(findings.is_empty())
}

fn metadata() -> anyhow::Result<Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(workspace())
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata is unreadable")
}

fn source_files() -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .current_dir(workspace())
        .output()
        .context("cannot run git ls-files")?;
    let text = String::from_utf8(output.stdout).context("file names are no UTF-8")?;
    Ok(text.lines().filter(|file| workspace().join(file).exists()).map(ToOwned::to_owned).collect())
}

/// Every crate against its line in the drawing.
fn layering(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let ours: BTreeSet<String> = packages.iter().filter_map(|package| text(&package["name"])).collect();
    for package in &packages {
        let name = text(&package["name"]).unwrap_or_default();
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            findings.push(format!(
                "{name}: has no layer; give it one in xtask/src/layers.rs and ARCHITECTURE.md"
            ));
            continue;
        };
        for dependency in normal_dependencies(package) {
            if ours.contains(&dependency) && !layer.ours.contains(&dependency.as_str()) {
                findings.push(format!(
                    "{name} depends on {dependency}, which its layer forbids: move what needs it"
                ));
            }
            if !ours.contains(&dependency) && !layer.others.contains(&dependency.as_str()) {
                findings.push(format!(
                    "{name} depends on {dependency}, which its list in xtask/src/layers.rs lacks: do without, or list it"
                ));
            }
            let is_stand_in = name.starts_with("crossfade-lab") && !CLIENTS_IN_LAB.contains(&name.as_str());
            if is_stand_in && NOT_IN_LAB.contains(&dependency.as_str()) {
                findings.push(format!(
                    "{name} depends on {dependency}: a stand-in shares nothing with what it checks"
                ));
            }
        }
    }
    findings
}

/// Lines of the drawing about crates that are not there: a mistyped name would forbid nothing.
fn drawn_but_absent(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let ours: BTreeSet<String> = packages.iter().filter_map(|package| text(&package["name"])).collect();
    let drawn = LAYERS.iter().flat_map(|layer| std::iter::once(layer.name).chain(layer.ours.iter().copied()));
    let absent: BTreeSet<&str> = drawn.filter(|name| !ours.contains(*name)).collect();
    let finding =
        |name| format!("xtask/src/layers.rs: {name} is no crate of this workspace; correct or remove it");
    absent.into_iter().map(finding).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned)
}

fn normal_dependencies(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().cloned().unwrap_or_default();
    all.iter().filter(|dependency| dependency["kind"].is_null()).filter_map(|d| text(&d["name"])).collect()
}

/// Crates that must not be there, and those that may be there once.
fn lock_file(lock: &str) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(found) = line.strip_prefix("name = ") {
            name = found.trim_matches('"');
        } else if let Some(version) = line.strip_prefix("version = ") {
            versions.entry(name).or_default().insert(version.trim_matches('"'));
        }
    }
    let banned = BANNED.iter().filter(|name| versions.contains_key(*name));
    let mut findings: Vec<String> = banned
        .map(|name| format!("Cargo.lock: {name} is there; `cargo tree -i {name}` shows who brings it"))
        .collect();
    for name in ONCE {
        if let Some(found) = versions.get(name).filter(|found| found.len() > 1) {
            let found: Vec<&str> = found.iter().copied().collect();
            findings.push(format!("Cargo.lock: {name} is there as {}; agree on one", found.join(" and ")));
        }
    }
    findings
}

/// Tests say what they are about in their names.
fn is_test(file: &str) -> bool {
    file.ends_with("tests.rs") || Path::new(file).components().any(|part| part.as_os_str() == "tests")
}

fn source(file: &str, content: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let count = content.lines().count();
    if count > LINES_MAX {
        findings.push(format!("{file}: {count} lines; split what it holds (at most {LINES_MAX})"));
    }
    if !content.starts_with("//!") && !is_test(file) {
        findings.push(format!("{file}: has no `//!` that says what it models"));
    }
    for (number, line) in content.lines().enumerate() {
        for (banned, hint) in banned_text() {
            if line.trim_start().starts_with(&banned) || (banned.ends_with("!(") && line.contains(&banned)) {
                findings.push(format!("{file}:{}: {banned} found: {hint}", number + 1));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::layers::Layer;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> =
            dependencies.iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
        json!({ "name": name, "dependencies": dependencies })
    }

    #[test]
    fn what_is_not_drawn_is_forbidden() {
        let metadata = json!({ "packages": [
            package("crossfade-core", &[("tokio", None), ("proptest", Some("dev"))]),
            package("crossfade-probe", &[("crossfade-core", None)]),
            package("crossfade-lab-route53", &[("aws-config", None)]),
            package("crossfade-utils", &[]),
        ] });
        let findings = layering(&metadata);
        assert_eq!(findings.len(), 5, "{findings:?}");
        assert!(findings[0].starts_with("crossfade-core depends on tokio, which its list"));
        assert!(findings[1].starts_with("crossfade-probe depends on crossfade-core"));
        assert!(findings[2].starts_with("crossfade-lab-route53 depends on aws-config, which its list"));
        assert!(findings[3].contains("a stand-in shares nothing"));
        assert!(findings[4].starts_with("crossfade-utils: has no layer"));
    }

    #[test]
    fn a_layer_without_a_crate_is_found() {
        let there = |layers: &[Layer]| {
            let packages: Vec<Value> = layers.iter().map(|layer| package(layer.name, &[])).collect();
            drawn_but_absent(&json!({ "packages": packages }))
        };
        assert!(there(LAYERS).is_empty());
        let findings = there(&LAYERS[1..]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains(LAYERS[0].name));
    }

    #[test]
    fn a_second_version_is_found() {
        let lock = "name = \"hyper\"\nversion = \"0.14.1\"\n\nname = \"hyper\"\nversion = \"1.0.0\"\n\nname = \"openssl-sys\"\nversion = \"0.9.0\"\n";
        let findings = lock_file(lock);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(lock_file("name = \"hyper\"\nversion = \"1.0.0\"\n").is_empty());
    }

    #[test]
    fn silenced_tests_and_long_files_are_found() {
        let text = format!("//! x\n    #[{}]\nfn a() {{ {}!() }}\n", "ignore", "todo");
        assert_eq!(source("a.rs", &text.replace("!()", "!(\"\")")).len(), 2);
        assert_eq!(source("a.rs", &format!("//! x\n{}", "\n".repeat(1_000))).len(), 1);
        assert_eq!(source("a.rs", "fn a() {}\n").len(), 1);
    }
}
