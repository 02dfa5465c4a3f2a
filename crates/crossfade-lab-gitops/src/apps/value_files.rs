//! Which files the `valueFiles` and `fileParameters` of an Application mean: beside the chart, from the root (`/x`), of
//! another source (`$ref/x`), or all that a pattern fits.

use std::collections::BTreeMap;

use serde_json::Value;

use super::environment::Environment;
use super::manifests::{Context, Failure};
use super::origin::inside;
use super::spec::Sources;
use crate::git::Fresh;
use crate::glob::Glob;
use crate::object::{list, text, truth};

/// How Argo CD names the clone that it works in.
const SOURCE_ROOT: &str = "<path to cached source>";

/// One source among the others of its Application.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) sources: &'p Sources,
    pub(super) commits: &'p [String],
    pub(super) index: usize,
    pub(super) dir: &'p str,
    pub(super) environment: &'p Environment,
}

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) source: usize,
    /// From the root.
    pub(super) path: String,
}

impl Named {
    /// As it stands in what helm is told and says.
    pub(super) fn shown(&self) -> String {
        format!("{SOURCE_ROOT}/{}", self.path)
    }

    fn is_pattern(&self) -> bool {
        self.path.contains(['*', '?', '['])
    }
}

impl<'p> Place<'p> {
    fn source(&self) -> &'p Value {
        &self.sources.all[self.index]
    }

    /// What is wrong with the sources that files are taken from.
    pub(super) fn check_references(&self) -> Result<(), Failure> {
        let helm = &self.source()["helm"];
        let files = list(&helm["valueFiles"]).iter().map(text);
        let files = files.chain(list(&helm["fileParameters"]).iter().map(|one| text(&one["path"])));
        for asked in files.filter(|_| self.sources.is_multi) {
            let Some(rest) = asked.strip_prefix('$') else { continue };
            let name = rest.split('/').next().unwrap_or_default();
            let Some(source) = self.referred(name) else {
                return Err(no_reference(self.sources, name).into());
            };
            if !text(&self.sources.all[source]["chart"]).is_empty() {
                // The words are Argo CD's.
                let message = "source has a 'chart' field defined, but Helm charts are not yet not supported for 'ref' sources";
                return Err(message.to_owned().into());
            }
        }
        Ok(())
    }

    fn referred(&self, name: &str) -> Option<usize> {
        self.sources.all.iter().position(|source| text(&source["ref"]) == name && !name.is_empty())
    }

    /// The file, or pattern of files, that an Application names.
    pub(super) fn named(&self, asked: &str) -> Result<Named, String> {
        let of_other = asked.strip_prefix('$').filter(|_| self.sources.is_multi).and_then(|rest| {
            let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
            Some((self.referred(name)?, format!("/{path}")))
        });
        let (source, dir, path) = match of_other {
            Some((source, path)) => (source, "", self.environment.expanded(&path)),
            None => (self.index, self.dir, self.environment.expanded(asked)),
        };
        if path.contains("://") {
            return Err(format!("the lab's agent reads no value files from the network: {path}"));
        }
        let resolved = match path.strip_prefix('/') {
            Some(from_root) => inside("", from_root.trim_start_matches('/')),
            None => inside(dir, &path),
        };
        match resolved {
            None => Err(format!("file '{path}' resolved to outside repository root")),
            Some(root) if root.is_empty() => {
                Err("internal error: failed to resolve path. Check logs for more details".to_owned())
            }
            Some(path) => Ok(Named { source, path }),
        }
    }
}

impl Context<'_> {
    /// The value files of a source, in the order in which they are merged: what a pattern means comes in its place, by name;
    /// a file that is named itself comes where it is named.
    pub(super) async fn value_files(&self, place: Place<'_>) -> Result<Vec<Named>, Failure> {
        let helm = &place.source()["helm"];
        let ignores_missing = truth(&helm["ignoreMissingValueFiles"]);
        let failed = |error: String| format!("error resolving helm value files: {error}");
        let asked: Vec<&str> = list(&helm["valueFiles"]).iter().map(text).collect();
        let named = asked.iter().map(|one| place.named(one));
        let named: Vec<Named> = named
            .collect::<Result<_, _>>()
            .map_err(|error| failed(format!("error resolving value file path: {error}")))?;
        let mut found: Vec<Named> = Vec::new();
        for (asked, one) in asked.iter().zip(&named) {
            if !one.is_pattern() {
                if !(found.contains(one) || ignores_missing && self.content(place, one).await?.is_none()) {
                    found.push(one.clone());
                }
                continue;
            }
            let meant = matching(&one.path, &self.candidates(place, one).await?);
            if meant.is_empty() && !ignores_missing {
                return Err(Failure::of_pattern(failed(format!(
                    "values file glob {asked:?} matched no files"
                ))));
            }
            for path in meant {
                let file = Named { source: one.source, path };
                if !found.contains(&file) && !named.contains(&file) {
                    found.push(file);
                }
            }
        }
        Ok(found)
    }

    /// The content of a file that an Application names.
    pub(super) async fn content(&self, place: Place<'_>, file: &Named) -> Result<Option<Vec<u8>>, Failure> {
        let (source, commit) = (&place.sources.all[file.source], &place.commits[file.source]);
        let origin = self.origin(source, commit, Fresh::No).await?;
        let mut contents: BTreeMap<String, Vec<u8>> = origin.contents(self.git, &[&file.path]).await?;
        Ok(contents.remove(&file.path))
    }

    /// The files that a pattern may fit.
    async fn candidates(&self, place: Place<'_>, pattern: &Named) -> Result<Vec<String>, Failure> {
        let (source, commit) = (&place.sources.all[pattern.source], &place.commits[pattern.source]);
        let origin = self.origin(source, commit, Fresh::No).await?;
        let literal = pattern.path.split(['*', '?', '[']).next().unwrap_or_default();
        let dir = literal.rsplit_once('/').map_or("", |(dir, _)| dir);
        // Linked directories are entered by name, not by what stands for any number of them.
        let through_links = if pattern.path.contains("**") { None } else { origin.chart_under(dir).ok() };
        Ok(through_links.map_or_else(|| origin.files_under(dir), Ok)?)
    }
}

fn matching(pattern: &str, files: &[String]) -> Vec<String> {
    let glob = Glob::of_files(pattern);
    let mut found: Vec<String> = files.iter().filter(|file| glob.matches(file)).cloned().collect();
    found.sort_unstable();
    found
}

fn no_reference(sources: &Sources, name: &str) -> String {
    let known: Vec<String> = sources
        .all
        .iter()
        .map(|source| text(&source["ref"]))
        .filter(|known| !known.is_empty())
        .map(|known| format!("${known}"))
        .collect();
    if known.is_empty() {
        return format!("source referenced \"${name}\", but no source has a 'ref' field defined");
    }
    format!("source referenced \"${name}\", which is not one of the available sources ({})", known.join(", "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_from_the_chart_the_root_or_another_source() {
        let sources = Sources::of(
            &json!({"sources": [{"repoURL": "a", "path": "charts/x"}, {"repoURL": "b", "ref": "v"}]}),
        );
        let environment = Environment::of("app", "", "", &sources.all[0], "");
        let place =
            Place { sources: &sources, commits: &[], index: 0, dir: "charts/x", environment: &environment };
        for (asked, source, path) in [
            ("*.yaml", 0, "charts/x/*.yaml"),
            ("../*.yaml", 0, "charts/*.yaml"),
            ("/t?p.yaml", 0, "t?p.yaml"),
            ("$v/charts/[y].yaml", 1, "charts/[y].yaml"),
            ("$v/$ARGOCD_APP_NAME.yaml", 1, "app.yaml"),
            ("$ARGOCD_APP_NAME.yaml", 0, "charts/x/app.yaml"),
        ] {
            assert_eq!(place.named(asked), Ok(Named { source, path: path.to_owned() }), "{asked}");
        }
        assert!(place.named("$v/../a.yaml").unwrap_err().contains("outside repository root"));
        assert!(place.named("../../../a.yaml").unwrap_err().contains("outside repository root"));
        assert!(place.named("https://example.org/*.yaml").is_err());
        assert!(place.named("..//..").unwrap_err().starts_with("internal error"));
    }

    #[test]
    fn patterns_mean_files_by_name() {
        let files =
            ["charts/x/b.yaml", "charts/x/a.yaml", "charts/x/deep/c.yaml", "charts/y.yaml", "top.yaml"];
        let files: Vec<String> = files.map(str::to_owned).into();
        for (pattern, expected) in [
            ("charts/x/*.yaml", vec!["charts/x/a.yaml", "charts/x/b.yaml"]),
            ("charts/x/**/*.yaml", vec!["charts/x/a.yaml", "charts/x/b.yaml", "charts/x/deep/c.yaml"]),
            ("t?p.yaml", vec!["top.yaml"]),
            ("charts/[z].yaml", vec![]),
        ] {
            assert_eq!(matching(pattern, &files), expected, "{pattern}");
        }
    }
}
