//! From an Application's sources to objects: revisions, files, charts and directories. Nothing of the cluster but its
//! version is known here. What is waited for here, a registry or a Git host, holds nobody else up: only rendering is rationed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crossfade_gotemplate::CertificateIssuer;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::dependencies;
use super::directory;
use super::environment::Environment;
use super::helm::{self, ChartFiles, Release};
use super::origin::{Origin, inside};
use super::spec::Sources;
use super::value_files::Place;
use crate::charts::Charts;
use crate::git::{Fresh, Git};
use crate::lock::lock;
use crate::object::{list, text};

/// Renderings that are kept of one source: that of its revision, and that of an operation which is at another.
const KEPT_MAX: usize = 2;

/// What the sources come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Manifests {
    pub(super) objects: Vec<Value>,
    pub(super) revisions: Vec<String>,
    /// `Helm`, `Directory`; empty for a source that only others refer to.
    pub(super) source_types: Vec<&'static str>,
}

/// Renderings by what they were made from. A chart gives the same objects for the same input.
#[derive(Default)]
pub(super) struct Kept(Mutex<VecDeque<(Key, Arc<Rendering>)>>);

/// Which source, and all that it was rendered from.
type Key = (usize, String);

type Rendering = (Vec<Value>, &'static str);

/// Why a source cannot be loaded, and as what Argo CD's own programs tell one another of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    code: &'static str,
    message: String,
}

impl Failure {
    /// Of a file that is no manifest.
    pub(super) fn of_manifest(message: String) -> Failure {
        Failure { code: "FailedPrecondition", message }
    }

    /// Of a pattern that fits no file.
    pub(super) fn of_pattern(message: String) -> Failure {
        Failure { code: "NotFound", message }
    }

    /// Of a commit that cannot be had.
    fn of_checkout(message: &str) -> Failure {
        let inner = format!("rpc error: code = Internal desc = {message}");
        format!("failed to initialize repository resources: {inner}").into()
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure { code: "Unknown", message }
    }
}

/// What else charts are rendered with.
pub(super) struct Context<'c> {
    pub(super) git: &'c Git,
    pub(super) charts: &'c Charts,
    pub(super) certificates: Option<&'c CertificateIssuer>,
    pub(super) kept: &'c Kept,
    /// Charts that are rendered at the same moment.
    pub(super) permits: &'c Semaphore,
    pub(super) application: &'c str,
    pub(super) namespace: &'c str,
    pub(super) project: &'c str,
    pub(super) kube_version: &'c str,
    pub(super) api_versions: &'c [String],
    pub(super) fresh: Fresh,
}

impl Context<'_> {
    /// Renders all sources; `revisions` stands in for their target revisions where it has one.
    pub(super) async fn load(&self, sources: &Sources, revisions: &[String]) -> Result<Manifests, String> {
        let mut loaded = Manifests::default();
        let count = sources.all.len();
        let mut commits = Vec::new();
        for (index, source) in sources.all.iter().enumerate() {
            let failed = |error: String| of_source(index, count, &error.into());
            let revision = match revisions.get(index).map(String::as_str) {
                None | Some("") => text(&source["targetRevision"]),
                Some(given) => given,
            };
            let (url, chart) = (text(&source["repoURL"]), text(&source["chart"]));
            let resolved = if chart.is_empty() {
                self.git.resolve(url, revision, self.fresh).await
            } else {
                self.charts.resolve(url, chart, revision, self.fresh).await
            };
            commits.push(resolved.map_err(failed)?);
        }
        for (index, source) in sources.all.iter().enumerate() {
            let failed = |failure: Failure| of_source(index, count, &failure);
            let is_set = |field: &str| !text(&source[field]).is_empty();
            let is_only_referred_to = sources.is_multi && !is_set("path") && !is_set("chart");
            if is_only_referred_to {
                loaded.source_types.push("");
                continue;
            }
            let key = self.key(sources, &commits, index);
            let rendering = if let Some(rendering) = self.kept.get(&key) {
                rendering
            } else {
                // What failed is tried again: the repository may have been out of reach.
                let rendering = Arc::new(self.render(sources, &commits, index).await.map_err(failed)?);
                self.kept.put(key, Arc::clone(&rendering));
                rendering
            };
            let (objects, source_type) = rendering.as_ref();
            loaded.objects.extend(objects.iter().cloned());
            loaded.source_types.push(source_type);
        }
        loaded.revisions = commits;
        Ok(loaded)
    }

    fn key(&self, sources: &Sources, commits: &[String], index: usize) -> Key {
        let all = Value::from(sources.all.clone());
        let served = self.api_versions.len();
        let input = format!(
            "{} {} {} {} {served} {commits:?} {all}",
            self.application, self.namespace, self.project, self.kube_version
        );
        (index, input)
    }

    async fn render(
        &self,
        sources: &Sources,
        commits: &[String],
        index: usize,
    ) -> Result<Rendering, Failure> {
        let source = &sources.all[index];
        let origin = self.origin(source, &commits[index], self.fresh).await?;
        let asked = if origin.is_chart() { "" } else { text(&source["path"]) };
        let dir = inside("", asked).ok_or_else(|| format!("{asked}: app path outside root"))?;
        if !dir.is_empty() && !origin.has_directory(&dir) {
            let how = if origin.has_file(&dir) { "is not a directory" } else { "does not exist" };
            return Err(format!("{asked}: app path {how}").into());
        }
        let environment =
            Environment::of(self.application, self.namespace, self.project, source, &commits[index]);
        let place = Place { sources, commits, index, dir: &dir, environment: &environment };
        place.check_references()?;
        if origin.is_chart() || source_type(source, &origin, &dir)? == "Helm" {
            let release = self.release(source);
            let mut files = self.chart_files(place, &origin, &release).await?;
            dependencies::complete(self, &origin, &dir, &mut files.chart).await?;
            let source = source.clone();
            let _permit = self.permits.acquire().await.map_err(|_| "the agent is ending".to_owned())?;
            let rendered =
                tokio::task::spawn_blocking(move || helm::objects(&source, files, &release, &environment))
                    .await;
            let objects = rendered.map_err(|error| format!("rendering ended early: {error}"))??;
            return Ok((objects, "Helm"));
        }
        let all = origin.files_under(&dir)?;
        let paths = directory::manifest_paths(source, &dir, all.iter().map(String::as_str))?;
        let files = origin.contents(self.git, &paths).await?;
        Ok((directory::objects(&files).map_err(Failure::of_manifest)?, "Directory"))
    }

    /// The files of a source at a revision.
    pub(super) async fn origin<'s>(
        &self,
        source: &'s Value,
        revision: &str,
        fresh: Fresh,
    ) -> Result<Origin<'s>, Failure> {
        let (url, chart) = (text(&source["repoURL"]), text(&source["chart"]));
        if !chart.is_empty() {
            return Ok(Origin::Chart(self.charts.files(url, chart, revision, fresh).await?));
        }
        let tree = self.git.tree(url, revision).await.map_err(|error| Failure::of_checkout(&error))?;
        match tree.out_of_bounds() {
            Some(file) => Err(format!("repository contains out-of-bounds symlinks. file: {file}").into()),
            None => Ok(Origin::Git { url, tree }),
        }
    }

    fn release(&self, source: &Value) -> Release {
        let helm = &source["helm"];
        let or = |field: &str, otherwise: &str| match text(&helm[field]) {
            "" => otherwise.to_owned(),
            given => given.to_owned(),
        };
        let own: Vec<String> = list(&helm["apiVersions"]).iter().map(|one| text(one).to_owned()).collect();
        Release {
            name: or("releaseName", self.application),
            namespace: or("namespace", self.namespace),
            kube_version: or("kubeVersion", self.kube_version),
            api_versions: if own.is_empty() { self.api_versions.to_vec() } else { own },
            certificates: self.certificates.cloned(),
        }
    }

    async fn chart_files(
        &self,
        place: Place<'_>,
        origin: &Origin<'_>,
        release: &Release,
    ) -> Result<ChartFiles, Failure> {
        let helm = &place.sources.all[place.index]["helm"];
        let named = self.value_files(place).await?;
        let mut files = ChartFiles::default();
        let mut missing = None;
        for file in &named {
            let content = self.content(place, file).await?;
            if content.is_none() {
                missing.get_or_insert(file.shown());
            }
            files.values.push((file.shown(), content.unwrap_or_default()));
        }
        for parameter in list(&helm["fileParameters"]) {
            let file = place.named(text(&parameter["path"]));
            let file = file.map_err(|error| format!("error resolving helm value file path: {error}"))?;
            let content = self.content(place, &file).await?;
            if content.is_none() {
                missing.get_or_insert(file.shown());
            }
            let key = text(&parameter["name"]).to_owned();
            files.set_files.push((key, file.shown(), content.unwrap_or_default()));
        }
        if let Some(path) = missing {
            let command = files.command(helm, release, place.environment);
            return Err(helm::failed(&command, &format!("open {path}: no such file or directory")).into());
        }
        let command = files.command(helm, release, place.environment);
        let of_chart = |error: String| helm::failed(&command, &error);
        let paths = origin.chart_under(place.dir).map_err(of_chart)?;
        let dir = place.dir;
        let cut = |path: String| path.strip_prefix(dir).unwrap_or(&path).trim_start_matches('/').to_owned();
        let contents = origin.contents(self.git, &paths).await?;
        files.chart = contents.into_iter().map(|(path, content)| (cut(path), content)).collect();
        Ok(files)
    }
}

impl Kept {
    /// Forgets everything: a hard refresh renders anew.
    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    fn get(&self, key: &Key) -> Option<Arc<Rendering>> {
        let kept = lock(&self.0);
        kept.iter().find(|(known, _)| known == key).map(|(_, rendering)| Arc::clone(rendering))
    }

    fn put(&self, key: Key, rendering: Arc<Rendering>) {
        let mut kept = lock(&self.0);
        let of_source = |(known, _): &(Key, _)| known.0 == key.0;
        if kept.iter().filter(|one| of_source(one)).count() >= KEPT_MAX
            && let Some(oldest) = kept.iter().position(of_source)
        {
            kept.remove(oldest);
        }
        kept.push_back((key, rendering));
    }
}

fn of_source(index: usize, count: usize, failure: &Failure) -> String {
    let Failure { code, message } = failure;
    format!(
        "failed to generate manifest for source {} of {count}: rpc error: code = {code} desc = {message}",
        index + 1
    )
}

/// What a directory is: what the source says, else what is in it.
fn source_type(source: &Value, origin: &Origin<'_>, dir: &str) -> Result<&'static str, String> {
    let is_set = |field: &str| source[field].as_object().is_some_and(|table| !table.is_empty());
    let has =
        |file: &str| origin.has_file(&if dir.is_empty() { file.to_owned() } else { format!("{dir}/{file}") });
    let has_kustomization =
        ["kustomization.yaml", "kustomization.yml", "Kustomization"].iter().any(|file| has(file));
    if is_set("kustomize") || source["plugin"].is_object() {
        let what = if source["plugin"].is_object() { "plugins" } else { "kustomize" };
        return Err(format!("the lab's agent does not run {what}"));
    }
    if is_set("helm") {
        return Ok("Helm");
    }
    if is_set("directory") {
        return Ok("Directory");
    }
    // Argo CD looks for what is in a directory without following the link that it is.
    let is_entered = !origin.is_link(dir);
    match (is_entered && has("Chart.yaml"), is_entered && has_kustomization) {
        (true, _) => Ok("Helm"),
        (false, true) => {
            Err(format!("the lab's agent does not run kustomize, and {dir} has a kustomization"))
        }
        (false, false) => Ok("Directory"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renderings_of_old_revisions_are_let_go() {
        let kept = Kept::default();
        let key = |index: usize, commit: &str| (index, commit.to_owned());
        for commit in ["a", "b", "c"] {
            for index in [0, 1] {
                kept.put(key(index, commit), Arc::default());
            }
        }
        for index in [0, 1] {
            let there = ["a", "b", "c"].map(|commit| kept.get(&key(index, commit)).is_some());
            assert_eq!(there, [false, true, true]);
        }
    }
}
