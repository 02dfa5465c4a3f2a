//! ApplicationSets of the user's own, read from files. What is no ApplicationSet of Argo CD's namespace, or would take the
//! place of one of the bridge's, is refused before anything is asked.

use std::path::{Path, PathBuf};

use crossfade_stack::bridge::ARGOCD_NAMESPACE;
use crossfade_stack::bridge::application_sets::{BOOTSTRAP_ADD_ONS, BOOTSTRAP_WORKLOADS};
use crossfade_stack::text::Domain;
use serde_json::Value;

use crate::exit::user_error;

/// Argo CD's version of them.
const API_VERSION: &str = "argoproj.io/v1alpha1";

/// The documents of all files, in their order.
pub fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Value>> {
    let mut sets: Vec<Value> = Vec::new();
    for file in files {
        for set in read_one(file)? {
            let name = &set["metadata"]["name"];
            if sets.iter().any(|known| known["metadata"]["name"] == *name) {
                return Err(wrong(file, &format!("{name} is there twice")));
            }
            sets.push(set);
        }
    }
    Ok(sets)
}

fn wrong(file: &Path, message: &str) -> anyhow::Error {
    user_error(
        format!("{}: {message}", file.display()),
        format!("--application-sets takes ApplicationSets ({API_VERSION}) of namespace {ARGOCD_NAMESPACE}"),
    )
}

fn read_one(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(file).map_err(|error| wrong(file, &error.to_string()))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| wrong(file, &error.to_string()))?;
    let documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    for document in &documents {
        problem(document).map_or(Ok(()), |message| Err(wrong(file, &message)))?;
    }
    Ok(documents)
}

fn problem(document: &Value) -> Option<String> {
    let metadata = &document["metadata"];
    let Some(name) = metadata["name"].as_str().filter(|_| document["kind"] == "ApplicationSet") else {
        return Some(format!("{} {} is no ApplicationSet", document["kind"], metadata["name"]));
    };
    if document["apiVersion"] != API_VERSION {
        return Some(format!("{name} is of {}", document["apiVersion"]));
    }
    // A name of an object that is no label: dots as well (Kubernetes, "Object Names and IDs").
    if Domain::parse(name).is_err() {
        return Some(format!("`{name}` is no name: lower-case letters, digits, `-` and `.`"));
    }
    if [BOOTSTRAP_ADD_ONS, BOOTSTRAP_WORKLOADS].contains(&name) {
        return Some(format!("{name} is the bridge's own"));
    }
    (metadata["namespace"] != ARGOCD_NAMESPACE)
        .then(|| format!("{name} is in namespace {}", metadata["namespace"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_application_sets_that_are_nobody_elses() {
        let problem_of = |version: &str, kind: &str, name: &str, namespace: &str| {
            let meta = json!({ "name": name, "namespace": namespace });
            problem(&json!({ "apiVersion": version, "kind": kind, "metadata": meta })).unwrap_or_default()
        };
        assert_eq!(problem_of(API_VERSION, "ApplicationSet", "my.set", "argocd"), "");
        for (version, kind, name, namespace, word) in [
            (API_VERSION, "Secret", "mine", "argocd", "is no ApplicationSet"),
            ("v1", "ApplicationSet", "mine", "argocd", "is of \"v1\""),
            (API_VERSION, "ApplicationSet", "Mine", "argocd", "is no name"),
            (API_VERSION, "ApplicationSet", "bootstrap-workloads", "argocd", "is the bridge's own"),
            (API_VERSION, "ApplicationSet", "mine", "default", "is in namespace"),
        ] {
            let said = problem_of(version, kind, name, namespace);
            assert!(said.contains(word), "`{word}` is not in: {said}");
        }
    }
}
