//! Charts to manifests: what `helm template` does, in its order and with its messages.

mod coalesce;
mod dependencies;
mod files;
mod manifest;
mod record;
mod schema;
mod version;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::chart::Chart;
use crate::error::Error;
use crate::execute::{ExecutionFailure, NO_VALUE, Run, Templates};
use crate::functions::{Functions, WARNING_END, WARNING_START};
use crate::template::{MissingKey, Sources, on_deep_stack};
use crate::value::{Face, Map, Value};
use crate::values::Values;

pub use manifest::{Crd, Hook, Manifest};
use version::KubeVersion;

/// The helm whose behaviour this is, as `.Capabilities.HelmVersion` says.
pub(crate) const HELM_VERSION: &str = "v3.22";

/// The Go that helm was built with, as `.Capabilities.HelmVersion` says.
const GO_VERSION: &str = "go1.26.8";

/// What `helm template` takes when nobody says otherwise.
const KUBE_VERSION: &str = "v1.20.0";

/// About the release that is rendered.
#[derive(Clone, Debug)]
pub struct ReleaseOptions {
    /// `.Release.Name`
    pub name: String,
    /// `.Release.Namespace`
    pub namespace: String,
    /// `.Release.IsUpgrade`, and the opposite of `.Release.IsInstall`.
    pub is_upgrade: bool,
    /// `.Release.Revision`
    pub revision: i64,
    /// `.Capabilities.KubeVersion`, such as `1.33` or `v1.33.1-eks-1`.
    pub kube_version: String,
    /// Versions (`apps/v1`) and kinds (`apps/v1/Deployment`) in `.Capabilities.APIVersions` besides those helm knows.
    pub api_versions: Vec<String>,
    /// What `now` and the random functions take.
    pub sources: Sources,
}

impl Default for ReleaseOptions {
    /// What `helm template CHART` takes.
    fn default() -> Self {
        Self {
            name: "release-name".to_owned(),
            namespace: "default".to_owned(),
            is_upgrade: false,
            revision: 1,
            kube_version: KUBE_VERSION.to_owned(),
            api_versions: Vec::new(),
            sources: Sources::default(),
        }
    }
}

/// A rendered chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Objects in the order they are installed.
    pub manifests: Vec<Manifest>,
    /// Hooks, in the order of their kinds.
    pub hooks: Vec<Hook>,
    /// Files under `crds/`, of the chart and its subcharts.
    pub crds: Vec<Crd>,
    /// What `NOTES.txt` of the chart itself says.
    pub notes: String,
}

impl Rendered {
    /// What `helm template` prints.
    pub fn to_text(&self, with_crds: bool) -> String {
        let crds = self.crds.iter().filter(|_| with_crds);
        let crds = crds.map(|crd| format!("---\n# Source: {}\n{}\n", crd.source, crd.text));
        let manifests = self.manifests.iter();
        let manifests =
            manifests.map(|manifest| format!("---\n# Source: {}\n{}\n", manifest.source, manifest.text));
        let hooks = self.hooks.iter().map(|hook| format!("---\n# Source: {}\n{}\n", hook.source, hook.text));
        let body: String = crds.chain(manifests).collect();
        let body = body.trim();
        format!("{body}\n{}", hooks.collect::<String>())
    }

    /// What `helm template --show-only` prints: the objects of some templates, named by their path inside of the chart
    /// (`templates/x.yaml`), with `*` and `?`.
    pub fn to_text_of(&self, with_crds: bool, templates: &[String]) -> Result<String, Error> {
        let all = self.to_text(with_crds);
        let documents = manifest::split(&all);
        let mut out = String::new();
        for pattern in templates {
            let mut is_missing = true;
            for document in &documents {
                let source = document.lines().find_map(|line| line.strip_prefix("# Source: "));
                let path = source.and_then(|source| source.split_once('/')).map_or("", |(_, path)| path);
                if crate::glob::shell_match(pattern, path) {
                    is_missing = false;
                    out.push_str("---\n");
                    out.push_str(document);
                    out.push('\n');
                }
            }
            if is_missing {
                return Err(Error::Values(format!("could not find template {pattern} in chart")));
            }
        }
        Ok(out)
    }
}

/// Renders a chart.
pub fn render(chart: &Chart, values: &Values, options: &ReleaseOptions) -> Result<Rendered, Error> {
    on_deep_stack(|| render_here(chart, values, options))
}

fn render_here(chart: &Chart, values: &Values, options: &ReleaseOptions) -> Result<Rendered, Error> {
    if chart.is_library() {
        return Err(Error::Chart("library charts are not installable".to_owned()));
    }
    let mut tree = coalesce::Loaded::load(chart)?;
    dependencies::check(&tree)?;
    let given = values.to_map();
    dependencies::process(&mut tree, &given)?;
    let kube_version = KubeVersion::parse(&options.kube_version)?;
    let coalesced = coalesce::coalesce_values(&tree, &given)?;
    schema::check(&tree, &coalesced)?;
    check_kube_version(&tree, &kube_version)?;
    let top = Top { options, kube_version: &kube_version, release: release(options) };
    let mut jobs = Vec::new();
    top.gather(&tree, &coalesced, "", true, &mut jobs);
    let texts = execute(&jobs, options)?;
    finish(&tree, texts)
}

fn check_kube_version(tree: &coalesce::Loaded, kube_version: &KubeVersion) -> Result<(), Error> {
    let wanted = &tree.metadata.kube_version;
    let is_allowed = wanted.is_empty() || version::is_compatible(wanted, &kube_version.text);
    if is_allowed {
        return Ok(());
    }
    Err(Error::Chart(format!(
        "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
        kube_version.text
    )))
}

fn release(options: &ReleaseOptions) -> Map {
    let entries: [(&str, Value); 6] = [
        ("Name", options.name.as_str().into()),
        ("Namespace", options.namespace.as_str().into()),
        ("IsUpgrade", options.is_upgrade.into()),
        ("IsInstall", (!options.is_upgrade).into()),
        ("Revision", Value::Int(options.revision)),
        ("Service", "Helm".into()),
    ];
    entries.into_iter().collect()
}

/// A template with its data.
struct Job {
    path: String,
    text: String,
    data: Map,
    base_path: String,
}

/// What all charts of a release share.
struct Top<'t> {
    options: &'t ReleaseOptions,
    kube_version: &'t KubeVersion,
    release: Map,
}

impl Top<'_> {
    /// Gathers the templates of a chart and its subcharts; returns the chart's data.
    fn gather(
        &self,
        chart: &coalesce::Loaded,
        values: &Map,
        parent_path: &str,
        is_root: bool,
        jobs: &mut Vec<Job>,
    ) -> Map {
        let path = if is_root {
            chart.metadata.name.clone()
        } else {
            format!("{parent_path}/charts/{}", chart.metadata.name)
        };
        let inner_path =
            path.strip_suffix(&chart.metadata.name).map(|start| format!("{start}{}", chart.path_name));
        let inner_path = inner_path.unwrap_or_else(|| path.clone());
        let files = chart.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let api_versions = manifest::API_VERSIONS
            .iter()
            .map(|version| (*version).to_owned())
            .chain(self.options.api_versions.clone());
        let subcharts = Map::new();
        let data: Map = [
            ("Chart", record::chart(&chart.metadata, is_root)),
            ("Files", Value::Object(Rc::new(files::Files(files)))),
            ("Release", self.release.clone().into()),
            ("Capabilities", record::capabilities(self.kube_version, api_versions.collect())),
            ("Values", values.seen_as(Face::Values).into()),
            ("Subcharts", subcharts.clone().into()),
        ]
        .into_iter()
        .collect();
        let data: Map = Map::seen_as(&data, Face::Values);
        for child in &chart.charts {
            let name = child.metadata.name.as_str();
            let child_values = values.get(name).and_then(|value| value.as_map()).unwrap_or_default();
            subcharts.set(name, self.gather(child, &child_values, &inner_path, false, jobs));
        }
        for (name, bytes) in &chart.templates {
            let is_partial = crate::functions::base_name(name).starts_with('_');
            if chart.is_library && !is_partial {
                continue;
            }
            jobs.push(Job {
                path: format!("{path}/{name}"),
                text: crate::bytes::text_from(bytes),
                data: data.clone(),
                base_path: format!("{path}/templates"),
            });
        }
        data
    }
}

/// Parses all templates, deeper ones first, and executes those that are no partials.
fn execute(jobs: &[Job], options: &ReleaseOptions) -> Result<BTreeMap<String, String>, Error> {
    let functions = Functions::helm();
    let mut sorted: Vec<&Job> = jobs.iter().collect();
    sorted.sort_by_key(|job| std::cmp::Reverse((job.path.matches('/').count(), job.path.as_str())));
    let mut templates = Templates::default();
    for job in &sorted {
        let trees = crate::parse::parse(&job.path, &job.text, &|name| functions.has(name));
        for tree in trees.map_err(|error| parse_failure(&job.path, &error))? {
            templates.add(tree);
        }
    }
    let templates = Rc::new(templates);
    let run = Run::new(&functions, MissingKey::Zero, &options.sources);
    let mut texts = BTreeMap::new();
    for job in sorted {
        if crate::functions::base_name(&job.path).starts_with('_') {
            continue;
        }
        let about: Map =
            [("Name", job.path.as_str()), ("BasePath", job.base_path.as_str())].into_iter().collect();
        job.data.set("Template", about.seen_as(Face::Values));
        let printed = run.execute(&templates, &job.path, &job.data.clone().into());
        let printed = printed.map_err(|failure| execution_failure(&failure))?;
        let printed = if printed.contains(NO_VALUE) { printed.replace(NO_VALUE, "") } else { printed };
        texts.insert(job.path.clone(), crate::bytes::shown(printed));
    }
    Ok(texts)
}

/// helm keeps the place and the last part of the message.
fn parse_failure(path: &str, error: &Error) -> Error {
    let text = error.to_string();
    let parts: Vec<&str> = text.split(": ").collect();
    match parts.as_slice() {
        [_, location, .., last] => Error::Parse(format!("parse error at ({location}): {last}")),
        _ => Error::Parse(format!("parse error in ({path}): {text}")),
    }
}

/// What `fail` and `required` say is shown without the templates it came through.
fn execution_failure(failure: &ExecutionFailure) -> Error {
    let mut parts = failure.text.splitn(3, ": ");
    let location = parts.nth(1).unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    let start = rest.find(WARNING_START).map(|start| start + WARNING_START.len());
    let message = start.and_then(|start| rest.rfind(WARNING_END).and_then(|end| rest.get(start..end)));
    match message {
        Some(message) => Error::Execution(format!("execution error at ({location}): {message}")),
        None => Error::Execution(failure.text.clone()),
    }
}

/// Takes notes and CRDs apart, and sorts the rest.
fn finish(tree: &coalesce::Loaded, mut texts: BTreeMap<String, String>) -> Result<Rendered, Error> {
    const NOTES: &str = "NOTES.txt";
    let notes = texts.remove(&format!("{}/templates/{NOTES}", tree.metadata.name)).unwrap_or_default();
    texts.retain(|path, _| !path.ends_with(NOTES));
    let (manifests, hooks) = manifest::sort(&texts)?;
    let mut crds = Vec::new();
    gather_crds(tree, &tree.metadata.name, &mut crds);
    Ok(Rendered { manifests, hooks, crds, notes })
}

fn gather_crds(chart: &coalesce::Loaded, path: &str, crds: &mut Vec<Crd>) {
    for (name, bytes) in &chart.files {
        let is_crd = name.starts_with("crds/") && manifest::is_manifest_name(name);
        if is_crd {
            crds.push(Crd {
                source: format!("{path}/{name}"),
                text: String::from_utf8_lossy(bytes).into_owned(),
            });
        }
    }
    let path = path.strip_suffix(&chart.metadata.name).unwrap_or(path);
    for child in &chart.charts {
        gather_crds(child, &format!("{path}{}/charts/{}", chart.path_name, child.metadata.name), crds);
    }
}
