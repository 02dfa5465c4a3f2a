//! Creating, replacing and applying objects.
//!
//! The order of a write is that of a real server: decode, default, prepare (what the kind's strategy resets),
//! validate, record the managers, store. A dry run does all but the last.

use std::sync::Arc;

use serde_json::Value;

use super::removal::Queue;
use super::rules::{
    check_kind, check_preconditions, check_size, count_generation, custom_problems, finalizer_problems,
    keep_metadata, keep_other_part, key_of, manager, read_as_type, refuse, refuse_unknown, settle_namespace,
    start_metadata, storage_schema, version_of,
};
use super::watch::WatchEventKind;
use super::{State, from_storage};
use crate::crd;
use crate::error::ApiError;
use crate::fields::managers;
use crate::kinds::{self, events};
use crate::meta;
use crate::resource::{ResourceId, ResourceType, Version};

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
        start_metadata(&resource, &mut object);
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
        check_size(&resource, &object, options)?;
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
        refuse_unknown(&resource, &version, &mut config)?;
        let by = manager(&resource, &version, options, target);
        let schema = storage_schema(&resource, &version);
        let live = self.find(&resource, namespace, name).ok();
        match live {
            None if target != Target::Main => Err(ApiError::not_found(&resource.id, name)),
            None => {
                if !meta::uid(&config).is_empty() {
                    return Err(ApiError::conflict(
                        &resource.id,
                        name,
                        "uid mismatch: the provided object specified a uid, and no existing object was found",
                    ));
                }
                let applied = managers::apply(None, &config, &schema, &by, options.force)?;
                let mut object = applied.object;
                meta::metadata_mut(&mut object).remove("resourceVersion");
                self.insert_new(id, Some(namespace), object, options, Recorded::ByApply)
            }
            Some(old) => {
                let visible = super::in_version(&resource, &version.name, &old);
                let applied = managers::apply(Some(&visible), &config, &schema, &by, options.force)?;
                self.replace(&resource, &version, &old, applied.object, target, options, Recorded::ByApply)
            }
        }
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
        check_size(resource, &new, options)?;
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
                let why = format!(
                    "unable to create new content in namespace {name} because it is being terminated"
                );
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
            let account =
                serde_json::json!({"metadata": {"name": "default", "namespace": meta::name(object)}});
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
            ApiError::invalid(
                "apiextensions.k8s.io",
                "CustomResourceDefinition",
                meta::name(definition),
                &problems,
            )
        })?;
        Arc::make_mut(&mut self.registry).insert(Arc::new(custom));
        if definition["status"]["conditions"].is_null() && crd::has_rules(definition) {
            let name = meta::name(definition);
            tracing::info!(name, "x-kubernetes-validations (CEL) of this definition are not evaluated");
        }
        let status = crd::accepted_status(definition);
        if definition["status"] != status {
            let resource =
                self.resource(&ResourceId::new("apiextensions.k8s.io", "customresourcedefinitions"))?;
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
