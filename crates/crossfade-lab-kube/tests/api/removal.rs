//! Deleting, and what follows.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy};
use serde_json::{Value, json};

use crossfade_lab_kube::{ResourceId, Store, WatchEventKind};

use crate::lab::{Lab, mk_config_map, refusal};

fn config_maps() -> ResourceId {
    ResourceId::new("", "configmaps")
}

/// Creates a ConfigMap owned by another.
fn mk_owned(store: &Store, name: &str, owner: &Value) {
    let mut object = mk_config_map(name, "1");
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true}]);
    store.create(&config_maps(), object).unwrap();
}

fn names(store: &Store) -> Vec<String> {
    let (items, _) = store.list(&config_maps(), Some("default")).unwrap();
    items.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_object_with_finalizers_waits_for_them() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let mut object = mk_config_map("x", "1");
    object["metadata"]["finalizers"] = json!(["lab.example/held"]);
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let held = api.delete("x", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert!(held.metadata.deletion_timestamp.is_some());
    let more = json!({"metadata": {"finalizers": ["lab.example/held", "lab.example/new"]}});
    let error = api.patch("x", &PatchParams::default(), &Patch::Merge(&more)).await.unwrap_err();
    assert!(refusal(error).2.contains("no new finalizers can be added if the object is being deleted"));
    let none = json!({"metadata": {"finalizers": null}});
    api.patch("x", &PatchParams::default(), &Patch::Merge(&none)).await.unwrap();
    assert_eq!(refusal(api.get("x").await.unwrap_err()).0, 404);
}

#[tokio::test]
async fn preconditions_protect_a_newer_object() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    api.create(&PostParams::default(), &serde_json::from_value(mk_config_map("x", "1")).unwrap())
        .await
        .unwrap();
    let preconditions = Preconditions { uid: Some("other".into()), resource_version: None };
    let error = api.delete("x", &DeleteParams::default().preconditions(preconditions)).await.unwrap_err();
    let (code, _, message) = refusal(error);
    assert_eq!(code, 409);
    assert!(
        message.contains("Precondition failed: UID in precondition: other, UID in object meta: "),
        "{message}"
    );
}

#[tokio::test]
async fn dependents_go_with_their_owner_and_what_they_own_too() {
    let lab = Lab::start().await;
    let store = lab.store();
    let owner = store.create(&config_maps(), mk_config_map("owner", "1")).unwrap();
    mk_owned(&store, "child", &owner);
    let child = store.get(&config_maps(), Some("default"), "child").unwrap();
    mk_owned(&store, "grandchild", &child);
    store.delete(&config_maps(), Some("default"), "owner").unwrap();
    assert!(names(&store).is_empty());
}

#[tokio::test]
async fn orphans_forget_their_owner() {
    let lab = Lab::start().await;
    let store = lab.store();
    let owner = store.create(&config_maps(), mk_config_map("owner", "1")).unwrap();
    mk_owned(&store, "child", &owner);
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let params =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    api.delete("owner", &params).await.unwrap();
    assert_eq!(names(&store), ["child"]);
    assert_eq!(api.get("child").await.unwrap().metadata.owner_references, None);
}

#[tokio::test]
async fn an_owner_is_seen_going_before_its_orphans_are_free() {
    let lab = Lab::start().await;
    let store = lab.store();
    let owner = store.create(&config_maps(), mk_config_map("owner", "1")).unwrap();
    mk_owned(&store, "child", &owner);
    let (_, revision) = store.list(&config_maps(), Some("default")).unwrap();
    let mut watch = store.watch(&config_maps(), Some("default"), revision).unwrap();
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let params =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    api.delete("owner", &params).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), watch.next());
        let event = next.await.expect("three changes").unwrap();
        let metadata = &event.object["metadata"];
        seen.push((
            event.kind,
            metadata["name"].as_str().unwrap().to_owned(),
            metadata["finalizers"][0] == "orphan" && metadata["deletionTimestamp"].is_string(),
            metadata["ownerReferences"].is_array(),
        ));
    }
    assert_eq!(
        seen,
        [
            (WatchEventKind::Modified, "owner".to_owned(), true, false),
            (WatchEventKind::Modified, "child".to_owned(), false, false),
            (WatchEventKind::Deleted, "owner".to_owned(), false, false),
        ]
    );
}

#[tokio::test]
async fn in_the_foreground_the_owner_goes_last() {
    let lab = Lab::start().await;
    let store = lab.store();
    let owner = store.create(&config_maps(), mk_config_map("owner", "1")).unwrap();
    mk_owned(&store, "child", &owner);
    mk_owned(&store, "free", &owner);
    let mut held = Value::clone(&store.get(&config_maps(), Some("default"), "child").unwrap());
    held["metadata"]["finalizers"] = json!(["lab.example/held"]);
    store.update(&config_maps(), held).unwrap();
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    api.delete("owner", &DeleteParams::foreground()).await.unwrap();
    let waiting = api.get("owner").await.unwrap();
    assert_eq!(waiting.metadata.finalizers.unwrap(), ["foregroundDeletion"]);
    assert_eq!(names(&store), ["child", "owner"]);
    let none = json!({"metadata": {"finalizers": null}});
    api.patch("child", &PatchParams::default(), &Patch::Merge(&none)).await.unwrap();
    assert!(names(&store).is_empty());
}

#[tokio::test]
async fn a_namespace_takes_its_content_along() {
    let lab = Lab::start().await;
    let store = lab.store();
    let client = lab.admin().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": "team"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let accounts = ResourceId::new("", "serviceaccounts");
    assert!(store.get(&accounts, Some("team"), "default").is_ok());
    let mut held = mk_config_map("x", "1");
    held["metadata"]["namespace"] = "team".into();
    held["metadata"]["finalizers"] = json!(["lab.example/held"]);
    store.create(&config_maps(), held.clone()).unwrap();
    let (_, revision) = store.list(&accounts, Some("team")).unwrap();
    let mut removals = store.watch(&accounts, Some("team"), revision).unwrap();
    namespaces.delete("team", &DeleteParams::default()).await.unwrap();
    assert_eq!(removals.next().await.unwrap().kind, WatchEventKind::Deleted);
    assert_eq!(namespaces.get("team").await.unwrap().status.unwrap().phase.as_deref(), Some("Terminating"));
    assert!(store.get(&accounts, Some("team"), "default").unwrap_err().is_not_found());
    let mut late = mk_config_map("y", "1");
    late["metadata"]["namespace"] = "team".into();
    let error = store.create(&config_maps(), late).unwrap_err();
    assert_eq!(
        error.to_string(),
        "configmaps \"y\" is forbidden: unable to create new content in namespace team because it is being terminated"
    );
    let api: Api<ConfigMap> = Api::namespaced(client, "team");
    api.patch("x", &PatchParams::default(), &Patch::Merge(&json!({"metadata": {"finalizers": null}})))
        .await
        .unwrap();
    assert_eq!(refusal(namespaces.get("team").await.unwrap_err()).0, 404);
}

#[tokio::test]
async fn a_collection_is_deleted_by_label() {
    let lab = Lab::start().await;
    let store = lab.store();
    let mut labelled = mk_config_map("a", "1");
    labelled["metadata"]["labels"] = json!({"app": "web"});
    store.create(&config_maps(), labelled).unwrap();
    store.create(&config_maps(), mk_config_map("b", "1")).unwrap();
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    api.delete_collection(&DeleteParams::default(), &ListParams::default().labels("app=web")).await.unwrap();
    assert_eq!(names(&store), ["b"]);
}
