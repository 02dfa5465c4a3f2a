//! The `scale` subresource: `autoscaling/v1` `Scale` in front of whatever fields a kind counts replicas in.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Context;
use super::answer::{self, Answer};
use super::call::Call;
use super::dispatch::Place;
use super::writing::patch_kind;
use crate::error::{ApiError, Problem};
use crate::meta;
use crate::patch::{PatchKind, patched};
use crate::resource::ScalePaths;
use crate::schema::builtin;
use crate::selector::LabelSelector;
use crate::store::Target;

/// Makes the new `Scale` of the present one.
type Edit = Box<dyn FnOnce(&Value) -> Result<Value, ApiError>>;

pub(super) fn answer(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let version = place.resource.version(&place.version).ok_or_else(ApiError::no_such_path)?;
    let paths = version.scale.as_ref().ok_or_else(ApiError::no_such_path)?;
    let (namespace, name) = (place.namespace_text(), place.name_text());
    if call.method == Method::GET {
        let object = context.store.get(place.id(), place.namespace.as_deref(), name)?;
        return Ok(answer::json(StatusCode::OK, &scale(&object, paths)));
    }
    let edit: Edit = if call.method == Method::PUT {
        let given = call.object()?;
        Box::new(move |_| Ok(given))
    } else if call.method == Method::PATCH {
        let kind: PatchKind =
            patch_kind(call.content_type.split(';').next().unwrap_or_default().trim(), place)?;
        let changes = call.json()?;
        let shape = builtin::kind("autoscaling", "v1", "Scale");
        Box::new(move |current| patched(kind, current, &changes, &shape))
    } else {
        return Err(ApiError::method_not_allowed());
    };
    let mut options = call.write_options(&place.version)?;
    options.wants_resource_version = false;
    let written =
        context.store.modify_object(place.id(), namespace, name, Target::Scale, &options, |current| {
            let new_scale = edit(&scale(current, paths))?;
            let replicas = new_scale["spec"]["replicas"].as_i64().unwrap_or_default();
            if replicas < 0 {
                let problem =
                    Problem::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
                return Err(ApiError::invalid("autoscaling", "Scale", name, &[problem]));
            }
            let mut new = current.clone();
            set(&mut new, &paths.spec_replicas, replicas.into());
            // The version that the client scaled is the one it has seen.
            let version = meta::resource_version(&new_scale).to_owned();
            if !version.is_empty() {
                meta::metadata_mut(&mut new).insert("resourceVersion".into(), version.into());
            }
            Ok(new)
        })?;
    Ok(answer::warn(answer::json(StatusCode::OK, &scale(&written.object, paths)), &written.warnings))
}

fn scale(object: &Value, paths: &ScalePaths) -> Value {
    let count = |path: &str| at(object, path).as_i64().unwrap_or_default();
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    let mut status = json!({"replicas": count(&paths.status_replicas)});
    if let Some(selector) = &paths.selector {
        let text = match at(object, selector) {
            Value::String(text) => text.clone(),
            selector => {
                LabelSelector::from_object(selector).map(|selector| selector.to_string()).unwrap_or_default()
            }
        };
        if !text.is_empty() {
            status["selector"] = text.into();
        }
    }
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": count(&paths.spec_replicas)},
        "status": status,
    })
}

fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, step| &value[step])
}

fn set(object: &mut Value, path: &str, value: Value) {
    let mut target = object;
    for step in path.split('.') {
        target = meta::as_map_mut(target).entry(step).or_insert(Value::Null);
    }
    *target = value;
}
