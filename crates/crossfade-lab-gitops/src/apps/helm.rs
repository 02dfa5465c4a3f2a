//! A chart as a source: its values in Argo CD's order, and the objects that it renders to.

use std::collections::BTreeMap;

use crossfade_gotemplate::{CertificateIssuer, Chart, Moment, ReleaseOptions, Sources, Values, render};
use serde_json::Value;

use super::environment::Environment;
use crate::object::{list, text, truth};
use crate::yaml;

/// What a chart is rendered with besides its values.
#[derive(Clone, Debug)]
pub(super) struct Release {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) kube_version: String,
    pub(super) api_versions: Vec<String>,
    pub(super) certificates: Option<CertificateIssuer>,
}

/// A chart's files and the value files that an Application names, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct ChartFiles {
    pub(super) chart: BTreeMap<String, Vec<u8>>,
    /// Paths and contents.
    pub(super) values: Vec<(String, Vec<u8>)>,
    /// `fileParameters`: keys, paths and contents.
    pub(super) set_files: Vec<(String, String, Vec<u8>)>,
}

impl ChartFiles {
    /// What Argo CD would call helm with, as it says so.
    pub(super) fn command(&self, helm: &Value, release: &Release, environment: &Environment) -> String {
        let mut words = vec!["template".to_owned(), ".".to_owned()];
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        add("--name-template", release.name.clone());
        if !release.namespace.is_empty() {
            add("--namespace", release.namespace.clone());
        }
        add("--kube-version", release.kube_version.trim_start_matches('v').to_owned());
        for forces_string in [false, true] {
            for (name, value, _) in parameters(helm, environment).filter(|one| one.2 == forces_string) {
                let option = if forces_string { "--set-string" } else { "--set" };
                add(option, format!("{name}={}", escaped(&value)));
            }
        }
        for (key, path, _) in &self.set_files {
            add("--set-file", format!("{key}={}", escaped(path)));
        }
        for (path, _) in &self.values {
            add("--values", path.clone());
        }
        if has_own_values(helm) {
            add("--values", OWN_VALUES.to_owned());
        }
        if !release.api_versions.is_empty() {
            words.push("<api versions removed>".to_owned());
        }
        for (field, option) in [
            ("skipCrds", None),
            ("skipSchemaValidation", Some("--skip-schema-validation")),
            ("skipTests", Some("--skip-tests")),
        ] {
            match option {
                None if !truth(&helm[field]) => words.push("--include-crds".to_owned()),
                Some(option) if truth(&helm[field]) => words.push(option.to_owned()),
                _ => {}
            }
        }
        format!("helm {}", words.join(" "))
    }
}

/// The values that stand in an Application itself: Argo CD writes them to a file of a name that says nothing.
const OWN_VALUES: &str = "<temp file with values from source.helm.values/valuesObject>";

fn has_own_values(helm: &Value) -> bool {
    helm["valuesObject"].is_object() || !text(&helm["values"]).is_empty()
}

/// Name, value, and whether it is a string whatever it looks like.
fn parameters<'h>(
    helm: &'h Value,
    environment: &'h Environment,
) -> impl Iterator<Item = (&'h str, String, bool)> {
    list(&helm["parameters"]).iter().map(|one| {
        (text(&one["name"]), environment.expanded(text(&one["value"])), truth(&one["forceString"]))
    })
}

/// A comma is part of a value, unless the value is a list or says so itself.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut before = None;
    let mut escaped = String::new();
    for letter in value.chars() {
        if letter == ',' && before != Some('\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
        before = Some(letter);
    }
    escaped
}

/// What helm would say, in the sentence Argo CD puts around it.
pub(super) fn failed(command: &str, error: &str) -> String {
    format!(
        "failed to execute helm template command: failed running helm: `{command}` failed exit status 1: Error: {error}"
    )
}

/// Renders a chart to objects.
pub(super) fn objects(
    source: &Value,
    files: ChartFiles,
    release: &Release,
    environment: &Environment,
) -> Result<Vec<Value>, String> {
    let command = files.command(&source["helm"], release, environment);
    let texts = texts(source, files, release, environment).map_err(|error| failed(&command, &error))?;
    let mut objects = Vec::new();
    for text in texts {
        let (read, problem) = yaml::objects(&text);
        match problem {
            Some(problem) => return Err(problem),
            None => objects.extend(read),
        }
    }
    Ok(objects)
}

fn texts(
    source: &Value,
    files: ChartFiles,
    release: &Release,
    environment: &Environment,
) -> Result<Vec<String>, String> {
    let helm = &source["helm"];
    let chart = Chart::from_files(files.chart).map_err(|error| error.to_string())?;
    let mut values = Values::new();
    for (path, content) in &files.values {
        let text = String::from_utf8_lossy(content);
        values.add_yaml(&text).map_err(|error| format!("failed to parse {path}: {error}"))?;
    }
    if helm["valuesObject"].is_object() {
        values.add(Values::from_json(&helm["valuesObject"]));
    } else {
        let inline = text(&helm["values"]);
        values.add_yaml(inline).map_err(|error| format!("failed to parse {OWN_VALUES}: {error}"))?;
    }
    for (name, value, forces_string) in parameters(helm, environment) {
        let set = format!("{name}={}", escaped(&value));
        let done = if forces_string { values.set_string(&set) } else { values.set(&set) };
        done.map_err(|error| error.to_string())?;
    }
    for (key, _, content) in &files.set_files {
        values.set_key(key, &String::from_utf8_lossy(content)).map_err(|error| error.to_string())?;
    }
    let options = ReleaseOptions {
        name: release.name.clone(),
        namespace: release.namespace.clone(),
        kube_version: release.kube_version.clone(),
        api_versions: release.api_versions.clone(),
        sources: Sources {
            now: Moment::from_seconds(jiff::Timestamp::now().as_second()),
            certificates: release.certificates.clone(),
            ..Sources::default()
        },
        ..ReleaseOptions::default()
    };
    let rendered = render(&chart, &values, &options).map_err(|error| error.to_string())?;
    let mut texts = Vec::new();
    if !truth(&helm["skipCrds"]) {
        texts.extend(rendered.crds.into_iter().map(|crd| crd.text));
    }
    texts.extend(rendered.manifests.into_iter().map(|manifest| manifest.text));
    let is_wanted = |events: &[String]| {
        !(truth(&helm["skipTests"]) && events.iter().any(|event| event.starts_with("test")))
    };
    texts.extend(rendered.hooks.into_iter().filter(|hook| is_wanted(&hook.events)).map(|hook| hook.text));
    Ok(texts)
}
