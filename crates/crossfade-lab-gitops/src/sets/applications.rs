//! Parameters to Applications: the template, its patch, finalizers, and what an existing Application keeps.

use serde_json::{Map, Value, json};

use super::generate::Generated;
use super::render::{Engine, Params};
use crate::names::{API_VERSION, HYDRATE, NOTIFIED, REFRESH, RESOURCES_FINALIZER};
use crate::object::{
    entries, finalizers, is_empty, list, merge_patch, name, namespace, table_mut, text, truth,
};

/// Annotations that others put on Applications and that stay.
const PRESERVED_ANNOTATIONS: [&str; 3] = [NOTIFIED, REFRESH, HYDRATE];
/// Finalizers that the application controller puts on, with or without a stage behind them.
const PRESERVED_FINALIZERS: [&str; 2] =
    ["pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io"];

/// An Application from one set of parameters, before it is laid over what exists.
pub(super) fn rendered(
    set: &Value,
    engine: &Engine,
    template: &Value,
    params: &Params,
) -> Result<Value, String> {
    let metadata = entries(&template["metadata"])
        .filter(|(key, _)| ["name", "labels", "annotations", "finalizers"].contains(&key.as_str()));
    let metadata: Map<String, Value> = metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
    let bare = json!({"metadata": metadata, "spec": template["spec"]});
    let mut application = if params.is_empty() { bare } else { engine.render_all(&bare, params)? };
    let keeps_resources = truth(&set["spec"]["syncPolicy"]["preserveResourcesOnDeletion"]);
    if !params.is_empty() && !keeps_resources && finalizers(&application).is_empty() {
        application["metadata"]["finalizers"] = json!([RESOURCES_FINALIZER]);
    }
    let patch = text(&set["spec"]["templatePatch"]);
    if !patch.is_empty() {
        let rendered = engine.render(patch, params);
        let rendered =
            rendered.map_err(|error| format!("error replacing values in templatePatch: {error}"))?;
        let patch = crate::yaml::table(&rendered)
            .map_err(|error| format!("error while converting template to json {rendered:?}: {error}"))?;
        apply_patch(&mut application, &patch);
    }
    application["apiVersion"] = API_VERSION.into();
    application["kind"] = "Application".into();
    application["metadata"]["namespace"] = namespace(set).into();
    normalize(&mut application["spec"]);
    Ok(application)
}

/// All Applications of a set, in order, with the first error beside them and its reason.
pub(super) fn all(set: &Value, engine: &Engine, generated: &[Generated]) -> (Vec<Value>, Option<String>) {
    let (mut applications, mut first_error) = (Vec::new(), None);
    for one in generated {
        for params in &one.params {
            match rendered(set, engine, &one.template, params) {
                Ok(application) => applications.push(application),
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
    }
    (applications, first_error)
}

fn apply_patch(under: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *under = patch.clone();
        return;
    };
    for (key, value) in patch {
        let map = table_mut(under, &[]);
        if value.is_null() {
            map.remove(key);
        } else if value.is_object() {
            apply_patch(map.entry(key.clone()).or_insert(Value::Null), value);
        } else {
            map.insert(key.clone(), value.clone());
        }
    }
}

/// What the application controller would otherwise take away again.
fn normalize(spec: &mut Value) {
    if text(&spec["project"]).is_empty() {
        spec["project"] = "default".into();
    }
    if is_empty(&spec["syncPolicy"]) {
        table_mut(spec, &[]).remove("syncPolicy");
    }
    let normalize_source = |source: &mut Value| {
        for kind in ["kustomize", "helm", "directory"] {
            if is_empty(&source[kind]) {
                table_mut(source, &[]).remove(kind);
            }
        }
    };
    if let Value::Array(sources) = &mut spec["sources"] {
        sources.iter_mut().for_each(normalize_source);
    } else {
        table_mut(spec, &[]).remove("sources");
        if spec["source"].is_object() {
            normalize_source(&mut spec["source"]);
        }
    }
}

/// The whole object as it is to be: `application` over `found`, owned by `set`.
pub(super) fn laid_over(set: &Value, application: &Value, found: Option<&Value>) -> Value {
    let mut wanted = application.clone();
    let nothing = Value::Null;
    let existing = found.unwrap_or(&nothing);
    let preserved = &set["spec"]["preservedFields"];
    for (field, always) in [("annotations", PRESERVED_ANNOTATIONS.as_slice()), ("labels", &[])] {
        let keys = list(&preserved[field]).iter().map(text).chain(always.iter().copied());
        for key in keys {
            if let Some(value) = existing["metadata"][field].get(key) {
                table_mut(&mut wanted, &["metadata", field]).insert(key.to_owned(), value.clone());
            }
        }
    }
    let kept = finalizers(existing).into_iter();
    let kept = kept.filter(|one| PRESERVED_FINALIZERS.iter().any(|preserved| one.starts_with(preserved)));
    let all: Vec<&str> = finalizers(application).into_iter().chain(kept).collect();
    if !all.is_empty() {
        wanted["metadata"]["finalizers"] = json!(all);
    }
    if found.is_some() {
        ignore_differences(set, existing, &mut wanted);
    }
    let mut whole = if found.is_some() { existing.clone() } else { json!({}) };
    for field in ["labels", "annotations", "finalizers"] {
        let value = wanted["metadata"][field].take();
        if value.is_null() {
            table_mut(&mut whole, &["metadata"]).remove(field);
        } else {
            whole["metadata"][field] = value;
        }
    }
    for field in ["name", "namespace"] {
        whole["metadata"][field] = wanted["metadata"][field].take();
    }
    for field in ["apiVersion", "kind", "spec"] {
        whole[field] = wanted[field].take();
    }
    whole["metadata"]["ownerReferences"] = json!([{
        "apiVersion": API_VERSION, "kind": "ApplicationSet", "name": name(set), "uid": set["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true,
    }]);
    whole
}

/// `ignoreApplicationDifferences` with JSON pointers: what is there stays.
fn ignore_differences(set: &Value, found: &Value, wanted: &mut Value) {
    for rule in list(&set["spec"]["ignoreApplicationDifferences"]) {
        let of = text(&rule["name"]);
        if !of.is_empty() && of != name(found) {
            continue;
        }
        for pointer in list(&rule["jsonPointers"]).iter().map(text) {
            crate::apps::pointer::copy(found, wanted, pointer);
        }
    }
}

/// What to send so that `found` becomes `whole`; `None` when it is.
pub(super) fn difference(found: &Value, whole: &Value) -> Option<Value> {
    merge_patch(found, whole)
}
