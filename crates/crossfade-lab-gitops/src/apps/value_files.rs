//! Which value files the patterns among an Application's `valueFiles` mean. Charts of a registry have no patterns.

use serde_json::Value;

use super::manifests::Context;
use super::spec::Sources;
use crate::glob::Glob;
use crate::object::{list, text, truth};

impl Context<'_> {
    /// The value files of a source, in the order in which they are merged: what a pattern means comes in its place, by name;
    /// a file that is named itself comes where it is named.
    pub(super) async fn value_files(
        &self,
        sources: &Sources,
        commits: &[String],
        index: usize,
        dir: &str,
    ) -> Result<Vec<String>, String> {
        let helm = &sources.all[index]["helm"];
        let asked: Vec<&str> = list(&helm["valueFiles"]).iter().map(text).collect();
        let mut found: Vec<String> = Vec::new();
        for one in &asked {
            let pattern = Pattern::of(one, sources, index, dir)
                .filter(|pattern| text(&sources.all[pattern.source]["chart"]).is_empty());
            let Some(pattern) = pattern else {
                found.push((*one).to_owned());
                continue;
            };
            let url = text(&sources.all[pattern.source]["repoURL"]);
            let tree = self.git.tree(url, &commits[pattern.source]).await?;
            let mut meant = pattern.matches(tree.files());
            if meant.is_empty() && !truth(&helm["ignoreMissingValueFiles"]) {
                return Err(format!("values file glob {one:?} matched no files"));
            }
            meant.retain(|file| !found.contains(file) && !is_named(file, &asked, dir));
            found.extend(meant);
        }
        Ok(found)
    }
}

/// Whether a file that is found from the root, `/a/b.yaml`, is also named itself.
fn is_named(file: &str, asked: &[&str], dir: &str) -> bool {
    let named = |one: &&str| match one.strip_prefix('/') {
        Some(_) => *one == file,
        None if one.starts_with('$') => *one == file,
        None => {
            file.strip_prefix('/').and_then(|file| resolved(dir, one).map(|one| one == file)) == Some(true)
        }
    };
    asked.iter().any(named)
}

/// A pattern of files of one source.
struct Pattern {
    source: usize,
    /// From the root of the repository.
    path: String,
    /// How a path from the root is named: `/` or `$ref/`.
    prefix: String,
}

impl Pattern {
    /// `None` for what is no pattern, or cannot be one.
    fn of(asked: &str, sources: &Sources, index: usize, dir: &str) -> Option<Pattern> {
        if !asked.contains(['*', '?', '[']) || asked.contains("://") {
            return None;
        }
        if let Some(referring) = asked.strip_prefix('$').filter(|_| sources.is_multi) {
            let (name, path) = referring.split_once('/')?;
            let source = sources.all.iter().position(|source: &Value| text(&source["ref"]) == name)?;
            return Some(Pattern { source, path: resolved("", path)?, prefix: format!("${name}/") });
        }
        let path = match asked.strip_prefix('/') {
            Some(path) => resolved("", path)?,
            None => resolved(dir, asked)?,
        };
        Some(Pattern { source: index, path, prefix: "/".to_owned() })
    }

    fn matches<'f>(&self, files: impl Iterator<Item = &'f str>) -> Vec<String> {
        let glob = Glob::of_files(&self.path);
        let mut found: Vec<String> =
            files.filter(|file| glob.matches(file)).map(|file| format!("{}{file}", self.prefix)).collect();
        found.sort_unstable();
        found
    }
}

/// A path from a directory with its dots resolved; `None` when it leads out.
fn resolved(dir: &str, path: &str) -> Option<String> {
    let mut steps: Vec<&str> = Vec::new();
    for step in dir.split('/').chain(path.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()?),
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_are_from_the_chart_the_root_or_another_source() {
        let sources = Sources::of(
            &json!({"sources": [{"repoURL": "a", "path": "charts/x"}, {"repoURL": "b", "ref": "v"}]}),
        );
        let files =
            ["charts/x/b.yaml", "charts/x/a.yaml", "charts/x/deep/c.yaml", "charts/y.yaml", "top.yaml"];
        for (asked, source, expected) in [
            ("*.yaml", 0, vec!["/charts/x/a.yaml", "/charts/x/b.yaml"]),
            ("**/*.yaml", 0, vec!["/charts/x/a.yaml", "/charts/x/b.yaml", "/charts/x/deep/c.yaml"]),
            ("../*.yaml", 0, vec!["/charts/y.yaml"]),
            ("/t?p.yaml", 0, vec!["/top.yaml"]),
            ("$v/charts/[y].yaml", 1, vec!["$v/charts/y.yaml"]),
        ] {
            let pattern = Pattern::of(asked, &sources, 0, "charts/x").unwrap();
            assert_eq!(
                (pattern.source, pattern.matches(files.into_iter())),
                (source, expected.iter().map(|one| (*one).to_owned()).collect()),
                "{asked}"
            );
        }
        for asked in ["a.yaml", "https://example.org/*.yaml", "../../../*.yaml", "$none/*.yaml"] {
            assert!(Pattern::of(asked, &sources, 0, "charts/x").is_none(), "{asked}");
        }
        assert!(is_named("/charts/x/a.yaml", &["*.yaml", "a.yaml"], "charts/x"));
        assert!(is_named("/charts/x/a.yaml", &["/charts/x/a.yaml"], "charts/x"));
        assert!(!is_named("/charts/x/a.yaml", &["*.yaml", "b.yaml"], "charts/x"));
    }
}
