//! `Chart.yaml`, versions 1 and 2, and the checks helm makes of it.

use crate::error::Error;
use crate::functions::Version;
use crate::printf::quote;
use crate::value::{Map, Value};
use crate::yaml;

/// What `Chart.yaml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The chart's name.
    pub name: String,
    /// The chart's version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// `application` (also when empty) or `library`.
    pub kind: String,
    /// The Kubernetes versions it is for, as a constraint.
    pub kube_version: String,
    /// One sentence.
    pub description: String,
    pub(crate) home: String,
    pub(crate) icon: String,
    pub(crate) condition: String,
    pub(crate) tags: String,
    pub(crate) deprecated: bool,
    pub(crate) sources: Vec<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) maintainers: Vec<[String; 3]>,
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A chart this one needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependency {
    /// The chart's name.
    pub name: String,
    /// A version or a range of versions.
    pub version: String,
    /// Where it is: a URL, `file://` with a path from the chart, `@NAME` or `alias:NAME`; empty for one that lies in `charts/`.
    pub repository: String,
    pub(crate) condition: String,
    pub(crate) tags: Vec<String>,
    pub(crate) alias: String,
    pub(crate) import_values: Vec<Import>,
    pub(crate) is_enabled: bool,
}

/// Values taken over from a subchart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub child: String,
    pub parent: String,
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Chart(message.into()))
}

/// A field that Go reads into a string: another type is an error there.
fn string(map: &Map, key: &str, file: &str) -> Result<String, Error> {
    let Some(value) = map.get(key).filter(|value| !value.is_nil()) else { return Ok(String::new()) };
    if let Some(text) = yaml::scalar_text(&value) {
        return Ok(text);
    }
    let kind = if value.as_list().is_some() { "array" } else { "object" };
    refuse(format!(
        "cannot load {file}: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind} \
                     into Go struct field Metadata.{key} of type string"
    ))
}

fn strings(map: &Map, key: &str) -> Vec<String> {
    let items = map.get(key).and_then(|value| value.as_list()).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn maps(map: &Map, key: &str) -> Vec<Map> {
    let items = map.get(key).and_then(|value| value.as_list()).unwrap_or_default();
    items.iter().filter_map(Value::as_map).collect()
}

impl Metadata {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        const FILE: &str = "Chart.yaml";
        let value = yaml::read(text).map_err(|error| Error::Chart(format!("cannot load {FILE}: {error}")))?;
        let map = value.as_map().unwrap_or_default();
        let maintainers = maps(&map, "maintainers")
            .into_iter()
            .map(|map| ["name", "email", "url"].map(|key| string(&map, key, FILE).unwrap_or_default()));
        let annotations = map.get("annotations").and_then(|value| value.as_map()).unwrap_or_default();
        let annotations = annotations.entries().into_iter();
        let annotations =
            annotations.map(|(key, value)| (key.to_string(), yaml::scalar_text(&value).unwrap_or_default()));
        let api_version = string(&map, "apiVersion", FILE)?;
        let mut metadata = Self {
            name: string(&map, "name", FILE)?,
            version: string(&map, "version", FILE)?,
            app_version: string(&map, "appVersion", FILE)?,
            api_version: if api_version.is_empty() { "v1".to_owned() } else { api_version },
            kind: string(&map, "type", FILE)?,
            kube_version: string(&map, "kubeVersion", FILE)?,
            description: string(&map, "description", FILE)?,
            home: string(&map, "home", FILE)?,
            icon: string(&map, "icon", FILE)?,
            condition: string(&map, "condition", FILE)?,
            tags: string(&map, "tags", FILE)?,
            deprecated: map.get("deprecated").is_some_and(|value| value.is_true()),
            sources: strings(&map, "sources"),
            keywords: strings(&map, "keywords"),
            maintainers: maintainers.collect(),
            annotations: annotations.collect(),
            dependencies: Vec::new(),
        };
        metadata.dependencies = dependencies(&map, FILE)?;
        Ok(metadata)
    }

    /// Dependencies of charts of version 1.
    pub(super) fn add_requirements(&mut self, text: &str) -> Result<(), Error> {
        const FILE: &str = "requirements.yaml";
        let value = yaml::read(text).map_err(|error| Error::Chart(format!("cannot load {FILE}: {error}")))?;
        let dependencies = dependencies(&value.as_map().unwrap_or_default(), FILE)?;
        if !dependencies.is_empty() {
            self.dependencies = dependencies;
        }
        Ok(())
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let invalid = |message: String| refuse(format!("validation: {message}"));
        if self.name.is_empty() {
            return invalid("chart.metadata.name is required".to_owned());
        }
        if self.name == "." || self.name == ".." {
            return invalid(format!("chart.metadata.name {} is not allowed", quote(&self.name)));
        }
        if self.name.contains('/') {
            return invalid(format!("chart.metadata.name {} is invalid", quote(&self.name)));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required".to_owned());
        }
        if Version::parse(&self.version).is_none() {
            return invalid(format!("chart.metadata.version {} is invalid", quote(&self.version)));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library".to_owned());
        }
        let mut names: Vec<&str> = Vec::new();
        for dependency in &self.dependencies {
            let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
            if !dependency.alias.chars().all(is_plain) {
                return invalid(format!(
                    "dependency {} has disallowed characters in the alias",
                    quote(&dependency.name)
                ));
            }
            let key = dependency.effective_name();
            if names.contains(&key) {
                return invalid(format!("more than one dependency with name or alias {}", quote(key)));
            }
            names.push(key);
        }
        Ok(())
    }
}

impl Dependency {
    /// The name its values are under.
    pub fn effective_name(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

fn dependencies(map: &Map, file: &str) -> Result<Vec<Dependency>, Error> {
    maps(map, "dependencies").iter().map(|map| dependency(map, file)).collect()
}

fn dependency(map: &Map, file: &str) -> Result<Dependency, Error> {
    let imports = map.get("import-values").and_then(|value| value.as_list()).unwrap_or_default();
    let import_values = imports.iter().filter_map(|import| match import {
        Value::String(name) => Some(Import { child: format!("exports.{name}"), parent: ".".to_owned() }),
        other => {
            let map = other.as_map()?;
            let text = |key: &str| map.get(key).map_or_else(|| "<nil>".to_owned(), |value| value.to_string());
            Some(Import { child: text("child"), parent: text("parent") })
        }
    });
    Ok(Dependency {
        name: string(map, "name", file)?,
        version: string(map, "version", file)?,
        repository: string(map, "repository", file)?,
        condition: string(map, "condition", file)?,
        alias: string(map, "alias", file)?,
        tags: strings(map, "tags"),
        import_values: import_values.collect(),
        is_enabled: true,
    })
}
