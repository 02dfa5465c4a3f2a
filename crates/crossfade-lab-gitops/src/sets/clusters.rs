//! The clusters generator: parameters from cluster Secrets, and the cluster itself when no Secret stands for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::params::sanitized_name;
use super::render::{Engine, Params, add_values};
use crate::labels;
use crate::names::{
    HYDRATE, IN_CLUSTER_NAME, IN_CLUSTER_SERVER, INSTALLATION_ID, LAST_APPLIED, REFRESH, SECRET_TYPE_LABEL,
    TRACKING_ID,
};
use crate::object::{entries, label, list, text, truth};

/// Annotations of a Secret that are somebody's state and no parameters.
const STATE_ANNOTATIONS: [&str; 5] = [REFRESH, HYDRATE, TRACKING_ID, INSTALLATION_ID, LAST_APPLIED];

/// Whether a Secret stands for a cluster.
pub(crate) fn is_cluster_secret(object: &Value) -> bool {
    label(object, SECRET_TYPE_LABEL) == Some("cluster")
}

/// A text of a Secret.
pub(crate) fn secret_text(secret: &Value, key: &str) -> Option<String> {
    let encoded = secret["data"].get(key)?.as_str()?;
    let bytes = STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok()
}

pub(super) fn generate(
    generator: &Value,
    secrets: &[Arc<Value>],
    engine: &Engine,
) -> Result<Vec<Params>, String> {
    let selector = &generator["selector"];
    // By name, as one Secret may replace another of the same cluster.
    let mut matching: BTreeMap<String, &Arc<Value>> = BTreeMap::new();
    for secret in secrets {
        let secret_labels: BTreeMap<String, String> = entries(&secret["metadata"]["labels"])
            .map(|(key, value)| (key.clone(), text(value).to_owned()))
            .collect();
        let matches = labels::matches(selector, &secret_labels).map_err(|error| {
            format!("error getting cluster secrets: error converting label selector: {error}")
        })?;
        if matches {
            matching.insert(secret_text(secret, "name").unwrap_or_default(), secret);
        }
    }
    let mut found = Vec::new();
    for (name, secret) in &matching {
        let mut params = of_secret(name, secret, engine);
        add_values(engine, &generator["values"], &mut params)
            .map_err(|error| format!("error appending templated values for cluster: {error}"))?;
        found.push(params);
    }
    let is_local = |secret: &&Arc<Value>| secret_text(secret, "server").as_deref() == Some(IN_CLUSTER_SERVER);
    if labels::is_empty(selector) && !matching.values().any(is_local) {
        let mut params = Params::new();
        for (key, value) in [
            ("name", IN_CLUSTER_NAME),
            ("nameNormalized", IN_CLUSTER_NAME),
            ("server", IN_CLUSTER_SERVER),
            ("project", ""),
        ] {
            params.insert(key.to_owned(), value.into());
        }
        add_values(engine, &generator["values"], &mut params)
            .map_err(|error| format!("error appending templated values for local cluster: {error}"))?;
        found.push(params);
    }
    if truth(&generator["flatList"]) {
        let all: Vec<Value> = found.into_iter().map(Value::Object).collect();
        return Ok(vec![Map::from_iter([("clusters".to_owned(), all.into())])]);
    }
    Ok(found)
}

fn of_secret(name: &str, secret: &Value, engine: &Engine) -> Params {
    let mut params = Params::new();
    params.insert("name".to_owned(), name.into());
    params.insert("nameNormalized".to_owned(), sanitized_name(name).into());
    params.insert("server".to_owned(), secret_text(secret, "server").unwrap_or_default().into());
    params.insert("project".to_owned(), secret_text(secret, "project").unwrap_or_default().into());
    let all_annotations = &secret["metadata"]["annotations"];
    let annotations = entries(all_annotations).filter(|(key, _)| !STATE_ANNOTATIONS.contains(&key.as_str()));
    let labels = entries(&secret["metadata"]["labels"]);
    if engine.is_go() {
        let mut metadata = Map::new();
        if entries(all_annotations).next().is_some() {
            let kept: Map<String, Value> =
                annotations.map(|(key, value)| (key.clone(), value.clone())).collect();
            metadata.insert("annotations".to_owned(), kept.into());
        }
        let labels: Map<String, Value> = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !labels.is_empty() {
            metadata.insert("labels".to_owned(), labels.into());
        }
        params.insert("metadata".to_owned(), metadata.into());
    } else {
        params.extend(annotations.map(|(key, value)| (format!("metadata.annotations.{key}"), value.clone())));
        params.extend(labels.map(|(key, value)| (format!("metadata.labels.{key}"), value.clone())));
    }
    params
}

/// The list generator.
pub(super) fn generate_list(generator: &Value, engine: &Engine) -> Result<Vec<Params>, String> {
    let mut found = Vec::new();
    for element in list(&generator["elements"]) {
        let Value::Object(element) = element else {
            return Err("error unmarshling list element json: cannot unmarshal into Go value of type map[string]interface {}".to_owned());
        };
        if engine.is_go() {
            found.push(element.clone());
            continue;
        }
        let mut params = Params::new();
        for (key, value) in element {
            match (key.as_str(), value) {
                ("values", Value::Object(values)) => {
                    for (key, value) in values {
                        let Value::String(value) = value else { return Err(NO_TEXT.to_owned()) };
                        params.insert(format!("values.{key}"), value.as_str().into());
                    }
                }
                ("values", _) => return Err("error parsing values map".to_owned()),
                (_, Value::String(value)) => drop(params.insert(key.clone(), value.as_str().into())),
                _ => return Err(NO_TEXT.to_owned()),
            }
        }
        found.push(params);
    }
    let more = text(&generator["elementsYaml"]);
    if !more.is_empty() {
        let read = crate::yaml::any(more);
        let read = read.map_err(|error| format!("error unmarshling decoded ElementsYaml {error}"))?;
        found.extend(list(&read).iter().filter_map(Value::as_object).cloned());
    }
    Ok(found)
}

/// Argo CD's sentence ends in the print of an error that is not there.
const NO_TEXT: &str = "error parsing value as string %!w(<nil>)";

/// A destination's cluster as `spec.destination` names it.
pub(crate) fn is_own_cluster(
    destination: &Value,
    own_name: &str,
    secrets: &[Arc<Value>],
) -> Result<(), String> {
    let (name, server) = (text(&destination["name"]), text(&destination["server"]));
    let is_local = |secret: &Arc<Value>| {
        secret_text(secret, "server").is_some_and(|server| server.trim_end_matches('/') == IN_CLUSTER_SERVER)
    };
    match (name, server) {
        ("", "") => Err("Destination server missing from app spec".to_owned()),
        ("", server) if server.trim_end_matches('/') == IN_CLUSTER_SERVER => Ok(()),
        ("", server) => Err(format!(
            "error getting cluster by server {server:?}: rpc error: code = NotFound desc = cluster {server:?} not found"
        )),
        (name, "") => {
            let by_secret =
                secrets.iter().find(|secret| secret_text(secret, "name").as_deref() == Some(name));
            match by_secret {
                Some(secret) if is_local(secret) || name == own_name => Ok(()),
                Some(secret) => Err(format!(
                    "cluster {:?} is another than this one, and the lab's agent reaches its own only",
                    secret_text(secret, "server").unwrap_or_default()
                )),
                None if name == own_name || name == IN_CLUSTER_NAME => Ok(()),
                None => Err(format!("there are no clusters with this name: {name}")),
            }
        }
        (name, server) => {
            Err(format!("application destination can't have both name and server defined: {name} {server}"))
        }
    }
}

/// The parameters of a path, under `path` or behind a prefix.
pub(super) fn add_path(params: &mut Params, engine: &Engine, prefix: &str, path: &str, file: Option<&str>) {
    let base = path.rsplit('/').next().unwrap_or(path);
    if engine.is_go() {
        let mut facts = json!({
            "path": path,
            "basename": base,
            "basenameNormalized": sanitized_name(base),
            "segments": path.split('/').collect::<Vec<_>>(),
        });
        if let Some(file) = file {
            facts["filename"] = file.into();
            facts["filenameNormalized"] = sanitized_name(file).into();
        }
        match prefix {
            "" => params.insert("path".to_owned(), facts),
            prefix => params.insert(prefix.to_owned(), json!({"path": facts})),
        };
        return;
    }
    let name = if prefix.is_empty() { "path".to_owned() } else { format!("{prefix}.path") };
    params.insert(format!("{name}.basename"), base.into());
    params.insert(format!("{name}.basenameNormalized"), sanitized_name(base).into());
    if let Some(file) = file {
        params.insert(format!("{name}.filename"), file.into());
        params.insert(format!("{name}.filenameNormalized"), sanitized_name(file).into());
    }
    for (index, segment) in path.split('/').enumerate().filter(|(_, segment)| !segment.is_empty()) {
        params.insert(format!("{name}[{index}]"), segment.into());
    }
    params.insert(name, path.into());
}
