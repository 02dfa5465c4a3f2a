//! Manifests, applied as `kubectl apply --server-side` does.

use std::path::Path;

use kube::Api;
use kube::api::{DynamicObject, ObjectMeta, Patch, PatchParams};
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

    fn name(&self) -> &str {
        self.object.metadata.name.as_deref().unwrap_or_default()
    }

    /// Whether it asks for no more than that the object is there.
    fn is_bare(&self) -> bool {
        let is_empty = self.object.data.as_object().is_none_or(serde_json::Map::is_empty);
        is_empty && self.object.metadata.labels.is_none() && self.object.metadata.annotations.is_none()
    }

    fn action(&self) -> String {
        let kind = self.object.types.as_ref().map_or("", |types| &types.kind);
        format!("apply {kind} {} of {}", self.name(), self.place)
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
        let (api, _) = find(cluster, manifest).await?;
        patch(cluster, manifest, &api, Mode::Write).await?;
    }
    Ok(())
}

/// Whether the server stores what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Write,
    DryRun,
}

/// What became of an object, in kubectl's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was another.
    Configured,
    /// It was the same.
    Unchanged,
}

impl Outcome {
    /// As kubectl prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Configured => "configured",
            Outcome::Unchanged => "unchanged",
        }
    }
}

/// An object that was applied.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Kind, group and name as kubectl prints them: `applicationset.argoproj.io/bootstrap-addons`.
    pub what: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Its metadata now, or as they would be. Those that were asked for, where a dry run could not ask the server.
    pub metadata: ObjectMeta,
}

/// A manifest and what the cluster has in its place. Nothing is written yet.
pub struct Prepared<'a> {
    manifest: &'a Manifest,
    api: Api<DynamicObject>,
    what: String,
    before: Option<ObjectMeta>,
}

/// Looks at what manifests would take the place of, metadata alone.
pub async fn prepare<'a>(
    cluster: &Cluster,
    manifests: &'a [Manifest],
) -> Result<Vec<Prepared<'a>>, KubeError> {
    let mut prepared = Vec::with_capacity(manifests.len());
    for manifest in manifests {
        let (api, resource) = find(cluster, manifest).await?;
        let name = manifest.name();
        let what = match resource.group.as_str() {
            "" => format!("{}/{name}", resource.kind.to_lowercase()),
            group => format!("{}.{group}/{name}", resource.kind.to_lowercase()),
        };
        let found = api.get_metadata_opt(name).await;
        let found = found.map_err(|error| cluster.error(format!("look at {what}"), error))?;
        prepared.push(Prepared { manifest, api, what, before: found.map(|found| found.metadata) });
    }
    Ok(prepared)
}

impl Prepared<'_> {
    /// Kind, group and name as kubectl prints them.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Metadata of what is there, if anything is.
    pub fn before(&self) -> Option<&ObjectMeta> {
        self.before.as_ref()
    }

    /// The same, if applying takes over fields of it.
    pub fn overwritten(&self) -> Option<&ObjectMeta> {
        self.before.as_ref().filter(|_| !self.manifest.is_bare())
    }

    /// Of an object that is there and of which no more is asked.
    fn already(&self) -> Option<Applied> {
        let metadata = self.before.clone().filter(|_| self.manifest.is_bare())?;
        Some(Applied { what: self.what.clone(), outcome: Outcome::Unchanged, metadata })
    }

    /// Applies it as field manager `crossfade`, taking over fields.
    pub async fn apply(&self, cluster: &Cluster) -> Result<Applied, KubeError> {
        if let Some(already) = self.already() {
            return Ok(already);
        }
        let after = patch(cluster, self.manifest, &self.api, Mode::Write).await?;
        let outcome = match &self.before {
            None => Outcome::Created,
            // Applying what is there already makes no new version.
            Some(before) if before.resource_version == after.metadata.resource_version => Outcome::Unchanged,
            Some(_) => Outcome::Configured,
        };
        Ok(Applied { what: self.what.clone(), outcome, metadata: after.metadata })
    }

    /// Asks the server what applying would do. `is_to_come` tells of namespaces that would be made before, about which the
    /// server cannot know.
    pub async fn try_out(
        &self,
        cluster: &Cluster,
        is_to_come: impl Fn(&str) -> bool,
    ) -> Result<Applied, KubeError> {
        if let Some(already) = self.already() {
            return Ok(already);
        }
        let what = self.what.clone();
        let asked = &self.manifest.object;
        let namespace = asked.metadata.namespace.as_deref();
        if self.before.is_none() && namespace.is_some_and(is_to_come) {
            return Ok(Applied { what, outcome: Outcome::Created, metadata: asked.metadata.clone() });
        }
        let before = self.api.get_opt(self.manifest.name()).await;
        let before = before.map_err(|error| cluster.error(format!("look at {what}"), error))?;
        let after = patch(cluster, self.manifest, &self.api, Mode::DryRun).await?;
        let after_metadata = after.metadata.clone();
        let outcome = match before.map(comparable) {
            None => Outcome::Created,
            Some(before) if before == comparable(after) => Outcome::Unchanged,
            Some(_) => Outcome::Configured,
        };
        Ok(Applied { what, outcome, metadata: after_metadata })
    }
}

/// What differs between two objects when storing one over the other changes something. A dry run makes no new version; the
/// time of a manager's last write is new only when the write changes something.
fn comparable(mut object: DynamicObject) -> DynamicObject {
    object.metadata.resource_version = None;
    object.metadata.generation = None;
    for entry in object.metadata.managed_fields.iter_mut().flatten() {
        entry.time = None;
    }
    object
}

async fn find(
    cluster: &Cluster,
    manifest: &Manifest,
) -> Result<(Api<DynamicObject>, ApiResource), KubeError> {
    let types = manifest.object.types.clone().unwrap_or_default();
    let kind = GroupVersionKind::try_from(&types)
        .map_err(|error| KubeError::Manifest { place: manifest.place.clone(), message: error.to_string() })?;
    let (resource, capabilities) =
        pinned_kind(&cluster.client, &kind).await.map_err(|error| cluster.error(manifest.action(), error))?;
    Ok((api_of(cluster, &manifest.object, &resource, &capabilities.scope), resource))
}

async fn patch(
    cluster: &Cluster,
    manifest: &Manifest,
    api: &Api<DynamicObject>,
    mode: Mode,
) -> Result<DynamicObject, KubeError> {
    let mut params = PatchParams::apply(FIELD_MANAGER).force();
    params.dry_run = mode == Mode::DryRun;
    let applied = api.patch(manifest.name(), &params, &Patch::Apply(&manifest.object)).await;
    applied.map_err(|error| cluster.error(manifest.action(), error))
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
