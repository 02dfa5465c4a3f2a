//! `POST`, `PUT`, `PATCH` and `DELETE`.

use http::StatusCode;
use serde_json::{Value, json};

use super::Context;
use super::answer::{self, Answer};
use super::call::Call;
use super::dispatch::Place;
use super::reading::{Selection, one};
use crate::error::{ApiError, Problem, ProblemKind, Reason};
use crate::meta;
use crate::patch::{PatchKind, patched};
use crate::store::{DeleteOptions, Deleted, Propagation, Target, Written};

fn target(place: &Place) -> Target {
    if place.subresource.as_deref() == Some("status") { Target::Status } else { Target::Main }
}

fn written(call: &Call, place: &Place, written: &Written) -> Result<Answer, ApiError> {
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer::warn(one(status, call, place, call.form()?, &written.object), &written.warnings))
}

pub(super) fn create(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let options = call.write_options(&place.version)?;
    let object = call.object()?;
    if place.resource.namespaced && place.namespace.is_none() {
        return Err(ApiError::method_not_allowed());
    }
    let result = context.store.create_object(place.id(), place.namespace.as_deref(), object, &options)?;
    written(call, place, &result)
}

pub(super) fn replace(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let options = call.write_options(&place.version)?;
    let object = call.object()?;
    let (namespace, name) = (place.namespace_text(), place.name_text());
    let result =
        context.store.modify_object(place.id(), namespace, name, target(place), &options, |_| Ok(object))?;
    written(call, place, &result)
}

/// `PUT .../finalize` of a namespace: its content controller is part of this server, so there is nothing to
/// finalize from outside.
pub(super) fn finalize(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    super::reading::get(context, call, place)
}

pub(super) fn patch(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let options = call.write_options(&place.version)?;
    let media = call.content_type.split(';').next().unwrap_or_default().trim();
    let (namespace, name) = (place.namespace_text(), place.name_text());
    if media == "application/apply-patch+yaml" {
        if call.query.get("fieldManager").is_none() {
            return Err(patch_options(Problem::required("fieldManager", "is required for apply patch")));
        }
        let config = call.yaml()?;
        let result =
            context.store.apply_object(place.id(), namespace, name, target(place), &options, config)?;
        return written(call, place, &result);
    }
    if call.query.get("force").is_some() {
        let text = "may not be specified for non-apply patch";
        return Err(patch_options(Problem::new(ProblemKind::Forbidden, "force", Value::Null, text)));
    }
    let kind = patch_kind(media, place)?;
    let changes = call.json()?;
    let shape = place.resource.version(&place.version).ok_or_else(ApiError::no_such_path)?.schema.clone();
    let mut options = options;
    options.wants_resource_version = false;
    let result =
        context.store.modify_object(place.id(), namespace, name, target(place), &options, |current| {
            patched(kind, current, &changes, &shape)
        })?;
    written(call, place, &result)
}

fn patch_options(problem: Problem) -> ApiError {
    ApiError::invalid("meta.k8s.io", "PatchOptions", "", &[problem])
}

pub(super) fn patch_kind(media: &str, place: &Place) -> Result<PatchKind, ApiError> {
    match media {
        "application/json-patch+json" => Ok(PatchKind::Json),
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/strategic-merge-patch+json" if !place.resource.is_custom() => Ok(PatchKind::Strategic),
        _ => {
            let mut accepted = vec!["application/json-patch+json", "application/merge-patch+json"];
            if !place.resource.is_custom() {
                accepted.push("application/strategic-merge-patch+json");
            }
            accepted.push("application/apply-patch+yaml");
            Err(ApiError::new(
                Reason::UnsupportedMediaType,
                format!(
                    "the body of the request was in an unknown format - accepted media types include: {}",
                    accepted.join(", ")
                ),
            ))
        }
    }
}

fn delete_options(call: &Call) -> Result<DeleteOptions, ApiError> {
    let body: Value = if call.body.is_empty() { json!({}) } else { call.object()? };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let policy =
        text(&body["propagationPolicy"]).or_else(|| call.query.get("propagationPolicy").map(str::to_owned));
    let orphan = body["orphanDependents"]
        .as_bool()
        .or_else(|| call.query.get("orphanDependents").map(|_| call.query.is_true("orphanDependents")));
    let propagation = match policy.as_deref() {
        Some("Orphan") => Propagation::Orphan,
        Some("Foreground") => Propagation::Foreground,
        None if orphan == Some(true) => Propagation::Orphan,
        Some("Background") | None => Propagation::Background,
        Some(other) => {
            let problem = Problem::unsupported(
                "propagationPolicy",
                other,
                &["Foreground", "Background", "Orphan", "nil"],
            );
            return Err(ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &[problem]));
        }
    };
    let dry_run = meta::strings(&body["dryRun"]).iter().any(|mode| mode == "All") || call.dry_run()?;
    Ok(DeleteOptions {
        propagation,
        uid: text(&body["preconditions"]["uid"]),
        resource_version: text(&body["preconditions"]["resourceVersion"]),
        dry_run,
    })
}

pub(super) fn delete(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let options = delete_options(call)?;
    let deleted =
        context.store.delete_object(place.id(), place.namespace_text(), place.name_text(), &options)?;
    deletion(call, place, &deleted)
}

/// A removed object is reported as a success; one that waits for its finalizers, and a pod, as the object.
fn deletion(call: &Call, place: &Place, deleted: &Deleted) -> Result<Answer, ApiError> {
    if !deleted.gone || place.resource.is("", "pods") {
        return Ok(one(StatusCode::OK, call, place, call.form()?, &deleted.object));
    }
    let mut details = json!({
        "name": meta::name(&deleted.object),
        "kind": place.id().plural,
        "uid": meta::uid(&deleted.object),
    });
    if !place.id().group.is_empty() {
        details["group"] = place.id().group.as_str().into();
    }
    Ok(answer::success(StatusCode::OK, &details))
}

pub(super) fn delete_collection(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    if place.resource.namespaced && place.namespace.is_none() || place.resource.is("", "namespaces") {
        return Err(ApiError::method_not_allowed());
    }
    let options = delete_options(call)?;
    let selection = Selection::of(call, place)?;
    let listed = context.store.list_at(place.id(), place.namespace.as_deref(), None)?;
    for object in listed.items.iter().filter(|object| selection.matches(object)) {
        let (namespace, name) = (meta::namespace(object), meta::name(object));
        match context.store.delete_object(place.id(), namespace, name, &options) {
            Ok(_) => {}
            // Gone in the meantime, perhaps as the dependent of another.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(answer::success(StatusCode::OK, &json!({"kind": place.id().plural})))
}

/// `kubectl drain` and others remove pods this way. Disruption budgets are not consulted.
pub(super) fn evict(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let options = DeleteOptions { dry_run: call.dry_run()?, ..DeleteOptions::default() };
    context.store.delete_object(place.id(), place.namespace_text(), place.name_text(), &options)?;
    Ok(answer::success(StatusCode::CREATED, &json!({})))
}
