//! The rules of a write, one function each: what is checked, what is kept, what is counted. They see objects,
//! never the store.

use serde_json::{Map, Value};

use super::Key;
use super::write::{FieldValidation, Target, WriteOptions};
use crate::crd;
use crate::error::{ApiError, Problem, ProblemKind};
use crate::fields::managers::Manager;
use crate::kinds;
use crate::meta;
use crate::resource::{ResourceType, Source, Version};
use crate::schema::decode::{Removed, TypeMismatch, decode};
use crate::schema::{ObjectRef, builtin};

pub(super) fn key_of(resource: &ResourceType, object: &Value) -> Key {
    let namespace = if resource.namespaced { meta::namespace(object) } else { "" };
    (namespace.to_owned(), meta::name(object).to_owned())
}

pub(super) fn version_of(resource: &ResourceType, options: &WriteOptions) -> Result<Version, ApiError> {
    if options.version.is_empty() {
        return Ok(resource.preferred().clone());
    }
    resource.version(&options.version).cloned().ok_or_else(ApiError::no_such_path)
}

/// The type objects are stored as; that of the core group for both kinds of event.
pub(super) fn storage_schema(resource: &ResourceType, version: &Version) -> ObjectRef {
    if resource.stored_as.is_some() { builtin::kind("", "v1", "Event") } else { version.schema.clone() }
}

pub(super) fn manager(
    resource: &ResourceType,
    version: &Version,
    options: &WriteOptions,
    target: Target,
) -> Manager {
    Manager {
        name: options.manager.clone(),
        api_version: resource.api_version(&version.name),
        subresource: match target {
            Target::Main => String::new(),
            Target::Status => "status".into(),
            Target::Scale => "scale".into(),
        },
        // What a write cannot change, its manager cannot own.
        resets: match target {
            Target::Status => vec!["f:spec"],
            Target::Main | Target::Scale if version.status => vec!["f:status"],
            Target::Main | Target::Scale => Vec::new(),
        },
    }
}

pub(super) fn check_kind(
    resource: &ResourceType,
    version: &Version,
    object: &mut Value,
) -> Result<(), ApiError> {
    if !object.is_object() {
        return Err(ApiError::bad_request("the object provided is unrecognized (must be of type object)"));
    }
    let expected = resource.api_version(&version.name);
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if !kind.is_empty() && kind != resource.kind {
        return Err(ApiError::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {}: converting (v1.{kind}) to (v1.{}): unknown conversion",
            version.name, resource.kind, resource.kind
        )));
    }
    if !api_version.is_empty() && api_version != expected {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({expected})"
        )));
    }
    let fields = meta::as_map_mut(object);
    fields.insert("apiVersion".into(), expected.into());
    fields.insert("kind".into(), resource.kind.as_str().into());
    Ok(())
}

pub(super) fn settle_namespace(
    resource: &ResourceType,
    namespace: Option<&str>,
    object: &mut Value,
) -> Result<(), ApiError> {
    let given = meta::namespace(object).to_owned();
    let metadata = meta::metadata_mut(object);
    if !resource.namespaced {
        metadata.remove("namespace");
        return Ok(());
    }
    match namespace {
        Some(wanted) if given.is_empty() => {
            metadata.insert("namespace".into(), wanted.into());
        }
        Some(wanted) if wanted != given => {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        None if given.is_empty() => {
            return Err(ApiError::bad_request("an empty namespace may not be set during creation"));
        }
        _ => {}
    }
    Ok(())
}

/// Decodes: unknown fields go (or are refused), custom resources get their defaults.
pub(super) fn read_as_type(
    resource: &ResourceType,
    version: &Version,
    object: &mut Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    drop_unknown(resource, version, object, validation, warnings)?;
    if let Source::Custom(custom) = &version.source {
        crd::default(custom, object);
    }
    Ok(())
}

/// Takes out what the type does not have; the paths of that.
fn unknown_fields(
    resource: &ResourceType,
    version: &Version,
    object: &mut Value,
) -> Result<Vec<String>, ApiError> {
    let mut removed = Removed::default();
    let subject = |text: &str| not_handled(resource, version, text);
    match &version.source {
        Source::Builtin => decode(object, &version.schema, &mut removed)
            .map_err(|TypeMismatch(text)| ApiError::bad_request(subject(&text)))?,
        Source::Custom(custom) => {
            let metadata = meta::child_mut(object, "metadata");
            let mut wrapped = Value::Object(std::mem::take(metadata));
            let mut in_metadata = Removed::default();
            let outcome = decode(&mut wrapped, &builtin::named("meta.v1.ObjectMeta"), &mut in_metadata);
            object["metadata"] = wrapped;
            outcome.map_err(|TypeMismatch(text)| ApiError::bad_request(subject(&text)))?;
            removed.unknown.extend(in_metadata.unknown.into_iter().map(|path| format!("metadata.{path}")));
            crd::prune(custom, object, &mut removed);
        }
    }
    Ok(removed.unknown)
}

fn not_handled(resource: &ResourceType, version: &Version, text: &str) -> String {
    let kind = &resource.kind;
    format!("{kind} in version \"{}\" cannot be handled as a {kind}: {text}", version.name)
}

fn drop_unknown(
    resource: &ResourceType,
    version: &Version,
    object: &mut Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let unknown = unknown_fields(resource, version, object)?;
    let texts = unknown.iter().map(|path| format!("unknown field {path:?}"));
    match validation {
        FieldValidation::Ignore => Ok(()),
        FieldValidation::Warn => {
            warnings.extend(texts);
            Ok(())
        }
        FieldValidation::Strict if unknown.is_empty() => Ok(()),
        FieldValidation::Strict => {
            let all: Vec<String> = texts.collect();
            Err(ApiError::bad_request(not_handled(
                resource,
                version,
                &format!("strict decoding error: {}", all.join(", ")),
            )))
        }
    }
}

/// Server-side apply takes no field that the type does not have, whatever is asked about validation: there is no telling whose
/// it would be.
pub(super) fn refuse_unknown(
    resource: &ResourceType,
    version: &Version,
    config: &mut Value,
) -> Result<(), ApiError> {
    let unknown = unknown_fields(resource, version, config)?;
    let mut problems: Vec<String> = Vec::new();
    let mut parents: Vec<&str> = Vec::new();
    // Of one object a server tells the first.
    for path in &unknown {
        let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
        if !parents.contains(&parent) {
            parents.push(parent);
            problems.push(format!(".{path}: field not declared in schema"));
        }
    }
    let problem = match problems.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    Err(ApiError::without_reason(format!(
        "failed to create typed patch object ({}/{}; {}/{}, Kind={}): {problem}",
        meta::namespace(config),
        meta::name(config),
        resource.id.group,
        version.name,
        resource.kind
    )))
}

/// What a real server's store takes in one request. A dry run does not get so far, and kinds that are not custom are
/// stored in a shorter form than text.
const STORED_BYTES_MAX: usize = 1536 * 1024;

pub(super) fn check_size(
    resource: &ResourceType,
    object: &Value,
    options: &WriteOptions,
) -> Result<(), ApiError> {
    let is_text = resource.is_custom() || resource.is("apiextensions.k8s.io", "customresourcedefinitions");
    if is_text && !options.dry_run && object.to_string().len() > STORED_BYTES_MAX {
        return Err(ApiError::without_reason("etcdserver: request is too large"));
    }
    Ok(())
}

pub(super) fn start_metadata(resource: &ResourceType, object: &mut Value) {
    let api_version = resource.api_version(&resource.preferred().name);
    if resource.stored_as.is_none() {
        object["apiVersion"] = api_version.into();
    }
    let counts = resource.counts_generation;
    let metadata = meta::metadata_mut(object);
    let text = |metadata: &Map<String, Value>, field: &str| {
        metadata.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    if text(metadata, "name").is_empty() {
        let prefix = text(metadata, "generateName");
        if !prefix.is_empty() {
            metadata.insert("name".into(), format!("{prefix}{}", meta::name_suffix()).into());
        }
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
        metadata.remove(field);
    }
    if text(metadata, "uid").is_empty() {
        metadata.insert("uid".into(), meta::new_uid().into());
    }
    metadata.insert("creationTimestamp".into(), meta::now().into());
    if counts {
        metadata.insert("generation".into(), 1.into());
    }
}

pub(super) fn check_preconditions(
    resource: &ResourceType,
    old: &Value,
    new: &Value,
    options: &WriteOptions,
) -> Result<(), ApiError> {
    let name = meta::name(old);
    let wanted = meta::resource_version(new);
    if wanted.is_empty() {
        let strict = resource.is_custom() || kinds::wants_resource_version(resource);
        if options.wants_resource_version && strict {
            let problem = Problem::new(
                ProblemKind::Invalid,
                "metadata.resourceVersion",
                0.into(),
                "must be specified for an update",
            );
            return Err(ApiError::invalid(&resource.id.group, &resource.kind, name, &[problem]));
        }
    } else if wanted != meta::resource_version(old) {
        return Err(ApiError::modified(&resource.id, name));
    }
    let uid = meta::uid(new);
    if !uid.is_empty() && uid != meta::uid(old) {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            meta::uid(old)
        );
        return Err(ApiError::conflict(&resource.id, name, &why));
    }
    Ok(())
}

/// Metadata that only the server sets stays as it was.
pub(super) fn keep_metadata(old: &Value, new: &mut Value) {
    const KEPT: [&str; 8] = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
    ];
    let metadata = meta::metadata_mut(new);
    for field in KEPT {
        meta::set_or_remove(metadata, field, old["metadata"][field].clone());
    }
    metadata.remove("selfLink");
    if let Some(name) = old["metadata"].get("generateName") {
        metadata.insert("generateName".into(), name.clone());
    } else {
        metadata.remove("generateName");
    }
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        if let Some(value) = metadata.remove(field) {
            meta::set_or_remove(metadata, field, value);
        }
    }
}

/// A write of the object leaves its status alone, and a write of the status everything else.
pub(super) fn keep_other_part(
    resource: &ResourceType,
    version: &Version,
    old: &Value,
    new: &mut Value,
    target: Target,
) {
    if target == Target::Status {
        let status = new["status"].take();
        let managed = new["metadata"]["managedFields"].take();
        let metadata = new["metadata"].take();
        *new = old.clone();
        if !resource.is_custom() {
            // Built-in kinds take metadata from a status write as well (finalizers are changed that way at
            // times).
            new["metadata"] = metadata;
        }
        meta::set_or_remove(meta::metadata_mut(new), "managedFields", managed);
        put(new, "status", status);
    } else if version.status {
        put(new, "status", old["status"].clone());
    }
}

/// Sets a field; null stands for its absence, an empty object for itself.
fn put(object: &mut Value, field: &str, value: Value) {
    let fields = meta::as_map_mut(object);
    if value.is_null() {
        fields.remove(field);
    } else {
        fields.insert(field.to_owned(), value);
    }
}

pub(super) fn count_generation(resource: &ResourceType, old: &Value, new: &mut Value) {
    if !resource.counts_generation {
        return;
    }
    let has_status = resource.preferred().status;
    let counted = |object: &Value| -> Vec<(String, Value)> {
        object
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, _)| !matches!(name.as_str(), "metadata" | "apiVersion" | "kind"))
            .filter(|(name, _)| !(has_status && name.as_str() == "status"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    if counted(old) != counted(new) {
        let generation = old["metadata"]["generation"].as_u64().unwrap_or(1) + 1;
        meta::metadata_mut(new).insert("generation".into(), generation.into());
    }
}

pub(super) fn finalizer_problems(old: &Value, new: &Value) -> Vec<Problem> {
    if !meta::is_deleting(old) {
        return Vec::new();
    }
    let before = meta::finalizers(old);
    let added: Vec<String> =
        meta::finalizers(new).into_iter().filter(|name| !before.contains(name)).collect();
    if added.is_empty() {
        return Vec::new();
    }
    let listed: Vec<String> = added.iter().map(|name| format!("\"{name}\"")).collect();
    vec![Problem::new(
        ProblemKind::Forbidden,
        "metadata.finalizers",
        Value::Null,
        format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            listed.join(", ")
        ),
    )]
}

pub(super) fn custom_problems(version: &Version, object: &Value) -> Vec<Problem> {
    match &version.source {
        Source::Custom(custom) => crd::validate(custom, object),
        Source::Builtin => Vec::new(),
    }
}

pub(super) fn refuse(resource: &ResourceType, object: &Value, problems: &[Problem]) -> Result<(), ApiError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(&resource.id.group, &resource.kind, meta::name(object), problems))
}
