//! What the server serves: versions, groups, resources, OpenAPI documents, health.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Context;
use super::answer::{self, Answer};
use super::call::Call;
use super::reviews::REVIEWS;
use crate::error::ApiError;
use crate::resource::{Registry, ResourceType, Version};
use crate::schema::openapi;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `swagger: "2.0"` as a protocol buffer: a document that describes nothing. Clients that ask for the second
/// OpenAPI version fall back to the third or to the types they were built with.
const OPENAPI_V2_EMPTY: &[u8] = b"\x0a\x032.0";

const OPENAPI_V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

pub(super) fn version(context: &Context) -> Answer {
    let (major, minor) =
        context.kubernetes_version.split_once('.').unwrap_or((&context.kubernetes_version, "0"));
    let minor = minor.split('.').next().unwrap_or_default();
    let patch = context.kubernetes_version.split('.').nth(2).unwrap_or("0");
    answer::json(
        StatusCode::OK,
        &json!({
            "major": major,
            "minor": minor,
            "gitVersion": format!("v{major}.{minor}.{patch}"),
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": context.started.to_string(),
            "goVersion": "",
            "compiler": "rustc",
            "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        }),
    )
}

pub(super) fn answer(context: &Context, call: &Call, segments: &[&str]) -> Result<Answer, ApiError> {
    if call.method != Method::GET {
        return Err(ApiError::method_not_allowed());
    }
    let registry = context.store.registry();
    let aggregated = accepts_aggregated(&call.accept);
    match segments {
        ["version"] => Ok(version(context)),
        ["healthz" | "livez" | "readyz", ..] => {
            Ok(answer::text(StatusCode::OK, "text/plain; charset=utf-8", "ok"))
        }
        [] => Ok(answer::json(StatusCode::OK, &json!({"paths": paths(&registry)}))),
        ["api"] if aggregated => Ok(aggregate(&registry, str::is_empty)),
        ["apis"] if aggregated => Ok(aggregate(&registry, |group| !group.is_empty())),
        ["api"] => Ok(answer::json(
            StatusCode::OK,
            &json!({"kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]}),
        )),
        ["apis"] => {
            let groups: Vec<Value> =
                named_groups(&registry).map(|(group, versions)| group_value(&group, &versions)).collect();
            Ok(answer::json(
                StatusCode::OK,
                &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
            ))
        }
        ["apis", group] => {
            let (name, versions) =
                named_groups(&registry).find(|(name, _)| name == group).ok_or_else(ApiError::no_such_path)?;
            let mut value = group_value(&name, &versions);
            value["kind"] = "APIGroup".into();
            value["apiVersion"] = "v1".into();
            Ok(answer::json(StatusCode::OK, &value))
        }
        ["api", version] => resources(&registry, "", version),
        ["apis", group, version] => resources(&registry, group, version),
        ["openapi", "v2"] => Ok(answer::text(StatusCode::OK, OPENAPI_V2_PROTOBUF, OPENAPI_V2_EMPTY)),
        ["openapi", "v3"] => Ok(answer::json(StatusCode::OK, &openapi_index(&registry))),
        ["openapi", "v3", "api", version] => openapi_document(&registry, "", version),
        ["openapi", "v3", "apis", group, version] => openapi_document(&registry, group, version),
        _ => Err(ApiError::no_such_path()),
    }
}

/// Whether a client takes all groups in one document, of the version that this server writes.
fn accepts_aggregated(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let parameters: Vec<&str> = range.split(';').map(str::trim).collect();
        ["g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"]
            .iter()
            .all(|wanted| parameters.contains(wanted))
    })
}

fn named_groups(registry: &Registry) -> impl Iterator<Item = (String, Vec<String>)> {
    registry.groups().into_iter().filter(|(group, _)| !group.is_empty())
}

fn paths(registry: &Registry) -> Vec<String> {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in named_groups(registry) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.extend(
        ["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned),
    );
    paths
}

fn group_value(group: &str, versions: &[String]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": format!("{group}/{version}"), "version": version}))
        .collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// Resources of a group that serve a version, with that version.
fn served<'a>(
    registry: &'a Registry,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = (&'a ResourceType, &'a Version)> {
    registry
        .iter()
        .filter(move |resource| resource.id.group == group)
        .filter_map(move |resource| resource.version(version).map(|served| (&**resource, served)))
}

fn reviews(group: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    REVIEWS.iter().filter(move |(known, _, _)| *known == group).map(|(_, plural, kind)| (*plural, *kind))
}

fn verbs(resource: &ResourceType) -> Vec<&'static str> {
    let mut verbs = vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    if resource.is("", "namespaces") {
        verbs.retain(|verb| *verb != "deletecollection");
    }
    verbs
}

/// Subresources with their response kind (group, version, kind) and verbs.
fn subresources(resource: &ResourceType, version: &Version) -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let own = json!({"group": resource.id.group, "version": version.name, "kind": resource.kind});
    let mut list = Vec::new();
    if resource.is("", "pods") {
        list.push((
            "eviction",
            json!({"group": "policy", "version": "v1", "kind": "Eviction"}),
            vec!["create"],
        ));
        list.push(("log", own.clone(), vec!["get"]));
    }
    if version.scale.is_some() {
        let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        list.push(("scale", scale, vec!["get", "patch", "update"]));
    }
    if version.status {
        list.push(("status", own, vec!["get", "patch", "update"]));
    }
    list
}

fn resources(registry: &Registry, group: &str, version: &str) -> Result<Answer, ApiError> {
    let known = registry
        .groups()
        .iter()
        .any(|(name, versions)| name == group && versions.iter().any(|v| v == version));
    if !known {
        return Err(ApiError::no_such_path());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = Vec::new();
    for (resource, served) in served(registry, group, version) {
        let mut entry = json!({
            "name": resource.id.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": verbs(resource),
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = resource.short_names.clone().into();
        }
        if !resource.categories.is_empty() {
            entry["categories"] = resource.categories.clone().into();
        }
        list.push(entry);
        for (name, kind, verbs) in subresources(resource, served) {
            let mut entry = json!({
                "name": format!("{}/{name}", resource.id.plural),
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": kind["kind"],
                "verbs": verbs,
            });
            if kind["group"] != resource.id.group.as_str() {
                entry["group"] = kind["group"].clone();
                entry["version"] = kind["version"].clone();
            }
            list.push(entry);
        }
    }
    for (plural, kind) in reviews(group) {
        list.push(
            json!({"name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind,
            "verbs": ["create"]}),
        );
    }
    Ok(answer::json(
        StatusCode::OK,
        &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list}),
    ))
}

fn aggregate(registry: &Registry, wanted: impl Fn(&str) -> bool) -> Answer {
    let items: Vec<Value> = registry
        .groups()
        .into_iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    json!({"version": version, "freshness": "Current",
                        "resources": aggregated_resources(registry, &group, version)})
                })
                .collect();
            let metadata = if group.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    answer::json_as(
        StatusCode::OK,
        AGGREGATED,
        &json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}),
    )
}

fn aggregated_resources(registry: &Registry, group: &str, version: &str) -> Vec<Value> {
    let scope = |namespaced: bool| if namespaced { "Namespaced" } else { "Cluster" };
    let mut list: Vec<Value> = served(registry, group, version)
        .map(|(resource, served)| {
            let mut entry = json!({
                "resource": resource.id.plural,
                "responseKind": {"group": group, "version": version, "kind": resource.kind},
                "scope": scope(resource.namespaced),
                "singularResource": resource.singular,
                "verbs": verbs(resource),
            });
            if !resource.short_names.is_empty() {
                entry["shortNames"] = resource.short_names.clone().into();
            }
            if !resource.categories.is_empty() {
                entry["categories"] = resource.categories.clone().into();
            }
            let inner: Vec<Value> = subresources(resource, served)
                .into_iter()
                .map(|(name, kind, verbs)| json!({"subresource": name, "responseKind": kind, "verbs": verbs}))
                .collect();
            if !inner.is_empty() {
                entry["subresources"] = inner.into();
            }
            entry
        })
        .collect();
    list.extend(reviews(group).map(|(plural, kind)| {
        json!({"resource": plural, "responseKind": {"group": group, "version": version, "kind": kind},
            "scope": "Cluster", "singularResource": kind.to_lowercase(), "verbs": ["create"]})
    }));
    list
}

fn openapi_index(registry: &Registry) -> Value {
    let mut paths = serde_json::Map::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            let path =
                if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            // The hash names the content, so that clients may cache; types change when a definition does.
            let hash = openapi::hash(served(registry, &group, &version));
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    json!({"paths": paths})
}

fn openapi_document(registry: &Registry, group: &str, version: &str) -> Result<Answer, ApiError> {
    let known = registry
        .groups()
        .iter()
        .any(|(name, versions)| name == group && versions.iter().any(|v| v == version));
    if !known {
        return Err(ApiError::no_such_path());
    }
    Ok(answer::json(StatusCode::OK, &openapi::document(group, version, served(registry, group, version))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregated_discovery_is_only_for_clients_that_know_its_version() {
        let range = |version: &str| {
            format!(
                "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList,application/json"
            )
        };
        assert!(accepts_aggregated(&range("v2")));
        assert!(!accepts_aggregated(&range("v2beta1")));
        assert!(!accepts_aggregated("application/json"));
    }
}
