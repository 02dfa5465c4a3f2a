//! `GET` of one object and of lists, with selectors, paging and past revisions.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::Context;
use super::answer::{self, Answer};
use super::call::{Call, Form};
use super::dispatch::Place;
use crate::error::{ApiError, Reason};
use crate::meta;
use crate::selector::{FieldSelector, LabelSelector};
use crate::store::in_version;
use crate::table;

/// Which objects a list or watch is about.
pub(super) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(super) fn of(call: &Call, place: &Place) -> Result<Selection, ApiError> {
        let mut fields = call.query.get("fieldSelector").unwrap_or_default().to_owned();
        if let Some(name) = &place.name {
            fields = format!("metadata.name={name},{fields}");
        }
        Ok(Selection {
            labels: LabelSelector::parse(call.query.get("labelSelector").unwrap_or_default())?,
            fields: FieldSelector::parse(&fields, &place.resource)?,
        })
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }

    fn is_everything(&self) -> bool {
        self.labels == LabelSelector::default() && self.fields == FieldSelector::default()
    }
}

pub(super) fn get(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let form = call.form()?;
    let object = context.store.get(place.id(), place.namespace.as_deref(), place.name_text())?;
    Ok(one(StatusCode::OK, call, place, form, &object))
}

/// One object in the form asked for.
pub(super) fn one(status: StatusCode, call: &Call, place: &Place, form: Form, object: &Arc<Value>) -> Answer {
    let object = in_version(&place.resource, &place.version, object);
    match form {
        Form::Whole => answer::json(status, &*object),
        Form::Metadata => answer::json(status, &metadata_only(&object)),
        Form::Table => {
            let include = table::Include::parse(call.query.get("includeObject"));
            let rows = table::render(
                &place.resource,
                &place.version,
                std::slice::from_ref(&object),
                include,
                table::Columns::Shown,
            );
            let version = meta::resource_version(&object).to_owned();
            answer::json(status, &table::document(&rows, &json!({"resourceVersion": version})))
        }
    }
}

/// `PartialObjectMetadata` of an object.
pub(super) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Where a paged list goes on.
struct Continue {
    revision: u64,
    namespace: String,
    name: String,
}

impl Continue {
    fn parse(token: &str) -> Result<Continue, ApiError> {
        let refuse =
            || ApiError::bad_request("continue key is not valid: encoded continue token is not valid");
        let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| refuse())?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
        let start = value["start"].as_str().unwrap_or_default();
        let (namespace, name) = start.split_once('/').ok_or_else(refuse)?;
        Ok(Continue {
            revision: value["rv"].as_u64().ok_or_else(refuse)?,
            namespace: namespace.to_owned(),
            name: name.trim_end_matches('\0').to_owned(),
        })
    }

    fn token(revision: u64, last: &Value) -> String {
        let start = format!("{}/{}\0", meta::namespace(last), meta::name(last));
        URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": revision, "start": start}).to_string())
    }
}

pub(super) fn list(context: &Context, call: &Call, place: &Place) -> Result<Answer, ApiError> {
    let form = call.form()?;
    let selection = Selection::of(call, place)?;
    let resume = call.query.get("continue").map(Continue::parse).transpose()?;
    let revision = match &resume {
        Some(resume) => Some(resume.revision),
        None => wanted_revision(context, call)?,
    };
    let listed =
        context.store.list_at(place.id(), place.namespace.as_deref(), revision).map_err(|error| {
            if resume.is_some() && error.reason() == Reason::Expired { expired_page() } else { error }
        })?;
    let mut items: Vec<Arc<Value>> = listed.items;
    if let Some(resume) = &resume {
        items.retain(|object| {
            (meta::namespace(object), meta::name(object)) > (resume.namespace.as_str(), resume.name.as_str())
        });
    }
    items.retain(|object| selection.matches(object));
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".into(), listed.revision.to_string().into());
    let limit = call.query.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0);
    if limit > 0 && items.len() > limit {
        let remaining = items.len() - limit;
        items.truncate(limit);
        if let Some(last) = items.last() {
            metadata.insert("continue".into(), Continue::token(listed.revision, last).into());
        }
        if selection.is_everything() {
            metadata.insert("remainingItemCount".into(), remaining.into());
        }
    }
    let items: Vec<Arc<Value>> =
        items.iter().map(|object| in_version(&place.resource, &place.version, object)).collect();
    Ok(rendered(call, place, form, &items, metadata))
}

fn rendered(
    call: &Call,
    place: &Place,
    form: Form,
    items: &[Arc<Value>],
    metadata: Map<String, Value>,
) -> Answer {
    match form {
        Form::Whole => answer::json(
            StatusCode::OK,
            &List {
                kind: &place.resource.list_kind,
                api_version: place.resource.api_version(&place.version),
                metadata: Value::Object(metadata),
                items,
                // The list types of built-in kinds do not repeat the kind in each item; those of custom
                // resources do.
                bare_items: !place.resource.is_custom(),
            },
        ),
        Form::Metadata => {
            let items: Vec<Value> = items.iter().map(|object| metadata_only(object)).collect();
            answer::json(
                StatusCode::OK,
                &json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                    "items": items}),
            )
        }
        Form::Table => {
            let include = table::Include::parse(call.query.get("includeObject"));
            let rows = table::render(&place.resource, &place.version, items, include, table::Columns::Shown);
            answer::json(StatusCode::OK, &table::document(&rows, &Value::Object(metadata)))
        }
    }
}

struct List<'a> {
    kind: &'a str,
    api_version: String,
    metadata: Value,
    items: &'a [Arc<Value>],
    bare_items: bool,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", self.kind)?;
        map.serialize_entry("apiVersion", &self.api_version)?;
        map.serialize_entry("metadata", &self.metadata)?;
        if self.bare_items {
            let items: Vec<Bare> = self.items.iter().map(|object| Bare(object)).collect();
            map.serialize_entry("items", &items)?;
        } else {
            let items: Vec<&Value> = self.items.iter().map(|object| &**object).collect();
            map.serialize_entry("items", &items)?;
        }
        map.end()
    }
}

/// An object without its `kind` and `apiVersion`.
struct Bare<'a>(&'a Value);

impl Serialize for Bare<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.as_object().into_iter().flatten();
        serializer.collect_map(fields.filter(|(name, _)| !matches!(name.as_str(), "kind" | "apiVersion")))
    }
}

/// The past revision a list asks for; `None` for the newest.
fn wanted_revision(context: &Context, call: &Call) -> Result<Option<u64>, ApiError> {
    let wanted = call.query.number("resourceVersion")?;
    let exact = match call.query.get("resourceVersionMatch") {
        None | Some("NotOlderThan") => false,
        Some("Exact") => true,
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "resourceVersionMatch: Unsupported value: {other:?}: supported values: \"Exact\", \"NotOlderThan\""
            )));
        }
    };
    let Some(revision) = wanted.filter(|revision| *revision != 0) else {
        return Ok(None);
    };
    let current = context.store.revision();
    if revision > current {
        return Err(ApiError::new(
            Reason::Timeout,
            format!("Too large resource version: {revision}, current: {current}"),
        ));
    }
    Ok(exact.then_some(revision))
}

fn expired_page() -> ApiError {
    ApiError::new(
        Reason::Expired,
        "The provided continue parameter is too old to display a consistent list result. You must start a new list without \
         the continue parameter.",
    )
}
