//! A chart as a value: its files by path, read and checked as helm's loader does.
//!
//! Nothing here touches a file system; who has a directory or a Git tree passes the bytes.

mod archive;
mod ignore;
mod metadata;

use std::collections::BTreeMap;

use crate::error::Error;

pub use archive::files as archive_files;
pub(crate) use metadata::Import;
pub use metadata::{Dependency, Metadata};

/// A chart and the charts inside it.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What `Chart.yaml` says.
    pub metadata: Metadata,
    /// `values.yaml`, as text; empty when there is none.
    pub(crate) values: String,
    /// `values.schema.json`
    pub(crate) schema: Option<Vec<u8>>,
    /// Files under `templates/`, with that prefix.
    pub(crate) templates: BTreeMap<String, Vec<u8>>,
    /// All other files, for `.Files`; among them those under `crds/`.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// The charts under `charts/`, by the name of their directory.
    pub(crate) charts: Vec<Chart>,
}

impl Chart {
    /// Reads a chart from a directory's files, by their path inside of it (`Chart.yaml`, `templates/x.yaml`). What its
    /// `.helmignore` names is left out.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Result<Self, Error> {
        let rules = ignore::Rules::parse(files.get(".helmignore").map(Vec::as_slice).unwrap_or_default())?;
        let kept = files.into_iter().filter(|(path, _)| !rules.ignore(path)).collect();
        Self::from_kept_files(kept, 0)
    }

    /// Reads a chart from a `.tgz` archive, as `helm package` makes them.
    pub fn from_archive(archive: &[u8]) -> Result<Self, Error> {
        Self::from_kept_files(archive::files(archive)?, 0)
    }

    fn from_kept_files(files: BTreeMap<String, Vec<u8>>, depth: usize) -> Result<Self, Error> {
        /// Charts in charts in charts: beyond what anyone has, and a bound on the recursion.
        const CHART_DEPTH_MAX: usize = 16;
        if depth > CHART_DEPTH_MAX {
            return Err(Error::Chart(format!("charts inside of charts, more than {CHART_DEPTH_MAX} levels")));
        }
        let Some(declaration) = files.get("Chart.yaml") else {
            return Err(Error::Chart("Chart.yaml file is missing".to_owned()));
        };
        let mut metadata = Metadata::parse(&text(declaration))?;
        if let Some(requirements) = files.get("requirements.yaml") {
            metadata.add_requirements(&text(requirements))?;
        }
        metadata.validate()?;
        let mut chart = Self { metadata, ..Self::default() };
        let mut inner: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for (path, mut bytes) in files {
            if bytes.starts_with(BYTE_ORDER_MARK) {
                bytes.drain(..BYTE_ORDER_MARK.len());
            }
            if let Some(path) = path.strip_prefix("charts/") {
                let (name, rest) = path.split_once('/').unwrap_or((path, ""));
                if !name.starts_with(['_', '.']) {
                    inner.entry(name.to_owned()).or_default().insert(rest.to_owned(), bytes);
                }
                continue;
            }
            let is_version_1 = chart.metadata.api_version == "v1";
            match path.as_str() {
                "Chart.yaml" | "Chart.lock" => {}
                "requirements.yaml" | "requirements.lock" if !is_version_1 => {}
                "values.yaml" => chart.values = text(&bytes),
                "values.schema.json" => chart.schema = Some(bytes),
                _ if path.starts_with("templates/") => drop(chart.templates.insert(path, bytes)),
                _ => drop(chart.files.insert(path, bytes)),
            }
        }
        for (name, mut files) in inner {
            let is_archive =
                std::path::Path::new(&name).extension().is_some_and(|extension| extension == "tgz");
            let read = match files.remove("") {
                Some(bytes) if is_archive => {
                    archive::files(&bytes).and_then(|files| Self::from_kept_files(files, depth + 1))
                }
                // A lone file, such as a README or a signature.
                Some(_) => continue,
                None => Self::from_kept_files(files, depth + 1),
            };
            let read = read.map_err(|error| {
                Error::Chart(format!("error unpacking subchart {name} in {}: {error}", chart.metadata.name))
            });
            chart.charts.push(read?);
        }
        Ok(chart)
    }

    /// What `Chart.yaml` names and `charts/` does not have.
    pub fn missing_dependencies(&self) -> Vec<&Dependency> {
        let is_there = |name: &str| self.charts.iter().any(|chart| chart.metadata.name == name);
        self.metadata.dependencies.iter().filter(|dependency| !is_there(&dependency.name)).collect()
    }

    /// Whether its templates are only for others to include.
    pub(crate) fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }
}

/// What some editors put first; helm takes it away from every file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}
