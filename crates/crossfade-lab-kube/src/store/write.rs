//! Creating, replacing and applying objects.
//!
//! The order of a write is that of a real server: decode, default, prepare (what the kind's strategy resets), validate, record the managers,
//! store. A dry run does all but the last.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::removal::Queue;
use super::watch::WatchEventKind;
use super::{Key, State, from_storage};
use crate::crd;
use crate::error::{ApiError, Problem, ProblemKind};
use crate::fields::managers::{self, Manager};
use crate::kinds::{self, events};
use crate::meta;
use crate::resource::{ResourceType, ResourceId, Source, Version};
use crate::schema::decode::{Removed, TypeMismatch, decode};
use crate::schema::{ObjectRef, builtin};

/// Field manager of writes through [`super::Store`]: in a real cluster these controllers run in that program.
const IN_PROCESS_MANAGER: &str = "kube-controller-manager";

/// What to do about fields the type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Everything but the status, where the resource has a status subresource.
    Main,
    Status,
    /// The object itself, written through its `scale` subresource.
    Scale,
}

/// The rest of what a request says about a write.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    pub(crate) manager: String,
    /// Version of the request; the preferred one when empty.
    pub(crate) version: String,
    pub(crate) validation: FieldValidation,
    pub(crate) dry_run: bool,
    /// Server-side apply takes over the fields of others.
    pub(crate) force: bool,
    /// A replacement without `resourceVersion` is refused for the kinds that want one.
    pub(crate) wants_resource_version: bool,
}

impl WriteOptions {
    pub(crate) fn named(manager: &str) -> Self {
        WriteOptions {
            manager: manager.to_owned(),
            version: String::new(),
            validation: FieldValidation::Ignore,
            dry_run: false,
            force: false,
            wants_resource_version: false,
        }
    }

    pub(crate) fn in_process() -> Self {
        WriteOptions::named(IN_PROCESS_MANAGER)
    }
}

/// The result of a write.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) object: Arc<Value>,
    pub(crate) warnings: Vec<String>,
    pub(crate) created: bool,
}

/// Where the fields of the new object came from, for `managedFields`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recorded {
    /// Still to be recorded as an update.
    NotYet,
    /// Server-side apply has done it.
    ByApply,
}

impl State {
    pub(crate) fn create(
        &mut self,
        id: &ResourceId,
        namespace: Option<&str>,
        object: Value,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        self.insert_new(id, namespace, object, options, Recorded::NotYet)
    }

    fn insert_new(
        &mut self,
        id: &ResourceId,
        namespace: Option<&str>,
        mut object: Value,
        options: &WriteOptions,
        recorded: Recorded,
    ) -> Result<Written, ApiError> {
        let resource = self.resource(id)?;
        let version = version_of(&resource, options)?;
        check_kind(&resource, &version, &mut object)?;
        settle_namespace(&resource, namespace, &mut object)?;
        let mut warnings = Vec::new();
        read_as_type(&resource, &version, &mut object, options.validation, &mut warnings)?;
        if resource.stored_as.is_some() {
            object = events::to_core_group(&object);
        }
        if !meta::resource_version(&object).is_empty() {
            return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
        }
        start_metadata(&resource, &version, &mut object);
        self.check_namespace_open(&resource, &object)?;
        kinds::prepare_create(&resource, &mut object);
        kinds::default(&resource, &mut object);
        self.allocate_addresses(&resource, &mut object, None);
        let mut problems = kinds::validate(&resource, &object, None);
        problems.extend(custom_problems(&version, &object));
        refuse(&resource, &object, &problems)?;

        let key = key_of(&resource, &object);
        if self.objects.get(resource.storage()).is_some_and(|objects| objects.contains_key(&key)) {
            return Err(ApiError::already_exists(&resource.id, &key.1));
        }
        if recorded == Recorded::NotYet {
            let by = manager(&resource, &version, options, Target::Main);
            managers::record_update(None, &mut object, &storage_schema(&resource, &version), &by);
        }
        let object = self.store(&resource, WatchEventKind::Added, object, None, options.dry_run);
        if !options.dry_run {
            self.after_create(&resource, &object)?;
        }
        Ok(Written { object: from_storage(&resource, &object), warnings, created: true })
    }

    /// Reads an object, lets `edit` make the new one of it and stores that.
    pub(crate) fn modify(
        &mut self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        target: Target,
        options: &WriteOptions,
        edit: impl FnOnce(&Value) -> Result<Value, ApiError>,
    ) -> Result<Written, ApiError> {
        let resource = self.resource(id)?;
        let version = version_of(&resource, options)?;
        let old = self.find(&resource, namespace, name)?;
        let visible = super::in_version(&resource, &version.name, &from_storage(&resource, &old));
        let new = edit(&visible)?;
        self.replace(&resource, &version, &old, new, target, options, Recorded::NotYet)
    }

    /// Server-side apply. Creates the object when it does not exist.
    pub(crate) fn apply(
        &mut self,
        id: &ResourceId,
        namespace: &str,
        name: &str,
        target: Target,
        options: &WriteOptions,
        mut config: Value,
    ) -> Result<Written, ApiError> {
        let resource = self.resource(id)?;
        let version = version_of(&resource, options)?;
        check_kind(&resource, &version, &mut config)?;
        let given = meta::name(&config).to_owned();
        if given.is_empty() {
            meta::metadata_mut(&mut config).insert("name".into(), name.into());
        } else if given != name {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        settle_namespace(&resource, Some(namespace), &mut config)?;
        if config["metadata"].get("managedFields").is_some_and(|list| !list.is_null()) {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        let mut warnings = Vec::new();
        drop_unknown(&resource, &version, &mut config, options.validation, &mut warnings)?;
        let by = manager(&resource, &version, options, target);
        let schema = storage_schema(&resource, &version);
        let live = self.find(&resource, namespace, name).ok();
        let mut written = match live {
            None if target != Target::Main => return Err(ApiError::not_found(&resource.id, name)),
            None => {
                if !meta::uid(&config).is_empty() {
                    return Err(ApiError::conflict(&resource.id, name, "uid mismatch: the provided object specified a uid, and no existing object was found"));
                }
                let applied = managers::apply(None, &config, &schema, &by, options.force)?;
                let mut object = applied.object;
                meta::metadata_mut(&mut object).remove("resourceVersion");
                self.insert_new(id, Some(namespace), object, options, Recorded::ByApply)?
            }
            Some(old) => {
                let visible = super::in_version(&resource, &version.name, &old);
                let applied = managers::apply(Some(&visible), &config, &schema, &by, options.force)?;
                self.replace(&resource, &version, &old, applied.object, target, options, Recorded::ByApply)?
            }
        };
        written.warnings.splice(0..0, warnings);
        Ok(written)
    }

    #[expect(clippy::too_many_arguments, reason = "one internal step of three public ones")]
    fn replace(
        &mut self,
        resource: &Arc<ResourceType>,
        version: &Version,
        old: &Arc<Value>,
        mut new: Value,
        target: Target,
        options: &WriteOptions,
        recorded: Recorded,
    ) -> Result<Written, ApiError> {
        let mut warnings = Vec::new();
        check_kind(resource, version, &mut new)?;
        settle_namespace(resource, Some(meta::namespace(old)), &mut new)?;
        if meta::name(&new) != meta::name(old) {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                meta::name(&new),
                meta::name(old)
            )));
        }
        read_as_type(resource, version, &mut new, options.validation, &mut warnings)?;
        if resource.stored_as.is_some() {
            new = events::to_core_group(&new);
        } else {
            new["apiVersion"] = resource.api_version(&resource.preferred().name).into();
        }
        check_preconditions(resource, old, &new, options)?;
        keep_metadata(old, &mut new);
        keep_other_part(resource, version, old, &mut new, target);
        kinds::prepare_update(resource, &mut new, old);
        kinds::default(resource, &mut new);
        self.allocate_addresses(resource, &mut new, Some(old));
        count_generation(resource, old, &mut new);
        let mut problems = finalizer_problems(old, &new);
        problems.extend(kinds::validate(resource, &new, Some(old)));
        problems.extend(custom_problems(version, &new));
        refuse(resource, &new, &problems)?;
        if recorded == Recorded::NotYet {
            let by = manager(resource, version, options, target);
            managers::record_update(Some(old), &mut new, &storage_schema(resource, version), &by);
        }

        if new == **old {
            return Ok(Written { object: from_storage(resource, old), warnings, created: false });
        }
        let finished = meta::is_deleting(&new) && meta::may_go(&new);
        if finished && !options.dry_run {
            let object = Arc::new(new);
            let mut queue = Queue::default();
            self.remove(resource, &object, old, &mut queue);
            self.drain(queue);
            return Ok(Written { object: from_storage(resource, &object), warnings, created: false });
        }
        let object = self.store(resource, WatchEventKind::Modified, new, Some(old.clone()), options.dry_run);
        if !options.dry_run {
            self.after_update(resource, &object)?;
        }
        Ok(Written { object: from_storage(resource, &object), warnings, created: false })
    }

    /// Puts an object in its place as a new revision. A dry run only gives it its final form.
    pub(super) fn store(
        &mut self,
        resource: &ResourceType,
        kind: WatchEventKind,
        mut object: Value,
        previous: Option<Arc<Value>>,
        dry_run: bool,
    ) -> Arc<Value> {
        if dry_run {
            return Arc::new(object);
        }
        self.revision += 1;
        meta::metadata_mut(&mut object).insert("resourceVersion".into(), self.revision.to_string().into());
        let object = Arc::new(object);
        let key = key_of(resource, &object);
        let place = (resource.storage(), key.0.as_str());
        self.history.push(self.revision, kind, place, object.clone(), previous);
        let objects = self.objects.entry(resource.storage().clone()).or_default();
        if kind == WatchEventKind::Deleted {
            objects.remove(&key);
        } else {
            objects.insert(key, object.clone());
        }
        object
    }

    fn check_namespace_open(&self, resource: &ResourceType, object: &Value) -> Result<(), ApiError> {
        if !resource.namespaced {
            return Ok(());
        }
        let namespaces = ResourceId::new("", "namespaces");
        let name = meta::namespace(object);
        let found = self.objects.get(&namespaces).and_then(|all| all.get(&(String::new(), name.to_owned())));
        match found {
            None => Err(ApiError::not_found(&namespaces, name)),
            Some(namespace) if meta::is_deleting(namespace) => {
                let why = format!("unable to create new content in namespace {name} because it is being terminated");
                let cause = crate::error::Cause {
                    reason: "NamespaceTerminating".into(),
                    message: format!("namespace {name} is being terminated"),
                    field: "metadata.namespace".into(),
                };
                Err(ApiError::forbidden(&resource.id, meta::name(object), &why).with_causes(&[cause]))
            }
            Some(_) => Ok(()),
        }
    }

    fn after_create(&mut self, resource: &ResourceType, object: &Arc<Value>) -> Result<(), ApiError> {
        if resource.is("", "namespaces") {
            let account = serde_json::json!({"metadata": {"name": "default", "namespace": meta::name(object)}});
            self.create(&ResourceId::new("", "serviceaccounts"), None, account, &WriteOptions::in_process())?;
        }
        if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            self.accept_definition(object)?;
        }
        Ok(())
    }

    fn after_update(&mut self, resource: &ResourceType, object: &Arc<Value>) -> Result<(), ApiError> {
        if resource.is("apiextensions.k8s.io", "customresourcedefinitions") && !meta::is_deleting(object) {
            self.accept_definition(object)?;
        }
        Ok(())
    }

    /// Serves the resource of a definition and reports so in its status.
    fn accept_definition(&mut self, definition: &Arc<Value>) -> Result<(), ApiError> {
        let custom = crd::resource_type(definition).map_err(|problems| {
            ApiError::invalid("apiextensions.k8s.io", "CustomResourceDefinition", meta::name(definition), &problems)
        })?;
        Arc::make_mut(&mut self.registry).insert(Arc::new(custom));
        if definition["status"]["conditions"].is_null() && crd::has_rules(definition) {
            let name = meta::name(definition);
            tracing::info!(name, "x-kubernetes-validations (CEL) of this definition are not evaluated");
        }
        let status = crd::accepted_status(definition);
        if definition["status"] != status {
            let resource = self.resource(&ResourceId::new("apiextensions.k8s.io", "customresourcedefinitions"))?;
            let mut new = Value::clone(definition);
            new["status"] = status;
            self.store(&resource, WatchEventKind::Modified, new, Some(definition.clone()), false);
        }
        Ok(())
    }

    fn allocate_addresses(&self, resource: &ResourceType, object: &mut Value, old: Option<&Value>) {
        if resource.is("", "services") {
            let services = self.objects.get(&resource.id).into_iter().flatten();
            kinds::service::allocate(object, old, services.map(|(_, service)| &**service));
        }
    }
}

pub(super) fn key_of(resource: &ResourceType, object: &Value) -> Key {
    let namespace = if resource.namespaced { meta::namespace(object) } else { "" };
    (namespace.to_owned(), meta::name(object).to_owned())
}

fn version_of(resource: &ResourceType, options: &WriteOptions) -> Result<Version, ApiError> {
    if options.version.is_empty() {
        return Ok(resource.preferred().clone());
    }
    resource.version(&options.version).cloned().ok_or_else(ApiError::no_such_path)
}

/// The type objects are stored as; that of the core group for both kinds of event.
fn storage_schema(resource: &ResourceType, version: &Version) -> ObjectRef {
    if resource.stored_as.is_some() { builtin::kind("", "v1", "Event") } else { version.schema.clone() }
}

fn manager(resource: &ResourceType, version: &Version, options: &WriteOptions, target: Target) -> Manager {
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

fn check_kind(resource: &ResourceType, version: &Version, object: &mut Value) -> Result<(), ApiError> {
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

fn settle_namespace(resource: &ResourceType, namespace: Option<&str>, object: &mut Value) -> Result<(), ApiError> {
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
fn read_as_type(
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

fn drop_unknown(
    resource: &ResourceType,
    version: &Version,
    object: &mut Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let mut removed = Removed::default();
    let subject = |text: &str| {
        format!("{} in version \"{}\" cannot be handled as a {}: {text}", resource.kind, version.name, resource.kind)
    };
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
    let texts = removed.unknown.iter().map(|path| format!("unknown field {path:?}"));
    match validation {
        FieldValidation::Ignore => Ok(()),
        FieldValidation::Warn => {
            warnings.extend(texts);
            Ok(())
        }
        FieldValidation::Strict if removed.unknown.is_empty() => Ok(()),
        FieldValidation::Strict => {
            let all: Vec<String> = texts.collect();
            Err(ApiError::bad_request(subject(&format!("strict decoding error: {}", all.join(", ")))))
        }
    }
}

fn start_metadata(resource: &ResourceType, version: &Version, object: &mut Value) {
    let api_version = resource.api_version(&resource.preferred().name);
    let _ = version;
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

fn check_preconditions(
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
            let problem =
                Problem::new(ProblemKind::Invalid, "metadata.resourceVersion", 0.into(), "must be specified for an update");
            return Err(ApiError::invalid(&resource.id.group, &resource.kind, name, &[problem]));
        }
    } else if wanted != meta::resource_version(old) {
        return Err(ApiError::modified(&resource.id, name));
    }
    let uid = meta::uid(new);
    if !uid.is_empty() && uid != meta::uid(old) {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", meta::uid(old));
        return Err(ApiError::conflict(&resource.id, name, &why));
    }
    Ok(())
}

/// Metadata that only the server sets stays as it was.
fn keep_metadata(old: &Value, new: &mut Value) {
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
fn keep_other_part(resource: &ResourceType, version: &Version, old: &Value, new: &mut Value, target: Target) {
    if target == Target::Status {
        let status = new["status"].take();
        let managed = new["metadata"]["managedFields"].take();
        let metadata = new["metadata"].take();
        *new = old.clone();
        if !resource.is_custom() {
            // Built-in kinds take metadata from a status write as well (finalizers are changed that way at times).
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

fn count_generation(resource: &ResourceType, old: &Value, new: &mut Value) {
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

fn finalizer_problems(old: &Value, new: &Value) -> Vec<Problem> {
    if !meta::is_deleting(old) {
        return Vec::new();
    }
    let before = meta::finalizers(old);
    let added: Vec<String> = meta::finalizers(new).into_iter().filter(|name| !before.contains(name)).collect();
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

fn custom_problems(version: &Version, object: &Value) -> Vec<Problem> {
    match &version.source {
        Source::Custom(custom) => crd::validate(custom, object),
        Source::Builtin => Vec::new(),
    }
}

fn refuse(resource: &ResourceType, object: &Value, problems: &[Problem]) -> Result<(), ApiError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(&resource.id.group, &resource.kind, meta::name(object), problems))
}
