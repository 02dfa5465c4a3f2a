//! The files of a source: those of a commit, or those of a chart from a registry.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use crate::charts::Files;
use crate::git::{Git, Tree, is_under};

/// See the module.
pub(super) enum Origin<'s> {
    Git { url: &'s str, tree: Arc<Tree> },
    Chart(Files),
}

impl Origin<'_> {
    pub(super) fn is_chart(&self) -> bool {
        matches!(self, Origin::Chart(_))
    }

    pub(super) fn has_file(&self, path: &str) -> bool {
        match self {
            Origin::Git { tree, .. } => tree.blob(path).is_some(),
            Origin::Chart(files) => files.contains_key(path),
        }
    }

    pub(super) fn has_directory(&self, dir: &str) -> bool {
        match self {
            Origin::Git { tree, .. } => tree.has_directory(dir),
            Origin::Chart(files) => files.keys().any(|path| is_under(path, dir)),
        }
    }

    /// Whether a path is itself a link.
    pub(super) fn is_link(&self, path: &str) -> bool {
        match self {
            Origin::Git { tree, .. } => tree.is_link(path),
            Origin::Chart(_) => false,
        }
    }

    /// Paths of files in a directory and below, sorted; linked directories are not entered.
    pub(super) fn files_under(&self, dir: &str) -> Result<Vec<String>, String> {
        match self {
            Origin::Git { tree, .. } => no_module(tree, dir).map(|()| tree.files_under(dir)),
            Origin::Chart(files) => Ok(under(files, dir)),
        }
    }

    /// Paths of the files that a chart in a directory has: through all links.
    pub(super) fn chart_under(&self, dir: &str) -> Result<Vec<String>, String> {
        match self {
            Origin::Git { tree, .. } => no_module(tree, dir).and_then(|()| tree.files_through_links(dir)),
            Origin::Chart(files) => Ok(under(files, dir)),
        }
    }

    /// The contents of files, by path; what is not there is left out.
    pub(super) async fn contents(
        &self,
        git: &Git,
        paths: &[impl AsRef<str>],
    ) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
        match self {
            Origin::Git { url, tree } => git.contents(url, tree, &paths).await,
            Origin::Chart(files) => {
                let found =
                    paths.iter().filter_map(|path| Some(((*path).to_owned(), files.get(*path)?.clone())));
                Ok(found.collect())
            }
        }
    }
}

fn under(files: &Files, dir: &str) -> Vec<String> {
    files.keys().filter(|path| is_under(path, dir)).cloned().collect()
}

/// Argo CD fetches modules; what would come from one is not left out silently.
fn no_module(tree: &Tree, dir: &str) -> Result<(), String> {
    match tree.module_at(dir) {
        Some(module) => Err(format!("the lab's agent fetches no submodules: {module}")),
        None => Ok(()),
    }
}

/// A path from a directory, with its dots resolved; `None` when it leads out.
pub(super) fn inside(dir: &str, path: &str) -> Option<String> {
    let mut steps: Vec<&str> = dir.split('/').filter(|step| !step.is_empty()).collect();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(step) => steps.push(step.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => drop(steps.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for (dir, path, expected) in [
            ("a/b", "x.yaml", Some("a/b/x.yaml")),
            ("a/b", "../x.yaml", Some("a/x.yaml")),
            ("a", "../../x.yaml", None),
            ("", ".", Some("")),
            ("", "/etc/passwd", None),
        ] {
            assert_eq!(inside(dir, path).as_deref(), expected, "{dir} {path}");
        }
    }
}
