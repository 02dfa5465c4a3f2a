//! OpenAPI v3 documents made from the known types.
//!
//! They carry what clients compute with: fields, types, merge keys, and that writes take `fieldValidation`.
//! They carry no descriptions.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Field, ListMerge, ObjectRef, ObjectShape, Shape, builtin};
use crate::meta;
use crate::resource::{ResourceType, Source, Version};

/// A short hash of what a document is made of.
pub(crate) fn hash<'a>(served: impl Iterator<Item = (&'a ResourceType, &'a Version)>) -> String {
    let mut digest = Sha256::new();
    for (resource, version) in served {
        digest.update(resource.id.to_string());
        digest.update(&version.name);
        if let Source::Custom(custom) = &version.source {
            digest.update(custom.schema.to_string());
        }
    }
    meta::short_hex(&digest.finalize()).to_uppercase()
}

/// The document of one group and version.
pub(crate) fn document<'a>(
    group: &str,
    version: &str,
    served: impl Iterator<Item = (&'a ResourceType, &'a Version)>,
) -> Value {
    let mut writer = Writer::default();
    let mut paths = Map::new();
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    for (resource, served) in served {
        let kind = json!([{"group": group, "version": version, "kind": resource.kind}]);
        let name = match &served.source {
            Source::Builtin => {
                let shape = served.schema.get();
                writer.open.push(shape.name.clone());
                full_name(&shape.name)
            }
            Source::Custom(custom) => {
                let name = custom_name(resource, served);
                let mut schema = custom.schema.clone();
                schema["properties"]["apiVersion"] = json!({"type": "string"});
                schema["properties"]["kind"] = json!({"type": "string"});
                schema["properties"]["metadata"] = reference("meta.v1.ObjectMeta");
                schema["x-kubernetes-group-version-kind"] = kind.clone();
                writer.open.push("meta.v1.ObjectMeta".into());
                writer.schemas.insert(name.clone(), schema);
                name
            }
        };
        writer.kinds.push((name.clone(), kind.clone()));
        let collection = if resource.namespaced {
            format!("{root}/namespaces/{{namespace}}/{}", resource.id.plural)
        } else {
            format!("{root}/{}", resource.id.plural)
        };
        let content = json!({"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}}});
        let operation = |action: &str| {
            json!({
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": kind[0],
                "parameters": parameters(),
                "responses": {"200": content.clone()},
            })
        };
        paths.insert(collection.clone(), json!({"post": operation("post")}));
        paths.insert(
            format!("{collection}/{{name}}"),
            json!({"get": {"x-kubernetes-action": "get", "x-kubernetes-group-version-kind": kind[0],
                "responses": {"200": content.clone()}}, "put": operation("put"), "patch": operation("patch")}),
        );
    }
    let schemas = writer.finish();
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn parameters() -> Value {
    ["dryRun", "fieldManager", "fieldValidation", "force"]
        .iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
        .collect()
}

/// `dev.crossfade.v1alpha1.Migration`: the group reversed, as real servers name custom types.
fn custom_name(resource: &ResourceType, version: &Version) -> String {
    let mut parts: Vec<&str> = resource.id.group.split('.').collect();
    parts.reverse();
    format!("{}.{}.{}", parts.join("."), version.name, resource.kind)
}

/// The published name of a built-in type.
fn full_name(short: &str) -> String {
    if let Some(rest) = short.strip_prefix("meta.") {
        return format!("io.k8s.apimachinery.pkg.apis.meta.{rest}");
    }
    if let Some(rest) = short.strip_prefix("apiextensions.") {
        return format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{rest}");
    }
    format!("io.k8s.api.{short}")
}

fn reference(short: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{}", full_name(short))})
}

#[derive(Default)]
struct Writer {
    schemas: Map<String, Value>,
    /// Short names of types still to be written.
    open: Vec<String>,
    kinds: Vec<(String, Value)>,
}

impl Writer {
    fn finish(mut self) -> Map<String, Value> {
        let mut done = BTreeSet::new();
        while let Some(short) = self.open.pop() {
            if !done.insert(short.clone()) {
                continue;
            }
            let ObjectRef::Builtin(index) = builtin::named(&short) else { continue };
            let schema = self.object(builtin::at(index));
            self.schemas.insert(full_name(&short), schema);
        }
        for (name, kind) in &self.kinds {
            if let Some(schema) = self.schemas.get_mut(name) {
                schema["x-kubernetes-group-version-kind"] = kind.clone();
            }
        }
        self.schemas
    }

    fn object(&mut self, shape: &ObjectShape) -> Value {
        let properties: Map<String, Value> =
            shape.fields.iter().map(|(name, field)| (name.clone(), self.field(field))).collect();
        let required: Vec<&String> =
            shape.fields.iter().filter(|(_, field)| field.required).map(|(name, _)| name).collect();
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if shape.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        schema
    }

    fn field(&mut self, field: &Field) -> Value {
        let mut schema = self.shape(&field.shape);
        if field.list != ListMerge::Atomic {
            match &field.list {
                ListMerge::Set => schema["x-kubernetes-list-type"] = "set".into(),
                ListMerge::Map(keys) => {
                    schema["x-kubernetes-list-type"] = "map".into();
                    schema["x-kubernetes-list-map-keys"] = json!(keys);
                }
                ListMerge::Atomic => {}
            }
        } else if matches!(field.shape, Shape::List(_)) && field.strategy.is_none() {
            schema["x-kubernetes-list-type"] = "atomic".into();
        }
        if field.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        if let Some(strategy) = &field.strategy {
            schema["x-kubernetes-patch-strategy"] = strategy.as_str().into();
        }
        if let Some(key) = &field.merge_key {
            schema["x-kubernetes-patch-merge-key"] = key.as_str().into();
        }
        schema
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Any => json!({}),
            Shape::String | Shape::Quantity => json!({"type": "string"}),
            Shape::Time | Shape::MicroTime => json!({"type": "string", "format": "date-time"}),
            Shape::Bytes => json!({"type": "string", "format": "byte"}),
            Shape::Int32 => json!({"type": "integer", "format": "int32"}),
            Shape::Int64 => json!({"type": "integer", "format": "int64"}),
            Shape::Number => json!({"type": "number", "format": "double"}),
            Shape::Boolean => json!({"type": "boolean"}),
            Shape::IntOrString => {
                json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"})
            }
            Shape::RawObject => json!({"type": "object"}),
            Shape::List(item) => json!({"type": "array", "items": self.field(item)}),
            Shape::Map(item) => json!({"type": "object", "additionalProperties": self.field(item)}),
            Shape::Object(inner) => {
                let inner = inner.get();
                if inner.name.is_empty() {
                    return self.object(inner);
                }
                self.open.push(inner.name.clone());
                // A reference with siblings has to be wrapped.
                json!({"allOf": [reference(&inner.name)]})
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::resource::{Registry, ResourceId};

    #[test]
    fn references_lead_somewhere() {
        let registry = Registry::builtin();
        let deployments = registry.get(&ResourceId::new("apps", "deployments")).unwrap();
        let document = document("apps", "v1", [(&**deployments, deployments.preferred())].into_iter());
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name} is missing");
        }
        let containers = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
    }
}
