//! From an Application's sources to objects: revisions, files, charts and directories. Nothing of the cluster but its
//! version is known here. What is waited for here, a registry or a Git host, holds nobody else up: only rendering is rationed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use crossfade_gotemplate::CertificateIssuer;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::dependencies;
use super::directory;
use super::helm::{self, ChartFiles, Release};
use super::origin::{Origin, inside};
use super::spec::Sources;
use crate::charts::Charts;
use crate::git::{Fresh, Git};
use crate::lock::lock;
use crate::object::{list, text, truth};

/// Renderings that are kept: those of this revision and the ones before.
const KEPT_MAX: usize = 8;

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
pub(super) struct Kept(Mutex<VecDeque<(String, Arc<Rendering>)>>);

type Rendering = (Vec<Value>, &'static str);

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
            let failed = |error: String| of_source(index, count, &error);
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
            let failed = |error: String| of_source(index, count, &error);
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

    fn key(&self, sources: &Sources, commits: &[String], index: usize) -> String {
        let all = Value::from(sources.all.clone());
        let served = self.api_versions.len();
        format!(
            "{index} {} {} {} {served} {commits:?} {all}",
            self.application, self.namespace, self.kube_version
        )
    }

    async fn render(&self, sources: &Sources, commits: &[String], index: usize) -> Result<Rendering, String> {
        let source = &sources.all[index];
        let origin = self.origin(source, &commits[index], self.fresh).await?;
        let asked = if origin.is_chart() { "" } else { text(&source["path"]) };
        let dir = inside("", asked).ok_or_else(|| format!("{asked}: app path outside root"))?;
        if !dir.is_empty() && !origin.has_directory(&dir) {
            return Err(format!("{asked}: app path does not exist"));
        }
        if origin.is_chart() || source_type(source, &origin, &dir)? == "Helm" {
            let mut files = self.chart_files(sources, commits, index, &origin, &dir).await?;
            dependencies::complete(self, &origin, &dir, &mut files.chart).await?;
            let release = self.release(source);
            let source = source.clone();
            let _permit = self.permits.acquire().await.map_err(|_| "the agent is ending".to_owned())?;
            let rendered = tokio::task::spawn_blocking(move || helm::objects(&source, files, &release)).await;
            let objects = rendered.map_err(|error| format!("rendering ended early: {error}"))??;
            return Ok((objects, "Helm"));
        }
        let paths = directory::manifest_paths(source, &dir, origin.files_under(&dir).into_iter())?;
        let files = origin.contents(self.git, &paths).await?;
        Ok((directory::objects(&files)?, "Directory"))
    }

    /// The files of a source at a revision.
    async fn origin<'s>(
        &self,
        source: &'s Value,
        revision: &str,
        fresh: Fresh,
    ) -> Result<Origin<'s>, String> {
        let (url, chart) = (text(&source["repoURL"]), text(&source["chart"]));
        if chart.is_empty() {
            return Ok(Origin::Git { url, tree: self.git.tree(url, revision).await? });
        }
        Ok(Origin::Chart(self.charts.files(url, chart, revision, fresh).await?))
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
        sources: &Sources,
        commits: &[String],
        index: usize,
        origin: &Origin<'_>,
        dir: &str,
    ) -> Result<ChartFiles, String> {
        let source = &sources.all[index];
        let contents = origin.contents(self.git, &origin.files_under(dir)).await?;
        let cut = |path: String| path.strip_prefix(dir).unwrap_or(&path).trim_start_matches('/').to_owned();
        let mut files = ChartFiles {
            chart: contents.into_iter().map(|(path, content)| (cut(path), content)).collect(),
            ..ChartFiles::default()
        };
        let own = Place { sources, commits, index, dir };
        let helm = &source["helm"];
        for asked in &self.value_files(sources, commits, index, dir).await? {
            match self.value_file(&own, asked).await? {
                Some(content) => files.values.push((asked.clone(), content)),
                None if truth(&helm["ignoreMissingValueFiles"]) => {}
                None => {
                    return Err(format!(
                        "failed to execute helm template command: `helm template . --values {asked}` failed exit status 1: \
                         Error: open {asked}: no such file or directory"
                    ));
                }
            }
        }
        for parameter in list(&helm["fileParameters"]) {
            let asked = text(&parameter["path"]);
            let content = self.value_file(&own, asked).await?;
            let content =
                content.ok_or_else(|| format!("error resolving set-file path: {asked} does not exist"))?;
            files.set_files.push((text(&parameter["name"]).to_owned(), content));
        }
        Ok(files)
    }

    /// The content of a file that an Application names: beside the chart, from the root (`/x`), or of another source
    /// (`$ref/x`).
    async fn value_file(&self, own: &Place<'_>, asked: &str) -> Result<Option<Vec<u8>>, String> {
        if asked.contains("://") {
            return Err(format!("the lab's agent reads no value files from the network: {asked}"));
        }
        // Only several sources can refer to one another; else it is a path like any other, and not there.
        let referring = asked.strip_prefix('$').filter(|_| own.sources.is_multi);
        let (index, dir, path) = match referring {
            Some(rest) => {
                let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
                let referred = own.sources.all.iter().position(|source| text(&source["ref"]) == name);
                (referred.ok_or_else(|| no_reference(own.sources, name))?, "", path)
            }
            None => (own.index, own.dir, asked),
        };
        let outside = || format!("value file '{asked}' resolved to outside repository root");
        let path = match path.strip_prefix('/') {
            Some(from_root) => inside("", from_root),
            None => inside(dir, path),
        };
        let path = path.ok_or_else(outside)?;
        let origin = self.origin(&own.sources.all[index], &own.commits[index], Fresh::No).await?;
        let mut contents: BTreeMap<String, Vec<u8>> = origin.contents(self.git, &[path.as_str()]).await?;
        Ok(contents.remove(&path))
    }
}

struct Place<'p> {
    sources: &'p Sources,
    commits: &'p [String],
    index: usize,
    dir: &'p str,
}

impl Kept {
    /// Forgets everything: a hard refresh renders anew.
    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    fn get(&self, key: &str) -> Option<Arc<Rendering>> {
        let kept = lock(&self.0);
        kept.iter().find(|(known, _)| known == key).map(|(_, rendering)| Arc::clone(rendering))
    }

    fn put(&self, key: String, rendering: Arc<Rendering>) {
        let mut kept = lock(&self.0);
        kept.retain(|(known, _)| *known != key);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((key, rendering));
    }
}

fn of_source(index: usize, count: usize, error: &str) -> String {
    format!(
        "failed to generate manifest for source {} of {count}: rpc error: code = Unknown desc = {error}",
        index + 1
    )
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
    match (has("Chart.yaml"), has_kustomization) {
        (true, _) => Ok("Helm"),
        (false, true) => {
            Err(format!("the lab's agent does not run kustomize, and {dir} has a kustomization"))
        }
        (false, false) => Ok("Directory"),
    }
}
