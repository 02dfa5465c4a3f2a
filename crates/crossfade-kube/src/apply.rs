//! Manifests, applied as `kubectl apply --server-side` does.

use std::path::Path;

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use serde::Deserialize;

use crate::{Cluster, FIELD_MANAGER, KubeError};

/// One document of a manifest and where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// File and number of the document, for messages.
    pub place: String,
    /// The object.
    pub object: DynamicObject,
}

impl Manifest {
    /// One object that was made or read elsewhere.
    pub fn from_value(place: &str, document: serde_json::Value) -> Result<Manifest, KubeError> {
        let wrong =
            |message: &str| KubeError::Manifest { place: place.to_owned(), message: message.to_owned() };
        let object = DynamicObject::deserialize(document).map_err(|error| wrong(&error.to_string()))?;
        if object.types.is_none() {
            return Err(wrong("apiVersion and kind are missing"));
        }
        if object.metadata.name.is_none() {
            return Err(wrong("metadata.name is missing"));
        }
        Ok(Manifest { place: place.to_owned(), object })
    }
}

/// Reads all documents of a YAML text. Empty documents are left out.
pub fn parse(place: &Path, text: &str) -> Result<Vec<Manifest>, KubeError> {
    let wrong = |message: String| KubeError::Manifest { place: place.display().to_string(), message };
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(text).map_err(|error| wrong(error.to_string()))?;
    let mut manifests = Vec::new();
    for (index, document) in documents.into_iter().enumerate().filter(|(_, document)| !document.is_null()) {
        let place = format!("{} (document {})", place.display(), index + 1);
        manifests.push(Manifest::from_value(&place, document)?);
    }
    Ok(manifests)
}

/// Applies manifests in their order, as field manager `crossfade`, taking over fields.
pub async fn apply(cluster: &Cluster, manifests: &[Manifest]) -> Result<(), KubeError> {
    for manifest in manifests {
        apply_one(cluster, manifest).await?;
    }
    Ok(())
}

async fn apply_one(cluster: &Cluster, manifest: &Manifest) -> Result<(), KubeError> {
    let object = &manifest.object;
    let types = object.types.clone().unwrap_or_default();
    let name = object.metadata.name.clone().unwrap_or_default();
    let action = format!("apply {} {name} of {}", types.kind, manifest.place);
    let kind = GroupVersionKind::try_from(&types)
        .map_err(|error| KubeError::Manifest { place: manifest.place.clone(), message: error.to_string() })?;
    let (resource, capabilities) =
        pinned_kind(&cluster.client, &kind).await.map_err(|error| cluster.error(&action, error))?;
    let api = api_of(cluster, object, &resource, &capabilities.scope);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(object)).await.map_err(|error| cluster.error(&action, error))?;
    Ok(())
}

fn api_of(
    cluster: &Cluster,
    object: &DynamicObject,
    resource: &ApiResource,
    scope: &Scope,
) -> Api<DynamicObject> {
    let client = cluster.client.clone();
    match scope {
        Scope::Cluster => Api::all_with(client, resource),
        Scope::Namespaced => {
            let namespace = object.metadata.namespace.as_deref().unwrap_or("default");
            Api::namespaced_with(client, namespace, resource)
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;

    #[test]
    fn reads_several_documents() {
        let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n---\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: b\n";
        let manifests = parse(Path::new("x.yaml"), text).unwrap();
        let names: Vec<_> = manifests.iter().filter_map(|m| m.object.metadata.name.clone()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn names_the_place_of_what_is_wrong() {
        let unreadable = parse(Path::new("x.yaml"), "a: [").unwrap_err().to_string();
        assert!(unreadable.starts_with("x.yaml"), "{unreadable}");
        let nameless =
            parse(Path::new("x.yaml"), "apiVersion: v1\nkind: Namespace\n").unwrap_err().to_string();
        assert_eq!(nameless, "x.yaml (document 1): metadata.name is missing");
    }
}
