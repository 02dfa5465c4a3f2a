//! One history for lists and watches.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::watcher;
use serde_json::json;

use crossfade_lab_kube::{ResourceId, WatchEventKind};

use crate::lab::{Lab, mk_config_map};

fn kind(event: &WatchEvent<ConfigMap>) -> (&'static str, String) {
    match event {
        WatchEvent::Added(object) => ("added", object.metadata.name.clone().unwrap()),
        WatchEvent::Modified(object) => ("modified", object.metadata.name.clone().unwrap()),
        WatchEvent::Deleted(object) => ("deleted", object.metadata.name.clone().unwrap()),
        WatchEvent::Bookmark(bookmark) => ("bookmark", bookmark.metadata.resource_version.clone()),
        WatchEvent::Error(status) => ("error", status.reason.clone()),
    }
}

#[tokio::test]
async fn a_watch_goes_on_where_the_list_ended() {
    let lab = Lab::start().await;
    let store = lab.store();
    let id = ResourceId::new("", "configmaps");
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    store.create(&id, mk_config_map("before", "1")).unwrap();
    let listed = api.list(&ListParams::default()).await.unwrap();
    // Written before the watch is opened, and still seen by it.
    store.create(&id, mk_config_map("between", "1")).unwrap();
    let version = listed.metadata.resource_version.unwrap();
    let mut events = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
    store.update(&id, mk_config_map("between", "2")).unwrap();
    store.delete(&id, Some("default"), "between").unwrap();
    for expected in ["added", "modified", "deleted"] {
        let event = events.try_next().await.unwrap().unwrap();
        assert_eq!(kind(&event), (expected, "between".to_owned()));
    }
}

#[tokio::test]
async fn an_object_that_leaves_the_selector_is_deleted_for_the_watch() {
    let lab = Lab::start().await;
    let store = lab.store();
    let id = ResourceId::new("", "configmaps");
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut labelled = mk_config_map("x", "1");
    labelled["metadata"]["labels"] = json!({"app": "web"});
    store.create(&id, mk_config_map("x", "1")).unwrap();
    store.update(&id, labelled).unwrap();
    store.update(&id, mk_config_map("x", "1")).unwrap();
    let mut events = api.watch(&WatchParams::default().labels("app=web"), &version).await.unwrap().boxed();
    for expected in ["added", "deleted"] {
        assert_eq!(kind(&events.try_next().await.unwrap().unwrap()).0, expected);
    }
}

#[tokio::test]
async fn a_revision_that_has_left_the_history_is_expired() {
    let lab = Lab::start().await;
    let store = lab.store();
    let id = ResourceId::new("", "configmaps");
    store.create(&id, mk_config_map("x", "0")).unwrap();
    for round in 0..1_100 {
        store.update(&id, mk_config_map("x", &round.to_string())).unwrap();
    }
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let mut events = api.watch(&WatchParams::default(), "1").await.unwrap().boxed();
    assert_eq!(kind(&events.try_next().await.unwrap().unwrap()), ("error", "Expired".to_owned()));
    assert!(store.watch(&id, None, 1).is_err());
}

#[tokio::test]
async fn a_watch_ends_at_its_timeout_with_a_bookmark() {
    let lab = Lab::start().await;
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let events: Vec<_> =
        api.watch(&WatchParams::default().timeout(1), &version).await.unwrap().try_collect().await.unwrap();
    assert_eq!(events.iter().map(kind).collect::<Vec<_>>(), [("bookmark", version)]);
}

#[tokio::test]
async fn a_streaming_list_says_where_the_initial_objects_end() {
    let lab = Lab::start().await;
    let store = lab.store();
    let id = ResourceId::new("", "configmaps");
    for name in ["a", "b"] {
        store.create(&id, mk_config_map(name, "1")).unwrap();
    }
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut events = watcher(api.clone(), config).boxed();
        let mut names = Vec::new();
        loop {
            match events.try_next().await.unwrap().unwrap() {
                watcher::Event::Init => {}
                watcher::Event::InitApply(object) => names.push(object.metadata.name.unwrap()),
                watcher::Event::InitDone => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(names, ["a", "b"]);
    }
}

#[tokio::test]
async fn stopping_the_server_ends_its_watches() {
    let lab = Lab::start().await;
    let store = lab.store();
    let id = ResourceId::new("", "configmaps");
    let (_, revision) = store.list(&id, None).unwrap();
    let mut watch = store.watch(&id, None, revision).unwrap();
    store.create(&id, mk_config_map("x", "1")).unwrap();
    let event = watch.next().await.unwrap();
    assert_eq!(event.kind, WatchEventKind::Added);
    assert_eq!(event.revision, revision + 1);
    let api: Api<ConfigMap> = Api::namespaced(lab.admin().await, "default");
    let mut remote = api.watch(&WatchParams::default(), &(revision + 1).to_string()).await.unwrap().boxed();
    let address = lab.server.address();
    drop(lab);
    assert!(watch.next().await.is_none());
    while let Some(Ok(_)) = remote.next().await {}
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn events_have_two_forms_and_one_store() {
    use k8s_openapi::api::{core, events};
    let lab = Lab::start().await;
    let client = lab.admin().await;
    let core: Api<core::v1::Event> = Api::namespaced(client.clone(), "default");
    let newer: Api<events::v1::Event> = Api::namespaced(client, "default");
    let event = json!({"metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p"}, "note": "hello", "reason": "R",
        "type": "Normal", "action": "a", "reportingController": "c", "reportingInstance": "i", "eventTime": "2024-01-01T00:00:00.000000Z"});
    newer.create(&PostParams::default(), &serde_json::from_value(event).unwrap()).await.unwrap();
    let listed = core.list(&ListParams::default().fields("involvedObject.name=p")).await.unwrap();
    assert_eq!(listed.items[0].message.as_deref(), Some("hello"));
    assert_eq!(newer.get("e").await.unwrap().note.as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_pod_is_seen_terminating_before_it_is_gone() {
    let lab = Lab::start().await;
    let store = lab.store();
    let id = ResourceId::new("", "pods");
    let pod = json!({"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    store.create(&id, pod).unwrap();
    let (_, revision) = store.list(&id, None).unwrap();
    let mut watch = store.watch(&id, None, revision).unwrap();
    store.delete(&id, Some("default"), "p").unwrap();
    for kind in [WatchEventKind::Modified, WatchEventKind::Deleted] {
        let event = watch.next().await.unwrap();
        assert_eq!(event.kind, kind);
        assert!(event.object["metadata"]["deletionTimestamp"].is_string());
    }
}

#[tokio::test]
async fn a_cluster_is_known_by_a_uid_that_survives_restarts() {
    let id = ResourceId::new("", "namespaces");
    let mut uids = Vec::new();
    for _ in 0..2 {
        let lab = Lab::start().await;
        uids.push(lab.store().get(&id, None, "kube-system").unwrap()["metadata"]["uid"].clone());
    }
    assert_eq!(uids[0], uids[1]);
}
