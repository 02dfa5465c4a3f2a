//! The cluster's API as the agent uses it: objects as JSON, kinds by discovery, one error with the server's words.
//!
//! Typed clients would refuse what charts may contain; here the server decides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::{Stream, StreamExt};
use http::Request;
use kube::Client;
use kube::core::WatchEvent;
use serde_json::{Value, json};

use crate::lock::lock;
use crate::names::FIELD_MANAGER;
use crate::object::{Key, list, name, namespace, split_api_version, text, truth, version};

/// A refusal, or no answer (code 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn is_not_found(&self) -> bool {
        self.code == 404
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.code == 409
    }

    fn no_kind() -> ApiError {
        ApiError { code: 404, message: "the server could not find the requested resource".to_owned() }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> ApiError {
        match error {
            kube::Error::Api(status) => ApiError { code: status.code, message: status.message.clone() },
            other => ApiError { code: 0, message: other.to_string() },
        }
    }
}

/// A kind that is served, in one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) plural: String,
    pub(crate) is_namespaced: bool,
    pub(crate) is_watched: bool,
}

impl Kind {
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// What the cluster serves.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    /// By group and kind, the preferred version first.
    by_kind: BTreeMap<(String, String), Vec<Kind>>,
    /// `1.33`
    pub(crate) kubernetes_version: String,
}

impl Kinds {
    /// A kind in its preferred version.
    pub(crate) fn get(&self, group: &str, kind: &str) -> Option<&Kind> {
        self.by_kind.get(&(group.to_owned(), kind.to_owned()))?.first()
    }

    /// A kind in a version.
    pub(crate) fn versioned(&self, group: &str, version: &str, kind: &str) -> Option<&Kind> {
        let versions = self.by_kind.get(&(group.to_owned(), kind.to_owned()))?;
        versions.iter().find(|known| known.version == version)
    }

    /// Whether a version of a group is served at all.
    pub(crate) fn serves(&self, group: &str, version: &str) -> bool {
        let of_group = self.by_kind.iter().filter(|((known, _), _)| known == group);
        of_group.flat_map(|(_, versions)| versions).any(|kind| kind.version == version)
    }

    /// Every kind, each in its preferred version.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.by_kind.values().filter_map(|versions| versions.first())
    }

    /// Versions and kinds as charts ask for them: `apps/v1` and `apps/v1/Deployment`.
    pub(crate) fn api_versions(&self) -> Vec<String> {
        let kinds = self.by_kind.values().flatten();
        let mut names: Vec<String> = kinds
            .flat_map(|kind| [kind.api_version(), format!("{}/{}", kind.api_version(), kind.name)])
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// How an object that is deleted takes what it owns with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    Foreground,
    Background,
    Orphan,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    kinds: Arc<Mutex<Arc<Kinds>>>,
}

/// A patch of one of these types.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patch<'p> {
    Merge,
    /// Server-side apply under a name; what others own is taken over.
    Apply(&'p str),
}

impl Api {
    pub(crate) fn new(client: Client) -> Api {
        Api { client, kinds: Arc::default() }
    }

    /// What was found at the last [`Api::discover`].
    pub(crate) fn kinds(&self) -> Arc<Kinds> {
        Arc::clone(&lock(&self.kinds))
    }

    /// Asks what is served now. A group that cannot be read is left out.
    pub(crate) async fn discover(&self) -> Result<Arc<Kinds>, ApiError> {
        let mut found = Kinds::default();
        let served = self.get_json("/version").await?;
        let minor = text(&served["minor"]).trim_end_matches('+');
        found.kubernetes_version = format!("{}.{minor}", text(&served["major"]));
        found.add("v1", &self.get_json("/api/v1").await?);
        let groups = self.get_json("/apis").await?;
        for group in list(&groups["groups"]) {
            let preferred = text(&group["preferredVersion"]["groupVersion"]);
            let others = list(&group["versions"]).iter().map(|version| text(&version["groupVersion"]));
            let versions: Vec<&str> =
                std::iter::once(preferred).chain(others.filter(|version| *version != preferred)).collect();
            for api_version in versions.into_iter().filter(|version| !version.is_empty()) {
                match self.get_json(&format!("/apis/{api_version}")).await {
                    Ok(resources) => found.add(api_version, &resources),
                    Err(error) => tracing::warn!(%api_version, %error, "not discovered"),
                }
            }
        }
        let found = Arc::new(found);
        *lock(&self.kinds) = Arc::clone(&found);
        Ok(found)
    }

    /// All objects of a kind, and the version of the list.
    pub(crate) async fn list(&self, kind: &Kind) -> Result<(Vec<Value>, String), ApiError> {
        let mut listed = self.get_json(&collection(kind, "")).await?;
        let revision = text(&listed["metadata"]["resourceVersion"]).to_owned();
        let items = listed["items"].take();
        let Value::Array(mut items) = items else { return Ok((Vec::new(), revision)) };
        for item in &mut items {
            item["apiVersion"] = kind.api_version().into();
            item["kind"] = kind.name.clone().into();
        }
        Ok((items, revision))
    }

    /// What happens to the objects of a kind after a version.
    pub(crate) async fn watch(
        &self,
        kind: &Kind,
        revision: &str,
    ) -> Result<impl Stream<Item = Result<WatchEvent<Value>, ApiError>> + use<>, ApiError> {
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&resourceVersion={revision}",
            collection(kind, "")
        );
        let events = self.client.request_events::<Value>(request("GET", &path, None, Vec::new())?).await?;
        Ok(events.map(|event| event.map_err(ApiError::from)))
    }

    /// An object as it is now; `None` when there is none.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Value>, ApiError> {
        match self.get_json(&self.path(key)?).await {
            Err(error) if error.is_not_found() => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Creates an object; a field manager owns it.
    pub(crate) async fn create(&self, object: &Value, manager: &str) -> Result<Value, ApiError> {
        let kind = self.kind_of(object)?;
        let path = format!("{}?fieldManager={manager}", collection(&kind, namespace(object)));
        self.send("POST", &path, Some("application/json"), object).await
    }

    /// Replaces an object whole.
    pub(crate) async fn replace(&self, object: &Value, manager: &str) -> Result<Value, ApiError> {
        let path = format!("{}?fieldManager={manager}", self.object_path(object)?);
        self.send("PUT", &path, Some("application/json"), object).await
    }

    /// What the server says to a replacement, without doing it.
    pub(crate) async fn try_replace(&self, object: &Value, manager: &str) -> Result<Value, ApiError> {
        let path = format!("{}?fieldManager={manager}&dryRun=All", self.object_path(object)?);
        self.send("PUT", &path, Some("application/json"), object).await
    }

    /// Server-side apply in the object's own version.
    pub(crate) async fn apply(&self, object: &Value, manager: &str) -> Result<Value, ApiError> {
        let path = self.object_path(object)?;
        self.patch_at(&path, object, Patch::Apply(manager)).await
    }

    /// A JSON merge patch; `subresource` is empty or `/status`.
    pub(crate) async fn merge(&self, key: &Key, subresource: &str, patch: &Value) -> Result<Value, ApiError> {
        let path = format!("{}{subresource}", self.path(key)?);
        self.patch_at(&path, patch, Patch::Merge).await
    }

    async fn patch_at(&self, path: &str, patch: &Value, how: Patch<'_>) -> Result<Value, ApiError> {
        match how {
            Patch::Merge => {
                let path = format!("{path}?fieldManager={FIELD_MANAGER}");
                self.send("PATCH", &path, Some("application/merge-patch+json"), patch).await
            }
            Patch::Apply(manager) => {
                let path = format!("{path}?fieldManager={manager}&force=true");
                self.send("PATCH", &path, Some("application/apply-patch+yaml"), patch).await
            }
        }
    }

    /// Deletes an object; one that has gone already is no error.
    pub(crate) async fn delete(&self, key: &Key, propagation: Propagation) -> Result<(), ApiError> {
        let policy = match propagation {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        };
        let path = self.path(key)?;
        match self
            .send("DELETE", &path, Some("application/json"), &json!({"propagationPolicy": policy}))
            .await
        {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, key: &Key) -> Result<String, ApiError> {
        let kinds = self.kinds();
        let kind = kinds.get(&key.group, &key.kind).ok_or_else(ApiError::no_kind)?;
        let namespace = if kind.is_namespaced { key.namespace.as_str() } else { "" };
        Ok(format!("{}/{}", collection(kind, namespace), key.name))
    }

    fn kind_of(&self, object: &Value) -> Result<Kind, ApiError> {
        let (group, version) = split_api_version(text(&object["apiVersion"]));
        self.kinds().versioned(group, version, text(&object["kind"])).cloned().ok_or_else(ApiError::no_kind)
    }

    fn object_path(&self, object: &Value) -> Result<String, ApiError> {
        debug_assert!(!version(object).is_empty(), "an object without a version was let through");
        let kind = self.kind_of(object)?;
        let namespace = if kind.is_namespaced { namespace(object) } else { "" };
        Ok(format!("{}/{}", collection(&kind, namespace), name(object)))
    }

    async fn get_json(&self, path: &str) -> Result<Value, ApiError> {
        Ok(self.client.request(request("GET", path, None, Vec::new())?).await?)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let body = body.to_string().into_bytes();
        Ok(self.client.request(request(method, path, content_type, body)?).await?)
    }
}

impl Kinds {
    fn add(&mut self, api_version: &str, resources: &Value) {
        let (group, version) = split_api_version(api_version);
        for resource in list(&resources["resources"]) {
            let plural = text(&resource["name"]);
            if plural.contains('/') {
                continue;
            }
            let has_verb = |verb: &str| list(&resource["verbs"]).iter().any(|one| text(one) == verb);
            let kind = Kind {
                group: group.to_owned(),
                version: version.to_owned(),
                name: text(&resource["kind"]).to_owned(),
                plural: plural.to_owned(),
                is_namespaced: truth(&resource["namespaced"]),
                is_watched: has_verb("list") && has_verb("watch"),
            };
            let versions = self.by_kind.entry((kind.group.clone(), kind.name.clone())).or_default();
            if !versions.iter().any(|known| known.version == kind.version) {
                versions.push(kind);
            }
        }
    }
}

fn collection(kind: &Kind, namespace: &str) -> String {
    let root =
        if kind.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", kind.api_version()) };
    if namespace.is_empty() {
        format!("{root}/{}", kind.plural)
    } else {
        format!("{root}/namespaces/{namespace}/{}", kind.plural)
    }
}

fn request(
    method: &str,
    path: &str,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> Result<Request<Vec<u8>>, ApiError> {
    let mut request = Request::builder().method(method).uri(path).header("Accept", "application/json");
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    // Names of charts' objects can be anything: what makes no address is refused as the server would.
    request.body(body).map_err(|error| ApiError { code: 400, message: error.to_string() })
}
