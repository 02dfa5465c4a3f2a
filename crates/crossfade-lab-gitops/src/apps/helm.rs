//! A chart as a source: its values in Argo CD's order, and the objects that it renders to.

use std::collections::BTreeMap;

use crossfade_gotemplate::{CertificateIssuer, Chart, Moment, ReleaseOptions, Sources, Values, render};
use serde_json::Value;

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
    pub(super) values: Vec<(String, Vec<u8>)>,
    /// `fileParameters`: key and content.
    pub(super) set_files: Vec<(String, Vec<u8>)>,
}

/// Renders a chart to objects; the error is what helm would say, in the sentence Argo CD puts around it.
pub(super) fn objects(source: &Value, files: ChartFiles, release: &Release) -> Result<Vec<Value>, String> {
    let command = format!(
        "helm template . --name-template {} --namespace {} --kube-version {}",
        release.name, release.namespace, release.kube_version
    );
    render_objects(source, files, release).map_err(|error| {
        format!("failed to execute helm template command: `{command} --include-crds` failed exit status 1: Error: {error}")
    })
}

fn render_objects(source: &Value, files: ChartFiles, release: &Release) -> Result<Vec<Value>, String> {
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
        values.add_yaml(inline).map_err(|error| format!("failed to parse values: {error}"))?;
    }
    for parameter in list(&helm["parameters"]) {
        let (name, value) = (text(&parameter["name"]), text(&parameter["value"]));
        let set = format!("{name}={}", value.replace(',', "\\,"));
        let done = if truth(&parameter["forceString"]) { values.set_string(&set) } else { values.set(&set) };
        done.map_err(|error| error.to_string())?;
    }
    for (key, content) in &files.set_files {
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
    let mut objects = Vec::new();
    if !truth(&helm["skipCrds"]) {
        for crd in &rendered.crds {
            add(&mut objects, &crd.text)?;
        }
    }
    for manifest in &rendered.manifests {
        add(&mut objects, &manifest.text)?;
    }
    for hook in &rendered.hooks {
        let is_test = hook.events.iter().any(|event| event.starts_with("test"));
        if !(is_test && truth(&helm["skipTests"])) {
            add(&mut objects, &hook.text)?;
        }
    }
    Ok(objects)
}

fn add(objects: &mut Vec<Value>, text: &str) -> Result<(), String> {
    objects.extend(yaml::documents(text).map_err(|error| format!("failed to unmarshal manifest: {error}"))?);
    Ok(())
}
